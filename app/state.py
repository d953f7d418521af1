"""What is being looked at: one state for all views, kept in the page's address, so that a copied link shows the same.

The state leads, widgets follow: a widget shows the state's value and its callback writes back what the user chose.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace

import streamlit as st

from app import services, texts
from app.figures.words import count
from app.samples import SAMPLES, first, offered
from app.services import Checkpoint, Picture

UPLOAD = "upload"  # the image's name in the state when it is the visitor's own
PANELS = ("maps", "heads", "pooling", "seam")


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """One view of one picture. Every value fits its checkpoint."""

    image: str  # a key of SAMPLES, or UPLOAD
    checkpoint: str
    stage: int  # the paper's number
    block: int  # from 1
    head: int | None  # from 1; None: the mean of all
    place: tuple[float, float]  # the token, as fractions (y, x) of the picture: outlives a change of stage
    g1: tuple[int, ...]  # one for each hierarchical stage, in tokens
    g2: tuple[int, ...]
    equation: int = 6  # 6 to 15: where the Equations view stands
    step: int = 1  # 1 to 7: the card that the Start view shows
    tour: int = 0  # the stop of the tour, from 1; 0: not on it
    pixels: int = 0  # side of the picture that the Cost view reckons with; 0: the model's own
    channels: int = 0  # C that the Cost view reckons with; 0: the stage's own
    panel: str = "maps"  # of PANELS: what the Explorer shows beside the photograph

    def grids(self, known: Checkpoint) -> tuple[int | None, int]:
        """G1 and G2 of its stage, in tokens; None and 1 where that is plain MHSA."""
        if self.stage not in known.hierarchical:
            return None, 1
        index = known.hierarchical.index(self.stage)
        return self.g1[index], self.g2[index]

    def fitted(self, known: Checkpoint) -> "State":
        """This state, with what another stage or checkpoint does not have replaced by what it has."""
        stage = self.stage if self.stage in known.config.stages else known.config.stages[0]
        head = self.head if self.head is not None and self.head <= known.heads(stage) else None
        new = replace(self, checkpoint=known.name, stage=stage, block=min(self.block, known.depth(stage)), head=head)
        if self.checkpoint != known.name or len(self.g1) != len(known.config.g1):
            new = replace(new, g1=known.config.g1, g2=known.config.g2)
        sides = [known.grid(stage) for stage in known.hierarchical]
        g1, g2 = (tuple(map(min, grids, sides)) for grids in (new.g1, new.g2))
        new = replace(new, g1=g1, g2=g2)
        if self.image not in images(known, has_upload=True):
            start = default(known)
            new = replace(new, image=start.image, place=start.place, stage=start.stage, block=start.block, head=None)
        return new


def default(known: Checkpoint) -> State:
    """What a visitor sees first."""
    stage, g1, g2 = known.config.stages[0], known.config.g1, known.config.g2
    block = opening_block(known, stage)
    image = first(known.cards, known.classes)
    place = SAMPLES[image].place
    return State(image=image, checkpoint=known.name, stage=stage, block=block, head=None, place=place, g1=g1, g2=g2)


def opening_block(known: Checkpoint, stage: int) -> int:
    """The block that a stage opens on: its last, which knows most; of cards the first, in which the asker finds the marked card."""
    return 1 if known.cards else known.depth(stage)


def images(known: Checkpoint, has_upload: bool) -> list[str]:
    """The pictures that go with a checkpoint. One of cards is asked about cells that a photograph does not have."""
    return offered(known.cards) + ([UPLOAD] if has_upload and not known.cards else [])


def parse(params: Mapping[str, str], names: list[str], know: Callable[[str], Checkpoint], has_upload: bool) -> tuple[State, list[str]]:
    """The state that an address asks for, clamped to what there is, and a notice for each thing that had to change.

    params: the address's parameters. names: the checkpoints there are (at least one), the default first. know: a name -> its `Checkpoint`.
    """
    notices: list[str] = []
    name = params.get("checkpoint", names[0])
    if name not in names:
        notices.append(f"The link asked for checkpoint “{_short(name)}”, which is not here. {names[0]} is shown.")
        name = names[0]
    known = know(name)
    state = default(known)

    image = params.get("image", state.image)
    if image not in images(known, has_upload):
        if image == UPLOAD and not has_upload:
            problem = "somebody's own photograph, which never left their visit"
        elif image in SAMPLES or image == UPLOAD:
            asked = _title(image) if image in SAMPLES else "an own photograph"
            problem = f"{asked}, which does not go with checkpoint {name}"
        else:
            problem = f"picture “{_short(image)}”, which is not here"
        image = state.image
        notices.append(f"The link asked for {problem}. {_title(image)} is shown.")
    state = replace(state, image=image, place=home(image))

    stages = known.config.stages
    stage = _whole(params, "stage", state.stage, stages[0], stages[-1], f"this checkpoint has stages {stages[0]} to {stages[-1]}", notices)
    depth, heads = known.depth(stage), known.heads(stage)
    block = _whole(params, "block", opening_block(known, stage), 1, depth, f"this stage has {count(depth)}", notices)
    head = None
    if params.get("head", "mean") != "mean":
        head = _whole(params, "head", 1, 1, heads, f"this stage has {count(heads)}", notices)
    grids = {}
    for key in ("g1", "g2"):
        grids[key] = _grids(params, key, getattr(known.config, key), [known.grid(stage) for stage in known.hierarchical], notices)
    equation = _whole(params, "equation", state.equation, 6, 15, "the view has Eqs. 6 to 15", notices)
    step = _whole(params, "step", state.step, 1, 7, "the Start view has seven cards", notices)
    stops = len(texts.sections("tour"))
    tour = _whole(params, "tour", state.tour, 0, stops, f"the tour has {count(stops)} stops", notices)
    place = _place(params, state.place, notices)
    costs = {key: _whole(params, key, 0, 0, 1024, "0 is the model’s own, 1024 the most", notices) for key in ("pixels", "channels")}
    grids |= costs
    panel = params.get("panel", "maps")
    if panel not in PANELS:
        notices.append(f"The link asked for panel “{_short(panel)}”; there are {', '.join(PANELS)}. The maps are shown.")
        panel = "maps"
    grids["panel"] = panel
    return replace(state, stage=stage, block=block, head=head, place=place, equation=equation, step=step, tour=tour, **grids), notices


def address(state: State) -> dict[str, str]:
    """The parameters that `parse` turns back into this state."""
    values = asdict(state) | {"head": state.head or "mean"}
    for name in ("pixels", "channels", "tour"):
        if not values[name]:
            del values[name]
    if values["panel"] == "maps":
        del values["panel"]
    values["token"] = ",".join(f"{fraction:.4f}" for fraction in values.pop("place"))
    return {key: ",".join(map(str, value)) if isinstance(value, tuple) else str(value) for key, value in values.items()}


def home(image: str) -> tuple[float, float]:
    """Where a picture is first looked at: a place where there is something to see."""
    return SAMPLES[image].place if image in SAMPLES else (0.5, 0.5)


def _short(text: str) -> str:
    """What an address said, short enough to be said back."""
    return text if len(text) <= 40 else f"{text[:40]}…"


def _title(image: str) -> str:
    return f"“{SAMPLES[image].title}”"


def _whole(params: Mapping[str, str], key: str, default: int, low: int, high: int, reason: str, notices: list[str]) -> int:
    if key not in params:
        return default
    try:
        asked = int(params[key])
    except ValueError:
        problem = f"{key} “{_short(params[key])}”, which is no whole number"
        notices.append(f"The link asked for {problem}. {key.capitalize()} {default} is shown.")
        return default
    shown = min(max(asked, low), high)
    if shown != asked:
        notices.append(f"The link asked for {key} {_short(str(asked))}; {reason}. {key.capitalize()} {shown} is shown.")
    return shown


def _grids(params: Mapping[str, str], key: str, trained: tuple[int, ...], sides: list[int], notices: list[str]) -> tuple[int, ...]:
    if key not in params:
        return trained
    name = key.upper()
    try:
        asked = tuple(int(part) for part in params[key].split(",")) if params[key] else ()
    except ValueError:
        asked = None
    if asked is None or len(asked) != len(trained):
        wanted = ",".join(map(str, trained))
        wish = f"{count(len(trained))} whole numbers are wanted, like {wanted}"
        notices.append(f"The link asked for {name} “{_short(params[key])}”; {wish}. Those are used.")
        return trained
    shown = tuple(min(max(value, 1), side) for value, side in zip(asked, sides, strict=True))
    for value, used, side in zip(asked, shown, sides, strict=True):
        if value != used:
            notices.append(f"The link asked for {name} {_short(str(value))}; that stage is {side} tokens wide. {used} is used.")
    return shown


def _place(params: Mapping[str, str], default: tuple[float, float], notices: list[str]) -> tuple[float, float]:
    if "token" not in params:
        return default
    try:
        y, x = (float(part) for part in params["token"].split(","))
        if y != y or x != x:  # NaN
            raise ValueError
    except ValueError:
        asked = _short(params["token"])
        notices.append(f"The link asked for token “{asked}”; two fractions are wanted, like 0.5,0.5. Another token is shown.")
        return default
    shown = min(max(y, 0.0), 1.0), min(max(x, 0.0), 1.0)
    if shown != (y, x):
        notices.append("The link asked for a token outside the picture. The nearest one is shown.")
    return shown


# From here on: the session. Everything above is pure.


def current() -> State:
    """This visitor's state; at first the one that the address asks for. Raises ValueError where no checkpoint can be read."""
    if "state" not in st.session_state:
        names = services.checkpoint_names()
        state, notices = parse(st.query_params.to_dict(), names, services.checkpoint, "upload" in st.session_state)
        st.session_state.state, st.session_state.notices = state, notices
    return st.session_state.state


