"""The reader of folders laid out as COCO is: what it reads, and what it says of what is wrong."""

import json

import pytest
import torch
from PIL import Image

from hatnet.dense.coco import load_objects, scan_coco
from tests.hatnet.dense.coco import make


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make(tmp_path_factory.mktemp("coco") / "set")


def changed(root, change):
    """A folder whose training annotations a function alters."""
    return make(root / "set", lambda part, text: change(text) if part == "train" else None)


def first(folder, masks=True):
    return load_objects(folder, "train", 48, 0.25, 1e9, masks).take([0])[0]


def test_boxes_classes_masks(folder):
    """Category ids 4 and 90 are the classes 0 and 1; masks fill their boxes to the pixel, here squares."""
    found = scan_coco(folder)
    assert found.classes == ("red", "blue") and {part: len(some) for part, some in found.parts.items()} == {
        "train": 24,
        "val": 4,
        "test": 4,
    }
    data = load_objects(found, "train", 48, 0.25, 1e9, True)
    for pixels, objects in data.take(range(len(data))):
        for box, label, mask in zip(objects["boxes"].int().tolist(), objects["classes"].tolist(), objects["masks"], strict=True):
            x1, y1, x2, y2 = box
            wanted = torch.zeros(48, 64, dtype=torch.uint8)
            wanted[y1:y2, x1:x2] = 1
            assert torch.equal(mask, wanted)
            assert (pixels[:, y1:y2, x1:x2] == torch.tensor([(220, 40, 40), (40, 40, 220)][label])[:, None, None]).all()
    assert data.class_counts().tolist() == [23, 23] and data.masks and len(data) == 24


def test_pictures_without_objects_are_kept(folder):
    data = load_objects(scan_coco(folder), "val", 48, 0.25, 1e9, True)
    sizes = sorted(len(objects["boxes"]) for _, objects in data.take(range(4)))
    assert sizes == [0, 2, 2, 2]
    empty = next(objects for _, objects in data.take(range(4)) if not len(objects["boxes"]))
    assert empty["boxes"].shape == (0, 4) and empty["masks"].shape == (0, 48, 64)


def test_memory_and_disk_give_the_same(folder):
    found = scan_coco(folder)
    held, lazy = (load_objects(found, "train", 48, 0.25, room, True) for room in (1e9, 0))
    assert lazy.lazy and not held.lazy and held.nbytes == 24 * 3 * 48 * 64
    for (a, some), (b, others) in zip(held.take([3, 9]), lazy.take([3, 9]), strict=True):
        assert torch.equal(a, b) and all(torch.equal(some[name], others[name]) for name in some)


def test_without_val_a_fraction_is_held_out(folder, tmp_path):
    root = make(tmp_path / "set")
    (root / "annotations" / "instances_val.json").unlink()
    found = scan_coco(root)
    train, val = ({picture.file.name for picture in found.split(split, 0.25)} for split in ("train", "val"))
    assert len(train) == 18 and len(val) == 6 and not train & val
    with pytest.raises(ValueError, match=r"no instances_test\.json"):
        (root / "annotations" / "instances_test.json").unlink()
        scan_coco(root).split("test", 0.25)


def test_names_of_years(tmp_path):
    """COCO's own names."""
    root = make(tmp_path / "set")
    (root / "annotations" / "instances_train.json").rename(root / "annotations" / "instances_train2017.json")
    (root / "train").rename(root / "train2017")
    assert len(scan_coco(root).parts["train"]) == 24


def test_run_lengths(tmp_path):
    """Rows 1 to 2 of column 3 of a picture of 48 x 64: column by column, 3 x 48 + 1 pixels without, 2 with, the rest without."""

    def change(text):
        rest = 48 * 64 - 3 * 48 - 3
        text["annotations"][0]["segmentation"] = {"size": [48, 64], "counts": [3 * 48 + 1, 2, rest]}
        text["annotations"][1] |= {"segmentation": {"size": [48, 64], "counts": [0, 48, 47 * 64 + 16]}, "iscrowd": 1}

    _, objects = first(scan_coco(changed(tmp_path, change)))
    assert objects["masks"][0].nonzero().tolist() == [[1, 3], [2, 3]]
    assert objects["masks"][1].nonzero()[:, 1].unique().tolist() == [0] and objects["crowd"].tolist() == [False, True]


def test_boxes_without_area_are_left_out_and_counted(tmp_path):
    """Of no width, and quite beyond the picture; one that hangs over the edge is cut."""

    def change(text):
        text["annotations"][0]["bbox"] = [5, 5, 0, 7]
        text["annotations"][1]["bbox"] = [70, 5, 4, 4]
        text["annotations"][2]["bbox"] = [-10, 40, 20, 30]

    found = scan_coco(changed(tmp_path, change))
    assert found.parts["train"][0].objects == () and list(found.left_out["train"]) == ["annotation 0", "annotation 1"]
    said = found.summary(("train",), 0.25)
    assert "instances_train.json" in said and "boxes without area in the picture: 2 (annotation 0, annotation 1)" in said
    second = next(picture for picture in found.parts["train"] if picture.file.name == "train/1.png")
    assert second.objects[0].box == (0, 40, 10, 48)


