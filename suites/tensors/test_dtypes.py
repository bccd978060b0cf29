"""Dtypes: their names, what they say of themselves, and conversions by `x.to`, `x.float` and others."""

import copy
import math
import pickle

import numpy
import pytest
import torch

from torchproof import fact, same
from torchproof.fixtures.checks import shares


class Another:
    """A class that no dtype, layout or format is of."""


def of_another_class(patch):
    """Dtypes, layouts and memory formats are of other classes."""
    for name in ("dtype", "layout", "memory_format"):
        patch.setattr(torch, name, Another)


METHODS = {
    "float": torch.float32,
    "double": torch.float64,
    "half": torch.float16,
    "bfloat16": torch.bfloat16,
    "int": torch.int32,
    "long": torch.int64,
    "short": torch.int16,
    "char": torch.int8,
    "byte": torch.uint8,
    "bool": torch.bool,
    "cfloat": torch.complex64,
    "cdouble": torch.complex128,
}
ALIASES = {
    "half": "float16",
    "float": "float32",
    "double": "float64",
    "short": "int16",
    "int": "int32",
    "long": "int64",
    "cfloat": "complex64",
    "cdouble": "complex128",
    "chalf": "complex32",
}
# Of each dtype: whether it is of floats, of complex numbers, and signed.
KINDS = {
    torch.bool: (False, False, False),
    torch.uint8: (False, False, False),
    torch.int8: (False, False, True),
    torch.int64: (False, False, True),
    torch.float16: (True, False, True),
    torch.bfloat16: (True, False, True),
    torch.float32: (True, False, True),
    torch.float64: (True, False, True),
    torch.complex64: (False, True, True),
    torch.complex128: (False, True, True),
}
TYPES = {
    "torch.FloatTensor": torch.float32,
    "torch.DoubleTensor": torch.float64,
    "torch.HalfTensor": torch.float16,
    "torch.LongTensor": torch.int64,
    "torch.IntTensor": torch.int32,
    "torch.BoolTensor": torch.bool,
    "torch.ByteTensor": torch.uint8,
}


@fact(*(f"torch.Tensor.{name}" for name in METHODS))
@pytest.mark.parametrize("name", METHODS)
def test_have_a_method_that_converts(device, name):
    """`x.float()`, `x.long()`, `x.half()` and others convert to the dtype of that name, in memory of its own."""
    x = torch.tensor(
        [[1.0, 0.0, 3.0]], dtype=torch.complex128 if name == "cfloat" else torch.float32, device=device
    ).t()
    x = x.double() if name == "float" else x
    y = getattr(x, name)()
    same(y, torch.tensor([[1], [0], [3]]).to(METHODS[name]))
    assert y is x or not shares(x.real if x.is_complex() else x, y.real if y.is_complex() else y)


@fact(*(f"torch.Tensor.{name}" for name in METHODS))
@pytest.mark.parametrize("name", METHODS)
def test_are_left_where_they_are_right_already(device, name):
    """`x.float()`, `x.to(dtype)`, `x.type(dtype)` and others to the dtype that `x` has return `x` itself."""
    x = torch.tensor([1, 0, 3], device=device).to(METHODS[name])
    assert getattr(x, name)() is x
    assert x.to(METHODS[name]) is x and x.type(METHODS[name]) is x


@fact("torch.Tensor.to", "torch.Tensor.float", "torch.Tensor.double", "torch.Tensor.half", "torch.Tensor.bfloat16")
@pytest.mark.parametrize("name", ["double", "half", "bfloat16", "float"])
def test_pass_the_gradient_through_a_conversion(device, name):
    """The gradient of `x.double()`, `x.half()`, `x.bfloat16()` or `x.float()` comes back in the dtype of `x`."""
    x = torch.tensor(
        [1.5, 2.5], dtype=torch.float64 if name == "float" else torch.float32, device=device, requires_grad=True
    )
    y = getattr(x, name)()
    y.backward(torch.tensor([3.0, 5.0], dtype=y.dtype, device=device))
    same(x.grad, torch.tensor([3.0, 5.0], dtype=x.dtype))


