"""The checkpoints that the app offers, and the one that opens first: rules over headers, which loading.py needs before torch is loaded.

A header is `hatnet.CheckpointInfo` as a dict; `read` takes the part that these rules need from a file, without torch.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from app.core.samples import FOLDER, SAMPLES, label_of, offered

SHIPPED = Path(__file__).resolve().parents[2] / "hatnet" / "shipped"  # hatnet.checkpoints.SHIPPED


def by_cell(header: Mapping) -> bool:
    """Whether it classifies each cell of a picture, rather than the whole."""
    return header["config"].get("readout", 1) > 1


def unsuited(header: Mapping) -> str:
    """Why no page can show it, to follow "Not offered: NAME, because"; nothing if pages can."""
    if header.get("task", "classify") != "classify":
        return "it does not give one class to a picture"
    if not header["config"]["g1"]:
        return "each of its stages is plain attention, in one step"
    if header["config"].get("in_chans", 3) != 3:
        return "its images are not RGB"
    if by_cell(header) and header["data"] != "cards":
        return "it answers for each cell of pictures that are not drawn cards"
    return ""


def other_mechanisms(header: Mapping) -> set[str]:
    """The mechanisms of its hierarchical stages that are not the paper's."""
    mechanism = header["config"].get("attention", "hierarchical")
    return set([mechanism] if isinstance(mechanism, str) else mechanism) - {"hierarchical"}


def rank(name: str, header: Mapping) -> tuple:
    """The sort key of a shipped checkpoint: the classifier with H-MHSA that sees the largest pictures opens first, of two the one that
    knows more of the app's photographs."""
    photographs = sum(label_of(SAMPLES[key], header["classes"]) is not None for key in offered(cards=False))
    return bool(other_mechanisms(header)), by_cell(header), -int(header["image_size"]), -photographs, name


def opening(params: Mapping[str, str]) -> dict | None:
    """The header of the checkpoint that an address opens; None if it is not shipped, or cannot be read."""
    headers, ranks = {}, {}
    for path in SHIPPED.glob("*.safetensors"):
        try:
            header = read(path)
            if not unsuited(header):
                ranks[path.stem] = rank(path.stem, header)
                headers[path.stem] = header
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue  # checkpoints.py logs it
    return headers.get(params.get("checkpoint") or min(headers, key=ranks.get, default=""))


def picture(params: Mapping[str, str]) -> Path | None:
    """The photograph that an address opens with; None for drawn cards, an upload, or a checkpoint that is not shipped."""
    if (header := opening(params)) is None:
        return None
    cards, image = by_cell(header), params.get("image")
    keys = offered(cards, header["classes"])
    key = image if image in keys else keys[0]
    return None if image == "upload" or cards else FOLDER / f"{key}.jpg"


def two_steps(params: Mapping[str, str]) -> bool:
    """Whether the stage that an address opens is hierarchical; True where a checkpoint that is not shipped leaves it open."""
    config = (opening(params) or {"config": {"g1": (), "dims": ()}})["config"]
    plain = range(2 + len(config["g1"]), 2 + len(config["dims"]))  # the paper's stage 1 is the stem
    return params.get("stage") not in map(str, plain)


def read(path: Path) -> dict:
    """The header of a checkpoint, from the JSON at the start of its safetensors file."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        if size > 10_000_000:
            raise ValueError(f"{path} is not a safetensors file")
        header = json.loads(json.loads(file.read(size))["__metadata__"]["hatnet"])
    return {key: header[key] for key in ("config", "data", "image_size", "classes")} | {"task": header.get("task", "classify")}
