"""Layouts, what is left out, and which pictures are held out: on empty files, since a scan opens none."""

import os
from collections import Counter
from pathlib import Path

import pytest
import torch

from hatnet import folders


def make(root, *names):
    for name in names:
        path = Path(root, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def many(*classes, n=10):
    return [f"{name}/{number:02}.png" for name in classes for number in range(n)]


def counts(files):
    return dict(Counter(file.label for file in files))


@pytest.mark.parametrize(
    "train, val, test",
    [("train", "val", "test"), ("Train", "VALID", "Test"), ("training", "validation", "testing"), ("TRAIN", "Dev", "TESTING")],
)
def test_parts_in_any_case_and_by_other_names(train, val, test, tmp_path):
    folder = folders.scan(make(tmp_path, *many(f"{train}/a", f"{train}/b"), *many(f"{val}/a", n=3), *many(f"{test}/b", n=2)))
    folder.check()
    assert {split: counts(folder.split(split, 0.1)) for split in ("train", "val", "test")} == {
        "train": {"a": 10, "b": 10},
        "val": {"a": 3},
        "test": {"b": 2},
    }
    assert folder.classes == ("a", "b") and folder.names == {"train": train, "val": val, "test": test}


def test_a_class_may_have_a_parts_name(tmp_path):
    """Vehicles: car, bus, train."""
    folder = folders.scan(make(tmp_path, *many("bus", "car", "train")))
    folder.check()
    assert folder.classes == ("bus", "car", "train") and not folder.names


@pytest.mark.parametrize(
    "names, words",
    [
        (many("my_dataset/a", "my_dataset/b"), r"did you mean folder:.*/my_dataset\?"),
        (many("x/y/a", "x/y/b"), r"did you mean folder:.*/x/y\?"),
        (many("my_dataset/train/a", "my_dataset/train/b"), r"did you mean folder:.*/my_dataset\?"),
        (many("train/inner/a", "train/inner/b"), r"did you mean folder:.*/train/inner\?"),
        (many("fold1/a", "fold1/b", "fold2/a", "fold2/b"), "the pictures lie deeper, in a, b of fold1/"),
        (many("cat/train", "cat/test", "dog/train", "dog/test"), "the pictures lie deeper"),
        (many("seg_train/seg_train/a", "seg_train/seg_train/b", "seg_test/seg_test/a"), "names of parts"),
        (many("Train", "Test"), "names of parts"),
        (many("a"), "the class would be a alone"),
        (many("train/a", "val/a"), "the class would be a alone"),
        (many("train/steam", "train/diesel", "car"), "leaves out car/00.png"),
    ],
)
def test_another_layout(names, words, tmp_path):
    folder = folders.scan(make(tmp_path, *names))
    with pytest.raises(ValueError, match=words + r".*--trust-layout"):
        folder.check()


@pytest.mark.parametrize(
    "names",
    [
        many("a", "b"),
        many("a/images", "b/images"),  # as in Tiny ImageNet
        [*many("a/2023", "a/2024"), *many("b")],
        [*many("train/a", "train/b"), *many("test")],  # a test of a competition, without labels
        [*many("train/a", "train/b"), "train/a/x/1.png", "readme.png"],
    ],
)
def test_layouts_that_are_right(names, tmp_path):
    folder = folders.scan(make(tmp_path, *names))
    folder.check()
    assert folder.classes == ("a", "b") and folder.part_of("test") == folder.part_of("val") == "train"


@pytest.mark.parametrize(
    "names, words",
    [
        (["1.png"], "found no pictures in .*/CLASS/.*not in a folder of a class: 1.png"),
        (["a/1.txt"], "found no pictures .*not pictures by their name: a/1.txt"),
        ([".a/1.png"], "found no pictures .*hidden: .a/"),
        (many("train/a", "Training/a"), "Training/ and train/, and both may be the part train/"),
    ],
)
def test_what_cannot_be_scanned(names, words, tmp_path):
    with pytest.raises(ValueError, match=words):
        folders.scan(make(tmp_path, *names))
    with pytest.raises(ValueError, match=r"did you mean .*/pictures"):
        folders.scan(make(tmp_path / "pictures", "a/1.png") / ".." / "picture")


def test_missing_part(tmp_path):
    folder = folders.scan(make(tmp_path, *many("test/a", "test/b")))
    assert folder.classes == ("a", "b") and len(folder.split("test", 0.1)) == 20
    with pytest.raises(ValueError, match="has test/, and no train/"):
        folder.split("val", 0.1)


def test_what_is_left_out(tmp_path):
    make(
        tmp_path,
        *many("a", "b"),
        ".thumbnails/1.png",
        "__MACOSX/a/._1.png",
        "@eaDir/1.png",
        "a/._2.png",
        "a/x.txt",
        "y.png",
        "a/deep/1.JPEG",
    )
    (tmp_path / "empty").mkdir()
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "a" / "gone.png").symlink_to("nowhere.png")
    (tmp_path / "b" / "linked.png").symlink_to(tmp_path / "a" / "00.png")
    folder = folders.scan(tmp_path)
    assert {why: set(names) for why, names in folder.left_out.items()} == {
        "hidden": {".thumbnails/", "__MACOSX/", "@eaDir/", "a/._2.png"},
        "not pictures by their name": {"a/x.txt"},
        "not in a folder of a class": {"y.png"},
        "folders without a picture": {"empty/"},
        "links back to where they lie": {"a/up/"},
        "links to nothing": {"a/gone.png"},
    }
    assert counts(folder.parts["train"]) == {"a": 11, "b": 11}
    said = folders.summary(folder, {split: folder.split(split, 0.1) for split in ("train", "val")})
    assert "2 classes; pictures: 20 train, 2 val" in said and "left out, links to nothing: 1 (a/gone.png)" in said


