"""The evidence of Why?, whose results all visitors share."""

import numpy as np
import streamlit as st

from app.core import checkpoints, inference
from app.core.checkpoints import Checkpoint
from app.core.pictures import Picture, model_input
from app.core.view import ViewState
from app.views.why.evidence import Evidence, Question


@st.cache_resource(max_entries=16, show_spinner=False)
def _results(digest: str, key: str, g1: tuple, g2: tuple) -> dict[tuple, np.ndarray]:
    """What has been worked out so far; `Evidence` fills it in place."""
    return {}


def evidence_of(picture: Picture, checkpoint: Checkpoint, view: ViewState) -> Evidence:
    """Which parts of the picture speak for the class that the model gives it."""
    attention = inference.attention(picture, checkpoint, view)
    question = Question(
        image=inference.normalised(checkpoint, model_input(picture, checkpoint.image_size)),
        target=int(attention.probabilities.argmax()),
        g1=view.g1,
        g2=view.g2,
        stage=view.stage,
        block=view.block_index,
        head=view.head_index,
        place=view.place,
        grid=(checkpoint.grid(checkpoint.config.stages[0]),) * 2,
    )
    results = _results(picture.digest, checkpoint.key, view.g1, view.g2)
    return Evidence(checkpoints.model(checkpoint.name), question, attention.maps, results, inference.forward_slots)
