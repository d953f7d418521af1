"""Files as a class of thirty uploads them, and worse: each is built here, and each gives a picture or one clear sentence.

Used by the test of the reader (tests/hatnet/test_pictures.py), the test through the browser (tests/browser/test_uploads.py), and the fuzz
target (.ci/fuzz.py), which begins from these.
"""

import functools
import io
import random
import struct
import zipfile
import zlib
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageCms

from tests.app.pictures import bomb, encoded

PHOTO = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
NOT_A_PICTURE = "is not a picture we can read"
DAMAGED = "is a damaged or unusual"


@dataclass(frozen=True)
class Upload:
    """A file, and what must come of it."""

    name: str
    content: bytes
    gives: tuple[int, int] | str  # the picture's size as the app keeps it (at most 1,024 pixels each way), or a part of the sentence


def chunk(name: bytes, content: bytes) -> bytes:
    """A chunk of a PNG file."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(width: int, height: int, rows: bytes, depth: int = 8, colour: int = 2, before: bytes = b"") -> bytes:
    """A PNG file of compressed rows, whatever they hold; before: chunks ahead of them."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + before + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def flat(width: int, height: int, level: int) -> bytes:
    """Compressed rows of an RGB picture of one grey level, made a row at a time."""
    packer, row = zlib.compressobj(1), b"\0" + bytes((level,)) * 3 * width
    return b"".join(packer.compress(row) for _ in range(height)) + packer.flush()


def zip_bomb() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("picture.png", bytes(10_000_000))
    return file.getvalue()


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[274] = orientation
    return exif


