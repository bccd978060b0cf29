import math
import operator

import pytest
import torch

from torchproof import fact, same

INF, NAN = math.inf, math.nan


def of(device, *numbers):
    return torch.tensor(numbers, device=device)


@fact("torch.exp", "torch.sqrt", "torch.log", "torch.tanh", "torch.sigmoid", source="notes/numerical_accuracy")
@pytest.mark.parametrize(
    ("function", "numbers", "want"),
    [
        (torch.exp, [1000.0, -1000.0, INF, -INF], [INF, 0.0, INF, 0.0]),
        (torch.sqrt, [-1.0, -INF, INF, 0.0], [NAN, NAN, INF, 0.0]),
        (torch.log, [-1.0, 0.0, 1.0, INF], [NAN, -INF, 0.0, INF]),
        (torch.tanh, [1000.0, -1000.0, INF, -INF], [1.0, -1.0, 1.0, -1.0]),
        (torch.sigmoid, [1000.0, -1000.0, INF, -INF], [1.0, 0.0, 1.0, 0.0]),
    ],
    ids=["exp", "sqrt", "log", "tanh", "sigmoid"],
)
def test_function_has_its_limit_or_nan(device, function, numbers, want):
    """A function that cannot give its value gives the limit, infinity included, and NaN where there is none."""
    same(function(of(device, *numbers)), torch.tensor(want))


@fact("torch.exp", "torch.sqrt", "torch.log", "torch.tanh", "torch.sigmoid", "torch.relu", "torch.neg")
@pytest.mark.parametrize(
    ("function", "of_one"),
    [
        (torch.exp, math.e),
        (torch.sqrt, 1.0),
        (torch.log, 0.0),
        (torch.tanh, math.tanh(1)),
        (torch.sigmoid, 1 / (1 + math.exp(-1))),
        (torch.relu, 1.0),
        (torch.neg, -1.0),
    ],
    ids=["exp", "sqrt", "log", "tanh", "sigmoid", "relu", "neg"],
)
def test_function_gives_nan_of_nan_alone(device, function, of_one):
    """A function gives NaN of NaN, and not of the number beside it."""
    nan, one = function(of(device, NAN, 1.0)).tolist()
    assert math.isnan(nan)
    assert one == pytest.approx(of_one, rel=1e-6)


@fact("torch.add", "torch.Tensor.sub", "torch.mul", "torch.div", "torch.pow", source="notes/numerical_accuracy")
@pytest.mark.parametrize(
    ("operation", "a", "b", "want"),
    [
        (operator.add, [INF, INF, 1e38], [-INF, 1.0, 1e38], [NAN, INF, 2e38]),
        (operator.sub, [INF, -INF, 3e38], [INF, 1.0, -3e38], [NAN, -INF, INF]),
        (operator.mul, [0.0, INF, 1e30], [INF, -2.0, 1e30], [NAN, -INF, INF]),
        (operator.truediv, [1.0, -1.0, 0.0, 1.0], [0.0, 0.0, 0.0, INF], [INF, -INF, NAN, 0.0]),
        (operator.pow, [0.0, 0.0, -8.0, NAN], [0.0, -1.0, 0.5, 0.0], [1.0, INF, NAN, 1.0]),
    ],
    ids=["add", "sub", "mul", "div", "pow"],
)
def test_operation_gives_what_floating_point_asks_for(device, operation, a, b, want):
    """An operation beyond the largest number gives infinity, one without a value NaN, as IEEE 754 has it."""
    same(operation(of(device, *a), of(device, *b)), torch.tensor(want))


@fact("torch.pow")
@pytest.mark.parametrize("exponent", [-2, -2.0, -0.5], ids=str)
def test_power_with_a_negative_number_is_of_the_reciprocal(device, exponent):
    """`pow` with a negative exponent gives the power of the reciprocal."""
    same(torch.pow(of(device, 0.25, 4.0), exponent), torch.tensor([4.0**-exponent, 0.25**-exponent]))


@fact("torch.remainder")
@pytest.mark.parametrize("dtype", [torch.int64, torch.float32])
@pytest.mark.parametrize("divisor", [3, -3])
def test_remainder_has_the_sign_of_the_divisor(device, dtype, divisor):
    """`remainder` has the sign of what it divides by, as Python's `%` has."""
    x = torch.tensor([-7, -3, 0, 7], dtype=dtype, device=device)
    same(torch.remainder(x, divisor), torch.tensor([number % divisor for number in (-7, -3, 0, 7)], dtype=dtype))


@fact("torch.max", "torch.min", source="generated/torch.amax")
@pytest.mark.parametrize(("extreme", "want"), [(torch.max, 3.0), (torch.min, 2.0)], ids=["max", "min"])
def test_extreme_of_what_has_nan_is_nan(device, extreme, want):
    """`max` and `min` give NaN where one of the elements is NaN, and the extreme where none is."""
    same(extreme(of(device, 2.0, NAN, 3.0)), torch.tensor(NAN))
    same(extreme(of(device, 2.0, 3.0)), torch.tensor(want))


@fact("torch.eq", "torch.ne", source="notes/numerical_accuracy")
@pytest.mark.parametrize(("compare", "want"), [(torch.eq, [False, True]), (torch.ne, [True, False])], ids=["eq", "ne"])
def test_nan_is_not_equal_to_itself(device, compare, want):
    """NaN is not equal to NaN."""
    x = of(device, NAN, 1.0)
    same(compare(x, x), torch.tensor(want))


@fact("torch.Tensor.to")
@pytest.mark.parametrize("dtype", [torch.int8, torch.int32, torch.int64])
def test_float_made_an_integer_is_cut(device, dtype):
    """`to` an integer dtype cuts off what is behind the point."""
    same(of(device, 1.75, -1.75, 2.5).to(dtype), torch.tensor([1, -1, 2], dtype=dtype))
