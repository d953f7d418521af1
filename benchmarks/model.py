"""The speed of hatnet beside its peers: `make bench`, `make bench-full`, or `python benchmarks/model.py --device cuda` on a GPU.

Each model's forward pass and training step, hatnet's own weights in the manner of the authors' release (`released.py`), models of timm
with random weights; and one attention layer from small to large images. Within a comparison all models take turns, and a large matrix
product with them, so that a slow minute of the machine affects all alike. Every run is kept in a JSON file (`hatnet/speed.py` is its
form), from which `page.py` writes docs/benchmarks.md: benchmarks/peers.json on a processor, peers-cuda.json on a GPU, peers-full.json for
`--full`. With `--full`, what the file already has is not measured again; so it can be interrupted, and goes on.

A peer runs as timm makes it, in whichever memory format (contiguous or channels-last) is the faster one here. Its multiply-adds are
counted by torch's FlopCounterMode on a copy that multiplies Q, K and V one by one, so that attention products are counted.
"""

import argparse
import dataclasses
import datetime
import gc
import importlib
import os
import platform
import shlex
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from statistics import median

os.environ.setdefault("KINETO_LOG_LEVEL", "6")  # the profiler's lines would break the progress bar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import accuracy, page
from benchmarks.released import ReleasedStyle
from hatnet import complexity, create_model
from hatnet.config import VARIANTS
from hatnet.ranges import Many, Number, Whole, check, did_you_mean
from hatnet.speed import FORWARD, PRODUCT, STEP, Header, Layer, Point, Setting, Speeds, read
from hatnet.timing import MECHANISMS, layers, peak_memory, seconds, turns

ROOT = Path(__file__).resolve().parent.parent
OURS = ("hatnet_tiny", "hatnet_small")
PEERS = ("pvt_v2_b1", "pvt_v2_b2", "swin_tiny_patch4_window7_224", "twins_svt_small", "deit_tiny_patch16_224", "deit_small_patch16_224")
PEERS += ("resnet50",)
STEPPING = (*OURS, "pvt_v2_b1", "swin_tiny_patch4_window7_224", "deit_small_patch16_224", "resnet50")  # on a CPU
PARTS = ("forward", "step", "layers")
SIDES = (224, 320, 448, 640, 1024)  # pixels of the images of the layers
FULL_SIDES = (*SIDES, 1440, 2048)
LARGE = (448, 896, 2016)  # pixels of whole images, with --full: the released style needs windows of 8 and 7 that fit
LAYER = {"c": 48, "g1": 8, "g2": 8, "head_dim": 48}  # stage 2 of hatnet_tiny, where a token is 4 pixels wide
SIDE = Whole(1, 2**16)
PRODUCT_SIDE = {"cpu": 2048, "cuda": 8192}  # of the matrices that are multiplied beside the models
LEAST, MOST = 5, 31  # rounds of a comparison
LONGEST, LARGEST = 60.0, 8 * 10**9  # seconds and bytes of one run; what would take more is left out
ADDMM = (torch.ops.aten.mm, torch.ops.aten.addmm, torch.ops.aten.convolution)
BMM = (torch.ops.aten.bmm, torch.ops.aten.baddbmm)


def timm():
    """timm, for the peers. Raises ValueError where it is not installed."""
    try:
        return importlib.import_module("timm")
    except ImportError as error:
        raise ValueError(f"the peers come from timm ({error}): pip install -r requirements-dev.txt, or --models {' '.join(OURS)}") from None


def origins(models: Iterable[str]) -> list[tuple[str, str]]:
    """The rows of some models, by name and origin: hatnet's are measured twice. Raises ValueError for a name that nobody knows."""
    found = []
    for name in models:
        if name in VARIANTS:
            found += [(name, "hatnet"), (name, "released style")]
        elif name in (known := timm().list_models()):
            found.append((name, "timm"))
        else:
            raise ValueError(
                f"unknown model {name!r}{did_you_mean(name, [*VARIANTS, *known])}; give one of timm's or of {', '.join(VARIANTS)}"
            )
    return found


def build(name: str, origin: str, pixels: int) -> nn.Module:
    """A model with random weights for images of pixels x pixels, in training mode."""
    if origin != "timm":
        model = create_model(name)
        return ReleasedStyle(model) if origin == "released style" else model
    try:
        return timm().create_model(name, img_size=pixels)
    except TypeError:  # it takes images of any size
        return timm().create_model(name)


