"""Layers and functions of activation by their formulas; writing into tensors is in functional.in_place too."""

import math

import numpy
import pytest
import torch
from torch import nn
from torch.nn import functional

from torchproof import close, fact, same
from torchproof.suites.layers.reference import Called, follows, fractions

NAN = math.nan
POINTS = numpy.array([[-30.0, -7.3, -3.4, -1.7], [-0.9, -0.6, -0.3, 0.2], [0.7, 1.6, 4.3, 7.5]])  # on no kink
RRELU = (1 / 8 + 1 / 3) / 2


erf = numpy.vectorize(math.erf)


def sigmoid(x):
    return 1 / (1 + numpy.exp(-x))


def softplus(x):
    return numpy.logaddexp(0, x)


def elu(x, alpha=1.0, scale=1.0):
    return scale * numpy.where(x > 0, x, alpha * numpy.expm1(x))


SCALE, ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717  # of SELU, as documented

FORMULAS = {
    "torch.nn.CELU": (
        lambda: nn.CELU(1.5),
        lambda x: numpy.maximum(0, x) + numpy.minimum(0, 1.5 * numpy.expm1(x / 1.5)),
    ),
    "torch.nn.ELU": (lambda: nn.ELU(0.75), lambda x: elu(x, 0.75)),
    "torch.nn.GELU": (nn.GELU, lambda x: x / 2 * (1 + erf(x / 2**0.5))),
    "torch.nn.Hardshrink": (lambda: nn.Hardshrink(0.8), lambda x: numpy.where(abs(x) > 0.8, x, 0)),
    "torch.nn.Hardsigmoid": (nn.Hardsigmoid, lambda x: numpy.clip(x / 6 + 0.5, 0, 1)),
    "torch.nn.Hardswish": (nn.Hardswish, lambda x: x * numpy.clip(x + 3, 0, 6) / 6),
    "torch.nn.Hardtanh": (lambda: nn.Hardtanh(-2.0, 0.5), lambda x: numpy.clip(x, -2, 0.5)),
    "torch.nn.LeakyReLU": (lambda: nn.LeakyReLU(0.2), lambda x: numpy.where(x > 0, x, 0.2 * x)),
    "torch.nn.LogSigmoid": (nn.LogSigmoid, lambda x: -softplus(-x)),
    "torch.nn.Mish": (nn.Mish, lambda x: x * numpy.tanh(softplus(x))),
    "torch.nn.RReLU": (lambda: nn.RReLU().eval(), lambda x: numpy.where(x > 0, x, RRELU * x)),
    "torch.nn.ReLU": (nn.ReLU, lambda x: numpy.maximum(x, 0)),
    "torch.nn.ReLU6": (nn.ReLU6, lambda x: numpy.clip(x, 0, 6)),
    "torch.nn.SELU": (nn.SELU, lambda x: elu(x, ALPHA, SCALE)),
    "torch.nn.SiLU": (nn.SiLU, lambda x: x * sigmoid(x)),
    "torch.nn.Sigmoid": (nn.Sigmoid, sigmoid),
    "torch.nn.Softplus": (lambda: nn.Softplus(beta=2.0), lambda x: softplus(2 * x) / 2),
    "torch.nn.Softshrink": (lambda: nn.Softshrink(0.8), lambda x: numpy.sign(x) * numpy.maximum(abs(x) - 0.8, 0)),
    "torch.nn.Softsign": (nn.Softsign, lambda x: x / (1 + abs(x))),
    "torch.nn.Tanh": (nn.Tanh, numpy.tanh),
    "torch.nn.Tanhshrink": (nn.Tanhshrink, lambda x: x - numpy.tanh(x)),
    "torch.nn.Threshold": (lambda: nn.Threshold(0.5, 0.25), lambda x: numpy.where(x > 0.5, x, 0.25)),
}


@fact(*FORMULAS)
@pytest.mark.parametrize("name", FORMULAS)
def test_is_its_formula(device, name):
    """`ReLU`, `GELU` and the other activations give their formula for each element, and its slope as the gradient."""
    layer, formula = FORMULAS[name]
    follows(device, layer(), formula, POINTS)


