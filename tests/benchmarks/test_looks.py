"""A head's share of attention on an object, against counts by hand; composed pictures, against what was pasted."""

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks import looks
from hatnet import attention_maps, cards
from hatnet.geometry import layout_of
from hatnet.maps import AttentionMap
from tests.hatnet.models import short


def record(kind, weights, g1, g2):
    """A map of 2 x 4 tokens with these weights [windows, heads, n, m]."""
    layout = layout_of("window" if kind == "local" else "pooled", 2, 4, g1, g2)
    return AttentionMap(
        stage=2, block=0, kind=kind, g1=g1, g2=g2, heads=weights.shape[1], images=1, layout=layout, rows={}, weights=weights
    )


def test_a_local_head_by_hand():
    """Two windows of four tokens; one token of the first is object, the second has none and does not count."""
    everything = torch.tensor([1.0, 0, 0, 0]).expand(4, 4)
    even, nothing = torch.full((4, 4), 0.25), torch.tensor([0, 0.5, 0.5, 0]).expand(4, 4)
    weights = torch.stack([torch.stack([everything, even, nothing])] * 2)
    covered = torch.zeros(1, 1, 2, 4)
    covered[0, 0, 0, 0] = 1
    found = looks.times_even(record("local", weights, 2, 2), covered, torch.ones(1, 1, 2, 4))
    torch.testing.assert_close(found, torch.tensor([[[4.0, 1.0, 0.0]]]))  # 1 against 1/4
    covered[..., 2:] = 1  # a window that is all object says nothing either
    found = looks.times_even(record("local", weights, 2, 2), covered, torch.ones(1, 1, 2, 4))
    torch.testing.assert_close(found, torch.tensor([[[4.0, 1.0, 0.0]]]))
    covered[..., 2:] = 0
    covered[0, 0, 0, 0] = 0.5  # half object: half the attention, against half the area
    torch.testing.assert_close(
        looks.times_even(record("local", weights, 2, 2), covered, torch.ones(1, 1, 2, 4))[0, 0, 0], torch.tensor(4.0)
    )
    asking = torch.zeros(1, 1, 2, 4)
    asking[..., 2:] = 1  # only the tokens of the second window
    assert looks.times_even(record("local", weights, 2, 2), covered, asking).isnan().all()


def test_a_global_head_by_hand():
    """Two cells: the left one is half object. The query at (0, 0) gives it 0.8, all others 0.1: 0.4 and 0.05 against 1/4."""
    weights = torch.tensor([0.1, 0.9]).repeat(1, 1, 8, 1)
    weights[0, 0, 0] = torch.tensor([0.8, 0.2])
    covered = torch.zeros(1, 1, 2, 4)
    covered[0, 0, :, 0] = 1
    first = torch.zeros(1, 1, 2, 4)
    first[0, 0, 0, 0] = 1
    asking = torch.cat([first, 1 - first, torch.ones_like(first)], dim=1)
    found = looks.times_even(record("global", weights, 2, 2), covered, asking)[:, 0, 0]
    torch.testing.assert_close(found, torch.tensor([1.6, 0.2, (0.4 + 7 * 0.05) / 2]))


def test_against_the_rows_of_the_maps():
    """Token by token with `AttentionMap.on_grid`, windows that hang over the edge and partial cells too."""
    model = short("hatnet_compact")
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    covered = (torch.rand(2, 1, 16, 16, generator=torch.Generator().manual_seed(2)) - 0.3).clamp(0)
    with torch.inference_mode():
        maps = attention_maps(model, images, g1=(5, 4), g2=(3, 2))[1][:2]
    for record in maps:
        found = looks.times_even(record, covered, torch.ones_like(covered))[0]
        for image in range(2):
            given, even = torch.zeros(record.heads), 0.0
            for y in range(16):
                for x in range(16):
                    weights, keys = record.on_grid(y, x, image), covered[image, 0]
                    given += (weights * keys).sum((1, 2))
                    if record.kind == "local":
                        top, left, height, width = record.window(y, x)
                        even += keys[top : top + height, left : left + width].mean().item()
                    else:
                        even += np.mean([keys[i : i + 3, j : j + 3].mean().item() for i in range(0, 16, 3) for j in range(0, 16, 3)])
            torch.testing.assert_close(found[image], given / even, atol=1e-4, rtol=1e-4)


def test_what_was_pasted_is_where_the_mask_says(monkeypatch):
    magenta, mask = Image.new("RGB", (90, 60), (255, 0, 255)), Image.new("L", (90, 60), 255)
    monkeypatch.setattr(looks, "cut_out", lambda name, outline: (magenta, mask))
    monkeypatch.setattr(looks, "background", lambda name, box, random: Image.new("RGB", (50, 50), (0, 255, 0)))
    scenes = looks.composed(16, 3, 64)
    pasted = (scenes.pixels[:, :1] == 255).float()
    assert torch.equal(pasted, scenes.object) and ((scenes.pixels[:, 1:2] == 255).float() == 1 - pasted).all()
    for one in scenes.object[:, 0]:
        height, width = int(one.any(1).sum()), int(one.any(0).sum())
        assert 0.4 * 64 - 1 <= width <= 0.7 * 64 + 1 and abs(height - width * 2 / 3) <= 1 and one.sum() == height * width
    assert len({tuple(one.nonzero()[0].tolist()) for one in scenes.object[:, 0]}) > 10, "places differ"
    assert sorted(scenes.groups) == sorted(list(looks.json.loads(looks.OUTLINES.read_text())["objects"]) * 2)


