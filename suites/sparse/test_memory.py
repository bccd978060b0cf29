"""What a sparse tensor takes, in bytes: it pays for indices what it saves on zeros."""

import numpy
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from torchproof import fact, same
from torchproof.fixtures.strategies import mostly_zero

pytestmark = pytest.mark.filterwarnings("ignore:Sparse (... tensor support|invariant checks)")

COMPRESSED = pytest.mark.parametrize("layout", [torch.sparse_csr, torch.sparse_csc])
DTYPES = st.sampled_from([torch.uint8, torch.float16, torch.float32, torch.float64, torch.complex128])
PARTS = {
    torch.sparse_coo: ("indices", "values"),
    torch.sparse_csr: ("crow_indices", "col_indices", "values"),
    torch.sparse_csc: ("ccol_indices", "row_indices", "values"),
    torch.sparse_bsr: ("crow_indices", "col_indices", "values"),
}


def parts(x):
    """The tensors that a sparse tensor consists of; a dense one is its own part."""
    return [getattr(x, part)() for part in PARTS.get(x.layout, ())] or [x]


def stored_bytes(x):
    """The bytes of all elements of a tensor's parts."""
    return sum(part.numel() * part.element_size() for part in parts(x))


def kept_bytes(x):
    """The bytes of the storages that a tensor's parts keep alive."""
    return sum(part.untyped_storage().nbytes() for part in parts(x))


def size_of(dtype):
    """The bytes of one element."""
    return torch.empty(0, dtype=dtype).element_size()


def filled(rows, columns, count):
    """A float32 matrix whose first `count` elements are one and whose others are zero."""
    return (torch.arange(rows * columns) < count).float().view(rows, columns)


@fact("torch.Tensor.to_sparse_coo", claims=["P01", "P02"], source="sparse")
@given(mostly_zero(), DTYPES)
@example(numpy.zeros((2, 3), dtype=numpy.int64), torch.float32)
@example(numpy.ones((2, 3), dtype=numpy.int64), torch.float32)
def test_of_coo_is_two_indices_and_a_value_for_each_nonzero(device, array, dtype):
    """`to_sparse_coo` of a matrix takes 16 bytes of indices and a value for each nonzero element, nothing for zeros."""
    x = torch.tensor(array, dtype=dtype, device=device).to_sparse_coo()
    assert stored_bytes(x) == numpy.count_nonzero(array) * (2 * 8 + size_of(dtype))


@fact("torch.Tensor.to_sparse_coo", source="sparse")
@pytest.mark.parametrize("shape", [(5,), (5, 2), (5, 2, 2)])
def test_of_coo_grows_with_the_number_of_dimensions(device, shape):
    """`to_sparse_coo` takes eight bytes of indices for each nonzero element and dimension."""
    x = torch.ones(shape, dtype=torch.float64, device=device)
    assert stored_bytes(x.to_sparse_coo()) == x.numel() * (len(shape) * 8 + 8)


@fact("torch.Tensor.to_sparse_csr", claims=["P01", "P03"], source="sparse")
@given(mostly_zero(), DTYPES)
@example(numpy.zeros((2, 3), dtype=numpy.int64), torch.float32)
@example(numpy.ones((2, 3), dtype=numpy.int64), torch.float32)
def test_of_csr_is_a_pointer_for_each_row_and_one_index_for_each_nonzero(device, array, dtype):
    """`to_sparse_csr` takes eight bytes a row and eight over, then eight and a value for each nonzero element."""
    x = torch.tensor(array, dtype=dtype, device=device).to_sparse_csr()
    assert stored_bytes(x) == (len(array) + 1) * 8 + numpy.count_nonzero(array) * (8 + size_of(dtype))


@fact("torch.Tensor.to_sparse_csc", claims=["P01", "P03"], source="sparse")
@given(mostly_zero(), DTYPES)
@example(numpy.zeros((2, 3), dtype=numpy.int64), torch.float32)
@example(numpy.ones((2, 3), dtype=numpy.int64), torch.float32)
def test_of_csc_is_a_pointer_for_each_column_and_one_index_for_each_nonzero(device, array, dtype):
    """`to_sparse_csc` takes eight bytes a column and eight over, then eight and a value for each nonzero element."""
    x = torch.tensor(array, dtype=dtype, device=device).to_sparse_csc()
    assert stored_bytes(x) == (array.shape[1] + 1) * 8 + numpy.count_nonzero(array) * (8 + size_of(dtype))


