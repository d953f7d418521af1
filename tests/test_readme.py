"""What the README prints is what runs, and its tables hold what the benchmarks wrote."""

import json
import re
from pathlib import Path
from statistics import fmean, stdev

import pytest
import torch

import hatnet
from hatnet.checkpoints import SHIPPED
from hatnet.mechanisms import MECHANISMS

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_readme_s_example_prints_what_it_says(capsys):
    (block,) = re.findall(r"```python\n(.*?)```", README, re.S)
    exec(compile(block, "README.md", "exec"), {})
    said = re.search(r"# (\(24.*?\])\)", block)[1] + ")"
    assert capsys.readouterr().out.strip() == said


def test_the_readme_s_table_of_calls_runs():
    model, images = hatnet.create_model("hatnet_tiny").eval(), torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        _, maps = hatnet.attention_maps(model, images)
    names = {key: getattr(hatnet, key) for key in hatnet.__all__}
    names |= dict(model=model, images=images, maps=maps, local=maps[0], pooled=maps[1])
    table = README.split("| to get | call |")[1].split("\n\n")[0]
    calls = [call for call in re.findall(r"`([^`]+\))`", table) if "load_pretrained" not in call and not call.startswith(".")]
    assert len(calls) >= 9
    for call in calls:
        assert eval(call, names) is not None, call


@pytest.mark.parametrize("name", hatnet.list_checkpoints())
def test_a_shipped_checkpoint_s_card_and_the_readme_have_its_accuracy(name):
    info, card = hatnet.checkpoint_info(name), (SHIPPED / f"{name}.md").read_text(encoding="utf-8")
    for word in ("accuracy", "data", "command", "time", "For teaching", f'`hatnet.transform(hatnet.checkpoint_info("{name}"))`'):
        assert word in card
    (row,) = [line for line in README.splitlines() if line.startswith(f"| [`{name}`]")]
    if info.data == "cards":
        return  # its accuracy is over two questions, which the card gives apart
    assert f"{100 * info.accuracy:.2f} % on the test" in card and info.extra["split"] == "test"
    assert f"| {100 * info.accuracy:.1f} %" in row


def test_the_readme_s_tables_have_what_the_benchmarks_wrote():
    found = json.loads((SHIPPED / "cifar10.reaches.json").read_text(encoding="utf-8"))
    for row in found["summary"]:
        values = [100 * run["accuracy"] for run in found["runs"] if run["arm"] == row["arm"]]
        speeds = [str(run["images_per_second"]) for run in found["runs"] if run["arm"] == row["arm"]]
        seeds = ", ".join(f"{value:.2f}" for value in values)
        assert f"| {row['arm']} | {fmean(values):.1f} ± {stdev(values):.1f} | {seeds} | {', '.join(speeds)} |" in README
        assert hatnet.checkpoint_info(f"cifar10-{row['arm']}").accuracy == pytest.approx(values[0] / 100)
    found = json.loads((SHIPPED / "cards.ablation.json").read_text(encoding="utf-8"))
    for arm in MECHANISMS:
        figures = []
        for budget, names in (("equal steps", ("global", "local")), ("equal time", ("global", "local")), ("equal steps", ("pointing",))):
            runs = [run for run in found["runs"] if (run["budget"], run["arm"]) == (budget, arm)]
            figures += [[100 * run[name] for run in runs] for name in names]
        assert f"| {arm} | " + " | ".join(f"{fmean(values):.1f} ± {stdev(values):.1f}" for values in figures) + " |" in README


def test_the_accuracies_of_objects224_by_grids_are_those_measured():
    card = (SHIPPED / "objects224.md").read_text(encoding="utf-8")
    found = json.loads((SHIPPED / "objects224.grids.json").read_text(encoding="utf-8"))
    together = [row for row in found["rows"] if row["stage"] in (None, "all")]
    assert len(together) == 10 and f"on {found['images']:,} of the 3,925 images" in card and f"on {found['images']:,} pictures of" in README
    for row in together:
        g1, g2 = (", ".join(map(str, row[name])) for name in ("g1", "g2"))
        figures = f"{100 * row['accuracy']:.1f} | {row['macs'] / 1e6:,.0f} |"
        assert f"| {g1}{' (trained)' * (row['stage'] is None)} | {g2} | {figures}" in card
    one = [100 * row["accuracy"] for row in found["rows"] if row["stage"] not in (None, "all")]
    assert f"{min(one):.1f} to {max(one):.1f} %" in card
    trained, least, single, both = (
        next(f"{100 * row['accuracy']:.1f} %" for row in together if (row["g1"], row["g2"]) == pair)
        for pair in (([8, 7, 7], [8, 4, 2]), ([1, 1, 1], [8, 4, 2]), ([8, 7, 7], [56, 28, 14]), ([1, 1, 1], [56, 28, 14]))
    )
    said = " ".join(README.split())
    assert (
        f"gets {trained} right as trained, {least} with windows" in said
        and f"{single} with one cell for the whole map, {both} with both" in said
    )


def test_how_often_objects224_knows_that_it_does_not_know_is_what_was_measured():
    card = (SHIPPED / "objects224.md").read_text(encoding="utf-8")
    found, said = json.loads((SHIPPED / "objects224.unknown.json").read_text(encoding="utf-8")), " ".join(README.split())

    def share(row, name):
        low, high = row[f"{name}_interval"]
        return f"{100 * row[name]:.0f} %", f"({100 * low:.0f} to {100 * high:.0f})"

    for number, row in enumerate(found["rows"]):
        g1, g2 = (", ".join(map(str, row[name])) for name in ("g1", "g2"))
        low, high = row["interval"]
        alarms, misses = (" ".join(share(row, name)) for name in ("false_alarms", "misses"))
        assert f"| {g1}{' (trained)' * (number == 0)} | {g2} | {row['auroc']:.2f} ({low:.2f} to {high:.2f}) | {alarms} | {misses} |" in card
    trained = found["rows"][0]
    (alarms, between), (misses, and_between) = (share(trained, name) for name in ("false_alarms", "misses"))
    assert f"{alarms} of the former are called unknown {between}, and {misses} of the latter are not {and_between}" in said
    assert f"is below {found['threshold']:.2f}" in " ".join(card.split())
    for score in found["scores"].values():
        assert f"{score['auroc']:.2f} ({score['interval'][0]:.2f} to {score['interval'][1]:.2f})" in card
