"""Which shapes go together, and what they give: the rules of NumPy; dtypes are in `test_promotion.py`."""

import contextlib
import operator

import numpy
import pytest
import torch
from hypothesis import event, example, given
from hypothesis import strategies as st

from torchproof import fact, same
from torchproof.fixtures.checks import shares
from torchproof.fixtures.strategies import shapes

OPERATORS = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "maximum": lambda a, b: (torch if isinstance(a, torch.Tensor) else numpy).maximum(a, b),
    "minimum": lambda a, b: (torch if isinstance(a, torch.Tensor) else numpy).minimum(a, b),
    "lt": operator.lt,
    "eq": operator.eq,
}
IN_PLACE = ["add_", "sub_", "mul_", "copy_", "eq_", "pow_"]
UNEQUAL = {
    "vectors": ((2,), (3,)),
    "matrices": ((2, 3), (3, 2)),
    "row and column length": ((2, 3), (2,)),
    "nothing and two": ((0,), (2,)),
}
unequal = pytest.mark.parametrize(("a", "b"), UNEQUAL.values(), ids=UNEQUAL)


@st.composite
def pairs(draw):
    """Two shapes that go together: one shape, of which each has a part, with dimensions of size 1 in places."""
    full = draw(shapes(max_dims=3, max_side=3))
    kept = [full[draw(st.integers(0, len(full))) :] for _ in range(2)]
    return tuple(tuple(draw(st.sampled_from([size, 1])) for size in shape) for shape in kept)


def broadcast(*given_):
    """The shape that these give, or None where they do not go together."""
    with contextlib.suppress(RuntimeError):
        return tuple(torch.broadcast_shapes(*given_))


def numbers(shape, start=0):
    """An array of this shape with fractions that repeat after seven."""
    return (numpy.arange(start, start + numpy.prod(shape, dtype=int)) % 7 / 2).reshape(shape)


@fact(
    *(f"torch.{name}" for name in OPERATORS),
    source="notes/broadcasting",
    claims=["O01", "O02"],
    myth="the shapes must match",
)
@pytest.mark.parametrize("name", OPERATORS)
@given(pair=pairs())
@example(pair=((2, 1), (3,)))
@example(pair=((), (2, 3)))
@example(pair=((0,), (1,)))
def test_of_a_pair_give_what_numpy_gives(device, name, pair):
    """`+`, `==`, `maximum` etc. of contiguous x, y stretch missing dimensions and sizes of 1 as NumPy, contiguous."""
    a, b = numbers(pair[0]), numbers(pair[1], 3)
    y = OPERATORS[name](*(torch.from_numpy(array.copy()).to(device) for array in (a, b)))
    same(y, numpy.asarray(OPERATORS[name](a, b)))
    assert y.is_contiguous()


@fact("torch.broadcast_shapes", source="notes/broadcasting", claims=["O01", "O02"])
@given(one=shapes(max_dims=3, max_side=3), other=shapes(max_dims=3, max_side=3))
@example(one=(2, 1), other=(3,))
@example(one=(2,), other=(3,))
def test_of_any_pair_fit_or_do_not_as_in_numpy(one, other):
    """`torch.broadcast_shapes` takes two shapes where from the last size on they are equal, or one is 1 or missing."""
    fits = all(a == b or 1 in (a, b) for a, b in zip(reversed(one), reversed(other)))
    event("fits" if fits else "does not fit")
    assert broadcast(one, other) == (numpy.broadcast_shapes(one, other) if fits else None)


@fact("torch.add", "torch.mul", "torch.maximum", "torch.lt", source="notes/broadcasting", claims=["O01"])
@pytest.mark.parametrize("name", ["add", "mul", "maximum", "lt"])
@unequal
def test_that_do_not_fit_are_refused(device, name, a, b):
    """`+`, `*`, `<` and `maximum` refuse sizes that differ: size of tensor a (2) must match the size of tensor b."""
    with pytest.raises(RuntimeError, match=r"size of tensor a \(\d\) must match the size of tensor b \(\d\)"):
        getattr(torch, name)(torch.zeros(a, device=device), torch.zeros(b, device=device))


