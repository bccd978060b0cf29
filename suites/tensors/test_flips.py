"""The order of elements turned round: `flipud` and `fliplr`."""

import numpy
import pytest
import torch

from torchproof import fact, same
from torchproof.fixtures.checks import shares

MATRIX = numpy.array([[1.5, 2.5, -3.5], [4.25, -5.5, 6.5]])
FLIPS = {"flipud": numpy.flipud, "fliplr": numpy.fliplr}
flips = pytest.mark.parametrize("name", FLIPS)


@fact("torch.flipud", "torch.fliplr")
@flips
@pytest.mark.parametrize("shape", [(2, 3), (3, 2, 2), (0, 2)], ids=str)
def test_turn_as_numpy_does(device, name, shape):
    """`flipud` turns the first dimension round, `fliplr` the second, in a contiguous copy."""
    array = numpy.arange(numpy.prod(shape, dtype=float)).reshape(shape)
    x = torch.tensor(array, device=device)
    y = getattr(torch, name)(x)
    same(y, FLIPS[name](array).copy())
    same(x, array)
    assert y.is_contiguous() and (not y.numel() or not shares(y, x))


@fact("torch.flipud", "torch.fliplr")
@flips
def test_turn_the_gradient_back(device, name):
    """The gradient of `flipud` and `fliplr` of a transposed matrix is turned round as the values are."""
    x = torch.tensor(MATRIX, device=device, requires_grad=True)
    weights = numpy.arange(6.0).reshape(3, 2)
    getattr(torch, name)(x.t()).backward(torch.tensor(weights, device=device))
    same(x.grad, FLIPS[name](weights).T.copy())


@fact("torch.flipud", "torch.fliplr")
@pytest.mark.parametrize(("name", "shape"), [("flipud", ()), ("fliplr", (2,))], ids=str)
def test_refuse_what_lacks_the_dimension(device, name, shape):
    """`flipud` refuses a number and `fliplr` a vector: "Input must be >= 1-d" and "2-d"."""
    with pytest.raises(RuntimeError, match="Input must be >= [12]-d"):
        getattr(torch, name)(torch.zeros(shape, device=device))


@fact("torch.flipud")
@pytest.mark.parametrize("dtype", ["int8", "bool", "complex64"])
def test_turn_a_vector_of_other_dtypes(device, dtype):
    """`flipud` turns a vector of integers, booleans or complex numbers round."""
    array = numpy.array([1, 0, 3, 4]).astype(dtype)
    same(torch.flipud(torch.tensor(array, device=device)), array[::-1].copy())
