"""A program that uses hatnet as a library: `python classify.py PHOTO` names a photograph, and what the model's layers are made of.

mypy and pyright check it in their strict modes: what `assert_type` says is what an editor knows.
"""

import sys

import torch
from typing_extensions import assert_type

import hatnet
from hatnet.attention import HMHSA, MHSA
from hatnet.blocks import MLP, Block
from hatnet.model import Stage


def classify(photograph: str, checkpoint: str = "cifar10") -> tuple[str, float]:
    """The most probable class of a photograph's central square, and its probability."""
    info, model = hatnet.checkpoint_info(checkpoint), hatnet.load_checkpoint(checkpoint)
    images = hatnet.transform(info)(photograph)[None]
    with torch.no_grad():
        probabilities = model.forward(images).softmax(dim=1)[0]
    best = int(probabilities.argmax())
    return info.classes[best], float(probabilities[best])


def layers(model: hatnet.HATNet) -> list[str]:
    """One line for each stage: its blocks, heads and hidden channels."""
    lines: list[str] = []
    for number, stage in zip(model.config.stages, model.stages, strict=True):
        assert_type(stage, Stage)
        assert_type(stage.blocks[-1], Block)
        assert_type([block.mlp for block in stage.blocks], list[MLP])
        attn = stage.blocks[0].attn
        assert_type(attn, HMHSA | MHSA)
        heads = attn.proj.out_features // attn.head_dim
        kind = attn.mechanism if isinstance(attn, HMHSA) else "plain"
        lines.append(f"stage {number}: {len(stage.blocks)} blocks, {heads} heads, {stage.blocks[0].mlp.expand.out_features} hidden, {kind}")
    return lines


if __name__ == "__main__":
    name, probability = classify(sys.argv[1])
    print(f"{name}, {probability:.0%}", *layers(hatnet.load_checkpoint("cifar10")), sep="\n")
