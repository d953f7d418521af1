"""Models with known weights, and what the authors' release gave: shared by the tests of hatnet."""

import json
from pathlib import Path

import numpy as np

import hatnet
from hatnet.official import official_key
from tests.hatnet.naive import seeded

DATA = Path(__file__).parent / "data"
GOLDEN = np.load(DATA / "golden.npz")
OFFICIAL = json.loads((DATA / "official_state_dict.json").read_text())


def filled(name, **overrides):
    """A model whose weights follow the reference's rule, and the same weights under the authors' names."""
    model = hatnet.create_model(name, **overrides).eval()
    weights = {}
    for key, value in model.state_dict().items():
        official = official_key(key)
        pointwise = value.ndim == 2 and not official.startswith("classifier")
        weights[official] = seeded(official, (*value.shape, 1, 1) if pointwise else value.shape)
    hatnet.load_official_state_dict(model, weights)
    return model, weights


def short(name):
    """A variant with one block in each stage: every kind of module, and no waiting for the others."""
    return random_weights(hatnet.create_model(name, 10, depths=(1,) * len(hatnet.VARIANTS[name].dims)))


def random_weights(model):
    model.load_state_dict({key: seeded(key, value.shape) for key, value in model.state_dict().items()})
    return model.eval()
