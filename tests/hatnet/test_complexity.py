"""The formulas against numbers worked out by hand, and the counted MACs against what is executed."""

import copy
import re

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

import hatnet
from hatnet import complexity
from hatnet.mechanisms import MECHANISMS

# reference values of the released model at 224 x 224: G of convolutions and linear layers, and with the attention products
REFERENCE = {
    "hatnet_tiny": (1.9697, 2.1281),
    "hatnet_small": (4.2929, 4.5483),
    "hatnet_medium": (8.2946, 8.7773),
    "hatnet_large": (11.4403, 12.0749),
}


@pytest.mark.parametrize("name", REFERENCE)
def test_reference_counts(name):
    counted = complexity.count(hatnet.create_model(name), (224, 224))
    assert (round(counted.conv_linear / 1e9, 4), round(counted.total / 1e9, 4)) == REFERENCE[name]
    assert counted.total == counted.conv_linear + counted.attention == sum(row.macs for row in counted.rows)


class Executed(TorchDispatchMode):
    """What really runs: MACs of every matrix product and convolution that reaches the device.

    FlopCounterMode puts hooks on all modules, and with hooks an MLP computes its whole map at once: it never sees the strips.
    """

    flops = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if rule := flop_registry.get(func._overloadpacket):
            self.flops += rule(*args, **(kwargs or {}), out_val=result)
        return result


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("size", [(32, 32), (75, 141), (1024, 1024), (777, 1003), (64, 4000)])
@pytest.mark.parametrize(
    "name, overrides", [(name, {}) for name in hatnet.VARIANTS] + [("hatnet_tiny", {"attention": w}) for w in MECHANISMS]
)
def test_witness_no_more_and_no_less_is_executed(name, overrides, size, training):
    """Without numbers, on the device "meta". Explicit, because the fused kernel is one operation on some devices and several on others."""
    with torch.device("meta"):
        model = hatnet.create_model(name, 10, depths=(1,) * len(hatnet.VARIANTS[name].dims), **overrides).train(training)
        images = torch.empty(2, 3, *size)
    grids = {"g1": (5,) * len(model.config.g1), "g2": (3,) * len(model.config.g1)}
    for grid in ({}, grids):
        with Executed() as executed, torch.set_grad_enabled(training):
            model(images, explicit=True, **grid)
        assert 2 * 2 * complexity.count(model, size, **grid).total == executed.flops


@pytest.mark.parametrize("size", [(32, 32), (75, 141)])
@pytest.mark.parametrize(
    "name, overrides",
    [(name, {}) for name in hatnet.VARIANTS]
    + [("hatnet_compact", {"attention": word}) for word in MECHANISMS]
    + [("hatnet_compact", change) for change in ({"norm": "layer"}, {"stem": "patch"}, {"head_norm": True, "readout": 3}, {"g2": (1, 99)})],
)
def test_witness_every_normalised_value_is_counted(name, overrides, size):
    with torch.device("meta"):
        model = hatnet.create_model(name, 10, depths=(2,) * len(hatnet.VARIANTS[name].dims), **overrides)
    seen = []
    for module in model.modules():
        if isinstance(module, nn.GroupNorm | nn.LayerNorm):
            module.register_forward_hook(lambda _, i, o: seen.append(o.numel()))
    model(torch.empty(1, 3, *size, device="meta"))
    counted = complexity.count(model, size)
    assert counted.normalised == sum(seen)
    assert counted.with_norms == counted.conv_linear + 2 * sum(seen)


@pytest.mark.parametrize("name, size, unit", [("hatnet_tiny", (224, 320), 1e9), ("hatnet_cards", (48, 48), 1e6)])
def test_the_table_has_the_sums_of_the_rows(name, size, unit):
    model = hatnet.create_model(name)
    counted, (head, _, *rows) = complexity.count(model, size), complexity.table(model, size).splitlines()
    assert f"{size[0]} x {size[1]} pixels" in head
    said = {row[:14].strip(): [round(float(x) * unit) for x in re.findall(r"\d+\.\d+", row[14:])] for row in rows[:-3]}
    assert list(said) == ["stage 1 (stem)", *(f"stage {stage}" for stage in model.config.stages), "classifier", "all"]
    tolerance = unit * 1e-4 * len(said)
    assert said.pop("all") == pytest.approx([counted.conv_linear, counted.attention, counted.total], abs=tolerance)
    assert [sum(column) for column in zip(*said.values(), strict=True)] == pytest.approx(
        [counted.conv_linear, counted.attention, counted.total], abs=tolerance
    )


