"""FSDP1: the wrapper FullyShardedDataParallel; FSDP2, `fully_shard`, is in test_fully_sharded.py."""

import numpy
import pytest
import torch
from torch import nn

from torchproof import close, fact, same
from torchproof.fixtures.ranks import on_each_backend, own_device
from torchproof.fixtures.ranks.backends import backend_of
from torchproof.suites.parallel.replica import BATCH, HALVES, WEIGHT, loss, plain, slope

pytestmark = [pytest.mark.dist, pytest.mark.timeout(180)]

FSDP = "torch.distributed.fsdp.FullyShardedDataParallel"
ON_CPU = {"cpu": "2.2", "cuda": "2.0"}  # what computes
KEPT_ON_CPU = {"cpu": "2.1", "cuda": "2.0"}


def _fsdp():
    import torch.distributed.fsdp

    return torch.distributed.fsdp


def _wrap(dtype=torch.float64, **options):
    return _fsdp().FullyShardedDataParallel(plain(dtype=dtype), device_id=own_device(), **options)


def _wrap_layers(**options):
    """A layer of three weights by two, and one of three weights, wrapped as told."""
    layers = nn.Sequential(plain(), nn.Linear(3, 1, bias=False, dtype=torch.float64, device=own_device()))
    return _fsdp().FullyShardedDataParallel(layers, device_id=own_device(), **options)


def _flat_weights(model):
    return torch.cat([weight.detach().reshape(-1) for weight in model.parameters()]).cpu()


def _whole_weights(model):
    with _fsdp().FullyShardedDataParallel.summon_full_params(model):
        return model.weight.detach().cpu().clone()


# --- what each rank keeps ---------------------------------------------------------------------------------------------


def _flat(rank):
    model = _wrap()
    ((name, _),) = model.named_parameters()
    return name.split(".")[-1].strip("_"), _flat_weights(model)


@fact(FSDP, f"{FSDP}.named_parameters", since=KEPT_ON_CPU, calls="any", gain=True)
@on_each_backend
def test_cuts_one_flat_parameter(ranks, backend):
    """`FullyShardedDataParallel` flattens a module's parameters into one, of which each of two ranks has one half."""
    same(torch.stack([weight for _, weight in ranks(2, _flat, backend=backend)]), WEIGHT.reshape(2, 3))


@fact(FSDP, f"{FSDP}.named_parameters", since=KEPT_ON_CPU, calls="any", gain=True)
@on_each_backend
def test_names_the_flat_parameter(ranks, backend):
    """The one parameter of a module in FullyShardedDataParallel is called `flat_param`, behind underscores."""
    assert [name for name, _ in ranks(2, _flat, backend=backend)] == ["flat_param", "flat_param"]


def _original_names(rank):
    return [name.replace("_fsdp_wrapped_module.", "") for name, _ in _wrap(use_orig_params=True).named_parameters()]


@fact(FSDP, since=KEPT_ON_CPU, calls="any", gain=True)
@on_each_backend
def test_use_orig_params_keeps_the_parameters_names(ranks, backend):
    """FullyShardedDataParallel with `use_orig_params=True` has the module's own parameters, not one flat one."""
    assert ranks(2, _original_names, backend=backend) == [["weight"], ["weight"]]


def _kept(rank, strategy):
    strategies = _fsdp().ShardingStrategy
    return _flat_weights(_wrap(sharding_strategy=getattr(strategies, strategy))).numel()


@fact(FSDP, "torch.distributed.fsdp.ShardingStrategy", since=KEPT_ON_CPU, calls="any", gain=True)
@on_each_backend
@pytest.mark.parametrize(("strategy", "kept"), [("FULL_SHARD", 3), ("SHARD_GRAD_OP", 3), ("NO_SHARD", 6)])
def test_strategy_says_what_a_rank_keeps(ranks, backend, strategy, kept):
    """With `ShardingStrategy.NO_SHARD` a rank of two keeps all weights, with `FULL_SHARD` or `SHARD_GRAD_OP` half."""
    assert ranks(2, _kept, strategy, backend=backend) == [kept, kept]


def _ignored(rank):
    layers = nn.Sequential(plain(), plain())
    model = _fsdp().FullyShardedDataParallel(layers, ignored_modules=[layers[1]], device_id=own_device())
    return [tuple(weight.shape) for weight in model.parameters()]


@fact(FSDP, since=KEPT_ON_CPU, calls="any", gain=True)
@on_each_backend
def test_ignored_modules_are_not_sharded(ranks, backend):
    """FullyShardedDataParallel leaves the parameters of `ignored_modules` whole on every rank."""
    assert ranks(2, _ignored, backend=backend) == [[(3,), (3, 2)]] * 2


