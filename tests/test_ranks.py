"""`ranks`: what comes back, what a failing rank says, and that no process is left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch
import torch.distributed as dist

from fixtures import ranks as module
from fixtures.fact import Unavailable
from fixtures.ranks import RankFailed, own_device

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.timeout(180)

ROOT = Path(__file__).parents[1]


class Doubled:
    """A class of this file, to travel both ways."""

    def __init__(self, value):
        self.value = 2 * value


# --- bodies -----------------------------------------------------------------------------------------------------------


def _meet(rank, *args):
    total = torch.tensor([rank + 1])
    dist.all_reduce(total)
    return rank, dist.get_rank(), dist.get_world_size(), int(total), args


def _return_of(rank, value):
    return value


def _return_pid(rank):
    return os.getpid()


def _draw(rank):
    return torch.rand(3), torch.get_num_threads(), str(own_device())


def _reduce_two_megabytes(rank):
    many = torch.ones(1 << 19)
    dist.all_reduce(many)
    return many


def _raise_on(rank, failing):
    if rank == failing:
        raise ValueError(f"no luck\nfor {rank}")
    dist.barrier()


def _die_on(rank, failing, end):
    if rank == failing:
        os.kill(os.getpid(), end) if end else os._exit(3)
    dist.barrier()


def _hang_on(rank, failing):
    while rank == failing:
        time.sleep(0.01)
    dist.barrier()


def _return_a_lambda(rank):
    return lambda: rank


def _leave(rank):
    sys.exit("leaving early")


# --- what comes back --------------------------------------------------------------------------------------------------


def test_returns_what_each_rank_returned_in_their_order(ranks):
    assert ranks(3, _meet, "a", 1) == [(rank, rank, 3, 6, ("a", 1)) for rank in range(3)]


def test_runs_again_in_the_same_test(ranks):
    assert [len(ranks(size, _return_pid)) for size in (1, 2, 1)] == [1, 2, 1]


def test_each_rank_is_a_process_of_its_own(ranks):
    assert len({os.getpid(), *ranks(2, _return_pid)}) == 3


def test_classes_of_the_file_travel_both_ways(ranks):
    (returned,) = ranks(1, _return_of, Doubled(4))
    assert (type(returned), returned.value) == (Doubled, 8)


def test_tensors_travel_back(ranks):
    assert all(torch.equal(got, torch.full((1 << 19,), 2.0)) for got in ranks(2, _reduce_two_megabytes))


def test_ranks_have_their_own_seed_one_thread_and_the_cpu(ranks):
    (first, *told), (second, *_) = ranks(2, _draw)
    assert told == [1, "cpu"]
    assert not torch.equal(first, second)
    assert torch.equal(first, ranks(2, _draw)[0][0])


def test_the_seed_of_the_asking_process_is_left_alone(ranks):
    torch.manual_seed(5)
    want = torch.rand(2)
    torch.manual_seed(5)
    ranks(1, _return_pid)
    assert torch.equal(torch.rand(2), want)


@pytest.mark.skipif(dist.is_mpi_available(), reason="this build has it")
def test_a_backend_that_the_build_lacks_is_unavailable(ranks):
    with pytest.raises(Unavailable, match="without mpi"):
        ranks(1, _return_pid, backend="mpi")


# --- what fails -------------------------------------------------------------------------------------------------------


def _failure_of(ranks, size, body, *args):
    with pytest.raises(RankFailed) as raised:
        ranks(size, body, *args)
    return str(raised.value)


@pytest.mark.parametrize("failing", [0, 1])
def test_a_rank_that_raises_is_named_with_its_traceback(ranks, failing):
    told = _failure_of(ranks, 2, _raise_on, failing)
    assert told.startswith(f"rank {failing} raised ValueError: no luck\n")
    assert 'raise ValueError(f"no luck' in told and f"for {failing}" in told
    assert f"rank {1 - failing}" not in told


def test_a_rank_that_leaves_python_raised(ranks):
    assert _failure_of(ranks, 1, _leave).startswith("rank 0 raised SystemExit: leaving early\n")


@pytest.mark.parametrize("failing", [0, 1])
@pytest.mark.parametrize(("end", "how"), [(0, "exit code 3"), (signal.SIGKILL, "SIGKILL"), (signal.SIGSEGV, "SIGSEGV")])
def test_a_rank_that_dies_is_named_first(ranks, failing, end, how):
    assert _failure_of(ranks, 2, _die_on, failing, end).startswith(f"rank {failing} died with {how}\n")


def test_a_segfault_shows_where(ranks):
    assert "in _die_on" in _failure_of(ranks, 1, _die_on, 0, signal.SIGSEGV)


def test_a_rank_that_hangs_is_named_with_where_it_hung(ranks, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 1.5)
    told = _failure_of(ranks, 2, _hang_on, 1)
    assert "rank 1 gave no answer in 1.5 s" in told and "in _hang_on" in told


def test_a_result_that_cannot_travel_is_told(ranks):
    assert _failure_of(ranks, 1, _return_a_lambda).startswith("rank 0 raised ")


def test_ranks_start_again_after_a_failure(ranks):
    _failure_of(ranks, 2, _die_on, 1, signal.SIGKILL)
    assert len(ranks(2, _return_pid)) == 2


# --- what is left behind ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [_return_pid, _leave], ids=["answering", "failing"])
def test_no_rank_is_left(ranks, body):
    before = _offspring()
    with contextlib.suppress(RankFailed):
        ranks(2, body)
    assert _offspring() == before


def test_no_descriptor_is_left(ranks):
    ranks(2, _return_pid)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        ranks(2, _return_pid)
    assert len(os.listdir("/proc/self/fd")) <= before


def _offspring():
    return {child.pid for child in psutil.Process().children(recursive=True)}


HANGING = """
    import re, time

    def _hang(rank, folder, holds):
        (folder / str(rank)).touch()
        if holds:  # the interpreter's lock, so that no thread of Python can run
            re.match("(a+)+$", "a" * 60 + "b")
        time.sleep(1000)

    def test_hangs(ranks):
        from pathlib import Path
        ranks(2, _hang, Path(__file__).parent, {holds})
