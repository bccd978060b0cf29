"""Counts and places of values: bins, buckets, unique values, membership, and the places of what is not zero."""

import math

import numpy
import pytest
import torch

from torchproof import close, fact, same

NUMBERS = numpy.array([1, 3, 3, 0, 7, 1, 3])
VALUES = numpy.array([0.5, 1.0, 2.5, 3.0, 4.0, -1.0, 1.5, 9.0], dtype="float32")
NAN = math.nan


@fact("torch.bincount")
@pytest.mark.parametrize("least", [0, 5, 12])
@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.int32])
def test_of_each_number_starts_at_zero(device, least, dtype):
    """`torch.bincount` counts each number from 0 to the largest, contiguously in `minlength` int64 elements or more."""
    y = torch.bincount(torch.tensor(NUMBERS, device=device).to(dtype), minlength=least)
    same(y, numpy.bincount(NUMBERS, minlength=least))
    assert y.is_contiguous()


@fact("torch.bincount")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_of_each_number_adds_weights(device, dtype):
    """`torch.bincount` adds up the weights of each number where they are given, in their dtype: float32 or float64."""
    weights = torch.tensor([0.5, 1.0, 2.0, 0.25, 4.0, 8.0, 0.125], dtype=dtype, device=device)
    y = torch.bincount(torch.tensor(NUMBERS, device=device), weights)
    same(y, torch.tensor([0.25, 8.5, 0.0, 3.125, 0.0, 0.0, 0.0, 4.0], dtype=dtype))


@fact("torch.bincount")
def test_of_no_number_is_empty(device):
    """`torch.bincount` of nothing is empty, or `minlength` zeros."""
    x = torch.empty(0, dtype=torch.int64, device=device)
    same(torch.bincount(x), torch.empty(0, dtype=torch.int64))
    same(torch.bincount(x, minlength=2), torch.tensor([0, 0]))


@fact("torch.bincount")
@pytest.mark.parametrize(
    ("numbers", "words"),
    [([-1], "non-negative"), ([[1]], "1-d"), ([1.5], "not implemented for 'Float'")],
    ids=["negative", "table", "fraction"],
)
def test_of_what_is_no_place_is_refused(numbers, words):
    """`torch.bincount` on the CPU refuses negative numbers, a matrix and floating-point numbers."""
    with pytest.raises(RuntimeError, match=words):
        torch.bincount(torch.tensor(numbers))


@fact("torch.histc")
@pytest.mark.parametrize(
    ("options", "limits"), [({"bins": 4, "min": 0, "max": 4}, (0, 4)), ({"bins": 5}, (-1, 9))], ids=["limits", "all"]
)
def test_of_bins_leaves_out_what_is_beyond(device, options, limits):
    """`torch.histc` counts in equal bins from `min` to `max`, by default the extremes, in a contiguous tensor."""
    x = torch.tensor(VALUES, device=device)
    y = torch.histc(x, **options)
    same(y, numpy.histogram(VALUES, options["bins"], limits)[0].astype("float32"))
    same(x, VALUES)
    assert y.is_contiguous()


@fact("torch.histc")
def test_of_a_hundred_bins_is_the_default(device):
    """`torch.histc` makes 100 bins by default, and counts numbers that are all equal in one of them."""
    y = torch.histc(torch.tensor([2.0, 2.0, 2.0], device=device))
    assert (y.shape, y.sum().item(), y.max().item()) == ((100,), 3.0, 3.0)


@fact("torch.histc")
def test_of_crossed_limits_is_refused(device):
    """`torch.histc` refuses a `max` below `min`: "max must be larger than min"."""
    with pytest.raises(RuntimeError, match="max must be larger than min"):
        torch.histc(torch.tensor([2.0, 2.0, 2.0], device=device), 4, 2, 1)


EDGES = [-1.0, 0.5, 1.5, 4.0]


