"""HAT-Net and its hierarchical attention (H-MHSA), written to be read beside the paper.

Read in this order:
    attention.py, geometry.py, norms.py     Eqs. 1 to 14; where windows and cells lie; the release's norm
    blocks.py, model.py, config.py          Fig. 1 and Table 1
    hooks.py, by_index.py                   when a layer may be computed piece by piece; windows of tokens that are not neighbours
    derivatives.py                          which derivatives fused attention has
    mechanisms.py, ablations.py             which keys each step reads: the mechanisms that the paper compares with, and one's own
    maps.py, rollout.py                     attention maps, and attention followed through both hops and all blocks
    trace.py, equations.py                  the tensors of one attention layer; Eqs. 6 to 15 one by one
    dense/                                  sections 4.2 and 4.3: Semantic FPN, RetinaNet and Mask R-CNN on HAT-Net
    complexity.py, timing.py                Eqs. 5 and 15 and counted MACs; measured time and memory
    speed.py                                what benchmarks/model.py has measured: the form of its file
    timm_surface.py, timm_models.py, depth.py  what timm's users expect of a model; timm's registry; how deep a weight lies
    checkpoints.py, described.py, files.py  weights on disk, and which models they can hold
    official.py, foreign.py                 the authors' weights; weights that other trainers wrote
    pictures.py, preprocessing.py           picture files of any kind as upright RGB; what a model is given of them
    cards.py, data.py, folders.py           what `train_small.py` trains on: drawn cards, data sets, folders of pictures ...
    shapes.py                               ... drawn shapes with their masks and boxes, for detection ...
    sources.py, wordnet.py                  ... what --data calls them, and words for classes that are named by WordNet ids ...
    augment.py, ahead.py                    ... how a batch is cropped, coloured and mixed, and that the next one is ready in time ...
    recipe.py, training.py, optimiser.py    ... how, the loop, which weights it trains ...
    machine.py, rehearsal.py                ... on which machine, and how fast it is there ...
    run.py, fingerprint.py, evaluation.py   ... what it leaves on disk, whether the data are still the same, how good the model is ...
    tasks/                                  ... for which task: what differs from one to another ...
    guessing.py                             ... and whether it learns anything
    ranges.py                               what all these values may be
    commands/                               the command line of `train_small.py`: arguments, training, evaluation
"""

import hatnet.timm_models  # noqa: F401 (enters the models into timm's registry)
from hatnet import complexity, dense, rollout, timing
from hatnet.checkpoints import CheckpointInfo, checkpoint_info, list_checkpoints, load_checkpoint, save_checkpoint
from hatnet.config import VARIANTS, Config
from hatnet.equations import Equation, block_input, trace_equations
from hatnet.geometry import place_of, token_at, window_of
from hatnet.maps import AttentionMap, attention_maps
from hatnet.mechanisms import register_mechanism
from hatnet.model import HATNet, create_model
from hatnet.official import list_pretrained, load_official_state_dict, load_pretrained
from hatnet.preprocessing import Preprocessing, transform
from hatnet.trace import Trace

__version__ = "0.1.0"  # pyproject.toml reads it here

__all__ = [
    "VARIANTS",
    "Config",
    "HATNet",
    "create_model",
    "AttentionMap",
    "attention_maps",
    "place_of",
    "token_at",
    "window_of",
    "register_mechanism",
    "Trace",
    "Equation",
    "block_input",
    "trace_equations",
    "complexity",
    "dense",
    "timing",
    "rollout",
    "Preprocessing",
    "transform",
    "CheckpointInfo",
    "checkpoint_info",
    "list_checkpoints",
    "list_pretrained",
    "load_checkpoint",
    "load_official_state_dict",
    "load_pretrained",
    "save_checkpoint",
]
