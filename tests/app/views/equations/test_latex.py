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
