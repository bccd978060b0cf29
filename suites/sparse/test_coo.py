"""The coordinate layout: a column of indices and a value for each specified element."""

import numpy
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from torchproof import fact, same
from torchproof.fixtures.strategies import mostly_zero

pytestmark = pytest.mark.filterwarnings("ignore:Sparse (... tensor support|invariant checks)")

ENTRIES = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(-2, 2)), min_size=1, max_size=8)


@fact("torch.Tensor.indices", source="sparse")
def test_indices_are_a_column_of_coordinates_for_each_nonzero(device):
    """`indices` of `x.to_sparse()` has a row for each dimension and a column for each nonzero element."""
    x = torch.tensor([[0, 2, 0], [3, 0, 0], [0, 0, 4]], device=device).to_sparse()
    same(x.indices(), torch.tensor([[0, 1, 2], [1, 0, 2]]))


@fact("torch.Tensor.values", source="sparse")
def test_values_are_the_nonzeros_in_the_order_of_indices(device):
    """`values` of `x.to_sparse()` holds the nonzero elements row by row."""
    x = torch.tensor([[0, 2, 0], [3, 0, 0], [0, 0, 4]], device=device).to_sparse()
    same(x.values(), torch.tensor([2, 3, 4]))


@fact(
    "torch.Tensor.to_sparse",
    myth="COO stores row, column and value of every element",
    claims=["P01", "P02"],
    source="sparse",
)
@given(mostly_zero())
@example(numpy.zeros((2, 3), dtype=numpy.int64))
@example(numpy.ones((2, 3), dtype=numpy.int64))
def test_has_coordinates_of_nonzeros_only(device, array):
    """`to_sparse` makes an entry for every nonzero element and for no other."""
    x = torch.tensor(array, device=device).to_sparse()
    same(x.indices(), numpy.stack(array.nonzero()))
    same(x.values(), array[array.nonzero()])


@fact("torch.sparse_coo_tensor", myth="a sparse tensor stores nonzero elements only", claims=["P01"], source="sparse")
def test_stores_a_zero_that_is_given(device):
    """`sparse_coo_tensor` stores a zero that it is given."""
    x = torch.sparse_coo_tensor([[0, 1], [0, 1]], [0, 5], (2, 2), device=device).coalesce()
    same(x.indices(), torch.tensor([[0, 1], [0, 1]]))
    same(x.values(), torch.tensor([0, 5]))


@fact("torch.Tensor.mul", claims=["P01"], source="sparse")
def test_keeps_its_entries_when_multiplied_with_zero(device):
    """`x * 0` of a COO tensor keeps its entries, which are zeros then."""
    x = torch.tensor([[0, 2], [3, 0]], device=device).to_sparse() * 0
    same(x.indices(), torch.tensor([[0, 1], [1, 0]]))
    same(x.values(), torch.tensor([0, 0]))


@fact("torch.Tensor.sub", claims=["P01"], source="sparse")
def test_keeps_its_entries_when_subtracted_from_itself(device):
    """`x - x` of a COO tensor has the entries of `x`, which are zeros there."""
    x = torch.tensor([[0, 2], [3, 0]], device=device).to_sparse()
    same(x - x, torch.zeros(2, 2, dtype=torch.int64))
    same((x - x).coalesce().values(), torch.tensor([0, 0]))
    same(x.values(), torch.tensor([2, 3]))


@fact("torch.Tensor.to_sparse", source="sparse")
def test_of_a_negative_zero_has_no_entry(device):
    """`to_sparse` takes a negative zero for a zero, so that its sign is lost."""
    x = torch.tensor([-0.0, 1.0], device=device)
    assert numpy.signbit(x.cpu().numpy()).tolist() == [True, False]
    assert numpy.signbit(x.to_sparse().to_dense().cpu().numpy()).tolist() == [False, False]


