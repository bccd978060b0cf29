"""How much memory optimizers keep beside parameters and gradients; what a step costs in time is in optim.cost."""

import pytest
import torch
from torch import nn

from torchproof import fact
from torchproof.fixtures.work import nbytes

WEIGHTS = 20 * 30 * 4  # bytes of the parameters


def kept(device, kind, **options):
    """The bytes that an optimizer keeps after a step, apart from its counts of steps, and of the gradients."""
    layer = nn.Linear(30, 20, bias=False, device=device)
    optimizer = getattr(torch.optim, kind)(layer.parameters(), lr=0.1, **options)
    layer(torch.ones(1, 30, device=device)).sum().backward()
    optimizer.step()
    state = [value for value in optimizer.state[layer.weight].values() if isinstance(value, torch.Tensor)]
    return nbytes(*(value for value in state if value.dim())), nbytes(layer.weight.grad)


@fact("torch.optim.Adam.step", "torch.optim.AdamW.step", hint="8 bytes a parameter in float32, beside 4 and 4")
@pytest.mark.parametrize("kind", ["Adam", "AdamW"])
def test_of_adam_is_twice_that_of_the_parameters(device, kind):
    """`Adam` and `AdamW` keep two averages: twice the bytes of the parameters, beside those of the gradients."""
    assert kept(device, kind) == (2 * WEIGHTS, WEIGHTS)


@fact("torch.optim.Adam.step", "torch.optim.AdamW.step")
@pytest.mark.parametrize("kind", ["Adam", "AdamW"])
def test_of_adam_with_amsgrad_is_three_times_that_of_the_parameters(device, kind):
    """`Adam` and `AdamW` with `amsgrad=True` keep the largest average too: three times the parameters' bytes."""
    assert kept(device, kind, amsgrad=True) == (3 * WEIGHTS, WEIGHTS)


def keeps_momentum(patch):
    """`SGD` keeps a momentum whether it has one or not."""
    step = torch.optim.SGD.step

    def stepped(self, *arguments):
        step(self, *arguments)
        for group in self.param_groups:
            for parameter in group["params"]:
                self.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)

    patch.setattr(torch.optim.SGD, "step", stepped)


@fact("torch.optim.SGD.step", refuter=keeps_momentum)
def test_of_plain_sgd_is_none(device):
    """`SGD` without momentum keeps nothing beside the parameters and their gradients."""
    assert kept(device, "SGD") == (0, WEIGHTS)


@fact("torch.optim.SGD.step")
def test_of_sgd_with_momentum_is_that_of_the_parameters(device):
    """`SGD` with momentum keeps one tensor a parameter: once the bytes of the parameters."""
    assert kept(device, "SGD", momentum=0.9) == (WEIGHTS, WEIGHTS)