def test_five_hundred_boxes(tmp_path):
    def change(text):
        one = text["annotations"][0]
        text["annotations"] += [one | {"id": 1000 + number, "bbox": [number % 60, number // 60, 4, 4]} for number in range(500)]

    _, objects = first(scan_coco(changed(tmp_path, change)), masks=False)
    assert objects["boxes"].shape == (502, 4) and "masks" not in objects


WRONG = {
    "unknown category": (lambda text: text["annotations"][3].update(category_id=5), "annotation 3: category_id is 5.*nearest is 4"),
    "unknown image": (lambda text: text["annotations"][3].update(image_id=7), "annotation 3: image_id is 7"),
    "missing picture": (lambda text: text["images"][2].update(file_name="gone.png"), r"image 102: there is no file .*train/gone\.png"),
    "box of three": (lambda text: text["annotations"][3].update(bbox=[1, 2, 3]), "annotation 3: bbox"),
    "no box": (lambda text: text["annotations"][3].pop("bbox"), "annotation 3: .*bbox"),
    "infinite": (lambda text: text["annotations"][3].update(bbox=[1, 2, 3, float("inf")]), "annotation 3: bbox"),
    "crowd of two": (lambda text: text["annotations"][3].update(iscrowd=2), "annotation 3: iscrowd"),
    "an id twice": (lambda text: text["images"][1].update(id=100), "image 100: id 100 is there twice"),
    "a name twice": (lambda text: text["categories"][1].update(name="blue"), "category 4: .* twice"),
    "no list": (lambda text: text.pop("categories"), "has no list categories"),
    "a word": (lambda text: text["annotations"].append("x"), "annotation no. 47: it is a str"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_annotations_are_named(case, tmp_path):
    change, said = WRONG[case]
    with pytest.raises(ValueError, match=said) as error:
        scan_coco(changed(tmp_path, change))
    assert "instances_train.json" in str(error.value)


MASKS = {
    "of another size": ({"size": [64, 48], "counts": [48 * 64]}, r"its mask has the size \[64, 48\], and its picture \[48, 64\]"),
    "too short": ({"size": [48, 64], "counts": [5, 7]}, "do not add up to the 3,072 pixels"),
    "two points": ([[1, 2, 3, 4]], "at least three points"),
    "odd": ([[1, 2, 3, 4, 5, 6, 7]], "7 numbers; wanted an even number"),
    "a word": ("x", "segmentation is a str"),
    "none": (None, "has no segmentation; Mask R-CNN needs one"),
}


@pytest.mark.parametrize("case", MASKS)
def test_wrong_masks_are_named(case, tmp_path):
    """When the set is loaded; and only if masks are wanted."""
    mask, said = MASKS[case]
    found = scan_coco(changed(tmp_path, lambda text: text["annotations"][0].update(segmentation=mask)))
    with pytest.raises(ValueError, match=said) as error:
        load_objects(found, "train", 48, 0.25, 1e9, True)
    assert "instances_train.json, annotation 0" in str(error.value)
    load_objects(found, "train", 48, 0.25, 1e9, False)


def test_broken_json_and_folders(folder, tmp_path):
    root = make(tmp_path / "set")
    (root / "annotations" / "instances_train.json").write_text('{"images": [,')
    with pytest.raises(ValueError, match=r"instances_train\.json, line 1, column 13: not JSON"):
        scan_coco(root)
    with pytest.raises(ValueError, match=r"there is no folder .*sett; did you mean .*set\?"):
        scan_coco(folder.parent / "sett")
    (tmp_path / "other" / "annotations").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"annotations has nothing; wanted instances_train\.json"):
        scan_coco(tmp_path / "other")


def test_a_picture_of_another_size(tmp_path):
    root = make(tmp_path / "set")
    Image.new("RGB", (48, 64)).save(root / "train" / "0.png")
    with pytest.raises(ValueError, match=r"0\.png is 48 x 64 pixels, and its annotations say 64 x 48"):
        load_objects(scan_coco(root), "train", 48, 0.25, 1e9, False)


def test_classes_differ_between_parts(tmp_path):
    root = make(tmp_path / "set")
    path = root / "annotations" / "instances_val.json"
    text = json.loads(path.read_text())
    text["categories"][0]["name"] = "green"
    path.write_text(json.dumps(text))
    with pytest.raises(ValueError, match=r"instances_val\.json has the classes red, green"):
        scan_coco(root)


def test_a_changed_picture_or_annotation_changes_the_identity(tmp_path):
    root = make(tmp_path / "set")
    before = scan_coco(root).identity()
    path = root / "annotations" / "instances_train.json"
    text = json.loads(path.read_text())
    text["annotations"][0]["bbox"][0] += 1
    path.write_text(json.dumps(text))
    assert scan_coco(root).identity().facts["pictures"]["train"] != before.facts["pictures"]["train"]
    assert scan_coco(root).identity().facts["pictures"]["val"] == before.facts["pictures"]["val"]
