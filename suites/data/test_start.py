"""How the workers of a DataLoader start: what is sent to them, what must be importable, and what their memory is."""

import multiprocessing
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from torchproof import fact
from torchproof.fixtures.fact import unavailable
from torchproof.suites.data.loading import Calls

PICKLE = AttributeError, pickle.PicklingError  # which of them depends on Python, and so do its words
WORDS = "pickle|Can't get local object"
afresh = pytest.mark.parametrize("method", ["spawn", "forkserver"])


def need(method):
    """End the fact where processes cannot be started in this way."""
    if method not in multiprocessing.get_all_start_methods():
        unavailable("platform", method)


def forks(patch):
    """Workers are forked, whatever `multiprocessing_context` says."""
    made = DataLoader.__init__

    def init(loader, *args, multiprocessing_context=None, **options):
        made(loader, *args, multiprocessing_context="fork", **options)

    patch.setattr(DataLoader, "__init__", init)


@fact("torch.utils.data.DataLoader")
def test_forked_workers_take_lambdas_and_local_classes():
    """A `DataLoader` whose workers are forked takes what cannot be pickled: a lambda, a local class."""
    need("fork")

    class Local(Dataset):
        def __len__(self):
            return 1

        def __getitem__(self, index):
            return os.getpid()

    loader = DataLoader(Local(), num_workers=1, multiprocessing_context="fork", collate_fn=lambda samples: samples)
    [[process]] = loader
    assert process != os.getpid()


@fact("torch.utils.data.DataLoader", refuter=forks, hint="give a function of a module, or functools.partial of one")
@afresh
def test_other_workers_refuse_a_lambda(method):
    """A `DataLoader` whose workers start by spawn or forkserver refuses a dataset that holds a lambda: Can't pickle."""
    need(method)
    with pytest.raises(PICKLE, match=WORDS):
        list(DataLoader(Calls(lambda index: index, 1), num_workers=1, multiprocessing_context=method))


@fact("torch.utils.data.DataLoader", refuter=forks, hint="define the class in a module")
@afresh
def test_other_workers_refuse_a_local_class(method):
    """A `DataLoader` whose workers start by spawn or forkserver can't pickle a dataset of a function's local class."""
    need(method)

    class Local(Dataset):
        def __len__(self):
            return 1

        def __getitem__(self, index):
            return index

    with pytest.raises(PICKLE, match=WORDS):
        list(DataLoader(Local(), num_workers=1, multiprocessing_context=method))


@fact(
    "torch.utils.data.DataLoader",
    since="2.10",
    calls="multiprocessing_context=spawn|forkserver",
    refuter=forks,
    hint="make what the loader is given importable",
)
@afresh
def test_other_workers_warn_of_what_cannot_be_pickled(method):
    """A `DataLoader` whose workers cannot be started, since something is not pickled, warns: Got pickle error."""
    need(method)
    loader = DataLoader(Calls(lambda index: index, 1), num_workers=1, multiprocessing_context=method)
    words = "Got pickle error when attempting to start a worker Process"
    with pytest.warns(UserWarning, match=words), pytest.raises(PICKLE):
        list(loader)


@fact("torch.utils.data.DataLoader", claims=["D06"])
@pytest.mark.slow
def test_other_workers_load_what_can_be_pickled():
    """A `DataLoader` whose workers start by spawn gives the same batches as one without workers."""
    loader = DataLoader(range(5), batch_size=2, num_workers=1, multiprocessing_context="spawn")
    assert [batch.tolist() for batch in loader] == [[0, 1], [2, 3], [4]]


@fact("torch.utils.data.DataLoader")
def test_context_of_python_is_taken_too():
    """`multiprocessing_context` of a `DataLoader` may be a context of Python's `multiprocessing` too."""
    need("fork")
    context = multiprocessing.get_context("fork")
    loader = DataLoader(range(3), batch_size=2, num_workers=1, multiprocessing_context=context)
    assert loader.multiprocessing_context is context
    assert [batch.tolist() for batch in loader] == [[0, 1], [2]]


