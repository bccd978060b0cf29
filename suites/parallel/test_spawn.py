"""Starting functions in processes by `torch.multiprocessing`: what they are given, and what is told when one fails."""

import os
import pickle
import signal
import time

import pytest
import torch
import torch.multiprocessing

from torchproof import fact, same
from torchproof.fixtures.fact import unavailable

pytestmark = [pytest.mark.timeout(180), pytest.mark.cpu]


@pytest.fixture
def start():
    """Starts processes by a fork, which is quick; what holds for them holds for spawned ones."""
    if "fork" not in torch.multiprocessing.get_all_start_methods():
        unavailable("platform", "a fork of processes")
    return lambda *args, **options: torch.multiprocessing.start_processes(*args, start_method="fork", **options)


def note(number, noted, by=1):
    noted[number] = by * (number + 1)


def sleep(number):
    time.sleep(60)


def fail(number, *args):
    if number == 1:
        raise OSError("no disk")
    time.sleep(60)


def leave(number, code):
    os._exit(code)


def kill(number):
    os.kill(os.getpid(), signal.SIGKILL)


# --- what is started --------------------------------------------------------------------------------------------------


@fact("torch.multiprocessing.start_processes")
def test_start_processes_calls_with_the_number_first(start):
    """`start_processes(f, args, nprocs=3)`, as `spawn`, calls f(0, *args), f(1, *args) and f(2, *args)."""
    noted = torch.zeros(3).share_memory_()
    start(note, (noted, 10), nprocs=3)
    same(noted, [10.0, 20.0, 30.0])


@fact("torch.multiprocessing.start_processes", "torch.multiprocessing.ProcessContext.join")
def test_start_processes_without_join_gives_a_context(start):
    """`start_processes(join=False)` gives a `ProcessContext`, whose `join()` is True once all processes have ended."""
    noted = torch.zeros(2).share_memory_()
    context = start(note, (noted,), nprocs=2, join=False)
    while not context.join():
        pass
    same(noted, [1.0, 2.0])


@pytest.fixture
def asleep(start):
    """The context of a process that sleeps."""
    context = start(sleep, join=False)
    yield context
    for process in context.processes:
        process.kill()
        process.join()


@fact("torch.multiprocessing.ProcessContext.join")
def test_join_takes_a_time_limit(asleep):
    """`ProcessContext.join(timeout)` is False when that time is over and processes still run."""
    assert asleep.join(0.01) is False


@fact("torch.multiprocessing.ProcessContext.pids")
def test_pids_are_of_the_processes(asleep):
    """`ProcessContext.pids()` gives the process ids of its `processes`."""
    assert asleep.pids() == [process.pid for process in asleep.processes]


# --- what fails -------------------------------------------------------------------------------------------------------


@fact("torch.multiprocessing.start_processes", "torch.multiprocessing.ProcessRaisedException")
def test_failure_is_told_with_its_traceback(start):
    """A process that raises makes `start_processes`, as `spawn`, raise ProcessRaisedException with its traceback."""
    with pytest.raises(torch.multiprocessing.ProcessRaisedException, match="Process 1 terminated with") as told:
        start(fail, nprocs=2)
    assert "OSError: no disk" in str(told.value)
    assert told.value.error_index == 1


@fact("torch.multiprocessing.start_processes")
def test_failure_ends_the_other_processes(start):
    """When one process raises, `start_processes`, as `spawn`, ends the others."""
    context = start(fail, nprocs=2, join=False)
    with pytest.raises(torch.multiprocessing.ProcessRaisedException):
        while not context.join():
            pass
    assert [process.exitcode for process in context.processes] == [-signal.SIGTERM, 1]


@fact("torch.multiprocessing.start_processes", "torch.multiprocessing.ProcessExitedException")
def test_exit_is_told_with_its_code(start):
    """A process that leaves with a code makes `start_processes`, as `spawn`, raise ProcessExitedException with it."""
    with pytest.raises(torch.multiprocessing.ProcessExitedException, match="terminated with exit code 3") as told:
        start(leave, (3,))
    assert told.value.exit_code == 3


@fact(
    "torch.multiprocessing.start_processes",
    "torch.multiprocessing.ProcessExitedException",
    hint="SIGKILL is often the system that is out of memory",
)
def test_signal_is_told_by_its_name(start):
    """A killed process makes `start_processes`, as `spawn`, raise "terminated with signal SIGKILL"."""
    with pytest.raises(torch.multiprocessing.ProcessExitedException, match="terminated with signal SIGKILL") as told:
        start(kill)
    assert told.value.signal_name == "SIGKILL"


@fact("torch.multiprocessing.start_processes")
def test_exit_with_zero_is_no_failure(start):
    """A process that leaves with code 0 is no failure for `start_processes`, which then returns None."""
    assert start(leave, (0,), nprocs=2) is None


# --- spawn ------------------------------------------------------------------------------------------------------------


@fact("torch.multiprocessing.spawn", hint="a function of a module, not a lambda or a local one")
def test_spawn_refuses_what_does_not_pickle():
    """`spawn` of a lambda raises "Can't pickle", as functions and arguments travel pickled."""
    with pytest.raises((AttributeError, pickle.PicklingError), match="(?i)can't (pickle|get local)"):
        torch.multiprocessing.spawn(lambda number: None)


@fact("torch.multiprocessing.spawn", hint="torch.multiprocessing.start_processes")
def test_spawn_takes_no_other_start_method(every_warning):
    """`spawn(start_method="fork")` warns that it "only supports start_method=spawn"."""
    with pytest.warns(match="only supports start_method=spawn"), pytest.raises((AttributeError, pickle.PicklingError)):
        torch.multiprocessing.spawn(lambda number: None, start_method="fork")


SCRIPT = """
import sys
import torch

def main(number, x):
    x[number] = number + 1

if __name__ == "__main__":
    x = torch.zeros(2)
    torch.multiprocessing.spawn(main, (x,), nprocs=2)
    sys.exit(int(x.sum()) * 10)
"""


@fact("torch.multiprocessing.spawn", unproven="it is called by another program", myth="arguments of spawn are copies")
@pytest.mark.slow
def test_spawned_processes_share_their_tensors(tmp_path):
    """Tensors among the arguments of `spawn` are shared: what the processes write is seen by the one that spawned."""
    import subprocess
    import sys

    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    assert subprocess.run([sys.executable, script], timeout=150).returncode == 30
