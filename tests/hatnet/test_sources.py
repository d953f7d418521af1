"""Published sets laid out as their archives, WordNet ids in words, and folders that are joined: on small trees, without a network."""

from collections import Counter

import pytest
from PIL import Image

from hatnet import data, sources
from hatnet.wordnet import IMAGENETTE, IMAGEWOOF


def paint(root, *names, colour=(90, 90, 90)):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 32), colour).save(root / name)
    return root


def counts(folder, split, fraction=0.2):
    return dict(Counter(file.label for file in folder.split(split, fraction)))


@pytest.fixture
def downloads(tmp_path, monkeypatch):
    """An empty folder for downloads, and no network."""

    def offline(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr(sources, "ROOT", tmp_path / "data")
    monkeypatch.setattr("torchvision.datasets.utils.urllib.request.urlopen", offline)
    monkeypatch.setattr("torchvision.datasets.utils.USER_AGENT", "")
    return tmp_path / "data"


@pytest.mark.parametrize("name, ids", [("imagenette", IMAGENETTE), ("imagewoof", IMAGEWOOF)])
def test_a_published_set_laid_out_as_its_archive(name, ids, downloads):
    root = downloads / f"{name}2-320"
    for number, key in enumerate(ids):
        paint(root, *(f"train/{key}/{key}_{n}.JPEG" for n in range(3)), f"val/{key}/ILSVRC2012_val_{number:08}.JPEG")
    (root / f"noisy_{name}.csv").write_text("path,noisy_labels_0\n")
    train, test = data.load(name, "train", 32), data.load(name, "test", 32)
    assert train.classes == test.classes == tuple(sorted(ids.values())) and (len(train), len(test)) == (30, 10)
    assert test.labels.tolist() == [train.classes.index(word) for word in ids.values()]
    folder = sources.find(name, 0.1)
    assert folder.source == name and len(folder.split("val", 0.1)) == 10, "the published part val is held out, nothing of train"


@pytest.mark.parametrize(
    "name, words", [("imagenette", "go online once, or unpack imagenette2-320.tgz"), ("imagewoof", "fastai/imagenette")]
)
def test_a_published_set_that_is_not_there(name, words, downloads):
    with pytest.raises(ValueError, match=words):
        data.load(name, "train", 32)


def test_ids_become_words_where_all_are_known(tmp_path):
    dogs = paint(tmp_path / "dogs", "n02086240/1.png", "n02088364/1.png", "n02088364/sub/2.png")
    mixed = paint(tmp_path / "mixed", "n02086240/1.png", "n02123045/1.png")
    assert sources.find(f"folder:{dogs}", 0.1).classes == ("Shih-Tzu", "beagle")
    assert [file.name for file in sources.find(f"folder:{dogs}", 0.1).parts["train"]] == [
        "Shih-Tzu/1.png",
        "beagle/1.png",
        "beagle/sub/2.png",
    ]
    assert sources.find(f"folder:{mixed}", 0.1).classes == ("n02086240", "n02123045"), "half in words would be neither"
    assert sources.find(f"folder:{dogs}", 0.1, known=["n02086240"]).classes == ("n02086240", "n02088364"), "a run that began with ids"


def test_joined_folders_share_the_classes_of_one_name(tmp_path):
    """Dogs with a val/ of their own, named by ids; other dogs and cats in words, whose fifth is held out."""
    first = paint(tmp_path / "a", *(f"{part}/n02088364/{n}.png" for part in ("train", "val") for n in range(4)), "train/n02086240/0.png")
    second = paint(tmp_path / "b", *(f"{label}/{n}.png" for label in ("beagle", "cat") for n in range(10)))
    folder = sources.find(f"folder:{first}+{second}", 0.2)
    folder.check()
    assert folder.classes == ("Shih-Tzu", "beagle", "cat") and folder.source == f"folder:{first}+folder:{second}"
    assert counts(folder, "train") == {"beagle": 4 + 8, "Shih-Tzu": 1, "cat": 8} and counts(folder, "val") == {"beagle": 4 + 2, "cat": 2}
    files = [(split, file) for split in ("train", "val") for file in folder.split(split, 0.2)]
    assert len({file.path for _, file in files}) == len(files) == 29, "each picture once"
    assert len({(split, file.name) for split, file in files}) == 29, "each by a name of its own"
    assert sources.find(folder.source, 0.2) == folder and sources.title(folder.source) == "a+b"
    with pytest.raises(ValueError, match="name each folder once"):
        sources.find(f"folder:{first}+{first}", 0.2)
    with pytest.raises(ValueError, match="one of them is empty"):
        sources.find(f"folder:{first}+", 0.2)


def test_joined_folders_never_test_on_what_they_train_on(tmp_path):
    """Parts train and test; train and val; classes alone: only the first two have pictures to test on."""
    parts = {"a": ("train/", "test/"), "b": ("train/", "val/"), "c": ("",)}
    roots = [paint(tmp_path / name, *(f"{part}{name}/{n}.png" for part in own for n in range(10))) for name, own in parts.items()]
    folder = sources.find("folder:" + "+".join(map(str, roots)), 0.2)
    assert counts(folder, "test") == {"a": 10, "b": 10} and counts(folder, "train") == {"a": 8, "b": 10, "c": 8}
    assert counts(folder, "val") == {"a": 2, "b": 10, "c": 2}
    held = {file.path for split in ("val", "test") for file in folder.split(split, 0.2)}
    assert not held & {file.path for file in folder.split("train", 0.2)}


def test_a_wrong_layout_is_seen_in_each_of_the_joined(tmp_path):
    right = paint(tmp_path / "right", "a/1.png", "b/1.png")
    wrong = paint(tmp_path / "wrong", *(f"my_set/{label}/1.png" for label in "cd"))
    with pytest.raises(ValueError, match=r"did you mean folder:.*/wrong/my_set\?"):
        sources.find(f"folder:{right}+{wrong}", 0.1).check()
    one = paint(tmp_path / "one", "cat/1.png")
    sources.find(f"folder:{right}+{one}", 0.1).check()


def test_a_path_with_a_plus_sign_is_one_folder(tmp_path):
    root = paint(tmp_path / "cats+dogs", "a/1.png", "b/1.png")
    assert sources.find(f"folder:{root}", 0.1).path == root


@pytest.mark.parametrize("name", ["cifar10+imagenette", "cards+folder:x"])
def test_only_folders_can_be_joined(name):
    with pytest.raises(ValueError, match="wanted cards, cifar10"):
        data.load(name, "train", 32)