@cache
def counted(name: str, origin: str, pixels: int) -> tuple[int, int, int]:
    """Parameters, MACs of convolutions and linear layers, and MACs of attention products, of one image."""
    if origin != "timm":
        with torch.device("meta"):
            model = create_model(name)
        count = complexity.count(model, (pixels, pixels))
        return sum(weight.numel() for weight in model.parameters()), count.conv_linear, count.attention
    fused = timm().layers.use_fused_attn()
    timm().layers.set_fused_attn(False)  # torch's counter does not know the fused kernel of a CPU
    try:
        with torch.device("meta"):
            model = build(name, origin, pixels).eval()
            with FlopCounterMode(display=False) as counter, torch.no_grad():
                model(torch.empty(1, 3, pixels, pixels))
    finally:
        timm().layers.set_fused_attn(bool(fused))
    flops = dict(counter.get_flop_counts()["Global"])
    conv_linear, attention = (sum(flops.pop(kind, 0) for kind in kinds) // 2 for kinds in (ADDMM, BMM))
    if flops:
        raise ValueError(f"{name} multiplies by {', '.join(map(str, flops))}: say in benchmarks/model.py to which convention that belongs")
    return sum(weight.numel() for weight in model.parameters()), conv_linear, attention


@dataclass(frozen=True)
class Bench:
    """What the measurements of a run have in common."""

    device: torch.device
    most: int  # rounds
    show: Callable[[str], None]  # is told what is being measured, often

    def compare(self, setting: Setting, rows: Sequence[tuple[str, str]], earlier: Sequence[Point], budget: float) -> list[Point]:
        """Measure models beside each other, for about `budget` seconds, but LEAST rounds. earlier: points that tell what is too large."""
        start, points, runs = time.perf_counter(), [], {}
        for name, origin in rows:
            self.show(f"{setting.work}, batch {setting.batch}: {name}, {origin}")
            parameters, conv_linear, attention = counted(name, origin, setting.pixels)
            point = Point(
                setting=setting,
                model=name,
                origin=origin,
                parameters=parameters,
                conv_linear=conv_linear,
                attention=attention,
                channels_last=origin == "hatnet",  # the model sees to it
                seconds=(),
                peak_bytes=None,
            )
            if not (reason := too_large(point, earlier)):
                run, channels_last = self.prepare(setting, name, origin)
                point = dataclasses.replace(point, channels_last=channels_last, peak_bytes=peak_memory(run, self.device))
                reason = too_slow(seconds(run, self.device))
            if reason:
                point = dataclasses.replace(point, peak_bytes=None, left_out=reason)
            else:
                runs[name, origin] = run
            points.append(point)
        side = PRODUCT_SIDE[self.device.type]
        product = Point(
            setting=setting,
            model=PRODUCT,
            origin="torch",
            parameters=0,
            conv_linear=side**3,
            attention=0,
            channels_last=False,
            seconds=(),
            peak_bytes=None,
        )
        runs[PRODUCT, "torch"] = self.product(side, setting.numbers)
        runs[PRODUCT, "torch"]()
        times = self.rounds(runs, start + budget, f"{setting.work}, batch {setting.batch}, {setting.pixels} px, {setting.numbers}")
        return [dataclasses.replace(each, seconds=times.get((each.model, each.origin), ())) for each in (*points, product)]

    def rounds(self, runs: dict, until: float, words: str) -> dict[tuple, tuple[float, ...]]:
        """Seconds of each run: whole rounds, until the time is over."""
        times: dict[tuple, list[float]] = {name: [] for name in runs}
        for number in range(1, self.most + 1):
            for name, taken in turns(runs, 1, self.device):
                times[name].append(round(taken, 9))
                self.show(f"{words}: round {number}")
            if number >= min(LEAST, self.most) and time.perf_counter() > until:
                break
        return {name: tuple(taken) for name, taken in times.items()}

    def prepare(self, setting: Setting, name: str, origin: str) -> tuple[Callable[[], object], bool]:
        """What to time, after it has run once; and whether the faster way is in channels-last memory."""
        torch.manual_seed(0)
        model = build(name, origin, setting.pixels).to(self.device).train(setting.work == STEP)
        images = torch.randn(setting.batch, 3, setting.pixels, setting.pixels, device=self.device)
        network = torch.compile(model, dynamic=False) if setting.compiled else model
        work = self.step if setting.work == STEP else self.forward
        if origin != "timm":
            run = work(network, images, setting)
            run()
            return run, origin == "hatnet"
        found = {}
        for channels_last in (False, True):
            layout = torch.channels_last if channels_last else torch.contiguous_format
            model.to(memory_format=layout)
            run = work(network, images.contiguous(memory_format=layout), setting)
            run()
            found[channels_last] = min(seconds(run, self.device) for _ in range(2)), run
        faster = found[True][0] < found[False][0]
        model.to(memory_format=torch.channels_last if faster else torch.contiguous_format)
        run = found[faster][1]
        run()
        return run, faster

    def forward(self, network: Callable[[Tensor], Tensor], images: Tensor, setting: Setting) -> Callable[[], object]:
        @torch.inference_mode()
        def run() -> None:
            with self.autocast(setting.numbers):
                network(images)

        return run

    def step(self, network: nn.Module, images: Tensor, setting: Setting) -> Callable[[], object]:
        """Forward, backward and AdamW."""
        optimiser = torch.optim.AdamW(network.parameters(), lr=1e-5, fused=True)
        labels = torch.zeros(len(images), dtype=torch.long, device=self.device)

        def run() -> None:
            with self.autocast(setting.numbers):
                logits = network(images)
            F.cross_entropy(logits.float(), labels).backward()
            optimiser.step()
            optimiser.zero_grad()  # the others' turn needs the memory

        return run

    def product(self, side: int, numbers: str) -> Callable[[], object]:
        a = torch.randn(side, side, device=self.device, dtype=getattr(torch, numbers))
        return partial(torch.mm, a, a.mT.contiguous())

    def autocast(self, numbers: str) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=numbers == "bfloat16")

    def layer(self, pixels: int, numbers: str, earlier: Sequence[Layer], budget: float) -> list[Layer]:
        """Measure one attention layer for each mechanism on the map of an image of this size."""
        start, side, runs = time.perf_counter(), pixels // 4, {}
        made = layers(side, side, **LAYER)
        x = torch.randn(1, LAYER["c"], side, side, device=self.device).to(memory_format=torch.channels_last)
        sizes = {"pixels": pixels, "side": side, "channels": LAYER["c"], "g1": LAYER["g1"], "g2": LAYER["g2"], "numbers": numbers}
        found = []
        for mechanism in MECHANISMS:
            self.show(f"one layer, {pixels} px: {mechanism}")
            layer = Layer(mechanism=mechanism, seconds=(), peak_bytes=None, **sizes)
            if not (reason := too_large(layer, earlier)):
                module = made[mechanism]
                getattr(module, "func", module).to(self.device)
                run = self.forward(module, x, Setting(work=FORWARD, pixels=pixels, batch=1, numbers=numbers))
                layer = dataclasses.replace(layer, peak_bytes=peak_memory(run, self.device))
                runs[mechanism] = run
            found.append(dataclasses.replace(layer, left_out=reason))
        times = self.rounds(runs, start + budget, f"one layer, {pixels} px, {numbers}")
        return [dataclasses.replace(layer, seconds=times.get(layer.mechanism, ())) for layer in found]


