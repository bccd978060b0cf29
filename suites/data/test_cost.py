"""What it costs to load data, in time and CPU time; what is loaded, and in which order, is in the files beside this."""

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
    """Batches of 64 that a `DataLoader` makes of a `TensorDataset` take over five times the time of slices."""
    x = torch.rand(1024, 16)
    loader = DataLoader(TensorDataset(x), batch_size=64)
    assert race(lambda: list(loader), lambda: [x[i : i + 64] for i in range(0, 1024, 64)], numbers).ratio_above(5)


class Slow(Dataset):
    """Samples that are waited for so many seconds each; each is the time when that began, and when it ended."""

    def __init__(self, seconds):
        self.seconds = seconds

    def __len__(self):
        return 16

    def __getitem__(self, index):
        start = time.monotonic()
        time.sleep(self.seconds)
        return torch.tensor([start, time.monotonic()], dtype=torch.float64)


def loads_in_its_own_process(patch):
    """`num_workers` has no effect."""
    init = DataLoader.__init__
    patch.setattr(DataLoader, "__init__", lambda self, dataset, **options: init(self, dataset, batch_size=4))


def loaders(seconds):
    """One with two workers that stay from epoch to epoch, and one without."""
    dataset = Slow(seconds)
    return DataLoader(dataset, batch_size=4, num_workers=2, persistent_workers=True), DataLoader(dataset, batch_size=4)


def share_of_waits(loader):
    """In an epoch, the time in which samples are waited for over what the waits for each take together."""
    waits = sorted(torch.cat(list(loader)).tolist())
    spent, until = 0.0, 0.0
    for start, end in waits:
        spent += max(0.0, end - max(start, until))
        until = max(until, end)
    return spent / sum(end - start for start, end in waits)


@fact("torch.utils.data.DataLoader", refuter=loads_in_its_own_process)
@pytest.mark.slow
def test_of_waiting_is_shared_by_workers(numbers):
    """Two workers of a `DataLoader` wait for samples at once, in less than 80 % of the time of all waits together."""
    with_workers, without = loaders(0.01)
    assert share_of_waits(without) > 0.99
    numbers["ratio"] = min(share_of_waits(with_workers) for _ in range(3))  # one may be held up by a busy machine
    assert numbers["ratio"] < 0.8


@fact(
    "torch.utils.data.DataLoader",
    myth="workers make loading faster",
    hint="leave num_workers at 0 where samples are in memory already",
    refuter=loads_in_its_own_process,
)
@pytest.mark.slow
def test_of_workers_is_more_for_what_is_in_memory(numbers):
    """A loop over a `DataLoader` takes over 1.3 times the CPU time with two workers, for samples that cost nothing.

    Of its own thread alone: what the workers take comes on top.
    """
    with_workers, without = loaders(0)
    assert race(lambda: list(with_workers), lambda: list(without), numbers).ratio_above(1.3)