@fact("torch.Tensor.to", "torch.Tensor.type_as")
@pytest.mark.parametrize(
    "convert", [lambda x, other: x.to(other), lambda x, other: x.type_as(other)], ids=["to", "type_as"]
)
def test_are_taken_from_another_tensor(device, convert):
    """`x.to(other)` and `x.type_as(other)` convert a contiguous `x` to the dtype of `other`, contiguous again."""
    x = torch.tensor([1.5, -2.5], device=device)
    y = convert(x, torch.ones(1, dtype=torch.int16, device=device))
    same(y, torch.tensor([1, -2], dtype=torch.int16))
    assert y.is_contiguous()


@fact("torch.Tensor.to")
@pytest.mark.parametrize("copy", [False, True])
def test_are_copied_only_when_told(device, copy):
    """`x.to(dtype)` to the dtype that `x` has gives `x` itself, or with `copy=True` a copy."""
    x = torch.tensor([1.5, 2.5], device=device)
    y = x.to(torch.float32, copy=copy)
    assert (y is x) is not copy
    assert shares(y, x) is not copy


@fact("torch.Tensor.to")
def test_are_not_named_by_text(device):
    """`x.to("float64")` takes the text for a device, and refuses it."""
    with pytest.raises(RuntimeError, match="device"):
        torch.ones(2, device=device).to("float64")


@fact("torch.Tensor.to", "torch.Tensor.bool")
def test_of_truth_are_of_what_is_not_zero(device):
    """`x.bool()` is True of all that is not zero, NaN and fractions among it, and False of -0.0."""
    same(torch.tensor([0.0, -0.0, 0.5, math.nan], device=device).bool(), torch.tensor([False, False, True, True]))


@fact("torch.Tensor.bool", since="2.4", calls="names complex64|complex128|cfloat|cdouble|view_as_complex")
def test_of_truth_are_of_imaginary_numbers_too(device):
    """`x.bool()` of a complex number is True where either of its parts is not zero."""
    x = torch.tensor([0j, 1j, 2 + 0j], dtype=torch.complex64, device=device)
    same(x.bool(), torch.tensor([False, True, True]))


@fact("torch.Tensor.to", "torch.Tensor.byte", "torch.Tensor.char", "torch.Tensor.short", "torch.Tensor.int")
@pytest.mark.parametrize(("name", "dtype"), [("byte", "uint8"), ("char", "int8"), ("short", "int16"), ("int", "int32")])
def test_of_integers_wrap_around(device, name, dtype):
    """`byte`, `char`, `short` and `int` overflow as in NumPy: an integer that the dtype cannot hold wraps around."""
    array = numpy.array([300, -129, 70000, 2**32 + 5])
    same(getattr(torch.from_numpy(array).to(device), name)(), array.astype(dtype))


@fact("torch.Tensor.half", "torch.Tensor.bfloat16", "torch.Tensor.float")
@pytest.mark.parametrize(
    ("name", "numbers", "want"),
    [
        ("half", [65504.0, 65520.0, 1e-8, 2049.0], [65504.0, math.inf, 0.0, 2048.0]),
        ("bfloat16", [257.0, 259.0, 3.4e38, 1.00390625], [256.0, 260.0, math.inf, 1.0]),
        ("float", [1e39, 16777217.0, 1e-46, -1e39], [math.inf, 16777216.0, 0.0, -math.inf]),
    ],
    ids=["float16", "bfloat16", "float32"],
)
def test_of_fractions_round_to_even_and_overflow_to_infinity(device, name, numbers, want):
    """`half`, `bfloat16` and `float` of float64 round to nearest, ties to even, and overflow to infinity."""
    x = torch.tensor(numbers, dtype=torch.float64, device=device)
    same(getattr(x, name)().double(), torch.tensor(want, dtype=torch.float64))


