"""Everything that Compare sends to the browser: five mechanisms, the token that reads, and the one that may be read."""

import base64

import numpy as np

import hatnet
from app.core import overlay
from app.core.checkpoints import Checkpoint
from app.core.pictures import Picture
from app.core.view import Place, ViewState
from app.ui import blocks
from app.views.compare import mechanisms, text
from app.views.compare.mechanisms import Cost


def far_from(place: Place) -> Place:
    """The place of the second token until the visitor moves it: in the opposite corner."""
    y, x = (0.9 if part < 0.5 else 0.1 for part in place)
    return y, x


def costs(view: ViewState, checkpoint: Checkpoint) -> dict[str, Cost]:
    """What each mechanism reaches from the view's token, and what it takes."""
    side, (g1, g2) = checkpoint.grid(view.stage), view.sides(checkpoint)
    token, channels = hatnet.token_at(view.place, (side, side)), checkpoint.config.dims[checkpoint.config.stages.index(view.stage)]
    return {name: mechanisms.cost(name, token, side, channels, g1, g2) for name in mechanisms.NAMES}


def payload(view: ViewState, checkpoint: Checkpoint, picture: Picture) -> dict:
    """The data of `side_by_side`."""
    side, (g1, g2) = checkpoint.grid(view.stage), view.sides(checkpoint)
    grid = (side, side)
    found = costs(view, checkpoint)
    return dict(
        photo=blocks.photo_id(picture, exact=False),
        title=picture.title,
        grid=grid,
        token=hatnet.token_at(view.place, grid),
        pair=hatnet.token_at(view.pair or far_from(view.place), grid),
        window=(g1, g1),
        full=overlay.FULL,
        mechanisms=[
            dict(
                name=name,
                reads=text.reads(mechanism, side, g1, g2),
                rows=found[mechanism].first[0],
                columns=found[mechanism].first[1],
                facts=text.facts(found[mechanism], side, own=mechanism == "hierarchical", turns=mechanism == "shifted_window"),
                **_maps(mechanism, view, checkpoint, picture),
            )
            for mechanism, name in mechanisms.NAMES.items()
        ],
    )


def _maps(mechanism: str, view: ViewState, checkpoint: Checkpoint, picture: Picture) -> dict:
    shares = mechanisms.read(mechanism, view, checkpoint, picture)
    if shares is None:
        return dict(levels=None, most=None, why=text.not_trained(mechanism, checkpoint))
    side = shares.shape[-1]
    levels = np.ceil(255 * np.clip(shares * side**2 / overlay.FULL, 0, 1)).astype(np.uint8)  # 0 for nothing alone
    return dict(
        levels=[base64.b64encode(level.tobytes()).decode() for level in levels],
        most=[[int(at) for at in divmod(int(share.argmax()), side)] for share in shares],
        why="",
    )
