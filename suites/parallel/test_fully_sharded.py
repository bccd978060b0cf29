"""FSDP2: `fully_shard`; what it offloads is in test_sharding_options.py, and FSDP1 in test_fsdp_wrapper.py."""

import numpy
import pytest
import torch
from torch import nn

from torchproof import close, fact, same
from torchproof.fixtures.ranks import on_each_backend, own_device
from torchproof.suites.parallel.bodies import refused
from torchproof.suites.parallel.replica import BATCH, HALVES, WEIGHT, loss, plain, slope

pytestmark = [pytest.mark.dist, pytest.mark.timeout(180)]

ON_CPU = {"cpu": "2.7", "cuda": "2.6"}


def _shard(module, **options):
    from torch.distributed.fsdp import fully_shard

    return fully_shard(module, **options)


def _two_layers(**options):
    """A layer inside of another module, both of them sharded."""
    inner = _shard(plain(), **options)
    return _shard(nn.Sequential(inner, nn.Linear(3, 1, dtype=torch.float64, device=own_device())))


def _tensor(values, dtype=torch.float64):
    return torch.tensor(values, dtype=dtype, device=own_device())


# --- what each rank keeps ---------------------------------------------------------------------------------------------


def _own_rows(rank, rows):
    weight = _shard(plain(rows)).weight
    return tuple(weight.shape), weight.to_local().detach().cpu()


