"""The compressed row layout: pointers to where rows start, then a column and a value for each specified element."""

import numpy
import pytest
import torch
from hypothesis import example, given

from torchproof import fact, same
from torchproof.fixtures.strategies import mostly_zero

pytestmark = pytest.mark.filterwarnings("ignore:Sparse (... tensor support|invariant checks)")


@fact("torch.Tensor.crow_indices")
def test_crow_indices_count_the_entries_above_each_row(device):
    """`crow_indices` says for each row how many entries the rows above it have, then how many there are in all."""
    x = torch.tensor([[0, 2, 0], [3, 0, 1], [0, 0, 0], [0, 0, 4]], device=device).to_sparse_csr()
    same(x.crow_indices(), torch.tensor([0, 1, 3, 3, 4]))


@fact("torch.Tensor.col_indices")
def test_col_indices_are_the_column_of_each_entry(device):
    """`col_indices` holds the column of each entry, row by row."""
    x = torch.tensor([[0, 2, 0], [3, 0, 1], [0, 0, 0], [0, 0, 4]], device=device).to_sparse_csr()
    same(x.col_indices(), torch.tensor([1, 0, 2, 2]))


@fact("torch.Tensor.values", source="sparse")
def test_values_are_the_nonzeros_row_by_row(device):
    """`values` of `x.to_sparse_csr()` holds the nonzero elements, row by row."""
    x = torch.tensor([[0, 2, 0], [3, 0, 1], [0, 0, 0], [0, 0, 4]], device=device).to_sparse_csr()
    same(x.values(), torch.tensor([2, 3, 1, 4]))


@fact("torch.Tensor.to_sparse_csr", requires="scipy", claims=["P01"])
@given(mostly_zero())
@example(numpy.zeros((2, 3), dtype=numpy.int64))
@example(numpy.ones((2, 3), dtype=numpy.int64))
@example(numpy.zeros((0, 3), dtype=numpy.int64))
def test_stores_what_scipy_stores(device, array):
    """`to_sparse_csr` stores the pointers, columns and values that SciPy's `csr_array` stores."""
    from scipy.sparse import csr_array

    x, want = torch.tensor(array / 4, device=device).to_sparse_csr(), csr_array(array / 4)
    same(x.crow_indices(), want.indptr.astype(numpy.int64))
    same(x.col_indices(), want.indices.astype(numpy.int64))
    same(x.values(), want.data)


@fact("torch.sparse_csr_tensor")
def test_is_the_matrix_that_its_parts_describe(device):
    """`sparse_csr_tensor` puts a value at each column that its row's pointers reach."""
    x = torch.sparse_csr_tensor([0, 2, 2, 3], [0, 2, 1], [1.0, 2.0, 3.0], (3, 3), device=device)
    same(x.to_dense(), torch.tensor([[1.0, 0, 2], [0, 0, 0], [0, 3, 0]]))


@fact("torch.sparse_csr_tensor")
def test_without_a_size_is_as_small_as_indices_allow(device):
    """`sparse_csr_tensor` without a size has a row less than pointers and columns up to the last with an entry."""
    x = torch.sparse_csr_tensor([0, 1, 2], [0, 4], [1.0, 2.0], device=device)
    same(x, torch.tensor([[1.0, 0, 0, 0, 0], [0, 0, 0, 0, 2]]))


@fact("torch.sparse_csr_tensor")
@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
def test_keeps_the_dtype_of_its_indices(device, dtype):
    """`sparse_csr_tensor` stores int32 indices as int32, int64 ones as int64."""
    crow = torch.tensor([0, 1, 2], dtype=dtype, device=device)
    col = torch.tensor([1, 0], dtype=dtype, device=device)
    x = torch.sparse_csr_tensor(crow, col, torch.tensor([1.0, 2.0], device=device), (2, 2))
    same(x.crow_indices(), crow)
    same(x.col_indices(), col)


@fact("torch.sparse_csr_tensor", myth="a sparse tensor stores nonzero elements only", claims=["P01"])
def test_stores_a_zero_that_is_given(device):
    """`sparse_csr_tensor` stores a zero that it is given."""
    x = torch.sparse_csr_tensor([0, 1, 2], [0, 1], [0, 5], (2, 2), device=device)
    same(x.values(), torch.tensor([0, 5]))


@fact("torch.Tensor.values", source="sparse")
def test_a_write_into_values_changes_the_tensor(device):
    """A write into `values` of a CSR tensor is seen in the tensor."""
    x = torch.tensor([[0, 2], [3, 0]], device=device).to_sparse_csr()
    x.values()[0] = 9
    same(x.to_dense(), torch.tensor([[0, 9], [3, 0]]))


@fact("torch.clone")
def test_clone_has_its_own_values(device):
    """`clone` of a CSR tensor copies its values."""
    x = torch.tensor([[0, 2], [3, 0]], device=device).to_sparse_csr()
    x.clone().values()[0] = 9
    same(x, torch.tensor([[0, 2], [3, 0]]))


@fact("torch.t")
@given(mostly_zero())
def test_transposed_is_csc(device, array):
    """`x.t()` of a CSR matrix is a CSC matrix, the transpose."""
    x = torch.tensor(array, device=device).to_sparse_csr().t()
    same(x, array.T.copy())
    assert x.layout == torch.sparse_csc


@fact("torch.t", source="sparse")
def test_transposed_shares_values(device):
    """A write into `x.t().values()` of a CSR tensor is seen in `x`."""
    x = torch.tensor([[0, 2], [3, 0]], device=device).to_sparse_csr()
    x.t().values()[0] = 9
    same(x, torch.tensor([[0, 9], [3, 0]]))


@fact("torch.Tensor.to_sparse_csr", source="sparse")
def test_of_a_batch_has_pointers_for_each_matrix(device):
    """`to_sparse_csr` of a batch of matrices gives each its own row of pointers."""
    x = torch.tensor([[[1, 0], [0, 2]], [[3, 4], [0, 0]]], device=device).to_sparse_csr()
    same(x.crow_indices(), torch.tensor([[0, 1, 2], [0, 2, 2]]))
    same(x.values(), torch.tensor([[1, 2], [3, 4]]))


@fact("torch.Tensor.to_sparse_csr", source="sparse")
def test_of_a_batch_of_unequal_counts_is_refused(device):
    """`to_sparse_csr` refuses matrices of unequal nonzero counts: "same number of specified elements per batch"."""
    with pytest.raises(RuntimeError, match="same number of specified elements per batch"):
        torch.tensor([[[1, 0], [0, 2]], [[3, 4], [5, 0]]], device=device).to_sparse_csr()


@fact("torch.Tensor.stride")
def test_has_no_strides(device):
    """`stride` is refused on a CSR tensor: "do not have strides"."""
    with pytest.raises(RuntimeError, match="do not have strides"):
        torch.eye(2, device=device).to_sparse_csr().stride()


@fact("torch.Tensor.crow_indices", source="sparse")
@pytest.mark.parametrize("layout", [torch.strided, torch.sparse_coo, torch.sparse_csc])
def test_crow_indices_of_another_layout_are_refused(device, layout):
    """`crow_indices()` of dense, COO or CSC: "crow_indices expected sparse row compressed tensor layout"."""
    x = torch.eye(2, device=device).to_sparse(layout=layout)
    with pytest.raises(RuntimeError, match="crow_indices expected sparse row compressed tensor layout"):
        x.crow_indices()