def test_held_out_class_by_class(tmp_path):
    """The fraction of each class, rounded, at least one; a single picture is trained on."""
    names = [*many("big", n=40), *many("ten"), *many("two", n=2), *many("few1", "few2", n=1)]
    folder = folders.scan(make(tmp_path, *names))
    train, val = (folder.split(split, 0.1) for split in ("train", "val"))
    assert counts(val) == {"big": 4, "ten": 1, "two": 1} and counts(train) == {"big": 36, "ten": 9, "two": 1, "few1": 1, "few2": 1}
    assert sorted(file.name for file in train + val) == sorted(names)
    assert counts(folder.split("val", 0.99)) == {"big": 39, "ten": 9, "two": 1}
    said = folders.summary(folder, {"train": train, "val": val})
    assert "a single picture, which is trained on and not held out: few1, few2" in said and "no val picture" not in said
    only = folders.scan(make(tmp_path / "only", *many("a", "b", n=1)))
    with pytest.raises(ValueError, match="every class has a single picture"):
        only.split("val", 0.1)


def test_held_out_by_name_alone(tmp_path):
    """Neither the order of the files, nor other classes, nor the folder's place matter; a larger fraction holds out the same and more."""
    held = {file.name for file in folders.scan(make(tmp_path / "one", *many("a", "b", n=30))).split("val", 0.2)}
    other = folders.scan(make(tmp_path / "two" / "train", *reversed(many("a", "c", n=30))).parent)
    assert {name for name in held if name[0] == "a"} == {file.name for file in other.split("val", 0.2) if file.label == "a"}
    assert held < {file.name for file in folders.scan(tmp_path / "one").split("val", 0.3)}
    files = folders.scan(tmp_path / "one").parts["train"]
    assert folders.by_class(files, 0.2) == folders.by_class(files[::-1], 0.2)
    some = [file.label for file in folders.scan(tmp_path / "one").split("val", 0.5)][:15]
    assert 3 < some.count("a") < 12, "the first of the held-out pictures are a sample of all classes"


def test_accents_composed_or_not(tmp_path):
    """A folder copied from macOS may write é as e and an accent."""
    one, two = (
        folders.scan(make(tmp_path / name, f"{e}/1.png", f"{e}/2.png", "b/1.png")) for name, e in (("one", "\u00e9"), ("two", "e\u0301"))
    )
    assert one.classes == two.classes == ("b", "\u00e9")
    assert [file.name for file in one.split("val", 0.1)] == [file.name for file in two.split("val", 0.1)]


def test_old_runs_keep_their_division(tmp_path):
    """By place in the list of torchvision's ImageFolder."""
    from torchvision.datasets import ImageFolder

    for name in ("a/1.png", "a/x/2.png", "a b/3.png", "a/10.png", "b/4.png"):
        make(tmp_path, name)
    folder = folders.scan(tmp_path)
    names = [os.path.relpath(name, tmp_path) for name, _ in ImageFolder(str(tmp_path)).samples]
    assert [file.name for file in folder.parts["train"]] == names
    kept, held = folders.by_place(names, 0.4)
    order = torch.randperm(5, generator=torch.Generator().manual_seed(0)).tolist()
    assert [kept, held] == [[names[i] for i in order[2:]], [names[i] for i in order[:2]]]


def test_summary_of_many_classes(tmp_path):
    make(tmp_path, *(f"c{number}/{i}.png" for number in range(40) for i in range(number + 2)))
    folder = folders.scan(tmp_path)
    said = folders.summary(folder, {"train": folder.split("train", 0.1)})
    assert len(said.splitlines()) == 2 and "train: from 1 (c0) to 37 (c39) pictures for each class" in said
