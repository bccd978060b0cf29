"""Operations on two tensors or three, element by element: those with an underscore are in test_in_place."""

import math
import operator

import numpy
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from torchproof import close, fact, same
from torchproof.fixtures.checks import shares
from torchproof.fixtures.strategies import Layout, layouts
from torchproof.suites.functional.reference import ABOVE, ANY, BITS, INTEGER, LOGICAL, OTHER, SHARES, lying, over

ROUNDINGS = 32  # of functions that are made of a few steps, each within 2 units in the last place
INF, NAN = math.inf, math.nan
# What each function is of two arrays, and its derivatives by either.
OF_TWO = {
    "add": (numpy.add, lambda a, b: 1 + 0 * a, lambda a, b: 1 + 0 * b),
    "sub": (numpy.subtract, lambda a, b: 1 + 0 * a, lambda a, b: 0 * b - 1),
    "mul": (numpy.multiply, lambda a, b: b, lambda a, b: a),
    "div": (numpy.divide, lambda a, b: 1 / b, lambda a, b: -a / b**2),
    "pow": (numpy.power, lambda a, b: b * a ** (b - 1), lambda a, b: a**b * numpy.log(a)),
    "remainder": (numpy.mod, lambda a, b: 0 * a + 1, lambda a, b: -numpy.floor(a / b)),
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
ARITHMETIC = ["add", "sub", "mul", "div", "pow"]
COMPARISONS = {
    "eq": numpy.equal,
    "ne": numpy.not_equal,
    "lt": numpy.less,
    "le": numpy.less_equal,
    "gt": numpy.greater,
    "ge": numpy.greater_equal,
}
EXTREMES = ["maximum", "minimum", "fmax", "fmin"]

positive = st.floats(0.0625, 4, width=32)
signed = positive.flatmap(lambda x: st.sampled_from([x, -x]))


def first(name):
    return ABOVE if name == "pow" else ANY


@fact(*(f"torch.{name}" for name in OF_TWO))
@over(OF_TWO)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_functions_broadcast_a_column_with_a_row(device, name, dtype):
    """`torch.add`, `torch.atan2` and the like of a column and a row give a new contiguous table of all pairs."""
    a, b = first(name).astype(dtype).reshape(6, 1), OTHER.astype(dtype)[0]
    x, y = torch.tensor(a, device=device), torch.tensor(b, device=device)
    got, want = getattr(torch, name)(x, y), OF_TWO[name][0](a.astype("float64"), b.astype("float64"))
    assert (got.dtype, got.is_contiguous()) == (x.dtype, True)
    close(got, want, roundings=ROUNDINGS, scale=abs(want) + 1)
    same(x, a)
    same(y, b)


@fact(*(f"torch.{name}" for name in ARITHMETIC))
@over(ARITHMETIC)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@given(pairs=st.lists(st.tuples(positive, signed), min_size=1, max_size=6))
@example(pairs=[(1.5, 2.0), (0.75, -1.5), (3.0, 0.25)])
def test_arithmetic_is_that_of_numpy(device, name, dtype, pairs):
    """`torch.add`, `sub`, `mul`, `div` and `pow` are near to NumPy's, for numbers up to 4 in size."""
    a, b = numpy.array(pairs).T
    y = getattr(torch, name)(*(torch.tensor(each, dtype=dtype, device=device) for each in (a, b)))
    assert y.dtype == dtype
    close(y, OF_TWO[name][0](a, b), roundings=16)


@fact(*(f"torch.{name}" for name in ARITHMETIC))
@over(ARITHMETIC)
@given(layout=layouts(1, 3, max_side=3, overlap=True))
@example(layout=Layout((2, 3), (1, 2)))
@example(layout=Layout((3,), (2,), 1))
def test_arithmetic_reads_operands_of_any_strides(device, name, layout):
    """`torch.add`, `sub`, `mul`, `div` and `pow` read permuted, sliced, offset and expanded operands."""
    memory = numpy.arange(1.0, layout.reach + 3) / 4
    a, b = (torch.from_numpy(each).to(device).as_strided(*layout) for each in (memory[:-2], memory[2:]))
    want = OF_TWO[name][0](*(each[layout.places()] for each in (memory[:-2], memory[2:])))
    close(getattr(torch, name)(a, b), want, roundings=16)


@fact(*(f"torch.{name}" for name in ARITHMETIC))
@pytest.mark.parametrize(("name", "neutral"), [("add", 0), ("sub", 0), ("mul", 1), ("div", 1), ("pow", 1)])
def test_arithmetic_that_changes_nothing_gives_a_copy(device, name, neutral):
    """`torch.add(x, 0)`, `sub(x, 0)`, `mul(x, 1)`, `div(x, 1)` and `pow(x, 1)` give a copy of `x`."""
    x = torch.tensor([0.5, 2.0, 3.0], device=device)
    y = getattr(torch, name)(x, neutral)
    same(y, torch.tensor([0.5, 2.0, 3.0]))
    assert not shares(y, x)


@fact(*(f"torch.{name}" for name in ARITHMETIC), source="notes/numerical_accuracy")
@pytest.mark.parametrize(
    ("operation", "a", "b", "want"),
    [
        (operator.add, [INF, INF, 1e38], [-INF, 1.0, 1e38], [NAN, INF, 2e38]),
        (operator.sub, [INF, -INF, 3e38], [INF, 1.0, -3e38], [NAN, -INF, INF]),
        (operator.mul, [0.0, INF, 1e30], [INF, -2.0, 1e30], [NAN, -INF, INF]),
        (operator.truediv, [1.0, -1.0, 0.0, 1.0], [0.0, 0.0, 0.0, INF], [INF, -INF, NAN, 0.0]),
        (operator.pow, [0.0, 0.0, -8.0, NAN], [0.0, -1.0, 0.5, 0.0], [1.0, INF, NAN, 1.0]),
    ],
    ids=ARITHMETIC,
)
def test_arithmetic_gives_infinity_and_nan_of_ieee_754(device, operation, a, b, want):
    """`+`, `-`, `*`, `/` and `**` of tensors give infinity and NaN where IEEE 754 does: `1 / 0` is no error."""
    same(operation(torch.tensor(a, device=device), torch.tensor(b, device=device)), torch.tensor(want))


@fact(*(f"torch.{name}" for name in OF_TWO))
@over(OF_TWO)
def test_functions_have_their_derivatives_as_gradients(device, name):
    """The gradients of `torch.mul`, `torch.atan2` and the like are their derivatives, summed where they broadcast."""
    array = first(name)
    x, y = torch.tensor(array, device=device, requires_grad=True), torch.tensor(OTHER[0], device=device)
    getattr(torch, name)(x, y.requires_grad_()).backward(torch.tensor(OTHER, device=device))
    by_x, by_y = (OTHER * derivative(array, OTHER[:1]) for derivative in OF_TWO[name][1:])
    close(x.grad, by_x, roundings=ROUNDINGS, scale=abs(by_x) + 1)
    close(y.grad, by_y.sum(0), roundings=ROUNDINGS, scale=abs(by_y).sum(0) + 1)


@fact(*(f"torch.{name}" for name in OF_TWO))
@over(OF_TWO)
def test_functions_do_not_depend_on_how_operands_lie(device, name):
    """`torch.add`, `torch.atan2` and the like, with their gradients, do not depend on strides, but for rounding."""
    rows = []
    for x, y in zip(lying(torch.tensor(first(name), device=device)), lying(torch.tensor(OTHER, device=device))[::-1]):
        got = getattr(torch, name)(x.requires_grad_(), y.requires_grad_())
        got.backward(torch.tensor(OTHER, device=device))
        rows.append(torch.stack([got.detach(), x.grad, y.grad]))
    want = rows[0].cpu().expand(3, 3, 2, 3).numpy()
    close(torch.stack(rows[1:]), want, roundings=ROUNDINGS, scale=abs(want) + 4)


OF_THREE = ["lerp", "addcmul", "addcdiv"]
OTHERS = ["floor_divide", "float_power", "heaviside", "nextafter", "ldexp", "igamma", "igammac"]
LAID = [*OF_TWO, *COMPARISONS, *INTEGER, *LOGICAL, *OF_THREE, *OTHERS]


@fact(*(f"torch.{name}" for name in LAID), source="tensor_attributes")
@over(LAID)
def test_functions_keep_the_strides_of_matrices_alike(device, name):
    """`torch.add`, `torch.lt`, `torch.lerp` and the like of contiguous or of transposed matrices keep the strides."""
    x = torch.ones(2, 3, dtype=torch.int64 if name in INTEGER else torch.float32, device=device)
    y, turned = (getattr(torch, name)(*[each] * (3 if name in OF_THREE else 2)) for each in (x, x.t()))
    assert (y.stride(), turned.stride()) == ((3, 1), (1, 3))


@fact(*(f"torch.{name}" for name in OF_TWO))
@over(OF_TWO)
def test_functions_write_to_out(device, name):
    """`torch.add`, `torch.atan2` and the like write to `out`, and return it."""
    out = torch.full((2, 3), 9.0, dtype=torch.float64, device=device)
    operands = [torch.tensor(each, device=device) for each in (first(name), OTHER)]
    assert getattr(torch, name)(*operands, out=out) is out
    want = OF_TWO[name][0](first(name), OTHER)
    close(out, want, roundings=ROUNDINGS, scale=abs(want) + 1)


@fact(*(f"torch.{name}" for name in EXTREMES))
@over(EXTREMES)
def test_extremes_and_nan(device, name):
    """`torch.maximum` and `minimum` give NaN where one of two is NaN, `torch.fmax` and `fmin` the other one."""
    a, b = [NAN, 1.0, NAN, 2.0], [3.0, NAN, NAN, 5.0]
    y = getattr(torch, name)(torch.tensor(a, device=device), torch.tensor(b, device=device))
    same(y, OF_TWO[name][0](numpy.array(a, "float32"), numpy.array(b, "float32")))


# --- comparisons, bits and logic --------------------------------------------------------------------------------------


@fact(*(f"torch.{name}" for name in COMPARISONS))
@over(COMPARISONS)
@pytest.mark.parametrize("dtype", ["int64", "float32"])
def test_comparisons_broadcast_a_column_with_a_row(device, name, dtype):
    """`torch.eq`, `torch.lt` and the like of a column and a row give a new contiguous table of booleans."""
    a, b = numpy.array([[1], [2], [-3]], dtype), numpy.array([2, -3], dtype)
    x, z = torch.tensor(a, device=device), torch.tensor(b, device=device)
    y = getattr(torch, name)(x, z)
    same(y, COMPARISONS[name](a, b))
    assert y.is_contiguous()
    same(x, a)
    same(z, b)


@fact("torch.eq", "torch.ne", source="notes/numerical_accuracy")
@pytest.mark.parametrize(("name", "want"), [("eq", [False, True]), ("ne", [True, False])], ids=["eq", "ne"])
def test_comparisons_of_nan_differ(device, name, want):
    """`torch.eq` of NaN and NaN is False, and `torch.ne` True: NaN is not equal to itself."""
    x = torch.tensor([NAN, 1.0], device=device)
    same(getattr(torch, name)(x, x), torch.tensor(want))


@fact(*(f"torch.{name}" for name in INTEGER))
@over(INTEGER)
@pytest.mark.parametrize("dtype", ["int64", "int16", "uint8"])
def test_bits_are_those_of_numpy(device, name, dtype):
    """`torch.bitwise_and`, `torch.gcd`, `torch.lcm` and the like of integers give what NumPy gives, in their dtype."""
    a, b = (each.astype(dtype) for each in BITS)
    x, y = (torch.tensor(each, device=device) for each in (a, b))
    same(getattr(torch, name)(x, y), INTEGER[name](a, b))
    same(torch.stack([x, y]), numpy.stack([a, b]))


@fact(*(f"torch.{name}" for name in INTEGER))
@over(INTEGER)
def test_bits_are_written_to_out(device, name):
    """`torch.bitwise_and`, `torch.gcd`, `torch.lcm` and the like write to `out`, transposed ones too."""
    x, y = (torch.tensor(each, device=device) for each in BITS)
    out = torch.zeros_like(x)
    same(getattr(torch, name)(x.t(), y.t(), out=out.t()), INTEGER[name](*BITS).T)
    same(out, INTEGER[name](*BITS))


@fact(*(f"torch.{name}" for name in INTEGER))
@over(INTEGER)
def test_bits_of_fractions_are_refused(device, name):
    """`torch.bitwise_and`, `torch.gcd`, `torch.lcm` and the like refuse floating-point numbers."""
    with pytest.raises(RuntimeError, match="not (supported|implemented) for"):
        getattr(torch, name)(torch.tensor([1.5], device=device), torch.tensor([2.5], device=device))


@fact(*(f"torch.{name}" for name in LOGICAL))
@over(LOGICAL)
@pytest.mark.parametrize(("dtype", "true"), [("bool", True), ("int64", 2), ("float32", NAN)])
def test_logic_takes_what_is_not_zero_for_true(device, name, dtype, true):
    """`torch.logical_and`, `logical_or` and `logical_xor` give booleans, and take all but zero, NaN too, for True."""
    a, b = (numpy.array(each).astype(dtype) for each in ([[true, 0, 3], [0, 1, 0]], [[1, 4, 0], [0, 0, -5]]))
    x, y = (torch.tensor(each, device=device) for each in (a, b))
    same(getattr(torch, name)(x, y), LOGICAL[name](a, b))
    same(getattr(torch, name)(x.t(), y.t()), LOGICAL[name](a, b).T)
    same(x, a)


# --- functions of their own -------------------------------------------------------------------------------------------


@fact("torch.add", "torch.sub")
@pytest.mark.parametrize(("name", "want"), [("add", [6.5, 9.0]), ("sub", [-5.5, -7.0])], ids=["add", "sub"])
def test_add_and_sub_multiply_their_second_operand_by_alpha(device, name, want):
    """`torch.add` and `torch.sub` with `alpha=2` add or subtract twice their second operand."""
    a, b = torch.tensor([0.5, 1.0], device=device), torch.tensor([3.0, 4.0], device=device)
    same(getattr(torch, name)(a, b, alpha=2), torch.tensor(want))


@fact("torch.Tensor.sub")
def test_sub_changes_neither_operand_and_its_gradients_are_opposite(device):
    """`x - y` (`Tensor.sub`) is a new tensor: `x` and `y` stay; its gradient by `x` is 1, and by `y` minus 1."""
    x, y = (torch.tensor([4.0, 2.5], device=device, requires_grad=True) for _ in "xy")
    difference = torch.Tensor.sub(x, y)
    same(difference, torch.zeros(2))
    same(x, torch.tensor([4.0, 2.5]))
    same(y, x)
    by_x, by_y = torch.autograd.grad(difference.sum(), (x, y))
    same(by_x, torch.ones(2))
    same(by_y, -torch.ones(2))


@fact("torch.div")
@pytest.mark.parametrize(
    ("mode", "want"), [(None, [-1.75, 1.75]), ("trunc", [-1.0, 1.0]), ("floor", [-2.0, 1.0])], ids=str
)
def test_div_rounds_as_asked(device, mode, want):
    """`torch.div` rounds to zero with `rounding_mode="trunc"`, down with `"floor"`, and not at all without."""
    same(torch.div(torch.tensor([-7.0, 7.0], device=device), 4, rounding_mode=mode), torch.tensor(want))


@fact("torch.div", source="tensor_attributes")
def test_div_of_integers_gives_fractions(device):
    """`torch.div`, which is `/`, of integers gives fractions in float32."""
    same(torch.div(torch.tensor([1, 6, -7], device=device), 4), torch.tensor([0.25, 1.5, -1.75]))


@fact("torch.floor_divide")
@pytest.mark.parametrize("dtype", ["int64", "float64"])
def test_floor_divide_rounds_down(device, dtype):
    """`torch.floor_divide` rounds down, so that times the divisor, plus `%`, it is what was divided."""
    a, b = numpy.array([[7, -7, 7], [-7, 6, -6]], dtype), numpy.array([2, 2, -2], dtype)
    x, y = torch.tensor(a, device=device), torch.tensor(b, device=device)
    q = torch.floor_divide(x, y)
    same(q, a // b)
    same(q * y + x % y, a)
    same(x, a)


@fact("torch.floor_divide", "torch.fmod")
@over(["floor_divide", "fmod"])
def test_integers_divided_by_zero_are_refused(name):
    """`torch.floor_divide` and `torch.fmod` of integers by zero are refused on the CPU: "ZeroDivisionError"."""
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        getattr(torch, name)(torch.tensor([1, 2]), 0)


@fact("torch.remainder")
@pytest.mark.parametrize("dtype", [torch.int64, torch.float32])
@pytest.mark.parametrize("divisor", [3, -3])
def test_remainder_has_the_sign_of_the_divisor(device, dtype, divisor):
    """`torch.remainder` has the sign of what it divides by, as Python's `%` has."""
    x = torch.tensor([-7, -3, 0, 7], dtype=dtype, device=device)
    same(torch.remainder(x, divisor), torch.tensor([number % divisor for number in (-7, -3, 0, 7)], dtype=dtype))


@fact("torch.pow")
@pytest.mark.parametrize("exponent", [-2, -2.0, -0.5], ids=str)
def test_pow_with_a_negative_exponent_is_of_the_reciprocal(device, exponent):
    """`torch.pow` of floating-point numbers with a negative exponent gives the power of the reciprocal."""
    x = torch.tensor([0.25, 4.0], device=device)
    same(torch.pow(x, exponent), torch.tensor([4.0**-exponent, 0.25**-exponent]))


@fact("torch.float_power")
@pytest.mark.parametrize("dtype", [torch.int64, torch.float32, torch.bfloat16])
def test_float_power_is_of_float64(device, dtype):
    """`torch.float_power` of integers, float32 or bfloat16 computes in float64, and gives it."""
    y = torch.float_power(torch.tensor([2, 3, 4], device=device).to(dtype), -2)
    assert y.dtype == torch.float64
    close(y, [1 / 4, 1 / 9, 1 / 16], roundings=2)


@fact("torch.float_power")
def test_float_power_has_the_gradient_of_a_power(device):
    """The gradient of `torch.float_power(x, 3)` is three times the square of `x`, in the dtype of `x`."""
    x = torch.tensor([2.0, -3.0], device=device, requires_grad=True)
    torch.float_power(x, 3).backward(torch.tensor([1.0, 2.0], dtype=torch.float64, device=device))
    same(x.grad, torch.tensor([12.0, 54.0]))


@fact("torch.heaviside")
def test_heaviside_takes_its_value_at_zero(device):
    """`torch.heaviside` is 0 below zero, 1 above, and what its second argument says at zero."""
    x = torch.tensor([-1.5, 0.0, 2.0, -0.0], device=device)
    y = torch.heaviside(x, torch.tensor([0.25, 0.5, 0.25, 0.75], device=device))
    same(y, torch.tensor([0.0, 0.5, 1.0, 0.75]))
    same(x, torch.tensor([-1.5, 0.0, 2.0, -0.0]))


@fact("torch.nextafter")
def test_nextafter_is_the_next_number(device):
    """`torch.nextafter` is the next float32 in the direction of its second argument."""
    a, b = numpy.array([1.0, 1.0, 0.0, 2.0], "float32"), numpy.array([2.0, 0.0, -1.0, 2.0], "float32")
    x = torch.tensor(a, device=device)
    same(torch.nextafter(x, torch.tensor(b, device=device)), numpy.nextafter(a, b))
    same(x, a)


@fact("torch.ldexp")
def test_ldexp_multiplies_by_a_power_of_two(device):
    """`torch.ldexp` multiplies by two to the power of its second argument."""
    x = torch.tensor([0.75, -1.5], device=device)
    same(torch.ldexp(x, torch.tensor([3, -2], device=device)), torch.tensor([6.0, -0.375]))
    same(x, torch.tensor([0.75, -1.5]))


of_weights = pytest.mark.parametrize(
    "weight", [lambda device: 0.25, lambda device: torch.tensor([0.25], device=device)], ids=["number", "tensor"]
)


@fact("torch.lerp")
@of_weights
def test_lerp_goes_a_share_of_the_way(device, weight):
    """`torch.lerp(a, b, weight)` is `a + weight * (b - a)`, of a weight that is a number or a tensor."""
    a, b = (torch.tensor(each, device=device) for each in ([1.0, 4.0], [3.0, -4.0]))
    same(torch.lerp(a, b, weight(device)), torch.tensor([1.5, 2.0]))
    same(a, torch.tensor([1.0, 4.0]))


@fact("torch.lerp")
@of_weights
def test_lerp_shares_its_gradient_out(device, weight):
    """The gradient of `torch.lerp` goes to both ends by their shares: `weight` to the second."""
    a, b = (torch.tensor(each, device=device, requires_grad=True) for each in ([1.0, 4.0], [3.0, -4.0]))
    torch.lerp(a, b, weight(device)).backward(torch.tensor([1.0, 2.0], device=device))
    same(torch.stack([a.grad, b.grad]), torch.tensor([[0.75, 1.5], [0.25, 0.5]]))


of_added = pytest.mark.parametrize(
    ("name", "of"), [("addcmul", numpy.multiply), ("addcdiv", numpy.divide)], ids=["addcmul", "addcdiv"]
)


@fact("torch.addcmul", "torch.addcdiv")
@of_added
def test_addcmul_and_addcdiv_add_a_product_or_quotient(device, name, of):
    """`torch.addcmul` and `torch.addcdiv` give a new tensor: `x`, and `value` times a product or quotient added."""
    x, a, b = (torch.tensor(each, device=device) for each in (ANY, SHARES, ABOVE))
    added = getattr(torch, name)(x, a, b, value=0.5)
    close(added, ANY + of(SHARES, ABOVE) / 2, roundings=4, scale=4)
    same(x, ANY)
    assert added.dtype == x.dtype


@fact("torch.addcmul", "torch.addcdiv")
@of_added
def test_addcmul_and_addcdiv_have_the_gradients_of_a_sum(device, name, of):
    """The gradients of `torch.addcmul` and `torch.addcdiv` are those of a sum with a product or a quotient."""
    x, a, b = (torch.tensor(each, device=device, requires_grad=True) for each in (ANY, SHARES, ABOVE))
    getattr(torch, name)(x, a, b, value=0.5).backward(torch.tensor(OTHER, device=device))
    same(x.grad, OTHER)
    close(a.grad, of(OTHER, ABOVE) / 2, roundings=4)
    close(b.grad, OTHER * (SHARES if name == "addcmul" else -SHARES / ABOVE**2) / 2, roundings=8)


@fact("torch.addcdiv")
def test_addcdiv_refuses_integers(device):
    """`torch.addcdiv` refuses integers: "Integer division with addcdiv is no longer supported"."""
    x = torch.tensor([1, 2], device=device)
    with pytest.raises(RuntimeError, match="Integer division with addcdiv is no longer supported"):
        torch.addcdiv(x, x, x)


@fact("torch.where")
@given(rows=st.lists(st.tuples(st.booleans(), st.floats(-8, 8, width=32), st.floats(-8, 8, width=32)), min_size=1))
@example(rows=[(True, 1.5, 2.5), (False, 3.5, 4.5), (True, 5.5, 6.5)])
def test_where_takes_each_element_from_one_of_two(device, rows):
    """`torch.where` takes an element from its second argument where the condition is True, from its third elsewhere."""
    condition, a, b = (torch.tensor(column, device=device) for column in zip(*rows, strict=True))
    want = torch.tensor([one if chosen else other for chosen, one, other in rows])
    same(torch.where(condition, a, b), want)


@fact("torch.where")
def test_where_gives_each_gradient_to_what_was_chosen(device):
    """`torch.where` gives the gradient of an element to the argument that it was taken from, the other one zero."""
    a, b = (torch.tensor(values, device=device, requires_grad=True) for values in ([1.5, 3.5], [2.5, 4.5]))
    y = torch.where(torch.tensor([True, False], device=device), a, b)
    y.backward(torch.tensor([3.0, 5.0], device=device))
    same(a.grad, torch.tensor([3.0, 0.0]))
    same(b.grad, torch.tensor([0.0, 5.0]))


@fact("torch.where", source="notes/broadcasting")
def test_where_broadcasts_all_three(device):
    """`torch.where` broadcasts its condition and both sources into one tensor, contiguous where they are."""
    condition = torch.tensor([[True], [False]], device=device)
    y = torch.where(condition, torch.tensor([1.5, 2.5, 3.5], device=device), torch.tensor(0.5, device=device))
    assert y.stride() == (3, 1)
    same(y, torch.tensor([[1.5, 2.5, 3.5], [0.5, 0.5, 0.5]]))


@fact("torch.where", source="tensor_attributes")
def test_where_promotes_its_sources(device):
    """`torch.where` of a float32 and a float64 tensor gives float64."""
    a, b = torch.tensor([1.5, 2.5], device=device), torch.tensor([3.5, 4.5], device=device, dtype=torch.float64)
    y = torch.where(torch.tensor([True, False], device=device), a, b)
    same(y, torch.tensor([1.5, 4.5], dtype=torch.float64))
