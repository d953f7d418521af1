"""Shapes and sizes in the notation of the paper."""

from app.views.equations import latex


def test_live_sizes_in_the_paper_s_order():
    assert latex.paper_shape((1, 48, 16, 16), 48, "×") == "16×16×48"
    assert latex.paper_shape((16, 2, 25, 24), 48, "×") == "16×25×48"
    assert latex.paper_shape((1, 2, 24, 24), 48, "×") == "24×48"  # not a map, although it is square
    assert latex.paper_shape((1, 64, 48), 48, "×") == "64×48"
    written = r"\mathbf{X}_1\in\mathbb{R}^{(\frac{H}{G_1}\times\frac{W}{G_1})\times(G_1\times G_1)\times C}"
    shown = latex.with_sizes(written, {}, (16, 16), 48, 5, 2)
    assert shown == r"\mathbf{X}_1\in\mathbb{R}^{(4\times4)\times(5\times 5)\times 48}"


def test_one_equation_to_a_line_and_a_size_below_every_matrix():
    written = r"\mathbf{Q}=\mathbf{X}\mathbf{W}^q,\quad\mathbf{A}=\mathbf{Q}\mathbf{K}^{\mathrm{T}}"
    shown = latex.with_sizes(written, {r"\mathbf{Q}": (1, 2, 9, 3), r"\mathbf{K}": (1, 2, 4, 3), r"\mathbf{A}": (1, 9, 6)}, (3, 3), 6, 2, 2)
    lines = shown.removeprefix(r"\begin{aligned}").removesuffix(r"\end{aligned}").split(r"\\[0.6em]")
    assert [line.replace(r"\;", "").replace(r"\times ", "×").replace(r"\underset", "").replace(r"\mathbf", "") for line in lines] == [
        "{9×6}{{Q}}&={3×3×6}{{X}}{6×6}{{W}^q}",
        r"{9×6}{{A}}&={9×6}{{Q}}{6×4}{{K}^{\mathrm{T}}}",
    ]


def test_a_symbol_that_begins_another_is_left_alone():
    shown = latex.with_sizes(r"\mathbf{Q}_1=\mathbf{X}_1", {r"\mathbf{X}_1": (4, 9, 6)}, (6, 6), 6, 3, 2)
    assert shown == r"\mathbf{Q}_1=\;\underset{4\times 9\times 6}{\mathbf{X}_1}"
