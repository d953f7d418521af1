"""What all dense models share: their backbones, the grids of each call, and that a call leaves nothing behind."""

import copy
import dataclasses
import re
import threading

import pytest
import torch
from torch import nn

import hatnet
from hatnet.dense import Pyramid
from hatnet.dense.pyramid import MODELS, body_of
from tests.hatnet.dense.models import MAKE, body, flat, inputs, same, small

HEADS = tuple(MAKE)


def test_the_models_of_four_stages():
    assert MODELS == ("hatnet_tiny", "hatnet_small", "hatnet_medium", "hatnet_large", "hatnet_compact224")


@pytest.mark.parametrize("head", HEADS)
def test_the_default_grids_are_the_paper_s_and_others_give_another_result(head):
    model, images = small(head), inputs(head, (96, 128))
    with torch.no_grad():
        default = model(images)
        assert same(default, model(images, g1=(8, 8, 8), g2=(16, 8, 4)))
        for grids in ({"g1": (2, 8, 8)}, {"g2": (16, 8, 1)}, {"g1": [3, 3, 3], "g2": [1, 1, 1]}):
            assert not same(default, model(images, **grids)), grids
        assert same(default, model(images))


@pytest.mark.parametrize("head", HEADS)
def test_grids_of_a_call_equal_grids_of_the_configuration(head):
    """The independent answer: a model whose backbone has these grids, called without any."""
    model, images = small(head), inputs(head, (75, 141))
    other = copy.deepcopy(model)
    other.backbone.body.config = dataclasses.replace(other.backbone.body.config, g1=(3, 2, 5), g2=(2, 3, 1))
    with torch.no_grad():
        assert same(model(images, g1=(3, 2, 5), g2=(2, 3, 1)), other(images))


def state(model):
    """Everything that a model's modules hold, tensors as numbers."""

    def plain(value):
        if isinstance(value, torch.Tensor):
            return value.dtype, str(value.device), value.tolist()
        if isinstance(value, list | tuple):
            return [plain(part) for part in value]
        if isinstance(value, dict):
            return {key: plain(part) for key, part in value.items()}
        return value if isinstance(value, int | float | str | None) else id(value)

    aside = ("_modules", "_parameters", "_buffers")
    held = {name: {k: plain(v) for k, v in vars(module).items() if k not in aside} for name, module in model.named_modules()}
    return held, plain(dict(model.state_dict())), [name for name, _ in model.named_modules()]


@pytest.mark.parametrize("head", HEADS)
def test_a_forward_pass_changes_nothing_in_the_model(head):
    model = small(head)
    before = state(model)
    with torch.no_grad():
        model(inputs(head, (40, 48)), g1=(3, 3, 3), g2=(1, 2, 3))
    assert state(model) == before


