"""The measurements behind the shipped figures: what they hide, point at and try is what they say."""

import json
import sys
from statistics import mean

import pytest
import torch
from PIL import Image
from streamlit.proto.Element_pb2 import Element

import hatnet
from benchmarks import cards as ablation
from benchmarks import grids, load, reaches
from hatnet import cards
from hatnet.config import REACHES
from hatnet.maps import attention_maps, place_of


def card_model(attention, **overrides):
    torch.manual_seed(0)
    return hatnet.create_model("hatnet_cards", 4, attention=attention, **overrides).double().eval()


@torch.no_grad()
def change_by_cell(model, asker_only):
    """How much the logits of each cell [2, 16] change with the pixels of a hidden cell: 6 in one image, 9 in the other."""
    images = torch.rand(2, 3, 48, 48, dtype=torch.float64)
    other = images.clone()
    other[0, :, 12:24, 24:36] = other[1, :, 24:36, 12:24] = 0
    with ablation.hidden(torch.tensor([6, 9]), asker_only):
        hidden = (model(images) - model(other)).abs().amax(1).flatten(1)
    assert (model(images) - model(other)).abs().amax(1).min() > 1e-9, "without hiding, every cell sees it"
    return hidden


@pytest.mark.parametrize("attention", ["hierarchical", "pooled", "full"])
def test_a_card_hidden_from_all(attention):
    change = change_by_cell(card_model(attention), asker_only=False)
    assert change[0, 6] > 1e-9 and change[1, 9] > 1e-9
    change[0, 6] = change[1, 9] = 0
    assert change.max() == 0


def test_a_card_hidden_from_the_asker():
    """In one block nothing can come by relay."""
    change = change_by_cell(card_model("hierarchical", depths=(1,)), asker_only=True)
    assert change[:, 0].max() == 0 and change[:, 1:].min() > 1e-9
    assert change_by_cell(card_model("hierarchical"), asker_only=True)[:, 0].min() > 1e-12


@pytest.mark.parametrize("attention", list(REACHES))
def test_mass_by_cell(attention):
    """It sums to 1, and lies where the reach allows it."""
    images = torch.rand(3, 3, 48, 48, dtype=torch.float64)
    with torch.inference_mode():
        _, maps = attention_maps(card_model(attention), images, queries=[place_of(ablation.ASKING, (12, 12))])
    for record, word in zip(maps, REACHES[attention] * 2, strict=True):
        mass = ablation.cell_mass(record)
        assert mass.shape == (3, 2, 16)
        torch.testing.assert_close(mass.sum(-1), torch.ones(3, 2, dtype=torch.float64))
        reached = {n for n in range(16) if mass[:, :, n].max() > 0}
        assert reached == ({0} if word == "window" else {0, 1, 4, 5} & reached if word == "shifted_window" else set(range(16)))


def test_pointing_finds_the_head_that_points(monkeypatch):
    """A made-up model whose last head always looks at the marked card, and whose others look at the asker."""
    marked = []
    draw = cards.draw

    def noted(*args):
        marked.append(draw(*args))
        return marked[-1]

    monkeypatch.setattr(cards, "draw", noted)
    real = attention_maps

    def looking(model, images, queries):
        logits, maps = real(model, images, queries)
        for (image, token), row in maps[-1].rows.items():
            row = torch.zeros_like(row)
            row[0, 0, 0] = 1
            row[1].view(-1)[marked[-1].marked[image]] = 0.75
            maps[-1].rows[image, token] = row
        return logits, maps

    monkeypatch.setattr(ablation, "attention_maps", looking)
    found = ablation.pointing(card_model("hierarchical").float(), 20)
    assert found == {"pointing": 1.0, "mass": 0.75, "block_step_head": [1, "global", 1]}


def test_grids_that_are_tried():
    """Every pair in one stage, the other stage as trained: counted by hand."""
    model = hatnet.create_model("hatnet_compact")  # 16 and 8 tokens; G1 4, 4; G2 2, 2
    found = grids.variants(model, 32)
    assert found[0] == (None, (4, 4), (2, 2))
    first = {(g1[0], g2[0]) for stage, g1, g2 in found if stage == 2}
    second = {(g1[1], g2[1]) for stage, g1, g2 in found if stage == 3}
    assert first == {(one, two) for one in (2, 4, 7, 8, 16) for two in (1, 2, 4, 8)} - {(4, 2)}
    assert second == {(one, two) for one in (2, 4, 7, 8) for two in (1, 2, 4, 8)} - {(4, 2)}
    assert all(g1[1] == 4 and g2[1] == 2 for stage, g1, g2 in found if stage == 2)
    assert len({(g1, g2) for _, g1, g2 in found}) == len(found) == 1 + 19 + 15


