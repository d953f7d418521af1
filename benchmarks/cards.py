"""The five mechanisms on the cards: `python benchmarks/cards.py` trains all arms and writes hatnet/shipped/cards.ablation.json.

Sizes of the weights, recipe and images are the same; only the mechanism differs (`mechanisms.MECHANISMS`). Each arm is trained for 700
steps, and for as many as fit into the time that the hierarchical arm needs for its 700. Three seeds: half an hour on one core.
Every training is kept in runs/cards-ablation (100 kB each) and not repeated by the next call.

For each training run: accuracy on both questions, on 4,000 images that nothing else uses; the pointing score; the knock-outs.
The recipe was tuned on the hierarchical arm. That an arm did not learn in this time does not mean that it cannot.
"""

import argparse
import json
import platform
import sys
import time
from dataclasses import replace
from itertools import islice
from pathlib import Path
from statistics import mean, median, stdev
from unittest import mock

import torch
from einops import rearrange, reduce
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from hatnet import attention, attention_maps, cards, checkpoint_info, create_model, evaluation, load_checkpoint, place_of, save_checkpoint
from hatnet.checkpoints import SHIPPED
from hatnet.data import Images
from hatnet.maps import AttentionMap
from hatnet.mechanisms import MECHANISMS
from hatnet.preprocessing import normalise
from hatnet.recipe import RECIPES
from hatnet.training import Trainer

STEPS = 700
ASKING = (1, 1)  # the asker's middle token, on the grid of 12 x 12


def seconds_per_step(arms: list[str]) -> dict[str, float]:
    """For each arm, the median over rounds in which the arms take turns, so that a slow minute of the machine affects all alike."""
    times: dict[str, list[float]] = {arm: [] for arm in arms}
    for _ in range(5):
        for arm in arms:
            trainer = Trainer(create_model("hatnet_cards", 4, attention=arm), RECIPES["cards"], cards.Cards())
            steps = trainer.optimise(STEPS)
            next(steps)
            start = time.perf_counter()
            list(islice(steps, 8))
            times[arm].append((time.perf_counter() - start) / 8)
    return {arm: median(found) for arm, found in times.items()}


def trained(arm: str, seed: int, steps: int, path: Path) -> dict:
    """Train one arm and write it to `path`; the figures are in the checkpoint's header too."""
    torch.manual_seed(seed)
    model = create_model("hatnet_cards", 4, attention=arm)
    trainer = Trainer(model, replace(RECIPES["cards"], seed=seed), cards.Cards())
    start = time.process_time()
    for _ in trainer.optimise(steps):
        pass
    seconds = time.process_time() - start
    accuracy, found = measured(model.eval())
    figures = {"arm": arm, "seed": seed, "steps": steps, "cpu_seconds": round(seconds, 1)} | found
    header = {
        "classes": list(cards.CLASSES),
        "mean": cards.MEAN,
        "std": cards.STD,
        "image_size": cards.SIZE,
        "data": "cards",
        "accuracy": accuracy,
        "split": "test",
    }
    save_checkpoint(model, path, header | {"figures": figures})
    return figures


def measured(model: torch.nn.Module) -> tuple[float, dict]:
    """Accuracy on 4,000 images that nothing else uses, and the other figures: both questions, pointing, knock-outs."""
    test = cards.images(4000, seed=2)
    predicted = evaluation.predict(model, test, cards.MEAN, cards.STD)
    questions = dict(zip(("global", "local"), cards.questions(predicted, test.labels), strict=True))
    return evaluation.accuracy(predicted, test), questions | pointing(model) | knock_outs(model)


def cell_mass(record: AttentionMap) -> Tensor:
    """The asking token's attention to each cell: [b, heads, 16], from the rows that were computed."""
    masses = [record.on_grid(*ASKING, image) for image in range(record.images)]
    return reduce(torch.stack(masses), "b heads (y i) (x j) -> b heads (y x)", "sum", y=4, x=4)


@torch.inference_mode()
def pointing(model: torch.nn.Module, count: int = 1000) -> dict:
    """How often the asker's attention peaks on the marked card, among 16 cells.

    The block, step and head are chosen on `count` images and scored on `count` others. `mass` is the attention to that card.
    """
    hits, masses, names = [], [], []
    for seed in (3, 4):
        drawn = cards.draw(count, torch.Generator().manual_seed(seed))
        _, maps = attention_maps(model, normalise(drawn.pixels, cards.MEAN, cards.STD), queries=[place_of(ASKING, (12, 12))])
        mass = torch.cat([cell_mass(record) for record in maps], dim=1)
        names = [[record.block, record.kind, head] for record in maps for head in range(record.heads)]
        marked = drawn.marked[:, None]
        hits.append((mass.argmax(-1) == marked).float().mean(0))
        masses.append(mass.gather(2, marked[..., None].expand(-1, mass.shape[1], 1)).mean((0, 2)))
    chosen = hits[0].argmax().item()
    return {"pointing": hits[1][chosen].item(), "mass": masses[1][chosen].item(), "block_step_head": names[chosen]}


