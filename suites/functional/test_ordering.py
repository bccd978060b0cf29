"""Order and extremes: `sort`, `topk`, `median`, `max`, `quantile` and the like; running ones are in test_cumulative."""

import math

import numpy
import pytest
import torch

from torchproof import close, fact, same
from torchproof.suites.functional.reference import lying, over

TABLE = numpy.array([[3.5, -1.25, 2.0, 0.5], [0.25, 4.0, -2.5, 1.0], [1.5, 0.75, 3.0, -0.5]], dtype="float32")
TIES = numpy.array([[2, 1, 2, 1, 3], [5, 5, 0, 5, 0]])
NAN, INF = math.nan, math.inf

along = pytest.mark.parametrize("dim", [0, 1, -1, -2])
kept = pytest.mark.parametrize("keepdim", [False, True])


@fact("torch.sort")
@along
@pytest.mark.parametrize("descending", [False, True])
def test_of_sort_is_that_of_numpy(device, dim, descending):
    """`torch.sort` gives the values in order along a dimension, and from where they came."""
    x = torch.tensor(TABLE, device=device)
    values, indices = torch.sort(x, dim=dim, descending=descending)
    order = numpy.argsort(-TABLE if descending else TABLE, axis=dim)
    same(values, numpy.take_along_axis(TABLE, order, dim))
    same(indices, order)
    same(x, TABLE)


@fact("torch.sort", "torch.argsort")
@pytest.mark.parametrize("name", ["sort", "argsort"])
def test_is_along_the_last_dimension_upwards_by_default(device, name):
    """`torch.sort` and `argsort` go along the last dimension, from the smallest to the largest, by default."""
    result = getattr(torch, name)(torch.tensor(TABLE, device=device))
    indices = result if name == "argsort" else result.indices
    same(indices, numpy.argsort(TABLE, axis=-1))


@fact("torch.sort", "torch.argsort")
@pytest.mark.parametrize("name", ["sort", "argsort"])
@pytest.mark.parametrize("descending", [False, True])
@along
def test_of_equals_is_kept_where_stable(device, name, descending, dim):
    """`torch.sort` and `argsort` with `stable=True` keep the order of equal elements, also with `descending=True`."""
    x = torch.tensor(TIES, device=device)
    result = getattr(torch, name)(x, dim=dim, descending=descending, stable=True)
    want = numpy.argsort(-TIES if descending else TIES, axis=dim, kind="stable")
    same(result if name == "argsort" else result.indices, want)
    same(x, TIES)


@fact("torch.sort")
def test_of_many_equals_is_kept_where_stable(device):
    """`torch.sort` with `stable=True` keeps the order of equal ones among a thousand elements."""
    array = numpy.arange(1000) * 7 % 3
    values, indices = torch.sort(torch.tensor(array, device=device), stable=True)
    same(values, numpy.sort(array))
    same(indices, numpy.argsort(array, kind="stable"))


@fact("torch.sort")
@pytest.mark.parametrize("descending", [False, True])
def test_has_nan_as_the_largest(device, descending):
    """`torch.sort` takes NaN for larger than infinity."""
    values, indices = torch.sort(torch.tensor([1.5, NAN, INF, -INF], device=device), descending=descending)
    same(values, torch.tensor([NAN, INF, 1.5, -INF] if descending else [-INF, 1.5, INF, NAN]))
    same(indices, torch.tensor([1, 2, 0, 3] if descending else [3, 0, 2, 1]))


@fact("torch.sort", "torch.topk", "torch.kthvalue", "torch.median", "torch.max", "torch.min")
@pytest.mark.parametrize(
    "pick",
    [
        lambda x: torch.sort(x).values,
        lambda x: torch.topk(x, 4).values,
        lambda x: torch.stack([torch.kthvalue(x, k).values for k in (1, 3, 2, 4)], -1),
        lambda x: torch.median(x, 1, keepdim=True).values.expand(3, 4),
        lambda x: torch.max(x, 1, keepdim=True).values.expand(3, 4),
        lambda x: torch.min(x, 1, keepdim=True).values.expand(3, 4),
    ],
    ids=["sort", "topk", "kthvalue", "median", "max", "min"],
)
def test_does_not_depend_on_how_the_input_lies(device, pick):
    """`torch.sort`, `topk`, `median`, `max` and the like, with gradients, are the same for tensors of other strides."""
    rows = []
    for x in lying(torch.tensor(TABLE, device=device)):
        y = pick(x.requires_grad_())
        y.backward(torch.tensor(TABLE[:, ::-1].copy(), device=device))
        rows.append(torch.stack([y.detach(), x.grad]))
    same(torch.stack(rows[1:]), torch.stack(rows[:1] * 3))
    same(rows[0][0].sum(1).sort().values, pick(torch.tensor(TABLE)).sum(1).sort().values)


