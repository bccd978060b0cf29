"""Functions of each element of one tensor: those with an underscore are in test_in_place, `torch.special`'s apart."""

import math

import numpy
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from torchproof import close, fact, same
from torchproof.fixtures.checks import shares
from torchproof.suites.functional.reference import ANY, FRACTIONS, OTHER, SMOOTH, STEPS, lying, over

ROUNDINGS = 32  # of functions that are made of a few steps, each within 2 units in the last place
COMMON = ["exp", "sqrt", "log", "tanh", "sigmoid", "relu", "neg"]
EACH = [*SMOOTH, *STEPS]
QUESTIONS = {
    "isnan": numpy.isnan,
    "isinf": numpy.isinf,
    "isfinite": numpy.isfinite,
    "isneginf": numpy.isneginf,
    "isposinf": numpy.isposinf,
    "isreal": numpy.isreal,
    "signbit": numpy.signbit,
    "logical_not": numpy.logical_not,
}
SPECIAL = numpy.array([0.0, -0.0, 1.5, -2.0, math.inf, -math.inf, math.nan])
INF, NAN = math.inf, math.nan

of_floats = pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
# Not zero, where relu and sqrt have no derivative.
NUMBERS = st.lists(
    st.floats(0.0625, 4, width=32).flatmap(lambda x: st.sampled_from([x, -x])), min_size=1, max_size=6
).map(numpy.array)


def within_domain(name, array):
    return abs(array) if name in ("sqrt", "log") else array


@fact(*(f"torch.{name}" for name in SMOOTH))
@over(SMOOTH)
@of_floats
def test_functions_have_the_value_of_each_element(device, name, dtype):
    """`torch.exp`, `torch.sin` and the like give the function of each element in a new tensor of the same dtype."""
    x = torch.tensor(SMOOTH[name][2], dtype=dtype, device=device)
    y, want = getattr(torch, name)(x), SMOOTH[name][0](SMOOTH[name][2])
    assert y.dtype == dtype
    close(y, want, roundings=ROUNDINGS, scale=abs(want) + 1)
    same(x, torch.tensor(SMOOTH[name][2], dtype=dtype))


@fact(*(f"torch.{name}" for name in COMMON))
@over(COMMON)
@of_floats
@given(numbers=NUMBERS)
@example(numbers=numpy.array([1.5, -0.75, 3.0]))
def test_common_functions_have_the_values_of_numpy(device, name, dtype, numbers):
    """`torch.exp`, `sqrt`, `log`, `tanh`, `sigmoid`, `relu` and `neg` are near to NumPy's at numbers from -4 to 4."""
    numbers = within_domain(name, numbers)
    y = getattr(torch, name)(torch.tensor(numbers, dtype=dtype, device=device))
    assert y.dtype == dtype
    close(y, SMOOTH[name][0](numbers), roundings=16)


@fact(*(f"torch.{name}" for name in SMOOTH))
@over(SMOOTH)
def test_functions_have_their_derivative_as_gradient(device, name):
    """The gradient of `torch.exp`, `torch.sin` and the like is their derivative times what `backward` is given."""
    _, derivative, array = SMOOTH[name]
    x = torch.tensor(array, device=device, requires_grad=True)
    getattr(torch, name)(x).backward(torch.tensor(OTHER, device=device))
    want = OTHER * derivative(array)
    close(x.grad, want, roundings=ROUNDINGS, scale=abs(want) + abs(OTHER))


@fact(*(f"torch.{name}" for name in COMMON))
@over(COMMON)
@given(numbers=NUMBERS)
@example(numbers=numpy.array([1.5, -0.75, 3.0]))
def test_common_functions_have_their_derivatives_as_gradients(device, name, numbers):
    """`torch.exp`, `sqrt`, `log`, `tanh`, `sigmoid`, `relu` and `neg` have their slopes as gradients, from -4 to 4."""
    numbers = within_domain(name, numbers)
    x = torch.tensor(numbers, dtype=torch.float64, device=device, requires_grad=True)
    weights = numpy.arange(2.0, len(numbers) + 2)
    getattr(torch, name)(x).backward(torch.tensor(weights, device=device))
    want = weights * SMOOTH[name][1](numbers)
    close(x.grad, want, roundings=16, scale=abs(want) + weights)  # 1 - tanh**2 is a difference


