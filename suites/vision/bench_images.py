"""What images cost: made larger and smaller, bent and padded, by dtype and layout."""

import pytest
import torch
from torch.nn import functional

from torchproof import bench
from torchproof.fixtures.work import nbytes, random

LAYOUTS = ["contiguous", "channels_last"]


def moves_of_resizing(x, size, **options):
    """The image read, and one of the new size written."""
    return nbytes(x) + nbytes(x) * size[0] * size[1] // (x.shape[-1] * x.shape[-2])


@bench("torch.nn.functional.interpolate", moves=moves_of_resizing, quick=True)
@pytest.mark.parametrize("layout", ["channels_last"])
def bench_larger(benchmark, layout):
    """Two images with three channels are made twice as high and wide by bilinear interpolation."""
    x = random(2, 3, 64, 64, layout=layout)
    benchmark(functional.interpolate, x, (128, 128), mode="bilinear", align_corners=False)


@bench("torch.nn.functional.interpolate", moves=moves_of_resizing)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "uint8"])
@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def bench_smaller(benchmark, mode, dtype, layout):
    """Two images with three channels are made smaller by half."""
    x = (random(2, 3, 128, 128) * 255).to(getattr(torch, dtype))
    x = x.contiguous(memory_format=torch.channels_last) if layout == "channels_last" else x
    benchmark(functional.interpolate, x, (64, 64), mode=mode, align_corners=False)


@bench("torch.nn.functional.interpolate", moves=moves_of_resizing)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def bench_smaller_with_antialiasing(benchmark, dtype, layout):
    """Two images with three channels are made smaller by half, smoothly."""
    x = (random(2, 3, 128, 128, layout=layout) * 255).to(getattr(torch, dtype))
    benchmark(functional.interpolate, x, (64, 64), mode="bilinear", antialias=True)


@bench("torch.nn.functional.grid_sample", moves=lambda x, grid, **_: nbytes(x, grid, x))
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def bench_grid_sample(benchmark, mode, dtype):
    """Two images with three channels, each pixel from where a grid says."""
    x, grid = random(2, 3, 64, 64, dtype=dtype), random(2, 64, 64, 2, dtype=dtype)
    benchmark(functional.grid_sample, x, grid, mode=mode, align_corners=False)


@bench("torch.nn.functional.pad", moves=lambda x, *_, **__: 2 * nbytes(x))
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("mode", ["constant", "reflect"])
def bench_pad(benchmark, mode, layout):
    """Four images with 16 channels get two pixels more on each side."""
    benchmark(functional.pad, random(4, 16, 32, 32, layout=layout), (2, 2, 2, 2), mode=mode)


@bench("torch.nn.functional.unfold", moves=lambda x, kernel: nbytes(x) * (1 + kernel**2))
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def bench_unfold(benchmark, dtype):
    """The patches of 3 by 3 of four images with 16 channels."""
    benchmark(functional.unfold, random(4, 16, 32, 32, dtype=dtype), 3)
