import math

import numpy
import pytest
import torch

from torchproof import close, fact, same

ROUNDINGS = 64  # of a few sums, squares and roots
X = numpy.array([[[0.5, -1.25, 2.0], [1.5, 0.25, -0.75]], [[1.0, 3.0, -0.5], [0.125, -2.0, 4.0]]])
HOLES = numpy.where(X == -0.75, numpy.nan, X)
NAN, INF = math.nan, math.inf

dims = pytest.mark.parametrize("dim", [0, 1, -1, (0, 2), (0, 1, 2)], ids=str)
kept = pytest.mark.parametrize("keepdim", [False, True])

# What each is of an array over axes, and its gradient where all weigh 1.
SPREADS = {
    "var": (numpy.var, lambda x, n, var, mean: 2 * (x - mean) / n),
    "std": (numpy.std, lambda x, n, var, mean: (x - mean) / n / numpy.sqrt(var)),
}
of_spreads = pytest.mark.parametrize("name", SPREADS)
about_spreads = fact("torch.var", "torch.std")
LIES = {
    "transposed": lambda x: x.transpose(0, 2).contiguous().transpose(0, 2),
    "stepped": lambda x: torch.stack([x, x], -1)[..., 0],
}


@about_spreads
@of_spreads
@dims
@kept
@pytest.mark.parametrize("correction", [0, 1])
def test_of_spread_divide_by_all_less_the_correction(device, name, dim, keepdim, correction):
    """`var` and `std` over dimensions divide the sum of squared differences by the count less `correction`."""
    x = torch.tensor(X, device=device)
    y = getattr(torch, name)(x, dim=dim, correction=correction, keepdim=keepdim)
    assert (y.dtype, y.is_contiguous()) == (torch.float64, True)
    close(y, SPREADS[name][0](X, axis=dim, ddof=correction, keepdims=keepdim), roundings=ROUNDINGS)
    same(x, X)


@fact("torch.var", "torch.std", myth="var divides by the number of elements, as numpy.var does")
@of_spreads
def test_of_spread_are_of_samples_by_default(device, name):
    """`var` and `std` divide by one less than the number of elements unless `unbiased=False` says otherwise."""
    x = torch.tensor([1.0, 2.0, 4.0, 9.0], dtype=torch.float64, device=device)
    got = torch.stack([getattr(torch, name)(x), getattr(torch, name)(x, unbiased=False)])
    want = numpy.array([38 / 3, 38 / 4])
    close(got, want if name == "var" else numpy.sqrt(want), roundings=ROUNDINGS)


@about_spreads
@of_spreads
@pytest.mark.parametrize("lie", LIES)
def test_of_spread_have_the_gradient_of_their_formula(device, name, lie):
    """The gradient of `var` and `std` is by formula, for any strides."""
    x = LIES[lie](torch.tensor(X, device=device)).requires_grad_()
    getattr(torch, name)(x, dim=(0, 2)).sum().backward()
    var, mean = X.var((0, 2), ddof=1, keepdims=True), X.mean((0, 2), keepdims=True)
    close(x.grad, SPREADS[name][1](X, 5, var, mean), roundings=ROUNDINGS, scale=4)


@fact("torch.var_mean", "torch.std_mean")
@of_spreads
@dims
@kept
def test_of_spread_come_with_the_mean(device, name, dim, keepdim):
    """`var_mean` and `std_mean` give spread and mean at once."""
    x = torch.tensor(X, device=device, requires_grad=True)
    spread, mean = getattr(torch, f"{name}_mean")(x, dim=dim, correction=0, keepdim=keepdim)
    close(spread, SPREADS[name][0](X, axis=dim, keepdims=keepdim), roundings=ROUNDINGS)
    close(mean, X.mean(axis=dim, keepdims=keepdim), roundings=ROUNDINGS, scale=1)
    mean.sum().backward()
    close(x.grad, numpy.full(X.shape, mean.numel() / X.size), roundings=4)
    assert (spread.dtype, spread.is_contiguous(), mean.is_contiguous()) == (torch.float64, True, True)


