"""Spread and correlation: `var`, `std`, `cov` and `corrcoef`; sums and means are in test_reduction."""

import math

import numpy
import pytest
import torch

from torchproof import close, fact, same
from torchproof.suites.functional.reference import of_lies

ROUNDINGS = 64  # of a few sums, squares and roots
X = numpy.array([[[0.5, -1.25, 2.0], [1.5, 0.25, -0.75]], [[1.0, 3.0, -0.5], [0.125, -2.0, 4.0]]])
NAN = math.nan

dims = pytest.mark.parametrize("dim", [0, 1, -1, (0, 2), (0, 1, 2)], ids=str)
kept = pytest.mark.parametrize("keepdim", [False, True])

# What each is of an array over axes, and its gradient where all weigh 1.
SPREADS = {
    "var": (numpy.var, lambda x, n, var, mean: 2 * (x - mean) / n),
    "std": (numpy.std, lambda x, n, var, mean: (x - mean) / n / numpy.sqrt(var)),
}
of_spreads = pytest.mark.parametrize("name", SPREADS)
about_spreads = fact("torch.var", "torch.std")


@about_spreads
@of_spreads
@dims
@kept
@pytest.mark.parametrize("correction", [0, 1])
def test_of_spread_divide_by_all_less_the_correction(device, name, dim, keepdim, correction):
    """`torch.var` and `std` divide the sum of squared differences by the count less `correction`, contiguous."""
    x = torch.tensor(X, device=device)
    y = getattr(torch, name)(x, dim=dim, correction=correction, keepdim=keepdim)
    assert (y.dtype, y.is_contiguous()) == (torch.float64, True)
    close(y, SPREADS[name][0](X, axis=dim, ddof=correction, keepdims=keepdim), roundings=ROUNDINGS)
    same(x, X)


@fact("torch.var", "torch.std", myth="var divides by the number of elements, as numpy.var does")
@of_spreads
def test_of_spread_are_of_samples_by_default(device, name):
    """`torch.var` and `std` divide by one less than the number of elements, unless `unbiased=False` says otherwise."""
    x = torch.tensor([1.0, 2.0, 4.0, 9.0], dtype=torch.float64, device=device)
    got = torch.stack([getattr(torch, name)(x), getattr(torch, name)(x, unbiased=False)])
    want = numpy.array([38 / 3, 38 / 4])
    close(got, want if name == "var" else numpy.sqrt(want), roundings=ROUNDINGS)


@about_spreads
@of_spreads
@of_lies
def test_of_spread_have_the_gradient_of_their_formula(device, name, lie):
    """The gradient of `torch.var` is twice the difference from the mean over n - 1; `torch.std` is its root."""
    x = lie(torch.tensor(X, device=device)).requires_grad_()
    getattr(torch, name)(x, dim=(0, 2)).sum().backward()
    var, mean = X.var((0, 2), ddof=1, keepdims=True), X.mean((0, 2), keepdims=True)
    close(x.grad, SPREADS[name][1](X, 5, var, mean), roundings=ROUNDINGS, scale=4)


@fact("torch.var_mean", "torch.std_mean")
@of_spreads
@dims
@kept
def test_of_spread_come_with_the_mean(device, name, dim, keepdim):
    """`torch.var_mean` and `torch.std_mean` give spread and mean at once, in contiguous tensors."""
    x = torch.tensor(X, device=device)
    spread, mean = getattr(torch, f"{name}_mean")(x, dim=dim, correction=0, keepdim=keepdim)
    close(spread, SPREADS[name][0](X, axis=dim, keepdims=keepdim), roundings=ROUNDINGS)
    close(mean, X.mean(axis=dim, keepdims=keepdim), roundings=ROUNDINGS, scale=1)
    assert (spread.dtype, spread.is_contiguous(), mean.is_contiguous()) == (torch.float64, True, True)


@fact("torch.var_mean", "torch.std_mean")
@of_spreads
def test_of_spread_hand_the_gradient_of_the_mean_on(device, name):
    """The mean that `torch.var_mean` and `torch.std_mean` give shares its gradient out to all elements."""
    x = torch.tensor([1.0, 2.0, 4.0, 9.0], device=device, requires_grad=True)
    getattr(torch, f"{name}_mean")(x)[1].backward(torch.tensor(8.0, device=device))
    same(x.grad, torch.full((4,), 2.0))


