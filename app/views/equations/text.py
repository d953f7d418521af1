"""What the Equations page says of an equation in words and code: its line in the list, its check, the line of Python that ran."""

import html

import hatnet
from app.ui import notebook_links
from app.views.equations import boards, latex


def label(equation: hatnet.Equation, channels: int) -> str:
    """A line in the list of equations, in Markdown: number, name, shape."""
    shape = latex.paper_shape(next(iter(equation.after.values())), channels, "×") if equation.after else "MACs"
    return f"**{equation.number}** {boards.NAMES[equation.number][0]} `{shape}`"


def check(equation: hatnet.Equation, difference: float) -> str:
    """HTML: what was recomputed, and how far it is from the model's numbers."""
    if equation.number == 15:
        predicted, counted = sum(equation.terms.values()), sum(equation.macs.values())
        why = f"Eq. 15 leaves out Wᵖ ({equation.macs['proj']:,})"
        if predicted + equation.macs["proj"] != counted:  # G1 or G2 does not divide the map
            why += ", and windows at the edge are computed whole"
        what = f"{predicted:,.0f} by Eq. 15. Counted in this block: <b>{counted:,}</b>. {why}."
        return f'<p class="check"><span>{what}</span><b>difference from what PyTorch counts as it runs: {difference:,.0f}</b></p>'
    mantissa, exponent = f"{difference:.1e}".split("e")
    size = f"{mantissa} · 10<sup>{int(exponent)}</sup>".replace("-", "−") if difference else "0"
    verdict = "only rounding differs" if difference < 1e-4 else "more than rounding differs, please report it"
    what = f"Recomputed in NumPy for all tokens: {verdict}."
    return f'<p class="check"><span>{what}</span><b>{"✓ " * (difference < 1e-4)}max |difference| from the model: {size}</b></p>'


def shapes(equation: hatnet.Equation) -> str:
    """HTML: the shape before and after, and the einops pattern (or the expression)."""

    def sizes(tensors: dict[str, tuple[int, ...]]) -> str:
        return ", ".join(dict.fromkeys(" × ".join(map(str, shape)) for shape in tensors.values())) or "one number"

    before, after = sizes(equation.before), sizes(equation.after)
    axes = "As in the code: first images or windows, then heads or channels, tokens, numbers of one head"
    pattern = html.escape(equation.pattern)
    return f'<code title="{axes}">{before}</code>→<code class="out" title="{axes}">{after}</code><code>{pattern}</code>'


def code(equation: hatnet.Equation) -> str:
    """HTML: the line that ran, where the release departs from the paper, and the notebook."""
    rows = {
        "The line that ran": f"<code>{html.escape(equation.source)}</code> <small>{equation.path}, line {equation.line}</small>",
        "Note": html.escape(equation.note),
        "Notebook": notebook_links.invitation(equation.number),
    }
    return '<dl class="code">' + "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in rows.items() if value) + "</dl>"
