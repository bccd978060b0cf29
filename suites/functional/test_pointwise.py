import math

import numpy
import pytest
import torch

from torchproof import close, fact, same
from torchproof.fixtures.checks import shares

ROUNDINGS = 32  # of functions that are made of a few steps, each within 2 units in the last place
ANY = numpy.array([[0.5, -1.25, 2.0], [1.5, 0.25, -0.75]])
ABOVE = numpy.array([[0.5, 1.25, 2.0], [1.5, 0.25, 3.75]])  # zero
ABOVE_ONE = ABOVE + 1
INSIDE = numpy.array([[0.5, -0.25, 0.75], [0.125, 0.25, -0.75]])  # the unit circle
SHARES = numpy.array([[0.5, 0.25, 0.75], [0.125, 0.625, 0.875]])


def each(function):
    """A function of numbers as one of arrays."""
    return numpy.vectorize(function, otypes=["float64"])


# What each function is of an array, its derivative, and an array that it is smooth on.
SMOOTH = {
    "abs": (abs, numpy.sign, ANY),
    "acos": (numpy.arccos, lambda x: -1 / numpy.sqrt(1 - x * x), INSIDE),
    "acosh": (numpy.arccosh, lambda x: 1 / numpy.sqrt(x * x - 1), ABOVE_ONE),
    "asin": (numpy.arcsin, lambda x: 1 / numpy.sqrt(1 - x * x), INSIDE),
    "asinh": (numpy.arcsinh, lambda x: 1 / numpy.sqrt(1 + x * x), ANY),
    "atan": (numpy.arctan, lambda x: 1 / (1 + x * x), ANY),
    "atanh": (numpy.arctanh, lambda x: 1 / (1 - x * x), INSIDE),
    "cos": (numpy.cos, lambda x: -numpy.sin(x), ANY),
    "cosh": (numpy.cosh, numpy.sinh, ANY),
    "deg2rad": (numpy.deg2rad, lambda x: 0 * x + math.pi / 180, ANY),
    "erf": (each(math.erf), lambda x: 2 / math.sqrt(math.pi) * numpy.exp(-x * x), ANY),
    "erfc": (each(math.erfc), lambda x: -2 / math.sqrt(math.pi) * numpy.exp(-x * x), ANY),
    "exp2": (numpy.exp2, lambda x: math.log(2) * 2**x, ANY),
    "expm1": (numpy.expm1, numpy.exp, ANY),
    "frac": (lambda x: x - numpy.trunc(x), lambda x: 0 * x + 1, ANY),
    "log10": (numpy.log10, lambda x: 1 / (x * math.log(10)), ABOVE),
    "log1p": (numpy.log1p, lambda x: 1 / (1 + x), ABOVE),
    "log2": (numpy.log2, lambda x: 1 / (x * math.log(2)), ABOVE),
    "logit": (lambda x: numpy.log(x / (1 - x)), lambda x: 1 / (x * (1 - x)), SHARES),
    "nan_to_num": (lambda x: x, lambda x: 0 * x + 1, ANY),
    "positive": (lambda x: x, lambda x: 0 * x + 1, ANY),
    "rad2deg": (numpy.rad2deg, lambda x: 0 * x + 180 / math.pi, ANY),
    "reciprocal": (numpy.reciprocal, lambda x: -1 / x**2, ANY),
    "rsqrt": (lambda x: x**-0.5, lambda x: -(x**-1.5) / 2, ABOVE),
    "sin": (numpy.sin, numpy.cos, ANY),
    "sinc": (numpy.sinc, lambda x: (numpy.cos(math.pi * x) - numpy.sinc(x)) / x, ANY),
    "sinh": (numpy.sinh, numpy.cosh, ANY),
    "square": (numpy.square, lambda x: 2 * x, ANY),
    "tan": (numpy.tan, lambda x: 1 / numpy.cos(x) ** 2, ANY),
}
# What rounds or compares, and so has no slope.
STEPS = {
    "ceil": numpy.ceil,
    "floor": numpy.floor,
    "round": numpy.round,
    "trunc": numpy.trunc,
    "sign": numpy.sign,
    "sgn": numpy.sign,
}
TESTS = {
    "isnan": numpy.isnan,
    "isinf": numpy.isinf,
    "isfinite": numpy.isfinite,
    "isneginf": numpy.isneginf,
    "isposinf": numpy.isposinf,
    "isreal": numpy.isreal,
    "signbit": numpy.signbit,
    "logical_not": numpy.logical_not,
}
# What each function is of two arrays, and its derivatives by either.
OF_TWO = {
    "atan2": (numpy.arctan2, lambda a, b: b / (a * a + b * b), lambda a, b: -a / (a * a + b * b)),
    "copysign": (numpy.copysign, lambda a, b: numpy.sign(a) * numpy.sign(b), lambda a, b: 0 * b),
    "fmax": (numpy.fmax, lambda a, b: 1.0 * (a > b), lambda a, b: 1.0 * (b > a)),
    "fmin": (numpy.fmin, lambda a, b: 1.0 * (a < b), lambda a, b: 1.0 * (b < a)),
    "fmod": (numpy.fmod, lambda a, b: 0 * a + 1, lambda a, b: -numpy.trunc(a / b)),
    "hypot": (numpy.hypot, lambda a, b: a / numpy.hypot(a, b), lambda a, b: b / numpy.hypot(a, b)),
    "logaddexp": (numpy.logaddexp, lambda a, b: 1 / (1 + numpy.exp(b - a)), lambda a, b: 1 / (1 + numpy.exp(a - b))),
    "logaddexp2": (numpy.logaddexp2, lambda a, b: 1 / (1 + 2 ** (b - a)), lambda a, b: 1 / (1 + 2 ** (a - b))),
    "maximum": (numpy.maximum, lambda a, b: 1.0 * (a > b), lambda a, b: 1.0 * (b > a)),
    "minimum": (numpy.minimum, lambda a, b: 1.0 * (a < b), lambda a, b: 1.0 * (b < a)),
}
INTEGER = {
    "bitwise_and": numpy.bitwise_and,
    "bitwise_or": numpy.bitwise_or,
    "bitwise_xor": numpy.bitwise_xor,
    "bitwise_left_shift": numpy.left_shift,
    "bitwise_right_shift": numpy.right_shift,
    "gcd": numpy.gcd,
    "lcm": numpy.lcm,
}
LOGICAL = {
    "logical_and": numpy.logical_and,
    "logical_or": numpy.logical_or,
    "logical_xor": numpy.logical_xor,
}
IN_PLACE = [name for name in [*SMOOTH, *STEPS] if name != "positive"]
OTHER = numpy.array([[2.0, 0.75, -1.5], [-0.25, 1.75, 3.0]])
BITS = numpy.array([[12, 5, 0], [7, 3, 40]]), numpy.array([[2, 1, 3], [4, 3, 6]])
SPECIAL = numpy.array([0.0, -0.0, 1.5, -2.0, math.inf, -math.inf, math.nan])


