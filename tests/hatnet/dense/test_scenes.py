"""Folders of pictures and masks: what is read, what is held out, and what each mistake is told."""

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from hatnet.dense.scenes import VOID, load_scenes, scan_scenes
from tests.hatnet.dense.folders import COLOURS, NAMES, entries, make


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return make(tmp_path_factory.mktemp("scenes") / "set")


@pytest.fixture
def root(original, tmp_path):
    return shutil.copytree(original, tmp_path / "set")


def loaded(root, split="train", in_memory=1e9):
    return load_scenes(scan_scenes(root), split, (32, 32), 0.25, in_memory)


def test_what_is_read_is_what_lies_there(root):
    data = loaded(root, "test")
    assert data.classes == tuple(NAMES) and [one.colour for one in data.labels] == [tuple(colour) for colour in COLOURS]
    assert data.sizes == [(48, 64), (40, 72)] * 4 and data.nbytes == sum(4 * h * w for h, w in data.sizes)
    for number, (pixels, mask) in enumerate(data.take(range(8))):
        assert np.array_equal(pixels.permute(1, 2, 0), np.array(Image.open(root / "test" / "images" / f"{number}.png")))
        assert np.array_equal(mask, np.array(Image.open(root / "test" / "masks" / f"{number}.png")))


def test_a_batch_has_the_pictures_of_its_step_in_the_corner_of_the_largest(root):
    data, lazy = loaded(root), loaded(root, in_memory=0)
    assert lazy.lazy and not lazy.nbytes and not data.lazy
    seen = []
    for step in (0, 1):
        pixels, masks, sizes = data.batch(step, 9, 4, 0, slice(None))
        assert pixels.shape == (4, 3, 48, 72) and masks.shape == (4, 48, 72)
        for image, mask, (h, w) in zip(pixels, masks, sizes, strict=True):
            seen += [n for n, (own, _) in enumerate(data.held) if own.shape == (3, h, w) and torch.equal(own, image[:, :h, :w])]
            assert (mask[h:] == VOID).all() and (mask[:, w:] == VOID).all()
        again = lazy.batch(step, 9, 4, 0, slice(None))
        assert torch.equal(again[0], pixels) and torch.equal(again[1], masks) and again[2] == sizes
        share = data.batch(step, 9, 4, 0, slice(1, None, 2))
        assert share[2] == sizes[1::2]
    assert sorted(seen) == list(range(8)), "an epoch has each picture once"


def test_figures_of_all_pixels(root):
    data = loaded(root)
    stack = torch.cat([pixels.flatten(1) for pixels, _ in data.held], 1).double() / 255
    mean, std = data.statistics()
    assert mean == pytest.approx(stack.mean(1).tolist()) and std == pytest.approx(stack.std(1, correction=0).tolist())
    masks = torch.cat([mask.flatten() for _, mask in data.held])
    assert data.class_counts().tolist() == [int((masks == label).sum()) for label in range(3)]


def test_without_val_a_fraction_is_held_out_by_name(root):
    shutil.rmtree(root / "val")
    folder = scan_scenes(root)
    train, val = (folder.split(split, 0.25) for split in ("train", "val"))
    assert len(val) == 2 and len(train) == 6 and not {scene.image for scene in train} & {scene.image for scene in val}
    (root / "train" / "images" / "more.png").write_bytes((root / "train" / "images" / "0.png").read_bytes())
    (root / "train" / "masks" / "more.png").write_bytes((root / "train" / "masks" / "0.png").read_bytes())
    assert {scene.image.name for scene in val} & {scene.image.name for scene in scan_scenes(root).split("val", 0.25)}


def save_mask(path, pixels, mode=None):
    Image.fromarray(np.asarray(pixels, dtype=np.uint8), mode).save(path)


def another(index=None, **fields):
    """The entries of classes.json with one changed."""
    found = entries()
    found[1] |= {"index": index} if index is not None else fields
    return json.dumps(found)


MISTAKES = [
    (lambda root: (root / "train" / "masks" / "3.png").unlink(), r"train/images/3.png has no mask: there is no file .*train/masks/3.png"),
    (
        lambda root: save_mask(root / "train" / "masks" / "3.png", np.zeros((40, 71))),
        r"train/masks/3.png is 71 x 40 pixels, and its picture .*train/images/3.png is 72 x 40",
    ),
    (
        lambda root: save_mask(root / "train" / "masks" / "3.png", np.full((40, 72), 3)),
        r"train/masks/3.png has the index 3, which classes.json has not; wanted 0 to 2, or 255",
    ),
    (lambda root: save_mask(root / "train" / "masks" / "3.png", np.zeros((40, 72, 3))), r"train/masks/3.png: it holds RGB values; wanted"),
    (lambda root: (root / "train" / "masks" / "3.png").write_bytes(b"no"), r"train/masks/3.png: cannot identify"),
    (lambda root: (root / "train" / "images" / "3.png").write_bytes(b"no"), r"train/images/3.png: "),
    (lambda root: (root / "classes.json").unlink(), r"classes.json cannot be read \(No such file"),
    (lambda root: (root / "classes.json").write_text("[1,"), r"classes.json, line 1, column \d+: not JSON"),
    (lambda root: (root / "classes.json").write_text("{}"), r"classes.json holds a dict; wanted a list: \[\{\"index\": 0"),
    (lambda root: (root / "classes.json").write_text("[]"), r"classes.json holds an empty list"),
    (lambda root: (root / "classes.json").write_text("[3]"), r"classes.json, entry 1: it is a int"),
    (lambda root: (root / "classes.json").write_text(another(5)), r"classes.json has 3 classes, and none has the index 1; wanted 0 to 2"),
    (lambda root: (root / "classes.json").write_text(another(0)), r"classes.json, entry 2: index 0 or name 'green' is there twice"),
    (lambda root: (root / "classes.json").write_text(another(name="red")), r"classes.json, entry 2: index 1 or name 'red' is there twice"),
    (lambda root: (root / "classes.json").write_text(another(colour=[1, 2])), r"classes.json, entry 2: colour"),
    (lambda root: (root / "classes.json").write_text('[{"index": 0}]'), r"classes.json, entry 1: .*name"),
    (lambda root: shutil.rmtree(root / "train" / "masks"), r"there is no folder .*train/masks; wanted images/ and masks/"),
    (lambda root: [path.unlink() for path in (root / "train" / "images").iterdir()], r"found no pictures in .*train/images"),
    (lambda root: [shutil.rmtree(root / part) for part in ("train", "val", "test")], r"has none of train/, val/ and test/"),
    (lambda root: shutil.rmtree(root / "train"), r"has val/ and test/, and no train/"),
]


@pytest.mark.parametrize("change, said", MISTAKES)
def test_a_mistake_is_named_with_its_file(change, said, root):
    change(root)
    with pytest.raises(ValueError, match=said):
        loaded(root)


def test_a_missing_folder_has_a_neighbour(root):
    with pytest.raises(ValueError, match=r"there is no folder .*sett; did you mean .*set\?"):
        scan_scenes(root.parent / "sett")
