"""The compressed column layout: pointers to where columns start, then a row and a value for each specified element."""

import numpy
import pytest
import torch
from hypothesis import example, given

from torchproof import fact, same
from torchproof.fixtures.strategies import mostly_zero

pytestmark = pytest.mark.filterwarnings("ignore:Sparse (... tensor support|invariant checks)")


@fact("torch.Tensor.ccol_indices")
def test_ccol_indices_count_the_entries_left_of_each_column(device):
    """`ccol_indices` says for each column how many entries are left of it, then how many there are in all."""
    x = torch.tensor([[0, 2, 0, 0], [3, 5, 0, 1]], device=device).to_sparse_csc()
    same(x.ccol_indices(), torch.tensor([0, 1, 3, 3, 4]))


@fact("torch.Tensor.row_indices")
def test_row_indices_are_the_row_of_each_entry(device):
    """`row_indices` holds the row of each entry, column by column."""
    x = torch.tensor([[0, 2, 0, 0], [3, 5, 0, 1]], device=device).to_sparse_csc()
    same(x.row_indices(), torch.tensor([1, 0, 1, 1]))


@fact("torch.Tensor.values", source="sparse")
def test_values_are_the_nonzeros_column_by_column(device):
    """`values` of `x.to_sparse_csc()` holds the nonzero elements, column by column."""
    x = torch.tensor([[0, 2, 0, 0], [3, 5, 0, 1]], device=device).to_sparse_csc()
    same(x.values(), torch.tensor([3, 2, 5, 1]))


@fact("torch.Tensor.to_sparse_csc", requires="scipy", claims=["P01"])
@given(mostly_zero())
@example(numpy.zeros((2, 3), dtype=numpy.int64))
@example(numpy.ones((2, 3), dtype=numpy.int64))
@example(numpy.zeros((3, 0), dtype=numpy.int64))
def test_stores_what_scipy_stores(device, array):
    """`to_sparse_csc` stores the pointers, rows and values that SciPy's `csc_array` stores."""
    from scipy.sparse import csc_array

    x, want = torch.tensor(array / 4, device=device).to_sparse_csc(), csc_array(array / 4)
    same(x.ccol_indices(), want.indptr.astype(numpy.int64))
    same(x.row_indices(), want.indices.astype(numpy.int64))
    same(x.values(), want.data)


@fact("torch.sparse_csc_tensor")
def test_is_the_matrix_that_its_parts_describe(device):
    """`sparse_csc_tensor` puts a value at each row that its column's pointers reach."""
    x = torch.sparse_csc_tensor([0, 2, 2, 3], [0, 2, 1], [1.0, 2.0, 3.0], (3, 3), device=device)
    same(x.to_dense(), torch.tensor([[1.0, 0, 0], [0, 0, 3], [2, 0, 0]]))


@fact("torch.t")
@given(mostly_zero())
def test_transposed_is_csr(device, array):
    """`x.t()` of a CSC matrix is a CSR matrix, the transpose."""
    x = torch.tensor(array, device=device).to_sparse_csc().t()
    same(x, array.T.copy())
    assert x.layout == torch.sparse_csr


@fact("torch.Tensor.ccol_indices", source="sparse")
@pytest.mark.parametrize("layout", [torch.strided, torch.sparse_coo, torch.sparse_csr])
def test_ccol_indices_of_another_layout_are_refused(device, layout):
    """`ccol_indices()` of dense, COO or CSR: "ccol_indices expected sparse column compressed tensor layout"."""
    x = torch.eye(2, device=device).to_sparse(layout=layout)
    with pytest.raises(RuntimeError, match="ccol_indices expected sparse column compressed tensor layout"):
        x.ccol_indices()
