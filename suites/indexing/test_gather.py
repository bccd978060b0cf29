"""Reading along a dimension: `gather`, `take`, `take_along_dim`, `index_select`, `narrow`, `unbind`; and `put_`."""

import numpy
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from torchproof import fact, same
from torchproof.fixtures.checks import shares
from torchproof.fixtures.strategies import whole
from torchproof.fixtures.work import LAYOUTS

POSITIONS = {0: [[1, 0, 1]], 1: [[2, 0], [1, 1]], -1: [[2, 0], [1, 1]], -2: [[1, 0, 1], [0, 0, 0], [1, 1, 0]]}
SPELLED = {
    "gather": lambda x, dim, index: torch.gather(x, dim, index),
    "method": lambda x, dim, index: x.gather(dim, index),
    "take_along_dim": lambda x, dim, index: torch.take_along_dim(x, index, dim),
    "method along dim": lambda x, dim, index: x.take_along_dim(index, dim=dim),
}
OUT_OF_BOUNDS = {
    "gather": (lambda x, i: torch.gather(x, 0, i), RuntimeError),
    "index_select": (lambda x, i: torch.index_select(x, 0, i), IndexError),
    "take": (lambda x, i: torch.take(x, i), IndexError),
    "brackets": (lambda x, i: x[i], IndexError),
}
MADE_OF = {
    "gather": lambda x, i: torch.gather(x, 1, i.expand(2, -1)),
    "take_along_dim": lambda x, i: torch.take_along_dim(x, i.expand(2, -1), 1),
    "index_select": lambda x, i: torch.index_select(x, 1, i),
    "take": lambda x, i: torch.take(x, torch.stack([i, i + 3])),
}
spelled = pytest.mark.parametrize("spelling", SPELLED)
lying = pytest.mark.parametrize("lie", ["contiguous", "transposed", "strided", "offset"])
GATHERS = ["torch.gather", "torch.Tensor.gather", "torch.take_along_dim", "torch.Tensor.take_along_dim"]


def table(device, lie="contiguous"):
    """A tensor of 2 × 3 fractions that lies as named, and the array of them."""
    array = numpy.arange(6, dtype="float32").reshape(2, 3) + 0.5
    return LAYOUTS[lie](torch.from_numpy(array.copy()).to(device)), array


@fact(*GATHERS)
@spelled
@pytest.mark.parametrize("dim", [1, -1])
@lying
def test_takes_along_a_dimension(device, spelling, dim, lie):
    """`gather` and `take_along_dim` take from each row at its own positions, as NumPy does, to a contiguous tensor."""
    x, array = table(device, lie)
    index = numpy.array([[2, 0, 0, 1], [1, 1, 2, 0]])
    y = SPELLED[spelling](x, dim, torch.from_numpy(index.copy()).to(device))
    same(y, numpy.take_along_axis(array, index, dim))
    assert y.is_contiguous()


@fact(*GATHERS)
@spelled
def test_hands_the_gradient_back_to_where_it_was_taken(device, spelling):
    """The gradient of `torch.gather` and `take_along_dim` is added up where an element was taken several times."""
    x, _ = table(device)
    index = torch.tensor([[2, 0, 0], [1, 1, 1]], device=device)
    SPELLED[spelling](x.requires_grad_(), 1, index).backward(torch.arange(1.0, 7, device=device).view(2, 3))
    same(x.grad, torch.tensor([[5.0, 0.0, 1.0], [0.0, 15.0, 0.0]]))


@fact("torch.gather", "torch.Tensor.gather")
@pytest.mark.parametrize("dim", POSITIONS)
def test_of_gather_has_the_shape_of_the_index(device, dim):
    """`torch.gather` gives the shape of its index, which may be smaller than the tensor in the other dimensions."""
    x, array = table(device)
    index = POSITIONS[dim]
    want = [[array[(k, j) if dim % 2 == 0 else (i, k)] for j, k in enumerate(row)] for i, row in enumerate(index)]
    same(torch.gather(x, dim, torch.tensor(index, device=device)), numpy.array(want))


