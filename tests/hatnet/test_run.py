"""What a training keeps: the optimiser's groups, the running mean, and a state that is restored or refused."""

import json

import pytest
import torch

import hatnet
from hatnet.recipe import RECIPES, Recipe
from hatnet.run import CONFIG, begin, keep_metrics, read_config


def test_running_mean_of_the_weights():
    """The first weights as they are, then decays of 2/11, 3/12 and, from then on, the recipe's 0.3."""
    model = hatnet.create_model("hatnet_cards", 4)
    state = begin(model, Recipe(epochs=1, batch_size=1, learning_rate=1, ema=0.3))
    for weight, wanted in ((0, 0), (1, 0.81818), (4, 3.20455), (9, 7.26136), (16, 13.37841), (25, 21.51352)):
        torch.nn.init.constant_(model.classifier.bias, float(weight))
        state.averaged.update_parameters(model)
        assert state.kept.classifier.bias.tolist() == pytest.approx([wanted] * 4, abs=1e-4)


def test_norms_and_biases_do_not_decay():
    model = hatnet.create_model("hatnet_compact", 3)
    state = begin(model, RECIPES["compact"])
    decays = {id(p): group["weight_decay"] for group in state.optimiser.param_groups for p in group["params"]}
    for name, p in model.named_parameters():
        assert decays[id(p)] == (0 if "norm" in name or name.endswith("bias") or p.ndim == 1 else 0.05), name
    assert len(decays) == len(list(model.parameters()))


def test_a_state_of_another_model_is_refused(tmp_path):
    begin(hatnet.create_model("hatnet_cards", 4), RECIPES["cards"]).save(tmp_path / "state.pt")
    other = begin(hatnet.create_model("hatnet_cards", 5), RECIPES["cards"])
    with pytest.raises(ValueError, match=r"(?s)state.pt is not a saved state of this model .*start a new run"):
        other.load(tmp_path / "state.pt")


STATE = {"model": {}, "optimiser": {}, "step": 0, "best": 0.5, "losses": []}


@pytest.mark.parametrize(
    "saved, words",
    [
        ([1, 2], "it holds a list"),
        ({"model": {}}, "step is missing"),
        (STATE | {"step": "x"}, "step is 'x'; wanted a whole number"),
        (STATE | {"best": float("nan")}, "best is nan"),
        (STATE | {"losses": 3}, "losses is 3; wanted a list"),
        ({key: value for key, value in STATE.items() if key != "optimiser"} | {"model": "fits"}, "optimiser is missing"),
        (STATE | {"model": 5}, ""),
    ],
)
def test_a_state_that_lacks_something(saved, words, tmp_path):
    state = begin(hatnet.create_model("hatnet_cards", 4), RECIPES["cards"])
    if isinstance(saved, dict) and saved["model"] == "fits":
        saved = saved | {"model": state.model.state_dict()}
    torch.save(saved, tmp_path / "state.pt")
    with pytest.raises(ValueError, match=rf"state.pt is not a saved state of this model \(.*{words}.*start a new run") as error:
        state.load(tmp_path / "state.pt")
    assert state.step == 0 and "\n" not in str(error.value) and len(str(error.value)) < 500


