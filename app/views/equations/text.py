"""What the Equations view says of a step in words and code: its line in the list, its check, the line of Python that ran."""

import html

import hatnet
from app.ui import notebook_links
from app.views.equations import boards, latex


def row(step: hatnet.Equation, channels: int) -> str:
    """A line of the stepper, in Markdown: number, name, shape."""
    shape = latex.paper_shape(next(iter(step.after.values())), channels, "×") if step.after else "MACs"
    return f"**{step.number}** {boards.NAMES[step.number][0]} `{shape}`"


def check(step: hatnet.Equation, difference: float) -> str:
    """What was recomputed, and how far it is from what the model has."""
    if step.number == 15:
        what = (
            f"{sum(step.terms.values()):,.0f} by Eq. 15; counted in this block: <b>{sum(step.macs.values()):,}</b>, "
            f"because Wᵖ takes {step.macs['proj']:,} more{'' if _exact(step) else ' and windows at the edge are computed whole'}."
        )
        return f'<p class="check"><span>{what}</span><b>difference to what PyTorch counts as it runs: {difference:,.0f}</b></p>'
    power = f"{difference:.1e}".split("e")
    size = f"{power[0]} · 10<sup>{int(power[1])}</sup>".replace("-", "−") if difference else "0"
    verdict = "only rounding differs" if difference < 1e-4 else "more than rounding differs, please report it"
    what = f"Recomputed in NumPy for all tokens: {verdict}."
    return f'<p class="check"><span>{what}</span><b>{"✓ " * (difference < 1e-4)}max |difference| to the model: {size}</b></p>'


def _exact(step: hatnet.Equation) -> bool:
    """Whether Eq. 15 and W^p are all there is: G1 and G2 divide the map."""
    return sum(step.terms.values()) + step.macs["proj"] == sum(step.macs.values())


def shapes(step: hatnet.Equation) -> str:
    """HTML: the shape before and after, and the einops pattern (or the expression) between them."""

    def sizes(all_of: dict) -> str:
        return ", ".join(dict.fromkeys(" × ".join(map(str, shape)) for shape in all_of.values())) or "one number"

    before, after = sizes(step.before), sizes(step.after)
    axes = "As in the code: images or windows first, then heads or channels, tokens, numbers of one head"
    return f'<code title="{axes}">{before}</code>→<code class="out" title="{axes}">{after}</code><code>{html.escape(step.pattern)}</code>'


def code(step: hatnet.Equation) -> str:
    """HTML: the line that ran, where the release departs from the paper, and the notebook."""
    rows = {
        "The line that ran": f"<code>{html.escape(step.source)}</code> <small>{step.path}, line {step.line}</small>",
        "Note": html.escape(step.note),
        "Notebook": notebook_links.invitation(step.number),
    }
    return '<dl class="code">' + "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in rows.items() if value) + "</dl>"
