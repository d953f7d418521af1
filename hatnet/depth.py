"""Where a parameter lies: in which stage, and how deep. For freezing, for learning rates by depth, and for timm's `group_matcher`."""

from hatnet.config import FIRST_STAGE

BODY = "backbone.body."  # where a dense model keeps its HAT-Net; the rest of it is a head


def stage_of(name: str, stages: tuple[int, ...]) -> int:
    """The paper's number of the stage that a parameter lies in: 1 for the stem, one more than the last stage's for the head.

    name: as in `named_parameters`. stages: `Config.stages`.
    """
    part, *rest = name.removeprefix(BODY).split(".")
    return 1 if part == "stem" else FIRST_STAGE + int(rest[0]) if part == "stages" else stages[-1] + 1


def depth_of(name: str, depths: tuple[int, ...]) -> int:
    """How deep a parameter lies: 0 for the stem, 1, 2, ... for the blocks, one more than the last block's for the head.

    name: as in `named_parameters`. depths: `Config.depths`. A downsampling belongs to the block after it.
    """
    part, *rest = name.removeprefix(BODY).split(".")
    if part == "stem":
        return 0
    if part != "stages":
        return sum(depths) + 1
    block = int(rest[2]) if rest[1] == "blocks" else 0
    return 1 + sum(depths[: int(rest[0])]) + block
