"""Back ends of process groups, how groups begin, and lesser-known collectives; the rest are in test_exchanges.py."""

import contextlib
import datetime
import sys

import pytest
import torch
import torch.distributed as dist

from torchproof import fact, same
from torchproof.fixtures.fact import unavailable
from torchproof.fixtures.ranks import own_device
from torchproof.fixtures.ranks.backends import backend_of
from torchproof.suites.parallel.bodies import own_values

pytestmark = [pytest.mark.dist, pytest.mark.timeout(180)]


# --- which back end ---------------------------------------------------------------------------------------------------


def _backends(text):
    return dist.distributed_c10d.BackendConfig(dist.Backend(text)).get_device_backend_map()


@fact("torch.distributed.BackendConfig", "torch.distributed.BackendConfig.get_device_backend_map")
def test_backend_config_reads_a_backend_for_each_device():
    """`BackendConfig("cpu:gloo,cuda:nccl")` has a back end for each device: gloo for the CPU, nccl for CUDA."""
    assert _backends("cpu:gloo,cuda:nccl") == {"cpu": "gloo", "cuda": "nccl"}


@fact("torch.distributed.BackendConfig", "torch.distributed.BackendConfig.get_device_backend_map")
def test_backend_config_gives_gloo_to_the_cpu():
    """`BackendConfig("gloo")` has gloo for tensors of the CPU."""
    assert _backends("gloo")["cpu"] == "gloo"


@fact("torch.distributed.is_ucc_available")
def test_ucc_is_available_where_it_can_be_a_backend():
    """`is_ucc_available` tells whether torch was built with UCC: whether it has `ProcessGroupUCC`."""
    assert dist.is_ucc_available() is hasattr(dist, "ProcessGroupUCC")


def _implementation(rank):
    implementation = dist.get_backend_impl(device=torch.device("cpu"))
    return implementation.name(), implementation.rank(), implementation.size()


@fact("torch.distributed.get_backend_impl")
def test_get_backend_impl_is_the_backend_of_a_device(ranks):
    """`get_backend_impl` gives a process group's back end for a device, with its `name()`, `rank()` and `size()`."""
    assert ranks(2, _implementation) == [("gloo", 0, 2), ("gloo", 1, 2)]


def _of_world(rank):
    everyone = dist.group.WORLD
    return isinstance(everyone, dist.ProcessGroup), everyone.rank(), everyone.size()


@fact("torch.distributed.ProcessGroup", "torch.distributed.ProcessGroup.rank", "torch.distributed.ProcessGroup.size")
def test_process_group_knows_its_rank_and_size(ranks):
    """A ProcessGroup, as `group.WORLD`, knows this process's `rank()` in it and its `size()`."""
    assert ranks(2, _of_world) == [(True, 0, 2), (True, 1, 2)]


def _split(rank):
    halves = dist.split_group(split_ranks=[[0], [1]])
    x = torch.tensor([rank + 1])
    dist.all_reduce(x, group=halves)
    return halves.size(), int(x)


@fact("torch.distributed.split_group", since={"cpu": "2.13"}, calls="any", gain=True)
def test_split_group_gives_each_rank_its_part(ranks):
    """`split_group` gives each rank the group of its own part of `split_ranks`, whose `all_reduce` adds that alone."""
    assert ranks(2, _split) == [(1, 1), (1, 2)]


def _set_timeout(rank):
    dist.set_timeout(datetime.timedelta(seconds=0.2))
    if rank == 1:
        return ""
    with pytest.raises(RuntimeError) as refusal:
        dist.all_reduce(torch.zeros(1))
    return str(refusal.value)


@fact("torch.distributed.set_timeout")
def test_set_timeout_is_for_what_follows(ranks):
    """After `set_timeout`, a gloo `all_reduce` that waits for longer than that raises "Timed out waiting 200ms"."""
    waited, _ = ranks(2, _set_timeout)
    assert "imed out waiting 200ms" in waited