@fact("torch.gather")
def test_of_gather_along_three_dimensions(device):
    """`torch.gather` along the middle dimension takes `x[i, index[i, j, k], k]`."""
    array = whole(2, 3, 2) / 4
    index = numpy.array([[[2, 0]], [[1, 2]]])
    y = torch.gather(torch.from_numpy(array).to(device), 1, torch.from_numpy(index).to(device))
    same(y, numpy.array([[[array[0, 2, 0], array[0, 0, 1]]], [[array[1, 1, 0], array[1, 2, 1]]]]))


@fact("torch.gather")
@pytest.mark.parametrize(
    ("index", "dim", "error", "words"),
    [
        ([[-1, 0, 0]], 0, RuntimeError, "index -1 is out of bounds for dimension 0 with size 2"),
        ([[2, 0, 0]], 0, RuntimeError, "index 2 is out of bounds for dimension 0 with size 2"),
        ([0], 0, RuntimeError, "same number of dimensions"),
        ([[0], [0], [0]], 1, RuntimeError, "Size does not match at dimension 0"),
        ([[0]], 2, IndexError, "Dimension out of range"),
    ],
    ids=["negative", "beyond the end", "fewer dimensions", "longer", "dimension"],
)
def test_of_gather_refuses_what_does_not_fit(device, index, dim, error, words):
    """`torch.gather` refuses negative positions, those out of bounds, and an index of another number of dimensions."""
    x, _ = table(device)
    with pytest.raises(error, match=words):
        torch.gather(x, dim, torch.tensor(index, device=device))


@fact("torch.gather", "torch.take_along_dim")
@pytest.mark.parametrize("spelling", ["gather", "take_along_dim"])
def test_refuses_positions_that_are_no_integers(device, spelling):
    """`torch.gather` and `take_along_dim` refuse positions of floating point."""
    x, _ = table(device)
    with pytest.raises(RuntimeError, match="index|indices"):
        SPELLED[spelling](x, 1, torch.tensor([[0.0], [1.0]], device=device))


@fact("torch.gather")
def test_of_gather_has_a_sparse_gradient_when_told(device):
    """`torch.gather(sparse_grad=True)` gives a sparse gradient of the same values."""
    x, _ = table(device)
    torch.gather(x.requires_grad_(), 1, torch.tensor([[2], [0]], device=device), sparse_grad=True).sum().backward()
    assert x.grad.is_sparse
    same(x.grad, torch.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]))


@fact("torch.gather")
def test_of_gather_writes_to_out(device):
    """`torch.gather(out=)` fills the tensor that it is given, and returns it."""
    x, _ = table(device)
    index, out = torch.tensor([[2], [0]], device=device), torch.zeros(2, 1, device=device)
    assert torch.gather(x, 1, index, out=out) is out
    same(out, torch.tensor([[2.5], [3.5]]))


@fact("torch.gather")
def test_of_gather_refuses_out_of_another_dtype(device):
    """`torch.gather(out=)` refuses a tensor of another dtype."""
    x, _ = table(device)
    index = torch.tensor([[2], [0]], device=device)
    with pytest.raises(RuntimeError, match="dtype"):
        torch.gather(x, 1, index, out=torch.zeros(2, 1, dtype=torch.int64, device=device))


@fact("torch.take_along_dim")
def test_of_take_along_dim_broadcasts(device):
    """`take_along_dim` broadcasts the positions over the other dimensions."""
    x, array = table(device)
    same(torch.take_along_dim(x, torch.tensor([[2, 0]], device=device), 1), array[:, [2, 0]])


@fact("torch.take_along_dim")
@lying
def test_of_take_along_dim_without_one_is_flat(device, lie):
    """`take_along_dim` without a dimension takes from the tensor as if it were flattened, however it lies."""
    x, array = table(device, lie)
    same(torch.take_along_dim(x, torch.tensor([5, 0, 3], device=device)), array.ravel()[[5, 0, 3]])


@fact("torch.take_along_dim")
@pytest.mark.parametrize("name", ["argsort", "argmax", "argmin"])
def test_of_take_along_dim_undoes_an_arg_function(device, name):
    """`take_along_dim` at what `argsort`, `argmax` or `argmin` gives is what `sort`, `max` or `min` gives."""
    array = numpy.array([[2.5, 0.5, 1.5], [0.25, 4.5, 3.5]])
    x = torch.from_numpy(array).to(device)
    index = getattr(x, name)(1) if name == "argsort" else getattr(x, name)(1, keepdim=True)
    want = {"argsort": numpy.sort(array), "argmax": array.max(1)[:, None], "argmin": array.min(1)[:, None]}[name]
    same(torch.take_along_dim(x, index, 1), want)


