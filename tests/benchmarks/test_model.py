"""hatnet beside its peers: the counts are those published, the released style computes the same, and what is written has its form."""

import dataclasses
import json
from statistics import median

import pytest
import torch
from torch import nn

import hatnet
from benchmarks import model as bench
from benchmarks import page
from benchmarks.released import ReleasedStyle
from hatnet import speed
from hatnet.speed import FORWARD, PRODUCT, STEP, Setting
from tests.hatnet.measured import HEADER, layer, point
from tests.hatnet.timm_here import timm

SMALL = ["--models", "hatnet_compact", "test_resnet", "test_vit", "--pixels", "32", "--batch-sizes", "1", "2", "--sides", "32", "64"]
SMALL += ["--repeats", "2", "--minutes", "0.01"]
ROWS = [("hatnet_compact", "hatnet"), ("hatnet_compact", "released style"), ("test_resnet", "timm"), ("test_vit", "timm")]


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Runs the program at its smallest, with more arguments, and gives what it wrote."""
    monkeypatch.setattr(bench, "PRODUCT_SIDE", {"cpu": 64})

    def run(*more, name="peers.json"):
        bench.main([*SMALL, "--output", str(tmp_path / name), "--page", str(tmp_path / "page.md"), *more])
        return speed.read(tmp_path / name), (tmp_path / "page.md").read_text(encoding="utf-8")

    return run


def test_the_smallest_run_has_its_form(small, capsys):
    found, text = small()
    expected = [Setting(work=work, pixels=32, batch=batch, numbers="float32") for work, batch in ((FORWARD, 1), (FORWARD, 2), (STEP, 2))]
    assert found.settings == expected
    for setting in expected:
        assert list(found.of(setting)) == [*ROWS, (PRODUCT, "torch")]
    for each in found.points:
        assert len(each.seconds) == 2 and each.left_out is None
        for rate in (each.images_per_second, each.macs_per_second):
            assert 0 < rate.low <= rate.median <= rate.high
        if each.model != PRODUCT:
            assert each.peak_bytes > 0 and each.parameters > 1e5 and each.conv_linear > 1e6
            assert (each.attention > 0) == (each.model != "test_resnet")
            assert f"| {page.name_of(each)} |" in text and page.quartiles(each.images_per_second) in text
    assert [(each.mechanism, each.pixels) for each in found.layers] == [(name, side) for side in (32, 64) for name in bench.MECHANISMS]
    assert set(speed.exponents(found.layers)) == set(bench.MECHANISMS)
    assert all(f"| {page.LAYERS[name]} | {time:.2f} |" in text for name, (time, _, _) in speed.exponents(found.layers).items())
    assert found.header.kind == "cpu" and found.header.torch == torch.__version__ and found.header.timm == timm.__version__
    assert f"## {found.header.device}, " in text and "wrote" in capsys.readouterr().out


def test_a_full_run_goes_on_where_it_was_interrupted(small, monkeypatch, tmp_path):
    monkeypatch.setattr(bench, "LARGE", (64,))
    monkeypatch.setattr(torch, "compile", lambda model, dynamic: model)  # which takes minutes
    full = ["--full", "--training-minutes", "0", "--parts", "forward", "--models", "test_vit", "--batch-sizes", "1"]
    measured, compare = [], bench.Bench.compare

    def interrupted(self, setting, *more):
        if len(measured) == 2:
            raise KeyboardInterrupt
        measured.append(setting)
        return compare(self, setting, *more)

    monkeypatch.setattr(bench.Bench, "compare", interrupted)
    with pytest.raises(KeyboardInterrupt):
        small(*full)
    first = speed.read(tmp_path / "peers.json")
    assert first.settings == measured and len(measured) == 2
    monkeypatch.setattr(bench.Bench, "compare", compare)
    found, _ = small(*full)
    assert found.points[: len(first.points)] == first.points and found.header == first.header
    assert [(each.numbers, each.compiled, each.batch, each.pixels) for each in found.settings] == [
        ("float32", False, 1, 32),
        ("bfloat16", False, 1, 32),
        ("float32", True, 1, 32),
        ("float32", False, 1, 64),
    ]
    data = json.loads((tmp_path / "peers.json").read_text())
    data["header"]["device"] = "another"
    (tmp_path / "peers.json").write_text(json.dumps(data))
    with pytest.raises(SystemExit, match=r"was measured elsewhere .device another, now "):
        small(*full)


# In 10^9 multiply-adds at 224 x 224, as their authors (or torchvision's documentation: ResNet-50) give them, attention products included.
PUBLISHED = {
    "pvt_v2_b1": 2.1,
    "pvt_v2_b2": 4.0,
    "swin_tiny_patch4_window7_224": 4.5,
    "twins_svt_small": 2.9,
    "deit_tiny_patch16_224": 1.3,
    "deit_small_patch16_224": 4.6,
    "resnet50": 4.1,
}


@pytest.mark.parametrize("name", bench.PEERS)
def test_a_peer_s_multiply_adds_are_those_published_and_those_of_its_layers(name):
    parameters, conv_linear, attention = bench.counted(name, "timm", 224)
    assert (conv_linear + attention) / 1e9 == pytest.approx(PUBLISHED[name], abs=0.051)
    with torch.device("meta"):
        model = timm.create_model(name).eval()
    assert parameters == sum(weight.numel() for weight in model.parameters())
    seen = []

    def hook(module, inputs, output):
        places = output[:, 0].numel() if isinstance(module, nn.Conv2d) else output[..., 0].numel()
        seen.append(places * module.weight.numel())

    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(hook)
    with torch.no_grad():
        model(torch.empty(1, 3, 224, 224, device="meta"))
    assert conv_linear == sum(seen)
    assert timm.layers.use_fused_attn(), "the models that are timed use the fused kernel"


def test_attention_products_by_hand():
    """DeiT: 12 blocks, 14 x 14 tokens and one for the class; Swin: the 49 keys of each token's window, in every block; ResNet: none."""
    tokens = 14**2 + 1
    assert bench.counted("deit_small_patch16_224", "timm", 224)[2] == 12 * 2 * tokens**2 * 384
    swin = sum(depth * 2 * 49 * (56 >> stage) ** 2 * (96 << stage) for stage, depth in enumerate((2, 2, 6, 2)))
    assert bench.counted("swin_tiny_patch4_window7_224", "timm", 224)[2] == swin
    assert bench.counted("resnet50", "timm", 224)[2] == 0
    model = hatnet.create_model("hatnet_tiny")
    count, parameters = hatnet.complexity.count(model, (224, 224)), sum(weight.numel() for weight in model.parameters())
    for origin in ("hatnet", "released style"):
        assert bench.counted("hatnet_tiny", origin, 224) == (parameters, count.conv_linear, count.attention)


