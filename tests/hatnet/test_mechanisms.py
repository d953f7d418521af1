"""A mechanism of one's own: docs/mechanisms.md runs as printed, and its mechanisms are what a naive loop says, in every use of them."""

import contextlib
import io
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

import hatnet
from hatnet import attention, geometry
from hatnet.ablations import AnyKeys
from hatnet.attention import HMHSA
from hatnet.geometry import layout_of
from hatnet.mechanisms import MECHANISMS, register_mechanism
from tests.hatnet.models import filled, random_weights
from tests.hatnet.naive import hatnet as naive_hatnet
from tests.hatnet.naive import picture

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "mechanisms.md").read_text(encoding="utf-8")
INFO = {"classes": list("abcde"), "mean": [0.5] * 3, "std": [0.25] * 3, "image_size": 32, "data": "letters", "accuracy": 0.75}
SMALL = {"num_classes": 5, "depths": (1, 1, 1)}


TABLES = MECHANISMS, geometry.WINDOWS


def put(entries):
    """Make the tables of the registry hold these entries alone."""
    for table, own in zip(TABLES, entries, strict=True):
        table.clear()
        table.update(own)


@pytest.fixture(autouse=True)
def registry():
    """What a test registers is gone after it."""
    before = [dict(table) for table in TABLES]
    yield
    put(before)


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """docs/mechanisms.md, run once in an empty folder with the photograph: the folder, what was printed, and the registry after it."""
    before, folder = [dict(table) for table in TABLES], tmp_path_factory.mktemp("page")
    shutil.copy(ROOT / "app" / "samples" / "koala.jpg", folder)
    names, said = {"__name__": "page"}, io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(said):
        patch.chdir(folder)
        for block in re.findall(r"```python\n(.*?)```", PAGE, re.S):
            exec(compile(block, "mechanisms.md", "exec"), names)
    after = [dict(table) for table in TABLES]
    put(before)
    return folder, said.getvalue(), after


@pytest.fixture
def page(printed, registry):
    """With what docs/mechanisms.md registers."""
    put(printed[2])


