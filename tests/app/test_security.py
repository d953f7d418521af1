"""Nobody gets in: what the source may load, what the server says, and that no name or address that comes from outside opens a file."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit import net_util
from streamlit.testing.v1 import AppTest
from streamlit.web.server import server_util

from app.core import checkpoints, pictures
from app.shell import security
from tests.app.pages import PAGES, components, opened, text
from tests.app.pictures import encoded
from tests.app.runs import finish

ROOT = Path(__file__).parents[2]
PICKLES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
LOADS = {("hatnet.run", "torch.load"), ("hatnet.foreign", "torch.load")}  # the trainer's own state; released weights, as .pth files


def loads(source: str) -> list[str]:
    """What a program's source calls or imports that could run code out of a file; `torch.load` with `weights_only=True` as that alone."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            found += [name for name in names if name.split(".")[0] in PICKLES]
        if isinstance(node, ast.Call):
            called, options = ast.unparse(node.func), {word.arg: ast.unparse(word.value) for word in node.keywords}
            if called in ("torch.load", "torch.jit.load", "torch.hub.load", "torch.hub.load_state_dict_from_url"):
                found.append(called if options.get("weights_only") == "True" else f"{called} without weights_only")
            if called in ("eval", "exec", "np.load", "numpy.load", "read_pickle", "pd.read_pickle"):
                found.append(called)
            found += [
                f"{called} with {option}" for option in ("allow_pickle", "trust_remote_code", "shell") if options.get(option) == "True"
            ]
    return found


def test_no_program_loads_a_pickle_but_for_weights_alone():
    files = [path for top in ("app", "hatnet") for path in (ROOT / top).rglob("*.py")] + [ROOT / "train_small.py"]
    found = {(".".join(path.relative_to(ROOT).with_suffix("").parts), what) for path in files for what in loads(path.read_text("utf-8"))}
    assert found == LOADS


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import torch\ntorch.load('a')", ["torch.load without weights_only"]),
        ("torch.load('a', weights_only=False)", ["torch.load without weights_only"]),
        ("torch.load('a', weights_only=True)", ["torch.load"]),
        ("from pickle import loads", ["pickle"]),
        ("import os, dill", ["dill"]),
        ("def f():\n    return np.load('a', allow_pickle=True)", ["np.load", "np.load with allow_pickle"]),
        ("subprocess.run('ls', shell=True)", ["subprocess.run with shell"]),
        ("model.eval()", []),
    ],
)
def test_what_a_program_loads_is_found(source, said):
    assert loads(source) == said


def test_the_server_is_closed_by_default():
    config = (ROOT / "app" / ".streamlit" / "config.toml").read_text("utf-8")
    options = dict(re.findall(r"^(\w+) *= *(\S+)", config, re.MULTILINE))
    assert options["address"] == '"127.0.0.1"' and options["enableXsrfProtection"] == options["enableCORS"] == "true"
    assert "enableStaticServing" not in options


def test_the_policy_runs_no_script_that_stands_in_a_page():
    rules = dict(rule.split(" ", 1) for rule in security.policy().split("; "))
    assert "unsafe" not in rules["script-src"] and "data:" not in rules["script-src"] and "*" not in security.policy()
    assert rules["script-src"].count("'sha256-") == 1, "Streamlit's page has one script of its own inside"
    assert rules["default-src"] == rules["base-uri"] == rules["frame-ancestors"] == "'self'" and rules["object-src"] == "'none'"


def test_a_knock_from_another_site_asks_nobody(monkeypatch):
    asked = []
    monkeypatch.setattr(net_util, "_make_blocking_http_get", lambda url, timeout=5: asked.append(url))
    monkeypatch.setattr(net_util, "get_external_ip", net_util.get_external_ip)  # put back afterwards
    assert not server_util.is_url_from_allowed_origins("http://evil.example") and len(asked) == 2, "what Streamlit does by itself"
    asked.clear()
    security.ask_nobody()
    assert not server_util.is_url_from_allowed_origins("http://evil.example") and asked == []
    assert server_util.is_url_from_allowed_origins("http://localhost:8501")


OPENED: list[list[str]] = []  # while a test listens: what Python opens, with the mode


def listen(event, arguments):
    if OPENED and event in ("open", "os.listdir", "os.scandir", "os.mkdir", "os.rename", "os.remove"):
        OPENED[-1].append(f"{arguments[0]} {arguments[1] if event == 'open' else event}")


sys.addaudithook(listen)  # for good: Python knows no way to take one off


