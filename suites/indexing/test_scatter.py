"""Writing along a dimension: `scatter`, `index_add` and others, and `select_scatter`; `index_put` is in assignment."""

import math

import numpy
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from torchproof import close, fact, same
from torchproof.fixtures.work import LAYOUTS

REDUCED = {
    "sum": math.fsum,
    "prod": math.prod,
    "mean": lambda numbers: math.fsum(numbers) / len(numbers),
    "amax": max,
    "amin": min,
}
WRITES = st.lists(st.tuples(st.integers(0, 3), st.integers(-4, 4).map(float)), min_size=1, max_size=8)
OUT_OF_BOUNDS = {
    "scatter": (lambda x, i: x.scatter(0, i, 1.0), RuntimeError),
    "scatter_add": (lambda x, i: x.scatter_add(0, i, torch.ones(1)), RuntimeError),
    "scatter_reduce": (lambda x, i: x.scatter_reduce(0, i, torch.ones(1), "amax"), RuntimeError),
    "index_add": (lambda x, i: x.index_add(0, i, torch.ones(1)), (IndexError, RuntimeError)),
    "index_copy": (lambda x, i: x.index_copy(0, i, torch.ones(1)), IndexError),
    "index_fill": (lambda x, i: x.index_fill(0, i, 1.0), IndexError),
}
BASE = numpy.array([[1.5, 2.5, 3.5], [4.5, 5.5, 6.5]], dtype="float32")
INDEX = [[2, 0], [1, 2]]
SOURCE = numpy.array([[10.0, 20.0], [30.0, 40.0]], dtype="float32")

lying = pytest.mark.parametrize("lie", ["contiguous", "transposed", "strided", "offset"])


def grouped(start, writes):
    """For each place what was there and what is written to it."""
    return [[old, *(value for place, value in writes if place == at)] for at, old in enumerate(start)]


def table(device, lie="contiguous"):
    """The tensor of BASE that lies as named."""
    return LAYOUTS[lie](torch.from_numpy(BASE.copy()).to(device))


# --- scatter


@fact("torch.scatter", "torch.Tensor.scatter", "torch.Tensor.scatter_")
@pytest.mark.parametrize("name", ["scatter", "scatter_"])
@pytest.mark.parametrize("dim", [1, -1])
@lying
def test_writes_along_a_dimension(device, name, dim, lie):
    """`torch.scatter` writes each element of the source in its row at its position, and leaves the others."""
    x = table(device, lie)
    y = getattr(x, name)(dim, torch.tensor(INDEX, device=device), torch.from_numpy(SOURCE).to(device))
    want = numpy.array([[20.0, 2.5, 10.0], [4.5, 30.0, 40.0]], dtype="float32")
    same(y, want)
    same(x, want if name == "scatter_" else BASE)
    assert (y is x) is (name == "scatter_")


@fact("torch.scatter", "torch.Tensor.scatter_")
@pytest.mark.parametrize("name", ["scatter", "scatter_"])
def test_writes_one_number_everywhere(device, name):
    """`torch.scatter` with a number writes it at every position of the index."""
    y = getattr(table(device), name)(0, torch.tensor([[1, 0, 1]], device=device), 9.5)
    same(y, torch.tensor([[1.5, 9.5, 3.5], [9.5, 5.5, 9.5]]))


@fact("torch.scatter")
def test_makes_one_hot_rows(device):
    """`torch.scatter` of ones into zeros makes one-hot rows."""
    classes = torch.tensor([[2], [0]], device=device)
    same(torch.scatter(torch.zeros(2, 3, device=device), 1, classes, 1.0), numpy.eye(3, dtype="float32")[[2, 0]])


@fact("torch.scatter", "torch.gather")
@given(order=st.permutations([0, 1, 2, 3]))
def test_is_undone_by_gather(device, order):
    """`torch.gather` at the positions that `scatter` wrote to gives the source back."""
    index, source = torch.tensor(order, device=device), torch.tensor([0.5, 1.5, 2.5, 3.5], device=device)
    y = torch.scatter(torch.zeros(4, device=device), 0, index, source)
    same(y, numpy.array([0.5, 1.5, 2.5, 3.5], dtype="float32")[numpy.argsort(order)])
    same(torch.gather(y, 0, index), torch.tensor([0.5, 1.5, 2.5, 3.5]))


