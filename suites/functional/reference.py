"""What the facts of this topic judge functions by: arrays, formulas with their slopes, ways to lie in memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy
import pytest
import torch

ANY = numpy.array([[0.5, -1.25, 2.0], [1.5, 0.25, -0.75]])
OTHER = numpy.array([[2.0, 0.75, -1.5], [-0.25, 1.75, 3.0]])
ABOVE = numpy.array([[0.5, 1.25, 2.0], [1.5, 0.25, 3.75]])  # zero
ABOVE_ONE = ABOVE + 1
INSIDE = numpy.array([[0.5, -0.25, 0.75], [0.125, 0.25, -0.75]])  # the unit circle
SHARES = numpy.array([[0.5, 0.25, 0.75], [0.125, 0.625, 0.875]])

# The same elements in the same shape, otherwise in memory.
LIES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "transposed": lambda x: x.transpose(0, -1).contiguous().transpose(0, -1),
    "stepped": lambda x: torch.stack([x, x], -1)[..., 0],
    "offset": lambda x: torch.cat([x[:1], x])[1:],
}
of_lies = pytest.mark.parametrize("lie", LIES.values(), ids=LIES)


def lying(x: torch.Tensor) -> list[torch.Tensor]:
    """The tensor, and copies of it that lie otherwise in memory."""
    return [x, *(lie(x) for lie in LIES.values())]


def over(names: Iterable[str]) -> pytest.MarkDecorator:
    """A fact for each name."""
    return pytest.mark.parametrize("name", list(names))


def each(function: Callable[[float], float]) -> Callable[[numpy.ndarray], numpy.ndarray]:
    """A function of numbers as one of arrays."""
    return numpy.vectorize(function, otypes=["float64"])


def logistic(x: numpy.ndarray) -> numpy.ndarray:
    """The function that `sigmoid` is."""
    return 1 / (1 + numpy.exp(-x))


def log_softmax(x: numpy.ndarray, axis: int = -1) -> numpy.ndarray:
    """The logarithm of each exponential's share."""
    return x - numpy.log(numpy.exp(x).sum(axis, keepdims=True))


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
    "exp": (numpy.exp, numpy.exp, ANY),
    "exp2": (numpy.exp2, lambda x: math.log(2) * 2**x, ANY),
    "expm1": (numpy.expm1, numpy.exp, ANY),
    "frac": (lambda x: x - numpy.trunc(x), lambda x: 0 * x + 1, ANY),
    "log": (numpy.log, lambda x: 1 / x, ABOVE),
    "log10": (numpy.log10, lambda x: 1 / (x * math.log(10)), ABOVE),
    "log1p": (numpy.log1p, lambda x: 1 / (1 + x), ABOVE),
    "log2": (numpy.log2, lambda x: 1 / (x * math.log(2)), ABOVE),
    "logit": (lambda x: numpy.log(x / (1 - x)), lambda x: 1 / (x * (1 - x)), SHARES),
    "nan_to_num": (lambda x: x, lambda x: 0 * x + 1, ANY),
    "neg": (numpy.negative, lambda x: 0 * x - 1, ANY),
    "rad2deg": (numpy.rad2deg, lambda x: 0 * x + 180 / math.pi, ANY),
    "reciprocal": (numpy.reciprocal, lambda x: -1 / x**2, ANY),
    "relu": (lambda x: numpy.maximum(x, 0), lambda x: 1.0 * (x > 0), ANY),
    "rsqrt": (lambda x: x**-0.5, lambda x: -(x**-1.5) / 2, ABOVE),
    "sigmoid": (logistic, lambda x: logistic(x) * logistic(-x), ANY),
    "sin": (numpy.sin, numpy.cos, ANY),
    "sinc": (numpy.sinc, lambda x: (numpy.cos(math.pi * x) - numpy.sinc(x)) / x, ANY),
    "sinh": (numpy.sinh, numpy.cosh, ANY),
    "sqrt": (numpy.sqrt, lambda x: 0.5 / numpy.sqrt(x), ABOVE),
    "square": (numpy.square, lambda x: 2 * x, ANY),
    "tan": (numpy.tan, lambda x: 1 / numpy.cos(x) ** 2, ANY),
    "tanh": (numpy.tanh, lambda x: 1 - numpy.tanh(x) ** 2, ANY),
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
INTEGERS_TOO = ["abs", "frac", "nan_to_num", "neg", "relu", "square"]
FRACTIONS = [name for name in SMOOTH if name not in INTEGERS_TOO]  # whose values are no integers
INTEGER = {
    "bitwise_and": numpy.bitwise_and,
    "bitwise_or": numpy.bitwise_or,
    "bitwise_xor": numpy.bitwise_xor,
    "bitwise_left_shift": numpy.left_shift,
    "bitwise_right_shift": numpy.right_shift,
    "gcd": numpy.gcd,
    "lcm": numpy.lcm,
}
BITS = numpy.array([[12, 5, 0], [7, 3, 40]]), numpy.array([[2, 1, 3], [4, 3, 6]])
LOGICAL = {
    "logical_and": numpy.logical_and,
    "logical_or": numpy.logical_or,
    "logical_xor": numpy.logical_xor,
}
