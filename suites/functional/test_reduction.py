"""Sums, means, products, truth and counts over dimensions; spread is in test_statistics, extremes in test_ordering."""

import math

import numpy
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from torchproof import close, fact, same
from torchproof.fixtures.strategies import Layout, layouts
from torchproof.suites.functional.reference import of_lies

X = numpy.array([[[0.5, -1.25, 2.0], [1.5, 0.25, -0.75]], [[1.0, 3.0, -0.5], [0.125, -2.0, 4.0]]])
HOLES = numpy.where(X == -0.75, numpy.nan, X)
NAN = math.nan
ROUNDINGS = 64  # of a few sums and products
kept = pytest.mark.parametrize("keepdim", [False, True])
NUMBERS = st.lists(st.floats(-100, 100, width=32), max_size=40)


@fact("torch.sum")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@given(numbers=NUMBERS)
@example(numbers=[])
@example(numbers=[0.5, 1.25, -3.75])
def test_sum_is_that_of_the_elements(device, dtype, numbers):
    """`torch.sum` of floating-point numbers gives their sum in their dtype, 0 of none."""
    y = torch.sum(torch.tensor(numbers, dtype=dtype, device=device))
    assert y.dtype == dtype
    close(y, math.fsum(numbers), roundings=len(numbers), scale=math.fsum(map(abs, numbers)))


@fact("torch.sum", "torch.mean")
@pytest.mark.parametrize("name", ["sum", "mean"])
@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("dim", [0, 1, -1, (0, 2), (0, 1, 2)], ids=str)
def test_sum_and_mean_go_over_the_dimensions_named(device, name, dim, keepdim):
    """`torch.sum` or `mean` over dimensions leaves a contiguous tensor of the others, and of size 1 if `keepdim`."""
    values = numpy.arange(32.0).reshape(2, 4, 4) * 0.5 - 3
    y = getattr(torch, name)(torch.tensor(values, device=device), dim=dim, keepdim=keepdim)
    same(y, getattr(values, name)(axis=dim, keepdims=keepdim))
    assert y.is_contiguous()


@fact("torch.mean")
def test_mean_is_of_all_elements_unless_told(device):
    """`torch.mean` of floats without `dim` is the mean of all elements, a tensor without dimensions."""
    same(torch.mean(torch.tensor([[0.5, 1.5], [2.5, 5.5]], device=device)), torch.tensor(2.5))


@fact("torch.mean")
@pytest.mark.parametrize("dtype", [torch.int64, torch.bool])
def test_mean_of_integers_is_refused(device, dtype):
    """`torch.mean` of integers or of booleans is refused, unless `dtype=` says in what to make it."""
    x = torch.tensor([1, 0, 1, 1], device=device).to(dtype)
    with pytest.raises(RuntimeError, match="dtype"):
        torch.mean(x)
    same(torch.mean(x, dtype=torch.float32), torch.tensor(0.75))


@fact("torch.mean")
def test_mean_shares_its_gradient_out(device):
    """The gradient of `torch.mean` over a dimension is, at each element, a share of that of the mean it went into."""
    x = torch.tensor([[1.5, 2.5], [3.5, 4.5]], device=device, requires_grad=True)
    torch.mean(x, dim=1).backward(torch.tensor([3.0, 5.0], device=device))
    same(x.grad, torch.tensor([[1.5, 1.5], [2.5, 2.5]]))


@fact("torch.sum", "torch.mean")
@pytest.mark.parametrize("name", ["sum", "mean"])
@given(layout=layouts(1, 3, max_side=3, overlap=True))
@example(layout=Layout((3,), (2,), 1))
def test_sum_and_mean_read_a_tensor_of_any_strides(device, name, layout):
    """`torch.sum` and `mean` give the same, but for rounding, of a permuted, sliced, offset or expanded tensor."""
    memory = numpy.arange(1.0, layout.reach + 1) / 4
    y = getattr(torch, name)(torch.from_numpy(memory).to(device).as_strided(*layout))
    close(y, getattr(memory[layout.places()], name)(), roundings=30)


@fact("torch.sum")
@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int32, torch.int64])
def test_sum_of_integers_is_int64(device, dtype):
    """`torch.sum` of integers or of booleans is int64, so that it does not wrap around in a smaller dtype."""
    x = torch.full((300,), 1, device=device).to(dtype)
    same(torch.sum(x), torch.tensor(300))


@fact("torch.sum")
def test_sum_is_made_in_the_dtype_that_is_asked_for(device):
    """`torch.sum` with `dtype=` converts the elements before it adds them."""
    x = torch.tensor([1.5, 2.25, -0.5], dtype=torch.float16, device=device)
    same(torch.sum(x, dtype=torch.float64), torch.tensor(3.25, dtype=torch.float64))