def refresh(names: list[str]) -> State:
    """This visitor's state, after checkpoints may have gone or been written anew since the last run. names: those there are now."""
    state = current()
    if state.checkpoint not in names:
        st.session_state.notices = [f"Checkpoint {state.checkpoint} is gone. {names[0]} is shown."]
    known = services.checkpoint(state.checkpoint if state.checkpoint in names else names[0])
    st.session_state.state = state.fitted(known)
    return st.session_state.state


def update(**changes) -> None:
    """Change the state, and whatever else then no longer fits. Notices about the link have been seen by now."""
    state = replace(st.session_state.state, **{key: value for key, value in changes.items() if key != "checkpoint"})
    st.session_state.state, st.session_state.notices = state, []
    try:
        st.session_state.state = state.fitted(services.checkpoint(changes.get("checkpoint", state.checkpoint)))
    except ValueError as error:  # its file has gone since it was offered
        st.session_state.notices = [f"{error}"]


def set_grid(name: str, index: int, side: int) -> None:
    """Set G1 or G2 (`name`: "g1" or "g2") of one hierarchical stage, counted from 0."""
    grids = getattr(current(), name)
    update(**{name: (*grids[:index], side, *grids[index + 1 :])})


def publish() -> None:
    """Write the state into the page's address."""
    wanted = address(current())
    if st.query_params.to_dict() != wanted:
        st.query_params.from_dict(wanted)


def bound(widget: Callable, label: str, name: str, value, write: Callable | None = None, key: str | None = None, **options) -> None:
    """A widget that shows `value` and writes what the user chooses to the state's field `name` (or calls `write` with it)."""
    key = key or f"choose_{name}"
    write = write or (lambda chosen: update(**{name: chosen}))
    st.session_state[key] = value
    widget(label, key=key, on_change=lambda: write(st.session_state[key]), **options)


def picture() -> Picture:
    """The photograph that is being looked at."""
    image = current().image
    return st.session_state.upload if image == UPLOAD else services.sample(image)