@fact("torch.histogram")
@pytest.mark.parametrize("density", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_of_histogram_is_between_edges(density, weighted):
    """`torch.histogram` gives counts, weights or densities between edges, as NumPy does, and the edges again."""
    weights = numpy.linspace(0.5, 4.0, 8).astype("float32") if weighted else None
    options = {"weight": torch.tensor(weights)} if weighted else {}
    counts, edges = torch.histogram(torch.tensor(VALUES), torch.tensor(EDGES), density=density, **options)
    want = numpy.histogram(VALUES, EDGES, density=density, weights=weights)[0]
    close(counts, want, roundings=16)
    same(edges, torch.tensor(EDGES))
    assert counts.dtype == torch.float32


@fact("torch.histogram")
def test_of_histogram_may_be_of_equal_width():
    """`torch.histogram` with a number of bins makes them of equal width within `range`."""
    counts, edges = torch.histogram(torch.tensor(VALUES), 4, range=(0.0, 4.0))
    same(counts, numpy.histogram(VALUES, 4, (0, 4))[0].astype("float32"))
    same(edges, torch.tensor([0.0, 1.0, 2.0, 3.0, 4.0]))


@fact("torch.histogramdd")
@pytest.mark.parametrize("density", [False, True])
def test_of_histogramdd_is_of_points(density):
    """`torch.histogramdd` counts points, one a row, in boxes, or gives their density, as NumPy does."""
    points = numpy.stack([VALUES, VALUES[::-1]], 1)
    got, edges = torch.histogramdd(torch.tensor(points), bins=[3, 2], range=[-1.0, 9.0, -1.0, 9.0], density=density)
    want, sides = numpy.histogramdd(points, [3, 2], [(-1, 9), (-1, 9)], density=density)
    close(got, want, roundings=16)
    close(torch.cat(edges), numpy.concatenate(sides), roundings=4, scale=9)


BOUNDARIES = [0.0, 1.0, 3.0, 4.0]


def places(name, x, bounds, **options):
    """What `bucketize` or `searchsorted` gives, which take their arguments in opposite order."""
    return getattr(torch, name)(*((x, bounds) if name == "bucketize" else (bounds, x)), **options)


of_searches = pytest.mark.parametrize("name", ["bucketize", "searchsorted"])


@fact("torch.bucketize", "torch.searchsorted")
@of_searches
@pytest.mark.parametrize("right", [False, True])
def test_of_boundaries_below_is_the_bucket(device, name, right):
    """`torch.bucketize` and `searchsorted` give the place of a value among bounds: before equals, behind if `right`."""
    rows = VALUES.reshape(2, 4)
    x, bounds = torch.tensor(rows, device=device), torch.tensor(BOUNDARIES, device=device)
    side = "right" if right else "left"
    same(places(name, x, bounds, right=right), numpy.searchsorted(BOUNDARIES, rows, side))
    same(places(name, x.t(), bounds, right=right), numpy.searchsorted(BOUNDARIES, rows.T, side))
    same(x, rows)


@fact("torch.bucketize", "torch.searchsorted")
@of_searches
def test_of_boundaries_below_is_int64(device, name):
    """`torch.bucketize` and `searchsorted` give contiguous int64 tensors, or int32 with `out_int32=True`."""
    x, bounds = (torch.tensor(each, device=device) for each in (VALUES.reshape(2, 4), BOUNDARIES))
    wide, narrow = places(name, x, bounds), places(name, x, bounds, out_int32=True)
    assert (wide.dtype, wide.is_contiguous()) == (torch.int64, True)
    same(narrow, wide.int().cpu())


@fact("torch.bucketize", "torch.searchsorted")
@of_searches
def test_of_boundaries_below_nan_is_all_of_them(device, name):
    """`torch.bucketize` and `searchsorted` take NaN for larger than all boundaries."""
    x, bounds = (torch.tensor(each, device=device) for each in ([NAN, math.inf, 0.5], BOUNDARIES))
    same(places(name, x, bounds), torch.tensor([4, 4, 1]))


@fact("torch.bucketize", "torch.searchsorted")
@of_searches
def test_of_boundaries_below_a_number_has_no_dimensions(device, name):
    """`torch.bucketize` and `searchsorted` of a Python number give a tensor without dimensions."""
    same(places(name, 3.5, torch.tensor(BOUNDARIES, device=device)), torch.tensor(3))


@fact("torch.searchsorted")
def test_of_searchsorted_is_row_by_row(device):
    """`torch.searchsorted` with a matrix of boundaries looks in each row for the values of that row."""
    rows = torch.tensor([[1.0, 3.0, 5.0], [2.0, 4.0, 6.0]], device=device)
    values = torch.tensor([[3.0], [3.0]], device=device)
    same(torch.searchsorted(rows, values, side="right"), torch.tensor([[2], [1]]))


@fact("torch.searchsorted")
def test_of_searchsorted_takes_an_order(device):
    """`torch.searchsorted` looks through `sorter` into boundaries that are not in order."""
    bounds = torch.tensor([3.0, 5.0, 1.0], device=device)
    values = torch.tensor([3.0, 6.0], device=device)
    same(torch.searchsorted(bounds, values, sorter=bounds.argsort()), torch.tensor([1, 3]))


@fact("torch.bucketize", "torch.searchsorted")
@pytest.mark.parametrize(
    ("search", "words"),
    [
        (lambda x: torch.bucketize(x, x), "boundaries tensor must be 1 dimension"),
        (lambda x: torch.searchsorted(x, x[:1]), "boundaries tensor should be 1 dimension or the first N-1 dimensions"),
        (lambda x: torch.searchsorted(x, x, right=True, side="left"), "side and right can't be set to opposites"),
    ],
    ids=["bucketize", "searchsorted", "sides"],
)
def test_of_boundaries_refuses_what_does_not_fit(device, search, words):
    """`torch.bucketize` refuses a matrix of boundaries, `torch.searchsorted` rows without values, and two sides."""
    with pytest.raises(RuntimeError, match=words):
        search(torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=device))


