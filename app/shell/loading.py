"""The first picture after a start, while Python reads PyTorch: nothing here may import torch."""

import base64

import streamlit as st

from app.core import default_checkpoint

BRAND = (
    '<div class="brand"><i><b style="background:var(--local)"></b><b style="background:var(--global)"></b>'
    '<b style="background:var(--global)"></b><b style="background:var(--query)"></b></i>HAT-Net Lab</div>'
)
START = "Look closely at your neighbours, then roughly at everything"
HEADLINE = "Every token looks twice: closely nearby, roughly everywhere"


def first_paint(start: bool) -> None:
    """The headline and the photograph that will open where Start or the Explorer will draw it, and what is being waited for."""
    st.title(START if start else HEADLINE, anchor=False)
    st.html('<p class="lead">Starting PyTorch: a few seconds, once.</p>')
    if path := default_checkpoint.picture(st.query_params.to_dict()):
        # Inline: a picture by address would be asked for later, when the import already keeps the server from answering.
        photo = base64.b64encode(path.read_bytes()).decode()
        st.html(f'<img class="waiting" src="data:image/jpeg;base64,{photo}" alt="The photograph that opens first">')