def test_composed_pictures_come_from_the_seed():
    first, again, other = (looks.composed(8, seed, 64) for seed in (0, 0, 1))
    assert torch.equal(first.pixels, again.pixels) and torch.equal(first.object, again.object)
    assert not torch.equal(first.object, other.object)
    assert (first.object.flatten(1).mean(1) > 0.03).all() and (first.object.flatten(1).mean(1) < 0.5).all()


def test_an_object_is_cut_out_along_its_outline():
    picture, mask = looks.cut_out("cow", [[200, 200], [300, 200], [300, 250], [200, 250]])
    whole = Image.open(looks.FOLDER / "cow.jpg").convert("RGB")
    assert np.array_equal(np.array(picture), np.array(whole.crop((200, 200, 301, 251)))) and np.array(mask).min() == 255
    _, mask = looks.cut_out("cow", [[200, 200], [300, 200], [200, 300]])
    assert np.array(mask).mean() / 255 == pytest.approx(0.5, abs=0.02)


def test_the_marked_card_has_all_magenta_rings():
    scenes = looks.drawn(5, 4)
    red, green, blue = scenes.pixels.float().unbind(1)
    rings = (red > 150) & (blue > 150) & (green < 120)
    assert rings.any((1, 2)).all() and not (rings & (scenes.object[:, 0] == 0)).any()
    assert (
        (scenes.object.sum((1, 2, 3)) == 144).all() and scenes.asking[:, 0, :12, :12].all() and (scenes.asking.sum((1, 2, 3)) == 144).all()
    )
    assert cards.ASKER == 0


def test_the_interval_is_that_of_a_mean():
    values = np.random.default_rng(1).normal(2, 1, 400)
    mean, low, high = looks.interval(values, looks.redrawn([str(n) for n in range(400)]))
    error = 1.96 * values.std() / 20
    assert mean == pytest.approx(values.mean()) and (low, high) == pytest.approx((mean - error, mean + error), abs=0.02)


def test_pictures_of_one_object_are_not_so_many_cases():
    """Eight objects whose pictures are all alike are eight cases, not 400."""
    objects = np.random.default_rng(2).normal(0, 1, 8)
    groups = [str(n % 8) for n in range(400)]
    mean, low, high = looks.interval(np.tile(objects, 50), looks.redrawn(groups))
    error = 1.96 * objects.std() / np.sqrt(8)
    assert (low, high) == pytest.approx((mean - error, mean + error), abs=0.12)
    values = np.tile(objects, 50)
    values[::2] = np.nan
    assert looks.interval(values, looks.redrawn(groups))[0] == pytest.approx(objects[1::2].mean())
    assert looks.interval(np.full(400, np.nan), looks.redrawn(groups)) is None


def test_favourites_by_hand():
    """One window of three tokens. In head 1 all read token 2 most; in head 2 each reads itself most, but token 1 reads token 0."""
    p1 = torch.tensor([[[[0.1, 0.1, 0.8]] * 3, [[0.9, 0.1, 0.0], [0.6, 0.3, 0.1], [0.2, 0.2, 0.6]]]])
    x1, v1 = torch.tensor([[[1.0], [5.0], [-9.0]]]), torch.tensor([[[[1.0], [2.0], [3.0]], [[-0.5], [2.0], [1.0]]]])
    found = looks.peaks(x1, v1, p1, torch.tensor([[1.0, 0, 0]]), torch.tensor([[0.25, 0, 0.5]]))
    torch.testing.assert_close(found.weight, torch.tensor([[2.4, 2.1]]))
    torch.testing.assert_close(found.shared, torch.tensor([[1.0, 2 / 3]]))
    torch.testing.assert_close(found.own, torch.tensor([[1 / 3, 2 / 3]]))
    assert found.place.tolist() == [[2, 0]] and found.largest.tolist() == [[1, 0]] and found.smallest_value.tolist() == [[0, 1]]
    assert found.border.tolist() == [[0, 1]] and found.object.tolist() == [[0.5, 0.25]] and found.other_head.tolist() == [[0, 0]]
    same = looks.peaks(x1, v1, p1[:, :1].repeat(1, 2, 1, 1), torch.zeros(1, 3), torch.zeros(1, 3))
    assert same.other_head.tolist() == [[1, 1]]


def test_the_border_is_a_ring():
    assert looks.border(torch.zeros(1, 1, 4, 5), 1)[0, 0].tolist() == [[1] * 5, [1, 0, 0, 0, 1], [1, 0, 0, 0, 1], [1] * 5]


def test_by_lot():
    """Two keys, two queries: they agree in half of the windows, so the favourite has 3/4 of the queries."""
    found = looks.chance(2, 1)
    assert found["shared"] == pytest.approx(0.75, abs=0.02) and found["own"] == 0.5 and found["place"] == 1
