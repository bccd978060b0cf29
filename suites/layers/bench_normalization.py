"""What normalisations cost, by dtype and layout, forward and with gradients."""

import pytest
import torch
from torch import nn

from torchproof import bench
from torchproof.fixtures.work import forward, forward_and_backward, nbytes, random

DTYPES = ["float32", "bfloat16", "float16"]
LAYERS = {
    "batch": lambda: nn.BatchNorm2d(32),
    "group": lambda: nn.GroupNorm(4, 32),
    "instance": lambda: nn.InstanceNorm2d(32, affine=True),
}


def moves_forward(layer, x):
    """The input is read and as much is written."""
    return nbytes(layer, x, x)


def moves_both(layer, slope, x):
    """Forward; then the input and the slope are read, and the input's gradient is written."""
    return nbytes(layer, x, x) + nbytes(layer, x, slope, x)


@bench("torch.nn.LayerNorm", moves=moves_forward, quick=True)
@pytest.mark.parametrize("dtype", ["bfloat16"])
def bench_layer_norm(benchmark, dtype):
    """The rows of a matrix of 256 by 256."""
    benchmark(forward, nn.LayerNorm(256).to(getattr(torch, dtype)), random(256, 256, dtype=dtype))


@bench("torch.nn.RMSNorm", moves=moves_forward)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def bench_rms_norm(benchmark, dtype):
    """The rows of a matrix of 256 by 256, by their root mean square."""
    benchmark(forward, nn.RMSNorm(256).to(getattr(torch, dtype)), random(256, 256, dtype=dtype))


@bench("torch.nn.BatchNorm2d", moves=moves_forward, quick=True)
@pytest.mark.parametrize("layout", ["contiguous", "channels_last"])
@pytest.mark.parametrize("dtype", ["float32"])
def bench_batch_norm(benchmark, dtype, layout):
    """The channels of 4 images, in training."""
    benchmark(forward, nn.BatchNorm2d(32).to(getattr(torch, dtype)), random(4, 32, 16, 16, dtype=dtype, layout=layout))


@bench("torch.nn.GroupNorm", moves=moves_forward, quick=True)
@pytest.mark.parametrize("layout", ["channels_last"])
def bench_group_norm(benchmark, layout):
    """Four groups of the channels of 4 images."""
    benchmark(forward, nn.GroupNorm(4, 32), random(4, 32, 16, 16, layout=layout))


@bench("torch.nn", moves=moves_forward)
@pytest.mark.parametrize("layout", ["contiguous", "channels_last"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", LAYERS)
def bench_of_images(benchmark, name, dtype, layout):
    """4 images with 32 channels are normalised, without gradients."""
    benchmark(forward, LAYERS[name]().to(getattr(torch, dtype)), random(4, 32, 16, 16, dtype=dtype, layout=layout))


@bench("torch.nn", moves=moves_both)
@pytest.mark.parametrize("layout", ["contiguous", "channels_last"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", ["batch", "group"])
def bench_with_gradients(benchmark, name, dtype, layout):
    """4 images with 32 channels are normalised, forward and backward."""
    x = random(4, 32, 16, 16, dtype=dtype, layout=layout).requires_grad_()
    benchmark(forward_and_backward, LAYERS[name]().to(x.dtype), torch.ones_like(x), x)


@bench("torch.nn.BatchNorm2d", moves=moves_forward)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def bench_batch_norm_in_evaluation(benchmark, dtype):
    """The channels of 4 images, with the statistics that were kept."""
    benchmark(forward, nn.BatchNorm2d(32).to(getattr(torch, dtype)).eval(), random(4, 32, 16, 16, dtype=dtype))


@pytest.mark.gpu
@bench("torch.nn.LayerNorm", moves=moves_forward)
@pytest.mark.parametrize("dtype", DTYPES)
def bench_layer_norm_on_a_gpu(benchmark, dtype):
    """The rows of a matrix of 16,384 by 1024."""
    layer = nn.LayerNorm(1024).to("cuda", getattr(torch, dtype))
    benchmark(forward, layer, random(1 << 14, 1024, dtype=dtype, device="cuda"))


@pytest.mark.gpu
@bench("torch.nn", moves=moves_both)
@pytest.mark.parametrize("layout", ["contiguous", "channels_last"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["batch", "group"])
def bench_with_gradients_on_a_gpu(benchmark, name, dtype, layout):
    """128 images of 64 by 64 with 32 channels are normalised, forward and backward."""
    x = random(128, 32, 64, 64, dtype=dtype, layout=layout, device="cuda").requires_grad_()
    benchmark(forward_and_backward, LAYERS[name]().to("cuda", x.dtype), torch.ones_like(x), x)
