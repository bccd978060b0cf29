"""From tensors to Python's numbers, truth values and loops: `item`, `tolist`, `bool`, `len`, `in`, and 0-d tensors."""

import math

import numpy
import pytest
import torch

from torchproof import fact, same
from torchproof.fixtures.checks import shares

VALUES = {
    "bool": (True, torch.bool),
    "uint8": (200, torch.uint8),
    "int64": (-(2**62) - 1, torch.int64),
    "float64": (0.1, torch.float64),
    "float16": (1.5, torch.float16),
    "bfloat16": (-2.5, torch.bfloat16),
    "complex64": (1.5 - 2.5j, torch.complex64),
    "infinity": (-math.inf, torch.float32),
}
CONVERSIONS = {"int": int, "float": float, "complex": complex, "bool": bool}
NUMBERS = ["torch.Tensor.__int__", "torch.Tensor.__float__", "torch.Tensor.__complex__", "torch.Tensor.__bool__"]

of_values = pytest.mark.parametrize(("value", "dtype"), VALUES.values(), ids=VALUES)


@fact("torch.Tensor.item", claims=["T10"])
@of_values
@pytest.mark.parametrize("shape", [(), (1,), (1, 1, 1)], ids=str)
def test_item_is_a_python_number(device, value, dtype, shape):
    """`x.item()` of one element, in any number of dimensions, gives the Python number of its dtype's kind."""
    y = torch.full(shape, value, dtype=dtype, device=device).item()
    assert (type(y), y) == (type(value), value)


@fact("torch.Tensor.item", claims=["T10"], hint="x.tolist()")
@pytest.mark.parametrize("shape", [(0,), (2,), (1, 2)], ids=str)
def test_item_of_several_is_refused(device, shape):
    """`x.item()` of none or several is refused: "a Tensor with 2 elements cannot be converted to Scalar"."""
    with pytest.raises(RuntimeError, match=r"a Tensor with \d elements cannot be converted to Scalar"):
        torch.zeros(shape, device=device).item()


@fact("torch.Tensor.item")
def test_item_of_float32_is_rounded_already(device):
    """`x.item()` gives the rounded number that the tensor holds, as a Python float of twice the precision."""
    y = torch.tensor(0.1, device=device).item()
    assert y != 0.1 and y == float(numpy.float32(0.1))


@fact("torch.Tensor.item", "torch.Tensor.tolist")
@pytest.mark.parametrize("read", ["item", "tolist"])
def test_item_leaves_the_graph(device, read):
    """`x.item()` and `tolist()` read a tensor that requires grad as they read another one."""
    x = torch.tensor(1.5, device=device, requires_grad=True)
    assert getattr(x * 3, read)() == 4.5


@fact("torch.Tensor.tolist")
@of_values
def test_list_is_of_python_numbers(device, value, dtype):
    """`x.tolist()` gives nested lists of Python numbers, of the same kind as `item()` gives."""
    y = torch.full((2, 1), value, dtype=dtype, device=device).tolist()
    assert (y, type(y[0][0])) == ([[value], [value]], type(value))


@fact("torch.Tensor.tolist")
def test_list_has_the_shape(device):
    """`x.tolist()` gives a number without dimensions, and else a level of lists for each, down to an empty one."""
    shapes = [(), (0,), (0, 3), (2, 0), (1, 2)]
    lists = [torch.full(shape, 1.5, device=device).tolist() for shape in shapes]
    assert lists == [1.5, [], [], [[], []], [[1.5, 1.5]]]


@fact("torch.Tensor.tolist")
@pytest.mark.parametrize(
    "view", [lambda x: x.t(), lambda x: x[:, ::2], lambda x: x[1:, 1:], lambda x: x[0].expand(2, 3)],
    ids=["transposed", "stepped", "offset", "expanded"],
)  # fmt: skip
def test_list_of_a_view_has_its_order(device, view):
    """`x.tolist()` of a view lists the elements in the view's order, not in that of memory."""
    x = view(torch.tensor([[1.5, 2.5, 3.5], [4.5, 5.5, 6.5]], device=device))
    assert x.tolist() == [[x[i, j].item() for j in range(x.shape[1])] for i in range(x.shape[0])]


@fact(*NUMBERS, claims=["T10"])
@pytest.mark.parametrize("name", CONVERSIONS)
@pytest.mark.parametrize(
    ("value", "dtype"), [(1.75, torch.float32), (-2, torch.int64), (0, torch.int8), (1, torch.bool)]
)
def test_number_is_made_of_one_element(device, name, value, dtype):
    """`int`, `float`, `complex` and `bool` of one element give what they give of its number: `int` cuts."""
    convert = CONVERSIONS[name]
    y = convert(torch.tensor([[value]], dtype=dtype, device=device))
    assert (type(y), y) == (convert, convert(value))


