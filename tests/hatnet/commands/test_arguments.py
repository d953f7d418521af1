"""Values that make no sense, in training, resuming and `eval`."""

import numpy as np
import torch

import train_small
from hatnet import cards, data, fingerprint, rehearsal, training
from hatnet.commands import classify, run_folder
from hatnet.commands.arguments import training_parser

VALUES = [
    "",
    "0",
    "-1",
    "1",
    "3",
    "nan",
    "inf",
    "-inf",
    "1e400",
    "1e-400",
    "9" * 400,
    "9" * 5000,
    "x",
    "1.5",
    "true",
    "[]",
    "\0",
    "é",
    "a b",
    "--",
]
FIELDS = ["dims=3", 'dims=[32,"a"]', "heads=4", "=", "dims", "", "num_classes=5", "depthwise=1", "dropout=NaN", "g1=[[1]]", "attention={}"]
FIELDS += ["dims=" + "[" * 100_000, "dims=[8192,8192,8192,8192]", "dims=" + "9" * 5000, "norm=null", "kernels=[2,2]", "init_std=-Infinity"]
FIELDS += ["head_dim=0", "stem_strides=[64,64]", "readout=1e9", "activation=true", "drop_path=1", "depths=[]", "num_classes=null"]


def test_no_combination_of_silly_values_ends_in_a_traceback(tmp_path, monkeypatch, capsys):
    """Up to the first step: options and values drawn at random, for training, resuming and eval."""
    random = np.random.default_rng(0)
    monkeypatch.chdir(tmp_path)
    pixels = torch.randint(0, 256, (40, 3, 32, 32), dtype=torch.uint8)
    given = data.Images(pixels=pixels, labels=torch.arange(40) % 3, classes=("a", "b", "c"))
    identity = fingerprint.Identity({}, {})
    monkeypatch.setattr(classify, "data_of", lambda args, *_: (cards.Cards() if args.data == "cards" else given, given, identity))
    monkeypatch.setattr(training.Trainer, "train", lambda *_: True)
    monkeypatch.setattr(rehearsal, "steps_within", lambda *_: 1)
    monkeypatch.setattr(rehearsal, "step_seconds", lambda _: {"off": 1.0, "bf16": 2.0})
    monkeypatch.setattr(run_folder, "claim", lambda *_: None)
    options = [action for action in training_parser("")._actions if action.option_strings and action.dest != "help"]
    ended = 0
    for _ in range(400):
        argv, more = ["--out", "run", "--data", "folder:x"] if random.random() < 0.8 else [], random.integers(1, 4)
        if random.random() < 0.1:
            argv, more = (
                ["eval", str(random.choice(VALUES)), "--data", str(random.choice(VALUES)), "--write", str(random.choice(VALUES))],
                0,
            )
        for number in random.choice(len(options), more, replace=False):
            option = options[number]
            values = FIELDS if option.dest == "set" else [*VALUES, *(option.choices or ())]
            argv += [option.option_strings[0], *([str(random.choice(values))] if option.nargs != 0 else [])]
        try:
            train_small.main(argv)
        except SystemExit as error:
            ended += 1
            said = str(error.code) if error.code != 2 else capsys.readouterr().err
            assert len(said) > 20 and "Traceback" not in said, argv
    assert ended > 200