@fact("torch.broadcast_shapes", "torch.broadcast_tensors")
@unequal
def test_that_do_not_fit_are_refused_beforehand(a, b):
    """`torch.broadcast_shapes` and `torch.broadcast_tensors` refuse sizes that differ and are not 1."""
    with pytest.raises(RuntimeError, match="broadcast|[Ss]hape mismatch"):
        torch.broadcast_shapes(a, b)
    with pytest.raises(RuntimeError, match="must match"):
        torch.broadcast_tensors(torch.zeros(a), torch.zeros(b))


@fact("torch.broadcast_shapes")
@pytest.mark.parametrize(
    ("given_", "want"),
    [(((2, 1),), (2, 1)), (((2, 1), (3,), ()), (2, 3)), ((3, (2, 1)), (2, 3)), (((0,), (1,)), (0,))],
    ids=["one", "three", "number", "empty"],
)
def test_of_any_number_give_one(given_, want):
    """`broadcast_shapes` takes any number of shapes, or of sizes of vectors, and gives a `torch.Size`."""
    size = torch.broadcast_shapes(*given_)
    assert (type(size), size) == (torch.Size, want)


@fact("torch.broadcast_tensors")
def test_of_tensors_are_made_one_without_copies(device):
    """`broadcast_tensors` gives every tensor the common shape, as views with strides of 0."""
    a, b = torch.tensor([[1.5], [2.5]], device=device), torch.tensor([3.5, 4.5, 5.5], device=device)
    x, y = torch.broadcast_tensors(a, b)
    same(x, torch.tensor([[1.5] * 3, [2.5] * 3]))
    same(y, torch.tensor([[3.5, 4.5, 5.5]] * 2))
    assert (x.stride(), y.stride()) == ((1, 0), (0, 1))
    assert shares(a, x) and shares(b, y)


@fact("torch.broadcast_to", "torch.Tensor.broadcast_to")
@pytest.mark.parametrize("spread", [torch.broadcast_to, torch.Tensor.broadcast_to], ids=["function", "method"])
@pytest.mark.parametrize(
    ("shape", "to"), [((3,), (2, 3)), ((2, 1), (2, 3)), ((), (2,)), ((1,), (0,)), ((2, 1), (4, -1, 3))], ids=str
)
def test_of_one_are_stretched_to_another(device, spread, shape, to):
    """`broadcast_to` gives a view of the shape asked for, in which -1 keeps a size, as NumPy's does."""
    array = numbers(shape, 1)
    y = spread(torch.from_numpy(array).to(device), to)
    same(y, numpy.broadcast_to(array, [2 if size < 0 else size for size in to]).copy())
    stretched = numpy.broadcast_to(array, [2 if size < 0 else size for size in to])
    assert y.numel() == 0 or y.stride()[-1] == stretched.strides[-1] // 8


@fact("torch.broadcast_to")
@pytest.mark.parametrize(("shape", "to"), [((3,), (2, 4)), ((2, 3), (3,)), ((3,), (-1, 3)), ((2,), (2, 3))], ids=str)
def test_of_one_that_cannot_be_stretched_is_refused(device, shape, to):
    """`broadcast_to` refuses another size, fewer dimensions, and -1 for a dimension that is not there."""
    with pytest.raises(RuntimeError, match="expanded size|number of sizes provided|isn't allowed"):
        torch.broadcast_to(torch.zeros(shape, device=device), to)


@fact(*(f"torch.Tensor.{name}" for name in IN_PLACE), source="notes/broadcasting", claims=["O02"])
@pytest.mark.parametrize("name", IN_PLACE)
def test_of_a_tensor_in_place_are_stretched_from_the_other(device, name):
    """`add_`, `mul_`, `copy_` and other in-place operations stretch their argument to the tensor that they change."""
    x, row = torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=device), torch.tensor([2.0, 4.0], device=device)
    y = getattr(x, name)(row)
    rows = {
        "add_": [[3, 6], [5, 8]],
        "sub_": [[-1, -2], [1, 0]],
        "mul_": [[2, 8], [6, 16]],
        "copy_": [[2, 4]] * 2,
        "eq_": [[0, 0], [0, 1]],
        "pow_": [[1, 16], [9, 256]],
    }
    assert y is x
    same(x, numpy.array(rows[name], dtype="float32"))