# --- what is there ----------------------------------------------------------------------------------------------------


@fact("torch.distributed.init_process_group", hint="gloo on the CPU, nccl on GPUs")
@pytest.mark.parametrize(
    ("backend", "name"), [("mpi", "MPI"), ("nccl", "NCCL"), ("xccl", "XCCL")], ids=["mpi", "nccl", "xccl"]
)
def test_backend_that_is_not_built_in_is_refused(backend, name):
    """`init_process_group` by a back end that this build lacks raises "Distributed package doesn't have … built in"."""
    is_available = getattr(dist, f"is_{backend}_available", lambda: True)
    if is_available():
        unavailable("platform", f"a build without {name}")
    with pytest.raises(RuntimeError, match=f"Distributed package doesn't have {name} built in"):
        dist.init_process_group(backend, store=dist.HashStore(), rank=0, world_size=1)


@fact("torch.distributed.is_torchelastic_launched")
def test_is_torchelastic_launched_asks_the_environment(monkeypatch):
    """`is_torchelastic_launched` is True where TORCHELASTIC_RUN_ID is set, as by torchrun, and else False."""
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    assert not dist.is_torchelastic_launched()
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "run")
    assert dist.is_torchelastic_launched()


@fact("torch.distributed.is_available")
def test_is_available_where_torch_was_built_with_it():
    """`torch.distributed.is_available()` says whether this build has collectives, such as `all_reduce`."""
    assert dist.is_available() is hasattr(dist, "all_reduce")


@fact(
    "torch.distributed.is_gloo_available", "torch.distributed.is_nccl_available", "torch.distributed.is_mpi_available"
)
@pytest.mark.parametrize("name", ["gloo", "nccl", "mpi"])
def test_is_available_where_a_backend_was_built_in(name):
    """`is_gloo_available`, `is_nccl_available` and `is_mpi_available` say whether this build has their ProcessGroup."""
    kind = {"gloo": "ProcessGroupGloo", "nccl": "ProcessGroupNCCL", "mpi": "ProcessGroupMPI"}[name]
    assert getattr(dist, f"is_{name}_available")() is hasattr(dist, kind)


@fact("torch.distributed.is_xccl_available")
def test_is_xccl_available_where_it_was_built_in():
    """`is_xccl_available` says whether this build has XCCL's ProcessGroup, for GPUs of Intel."""
    assert dist.is_xccl_available() is hasattr(dist, "ProcessGroupXCCL")


# --- how it begins ----------------------------------------------------------------------------------------------------


@fact("torch.distributed.rendezvous")
def test_rendezvous_gives_a_store_the_rank_and_the_size(tmp_path):
    """`rendezvous("file://…?rank=0&world_size=1")` gives a store, and the rank and the size that the address says."""
    file = (tmp_path / "store").as_uri()
    store, rank, size = next(dist.rendezvous(f"{file}?rank=0&world_size=1"))
    store.set("key", "value")
    assert (store.get("key"), rank, size) == (b"value", 0, 1)


def _register(rank):
    def meet(address, **options):
        yield dist.HashStore(), 0, 1

    dist.destroy_process_group()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules["torch.distributed.rendezvous"], "_rendezvous_handlers", {})
        dist.register_rendezvous_handler("here", meet)
        dist.init_process_group("gloo", init_method="here://")
    return dist.get_rank(), dist.get_world_size()


@fact("torch.distributed.register_rendezvous_handler", "torch.distributed.init_process_group")
def test_registered_handler_begins_a_group(ranks):
    """`register_rendezvous_handler` lets `init_process_group` begin by a new kind of address, as "here://"."""
    assert ranks(1, _register) == [(0, 1)]


@fact("torch.distributed.register_rendezvous_handler")
def test_handler_of_a_known_address_is_refused():
    """`register_rendezvous_handler` of a kind of address that has a handler, as "file", raises "already registered"."""
    with pytest.raises(RuntimeError, match="file:// already registered"):
        dist.register_rendezvous_handler("file", dist.rendezvous)


