"""The Explorer through AppTest: state in, widgets, uploads and figures out."""

import json
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

import hatnet
import hatnet.data
from app.core import checkpoints, inference, pictures
from app.core.view import default
from app.views.equations import numpy_check
from app.views.explorer import packing as rows
from app.views.explorer import panels, payload
from tests.app.test_uploads import bomb, encoded
from tests.app.views import unpacked

MAIN = Path(__file__).parents[2] / "app" / "main.py"


@pytest.fixture
def run(caplog):
    """run(**params) -> the app after its first run at that address. A view that failed, or was shown as failed, fails the test."""

    def start(**params):
        at = AppTest.from_file(str(MAIN), default_timeout=60)
        for key, value in params.items():
            at.query_params[key] = value
        at._page_hash = calc_hash("explorer")
        return at.run()

    with caplog.at_level(logging.ERROR, logger="hatnet.app"):
        yield start
    assert [record.message for record in caplog.records if record.name == "hatnet.app"] == []


def text(at):
    """All text on the page."""
    assert not at.exception
    return " ".join([*(block.proto.body for block in at.get("html")), *(block.value for block in at.markdown)])


def spec(at, index):
    """A Plotly chart of any view."""
    return json.loads(at.get("plotly_chart")[index].proto.spec)


SENT = {}  # key -> sheet: what a browser has been sent. A key says all that its sheet depends on.


def data(at):
    """What the component is given."""
    assert not at.exception
    found = json.loads(next(part for part in at.get("bidi_component") if "explorer" in part.proto.id).proto.json)
    SENT.update({sheet["key"]: sheet["body"] for sheet in found["sheets"].values() if sheet and "body" in sheet})
    return found


