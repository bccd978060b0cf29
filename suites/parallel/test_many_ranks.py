"""Shards of more ranks than a machine has, by one process that stands for any or all; few ranks: `test_dtensor`."""

import pytest
import torch
import torch.distributed as dist
from torch import nn

from torchproof import fact, same

pytestmark = [pytest.mark.dist, pytest.mark.timeout(180)]


def _stand_for(rank, size):
    """Be that rank of a process group whose collectives do nothing; the mesh of all its ranks."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.testing._internal.distributed.fake_pg import FakeStore

    if dist.is_initialized():
        dist.destroy_process_group()
    dist.init_process_group("fake", rank=rank, world_size=size, store=FakeStore())
    return init_device_mesh("cpu", (size,))


def _rows_of(_, rows, places, size):
    """How many rows of a tensor each of those ranks has."""
    from torch.distributed.tensor import Shard, distribute_tensor

    return [len(distribute_tensor(torch.zeros(rows, 2), _stand_for(r, size), [Shard(0)]).to_local()) for r in places]


def _chunk(rows, rank, size):
    """What is left of the rows for a rank where those before it took as many as any."""
    most = -(-rows // size)
    return max(0, min(most, rows - most * rank))


PLACES = [0, 1, 2, 5, 7]


@fact("torch.distributed.tensor.distribute_tensor", "torch.distributed.tensor.Shard", since="2.5", calls="none")
@pytest.mark.slow
@pytest.mark.parametrize("size", [8, 64, 512])
@pytest.mark.parametrize("rows", [7, 100, 513])
def test_shards_have_the_size_of_chunks(ranks, rows, size):
    """`distribute_tensor` by `Shard(0)` gives each of n ranks ceil(rows / n) rows while there are any, then none."""
    places = [*PLACES, size // 2, size - 1]
    assert ranks(1, _rows_of, rows, places, size) == [[_chunk(rows, rank, size) for rank in places]]


def _layer_of(_, places, size):
    from torch.distributed.fsdp import fully_shard

    parts = []
    for rank in places:
        layer = nn.Linear(3, 100)
        fully_shard(layer, mesh=_stand_for(rank, size))
        parts.append([len(weight.to_local()) for weight in layer.parameters()])
    return parts


@fact("torch.distributed.fsdp.fully_shard")
@pytest.mark.slow
@pytest.mark.parametrize("size", [8, 64, 512])
def test_fully_shard_cuts_every_parameter_by_itself(ranks, size):
    """`fully_shard` over n ranks leaves each ceil(rows / n) rows of a Linear's weight and bias while there are any."""
    places = [*PLACES, size // 2, size - 1]
    assert ranks(1, _layer_of, places, size) == [[[_chunk(100, rank, size)] * 2 for rank in places]]


def _of_all(_, size):
    """A tensor, and what one process that cuts and moves it for all ranks puts together again."""
    from torch.distributed._local_tensor import LocalTensorMode
    from torch.distributed.tensor import Shard, distribute_tensor

    x = torch.arange(float(2 * size + 6)).view(-1, 2)
    mesh = _stand_for(0, size)
    with LocalTensorMode(size):
        sharded = distribute_tensor(x, mesh, [Shard(0)])
        moved = sharded.redistribute(placements=[Shard(1)]).full_tensor()
        return x, moved.reconcile()


@fact(
    "torch.distributed.tensor.DTensor.redistribute",
    "torch.distributed.tensor.DTensor.full_tensor",
    since="2.10",
    calls="none",
)
@pytest.mark.slow
@pytest.mark.parametrize("size", [8, 64])
def test_redistribute_keeps_the_whole(ranks, size):
    """`redistribute` of a DTensor from `Shard(0)` to `Shard(1)` keeps its `full_tensor()`, over 8 or 64 ranks."""
    ((x, moved),) = ranks(1, _of_all, size)
    same(moved, x)