def too_large(wanted: Point | Layer, earlier: Sequence[Point | Layer]) -> str | None:
    """Why not to measure a point: what it would take, by the next smaller images, is more than LONGEST or LARGEST."""

    def alike(one: Point | Layer) -> bool:
        if isinstance(one, Layer):
            return (one.mechanism, one.numbers) == (wanted.mechanism, wanted.numbers)
        same = dataclasses.replace(one.setting, pixels=wanted.setting.pixels) == wanted.setting
        return same and (one.model, one.origin) == (wanted.model, wanted.origin)

    def pixels(one: Point | Layer) -> int:
        return one.pixels if isinstance(one, Layer) else one.setting.pixels

    smaller = [one for one in earlier if alike(one) and pixels(one) < pixels(wanted)]
    if not smaller:
        return None
    last = max(smaller, key=pixels)
    if not last.seconds:
        return last.left_out
    growth = wanted.macs / last.macs
    if reason := too_slow(median(last.seconds) * growth):
        return reason
    if isinstance(wanted, Point) and last.attention:
        growth = max(growth, wanted.attention / last.attention)  # where the weights are held, they fill the memory
    bytes_wanted = (last.peak_bytes or 0) * growth
    return f"would take about {bytes_wanted / 1e9:.0f} GB" if bytes_wanted > LARGEST else None


