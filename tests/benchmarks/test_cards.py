"""The cards' knock-outs hide what they say, and the pointing score finds the head that points."""

import pytest
import torch

import hatnet
from benchmarks import cards as ablation
from hatnet import attention_maps, cards, place_of
from hatnet.mechanisms import MECHANISMS


def card_model(attention, **overrides):
    torch.manual_seed(0)
    return hatnet.create_model("hatnet_cards", 4, attention=attention, **overrides).double().eval()


@torch.no_grad()
def change_by_cell(model, asker_only):
    """How much the logits of each cell [2, 16] change with the pixels of a hidden cell: 6 in one image, 9 in the other."""
    images = torch.rand(2, 3, 48, 48, dtype=torch.float64)
    other = images.clone()
    other[0, :, 12:24, 24:36] = other[1, :, 24:36, 12:24] = 0
    with ablation.hidden(torch.tensor([6, 9]), asker_only):
        hidden = (model(images) - model(other)).abs().amax(1).flatten(1)
    assert (model(images) - model(other)).abs().amax(1).min() > 1e-9, "without hiding, every cell sees it"
    return hidden


@pytest.mark.parametrize("attention", ["hierarchical", "pooled", "full"])
def test_a_card_hidden_from_all(attention):
    change = change_by_cell(card_model(attention), asker_only=False)
    assert change[0, 6] > 1e-9 and change[1, 9] > 1e-9
    change[0, 6] = change[1, 9] = 0
    assert change.max() == 0


def test_a_card_hidden_from_the_asker():
    """In one block nothing can come by relay."""
    change = change_by_cell(card_model("hierarchical", depths=(1,)), asker_only=True)
    assert change[:, 0].max() == 0 and change[:, 1:].min() > 1e-9
    assert change_by_cell(card_model("hierarchical"), asker_only=True)[:, 0].min() > 1e-12


@pytest.mark.parametrize("attention", list(MECHANISMS))
def test_mass_by_cell(attention):
    """It sums to 1, and lies only where the mechanism attends to."""
    images = torch.rand(3, 3, 48, 48, dtype=torch.float64)
    with torch.inference_mode():
        _, maps = attention_maps(card_model(attention), images, queries=[place_of(ablation.ASKING, (12, 12))])
    for record, word in zip(maps, MECHANISMS[attention].layout_kinds * 2, strict=True):
        mass = ablation.cell_mass(record)
        assert mass.shape == (3, 2, 16)
        torch.testing.assert_close(mass.sum(-1), torch.ones(3, 2, dtype=torch.float64))
        reached = {n for n in range(16) if mass[:, :, n].max() > 0}
        assert reached == ({0} if word == "window" else {0, 1, 4, 5} & reached if word == "shifted_window" else set(range(16)))


def test_pointing_finds_the_head_that_points(monkeypatch):
    """A made-up model whose last head always looks at the marked card, and whose others look at the asker."""
    marked = []
    draw = cards.draw

    def noted(*args):
        marked.append(draw(*args))
        return marked[-1]

    monkeypatch.setattr(cards, "draw", noted)
    real = attention_maps

    def looking(model, images, queries):
        logits, maps = real(model, images, queries)
        for (image, token), row in maps[-1].rows.items():
            row = torch.zeros_like(row)
            row[0, 0, 0] = 1
            row[1].view(-1)[marked[-1].marked[image]] = 0.75
            maps[-1].rows[image, token] = row
        return logits, maps

    monkeypatch.setattr(ablation, "attention_maps", looking)
    found = ablation.pointing(card_model("hierarchical").float(), 20)
    assert found == {"pointing": 1.0, "mass": 0.75, "block_step_head": [1, "global", 1]}
