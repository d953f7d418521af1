"""The one reader of pictures: each kind of file against values computed by hand; whatever cannot be read is named."""

import random
import struct
import subprocess
import sys
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.core.pictures import upload
from hatnet import data, pictures, preprocessing
from hatnet.pictures import read_picture
from tests.app.pictures import bomb, encoded

FILES, ROOT = Path(__file__).parent / "data", Path(__file__).parents[2]
LEFT_RED = np.zeros((20, 30, 3), np.uint8)
LEFT_RED[:, :15, 0] = 255
UP = np.zeros((24, 32, 3), np.uint8)  # the upper half is light
UP[:12] = 220
ROW = np.zeros((8, 8))


def levels(source, name="p"):
    """The grey levels of the first row, and what was guessed; the colours must be equal."""
    image, guessed = read_picture(source, name)
    pixels = np.asarray(image)
    assert image.mode == "RGB" and pixels.shape[2] == 3 and (pixels == pixels[..., :1]).all()
    return pixels[0, :, 0].tolist(), guessed


def rows(*values, dtype):
    """An array [8, 8] of eight equal rows; the last value fills them."""
    return np.tile(np.array(values + values[-1:] * (8 - len(values)), dtype), (8, 1))


def tiff(values, bits, sample_format=None, key="<", deflate=False, photometric=1):
    """A TIFF file of an array [h, w] or [h, w, 3], written by hand: Pillow writes few of the types that it reads."""
    h, w, *channels = values.shape
    pixels = values.astype(values.dtype.newbyteorder(key)).tobytes()
    pixels = zlib.compress(pixels) if deflate else pixels
    n = (channels or [1])[0]
    tags = {
        256: w,
        257: h,
        258: bits,
        259: 8 if deflate else 1,
        262: photometric if n == 1 else 2,
        273: 400,
        277: n,
        278: h,
        279: len(pixels),
    }
    if n > 1:
        tags[258] = (bits,) * n
    if sample_format:
        tags[339] = sample_format if n == 1 else (sample_format,) * n
    extra, entries = b"", b""
    for tag, value in sorted(tags.items()):
        if isinstance(value, tuple):
            entries += struct.pack(key + "HHII", tag, 3, len(value), 300 + len(extra))
            extra += struct.pack(f"{key}{len(value)}H", *value)
        else:
            entries += struct.pack(key + "HHII", tag, 4, 1, value)
    head = (b"II" if key == "<" else b"MM") + struct.pack(key + "HIH", 42, 8, len(tags)) + entries + bytes(4)
    return head.ljust(300, b"\0") + extra.ljust(100, b"\0") + pixels