@fact("torch.sort")
def test_hands_each_gradient_back(device):
    """The gradient of `torch.sort` goes back to where each value came from."""
    x = torch.tensor([3.0, 1.0, 2.0], device=device, requires_grad=True)
    torch.sort(x).values.backward(torch.tensor([5.0, 6.0, 7.0], device=device))
    same(x.grad, torch.tensor([7.0, 5.0, 6.0]))


@fact("torch.sort", "torch.topk", "torch.kthvalue", "torch.median", "torch.mode")
@pytest.mark.parametrize("dtype", [torch.int8, torch.uint8, torch.int64, torch.float64, torch.bfloat16])
def test_keeps_the_dtype(device, dtype):
    """`torch.sort`, `topk`, `kthvalue`, `median` and `mode` give elements in their dtype, and places as int64."""
    x = torch.tensor([[3, 1, 2, 1], [5, 7, 7, 6]], device=device).to(dtype)
    picked = [torch.sort(x), torch.topk(x, 4), torch.kthvalue(x, 2), torch.median(x, -1), torch.mode(x)]
    assert [(each.values.dtype, each.indices.dtype) for each in picked] == [(dtype, torch.int64)] * 5
    assert [each.values[0].tolist() for each in picked] == [[1, 1, 2, 3], [3, 2, 1, 1], 1, 1, 1]
    assert [each.values[1].tolist() for each in picked] == [[5, 6, 7, 7], [7, 7, 6, 5], 6, 6, 7]


@fact("torch.sort", "torch.topk")
def test_of_a_number_is_itself(device):
    """`torch.sort` and `topk` of a tensor without dimensions give its number, at place 0."""
    x = torch.tensor(2.5, device=device)
    for values, indices in (torch.sort(x), torch.topk(x, 1)):
        assert (values.shape, values.item(), indices.item()) == ((), 2.5, 0)
    same(torch.sort(x).values, torch.tensor(2.5))


@fact(
    "torch.sort",
    "torch.topk",
    "torch.median",
    "torch.kthvalue",
    "torch.mode",
    "torch.argsort",
    "torch.max",
    "torch.argmax",
)
@pytest.mark.parametrize(
    "pick",
    [
        lambda x, dim: torch.sort(x, dim),
        lambda x, dim: torch.argsort(x, dim),
        lambda x, dim: torch.topk(x, 1, dim),
        lambda x, dim: torch.kthvalue(x, 1, dim),
        lambda x, dim: torch.median(x, dim),
        lambda x, dim: torch.mode(x, dim),
        lambda x, dim: torch.max(x, dim),
        lambda x, dim: torch.argmax(x, dim),
    ],
    ids=["sort", "argsort", "topk", "kthvalue", "median", "mode", "max", "argmax"],
)
@pytest.mark.parametrize("dim", [2, -3])
def test_along_no_dimension_is_refused(device, pick, dim):
    """`torch.sort`, `topk`, `max` and the like refuse a dimension that is not there: "Dimension out of range"."""
    with pytest.raises(IndexError, match="Dimension out of range"):
        pick(torch.tensor(TABLE, device=device), dim)


@fact("torch.sort")
def test_is_written_to_out(device):
    """`torch.sort` writes values and indices to the pair of tensors that is `out`."""
    out = torch.zeros(3, 4, device=device), torch.zeros(3, 4, dtype=torch.int64, device=device)
    torch.sort(torch.tensor(TABLE, device=device), out=out)
    same(out[0], numpy.sort(TABLE))
    same(out[1], numpy.argsort(TABLE))


@fact("torch.msort")
def test_of_msort_is_along_the_first_dimension(device):
    """`torch.msort` sorts along the first dimension."""
    x = torch.tensor(TABLE, device=device)
    y = torch.msort(x)
    same(y, numpy.sort(TABLE, axis=0))
    same(x, TABLE)


