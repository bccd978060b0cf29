"""What a DataLoader costs: batches a second by workers, size of the samples, and how they are put together."""

import pytest
import torch
from torch.utils.data import BatchSampler, DataLoader, Dataset, TensorDataset, default_collate

from torchproof import bench
from torchproof.fixtures.work import nbytes, random

SAMPLES, BATCH = 256, 32


class Samples(Dataset):
    """As many samples as are in an epoch, each a copy of one tensor, made with as much work as is wished."""

    def __init__(self, sample, work=0):
        self.sample, self.work = sample, work

    def __len__(self):
        return SAMPLES

    def __getitem__(self, index):
        for _ in range(self.work):
            sum(range(1000))  # as decoding would, it holds the interpreter
        return self.sample.clone()


def epoch(loader):
    """All batches once."""
    for _ in loader:
        pass


def moves_of_epoch(loader):
    """Each sample read and written, and written into its batch."""
    return 3 * SAMPLES * nbytes(loader.dataset.sample)


@bench("torch.utils.data.DataLoader", moves=moves_of_epoch, quick=True)
def bench_epoch(benchmark):
    """An epoch of 256 small samples in batches of 32, in this process."""
    benchmark(epoch, DataLoader(Samples(torch.rand(16)), BATCH))


@bench("torch.utils.data.DataLoader", moves=moves_of_epoch, clock="wall")
@pytest.mark.parametrize("workers", [0, 1, 2, 4])
@pytest.mark.parametrize("size", [1 << 4, 1 << 17])
def bench_by_workers(benchmark, size, workers):
    """An epoch of 256 samples of some float32 elements, by workers that live on."""
    loader = DataLoader(Samples(random(size)), BATCH, num_workers=workers, persistent_workers=workers > 0)
    benchmark(epoch, loader)


@bench("torch.utils.data.DataLoader", moves=moves_of_epoch, clock="wall")
@pytest.mark.parametrize("workers", [0, 1, 2])
def bench_of_work_by_workers(benchmark, workers):
    """An epoch of 256 samples that take Python code to make, by workers that live on."""
    loader = DataLoader(Samples(random(16), work=20), BATCH, num_workers=workers, persistent_workers=workers > 0)
    benchmark(epoch, loader)


@bench("torch.utils.data.DataLoader", moves=moves_of_epoch, clock="wall")
def bench_starting_workers(benchmark):
    """An epoch of 256 small samples by two workers that start for it."""
    benchmark(epoch, DataLoader(Samples(random(16)), BATCH, num_workers=2))


@bench("torch.utils.data.default_collate", moves=lambda samples: 2 * nbytes(*samples))
def bench_collate(benchmark):
    """32 images of 3 by 32 by 32 become a batch."""
    benchmark(default_collate, [random(3, 32, 32) for _ in range(BATCH)])


@bench("torch.utils.data.default_collate", moves=lambda samples: 16 * len(samples))
def bench_collate_of_mappings(benchmark):
    """32 dicts of numbers become a dict of tensors."""
    benchmark(default_collate, [{"width": 1.0, "label": n} for n in range(BATCH)])


@bench("torch.utils.data.TensorDataset", moves=lambda loader: 3 * nbytes(*loader.dataset.tensors))
@pytest.mark.parametrize("way", ["samples", "batches"])
def bench_of_tensors(benchmark, way):
    """An epoch of a dataset of two tensors, sample by sample or indexed by batches."""
    dataset = TensorDataset(random(SAMPLES, 64), torch.arange(SAMPLES))
    sampler = BatchSampler(range(SAMPLES), BATCH, drop_last=False)
    benchmark(epoch, DataLoader(dataset, BATCH) if way == "samples" else DataLoader(dataset, None, sampler=sampler))


@bench("torch.utils.data.RandomSampler", moves=lambda loader: 8 * len(loader.dataset))
@pytest.mark.parametrize("shuffle", [False, True])
def bench_of_samplers(benchmark, shuffle):
    """An epoch of ten thousand numbers in order, or in none."""
    benchmark(epoch, DataLoader(range(10_000), 1000, shuffle=shuffle))
