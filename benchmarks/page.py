"""docs/benchmarks.md, written from what benchmarks/model.py has measured. Every number in it comes from the JSON files."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from hatnet.speed import FORWARD, PRODUCT, STEP, Layer, Point, Setting, Speeds, Spread, exponents, read, spread

ROOT = Path(__file__).resolve().parent.parent
FILES = [ROOT / "benchmarks" / name for name in ("peers.json", "peers-cuda.json", "peers-full.json")]
LAYERS = {
    "H-MHSA": "hierarchical (Eq. 15)",
    "windows": "window (Swin)",
    "spatial reduction": "pooled (PVT)",
    "MHSA": "full (Eq. 5)",
}
OPENING = """# Benchmarks

How fast hatnet is beside its peers, how the cost of its attention grows with the image, and where it is slower. `make bench` measures
forward pass, training step and attention on a processor in 20 minutes (`benchmarks/peers.json`). `make bench-full` adds bfloat16,
compiled models, larger images, and accuracy after half an hour of training (`benchmarks/peers-full.json`); it takes hours, can be
interrupted, and goes on. `python benchmarks/model.py --device cuda` measures a GPU (`benchmarks/peers-cuda.json`). `benchmarks/page.py`
writes this page from these files: no number below was typed.

**How it was measured.** All weights are random, which changes no speed. Within a table the models take turns: after each has warmed up,
every round runs each model once, and once a product of two large square matrices. A figure is the median over the rounds, with the
quartiles in parentheses. A ratio is taken in each round, between two runs of the same minute, before its median is. On a GPU a run
lasts until the GPU has finished its work.

- *Released style*: hatnet's own weights, run in the manner of the authors' release: 1 × 1 convolutions on contiguous tensors, and
  softmax(QKᵀ)V written out.
- *Peers* are timm's models as timm makes them, each in the memory format (contiguous or channels-last) in which it was faster.
- *MACs* are the multiply-adds of one image. "conv + linear" counts convolutions and linear layers, as Table 2 of the HAT-Net paper does
  but for its norms; "with QKᵀ, AV" adds the attention products, as most other papers do ([counting.md](counting.md)).
- *GMAC/s* are 10⁹ multiply-adds per second, attention products included. A training step (forward, backward, AdamW) takes three times
  those of its forward pass.
- *Of a product*: a model's GMAC/s divided by those of the large matrix product of the same round, which shows how much of the machine
  it uses.
- *Memory* is the most that one run held at once beyond weights, optimiser state and images.

