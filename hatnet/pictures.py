"""The one reader of pictures, for the trainer, for `eval` and for the app: a file becomes an upright 8-bit RGB picture."""

import contextlib
import io
import math
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageFile, TiffImagePlugin, features
from PIL.TiffImagePlugin import TiffImageFile

with contextlib.suppress(ImportError):  # optional: `read_picture` says what is missing
    import pi_heif

    pi_heif.register_heif_opener()

for start, order in ((b"II", ""), (b"MM", "B")):  # numbers that Pillow can unpack, but does not look for in a TIFF: float64, uint32
    TiffImagePlugin.OPEN_INFO.setdefault((start, 1, (3,), 1, (64,), ()), ("F", f"F;64{order}F"))
    TiffImagePlugin.OPEN_INFO.setdefault((start, 1, (1,), 1, (32,), ()), ("I", f"I;32{order}"))

KINDS = {  # Pillow's name of a format: its usual name, and its file extensions
    "PNG": ("PNG", (".png", ".apng")),
    "JPEG": ("JPEG", (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo")),
    "HEIF": ("HEIC", (".heic", ".heif", ".hif")),
    "AVIF": ("AVIF", (".avif",)),
    "WEBP": ("WebP", (".webp",)),
    "GIF": ("GIF", (".gif",)),
    "BMP": ("BMP", (".bmp", ".dib")),
    "TIFF": ("TIFF", (".tif", ".tiff")),
    "PPM": ("PPM", (".ppm", ".pgm", ".pbm", ".pnm", ".pfm")),
}
EXTENSIONS = tuple(extension for _, extensions in KINDS.values() for extension in extensions)
NAMES = " or ".join(", ".join(name for name, _ in KINDS.values()).rsplit(", ", 1))
MISSING = {"HEIF": "the package pi-heif: pip install pi-heif", "AVIF": "Pillow 11.3 or later, built with AVIF"}
OTHERS = (  # what else people take for a picture: what it is, how it begins (from which byte on), its extensions
    ("a QuickTime video", 4, (b"ftypqt", b"moov", b"mdat", b"wide"), (".mov", ".qt")),
    ("a Canon raw photograph", 4, (b"ftypcrx",), (".cr2", ".cr3")),
    ("an audio recording", 4, (b"ftypm4a",), (".m4a",)),
    ("an MP4 video", 4, (b"ftyp",), (".mp4", ".m4v", ".3gp")),
    ("an audio recording", 0, (b"ID3", b"OggS", b"fLaC"), (".mp3", ".wav", ".ogg", ".flac")),
    ("an audio recording", 8, (b"WAVE",), ()),
    ("an AVI video", 8, (b"AVI ",), (".avi",)),
    ("a WebM or Matroska video", 0, (b"\x1aE\xdf\xa3",), (".webm", ".mkv")),
    ("an MPEG video", 0, (b"\0\0\1\xba", b"\0\0\1\xb3"), (".mpg", ".mpeg")),
    ("a PDF document", 0, (b"%PDF",), (".pdf",)),
    ("a PostScript document", 0, (b"%!PS",), (".ps", ".eps")),
    ("an SVG drawing", 0, (b"<svg", b"<?xml"), (".svg",)),
    ("a web page", 0, (b"<!doctype html", b"<html"), (".html", ".htm")),
    ("a ZIP archive or an Office document", 0, (b"PK\3\4",), (".zip", ".docx", ".pptx", ".xlsx")),
    ("a compressed archive", 0, (b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!"), (".gz", ".7z", ".rar")),
    ("a Photoshop file", 0, (b"8BPS",), (".psd",)),
    ("an icon", 0, (b"\0\0\1\0", b"icns"), (".ico", ".icns")),
    ("a JPEG XL picture", 0, (b"\xff\x0a", b"\0\0\0\x0cJXL"), (".jxl",)),
    ("a JPEG 2000 picture", 0, (b"\0\0\0\x0cjP", b"\xff\x4f\xff\x51"), (".jp2", ".j2k")),
    ("a raw photograph", 0, (b"FUJIFILM", b"IIRO", b"IIU\0"), (".raf", ".orf", ".rw2", ".dng", ".nef", ".arw")),
    ("a NumPy array", 0, (b"\x93NUMPY",), (".npy",)),
    ("an HDF5 file", 0, (b"\x89HDF",), (".h5", ".hdf5")),
    ("a DICOM file", 128, (b"DICM",), (".dcm",)),
    ("a FITS file", 0, (b"SIMPLE  =",), (".fits", ".fit")),
    ("macOS metadata, not the picture of that name", 0, (b"\0\5\x16\7",), ()),
    ("a pointer of Git LFS, not the picture itself (git lfs pull fetches it)", 0, (b"version https://git-lfs",), ()),
    ("a text", 0, (), (".txt", ".csv", ".json", ".md")),
)
# A phone's largest sensor has 200 megapixels (16,320 x 12,240). A baseline JPEG is decoded at a fraction of its size. Anything else is
# decoded whole, at 4 bytes a pixel and more: as far as Pillow itself goes without warning of a decompression bomb.
MOST_PIXELS, MOST_PIXELS_WHOLE = 200_000_000, 89_000_000
LARGE = 2**24  # pixels: up to here, every pixel is kept (a camera's 12 megapixels are; 48 are not)
KEPT = 2**23  # pixels: at most what is kept of a larger picture
STRIP = 2**20  # pixels converted at once
BITS = (8, 10, 12, 16, 32)
SAMPLE_FORMAT, SIGNED, PHOTOMETRIC, WHITE_IS_ZERO = 339, 2, 262, 0  # two tags of a TIFF, each with one of its values
ORIENTATION = 274  # the EXIF tag
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
Box = tuple[int, int, int, int]


def read_picture(source: str | os.PathLike[str] | bytes, name: str) -> tuple[Image.Image, str]:
    """A file, or its bytes, as an upright RGB picture, and a sentence for the user if something had to be guessed (else "").

    Of several frames or pages, the first. Transparent parts become white. 8-bit pictures keep their values. Other integers are divided
    by the smallest of 2^8, 2^10, 2^12, 2^16 and 2^32, less 1, that holds the greatest in the file; if some are negative, they are
    scaled from the least to the greatest. Floats within 0 to 1 stay; others are scaled from the least finite one to the greatest. NaN
    becomes black. (16-bit colours that use more than 12 bits lose their low byte: within one level of that rule.)

    A picture of up to LARGE pixels keeps every pixel. A larger one is reduced by the smallest power of two that leaves at most KEPT,
    so that it fits into memory: a JPEG by its decoder (at most by 8), any other by taking means. This depends on the file alone.
    A damaged EXIF block costs the rotation at most. A HEIC is turned as its container says, which is the format's rule.

    name: the file's name, for messages. Raises OSError if the file cannot be opened, and ValueError that says what it is instead of a
    picture that can be read, and what helps.
    """
    with io.BytesIO(source) if isinstance(source, bytes) else open(source, "rb") as file:
        kind, image = _open(file, name)
        width, height = image.size  # from the header, before a pixel is decoded
        jpeg = kind == "JPEG" and not image.info.get("progressive")
        if width * height > (most := MOST_PIXELS if jpeg else MOST_PIXELS_WHOLE):
            raise ValueError(f"{name} has {width * height / 1e6:,.0f} megapixels. Scale it down to at most {most // 10**6}.")
        try:
            return _decode(kind, image, file)
        except Exception as error:  # a decoder that meets damaged data may raise anything
            raise _damaged(name, kind) from error


def _open(file: BinaryIO, name: str) -> tuple[str, ImageFile.ImageFile]:
    """A file's kind and its picture, not yet decoded; ValueError if there is none.

    Not by Image.open, which refuses by a limit of its own, the same for all formats.
    """
    Image.init()  # Pillow's table of formats, Image.OPEN
    start, failed = file.read(512), None
    for kind in KINDS:
        factory, accepts = Image.OPEN.get(kind, (None, None))
        if not factory or not accepts or len(start) < 2 or accepts(start) is not True:  # Pillow's "not supported" is a text
            continue
        failed = kind
        for stream in _streams(file):
            with contextlib.suppress(Exception):  # a damaged header may raise anything
                return kind, factory(stream, name)
    brand = start[8:12] if start[4:8] == b"ftyp" else b""
    if brand in (b"avif", b"avis") and not features.check("avif"):
        failed = "AVIF"
    elif brand[:3] in (b"hei", b"hev", b"mif", b"msf") and "HEIF" not in Image.OPEN:
        failed = "HEIF"
    else:
        raise _damaged(name, failed) if failed else ValueError(_no_picture(start, name))
    raise ValueError(f"{name} is a picture of the kind {KINDS[failed][0]}. To read it, install {MISSING[failed]}.")


def _streams(file: BinaryIO) -> Iterator[BinaryIO]:
    """A file; then, if it could not be opened, the same without its EXIF block, which some of Pillow's formats parse at once."""
    file.seek(0)
    yield file
    file.seek(0)
    yield io.BytesIO(file.read().replace(b"Exif", b"none"))


def _damaged(name: str, kind: str) -> ValueError:
    return ValueError(f"{name} is a damaged or unusual {KINDS[kind][0]} picture. Copy it anew, or save it again as PNG or JPEG.")


def _no_picture(start: bytes, name: str) -> str:
    """A message that says what a file is, by its first bytes or, if they tell nothing, by its extension."""
    if not start:
        return f"{name} is not a picture: the file is empty. Copy it anew."
    text, extension = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower(), os.path.splitext(name)[1].lower()
    begins = (what for what, at, signs, _ in OTHERS if (start.lower()[at:] if at else text).startswith(tuple(map(bytes.lower, signs))))
    called = (what for what, _, _, extensions in OTHERS if extension in extensions)
    if what := next(begins, None) or next(called, None):
        return f"{name} is {what}. Choose a picture: {NAMES}."
    return f"{name} is not a picture we can read. Save it again as PNG or JPEG."


def _decode(kind: str, image: ImageFile.ImageFile, file: BinaryIO) -> tuple[Image.Image, str]:
    """What `read_picture` returns."""
    width, height = image.size
    factor = 1 if width * height <= LARGE else next(2**n for n in range(1, 9) if width * height <= KEPT * 4**n)
    if kind == "JPEG" and factor > 1:
        image.draft(None, (width // factor, height // factor))
        factor = 1
    deep = image.mode in ("RGB", "RGBA", "RGBX") and any(re.search("[^a];16", str(tile[3])) for tile in image.tile)
    image.load()
    dark = deep and np.max(image.getextrema()[:3]) < 16  # of 16 bits, Pillow has kept the high 8: here that is little
    low = _low_bytes(kind, file) if dark or (deep and "transparency" in image.info) else None
    picture, notice = upright_rgb(image, low, factor)
    picture.info = {}  # its EXIF block and key colour have been heeded
    return picture, notice


def upright_rgb(image: Image.Image, low: Image.Image | None = None, factor: int = 1) -> tuple[Image.Image, str]:
    """A picture that Pillow has opened, as `read_picture` gives it. low: the low bytes of its colours, if they count. factor: reduce by.

    Raises ValueError for a picture without pixels.
    """
    if not min(image.size):
        raise ValueError(f"the picture is {image.width} x {image.height} pixels; wanted one at least")
    picture, notice = _rgb(image, low, factor)
    turn = _turn(image)
    return picture if turn is None else picture.transpose(turn), notice


def _turn(image: Image.Image) -> Image.Transpose | None:
    try:
        return TURNS.get(image.getexif().get(ORIENTATION, 1))
    except Exception:  # Pillow's EXIF code meets damaged blocks with struct.error, KeyError, OverflowError and more
        return None


def _low_bytes(kind: str, file: BinaryIO) -> Image.Image:
    """The low bytes of a picture with 16 bits for each colour: decoded in the other order of bytes."""
    file.seek(0)
    image = Image.OPEN[kind][0](file, "")
    swapped = {";16B": ";16L", ";16L": ";16B", ";16N": ";16B" if sys.byteorder == "little" else ";16L"}
    for index, (codec, extents, offset, args) in enumerate(image.tile):
        mode, *rest = (args,) if isinstance(args, str) else args or ()
        mode = mode[:-4] + swapped[mode[-4:]]
        image.tile[index] = ImageFile._Tile(codec, extents, offset, (mode, *rest) if rest else mode)
    image.load()
    return image


def _rgb(image: Image.Image, low: Image.Image | None, factor: int) -> tuple[Image.Image, str]:
    """A decoded picture in RGB, reduced by a factor, and what had to be guessed. low: the low bytes of its colours, if they count.

    Goes from top to bottom in strips of some STRIP pixels, so that no second copy of a large picture is made.
    """
    width, height = image.size
    rows = max(1, STRIP // width // factor) * factor
    boxes = [(0, top, width, min(top + rows, height)) for top in range(0, height, rows)]
    numbers, bits = _numbers(image, low)
    if numbers is None and image.mode == "RGB" and not image.has_transparency_data and factor == 1:
        return image, ""
    black, white, notice = _range(map(numbers, boxes), bits) if numbers else (0, 255, "")
    if isinstance(image, TiffImageFile) and image.tag_v2.get(PHOTOMETRIC) == WHITE_IS_ZERO:  # Pillow turned bytes only
        black, white = white, black
    picture = Image.new("RGB", (math.ceil(width / factor), math.ceil(height / factor)))
    for box in boxes:
        strip = image.crop(box)
        if numbers:
            strip = _scaled(strip, numbers(box), black, white)
        strip = _on_white(strip) if strip.has_transparency_data else strip.convert("RGB")
        picture.paste(strip.reduce(factor) if factor > 1 else strip, (0, box[1] // factor))
    return picture, notice


def _on_white(image: Image.Image) -> Image.Image:
    image = (image.convert("LA") if image.mode == "La" else image).convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def _scaled(strip: Image.Image, values: np.ndarray, black: float, white: float) -> Image.Image:
    """A strip's numbers as 8-bit colours, with its transparency."""
    levels = np.nan_to_num((values - black) / ((white - black) or 1), nan=0, posinf=1, neginf=0).clip(0, 1)
    image = Image.fromarray((levels * 255).round().astype(np.uint8)).convert("RGB")
    if "A" in strip.getbands():
        image.putalpha(strip.getchannel("A"))
    elif "transparency" in strip.info:  # a colour that stands for it
        hidden = (values.reshape(strip.height, strip.width, -1) == strip.info["transparency"]).all(axis=2)
        image.putalpha(Image.fromarray(np.where(hidden, 0, 255).astype(np.uint8)))
    return image


def _numbers(image: Image.Image, low: Image.Image | None) -> tuple[Callable[[Box], np.ndarray] | None, int]:
    """A function that gives the numbers in a box, int64 or float64 [h, w] or [h, w, 3], and their bits in the file (0 for floats).

    None in its place if they are unsigned bytes.
    """
    if low is not None:
        return (lambda box: np.asarray(image.crop(box))[..., :3] * np.int64(256) + np.asarray(low.crop(box))[..., :3]), 16
    signed = isinstance(image, TiffImageFile) and image.tag_v2.get(SAMPLE_FORMAT) in (SIGNED, (SIGNED,))
    stored: type[np.generic] | None
    if image.mode.startswith("I;16"):
        stored, bits = None, 16
    elif image.mode == "I":  # Pillow takes all for signed, and has scaled those of a PPM to 16 bits
        stored, bits = np.uint32 if isinstance(image, TiffImageFile) and not signed else np.int32, 16 if image.format == "PPM" else 32
    elif image.mode == "F":
        stored, bits = np.float32, 0
    elif image.mode == "L" and signed:  # Pillow takes them for unsigned
        stored, bits = np.int8, 8
    else:
        return None, 8

    def numbers(box: Box) -> np.ndarray:
        values = np.asarray(image.crop(box))
        return (values.view(stored) if stored else values).astype(np.int64 if bits else np.float64)

    return numbers, bits


def _range(parts: Iterable[np.ndarray], bits: int) -> tuple[float, float, str]:
    """The values that become black and white, and a sentence if they had to be guessed. The rule stands in `read_picture`."""
    ends, nan, infinite = [], False, False
    for values in parts:
        finite = values[np.isfinite(values)]
        ends += [finite.min(), finite.max()] if finite.size else []
        nan, infinite = nan or bool(np.isnan(values).any()), infinite or bool(np.isinf(values).any())
    black, white = (float(min(ends)), float(max(ends))) if ends else (0.0, 1.0)
    if bits and black >= 0:
        used = next(count for count in BITS if white < 2**count)
        said = f"Its values fit into {used} bits, so 0 to {2**used - 1:,} is read as black to white." if used < bits else ""
        return 0, 2**used - 1, said
    said = "Values that are not numbers are read as black." if nan else ""
    if not bits and black >= 0 and white <= 1 and not infinite:
        return 0, 1, said
    what = "Some of its values are negative" if bits else "Its values do not lie within 0 and 1"
    return black, white, f"{what}, so the least is read as black and the greatest as white. {said}".rstrip()
