"""Masks and the positions of what is not zero: `masked_select`, `masked_fill`, `where`, `nonzero`; not `x[mask]`."""

import math

import numpy
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from torchproof import fact, same
from torchproof.fixtures.checks import shares
from torchproof.fixtures.strategies import shapes
from torchproof.fixtures.work import LAYOUTS

MASK = numpy.array([[True, False, True], [False, False, True]])
lying = pytest.mark.parametrize("lie", ["contiguous", "transposed", "strided", "offset"])


def table(device, lie="contiguous"):
    """A tensor of 2 × 3 fractions that lies as named, and the array of them."""
    array = numpy.arange(6, dtype="float32").reshape(2, 3) - 2.5
    return LAYOUTS[lie](torch.from_numpy(array.copy()).to(device)), array


def mask(device, lie="contiguous"):
    """The tensor of MASK that lies as named."""
    return LAYOUTS[lie](torch.from_numpy(MASK.copy()).to(device))


# --- masked_select, masked_fill, masked_scatter


@fact("torch.masked_select", "torch.Tensor.masked_select")
@pytest.mark.parametrize("select", [torch.masked_select, torch.Tensor.masked_select], ids=["function", "method"])
@lying
def test_selects_in_row_major_order(device, select, lie):
    """`masked_select` gives a vector of what the mask names, row by row, however the two lie in memory."""
    x, array = table(device, lie)
    same(select(x, mask(device)), array[MASK])
    same(select(table(device)[0], mask(device, lie)), array[MASK])


@fact("torch.masked_select")
def test_selects_by_a_mask_that_is_broadcast(device):
    """`masked_select` broadcasts the mask and the tensor against each other."""
    x, array = table(device)
    same(torch.masked_select(x, torch.tensor([True, False, True], device=device)), array[:, [0, 2]].ravel())
    same(torch.masked_select(x[0], torch.tensor([[True], [True]], device=device)), numpy.tile(array[0], 2))


@fact("torch.masked_select")
@pytest.mark.parametrize("shape", [(0,), (2, 0), ()], ids=str)
def test_selects_nothing_of_what_is_empty(device, shape):
    """`masked_select` gives an empty vector where the mask names nothing."""
    x = torch.ones(shape, dtype=torch.float64, device=device)
    same(torch.masked_select(x, torch.zeros(shape, dtype=torch.bool, device=device)), numpy.ones(0))


@fact("torch.masked_fill", "torch.Tensor.masked_fill", "torch.Tensor.masked_fill_")
@pytest.mark.parametrize("name", ["masked_fill", "masked_fill_"])
@pytest.mark.parametrize("value", [7.5, -math.inf, "tensor"], ids=str)
@lying
def test_fills_what_it_names(device, name, value, lie):
    """`masked_fill` writes one number, or a tensor without dimensions, where the mask is True only."""
    x, array = table(device, lie)
    y = getattr(x, name)(mask(device), torch.tensor(2.5, device=device) if value == "tensor" else value)
    same(y, numpy.where(MASK, numpy.float32(2.5 if value == "tensor" else value), array))
    assert (y is x) is name.endswith("_")
    same(x, y.cpu() if y is x else array)


@fact("torch.masked_fill", "torch.Tensor.masked_fill_")
def test_fills_more_than_it_was_given_out_of_place_only(device):
    """`masked_fill` broadcasts the tensor to the mask out of place only: `masked_fill_` refuses to."""
    x, rows = torch.tensor([1.5, 2.5], device=device), torch.tensor([[True], [False]], device=device)
    same(torch.masked_fill(x, rows, 9.0), torch.tensor([[9.0, 9.0], [1.5, 2.5]]))
    with pytest.raises(RuntimeError, match="doesn't match the broadcast shape"):
        x.masked_fill_(rows, 9.0)