# --- take, put, index_select


@fact("torch.take", "torch.Tensor.take")
@pytest.mark.parametrize("take", [torch.take, torch.Tensor.take], ids=["function", "method"])
@lying
def test_of_take_reads_as_if_flat(device, take, lie):
    """`torch.take` reads the elements in row-major order at positions of any shape, negative ones from the end."""
    x, array = table(device, lie)
    index = numpy.array([[5, 0], [-1, -6]])
    same(take(x, torch.from_numpy(index).to(device)), numpy.take(array, index))


@fact("torch.Tensor.put_", "torch.Tensor.put")
@pytest.mark.parametrize("name", ["put", "put_"])
@pytest.mark.parametrize(
    ("accumulate", "want"), [(False, [7.5, 1.5, 8.5]), (True, [8.0, 1.5, 11.0])], ids=["write", "add"]
)
def test_of_put_writes_as_if_flat(device, name, accumulate, want):
    """`put_` and `put` write at flat positions, or add with `accumulate=True`, and are contiguous if `x` is."""
    x, array = table(device)
    values = torch.tensor([7.5, 8.5], device=device)
    y = getattr(x, name)(torch.tensor([0, -4], device=device), values, accumulate=accumulate)
    same(y, numpy.array([want, [3.5, 4.5, 5.5]], dtype="float32"))
    same(x, y.cpu() if name == "put_" else array)
    assert (y is x) is (name == "put_") and y.stride() == (3, 1)


@fact("torch.index_select", "torch.Tensor.index_select")
@pytest.mark.parametrize("select", [torch.index_select, torch.Tensor.index_select], ids=["function", "method"])
@pytest.mark.parametrize("dim", [0, 1, -1, -2])
@pytest.mark.parametrize("dtype", [torch.int64, torch.int32])
@lying
def test_of_index_select_takes_rows_or_columns(device, select, dim, dtype, lie):
    """`index_select` copies the rows or columns at a vector of positions, in their order, to a contiguous tensor."""
    x, array = table(device, lie)
    y = select(x, dim, torch.tensor([1, 0, 1], dtype=dtype, device=device))
    same(y, numpy.take(array, [1, 0, 1], axis=dim))
    assert not shares(y, x) and y.is_contiguous()


@fact("torch.index_select")
@given(rows=st.lists(st.integers(0, 3)))
@example(rows=[])
@example(rows=[3, 0, 0])
def test_of_index_select_adds_up_the_gradient(device, rows):
    """The gradient of `index_select` at a row is the sum over the places that it was copied to."""
    x = torch.zeros(4, 2, device=device, requires_grad=True)
    weights = whole(len(rows), 2, start=1)
    torch.index_select(x, 0, torch.tensor(rows, dtype=torch.int64, device=device)).backward(
        torch.from_numpy(weights).to(device)
    )
    want = numpy.zeros((4, 2), dtype="float32")
    numpy.add.at(want, numpy.array(rows, dtype=int), weights)
    same(x.grad, want)


@fact("torch.index_select")
@pytest.mark.parametrize(
    ("index", "error", "words"),
    [
        ([2], IndexError, "out of range"),
        ([-1], IndexError, "out of range"),
        ([[0]], IndexError, "vector"),
        ([0.0], RuntimeError, "Expected dtype int32.* or int64"),
    ],
    ids=["beyond the end", "negative", "matrix", "float"],
)
def test_of_index_select_refuses_what_is_no_position(index, error, words):
    """`index_select` refuses negative positions and those out of bounds, floats, and an index of two dimensions."""
    with pytest.raises(error, match=words):
        torch.index_select(torch.ones(2, 3), 0, torch.tensor(index))


