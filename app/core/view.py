"""What the visitor is looking at: one `ViewState` for all pages, kept in the page's address, so that a copied link shows the same."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from app.core.checkpoints import Checkpoint
from app.core.places import home
from app.core.samples import SAMPLES, offered
from app.core.words import count

UPLOAD = "upload"  # the image's name if it is the visitor's own
EQUATIONS = (2, *range(6, 16))  # the steps of Equations; 2 stands for plain attention, Eqs. 1 to 3
PANELS = ("maps", "heads", "pooling", "seam")


@dataclass(frozen=True, kw_only=True, slots=True)
class ViewState:
    """One view of one picture, with every value valid for its checkpoint.

    Blocks and heads count from 1 here, as in the address and on the page; `block_index` and `head_index` count from 0, as in hatnet.
    """

    image: str  # a key of SAMPLES, or UPLOAD
    checkpoint: str
    stage: int  # the paper's number
    block: int
    head: int | None  # None: the mean of all
    place: tuple[float, float]  # the token, as fractions (y, x) of the picture: survives a change of stage
    g1: tuple[int, ...]  # window sides, one for each hierarchical stage, in tokens
    g2: tuple[int, ...]  # cell sides
    equation: int = 2  # Equations: the step that is open, one of EQUATIONS
    step: int = 1  # Start: the card in front, 1 to 7
    tour: int = 0  # the stop of the tour, from 1; 0: not on the tour
    pixels: int = 0  # Cost: side of the picture in the calculation; 0: the model's own
    channels: int = 0  # Cost: C in the calculation; 0: the stage's own
    panel: str = "maps"  # Explorer: the panel beside the photograph, one of PANELS

    @property
    def block_index(self) -> int:
        """The block from 0."""
        return self.block - 1

    @property
    def head_index(self) -> int | None:
        """The head from 0; None: the mean of all."""
        return None if self.head is None else self.head - 1

    def sides(self, checkpoint: Checkpoint) -> tuple[int | None, int]:
        """Window side G1 and cell side G2 of the stage, in tokens; None and 1 in a stage of plain MHSA."""
        if self.stage not in checkpoint.hierarchical:
            return None, 1
        index = checkpoint.hierarchical.index(self.stage)
        return self.g1[index], self.g2[index]

    def fitted(self, checkpoint: Checkpoint) -> "ViewState":
        """This state for a checkpoint and stage that may have changed: values that no longer exist are replaced."""
        stage = self.stage if self.stage in checkpoint.config.stages else checkpoint.config.stages[0]
        head = self.head if self.head is not None and self.head <= checkpoint.heads(stage) else None
        new = replace(self, checkpoint=checkpoint.name, stage=stage, block=min(self.block, checkpoint.depth(stage)), head=head)
        if self.checkpoint != checkpoint.name or len(self.g1) != len(checkpoint.config.g1):
            new = replace(new, g1=checkpoint.config.g1, g2=checkpoint.config.g2)
        most = [checkpoint.grid(stage) for stage in checkpoint.hierarchical]
        g1, g2 = (tuple(map(min, sides, most)) for sides in (new.g1, new.g2))
        new = replace(new, g1=g1, g2=g2)
        if self.image not in images(checkpoint, has_upload=True):
            start = default(checkpoint)
            new = replace(new, image=start.image, place=start.place, stage=start.stage, block=start.block, head=None)
        return new


def default(checkpoint: Checkpoint) -> ViewState:
    """The view that opens first."""
    stage, g1, g2 = checkpoint.config.stages[0], checkpoint.config.g1, checkpoint.config.g2
    block = opening_block(checkpoint, stage)
    image = images(checkpoint, has_upload=False)[0]
    place = home(image, checkpoint, stage)
    return ViewState(image=image, checkpoint=checkpoint.name, stage=stage, block=block, head=None, place=place, g1=g1, g2=g2)


def opening_block(checkpoint: Checkpoint, stage: int) -> int:
    """The block that a stage opens on: the last, which has learned the most; for cards the first, which finds the marked card."""
    return 1 if checkpoint.cards else checkpoint.depth(stage)


def images(checkpoint: Checkpoint, has_upload: bool) -> list[str]:
    """The pictures that go with a checkpoint, those it knows first. One that classifies the cells of cards cannot use a photograph."""
    return offered(checkpoint.cards, checkpoint.classes) + ([UPLOAD] if has_upload and not checkpoint.cards else [])


def parse(
    params: Mapping[str, str], names: list[str], describe: Callable[[str], Checkpoint], has_upload: bool, stops: int
) -> tuple[ViewState, list[str]]:
    """The view that an address asks for, clamped to what exists, and a notice for each value that had to change.

    params: the address's parameters. names: the checkpoints (at least one), the default first. describe: a name -> its
    `Checkpoint`. stops: the number of stops in the tour.
    """
    notices: list[str] = []
    name = params.get("checkpoint", names[0])
    if name not in names:
        notices.append(f"The link asked for checkpoint “{_short(name)}”, which is not here. {names[0]} is shown.")
        name = names[0]
    checkpoint = describe(name)
    view = default(checkpoint)

    image = params.get("image", view.image)
    if image not in images(checkpoint, has_upload):
        if image == UPLOAD and not has_upload:
            problem = "a photograph that somebody uploaded; uploads are not kept"
        elif image in SAMPLES or image == UPLOAD:
            asked = _title(image) if image in SAMPLES else "an uploaded photograph"
            problem = f"{asked}, which does not go with checkpoint {name}"
        else:
            problem = f"picture “{_short(image)}”, which is not here"
        image = view.image
        notices.append(f"The link asked for {problem}. {_title(image)} is shown.")

    stages = checkpoint.config.stages
    stage = _whole(params, "stage", view.stage, stages, f"this checkpoint has stages {stages[0]} to {stages[-1]}", notices)
    depth, heads = checkpoint.depth(stage), checkpoint.heads(stage)
    head = None
    if params.get("head", "mean") != "mean":
        head = _whole(params, "head", 1, range(1, heads + 1), f"this stage has {count(heads)}", notices)
    panel = params.get("panel", "maps")
    if panel not in PANELS:
        notices.append(f"The link asked for panel “{_short(panel)}”; there are {', '.join(PANELS)}. The maps are shown.")
        panel = "maps"
    view = replace(
        view,
        image=image,
        stage=stage,
        block=_whole(params, "block", opening_block(checkpoint, stage), range(1, depth + 1), f"this stage has {count(depth)}", notices),
        head=head,
        place=_place(params, home(image, checkpoint, stage), notices),
        g1=_sides(params, "g1", checkpoint, notices),
        g2=_sides(params, "g2", checkpoint, notices),
        equation=_whole(params, "equation", view.equation, EQUATIONS, "the page has Eqs. 1 to 3 as equation 2, and Eqs. 6 to 15", notices),
        step=_whole(params, "step", view.step, range(1, 8), "the Start page has seven cards", notices),
        tour=_whole(params, "tour", view.tour, range(stops + 1), f"the tour has {count(stops)} stops", notices),
        pixels=_whole(params, "pixels", 0, range(1025), "0 stands for the model’s own, and 1024 is the maximum", notices),
        channels=_whole(params, "channels", 0, range(1025), "0 stands for the stage’s own, and 1024 is the maximum", notices),
        panel=panel,
    )
    return view, notices


def address(view: ViewState) -> dict[str, str]:
    """The parameters that `parse` turns back into this view."""
    values = asdict(view) | {"head": view.head or "mean"}
    for name in ("pixels", "channels", "tour"):
        if not values[name]:
            del values[name]
    if values["panel"] == "maps":
        del values["panel"]
    values["token"] = ",".join(f"{fraction:.4f}" for fraction in values.pop("place"))
    return {key: ",".join(map(str, value)) if isinstance(value, tuple) else str(value) for key, value in values.items()}


def _short(text: str) -> str:
    """A value from an address, short enough to be quoted."""
    return text if len(text) <= 40 else f"{text[:40]}…"


def _title(image: str) -> str:
    return f"“{SAMPLES[image].title}”"


def _whole(params: Mapping[str, str], key: str, default: int, valid: Sequence[int], reason: str, notices: list[str]) -> int:
    if key not in params:
        return default
    name = "card" if key == "step" else key  # as the Start page calls it
    try:
        asked = int(params[key])
    except ValueError:
        problem = f"{name} “{_short(params[key])}”, which is not a whole number"
        notices.append(f"The link asked for {problem}. {name.capitalize()} {default} is shown.")
        return default
    shown = min(valid, key=lambda value: abs(value - asked))
    if shown != asked:
        notices.append(f"The link asked for {name} {_short(str(asked))}; {reason}. {name.capitalize()} {shown} is shown.")
    return shown


def _sides(params: Mapping[str, str], key: str, checkpoint: Checkpoint, notices: list[str]) -> tuple[int, ...]:
    trained = getattr(checkpoint.config, key)
    if key not in params:
        return trained
    name = key.upper()
    try:
        asked = tuple(int(part) for part in params[key].split(",")) if params[key] else ()
    except ValueError:
        asked = None
    if asked is None or len(asked) != len(trained):
        expected = f"expected {count(len(trained))} whole numbers, such as {','.join(map(str, trained))}"
        notices.append(f"The link asked for {name} “{_short(params[key])}”; {expected}. The trained ones are used.")
        return trained
    shown = []
    for stage, value in zip(checkpoint.hierarchical, asked, strict=True):
        side = checkpoint.grid(stage)
        shown.append(used := min(max(value, 1), side))
        if value != used:
            notices.append(f"The link asked for {name} {_short(str(value))}; stage {stage} is {side} tokens wide. {used} is used.")
    return tuple(shown)


def _place(params: Mapping[str, str], default: tuple[float, float], notices: list[str]) -> tuple[float, float]:
    if "token" not in params:
        return default
    try:
        y, x = (float(part) for part in params["token"].split(","))
        if y != y or x != x:  # NaN
            raise ValueError
    except ValueError:
        asked = _short(params["token"])
        notices.append(f"The link asked for token “{asked}”; expected two fractions, such as 0.5,0.5. Another token is shown.")
        return default
    shown = min(max(y, 0.0), 1.0), min(max(x, 0.0), 1.0)
    if shown != (y, x):
        notices.append("The link asked for a token outside the picture. The nearest one is shown.")
    return shown