def hidden(cell: Tensor, asker_only: bool):
    """A context in which no token (with `asker_only`: no token of the asker) attends to the keys of a cell: `cell` [b].

    It acts on the steps whose keys cover the whole map: pooled cells, or all tokens. Other windows do not contain the card anyway.
    """
    place = torch.arange(144)
    of_token = place // 36 * 4 + place % 12 // 3
    original = attention.attend

    def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None, explicit: bool = False):
        if key.shape[-2] in (16, 144):
            of_key = of_token if key.shape[-2] == 144 else torch.arange(16)
            asks = of_token == cards.ASKER if asker_only else torch.ones(144, dtype=torch.bool)
            mask = rearrange(~(asks[None, :, None] & (of_key == cell[:, None])[:, None, :]), "b n m -> b 1 n m")
        return original(query, key, value, mask, explicit)

    return mock.patch.object(attention, "attend", attend)


def knock_outs(model: torch.nn.Module, count: int = 1000) -> dict:
    """Both accuracies with one card's keys hidden. Null for the arms with windows only, where a distant card has no keys to hide."""
    if not {"pooled", "full"} & set(MECHANISMS[model.config.attention].layout_kinds):
        return {"knock_outs": None}
    drawn = cards.draw(count, torch.Generator().manual_seed(5))
    images = Images(pixels=drawn.pixels, labels=drawn.labels, classes=cards.CLASSES)
    found = {}
    for name, cell, asker_only in (
        ("marked card hidden from the asker", drawn.marked, True),
        ("marked card hidden from all", drawn.marked, False),
        ("another card hidden from the asker", drawn.others[:, 0], True),
    ):
        with hidden(cell, asker_only):
            predicted = evaluation.predict(model, images, cards.MEAN, cards.STD, batch_size=count)
        found[name] = dict(zip(("global", "local"), cards.questions(predicted, images.labels), strict=True))
    return {"knock_outs": found}


def summary(runs: list[dict]) -> list[dict]:
    """One row for each budget and arm: mean and standard deviation over the seeds."""
    rows = []
    for budget in ("equal steps", "equal time"):
        for arm in MECHANISMS:
            mine = [run for run in runs if run["budget"] == budget and run["arm"] == arm]
            if not mine:
                continue
            row = {"budget": budget, "arm": arm, "seeds": len(mine), "steps": mine[0]["steps"]}
            for name in ("global", "local", "pointing", "cpu_seconds"):
                values = [run[name] for run in mine]
                row[name] = {"mean": mean(values), "sd": stdev(values) if len(values) > 1 else None, "all": values}
            rows.append(row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arms", nargs="+", default=list(MECHANISMS), choices=list(MECHANISMS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--runs", type=Path, default=Path("runs/cards-ablation"), help="folder of the trainings")
    parser.add_argument("--output", type=Path, default=SHIPPED / "cards.ablation.json")
    parser.add_argument("--measure", nargs="+", metavar="CHECKPOINT", help="train nothing: print these checkpoints' figures as JSON")
    args = parser.parse_args()
    if args.measure:
        print(json.dumps({name: measured(load_checkpoint(name))[1] for name in args.measure}, indent=1))
        return
    args.runs.mkdir(parents=True, exist_ok=True)
    timing = args.runs / "seconds_per_step.json"
    if not timing.exists():
        timing.write_text(json.dumps(seconds_per_step(list(MECHANISMS))))
    seconds, runs = json.loads(timing.read_text()), []
    for seed in range(args.seeds):
        for arm in args.arms:
            for budget, steps in (("equal steps", STEPS), ("equal time", round(STEPS * seconds["hierarchical"] / seconds[arm]))):
                path = args.runs / f"{arm}-{steps}-{seed}.safetensors"
                figures = checkpoint_info(path).extra["figures"] if path.exists() else trained(arm, seed, steps, path)
                runs.append({"budget": budget} | figures)
                print(f"{budget}: {arm:15} seed {seed}: {steps} steps, {figures['cpu_seconds']} s, ", end="")
                print("global {global:.1%}, local {local:.1%}, pointing {pointing:.1%}".format(**figures), flush=True)
                threads = f"{torch.get_num_threads()} threads, {platform.machine()}, torch {torch.__version__}"
                result = {"machine": threads, "seconds_per_step": seconds, "summary": summary(runs), "runs": runs}
                args.output.parent.mkdir(parents=True, exist_ok=True)
                args.output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