@fact("torch.nn.GELU")
def test_gelu_can_be_approximated_by_tanh(device):
    """`GELU(approximate="tanh")` is x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3)))."""
    inner = lambda x: math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)  # noqa: E731
    follows(device, nn.GELU(approximate="tanh"), lambda x: x / 2 * (1 + numpy.tanh(inner(x))), POINTS)


@fact("torch.nn.PReLU")
@pytest.mark.parametrize("count", [1, 3])
def test_prelu_learns_the_slope_below_zero(device, count):
    """`PReLU` multiplies negative elements by a learned slope, one for all or one for each channel."""
    follows(
        device,
        nn.PReLU(count),
        lambda x, weight: numpy.where(x > 0, x, weight.reshape(-1, 1) * x),
        fractions(2, 3, 4),
    )


@fact("torch.nn.PReLU")
def test_prelu_starts_with_a_quarter(device):
    """`PReLU` begins by default with one slope of 0.25 below zero."""
    x = torch.tensor([[-2.0, 4.0], [-4.0, -8.0]], device=device)
    same(nn.PReLU(device=device)(x), torch.tensor([[-0.5, 4.0], [-1.0, -2.0]]))


@fact("torch.nn.PReLU")
def test_prelu_starts_with_what_it_is_told(device):
    """`PReLU(3, init=0.5)` begins with a slope of 0.5 for each of three channels."""
    x = torch.tensor([[-2.0, 4.0, -8.0]], device=device)
    same(nn.PReLU(3, init=0.5, device=device)(x), torch.tensor([[-1.0, 4.0, -4.0]]))


def exp_over_sum(x, dim):
    return numpy.exp(x) / numpy.exp(x).sum(dim, keepdims=True)


ALONG = {  # over a dimension
    "torch.nn.GLU": (lambda: nn.GLU(1), lambda x: x[:, :2] * sigmoid(x[:, 2:])),
    "torch.nn.LogSoftmax": (lambda: nn.LogSoftmax(2), lambda x: numpy.log(exp_over_sum(x, 2))),
    "torch.nn.Softmax": (lambda: nn.Softmax(2), lambda x: exp_over_sum(x, 2)),
    "torch.nn.Softmax2d": (nn.Softmax2d, lambda x: exp_over_sum(x, 1)),
    "torch.nn.Softmin": (lambda: nn.Softmin(2), lambda x: exp_over_sum(-x, 2)),
}


@fact(*ALONG)
@pytest.mark.parametrize("name", ALONG)
def test_is_its_formula_along_a_dimension(device, name):
    """`Softmax`, `LogSoftmax`, `Softmin`, `Softmax2d` and `GLU` give their formula along a dimension, gradients too."""
    layer, formula = ALONG[name]
    follows(device, layer(), formula, fractions(2, 4, 3, 2))


@fact("torch.nn.GLU")
def test_glu_halves_the_last_dimension(device):
    """`GLU` by default multiplies the first half of the last dimension by the sigmoid of the second."""
    follows(device, nn.GLU(), lambda x: x[..., :2] * sigmoid(x[..., 2:]), fractions(3, 4))


@fact("torch.nn.GLU")
def test_glu_refuses_an_odd_dimension(device):
    """`GLU` refuses a dimension that it cannot halve: "Halving dimension must be even"."""
    with pytest.raises(RuntimeError, match="Halving dimension must be even"):
        nn.GLU()(torch.ones(2, 3, device=device))


SOFTMAXES = pytest.mark.parametrize("kind", ["Softmax", "LogSoftmax", "Softmin"])


@fact("torch.nn.Softmax", "torch.nn.LogSoftmax", "torch.nn.Softmin", hint="say dim=")
@SOFTMAXES
def test_softmax_without_a_dimension_warns(device, kind):
    """`Softmax`, `LogSoftmax` and `Softmin` without `dim` warn of an "Implicit dimension choice" when called."""
    with pytest.warns(UserWarning, match="Implicit dimension choice"):
        y = getattr(nn, kind)()(torch.ones(2, 1, device=device))
    assert y.shape == (2, 1)


