"""The numbers that more than one page shows, by name. One name is one quantity, counted in one way: on every page it has the same value.

A page marks such a number with `quantity(name, text)`; JavaScript sets `data-quantity` itself. The browser's tests walk the pages and
compare the numbers of equal names. "Of the selected token" means: in the selected block of the selected stage, with its G1 and G2.
"""

QUANTITIES = {
    "tokens": "tokens of the stage's map",
    "window-tokens": "tokens of the selected token's window, itself included",
    "cells": "cells of the stage's map",
    "comparisons": "comparisons of the selected token in one head: tokens of its window, plus cells",
    "comparisons-plain": "comparisons of one token in one head of plain attention: all tokens",
    "local-most": "largest weight of the selected token's local map, mean of all heads",
    "local-most-head": "the same in the one head that is shown",
    "cell-most": "largest weight of a cell in the selected token's global map, mean of all heads",
    "cell-most-head": "the same in the one head that is shown",
    "cell-most-token": "the largest weight per token: a cell's weight divided by the tokens that it averages, mean of all heads",
    "hops-self": "share of the selected token's output that stays: its own input, kept by the residuals, each sum counting half",
    "hops-window": "share that is read from its window, itself included, through one hop or two, mean of all heads",
    "hops-elsewhere": "share that is read from outside its window, through the cells, mean of all heads",
    "path-near": "mean weight that the tokens of a cell give to the first token of the path that is shown first, mean of all heads",
    "path-far": "weight that the selected token gives to the path's cell, mean of all heads",
    "path-share": "share of the selected token's output that this path alone brings: a quarter of the product of its two weights",
    "path-two": "share of the selected token's output that comes from the path's first token, by all paths",
    "path-one": "the same if the cells averaged tokens that have not read their windows",
    "macs-equation": "MACs of one attention layer by Eq. 15, which leaves out what it counts as small",
    "macs": "MACs of one attention layer, counted as computed",
    "macs-plain": "MACs of plain attention in its place, counted alike",
    "macs-plain-equation": "MACs of plain attention in its place by Eq. 5, which leaves out what Eq. 15 leaves out",
    "macs-model": "MACs of the whole model for one picture, products of attention included",
    "probability": "probability of the model's answer, with the G1 and G2 of the page",
    "accuracy-test": "accuracy of the checkpoint on its test split, which chose nothing",
    "accuracy-val": "accuracy of the checkpoint on the images held out of training that chose its epoch",
    "accuracy-paper": "accuracy that the paper's Table 2 gives, not measured here",
    "accuracy-held-out": "accuracy of the checkpoint as trained, on the held-out images with which benchmarks/grids.py compares settings",
    "parameters": "parameters of the model",
}


def quantity(name: str, text: str) -> str:
    """HTML of a displayed number with the name of its quantity."""
    if name not in QUANTITIES:
        raise ValueError(f"there is no quantity '{name}'; name it in QUANTITIES, or take one of {', '.join(QUANTITIES)}")
    return f'<span data-quantity="{name}">{text}</span>'
