"""Reading by `x[index]`, judged by NumPy: numbers, slices, lists and masks; writing is in `test_assignment.py`."""

import numpy
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from torchproof import fact, same
from torchproof.fixtures.checks import shares
from torchproof.fixtures.strategies import shapes

BASIC = {
    "number": 1,
    "negative number": -1,
    "numbers": (1, 2),
    "slice": slice(1, None),
    "step": (slice(None), slice(None, None, 2)),
    "negative slice": (Ellipsis, slice(-3, -1)),
    "beyond the end": (slice(0, 99), slice(-99, 2)),
    "nothing left": (slice(None), slice(2, 1)),
    "ellipsis": (Ellipsis, 0),
    "ellipsis inside": (1, Ellipsis, 2),
    "ellipsis of nothing": (0, 1, 2, Ellipsis),
    "ellipsis alone": Ellipsis,
    "new dimension": (slice(None), None, 1),
    "new dimensions": (None, Ellipsis, None),
    "nothing": (),
}
ADVANCED = {
    "list": [1, 0, 1],
    "negative": [-1, -2],
    "none": [],
    "array": numpy.array([[1, 0], [0, 0]]),
    "one number": numpy.array(1),
    "two lists": ([0, 1], [2, 0]),
    "broadcast": ([[0], [1]], [0, 2]),
    "list and slice": (slice(None), [0, 2], slice(1, 3)),
    "list behind": (Ellipsis, [3, 0, 0]),
    "lists apart": ([0, 1], slice(None), [1, 2]),
    "list and new dimension": (None, [1, 1]),
    "booleans": [True, False],
    "mask": numpy.arange(24).reshape(2, 3, 4) % 5 == 0,
    "mask of rows": numpy.array([[True, False, True], [False, False, True]]),
    "mask and slice": (slice(None), numpy.array([False, True, True]), slice(0, 2)),
    "mask and list": (numpy.array([True, True]), [0, 2]),
    "empty mask": numpy.zeros((2, 3), dtype=bool),
    "True": True,
    "False": False,
}
ALL = {
    "list": [0, 1],
    "mask": [True, True],
    "two lists": ([[0], [1]], [0, 1, 2]),
    "list behind": (Ellipsis, [0, 1, 2, 3]),
}
REFUSED = {
    "negative step": (slice(None, None, -1), ValueError, "step must be greater than zero"),
    "step of zero": (slice(None, None, 0), ValueError, "step must be greater than zero|slice step cannot be zero"),
    "beyond the end": (2, IndexError, "index 2 is out of bounds for dimension 0 with size 2"),
    "before the start": ((0, -4), IndexError, "index -4 is out of bounds for dimension 1 with size 3"),
    "too many": ((0, 0, 0, 0), IndexError, "too many indices for tensor of dimension 3"),
    "float": (1.0, IndexError, "valid indices"),
    "text": ("a", (TypeError, IndexError), "invalid data type 'str'|valid indices"),
    "list beyond the end": ([0, 2], IndexError, "index 2 is out of bounds for dimension 0 with size 2"),
    "list before the start": ([-3], IndexError, "index -3 is out of bounds for dimension 0 with size 2"),
    "lists of unequal length": (([0, 1], [0, 1, 2]), IndexError, "could not be broadcast together"),
    "mask of another shape": ([True, False, True], IndexError, "shape of the mask"),
}


def table(device):
    """A tensor of 2 × 3 × 4 fractions, and the array of them."""
    array = numpy.arange(24, dtype="float32").reshape(2, 3, 4) + 0.5
    return torch.from_numpy(array.copy()).to(device), array


def indices(*sizes):
    """Index expressions of a number or a slice with a positive step for each of these sizes."""
    slices = [st.slices(size).filter(lambda part: (part.step or 1) > 0) for size in sizes]
    numbers = [st.integers(-size, size - 1) if size else st.nothing() for size in sizes]
    return st.tuples(*(one | other for one, other in zip(slices, numbers)))


