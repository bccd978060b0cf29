"""What Fourier transforms cost, by length: a power of two, a product of small primes, a prime."""

import math

import pytest
import torch

from torchproof import bench
from torchproof.fixtures.work import nbytes, random


def flops_of_fft(x):
    """Cooley and Tukey's 5 n log2 n."""
    return 5 * x.numel() * math.log2(x.shape[-1])


@bench("torch.fft.fft", moves=lambda x: 2 * nbytes(x), flops=flops_of_fft)
@pytest.mark.parametrize("dtype", ["complex64"])
@pytest.mark.parametrize("length", [1024, 1000, 1009])
def bench_fft(benchmark, length, dtype):
    """64 transforms of complex numbers."""
    benchmark(torch.fft.fft, random(64, length, dtype=dtype))


@bench("torch.fft.rfft2", moves=lambda x: 2 * nbytes(x), flops=lambda x: 2.5 * x.numel() * math.log2(x[0].numel()))
def bench_rfft2(benchmark):
    """The transforms of 16 images of 128 by 128."""
    benchmark(torch.fft.rfft2, random(16, 128, 128))


@bench("torch.stft", moves=lambda x, *_, **__: nbytes(x))
def bench_stft(benchmark):
    """The short-time transform of a second of sound."""
    window = torch.hann_window(400)
    benchmark(torch.stft, random(16000), 400, 160, window=window, return_complex=True)
