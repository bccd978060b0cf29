"""What it costs to load data."""

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from fixtures.fact import fact
from fixtures.race import race

pytestmark = pytest.mark.bench


def collates_in_no_time(patch):
    """`default_collate` gives its samples as they are, and fetches cost nothing."""
    patch.setattr(DataLoader, "__iter__", lambda self: iter(()))


@fact(
    "torch.utils.data.DataLoader",
    refuter=collates_in_no_time,
    hint="take slices of the tensor, or a batch sampler as `sampler` with batch_size=None",
)
def test_of_tensors_is_more_than_fivefold_of_slices(numbers):
    """Batches from a `TensorDataset` take more than five times the time of slices of its tensor."""
    x = torch.rand(1024, 16)
    loader = DataLoader(TensorDataset(x), batch_size=64)
    assert race(lambda: list(loader), lambda: [x[i : i + 64] for i in range(0, 1024, 64)], numbers).ratio_above(5)
