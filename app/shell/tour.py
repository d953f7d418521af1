"""The guided tour: what each stop shows, the bar above every page, and the way out and back. Texts: content/tour.md."""

from dataclasses import asdict, dataclass, replace

import streamlit as st

import hatnet
from app.core import checkpoints, content, inference
from app.core.checkpoints import Checkpoint
from app.core.layer import layer_of
from app.core.pictures import Picture
from app.core.view import ViewState, address, home, opening_block
from app.core.words import literal, offset, percent
from app.shell import session
from hatnet import complexity


@dataclass(frozen=True, kw_only=True, slots=True)
class Stop:
    """What a stop sets."""

    page: str  # its path in the address; "" is Start
    stage: int = 0  # an index of the checkpoint's stages, so that the tour suits every checkpoint
    seam: bool = False  # the token is beside a window's edge rather than on the photograph's subject
    doubled: bool = False  # G1 and G2 are twice as large as in training
    step: int | None = None  # Start: the card in front
    equation: int | None = None
    panel: str = "maps"  # Explorer


STOPS = (
    Stop(page="", step=2),
    Stop(page="", step=4),
    Stop(page="", step=6),
    Stop(page="", step=7),
    Stop(page="explorer"),
    Stop(page="explorer", seam=True, panel="seam"),
    Stop(page="equations", equation=8),
    Stop(page="equations", equation=10),
    Stop(page="grids", doubled=True),
    Stop(page="cost"),
    Stop(page="explorer", stage=-1),
    Stop(page="why"),
)


def view_at(number: int, view: ViewState, checkpoint: Checkpoint) -> ViewState:
    """A visitor's view at stop `number` (from 1); the photograph and the checkpoint stay the visitor's."""
    stop, config = STOPS[number - 1], checkpoint.config
    stage = config.stages[stop.stage]
    g1, g2, side = list(config.g1), list(config.g2), checkpoint.grid(stage)
    if stop.doubled:
        g1[0], g2[0] = min(2 * g1[0], side), min(2 * g2[0], side)
    place = home(view.image)
    if stop.seam:
        place = hatnet.place_of(right_of_edge(hatnet.token_at(place, (side, side)), side, g1[0]), (side, side))
    changes = {name: value for name in ("step", "equation") if (value := getattr(stop, name))}
    fixed = dict(stage=stage, block=opening_block(checkpoint, stage), head=None, place=place, g1=tuple(g1), g2=tuple(g2))
    return replace(view, tour=number, panel=stop.panel, pixels=0, channels=0, **fixed, **changes)


def right_of_edge(token: tuple[int, int], side: int, g1: int) -> tuple[int, int]:
    """The token in the same row just right of the nearest vertical window edge; the token itself if there is only one window."""
    edges = range(g1, side, g1)
    return token[0], min(edges, key=lambda edge: abs(edge - token[1]), default=token[1])


def numbers(view: ViewState, checkpoint: Checkpoint, picture: Picture) -> dict[str, str]:
    """The live numbers in the texts: of stage 2 as trained, at the photograph's own token."""
    first, new = view_at(1, view, checkpoint), view_at(next(n for n, stop in enumerate(STOPS, 1) if stop.doubled), view, checkpoint)
    layer = layer_of(first, checkpoint, picture)
    before, after = (inference.attention(picture, checkpoint, at).probabilities for at in (first, new))
    top, left, *_ = layer.window
    row, column = divmod(int(layer.near.argmax()), layer.near.shape[1])
    key = offset(layer.token, (top + row, left + column))
    tokens = layer.side**2
    full = complexity.mhsa(layer.side, layer.side, layer.channels)
    ours = complexity.hmhsa(layer.side, layer.side, layer.channels, layer.g1, layer.g2)
    last = checkpoint.config.stages[-1]
    least = checkpoint.grid(last) ** 2
    return {
        "tokens": f"{tokens:,}",
        "pairs": f"{tokens**2:,}",
        "near": f"{layer.near.size:,}",
        "far": f"{layer.far.size:,}",
        "read": f"{layer.near.size + layer.far.size:,}",
        "g1": f"{layer.g1}",
        "g2": f"{layer.g2}",
        "near_most": percent(float(layer.near.max())),
        "near_key": key,
        "elsewhere": f"{layer.shares[2]:.0%}".replace("%", " %"),
        "g1_new": f"{new.g1[0]}",
        "g2_new": f"{new.g2[0]}",
        "parameters": f"{checkpoints.parameters(checkpoint.name):,}",
        "answer": literal(checkpoint.classes[before.argmax()]),
        "sure": percent(float(before.max())),
        "answer_new": literal(checkpoint.classes[after.argmax()]),
        "sure_new": percent(float(after.max())),
        "ours": f"{ours / 1e6:,.2f}",
        "full": f"{full / 1e6:,.2f}",
        "ratio": f"{full / ours:.1f} times as many" if full > ours else "at this size the two steps save nothing",
        "last": f"{least:,}",
        "last_reads": "So a token reads them all at once: one map, no window and no cells."
        if last not in checkpoint.hierarchical
        else "Here even the last stage uses both steps.",
    }


