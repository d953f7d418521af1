"""Pictures, and their pixels as the model and the page get them."""

import base64
import hashlib
import io
import re
from dataclasses import dataclass
from functools import partial
from operator import attrgetter

import numpy as np
import streamlit as st
import torch
from PIL import Image

import hatnet
from app.core.checkpoints import Checkpoint
from app.core.samples import FOLDER, SAMPLES
from hatnet import cards
from hatnet.data import IGNORED
from hatnet.pictures import read_picture
from hatnet.preprocessing import centre_crop

SHARP = 720  # pixels: side of the photograph on the page
SMALL = 320  # pixels: enough for the mean colours of cells
LEAST_SIDE = 8  # pixels: of an uploaded photograph
KEPT_SIDE = 1024  # pixels: more than the page shows, and little to keep for each visitor
LONGEST = 60  # characters of a file's name
TINY = 100  # pixels: a smaller picture is shown as the squares that it consists of


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """A photograph at its own size, upright, in RGB; or a drawn picture of cards."""

    image: Image.Image
    title: str
    digest: str  # of its pixels: identifies it in every cache
    credit: str = ""  # the line that its licence wants beside it
    guessed: str = ""  # uploads only: what the reader had to guess, in a sentence
    answers: np.ndarray | None = None  # cards only: int [4, 4], the right class of each cell; IGNORED where nothing is asked
    marked: tuple[int, int] | None = None  # cards only: the cell (y, x) of the marked card


# A cache for all visitors whose functions may take pictures and checkpoints: it compares digests and keys, never pixels or weights.
IDENTITY = {Picture: attrgetter("digest"), Checkpoint: attrgetter("key")}
cached = partial(st.cache_resource, show_spinner=False, hash_funcs=IDENTITY)


@dataclass(frozen=True, kw_only=True, slots=True)
class CellQuestion:
    """What one cell of a picture of cards has to name."""

    about_marked: bool  # the pattern of the marked card, rather than the cell's own
    right: str | None  # the right class; None where nothing is asked
    marked: tuple[int, int]  # the cell (y, x) of the marked card


@cached(max_entries=len(SAMPLES))
def sample(key: str) -> Picture:
    """A picture that comes with the app: a photograph, or cards drawn at full difficulty."""
    facts = SAMPLES[key]
    if facts.seed is None:
        image, _ = read_picture(FOLDER / f"{key}.jpg", key)
        return Picture(image=image, title=facts.title, credit=facts.credit, digest=_digest(image))
    drawn = cards.draw(1, torch.Generator().manual_seed(facts.seed))
    image = Image.fromarray(drawn.pixels[0].permute(1, 2, 0).numpy())
    answers = drawn.labels[0].numpy()
    marked = divmod(int(drawn.marked[0]), answers.shape[1])
    return Picture(image=image, title=facts.title, digest=_digest(image), answers=answers, marked=marked)


def cell_question(picture: Picture, checkpoint: Checkpoint, place: tuple[float, float]) -> CellQuestion | None:
    """The question to the cell at a place; None for a photograph, which is classified as a whole."""
    if picture.answers is None:
        return None
    cell = hatnet.token_at(place, picture.answers.shape)
    answer = int(picture.answers[cell])
    right = None if answer == IGNORED else checkpoint.classes[answer]
    about_marked = cell == divmod(cards.ASKER, picture.answers.shape[1])
    return CellQuestion(about_marked=about_marked, right=right, marked=picture.marked)


def upload(data: bytes, name: str) -> Picture:
    """An uploaded file as a picture of at most KEPT_SIDE pixels each way. Raises ValueError with a text for the page."""
    name = shown_name(name)
    image, guessed = read_picture(data, name)
    if min(image.size) < LEAST_SIDE:
        raise ValueError(f"{name} is {image.width} × {image.height} pixels. Choose one with at least {LEAST_SIDE} pixels each way.")
    image.thumbnail((KEPT_SIDE, KEPT_SIDE), Image.Resampling.LANCZOS)
    return Picture(image=image, title=name, digest=_digest(image), guessed=guessed)


def shown_name(name: str) -> str:
    """A file's name as a page says it: without folders, without characters that show nothing or turn the text around, and short.

    For people alone: no file is ever opened by it.
    """
    name = "".join(filter(str.isprintable, re.split(r"[/\\]", name)[-1])).strip()
    return f"{name[: LONGEST - 10]}…{name[-9:]}" if len(name) > LONGEST else name or "Your file"


def _digest(image: Image.Image) -> str:
    return hashlib.sha256(repr(image.size).encode() + image.tobytes()).hexdigest()


@cached(max_entries=24)
def model_input(picture: Picture, size: int) -> np.ndarray:
    """The picture as the model gets it, before it is normalised: the centre crop, uint8 [size, size, 3]."""
    return _frozen(np.array(centre_crop(picture.image, size)))


@cached(max_entries=24)
def sharp(picture: Picture, side: int = SHARP) -> np.ndarray:
    """The same centre crop for people, uint8 [side, side, 3]; never enlarged, unless it is tiny: then in whole squares."""
    own = min(picture.image.size)
    times = side // own if own < TINY else 1
    return _frozen(np.array(centre_crop(picture.image, min(side, own))).repeat(times, 0).repeat(times, 1))


@cached(max_entries=24)
def thumbnail(picture: Picture) -> np.ndarray:
    """The whole picture, small: uint8 [height, width, 3]."""
    small = picture.image.copy()
    small.thumbnail((SMALL, SMALL), Image.Resampling.LANCZOS)
    return _frozen(np.array(small))


def _frozen(pixels: np.ndarray) -> np.ndarray:
    pixels.setflags(write=False)  # one array for all visitors
    return pixels


@cached(max_entries=64, hash_funcs=IDENTITY | {np.ndarray: np.shape})  # a picture's three arrays differ in shape
def data_uri(picture: Picture, pixels: np.ndarray) -> str:
    """Pixels of a picture (from one of the three functions above) for the browser: small ones exactly, photographs as JPEG."""
    image, file = Image.fromarray(pixels), io.BytesIO()
    kind = "png" if image.width < TINY else "jpeg"
    image.save(file, kind, quality=88)
    return f"data:image/{kind};base64," + base64.b64encode(file.getvalue()).decode()
