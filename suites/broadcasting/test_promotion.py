"""Which dtype results have: two tensors, a number beside a tensor, `out=` and in place; shapes are in test_shapes."""

import operator

import numpy
import pytest
import torch

from torchproof import fact, same

KINDS = [
    [torch.bool],
    [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64],
    [torch.float16, torch.bfloat16, torch.float32, torch.float64],
    [torch.complex32, torch.complex64, torch.complex128],
]
DTYPES = [dtype for kind in KINDS for dtype in kind]
PARTS = {torch.complex32: torch.float16, torch.complex64: torch.float32, torch.complex128: torch.float64}
COMPUTED = [dtype for dtype in DTYPES if dtype != torch.complex32]
JOINS = {
    "mul": torch.mul,
    "cat": lambda a, b: torch.cat([a, b]),
    "stack": lambda a, b: torch.stack([a, b]),
    "where": lambda a, b: torch.where(torch.tensor([True, False]), a, b),
}
SHAPED = {"mul": [1, 0], "cat": [1, 0, 1, 0], "stack": [[1, 0], [1, 0]], "where": [1, 0]}
NUMBERS = {"bool": True, "int": 2, "float": 2.5}
REAL = [dtype for dtype in DTYPES if not dtype.is_complex]
FRACTIONS = ["sqrt", "exp", "sin", "sigmoid", "reciprocal", "log1p", "atan", "rsqrt"]


def kind(dtype):
    """The category: 0 for booleans, 1 for integers, 2 for floating point, 3 for complex numbers."""
    return next(number for number, kind in enumerate(KINDS) if dtype in kind)


def promoted(a, b):
    """The smallest dtype of the higher category that can hold both."""
    if kind(a) == kind(b) == 3:
        return max(a, b, key=DTYPES.index)
    if 3 in (kind(a), kind(b)):
        part = promoted(PARTS.get(a, a), PARTS.get(b, b))
        return next(whole for whole, of in PARTS.items() if of == part)
    if kind(a) != kind(b):
        return max(a, b, key=kind)
    mixed = {
        frozenset([torch.uint8, torch.int8]): torch.int16,
        frozenset([torch.float16, torch.bfloat16]): torch.float32,
    }
    return mixed.get(frozenset([a, b]), max(a, b, key=DTYPES.index))


@fact("torch.promote_types", source="tensor_attributes")
@pytest.mark.parametrize("dtype", REAL)
def test_of_two_dtypes_is_the_smallest_that_holds_both(dtype):
    """`torch.promote_types` of real dtypes gives that of the higher category, or of one category the least for both."""
    want = {other: promoted(dtype, other) for other in REAL}
    assert {other: torch.promote_types(dtype, other) for other in REAL} == want


@fact("torch.promote_types", source="tensor_attributes")
@pytest.mark.parametrize("dtype", PARTS)
def test_of_a_complex_dtype_is_as_precise_as_its_parts(dtype):
    """`torch.promote_types` of a complex dtype, first or second, gives the complex one of its parts' promoted dtype."""
    want = {other: promoted(dtype, other) for other in DTYPES}
    assert {other: torch.promote_types(dtype, other) for other in DTYPES} == want
    assert {other: torch.promote_types(other, dtype) for other in DTYPES} == want


@fact("torch.promote_types", "torch.float8_e4m3fn", since="2.2", calls="passes float8_*")
@pytest.mark.parametrize("name", ["float8_e4m3fn", "float8_e5m2"])
def test_of_eight_bit_floats_is_refused(name):
    """`torch.promote_types` refuses float8 with float32: Promotion for Float8 Types is not supported."""
    with pytest.raises(RuntimeError, match="Promotion for Float8"):
        torch.promote_types(getattr(torch, name), torch.float32)


