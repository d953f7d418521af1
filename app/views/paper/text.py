"""The Paper page in words."""

import html

from app.core.checkpoints import Checkpoint
from app.core.glossary import linked
from app.core.quantities import quantity
from app.core.words import amount
from app.ui.bars import Bar, Part, bars
from app.views.paper import counts
from app.views.paper.counts import Counted
from hatnet import paper

TITLE = "As many parameters as the paper prints; its FLOPs leave out the products"


def lead(models: dict[str, Counted]) -> str:
    """HTML: what the page compares, and the point of its first picture. models: the four variants."""
    more = [100 * model.macs.attention / model.macs.conv_linear for model in models.values()]
    return linked(
        '<p class="lead">The paper’s tables compare HAT-Net with [Swin](#Swin), [PVT](#PVT) and other models. Here, beside each figure, '
        'stands <b class="ours">what this project counts or measures</b>. The paper’s “#FLOPs” are [multiply-adds](#MAC) '
        "of convolutions, linear [layers](#layer) and [norms](#norm). The products of [queries](#query) with [keys](#key) and of "
        f"[weights](#weight) with values, which most other transformers’ rows include, would add {min(more):.0f} to {max(more):.0f} %.</p>",
        "lead",
    )


def variant_bars(models: dict[str, Counted]) -> str:
    """HTML: the multiply-adds of the four variants, the paper's and ours. The first picture: it needs no chart."""
    rows, said = [], []
    most = max(model.macs.with_norms + model.macs.attention for model in models.values())
    for name, model in models.items():
        printed, title, macs = paper.classifier(name), paper.NAMES[name], model.macs
        rows.append(
            Bar(f"{title} <small>paper</small>", [Part(printed.flops * 1e9, "ink", f"paper: {printed.flops} G")], f"{printed.flops} G")
        )
        parts = [
            Part(macs.with_norms, "ours", f"convolutions, linear layers and norms: {macs.with_norms / 1e9:.2f} G"),
            Part(macs.attention, "ours hatched", f"products QKᵀ and AV: {macs.attention / 1e9:.2f} G"),
        ]
        ours = f"{macs.with_norms / 1e9:.2f} + {macs.attention / 1e9:.2f} G"
        rows.append(Bar("<small>ours, hatched: the products</small>", parts, f'<span class="ours">{ours}</span>'))
        said.append(f"{title}: the paper prints {printed.flops} G; ours {ours}, the second number being the products.")
    return bars(rows, most, f"Multiply-adds of one image of 224 × 224 pixels. {' '.join(said)}")


def parameters(models: dict[str, Counted]) -> str:
    """HTML: the parameters in a sentence."""
    each = ", ".join(
        f"{sum(model.parameters.values()) / 1e6:.2f} M (paper: {paper.classifier(name).parameters:g})" for name, model in models.items()
    )
    return f'<p class="say">Parameters from tiny to large: {each}.</p>'


def in_words(sentences: list[str]) -> str:
    """HTML: our figures of a table as a list, for those who cannot point at them."""
    return f'<ul class="said">{"".join(f"<li>{html.escape(sentence)}</li>" for sentence in sentences)}</ul>'


def measured_on() -> str:
    """HTML: on what the milliseconds were measured, and how; or what would have to be run."""
    if (found := counts.peers()) is None:
        return f'<p class="say muted">Nothing was measured here: <code>make bench</code> writes <code>{counts.PEERS}</code>.</p>'
    about = found.header
    busy = f" About {about.load:.0f} other programs were running." if about.load > 0.5 else ""
    return (
        f'<p class="say muted">{html.escape(about.device)}, {about.threads} threads, one image, 32-bit numbers, {about.date}; '
        f"<code>make bench</code> measures again.{busy} No accuracy was measured here: the heights are the paper’s.</p>"
    )


def trained(checkpoints: list[Checkpoint], seen: Checkpoint) -> str:
    """HTML table: the shipped checkpoints, with accuracy, parameters and multiply-adds. seen: the visitor's."""
    body = ""
    for checkpoint in checkpoints:
        model, here = counts.counted(checkpoint.name), checkpoint.name == seen.name
        size, macs = sum(model.parameters.values()), model.macs
        accuracy = f"{100 * checkpoint.accuracy:.1f} %"
        number = quantity("parameters", f"{size:,}") if here else f"{size:,}"
        name, data = html.escape(checkpoint.name), html.escape(checkpoint.data)
        which = f"{amount(macs.conv_linear)} + {amount(macs.attention)}"
        cells = accuracy, number, which, f"{data}, {checkpoint.image_size} × {checkpoint.image_size}"
        values = "".join(f"<td>{cell}</td>" for cell in cells)
        body += f"<tr{' class=here' if here else ''}><th scope=row><b>{name}</b></th>{values}</tr>"
    heads = ("Checkpoint", "Accuracy", "Parameters", "Multiply-adds + products", "Data, pixels")
    head = "".join(f"<th scope=col>{name}</th>" for name in heads)
    return (
        '<div class="wide" tabindex="0" role="region" aria-label="Models trained by this project">'
        f'<table class="words trained"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def model_title(model: str) -> str:
    """A model of Fig. 1 as the page names it."""
    return paper.NAMES.get(model, f"{model}, trained here" if not model.startswith("run:") else model)