def test_grids_of_a_checkpoint(tmp_path, monkeypatch):
    """The row as trained has the checkpoint's own accuracy, and MACs go down with G2."""
    torch.manual_seed(0)
    model = hatnet.create_model("hatnet_compact", 2, depths=(1, 1, 1)).eval()
    for name, colour in (("a", 60), ("b", 200)):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for number in range(10):
            Image.new("RGB", (32, 32), (colour + number,) * 3).save(tmp_path / "pictures" / name / f"{number}.png")
    info = {"classes": ["a", "b"], "mean": [0.5] * 3, "std": [0.25] * 3, "image_size": 32, "data": "pictures", "accuracy": 0.5}
    hatnet.save_checkpoint(model, tmp_path / "m.safetensors", info | {"val_fraction": 0.5})
    files = [str(tmp_path / "m.safetensors"), "--output", str(tmp_path / "m.json")]
    monkeypatch.setattr(sys, "argv", ["grids.py", *files, "--data", f"folder:{tmp_path / 'pictures'}"])
    grids.main()
    result = json.loads((tmp_path / "m.json").read_text())
    held = hatnet.data.load(f"folder:{tmp_path / 'pictures'}", "val", 32, 0.5)
    images = (held.pixels.float() / 255 - 0.5) / 0.25
    with torch.inference_mode():
        wanted = [(model(images, row["g1"], row["g2"]).argmax(1) == held.labels).float().mean().item() for row in result["rows"]]
    assert [row["accuracy"] for row in result["rows"]] == pytest.approx(wanted) and result["images"] == 10
    macs = {row["g2"][0]: row["macs"] for row in result["rows"] if row["stage"] == 2 and row["g1"] == [4, 4] and row["g2"][1] == 2}
    assert macs[1] > result["rows"][0]["macs"] > macs[4] > macs[8]


@pytest.mark.slow
def test_reaches_trains_every_arm_alike_and_goes_on_where_it_stopped(tmp_path, monkeypatch):
    for part in ("train", "val", "test"):
        for name, colour in (("a", 60), ("b", 200)):
            (tmp_path / "pictures" / part / name).mkdir(parents=True)
            for number in range(70):
                Image.new("RGB", (32, 32), (colour + number % 9,) * 3).save(tmp_path / "pictures" / part / name / f"{number}.png")
    (tmp_path / "out").mkdir()
    places = ["--runs", str(tmp_path / "runs"), "--output", str(tmp_path / "out")]
    monkeypatch.setattr(sys, "argv", ["reaches.py", "--data", f"folder:{tmp_path / 'pictures'}", "--epochs", "2", "--seeds", "2", *places])
    reaches.main()
    found = json.loads((tmp_path / "out" / "cifar10.reaches.json").read_text())
    assert [(run["arm"], run["seed"]) for run in found["runs"]] == [(arm, seed) for seed in (0, 1) for arm in reaches.ARMS]
    assert {run["steps"] for run in found["runs"]} == {2} and found["data"] == "pictures"
    for row in found["summary"]:
        values = [run["accuracy"] for run in found["runs"] if run["arm"] == row["arm"]]
        info = hatnet.checkpoint_info(tmp_path / "out" / f"cifar10-{row['arm']}.safetensors")
        assert row["mean"] == mean(values) and info["accuracy"] == values[0]
        assert info["config"]["attention"] == row["arm"] and info["split"] == "test" and info["recipe"]["seed"] == 0
    ended = {path: path.stat().st_mtime_ns for path in tmp_path.glob("runs/2-epochs/*/*")}
    assert len(ended) > 8
    reaches.main()
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("runs/2-epochs/*/*")} == ended, "what is done is not done again"


def test_load_counts_what_is_not_the_visitors_own():
    record = load.Record()
    visitor, other = (load.Visitor(number, 3, 0, record) for number in (0, 1))
    assert visitor.image != other.image
    assert not {next(visitor.places) for _ in range(100)} & {next(other.places) for _ in range(100)}
    title, grid = load.SAMPLES[visitor.image].title, [16, 16]
    token = [int(part * 16) for part in visitor.place]
    visitor.script, visitor.pages, visitor.sliders = "a", {"explorer": "a"}, {"g1": None}
    visitor.where, visitor.explorer = title, ("id", "fragment", {"title": title, "grid": grid, "token": token})
    visitor._check(load.CLICK)
    assert not record.errors
    visitor.where = "Somebody else's"
    visitor.explorer[2]["token"] = token[::-1] if token[0] != token[1] else [0, 15]
    visitor.address = other.address
    visitor._check(load.CLICK)
    visitor._draw(load.CLICK, Element(html={"body": "<b>Something went wrong here.</b>"}), "")
    visitor._draw(load.CLICK, Element(exception={"type": "KeyError"}), "")
    assert set(record.errors[load.CLICK].values()) == {1} and len(record.errors[load.CLICK]) == 5


@pytest.mark.browser  # no browser, but the running app
def test_load_at_its_smallest(monkeypatch, capsys):
    times = ["--arrive", "1", "--minutes", "0.1", "--think", "0.5", "--after", "0"]
    monkeypatch.setattr(sys, "argv", ["load.py", "--visitors", "3", *times])
    with pytest.raises(SystemExit) as end:
        load.main()
    printed = capsys.readouterr().out
    assert not end.value.code and "0 errors" in printed, printed
    assert f"| {load.FIRST} |" in printed and "of clicks within" in printed
