"""The evidence for one answer: worked out piece by piece, cancelled, gone on with; the shared model stays as it was."""

import copy
from contextlib import nullcontext

import pytest
import torch

import hatnet
from app.views.why import attribution
from app.views.why.evidence import NAMES, RANDOM_MAPS, Evidence, Question
from app.views.why.scores import score

TARGET = 3


def evidence(model, image, found, stage=3):
    with torch.inference_mode():
        _, maps = hatnet.attention_maps(model, image, g1=(4, 4), g2=(2, 2))
    question = Question(image=image, target=TARGET, g1=(4, 4), g2=(2, 2), stage=stage, block=1, head=None, place=(0.3, 0.7), grid=(16, 16))
    return Evidence(model, question, {(m.stage, m.block, m.kind): m for m in maps}, found, nullcontext())


class Cancelled(BaseException):
    """As Streamlit ends a script: no Exception."""


def test_a_cancel_keeps_what_is_there_and_the_work_goes_on_from_it(model, image):
    found = {}
    first = evidence(model, image, found)
    total = len(first.missing())

    def cancel(done, label):
        if label.startswith("Occlusion,"):
            raise Cancelled

    with pytest.raises(Cancelled):
        list(first.work(cancel))
    assert len(first.missing()) == total - 2  # Grad-CAM and Integrated Gradients are done
    said = []
    second = evidence(model, image, found)
    assert second.importance("gradients") is not None and second.importance("occlusion") is None
    names = list(second.work(lambda done, label: said.append(done)))
    assert "gradients" not in names and not second.missing()
    assert said == sorted(said) and said[0] == 0 and 0.8 < said[-1] <= 1
    for name in NAMES:
        assert second.importance(name).shape == (16, 16) and second.curves(name).shape == (2, attribution.STEPS + 1)
    assert second.curves("random").shape == (RANDOM_MAPS, 2, attribution.STEPS + 1)
    assert len({score(curve[0]) for curve in second.curves("random")}) == RANDOM_MAPS


def test_a_run_leaves_the_shared_model_as_it_was(model, image):
    before = copy.deepcopy(model.state_dict())
    list(evidence(model, image, {}).work(lambda done, label: None))
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key]), key
    for name, module in model.named_modules():
        assert not module._forward_hooks and not module._forward_pre_hooks and not module._backward_hooks, name
        assert not module.training, name
    assert all(parameter.grad is None for parameter in model.parameters())


def test_without_a_local_step_there_are_no_two_hops(model, image):
    last = evidence(model, image, {}, stage=4)
    assert not last.exists("hops") and last.exists("rollout")
    assert all("Two hops" not in part.label for part in last.missing())
