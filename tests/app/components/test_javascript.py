"""The components' JavaScript from outside: it parses, takes its colours from colours.py, and says what Python says."""

import json
import re
import shutil
import subprocess
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from app.components import script
from app.core import colours, overlay, words

APP = Path(__file__).parents[3] / "app"
ENTRIES = sorted(path for path in APP.rglob("*.js") if "export default" in path.read_text(encoding="utf-8"))
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="no Node")


def answers(module, expression, cases):
    """What a JavaScript expression of `x` says for each case. module: a file whose exports it may use."""
    path = json.dumps((APP / "components" / "js" / module).as_uri())
    code = f"import * as m from {path};\nconsole.log(JSON.stringify({json.dumps(cases)}.map((x) => {expression})));"
    done = subprocess.run(["node", "--input-type=module", "-e", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_every_component_is_found():
    assert {path.stem for path in ENTRIES} == {
        "accuracy_grid",
        "board",
        "cards",
        "chart",
        "copy_link",
        "explorer",
        "paper_table",
        "picker",
        "side_by_side",
        "tile",
    }


@needs_node
@pytest.mark.parametrize("entry", ENTRIES, ids=lambda path: path.stem)
def test_a_component_s_linked_script_parses(entry, tmp_path):
    file = tmp_path / "linked.mjs"
    file.write_text(script(entry), encoding="utf-8")
    done = subprocess.run(["node", "--check", str(file)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "export default function mount(" in script(entry)  # what the HTML export calls


def test_no_hue_is_written_in_a_script_or_style_sheet():
    hues = {"local", "local_text", "global_", "global_text", "query"}
    values = {value for theme in (colours.LIGHT, colours.DARK) for name, value in asdict(theme).items() if name in hues} | {colours.ARC}
    triples = {colours.rgb(value) for value in values}
    for path in [*APP.rglob("*.js"), *APP.rglob("*.css")]:
        text = path.read_text(encoding="utf-8")
        found = {value for value in values if value.lower() in text.lower()}
        numbers = re.findall(r"\b(\d+), ?(\d+), ?(\d+)\b", text)
        found |= {three for three in (tuple(map(int, three)) for three in numbers) if three in triples}
        assert not found, f"{path.relative_to(APP)} writes {found}: take colours from palette.js or from the variables of colours.css()"


@needs_node
def test_percent_and_offset_are_those_of_words_py():
    weights = [
        0.0,
        2e-9,
        0.0004,
        0.0834,
        0.09949,
        0.0995,
        0.4149,
        1.0,
        *np.random.default_rng(0).random(200),
        *np.random.default_rng(1).random(200) / 50,
    ]
    assert answers("words.js", "m.percent(x)", [float(weight) for weight in weights]) == [
        words.percent(float(weight)) for weight in weights
    ]
    pairs = [((4, 4), (y, x)) for y in range(2, 7) for x in range(2, 7)]
    assert answers("words.js", "m.offset(...x)", pairs) == [words.offset(*pair) for pair in pairs]


@needs_node
def test_a_window_is_enlarged_where_overlay_py_says():
    windows = [
        (top, left, min(g1, 14 - top), min(g1, 16 - left)) for g1 in (1, 3, 7) for top in range(0, 14, g1) for left in range(0, 16, g1)
    ]
    for shown, window in zip(answers("geometry.js", "m.enlargedBox(x, [14, 16])", windows), windows, strict=True):
        assert (shown and pytest.approx(shown)) == overlay.enlarged_box(window, (14, 16))
