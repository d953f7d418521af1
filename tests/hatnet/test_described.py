"""What is saved loads again as the same model; what no configuration describes is refused with a sentence, before anything is written."""

import copy
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import checkpoint_wrapper
from torch.nn.modules import module as torch_module
from torch.nn.utils import parametrizations, prune
from torch.optim.swa_utils import AveragedModel

import hatnet
from hatnet.ablations import PooledTwice, WindowedTwice
from hatnet.attention import HMHSA
from tests.hatnet.models import random_weights
from tests.hatnet.naive import picture

INFO = {"classes": list("abcde"), "mean": [0.5] * 3, "std": [0.25] * 3, "image_size": 32, "data": "letters", "accuracy": 0.75}


@pytest.fixture
def model():
    return random_weights(hatnet.create_model("hatnet_compact", 5, depths=(1, 1, 1)))


def compiled(module):
    return torch.compile(module, backend="eager")


def inside(wrap):
    """A model in which one stage and one layer are wrapped."""

    def change(model):
        model.stages[1], model.stages[0].blocks[0].mlp.expand = wrap(model.stages[1]), wrap(model.stages[0].blocks[0].mlp.expand)
        return model

    return change


def in_place(model):
    model.compile(backend="eager")
    return model


def one_buffer(model):
    """All parameters as views into one flat tensor."""
    flat, at = torch.cat([p.data.flatten() for p in model.parameters()]), 0
    for p in model.parameters():
        p.data, at = flat[at : at + p.numel()].view(p.shape), at + p.numel()
    return model


@pytest.mark.parametrize(
    "wrap",
    [
        compiled,
        nn.DataParallel,
        AveragedModel,
        lambda model: nn.DataParallel(compiled(model)),
        in_place,
        inside(compiled),
        inside(nn.DataParallel),
        inside(checkpoint_wrapper),
        one_buffer,
        lambda model: model.double(),
        lambda model: model.requires_grad_(False),
    ],
)
def test_wrappers_are_left_out(wrap, model, tmp_path):
    wanted = model(picture(0, 32)).detach()
    hatnet.save_checkpoint(wrap(copy.deepcopy(model)), tmp_path / "a.safetensors", INFO)
    torch.testing.assert_close(hatnet.load_checkpoint(tmp_path / "a.safetensors")(picture(0, 32)), wanted, atol=1e-5, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_model_in_half_precision_comes_back_in_float32(dtype, model, tmp_path):
    hatnet.save_checkpoint(model.to(dtype), tmp_path / "a.safetensors", INFO)
    loaded = hatnet.load_checkpoint(tmp_path / "a.safetensors")
    for (key, found), wanted in zip(loaded.state_dict().items(), model.state_dict().values(), strict=True):
        assert found.dtype == torch.float32 and torch.equal(found, wanted.float()), key


def test_files_with_a_wrapper_s_names_load(model, tmp_path):
    """As earlier versions wrote them."""
    from safetensors import safe_open
    from safetensors.torch import save_file

    hatnet.save_checkpoint(model, path := tmp_path / "a.safetensors", INFO)
    with safe_open(path, framework="pt") as file:
        header = file.metadata()
    save_file({f"module._orig_mod.{key}": value.contiguous() for key, value in model.state_dict().items()}, path, metadata=header)
    torch.testing.assert_close(hatnet.load_checkpoint(path)(picture(0, 32)), model(picture(0, 32)), atol=0, rtol=0)


def test_a_new_head_is_described_by_its_classes(model, tmp_path):
    for head, names in ((nn.Linear(192, 7), list("abcdefg")), (nn.Identity(), [])):
        model.classifier = head
        with pytest.raises(ValueError, match=rf"classes has 5 names; the model has {len(names)} outputs"):
            hatnet.save_checkpoint(model, tmp_path / "a.safetensors", INFO)
        assert not any(tmp_path.iterdir())
        hatnet.save_checkpoint(model, tmp_path / "b.safetensors", INFO | {"classes": names})
        loaded = hatnet.load_checkpoint(tmp_path / "b.safetensors")
        assert loaded.config.num_classes == len(names)
        torch.testing.assert_close(loaded(picture(0, 32)), model(picture(0, 32)), atol=0, rtol=0)
        (tmp_path / "b.safetensors").unlink()


class Dilated(HMHSA):
    """Another layer with the same weights."""

    def local_step(self, x, layout, explicit, trace):
        return super().local_step(x.flip(-1), layout, explicit, trace)


class Doubled(nn.Module):
    """Somebody's wrapper, which changes the result."""

    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, *args, **kwargs):
        return 2 * self.module(*args, **kwargs)


class Mine(hatnet.HATNet):
    pass


def set_to(**changes):
    """Set attributes of modules, by the modules' names with underscores for points."""

    def change(model):
        for name, value in changes.items():
            *parents, last = name.split("__")
            owner = model.get_submodule(".".join(parents)) if parents else model
            setattr(owner, last, value(owner, last) if callable(value) else value)
        return model

    return change


FIRST = "stages__0__blocks__0__"


