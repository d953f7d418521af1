"""Table 5's question at small scale: `python benchmarks/mechanisms.py --data cifar10` compares four mechanisms.

hatnet_compact with hierarchical attention, windows, pooled keys or full attention in its hierarchical stages, all with the same sizes
of the weights, recipe, images and number of steps, and with several seeds. Each training is a run of train_small.py in runs/reaches;
call this script again, and it continues where it stopped. When all are done, each is evaluated once on the test split. Writes
hatnet/shipped/cifar10.reaches.json, and the first seed's weights as hatnet/shipped/cifar10-MECHANISM.safetensors.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from statistics import mean, median, stdev

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from hatnet import checkpoint_info
from hatnet.checkpoints import SHIPPED

ROOT = Path(__file__).resolve().parent.parent
ARMS = ("hierarchical", "window", "pooled", "full")


def call(*arguments: str) -> None:
    """Run train_small.py, and end with it if it fails."""
    if code := subprocess.run([sys.executable, str(ROOT / "train_small.py"), *arguments]).returncode:
        sys.exit(code)


def trained(run: Path, arm: str, seed: int, data: str, epochs: int) -> None:
    """Train one arm, or resume it, or leave it alone if it is finished."""
    if not (run / "state.pt").exists():
        call("--data", data, "--attention", arm, "--seed", str(seed), "--epochs", str(epochs), "--amp", "bf16", "--out", str(run))
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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="cifar10", help="cifar10, or folder:PATH with train/ and test/")
    parser.add_argument("--epochs", type=int, default=10, help="of each training (10: 15 to 24 minutes on two cores)")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "reaches")
    parser.add_argument("--output", type=Path, default=SHIPPED)
    args = parser.parse_args()
    folder = args.runs / f"{args.epochs}-epochs"
    every = [(arm, seed, folder / f"{arm}-{seed}") for seed in range(args.seeds) for arm in ARMS]
    for arm, seed, run in every:
        trained(run, arm, seed, args.data, args.epochs)
    runs = [{"arm": arm, "seed": seed} | tested(run, args.data) for arm, seed, run in every]
    summary = []
    for arm in ARMS:
        values = [run["accuracy"] for run in runs if run["arm"] == arm]
        summary.append({"arm": arm, "mean": mean(values), "sd": stdev(values) if len(values) > 1 else None})
        sd = f" ± {100 * summary[-1]['sd']:.1f}" if len(values) > 1 else ""
        print(f"{arm:13} {100 * summary[-1]['mean']:.1f}{sd} %   ({', '.join(f'{100 * value:.2f}' for value in values)})")
        (args.output / f"cifar10-{arm}.safetensors").write_bytes((folder / f"{arm}-0" / "tested.safetensors").read_bytes())
    machine = json.loads((folder / f"{ARMS[0]}-0" / "config.json").read_text())["machine"]
    data = checkpoint_info(folder / f"{ARMS[0]}-0" / "tested.safetensors").data
    result = {"data": data, "split": "test", "machine": machine, "summary": summary, "runs": runs}
    (args.output / "cifar10.reaches.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
