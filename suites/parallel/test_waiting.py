"""When ranks wait for each other: barriers, handles, time limits, what does not meet; back ends: `test_backends`."""

import time
from datetime import timedelta

import pytest
import torch
import torch.distributed as dist

from torchproof import fact, same
from torchproof.fixtures.fact import unavailable
from torchproof.fixtures.ranks import on_each_backend, own_device
from torchproof.suites.parallel.bodies import own_values, refused

pytestmark = [pytest.mark.dist, pytest.mark.timeout(180)]

BRIEFLY = timedelta(seconds=0.2)


# --- barriers ---------------------------------------------------------------------------------------------------------


def _meet(rank, barrier):
    time.sleep(0.05 * rank)
    came = time.monotonic()
    getattr(dist, barrier)()
    return came, time.monotonic()


@fact("torch.distributed.barrier")
@pytest.mark.cpu
def test_barrier_lets_nobody_pass_before_all_have_come(ranks):
    """No rank leaves `barrier` before the last one has come to it."""
    came, left = zip(*ranks(2, _meet, "barrier"), strict=True)
    assert min(left) >= max(came)


@fact("torch.distributed.monitored_barrier")
@pytest.mark.cpu
def test_monitored_barrier_is_a_barrier(ranks):
    """No rank leaves `monitored_barrier` before the last one has come to it."""
    came, left = zip(*ranks(2, _meet, "monitored_barrier"), strict=True)
    assert min(left) >= max(came)


def _missing(rank, **options):
    return refused(dist.monitored_barrier, timeout=BRIEFLY, **options) if rank == 0 else ""


@fact("torch.distributed.monitored_barrier")
@pytest.mark.slow
@pytest.mark.cpu
def test_monitored_barrier_names_a_rank_that_did_not_come(ranks):
    """`monitored_barrier` raises "Rank 1 failed to pass monitoredBarrier" on rank 0 where rank 1 does not come."""
    assert "Rank 1 failed to pass monitoredBarrier in 200 ms" in ranks(2, _missing)[0]


def _all_missing(rank):
    return _missing(rank, wait_all_ranks=True)


@fact("torch.distributed.monitored_barrier")
@pytest.mark.slow
@pytest.mark.cpu
def test_monitored_barrier_names_all_ranks_that_did_not_come(ranks):
    """`monitored_barrier(wait_all_ranks=True)` names on rank 0 all that did not come: "Ranks 1, 2 failed to pass"."""
    assert "Ranks 1, 2 failed to pass monitoredBarrier in 200 ms" in ranks(3, _all_missing)[0]


# --- what is not done yet ---------------------------------------------------------------------------------------------


def _early(rank):
    x, group = own_values(rank), dist.new_group()
    if rank == 1:
        dist.barrier(group)
    work = dist.all_reduce(x, async_op=True)
    before = rank == 1 or work.is_completed()
    if rank == 0:
        dist.barrier(group)
    work.wait()
    return before, work.is_completed()


@fact("torch.distributed.Work.is_completed")
@pytest.mark.cpu
def test_async_collective_is_not_completed_before_all_have_called_it(ranks):
    """With gloo, `is_completed()` of `all_reduce(async_op=True)` is False until all ranks have called it."""
    assert ranks(2, _early)[0][0] is False


@fact("torch.distributed.Work.is_completed", "torch.distributed.Work.wait")
@pytest.mark.cpu
def test_async_collective_is_completed_after_wait(ranks):
    """With gloo, `is_completed()` of `all_reduce(async_op=True)` is True after `wait()`."""
    assert [after for _, after in ranks(2, _early)] == [True, True]


def _handle(rank, ask):
    work = dist.all_reduce(own_values(rank), async_op=True)
    work.wait()
    return ask(work)


def _success(work):
    return work.is_success()


@fact("torch.distributed.Work.is_success")
@pytest.mark.cpu
def test_work_that_is_done_is_a_success(ranks):
    """With gloo, `is_success()` of `all_reduce(async_op=True)` is True after `wait()`."""
    assert ranks(2, _handle, _success) == [True, True]