@fact(*(f"torch.Tensor.{name}" for name in IN_PLACE), source="notes/broadcasting", claims=["O02"], hint="x = x + y")
@pytest.mark.parametrize("name", IN_PLACE)
@pytest.mark.parametrize(("shape", "other"), [((3, 1), (3, 4)), ((3,), (2, 3)), ((), (1,))], ids=str)
def test_of_a_tensor_in_place_do_not_grow(device, name, shape, other):
    """`add_`, `mul_`, `copy_` and others do not stretch the tensor they change: doesn't match the broadcast shape."""
    x = torch.zeros(shape, device=device)
    with pytest.raises(RuntimeError, match="doesn't match the broadcast shape|expanded size|number of sizes provided"):
        getattr(x, name)(torch.ones(other, device=device))
    assert x.shape == shape


@fact("torch.add", "torch.mul", "torch.sub", "torch.div", source="notes/broadcasting", claims=["O02"])
@pytest.mark.parametrize("name", ["add", "mul", "sub", "div"])
def test_of_gradients_are_those_of_the_operands(device, name):
    """The gradient of an operand that `+`, `*`, `-` or `/` stretched has its shape: summed over what was stretched."""
    a = torch.tensor([[2.0], [4.0]], device=device, requires_grad=True)
    b = torch.tensor([1.0, 2.0, 4.0], device=device, requires_grad=True)
    weights = numpy.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], dtype="float32")
    getattr(torch, name)(a, b).backward(torch.from_numpy(weights).to(device))
    x, y = numpy.array([[2.0], [4.0]]), numpy.array([1.0, 2.0, 4.0])
    by_a = {"add": 1 + 0 * y, "mul": y, "sub": 1 + 0 * y, "div": 1 / y}[name]
    by_b = {"add": 1 + 0 * x, "mul": x, "sub": -1 + 0 * x, "div": -x / y**2}[name]
    same(a.grad, (weights * by_a).sum(1, keepdims=True).astype("float32"))
    same(b.grad, (weights * by_b).sum(0).astype("float32"))


@fact("torch.add", source="notes/broadcasting", claims=["O02"], myth="losses of a row and a column are elementwise")
def test_of_a_row_and_a_column_are_a_table(device):
    """`row + column` of a vector of n and a column of n gives a table of n × n, without an error."""
    row, column = torch.tensor([1.5, 2.5], device=device), torch.tensor([[10.0], [20.0]], device=device)
    same(row + column, torch.tensor([[11.5, 12.5], [21.5, 22.5]]))


@fact(
    "torch.add",
    "torch.mul",
    "torch.sub",
    "torch.div",
    "torch.pow",
    "torch.floor_divide",
    "torch.remainder",
    claims=["O02"],
)
@pytest.mark.parametrize(
    "operation",
    [operator.add, operator.mul, operator.sub, operator.truediv, operator.pow, operator.floordiv, operator.mod],
    ids=lambda operation: operation.__name__,
)
def test_of_numbers_are_stretched_from_either_side(device, operation):
    """`x + 2` and `2 + x`, and so for `-`, `*`, `/`, `**`, `//` and `%`, take the number with every element."""
    array = numpy.array([[1.0, 2.0], [4.0, 8.0]])
    x = torch.from_numpy(array).to(device)
    same(operation(x, 2), operation(array, 2))
    same(operation(2, x), operation(2, array))


@fact("torch.Tensor.sum_to_size")
@pytest.mark.parametrize("to", [(2, 3), (1, 3), (3,), (2, 1), (1, 1), ()], ids=str)
def test_of_sums_undo_stretching(device, to):
    """`x.sum_to_size(shape)` gives contiguous sums over what would have been stretched from that shape."""
    array = numbers((2, 3), 1)
    axes = tuple(dim for dim, size in enumerate((1,) * (2 - len(to)) + to) if size == 1)
    y = torch.from_numpy(array).to(device).sum_to_size(to)
    same(y, array.sum(axis=axes).reshape(to))
    assert y.is_contiguous()


@fact("torch.Tensor.sum_to_size")
def test_of_sums_that_nothing_was_stretched_from_are_refused(device):
    """`sum_to_size` refuses a shape that cannot be stretched to the tensor's: "is not expandable to size"."""
    with pytest.raises(RuntimeError, match="is not expandable to size"):
        torch.zeros(2, 3, device=device).sum_to_size(2)
