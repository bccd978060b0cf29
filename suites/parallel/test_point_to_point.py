"""Messages from one rank to another: `send`, `recv`, and many at once; of Python objects: `test_objects`."""

from datetime import timedelta

import pytest
import torch
import torch.distributed as dist

from torchproof import fact, same
from torchproof.fixtures.ranks import on_each_backend, own_device
from torchproof.suites.parallel.bodies import own_values, refused

pytestmark = [pytest.mark.dist, pytest.mark.timeout(180)]


# --- send and recv ----------------------------------------------------------------------------------------------------


def _several(rank):
    messages = [torch.tensor([value], device=own_device()) for value in ((7, 8, 9) if rank == 0 else (0, 0, 0))]
    for message in messages:
        (dist.send, dist.recv)[rank](message, 1 - rank)
    return torch.cat(messages).tolist()


@fact("torch.distributed.send", "torch.distributed.recv")
@on_each_backend
def test_recv_takes_messages_in_the_order_of_send(ranks, backend):
    """What one rank sends to another by `send` arrives by `recv` in the order in which it was sent."""
    assert ranks(2, _several, backend=backend)[1] == [7, 8, 9]


def _from_anyone(rank):
    x = own_values(rank)
    if rank == 1:
        return dist.send(x, 0)
    return dist.recv(x), x


@fact("torch.distributed.recv")
@pytest.mark.cpu
def test_recv_without_a_source_takes_from_anyone(ranks):
    """With gloo, `recv` without `src` takes what any rank sends, and returns that rank."""
    sender, got = ranks(2, _from_anyone)[0]
    assert sender == 1
    same(got, [10, 20, 30])


def _tags(rank):
    first, second = torch.tensor([1 - rank]), torch.tensor([2 - 2 * rank])
    if rank == 0:
        works = [dist.isend(first, 1, tag=1), dist.isend(second, 1, tag=2)]
        return [work.wait() for work in works]
    dist.recv(second, 0, tag=2)
    dist.recv(first, 0, tag=1)
    return int(first), int(second)


@fact("torch.distributed.recv", "torch.distributed.isend")
@pytest.mark.cpu
def test_tag_matches_messages_on_gloo(ranks):
    """With gloo, `recv` with a `tag` takes the message that was sent with that tag, whichever came first."""
    assert ranks(2, _tags)[1] == (1, 2)


def _to_itself(rank):
    return refused(dist.send, own_values(rank), rank)


@fact("torch.distributed.send")
@on_each_backend
def test_send_to_itself_is_refused(ranks, backend):
    """`send` to the own rank raises "destination rank should not be the same as the rank of the current process"."""
    told = ranks(2, _to_itself, backend=backend)
    assert all("destination rank should not be the same as the rank of the current process" in each for each in told)


def _first_and_then(rank, order):
    """Two ranks that wait for each other, with a short timeout."""
    group, x, y = dist.new_group(timeout=timedelta(seconds=0.2)), own_values(rank), torch.zeros(3, dtype=torch.int64)
    told = refused(getattr(dist, order), x if order == "send" else y, 1 - rank, group=group)
    dist.barrier()
    return told


@fact(
    "torch.distributed.send", "torch.distributed.recv", hint="one rank receives first, or isend, or batch_isend_irecv"
)
@pytest.mark.slow
@pytest.mark.cpu
@pytest.mark.parametrize("order", ["send", "recv"])
def test_both_ranks_first_is_a_deadlock(ranks, order):
    """With gloo, two ranks that both `send` first, or both `recv` first, wait until the timeout: a deadlock."""
    told = ranks(2, _first_and_then, order)
    assert any(f"Timed out waiting 200ms for {order} operation to complete" in each for each in told)


# --- isend and irecv --------------------------------------------------------------------------------------------------


def _exchange(rank):
    theirs = torch.zeros(3, dtype=torch.int64)
    work = dist.isend(own_values(rank), 1 - rank)
    dist.recv(theirs, 1 - rank)
    work.wait()
    return theirs, work.is_completed()


@fact("torch.distributed.isend", "torch.distributed.recv")
@pytest.mark.cpu
def test_isend_lets_both_ranks_send_first(ranks):
    """With gloo, two ranks that both `isend` and then `recv` exchange their tensors without a deadlock."""
    (first, _), (second, _) = ranks(2, _exchange)
    same(torch.stack([first, second]), [[10, 20, 30], [1, 2, 3]])


def _receive_later(rank):
    x = own_values(rank)
    waited = (dist.isend, dist.irecv)[rank](x, 1 - rank).wait()
    return waited, x