@fact("torch.mul", "torch.cat", "torch.stack", "torch.where", source="tensor_attributes")
@pytest.mark.parametrize("name", JOINS)
@pytest.mark.parametrize("dtype", COMPUTED)
def test_of_two_tensors_is_that_of_their_dtypes(name, dtype):
    """`mul`, `cat`, `stack` and `where` of vectors of two dtypes give a contiguous tensor of the promoted dtype."""
    x = torch.tensor([1, 0]).to(dtype)
    results = {other: JOINS[name](x, torch.tensor([1, 0]).to(other)) for other in COMPUTED}
    assert {other: y.dtype for other, y in results.items()} == {other: promoted(dtype, other) for other in COMPUTED}
    want = numpy.array(SHAPED[name])
    assert all(y.shape == want.shape and y.is_contiguous() for y in results.values())
    assert all((y.to(torch.complex128).numpy() == want).all() for y in results.values())


@fact(
    "torch.add",
    "torch.result_type",
    source="tensor_attributes",
    myth="a float64 number makes the result float64",
)
@pytest.mark.parametrize("dtype", COMPUTED)
@pytest.mark.parametrize("number", NUMBERS)
def test_of_a_number_counts_by_its_kind_only(device, dtype, number):
    """`x + 2.5` changes the dtype of `x` only where the number is of a higher category: int64 or the default one."""
    x, value = torch.tensor([3, 4], device=device).to(dtype), NUMBERS[number]
    rank = list(NUMBERS).index(number)
    want = [None, torch.int64, torch.float32][rank] if rank > kind(dtype) else dtype
    assert torch.result_type(x, value) == (x + value).dtype == (value + x).dtype == want


@fact("torch.add", "torch.result_type", source="tensor_attributes")
@pytest.mark.parametrize(
    ("dtype", "want"),
    [
        (torch.bool, torch.complex64),
        (torch.int64, torch.complex64),
        (torch.float32, torch.complex64),
        (torch.float64, torch.complex128),
        (torch.complex128, torch.complex128),
    ],
)
def test_of_a_complex_number_has_the_precision_of_the_tensor(device, dtype, want):
    """`x + 2j` is complex in the precision of `x`, or in the default one where `x` is of integers."""
    x = torch.tensor([1, 0], device=device).to(dtype)
    assert torch.result_type(x, 2j) == want
    same(x + 2j, torch.tensor([1 + 2j, 2j], dtype=want))


@fact("torch.add", "torch.result_type", source="tensor_attributes")
@pytest.mark.parametrize("dtype", REAL)
def test_of_a_tensor_without_dimensions_counts_by_its_kind_only(device, dtype):
    """`x + y` with a `y` without dimensions changes the dtype of `x` only where that of `y` is of a higher category."""
    x = torch.tensor([3, 4], device=device).to(dtype)
    scalars = {other: torch.tensor(1, device=device).to(other) for other in REAL}
    want = {other: promoted(dtype, other) if kind(other) > kind(dtype) else dtype for other in REAL}
    assert {other: torch.result_type(x, scalar) for other, scalar in scalars.items()} == want
    assert {other: (scalar + x).dtype for other, scalar in scalars.items()} == want


@fact("torch.result_type", "torch.add", source="tensor_attributes")
@pytest.mark.parametrize("dtype", COMPUTED)
def test_of_two_tensors_without_dimensions_is_that_of_their_dtypes(device, dtype):
    """`+` and `torch.result_type` promote two tensors without dimensions as `torch.promote_types` does."""
    a = torch.tensor(1, device=device).to(dtype)
    others = {other: torch.tensor(1, device=device).to(other) for other in COMPUTED}
    want = {other: promoted(dtype, other) for other in COMPUTED}
    assert {other: torch.result_type(a, b) for other, b in others.items()} == want
    assert {other: (a + b).dtype for other, b in others.items()} == want


@fact("torch.result_type")
@pytest.mark.parametrize(
    ("a", "b", "want"),
    [(1, 2, torch.int64), (1, 2.5, torch.float32), (True, 1j, torch.complex64), (True, False, torch.bool)],
    ids=str,
)
def test_of_two_numbers_is_their_default(a, b, want):
    """`result_type` of two Python numbers is the dtype that a tensor of both has."""
    assert torch.result_type(a, b) == want


