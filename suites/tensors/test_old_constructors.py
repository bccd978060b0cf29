"""The constructors of the first releases, `torch.LongTensor`, `torch.Tensor`, `x.new`, `Variable`, and their traps."""

import math

import numpy
import pytest
import torch

from torchproof import fact, same
from torchproof.fixtures.checks import shares

TYPES = {
    "BFloat16Tensor": torch.bfloat16,
    "BoolTensor": torch.bool,
    "ByteTensor": torch.uint8,
    "CharTensor": torch.int8,
    "DoubleTensor": torch.float64,
    "FloatTensor": torch.float32,
    "HalfTensor": torch.float16,
    "IntTensor": torch.int32,
    "LongTensor": torch.int64,
    "ShortTensor": torch.int16,
}
NAMES = [f"torch.{name}" for name in TYPES]
typed = pytest.mark.parametrize("name", TYPES)


class Wrong:
    """What stands for a constructor in the world where it makes something else."""

    def __call__(self, *arguments, **named):
        return torch.tensor([3.0, 9.0])

    def __instancecheck__(self, x):
        return False


def another(patch):
    """A constructor of the first releases gives other numbers of another dtype."""
    for name in TYPES:
        patch.setattr(torch, name, Wrong())


@fact(*NAMES, refuter=another)
@typed
def test_of_a_list_makes_its_numbers(name):
    """`torch.LongTensor` of a list and others make a contiguous CPU tensor of the dtype that they are named for."""
    x = getattr(torch, name)([[1, 0], [1, 1]])
    same(x, torch.tensor([[1, 0], [1, 1]]).to(TYPES[name]))
    assert (x.device.type, x.is_contiguous()) == ("cpu", True)


@fact(*NAMES, refuter=another, myth="LongTensor(3) holds the number 3", hint="torch.tensor(3)")
@typed
def test_of_a_number_makes_that_many(name):
    """`torch.LongTensor(3)` makes three elements that nobody has set: a number is a size."""
    assert getattr(torch, name)(3).shape == (3,)
    assert getattr(torch, name)(2, 3).shape == (2, 3)
    assert getattr(torch, name)(torch.Size([4])).dtype is TYPES[name]


@fact(*NAMES, refuter=another)
@typed
def test_of_nothing_makes_no_element(name):
    """`torch.LongTensor()` and others make a tensor without elements of the dtype that they are named for."""
    x = getattr(torch, name)()
    assert (x.shape, x.dtype) == ((0,), TYPES[name])


@fact(*NAMES, refuter=another)
@typed
def test_of_a_tensor_is_a_view_of_it(name):
    """`torch.FloatTensor` and others of a tensor of their dtype share its memory."""
    x = torch.tensor([1, 0, 1]).to(TYPES[name])
    y = getattr(torch, name)(x)
    same(y, x)
    assert shares(y, x)


@fact("torch.FloatTensor", "torch.LongTensor", refuter=another)
@pytest.mark.parametrize(("name", "dtype"), [("FloatTensor", torch.int64), ("LongTensor", torch.float32)])
def test_of_a_tensor_does_not_convert(name, dtype):
    """`torch.FloatTensor` refuses a tensor of int64, `torch.LongTensor` one of float32: expected TensorOptions."""
    with pytest.raises(TypeError, match="expected (TensorOptions|.*Tensor)"):
        getattr(torch, name)(torch.ones(2, dtype=dtype))


@fact("torch.FloatTensor", refuter=another)
def test_of_a_fraction_is_refused():
    """`torch.FloatTensor(3.5)` is refused: data must be a sequence (got float)."""
    with pytest.raises(TypeError, match="data must be a sequence \\(got float\\)"):
        torch.FloatTensor(3.5)


@fact("torch.LongTensor", refuter=another)
def test_of_fractions_cuts_them():
    """`torch.LongTensor` cuts the fractions of a list towards zero without an error."""
    same(torch.LongTensor([1.75, -1.75]), torch.tensor([1, -1]))


@fact("torch.ByteTensor", "torch.CharTensor", "torch.ShortTensor", refuter=another)
@pytest.mark.parametrize(
    ("name", "number"), [("ByteTensor", 256), ("CharTensor", 128), ("ShortTensor", 2**15)], ids=str
)
def test_of_too_large_a_number_is_refused(name, number):
    """`torch.ByteTensor` and others refuse a number of a list that their dtype does not hold: without overflow."""
    with pytest.raises(RuntimeError, match="without overflow"):
        getattr(torch, name)([number])


@fact("torch.FloatTensor", refuter=another)
def test_of_an_array_copies_and_converts():
    """`torch.FloatTensor` of a NumPy array of float64 copies its numbers to float32."""
    array = numpy.array([[1.5, 2.5]])
    x = torch.FloatTensor(array)
    array[0, 0] = 9
    same(x, torch.tensor([[1.5, 2.5]]))


@fact("torch.FloatTensor", refuter=another)
def test_does_not_take_part_in_a_graph():
    """`torch.FloatTensor` refuses `requires_grad=True`."""
    with pytest.raises(TypeError, match="requires_grad"):
        torch.FloatTensor([1.0], requires_grad=True)


