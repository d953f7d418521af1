"""One table of colours: the scales of the maps, the theme that Streamlit reads, and who can tell the hues apart."""

import itertools
import json

import numpy as np
import pytest

from app.core import colours
from app.core.samples import FOLDER


def test_opacity_grows_from_nearly_nothing_to_nearly_all():
    for stops in (colours.LOCAL_SCALE, colours.GLOBAL_SCALE):
        opacity = [float(colour.rsplit(",", 1)[1].rstrip(")")) for _, colour in stops]
        assert opacity[0] == 0.04 and opacity[-1] == 0.88 and opacity == sorted(opacity)
    # Small local weights are lifted more than global ones.
    assert colours.LOCAL_SCALE[6][1].rsplit(",")[-1] > colours.GLOBAL_SCALE[6][1].rsplit(",")[-1]


def test_the_theme_repeats_the_colours():
    config = (FOLDER.parent / ".streamlit" / "config.toml").read_text(encoding="utf-8")
    light, dark = config.split("[theme.light]")[1].split("[theme.dark]")
    for text, palette in ((light, colours.LIGHT), (dark, colours.DARK)):
        for option, colour in (("textColor", palette.ink), ("backgroundColor", palette.page), ("borderColor", palette.line)):
            assert f'{option} = "{colour}"' in text
        assert f'secondaryBackgroundColor = "{palette.side}"' in text


# What a reader without one kind of cones sees, on linear RGB: Machado, Oliveira and Fernandes (2009), severity 1.
DEFICIENCIES = {
    "none": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
XYZ = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]  # of linear sRGB
HUES = [("local", "global_", "query"), ("local_text", "global_text", "query"), ("ours", "ink"), ("ours", "muted")]


def linear(colour):
    value = np.array(colours.rgb(colour)) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    """CIE L*a*b* of linear sRGB, under daylight (D65)."""
    xyz = np.array(XYZ) @ np.clip(rgb, 0, 1) / (0.95047, 1, 1.08883)
    x, y, z = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_lab_is_that_of_the_standard():
    assert lab(linear("#FFFFFF")) == pytest.approx([100, 0, 0], abs=0.02)
    assert lab(linear("#FF0000")) == pytest.approx([53.24, 80.09, 67.20], abs=0.02)


@pytest.mark.parametrize("seen", DEFICIENCIES)
@pytest.mark.parametrize("theme", [colours.LIGHT, colours.DARK], ids=["light", "dark"])
@pytest.mark.parametrize("names", HUES, ids=" ".join)
def test_every_reader_can_tell_the_hues_apart(theme, seen, names):
    points = [lab(np.array(DEFICIENCIES[seen]) @ linear(getattr(theme, name))) for name in names]
    assert min(np.linalg.norm(one - other) for one, other in itertools.combinations(points, 2)) >= 20  # 2.3 is just noticeable


@pytest.mark.parametrize("seen", DEFICIENCIES)
def test_every_reader_can_tell_the_hues_of_a_photograph_apart(seen):
    """On a photograph the table of one theme's windows and cells meets the other theme's query."""
    palette = json.loads(colours.javascript().partition("= ")[2].rstrip(";\n"))
    points = [lab(np.array(DEFICIENCIES[seen]) @ linear(palette[name])) for name in ("local", "global", "query")]
    assert min(np.linalg.norm(one - other) for one, other in itertools.combinations(points, 2)) >= 20


def test_the_hues_differ_on_grey_paper():
    lightness = sorted(lab(linear(getattr(colours.LIGHT, name)))[0] for name in HUES[0])
    assert min(np.diff(lightness)) >= 10
