"""What decompositions and solutions cost."""

import pytest
import torch

from torchproof import bench
from torchproof.fixtures.work import nbytes, random


def positive_definite(size, dtype):
    """A symmetric matrix whose eigenvalues are all above 0."""
    x = random(size, size, dtype=dtype)
    return x @ x.mT / size + torch.eye(size, dtype=x.dtype)


@bench("torch.linalg", moves=nbytes)
@pytest.mark.parametrize("dtype", ["float32"])
@pytest.mark.parametrize("name", ["cholesky", "qr", "eigh", "svd", "inv", "det", "lu_factor"])
def bench_of_a_matrix(benchmark, name, dtype):
    """A decomposition of a matrix of 64 by 64."""
    benchmark(getattr(torch.linalg, name), positive_definite(64, dtype))


@bench(
    "torch.linalg.solve", moves=lambda a, b: nbytes(a, b, b), flops=lambda a, b: a.shape[-1] ** 3 * 2 / 3, quick=True
)
def bench_solve(benchmark):
    """A system of 128 equations is solved for one right-hand side."""
    benchmark(torch.linalg.solve, positive_definite(128, "float32"), random(128))


@bench("torch.linalg.cholesky", moves=lambda a: 2 * nbytes(a))
def bench_cholesky_of_a_batch(benchmark):
    """A thousand decompositions of matrices of 8 by 8."""
    benchmark(torch.linalg.cholesky, positive_definite(8, "float32").repeat(1000, 1, 1))


@bench("torch.linalg.norm", moves=lambda x, order: nbytes(x))
@pytest.mark.parametrize("order", ["fro", "nuc"])
def bench_norm(benchmark, order):
    """A norm of a matrix of 128 by 128."""
    benchmark(torch.linalg.norm, random(128, 128), order)
