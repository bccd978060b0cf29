"""What of a training's memory depends on the size of a batch, and what does not."""

import pytest
import torch
from torch import nn

from torchproof import fact
from torchproof.fixtures.meters import saved_bytes
from torchproof.fixtures.work import nbytes


def tower(device):
    """Two layers with an activation between and behind."""
    return nn.Sequential(nn.Linear(16, 16), nn.Sigmoid(), nn.Linear(16, 16), nn.Sigmoid()).to(device)


WEIGHT = 16 * 16 * 4  # the bytes of the second layer's weight, through which the gradient passes


@fact("torch.nn.Sigmoid", "torch.nn.Linear", claims=["E10"], hint="if one sample does not fit, no batch does")
@pytest.mark.parametrize("batch", [1, 2, 64])
def test_tells_how_many_activations_are_saved(device, batch):
    """`Linear` and `Sigmoid` save activations for backward in proportion to the batch size: 1 takes the least."""
    x = torch.ones(batch, 16, device=device)
    with saved_bytes() as saved:
        tower(device)(x)
    assert saved.total - WEIGHT == batch * 3 * 16 * 4


@fact(
    "torch.optim.Adam",
    claims=["E10"],
    hint="a model that does not fit with a batch of one needs less than a smaller batch",
)
@pytest.mark.parametrize("batch", [1, 64])
def test_tells_nothing_of_gradients_and_of_the_optimizer(device, batch):
    """Gradients take the bytes of parameters, and the moments of `Adam` twice as many, at batch size 1 as at 64."""
    model = tower(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.125)
    model(torch.ones(batch, 16, device=device)).sum().backward()
    optimizer.step()
    moments = [state[name] for state in optimizer.state.values() for name in ("exp_avg", "exp_avg_sq")]
    assert nbytes(model) == 2 * (16 * 16 + 16) * 4
    assert nbytes(p.grad for p in model.parameters()) == nbytes(model)
    assert nbytes(moments) == 2 * nbytes(model)
