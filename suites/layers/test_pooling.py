"""Layers and functions of pooling and unpooling by their formulas; how inputs lie in memory is in test_layout."""

import math

import numpy
import pytest
import torch
from torch import nn
from torch.nn import functional

from torchproof import fact, same
from torchproof.fixtures.fact import check
from torchproof.suites.layers.reference import Called, follows, fractions

DIMS = [1, 2, 3]


def image(dims, batch=2, channels=3):
    return fractions(batch, channels, *(8, 5, 6)[:dims])


def spans(side, size, stride, padding=0, dilation=1, ceil_mode=False):
    """For each window over one dimension: the places of the input in it, and how many it has with those of padding."""
    room = side + 2 * padding - dilation * (size - 1) - 1
    count = (-(-room // stride) if ceil_mode else room // stride) + 1
    starts = [number * stride - padding for number in range(count)]
    for start in starts[: None if starts[-1] < side else -1]:  # the last window begins inside
        yield (
            [place for place in range(start, start + dilation * size, dilation) if 0 <= place < side],
            min(start + size, side + padding) - start,
        )


def adaptive(side, count):
    """For each of `count` windows over one dimension: the places of the input in it, and how many."""
    for number in range(count):
        places = list(range(number * side // count, -(-(number + 1) * side // count)))
        yield places, len(places)


def pooled(x, rows, reduce):
    """`reduce` of each window and of its size, where `rows` lists the spans of each dimension."""
    rows = [list(row) for row in rows]
    y = numpy.empty((*x.shape[:2], *map(len, rows)))
    for place in numpy.ndindex(*y.shape[2:]):
        chosen = [row[number] for row, number in zip(rows, place)]
        window = x[numpy.ix_(*map(range, x.shape[:2]), *(places for places, _ in chosen))]
        y[(..., *place)] = reduce(window.reshape(*x.shape[:2], -1), math.prod(count for _, count in chosen))
    return y


def highest(window, count):
    return window.max(-1)


def mean_with_padding(window, count):
    return window.sum(-1) / count


def mean(window, count):
    return window.mean(-1)


def said(options):
    return "-".join(f"{name}={value}" for name, value in options.items()) or "defaults"


MAX_OPTIONS = [
    {"stride": 2},
    {"stride": 1, "padding": 1},
    {"stride": 2, "dilation": 2},
    {"stride": 2, "ceil_mode": True},
    {"stride": 3, "padding": 1, "ceil_mode": True},
]


@fact(*(f"torch.nn.MaxPool{dims}d" for dims in DIMS))
@pytest.mark.parametrize("dims", DIMS)
@pytest.mark.parametrize("options", MAX_OPTIONS, ids=said)
def test_max_is_the_highest_of_each_window(device, dims, options):
    """`MaxPool2d` and the like give the highest of each window, padding aside, which alone gets the gradient."""
    layer = getattr(nn, f"MaxPool{dims}d")(3, **options)
    follows(
        device, layer, lambda x: pooled(x, [spans(side, 3, **options) for side in x.shape[2:]], highest), image(dims)
    )


AVERAGE_OPTIONS = [
    {"stride": 2},
    {"stride": 1, "padding": 1},
    {"stride": 2, "padding": 1, "ceil_mode": True},
    {"stride": 2, "ceil_mode": True},
]


@fact(*(f"torch.nn.AvgPool{dims}d" for dims in DIMS))
@pytest.mark.parametrize("dims", DIMS)
@pytest.mark.parametrize("counted", [True, False], ids=["counted", "not-counted"])
@pytest.mark.parametrize("options", AVERAGE_OPTIONS, ids=said)
def test_average_is_the_mean_of_each_window(device, dims, options, counted):
    """`AvgPool2d` and the like give the mean of each window, in which zeros of padding count unless told otherwise."""
    layer = getattr(nn, f"AvgPool{dims}d")(3, count_include_pad=counted, **options)
    reduce = mean_with_padding if counted else mean
    follows(
        device, layer, lambda x: pooled(x, [spans(side, 3, **options) for side in x.shape[2:]], reduce), image(dims)
    )


@fact("torch.nn.AvgPool2d", "torch.nn.AvgPool3d")
@pytest.mark.parametrize("dims", [2, 3])
def test_average_divides_by_what_it_is_told(device, dims):
    """`AvgPool2d` and `AvgPool3d` with `divisor_override` divide the sum of each window by it."""
    layer = getattr(nn, f"AvgPool{dims}d")(2, divisor_override=3)
    divided = lambda window, count: window.sum(-1) / 3  # noqa: E731
    follows(device, layer, lambda x: pooled(x, [spans(side, 2, 2) for side in x.shape[2:]], divided), image(dims))


@fact(*(f"torch.nn.MaxPool{dims}d" for dims in DIMS), *(f"torch.nn.AvgPool{dims}d" for dims in DIMS))
@pytest.mark.parametrize("dims", DIMS)
@pytest.mark.parametrize(("kind", "want"), [("MaxPool", [3.0, 7.0]), ("AvgPool", [2.0, 6.0])], ids=["max", "mean"])
def test_windows_lie_side_by_side_unless_told(device, kind, dims, want):
    """`MaxPool2d`, `AvgPool2d` and the like by default take steps as large as their window."""
    x = torch.tensor([1.0, 3.0, 5.0, 7.0, 9.0], device=device).expand(1, 1, *[2] * (dims - 1), 5)
    y = getattr(nn, f"{kind}{dims}d")(2)(x)
    same(y, torch.tensor(want).reshape(1, 1, *[1] * (dims - 1), 2))


@fact(*(f"torch.nn.MaxPool{dims}d" for dims in DIMS))
@pytest.mark.parametrize("dims", DIMS)
def test_max_tells_where_it_found_the_highest(device, dims):
    """`MaxPool2d(return_indices=True)` and the like give each highest one's flat place in its channel, as int64."""
    x = torch.tensor(image(dims), device=device)
    y, places = getattr(nn, f"MaxPool{dims}d")(2, stride=1, padding=1, return_indices=True)(x)
    assert places.dtype == torch.int64
    same(y, x.flatten(2).gather(2, places.flatten(2)).view(y.shape))
    same(y, pooled(x.cpu().numpy(), [spans(side, 2, 1, 1) for side in x.shape[2:]], highest))


@fact(*(f"torch.nn.MaxPool{dims}d" for dims in DIMS))
@pytest.mark.parametrize("dims", DIMS)
def test_max_of_a_tie_is_the_first(device, dims):
    """`MaxPool2d` and the like take the first of equal elements, and give it the whole gradient."""
    x = torch.zeros(1, 1, *[2] * dims, device=device, requires_grad=True)
    y, places = getattr(nn, f"MaxPool{dims}d")(2, return_indices=True)(x)
    y.sum().backward()
    assert places.tolist() == y.long().tolist()
    assert x.grad.flatten().tolist() == [1.0] + [0.0] * (2**dims - 1)


@fact(*(f"torch.nn.MaxPool{dims}d" for dims in DIMS))
@pytest.mark.parametrize("dims", DIMS)
def test_max_with_nan_in_its_window_is_nan(device, dims):
    """`MaxPool2d` and the like give NaN for those windows that hold NaN."""
    x = torch.ones(1, 1, *[4] * dims, device=device)
    x[(0, 0, *[-1] * dims)] = math.nan
    y = getattr(nn, f"MaxPool{dims}d")(2)(x)
    assert y.isnan().flatten().tolist() == [False] * (2**dims - 1) + [True]


@fact(*(f"torch.nn.MaxPool{dims}d" for dims in DIMS), *(f"torch.nn.AvgPool{dims}d" for dims in DIMS))
@pytest.mark.parametrize("dims", DIMS)
@pytest.mark.parametrize("kind", ["MaxPool", "AvgPool"])
def test_refuses_more_padding_than_half_a_window(device, kind, dims):
    """`MaxPool2d`, `AvgPool2d` and the like refuse padding that is not "at most half of" their window."""
    with pytest.raises(RuntimeError, match="should be at most half of"):
        getattr(nn, f"{kind}{dims}d")(2, padding=2)(torch.ones(1, 1, *[4] * dims, device=device))


SMALLER = "Output size is too small|Invalid computed output size|smaller than kernel size"


@fact("torch.nn.MaxPool2d", "torch.nn.MaxPool3d", *(f"torch.nn.AvgPool{dims}d" for dims in DIMS))
@pytest.mark.parametrize(("kind", "dims"), [("MaxPool", 2), ("MaxPool", 3), *(("AvgPool", dims) for dims in DIMS)])
def test_refuses_an_input_that_no_window_fits(device, kind, dims):
    """`MaxPool2d`, `MaxPool3d` and `AvgPool1d` to `AvgPool3d` refuse an input smaller than their window."""
    with pytest.raises(RuntimeError, match=SMALLER):
        getattr(nn, f"{kind}{dims}d")(5)(torch.ones(1, 1, *[4] * dims, device=device))


@fact("torch.nn.MaxPool1d", since={"cpu": "2.1"}, calls="catches RuntimeError")
def test_max_of_a_row_refuses_an_input_that_no_window_fits(device):
    """`MaxPool1d` refuses an input smaller than its window."""
    with pytest.raises(RuntimeError, match=SMALLER):
        nn.MaxPool1d(5)(torch.ones(1, 1, 4, device=device))


SIZES = [(3,), (2, 4), (1, 2, 3)]


@fact(*(f"torch.nn.AdaptiveAvgPool{dims}d" for dims in DIMS), *(f"torch.nn.AdaptiveMaxPool{dims}d" for dims in DIMS))
@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize(("kind", "reduce"), [("AdaptiveAvgPool", mean), ("AdaptiveMaxPool", highest)])
def test_adaptive_divides_its_input_into_windows(device, kind, reduce, sizes):
    """`AdaptiveAvgPool2d` and the like give the size told: window i of n goes from i/n to (i + 1)/n, rounded out."""
    layer = getattr(nn, f"{kind}{len(sizes)}d")(sizes)
    follows(device, layer, lambda x: pooled(x, map(adaptive, x.shape[2:], sizes), reduce), image(len(sizes)))


@fact(
    "torch.nn.AdaptiveAvgPool2d",
    "torch.nn.AdaptiveAvgPool3d",
    "torch.nn.AdaptiveMaxPool2d",
    "torch.nn.AdaptiveMaxPool3d",
)
@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize(("kind", "reduce"), [("AdaptiveAvgPool", mean), ("AdaptiveMaxPool", highest)])
def test_adaptive_keeps_a_size_of_none(device, kind, reduce, dims):
    """`AdaptiveAvgPool2d`, `AdaptiveMaxPool2d` and those of 3d leave a dimension told None at its size."""
    layer = getattr(nn, f"{kind}{dims}d")((None, *[2] * (dims - 1)))
    follows(
        device,
        layer,
        lambda x: pooled(x, map(adaptive, x.shape[2:], (x.shape[2], *[2] * (dims - 1))), reduce),
        image(dims),
    )


@fact(*(f"torch.nn.AdaptiveMaxPool{dims}d" for dims in DIMS))
@pytest.mark.parametrize("dims", DIMS)
def test_adaptive_max_tells_where_it_found_the_highest(device, dims):
    """`AdaptiveMaxPool2d(return_indices=True)` etc. give each highest one's flat place in its channel, as int64."""
    x = torch.tensor(image(dims), device=device)
    y, places = getattr(nn, f"AdaptiveMaxPool{dims}d")(2, return_indices=True)(x)
    assert places.dtype == torch.int64
    same(y, x.flatten(2).gather(2, places.flatten(2)).view(y.shape))
    same(y, pooled(x.cpu().numpy(), [adaptive(side, 2) for side in x.shape[2:]], highest))


@fact("torch.nn.LPPool1d", "torch.nn.LPPool2d")
@pytest.mark.parametrize("dims", [1, 2])
@pytest.mark.parametrize("power", [1, 2, 3.0], ids=str)
@pytest.mark.parametrize("stride", [None, 1], ids=str)
def test_power_average_is_the_norm_of_each_window(device, dims, power, stride):
    """`LPPool1d` and `LPPool2d` give the root of the sum of the powers of each window, without a mean."""
    layer = getattr(nn, f"LPPool{dims}d")(power, 2, stride=stride)
    norm = lambda window, count: (window**power).sum(-1) ** (1 / power)  # noqa: E731
    follows(
        device,
        layer,
        lambda x: pooled(x, [spans(side, 2, stride or 2) for side in x.shape[2:]], norm),
        abs(image(dims)) + 0.1,
    )


@fact("torch.nn.LPPool3d")
@pytest.mark.parametrize("stride", [None, 1], ids=str)
def test_power_average_of_volumes_is_the_norm_of_each_window(device, stride):
    """`LPPool3d` gives the root of the sum of the powers of each window, without a mean."""
    norm = lambda window, count: (window**2).sum(-1) ** 0.5  # noqa: E731
    follows(
        device,
        nn.LPPool3d(2, 2, stride=stride),
        lambda x: pooled(x, [spans(side, 2, stride or 2) for side in x.shape[2:]], norm),
        abs(image(3)) + 0.1,
    )


TOLD = pytest.mark.parametrize("how", [{"output_size": 4}, {"output_ratio": 0.5}], ids=["output_size", "output_ratio"])


@check
def are_highest_of_two(y, places):
    """Of an input that counts its places: each is its own place, and second in some window of two, in each dimension.

    Raises AssertionError.
    """
    same(y, places.float())
    rows = numpy.unravel_index(places.flatten().cpu().numpy(), (8,) * (y.dim() - 2))
    assert numpy.stack(rows).min() > 0, "the first of a window is never its highest"


@fact("torch.nn.FractionalMaxPool2d", "torch.nn.FractionalMaxPool3d")
@pytest.mark.parametrize("dims", [2, 3])
@TOLD
def test_fractional_is_the_highest_of_random_windows(device, dims, how):
    """`FractionalMaxPool2d` and `FractionalMaxPool3d` give the highest of windows, and the places of these."""
    x = torch.arange(8.0**dims, device=device).reshape(1, 1, *[8] * dims)
    are_highest_of_two(*getattr(nn, f"FractionalMaxPool{dims}d")(2, return_indices=True, **how)(x))


@fact("torch.nn.FractionalMaxPool2d", "torch.nn.FractionalMaxPool3d")
@pytest.mark.parametrize("dims", [2, 3])
@TOLD
def test_fractional_is_of_the_size_that_it_is_told(device, dims, how):
    """`FractionalMaxPool2d` and `FractionalMaxPool3d` give the `output_size`, or the share `output_ratio`."""
    y = getattr(nn, f"FractionalMaxPool{dims}d")(2, **how)(torch.ones(2, 3, *[8] * dims, device=device))
    same(y, torch.ones(2, 3, *[4] * dims))


@fact("torch.nn.FractionalMaxPool2d", "torch.nn.FractionalMaxPool3d")
@pytest.mark.parametrize("dims", [2, 3])
def test_fractional_gives_the_gradient_to_the_highest(device, dims):
    """`FractionalMaxPool2d` and `FractionalMaxPool3d` give the gradient to the highest, and zero elsewhere."""
    x = torch.arange(8.0**dims, device=device).reshape(1, 1, *[8] * dims).requires_grad_()
    y, places = getattr(nn, f"FractionalMaxPool{dims}d")(2, output_size=4, return_indices=True)(x)
    y.backward(torch.full(y.shape, 3.0, device=device))
    same(x.grad.flatten(), torch.zeros(8**dims).scatter(0, places.flatten().cpu(), 3.0))


@fact("torch.nn.FractionalMaxPool2d", "torch.nn.FractionalMaxPool3d")
@pytest.mark.parametrize("dims", [2, 3])
def test_fractional_is_told_a_size_or_a_share(dims):
    """`FractionalMaxPool2d` and `FractionalMaxPool3d` refuse both `output_size` and `output_ratio`, or neither."""
    layer = getattr(nn, f"FractionalMaxPool{dims}d")
    with pytest.raises(ValueError, match="requires specifying either"):
        layer(2)
    with pytest.raises(ValueError, match="only one of"):
        layer(2, output_size=2, output_ratio=0.5)


@check
def puts_back(x, unpool):
    """The highest of each window of `x` come back to their places, with gradients. Raises AssertionError."""
    pool = getattr(nn, f"MaxPool{x.dim() - 2}d")(3, stride=2, padding=1, return_indices=True)
    y, places = pool(x)
    y.requires_grad_()
    back = unpool(y, places)
    back.backward(x)
    found = torch.zeros(x.shape, dtype=torch.bool).flatten(2).scatter(2, places.flatten(2).cpu(), True).view(x.shape)
    same(back, torch.where(found, x.cpu(), 0.0))
    same(y.grad, y)


@fact(*(f"torch.nn.MaxUnpool{dims}d" for dims in DIMS))
@pytest.mark.parametrize("dims", DIMS)
def test_unpooling_puts_the_highest_back_where_they_were(device, dims):
    """`MaxUnpool2d` and the like put each element back at its place, with its gradient, and zeros elsewhere."""
    x = torch.tensor(image(dims), device=device)
    unpool = getattr(nn, f"MaxUnpool{dims}d")(3, stride=2, padding=1)
    puts_back(x, lambda y, places: unpool(y, places, output_size=x.shape))


@fact(*(f"torch.nn.MaxUnpool{dims}d" for dims in DIMS))
@pytest.mark.parametrize("dims", DIMS)
def test_unpooling_gives_the_size_that_pooling_came_from(device, dims):
    """`MaxUnpool2d` and the like without `output_size` give as much as their windows cover, less the padding."""
    y = torch.full((1, 1, *[2] * dims), 5.0, device=device)
    places = torch.arange(2**dims, device=device).view(y.shape)
    back, less = (getattr(nn, f"MaxUnpool{dims}d")(3, **how)(y, places) for how in ({}, {"stride": 2, "padding": 1}))
    assert (back.shape, back.count_nonzero().item()) == ((1, 1, *[6] * dims), 2**dims)
    assert less.shape == (1, 1, *[3] * dims)


@fact(
    *(f"torch.nn.MaxPool{dims}d" for dims in DIMS),
    *(f"torch.nn.AvgPool{dims}d" for dims in DIMS),
    *(f"torch.nn.AdaptiveAvgPool{dims}d" for dims in DIMS),
    *(f"torch.nn.AdaptiveMaxPool{dims}d" for dims in DIMS),
)
@pytest.mark.parametrize("dims", DIMS)
@pytest.mark.parametrize("kind", ["MaxPool", "AvgPool", "AdaptiveAvgPool", "AdaptiveMaxPool"])
def test_takes_a_sample_without_a_batch(device, kind, dims):
    """`MaxPool2d`, `AdaptiveAvgPool2d` and the like give a sample without a batch what they give it in a batch."""
    layer, x = getattr(nn, f"{kind}{dims}d")(2), torch.tensor(image(dims), device=device)
    same(layer(x[1]), layer(x)[1])


@fact(
    *(f"torch.nn.MaxPool{dims}d" for dims in DIMS),
    *(f"torch.nn.AvgPool{dims}d" for dims in DIMS),
    *(f"torch.nn.AdaptiveAvgPool{dims}d" for dims in DIMS),
    *(f"torch.nn.AdaptiveMaxPool{dims}d" for dims in DIMS),
)
@pytest.mark.parametrize("dims", DIMS)
@pytest.mark.parametrize("kind", ["MaxPool", "AvgPool", "AdaptiveAvgPool", "AdaptiveMaxPool"])
def test_of_an_empty_batch_is_empty(device, kind, dims):
    """`MaxPool2d`, `AdaptiveAvgPool2d` and the like turn an empty batch into an empty batch of pooled samples."""
    y = getattr(nn, f"{kind}{dims}d")(2)(torch.ones(0, 3, *[4] * dims, device=device))
    assert (y.shape, y.dtype) == ((0, 3, *[2] * dims), torch.float32)


# --- the functions ----------------------------------------------------------------------------------------------------


@fact(*(f"torch.nn.functional.max_pool{dims}d" for dims in DIMS))
@pytest.mark.parametrize("dims", DIMS)
@pytest.mark.parametrize("options", MAX_OPTIONS, ids=said)
def test_function_gives_the_highest_of_each_window(device, dims, options):
    """`max_pool2d` and the like give the highest of each window, padding aside, which alone gets the gradient."""
    want = lambda x: pooled(x, [spans(side, 3, **options) for side in x.shape[2:]], highest)  # noqa: E731
    follows(device, Called(f"max_pool{dims}d", kernel_size=3, **options), want, image(dims))


@fact(*(f"torch.nn.functional.avg_pool{dims}d" for dims in DIMS))
@pytest.mark.parametrize("dims", DIMS)
@pytest.mark.parametrize("counted", [True, False], ids=["counted", "not-counted"])
@pytest.mark.parametrize("options", AVERAGE_OPTIONS, ids=said)
def test_function_gives_the_mean_of_each_window(device, dims, options, counted):
    """`avg_pool2d` and the like give the mean of each window, with zeros of padding unless told otherwise."""
    layer = Called(f"avg_pool{dims}d", kernel_size=3, count_include_pad=counted, **options)
    reduce = mean_with_padding if counted else mean
    follows(
        device, layer, lambda x: pooled(x, [spans(side, 3, **options) for side in x.shape[2:]], reduce), image(dims)
    )


@fact(*(f"torch.nn.functional.avg_pool{dims}d" for dims in [2, 3]))
@pytest.mark.parametrize("dims", [2, 3])
def test_function_divides_by_what_it_is_told(device, dims):
    """`avg_pool2d` and `avg_pool3d` with `divisor_override` divide the sum of each window by it."""
    divided = lambda window, count: window.sum(-1) / 3  # noqa: E731
    layer = Called(f"avg_pool{dims}d", kernel_size=2, divisor_override=3)
    follows(device, layer, lambda x: pooled(x, [spans(side, 2, 2) for side in x.shape[2:]], divided), image(dims))


@fact(
    *(f"torch.nn.functional.max_pool{dims}d" for dims in DIMS),
    *(f"torch.nn.functional.avg_pool{dims}d" for dims in DIMS),
)
@pytest.mark.parametrize("dims", DIMS)
@pytest.mark.parametrize(("kind", "want"), [("max_pool", [3.0, 7.0]), ("avg_pool", [2.0, 6.0])], ids=["max", "mean"])
def test_function_has_windows_side_by_side_unless_told(device, kind, dims, want):
    """`max_pool2d`, `avg_pool2d` and the like by default take steps as large as their window."""
    x = torch.tensor([1.0, 3.0, 5.0, 7.0, 9.0], device=device).expand(1, 1, *[2] * (dims - 1), 5)
    y = getattr(functional, f"{kind}{dims}d")(x, 2)
    same(y, torch.tensor(want).reshape(1, 1, *[1] * (dims - 1), 2))


@fact(
    *(f"torch.nn.functional.adaptive_avg_pool{dims}d" for dims in DIMS),
    *(f"torch.nn.functional.adaptive_max_pool{dims}d" for dims in DIMS),
)
@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize(("kind", "reduce"), [("adaptive_avg_pool", mean), ("adaptive_max_pool", highest)])
def test_adaptive_function_divides_its_input_into_windows(device, kind, reduce, sizes):
    """`adaptive_avg_pool2d` and the like give the size told: window i of n is i/n to (i + 1)/n, rounded out."""
    layer = Called(f"{kind}{len(sizes)}d", output_size=sizes)
    follows(device, layer, lambda x: pooled(x, map(adaptive, x.shape[2:], sizes), reduce), image(len(sizes)))


@fact(
    *(f"torch.nn.functional.adaptive_avg_pool{dims}d" for dims in [2, 3]),
    *(f"torch.nn.functional.adaptive_max_pool{dims}d" for dims in [2, 3]),
)
@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize(("kind", "reduce"), [("adaptive_avg_pool", mean), ("adaptive_max_pool", highest)])
def test_adaptive_function_keeps_a_size_of_none(device, kind, reduce, dims):
    """`adaptive_avg_pool2d`, `adaptive_max_pool2d` and those of 3d leave a dimension told None at its size."""
    want = lambda x: pooled(x, map(adaptive, x.shape[2:], (x.shape[2], *[2] * (dims - 1))), reduce)  # noqa: E731
    follows(device, Called(f"{kind}{dims}d", output_size=(None, *[2] * (dims - 1))), want, image(dims))


@fact(
    *(f"torch.nn.functional.max_pool{dims}d" for dims in DIMS),
    *(f"torch.nn.functional.adaptive_max_pool{dims}d" for dims in DIMS),
)
@pytest.mark.parametrize("dims", DIMS)
@pytest.mark.parametrize("kind", ["max_pool", "adaptive_max_pool"])
def test_function_tells_where_it_found_the_highest(device, kind, dims):
    """`max_pool2d(return_indices=True)`, `adaptive_max_pool2d` etc. give each highest one's flat place, as int64."""
    x = torch.tensor(image(dims), device=device)
    y, places = getattr(functional, f"{kind}{dims}d")(x, 2, return_indices=True)
    rows = [spans(side, 2, 2) if kind == "max_pool" else adaptive(side, 2) for side in x.shape[2:]]
    same(y, pooled(x.cpu().numpy(), rows, highest))
    same(y, x.flatten(2).gather(2, places.flatten(2)).view(y.shape))
    assert places.dtype == torch.int64


@fact(*(f"torch.nn.functional.max_unpool{dims}d" for dims in DIMS))
@pytest.mark.parametrize("dims", DIMS)
def test_function_puts_the_highest_back_where_they_were(device, dims):
    """`max_unpool2d` and the like put each element back at its place, with its gradient, and zeros elsewhere."""
    x = torch.tensor(image(dims), device=device)
    unpool = getattr(functional, f"max_unpool{dims}d")
    puts_back(x, lambda y, places: unpool(y, places, 3, stride=2, padding=1, output_size=x.shape))


@fact(*(f"torch.nn.functional.max_unpool{dims}d" for dims in DIMS))
@pytest.mark.parametrize("dims", DIMS)
def test_function_gives_the_size_that_pooling_came_from(device, dims):
    """`max_unpool2d` and the like without `output_size` give as much as the windows cover, less the padding."""
    y, unpool = torch.full((1, 1, *[2] * dims), 5.0, device=device), getattr(functional, f"max_unpool{dims}d")
    places = torch.arange(2**dims, device=device).view(y.shape)
    back, less = unpool(y, places, 3), unpool(y, places, 3, stride=2, padding=1)
    want = torch.zeros(6**dims)
    want[: 2**dims] = 5
    same(back, want.view(1, 1, *[6] * dims))
    assert less.shape == (1, 1, *[3] * dims)


@fact(*(f"torch.nn.functional.lp_pool{dims}d" for dims in [1, 2]))
@pytest.mark.parametrize("dims", [1, 2])
@pytest.mark.parametrize("power", [1, 2, 3.0], ids=str)
@pytest.mark.parametrize("stride", [None, 1], ids=str)
def test_power_function_is_the_norm_of_each_window(device, dims, power, stride):
    """`lp_pool1d` and `lp_pool2d` give the root of the sum of the powers of each window, without a mean."""
    norm = lambda window, count: (window**power).sum(-1) ** (1 / power)  # noqa: E731
    want = lambda x: pooled(x, [spans(side, 2, stride or 2) for side in x.shape[2:]], norm)  # noqa: E731
    layer = Called(f"lp_pool{dims}d", norm_type=power, kernel_size=2, stride=stride)
    follows(device, layer, want, abs(image(dims)) + 0.1)


@fact("torch.nn.functional.lp_pool3d")
@pytest.mark.parametrize("stride", [None, 1], ids=str)
def test_power_function_of_volumes_is_the_norm_of_each_window(device, stride):
    """`lp_pool3d` gives the root of the sum of the powers of each window, without a mean."""
    norm = lambda window, count: (window**2).sum(-1) ** 0.5  # noqa: E731
    want = lambda x: pooled(x, [spans(side, 2, stride or 2) for side in x.shape[2:]], norm)  # noqa: E731
    follows(device, Called("lp_pool3d", norm_type=2, kernel_size=2, stride=stride), want, abs(image(3)) + 0.1)


SHARES = {"output_size": lambda dims: 4, "output_ratio": lambda dims: (0.5,) * dims}
FRACTIONAL = [f"torch.nn.functional.fractional_max_pool{dims}d" for dims in [2, 3]]


@fact(*FRACTIONAL)
@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("how", SHARES)
def test_fractional_function_is_the_highest_of_random_windows(device, dims, how):
    """`fractional_max_pool2d` and `fractional_max_pool3d` give the highest of windows, and the places of these."""
    x = torch.arange(8.0**dims, device=device).reshape(1, 1, *[8] * dims)
    pool = getattr(functional, f"fractional_max_pool{dims}d")
    are_highest_of_two(*pool(x, 2, return_indices=True, **{how: SHARES[how](dims)}))


@fact(*FRACTIONAL)
@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("how", SHARES)
def test_fractional_function_is_of_the_size_that_it_is_told(device, dims, how):
    """`fractional_max_pool2d` and `fractional_max_pool3d` give the `output_size`, or the share `output_ratio`."""
    x = torch.ones(2, 3, *[8] * dims, device=device)
    y = getattr(functional, f"fractional_max_pool{dims}d")(x, 2, **{how: SHARES[how](dims)})
    same(y, torch.ones(2, 3, *[4] * dims))


@fact(*FRACTIONAL)
@pytest.mark.parametrize("dims", [2, 3])
def test_fractional_function_gives_the_gradient_to_the_highest(device, dims):
    """`fractional_max_pool2d` and `fractional_max_pool3d` give the gradient to the highest, and zero elsewhere."""
    x = torch.arange(8.0**dims, device=device).reshape(1, 1, *[8] * dims).requires_grad_()
    y, places = getattr(functional, f"fractional_max_pool{dims}d")(x, 2, output_size=4, return_indices=True)
    y.backward(torch.full(y.shape, 3.0, device=device))
    same(x.grad.flatten(), torch.zeros(8**dims).scatter(0, places.flatten().cpu(), 3.0))


@fact(*(f"torch.nn.functional.fractional_max_pool{dims}d" for dims in [2, 3]))
@pytest.mark.parametrize("dims", [2, 3])
def test_fractional_function_takes_one_share_for_all(device, dims):
    """`fractional_max_pool2d` and `fractional_max_pool3d` take one `output_ratio` for all dimensions."""
    x = torch.full((1, 1, *[6] * dims), 2.5, device=device)
    y = getattr(functional, f"fractional_max_pool{dims}d")(x, 2, output_ratio=0.5)
    same(y, torch.full((1, 1, *[3] * dims), 2.5))