@fact("torch.relu", source="notes/autograd")
def test_relu_has_a_gradient_of_zero_at_zero(device):
    """`torch.relu` passes no gradient on where its input is zero."""
    x = torch.tensor([-1.0, 0.0, 2.0], device=device, requires_grad=True)
    y = torch.relu(x)
    y.backward(torch.tensor([3.0, 5.0, 7.0], device=device))
    same(y, torch.tensor([0.0, 0.0, 2.0]))
    same(x.grad, torch.tensor([0.0, 0.0, 7.0]))


@fact(*(f"torch.{name}" for name in EACH))
@over(EACH)
def test_functions_do_not_depend_on_how_their_input_lies(device, name):
    """`torch.exp`, `torch.floor` and the like, with their gradients, do not depend on strides, but for rounding."""
    rows = []
    for x in lying(torch.tensor(SMOOTH[name][2] if name in SMOOTH else ANY, device=device)):
        y = getattr(torch, name)(x.requires_grad_())
        y.backward(torch.tensor(OTHER, device=device))
        rows.append(torch.stack([y.detach(), x.grad]))
    want = rows[0].cpu().expand(3, 2, 2, 3).numpy()
    close(torch.stack(rows[1:]), want, roundings=ROUNDINGS, scale=abs(want) + 4)


LAID = [*EACH, "angle", "bitwise_not", "clamp"]


@fact(*(f"torch.{name}" for name in LAID), source="tensor_attributes")
@over(LAID)
def test_functions_keep_the_strides_of_a_matrix(device, name):
    """`torch.exp`, `torch.clamp` and the like give a result with the strides of a contiguous or transposed matrix."""
    x = torch.ones(2, 3, dtype=torch.int64 if name == "bitwise_not" else torch.float32, device=device)
    bounds = (0.25, 0.5) if name == "clamp" else ()
    y, turned = (getattr(torch, name)(each, *bounds) for each in (x, x.t()))
    assert (y.stride(), turned.stride()) == ((3, 1), (1, 3))


SAME_AT_ONE = ["abs", "relu", "nan_to_num", "sqrt", "rsqrt", "reciprocal", "square", *STEPS]
SAME_AT_ZERO = ["asin", "asinh", "atan", "sin", "sinh", "tan", "tanh", "erf", "expm1", "log1p", "frac"]


@fact(*(f"torch.{name}" for name in [*SAME_AT_ONE, *SAME_AT_ZERO]))
@over([*SAME_AT_ONE, *SAME_AT_ZERO])
def test_functions_have_memory_of_their_own(device, name):
    """`torch.relu`, `torch.round` and the like give a copy where they change no number."""
    number = 1.0 if name in SAME_AT_ONE else 0.0
    x = torch.full((3,), number, device=device)
    y = getattr(torch, name)(x)
    same(y, torch.full((3,), number))
    assert not shares(y, x)


WITH_OUT = [name for name in EACH if name != "relu"]


@fact(*(f"torch.{name}" for name in WITH_OUT))
@over(WITH_OUT)
def test_functions_write_to_out(device, name):
    """`torch.exp`, `torch.floor` and the like write to `out` where it is given, and return it."""
    function, array = (SMOOTH[name][0], SMOOTH[name][2]) if name in SMOOTH else (STEPS[name], ANY)
    out = torch.full((2, 3), 9.0, dtype=torch.float64, device=device)
    assert getattr(torch, name)(torch.tensor(array, device=device), out=out) is out
    close(out, function(array), roundings=ROUNDINGS, scale=abs(function(array)) + 1)