@pytest.mark.parametrize("damage", ["empty", "cut", "text", "folder", "missing"])
def test_a_state_that_is_damaged(damage, tmp_path):
    path, state = tmp_path / "state.pt", begin(hatnet.create_model("hatnet_cards", 4), RECIPES["cards"])
    state.save(path)
    whole = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage != "missing":
        path.write_bytes({"empty": b"", "cut": whole[: len(whole) // 2], "text": b"\xff\xfehello"}[damage])
    with pytest.raises(ValueError, match=r"state.pt is not a saved state .*start a new run") as error:
        state.load(path)
    assert "\n" not in str(error.value) and "\x1b" not in str(error.value)


GOOD = {"arguments": {}, "steps": 12, "processes": 1, "recipe": {}, "model": {}, "mean": [0.5] * 3, "std": [0.2] * 3, "machine": "cpu"}


@pytest.mark.parametrize(
    "text, words",
    [
        (b"", r"config.json, line 1, column 1: not JSON \(Expecting value\)"),
        (b'{\n"steps": 12,\n"mean": [0.', r"config.json, line 3, column 1\d: not JSON"),
        (b'{\n"machine": "\xff"}', r"config.json, line 2: byte 0xff is not UTF-8 text"),
        (b"[]", "config.json holds a list; wanted a table"),
        (b"null", "config.json holds a NoneType"),
        (b"{}", "config.json: arguments is missing"),
        (b"[" * 100_000, "config.json, line 1: not what JSON is for"),
        ({"steps": "12"}, "config.json: steps is '12'; wanted a whole number"),
        ({"steps": True}, "steps is True"),
        ({"mean": [0.5, 0.5]}, "mean is .*; wanted a list of 3"),
        ({"std": [0.0, 1, 1]}, "std is .*; wanted a list of 3, each a number above 0"),
        ({"model": 3}, "model is 3; wanted a table"),
    ]
    + [(key, f"config.json: {key} is missing") for key in CONFIG],
)
def test_a_damaged_configuration(text, words, tmp_path):
    if isinstance(text, dict):
        text = json.dumps(GOOD | text).encode()
    elif isinstance(text, str):
        text = json.dumps({key: value for key, value in GOOD.items() if key != text}).encode()
    (tmp_path / "config.json").write_bytes(text)
    with pytest.raises(ValueError, match=words):
        read_config(tmp_path)


def test_a_configuration_that_is_not_there(tmp_path):
    with pytest.raises(ValueError, match="is not a run"):
        read_config(tmp_path)
    (tmp_path / "config.json").mkdir()
    with pytest.raises(ValueError, match=r"is not a run .*directory"):
        read_config(tmp_path)
    (tmp_path / "config.json").rmdir()
    (tmp_path / "config.json").write_text(json.dumps(GOOD))
    assert read_config(tmp_path) == GOOD


LINES = b'{"step": 50, "loss": 1.0}\n{"step": 100}\n{"step": 150}\n'


@pytest.mark.parametrize(
    "text, kept",
    [(None, b""), (b"", b""), (LINES, LINES[:40]), (LINES[:46], LINES[:40]), (LINES[:40] + b"\xff", LINES[:40])],
    ids=["missing", "empty", "whole", "cut", "cut in a letter"],
)
def test_lines_that_are_kept(text, kept, tmp_path):
    if text is not None:
        (tmp_path / "metrics.jsonl").write_bytes(text)
    keep_metrics(tmp_path, 100)
    assert (tmp_path / "metrics.jsonl").read_bytes() == kept


@pytest.mark.parametrize(
    "line, words",
    [
        (b'{"step": 60, "lo', r"metrics.jsonl, line 2, column \d+: not JSON"),
        (b"", "metrics.jsonl, line 2, column 1: not JSON"),
        (b"\xff\xfe", "metrics.jsonl, line 2: byte 0xff is not UTF-8"),
        (b"[1]", "metrics.jsonl, line 2: step is missing"),
        (b'{"loss": 1}', "metrics.jsonl, line 2: step is missing"),
        (b'{"step": "x"}', "metrics.jsonl, line 2: step is 'x'; wanted a whole number"),
    ],
)
def test_a_damaged_line_is_named(line, words, tmp_path):
    text = LINES[:26] + line + b"\n" + LINES[26:]
    (tmp_path / "metrics.jsonl").write_bytes(text)
    with pytest.raises(ValueError, match=words + ".*; delete this line to continue"):
        keep_metrics(tmp_path, 100)
    assert (tmp_path / "metrics.jsonl").read_bytes() == text


def test_metrics_that_are_a_folder(tmp_path):
    (tmp_path / "metrics.jsonl").mkdir()
    with pytest.raises(ValueError, match=r"metrics.jsonl cannot be continued"):
        keep_metrics(tmp_path, 100)
