"""The models in timm's registry, where timm is installed: `timm.create_model("hatnet_tiny")` as soon as both are imported, in any order."""

import importlib.util
import sys
from collections.abc import Sequence
from functools import partial
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from hatnet.config import TIMM_WORDS, VARIANTS
from hatnet.foreign import IMAGENET
from hatnet.model import HATNet, create_model
from hatnet.timm_surface import check_pooling

SIDES = {"hatnet_compact": 32, "hatnet_cards": 48}  # pixels of the images that a model is meant for, if not 224


class _AfterTimm(MetaPathFinder):
    """Registers the models once somebody imports timm: importing it with hatnet would cost everybody half a second."""

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != "timm":
            return None
        sys.meta_path.remove(self)  # the other finders know where timm is
        try:
            spec = importlib.util.find_spec(name)
        finally:
            sys.meta_path.insert(0, self)  # looking for timm is not importing it
        if spec and spec.loader:
            run = spec.loader.exec_module

            def run_and_register(module: ModuleType) -> None:
                sys.meta_path.remove(self)
                run(module)
                register()

            spec.loader.exec_module = run_and_register  # type: ignore[method-assign]
        return spec


def register() -> None:
    """Enter every model of `config.VARIANTS` into timm's registry."""
    from timm.models import PretrainedCfg, generate_default_cfgs, register_model

    configs: dict[str, dict[str, Any] | PretrainedCfg] = {}
    for name, config in VARIANTS.items():
        side = SIDES.get(name, 224)
        configs[name] = {
            "num_classes": config.num_classes,
            "input_size": (config.in_chans, side, side),
            "crop_pct": 1.0,  # the whole central square, as in `preprocessing`
            "interpolation": "bicubic",
            "mean": IMAGENET[0],
            "std": IMAGENET[1],
            "first_conv": "stem.0",
            "classifier": "classifier",
            "license": "apache-2.0",
        }
    globals()["default_cfgs"] = generate_default_cfgs(configs)  # where timm looks for them
    for name in VARIANTS:
        entry = partial(_create, name)
        entry.__name__, entry.__module__ = name, __name__  # type: ignore[attr-defined]
        register_model(entry)


def _create(name: str, pretrained: bool = False, **arguments: Any) -> HATNet:
    """What timm calls for a model of this name."""
    from timm.models import build_model_with_cfg

    features = {"feature_cls": "getter", "out_indices": tuple(range(len(VARIANTS[name].dims)))}
    return build_model_with_cfg(partial(_build, name, pretrained), name, pretrained=False, feature_cfg=features, **arguments)


def _build(name: str, pretrained: bool, global_pool: str | None = None, **fields: Any) -> HATNet:
    """A model from timm's words for it."""
    check_pooling(global_pool)
    return create_model(name, pretrained=pretrained, **{TIMM_WORDS.get(word, word): value for word, value in fields.items()})


if "timm" in sys.modules:
    register()
else:
    sys.meta_path.insert(0, _AfterTimm())
