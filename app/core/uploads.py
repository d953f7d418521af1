"""The one reader of pictures from outside: whatever arrives, it gives an upright RGB picture or a ValueError that can be shown."""

import io

import numpy as np
from PIL import Image, ImageOps

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
MOST_PIXELS = 40_000_000  # 120 MB as RGB; a 12 kB file can claim far more
LEAST_SIDE = 8  # pixels
KEPT_SIDE = 1024  # pixels: more than any screen shows of it, and little to keep for each visitor


def read_picture(data: bytes, name: str) -> Image.Image:
    """An uploaded file as RGB, upright, at most 1024 pixels wide and high.

    Raises ValueError that says what came and what helps; `name` is the file's name, for that message.
    """
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
        width, height = image.size  # known from the header, before a pixel is decoded
        if width * height > MOST_PIXELS:
            raise TooLarge(f"{name} has {width * height / 1e6:,.0f} megapixels. Scale it down to at most {MOST_PIXELS // 10**6}.")
        if min(width, height) < LEAST_SIDE:
            raise TooLarge(f"{name} is {width} × {height} pixels. Choose one with at least {LEAST_SIDE} pixels each way.")
        image.load()
        return _rgb(ImageOps.exif_transpose(image))
    except TooLarge as error:
        raise ValueError(str(error)) from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise ValueError(f"{name} is not a picture we can read. Save it again as PNG or JPEG.") from None


class TooLarge(Exception):
    """A readable picture of a size that we do not take; its text is for the reader."""


def _rgb(image: Image.Image) -> Image.Image:
    """Any mode Pillow knows as RGB; transparent parts become white, 16 bits become 8."""
    if image.mode.startswith(("I", "F")):  # convert("RGB") would cut values off at 255
        values = np.asarray(image, dtype=np.float64)
        top = 65535 if image.mode.startswith("I") else max(values.max(), 1e-9)
        image = Image.fromarray((values.clip(0, top) / top * 255).round().astype(np.uint8))
    if "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(ground, image)
    image = image.convert("RGB")
    image.thumbnail((KEPT_SIDE, KEPT_SIDE), Image.Resampling.LANCZOS)
    return image