@fact("torch.Tensor.__int__", "torch.Tensor.__float__", "torch.Tensor.__complex__")
@pytest.mark.parametrize("name", ["int", "float", "complex"])
@pytest.mark.parametrize("size", [0, 2])
def test_number_of_several_elements_is_refused(device, name, size):
    """`int(x)`, `float(x)` and `complex(x)` of several or no elements are refused: only one element tensors."""
    with pytest.raises((ValueError, RuntimeError), match="only one element tensors|cannot be converted to Scalar"):
        CONVERSIONS[name](torch.zeros(size, device=device))


@fact("torch.Tensor.__float__", "torch.Tensor.__int__")
@pytest.mark.parametrize("name", ["int", "float"])
def test_number_with_an_imaginary_part_is_refused(device, name):
    """`int(x)` and `float(x)` refuse to drop an imaginary part that is not zero: without overflow."""
    with pytest.raises(RuntimeError, match="without overflow"):
        CONVERSIONS[name](torch.tensor(1.5 + 2j, device=device))


@fact("torch.Tensor.__index__")
@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.int16])
def test_index_of_a_list_may_be_a_tensor(device, dtype):
    """A tensor of one integer, `torch.tensor(2)`, indexes a Python sequence, and counts for `range`."""
    i = torch.tensor(2, dtype=dtype, device=device)
    assert ("abc"[i], list(range(i))) == ("c", [0, 1])


@fact("torch.Tensor.__index__")
@pytest.mark.parametrize("values", [1.0, [1, 2]], ids=["float", "two"])
def test_index_that_is_no_integer_is_refused(device, values):
    """`torch.tensor(1.0)` and a tensor of several elements do not index a Python sequence: only integer tensors."""
    i = torch.tensor(values, device=device)
    with pytest.raises(TypeError, match="only integer tensors of a single element"):
        "abc"[i]


# --- truth


@fact("torch.Tensor.__bool__", "torch.is_nonzero", "torch.Tensor.is_nonzero")
@pytest.mark.parametrize("ask", [bool, torch.is_nonzero, torch.Tensor.is_nonzero], ids=["bool", "function", "method"])
@pytest.mark.parametrize("number", [0.0, -0.0, 1.5, math.nan, 1e-40], ids=str)
def test_truth_of_one_element_is_that_of_its_number(device, ask, number):
    """`bool(x)` and `torch.is_nonzero(x)` of one element are True where its number is not zero, NaN included."""
    assert ask(torch.tensor([number], device=device, dtype=torch.float64)) is bool(number)


@fact("torch.Tensor.__bool__", "torch.is_nonzero", hint="x.any() or x.all()")
@pytest.mark.parametrize("ask", [bool, torch.is_nonzero], ids=["bool", "is_nonzero"])
@pytest.mark.parametrize("size", [0, 2])
def test_truth_of_several_elements_is_refused(device, ask, size):
    """`bool(x)`, as in `if x:`: Boolean value of Tensor with more than one value is ambiguous, or with no values."""
    with pytest.raises(RuntimeError, match="Boolean value of Tensor with (no values|more than one value) is ambiguous"):
        ask(torch.ones(size, device=device))


@fact("torch.eq")
@pytest.mark.parametrize("other", ["a", None], ids=["text", "None"])
def test_comparison_with_no_number_is_false(device, other):
    """`==` of a tensor and what is no number gives False, rather than a tensor."""
    assert (torch.ones(2, device=device) == other) is False


def hashed_by_value(patch):
    """A dictionary finds a tensor by its values."""
    patch.setattr(torch.Tensor, "__hash__", lambda self: hash(self.item()))


@fact("torch.Tensor", refuter=hashed_by_value)
def test_hash_is_of_the_object(device):
    """`hash(x)` is of the object: a dictionary finds a tensor by identity, not by its values."""
    x = torch.tensor(1, device=device)
    assert x in {x: "a"}
    assert torch.tensor(1, device=device) not in {x: "a"}


# --- loops


@fact("torch.Tensor.__len__", "torch.Tensor.__iter__", claims=["T09"])
@pytest.mark.parametrize("shape", [(3,), (2, 3), (0, 3), (3, 0)], ids=str)
def test_loop_goes_over_the_first_dimension(device, shape):
    """`for row in x` gives `len(x)` tensors of one dimension less, the size of the first dimension."""
    want = numpy.arange(numpy.prod(shape), dtype="float32").reshape(shape)
    x = torch.from_numpy(want).to(device)
    rows = list(x)
    assert len(x) == len(rows) == shape[0]
    same(torch.tensor([row.tolist() for row in rows]).reshape(shape), want)


