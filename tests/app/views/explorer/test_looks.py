"""What the panel "Heads & blocks" says about where the heads look, against the files of benchmarks/looks.py."""

from statistics import median

import pytest

from app.views.explorer import looks
from tests.app.explorer import data
from tests.app.pages import opened, plain, words


def row(stage, block, kind, head, mean, low, high, before=1.0):
    return dict(stage=stage, block=block, kind=kind, head=head, trained={"all": [mean, low, high]}, untrained={"all": [before, 0.9, 1.1]})


FOUND = {
    "images": 7,
    "area": 0.1,
    "objects": {"fish": "bass", "dog": None},
    "known": 4,
    "right": 3,
    "favourites": [],
    "heads": [
        row(2, 0, "local", 0, 2.0, 1.5, 2.5),
        row(2, 1, "local", 0, 4.0, 3.0, 5.0),
        row(3, 1, "global", 1, 0.25, 0.1, 0.4),
        row(3, 1, "global", 0, 1.0, 0.9, 1.2),
    ],
}


def test_best_and_worst_with_interval_beside_random_weights():
    best, worst = looks.best_and_worst(FOUND)
    assert (looks.name_of(best), looks.name_of(worst)) == ("2.2, local step, head 1", "3.2, global step, head 2")
    said = plain(looks.head_bars(FOUND))
    assert said.index("4.00 × (3.00 to 5.00 ×)") < said.index("1.00 × (0.90 to 1.10 ×)") < said.index("0.25 × (0.10 to 0.40 ×)")


def test_all_heads_are_counted():
    said = plain(looks.spread(FOUND))
    assert "Of 4 heads, 2 give the object more than an even share, 1 less, and 1 cannot be told" in said
    assert "knows 1 of the objects, and names 3 of their 4 pictures correctly" in said
    assert "2, local2203.00 ×1.00 ×" in said  # two heads, two above even, none below; the middle of 2 and 4
    assert "most heads look at it: 2, local (2 of 2)." in said and "look past it" not in said  # 1 of 2 is not most
    assert "3, global2010.62 ×1.00 ×" in said


def test_where_the_worst_head_looks():
    assert looks.on_border(FOUND) == "", "not measured"
    heads = [one | {"border": [1.5, 1.0, 1.8]} for one in FOUND["heads"]]
    said = plain(looks.on_border(FOUND | {"heads": heads, "border": 0.5}))
    assert "75 % of its attention (50 to 90 %)" in said and "ring of stage 3’s tokens, which is 50 % of the area" in said
    table = plain(looks.spread(FOUND | {"heads": heads, "border": 0.5}))
    assert "random weightson the border" in table and "2, local2203.00 ×1.00 ×1.50 ×" in table
    heads[0]["border"] = None
    assert "2, local2203.00 ×1.00 ×–" in plain(looks.spread(FOUND | {"heads": heads, "border": 0.5}))


@pytest.mark.parametrize("name", ["objects224", "cards"])
def test_the_page_says_it(name):
    at, found = opened("explorer", checkpoint=name, panel="heads"), looks.read(name)
    said = words(at)
    best, worst = looks.best_and_worst(found)
    for head in (best, worst):
        assert looks.name_of(head) in said and f"{plain(looks.times(head['trained']['all'][0]))} (" in said
    assert ("What do most local heads do instead?" in said) == (name == "objects224")
    at.button(key="looks_Show the head with the least").click().run()
    shown = {name: data(at)["chosen"][place] for place, name in enumerate(("stage", "block", "head"))}
    assert shown == {"stage": worst["stage"], "block": worst["block"] + 1, "head": worst["head"] + 1}


def test_it_stands_nowhere_else():
    assert "look where it should" not in words(opened("explorer", checkpoint="cards"))
    assert "look where it should" not in words(opened("explorer", panel="heads"))  # not measured for cifar10


def test_the_answer_is_what_was_measured():
    """`ANSWER` is one text: each of its claims must be true of the numbers."""
    rows = looks.last_stage(looks.read("objects224"))
    middle = {key: median(row[key] for row in rows) for key in looks.KEY_WORDS}
    chance = rows[0]["chance"]
    assert 0.4 < middle["shared"] < 0.65, "about half of the tokens"
    assert middle["place"] < 0.15 and middle["largest"] < 0.25 and middle["smallest_value"] < 0.1, "neither place nor size"
    assert middle["other_head"] < 0.2, "the heads seldom agree"
    assert middle["fixed_query"] > 0.25 > 8 * chance["fixed_query"], "often finds it"
    assert chance["object"] * 1.3 < middle["object"] < 0.5, "more often than by lot, but mostly elsewhere"
