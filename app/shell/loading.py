"""What the page shows while the server imports PyTorch after its start: nothing here may import torch."""

import base64

import streamlit as st

from app.core import default_checkpoint

BRAND = (
    '<div class="brand"><i><b style="background:var(--local)"></b><b style="background:var(--global)"></b>'
    '<b style="background:var(--global)"></b><b style="background:var(--query)"></b></i>HAT-Net Lab</div>'
)
START = "Read your neighbours one by one, then everything in averages"
HEADLINE = "Every token reads twice: nearby tokens, then averages of all"
BARE = "Every token reads twice: its window, then the whole picture"
ONE_STEP = "In this stage every token reads all tokens in one step"


def headline(on_start: bool, two_steps: bool, bare: bool = False) -> str:
    """The title of Start, or of the Explorer. two_steps: whether the stage is hierarchical. bare: whether its windows or cells are single
    tokens, so that there are no neighbours to read, or no averages."""
    return ONE_STEP if not two_steps else BARE if bare else START if on_start else HEADLINE


def first_paint(on_start: bool) -> None:
    """The headline, what the visitor is waiting for, and the photograph that will open, at its later place."""
    params = st.query_params.to_dict()
    st.title(headline(on_start, default_checkpoint.two_steps(params)), anchor=False)
    st.html('<p class="lead">Starting PyTorch. This takes a few seconds, once.</p>')
    if path := default_checkpoint.picture(params):
        # Inline: a request for it would come during the import, when the server cannot answer.
        photo = base64.b64encode(path.read_bytes()).decode()
        st.html(f'<img class="waiting" src="data:image/jpeg;base64,{photo}" alt="The photograph that opens first">')