@fact("torch.nn.Softmax", "torch.nn.LogSoftmax", "torch.nn.Softmin", hint="say dim=")
@SOFTMAXES
@pytest.mark.parametrize(
    ("shape", "dim"), [((), 0), ((3,), 0), ((2, 3), 1), ((2, 3, 2), 0), ((2, 3, 2, 2), 1)], ids=str
)
@pytest.mark.filterwarnings("ignore:Implicit dimension choice")
def test_softmax_without_a_dimension_guesses_it(device, kind, shape, dim):
    """`Softmax`, `LogSoftmax` and `Softmin` without `dim` take dimension 0 of 0, 1 or 3 dimensions, and 1 of 2 or 4."""
    x = torch.arange(math.prod(shape), device=device, dtype=torch.float64).reshape(shape) ** 2 / 4
    signs = {"Softmin": -1}.get(kind, 1)
    want = exp_over_sum(signs * x.cpu().numpy(), dim)
    close(getattr(nn, kind)()(x), numpy.log(want) if kind == "LogSoftmax" else want, roundings=200, scale=600)


@fact("torch.nn.Softmax", "torch.nn.LogSoftmax", "torch.nn.Softmin")
@SOFTMAXES
def test_softmax_of_huge_numbers_does_not_overflow(device, kind):
    """`Softmax`, `LogSoftmax` and `Softmin` do not overflow on numbers up to 1e30: only differences count."""
    x = torch.tensor([[-1000.0, 0.0, 1000.0], [1e30, 1e30, 1e30]], device=device)
    layer = getattr(nn, kind)(1)
    rows = {"Softmax": [0.0, 0.0, 1.0], "Softmin": [1.0, 0.0, 0.0], "LogSoftmax": [-2000.0, -1000.0, 0.0]}
    same(layer(x)[0], torch.tensor(rows[kind]))
    close(layer(x)[1], [-math.log(3) if kind == "LogSoftmax" else 1 / 3] * 3, roundings=4)


@fact("torch.nn.Softmax2d")
@pytest.mark.parametrize("shape", [(2, 3), (1, 2, 3, 1, 1)], ids=str)
def test_softmax_2d_takes_images_only(device, shape):
    """`Softmax2d` refuses an input of two or five dimensions: it takes a "3D or 4D" one."""
    with pytest.raises((ValueError, AssertionError), match="3D or 4D"):
        nn.Softmax2d()(torch.ones(shape, device=device))


@fact("torch.nn.Softplus", myth="Softplus is log(1 + exp(x)) throughout")
def test_softplus_is_the_identity_above_its_threshold(device):
    """`Softplus` of beta 1 gives its input itself above its `threshold`, 20 by default."""
    x = torch.tensor([0.0, 20.5, 2.5], dtype=torch.float64, device=device)
    close(nn.Softplus(threshold=2.0)(x), [math.log(2), 20.5, 2.5], roundings=2)
    close(nn.Softplus()(x), [math.log(2), 20.5, math.log1p(math.exp(2.5))], roundings=2)


@fact("torch.nn.RReLU")
def test_rrelu_draws_its_slope_in_training(device):
    """`RReLU` in training multiplies each negative element by a slope of its own, between `lower` and `upper`."""
    x = torch.full((50,), -1.0, device=device)
    y = -nn.RReLU(0.25, 0.5)(x)
    assert 0.25 <= y.min() < y.max() <= 0.5


@fact("torch.nn.RReLU")
def test_rrelu_has_the_mean_slope_in_evaluation(device):
    """`RReLU` in evaluation multiplies negative elements by the mean of `lower` and `upper`."""
    x = torch.tensor([-1.0, 2.0, -8.0], device=device)
    same(nn.RReLU(0.25, 0.5).eval()(x), torch.tensor([-0.375, 2.0, -3.0]))


