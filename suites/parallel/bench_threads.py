"""What further threads are worth, and what they cost where there is too little to share."""

import os

import pytest
import torch

from torchproof import bench
from torchproof.fixtures.work import forward, nbytes, random

CORES = os.cpu_count() or 1
COUNTS = sorted({CORES, *(1 << power for power in range(CORES.bit_length()))})


def on_threads(**work):
    """Parametrises a benchmark by the number of threads, up to one a core."""
    marked = [bench("torch.set_num_threads", clock="wall", threads=count, **work) for count in COUNTS]
    return pytest.mark.parametrize("threads", [pytest.param(n, marks=mark) for n, mark in zip(COUNTS, marked)])


@on_threads(moves=lambda x, y: 3 * nbytes(x))
@pytest.mark.parametrize("size", [1 << 10, 1 << 16, 1 << 22])
def bench_add(benchmark, size, threads):
    """The sum of two vectors."""
    benchmark(torch.add, random(size), random(size))


@on_threads(moves=lambda x: nbytes(x))
def bench_sum(benchmark, threads):
    """The sum of a vector of four million elements."""
    benchmark(torch.sum, random(1 << 22))


@on_threads(moves=lambda a, b: nbytes(a, b, a), flops=lambda a, b: 2 * len(a) ** 3)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("size", [64, 768])
def bench_matmul(benchmark, size, dtype, threads):
    """A product of two square matrices."""
    benchmark(torch.matmul, random(size, size, dtype=dtype), random(size, size, dtype=dtype))


@on_threads(moves=lambda layer, x: nbytes(layer, x, x), flops=lambda layer, x: 2 * layer.weight.numel() * 8 * 32 * 32)
def bench_convolution(benchmark, threads):
    """A convolution of 8 images of 32 by 32 with 32 channels."""
    benchmark(forward, torch.nn.Conv2d(32, 32, 3, padding=1), random(8, 32, 32, 32))
