"""The model through torch.export, torch.compile and ONNX, against the model itself."""

import pytest
import torch

import hatnet
from tests.hatnet.models import random_weights
from tests.hatnet.naive import picture

# A divisible and an odd size: full windows only, and partial ones with masks.
SIZES = [(64, 96), (75, 90)]


def two_stages():
    """Every kind of module once, and both kinds of attention: tracing takes seconds for each block."""
    stages = dict(dims=(48, 96), depths=(1, 1), expansions=(2, 2), kernels=(3, 3), g1=(8,), g2=(4,))
    return random_weights(hatnet.create_model("hatnet_tiny", 10, **stages))


@pytest.mark.parametrize("size", SIZES)
def test_torch_export(size):
    model, image = two_stages(), picture(0, *size)
    with torch.inference_mode():
        wanted = model(image)
    torch.testing.assert_close(torch.export.export(model, (image,)).module()(image), wanted, atol=1e-5, rtol=0)


@pytest.mark.parametrize("size", SIZES)
def test_torch_compile_in_one_graph(size):
    """fullgraph: dynamo raises where it would break the graph. The eager backend leaves the C++ compiler out of the fast tests."""
    model, image = two_stages(), picture(0, *size)
    with torch.inference_mode():
        wanted = model(image)
    torch._dynamo.reset()
    with torch.no_grad():
        torch.testing.assert_close(torch.compile(model, fullgraph=True, backend="eager")(image), wanted, atol=1e-5, rtol=0)


@pytest.mark.slow
def test_torch_compile_with_inductor():
    model, image = random_weights(hatnet.create_model("hatnet_compact", 10)), picture(0, 32)
    with torch.inference_mode():
        wanted = model(image)
    with torch.no_grad():
        torch.testing.assert_close(torch.compile(model, fullgraph=True)(image), wanted, atol=1e-4, rtol=0)


@pytest.mark.parametrize("size", SIZES)
def test_onnx(size, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    model, image = two_stages(), picture(0, *size)
    with torch.inference_mode():
        wanted = model(image)
    torch.onnx.export(model, (image,), str(tmp_path / "model.onnx"), dynamo=True, verbose=False)
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {session.get_inputs()[0].name: image.numpy()})
    torch.testing.assert_close(torch.from_numpy(found), wanted, atol=1e-4, rtol=0)
