"""The one reader of pictures from outside: any bytes become an upright RGB picture or a ValueError with a text for the page."""

import io

import numpy as np
from PIL import Image, ImageOps

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
MOST_PIXELS = 40_000_000  # 120 MB as RGB; a file of 12 kB can claim far more
LEAST_SIDE = 8  # pixels
KEPT_SIDE = 1024  # pixels: more than the page shows, and little to keep for each visitor


def read_picture(data: bytes, name: str) -> Image.Image:
    """An uploaded file as an RGB picture, upright, at most 1024 pixels wide and high.

    name: the file's name, for messages. Raises ValueError that says what is wrong with the file and what helps.
    """
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
        width, height = image.size  # from the header, before a pixel is decoded
        if width * height > MOST_PIXELS:
            raise WrongSize(f"{name} has {width * height / 1e6:,.0f} megapixels. Scale it down to at most {MOST_PIXELS // 10**6}.")
        if min(width, height) < LEAST_SIDE:
            raise WrongSize(f"{name} is {width} × {height} pixels. Choose one with at least {LEAST_SIDE} pixels each way.")
        image.load()
        return _rgb(ImageOps.exif_transpose(image))
    except WrongSize as error:
        raise ValueError(str(error)) from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise ValueError(f"{name} is not a picture we can read. Save it again as PNG or JPEG.") from None


class WrongSize(Exception):
    """A readable picture of an unsuitable size; its text is for the page."""


def _rgb(image: Image.Image) -> Image.Image:
    """Any of Pillow's modes as RGB, at most KEPT_SIDE wide and high; transparent parts become white, 16 bits become 8."""
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
