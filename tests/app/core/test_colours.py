"""One table of colours: the scales of the maps, and the theme that Streamlit reads."""

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
