"""The Explorer through AppTest: state in, widgets, uploads and figures out."""

import json
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

import hatnet
from hatnet import checkpoints
from tests.app.test_uploads import bomb, encoded

MAIN = Path(__file__).parents[2] / "app" / "main.py"


@pytest.fixture
def run(caplog):
    """run(**params) -> the app after its first run at that address. A view that failed, or was shown as failed, fails the test."""

    def start(**params):
        at = AppTest.from_file(str(MAIN), default_timeout=60)
        for key, value in params.items():
            at.query_params[key] = value
        return at.switch_page("views/explorer.py").run()

    with caplog.at_level(logging.ERROR, logger="hatnet.app"):
        yield start
    assert [record.message for record in caplog.records if record.name == "hatnet.app"] == []


def text(at):
    """All text on the page."""
    assert not at.exception
    return " ".join([*(block.proto.body for block in at.get("html")), *(block.value for block in at.markdown)])


def spec(at, index):
    return json.loads(at.get("plotly_chart")[index].proto.spec)


def cells(at, index):
    """The weights of a map's cells, in %."""
    return np.array(next(trace for trace in spec(at, index)["data"] if trace["type"] == "heatmap")["z"])


def test_the_first_page_is_true_and_telling(run):
    at = run()
    assert at.title[0].value.startswith("Every token looks twice")
    local, far = cells(at, 0), cells(at, 1)
    assert local.shape == (4, 4) and far.shape == (8, 8)
    assert local.sum() == pytest.approx(100, abs=1e-3) and far.sum() == pytest.approx(100, abs=1e-3)
    assert "4 × 4 window" in text(at) and "64 averaged cells" in text(at) and "Prediction" in text(at)
    for chart in at.get("plotly_chart"):
        assert "attention map" in chart.proto.alt


def test_the_maps_are_the_model_s(run):
    """Against hatnet called directly, on the same crop."""
    import torch

    from hatnet.data import centre_crop, normalise

    at = run(image="bird_owl", stage="3", block="2", head="3", token="0.9,0.3", g1="4,5", g2="2,3")
    info = hatnet.checkpoint_info("cifar10")
    crop = centre_crop(Image.open(MAIN.parent / "samples" / "bird_owl.jpg"), info["image_size"])
    pixels = torch.from_numpy(np.array(crop)).permute(2, 0, 1)
    images = normalise(pixels, info["mean"], info["std"])[None]
    _, maps = hatnet.attention_maps(hatnet.load_checkpoint("cifar10"), images, [(0.9, 0.3)], (4, 5), (2, 3))
    for index, kind in enumerate(("local", "global")):
        record = next(m for m in maps if (m.stage, m.block, m.kind) == (3, 1, kind))
        expected = record.row(*hatnet.token_at((0.9, 0.3), record.query_grid))[2].numpy() * 100
        np.testing.assert_allclose(cells(at, index), expected, atol=1e-3)


def test_the_address_sets_the_widgets(run):
    at = run(image="horse_herd", stage="3", block="4", head="2", g1="4,6", g2="2,3")
    assert at.selectbox(key="choose_image").value == "horse_herd"
    assert at.button_group(key="choose_stage").value == 3
    assert at.button_group(key="choose_block").value == 4
    assert at.button_group(key="choose_head").value == 2
    assert at.slider(key="choose_g1_3").value == 6 and at.slider(key="choose_g2_3").value == 3
    assert at.slider(key="choose_g1_3").max == 8


def test_a_wrong_address_is_clamped_with_a_notice_that_can_be_closed(run):
    at = run(block="9")
    assert "The link asked for block 9; this stage has two." in text(at)
    assert at.button_group(key="choose_block").value == 2
    assert at.query_params["block"] == "2"
    assert "The link asked" not in text(at.button(key="close_notices").click().run())


@pytest.mark.parametrize(
    ("key", "value", "written"),
    [
        ("choose_stage", 3, ("stage", "3")),
        ("choose_block", 1, ("block", "1")),
        ("choose_head", 2, ("head", "2")),
        ("choose_g1_2", 8, ("g1", "8,4")),
        ("choose_g2_2", 5, ("g2", "5,2")),
        ("choose_image", "bird_owl", ("image", "bird_owl")),
    ],
)
def test_each_choice_changes_both_maps_and_the_address(run, key, value, written):
    at = run(block="2")
    before = spec(at, 0)["data"], spec(at, 1)["data"]
    widget = next(widget for kind in (at.button_group, at.slider, at.selectbox) for widget in kind if widget.key == key)
    widget.set_value(value).run()
    assert spec(at, 0)["data"] != before[0] and spec(at, 1)["data"] != before[1]
    assert at.query_params[written[0]] == written[1]


