"""What only a GPU can show: it computes what the CPU does, trains, resumes, takes part in processes, and is measured with its name."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from PIL import Image

import hatnet
import train_small
from benchmarks import model as bench
from hatnet import timing
from hatnet.speed import FORWARD, STEP, read
from hatnet.training import Trainer

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.cuda
TINY = ["--set", "dims=[24,24]", "--set", "depths=[1,1]", "--set", "expansions=[2,2]", "--set", "kernels=[3,3]", "--g1", "4", "--g2", "2"]
MODELS = ["hatnet_tiny", "hatnet_compact224"]


@pytest.fixture(autouse=True)
def exact_products():
    """Matrix products and convolutions in float32, not in TF32, which keeps 10 bits."""
    places = (torch.backends.cuda.matmul, torch.backends.cudnn)
    before = [place.allow_tf32 for place in places]
    for place in places:
        place.allow_tf32 = False
    yield
    for place, value in zip(places, before, strict=True):
        place.allow_tf32 = value


def on_both(name, **overrides):
    """The same model on the CPU and on the GPU."""
    torch.manual_seed(0)
    model = hatnet.create_model(name, **overrides).eval()
    twin = hatnet.create_model(name, **overrides).eval()
    twin.load_state_dict(model.state_dict())
    return model, twin.cuda()


@pytest.mark.parametrize("side", [224, 160])  # 160: windows that hang over the edge
@pytest.mark.parametrize("name", MODELS)
def test_logits_are_those_of_the_cpu(name, side):
    """The issue's measurement: 8e-7 in float32, 7e-3 in bfloat16, relative to the largest logit."""
    model, twin = on_both(name)
    images = torch.randn(2, 3, side, side)
    with torch.no_grad():
        wanted, found = model(images), twin(images.cuda()).cpu()
        with torch.autocast("cuda", torch.bfloat16):
            rough = twin(images.cuda()).float().cpu()
        explicit = twin(images.cuda(), explicit=True).cpu()
    scale = wanted.abs().max()
    assert (found - wanted).abs().max() < 2e-5 * scale
    assert (explicit - wanted).abs().max() < 2e-5 * scale
    assert (rough - wanted).abs().max() < 4e-2 * scale


@pytest.mark.parametrize("attention", ["window", "shifted_window", "pooled", "full"])
def test_the_other_mechanisms_are_those_of_the_cpu(attention):
    model, twin = on_both("hatnet_compact", attention=attention)
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(twin(images.cuda()).cpu(), model(images), rtol=1e-4, atol=1e-4)


def test_other_grids_and_maps_are_those_of_the_cpu():
    model, twin = on_both("hatnet_compact")
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(
            twin(images.cuda(), g1=(3, 2), g2=(4, 1)).cpu(), model(images, g1=(3, 2), g2=(4, 1)), rtol=1e-4, atol=1e-4
        )
        _, wanted = hatnet.attention_maps(model, images[:1], queries=[(0.5, 0.5)])
        _, found = hatnet.attention_maps(twin, images[:1].cuda(), queries=[(0.5, 0.5)])
    for ours, theirs in zip(found, wanted, strict=True):
        token = hatnet.token_at((0.5, 0.5), ours.query_grid)
        torch.testing.assert_close(ours.row(*token).cpu(), theirs.row(*token), rtol=1e-3, atol=1e-5)


def test_gradients_are_those_of_the_cpu():
    model, twin = on_both("hatnet_compact")
    images, labels = torch.randn(4, 3, 32, 32), torch.tensor([0, 1, 2, 3])
    F.cross_entropy(model(images), labels).backward()
    F.cross_entropy(twin(images.cuda()), labels.cuda()).backward()
    for (name, ours), theirs in zip(twin.named_parameters(), model.parameters(), strict=True):
        scale = theirs.grad.abs().max().clamp(min=1e-6)
        assert (ours.grad.cpu() - theirs.grad).abs().max() < 1e-3 * scale, name


def test_hooks_see_what_they_see_on_the_cpu():
    """Every module once, with whole tensors."""
    seen = {}
    for model, device in zip(on_both("hatnet_compact"), ("cpu", "cuda"), strict=True):
        shapes = seen[device] = []
        for name, module in model.named_modules():
            module.register_forward_hook(lambda _, inputs, output, name=name, shapes=shapes: shapes.append((name, inputs[0].shape)))
        with torch.no_grad():
            model(torch.zeros(1, 3, 32, 32, device=device))
    assert seen["cuda"] == seen["cpu"] and len(seen["cpu"]) > 50


def test_the_clock_waits_and_memory_is_the_gpu_s():
    a = torch.randn(8192, 8192, device="cuda")
    device = torch.device("cuda")
    timing.seconds(lambda: a @ a, device)
    taken = timing.seconds(lambda: [a @ a for _ in range(10)], device)
    assert taken > 10 * 8192**3 / 1e15, "no GPU does 10^15 multiply-adds a second in float32: the clock has not waited"
    assert (
        2 * 2**20 <= timing.peak_memory(lambda: (torch.empty(2**18, device="cuda"), torch.empty(2**18, device="cuda")), device) < 3 * 2**20
    )


