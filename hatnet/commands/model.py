"""The model that a command line describes: new, or from the weights of --init."""

import argparse
import dataclasses
import json
import math
import sys
import warnings
from pathlib import Path

from hatnet import HATNet, checkpoint_info, create_model, foreign, load_checkpoint, official
from hatnet.config import check_fields
from hatnet.depth import stage_of


def overrides(args: argparse.Namespace) -> dict:
    """The fields of hatnet.Config that the command line sets. Raises ValueError for a name that is none."""
    fields = {name: getattr(args, name) for name in ("g1", "g2", "drop_path") if getattr(args, name) is not None}
    if args.attention:
        fields["attention"] = args.attention[0] if len(args.attention) == 1 else args.attention
    for text in args.set:
        name, equals, value = text.partition("=")
        if not equals:
            raise ValueError(f"--set {text}: wanted FIELD=VALUE, like depthwise=false")
        try:
            fields[name] = json.loads(value)
        except (ValueError, RecursionError):
            fields[name] = value  # a word
    check_fields(fields)
    if given := [name for name in ("num_classes", "in_chans") if name in fields]:
        raise ValueError(f"--set {given[0]}: it follows from the data; leave it out")
    return fields


def build(args: argparse.Namespace, classes: tuple[str, ...], drop_path: float):
    """The model that the command line describes, and the mean and std of its input if a checkpoint sets them."""
    fields = {"drop_path": drop_path} | overrides(args)
    if not args.init:
        if args.freeze:
            warnings.warn("--freeze keeps random weights as they are: take trained ones with --init", stacklevel=2)
        return create_model(args.model, len(classes), **fields), None
    source, weights, known, statistics = initial(args.init, args.model)
    model = HATNet(dataclasses.replace(source, **fields, num_classes=len(classes)))
    own = model.state_dict()
    taken = {key: value for key, value in weights.items() if key in own and own[key].shape == value.shape}
    if known != classes:
        taken = {key: value for key, value in taken.items() if not key.startswith("classifier.")}
    share = sum(own[key].numel() for key in taken) / sum(value.numel() for value in own.values())
    if share < 0.01:
        raise ValueError(f"--init {args.init}: almost none of its weights fit with {fields}")
    model.load_state_dict(own | taken)
    fresh = sorted({".".join(key.split(".")[:4]) for key in own.keys() - taken.keys()})
    percent = math.floor(1000 * share) / 10  # rounded down: not 100 % while anything is new
    if kept := [name for name in fresh if stage_of(name, model.config.stages) <= (args.freeze or 0)]:
        warnings.warn(f"--freeze keeps weights that are new and random: {', '.join(kept)}", stacklevel=2)
    print(f"{percent:g}% of the weights come from {args.init}; new: {', '.join(fresh) or 'none'}", file=sys.stderr)
    return model, statistics


def initial(init: str, name: str | None):
    """What --init names: its configuration, weights, class names, and mean and std. --model `name` goes with a file of weights alone.

    Such a file names no classes (None), and its pixels were probably normalised as most are, by ImageNet's mean and std.
    """
    if Path(init).suffix not in foreign.SUFFIXES:
        if name:
            raise ValueError(f"--init {init} brings its own architecture; leave --model {name} out")
        info = checkpoint_info(init)
        return info.config, load_checkpoint(init).state_dict(), info.classes, (info.mean, info.std)
    if not name:
        raise ValueError(f"--init {init} holds weights alone: name their architecture with --model, like --model hatnet_tiny")
    model = create_model(name)
    return model.config, official.our_weights(foreign.read_weights(init), model), None, foreign.IMAGENET
