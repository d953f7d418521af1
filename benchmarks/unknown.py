"""The threshold below which a checkpoint says "none of the things that I know".

`python benchmarks/unknown.py NAME --known DATA --unknown FOLDER`: known are held-out pictures of the checkpoint's classes, unknown are
pictures of none of them. One half of each, drawn from seed 0, chooses; the other half measures. Chosen are the score of
app/core/unknown.py with the highest AUROC (the probability that a known picture scores higher than an unknown one), and the threshold at
which known pictures are called unknown as often as unknown ones are not. The measuring half gives AUROC (95 % interval from 1,000 bootstrap
samples of the pictures) and both rates (Wilson's 95 % intervals): with G1 and G2 as trained, and with the same threshold for windows of one
token, for one cell for the whole map, and for both, in all stages. Writes hatnet/shipped/NAME.unknown.json, which the app reads, and prints
what becomes of the app's sample photographs.

objects224: `--known folder:PATH`, where PATH/val holds 20 pictures of each class of Imagenette's and Imagewoof's val/, and 4 of each class
of Caltech-101's test part (`hatnet/caltech101_test.txt`); `--unknown` a clone of github.com/EliSchwartz/imagenet-sample-images, with
`--leave-out benchmarks/unknown.objects224.txt`. A minute or two on one idle core.
"""

import argparse
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from app.core import checkpoints, pictures
from app.core.inference import normalised
from app.core.samples import SAMPLES, label_of, offered
from app.core.unknown import SCORES
from benchmarks.grids import spread, token_grids
from hatnet import HATNet, checkpoint_info, data, load_checkpoint
from hatnet.checkpoints import SHIPPED
from hatnet.evaluation import images_at_once, relabelled
from hatnet.files import atomic_write
from hatnet.pictures import EXTENSIONS
from hatnet.preprocessing import decode, normalise
from hatnet.sources import title

BOOTSTRAP = 1000


def auroc(known: Tensor, unknown: Tensor) -> tuple[float, tuple[float, float]]:
    """The probability that a known picture scores higher than an unknown one (a tie counts half), and its 95 % interval."""
    wins = (known[:, None] > unknown).double() + 0.5 * (known[:, None] == unknown).double()
    generator = torch.Generator().manual_seed(0)

    def drawn(count: int) -> Tensor:  # how often each picture is in a bootstrap sample
        return torch.bincount(torch.randint(count, (count,), generator=generator), minlength=count).double() / count

    again = torch.stack([drawn(len(known)) @ wins @ drawn(len(unknown)) for _ in range(BOOTSTRAP)])
    low, high = again.quantile(torch.tensor([0.025, 0.975], dtype=torch.double)).tolist()
    return wins.mean().item(), (low, high)


def balanced(known: Tensor, unknown: Tensor) -> float:
    """The threshold at which the shares of known pictures below it and of unknown ones not below it differ least."""
    scores = torch.cat([known, unknown]).double().unique()
    between = (scores[:-1] + scores[1:]) / 2
    differences = torch.stack([torch.tensor(abs(low - high)) for low, high in (mistakes(known, unknown, float(t)) for t in between)])
    return float(between[differences.argmin()])


def mistakes(known: Tensor, unknown: Tensor, threshold: float) -> tuple[float, float]:
    """The share of known pictures below a threshold (false alarms), and of unknown ones not below it (misses)."""
    return (known < threshold).double().mean().item(), (unknown >= threshold).double().mean().item()