@pytest.fixture
def files():
    """Every file that Python opens, lists, makes or moves during the test."""
    OPENED.append([])
    yield OPENED[-1]
    OPENED.clear()


CANARY = "canary-5f1b"


def test_the_listener_hears(files, tmp_path):
    with pytest.raises(OSError):
        (tmp_path / CANARY).read_bytes()
    (tmp_path / "b").mkdir()
    assert sum(CANARY in line for line in files) == 1 and any("os.mkdir" in line for line in files)


@pytest.mark.parametrize(
    "path", [f"../../{CANARY}", f"/etc/{CANARY}", f"run:../../{CANARY}", f"C:\\{CANARY}", f"~/{CANARY}", f"file:///{CANARY}"]
)
def test_no_address_opens_a_file(path, files):
    names = ("checkpoint", "image", "panel", "token", "stage", "g1", "unknown")
    at = opened("explorer", **dict.fromkeys(names, f"{path}.safetensors"))
    assert "which is not here" in text(at) and not any(CANARY in line for line in files)


@pytest.mark.parametrize("name", [f"../../{CANARY}.png", f"/etc/{CANARY}.png", f"..\\{CANARY}.png", f"{CANARY}.svg"])
def test_no_upload_is_written_and_no_file_opened_by_its_name(name, files):
    noise = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    for content in (encoded(Image.fromarray(noise)), b"nothing"):
        try:
            pictures.upload(content, name)
        except ValueError as error:
            assert f"{CANARY}." in str(error) and ".." not in str(error) and "/etc" not in str(error)
    assert not any(CANARY in line for line in files)
    assert not any(line.rsplit(" ", 1)[-1][:1] in ("w", "a", "x") for line in files)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("cat.png", "cat.png"),
        ("a/b\\c.png", "c.png"),
        ("gnp.\u202efdp.png", "gnp.fdp.png"),
        ("two\nlines\0.png", "twolines.png"),
        ("x" * 300 + ".png", "x" * 50 + "…xxxxx.png"),
        ("🦉 日本.png", "🦉 日本.png"),
        ("../", "Your file"),
    ],
)
def test_names_as_pages_say_them(name, shown):
    assert pictures.shown_name(name) == shown


SCRIPT = "<script>hacked()</script>"
ONERROR = "<img src=x onerror=hacked()>"
LINK = "[x](javascript:hacked())"


@pytest.fixture
def hacked(here):
    """A run whose classes, data set and folder have names that are programs; its name in the address."""
    import hatnet

    source = finish(here / "runs", "mine")
    folder = here / "runs" / "<img src=x onerror=hacked()>"
    folder.mkdir()
    header = hatnet.checkpoint_info(source).header()
    classes = [f"{(SCRIPT, ONERROR, LINK)[index % 3]} {name}" for index, name in enumerate(header["classes"])]
    hatnet.save_checkpoint(
        hatnet.load_checkpoint(source), folder / "best.safetensors", header | {"classes": classes, "data": SCRIPT, "split": SCRIPT}
    )
    return f"run:{folder.name}"


def drawn(at: AppTest) -> str:
    """All that a page gives to the browser as HTML or Markdown; of the data of components, the texts that have our own tags in them."""
    html = [block.proto.body for block in at.get("html")]
    marks = [block.value for block in [*at.markdown, *at.caption, *at.title]]
    data = [one for part in components(at) for one in texts(part) if re.search("</(b|p|span|small|div|summary|button)>", one)]
    return "\n".join([*html, *marks, *data])


def texts(value) -> Iterator[str]:
    """Every text in some JSON."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from texts(inner)


@pytest.mark.parametrize("page", PAGES)
def test_names_that_are_programs_are_shown_as_text(page, hacked):
    at = opened(page, checkpoint=hacked)
    assert at.query_params["checkpoint"] == hacked and "Something went wrong" not in text(at)
    at.file_uploader(key="file").set_value((f"{ONERROR}.png", encoded(Image.new("RGB", (40, 40))), "image/png")).run()
    assert at.query_params["image"] == "upload"
    at.file_uploader(key="file").set_value((f"{ONERROR}{SCRIPT}.png", b"<html>", "image/png")).run()
    found = drawn(at)
    assert "hacked()" in found, "the names are on the page"
    assert "is a web page" in found or "is not a picture" in found
    for raw in ("<script>hacked", "<img src=x", "\n[x](javascript", "“[x](javascript"):
        assert raw not in found, found[max(0, found.find(raw) - 200) : found.find(raw) + 200]


def test_the_hacked_run_is_offered(hacked):
    assert hacked in checkpoints.names()