def product(n, k, m):
    """Multiply-accumulates of one matrix product, [n, k] times [k, m], counted one by one."""
    return sum(1 for _ in range(n) for _ in range(k) for _ in range(m))


def test_formulas_against_matrix_products_counted_one_by_one():
    h, w, c, g1, g2 = 4, 6, 5, 2, 2
    n, m, windows, own = h * w, 6, 6, 4  # tokens, pooled cells; windows of 2 x 2 tokens, and the tokens in each
    attended = product(n, c, n) + product(n, n, c)
    local = windows * (product(own, c, own) + product(own, own, c))
    pooled = product(n, c, m) + product(n, m, c)
    assert complexity.mhsa(h, w, c) == 3 * product(n, c, c) + attended
    assert complexity.hmhsa(h, w, c, g1, g2) == 3 * product(n, c, c) + local + product(n, c, c) + 2 * product(m, c, c) + pooled
    assert complexity.windows(h, w, c, g1) == 3 * product(n, c, c) + local + product(n, c, c)  # W^p too
    # As published, the reduction costs R^2 times what a convolution with stride R needs.
    assert complexity.spatial_reduction(h, w, c, g2) == pooled + g2**2 * product(m, g2**2 * c, c)


def test_numbers_worked_out_by_hand():
    assert complexity.mhsa(3, 5, 7) == 5355
    assert complexity.hmhsa(3, 5, 7, 2, 3) == pytest.approx(3780 + 1540 / 3)
    assert complexity.windows(3, 5, 7, 2) == 3780
    assert complexity.spatial_reduction(3, 5, 7, 2) == 3727.5
    # One window as large as the map and no pooling: two plain attentions, of which the second has its own projections.
    assert complexity.hmhsa(4, 4, 8, 4, 1) == 2 * complexity.mhsa(4, 4, 8)


@pytest.mark.parametrize("name", REFERENCE)
def test_equation_15_against_the_counted_attention(name):
    """What Eq. 15 leaves out of a real H-MHSA is W^p, HW C^2, and nothing else that is a MAC."""
    model = hatnet.create_model(name)
    rows = complexity.count(model, (224, 224)).rows
    for index, (c, g1, g2) in enumerate(zip(model.config.dims, model.config.g1, model.config.g2, strict=False)):
        side = 56 // 2**index
        counted = sum(row.macs for row in rows if row.name.startswith(f"stages.{index}.blocks.0.attn"))
        assert counted == complexity.hmhsa(side, side, c, g1, g2) + side * side * c**2


def test_the_optimum_is_taught_rightly():
    grids = range(1, 29)
    cost = {(g1, g2): complexity.hmhsa(28, 28, 96, g1, g2) for g1 in grids for g2 in grids}
    assert min(cost, key=cost.get) == (1, 28)
    common = min((step / 100 for step in range(100, 2800)), key=lambda g: complexity.hmhsa(28, 28, 96, g, g))
    assert common == pytest.approx(complexity.best_common_grid(28, 28, 96), abs=0.01)
    assert [round(complexity.best_common_grid(n, n, c), 1) for n, c in ((56, 48), (28, 96), (14, 240))] == [7.5, 5.4, 4.6]


def test_wrong_sizes():
    for size in ((16, 224), 224, (224,), (3, 224, 224), (224.5, 224), ("224", 224), None):
        with pytest.raises(ValueError, match=r"size is .*; wanted a list of 2, each a whole number from 32"):
            complexity.count(hatnet.create_model("hatnet_compact224"), size)


class Adapted(nn.Module):
    """A linear layer with a low-rank one beside it."""

    def __init__(self, layer):
        super().__init__()
        self.layer, self.down, self.up = layer, nn.Linear(layer.in_features, 2), nn.Linear(2, layer.out_features)

    def forward(self, x):
        return self.layer(x) + self.up(self.down(x))


