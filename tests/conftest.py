import random
import sys

import pytest
from hypothesis import settings

# The same values in every run, however long each takes: a test that fails today fails tomorrow. New ones are the business of .ci/fuzz.py.
settings.register_profile("same", derandomize=True, database=None, deadline=None)
settings.load_profile("same")


def pytest_runtest_setup(item):
    if item.get_closest_marker("cuda") and not sys.modules["torch"].cuda.is_available():
        pytest.skip("torch finds no CUDA device here")


@pytest.fixture(autouse=True)
def fixed_seed():
    """Every test draws the same random numbers, alone or in company."""
    random.seed(0)
    # Only what the test's module has imported: the light tests need not wait for torch.
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed(0)
    if torch := sys.modules.get("torch"):
        torch.manual_seed(0)