def over(table):
    return pytest.mark.parametrize("name", list(table))


def lying(array, device):
    """A tensor with these values in four layouts: in order, transposed, every second element, and behind an offset."""
    x = torch.tensor(array, device=device)
    yield x.requires_grad_()
    for lie in (
        lambda x: x.t().contiguous().t(),
        lambda x: torch.stack([x, x], -1)[..., 0],
        lambda x: torch.cat([x[:1], x])[1:],
    ):
        yield lie(x.detach()).requires_grad_()


@fact(*(f"torch.{name}" for name in SMOOTH))
@over(SMOOTH)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_functions_have_the_value_of_each_element(device, name, dtype):
    """A function of one tensor gives a new tensor of the same dtype with the function of each element."""
    x = torch.tensor(SMOOTH[name][2], dtype=dtype, device=device)
    y, want = getattr(torch, name)(x), SMOOTH[name][0](SMOOTH[name][2])
    assert (y.dtype, y.is_contiguous()) == (dtype, True)
    close(y, want, roundings=ROUNDINGS, scale=abs(want) + 1)
    same(x, torch.tensor(SMOOTH[name][2], dtype=dtype))


@fact(*(f"torch.{name}" for name in SMOOTH))
@over(SMOOTH)
def test_functions_have_their_derivative_as_gradient(device, name):
    """The gradient of a function of one tensor is its derivative at each element times what `backward` is given."""
    _, derivative, array = SMOOTH[name]
    x = torch.tensor(array, device=device, requires_grad=True)
    getattr(torch, name)(x).backward(torch.tensor(OTHER, device=device))
    want = OTHER * derivative(array)
    close(x.grad, want, roundings=ROUNDINGS, scale=abs(want) + abs(OTHER))


@fact(*(f"torch.{name}" for name in [*SMOOTH, *STEPS]))
@over([*SMOOTH, *STEPS])
def test_functions_do_not_depend_on_how_their_input_lies(device, name):
    """A function of one tensor gives the same, but for rounding, for transposed, stepped and offset tensors."""
    rows = []
    for x in lying(SMOOTH[name][2] if name in SMOOTH else ANY, device):
        y = getattr(torch, name)(x)
        y.backward(torch.tensor(OTHER, device=device))
        rows.append(torch.stack([y.detach(), x.grad]))
    want = rows[0].cpu().expand(3, 2, 2, 3).numpy()
    close(torch.stack(rows[1:]), want, roundings=ROUNDINGS, scale=abs(want) + 4)


@fact(*(f"torch.{name}" for name in [*SMOOTH, *STEPS]))
@over([*SMOOTH, *STEPS])
def test_functions_write_to_out(device, name):
    """A function of one tensor writes to `out` where it is given, and returns it."""
    array = SMOOTH[name][2] if name in SMOOTH else ANY
    want = (SMOOTH[name][0] if name in SMOOTH else STEPS[name])(array)
    out = torch.full((2, 3), 9.0, dtype=torch.float64, device=device)
    result = getattr(torch, name)(torch.tensor(array, device=device), **({} if name == "positive" else {"out": out}))
    assert result is out or name == "positive"
    close(result, want, roundings=ROUNDINGS, scale=abs(want) + 1)


