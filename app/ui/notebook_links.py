"""The notebook that explains an equation, and how to open it. No links: the app works without a network, and a notebook is a file."""

from pathlib import Path

FOLDER = "tutorials/exercises"  # of the project
BY_EQUATION = {
    **dict.fromkeys(range(6, 10), "02-local-attention"),
    **dict.fromkeys(range(10, 14), "03-global-attention"),
    14: "04-joining",
    15: "05-cost",
}


def path(equation: int) -> Path:
    """The notebook's file, from the project's folder."""
    return Path(FOLDER) / f"{BY_EQUATION[equation]}.ipynb"


def invitation(equation: int) -> str:
    """HTML: where to work an equation out oneself."""
    return f"<code>make tutorials</code>, then open <code>{path(equation)}</code>: there you write and check it yourself."
