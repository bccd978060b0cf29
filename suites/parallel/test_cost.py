"""What it costs that ranks agree on their gradients."""

import time

import pytest
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from torchproof import fact
from torchproof.fixtures.race import ERROR, Interval

pytestmark = [pytest.mark.bench, pytest.mark.dist, pytest.mark.timeout(180), pytest.mark.cpu]

PAIRS = 30


def _seconds_of(model, x):
    start = time.perf_counter()
    model(x).sum().backward()
    return time.perf_counter() - start


def _steps(rank):
    """Pairs of times: of a step with all ranks, and of one of this rank alone."""
    plain, x = nn.Linear(16, 16), torch.ones(4, 16)
    together = DistributedDataParallel(nn.Linear(16, 16))
    return [(_seconds_of(together, x), _seconds_of(plain, x)) for _ in range(PAIRS)][10:]


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
    """A step of a small model takes more than twice the time in each of two processes that average its gradients."""
    times, _ = ranks(2, _steps)
    assert Interval.of(times, ERROR).decides(2, float("inf"))