@functools.cache
def uploads() -> tuple[Upload, ...]:
    """All of them; those of `FEW` first."""
    rgb, made = Image.fromarray(PHOTO), {}
    good = {kind: encoded(rgb, kind) for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF")}
    noise = random.Random(0).randbytes(3000)

    def add(name, content, gives):
        assert name not in made, name
        made[name] = Upload(name, content, gives)

    for kind, content in good.items():
        add(f"good.{kind.lower()}", content, (64, 48))
        if kind != "PPM":  # its header has 13 bytes
            add(f"first-20-bytes.{kind.lower()}", content[:20], DAMAGED)
        add(f"half.{kind.lower()}", content[: len(content) // 2], DAMAGED)
        add(f"garbage-after-its-start.{kind.lower()}", content[:16] + noise, DAMAGED)
    # No pictures, whatever they are called.
    add("empty.png", b"", "the file is empty")
    add("one-byte.jpg", b"\xff", NOT_A_PICTURE)
    add("noise.png", noise, NOT_A_PICTURE)
    add("zeros.png", bytes(4000), NOT_A_PICTURE)
    script = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'><script>window.hacked = 1</script></svg>"
    add("drawing.png", script, "is an SVG drawing")
    add("drawing.svg", b"<?xml version='1.0'?>" + script, "is an SVG drawing")
    add("page.png", b"<!doctype html><script>window.hacked = 1</script>", "is a web page")
    add("page.jpg", b"\n\n<html><body onload=alert(1)>", "is a web page")
    add("program.png", b"\x7fELF" + noise, NOT_A_PICTURE)
    add("pickle.png", b"\x80\x04cos\nsystem\n(S'true'\ntR.", NOT_A_PICTURE)
    add("archive.png", zip_bomb(), "is a ZIP archive")
    add("picture.png.zip", zip_bomb()[:200], "is a ZIP archive")
    add("scan.pdf", b"%PDF-1.7\n" + noise, "is a PDF document")
    add("print.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is a PostScript document")
    add("film.mov", b"\0\0\0\x14ftypqt  " + noise, "is a QuickTime video")
    add("layers.psd", b"8BPS\0\1" + noise, "is a Photoshop file")
    add("drawing.wmf", b"\xd7\xcd\xc6\x9a" + noise, NOT_A_PICTURE)
    # Bombs: a few kilobytes that claim more than memory holds.
    add("bomb.png", bomb(10_000, 10_000), "has 100 megapixels")
    add("bomb-of-4-gigapixels.png", png(65_535, 65_535, b""), "has 4,295 megapixels")
    add("bomb.gif", b"GIF89a\xff\xff\xff\xff\x80\0\0" + bytes(6) + b",\0\0\0\0\xff\xff\xff\xff\0\2\2L\1\0;", "has 4,295 megapixels")
    claim = struct.pack(">HH", 48, 64), struct.pack(">HH", 65_000, 65_000)
    add("bomb.jpg", good["JPEG"].replace(*claim), "has 4,225 megapixels")
    add("bomb.bmp", good["BMP"][:18] + struct.pack("<ii", 60_000, 60_000) + good["BMP"][26:], "has 3,600 megapixels")
    add("bomb.ppm", b"P6 50000 50000 255\n", "has 2,500 megapixels")
    profile = chunk(b"iCCP", b"profile\0\0" + zlib.compress(bytes(20_000_000)))
    add("bomb-in-its-profile.png", png(8, 8, flat(8, 8, 9), before=profile), DAMAGED)
    text = chunk(b"zTXt", b"comment\0\0" + zlib.compress(bytes(20_000_000)))
    add("bomb-in-its-text.png", png(8, 8, flat(8, 8, 9), before=text), DAMAGED)
    add("more-rows-than-it-claims.png", png(8, 8, flat(8, 100_000, 9)), (8, 8))
    add("no-rows.png", png(8, 8, b""), DAMAGED)
    add("nothing-wide.png", png(0, 8, flat(8, 8, 9)), DAMAGED)
    # Sizes.
    add("1x1.png", encoded(rgb.resize((1, 1))), "is 1 × 1 pixels")
    add("1x10000.png", encoded(rgb.resize((1, 10_000))), "is 1 × 10000 pixels")
    add("10000x1.jpg", encoded(rgb.resize((10_000, 1)), "JPEG"), "is 10000 × 1 pixels")
    add("8x8.png", encoded(rgb.resize((8, 8))), (8, 8))
    add("20000x10.png", png(20_000, 10, flat(20_000, 10, 200)), (1024, 1))
    add("50-megapixels.png", png(8_192, 6_104, flat(8_192, 6_104, 200)), (1024, 763))
    # Kinds.
    add("cmyk.jpg", encoded(rgb.convert("CMYK"), "JPEG"), (64, 48))
    add("cmyk.tif", encoded(rgb.convert("CMYK"), "TIFF"), (64, 48))
    add("lab.tif", encoded(Image.new("LAB", (64, 48), (99, 1, 1)), "TIFF"), (64, 48))
    add("grey-16-bit.png", encoded(Image.fromarray(PHOTO[..., 0].astype(np.uint16) * 257)), (64, 48))
    deep = zlib.compress(b"".join(b"\0" + row.tobytes() for row in PHOTO.astype(">u2") * 257))
    add("colours-16-bit.png", png(64, 48, deep, depth=16), (64, 48))
    add("float.tif", encoded(Image.fromarray(PHOTO[..., 0].astype(np.float32) / 255), "TIFF"), (64, 48))
    add("one-bit.png", encoded(rgb.convert("1")), (64, 48))
    add("palette-with-alpha.png", encoded(rgb.convert("RGBA").quantize(16), transparency=bytes(range(16))), (64, 48))
    add("palette-transparent.gif", encoded(rgb.quantize(16), "GIF", transparency=3), (64, 48))
    add("grey-with-alpha.png", encoded(rgb.convert("LA")), (64, 48))
    add("transparent.webp", encoded(Image.new("RGBA", (64, 48), (9, 9, 9, 0)), "WEBP"), (64, 48))
    frames = {"save_all": True, "append_images": [Image.fromarray(255 - PHOTO)] * 3, "duration": 100}
    for kind in ("GIF", "PNG", "WEBP", "AVIF"):
        add(f"animated.{kind.lower()}", encoded(rgb, kind, **frames), (64, 48))
    add("pages.tiff", encoded(rgb, "TIFF", save_all=True, append_images=[rgb]), (64, 48))
    add("progressive.jpg", encoded(rgb, "JPEG", progressive=True), (64, 48))
    for orientation in (3, 6, 9, 65_535):
        add(f"turned-{orientation}.jpg", encoded(rgb, "JPEG", exif=turned(orientation)), (48, 64) if orientation == 6 else (64, 48))
    add("turned.webp", encoded(rgb, "WEBP", exif=turned(8)), (48, 64))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    add("profile.jpg", encoded(rgb, "JPEG", icc_profile=srgb), (64, 48))
    add("profile.png", encoded(rgb, "PNG", icc_profile=srgb), (64, 48))
    add("profile-that-is-noise.jpg", encoded(rgb, "JPEG", icc_profile=noise), (64, 48))
    add("picture-with-a-zip-behind-it.png", good["PNG"] + zip_bomb(), (64, 48))
    add("jpeg-called.png", good["JPEG"], (64, 48))
    # Names.
    for name in NAMES:
        add(name, good["PNG"], (64, 48))
    add("<script>window.hacked = 1</script>.txt", noise, "is a text")
    return tuple(sorted(made.values(), key=lambda one: (one.name not in FEW, list(made).index(one.name))))


LONG = "x" * 296 + ".png"
NAMES = (
    "../../../etc/passwd.png",
    "..\\..\\windows\\win.png",
    "/etc/shadow.png",
    "C:\\secret.png",
    "🦉🦆.png",
    LONG,
    "name with spaces and 'quotes' and \"more\".png",
    '<img src=x onerror="window.hacked = 1">.png',
    "[click](javascript:window.hacked=1) **bold** $x^2$ :red[x].png",
    "gnp.\u202efdp.png",
    "line\nbreak.png",
    "日本語.png",
    "-rf.png",
    "%2e%2e%2fetc.png",
    "no-extension",
)
FEW = (  # for `make test`: one of each kind
    "half.jpeg",
    "noise.png",
    "drawing.png",
    "page.png",
    "bomb.png",
    "1x1.png",
    "1x10000.png",
    "cmyk.jpg",
    "colours-16-bit.png",
    "palette-with-alpha.png",
    "animated.gif",
    "turned-6.jpg",
    "profile.jpg",
    "../../../etc/passwd.png",
    "🦉🦆.png",
    LONG,
    '<img src=x onerror="window.hacked = 1">.png',
)
