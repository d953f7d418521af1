"""Say which cells to run where a name is missing, as all names are after a restart of the kernel: an IPython extension.

`tutorials.machinery.start` loads it. After a restart that has not run yet either, so `make` copies `kernel_config.py` to where every kernel
of the project's .venv reads it, in JupyterLab, classic Notebook and VS Code alike.
"""

import ast
import json
import os
import sys
from pathlib import Path


def load_ipython_extension(shell) -> None:
    """Let an IPython shell explain a NameError, below its traceback."""
    shell.set_custom_exc((NameError,), _explain)


def _explain(shell, kind, error, trace, tb_offset=None) -> None:
    shell.showtraceback((kind, error, trace), tb_offset=tb_offset)
    if error.name and error.name not in shell.user_ns and (hint := explanation(error.name, shell.user_ns)):
        print(hint)


def explanation(name: str, variables: dict) -> str:
    """Which cells to run for a name to be there; empty if no cell makes it, so that something else is wrong.

    variables: the notebook's, among which VS Code has put the notebook's path.
    """
    path = Path(variables.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME") or "")
    if path.is_file():
        heading = _heading(name, json.loads(path.read_text(encoding="utf-8"))["cells"])
        if heading is None:
            return ""
        where = f'a cell under "{heading}"' if heading else "a cell"
        why = f"`{name}` is made in {where}, which has not run since the kernel started."
    elif "tutorials.machinery.start" not in sys.modules:
        why = "The kernel was restarted, and the first cells have not run."
    else:
        return ""
    return f"{why} Run > Run All Above Selected Cell (VS Code: Execute Above Cells), and then this cell again."


def _heading(name: str, cells: list[dict]) -> str | None:
    """The heading above the first cell that makes a name; None if no cell does."""
    heading = ""
    for cell in cells:
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            heading = next((line.lstrip("# ") for line in reversed(text.splitlines()) if line.startswith("#")), heading)
        elif cell["cell_type"] == "code" and name in _made(text):
            return heading
    return None


def _made(code: str) -> set[str]:
    """The names that a cell makes when it runs."""
    try:
        tree = ast.parse(code)
    except SyntaxError:  # not finished yet, or a command of IPython's
        return set()
    found, waiting = set(), list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            found.add(node.name)  # what is made inside it stays there
        elif isinstance(node, ast.alias):
            found.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif not isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp | ast.Lambda):
            waiting += ast.iter_child_nodes(node)
    return found
