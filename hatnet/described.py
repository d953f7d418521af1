"""What a checkpoint can hold: a model that its configuration describes, without what others wrapped around it."""

import dataclasses
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.modules import module as torch_module

from hatnet.config import Config
from hatnet.hooks import HOOKS
from hatnet.model import HATNet

# Where torch.compile, DataParallel, DistributedDataParallel, AveragedModel and checkpoint_wrapper keep the module that they wrap.
WRAPPERS = ("_orig_mod", "module", "_checkpoint_wrapped_module")
# Attributes of modules that change no result, or are compared by other means.
_ASIDE = ("config", "training", "inplace", "grad_checkpointing")


def without_wrappers(key: str) -> str:
    """A name in a state dict, without what wrappers put into it.

    >>> without_wrappers("module._orig_mod.stem.0.weight")
    'stem.0.weight'
    """
    return ".".join(part for part in key.split(".") if part not in WRAPPERS)


def unwrapped(model: nn.Module) -> HATNet:
    """The model inside torch's wrappers. Raises ValueError if that is not a HATNet."""
    inner = inside(model)
    if not isinstance(inner, HATNet):
        raise ValueError(f"the model is a {_name(inner)}; wanted a HATNet, perhaps inside torch.compile, DataParallel or AveragedModel")
    return inner


def bare(model: nn.Module) -> HATNet:
    """The model inside torch's wrappers. Raises ValueError if that is not a HATNet itself, but another class or a subclass."""
    inner = inside(model)
    if type(inner) is not HATNet:
        raise ValueError(
            f"a checkpoint holds a HATNet and this is a {_name(inner)}: pass the HATNet inside it, "
            "without adapters (merged first), or a HATNet(config) that has loaded its state dict"
        )
    return inner


def described(model: HATNet) -> Config:
    """The configuration of a bare model, checked: `HATNet` would build the same modules from it, with parameters of the same shapes.

    A linear layer or an identity in the classifier's place is described by its number of classes. Raises ValueError for anything
    else that was replaced, added, shared or set to another value, since no configuration says so.
    """
    config, head = model.config, model.classifier
    if type(head) in (nn.Linear, nn.Identity):
        config = dataclasses.replace(config, num_classes=head.out_features if type(head) is nn.Linear else 0)
    with torch.device("meta"):
        twin = HATNet(config)
    if differences := [*_differences(model, twin)]:
        more = f" (and {len(differences) - 3} more)" if len(differences) > 3 else ""
        raise ValueError(f"this model is not what its configuration describes: {'; '.join(differences[:3])}{more}")
    return config


def hooked(model: nn.Module) -> list[str]:
    """The modules with forward hooks, by name ("the model" for the whole), which may change what a module is given or gives."""
    every = ["every module (a global hook)"] if any(getattr(torch_module, f"_global{hooks}") for hooks in HOOKS[:2]) else []
    found = [without_wrappers(name) for name, module in model.named_modules() if any(getattr(module, hooks) for hooks in HOOKS[:2])]
    return every + [name or "the model" for name in found]


def weights(model: nn.Module, dtype: torch.dtype) -> dict[str, Tensor]:
    """Copies of a bare model's weights, by name. Raises ValueError if they have no values, or none that dtype can hold."""
    if not (isinstance(dtype, torch.dtype) and dtype.is_floating_point):
        raise ValueError(f"weights cannot be stored as {dtype}; give a floating-point type, like torch.float32 or torch.float16")
    found: dict[str, Tensor] = {}
    owners: dict[int, str] = {}
    for key, value in model.state_dict().items():
        name = without_wrappers(key)
        if name.endswith("num_batches_tracked"):
            continue  # of a batch norm, which does not read it
        if value.is_meta:
            raise ValueError(f"{name} has no values (it is on the device meta): load the weights first")
        if type(value) is not Tensor or not value.is_floating_point():
            raise ValueError(f"{name} is a {_name(value)} of {value.dtype}; a checkpoint holds whole tensors of floating-point numbers")
        if (other := owners.setdefault(value.data_ptr(), name)) != name:
            raise ValueError(f"{other} and {name} share one tensor, which would be two after loading: make it two first (copy.deepcopy)")
        found[name] = value.to("cpu", dtype).clone(memory_format=torch.contiguous_format)
        if not found[name].float().isfinite().all():
            raise ValueError(f"{name} holds NaN, infinity or numbers too large for {dtype}")
    return found


def _differences(model: HATNet, twin: HATNet) -> Iterator[str]:
    """What distinguishes a model from one that was built as described."""
    ours, theirs = _modules(model), _modules(twin)
    for name in [*theirs, *(name for name in ours if name not in theirs)]:
        if name not in ours or name not in theirs:
            yield f"{name} is {'missing' if name in theirs else 'additional'}"
        elif type(ours[name]) is not type(theirs[name]):
            yield f"{name} is a {_name(ours[name])}, not a {_name(theirs[name])}"
        else:
            yield from (f"{name}{'.' if name else ''}{difference}" for difference in _settings(ours[name], theirs[name]))
    yield from shape_differences(model, twin)


def shape_differences(model: nn.Module, twin: nn.Module) -> Iterator[str]:
    """Which weights a model has in other shapes than its twin, or lacks, or has alone."""
    shapes = [
        {
            without_wrappers(key): list(value.shape) if isinstance(value, Tensor) else _name(value)
            for key, value in part.state_dict().items()
        }
        for part in (model, twin)
    ]
    for key in sorted(shapes[0].keys() | shapes[1].keys()):
        shape, wanted = (part.get(key, "missing") for part in shapes)
        if shape != wanted:
            yield f"{key} is {shape}" + ("" if key in shapes[1] else " and additional") + ("" if wanted == "missing" else f", not {wanted}")


def _settings(module: nn.Module, twin: nn.Module) -> Iterator[str]:
    """The attributes in which a module differs from its twin, and those of its class that it hides (a forward of its own, say)."""
    ours, theirs = ({key: value for key, value in vars(one).items() if not key.startswith("_")} for one in (module, twin))
    for key in ours:
        if key in _ASIDE:
            continue
        if key in theirs and ours[key] != theirs[key]:
            yield f"{key} is {ours[key]}, not {theirs[key]}"
        elif key not in theirs and hasattr(type(module), key):
            yield f"{key} is its own, not that of its class"


def _modules(model: nn.Module) -> dict[str, nn.Module]:
    """All modules by their names; a wrapped one for the wrapper around it."""
    found: dict[str, nn.Module] = {}
    for name, module in model.named_modules(remove_duplicate=False):
        key = without_wrappers(name)
        if key not in found or _wraps(found[key]):
            found[key] = module
    return found


def inside(module: nn.Module) -> nn.Module:
    """What torch's wrappers hold."""
    while _wraps(module):
        (module,) = module.children()
    return module


def _wraps(module: nn.Module) -> bool:
    """Whether it is a wrapper of torch's that computes what the one module inside computes."""
    names = [name for name, _ in module.named_children()] if isinstance(module, nn.Module) else []
    return type(module).__module__.startswith("torch.") and len(names) == 1 and names[0] in WRAPPERS


def _name(value: object) -> str:
    """A class's name, with its module unless that is ours or plain torch's."""
    kind = type(value)
    home = kind.__module__
    return kind.__qualname__ if home.startswith(("hatnet.", "torch.nn.modules.")) else f"{home}.{kind.__qualname__}"
