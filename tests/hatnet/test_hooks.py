"""A model that others look into: hooks, tracers, adapters and other devices see what torch promises; without them it is still in strips."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook
from torch.nn.utils import parametrize
from torchvision.models.feature_extraction import create_feature_extractor

import hatnet
from hatnet.mechanisms import MECHANISMS
from tests.hatnet.models import random_weights, short
from tests.hatnet.naive import picture

CHANGES = [{"attention": word} for word in MECHANISMS] + [
    {"norm": "layer"},
    {"stem": "patch"},
    {"activation": "gelu"},
    {"depthwise": False},
]


def small(**changes):
    """Two hierarchical stages and a plain one, for quick forward passes at odd sizes."""
    return random_weights(hatnet.create_model("hatnet_compact", 10, depths=(1, 1, 1), **changes))


def module_names(model):
    """All modules that a forward pass calls: not the lists."""
    return [name for name, module in model.named_modules() if not isinstance(module, nn.ModuleList)]


@pytest.mark.parametrize("gradients", [True, False])
@pytest.mark.parametrize("changes", CHANGES)
def test_every_module_is_called_once_with_whole_tensors_and_its_output_stays(changes, gradients, monkeypatch):
    monkeypatch.setattr(hatnet.blocks, "STRIP", 1)
    model, images, kept = small(**changes), picture(0, 37, 50, batch=3), []
    with torch.no_grad():
        wanted = model(images)
    for name in module_names(model):
        model.get_submodule(name).register_forward_hook(lambda _, i, o, name=name: kept.append((name, i[0], o, i[0].clone(), o.clone())))
    with torch.set_grad_enabled(gradients):
        torch.testing.assert_close(model(images), wanted, atol=1e-4, rtol=0)
    assert sorted(name for name, *_ in kept) == sorted(module_names(model))
    for name, given, gave, given_then, gave_then in kept:
        assert torch.equal(given, given_then) and torch.equal(gave, gave_then), name
        assert len(gave) % 3 == 0, name


@pytest.mark.parametrize("changes", CHANGES)
def test_full_backward_hooks_on_every_module(changes):
    model, images, seen = small(**changes), picture(0, 37, 50).requires_grad_(), []
    model(images).square().sum().backward()
    wanted = {name: p.grad for name, p in model.named_parameters()}
    model.zero_grad()
    for name in module_names(model):
        model.get_submodule(name).register_full_backward_hook(lambda *_, name=name: seen.append(name))
    model(images).square().sum().backward()
    assert sorted(seen) == sorted(module_names(model))
    for name, p in model.named_parameters():
        torch.testing.assert_close(p.grad, wanted[name], atol=1e-4, rtol=1e-4)


def test_strips_without_hooks_and_whole_tensors_with_any(monkeypatch):
    """What the depthwise convolution is given, seen from below all modules."""
    monkeypatch.setattr(hatnet.blocks, "STRIP", 2**16)
    model, images, rows = small(), picture(0, 64), []
    convolve = nn.functional.conv2d
    monkeypatch.setattr(nn.functional, "conv2d", lambda x, *args: rows.append(x.shape[2]) or convolve(x, *args))

    def stage_rows():
        rows.clear()
        with torch.no_grad():
            model(images)
        return rows[2]  # after the stem's two

    layer = model.stages[0].blocks[0].mlp
    assert stage_rows() < 32
    for register in (
        layer.expand.register_forward_hook,
        layer.reduce.register_forward_pre_hook,
        layer.depthwise_activation.register_full_backward_hook,
        lambda hook: register_module_forward_hook(hook),
    ):
        handle = register(lambda *_: None)
        assert stage_rows() == 32
        handle.remove()
        assert stage_rows() < 32
    layer.depthwise.padding_mode = "circular"  # the first row reads the last one
    assert stage_rows() == 34  # of which two are the padding
    layer.depthwise.padding_mode = "zeros"
    assert stage_rows() < 32
    layer.expand = nn.Sequential(layer.expand)  # a wrapper in the layer's place
    assert stage_rows() == 32


def test_feature_info_names_modules_that_fire():
    model, images, fired = small(), picture(0, 37, 50), []
    for info in model.feature_info:
        model.get_submodule(info["module"]).register_forward_hook(lambda _, i, o: fired.append(o))
    with torch.no_grad():
        for call in (model, model.forward_features):
            fired.clear()
            call(images)
            maps = list(fired)
            assert [len(x[0]) for x in maps] == [info["num_chs"] for info in model.feature_info]
        for found, wanted in zip(maps, model.forward_features(images), strict=True):
            assert torch.equal(found, wanted)


@pytest.mark.parametrize("changes", CHANGES)
def test_torchvision_extracts_the_stages(changes):
    model = small(**changes)
    extractor = create_feature_extractor(model, {info["module"]: str(n) for n, info in enumerate(model.feature_info)})
    traced = torch.fx.symbolic_trace(model)
    for images in (picture(0, 32), picture(0, 37, 50, batch=2)):
        with torch.no_grad():
            found, wanted = extractor(images), model.forward_features(images)
            for n, one in enumerate(wanted):
                torch.testing.assert_close(found[str(n)], one, atol=1e-5, rtol=0)
            torch.testing.assert_close(traced(images, g1=(3, 2)), model(images, g1=(3, 2)), atol=1e-5, rtol=0)


@pytest.mark.filterwarnings("ignore")  # torch calls this way of quantising old
@pytest.mark.parametrize("word", MECHANISMS)
def test_every_weight_is_used_through_its_module(word):
    """An adapter on every linear layer gets a gradient, and quantised layers run."""
    model, images = small(attention=word), picture(0, 37, 50)
    quantised = torch.ao.quantization.quantize_dynamic(copy.deepcopy(model), {nn.Linear}, dtype=torch.qint8)
    with torch.no_grad():
        wanted = model(images)
        assert (quantised(images) - wanted).abs().max() < 0.2 * wanted.abs().max()

    class Adapted(nn.Module):
        def __init__(self, layer):
            super().__init__()
            self.layer, self.added = layer, nn.Parameter(torch.zeros(layer.weight.shape))

        def forward(self, x):
            return self.layer(x) + nn.functional.linear(x, self.added)

    for name, layer in list(model.named_modules()):
        if isinstance(layer, nn.Linear):
            parent, _, last = name.rpartition(".")
            setattr(model.get_submodule(parent), last, Adapted(layer))
    with torch.no_grad():
        torch.testing.assert_close(model(images), wanted, atol=1e-4, rtol=0)
    model(images).square().sum().backward()
    adapters = [module for module in model.modules() if isinstance(module, Adapted)]
    assert len(adapters) == 17 and all(module.added.grad.abs().max() > 0 for module in adapters)


def test_parametrised_weights_are_whole_too():
    model, images = small(), picture(0, 37, 50)
    with torch.no_grad():
        wanted = model(images)
        for layer in [module for module in model.modules() if isinstance(module, nn.Linear | nn.Conv2d)]:
            parametrize.register_parametrization(layer, "weight", nn.Identity())
        torch.testing.assert_close(model(images), wanted, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", hatnet.VARIANTS)
def test_the_meta_device(name):
    with torch.device("meta"):
        model = hatnet.create_model(name, 10, drop_path=0.1)
        assert model(torch.zeros(1, 3, 75, 90)).shape[:2] == (1, 10)
    real = random_weights(hatnet.create_model(name, 10, drop_path=0.1))
    assert hatnet.complexity.count(model, (75, 90)) == hatnet.complexity.count(real, (75, 90))
    assert str(model) == str(real)  # the probabilities of stochastic depth, too
    model = model.to_empty(device="cpu").eval()
    model.load_state_dict(real.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(model(picture(0, 75, 90)), real(picture(0, 75, 90)), atol=1e-5, rtol=0)


def test_a_forward_pass_leaves_the_input_alone(monkeypatch):
    model, images = short("hatnet_tiny"), picture(0, 107, 90)
    before = images.clone()
    with torch.no_grad():
        model(images)
        model.stages[0].blocks[0].mlp(x := model.stem(images))
        assert torch.equal(x, model.stem(images)) and torch.equal(images, before)
