"""What reductions, scans and sorts cost, by dimension, dtype and layout."""

import pytest
import torch

from torchproof import bench
from torchproof.fixtures.work import nbytes, random

FLOATS = ["float32", "bfloat16", "float16"]


def reads(x, *arguments, **options):
    """The input once; the output is small."""
    return nbytes(x)


def twice(x, *arguments, **options):
    return 2 * nbytes(x)


@bench("torch.sum", moves=reads, quick=True)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("dim", [0, 1])
def bench_sum(benchmark, dim, dtype):
    """The sums over the rows or over the columns of a matrix of 512 by 512."""
    benchmark(torch.sum, random(512, 512, dtype=dtype), dim)


@bench("torch.sum", moves=reads)
@pytest.mark.parametrize("layout", ["contiguous", "transposed"])
def bench_sum_of_all(benchmark, layout):
    """The sum of all elements of a matrix of 1024 by 512."""
    benchmark(torch.sum, random(1024, 512, layout=layout))


@bench("torch.sum", moves=reads)
@pytest.mark.parametrize("size", [1, 1 << 12, 1 << 24])
def bench_sum_by_size(benchmark, size):
    """The sum of a vector, from overhead to memory's bandwidth."""
    benchmark(torch.sum, random(size))


@bench("torch.Tensor", moves=reads)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int64"])
@pytest.mark.parametrize("name", ["argmax", "prod", "any"])
def bench_by_kind(benchmark, name, dtype):
    """A reduction of the rows of a matrix of 512 by 512."""
    benchmark(getattr(torch, name), random(512, 512, dtype=dtype), dim=1)


@bench("torch.Tensor", moves=reads)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", ["var", "norm", "logsumexp"])
def bench_of_floats(benchmark, name, dtype):
    """A statistic of the rows of a matrix of 512 by 512."""
    benchmark(getattr(torch, name), random(512, 512, dtype=dtype), dim=1)


@bench("torch.max", moves=reads)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def bench_max(benchmark, dtype):
    """The greatest element of each row of a matrix of 512 by 512, and where it is."""
    benchmark(torch.max, random(512, 512, dtype=dtype), 1)


@bench("torch.sum", moves=reads)
@pytest.mark.parametrize("layout", ["contiguous", "channels_last", "transposed", "strided"])
def bench_sum_over_pixels(benchmark, layout):
    """The sums over height and width of a batch of images."""
    benchmark(torch.sum, random(8, 64, 32, 32, layout=layout), (2, 3))


@bench("torch.softmax", moves=twice, quick=True)
@pytest.mark.parametrize("dtype", ["bfloat16"])
def bench_softmax(benchmark, dtype):
    """The softmax of the rows of a matrix of 512 by 512."""
    benchmark(torch.softmax, random(512, 512, dtype=dtype), 1)


@bench("torch.log_softmax", moves=twice)
@pytest.mark.parametrize("dim", [0, 1])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def bench_log_softmax(benchmark, dtype, dim):
    """The logarithm of the softmax over the rows or the columns of a matrix of 512 by 512."""
    benchmark(torch.log_softmax, random(512, 512, dtype=dtype), dim)


@bench("torch.cumsum", moves=twice)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("dim", [0, 1])
def bench_cumsum(benchmark, dim, dtype):
    """The running sums along the rows or the columns of a matrix of 512 by 512."""
    benchmark(torch.cumsum, random(512, 512, dtype=dtype), dim)


@bench("torch.sort", moves=lambda x, *_: nbytes(x) * 2 + x.numel() * 8, quick=True)
def bench_sort(benchmark):
    """Each row of a matrix of 64 by 512 is sorted."""
    benchmark(torch.sort, random(64, 512))


@bench("torch.Tensor", moves=reads)
@pytest.mark.parametrize("dtype", ["float32", "int64"])
@pytest.mark.parametrize("name", ["sort", "unique", "median"])
def bench_of_order(benchmark, name, dtype):
    """What needs the order of a vector of 32,768 elements."""
    x = (random(1 << 15) * 1000).to(getattr(torch, dtype))
    benchmark(getattr(torch, name), x)


@bench("torch.topk", moves=lambda x, k: nbytes(x))
@pytest.mark.parametrize("k", [1, 1000])
def bench_topk(benchmark, k):
    """The greatest elements of each row of a matrix of 16 by 32,768."""
    benchmark(torch.topk, random(16, 1 << 15), k)


@bench("torch.bincount", moves=nbytes)
def bench_bincount(benchmark):
    """How often each of a thousand numbers is in a vector of 65,536."""
    benchmark(torch.bincount, torch.randint(1000, (1 << 16,)))


@bench("torch.searchsorted", moves=nbytes)
def bench_searchsorted(benchmark):
    """The places of 65,536 numbers among a thousand."""
    benchmark(torch.searchsorted, torch.linspace(0, 1, 1000), random(1 << 16))


@pytest.mark.gpu
@bench("torch.sum", moves=reads)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("dim", [0, 1])
def bench_sum_on_a_gpu(benchmark, dim, dtype):
    """The sums over the rows or over the columns of a matrix of 4096 by 4096."""
    benchmark(torch.sum, random(4096, 4096, dtype=dtype, device="cuda"), dim)


@pytest.mark.gpu
@bench("torch.Tensor", moves=twice)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", ["softmax", "cumsum", "sort"])
def bench_of_rows_on_a_gpu(benchmark, name, dtype):
    """A function of each row of a matrix of 4096 by 4096."""
    benchmark(getattr(torch, name), random(4096, 4096, dtype=dtype, device="cuda"), 1)


@pytest.mark.gpu
@bench("torch.topk", moves=lambda x, k: nbytes(x))
@pytest.mark.parametrize("k", [1, 1000])
def bench_topk_on_a_gpu(benchmark, k):
    """The greatest elements of each row of a matrix of 64 by 131,072."""
    benchmark(torch.topk, random(64, 1 << 17, device="cuda"), k)
