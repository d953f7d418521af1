"""What the Equations page says of an equation in words and code: its line in the list, its numbers, its check, the line that ran."""

import html
import re

import numpy as np

import hatnet
from app.core.glossary import linked, term
from app.core.quantities import quantity
from app.core.words import amount, count, percent
from app.ui import notebook_links
from app.views.equations import boards, latex
from app.views.equations.boards.panels import JOINED, LOCAL, NORMED, Selection, symbol

SIZES = {  # with links to the glossary
    2: "Sizes: all tokens of the map × [channels](#channel); in Eq. 2, tokens × channels of one head.",
    6: "Sizes: the map’s rows × columns × [channels](#channel); then windows × tokens of a window × channels.",
    7: "Sizes: [windows](#window) × tokens of a window × [channels](#channel).",
    8: "Sizes: in Eq. 2, tokens of the window × [channels](#channel) of one head; in Eq. 8, windows × tokens of a window × channels, "
    "then the map.",
    9: "Sizes: the map’s rows × columns × [channels](#channel).",
    10: "AvePool: the mean over each cell. Sizes: rows × columns × [channels](#channel), of cells and of tokens.",
    11: "Sizes: rows × columns × [channels](#channel); as lists, tokens × channels and cells × channels.",
    12: "Sizes: tokens × [channels](#channel) and cells × channels.",
    13: "Sizes: in Eq. 2, cells × [channels](#channel) of one head; in Eq. 13, tokens × channels, then the map.",
    14: "Sizes: the map’s rows × columns × [channels](#channel).",
    15: "Below each term: its multiply-adds (MACs); k: thousand, M: million, G: billion.",
}


def label(equation: hatnet.Equation, channels: int) -> str:
    """A line in the list of equations, in Markdown: number, name, shape; in Eqs. 11 and 12 the shapes of tokens and of cells."""
    shapes = list(dict.fromkeys(latex.paper_shape(made, channels, "×") for made in equation.after.values())) or ["MACs"]
    shape = ", ".join(shapes if equation.number in (11, 12) else shapes[:1])
    return f"**{numbers_of(equation.number)}** {boards.NAMES[equation.number][0]} `{shape}`"


def numbers_of(equation: int) -> str:
    """The paper's numbers of the equations in a step."""
    return "1–3" if equation == 2 else str(equation)


def heading(equation: int) -> str:
    """HTML: the step's name, and what happens in it."""
    name, hue, sentence = boards.NAMES[equation]
    title = f"Step 0 · {name} (Eqs. 1 to 3)" if equation == 2 else f"Eq. {equation} · {name}"
    return f'<h2 class="title step {hue}">{title}</h2><p class="say sentence">{linked(sentence, "step")}</p>'


def numbers(equation: hatnet.Equation, selection: Selection) -> str:
    """HTML: the numbers of this token and stage that other pages show too, each said as there; "" where a step has none."""
    tokens, window = selection.token_ids.size, len(selection.places)
    near = selection.tensors["p1"][selection.window_index, :, selection.place]  # [heads, keys]
    far = selection.tensors["p2"][:, selection.row]
    heads, cells = far.shape
    here = {name: quantity(name, f"{value:,}") for name, value in {"tokens": tokens, "window-tokens": window, "cells": cells}.items()}
    plain = quantity("comparisons-plain", f"{tokens:,}")
    match equation.number:
        case 2:
            said = (
                f"Here: {here['tokens']} tokens, so {plain} comparisons for each token in each head. The {selection.channels} channels "
                f"are divided among {count(heads)} [head{'s' * (heads > 1)}](#head) of d = {selection.head_dim}."
            )
        case 6:
            windows = len(selection.tensors["x1"])
            said = f"Here: {here['tokens']} tokens in {windows} windows; the selected token’s has {here['window-tokens']}."
        case 8:
            said = f"This token’s largest [weight](#weight): {_largest('local-most', near, selection.head)}."
        case 10:
            said = f"Here: {here['tokens']} tokens become {here['cells']} cells."
        case 12:
            both = quantity("comparisons", f"{window + cells:,}")
            said = (
                f"The selected token is compared with {here['window-tokens']} tokens in its [window](#window) (Eq. 8), and with "
                f"{here['cells']} cells (Eq. 13): {both} comparisons in each [head](#head), where plain attention makes {plain}."
            )
        case 13:
            counts = np.bincount(selection.cell_ids.ravel())
            each = quantity("cell-most-token", percent(float((far.mean(0) / counts).max())))
            said = (
                f"This token’s largest [weight](#weight) of a cell: {_largest('cell-most', far, selection.head)}. "
                f"Divided by the tokens that a cell averages, the mean is at most {each} a token."
            )
        case _:
            return ""
    return linked(f'<p class="say">{said}</p>', "numbers")