def test_grids_change_the_prediction(run):
    def bars(at):
        return next(block.proto.body for block in at.get("html") if "Prediction" in block.proto.body)

    at = run()
    before = bars(at)
    at.slider(key="choose_g1_2").set_value(1).run()
    at.slider(key="choose_g2_2").set_value(16).run()
    assert bars(at) != before
    assert "1 × 1 window" in text(at) and "1 averaged cell<" in text(at)


def test_the_plain_stage_says_that_it_has_no_grids(run):
    at = run(stage="4")
    assert len(at.slider) == 0
    assert "no window (G₁) and no cells (G₂)" in " ".join(caption.value for caption in at.caption)
    assert "This stage has no local step" in text(at) and "all 16 tokens" in text(at)
    assert len(at.get("plotly_chart")) == 1 and cells(at, 0).shape == (4, 4)


def test_the_model_s_pixels_can_be_looked_at(run):
    at = run()
    sharp = spec(at, 1)["layout"]["images"][0]["source"]
    exact = spec(at.toggle(key="exact").set_value(True).run(), 1)["layout"]["images"][0]["source"]
    assert sharp.startswith("data:image/jpeg") and exact.startswith("data:image/png")


def test_a_photograph_outside_the_classes_is_said_to_be_so(run):
    assert "outside what it knows" in text(run(image="koala")) and "The photograph shows a koala." in text(run(image="koala"))
    assert "outside what it knows" not in text(run(image="deer_moose"))


def upload(at, name, data):
    return at.file_uploader(key="file").set_value((name, data, "image/png")).run()


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_an_upload_is_shown_and_outlives_a_bad_one(run):
    at = run()
    before = cells(at, 1)
    red = np.zeros((40, 60, 3), np.uint8)
    red[:20, :, 0] = 255
    upload(at, "red.png", encoded(Image.fromarray(red)))
    assert at.query_params["image"] == "upload"
    assert "Yours: red.png" in at.selectbox(key="choose_image").options
    mine = cells(at, 1)
    assert not np.allclose(mine, before)
    assert "Whatever the photograph shows, the answer is one of its 10 classes: airplane" in text(at)
    for name, data, said in (
        ("a.png", b"garbage", "a.png is not a picture we can read. Save it again as PNG or JPEG."),
        ("b.png", bomb(10_000, 10_000), "b.png has 100 megapixels."),
        ("<b>.png", b"", "&lt;b&gt;.png is not a picture"),
    ):
        upload(at, name, data)
        assert said in text(at) and "The last picture stays: Yours: red.png." in text(at)
        np.testing.assert_array_equal(cells(at, 1), mine)
    # Another photograph is chosen: the message has done its work only when a good picture comes.
    upload(at, "red.png", encoded(Image.fromarray(red).convert("CMYK"), "JPEG"))
    assert "The last picture stays" not in text(at)


def test_without_a_checkpoint_the_page_says_how_to_make_one(run, monkeypatch, tmp_path):
    monkeypatch.setattr(checkpoints, "SHIPPED", tmp_path)
    at = run()
    assert "python train_small.py --data cifar10" in text(at)
    assert len(at.get("plotly_chart")) == 0


def test_a_broken_checkpoint_is_a_note_and_no_traceback(monkeypatch, tmp_path):
    shipped = checkpoints.SHIPPED
    (tmp_path / "torn.safetensors").write_bytes(b"torn")
    monkeypatch.setattr(checkpoints, "SHIPPED", tmp_path)
    at = AppTest.from_file(str(MAIN), default_timeout=60).run()
    assert "This cannot be shown." in text(at) and "no safetensors file" in text(at)
    shutil.copy(shipped / "cifar10.safetensors", tmp_path)  # beside a whole one, it is only left out
    at = AppTest.from_file(str(MAIN), default_timeout=60).run()
    assert at.selectbox(key="choose_checkpoint").options == ["cifar10 · 10 classes"] and "This cannot be shown." not in text(at)


def test_a_large_model_computes_the_row_of_the_selected_token_alone(run, monkeypatch):
    from app import services

    everything = cells(run(), 1)
    monkeypatch.setattr(services, "ALL_ROWS", 0)
    at = run()
    np.testing.assert_allclose(cells(at, 1), everything, atol=1e-3)
    data = json.loads(next(part for part in at.get("bidi_component") if "picker" in part.proto.id).proto.json)
    assert isinstance(data["strongest"], int)
