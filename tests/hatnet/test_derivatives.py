"""Derivatives of every order and in either direction: what works, against Eq. 2 as written, and what raises a sentence."""

import pytest
import torch
from torch.autograd import forward_ad
from torch.func import functional_call, grad, hessian, jacfwd, jacrev, jvp, vjp, vmap

import hatnet
from hatnet.attention import attend
from hatnet.mechanisms import MECHANISMS
from tests.hatnet.models import random_weights
from tests.hatnet.naive import picture

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")


@pytest.fixture(scope="module", params=MECHANISMS)
def model(request):
    """Two hierarchical stages and a plain one, with windows that hang over the edge."""
    return random_weights(hatnet.create_model("hatnet_compact", 4, depths=(1, 1, 1), attention=request.param)).double()


IMAGES, DIRECTION = picture(0, 11, 10).double(), picture(1, 11, 10).double()


def test_second_derivatives(model):
    """With explicit=True, those that finite differences of the first ones give; else an error that names it."""
    images = IMAGES.clone().requires_grad_()
    for explicit, words in ((True, None), (False, r"first derivative only; .* explicit=True")):
        (slope,) = torch.autograd.grad(model(images, explicit=explicit).square().sum(), images, create_graph=True)
        if words:
            with pytest.raises(RuntimeError, match=words):
                torch.autograd.grad((slope * DIRECTION).sum(), images)
        else:
            (second,) = torch.autograd.grad((slope * DIRECTION).sum(), images)

    def slope_at(step):
        moved = (IMAGES + step * DIRECTION).requires_grad_()
        return torch.autograd.grad(model(moved).square().sum(), moved)[0]

    torch.testing.assert_close(second, (slope_at(1e-5) - slope_at(-1e-5)) / 2e-5, rtol=1e-4, atol=1e-5 * second.abs().max().item())


@pytest.mark.parametrize("record", [True, False])
def test_forward_mode_needs_nothing(model, record):
    with torch.set_grad_enabled(record):
        value, slope = jvp(model, (IMAGES,), (DIRECTION,))
    wanted = (model(IMAGES + 1e-5 * DIRECTION) - model(IMAGES - 1e-5 * DIRECTION)) / 2e-5
    torch.testing.assert_close(slope, wanted, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(value, model(IMAGES))
    with forward_ad.dual_level():
        found = forward_ad.unpack_dual(model(forward_ad.make_dual(IMAGES, DIRECTION))).tangent
    torch.testing.assert_close(found, slope)


@pytest.mark.filterwarnings("ignore:There is a performance drop")
def test_functional_transforms():
    model = random_weights(hatnet.create_model("hatnet_compact", 4, depths=(1, 1, 1))).double()
    whole = jacrev(model)(IMAGES)
    torch.testing.assert_close(whole, jacrev(lambda x: model(x, explicit=True))(IMAGES))
    torch.testing.assert_close((whole * DIRECTION).flatten(2).sum(2), jvp(model, (IMAGES,), (DIRECTION,))[1])
    scaled = jacfwd(lambda s: model(IMAGES + s * DIRECTION))(torch.zeros((), dtype=torch.double))
    torch.testing.assert_close(scaled, jvp(model, (IMAGES,), (DIRECTION,))[1])
    batch = torch.cat([IMAGES, DIRECTION])
    torch.testing.assert_close(vmap(lambda x: model(x[None])[0])(batch), model(batch))
    weights = dict(model.named_parameters())
    each = vmap(grad(lambda w, x: functional_call(model, w, (x[None],)).sum()), in_dims=(None, 0))(weights, batch)
    model(batch).sum().backward()
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(each[name].sum(0), parameter.grad)

    def loss(explicit):
        return lambda s: model(IMAGES + s * DIRECTION, explicit=explicit).square().sum()

    at = torch.zeros((), dtype=torch.double)
    torch.testing.assert_close(hessian(loss(False))(at), jacrev(jacrev(loss(True)))(at))  # forward over reverse, and reverse over reverse
    with pytest.raises(RuntimeError, match="explicit=True"):
        vjp(grad(loss(False)), at)[1](torch.ones_like(at))


def test_gradgradcheck_of_attention():
    q, k, v = (torch.randn(2, 3, 4, dtype=torch.double, requires_grad=True) for _ in range(3))
    mask = torch.tensor([[True, True, False]])

    def weighted(*tensors, explicit):
        return attend(*tensors, mask, explicit=explicit)[0]

    assert torch.autograd.gradgradcheck(lambda *t: weighted(*t, explicit=True), (q, k, v))
    assert torch.autograd.gradcheck(lambda *t: weighted(*t, explicit=False), (q[:, None], k[:, None], v[:, None]), check_forward_ad=True)


def test_training_and_recorded_first_derivatives_stay():
    """create_graph=True alone is no second derivative."""
    model = random_weights(hatnet.create_model("hatnet_compact", 4, depths=(1, 1, 1)))
    images = picture(0, 16).requires_grad_()
    (plain,) = torch.autograd.grad(model(images).sum(), images)
    (recorded,) = torch.autograd.grad(model(images).sum(), images, create_graph=True)
    torch.testing.assert_close(plain, recorded)