@fact("torch.sparse_csr_tensor", hint="give crow_indices and col_indices as int32", source="sparse")
def test_of_csr_with_int32_indices_is_half_for_indices(device):
    """`sparse_csr_tensor` of int32 indices takes four bytes for each of its pointers and columns."""
    crow = torch.tensor([0, 1, 3], dtype=torch.int32, device=device)
    col = torch.tensor([0, 0, 1], dtype=torch.int32, device=device)
    x = torch.sparse_csr_tensor(crow, col, torch.ones(3, device=device), (2, 2))
    assert stored_bytes(x) == 3 * 4 + 3 * 4 + 3 * 4


@fact("torch.Tensor.to_sparse_bsr", source="sparse")
def test_of_bsr_is_one_index_for_each_block(device):
    """`to_sparse_bsr` takes eight bytes a row of blocks and eight over, then eight and its elements for each block."""
    x = torch.eye(8, device=device).to_sparse_bsr((4, 4))
    assert stored_bytes(x) == (2 + 1) * 8 + 2 * (8 + 4 * 4 * 4)


@fact("torch.Tensor.to_sparse_csr", myth="CSR takes less memory than COO", claims=["P03"], source="sparse")
@given(mostly_zero())
@example(numpy.zeros((2, 3), dtype=numpy.int64))
@example(numpy.eye(3, dtype=numpy.int64))
@example(numpy.array([[1, 1], [1, 0]]))
@example(numpy.ones((3, 3), dtype=numpy.int64))
def test_of_csr_is_less_than_of_coo_where_nonzeros_outnumber_rows(device, array):
    """`to_sparse_csr` takes less memory than `to_sparse_coo` exactly where nonzeros outnumber rows plus one."""
    x = torch.tensor(array, device=device)
    smaller = stored_bytes(x.to_sparse_csr()) < stored_bytes(x.to_sparse_coo())
    assert smaller == (numpy.count_nonzero(array) > len(array) + 1)


@fact("torch.Tensor.to_sparse_csc", myth="CSC takes less memory than COO", claims=["P03"], source="sparse")
@pytest.mark.parametrize(("count", "less"), [(4, False), (5, False), (6, True)])
def test_of_csc_is_less_than_of_coo_where_nonzeros_outnumber_columns(device, count, less):
    """`to_sparse_csc` takes less memory than `to_sparse_coo` exactly where nonzeros outnumber columns plus one."""
    x = filled(3, 4, count).to(device)
    assert (stored_bytes(x.to_sparse_csc()) < stored_bytes(x.to_sparse_coo())) is less


@fact(
    "torch.Tensor.to_sparse_coo",
    myth="a sparse tensor takes less memory than a dense one",
    claims=["P01", "P02"],
    source="sparse",
)
@pytest.mark.parametrize(("count", "more"), [(0, -400), (19, -20), (21, 20), (100, 1600)])
def test_of_coo_is_more_than_dense_above_a_fifth(device, count, more):
    """`to_sparse_coo` of a float32 matrix takes more memory than a dense one where more than a fifth is nonzero."""
    x = filled(10, 10, count).to(device)
    assert stored_bytes(x.to_sparse_coo()) - stored_bytes(x) == more


@fact(
    "torch.Tensor.to_sparse_csr",
    myth="a sparse tensor takes less memory than a dense one",
    claims=["P01", "P03"],
    source="sparse",
)
@pytest.mark.parametrize(("count", "more"), [(0, -312), (25, -12), (27, 12), (100, 888)])
def test_of_csr_is_more_than_dense_above_a_third(device, count, more):
    """`to_sparse_csr` of a float32 matrix takes more memory than a dense one where more than a third is nonzero."""
    x = filled(10, 10, count).to(device)
    assert stored_bytes(x.to_sparse_csr()) - stored_bytes(x) == more


