"""The visitor's photograph with its token grid, to select a token on."""

import hatnet
from app.components.picker import picker
from app.shell import session
from app.ui import blocks


def token_picker(*, key: str, side: int, g1: int | None, cell: int, strongest: list[int] | int) -> None:
    """Draw the picker over side x side tokens; what the visitor chooses becomes the selected token. The rest is as in `picker`."""
    picture, grid = session.picture(), (side, side)
    picker(
        key=key,
        photo=blocks.photo_id(picture, exact=False),
        title=picture.title,
        grid=grid,
        token=hatnet.token_at(session.view().place, grid),
        g1=g1,
        cell=cell,
        strongest=strongest,
        choose=lambda token: session.update(place=hatnet.place_of(token, grid)),
    )