IN_PLACE = [
    *("CELU", "ELU", "Hardsigmoid", "Hardswish", "Hardtanh", "LeakyReLU", "Mish", "RReLU", "ReLU", "ReLU6", "SELU"),
    *("SiLU", "Threshold"),
]
ARGUMENTS = {"Threshold": (0.5, 0.25)}


@fact(*(f"torch.nn.{kind}" for kind in IN_PLACE))
@pytest.mark.parametrize("kind", IN_PLACE)
def test_writes_into_its_input_when_told(device, kind):
    """`ReLU(inplace=True)` and the like write their result into their input, and return this tensor."""
    x = torch.tensor([-2.0, 0.25, 3.0, 8.0], dtype=torch.float64, device=device)
    y = getattr(nn, kind)(*ARGUMENTS.get(kind, ()), inplace=True).eval()(x)
    assert y is x
    kinked = FORMULAS[f"torch.nn.{kind}"][1]
    defaults = {
        "CELU": elu, "ELU": elu, "Hardtanh": lambda x: numpy.clip(x, -1, 1),
        "LeakyReLU": lambda x: numpy.where(x > 0, x, 0.01 * x),
    }  # fmt: skip
    close(x, defaults.get(kind, kinked)(numpy.array([-2.0, 0.25, 3.0, 8.0])), roundings=16)


KINKS = {  # a layer, where it has a kink, and the slope that torch takes there
    "torch.nn.ReLU": (nn.ReLU, [0.0], [0.0]),
    "torch.nn.ReLU6": (nn.ReLU6, [0.0, 6.0], [0.0, 0.0]),
    "torch.nn.Hardtanh": (nn.Hardtanh, [-1.0, 1.0], [0.0, 0.0]),
    "torch.nn.LeakyReLU": (lambda: nn.LeakyReLU(0.25), [0.0], [0.25]),
    "torch.nn.Hardsigmoid": (nn.Hardsigmoid, [-3.0, 3.0], [0.0, 0.0]),
    "torch.nn.Hardshrink": (nn.Hardshrink, [-0.5, 0.5], [0.0, 0.0]),
    "torch.nn.Softshrink": (nn.Softshrink, [-0.5, 0.5], [0.0, 0.0]),
    "torch.nn.Threshold": (lambda: nn.Threshold(0.5, 7.0), [0.5], [0.0]),
}


@fact(*KINKS, source="notes/autograd")
@pytest.mark.parametrize("name", KINKS)
def test_has_one_slope_at_its_kink(device, name):
    """`ReLU`, `Hardtanh` and the like have at a kink the slope of one side, 0 where one side is flat."""
    layer, places, slopes = KINKS[name]
    x = torch.tensor(places, device=device, requires_grad=True)
    y = layer()(x)
    y.backward(torch.full_like(x, 2.0))
    same(x.grad, torch.tensor(slopes) * 2)


@fact("torch.nn.Softsign")
def test_softsign_has_the_slope_1_at_zero(device):
    """`Softsign`, x / (1 + abs(x)), has at 0 the slope 1, although `abs` has a kink there."""
    x = torch.zeros(2, device=device, requires_grad=True)
    nn.Softsign()(x).backward(torch.tensor([2.0, -3.0], device=device))
    same(x.grad, torch.tensor([2.0, -3.0]))


EVERY = {name: layer for name, (layer, _) in {**FORMULAS, **ALONG}.items()}


@fact(*FORMULAS)
@pytest.mark.parametrize("name", [name for name in FORMULAS if "shrink" not in name.lower()])
def test_passes_nan_on(device, name):
    """`ReLU`, `GELU` and other activations (shrinking ones aside) pass NaN on, and to no other element."""
    y = EVERY[name]()(torch.tensor([NAN, 0.75, NAN, 0.75], device=device))
    assert y.isnan().tolist() == [True, False, True, False]


@fact(*FORMULAS, *ALONG)
@pytest.mark.parametrize("name", EVERY)
def test_takes_an_empty_batch(device, name):
    """`ReLU`, `Softmax` and the other activations turn an empty batch into an empty one of the same dtype."""
    y = EVERY[name]()(torch.empty(0, 4, 3, 2, device=device, dtype=torch.float64))
    shape = (0, 2, 3, 2) if name == "torch.nn.GLU" else (0, 4, 3, 2)
    assert (y.shape, y.dtype) == (shape, torch.float64)