@fact("torch.topk")
@along
@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("k", [1, 3])
def test_of_topk_is_the_start_of_the_sorted(device, k, dim, largest):
    """`torch.topk` gives the k largest, or smallest, along a dimension, in order, and where they are."""
    x = torch.tensor(TABLE, device=device)
    values, indices = torch.topk(x, k, dim=dim, largest=largest)
    order = numpy.take(numpy.argsort(-TABLE if largest else TABLE, axis=dim), range(k), axis=dim)
    same(values, numpy.take_along_axis(TABLE, order, dim))
    same(indices, order)
    same(x, TABLE)


@fact("torch.topk")
def test_of_topk_may_be_left_out(device):
    """`torch.topk` with `sorted=False` gives the same elements in any order."""
    values, indices = torch.topk(torch.tensor(TABLE[0], device=device), 3, sorted=False)
    assert sorted(values.tolist()) == [0.5, 2.0, 3.5]
    same(torch.tensor(TABLE[0])[indices.cpu()], values.cpu())


@fact("torch.topk")
@pytest.mark.parametrize("k", [5, -1])
def test_of_more_than_there_are_is_refused(device, k):
    """`torch.topk` of more elements than there are, or of -1, is refused: "selected index k out of range"."""
    with pytest.raises(RuntimeError, match="selected index k out of range"):
        torch.topk(torch.tensor(TABLE, device=device), k)


@fact("torch.topk")
def test_of_topk_has_nan_as_the_largest(device):
    """`torch.topk` takes NaN for the largest, so that the smallest leave it out."""
    x = torch.tensor([1.0, NAN, 3.0, INF], device=device)
    same(torch.topk(x, 2).values, torch.tensor([NAN, INF]))
    same(torch.topk(x, 3, largest=False).values, torch.tensor([1.0, 3.0, INF]))


@fact("torch.topk")
def test_of_topk_hands_the_gradient_to_what_it_took(device):
    """The gradient of `torch.topk` goes to the elements that it took, and is zero elsewhere."""
    x = torch.tensor([3.0, 1.0, 4.0, 2.0], device=device, requires_grad=True)
    torch.topk(x, 2).values.backward(torch.tensor([5.0, 6.0], device=device))
    same(x.grad, torch.tensor([6.0, 0.0, 5.0, 0.0]))


@fact("torch.kthvalue")
@along
@kept
def test_of_kthvalue_counts_from_one_upwards(device, dim, keepdim):
    """`torch.kthvalue` gives the k-th smallest along a dimension, counted from 1, and where it is."""
    x = torch.tensor(TABLE, device=device)
    values, indices = torch.kthvalue(x, 2, dim=dim, keepdim=keepdim)
    order = numpy.take(numpy.argsort(TABLE, axis=dim), [1], axis=dim)
    want = numpy.take_along_axis(TABLE, order, dim)
    same(values, want if keepdim else want.squeeze(dim))
    same(indices, order if keepdim else order.squeeze(dim))


@fact("torch.kthvalue")
@pytest.mark.parametrize("k", [0, 5])
def test_of_kthvalue_refuses_what_it_does_not_have(device, k):
    """`torch.kthvalue` refuses k = 0, and k beyond the size of the dimension: "k out of range"."""
    with pytest.raises(RuntimeError, match="k out of range"):
        torch.kthvalue(torch.tensor(TABLE, device=device), k)


@fact("torch.kthvalue", "torch.median", "torch.mode", "torch.nanmedian")
@pytest.mark.parametrize(
    "pick",
    [
        lambda x: torch.kthvalue(x, 2),
        lambda x: torch.median(x, -1),
        lambda x: torch.nanmedian(x, -1),
        lambda x: torch.mode(x, -1),
    ],
    ids=["kthvalue", "median", "nanmedian", "mode"],
)
def test_of_one_place_hands_the_gradient_to_it(device, pick):
    """The gradient of `torch.kthvalue`, `median`, `nanmedian` and `mode` goes to the place that the index names."""
    x = torch.tensor([[3.0, 1.0, 2.0], [6.0, 4.0, 5.0]], device=device, requires_grad=True)
    values, indices = pick(x)
    values.backward(torch.tensor([5.0, 7.0], device=device))
    want = torch.zeros(2, 3)
    want[0, indices[0].item()], want[1, indices[1].item()] = 5.0, 7.0
    same(x.grad, want)
    same(values.cpu(), x.detach().cpu().gather(1, indices.cpu()[:, None])[:, 0])


