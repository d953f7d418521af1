"""timm, for the tests against it: skipped with a notice where it is not installed, except in CI."""

import importlib
import os

import pytest

if os.environ.get("CI") != "true":
    pytest.importorskip("timm", reason="timm is not installed (requirements-dev.txt has it), so what its users do is not tested")
timm, timm_data, timm_models, timm_optim = (importlib.import_module(name) for name in ("timm", "timm.data", "timm.models", "timm.optim"))
