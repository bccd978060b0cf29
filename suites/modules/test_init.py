"""What `torch.nn.init` fills tensors with, and the numbers that layers start with."""

import math

import numpy
import pytest
import torch
from torch import nn

from torchproof import close, fact, same
from torchproof.fixtures.fact import check

MANY = (60, 50)  # with 50 as fan in, 60 as fan out
DRAWN = {  # how it fills, the mean, the standard deviation, and the bounds: with none, six deviations
    "torch.nn.init.uniform_": (lambda x: nn.init.uniform_(x, -1, 3), 1, 4 / math.sqrt(12), (-1, 3)),
    "torch.nn.init.normal_": (lambda x: nn.init.normal_(x, 2, 1 / 512), 2, 1 / 512, None),
    "torch.nn.init.trunc_normal_": (
        lambda x: nn.init.trunc_normal_(x, 1, 1 / 512, 255 / 256, 257 / 256), 1, 0.8796 / 512, (255 / 256, 257 / 256)
    ),
    "torch.nn.init.xavier_uniform_": (
        lambda x: nn.init.xavier_uniform_(x, gain=0.1), 0, 0.1 * math.sqrt(2 / 110), math.sqrt(3)
    ),
    "torch.nn.init.xavier_normal_": (lambda x: nn.init.xavier_normal_(x, gain=0.1), 0, 0.1 * math.sqrt(2 / 110), None),
    "torch.nn.init.kaiming_uniform_": (lambda x: nn.init.kaiming_uniform_(x), 0, math.sqrt(2 / 50), math.sqrt(3)),
    "torch.nn.init.kaiming_normal_": (lambda x: nn.init.kaiming_normal_(x), 0, math.sqrt(2 / 50), None),
}  # fmt: skip


@fact(*DRAWN)
@pytest.mark.parametrize("name", DRAWN)
def test_draws_from_its_distribution(device, name):
    """`nn.init.uniform_`, `normal_` and others draw with the mean, spread and bounds of their formula."""
    fill, mean, spread, bounds = DRAWN[name]
    x = torch.full(MANY, 99.0, device=device)
    fill(x)
    numbers = x.double()
    count = math.prod(MANY)
    assert abs(numbers.mean().item() - mean) < 6 * spread / math.sqrt(count)
    assert abs(numbers.std().item() / spread - 1) < 6 * math.sqrt(1 / (2 * count)) + 1e-4
    reach = (bounds or 6) * spread if not isinstance(bounds, tuple) else None
    low, high = (mean - reach, mean + reach) if reach else bounds
    assert (low <= numbers).all()
    assert (numbers <= high * (1 + 1e-6)).all()


MODES = {
    "fan_out": (lambda x: nn.init.kaiming_normal_(x, mode="fan_out"), math.sqrt(2 / 60)),
    "linear": (lambda x: nn.init.kaiming_normal_(x, nonlinearity="linear"), math.sqrt(1 / 50)),
    "slope": (lambda x: nn.init.kaiming_normal_(x, a=math.sqrt(5)), math.sqrt(1 / 3 / 50)),
    "uniform-fan_out": (lambda x: nn.init.kaiming_uniform_(x, mode="fan_out"), math.sqrt(2 / 60)),
    "uniform-linear": (lambda x: nn.init.kaiming_uniform_(x, nonlinearity="linear"), math.sqrt(1 / 50)),
    "uniform-slope": (lambda x: nn.init.kaiming_uniform_(x, a=math.sqrt(5)), math.sqrt(1 / 3 / 50)),
    "xavier-plain": (lambda x: nn.init.xavier_normal_(x), math.sqrt(2 / 110)),
    "xavier-uniform-plain": (lambda x: nn.init.xavier_uniform_(x), math.sqrt(2 / 110)),
}


@fact(*(f"torch.nn.init.{kind}_" for kind in ("kaiming_normal", "kaiming_uniform", "xavier_normal", "xavier_uniform")))
@pytest.mark.parametrize("mode", MODES)
def test_spread_is_gain_over_the_root_of_the_fan(device, mode):
    """The spread of `kaiming_normal_` is gain / sqrt(fan), of `xavier_normal_` gain / sqrt(mean of both fans)."""
    fill, spread = MODES[mode]
    x = torch.full(MANY, 99.0, device=device)
    fill(x)
    numbers = x.double()
    assert abs(numbers.std().item() / spread - 1) < 6 * math.sqrt(1 / (2 * math.prod(MANY)))
    assert numbers.abs().max() < 6 * spread


