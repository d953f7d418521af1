"""What opens first, known before torch is there."""

from app.core import checkpoints
from app.core.view import default
from tests.app.pages import MAIN


def test_the_first_paint_needs_no_torch():
    import subprocess
    import sys

    code = "import sys, app.shell.loading, app.core.default_checkpoint as o; print(o.picture({}).name); assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], cwd=MAIN.parents[1], capture_output=True, text=True, check=True)
    opens = default(checkpoints.describe(checkpoints.names()[0])).image
    assert done.stdout.split()[-1] == f"{opens}.jpg"