@fact(*NAMES, refuter=another)
@typed
def test_is_a_type_that_tensors_are_asked_for(name):
    """`isinstance(x, torch.LongTensor)` asks for the dtype, though the type of any tensor is `torch.Tensor`."""
    x = torch.zeros(2, dtype=TYPES[name])
    assert isinstance(x, getattr(torch, name))
    assert not isinstance(torch.zeros(2, dtype=torch.complex64), getattr(torch, name))
    assert type(x) is torch.Tensor and x.type() == f"torch.{name}"


@fact("torch.Tensor.new")
@pytest.mark.parametrize("dtype", [torch.float64, torch.int16])
def test_of_new_has_the_dtype_of_its_tensor(device, dtype):
    """`x.new` of a list makes a contiguous tensor of its numbers in the dtype of `x`."""
    y = torch.zeros(5, dtype=dtype, device=device).new([[1, 2, 3]])
    same(y, torch.tensor([[1, 2, 3]], dtype=dtype))
    assert y.is_contiguous()


@fact("torch.Tensor.new", hint="x.new_empty((2, 3))")
def test_of_new_of_numbers_makes_that_shape(device):
    """`x.new(2, 3)` makes a tensor of that shape, and `x.new()` one without elements."""
    x = torch.zeros(5, device=device)
    assert (x.new(2, 3).shape, x.new().shape) == ((2, 3), (0,))


@fact("torch.scalar_tensor")
@pytest.mark.parametrize(
    ("number", "dtype", "want"),
    [
        (3, None, torch.tensor(3.0)),
        (True, None, torch.tensor(1.0)),
        (2.5, None, torch.tensor(2.5)),
        (2.5, torch.float64, torch.tensor(2.5, dtype=torch.float64)),
        (7, torch.int64, torch.tensor(7)),
        (math.inf, torch.float16, torch.tensor(math.inf, dtype=torch.float16)),
    ],
    ids=["int", "bool", "float", "float64", "int64", "float16"],
)
def test_scalar_is_a_float_unless_told(device, number, dtype, want):
    """`torch.scalar_tensor` makes a tensor of one number, of the default dtype for an integer too."""
    same(torch.scalar_tensor(number, dtype=dtype, device=device), want)


def a_copy(patch):
    """A variable is a copy."""
    patch.setattr(torch.autograd, "Variable", Wrong())


@fact("torch.autograd.Variable", refuter=a_copy)
def test_variable_is_a_tensor(device):
    """`torch.autograd.Variable(x, requires_grad=True)` is a plain tensor that requires grad, in the memory of `x`."""
    x = torch.tensor([1.5, 2.5], device=device)
    y = torch.autograd.Variable(x, requires_grad=True)
    assert (type(y), y.requires_grad, x.requires_grad) == (torch.Tensor, True, False)
    assert shares(y.detach(), x)


@fact("torch.autograd.Variable", refuter=a_copy)
def test_variable_is_what_every_tensor_is(device):
    """`isinstance(x, torch.autograd.Variable)` is true of any tensor."""
    assert isinstance(torch.tensor([1.5, 2.5], device=device), torch.autograd.Variable)


class Mine:
    """A class of the user."""


@fact("torch.typename")
@pytest.mark.parametrize(
    ("thing", "name"),
    [
        (torch.zeros(1, dtype=torch.int64), "torch.LongTensor"),
        (torch.zeros(1).half(), "torch.HalfTensor"),
        (torch.nn.Linear(1, 1), "torch.nn.modules.linear.Linear"),
        (torch.nn.Parameter, "torch.nn.parameter.Parameter"),
        (torch.float32, "torch.dtype"),
        ([1], "list"),
        (3, "int"),
        (Mine(), "Mine"),
    ],
    ids=["tensor", "half", "module", "class", "dtype", "list", "int", "mine"],
)
def test_name_of_a_type_is_told(thing, name):
    """`typename` tells the name of a type with its module, of a tensor the old name of its dtype."""
    assert torch.typename(thing).rpartition("test_old_constructors.")[2] == name


@fact("torch.tensor", "torch.Tensor", myth="torch.Tensor(3) is the tensor of the number 3", hint="torch.tensor(3)")
def test_tensor_with_a_capital_takes_a_number_for_a_size():
    """`torch.Tensor(3)` has three elements that nobody has set, and `torch.tensor(3)` is the number 3."""
    assert torch.Tensor(3).shape == (3,)
    same(torch.tensor(3), numpy.array(3))


@fact("torch.tensor", "torch.Tensor", myth="torch.Tensor([1]) keeps the integers", hint="torch.tensor([1])")
def test_tensor_with_a_capital_makes_float32():
    """`torch.Tensor([1])` makes float32 of integers, where `torch.tensor([1])` keeps int64."""
    same(torch.Tensor([1]), numpy.array([1.0], dtype="float32"))
    same(torch.tensor([1]), numpy.array([1]))


@fact("torch.tensor", "torch.Tensor", hint="torch.tensor([1.0], requires_grad=True)")
@pytest.mark.parametrize("option", [{"dtype": torch.float32}, {"requires_grad": True}], ids=["dtype", "requires_grad"])
def test_tensor_with_a_capital_takes_no_options(option):
    """`torch.Tensor([1.0], dtype=...)` or `requires_grad=True` is a TypeError, `torch.tensor` takes both."""
    with pytest.raises(TypeError, match="received an invalid combination of arguments"):
        torch.Tensor([1.0], **option)
    x = torch.tensor([1.0], **option)
    assert (x.dtype, x.requires_grad, x.item()) == (torch.float32, "requires_grad" in option, 1.0)
