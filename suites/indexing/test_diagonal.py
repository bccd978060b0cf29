"""Diagonals, read from matrices and made matrices: diag, diag_embed, diagflat; and the order turned round."""

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
    """`diag` of a matrix is its diagonal, and of a row the matrix with that diagonal, in memory of its own."""
    x = torch.tensor(array, device=device)
    y = torch.diag(x, offset)
    same(y, numpy.diag(array, offset).copy())
    same(torch.diag(torch.stack([x, x], -1)[..., 0], diagonal=offset), numpy.diag(array, offset).copy())
    assert y.is_contiguous()
    assert not y.numel() or not shares(y, x)


@fact("torch.diag")
@pytest.mark.parametrize("shape", [(), (2, 2, 2)], ids=str)
def test_of_neither_row_nor_matrix_is_refused(device, shape):
    """`diag` refuses a number and a batch, for which `diagonal` and `diag_embed` are."""
    with pytest.raises(RuntimeError, match="1D or (a )?2D"):
        torch.diag(torch.zeros(shape, device=device))


@fact("torch.diag")
@pytest.mark.parametrize("dtype", ["int64", "bool", "complex64"])
def test_keeps_the_dtype(device, dtype):
    """`diag` of a row keeps its dtype, with zeros beside the diagonal."""
    array = numpy.array([1, 0, 3]).astype(dtype)
    same(torch.diag(torch.tensor(array, device=device)), numpy.diag(array))


@fact("torch.diag")
def test_hands_its_gradient_to_the_diagonal(device):
    """The gradient of `diag` is that of the diagonal, and zero beside."""
    row, matrix = (torch.tensor(array, device=device, requires_grad=True) for array in (MATRIX[0, :2], MATRIX))
    torch.diag(row, 1).backward(torch.arange(9.0, dtype=torch.float64, device=device).view(3, 3))
    torch.diag(matrix, 1).backward(torch.tensor([2.0, 3.0], dtype=torch.float64, device=device))
    same(row.grad, numpy.array([1.0, 5.0]))
    same(matrix.grad, numpy.array([[0.0, 2.0, 0.0], [0.0, 0.0, 3.0]]))


@fact("torch.diag_embed")
@offset
def test_is_embedded_row_by_row(device, offset):
    """`diag_embed` makes of each row of a table the matrix with that diagonal, in the last two dimensions."""
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
    """`diagonal` reads what `diag_embed` has embedded, and the gradient of `diag_embed` is the diagonal's."""
    x = torch.tensor(MATRIX, device=device, requires_grad=True)
    y = torch.diag_embed(x, 1)
    y.backward(torch.arange(32.0, dtype=torch.float64, device=device).view(2, 4, 4))
    same(torch.diagonal(y, 1, -2, -1), MATRIX)
    same(x.grad, numpy.array([[1.0, 6, 11], [17, 22, 27]]))


@fact("torch.diag_embed")
def test_is_embedded_in_two_different_dimensions(device):
    """`diag_embed` refuses to embed in one dimension twice."""
    with pytest.raises(RuntimeError, match="diagonal dimensions cannot be identical"):
        torch.diag_embed(torch.ones(2, device=device), dim1=1, dim2=1)


@fact("torch.diagflat")
@offset
@pytest.mark.parametrize("array", [MATRIX, MATRIX[0], numpy.array(2.5)], ids=["matrix", "row", "number"])
def test_of_all_elements_makes_a_matrix(device, offset, array):
    """`diagflat` makes a matrix of all elements in row-major order, whatever the shape and layout."""
    x = torch.tensor(array, device=device)
    y = torch.diagflat(x, offset)
    same(y, numpy.diagflat(array, offset))
    same(torch.diagflat(torch.tensor(array.T.copy(), device=device).T if array.ndim == 2 else x, offset), y)
    assert y.is_contiguous() and not shares(y, x)


@fact("torch.diagflat")
def test_of_all_elements_has_the_gradient_of_its_diagonal(device):
    """The gradient of `diagflat` is that of the diagonal."""
    x = torch.tensor([[1.5], [2.5]], device=device, requires_grad=True)
    torch.diagflat(x).backward(torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=device))
    same(x.grad, torch.tensor([[1.0], [4.0]]))


# --- turned round

FLIPS = {"flipud": numpy.flipud, "fliplr": numpy.fliplr}
flips = pytest.mark.parametrize("name", FLIPS)


@fact("torch.flipud", "torch.fliplr")
@flips
@pytest.mark.parametrize("shape", [(2, 3), (3, 2, 2), (0, 2)], ids=str)
def test_turns_as_numpy_does(device, name, shape):
    """`flipud` turns the first dimension round, `fliplr` the second, in a copy."""
    array = numpy.arange(numpy.prod(shape, dtype=float)).reshape(shape)
    x = torch.tensor(array, device=device)
    y = getattr(torch, name)(x)
    same(y, FLIPS[name](array).copy())
    same(x, array)
    assert y.is_contiguous() and (not y.numel() or not shares(y, x))


@fact("torch.flipud", "torch.fliplr")
@flips
def test_turns_the_gradient_back(device, name):
    """The gradient of `flipud` and `fliplr` is turned round as the values are, here of a transposed table."""
    x = torch.tensor(MATRIX, device=device, requires_grad=True)
    weights = numpy.arange(6.0).reshape(3, 2)
    getattr(torch, name)(x.t()).backward(torch.tensor(weights, device=device))
    same(x.grad, FLIPS[name](weights).T.copy())


@fact("torch.flipud", "torch.fliplr")
@pytest.mark.parametrize(("name", "shape"), [("flipud", ()), ("fliplr", (2,))], ids=str)
def test_turns_what_has_the_dimension(device, name, shape):
    """`flipud` refuses a number, and `fliplr` a row."""
    with pytest.raises(RuntimeError, match="Input must be >= [12]-d"):
        getattr(torch, name)(torch.zeros(shape, device=device))


@fact("torch.flipud")
@pytest.mark.parametrize("dtype", ["int8", "bool", "complex64"])
def test_turns_a_row_of_any_dtype(device, dtype):
    """`flipud` turns a row of any dtype round."""
    array = numpy.array([1, 0, 3, 4]).astype(dtype)
    same(torch.flipud(torch.tensor(array, device=device)), array[::-1].copy())