@about_spreads
@of_spreads
@pytest.mark.filterwarnings("ignore:.*degrees of freedom")
def test_of_spread_of_one_element_are_nan(device, name):
    """`var` and `std` of one element are NaN with the correction of 1, and 0 without."""
    x = torch.tensor([2.5], device=device)
    same(getattr(torch, name)(x), torch.tensor(NAN))
    same(getattr(torch, name)(x, correction=0), torch.tensor(0.0))


@fact("torch.var", "torch.std", since="2.2", calls="names warns|filterwarnings|simplefilter")
@of_spreads
def test_of_spread_of_one_element_warn(device, name):
    """`var` and `std` of one element with the correction of 1 warn that nothing is left to divide by."""
    with pytest.warns(UserWarning, match="degrees of freedom is <= 0"):
        y = getattr(torch, name)(torch.tensor([2.5], device=device))
    same(y, torch.tensor(NAN))


@about_spreads
@of_spreads
def test_of_spread_refuse_integers(device, name):
    """`var` and `std` refuse integers."""
    with pytest.raises(RuntimeError, match="only support floating point and complex dtypes"):
        getattr(torch, name)(torch.tensor([1, 2], device=device))


@about_spreads
@of_spreads
def test_of_spread_do_not_lose_digits(device, name):
    """`var` and `std` of numbers that are far from zero are those of their differences."""
    x = torch.tensor([1e8, 1e8 + 1, 1e8 + 2], dtype=torch.float64, device=device)
    close(getattr(torch, name)(x), 1.0, roundings=ROUNDINGS)


SUMS = {
    "prod": (numpy.prod, lambda x, axis: numpy.prod(x, axis=axis, keepdims=True) / x),
    "nansum": (numpy.nansum, lambda x, axis: 1.0 * ~numpy.isnan(x)),
    "nanmean": (numpy.nanmean, lambda x, axis: ~numpy.isnan(x) / (~numpy.isnan(x)).sum(axis=axis, keepdims=True)),
}


@fact(*(f"torch.{name}" for name in SUMS))
@pytest.mark.parametrize("name", SUMS)
@pytest.mark.parametrize("dim", [0, 1, -1])
@kept
def test_of_sums_go_along_a_dimension(device, name, dim, keepdim):
    """`prod` multiplies along a dimension; `nansum` and `nanmean` leave NaN out."""
    array = X if name == "prod" else HOLES
    x = torch.tensor(array, device=device, requires_grad=True)
    y = getattr(torch, name)(x, dim=dim, keepdim=keepdim)
    y.sum().backward()
    assert (y.dtype, y.is_contiguous()) == (torch.float64, True)
    close(y, SUMS[name][0](array, axis=dim, keepdims=keepdim), roundings=ROUNDINGS, scale=8)
    close(x.grad, SUMS[name][1](array, dim), roundings=ROUNDINGS, scale=8)


@fact(*(f"torch.{name}" for name in SUMS))
@pytest.mark.parametrize("name", SUMS)
@pytest.mark.parametrize("lie", LIES)
def test_of_sums_take_all_elements_by_default(device, name, lie):
    """`prod`, `nansum` and `nanmean` without a dimension go over all elements, for any strides."""
    array = X if name == "prod" else HOLES
    x = LIES[lie](torch.tensor(array, device=device)).requires_grad_()
    y = getattr(torch, name)(x)
    y.backward()
    close(y, SUMS[name][0](array), roundings=ROUNDINGS, scale=16)
    close(x.grad, SUMS[name][1](array, (0, 1, 2)), roundings=ROUNDINGS, scale=16)
    same(x, array)


@fact("torch.prod", "torch.nansum", "torch.nanmean")
@pytest.mark.parametrize(("name", "want"), [("prod", 1.0), ("nansum", 0.0), ("nanmean", NAN)], ids=SUMS)
def test_of_nothing_are_neutral(device, name, want):
    """`prod` of nothing is 1, `nansum` 0 and `nanmean` NaN."""
    same(getattr(torch, name)(torch.empty(0, device=device)), torch.tensor(want))
    same(getattr(torch, name)(torch.empty(0, 2, device=device), dim=0), torch.tensor([want, want]))


