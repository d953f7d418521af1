"""The paper's Table 5 at small scale: `python benchmarks/mechanisms.py` compares attention mechanisms.

One model with hierarchical attention, windows, pooled keys or full attention in its hierarchical stages, all with the same sizes of the
weights, recipe, images and number of steps, and with several seeds. With --stages also as in the table: windows in all stages, then
hierarchical attention in the first, in the first two, and so on. Each training is a run of train_small.py in --runs; call this script
again, and it continues where it stopped. When all are done, the last weights of each are evaluated once on the test split. Writes
hatnet/shipped/NAME.reaches.json, and with --weights the first seed's weights as hatnet/shipped/NAME-MECHANISM.safetensors.

What this script does not know goes to every training: --model hatnet_compact224 --image-size 112 --set depthwise=false, for example.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from statistics import mean, median, stdev

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from hatnet import VARIANTS, checkpoint_info
from hatnet.checkpoints import SHIPPED

ROOT = Path(__file__).resolve().parent.parent
MECHANISMS = ("hierarchical", "window", "pooled", "full")


def arms(stages: int, step_by_step: bool) -> dict[str, tuple[str, ...]]:
    """The mechanism of each of a model's hierarchical stages, by the arm's name.

    >>> [*arms(2, step_by_step=True)]
    ['hierarchical', 'window', 'pooled', 'full', 'hierarchical, window']
    """
    found = {name: (name,) * stages for name in MECHANISMS}
    between = range(1, stages) if step_by_step else ()
    mixed = [("hierarchical",) * first + ("window",) * (stages - first) for first in between]
    return found | {", ".join(each): each for each in mixed}


def call(*arguments: str) -> None:
    """Run train_small.py, and end with it if it fails."""
    if code := subprocess.run([sys.executable, str(ROOT / "train_small.py"), *arguments]).returncode:
        sys.exit(code)


def trained(run: Path, *arguments: str) -> None:
    """Train one arm, or resume it, or leave it alone if it is finished."""
    if not (run / "state.pt").exists():
        call(*arguments, "--out", str(run))
    elif json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])["step"] < json.loads((run / "config.json").read_text())["steps"]:
        call("--resume", str(run))


def tested(run: Path, data: str) -> dict:
    """The figures of a finished run; the test split is used the first time only."""
    written = run / "tested.safetensors"
    if not written.exists():
        call("eval", str(run / "last.safetensors"), "--data", data, "--write", str(written))
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return {
        "accuracy": checkpoint_info(written).accuracy,
        "held_out": rows[-1]["accuracy"],
        "steps": rows[-1]["step"],
        "images_per_second": round(median(row["images_per_second"] for row in rows)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("--data", default="cifar10", help="cifar10, or folder:PATH with train/ and test/ (or val/, which then is the test)")
    parser.add_argument("--name", default="cifar10", help="what the written files are called by")
    parser.add_argument("--model", default="hatnet_compact", choices=VARIANTS)
    parser.add_argument("--epochs", type=int, default=10, help="of each training (10 of cifar10: 15 to 24 minutes on two cores)")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--amp", default="bf16", choices=("off", "bf16"), help="the numbers of every training, whatever is faster here")
    parser.add_argument("--stages", action="store_true", help="also windows in the later stages alone, as in Table 5")
    parser.add_argument("--weights", action="store_true", help="also write the first seed's weights")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "reaches")
    parser.add_argument("--output", type=Path, default=SHIPPED)
    args, recipe = parser.parse_known_args()
    folder = args.runs / f"{args.epochs}-epochs"
    shared = ["--data", args.data, "--model", args.model, "--epochs", str(args.epochs), "--amp", args.amp, *recipe]
    compared = arms(len(VARIANTS[args.model].g1), args.stages)
    every = [(arm, seed, folder / f"{arm.replace(', ', '-')}-{seed}") for seed in range(args.seeds) for arm in compared]
    for arm, seed, run in every:
        trained(run, *shared, "--attention", *compared[arm], "--seed", str(seed))
    runs = [{"arm": arm, "seed": seed} | tested(run, args.data) for arm, seed, run in every]
    summary = []
    for arm in compared:
        values = [run["accuracy"] for run in runs if run["arm"] == arm]
        summary.append({"arm": arm, "mean": mean(values), "sd": stdev(values) if len(values) > 1 else None})
        sd = f" ± {100 * summary[-1]['sd']:.1f}" if len(values) > 1 else ""
        print(f"{arm:13} {100 * summary[-1]['mean']:.1f}{sd} %   ({', '.join(f'{100 * value:.2f}' for value in values)})")
    first = {arm: run for arm, seed, run in every if seed == 0}
    for arm in MECHANISMS if args.weights else ():
        (args.output / f"{args.name}-{arm}.safetensors").write_bytes((first[arm] / "tested.safetensors").read_bytes())
    machine = json.loads((first["hierarchical"] / "config.json").read_text())["machine"]
    data = checkpoint_info(first["hierarchical"] / "tested.safetensors").data
    result = {"data": data, "split": "test", "machine": machine, "summary": summary, "runs": runs}
    (args.output / f"{args.name}.reaches.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
