"""The training loop as a whole, and without one of its parts; parts in another order are in `test_order`."""

import numpy
import pytest
import torch
from torch import nn

from torchproof import close, fact, same

X = numpy.array([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0], [2.0, -1.0]])
Y = numpy.array([[3.0], [-1.0], [2.0], [6.0]])


def train(device, steps, leave_out=()):
    """A linear model after so many steps over all data, without some parts of the step."""
    model = nn.Linear(2, 1, bias=False, device=device, dtype=torch.float64)
    nn.init.zeros_(model.weight)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.125)
    x, y = torch.tensor(X, device=device), torch.tensor(Y, device=device)
    for _ in range(steps):
        if "zero_grad" not in leave_out:
            optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), y)
        if "backward" not in leave_out:
            loss.backward()
        if "step" not in leave_out:
            optimizer.step()
    return model.weight.detach()


def descended(steps):
    """Gradient descent over the mean of squares, by its formula."""
    w = numpy.zeros((1, 2))
    for _ in range(steps):
        w = w - 0.125 * 2 / 4 * (X @ w.T - Y).T @ X
    return w


@fact("torch.optim.SGD.step", "torch.nn.functional.mse_loss", "torch.nn.Linear", claims=["L01", "L03"])
@pytest.mark.parametrize("steps", [1, 2, 200])
def test_goes_down_by_its_formula(device, steps):
    """A loop of `Linear`, `mse_loss` and `SGD` is gradient descent by its formula, which ends at the least squares."""
    w = train(device, steps)
    close(w, descended(steps), roundings=40 * steps, scale=8)
    close(torch.tensor(descended(200)), numpy.linalg.lstsq(X, Y, rcond=None)[0].T, roundings=10_000, scale=8)


@fact("torch.optim.SGD.step", "torch.Tensor.backward", claims=["L01", "L03"])
@pytest.mark.parametrize("missing", ["backward", "step"])
def test_without_backward_or_step_learns_nothing(device, missing):
    """A loop without `backward`, or without `step`, leaves the weights without a word, where both move them."""
    same(train(device, 3, leave_out=[missing]), torch.zeros(1, 2, dtype=torch.float64))
    close(train(device, 3), descended(3), roundings=120, scale=8)


@fact("torch.optim.Optimizer.zero_grad", claims=["L01"])
def test_without_zero_grad_learns_otherwise(device):
    """A loop without `zero_grad` adds the gradients of all steps up, and goes another way from the second step on."""
    close(train(device, 1, leave_out=["zero_grad"]), descended(1), roundings=40, scale=8)
    assert (train(device, 2, leave_out=["zero_grad"]) - torch.tensor(descended(2), device=device)).abs().max() > 0.1
    close(train(device, 2), descended(2), roundings=80, scale=8)
