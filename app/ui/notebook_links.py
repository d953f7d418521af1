"""The notebook for each equation, and how to open it: a command and a path, since the app works without a network."""

from pathlib import Path

FOLDER = "tutorials"  # relative to the project
BY_EQUATION = {
    **dict.fromkeys((1, 2, 3, 4), "01-tokens-and-attention"),
    5: "05-cost",
    **dict.fromkeys(range(6, 10), "02-local-attention"),
    **dict.fromkeys(range(10, 14), "03-global-attention"),
    14: "04-joining",
    15: "05-cost",
}


def path(equation: int) -> Path:
    """The notebook's file, relative to the project."""
    return Path(FOLDER) / f"{BY_EQUATION[equation]}.ipynb"


def invitation(equation: int) -> str:
    """HTML: how to derive the equation yourself."""
    return f"To write and check it yourself, run <code>make tutorials</code> and open <code>{path(equation)}</code>."
