"""Pictures, and the pixels of them that the model and the page get."""

import base64
import hashlib
import io
from dataclasses import dataclass

import numpy as np
import streamlit as st
import torch
from PIL import Image

import hatnet
from app.core.checkpoints import Checkpoint
from app.core.samples import FOLDER, SAMPLES
from app.core.uploads import read_picture
from hatnet import cards
from hatnet.data import IGNORED, centre_crop

SHARP = 720  # pixels: side of the photograph on the page
SMALL = 320  # pixels: enough for the mean colours of cells
TINY = 100  # pixels: a smaller picture is shown as the squares that it is made of


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """A photograph as it came, upright, in RGB; or a drawn picture of cards."""

    image: Image.Image
    title: str
    digest: str  # of its pixels: the key of every cache
    answers: np.ndarray | None = None  # of cards: int [4, 4], the class wanted of each cell, IGNORED where nothing is asked
    marked: tuple[int, int] | None = None  # of cards: the cell (y, x) of the marked card


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What a cell of cards is asked, and what is right."""

    asker: bool  # it asks for the marked card's pattern, all others for their own
    right: str | None  # a class; None where nothing is asked
    marked: tuple[int, int]  # the cell (y, x) of the marked card


@st.cache_resource(max_entries=len(SAMPLES), show_spinner=False)
def sample(key: str) -> Picture:
    """A picture that comes with the app: a photograph, or cards drawn at full difficulty."""
    facts = SAMPLES[key]
    if facts.seed is None:
        image = Image.open(FOLDER / f"{key}.jpg").convert("RGB")
        return Picture(image=image, title=facts.title, digest=_digest(image))
    drawn = cards.draw(1, torch.Generator().manual_seed(facts.seed))
    image = Image.fromarray(drawn.pixels[0].permute(1, 2, 0).numpy())
    answers = drawn.labels[0].numpy()
    marked = divmod(int(drawn.marked[0]), answers.shape[1])
    return Picture(image=image, title=facts.title, digest=_digest(image), answers=answers, marked=marked)


def asked(picture: Picture, checkpoint: Checkpoint, place: tuple[float, float]) -> Asked | None:
    """What the cell at a place is asked; None for a photograph, of which one thing is asked as a whole."""
    if picture.answers is None:
        return None
    cell = hatnet.token_at(place, picture.answers.shape)
    answer = int(picture.answers[cell])
    right = None if answer == IGNORED else checkpoint.classes[answer]
    return Asked(asker=cell == divmod(cards.ASKER, picture.answers.shape[1]), right=right, marked=picture.marked)


def upload(data: bytes, name: str) -> Picture:
    """An uploaded file. Raises ValueError with a text for the page."""
    image = read_picture(data, name)
    return Picture(image=image, title=name, digest=_digest(image))


def _digest(image: Image.Image) -> str:
    return hashlib.sha256(repr(image.size).encode() + image.tobytes()).hexdigest()


@st.cache_resource(max_entries=32, show_spinner=False)
def _pixels(digest: str, size: int, _image: Image.Image, times: int = 1) -> np.ndarray:
    pixels = np.array(centre_crop(_image, size)).repeat(times, 0).repeat(times, 1)
    pixels.setflags(write=False)  # one object for all visitors
    return pixels


def model_input(picture: Picture, size: int) -> np.ndarray:
    """The model's picture: uint8 [size, size, 3], before it is normalised."""
    return _pixels(picture.digest, size, picture.image)


def sharp(picture: Picture, side: int = SHARP) -> np.ndarray:
    """The same centre crop for people: uint8 [side, side, 3], as sharp as it came, up to `side` pixels."""
    own = min(picture.image.size)
    return _pixels(picture.digest, min(side, own), picture.image, side // own if own < TINY else 1)


@st.cache_resource(max_entries=32, show_spinner=False)
def _thumbnail(digest: str, _image: Image.Image) -> np.ndarray:
    small = _image.copy()
    small.thumbnail((320, 320), Image.Resampling.LANCZOS)
    return np.asarray(small)


def thumbnail(picture: Picture) -> np.ndarray:
    """The whole picture, small: uint8 [height, width, 3]."""
    return _thumbnail(picture.digest, picture.image)


@st.cache_resource(max_entries=64, show_spinner=False)
def _data_uri(digest: str, shape: tuple[int, ...], _pixels: np.ndarray) -> str:
    image, file = Image.fromarray(_pixels), io.BytesIO()
    kind = "png" if image.width < TINY else "jpeg"
    image.save(file, kind, quality=88)
    return f"data:image/{kind};base64," + base64.b64encode(file.getvalue()).decode()


def data_uri(picture: Picture, pixels: np.ndarray) -> str:
    """Pixels of a picture (one of the three above) for the browser. Small ones stay exact, photographs become JPEG."""
    return _data_uri(picture.digest, pixels.shape, pixels)
