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
    """`bincount` counts each number from 0 to the largest, or to `minlength` at least, as int64."""
    y = torch.bincount(torch.tensor(NUMBERS, device=device).to(dtype), minlength=least)
    same(y, numpy.bincount(NUMBERS, minlength=least))
    assert y.is_contiguous()


@fact("torch.bincount")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_of_each_number_adds_weights(device, dtype):
    """`bincount` adds the weights where there are any, in float32 or else in float64."""
    weights = torch.tensor([0.5, 1.0, 2.0, 0.25, 4.0, 8.0, 0.125], dtype=dtype, device=device)
    y = torch.bincount(torch.tensor(NUMBERS, device=device), weights)
    same(y, torch.tensor([0.25, 8.5, 0.0, 3.125, 0.0, 0.0, 0.0, 4.0], dtype=dtype))


@fact("torch.bincount")
def test_of_no_number_is_empty(device):
    """`bincount` of nothing is empty, or `minlength` zeros."""
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
    """`bincount` on the CPU refuses negative numbers, tables and fractions."""
    with pytest.raises(RuntimeError, match=words):
        torch.bincount(torch.tensor(numbers))


@fact("torch.histc")
@pytest.mark.parametrize(
    ("options", "limits"), [({"bins": 4, "min": 0, "max": 4}, (0, 4)), ({"bins": 5}, (-1, 9))], ids=["limits", "all"]
)
def test_of_bins_leaves_out_what_is_beyond(device, options, limits):
    """`histc` counts in bins of one width between limits, the last one included, by default the extremes."""
    x = torch.tensor(VALUES, device=device)
    y = torch.histc(x, **options)
    same(y, numpy.histogram(VALUES, options["bins"], limits)[0].astype("float32"))
    same(x, VALUES)
    assert y.is_contiguous()


@fact("torch.histc")
def test_of_a_hundred_bins_is_the_default(device):
    """`histc` makes 100 bins, of numbers that are all equal around them, and refuses crossed limits."""
    y = torch.histc(torch.tensor([2.0, 2.0, 2.0], device=device))
    assert (y.shape, y.sum().item(), y.max().item()) == ((100,), 3.0, 3.0)
    with pytest.raises(RuntimeError, match="max must be larger than min"):
        torch.histc(y, 4, 2, 1)


EDGES = [-1.0, 0.5, 1.5, 4.0]


@fact("torch.histogram")
@pytest.mark.parametrize("density", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_of_histogram_is_between_edges(density, weighted):
    """`histogram` counts between edges, or adds weights, or gives the density; and the edges again."""
    weights = numpy.linspace(0.5, 4.0, 8).astype("float32") if weighted else None
    options = {"weight": torch.tensor(weights)} if weighted else {}
    counts, edges = torch.histogram(torch.tensor(VALUES), torch.tensor(EDGES), density=density, **options)
    want = numpy.histogram(VALUES, EDGES, density=density, weights=weights)[0]
    close(counts, want, roundings=16)
    same(edges, torch.tensor(EDGES))
    assert counts.dtype == torch.float32


@fact("torch.histogram")
def test_of_histogram_may_be_of_equal_width():
    """`histogram` with a number of bins makes them of equal width within `range`."""
    counts, edges = torch.histogram(torch.tensor(VALUES), 4, range=(0.0, 4.0))
    same(counts, numpy.histogram(VALUES, 4, (0, 4))[0].astype("float32"))
    same(edges, torch.tensor([0.0, 1.0, 2.0, 3.0, 4.0]))


@fact("torch.histogramdd")
@pytest.mark.parametrize("density", [False, True])
def test_of_histogramdd_is_of_points(density):
    """`histogramdd` counts points, one a row, in boxes."""
    points = numpy.stack([VALUES, VALUES[::-1]], 1)
    got, edges = torch.histogramdd(torch.tensor(points), bins=[3, 2], range=[-1.0, 9.0, -1.0, 9.0], density=density)
    want, sides = numpy.histogramdd(points, [3, 2], [(-1, 9), (-1, 9)], density=density)
    close(got, want, roundings=16)
    close(torch.cat(edges), numpy.concatenate(sides), roundings=4, scale=9)


BOUNDARIES = [0.0, 1.0, 3.0, 4.0]


@fact("torch.bucketize", "torch.searchsorted")
@pytest.mark.parametrize("right", [False, True])
@pytest.mark.parametrize("out_int32", [False, True])
def test_of_boundaries_below_is_the_bucket(device, right, out_int32):
    """`bucketize` and `searchsorted` give the place where each value belongs: before equals, or behind with `right`."""
    x, bounds = torch.tensor(VALUES.reshape(2, 4), device=device), torch.tensor(BOUNDARIES, device=device)
    want = numpy.searchsorted(BOUNDARIES, VALUES.reshape(2, 4), "right" if right else "left")
    for y in (
        torch.bucketize(x, bounds, right=right, out_int32=out_int32),
        torch.searchsorted(bounds, x, right=right, out_int32=out_int32),
    ):
        assert (y.dtype, y.is_contiguous()) == (torch.int32 if out_int32 else torch.int64, True)
        assert y.tolist() == want.tolist()
    same(torch.bucketize(x.t(), bounds), numpy.searchsorted(BOUNDARIES, VALUES.reshape(2, 4).T))
    same(x, VALUES.reshape(2, 4))


@fact("torch.bucketize", "torch.searchsorted")
def test_of_boundaries_below_nan_is_all_of_them(device):
    """`bucketize` and `searchsorted` take NaN for the largest, and a Python number for a tensor without dimensions."""
    bounds = torch.tensor(BOUNDARIES, device=device)
    same(torch.bucketize(torch.tensor([NAN, math.inf], device=device), bounds), torch.tensor([4, 4]))
    same(torch.bucketize(3.5, bounds), torch.tensor(3))
    same(torch.searchsorted(bounds, 3.5), torch.tensor(3))


@fact("torch.searchsorted")
def test_of_searchsorted_is_row_by_row(device):
    """`searchsorted` looks in each row for the values of that row, and through `sorter` in what is not in order."""
    rows = torch.tensor([[1.0, 3.0, 5.0], [2.0, 4.0, 6.0]], device=device)
    values = torch.tensor([[3.0], [3.0]], device=device)
    same(torch.searchsorted(rows, values, side="right"), torch.tensor([[2], [1]]))
    turned = torch.tensor([3.0, 5.0, 1.0], device=device)
    same(torch.searchsorted(turned, values, sorter=turned.argsort()), torch.tensor([[1], [1]]))


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
    """`bucketize` takes a vector of boundaries, `searchsorted` one for each row, and one side only."""
    with pytest.raises(RuntimeError, match=words):
        search(torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=device))


