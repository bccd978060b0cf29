"""Norms of vectors and of matrices, `cond` and `renorm`."""

import math

import numpy
import pytest
import torch

from torchproof import close, fact, same

ROUNDINGS = 128  # of powers, sums and roots, or of singular values
X = numpy.array([[0.5, -1.25, 2.0], [1.5, 0.25, -0.75]])
INF = math.inf
ORDERS = [0, 0.5, 1, 2, 3, INF, -INF, -1]
MATRIX_ORDERS = ["fro", "nuc", 1, -1, 2, -2, INF, -INF]
kept = pytest.mark.parametrize("keepdim", [False, True])


def length(x, order, axis=None, keepdims=False):
    """The norm of an array taken for a vector."""
    x = abs(x)
    if order == 0:
        return (x != 0).sum(axis=axis, keepdims=keepdims).astype(float)
    if abs(order) == INF:
        return (x.max if order > 0 else x.min)(axis=axis, keepdims=keepdims)
    return (x**order).sum(axis=axis, keepdims=keepdims) ** (1 / order)


@fact("torch.linalg.vector_norm", "torch.linalg.norm", "torch.norm")
@pytest.mark.parametrize("name", ["linalg.vector_norm", "linalg.norm", "norm"])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("dim", [0, -1])
@kept
def test_of_vectors_are_roots_of_powers(name, order, dim, keepdim, device):
    """`vector_norm`, `linalg.norm` and `torch.norm` give contiguous p-norms along a dimension, infinity included."""
    x = torch.tensor(X, device=device)
    function = torch.norm if name == "norm" else getattr(torch.linalg, name.partition(".")[2])
    y = function(x, order, dim=dim, keepdim=keepdim)
    assert (y.dtype, y.is_contiguous()) == (torch.float64, True)
    close(y, length(X, order, dim, keepdim), roundings=ROUNDINGS)
    same(x, X)


OF_ALL = pytest.mark.parametrize(
    "norm",
    [torch.linalg.vector_norm, torch.linalg.norm, torch.norm, torch.linalg.matrix_norm],
    ids=["vector_norm", "linalg_norm", "norm", "matrix_norm"],
)


@fact("torch.linalg.vector_norm", "torch.linalg.norm", "torch.norm", "torch.linalg.matrix_norm")
@OF_ALL
def test_of_all_elements_are_their_length_by_default(norm, device):
    """`torch.norm`, `linalg.norm`, `vector_norm` and `matrix_norm` are the root of the sum of squares by default."""
    close(norm(torch.tensor(X, device=device)), math.sqrt((X * X).sum()), roundings=ROUNDINGS)


@fact("torch.linalg.vector_norm", "torch.linalg.norm", "torch.norm", "torch.linalg.matrix_norm")
@OF_ALL
def test_of_all_elements_have_their_direction_as_gradient(norm, device):
    """The gradient of `torch.norm`, `linalg.norm`, `vector_norm` and `matrix_norm` is the tensor by its length."""
    x = torch.tensor(X, device=device, requires_grad=True)
    norm(x).backward(torch.tensor(3.0, dtype=torch.float64, device=device))
    close(x.grad, 3 * X / math.sqrt((X * X).sum()), roundings=ROUNDINGS)


@fact("torch.linalg.vector_norm")
@pytest.mark.parametrize("order", [1, 2, 3])
def test_of_zero_has_a_gradient_of_zero(order, device):
    """The gradient of `vector_norm` of order p = 1, 2 or 3 is sign(x) * (|x| / norm)**(p - 1), zero at zero too."""
    rows = numpy.concatenate([X, numpy.zeros((1, 3))])
    x = torch.tensor(rows.T.copy(), device=device).t().requires_grad_()
    torch.linalg.vector_norm(x, order, dim=1).sum().backward()
    want = numpy.sign(X) * abs(X) ** (order - 1) / length(X, order, 1, True) ** (order - 1)
    close(x.grad, numpy.concatenate([want, numpy.zeros((1, 3))]), roundings=ROUNDINGS)


@fact("torch.linalg.vector_norm", "torch.linalg.norm")
@pytest.mark.parametrize("name", ["vector_norm", "norm"])
def test_of_complex_numbers_are_real(name, device):
    """`torch.linalg.vector_norm` and `torch.linalg.norm` of complex numbers are real."""
    y = getattr(torch.linalg, name)(torch.tensor([3 + 4j, 12j], dtype=torch.complex64, device=device))
    same(y, torch.tensor(13.0))


@fact("torch.linalg.vector_norm")
@pytest.mark.parametrize("order", [0, 1, 2])
def test_of_nothing_are_zero_where_that_is_neutral(order, device):
    """`torch.linalg.vector_norm` of no element is zero for the orders 0, 1 and 2."""
    same(torch.linalg.vector_norm(torch.empty(0, device=device), order), torch.tensor(0.0))


@fact("torch.linalg.vector_norm")
def test_of_nothing_have_no_largest_element(device):
    """`torch.linalg.vector_norm` of no element is refused for the order infinity: cannot compute the inf norm."""
    with pytest.raises(RuntimeError, match="cannot compute the .* norm on an empty tensor|identity"):
        torch.linalg.vector_norm(torch.empty(0, device=device), INF)