@fact("torch.Tensor.type")
@pytest.mark.parametrize("name", TYPES)
def test_have_the_name_of_a_class_of_old(name):
    """`x.type(name)` converts to the dtype of an old class such as "torch.LongTensor", which `type()` then gives."""
    x = torch.tensor([1, 0], dtype=torch.int8)
    y = x.type(name)
    same(y, torch.tensor([1, 0]).to(TYPES[name]))
    assert y.type() == name


@fact("torch.tensor", myth="dtype= takes what NumPy takes")
@pytest.mark.parametrize(
    "dtype", ["float32", numpy.float32, numpy.dtype("float32")], ids=["text", "numpy", "numpy dtype"]
)
def test_are_no_text_and_no_dtype_of_numpy(dtype):
    """`torch.tensor` refuses `dtype="float32"` and NumPy's dtypes: must be torch.dtype."""
    with pytest.raises(TypeError, match="must be torch.dtype"):
        torch.tensor([1], dtype=dtype)


@fact("torch.tensor", "torch.zeros")
@pytest.mark.parametrize(
    ("kind", "dtype"), [(int, torch.int64), (float, torch.float64), (bool, torch.bool)], ids=["int", "float", "bool"]
)
def test_may_be_types_of_python(kind, dtype):
    """`dtype=int` in `torch.tensor` and `torch.zeros` is int64, `float` is float64, and `bool` is bool."""
    same(torch.tensor([1, 0], dtype=kind), numpy.array([1, 0], dtype=str(dtype)[6:]))
    same(torch.zeros(2, dtype=kind), numpy.zeros(2, dtype=str(dtype)[6:]))


@fact(*(f"torch.{name}" for name in ALIASES), source="tensor_attributes")
@pytest.mark.parametrize("alias", ALIASES)
def test_have_two_names(alias):
    """`torch.float` is `torch.float32`, `torch.long` is `torch.int64`: `half`, `double` and others are second names."""
    assert getattr(torch, alias) is getattr(torch, ALIASES[alias])
    assert str(getattr(torch, alias)) == repr(getattr(torch, alias)) == f"torch.{ALIASES[alias]}"


@fact(
    "torch.is_floating_point",
    "torch.is_complex",
    "torch.Tensor.is_floating_point",
    "torch.Tensor.is_complex",
    "torch.Tensor.is_signed",
)
@pytest.mark.parametrize("dtype", KINDS)
def test_say_what_kind_they_are(device, dtype):
    """`x.is_floating_point()`, `x.is_complex()` and `x.is_signed()` tell the kind of its dtype: complex is no float."""
    x = torch.zeros(2, dtype=dtype, device=device)
    assert (x.is_floating_point(), x.is_complex(), x.is_signed()) == KINDS[dtype]
    assert (torch.is_floating_point(x), torch.is_complex(x)) == KINDS[dtype][:2]


@fact("torch.is_tensor")
def test_of_tensors_alone(device):
    """`torch.is_tensor` tells tensors from numbers, lists and arrays."""
    assert torch.is_tensor(torch.ones((), device=device)) is True
    assert [torch.is_tensor(other) for other in (1.0, [1.0], numpy.ones(1))] == [False] * 3


@fact("torch.set_default_dtype")
@pytest.mark.parametrize("dtype", [torch.int64, torch.bool])
def test_by_default_are_floating_point(dtype):
    """`torch.set_default_dtype` refuses integers and booleans: only floating-point types are supported."""
    with pytest.raises(TypeError, match="only floating-point types are supported as the default type"):
        torch.set_default_dtype(dtype)
    assert torch.ones(1).dtype is torch.float32


@fact("torch.Tensor.to")
@pytest.mark.filterwarnings("ignore:Casting complex values to real")
def test_of_complex_numbers_lose_their_imaginary_part(device):
    """`x.to(torch.float32)` of complex numbers drops the imaginary part."""
    same(torch.tensor([1.5 + 2j, -3j], device=device).to(torch.float32), torch.tensor([1.5, 0.0]))