@fact(*(f"torch.Tensor.{name}_" for name in IN_PLACE))
@over(IN_PLACE)
def test_functions_in_place_change_their_tensor(device, name):
    """A function whose name ends in an underscore changes its tensor, here a column of a table, and returns it."""
    array = SMOOTH[name][2] if name in SMOOTH else ANY
    table = torch.tensor(array, device=device)
    column = table[:, 1]
    assert getattr(column, f"{name}_")() is column
    want = numpy.copy(array)
    want[:, 1] = (SMOOTH[name][0] if name in SMOOTH else STEPS[name])(array[:, 1])
    close(table, want, roundings=ROUNDINGS, scale=abs(want) + 1)


INTEGERS_TOO = ["abs", "frac", "nan_to_num", "positive", "square"]
FLOATS = [name for name in SMOOTH if name not in INTEGERS_TOO]


@fact(*(f"torch.{name}" for name in FLOATS))
@over(FLOATS)
@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.bool])
def test_functions_of_integers_are_of_the_default_dtype(device, name, dtype):
    """A function whose values are fractions gives float32 of integers and booleans."""
    y = getattr(torch, name)(torch.tensor([1], device=device).to(dtype))
    assert y.dtype == torch.float32
    with numpy.errstate(divide="ignore"):
        same(y.isfinite(), numpy.isfinite(SMOOTH[name][0](numpy.ones(1))))


@fact(*(f"torch.Tensor.{name}_" for name in FLOATS))
@over(FLOATS)
def test_functions_in_place_do_not_make_integers_of_fractions(device, name):
    """A function whose values are fractions refuses to write them into integers."""
    with pytest.raises(RuntimeError, match="result type Float can't be cast"):
        getattr(torch.tensor([1, 2], device=device), f"{name}_")()


@fact(*(f"torch.{name}" for name in [*FLOATS, "abs", "square"]))
@over([*FLOATS, "abs", "square"])
def test_functions_pass_nan_on(device, name):
    """A function of NaN is NaN, and that of the number beside it is not."""
    number = SMOOTH[name][2][0, 0]
    y = getattr(torch, name)(torch.tensor([math.nan, number], dtype=torch.float64, device=device))
    close(y[1:], SMOOTH[name][0](numpy.array([number])), roundings=ROUNDINGS, scale=2)
    assert y[0].isnan()


WHOLE = [name for name in FLOATS if name != "sinc"]  # it is near its zeros at whole numbers


@fact(*(f"torch.{name}" for name in WHOLE))
@over(WHOLE)
def test_functions_of_bfloat16_err_by_two_roundings(device, name):
    """A function of bfloat16 is computed in float32 and rounded to bfloat16 once."""
    array = torch.tensor(SMOOTH[name][2]).bfloat16().double().numpy()
    y = getattr(torch, name)(torch.tensor(array, dtype=torch.bfloat16, device=device))
    assert y.dtype == torch.bfloat16
    close(y, SMOOTH[name][0](array), roundings=2)


COMPLEX = [
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atanh",
    "cos",
    "cosh",
    "log10",
    "log2",
    "reciprocal",
    "rsqrt",
    "sin",
    "sinh",
    "square",
    "tan",
]


@fact(*(f"torch.{name}" for name in COMPLEX))
@over(COMPLEX)
def test_functions_of_complex_numbers_have_the_principal_value(device, name):
    """A function of complex numbers gives what NumPy gives, on the same side of each cut."""
    array = numpy.array([0.5 + 1.25j, -0.75 + 0.25j, 1.5 - 0.5j, -2.0 - 1.0j])
    y, want = getattr(torch, name)(torch.tensor(array, device=device)), SMOOTH[name][0](array)
    assert y.dtype == torch.complex128
    close(y, want, roundings=4 * ROUNDINGS, scale=abs(want) + 1)


@fact(*(f"torch.{name}" for name in STEPS))
@over(STEPS)
def test_steps_round_as_numpy_does(device, name):
    """A function that rounds gives what NumPy gives, halves to the even number, in memory of its own."""
    array = numpy.array([[0.5, 1.5, 2.5], [-0.5, -1.5, 2.75], [0.0, -2.25, 7.0]], dtype="float32")
    x = torch.tensor(array, device=device, requires_grad=True)
    y = getattr(torch, name)(x)
    y.backward(torch.full_like(x, 3.0))
    assert y.is_contiguous()
    same(y, STEPS[name](array))
    same(x.grad, torch.zeros(3, 3))
    same(x, array)


@fact(*(f"torch.{name}" for name in STEPS))
@over(STEPS)
def test_steps_keep_infinity(device, name):
    """A function that rounds keeps infinity, of which `sign` and `sgn` give the sign."""
    y = getattr(torch, name)(torch.tensor([math.inf, -math.inf, 2.0], device=device))
    same(y, STEPS[name](numpy.array([math.inf, -math.inf, 2.0], dtype="float32")))


@fact(*(f"torch.{name}" for name in [*STEPS, "abs", "square", "positive"]))
@over([*STEPS, "abs", "square", "positive"])
@pytest.mark.parametrize("dtype", [torch.int8, torch.int64, torch.uint8])
def test_steps_of_integers_are_integers(device, name, dtype):
    """A function whose values are whole gives integers of the same dtype of integers, in memory of its own."""
    x = torch.tensor([2, 0, 5], device=device).to(dtype)
    want = {"sign": [1, 0, 1], "sgn": [1, 0, 1], "square": [4, 0, 25]}.get(name, [2, 0, 5])
    same(getattr(torch, name)(x), torch.tensor(want, dtype=dtype))


