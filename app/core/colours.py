"""Every colour of the app. A hue always has one meaning: local, global, the query, or ours beside the paper's; widgets and text are ink.

`.streamlit/config.toml` has to repeat some of them, because Streamlit reads its theme there; a test compares the two.
"""

import json
from dataclasses import dataclass, fields


@dataclass(frozen=True, kw_only=True, slots=True)
class Colours:
    """The colours of one theme, as #RRGGBB. Local, global and query can be told apart with any colour deficiency, the light ones also
    on grey paper: tests/app/core/test_colours.py measures it."""

    local: str  # windows and local weights
    local_text: str
    global_: str  # pooled keys and global weights
    global_text: str
    query: str  # the selected token: always a ring with a white edge, so that nobody has to rely on its hue
    ours: str  # Paper: what this project counts or measures, beside a figure of the paper in ink; a sign before it says so too
    ink: str  # text and widgets
    muted: str
    page: str
    side: str  # the sidebar, boxes
    line: str


LIGHT = Colours(
    local="#08549A",
    local_text="#08549A",
    global_="#E07A10",
    global_text="#A85300",
    query="#D0116F",
    ours="#1B7F3B",
    ink="#17212C",
    muted="#5A6878",
    page="#FFFFFF",
    side="#F5F7FA",
    line="#DCE2EA",
)
DARK = Colours(
    local="#56B1F7",
    local_text="#56B1F7",
    global_="#FFA447",
    global_text="#FFB566",
    query="#FF5FA8",
    ours="#7FD67F",
    ink="#E9EEF4",
    muted="#9BAABA",
    page="#10161D",
    side="#161E27",
    line="#2B3744",
)


# Maps lie on a photograph that is darkened in both themes, so both use the hues for a dark ground.
ON_PHOTO = DARK
VEIL = (9, 12, 16), 0.93  # colour and opacity where a veil hides the photograph
ARC = "#FFE3C2"  # a line from a pooled cell to the query, over its map: the global hue, much paler


def rgb(colour: str) -> tuple[int, int, int]:
    """#RRGGBB as three numbers 0..255."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


LOCAL_POWER, GLOBAL_POWER = 0.6, 0.8  # small local weights are lifted more


def tint(colour: str, power: float, level: float) -> tuple[float, float, float, float]:
    """Red, green, blue (0..255) and opacity (0..1) for a weight at `level` = weight / largest.

    From almost nothing through the hue to nearly white. The opacity is 0.04 + 0.84 t with t = level^power, so that small weights show.
    """
    t = level**power
    toward_pale = 0.62 * max(0.0, (t - 0.55) / 0.45)
    red, green, blue = (a + (b - a) * toward_pale for a, b in zip(rgb(colour), (255, 248, 240), strict=True))
    return red, green, blue, 0.04 + 0.84 * t


def scale(colour: str, power: float, stops: int = 24) -> list[list]:
    """The tints of one hue as a Plotly colour scale for weights 0..max."""
    result = []
    for stop in range(stops):
        *mixed, alpha = tint(colour, power, stop / (stops - 1))
        result.append([stop / (stops - 1), f"rgba({','.join(f'{part:.0f}' for part in mixed)},{alpha:.3f})"])
    return result


def signed_tint(colour: str, level: float) -> tuple[float, float, float, float]:
    """The same for a difference at `level` = difference / largest: pale grey below 0, transparent at 0, the hue above."""
    return *((238, 243, 248) if level < 0 else rgb(colour)), 0.9 * abs(level) ** 0.7


def signed(colour: str, stops: int = 33) -> list[list]:
    """These tints as a Plotly colour scale from -largest to largest."""
    result = []
    for stop in range(stops):
        *mixed, alpha = signed_tint(colour, 2 * stop / (stops - 1) - 1)
        result.append([stop / (stops - 1), f"rgba({','.join(map(str, mixed))},{alpha:.3f})"])
    return result


HUES = {"local": (ON_PHOTO.local, LOCAL_POWER), "global": (ON_PHOTO.global_, GLOBAL_POWER)}
LOCAL_SCALE = scale(ON_PHOTO.local, LOCAL_POWER)
GLOBAL_SCALE = scale(ON_PHOTO.global_, GLOBAL_POWER)
LOCAL_SIGNED, GLOBAL_SIGNED = signed(ON_PHOTO.local), signed(ON_PHOTO.global_)


def css() -> str:
    """The colours as CSS variables that follow the page's theme: --local, --local-text, ... and the ramps --local-ramp, --global-ramp."""
    names = [field.name for field in fields(Colours)]
    lines = [f"--{name.strip('_').replace('_', '-')}: light-dark({getattr(LIGHT, name)}, {getattr(DARK, name)});" for name in names]
    for name, stops in (("local", LOCAL_SCALE), ("global", GLOBAL_SCALE)):
        lines.append(f"--{name}-ramp: linear-gradient(90deg, {', '.join(colour for _, colour in stops)}), #262626;")
    return ":root, :host {" + " ".join(lines) + "}"


def javascript() -> str:
    """The colours of drawings on a photograph as a JavaScript module; app/components/js/palette.d.ts describes it."""
    ramps = {name: [colour for _, colour in scale(*hue, stops=64)] for name, hue in HUES.items()}
    palette = {"local": ON_PHOTO.local, "global": ON_PHOTO.global_, "query": LIGHT.query, "ink": DARK.page, "arc": ARC, "veil": VEIL}
    return f"export const PALETTE = {json.dumps(palette | {'ramps': ramps})};\n"