@fact("torch.nn.init.kaiming_normal_", "torch.nn.init.xavier_normal_")
@pytest.mark.parametrize(
    ("fill", "spread"),
    [
        (lambda x: nn.init.kaiming_normal_(x), math.sqrt(2 / 60)),
        (lambda x: nn.init.xavier_normal_(x), math.sqrt(2 / 180)),
    ],
    ids=["kaiming", "xavier"],
)
def test_fan_of_a_convolution_counts_its_kernel(device, fill, spread):
    """The fan of a convolution's weight in `kaiming_normal_` and `xavier_normal_` is channels times kernel size."""
    x = torch.full((20, 10, 2, 3), 99.0, device=device)
    fill(x)
    numbers = x.double()
    assert abs(numbers.std().item() / spread - 1) < 6 * math.sqrt(1 / 2400)


@fact("torch.nn.init.uniform_", "torch.nn.init.normal_")
@pytest.mark.parametrize(
    ("fill", "mean", "spread", "bounds"),
    [(lambda x: nn.init.uniform_(x), 0.5, 1 / math.sqrt(12), (0, 1)), (lambda x: nn.init.normal_(x), 0, 1, (-6, 6))],
    ids=["uniform", "normal"],
)
def test_draws_from_the_standard_distribution_by_default(device, fill, mean, spread, bounds):
    """`nn.init.uniform_` draws between 0 and 1, `normal_` with mean 0 and spread 1, unless told otherwise."""
    x = torch.full(MANY, 99.0, device=device)
    fill(x)
    numbers = x.double()
    assert abs(numbers.mean().item() - mean) < 6 * spread / math.sqrt(3000)
    assert abs(numbers.std().item() / spread - 1) < 6 * math.sqrt(1 / 6000)
    assert bounds[0] <= numbers.min() and numbers.max() <= bounds[1]


CERTAIN = {
    "torch.nn.init.constant_": (lambda x: nn.init.constant_(x, 1.5), (2, 3), numpy.full((2, 3), 1.5)),
    "torch.nn.init.ones_": (lambda x: nn.init.ones_(x), (2, 3), numpy.ones((2, 3))),
    "torch.nn.init.zeros_": (lambda x: nn.init.zeros_(x), (2, 3), numpy.zeros((2, 3))),
    "torch.nn.init.eye_": (lambda x: nn.init.eye_(x), (2, 3), numpy.eye(2, 3)),
}


@fact(*CERTAIN)
@pytest.mark.parametrize("name", CERTAIN)
def test_fills_with_what_it_says(device, name):
    """`nn.init.constant_`, `ones_`, `zeros_` and `eye_` fill a tensor with what they say."""
    fill, shape, want = CERTAIN[name]
    x = torch.full(shape, 9.0, device=device)
    fill(x)
    same(x, want.astype("float32"))


RETURNED = {
    **{name: (fill, MANY) for name, (fill, *_) in DRAWN.items()},
    **{name: (fill, shape) for name, (fill, shape, _) in CERTAIN.items()},
    "torch.nn.init.dirac_": (lambda x: nn.init.dirac_(x), (2, 2, 3)),
    "torch.nn.init.orthogonal_": (lambda x: nn.init.orthogonal_(x), (2, 3)),
    "torch.nn.init.sparse_": (lambda x: nn.init.sparse_(x, 0.5), (2, 3)),
}


@fact(*DRAWN, *CERTAIN, "torch.nn.init.dirac_", "torch.nn.init.orthogonal_", "torch.nn.init.sparse_")
@pytest.mark.parametrize("name", RETURNED)
def test_returns_the_tensor_that_it_fills(device, name):
    """`nn.init.uniform_`, `constant_`, `orthogonal_`, `dirac_` and the others return the tensor that they fill."""
    fill, shape = RETURNED[name]
    x = torch.full(shape, 99.0, device=device)
    assert fill(x) is x
    assert x.max() < 99


@fact("torch.nn.init.dirac_")
@pytest.mark.parametrize(("shape", "groups"), [((3, 2, 3), 1), ((4, 2, 3, 3), 2), ((2, 2, 1, 3, 3), 1)], ids=str)
def test_dirac_keeps_the_channels(device, shape, groups):
    """`nn.init.dirac_` makes a kernel that keeps each channel: one in the middle of the diagonal, in each group."""
    x = torch.full(shape, 9.0, device=device)
    nn.init.dirac_(x, groups)
    want = numpy.zeros(shape, dtype="float32")
    middle = tuple(side // 2 for side in shape[2:])
    for out in range(shape[0]):
        place = out % (shape[0] // groups)
        if place < shape[1]:
            want[(out, place, *middle)] = 1
    same(x, want)


@fact("torch.nn.init.orthogonal_")
@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 2, 2)], ids=str)
@pytest.mark.parametrize("gain", [1, 2])
def test_orthogonal_has_orthogonal_rows_or_columns(device, shape, gain):
    """`nn.init.orthogonal_` gives rows, or columns where there are fewer, at right angles and as long as the gain."""
    x = torch.full(shape, 99.0, device=device)
    nn.init.orthogonal_(x, gain)
    flat = x.flatten(1).double().cpu()
    flat = flat if flat.shape[0] <= flat.shape[1] else flat.T
    close((flat @ flat.T).float(), gain**2 * numpy.eye(len(flat)), roundings=64, scale=gain**2)


