"""Which parts of a picture count for a class: Captum's methods, and the curves that test any map. No Streamlit.

`forward` maps a batch of normalised pictures [b, 3, h, w] to logits [b, classes]; `image` is one picture [1, 3, h, w]; `target` a
class index. Whatever is removed becomes the mean colour, 0 after normalisation. Maps are signed: positive values speak for the class.
Nothing here changes a model that others use: Captum's only hook sits on an identity layer made for one call.
"""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from captum.attr import IntegratedGradients, LayerGradCam, Occlusion
from torch import Tensor, nn

from hatnet import HATNet
from hatnet.evaluation import images_at_once
from hatnet.model import Grids

Forward = Callable[[Tensor], Tensor]

STEPS = 16  # of a deletion or insertion curve, unless told otherwise
IG_STEPS = 32


def patches(image: Tensor, overlap: float) -> tuple[int, int, int]:
    """Occlusion's patches in pixels: side (an eighth of the picture), stride, and their number."""
    side = max(2, image.shape[-1] // 8)
    stride = max(1, int(side * (1 - overlap)))
    return side, stride, (-(-(image.shape[-1] - side) // stride) + 1) ** 2


def integrated_gradients(forward: Forward, image: Tensor, target: int) -> np.ndarray:
    """Gradients of the class's logit, collected along the straight path from the mean colour to the picture; channels added: [h, w].

    Complete: the values add up to logit(picture) - logit(mean colour), apart from the error of taking 32 steps.
    """
    method = IntegratedGradients(forward)
    parts = method.attribute(image, target=target, n_steps=IG_STEPS, internal_batch_size=images_at_once(image.shape[-1]))
    return parts[0].sum(0).detach().numpy()


def occlusion(forward: Forward, image: Tensor, target: int, overlap: float = 0.5) -> np.ndarray:
    """How much the class's logit falls when a patch is hidden, averaged over the patches that hold a pixel: [h, w].

    overlap: the part of a patch's side that the next one hides too.
    """
    side, stride, _ = patches(image, overlap)
    with torch.no_grad():
        parts = Occlusion(forward).attribute(
            image,
            target=target,
            sliding_window_shapes=(3, side, side),
            strides=(3, stride, stride),
            perturbations_per_eval=images_at_once(image.shape[-1]),
        )
    return parts[0, 0].detach().numpy()


def grad_cam(model: HATNet, image: Tensor, target: int, stage: int, g1: Grids = None, g2: Grids = None) -> np.ndarray:
    """Grad-CAM on the output of a stage (the paper's number): its channels, weighted by their mean gradient, on its tokens [h, w].

    Without the usual cut at 0, so that tokens that speak against the class can be ranked too.
    """
    index = model.config.stages.index(stage)
    with torch.no_grad():
        features = next(x for n, (x, _) in enumerate(model.run(image, g1, g2)) if n == index)
    hooked = nn.Identity()

    def rest(features: Tensor) -> Tensor:
        x = hooked(features)
        for part, grid in zip(model.stages[index + 1 :], model.grids(g1, g2)[index + 1 :], strict=True):
            x = part.downsample(x)
            for block in part.blocks:
                x = block(x, *grid)
        return model.forward_head(x)

    return LayerGradCam(rest, hooked).attribute(features, target=target)[0, 0].detach().numpy()


def random_weights(model: HATNet, seed: int = 0) -> HATNet:
    """A separate model of the same architecture that has learned nothing."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return HATNet(model.config).eval()


def on_grid(values: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """A map [h, w] on another grid: averaged where that is coarser, repeated where it is finer."""
    return F.adaptive_avg_pool2d(torch.tensor(values, dtype=torch.float32)[None], grid)[0].numpy()


def ranking(values: np.ndarray) -> np.ndarray:
    """The flat indices of the squares, most important first; ties in an arbitrary but fixed order."""
    ties = np.random.default_rng(0).permutation(values.size)
    return np.lexsort((ties, -values.ravel()))


def curves(forward: Forward, image: Tensor, target: int, values: np.ndarray, steps: int = STEPS) -> np.ndarray:
    """Insertion and deletion: the class's probability while squares are put back or removed, the best of `values` [rows, columns] first.

    [2, steps + 1], at evenly spaced shares of the squares. Insertion starts from the mean colour, deletion from the picture.
    """
    order, count = ranking(values), values.size
    shown = torch.zeros(steps + 1, count)
    for step in range(steps + 1):
        shown[step, order[: round(step / steps * count)].copy()] = 1
    masks = F.interpolate(shown.view(-1, 1, *values.shape), size=image.shape[-2:], mode="nearest")
    # Both curves share their ends, so those pictures are computed once.
    pictures = torch.cat([image * masks, (image * (1 - masks))[1:-1]])
    with torch.no_grad():
        logits = torch.cat([forward(part) for part in pictures.split(images_at_once(image.shape[-1]))])
    probabilities = logits.softmax(-1)[:, target].numpy()
    inserted = probabilities[: steps + 1]
    return np.stack([inserted, np.concatenate([inserted[-1:], probabilities[steps + 1 :], inserted[:1]])])
