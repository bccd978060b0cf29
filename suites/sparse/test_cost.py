"""What a sparse product costs beside a dense one. On the CPU, where one thread's own time can be measured."""

import pytest
import torch

from torchproof import fact, race
from torchproof.fixtures.hardware import need

pytestmark = [pytest.mark.bench, pytest.mark.filterwarnings("ignore:Sparse (... tensor support|invariant checks)")]


def with_nonzeros(share):
    """A float32 matrix of 1024 by 1024 with about this share of elements that are not zero."""
    return torch.rand(1024, 1024) * (torch.rand(1024, 1024) < share)


def takes_no_time_if_sparse(patch):
    """A product with a sparse matrix costs nothing."""
    multiply = torch.Tensor.__matmul__
    patch.setattr(torch.Tensor, "__matmul__", lambda a, b: multiply(a, b) if a.layout == torch.strided else b)


def takes_no_time_if_there_are_zeros(patch):
    """A product with a matrix whose first row has a zero costs nothing."""
    multiply = torch.Tensor.__matmul__
    patch.setattr(torch.Tensor, "__matmul__", lambda a, b: multiply(a, b) if a[0].all() else b)


@fact("torch.matmul", claims=["P04"], source="sparse")
@pytest.mark.parametrize("layout", [torch.sparse_coo, torch.sparse_csr])
def test_of_sparse_times_dense_is_less_at_one_percent_nonzeros(layout, numbers):
    """`sparse @ dense` of a COO or CSR matrix, 1024 by 1024 with 99 % zeros, takes less time than the dense product."""
    dense, other = with_nonzeros(0.01), torch.rand(1024, 64)
    sparse = dense.to_sparse(layout=layout)
    assert race(lambda: sparse @ other, lambda: dense @ other, numbers).ratio_below(1.0)


@fact(
    "torch.matmul",
    myth="a sparse tensor saves time wherever there are zeros",
    claims=["P04"],
    source="sparse",
    refuter=takes_no_time_if_sparse,
)
@pytest.mark.parametrize("layout", [torch.sparse_coo, torch.sparse_csr])
def test_of_sparse_times_dense_is_more_at_half_nonzeros(layout, numbers):
    """`sparse @ vector` of a COO or CSR matrix, 1024 by 1024 with 50 % zeros, takes more time than the dense one."""
    need("torch's BLAS is made for the CPU")
    dense, other = with_nonzeros(0.5), torch.rand(1024)
    sparse = dense.to_sparse(layout=layout)
    assert race(lambda: sparse @ other, lambda: dense @ other, numbers).ratio_above(1.0)


@fact("torch.matmul", claims=["P04"], refuter=takes_no_time_if_there_are_zeros)
def test_of_dense_times_dense_is_not_less_for_zeros(numbers):
    """`dense @ dense` with 99 % zeros takes more than two thirds of the time that one without zeros takes."""
    zeros, full, other = with_nonzeros(0.01), with_nonzeros(1.0), torch.rand(1024, 64)
    assert race(lambda: zeros @ other, lambda: full @ other, numbers).ratio_above(2 / 3)


def takes_the_time_of_a_full_one(patch):
    """Each CSR matrix is stored with all of its elements, zeros included."""
    to_sparse = torch.Tensor.to_sparse
    patch.setattr(torch.Tensor, "to_sparse", lambda x, layout: to_sparse(torch.ones_like(x), layout=layout))


@fact("torch.matmul", claims=["P04"], refuter=takes_the_time_of_a_full_one)
def test_of_sparse_times_dense_grows_with_the_nonzeros(numbers):
    """`sparse @ dense` of a CSR matrix with 10 % nonzeros takes more than three times the time of one with 1 %."""
    some, few = (with_nonzeros(share).to_sparse(layout=torch.sparse_csr) for share in (0.1, 0.01))
    other = torch.rand(1024, 64)
    assert race(lambda: some @ other, lambda: few @ other, numbers).ratio_above(3)