@fact("torch.nn.init.sparse_")
def test_sparse_has_zeros_in_every_column(device):
    """`nn.init.sparse_` draws from a normal distribution, but for a share of zeros in each column, rounded up."""
    x = torch.ones(10, 200, device=device)
    nn.init.sparse_(x, sparsity=0.25, std=2.0)
    assert (x == 0).sum(0).tolist() == [3] * 200
    numbers = x[x != 0].double()
    assert abs(numbers.std().item() / 2 - 1) < 6 * math.sqrt(1 / 2800)
    assert abs(numbers.mean().item()) < 6 * 2 / math.sqrt(1400)


@fact("torch.nn.init.sparse_")
def test_sparse_is_small_by_default(device):
    """`nn.init.sparse_` draws with a spread of 0.01 unless told otherwise."""
    x = nn.init.sparse_(torch.ones(10, 200, device=device), 0.5)
    assert abs(x[x != 0].double().std().item() / 0.01 - 1) < 6 * math.sqrt(1 / 2000)


GAINS = {
    "linear": 1, "conv1d": 1, "conv2d": 1, "conv3d": 1, "conv_transpose1d": 1, "conv_transpose2d": 1,
    "conv_transpose3d": 1, "sigmoid": 1, "tanh": 5 / 3, "relu": math.sqrt(2),
    "leaky_relu": math.sqrt(2 / (1 + 0.01**2)), "selu": 0.75,
}  # fmt: skip


@fact("torch.nn.init.calculate_gain")
@pytest.mark.parametrize("nonlinearity", GAINS)
def test_gain_is_that_of_the_table(nonlinearity):
    """`calculate_gain` is 5/3 for tanh, sqrt(2) for relu, 3/4 for selu, and 1 for linear, sigmoid and convolutions."""
    assert nn.init.calculate_gain(nonlinearity) == GAINS[nonlinearity]


@fact("torch.nn.init.calculate_gain")
@pytest.mark.parametrize("slope", [0, 0.5, 1, -3.0])
def test_gain_depends_on_the_slope(slope):
    """`calculate_gain("leaky_relu", slope)` is the root of 2 / (1 + slope ** 2)."""
    assert nn.init.calculate_gain("leaky_relu", slope) == math.sqrt(2 / (1 + slope**2))


@fact("torch.nn.init.calculate_gain")
@pytest.mark.parametrize(
    ("given", "words"),
    [(("leaky_relu", "steep"), "not a valid number"), (("step",), "Unsupported nonlinearity")],
    ids=["slope", "nonlinearity"],
)
def test_gain_refuses_what_it_does_not_know(given, words):
    """`calculate_gain` refuses a slope that is no number, or an unknown nonlinearity."""
    with pytest.raises(ValueError, match=words):
        nn.init.calculate_gain(*given)


FANS = ["kaiming_normal_", "kaiming_uniform_", "xavier_normal_", "xavier_uniform_"]


@fact(*(f"torch.nn.init.{kind}" for kind in FANS))
@pytest.mark.parametrize("kind", FANS)
def test_fans_of_a_vector_are_refused(device, kind):
    """`kaiming_normal_`, `xavier_normal_` and their kin refuse a vector: "Fan in and fan out can not be computed"."""
    words = "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions"
    with pytest.raises(ValueError, match=words):
        getattr(nn.init, kind)(torch.ones(3, device=device))


REFUSED = {
    "orthogonal_": ((), "Only tensors with 2 or more dimensions are supported"),
    "eye_": ((), "Only tensors with 2 dimensions are supported"),
    "dirac_": ((), "Only tensors with 3, 4, or 5 dimensions are supported"),
    "sparse_": ((0.5,), "Only tensors with 2 dimensions are supported"),
}


@fact(*(f"torch.nn.init.{kind}" for kind in REFUSED))
@pytest.mark.parametrize("kind", REFUSED)
def test_refuses_a_vector(device, kind):
    """`nn.init.orthogonal_`, `eye_`, `dirac_` and `sparse_` refuse a vector: "Only tensors with" more dimensions."""
    arguments, words = REFUSED[kind]
    with pytest.raises(ValueError, match=words):
        getattr(nn.init, kind)(torch.ones(3, device=device), *arguments)