@fact("torch.Tensor.to_sparse", source="sparse")
def test_of_nan_has_an_entry(device):
    """`to_sparse` makes an entry for NaN."""
    x = torch.tensor([0.0, float("nan"), 1.0], device=device).to_sparse()
    same(x.indices(), torch.tensor([[1, 2]]))
    same(x.values(), torch.tensor([float("nan"), 1.0]))


@fact("torch.Tensor.to_sparse", source="sparse")
def test_of_three_dimensions_has_three_rows_of_indices(device):
    """`to_sparse` of a tensor with three dimensions gives three coordinates to each entry."""
    x = torch.zeros(2, 2, 2, device=device)
    x[1, 0, 1] = 5
    same(x.to_sparse().indices(), torch.tensor([[1], [0], [1]]))


@fact("torch.Tensor.to_sparse", source="sparse")
def test_hybrid_has_values_that_are_rows(device):
    """`to_sparse(1)` of a matrix stores the rows that are not all zero, as a whole."""
    x = torch.tensor([[0, 2, 0], [0, 0, 0], [0, 0, 4]], device=device).to_sparse(1)
    same(x.indices(), torch.tensor([[0, 2]]))
    same(x.values(), torch.tensor([[0, 2, 0], [0, 0, 4]]))


@fact("torch.Tensor.sparse_dim", "torch.Tensor.dense_dim", source="sparse")
@pytest.mark.parametrize("sparse_dims", [1, 2, 3])
def test_has_sparse_dims_first_and_dense_dims_after(device, sparse_dims):
    """`to_sparse(n)` gives a COO tensor whose `sparse_dim` is n, and whose `dense_dim` is the number of the others."""
    x = torch.ones(2, 2, 2, device=device).to_sparse(sparse_dims)
    assert (x.sparse_dim(), x.dense_dim()) == (sparse_dims, 3 - sparse_dims)


@fact("torch.sparse_coo_tensor")
def test_without_a_size_is_as_small_as_indices_allow(device):
    """`sparse_coo_tensor` without a size takes the smallest that holds its indices."""
    x = torch.sparse_coo_tensor([[0, 1], [1, 4]], [1.0, 2.0], device=device)
    same(x, torch.tensor([[0.0, 1, 0, 0, 0], [0, 0, 0, 0, 2]]))


@fact("torch.sparse_coo_tensor")
def test_of_a_size_alone_is_all_zeros(device):
    """`sparse_coo_tensor` of a size alone is a tensor of zeros without an entry."""
    x = torch.sparse_coo_tensor((2, 3), device=device)
    same(x, torch.zeros(2, 3))
    assert x._nnz() == 0


@fact("torch.zeros_like")
def test_zeros_like_has_no_entry(device):
    """`zeros_like` of a COO tensor is a COO tensor without an entry."""
    x = torch.zeros_like(torch.eye(3, device=device).to_sparse())
    same(x, torch.zeros(3, 3))
    assert (x.layout, x._nnz()) == (torch.sparse_coo, 0)


@fact("torch.sparse_coo_tensor")
def test_indices_become_int64(device):
    """`sparse_coo_tensor` stores int32 indices as int64."""
    indices = torch.tensor([[0, 1], [1, 0]], dtype=torch.int32, device=device)
    x = torch.sparse_coo_tensor(indices, torch.tensor([1.0, 2.0], device=device), (2, 2)).coalesce()
    same(x.indices(), torch.tensor([[0, 1], [1, 0]]))


@fact("torch.sparse_coo_tensor")
def test_refuses_more_values_than_indices():
    """`sparse_coo_tensor` refuses more values than columns of indices: "indices and values must have same nnz"."""
    with pytest.raises(RuntimeError, match="indices and values must have same nnz"):
        torch.sparse_coo_tensor([[0, 1], [1, 0]], [1.0, 2.0, 3.0], (2, 2))


@fact("torch.sparse_coo_tensor")
def test_refuses_a_size_of_another_number_of_dimensions():
    """`sparse_coo_tensor` refuses a size with more dimensions than its indices have rows."""
    with pytest.raises(RuntimeError, match="sparse_dim"):
        torch.sparse_coo_tensor([[0, 1], [1, 0]], [1.0, 2.0], (2, 2, 2))


