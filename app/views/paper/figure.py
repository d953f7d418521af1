"""Fig. 1 part by part: what goes in and comes out, the sizes of Table 1, parameters, multiply-adds, and the lines that compute it."""

import html
from dataclasses import dataclass

from app.core.glossary import linked, term
from app.core.words import amount, percent, short_amount
from app.ui.bars import Bar, Part, bars
from app.views.paper.counts import FOLLOWS, Counted
from hatnet import blocks, source_lines
from hatnet.attention import MHSA
from hatnet.mechanisms import layer_of
from hatnet.model import HATNet, Stage
from hatnet.source_lines import Lines


@dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """A map: tokens down and across, and channels."""

    side: int
    channels: int

    def __str__(self) -> str:
        return f"{self.side} × {self.side} × {self.channels}"


def name(part: int) -> str:
    """A part as the page calls it."""
    return {1: "Stage 1 · stem", FOLLOWS: "Classifier"}.get(part, f"Stage {part}")


def size_after(model: Counted, part: int) -> Size:
    """What a part gives to the next; of what follows the stages, the classes: for each cell if it reads out several."""
    config = model.config
    if part == FOLLOWS:
        return Size(side=config.readout, channels=config.num_classes)
    index = max(part - config.stages[0], 0)
    return Size(side=-(-model.pixels // config.strides[index]), channels=config.dims[index])


def size_before(model: Counted, part: int) -> Size:
    """What a part is given: the image, or what the part before gives."""
    if part == 1:
        return Size(side=model.pixels, channels=model.config.in_chans)
    return size_after(model, model.parts[model.parts.index(part) - 1])


def label(model: Counted, part: int) -> str:
    """A box of the diagram, in Markdown: the part, and the map that it gives."""
    return f"**{name(part)}** `{size_after(model, part)}`"


def nearest(model: Counted, part: int) -> int:
    """The part, or the nearest that the model has."""
    return min(model.parts, key=lambda own: abs(own - part))


def chosen(model: Counted, part: int, title: str) -> str:
    """HTML: a part in a sentence and in numbers. title: the model's name on the page."""
    linear, products = model.macs_of(part)
    share = (linear + products) / model.macs.total
    rows = {
        "In → out": f"{size_before(model, part)} → {size_after(model, part)}",
        "Parameters": f"{model.parameters[part]:,}",
        "Multiply-adds": f"{amount(linear + products)}, {percent(share)} of the model’s"
        + (f" <small>({amount(products)} in the products QKᵀ and AV)</small>" if products else ""),
    }
    if part in model.config.stages:
        rows = {"In → out": rows.pop("In → out"), "Table 1": _table_1(model, part)} | rows
    rows |= {
        "Source": ", ".join(
            f"<code>{line.path}</code> <small>{thing}, lines {line.first} to {line.last}</small>"
            for thing, line in lines(model, part).items()
        )
    }
    body = "".join(f"<tr><th scope=row>{head}</th><td>{value}</td></tr>" for head, value in rows.items())
    heading = f'<h3 class="title">{html.escape(title)}, {name(part)}</h3>'
    return f'{heading}<p class="say">{linked(_said(model, part), "part")}</p><table class="words part"><tbody>{body}</tbody></table>'


def _said(model: Counted, part: int) -> str:
    """What a part does."""
    config = model.config
    if part == 1:
        if config.stem == "patch":
            return "Each [token](#token) is made from its own patch of pixels alone, by two linear layers."
        strides = " and ".join(map(str, config.stem_strides))
        return f"Two 3 × 3 convolutions with strides of {strides} turn pixels into [tokens](#token): this stage has no attention."
    if part == FOLLOWS:
        return "The last map is averaged over all [tokens](#token), and one linear layer gives a score for each class."
    index = part - config.stages[0]
    halved = "A 3 × 3 convolution of stride 2 halves the map; then " if index else ""
    count = config.depths[index]
    if index >= len(config.g1):
        which = "plain [MHSA](#MHSA), because the map is small enough to compare all with all (section 4.1)"
    elif config.mechanisms[index] == "hierarchical":
        g1, g2 = config.g1[index], config.g2[index]
        which = f"[H‑MHSA](#H‑MHSA) with [windows](#window) of {g1} × {g1} [tokens](#token) and [cells](#cell) of {g2} × {g2}"
    else:
        which = "another mechanism than the paper’s"
    said = f"{halved}{count} [block{'s' * (count > 1)}](#block) follow{'s' * (count == 1)}, each with {which}, and an [MLP](#MLP)."
    return said[0].upper() + said[1:]


def _table_1(model: Counted, part: int) -> str:
    config, index = model.config, part - model.config.stages[0]
    heads = config.dims[index] // config.head_dim
    kernel = f"K = {config.kernels[index]}, " if config.depthwise else ""
    sizes = f"C = {config.dims[index]}, {kernel}E = {config.expansions[index]}, × {config.depths[index]}"
    head, channel = term("head", "part", "heads" if heads > 1 else "head"), term("channel", "part", "channels")
    return f"{sizes} <small>{heads} {head} of {config.head_dim} {channel}</small>"


def lines(model: Counted, part: int) -> dict[str, Lines]:
    """The classes and functions that compute a part, by name, the most telling one first."""
    config = model.config
    if part == 1:
        return {"Stem": source_lines.lines_of(blocks.Stem)}
    if part == FOLLOWS:
        return {"forward_head": source_lines.lines_of(HATNet.forward_head)}
    index = part - config.stages[0]
    attention = layer_of(config.mechanisms[index]) if index < len(config.g1) else MHSA
    things = (attention, blocks.MLP, blocks.Block, Stage, *([blocks.Downsample] if index else []))
    return {thing.__name__: source_lines.lines_of(thing) for thing in things}


def code(model: Counted, part: int) -> str:
    """HTML: the lines of the most telling class or function."""
    (thing, first), *_ = lines(model, part).items()
    numbered = "\n".join(f"{first.first + n:4}  {html.escape(line)}" for n, line in enumerate(first.text.splitlines()))
    return f'<pre class="source" tabindex="0" aria-label="{first.path}, {thing}"><code>{numbered}</code></pre>'


def part_bars(model: Counted, part: int) -> str:
    """HTML: where the model's multiply-adds and its parameters lie, part by part; the chosen part in ink."""
    rows, said, most = [], [], max(sum(model.macs_of(each)) for each in model.parts)
    for each in model.parts:
        linear, products = model.macs_of(each)
        look = "ink" if each == part else "muted"
        parts = [Part(linear, look, f"convolutions and linear layers: {amount(linear)}")]
        parts += [Part(products, f"{look} hatched", f"products: {amount(products)}")] if products else []
        total, size = amount(linear + products), amount(model.parameters[each])
        rows.append(
            Bar(
                f"{name(each)}",
                parts,
                f"{short_amount(linear + products)} <small>{short_amount(model.parameters[each])} parameters</small>",
            )
        )
        said.append(f"{name(each)}: {total} multiply-adds, {amount(products)} of them in products, and {size} parameters")
    return bars(rows, most, f"The model part by part. {'; '.join(said)}.")