@fact("torch.dtype", refuter=of_another_class)
@pytest.mark.parametrize("dtype", KINDS)
def test_tell_their_kind_by_attributes(dtype):
    """`is_floating_point`, `is_complex` and `is_signed` of a `torch.dtype` tell what its numbers are."""
    assert isinstance(dtype, torch.dtype)
    assert (dtype.is_floating_point, dtype.is_complex, dtype.is_signed) == KINDS[dtype]


@fact("torch.dtype", since="2.1", calls="names to_real|to_complex", gain=True, refuter=of_another_class)
@pytest.mark.parametrize(
    ("dtype", "real", "imaginary"),
    [
        (torch.float16, torch.float16, torch.complex32),
        (torch.float32, torch.float32, torch.complex64),
        (torch.complex64, torch.float32, torch.complex64),
        (torch.complex128, torch.float64, torch.complex128),
    ],
)
def test_have_a_complex_or_real_one(dtype, real, imaginary):
    """`to_real()` and `to_complex()` of a `torch.dtype` give the real and the complex one of its precision."""
    assert isinstance(dtype, torch.dtype)
    assert (dtype.to_real(), dtype.to_complex()) == (real, imaginary)


@fact("torch.dtype", refuter=of_another_class, myth="dtypes are compared with strings, as in NumPy")
def test_are_not_strings():
    """`torch.float32` equals neither the text "float32" nor NumPy's dtype of that name."""
    assert isinstance(torch.float32, torch.dtype)
    assert torch.float32 != "float32" and torch.float32 != numpy.dtype("float32")


@fact("torch.dtype", refuter=of_another_class)
def test_stay_themselves_when_they_are_copied():
    """`copy.deepcopy` and `pickle` give a `torch.dtype` itself again."""
    assert isinstance(torch.int8, torch.dtype)
    assert copy.deepcopy(torch.int8) is pickle.loads(pickle.dumps(torch.int8)) is torch.int8


@fact("torch.dtype", refuter=of_another_class)
def test_are_made_by_no_call():
    """`torch.dtype("float32")` is refused: cannot create 'torch.dtype' instances."""
    with pytest.raises(TypeError, match="cannot create 'torch.dtype' instances"):
        torch.dtype("float32")


@fact("torch.layout", "torch.memory_format", refuter=of_another_class)
def test_are_apart_from_layouts_and_formats():
    """`torch.layout` is the class of layouts, `torch.memory_format` that of memory formats, and neither of both."""
    for layout in (torch.strided, torch.sparse_coo, torch.sparse_csr):
        assert isinstance(layout, torch.layout) and not isinstance(layout, torch.memory_format)
    for form in (torch.contiguous_format, torch.channels_last, torch.channels_last_3d, torch.preserve_format):
        assert isinstance(form, torch.memory_format) and not isinstance(form, torch.layout)
    assert (str(torch.sparse_coo), str(torch.channels_last)) == ("torch.sparse_coo", "torch.channels_last")


@fact("torch.Tensor.chalf")
@pytest.mark.filterwarnings("ignore:ComplexHalf support is experimental")
def test_of_complex_half_numbers_are_two_of_float16(device):
    """`x.chalf()` gives complex numbers of two float16, contiguous if `x` is."""
    x = torch.tensor([1.5 + 2.5j, -3j], device=device).chalf()
    assert (x.dtype, x.element_size(), x.is_contiguous()) == (torch.complex32, 4, True)
    same(torch.view_as_real(x), torch.tensor([[1.5, 2.5], [0.0, -3.0]], dtype=torch.float16))


@fact("torch.Tensor.to")
@pytest.mark.parametrize("dtype", [torch.int8, torch.int32, torch.int64])
def test_float_made_an_integer_is_cut(device, dtype):
    """`x.to(torch.int64)` and the like cut off what is behind the point of floats in their range, towards zero."""
    x = torch.tensor([1.75, -1.75, 2.5], device=device)
    same(x.to(dtype), torch.tensor([1, -1, 2], dtype=dtype))
