"""The guided tour: what each stop shows, the bar above every view, and the way out and back. Texts: content/tour.md."""

from dataclasses import asdict, dataclass, replace

import streamlit as st

import hatnet
from app.core import checkpoints, content, inference
from app.core.checkpoints import Checkpoint
from app.core.layer import layer_of
from app.core.pictures import Picture
from app.core.view import ViewState, home, opening_block
from app.core.words import percent, step
from app.shell import session
from hatnet import complexity


@dataclass(frozen=True, kw_only=True, slots=True)
class Stop:
    """What a stop sets. Stages are counted within the checkpoint's, so that the tour suits any of them."""

    view: str  # its path in the address; "" is Start
    stage: int = 0
    seam: bool = False  # the token beside a window's edge, and not on the photograph's subject
    doubled: bool = False  # G1 and G2 twice as trained
    step: int | None = None  # of Start
    equation: int | None = None
    panel: str = "maps"  # of the Explorer


STOPS = (
    Stop(view="", step=2),
    Stop(view="", step=4),
    Stop(view="", step=6),
    Stop(view="", step=7),
    Stop(view="explorer"),
    Stop(view="explorer", seam=True, panel="seam"),
    Stop(view="equations", equation=8),
    Stop(view="equations", equation=10),
    Stop(view="grids", doubled=True),
    Stop(view="cost"),
    Stop(view="explorer", stage=-1),
    Stop(view="why"),
)


def set_by(number: int, view: ViewState, known: Checkpoint) -> ViewState:
    """The state that stop `number` (from 1) makes of a visitor's; photograph and checkpoint stay theirs."""
    stop, config = STOPS[number - 1], known.config
    stage = config.stages[stop.stage]
    g1, g2, side = list(config.g1), list(config.g2), known.grid(stage)
    if stop.doubled:
        g1[0], g2[0] = min(2 * g1[0], side), min(2 * g2[0], side)
    place = home(view.image)
    if stop.seam:
        place = hatnet.place_of(seam(hatnet.token_at(place, (side, side)), side, g1[0]), (side, side))
    changes = {name: value for name in ("step", "equation") if (value := getattr(stop, name))}
    fixed = dict(stage=stage, block=opening_block(known, stage), head=None, place=place, g1=tuple(g1), g2=tuple(g2))
    return replace(view, tour=number, panel=stop.panel, pixels=0, channels=0, **fixed, **changes)


def seam(token: tuple[int, int], side: int, g1: int) -> tuple[int, int]:
    """The first token right of the nearest upright window's edge; the token itself where there is only one window."""
    edges = range(g1, side, g1)
    return token[0], min(edges, key=lambda edge: abs(edge - token[1]), default=token[1])


def numbers(view: ViewState, known: Checkpoint, picture: Picture) -> dict[str, str]:
    """The live numbers in the texts: of the first stage as trained, for the photograph and the token of the stops there."""
    first, new = set_by(1, view, known), set_by(next(n for n, stop in enumerate(STOPS, 1) if stop.doubled), view, known)
    layer = layer_of(first, known, picture)
    before, after = (inference.attention(picture, known, s.g1, s.g2, s.place).probabilities for s in (first, new))
    top, left, *_ = layer.window
    row, column = divmod(int(layer.near.argmax()), layer.near.shape[1])
    key = step(layer.token, (top + row, left + column))
    tokens = layer.side**2
    full = complexity.mhsa(layer.side, layer.side, layer.channels)
    ours = complexity.hmhsa(layer.side, layer.side, layer.channels, layer.g1, layer.cell)
    last = known.config.stages[-1]
    least = known.grid(last) ** 2
    return {
        "tokens": f"{tokens:,}",
        "pairs": f"{tokens**2:,}",
        "near": f"{layer.near.size:,}",
        "far": f"{layer.far.size:,}",
        "read": f"{layer.near.size + layer.far.size:,}",
        "g1": f"{layer.g1}",
        "g2": f"{layer.cell}",
        "near_most": percent(float(layer.near.max())),
        "near_key": key if key == "the token itself" else f"the one {key}",
        "elsewhere": f"{layer.shares[2]:.0%}".replace("%", " %"),
        "g1_new": f"{new.g1[0]}",
        "g2_new": f"{new.g2[0]}",
        "parameters": f"{checkpoints.parameters(known.name):,}",
        "answer": known.classes[before.argmax()],
        "sure": percent(float(before.max())),
        "answer_new": known.classes[after.argmax()],
        "sure_new": percent(float(after.max())),
        "ours": f"{ours / 1e6:,.2f}",
        "full": f"{full / 1e6:,.2f}",
        "ratio": f"{full / ours:.1f} times as many" if full > ours else "at this size the two steps save nothing",
        "last": f"{least:,}",
        "last_reads": "So a token reads them all at once: one map, no window and no cells."
        if last not in known.hierarchical
        else "It takes both steps all the same.",
    }


