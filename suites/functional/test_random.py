"""What random functions draw: from which distribution, into which tensor, on which device."""

import math

import numpy
import pytest
import torch

from torchproof import fact, same

N = 4000
CHANCE = 1e-6  # of refusing draws that do come from the distribution
P = torch.tensor(0.25, dtype=torch.float64)
RATE = torch.tensor(3.0, dtype=torch.float64)

# Each with what draws N numbers, and the distribution's function of SciPy.
CONTINUOUS = {
    "torch.rand": (lambda: torch.rand(N), lambda stats: stats.uniform()),
    "torch.rand_like": (lambda: torch.rand_like(torch.zeros(N)), lambda stats: stats.uniform()),
    "torch.randn": (lambda: torch.randn(N), lambda stats: stats.norm()),
    "torch.randn_like": (lambda: torch.randn_like(torch.zeros(N)), lambda stats: stats.norm()),
    "torch.normal": (lambda: torch.normal(1.0, 2.0, (N,)), lambda stats: stats.norm(1, 2)),
    "torch.Tensor.uniform_": (lambda: torch.zeros(N).uniform_(-1, 3), lambda stats: stats.uniform(-1, 4)),
    "torch.Tensor.normal_": (lambda: torch.zeros(N).normal_(1, 2), lambda stats: stats.norm(1, 2)),
    "torch.Tensor.exponential_": (lambda: torch.zeros(N).exponential_(2), lambda stats: stats.expon(scale=0.5)),
    "torch.Tensor.cauchy_": (lambda: torch.zeros(N).cauchy_(1, 2), lambda stats: stats.cauchy(1, 2)),
    "torch.Tensor.log_normal_": (
        lambda: torch.zeros(N).log_normal_(1, 0.5),
        lambda stats: stats.lognorm(0.5, scale=math.e),
    ),
}
DISCRETE = {
    "torch.bernoulli": (lambda: torch.bernoulli(P.expand(N)), lambda stats: stats.bernoulli(0.25)),
    "torch.poisson": (lambda: torch.poisson(RATE.expand(N)), lambda stats: stats.poisson(3)),
    "torch.randint": (lambda: torch.randint(2, 6, (N,)), lambda stats: stats.randint(2, 6)),
    "torch.randint_like": (lambda: torch.randint_like(torch.zeros(N), 2, 6), lambda stats: stats.randint(2, 6)),
    "torch.multinomial": (
        lambda: torch.multinomial(torch.tensor([3.0, 1.0]), N, replacement=True),
        lambda stats: stats.bernoulli(0.25),
    ),
    "torch.Tensor.bernoulli_": (lambda: torch.zeros(N).bernoulli_(0.25), lambda stats: stats.bernoulli(0.25)),
    "torch.Tensor.random_": (lambda: torch.zeros(N).random_(2, 6), lambda stats: stats.randint(2, 6)),
    "torch.Tensor.geometric_": (lambda: torch.zeros(N).geometric_(0.25), lambda stats: stats.geom(0.25)),
}
IN_PLACE = {
    "uniform_": (),
    "normal_": (),
    "exponential_": (),
    "cauchy_": (),
    "log_normal_": (),
    "geometric_": (0.01,),
    "random_": (1 << 20,),
    "bernoulli_": (0.5,),
}
SIZED = {"rand": ((2, 3),), "randn": ((2, 3),), "randint": (5, (2, 3)), "randperm": (6,)}


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@fact(*CONTINUOUS, requires="scipy")
@pytest.mark.parametrize("name", CONTINUOUS)
def test_draw_from_their_distribution(name):
    """`torch.rand`, `torch.randn`, `x.exponential_` and the like draw from the distribution that they are told."""
    from scipy import stats

    draw, distribution = CONTINUOUS[name]
    drawn = draw()
    assert stats.kstest(drawn.double().numpy(), distribution(stats).cdf).pvalue > CHANCE
    assert (drawn.shape, drawn.dtype, len(drawn.unique()) > 0.99 * N) == ((N,), torch.float32, True)


@fact(*DISCRETE, requires="scipy")
@pytest.mark.parametrize("name", DISCRETE)
def test_draw_whole_numbers_from_their_distribution(name):
    """`torch.randint`, `torch.bernoulli`, `torch.poisson` and the like draw with their distribution's frequencies."""
    from scipy import stats

    draw, distribution = DISCRETE[name]
    drawn = draw()
    values, counts = numpy.unique(drawn.double().numpy(), return_counts=True)
    expected = N * distribution(stats).pmf(values)
    assert (abs(counts - expected) <= 1 + 6 * numpy.sqrt(expected)).all() and expected.sum() > 0.99 * N
    assert drawn.shape == (N,)


@fact(*(f"torch.Tensor.{name}" for name in IN_PLACE))
@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place_fill_their_tensor(device, name):
    """`x.uniform_()`, `x.normal_()` and the like fill `x` alone, which may be a column of a matrix, and return it."""
    x = torch.full((50, 2), -7.0, device=device)
    part = x[:, 0]
    assert getattr(part, name)(*IN_PLACE[name]) is part
    assert (part != -7).all() and len(x[:, 0].unique()) > 1
    same(x[:, 1], torch.full((50,), -7.0))


@fact("torch.bernoulli", "torch.poisson", "torch.normal")
@pytest.mark.parametrize("name", ["bernoulli", "poisson", "normal"])
def test_leave_their_parameters_as_they_are(device, name):
    """`torch.bernoulli`, `poisson` and `normal` of a tensor of parameters draw its shape and dtype, and keep it."""
    p = torch.full((4, 5), 0.5, dtype=torch.float64, device=device)
    drawn = getattr(torch, name)(p)
    same(p, torch.full((4, 5), 0.5, dtype=torch.float64))
    assert (drawn.shape, drawn.dtype, len(drawn.unique()) > 1) == (p.shape, p.dtype, True)


@fact(*(f"torch.{name}" for name in SIZED))
@pytest.mark.parametrize("name", SIZED)
def test_are_made_as_told(name):
    """`torch.rand`, `randn`, `randint` and `randperm` take `dtype`, `device` and `requires_grad`, as `zeros` does."""
    dtype = torch.float64 if name.endswith(("rand", "randn")) else torch.int32
    drawn = getattr(torch, name)(*SIZED[name], dtype=dtype, device="meta", requires_grad=dtype.is_floating_point)
    assert (drawn.dtype, drawn.device.type, drawn.requires_grad) == (dtype, "meta", dtype.is_floating_point)
    assert drawn.numel() == 6


LIKE = {"rand_like": (), "randn_like": (), "randint_like": (1 << 20,)}


@fact(*(f"torch.{name}" for name in LIKE))
@pytest.mark.parametrize("name", LIKE)
def test_of_what_they_are_like_take_all_but_the_values(device, name):
    """`torch.rand_like`, `randn_like` and `randint_like` take shape, dtype and strides of a tensor, and keep it."""
    x = torch.full((3, 4), 7.0, dtype=torch.float64, device=device).t()
    y = getattr(torch, name)(x, *LIKE[name])
    same(x, torch.full((4, 3), 7.0, dtype=torch.float64))
    assert (y.shape, y.dtype, y.stride(), len(y.unique())) == (x.shape, x.dtype, x.stride(), 12)
