"""Which weights train, and at what share of the learning rate."""

import pytest
import torch

import hatnet
from hatnet.optimiser import adamw, freeze
from hatnet.recipe import Recipe


def recipe(**changes):
    return Recipe(**{"epochs": 1, "batch_size": 1, "learning_rate": 0.5, "weight_decay": 0.1} | changes)


def test_learning_rates_by_layer():
    model = hatnet.create_model("hatnet_compact", 3, head_norm=True)
    groups = adamw(model, recipe(layer_decay=0.8)).param_groups
    scale = {id(p): group["lr_scale"] for group in groups for p in group["params"]}
    decay = {id(p): group["weight_decay"] for group in groups for p in group["params"]}
    assert sum(len(group["params"]) for group in groups) == len(scale) == len(list(model.parameters()))
    for name, wanted in (
        ("classifier.weight", 1),
        ("head_norm.weight", 1),
        ("stages.2.blocks.1.attn.proj.weight", 0.8),
        ("stages.0.blocks.0.attn.q.bias", 0.8**8),
        ("stem.0.weight", 0.8**9),
    ):
        assert scale[id(model.get_parameter(name))] == pytest.approx(wanted), name
    assert all(decay[id(p)] == (0.1 if p.ndim > 1 else 0) for p in model.parameters())


def test_one_rate_is_two_groups_in_the_order_of_saved_states():
    model = hatnet.create_model("hatnet_compact", 3)
    first, second = adamw(model, recipe()).param_groups
    assert (first["weight_decay"], second["weight_decay"], first["lr_scale"], second["lr_scale"]) == (0.1, 0, 1, 1)
    assert [id(p) for p in first["params"]] == [id(p) for p in model.parameters() if p.ndim > 1]
    assert [id(p) for p in second["params"]] == [id(p) for p in model.parameters() if p.ndim <= 1]


@pytest.mark.parametrize("stages, first", [(0, "stem.0.weight"), (1, "stages.0."), (2, "stages.1.downsample"), (4, "classifier.weight")])
def test_frozen_stages(stages, first):
    model = hatnet.create_model("hatnet_compact", 3)
    freeze(model, stages)
    names = [name for name, p in model.named_parameters() if p.requires_grad]
    assert names[0].startswith(first) and names[-1] == "classifier.bias"
    assert sum(len(group["params"]) for group in adamw(model, recipe()).param_groups) == len(names)


def test_more_stages_than_there_are():
    with pytest.raises(ValueError, match="freeze is 5; this model has the stages 1 to 4, and 4 freezes all but the classifier"):
        freeze(hatnet.create_model("hatnet_compact", 3), 5)


def test_nothing_but_the_weights_could_change():
    """What `freeze` relies on: no buffers, so no running statistics."""
    for norm in ("group", "layer"):
        assert not list(hatnet.create_model("hatnet_tiny", 3, norm=norm, head_norm=True).buffers())
        assert not any(isinstance(module, torch.nn.modules.batchnorm._NormBase) for module in hatnet.create_model("hatnet_tiny").modules())