@pytest.mark.parametrize(
    "change, words",
    [
        (set_to(**{FIRST + "attn": lambda *_: Dilated(48, 24, hatnet.norms.group_norm)}), "attn is a .*Dilated, not a HMHSA"),
        (set_to(**{FIRST + "attn": lambda *_: WindowedTwice(48, 24, hatnet.norms.group_norm)}), "attn is a WindowedTwice, not a HMHSA"),
        (set_to(**{FIRST + "attn__mechanism": "window"}), "attn.mechanism is its own"),
        (set_to(**{FIRST + "attn__local_step": lambda *_: lambda x, *__: x}), "attn.local_step is its own"),
        (set_to(**{FIRST + "attn__head_dim": 12}), "attn.head_dim is 12, not 24"),
        (set_to(**{FIRST + "mlp": lambda owner, last: Doubled(getattr(owner, last))}), "mlp is a .*Doubled, not a MLP"),
        (set_to(**{FIRST + "mlp__expand_activation": lambda *_: nn.ReLU()}), "expand_activation is a ReLU, not a SiLU"),
        (set_to(**{FIRST + "mlp__depthwise__padding_mode": "circular"}), "padding_mode is circular, not zeros"),
        (set_to(**{FIRST + "mlp__norm__eps": 1e-3}), "norm.eps is 0.001, not 1e-06"),
        (set_to(dropout__p=0.5), "dropout.p is 0.5, not 0.0"),
        (set_to(classifier=lambda *_: nn.Linear(192, 5, bias=False)), "classifier.bias is missing"),
        (set_to(classifier=lambda *_: nn.Linear(96, 5)), "classifier.in_features is 96, not 192"),
        (set_to(classifier=lambda *_: nn.Sequential(nn.Linear(192, 5))), "classifier is a Sequential, not a Linear"),
        (set_to(extra=lambda *_: nn.Linear(2, 2)), "extra is additional"),
        (set_to(forward=lambda *_: lambda x: x), "forward is its own"),
        (set_to(stages__0__blocks__0__attn__q=lambda owner, _: owner.proj), "attn.q.weight and .*attn.proj.weight share one tensor"),
        (lambda model: parametrizations.weight_norm(model.classifier) and model, "classifier is a .*ParametrizedLinear"),
        (lambda model: prune.l1_unstructured(model.classifier, "weight", 0.5) and model, "classifier.weight is missing"),
        (lambda model: Doubled(model), "this is a .*Doubled"),
        (lambda model: nn.Sequential(model), "this is a Sequential"),
        (lambda model: Mine(model.config), "this is a .*Mine"),
        (lambda model: model.to("meta"), "stem.0.weight has no values"),
        (lambda model: torch.nn.init.constant_(model.stem[0].weight, float("nan")) is None or model, "stem.0.weight holds NaN"),
    ],
)
def test_what_no_configuration_describes_is_refused(change, words, model, tmp_path):
    with pytest.raises(ValueError, match=words) as error:
        hatnet.save_checkpoint(change(model), tmp_path / "a.safetensors", INFO)
    assert not any(tmp_path.iterdir()) and len(str(error.value)) < 500


@pytest.mark.filterwarnings("ignore")  # torch calls this way of quantising old
def test_quantised_layers_are_refused(model, tmp_path):
    quantised = torch.ao.quantization.quantize_dynamic(model, {nn.Linear}, dtype=torch.qint8)
    with pytest.raises(ValueError, match=r"qkv is a torch\.ao\..*Linear, not a Linear"):
        hatnet.save_checkpoint(quantised, tmp_path / "a.safetensors", INFO)


@pytest.mark.parametrize(
    "value, dtype, words",
    [(1e6, torch.float16, "too large for torch.float16"), (1, torch.int8, "cannot be stored as torch.int8")],
)
def test_a_type_that_cannot_hold_the_weights(value, dtype, words, model, tmp_path):
    model.classifier.weight.data[0, 0] = value
    with pytest.raises(ValueError, match=words):
        hatnet.save_checkpoint(model, tmp_path / "a.safetensors", INFO, dtype)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    "field, words",
    [
        ({"accuracy": float("nan")}, "accuracy is nan"),
        ({"figures": {"loss": [1.0, float("inf")]}}, r"figures.loss\[1\] is inf"),
        ({"folder": Path("runs")}, "folder is .*Path"),
        ({"names": {1: "a"}}, "names is {1: 'a'}"),
        ({"classes": {"a", "b", "c", "d", "e"}}, "classes is {"),
        ({"classes": list("abc")}, "classes has 3 names; the model has 5 outputs"),
    ],
)
def test_headers_that_would_not_come_back(field, words, model, tmp_path):
    with pytest.raises(ValueError, match=words):
        hatnet.save_checkpoint(model, tmp_path / "a.safetensors", INFO | field)
    with pytest.raises(ValueError, match=r"end in \.safetensors"):
        hatnet.save_checkpoint(model, tmp_path / "a.pth", INFO)
    assert not any(tmp_path.iterdir())


