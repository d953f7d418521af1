"""Numbers and maps in words."""

import numpy as np

from app.core import words


def test_weights_and_maps_in_words():
    assert words.percent(0.0834) == "8.3 %" and words.percent(0.4149) == "41 %"
    assert [words.percent(weight) for weight in (0, 2e-9, 0.00009, 0.0004, 0.00099)] == ["0 %", "< 0.01 %", "< 0.01 %", "0.04 %", "0.1 %"]
    weights = np.full((4, 4), 0.5 / 15)
    weights[0, 1] = 0.5
    assert words.alt("Local", weights).endswith("The strongest is row 1, column 2, with 50 %.")


def test_numbers_are_written_without_an_exponent():
    said = {
        0.000012345: "0.0000123",
        0.5: "0.5",
        2.346: "2.35",
        99.96: "100",
        1234.5: "1,230",
        1e9: "1,000,000,000",
    }
    assert {number: words.significant(number) for number in said} == said
    assert words.significant(123.4, 2) == "120" and words.significant(-0.5) == "-0.5"


def test_a_name_stays_what_it_is_in_markdown():
    assert words.literal("Faces_easy") == r"Faces\_easy" and words.literal("a cat 2 × 2 · é") == "a cat 2 × 2 · é"
    assert words.literal("*$x$* :red[b] <i> `c` #") == r"\*\$x\$\* \:red\[b\] \<i\> \`c\` \#"


def test_amounts_in_words():
    said = {950: "950", 4_620_288: "4.62 million", 97_000_000: "97 million", 965_787_648: "966 million", 1_296_826_368: "1.3 billion"}
    said |= {999_499: "999 thousand", 999_600: "1 million", 999_700_000: "1 billion"}
    assert {number: words.amount(number) for number in said} == said
    short = {0.05: "0.05", 950: "950", 4_000: "4 k", 4_620_288: "4.62 M", 1_296_826_368: "1.3 G"}
    assert {number: words.short_amount(number) for number in short} == short
