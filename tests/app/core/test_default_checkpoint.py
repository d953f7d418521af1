"""What opens first, known before torch is there."""

import json
import shutil

import pytest
import torch
from safetensors.torch import save_file

from app.core import checkpoints, default_checkpoint
from app.core.view import default
from tests.app.pages import MAIN


def test_the_first_paint_needs_no_torch():
    import subprocess
    import sys

    code = "import sys, app.shell.loading, app.core.default_checkpoint as o; print(o.picture({}).name); assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], cwd=MAIN.parents[1], capture_output=True, text=True, check=True)
    opens = default(checkpoints.describe(checkpoints.names()[0])).image
    assert done.stdout.split()[-1] == f"{opens}.jpg"


@pytest.mark.parametrize(
    "field", [{"config": 3}, {"config": {}}, {"config": {"g1": 1, "attention": [[]]}}, {"classes": 3}, {"image_size": "x"}]
)
def test_a_damaged_header_is_left_out(field, tmp_path, monkeypatch):
    shutil.copy(default_checkpoint.SHIPPED / "cifar10.safetensors", tmp_path)
    header = default_checkpoint.read(tmp_path / "cifar10.safetensors") | field
    save_file({"x": torch.zeros(1)}, tmp_path / "a.safetensors", metadata={"hatnet": json.dumps(header)})
    wanted = default_checkpoint.picture({"checkpoint": "cifar10"})
    monkeypatch.setattr(default_checkpoint, "SHIPPED", tmp_path)
    assert default_checkpoint.picture({}) == wanted is not None
