import pytest
import torch
from torch import nn

from torchproof import fact, same


@fact("torch.nn.functional.mse_loss")
@pytest.mark.parametrize(
    ("reduction", "want"),
    [("none", [[4.0, 1.0], [0.0, 9.0]]), ("sum", 14.0), ("mean", 3.5)],
    ids=["none", "sum", "mean"],
)
def test_is_of_squared_differences(device, reduction, want):
    """`mse_loss` gives the squares of the differences, their sum or their mean, as `reduction` says."""
    x, y = torch.tensor([[1.0, 2.0], [5.0, 3.0]], device=device), torch.tensor([[3.0, 1.0], [5.0, 0.0]], device=device)
    same(nn.functional.mse_loss(x, y, reduction=reduction), torch.tensor(want))


@fact("torch.nn.functional.mse_loss")
def test_takes_the_mean_by_default(device):
    """`mse_loss` gives the mean of the squared differences unless told otherwise."""
    x, y = torch.tensor([1.0, 2.0], device=device), torch.tensor([3.0, 5.0], device=device)
    same(nn.functional.mse_loss(x, y), torch.tensor(6.5))


@fact("torch.nn.functional.mse_loss")
def test_leaves_its_inputs(device):
    """`mse_loss` changes neither the input nor the target."""
    x, y = torch.tensor([1.0, 2.0], device=device), torch.tensor([3.0, 5.0], device=device)
    same(nn.functional.mse_loss(x, y, reduction="none"), torch.tensor([4.0, 9.0]))
    same(x, torch.tensor([1.0, 2.0]))
    same(y, torch.tensor([3.0, 5.0]))
