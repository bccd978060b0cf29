"""Derivatives beside differences of the same functions in NumPy or SciPy; where there is none, see test_kinks."""

import importlib
import math

import numpy
import pytest
import torch

from torchproof import close, fact, same
from torchproof.fixtures.fact import check, subject

ANYWHERE = [-1.7, -0.6, 0.35, 1.4]
INSIDE = [-0.6, -0.2, 0.45, 0.7]
POSITIVE = [0.3, 0.9, 1.6, 4.2]


erf = numpy.vectorize(math.erf)


def sigmoid(x):
    return 1 / (1 + numpy.exp(-x))


def softplus(x):
    return numpy.log1p(numpy.exp(x))


# Each function of one number with itself in NumPy, and points where it is smooth.
SMOOTH = {
    "torch.exp": (numpy.exp, ANYWHERE),
    "torch.exp2": (numpy.exp2, ANYWHERE),
    "torch.expm1": (numpy.expm1, ANYWHERE),
    "torch.log": (numpy.log, POSITIVE),
    "torch.log2": (numpy.log2, POSITIVE),
    "torch.log10": (numpy.log10, POSITIVE),
    "torch.log1p": (numpy.log1p, POSITIVE),
    "torch.sin": (numpy.sin, ANYWHERE),
    "torch.cos": (numpy.cos, ANYWHERE),
    "torch.tan": (numpy.tan, INSIDE),
    "torch.asin": (numpy.arcsin, INSIDE),
    "torch.acos": (numpy.arccos, INSIDE),
    "torch.atan": (numpy.arctan, ANYWHERE),
    "torch.sinh": (numpy.sinh, ANYWHERE),
    "torch.cosh": (numpy.cosh, ANYWHERE),
    "torch.tanh": (numpy.tanh, ANYWHERE),
    "torch.asinh": (numpy.arcsinh, ANYWHERE),
    "torch.acosh": (numpy.arccosh, [1.3, 1.9, 2.6, 4.2]),
    "torch.atanh": (numpy.arctanh, INSIDE),
    "torch.sqrt": (numpy.sqrt, POSITIVE),
    "torch.rsqrt": (lambda x: x**-0.5, POSITIVE),
    "torch.reciprocal": (lambda x: 1 / x, ANYWHERE),
    "torch.square": (numpy.square, ANYWHERE),
    "torch.abs": (numpy.abs, ANYWHERE),
    "torch.neg": (numpy.negative, ANYWHERE),
    "torch.positive": (numpy.positive, ANYWHERE),
    "torch.frac": (lambda x: x - numpy.trunc(x), ANYWHERE),
    "torch.deg2rad": (numpy.deg2rad, ANYWHERE),
    "torch.rad2deg": (numpy.rad2deg, ANYWHERE),
    "torch.nan_to_num": (numpy.nan_to_num, ANYWHERE),
    "torch.sinc": (numpy.sinc, ANYWHERE),
    "torch.sigmoid": (sigmoid, ANYWHERE),
    "torch.logit": (lambda x: numpy.log(x / (1 - x)), [0.2, 0.3, 0.6, 0.75]),
    "torch.erf": (erf, ANYWHERE),
    "torch.erfc": (numpy.vectorize(math.erfc), ANYWHERE),
    "torch.lgamma": (numpy.vectorize(math.lgamma), ANYWHERE),
    "torch.special.expit": (sigmoid, ANYWHERE),
    "torch.nn.functional.relu": (lambda x: numpy.maximum(x, 0), ANYWHERE),
    "torch.nn.functional.relu6": (lambda x: numpy.clip(x, 0, 6), ANYWHERE),
    "torch.nn.functional.elu": (lambda x: numpy.where(x > 0, x, numpy.expm1(x)), ANYWHERE),
    "torch.nn.functional.selu": (
        lambda x: 1.0507009873554805 * numpy.where(x > 0, x, 1.6732632423543772 * numpy.expm1(x)),
        ANYWHERE,
    ),
    "torch.nn.functional.celu": (lambda x: numpy.where(x > 0, x, numpy.expm1(x)), ANYWHERE),
    "torch.nn.functional.gelu": (lambda x: x * (1 + erf(x / math.sqrt(2))) / 2, ANYWHERE),
    "torch.nn.functional.silu": (lambda x: x * sigmoid(x), ANYWHERE),
    "torch.nn.functional.mish": (lambda x: x * numpy.tanh(softplus(x)), ANYWHERE),
    "torch.nn.functional.softplus": (softplus, ANYWHERE),
    "torch.nn.functional.softsign": (lambda x: x / (1 + numpy.abs(x)), ANYWHERE),
    "torch.nn.functional.logsigmoid": (lambda x: numpy.log(sigmoid(x)), ANYWHERE),
    "torch.nn.functional.tanhshrink": (lambda x: x - numpy.tanh(x), ANYWHERE),
    "torch.nn.functional.leaky_relu": (lambda x: numpy.where(x > 0, x, 0.01 * x), ANYWHERE),
    "torch.nn.functional.hardtanh": (lambda x: numpy.clip(x, -1, 1), ANYWHERE),
    "torch.nn.functional.hardswish": (lambda x: x * numpy.clip(x + 3, 0, 6) / 6, ANYWHERE),
    "torch.nn.functional.softshrink": (lambda x: numpy.sign(x) * numpy.maximum(numpy.abs(x) - 0.5, 0), ANYWHERE),
    "torch.nn.functional.hardshrink": (lambda x: numpy.where(numpy.abs(x) > 0.5, x, 0), ANYWHERE),
}
# Functions that NumPy has not got, with their names in scipy.special.
SPECIAL = {
    "torch.erfinv": ("erfinv", INSIDE),
    "torch.digamma": ("digamma", POSITIVE),
    "torch.i0": ("i0", ANYWHERE),
    "torch.special.entr": ("entr", POSITIVE),
    "torch.special.erfcx": ("erfcx", ANYWHERE),
    "torch.special.i0e": ("i0e", ANYWHERE),
    "torch.special.i1": ("i1", ANYWHERE),
    "torch.special.i1e": ("i1e", ANYWHERE),
    "torch.special.log_ndtr": ("log_ndtr", ANYWHERE),
    "torch.special.ndtr": ("ndtr", ANYWHERE),
    "torch.special.ndtri": ("ndtri", [0.2, 0.3, 0.6, 0.75]),
}
# Each function of two numbers with itself in NumPy.
OF_TWO = {
    "torch.add": numpy.add,
    "torch.sub": numpy.subtract,
    "torch.mul": numpy.multiply,
    "torch.div": numpy.divide,
    "torch.pow": numpy.power,
    "torch.float_power": numpy.float_power,
    "torch.remainder": numpy.remainder,
    "torch.fmod": numpy.fmod,
    "torch.atan2": numpy.arctan2,
    "torch.hypot": numpy.hypot,
    "torch.maximum": numpy.maximum,
    "torch.minimum": numpy.minimum,
    "torch.fmax": numpy.fmax,
    "torch.fmin": numpy.fmin,
    "torch.logaddexp": numpy.logaddexp,
    "torch.logaddexp2": numpy.logaddexp2,
    "torch.xlogy": lambda a, b: a * numpy.log(b),
    "torch.special.xlog1py": lambda a, b: a * numpy.log1p(b),
    "torch.copysign": numpy.copysign,
    "torch.rsub": lambda a, b: b - a,
    "torch.lerp": lambda a, b: a + 0.25 * (b - a),
    "torch.nn.functional.mse_loss": lambda a, b: (a - b) ** 2,
    "torch.nn.functional.l1_loss": lambda a, b: numpy.abs(a - b),
    "torch.nn.functional.smooth_l1_loss": lambda a, b: numpy.where(
        numpy.abs(a - b) < 1, (a - b) ** 2 / 2, numpy.abs(a - b) - 0.5
    ),
    "torch.nn.functional.huber_loss": lambda a, b: numpy.where(
        numpy.abs(a - b) < 1, (a - b) ** 2 / 2, numpy.abs(a - b) - 0.5
    ),
}
FURTHER = {name: {"reduction": "none"} for name in OF_TWO if name.endswith("_loss")} | {"torch.lerp": {"weight": 0.25}}
# Functions that are constant between their steps.
STEPS = {
    "torch.floor": [-2.0, 0.0, 0.0, 1.0, 7.0],
    "torch.ceil": [-1.0, 0.0, 1.0, 2.0, 7.0],
    "torch.round": [-2.0, 0.0, 0.0, 1.0, 7.0],
    "torch.trunc": [-1.0, 0.0, 0.0, 1.0, 7.0],
    "torch.sign": [-1.0, 0.0, 1.0, 1.0, 1.0],
    "torch.sgn": [-1.0, 0.0, 1.0, 1.0, 1.0],
}
STEP = 2.0**-9  # of the differences: exact, and small enough for an error of its fourth power to be of 1e-11


