"""Whether anybody looks at a layer from outside: hooks, transformations and tracers see every call, and may keep what it gave."""

import torch
from torch import nn
from torch.nn.modules import module as torch_module

PLAIN = (nn.Linear, nn.Conv2d, nn.SiLU, nn.GELU)  # layers that treat every image alone, and every row together with its neighbours
HOOKS = ("_forward_pre_hooks", "_forward_hooks", "_backward_pre_hooks", "_backward_hooks")


def unobserved(*layers: nn.Module | None) -> bool:
    """Whether layers may compute piece by piece and overwrite what others of them gave, and nobody can tell.

    That is: no gradients and no graph are recorded, there is no hook on any layer and no global one, and each layer is torch's own
    (of PLAIN; not a wrapper, an adapter or a quantised layer that has taken its place) and pads, if at all, with zeros. None stands for
    a layer that is left out.
    """
    recorded = torch.is_grad_enabled() or torch.compiler.is_compiling() or torch.jit.is_tracing()
    if recorded or any(getattr(torch_module, f"_global{hooks}") for hooks in HOOKS):
        return False
    return all(layer is None or (_plain(layer) and not any(getattr(layer, hooks) for hooks in HOOKS)) for layer in layers)


def _plain(layer: nn.Module) -> bool:
    return type(layer) in PLAIN and "forward" not in vars(layer) and getattr(layer, "padding_mode", "zeros") == "zeros"
