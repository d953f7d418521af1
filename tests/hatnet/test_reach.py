"""What five mechanisms reach, against naive loops over all pairs of tokens; their maps against the models'; their costs by hand."""

import pytest
import torch

import hatnet
from hatnet.ablations import without_step
from hatnet.attention import MHSA
from hatnet.complexity import attention_macs
from hatnet.reach import LAYERS, first_reached, layer_macs, layers_to_all, layers_until, mechanism_maps, reached_after
from hatnet.rollout import rollout, through_layers, two_hop
from tests.hatnet.models import random_weights
from tests.hatnet.naive import picture


def reads(mechanism, layer, h, w, g):
    """In layer `layer` (from 1): token -> the tokens that it reads, itself included. Written without Layout."""

    def near(shift):
        def group(n, size):
            return (n - shift if size > g else n) // g  # one window is not shifted

        tokens = [(y, x) for y in range(h) for x in range(w)]
        return {a: {b for b in tokens if all(group(p, s) == group(q, s) for p, q, s in zip(a, b, (h, w), strict=True))} for a in tokens}

    if mechanism == "window":
        return near(0)
    if mechanism == "shifted_window":
        return near(0 if layer % 2 else g // 2)
    everything = {(y, x) for y in range(h) for x in range(w)}
    return dict.fromkeys(everything, everything)


@pytest.mark.parametrize("mechanism", LAYERS)
@pytest.mark.parametrize("h, w, g", [(7, 5, 3), (8, 8, 4), (5, 11, 2), (6, 3, 1), (4, 9, 5)])
def test_reach_against_a_loop_over_all_pairs(mechanism, h, w, g):
    g2 = 2
    for token in [(0, 0), (h // 2, w // 2), (h - 1, w - 1), (h - 2, 1)]:
        found = first_reached(token, (h, w), mechanism, g, g2)
        wanted = {}
        for n in range(1, 2 * max(h, w)):
            at = {token}
            for layer in range(n, 0, -1):
                of = reads(mechanism, layer, h, w, g)
                at = set().union(*(of[one] for one in at))
            for one in at:
                wanted.setdefault(one, n)
            assert reached_after(found, n) == len(at), n
        for other in ((y, x) for y in range(h) for x in range(w)):
            assert layers_until(found, other) == wanted.get(other), other
        assert layers_to_all(found) == (max(wanted.values()) if len(wanted) == h * w else None)


def test_what_is_said_of_swin_at_its_own_size():
    """56 x 56 tokens and windows of 7: by hand, one window, then the four around a shifted one."""
    found = first_reached((28, 28), (56, 56), "shifted_window", 7, 1)
    assert [reached_after(found, n) for n in (1, 2)] == [49, 196]
    assert reached_after(first_reached((28, 28), (56, 56), "window", 7, 1), 30) == 49
    assert layers_to_all(first_reached((28, 28), (56, 56), "hierarchical", 7, 8)) == 1


@pytest.mark.parametrize("mechanism", LAYERS)
def test_what_a_map_reads_is_what_is_reached(mechanism):
    """From pixels: the shares after one layer and after two are positive just where the counts say, partial windows included."""
    model = random_weights(hatnet.create_model("hatnet_compact", 10))
    with torch.inference_mode():
        layers = mechanism_maps(model, picture(0, 28, 44), mechanism, 2, 1, g1=(5, 3), g2=(3, 2))
    h, w = layers[0][0].query_grid
    assert (h, w) == (14, 22) and len(layers) == len(LAYERS[mechanism])
    for token in ((0, 0), (6, 13), (13, 21)):
        found = first_reached(token, (h, w), mechanism, 5, 3)
        for n in (1, 2):
            share = through_layers((2 * layers)[:n], [token])[0]
            assert share.sum().item() == pytest.approx(1, abs=1e-5)
            numbers = [[layers_until(found, (y, x)) or 99 for x in range(w)] for y in range(h)]
            assert torch.equal(share > 0, torch.tensor(numbers) <= n)


def test_maps_are_those_of_a_model_that_has_the_mechanism():
    """H-MHSA's own maps come back; with another mechanism, the first block of that model reads the same input with W1."""
    model = random_weights(hatnet.create_model("hatnet_compact", 10))
    images = picture(0, 32, 32)
    with torch.inference_mode():
        _, maps = hatnet.attention_maps(model, images)
        (own,) = mechanism_maps(model, images, "hierarchical", 3, 1)
        for record, wanted in zip(own, [one for one in maps if (one.stage, one.block) == (3, 1)], strict=True):
            assert record.kind == wanted.kind
            torch.testing.assert_close(record.weights, wanted.weights)
        for mechanism in ("full", "window", "pooled"):
            other = random_weights(hatnet.create_model("hatnet_compact", 10, attention=mechanism))
            other.load_state_dict(model.state_dict())
            _, theirs = hatnet.attention_maps(other, images)
            ((record,),) = mechanism_maps(model, images, mechanism, 2, 0)
            torch.testing.assert_close(record.weights, theirs[0].weights)
        before = {name: weight.clone() for name, weight in model.state_dict().items()}
        mechanism_maps(model, images, "shifted_window", 2, 0)
    assert all(torch.equal(weight, before[name]) for name, weight in model.state_dict().items())
    with pytest.raises(ValueError, match=r"unknown mechanism 'windows' \(did you mean 'window'"):
        mechanism_maps(model, images, "windows", 2, 0)
    with pytest.raises(ValueError, match="not a hierarchical stage"):
        mechanism_maps(model, images, "window", 4, 0)


def test_two_layers_are_the_product_of_their_matrices():
    model = random_weights(hatnet.create_model("hatnet_compact", 10))
    with torch.inference_mode():
        layers = mechanism_maps(model, picture(0, 26, 22), "shifted_window", 2, 0, g1=(4, 4), g2=(2, 2))
    first, second = (torch.stack([record.on_grid(y, x).mean(0).flatten() for y in range(13) for x in range(11)]) for (record,) in layers)
    torch.testing.assert_close(through_layers(layers[:1]).flatten(1), first)
    torch.testing.assert_close(through_layers(layers).flatten(1), second @ (first + torch.eye(143)) / 2)
    with pytest.raises(ValueError, match="nothing to follow"):
        through_layers([])


def test_the_two_hops_of_one_layer_are_those_of_rollout():
    model = random_weights(hatnet.create_model("hatnet_compact", 10))
    with torch.inference_mode():
        _, maps = hatnet.attention_maps(model, picture(0, 32, 32))
    torch.testing.assert_close(two_hop(*maps[:2]), through_layers([maps[:2]]))
    held = torch.zeros(16, 16)
    held[0, 0] = 1  # rollout adds the residual of the last block, which the output of a layer does not hold
    torch.testing.assert_close(
        rollout(maps[:4], (0.0, 0.0)),
        (through_layers([maps[:2], maps[2:4]], [(0, 0)])[0] + (through_layers([maps[:2]], [(0, 0)])[0] + held) / 2) / 2,
    )


def test_costs_by_hand():
    h, w, c, g1, g2 = 7, 6, 12, 3, 2
    assert layer_macs("full", h, w, c, g1, g2) == (sum(attention_macs(MHSA(c, c, lambda _: torch.nn.Identity()), h, w, c).values()),)
    padded = 9 * 6  # windows of 3 over 7 x 6 tokens
    windows = 3 * padded * c**2 + 2 * padded * 9 * c + 42 * c**2
    assert layer_macs("window", h, w, c, g1, g2) == (windows,)
    shifted = 9 * 9  # by one token: 1 + 3 + 3 rows fit into 3 windows, 1 + 3 + 2 columns into 3
    assert layer_macs("shifted_window", h, w, c, g1, g2) == (windows, 3 * shifted * c**2 + 2 * shifted * 9 * c + 42 * c**2)
    cells = 4 * 3
    assert layer_macs("pooled", h, w, c, g1, g2) == (42 * c**2 + 2 * cells * c**2 + 2 * 42 * cells * c + 42 * c**2,)
    (ours,) = layer_macs("hierarchical", h, w, c, g1, g2)
    assert ours == windows + 42 * c**2 + 2 * cells * c**2 + 2 * 42 * cells * c


@pytest.mark.parametrize("step, added", [("local", "local"), ("global", "a2")])
def test_a_step_that_is_knocked_out_adds_nothing(step, added):
    model = random_weights(hatnet.create_model("hatnet_compact", 10))
    images = picture(0, 32, 32)
    before = model(images)
    without = without_step(model, step)
    torch.testing.assert_close(model(images), before)  # the model itself is as it was
    assert not torch.allclose(without(images), before)
    for stage, (_, traces) in zip((2, 3), without.run(images, traced=True), strict=False):
        for trace in traces:
            assert not getattr(trace, added).any() and getattr(trace, "a2" if added == "local" else "local").any(), stage
    with pytest.raises(ValueError, match="no step 'both'"):
        without_step(model, "both")
    with pytest.raises(ValueError, match="no stage of two steps"):
        without_step(torch.nn.Linear(2, 2), "local")
