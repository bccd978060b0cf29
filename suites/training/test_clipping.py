"""Clipping of gradients in a loop: where it stands, what it keeps, and what it does not cure."""

import pytest
import torch
from torch import nn

from torchproof import close, fact, same


def weights(*numbers, device):
    """A parameter of these numbers."""
    return torch.tensor(numbers, device=device, requires_grad=True)


def stepped(device, order, name="clip_grad_norm_"):
    """The weights (0, 0) after a step of SGD with rate 1 by the gradient (3, 4), with the parts in an order."""
    w = weights(0.0, 0.0, device=device)
    optimizer = torch.optim.SGD([w], lr=1.0)
    loss = (w * torch.tensor([3.0, 4.0], device=device)).sum()
    parts = {
        "backward": loss.backward,
        "clip": lambda: getattr(nn.utils, name)([w], 1.0),
        "step": optimizer.step,
    }
    for part in order:
        parts[part]()
    return w.detach()


@fact("torch.nn.utils.clip_grad_norm_", "torch.optim.SGD.step")
def test_between_backward_and_step_bounds_the_step(device):
    """`clip_grad_norm_` between `backward` and `step` makes the step of `SGD` at most lr * max_norm long."""
    close(stepped(device, ["backward", "clip", "step"]), [-0.6, -0.8], roundings=16)


@fact("torch.nn.utils.clip_grad_norm_", "torch.optim.SGD.step", hint="clip after backward() and before step()")
@pytest.mark.parametrize("order", [["clip", "backward", "step"], ["backward", "step", "clip"]], ids=["before", "after"])
def test_elsewhere_changes_no_step(device, order):
    """`clip_grad_norm_` before `backward` or after `step` leaves the step as if nothing were clipped."""
    same(stepped(device, order), torch.tensor([-3.0, -4.0]))
    close(stepped(device, ["backward", "clip", "step"]), [-0.6, -0.8], roundings=16)


@fact("torch.nn.utils.clip_grad_norm_")
def test_by_norm_keeps_the_direction_of_the_step(device):
    """`clip_grad_norm_` makes the step shorter and keeps its direction: a gradient of (3, 4) stays one of 3 to 4."""
    x, y = stepped(device, ["backward", "clip", "step"])
    close(y / x, 4 / 3, roundings=8)
    assert -0.7 < x.item() < -0.5


@fact("torch.nn.utils.clip_grad_value_")
def test_by_value_turns_the_step(device):
    """`clip_grad_value_` cuts each gradient by itself, and so turns the step: (3, 4) becomes (1, 1)."""
    same(stepped(device, ["backward", "clip", "step"], "clip_grad_value_"), torch.tensor([-1.0, -1.0]))


@fact("torch.nn.utils.clip_grad_norm_", myth="clip_grad_norm_ returns the norm after clipping")
def test_returns_the_norm_before(device):
    """What `clip_grad_norm_` returns, and people log, is the norm of the gradients before they were clipped."""
    w = weights(0.0, 0.0, device=device)
    w.grad = torch.tensor([3.0, 4.0], device=device)
    close(nn.utils.clip_grad_norm_([w], 1.0), 5.0, roundings=4)
    close(w.grad.norm(), 1.0, roundings=16)


@fact("torch.nn.utils.clip_grad_norm_", hint="give clip_grad_norm_ all parameters at once")
def test_of_each_parameter_alone_is_another_step(device):
    """`clip_grad_norm_` of each parameter alone bounds each, and so changes the direction of the whole step."""
    a, b = weights(0.0, device=device), weights(0.0, device=device)
    for parameter, gradient in ((a, 3.0), (b, 4.0)):
        parameter.grad = torch.tensor([gradient], device=device)
        nn.utils.clip_grad_norm_(parameter, 1.0)
    close(torch.cat([a.grad, b.grad]), [1.0, 1.0], roundings=16)


@fact("torch.nn.utils.clip_grad_norm_", "torch.Tensor.backward", hint="clip once, after the last micro-batch")
def test_of_each_micro_batch_is_another_step(device):
    """`clip_grad_norm_` after each micro-batch clips the sum so far again, and weighs the last one most."""
    once, each = weights(0.0, 0.0, device=device), weights(0.0, 0.0, device=device)
    for gradient in ([8.0, 0.0], [0.0, 1.0]):
        for w in (once, each):
            (w * torch.tensor(gradient, device=device)).sum().backward()
        nn.utils.clip_grad_norm_([each], 1.0)
    nn.utils.clip_grad_norm_([once], 1.0)
    close(once.grad, [8 / 65**0.5, 1 / 65**0.5], roundings=16)
    close(each.grad, [0.5**0.5, 0.5**0.5], roundings=32)


