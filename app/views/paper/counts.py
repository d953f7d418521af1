"""What this project counts and has measured of the models that the paper's tables compare: parameters, multiply-adds, milliseconds."""

import logging
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch

import hatnet
from app.core import checkpoints
from app.core.pictures import cached
from app.core.view import PARTS
from hatnet import paper, speed
from hatnet.complexity import Count
from hatnet.speed import FORWARD, Point, Setting

log = logging.getLogger("hatnet.app")
ROOT = Path(__file__).resolve().parents[3]
PEERS = "benchmarks/peers.json"  # in a checkout
FOLLOWS = PARTS[-1]  # the part of Fig. 1 behind the stages
MEASURED = Setting(work=FORWARD, pixels=224, batch=1, numbers="float32")


@dataclass(frozen=True, kw_only=True, eq=False)
class Counted:
    """One model: its parameters by the parts of Fig. 1, and its MACs. Nothing of it is computed with numbers."""

    config: hatnet.Config
    pixels: int
    parameters: dict[int, int]
    macs: Count

    @property
    def parts(self) -> list[int]:
        """The parts that it has, as Fig. 1 has them: 1, the stages, FOLLOWS."""
        return list(self.parameters)

    def macs_of(self, part: int) -> tuple[int, int]:
        """MACs of a part: of convolutions and linear layers, and of the products QK^T and AV."""
        rows = [row for row in self.macs.rows if (row.stage or FOLLOWS) == part]
        attention = sum(row.macs for row in rows if row.kind == "attention")
        return sum(row.macs for row in rows) - attention, attention


def counted(model: str) -> Counted:
    """A variant of the paper at 224 x 224 pixels; or the model of a checkpoint, at its own size, without its weights."""
    if model in paper.NAMES:
        return _counted(model, model, hatnet.VARIANTS[model], MEASURED.pixels)
    checkpoint = checkpoints.describe(model)
    return _counted(model, checkpoint.key, checkpoint.config, checkpoint.image_size)


@cached(max_entries=32)
def _counted(model: str, key: str, _config: hatnet.Config, pixels: int) -> Counted:
    with torch.device("meta"):
        made = hatnet.HATNet(_config)
    modules = {1: made.stem, **dict(zip(_config.stages, made.stages, strict=True))}
    parameters = {part: size(module) for part, module in modules.items()}
    parameters[FOLLOWS] = size(made) - sum(parameters.values())
    return Counted(config=_config, pixels=pixels, parameters=parameters, macs=hatnet.complexity.count(made, (pixels, pixels)))


@cached(max_entries=16)
def dense(head: str, model: str) -> tuple[int, Count]:
    """Parameters and MACs of a head of Tables 3 and 4 on a variant, at the paper's size."""
    with torch.device("meta"):
        made = paper.HEADS[head].model(model)
    return size(made), hatnet.complexity.count(made, paper.HEADS[head].size)


def size(module: torch.nn.Module) -> int:
    """The number of parameters."""
    return sum(weight.numel() for weight in module.parameters())


def peers() -> speed.Speeds | None:
    """What benchmarks/model.py has measured; None where its file is not there, as in a wheel. Raises ValueError where it is damaged."""
    path = ROOT / PEERS
    return _read(path, path.stat().st_mtime_ns) if path.is_file() else None


@lru_cache(maxsize=2)
def _read(path: Path, stamp: int) -> speed.Speeds:
    try:
        return speed.read(path)
    except (OSError, ValueError):
        log.exception("not read: %s", path)
        raise ValueError(f"{PEERS} is not what benchmarks/model.py writes. Measure it again: make bench") from None


def points() -> dict[str, Point]:
    """The forward passes of one image that were measured, by the models' names in hatnet and timm."""
    found = peers()
    return {name: point for (name, origin), point in found.of(MEASURED).items() if origin in ("hatnet", "timm")} if found else {}