def _synchronized(rank):
    layer = plain()
    with torch.no_grad():
        layer.weight.mul_(rank + 1)
    return _whole_weights(_fsdp().FullyShardedDataParallel(layer, sync_module_states=True, device_id=own_device()))


@fact(FSDP)
def test_sync_module_states_takes_the_weights_of_rank_0(ranks, devices):
    """FullyShardedDataParallel with `sync_module_states=True` begins with the weights of rank 0 on every rank."""
    same(
        torch.stack(ranks(2, _synchronized, backend=backend_of(torch.device(devices[0]).type))),
        numpy.stack([WEIGHT, WEIGHT]),
    )


@torch.no_grad()
def _grow(module):
    if isinstance(module, nn.Linear):
        module.weight.add_(torch.arange(6.0, device=own_device()).reshape(3, 2))


def _apply(rank):
    return _flat_weights(_wrap().apply(_grow))


@fact(f"{FSDP}.apply", since=ON_CPU, calls="any", gain=True)
@on_each_backend
def test_apply_sees_whole_parameters(ranks, backend):
    """`apply` of FullyShardedDataParallel hands a function modules whose parameters are whole."""
    same(torch.stack(ranks(2, _apply, backend=backend)), WEIGHT.reshape(2, 3) + [[0, 1, 2], [3, 4, 5]])


# --- training ---------------------------------------------------------------------------------------------------------


def _output(rank, shards):
    return _wrap()(torch.tensor(shards[rank], dtype=torch.float64, device=own_device())).detach().cpu()


@fact(FSDP, since=ON_CPU, calls="any", gain=True)
@on_each_backend
def test_gives_the_outputs_of_the_plain_module(ranks, backend):
    """`FullyShardedDataParallel` gives each rank, for its own batch, what the plain module gives."""
    same(torch.cat(ranks(2, _output, HALVES, backend=backend)), numpy.array(BATCH) @ WEIGHT.T)


def _step(rank, shards, options):
    chosen = {
        "sharding_strategy": lambda name: getattr(_fsdp().ShardingStrategy, name),
        "use_orig_params": bool,
    }
    model = _wrap(**{name: chosen[name](value) for name, value in options.items()})
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    loss(model, shards[rank]).backward()
    optimizer.step()
    return _whole_weights(model)


OPTIONS = {
    "default": {},
    "shard grad op": {"sharding_strategy": "SHARD_GRAD_OP"},
    "no shard": {"sharding_strategy": "NO_SHARD"},
    "original": {"use_orig_params": True},
}


@fact(FSDP, f"{FSDP}.summon_full_params", since=ON_CPU, calls="any", gain=True)
@on_each_backend
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_steps_as_the_plain_module(ranks, backend, options):
    """Inside `summon_full_params`, FullyShardedDataParallel has the weights of the plain module after the same step."""
    got = ranks(2, _step, HALVES, options, backend=backend)
    for weight in got:
        close(weight, WEIGHT - 0.01 * slope(BATCH, WEIGHT), roundings=8)
    assert len(got) == 2


def _offload(rank, shards):
    model = _wrap(cpu_offload=_fsdp().CPUOffload(offload_params=True))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    loss(model, shards[rank]).backward()
    optimizer.step()
    (weight,) = model.parameters()
    return weight.device.type, weight.grad.device.type, weight.detach().clone()


@fact("torch.distributed.fsdp.CPUOffload")
def test_cpu_offload_keeps_parameters_and_gradients_on_the_cpu(ranks, devices):
    """With `CPUOffload(offload_params=True)` the flat parameter of FullyShardedDataParallel is trained on the CPU."""
    got = ranks(2, _offload, HALVES, backend=backend_of(torch.device(devices[0]).type))
    assert [places for *places, _ in got] == [["cpu", "cpu"]] * 2
    for rank, (_, _, weight) in enumerate(got):
        close(weight, (WEIGHT - 0.01 * slope(BATCH, WEIGHT)).reshape(2, 3)[rank], roundings=8)


def _accumulate(rank, shards):
    model = _wrap()
    with model.no_sync():
        loss(model, shards[rank]).backward()
    (weight,) = model.parameters()
    local = weight.grad.cpu().clone()
    loss(model, shards[rank]).backward()
    return local, weight.grad.cpu()


@fact(f"{FSDP}.no_sync", since=ON_CPU, calls="any", gain=True)
@on_each_backend
def test_no_sync_keeps_whole_gradients_of_the_own_batch(ranks, backend):
    """Inside `no_sync` each rank of FullyShardedDataParallel has the whole gradient of its own batch alone."""
    got = ranks(2, _accumulate, HALVES, backend=backend)
    for (local, _), batch in zip(got, HALVES):
        close(local.reshape(3, 2), slope(batch, WEIGHT), roundings=8)
    assert len(got) == 2


