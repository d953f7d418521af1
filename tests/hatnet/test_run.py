"""What a training keeps: the optimiser's groups, the running mean, and a state that is restored or refused."""

import pytest
import torch

import hatnet
from hatnet.recipe import RECIPES, Recipe
from hatnet.run import begin


def test_running_mean_of_the_weights():
    """The first weights as they are, then decays of 2/11, 3/12 and, from then on, the recipe's 0.3."""
    model = hatnet.create_model("hatnet_cards", 4)
    state = begin(model, Recipe(epochs=1, batch_size=1, learning_rate=1, ema=0.3))
    for weight, wanted in ((0, 0), (1, 0.81818), (4, 3.20455), (9, 7.26136), (16, 13.37841), (25, 21.51352)):
        torch.nn.init.constant_(model.classifier.bias, float(weight))
        state.averaged.update_parameters(model)
        assert state.kept.classifier.bias.tolist() == pytest.approx([wanted] * 4, abs=1e-4)


def test_norms_and_biases_do_not_decay():
    model = hatnet.create_model("hatnet_compact", 3)
    state = begin(model, RECIPES["compact"])
    decays = {id(p): group["weight_decay"] for group in state.optimiser.param_groups for p in group["params"]}
    for name, p in model.named_parameters():
        assert decays[id(p)] == (0 if "norm" in name or name.endswith("bias") or p.ndim == 1 else 0.05), name
    assert len(decays) == len(list(model.parameters()))


def test_a_state_of_another_model_is_refused(tmp_path):
    begin(hatnet.create_model("hatnet_cards", 4), RECIPES["cards"]).save(tmp_path / "state.pt")
    other = begin(hatnet.create_model("hatnet_cards", 5), RECIPES["cards"])
    with pytest.raises(ValueError, match=r"(?s)state.pt is not a saved state of this model .*start a new run"):
        other.load(tmp_path / "state.pt")
