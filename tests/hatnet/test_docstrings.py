"""The examples in the docstrings, and `python -m hatnet`, run and print what they say."""

import doctest
import importlib
import pkgutil

import pytest
import torch

import hatnet

MODULES = [name for _, name, _ in pkgutil.walk_packages(hatnet.__path__, "hatnet.") if name != "hatnet.__main__"]


@pytest.mark.parametrize("name", MODULES)
def test_docstring_snippets(name):
    module = importlib.import_module(name)
    names = {key: getattr(hatnet, key) for key in hatnet.__all__} | {"torch": torch}
    assert doctest.testmod(module, extraglobs=names).failed == 0


def test_the_reading_order_has_every_module():
    for _, name, package in pkgutil.iter_modules(hatnet.__path__):
        assert package or name == "__main__" or f"{name}.py" in hatnet.__doc__, name


def test_python_m_hatnet(capsys):
    importlib.import_module("hatnet.__main__").main()
    table = capsys.readouterr().out
    for figure in ("12.650 M", "25.739 M", "42.926 M", "63.109 M", "1.9697 G", "11.4674 G", "12.0749 G"):
        assert figure in table