@fact("torch.distributed.fsdp.fully_shard")
@on_each_backend
@pytest.mark.parametrize("rows", [1, 2, 3])
def test_each_rank_keeps_its_chunk_of_the_rows(ranks, backend, rows):
    """`fully_shard` cuts the rows of a parameter as `torch.chunk` does: the last rank may have less, or none."""
    (shape, first), (_, second) = ranks(2, _own_rows, rows, backend=backend)
    most = -(-rows // 2)
    assert shape == (rows, 2)
    same(first, WEIGHT[:most])
    same(second, WEIGHT[most:rows])


def _kinds(rank):
    layer = plain()
    same_object = _shard(layer)
    from torch.distributed.fsdp import FSDPModule
    from torch.distributed.tensor import DTensor

    return (
        same_object is layer,
        isinstance(layer, FSDPModule) and isinstance(layer, nn.Linear),
        type(layer).__name__,
        isinstance(layer.weight, DTensor),
        [(name, isinstance(value, DTensor)) for name, value in layer.state_dict().items()],
    )


@fact("torch.distributed.fsdp.fully_shard", myth="fully_shard wraps the module in another one")
@on_each_backend
def test_makes_the_module_an_fsdp_module_in_place(ranks, backend):
    """`fully_shard` changes the module itself: its class becomes `FSDPLinear`, an FSDPModule that is still a Linear."""
    assert [kinds[1:3] for kinds in ranks(2, _kinds, backend=backend)] == [(True, "FSDPLinear")] * 2


@fact("torch.distributed.fsdp.fully_shard", myth="fully_shard returns a wrapper around the module")
@on_each_backend
def test_returns_the_module_itself(ranks, backend):
    """`fully_shard` returns the module that it was given, and no wrapper around it."""
    assert [kinds[0] for kinds in ranks(2, _kinds, backend=backend)] == [True, True]


@fact("torch.distributed.fsdp.fully_shard")
@on_each_backend
def test_makes_the_parameters_dtensors(ranks, backend):
    """`fully_shard` makes the parameters of the module DTensors."""
    assert [kinds[3] for kinds in ranks(2, _kinds, backend=backend)] == [True, True]


@fact("torch.distributed.fsdp.fully_shard", myth="the names of a sharded model's state_dict have a prefix")
@on_each_backend
def test_keeps_the_names_of_the_state_dict(ranks, backend):
    """After `fully_shard` the DTensors of `state_dict` have the plain module's names, without the prefix of DDP."""
    assert [kinds[4] for kinds in ranks(2, _kinds, backend=backend)] == [[("weight", True)]] * 2


def _columns(rank):
    from torch.distributed.tensor import Shard

    layer = _shard(plain(2), shard_placement_fn=lambda parameter: Shard(1))
    return layer.weight.to_local().detach().cpu()


@fact("torch.distributed.fsdp.fully_shard")
@on_each_backend
def test_shard_placement_fn_says_which_dimension_is_cut(ranks, backend):
    """`fully_shard` with a `shard_placement_fn` that returns `Shard(1)` leaves each rank its columns."""
    first, second = ranks(2, _columns, backend=backend)
    same(first, WEIGHT[:2, :1])
    same(second, WEIGHT[:2, 1:])


def _hybrid(rank):
    from torch.distributed.device_mesh import init_device_mesh

    mesh = init_device_mesh(own_device().type, (2, 2), mesh_dim_names=("replicate", "shard"))
    return _shard(plain(2), mesh=mesh).weight.to_local().tolist()


@fact("torch.distributed.fsdp.fully_shard")
@pytest.mark.slow
def test_mesh_of_two_dimensions_replicates_the_shards(ranks):
    """`fully_shard` with a mesh of two dimensions shards over the second, and repeats that over the first (HSDP)."""
    assert ranks(4, _hybrid) == [[[1.0, 2.0]], [[3.0, 4.0]]] * 2


def _container(rank):
    with pytest.raises(ValueError) as refusal:
        _shard(nn.ModuleList([plain()]))
    return str(refusal.value)


@fact("torch.distributed.fsdp.fully_shard", hint="shard the modules that it holds")
def test_refuses_a_module_list(ranks):
    """`fully_shard` refuses a ModuleList: "does not support containers that do not implement forward"."""
    (told,) = ranks(1, _container)
    assert "does not support containers that do not implement forward" in told


# --- training ---------------------------------------------------------------------------------------------------------


def _outputs(rank, shards):
    layer = _shard(plain())
    return len(layer.weight.to_local()), layer(_tensor(shards[rank])).detach().cpu()


@fact("torch.distributed.fsdp.fully_shard", since=ON_CPU, calls="any", gain=True)
@on_each_backend
def test_gives_the_outputs_of_the_plain_module(ranks, backend):
    """A module of which `fully_shard` leaves each rank some rows gives, for its own batch, what the plain one gives."""
    got = ranks(2, _outputs, HALVES, backend=backend)
    assert [rows for rows, _ in got] == [2, 1]
    same(torch.cat([output for _, output in got]), numpy.array(BATCH) @ WEIGHT.T)


def _gradient(rank, shards, dtype=torch.float64):
    layer = _shard(plain(dtype=dtype))
    loss(layer, shards[rank], dtype=dtype).backward()
    return tuple(layer.weight.grad.to_local().shape), layer.weight.grad.full_tensor().cpu()


@fact("torch.distributed.fsdp.fully_shard", since=ON_CPU, calls="any", gain=True)
@on_each_backend
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
def test_gives_the_gradient_of_the_whole_batch(ranks, backend, dtype):
    """With `fully_shard` and shards of one size, the gradient is that of the mean loss on the whole batch, as DDP's."""
    got = ranks(2, _gradient, HALVES, dtype, backend=backend)
    for _, gradient in got:
        close(gradient, slope(BATCH, WEIGHT), roundings=8)
    assert len(got) == 2


@fact("torch.distributed.fsdp.fully_shard", since=ON_CPU, calls="any", gain=True)
@on_each_backend
def test_each_rank_keeps_its_rows_of_the_gradient(ranks, backend):
    """After backward with `fully_shard`, a rank holds the gradient of its own rows alone."""
    assert [shape for shape, _ in ranks(2, _gradient, HALVES, backend=backend)] == [(2, 2), (1, 2)]


def _finalized(rank, shards):
    """What a second finalization is told before the first was waited for, and the gradient behind that."""
    layer = _shard(plain())
    layer.set_manual_backward_finalization(True)
    loss(layer, shards[rank]).backward()
    handle = layer.finalize_backward(async_op=True)
    told = refused(layer.finalize_backward)
    handle.wait()
    layer.finalize_backward()
    return told, layer.weight.grad.full_tensor().cpu()


@fact("torch.distributed.fsdp.GradientReductionHandle", "torch.distributed.fsdp.FSDPModule.finalize_backward")
@on_each_backend
def test_gradient_reduction_is_waited_for_before_the_next(ranks, backend):
    """A GradientReductionHandle of `finalize_backward(async_op=True)` "must be waited on" before the next one."""
    assert all("must be waited on" in told for told, _ in ranks(2, _finalized, HALVES, backend=backend))


@fact("torch.distributed.fsdp.GradientReductionHandle", "torch.distributed.fsdp.FSDPModule.finalize_backward")
@on_each_backend
def test_gradient_reduction_is_done_after_wait(ranks, backend):
    """After `wait()` of `FSDPModule.finalize_backward(async_op=True)`, the gradients are those of the whole batch."""
    for _, gradient in (got := ranks(2, _finalized, HALVES, backend=backend)):
        close(gradient, slope(BATCH, WEIGHT), roundings=8)
    assert len(got) == 2


def _step(rank, shards, early):
    layer = plain()
    optimizers = [torch.optim.SGD(layer.parameters(), lr=0.01)] if early else []
    _shard(layer)
    optimizer = optimizers[0] if early else torch.optim.SGD(layer.parameters(), lr=0.01)
    loss(layer, shards[rank]).backward()
    optimizer.step()
    return layer.weight.full_tensor().detach().cpu()


@fact("torch.distributed.fsdp.fully_shard", since=ON_CPU, calls="any", gain=True)
@on_each_backend
def test_step_is_that_of_the_plain_module(ranks, backend):
    """A step of SGD on shards of `fully_shard` gives the weights that the plain module has after the whole batch."""
    got = ranks(2, _step, HALVES, False, backend=backend)
    for weight in got:
        close(weight, WEIGHT - 0.01 * slope(BATCH, WEIGHT), roundings=8)
    assert len(got) == 2


@fact(
    "torch.distributed.fsdp.fully_shard",
    since=ON_CPU,
    calls="any",
    myth="an optimizer made before fully_shard trains the sharded model",
    hint="make the optimizer after fully_shard",
)
@on_each_backend
def test_optimizer_made_before_trains_nothing(ranks, backend):
    """An optimizer made before wrapping in `fully_shard` (FSDP2) trains nothing: the sharded parameters stay."""
    same(torch.stack(ranks(2, _step, HALVES, True, backend=backend)), numpy.stack([WEIGHT, WEIGHT]))


def _made_behind_a_forward(rank, shards, reshards):
    layer = _shard(plain())
    value = loss(layer, shards[rank])
    if reshards:
        layer.reshard()
        optimizer = torch.optim.SGD(layer.parameters(), lr=0.01)
        value = loss(layer, shards[rank])
    else:
        optimizer = torch.optim.SGD(layer.parameters(), lr=0.01)
    value.backward()
    optimizer.step()
    layer.reshard()
    return layer.weight.full_tensor().detach().cpu()


@fact(
    "torch.distributed.fsdp.fully_shard",
    since=ON_CPU,
    calls="any",
    myth="any optimizer made after fully_shard trains the sharded model",
    hint="make the optimizer before the first forward, or call reshard() on the module before",
)
@on_each_backend
def test_optimizer_made_between_forward_and_backward_trains_nothing(ranks, backend):
    """An optimizer made between forward and backward of a root of `fully_shard` silently trains nothing."""
    same(torch.stack(ranks(2, _made_behind_a_forward, HALVES, False, backend=backend)), numpy.stack([WEIGHT, WEIGHT]))


@fact("torch.distributed.fsdp.FSDPModule.reshard", since=ON_CPU, calls="any", gain=True)
@on_each_backend
def test_optimizer_made_behind_reshard_trains(ranks, backend):
    """An optimizer that is made after a forward and `FSDPModule.reshard` trains the sharded parameters."""
    for weight in (got := ranks(2, _made_behind_a_forward, HALVES, True, backend=backend)):
        close(weight, WEIGHT - 0.01 * slope(BATCH, WEIGHT), roundings=8)
    assert len(got) == 2


def _accumulate(rank, shards):
    layer = _shard(plain())
    layer.set_requires_gradient_sync(False)
    loss(layer, shards[rank]).backward()
    local = layer.weight.grad
    layer.set_requires_gradient_sync(True)
    loss(layer, shards[rank]).backward()
    return local is None, layer.weight.grad.full_tensor().cpu()


@fact("torch.distributed.fsdp.FSDPModule.set_requires_gradient_sync", since=ON_CPU, calls="any", gain=True)
@on_each_backend
def test_without_gradient_sync_accumulates(ranks, backend):
    """After `set_requires_gradient_sync(False)`, a backward's gradients wait for the next one that synchronises."""
    got = ranks(2, _accumulate, HALVES, backend=backend)
    assert [waits for waits, _ in got] == [True, True]
    for _, gradient in got:
        close(gradient, 2 * slope(BATCH, WEIGHT), roundings=8)


def _norm(rank, shards):
    layer = _shard(plain())
    loss(layer, shards[rank]).backward()
    return nn.utils.clip_grad_norm_(layer.parameters(), 1.0).full_tensor().cpu()


@fact("torch.nn.utils.clip_grad_norm_", since={"cpu": "2.7", "cuda": "2.5"}, calls="any", gain=True)
@on_each_backend
def test_clip_grad_norm_counts_all_shards(ranks, backend):
    """`clip_grad_norm_` counts all ranks' shards of a gradient, and `full_tensor()` of its result is the whole norm."""
    got = ranks(2, _norm, HALVES, backend=backend)
    for norm in got:
        close(norm, numpy.linalg.norm(slope(BATCH, WEIGHT)), roundings=16)
    assert len(got) == 2


# --- whole and sharded ------------------------------------------------------------------------------------------------


def _unshard(rank):
    from torch.distributed.tensor import DTensor

    layer = _shard(plain())
    layer.unshard()
    whole = layer.weight
    whole, is_dtensor = whole.detach().cpu().clone(), isinstance(whole, DTensor)
    layer.reshard()
    return whole, is_dtensor, isinstance(layer.weight, DTensor)


@fact("torch.distributed.fsdp.FSDPModule.unshard", since=ON_CPU, calls="any", gain=True)
@on_each_backend
def test_unshard_makes_the_parameters_whole(ranks, backend):
    """`FSDPModule.unshard` makes the parameters plain tensors, whole on every rank."""
    got = ranks(2, _unshard, backend=backend)
    same(torch.stack([whole for whole, *_ in got]), numpy.stack([WEIGHT, WEIGHT]))
    assert [is_dtensor for _, is_dtensor, _ in got] == [False, False]


@fact("torch.distributed.fsdp.FSDPModule.reshard", since=ON_CPU, calls="any", gain=True)
@on_each_backend
def test_reshard_makes_the_parameters_shards(ranks, backend):
    """`FSDPModule.reshard` makes unsharded parameters DTensors again."""
    assert [is_dtensor for *_, is_dtensor in ranks(2, _unshard, backend=backend)] == [True, True]


def _after_forward(rank, options):
    from torch.distributed.tensor import DTensor

    model = _two_layers(**options)
    before = isinstance(model[1].weight, DTensor)
    model(_tensor(BATCH))
    return isinstance(model[0].weight, DTensor), (before, isinstance(model[1].weight, DTensor))


@fact("torch.distributed.fsdp.fully_shard", since=ON_CPU, calls="any", gain=True)
@on_each_backend
def test_frees_the_whole_parameters_after_forward(ranks, backend):
    """By default the parameters of an inner module of `fully_shard` are shards again after its forward."""
    assert [inner for inner, _ in ranks(2, _after_forward, {}, backend=backend)] == [True, True]


@fact("torch.distributed.fsdp.fully_shard", since=ON_CPU, calls="any", gain=True)
@on_each_backend
def test_reshard_after_forward_false_keeps_the_whole_parameters(ranks, backend):
    """`fully_shard` with `reshard_after_forward=False` leaves an inner module's parameters whole after its forward."""
    got = ranks(2, _after_forward, {"reshard_after_forward": False}, backend=backend)
    assert [inner for inner, _ in got] == [False, False]


@fact("torch.distributed.fsdp.fully_shard", since=ON_CPU, calls="any", gain=True)
@on_each_backend
def test_root_keeps_the_whole_parameters_after_forward(ranks, backend):
    """By default the root module of `fully_shard` keeps its parameters whole after its forward."""
    assert [root for _, root in ranks(2, _after_forward, {}, backend=backend)] == [(True, False)] * 2


# --- mixed precision --------------------------------------------------------------------------------------------------


def _precision(rank, options):
    from torch.distributed.fsdp import MixedPrecisionPolicy

    layer = _shard(plain(dtype=torch.float32), mp_policy=MixedPrecisionPolicy(**options))
    inside = []
    layer.register_forward_hook(lambda module, given, output: inside.append((given[0].dtype, module.weight.dtype)))
    output = layer(_tensor(BATCH, torch.float32))
    output.float().sum().backward()
    layer.reshard()
    return inside[0][1], output.dtype, layer.weight.dtype, layer.weight.grad.dtype


@fact("torch.distributed.fsdp.MixedPrecisionPolicy", since=ON_CPU, calls="any", gain=True)
@on_each_backend
def test_param_dtype_is_that_of_the_computation(ranks, backend):
    """With `MixedPrecisionPolicy(param_dtype=torch.bfloat16)` forward sees and returns bfloat16."""
    got = ranks(2, _precision, {"param_dtype": torch.bfloat16}, backend=backend)
    assert [dtypes[:2] for dtypes in got] == [(torch.bfloat16, torch.bfloat16)] * 2


@fact("torch.distributed.fsdp.MixedPrecisionPolicy", since=ON_CPU, calls="any", gain=True)
@on_each_backend
def test_param_dtype_leaves_the_shards_as_they_are(ranks, backend):
    """`MixedPrecisionPolicy(param_dtype=torch.bfloat16)` leaves the shards and their gradients in float32."""
    got = ranks(2, _precision, {"param_dtype": torch.bfloat16}, backend=backend)
    assert [dtypes[1:] for dtypes in got] == [(torch.bfloat16, torch.float32, torch.float32)] * 2


@fact("torch.distributed.fsdp.MixedPrecisionPolicy", since=ON_CPU, calls="any", gain=True)
@on_each_backend
def test_output_dtype_is_that_of_the_outputs(ranks, backend):
    """`MixedPrecisionPolicy(output_dtype=torch.float32)` casts what forward returns to float32."""
    options = {"param_dtype": torch.bfloat16, "output_dtype": torch.float32}
    assert [dtypes[1] for dtypes in ranks(2, _precision, options, backend=backend)] == [torch.float32] * 2