@fact("torch.distributed.isend", "torch.distributed.irecv", "torch.distributed.Work.wait")
@pytest.mark.cpu
def test_irecv_has_the_message_after_wait(ranks):
    """After `wait()` of what `irecv` returns, its tensor has what the other rank sent by `isend`."""
    _, (_, got) = ranks(2, _receive_later)
    same(got, [1, 2, 3])


@fact("torch.distributed.isend", "torch.distributed.irecv", "torch.distributed.Work.wait")
@pytest.mark.cpu
def test_wait_for_a_message_returns_true(ranks):
    """With gloo, `wait()` of what `isend` returns is True once it was received, and so is that of `irecv`."""
    assert [waited for waited, _ in ranks(2, _receive_later)] == [True, True]


def _pending(rank):
    x = torch.zeros(3, dtype=torch.int64)
    if rank == 0:
        work = dist.irecv(x, 1)
        before = work.is_completed()
        dist.barrier()
        work.wait()
        return before, work.is_completed()
    dist.barrier()
    return dist.send(own_values(rank), 0)


@fact("torch.distributed.irecv", "torch.distributed.Work.is_completed", "torch.distributed.Work.wait")
@pytest.mark.cpu
def test_is_completed_tells_whether_the_message_has_come(ranks):
    """`is_completed()` of what `irecv` returns is False before the message has come, and True after `wait()`."""
    assert ranks(2, _pending)[0] == (False, True)


def _sender(rank):
    if rank == 1:
        return dist.send(own_values(rank), 0)
    work = dist.irecv(torch.zeros(3, dtype=torch.int64))
    work.wait()
    return work.source_rank() if hasattr(work, "source_rank") else work._source_rank()


@fact("torch.distributed.Work.source_rank", "torch.distributed.irecv")
@pytest.mark.cpu
def test_source_rank_of_a_received_message_tells_who_sent(ranks):
    """With gloo, `source_rank()` of what `irecv` without `src` returns is the rank that sent."""
    assert ranks(2, _sender)[0] == 1


# --- many at once -----------------------------------------------------------------------------------------------------


def _ring(rank):
    size, theirs = dist.get_world_size(), torch.zeros(3, dtype=torch.int64, device=own_device())
    operations = [
        dist.P2POp(dist.isend, own_values(rank), (rank + 1) % size),
        dist.P2POp(dist.irecv, theirs, (rank - 1) % size),
    ]
    for work in dist.batch_isend_irecv(operations):
        work.wait()
    return theirs.cpu()


@fact("torch.distributed.batch_isend_irecv", "torch.distributed.P2POp")
@pytest.mark.cpu
def test_batch_isend_irecv_passes_around_a_ring(ranks):
    """`batch_isend_irecv` lets three ranks each send to the next one and receive from the one before, all alike."""
    same(torch.stack(ranks(3, _ring)), [[100, 200, 300], [1, 2, 3], [10, 20, 30]])


@fact("torch.distributed.batch_isend_irecv", "torch.distributed.P2POp")
@on_each_backend
def test_batch_isend_irecv_lets_two_ranks_exchange(ranks, backend):
    """`batch_isend_irecv` of an `isend` and an `irecv` on each of two ranks exchanges their tensors."""
    same(torch.stack(ranks(2, _ring, backend=backend)), [[10, 20, 30], [1, 2, 3]])


def _batch_of_another_kind(rank):
    return refused(dist.P2POp, dist.send, own_values(rank), 1 - rank)


@fact("torch.distributed.P2POp", unproven="its `__new__` refuses, and faults are planted on what comes behind that")
@on_each_backend
def test_p2pop_takes_isend_and_irecv_only(ranks, backend):
    """`P2POp` of `send` raises "Expected `op` to be of type `torch.distributed.isend` or `torch.distributed.irecv`"."""
    told = ranks(2, _batch_of_another_kind, backend=backend)
    assert all("torch.distributed.isend`` or ``torch.distributed.irecv``" in each for each in told)


def _batch_of_no_operations(rank):
    return refused(dist.batch_isend_irecv, [own_values(rank)])


@fact("torch.distributed.batch_isend_irecv")
@on_each_backend
def test_batch_isend_irecv_takes_p2pops_only(ranks, backend):
    """`batch_isend_irecv` of a list of tensors raises "Each op is expected to … be of type torch.distributed.P2POp"."""
    told = ranks(2, _batch_of_no_operations, backend=backend)
    assert all("type ``torch.distributed.P2POp``" in each for each in told)