@fact("torch.gather", "torch.index_select", "torch.take", "torch.Tensor.__getitem__")
@pytest.mark.parametrize("name", OUT_OF_BOUNDS)
@pytest.mark.parametrize("position", [4, 1 << 40])
def test_refuses_what_is_out_of_bounds(name, position):
    """`gather`, `index_select`, `take` and `x[i]` refuse a position out of bounds on the CPU, however far behind."""
    read, error = OUT_OF_BOUNDS[name]
    with pytest.raises(error, match="out of (bounds|range)"):
        read(torch.ones(4), torch.tensor([position]))


@fact("torch.take_along_dim", myth="a position out of bounds is taken from the other end")
def test_of_take_along_dim_refuses_what_is_out_of_bounds():
    """`take_along_dim` refuses a position behind the last element on the CPU: out of bounds."""
    with pytest.raises((RuntimeError, IndexError), match="out of (bounds|range)"):
        torch.take_along_dim(torch.ones(4), torch.tensor([7]), 0)


@fact("torch.gather", "torch.take_along_dim", "torch.index_select", "torch.take")
@pytest.mark.parametrize("name", MADE_OF)
@pytest.mark.parametrize(
    "dtype", [torch.bool, torch.uint8, torch.int64, torch.bfloat16, torch.float16, torch.complex64]
)
def test_keeps_the_dtype(device, name, dtype):
    """`torch.gather`, `take_along_dim`, `index_select` and `take` keep the dtype and the values of what they take."""
    x = torch.tensor([[1, 0, 2], [3, 1, 0]], device=device).to(dtype)
    same(MADE_OF[name](x, torch.tensor([2, 0], device=device)), torch.tensor([[2, 1], [0, 3]]).to(dtype))


@fact("torch.gather", "torch.take_along_dim", "torch.index_select", "torch.take")
@pytest.mark.parametrize("name", MADE_OF)
def test_takes_nothing(device, name):
    """`gather`, `take_along_dim`, `index_select` and `take` at no positions give an empty tensor of their shape."""
    x, _ = table(device)
    same(MADE_OF[name](x, torch.tensor([], dtype=torch.int64, device=device)), numpy.zeros((2, 0), dtype="float32"))
    same(MADE_OF[name](x, torch.tensor([0], device=device)), torch.tensor([[0.5], [3.5]]))


# --- parts with bounds


@fact("torch.narrow", "torch.Tensor.narrow")
@pytest.mark.parametrize("narrow", [torch.narrow, torch.Tensor.narrow], ids=["function", "method"])
@pytest.mark.parametrize(("dim", "start", "length"), [(0, 1, 1), (1, 1, 2), (-1, -2, 2), (1, 3, 0), (0, 0, 2)])
def test_of_narrow_is_a_slice(device, narrow, dim, start, length):
    """`torch.narrow` gives `length` entries from `start` on, counted from the end where negative, as a view."""
    x, array = table(device)
    begin = start % (array.shape[dim] + (start >= 0))
    y = narrow(x, dim, start, length)
    same(y, numpy.take(array, range(begin, begin + length), axis=dim))
    assert y.stride() == (3, 1) and (not length or shares(y, x))


@fact("torch.narrow")
@pytest.mark.parametrize(
    ("start", "length", "error", "words"),
    [
        (2, 2, RuntimeError, "exceeds dimension size"),
        (0, -1, RuntimeError, "length must be non-negative"),
        (-4, 1, (RuntimeError, IndexError), "start out of range|Dimension out of range|start"),
    ],
    ids=["beyond the end", "negative length", "before the start"],
)
def test_of_narrow_refuses_what_a_slice_would_cut(start, length, error, words):
    """`torch.narrow` refuses to reach beyond the dimension: "exceeds dimension size", "start out of range"."""
    with pytest.raises(error, match=words):
        torch.narrow(torch.ones(3), 0, start, length)


@fact("torch.unbind", "torch.Tensor.unbind")
@pytest.mark.parametrize("unbind", [torch.unbind, torch.Tensor.unbind], ids=["function", "method"])
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_of_unbind_is_a_tuple_of_all(device, unbind, dim):
    """`unbind` gives a tuple of the entries of a dimension, as views."""
    x, array = table(device)
    parts = unbind(x, dim)
    assert (type(parts), len(parts)) == (tuple, array.shape[dim])
    same(torch.stack(parts, dim), array)
    assert shares(parts[1], x)
