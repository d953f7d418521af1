"""Batches that are ready when the training step wants them."""

from concurrent.futures import Future, ThreadPoolExecutor

import torch
from torch import Tensor

from hatnet.cards import Cards
from hatnet.data import Images, Pictures
from hatnet.machine import upload

BATCHES = 2  # made ahead of the step


class Ahead:
    """The batches of a training set, on the device. Where each takes work, the next ones are made in a thread while the step computes.

    That is: pictures decoded on demand, by the threads of `data.Pictures`; and for a GPU, all that is not on it, such as cards, in pinned
    memory. What a batch holds depends on its step alone, so a run that is resumed gets what it would have got.
    """

    def __init__(self, data: Images | Cards, device: torch.device):
        self.data, self.device = data, device
        decoded = isinstance(data, Images) and isinstance(data.pixels, Pictures)
        there = device.type == "cpu" or (isinstance(data, Images) and data.labels.device.type == device.type)
        self.busy = decoded or not there
        self.pool = ThreadPoolExecutor(1)
        self.coming: dict[int, Future] = {}  # the batches under way, by their steps
        self.asked: tuple = ()  # with which other arguments

    def batch(self, step: int, steps: int, count: int, seed: int, shard: slice) -> tuple[Tensor, Tensor, Tensor]:
        """`Images.batch`'s tensors, on the device. Raises ValueError as they do for too many unreadable pictures, at their step."""
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

    def _pinned(self, *asked) -> list[Tensor]:
        return [tensor.pin_memory() if self.device.type == "cuda" else tensor for tensor in self.data.batch(*asked)]

    def _to_device(self, tensors) -> tuple[Tensor, Tensor, Tensor]:
        pixels, labels, weights = (upload(tensor, self.device) for tensor in tensors)
        return pixels, labels, weights
