"""Sums, products and extremes of all up to each place; differences, slopes and areas of neighbours."""

import math

import numpy
import pytest
import torch

from torchproof import close, fact, same
from torchproof.suites.functional.reference import of_lies

ROUNDINGS = 16  # of a handful of sums or products
X = numpy.array([[0.5, -1.25, 2.0], [1.5, 0.25, -0.75], [-2.0, 3.0, 0.125]])
G = numpy.array([[2.0, 3.0, -1.0], [0.5, -2.0, 4.0], [1.0, -0.5, 0.25]])
NAN = math.nan


def back(g, axis):
    """The sum from each element to the end."""
    return numpy.flip(numpy.cumsum(numpy.flip(g, axis), axis), axis)


# What each is along an axis, and its gradient times `g`.
SUMS = {
    "cumsum": (numpy.cumsum, lambda x, g, axis: back(g, axis)),
    "cumprod": (numpy.cumprod, lambda x, g, axis: back(g * numpy.cumprod(x, axis), axis) / x),
    "logcumsumexp": (
        numpy.logaddexp.accumulate,
        lambda x, g, axis: numpy.exp(x) * back(g / numpy.cumsum(numpy.exp(x), axis), axis),
    ),
}
EXTREMES = {
    "cummax": (numpy.maximum.accumulate, numpy.greater_equal),
    "cummin": (numpy.minimum.accumulate, numpy.less_equal),
}
along = pytest.mark.parametrize("dim", [0, 1, -1])
of_sums = pytest.mark.parametrize("name", SUMS)
about_sums = fact(*(f"torch.{name}" for name in SUMS))
of_extremes = pytest.mark.parametrize("name", EXTREMES)
about_extremes = fact("torch.cummax", "torch.cummin")


@about_sums
@of_sums
@along
def test_sums_go_along_a_dimension(device, name, dim):
    """`torch.cumsum`, `cumprod` and `logcumsumexp` give sum, product or log-sum-exp up to each place, contiguous."""
    x = torch.tensor(X, device=device)
    y, want = getattr(torch, name)(x, dim), SUMS[name][0](X, axis=dim)
    assert (y.dtype, y.is_contiguous()) == (torch.float64, True)
    close(y, want, roundings=ROUNDINGS, scale=8)
    same(x, X)


@about_sums
@of_sums
@along
def test_sums_have_the_gradient_of_all_that_follow(device, name, dim):
    """The gradients of `torch.cumsum`, `cumprod` and `logcumsumexp` collect those of a place and all behind it."""
    x = torch.tensor(X, device=device, requires_grad=True)
    getattr(torch, name)(x, dim).backward(torch.tensor(G, device=device))
    close(x.grad, SUMS[name][1](X, G, dim), roundings=4 * ROUNDINGS, scale=16)


@about_sums
@of_sums
@of_lies
def test_sums_do_not_depend_on_how_the_input_lies(device, name, lie):
    """`torch.cumsum`, `cumprod` and `logcumsumexp` and their gradients do not depend on strides, but for rounding."""
    x = lie(torch.tensor(X, device=device)).requires_grad_()
    y = getattr(torch, name)(x, 1)
    y.backward(torch.tensor(G, device=device))
    close(y, SUMS[name][0](X, axis=1), roundings=ROUNDINGS, scale=8)
    close(x.grad, SUMS[name][1](X, G, 1), roundings=4 * ROUNDINGS, scale=16)


@fact("torch.cumsum", "torch.cumprod")
@pytest.mark.parametrize("name", ["cumsum", "cumprod"])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.bool])
def test_sums_of_integers_are_int64(device, name, dtype):
    """`torch.cumsum` and `cumprod` of integers and booleans are int64, unless `dtype=` says otherwise."""
    x = torch.tensor([1, 1, 1], device=device).to(dtype)
    want = getattr(numpy, name)([1, 1, 1])
    same(getattr(torch, name)(x, 0), want)
    same(getattr(torch, name)(x, 0, dtype=torch.float32), want.astype("float32"))


