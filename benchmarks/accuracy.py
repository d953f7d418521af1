"""Accuracy after some minutes of training: hatnet_compact and timm's ViT and Swin of as many parameters, by the same trainer.

What `python benchmarks/model.py --full` trains at its end: the recipe "compact" on CIFAR-10, each model for the same time. A training
that is interrupted goes on from its last saved state.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from hatnet import create_model
from hatnet.config import VARIANTS
from hatnet.data import Images, load
from hatnet.evaluation import accuracy, predict
from hatnet.files import atomic_write
from hatnet.machine import Machine
from hatnet.recipe import RECIPES
from hatnet.rehearsal import steps_within
from hatnet.speed import Trained
from hatnet.training import Trainer

ROOT = Path(__file__).resolve().parent.parent
RUNS = ROOT / "runs" / "bench-accuracy"
SAVE_EVERY = 60  # seconds
SIDE = 32  # pixels


class Peer(nn.Module):
    """A model of timm as the trainer takes it: with hatnet_compact's configuration, for the sizes of the images, and its call."""

    config = VARIANTS["hatnet_compact"]

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def no_weight_decay(self) -> set[str]:
        """Norms, biases, and what timm names: the embeddings of positions."""
        named = self.model.no_weight_decay()
        return {name for name, weight in self.named_parameters() if weight.ndim <= 1 or name.removeprefix("model.") in named}

    def forward(self, images: Tensor, explicit: bool = False) -> Tensor:
        return self.model(images)


def vit(classes: int) -> nn.Module:
    """DeiT's shape: tokens of 4 x 4 pixels, heads of 64 channels."""
    from timm.models import VisionTransformer

    return Peer(VisionTransformer(SIDE, 4, num_classes=classes, embed_dim=128, depth=9, num_heads=2))


def swin(classes: int) -> nn.Module:
    """Three stages on 16, 8 and 4 tokens, with windows of 4, like hatnet_compact."""
    from timm.models import SwinTransformer

    return Peer(SwinTransformer(SIDE, 2, num_classes=classes, embed_dim=48, depths=(2, 6, 2), num_heads=(2, 4, 8), window_size=4))


MODELS: dict[str, tuple[str, Callable[[int], nn.Module]]] = {
    "hatnet_compact": ("hatnet", lambda classes: create_model("hatnet_compact", num_classes=classes)),
    "ViT, 9 blocks of 128 channels": ("timm", vit),
    "Swin, 2, 6 and 2 blocks of 48 to 192 channels": ("timm", swin),
}


def compare(
    minutes: float,
    device: torch.device,
    done: Sequence[Trained] = (),
    source: str = "cifar10",
    runs: Path = RUNS,
) -> Iterator[Trained]:
    """Train each of MODELS that is not among those done, and measure its accuracy on the test split, once."""
    data, held_out, test = (load(source, split, SIDE) for split in ("train", "val", "test"))
    for name, (origin, make) in MODELS.items():
        if name not in {one.model for one in done}:
            yield trained(name, origin, make, minutes, device, (data, held_out, test), source, runs / name.split(",")[0])


def trained(
    name: str,
    origin: str,
    make: Callable[[int], nn.Module],
    minutes: float,
    device: torch.device,
    images: tuple[Images, Images, Images],
    source: str,
    folder: Path,
) -> Trained:
    """Train one model, or go on with it."""
    data, held_out, test = images
    torch.manual_seed(0)
    trainer = Trainer(make(len(data.classes)), RECIPES["compact"], data, Machine(device=device, bfloat16=device.type == "cuda"))
    begun, state = folder / "begun.json", folder / "state.pt"
    folder.mkdir(parents=True, exist_ok=True)
    if begun.exists():
        plan = json.loads(begun.read_text())
        trainer.state.load(state)
    else:
        plan = {"steps": steps_within(trainer, minutes, held_out), "seconds": 0.0}
    saved = time.perf_counter()
    with tqdm(total=plan["steps"], initial=trainer.state.step, unit="step", desc=name.split(",")[0]) as bar:
        for _ in trainer.advance(plan["steps"]):
            bar.update()
            if (now := time.perf_counter()) - saved > SAVE_EVERY or trainer.state.step == plan["steps"]:
                plan["seconds"] += now - saved
                trainer.settle()
                trainer.state.save(state)
                with atomic_write(begun) as partial:
                    partial.write_text(json.dumps(plan))
                saved = time.perf_counter()
    predicted = predict(trainer.state.kept, test, trainer.mean, trainer.std)
    return Trained(
        model=name,
        origin=origin,
        parameters=sum(weight.numel() for weight in trainer.state.model.parameters()),
        data=source,
        minutes=minutes,
        seconds=round(plan["seconds"], 1),
        steps=plan["steps"],
        batch=trainer.images_per_step,
        accuracy=accuracy(predicted, test),
    )
