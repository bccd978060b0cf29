"""What products with sparse matrices cost, beside dense ones (`strided`): from which density on, sparse is slower."""

import pytest
import torch

from torchproof import bench
from torchproof.fixtures.work import nbytes, random

pytestmark = pytest.mark.filterwarnings("ignore:Sparse (... tensor support|invariant checks)")

LAYOUTS = ["strided", "sparse_coo", "sparse_csr", "sparse_csc", "sparse_bsr"]
DENSITIES = [0.01, 0.1, 0.5]
BLOCK = 16


def matrix(size, density, layout, dtype="float32"):
    """A square matrix with about this share of elements that are not zero, in whole blocks for BSR."""
    block = BLOCK if layout == "sparse_bsr" else 1
    kept = (torch.rand(size // block, size // block) < density).repeat_interleave(block, 0).repeat_interleave(block, 1)
    dense = random(size, size, dtype=dtype) * kept
    return dense if layout == "strided" else laid_out(dense, layout)


def laid_out(dense, layout):
    """A dense matrix in a sparse layout."""
    blocks = {"blocksize": (BLOCK, BLOCK)} if layout == "sparse_bsr" else {}
    return dense.to_sparse(layout=getattr(torch, layout), **blocks)


def stored(a):
    """How many elements a matrix keeps."""
    return a.numel() if a.layout == torch.strided else a.values().numel()


def flops_of_product(a, b):
    """Two for each element that is stored and each column of the other."""
    return 2 * stored(a) * (b.shape[1] if b.dim() > 1 else 1)


def moves_of_product(a, b):
    """What `a` stores, `b`, and a product of the size of `b`."""
    return nbytes(a, b, b)


quick_product = bench("torch.matmul", moves=moves_of_product, flops=flops_of_product, quick=True)
product = bench("torch.matmul", moves=moves_of_product, flops=flops_of_product)


@quick_product
@pytest.mark.parametrize("layout", ["sparse_coo", "sparse_csr"])
def bench_of_one_percent(benchmark, layout):
    """A matrix of 512 by 512 with one element in a hundred, times a dense one with 32 columns."""
    benchmark(torch.matmul, matrix(512, 0.01, layout), random(512, 32))


@product
@pytest.mark.parametrize("size", [256, 1024])
@pytest.mark.parametrize("density", DENSITIES)
@pytest.mark.parametrize("layout", LAYOUTS)
def bench_spmm(benchmark, layout, density, size):
    """A sparse matrix times a dense one with 64 columns, over density and size."""
    benchmark(torch.matmul, matrix(size, density, layout), random(size, 64))


@product
@pytest.mark.parametrize("size", [256, 1024])
@pytest.mark.parametrize("density", DENSITIES)
@pytest.mark.parametrize("layout", ["strided", "sparse_coo", "sparse_csr"])
def bench_spmv(benchmark, layout, density, size):
    """A sparse matrix times a vector, over density and size."""
    benchmark(torch.matmul, matrix(size, density, layout), random(size))


@product
@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
@pytest.mark.parametrize("layout", ["strided", "sparse_coo", "sparse_csr"])
def bench_spmm_by_dtype(benchmark, layout, dtype):
    """A sparse matrix of 512 by 512 of another dtype, with one element in a hundred, times a dense one."""
    benchmark(torch.matmul, matrix(512, 0.01, layout, dtype), random(512, 64, dtype=dtype))


@bench("torch.matmul", moves=lambda a, b: nbytes(a, b))
@pytest.mark.parametrize("density", [0.01, 0.1])
@pytest.mark.parametrize("layout", ["strided", "sparse_coo", "sparse_csr"])
def bench_of_two_sparse_ones(benchmark, layout, density):
    """A product of two sparse matrices of 256 by 256."""
    benchmark(torch.matmul, matrix(256, density, layout), matrix(256, density, layout))


def product_and_gradients(a, b):
    return torch.autograd.grad((a @ b).sum(), [a, b])


@bench("torch.matmul", moves=lambda a, b: 3 * nbytes(a, b), flops=lambda a, b: 3 * flops_of_product(a.detach(), b))
@pytest.mark.parametrize("density", [0.01, 0.1])
@pytest.mark.parametrize("layout", ["strided", "sparse_coo", "sparse_csr"])
def bench_backward(benchmark, layout, density):
    """A sparse matrix of 512 by 512 times a dense one, forward and backward to both."""
    benchmark(product_and_gradients, matrix(512, density, layout).requires_grad_(), random(512, 64).requires_grad_())


@bench("torch.add", moves=lambda a, b: nbytes(a, b))
@pytest.mark.parametrize("density", [0.01, 0.1])
@pytest.mark.parametrize("layout", ["strided", "sparse_coo", "sparse_csr"])
def bench_add(benchmark, layout, density):
    """The sum of two sparse matrices of 512 by 512."""
    benchmark(torch.add, matrix(512, density, layout), matrix(512, density, layout))


@pytest.mark.gpu
@product
@pytest.mark.parametrize("density", DENSITIES)
@pytest.mark.parametrize("layout", ["strided", "sparse_coo", "sparse_csr", "sparse_bsr"])
def bench_spmm_on_a_gpu(benchmark, layout, density):
    """A sparse matrix of 4096 by 4096 times a dense one with 256 columns, over density."""
    benchmark(torch.matmul, matrix(4096, density, layout).cuda(), random(4096, 256, device="cuda"))
