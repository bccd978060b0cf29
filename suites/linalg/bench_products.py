"""What matrix products cost, by shape, dtype and layout."""

import pytest
import torch

from torchproof import bench
from torchproof.fixtures.work import nbytes, random, repeated


def flops_of_product(a, b):
    """Two for each of the inner products' elements: `a` is (…, n, k), `b` is (…, k, m) or (k)."""
    return 2 * a.numel() * (b.shape[-1] if b.dim() > 1 else 1)


def moves_of_product(a, b):
    """Both factors and the product once."""
    return nbytes(a, b) + flops_of_product(a, b) // (2 * a.shape[-1]) * a.element_size()


product = bench("torch.matmul", moves=moves_of_product, flops=flops_of_product)
quick_product = bench("torch.matmul", moves=moves_of_product, flops=flops_of_product, quick=True)


@quick_product
@pytest.mark.parametrize("layout", ["contiguous", "transposed"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def bench_square(benchmark, dtype, layout):
    """A product of two matrices of 128 by 128, the second of them laid out as it is said."""
    benchmark(torch.matmul, random(128, 128, dtype=dtype), random(128, 128, dtype=dtype, layout=layout))


@product
@pytest.mark.parametrize("size", [32, 256, 1024])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def bench_by_size(benchmark, dtype, size):
    """A product of two square matrices."""
    benchmark(torch.matmul, random(size, size, dtype=dtype), random(size, size, dtype=dtype))


@product
@pytest.mark.parametrize("dtype", ["float64", "complex64", "int32", "int8"])
def bench_of_other_dtypes(benchmark, dtype):
    """A product of two matrices of 128 by 128 of a dtype that layers seldom have."""
    benchmark(torch.matmul, random(128, 128, dtype=dtype), random(128, 128, dtype=dtype))


@product
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(("rows", "inner", "columns"), [(1, 1024, 1024), (4096, 32, 32), (257, 255, 253)])
def bench_of_uneven_shapes(benchmark, rows, inner, columns, dtype):
    """A product of a row, of long and thin matrices, and of odd sizes."""
    benchmark(torch.matmul, random(rows, inner, dtype=dtype), random(inner, columns, dtype=dtype))


@quick_product
@pytest.mark.parametrize("dtype", ["bfloat16"])
def bench_of_matrix_and_vector(benchmark, dtype):
    """A matrix of 1024 by 1024 times a vector."""
    benchmark(torch.matmul, random(1024, 1024, dtype=dtype), random(1024, dtype=dtype))


@product
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("layout", ["contiguous", "transposed"])
def bench_of_matrix_and_vector_by_layout(benchmark, layout, dtype):
    """A matrix of 512 by 512 in either layout times a vector."""
    benchmark(torch.matmul, random(512, 512, dtype=dtype, layout=layout), random(512, dtype=dtype))


@product
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def bench_dot(benchmark, dtype):
    """The inner product of two vectors of a hundred thousand elements."""
    benchmark(torch.matmul, random(100_000, dtype=dtype), random(100_000, dtype=dtype))


@bench("torch.bmm", moves=moves_of_product, flops=flops_of_product, quick=True)
@pytest.mark.parametrize("dtype", ["float32"])
def bench_of_a_batch(benchmark, dtype):
    """64 products of matrices of 64 by 64."""
    benchmark(torch.bmm, random(64, 64, 64, dtype=dtype), random(64, 64, 64, dtype=dtype))


@bench("torch.bmm", moves=moves_of_product, flops=flops_of_product)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(("batch", "size"), [(4096, 4), (4, 256)])
def bench_of_a_batch_by_size(benchmark, batch, size, dtype):
    """Many small products, or a few large ones, in one call, the second factors transposed."""
    second = random(batch, size, size, dtype=dtype, layout="transposed")
    benchmark(torch.bmm, random(batch, size, size, dtype=dtype), second)


@product
def bench_with_a_broadcast_factor(benchmark):
    """A batch of 64 matrices times one matrix that all of them share."""
    benchmark(torch.matmul, random(64, 64, 64), random(64, 64))


@bench("torch.addmm", flops=lambda bias, a, b: flops_of_product(a, b))
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def bench_addmm(benchmark, dtype):
    """A product of two matrices of 128 by 128 with a bias for its columns."""
    benchmark(torch.addmm, *(random(*shape, dtype=dtype) for shape in [(128,), (128, 128), (128, 128)]))


@bench("torch.einsum", flops=lambda equation, a, b: 2 * a.numel() * b.shape[-1])
@pytest.mark.parametrize("equation", ["bhid,bhjd->bhij", "ij,kj->ik"])
def bench_einsum(benchmark, equation):
    """A product in Einstein's notation, of sizes 32 throughout."""
    factors = (random(*[32] * len(term)) for term in equation.partition("->")[0].split(","))
    benchmark(torch.einsum, equation, *factors)


@bench("torch.mm", flops=lambda function, a, b: 100 * flops_of_product(a, b))
def bench_of_tiny_matrices(benchmark):
    """A hundred products of matrices of 4 by 4: the way to the kernel."""
    benchmark(repeated, torch.mm, random(4, 4), random(4, 4))


@pytest.mark.gpu
@product
@pytest.mark.parametrize("layout", ["contiguous", "transposed"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16", "float64"])
def bench_square_on_a_gpu(benchmark, dtype, layout):
    """A product of two matrices of 4096 by 4096, the second of them laid out as it is said."""
    first, second = (random(4096, 4096, dtype=dtype, layout=how, device="cuda") for how in ("contiguous", layout))
    benchmark(torch.matmul, first, second)


@pytest.mark.gpu
@product
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(("rows", "inner", "columns"), [(1, 4096, 4096), (1 << 16, 32, 32), (4097, 4095, 4093)])
def bench_of_uneven_shapes_on_a_gpu(benchmark, rows, inner, columns, dtype):
    """A product of a row, of long and thin matrices, and of odd sizes."""
    shapes = (rows, inner), (inner, columns)
    benchmark(torch.matmul, *(random(*shape, dtype=dtype, device="cuda") for shape in shapes))


@pytest.mark.gpu
@bench("torch.bmm", moves=moves_of_product, flops=flops_of_product)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(("batch", "size"), [(1 << 16, 16), (64, 1024)])
def bench_of_a_batch_on_a_gpu(benchmark, batch, size, dtype):
    """Many small products, or a few large ones, in one call."""
    benchmark(torch.bmm, *(random(batch, size, size, dtype=dtype, device="cuda") for _ in range(2)))
