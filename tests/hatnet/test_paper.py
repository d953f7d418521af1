"""The paper's figures, held against what its text says of them, and against the code's own sizes."""

import re

import pytest

import hatnet
from hatnet import paper


def second_best(rows, value):
    """By how much each HAT-Net is better than the best other row of its group."""
    found = []
    for name, printed in paper.NAMES.items():
        group = {getattr(row, "model", None) or row.backbone: value(row) for row in rows if row.group == name}
        found.append(round(group.pop(printed) - max(group.values()), 1))
    return found


def test_the_tables_have_the_rows_of_the_paper():
    assert (len(paper.TABLE_2), len(paper.TABLE_3), len(paper.TABLE_4), len(paper.TABLE_5)) == (45, 23, 19, 4)
    for rows, name in ((paper.TABLE_2, "model"), (paper.TABLE_3, "backbone"), (paper.TABLE_4, "backbone")):
        names = [getattr(row, name) for row in rows]
        assert len(set(names)) == len(names) and set(paper.NAMES.values()) < set(names)
        assert list(dict.fromkeys(row.group for row in rows)) == list(paper.NAMES)
    assert all(len(row.boxes) == len(paper.RETINANET) and len(row.masks) == len(paper.MASK_RCNN) for row in paper.TABLE_4)


def test_hat_net_is_ahead_by_what_the_text_says():
    """Sections 4.1 and 4.2."""
    assert second_best(paper.TABLE_2, lambda row: row.top1) == [1.1, 0.6, 0.8, 0.6]
    assert second_best(paper.TABLE_3, lambda row: row.miou) == [1.9, 0.4, 1.9, 0.7]


@pytest.mark.parametrize(
    ("ours", "theirs", "figures", "said"),
    [
        ("HAT-Net-Small", "Twins-SVT-S", lambda row: row.boxes[:3], [1.8, 1.6, 1.8]),
        ("HAT-Net-Large", "Twins-SVT-B", lambda row: row.boxes[:3], [1.0, 0.5, 1.5]),
        ("HAT-Net-Large", "Twins-SVT-B", lambda row: row.masks[:3], [2.2, 1.7, 2.8]),
        ("HAT-Net-Large", "Twins-SVT-B", lambda row: row.masks[3:], [1.6, 2.0, 1.8]),
    ],
)
def test_detection_is_ahead_by_what_section_4_3_says(ours, theirs, figures, said):
    rows = {row.backbone: figures(row) for row in paper.TABLE_4}
    assert [round(a - b, 1) for a, b in zip(rows[ours], rows[theirs], strict=True)] == said


def test_medium_figures_grow_with_the_model():
    """A slip of the keyboard would stand out: parameters and FLOPs grow from tiny to large in every table."""
    for figures in (
        [(paper.classifier(name).parameters, paper.classifier(name).flops) for name in paper.NAMES],
        *([paper.dense_row(head, name) for name in paper.NAMES] for head in paper.HEADS),
    ):
        assert figures == sorted(figures) and [flops for _, flops in figures] == sorted(flops for _, flops in figures)


def test_table_1_is_what_the_code_builds():
    for name, stages in paper.TABLE_1.items():
        config = hatnet.VARIANTS[name]
        assert [tuple(stage) for stage in stages] == list(zip(config.dims, config.kernels, config.expansions, config.depths, strict=True))
        assert (config.stem_dim, config.stem_strides) == (paper.STEM_CHANNELS, (paper.STEM_STRIDE,) * 2)


def test_timm_knows_the_peers_by_their_names():
    timm = pytest.importorskip("timm")
    assert set(paper.TIMM.values()) <= set(timm.list_models())
    assert set(paper.TIMM) <= {row.plain for row in paper.TABLE_2}


def test_signs_are_no_part_of_a_name():
    signed = {row.model: row.plain for row in paper.TABLE_2 if re.search(r"[*†]$", row.model)}
    assert signed["ResNet18*"] == "ResNet18" and signed["ViT-B/16†"] == "ViT-B/16" and len(signed) == 9
