"""Weight decay and label smoothing in training: what they are worth, and what they are not."""

import math

import numpy
import pytest
import torch
from torch import nn

from torchproof import close, fact, same

START, SLOPE = [2.0, -4.0, 8.0], [1.0, 0.5, -0.25]


def moved(device, name, steps=1, penalty=0.0, scale=1.0, **options):
    """Weights after steps by a linear loss, to which `penalty` / 2 times their squares may be added."""
    w = torch.tensor(START, device=device, dtype=torch.float64, requires_grad=True)
    optimizer = getattr(torch.optim, name)([w], lr=0.5, **options)
    slope = scale * torch.tensor(SLOPE, device=device)
    for _ in range(steps):
        optimizer.zero_grad()
        ((w * slope).sum() + penalty / 2 * w.square().sum()).backward()
        optimizer.step()
    return w.detach()


@fact("torch.optim.SGD")
@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_by_decay_is_a_penalty_for_sgd(device, momentum):
    """`weight_decay` of `SGD` is half that number times the squares of the weights in the loss, step by step."""
    decayed = moved(device, "SGD", 2, weight_decay=0.25, momentum=momentum)
    same(decayed, moved(device, "SGD", 2, penalty=0.25, momentum=momentum))
    w, v = numpy.array(START), 0.0
    for _ in range(2):
        v = momentum * v + numpy.array(SLOPE) + 0.25 * w
        w = w - 0.5 * v
    same(decayed, torch.tensor(w))


@fact("torch.optim.Adam", myth="weight_decay of Adam is that of AdamW", hint="use AdamW")
def test_by_decay_is_a_penalty_for_adam(device):
    """`weight_decay` of `Adam` is an L2 penalty in the loss: it goes through the moments as the gradient does."""
    close(moved(device, "Adam", 3, weight_decay=0.25), moved(device, "Adam", 3, penalty=0.25).cpu(), roundings=64)
    same(moved(device, "Adam", weight_decay=0.25).sign(), torch.tensor([1.0, -1.0, 1.0], dtype=torch.float64))


@fact("torch.optim.AdamW", myth="weight decay and L2 penalty are the same")
def test_by_decay_is_no_penalty_for_adamw(device):
    """`AdamW` shrinks a weight by lr * weight_decay of itself beside its step, as no L2 penalty under `Adam` does."""
    decayed, penalized = moved(device, "AdamW", weight_decay=0.25), moved(device, "Adam", penalty=0.25)
    close(decayed, numpy.array(START) * 0.875 - [0.5, 0.5, -0.5], roundings=2**30, scale=1)
    close(penalized, numpy.array(START) - [0.5, -0.5, 0.5], roundings=2**30, scale=1)


@fact("torch.optim.Adam", "torch.optim.AdamW")
@pytest.mark.parametrize(("name", "factor"), [("Adam", 1.0), ("AdamW", 0.875)], ids=["Adam", "AdamW"])
def test_by_decay_is_lost_beside_a_large_gradient_for_adam_alone(device, name, factor):
    """Beside a large gradient `weight_decay` of `Adam` moves next to nothing, and that of `AdamW` as much as ever."""
    w = moved(device, name, scale=2.0**20, weight_decay=0.25)
    close(w, numpy.array(START) * factor - [0.5, 0.5, -0.5], roundings=2**34, scale=1)


def without_gradients(device):
    """A `Linear` and a `LayerNorm` of ones, whose gradients are zero: only decay moves them."""
    model = nn.Sequential(nn.Linear(1, 1), nn.LayerNorm(1)).to(device)
    for parameter in model.parameters():
        nn.init.ones_(parameter)
        parameter.grad = torch.zeros_like(parameter)
    return model


@fact("torch.optim.SGD", hint="give biases and norms a group with weight_decay=0")
def test_by_decay_shrinks_biases_and_norms_too(device):
    """`weight_decay` of `SGD` shrinks biases and the weight and bias of a `LayerNorm` as it does other weights."""
    model = without_gradients(device)
    torch.optim.SGD(model.parameters(), lr=0.5, weight_decay=0.5).step()
    assert [parameter.item() for parameter in model.parameters()] == [0.75] * 4


@fact("torch.optim.SGD")
def test_by_decay_spares_a_group_without_it(device):
    """A group with `weight_decay=0` is spared the `weight_decay` that `SGD` is given for the others."""
    model = without_gradients(device)
    groups = [{"params": model[0].parameters()}, {"params": model[1].parameters(), "weight_decay": 0.0}]
    torch.optim.SGD(groups, lr=0.5, weight_decay=0.5).step()
    assert [parameter.item() for parameter in model.parameters()] == [0.75, 0.75, 1.0, 1.0]