def as_tensors(index, device):
    """The index with tensors for arrays and lists."""
    if isinstance(index, tuple):
        return tuple(as_tensors(part, device) for part in index)
    if not isinstance(index, (list, numpy.ndarray)):
        return index
    return torch.as_tensor(index, dtype=None if len(numpy.ravel(index)) else torch.int64, device=device)


@fact("torch.Tensor.__getitem__", claims=["T05"])
@pytest.mark.parametrize("index", BASIC.values(), ids=BASIC)
def test_numbers_and_slices_give_what_they_give_in_numpy(device, index):
    """`x[index]` with numbers, slices of a positive step, None and `...` selects what NumPy's selects."""
    x, array = table(device)
    same(x[index], array[index])


@fact("torch.Tensor.__getitem__", claims=["T05"])
@given(data=st.data(), shape=shapes(max_dims=3))
def test_drawn_numbers_and_slices_give_what_they_give_in_numpy(device, data, shape):
    """`x[index]` of a number or slice for each dimension selects what NumPy's does, of empty tensors too."""
    index = data.draw(indices(*shape))
    array = numpy.arange(numpy.prod(shape, dtype=int)).reshape(shape)
    same(torch.from_numpy(array).to(device)[index], array[index])


@fact("torch.Tensor.__getitem__", claims=["T05"])
@pytest.mark.parametrize("index", [name for name in BASIC if name not in ("nothing left",)])
def test_numbers_and_slices_give_views(device, index):
    """`x[index]` with numbers, slices, None and `...` is a view: it shares memory with `x`."""
    x, _ = table(device)
    assert shares(x[BASIC[index]], x)


@fact("torch.Tensor.__getitem__", claims=["T05"])
@pytest.mark.parametrize("index", ADVANCED)
def test_lists_and_masks_give_what_they_give_in_numpy(device, index):
    """`x[index]` with tensors of positions and masks, alone or beside slices, selects what NumPy's selects."""
    x, array = table(device)
    same(x[as_tensors(ADVANCED[index], device)], array[ADVANCED[index]])


@fact("torch.Tensor.__getitem__", claims=["T05"])
@pytest.mark.parametrize("index", [name for name in ADVANCED if "list" in name or name in ("none", "booleans")])
def test_python_lists_are_read_as_tensors(device, index):
    """`x[[1, 0]]` reads a list, alone or beside slices, as the tensor of it."""
    x, array = table(device)
    same(x[ADVANCED[index]], array[ADVANCED[index]])


@fact("torch.Tensor.__getitem__", claims=["T05"])
@pytest.mark.parametrize("index", ALL.values(), ids=ALL)
def test_lists_and_masks_give_copies(device, index):
    """`x[[0, 1]]` and `x[mask]` are copies, in memory of their own, even where they select all of `x`."""
    x, array = table(device)
    y = x[as_tensors(index, device)]
    assert not shares(y, x)
    same(y, array)


@fact("torch.Tensor.__getitem__", claims=["T05"], myth="indexing works exactly as in NumPy", hint="x.flip(0)")
@pytest.mark.filterwarnings("ignore:Using a non-tuple sequence")
@pytest.mark.parametrize(("index", "error", "words"), REFUSED.values(), ids=REFUSED)
def test_index_is_refused(device, index, error, words):
    """`x[::-1]` (step must be greater than zero), an index out of bounds and others that do not fit are refused."""
    x, _ = table(device)
    with pytest.raises(error, match=words):
        x[index]


@fact("torch.Tensor.__getitem__", claims=["T05"], myth="indexing works exactly as in NumPy")
def test_number_and_list_apart_stay_where_they_are(device):
    """`x[0, :, [0, 1]]` drops the number's dimension only, where NumPy takes the number for a list of its own."""
    x, array = table(device)
    same(x[0, :, [0, 1]], array[0][:, [0, 1]])
    assert array[0, :, [0, 1]].shape == (2, 3)


@fact("torch.Tensor.__getitem__", claims=["T05", "T10"], myth="indexing one element gives a number, as in NumPy")
def test_one_element_is_a_tensor(device):
    """`x[1, 2, 3]` of one element is a tensor without dimensions that shares memory, not a Python number."""
    x, array = table(device)
    y = x[1, 2, 3]
    same(y, numpy.array(array[1, 2, 3]))
    y.fill_(7)
    assert x[1, 2, 3].item() == 7


