"""Sums over a sparse matrix."""

import numpy
import pytest
import torch
from hypothesis import example, given

from torchproof import fact, same
from torchproof.fixtures.strategies import mostly_zero

pytestmark = pytest.mark.filterwarnings("ignore:Sparse (... tensor support|invariant checks)")


@fact("torch.sum")
@pytest.mark.parametrize("layout", [torch.sparse_coo, torch.sparse_csr, torch.sparse_csc])
@given(mostly_zero())
@example(numpy.zeros((2, 3), dtype=numpy.int64))
def test_sum_is_a_dense_number(device, layout, array):
    """`sum` of a COO, CSR or CSC matrix is the sum of its entries, as a dense scalar."""
    total = torch.tensor(array, device=device).to_sparse(layout=layout).sum()
    same(total, array.sum())
    assert total.layout == torch.strided


@fact("torch.sum")
def test_sum_has_duplicates_in_it(device):
    """`sum` of an uncoalesced COO tensor has each of its entries in it."""
    x = torch.sparse_coo_tensor([[0, 0, 1], [1, 1, 0]], [1, 2, 5], (2, 2), device=device)
    same(x.sum(), torch.tensor(8))


@fact("torch.sparse.sum")
@pytest.mark.parametrize("dim", [0, 1])
@given(mostly_zero(min_side=1))
@example(numpy.array([[0, 2], [0, 3]]))
def test_sparse_sum_over_a_dimension_is_sparse(device, dim, array):
    """`torch.sparse.sum` of a COO matrix over one dimension is a COO vector of the sums."""
    total = torch.sparse.sum(torch.tensor(array, device=device).to_sparse(), dim)
    same(total, array.sum(axis=dim))
    assert total.layout == torch.sparse_coo


@fact("torch.sparse.sum")
@pytest.mark.parametrize("dim", [0, 1])
def test_sparse_sum_over_a_dimension_has_no_entry_for_what_is_empty(device, dim):
    """`torch.sparse.sum` of a COO matrix over one dimension has an entry only where something was added up."""
    x = torch.tensor([[2, 0], [0, 0]], device=device).to_sparse()
    assert torch.sparse.sum(x, dim)._nnz() == 1


@fact("torch.sparse.sum")
def test_sparse_sum_over_all_is_a_dense_number(device):
    """`torch.sparse.sum` of a COO matrix without a dimension is the sum of all entries, as a dense scalar."""
    total = torch.sparse.sum(torch.tensor([[0.0, 2.0], [3.0, 0.0]], device=device).to_sparse())
    same(total, torch.tensor(5.0))
    assert total.layout == torch.strided


@fact("torch.sum", since="2.1", calls="keepdim=True, names *sparse_csr*", gain=True)
@pytest.mark.parametrize(("dim", "want"), [(0, [[3, 2, 4]]), (1, [[2], [3], [0], [4]])], ids=["rows", "columns"])
def test_sum_of_csr_over_a_kept_dimension_is_csr(device, dim, want):
    """`sum` of a CSR matrix over one dimension with `keepdim=True` is a CSR matrix of the sums."""
    x = torch.tensor([[0, 2, 0], [3, 0, 0], [0, 0, 0], [0, 0, 4]], device=device).to_sparse_csr()
    total = x.sum(dim, keepdim=True)
    same(total, torch.tensor(want))
    assert total.layout == torch.sparse_csr


@fact("torch.sum", until="2.1", calls="keepdim=True, names *sparse_csr*")
@pytest.mark.parametrize("dim", [0, 1])
def test_sum_of_csr_over_a_kept_dimension_was_refused(device, dim):
    """`sum` over one dimension is refused on a CSR matrix, with `keepdim=True` too."""
    with pytest.raises(NotImplementedError, match="aten::sum"):
        torch.eye(2, device=device).to_sparse_csr().sum(dim, keepdim=True)


@fact("torch.sum", since="2.1", calls="none", hint="say keepdim=True")
@pytest.mark.parametrize("dim", [0, 1])
def test_sum_of_csr_over_a_dropped_dimension_is_refused(device, dim):
    """`sum` over one dimension of a CSR matrix without `keepdim=True` is refused: "keepdim=False is unsupported"."""
    with pytest.raises(RuntimeError, match="keepdim=False is unsupported"):
        torch.eye(2, device=device).to_sparse_csr().sum(dim)
