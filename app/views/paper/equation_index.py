"""Eqs. 1 to 15 as an index: each with the page that shows it, the notebook that derives it, and the line that computes it."""

from dataclasses import replace
from urllib.parse import urlencode

from app.core.view import EQUATIONS, ViewState, address
from app.ui import notebook_links
from hatnet import source_lines

SAID = {  # as a line of text; app/views/equations/ has them as the paper sets them
    1: "Q = X Wᵠ, K = X Wᵏ, V = X Wᵛ",
    2: "A = Softmax(Q Kᵀ / √d) V",
    3: "A′ = A Wᵖ + X",
    4: "Y = MLP(A′) + A′",
    5: "Ω(MHSA) = 3 HW C² + 2 H²W² C",
    6: "X → X₁, windows of G₁ × G₁ tokens",
    7: "Q₁ = X₁ W₁ᵠ, K₁ = X₁ W₁ᵏ, V₁ = X₁ W₁ᵛ",
    8: "A₁ → the map, from its windows",
    9: "A₁ = A₁ + X",
    10: "Â₁ = AvePool(A₁), cells of G₂ × G₂ tokens",
    11: "A₁ and Â₁ → rows of tokens and of cells",
    12: "Q₂ = A₁ W₂ᵠ, K₂ = Â₁ W₂ᵏ, V₂ = Â₁ W₂ᵛ",
    13: "A₂ → the map, from its rows",
    14: "H-MHSA(X) = (A₁ + A₂) Wᵖ + X",
    15: "Ω(H-MHSA) = HWC (4C + 2 G₁²) + 2 HW / G₂² · C (C + HW)",
}
COST = 5  # the equation that the Cost page shows


def page_of(number: int) -> tuple[str, int | None]:
    """The page that shows an equation, by its path in the address, and its step there; the step that stands for Eqs. 1 to 3 tells of
    Eq. 4, too."""
    if number == COST:
        return "cost", None
    return "equations", number if number in EQUATIONS[1:] else EQUATIONS[0]


def drawn(view: ViewState) -> dict:
    """The index as paper_table.js takes it. view: what the links should show."""
    rows = [
        {"name": f"Eq.\u00a0{number}", "mine": False, "first": number in (6,), "cells": _cells(number, view)}
        for number in source_lines.EQUATIONS
    ]
    head = [{"text": text, "across": 1, "down": 1, "ours": False} for text in ("", "Page", "Equation", "Line", "Notebook")]
    return {"title": "The equations of the paper", "head": [head], "rows": rows, "left": True}


def _cells(number: int, view: ViewState) -> list[dict]:
    line, (page, step) = source_lines.equation(number), page_of(number)
    notebook = notebook_links.path(step or number)
    there = address(replace(view, tour=0, **({"equation": step} if step else {})))
    title = f"Eq. {number}"
    where = f"{page.capitalize()}{f', Eq. {step}' if step in EQUATIONS[1:] else ', step 0' if step else ''}"
    return [
        _cell(where, f"{title}: the page {where}", href=f"{page}?{urlencode(there)}", pick=number),
        _cell(SAID[number], f"{title}: {SAID[number]}"),
        _cell(f"{line.path}:{line.first}", f"{title}: {line.path}, line {line.first}:", command=line.text),
        _cell(notebook.name, f"{title}: write and check it yourself in {notebook}.", command="make tutorials"),
    ]


def _cell(text: str, said: str, command: str = "", **more: str | int) -> dict:
    return {"text": text, "said": said, "why": "", "source": "", "command": command, "words": f"{said} {command}".strip(), **more}