def slope(function, x):
    """The derivative by differences over five points: their error is STEP**4 / 30 of the fifth derivative."""
    one, two = (function(x + n * STEP) - function(x - n * STEP) for n in (1, 2))
    return (8 * one - two) / (12 * STEP)


def gradient(function, x):
    """The derivatives of a function of an array by each of its elements, by differences."""
    directions = numpy.eye(x.size).reshape(-1, *x.shape)
    along = [lambda t, way=way: function(x + t * way) for way in directions]
    return numpy.array([slope(one, 0.0) for one in along]).reshape(x.shape)


def slopes_for(y):
    """What `backward` is given for a result: another number for each element."""
    return numpy.arange(1.0, y.size + 1).reshape(y.shape) - 2.5


@check
def agrees(function, oracle, x, device, lay=None):
    """`function` of a tensor, laid out in memory by `lay`, has the values and the gradient of the oracle."""
    x = numpy.array(x)
    want, leaf = oracle(x), torch.tensor(x, device=device, requires_grad=True)
    y = function(leaf if lay is None else lay(leaf))
    y.backward(torch.tensor(slopes_for(want), device=device))
    assert y.dtype == torch.float64
    close(y, want, roundings=64, scale=numpy.abs(want).max())
    same(leaf, x)
    of_x = gradient(lambda x: (slopes_for(want) * oracle(x)).sum(), x)
    assert leaf.grad.cpu().numpy() == pytest.approx(of_x, rel=1e-8, abs=1e-9)