@fact("torch.masked_fill")
def test_fills_with_a_number_only(device):
    """`masked_fill` refuses a value with dimensions: only supports a 0-dimensional value tensor."""
    x, _ = table(device)
    with pytest.raises(RuntimeError, match="only supports a 0-dimensional value tensor"):
        torch.masked_fill(x, mask(device), torch.tensor([1.0], device=device))


@fact("torch.masked_fill")
def test_fills_without_gradient(device):
    """The gradient of `masked_fill` is zero where it filled, and passes elsewhere."""
    x = torch.ones(2, 3, device=device, requires_grad=True)
    torch.masked_fill(x, mask(device), 2.5).backward(torch.arange(1.0, 7, device=device).view(2, 3))
    same(x.grad, numpy.where(MASK, 0, numpy.arange(1, 7, dtype="float32").reshape(2, 3)).astype("float32"))


@fact("torch.masked_fill")
def test_fills_with_a_tensor_that_gets_the_sum_of_gradients(device):
    """The gradient of the tensor that `masked_fill` fills with is the sum over what it filled."""
    x, value = torch.ones(2, 3, device=device), torch.tensor(2.5, device=device, requires_grad=True)
    torch.masked_fill(x, mask(device), value).backward(torch.arange(1.0, 7, device=device).view(2, 3))
    same(value.grad, torch.tensor(1.0 + 3 + 6))


@fact("torch.masked_fill", "torch.Tensor.masked_fill", "torch.Tensor.masked_fill_", since="2.1",
      calls="mask=uint8|*.byte|*.ByteTensor", hint="pass mask.bool()")  # fmt: skip
def test_fill_refuses_a_mask_of_uint8(device):
    """`masked_fill` refuses a mask of uint8: "only supports boolean masks"."""
    x, _ = table(device)
    with pytest.raises(RuntimeError, match="only supports boolean masks"):
        x.masked_fill(mask(device).byte(), 9.0)


@fact("torch.masked_select", "torch.Tensor.masked_select", since="2.1", calls="mask=uint8|*.byte|*.ByteTensor",
      hint="pass mask.bool()")  # fmt: skip
def test_select_refuses_a_mask_of_uint8(device):
    """`masked_select` refuses a mask of uint8: "expected BoolTensor for mask"."""
    x, _ = table(device)
    with pytest.raises(RuntimeError, match="expected BoolTensor for mask"):
        x.masked_select(mask(device).byte())


@fact("torch.masked_scatter", "torch.Tensor.masked_scatter", "torch.Tensor.masked_scatter_", since="2.1",
      calls="mask=uint8|*.byte|*.ByteTensor", hint="pass mask.bool()")  # fmt: skip
def test_scatter_refuses_a_mask_of_uint8(device):
    """`masked_scatter` refuses a mask of uint8: "only supports boolean masks"."""
    x, _ = table(device)
    with pytest.raises(RuntimeError, match="only supports boolean masks"):
        x.masked_scatter(mask(device).byte(), x)


@fact("torch.masked_scatter", "torch.Tensor.masked_scatter_")
@pytest.mark.parametrize("name", ["masked_scatter", "masked_scatter_"])
@lying
def test_scatters_in_order(device, name, lie):
    """`masked_scatter` writes the elements of its source one after the other where the mask is True."""
    x, array = table(device, lie)
    y = getattr(x, name)(mask(device), torch.tensor([[7.5, 8.5], [9.5, 6.5]], device=device))
    want = array.copy()
    want[MASK] = [7.5, 8.5, 9.5]
    same(y, want)
    same(x, want if name.endswith("_") else array)


@fact("torch.masked_scatter")
def test_scatters_the_gradient_back(device):
    """The gradient of `masked_scatter` goes to the elements of the source that it used, elsewhere to the tensor."""
    x, source = torch.ones(3, device=device, requires_grad=True), torch.ones(3, device=device, requires_grad=True)
    chosen = torch.tensor([True, False, True], device=device)
    torch.masked_scatter(x, chosen, source).backward(torch.tensor([3.0, 5.0, 7.0], device=device))
    same(x.grad, torch.tensor([0.0, 5.0, 0.0]))
    same(source.grad, torch.tensor([3.0, 7.0, 0.0]))