@fact(f"{FSDP}.no_sync", since=ON_CPU, calls="any", gain=True, myth="the gradients of batches inside no_sync are lost")
@on_each_backend
def test_gradients_inside_no_sync_count_in_the_next_backward(ranks, backend):
    """What FullyShardedDataParallel accumulates in `no_sync` is added to the gradient of the backward that follows."""
    got = ranks(2, _accumulate, HALVES, backend=backend)
    close(torch.cat([synced for _, synced in got]).reshape(3, 2), 2 * slope(BATCH, WEIGHT), roundings=8)
    assert len(got) == 2


def _clip(rank, shards):
    model = _wrap(torch.float32)
    loss(model, shards[rank], dtype=torch.float32).backward()
    norm = model.clip_grad_norm_(1.0)
    (weight,) = model.parameters()
    return norm.cpu(), weight.grad.cpu()


@fact(f"{FSDP}.clip_grad_norm_", since=ON_CPU, calls="any", gain=True, hint="call clip_grad_norm_ of the FSDP module")
@on_each_backend
def test_clip_grad_norm_counts_all_shards(ranks, backend):
    """`clip_grad_norm_` of FullyShardedDataParallel gives the norm over all ranks' shards."""
    got = ranks(2, _clip, HALVES, backend=backend)
    for norm, _ in got:
        close(norm, numpy.linalg.norm(slope(BATCH, WEIGHT)), roundings=16)
    assert len(got) == 2


@fact(f"{FSDP}.clip_grad_norm_", since=ON_CPU, calls="any", gain=True)
@on_each_backend
def test_clip_grad_norm_scales_all_shards_alike(ranks, backend):
    """`clip_grad_norm_(1.0)` of FullyShardedDataParallel scales the ranks' shards: together they have the norm 1."""
    got = torch.cat([shard for _, shard in ranks(2, _clip, HALVES, backend=backend)])
    close(got.reshape(3, 2), slope(BATCH, WEIGHT) / numpy.linalg.norm(slope(BATCH, WEIGHT)), roundings=32)


def _count(state, gradient, output):
    state.append(gradient.numel())
    output.copy_(gradient.chunk(2)[torch.distributed.get_rank()])


def _own_hook(rank, shards):
    model, seen = _wrap(), []
    model.register_comm_hook(seen, _count)
    loss(model, shards[rank]).backward()
    (weight,) = model.parameters()
    return seen, weight.grad.cpu()


@fact(f"{FSDP}.register_comm_hook", since=ON_CPU, calls="any", gain=True)
@on_each_backend
def test_comm_hook_takes_the_place_of_the_reduction(ranks, backend):
    """A communication hook of `FullyShardedDataParallel` is given the flat gradient, and fills this rank's shard."""
    got = ranks(2, _own_hook, HALVES, backend=backend)
    assert [seen for seen, _ in got] == [[6], [6]]
    for rank, (_, gradient) in enumerate(got):
        close(gradient, slope(HALVES[rank], WEIGHT).reshape(2, 3)[rank], roundings=8)


# --- mixed precision --------------------------------------------------------------------------------------------------


def _precision(rank, options):
    model, inside = _wrap(torch.float32, mixed_precision=_fsdp().MixedPrecision(**options)), []
    model.module.register_forward_hook(lambda module, given, _: inside.append((given[0].dtype, module.weight.dtype)))
    output = model(torch.tensor(BATCH, device=own_device()))
    (output.sum() * 70000).backward()
    (weight,) = model.parameters()
    return inside, output.dtype, (weight.dtype, weight.grad.dtype), bool(weight.grad.isinf().all())


BFLOAT16 = {"param_dtype": torch.bfloat16}


@fact("torch.distributed.fsdp.MixedPrecision", since=ON_CPU, calls="any", gain=True)
@on_each_backend
def test_param_dtype_is_that_of_forward(ranks, backend):
    """`MixedPrecision(param_dtype=torch.bfloat16)` has inputs, parameters and outputs of forward in bfloat16."""
    got = ranks(2, _precision, BFLOAT16, backend=backend)
    assert [told[:2] for told in got] == [([(torch.bfloat16, torch.bfloat16)], torch.bfloat16)] * 2


@fact("torch.distributed.fsdp.MixedPrecision", since=ON_CPU, calls="any", gain=True)
@on_each_backend
def test_param_dtype_leaves_the_parameters_and_gradients_of_the_optimizer(ranks, backend):
    """`MixedPrecision(param_dtype=torch.bfloat16)` of FSDP leaves `parameters()`, and their `grad`, in float32."""
    got = ranks(2, _precision, BFLOAT16, backend=backend)
    assert [(output, dtypes) for _, output, dtypes, _ in got] == [(torch.bfloat16, (torch.float32, torch.float32))] * 2