def png16(values, transparent=None):
    """A PNG file of 16-bit colours [h, w, 3] or [h, w, 4], written by hand."""
    h, w, n = values.shape

    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    lines = b"".join(b"\0" + line.astype(">u2").tobytes() for line in values)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, 16, 2 if n == 3 else 6, 0, 0, 0))
    key = chunk(b"tRNS", struct.pack(">3H", *transparent)) if transparent else b""
    return b"\x89PNG\r\n\x1a\n" + header + key + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("image", "kind"),
    [
        (Image.fromarray(LEFT_RED), "PNG"),
        (Image.fromarray(LEFT_RED), "WEBP"),
        (Image.fromarray(LEFT_RED), "AVIF"),
        (Image.fromarray(LEFT_RED), "PPM"),
        (Image.fromarray(LEFT_RED), "BMP"),
        (Image.fromarray(LEFT_RED).convert("CMYK"), "JPEG"),
        (Image.fromarray(LEFT_RED).convert("CMYK"), "TIFF"),
        (Image.fromarray(LEFT_RED).convert("RGBA"), "PNG"),
        (Image.fromarray(LEFT_RED).quantize(4), "PNG"),
        (Image.fromarray(LEFT_RED).quantize(4), "GIF"),
    ],
    ids=lambda value: getattr(value, "mode", value),
)
def test_colour_pictures_keep_their_colours(image, kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    picture, guessed = read_picture(encoded(image, kind, **options), "p")
    assert picture.mode == "RGB" and picture.size == (30, 20) and guessed == ""
    (r, g, b), (r2, g2, b2) = picture.getpixel((4, 10)), picture.getpixel((25, 10))
    assert r > 230 and max(g, b) < 25 and max(r2, g2, b2) < 25


def test_lab_is_converted():
    """L* 53.4 of 100 (136 of 255) without colour is the grey level 128 of sRGB."""
    (level, *_), _ = levels(encoded(Image.new("LAB", (8, 8), (136, 128, 128)), "TIFF"))
    assert abs(level - 128) <= 1


EIGHT = [0, 1, 64, 200, 252, 252, 252, 252]
FITS = "Its values fit into {} bits, so 0 to {} is read as black to white."
LEAST = "so the least is read as black and the greatest as white."


@pytest.mark.parametrize(
    ("file", "wanted", "guessed"),
    [
        # uint8 in a wider type: the numbers stay.
        (encoded(Image.fromarray(rows(0, 1, 64, 200, 252, dtype=np.int32)), "TIFF"), EIGHT, FITS.format(8, "255")),
        (encoded(Image.fromarray(rows(0, 1, 64, 200, 252, dtype=np.uint16))), EIGHT, FITS.format(8, "255")),
        (encoded(Image.fromarray(rows(0, 1, 64, 200, 252, dtype=np.uint8)), "TIFF"), EIGHT, ""),
        # 10, 12, 16, 32 bits: v / (2^n - 1) * 255; 256 / 1023 * 255 = 63.8; 1024 / 4095 * 255 = 63.8; 4096 / 65535 * 255 = 15.9.
        (encoded(Image.fromarray(rows(0, 256, 1023, dtype=np.uint16))), [0, 64, 255], FITS.format(10, "1,023")),
        (encoded(Image.fromarray(rows(0, 1024, 4095, dtype=np.uint16))), [0, 64, 255], FITS.format(12, "4,095")),
        (encoded(Image.fromarray(rows(0, 4096, 65535, dtype=np.uint16))), [0, 16, 255], ""),
        (encoded(Image.fromarray(rows(0, 1024, 4096, dtype=np.uint16))), [0, 4, 16], ""),
        (encoded(Image.fromarray(rows(0, 65536, 16777216, dtype=np.int32)), "TIFF"), [0, 0, 1], ""),
        (tiff(rows(0, 2**31, 2**32 - 1, dtype=np.uint32), 32), [0, 128, 255], ""),  # Pillow: negative
        (tiff(rows(0, 1024, 4095, dtype=np.uint16), 16, key=">"), [0, 64, 255], FITS.format(12, "4,095")),  # I;16B
        (tiff(rows(0, 1024, 4095, dtype=np.uint16), 16, deflate=True), [0, 64, 255], FITS.format(12, "4,095")),
        (tiff(rows(0, 2**31, 2**32 - 1, dtype=np.uint32), 32, key=">"), [0, 128, 255], ""),
        (tiff(rows(0, 1024, 4095, dtype=np.uint16), 16, photometric=0), [255, 191, 0], FITS.format(12, "4,095")),  # white is zero
        # Negative: from the least to the greatest; (0 + 100) / 400 * 255 = 63.75.
        (tiff(rows(-100, 0, 300, dtype=np.int32), 32, 2), [0, 64, 255], f"Some of its values are negative, {LEAST}"),
        (tiff(rows(-100, 0, 300, dtype=np.int16), 16, 2), [0, 64, 255], f"Some of its values are negative, {LEAST}"),
        (tiff(rows(-100, 0, 100, dtype=np.int8), 8, 2), [0, 128, 255], f"Some of its values are negative, {LEAST}"),
        (tiff(rows(-5, dtype=np.int32), 32, 2), [0], f"Some of its values are negative, {LEAST}"),
        (tiff(rows(0, 100, dtype=np.int8), 8, 2), [0, 100], ""),
        # Floats.
        (tiff(rows(0, 0.25, 0.5, dtype=np.float32), 32, 3), [0, 64, 128], ""),
        (tiff(rows(0, 0.25, 0.5, dtype=np.float64), 64, 3), [0, 64, 128], ""),
        (tiff(rows(0, 0.25, 0.5, dtype=np.float64), 64, 3, key=">"), [0, 64, 128], ""),
        (tiff(rows(0.5, np.nan, 1, dtype=np.float32), 32, 3), [128, 0, 255], "Values that are not numbers are read as black."),
        (tiff(rows(-1, 0, 3, dtype=np.float32), 32, 3), [0, 64, 255], f"Its values do not lie within 0 and 1, {LEAST}"),
        (
            tiff(rows(5, 6, 9, np.inf, -np.inf, dtype=np.float32), 32, 3),
            [0, 64, 255, 255, 0],
            f"Its values do not lie within 0 and 1, {LEAST}",
        ),
        (
            tiff(rows(5, np.nan, 9, dtype=np.float32), 32, 3),
            [0, 0, 255],
            f"Its values do not lie within 0 and 1, {LEAST} Values that are not numbers are read as black.",
        ),
        (tiff(rows(np.nan, dtype=np.float32), 32, 3), [0], "Values that are not numbers are read as black."),
        (tiff(rows(7, dtype=np.float32), 32, 3), [0], f"Its values do not lie within 0 and 1, {LEAST}"),
        (tiff(rows(1, dtype=np.float32), 32, 3), [255], ""),
        # A PGM says what its greatest value is: Pillow scales by it.
        (b"P5 8 8 65535\n" + rows(0, 4096, 65535, dtype=">u2").tobytes(), [0, 16, 255], ""),
        # 16-bit colours with 12 bits used, of which Pillow keeps the high byte.
        (png16(np.repeat(rows(0, 1024, 4095, dtype=np.uint16)[..., None], 3, 2)), [0, 64, 255], FITS.format(12, "4,095")),
        (tiff(np.repeat(rows(0, 1024, 4095, dtype=np.uint16)[..., None], 3, 2), 16), [0, 64, 255], FITS.format(12, "4,095")),
        (tiff(np.repeat(rows(0, 1024, 4095, dtype=np.uint16)[..., None], 3, 2), 16, key=">"), [0, 64, 255], FITS.format(12, "4,095")),
        (tiff(np.repeat(rows(0, 1024, 4095, dtype=np.uint16)[..., None], 3, 2), 16, deflate=True), [0, 64, 255], FITS.format(12, "4,095")),
        (png16(np.repeat(rows(0, 16384, 65535, dtype=np.uint16)[..., None], 3, 2)), [0, 64, 255], ""),
    ],
)
def test_numbers_become_grey_levels(file, wanted, guessed):
    row, said = levels(file)
    assert row[: len(wanted)] == wanted and set(row[len(wanted) :]) <= {wanted[-1]}
    assert said == guessed


def test_one_bit_and_transparent_pictures():
    half = Image.new("1", (20, 20))
    half.paste(1, (0, 0, 10, 20))
    assert levels(encoded(half))[0] == [255] * 10 + [0] * 10
    clear, gone = Image.new("RGBA", (20, 20), (0, 0, 0, 0)), 0
    assert levels(encoded(clear))[0] == [255] * 20
    assert levels(encoded(Image.new("RGBA", (20, 20), (0, 0, 0, 51))))[0] == [204] * 20  # a fifth of black on white
    assert levels(encoded(Image.new("LA", (20, 20), (0, 51))))[0] == [204] * 20
    assert levels(encoded(Image.new("L", (20, 20), 0), transparency=gone))[0] == [255] * 20
    assert levels(encoded(Image.new("RGB", (20, 20), 0), transparency=(0, 0, 0)))[0] == [255] * 20
    assert levels(encoded(Image.new("P", (20, 20), 0), transparency=gone))[0] == [255] * 20
    assert levels(encoded(Image.new("P", (20, 20), 0), "GIF", transparency=gone))[0] == [255] * 20
    # A key of 16 bits: exactly this grey, or this colour, is transparent.
    assert levels(encoded(Image.fromarray(rows(300, 301, 65535, dtype=np.uint16)), transparency=300))[0][:3] == [255, 1, 255]
    deep = np.repeat(rows(300, 301, 65535, dtype=np.uint16)[..., None], 3, 2)
    assert levels(png16(deep, (300, 300, 300)))[0][:3] == [255, 1, 255]
    alpha = np.concatenate([deep // 16, np.full((8, 8, 1), 13107)], 2)  # a fifth: 0.2 * 1 + 0.8 * 255
    assert levels(png16(alpha))[0][:3] == [204, 204, 255]


def test_premultiplied_grey():
    image = Image.new("LA", (8, 8), (100, 51)).convert("La")  # 20 of 255 is left: 0.2 * 100 + 0.8 * 255 = 224
    assert np.asarray(pictures._on_white(image))[0, 0].tolist() == [224] * 3


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_a_rotated_photograph_is_turned_upright(kind):
    """Where the upper edge's left end lands, for each orientation: a light corner in the dark."""
    corner = np.zeros((24, 32, 3), np.uint8)
    corner[:12, :16] = 220
    for orientation, (x, y) in {1: (0, 0), 2: (1, 0), 3: (1, 1), 4: (0, 1), 5: (0, 0), 6: (1, 0), 7: (1, 1), 8: (0, 1)}.items():
        exif = Image.Exif()
        exif[274] = orientation
        picture = read_picture(encoded(Image.fromarray(corner), kind, exif=exif), "p")[0]
        assert picture.size == ((32, 24) if orientation < 5 else (24, 32))
        light = [(i, j) for i in (0, 1) for j in (0, 1) if picture.getpixel((i * 23, j * 23))[0] > 110]
        assert light == [(x, y)], orientation


def test_heic():
    """Turned as its container says (light half to the right), and that once, though its EXIF block says so as well."""
    pytest.importorskip("pi_heif")
    turned, said = read_picture((FILES / "turned.heic").read_bytes(), "turned.heic")
    assert turned.size == (64, 96) and said == "" and turned.mode == "RGB"
    assert min(turned.getpixel((60, 48))) > 200 and max(turned.getpixel((4, 48))) < 20
    clear, _ = read_picture(FILES / "transparent.heic", "transparent.heic")
    assert min(clear.getpixel((10, 60))) > 250 and max(clear.getpixel((90, 60))[:2]) < 20  # the left half is transparent


def test_without_its_decoder_a_picture_is_named(monkeypatch):
    monkeypatch.setattr(Image, "OPEN", {kind: entry for kind, entry in Image.OPEN.items() if kind != "HEIF"})
    with pytest.raises(ValueError, match=r"^a.heic is a picture of the kind HEIC. To read it, install .* pip install pi-heif.$"):
        read_picture(FILES / "turned.heic", "a.heic")
    avif = encoded(Image.fromarray(UP), "AVIF")
    monkeypatch.setattr("PIL.AvifImagePlugin.SUPPORTED", False)
    monkeypatch.setattr("PIL.features.check", lambda what: False)
    with pytest.raises(ValueError, match=r"^a.avif is a picture of the kind AVIF. To read it, install Pillow 11.3"):
        read_picture(avif, "a.avif")


def exif_block():
    """Orientation 6 beside a few tags of other types, as a camera writes them."""
    exif = Image.Exif()
    exif[274], exif[271], exif[282] = 6, "camera", 72.5
    exif.get_ifd(34665)[33434] = 0.01
    exif.get_ifd(34853).update({1: "N", 2: (1.0, 2.0, 3.5)})
    return exif.tobytes()


def mutated(block, draw):
    block = bytearray(block)
    for _ in range(draw.choice((1, 1, 2, 4))):
        place = draw.randrange(6, len(block) - 4)
        if draw.random() < 0.6:
            block[place] = draw.choice((0, 1, 5, 9, 10, 12, 127, 255, draw.randrange(256)))
        else:
            block[place : place + 4] = struct.pack("<i", draw.choice((-1, 0, 1, 2**31 - 1, -(2**31))))
    return bytes(block)


@pytest.mark.filterwarnings("ignore")  # Pillow warns of corrupt EXIF data
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_damaged_exif_block_costs_the_rotation_at_most(kind):
    draw, sizes = random.Random(0), set()
    for _ in range(80):
        sizes.add(read_picture(encoded(Image.fromarray(UP), kind, exif=mutated(exif_block(), draw)), "p")[0].size)
    assert sizes == {(32, 24), (24, 32)}


@pytest.mark.filterwarnings("ignore")
def test_a_damaged_exif_block_in_a_container_costs_the_rotation_at_most():
    draw = random.Random(0)
    avif, heic = encoded(Image.fromarray(UP), "AVIF", exif=exif_block()), (FILES / "turned.heic").read_bytes()
    for file, size in ((avif, (24, 32)), (heic, (64, 96))):
        start = file.rfind(b"MM\0*")
        for _ in range(40):
            damaged = file[: start - 6] + mutated(file[start - 6 : start + 26], draw) + file[start + 26 :]
            assert read_picture(damaged, "p")[0].size == size  # their rotation stands elsewhere in the file


@pytest.mark.filterwarnings("ignore")
def test_a_negative_rational_beside_the_orientation():
    """A signed -1/0 for the resolution, which Pillow reads but cannot write: exif_transpose raises struct.error."""
    tags = [(274, 3, 1, struct.pack("<HH", 6, 0)), (282, 10, 1, struct.pack("<I", 8 + 2 + 24 + 4))]
    body = b"II*\0" + struct.pack("<IH", 8, 2) + b"".join(struct.pack("<HHI", *tag[:3]) + tag[3] for tag in tags) + bytes(4)
    file = encoded(Image.fromarray(UP), "JPEG", exif=b"Exif\0\0" + body + struct.pack("<ii", -1, 0))
    assert read_picture(file, "p")[0].size == (24, 32)


@pytest.mark.filterwarnings("ignore")
def test_any_bytes_are_a_picture_or_a_message():
    draw = random.Random(1)
    files = [encoded(Image.fromarray(UP), kind) for kind in ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "PPM", "AVIF")]
    files += [(FILES / "turned.heic").read_bytes(), tiff(rows(5, 9, dtype=np.float32), 32, 3), png16(np.zeros((8, 8, 3)))]
    for file in files * 25:
        damaged = bytearray(file[: draw.choice((len(file), draw.randrange(len(file))))])
        for _ in range(draw.randrange(6)):
            if damaged:
                damaged[draw.randrange(min(len(damaged), 200))] = draw.randrange(256)
        try:
            assert read_picture(bytes(damaged), "p")[0].mode == "RGB"
        except ValueError as error:
            assert str(error).startswith("p ")


def test_a_bomb_is_refused_before_it_is_decoded():
    with pytest.raises(ValueError, match=r"^bomb.png has 100 megapixels. Scale it down to at most 89.$"):
        read_picture(bomb(10_000, 10_000), "bomb.png")
    claims = struct.pack(">HH", 24, 32), struct.pack(">HH", 16_000, 16_000)
    for progressive, most in ((False, 200), (True, 89)):  # a progressive one is held whole, whatever size is decoded
        file = encoded(Image.fromarray(UP), "JPEG", progressive=progressive).replace(*claims)
        with pytest.raises(ValueError, match=rf"^bomb.jpg has 256 megapixels. Scale it down to at most {most}.$"):
            read_picture(file, "bomb.jpg")


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (b"", "a.png", "a.png is not a picture: the file is empty. Copy it anew."),
        (b"no picture at all", "a.png", "a.png is not a picture we can read. Save it again as PNG or JPEG."),
        (b"P", "a.png", "a.png is not a picture we can read. Save it again as PNG or JPEG."),
        (encoded(Image.fromarray(UP))[:60], "a.png", "a.png is a damaged or unusual PNG picture."),
        (encoded(Image.fromarray(UP), "JPEG")[:-200], "a.jpg", "a.jpg is a damaged or unusual JPEG picture."),
        (tiff(np.zeros((8, 8, 3), np.float32), 32, 3), "a.tif", "a.tif is a damaged or unusual TIFF picture."),
        (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", "photo.mov", "photo.mov is a QuickTime video."),
        (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", "photo.jpg", "photo.jpg is a QuickTime video."),
        (b"\0\0\0\x18ftypisom\0\0\0\0", "clip.heic", "clip.heic is an MP4 video."),
        (b"garbage", "photo.MOV", "photo.MOV is a QuickTime video."),
        (b"%PDF-1.7\n", "scan.pdf", "scan.pdf is a PDF document."),
        (b"RIFF\0\0\0\0AVI LIST", "a.avi", "a.avi is an AVI video."),
        (b"RIFF\0\0\0\0WAVEfmt ", "a.wav", "a.wav is an audio recording."),
        (b"\xef\xbb\xbf\n<!DOCTYPE HTML>", "cat.jpg", "cat.jpg is a web page."),
        (b'<?xml version="1.0"?><svg/>', "a.svg", "a.svg is an SVG drawing."),
        (b"PK\3\4", "a.docx", "a.docx is a ZIP archive or an Office document."),
        (b"version https://git-lfs.github.com/spec/v1", "a.png", "a.png is a pointer of Git LFS"),
    ],
)
def test_what_cannot_be_read_is_named(content, name, said):
    with pytest.raises(ValueError) as caught:
        read_picture(content, name)
    assert str(caught.value).startswith(said)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(OSError):
        read_picture(tmp_path / "none.png", "none.png")


def test_several_frames_give_the_first():
    first, second = Image.fromarray(UP), Image.fromarray(255 - UP)
    for kind in ("GIF", "TIFF", "WEBP", "PNG", "MPO", "AVIF"):
        picture, _ = read_picture(encoded(first, kind, save_all=True, append_images=[second]), "p")
        assert picture.size == (32, 24) and picture.getpixel((16, 2))[0] > 200 and picture.getpixel((16, 22))[0] < 20, kind


def test_large_pictures_are_reduced_the_same_way_everywhere(monkeypatch):
    """By means of 4 x 4 pixels, whatever the strips: 480 pixels into at most 30."""
    monkeypatch.setattr(pictures, "LARGE", 400)
    monkeypatch.setattr(pictures, "KEPT", 30)
    monkeypatch.setattr(pictures, "STRIP", 100)
    noise = np.random.default_rng(0).integers(0, 256, (20, 24, 3), dtype=np.uint8)
    means = noise.reshape(5, 4, 6, 4, 3).mean((1, 3))
    picture, _ = read_picture(encoded(Image.fromarray(noise)), "p")
    np.testing.assert_allclose(np.asarray(picture), means, atol=0.51)
    opaque = Image.fromarray(noise).convert("RGBA")
    np.testing.assert_allclose(np.asarray(read_picture(encoded(opaque), "p")[0]), means, atol=0.51)
    deep = noise[..., 0].astype(np.uint16) * 257
    np.testing.assert_allclose(np.asarray(read_picture(encoded(Image.fromarray(deep)), "p")[0])[..., 0], means[..., 0], atol=0.51)
    assert read_picture(encoded(Image.fromarray(noise), "JPEG"), "p")[0].size == (6, 5)
    turned = Image.Exif()
    turned[274] = 6
    assert read_picture(encoded(Image.fromarray(noise), "JPEG", exif=turned), "p")[0].size == (5, 6)
    assert read_picture(encoded(Image.fromarray(noise[:16])), "p")[0].size == (24, 16)  # 384 pixels: each is kept


def test_strips_do_not_show(monkeypatch):
    noise = np.random.default_rng(0).integers(0, 256, (21, 24, 4), dtype=np.uint8)
    whole = np.asarray(read_picture(encoded(Image.fromarray(noise)), "p")[0])
    monkeypatch.setattr(pictures, "STRIP", 50)
    np.testing.assert_array_equal(np.asarray(read_picture(encoded(Image.fromarray(noise)), "p")[0]), whole)
    monkeypatch.setattr(pictures, "LARGE", 400)
    assert read_picture(encoded(Image.fromarray(noise)), "p")[0].size == (12, 11)  # the last row: means of what is there


PEAK = """
import re, sys
from pathlib import Path
from hatnet.pictures import read_picture
def memory(what): return int(re.search(what + r":\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024
read_picture(sys.argv[1], "small")
before = memory("VmRSS")
for path in sys.argv[2:]:
    picture, _ = read_picture(path, path)
    print(*picture.size, memory("VmHWM") - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_photographs_of_48_megapixels_fit_into_memory(tmp_path):
    """In MB, the peak of each: a JPEG 200, a PNG or HEIC 400, in ascending order."""
    pytest.importorskip("pi_heif")
    large, turned = Image.new("RGB", (8064, 6048), (200, 120, 40)), Image.Exif()
    turned[274] = 6
    Image.fromarray(UP).save(tmp_path / "small.png")
    large.save(tmp_path / "a.jpg", exif=turned)
    large.save(tmp_path / "b.jpg", progressive=True)
    large.save(tmp_path / "c.png", exif=turned, compress_level=1)
    files = [tmp_path / "small.png", tmp_path / "a.jpg", tmp_path / "b.jpg", tmp_path / "c.png", FILES / "48_megapixels.heic"]
    done = subprocess.run([sys.executable, "-c", PEAK, *files], capture_output=True, text=True, check=True, cwd=ROOT)
    lines = [tuple(map(float, line.split())) for line in done.stdout.splitlines()]
    assert [line[:2] for line in lines] == [(1512, 2016), (2016, 1512), (1512, 2016), (2016, 1512)]
    assert all(peak < most for (*_, peak), most in zip(lines, (200, 200, 400, 400), strict=True))


@pytest.mark.parametrize(
    "file",
    [
        encoded(Image.fromarray(UP), "JPEG", exif=exif_block()),
        encoded(Image.fromarray(rows(0, 1024, 4095, dtype=np.uint16))),
        tiff(rows(0, np.nan, 200, dtype=np.float32), 32, 3),
        encoded(Image.new("RGBA", (9, 9), (0, 0, 0, 100))),
    ],
)
def test_trainer_and_app_see_the_same(file, tmp_path):
    (tmp_path / "a").write_bytes(file)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trained = preprocessing.decode(tmp_path / "a", 8)
    shown = np.array(preprocessing.centre_crop(upload(file, "a").image, 8))
    np.testing.assert_array_equal(trained.permute(1, 2, 0).numpy(), shown)


def test_the_page_keeps_less_of_a_large_upload_and_refuses_a_sliver():
    assert upload(encoded(Image.new("RGB", (3000, 600))), "p").image.size == (1024, 205)
    assert upload(encoded(Image.fromarray(rows(0, 252, dtype=np.int32)), "TIFF"), "p").guessed == FITS.format(8, "255")
    with pytest.raises(ValueError, match=r"p.png is 400 × 3 pixels. Choose one with at least 8 pixels each way."):
        upload(encoded(Image.new("RGB", (400, 3))), "p.png")


def test_eight_bit_rgb_is_decoded_as_by_pillow_alone(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (150, 200, 3), dtype=np.uint8)
    for name in ("a.png", "a.jpg", "a.webp"):
        Image.fromarray(noise).save(tmp_path / name)
        alone = Image.open(tmp_path / name).convert("RGB")
        wanted = alone.resize((48, 48), Image.Resampling.BICUBIC, box=(25, 0, 175, 150), reducing_gap=3.0)
        np.testing.assert_array_equal(preprocessing.decode(tmp_path / name, 48).permute(1, 2, 0).numpy(), np.asarray(wanted))


def test_the_trainer_takes_every_kind_that_is_read_and_warns_once_of_each_guess(tmp_path, monkeypatch):
    monkeypatch.setattr(preprocessing, "REPORTED", set())
    (tmp_path / "x").mkdir()
    for name in ("1.jfif", "2.AVIF", "3.tif", "4.tif", "5.Gif", "6.tif"):
        image = Image.fromarray(UP)
        if name == "3.tif" or name == "4.tif":
            image = Image.fromarray(rows(0, 252, dtype=np.int32))
        elif name == "6.tif":
            image = Image.fromarray(rows(0.0, 7.0, dtype=np.float32))
        image.save(tmp_path / "x" / name, {"1": "JPEG", "2": "AVIF", "5": "GIF"}.get(name[0], "TIFF"))
    (tmp_path / "x" / "7.heic").write_bytes((FILES / "turned.heic").read_bytes())
    (tmp_path / "x" / "notes.txt").write_text("not a picture")
    (tmp_path / "y").mkdir()  # a folder of one class would be refused
    Image.fromarray(UP).save(tmp_path / "y" / "8.png")
    with pytest.warns(UserWarning) as said:
        train, val = (data.load(f"folder:{tmp_path}", part, 8, 0.2) for part in ("train", "val"))
    assert len(train) + len(val) == 8
    texts = sorted(str(warning.message) for warning in said)
    assert len(texts) == 2 and any("3.tif: " in text or "4.tif: " in text for text in texts) and any("6.tif: " in text for text in texts)