@fact("torch.Tensor.cumsum_", "torch.Tensor.cumprod_")
@pytest.mark.parametrize("name", ["cumsum", "cumprod"])
def test_sums_change_in_place(device, name):
    """`x.cumsum_(0)` and `x.cumprod_(0)` change `x`, which may be a column of a matrix, and return it."""
    x = torch.tensor(X, device=device)
    column = x[:, 1]
    assert getattr(column, f"{name}_")(0) is column
    same(x, numpy.stack([X[:, 0], SUMS[name][0](X[:, 1]), X[:, 2]], 1))


@about_sums
@of_sums
def test_sums_pass_nan_on(device, name):
    """`torch.cumsum`, `cumprod` and `logcumsumexp` are NaN from the first NaN on."""
    y = getattr(torch, name)(torch.tensor([1.5, NAN, 2.0], device=device), 0)
    assert (y.isnan().tolist(), y[0].item()) == ([False, True, True], 1.5)


@about_extremes
@of_extremes
@along
def test_extremes_go_along_a_dimension(device, name, dim):
    """`torch.cummax` and `cummin` give the extreme up to each place, and where it is, in contiguous tensors."""
    x = torch.tensor(X, device=device)
    values, indices = getattr(torch, name)(x, dim)
    same(values, EXTREMES[name][0](X, axis=dim))
    same(torch.take_along_dim(x, indices, dim), EXTREMES[name][0](X, axis=dim))
    assert (indices.dtype, values.is_contiguous(), indices.is_contiguous()) == (torch.int64, True, True)


@about_extremes
@of_extremes
def test_extremes_take_the_last_of_equals(device, name):
    """`torch.cummax` and `cummin` name the place of the last of equal extremes."""
    indices = getattr(torch, name)(torch.tensor([2.0, 2.0, 2.0], device=device), 0).indices
    same(indices, torch.tensor([0, 1, 2]))


@about_extremes
@of_extremes
def test_extremes_pass_nan_on(device, name):
    """`torch.cummax` and `cummin` are NaN from the first NaN on, and name its place."""
    values, indices = getattr(torch, name)(torch.tensor([2.0, NAN, 2.0], device=device), 0)
    same(values, torch.tensor([2.0, NAN, NAN]))
    same(indices, torch.tensor([0, 1, 1]))


@about_extremes
@of_extremes
def test_extremes_hand_the_gradient_to_their_place(device, name):
    """The gradient of `torch.cummax` and `cummin` goes to the places of the extremes."""
    x = torch.tensor([2.0, 5.0, 1.0], device=device, requires_grad=True)
    getattr(torch, name)(x, 0).values.backward(torch.tensor([3.0, 4.0, 7.0], device=device))
    same(x.grad, torch.tensor([3.0, 11.0, 0.0] if name == "cummax" else [7.0, 0.0, 7.0]))


@fact("torch.cumsum", "torch.cumprod", "torch.logcumsumexp", "torch.cummax", "torch.cummin")
@pytest.mark.parametrize("name", [*SUMS, *EXTREMES])
def test_sums_along_no_dimension_are_refused(device, name):
    """`torch.cumsum`, `torch.cummax` and the like refuse a dimension that is not there: "Dimension out of range"."""
    with pytest.raises(IndexError, match="Dimension out of range"):
        getattr(torch, name)(torch.tensor(X, device=device), 2)


@fact("torch.cumsum", "torch.cumprod", "torch.logcumsumexp")
@of_sums
@pytest.mark.parametrize("shape", [(0,), (2, 0), ()])
def test_sums_of_nothing_are_empty(device, name, shape):
    """`torch.cumsum`, `cumprod` and `logcumsumexp` of no elements, or of a tensor without dimensions, give it again."""
    same(getattr(torch, name)(torch.full(shape, 2.5, device=device), 0), torch.full(shape, 2.5))