@fact("torch.scatter")
def test_hands_gradients_to_both(device):
    """The gradient of `torch.scatter` is zero where it overwrote, and the source's at each element that it wrote."""
    x, source = torch.ones(3, device=device, requires_grad=True), torch.ones(2, device=device, requires_grad=True)
    y = torch.scatter(x, 0, torch.tensor([2, 0], device=device), source)
    y.backward(torch.tensor([3.0, 5.0, 7.0], device=device))
    same(x.grad, torch.tensor([0.0, 5.0, 0.0]))
    same(source.grad, torch.tensor([7.0, 3.0]))


@fact("torch.scatter", "torch.scatter_add")
@pytest.mark.parametrize("name", ["scatter", "scatter_add"])
@pytest.mark.parametrize(
    ("index", "source", "words"),
    [
        ([0], torch.ones(1, dtype=torch.int64), "Expected self.dtype to be equal to src.dtype"),
        ([0, 1, 2], torch.ones(2), "Expected index .* than src"),
        ([-1], torch.ones(1), "index -1 is out of bounds"),
        ([[0]], torch.ones(1, 1), "same number of dimensions"),
    ],
    ids=["dtype", "longer", "negative", "dimensions"],
)
def test_refuses_what_does_not_fit(name, index, source, words):
    """`scatter` and `scatter_add` refuse a smaller source, another dtype, negative positions and other dimensions."""
    with pytest.raises(RuntimeError, match=words):
        getattr(torch, name)(torch.ones(3), 0, torch.tensor(index), source)


@fact(
    "torch.scatter",
    "torch.scatter_add",
    "torch.scatter_reduce",
    "torch.index_add",
    "torch.index_copy",
    "torch.index_fill",
)
@pytest.mark.parametrize("name", OUT_OF_BOUNDS)
@pytest.mark.parametrize("position", [4, 1 << 40])
def test_refuses_what_is_out_of_bounds(name, position):
    """`scatter`, `scatter_add`, `index_add`, `index_copy` and others refuse a position out of bounds on the CPU."""
    write, error = OUT_OF_BOUNDS[name]
    with pytest.raises(error, match="out of (bounds|range)"):
        write(torch.ones(4), torch.tensor([position]))


# --- scatter_add, scatter_reduce


@fact("torch.scatter_add", "torch.Tensor.scatter_add", "torch.Tensor.scatter_add_")
@pytest.mark.parametrize("name", ["scatter_add", "scatter_add_"])
@lying
def test_adds_every_element_to_its_place(device, name, lie):
    """`scatter_add` adds each element of the source in its row at its position, several to one place too."""
    x = table(device, lie)
    index = torch.tensor([[2, 2], [1, 0]], device=device)
    y = getattr(x, name)(1, index, torch.from_numpy(SOURCE).to(device))
    want = numpy.array([[1.5, 2.5, 33.5], [44.5, 35.5, 6.5]], dtype="float32")
    same(y, want)
    same(x, want if name == "scatter_add_" else BASE)
    assert (y is x) is (name == "scatter_add_")


@fact("torch.scatter_add")
def test_adds_with_a_gradient_for_both(device):
    """The gradient of `scatter_add` is that of the result for the tensor, and at its position for each element."""
    x, source = torch.ones(3, device=device, requires_grad=True), torch.ones(3, device=device, requires_grad=True)
    y = torch.scatter_add(x, 0, torch.tensor([2, 0, 2], device=device), source)
    y.backward(torch.tensor([3.0, 5.0, 7.0], device=device))
    same(x.grad, torch.tensor([3.0, 5.0, 7.0]))
    same(source.grad, torch.tensor([7.0, 3.0, 7.0]))


