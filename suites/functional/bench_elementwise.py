"""What elementwise functions cost, by dtype and layout, and what one costs that has hardly an element to do."""

import pytest
import torch
from torch.nn import functional

from torchproof import bench
from torchproof.fixtures.work import nbytes, random, repeated

FLOATS = ["float32", "bfloat16", "float16"]
LAYOUTS = ["contiguous", "transposed", "strided"]


def twice(x, *arguments, **options):
    return 2 * nbytes(x)


def three_times(x, y):
    return 3 * nbytes(x)


@bench("torch.add", moves=three_times, quick=True)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def bench_add(benchmark, dtype):
    """The sum of two contiguous vectors of a quarter of a million elements."""
    benchmark(torch.add, random(1 << 18, dtype=dtype), random(1 << 18, dtype=dtype))


@bench("torch.add", moves=three_times)
@pytest.mark.parametrize("layout", ["transposed", "strided"])
def bench_add_of_unlike_layouts(benchmark, layout):
    """The sum of a contiguous matrix and one of another layout."""
    benchmark(torch.add, random(512, 512), random(512, 512, layout=layout))


@bench("torch.mul", moves=three_times)
@pytest.mark.parametrize("layout", [*LAYOUTS, "channels_last"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def bench_mul_by_layout(benchmark, dtype, layout):
    """The product of two batches of images of one layout."""
    benchmark(torch.mul, *(random(8, 32, 32, 32, dtype=dtype, layout=layout) for _ in range(2)))


@bench("torch.add", moves=three_times)
@pytest.mark.parametrize("size", [1, 1 << 12, 1 << 18, 1 << 24])
def bench_add_by_size(benchmark, size):
    """The sum of two vectors, from overhead to memory's bandwidth."""
    benchmark(torch.add, random(size), random(size))


@bench("torch.add", quick=True, moves=lambda function, x, y: 300 * nbytes(x))
def bench_add_of_one_element(benchmark):
    """A hundred sums of tensors of one element: the way to the kernel."""
    benchmark(repeated, torch.add, torch.ones(1), torch.ones(1))


@bench("torch.add", moves=lambda function, x, y: 200 * nbytes(x))
@pytest.mark.parametrize("dtype", ["float32", "int64"])
def bench_add_of_a_number(benchmark, dtype):
    """A hundred sums of a tensor of one element and a Python number."""
    benchmark(repeated, torch.add, torch.ones(1).to(getattr(torch, dtype)), 2)


@bench("torch.Tensor.add_", moves=lambda function, x, y: 300 * nbytes(x))
def bench_add_(benchmark):
    """A hundred sums in place of tensors of one element."""
    benchmark(repeated, torch.Tensor.add_, torch.zeros(1), torch.zeros(1))


@bench("torch.add", moves=lambda x, y: nbytes(x, y, x))
@pytest.mark.parametrize("dim", [0, 1])
def bench_add_with_broadcasting(benchmark, dim):
    """A vector is added to the rows or to the columns of a matrix of 512 by 512."""
    benchmark(torch.add, random(512, 512), random(512).unsqueeze(dim))


@bench("torch.add", moves=lambda x, y: nbytes(x, y, x + y))
@pytest.mark.parametrize("other", ["bfloat16", "int64", "bool"])
def bench_add_of_unlike_dtypes(benchmark, other):
    """The sum of float32 and another dtype, in a quarter of a million elements."""
    benchmark(torch.add, random(1 << 18), random(1 << 18, dtype=other))


@bench("torch.Tensor", moves=twice)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", ["exp", "tanh", "log", "sin", "sqrt"])
def bench_of_one(benchmark, name, dtype):
    """A function of each of 65,536 elements."""
    benchmark(getattr(torch, name), random(1 << 16, dtype=dtype))


@bench("torch.Tensor", moves=lambda x, y: nbytes(x, y, x))
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int64"])
@pytest.mark.parametrize("name", ["div", "pow", "remainder"])
def bench_of_two(benchmark, name, dtype):
    """A function of two vectors of 65,536 elements, all of them from 1 to 4."""
    x, y = ((1 + 4 * random(1 << 16)).to(getattr(torch, dtype)) for _ in range(2))
    benchmark(getattr(torch, name), x, y)


@bench("torch.nn.functional.gelu", moves=twice, quick=True)
@pytest.mark.parametrize("dtype", ["bfloat16"])
def bench_gelu(benchmark, dtype):
    """The activation gelu of 65,536 elements."""
    benchmark(functional.gelu, random(1 << 16, dtype=dtype))


@bench("torch.nn.functional", moves=twice)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", ["relu", "silu", "softplus"])
def bench_of_activations(benchmark, name, dtype):
    """An activation of 65,536 elements."""
    benchmark(getattr(functional, name), random(1 << 16, dtype=dtype) - 0.5)


@bench("torch.where", moves=lambda mask, x, y: nbytes(mask, x, y, x))
def bench_where(benchmark):
    """One of two elements by a mask, in 65,536 places."""
    benchmark(torch.where, random(1 << 16) < 0.5, random(1 << 16), random(1 << 16))


@bench("torch.Tensor", moves=lambda function, shape: 4 * shape[0])
@pytest.mark.parametrize("name", ["rand", "randn", "zeros", "randperm"])
def bench_of_factories(benchmark, name):
    """A tensor of 65,536 elements is made."""
    benchmark(make, getattr(torch, name), (1 << 16,))


def make(function, shape):
    return function(*shape)


@bench("torch.nn.functional.dropout", moves=twice)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def bench_dropout(benchmark, dtype):
    """Dropout of 65,536 elements."""
    benchmark(functional.dropout, random(1 << 16, dtype=dtype))


@pytest.mark.gpu
@bench("torch.add", moves=three_times)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", FLOATS)
def bench_add_on_a_gpu(benchmark, dtype, layout):
    """The sum of two matrices of 4096 by 4096 of one layout."""
    benchmark(torch.add, *(random(4096, 4096, dtype=dtype, layout=layout, device="cuda") for _ in range(2)))


@pytest.mark.gpu
@bench("torch.add", moves=lambda function, x, y: 300 * nbytes(x))
def bench_add_of_one_element_on_a_gpu(benchmark):
    """A hundred sums of tensors of one element: what it takes to start a kernel."""
    benchmark(repeated, torch.add, random(1, device="cuda"), random(1, device="cuda"))


@pytest.mark.gpu
@bench("torch.nn.functional", moves=twice)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", ["gelu", "silu", "dropout"])
def bench_of_activations_on_a_gpu(benchmark, name, dtype):
    """An activation, or dropout, of 16 million elements."""
    benchmark(getattr(functional, name), random(1 << 24, dtype=dtype, device="cuda"))
