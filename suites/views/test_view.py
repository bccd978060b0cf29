import pytest
import torch

from fixtures.checks import shares
from fixtures.fact import fact


@fact("torch.Tensor.view", claims=["V01"])
def test_shares_memory(device):
    """A write through `view` is seen in the tensor that it views."""
    x = torch.arange(6, device=device)
    x.view(2, 3)[0, 0] = 9
    assert x[0] == 9