@fact("torch.scatter_reduce", "torch.Tensor.scatter_reduce", "torch.Tensor.scatter_reduce_")
@pytest.mark.parametrize("reduce", REDUCED)
@pytest.mark.parametrize("name", ["scatter_reduce", "scatter_reduce_"])
@given(writes=WRITES)
@example(writes=[(0, 2.0), (0, 3.0), (3, -1.5)])
def test_reduces_what_is_written_with_what_was_there(device, reduce, name, writes):
    """`scatter_reduce` gives the sum, product, mean or extreme of what was there and of all written to a place."""
    start = [1.5, -2.0, 0.5, 3.0]
    index, source = (torch.tensor(column, device=device) for column in zip(*writes))
    x = torch.tensor(start, device=device)
    y = getattr(x, name)(0, index, source, reduce)
    assert y.dtype == torch.float32 and (y is x) is (name == "scatter_reduce_")
    groups = grouped(start, writes)
    close(
        y,
        [REDUCED[reduce](group) for group in groups],
        roundings=10,
        scale=[math.fsum(map(abs, group)) + abs(math.prod(group)) for group in groups],
    )


@fact("torch.scatter_reduce", "torch.index_reduce")
@pytest.mark.filterwarnings("ignore:index_reduce")
@pytest.mark.parametrize("reduce", ["prod", "mean", "amax", "amin"])
@pytest.mark.parametrize("name", ["scatter_reduce", "index_reduce"])
def test_reduces_without_what_was_there_when_told(device, reduce, name):
    """`scatter_reduce` and `index_reduce` with `include_self=False` leave out what was there where they write."""
    x = torch.tensor([100.0, -100.0, 0.5], device=device)
    index, source = torch.tensor([0, 1, 0], device=device), torch.tensor([2.0, 3.5, 4.0], device=device)
    y = getattr(torch, name)(x, 0, index, source, reduce, include_self=False)
    same(y, torch.tensor([REDUCED[reduce]([2.0, 4.0]), 3.5, 0.5]))
    same(x, torch.tensor([100.0, -100.0, 0.5]))


@fact("torch.scatter_reduce", "torch.index_reduce")
@pytest.mark.filterwarnings("ignore:index_reduce")
@pytest.mark.parametrize("name", ["scatter_reduce", "index_reduce"])
def test_reduces_in_a_known_way_only(device, name):
    """`scatter_reduce` and `index_reduce` refuse a reduction that they do not know."""
    x, index = torch.ones(2, device=device), torch.tensor([0], device=device)
    with pytest.raises(RuntimeError, match="reduce.* (prod, mean|must be either)"):
        getattr(torch, name)(x, 0, index, torch.ones(1, device=device), "median")


@fact("torch.scatter_reduce")
@pytest.mark.parametrize("reduce", ["amax", "amin"])
def test_reduces_nan_to_nan(device, reduce):
    """`scatter_reduce` to a maximum or minimum gives NaN where NaN is written."""
    index, source = torch.tensor([0, 0, 1], device=device), torch.tensor([math.nan, 2.0, 2.0], device=device)
    same(
        torch.scatter_reduce(torch.full((2,), 2.0, device=device), 0, index, source, reduce),
        torch.tensor([math.nan, 2.0]),
    )


@fact("torch.scatter_reduce")
@pytest.mark.parametrize("reduce", ["amax", "amin"])
def test_shares_the_gradient_out_over_ties(device, reduce):
    """The gradient of a maximum or minimum by `scatter_reduce` is shared out evenly over the elements that are it."""
    x, source = torch.zeros(1, device=device, requires_grad=True), torch.zeros(3, device=device, requires_grad=True)
    y = torch.scatter_reduce(x, 0, torch.tensor([0, 0, 0], device=device), source, reduce)
    y.backward(torch.tensor([8.0], device=device))
    same(x.grad, torch.tensor([2.0]))
    same(source.grad, torch.tensor([2.0, 2.0, 2.0]))


# --- index_add, index_copy, index_fill, index_reduce


@fact("torch.index_add", "torch.Tensor.index_add", "torch.Tensor.index_add_")
@pytest.mark.parametrize("name", ["index_add", "index_add_"])
@pytest.mark.parametrize("dim", [0, 1, -1])
@pytest.mark.parametrize("alpha", [1, -2])
def test_adds_rows_or_columns(device, name, dim, alpha):
    """`index_add` adds `alpha` times each row or column of the source at its position, several to one too."""
    x = table(device)
    source = numpy.array([[0.5, 1.5, 2.5], [3.5, 4.5, 5.5]], dtype="float32")
    index = [1, 1] if dim == 0 else [2, 0, 2]
    y = getattr(x, name)(dim, torch.tensor(index, device=device), torch.from_numpy(source).to(device), alpha=alpha)
    want = BASE.copy()
    numpy.add.at(want, index if dim == 0 else (slice(None), index), alpha * source)
    same(y, want)
    same(x, want if name == "index_add_" else BASE)
    assert (y is x) is (name == "index_add_")


