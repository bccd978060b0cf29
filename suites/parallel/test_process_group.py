"""What a process group begins as, and what the main collectives do in it; more of those: `test_reductions`."""

import pytest
import torch
import torch.distributed as dist

from torchproof import fact, same
from torchproof.fixtures.ranks import on_each_backend, own_device
from torchproof.suites.parallel.bodies import own_values, refused

pytestmark = [pytest.mark.dist, pytest.mark.timeout(180)]


# --- the group --------------------------------------------------------------------------------------------------------


def _rank(rank):
    return dist.get_rank()


@fact("torch.distributed.get_rank", claims=["X05"])
@on_each_backend
def test_get_rank_numbers_its_processes(ranks, backend):
    """In a process group, `get_rank()` is another number in each process, from 0 on."""
    assert ranks(2, _rank, backend=backend) == [0, 1]


def _size(rank):
    return dist.get_world_size()


@fact("torch.distributed.get_world_size", claims=["X05"])
@on_each_backend
def test_get_world_size_counts_its_processes(ranks, backend):
    """In a process group, `get_world_size()` is the number of processes, the same in each."""
    assert ranks(2, _size, backend=backend) == [2, 2]


def _backend(rank):
    return dist.get_backend()


@fact("torch.distributed.get_backend")
@on_each_backend
def test_get_backend_names_its_back_end(ranks, backend):
    """In a process group, `get_backend()` is the name of its back end, as "gloo"."""
    assert ranks(2, _backend, backend=backend) == [backend, backend]


def _is_initialized(rank):
    return dist.is_initialized()


@fact("torch.distributed.is_initialized")
@on_each_backend
def test_is_initialized_tells_of_it(ranks, backend):
    """In a process group, `torch.distributed.is_initialized()` is True."""
    assert ranks(2, _is_initialized, backend=backend) == [True, True]


@fact("torch.distributed.is_initialized")
def test_is_not_there_by_itself():
    """`torch.distributed.is_initialized()` is False in a process that has not called `init_process_group`."""
    assert dist.is_initialized() is False


@fact("torch.distributed.get_rank", since="2.2", calls="catches RuntimeError|ValueError")
def test_is_needed_for_a_rank():
    """`get_rank` without a process group raises ValueError: "process group has not been initialized"."""
    with pytest.raises(ValueError, match="process group has not been initialized"):
        dist.get_rank()


@fact("torch.distributed.get_rank", until="2.2", calls="catches RuntimeError|ValueError")
def test_was_needed_for_a_rank():
    """`get_rank` without a process group raises RuntimeError: "process group has not been initialized"."""
    with pytest.raises(RuntimeError, match="process group has not been initialized"):
        dist.get_rank()


@fact("torch.distributed.init_process_group", hint="start with torchrun")
def test_needs_to_be_told_the_rank(monkeypatch):
    """`init_process_group("gloo")` without RANK raises "environment variable RANK expected, but not set"."""
    monkeypatch.delenv("RANK", raising=False)
    with pytest.raises(ValueError, match="environment variable RANK expected, but not set"):
        dist.init_process_group("gloo")


def _initialize_as_told(rank, file):
    dist.barrier()  # who leaves a group early ends it for those who still connect
    dist.destroy_process_group()
    dist.init_process_group("gloo", rank=1 - rank, world_size=2, store=dist.FileStore(file, 2))
    dist.barrier()
    return dist.get_backend(), dist.get_rank(), dist.get_world_size()


@fact("torch.distributed.init_process_group")
@pytest.mark.slow
def test_is_what_it_was_initialized_as(ranks, tmp_path):
    """`init_process_group` gives a process the backend, rank and size that it is told."""
    got = ranks(2, _initialize_as_told, str(tmp_path / "file"))
    assert got == [("gloo", 1, 2), ("gloo", 0, 2)]


def _initialize_twice(rank, kind):
    with pytest.raises(kind) as refusal:
        dist.init_process_group("gloo", rank=0, world_size=1, store=dist.HashStore())
    return str(refusal.value)


