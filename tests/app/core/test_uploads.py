"""The guarded reader: every kind of picture comes out upright and in RGB, and whatever is none is said to be none."""

import struct

import numpy as np
import pytest
from PIL import Image

from app.core.uploads import KEPT_SIDE, read_picture
from tests.app.pictures import bomb, encoded

LEFT_RED = np.zeros((20, 30, 3), np.uint8)


LEFT_RED[:, :15, 0] = 255


@pytest.mark.parametrize(
    ("image", "kind"),
    [
        (Image.fromarray(LEFT_RED), "PNG"),
        (Image.fromarray(LEFT_RED), "WEBP"),
        (Image.fromarray(LEFT_RED).convert("CMYK"), "JPEG"),
        (Image.fromarray(LEFT_RED).convert("RGBA"), "PNG"),
        (Image.fromarray(LEFT_RED).quantize(4), "PNG"),
        (Image.fromarray(LEFT_RED).quantize(4), "GIF"),
    ],
    ids=lambda value: getattr(value, "mode", value),
)
def test_colour_pictures_keep_their_colours(image, kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    picture = read_picture(encoded(image, kind, **options), "p")
    assert picture.mode == "RGB" and picture.size == (30, 20)
    (r, g, b), (r2, g2, b2) = picture.getpixel((4, 10)), picture.getpixel((25, 10))
    assert r > 230 and max(g, b) < 25 and max(r2, g2, b2) < 25


def test_sixteen_bits_become_eight():
    ramp = np.linspace(0, 65535, 32 * 32).reshape(32, 32).astype(np.uint16)
    grey = np.asarray(read_picture(encoded(Image.fromarray(ramp)), "p"))
    assert grey[0, 0, 0] == 0 and grey[-1, -1, 0] == 255 and abs(int(grey[16, 0, 0]) - 128) <= 1


def test_one_bit_and_transparent_pictures():
    half = Image.new("1", (20, 20))
    half.paste(1, (0, 0, 10, 20))
    assert read_picture(encoded(half), "p").getpixel((5, 5)) == (255, 255, 255)
    assert read_picture(encoded(Image.new("RGBA", (20, 20), (0, 0, 0, 0))), "p").getpixel((5, 5)) == (255, 255, 255)  # white behind


def test_a_rotated_photograph_is_turned_upright():
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright: turn right by 90 degrees
    picture = read_picture(encoded(Image.fromarray(LEFT_RED), "JPEG", exif=exif), "p")
    assert picture.size == (20, 30)
    assert picture.getpixel((10, 4))[0] > 200 and picture.getpixel((10, 26))[0] < 50  # left has become top


def test_large_pictures_are_scaled_down():
    assert read_picture(encoded(Image.new("RGB", (3000, 600))), "p").size == (KEPT_SIDE, 205)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_bomb_is_refused_before_it_is_decoded():
    data = bomb(10_000, 10_000)
    assert len(data) < 20_000
    with pytest.raises(ValueError, match=r"bomb.png has 100 megapixels. Scale it down to at most 40"):
        read_picture(data, "bomb.png")
    with pytest.raises(ValueError, match="not a picture we can read"):
        read_picture(bomb(10_000, 10_000).replace(struct.pack(">II", 10_000, 10_000), struct.pack(">II", 60_000, 60_000)), "bomb.png")


@pytest.mark.parametrize("data", [b"", b"no picture at all", encoded(Image.fromarray(LEFT_RED))[:60], b"\xff\xd8\xff\xe0" + bytes(50)])
def test_garbage_gets_a_message_that_helps(data):
    with pytest.raises(ValueError, match=r"^photo.png is not a picture we can read. Save it again as PNG or JPEG.$"):
        read_picture(data, "photo.png")


def test_a_sliver_is_refused():
    with pytest.raises(ValueError, match="at least 8 pixels each way"):
        read_picture(encoded(Image.new("RGB", (400, 3))), "p.png")