@fact("torch.prod", "torch.nansum")
@pytest.mark.parametrize("name", ["prod", "nansum"])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.bool])
def test_of_integers_are_int64(device, name, dtype):
    """`prod` and `nansum` of integers are int64, and of another dtype when told."""
    x = torch.ones(3, device=device).to(dtype)
    want = {"prod": 1, "nansum": 3}[name]
    same(getattr(torch, name)(x), torch.tensor(want))
    same(getattr(torch, name)(x, dtype=torch.float32), torch.tensor(float(want)))


TRUTHS = {"all": numpy.all, "any": numpy.any}
TABLE = numpy.array([[1, 0, 2], [1, 3, 4]])


@fact("torch.all", "torch.any")
@pytest.mark.parametrize("name", TRUTHS)
@pytest.mark.parametrize("dim", [None, 0, -1], ids=str)
@kept
@pytest.mark.parametrize("dtype", ["bool", "int64", "float32"])
def test_of_truth_are_boolean(device, name, dim, keepdim, dtype):
    """`all` and `any` tell of what is not zero, over everything or along a dimension, as booleans."""
    x = torch.tensor(TABLE.astype(dtype), device=device).t().contiguous().t()
    options = {} if dim is None else {"dim": dim, "keepdim": keepdim}
    want = TRUTHS[name](TABLE, axis=dim, keepdims=keepdim and dim is not None)
    y = getattr(torch, name)(x, **options)
    same(y, numpy.asarray(want))
    assert y.is_contiguous()


@fact("torch.all", "torch.any")
@pytest.mark.parametrize(("name", "want"), [("all", True), ("any", False)], ids=TRUTHS)
def test_of_truth_of_nothing_are_neutral(device, name, want):
    """`all` of nothing is True and `any` is False; both are uint8 of uint8; NaN counts as true."""
    same(getattr(torch, name)(torch.empty(0, device=device)), torch.tensor(want))
    same(
        getattr(torch, name)(torch.tensor([2, 3], dtype=torch.uint8, device=device)), torch.tensor(1, dtype=torch.uint8)
    )
    same(getattr(torch, name)(torch.tensor([NAN], device=device)), torch.tensor(True))


@fact("torch.count_nonzero")
@pytest.mark.parametrize("dim", [None, 0, -1, (0, 1)], ids=str)
def test_of_counts_are_int64(device, dim):
    """`count_nonzero` counts what is not zero, NaN too."""
    x = torch.tensor([[1.0, 0.0, NAN], [0.0, -0.0, 2.0]], device=device)
    y = torch.count_nonzero(x, dim=dim)
    same(y, numpy.asarray(numpy.count_nonzero(x.cpu().numpy(), axis=dim)))
    assert y.is_contiguous()


ROWS = numpy.array([[1.0, 2.0, 4.0, 0.5], [2.0, -1.0, 3.0, 1.5]])


@fact("torch.cov", "torch.corrcoef")
@pytest.mark.parametrize("name", ["cov", "corrcoef"])
def test_of_rows_are_those_of_numpy(device, name):
    """`cov` and `corrcoef` take rows for variables and columns for observations, in a symmetric matrix."""
    x = torch.tensor(ROWS, device=device, requires_grad=True)
    y = getattr(torch, name)(x)
    y[0, 1].backward()
    apart = ROWS - ROWS.mean(1, keepdims=True)
    norm = numpy.linalg.norm(apart, axis=1, keepdims=True)
    a, b = apart / norm
    slopes = {"cov": apart[::-1] / 3, "corrcoef": numpy.array([b - a * (a @ b), a - b * (a @ b)]) / norm}
    assert (y.dtype, y.is_contiguous()) == (torch.float64, True)
    close(y, getattr(numpy, name)(ROWS), roundings=ROUNDINGS, scale=4)
    close(x.grad, slopes[name], roundings=ROUNDINGS, scale=1)
    same(x, ROWS)


@fact("torch.cov")
def test_of_rows_take_weights(device):
    """`cov` takes counts and weights of observations, and another correction."""
    counts, weights = [1, 2, 1, 3], [0.5, 1.0, 2.0, 0.25]
    y = torch.cov(
        torch.tensor(ROWS, device=device),
        correction=0,
        fweights=torch.tensor(counts, device=device),
        aweights=torch.tensor(weights, dtype=torch.float64, device=device),
    )
    close(y, numpy.cov(ROWS, ddof=0, fweights=counts, aweights=weights), roundings=ROUNDINGS, scale=4)
