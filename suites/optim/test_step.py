"""What `step` does by a gradient, by one of zero and without one; whole algorithms are in test_algorithms."""

import math

import pytest
import torch

from torchproof import close, fact, same

STEPS = [
    "torch.optim.SGD.step",
    "torch.optim.Adam.step",
    "torch.optim.AdamW.step",
    "torch.optim.RMSprop.step",
    "torch.optim.Adagrad.step",
]
OPTIMIZERS = {
    "SGD with momentum": lambda ws: torch.optim.SGD(ws, lr=0.5, momentum=0.5),
    "SGD with weight decay": lambda ws: torch.optim.SGD(ws, lr=0.5, weight_decay=0.5),
    "Adam": lambda ws: torch.optim.Adam(ws, lr=0.5),
    "AdamW": lambda ws: torch.optim.AdamW(ws, lr=0.5, weight_decay=0.5),
    "RMSprop": lambda ws: torch.optim.RMSprop(ws, lr=0.5, momentum=0.5),
    "Adagrad": lambda ws: torch.optim.Adagrad(ws, lr=0.5),
}
each_optimizer = pytest.mark.parametrize(
    "made", OPTIMIZERS.values(), ids=[name.replace(" ", "_") for name in OPTIMIZERS]
)


def adam(gradients, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    """How far Adam has moved a parameter after these gradients, from Kingma and Ba's algorithm 1."""
    m = v = moved = 0.0
    for t, g in enumerate(gradients, start=1):
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g
        moved -= lr * (m / (1 - beta1**t)) / (math.sqrt(v / (1 - beta2**t)) + eps)
    return moved


@fact("torch.optim.SGD.step", claims=["L02"])
def test_of_sgd_subtracts_the_rate_times_the_gradient(device):
    """`SGD(params, lr).step()` subtracts the learning rate times its gradient from each parameter."""
    w, v = (
        torch.tensor([1.0, 2.0], device=device, requires_grad=True),
        torch.tensor(3.0, device=device, requires_grad=True),
    )
    w.grad, v.grad = torch.tensor([8.0, -4.0], device=device), torch.tensor(2.0, device=device)
    torch.optim.SGD([w, v], lr=0.25).step()
    same(w, torch.tensor([1 - 0.25 * 8, 2 + 0.25 * 4]))
    same(v, torch.tensor(3 - 0.25 * 2))


@fact(*STEPS, claims=["L02"], myth="step() updates every parameter")
@each_optimizer
def test_passes_over_a_parameter_without_a_gradient(device, made):
    """`step` of `SGD`, `Adam` and other optimizers leaves the value of a parameter whose `.grad` is None."""
    w, v = (torch.tensor([1.0, 2.0], dtype=torch.float64, device=device, requires_grad=True) for _ in range(2))
    v.grad = torch.ones_like(v)
    made([w, v]).step()
    same(w, torch.tensor([1.0, 2.0], dtype=torch.float64))
    assert (v < torch.tensor([1.0, 2.0], device=device)).all()


@fact(*STEPS, claims=["L02"])
@each_optimizer
def test_without_a_gradient_keeps_a_parameter_where_it_was_going(device, made):
    """A parameter of `SGD`, `Adam` etc. that has moved stands still in a `step` for which its `.grad` is None."""
    w = torch.tensor([1.0, 2.0], dtype=torch.float64, device=device, requires_grad=True)
    optimizer = made([w])
    w.grad = torch.ones_like(w)
    optimizer.step()
    before, w.grad = w.detach().clone(), None
    optimizer.step()
    same(w, before)
    assert (before < torch.tensor([1.0, 2.0], device=device)).all()


@fact("torch.optim.SGD.step", claims=["L02"])
def test_without_a_gradient_keeps_the_momentum(device):
    """`SGD.step` does not let the momentum of a parameter decay while its `.grad` is None."""
    w = torch.tensor(1.0, dtype=torch.float64, device=device, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.5, momentum=0.5)
    for gradient in (torch.ones_like(w), None, torch.ones_like(w)):
        w.grad = gradient
        optimizer.step()
    same(w, torch.tensor(1 - 0.5 * 1 - 0.5 * (0.5 * 1 + 1), dtype=torch.float64))


@fact("torch.optim.SGD.step", claims=["A05"], myth="a gradient of zero and no gradient are the same to an optimizer")
def test_of_sgd_with_a_zero_gradient_goes_on_by_momentum(device):
    """`SGD` with momentum goes on moving a parameter in a `step` for which its gradient is zero."""
    w = torch.tensor(1.0, dtype=torch.float64, device=device, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.5, momentum=0.5)
    for gradient in (1.0, 0.0, 0.0):
        w.grad = torch.full_like(w, gradient)
        optimizer.step()
    same(w, torch.tensor(1 - 0.5 * (1 + 0.5 + 0.25), dtype=torch.float64))


@fact("torch.optim.SGD.step", claims=["A05"])
def test_of_sgd_with_a_zero_gradient_still_decays_the_weight(device):
    """`SGD` with `weight_decay` shrinks a parameter in a `step` for which its gradient is zero."""
    w = torch.tensor([4.0, -8.0], dtype=torch.float64, device=device, requires_grad=True)
    w.grad = torch.zeros_like(w)
    torch.optim.SGD([w], lr=0.5, weight_decay=0.5).step()
    same(w, torch.tensor([4 * 0.75, -8 * 0.75], dtype=torch.float64))


@fact("torch.optim.SGD.step", claims=["A05"])
def test_of_plain_sgd_with_a_zero_gradient_moves_nothing(device):
    """`SGD` without momentum or weight decay leaves a parameter whose gradient is zero where it is."""
    w = torch.tensor([4.0, -8.0], device=device, requires_grad=True)
    w.grad = torch.tensor([0.0, 2.0], device=device)
    torch.optim.SGD([w], lr=0.5).step()
    same(w, torch.tensor([4.0, -9.0]))


@fact("torch.optim.AdamW.step", claims=["A05"])
def test_of_adamw_with_a_zero_gradient_still_decays_the_weight(device):
    """`AdamW` multiplies a parameter by 1 - lr * weight_decay in a first `step` for which its gradient is zero."""
    w = torch.tensor([4.0, -8.0], dtype=torch.float64, device=device, requires_grad=True)
    w.grad = torch.zeros_like(w)
    torch.optim.AdamW([w], lr=0.5, weight_decay=0.5).step()
    same(w, torch.tensor([4 * 0.75, -8 * 0.75], dtype=torch.float64))


@fact("torch.optim.Adam.step", claims=["A05"])
@pytest.mark.parametrize(
    "gradients", [[1.0], [1.0, 0.0], [1.0, 0.0, 0.0, -2.0]], ids=["one", "one_then_zero", "zeros_between"]
)
def test_of_adam_counts_a_zero_gradient(device, gradients):
    """`Adam` takes a gradient of zero into its moments, as its published algorithm does."""
    w = torch.tensor(0.0, dtype=torch.float64, device=device, requires_grad=True)
    optimizer = torch.optim.Adam([w], lr=0.5)
    for gradient in gradients:
        w.grad = torch.full_like(w, gradient)
        optimizer.step()
    close(w, adam(gradients, lr=0.5), roundings=10 * len(gradients), scale=len(gradients) * 0.5)


@fact("torch.optim.Adagrad.step")
def test_of_adagrad_divides_by_the_root_of_all_squares_so_far(device):
    """`Adagrad.step` with `eps=0` divides the rate by the root of the sum of the squares of all gradients so far."""
    w = torch.tensor(0.0, dtype=torch.float64, device=device, requires_grad=True)
    optimizer = torch.optim.Adagrad([w], lr=0.5, eps=0.0)
    for gradient in (3.0, 4.0):
        w.grad = torch.full_like(w, gradient)
        optimizer.step()
    close(w, -0.5 * 3 / 3 - 0.5 * 4 / 5, roundings=10)


@fact("torch.optim.RMSprop.step")
def test_of_rmsprop_divides_by_the_root_of_the_average_square(device):
    """`RMSprop.step` with `eps=0` divides the rate by the root of the running average of the squared gradients."""
    w = torch.tensor(0.0, dtype=torch.float64, device=device, requires_grad=True)
    optimizer = torch.optim.RMSprop([w], lr=0.5, alpha=0.75, eps=0.0)
    for gradient in (2.0, 4.0):
        w.grad = torch.full_like(w, gradient)
        optimizer.step()
    close(w, -0.5 * 2 / 1 - 0.5 * 4 / math.sqrt(0.75 * 1 + 0.25 * 16), roundings=10)


@fact("torch.optim.Adam.step", claims=["A05"])
def test_of_adam_does_not_count_a_missing_gradient(device):
    """`Adam` moves as if a `step` for which `.grad` is None had not been taken."""
    w = torch.tensor(0.0, dtype=torch.float64, device=device, requires_grad=True)
    optimizer = torch.optim.Adam([w], lr=0.5)
    for gradient in (torch.ones_like(w), None, None, torch.full_like(w, -2.0)):
        w.grad = gradient
        optimizer.step()
    close(w, adam([1.0, -2.0], lr=0.5), roundings=20, scale=1.0)


@fact("torch.optim.Adam.step")
def test_makes_state_only_for_parameters_with_a_gradient(device):
    """`Adam.step` makes no state for a parameter whose `.grad` is None, but some for one whose gradient is zero."""
    without, zero = (torch.ones(2, device=device, requires_grad=True) for _ in range(2))
    zero.grad = torch.zeros(2, device=device)
    optimizer = torch.optim.Adam([without, zero], lr=0.5)
    optimizer.step()
    assert list(optimizer.state_dict()["state"]) == [1]


@fact("torch.optim.SGD.step", claims=["L02"], myth="step() updates every parameter")
def test_leaves_parameters_that_the_optimizer_was_not_given(device):
    """`SGD.step` leaves a parameter that the optimizer was not given, though it has a gradient."""
    given, other = (torch.tensor(1.0, device=device, requires_grad=True) for _ in range(2))
    (given * other * 2).backward()
    torch.optim.SGD([given], lr=0.25).step()
    same(given, torch.tensor(0.5))
    same(other, torch.tensor(1.0))


@fact(
    "torch.optim.SGD.step",
    claims=["L02"],
    myth="freezing after backward() keeps a parameter from moving",
    hint="set .grad to None as well",
)
def test_moves_a_parameter_frozen_after_backward(device):
    """`SGD.step` moves a parameter frozen (`requires_grad_(False)`) after `backward`, as it still has its gradient."""
    w = torch.tensor(1.0, device=device, requires_grad=True)
    (w * 2).backward()
    w.requires_grad_(False)
    torch.optim.SGD([w], lr=0.25).step()
    same(w, torch.tensor(0.5))


@fact("torch.optim.SGD.step", claims=["L01"])
def test_keeps_the_gradient(device):
    """`SGD.step` leaves `.grad` as it is, so that a second `step` applies it again."""
    w = torch.tensor(1.0, device=device, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.25)
    (w * 2).backward()
    optimizer.step()
    optimizer.step()
    same(w.grad, torch.tensor(2.0))
    same(w, torch.tensor(1 - 2 * 0.25 * 2))


@fact("torch.optim.SGD.step", claims=["L01"])
def test_before_the_first_backward_moves_nothing(device):
    """`SGD.step` before any `backward` leaves the parameters, without an error: there is no gradient to apply."""
    w = torch.tensor(1.0, device=device, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.25)
    optimizer.step()
    same(w, torch.tensor(1.0))
    (w * 2).backward()
    optimizer.step()
    same(w, torch.tensor(0.5))


@fact("torch.optim.SGD.step", claims=["L02"])
def test_writes_into_the_parameter_itself(device):
    """`SGD.step` updates a parameter in place: `detach()` of it, taken before, sees the new value."""
    w = torch.tensor([1.0, 2.0], device=device, requires_grad=True)
    seen = w.detach()
    w.grad = torch.tensor([4.0, 4.0], device=device)
    torch.optim.SGD([w], lr=0.25).step()
    same(seen, torch.tensor([0.0, 1.0]))