@fact("torch.positive")
def test_positive_is_the_tensor_itself(device):
    """`torch.positive`, which is `+x`, gives the tensor itself."""
    x = torch.tensor([1.5, -2.5], device=device)
    assert torch.positive(x) is x
    same(+x, torch.tensor([1.5, -2.5]))


@fact(*(f"torch.{name}" for name in FRACTIONS), source="tensor_attributes")
@over(FRACTIONS)
@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.bool])
def test_functions_of_integers_are_of_the_default_dtype(device, name, dtype):
    """`torch.exp`, `torch.sqrt` and others with fractions for values give float32 of integers and booleans."""
    y = getattr(torch, name)(torch.tensor([1], device=device).to(dtype))
    assert y.dtype == torch.float32
    with numpy.errstate(divide="ignore"):
        same(y.isfinite(), numpy.isfinite(SMOOTH[name][0](numpy.ones(1))))


@fact("torch.relu", "torch.neg")
@pytest.mark.parametrize(("name", "want"), [("relu", [0, 2, 3]), ("neg", [2, -2, -3])], ids=["relu", "neg"])
@pytest.mark.parametrize("dtype", [torch.int8, torch.int32, torch.int64])
def test_functions_of_integers_keep_their_dtype(device, name, want, dtype):
    """`torch.relu` and `torch.neg` of integers give integers of the same dtype."""
    same(getattr(torch, name)(torch.tensor([-2, 2, 3], dtype=dtype, device=device)), torch.tensor(want, dtype=dtype))


PASSING = [*FRACTIONS, "abs", "square", "relu", "neg"]


@fact(*(f"torch.{name}" for name in PASSING))
@over(PASSING)
def test_functions_pass_nan_on(device, name):
    """`torch.exp`, `torch.abs`, `torch.relu` and the like give NaN of NaN, and not of the number beside it."""
    number = SMOOTH[name][2][0, 0]
    y = getattr(torch, name)(torch.tensor([NAN, number], dtype=torch.float64, device=device))
    close(y[1:], SMOOTH[name][0](numpy.array([number])), roundings=ROUNDINGS, scale=2)
    assert y[0].isnan()


LIMITS = {
    "exp": ([1000.0, -1000.0, INF, -INF], [INF, 0.0, INF, 0.0]),
    "sqrt": ([-1.0, -INF, INF, 0.0], [NAN, NAN, INF, 0.0]),
    "log": ([-1.0, 0.0, 1.0, INF], [NAN, -INF, 0.0, INF]),
    "tanh": ([1000.0, -1000.0, INF, -INF], [1.0, -1.0, 1.0, -1.0]),
    "sigmoid": ([1000.0, -1000.0, INF, -INF], [1.0, 0.0, 1.0, 0.0]),
}


@fact(*(f"torch.{name}" for name in LIMITS), source="notes/numerical_accuracy")
@over(LIMITS)
def test_functions_have_their_limit_or_nan(device, name):
    """`torch.exp`, `sqrt`, `log`, `tanh` and `sigmoid` give their limit, also infinity, and NaN where none is."""
    numbers, want = LIMITS[name]
    same(getattr(torch, name)(torch.tensor(numbers, device=device)), torch.tensor(want))


WHOLE = [name for name in FRACTIONS if name != "sinc"]  # it is near its zeros at whole numbers


@fact(*(f"torch.{name}" for name in WHOLE))
@over(WHOLE)
def test_functions_of_bfloat16_err_by_two_roundings(device, name):
    """`torch.exp`, `torch.sin` and the like of bfloat16 numbers are bfloat16 numbers, two roundings off at most."""
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
    "exp",
    "log",
    "log10",
    "log2",
    "neg",
    "reciprocal",
    "rsqrt",
    "sigmoid",
    "sin",
    "sinh",
    "sqrt",
    "square",
    "tan",
    "tanh",
]