@fact(*FORMULAS, *ALONG)
@pytest.mark.parametrize("name", EVERY)
def test_of_a_contiguous_input_is_contiguous(device, name):
    """`ReLU`, `Softmax` and the other activations give a contiguous result for a contiguous input."""
    y = EVERY[name]()(torch.ones(2, 4, 3, 2, device=device))
    assert y.is_contiguous()


def near(layer, x, formula):
    """The layer's result, and that of the formula in float64 with what a rounding of its input makes of it."""
    exact = x.double().cpu().numpy()
    return layer(x), formula(exact), abs(formula(exact)) + abs(exact) / 4


@fact(*FORMULAS)
@pytest.mark.parametrize("name", FORMULAS)
def test_of_bfloat16_is_near_the_formula(device, name):
    """`ReLU`, `GELU` and the other activations of bfloat16 give bfloat16, within few roundings of their formula."""
    layer, formula = FORMULAS[name]
    y, want, scale = near(layer(), torch.tensor(POINTS, device=device).to(torch.bfloat16), formula)
    assert y.dtype == torch.bfloat16
    close(y, want, roundings=4, scale=scale)


IN_HALF = [
    *("CELU", "ELU", "GELU", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh", "LeakyReLU", "LogSigmoid", "Mish"),
    *("RReLU", "ReLU", "ReLU6", "SELU", "SiLU", "Sigmoid", "Softplus", "Softshrink", "Tanh", "Tanhshrink", "Threshold"),
]  # Softsign could be had before
HALF = [f"torch.nn.{kind}" for kind in IN_HALF]


@fact(*HALF, since={"cpu": "2.1"}, calls="names float16|half", gain=True)
@pytest.mark.parametrize("name", HALF)
def test_of_float16_is_near_the_formula(device, name):
    """`ReLU`, `GELU` and other activations of float16 give float16, within few roundings of their formula."""
    layer, formula = FORMULAS[name]
    y, want, scale = near(layer(), torch.tensor(POINTS, device=device).to(torch.float16), formula)
    assert y.dtype == torch.float16
    close(y, want, roundings=4, scale=scale)


# --- the functions ----------------------------------------------------------------------------------------------------

FUNCTIONS = {  # options, and the formula with these
    "celu": ({"alpha": 1.5}, FORMULAS["torch.nn.CELU"][1]),
    "elu": ({"alpha": 0.75}, lambda x: elu(x, 0.75)),
    "gelu": ({}, FORMULAS["torch.nn.GELU"][1]),
    "hardshrink": ({"lambd": 0.8}, FORMULAS["torch.nn.Hardshrink"][1]),
    "hardsigmoid": ({}, FORMULAS["torch.nn.Hardsigmoid"][1]),
    "hardswish": ({}, FORMULAS["torch.nn.Hardswish"][1]),
    "hardtanh": ({"min_val": -2.0, "max_val": 0.5}, FORMULAS["torch.nn.Hardtanh"][1]),
    "leaky_relu": ({"negative_slope": 0.2}, FORMULAS["torch.nn.LeakyReLU"][1]),
    "logsigmoid": ({}, FORMULAS["torch.nn.LogSigmoid"][1]),
    "mish": ({}, FORMULAS["torch.nn.Mish"][1]),
    "relu": ({}, FORMULAS["torch.nn.ReLU"][1]),
    "relu6": ({}, FORMULAS["torch.nn.ReLU6"][1]),
    "rrelu": ({"lower": 0.25, "upper": 0.5}, lambda x: numpy.where(x > 0, x, 0.375 * x)),
    "selu": ({}, FORMULAS["torch.nn.SELU"][1]),
    "sigmoid": ({}, sigmoid),
    "silu": ({}, FORMULAS["torch.nn.SiLU"][1]),
    "softplus": ({"beta": 2.0}, FORMULAS["torch.nn.Softplus"][1]),
    "softshrink": ({"lambd": 0.8}, FORMULAS["torch.nn.Softshrink"][1]),
    "softsign": ({}, FORMULAS["torch.nn.Softsign"][1]),
    "tanh": ({}, numpy.tanh),
    "tanhshrink": ({}, FORMULAS["torch.nn.Tanhshrink"][1]),
    "threshold": ({"threshold": 0.5, "value": 0.25}, FORMULAS["torch.nn.Threshold"][1]),
}
UNDERSCORED = ["celu", "elu", "hardtanh", "leaky_relu", "relu", "rrelu", "selu", "threshold"]


@fact(*(f"torch.nn.functional.{name}" for name in FUNCTIONS))
@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_is_its_formula(device, name):
    """`relu`, `gelu` and the other functions of activation give their formula for each element, gradients too."""
    options, formula = FUNCTIONS[name]
    follows(device, Called(name, **options), formula, POINTS)


@fact(*(f"torch.nn.functional.{name}" for name in FUNCTIONS))
@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_leaves_its_input(device, name):
    """`relu`, `gelu` and the other functions of activation leave their input as it is, and share no memory with it."""
    x = torch.tensor(POINTS, device=device)
    y = getattr(functional, name)(x, **FUNCTIONS[name][0])
    y.add_(1)
    same(x, torch.tensor(POINTS))


@fact(*(f"torch.nn.functional.{name}" for name in FUNCTIONS))
@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_of_a_contiguous_input_is_contiguous(device, name):
    """`relu`, `gelu` and the other functions of activation give a contiguous result for a contiguous input."""
    y = getattr(functional, name)(torch.ones(4, 3, 2, device=device), **FUNCTIONS[name][0])
    assert y.is_contiguous()


class Written(Called):
    """A function that writes into a copy of its input."""

    def forward(self, x):
        return super().forward(x.clone())


@fact(*(f"torch.nn.functional.{name}_" for name in UNDERSCORED))
@pytest.mark.parametrize("name", UNDERSCORED)
def test_function_with_an_underscore_is_its_formula(device, name):
    """`relu_`, `elu_` and the like write their formula into their input and return it, with the formula's gradient."""
    options, formula = FUNCTIONS[name]
    x = torch.tensor(POINTS, device=device)
    assert getattr(functional, f"{name}_")(x, **options) is x
    close(x, formula(POINTS), roundings=16, scale=1 + abs(POINTS))
    follows(device, Written(f"{name}_", **options), formula, POINTS)


@fact("torch.nn.functional.prelu")
@pytest.mark.parametrize("count", [1, 3])
def test_function_of_prelu_is_given_its_slopes(device, count):
    """`prelu` multiplies negative elements by a weight, one for all or one for each channel, and differentiates it."""
    formula = lambda x, weight: numpy.where(x > 0, x, weight.reshape(-1, 1) * x)  # noqa: E731
    follows(device, Called("prelu", {"weight": (count,)}), formula, fractions(2, 3, 4))


@fact("torch.nn.functional.rrelu", "torch.nn.functional.rrelu_")
@pytest.mark.parametrize("name", ["rrelu", "rrelu_"])
def test_function_of_rrelu_draws_its_slope_in_training(device, name):
    """`rrelu` and `rrelu_` with `training=True` multiply each negative element by a slope of its own within bounds."""
    x = torch.full((50,), -1.0, device=device)
    y = getattr(functional, name)(x, 0.25, 0.5, training=True)
    assert y.shape == (50,) and -0.5 <= y.min() < y.max() <= -0.25


@fact("torch.nn.functional.rrelu_")
def test_function_of_rrelu_with_an_underscore_writes_in_training_too(device):
    """`rrelu_(x, training=True)` writes into `x`, and returns it."""
    x = torch.tensor([-1.0, 2.0, -1.0], device=device)
    assert functional.rrelu_(x, 0.25, 0.5, training=True) is x
    assert x[1] == 2 and -0.5 <= x.min() <= x[[0, 2]].max() <= -0.25