@fact("torch.unique")
@pytest.mark.parametrize("dtype", ["int64", "float32", "bool"])
def test_of_unique_values_is_that_of_numpy(device, dtype):
    """`unique` gives each value once, in order, where each element went and how often each is there."""
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
    """`unique` with `dim` gives each slice once, in order."""
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
    """`unique` with `sorted=False` gives the same values, and takes each NaN for another."""
    y = torch.unique(torch.tensor([3.0, 1.0, 3.0, NAN, NAN], device=device), sorted=False)
    assert sorted(y[~y.isnan()].tolist()) == [1.0, 3.0]
    assert y.isnan().sum().item() == 2


@fact("torch.unique_consecutive")
def test_of_runs_is_unique_consecutive(device):
    """`unique_consecutive` gives one of each run of equal values, how long it is, and to which each element belongs."""
    x = torch.tensor([1, 1, 2, 2, 2, 1], device=device)
    values, runs, counts = torch.unique_consecutive(x, return_inverse=True, return_counts=True)
    same(torch.unique_consecutive(x), torch.tensor([1, 2, 1]))
    same(values, torch.tensor([1, 2, 1]))
    same(runs, torch.tensor([0, 0, 1, 1, 1, 2]))
    same(counts, torch.tensor([2, 3, 1]))


@fact("torch.unique_consecutive")
def test_of_runs_goes_along_a_dimension(device):
    """`unique_consecutive` with `dim` gives one of each run of equal slices."""
    rows = torch.tensor([[1, 2], [1, 2], [3, 4], [1, 2]], device=device)
    same(torch.unique_consecutive(rows, dim=0), torch.tensor([[1, 2], [3, 4], [1, 2]]))


@fact("torch.unique", "torch.unique_consecutive")
@pytest.mark.parametrize("function", [torch.unique, torch.unique_consecutive], ids=["unique", "unique_consecutive"])
def test_of_values_along_no_dimension_is_refused(device, function):
    """`unique` and `unique_consecutive` refuse a dimension that the tensor does not have."""
    with pytest.raises(IndexError, match="Dimension out of range"):
        function(torch.tensor([1, 2], device=device), dim=3)


@fact("torch.isin")
@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize("assume_unique", [False, True])
def test_of_isin_is_of_membership(device, invert, assume_unique):
    """`isin` tells of each element whether it is in the other tensor, or is not."""
    x, others = torch.tensor([[1, 3], [2, 7]], device=device), torch.tensor([7, 1, 0], device=device)
    y = torch.isin(x, others, invert=invert, assume_unique=assume_unique)
    same(y, numpy.array([[True, False], [False, True]]) ^ invert)
    same(torch.isin(x, 3), torch.tensor([[False, True], [False, False]]))
    assert y.is_contiguous()
