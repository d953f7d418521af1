"""The paper's equations with the sizes of the model's own tensors."""

import re
from math import ceil


def with_sizes(latex: str, shapes: dict[str, tuple[int, ...]], grid: tuple[int, int], channels: int, g1: int, g2: int) -> str:
    """Write numbers for the sizes in an equation: in its shapes if it has any, else under its symbols. One equation to a line.

    shapes: symbol (LaTeX) -> shape in the code. grid: tokens down and across; g1, g2: sides of window and cell, in tokens.
    """
    h, w = grid
    if r"\Omega" in latex:
        local = rf"{h}\cdot {w}\cdot {channels}\,(4\cdot {channels}+2\cdot {g1}^2)"
        across = rf"2\,\frac{{{h}\cdot {w}}}{{{g2}^2}}\,{channels}\,({channels}+{h}\cdot {w})"
        return rf"\begin{{aligned}}{latex.split('=')[0]}={local}&\\[0.3em]+\;{across}&\end{{aligned}}"
    if r"\mathbb{R}" not in latex:
        for symbol, shape in ({r"\mathbf{X}": (1, channels, h, w)} | shapes).items():
            latex = _below(latex, rf"{re.escape(symbol)}(?!_\d)", paper_shape(shape, channels))
        latex = _below(latex, r"\\mathbf\{W\}(?:_\d)?\^[qkvp]", rf"{channels}\times {channels}")
        return _lines(latex.replace(r"\mathrm{AvePool}_{G_2}", rf"\mathrm{{AvePool}}_{{{g2}}}"))
    for name, side in (("G_1", g1), ("G_2", g2)):
        for letter, size in (("H", h), ("W", w)):
            latex = latex.replace(rf"\frac{{{letter}}}{{{name}}}", str(ceil(size / min(side, size))))
    latex = latex.replace(r"G_1\times G_1", rf"{min(g1, h)}\times {min(g1, w)}")
    return _lines(latex.replace(r"H\times W", rf"{h}\times {w}").replace(r"\times C}", rf"\times {channels}}}"))


def _below(latex: str, symbol: str, size: str) -> str:
    """Write a size below a symbol, given as a regular expression; turned round where it is transposed."""

    def written(found: re.Match) -> str:
        shown = r"\times ".join(reversed(size.split(r"\times "))) if found[1] else size
        return rf"\;\underset{{{shown}}}{{{found[0]}}}"

    return re.sub(rf"{symbol}(\^\{{\\mathrm\{{T\}}\}})?", written, latex)


def _lines(latex: str) -> str:
    """Equations that stand side by side, one below the other."""
    lines = latex.split(r",\quad")
    if len(lines) == 1:
        return latex
    rows = (re.sub(r"=|\\to\b", r"&\g<0>", line, count=1) for line in lines)
    return r"\begin{aligned}" + r"\\[0.6em]".join(rows) + r"\end{aligned}"


def paper_shape(shape: tuple[int, ...], channels: int, times: str = r"\times ") -> str:
    """A tensor's shape as the paper orders it, with the heads joined: [1, C, h, w] -> h x w x C."""
    if len(shape) == 4 and shape[1] == channels:
        sizes = (*shape[2:], channels)
    else:
        tokens = shape[-2]
        sizes = (tokens, channels) if shape[0] == 1 else (shape[0], tokens, channels)  # [windows or 1, (heads,) tokens, C or d]
    return times.join(map(str, sizes))
