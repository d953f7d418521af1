"""What an attention map says of itself, and that many threads may ask for maps of one model at once."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

import hatnet
from tests.hatnet.models import filled
from tests.hatnet.naive import picture


@pytest.fixture(scope="module")
def tiny():
    return filled("hatnet_tiny", num_classes=10)[0]


def test_records_of_the_paper_s_setting(tiny):
    _, maps = hatnet.attention_maps(tiny, picture(0, 224))
    wanted = [
        (stage, block, kind)
        for stage, depth in zip((2, 3, 4, 5), (2, 2, 6, 3), strict=True)
        for block in range(depth)
        for kind in (("local", "global") if stage < 5 else ("global",))
    ]
    assert [(m.stage, m.block, m.kind) for m in maps] == wanted
    grids = {2: (56, 8, 8), 3: (28, 7, 4), 4: (14, 7, 2)}
    for m in maps:
        if m.stage == 5:
            assert (m.query_grid, m.key_grid, m.g1, m.g2, m.window(3, 3)) == ((7, 7), (7, 7), None, None, (0, 0, 7, 7))
            continue
        side, g1, g2 = grids[m.stage]
        assert (m.query_grid, m.g1, m.g2) == ((side, side), g1, g2)
        assert m.key_grid == ((g1, g1) if m.kind == "local" else (7, 7))
        assert m.window(side - 1, g1) == (side - g1, g1, g1, g1)
        assert m.row(side - 1, g1).shape == (m.heads, *m.key_grid)


@pytest.mark.parametrize("height, width", [(32, 32), (75, 141)])
@pytest.mark.parametrize("grids", [{}, {"g1": (5, 4, 3), "g2": (3, 5, 2)}])
def test_rows_sum_to_one_and_queried_rows_equal_all_rows(tiny, height, width, grids):
    images = picture(4, height, width, batch=2)
    places = [(0.0, 0.0), (0.49, 0.97), (1.0, 1.0)]
    with torch.inference_mode():
        _, everything = hatnet.attention_maps(tiny, images, **grids)
        _, asked = hatnet.attention_maps(tiny, images, queries=places, **grids)
    for whole, some in zip(everything, asked, strict=True):
        assert some.weights is None
        for y in range(whole.query_grid[0]):
            for x in range(whole.query_grid[1]):
                row = whole.row(y, x, image=1)
                torch.testing.assert_close(row.sum((1, 2)), torch.ones(whole.heads), atol=1e-5, rtol=0)
                if whole.kind == "local":
                    assert tuple(row.shape[1:]) == whole.window(y, x)[2:]
        for place in places:
            token = hatnet.token_at(place, whole.query_grid)
            for image in range(2):
                torch.testing.assert_close(some.row(*token, image=image), whole.row(*token, image=image), atol=1e-5, rtol=0)


def test_rows_that_were_not_asked_for(tiny):
    _, maps = hatnet.attention_maps(tiny, picture(0, 224), queries=[(0.5, 0.5)])
    with pytest.raises(ValueError, match=r"row \(0, 0\) was not computed; these were: \(28, 28\)"):
        maps[0].row(0, 0)
    _, maps = hatnet.attention_maps(tiny, picture(0, 224))
    for call in (maps[0].row, maps[0].window):
        with pytest.raises(ValueError, match=r"\(56, 0\) is off the grid of 56 x 56"):
            call(56, 0)
        with pytest.raises(ValueError, match="off the grid"):
            call(0, -1)
    with pytest.raises(ValueError, match="image 1: the batch holds 1"):
        maps[0].row(0, 0, image=1)
    with pytest.raises(ValueError, match="fractions of the image"):
        hatnet.attention_maps(tiny, picture(0, 224), queries=[(112, 112)])


def test_windows_of_both_steps(tiny):
    """The global record names the same G1 window, whatever G2 is; shifted windows begin half a window earlier."""
    for g2 in (1, 4):
        _, maps = hatnet.attention_maps(tiny, picture(0, 64), queries=[(0.5, 0.5)], g1=(4, 3, 3), g2=(g2, 1, 1))
        assert maps[0].window(5, 15) == maps[1].window(5, 15) == (4, 12, 4, 4)
    full = hatnet.create_model("hatnet_tiny", 10, attention="full")
    _, maps = hatnet.attention_maps(full, picture(0, 64), queries=[(0.5, 0.5)])
    assert maps[0].window(5, 15) == maps[1].window(5, 15) == (0, 0, 16, 16)
    shifted = hatnet.create_model("hatnet_tiny", 10, attention="shifted_window")
    _, maps = hatnet.attention_maps(shifted, picture(0, 64), queries=[(0.5, 0.5)], g1=(4, 3, 3))
    assert maps[0].window(5, 15) == (4, 12, 4, 4)
    assert maps[1].window(5, 15) == (2, 14, 4, 2)
    assert maps[1].window(1, 0) == (0, 0, 2, 2)


def test_queried_rows_stay_cheap_at_high_resolution(tiny):
    """All rows of stage 2 would be 36,864 x 576 numbers; asked for one place, no tensor of that kind is held."""
    _, maps = hatnet.attention_maps(tiny, picture(0, 768), queries=[(0.5, 0.5)])
    held = sum(row.numel() for m in maps for row in m.rows.values())
    assert held < 60_000 and all(m.weights is None for m in maps)


def test_threads_with_different_grids_get_what_each_gets_alone():
    model = filled("hatnet_compact", num_classes=10)[0]
    before = {key: value.clone() for key, value in model.state_dict().items()}
    buffers_and_attributes = {name: set(vars(module)) for name, module in model.named_modules()}
    jobs = [(picture(n, 32 + 3 * n, 40), (n % 5 + 1, n % 3 + 1), (n % 4 + 1, n % 2 + 1)) for n in range(8)]

    def maps_of(job):
        image, g1, g2 = job
        with torch.inference_mode():
            logits, maps = hatnet.attention_maps(model, image, g1=g1, g2=g2)
            return [logits, *(m.row(y, x) for m in maps for y in range(m.query_grid[0]) for x in range(m.query_grid[1]))]

    alone = [maps_of(job) for job in jobs]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(maps_of, jobs * 2))
    for index, answer in enumerate(together):
        for one, other in zip(alone[index % len(jobs)], answer, strict=True):
            torch.testing.assert_close(one, other, atol=1e-6, rtol=0)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert {name: set(vars(module)) for name, module in model.named_modules()} == buffers_and_attributes
    assert not any(module._forward_hooks for module in model.modules())
