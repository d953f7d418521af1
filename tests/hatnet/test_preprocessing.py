"""One way from a picture to the model: `hatnet.transform` gives what training, evaluation and the app compute."""

import dataclasses
import pickle

import numpy as np
import pytest
import torch
from PIL import Image

import hatnet
from hatnet import data, evaluation

INFO = hatnet.checkpoint_info("cifar10")


@pytest.fixture
def folder(tmp_path):
    """A data set with pictures that are easily read in another way: wide, tall, turned by EXIF, transparent, grey, 16 bits, a palette."""
    numbers = np.random.default_rng(0)
    colours = numbers.integers(0, 256, (90, 140, 4), dtype=np.uint8)
    turned = Image.Exif()
    turned[0x0112] = 6
    pictures = {
        "wide.png": (Image.fromarray(colours[..., :3]), {}),
        "tall.jpg": (Image.fromarray(colours[..., :3].swapaxes(0, 1).copy()), {}),
        "turned.jpg": (Image.fromarray(colours[..., :3]), {"exif": turned}),
        "clear.png": (Image.fromarray(colours), {}),
        "grey.png": (Image.fromarray(colours[..., 0]), {}),
        "deep.png": (Image.fromarray(numbers.integers(0, 4096, (60, 50), dtype=np.uint16)), {}),
        "few.gif": (Image.fromarray(colours[..., :3]).quantize(16), {}),
    }
    for name, (picture, options) in pictures.items():
        place = tmp_path / "test" / "cat" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        picture.save(place, **options)
    return tmp_path


@pytest.mark.filterwarnings("ignore:.*is read as black to white")
def test_the_tensors_are_those_of_the_evaluation(folder, monkeypatch):
    """What `predict` gives the model, picture by picture, from a path and from what Pillow has opened."""
    images, given = data.load(f"folder:{folder}", "test", INFO.image_size), []
    model = hatnet.load_checkpoint("cifar10")
    model.register_forward_pre_hook(lambda _, inputs: given.append(inputs[0]))
    evaluation.predict(model, images, INFO.mean, INFO.std)
    files, preprocess = sorted((folder / "test" / "cat").iterdir()), hatnet.transform(INFO)
    (batch,) = given
    assert len(files) == len(batch) == 7
    for tensor, file in zip(batch, files, strict=True):
        for picture in (file, str(file), Image.open(file)):
            assert torch.equal(preprocess(picture), tensor), (file.name, type(picture))
    # Another crop, as is usual elsewhere, is another picture.
    wide = Image.open(files[-1]).convert("RGB").resize((32, 32))
    assert not np.allclose(batch[-1], (np.asarray(wide).transpose(2, 0, 1) / 255 - 0.5) / 0.25, atol=0.1)


def test_by_hand():
    """A square picture of the model's size goes through unscaled: (pixels / 255 - mean) / std."""
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    wanted = (pixels.transpose(2, 0, 1) / 255 - np.reshape(INFO.mean, (3, 1, 1))) / np.reshape(INFO.std, (3, 1, 1))
    np.testing.assert_allclose(hatnet.transform(INFO)(Image.fromarray(pixels)), wanted, atol=1e-5)
    bars = np.zeros((32, 96, 3), np.uint8)
    bars[:, 32:64] = pixels
    np.testing.assert_allclose(hatnet.transform(INFO)(Image.fromarray(bars)), wanted, atol=1e-5)


def test_a_picture_is_left_as_it_was(folder):
    image = Image.open(folder / "test" / "cat" / "turned.jpg")
    image.load()
    before = image.size, image.mode, dict(image.info), image.tobytes()
    hatnet.transform(INFO)(image)
    assert (image.size, image.mode, dict(image.info), image.tobytes()) == before


def test_it_goes_to_the_workers_of_a_data_set():
    preprocess = hatnet.transform(INFO)
    assert pickle.loads(pickle.dumps(preprocess)) == preprocess and repr(preprocess).startswith("Preprocessing(size=32, mean=(")


@pytest.mark.parametrize(
    "picture, words", [(np.zeros((9, 9, 3), np.uint8), "is a ndarray; wanted a path"), (None, "is a NoneType; wanted")]
)
def test_what_is_not_a_picture(picture, words, tmp_path):
    with pytest.raises(ValueError, match=words):
        hatnet.transform(INFO)(picture)
    (tmp_path / "a.png").write_text("no picture")
    with pytest.raises(ValueError, match=r"a\.png is not a picture we can read"):
        hatnet.transform(INFO)(tmp_path / "a.png")
    with pytest.raises(OSError):
        hatnet.transform(INFO)(tmp_path / "b.png")


def test_images_of_other_channels():
    grey = dataclasses.replace(INFO, mean=(0.5,), std=(0.25,))
    with pytest.raises(ValueError, match="images have 1 channels, and a picture has 3"):
        hatnet.transform(grey)


def test_only_a_checkpoint_s_info_has_a_preprocessing():
    for wrong in ("cifar10", INFO.config, None):
        with pytest.raises(ValueError, match=r"info is .*; wanted a CheckpointInfo: transform\(checkpoint_info\(NAME\)\)"):
            hatnet.transform(wrong)


def test_a_picture_without_pixels():
    with pytest.raises(ValueError, match="the picture is 0 x 40 pixels; wanted one at least"):
        hatnet.transform(INFO)(Image.new("RGB", (0, 40)))