@fact("torch.distributed.fsdp.MixedPrecision", since=ON_CPU, calls="any", gain=True)
@on_each_backend
def test_keep_low_precision_grads(ranks, backend):
    """`MixedPrecision(keep_low_precision_grads=True)` leaves the gradients in the dtype in which they were reduced."""
    got = ranks(2, _precision, {**BFLOAT16, "keep_low_precision_grads": True}, backend=backend)
    assert [dtypes for *_, dtypes, _ in got] == [(torch.float32, torch.bfloat16)] * 2


@fact("torch.distributed.fsdp.MixedPrecision", since=ON_CPU, calls="any", gain=True)
@on_each_backend
def test_reduce_dtype_is_that_of_the_reduction(ranks, backend):
    """With `MixedPrecision(reduce_dtype=torch.float16)` gradients above 65504 become inf while they are reduced."""
    assert [told[-1] for told in ranks(2, _precision, {"reduce_dtype": torch.float16}, backend=backend)] == [True] * 2
    assert [told[-1] for told in ranks(2, _precision, {}, backend=backend)] == [False] * 2


@fact("torch.distributed.fsdp.MixedPrecision", since=ON_CPU, calls="any", gain=True)
@on_each_backend
def test_cast_forward_inputs_of_inner_modules_is_off(ranks, backend):
    """With `MixedPrecision(cast_forward_inputs=False)` a root casts its inputs still if `cast_root_forward_inputs`."""
    options = {**BFLOAT16, "cast_forward_inputs": False, "cast_root_forward_inputs": True}
    got = ranks(2, _precision, options, backend=backend)
    assert [inside for inside, *_ in got] == [[(torch.bfloat16, torch.bfloat16)]] * 2