@pytest.mark.parametrize("head", HEADS)
def test_two_threads_with_different_grids_agree_with_one(head):
    model, images = small(head), inputs(head, (96, 128))
    grids = [{"g1": (8, 8, 8), "g2": (16, 8, 4)}, {"g1": (2, 2, 2), "g2": (1, 1, 1)}]
    with torch.no_grad():
        alone = [model(images, **grid) for grid in grids]
    found = [[], []]
    start = threading.Barrier(2)

    def work(index):
        start.wait()
        with torch.no_grad():
            for _ in range(6):
                found[index].append(model(images, **grids[index]))

    threads = [threading.Thread(target=work, args=(index,)) for index in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not same(*alone)
    for index in range(2):
        assert len(found[index]) == 6 and all(same(alone[index], output) for output in found[index])


@pytest.mark.parametrize("head", HEADS)
def test_a_checkpoint_lends_its_stages(head):
    stored = hatnet.load_checkpoint("objects224")
    model = MAKE[head]("objects224", 4, channels=8)
    weights = model.backbone.body.state_dict()
    assert weights.keys() == {key for key in stored.state_dict() if not key.startswith("classifier")}
    assert all(torch.equal(value, stored.state_dict()[key]) for key, value in weights.items())
    config = model.backbone.body.config
    assert (config.g1, config.g2, config.num_classes) == ((8, 8, 8), (16, 8, 4), 0)
    assert all(module.training for module in model.modules())
    if head != "semantic_fpn":
        info = hatnet.checkpoint_info("objects224")
        assert (model.transform.image_mean, model.transform.image_std) == (info.mean, info.std)


def test_a_hatnet_is_copied_with_its_weights_drop_path_and_mechanisms():
    given = body(drop_path=0.3, attention="window", head_norm=True)
    before = copy.deepcopy(given.state_dict()), given.config
    made, info = body_of(given)
    assert info is None and made is not given and made.config.drop_path == 0.3 and made.config.mechanisms == ("window",) * 3
    assert not [name for name, _ in made.named_parameters() if name.startswith(("classifier", "head_norm"))]
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.zero_()
    assert given.config is before[1] and all(torch.equal(value, before[0][key]) for key, value in given.state_dict().items())


def test_other_numbers_of_hierarchical_stages_have_grids_too():
    assert body_of(body(g1=(8,) * 4, g2=(4,) * 4))[0].config.g2 == (16, 8, 4, 2)
    assert body_of(body(g1=(7,), g2=(4,)))[0].config.g1 == (8,)
    assert body_of(body(g1=(), g2=()))[0].config.g2 == ()


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize(
    "arguments, message",
    [
        (("hatnet_compact", 5), r"hatnet_compact has 3 stages; wanted the maps of 4, as of hatnet_tiny, .*hatnet_compact224"),
        (("cifar10", 5), r"cifar10 has 3 stages; wanted the maps of 4"),
        (("hatnet_smal", 5), r"unknown model 'hatnet_smal' \(did you mean 'hatnet_small'\?\); wanted one of hatnet_tiny"),
        (("object224", 5), r"unknown model 'object224' \(did you mean 'objects224'\?\)"),
        (("no/such.safetensors", 5), r"there is no checkpoint no/such\.safetensors"),
        ((nn.Linear(2, 2), 5), "the model is a Linear; wanted a HATNet"),
        (("hatnet_tiny", 0), r"num_classes is 0; wanted a whole number from 1 to 10,000; the nearest is 1"),
        (("hatnet_tiny", 2.5), r"num_classes is 2\.5; wanted a whole number"),
        (("hatnet_tiny", True), "num_classes is True"),
        (("hatnet_tiny", 5, 4), r"channels is 4; wanted a whole number from 8 to 2,048; the nearest is 8"),
    ],
)
def test_mistakes_in_the_making(head, arguments, message):
    with pytest.raises(ValueError, match=message), torch.device("meta"):
        MAKE[head](*arguments)


@pytest.mark.parametrize("head", HEADS)
def test_grids_that_do_not_fit(head):
    model, images = small(head), inputs(head, (64, 64))
    for grids, message in (
        ({"g1": (8, 8)}, r"g1=(8, 8): give one whole number for each of the 3 hierarchical stages, like (8, 8, 8)"),
        ({"g2": (16, 0, 4)}, r"g2=(16, 0, 4): each side is a whole number of tokens, at least 1, like (16, 8, 4)"),
        ({"g2": 4}, "g2=4: give one whole number"),
    ):
        with pytest.raises(ValueError, match=re.escape(message)):
            model(images, **grids)


def test_the_pyramid_against_its_equations():
    """P5 = O5 L5 C5, P4 = O4 (L4 C4 + U L5 C5), ...: L a convolution 1 x 1, O one of 3 x 3, U repeats each token (nearest)."""
    torch.manual_seed(0)
    pyramid, images = Pyramid(body(), 8, 3).eval(), torch.randn(1, 3, 75, 141)
    with torch.no_grad():
        maps, found = pyramid.body.forward_features(images)[1:], pyramid(images)
        top, wanted = None, {}
        for level in (2, 1, 0):
            lateral = pyramid.fpn.inner_blocks[level][0](maps[level])
            if top is not None:
                h, w = lateral.shape[-2:]
                lateral = lateral + top.repeat_interleave(2, 2).repeat_interleave(2, 3)[..., :h, :w]
            top = lateral
            wanted[str(level)] = pyramid.fpn.layer_blocks[level][0](lateral)
    assert list(found) == ["0", "1", "2"] and [x.shape[-2:] for x in flat(found)] == [(10, 18), (5, 9), (3, 5)]
    for level, value in wanted.items():
        torch.testing.assert_close(found[level], value)