@fact("torch.Tensor.__iter__")
def test_loop_gives_views(device):
    """A write to what `for row in x` gives is seen in `x`."""
    x = torch.zeros(2, 2, device=device)
    for row, number in zip(x, [1.5, 2.5], strict=True):
        row[0] = number
    same(x, torch.tensor([[1.5, 0.0], [2.5, 0.0]]))


@fact("torch.Tensor.__len__", "torch.Tensor.__iter__")
@pytest.mark.parametrize(
    ("ask", "words"), [(len, "len() of a 0-d tensor"), (iter, "iteration over a 0-d tensor")], ids=["len", "iter"]
)
def test_loop_over_no_dimension_is_refused(device, ask, words):
    """`len(x)` and `iter(x)` of a tensor without dimensions are refused: iteration over a 0-d tensor."""
    x = torch.tensor(3, device=device)
    with pytest.raises(TypeError, match=words.replace("(", r"\(").replace(")", r"\)")):
        ask(x)


@fact("torch.Tensor.__reversed__")
def test_loop_backwards_is_a_flipped_copy(device):
    """`reversed(x)` is a contiguous copy of `x`, its first dimension flipped; `x` stays as it is."""
    x = torch.tensor([[1.5, 2.5], [3.5, 4.5]], device=device)
    y = reversed(x)
    same(y, torch.tensor([[3.5, 4.5], [1.5, 2.5]]))
    same(x, torch.tensor([[1.5, 2.5], [3.5, 4.5]]))
    assert y.stride() == (2, 1) and not shares(y, x)


@fact("torch.Tensor.__contains__")
@pytest.mark.parametrize(("number", "want"), [(2.5, True), (2, False), (math.nan, False)], ids=str)
def test_membership_is_of_any_element(device, number, want):
    """`in` tells whether any element of any dimension equals a number: NaN none."""
    assert (number in torch.tensor([[1.5, math.nan], [2.5, 0.0]], device=device)) is want


@fact("torch.Tensor.__contains__")
@pytest.mark.parametrize("other", ["a", None, [1.0]], ids=["text", "None", "list"])
def test_membership_of_no_number_is_refused(device, other):
    """`in` refuses text, None and lists: __contains__ only supports Tensor or scalar."""
    x = torch.ones(2, device=device)
    with pytest.raises(RuntimeError, match="__contains__ only supports Tensor or scalar"):
        other in x


# --- without dimensions


@fact("torch.Tensor.sum", "torch.Tensor.prod", "torch.Tensor.mean", "torch.Tensor.softmax", "torch.cumsum")
@pytest.mark.parametrize("name", ["sum", "prod", "mean", "softmax", "cumsum"])
@pytest.mark.parametrize("dim", [0, -1])
def test_number_without_dimensions_has_dimension_zero_all_the_same(device, name, dim):
    """`sum`, `mean`, `softmax` and others of a 0-d tensor take dimension 0 or -1: others are out of range."""
    x = torch.tensor(1.5, device=device)
    same(getattr(x, name)(dim), torch.tensor(1.0 if name == "softmax" else 1.5))
    with pytest.raises(IndexError, match="Dimension out of range"):
        getattr(x, name)(1)


@fact("torch.atleast_1d", "torch.atleast_2d", "torch.atleast_3d")
@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("shape", [(), (2,), (2, 3), (2, 3, 1), (1, 2, 1, 2)], ids=str)
def test_number_becomes_a_tensor_of_at_least_so_many_dimensions(device, dims, shape):
    """`atleast_1d`, `atleast_2d` and `atleast_3d` give views with dimensions of size 1 added, as NumPy does."""
    want = numpy.arange(1, 1 + numpy.prod(shape, dtype=int), dtype="float32").reshape(shape)
    x = torch.from_numpy(want.copy()).to(device)
    y = getattr(torch, f"atleast_{dims}d")(x)
    same(y, getattr(numpy, f"atleast_{dims}d")(want))
    assert shares(y, x)


@fact("torch.atleast_1d", "torch.atleast_2d", "torch.atleast_3d")
@pytest.mark.parametrize("dims", [1, 2, 3])
def test_number_and_others_are_given_at_least_so_many_dimensions(device, dims):
    """`atleast_1d`, `atleast_2d` and `atleast_3d` of several tensors, or of a list, give a tuple of them."""
    widen = getattr(torch, f"atleast_{dims}d")
    a, b = torch.tensor(1.5, device=device), torch.tensor([2.5], device=device)
    same(torch.stack(widen(a, b)), torch.tensor([1.5, 2.5]).reshape(2, *[1] * dims))
    assert type(widen([a, b])) is tuple