class _Counting(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("shift", torch.ones(3))
        self.register_buffer("steps", torch.tensor(0))

    def forward(self, x):
        return x + self.shift


def _buffer(rank):
    precision = _fsdp().MixedPrecision(buffer_dtype=torch.float16)
    module = nn.Sequential(plain(dtype=torch.float32), _Counting()).to(own_device())
    model = _fsdp().FullyShardedDataParallel(module, mixed_precision=precision, device_id=own_device())
    model(torch.ones(2, 2, device=own_device()))
    return [(name.rpartition(".")[2], buffer.dtype) for name, buffer in model.named_buffers()]


@fact("torch.distributed.fsdp.MixedPrecision", f"{FSDP}.named_buffers", since=ON_CPU, calls="any", gain=True)
@on_each_backend
def test_buffer_dtype_is_that_of_floating_buffers(ranks, backend):
    """`MixedPrecision(buffer_dtype=torch.float16)` of FSDP makes floating-point buffers float16, and no others."""
    assert ranks(2, _buffer, backend=backend) == [[("shift", torch.float16), ("steps", torch.int64)]] * 2


def _scale(rank, overflows):
    from torch.distributed.fsdp.sharded_grad_scaler import ShardedGradScaler

    scaler, model = ShardedGradScaler(own_device().type, init_scale=4.0), _wrap(torch.float32)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    value = loss(model, BATCH, dtype=torch.float32)
    scaled = scaler.scale(value)
    scaled.backward()
    (weight,) = model.parameters()
    gradient = weight.grad.cpu().clone()
    if rank == overflows:
        weight.grad[0] = float("inf")
    scaler.step(optimizer)
    scaler.update()
    return weight.detach().cpu(), scaler.get_scale(), gradient, scaled.detach() / value.detach()


SCALER = "torch.distributed.fsdp.sharded_grad_scaler.ShardedGradScaler"


@fact(SCALER, since="2.3", calls="any", gain=True, myth="each rank skips the steps in which its own shard overflows")
@on_each_backend
def test_sharded_grad_scaler_skips_on_all_ranks(ranks, backend):
    """Where one rank's gradient is inf, `ShardedGradScaler` skips the step on every rank."""
    got = ranks(2, _scale, 1, backend=backend)
    same(torch.stack([weight for weight, *_ in got]), WEIGHT.reshape(2, 3).astype("float32"))


@fact(SCALER, since="2.3", calls="any", gain=True)
@on_each_backend
def test_sharded_grad_scaler_halves_its_scale_on_all_ranks(ranks, backend):
    """Where one rank's gradient is inf, `update` of `ShardedGradScaler` halves the scale of every rank."""
    assert [scale for _, scale, *_ in ranks(2, _scale, 1, backend=backend)] == [2.0, 2.0]


@fact(SCALER, since="2.3", calls="any", gain=True)
@on_each_backend
def test_sharded_grad_scaler_steps_with_unscaled_gradients(ranks, backend):
    """`ShardedGradScaler.step` takes the scale off the gradients before the optimizer steps."""
    weights = torch.cat([weight for weight, *_ in ranks(2, _scale, None, backend=backend)])
    close(weights.view(3, 2), WEIGHT - slope(BATCH, WEIGHT), roundings=32)


@fact(SCALER, since="2.3", calls="any", gain=True)
@on_each_backend
def test_sharded_grad_scaler_multiplies_the_loss(ranks, backend):
    """`ShardedGradScaler.scale` multiplies the loss by the scale, and so its gradients are multiplied."""
    got = ranks(2, _scale, None, backend=backend)
    same(torch.stack([factor.cpu() for *_, factor in got]), [4.0, 4.0])
    gradients = torch.cat([gradient for _, _, gradient, _ in got])
    close(gradients.view(3, 2), 4 * slope(BATCH, WEIGHT), roundings=8)


# --- what is wrapped --------------------------------------------------------------------------------------------------


def _wrapped(rank, policy):
    from torch.distributed.fsdp import wrap

    policies = {
        "none": lambda: None,
        "always": lambda: wrap.always_wrap_policy,
        "classes": lambda: wrap.ModuleWrapPolicy({nn.Linear}),
        "transformer": lambda: _partial(wrap.transformer_auto_wrap_policy, transformer_layer_cls={nn.Linear}),
        "size": lambda: _partial(wrap.size_based_auto_wrap_policy, min_num_params=6),
        "lambda": lambda: _partial(wrap.lambda_auto_wrap_policy, lambda_fn=lambda module: isinstance(module, nn.Tanh)),
        "custom": lambda: wrap.CustomPolicy(lambda module: getattr(module, "out_features", 0) == 1),
    }
    layers = nn.Sequential(nn.Linear(2, 3, bias=False), nn.Tanh(), nn.Linear(3, 1, bias=False)).to(own_device())
    fsdp = _fsdp().FullyShardedDataParallel
    model = fsdp(layers, auto_wrap_policy=policies[policy](), device_id=own_device())
    return [type(each.module).__name__ for each in fsdp.fsdp_modules(model)]


def _partial(policy, **options):
    import functools

    return functools.partial(policy, **options)


WRAP = "torch.distributed.fsdp.wrap"


@fact(FSDP, f"{FSDP}.fsdp_modules", f"{FSDP}.module", since=KEPT_ON_CPU, calls="any", gain=True)
@on_each_backend
def test_wraps_only_the_root_by_default(ranks, backend):
    """Without `auto_wrap_policy` FullyShardedDataParallel wraps the module that it is given as one, and none inside."""
    assert ranks(2, _wrapped, "none", backend=backend) == [["Sequential"]] * 2


def matches_no_class(patch):
    """Policies of classes find no module of theirs."""
    from torch.distributed.fsdp import wrap

    patch.setattr(wrap.ModuleWrapPolicy, "__init__", lambda policy, classes: setattr(policy, "_module_classes", ()))
    patch.setattr(wrap, "transformer_auto_wrap_policy", lambda module, recurse, **others: recurse)


POLICIES = (f"{WRAP}.ModuleWrapPolicy", f"{WRAP}.transformer_auto_wrap_policy")


@fact(*POLICIES, since=KEPT_ON_CPU, calls="any", gain=True, refuter=matches_no_class)
@on_each_backend
@pytest.mark.parametrize("policy", ["classes", "transformer"])
def test_module_wrap_policy_wraps_each_module_of_its_classes(ranks, backend, policy):
    """ModuleWrapPolicy and `transformer_auto_wrap_policy` wrap each module of their classes, beside the root."""
    assert ranks(2, _wrapped, policy, backend=backend) == [["Sequential", "Linear", "Linear"]] * 2


@fact(f"{WRAP}.always_wrap_policy", since=KEPT_ON_CPU, calls="any", gain=True)
@on_each_backend
def test_always_wrap_policy_wraps_every_module(ranks, backend):
    """`always_wrap_policy` wraps every module inside of what FullyShardedDataParallel is given."""
    assert ranks(2, _wrapped, "always", backend=backend) == [["Sequential", "Linear", "Tanh", "Linear"]] * 2


@fact(f"{WRAP}.size_based_auto_wrap_policy", since=KEPT_ON_CPU, calls="any", gain=True)
@on_each_backend
def test_size_based_auto_wrap_policy_wraps_what_has_as_many_parameters(ranks, backend):
    """`size_based_auto_wrap_policy` wraps a layer that has `min_num_params` parameters, and not one that has fewer."""
    assert ranks(2, _wrapped, "size", backend=backend) == [["Sequential", "Linear"]] * 2


@fact(f"{WRAP}.lambda_auto_wrap_policy", since=KEPT_ON_CPU, calls="any", gain=True)
@on_each_backend
def test_lambda_auto_wrap_policy_asks_its_function(ranks, backend):
    """`lambda_auto_wrap_policy` wraps the modules of which its function is true."""
    assert ranks(2, _wrapped, "lambda", backend=backend) == [["Sequential", "Tanh"]] * 2


@fact(f"{WRAP}.CustomPolicy", since="2.1", calls="any", gain=True)
@on_each_backend
def test_custom_policy_asks_its_function(ranks, backend):
    """`CustomPolicy` wraps the modules of which its function is true."""
    assert ranks(2, _wrapped, "custom", backend=backend) == [["Sequential", "Linear"]] * 2


def _wrap_inside(rank):
    from torch.distributed.fsdp.wrap import enable_wrap, wrap

    fsdp = _fsdp().FullyShardedDataParallel
    with enable_wrap(wrapper_cls=fsdp, device_id=own_device()):
        inside = wrap(plain())
    return type(inside) is fsdp, _flat_weights(inside)


@fact(f"{WRAP}.wrap", f"{WRAP}.enable_wrap", since=KEPT_ON_CPU, calls="any", gain=True)
@on_each_backend
def test_wrap_wraps_only_inside_enable_wrap(ranks, backend):
    """`wrap` inside of a block of `enable_wrap` wraps a module in its `wrapper_cls`, here FullyShardedDataParallel."""
    got = ranks(2, _wrap_inside, backend=backend)
    assert [is_wrapped for is_wrapped, _ in got] == [True, True]
    same(torch.stack([weight for _, weight in got]), WEIGHT.reshape(2, 3))


@fact(f"{WRAP}.wrap")
def test_wrap_outside_gives_the_module_back():
    """`torch.distributed.fsdp.wrap.wrap` outside of a block of `enable_wrap` gives the module back as it is."""
    from torch.distributed.fsdp.wrap import wrap

    layer = nn.Linear(1, 1)
    assert wrap(layer) is layer


def _is_root(rank):
    model = _wrap_layers(auto_wrap_policy=_layer_policy())
    return model.check_is_root(), model.module[0].check_is_root()


def _layer_policy():
    from torch.distributed.fsdp.wrap import ModuleWrapPolicy

    return ModuleWrapPolicy({nn.Linear})


@fact(f"{FSDP}.check_is_root", since=ON_CPU, calls="any", gain=True)
@on_each_backend
def test_outermost_module_is_the_root(ranks, backend):
    """`check_is_root` is True of the outermost FullyShardedDataParallel, and False of one inside."""
    assert ranks(2, _is_root, backend=backend) == [(True, False)] * 2


# --- whole parameters and states --------------------------------------------------------------------------------------


def _summon(rank, options):
    model = _wrap()
    with _fsdp().FullyShardedDataParallel.summon_full_params(model, **options):
        shape = tuple(model.weight.shape)
        with torch.no_grad():
            model.weight.fill_(7.0)
    return shape, _flat_weights(model)


@fact(f"{FSDP}.summon_full_params", since=ON_CPU, calls="any", gain=True)
@on_each_backend
def test_summon_full_params_keeps_what_is_written(ranks, backend):
    """What is written to the whole parameters inside `summon_full_params` is in the shards afterwards."""
    got = ranks(2, _summon, {}, backend=backend)
    assert [shape for shape, _ in got] == [(3, 2), (3, 2)]
    same(torch.stack([shard for _, shard in got]), numpy.full((2, 3), 7.0))


@fact(f"{FSDP}.summon_full_params", since=ON_CPU, calls="any", gain=True)
@on_each_backend
def test_summon_full_params_without_writeback(ranks, backend):
    """What is written inside `summon_full_params(writeback=False)` is gone afterwards."""
    got = ranks(2, _summon, {"writeback": False}, backend=backend)
    same(torch.stack([shard for _, shard in got]), WEIGHT.reshape(2, 3))


def _summon_gradient(rank, shards):
    model = _wrap(use_orig_params=True)
    loss(model, shards[rank]).backward()
    with _fsdp().FullyShardedDataParallel.summon_full_params(model, with_grads=True):
        return model.weight.grad.cpu().clone()


@fact(f"{FSDP}.summon_full_params", since=ON_CPU, calls="any", gain=True)
@on_each_backend
def test_summon_full_params_with_grads(ranks, backend):
    """`summon_full_params(with_grads=True)` has the whole gradient of the mean loss of all ranks, as DDP has it."""
    got = ranks(2, _summon_gradient, HALVES, backend=backend)
    for gradient in got:
        close(gradient, slope(BATCH, WEIGHT), roundings=8)
    assert len(got) == 2


def _state(rank, kind, options):
    fsdp = _fsdp()
    model = _wrap()
    if not kind:
        return {name: value.cpu() for name, value in model.state_dict().items()}
    config = getattr(fsdp, f"{kind}StateDictConfig")(**options)
    chosen = getattr(fsdp.StateDictType, f"{kind.upper()}_STATE_DICT")
    with fsdp.FullyShardedDataParallel.state_dict_type(model, chosen, config):
        state = model.state_dict()
    parts = {name: getattr(value, "local_shards", lambda value=value: [value])() for name, value in state.items()}
    return {
        name.strip("_"): [getattr(part, "tensor", part).detach().cpu() for part in found]
        for name, found in parts.items()
    }


@fact(FSDP, since=ON_CPU, calls="any", gain=True)
@on_each_backend
def test_state_dict_is_that_of_the_plain_module(ranks, backend):
    """By default FullyShardedDataParallel's `state_dict` has the plain module's keys and whole parameters."""
    got = ranks(2, _state, "", {}, backend=backend)
    assert [list(state) for state in got] == [["weight"], ["weight"]]
    same(torch.stack([state["weight"] for state in got]), numpy.stack([WEIGHT, WEIGHT]))


FULL = ("torch.distributed.fsdp.FullStateDictConfig", "torch.distributed.fsdp.StateDictType")


@fact(*FULL, f"{FSDP}.state_dict_type", since=ON_CPU, calls="any", gain=True)
@on_each_backend
def test_full_state_dict_of_rank_0_only(ranks, backend):
    """With `FullStateDictConfig(rank0_only=True)` rank 0 has the whole state, and the others' `state_dict` is empty."""
    first, second = ranks(2, _state, "Full", {"rank0_only": True}, backend=backend)
    same(first["weight"][0], WEIGHT)
    assert second == {}


@fact("torch.distributed.fsdp.ShardedStateDictConfig", f"{FSDP}.state_dict_type", since=ON_CPU, calls="any", gain=True)
@on_each_backend
def test_sharded_state_dict_has_the_rows_of_this_rank(ranks, backend):
    """With `StateDictType.SHARDED_STATE_DICT` each rank has its rows of every parameter, under the plain name."""
    first, second = ranks(2, _state, "Sharded", {}, backend=backend)
    same(first["weight"][0], WEIGHT[:2])
    same(second["weight"][0], WEIGHT[2:])


@fact("torch.distributed.fsdp.LocalStateDictConfig", f"{FSDP}.state_dict_type", since=ON_CPU, calls="any", gain=True)
@on_each_backend
def test_local_state_dict_has_the_flat_parameter(ranks, backend):
    """With `StateDictType.LOCAL_STATE_DICT` each rank has its part of `flat_param`."""
    got = ranks(2, _state, "Local", {}, backend=backend)
    assert [list(state) for state in got] == [["flat_param"], ["flat_param"]]
    same(torch.stack([state["flat_param"][0] for state in got]), WEIGHT.reshape(2, 3))


def _settings(rank):
    fsdp = _fsdp()
    model, fsdp_of = _wrap(), fsdp.FullyShardedDataParallel
    config, optimizer = fsdp.ShardedStateDictConfig(), fsdp.ShardedOptimStateDictConfig()
    old = fsdp_of.set_state_dict_type(model, fsdp.StateDictType.SHARDED_STATE_DICT, config, optimizer)
    found = fsdp_of.get_state_dict_type(model)
    given = [found.state_dict_config is config, found.optim_state_dict_config is optimizer]
    return old.state_dict_type.name, found.state_dict_type.name, given, isinstance(found, fsdp.StateDictSettings)


@fact(
    f"{FSDP}.set_state_dict_type",
    f"{FSDP}.get_state_dict_type",
    "torch.distributed.fsdp.StateDictSettings",
    since=KEPT_ON_CPU,
    calls="any",
    gain=True,
)
@on_each_backend
def test_set_state_dict_type_stays(ranks, backend):
    """After `set_state_dict_type` of FSDP, `get_state_dict_type` has the kind and the configs that were set."""
    want = ("SHARDED_STATE_DICT", [True, True], True)
    assert [told[1:] for told in ranks(2, _settings, backend=backend)] == [want, want]


@fact(f"{FSDP}.set_state_dict_type", since=KEPT_ON_CPU, calls="any", gain=True)
@on_each_backend
def test_set_state_dict_type_returns_the_settings_before(ranks, backend):
    """`set_state_dict_type` of FSDP returns the settings before, with `StateDictType.FULL_STATE_DICT` at first."""
    assert [old for old, *_ in ranks(2, _settings, backend=backend)] == ["FULL_STATE_DICT"] * 2


# --- the state of the optimizer ---------------------------------------------------------------------------------------


def _stepped(rank, momentum=0.5):
    model = _wrap()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=momentum)
    loss(model, HALVES[rank]).backward()
    optimizer.step()
    return model, optimizer