@fact(*(f"torch.{name}" for name in STEPS))
@over([name for name in STEPS if name != "sgn"])
def test_steps_of_complex_numbers_are_refused(device, name):
    """A function that rounds refuses complex numbers, and `sign` names `sgn`, which takes them."""
    with pytest.raises(RuntimeError, match="sgn|not supported for complex|not implemented for 'Complex"):
        getattr(torch, name)(torch.tensor([1.5 + 2.5j], device=device))


@fact(*(f"torch.{name}" for name in STEPS))
@over(STEPS)
def test_steps_of_whole_numbers_are_copies(device, name):
    """A function that rounds gives a new tensor, also of numbers that are whole already."""
    x = torch.tensor([1.0, 0.0, -1.0], device=device)
    y = getattr(torch, name)(x)
    same(y, torch.tensor([1.0, 0.0, -1.0]))
    assert not shares(y, x)


@fact("torch.sgn")
def test_steps_of_complex_numbers_have_the_gradient_of_a_direction(device):
    """The gradient of `sgn` of a complex number is what is across its direction, divided by its length."""
    z = torch.tensor([3 + 4j, -2j], device=device, requires_grad=True)
    torch.sgn(z).backward(torch.tensor([1 + 0j, 2 + 3j], device=device))
    close(z.grad, [(0.64 - 0.48j) / 5, 1 + 0j], roundings=16, scale=1)


@fact("torch.round")
@pytest.mark.parametrize(("decimals", "want"), [(1, [1.2, -2.7]), (-1, [0.0, -0.0]), (0, [1.0, -3.0])], ids=str)
def test_round_takes_decimals(device, decimals, want):
    """`round` with `decimals` rounds to so many places behind the point, or before it."""
    y = torch.round(torch.tensor([1.234, -2.678], dtype=torch.float64, device=device), decimals=decimals)
    assert y.dtype == torch.float64
    close(y, want, roundings=2)


@fact(*(f"torch.{name}" for name in TESTS))
@over(TESTS)
def test_tests_are_booleans(device, name):
    """A question about each element gives a new tensor of booleans, whatever the layout."""
    table = numpy.stack([SPECIAL, SPECIAL[::-1]])
    y = getattr(torch, name)(torch.tensor(table, device=device))
    same(y, TESTS[name](table))
    same(getattr(torch, name)(torch.tensor(table, device=device).t()), TESTS[name](table.T))
    assert y.is_contiguous()


@fact(*(f"torch.{name}" for name in TESTS))
@over(TESTS)
@pytest.mark.parametrize("dtype", ["int64", "uint8"])
def test_tests_take_integers(device, name, dtype):
    """A question about each element takes integers too."""
    array = numpy.array([0, 1, 2], dtype)
    same(getattr(torch, name)(torch.tensor(array, device=device)), TESTS[name](array))


@fact("torch.isnan", "torch.isinf", "torch.isfinite", "torch.isreal")
@over(["isnan", "isinf", "isfinite", "isreal"])
def test_tests_look_at_both_parts_of_a_complex_number(device, name):
    """A question about a complex number is one about its real and its imaginary part."""
    array = numpy.array([1 + 2j, complex(math.nan, 1), complex(1, math.inf), 3 + 0j])
    same(getattr(torch, name)(torch.tensor(array, device=device)), TESTS[name](array))


@fact(*(f"torch.{name}" for name in OF_TWO))
@over(OF_TWO)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_functions_of_two_broadcast(device, name, dtype):
    """A function of two tensors gives a contiguous table of a column and a row, and changes neither."""
    a, b = ANY.astype(dtype).reshape(6, 1), OTHER.astype(dtype)[0]
    x, y = torch.tensor(a, device=device), torch.tensor(b, device=device)
    got, want = getattr(torch, name)(x, y), OF_TWO[name][0](a.astype("float64"), b.astype("float64"))
    assert (got.dtype, got.is_contiguous()) == (x.dtype, True)
    close(got, want, roundings=ROUNDINGS, scale=abs(want) + 1)
    same(x, a)


@fact(*(f"torch.{name}" for name in OF_TWO))
@over(OF_TWO)
def test_functions_of_two_have_their_derivatives_as_gradients(device, name):
    """The gradients of a function of two tensors are its derivatives by either, summed where it broadcast."""
    x, y = torch.tensor(ANY, device=device, requires_grad=True), torch.tensor(OTHER[0], device=device)
    getattr(torch, name)(x, y.requires_grad_()).backward(torch.tensor(OTHER, device=device))
    by_x, by_y = (OTHER * derivative(ANY, OTHER[:1]) for derivative in OF_TWO[name][1:])
    close(x.grad, by_x, roundings=ROUNDINGS, scale=abs(by_x) + 1)
    close(y.grad, by_y.sum(0), roundings=ROUNDINGS, scale=abs(by_y).sum(0) + 1)