@fact("torch.nn.utils.clip_grad_norm_", "torch.nn.Module.parameters", hint="call model.parameters() again")
@pytest.mark.filterwarnings("ignore:`parameters` is an empty generator")
def test_of_a_used_up_generator_clips_nothing(device):
    """A generator `params = model.parameters()` is used up by the optimizer: `clip_grad_norm_` of it clips nothing."""
    model = nn.Linear(2, 1, bias=False, device=device)
    params = model.parameters()
    torch.optim.SGD(params, lr=1.0)
    model.weight.grad = torch.tensor([[3.0, 4.0]], device=device)
    assert nn.utils.clip_grad_norm_(params, 1.0).item() == 0.0
    same(model.weight.grad, torch.tensor([[3.0, 4.0]]))
    close(nn.utils.clip_grad_norm_(model.parameters(), 1.0), 5.0, roundings=4)


@fact("torch.nn.utils.clip_grad_norm_", myth="clipping cures NaN", hint="find where NaN comes from: set_detect_anomaly")
def test_does_not_cure_nan(device):
    """`clip_grad_norm_` spreads one NaN over the gradients of all parameters rather than cure it."""
    a, b = weights(0.0, device=device), weights(0.0, 0.0, device=device)
    a.grad, b.grad = torch.tensor([float("nan")], device=device), torch.tensor([1.0, 2.0], device=device)
    assert nn.utils.clip_grad_norm_([a, b], 1.0).isnan()
    assert a.grad.isnan().all() and b.grad.isnan().all()


@fact("torch.optim.Adam.step", "torch.nn.utils.clip_grad_norm_", myth="clipping bounds the step of Adam")
def test_hardly_changes_a_first_step_of_adam(device):
    """A first step of `Adam` is about lr long in each element, also where `clip_grad_norm_` has clipped to 0.01."""
    seen = []
    for bound in (1e9, 1e-2):
        w = weights(0.0, 0.0, device=device)
        w.grad = torch.tensor([3.0, 4.0], device=device)
        nn.utils.clip_grad_norm_([w], bound)
        torch.optim.Adam([w], lr=0.5).step()
        seen.append(w.detach())
    close(seen[0], [-0.5, -0.5], roundings=8)
    assert (seen[1] - seen[0]).abs().max().item() < 1e-5
    assert w.grad.norm().item() < 0.011


@fact("torch.Tensor.register_hook", "torch.nn.utils.clip_grad_value_")
def test_by_a_hook_is_done_within_backward(device):
    """A hook that clamps a parameter's gradient gives in `backward` what `clip_grad_value_` gives after it."""
    hooked, plain = weights(0.0, 0.0, device=device), weights(0.0, 0.0, device=device)
    hooked.register_hook(lambda gradient: gradient.clamp(-1.0, 1.0))
    for w in (hooked, plain):
        (w * torch.tensor([3.0, -0.5], device=device)).sum().backward()
    nn.utils.clip_grad_value_([plain], 1.0)
    same(hooked.grad, torch.tensor([1.0, -0.5]))
    same(plain.grad, torch.tensor([1.0, -0.5]))


@fact("torch.Tensor.register_hook", hint="clip after the last backward")
def test_by_a_hook_sees_each_backward_alone(device):
    """A `register_hook` that clamps sees each `backward` alone, so that accumulated gradients may exceed its bound."""
    w = weights(0.0, device=device)
    w.register_hook(lambda gradient: gradient.clamp(-1.0, 1.0))
    for _ in range(3):
        (w * 5).sum().backward()
    same(w.grad, torch.tensor([3.0]))


def through_twenty_layers(factor, device):
    """A weight of this number whose gradient went back through twenty layers of it."""
    w, x = weights(factor, device=device), torch.ones(1, device=device)
    for _ in range(20):
        x = x * w
    x.sum().backward()
    return w


@fact("torch.nn.utils.clip_grad_norm_", "torch.Tensor.backward")
def test_bounds_a_gradient_that_explodes(device):
    """`clip_grad_norm_` cures a gradient that explodes, as through twenty layers of weight 2, by `max_norm`."""
    w = through_twenty_layers(2.0, device)
    close(w.grad, [20 * 2.0**19], roundings=64)
    nn.utils.clip_grad_norm_([w], 1.0)
    close(w.grad, [1.0], roundings=128)


@fact("torch.nn.utils.clip_grad_norm_", "torch.Tensor.backward", myth="clipping cures vanishing gradients")
def test_leaves_a_gradient_that_vanishes(device):
    """`clip_grad_norm_` leaves a gradient that vanishes, as through twenty layers of weight 0.5, as small as it is."""
    w = through_twenty_layers(0.5, device)
    nn.utils.clip_grad_norm_([w], 1.0)
    close(w.grad, [20 * 0.5**19], roundings=128)