@fact("torch.distributed.init_process_group", since="2.2", calls="catches RuntimeError|ValueError")
def test_is_not_initialized_twice(ranks):
    """A second `init_process_group` raises ValueError: "initialize the default process group twice"."""
    assert "initialize the default process group twice" in ranks(1, _initialize_twice, ValueError)[0]


@fact("torch.distributed.init_process_group", until="2.2", calls="catches RuntimeError|ValueError")
@pytest.mark.slow
def test_was_not_initialized_twice(ranks):
    """A second `init_process_group` raises RuntimeError: "initialize the default process group twice"."""
    assert "initialize the default process group twice" in ranks(1, _initialize_twice, RuntimeError)[0]


# --- reductions -------------------------------------------------------------------------------------------------------


def _all_reduce(rank, op, dtype):
    x = own_values(rank, dtype)
    dist.all_reduce(x, getattr(dist.ReduceOp, op))
    return x.cpu()


@fact("torch.distributed.all_reduce")
@pytest.mark.slow
@on_each_backend
@pytest.mark.parametrize("op", ["SUM", "PRODUCT", "MIN", "MAX"])
def test_all_reduce_combines_in_place(ranks, backend, op):
    """`all_reduce` replaces a contiguous tensor in place by the sum, product, minimum or maximum over the ranks."""
    want = {"SUM": [11, 22, 33], "PRODUCT": [10, 40, 90], "MIN": [1, 2, 3], "MAX": [10, 20, 30]}[op]
    same(torch.stack(ranks(2, _all_reduce, op, torch.int64, backend=backend)), [want, want])


@fact(
    "torch.distributed.all_reduce",
    since={"cpu": "2.8", "cuda": "2.0"},
    calls="op=AVG",
    gain=True,
    hint="divide the sum by the world size",
)
@pytest.mark.slow
@on_each_backend
def test_all_reduce_averages(ranks, backend):
    """`all_reduce` of floats with `ReduceOp.AVG` leaves the mean over the ranks on every rank."""
    want = torch.tensor([5.5, 11.0, 16.5])
    same(torch.stack(ranks(2, _all_reduce, "AVG", torch.float32, backend=backend)), torch.stack([want, want]))


def _refused_average(rank):
    return refused(lambda: dist.all_reduce(own_values(rank, torch.float32), dist.ReduceOp.AVG))


@fact("torch.distributed.all_reduce", until="2.8", calls="op=AVG", hint="divide the sum by the world size")
@pytest.mark.slow
def test_all_reduce_refused_to_average_on_gloo(ranks):
    """`all_reduce` with `ReduceOp.AVG` is refused by gloo: "Cannot use ReduceOp.AVG with Gloo"."""
    assert ranks(2, _refused_average) == ["Cannot use ReduceOp.AVG with Gloo"] * 2


def _reduce(rank):
    x = own_values(rank)
    dist.reduce(x, dst=1)
    return x.cpu()


@fact("torch.distributed.reduce")
@pytest.mark.slow
@on_each_backend
def test_reduce_gives_its_destination_the_sum(ranks, backend):
    """`reduce` by default leaves the sum over the ranks on the rank `dst`."""
    same(ranks(2, _reduce, backend=backend)[1], [11, 22, 33])


def _average_scatter(rank):
    mine = torch.empty(1, device=own_device())
    all_parts = torch.tensor([1.0, 2.0], device=own_device()) * 10**rank
    dist.reduce_scatter_tensor(mine, all_parts, dist.ReduceOp.AVG)
    return mine.cpu()


@fact(
    "torch.distributed.reduce_scatter_tensor",
    since={"cpu": "2.2", "cuda": "2.0"},
    calls="op=AVG",
    gain=True,
    hint="divide the sum by the world size",
)
@pytest.mark.slow
@on_each_backend
def test_reduce_scatter_tensor_averages(ranks, backend):
    """`reduce_scatter_tensor` with `ReduceOp.AVG` leaves on each rank its part of the mean over the ranks."""
    same(torch.cat(ranks(2, _average_scatter, backend=backend)), [5.5, 11.0])


# --- handing over -----------------------------------------------------------------------------------------------------