@fact(*SMOOTH, source="notes/autograd", claims=["A02"])
@pytest.mark.parametrize("name", SMOOTH, ids=lambda name: name.removeprefix("torch."))
def test_of_one_number_agree_with_differences(device, name):
    """`backward` of `exp`, `sin`, `gelu` and other functions gives what differences in NumPy give, in float64."""
    agrees(subject(name), *SMOOTH[name], device)


@fact(*SPECIAL, source="notes/autograd", requires="scipy")
@pytest.mark.parametrize("name", SPECIAL, ids=lambda name: name.removeprefix("torch."))
def test_of_a_special_function_agree_with_differences(device, name):
    """`backward` of `erfinv`, `digamma` and other special functions gives what differences in SciPy give."""
    called, points = SPECIAL[name]
    agrees(subject(name), getattr(importlib.import_module("scipy.special"), called), points, device)


@fact(*OF_TWO, source="notes/autograd", claims=["A02"])
@pytest.mark.parametrize("name", OF_TWO, ids=lambda name: name.removeprefix("torch."))
def test_of_two_numbers_agree_with_differences(device, name):
    """`backward` of `add`, `pow`, `atan2` and others of two numbers gives each what differences in NumPy give."""
    a, b = numpy.array([0.7, 1.9, 2.6]), numpy.array([1.2, 0.8, 1.7])
    x, y = (torch.tensor(numbers, device=device, requires_grad=True) for numbers in (a, b))
    z = subject(name)(x, y, **FURTHER.get(name, {}))
    z.backward(torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64, device=device))
    assert z.dtype == torch.float64
    close(z, OF_TWO[name](a, b), roundings=64)
    same(x, a)
    of_x, of_y = slope(lambda a: OF_TWO[name](a, b), a), slope(lambda b: OF_TWO[name](a, b), b)
    assert x.grad.cpu().numpy() == pytest.approx(of_x * [1.0, -2.0, 0.5], rel=1e-8, abs=1e-9)
    assert y.grad.cpu().numpy() == pytest.approx(of_y * [1.0, -2.0, 0.5], rel=1e-8, abs=1e-9)


@fact(*STEPS, source="notes/autograd")
@pytest.mark.parametrize("name", STEPS, ids=lambda name: name.removeprefix("torch."))
def test_of_a_step_are_zero(device, name):
    """`floor`, `ceil`, `round`, `trunc`, `sign` and `sgn` give a gradient of zero, rather than none, also at a step."""
    x = torch.tensor([-1.75, 0.0, 0.25, 1.25, 7.0], device=device, requires_grad=True)
    y = subject(name)(x)
    y.retain_grad()
    (y * 3).sum().backward()
    same(y, torch.tensor(STEPS[name]))
    same(y.grad, torch.full((5,), 3.0))
    same(x.grad, torch.zeros(5))
    assert x.tolist() == [-1.75, 0.0, 0.25, 1.25, 7.0]


