"""What copies cost: between layouts, between dtypes, and of several tensors into one."""

from functools import partial

import pytest
import torch

from torchproof import bench
from torchproof.fixtures.work import nbytes, random


def twice(tensors, *arguments, **options):
    """What is copied, read and written."""
    return 2 * nbytes(tensors)


@bench("torch.clone", moves=twice, quick=True)
def bench_clone(benchmark):
    """A copy of a quarter of a million contiguous elements."""
    benchmark(torch.clone, random(1 << 18))


@bench("torch.clone", moves=twice)
@pytest.mark.parametrize("size", [1 << power for power in range(8, 25, 4)])
def bench_clone_by_size(benchmark, size):
    """A copy of contiguous bytes, by how many they are."""
    benchmark(torch.clone, torch.zeros(size, dtype=torch.uint8))


@bench("torch.Tensor.contiguous", moves=twice, quick=True)
@pytest.mark.parametrize("dtype", ["bfloat16"])
def bench_of_a_transposed_matrix(benchmark, dtype):
    """A transposed matrix of 512 by 512 is made contiguous."""
    benchmark(torch.Tensor.contiguous, random(512, 512, dtype=dtype, layout="transposed"))


@bench("torch.Tensor.contiguous", moves=twice)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("layout", ["strided", "channels_last"])
def bench_to_contiguous(benchmark, layout, dtype):
    """A batch of images in another layout is made contiguous."""
    benchmark(torch.Tensor.contiguous, random(8, 64, 32, 32, dtype=dtype, layout=layout))


@bench("torch.Tensor.contiguous", moves=twice)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def bench_to_channels_last(benchmark, dtype):
    """A contiguous batch of images is laid out as channels_last."""
    images = random(8, 64, 32, 32, dtype=dtype)
    benchmark(torch.Tensor.contiguous, images, memory_format=torch.channels_last)


@bench("torch.Tensor.to", moves=lambda x, dtype: nbytes(x, x.to(dtype)))
@pytest.mark.parametrize(
    ("dtype", "to"),
    [
        *[("float32", to) for to in ("float64", "bfloat16", "float16", "int64", "uint8")],
        *[(dtype, "float32") for dtype in ("float64", "bfloat16", "float16", "int64", "uint8")],
    ],
)
def bench_to_dtype(benchmark, dtype, to):
    """A quarter of a million elements are converted to another dtype."""
    benchmark(torch.Tensor.to, random(1 << 18, dtype=dtype), getattr(torch, to))


@bench("torch.cat", moves=twice)
@pytest.mark.parametrize("dim", [0, 1])
def bench_cat(benchmark, dim):
    """Eight matrices of 128 by 128 become one."""
    benchmark(torch.cat, [random(128, 128) for _ in range(8)], dim)


@bench("torch.stack", moves=twice)
@pytest.mark.parametrize("count", [2, 1000])
def bench_stack(benchmark, count):
    """Vectors of a hundred elements become the rows of a matrix."""
    benchmark(torch.stack, [torch.rand(100) for _ in range(count)])


@bench("torch.Tensor.copy_", moves=lambda target, source: nbytes(target, source))
@pytest.mark.parametrize("layout", ["contiguous", "transposed", "strided"])
def bench_copy_(benchmark, layout):
    """A contiguous matrix is written into one of another layout."""
    benchmark(torch.Tensor.copy_, random(512, 512, layout=layout), random(512, 512))


@bench("torch.Tensor", moves=twice)
@pytest.mark.parametrize("way", ["flip", "roll", "repeat", "tril"])
def bench_of_rearrangements(benchmark, way):
    """A matrix of 512 by 512 with its elements elsewhere."""
    arguments = {"flip": ((0, 1),), "roll": (7, 1), "repeat": (1, 1), "tril": ()}
    benchmark(getattr(torch.Tensor, way), random(512, 512), *arguments[way])


@pytest.mark.gpu
@bench("torch.Tensor.contiguous", moves=twice)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("layout", ["transposed", "strided", "channels_last"])
def bench_to_contiguous_on_a_gpu(benchmark, layout, dtype):
    """A batch of images in another layout is made contiguous."""
    benchmark(torch.Tensor.contiguous, random(64, 64, 64, 64, dtype=dtype, layout=layout, device="cuda"))


@pytest.mark.gpu
@bench("torch.Tensor.to", moves=lambda x, dtype: nbytes(x, x.to(dtype)))
@pytest.mark.parametrize(("dtype", "to"), [("float32", "bfloat16"), ("bfloat16", "float32"), ("float32", "float64")])
def bench_to_dtype_on_a_gpu(benchmark, dtype, to):
    """16 million elements are converted to another dtype."""
    benchmark(torch.Tensor.to, random(1 << 24, dtype=dtype, device="cuda"), getattr(torch, to))


@pytest.mark.gpu
@bench("torch.Tensor.copy_", moves=64 << 20)
@pytest.mark.parametrize("pinned", [False, True])
@pytest.mark.parametrize("to", ["cuda", "cpu"])
def bench_between_cpu_and_gpu(benchmark, to, pinned):
    """64 MiB go to a GPU or come from one, the CPU's end of it in pinned memory or not."""
    there, here = torch.zeros(1 << 24, device="cuda"), torch.zeros(1 << 24, pin_memory=pinned)
    target, source = (there, here) if to == "cuda" else (here, there)
    benchmark(partial(target.copy_, source, non_blocking=pinned))  # a copy of arguments would not be pinned