def test_arrays_and_tensors_in_the_header_become_lists(model, tmp_path):
    arrays = {"mean": torch.tensor([0.5] * 3), "std": np.full(3, 0.25), "classes": tuple("abcde"), "accuracy": np.float64(0.75)}
    hatnet.save_checkpoint(model, tmp_path / "a.safetensors", INFO | arrays)
    hatnet.save_checkpoint(model, tmp_path / "b.safetensors", INFO)
    assert hatnet.checkpoint_info(tmp_path / "a.safetensors") == hatnet.checkpoint_info(tmp_path / "b.safetensors")


def test_maps_and_counts_of_another_attention_layer_are_refused(model):
    model.stages[0].blocks[0].attn = Dilated(48, 24, hatnet.norms.group_norm)
    for call in (
        lambda: hatnet.attention_maps(model, picture(0, 32)),
        lambda: hatnet.complexity.count(model, (32, 32)),
        lambda: hatnet.trace_equations(*hatnet.block_input(model, picture(0, 32), stage=2, block=0)),
    ):
        with pytest.raises(ValueError, match=r"Dilated is not a registered attention layer|Eqs\. 6 to 15 describe H-MHSA"):
            call()


@pytest.mark.parametrize("layer", [HMHSA, PooledTwice])
def test_an_unknown_word_for_a_mechanism_raises(layer):
    attn = layer(48, 24, hatnet.norms.group_norm)
    attn.layout_kinds = ("windwo", "windwo")
    with pytest.raises(ValueError, match="unknown layout 'windwo'; the choices are window, shifted_window, pooled, full"):
        attn(torch.zeros(1, 48, 8, 8), 4, 2)
    with pytest.raises(ValueError, match="unknown layout 'windwo'; the choices are window, shifted_window, pooled, full"):
        hatnet.geometry.layout_of("windwo", 8, 8, 4, 2)
    layout = hatnet.geometry.layout_of("window", 8, 8, 4, 2)._replace(kind="windwo")
    with pytest.raises(ValueError, match="unknown layout 'windwo'"):
        _ = layout.keys
    with pytest.raises(ValueError, match=r"unknown attention 'windwo' \(did you mean 'window'\?\); the choices are hierarchical, window"):
        hatnet.mechanisms.layer_of("windwo")


def doubled(module, *_):
    return None if isinstance(module, nn.Dropout) else _[-1] * 2


@pytest.mark.parametrize(
    "hook, words",
    [
        (lambda model: model.classifier.register_forward_hook(doubled), "classifier"),
        (
            lambda model: model.stages[0].blocks[0].attn.qkv.register_forward_pre_hook(lambda _, x: (2 * x[0],)),
            "stages.0.blocks.0.attn.qkv",
        ),
        (lambda model: model.register_forward_hook(doubled), "the model"),
        (lambda model: torch_module.register_module_forward_hook(doubled), "every module (a global hook)"),
    ],
)
def test_forward_hooks_are_not_lost_without_a_word(hook, words, model, tmp_path):
    handle = hook(model)
    try:
        with pytest.warns(
            UserWarning, match=re.escape(f"forward hooks are not saved, and if they change outputs, the loaded model gives others: {words}")
        ):
            hatnet.save_checkpoint(nn.DataParallel(model), tmp_path / "a.safetensors", INFO)
        hooked = model(picture(0, 32))
    finally:
        handle.remove()
    loaded = hatnet.load_checkpoint(tmp_path / "a.safetensors")(picture(0, 32))
    torch.testing.assert_close(loaded, model(picture(0, 32)))
    assert not torch.allclose(loaded, hooked), "this is what the warning is about"


def test_without_forward_hooks_there_is_no_warning(model, tmp_path, recwarn):
    model.stages[0].register_full_backward_hook(lambda *_: None)
    hatnet.save_checkpoint(model, tmp_path / "a.safetensors", INFO)
    assert not recwarn.list


@pytest.mark.parametrize("wrap", [compiled, nn.DataParallel, AveragedModel])
def test_maps_counts_and_equations_look_inside_wrappers(wrap, model):
    images, wrapped = picture(0, 32), wrap(copy.deepcopy(model))
    assert hatnet.complexity.count(wrapped, (32, 32)) == hatnet.complexity.count(model, (32, 32))
    (logits, maps), (wanted, others) = (hatnet.attention_maps(each, images) for each in (wrapped, model))
    assert torch.equal(logits, wanted) and all(torch.equal(a.weights, b.weights) for a, b in zip(maps, others, strict=True))
    assert torch.equal(*(hatnet.block_input(each, images, stage=3, block=0)[1] for each in (wrapped, model)))


def test_other_models_are_named(model):
    for other in (nn.Sequential(model), nn.DataParallel(nn.Linear(3, 3))):
        for call in (
            lambda m: hatnet.complexity.table(m, (32, 32)),
            lambda m: hatnet.attention_maps(m, picture(0, 32)),
            lambda m: hatnet.block_input(m, picture(0, 32), stage=2, block=0),
        ):
            with pytest.raises(ValueError, match=r"the model is a (Sequential|Linear); wanted a HATNet"):
                call(other)
