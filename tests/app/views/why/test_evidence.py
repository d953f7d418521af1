"""The evidence for one answer: worked out piece by piece, cancelled, gone on with; the shared model stays as it was."""

import copy
from contextlib import nullcontext

import numpy as np
import pytest
import torch

import hatnet
from app.views.why.evidence import NAMES, Detail, Evidence, Question, detail_of
from app.views.why.scores import score

TARGET = 3


def evidence(model, image, found, stage=3, grid=(16, 16)):
    with torch.inference_mode():
        _, maps = hatnet.attention_maps(model, image)
    g1, g2 = model.config.g1, model.config.g2
    question = Question(image=image, target=TARGET, g1=g1, g2=g2, stage=stage, block=0, head=None, place=(0.3, 0.7), grid=grid)
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
        assert second.importance(name).shape == (16, 16) and second.curves(name).shape == (2, 5)
    assert second.curves("random").shape == (3, 2, 5)  # as many as tests/app/conftest.py wants
    assert len({score(curve[0]) for curve in second.curves("random")}) == 3


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


@pytest.mark.parametrize(
    ("side", "detail"),
    [
        (1, Detail(1, 16, 0.5)),
        (16, Detail(1, 16, 0.5)),  # cifar10
        (32, Detail(1, 16, 0.5)),
        (33, Detail(2, 8, 0.25)),
        (56, Detail(2, 8, 0.25)),  # the paper's, of 224 x 224 pixels
        (64, Detail(2, 8, 0.25)),
        (96, Detail(3, 4, 0)),
        (256, Detail(8, 4, 0)),
    ],
)
def test_a_large_map_is_tested_more_coarsely(side, detail):
    assert detail_of((side, side)) == detail_of((side, 1)) == detail


def test_the_paper_s_large_map_is_tested_on_squares_of_four_tokens_in_few_passes(monkeypatch):
    monkeypatch.undo()  # as finely as on the page
    large = hatnet.create_model("hatnet_compact224", depths=(1, 1, 1, 1)).eval()
    found = evidence(large, torch.randn(1, 3, 224, 224), {}, stage=2, grid=(56, 56))
    tokens = found.far.on_grid(*found.token).mean(0).numpy()  # 56 x 56
    np.testing.assert_allclose(found.importance("raw"), tokens.reshape(28, 2, 28, 2).mean((1, 3)), rtol=1e-4)
    tasks = {task.label: task for task in found.missing()}

    def passes(label):
        """How many pictures a task passes through the model, and the shape of its result."""
        passed = []
        result = tasks[label].compute(lambda pictures, model=None: passed.append(len(pictures)) or torch.zeros(len(pictures), 120))
        assert max(passed) <= 5  # 5 x 224 x 224 pixels are 2 ** 18, or a little less
        return sum(passed), result.shape

    # Patches of 28 pixels, 21 apart, at 0, 21, ... 189 and 196, and the whole picture once.
    assert passes("Occlusion, 121 patches") == (1 + 11 * 11, (224, 224))
    # Both curves at 9 points, of which they share two.
    assert passes("Scoring Raw attention") == (16, (2, 9))
    assert passes("Scoring 12 random maps") == (12 * 16, (12, 2, 9))
    assert sum(task.images for task in tasks.values()) < 700