@fact("torch.linalg.vector_norm")
def test_are_made_in_the_dtype_asked_for(device):
    """`vector_norm` with `dtype=` converts before it computes, so that float16 does not overflow."""
    x = torch.tensor([300.0, 400.0], dtype=torch.float16, device=device)
    same(torch.linalg.vector_norm(x, dtype=torch.float32), torch.tensor(500.0))


@fact("torch.linalg.vector_norm", "torch.linalg.norm", "torch.linalg.matrix_norm")
@pytest.mark.parametrize("name", ["vector_norm", "norm", "matrix_norm"])
def test_of_integers_are_refused(name, device):
    """`torch.linalg.norm`, `vector_norm`, `matrix_norm` refuse integers: "Expected a floating point or complex"."""
    with pytest.raises(RuntimeError, match="Expected a floating point or complex tensor as input. Got Long"):
        getattr(torch.linalg, name)(torch.tensor([[1, 2], [3, 4]], device=device))


@fact("torch.linalg.matrix_norm", "torch.linalg.norm")
@pytest.mark.parametrize("name", ["matrix_norm", "norm"])
@pytest.mark.parametrize("order", MATRIX_ORDERS)
@kept
def test_of_matrices_are_those_of_numpy(name, order, keepdim, device):
    """`torch.linalg.matrix_norm` and `norm` are NumPy's: of columns, of rows, of singular values or of all elements."""
    x = torch.tensor(numpy.stack([X, 2 * X], -1), device=device)
    y = getattr(torch.linalg, name)(x, order, dim=(0, 1), keepdim=keepdim)
    want = numpy.linalg.norm(X, order) * numpy.array([1.0, 2.0])
    assert y.dtype == torch.float64
    close(y, want.reshape(1, 1, 2) if keepdim else want, roundings=ROUNDINGS)
    same(x[..., 0], X)


@fact("torch.linalg.matrix_norm")
@pytest.mark.parametrize("order", ["nuc", 2, -2, 1, INF])
def test_of_matrices_have_gradients(order, device):
    """The gradient of `torch.linalg.matrix_norm`, times the matrix and summed, is the norm itself."""
    x = torch.tensor(X, device=device, requires_grad=True)
    torch.linalg.matrix_norm(x, order).backward()
    close((x.grad * x.detach()).sum(), numpy.linalg.norm(X, order), roundings=ROUNDINGS)


@fact("torch.linalg.matrix_norm", "torch.linalg.norm")
@pytest.mark.parametrize(("name", "order"), [("matrix_norm", "abs"), ("norm", 3)])
def test_refuse_an_order_that_does_not_exist(name, order, device):
    """`torch.linalg.matrix_norm`, and `norm` of a matrix, refuse an order that is none, with "not supported"."""
    with pytest.raises(RuntimeError, match="[Oo]rder .*not supported"):
        getattr(torch.linalg, name)(torch.tensor(X, device=device), order)


@fact("torch.linalg.matrix_norm")
def test_of_matrices_refuse_a_vector(device):
    """`torch.linalg.matrix_norm` refuses a vector: it wants "at least 2 dimensions"."""
    with pytest.raises(RuntimeError, match="at least 2 dimensions"):
        torch.linalg.matrix_norm(torch.ones(2, device=device))


@fact("torch.linalg.norm", myth="linalg.norm of a matrix with an order is of its elements")
def test_of_a_matrix_with_an_order_are_of_the_matrix(device):
    """`torch.linalg.norm(x, 1)` of a matrix is the largest sum of a column, where `vector_norm(x, 1)` adds all up."""
    x = torch.tensor(X, device=device)
    same(torch.stack([torch.linalg.norm(x, 1), torch.linalg.vector_norm(x, 1)]), numpy.array([2.75, 6.25]))


@fact("torch.linalg.cond")
@pytest.mark.parametrize("order", [None, "fro", "nuc", 1, -1, 2, -2, INF, -INF], ids=str)
def test_times_that_of_the_inverse_are_the_condition(order, device):
    """`torch.linalg.cond` is the norm times that of the inverse, by default the ratio of singular values."""
    a = numpy.array([[4.0, 1.0], [1.5, 3.0]])
    x = torch.tensor(a, device=device)
    y = torch.linalg.cond(x, order)
    assert y.dtype == torch.float64
    close(y, numpy.linalg.cond(a, order), roundings=ROUNDINGS)
    same(x, a)


@fact("torch.linalg.cond")
@pytest.mark.parametrize("order", [None, 1, INF], ids=str)
def test_of_a_singular_matrix_have_an_infinite_condition(order, device):
    """`torch.linalg.cond` of a diagonal matrix with a zero is infinite."""
    same(torch.linalg.cond(torch.diag(torch.tensor([2.0, 0.0], device=device)), order), torch.tensor(INF))


@fact("torch.renorm")
def test_are_cut_by_renorm(device):
    """`torch.renorm` scales what has a norm above the bound down to it, and leaves others, in a contiguous tensor."""
    x = torch.tensor([[3.0, 4.0], [0.3, 0.4]], dtype=torch.float64, device=device)
    y = torch.renorm(x, 2, 0, 2.5)
    close(y, [[1.5, 2.0], [0.3, 0.4]], roundings=2**32)  # of a norm that 1e-7 is added to
    same(x, numpy.array([[3.0, 4.0], [0.3, 0.4]]))
    assert (y.dtype, y.is_contiguous()) == (torch.float64, True)
