"""Writing by `x[index] = value` and `index_put`, judged by NumPy; `masked_fill` and others are in `test_masks.py`."""

import numpy
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from torchproof import fact, same
from torchproof.fixtures.work import LAYOUTS

WRITTEN = {
    "number": (1, 9.5),
    "slice": ((slice(None), slice(1, 3)), -2.5),
    "step": ((Ellipsis, slice(None, None, 3)), 9.5),
    "row": ((0, 1), [1.5, 2.5, 3.5, 4.5]),
    "column": ((slice(None), slice(None), 0), [1.5, 2.5, 3.5]),
    "broadcast": ((0,), [[1.5], [2.5], [3.5]]),
    "ellipsis": (Ellipsis, 9.5),
    "list": ([1, 0], 9.5),
    "two lists": (([0, 1], [2, -1]), [[1.5], [2.5]]),
    "list and slice": ((slice(None), [0, 2]), [[1.5] * 4, [2.5] * 4]),
    "mask": (numpy.arange(24).reshape(2, 3, 4) % 5 == 0, [1.5, 2.5, 3.5, 4.5, 5.5]),
    "mask of rows": (numpy.array([[True, False, True], [False, False, True]]), [1.5, 2.5, 3.5, 4.5]),
    "leading ones": ((0, 0), [[[1.5, 2.5, 3.5, 4.5]]]),
}
REFUSED = {
    "longer": (slice(1, 3), [1.0, 2.0, 3.0], RuntimeError, "expanded size of the tensor|shape mismatch"),
    "several for one": (0, [1.0, 2.0], RuntimeError, "number of sizes provided|shape mismatch"),
    "longer than the mask": (numpy.array([True, False, False, False, True]), [1.0] * 3, RuntimeError, "shape mismatch"),
    "beyond the end": (5, [1.0], IndexError, "out of bounds"),
    "list beyond the end": ([0, 5], [1.0], IndexError, "out of bounds"),
    "negative step": (slice(None, None, -1), [1.0], ValueError, "step must be greater than zero"),
    "too many": ((0, 0), [1.0], IndexError, "too many indices"),
}
PLACES = st.lists(st.tuples(st.integers(-5, 4), st.integers(-9, 9)), min_size=1)


def of_lists(index, device):
    """The index with tensors for arrays."""
    return torch.from_numpy(index).to(device) if isinstance(index, numpy.ndarray) else index


@fact("torch.Tensor.__setitem__", claims=["T05"])
@pytest.mark.parametrize("case", WRITTEN)
@pytest.mark.parametrize("lie", ["contiguous", "transposed", "offset"])
def test_writes_what_numpy_writes(device, case, lie):
    """`x[index] = value` broadcasts the value over what is indexed and writes nothing else, to a transposed `x` too."""
    index, value = WRITTEN[case]
    want = numpy.arange(24, dtype="float32").reshape(2, 3, 4) + 0.25
    x = LAYOUTS[lie](torch.from_numpy(want.copy()).to(device))
    want[index] = numpy.array(value)
    x[of_lists(index, device)] = torch.tensor(value, device=device) if isinstance(value, list) else value
    same(x, want)


@fact("torch.Tensor.__setitem__", claims=["T05"])
def test_writes_nothing_where_nothing_is_named(device):
    """`x[2:] = 9` of an empty slice, `x[[]] = 9` and `x[mask] = 9` of an all-False mask write nothing."""
    x = torch.tensor([1.5, 2.5], device=device)
    x[2:] = 9
    x[[]] = 9
    x[x > 3] = 9
    x[1:] = 7
    same(x, torch.tensor([1.5, 7.0]))


@fact("torch.Tensor.__setitem__", claims=["T05"])
@pytest.mark.parametrize(("index", "value", "error", "words"), REFUSED.values(), ids=REFUSED)
def test_refuses_what_does_not_fit(device, index, value, error, words):
    """`x[index] = value` refuses a shape mismatch, an index out of bounds, too many indices and a negative step."""
    x = torch.zeros(5, device=device)
    with pytest.raises(error, match=words):
        x[of_lists(index, device)] = torch.tensor(value, device=device)


@fact("torch.Tensor.__setitem__")
@pytest.mark.parametrize("value", ["a", [1.0], None], ids=["text", "list", "None"])
def test_refuses_what_is_neither_number_nor_tensor(device, value):
    """`x[0] = value` refuses text, lists and None: can't assign a str, a list or a NoneType."""
    x = torch.zeros(5, device=device)
    with pytest.raises(TypeError, match="can't assign a"):
        x[0] = value


@fact("torch.Tensor.__setitem__")
@pytest.mark.parametrize(
    "value", [2.7, torch.tensor(2.7), torch.tensor([2.7], dtype=torch.float64)], ids=["number", "tensor", "float64"]
)
def test_converts_to_the_dtype_that_is_there(device, value):
    """`x[slice] = value` converts the value to the dtype of `x`: to integers by cutting."""
    x = torch.tensor([4, 5, 6], device=device)
    x[1:] = value
    same(x, torch.tensor([4, 2, 2]))


@fact("torch.Tensor.__setitem__", "torch.Tensor.index_put_", hint="value.to(x.dtype)")
@pytest.mark.parametrize(
    "write", [torch.Tensor.__setitem__, lambda x, i, v: x.index_put_((i,), v)], ids=["brackets", "put"]
)
def test_refuses_another_dtype_behind_a_list(device, write):
    """`x[positions] = tensor` and `index_put_` refuse another dtype: source and destination dtypes match."""
    x, positions = torch.tensor([4, 5, 6], device=device), torch.tensor([0, 1], device=device)
    with pytest.raises(RuntimeError, match="source and destination dtypes match"):
        write(x, positions, torch.tensor([1.5, 2.5], device=device))


