"""Collectives of Python objects, which travel pickled; of tensors: `test_exchanges` and `test_point_to_point`."""

import re

import pytest
import torch
import torch.distributed as dist

from torchproof import fact, same
from torchproof.fixtures.ranks import on_each_backend
from torchproof.suites.parallel.bodies import refused

pytestmark = [pytest.mark.dist, pytest.mark.timeout(180)]


def _broadcast(rank):
    objects = ["a", {"b": [1]}] if rank == 0 else [None, None]
    dist.broadcast_object_list(objects, src=0)
    return objects


@fact("torch.distributed.broadcast_object_list")
@on_each_backend
def test_broadcast_object_list_fills_the_list_on_every_rank(ranks, backend):
    """`broadcast_object_list` puts the objects of rank `src` into the list of every rank."""
    assert ranks(2, _broadcast, backend=backend) == [["a", {"b": [1]}]] * 2


def _gather(rank, dst):
    places = [None, None] if rank == dst else None
    dist.gather_object({"rank": rank}, places, dst=dst)
    return places


@fact("torch.distributed.gather_object")
@pytest.mark.cpu
@pytest.mark.parametrize("dst", [0, 1])
def test_gather_object_fills_the_list_of_its_destination(ranks, dst):
    """`gather_object` fills the list of rank `dst` with the objects of all, in the order of ranks."""
    assert ranks(2, _gather, dst)[dst] == [{"rank": 0}, {"rank": 1}]


def _gather_without_places(rank):
    return rank == 0 and refused(dist.gather_object, "a")


@fact("torch.distributed.gather_object")
@pytest.mark.cpu
def test_gather_object_needs_a_list_on_its_destination(ranks):
    """`gather_object` without a list on `dst` raises "must be specified on destination rank"."""
    assert "must be specified on destination rank" in ranks(2, _gather_without_places)[0]


def _scatter(rank):
    mine = [None]
    dist.scatter_object_list(mine, ["a", {"b": [1]}] if rank == 1 else None, src=1)
    return mine


@fact("torch.distributed.scatter_object_list")
@pytest.mark.cpu
def test_scatter_object_list_gives_each_rank_its_object(ranks):
    """`scatter_object_list` gives each rank the object at its place in the list of `src`, first in its own list."""
    assert ranks(2, _scatter) == [["a"], [{"b": [1]}]]


def _scatter_into_nothing(rank):
    return refused(dist.scatter_object_list, [], ["a", "b"])


@fact("torch.distributed.scatter_object_list")
@pytest.mark.cpu
def test_scatter_object_list_needs_a_place(ranks):
    """`scatter_object_list` into an empty list raises "to be a list of size at least 1"."""
    assert all("to be a list of size at least 1" in told for told in ranks(2, _scatter_into_nothing))


def _send(rank):
    objects = ["a", {"b": [1]}] if rank == 0 else [None, None]
    returned = (dist.send_object_list, dist.recv_object_list)[rank](objects, 1 - rank)
    return returned, objects


@fact("torch.distributed.send_object_list", "torch.distributed.recv_object_list")
@on_each_backend
def test_recv_object_list_takes_what_send_object_list_sends(ranks, backend):
    """`recv_object_list` puts the objects that another rank sends by `send_object_list` into its own list."""
    assert ranks(2, _send, backend=backend)[1][1] == ["a", {"b": [1]}]


@fact("torch.distributed.recv_object_list")
@on_each_backend
def test_recv_object_list_tells_who_sent(ranks, backend):
    """`recv_object_list` returns the rank that sent the objects."""
    assert ranks(2, _send, backend=backend)[1][0] == 0


def _gather_lambda(rank):
    return refused(dist.all_gather_object, [None, None], lambda: rank)


@fact("torch.distributed.all_gather_object", hint="a function of a module, or what it returns")
@on_each_backend
def test_all_gather_object_refuses_what_does_not_pickle(ranks, backend):
    """`all_gather_object` of a lambda raises "Can't pickle", or "Can't get local object", as objects travel pickled."""
    told = ranks(2, _gather_lambda, backend=backend)
    assert all(re.search("Can't (pickle|get local object)", one) for one in told)


def _gather_dicts(rank):
    gathered = [None, None]
    dist.all_gather_object(gathered, {"rank": rank, "seen": [rank] * rank})
    return gathered


@fact("torch.distributed.all_gather_object")
@on_each_backend
def test_all_gather_object_fills_the_list_on_every_rank(ranks, backend):
    """`all_gather_object` fills the list on every rank with the objects of all, such as dicts, in the ranks' order."""
    want = [{"rank": 0, "seen": []}, {"rank": 1, "seen": [1]}]
    assert ranks(2, _gather_dicts, backend=backend) == [want, want]


def _gather_tensors(rank):
    gathered = [None, None]
    dist.all_gather_object(gathered, torch.arange(rank + 1.0))
    return gathered


@fact("torch.distributed.all_gather_object")
@pytest.mark.cpu
def test_all_gather_object_takes_tensors_of_several_sizes(ranks):
    """`all_gather_object` takes tensors of several sizes."""
    (first, second), _ = ranks(2, _gather_tensors)
    same(first, [0.0])
    same(second, [0.0, 1.0])


def _gather_parameters(rank):
    gathered = [None, None]
    dist.all_gather_object(gathered, torch.ones(1, requires_grad=rank == 1))
    return [x.requires_grad for x in gathered]


@fact("torch.distributed.all_gather_object")
@pytest.mark.cpu
def test_all_gather_object_keeps_requires_grad(ranks):
    """`all_gather_object` gives a tensor of another rank with the `requires_grad` that it has there."""
    assert ranks(2, _gather_parameters) == [[False, True], [False, True]]


def _own_object(rank):
    mine, gathered = [rank], [None, None]
    dist.all_gather_object(gathered, mine)
    gathered[rank].append("more")
    return mine


@fact("torch.distributed.all_gather_object", myth="a rank finds its own object in the gathered list")
@on_each_backend
def test_all_gather_object_gives_a_copy_of_the_own_object(ranks, backend):
    """`all_gather_object` gives a rank a copy of its own object too: what changes there leaves the original."""
    assert ranks(2, _own_object, backend=backend) == [[0], [1]]
