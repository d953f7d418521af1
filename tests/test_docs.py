"""What the docstrings and the README print is what runs."""

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest
import torch

import hatnet

README = (Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")
MODULES = [name for _, name, _ in pkgutil.iter_modules(hatnet.__path__) if name != "__main__"]


@pytest.mark.parametrize("name", MODULES)
def test_docstring_snippets(name):
    module = importlib.import_module(f"hatnet.{name}")
    names = {key: getattr(hatnet, key) for key in hatnet.__all__} | {"torch": torch}
    assert doctest.testmod(module, extraglobs=names).failed == 0


def test_python_m_hatnet(capsys):
    importlib.import_module("hatnet.__main__").main()
    table = capsys.readouterr().out
    for figure in ("12.650 M", "25.739 M", "42.926 M", "63.109 M", "1.9697 G", "12.0749 G"):
        assert figure in table


def test_the_readme_s_example_prints_what_it_says(capsys):
    (block,) = re.findall(r"```python\n(.*?)```", README, re.S)
    exec(compile(block, "README.md", "exec"), {})
    said = re.search(r"# (\(24.*?\])\)", block)[1] + ")"
    assert capsys.readouterr().out.strip() == said


def test_the_readme_s_table_of_calls_runs():
    model, images = hatnet.create_model("hatnet_tiny").eval(), torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        _, maps = hatnet.attention_maps(model, images)
    names = {key: getattr(hatnet, key) for key in hatnet.__all__}
    names |= dict(model=model, images=images, maps=maps, local=maps[0], pooled=maps[1])
    table = README.split("| to do what | call |")[1].split("\n\n")[0]
    calls = [call for call in re.findall(r"`([^`]+\))`", table) if "load_pretrained" not in call and not call.startswith(".")]
    assert len(calls) >= 9
    for call in calls:
        assert eval(call, names) is not None, call
