"""What every notebook imports first: photographs, shipped models, and figures that look like the app's."""

import base64
import io
import json
import os
import sys
import warnings
from types import SimpleNamespace

os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # else torch's profiler, which measures memory, writes log lines into the notebook
# By default a thread that waits for another keeps its core busy. As soon as another program wants that core too, everything takes ten
# times as long or more: a step of notebook 7's training 6 s instead of 0.4. OpenMP reads this once, when torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

try:
    import numpy as np
    import plotly.graph_objects as go
    import torch
    from IPython import get_ipython
    from IPython.display import display
    from PIL import Image
    from torch import nn

    import hatnet
except ImportError as error:
    raise ImportError(
        f"this notebook's kernel ({sys.executable}) has no {error.name}: choose the project's .venv as the kernel, "
        "or run `pip install -r requirements.txt` with it"
    ) from None

from app.core import running
from app.core.colours import LIGHT
from app.core.samples import FOLDER
from hatnet.attention import HMHSA
from hatnet.preprocessing import centre_crop, normalise
from tutorials.machinery.figures.beside import beside

# Captum's progress bar wants ipywidgets, which nothing here needs.
warnings.filterwarnings("ignore", message="IProgress not found")
# One core is left to the browser and to whatever else runs; more than four gain nothing on models as small as these.
if "OMP_NUM_THREADS" not in os.environ:
    torch.set_num_threads(max(1, min(4, torch.get_num_threads() - 1)))
torch.manual_seed(0)
np.set_printoptions(precision=3, suppress=True)
torch.set_printoptions(precision=3, sci_mode=False)

if shell := get_ipython():
    shell.extension_manager.load_extension("tutorials.machinery.missing")
if (addresses := running.addresses()) and running.USUAL not in addresses:
    print(f"The app runs at {addresses[0]}: replace {running.USUAL} with this at the start of this notebook's links.")

STATIC = "TUTORIALS_STATIC"  # environment variable, set by build.py: committed outputs hold a picture with each figure
WIDTH = 640  # of such a picture, in pixels
COLOURS = 128  # in its palette: this halves the file
FONT = "Source Sans 3, Source Sans Pro, Helvetica, Arial, sans-serif"


def photograph(name: str = "cat_chelsea", size: int = 280) -> np.ndarray:
    """Load the centre crop of one of `app.samples.SAMPLES`: uint8 [size, size, 3]."""
    return np.array(centre_crop(Image.open(FOLDER / f"{name}.jpg").convert("RGB"), size))


def model_and_image(checkpoint: str = "cifar10", name: str = "cat_chelsea") -> tuple[hatnet.HATNet, torch.Tensor, hatnet.CheckpointInfo]:
    """Load a shipped model, a photograph as its input (float32 [1, 3, h, w], normalised), and the information in the model's header."""
    info = hatnet.checkpoint_info(checkpoint)
    pixels = torch.from_numpy(photograph(name, info.image_size)).permute(2, 0, 1)[None]
    return hatnet.load_checkpoint(checkpoint).requires_grad_(False), normalise(pixels, info.mean, info.std), info


def split(layer: nn.Linear, parts: int) -> list[nn.Linear]:
    """Split a linear layer with several outputs in one ("qkv") into one layer for each, with the same weights."""
    made = []
    for weight, bias in zip(layer.weight.detach().chunk(parts), layer.bias.detach().chunk(parts), strict=True):
        single = nn.Linear(weight.shape[1], weight.shape[0])
        single.load_state_dict({"weight": weight, "bias": bias})
        made.append(single.requires_grad_(False))
    return made


def parts_of(attn: HMHSA) -> SimpleNamespace:
    """Return the layers of an H-MHSA by the paper's names, wq1 wk1 wv1 wq2 wk2 wv2 wp, its norm, grid_norm and ds_norm, and `heads`."""
    wq1, wk1, wv1 = split(attn.qkv, 3)
    wk2, wv2 = split(attn.kv, 2)
    (wq2,), (wp,) = split(attn.q, 1), split(attn.proj, 1)
    return SimpleNamespace(
        **dict(wq1=wq1, wk1=wk1, wv1=wv1, wq2=wq2, wk2=wk2, wv2=wv2, wp=wp),
        **dict(norm=attn.norm, grid_norm=attn.grid_norm, ds_norm=attn.ds_norm, heads=attn.proj.in_features // attn.head_dim),
    )


def show(figure: go.Figure | dict[str, go.Figure], alt: str) -> None:
    """Show a figure, or several side by side under their titles. alt: a description for readers who cannot see it.

    The figure is interactive in JupyterLab, classic Notebook and VS Code.
    """
    if isinstance(figure, dict):
        figure = beside(figure)
    figure.update_layout(paper_bgcolor=LIGHT.page, template="none", font_family=FONT)
    figure.update_xaxes(automargin=True).update_yaxes(automargin=True)
    bundle = {"application/vnd.plotly.v1+json": _plain(figure), "text/plain": alt}
    if os.environ.get(STATIC):
        bundle["image/png"] = _picture(figure)
    display(bundle, metadata={"image/png": {"alt": alt}}, raw=True)


def _picture(figure: go.Figure) -> str:
    """Draw a figure as a small PNG in base64, for viewers that do not run Plotly."""
    import kaleido

    kaleido.start_sync_server(silence_warnings=True)  # Chromium starts once for all pictures
    size = dict(width=figure.layout.width or WIDTH, height=figure.layout.height or 400)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        drawn = Image.open(io.BytesIO(figure.to_image("png", **size)))
    file = io.BytesIO()
    drawn.convert("RGB").quantize(COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(file, "png", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def _plain(figure: go.Figure) -> dict:
    """Turn a figure into plain lists and numbers for the notebook's file. Five digits are enough for the eye, and halve the file."""
    plain = json.loads(figure.to_json(), parse_float=lambda digits: float(f"{float(digits):.5g}"))
    return plain | {"config": {"displayModeBar": False, "responsive": False}}
