"""The model that --init, --model and --set describe."""

import pytest
import torch

import hatnet
from hatnet import foreign, official
from hatnet.commands.arguments import fill_in, parsed
from hatnet.commands.model import build


def test_init_has_a_shape_of_its_own():
    """Four stages, three of them hierarchical: not what hatnet_compact has."""

    def config(*more):
        return build(parsed(["--init", "objects224", *more])[0], tuple("abcde"), 0.0)[0].config

    assert config("--g1", "4", "4", "4").g1 == (4, 4, 4) and len(config("--set", "depths=[2,4,2,2]").depths) == 4
    with pytest.raises(ValueError, match=r"dims is 32; wanted a list .*nearest is \[32\]"):
        config("--set", "dims=32")
    with pytest.raises(ValueError, match="did you mean 'depthwise'"):
        config("--set", "depthwize=false")
    for field in ("num_classes=5", "in_chans=1"):
        with pytest.raises(ValueError, match=f"--set {field[:-2]}: it follows from the data; leave it out"):
            config("--set", field)


def test_init_takes_the_weights_of_another_trainer(tmp_path, capsys):
    """A .pth file with the authors' names or ours, under a wrapper's prefix; --model says what they belong to."""
    source = hatnet.create_model("hatnet_compact", 10)
    ours = {f"module.{key}": value for key, value in source.state_dict().items()}
    theirs = {}
    for key, value in source.state_dict().items():
        pointwise = value.ndim == 2 and not key.startswith("classifier.")
        theirs[official.official_key(key)] = value[:, :, None, None] if pointwise else value
    for weights in ({"model_ema": ours, "model": {}}, {"state_dict": theirs}):
        torch.save(weights, path := tmp_path / "any.pth")
        args = parsed(["--init", str(path), "--model", "hatnet_compact", "--data", "folder:x"])[0]
        fill_in(args)
        assert args.image_size == 224
        model, statistics = build(args, ("a", "b"), 0.0)
        assert statistics == foreign.IMAGENET and "new: classifier.bias, classifier.weight" in capsys.readouterr().err
        for key, value in model.state_dict().items():
            assert key.startswith("classifier.") or torch.equal(value, source.state_dict()[key])
    for more, words in ((["--model", "hatnet_large"], "almost none of its weights fit"), ([], "name their architecture with --model")):
        with pytest.raises(ValueError, match=words):
            build(parsed(["--init", str(path), *more])[0], ("a", "b"), 0.0)


def test_what_is_new_is_never_nothing(capsys):
    """A classifier of two classes is less than a thousandth of the weights."""
    build(parsed(["--init", "objects224"])[0], ("a", "b"), 0.0)
    assert "99.9% of the weights come from objects224; new: classifier" in capsys.readouterr().err
    classes = hatnet.checkpoint_info("objects224").classes
    build(parsed(["--init", "objects224"])[0], classes, 0.0)
    assert "100% of the weights come from objects224; new: none" in capsys.readouterr().err


def test_freezing_what_is_new_is_reported(recwarn):
    build(parsed(["--model", "hatnet_compact", "--freeze", "1"])[0], ("a", "b"), 0.0)
    build(parsed(["--init", "objects224", "--set", "stem_dim=8", "--freeze", "1"])[0], ("a", "b"), 0.0)
    build(parsed(["--init", "objects224", "--freeze", "5"])[0], ("a", "b"), 0.0)
    said = [str(warning.message) for warning in recwarn]
    assert len(said) == 2 and "take trained ones with --init" in said[0] and "new and random: stem.0.bias, stem.0.weight" in said[1]
