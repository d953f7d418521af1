"""What is noticed when the pictures of a run change, and how it is said."""

import shutil

import pytest

from hatnet import folders
from hatnet.fingerprint import differences, held_out_facts, identify, twins, write_list


@pytest.fixture
def data(tmp_path):
    for name in ("apple", "bear", "cat"):
        (tmp_path / "set" / name).mkdir(parents=True)
        for number in range(5):
            (tmp_path / "set" / name / f"{number}.png").write_bytes(name[0].encode() * (20_000 + number))
    return tmp_path / "set"


def changes(before, data, run):
    return differences(before.facts, identify(folders.scan(data)), run)


def test_what_changed_is_named(data, tmp_path):
    before = identify(folders.scan(data))
    assert changes(before, data, tmp_path) == []
    assert changes(before, shutil.copytree(data, tmp_path / "elsewhere"), tmp_path) == []
    shutil.copytree(data, tmp_path / "parts" / "Train")
    assert changes(before, tmp_path / "parts", tmp_path) == [], "class folders alone are the part train"

    (data / "cat" / "5.png").write_bytes(b"new")
    (data / "bear" / "0.png").unlink()
    (data / "apple" / "3.png").write_bytes(b"A" * 20_003)
    assert changes(before, data, tmp_path) == [
        "apple: 5 pictures then, 5 now with other names or contents, bear: 5 pictures then, 4 now, cat: 5 pictures then, 6 now"
    ]
    write_list(tmp_path, before.listed)
    assert changes(before, data, tmp_path) == [
        "1 picture added (train/cat/5.png)",
        "1 picture removed (train/bear/0.png)",
        "1 picture changed (train/apple/3.png)",
    ]
    write_list(tmp_path, before.listed | {"train/cat/9.png": "1 0"})
    assert "then" in changes(before, data, tmp_path)[0], "the list of another run is not believed"


def test_classes(data, tmp_path):
    before = identify(folders.scan(data))
    (data / "apple").rename(data / "zebra")
    said = changes(before, data, tmp_path)
    assert said[:2] == ["no class apple any more", "a new class zebra"]
    (data / "zebra").rename(data / "apple")
    for old, new in (("apple", "x"), ("bear", "apple"), ("x", "bear")):
        (data / old).rename(data / new)
    assert changes(before, data, tmp_path), "two folders exchanged their names; their files have the same names and sizes"


def test_parts_and_what_was_read(data, tmp_path):
    before = identify(folders.scan(data))
    before.facts["images"] = {"train": 12, "val": 3}
    now = identify(folders.scan(data))
    assert differences(before.facts, now, tmp_path) == []
    now.facts["images"] = {"train": 11, "val": 3}
    assert differences(before.facts, now, tmp_path) == ["12 train images could be read then, 11 now"]
    parts = tmp_path / "parts"
    shutil.copytree(data, parts / "train")
    shutil.copytree(data, parts / "val")
    assert changes(before, parts, tmp_path) == ["val/ is new"]


def test_what_held_out_pictures_depend_on(data, tmp_path):
    """Without val/: on each class that is there. With val/: on that alone."""
    before = identify(folders.scan(data))
    shutil.rmtree(data / "bear")
    now = identify(folders.scan(data))
    assert differences(*held_out_facts(before.facts["pictures"], now), tmp_path) == []
    (data / "cat" / "0.png").unlink()
    assert differences(*held_out_facts(before.facts["pictures"], identify(folders.scan(data))), tmp_path) == ["cat: 5 pictures then, 4 now"]
    parts = tmp_path / "parts"
    shutil.copytree(data, parts / "train")
    shutil.copytree(data, parts / "val")
    before = identify(folders.scan(parts))
    (parts / "train" / "cat" / "0.jpg").write_bytes(b"new")
    assert differences(*held_out_facts(before.facts["pictures"], identify(folders.scan(parts))), tmp_path) == []
    (parts / "val" / "cat" / "0.jpg").write_bytes(b"new")
    assert differences(*held_out_facts(before.facts["pictures"], identify(folders.scan(parts))), tmp_path) != []


def test_of_many_pictures_only_names_and_sizes(data, tmp_path, monkeypatch):
    monkeypatch.setattr("hatnet.fingerprint.LOOKED_INTO", 10)
    before = identify(folders.scan(data))
    (data / "apple" / "3.png").write_bytes(b"A" * 20_003)
    assert changes(before, data, tmp_path) == []
    (data / "apple" / "3.png").write_bytes(b"A" * 20_004)
    assert changes(before, data, tmp_path) != []


def test_twins(data):
    files = folders.scan(data).parts["train"]
    assert twins({"train": files}) == []
    shutil.copy(data / "cat" / "0.png", data / "cat" / "same.png")
    shutil.copy(data / "cat" / "0.png", data / "bear" / "same.png")
    for name in ("x", "y"):
        (data / "cat" / f"{name}.png").touch()
    close = bytearray(b"c" * 20_001)
    close[5000] = 0  # between the samples
    (data / "bear" / "close.png").write_bytes(close)
    files = folders.scan(data).parts["train"]
    assert twins({"train": files}) == ["2 pictures in two classes: cat/0.png = bear/same.png, cat/same.png = bear/same.png"]
    val = [file for file in files if file.name == "cat/same.png"]
    train = [file for file in files if file.name != "bear/same.png" and file not in val]
    assert twins({"train": train, "val": val}) == ["1 picture both in val and train: cat/same.png = cat/0.png"]


def test_names_that_are_not_text(tmp_path):
    """A line break, a tab, and bytes that are not UTF-8: compared, and written without an error."""
    for name in ("a\tb", "c\nd", "e\udcff", "猫"):
        (tmp_path / "set" / name).mkdir(parents=True)
        (tmp_path / "set" / name / "1.png").write_bytes(b"1")
    before = identify(folders.scan(tmp_path / "set"))
    write_list(tmp_path, before.listed)
    assert changes(before, tmp_path / "set", tmp_path) == []
    (tmp_path / "set" / "猫" / "2.png").write_bytes(b"2")
    assert changes(before, tmp_path / "set", tmp_path) == ["猫: 1 pictures then, 2 now"]