def wilson(share: float, count: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share of `count` pictures."""
    z = 1.959964
    middle, half = share + z * z / (2 * count), z * math.sqrt(share * (1 - share) / count + (z / (2 * count)) ** 2)
    return (middle - half) / (1 + z * z / count), (middle + half) / (1 + z * z / count)


def halves(count: int) -> tuple[Tensor, Tensor]:
    """The numbers of the pictures that choose, and of those that measure."""
    order = torch.randperm(count, generator=torch.Generator().manual_seed(0))
    return order[: count // 2], order[count // 2 :]


@torch.inference_mode()
def logits_of(model: HATNet, images: Tensor, mean: Sequence[float], std: Sequence[float], g1: tuple, g2: tuple) -> Tensor:
    """Logits [n, classes] of pictures uint8 [n, 3, size, size]."""
    batches = tqdm(images.split(images_at_once(images.shape[-1])), f"G1 {g1}, G2 {g2}", unit="batch", leave=False, disable=None)
    return torch.cat([model(normalise(batch, mean, std), g1, g2) for batch in batches])


def analysed(known: Sequence[Tensor], unknown: Sequence[Tensor], others: Sequence[tuple[tuple, Tensor, Tensor]], trained: tuple) -> dict:
    """What the JSON says of logits [n, classes].

    known, unknown: those of the pictures that choose, and of those that measure, with `trained` G1 and G2. others: (G1, G2), and the logits
    of the same measuring pictures with these.
    """
    scores = {}
    for name, score in SCORES.items():
        (on_choosing, _), (value, interval) = (auroc(score(own), score(other)) for own, other in zip(known, unknown, strict=True))
        scores[name] = {"auroc_choosing": on_choosing, "auroc": value, "interval": interval}
    best = max(scores, key=lambda name: scores[name]["auroc_choosing"])
    threshold = balanced(SCORES[best](known[0]), SCORES[best](unknown[0]))
    rows = []
    for (g1, g2), own, other in [(trained, known[1], unknown[1]), *others]:
        pair = SCORES[best](own), SCORES[best](other)
        alarms, misses = mistakes(*pair, threshold)
        value, interval = auroc(*pair)
        rows.append(
            {"g1": g1, "g2": g2, "auroc": value, "interval": interval}
            | {"false_alarms": alarms, "false_alarms_interval": wilson(alarms, len(own))}
            | {"misses": misses, "misses_interval": wilson(misses, len(other))}
        )
    counts = {"known": [len(half) for half in known], "unknown": [len(half) for half in unknown]}
    return {"chose_and_measured": counts, "score": best, "threshold": threshold, "scores": scores, "rows": rows}


def extremes(model: HATNet, size: int) -> list[tuple]:
    """(G1, G2): windows of one token, one cell for the whole map, and both."""
    g1, g2 = model.config.g1, model.config.g2
    ones, whole = (1,) * len(g1), tuple(token_grids(model, size))
    return [(ones, g2), (g1, whole), (ones, whole)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", help="a shipped checkpoint's name")
    parser.add_argument("--known", required=True, help="pictures of its classes, held out from its training, as train_small.py names them")
    parser.add_argument("--unknown", required=True, type=Path, help="a folder with pictures of none of its classes, at any depth")
    parser.add_argument("--leave-out", type=Path, help="a file with names of pictures, without endings, that may show one of its classes")
    parser.add_argument("--images", type=int, default=300, help="how many of each kind at most (%(default)s)")
    parser.add_argument("--output", type=Path, help="(hatnet/shipped/NAME.unknown.json)")
    args = parser.parse_args()
    info, model = checkpoint_info(args.checkpoint), load_checkpoint(args.checkpoint)
    if info.config.readout > 1:
        sys.exit(f"{args.checkpoint} answers for each cell of drawn cards: no picture of another kind is ever shown to it")
    held = data.load(args.known, "val", info.image_size, info.extra.get("val_fraction", 0.1))
    try:
        held = relabelled(held, info.classes, {})
    except ValueError as error:
        sys.exit(str(error))
    known = held.pixels[spread(len(held), args.images)]
    lines = args.leave_out.read_text(encoding="utf-8").splitlines() if args.leave_out else []
    left_out = {line for line in lines if line and not line.startswith("#")}
    files = sorted(path for path in args.unknown.rglob("*") if path.suffix.lower() in EXTENSIONS)
    if missing := sorted(left_out - {path.stem for path in files}):
        sys.exit(f"{args.leave_out} names {', '.join(missing[:5])}, and {args.unknown} has no such picture")
    files = [path for path in files if path.stem not in left_out]
    files = [files[index] for index in spread(len(files), args.images)]
    unknown = torch.stack([decode(path, info.image_size) for path in tqdm(files, "reading", unit="image", leave=False, disable=None)])
    trained = model.config.g1, model.config.g2

    def run(images: Tensor, sides: tuple) -> Tensor:
        return logits_of(model, images, info.mean, info.std, *sides)

    both = [[images[half] for half in halves(len(images))] for images in (known, unknown)]
    own, other = ([run(half, trained) for half in kind] for kind in both)
    others = [(sides, *(run(kind[1], sides) for kind in both)) for sides in extremes(model, info.image_size)]
    result = {"known": title(args.known), "unknown": args.unknown.name, "left_out": len(left_out), **analysed(own, other, others, trained)}
    with atomic_write(args.output or SHIPPED / f"{args.checkpoint}.unknown.json") as partial:
        Path(partial).write_text(json.dumps(result, indent=1) + "\n")
    told(result)
    told_of_samples(args.checkpoint, model, result)


def told(result: dict) -> None:
    """Print what was measured."""
    for name, row in result["scores"].items():
        low, high = row["interval"]
        print(f"{name:8} AUROC {row['auroc']:.3f} ({low:.3f} to {high:.3f}); {row['auroc_choosing']:.3f} on the pictures that choose")
    print(f"chosen: {result['score']}, unknown below {result['threshold']:.3f}")
    print(f"pictures that chose and measured: {result['chose_and_measured']}")
    for row in result["rows"]:
        rates = [(row[name], *row[f"{name}_interval"]) for name in ("false_alarms", "misses")]
        alarms, misses = (f"{100 * share:.1f} % ({100 * low:.1f} to {100 * high:.1f})" for share, low, high in rates)
        print(f"G1 {row['g1']}, G2 {row['g2']}: AUROC {row['auroc']:.3f}; false alarms {alarms}, misses {misses}")


def told_of_samples(name: str, model: HATNet, result: dict) -> None:
    """Print what the rule says of the app's photographs."""
    checkpoint = checkpoints.describe(name)
    for key in offered(cards=False, classes=checkpoint.classes):
        with torch.inference_mode():
            logits = model(normalised(checkpoint, pictures.model_input(pictures.sample(key), checkpoint.image_size)))[0]
        score, likeliest = float(SCORES[result["score"]](logits)), int(logits.argmax())
        said = "unknown" if score < result["threshold"] else "known"
        label = label_of(SAMPLES[key], checkpoint.classes) or "none of its classes"
        sure = f"{checkpoint.classes[likeliest]} {100 * float(logits.softmax(0)[likeliest]):.0f} %"
        print(f"{key:14} {label:20} {said:8} {score:.2f}  {sure}")


if __name__ == "__main__":
    main()
