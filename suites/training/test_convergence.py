"""Where training arrives by theory, and how fast; each optimizer's own rule is a fact of `optim`."""

import math
from itertools import pairwise

import numpy
import pytest
import torch
from torch import nn

from torchproof import close, fact, same

CURVATURES = numpy.array([1.0, 4.0, 16.0])


def descended(device, steps, curvatures=CURVATURES, **options):
    """The weights after each step of SGD on half the sum of curvature * weight**2, from ones, in float64."""
    w = torch.ones(len(curvatures), dtype=torch.float64, device=device, requires_grad=True)
    optimizer = torch.optim.SGD([w], **options)
    curvatures = torch.tensor(curvatures, device=device)
    seen = [w.detach().clone()]
    for _ in range(steps):
        optimizer.zero_grad()
        (curvatures * w * w / 2).sum().backward()
        optimizer.step()
        seen.append(w.detach().clone())
    return torch.stack(seen)


@fact("torch.optim.SGD", claims=["L03"])
@pytest.mark.parametrize("lr", [1 / 32, 1 / 16, 3 / 32])
def test_of_a_quadratic_is_geometric(device, lr):
    """`SGD` on a quadratic multiplies each weight by 1 - lr * curvature a step, neither more nor less."""
    close(descended(device, 20, lr=lr)[-1], (1 - lr * CURVATURES) ** 20, roundings=200)


@fact("torch.optim.SGD")
def test_with_one_over_the_curvature_is_one_step(device):
    """`SGD` with a learning rate of 1 / curvature is at the minimum of a parabola after one step."""
    same(descended(device, 1, numpy.array([8.0]), lr=1 / 8)[-1], torch.zeros(1, dtype=torch.float64))


@fact("torch.optim.SGD", myth="a too large learning rate is merely inexact", hint="lower the learning rate")
def test_ends_above_two_over_the_largest_curvature(device):
    """`SGD` with a learning rate above 2 / the largest curvature diverges: the weight grows at every step."""
    path = descended(device, 400, lr=2.25 / 16)[:, 2].abs()
    close(path[20], numpy.float64(1.25**20), roundings=200)
    assert path[-1] > 1e38


@fact("torch.optim.SGD")
def test_at_two_over_the_curvature_swings_for_ever(device):
    """`SGD` with a learning rate of exactly 2 / curvature swings between two points, and never arrives."""
    path = descended(device, 5, numpy.array([4.0]), lr=0.5)
    assert path.flatten().tolist() == [1.0, -1.0, 1.0, -1.0, 1.0, -1.0]


@fact("torch.optim.SGD")
def test_is_limited_by_the_condition(device):
    """At its best learning rate `SGD` shrinks the error by (k - 1) / (k + 1) a step, k the ratio of the curvatures."""
    path = descended(device, 30, lr=2 / (1 + 16)).abs()
    close(path[30][[0, 2]], [(15 / 17) ** 30] * 2, roundings=300)


BADLY = numpy.array([1.0, 100.0])


@fact("torch.optim.SGD")
def test_is_faster_with_momentum(device):
    """`SGD` with the momentum of Polyak needs the root of the steps: at k = 100 a hundred leave 1e-6, without 0.13."""
    root = 10.0
    momentum = ((root - 1) / (root + 1)) ** 2
    heavy = descended(device, 100, BADLY, lr=4 / (root + 1) ** 2, momentum=momentum)[-1].abs().max()
    plain = descended(device, 100, BADLY, lr=2 / 101)[-1].abs().max()
    assert plain.item() == pytest.approx((99 / 101) ** 100)
    assert heavy.item() < 1e-6


@fact("torch.optim.SGD")
def test_with_nesterov_keeps_to_its_bound(device):
    """`SGD` with Nesterov's momentum keeps the loss below (1 - 1 / sqrt(k))**t times its bound at each step."""
    path = descended(device, 100, BADLY, lr=1 / 100, momentum=9 / 11, nesterov=True).cpu().numpy()
    loss = (BADLY * path**2 / 2).sum(1)
    bound = (100 + 1) / 2 * 2 * (1 - 1 / 10) ** numpy.arange(101)
    assert (loss <= bound).all()
    assert loss[100] > 0 and loss[10] < 0.5 * loss[0]


