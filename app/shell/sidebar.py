"""The settings that all pages share: photograph, checkpoint, stage, block, G1 and G2."""

import html
from functools import partial

import streamlit as st

from app.core import checkpoints, pictures
from app.core.checkpoints import Checkpoint
from app.core.glossary import linked, term
from app.core.pictures import Picture
from app.core.places import home
from app.core.quantities import quantity
from app.core.samples import SAMPLES, label_of
from app.core.view import UPLOAD, ViewState, images
from app.core.words import literal
from app.shell import session
from app.shell.notices import note
from hatnet.mechanisms import MECHANISMS
from hatnet.pictures import NAMES

STAGE_HELP = "Each stage has fewer, larger tokens than the one before. As in HAT-Net’s paper, stage 1 only makes the first tokens."
CHECKPOINT_HELP = (
    "A trained model. The first suits every page; those with another mechanism in their title are for comparison, on Cost and Why?."
)
BLOCK_HELP = "The blocks of a stage run one after the other; each takes the output of the one before."
NOT_KNOWN = " · not known"  # after the title of a photograph whose subject is none of the checkpoint's classes
ACCURACY = {  # by the split on which it was measured
    "test": ("{:.0f} %", "right on its test images"),
    "val": ("{:.0f} %", "right on images held out of training"),
    "paper": ("{:.1f} %", "right on ImageNet: top-1 from the paper’s Table 2, not measured here"),
}
CARDS = "Each card hides a pattern. The cyan square, top left, names the pattern on the card with <b>magenta rings</b>."
OWN_SIDES = ("grids", "cost")  # pages with controls for G1 and G2: once is enough
ANY_MECHANISM = ("cost", "why")  # pages that show every mechanism; the others explain H-MHSA
LEGEND = linked(
    '<div class="legend"><span><i style="background:var(--local)"></i>Local</span>'
    '<span><i style="background:var(--global)"></i>Global</span><span><i class="ring"></i>[Query](#query)</span></div>',
    "sidebar",
)


def draw(page) -> None:
    """Draw the sidebar beside a page, after fitting the view to the checkpoints that exist now."""
    names = checkpoints.names()
    view, checkpoint = session.refresh(names), session.checkpoint()
    with st.sidebar:
        _photograph(view, checkpoint)
        session.bound(st.selectbox, "Checkpoint", "checkpoint", view.checkpoint, options=names, format_func=_title, help=CHECKPOINT_HELP)
        for name, reason in checkpoints.left_out().items():
            st.caption(f"Not offered: {literal(name)}, because {reason}.")
        _accuracy(checkpoint)
        stages = checkpoint.config.stages
        session.bound(st.segmented_control, "Stage", "stage", view.stage, options=stages, required=True, help=STAGE_HELP)
        blocks = range(1, checkpoint.depth(view.stage) + 1)
        session.bound(st.segmented_control, "Block", "block", view.block, options=blocks, required=True, help=BLOCK_HELP)
        _sides(view, checkpoint, page)
        st.html(LEGEND)


def _accuracy(checkpoint: Checkpoint) -> None:
    split = checkpoint.split if checkpoint.split in ACCURACY else "val"
    number, where = ACCURACY[split]
    st.html(f'<p class="accuracy">{quantity(f"accuracy-{split}", number.format(100 * checkpoint.accuracy))} {where}</p>')


def shown(page, checkpoint: Checkpoint) -> bool:
    """Whether a page can show a checkpoint's mechanism; app/ui/other_mechanism.py stands in its place if not."""
    return not checkpoint.other_mechanisms or page.url_path in ANY_MECHANISM