def _optimizer_state(rank, kind, options):
    fsdp = _fsdp()
    model, optimizer = _stepped(rank)
    chosen = getattr(fsdp.StateDictType, f"{kind.upper()}_STATE_DICT")
    config = getattr(fsdp, f"{kind}OptimStateDictConfig")(**options)
    with fsdp.FullyShardedDataParallel.state_dict_type(model, chosen, optim_state_dict_config=config):
        state = fsdp.FullyShardedDataParallel.optim_state_dict(model, optimizer)
    if not state:
        return {}
    (value,) = (values["momentum_buffer"] for values in state["state"].values())
    whole = value.local_shards()[0].tensor if hasattr(value, "local_shards") else value
    return {"buffer": whole.cpu(), "names": [group["params"] for group in state["param_groups"]]}


@fact(
    f"{FSDP}.optim_state_dict",
    "torch.distributed.fsdp.FullOptimStateDictConfig",
    since=ON_CPU,
    calls="any",
    gain=True,
    myth="the state of an optimizer of FSDP is saved by optimizer.state_dict()",
)
@on_each_backend
def test_optim_state_dict_is_by_name_and_whole(ranks, backend):
    """`FullyShardedDataParallel.optim_state_dict` has the whole state of each parameter under its plain name."""
    got = ranks(2, _optimizer_state, "Full", {"rank0_only": False}, backend=backend)
    for state in got:
        assert state["buffer"].dtype == torch.float64
        close(state["buffer"], slope(BATCH, WEIGHT), roundings=8)
    assert [state["names"] for state in got] == [[["weight"]]] * 2