def too_slow(taken: float) -> str | None:
    return f"would take about {taken:.0f} s" if taken > LONGEST else None


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else ():
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.processor() or platform.machine()


def header(device: torch.device) -> Header:
    return Header(
        device=torch.cuda.get_device_name(device) if device.type == "cuda" else processor(),
        kind=device.type,
        threads=torch.get_num_threads(),
        load=round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else 0,
        date=datetime.date.today().isoformat(),
        command=shlex.join(["python", "benchmarks/model.py", *sys.argv[1:]]),
        python=platform.python_version(),
        torch=torch.__version__,
        timm=getattr(sys.modules.get("timm"), "__version__", "not used"),
    )


def settings(args: argparse.Namespace) -> Iterator[tuple[float, Setting]]:
    """What to compare models in, and how much of the time each comparison may have."""
    numbers = ["float32", "bfloat16"] if args.full else [args.dtype]
    for kind, compiled in [*((kind, False) for kind in numbers), *([(args.dtype, True)] if args.full else [])]:
        for batch in args.batch_sizes if "forward" in args.parts else ():
            yield 1 if batch == 1 else 3, Setting(work=FORWARD, pixels=args.pixels, batch=batch, numbers=kind, compiled=compiled)
        if "step" in args.parts:
            yield 4, Setting(work=STEP, pixels=args.pixels, batch=max(args.batch_sizes), numbers=kind, compiled=compiled)
    for pixels in LARGE if args.full and "forward" in args.parts else ():
        yield pixels / 448, Setting(work=FORWARD, pixels=pixels, batch=1, numbers=args.dtype)


