"""Whatever is uploaded gives a picture or one clear sentence, within bounded memory. tests/browser/test_uploads.py does it in a browser."""

import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from app.core.pictures import KEPT_SIDE, LEAST_SIDE, upload
from tests.app.pictures import encoded
from tests.hostile import FEW, uploads

ROOT = Path(__file__).parents[3]


def came_of(one):
    """The size of the picture that a file gives, or the sentence."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of what it repairs
        try:
            return upload(one.content, one.name).image.size
        except ValueError as error:
            return str(error)


def is_wanted(came, one):
    if isinstance(one.gives, tuple):
        return came == one.gives
    return isinstance(came, str) and one.gives in came and came[-1] == "." and len(came) < 250 and "\n" not in came


def test_each_gives_a_picture_or_one_clear_sentence():
    assert len(uploads()) >= 100 and {one.name for one in uploads()} >= set(FEW)
    assert [one.name for one in uploads()[: len(FEW)]] == [one.name for one in uploads() if one.name in FEW]
    wrong = {one.name: came for one in uploads() if not is_wanted(came := came_of(one), one)}
    assert wrong == {}


PEAK = """
import re, sys, warnings
from pathlib import Path
from hatnet.pictures import read_picture
warnings.simplefilter("ignore")
def memory(what): return int(re.search(what + r":\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024
read_picture(sys.argv[1] + "/first.png", "first")
before = memory("VmRSS")
for path in sorted(Path(sys.argv[1]).iterdir()):
    try:
        read_picture(path, "p")
    except ValueError:
        pass
print(memory("VmHWM") - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_all_of_them_fit_into_memory(tmp_path):
    """In MB, the peak: what a picture of 50 megapixels needs in a format that is decoded as a whole, and a strip of it."""
    for number, one in enumerate(uploads()):
        (tmp_path / f"{number:03}").write_bytes(one.content)
    (tmp_path / "first.png").write_bytes(encoded(Image.new("RGB", (8, 8))))
    done = subprocess.run([sys.executable, "-c", PEAK, str(tmp_path)], capture_output=True, text=True, check=True, cwd=ROOT)
    assert float(done.stdout) < 400


@settings(max_examples=40)
@given(
    width=st.integers(1, 1500),
    height=st.integers(1, 1500),
    mode=st.sampled_from(("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F")),
    orientation=st.integers(0, 9),
)
def test_pictures_of_any_size_and_kind(width, height, mode, orientation):
    exif = Image.Exif()
    exif[274] = orientation
    kind = "TIFF" if mode in ("CMYK", "I", "F") else "PNG"
    content = encoded(Image.new(mode, (width, height)), kind, exif=exif)
    if min(width, height) < LEAST_SIDE:
        with pytest.raises(ValueError, match=f"p is {height if orientation in range(5, 9) else width} × "):
            upload(content, "p")
        return
    shown = upload(content, "p").image
    if orientation in range(5, 9):
        width, height = height, width
    factor = min(1, KEPT_SIDE / max(width, height))
    assert abs(shown.width - width * factor) <= 1 and abs(shown.height - height * factor) <= 1 and shown.mode == "RGB"
