"""A small model that has learned nothing, and a picture of noise."""

import pytest
import torch

import hatnet


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(1)
    return hatnet.create_model("hatnet_compact", depths=(1, 1, 1)).eval()


@pytest.fixture
def image():
    return torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(2))
