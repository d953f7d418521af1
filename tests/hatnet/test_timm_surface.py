"""What timm's users do with a model, done with timm itself and compared with what HAT-Net computes in its own way."""

import copy
import math
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

import hatnet
from hatnet.optimiser import adamw
from hatnet.recipe import Recipe
from tests.hatnet.models import random_weights
from tests.hatnet.naive import picture
from tests.hatnet.timm_here import timm, timm_data, timm_models, timm_optim

IMAGES = picture(0, 37, 50, batch=2)


def small(**changes):
    return random_weights(hatnet.create_model("hatnet_compact", 10, **{"depths": (2, 1, 1)} | changes))


@pytest.mark.parametrize("changes", [{}, {"readout": 2, "head_norm": True}])
def test_the_head_takes_what_the_features_give(changes):
    model = small(**changes)
    with torch.no_grad():
        features, wanted = model.forward_features(IMAGES), model(IMAGES)
        assert torch.equal(model.forward_head(features), wanted) and torch.equal(model.forward_head(features[-1]), wanted)
        assert torch.equal(model.forward_head(tuple(features)), wanted)
        before = model.forward_head(features, pre_logits=True)
        assert before.shape[:2] == (2, model.num_features)
        found = nn.functional.linear(before.movedim(1, -1), model.classifier.weight, model.classifier.bias).movedim(-1, 1)
        torch.testing.assert_close(found, wanted, atol=1e-5, rtol=0)
        model.reset_classifier(0)
        assert torch.equal(model(IMAGES), before)


def test_another_classifier(tmp_path):
    model = small().train()
    kept = {key: value.clone() for key, value in model.state_dict().items()}
    assert model.get_classifier() is model.classifier and model.num_classes == 10
    model.double().reset_classifier(3)
    head = model.get_classifier()
    assert (head.out_features, head.weight.dtype, head.bias.abs().max(), model.config.num_classes) == (3, torch.float64, 0, 3)
    assert 0.9 < head.weight.std() * math.sqrt(192) < 1.1 and head.training  # 1 / sqrt(fan-in), as at first
    assert model(IMAGES.double()).shape == (2, 3)
    assert all(torch.equal(value, kept[key].double()) for key, value in model.state_dict().items() if not key.startswith("classifier"))
    info = {"classes": list("abc"), "mean": [0.5] * 3, "std": [0.25] * 3, "image_size": 32, "data": "letters", "accuracy": 0.75}
    hatnet.save_checkpoint(model, tmp_path / "a.safetensors", info)
    loaded = hatnet.load_checkpoint(tmp_path / "a.safetensors")
    torch.testing.assert_close(loaded(IMAGES), model.eval().float()(IMAGES), atol=1e-5, rtol=0)
    for arguments, words in (
        ((-1,), "num_classes is -1"),
        ((2.5,), "num_classes is 2.5"),
        ((3, "max"), "global_pool is 'max'; wanted 'avg'"),
    ):
        with pytest.raises(ValueError, match=words):
            model.reset_classifier(*arguments)
    assert model.num_classes == 3


def test_a_checkpoint_with_another_number_of_classes():
    whole, other, none = (hatnet.load_checkpoint("cifar10", num_classes=number) for number in (10, 5, 0))
    assert whole.config == hatnet.checkpoint_info("cifar10").config and not other.training
    with torch.no_grad():
        assert other(IMAGES).shape == (2, 5) and torch.equal(whole(IMAGES), hatnet.load_checkpoint("cifar10")(IMAGES))
        assert torch.equal(none(IMAGES), whole.forward_head(whole.forward_features(IMAGES), pre_logits=True))
        assert torch.equal(none(IMAGES), other.forward_head(other.forward_features(IMAGES), pre_logits=True))
    with pytest.raises(ValueError, match="num_classes is -1"):
        hatnet.load_checkpoint("cifar10", num_classes=-1)


@pytest.mark.parametrize("indices, wanted", [(None, [0, 1, 2]), (2, [1, 2]), ([0, -1], [0, 2]), ((1,), [1])])
def test_intermediates(indices, wanted):
    model, ran = small(), []
    for index, stage in enumerate(model.stages):
        stage.register_forward_hook(lambda *_, index=index: ran.append(index))
    with torch.no_grad():
        maps = model.forward_features(IMAGES)
        last, found = model.forward_intermediates(IMAGES, indices)
        assert torch.equal(last, maps[-1]) and len(found) == len(wanted)
        assert all(torch.equal(one, maps[index]) for one, index in zip(found, wanted, strict=True))
        ran.clear()
        early, same = model.forward_intermediates(IMAGES, indices, stop_early=True)
        assert torch.equal(early, maps[max(wanted)]) and ran == list(range(max(wanted) + 1))
        only = model.forward_intermediates(IMAGES, indices, intermediates_only=True)
        assert all(torch.equal(a, b) and torch.equal(a, c) for a, b, c in zip(found, same, only, strict=True))


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"indices": 4}, r"this model has 3; wanted some of 0 to 2, or of -3 to -1"),
        ({"indices": 0}, r"stages \[\]"),
        ({"indices": [3]}, r"stages \[3\]"),
        ({"norm": True}, "norm is True"),
        ({"output_fmt": "NLC"}, "output_fmt 'NLC'; wanted False and 'NCHW'"),
    ],
)
def test_wrong_intermediates(arguments, words):
    with pytest.raises(ValueError, match=words):
        small().forward_intermediates(IMAGES, **arguments)