def cells(at, kind):
    """The weights of the selected token, as the browser has them: of its window, of all cells, or of all tokens."""
    found = data(at)
    (h, w), (y, x), sheet = found["grid"], found["token"], SENT[found["sheets"][kind]["key"]]
    row = unpacked(sheet)[0 if sheet["only"] is not None else y * w + x]
    if kind == "local":
        i, j = found["window"]
        return row.reshape(i, j)[: min(i, h - y // i * i), : min(j, w - x // j * j)]
    return row.reshape(-(-h // found["cell"]), -1) if kind == "global" else row.reshape(h, w)


def test_the_first_page_is_true_and_telling(run):
    at = run()
    assert at.title[0].value.startswith("Every token looks twice")
    local, far, hops = (cells(at, kind) for kind in ("local", "global", "hops"))
    assert local.shape == (4, 4) and far.shape == (8, 8) and hops.shape == (16, 16)
    for weights in (local, far, hops):
        assert weights.sum() == pytest.approx(1, abs=weights.size * weights.max() / 510)
    assert "4 × 4 window" in text(at) and "64 averaged cells" in text(at) and "Prediction" in data(at)["prediction"]
    assert len(data(at)["strip"]) == 8 and len(data(at)["paths"]) == 5


def model_maps(image, g1, g2, name="cifar10", **queries):
    """hatnet called directly, on the same crop."""
    import torch

    from hatnet.data import centre_crop, normalise

    info = hatnet.checkpoint_info(name)
    crop = centre_crop(Image.open(MAIN.parent / "samples" / f"{image}.jpg"), info["image_size"])
    images = normalise(torch.from_numpy(np.array(crop)).permute(2, 0, 1), info["mean"], info["std"])[None]
    _, maps = hatnet.attention_maps(hatnet.load_checkpoint(name), images, g1=g1, g2=g2)
    return {(m.stage, m.block + 1, m.kind): m for m in maps}


def test_the_maps_are_the_model_s(run):
    at = run(image="bird_owl", stage="3", block="2", head="3", token="0.9,0.3", g1="4,5", g2="2,3")
    maps = model_maps("bird_owl", (4, 5), (2, 3))
    for kind in ("local", "global"):
        record = maps[3, 2, kind]
        expected = record.row(*hatnet.token_at((0.9, 0.3), record.query_grid))[2].numpy()
        np.testing.assert_allclose(cells(at, kind), expected, atol=expected.max() / 500)
    token = hatnet.token_at((0.9, 0.3), (8, 8))
    expected = hatnet.rollout.two_hop(maps[3, 2, "local"], maps[3, 2, "global"], [token])[0].numpy()
    expected[token] -= 0.25
    np.testing.assert_allclose(cells(at, "hops"), expected / 0.75, atol=expected.max() / 300)


@pytest.mark.parametrize(("g1", "g2"), [((4, 4), (2, 2)), ((5, 3), (3, 5)), ((16, 8), (1, 8))])
def test_every_token_s_row_is_sent(run, g1, g2):
    """Partial windows and cells too: rows are told apart by token, not by window."""
    at = run(image="cow", stage="3", block="1", g1=",".join(map(str, g1)), g2=",".join(map(str, g2)))
    maps = model_maps("cow", g1, g2)
    found = data(at)
    for kind in ("local", "global"):
        record, sent = maps[3, 1, kind], unpacked(SENT[found["sheets"][kind]["key"]])
        for n in range(64):
            expected = record.row(*divmod(n, 8)).mean(0).numpy()
            row = sent[n].reshape(record.key_grid)[: expected.shape[0], : expected.shape[1]]
            np.testing.assert_allclose(row, expected, atol=expected.max() / 500)


def test_the_address_sets_the_widgets(run):
    at = run(image="horse_herd", stage="3", block="4", head="2", g1="4,6", g2="2,3")
    assert at.selectbox(key="choose_image").value == "horse_herd"
    assert at.button_group(key="choose_stage").value == 3
    assert at.button_group(key="choose_block").value == 4
    assert data(at)["chosen"] == [3, 4, 2]
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
        ("choose_g1_2", 8, ("g1", "8,4")),
        ("choose_g2_2", 5, ("g2", "5,2")),
        ("choose_image", "bird_owl", ("image", "bird_owl")),
    ],
)
def test_each_choice_changes_all_maps_and_the_address(run, key, value, written):
    at = run(block="2")
    before = cells(at, "local"), cells(at, "global"), cells(at, "hops")
    widget = next(widget for kind in (at.button_group, at.slider, at.selectbox) for widget in kind if widget.key == key)
    widget.set_value(value).run()
    for kind, was in zip(("local", "global", "hops"), before, strict=True):
        assert not np.array_equal(cells(at, kind), was)
    assert at.query_params[written[0]] == written[1]


def test_grids_change_the_prediction(run):
    at = run()
    before = data(at)["prediction"]
    at.slider(key="choose_g1_2").set_value(1).run()
    at.slider(key="choose_g2_2").set_value(16).run()
    assert data(at)["prediction"] != before
    assert "1 × 1 window" in text(at) and "1 averaged cell<" in text(at)


def test_the_plain_stage_says_that_it_has_no_grids(run):
    at = run(stage="4")
    assert len(at.slider) == 0
    assert "no window (G₁) and no cells (G₂)" in " ".join(caption.value for caption in at.caption)
    assert "This stage has no local step" in data(at)["none"]["local"] and "all 16 tokens" in text(at)
    assert list(data(at)["sheets"]) == ["global"] and cells(at, "global").shape == (4, 4)
    assert not data(at)["paths"]


def test_a_photograph_outside_the_classes_is_said_to_be_so(run):
    said = data(run(image="koala"))["prediction"]
    assert "outside what it knows" in said and "The photograph shows a koala." in said
    assert "outside what it knows" not in data(run(image="deer_moose"))["prediction"]


def upload(at, name, data):
    return at.file_uploader(key="file").set_value((name, data, "image/png")).run()


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_an_upload_is_shown_and_outlives_a_bad_one(run):
    at = run()
    before = cells(at, "global")
    red = np.zeros((40, 60, 3), np.uint8)
    red[:20, :, 0] = 255
    upload(at, "red.png", encoded(Image.fromarray(red)))
    assert at.query_params["image"] == "upload"
    assert "Yours: red.png" in at.selectbox(key="choose_image").options
    mine = cells(at, "global")
    assert not np.allclose(mine, before)
    assert "Whatever the photograph shows, the answer is one of its 10 classes: airplane" in data(at)["prediction"]
    for name, content, said in (
        ("a.png", b"garbage", "a.png is not a picture we can read. Save it again as PNG or JPEG."),
        ("b.png", bomb(10_000, 10_000), "b.png has 100 megapixels."),
        ("<b>.png", b"", "&lt;b&gt;.png is not a picture"),
    ):
        upload(at, name, content)
        assert said in text(at) and "The last picture stays: Yours: red.png." in text(at)
        np.testing.assert_array_equal(cells(at, "global"), mine)
    # Another photograph is chosen: the message has done its work only when a good picture comes.
    upload(at, "red.png", encoded(Image.fromarray(red).convert("CMYK"), "JPEG"))
    assert "The last picture stays" not in text(at)


def test_without_a_checkpoint_the_page_says_how_to_make_one(run, monkeypatch, tmp_path):
    monkeypatch.setattr(hatnet.checkpoints, "SHIPPED", tmp_path)
    at = run()
    assert "python train_small.py --data cifar10" in text(at)
    assert not at.get("bidi_component")


def test_a_broken_checkpoint_is_a_note_and_no_traceback(monkeypatch, tmp_path):
    shipped = hatnet.checkpoints.SHIPPED
    (tmp_path / "torn.safetensors").write_bytes(b"torn")
    monkeypatch.setattr(hatnet.checkpoints, "SHIPPED", tmp_path)
    at = AppTest.from_file(str(MAIN), default_timeout=60).run()
    assert "This cannot be shown." in text(at) and "no safetensors file" in text(at)
    shutil.copy(shipped / "cifar10.safetensors", tmp_path)  # beside a whole one, it is only left out
    at = AppTest.from_file(str(MAIN), default_timeout=60).run()
    assert at.selectbox(key="choose_checkpoint").options == ["cifar10 · 10 classes"] and "This cannot be shown." not in text(at)


def test_a_large_model_computes_the_row_of_the_selected_token_alone(run, monkeypatch):

    local, far = cells(run(token="0.9,0.1", g1="5,3"), "local"), cells(run(token="0.9,0.1", g1="5,3"), "global")
    monkeypatch.setattr(inference, "ALL_ROWS", 0)
    at = run(token="0.9,0.1", g1="5,3")
    np.testing.assert_allclose(cells(at, "local"), local, atol=1e-3)  # a partial window
    np.testing.assert_allclose(cells(at, "global"), far, atol=1e-3)
    found = data(at)
    assert SENT[found["sheets"]["global"]["key"]]["only"] == 14 * 16 + 1
    assert "256 tokens are too many to send" in found["over"] and "choose a smaller G₁" in found["none"]["hops"]


def test_what_is_too_much_to_send_is_sent_for_the_selected_token_alone(run, monkeypatch):

    whole = {kind: cells(run(token="0.3,0.7"), kind) for kind in ("local", "global", "hops")}
    monkeypatch.setattr(payload, "SENT", 20_000)
    at = run(token="0.3,0.7")
    for kind, expected in whole.items():
        np.testing.assert_allclose(cells(at, kind), expected, atol=1e-6)
    found = data(at)
    only = {kind: SENT[sheet["key"]]["only"] for kind, sheet in found["sheets"].items()}
    assert only == {"local": None, "global": None, "hops": 4 * 16 + 11} and found["pinned"] and not found["over"]


def test_rows_are_sent_once_and_again_when_they_are_asked_for(run):
    at = run(token="0.1,0.1")
    first = data(at)["sheets"]
    assert all("body" in sheet for sheet in first.values())
    at.run()
    assert data(at)["sheets"] == {kind: {"key": sheet["key"]} for kind, sheet in first.items()}
    at.button_group(key="choose_block").set_value(1).run()
    assert all("body" in sheet for sheet in data(at)["sheets"].values())
    at.button_group(key="choose_block").set_value(2).run()
    assert not any("body" in sheet for sheet in data(at)["sheets"].values())
    at.session_state["visit"].sheets = [key for key in at.session_state["visit"].sheets if "'hops'" not in key]  # as `changed` does
    at.run()
    assert [kind for kind, sheet in data(at)["sheets"].items() if "body" in sheet] == ["hops"]


def test_pooling_says_what_averaging_loses(run):
    import base64

    at = run(panel="pooling")
    sheet = SENT[data(at)["sheets"]["pooling"]["key"]]
    lost = np.frombuffer(base64.b64decode(sheet["cells"]), "<f4")
    assert lost.shape == (64,) and 0 < sheet["whole"] < 1 and ((lost > 0) & (lost < 1)).all()
    at.slider(key="choose_g2_2").set_value(1).run()
    assert SENT[data(at)["sheets"]["pooling"]["key"]]["whole"] == 0
    at.slider(key="choose_g2_2").set_value(16).run()
    assert SENT[data(at)["sheets"]["pooling"]["key"]]["whole"] == pytest.approx(1)


def test_the_features_of_the_microscope_are_those_of_the_equations(run):

    known, picture = checkpoints.describe("cifar10"), pictures.sample("cow")
    view = default(known)
    a1 = numpy_check.checked_equations(picture, known, view.stage, view.block, view.g1, view.g2).tensors["a1"]
    np.testing.assert_allclose(payload.loss(picture, known, view).cells, rows.loss(a1, 2).cells, atol=1e-4)


@pytest.mark.parametrize("grids", ["4,4", "5,3", "15,7", "1,1"])
def test_the_seam_s_local_weight_is_exactly_zero(run, grids):
    found, g1 = data(run(panel="seam", g1=grids, token="0.98,0.5"))["seam"], int(grids.split(",")[0])
    here, there, inside = (found["pair"][name] for name in ("here", "there", "inside"))
    assert [i // g1 for i in here] != [i // g1 for i in there]
    assert sum(abs(a - b) for a, b in zip(here, there, strict=True)) == 1
    lines = found["html"].split("<tr>")[2:]
    assert "exactly 0" in lines[0].split("<td>")[1] and (inside is None) == (g1 == 1)
    assert "exactly 0" not in lines[1] and "%" in lines[1].split("<td>")[1]  # the global step restores the link
    assert "exactly 0" not in lines[2].split("<td>")[1]  # two hops too
    assert "Swin, window" in lines[3] and "exactly 0" in lines[3].split("<td>")[1]
    assert "PVT, pooled keys" in lines[5] and "exactly 0" not in lines[5]


def test_swin_s_shift_at_the_seam_is_the_library_s(run):
    """The same weights, run by hatnet with Swin's reach."""
    import torch

    known, picture = checkpoints.describe("cifar10"), pictures.sample("cow")
    view = default(known)
    pair = rows.seam(hatnet.token_at(view.place, (16, 16)), (16, 16), (4, 4))
    place = hatnet.place_of(pair.here, (16, 16))
    found = inference.other_mechanism(picture, known, view, "shifted_window", place)
    own = hatnet.load_checkpoint("cifar10")
    swin = hatnet.create_model(
        "hatnet_compact",
        num_classes=10,
        **{name: getattr(own.config, name) for name in ("stem_strides", "init_std", "dropout")},
        attention="shifted_window",
    )
    swin.load_state_dict(own.state_dict())
    pixels = pictures.model_input(picture, 32)
    images = hatnet.data.normalise(torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None], list(known.mean), list(known.std))
    _, maps = hatnet.attention_maps(swin.eval(), images)
    record = next(m for m in maps if (m.stage, m.block + 1, m.kind) == (2, 2, "global"))
    top, left, _, _ = record.window(*pair.here)
    expected = record.row(*pair.here).mean(0)[pair.there[0] - top, pair.there[1] - left]
    assert found.weight(2, 2, "global", None, place, pair.there) == pytest.approx(float(expected), abs=1e-6)
    assert found.weight(2, 2, "local", None, place, pair.there) == 0


def test_one_window_has_no_seam_and_says_so(run):
    assert "One window covers the whole map" in data(run(panel="seam", g1="16,4"))["none"]["seam"]
    assert "no windows" in data(run(panel="seam", stage="4"))["none"]["seam"]
    assert "averages nothing" in data(run(panel="pooling", stage="4"))["none"]["pooling"]


def test_a_wrong_panel_is_the_maps_with_a_notice(run):
    at = run(panel="attic")
    assert "The link asked for panel “attic”" in text(at) and data(at)["panel"] == "maps" and "panel" not in at.query_params
    assert "heads" in run(panel="heads").query_params["panel"]


def test_cards_are_exported_in_a_thread_without_a_session():

    known = checkpoints.describe("cards")
    view = default(known)
    assert "asks for the marked card" in panels.page(view, known, pictures.sample(view.image)).decode()


def test_the_exported_page_holds_everything_and_calls_nobody(run):

    known, picture = checkpoints.describe("cifar10"), pictures.sample("cow")
    view = default(known)
    page = panels.page(view, known, picture).decode()
    assert len(page) < 1_000_000 and "default-src 'none'" in page and page.count("</script>") == 1
    assert "http://" not in page and "https://" not in page
    inside = json.loads(page.split("const data = ")[1].split(";\n")[0])
    sent = unpacked(inside["sheets"]["global"]["body"])
    expected = inference.attention(picture, known, view.g1, view.g2, view.place).rows(view.stage, view.block, "global", view.head)
    np.testing.assert_allclose(sent, expected, atol=expected.max() / 500)
