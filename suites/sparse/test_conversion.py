"""From one layout to another by `to_sparse`, from SciPy and through a file: dtype and elements stay."""

import io

import numpy
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from torchproof import fact, same
from torchproof.fixtures.strategies import mostly_zero

pytestmark = pytest.mark.filterwarnings(
    "ignore:(Sparse ... tensor support|Sparse invariant checks|Validating sparse tensor)"
)

LAYOUTS = [torch.strided, torch.sparse_coo, torch.sparse_csr, torch.sparse_csc]
DTYPES = st.sampled_from(
    [
        torch.bool,
        torch.uint8,
        torch.int32,
        torch.int64,
        torch.float16,
        torch.bfloat16,
        torch.float32,
        torch.float64,
        torch.complex64,
    ]
)


@fact("torch.Tensor.to_sparse")
@pytest.mark.parametrize("source", LAYOUTS)
@pytest.mark.parametrize("target", LAYOUTS)
@given(mostly_zero(), DTYPES)
@example(numpy.zeros((2, 3), dtype=numpy.int64), torch.float32)
@example(numpy.zeros((0, 3), dtype=numpy.int64), torch.float32)
@example(numpy.array([[0, 0], [1, 2], [0, 0]]), torch.int64)
def test_keeps_dtype_and_elements(device, source, target, array, dtype):
    """`to_sparse(layout=...)` keeps dtype, shape and elements between strided, COO, CSR and CSC, from each to each."""
    x = torch.tensor(array, dtype=dtype, device=device)
    y = x.to_sparse(layout=source).to_sparse(layout=target)
    same(y.to_dense(), x)
    assert y.layout == target


@fact("torch.Tensor.to_sparse")
@pytest.mark.parametrize("blocks", [torch.sparse_bsr, torch.sparse_bsc])
@pytest.mark.parametrize("source", LAYOUTS)
def test_to_blocks_keeps_elements(device, source, blocks):
    """`to_sparse` to BSR or BSC blocks of two by two keeps the elements of a strided, COO, CSR or CSC matrix."""
    x = torch.tensor([[1, 0, 0, 0], [2, 3, 0, 0], [0, 0, 0, 0], [0, 0, 0, 4]], device=device)
    y = x.to_sparse(layout=source).to_sparse(layout=blocks, blocksize=(2, 2))
    same(y.to_dense(), x)
    assert y.values().shape == (2, 2, 2)


@fact("torch.Tensor.to_sparse")
@pytest.mark.parametrize("layout", [torch.sparse_csr, torch.sparse_csc])
def test_keeps_a_stored_zero(device, layout):
    """`to_sparse` to CSR or CSC keeps a zero that a COO tensor stores."""
    x = torch.sparse_coo_tensor([[0, 1], [0, 1]], [0, 5], (2, 2), device=device).to_sparse(layout=layout)
    same(x.values(), torch.tensor([0, 5]))


@fact("torch.Tensor.to_sparse")
@pytest.mark.parametrize("layout", [torch.sparse_csr, torch.sparse_csc])
def test_sums_duplicates(device, layout):
    """`to_sparse` to CSR or CSC gives one entry for each element of an uncoalesced COO tensor: it sums duplicates."""
    x = torch.sparse_coo_tensor([[0, 0, 1], [0, 0, 1]], [1, 2, 5], (2, 2), device=device).to_sparse(layout=layout)
    same(x.values(), torch.tensor([3, 5]))


@fact("torch.Tensor.to_sparse_coo")
@pytest.mark.parametrize("layout", [torch.sparse_csr, torch.sparse_csc])
def test_to_coo_sorts_by_rows(device, layout):
    """`to_sparse_coo` of a CSR or CSC tensor has the nonzero elements row by row once it is coalesced."""
    x = torch.tensor([[0, 2.5, 0], [3, 0, 4]], device=device).to_sparse(layout=layout).to_sparse_coo().coalesce()
    same(x.indices(), torch.tensor([[0, 1, 1], [1, 0, 2]]))
    same(x.values(), torch.tensor([2.5, 3, 4]))


@fact("torch.Tensor.to")
@pytest.mark.parametrize("layout", LAYOUTS[1:])
def test_to_another_dtype_keeps_the_layout(device, layout):
    """`to` with a dtype converts the values of a COO, CSR or CSC tensor and keeps its layout."""
    x = torch.tensor([[0, 2], [3, 0]], device=device).to_sparse(layout=layout).to(torch.float64)
    same(x, torch.tensor([[0.0, 2.0], [3.0, 0.0]], dtype=torch.float64))
    assert x.layout == layout


@fact("torch.sparse_csr_tensor", requires="scipy")
@given(mostly_zero(min_side=1))
def test_from_the_parts_of_scipy(device, array):
    """`sparse_csr_tensor` of the `indptr`, `indices` and `data` of a SciPy matrix is that matrix."""
    from scipy.sparse import csr_array

    matrix = csr_array(array)
    x = torch.sparse_csr_tensor(matrix.indptr, matrix.indices, matrix.data, matrix.shape, device=device)
    same(x.to_dense(), array)


@fact("torch.save", "torch.load")
@pytest.mark.parametrize("layout", LAYOUTS[1:])
def test_saved_and_loaded_keeps_layout_and_elements(device, layout):
    """`torch.load` of a COO, CSR or CSC tensor that was saved by `torch.save` has its layout, dtype and elements."""
    x = torch.tensor([[0.0, 2.0], [3.0, 0.0]], device=device)
    file = io.BytesIO()
    torch.save(x.to_sparse(layout=layout), file)
    file.seek(0)
    loaded = torch.load(file)
    same(loaded, x)
    assert loaded.layout == layout