@fact("torch.unique")
@pytest.mark.parametrize("dtype", ["int64", "float32", "bool"])
def test_of_unique_values_is_that_of_numpy(device, dtype):
    """`torch.unique` gives each value once, in order, its places and its number, in contiguous tensors."""
    array = NUMBERS[:6].reshape(2, 3).astype(dtype)
    x = torch.tensor(array, device=device)
    got = torch.unique(x, return_inverse=True, return_counts=True)
    values, places, counts = numpy.unique(array, return_inverse=True, return_counts=True)
    same(got[0], values)
    assert got[0].is_contiguous() and got[1].is_contiguous()
    same(got[1], places.reshape(2, 3))
    same(got[2], counts)
    same(torch.unique(x.t()), values)
    same(x, array)


@fact("torch.unique")
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_of_unique_slices_goes_along_a_dimension(device, dim):
    """`torch.unique` with `dim` gives each slice along it once, in order, with places and numbers."""
    array = numpy.array([[2, 1, 2], [0, 3, 0], [2, 1, 2]])
    values, places, counts = torch.unique(
        torch.tensor(array, device=device), dim=dim, return_inverse=True, return_counts=True
    )
    want = numpy.unique(array, axis=dim, return_inverse=True, return_counts=True)
    same(values, want[0])
    same(places, want[1].reshape(-1))
    same(counts, want[2])


@fact("torch.unique")
def test_of_unique_values_may_be_any_order(device):
    """`torch.unique` with `sorted=False` gives each value once, in any order."""
    y = torch.unique(torch.tensor([3.0, 1.0, 3.0, 2.0], device=device), sorted=False)
    assert sorted(y.tolist()) == [1.0, 2.0, 3.0]