@fact("torch.Tensor.__getitem__")
@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
def test_tensor_of_integers_is_an_index(device, dtype):
    """`x[i]` takes a tensor of int32 or of int64 for positions, negative ones from the end."""
    x, array = table(device)
    same(x[torch.tensor([[1, -1]], dtype=dtype, device=device)], array[[[1, -1]]])


@fact("torch.Tensor.__getitem__")
@pytest.mark.parametrize("dtype", [torch.int8, torch.int16, torch.float32, torch.complex64])
def test_tensor_of_other_numbers_is_no_index(device, dtype):
    """`x[i]` refuses a tensor of floats, complex numbers, int8 or int16: tensors used as indices must be long."""
    x, _ = table(device)
    with pytest.raises(IndexError, match="tensors used as indices must be"):
        x[torch.tensor([1, 0], device=device).to(dtype)]


@fact("torch.Tensor.__getitem__", myth="a tensor of uint8 holds positions", hint="index.long()")
@pytest.mark.filterwarnings("ignore:indexing with dtype torch.uint8")
def test_tensor_of_bytes_is_a_mask(device):
    """`x[i]` takes a tensor of uint8 for a mask, not positions: where it is not zero it selects."""
    x = torch.tensor([0.5, 1.5, 2.5], device=device)
    same(x[torch.tensor([1, 0, 2], dtype=torch.uint8, device=device)], torch.tensor([0.5, 2.5]))


@fact("torch.Tensor.__getitem__")
@pytest.mark.parametrize("index", [..., (), None, True, False], ids=["ellipsis", "nothing", "None", "True", "False"])
def test_no_dimension_takes_ellipsis_none_and_booleans(device, index):
    """`x[...]`, `x[None]`, `x[True]` and `x[False]` of a tensor without dimensions give what they do in NumPy."""
    x = torch.tensor(1.5, device=device)
    same(x[index], numpy.array(1.5, dtype="float32")[index])


@fact("torch.Tensor.__getitem__")
def test_no_dimension_takes_no_number(device):
    """`x[0]` of a tensor without dimensions is refused: invalid index of a 0-dim tensor."""
    x = torch.tensor(1.5, device=device)
    with pytest.raises(IndexError, match="invalid index of a 0-dim tensor"):
        x[0]


@fact("torch.Tensor.__getitem__")
@pytest.mark.parametrize("index", [*BASIC, *ADVANCED])
def test_gradient_goes_to_what_was_selected(device, index):
    """The gradient of `x[index]` is added where it was selected from, and is zero elsewhere."""
    x, array = table(device)
    x.requires_grad_()
    index = {**BASIC, **ADVANCED}[index]
    y = x[as_tensors(index, device)]
    weights = numpy.arange(1, 1 + numpy.prod(y.shape, dtype=int), dtype="float32").reshape(y.shape)
    y.backward(torch.from_numpy(weights).to(device))
    want = numpy.zeros_like(array)
    numpy.add.at(want, index, weights)
    same(x.grad, want)


@fact("torch.Tensor.__getitem__")
@pytest.mark.parametrize("lie", ["transposed", "stepped", "offset", "expanded"])
@pytest.mark.parametrize("index", [name for name in ADVANCED if name not in ("True", "False")])
def test_lists_select_the_same_of_any_layout(device, lie, index):
    """`x[index]` of lists and masks selects the same of a transposed, stepped, offset or expanded `x`."""
    x, array = table(device)
    lies = {
        "transposed": lambda: x.permute(2, 0, 1).contiguous().permute(1, 2, 0),
        "stepped": lambda: x.repeat_interleave(2, dim=2)[:, :, ::2],
        "offset": lambda: torch.cat([x, x])[2:],
        "expanded": lambda: x[:1].expand(2, 3, 4),
    }
    array = numpy.stack([array[0]] * 2) if lie == "expanded" else array
    same(lies[lie]()[as_tensors(ADVANCED[index], device)], array[ADVANCED[index]])
