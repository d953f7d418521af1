"""MHSA and H-MHSA against a naive loop, and each path through Eq. 2 against the other."""

import pytest
import torch

import hatnet
from hatnet.attention import HMHSA, MHSA, attention_weights, merge, partition, pool
from hatnet.geometry import Layout, layout_of
from tests.hatnet.models import filled, short
from tests.hatnet.naive import hatnet as naive_hatnet
from tests.hatnet.naive import picture


@pytest.mark.parametrize(
    "height, width, g1, g2",
    [
        (32, 32, (8, 7, 7), (8, 4, 2)),  # every map is smaller than some grid
        (61, 47, (5, 3, 2), (3, 2, 3)),  # nothing divides anything
        (40, 100, (4, 99, 1), (4, 1, 99)),  # one window, one cell
    ],
)
def test_logits_and_maps_against_a_naive_loop(height, width, g1, g2):
    model, weights = filled("hatnet_tiny", num_classes=7, depths=(1, 1, 1, 1), dims=(12, 24, 36, 48), head_dim=12)
    model, weights = model.double(), {key: value.double() for key, value in weights.items()}
    images = picture(3, height, width, batch=2).double()
    with torch.inference_mode():
        logits, maps = hatnet.attention_maps(model, images, g1=g1, g2=g2)
        fused = model(images, g1=g1, g2=g2)
        for image in range(2):
            wanted, wanted_maps, _ = naive_hatnet(images[image], weights, (1, 1, 1, 1), 12, g1, g2)
            torch.testing.assert_close(logits[image], wanted, atol=1e-10, rtol=0)
            torch.testing.assert_close(fused[image], wanted, atol=1e-10, rtol=0)
            found = {}
            for m in maps:
                for y in range(m.query_grid[0]):
                    for x in range(m.query_grid[1]):
                        found[m.stage, m.block, m.kind, y, x] = m.row(y, x, image)
            assert found.keys() == wanted_maps.keys()
            for key, row in found.items():
                torch.testing.assert_close(row, wanted_maps[key], atol=1e-10, rtol=0, msg=str(key))


def test_windows_are_neighbours():
    """Neighbours share a window: a dilated grid, (i gh) for (gh i), passes every check of shapes but not this one."""
    where = partition(torch.arange(48.0).reshape(1, 1, 6, 8), Layout("window", 6, 8, 3, 4, 0, 0, 1))
    assert where[0, :, 0].tolist() == [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19]


def test_merge_undoes_partition():
    x = picture(1, 7, 9)
    for kind, g1 in (("window", 3), ("window", 4), ("shifted_window", 4), ("shifted_window", 5), ("full", 1)):
        layout = layout_of(kind, 7, 9, g1, 1)
        torch.testing.assert_close(merge(partition(x, layout), layout), x, atol=0, rtol=0)


@pytest.mark.parametrize("name", hatnet.VARIANTS)
def test_every_variant_runs_on_odd_sizes_and_explicit_equals_fused(name):
    model = short(name).double()
    for height, width in ((32, 32), (97, 65)):
        image = picture(7, height, width).double()
        with torch.inference_mode():
            torch.testing.assert_close(model(image), model(image, explicit=True), atol=1e-10, rtol=0)


def test_both_paths_give_the_same_logits_and_gradients():
    model = filled("hatnet_tiny", num_classes=10)[0]
    image = picture(9, 70, 90)

    def run(path):
        model.zero_grad()
        logits = path()
        logits.square().sum().backward()
        return logits.detach(), {key: p.grad.clone() for key, p in model.named_parameters()}

    fused, wanted = run(lambda: model(image))
    for path in (
        lambda: hatnet.attention_maps(model, image)[0],
        lambda: hatnet.attention_maps(model, image, queries=[(0.3, 0.7)])[0],
        lambda: model(image, explicit=True),
    ):
        logits, gradients = run(path)
        torch.testing.assert_close(logits, fused, atol=1e-5, rtol=0)
        for key, gradient in gradients.items():
            torch.testing.assert_close(gradient, wanted[key], atol=2e-5 * max(1, wanted[key].abs().max().item()), rtol=0, msg=key)


def test_a_window_beyond_the_map_is_one_window():
    model = filled("hatnet_tiny", num_classes=10)[0]
    image = picture(2, 64, 96)
    with torch.inference_mode():
        torch.testing.assert_close(model(image, g1=(24, 12, 6)), model(image, g1=(1000, 12, 77)), atol=1e-5, rtol=0)


def test_scaling_q_before_the_product_is_the_same():
    """The release's order, beside Eq. 2's."""
    query, key = torch.randn(2, 3, 50, 64), torch.randn(2, 3, 40, 64)
    before = ((query * 64**-0.5) @ key.mT).softmax(-1)
    torch.testing.assert_close(attention_weights(query, key), before, atol=2e-6, rtol=0)
    torch.testing.assert_close(attention_weights(query.double(), key.double()), before.double(), atol=2e-6, rtol=0)


@pytest.mark.parametrize("h, w, side", [(14, 14, 2), (14, 13, 4), (7, 9, 3), (5, 5, 8)])
def test_partial_cells_are_pooled_too(h, w, side):
    """The whole cells are those of the release, which drops the others."""
    x = torch.randn(2, 6, h, w, dtype=torch.float64)
    pooled = pool(x, side)
    for y in range(-(-h // side)):
        for left in range(-(-w // side)):
            tokens = [x[:, :, i, j] for i in range(h) for j in range(w) if (i // side, j // side) == (y, left)]
            torch.testing.assert_close(pooled[:, :, y, left], torch.stack(tokens).mean(0))
    if min(h, w) >= side:
        whole = torch.nn.functional.avg_pool2d(x, side)
        torch.testing.assert_close(pooled[:, :, : whole.shape[2], : whole.shape[3]], whole)
        assert (pooled.shape == whole.shape) == (h % side == w % side == 0)


def test_which_layers_have_biases():
    """As docs/beside_the_paper.md says: those of the attention, and not those of the MLP."""
    for module in hatnet.create_model("hatnet_compact").modules():
        if isinstance(module, HMHSA | MHSA):
            assert all(layer.bias is not None for layer in module.modules() if isinstance(layer, torch.nn.Linear))
        if isinstance(module, hatnet.blocks.MLP):
            assert module.expand.bias is module.depthwise.bias is module.reduce.bias is None