SCRIPT = """
from torch.utils.data import DataLoader

def run():
    list(DataLoader([1, 2], num_workers=1, multiprocessing_context="spawn"))

run()
"""


def starts_no_worker(patch):
    """A script runs without a guard."""
    patch.setattr(sys.modules[__name__], "SCRIPT", "print('trained')")


@fact(
    "torch.utils.data.DataLoader",
    refuter=starts_no_worker,
    source="notes/windows",
    hint='if __name__ == "__main__":',
)
@pytest.mark.slow
@pytest.mark.timeout(200)
def test_spawned_workers_need_the_main_guard(tmp_path):
    """A script that spawns `DataLoader` workers without `if __name__ == "__main__"` fails: "bootstrapping phase"."""
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    run = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=100)
    assert run.returncode != 0
    assert "current process has finished its bootstrapping phase" in run.stderr


# --- memory -----------------------------------------------------------------------------------------------------------


def private():
    """Kilobytes of memory that this process shares with no other, since it has written there."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty"))


class Walked(Dataset):
    """One sample: how many kilobytes it takes a worker to look at all the data once."""

    def __init__(self, data):
        self.data = data

    def __len__(self):
        return 1

    def __getitem__(self, index):
        before = private()
        for _ in self.data:
            pass
        return private() - before


def taken(data):
    """The kilobytes that one forked worker takes to look at all the data."""
    need("fork")
    if not Path("/proc/self/smaps_rollup").exists():
        unavailable("platform", "/proc/self/smaps_rollup")
    [kilobytes] = DataLoader(Walked(data), batch_size=None, num_workers=1, multiprocessing_context="fork")
    return kilobytes


NUMBER = 100_000


def counts_no_references(patch):
    """Looking at an object writes nothing."""
    patch.setattr(Walked, "__getitem__", lambda self, index: 0)


@fact(
    "torch.utils.data.DataLoader",
    refuter=counts_no_references,
    myth="forked workers share a Python list",
    hint="keep paths and labels in a NumPy array or a tensor",
)
@pytest.mark.slow
def test_forked_workers_copy_a_list_as_they_look_at_it():
    """A forked `DataLoader` worker that looks at all numbers of a Python list copies more than half of their memory."""
    assert taken([10**6 + n for n in range(NUMBER)]) > 28 * NUMBER / 1024 / 2


def copies(patch):
    """A worker has an array of its own."""
    patch.setattr(Walked, "__getitem__", lambda self, index: 10**6)


@fact("torch.utils.data.DataLoader", refuter=copies)
@pytest.mark.slow
@pytest.mark.parametrize("data", [numpy.arange(NUMBER), torch.arange(NUMBER).numpy()], ids=["array", "of_a_tensor"])
def test_forked_workers_share_an_array(data):
    """A forked `DataLoader` worker that looks at all of a NumPy array takes less than a fifth of its memory."""
    assert taken(data) < 8 * NUMBER / 1024 / 5


# --- CUDA -------------------------------------------------------------------------------------------------------------


class OnDevice(Dataset):
    """Samples that are put onto a device as they are loaded."""

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return torch.ones(1, device="cuda")


def loads_in_its_own_process(patch):
    """`num_workers` has no effect."""
    made = DataLoader.__init__
    patch.setattr(DataLoader, "__init__", lambda loader, dataset, **options: made(loader, dataset))


@fact(
    "torch.utils.data.DataLoader",
    refuter=loads_in_its_own_process,
    source="notes/multiprocessing",
    hint="move batches to the device in the loop, or start workers by spawn",
)
@pytest.mark.gpu
def test_forked_workers_cannot_use_cuda():
    """A forked `DataLoader` worker that uses CUDA as its parent has raises RuntimeError: Cannot re-initialize CUDA."""
    torch.ones(1, device="cuda")  # which initialises CUDA in this process
    batches = iter(DataLoader(OnDevice(), num_workers=1, multiprocessing_context="fork"))
    with pytest.raises(RuntimeError, match="Cannot re-initialize CUDA in forked subprocess"):
        next(batches)
    assert list(batches) == []