@pytest.mark.parametrize("name, pixels", [("hatnet_tiny", 224), ("hatnet_compact", 32)])
def test_the_released_style_computes_the_same(name, pixels):
    model, images = hatnet.create_model(name).eval(), torch.randn(1, 3, pixels, pixels)
    released = ReleasedStyle(model)
    with torch.no_grad():
        wanted = model(images)
        torch.testing.assert_close(released(images), wanted, rtol=1e-4, atol=1e-5)
        next(iter(released.parameters())).zero_()
        assert torch.equal(model(images), wanted), "its weights are copies"
    assert sum(p.numel() for p in released.parameters()) == sum(p.numel() for p in model.parameters())


def large(pixels, seconds, peak_bytes, macs, attention=0, **more):
    setting = Setting(work=FORWARD, pixels=pixels, batch=1, numbers="float32")
    return point(setting=setting, seconds=seconds, peak_bytes=peak_bytes, conv_linear=macs, attention=attention, **more)


def test_what_would_take_too_long_or_too_much_is_left_out():
    """Twice the side: 4 times the convolutions, 16 times the attention."""
    wanted = large(448, (), None, 4_000)
    assert bench.too_large(wanted, []) is None
    assert bench.too_large(wanted, [large(224, (14, 14.9, 15), 10, 1_000)]) is None
    assert bench.too_large(wanted, [large(224, (14, 16, 15.1), 10, 1_000)]) == "would take about 60 s"
    assert bench.too_large(wanted, [large(224, (14,), 2.1e9, 1_000)]) == "would take about 8 GB"
    products = large(448, (), None, 4_000, 160)
    assert bench.too_large(products, [large(224, (1,), 0.6e9, 1_000, 10)]) == "would take about 10 GB"
    left_out = large(224, (), None, 1_000, left_out="would take about 99 s")
    assert bench.too_large(wanted, [large(112, (1,), 10, 250), left_out]) == "would take about 99 s"
    for other in (
        large(224, (90,), 10, 1_000, origin="released style"),
        large(896, (90,), 10, 16_000),
        dataclasses.replace(left_out, setting=dataclasses.replace(left_out.setting, batch=8)),
    ):
        assert bench.too_large(wanted, [other]) is None
    slow = layer("MHSA", 256, [10])
    assert bench.too_large(layer("MHSA", 512, [], None), [slow]) == "would take about 160 s"
    assert bench.too_large(layer("windows", 512, [], None), [slow]) is None