@pytest.mark.parametrize("indices, dims", [((0,), (48,)), ((0, 1), (48, 96)), ((2,), (48, 96, 192))])
def test_features_only(indices, dims):
    whole, model = small(), timm.create_model("hatnet_compact", features_only=True, depths=(2, 1, 1), out_indices=indices)
    assert model.model.config.dims == dims and model.model.config.num_classes == 0
    assert (model.feature_info.channels(), model.feature_info.reduction()) == (
        [(48, 96, 192)[i] for i in indices],
        [(2, 4, 8)[i] for i in indices],
    )
    weights = {key: value for key, value in whole.state_dict().items() if key in model.model.state_dict()}
    model.model.load_state_dict(weights)  # strict: what is left is a part of the whole
    with torch.no_grad():
        maps, found = whole.forward_features(IMAGES), model.eval()(IMAGES)
    assert all(torch.equal(one, maps[index]) for one, index in zip(found, indices, strict=True))
    sum(x.sum() for x in model(IMAGES)).backward()
    unused = [name for name, p in model.named_parameters() if p.grad is None]
    assert unused == []  # distributed training stops on those


def test_timm_takes_its_features_from_the_hooks():
    model = small()
    with torch.no_grad():
        wanted = model.forward_features(IMAGES)
        hooked = timm_models.FeatureHookNet(copy.deepcopy(model), out_indices=(0, 1, 2), flatten_sequential=False)
        for found, one in zip(hooked(IMAGES), wanted, strict=True):
            torch.testing.assert_close(found, one, atol=1e-5, rtol=0)


@pytest.mark.parametrize("first, second", [("hatnet", "timm"), ("timm", "hatnet")])
def test_timm_knows_the_models_in_either_order_of_imports(first, second):
    looked = "import importlib.util; importlib.util.find_spec('timm')"  # as libraries ask whether timm is there
    code = f"import sys, {first}; print('timm' in sys.modules)\n{looked}\nimport {second}; print(*timm.list_models('hatnet*'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == [str(first == "timm"), *sorted(hatnet.VARIANTS)], done.stderr  # hatnet alone does not import timm


def test_the_readme_s_example_runs():
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```\n(import hatnet, timm.*?)```", readme, re.S)
    names = {}
    exec(compile(block, "README.md", "exec"), names)
    assert [x.shape[1] for x in names["maps"]] == [96, 384] and len({group["lr_scale"] for group in names["groups"]}) == 15
    for word in re.findall(r"`(\w+)`", readme.split("Every `HATNet` has")[1].split(".")[0]):
        assert hasattr(names["model"], word), word


def test_timm_s_words():
    model = timm.create_model(
        "hatnet_tiny", num_classes=7, in_chans=1, drop_rate=0.1, drop_path_rate=0.2, depths=(1, 1, 1, 1), global_pool="avg"
    )
    assert type(model) is hatnet.HATNet and model.in_chans == 1 and model(torch.zeros(1, 1, 64, 64)).shape == (1, 7)
    assert (model.config.num_classes, model.config.dropout, model.config.drop_path, model.num_features) == (7, 0.1, 0.2, 384)
    assert timm.create_model("hatnet_compact").config == hatnet.VARIANTS["hatnet_compact"]
    config = timm_data.resolve_model_data_config(timm.create_model("hatnet_compact"))
    assert (config["input_size"], config["crop_pct"], config["interpolation"]) == ((3, 32, 32), 1.0, "bicubic")


@pytest.mark.parametrize("create", [hatnet.create_model, timm.create_model])
def test_pretrained_points_to_where_the_weights_are(create):
    with pytest.raises(
        ValueError,
        match=r"pretrained=True: .*hatnet\.load_pretrained\(NAME\) has the authors' weights of the paper's models.*hatnet\.load_checkpoint",
    ):
        create("hatnet_tiny", pretrained=True)
    assert create("hatnet_compact", pretrained=False, num_classes=4).num_classes == 4


