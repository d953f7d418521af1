"""The Explorer in words that several of its modules need."""

from app.core.checkpoints import Checkpoint
from app.core.view import ViewState
from app.shell.loading import HEADLINE, ONE_STEP


def headline(view: ViewState, checkpoint: Checkpoint) -> str:
    """The page's title, which must be true of the stage."""
    return HEADLINE if view.stage in checkpoint.hierarchical else ONE_STEP
