"""Sets of pictures with objects in them: boxes, classes, and masks where they are wanted."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from hatnet.data import drawn

# The n objects of a picture of h x w pixels: "boxes" float32 [n, 4], x1, y1, x2, y2 in pixels; "classes" int64 [n], counted from 0;
# perhaps "masks" uint8 [n, h, w]; and where a file says so, "area" float32 [n] and "crowd" bool [n].
Instances = dict[str, Tensor]


@dataclass(frozen=True, kw_only=True, eq=False)
class Objects:
    """A set of pictures with objects; a `TrainingSet`."""

    count: int
    classes: tuple[str, ...]
    side: int  # of the short side of the pictures in training, in pixels
    masks: bool
    read: Callable[[int, Tensor | None], tuple[Tensor, Instances]]  # of a picture's number, and its pixels if they are held
    held: Sequence[Tensor] | None  # each picture, uint8 [3, h, w]; None: read at each use
    counts: Tensor  # objects of each class, int64 [classes]
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(min(8, os.cpu_count() or 1)))

    def __len__(self) -> int:
        return self.count

    @property
    def size(self) -> tuple[int, int]:
        return self.side, self.side

    @property
    def nbytes(self) -> int:
        return sum(pixels.nbytes for pixels in self.held or ())

    @property
    def lazy(self) -> bool:
        return self.held is None

    @property
    def device(self) -> torch.device:
        return self.held[0].device if self.held else torch.device("cpu")

    def on(self, device: torch.device) -> "Objects":
        return replace(self, held=[pixels.to(device) for pixels in self.held or ()])

    def take(self, index: Sequence[int]) -> list[tuple[Tensor, Instances]]:
        """Pixels, uint8 [3, h, w], and objects of some pictures."""
        return list(self.pool.map(lambda number: self.read(number, self.held[number] if self.held else None), index))

    def statistics(self) -> tuple[list[float], list[float]]:
        """Mean and standard deviation of each channel, for pixels in 0..1, over at most 500 pictures, evenly from the list."""
        total, squares, count = torch.zeros(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64), 0
        for number in range(0, len(self), max(1, len(self) // 500)):
            pixels = self.take([number])[0][0].double().flatten(1) / 255
            total, squares, count = total + pixels.sum(1), squares + (pixels**2).sum(1), count + pixels.shape[1]
        mean = total / count
        return mean.tolist(), (squares / count - mean**2).clamp(min=1e-6).sqrt().tolist()

    def class_counts(self) -> Tensor:
        return self.counts

    def batch(self, step: int, steps: int, count: int, seed: int, shard: slice) -> tuple[list[Tensor], list[Instances]]:
        """The pictures, uint8 [3, h, w] each, and their objects."""
        taken = self.take(drawn(len(self), step, count, seed)[shard].tolist())
        return [pixels for pixels, _ in taken], [objects for _, objects in taken]
