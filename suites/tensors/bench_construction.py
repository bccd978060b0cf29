"""What the way between Python, NumPy and tensors costs."""

import numpy
import pytest
import torch

from torchproof import bench
from torchproof.fixtures.work import nbytes, random, repeated


@bench("torch.tensor", moves=lambda values: 4 * len(values), quick=True)
def bench_of_a_list(benchmark):
    """A tensor of a list of a thousand Python floats."""
    benchmark(torch.tensor, [float(n) for n in range(1000)])


@bench("torch.tensor", moves=lambda rows: 2 * rows[0].nbytes * len(rows))
def bench_of_a_list_of_arrays(benchmark):
    """A tensor of a list of a hundred NumPy arrays, which are stacked first."""
    benchmark(of_arrays, [numpy.ones(100, "float32") for _ in range(100)])


def of_arrays(rows):
    return torch.from_numpy(numpy.stack(rows))


@bench("torch.Tensor.tolist", moves=nbytes)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int64"])
def bench_tolist(benchmark, dtype):
    """A list of a vector of ten thousand elements."""
    benchmark(torch.Tensor.tolist, random(10_000, dtype=dtype))


@bench("torch.Tensor", moves=lambda function, x: 100 * nbytes(x))
@pytest.mark.parametrize("name", ["item", "numpy", "__bool__", "size"])
def bench_of_one_element(benchmark, name):
    """A hundred times, a tensor of one element is asked for something."""
    benchmark(repeated, getattr(torch.Tensor, name), torch.ones(1))


@bench("torch.from_numpy", moves=0)
def bench_from_numpy(benchmark):
    """A hundred tensors that share an array's memory."""
    benchmark(repeated, torch.from_numpy, numpy.ones(1000))


@bench("torch.empty", moves=0)
@pytest.mark.parametrize("name", ["empty", "zeros"])
def bench_of_small_ones(benchmark, name):
    """A hundred tensors of one element are made and freed."""
    benchmark(repeated, getattr(torch, name), 1)


@bench("torch.set_printoptions", moves=nbytes)
def bench_repr(benchmark):
    """A matrix of a million elements is written as text, in short."""
    benchmark(repr, torch.zeros(1000, 1000))