def go(number: int) -> None:
    """Begin, move or return: set the state of a stop, and show its view with the next run."""
    view = session.view()
    known = checkpoints.describe(view.checkpoint)
    changes = asdict(set_by(number, view, known))
    session.update(**changes)
    visit = session.visit()
    visit.left_at, visit.go_to = None, STOPS[number - 1].view


def leave(number: int | None) -> None:
    """Explore from here: everything stays but the bar. number: the stop to return to; None after the last."""
    session.update(tour=0)
    session.visit().left_at = number


def arrive() -> None:
    """Once a visit: a link that names a stop and little else gets the stop's state and view; a full one is shown as it is."""
    visit = session.visit()
    if not visit.arrived and visit.view.tour and "stage" not in st.query_params:
        notices = visit.notices
        go(visit.view.tour)
        visit.notices = notices
    visit.arrived = True


def follow(page, views: list) -> None:
    """Show the view that a stop asked for, where it is not `page`."""
    visit = session.visit()
    wanted, visit.go_to = visit.go_to, None
    if wanted is not None and wanted != page.url_path:
        st.switch_page(next(view for view in views if view.url_path == wanted))


def draw(page) -> None:
    """The bar above a view while the tour lasts; otherwise the button that begins it or leads back."""
    view = session.view()
    if not view.tour:
        left = session.visit().left_at
        with st.container(key="tour_button"):
            name, meaning = ("Return to the tour", f"To stop {left} of {len(STOPS)}, as it was") if left else ("Tour", None)
            st.button(name, key="tour_begin", help=meaning, icon=":material/tour:", type="tertiary", on_click=go, args=(left or 1,))
        return
    number, stop, known = view.tour, STOPS[view.tour - 1], checkpoints.describe(view.checkpoint)
    heading, body = list(content.sections("content/tour.md").items())[number - 1]
    with st.container(key="tour"):
        text, pace = st.columns([2, 1], gap="medium", vertical_alignment="center")
        with text:
            st.progress(number / len(STOPS), f"**{heading}** · stop {number} of {len(STOPS)}")
            st.markdown(body.format(**numbers(view, known, session.picture())))
        with pace, st.container(horizontal=True, key="tour_pace", gap="small", vertical_alignment="center"):
            st.button("Back", key="tour_back", icon=":material/arrow_back:", disabled=number == 1, on_click=go, args=(number - 1,))
            # One button for both: an old one would stay, greyed, until a slow view has run.
            name, icon, call, to = (
                ("Next stop", "arrow_forward", go, number + 1) if number < len(STOPS) else ("Finish", "check", leave, None)
            )
            st.button(name, key="tour_next", icon=f":material/{icon}:", type="primary", on_click=call, args=(to,))
            st.button("Explore from here", key="tour_leave", icon=":material/logout:", type="tertiary", on_click=leave, args=(number,))
            if page.url_path != stop.view:
                st.button("Show this stop", key="tour_again", icon=":material/undo:", type="tertiary", on_click=go, args=(number,))


def invitation() -> None:
    """Start's way into the tour."""
    if session.view().tour:
        return
    with st.container(horizontal=True, key="tour_invitation", vertical_alignment="center"):
        st.button("Take the tour", key="tour_take", icon=":material/tour:", on_click=go, args=(1,))
        st.caption(f"{len(STOPS)} stops, about 10 minutes. It moves the other views for you; leave and return at any stop.")
