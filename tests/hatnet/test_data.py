"""The trainer's data: what is read, how it is split, and what is said when it cannot be."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from hatnet import data, preprocessing


def paint(path, colour, size=(40, 32)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)


@pytest.fixture
def folder(tmp_path):
    """Ten pictures of each of two classes, each picture in a grey of its own."""
    for number in range(10):
        for shift, name in ((0, "cat"), (100, "dog")):
            paint(tmp_path / name / f"{number}.png", (shift + number,) * 3)
    return tmp_path


def greys(images):
    return sorted(images.pixels[:, 0, 0, 0].tolist())


def test_one_folder_is_split_the_same_way_every_time(folder):
    train, val = (data.load(f"folder:{folder}", split, 32, 0.3) for split in ("train", "val"))
    assert (len(train), len(val)) == (14, 6)
    assert sorted(greys(train) + greys(val)) == [*range(10), *range(100, 110)]
    assert torch.equal(data.load(f"folder:{folder}", "val", 32, 0.3).pixels, val.pixels)
    assert greys(data.load(f"folder:{folder}", "test", 32, 0.3)) == greys(val)
    assert all((grey >= 100) == label for grey, label in zip(val.pixels[:, 0, 0, 0].tolist(), val.labels.tolist(), strict=True))
    assert val.classes == ("cat", "dog")


def test_folder_with_parts(tmp_path):
    for part, colour in (("train", 10), ("train", 20), ("val", 30), ("test", 40)):
        for name in ("cat", "dog"):
            paint(tmp_path / part / name / f"{colour}.png", (colour,) * 3)
    assert {part: greys(data.load(f"folder:{tmp_path}", part, 32)) for part in ("train", "val", "test")} == {
        "train": [10, 10, 20, 20],
        "val": [30, 30],
        "test": [40, 40],
    }
    paint(tmp_path / "val" / "eel" / "1.png", (0, 0, 0))
    with pytest.raises(ValueError, match="cat, dog, eel"):
        data.load(f"folder:{tmp_path}", "val", 32)


def test_centre_crop_takes_the_middle():
    picture = Image.new("L", (96, 32), 0)
    picture.paste(200, (32, 0, 64, 32))
    assert np.asarray(preprocessing.centre_crop(picture, 32)).min() == 200


def test_unreadable_pictures_are_named_and_counted(folder):
    (folder / "cat" / "3.png").write_bytes(b"no picture")
    whole = (folder / "dog" / "4.png").read_bytes()
    (folder / "dog" / "4.png").write_bytes(whole[: len(whole) // 2])
    with pytest.warns(UserWarning) as said:
        train = data.load(f"folder:{folder}", "train", 32, 0.01)
        val = data.load(f"folder:{folder}", "val", 32, 0.01)
    assert len(train) + len(val) == 18
    assert greys(train) + greys(val) != [] and {3, 104}.isdisjoint(greys(train) + greys(val))
    text = " ".join(str(warning.message) for warning in said)
    assert "cat/3.png" in text and "dog/4.png" in text
    assert all((grey >= 100) == label for grey, label in zip(train.pixels[:, 0, 0, 0].tolist(), train.labels.tolist(), strict=True))
    with pytest.warns(UserWarning), pytest.raises(ValueError, match="more than 0 unreadable"):
        data.load(f"folder:{folder}", "train", 32, 0.01, unreadable=0)


def test_pictures_that_do_not_fit_into_memory(folder):
    """Decoded when asked for, they are the same; one that cannot be decoded is grey and named."""
    whole = data.load(f"folder:{folder}", "train", 32, 0.3)
    assert isinstance(data.load(f"folder:{folder}", "train", 32, 0.3, in_memory=14 * 3 * 32**2).pixels, torch.Tensor)
    lazy = data.load(f"folder:{folder}", "train", 32, 0.3, unreadable=1, in_memory=14 * 3 * 32**2 - 1)
    assert isinstance(lazy.pixels, data.Pictures) and len(lazy) == len(whole) == 14
    assert torch.equal(lazy.pixels[3:], whole.pixels[3:]) and lazy.statistics() == whole.statistics()
    for one, other in zip(lazy.batch(4, 9, 3, 0, slice(0, 2)), whole.batch(4, 9, 3, 0, slice(0, 2)), strict=True):
        assert torch.equal(one, other)
    paths = [lazy.pixels.pictures[n] for n in (2, 5)]
    for path in paths:
        open(path, "w").close()
    with pytest.warns(UserWarning, match=paths[0]):
        assert lazy.pixels[torch.tensor([1, 2])][1].unique().tolist() == [128]
        lazy.pixels[torch.tensor([2])]
    with pytest.warns(UserWarning), pytest.raises(ValueError, match=f"more than 1 unreadable pictures, the last one {paths[1]}"):
        lazy.pixels[torch.tensor([5])]


@pytest.mark.parametrize(
    "source, words",
    [
        ("cifar1", "wanted cards, cifar10"),
        ("folder:/no/such/place", "/no/such/place"),
        ("cifar100", "cifar100.*go online once"),
        ("caltech101", "caltech101.*go online once"),
    ],
)
def test_what_is_not_there(source, words, tmp_path, monkeypatch):
    monkeypatch.setattr(data, "ROOT", tmp_path)
    monkeypatch.setattr("torchvision.datasets.utils.urllib.request.urlopen", offline)
    monkeypatch.setattr("torchvision.datasets.utils.USER_AGENT", "")
    with pytest.raises(ValueError, match=words):
        data.load(source, "train", 32)


def offline(*_, **__):
    raise OSError("no network")


def test_torchvision_sets(monkeypatch):
    def fashion(root, train, download):
        pixels = torch.full((20, 28, 28), 7 if train else 9, dtype=torch.uint8)
        return SimpleNamespace(data=pixels, targets=torch.arange(20) % 2, classes=["a", "b"])

    monkeypatch.setitem(data.TORCHVISION, "fashion-mnist", fashion)
    train, test = (data.load("fashion-mnist", split, 32) for split in ("train", "test"))
    assert train.pixels.shape == (18, 3, 32, 32) and train.pixels.unique().tolist() == [7]
    assert test.pixels.shape == (20, 3, 32, 32) and test.pixels.unique().tolist() == [9]


def test_split_of_caltech101(tmp_path, monkeypatch):
    """Of torchvision's own reader, on a folder laid out as its download."""
    monkeypatch.setattr(data, "ROOT", tmp_path)
    root = tmp_path / "caltech101" / "101_ObjectCategories"
    paint(root / "BACKGROUND_Google" / "image_0001.jpg", (0, 0, 0))
    held = data.caltech101_test()
    assert len(held) == 2893 and len({name.split("/")[0] for name in held}) == 101
    for name in ("accordion", "yin_yang"):
        for number in range(1, 13):
            paint(root / name / f"image_{number:04d}.jpg", (number * 10,) * 3)
    drawn = [(f"{name}/image_{number:04d}.jpg", number * 10) for name in ("accordion", "yin_yang") for number in range(1, 13)]
    wanted = sorted(grey for name, grey in drawn if name in held)
    test = data.load("caltech101", "test", 32)
    assert wanted and greys(test) == wanted and test.classes == ("accordion", "yin_yang")
    assert len(test) + len(data.load("caltech101", "train", 32)) + len(data.load("caltech101", "val", 32)) == 24