@fact("torch.distributed.fsdp.FullOptimStateDictConfig", since=ON_CPU, calls="any", gain=True)
@on_each_backend
def test_optim_state_dict_of_rank_0_only(ranks, backend):
    """With `FullOptimStateDictConfig(rank0_only=True)` only rank 0 has what `optim_state_dict` gives."""
    got = ranks(2, _optimizer_state, "Full", {"rank0_only": True}, backend=backend)
    assert [list(state) for state in got] == [["buffer", "names"], []]


SHARDED_OPTIMIZER = "torch.distributed.fsdp.ShardedOptimStateDictConfig"


@fact(f"{FSDP}.optim_state_dict", SHARDED_OPTIMIZER, since=ON_CPU, calls="any", gain=True)
@on_each_backend
def test_sharded_optim_state_dict_has_the_rows_of_this_rank(ranks, backend):
    """With `StateDictType.SHARDED_STATE_DICT`, `optim_state_dict` gives each rank its rows of the state."""
    first, second = ranks(2, _optimizer_state, "Sharded", {}, backend=backend)
    close(first["buffer"], slope(BATCH, WEIGHT)[:2], roundings=8)
    close(second["buffer"], slope(BATCH, WEIGHT)[2:], roundings=8)
    assert first["names"] == second["names"] == [["weight"]]


