"""HAT-Net and its hierarchical attention (H-MHSA), written to be read beside the paper.

Read in this order: `attention.py` (Eqs. 1 to 14), `blocks.py` and `model.py` (Fig. 1), `config.py` (Table 1), `maps.py`,
`walk.py` (the equations step by step), `rollout.py`, `complexity.py` (Eqs. 5 and 15), `checkpoints.py`. What `train_small.py`
drives: `training.py`, `data.py`, `cards.py`.
"""

from hatnet import complexity, rollout, timing
from hatnet.checkpoints import CheckpointInfo, checkpoint_info, list_checkpoints, load_checkpoint, save_checkpoint
from hatnet.config import VARIANTS, Config
from hatnet.equations import Equation, block_input, trace_equations
from hatnet.geometry import place_of, token_at, window_of
from hatnet.maps import AttentionMap, attention_maps
from hatnet.model import HATNet, create_model
from hatnet.official import list_pretrained, load_official_state_dict, load_pretrained

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
    "Equation",
    "block_input",
    "trace_equations",
    "complexity",
    "timing",
    "rollout",
    "CheckpointInfo",
    "checkpoint_info",
    "list_checkpoints",
    "list_pretrained",
    "load_checkpoint",
    "load_official_state_dict",
    "load_pretrained",
    "save_checkpoint",
]