def test_a_left_out_point_is_neither_measured_nor_hidden(small, monkeypatch):
    monkeypatch.setattr(bench, "LONGEST", 0)
    found, text = small("--parts", "forward", "layers", "--models", "test_resnet")
    assert all(each.left_out and not each.seconds and each.peak_bytes is None for each in found.points if each.model != PRODUCT)
    assert all(each.left_out and not each.seconds for each in found.layers if each.pixels == 64)
    assert text.count("left out: would take about") >= 4


@pytest.mark.parametrize("faster", [False, True])
def test_a_peer_runs_in_the_memory_format_that_is_faster(faster, monkeypatch):
    model = nn.Conv2d(3, 4, 3)
    monkeypatch.setattr(bench, "build", lambda *_: model)
    monkeypatch.setattr(bench, "seconds", lambda run, device: run() or 1 + (formats[-1] != faster))
    formats = []
    model.register_forward_hook(lambda module, inputs, output: formats.append(inputs[0].is_contiguous(memory_format=torch.channels_last)))
    run, channels_last = bench.Bench(torch.device("cpu"), 2, print).prepare(
        Setting(work=FORWARD, pixels=32, batch=1, numbers="float32"), "a", "timm"
    )
    run()
    assert set(formats) == {False, True} and formats[-1] == channels_last == faster
    assert model.weight.is_contiguous(memory_format=torch.channels_last) == faster


def test_a_training_step_trains():
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 3))
    before = model[1].weight.clone()
    setting = Setting(work=STEP, pixels=2, batch=5, numbers="float32")
    bench.Bench(torch.device("cpu"), 2, print).step(model, torch.randn(5, 3, 2, 2), setting)()
    assert not torch.equal(model[1].weight, before) and model[1].weight.grad is None


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--models", "hatnet_tinny"], "unknown model 'hatnet_tinny' .did you mean 'hatnet_tiny'"),
        (["--pixels", "0"], "pixels is 0; wanted a whole number from 1"),
        (["--repeats", "1"], "repeats is 1; .* the nearest is 2"),
    ],
)
def test_what_is_wrong_is_said_at_once(arguments, words):
    with pytest.raises(SystemExit, match=words):
        bench.main(arguments)


def test_without_a_gpu_and_without_timm(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit, match=r"--device cuda: torch .* finds no GPU here"):
        bench.main(["--device", "cuda"])

    def missing(name):
        raise ModuleNotFoundError("No module named 'timm'", name="timm")

    monkeypatch.setattr(bench.importlib, "import_module", missing)
    with pytest.raises(SystemExit, match=r"the peers come from timm .No module named 'timm'.: pip install -r requirements-dev.txt"):
        bench.main([])


def test_the_page_is_written_from_the_files_that_there_are():
    files = [path for path in page.FILES if path.exists()]
    assert (page.ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8") == page.page([speed.read(path) for path in files])


def test_the_page_says_where_hatnet_is_slower():
    """A peer with half the MACs in a third of the time is named; one that is as fast in some rounds is not."""
    points = (
        point("hatnet_tiny", "hatnet", 2_000, 0, (3, 3, 3)),
        point("fast", "timm", 1_000, 0, (1, 1, 1)),
        point("near", "timm", 4_000, 0, (2, 3, 4)),
        point(PRODUCT, "torch", 64**3, 0, (1, 2, 1)),
    )
    text = page.page([speed.Speeds(header=HEADER, points=points)])
    assert "- hatnet_tiny, batch 8: fast (3.00 times as many images/s, with 50 % of the MACs)\n" in text
    assert "| fast | 0.33 (0.33 to 0.33); 0.67 |" in text
    assert f"| hatnet_tiny | 0.0 M | 0.00 G | 0.00 G | {8 / median((3, 3, 3)):.3g} (2.67 to 2.67) |" in text
    assert "A product of two 64 × 64 matrices" in text