@fact("torch.can_cast")
@pytest.mark.parametrize("dtype", DTYPES)
def test_of_a_cast_may_not_lose_its_kind(dtype):
    """`can_cast` says yes to the same or a higher category, to a narrower dtype too: no to a lower one."""
    want = {other: kind(other) >= kind(dtype) for other in DTYPES}
    assert {other: torch.can_cast(dtype, other) for other in DTYPES} == want


# --- in place and out=


@fact("torch.Tensor.add_", "torch.Tensor.mul_", "torch.Tensor.div_", source="tensor_attributes", hint="x = x / 2")
@pytest.mark.parametrize(
    ("name", "dtype", "value"),
    [
        ("add_", torch.int64, 1.5),
        ("mul_", torch.int32, 0.5),
        ("div_", torch.int64, 2),
        ("add_", torch.bool, 1),
        ("add_", torch.float32, 1j),
    ],
    ids=["int64 float", "int32 float", "quotient", "bool int", "float complex"],
)
def test_of_the_result_is_not_forced_into_a_lower_kind(device, name, dtype, value):
    """`add_`, `mul_` and `div_` write nothing for a higher category: can't be cast to the desired output type."""
    x = torch.tensor([1, 0], device=device).to(dtype)
    with pytest.raises(RuntimeError, match="result type .* can't be cast to the desired output type"):
        getattr(x, name)(value)
    same(x, torch.tensor([1, 0]).to(dtype))


@fact("torch.Tensor.add_", "torch.Tensor.mul_", "torch.Tensor.sub_", source="tensor_attributes")
@pytest.mark.parametrize(("name", "want"), [("add_", 3.75), ("mul_", 3.375), ("sub_", -0.75)])
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_of_the_result_in_place_is_the_tensor_s(device, name, want, dtype):
    """`add_`, `mul_` and `sub_` of float64 to a float16 or float32 tensor keep the tensor's dtype."""
    x = torch.tensor([1.5], dtype=dtype, device=device)
    assert getattr(x, name)(torch.tensor([2.25], dtype=torch.float64, device=device)) is x
    same(x, torch.tensor([want], dtype=dtype))


@fact("torch.add", "torch.mul", source="tensor_attributes")
@pytest.mark.parametrize(("name", "want"), [("add", 3.75), ("mul", 3.375)])
def test_of_out_may_be_wider_or_narrower(device, name, want):
    """`torch.add(out=)` and `torch.mul(out=)` take another dtype of the same or a higher category."""
    a, b = torch.tensor([1.5], device=device), torch.tensor([2.25], device=device)
    for_all = [torch.zeros(1, dtype=dtype, device=device) for dtype in (torch.float16, torch.float64, torch.complex64)]
    results = [getattr(torch, name)(a, b, out=out) for out in for_all]
    assert all(y is out for y, out in zip(results, for_all))
    assert [out.item() for out in for_all] == [want] * 3


@fact("torch.add", "torch.mul", source="tensor_attributes")
@pytest.mark.parametrize("name", ["add", "mul"])
def test_of_out_may_not_be_of_a_lower_kind(device, name):
    """`torch.add(out=)` and `torch.mul(out=)` of floats refuse integers: can't be cast to the desired output type."""
    x, out = torch.tensor([1.5], device=device), torch.zeros(1, dtype=torch.int64, device=device)
    with pytest.raises(RuntimeError, match="can't be cast to the desired output type Long"):
        getattr(torch, name)(x, x, out=out)


# --- what operations make of integers


@fact("torch.div", "torch.true_divide", source="tensor_attributes")
@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int16, torch.int64])
def test_of_a_quotient_of_integers_is_the_default(device, dtype):
    """`/` and `torch.true_divide` of integers or booleans by an integer give the default dtype."""
    x = torch.tensor([1, 0, 1], device=device).to(dtype)
    same(x / 4, torch.tensor([0.25, 0.0, 0.25]))
    same(torch.true_divide(x, 4), torch.tensor([0.25, 0.0, 0.25]))