@fact("torch.index_copy", "torch.Tensor.index_copy", "torch.Tensor.index_copy_")
@pytest.mark.parametrize("name", ["index_copy", "index_copy_"])
@pytest.mark.parametrize("dim", [1, -1])
def test_copies_columns(device, name, dim):
    """`index_copy` writes each column of the source at its position."""
    x = table(device)
    y = getattr(x, name)(dim, torch.tensor([2, 0], device=device), torch.from_numpy(SOURCE).to(device))
    want = numpy.array([[20.0, 2.5, 10.0], [40.0, 5.5, 30.0]], dtype="float32")
    same(y, want)
    same(x, want if name == "index_copy_" else BASE)
    assert (y is x) is (name == "index_copy_")


@fact("torch.index_fill", "torch.Tensor.index_fill", "torch.Tensor.index_fill_")
@pytest.mark.parametrize("name", ["index_fill", "index_fill_"])
@pytest.mark.parametrize("dim", [1, -1])
@pytest.mark.parametrize("value", [7.5, math.nan], ids=str)
def test_fills_columns(device, name, dim, value):
    """`index_fill` writes one number into the columns at its positions, negative ones from the end."""
    x = table(device)
    y = getattr(x, name)(dim, torch.tensor([0, -1], device=device), value)
    want = numpy.array([[value, 2.5, value], [value, 5.5, value]], dtype="float32")
    same(y, want)
    same(x, want if name == "index_fill_" else BASE)
    assert (y is x) is (name == "index_fill_")


@fact("torch.index_reduce", "torch.Tensor.index_reduce", "torch.Tensor.index_reduce_")
@pytest.mark.filterwarnings("ignore:index_reduce")
@pytest.mark.parametrize("name", ["index_reduce", "index_reduce_"])
@pytest.mark.parametrize("reduce", ["prod", "mean", "amax", "amin"])
def test_reduces_columns(device, name, reduce):
    """`index_reduce` gives the product, mean, maximum or minimum of what was there and all columns written to it."""
    x = table(device)
    y = getattr(x, name)(1, torch.tensor([2, 2], device=device), torch.from_numpy(SOURCE).to(device), reduce)
    want = BASE.copy()
    want[:, 2] = [REDUCED[reduce]([old, *new]) for old, new in zip(BASE[:, 2].tolist(), SOURCE.tolist())]
    same(y, want)
    same(x, want if name == "index_reduce_" else BASE)


@fact("torch.index_add", "torch.index_copy", "torch.index_fill")
@pytest.mark.parametrize(
    ("name", "arguments", "old", "new"),
    [
        ("index_add", True, [3.0, 5.0, 7.0], [7.0, 3.0]),
        ("index_copy", True, [0.0, 5.0, 0.0], [7.0, 3.0]),
        ("index_fill", False, [0.0, 5.0, 0.0], None),
    ],
    ids=["add", "copy", "fill"],
)
def test_hands_gradients_to_what_still_counts(device, name, arguments, old, new):
    """The gradients of `index_add`, `index_copy` and `index_fill` go to what was there where it still counts."""
    x, source = torch.ones(3, device=device, requires_grad=True), torch.ones(2, device=device, requires_grad=True)
    y = getattr(torch, name)(x, 0, torch.tensor([2, 0], device=device), source if arguments else 9.0)
    y.backward(torch.tensor([3.0, 5.0, 7.0], device=device))
    same(x.grad, torch.tensor(old))
    assert (source.grad is None) is (new is None) and (new is None or source.grad.tolist() == new)


