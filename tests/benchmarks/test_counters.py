"""docs/counting.md prints what the project counts, and why each public counter says something else is right to the last digit."""

import re
from collections import Counter
from pathlib import Path

import pytest
import torch
from torch import nn

import hatnet
from benchmarks import counters
from hatnet.paper import NAMES, classifier

TEXT = (Path(__file__).parents[2] / "docs" / "counting.md").read_text(encoding="utf-8")
TABLE = {
    row[0]: dict(zip(NAMES, row[1:], strict=True)) for row in (line.strip("| ").split(" | ") for line in TEXT.splitlines()) if len(row) == 5
}
IMAGE = torch.zeros(counters.IMAGE)


def test_the_table_to_quote(capsys):
    (block,), (said,) = re.findall(r"```python\n(.*?)```", TEXT, re.S), re.findall(r"\n```\n(Multiply.*?)```", TEXT, re.S)
    exec(compile(block, "counting.md", "exec"), {})
    assert capsys.readouterr().out == said


@pytest.mark.parametrize("name", NAMES)
def test_rows_that_need_no_other_counter(name):
    own = [title for title in counters.ROWS if title.startswith(("hatnet", "torch "))]
    assert len(own) == 5 and TABLE.keys() >= counters.ROWS.keys()
    with torch.device("meta"):
        model = hatnet.create_model(name).eval()
    for title in own[:3]:
        assert f"{counters.ROWS[title](model) / 1e9:.4f}" == TABLE[title][name]
    if name == "hatnet_tiny":  # the only one that takes no time
        for title in own[3:]:
            assert f"{counters.ROWS[title](hatnet.create_model(name).eval()) / 1e9:.4f}" == TABLE[title][name]


def seen(model, monkeypatch):
    """How many values get a bias, go through SiLU, are normalised and are pooled, in one image; and torchinfo's weights times places."""
    found = Counter()

    def hook(module, inputs, output):
        found["bias"] += output.numel() * (getattr(module, "bias", None) is not None and isinstance(module, nn.Conv2d | nn.Linear))
        found["silu"] += output.numel() * isinstance(module, nn.SiLU)
        found["norm"] += output.numel() * isinstance(module, nn.GroupNorm)
        places = output.shape[-1] * output.shape[-2] if isinstance(module, nn.Conv2d) else len(output)
        found["torchinfo"] += places * sum(p.numel() for p in module.parameters(recurse=False))

    for module in model.modules():
        module.register_forward_hook(hook)
    for name in ("avg_pool2d", "adaptive_avg_pool2d"):
        pool = getattr(nn.functional, name)
        monkeypatch.setattr(
            nn.functional, name, lambda x, *args, pool=pool, name=name, **kw: found.update({name: x.numel()}) or pool(x, *args, **kw)
        )
    with torch.no_grad():
        model(IMAGE.to("meta"))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_why_the_others_differ(name, monkeypatch):
    with torch.device("meta"):
        model = hatnet.create_model(name).eval()
    count, found = hatnet.complexity.count(model, counters.IMAGE[2:]), seen(model, monkeypatch)
    mmcv = count.with_norms + found["bias"] + found["avg_pool2d"]
    assert count.normalised == found["norm"]
    assert round(count.with_norms / 1e9, 1) == round(mmcv / 1e9, 1) == classifier(name).flops
    fvcore = count.conv_linear + 5 * found["norm"] + found["adaptive_avg_pool2d"]
    said = {
        "fvcore, fused kernel": fvcore,
        "fvcore, explicit=True": fvcore + count.attention,
        "thop": count.conv_linear,
        "ptflops": mmcv + found["silu"] + found["adaptive_avg_pool2d"],
        "torchinfo": found["torchinfo"],
    }
    assert {title: f"{value / 1e9:.4f}" for title, value in said.items()} == {title: TABLE[title][name] for title in said}


def test_a_counter_that_is_not_installed(monkeypatch, capsys):
    def missing(model):
        raise ModuleNotFoundError("No module named 'fvcore'", name="fvcore")

    monkeypatch.setattr(counters, "ROWS", {"fvcore": missing})
    counters.main()
    assert "| fvcore | fvcore is not installed: pip install fvcore |" in capsys.readouterr().out