@fact(*(f"torch.{name}" for name in COMPLEX))
@over(COMPLEX)
def test_functions_of_complex_numbers_have_the_principal_value(device, name):
    """`torch.exp`, `torch.acos` and the like of complex numbers give the principal value, as NumPy does."""
    array = numpy.array([0.5 + 1.25j, -0.75 + 0.25j, 1.5 - 0.5j, -2.0 - 1.0j])
    y, want = getattr(torch, name)(torch.tensor(array, device=device)), SMOOTH[name][0](array)
    assert y.dtype == torch.complex128
    close(y, want, roundings=4 * ROUNDINGS, scale=abs(want) + 1)


# --- what rounds ------------------------------------------------------------------------------------------------------


@fact(*(f"torch.{name}" for name in STEPS))
@over(STEPS)
def test_rounding_is_that_of_numpy(device, name):
    """`torch.round`, `floor`, `ceil`, `trunc`, `sign` and `sgn` give what NumPy gives: `round` halves to even."""
    array = numpy.array([[0.5, 1.5, 2.5], [-0.5, -1.5, 2.75], [0.0, -2.25, 7.0]], dtype="float32")
    x = torch.tensor(array, device=device)
    same(getattr(torch, name)(x), STEPS[name](array))
    same(x, array)


@fact(*(f"torch.{name}" for name in STEPS))
@over(STEPS)
def test_rounding_keeps_infinity(device, name):
    """`torch.round`, `floor`, `ceil` and `trunc` keep infinity, of which `sign` and `sgn` give 1 or -1."""
    y = getattr(torch, name)(torch.tensor([INF, -INF, 2.0], device=device))
    same(y, STEPS[name](numpy.array([INF, -INF, 2.0], dtype="float32")))


@fact(*(f"torch.{name}" for name in [*STEPS, "abs", "square"]))
@over([*STEPS, "abs", "square"])
@pytest.mark.parametrize("dtype", [torch.int8, torch.int64, torch.uint8])
def test_whole_values_of_integers_keep_their_dtype(device, name, dtype):
    """`torch.floor`, `torch.sign`, `torch.abs`, `torch.square` and the like of integers keep the dtype."""
    x = torch.tensor([2, 0, 5], device=device).to(dtype)
    want = {"sign": [1, 0, 1], "sgn": [1, 0, 1], "square": [4, 0, 25]}.get(name, [2, 0, 5])
    same(getattr(torch, name)(x), torch.tensor(want, dtype=dtype))


@fact(*(f"torch.{name}" for name in STEPS))
@over([name for name in STEPS if name != "sgn"])
def test_rounding_refuses_complex_numbers(device, name):
    """`torch.round`, `floor`, `ceil`, `trunc` and `sign` refuse complex numbers."""
    with pytest.raises(RuntimeError, match="sgn|not supported for complex|not implemented for 'Complex"):
        getattr(torch, name)(torch.tensor([1.5 + 2.5j], device=device))


@fact("torch.sgn")
def test_sgn_of_complex_numbers_has_the_gradient_of_a_direction(device):
    """The gradient of `torch.sgn` of a complex number is what is across its direction, divided by its length."""
    z = torch.tensor([3 + 4j, -2j], device=device, requires_grad=True)
    torch.sgn(z).backward(torch.tensor([1 + 0j, 2 + 3j], device=device))
    close(z.grad, [(0.64 - 0.48j) / 5, 1 + 0j], roundings=16, scale=1)


@fact("torch.round")
@pytest.mark.parametrize(("decimals", "want"), [(1, [1.2, -2.7]), (-1, [0.0, -0.0]), (0, [1.0, -3.0])], ids=str)
def test_round_takes_decimals(device, decimals, want):
    """`torch.round(x, decimals=n)` rounds to n places behind the point, or before it where n is negative."""
    y = torch.round(torch.tensor([1.234, -2.678], dtype=torch.float64, device=device), decimals=decimals)
    assert y.dtype == torch.float64
    close(y, want, roundings=2)


# --- questions --------------------------------------------------------------------------------------------------------


