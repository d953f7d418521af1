"""The drawn cards against a reader of their pixels, and the proved floors."""

import pytest
import torch

import hatnet
from hatnet import cards
from hatnet.data import IGNORED
from hatnet.mechanisms import MECHANISMS

PATTERNS = {  # as a person would write them down
    "rows": "####....####....",
    "columns": "#.#.#.#.#.#.#.#.",
    "checker": "#.#..#.##.#..#.#",
    "diagonal": "##...##...###..#",
    "ring": "#####..##..#####",
    "x": "#..#.##..##.#..#",
    "solid": "#" * 16,
    "blank": "." * 16,
}
NAMES = {picture: name for name, picture in PATTERNS.items()}


def read_cell(pixels, cell):
    """What lies in each token of a cell: (pattern, colour) as words and a triple of lit channels."""
    y, x = divmod(cell, 4)
    tokens = []
    for top in range(12 * y, 12 * y + 12, 4):
        for left in range(12 * x, 12 * x + 12, 4):
            lit = pixels[:, top : top + 4, left : left + 4] > 127
            picture = "".join("#" if on else "." for on in lit.any(0).flatten().tolist())
            tokens.append((NAMES[picture], tuple(lit.flatten(1).any(1).tolist())))
    return tokens


def answer(tokens):
    """A card's answer, found as a person would: the cue's colour, then the glyph of that colour."""
    (cue,) = {colour for name, colour in tokens if name == "x"}
    (found,) = [name for name, colour in tokens if name in cards.CLASSES and colour == cue]
    return cards.CLASSES.index(found)


@pytest.mark.parametrize("most, full", [(4, 1.0), (2, 0.25), (1, 0.0)])
def test_labels_follow_from_the_pixels(most, full):
    drawn = cards.draw(40, torch.Generator().manual_seed(1), most, full)
    magenta, cyan = (True, False, True), (False, True, True)
    for i in range(40):
        labels, weights = drawn.labels[i].flatten(), drawn.weights[i].flatten()
        others = [cell for cell in drawn.others[i].tolist() if cell >= 0]
        marked, on_table = drawn.marked[i].item(), {drawn.marked[i].item(), *others}
        if i < 40 * full:
            assert len(on_table) == 4
        for cell in range(16):
            tokens = read_cell(drawn.pixels[i], cell)
            if cell == 0:
                assert tokens == [("solid", cyan)] * 9
                assert labels[0] == labels[marked] and weights[0] == 0.5
            elif cell not in on_table:
                assert {name for name, _ in tokens} == {"blank"}
                assert labels[cell] == IGNORED and weights[cell] == 0
            else:
                glyphs = [token for token in tokens if token[0] in cards.CLASSES]
                assert labels[cell] == answer(tokens) and weights[cell] == pytest.approx(0.5 / len(on_table))
                assert {colour for name, colour in tokens if name == "ring"} == {magenta if cell == marked else cyan}
                assert [name for name, _ in tokens].count("ring") == 3 and [name for name, _ in tokens].count("x") == 2
                assert len({name for name, _ in glyphs}) == len({colour for _, colour in glyphs}) == len(glyphs) <= most or i < 40 * full
                assert i >= 40 * full or len(glyphs) == 4
        assert not on_table & {0, 1, 4, 5}
        assert len({labels[cell].item() for cell in on_table}) == len(on_table)


def test_answers_are_even_and_draws_repeat():
    drawn = cards.draw(4000, torch.Generator().manual_seed(0))
    again = cards.draw(4000, torch.Generator().manual_seed(0))
    assert all(torch.equal(a, b) for a, b in zip(drawn, again, strict=True))
    for value in range(4):
        assert (drawn.labels[:, 0, 0] == value).float().mean().item() == pytest.approx(0.25, abs=0.03)
    shares = torch.bincount(drawn.marked, minlength=16) / 4000
    assert shares[list(cards.FREE)].tolist() == pytest.approx([1 / 12] * 12, abs=0.02)
    assert cards.Cards().batch(3, 700, 8, 0, slice(None))[0].shape == (8, 3, 48, 48)
    whole, half = (cards.Cards().batch(3, 700, 8, 0, part)[0] for part in (slice(None), slice(1, None, 2)))
    assert torch.equal(whole[1::2], half)
    assert not torch.equal(whole, cards.Cards().batch(4, 700, 8, 0, slice(None))[0])


def test_questions_count_the_asker_and_the_cards():
    labels = cards.images(50, 0).labels
    assert cards.questions(labels, labels) == (1, 1)
    wrong = labels.clone()
    wrong[:10, 0, 0] = (wrong[:10, 0, 0] + 1) % 4
    assert cards.questions(wrong, labels) == (pytest.approx(0.8), 1)
    wrong = torch.full_like(labels, -1)
    wrong[:, 0, 0] = labels[:, 0, 0]
    assert cards.questions(wrong, labels) == (1, 0)


def asker_logits_change(attention, far):
    """The largest change of the asker's logits when the pixels of the cells `far(y, x)` are replaced, in double precision."""
    torch.manual_seed(0)
    model = hatnet.create_model("hatnet_cards", 4, attention=attention).double().eval()
    images = torch.rand(6, 3, 48, 48, dtype=torch.float64)
    other = images.clone()
    for y in range(4):
        for x in range(4):
            if far(y, x):
                other[:, :, 12 * y : 12 * y + 12, 12 * x : 12 * x + 12] = torch.rand(6, 3, 12, 12, dtype=torch.float64)
    with torch.inference_mode():
        return (model(images) - model(other))[:, :, 0, 0].abs().max().item()


def test_floor_of_the_window_arm():
    assert asker_logits_change("window", lambda y, x: (y, x) != (0, 0)) == 0
    for attention in ("hierarchical", "shifted_window", "pooled", "full"):
        assert asker_logits_change(attention, lambda y, x: (y, x) != (0, 0)) > 1e-6


def test_floor_of_the_shifted_arm():
    assert asker_logits_change("shifted_window", lambda y, x: max(y, x) == 3) == 0
    assert asker_logits_change("shifted_window", lambda y, x: max(y, x) == 2) > 1e-9
    assert asker_logits_change("hierarchical", lambda y, x: max(y, x) == 3) > 1e-6


def test_the_arms_have_the_same_weights():
    models = [hatnet.create_model("hatnet_cards", 4, attention=attention) for attention in MECHANISMS]
    shapes = [{key: value.shape for key, value in model.state_dict().items()} for model in models]
    assert all(shape == shapes[0] for shape in shapes)
    stem, head = 48 * 64 + 64 + 64 * 32 + 32, 2 * 32 + 32 * 4 + 4
    block = 5 * 2 * 32 + 7 * (32 * 32 + 32) + 2 * 32 * 64  # norms; Q1 K1 V1 Q2 K2 V2 W^p with biases; MLP without
    assert sum(p.numel() for p in models[0].parameters()) == stem + 2 * block + head
