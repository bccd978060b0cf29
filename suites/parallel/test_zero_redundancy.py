"""`ZeroRedundancyOptimizer` (ZeRO): every rank keeps the state of some parameters; plain optimizers: `suites/optim`."""

import numpy
import pytest
import torch
from torch import nn

from torchproof import fact, same
from torchproof.fixtures.ranks import on_each_backend, own_device
from torchproof.suites.parallel.bodies import refused

pytestmark = [pytest.mark.dist, pytest.mark.timeout(180)]


def _step():
    """Two parameters, both 1, and their optimizer after a step with the gradients 2 and 4."""
    from torch.distributed.optim import ZeroRedundancyOptimizer

    weights = [nn.Parameter(torch.ones(2, device=own_device(), dtype=torch.float64)) for _ in range(2)]
    optimizer = ZeroRedundancyOptimizer(weights, optimizer_class=torch.optim.SGD, lr=0.25, momentum=0.5)
    (2 * weights[0] + 4 * weights[1]).sum().backward()
    optimizer.step()
    return weights, optimizer


def _weights(rank):
    weights, optimizer = _step()
    optimizer.step()
    return torch.stack(weights).detach().cpu()


@fact("torch.distributed.optim.ZeroRedundancyOptimizer")
@on_each_backend
def test_every_rank_has_all_updated_parameters(ranks, backend):
    """Two steps of `ZeroRedundancyOptimizer` with SGD and momentum leave every rank all the parameters of plain SGD."""
    want = numpy.array([[-0.25, -0.25], [-1.5, -1.5]])
    same(torch.stack(ranks(2, _weights, backend=backend)), numpy.stack([want, want]))


def _states(rank):
    weights, optimizer = _step()
    return [parameter is weights[1] for parameter in optimizer.optim.state], len(optimizer.optim.state)


@fact("torch.distributed.optim.ZeroRedundancyOptimizer")
@on_each_backend
def test_each_rank_keeps_the_state_of_some_parameters(ranks, backend):
    """Over two ranks, `ZeroRedundancyOptimizer` keeps the state of two parameters of one size on one rank each."""
    (first, count), (second, other) = ranks(2, _states, backend=backend)
    assert (count, other) == (1, 1)
    assert first != second


def _state_dict(rank):
    _, optimizer = _step()
    return refused(optimizer.state_dict)


@fact(
    "torch.distributed.optim.ZeroRedundancyOptimizer.state_dict", hint="call consolidate_state_dict on every rank first"
)
def test_state_dict_wants_the_states_together(ranks):
    """`ZeroRedundancyOptimizer.state_dict` before `consolidate_state_dict` raises "state has not been consolidated"."""
    assert all("state has not been consolidated on this rank" in told for told in ranks(2, _state_dict))


def _consolidated(rank):
    _, optimizer = _step()
    optimizer.consolidate_state_dict(to=0)
    if rank:
        return None
    state = optimizer.state_dict()
    (group,) = state["param_groups"]
    return [state["state"][index]["momentum_buffer"].cpu() for index in group["params"]]


@fact(
    "torch.distributed.optim.ZeroRedundancyOptimizer.consolidate_state_dict",
    "torch.distributed.optim.ZeroRedundancyOptimizer.state_dict",
)
@on_each_backend
def test_consolidate_state_dict_gathers_all_states(ranks, backend):
    """After `consolidate_state_dict(to=0)`, rank 0's `ZeroRedundancyOptimizer.state_dict` has every momentum."""
    first, _ = ranks(2, _consolidated, backend=backend)
    same(torch.stack(first), numpy.array([[2.0, 2.0], [4.0, 4.0]]))