def dilated(y, x, h, w, g1, g2):
    """The keys of a token, one after the other: as many tokens away from the next as there are windows."""
    down, across = -(-h // g1), -(-w // g1)
    return [[[(u, v)] for v in range(w) if (v - x) % across == 0] for u in range(h) if (u - y) % down == 0]


def near(y, x, h, w, g1, g2):
    """The tokens at most two away, in both directions."""
    return [[[(u, v)] for v in range(w) if abs(v - x) <= 2] for u in range(h) if abs(u - y) <= 2]


def test_the_page_s_figure_is_what_its_code_draws_and_it_prints_what_it_says(printed):
    folder, said, _ = printed
    assert said.split() == re.findall(r"print\(.*?\)  # (\w+)", PAGE)
    drawn, stored = (np.asarray(Image.open(place / "dilated-windows.png"), dtype=float) for place in (folder, ROOT / "docs"))
    assert drawn.shape == stored.shape and np.abs(drawn - stored).mean() < 2


@pytest.mark.parametrize("word, keys", [("dilated", dilated), ("neighbourhood", near)])
@pytest.mark.parametrize("height, width", [(32, 32), (61, 47)])  # maps smaller than some grids; nothing divides anything
def test_own_mechanisms_against_a_naive_loop(page, word, keys, height, width):
    shape = {"num_classes": 7, "depths": (1, 1, 1, 1), "dims": (12, 24, 36, 48), "head_dim": 12}
    model, weights = filled("hatnet_tiny", attention=word, **shape)
    model, weights = model.double(), {key: value.double() for key, value in weights.items()}
    images, grids = picture(3, height, width, batch=2).double(), {"g1": (5, 3, 2), "g2": (3, 2, 3)}
    places = [(0.99, 0.4), (0.3, 0.0)]
    with torch.inference_mode():
        explicit, maps = hatnet.attention_maps(model, images, **grids)
        fused, (_, asked) = model(images, **grids), hatnet.attention_maps(model, images, queries=places, **grids)
    for image in range(2):
        wanted, rows, _ = naive_hatnet(images[image], weights, (1, 1, 1, 1), 12, *grids.values(), words=(keys, "pooled"))
        for logits in (explicit, fused):
            torch.testing.assert_close(logits[image], wanted, atol=1e-10, rtol=0)
        for whole, some in zip(maps, asked, strict=True):
            h, w = whole.query_grid
            assert some.weights is None and some.heads == whole.heads
            for y, x in [(y, x) for y in range(h) for x in range(w)]:
                row, on_grid = rows[whole.stage, whole.block, whole.kind, y, x], whole.on_grid(y, x, image)
                own = whole.kind == "local"
                if own:
                    read = [key[0] for line in keys(y, x, h, w, *(grids[name][whole.stage - 2] for name in ("g1", "g2"))) for key in line]
                    assert {(u, v) for _, u, v in on_grid.nonzero().tolist()} == set(read)
                    torch.testing.assert_close(torch.stack([on_grid[:, u, v] for u, v in read], -1), row.flatten(1), atol=1e-10, rtol=0)
                if not own or word == "dilated":
                    torch.testing.assert_close(whole.row(y, x, image), row, atol=1e-10, rtol=0)
                torch.testing.assert_close(on_grid.sum((1, 2)), torch.ones(whole.heads).double(), atol=1e-10, rtol=0)
            for token in (hatnet.token_at(place, (h, w)) for place in places):
                torch.testing.assert_close(some.row(*token, image), whole.row(*token, image), atol=1e-10, rtol=0)


def test_dilated_windows_are_no_rectangles(page):
    model = hatnet.create_model("hatnet_compact", **SMALL, attention="dilated").eval()
    _, maps = hatnet.attention_maps(model, picture(0, 28))
    with pytest.raises(ValueError, match=r"is not a rectangle: rows 1, 5, 9, 13, columns 3, 7, 11"):
        maps[0].window(5, 3)
    image = hatnet.rollout.rollout(maps)
    assert image.sum().item() == pytest.approx(1, abs=1e-5) and image.min() >= 0


def test_rollout_through_windows_that_leave_places_empty(page):
    """Every token attends to the first token of its window: from (4, 4) of 7 x 7 tokens, three windows a side, to (1, 1)."""
    layout = MECHANISMS["dilated"](12, 12, hatnet.norms.group_norm).layouts(7, 7, 3, 2)[0]
    weights = torch.zeros(9, 1, 9, 9)
    weights[..., 0] = 1
    shares = torch.zeros(1, 7, 7)
    shares[0, 4, 4] = 1
    record = hatnet.AttentionMap(stage=2, block=0, kind="local", g1=3, g2=2, heads=1, images=1, layout=layout, rows={}, weights=weights)
    assert hatnet.rollout._back(record, shares, 0).nonzero().tolist() == [[0, 1, 1]]
    assert record.on_grid(6, 5).nonzero().tolist() == [[0, 0, 2]]


@pytest.mark.parametrize("word", ["dilated", "neighbourhood"])
@pytest.mark.parametrize("size", [(32, 32), (75, 93)])
def test_counted_macs_are_torch_s(page, word, size):
    model = hatnet.create_model("hatnet_compact", **SMALL, attention=word).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(picture(0, *size), explicit=True)
    assert 2 * hatnet.complexity.count(model, size).total == counter.get_total_flops()
    assert next(model.parameters()).device.type == "cpu", "the model is as it was"


def test_a_checkpoint_stores_the_name_and_loads_where_it_is_registered(page, tmp_path):
    model = random_weights(hatnet.create_model("hatnet_compact", **SMALL, attention=["dilated", "hierarchical"]))
    path = tmp_path / "a.safetensors"
    hatnet.save_checkpoint(model, path, INFO)
    torch.testing.assert_close(hatnet.load_checkpoint(path)(picture(0, 33)), model(picture(0, 33)), atol=0, rtol=0)
    del MECHANISMS["dilated"]
    for call in (hatnet.checkpoint_info, hatnet.load_checkpoint):
        with pytest.raises(hatnet.mechanisms.UnknownMechanism, match=r"a.safetensors: unknown attention 'dilated'; .*register_mechanism"):
            call(path)


def test_an_own_mechanism_through_fx_export_and_compile(page):
    image = picture(0, 45, 58)
    one_stage = {"num_classes": 5, "dims": (48,), "depths": (1,), "expansions": (2,), "kernels": (3,), "g1": (4,), "g2": (2,)}
    model = random_weights(hatnet.create_model("hatnet_compact", **one_stage, attention="dilated"))
    with torch.no_grad():
        wanted = model(image)
        for other in (
            torch.fx.symbolic_trace(model),
            torch.export.export(model, (image,)).module(),
            torch.compile(model, fullgraph=True, backend="eager"),
        ):
            torch.testing.assert_close(other(image), wanted, atol=1e-5, rtol=0)


def test_own_windows_and_their_neighbours_are_cut_alike():
    """Windows of neighbours, listed token by token, against `attention.partition`."""

    def listed(h, w, g1, g2):
        return tuple([range(at, min(at + g1, size)) for at in range(0, size, g1)] for size in (h, w))

    register_mechanism("listed", listed, listed)(type("Listed", (AnyKeys,), {}))
    for size in ((7, 9), (8, 4), (2, 5)):
        x, own, ours = torch.randn(2, 6, *size), layout_of("listed: local keys", *size, 4, 2), layout_of("window", *size, 4, 2)
        assert torch.equal(attention.partition(x, own), attention.partition(x, ours))
        assert torch.equal(attention.merge(attention.partition(x, own), own), x)
        masks = [attention.window_mask(x, layout) for layout in (own, ours)]
        assert (masks[0] is None and masks[1] is None) or torch.equal(*masks)
        assert (own.grid, own.keys) == (ours.grid, ours.keys)
        for token in ((y, z) for y in range(size[0]) for z in range(size[1])):
            assert own.locate(token) == ours.locate(token) and own.real(token) == ours.real(token)
            assert own.rectangle(token) == ours.rectangle(token)
    models = [random_weights(hatnet.create_model("hatnet_compact", **SMALL, attention=word)) for word in ("listed", "window")]
    torch.testing.assert_close(*(model(picture(0, 30, 47)) for model in models), atol=1e-5, rtol=0)


def wrong(windows):
    return lambda h, w, g1, g2: (windows(h), windows(w))


@pytest.mark.parametrize(
    "windows, said",
    [
        (lambda n: [range(n - 1)], r"along 16 tokens are \[0, 1.*wanted each of 0 to 15 in exactly one window"),
        (lambda n: [range(n), range(1)], "in exactly one window"),
        (lambda n: [range(n), ()], "in exactly one window"),
        (lambda n: [], "in exactly one window"),
    ],
)
def test_windows_that_are_no_partition_are_refused(windows, said):
    register_mechanism("broken", wrong(windows), "pooled")(type("Broken", (AnyKeys,), {}))
    with pytest.raises(ValueError, match=said):
        hatnet.create_model("hatnet_compact", attention="broken")(picture(0, 32))


def own(base=AnyKeys, **steps):
    return type("Own", (base,), steps)


@pytest.mark.parametrize(
    "call, said",
    [
        (lambda: register_mechanism("", "window", "pooled"), "a mechanism's name is a text, like 'dilated', and not ''"),
        (lambda: register_mechanism(3, "window", "pooled"), "a mechanism's name is a text"),
        (lambda: register_mechanism("own", "window", "pooled")(torch.nn.Linear), "not a subclass of hatnet.attention.HMHSA"),
        (lambda: register_mechanism("own", "window", "pooled")(hatnet.norms.group_norm), "not a subclass of hatnet.attention.HMHSA"),
        (lambda: register_mechanism("window", "window", "pooled")(own()), "'window' is taken, by hatnet.ablations.WindowedTwice"),
        (lambda: register_mechanism("own", "window", "pooled")(HMHSA), "HMHSA is registered already, as 'hierarchical'"),
        (lambda: register_mechanism("own", "windwo", "pooled")(own()), "unknown layout 'windwo'; the choices are window"),
        (lambda: register_mechanism("own", 7, "pooled")(own()), "local_keys=7: wanted a layout's name, like 'window', or a function"),
        (lambda: register_mechanism("own", "pooled", "pooled")(own(HMHSA)), "derive from hatnet.ablations.AnyKeys to read pooled cells"),
        (lambda: register_mechanism("own", "window", "window")(own(HMHSA)), "derive from hatnet.ablations.AnyKeys to read windows"),
        (lambda: register_mechanism("own", "window", dilated)(own(HMHSA)), "derive from hatnet.ablations.AnyKeys to read windows"),
    ],
)
def test_what_cannot_be_registered_is_said(call, said):
    with pytest.raises(ValueError, match=said):
        call()
    assert "own" not in MECHANISMS and not geometry.WINDOWS


def test_a_class_that_a_notebook_defines_again_replaces_itself():
    first, second = own(), own()
    for layer in (first, second):
        register_mechanism("own", "window", "full")(layer)
    assert MECHANISMS["own"] is second


def test_a_step_without_weights_has_no_map():
    def no_softmax(self, x, layout, explicit, trace):
        return self.grid_norm(x)

    def other_keys(self, x, layout, explicit, trace):
        return super(MECHANISMS["other"], self).local_step(x, layout_of("full", layout.h, layout.w, 1, 1), explicit, trace)

    register_mechanism("without", "window", "pooled")(own(local_step=no_softmax))
    register_mechanism("other", "window", "pooled")(own(local_step=other_keys))
    for word, said in (
        ("without", r"stage 2, block 0: the local step left no weights in its trace"),
        ("other", r"the local step left weights \[1, 2, 256, 256\] in its trace; wanted \[16, heads, 16, 16\], as its keys \(window\)"),
    ):
        model = hatnet.create_model("hatnet_compact", **SMALL, attention=word).eval()
        assert model(picture(0, 32)).shape == (1, 5)
        for queries in (None, [(0.5, 0.5)]):
            with pytest.raises(ValueError, match=said):
                hatnet.attention_maps(model, picture(0, 32), queries=queries)


def test_a_step_that_reads_numbers_cannot_be_counted():
    def sorted_first(self, x, layout, explicit, trace):
        return AnyKeys.local_step(self, x if x.max() > 0 else -x, layout, explicit, trace)

    register_mechanism("own", "window", "pooled")(own(local_step=sorted_first))
    with pytest.raises(ValueError, match="Own cannot be counted, as it needs the values of its input"):
        hatnet.complexity.count(hatnet.create_model("hatnet_compact", attention="own"), (32, 32))