@fact("torch.Tensor.__setitem__")
def test_passes_the_gradient_to_the_value(device):
    """The gradient of `y[:2] = value` goes to the value, and none of it to what it overwrote."""
    x, value = torch.tensor([1.5, 2.5, 3.5], device=device, requires_grad=True), torch.tensor(4.5, device=device)
    y = x * 2
    y[:2] = value.requires_grad_()
    y.backward(torch.tensor([3.0, 5.0, 7.0], device=device))
    same(x.grad, torch.tensor([0.0, 0.0, 14.0]))
    same(value.grad, torch.tensor(8.0))


@fact("torch.Tensor.__setitem__")
def test_to_a_leaf_that_requires_grad_is_refused(device):
    """`x[0] = 2` is refused where `x` is a leaf Variable that requires grad."""
    x = torch.ones(3, device=device, requires_grad=True)
    with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
        x[0] = 2


@fact("torch.Tensor.__setitem__", myth="`x[mask][0] = value` writes to x")
def test_through_two_pairs_of_brackets_is_lost_behind_a_list(device):
    """`x[list][0] = value` writes to a copy, where `x[slice][0] = value` writes to `x`."""
    x = torch.tensor([1.5, 2.5, 3.5], device=device)
    x[[1, 2]][0] = 9
    same(x, torch.tensor([1.5, 2.5, 3.5]))
    x[1:][0] = 9
    same(x, torch.tensor([1.5, 9.0, 3.5]))


@fact(
    "torch.Tensor.__setitem__",
    myth="`x[[0, 0]] += 1` adds 2",
    hint="index_put_(accumulate=True)",
)
def test_with_a_sum_counts_a_repeated_position_once(device):
    """`x[list] += value` adds once to a position that the list names several times."""
    x, positions = torch.tensor([1.5, 2.5], device=device), torch.tensor([0, 0, 0], device=device)
    x[positions] += 1
    same(x, torch.tensor([2.5, 2.5]))


# --- index_put


@fact("torch.index_put", "torch.Tensor.index_put_")
@pytest.mark.parametrize("put", [torch.index_put, torch.Tensor.index_put_], ids=["function", "in_place"])
@given(places=PLACES)
@example(places=[(0, 3), (-5, 4), (2, 5)])
def test_of_index_put_accumulates_when_told(device, put, places):
    """`index_put(accumulate=True)` adds every value to where it belongs, to a repeated position several times."""
    positions, values = (torch.tensor(column, device=device) for column in zip(*places))
    want = numpy.array([10, 20, 30, 40, 50])
    y = put(torch.from_numpy(want.copy()).to(device), (positions,), values, accumulate=True)
    numpy.add.at(want, positions.cpu().numpy(), values.cpu().numpy())
    same(y, want)


@fact("torch.index_put", "torch.Tensor.index_put_")
@pytest.mark.parametrize("name", ["index_put", "index_put_"])
def test_of_index_put_writes_pairs_of_positions(device, name):
    """`index_put` of a contiguous tensor writes each value at its pair of positions, or one to all rows named."""
    x = torch.zeros(2, 3, device=device)
    rows, columns = torch.tensor([0, 1, 1], device=device), torch.tensor([2, 0, -1], device=device)
    y = getattr(x, name)((rows, columns), torch.tensor([1.5, 2.5, 3.5], device=device))
    same(y, torch.tensor([[0.0, 0.0, 1.5], [2.5, 0.0, 3.5]]))
    same(x, y.cpu() if name == "index_put_" else torch.zeros(2, 3))
    assert (y is x) is (name == "index_put_") and y.stride() == (3, 1)
    same(x.index_put((rows,), torch.tensor(7.0, device=device)), torch.full((2, 3), 7.0))


@fact("torch.index_put", "torch.Tensor.index_put_")
@pytest.mark.parametrize("name", ["index_put", "index_put_"])
def test_of_index_put_takes_a_mask(device, name):
    """`index_put` with a mask writes the values in order where the mask is True."""
    x = torch.tensor([1.5, 2.5, 3.5], device=device)
    mask = torch.tensor([True, False, True], device=device)
    same(getattr(x, name)((mask,), torch.tensor([7.5, 8.5], device=device)), torch.tensor([7.5, 2.5, 8.5]))


@fact("torch.index_put", "torch.Tensor.index_put_")
@pytest.mark.parametrize("name", ["index_put", "index_put_"])
def test_of_index_put_out_of_bounds_is_refused(device, name):
    """`index_put` refuses a position that is out of bounds."""
    x = torch.zeros(3, device=device)
    with pytest.raises(IndexError, match="out of bounds"):
        getattr(x, name)((torch.tensor([3], device=device),), torch.tensor([1.0], device=device))


@fact("torch.index_put")
@pytest.mark.parametrize(("accumulate", "old"), [(False, [3.0, 0.0]), (True, [3.0, 5.0])], ids=["write", "add"])
def test_of_index_put_shares_the_gradient_out(device, accumulate, old):
    """The gradient of `index_put` goes to the values, and to what was there where it still counts."""
    x, values = (torch.tensor(numbers, device=device, requires_grad=True) for numbers in ([1.5, 2.5], [3.5]))
    y = torch.index_put(x, (torch.tensor([1], device=device),), values, accumulate=accumulate)
    y.backward(torch.tensor([3.0, 5.0], device=device))
    same(x.grad, torch.tensor(old))
    same(values.grad, torch.tensor([5.0]))