@fact("torch.median", "torch.nanmedian", myth="the median of an even number of elements is the mean of the middle two")
@pytest.mark.parametrize("name", ["median", "nanmedian"])
@along
@kept
def test_of_the_median_is_the_lower_of_two(device, name, dim, keepdim):
    """`torch.median` and `nanmedian` of an even number of elements give the lower one of the middle two."""
    x = torch.tensor(TABLE, device=device)
    values, indices = getattr(torch, name)(x, dim=dim, keepdim=keepdim)
    order = numpy.take(numpy.argsort(TABLE, axis=dim), [(TABLE.shape[dim] - 1) // 2], axis=dim)
    want = numpy.take_along_axis(TABLE, order, dim)
    same(values, want if keepdim else want.squeeze(dim))
    same(indices, order if keepdim else order.squeeze(dim))


@fact("torch.median", "torch.nanmedian")
@pytest.mark.parametrize(("name", "want"), [("median", NAN), ("nanmedian", 2.0)], ids=["median", "nanmedian"])
def test_of_the_median_and_nan(device, name, want):
    """`torch.median` of all elements is NaN where one is NaN, and `torch.nanmedian` leaves NaN out."""
    same(getattr(torch, name)(torch.tensor([[3.0, NAN], [2.0, 1.0]], device=device)), torch.tensor(want))
    same(getattr(torch, name)(torch.tensor([4.0, 2.0, 8.0, 1.0], device=device)), torch.tensor(2.0))


@fact("torch.median")
def test_of_the_median_of_nothing_is_nan(device):
    """`torch.median` of no element is NaN."""
    same(torch.median(torch.empty(0, device=device)), torch.tensor(NAN))


@fact("torch.mode")
@kept
def test_of_the_mode_is_the_smallest_of_the_most_frequent(device, keepdim):
    """`torch.mode` gives the most frequent element along a dimension, the smallest of a tie, and a place of it."""
    x = torch.tensor(TIES, device=device)
    values, indices = torch.mode(x, dim=1, keepdim=keepdim)
    same(values, torch.tensor([[1], [5]] if keepdim else [1, 5]))
    same(x.gather(1, indices.reshape(2, 1)).reshape(values.shape), values.cpu())
    same(torch.mode(x, dim=0).values, TIES.min(0))


EXTREMES = {"max": numpy.max, "min": numpy.min}


@fact("torch.max", "torch.min")
@pytest.mark.parametrize("name", EXTREMES)
@along
@kept
def test_of_an_extreme_has_its_place(device, name, dim, keepdim):
    """`torch.max` and `torch.min` along a dimension give the extreme and where it is."""
    values, indices = getattr(torch, name)(torch.tensor(TABLE, device=device), dim, keepdim=keepdim)
    same(values, EXTREMES[name](TABLE, axis=dim, keepdims=keepdim))
    same(indices, getattr(numpy, f"arg{name}")(TABLE, axis=dim, keepdims=keepdim))


@fact("torch.max", "torch.min")
@pytest.mark.parametrize("name", EXTREMES)
def test_of_two_is_elementwise(device, name):
    """`torch.max(a, b)` and `torch.min(a, b)` give the extreme of each pair, broadcast."""
    a, b = (torch.tensor(each, device=device) for each in (TABLE, TABLE[0]))
    y = getattr(torch, name)(a, b)
    same(y, getattr(numpy, f"{name}imum")(TABLE, TABLE[0]))
    same(a, TABLE)


@fact("torch.max", "torch.min", "torch.amax", "torch.amin")
@pytest.mark.parametrize("name", ["max", "min", "amax", "amin"])
def test_of_an_extreme_takes_the_whole_gradient(device, name):
    """`torch.max`, `min`, `amax` and `amin` of all elements give the gradient to an extreme one without an equal."""
    x = torch.tensor([2.0, 1.0, 4.0, 3.0], device=device, requires_grad=True)
    getattr(torch, name)(x).backward(torch.tensor(3.0, device=device))
    same(x.grad, torch.tensor([0.0, 0.0, 3.0, 0.0] if "max" in name else [0.0, 3.0, 0.0, 0.0]))


WITHOUT_PLACE = {"amax": numpy.max, "amin": numpy.min}


@fact("torch.amax", "torch.amin")
@pytest.mark.parametrize("name", WITHOUT_PLACE)
@pytest.mark.parametrize("dim", [0, -1, (0, 1), ()], ids=str)
@kept
def test_of_amax_goes_over_dimensions(device, name, dim, keepdim):
    """`torch.amax` and `amin` go over one, several or all dimensions, and give no places."""
    x = torch.tensor(TABLE, device=device)
    y = getattr(torch, name)(x, dim=dim, keepdim=keepdim)
    same(y, WITHOUT_PLACE[name](TABLE, axis=None if dim == () else dim, keepdims=keepdim))
    same(x, TABLE)


@fact("torch.aminmax")
@pytest.mark.parametrize("dim", [None, 0, -1], ids=str)
@kept
def test_of_aminmax_is_both(device, dim, keepdim):
    """`torch.aminmax` gives the smallest and the largest, of all elements or along a dimension."""
    least, most = torch.aminmax(torch.tensor(TABLE, device=device), dim=dim, keepdim=keepdim)
    same(least, TABLE.min(axis=dim, keepdims=keepdim))
    same(most, TABLE.max(axis=dim, keepdims=keepdim))


@fact("torch.max", "torch.min", "torch.amax", "torch.amin", "torch.argmax", "torch.argmin")
@pytest.mark.parametrize("name", ["max", "min", "amax", "amin", "argmax", "argmin"])
def test_of_no_element_has_no_extreme(device, name):
    """`torch.max`, `amin`, `argmax` and the like refuse an empty tensor, of no element, without a `dim`."""
    with pytest.raises(
        (RuntimeError, IndexError), match="(?i)(expected reduction dim|specify the dim|numel|non-zero size)"
    ):
        getattr(torch, name)(torch.empty(0, device=device))


PLACES = {"argmax": numpy.argmax, "argmin": numpy.argmin}


@fact("torch.argmax", "torch.argmin", claims=["O09"], myth="argmax is of torch.nn.functional")
@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("dim", [None, 0, 1, -1], ids=str)
@kept
def test_of_argmax_is_the_place_of_the_extreme(device, name, dim, keepdim):
    """`torch.argmax` and `argmin`, which `torch.nn.functional` lacks, give the extreme's place, flat or along `dim`."""
    y = getattr(torch, name)(torch.tensor(TABLE, device=device), dim=dim, keepdim=keepdim)
    same(y, PLACES[name](TABLE, axis=dim, keepdims=keepdim))
    assert not hasattr(torch.nn.functional, name)


@fact("torch.argmax", "torch.argmin")
@pytest.mark.parametrize("name", PLACES)
def test_of_argmax_has_no_gradient(device, name):
    """`torch.argmax` and `argmin` give int64, which autograd does not follow."""
    y = getattr(torch, name)(torch.tensor([1.0, 3.0, 2.0], device=device, requires_grad=True))
    assert (y.dtype, y.requires_grad, y.item()) == (torch.int64, False, {"argmax": 1, "argmin": 0}[name])


@fact("torch.argmax", "torch.argmin", "torch.max", "torch.min", "torch.amax", "torch.amin")
@pytest.mark.parametrize("name", ["argmax", "argmin", "max", "min", "amax", "amin"])
def test_of_extremes_takes_nan_for_one(device, name):
    """`torch.max`, `amax`, `argmax` and the like along a dimension take NaN for the extreme."""
    x = torch.tensor([[1.0, NAN, 3.0], [4.0, 2.0, 6.0]], device=device)
    y = getattr(torch, name)(x, 1)
    y = y.indices if name in EXTREMES else y
    places = torch.tensor([1, 2 if "max" in name else 1])
    same(y, torch.tensor([NAN, 6.0 if "max" in name else 2.0]) if name.startswith("am") else places)


@fact("torch.max", "torch.min", source="generated/torch.amax")
@pytest.mark.parametrize(("name", "want"), [("max", 3.0), ("min", 2.0)], ids=["max", "min"])
def test_max_and_min_of_all_pass_nan_on(device, name, want):
    """`torch.max` and `torch.min` of all elements are NaN where one is NaN."""
    same(getattr(torch, name)(torch.tensor([2.0, NAN, 3.0], device=device)), torch.tensor(NAN))
    same(getattr(torch, name)(torch.tensor([2.0, 3.0], device=device)), torch.tensor(want))


@fact("torch.quantile", "torch.nanquantile")
@pytest.mark.parametrize("name", ["quantile", "nanquantile"])
@pytest.mark.parametrize("method", ["linear", "lower", "higher", "midpoint", "nearest"])
@pytest.mark.parametrize("dim", [None, 0, -1], ids=str)
def test_of_quantiles_is_that_of_numpy(device, name, method, dim):
    """`torch.quantile` and `nanquantile` interpolate between elements as NumPy does, by each `interpolation`."""
    x = torch.tensor(TABLE, device=device)
    shares = [0.125, 0.6, 1.0]
    y = getattr(torch, name)(x, torch.tensor(shares, device=device), dim=dim, interpolation=method)
    assert y.dtype == torch.float32
    close(y, numpy.quantile(TABLE.astype("float64"), shares, axis=dim, method=method), roundings=16, scale=4)
    same(x, TABLE)


@fact("torch.quantile", "torch.nanquantile")
@pytest.mark.parametrize(
    ("name", "want"), [("quantile", [NAN, 2.5]), ("nanquantile", [2.0, 2.5])], ids=["quantile", "nanquantile"]
)
@kept
def test_of_quantiles_and_nan(device, name, want, keepdim):
    """`torch.quantile` of what has NaN is NaN, and `torch.nanquantile` leaves NaN out."""
    x = torch.tensor([[3.0, NAN, 1.0], [4.0, 2.5, 1.0]], device=device)
    same(
        getattr(torch, name)(x, 0.5, dim=1, keepdim=keepdim),
        torch.tensor([[each] for each in want] if keepdim else want),
    )


@fact("torch.quantile", "torch.nanquantile")
@pytest.mark.parametrize("name", ["quantile", "nanquantile"])
def test_of_quantiles_shares_the_gradient_by_distance(device, name):
    """The gradient of `torch.quantile` and `nanquantile` is shared out by the two elements that they lie between."""
    x = torch.tensor([4.0, 1.0, 2.0], device=device, requires_grad=True)
    getattr(torch, name)(x, 0.125).backward(torch.tensor(8.0, device=device))
    same(x.grad, torch.tensor([0.0, 6.0, 2.0]))


@fact("torch.quantile", "torch.nanquantile")
@pytest.mark.parametrize("name", ["quantile", "nanquantile"])
@pytest.mark.parametrize("share", [-0.25, 1.5])
def test_of_quantiles_takes_shares_only(device, name, share):
    """`torch.quantile` and `nanquantile` refuse a share below 0 or above 1: it is to be "in the range [0, 1]"."""
    with pytest.raises(RuntimeError, match=r"in the range \[0, 1\]"):
        getattr(torch, name)(torch.tensor([1.0, 2.0], device=device), share)


CONTIGUOUS = {
    "sort": torch.sort,
    "argsort": torch.argsort,
    "msort": torch.msort,
    "topk": lambda x: torch.topk(x, 2),
    "kthvalue": lambda x: torch.kthvalue(x, 2, keepdim=True),
    "median": lambda x: torch.median(x, 0),
    "mode": lambda x: torch.mode(x, 0),
    "max": lambda x: torch.max(x, x),
    "min": lambda x: torch.min(x, x),
    "amax": lambda x: torch.amax(x, -1, keepdim=True),
    "amin": lambda x: torch.amin(x, -1, keepdim=True),
}


@fact(*(f"torch.{name}" for name in CONTIGUOUS))
@over(CONTIGUOUS)
def test_of_a_contiguous_matrix_is_contiguous(device, name):
    """`torch.sort`, `topk`, `median`, `max` and the like of a contiguous matrix are contiguous, places too."""
    got = CONTIGUOUS[name](torch.tensor(TABLE, device=device))
    assert [each.is_contiguous() for each in (got if isinstance(got, tuple) else [got])] in ([True], [True, True])