@fact("torch.diff")
@along
@pytest.mark.parametrize("n", [1, 2])
def test_differences_are_of_neighbours(device, n, dim):
    """`torch.diff` of contiguous x gives differences of neighbours along a dimension, `n` times over, contiguous."""
    y = torch.diff(torch.tensor(X, device=device), n=n, dim=dim)
    same(y, numpy.diff(X, n=n, axis=dim))
    assert y.is_contiguous()


@fact("torch.diff")
def test_differences_have_gradients_of_both_signs(device):
    """The gradient of `torch.diff` goes to both neighbours, with opposite signs."""
    x = torch.tensor([1.5, 4.0, 9.5], device=device, requires_grad=True)
    torch.diff(x).backward(torch.tensor([2.0, 3.0], device=device))
    same(x.grad, torch.tensor([-2.0, -1.0, 3.0]))


@fact("torch.diff")
def test_differences_start_and_end_where_told(device):
    """`torch.diff` takes `prepend` in front and `append` behind, as if they were of its input."""
    x = torch.tensor([1, 4, 9], device=device)
    y = torch.diff(x, prepend=torch.tensor([0], device=device), append=torch.tensor([16], device=device))
    same(y, torch.tensor([1, 3, 5, 7]))


@fact("torch.diff")
def test_differences_of_booleans_are_exclusive_or(device):
    """`torch.diff` of booleans tells where neighbours differ."""
    same(torch.diff(torch.tensor([True, True, False], device=device)), torch.tensor([False, True]))


AREAS = ["trapezoid", "trapz", "cumulative_trapezoid"]


@fact(*(f"torch.{name}" for name in AREAS))
@pytest.mark.parametrize("name", AREAS)
@pytest.mark.parametrize("dim", [0, -1])
@pytest.mark.parametrize("spaced", [{}, {"dx": 0.5}, {"x": [0.0, 1.0, 4.0]}], ids=["unit", "step", "points"])
def test_areas_are_of_trapezoids(device, name, dim, spaced):
    """`torch.trapezoid` adds the means of neighbours times their distance, `cumulative_trapezoid` up to each place."""
    given = {key: torch.tensor(value, device=device) if key == "x" else value for key, value in spaced.items()}
    steps = numpy.diff(spaced["x"]) if "x" in spaced else numpy.full(2, spaced.get("dx", 1.0))
    rows = numpy.moveaxis(X, dim, -1)
    parts = (rows[:, 1:] + rows[:, :-1]) / 2 * steps
    want = numpy.moveaxis(parts.cumsum(-1), -1, dim) if name == "cumulative_trapezoid" else parts.sum(-1)
    got = getattr(torch, name)(torch.tensor(X, device=device), dim=dim, **given)
    assert got.dtype == torch.float64
    close(got, want, roundings=ROUNDINGS, scale=16)


@fact(*(f"torch.{name}" for name in AREAS))
@pytest.mark.parametrize("name", AREAS)
def test_areas_have_their_steps_as_gradient(device, name):
    """The gradients of `torch.trapezoid` and `cumulative_trapezoid` are half of the steps on both sides."""
    y = torch.tensor([1.5, 2.0, -3.0], device=device, requires_grad=True)
    getattr(torch, name)(y, dx=2.0).sum().backward()
    same(y.grad, torch.tensor([2.0, 3.0, 1.0] if name == "cumulative_trapezoid" else [1.0, 2.0, 1.0]))


@fact("torch.gradient")
def test_slopes_are_of_neighbours(device):
    """`torch.gradient` gives the slopes between neighbours along each dimension, one-sided at the ends."""
    x = torch.tensor(X, device=device)
    for got, want in zip(torch.gradient(x, spacing=0.5), numpy.gradient(X, 0.5), strict=True):
        close(got, want, roundings=ROUNDINGS, scale=16)
    same(torch.stack(torch.gradient(x)), numpy.stack(numpy.gradient(X)))
