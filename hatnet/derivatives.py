"""Second derivatives of fused attention, which its kernel does not have: an error that says what to do instead."""

import torch
from torch import Tensor


class _Once(torch.autograd.Function):
    """The identity on a gradient, with an error in place of its derivative."""

    generate_vmap_rule = True

    @staticmethod
    def forward(gradient: Tensor) -> Tensor:
        return gradient.view_as(gradient)

    @staticmethod
    def setup_context(ctx, inputs, output) -> None:
        """Nothing is needed later."""

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        raise RuntimeError(
            "fused attention has a first derivative only; for a second one (gradient penalty, Hessian), call the model with explicit=True"
        )


def differentiable_once(attended: Tensor) -> Tensor:
    """What fused attention gave, as it is; a second derivative through it will raise RuntimeError that names explicit=True."""
    if torch.compiler.is_compiling():  # its tracer knows no `grad_fn`, and compiled code no second derivatives
        return attended
    node = attended.grad_fn
    if node is not None and node.name().startswith("ScaledDotProduct"):
        node.register_hook(_guarded)
    return attended


def _guarded(gradients: tuple[Tensor | None, ...], _: tuple[Tensor | None, ...]) -> tuple[Tensor | None, ...] | None:
    """The gradients of query, key and value; in a backward pass that is recorded, each with the error in place of its derivative."""
    if not torch.is_grad_enabled():
        return None
    return tuple(gradient if gradient is None else _Once.apply(gradient) for gradient in gradients)
