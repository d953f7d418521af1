"""Batches that are ready when the training step wants them."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import torch
from torch import Tensor

from hatnet.machine import upload
from hatnet.tasks.task import Column, TrainingSet

BATCHES = 2  # made ahead of the step


class Ahead:
    """The batches of a training set, on the device. Where each takes work, the next ones are made in a thread while the step computes.

    That is: pictures decoded on demand, by the threads of `data.Pictures`; and for a GPU, all that is not on it, such as cards, in pinned
    memory. What a batch holds depends on its step alone, so a run that is resumed gets what it would have got.
    """

    def __init__(self, data: TrainingSet, device: torch.device):
        self.data, self.device = data, device
        self.busy = data.lazy or (device.type != "cpu" and data.device.type != device.type)
        self.pool = ThreadPoolExecutor(1)
        self.coming: dict[int, Future] = {}  # the batches under way, by their steps
        self.asked: tuple = ()  # with which other arguments

    def batch(self, step: int, steps: int, count: int, seed: int, shard: slice) -> tuple[Column, ...]:
        """`TrainingSet.batch`'s columns, on the device. Raises ValueError as they do for too many unreadable pictures, at their step."""
        rest = (steps, count, seed, shard)
        if not self.busy:
            return self._to_device(self.data.batch(step, *rest))
        wanted = range(step, min(step + 1 + BATCHES, max(steps, step + 1)))
        for number in [number for number in self.coming if rest != self.asked or number not in wanted]:
            self.coming.pop(number).cancel()
        self.asked = rest
        for number in wanted:
            if number not in self.coming:
                self.coming[number] = self.pool.submit(self._pinned, number, *rest)
        return self._to_device(self.coming.pop(step).result())

    def _pinned(self, *asked) -> Sequence[Column]:
        taken = self.data.batch(*asked)
        return each_tensor(Tensor.pin_memory, taken) if self.device.type == "cuda" else taken

    def _to_device(self, taken: Sequence[Column]) -> tuple[Column, ...]:
        return tuple(each_tensor(lambda tensor: upload(tensor, self.device), taken))


def each_tensor(change: Callable[[Tensor], Tensor], thing):
    """The same lists, tuples and tables with every tensor changed."""
    if isinstance(thing, Tensor):
        return change(thing)
    if isinstance(thing, dict):
        return {key: each_tensor(change, value) for key, value in thing.items()}
    return [each_tensor(change, entry) for entry in thing] if isinstance(thing, list | tuple) else thing