@fact(*(f"torch.{name}" for name in QUESTIONS))
@over(QUESTIONS)
def test_questions_have_boolean_answers(device, name):
    """`torch.isnan`, `isinf`, `isfinite`, `signbit` and the like give booleans with the strides of a matrix."""
    table = numpy.stack([SPECIAL, SPECIAL[::-1]])
    x = torch.tensor(table, device=device)
    y, turned = getattr(torch, name)(x), getattr(torch, name)(x.t())
    same(y, QUESTIONS[name](table))
    same(turned, QUESTIONS[name](table.T))
    assert (y.stride(), turned.stride()) == ((7, 1), (1, 7))


@fact(*(f"torch.{name}" for name in QUESTIONS))
@over(QUESTIONS)
@pytest.mark.parametrize("dtype", ["int64", "uint8"])
def test_questions_take_integers(device, name, dtype):
    """`torch.isnan`, `isinf`, `isfinite`, `logical_not` and the like take integers too."""
    array = numpy.array([0, 1, 2], dtype)
    same(getattr(torch, name)(torch.tensor(array, device=device)), QUESTIONS[name](array))


@fact(*(f"torch.{name}" for name in ["isnan", "isinf", "isfinite", "isreal"]))
@over(["isnan", "isinf", "isfinite", "isreal"])
def test_questions_look_at_both_parts_of_a_complex_number(device, name):
    """`torch.isnan`, `isinf`, `isfinite` and `isreal` look at both parts of a complex number, as NumPy's do."""
    array = numpy.array([1 + 2j, complex(NAN, 1), complex(1, INF), 3 + 0j])
    same(getattr(torch, name)(torch.tensor(array, device=device)), QUESTIONS[name](array))


# --- functions of their own -------------------------------------------------------------------------------------------


@fact("torch.bitwise_not")
@pytest.mark.parametrize("dtype", ["int64", "uint8", "bool"])
def test_bitwise_not_turns_each_bit(device, dtype):
    """`torch.bitwise_not`, which is `~x`, turns every bit of integers, and each boolean."""
    array = numpy.array([[0, 1, 2], [3, 0, 5]]).astype(dtype)
    x = torch.tensor(array, device=device)
    same(torch.bitwise_not(x), numpy.invert(array))
    same(~x.t(), numpy.invert(array.T))
    same(x, array)


CLAMPS = {
    "both": (lambda x: torch.clamp(x, -1.0, 1.0), lambda x: numpy.clip(x, -1, 1)),
    "min": (lambda x: torch.clamp(x, min=0.25), lambda x: numpy.maximum(x, 0.25)),
    "max": (lambda x: torch.clamp(x, max=0.25), lambda x: numpy.minimum(x, 0.25)),
    "tensors": (lambda x: torch.clamp(x, x * 0 - 1, x * 0 + 1), lambda x: numpy.clip(x, -1, 1)),
}


@fact("torch.clamp")
@over(CLAMPS)
def test_clamp_keeps_within_its_bounds(device, name):
    """`torch.clamp` gives the bound for what is beyond it, in a new tensor; a bound may be left out, or a tensor."""
    array = numpy.array([[0.5, -3.0, 0.25], [2.0, -1.5, -0.75]])
    x = torch.tensor(array, device=device)
    same(CLAMPS[name][0](x), CLAMPS[name][1](array))
    same(x, array)


@fact("torch.clamp")
@over(CLAMPS)
def test_clamp_keeps_nan(device, name):
    """`torch.clamp` keeps NaN."""
    array = numpy.array([NAN, 2.0])
    same(CLAMPS[name][0](torch.tensor(array, device=device)), CLAMPS[name][1](array))


@fact("torch.clamp")
def test_clamp_stops_the_gradient_beyond_its_bounds(device):
    """The gradient of `torch.clamp` is that of the result within the bounds, and zero beyond."""
    x = torch.tensor([-3.0, 0.5, 2.0, -0.75], device=device, requires_grad=True)
    torch.clamp(x, -1.0, 1.0).backward(torch.tensor([2.0, 3.0, 4.0, 5.0], device=device))
    same(x.grad, torch.tensor([0.0, 3.0, 0.0, 5.0]))


