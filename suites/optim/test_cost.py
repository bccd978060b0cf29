"""What steps of optimizers cost in time, by how they go over the parameters; their memory is in memory.optimizer."""

import pytest
import torch
from torch import nn

from torchproof import fact, race
from torchproof.fixtures.race import slower

pytestmark = pytest.mark.bench

OPTIMIZERS = pytest.mark.parametrize("name", ["Adam", "AdamW"])


def step(name, **options):
    """The step of an optimizer over a hundred small parameters."""
    parameters = [nn.Parameter(torch.rand(8)) for _ in range(100)]
    for parameter in parameters:
        parameter.grad = torch.rand(8)
    return getattr(torch.optim, name)(parameters, lr=1e-3, **options).step


def foreach_is_slow(patch):
    """The functions over lists of tensors take much longer."""
    names = [name for name in dir(torch) if name.startswith("_foreach_")]
    slower(*(f"torch.{name}" for name in names))(patch)


@fact("torch.optim.Adam", "torch.optim.AdamW", refuter=foreach_is_slow)
@OPTIMIZERS
def test_of_foreach_is_less_than_of_a_loop(name, numbers):
    """`Adam` and `AdamW` step over a hundred small parameters in less time with `foreach=True` than with False."""
    assert race(step(name, foreach=True), step(name, foreach=False), numbers).ratio_below(1)


@fact(
    "torch.optim.Adam",
    "torch.optim.AdamW",
    since="2.4",
    calls="fused=True",
    gain=True,
    refuter=slower("torch._fused_adam_", "torch._fused_adamw_"),
)
@OPTIMIZERS
def test_of_fused_is_less_than_half_of_a_loop(name, numbers):
    """`Adam` and `AdamW` step over 100 small parameters by `fused=True` in less than half the time of a loop."""
    assert race(step(name, fused=True), step(name, foreach=False), numbers).ratio_below(0.5)


def sets_to_zeros_always(patch):
    """`zero_grad` sets gradients to zeros, whatever it is asked for."""
    reset = torch.optim.Optimizer.zero_grad
    patch.setattr(torch.optim.Optimizer, "zero_grad", lambda self, set_to_none: reset(self, set_to_none=False))


@fact("torch.optim.Optimizer.zero_grad", refuter=sets_to_zeros_always)
def test_of_zero_grad_to_none_is_less_than_to_zeros(numbers):
    """`zero_grad()` to None takes less than half of the time of `set_to_none=False`, for 20 gradients of 10,000."""
    parameters = [nn.Parameter(torch.rand(10_000)) for _ in range(20)]
    gradients = [torch.rand(10_000) for _ in range(20)]
    optimizer = torch.optim.SGD(parameters, lr=1)

    def reset(to_none):
        for parameter, gradient in zip(parameters, gradients):
            parameter.grad = gradient
        optimizer.zero_grad(set_to_none=to_none)

    assert race(lambda: reset(True), lambda: reset(False), numbers).ratio_below(0.5)