def measure(args: argparse.Namespace, speeds: Speeds) -> Iterator[Speeds]:
    """All that `speeds` does not have yet, as it grows: one comparison after the other. Shows how far it is."""
    rows = origins(args.models)
    plan = [(share, setting) for share, setting in settings(args) if setting not in speeds.settings]
    done = {(layer.pixels, layer.numbers) for layer in speeds.layers}
    if "layers" in args.parts:
        plan += [(2 * pixels**2 / sum(side**2 for side in args.sides), pixels) for pixels in args.sides if (pixels, args.dtype) not in done]
    shares = sum(share for share, _ in plan)
    with tqdm(total=60 * args.minutes, bar_format="{percentage:3.0f} %|{bar}| {elapsed}, about {remaining} left; {desc}") as bar:
        for share, what in plan:
            budget, before, start = 60 * args.minutes * share / shares, bar.n, time.perf_counter()

            def show(words: str, budget=budget, before=before, start=start) -> None:
                bar.n = min(before + time.perf_counter() - start, before + budget)
                bar.set_description_str(words)

            bench = Bench(args.device, args.repeats, show)
            if isinstance(what, Setting):
                stepping = what.work == STEP and args.device.type == "cpu" and not args.given_models
                taking_part = [row for row in rows if not stepping or row[0] in STEPPING]
                points = bench.compare(what, taking_part, speeds.points, budget)
                speeds = dataclasses.replace(speeds, points=(*speeds.points, *points))
            else:
                found = bench.layer(what, args.dtype, speeds.layers, budget)
                speeds = dataclasses.replace(speeds, layers=(*speeds.layers, *found))
            bar.n = min(before + budget, bar.total)
            torch.compiler.reset()
            gc.collect()
            yield speeds
        bar.set_description_str("done")


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--dtype", choices=("float32", "bf16"), help="bf16: autocast to bfloat16 (default: float32; on a GPU bf16)")
    parser.add_argument("--models", nargs="+", metavar="NAME", help="of the paper or of timm (default: tiny, small and seven peers)")
    parser.add_argument(
        "--batch-sizes", nargs="+", type=int, metavar="N", help="the largest is also that of the training step (1 8; on a GPU 1 128)"
    )
    parser.add_argument("--pixels", type=int, default=224, help="side of the images (224)")
    parser.add_argument(
        "--sides", nargs="+", type=int, metavar="N", help=f"sides of the images of the one layer ({' '.join(map(str, SIDES))})"
    )
    parser.add_argument("--parts", nargs="+", choices=PARTS, help="what to measure (everything; on a GPU forward and step)")
    parser.add_argument("--minutes", type=float, help=f"for all comparisons, of at least {LEAST} rounds each (20; with --full 120)")
    parser.add_argument("--repeats", type=int, default=MOST, help=f"rounds of a comparison, at most ({MOST})")
    parser.add_argument("--full", action="store_true", help="also bfloat16, compiled, large images, and accuracy after training; goes on")
    parser.add_argument("--training-minutes", type=float, default=30, help="of each model on CIFAR-10, with --full (30; 0: none)")
    parser.add_argument("--output", type=Path, help="the JSON file (default: benchmarks/peers*.json)")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "benchmarks.md", help="the page to write from all these files")
    args = parser.parse_args(argv)
    on_gpu = args.device == "cuda"
    if on_gpu and not torch.cuda.is_available():
        raise ValueError(f"--device cuda: torch {torch.__version__} finds no GPU here; leave it out to measure on the processor")
    args.device = torch.device(args.device)
    args.dtype = {"bf16": "bfloat16"}.get(dtype := args.dtype or ("bf16" if on_gpu else "float32"), dtype)
    args.given_models = bool(args.models)
    args.models = args.models or (*OURS, *(("hatnet_medium", "hatnet_large") if on_gpu else ()), *PEERS)
    args.batch_sizes = args.batch_sizes or ([1, 128] if on_gpu else [1, 8])
    args.parts = args.parts or (PARTS[:2] if on_gpu and not args.full else PARTS)
    args.sides = args.sides or (FULL_SIDES if args.full else SIDES)
    args.minutes = args.minutes or (120 if args.full else 20)
    ranges = {"pixels": SIDE, "batch_sizes": Many(SIDE, 1, 100), "sides": Many(SIDE, 1, 100), "repeats": Whole(2, 10**4)}
    check(vars(args), ranges | {"minutes": Number(0, 10**5, above=True), "training_minutes": Number(0, 10**5)})
    args.output = args.output or ROOT / "benchmarks" / ("peers-full.json" if args.full else "peers-cuda.json" if on_gpu else "peers.json")
    return args


def begun(args: argparse.Namespace) -> Speeds:
    """What to add the measurements to: with --full what the file has. Raises ValueError if that is from elsewhere."""
    origins(args.models)  # reads timm, whose version the header has
    new = Speeds(header=header(args.device))
    if not (args.full and args.output.exists()):
        return new
    old, alike = read(args.output), ("device", "kind", "threads", "python", "torch", "timm")
    if other := [name for name in alike if getattr(old.header, name) != getattr(new.header, name)]:
        was = ", ".join(f"{name} {getattr(old.header, name)}, now {getattr(new.header, name)}" for name in other)
        raise ValueError(f"{args.output} was measured elsewhere ({was}): give another --output, or delete it")
    return old


def main(argv: Sequence[str] | None = None) -> None:
    try:
        args = arguments(argv)
        speeds = begun(args)
        about = speeds.header
        print(f"{about.device}, {about.threads} threads, torch {about.torch}, timm {about.timm}: at most about {args.minutes:g} minutes")
        if about.load > 0.5:
            print(f"about {about.load:.0f} other programs are running: on a busy machine the figures are too low", file=sys.stderr)
        for grown in measure(args, speeds):
            speeds = grown
            if args.full:
                speeds.write(args.output)
        if args.full and args.training_minutes:
            for trained in accuracy.compare(args.training_minutes, args.device, speeds.trained):
                speeds = dataclasses.replace(speeds, trained=(*speeds.trained, trained))
                speeds.write(args.output)
        speeds.write(args.output)
        files = [path for path in page.FILES if path.exists()] if args.output in page.FILES else [args.output]
        args.page.write_text(page.page([read(path) for path in files]), encoding="utf-8")
        print(f"wrote {args.output} and {args.page}")
    except ValueError as error:
        sys.exit(f"benchmarks/model.py: {error}")


if __name__ == "__main__":
    main()