@fact("torch.sum")
def test_sum_hands_its_gradient_to_every_element(device):
    """The gradient of `torch.sum` over a dimension is, at each element, that of the sum the element went into."""
    x = torch.tensor([[1.5, 2.5], [3.5, 4.5]], device=device, requires_grad=True)
    torch.sum(x, dim=1).backward(torch.tensor([3.0, 5.0], device=device))
    same(x.grad, torch.tensor([[3.0, 3.0], [5.0, 5.0]]))


SUMS = {
    "prod": (numpy.prod, lambda x, axis: numpy.prod(x, axis=axis, keepdims=True) / x),
    "nansum": (numpy.nansum, lambda x, axis: 1.0 * ~numpy.isnan(x)),
    "nanmean": (numpy.nanmean, lambda x, axis: ~numpy.isnan(x) / (~numpy.isnan(x)).sum(axis=axis, keepdims=True)),
}


about_sums = fact(*(f"torch.{name}" for name in SUMS))
of_sums = pytest.mark.parametrize("name", SUMS)


@about_sums
@of_sums
@pytest.mark.parametrize("dim", [0, 1, -1])
@kept
def test_prod_and_nansum_go_along_a_dimension(device, name, dim, keepdim):
    """`torch.prod` multiplies along a dimension, `nansum` and `nanmean` leave NaN out, into a contiguous tensor."""
    array = X if name == "prod" else HOLES
    y = getattr(torch, name)(torch.tensor(array, device=device), dim=dim, keepdim=keepdim)
    assert (y.dtype, y.is_contiguous()) == (torch.float64, True)
    close(y, SUMS[name][0](array, axis=dim, keepdims=keepdim), roundings=ROUNDINGS, scale=8)


@about_sums
@of_sums
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_prod_and_nansum_have_gradients_of_what_counts(device, name, dim):
    """The gradients of `torch.prod`, `nansum` and `nanmean` are their slopes: zero where NaN is left out."""
    array = X if name == "prod" else HOLES
    x = torch.tensor(array, device=device, requires_grad=True)
    getattr(torch, name)(x, dim=dim).sum().backward()
    close(x.grad, SUMS[name][1](array, dim), roundings=ROUNDINGS, scale=8)


@about_sums
@of_sums
@of_lies
def test_prod_and_nansum_take_all_elements_by_default(device, name, lie):
    """`torch.prod`, `nansum` and `nanmean` without a dimension go over all elements, whatever the strides."""
    array = X if name == "prod" else HOLES
    x = lie(torch.tensor(array, device=device))
    close(getattr(torch, name)(x), SUMS[name][0](array), roundings=ROUNDINGS, scale=16)
    same(x, array)


@about_sums
@of_sums
@of_lies
def test_prod_and_nansum_of_all_have_gradients_in_place(device, name, lie):
    """The gradient of `torch.prod`, `nansum` and `nanmean` of all elements is each one's own, whatever the strides."""
    array = X if name == "prod" else HOLES
    x = lie(torch.tensor(array, device=device)).requires_grad_()
    getattr(torch, name)(x).backward()
    close(x.grad, SUMS[name][1](array, (0, 1, 2)), roundings=ROUNDINGS, scale=16)


@fact("torch.prod", "torch.nansum", "torch.nanmean")
@pytest.mark.parametrize(("name", "want"), [("prod", 1.0), ("nansum", 0.0), ("nanmean", NAN)], ids=SUMS)
def test_prod_and_nansum_of_nothing_are_neutral(device, name, want):
    """`torch.prod` of nothing is 1, `torch.nansum` 0 and `torch.nanmean` NaN."""
    same(getattr(torch, name)(torch.empty(0, device=device)), torch.tensor(want))
    same(getattr(torch, name)(torch.empty(0, 2, device=device), dim=0), torch.tensor([want, want]))


@fact("torch.prod", "torch.nansum")
@pytest.mark.parametrize("name", ["prod", "nansum"])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.bool])
def test_prod_and_nansum_of_integers_are_int64(device, name, dtype):
    """`torch.prod` and `nansum` of integers and booleans are int64, unless `dtype=` says otherwise."""
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
def test_all_and_any_are_boolean(device, name, dim, keepdim, dtype):
    """`torch.all` and `torch.any` take what is not zero for True, and give a contiguous tensor of booleans."""
    x = torch.tensor(TABLE.astype(dtype), device=device).t().contiguous().t()
    options = {} if dim is None else {"dim": dim, "keepdim": keepdim}
    want = TRUTHS[name](TABLE, axis=dim, keepdims=keepdim and dim is not None)
    y = getattr(torch, name)(x, **options)
    same(y, numpy.asarray(want))
    assert y.is_contiguous()