@fact("torch.optim.SGD", "torch.nn.functional.mse_loss")
def test_by_decay_ends_at_ridge_regression(device):
    """Least squares by full-batch `SGD` with `weight_decay` and a small rate ends at ridge regression's closed form."""
    X, Y, decay = numpy.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]]), numpy.array([1.0, 3.0, 2.0]), 0.5
    x, y = torch.tensor(X, device=device), torch.tensor(Y, device=device)
    w = torch.zeros(2, dtype=torch.float64, device=device, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.2, weight_decay=decay)
    for _ in range(300):
        optimizer.zero_grad()
        nn.functional.mse_loss(x @ w, y).backward()
        optimizer.step()
    close(w.detach(), numpy.linalg.solve(2 * X.T @ X / 3 + decay * numpy.eye(2), 2 * X.T @ Y / 3), roundings=100)


@fact("torch.Tensor.backward", hint="set small weights to zero after the step")
def test_by_absolute_values_makes_no_weight_zero(device):
    """An L1 penalty, `w.abs()` in the loss, lets a weight swing around zero rather than become exactly zero."""
    w, seen = torch.tensor(0.625, device=device, requires_grad=True), []
    for _ in range(5):
        (w.abs()).backward()
        with torch.no_grad():
            w.sub_(0.25 * w.grad)
        w.grad = None
        seen.append(w.item())
    assert seen == [0.375, 0.125, -0.125, 0.125, -0.125]


@fact("torch.nn.BatchNorm1d", "torch.Tensor.backward", myth="weight decay before BatchNorm makes outputs smaller")
def test_by_decay_before_batch_norm_changes_the_step_and_not_the_output(device):
    """With a tiny `eps` a weight before `BatchNorm1d` times 4 gives the same output, and a quarter of the gradient."""
    x, seen = torch.tensor([[1.0, 2.0], [3.0, -1.0], [-2.0, 0.5]], dtype=torch.float64, device=device), []
    for factor in (1.0, 4.0):
        norm = nn.BatchNorm1d(1, eps=1e-300, device=device, dtype=torch.float64)
        w = torch.tensor([[1.0], [0.5]], dtype=torch.float64, device=device).mul(factor).requires_grad_()
        y = norm(x @ w)
        (y * torch.tensor([[1.0], [2.0], [4.0]], device=device)).sum().backward()
        seen.append((y.detach().cpu().numpy(), w.grad))
    close(torch.tensor(seen[1][0]), seen[0][0], roundings=64, scale=2)
    close(4 * seen[1][1], seen[0][1].cpu().numpy(), roundings=256, scale=4)
    assert seen[0][1].abs().max() > 0.1


# --- label smoothing --------------------------------------------------------------------------------------------------


def smoothed(device, gap, smoothing, classes=4):
    """The loss, and its gradient, of one sample whose right class is `gap` above the others."""
    logits = torch.zeros(1, classes, dtype=torch.float64, device=device)
    logits[0, 1] = gap
    logits.requires_grad_()
    loss = nn.CrossEntropyLoss(label_smoothing=smoothing)(logits, torch.tensor([1], device=device))
    loss.backward()
    return loss.item(), logits.grad


@fact("torch.nn.CrossEntropyLoss", myth="a perfect model has a loss of zero with label smoothing")
@pytest.mark.parametrize("smoothing", [0.1, 0.4])
def test_by_smoothing_has_a_least_loss_above_zero(device, smoothing):
    """`CrossEntropyLoss` with `label_smoothing` is least, the entropy of the labels, at a finite gap of the logits."""
    low = smoothing / 4
    high = 1 - smoothing + low
    loss, gradient = smoothed(device, math.log(high / low), smoothing)
    assert loss == pytest.approx(-high * math.log(high) - 3 * low * math.log(low), rel=1e-12)
    close(gradient, numpy.zeros((1, 4)), roundings=8, scale=1)


@fact("torch.nn.CrossEntropyLoss")
def test_by_smoothing_punishes_certainty(device):
    """With `label_smoothing` a right answer more certain than the label raises the loss, and without lowers it."""
    assert smoothed(device, 20.0, 0.1)[0] > smoothed(device, 5.0, 0.1)[0] + 1
    assert smoothed(device, 20.0, 0.0)[0] < smoothed(device, 5.0, 0.0)[0]


@fact("torch.nn.CrossEntropyLoss", hint="validate with a CrossEntropyLoss without label_smoothing")
def test_by_smoothing_makes_losses_that_do_not_compare(device):
    """`CrossEntropyLoss` in validation, without `label_smoothing`, is below one with it, for outputs that are right."""
    assert smoothed(device, 4.0, 0.2)[0] - smoothed(device, 4.0, 0.0)[0] == pytest.approx(0.2 * 0.75 * 4.0, rel=1e-12)
