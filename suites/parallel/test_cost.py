"""What it costs that ranks agree on their gradients, and what it gains that they share the work."""

import time

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from torchproof import fact
from torchproof.fixtures.hardware import need
from torchproof.fixtures.race import ERROR, Interval

pytestmark = [pytest.mark.bench, pytest.mark.dist, pytest.mark.timeout(180), pytest.mark.cpu]

PAIRS = 30
WARM = 10  # the first of them, which do not count


def _seconds_of(work, *args, clock=time.perf_counter):
    start = clock()
    work(*args)
    return clock() - start


def _step(model, x):
    model(x).sum().backward()


def _pairs(work, other, clock=time.perf_counter):
    """Pairs of times of two works, each with its arguments, taken in turns."""
    return [(_seconds_of(*work, clock=clock), _seconds_of(*other, clock=clock)) for _ in range(PAIRS)][WARM:]


# --- what agreeing costs ----------------------------------------------------------------------------------------------


def _wrapped_and_not(rank, clock):
    x = torch.ones(4, 16)
    return _pairs((_step, DistributedDataParallel(nn.Linear(16, 16)), x), (_step, nn.Linear(16, 16), x), clock)


def does_not_wrap(patch):
    """A wrapped model is the model itself."""
    patch.setitem(globals(), "DistributedDataParallel", lambda model: model)


@fact(
    "torch.nn.parallel.DistributedDataParallel",
    requires="scipy",
    myth="more processes are faster",
    hint="give each process enough to compute: a larger batch, or fewer processes",
    refuter=does_not_wrap,
)
@pytest.mark.slow
def test_of_a_small_step_is_more_than_double_in_two_processes(ranks):
    """A step of `nn.Linear(16, 16)` takes more than twice the time in `DistributedDataParallel` over two processes."""
    times, _ = ranks(2, _wrapped_and_not, time.perf_counter)
    assert Interval.of(times, ERROR).decides(2, float("inf"))


@fact(
    "torch.nn.parallel.DistributedDataParallel",
    requires="scipy",
    myth="DistributedDataParallel costs nothing in a single process",
    hint="wrap only where get_world_size() > 1",
    refuter=does_not_wrap,
)
@pytest.mark.slow
def test_of_a_small_step_is_more_in_a_single_process_too(ranks):
    """With a world size of 1, a small step takes more than 1.2 times the CPU time in `DistributedDataParallel`."""
    (times,) = ranks(1, _wrapped_and_not, time.thread_time)
    assert Interval.of(times, ERROR).decides(1.2, float("inf"))


def _reduced_and_copied(rank):
    x = torch.ones(1 << 22)
    return _pairs((dist.all_reduce, x), (torch.empty_like(x).copy_, x))


def reduces_nothing(patch):
    """all_reduce returns at once."""
    patch.setattr(dist, "all_reduce", lambda x: None)


@fact("torch.distributed.all_reduce", requires="scipy", refuter=reduces_nothing)
@pytest.mark.slow
def test_of_all_reduce_is_more_than_three_copies(ranks):
    """With gloo, `all_reduce` of 16 MiB between two processes of one machine takes more than three copies of it."""
    times, _ = ranks(2, _reduced_and_copied)
    assert Interval.of(times, ERROR).decides(3, float("inf"))


# --- what sharing gains -----------------------------------------------------------------------------------------------


def _part(batch):
    """What a rank takes of a batch."""
    return batch[dist.get_rank() :: dist.get_world_size()]


def _shared_and_alone(rank):
    """Pairs of CPU times: of a step with this rank's half of a batch, and of one of this rank alone with all of it."""
    model, batch = nn.Sequential(*[nn.Linear(512, 512) for _ in range(4)]), torch.ones(2048, 512)
    wrapped, times = DistributedDataParallel(model), []
    for _ in range(12):
        works = (_step, wrapped, _part(batch)), (_step, model, batch)
        times.append([_seconds_of(*work, clock=time.process_time) for work in works])
    return times[2:]


def takes_all(patch):
    """Each rank computes the whole batch."""
    patch.setitem(globals(), "_part", lambda batch: batch)


@fact("torch.nn.parallel.DistributedDataParallel", requires="scipy", refuter=takes_all)
@pytest.mark.slow
def test_of_a_large_step_in_two_processes_is_less_for_each(ranks):
    """With half of a large batch, each of two ranks of `DDP` takes under 3/4 of the CPU time of all of it."""
    need("torch's BLAS is made for the CPU")  # with another one it takes minutes
    assert all(Interval.of(times, ERROR).decides(0, 0.75) for times in ranks(2, _shared_and_alone))


def _order_of_events(rank):
    """What happens as the gradients of two layers are computed, of which each fills a first bucket."""
    model, events = nn.Sequential(nn.Linear(512, 512), nn.Linear(512, 512)), []
    wrapped = DistributedDataParallel(model)
    x = torch.ones(2, 512)
    _step(wrapped, x)  # from here on the buckets are in the order in which gradients come

    def hand_over(_, bucket):
        events.append("handed over")
        done = torch.futures.Future()
        done.set_result(bucket.buffer())
        return done

    wrapped.register_comm_hook(None, hand_over)
    model[0].weight.register_hook(lambda grad: events.append("first layer"))
    _step(wrapped, x)
    return events


@fact(
    "torch.nn.parallel.DistributedDataParallel",
    "torch.nn.parallel.DistributedDataParallel.register_comm_hook",
    myth="DistributedDataParallel averages the gradients after backward",
)
def test_of_averaging_overlaps_with_backward(ranks):
    """`DistributedDataParallel` hands a large last layer's bucket over before backward has come to the first layer."""
    assert [events[:2] for events in ranks(2, _order_of_events)] == [["handed over", "first layer"]] * 2
