"""Decompositions of low rank, by random directions: svd_lowrank and pca_lowrank; and lobpcg."""

import numpy
import pytest
import torch

from torchproof import close, fact

LEFT = numpy.array([[1.0, 2.0], [0.5, -1.0], [2.0, 0.25], [-1.5, 1.0], [0.75, 0.5], [1.25, -0.5]])
RIGHT = numpy.array([[1.0, 0.5, -1.0, 2.0, 0.25], [0.5, -1.5, 1.0, 0.75, 2.0]])
RANK_TWO = LEFT @ RIGHT
LOW = {
    "svd_lowrank": (lambda x: torch.svd_lowrank(x, q=2), RANK_TWO),
    "svd_lowrank of a difference": (lambda x: torch.svd_lowrank(x + 3, q=2, M=torch.full_like(x, 3)), RANK_TWO),
    "pca_lowrank": (lambda x: torch.pca_lowrank(x, q=2), RANK_TWO - RANK_TWO.mean(0)),
    "pca_lowrank of all": (lambda x: torch.pca_lowrank(x, q=2, center=False), RANK_TWO),
}


@fact("torch.svd_lowrank", "torch.pca_lowrank")
@pytest.mark.parametrize("name", LOW)
def test_gives_a_matrix_of_low_rank_back(device, name):
    """`svd_lowrank`, and `pca_lowrank` of columns less their mean, give back a matrix of rank `q` but for rounding."""
    make, want = LOW[name]
    u, s, v = make(torch.tensor(RANK_TWO, device=device))
    assert (u.shape, s.shape, v.shape) == ((6, 2), (2,), (5, 2))
    assert u.dtype == s.dtype == v.dtype == torch.float64
    close(u @ torch.diag(s) @ v.mT, want, roundings=2000, scale=8)
    close(s, numpy.linalg.svd(want, compute_uv=False)[:2], roundings=2000)
    close(u.mT @ u, numpy.eye(2), roundings=200, scale=1)
    close(v.mT @ v, numpy.eye(2), roundings=200, scale=1)


@fact("torch.pca_lowrank")
def test_takes_at_most_as_many_as_there_are(device):
    """`pca_lowrank`: `q` "must be non-negative integer and not greater than min" of rows and columns."""
    with pytest.raises(ValueError, match="must be non-negative integer and not greater than min"):
        torch.pca_lowrank(torch.ones(6, 5, dtype=torch.float64, device=device), q=6)


@fact("torch.lobpcg")
@pytest.mark.parametrize("largest", [True, False])
def test_finds_the_outermost_eigenvalues(device, largest):
    """`lobpcg` finds the two largest, or smallest, eigenvalues of a diagonal matrix within 1e-5, and their vectors."""
    values = numpy.arange(1.0, 13.0) ** 2
    matrix = torch.tensor(numpy.diag(values), device=device)
    found, vectors = torch.lobpcg(matrix, k=2, largest=largest)
    assert found.dtype == torch.float64 and vectors.shape == (12, 2)
    want = values[[11, 10]] if largest else values[[0, 1]]
    assert found.tolist() == pytest.approx(want.tolist(), rel=1e-5)
    assert (matrix @ vectors - vectors * found).abs().max() < 1e-2