@fact(*(f"torch.{name}" for name in OF_TWO))
@over(OF_TWO)
def test_functions_of_two_do_not_depend_on_how_operands_lie(device, name):
    """A function of two tensors gives the same, but for rounding, for transposed, stepped and offset operands."""
    rows = []
    for x, y in zip(lying(ANY, device), list(lying(OTHER, device))[::-1]):
        got = getattr(torch, name)(x, y)
        got.backward(torch.tensor(OTHER, device=device))
        rows.append(torch.stack([got.detach(), x.grad, y.grad]))
    want = rows[0].cpu().expand(3, 3, 2, 3).numpy()
    close(torch.stack(rows[1:]), want, roundings=ROUNDINGS, scale=abs(want) + 4)


@fact(*(f"torch.{name}" for name in OF_TWO))
@over(OF_TWO)
def test_functions_of_two_write_to_out(device, name):
    """A function of two tensors writes to `out`, and returns it."""
    out = torch.full((2, 3), 9.0, dtype=torch.float64, device=device)
    assert getattr(torch, name)(torch.tensor(ANY, device=device), torch.tensor(OTHER, device=device), out=out) is out
    want = OF_TWO[name][0](ANY, OTHER)
    close(out, want, roundings=ROUNDINGS, scale=abs(want) + 1)


@fact("torch.maximum", "torch.minimum", "torch.fmax", "torch.fmin")
@over(["maximum", "minimum", "fmax", "fmin"])
def test_extremes_of_two_and_nan(device, name):
    """`maximum` and `minimum` give NaN where one of two is NaN, `fmax` and `fmin` the other one."""
    a, b = [math.nan, 1.0, math.nan, 2.0], [3.0, math.nan, math.nan, 5.0]
    y = getattr(torch, name)(torch.tensor(a, device=device), torch.tensor(b, device=device))
    same(y, OF_TWO[name][0](numpy.array(a, "float32"), numpy.array(b, "float32")))


@fact(*(f"torch.{name}" for name in INTEGER))
@over(INTEGER)
@pytest.mark.parametrize("dtype", ["int64", "int16", "uint8"])
def test_bits_are_those_of_numpy(device, name, dtype):
    """An operation on integers gives what NumPy gives, in their dtype, whatever the layout, also to `out`."""
    a, b = (each.astype(dtype) for each in BITS)
    x, y = (torch.tensor(each, device=device) for each in (a, b))
    out = torch.zeros_like(x)
    got = getattr(torch, name)(x, y)
    same(got, INTEGER[name](a, b))
    same(getattr(torch, name)(x.t(), y.t(), out=out.t()), INTEGER[name](a, b).T)
    same(torch.stack([x, y, out]), numpy.stack([a, b, INTEGER[name](a, b)]))
    assert got.is_contiguous()


@fact(*(f"torch.Tensor.{name}_" for name in INTEGER))
@over(INTEGER)
def test_bits_change_in_place(device, name):
    """An operation on integers whose name ends in an underscore changes its tensor, and returns it."""
    x = torch.tensor(BITS[0], device=device)
    assert getattr(x, f"{name}_")(torch.tensor(BITS[1], device=device)) is x
    same(x, INTEGER[name](*BITS))


@fact(*(f"torch.{name}" for name in INTEGER))
@over(INTEGER)
def test_bits_of_fractions_are_refused(device, name):
    """An operation on bits refuses fractions."""
    with pytest.raises(RuntimeError, match="not (supported|implemented) for"):
        getattr(torch, name)(torch.tensor([1.5], device=device), torch.tensor([2.5], device=device))


@fact("torch.bitwise_not")
@pytest.mark.parametrize("dtype", ["int64", "uint8", "bool"])
def test_bitwise_not_turns_each_bit(device, dtype):
    """`bitwise_not` turns every bit of integers, and each boolean."""
    array = numpy.array([[0, 1, 2], [3, 0, 5]]).astype(dtype)
    x = torch.tensor(array, device=device)
    y = torch.bitwise_not(x)
    same(y, numpy.invert(array))
    same(torch.bitwise_not(x.t()), numpy.invert(array.T))
    same(x, array)
    assert y.is_contiguous()


@fact(*(f"torch.{name}" for name in LOGICAL))
@over(LOGICAL)
@pytest.mark.parametrize("dtype", ["bool", "int64", "float32"])
def test_logic_takes_what_is_not_zero_for_true(device, name, dtype):
    """A logical operation takes every number but zero, NaN too, for True, and gives a new tensor of booleans."""
    a, b = (numpy.array(each).astype(dtype) for each in ([[2, 0, 3], [0, 1, 0]], [[1, 4, 0], [0, 0, 5]]))
    x, y = (torch.tensor(each, device=device) for each in (a, b))
    got = getattr(torch, name)(x, y)
    same(got, LOGICAL[name](a, b))
    same(getattr(torch, name)(x.t(), y.t()), LOGICAL[name](a, b).T)
    same(x, a)
    assert got.is_contiguous()


@fact(*(f"torch.Tensor.{name}_" for name in [*LOGICAL]))
@over(LOGICAL)
def test_logic_in_place_keeps_the_dtype(device, name):
    """A logical operation in place writes 0 and 1 in the dtype of its tensor."""
    x = torch.tensor([2.5, 0.0, -3.0, 0.0], device=device)
    assert getattr(x, f"{name}_")(torch.tensor([1.0, 4.0, 0.0, 0.0], device=device)) is x
    same(x, LOGICAL[name]([2.5, 0, -3, 0], [1, 4, 0, 0]).astype("float32"))