@fact("torch.optim.SGD", "torch.cosh")
def test_of_a_smooth_convex_loss_falls_as_one_over_the_steps(device):
    """`SGD` on log cosh, smooth and convex, is after t steps below L * distance**2 / (2 t) of the minimum, each t."""
    w = torch.tensor(6.0, dtype=torch.float64, device=device, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=1.0)  # the slope of log cosh changes by 1 at most
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        loss = torch.cosh(w).log()
        losses.append(loss.item())
        loss.backward()
        optimizer.step()
    assert losses[0] == pytest.approx(math.log(math.cosh(6.0)))
    assert all(loss <= 36 / (2 * t) for t, loss in enumerate(losses) if t)
    assert losses[-1] < 1e-12


SAMPLES = [3.0, -1.0, 7.0, 5.0, 2.0, 8.0]


def following(device, rate):
    """Where SGD on (w - x)**2 / 2 is after each sample x, with the learning rate `rate(t)`."""
    w = torch.zeros((), dtype=torch.float64, device=device, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=1.0)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
    seen = []
    for x in SAMPLES:
        optimizer.zero_grad()
        ((w - x) ** 2 / 2).backward()
        optimizer.step()
        scheduler.step()
        seen.append(w.item())
    return seen


@fact("torch.optim.SGD", "torch.optim.lr_scheduler.LambdaLR")
def test_with_a_falling_rate_is_the_mean_of_all_samples(device):
    """`SGD` on (w - x)**2 / 2 by single samples, rate 1 / t, is at the mean of those seen: noise is averaged out."""
    want = [sum(SAMPLES[: t + 1]) / (t + 1) for t in range(6)]
    assert following(device, lambda t: 1 / (t + 1)) == pytest.approx(want, rel=1e-12)


@fact("torch.optim.SGD")
def test_with_a_constant_rate_forgets_the_first_samples(device):
    """`SGD` by single samples with a constant rate follows the newest: noise never averages out."""
    want, average = [], 0.0
    for x in SAMPLES:
        average += 0.5 * (x - average)
        want.append(average)
    assert following(device, lambda t: 0.5) == pytest.approx(want, rel=1e-12)