def _future(work):
    return work.get_future().wait()[0].cpu()


@fact("torch.distributed.Work.get_future")
@on_each_backend
def test_future_of_a_collective_gives_its_tensors(ranks, backend):
    """`get_future().wait()` of an asynchronous `all_reduce` gives a list of the reduced tensor."""
    same(torch.stack(ranks(2, _handle, _future, backend=backend)), [[11, 22, 33]] * 2)


def _result(work):
    return work.result()[0]


@fact("torch.distributed.Work.result")
@pytest.mark.cpu
def test_result_of_a_collective_is_its_tensors(ranks):
    """With gloo, `result()` of an asynchronous `all_reduce` is a list of the reduced tensor."""
    same(torch.stack(ranks(2, _handle, _result)), [[11, 22, 33]] * 2)


def _then(rank):
    work = dist.all_reduce(own_values(rank), async_op=True)
    return work.get_future().then(lambda done: done.value()[0] * 2).wait().cpu()


@fact("torch.distributed.Work.get_future")
@on_each_backend
def test_future_of_a_collective_goes_on_with_then(ranks, backend):
    """`get_future().then(f)` of an asynchronous `all_reduce` gives what `f` makes of the reduced tensor."""
    same(torch.stack(ranks(2, _then, backend=backend)), [[22, 44, 66]] * 2)


def _many(rank):
    values = [torch.tensor([float(k + rank)], device=own_device()) for k in range(4)]
    for work in [dist.all_reduce(x, async_op=True) for x in values]:
        work.wait()
    return torch.cat(values).cpu()


@fact("torch.distributed.all_reduce")
@on_each_backend
def test_several_async_collectives_run_at_once(ranks, backend):
    """Several `all_reduce(async_op=True)` can be under way at once, each with its own result."""
    same(torch.stack(ranks(2, _many, backend=backend)), [[1.0, 3.0, 5.0, 7.0]] * 2)


# --- time limits ------------------------------------------------------------------------------------------------------


def _wait_in_vain(rank):
    return refused(dist.recv, own_values(rank), src=1 - rank, group=dist.new_group(timeout=BRIEFLY))


@fact("torch.distributed.new_group")
@pytest.mark.slow
@pytest.mark.cpu
def test_timeout_ends_a_wait(ranks):
    """With gloo, `recv` of what no rank sends raises "Timed out waiting" after the `timeout` of `new_group`."""
    assert any("Timed out waiting 200ms" in told for told in ranks(2, _wait_in_vain))


def _wait_briefly(rank):
    x, group = own_values(rank), dist.new_group()
    if rank == 1:
        dist.barrier(group)
    work = dist.all_reduce(x, async_op=True)
    told = refused(work.wait, BRIEFLY) if rank == 0 else ""
    if rank == 0:
        dist.barrier(group)
    work.wait()
    return told


@fact("torch.distributed.Work.wait")
@pytest.mark.slow
@pytest.mark.cpu
def test_wait_takes_a_time_limit(ranks):
    """With gloo, `wait(timeout)` of an `all_reduce` that others have not called raises "Operation timed out"."""
    assert "Operation timed out" in ranks(2, _wait_briefly)[0]


def _different(rank):
    group = dist.new_group(timeout=BRIEFLY)
    told = ""
    try:
        if rank == 0:
            dist.all_reduce(own_values(rank), group=group)
        else:
            dist.broadcast(own_values(rank), 0, group=group)
    except RuntimeError as refusal:
        told = str(refusal)
    dist.barrier()
    return told


@fact("torch.distributed.all_reduce", hint='TORCH_DISTRIBUTED_DEBUG=DETAIL says where they part: "Detected mismatch"')
@pytest.mark.slow
@pytest.mark.cpu
def test_different_collectives_do_not_meet(ranks):
    """With gloo, a rank in `all_reduce` waits until its timeout for one that is in `broadcast`: a deadlock."""
    assert any("Timed out waiting 200ms" in told for told in ranks(2, _different))