@fact("torch.clamp")
def test_clamp_takes_the_upper_bound_where_bounds_are_crossed(device):
    """`torch.clamp` with a lower bound above the upper one gives the upper one everywhere."""
    same(torch.clamp(torch.tensor([-3.0, 0.5, 9.0], device=device), 2.0, 1.0), torch.tensor([1.0, 1.0, 1.0]))


@fact("torch.clamp")
def test_clamp_without_a_bound_is_refused(device):
    """`torch.clamp` without any bound is refused: "At least one of 'min' or 'max' must not be None"."""
    with pytest.raises(RuntimeError, match="At least one of 'min' or 'max' must not be None"):
        torch.clamp(torch.tensor([1.0], device=device))


@fact("torch.nan_to_num")
def test_nan_to_num_replaces_what_is_not_finite(device):
    """`torch.nan_to_num` makes NaN zero and infinity the largest number of the dtype, or what it is told."""
    x = torch.tensor([NAN, INF, -INF, 1.5], device=device)
    most = torch.finfo(torch.float32).max
    same(torch.nan_to_num(x), torch.tensor([0.0, most, -most, 1.5]))
    same(torch.nan_to_num(x, nan=2.0, posinf=3.0, neginf=-4.0), torch.tensor([2.0, 3.0, -4.0, 1.5]))


@fact("torch.logit")
def test_logit_is_infinite_at_zero_and_one(device):
    """`torch.logit` is minus infinity at 0, infinity at 1, and NaN beyond."""
    x = torch.tensor([0.0, 1.0, 1.5, -0.5], device=device)
    same(torch.logit(x), torch.tensor([-INF, INF, NAN, NAN]))


@fact("torch.logit")
def test_logit_with_eps_keeps_within_shares(device):
    """`torch.logit` with `eps` takes what is below `eps` or above `1 - eps` for that bound."""
    x = torch.tensor([0.0, 1.0, 1.5, 0.25], dtype=torch.float64, device=device)
    close(torch.logit(x, eps=0.25), [-math.log(3), math.log(3), math.log(3), -math.log(3)], roundings=ROUNDINGS)


@fact("torch.angle")
def test_angle_of_real_numbers_is_zero_or_pi(device):
    """`torch.angle` of a real number is 0, π of one below zero, and NaN of NaN."""
    x = torch.tensor([[2.0, -3.0], [0.0, NAN]], device=device)
    same(torch.angle(x), torch.tensor([[0.0, math.pi], [0.0, NAN]]))
    same(x, torch.tensor([[2.0, -3.0], [0.0, NAN]]))


@fact("torch.frexp")
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_frexp_gives_mantissa_and_exponent(device, dtype):
    """`torch.frexp` gives mantissas and int32 exponents as `math.frexp` does of a number, contiguous if x is."""
    array = numpy.array([[1.5, -0.75, 0.0], [1024.0, 0.0625, -3.0]], dtype)
    x = torch.tensor(array, device=device)
    mantissa, exponent = torch.frexp(x)
    same(mantissa, numpy.frexp(array)[0])
    same(exponent, numpy.frexp(array)[1].astype("int32"))
    same(x, array)
    assert mantissa.is_contiguous() and exponent.is_contiguous()


@fact("torch.frexp")
def test_frexp_has_the_gradient_of_a_scale(device):
    """The gradient of the mantissa of `torch.frexp` is divided by two to the power of the exponent."""
    x = torch.tensor([1.5, 12.0], device=device, requires_grad=True)
    mantissa, _ = torch.frexp(x)
    mantissa.backward(torch.tensor([3.0, 8.0], device=device))
    same(x.grad, torch.tensor([1.5, 0.5]))


@fact("torch.frexp")
def test_frexp_refuses_integers(device):
    """`torch.frexp` refuses integers: it "only supports floating-point dtypes"."""
    with pytest.raises(RuntimeError, match="only supports floating-point dtypes"):
        torch.frexp(torch.tensor([1], device=device))
