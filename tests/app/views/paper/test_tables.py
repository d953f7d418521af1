"""The paper's tables as they are drawn: its figures as printed, ours as counted, and a reason where they differ."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

import hatnet
from app.views.paper import counts, experiments, tables
from hatnet import paper

ROOT = Path(__file__).parents[4]
COUNTING = (ROOT / "docs" / "counting.md").read_text(encoding="utf-8")


@pytest.fixture
def documented(monkeypatch):
    """The dense models as docs/counting.md has them, which another test holds against the models: counting all takes long."""
    found = {}
    rows = re.findall(r"^\| ([\w -]+), \d+ × \d+ \| (hatnet_\w+) \| ([\d,]+) \| [\d.]+ \| ([\d.| ]+) \| [\d.]+ \|$", COUNTING, re.M)
    for head, name, parameters, macs in rows:
        linear, _, total, norms = (float(value) * 1e9 for value in macs.split(" | "))
        found[head, name] = (
            int(parameters.replace(",", "")),
            SimpleNamespace(with_norms=norms, total=total, normalised=(norms - linear) / 2),
        )
    monkeypatch.setattr(counts, "dense", lambda head, name: found[head, name])
    return found


def row_of(table, name):
    return next(row for row in table.rows if row.name == name)


def texts(table, name):
    return [cell.shown for cell in row_of(table, name).cells]


def test_table_1_has_the_same_sizes_in_the_code():
    table = tables.table(1)
    tiny = [cell.text for cell in row_of(table, "4: H-MHSA, MLP").cells[:2]]
    # docs/counting.md: 0.9653 G and 0.0553 G in stage 4 of the tiny one.
    assert tiny[0] == "C = 240, K = 3, E = 4, × 6" and tiny[1].endswith("M, 1.021 G")
    assert all(cell.agrees for row in table.rows for cell in row.cells if cell.ours)
    assert texts(table, "#Param, M") == ["12.7", "= 12.650", "25.7", "= 25.739", "42.9", "= 42.926", "63.1", "= 63.109"]


def test_a_size_that_differs_is_seen(monkeypatch):
    printed = dict(paper.TABLE_1)
    printed["hatnet_tiny"] = (*printed["hatnet_tiny"][:3], printed["hatnet_tiny"][3]._replace(blocks=4))
    monkeypatch.setattr(paper, "TABLE_1", printed)
    cell = row_of(tables.table(1), "5: H-MHSA, MLP").cells[1]
    assert cell.agrees is False and "other sizes in the code" in cell.said


def test_table_2_counts_each_hat_net_in_both_conventions():
    table = tables.table(2)
    assert len(table.rows) == 45
    # docs/counting.md has 1.9768 and 2.1281 G.
    assert texts(table, "HAT-Net-Tiny") == ["12.7", "= 12.650", "2.0", "= 1.977", "≠ 2.128", "79.8", "to run"]
    assert texts(table, "HAT-Net-Large") == ["63.1", "= 63.109", "11.5", "= 11.467", "≠ 12.075", "84.2", "to run"]
    why = row_of(table, "HAT-Net-Tiny").cells[4]
    assert "leaves the products QKᵀ and AV out" in why.words and "python -m hatnet" in why.words
    run = row_of(table, "HAT-Net-Tiny").cells[6]
    assert "not measured by this project" in run.said and "train_small.py eval" in run.command


@pytest.mark.skipif(not (ROOT / counts.PEERS).exists(), reason="nothing was measured in this checkout")
def test_table_2_shows_which_convention_a_peer_s_row_follows():
    table = tables.table(2)
    assert texts(table, "DeiT-S/16")[3:5] == ["≠ 4.241", "= 4.599"]  # with the products
    assert texts(table, "Twins-SVT-S")[3:5] == ["= 2.809", "≠ 2.927"]  # without them
    assert texts(table, "ResNet50")[3:5] == ["= 4.089", "= 4.089"]  # it has none
    assert "other convention" in row_of(table, "DeiT-S/16").cells[3].why and row_of(table, "DeiT-S/16").cells[4].why == ""


def test_without_what_was_measured_the_command_stands_there(monkeypatch, tmp_path):
    monkeypatch.setattr(counts, "ROOT", tmp_path)
    assert counts.peers() is None and counts.points() == {}
    cell = row_of(tables.table(2), "ResNet50").cells[1]
    assert cell.text == "to run" and "--models resnet50" in cell.command


def test_a_damaged_file_is_named(monkeypatch, tmp_path, log):
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / counts.PEERS).write_text('{"header": {}}')
    monkeypatch.setattr(counts, "ROOT", tmp_path)
    with pytest.raises(ValueError, match=r"peers\.json is not what benchmarks/model\.py writes"):
        counts.peers()
    assert any("peers.json" in record.getMessage() for record in log)
    log.clear()


@pytest.mark.parametrize(("number", "at"), [(3, (0,)), (4, (0, 11))], ids=["Table 3", "Table 4"])
def test_dense_parameters_agree_but_for_the_tiny_one_and_no_count_does(documented, number, at):
    table = tables.table(number)
    for printed in paper.NAMES.values():
        cells = row_of(table, printed).cells
        for start in at:
            parameters, without, both = cells[start + 1], cells[start + 3], cells[start + 4]
            # 73,045,588 parameters; 73,069,140 with the release's proj_norm, which rounds to the paper's 73.1.
            unused = (number, start, printed) == (4, 0, "HAT-Net-Large")
            assert parameters.agrees is (printed != "HAT-Net-Tiny" and not unused)
            assert ("With proj_norm" in parameters.why) is unused
            assert without.agrees is False and both.agrees is False
            assert "No count gives the paper’s figure" in both.words and re.search(r"Here it is \d+\.\d % lower", both.words)
    tiny = row_of(table, "HAT-Net-Tiny").cells[1]
    assert "0.57 M lower" in tiny.why and "benchmarks/dense.py" in tiny.command


def test_table_4_has_every_figure_in_its_column(documented):
    columns = tables.table(4).columns()
    assert len(columns) == 23, "no heading stands twice"
    small = columns["Backbone"].index("HAT-Net-Small")
    assert columns["Instances: Mask R-CNN APᵐ₇₅"][small] == "44.3" and columns["Detection: RetinaNet AP_L"][small] == "59.5"
    assert columns["Instances: Mask R-CNN #FLOPs, G paper"][small] == "305"


def test_a_head_is_counted_as_the_document_says():
    parameters, macs = counts.dense("Semantic FPN", "hatnet_tiny")
    assert f"{parameters:,}" == "16,466,262" and round(macs.total / 1e9, 4) == 32.5952


def test_table_5_has_our_trainings_beside_the_designs():
    table, found = tables.table(5), experiments.found()
    column = 3 + [each.file for each in found].index("hatnet/shipped/cifar10.reaches.json")
    summary = {
        row["arm"]: row for row in json.loads((hatnet.checkpoints.SHIPPED / "cifar10.reaches.json").read_text(encoding="utf-8"))["summary"]
    }
    for name, arm in (("Design 1", "window"), ("Design 4", "hierarchical"), ("Pooled keys only", "pooled")):
        cell = row_of(table, name).cells[column]
        assert cell.text == f"{100 * summary[arm]['mean']:.1f} ± {100 * summary[arm]['sd']:.1f}" and "two trainings" in cell.said
    assert row_of(table, "Design 2").cells[column].command.endswith("--stages")
    assert [cell.text for cell in row_of(table, "Design 3").cells[:3]] == ["2, 3", "78.4", "42.5"]


def test_what_the_page_says_of_our_trainings_is_what_was_measured():
    arms = {each.title: {arm: mean for arm, (mean, _, _) in each.arms.items()} for each in experiments.found()}
    assert max(arms["cifar10"].values()) - min(arms["cifar10"].values()) < 0.01, "they hardly differ"
    cards = arms["cards, far question"]
    assert max(cards[arm] for arm in ("window", "shifted_window", "full")) < 0.27 and min(cards["hierarchical"], cards["pooled"]) > 0.9


def test_arms_stage_by_stage_find_their_designs():
    arms = dict.fromkeys(("window", "hierarchical, window, window", "hierarchical, hierarchical, window", "hierarchical"))
    found = experiments.Experiment(title="", arms={arm: (n / 10, None, 1) for n, arm in enumerate(arms)}, said="", file="", command="")
    assert [found.of_design(design)[0] for design in paper.TABLE_5] == [0, 0.1, 0.2, 0.3]
    del found.arms["hierarchical, window, window"]
    assert found.of_design(paper.TABLE_5[1]) is None


def test_every_figure_of_ours_says_where_it_comes_from(documented):
    for number in tables.TITLES:
        table = tables.table(number)
        width = sum(heading.across for heading in table.head[0])
        for row in table.rows:
            assert len(row.cells) == width - 1
            for cell in row.cells:
                assert not cell.text or (cell.said and (cell.source or cell.command)), (number, row.name, cell)
                assert cell.agrees is not False or cell.why or number == 1, (number, row.name, cell)
        assert table.ours() and all(len(sentence) > 40 for sentence in table.ours())