def _half(rank):
    group = dist.new_group(timeout=BRIEFLY)
    told = refused(dist.barrier, group) if rank == 0 else ""
    dist.barrier()
    return told


@fact("torch.distributed.barrier", hint='no collective under "if rank == 0"')
@pytest.mark.slow
@pytest.mark.cpu
def test_collective_on_rank_0_alone_waits_for_the_others(ranks):
    """With gloo, `barrier` under "if rank == 0" waits until its timeout for the others: a deadlock."""
    assert "Timed out waiting 200ms" in ranks(2, _half)[0]


@fact("torch.distributed.init_process_group")
def test_timeout_is_a_timedelta():
    """`init_process_group(timeout=3)` raises "Expected timeout argument to be of type datetime.timedelta"."""
    store = dist.HashStore()
    with pytest.raises(
        (TypeError, RuntimeError), match=r"Expected timeout argument to be of type ?datetime\.timedelta"
    ):
        dist.init_process_group("gloo", store=store, rank=0, world_size=1, timeout=3)


@fact("torch.distributed.default_pg_timeout")
def test_default_timeout_is_half_an_hour():
    """`torch.distributed.default_pg_timeout` is half an hour."""
    assert dist.default_pg_timeout == timedelta(minutes=30)


@fact("torch.distributed.constants.default_pg_nccl_timeout")
def test_default_timeout_of_nccl_is_ten_minutes():
    """`torch.distributed.constants.default_pg_nccl_timeout` is 10 minutes, where NCCL is built in."""
    if not dist.is_nccl_available():
        unavailable("build", "nccl")
    assert dist.constants.default_pg_nccl_timeout == timedelta(minutes=10)


# --- looking for what does not meet -----------------------------------------------------------------------------------


def _in_detail(rank, call):
    dist.set_debug_level(dist.DebugLevel.DETAIL)
    group = dist.new_group()
    dist.set_debug_level(dist.DebugLevel.OFF)
    return refused(call, rank, group)


def _other_sizes(rank, group):
    dist.all_reduce(torch.ones(3 + rank), group=group)


def _other_collectives(rank, group):
    if rank == 0:
        dist.all_reduce(own_values(rank), group=group)
    else:
        dist.broadcast(own_values(rank), 0, group=group)


@fact("torch.distributed.set_debug_level", hint="TORCH_DISTRIBUTED_DEBUG=DETAIL")
@pytest.mark.cpu
@pytest.mark.parametrize("call", [_other_sizes, _other_collectives], ids=["sizes", "collectives"])
def test_debug_level_detail_tells_of_a_mismatch(ranks, call):
    """A group made at `DebugLevel.DETAIL` raises "Detected mismatch between collectives" of two sizes or two kinds."""
    assert any("Detected mismatch between collectives on ranks" in told for told in ranks(2, _in_detail, call))


@pytest.fixture
def debug_level():
    """Sets the debug level back."""
    before = dist.get_debug_level()
    yield
    dist.set_debug_level(before)


@fact("torch.distributed.set_debug_level", "torch.distributed.get_debug_level")
@pytest.mark.parametrize("level", ["OFF", "INFO", "DETAIL"])
def test_debug_level_is_what_was_set(debug_level, level):
    """`get_debug_level` gives what `set_debug_level` set last."""
    wanted = getattr(dist.DebugLevel, level)
    dist.set_debug_level(dist.DebugLevel.INFO)
    dist.set_debug_level(wanted)
    assert dist.get_debug_level() == wanted


@fact("torch.distributed.set_debug_level_from_env", "torch.distributed.get_debug_level")
def test_debug_level_is_read_from_the_environment(debug_level, monkeypatch):
    """`set_debug_level_from_env` reads TORCH_DISTRIBUTED_DEBUG."""
    monkeypatch.setenv("TORCH_DISTRIBUTED_DEBUG", "DETAIL")
    dist.set_debug_level(dist.DebugLevel.OFF)
    dist.set_debug_level_from_env()
    assert dist.get_debug_level() == dist.DebugLevel.DETAIL