@pytest.mark.parametrize(
    "name",
    [
        "classifier",
        "stages.0.blocks.0.mlp.expand",
        "stages.1.blocks.0.attn.qkv",
        "stages.0.blocks.0.attn.proj",
        "stages.3.blocks.0.attn.qkv",
    ],
)
def test_a_wrapped_layer_is_not_left_out_without_a_word(name):
    model = hatnet.create_model("hatnet_tiny", num_classes=7)
    model.set_submodule(name, Adapted(model.get_submodule(name)))
    with pytest.raises(ValueError, match=f"{re.escape(name)} is missing, or inside another module; only Linear is counted there"):
        complexity.count(model, (224, 224))


def test_other_layers_than_hatnet_s_are_named():
    model = hatnet.create_model("hatnet_compact")
    model.stem[0] = nn.Sequential(model.stem[0])
    with pytest.raises(ValueError, match=r"stem\.0 is missing"):
        complexity.count(model, (32, 32))
    model = hatnet.create_model("hatnet_compact")
    model.stages[0].blocks[0].register_module("adapter", nn.Linear(4, 4))
    with pytest.raises(ValueError, match=r"stages\.0\.blocks\.0\.adapter is Linear; HATNet has no layer there"):
        complexity.count(model, (32, 32))


def test_another_classifier_is_counted_as_it_is():
    model = hatnet.create_model("hatnet_compact")
    without = complexity.count(hatnet.create_model("hatnet_compact", num_classes=0), (32, 32)).total
    for classifier, macs in ((nn.Linear(model.config.dims[-1], 3), 3 * model.config.dims[-1]), (nn.Identity(), 0)):
        model.classifier = classifier
        assert complexity.count(model, (32, 32)).total == without + macs
    model.classifier = torch.compile(nn.Linear(model.config.dims[-1], 3))
    with pytest.raises(ValueError, match="classifier"):
        complexity.count(model, (32, 32))
    model.classifier = nn.Identity()
    assert complexity.count(torch.compile(model), (32, 32)).total == without


def test_a_layer_that_two_blocks_share_counts_for_both():
    model = hatnet.create_model("hatnet_compact")
    wanted = complexity.count(model, (32, 32))
    model.stages[0].blocks[1].attn.qkv = model.stages[0].blocks[0].attn.qkv
    assert complexity.count(model, (32, 32)) == wanted


def test_a_forward_that_multiplies_nothing_counts_as_nothing():
    model = hatnet.create_model("hatnet_compact")
    model.stages[0].blocks[0].attn.forward = lambda x, *_, **__: x
    rows = complexity.count(model, (32, 32)).rows
    assert not [row for row in rows if row.name.startswith("stages.0.blocks.0.attn")]
    assert [row for row in rows if row.name.startswith("stages.0.blocks.1.attn")]


@pytest.fixture(scope="module")
def dense_models():
    with torch.device("meta"):
        body = hatnet.create_model("hatnet_tiny", depths=(1, 1, 1, 1))
        made = hatnet.dense.semantic_fpn(body, 7), hatnet.dense.retinanet(body, 7), hatnet.dense.mask_rcnn(body, 7)
    return [model.eval() for model in made]