@fact("torch.masked_scatter")
@pytest.mark.parametrize(
    ("source", "words"),
    [(torch.ones(2), "Number of elements of source < number of ones in mask"), (torch.ones(6).long(), "same dtype")],
    ids=["short", "int64"],
)
def test_scatters_of_enough_of_the_same_dtype(source, words):
    """`masked_scatter` refuses a source with fewer elements than the mask names, or of another dtype."""
    with pytest.raises(RuntimeError, match=words):
        torch.masked_scatter(torch.ones(2, 3), mask("cpu"), source)


@fact("torch.masked_select")
def test_of_numbers_is_refused(device):
    """`masked_select` refuses a mask of int64: "expected BoolTensor"."""
    with pytest.raises(RuntimeError, match="expected BoolTensor"):
        torch.masked_select(torch.ones(2, device=device), torch.tensor([1, 0], device=device))


# --- nonzero, argwhere, where, count_nonzero


@fact("torch.nonzero", "torch.argwhere", "torch.Tensor.nonzero", "torch.Tensor.argwhere")
@pytest.mark.parametrize("ask", [torch.nonzero, torch.argwhere], ids=["nonzero", "argwhere"])
@given(data=st.data(), shape=shapes(max_dims=3, max_side=3))
@example(data=None, shape=(2, 3))
def test_positions_are_rows_in_order(device, ask, data, shape):
    """`nonzero` and `argwhere` give a row of positions for each element that is not zero, in row-major order."""
    drawn = (
        data.draw(st.lists(st.booleans(), min_size=6, max_size=6)) if data else [True, False, False, True, True, False]
    )
    array = numpy.resize(numpy.array(drawn), shape) * 2.5
    y = ask(torch.from_numpy(numpy.asarray(array)).to(device))
    same(y, numpy.argwhere(array))


@fact("torch.nonzero", "torch.where", "torch.Tensor.nonzero")
@pytest.mark.parametrize(
    "ask",
    [lambda x: torch.nonzero(x, as_tuple=True), lambda x: x.nonzero(as_tuple=True), lambda x: torch.where(x)],
    ids=["function", "method", "where"],
)
@lying
def test_positions_are_an_index(device, ask, lie):
    """`nonzero(as_tuple=True)` and `where` of one argument give a vector for each dimension, which is an index."""
    x, array = table(device, lie)
    rows, columns = ask(x.masked_fill(mask(device), 0))
    want = numpy.nonzero(numpy.where(MASK, 0, array))
    same(rows, want[0])
    same(columns, want[1])
    same(x[rows, columns], array[~MASK])


@fact("torch.nonzero")
def test_positions_of_no_dimension(device):
    """`nonzero` of a tensor without dimensions gives a row without columns, or none where it is zero."""
    assert torch.nonzero(torch.tensor(3, device=device)).shape == (1, 0)
    assert torch.nonzero(torch.tensor(0, device=device)).shape == (0, 0)


@fact("torch.nonzero")
def test_positions_of_no_dimension_are_an_index_of_one(device):
    """`nonzero(as_tuple=True)` of a tensor without dimensions gives one vector, as if it had a dimension."""
    same(torch.nonzero(torch.tensor(3, device=device), as_tuple=True)[0], torch.tensor([0]))


@fact("torch.nonzero")
@pytest.mark.parametrize(
    "values",
    [[math.nan, 0.0, -0.0, 1e-40], [0j, 1j, 1 + 0j, complex(0, -0.0)], [True, False, False, True]],
    ids=["float", "complex", "bool"],
)
def test_positions_are_of_what_is_not_zero(device, values):
    """`nonzero` finds NaN, denormal numbers and complex numbers with one part not zero, and not -0.0."""
    x = torch.tensor(values, device=device, dtype=torch.float64 if isinstance(values[0], float) else None)
    same(torch.nonzero(x).flatten(), numpy.nonzero(numpy.array(values))[0])