def _broadcast(rank):
    x = own_values(rank)
    dist.broadcast(x, src=1)
    return x.cpu()


@fact("torch.distributed.broadcast")
@on_each_backend
def test_broadcast_gives_all_the_source(ranks, backend):
    """`broadcast` leaves the contiguous tensor of rank `src` on every rank."""
    same(torch.stack(ranks(2, _broadcast, backend=backend)), [[10, 20, 30], [10, 20, 30]])


def _all_gather(rank):
    gathered = [torch.zeros(3, dtype=torch.int64, device=own_device()) for _ in range(2)]
    dist.all_gather(gathered, own_values(rank))
    return torch.stack(gathered).cpu()


@fact("torch.distributed.all_gather")
@on_each_backend
def test_all_gather_keeps_the_order_of_ranks(ranks, backend):
    """`all_gather` fills the list on every rank with the tensors of all, in the order of ranks."""
    want = [[1, 2, 3], [10, 20, 30]]
    same(torch.stack(ranks(2, _all_gather, backend=backend)), [want, want])


def _gather_too_few(rank):
    with pytest.raises(RuntimeError) as refusal:
        dist.all_gather([torch.zeros(3, dtype=torch.int64)], own_values(rank))
    return str(refusal.value)


@fact("torch.distributed.all_gather")
def test_all_gather_refuses_a_list_of_another_length(ranks):
    """With gloo, `all_gather` refuses a list of fewer tensors than there are ranks: "expected length 2, got 1"."""
    assert all("expected length 2, got 1" in told for told in ranks(2, _gather_too_few))


def _scatter(rank):
    mine = torch.zeros(3, dtype=torch.int64, device=own_device())
    parts = {1: [own_values(0), own_values(1)]}
    dist.scatter(mine, parts.get(rank), src=1)
    return mine.cpu()


@fact("torch.distributed.scatter")
@pytest.mark.slow
@on_each_backend
def test_scatter_gives_each_rank_its_tensor(ranks, backend):
    """`scatter` gives each rank the tensor at its place in the list of rank `src`."""
    same(torch.stack(ranks(2, _scatter, backend=backend)), [[1, 2, 3], [10, 20, 30]])


def _send(rank):
    x = own_values(rank)
    (dist.send, dist.recv)[rank](x, 1 - rank)
    return x.cpu()


@fact("torch.distributed.send", "torch.distributed.recv")
@on_each_backend
def test_send_fills_the_tensor_that_receives(ranks, backend):
    """`recv` writes what the other rank sends into the tensor that it is given."""
    same(torch.stack(ranks(2, _send, backend=backend)), [[1, 2, 3], [1, 2, 3]])


def _receive_from_both(rank):
    x = own_values(rank)
    if rank < 2:
        dist.send(x, 2)
        return None
    return [(dist.recv(x, src), x.clone()) for src in (1, 0)]


@fact("torch.distributed.recv")
@pytest.mark.slow
def test_recv_waits_for_its_source(ranks):
    """`recv` with `src` takes what that rank sends, whatever others have sent."""
    *_, ((_, first), (_, second)) = ranks(3, _receive_from_both)
    same(torch.stack([first, second]), [[10, 20, 30], [1, 2, 3]])


@fact("torch.distributed.recv")
@pytest.mark.slow
def test_recv_tells_who_sent(ranks):
    """`recv` with `src` returns the rank of the sender."""
    *_, ((first, _), (second, _)) = ranks(3, _receive_from_both)
    assert (first, second) == (1, 0)


def _reduce_later(rank):
    x = own_values(rank)
    work = dist.all_reduce(x, async_op=True)
    work.wait()
    return x.cpu()


@fact("torch.distributed.all_reduce")
@pytest.mark.slow
@on_each_backend
def test_async_collective_is_done_after_wait(ranks, backend):
    """With `all_reduce(async_op=True)`, the result is there after `wait()` on the `Work` that it returned."""
    same(torch.stack(ranks(2, _reduce_later, backend=backend)), [[11, 22, 33], [11, 22, 33]])