@fact("torch.Tensor.is_coalesced", source="sparse")
def test_of_duplicates_is_not_coalesced(device):
    """A COO tensor with two entries for one element is not coalesced until `coalesce` has made one of them."""
    x = torch.sparse_coo_tensor([[0, 0], [1, 1]], [1.0, 2.0], (2, 2), device=device)
    assert (x.is_coalesced(), x.coalesce().is_coalesced()) == (False, True)


@fact("torch.sparse_coo_tensor")
def test_of_sorted_indices_is_not_coalesced_unasked(device):
    """`sparse_coo_tensor` returns an uncoalesced tensor though its indices are sorted and distinct."""
    x = torch.sparse_coo_tensor([[0, 1], [1, 0]], [1.0, 2.0], (2, 2), device=device)
    assert (x.is_coalesced(), x._nnz()) == (False, 2)


@fact("torch.sparse_coo_tensor", since="2.1", calls="is_coalesced=True", gain=True)
def test_is_coalesced_where_the_caller_says_so(device):
    """`sparse_coo_tensor` with `is_coalesced=True` takes the caller's word, so that `values` works at once."""
    x = torch.sparse_coo_tensor([[0, 1], [1, 0]], [1.0, 2.0], (2, 2), is_coalesced=True, device=device)
    same(x.values(), torch.tensor([1.0, 2.0]))


@fact("torch.Tensor.to_dense", source="sparse")
def test_to_dense_sums_duplicates(device):
    """`to_dense` adds up the entries that have the same indices."""
    x = torch.sparse_coo_tensor([[0, 0, 1], [1, 1, 0]], [1.0, 2.0, 5.0], (2, 2), device=device)
    same(x.to_dense(), torch.tensor([[0.0, 3.0], [5.0, 0.0]]))


@fact("torch.Tensor.coalesce", source="sparse")
@given(ENTRIES)
@example([(0, 1, 2), (0, 1, 1)])
@example([(2, 0, 1), (0, 1, 2)])
@example([(1, 1, 2), (1, 1, -2)])
def test_coalesce_sorts_indices_and_sums_duplicates(device, entries):
    """`coalesce` leaves one entry for each place, in the order of rows, whose value is the sum of all entries there."""
    rows, columns, values = map(numpy.array, zip(*entries))
    sums, counts = numpy.zeros((3, 3), dtype=numpy.int64), numpy.zeros((3, 3))
    numpy.add.at(sums, (rows, columns), values)
    numpy.add.at(counts, (rows, columns), 1)
    x = torch.sparse_coo_tensor(numpy.stack([rows, columns]), values, (3, 3), device=device).coalesce()
    same(x.indices(), numpy.stack(counts.nonzero()))
    same(x.values(), sums[counts.nonzero()])


@fact("torch.Tensor.coalesce")
def test_coalesce_leaves_its_operand_as_it_was(device):
    """`coalesce` returns a new tensor where there is something to do, and its operand stays uncoalesced."""
    x = torch.sparse_coo_tensor([[0, 0], [1, 1]], [1.0, 2.0], (2, 2), device=device)
    assert x.coalesce()._nnz() == 1
    assert (x._nnz(), x.is_coalesced()) == (2, False)


@fact("torch.Tensor.coalesce")
def test_coalesce_of_a_coalesced_tensor_is_that_tensor(device):
    """`coalesce` of a coalesced tensor returns the tensor itself."""
    x = torch.eye(2, device=device).to_sparse()
    assert x.coalesce() is x


@fact("torch.Tensor.indices", hint="call coalesce() first", source="sparse")
def test_indices_of_an_uncoalesced_tensor_are_refused(device):
    """`indices` of an uncoalesced COO tensor is refused: "Cannot get indices on an uncoalesced tensor"."""
    with pytest.raises(RuntimeError, match="Cannot get indices on an uncoalesced tensor"):
        torch.sparse_coo_tensor([[0, 0], [1, 1]], [1.0, 2.0], (2, 2), device=device).indices()


