"""What it costs to load data."""

import time

import pytest
import torch
from torch.utils.data import DataLoader, Dataset, TensorDataset

from torchproof import fact, race

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


class Slow(Dataset):
    """Samples that take so many seconds each, in which the processor does nothing."""

    def __init__(self, seconds):
        self.seconds = seconds

    def __len__(self):
        return 16

    def __getitem__(self, index):
        time.sleep(self.seconds)
        return torch.tensor(float(index))


def loads_in_its_own_process(patch):
    """`num_workers` has no effect."""
    init = DataLoader.__init__
    patch.setattr(DataLoader, "__init__", lambda self, dataset, **options: init(self, dataset, batch_size=4))


def loaders(seconds):
    """One with two workers that stay from epoch to epoch, and one without."""
    dataset = Slow(seconds)
    return DataLoader(dataset, batch_size=4, num_workers=2, persistent_workers=True), DataLoader(dataset, batch_size=4)


@fact("torch.utils.data.DataLoader", refuter=loads_in_its_own_process)
@pytest.mark.slow
def test_of_waiting_is_shared_by_workers(numbers):
    """Two workers take less than 80 % of the time of none, where each sample is waited for."""
    with_workers, without = loaders(0.005)
    assert race(lambda: list(with_workers), lambda: list(without), numbers, clock="wall").ratio_below(0.8)


@fact(
    "torch.utils.data.DataLoader",
    myth="workers make loading faster",
    hint="leave num_workers at 0 where samples are in memory already",
    refuter=loads_in_its_own_process,
)
@pytest.mark.slow
def test_of_workers_is_more_for_what_is_in_memory(numbers):
    """Two workers take more than 1.3 times the time of none, where a sample costs next to nothing."""
    with_workers, without = loaders(0)
    assert race(lambda: list(with_workers), lambda: list(without), numbers, clock="wall").ratio_above(1.3)