def test_statistics_and_normalise():
    pixels = torch.randint(0, 256, (5, 3, 8, 8), dtype=torch.uint8)
    mean, std = data.Images(pixels=pixels, labels=torch.zeros(5), classes=()).statistics()
    values = pixels.numpy() / 255
    np.testing.assert_allclose(mean, values.mean((0, 2, 3)))
    np.testing.assert_allclose(std, values.std((0, 2, 3)))
    normal = preprocessing.normalise(pixels, mean, std).numpy()
    np.testing.assert_allclose(normal.mean((0, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(normal.std((0, 2, 3)), 1, atol=1e-5)


def test_statistics_take_a_few_pictures_at_once():
    """2^20 pixels: 16 of 256 x 256."""
    whole, taken = torch.randint(0, 256, (40, 3, 256, 256), dtype=torch.uint8), []

    class Noted:
        shape = whole.shape

        def __getitem__(self, index):
            taken.append(len(index))
            return whole[index]

    mean, std = data.Images(pixels=Noted(), labels=torch.zeros(40), classes=()).statistics()
    assert taken == [16, 16, 8]
    np.testing.assert_allclose(mean, whole.numpy().mean((0, 2, 3)) / 255)
    np.testing.assert_allclose(std, whole.numpy().std((0, 2, 3)) / 255)


def test_batches_cover_the_set_anew_each_epoch():
    images = data.Images(pixels=torch.zeros(10, 3, 1, 1), labels=torch.arange(10), classes=())
    epochs = [torch.cat([images.batch(step, 9, 3, 0, slice(None))[1] for step in range(e * 3, e * 3 + 3)]).tolist() for e in range(3)]
    assert all(len(set(epoch)) == 9 for epoch in epochs) and epochs[0] != epochs[1] != epochs[2]
    whole = images.batch(4, 9, 4, 0, slice(None))[1]
    assert [images.batch(4, 9, 4, 0, slice(rank, None, 2))[1].tolist() for rank in range(2)] == [whole[::2].tolist(), whole[1::2].tolist()]
    assert images.batch(0, 9, 3, 1, slice(None))[1].tolist() != images.batch(0, 9, 3, 0, slice(None))[1].tolist()