@fact("torch.unique")
@pytest.mark.parametrize("ordered", [False, True])
def test_of_unique_values_has_every_nan(device, ordered):
    """`torch.unique` takes each NaN for another value, and gives them all."""
    y = torch.unique(torch.tensor([3.0, NAN, 3.0, NAN], device=device), sorted=ordered)
    assert (y[~y.isnan()].tolist(), y.isnan().sum().item()) == ([3.0], 2)


@fact("torch.unique_consecutive")
def test_of_runs_is_unique_consecutive(device):
    """`torch.unique_consecutive` gives one of each run of equal values, its length, and the run of each element."""
    x = torch.tensor([1, 1, 2, 2, 2, 1], device=device)
    values, runs, counts = torch.unique_consecutive(x, return_inverse=True, return_counts=True)
    same(torch.unique_consecutive(x), torch.tensor([1, 2, 1]))
    same(values, torch.tensor([1, 2, 1]))
    same(runs, torch.tensor([0, 0, 1, 1, 1, 2]))
    same(counts, torch.tensor([2, 3, 1]))


@fact("torch.unique_consecutive")
def test_of_runs_goes_along_a_dimension(device):
    """`torch.unique_consecutive` with `dim` gives one of each run of equal slices."""
    rows = torch.tensor([[1, 2], [1, 2], [3, 4], [1, 2]], device=device)
    same(torch.unique_consecutive(rows, dim=0), torch.tensor([[1, 2], [3, 4], [1, 2]]))


@fact("torch.unique", "torch.unique_consecutive")
@pytest.mark.parametrize("function", [torch.unique, torch.unique_consecutive], ids=["unique", "unique_consecutive"])
def test_of_values_along_no_dimension_is_refused(device, function):
    """`torch.unique` and `unique_consecutive` refuse a dimension that is not there: "Dimension out of range"."""
    with pytest.raises(IndexError, match="Dimension out of range"):
        function(torch.tensor([1, 2], device=device), dim=3)


@fact("torch.isin")
@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize("assume_unique", [False, True])
def test_of_isin_is_of_membership(device, invert, assume_unique):
    """`torch.isin` tells whether each element is among others, or is not with `invert`, in a contiguous tensor."""
    x, others = torch.tensor([[1, 3], [2, 7]], device=device), torch.tensor([7, 1, 0], device=device)
    y = torch.isin(x, others, invert=invert, assume_unique=assume_unique)
    same(y, numpy.array([[True, False], [False, True]]) ^ invert)
    assert y.is_contiguous()


@fact("torch.isin")
def test_of_isin_takes_a_number(device):
    """`torch.isin(x, 3)` tells of each element whether it is 3."""
    same(torch.isin(torch.tensor([[1, 3], [2, 7]], device=device), 3), torch.tensor([[False, True], [False, False]]))


@fact("torch.nonzero_static")
@pytest.mark.parametrize(("size", "want"), [(3, [[0, 1], [1, 0], [1, 2]]), (1, [[0, 1]])], ids=["all", "one"])
def test_of_nonzero_static_is_cut_to_its_size(size, want):
    """`torch.nonzero_static` gives the places of the first `size` elements that are not zero, contiguous."""
    x = torch.tensor([[0, 2, 0], [3, 0, -1]])
    y = torch.nonzero_static(x, size=size)
    same(y, torch.tensor(want, dtype=torch.int64))
    assert y.is_contiguous()


@fact("torch.nonzero_static")
def test_of_nonzero_static_is_filled_up_to_its_size():
    """`torch.nonzero_static` fills up with `fill_value`, -1 unless told, where fewer are not zero."""
    x = torch.tensor([0.0, 1.5, 0.0])
    same(torch.nonzero_static(x, size=3), torch.tensor([[1], [-1], [-1]]))
    same(torch.nonzero_static(x, size=2, fill_value=7), torch.tensor([[1], [7]]))