@fact("torch.all", "torch.any")
@pytest.mark.parametrize(("name", "want"), [("all", True), ("any", False)], ids=TRUTHS)
def test_all_and_any_of_nothing_are_neutral(device, name, want):
    """`torch.all` of an empty tensor is True, and `torch.any` is False."""
    same(getattr(torch, name)(torch.empty(0, device=device)), torch.tensor(want))


@fact("torch.all", "torch.any")
@pytest.mark.parametrize("name", TRUTHS)
def test_all_and_any_of_uint8_are_uint8(device, name):
    """`torch.all` and `torch.any` of uint8 give uint8, not booleans: 0 or 1."""
    x = torch.tensor([2, 3], dtype=torch.uint8, device=device)
    same(getattr(torch, name)(x), torch.tensor(1, dtype=torch.uint8))


@fact("torch.all", "torch.any")
@pytest.mark.parametrize("name", TRUTHS)
def test_all_and_any_take_nan_for_true(device, name):
    """`torch.all` and `torch.any` take NaN for True."""
    same(getattr(torch, name)(torch.tensor([NAN], device=device)), torch.tensor(True))


@fact("torch.count_nonzero")
@pytest.mark.parametrize("dim", [None, 0, -1, (0, 1)], ids=str)
def test_count_nonzero_counts_nan(device, dim):
    """`torch.count_nonzero` counts NaN, and no zero of either sign, into a contiguous tensor."""
    x = torch.tensor([[1.0, 0.0, NAN], [0.0, -0.0, 2.0]], device=device)
    y = torch.count_nonzero(x, dim=dim)
    same(y, numpy.asarray(numpy.count_nonzero(x.cpu().numpy(), axis=dim)))
    assert y.is_contiguous()


SEGMENTS = numpy.array([1.5, 2.0, -3.0, 4.0, 0.5])
REDUCED = {
    "sum": ([3.5, 0.0, 1.5], [1, 1, 3, 3, 3]),
    "mean": ([1.75, NAN, 0.5], [0.5, 0.5, 1, 1, 1]),
    "max": ([2.0, -math.inf, 4.0], [0, 1, 0, 3, 0]),
    "min": ([1.5, math.inf, -3.0], [1, 0, 3, 0, 0]),
    "prod": ([3.0, 1.0, -6.0], [2, 1.5, 6, -4.5, -36]),
}


@fact("torch.segment_reduce")
@pytest.mark.parametrize("reduce", REDUCED)
@pytest.mark.parametrize("by", [{"lengths": [2, 0, 3]}, {"offsets": [0, 2, 2, 5]}], ids=["lengths", "offsets"])
def test_segments_are_reduced_one_by_one(device, reduce, by):
    """`torch.segment_reduce` reduces each part of a vector, told by lengths or offsets, into a contiguous tensor."""
    given = {name: torch.tensor(each, device=device) for name, each in by.items()}
    y = torch.segment_reduce(torch.tensor(SEGMENTS, device=device), reduce, **given)
    same(y, torch.tensor(REDUCED[reduce][0], dtype=torch.float64))
    assert y.is_contiguous()


@fact("torch.segment_reduce")
@pytest.mark.parametrize("reduce", REDUCED)
def test_segments_hand_their_gradients_back(device, reduce):
    """The gradient of `torch.segment_reduce` goes back to the elements of each part: for a maximum to that alone."""
    x = torch.tensor(SEGMENTS, device=device, requires_grad=True)
    y = torch.segment_reduce(x, reduce, lengths=torch.tensor([2, 0, 3], device=device))
    y.backward(torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64, device=device))
    close(x.grad, numpy.array(REDUCED[reduce][1], "float64"), roundings=4)


@fact("torch.segment_reduce")
def test_segments_start_with_what_is_told(device):
    """`torch.segment_reduce` starts with `initial` where it is given, which is all that an empty segment has."""
    x, lengths = torch.tensor(SEGMENTS, device=device), torch.tensor([2, 0, 3], device=device)
    y = torch.segment_reduce(x, "prod", lengths=lengths, initial=10)
    same(y, torch.tensor([30.0, 10.0, -60.0], dtype=torch.float64))


@fact("torch.segment_reduce")
@pytest.mark.parametrize(
    ("reduce", "lengths", "words"),
    [("sum", [2, 2], "to sum to data.size"), ("median", [2, 3], "reduce argument must be either")],
    ids=["lengths", "reduce"],
)
def test_segments_cover_the_row(device, reduce, lengths, words):
    """`torch.segment_reduce` refuses lengths that do not add up to the vector, and an unknown reduction."""
    with pytest.raises(RuntimeError, match=words):
        torch.segment_reduce(
            torch.tensor(SEGMENTS, device=device), reduce, lengths=torch.tensor(lengths, device=device)
        )