def _photograph(view: ViewState, checkpoint: Checkpoint) -> None:
    uploaded = session.visit().upload

    def title(image: str) -> str:
        if image == UPLOAD:
            return f"Yours: {uploaded.title}"
        known = checkpoint.cards or label_of(SAMPLES[image], checkpoint.classes)
        return f"{SAMPLES[image].title}{'' if known else NOT_KNOWN}"

    options = images(checkpoint, has_upload=uploaded is not None)
    label = "Picture" if checkpoint.cards else "Photograph"
    session.bound(st.selectbox, label, "image", view.image, options=options, format_func=title)
    if checkpoint.cards:
        return _cards(session.picture(), checkpoint)
    picture = session.picture()
    width, height = picture.image.size
    crop, exact = min(width, height), pictures.model_input(picture, checkpoint.image_size)
    whole = pictures.data_uri(picture, pictures.thumbnail(picture))
    wide, tall = 100 * crop / width, 100 * crop / height
    frame = f"left:{50 - wide / 2:.2f}%;width:{wide:.2f}%;top:{50 - tall / 2:.2f}%;height:{tall:.2f}%"
    size = checkpoint.image_size
    small = pictures.data_uri(picture, exact)
    name = html.escape(picture.title)
    # Both have the same height: widths follow the shapes, but a panorama must leave room for the square.
    st.html(
        f'<div class="seen"><div class="both"><div class="crop" style="flex:{min(width / height, 2):.3f}">'
        f'<img src="{whole}" alt="{name}, whole"><i style="{frame}"></i></div>'
        f'<div class="exact" style="flex:1"><img src="{small}" alt="{name}, as the model sees it"></div></div>'
        f"<p>The model sees the square, at {size} × {size} pixels. {html.escape(picture.credit)}</p></div>"
    )
    # Of any type: the reader can say what a file is, Streamlit only that its type is not allowed.
    most = st.get_option("server.maxUploadSize")
    help = f"{NAMES}, up to {most} MB. It stays on this machine and is deleted when you leave."
    st.file_uploader("Upload a photograph", key="file", on_change=_uploaded, help=help)
    if picture.guessed:
        st.caption(picture.guessed)
    if problem := session.visit().upload_problem:
        note(problem, f"“{session.picture().title}” is still shown.")


def _cards(picture: Picture, checkpoint: Checkpoint) -> None:
    exact = pictures.data_uri(picture, pictures.model_input(picture, checkpoint.image_size))
    st.html(f'<div class="seen cards"><div class="exact"><img src="{exact}" alt="{picture.title}"></div><p>{CARDS}</p></div>')


def _uploaded() -> None:
    file = st.session_state.file
    session.visit().upload_problem = None
    if file is None:  # removed: its picture stays
        return
    try:
        session.visit().upload = pictures.upload(file.getvalue(), file.name)
    except ValueError as error:
        session.visit().upload_problem = str(error)
        return
    session.update(image=UPLOAD, place=home(UPLOAD, session.checkpoint(), session.view().stage))


def _title(name: str) -> str:
    return checkpoints.describe(name).title


def _sides(view: ViewState, checkpoint: Checkpoint, page) -> None:
    if view.stage not in checkpoint.hierarchical:
        st.caption(f"Stage {view.stage} uses plain attention: it has no window (G₁) and no cells (G₂) to choose.")
        return
    index, side = checkpoint.config.stages.index(view.stage), checkpoint.grid(view.stage)
    kinds = MECHANISMS[checkpoint.config.mechanisms[index]].layout_kinds
    labels = {"g1": ("window", "Window side G₁")} if {"window", "shifted_window"} & set(kinds) else {}
    labels |= {"g2": ("cell", "Cell side G₂")} if "pooled" in kinds else {}
    if not labels:
        st.caption(f"Stage {view.stage} uses plain attention in both steps: it has no window (G₁) and no cells (G₂) to choose.")
        return
    if page.url_path in OWN_SIDES and shown(page, checkpoint):
        st.caption("Window side G₁ and cell side G₂ are chosen on this page.")
        return
    for name, (word, label) in labels.items():
        trained = getattr(checkpoint.config, name)[index]
        st.html(f'<div class="slider-title"><span>{term(word, "sidebar", label)}</span><span class="muted">trained: {trained}</span></div>')
        if side == 1:
            st.caption("One token: nothing to choose.")
            continue
        span = dict(min_value=1, max_value=side, label_visibility="collapsed")
        write = partial(session.set_side, name, index)
        session.bound(st.slider, label, name, getattr(view, name)[index], write, key=f"choose_{name}_{view.stage}", **span)