@pytest.mark.parametrize("size", [(800, 1280), (75, 141)])
def test_witness_no_more_and_no_less_of_a_dense_model_is_executed(dense_models, size):
    """On the device "meta", where regions cannot be chosen: Mask R-CNN's heads are given as many as it keeps at most."""
    for grid in ({}, {"g1": (5, 4, 3), "g2": (3, 2, 1)}):
        for model in dense_models:
            h, w = size if isinstance(model, hatnet.dense.SemanticFPN) else (-(-side // 32) * 32 for side in size)
            images = torch.empty(1, 3, h, w, device="meta")
            with Executed() as executed, torch.no_grad():
                if isinstance(model, hatnet.dense.SemanticFPN):
                    model(images, explicit=True, **grid)
                else:
                    levels = list(model.backbone(images, explicit=True, **grid).values())
                    if isinstance(model, hatnet.dense.RetinaNet):
                        model.head(levels)
                    else:
                        model.rpn.head(levels)
                        anchors = [3 * level.shape[2] * level.shape[3] for level in levels]
                        regions = min(1000, sum(min(1000, count) for count in anchors))
                        heads = model.roi_heads
                        heads.box_predictor(heads.box_head(torch.empty(regions, 256, 7, 7, device="meta")))
                        heads.mask_predictor(heads.mask_head(torch.empty(100, 256, 14, 14, device="meta")))
            assert 2 * complexity.count(model, size, **grid).total == executed.flops


def test_witness_mask_r_cnn_as_it_runs():
    """With numbers, from an image to its masks: twelve regions, of which it keeps five."""
    model = hatnet.dense.mask_rcnn(
        hatnet.create_model("hatnet_compact224", depths=(1, 1, 1, 1)), 3, channels=8, min_size=75, max_size=141,
        rpn_post_nms_top_n_test=12, rpn_nms_thresh=1.0, box_score_thresh=0.0, box_nms_thresh=1.0, box_detections_per_img=5,
    ).eval()  # fmt: skip
    with Executed() as executed, torch.no_grad():
        (found,) = model([torch.rand(3, 75, 141)], explicit=True)
    assert len(found["boxes"]) == 5
    assert 2 * complexity.count(model, (75, 141)).total == executed.flops


def test_a_dense_model_s_norms_and_rows(dense_models):
    for model in dense_models:
        seen, counted = [], complexity.count(nn.DataParallel(model), (64, 96))
        norms = [module for module in model.modules() if isinstance(module, nn.GroupNorm | nn.BatchNorm2d)]
        hooks = [norm.register_forward_hook(lambda _, i, o, seen=seen: seen.append(o.numel())) for norm in norms]
        images = torch.empty(1, 3, 64, 96, device="meta")
        (model if isinstance(model, hatnet.dense.SemanticFPN) else model.backbone)(images)
        for hook in hooks:
            hook.remove()
        assert counted.normalised == sum(seen) > 0
        assert counted.total == sum(row.macs for row in counted.rows)
        modules = dict(model.named_modules())
        names = [row.name.removesuffix(".products").removesuffix(".local").removesuffix(".global") for row in counted.rows]
        assert all(name in modules for name in names) and len({row.name for row in counted.rows}) == len(names)
        said = [line[:14].strip() for line in complexity.table(model, (64, 96)).splitlines()[2:-3]]
        heads = {"SemanticFPN": ["head"], "RetinaNet": ["head"], "MaskRCNN": ["proposals", "regions"]}[type(model).__name__]
        assert said == ["stage 1 (stem)", *(f"stage {number}" for number in (2, 3, 4, 5)), "pyramid", *heads, "all"]
        assert "no count gives the paper's" in complexity.table(model, (64, 96))


def test_a_dense_model_s_layers_are_not_left_out_without_a_word(dense_models):
    segment, detect, _ = copy.deepcopy(dense_models)
    segment.head.classifier = Adapted(nn.Linear(4, 4))
    with pytest.raises(ValueError, match=r"head\.classifier is missing, or inside another module, which is not counted there"):
        complexity.count(segment, (64, 64))
    detect.head.register_module("adapter", nn.Linear(4, 4))
    with pytest.raises(ValueError, match=r"head\.adapter is Linear, which is not counted there"):
        complexity.count(detect, (64, 64))
    detect.backbone.body.stages[0].blocks[0].attn.qkv = Adapted(nn.Linear(4, 4))
    with pytest.raises(ValueError, match=r"stages\.0\.blocks\.0\.attn\.qkv is missing, or inside another module"):
        complexity.count(detect, (64, 64))
    with pytest.raises(ValueError, match=r"size is \(16, 64\); wanted a list of 2, each a whole number from 32"):
        complexity.count(detect, (16, 64))
    with pytest.raises(ValueError, match="the model is a Linear; wanted a HATNet"):
        complexity.count(nn.Linear(2, 2), (64, 64))