@fact("torch.count_nonzero", "torch.Tensor.count_nonzero")
@pytest.mark.parametrize("dim", [None, 0, -1, (0, 1), (1, 2)], ids=str)
def test_count_is_over_dimensions(device, dim):
    """`count_nonzero` counts over all, one or several dimensions, in a contiguous int64 tensor."""
    array = (numpy.arange(24) % 3).reshape(2, 3, 4)
    y = torch.count_nonzero(torch.from_numpy(array).to(device), dim=dim)
    assert y.is_contiguous()
    same(y, numpy.count_nonzero(array, axis=dim))
    same(torch.from_numpy(array).to(device).count_nonzero(dim), numpy.count_nonzero(array, axis=dim))


@fact("torch.count_nonzero")
@pytest.mark.parametrize("dtype", ["float32", "bool", "uint8", "complex64"])
def test_count_is_int64(device, dtype):
    """`count_nonzero` of floats, booleans, bytes or complex numbers is an int64, 0 of no elements."""
    x = torch.tensor([0, 2, 0, 3], device=device).to(getattr(torch, dtype))
    same(torch.count_nonzero(x), torch.tensor(2))
    same(torch.count_nonzero(x[:0]), torch.tensor(0))


@fact("torch.where")
@pytest.mark.parametrize(
    ("a", "b", "dtype"),
    [(1, 2, torch.int64), (1.5, 2, torch.float32), (True, False, torch.bool), (1j, 2, torch.complex64)],
    ids=["ints", "float", "bools", "complex"],
)
def test_choice_of_numbers_has_their_dtype(device, a, b, dtype):
    """`torch.where` chooses between Python numbers, in the dtype that a tensor of both has."""
    same(torch.where(torch.tensor([True, False], device=device), a, b), torch.tensor([a, b], dtype=dtype))


@fact("torch.where")
def test_choice_by_int64_is_refused(device):
    """`torch.where` refuses a condition of int64: where expected condition to be a boolean tensor."""
    with pytest.raises(RuntimeError, match="where expected condition to be a boolean tensor"):
        torch.where(torch.tensor([1, 0], device=device), 1.0, 2.0)


@fact("torch.where", hint="pass condition.bool()")
def test_choice_by_uint8_warns(device, every_warning):
    """`torch.where` takes a condition of uint8, and warns that it "received a uint8 condition tensor"."""
    with pytest.warns(UserWarning, match="received a uint8 condition tensor"):
        y = torch.where(torch.tensor([1, 0], dtype=torch.uint8, device=device), 1.0, 2.0)
    same(y, torch.tensor([1.0, 2.0]))


@fact("torch.where", myth="`where` keeps NaN out of the gradient", source="notes/numerical_accuracy")
def test_choice_does_not_stop_a_gradient_that_is_not_finite(device):
    """The gradient of `torch.where` through the branch not chosen is NaN where zero meets an infinite derivative."""
    x = torch.tensor([0.0, 4.0], device=device, requires_grad=True)
    torch.where(x > 0, torch.sqrt(x), torch.zeros_like(x)).sum().backward()
    same(x.grad, torch.tensor([math.nan, 0.25]))


@fact("torch.unravel_index")
@pytest.mark.parametrize("shape", [(6,), (2, 3), (2, 1, 3)], ids=str)
def test_flat_positions_become_positions(device, shape):
    """`unravel_index` gives a tensor for each dimension, as NumPy does, in memory of its own."""
    flat = numpy.array([[0, 5], [3, 1]])
    x = torch.from_numpy(flat).to(device)
    got = torch.unravel_index(x, shape)
    same(torch.stack(got), numpy.stack(numpy.unravel_index(flat, shape)))
    assert not any(shares(part, x) for part in got)