@about_spreads
@of_spreads
@pytest.mark.filterwarnings("ignore:.*degrees of freedom")
def test_of_spread_of_one_element_are_nan(device, name):
    """`torch.var` and `std` of one element are NaN with the correction of 1, and 0 without."""
    x = torch.tensor([2.5], device=device)
    same(getattr(torch, name)(x), torch.tensor(NAN))
    same(getattr(torch, name)(x, correction=0), torch.tensor(0.0))


@fact("torch.var", "torch.std", since="2.2", calls="names warns|filterwarnings|simplefilter")
@of_spreads
def test_of_spread_of_one_element_warn(device, name):
    """`torch.var` and `std` of one element warn that "degrees of freedom is <= 0": the correction leaves none."""
    with pytest.warns(UserWarning, match="degrees of freedom is <= 0"):
        y = getattr(torch, name)(torch.tensor([2.5], device=device))
    same(y, torch.tensor(NAN))


@about_spreads
@of_spreads
def test_of_spread_refuse_integers(device, name):
    """`torch.var` and `std` refuse integers: they "only support floating point and complex dtypes"."""
    with pytest.raises(RuntimeError, match="only support floating point and complex dtypes"):
        getattr(torch, name)(torch.tensor([1, 2], device=device))


@about_spreads
@of_spreads
def test_of_spread_do_not_lose_digits(device, name):
    """`torch.var` and `std` of 1e8, 1e8 + 1 and 1e8 + 2 in float64 are 1: no digits are lost."""
    x = torch.tensor([1e8, 1e8 + 1, 1e8 + 2], dtype=torch.float64, device=device)
    close(getattr(torch, name)(x), 1.0, roundings=ROUNDINGS)


ROWS = numpy.array([[1.0, 2.0, 4.0, 0.5], [2.0, -1.0, 3.0, 1.5]])


of_relations = pytest.mark.parametrize("name", ["cov", "corrcoef"])


@fact("torch.cov", "torch.corrcoef")
@of_relations
def test_of_rows_are_those_of_numpy(device, name):
    """`torch.cov` and `torch.corrcoef` take rows for variables and columns for observations, as NumPy, contiguous."""
    x = torch.tensor(ROWS, device=device)
    y = getattr(torch, name)(x)
    assert (y.dtype, y.is_contiguous()) == (torch.float64, True)
    close(y, getattr(numpy, name)(ROWS), roundings=ROUNDINGS, scale=4)
    same(x, ROWS)


@fact("torch.cov", "torch.corrcoef")
@of_relations
def test_of_rows_have_their_slopes_as_gradients(device, name):
    """The gradients of `torch.cov` and `torch.corrcoef` are their slopes by each observation."""
    x = torch.tensor(ROWS, device=device, requires_grad=True)
    getattr(torch, name)(x)[0, 1].backward()
    apart = ROWS - ROWS.mean(1, keepdims=True)
    norm = numpy.linalg.norm(apart, axis=1, keepdims=True)
    a, b = apart / norm
    slopes = {"cov": apart[::-1] / 3, "corrcoef": numpy.array([b - a * (a @ b), a - b * (a @ b)]) / norm}
    close(x.grad, slopes[name], roundings=ROUNDINGS, scale=1)


@fact("torch.cov")
def test_of_rows_take_weights(device):
    """`torch.cov` takes counts `fweights`, weights `aweights` and a `correction`, as NumPy does."""
    counts, weights = [1, 2, 1, 3], [0.5, 1.0, 2.0, 0.25]
    y = torch.cov(
        torch.tensor(ROWS, device=device),
        correction=0,
        fweights=torch.tensor(counts, device=device),
        aweights=torch.tensor(weights, dtype=torch.float64, device=device),
    )
    close(y, numpy.cov(ROWS, ddof=0, fweights=counts, aweights=weights), roundings=ROUNDINGS, scale=4)
