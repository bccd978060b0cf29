"""What convolutions cost, forward and with their gradients, by dtype and layout."""

import pytest
import torch
from torch import nn

from torchproof import bench
from torchproof.fixtures.work import forward, forward_and_backward, nbytes, random

DTYPES = ["float32", "bfloat16", "float16"]


def flops_forward(layer, x):
    """Two for each weight and pixel, since the output has the input's pixels."""
    return 2 * layer.weight.numel() * x.numel() // x.shape[1]


def moves_forward(layer, x):
    """The layer, its input, and its output of the same size."""
    return nbytes(layer, x, x)


def flops_both(layer, slope, x):
    """As many for the gradients of the input and of the weights."""
    return 3 * flops_forward(layer, x)


def moves_both(layer, slope, x):
    """Forward; then the slope, weights and input, for the gradients of the input and of the weights."""
    return 3 * nbytes(layer, x) + 2 * nbytes(slope)


def layer(dim, channels, kernel, dtype, device="cpu", **options):
    """A convolution that keeps the number of channels and pixels."""
    kind = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[dim - 1]
    return kind(channels, channels, kernel, padding=kernel // 2, **options).to(device, getattr(torch, dtype))


def laid_out(layer, layout):
    """The layer with its weights in the layout of its input, as users have it."""
    formats = {"channels_last": torch.channels_last, "channels_last_3d": torch.channels_last_3d}
    return layer.to(memory_format=formats[layout]) if layout in formats else layer


@bench("torch.nn.Conv1d", moves=moves_forward, flops=flops_forward, quick=True)
@pytest.mark.parametrize("dtype", ["float32"])
def bench_conv1d(benchmark, dtype):
    """A convolution over time, of 4 sequences with 32 channels, without gradients."""
    benchmark(forward, layer(1, 32, 3, dtype), random(4, 32, 512, dtype=dtype))


@bench("torch.nn.Conv2d", moves=moves_forward, flops=flops_forward, quick=True)
@pytest.mark.parametrize("layout", ["contiguous", "channels_last"])
@pytest.mark.parametrize("dtype", DTYPES)
def bench_conv2d(benchmark, dtype, layout):
    """A convolution of 2 images with 32 channels, without gradients."""
    x = random(2, 32, 16, 16, dtype=dtype, layout=layout)
    benchmark(forward, laid_out(layer(2, 32, 3, dtype), layout), x)


@bench("torch.nn.Conv3d", moves=moves_forward, flops=flops_forward, quick=True)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def bench_conv3d(benchmark, dtype):
    """A convolution of a volume with 16 channels, without gradients."""
    benchmark(forward, layer(3, 16, 3, dtype), random(1, 16, 8, 16, 16, dtype=dtype))


@bench("torch.nn.Conv2d", moves=moves_forward, flops=flops_forward)
@pytest.mark.parametrize("layout", ["contiguous", "channels_last"])
def bench_depthwise(benchmark, layout):
    """A convolution of each of 32 channels by itself, without gradients."""
    x = random(4, 32, 16, 16, layout=layout)
    benchmark(forward, laid_out(layer(2, 32, 3, "float32", groups=32), layout), x)


@bench("torch.nn.Conv2d", moves=moves_forward, flops=flops_forward)
@pytest.mark.parametrize("layout", ["contiguous", "channels_last", "strided"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(("channels", "kernel"), [(64, 1), (8, 7)])
def bench_conv2d_by_kernel(benchmark, channels, kernel, dtype, layout):
    """A convolution of 2 images of 32 by 32, without gradients."""
    x = random(2, channels, 32, 32, dtype=dtype, layout=layout)
    benchmark(forward, laid_out(layer(2, channels, kernel, dtype), layout), x)


@bench("torch.nn.Conv3d", moves=moves_forward, flops=flops_forward)
@pytest.mark.parametrize("layout", ["contiguous", "channels_last_3d"])
@pytest.mark.parametrize("dtype", DTYPES)
def bench_conv3d_by_layout(benchmark, dtype, layout):
    """A convolution of a larger volume with 16 channels, without gradients."""
    x = random(2, 16, 16, 16, 16, dtype=dtype, layout=layout)
    benchmark(forward, laid_out(layer(3, 16, 3, dtype), layout), x)


WITH_LAYOUTS = [
    (1, "contiguous"),
    (2, "contiguous"),
    (2, "channels_last"),
    (3, "contiguous"),
    (3, "channels_last_3d"),
]
ON_A_GPU = {1: (32, 64, 4096), 2: (32, 64, 64, 64), 3: (4, 64, 32, 32, 32)}  # shapes by dimension


@bench("torch.nn.Conv2d", moves=moves_both, flops=flops_both)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(("dim", "layout"), WITH_LAYOUTS)
def bench_with_gradients(benchmark, dim, layout, dtype):
    """A convolution of 4096 pixels in all with 16 channels, forward and backward."""
    shape = (4, 16, *{1: (1024,), 2: (32, 32), 3: (8, 8, 16)}[dim])
    x = random(*shape, dtype=dtype, layout=layout).requires_grad_()
    benchmark(forward_and_backward, laid_out(layer(dim, 16, 3, dtype), layout), torch.ones_like(x), x)


@bench("torch.nn.ConvTranspose2d", moves=moves_forward, flops=flops_forward)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("layout", ["contiguous", "channels_last"])
def bench_transposed_conv2d(benchmark, layout, dtype):
    """A transposed convolution of 4 images with 16 channels, without gradients."""
    transposed = nn.ConvTranspose2d(16, 16, 3, padding=1).to(getattr(torch, dtype))
    benchmark(forward, laid_out(transposed, layout), random(4, 16, 32, 32, dtype=dtype, layout=layout))


@bench("torch.nn.Conv2d", moves=moves_forward, flops=flops_forward)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(
    "options", [{"groups": 16}, {"groups": 4}, {"dilation": 2}], ids=["depthwise", "grouped", "dilated"]
)
def bench_conv2d_by_options(benchmark, options, dtype):
    """A convolution of 4 images with 16 channels in groups or with gaps, without gradients."""
    padding = options.get("dilation", 1)
    convolution = nn.Conv2d(16, 16, 3, padding=padding, **options).to(getattr(torch, dtype))
    benchmark(forward, convolution, random(4, 16, 32, 32, dtype=dtype))


@bench("torch.nn.MaxPool2d", moves=lambda layer, x: nbytes(x) * 5 // 4)
@pytest.mark.parametrize("layout", ["contiguous", "channels_last"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("kind", ["MaxPool2d", "AvgPool2d"])
def bench_pooling(benchmark, kind, dtype, layout):
    """One pixel of four, of 4 images with 32 channels."""
    benchmark(forward, getattr(nn, kind)(2), random(4, 32, 32, 32, dtype=dtype, layout=layout))


@pytest.mark.gpu
@bench("torch.nn.Conv2d", moves=moves_forward, flops=flops_forward)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("dim", "layout"), WITH_LAYOUTS)
def bench_on_a_gpu(benchmark, dim, layout, dtype):
    """A convolution of 131,072 pixels in all with 64 channels, without gradients."""
    x = random(*ON_A_GPU[dim], dtype=dtype, layout=layout, device="cuda")
    benchmark(forward, laid_out(layer(dim, 64, 3, dtype, "cuda"), layout), x)


@pytest.mark.gpu
@bench("torch.nn.Conv2d", moves=moves_both, flops=flops_both)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("dim", "layout"), WITH_LAYOUTS)
def bench_with_gradients_on_a_gpu(benchmark, dim, layout, dtype):
    """A convolution of 131,072 pixels in all with 64 channels, forward and backward."""
    x = random(*ON_A_GPU[dim], dtype=dtype, layout=layout, device="cuda").requires_grad_()
    convolution = laid_out(layer(dim, 64, 3, dtype, "cuda"), layout)
    benchmark(forward_and_backward, convolution, torch.ones_like(x), x)