@fact(*(f"torch.{name}" for name in FRACTIONS), source="tensor_attributes")
@pytest.mark.parametrize("name", FRACTIONS)
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64])
def test_of_a_function_of_integers_is_the_default(device, name, dtype):
    """`torch.sqrt`, `exp`, `sin`, `sigmoid` and others of a vector of integers give a contiguous one of float32."""
    of_numpy = {
        "sigmoid": lambda x: 1 / (1 + numpy.exp(-x)),
        "reciprocal": lambda x: 1 / x,
        "atan": numpy.arctan,
        "rsqrt": lambda x: x**-0.5,
    }
    y = getattr(torch, name)(torch.tensor([1, 4], dtype=dtype, device=device))
    want = of_numpy.get(name) or getattr(numpy, name)
    assert y.dtype == torch.float32 and y.is_contiguous()
    assert y.tolist() == pytest.approx(want(numpy.array([1.0, 4.0])).tolist(), rel=1e-6)


@fact("torch.sub", "torch.neg", hint="a ^ b, or ~a")
@pytest.mark.parametrize(
    "operation", [lambda x: x - x, lambda x: 1 - x, lambda x: -x], ids=["pair", "number", "negative"]
)
def test_of_booleans_has_no_difference(device, operation):
    """`x - y`, `1 - x` and `-x` of booleans are refused: the `-` operator on a bool tensor is not supported."""
    with pytest.raises(RuntimeError, match="the `-` operator"):
        operation(torch.tensor([True, False], device=device))


@fact("torch.add")
def test_of_booleans_has_their_or_for_a_sum(device):
    """`x + y` of booleans is their logical or, a tensor of booleans again."""
    x, y = (torch.tensor(each, device=device) for each in ([True, True, False, False], [True, False, True, False]))
    same(x + y, torch.tensor([True, True, True, False]))


@fact("torch.add", "torch.sub", "torch.mul")
@pytest.mark.parametrize(
    ("operation", "a", "b", "dtype"),
    [
        (operator.add, 200, 100, "uint8"),
        (operator.sub, 1, 2, "uint8"),
        (operator.mul, 64, 2, "int8"),
        (operator.add, 2**31 - 1, 1, "int32"),
    ],
    ids=["add", "sub", "mul", "int32"],
)
def test_of_integers_wraps_around(device, operation, a, b, dtype):
    """`+`, `-` and `*` of integers that do not fit overflow: they wrap around, as those of NumPy do."""
    x, y = (numpy.array([value, 1], dtype=dtype) for value in (a, b))
    same(operation(*(torch.from_numpy(each).to(device) for each in (x, y))), operation(x, y))


@fact("torch.pow")
def test_of_integers_has_no_negative_power(device):
    """`x**-1` of integers is refused: Integers to negative integer powers are not allowed."""
    with pytest.raises(RuntimeError, match="Integers to negative integer powers are not allowed"):
        torch.tensor([2, 4], device=device) ** -1


@fact("torch.pow")
def test_of_integers_to_the_power_of_a_float_is_the_default(device):
    """`x**-1.0` of integers gives the default dtype."""
    same(torch.tensor([2, 4], device=device) ** -1.0, torch.tensor([0.5, 0.25]))


@fact("torch.add", "torch.bitwise_and")
@pytest.mark.parametrize("other", [[1.0, 2.0], "a", None], ids=["list", "text", "None"])
def test_of_what_is_no_number_is_refused(device, other):
    """`x + [1.0, 2.0]`, `x + "a"` and `x + None` are a TypeError: unsupported operand type."""
    with pytest.raises(TypeError, match="unsupported operand type"):
        torch.ones(2, device=device) + other


@fact("torch.add", "torch.mul")
@pytest.mark.parametrize("name", ["add", "mul"])
def test_of_a_numpy_number_counts_as_a_number(device, name):
    """`torch.add` and `torch.mul` of a float32 tensor and a `numpy.float64` number give float32."""
    y = getattr(torch, name)(torch.tensor([1.5, 2.0], device=device), numpy.float64(2))
    same(y, torch.tensor({"add": [3.5, 4.0], "mul": [3.0, 4.0]}[name]))
