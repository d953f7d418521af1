"""Paper through AppTest."""

import re
from urllib.parse import parse_qs

import pytest
import torch

from app.core.view import EQUATIONS
from app.views.paper import equation_index
from app.views.paper.text import TITLE
from hatnet import complexity, create_model, paper
from tests.app.pages import charts, components, opened, plain, quantities, text, words


def tables(at):
    return [data for data in components(at) if "rows" in data and "head" in data]


def test_its_title_is_true_and_its_first_picture_says_so():
    for name in paper.NAMES:
        with torch.device("meta"):
            model = create_model(name)
        printed = paper.classifier(name)
        count = complexity.count(model, (224, 224))
        assert round(sum(p.numel() for p in model.parameters()) / 1e6, 1) == printed.parameters
        assert round(count.with_norms / 1e9, 1) == printed.flops < round(count.total / 1e9, 1)
    at = opened("paper")
    assert at.title[0].value == TITLE
    assert "would add 6 to 8 %" in words(at)  # 0.1584 / 1.9697 = 8.0 %; 0.4827 / 8.2946 = 5.8 %; 0.6346 / 11.4403 = 5.5 %
    (said,) = re.findall(r'aria-label="(Multiply-adds of one image[^"]+)"', text(at))
    assert "HAT-Net-Tiny: the paper prints 2.0 G; ours 1.98 + 0.16 G" in said


@pytest.mark.parametrize("number", [1, 5])
def test_the_address_and_the_switch_choose_a_table(number):
    at = opened("paper", table=str(number))
    assert tables(at)[0]["title"].startswith(f"Table {number}:")
    assert at.query_params["table"] == str(number)
    at.button_group(key="choose_table").set_value(2).run()
    assert tables(at)[0]["title"].startswith("Table 2:") and "table" not in at.query_params
    assert [button.proto.label for button in at.get("download_button")] == ["CSV"]


def test_a_model_and_a_part_of_fig_1_are_in_the_address():
    at = opened("paper", model="cards", part="5")
    assert "cards, trained here, Classifier" in words(at), "it has one stage: the nearest part is what follows"
    at.selectbox(key="choose_model").set_value("hatnet_large").run()
    at.radio(key="choose_part").set_value(5).run()
    assert (at.query_params["model"], at.query_params["part"]) == ("hatnet_large", "5")
    assert "HAT-Net-Large, Stage 5" in words(at) and "7 × 7 × 640" in words(at)


def test_what_cannot_be_shown_is_said():
    at = opened("paper", model="hatnet_huge", table="7", part="0")
    said = words(at)
    assert "The link asked for model “hatnet_huge”, which is not here. hatnet_tiny is shown." in said
    assert "asked for table 7; the paper has five tables. Table 5 is shown." in said
    assert "asked for part 0; Fig. 1 has six parts. Part 1 is shown." in said


def test_every_equation_leads_to_a_page_that_has_it():
    at = opened("paper", image="koala")
    (index,) = [data for data in tables(at) if data["title"].startswith("The equations")]
    assert [row["name"].replace("\u00a0", " ") for row in index["rows"]] == [f"Eq. {n}" for n in range(1, 16)]
    for number, row in enumerate(index["rows"], 1):
        (link,) = [cell for cell in row["cells"] if "href" in cell]
        page, _, query = link["href"].partition("?")
        asked = parse_qs(query)
        assert asked["image"] == ["koala"] and link["pick"] == number
        assert page == ("cost" if number == 5 else "equations")
        if page == "equations":
            assert asked["equation"] == [str(number if number > 5 else 2)]
    assert set(equation_index.SAID) == set(range(1, 16)) and EQUATIONS[1:] == tuple(range(6, 16))


def test_the_visitor_s_model_is_marked_among_those_trained_here():
    at = opened("paper")
    assert quantities(at)["parameters"] == "1,767,514" and "91.9 %" in words(at)


def test_it_works_with_every_mechanism_and_in_a_plain_stage():
    at = opened("paper", checkpoint="cifar10-window", stage="4")
    assert at.title[0].value == TITLE and len(charts(at)) in (1, 2)
    assert "None of the paper’s own trainings" in plain(text(at))
