"""What it costs to change the layout of a matrix, over density and size."""

import pytest
import torch

from torchproof import bench
from torchproof.fixtures.work import nbytes, random

pytestmark = pytest.mark.filterwarnings("ignore:Sparse (... tensor support|invariant checks)")

LAYOUTS = ["sparse_coo", "sparse_csr", "sparse_csc"]


def dense(size, density):
    """A square matrix with about this share of elements that are not zero."""
    return random(size, size) * (torch.rand(size, size) < density)


def moves_of_conversion(x, **options):
    """What is given, read, and what comes out, written."""
    return nbytes(x, x.to_sparse(**options))


@bench("torch.Tensor.to_sparse", moves=moves_of_conversion, quick=True)
def bench_to_csr(benchmark):
    """A dense matrix of 256 by 256 with one element in a hundred becomes CSR."""
    benchmark(torch.Tensor.to_sparse, dense(256, 0.01), layout=torch.sparse_csr)


@bench("torch.Tensor.to_sparse", moves=moves_of_conversion)
@pytest.mark.parametrize("size", [256, 1024])
@pytest.mark.parametrize("density", [0.01, 0.1])
@pytest.mark.parametrize("layout", LAYOUTS)
def bench_to_sparse(benchmark, layout, density, size):
    """A dense matrix becomes sparse."""
    benchmark(torch.Tensor.to_sparse, dense(size, density), layout=getattr(torch, layout))


@bench("torch.Tensor.to_sparse", moves=moves_of_conversion)
@pytest.mark.parametrize("layout", ["sparse_bsr", "sparse_bsc"])
def bench_to_blocks(benchmark, layout):
    """A dense matrix of 512 by 512 becomes one of blocks of 16 by 16."""
    benchmark(torch.Tensor.to_sparse, dense(512, 0.001), layout=getattr(torch, layout), blocksize=(16, 16))


@bench("torch.Tensor.to_dense", moves=lambda x: nbytes(x) + x.numel() * 4)
@pytest.mark.parametrize("density", [0.01, 0.1])
@pytest.mark.parametrize("layout", LAYOUTS)
def bench_to_dense(benchmark, layout, density):
    """A sparse matrix of 512 by 512 becomes dense."""
    benchmark(torch.Tensor.to_dense, dense(512, density).to_sparse(layout=getattr(torch, layout)))


@bench("torch.Tensor.to_sparse", moves=moves_of_conversion)
@pytest.mark.parametrize("to", LAYOUTS)
@pytest.mark.parametrize("layout", LAYOUTS)
def bench_between(benchmark, layout, to):
    """A sparse matrix of 512 by 512 with one element in a hundred changes its layout, or keeps it."""
    sparse = dense(512, 0.01).to_sparse(layout=getattr(torch, layout))
    benchmark(torch.Tensor.to_sparse, sparse, layout=getattr(torch, to))


@bench("torch.Tensor.coalesce", moves=lambda x: 2 * nbytes(x._indices(), x._values()))
@pytest.mark.parametrize("count", [1000, 100_000])
def bench_coalesce(benchmark, count):
    """A COO matrix of 512 by 512 whose elements are in no order is put in order."""
    indices = torch.randint(512, (2, count))
    benchmark(torch.Tensor.coalesce, torch.sparse_coo_tensor(indices, random(count), (512, 512)))