**Why hatnet does fewer MACs a second than DeiT or ResNet on a processor.** Its matrix products run about as fast as the large one beside
them, but SiLU, depthwise convolutions, attention in small windows and norms have few MACs and take nearly half of a forward pass
(`torch.profiler`, hatnet_tiny, batch 8). At batch 1, reading all weights from memory and many small calls come on top.
"""


def page(files: Sequence[Speeds]) -> str:
    """The whole page, in Markdown."""
    sections = [text for speeds in files for text in section(speeds)] or ["Nothing has been measured yet: `make bench` does."]
    return "\n".join([OPENING, *sections]).rstrip() + "\n"


def section(speeds: Speeds) -> Iterable[str]:
    """One machine: what was measured on it."""
    about = speeds.header
    where = "" if about.kind == "cuda" else f", {about.threads} {'thread' if about.threads == 1 else 'threads'}"
    busy = f" As it began, about {about.load:.0f} other programs were running, so these figures are too low." if about.load > 0.5 else ""
    yield f"## {about.device}{where}{', with --full' if ' --full' in about.command else ''}\n"
    yield f"{about.date}, Python {about.python}, torch {about.torch}, timm {about.timm}; `{about.command}`.{busy}\n"
    forwards: dict[tuple, list[Setting]] = {}
    for setting in speeds.settings:
        if setting.work == FORWARD:
            forwards.setdefault((setting.pixels, setting.numbers, setting.compiled), []).append(setting)
    for settings in forwards.values():
        yield f"### Forward pass, {described(settings[0])}\n"
        yield from forward(speeds, settings)
        yield from beside_released(speeds, settings)
        yield from beside_peers(speeds, settings)
    for setting in (setting for setting in speeds.settings if setting.work == STEP):
        yield f"### Training step, {described(setting)}, batch {setting.batch}\n"
        yield from rows_of(speeds, setting)
        yield from beside_released(speeds, [setting])
        yield from beside_peers(speeds, [setting])
    if speeds.layers:
        yield from resolutions(speeds.layers)
    if speeds.trained:
        yield f"### Accuracy on {speeds.trained[0].data} after {speeds.trained[0].minutes:g} minutes of training\n"
        yield "The recipe `compact` of `train_small.py`, one run each, the test split read once.\n"
        yield table(
            ["model", "parameters", "steps", "images/s", "accuracy"],
            [
                (
                    one.model,
                    f"{one.parameters / 1e6:.2f} M",
                    f"{one.steps:,}",
                    f"{one.steps * one.batch / one.seconds:,.0f}",
                    f"{100 * one.accuracy:.1f} %",
                )
                for one in speeds.trained
            ],
        )


def described(setting: Setting) -> str:
    return f"{setting.pixels} × {setting.pixels}, {setting.numbers}{', compiled' if setting.compiled else ''}"


def name_of(point: Point) -> str:
    return point.model + (", released style" if point.origin == "released style" else "")


def forward(speeds: Speeds, settings: Sequence[Setting]) -> Iterable[str]:
    """A row for each model, with columns for each batch size."""
    found = [speeds.of(setting) for setting in settings]
    heads = ["model", "parameters", "MACs: conv + linear", "with QKᵀ, AV"]
    for setting in settings:
        heads += [f"images/s, batch {setting.batch}", f"GMAC/s, batch {setting.batch}", "of a product"]
    if settings[0].batch == 1:
        heads.append("ms, batch 1")
    heads.append(f"memory, batch {settings[-1].batch}")
    rows = []
    for key, point in found[-1].items():
        if point.model == PRODUCT:
            continue
        row = [name_of(point), f"{point.parameters / 1e6:.1f} M", f"{point.conv_linear / 1e9:.2f} G"]
        row.append(f"{(point.conv_linear + point.attention) / 1e9:.2f} G")
        for points in found:
            row += speed(points[key], points[PRODUCT, "torch"])
        if settings[0].batch == 1:
            first = found[0][key]
            row.append(f"{1000 * median(first.seconds):.1f}" if first.seconds else "")
        row.append(memory(point.peak_bytes))
        rows.append(row)
    yield table(heads, rows)
    yield products(speeds, settings)


def rows_of(speeds: Speeds, setting: Setting) -> Iterable[str]:
    """A row for each model in one setting."""
    points = speeds.of(setting)
    heads = ["model", "images/s", "GMAC/s", "of a product", "memory"]
    ours = [point for point in points.values() if point.model != PRODUCT]
    yield table(heads, [[name_of(point), *speed(point, points[PRODUCT, "torch"]), memory(point.peak_bytes)] for point in ours])
    yield products(speeds, [setting])


def speed(point: Point, product: Point) -> list[str]:
    """images/s, GMAC/s and the share of a matrix product; or why there are none."""
    if not point.seconds:
        return [f"left out: {point.left_out}", "", ""]
    share = point.times_as_fast_as(product, by_macs=True)
    return [quartiles(point.images_per_second), number(point.macs_per_second.median / 1e9), f"{100 * share.median:.0f} %"]


def products(speeds: Speeds, settings: Sequence[Setting]) -> str:
    said = []
    for setting in settings:
        product = speeds.of(setting)[PRODUCT, "torch"]
        side, rate = round(product.conv_linear ** (1 / 3)), product.macs_per_second
        said.append(
            f"{number(rate.median / 1e9)} GMAC/s ({number(rate.low / 1e9)} to {number(rate.high / 1e9)}; {len(product.seconds)} rounds)"
        )
    return f"A product of two {side:,} × {side:,} matrices beside them: {', '.join(said)}.\n"


def quartiles(of: Spread) -> str:
    return f"{number(of.median)} ({number(of.low)} to {number(of.high)})"


def number(value: float) -> str:
    """Three digits at least."""
    return f"{value:,.0f}" if value >= 99.95 else f"{value:#.3g}"


def memory(count: int | None) -> str:
    if count is None:
        return ""
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB" if count >= 2**20 else f"{count / 2**10:.0f} KiB"


def beside_released(speeds: Speeds, settings: Sequence[Setting]) -> Iterable[str]:
    """How many times as fast hatnet is as its own weights in the released style."""
    said = []
    for setting in settings:
        points = speeds.of(setting)
        for (model, origin), point in points.items():
            other = points.get((model, "released style"))
            if origin == "hatnet" and point.seconds and other and other.seconds:
                faster = point.times_as_fast_as(other)
                held = ""
                if point.peak_bytes and other.peak_bytes:
                    held = f", {memory(point.peak_bytes)} instead of {memory(other.peak_bytes)}"
                said.append(f"- {model}, batch {setting.batch}: {ratio(faster)} times as fast{held}")
    if said:
        yield "\n".join(["The same weights in the released style, beside hatnet:\n", *said]) + "\n"


def beside_peers(speeds: Speeds, settings: Sequence[Setting]) -> Iterable[str]:
    """hatnet's images/s divided by each peer's, and in words where it is behind."""
    found = {(name, setting): point for setting in settings for name, point in speeds.of(setting).items() if point.seconds}
    ours = list(dict.fromkeys(name for (name, _), point in found.items() if point.origin == "hatnet"))
    peers = list(dict.fromkeys(name for (name, _), point in found.items() if point.origin == "timm"))
    if not (ours and peers):
        return
    columns = [(name, setting) for name in ours for setting in settings]
    rows = []
    for peer in peers:
        row = [peer[0]]
        for name, setting in columns:
            a, b = found.get((name, setting)), found.get((peer, setting))
            row.append(f"{ratio(a.times_as_fast_as(b))}; {a.times_as_fast_as(b, by_macs=True).median:.2f}" if a and b else "")
        rows.append(row)
    yield "hatnet's images/s divided by those of each peer (below 1: hatnet is slower); and after the semicolon the same for GMAC/s:\n"
    yield table(["peer", *(f"{name[0]}, batch {setting.batch}" for name, setting in columns)], rows)
    said = []
    for name, setting in columns:
        if not (point := found.get((name, setting))):
            continue
        slower = []
        for peer in peers:
            if (other := found.get((peer, setting))) and (behind := other.times_as_fast_as(point)).low > 1:
                slower.append(f"{peer[0]} ({behind.median:.2f} times as many images/s, with {share(other, point)})")
        said.append(f"- {name[0]}, batch {setting.batch}: {joined(slower) if slower else 'than none of them'}")
    yield "\n".join(["Where hatnet is slower than a peer (by the quartiles, not only by the median):\n", *said]) + "\n"


def share(other: Point, point: Point) -> str:
    more = other.macs / point.macs
    return f"{more:.2f} times the MACs" if more >= 1.005 else f"{100 * more:.0f} % of the MACs"


def ratio(of: Spread) -> str:
    return f"{of.median:.2f} ({of.low:.2f} to {of.high:.2f})"


def joined(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def resolutions(layers: Sequence[Layer]) -> Iterable[str]:
    """One attention layer from small to large images, and its exponents."""
    first = layers[0]
    yield f"### One attention layer, from {min(each.pixels for each in layers)} to {max(each.pixels for each in layers)} pixels\n"
    yield (
        f"A layer as in stage 2 of hatnet_tiny: tokens of 4 × 4 pixels, {first.channels} channels, windows of {first.g1} × {first.g1} "
        f"tokens, cells (and PVT's reduction) of {first.g2} × {first.g2} tokens; one image, {first.numbers}. "
        "Milliseconds (quartiles), and memory. Full attention runs in torch's fused kernel, which never holds the matrix of all weights.\n"
    )
    kinds = [name for name in LAYERS if any(layer.mechanism == name for layer in layers)]
    rows = []
    for pixels in dict.fromkeys(layer.pixels for layer in layers):
        found = {layer.mechanism: layer for layer in layers if layer.pixels == pixels}
        rows.append([f"{pixels} × {pixels}", f"{found[kinds[0]].side ** 2:,}", *(measured(found.get(name)) for name in kinds)])
    yield table(["image", "tokens", *(LAYERS[name] for name in kinds)], rows)
    fitted = exponents(layers)
    if not fitted:
        return
    yield (
        "How they grow with the number of tokens: the exponent b of time = a · tokensᵇ (and of memory), by least squares between the "
        "logarithms, beside the exponent of the formula's multiply-adds over the same maps (Eqs. 5 and 15 of the paper; Swin's and PVTv2's "
        "formulas as published). 1 is linear growth, 2 quadratic.\n"
    )
    rows = [[LAYERS[name], *(f"{value:.2f}" for value in fitted[name])] for name in kinds if name in fitted]
    yield table(["attention", "time, measured", "memory, measured", "multiply-adds, by formula"], rows)


def measured(layer: Layer | None) -> str:
    if layer is None:
        return ""
    if not layer.seconds:
        return f"left out: {layer.left_out}"
    return f"{quartiles(spread([1000 * seconds for seconds in layer.seconds]))}, {memory(layer.peak_bytes)}"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


if __name__ == "__main__":
    (ROOT / "docs" / "benchmarks.md").write_text(page([read(path) for path in FILES if path.exists()]), encoding="utf-8")
