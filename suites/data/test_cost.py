"""What it costs to load data."""

import pytest
import torch
from torch.utils.data import BatchSampler, DataLoader, SequentialSampler, TensorDataset

from fixtures.fact import fact
from fixtures.race import race, slower

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


@fact("torch.utils.data.DataLoader", source="data", refuter=slower("torch.Tensor.__getitem__", when=lambda x: True))
def test_of_indexing_by_batches_is_less_than_half_of_collating(numbers):
    """A loader without automatic batching, which indexes a tensor by batches, takes less than half of the time."""
    x = torch.rand(1024, 16)
    at_once = DataLoader(TensorDataset(x), sampler=BatchSampler(SequentialSampler(x), 64, False), batch_size=None)
    one_by_one = DataLoader(TensorDataset(x), batch_size=64)
    assert race(lambda: list(at_once), lambda: list(one_by_one), numbers).ratio_below(0.5)