def go(number: int) -> None:
    """Go to a stop: set its view, and open its page with the next run."""
    session.update(**asdict(view_at(number, session.view(), session.checkpoint())))
    visit = session.visit()
    visit.left_at, visit.go_to = None, STOPS[number - 1].page


def leave(number: int | None) -> None:
    """Remove the bar and leave everything else as it is. number: the stop to return to; None after the last."""
    session.update(tour=0)
    session.visit().left_at = number


def arrive() -> None:
    """Once a visit: open the stop that the address names, unless the address is a full one, which is shown as it is."""
    visit = session.visit()
    if not visit.arrived and visit.view.tour and "stage" not in st.query_params:
        notices = visit.notices
        go(visit.view.tour)
        visit.notices = notices
    visit.arrived = True


def follow(page, pages: list) -> None:
    """Open the page of the stop chosen last, unless it is `page`."""
    visit = session.visit()
    wanted, visit.go_to = visit.go_to, None
    if wanted is not None and wanted != page.url_path:
        st.switch_page(next(other for other in pages if other.url_path == wanted), query_params=address(visit.view))


def draw(page) -> None:
    """Draw the bar above a page during the tour; otherwise the button that starts the tour or leads back to it."""
    view = session.view()
    if not view.tour:
        left = session.visit().left_at
        with st.container(key="tour_button"):
            label, help_ = ("Return to the tour", f"To stop {left} of {len(STOPS)}, with the tour’s settings") if left else ("Tour", None)
            st.button(label, key="tour_begin", help=help_, icon=":material/tour:", type="tertiary", on_click=go, args=(left or 1,))
        return
    number, stop = view.tour, STOPS[view.tour - 1]
    heading, body = list(content.sections("content/tour.md").items())[number - 1]
    with st.container(key="tour"):
        text, pace = st.columns([2, 1], gap="medium", vertical_alignment="center")
        with text:
            st.progress(number / len(STOPS), f"**{heading}** · stop {number} of {len(STOPS)}")
            st.markdown(body.format(**numbers(view, session.checkpoint(), session.picture())))
        with pace, st.container(horizontal=True, key="tour_pace", gap="small", vertical_alignment="center"):
            st.button("Back", key="tour_back", icon=":material/arrow_back:", disabled=number == 1, on_click=go, args=(number - 1,))
            # One button for both: two would leave the old one there, greyed out, until a slow page has run.
            label, icon, call, to = (
                ("Next stop", "arrow_forward", go, number + 1) if number < len(STOPS) else ("Finish", "check", leave, None)
            )
            st.button(label, key="tour_next", icon=f":material/{icon}:", type="primary", on_click=call, args=(to,))
            st.button("Explore from here", key="tour_leave", icon=":material/logout:", type="tertiary", on_click=leave, args=(number,))
            if page.url_path != stop.page:
                st.button("Show this stop", key="tour_again", icon=":material/undo:", type="tertiary", on_click=go, args=(number,))


def invitation() -> None:
    """Draw the button on Start that begins the tour."""
    if session.view().tour:
        return
    with st.container(horizontal=True, key="tour_invitation", vertical_alignment="center"):
        st.button("Take the tour", key="tour_take", icon=":material/tour:", on_click=go, args=(1,))
        st.caption(
            f"{len(STOPS)} stops, about 10 minutes. The tour opens and sets up the pages; you can leave at any stop and return to it later."
        )