def test_what_timm_offers_and_hatnet_does_otherwise():
    with pytest.raises(
        ValueError, match=r"features_only=True: .*forward_features.*timm\.create_model\('hatnet_tiny', features_only=True\)"
    ):
        hatnet.create_model("hatnet_tiny", features_only=True)
    with pytest.raises(ValueError, match="global_pool is 'max'; wanted 'avg'"):
        timm.create_model("hatnet_compact", global_pool="max")
    with pytest.raises(ValueError, match="unknown field 'img_size'"):
        timm.create_model("hatnet_compact", img_size=64)


@pytest.mark.parametrize("changes", [{}, {"head_norm": True, "norm": "layer"}])
def test_timm_s_layer_decay_is_the_trainer_s(changes):
    model = hatnet.create_model("hatnet_compact", 10, **changes)
    recipe = Recipe(epochs=1, batch_size=1, learning_rate=0.5, weight_decay=0.1, layer_decay=0.8)
    found, wanted = (
        {id(p): (group["lr_scale"], group["weight_decay"]) for group in groups for p in group["params"]}
        for groups in (timm_optim.param_groups_layer_decay(model, weight_decay=0.1, layer_decay=0.8), adamw(model, recipe).param_groups)
    )
    assert len({scale for scale, _ in found.values()}) == 10  # stem, eight blocks, head
    assert {key: (pytest.approx(scale), decay) for key, (scale, decay) in wanted.items()} == found
    assert model.no_weight_decay() == {
        name for name, p in model.named_parameters() if name.endswith("bias") or "norm" in name or p.ndim == 1
    }


def test_coarse_groups_are_stages():
    groups = timm_models.group_parameters(small(), small().group_matcher(coarse=True))
    assert [{name.split(".")[0] + name.split(".")[1] * name.startswith("stages") for name in names} for names in groups.values()] == [
        {"stem"},
        {"stages0"},
        {"stages1"},
        {"stages2"},
        {"classifier"},
    ]


def test_checkpointing_changes_no_gradient_and_keeps_less(tmp_path):
    model, kept = small(drop_path=0.5).train(), []
    grads = []
    for enable in (False, True):
        twin = copy.deepcopy(model)
        twin.set_grad_checkpointing(enable)
        torch.manual_seed(0)
        sizes = []
        with torch.autograd.graph.saved_tensors_hooks(lambda x, sizes=sizes: sizes.append(x.numel()) or x, lambda x: x):
            loss = twin(IMAGES).square().sum()
        loss.backward()
        kept.append(sum(sizes))
        grads.append([p.grad for p in twin.parameters()])
    for one, other in zip(*grads, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-5)
    assert kept[1] < kept[0] / 3
    before = dict(model.state_dict())
    model.set_grad_checkpointing()
    with torch.no_grad():
        torch.testing.assert_close(model.eval()(IMAGES), hatnet.attention_maps(model, IMAGES)[0], atol=1e-5, rtol=0)
    torch.fx.symbolic_trace(model)(IMAGES)
    info = {"classes": list("abcdefghij"), "mean": [0.5] * 3, "std": [0.25] * 3, "image_size": 32, "data": "letters", "accuracy": 0.75}
    hatnet.save_checkpoint(model, tmp_path / "a.safetensors", info)
    assert before.keys() == model.state_dict().keys()


def test_one_channel():
    model = random_weights(hatnet.create_model("hatnet_compact", 10, depths=(1, 1, 1), in_chans=1))
    grey = IMAGES[:, :1]
    logits, _ = hatnet.attention_maps(model, grey)
    torch.testing.assert_close(logits, model(grey), atol=1e-5, rtol=0)
    # The same as an RGB model that reads one channel of three.
    rgb = random_weights(hatnet.create_model("hatnet_compact", 10, depths=(1, 1, 1)))
    weights = model.state_dict()
    first = torch.zeros(16, 3, 3, 3)
    first[:, 1:2] = weights["stem.0.weight"]
    rgb.load_state_dict(weights | {"stem.0.weight": first})
    torch.testing.assert_close(rgb(grey.expand(-1, 3, -1, -1)), logits, atol=1e-5, rtol=0)
    assert model.config.weights == sum(p.numel() for p in model.parameters() if p.ndim > 1)
    h, w = 37, 50  # the stem's first convolution has stride 1 and 16 outputs
    assert hatnet.complexity.count(rgb, (h, w)).total - hatnet.complexity.count(model, (h, w)).total == h * w * 16 * 9 * 2
    with pytest.raises(ValueError, match=r"3 channels .*wanted 1: \[batch, 1, height, width\]"):
        model(IMAGES)