@fact("torch.index_add", "torch.index_copy")
@pytest.mark.parametrize(
    ("name", "source", "words"),
    [
        ("index_add", torch.ones(1), "Number of indices"),
        ("index_copy", torch.ones(2).long(), "same dtype"),
        ("index_copy", torch.ones(3), "Number of indices|number of indices|indices"),
    ],
    ids=["fewer", "dtype", "more"],
)
def test_of_rows_that_do_not_fit_is_refused(name, source, words):
    """`index_add` and `index_copy` refuse a source of another length than the index, or of another dtype."""
    with pytest.raises((RuntimeError, IndexError), match=words):
        getattr(torch, name)(torch.ones(3), 0, torch.tensor([0, 1]), source)


# --- views that are written back


replaced = pytest.mark.parametrize(
    ("name", "source", "arguments", "write"),
    [
        ("select_scatter", [9.5, 8.5], (1, -1), lambda a, s: a.__setitem__((slice(None), -1), s)),
        (
            "slice_scatter",
            [[9.5, 8.5], [7.5, 6.5]],
            (1, 0, 3, 2),
            lambda a, s: a.__setitem__((slice(None), slice(0, 3, 2)), s),
        ),
        ("diagonal_scatter", [9.5, 8.5], (1,), lambda a, s: a.__setitem__(([0, 1], [1, 2]), s)),
    ],
    ids=["select", "slice", "diagonal"],
)


@fact("torch.select_scatter", "torch.slice_scatter", "torch.diagonal_scatter")
@replaced
def test_of_a_view_gives_a_copy_with_the_view_replaced(device, name, source, arguments, write):
    """`select_scatter`, `slice_scatter` and `diagonal_scatter` give a copy in which that view has other values."""
    x, want = table(device), BASE.copy()
    write(want, numpy.array(source))
    same(getattr(torch, name)(x, torch.tensor(source, device=device), *arguments), want)
    same(x, BASE)


@fact("torch.select_scatter", "torch.slice_scatter", "torch.diagonal_scatter")
@replaced
def test_of_a_view_has_no_gradient_where_it_was_replaced(device, name, source, arguments, write):
    """The gradient of `select_scatter`, `slice_scatter` and `diagonal_scatter` is zero where the view was replaced."""
    x, weights = table(device).requires_grad_(), numpy.arange(1, 7, dtype="float32").reshape(2, 3)
    y = getattr(torch, name)(x, torch.tensor(source, device=device), *arguments)
    y.backward(torch.from_numpy(weights.copy()).to(device))
    write(weights, 0)
    same(x.grad, weights)


@fact("torch.as_strided_scatter")
def test_of_strides_gives_a_copy_with_them_replaced(device):
    """`as_strided_scatter` gives a row-major copy in which what `as_strided` names has other values."""
    x, source = table(device), torch.tensor([9.5, 8.5], device=device)
    y = torch.as_strided_scatter(x, source, (2,), (4,), 1)
    same(y, torch.tensor([[1.5, 9.5, 3.5], [4.5, 5.5, 8.5]]))
    same(x, BASE)
    assert y.stride() == (3, 1)


@fact("torch.as_strided_scatter")
def test_of_strides_hands_gradients_to_both(device):
    """The gradient of `as_strided_scatter` goes to the source where it replaced, and to the tensor elsewhere."""
    x, source = torch.ones(6, device=device, requires_grad=True), torch.ones(2, device=device, requires_grad=True)
    torch.as_strided_scatter(x, source, (2,), (4,), 1).backward(torch.arange(1.0, 7, device=device))
    same(source.grad, torch.tensor([2.0, 6.0]))
    same(x.grad, torch.tensor([1.0, 0.0, 3.0, 4.0, 5.0, 0.0]))


@fact("torch.select_scatter", "torch.slice_scatter", "torch.diagonal_scatter")
@pytest.mark.parametrize("name", ["select_scatter", "slice_scatter", "diagonal_scatter"])
def test_of_a_view_of_another_shape_is_refused(device, name):
    """`select_scatter`, `slice_scatter` and `diagonal_scatter` do not broadcast: expected src to have a size equal."""
    arguments = (0, 0) if name == "select_scatter" else ()
    with pytest.raises(RuntimeError, match="expected src to have a size equal to the"):
        getattr(torch, name)(table(device), torch.ones(5, device=device), *arguments)