@fact("torch.nn.init.kaiming_normal_", "torch.nn.init.kaiming_uniform_")
@pytest.mark.parametrize("kind", ["kaiming_normal_", "kaiming_uniform_"])
def test_refuses_an_unknown_mode(device, kind):
    """`kaiming_normal_` and `kaiming_uniform_` refuse a `mode` other than "fan_in" and "fan_out"."""
    with pytest.raises(ValueError, match="Mode .* not supported"):
        getattr(nn.init, kind)(torch.ones(2, 3, device=device), mode="fan")


@fact("torch.nn.init.dirac_")
def test_dirac_refuses_groups_that_do_not_divide(device):
    """`nn.init.dirac_` refuses groups that do not divide the channels: "dim 0 must be divisible by groups"."""
    with pytest.raises(ValueError, match="dim 0 must be divisible by groups"):
        nn.init.dirac_(torch.ones(3, 2, 3, device=device), 2)


@fact("torch.nn.init.uniform_", "torch.nn.init.zeros_", "torch.nn.init.constant_")
@pytest.mark.parametrize(
    "fill",
    [lambda x: nn.init.uniform_(x, 2, 3), lambda x: nn.init.zeros_(x), lambda x: nn.init.constant_(x, 2.5)],
    ids=["uniform", "zeros", "constant"],
)
def test_is_not_followed_by_autograd(device, fill):
    """`nn.init.uniform_`, `zeros_` and `constant_` fill a parameter in place, without a trace in the graph."""
    parameter = nn.Parameter(torch.full((3,), 9.0, device=device))
    fill(parameter)
    assert (parameter.is_leaf, parameter.requires_grad, parameter.grad_fn) == (True, True, None)
    assert parameter.max() < 9


FILLED = {
    "uniform_": lambda x, **how: nn.init.uniform_(x, **how),
    "normal_": lambda x, **how: nn.init.normal_(x, **how),
    "xavier_uniform_": lambda x, **how: nn.init.xavier_uniform_(x, **how),
    "xavier_normal_": lambda x, **how: nn.init.xavier_normal_(x, **how),
    "kaiming_uniform_": lambda x, **how: nn.init.kaiming_uniform_(x, **how),
    "kaiming_normal_": lambda x, **how: nn.init.kaiming_normal_(x, **how),
    "orthogonal_": lambda x, **how: nn.init.orthogonal_(x, **how),
    "sparse_": lambda x, **how: nn.init.sparse_(x, 0.2, **how),
}


@check
def draws_from_its_generator(device, fill):
    """It fills a table with the same after the same seed of its generator. Raises AssertionError."""
    seeded = [torch.Generator(device).manual_seed(seed) for seed in (3, 3, 4)]
    a, b, c = (fill(torch.empty(4, 4, device=device), generator=generator) for generator in seeded)
    same(a, b)
    assert a.tolist() != c.tolist()


@fact(*(f"torch.nn.init.{kind}" for kind in FILLED), since="2.2", calls="generator", gain=True)
@pytest.mark.parametrize("kind", FILLED)
def test_takes_a_generator(device, kind):
    """`nn.init.normal_`, `xavier_uniform_`, `sparse_` and others draw from the `generator` that they are given."""
    draws_from_its_generator(device, FILLED[kind])


@fact("torch.nn.init.trunc_normal_", since="2.1", calls="generator", gain=True)
def test_truncated_normal_takes_a_generator(device):
    """`nn.init.trunc_normal_` draws from the `generator` that it is given."""
    draws_from_its_generator(device, nn.init.trunc_normal_)


def starts_from_zero(patch):
    for name in ("uniform_", "kaiming_uniform_"):
        patch.setattr(nn.init, name, lambda x, *given, **named: nn.init.zeros_(x))


@fact("torch.nn.Linear", "torch.nn.Bilinear", refuter=starts_from_zero)
@pytest.mark.parametrize(
    "layer", [lambda: nn.Linear(100, 40), lambda: nn.Bilinear(100, 3, 20)], ids=["Linear", "Bilinear"]
)
def test_layer_starts_within_the_root_of_its_features(layer):
    """`Linear` and `Bilinear` start with numbers within one over the root of their `in_features`."""
    made = layer()
    for parameter in made.parameters():
        assert parameter.abs().max().item() <= 0.1
    assert abs(made.weight.double().std().item() * math.sqrt(300) - 1) < 6 * math.sqrt(1 / 8000)
