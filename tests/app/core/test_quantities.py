import pytest

from app.core.quantities import quantity


def test_a_number_carries_the_name_of_its_quantity():
    assert quantity("cells", "16") == '<span data-quantity="cells">16</span>'


def test_a_number_without_a_definition_is_not_shown():
    with pytest.raises(ValueError, match=r"no quantity 'sells'.*cells"):
        quantity("sells", "16")
