"""A small folder laid out as COCO is, shared by tests."""

import json

from PIL import Image

COLOURS = {4: (220, 40, 40), 90: (40, 40, 220)}  # of the objects, by category


def make(root, change=lambda part, text: None):
    """24 pictures to train on, 4 each in val and test: two squares on grey, and the last picture empty. `change` alters a part's text."""
    (root / "annotations").mkdir(parents=True)
    for part, count in (("train", 24), ("val", 4), ("test", 4)):
        (root / part).mkdir()
        text = {"images": [], "annotations": [], "categories": [{"id": 90, "name": "blue"}, {"id": 4, "name": "red"}]}
        for number in range(count):
            w, h = 64, 48
            picture = Image.new("RGB", (w, h), (128, 128, 128))
            text["images"].append({"id": 100 + number, "file_name": f"{number}.png", "width": w, "height": h})
            for place, category in enumerate((4, 90)) if number < count - 1 else ():
                x, y, side = 4 + 30 * place + number % 3, 6 + number % 5, 16 + number % 4
                picture.paste(COLOURS[category], (x, y, x + side, y + side))
                polygon = [x, y, x + side, y, x + side, y + side, x, y + side]
                text["annotations"].append(
                    {
                        "id": 2 * number + place,
                        "image_id": 100 + number,
                        "category_id": category,
                        "bbox": [x, y, side, side],
                        "area": side**2,
                        "iscrowd": 0,
                        "segmentation": [polygon],
                    }
                )
            picture.save(root / part / f"{number}.png")
        change(part, text)
        (root / "annotations" / f"instances_{part}.json").write_text(json.dumps(text))
    return root