"""


@pytest.mark.parametrize("options", [[], ["-n", "1"]], ids=["plain", "xdist"])
def test_a_killed_pytest_leaves_no_process(pytester, options):
    pytester.makepyfile(HANGING.replace("{holds}", "False"))
    _kill_when_hanging(pytester, options)


def test_a_killed_pytest_leaves_no_process_that_holds_the_interpreter(pytester):
    pytester.makeconftest("from fixtures import ranks\nranks.PATIENCE = 5")
    pytester.makepyfile(HANGING.replace("{holds}", "True"))
    _kill_when_hanging(pytester, [])


def _kill_when_hanging(pytester, options):
    command = [sys.executable, "-m", "pytest", "-p", "fixtures.ranks", "--import-mode=importlib", "-q", *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = psutil.Popen(command, cwd=pytester.path, env=environment, stdout=subprocess.DEVNULL)
    while not all((pytester.path / name).exists() for name in "01"):
        assert process.poll() is None
        time.sleep(0.05)
    offspring = process.children(recursive=True)
    assert len(offspring) >= 4  # the server, the tracker, two ranks
    process.kill()
    _, alive = psutil.wait_procs(offspring, timeout=40)  # a parallel worker takes 15 s to give up by itself
    for left in alive:
        left.kill()
    assert not alive


PASSING = """
import torch.distributed as dist

def _rank_of(rank):
    return dist.get_rank()

def test_ranks(ranks):
    assert ranks(2, _rank_of) == [0, 1]
"""


@pytest.mark.parametrize("options", [[], ["-n", "2"]], ids=["plain", "xdist"])
def test_bodies_run_from_files_of_one_name(pytester, monkeypatch, options):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for topic in ("views", "tests"):
        file = pytester.path / "suites" / topic / "test_same.py"
        file.parent.mkdir(parents=True)
        file.write_text(PASSING)
    pytester.runpytest_subprocess("-p", "fixtures.ranks", "--import-mode=importlib", *options).assert_outcomes(passed=2)