@fact("torch.Tensor.element_size", claims=["P04"])
@pytest.mark.parametrize("count", [0, 1, 100])
def test_of_a_dense_matrix_is_the_same_for_zeros(device, count):
    """A dense matrix takes `element_size` bytes for every element, be it zero or not."""
    x = filled(10, 10, count).to(device)
    assert kept_bytes(x) == x.numel() * x.element_size() == 400


@fact("torch.Tensor.to_sparse", myth="COO stores every element", claims=["P02", "P04"], source="sparse")
@pytest.mark.parametrize(("layout", "want"), [(torch.sparse_coo, 200_000), (torch.sparse_csr, 128_008)])
def test_of_one_percent_of_a_million_elements(device, layout, want):
    """`to_sparse` of a million float32, 1 % nonzero, takes 200,000 bytes as COO, 128,008 as CSR, not 4,000,000."""
    x = filled(1000, 1000, 10_000).to(device)
    assert (stored_bytes(x.to_sparse(layout=layout)), stored_bytes(x)) == (want, 4_000_000)


@fact("torch.Tensor.to_sparse_coo")
@given(mostly_zero())
@example(numpy.ones((2, 3), dtype=numpy.int64))
def test_kept_by_coo_is_what_it_stores(array):
    """The storages of what `to_sparse_coo` makes of a dense matrix hold its indices and values, and nothing else."""
    assert kept_bytes(torch.tensor(array).to_sparse_coo()) == numpy.count_nonzero(array) * (2 * 8 + 8)


def keeps_twice_the_values(patch):
    """`to_sparse` to a compressed layout gives values that lie in a storage of twice their size."""
    made = torch.Tensor.to_sparse

    def instead(dense, layout):
        x = made(dense, layout=layout)
        parts = ("crow_indices", "col_indices") if layout == torch.sparse_csr else ("ccol_indices", "row_indices")
        values = torch.cat([x.values(), x.values()])[: len(x.values())]
        return torch.sparse_compressed_tensor(*(getattr(x, part)() for part in parts), values, x.shape, layout=layout)

    patch.setattr(torch.Tensor, "to_sparse", instead)


@fact("torch.Tensor.to_sparse", until="2.8", calls="layout=sparse_cs*", refuter=keeps_twice_the_values)
@COMPRESSED
def test_kept_by_a_dense_matrix_made_compressed_is_what_it_stores(layout):
    """The storages of a CSR or CSC tensor that `to_sparse` makes of a dense one hold indices and values alone."""
    x = torch.ones(3, 4).to_sparse(layout=layout)
    assert kept_bytes(x) == stored_bytes(x)


@fact(
    "torch.Tensor.to_sparse",
    since="2.8",
    calls="layout=sparse_cs*",
    myth="CSR takes less memory than COO",
    claims=["P03"],
    hint="clone() it",
)
@COMPRESSED
def test_kept_by_a_dense_matrix_made_compressed_has_the_other_index_too(layout):
    """A CSR or CSC tensor that `to_sparse` makes of a dense one keeps both indices of each nonzero alive in memory."""
    x = torch.ones(3, 4).to_sparse(layout=layout)
    assert kept_bytes(x) == stored_bytes(x) + 12 * 8


@fact("torch.Tensor.to_sparse", myth="CSR takes less memory than COO", claims=["P03"], hint="clone() it")
@COMPRESSED
def test_kept_by_coo_made_compressed_has_the_other_index_too(layout):
    """A CSR or CSC tensor that `to_sparse` makes of a COO one keeps both indices of each nonzero alive in memory."""
    x = torch.ones(3, 4).to_sparse_coo().to_sparse(layout=layout)
    assert kept_bytes(x) == stored_bytes(x) + 12 * 8


@fact("torch.clone", claims=["P03"])
@COMPRESSED
def test_kept_by_a_clone_is_what_it_stores(layout):
    """`clone` of a CSR or CSC tensor has storages that hold its indices and values, and nothing else."""
    dense = torch.arange(1.5, 13).view(3, 4)
    x = dense.to_sparse_coo().to_sparse(layout=layout).clone()
    same(x, dense)
    assert (x.layout, kept_bytes(x)) == (layout, stored_bytes(x))