@fact("torch.Tensor.values", hint="call coalesce() first", source="sparse")
def test_values_of_an_uncoalesced_tensor_are_refused(device):
    """`values` of an uncoalesced COO tensor is refused: "Cannot get values on an uncoalesced tensor"."""
    with pytest.raises(RuntimeError, match="Cannot get values on an uncoalesced tensor"):
        torch.sparse_coo_tensor([[0, 0], [1, 1]], [1.0, 2.0], (2, 2), device=device).values()


@fact("torch.Tensor.coalesce", source="sparse")
@pytest.mark.parametrize("layout", [torch.sparse_csr, torch.sparse_csc])
def test_coalesce_of_another_layout_is_refused(device, layout):
    """`coalesce` of a CSR or CSC tensor is refused: "expected sparse coordinate tensor layout"."""
    with pytest.raises(RuntimeError, match="expected sparse coordinate tensor layout"):
        torch.eye(2, device=device).to_sparse(layout=layout).coalesce()


@fact("torch.Tensor.values", source="sparse")
def test_a_write_into_values_changes_the_tensor(device):
    """A write into `values` of a COO tensor is seen in the tensor."""
    x = torch.tensor([[0, 2], [3, 0]], device=device).to_sparse()
    x.values()[0] = 9
    same(x.to_dense(), torch.tensor([[0, 9], [3, 0]]))


@fact("torch.clone")
def test_clone_has_its_own_values(device):
    """`clone` of a COO tensor copies its values."""
    x = torch.tensor([[0, 2], [3, 0]], device=device).to_sparse()
    x.clone().values()[0] = 9
    same(x, torch.tensor([[0, 2], [3, 0]]))


@fact("torch.t")
@given(mostly_zero())
def test_transposed_is_coo_of_the_transpose(device, array):
    """`x.t()` of a COO matrix is a COO matrix, the transpose."""
    x = torch.tensor(array, device=device).to_sparse().t()
    same(x, array.T.copy())
    assert x.layout == torch.sparse_coo


@fact("torch.Tensor.__getitem__")
def test_indexed_by_a_row_is_sparse(device):
    """`x[1]` of a COO matrix is its row as a COO vector."""
    x = torch.tensor([[0, 2, 0], [3, 0, 4]], device=device).to_sparse()[1]
    same(x.coalesce().indices(), torch.tensor([[0, 2]]))
    same(x.coalesce().values(), torch.tensor([3, 4]))


@fact("torch.Tensor.__getitem__")
@pytest.mark.parametrize(("column", "element"), [(1, 2), (2, 0)], ids=["stored", "not_stored"])
def test_indexed_by_all_dimensions_is_an_element(device, column, element):
    """`x[row, column]` of a COO matrix is that element as a dense scalar, be it stored or not."""
    x = torch.tensor([[0, 2, 0], [3, 0, 4]], device=device).to_sparse()[0, column]
    same(x, torch.tensor(element))
    assert x.layout == torch.strided


@fact("torch.cat")
def test_cat_joins_entries(device):
    """`cat` of COO tensors is a COO tensor of the joined matrix."""
    x = torch.tensor([[0, 2], [3, 0]], device=device).to_sparse()
    joined = torch.cat([x, x])
    same(joined, torch.tensor([[0, 2], [3, 0], [0, 2], [3, 0]]))
    assert (joined.layout, joined._nnz()) == (torch.sparse_coo, 4)


@fact("torch.Tensor.indices", source="sparse")
@pytest.mark.parametrize("layout", [torch.strided, torch.sparse_csr, torch.sparse_csc])
def test_indices_of_another_layout_are_refused(device, layout):
    """`indices()` of dense (strided), CSR or CSC: "indices expected sparse coordinate tensor layout"."""
    x = torch.eye(2, device=device).to_sparse(layout=layout)
    with pytest.raises(RuntimeError, match="indices expected sparse coordinate tensor layout"):
        x.indices()