def test_measured_layers_run_on_the_gpu():
    for name, layer in timing.layers(8, 8, 16, 4, 2, 8).items():
        module = getattr(layer, "func", layer)
        x = torch.randn(1, 16, 8, 8)
        with torch.no_grad():
            wanted = layer(x)
            module.to("cuda")
            torch.testing.assert_close(layer(x.cuda()).cpu(), wanted, rtol=1e-4, atol=1e-5, msg=name)


def test_the_benchmark_names_the_card(tmp_path, capsys):
    arguments = ["--device", "cuda", "--models", "hatnet_compact", "--pixels", "32", "--batch-sizes", "1", "4", "--repeats", "3"]
    bench.main([*arguments, "--output", str(tmp_path / "a.json"), "--page", str(tmp_path / "a.md")])
    found = read(tmp_path / "a.json")
    assert found.header.device == torch.cuda.get_device_name() and found.header.kind == "cuda"
    assert {(each.work, each.batch, each.numbers) for each in found.settings} == {
        (FORWARD, 1, "bfloat16"),
        (FORWARD, 4, "bfloat16"),
        (STEP, 4, "bfloat16"),
    }
    assert all(len(each.seconds) == 3 for each in found.points)
    assert f"## {torch.cuda.get_device_name()}\n" in (tmp_path / "a.md").read_text()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Two classes that colour tells apart."""
    folder = tmp_path_factory.mktemp("pictures")
    for part, count in (("train", 64), ("val", 8), ("test", 8)):
        for name, colour in (("a", 60), ("b", 200)):
            (folder / part / name).mkdir(parents=True)
            for number in range(count):
                Image.new("RGB", (32, 32), (colour, number % 50, 90)).save(folder / part / name / f"{number}.png")
    return folder


def losses(out):
    return [json.loads(line)["loss"] for line in (out / "metrics.jsonl").read_text().splitlines()]


def command(pictures, out, *more):
    least = ["--data", f"folder:{pictures}", "--device", "cuda", "--batch-size", "16", "--epochs", "5", "--ema", "0", "--out", str(out)]
    return [*least, *TINY, *more]


def run(pictures, out, *more):
    """A short training run on the GPU, and its losses."""
    train_small.main(command(pictures, out, *more))
    return losses(out)


@pytest.mark.parametrize("amp", ["off", "bf16"])
def test_the_trainer_learns_on_the_gpu(amp, pictures, tmp_path):
    first, *_, last = run(pictures, tmp_path / "run", "--amp", amp)
    assert last < first
    info = hatnet.checkpoint_info(tmp_path / "run" / "best.safetensors")
    assert info.accuracy > 0.9


def test_the_trainer_computes_what_it_does_on_the_cpu(pictures, tmp_path):
    """The first epoch's loss: batches and augmentation are the same numbers; rounding grows with the steps."""
    found = [run(pictures, tmp_path / device, "--amp", "off", "--epochs", "1", "--device", device) for device in ("cpu", "cuda")]
    assert found[1] == pytest.approx(found[0], rel=1e-2)


def test_a_run_resumes_on_the_gpu(pictures, tmp_path, monkeypatch, capsys):
    """Interrupted after five steps and resumed, it ends where the whole run does, but for the order of a GPU's sums."""
    whole = run(pictures, tmp_path / "whole", "--amp", "off")
    step = Trainer._step

    def interrupted(self, *arguments):
        result = step(self, *arguments)
        if self.state.step == 5:
            signal.raise_signal(signal.SIGINT)
        return result

    monkeypatch.setattr(Trainer, "_step", interrupted)
    train_small.main(command(pictures, tmp_path / "parts", "--amp", "off"))
    assert "stopped and saved at step 5 of" in capsys.readouterr().out
    monkeypatch.setattr(Trainer, "_step", step)
    train_small.main(["--resume", str(tmp_path / "parts")])
    assert losses(tmp_path / "parts") == pytest.approx(whole, rel=1e-2)


def test_processes_with_nccl(pictures, tmp_path):
    """As many processes as there are GPUs (one, if there is one) give the run that one process gives, but for the order of sums."""
    count = torch.cuda.device_count()
    alone = run(pictures, tmp_path / "alone", "--amp", "off")
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}", str(ROOT / "train_small.py")]
    arguments = command(pictures, tmp_path / "together", "--amp", "off", "--batch-size", str(16 // count))
    subprocess.run([*torchrun, *arguments], check=True, timeout=600, cwd=ROOT)
    assert losses(tmp_path / "together") == pytest.approx(alone, rel=2e-2)
