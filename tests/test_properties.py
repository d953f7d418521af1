"""What holds for all values, and not only for those that a test's author thought of: hypothesis draws them, and shrinks what fails."""

import dataclasses
import functools
import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import hatnet
from app.core import checkpoints
from app.core.samples import SAMPLES
from app.core.view import PANELS, address, images, parse
from hatnet.ranges import Word
from tests.hatnet.models import filled
from tests.hatnet.naive import hatnet as naive_hatnet
from tests.hatnet.naive import picture

NAMES = ["cifar10", "objects224", "cards"]
KEYS = ("checkpoint", "image", "stage", "block", "head", "token", "g1", "g2", "equation", "step", "tour", "pixels", "channels", "panel")
ANYTHING = (
    st.text(max_size=40)
    | st.integers().map(str)
    | st.floats().map(str)
    | st.lists(st.integers(-9, 99)).map(lambda x: ",".join(map(str, x)))
)
NEARLY = st.sampled_from(
    [*NAMES, *SAMPLES, *PANELS, "upload", "mean", "0.5,0.5", "nan,inf", "4,4", "8,7,7", "1", "2", "-1", "", " 3 ", "٣"]
)


@settings(max_examples=300)
@given(params=st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=8), NEARLY | ANYTHING, max_size=8), has_upload=st.booleans())
def test_any_address_gives_a_view_that_exists(params, has_upload):
    shown, notices = parse(params, NAMES, checkpoints.describe, has_upload, stops=12)
    checkpoint = checkpoints.describe(shown.checkpoint)
    assert shown.image in images(checkpoint, has_upload) and shown.stage in checkpoint.config.stages
    assert 1 <= shown.block <= checkpoint.depth(shown.stage) and shown.head in (None, *range(1, checkpoint.heads(shown.stage) + 1))
    assert all(0 <= fraction <= 1 for fraction in shown.place)
    for sides in (shown.g1, shown.g2):
        assert all(1 <= side <= checkpoint.grid(stage) for stage, side in zip(checkpoint.hierarchical, sides, strict=True))
    assert shown == shown.fitted(checkpoint), "nothing is left to be replaced"
    assert all(len(notice) < 300 and notice.endswith(".") for notice in notices)
    # Its own address says the same again, without a word.
    rounded = dataclasses.replace(shown, place=tuple(round(fraction, 4) for fraction in shown.place))
    assert parse(address(shown), NAMES, checkpoints.describe, has_upload, stops=12) == (rounded, [])


@functools.cache
def small():
    """A narrow model of four stages, and its weights under the authors' names."""
    model, weights = filled("hatnet_tiny", num_classes=3, depths=(1, 1, 1, 1), dims=(4, 4, 4, 8), head_dim=4)
    return model.double(), {key: value.double() for key, value in weights.items()}


@settings(max_examples=6)
@given(
    height=st.integers(32, 48), width=st.integers(32, 48), g1=st.tuples(*[st.integers(1, 12)] * 3), g2=st.tuples(*[st.integers(1, 12)] * 3)
)
def test_any_size_with_any_windows_and_cells_gives_what_a_naive_loop_gives(height, width, g1, g2):
    model, weights = small()
    image = picture(0, height, width).double()
    with torch.inference_mode():
        logits, maps = hatnet.attention_maps(model, image, g1=g1, g2=g2)
        wanted, _, _ = naive_hatnet(image[0], weights, (1, 1, 1, 1), 4, g1, g2)
    torch.testing.assert_close(logits[0], wanted, atol=1e-9, rtol=0)
    for one in maps:
        rows, columns = one.query_grid
        torch.testing.assert_close(one.row(rows - 1, columns - 1).sum((-2, -1)), torch.ones(len(one.row(0, 0)), dtype=torch.double))


HEADER = hatnet.checkpoint_info("cards").header() | {"config": dataclasses.asdict(hatnet.checkpoint_info("cards").config)}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("properties") / "a.safetensors"


def written(file, header):
    """A safetensors file with this text in the place of our header, and no weights."""
    text = json.dumps({"__metadata__": {"hatnet": header}}).encode()
    file.write_bytes(len(text).to_bytes(8, "little") + text)


@settings(max_examples=200)
@given(data=st.data())
def test_any_header_is_read_or_named(file, data):
    """One or two fields, of the header or of its configuration, replaced by anything or left out."""
    header = json.loads(json.dumps(HEADER))
    for _ in range(data.draw(st.integers(1, 2))):
        table = header if data.draw(st.booleans()) or not isinstance(header.get("config"), dict) else header["config"]
        key = data.draw(st.sampled_from(sorted(table)) | st.text(max_size=5)) if table else "x"
        table[key] = data.draw(JSON)
        if data.draw(st.integers(0, 3)) == 0:
            del table[key]
    written(file, json.dumps(header))
    try:
        info = hatnet.checkpoint_info(file)
    except ValueError as error:
        assert str(file) in str(error) and len(str(error)) < 1500
        return
    assert len(info.classes) == info.config.num_classes and all(map(Word().holds, info.classes))
    with pytest.raises(ValueError, match="do not fit its configuration"):
        hatnet.load_checkpoint(file)


@settings(max_examples=200)
@given(content=st.binary(max_size=200), claims=st.none() | st.integers(0, 2**64 - 1))
def test_any_bytes_are_no_checkpoint(file, content, claims):
    file.write_bytes((len(content) if claims is None else claims).to_bytes(8, "little") + content)
    for read in (hatnet.checkpoint_info, hatnet.load_checkpoint):
        with pytest.raises(ValueError, match=r"a\.safetensors"):
            read(file)
