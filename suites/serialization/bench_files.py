"""What saving and loading cost, by size and by number of tensors, in memory so that no disk is measured."""

import io
import pickle

import pytest
import torch
from torch import nn

from torchproof import bench
from torchproof.fixtures.work import nbytes, random

SIZES = [1 << 10, 1 << 16, 1 << 22]


def save(values, **options):
    file = io.BytesIO()
    torch.save(values, file, **options)
    return file


def saved(values):
    """A file in memory with `values` in it."""
    return save(values).getvalue()


def load(file, **options):
    return torch.load(io.BytesIO(file), weights_only=True, **options)


@bench("torch.save", moves=lambda x: 2 * nbytes(x), quick=True)
def bench_save(benchmark):
    """A quarter of a megabyte is saved."""
    benchmark(save, random(1 << 16))


@bench("torch.load", moves=lambda file: 2 * len(file), quick=True)
def bench_load(benchmark):
    """A quarter of a megabyte is loaded."""
    benchmark(load, saved(random(1 << 16)))


@bench("torch.save", moves=lambda x: 2 * nbytes(x))
@pytest.mark.parametrize("size", SIZES)
def bench_save_by_size(benchmark, size):
    """A tensor of some float32 elements is saved."""
    benchmark(save, random(size))


@bench("torch.load", moves=lambda file: 2 * len(file))
@pytest.mark.parametrize("size", SIZES)
def bench_load_by_size(benchmark, size):
    """A tensor of some float32 elements is loaded."""
    benchmark(load, saved(random(size)))


@bench("torch.load", moves=0, since="2.1")
@pytest.mark.parametrize("mmap", [False, True])
def bench_load_of_a_file(benchmark, mmap, tmp_path):
    """Sixteen megabytes are loaded from a file that is in the page cache, or only mapped."""
    torch.save(random(1 << 22), tmp_path / "x.pt")
    benchmark(torch.load, str(tmp_path / "x.pt"), weights_only=True, mmap=mmap)


@bench("torch.save", moves=lambda x, **_: 2 * nbytes(x))
def bench_save_in_the_old_format(benchmark):
    """A quarter of a megabyte is saved in the format from before zip files."""
    benchmark(save, random(1 << 16), _use_new_zipfile_serialization=False)


@bench("torch.save", moves=lambda tensors: 2 * nbytes(*tensors.values()))
def bench_save_of_many(benchmark):
    """A dict of two hundred small tensors is saved."""
    benchmark(save, {str(n): random(10) for n in range(200)})


@bench("torch.load", moves=lambda file: 2 * len(file))
def bench_load_of_many(benchmark):
    """A dict of two hundred small tensors is loaded."""
    benchmark(load, saved({str(n): random(10) for n in range(200)}))


@bench("torch.load", moves=lambda file, **_: 2 * len(file))
@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "int8"])
def bench_load_by_dtype(benchmark, dtype):
    """65,536 elements of another dtype are loaded."""
    benchmark(load, saved(random(1 << 16, dtype=dtype)), map_location="cpu")


def model():
    return nn.Sequential(*[nn.Linear(32, 32) for _ in range(50)])


@bench("torch.nn.Module.state_dict", moves=0)
def bench_state_dict(benchmark):
    """The state of fifty layers is collected."""
    benchmark(nn.Module.state_dict, model())


@bench("torch.nn.Module.load_state_dict", moves=lambda model, state: 2 * nbytes(model))
def bench_load_state_dict(benchmark):
    """The state of fifty layers is written into a model."""
    benchmark(nn.Module.load_state_dict, model(), model().state_dict())


@bench("torch.Tensor", moves=lambda x: 4 * nbytes(x))
def bench_pickle(benchmark):
    """A quarter of a megabyte through pickle and back."""
    benchmark(through_pickle, random(1 << 16))


def through_pickle(x):
    return pickle.loads(pickle.dumps(x))
