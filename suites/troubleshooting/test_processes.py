"""Errors of DataLoaders and of several processes, as people paste them: the words, the cause, and the cure."""

import os

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader

from torchproof import fact, same
from torchproof.suites.data.loading import Calls


def dies(sample):
    """What a bug in compiled code, or the killer of the system that is out of memory, does to a worker."""
    if torch.utils.data.get_worker_info() is not None:
        os._exit(1)
    return sample


def fails(sample):
    raise OSError(f"no image {sample}")


@fact("torch.utils.data.DataLoader", hint="num_workers=0 shows the error; then memory, /dev/shm and compiled code")
@pytest.mark.slow
@pytest.mark.cpu
def test_that_die_are_told_with_how_they_ended():
    """A dead worker of a `DataLoader` is "DataLoader worker (pid …) exited unexpectedly"; its `__cause__` says how."""
    with pytest.raises(RuntimeError, match=r"DataLoader worker \(pid(\(s\))? .*\) exited unexpectedly") as told:
        list(DataLoader(Calls(dies, 1), num_workers=1))
    assert "exit code 1" in str(told.value.__cause__)


@fact("torch.utils.data.DataLoader", hint="num_workers=0 stops a debugger at the line")
@pytest.mark.slow
@pytest.mark.cpu
def test_that_fail_are_told_by_the_dataset_without_workers():
    """An OSError of a dataset is "Caught OSError in DataLoader worker process 0", with `num_workers=0` itself."""
    batches = iter(DataLoader(Calls(fails, 1), num_workers=1))
    with pytest.raises(OSError, match="Caught OSError in DataLoader worker process 0"):
        next(batches)
    assert next(batches, None) is None  # its worker ends by itself, rather than after five seconds
    with pytest.raises(OSError, match="^no image 0$"):
        list(DataLoader(Calls(fails, 1), num_workers=0))


@fact("torch.utils.data.DataLoader", hint="the path and the filter of the files: the dataset is empty")
def test_of_an_empty_dataset_are_not_shuffled():
    """`DataLoader(shuffle=True)` of no samples raises "num_samples should be a positive integer value"."""
    with pytest.raises(ValueError, match="num_samples should be a positive integer value, but got num_samples=0"):
        DataLoader([], shuffle=True)
    assert sorted(int(x) for x in DataLoader([5, 6], shuffle=True)) == [5, 6]


@fact("torch.utils.data.DataLoader", hint="next(iter(loader)), or loader.dataset[0]")
def test_of_a_first_batch_are_asked_for_by_next():
    """`loader[0]` raises "'DataLoader' object is not subscriptable", where `next(iter(loader))` is the first batch."""
    loader = DataLoader([5, 6, 7], batch_size=2)
    with pytest.raises(TypeError, match="'DataLoader' object is not subscriptable"):
        loader[0]
    same(next(iter(loader)), torch.tensor([5, 6]))


@fact("torch.utils.data.default_collate", hint="collate_fn=lambda batch: default_collate([x for x in batch if ...])")
def test_of_samples_that_are_none_are_filtered():
    """`default_collate` of None first: "batch must contain tensors, numpy arrays, numbers, dicts or lists"."""
    samples = [torch.ones(1), None]
    with pytest.raises(TypeError, match="batch must contain tensors, numpy arrays, numbers, dicts or lists"):
        torch.utils.data.default_collate(samples[::-1])
    same(torch.utils.data.default_collate([x for x in samples if x is not None]), torch.ones(1, 1))


@fact("torch.utils.data.default_collate", hint="collate_fn with nn.utils.rnn.pad_sequence")
def test_of_lists_of_several_lengths_are_padded():
    """`default_collate` of ragged lists raises "each element in list of batch should be of equal size"."""
    samples = [[1, 2], [3]]
    with pytest.raises(RuntimeError, match="each element in list of batch should be of equal size"):
        torch.utils.data.default_collate(samples)
    padded = nn.utils.rnn.pad_sequence([torch.tensor(x) for x in samples], batch_first=True)
    same(torch.utils.data.default_collate(list(padded)), torch.tensor([[1, 2], [3, 0]]))


@fact("torch.utils.data.DataLoader", "torch.nn.utils.rnn.pad_sequence", hint="collate_fn=pad, a function of the batch")
def test_of_tensors_of_several_lengths_are_collated_by_a_function():
    """`DataLoader` of ragged tensors: "stack expects each tensor to be equal size", until a `collate_fn` pads."""
    samples = [torch.tensor([1, 2]), torch.tensor([3])]
    with pytest.raises(RuntimeError, match="stack expects each tensor to be equal size"):
        list(DataLoader(samples, batch_size=2))
    [batch] = DataLoader(samples, batch_size=2, collate_fn=lambda x: nn.utils.rnn.pad_sequence(x, batch_first=True))
    same(batch, torch.tensor([[1, 2], [3, 0]]))


@pytest.fixture
def few_files():
    """No more than some ten further files may be open."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 10, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def keeps_no_file(patch):
    """Tensors are shared without a file."""
    patch.setattr(torch.Tensor, "share_memory_", lambda tensor: tensor)


@fact(
    "torch.Tensor.share_memory_",
    refuter=keeps_no_file,
    hint='as for "received 0 items of ancdata": ulimit -n 65535, or set_sharing_strategy("file_system")',
)
@pytest.mark.cpu
def test_that_share_tensors_have_too_many_open_files(few_files):
    """`share_memory_`, as of `DataLoader` workers, holds a file a tensor: "Too many open files" beyond the limit."""
    with pytest.raises(RuntimeError, match="Too many open files"):
        [torch.ones(1).share_memory_() for _ in range(20)]


SAID = {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500"}


@fact("torch.distributed.init_process_group", hint="start the script by torchrun, which sets all four")
@pytest.mark.parametrize("missing", SAID)
def test_that_no_torchrun_started_lack_a_variable(missing, monkeypatch):
    """`init_process_group` without torchrun raises "environment variable RANK expected, but not set", or another."""
    for name, value in SAID.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv(missing)
    with pytest.raises(ValueError, match=f"environment variable {missing} expected, but not set"):
        torch.distributed.init_process_group("gloo")


@fact("torch.distributed.TCPStore", hint="another MASTER_PORT, port 0, or end what still runs")
@pytest.mark.slow
@pytest.mark.cpu
def test_that_listen_on_a_port_twice_are_refused():
    """`TCPStore` on a port of another run: "address already in use" (EADDRINUSE), on port 0 it takes a free one."""
    first = torch.distributed.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    with pytest.raises(RuntimeError, match="(?i)address already in use"):
        torch.distributed.TCPStore("127.0.0.1", first.port, is_master=True, wait_for_workers=False)
    second = torch.distributed.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    assert second.port != first.port


@fact("torch.distributed.all_reduce", hint="init_process_group before any collective, or is_initialized()")
def test_without_a_group_have_no_collectives():
    """`all_reduce` before `init_process_group` raises "Default process group has not been initialized"."""
    with pytest.raises((ValueError, RuntimeError), match="Default process group has not been initialized"):
        torch.distributed.all_reduce(torch.ones(1))
    assert not torch.distributed.is_initialized()
