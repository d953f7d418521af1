"""HAT-Net and its hierarchical attention (H-MHSA), written to be read beside the paper."""

from hatnet.checkpoints import checkpoint_info, list_checkpoints, load_checkpoint, load_official_state_dict, save_checkpoint
from hatnet.config import VARIANTS, Config
from hatnet.maps import AttentionMap, attention_maps, place_of, token_at, window_of
from hatnet.model import HATNet, create_model

__all__ = [
    "VARIANTS",
    "AttentionMap",
    "Config",
    "HATNet",
    "attention_maps",
    "checkpoint_info",
    "create_model",
    "list_checkpoints",
    "load_checkpoint",
    "load_official_state_dict",
    "place_of",
    "save_checkpoint",
    "token_at",
    "window_of",
]
