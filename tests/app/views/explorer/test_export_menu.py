"""The page that the Explorer exports."""

import json
from dataclasses import replace

import numpy as np

from app.core import checkpoints, inference, pictures
from app.core.view import default
from app.views.explorer import export_menu
from tests.app.explorer import unpacked


def test_cards_are_exported_in_a_thread_without_a_session():

    known = checkpoints.describe("cards")
    view = default(known)
    assert "must name the marked card" in export_menu.html_page(view, known, pictures.sample(view.image)).decode()


def test_the_exported_page_holds_everything_and_calls_nobody():

    known, picture = checkpoints.describe("cifar10"), pictures.sample("cow")
    view = default(known)
    page = export_menu.html_page(view, known, picture).decode()
    assert len(page) < 1_000_000 and "default-src 'none'" in page and page.count("</script>") == 1
    assert "http://" not in page and "https://" not in page
    inside = json.loads(page.split("const data = ")[1].split(";\n")[0])
    sent = unpacked(inside["sheets"]["global"]["body"])
    expected = inference.attention(picture, known, view).rows(view, "global")
    np.testing.assert_allclose(sent, expected, atol=expected.max() / 500)


def test_an_exported_photograph_keeps_the_credit_that_its_licence_wants():
    known, picture = checkpoints.describe("cifar10"), pictures.sample("church_3")
    page = export_menu.html_page(replace(default(known), image="church_3"), known, picture).decode()
    assert picture.credit and picture.credit in page
