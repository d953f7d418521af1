"""The attention mechanisms of hierarchical stages: which keys each of the two steps reads, and the layer that computes them.

What else depends on a mechanism follows from these: configurations and checkpoints hold its name, maps and MACs its layouts.
`docs/mechanisms.md` adds one, step by step.
"""

from collections.abc import Callable
from typing import TypeVar

from torch import nn

from hatnet.ablations import AnyKeys, FullTwice, PooledTwice, ShiftedWindows, WindowedTwice
from hatnet.attention import HMHSA, MHSA
from hatnet.geometry import WINDOWS, Windows, check_kind
from hatnet.ranges import did_you_mean

MECHANISMS: dict[str, type[HMHSA]] = {}  # by name, as `Config.attention` has it
# What maps and MACs follow from: with these, each query's weights are Eq. 2 over all the keys of its layout.
_OURS = {
    "forward": (HMHSA.forward,),
    "layouts": (HMHSA.layouts,),
    "local_step": (HMHSA.local_step, AnyKeys.local_step),
    "global_step": (HMHSA.global_step, AnyKeys.global_step),
}
Layer = TypeVar("Layer", bound=type[HMHSA])


class UnknownMechanism(ValueError):
    """No attention layer is registered under this name."""


def register_mechanism(name: str, local_keys: str | Windows, global_keys: str | Windows) -> Callable[[Layer], Layer]:
    """A decorator that makes a subclass of `HMHSA` the attention layer of `Config(attention=name)`.

    local_keys, global_keys: which keys the two steps read: one of `geometry.KINDS` ("window", "shifted_window", "pooled", "full"), or
        a function (h, w, g1, g2) -> (windows down, windows across) that gives the tokens of each window along the two axes of a map of
        h x w tokens. Each token of an axis is in exactly one window.
    The class is made with (channels, head_dim, norm), as `HMHSA` is. Steps that it does not override follow from the keys. A class
    without any of its own derives from `AnyKeys`: HMHSA's local step reads windows, and its global step pooled cells.
    Raises ValueError for a name that is taken, for an unknown kind, and for a class that cannot read such keys.
    """
    if not isinstance(name, str) or not name or "\0" in name:
        raise ValueError(f"a mechanism's name is a text, like 'dilated', and not {name!r}")

    def register(layer: Layer) -> Layer:
        if not (isinstance(layer, type) and issubclass(layer, HMHSA)):
            raise ValueError(f"{layer!r} is not a subclass of hatnet.attention.HMHSA, whose two steps a mechanism fills")
        if layer in MECHANISMS.values():
            raise ValueError(f"{_path(layer)} is registered already, as {layer.mechanism!r}: derive a class for each mechanism")
        if _path(MECHANISMS.get(name, layer)) != _path(layer):
            raise ValueError(f"{name!r} is taken, by {_path(MECHANISMS[name])}: choose another name")
        kinds = _kind(name, "local", local_keys), _kind(name, "global", global_keys)
        if layer.local_step is HMHSA.local_step and kinds[0] == "pooled":
            raise ValueError("HMHSA's local step reads windows: derive from hatnet.ablations.AnyKeys to read pooled cells in it")
        if layer.global_step is HMHSA.global_step and kinds[1] not in ("pooled", "full"):
            raise ValueError("HMHSA's global step reads pooled cells: derive from hatnet.ablations.AnyKeys to read windows in it")
        layer.mechanism, layer.layout_kinds = name, kinds
        WINDOWS.update({kind: keys for kind, keys in zip(kinds, (local_keys, global_keys), strict=True) if callable(keys)})
        MECHANISMS[name] = layer
        return layer

    return register


def layer_of(mechanism: str) -> type[HMHSA]:
    """The attention layer of a mechanism. Raises UnknownMechanism, a ValueError, if none is registered under this name."""
    if mechanism not in MECHANISMS:
        raise UnknownMechanism(
            f"unknown attention {mechanism!r}{did_you_mean(mechanism, MECHANISMS)}; the choices are {', '.join(MECHANISMS)}, "
            "and your own once the file that calls hatnet.register_mechanism is imported"
        )
    return MECHANISMS[mechanism]


def check_mechanism(attn: nn.Module) -> None:
    """Raise ValueError for an attention layer that is not MHSA and not registered: nothing tells where its keys lie."""
    if type(attn) is not MHSA and type(attn) is not MECHANISMS.get(getattr(attn, "mechanism", "")):
        raise ValueError(
            f"{type(attn).__qualname__} is not a registered attention layer, so nothing tells which keys its weights belong to: "
            "give it a name and its keys with hatnet.register_mechanism"
        )


def has_own_steps(attn: HMHSA) -> bool:
    """Whether a layer computes anything in another way than `HMHSA` and `AnyKeys` do."""
    return any(getattr(getattr(attn, name), "__func__", None) not in ours for name, ours in _OURS.items())


def _kind(mechanism: str, step: str, keys: str | Windows) -> str:
    """The name of a layout: as given, or that of a function. Raises ValueError for anything else."""
    if isinstance(keys, str):
        check_kind(keys)
    elif not callable(keys):
        raise ValueError(
            f"{step}_keys={keys!r}: wanted a layout's name, like 'window', or a function (h, w, g1, g2) -> windows down, across"
        )
    return keys if isinstance(keys, str) else f"{mechanism}: {step} keys"


def _path(layer: type) -> str:
    """What stays the same when a notebook's cell defines a class again."""
    return f"{layer.__module__}.{layer.__qualname__}"


for _name, _local, _global, _layer in (
    ("hierarchical", "window", "pooled", HMHSA),  # the paper's H-MHSA
    ("window", "window", "window", WindowedTwice),  # windows alone
    ("shifted_window", "window", "shifted_window", ShiftedWindows),  # Swin's pair
    ("pooled", "pooled", "pooled", PooledTwice),  # PVT's idea, with average pooling
    ("full", "full", "full", FullTwice),  # plain attention, twice
):
    register_mechanism(_name, _local, _global)(_layer)
