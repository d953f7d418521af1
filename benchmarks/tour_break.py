"""Where the tour can ask "what is left of the answer?": `python benchmarks/tour_break.py NAME` for a checkpoint of photographs.

The tour doubles G1 and G2 of one stage, says that the answer survives, and asks the visitor for an extreme whose meaning is plain: windows
of one token, so that a token reads no neighbour one by one, or one cell for the whole map, so that all tokens read the same mean, or both.
This finds a bundled photograph and a stage for which all that is true: the answer is right as trained, survives the doubling, and is
another one at the extreme. One side at its extreme is preferred to both; of several photographs it takes the one whose two answers are
surest. Writes app/content/tour_breaks.json; without an entry there, the tour asks whether the answer changes at all. Takes a few seconds
for a model of 32 pixels, and less than a minute for one of 224.
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from app.core import checkpoints, content, pictures, tour_breaks
from app.core.checkpoints import Checkpoint
from app.core.inference import normalised
from app.core.samples import SAMPLES, label_of, offered
from app.core.tour_breaks import Break


def find(checkpoint: Checkpoint) -> Break | None:
    """The surest break of a checkpoint of photographs; None if no photograph has any."""
    labels = {name: label_of(SAMPLES[name], checkpoint.classes) for name in offered(cards=False)}
    names = [name for name, label in labels.items() if label]
    if not names:
        return None
    model, right = checkpoints.model(checkpoint.name), [checkpoint.classes.index(labels[name]) for name in names]
    images = torch.cat([normalised(checkpoint, pictures.model_input(pictures.sample(name), checkpoint.image_size)) for name in names])

    def answers(g1: tuple[int, ...], g2: tuple[int, ...]) -> tuple[list[float], list[int]]:
        with torch.inference_mode():  # the model was loaded outside: loaded in here, it would have no gradients
            most = model(images, g1, g2).softmax(1).max(1)
        return most.values.tolist(), most.indices.tolist()

    before, found = answers(checkpoint.config.g1, checkpoint.config.g2), []
    for stage in checkpoint.hierarchical:
        _, still = answers(*tour_breaks.doubled(checkpoint, stage))
        for g1, g2 in tour_breaks.extremes(checkpoint, stage):
            alone = g1 > 1 or g2 < checkpoint.grid(stage)
            after = answers(*tour_breaks.with_sides(checkpoint, stage, g1, g2))
            for name, label, sure, was, then, now, sure_now in zip(names, right, *before, still, after[1], after[0], strict=True):
                if was == label == then != now:
                    found.append((alone, min(sure, sure_now), Break(image=name, stage=stage, g1=g1, g2=g2)))
    return max(found, key=lambda one: one[:2], default=(False, 0, None))[2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", help="the name of a checkpoint that the app offers")
    name = parser.parse_args().checkpoint
    checkpoint = checkpoints.describe(name)
    if checkpoint.cards or checkpoint.other_mechanisms:
        sys.exit(f"{name} classifies cards or has another mechanism; the tour asks this of H-MHSA on photographs")
    found = find(checkpoint)
    file = content.APP / tour_breaks.FILE
    others = {key: place for key, place in json.loads(file.read_text(encoding="utf-8")).items() if key != name}
    file.write_text(json.dumps(others | ({name: asdict(found)} if found else {}), indent=1) + "\n", encoding="utf-8")
    print(f"{name}: {found or 'no photograph breaks'}; written to {file}")


if __name__ == "__main__":
    main()
