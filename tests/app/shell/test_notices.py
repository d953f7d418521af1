"""Wrong addresses, missing and broken checkpoints: a note for the visitor, a traceback for the log alone."""

import shutil

import hatnet
import hatnet.data
from tests.app.pages import opened, text


def test_a_wrong_address_is_clamped_with_a_notice_that_can_be_closed():
    at = opened("explorer", block="9")
    assert "The link asked for block 9; this stage has two." in text(at)
    assert at.button_group(key="choose_block").value == 2
    assert at.query_params["block"] == "2"
    assert "The link asked" not in text(at.button(key="close_notices").click().run())


def test_without_a_checkpoint_the_page_says_how_to_make_one(monkeypatch, tmp_path):
    monkeypatch.setattr(hatnet.checkpoints, "SHIPPED", tmp_path)
    at = opened("explorer")
    assert "python train_small.py --data cifar10" in text(at)
    assert not at.get("bidi_component")


def test_a_broken_checkpoint_is_a_note_and_no_traceback(monkeypatch, tmp_path, logged_errors):
    shipped = hatnet.checkpoints.SHIPPED
    (tmp_path / "torn.safetensors").write_bytes(b"torn")
    monkeypatch.setattr(hatnet.checkpoints, "SHIPPED", tmp_path)
    at = opened("start")
    assert "This cannot be shown." in text(at) and "no safetensors file" in text(at)
    logged_errors.clear()
    shutil.copy(shipped / "cifar10.safetensors", tmp_path)  # beside a whole one, it is only left out
    at = opened("start")
    assert at.selectbox(key="choose_checkpoint").options == ["cifar10 · 10 classes"] and "This cannot be shown." not in text(at)
