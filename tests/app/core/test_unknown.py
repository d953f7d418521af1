"""Scores of logits, and the verdict that a checkpoint's file gives."""

import json
import math

import numpy as np
import pytest
import torch

import hatnet
from app.core import checkpoints, unknown

FILE = {
    "score": "energy",
    "threshold": 2.0,
    "rows": [
        {"g1": [8, 7, 7], "g2": [8, 4, 2], "false_alarms": 0.2, "misses": 0.3},
        {"g1": [1, 1, 1], "g2": [8, 4, 2], "false_alarms": 0.4, "misses": 0.1},
    ],
}


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """The folder of the measured rules, empty; `describe` is asked before."""
    known = checkpoints.describe("objects224")
    monkeypatch.setattr(hatnet.checkpoints, "SHIPPED", tmp_path)
    return tmp_path, known


def test_scores_by_hand():
    """Of the logits log 1, log 2, log 5: probabilities 1/8, 2/8, 5/8. A constant added to all moves energy and logit by as much."""
    logits = torch.tensor([1.0, 2.0, 5.0]).log()
    found = {name: float(score(logits)) for name, score in unknown.SCORES.items()}
    entropy = -sum(p * math.log(p) for p in (1 / 8, 2 / 8, 5 / 8))
    assert found == pytest.approx({"softmax": 5 / 8, "logit": math.log(5), "energy": math.log(8), "entropy": -entropy})
    moved = {name: float(score(logits + 3)) - found[name] for name, score in unknown.SCORES.items()}
    assert moved == pytest.approx({"softmax": 0, "logit": 3, "energy": 3, "entropy": 0}, abs=1e-6)
    batch = torch.stack([logits, logits.flip(0)])
    assert all(score(batch).tolist() == pytest.approx([found[name]] * 2) for name, score in unknown.SCORES.items())
    assert float(unknown.SCORES["entropy"](torch.tensor([0.0, -1e9]))) == 0


def test_the_verdict_is_the_file_s(shipped):
    folder, known = shipped
    trained = known.config.g1, known.config.g2
    low, high = np.zeros(3, np.float32), np.full(3, 1.0, np.float32)  # energies log 3 and 1 + log 3
    assert unknown.verdict(low, known, *trained) is None  # nothing was measured
    (folder / "objects224.unknown.json").write_text(json.dumps(FILE))
    assert unknown.verdict(low, known, *trained) == unknown.Verdict(unknown=True, rates=unknown.Rates(false_alarms=0.2, misses=0.3))
    assert not unknown.verdict(high, known, *trained).unknown
    assert unknown.verdict(low, known, (1, 1, 1), (8, 4, 2)).rates == unknown.Rates(false_alarms=0.4, misses=0.1)
    elsewhere = unknown.verdict(low, known, (2, 7, 7), (8, 4, 2))
    assert elsewhere.unknown and elsewhere.rates is None


@pytest.mark.parametrize("broken", ["{", "[]", json.dumps({"score": "energy"})])
def test_a_broken_file_is_no_rule_and_stands_in_the_log(shipped, broken, log):
    folder, known = shipped
    (folder / "objects224.unknown.json").write_text(broken)
    assert unknown.verdict(np.zeros(3, np.float32), known, known.config.g1, known.config.g2) is None
    assert any("objects224.unknown.json" in record.getMessage() for record in log)
    log.clear()


def test_the_shipped_rule_is_of_the_shipped_checkpoint():
    """Its first row is of the G1 and G2 of the training, and each row says how sure it is."""
    for path in hatnet.checkpoints.SHIPPED.glob("*.unknown.json"):
        file, info = json.loads(path.read_text(encoding="utf-8")), hatnet.checkpoint_info(path.name.removesuffix(".unknown.json"))
        first = file["rows"][0]
        assert (tuple(first["g1"]), tuple(first["g2"])) == (info.config.g1, info.config.g2)
        assert file["score"] == max(file["scores"], key=lambda name: file["scores"][name]["auroc_choosing"])
        for row in file["rows"]:
            for name in ("false_alarms", "misses"):
                low, high = row[f"{name}_interval"]
                assert low <= row[name] <= high
