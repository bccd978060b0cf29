"""`diag`, `diag_embed` and `diagflat`: diagonals read, and matrices made of them; `diagonal`'s strides are in views."""

import numpy
import pytest
import torch

from torchproof import fact, same
from torchproof.fixtures.checks import shares

MATRIX = numpy.array([[1.5, 2.5, -3.5], [4.25, -5.5, 6.5]])
offset = pytest.mark.parametrize("offset", [0, 1, -1, 2, -2])


@fact("torch.diag")
@offset
@pytest.mark.parametrize("array", [MATRIX, MATRIX[0], MATRIX[:, 1:2]], ids=["matrix", "row", "column"])
def test_is_that_of_numpy(device, offset, array):
    """`torch.diag` gives a matrix's diagonal, or the matrix of a vector, as NumPy does, in a contiguous copy."""
    x = torch.tensor(array, device=device)
    y = torch.diag(x, offset)
    same(y, numpy.diag(array, offset).copy())
    same(torch.diag(torch.stack([x, x], -1)[..., 0], diagonal=offset), numpy.diag(array, offset).copy())
    assert y.is_contiguous()
    assert not y.numel() or not shares(y, x)


@fact("torch.diag")
@pytest.mark.parametrize("shape", [(), (2, 2, 2)], ids=str)
def test_of_neither_row_nor_matrix_is_refused(device, shape):
    """`torch.diag` refuses a number and a batch: 1D or 2D is expected."""
    with pytest.raises(RuntimeError, match="1D or (a )?2D"):
        torch.diag(torch.zeros(shape, device=device))


@fact("torch.diag")
@pytest.mark.parametrize("dtype", ["int64", "bool", "complex64"])
def test_keeps_the_dtype(device, dtype):
    """`torch.diag` of a vector keeps its dtype, with zeros beside the diagonal."""
    array = numpy.array([1, 0, 3]).astype(dtype)
    same(torch.diag(torch.tensor(array, device=device)), numpy.diag(array))


@fact("torch.diag")
def test_hands_its_gradient_to_the_diagonal(device):
    """The gradient of `torch.diag` is that of the diagonal, and zero beside."""
    row, matrix = (torch.tensor(array, device=device, requires_grad=True) for array in (MATRIX[0, :2], MATRIX))
    torch.diag(row, 1).backward(torch.arange(9.0, dtype=torch.float64, device=device).view(3, 3))
    torch.diag(matrix, 1).backward(torch.tensor([2.0, 3.0], dtype=torch.float64, device=device))
    same(row.grad, numpy.array([1.0, 5.0]))
    same(matrix.grad, numpy.array([[0.0, 2.0, 0.0], [0.0, 0.0, 3.0]]))


@fact("torch.diag_embed")
@offset
def test_is_embedded_row_by_row(device, offset):
    """`torch.diag_embed` makes a contiguous copy in which each row is the diagonal of a matrix of its own."""
    x = torch.tensor(MATRIX, device=device)
    y = torch.diag_embed(x, offset)
    same(y, numpy.stack([numpy.diag(row, offset) for row in MATRIX]))
    assert y.is_contiguous() and not shares(y, x)


@fact("torch.diag_embed")
@pytest.mark.parametrize(
    ("dim1", "dim2", "order"), [(0, 2, (1, 0, 2)), (0, 1, (1, 2, 0)), (-1, -2, (0, 2, 1))], ids=str
)
def test_is_embedded_in_two_dimensions(device, dim1, dim2, order):
    """`diag_embed` puts the matrices into the two dimensions that it is told, the first going down."""
    want = numpy.stack([numpy.diag(row, 1) for row in MATRIX])
    y = torch.diag_embed(torch.tensor(MATRIX, device=device), offset=1, dim1=dim1, dim2=dim2)
    same(y, want.transpose(order).copy())


@fact("torch.diag_embed")
def test_is_embedded_where_diagonal_reads(device):
    """`torch.diagonal(y, 1, -2, -1)` reads what `y = torch.diag_embed(x, 1)` has embedded."""
    y = torch.diag_embed(torch.tensor(MATRIX, device=device), 1)
    same(torch.diagonal(y, 1, -2, -1), MATRIX)


@fact("torch.diag_embed")
def test_is_embedded_with_the_gradient_of_the_diagonal(device):
    """The gradient of `torch.diag_embed` is that of the diagonal."""
    x = torch.tensor(MATRIX, device=device, requires_grad=True)
    torch.diag_embed(x, 1).backward(torch.arange(32.0, dtype=torch.float64, device=device).view(2, 4, 4))
    same(x.grad, numpy.array([[1.0, 6, 11], [17, 22, 27]]))


@fact("torch.diag_embed")
def test_is_embedded_in_two_different_dimensions(device):
    """`diag_embed` refuses to embed in one dimension twice: "diagonal dimensions cannot be identical"."""
    with pytest.raises(RuntimeError, match="diagonal dimensions cannot be identical"):
        torch.diag_embed(torch.ones(2, device=device), dim1=1, dim2=1)


@fact("torch.diagflat")
@offset
@pytest.mark.parametrize("array", [MATRIX, MATRIX[0], numpy.array(2.5)], ids=["matrix", "row", "number"])
def test_of_all_elements_makes_a_matrix(device, offset, array):
    """`torch.diagflat` puts all elements in row-major order on the diagonal of a matrix, a contiguous copy."""
    x = torch.tensor(array, device=device)
    y = torch.diagflat(x, offset)
    same(y, numpy.diagflat(array, offset))
    same(torch.diagflat(torch.tensor(array.T.copy(), device=device).T if array.ndim == 2 else x, offset), y)
    assert y.is_contiguous() and not shares(y, x)


@fact("torch.diagflat")
def test_of_all_elements_has_the_gradient_of_its_diagonal(device):
    """The gradient of `torch.diagflat` is that of the diagonal."""
    x = torch.tensor([[1.5], [2.5]], device=device, requires_grad=True)
    torch.diagflat(x).backward(torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=device))
    same(x.grad, torch.tensor([[1.0], [4.0]]))