@fact("torch.float_power")
@pytest.mark.parametrize("dtype", [torch.int64, torch.float32, torch.bfloat16])
def test_float_power_is_of_float64(device, dtype):
    """`float_power` computes in float64, whatever it is given."""
    x = torch.tensor([2, 3, 4], device=device).to(dtype)
    y = torch.float_power(x, -2)
    assert (y.dtype, y.is_contiguous()) == (torch.float64, True)
    close(y, [1 / 4, 1 / 9, 1 / 16], roundings=2)


@fact("torch.float_power")
def test_float_power_has_the_gradient_of_a_power(device):
    """The gradient of `float_power` with exponent 3 is three times the square."""
    x = torch.tensor([2.0, -3.0], device=device, requires_grad=True)
    torch.float_power(x, 3).backward(torch.tensor([1.0, 2.0], dtype=torch.float64, device=device))
    same(x.grad, torch.tensor([12.0, 54.0]))


@fact("torch.floor_divide")
@pytest.mark.parametrize("dtype", ["int64", "float64"])
def test_floor_divide_rounds_down(device, dtype):
    """`floor_divide` rounds down, so that with `remainder` it gives what was divided."""
    a, b = numpy.array([[7, -7, 7], [-7, 6, -6]], dtype), numpy.array([2, 2, -2], dtype)
    x, y = torch.tensor(a, device=device), torch.tensor(b, device=device)
    q = torch.floor_divide(x, y)
    assert q.is_contiguous()
    same(q, a // b)
    same(q * y + x % y, a)
    same(x, a)


@fact("torch.floor_divide", "torch.fmod")
@over(["floor_divide", "fmod"])
def test_integers_divided_by_zero_are_refused(name):
    """An integer divided by zero is refused on the CPU."""
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        getattr(torch, name)(torch.tensor([1, 2]), 0)


@fact("torch.heaviside")
def test_heaviside_takes_its_value_at_zero(device):
    """`heaviside` is 0 below zero, 1 above, and what its second argument says at zero."""
    x = torch.tensor([-1.5, 0.0, 2.0, -0.0], device=device)
    y = torch.heaviside(x, torch.tensor([0.25, 0.5, 0.25, 0.75], device=device))
    same(y, torch.tensor([0.0, 0.5, 1.0, 0.75]))
    assert y.is_contiguous()
    same(x, torch.tensor([-1.5, 0.0, 2.0, -0.0]))


@fact("torch.nextafter")
def test_nextafter_is_the_next_number(device):
    """`nextafter` is the next float32 in the direction of its second argument."""
    a, b = numpy.array([1.0, 1.0, 0.0, 2.0], "float32"), numpy.array([2.0, 0.0, -1.0, 2.0], "float32")
    x = torch.tensor(a, device=device)
    y = torch.nextafter(x, torch.tensor(b, device=device))
    same(y, numpy.nextafter(a, b))
    same(x, a)
    assert y.is_contiguous()


@fact("torch.ldexp")
def test_ldexp_multiplies_by_a_power_of_two(device):
    """`ldexp` multiplies by two to the power of its second argument."""
    x = torch.tensor([0.75, -1.5], device=device)
    y = torch.ldexp(x, torch.tensor([3, -2], device=device))
    same(y, torch.tensor([6.0, -0.375]))
    same(x, torch.tensor([0.75, -1.5]))
    assert y.is_contiguous()


@fact("torch.lerp")
@pytest.mark.parametrize(
    "of_weight", [lambda device: 0.25, lambda device: torch.tensor([0.25], device=device)], ids=["number", "tensor"]
)
def test_lerp_goes_a_share_of_the_way(device, of_weight):
    """`lerp` goes from its first to its second argument by the share that is its weight."""
    a, b = (torch.tensor(each, device=device, requires_grad=True) for each in ([1.0, 4.0], [3.0, -4.0]))
    y = torch.lerp(a, b, of_weight(device))
    y.backward(torch.tensor([1.0, 2.0], device=device))
    same(y, torch.tensor([1.5, 2.0]))
    same(a, torch.tensor([1.0, 4.0]))
    assert y.is_contiguous()
    same(torch.stack([a.grad, b.grad]), torch.tensor([[0.75, 1.5], [0.25, 0.5]]))


@fact("torch.addcmul", "torch.addcdiv")
@pytest.mark.parametrize(
    ("name", "of"), [("addcmul", numpy.multiply), ("addcdiv", numpy.divide)], ids=["addcmul", "addcdiv"]
)
def test_product_or_quotient_is_added(device, name, of):
    """`addcmul` and `addcdiv` add `value` times the product or the quotient of two tensors."""
    x, a, b = (torch.tensor(each, device=device, requires_grad=True) for each in (ANY, SHARES, ABOVE))
    y = getattr(torch, name)(x, a, b, value=0.5)
    y.backward(torch.tensor(OTHER, device=device))
    assert (y.dtype, y.is_contiguous()) == (torch.float64, True)
    close(y, ANY + of(SHARES, ABOVE) / 2, roundings=4, scale=4)
    close(x.grad, OTHER, roundings=0)
    close(a.grad, of(OTHER, ABOVE) / 2, roundings=4)


@fact("torch.addcdiv")
def test_quotient_of_integers_is_not_added(device):
    """`addcdiv` refuses to divide integers."""
    x = torch.tensor([1, 2], device=device)
    with pytest.raises(RuntimeError, match="Integer division with addcdiv is no longer supported"):
        torch.addcdiv(x, x, x)


CLAMPS = {
    "both": (lambda x: torch.clamp(x, -1.0, 1.0), lambda x: numpy.clip(x, -1, 1)),
    "min": (lambda x: torch.clamp(x, min=0.25), lambda x: numpy.maximum(x, 0.25)),
    "max": (lambda x: torch.clamp(x, max=0.25), lambda x: numpy.minimum(x, 0.25)),
    "tensors": (lambda x: torch.clamp(x, x * 0 - 1, x * 0 + 1), lambda x: numpy.clip(x, -1, 1)),
}


@fact("torch.clamp")
@over(CLAMPS)
def test_clamp_keeps_within_its_bounds(device, name):
    """`clamp` takes what is beyond a bound to the bound, keeps NaN, and gives a new tensor."""
    array = numpy.array([[0.5, -3.0, 0.25], [2.0, math.nan, -0.75]])
    x = torch.tensor(array, device=device)
    y = CLAMPS[name][0](x)
    same(y, CLAMPS[name][1](array))
    same(x, array)
    assert y.is_contiguous()


@fact("torch.clamp")
def test_clamp_stops_the_gradient_beyond_its_bounds(device):
    """The gradient of `clamp` is that of the result within the bounds, and zero beyond."""
    x = torch.tensor([-3.0, 0.5, 2.0, -0.75], device=device, requires_grad=True)
    torch.clamp(x, -1.0, 1.0).backward(torch.tensor([2.0, 3.0, 4.0, 5.0], device=device))
    same(x.grad, torch.tensor([0.0, 3.0, 0.0, 5.0]))


@fact("torch.clamp")
def test_clamp_takes_the_upper_bound_where_bounds_are_crossed(device):
    """`clamp` with a lower bound above the upper one gives the upper one everywhere."""
    same(torch.clamp(torch.tensor([-3.0, 0.5, 9.0], device=device), 2.0, 1.0), torch.tensor([1.0, 1.0, 1.0]))


@fact("torch.clamp")
def test_clamp_without_a_bound_is_refused(device):
    """`clamp` without any bound is refused."""
    with pytest.raises(RuntimeError, match="At least one of 'min' or 'max' must not be None"):
        torch.clamp(torch.tensor([1.0], device=device))


@fact("torch.nan_to_num")
def test_nan_to_num_replaces_what_is_not_finite(device):
    """`nan_to_num` makes NaN zero and infinity the largest number, or what it is told."""
    x = torch.tensor([math.nan, math.inf, -math.inf, 1.5], device=device)
    most = torch.finfo(torch.float32).max
    same(torch.nan_to_num(x), torch.tensor([0.0, most, -most, 1.5]))
    same(torch.nan_to_num(x, nan=2.0, posinf=3.0, neginf=-4.0), torch.tensor([2.0, 3.0, -4.0, 1.5]))


@fact("torch.logit")
def test_logit_with_eps_keeps_within_shares(device):
    """`logit` is NaN of what is no share, infinite at 0 and 1, and with `eps` that of the nearest share."""
    x = torch.tensor([0.0, 1.0, 1.5, 0.25], dtype=torch.float64, device=device)
    same(torch.logit(x[:3]), torch.tensor([-math.inf, math.inf, math.nan], dtype=torch.float64))
    close(torch.logit(x, eps=0.25), [-math.log(3), math.log(3), math.log(3), -math.log(3)], roundings=ROUNDINGS)


@fact("torch.angle", "torch.sgn", "torch.abs")
def test_angle_and_length_of_complex_numbers(device):
    """`abs`, `angle` and `sgn` give length, angle and direction of a complex number."""
    array = numpy.array([3 + 4j, -1 + 0j, -2j, 0j])
    z = torch.tensor(array, device=device)
    same(torch.abs(z), abs(array))
    close(torch.angle(z), numpy.angle(array), roundings=4)
    close(torch.sgn(z), array / numpy.maximum(abs(array), 1e-9), roundings=4)


@fact("torch.angle")
def test_angle_of_real_numbers_is_zero_or_pi(device):
    """`angle` of a real number is 0, π of one below zero, and NaN of NaN."""
    x = torch.tensor([[2.0, -3.0], [0.0, math.nan]], device=device)
    y = torch.angle(x)
    same(y, torch.tensor([[0.0, math.pi], [0.0, math.nan]]))
    same(x, torch.tensor([[2.0, -3.0], [0.0, math.nan]]))
    assert y.is_contiguous()


@fact("torch.complex", "torch.polar")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_complex_numbers_are_made_of_two(device, dtype):
    """`complex` makes numbers of real and imaginary parts, `polar` of lengths and angles."""
    a, b = numpy.array([[1.5, 2.0], [0.5, 3.0]], dtype), numpy.array([[0.25, -1.0], [2.0, 0.0]], dtype)
    x, y = torch.tensor(a, device=device), torch.tensor(b, device=device)
    made, turned = torch.complex(x, y), torch.polar(x, y)
    assert made.is_contiguous() and turned.is_contiguous() and turned.dtype == made.dtype
    same(made, (a + 1j * b).astype("complex64" if dtype == "float32" else "complex128"))
    close(turned, a.astype("float64") * numpy.exp(1j * b.astype("float64")), roundings=8)


@fact("torch.real", "torch.imag")
def test_parts_of_complex_numbers_are_views(device):
    """`real` and `imag` are views: what is written to them changes the complex numbers."""
    z = torch.tensor([1 + 2j, 3 - 4j], device=device)
    same(torch.stack([torch.real(z), torch.imag(z)]), torch.tensor([[1.0, 3.0], [2.0, -4.0]]))
    torch.real(z)[0], torch.imag(z)[1] = 5.0, 6.0
    same(z, torch.tensor([5 + 2j, 3 + 6j]))


@fact("torch.mvlgamma")
def test_mvlgamma_is_a_sum_of_lgamma(device):
    """`mvlgamma` of order p is p(p-1)/4 log π plus the sum of lgamma at steps of a half."""
    x = torch.tensor([[1.5, 2.0], [3.25, 4.0]], dtype=torch.float64, device=device)
    y = torch.mvlgamma(x, 2)
    want = [
        [math.log(math.pi) / 2 + math.lgamma(x) + math.lgamma(x - 0.5) for x in row]
        for row in ([1.5, 2.0], [3.25, 4.0])
    ]
    assert (y.dtype, y.is_contiguous(), x[0, 0].item()) == (torch.float64, True, 1.5)
    close(y, want, roundings=ROUNDINGS, scale=4)


@fact("torch.frexp")
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_frexp_gives_mantissa_and_exponent(device, dtype):
    """`frexp` gives mantissa and exponent of each number, as Python does, the exponents as int32."""
    array = numpy.array([[1.5, -0.75, 0.0], [1024.0, 0.0625, -3.0]], dtype)
    x = torch.tensor(array, device=device)
    mantissa, exponent = torch.frexp(x)
    same(mantissa, numpy.frexp(array)[0])
    same(exponent, numpy.frexp(array)[1].astype("int32"))
    same(x, array)
    assert mantissa.is_contiguous() and exponent.is_contiguous()


@fact("torch.frexp")
def test_frexp_has_the_gradient_of_a_scale(device):
    """The gradient of the mantissa of `frexp` is divided by the power of two; integers are refused."""
    x = torch.tensor([1.5, 12.0], device=device, requires_grad=True)
    mantissa, _ = torch.frexp(x)
    mantissa.backward(torch.tensor([3.0, 8.0], device=device))
    same(x.grad, torch.tensor([1.5, 0.5]))
    with pytest.raises(RuntimeError, match="only supports floating-point dtypes"):
        torch.frexp(torch.tensor([1], device=device))


@fact("torch.igamma", "torch.igammac")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_incomplete_gamma_functions_add_up_to_one(device, dtype):
    """`igamma` and `igammac` of order 1 are 1 - exp(-x) and exp(-x), and of order 2 (1 + x) times that."""
    x = torch.tensor([[0.5, 1.25, 3.0], [2.0, 0.25, 1.5]], dtype=dtype, device=device)
    order = torch.tensor([[1.0], [2.0]], dtype=dtype, device=device)
    want = numpy.exp(-x.cpu().double().numpy()) * numpy.stack([numpy.ones(3), 1 + x[1].cpu().double().numpy()])
    close(torch.igammac(order, x), want, roundings=32, scale=1)
    close(torch.igamma(order, x), 1 - want, roundings=32, scale=1)
    assert torch.igamma(order, x).is_contiguous() and torch.igammac(order, x).is_contiguous()
    assert (torch.igamma(order, x).dtype, torch.igammac(order, x).dtype) == (dtype, dtype)
    same(order, torch.tensor([[1.0], [2.0]], dtype=dtype))


@fact("torch.igamma", "torch.igammac")
@pytest.mark.parametrize(("name", "sign"), [("igamma", 1), ("igammac", -1)])
def test_incomplete_gamma_functions_have_a_gradient(device, name, sign):
    """The gradient of `igamma` of order 1 by its second argument is exp(-x), and of `igammac` minus that."""
    x = torch.tensor([0.5, 1.25], dtype=torch.float64, device=device, requires_grad=True)
    getattr(torch, name)(torch.ones_like(x), x).backward(torch.tensor([1.0, 3.0], dtype=x.dtype, device=device))
    close(x.grad, sign * numpy.array([1, 3]) * numpy.exp([-0.5, -1.25]), roundings=32)


@fact("torch.polygamma")
@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_polygamma_goes_on_by_a_power(device, n):
    """`polygamma` of order n at x + 1 is the one at x with (-1)^n n! / x^(n+1) added, and its slope the next order."""
    array = numpy.array([[1.5, 2.25], [3.0, 5.5]])
    x = torch.tensor(array, device=device, requires_grad=True)
    y, above = torch.polygamma(n, x), torch.polygamma(n, x + 1)
    close((above - y).detach(), (-1) ** n * math.factorial(n) * array ** -(n + 1.0), roundings=2e7)
    y.backward(torch.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=torch.float64, device=device))
    slope = torch.polygamma(n + 1, x).detach().cpu().numpy() * numpy.array([[1, 2], [3, 4]])
    close(x.grad, slope, roundings=64)
    assert y.is_contiguous()