def _load_optimizer(rank):
    fsdp = _fsdp().FullyShardedDataParallel
    model, optimizer = _stepped(rank)
    state = fsdp.optim_state_dict(model, optimizer)
    other, loaded = _stepped(rank)
    with torch.no_grad():
        loaded.state[next(other.parameters())]["momentum_buffer"].zero_()
    loaded.load_state_dict(fsdp.optim_state_dict_to_load(other, loaded, state))
    return loaded.state[next(other.parameters())]["momentum_buffer"].cpu()


@fact(f"{FSDP}.optim_state_dict_to_load", since=ON_CPU, calls="any", gain=True)
@on_each_backend
def test_optim_state_dict_to_load_shards_it_again(ranks, backend):
    """`optim_state_dict_to_load` makes of a whole state the shards that `load_state_dict` of this rank takes."""
    got = ranks(2, _load_optimizer, backend=backend)
    assert [tuple(shard.shape) for shard in got] == [(3,), (3,)]
    close(torch.cat(got).reshape(3, 2), slope(BATCH, WEIGHT), roundings=8)


def _rekey(rank):
    fsdp = _fsdp()
    model, optimizer = _stepped(rank)
    state = fsdp.FullyShardedDataParallel.optim_state_dict(model, optimizer)
    by_id = fsdp.FullyShardedDataParallel.rekey_optim_state_dict(state, fsdp.OptimStateKeyType.PARAM_ID, plain())
    return list(state["state"]), by_id["param_groups"][0]["params"], by_id["state"][0]["momentum_buffer"].cpu()


@fact(
    f"{FSDP}.rekey_optim_state_dict",
    "torch.distributed.fsdp.OptimStateKeyType",
    since=ON_CPU,
    calls="any",
    gain=True,
)
@on_each_backend
def test_rekey_optim_state_dict_numbers_the_parameters(ranks, backend):
    """`rekey_optim_state_dict` with `OptimStateKeyType.PARAM_ID` numbers parameters as a plain optimizer does."""
    got = ranks(2, _rekey, backend=backend)
    assert [(before, after) for before, after, _ in got] == [(["weight"], [0])] * 2
    assert {buffer.dtype for *_, buffer in got} == {torch.float64}
    for *_, buffer in got:
        close(buffer, slope(BATCH, WEIGHT), roundings=8)
