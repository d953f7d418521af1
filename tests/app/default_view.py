"""What opens with the checkpoint that runs fastest, as `pages.opened` does: its description, its view, and one layer of it in numbers."""

from dataclasses import replace

from app.core import checkpoints, pictures
from app.core.layer import layer_of
from app.core.view import default

KNOWN = checkpoints.describe("cifar10")
VIEW = default(KNOWN)
SIDE = KNOWN.grid(VIEW.stage)


def layer(**changes):
    """The layer, worked out anew: tests change the limits on which it depends."""
    view = replace(VIEW, **changes)
    return layer_of.__wrapped__(view, KNOWN, pictures.sample(view.image))