def _largest(name: str, weights: np.ndarray, head: int) -> str:
    """The largest of some weights [heads, keys], in the head that is shown and in the mean of all heads, as the other pages show it."""
    mean = quantity(name, percent(float(weights.mean(0).max())))
    if len(weights) == 1:
        return mean
    own = quantity(f"{name}-head", percent(float(weights[head].max())))
    all_heads = f"the mean of the {count(len(weights))} heads"
    return f"<b>{own}</b> in [head](#head) {head + 1}, <b>{mean}</b> in {all_heads}, which the other pages show first"


def check(equation: hatnet.Equation, difference: float) -> str:
    """HTML: what was recomputed, and how far it is from the model's numbers."""
    if equation.number == 15:
        predicted, counted = sum(equation.terms.values()), sum(equation.macs.values())
        why = f"Eq. 15 leaves out Wᵖ ({equation.macs['proj']:,})"
        if predicted + equation.macs["proj"] != counted:  # G1 or G2 does not divide the map
            why += ", and windows at the edge are computed whole"
        by_formula, as_it_ran = quantity("macs-equation", amount(predicted)), quantity("macs", amount(counted))
        what = f"{by_formula} by Eq. 15. Counted in this attention layer: <b>{as_it_ran}</b> ({counted:,}). {why}."
        return f'<p class="check"><span>{what}</span><b>difference from what PyTorch counts as it runs: {difference:,.0f}</b></p>'
    mantissa, exponent = f"{difference:.1e}".split("e")
    size = f"{mantissa} · 10<sup>{int(exponent)}</sup>".replace("-", "−") if difference else "0"
    verdict = "only rounding differs" if difference < 1e-4 else "more than rounding differs, please report it"
    whose, whom = ("this token", "PyTorch") if equation.number == 2 else ("all tokens", "the model")
    what = f"Recomputed in NumPy for {whose}: {verdict}."
    return f'<p class="check"><span>{what}</span><b>{"✓ " * (difference < 1e-4)}max |difference| from {whom}: {size}</b></p>'


def paper(equation: hatnet.Equation) -> str:
    """HTML: where this page, or the release, departs from how the paper writes the equation."""
    noted = html.escape(equation.note).replace("W^p", symbol("W", "", "p"))
    told: set[str] = set()

    def explained(found: re.Match) -> str:
        first = found[1] not in told
        told.add(found[1])
        return term(found[1], "paper", found[0]) if first else found[0]

    # hatnet's notes have no links to the glossary
    notes = [re.sub(r"\b(release|norm|residual|block|window)s?\b(?!\.py)", explained, noted)]
    if equation.number in (9, 10, 11, 12, 14):
        normed = f"after a {term('norm', 'three')}, <span class=whole>{NORMED}</span>"
        three = f"{LOCAL} (Eq. 8), {JOINED} = {LOCAL} + {symbol('X')} (Eq. 9) and, {normed}"
        notes.append(f"The paper writes {LOCAL} for three things, which this page tells apart: {three}.")
    if equation.number in (2, 7, 12, 14):
        notes.append("The paper leaves out the biases <b>b</b>, which the model adds to every product with a <b>W</b>.")
    return "".join(f'<p class="say muted aside">{note}</p>' for note in notes if note)


def code(equation: hatnet.Equation) -> str:
    """HTML: the line that ran, its shapes and axes, and the notebook."""
    axes = linked(
        "First images or [windows](#window), then [heads](#head) or [channels](#channel), tokens, and the channels of one head.", "axes"
    )
    rows = {
        "The line that ran": f"<code>{html.escape(equation.source)}</code> <small>{equation.path}, line {equation.line}</small>",
        "Shapes": f"<code>{_sizes(equation.before)}</code> → <code>{_sizes(equation.after)}</code> <small>{axes}</small>",
        "Pattern": f"<code>{html.escape(equation.pattern)}</code>",
        "Notebook": notebook_links.invitation(equation.number),
    }
    return '<dl class="code">' + "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in rows.items()) + "</dl>"


def _sizes(tensors: dict[str, tuple[int, ...]]) -> str:
    return ", ".join(dict.fromkeys(" × ".join(map(str, shape)) for shape in tensors.values())) or "one number"