@fact("torch.exp", "torch.sin", "torch.mul", "torch.log", "torch.Tensor.backward", claims=["A02"])
def test_multiply_along_a_path(device):
    """`backward` follows the chain rule: along a path derivatives multiply, and where paths meet they add up."""
    x = torch.tensor(0.7, dtype=torch.float64, device=device, requires_grad=True)
    y = torch.exp(torch.sin(x)) * torch.log(x)
    y.backward()
    e, s = math.exp(math.sin(0.7)), math.log(0.7)
    close(y, e * s, roundings=8)
    close(x.grad, e * math.cos(0.7) * s + e / 0.7, roundings=16)


MATRIX = [[0.5, 2.0, -1.5], [1.25, -0.75, 3.0], [0.25, 1.5, 0.75]]
# Ways to lie in memory, each of the same elements.
LAYOUTS = {
    "contiguous": lambda x: x,
    "transposed": lambda x: x.t().contiguous().t(),
    "stepped": lambda x: x.repeat_interleave(2, dim=1)[:, ::2],
    "expanded": lambda x: x[None].expand(2, 3, 3)[1],
}


def exps(x):
    return numpy.exp(x).sum(1, keepdims=True)


def running(x):
    return numpy.log(numpy.exp(x).cumsum(1))


# Functions of a matrix, with themselves in NumPy.
OF_MATRIX = {
    "torch.sum": (lambda x: torch.sum(x, 1), lambda x: x.sum(1)),
    "torch.nansum": (lambda x: torch.nansum(x, 1), lambda x: x.sum(1)),
    "torch.mean": (lambda x: torch.mean(x, 1), lambda x: x.mean(1)),
    "torch.nanmean": (lambda x: torch.nanmean(x, 1), lambda x: x.mean(1)),
    "torch.prod": (lambda x: torch.prod(x, 1), lambda x: x.prod(1)),
    "torch.var": (lambda x: torch.var(x, 1), lambda x: x.var(1, ddof=1)),
    "torch.std": (lambda x: torch.std(x, 1), lambda x: x.std(1, ddof=1)),
    "torch.amax": (lambda x: torch.amax(x, 1), lambda x: x.max(1)),
    "torch.amin": (lambda x: torch.amin(x, 1), lambda x: x.min(1)),
    "torch.max": (lambda x: torch.max(x, 1).values, lambda x: x.max(1)),
    "torch.min": (lambda x: torch.min(x, 1).values, lambda x: x.min(1)),
    "torch.median": (lambda x: torch.median(x, 1).values, lambda x: numpy.median(x, 1)),
    "torch.quantile": (lambda x: torch.quantile(x, 0.25, 1), lambda x: numpy.quantile(x, 0.25, 1)),
    "torch.logsumexp": (lambda x: torch.logsumexp(x, 1), lambda x: numpy.log(exps(x))[:, 0]),
    "torch.softmax": (lambda x: torch.softmax(x, 1), lambda x: numpy.exp(x) / exps(x)),
    "torch.log_softmax": (lambda x: torch.log_softmax(x, 1), lambda x: x - numpy.log(exps(x))),
    "torch.cumsum": (lambda x: torch.cumsum(x, 1), lambda x: x.cumsum(1)),
    "torch.cumprod": (lambda x: torch.cumprod(x, 1), lambda x: x.cumprod(1)),
    "torch.cummax": (lambda x: torch.cummax(x, 1).values, lambda x: numpy.maximum.accumulate(x, 1)),
    "torch.cummin": (lambda x: torch.cummin(x, 1).values, lambda x: numpy.minimum.accumulate(x, 1)),
    "torch.logcumsumexp": (lambda x: torch.logcumsumexp(x, 1), running),
    "torch.diff": (lambda x: torch.diff(x, dim=1), lambda x: numpy.diff(x, axis=1)),
    "torch.sort": (lambda x: torch.sort(x, 1).values, lambda x: numpy.sort(x, 1)),
    "torch.topk": (lambda x: torch.topk(x, 2, 1).values, lambda x: -numpy.sort(-x, 1)[:, :2]),
    "torch.flip": (lambda x: torch.flip(x, [1]), lambda x: numpy.flip(x, 1)),
    "torch.roll": (lambda x: torch.roll(x, 1, 1), lambda x: numpy.roll(x, 1, 1)),
    "torch.rot90": (torch.rot90, numpy.rot90),
    "torch.tril": (torch.tril, numpy.tril),
    "torch.triu": (torch.triu, numpy.triu),
    "torch.diagonal": (torch.diagonal, numpy.diagonal),
    "torch.trace": (torch.trace, numpy.trace),
    "torch.repeat_interleave": (lambda x: torch.repeat_interleave(x, 2, 1), lambda x: x.repeat(2, 1)),
    "torch.tile": (lambda x: torch.tile(x, (2, 1)), lambda x: numpy.tile(x, (2, 1))),
    "torch.cat": (lambda x: torch.cat([x, x * x]), lambda x: numpy.concatenate([x, x * x])),
    "torch.stack": (lambda x: torch.stack([x, x * x], 1), lambda x: numpy.stack([x, x * x], 1)),
    "torch.clamp": (lambda x: torch.clamp(x, -1, 1), lambda x: x.clip(-1, 1)),
    "torch.renorm": (
        lambda x: torch.renorm(x, 2, 0, 2.0),
        lambda x: x * numpy.minimum(1, 2 / ((x**2).sum(1, keepdims=True) ** 0.5 + 1e-7)),
    ),
    "torch.matmul": (lambda x: torch.matmul(x, x), lambda x: x @ x),
    "torch.mm": (lambda x: torch.mm(x, x.t()), lambda x: x @ x.T),
    "torch.kron": (lambda x: torch.kron(x, x), lambda x: numpy.kron(x, x)),
    "torch.einsum": (lambda x: torch.einsum("ij,ik->jk", x, x), lambda x: x.T @ x),
    "torch.tensordot": (lambda x: torch.tensordot(x, x), lambda x: numpy.tensordot(x, x)),
    "torch.cov": (torch.cov, numpy.cov),
    "torch.corrcoef": (torch.corrcoef, numpy.corrcoef),
    "torch.cdist": (
        lambda x: torch.cdist(x, x[:2] + 1),
        lambda x: ((x[:, None] - x[None, :2] - 1) ** 2).sum(2) ** 0.5,
    ),
    "torch.det": (torch.det, numpy.linalg.det),
    "torch.logdet": (lambda x: torch.logdet(x @ x.t()), lambda x: numpy.log(numpy.linalg.det(x @ x.T))),
    "torch.linalg.inv": (torch.linalg.inv, numpy.linalg.inv),
    "torch.linalg.pinv": (torch.linalg.pinv, numpy.linalg.pinv),
    "torch.linalg.solve": (lambda x: torch.linalg.solve(x, x * x), lambda x: numpy.linalg.solve(x, x * x)),
    "torch.linalg.cholesky": (
        lambda x: torch.linalg.cholesky(x @ x.t()),
        lambda x: numpy.linalg.cholesky(x @ x.T),
    ),
    "torch.linalg.svdvals": (torch.linalg.svdvals, lambda x: numpy.linalg.svd(x)[1]),
    "torch.linalg.eigvalsh": (lambda x: torch.linalg.eigvalsh(x @ x.t()), lambda x: numpy.linalg.eigvalsh(x @ x.T)),
    "torch.linalg.slogdet": (lambda x: torch.linalg.slogdet(x)[1], lambda x: numpy.linalg.slogdet(x)[1]),
    "torch.linalg.norm": (lambda x: torch.linalg.norm(x, 2), lambda x: numpy.linalg.norm(x, 2)),
    "torch.linalg.vector_norm": (lambda x: torch.linalg.vector_norm(x, 3, 1), lambda x: numpy.linalg.norm(x, 3, 1)),
    "torch.linalg.matrix_power": (
        lambda x: torch.linalg.matrix_power(x, 3),
        lambda x: numpy.linalg.matrix_power(x, 3),
    ),
    "torch.nn.functional.normalize": (
        torch.nn.functional.normalize,
        lambda x: x / numpy.linalg.norm(x, axis=1, keepdims=True),
    ),
    "torch.nn.functional.layer_norm": (
        lambda x: torch.nn.functional.layer_norm(x, [3]),
        lambda x: (x - x.mean(1, keepdims=True)) / numpy.sqrt(x.var(1, keepdims=True) + 1e-5),
    ),
    "torch.nn.functional.linear": (lambda x: torch.nn.functional.linear(x, x), lambda x: x @ x.T),
    "torch.nn.functional.glu": (
        lambda x: torch.nn.functional.glu(x[:, :2]),
        lambda x: x[:, :1] * sigmoid(x[:, 1:2]),
    ),
}


@fact(*OF_MATRIX, source="notes/autograd", claims=["A02"])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", OF_MATRIX, ids=lambda name: name.removeprefix("torch."))
def test_of_a_matrix_agree_with_differences_however_it_lies(device, name, layout):
    """`backward` of `sum`, `matmul` and others of a matrix gives what NumPy's differences give, in four layouts."""
    agrees(*OF_MATRIX[name], MATRIX, device, LAYOUTS[layout])
