"""Fixtures for tests of the app."""

import functools
import logging
from logging.handlers import BufferingHandler

import pytest
import torch
from streamlit.components.v2 import manifest_scanner

from app.core import checkpoints
from app.views.why import attribution, evidence


@pytest.fixture(scope="session")
def log():
    """The errors that the app has logged."""
    handler = BufferingHandler(capacity=10_000)
    handler.setLevel(logging.ERROR)
    logging.getLogger("hatnet.app").addHandler(handler)
    yield handler.buffer
    logging.getLogger("hatnet.app").removeHandler(handler)


@pytest.fixture(autouse=True)
def logged_errors(log):
    """Fail a test in which the app logged an error: the page shows a note, and hides the traceback. A test that wants some clears these."""
    yield log
    messages = [record.getMessage() for record in log]
    log.clear()
    assert not messages


@pytest.fixture(scope="session", autouse=True)
def scan_once():
    """Let AppTest read the metadata of all installed packages once, and not at every run of a page: that takes most of the run's time.

    It looks for packages with components; nothing is installed while the tests run.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", functools.cache(manifest_scanner.scan_component_manifests))
        yield


@pytest.fixture(autouse=True)
def coarse_why(monkeypatch):
    """Let Why? pass few pictures through the model: it takes ten seconds otherwise. Its own modules are tested with its own numbers."""
    monkeypatch.setattr(evidence, "detail_of", lambda grid: evidence.Detail(tokens=1, steps=4, overlap=0))
    monkeypatch.setattr(evidence, "RANDOM_MAPS", 3)
    monkeypatch.setattr(attribution, "IG_STEPS", 4)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A current folder of this test's own, an empty torch hub cache, and no runs in the project."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path / "hub"))
    monkeypatch.setattr(checkpoints, "RUNS", tmp_path / "project" / "runs")
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    checkpoints._places.clear()  # another test's run of the same name
    return tmp_path
