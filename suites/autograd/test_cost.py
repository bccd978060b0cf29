"""What recording and going backward cost, beside the forward pass alone."""

import pytest
import torch
from torch import nn
from torch.utils import checkpoint

from torchproof import fact, race
from torchproof.fixtures.race import slower

pytestmark = pytest.mark.bench


def model():
    return nn.Sequential(*[nn.Sequential(nn.Linear(128, 128), nn.Tanh()) for _ in range(4)])


def records_slowly(patch):
    """Outside of `no_grad` a layer takes much longer."""
    slower("torch.nn.functional.linear", when=lambda x: torch.is_grad_enabled())(patch)


@fact(
    "torch.no_grad",
    refuter=records_slowly,
    claims=["A06"],
    myth="recording the graph multiplies the time of a forward pass",
)
def test_of_recording_is_less_than_double(numbers):
    """The forward pass of four layers of 128 by 128 takes less than twice the time that it takes under `no_grad`."""
    layers, x = model(), torch.rand(64, 128)
    assert race(lambda: layers(x), lambda: torch.no_grad()(layers)(x), numbers).ratio_below(2)


def goes_backward_slowly(patch):
    """`backward` starts with much else to do."""
    slower("torch.Tensor.mm")(patch)
    backward = torch.Tensor.backward
    patch.setattr(torch.Tensor, "backward", lambda y: (torch.rand(1000, 1000).mm(torch.rand(1000, 10)), backward(y)))


@fact("torch.Tensor.backward", refuter=goes_backward_slowly)
def test_of_a_step_is_less_than_six_forward_passes(numbers):
    """A forward pass and `backward` through four layers take less than six times the time of the forward pass."""
    layers, x = model(), torch.rand(64, 128)
    assert race(lambda: layers(x).sum().backward(), lambda: layers(x), numbers).ratio_below(6)


@fact("torch.utils.checkpoint.checkpoint", refuter=slower("torch.utils.checkpoint.checkpoint"))
def test_of_checkpoint_is_less_than_fourfold(numbers):
    """Forward and backward of four layers through `checkpoint` take less than four times the time without it."""
    layers, x = model(), torch.rand(64, 128, requires_grad=True)
    again = lambda: checkpoint.checkpoint(layers, x, use_reentrant=False).sum().backward()  # noqa: E731
    assert race(again, lambda: layers(x).sum().backward(), numbers).ratio_below(4)


def ignores_vectorize(patch):
    """`jacobian` loops, whatever it is told."""
    jacobian = torch.autograd.functional.jacobian
    patch.setattr(torch.autograd.functional, "jacobian", lambda function, x, vectorize=False: jacobian(function, x))


@fact("torch.autograd.functional.jacobian", refuter=ignores_vectorize)
def test_of_a_vectorized_jacobian_is_less_than_of_a_loop(numbers):
    """`functional.jacobian(vectorize=True)` takes less than half of the time of its loop over 64 outputs."""
    x = torch.rand(64)
    jacobian = torch.autograd.functional.jacobian
    assert race(
        lambda: jacobian(torch.tanh, x, vectorize=True), lambda: [jacobian(torch.tanh, x)], numbers
    ).ratio_below(0.5)