@fact("torch.optim.LBFGS")
def test_of_lbfgs_needs_few_steps(device):
    """`LBFGS` with a line search finds the minimum of a quadratic in 20 weights within one `step`, by its closure."""
    w = torch.ones(20, dtype=torch.float64, device=device, requires_grad=True)
    curvatures = torch.arange(1.0, 21.0, dtype=torch.float64, device=device)
    optimizer = torch.optim.LBFGS([w], max_iter=100, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = (curvatures * (w - 3) ** 2).sum()
        loss.backward()
        return loss.detach()

    assert optimizer.step(closure).item() == 840.0
    assert (w - 3).abs().max().item() < 1e-4
    assert closure().item() < 1e-9


def first_step(device, name, scale):
    """How far a first step moves three weights, by gradients 1, -2 and 4 times a scale."""
    w = torch.zeros(3, device=device, requires_grad=True)
    optimizer = getattr(torch.optim, name)([w], lr=0.5)
    (scale * w * torch.tensor([1.0, -2.0, 4.0], device=device)).sum().backward()
    optimizer.step()
    return w.detach()


@fact("torch.optim.Adam", "torch.optim.SGD", myth="doubling the loss doubles every step")
@pytest.mark.parametrize("scale", [1.0, 1024.0])
def test_of_adam_does_not_see_the_scale_of_the_loss(device, scale):
    """A loss times 1024 makes a first step of `SGD` 1024 times as long, and leaves that of `Adam` at its rate."""
    close(first_step(device, "Adam", scale), [-0.5, 0.5, -0.5], roundings=8)
    same(first_step(device, "SGD", scale), scale * torch.tensor([-0.5, 1.0, -2.0]))


# --- networks ---------------------------------------------------------------------------------------------------------

INPUTS, XOR = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [[0.0], [1.0], [1.0], [0.0]]


def of_xor(device, model, steps, lr=0.1):
    """The loss of a model after training on the four points of XOR."""
    x, y = torch.tensor(INPUTS, device=device), torch.tensor(XOR, device=device)
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.mse_loss(model(x), y).backward()
        optimizer.step()
    return nn.functional.mse_loss(model(x), y).item()


@fact("torch.nn.Tanh")
def test_of_xor_needs_a_hidden_layer_with_an_activation(device):
    """Two `Linear` layers learn XOR with `Tanh`, an activation, between them."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1)).to(device)
    assert of_xor(device, model, 100) < 0.01


@fact("torch.nn.Linear")
def test_of_xor_without_an_activation_ends_at_the_mean(device):
    """Two `Linear` layers without an activation between them learn of XOR no more than the mean, 0.5."""
    model = nn.Sequential(nn.Linear(2, 8), nn.Linear(8, 1)).to(device)
    assert of_xor(device, model, 100) == pytest.approx(0.25, abs=0.01)


def hidden(device, weight, outer):
    """A network with a hidden layer of three units, whose weights are all one number."""
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)).to(device)
    nn.init.constant_(model[0].weight, weight), nn.init.zeros_(model[0].bias)
    nn.init.constant_(model[2].weight, outer), nn.init.zeros_(model[2].bias)
    return model


@fact("torch.optim.Adam", "torch.nn.Linear", hint="begin with random weights")
def test_from_equal_weights_keeps_hidden_units_equal(device):
    """Hidden units of a `Linear` layer that begin with equal weights stay equal: the layer is worth one unit."""
    model = hidden(device, 0.5, 0.25)
    of_xor(device, model, 20)
    weight = model[0].weight.detach()
    same(weight - weight[:1], torch.zeros(3, 2))
    assert (weight - 0.5).abs().min() > 0.01


@fact("torch.optim.SGD", "torch.Tensor.backward", hint="begin with random weights")
def test_from_zero_weights_gives_hidden_weights_no_gradient(device):
    """With all `Linear` weights zero `backward` gives the last bias alone a gradient: hidden layers do not learn."""
    model = hidden(device, 0.0, 0.0)
    x, y = torch.tensor(INPUTS, device=device), torch.tensor(XOR, device=device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    for _ in range(3):
        optimizer.zero_grad()
        nn.functional.mse_loss(model(x), y).backward()
        optimizer.step()
    same(model[0].weight.detach(), torch.zeros(3, 2))
    same(model[2].weight.detach(), torch.zeros(1, 3))
    close(model[2].bias.detach(), [0.5], roundings=4)


@fact("torch.optim.SGD", "torch.Tensor.backward")
def test_of_a_loss_with_two_minima_depends_on_the_start(device):
    """`SGD` on (w**2 - 1)**2 ends in the minimum on its side, and stays where the gradient is zero."""
    w = torch.tensor([0.25, -0.25, 0.0], dtype=torch.float64, device=device, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    for _ in range(100):
        optimizer.zero_grad()
        ((w * w - 1) ** 2).sum().backward()
        optimizer.step()
    close(w.detach(), [1.0, -1.0, 0.0], roundings=8)


def of_separable_classes(device, decay):
    """The weight of a logistic regression of one sample after each of 300 steps."""
    w = torch.zeros(1, dtype=torch.float64, device=device, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=1.0, weight_decay=decay)
    one, seen = torch.ones(1, dtype=torch.float64, device=device), []
    for _ in range(300):
        optimizer.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(w, one).backward()
        optimizer.step()
        seen.append(w.item())
    return seen


@fact("torch.optim.SGD", "torch.nn.functional.binary_cross_entropy_with_logits")
def test_of_separable_classes_grows_without_end(device):
    """Logistic regression by `SGD` of separable classes never ends: its weight grows as the logarithm of the steps."""
    seen = of_separable_classes(device, 0.0)
    assert all(later > earlier for earlier, later in pairwise(seen))
    assert math.exp(seen[-1]) == pytest.approx(300, rel=0.05)


@fact("torch.optim.SGD")
def test_of_separable_classes_is_held_by_decay(device):
    """`weight_decay` of `SGD` holds the weight of separable classes where the gradient is as large as the decay."""
    w = of_separable_classes(device, 0.1)[-1]
    assert w == pytest.approx(1 / (1 + math.exp(w)) / 0.1, rel=1e-12)
