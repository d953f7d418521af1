"""The model through torch.export, torch.compile and ONNX, against the model itself."""

import pytest
import torch

import hatnet
from hatnet import attention, by_index
from hatnet.geometry import layout_of
from hatnet.mechanisms import MECHANISMS
from tests.hatnet.models import random_weights
from tests.hatnet.naive import picture

# A divisible and an odd size: full windows only, and partial ones with masks.
SIZES = [(64, 96), (75, 90)]


def two_stages(**changes):
    """Every kind of module once, and both kinds of attention: tracing takes seconds for each block."""
    stages = dict(dims=(48, 96), depths=(1, 1), expansions=(2, 2), kernels=(3, 3), g1=(8,), g2=(4,)) | changes
    return random_weights(hatnet.create_model("hatnet_tiny", 10, **stages))


@pytest.mark.parametrize("size", SIZES)
def test_torch_export(size):
    model, image = two_stages(), picture(0, *size)
    with torch.inference_mode():
        wanted = model(image)
    torch.testing.assert_close(torch.export.export(model, (image,)).module()(image), wanted, atol=1e-5, rtol=0)


def exported(model, side, **shapes):
    """The program for any batch and the given sizes, traced with another one."""
    shapes = {"images": {0: torch.export.Dim("b", min=1, max=16)} | shapes.pop("sides")}
    return torch.export.export(model, (picture(0, *side, batch=2),), dynamic_shapes=shapes).module()


PARTIAL, WHOLE = (128, 96), (192, 192)  # traced with partial windows, and with whole ones


@pytest.mark.parametrize(
    ("word", "traced"),
    # Whole windows: HMHSA's own, and those that AnyKeys reads, plain and shifted.
    [*((word, PARTIAL) for word in MECHANISMS), ("hierarchical", WHOLE), ("shifted_window", WHOLE)],
)
def test_torch_export_with_dynamic_sizes(word, traced):
    """Multiples of 32 from 64 to 512 and any batch: maps smaller than a window, partial windows, whole ones."""
    model = two_stages(attention=word, g1=(24,))
    sides = {2: 32 * torch.export.Dim("down", min=2, max=16), 3: 32 * torch.export.Dim("across", min=2, max=16)}
    program = exported(model, traced, sides=sides)
    for batch, *size in ((1, 64, 64), (2, 64, 160), (1, 192, 96), (1, 224, 224), (3, 96, 320)):
        images = picture(1, *size, batch=batch)
        with torch.inference_mode():
            torch.testing.assert_close(program(images), model(images), atol=1e-4, rtol=0)


def test_a_guard_that_stops_the_export_is_named():
    """Pooled cells that may be partial: torch says which sizes would do."""
    sides = {2: torch.export.Dim("down", min=64, max=512), 3: torch.export.Dim("across", min=64, max=512)}
    with pytest.raises(torch._dynamo.exc.UserError, match=r"generated guard(.|\n)*down = 16\*_down"):
        exported(two_stages(), (128, 96), sides=sides)


@pytest.mark.parametrize("size", [(5, 7), (8, 12), (13, 4), (3, 3)])
@pytest.mark.parametrize("kind", ["window", "shifted_window"])
def test_windows_by_index_are_the_windows(kind, size):
    layout, x = layout_of(kind, *size, 4, 2), torch.randn(2, 6, *size)
    mask = attention.window_mask(x, layout)
    wanted, found = attention.partition(x, layout), by_index.partition(x, layout)
    real = torch.ones(wanted.shape[:2], dtype=torch.bool) if mask is None else mask[:, 0, 0]
    assert torch.equal(by_index.window_mask(x, layout)[:, 0, 0], real)
    assert torch.equal(found[real], wanted[real])
    assert torch.equal(by_index.merge(found, layout), x)


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")  # sizes become part of the trace
def test_torch_jit_trace_serves_every_batch():
    model, image = two_stages(), picture(0, 75, 90)
    images = picture(1, 75, 90, batch=3)
    for gradients, checkpointing in ((False, False), (True, True)):
        model.set_grad_checkpointing(checkpointing)
        with torch.set_grad_enabled(gradients):
            traced = torch.jit.trace(model, (image,))
        with torch.no_grad():
            torch.testing.assert_close(traced(images), model(images), atol=1e-5, rtol=0)


@pytest.mark.parametrize("size", SIZES)
def test_torch_compile_in_one_graph(size):
    """fullgraph: dynamo raises where it would break the graph. The eager backend leaves the C++ compiler out of the fast tests."""
    model, image = two_stages(), picture(0, *size)
    with torch.inference_mode():
        wanted = model(image)
    torch._dynamo.reset()
    with torch.no_grad():
        torch.testing.assert_close(torch.compile(model, fullgraph=True, backend="eager")(image), wanted, atol=1e-5, rtol=0)


@pytest.mark.parametrize("checkpointing", [False, True])
def test_torch_compile_in_training(checkpointing):
    """Gradients of a model that is compiled in one graph."""
    model, image = two_stages().train(), picture(0, 75, 90)
    model.dropout.p = 0
    model(image).square().sum().backward()
    wanted = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    model.set_grad_checkpointing(checkpointing)
    torch._dynamo.reset()
    torch.compile(model, fullgraph=True, backend="eager")(image).square().sum().backward()
    for p, gradient in zip(model.parameters(), wanted, strict=True):
        torch.testing.assert_close(p.grad, gradient)


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
