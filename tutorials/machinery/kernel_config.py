"""For every kernel of the project's .venv: `make` copies this file to .venv/etc/ipython/ipython_kernel_config.py."""

import sys
from pathlib import Path

root = Path(__file__).resolve().parents[3]  # of the copy
if (root / "tutorials/machinery/missing.py").is_file():
    sys.path.append(str(root))
    get_config().InteractiveShellApp.extensions.append("tutorials.machinery.missing")  # noqa: F821 (IPython gives it to the file)
