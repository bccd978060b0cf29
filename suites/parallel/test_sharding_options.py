"""What `fully_shard` offloads and waits for, and DTensors made or counted; their shards are in `test_fully_sharded`."""

import numpy
import pytest
import torch
from torch import nn

from torchproof import close, fact, same
from torchproof.fixtures.ranks import own_device
from torchproof.fixtures.ranks.backends import backend_of

pytestmark = [pytest.mark.dist, pytest.mark.timeout(180)]

FSDP = "torch.distributed.fsdp"
TENSOR = "torch.distributed.tensor"
WEIGHT = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]


class _Shifted(nn.Module):
    """A layer with a method beside `forward`."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(WEIGHT, device=own_device()))

    def forward(self, x):
        return x @ self.weight.T

    def generate(self):
        return tuple(self.weight.shape), type(self.weight).__name__


# --- fully_shard ------------------------------------------------------------------------------------------------------


def _method(rank, registers):
    from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method

    model = fully_shard(_Shifted())
    if registers:
        register_fsdp_forward_method(model, "generate")
    return model.generate()[1]


@fact(f"{FSDP}.register_fsdp_forward_method", since={"cpu": "2.7", "cuda": "2.6"}, calls="any", gain=True)
@pytest.mark.cpu
def test_register_fsdp_forward_method_unshards_for_another_method(ranks):
    """After `register_fsdp_forward_method` another method of the module than `forward` sees whole parameters too."""
    assert ranks(2, _method, True) == ["Parameter"] * 2


@fact(
    f"{FSDP}.fully_shard",
    myth="every method of an FSDP module sees whole parameters",
    hint='register_fsdp_forward_method(model, "generate")',
)
@pytest.mark.cpu
def test_other_methods_than_forward_see_shards(ranks):
    """A method of a module of `fully_shard` that is not `forward`, as `generate`, sees shards: DTensors."""
    assert ranks(2, _method, False) == ["DTensor"] * 2


def _waited(rank):
    from torch.distributed.fsdp import UnshardHandle, fully_shard

    model = fully_shard(_Shifted())
    handle = model.unshard(async_op=True)
    assert isinstance(handle, UnshardHandle)
    handle.wait()
    return model.weight.detach().cpu()


@fact(f"{FSDP}.UnshardHandle", f"{FSDP}.FSDPModule.unshard", since={"cpu": "2.7"}, calls="any", gain=True)
@pytest.mark.cpu
def test_unshard_handle_waits_for_whole_parameters(ranks):
    """After `wait()` of the `UnshardHandle` of `FSDPModule.unshard(async_op=True)`, the parameters are whole."""
    same(torch.stack(ranks(2, _waited)), [WEIGHT, WEIGHT])


def _offloaded(rank, policy):
    import torch.distributed.fsdp

    model = torch.distributed.fsdp.fully_shard(_Shifted(), offload_policy=getattr(torch.distributed.fsdp, policy)())
    return model.weight.to_local().device.type


@fact(f"{FSDP}.CPUOffloadPolicy")
def test_cpu_offload_policy_keeps_shards_on_the_cpu(ranks, devices):
    """With `CPUOffloadPolicy` the shards of `fully_shard` are on the CPU."""
    backend = backend_of(torch.device(devices[0]).type)
    assert ranks(2, _offloaded, "CPUOffloadPolicy", backend=backend) == ["cpu"] * 2


@fact(f"{FSDP}.OffloadPolicy")
def test_offload_policy_keeps_shards_on_their_device(ranks, devices):
    """With `OffloadPolicy`, which offloads nothing, the shards of `fully_shard` stay on their device."""
    kind = torch.device(devices[0]).type
    assert ranks(2, _offloaded, "OffloadPolicy", backend=backend_of(kind)) == [kind] * 2


def _flat(rank):
    from torch.distributed.fsdp import FlatParameter, FullyShardedDataParallel

    (weight,) = FullyShardedDataParallel(_Shifted(), device_id=own_device()).parameters()
    return isinstance(weight, FlatParameter), isinstance(weight, nn.Parameter), weight.numel()


@fact(f"{FSDP}.FlatParameter", f"{FSDP}.FullyShardedDataParallel", since={"cpu": "2.1"}, calls="any", gain=True)
@pytest.mark.cpu
def test_flat_parameter_is_a_parameter(ranks):
    """Over two ranks, `FullyShardedDataParallel` has a `FlatParameter`, an `nn.Parameter` of half of the elements."""
    assert ranks(2, _flat) == [(True, True, 3)] * 2


@fact(f"{FSDP}.DataParallelMeshDims")
@pytest.mark.cpu
def test_data_parallel_mesh_dims_are_names():
    """`DataParallelMeshDims` gives `shard_names` and `replicate_names` as tuples, of several names or of one."""
    from torch.distributed.fsdp import DataParallelMeshDims

    dims = DataParallelMeshDims(shard=("dp", "cp"), replicate="pods")
    assert (dims.shard_names, dims.replicate_names) == (("dp", "cp"), ("pods",))


@fact(f"{FSDP}.DataParallelMeshDims")
@pytest.mark.cpu
def test_data_parallel_mesh_dims_are_at_least_one():
    """`DataParallelMeshDims` without names is refused: "At least one of shard or replicate must be set"."""
    from torch.distributed.fsdp import DataParallelMeshDims

    with pytest.raises(ValueError, match="At least one of shard or replicate must be set"):
        DataParallelMeshDims()


# --- DTensors that are made -------------------------------------------------------------------------------------------


def _mesh():
    from torch.distributed.device_mesh import init_device_mesh

    return init_device_mesh(own_device().type, (torch.distributed.get_world_size(),))


def _made(rank, name, args):
    import torch.distributed.tensor as tensor

    x = getattr(tensor, name)(*args, device_mesh=_mesh(), placements=[tensor.Shard(0)])
    return tuple(x.shape), tuple(x.to_local().shape), x.to_local(), x.full_tensor()


@fact(f"{TENSOR}.empty")
@pytest.mark.cpu
def test_empty_makes_only_the_part(ranks):
    """`torch.distributed.tensor.empty` by `Shard(0)` gives each rank room for its part of the size, of float32."""
    got = ranks(2, _made, "empty", ((4, 2),))
    assert [(shape, part, local.dtype) for shape, part, local, _ in got] == [((4, 2), (2, 2), torch.float32)] * 2


@fact(f"{TENSOR}.linspace", f"{TENSOR}.logspace")
@pytest.mark.cpu
@pytest.mark.parametrize(("name", "want"), [("linspace", [0, 1, 2, 3]), ("logspace", [1, 10, 100, 1000])], ids=str)
def test_spaced_values_are_those_of_the_whole(ranks, name, want):
    """`torch.distributed.tensor.linspace` and `logspace`, sharded, space float32 values over the parts of all ranks."""
    (_, part, first, whole), (_, _, second, _) = ranks(2, _made, name, (0, 3, 4))
    assert (part, first.dtype) == ((2,), torch.float32)
    close(torch.cat([first, second]), numpy.array(want, dtype="float32"), roundings=8)
    same(whole, torch.cat([first, second]))


def _counted(rank):
    from torch.distributed.tensor import Replicate, Shard, distribute_tensor
    from torch.distributed.tensor.debug import CommDebugMode

    x = distribute_tensor(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), _mesh(), [Shard(0)])
    adding, gathering = CommDebugMode(), CommDebugMode()
    with adding:
        x + x
    with gathering:
        x.redistribute(placements=[Replicate()]).to_local()
    counts = adding.get_total_counts(), gathering.get_total_counts()
    return *counts, [str(each) for each in gathering.get_comm_counts()]


def counts_nothing(patch):
    """A CommDebugMode that sees no collective."""
    from torch.distributed.tensor.debug import CommDebugMode

    patch.setattr(CommDebugMode, "get_total_counts", lambda mode: 0)


def counts_by_no_name(patch):
    """A CommDebugMode that knows no names."""
    from torch.distributed.tensor.debug import CommDebugMode

    patch.setattr(CommDebugMode, "get_comm_counts", lambda mode: {"a collective": 1})


@fact(f"{TENSOR}.debug.CommDebugMode", refuter=counts_nothing)
@pytest.mark.cpu
def test_comm_debug_mode_counts_collectives(ranks):
    """`CommDebugMode` counts the collectives inside of its block: none for a sum of shards, one to make them whole."""
    assert [counts for *counts, _ in ranks(2, _counted)] == [[0, 1], [0, 1]]


@fact(f"{TENSOR}.debug.CommDebugMode", refuter=counts_by_no_name)
@pytest.mark.cpu
def test_comm_debug_mode_names_collectives(ranks):
    """`CommDebugMode.get_comm_counts` has the collective of `Shard(0)` to `Replicate()` by its name, `all_gather`."""
    assert all("all_gather" in name for *_, (name,) in ranks(2, _counted))