# --- more collectives -------------------------------------------------------------------------------------------------


def _coalesced(rank):
    xs = [own_values(rank), own_values(rank)[:1]]
    dist.all_reduce_coalesced(xs)
    outputs = [[torch.zeros(3, dtype=torch.int64), torch.zeros(1, dtype=torch.int64)] for _ in range(2)]
    dist.all_gather_coalesced(outputs, [own_values(rank), own_values(rank)[:1]])
    return xs, outputs


@fact("torch.distributed.all_reduce_coalesced")
def test_all_reduce_coalesced_sums_each_tensor(ranks):
    """`all_reduce_coalesced` leaves in each tensor of a list the sum over the ranks."""
    same(torch.stack([torch.cat(sums) for sums, _ in ranks(2, _coalesced)]), [[11, 22, 33, 11]] * 2)


@fact("torch.distributed.all_gather_coalesced")
def test_all_gather_coalesced_has_a_list_for_each_rank(ranks):
    """With gloo, `all_gather_coalesced` fills a list of tensors for each rank with what that rank has given."""
    got = [[[x.tolist() for x in given] for given in lists] for _, lists in ranks(2, _coalesced)]
    assert got == [[[[1, 2, 3], [1]], [[10, 20, 30], [10]]]] * 2


def _gather_single(rank):
    out = torch.zeros(6, dtype=torch.int64)
    dist.all_gather_single(out, own_values(rank))
    return out


@fact("torch.distributed.all_gather_single")
def test_all_gather_single_puts_the_ranks_behind_each_other(ranks):
    """`all_gather_single` writes the values of all ranks into one tensor, in the order of ranks."""
    same(torch.stack(ranks(2, _gather_single)), [[1, 2, 3, 10, 20, 30]] * 2)


def _gather_on_1(rank, name):
    out = torch.zeros(6, dtype=torch.int64, device=own_device()) if rank == 1 else None
    getattr(dist, name)(own_values(rank), out, dst=1)
    return out if out is None else out.cpu()


@fact("torch.distributed.gather_single", "torch.distributed.gather_into_tensor")
@pytest.mark.parametrize("name", ["gather_single", "gather_into_tensor"])
def test_gather_single_fills_one_tensor_on_one_rank(ranks, devices, name):
    """`gather_single`, also called `gather_into_tensor`, writes all ranks' values into one tensor on rank `dst`."""
    _, gathered = ranks(2, _gather_on_1, name, backend=backend_of(torch.device(devices[0]).type))
    same(gathered, [1, 2, 3, 10, 20, 30])


def _reduce_scatter_single(rank, op):
    out = torch.zeros(2, dtype=torch.int64)
    dist.reduce_scatter_single(out, torch.tensor([1, 2, 3, 4]) * (rank + 2), getattr(dist.ReduceOp, op))
    return out


@fact("torch.distributed.reduce_scatter_single")
@pytest.mark.parametrize(("op", "want"), [("SUM", [[5, 10], [15, 20]]), ("MAX", [[3, 6], [9, 12]])], ids=["sum", "max"])
def test_reduce_scatter_single_gives_each_rank_its_part(ranks, op, want):
    """`reduce_scatter_single` gives each rank its part of what SUM or MAX makes of all ranks' tensors."""
    same(torch.stack(ranks(2, _reduce_scatter_single, op)), want)


def _recorded(rank, name):
    found = []
    for naming in (dist.record_comm(name), contextlib.nullcontext()):
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile, naming:
            dist.all_reduce(torch.ones(1))
        found.append(name in {event.name for event in profile.events()})
    return found


@fact("torch.distributed.record_comm")
@pytest.mark.slow
def test_record_comm_names_collectives_in_a_profile(ranks):
    """Inside `record_comm(name)`, and not outside, the profiler has collectives under that name."""
    assert ranks(2, _recorded, "my sum") == [[True, False]] * 2
