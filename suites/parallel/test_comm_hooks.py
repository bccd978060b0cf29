"""DDP's ready communication hooks, averaging of models, and `Join`; own hooks are in test_distributed_data_parallel."""

import numpy
import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from torchproof import fact, same

pytestmark = [pytest.mark.dist, pytest.mark.timeout(180), pytest.mark.cpu]

HOOKS = "torch.distributed.algorithms.ddp_comm_hooks"
WEIGHT = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
# What each rank's gradients are, and their mean: multiples of 1/4, which half precision holds exactly.
OWN = [numpy.array([[1.0, 2.0]] * 3), numpy.array([[2.5, -1.0]] * 3)]
MEAN = (OWN[0] + OWN[1]) / 2


def _model():
    layer = nn.Linear(2, 3, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(WEIGHT))
    return DistributedDataParallel(layer)


def _backward(model, rank, times=1):
    """Leaves so many times the gradient that is the rank's own, or what is made of all."""
    model(times * torch.tensor(OWN[rank][:1], dtype=torch.float32)).sum().backward()
    return model.module.weight.grad.clone()


def _hooks(module):
    import importlib

    return importlib.import_module(f"{HOOKS}.{module}")


# --- compression ------------------------------------------------------------------------------------------------------


def _compressed(rank, name, wrapped):
    hooks, model = _hooks("default_hooks"), _model()
    hook = getattr(hooks, name)
    model.register_comm_hook(None, hook(hooks.allreduce_hook) if wrapped else hook)
    return _backward(model, rank)


@fact(f"{HOOKS}.default_hooks.bf16_compress_hook", since={"cpu": "2.2"}, calls="any", gain=True)
def test_bf16_compress_hook_averages(ranks):
    """With `bf16_compress_hook` DDP averages gradients that bfloat16 holds, and leaves them in float32."""
    got = torch.stack(ranks(2, _compressed, "bf16_compress_hook", False))
    same(got, numpy.stack([MEAN, MEAN]).astype("float32"))


@fact(f"{HOOKS}.default_hooks.fp16_compress_wrapper")
def test_fp16_compress_wrapper_averages_by_the_hook_inside(ranks):
    """`fp16_compress_wrapper(allreduce_hook)` averages gradients that float16 holds, and leaves them in float32."""
    got = torch.stack(ranks(2, _compressed, "fp16_compress_wrapper", True))
    same(got, numpy.stack([MEAN, MEAN]).astype("float32"))


@fact(f"{HOOKS}.default_hooks.bf16_compress_wrapper", since={"cpu": "2.2"}, calls="any", gain=True)
def test_bf16_compress_wrapper_averages_by_the_hook_inside(ranks):
    """`bf16_compress_wrapper(allreduce_hook)` averages gradients that bfloat16 holds, and leaves them in float32."""
    got = torch.stack(ranks(2, _compressed, "bf16_compress_wrapper", True))
    same(got, numpy.stack([MEAN, MEAN]).astype("float32"))


def _rounded(rank, name, wrapped, value):
    hooks, model = _hooks("default_hooks"), _model()
    hook = getattr(hooks, name)
    model.register_comm_hook(None, hook(hooks.allreduce_hook) if wrapped else hook)
    model(torch.tensor([[value, 2.0]])).sum().backward()
    return model.module.weight.grad


@fact(f"{HOOKS}.default_hooks.fp16_compress_hook", f"{HOOKS}.default_hooks.fp16_compress_wrapper")
@pytest.mark.parametrize(("name", "wrapped"), [("fp16_compress_hook", False), ("fp16_compress_wrapper", True)])
def test_fp16_compression_rounds_gradients(ranks, name, wrapped):
    """`fp16_compress_hook` and `fp16_compress_wrapper` round DDP's gradients to float16: 1 + 2**-12 becomes 1."""
    same(torch.stack(ranks(2, _rounded, name, wrapped, 1 + 2**-12)), [[[1.0, 2.0]] * 3] * 2)


@fact(
    f"{HOOKS}.default_hooks.bf16_compress_hook",
    f"{HOOKS}.default_hooks.bf16_compress_wrapper",
    since={"cpu": "2.2"},
    calls="any",
    gain=True,
)
@pytest.mark.parametrize(("name", "wrapped"), [("bf16_compress_hook", False), ("bf16_compress_wrapper", True)])
def test_bf16_compression_rounds_gradients(ranks, name, wrapped):
    """`bf16_compress_hook` and `bf16_compress_wrapper` round DDP's gradients to bfloat16: 1 + 2**-9 becomes 1."""
    same(torch.stack(ranks(2, _rounded, name, wrapped, 1 + 2**-9)), [[[1.0, 2.0]] * 3] * 2)


def _nothing(rank):
    model = _model()
    model.register_comm_hook(None, _hooks("debugging_hooks").noop_hook)
    return _backward(model, rank)


@fact(f"{HOOKS}.debugging_hooks.noop_hook")
def test_noop_hook_leaves_each_rank_its_own_gradients(ranks):
    """With `noop_hook` DDP talks to nobody: each rank keeps the gradient of its own batch."""
    same(torch.stack(ranks(2, _nothing)), numpy.stack(OWN).astype("float32"))


def _low_rank(rank, name, options, steps, tells=False):
    """The last gradient, as many times the first as there are steps, or what the state tells."""
    hooks, model = _hooks("powerSGD_hook"), _model()
    state = hooks.PowerSGDState(None, **options)
    model.register_comm_hook(state, getattr(hooks, name))
    found = []
    for step in range(steps):
        model.zero_grad()
        found.append(_backward(model, rank, step + 1))
    return state.compression_stats() if tells else found[-1]


POWER = (f"{HOOKS}.powerSGD_hook.powerSGD_hook", f"{HOOKS}.powerSGD_hook.PowerSGDState")


@fact(*POWER, myth="PowerSGD compresses from the first step on")
def test_power_sgd_averages_exactly_before_it_starts(ranks):
    """Before `start_powerSGD_iter` steps `powerSGD_hook` averages the gradients as DDP by itself."""
    got = ranks(2, _low_rank, "powerSGD_hook", {"start_powerSGD_iter": 10}, 1)
    same(torch.stack(got), numpy.stack([MEAN, MEAN]).astype("float32"))


@fact(*POWER)
def test_power_sgd_keeps_a_gradient_of_its_rank(ranks):
    """`powerSGD_hook` with `matrix_approximation_rank=1` gives back an average of rank 1, to within 1e-4."""
    options = {"start_powerSGD_iter": 2, "matrix_approximation_rank": 1, "min_compression_rate": 0.5}
    for gradient in ranks(2, _low_rank, "powerSGD_hook", options, 6):
        assert numpy.abs(gradient.numpy() / 6 - MEAN).max() < 1e-4  # what is added so that nothing is divided by zero
    assert numpy.linalg.matrix_rank(MEAN) == 1


@fact(f"{HOOKS}.powerSGD_hook.PowerSGDState.compression_stats", f"{HOOKS}.powerSGD_hook.powerSGD_hook")
def test_power_sgd_tells_how_much_it_saves(ranks):
    """`PowerSGDState.compression_stats` tells the rate, the elements of the gradient, and those sent as two factors."""
    options = {"start_powerSGD_iter": 2, "matrix_approximation_rank": 1, "min_compression_rate": 0.5}
    assert ranks(2, _low_rank, "powerSGD_hook", options, 3, True) == [(6 / 5, 6, 5)] * 2


@fact(f"{HOOKS}.powerSGD_hook.batched_powerSGD_hook")
def test_batched_power_sgd_averages_exactly_before_it_starts(ranks):
    """Before `start_powerSGD_iter` steps `batched_powerSGD_hook` averages the gradients as DDP by itself."""
    got = ranks(2, _low_rank, "batched_powerSGD_hook", {"start_powerSGD_iter": 10}, 1)
    same(torch.stack(got), numpy.stack([MEAN, MEAN]).astype("float32"))


def _refused_power(rank):
    with pytest.raises(ValueError) as refusal:
        _hooks("powerSGD_hook").PowerSGDState(None, start_powerSGD_iter=1)
    return str(refusal.value)


@fact(f"{HOOKS}.powerSGD_hook.PowerSGDState")
def test_power_sgd_needs_two_steps_before(ranks):
    """`PowerSGDState` refuses to compress from the first step on: "Expect `start_powerSGD_iter` > 1"."""
    assert "Expect `start_powerSGD_iter` > 1" in ranks(1, _refused_power)[0]


def _registered(rank, name):
    from torch.distributed.algorithms import ddp_comm_hooks

    model = _model()
    ddp_comm_hooks.register_ddp_comm_hook(getattr(ddp_comm_hooks.DDPCommHookType, name), model)
    return _backward(model, rank)


@fact(f"{HOOKS}.register_ddp_comm_hook")
def test_register_ddp_comm_hook_takes_a_hook_by_its_kind(ranks):
    """`register_ddp_comm_hook` registers the ready hook of a DDPCommHookType, as of NOOP, which averages nothing."""
    same(torch.stack(ranks(2, _registered, "NOOP")), numpy.stack(OWN).astype("float32"))


# --- averaging of models ----------------------------------------------------------------------------------------------


def _local(rank, start, steps):
    hooks, model = _hooks("post_localSGD_hook"), _model()
    alone = [dist.new_group([each]) for each in range(dist.get_world_size())][rank]
    model.register_comm_hook(hooks.PostLocalSGDState(None, alone, start), hooks.post_localSGD_hook)
    for _ in range(steps):
        model.zero_grad()
        gradient = _backward(model, rank)
    return gradient


POST_LOCAL = (f"{HOOKS}.post_localSGD_hook.post_localSGD_hook", f"{HOOKS}.post_localSGD_hook.PostLocalSGDState")


@fact(*POST_LOCAL)
def test_post_local_sgd_averages_over_all_at_first(ranks):
    """Before `start_localSGD_iter` steps `post_localSGD_hook` averages the gradients over all ranks."""
    same(torch.stack(ranks(2, _local, 3, 2)), numpy.stack([MEAN, MEAN]).astype("float32"))


@fact(*POST_LOCAL)
def test_post_local_sgd_averages_over_the_subgroup_afterwards(ranks):
    """From `start_localSGD_iter` steps on `post_localSGD_hook` averages over the subgroup alone."""
    same(torch.stack(ranks(2, _local, 1, 3)), numpy.stack(OWN).astype("float32"))


def _averaging():
    from torch.distributed.algorithms.model_averaging import averagers

    return averagers


def _periodic(rank, period, warmup, steps):
    averager = _averaging().PeriodicModelAverager(period=period, warmup_steps=warmup)
    weight, seen = nn.Parameter(torch.tensor([float(rank)])), []
    weight.grad = torch.zeros(1)
    for _ in range(steps):
        averager.average_parameters([weight])
        seen.append(weight.item())
        with torch.no_grad():
            weight.fill_(float(rank))
    return seen


AVERAGERS = "torch.distributed.algorithms.model_averaging"
PERIODIC = f"{AVERAGERS}.averagers.PeriodicModelAverager"


@fact(PERIODIC, f"{PERIODIC}.average_parameters", f"{AVERAGERS}.averagers.ModelAverager")
def test_periodic_averager_averages_each_period_after_its_warm_up(ranks):
    """PeriodicModelAverager leaves parameters alone for `warmup_steps`, then averages them every `period` calls."""
    first, second = ranks(2, _periodic, 2, 1, 4)
    assert first == [0.0, 0.5, 0.0, 0.5]
    assert second == [1.0, 0.5, 1.0, 0.5]


def _hierarchical(rank):
    from torch.distributed.algorithms.model_averaging.hierarchical_model_averager import HierarchicalModelAverager

    averager = HierarchicalModelAverager({2: 2, 4: 4}, warmup_steps=0)
    weight, seen = nn.Parameter(torch.tensor([float(rank)])), []
    for _ in range(5):
        weight.grad = torch.zeros(1)
        averager.average_parameters([weight])
        seen.append(weight.item())
        with torch.no_grad():
            weight.fill_(float(rank))
    return seen


HIERARCHICAL = f"{AVERAGERS}.hierarchical_model_averager.HierarchicalModelAverager"


@fact(f"{HIERARCHICAL}.average_parameters", HIERARCHICAL, since={"cpu": "2.1"}, calls="any", gain=True)
@pytest.mark.slow
def test_hierarchical_averager_averages_over_all_less_often(ranks):
    """`HierarchicalModelAverager({2: 2, 4: 4})` averages over two ranks every two calls, over all four every four."""
    got = ranks(4, _hierarchical)
    assert [seen[2] for seen in got] == [0.5, 0.5, 2.5, 2.5]
    assert [seen[4] for seen in got] == [1.5, 1.5, 1.5, 1.5]


def _utils():
    from torch.distributed.algorithms.model_averaging import utils

    return utils


def _average(rank, how):
    used, unused = nn.Parameter(torch.tensor([float(rank)])), nn.Parameter(torch.tensor([float(rank)]))
    used.grad = torch.zeros(1)
    if how == "groups":
        _utils().average_parameters_or_parameter_groups([{"params": [used, unused]}], dist.group.WORLD)
    else:
        _utils().average_parameters([used, unused], dist.group.WORLD)
    return used.item(), unused.item()


@fact(f"{AVERAGERS}.utils.average_parameters", myth="average_parameters leaves parameters without a gradient")
def test_average_parameters_writes_the_mean_into_each(ranks):
    """`average_parameters` averages each parameter that it is given in place, also one that has no gradient."""
    assert ranks(2, _average, "parameters") == [(0.5, 0.5), (0.5, 0.5)]


@fact(f"{AVERAGERS}.utils.average_parameters_or_parameter_groups")
def test_average_parameter_groups_is_for_those_with_a_gradient(ranks):
    """`average_parameters_or_parameter_groups` averages parameters in place only where they have a gradient."""
    assert ranks(2, _average, "groups") == [(0.5, 0.0), (0.5, 1.0)]


@fact(f"{AVERAGERS}.utils.get_params_to_average")
def test_params_to_average_are_those_with_a_gradient():
    """`get_params_to_average` gives the parameters that have a gradient, of a list and of an optimizer's groups."""
    used, unused = nn.Parameter(torch.ones(1)), nn.Parameter(torch.ones(1))
    used.grad = torch.ones(1)
    assert [each is used for each in _utils().get_params_to_average([used, unused])] == [True]
    assert [each is used for each in _utils().get_params_to_average([{"params": [unused, used]}])] == [True]


def _post_local_optimizer(rank):
    from torch.distributed.optim import PostLocalSGDOptimizer

    weight = nn.Parameter(torch.zeros(1))
    optimizer = PostLocalSGDOptimizer(torch.optim.SGD([weight], lr=1.0), _averaging().PeriodicModelAverager(2))
    seen = []
    for _ in range(2):
        weight.grad = torch.tensor([float(rank + 1)])
        optimizer.step()
        seen.append(weight.item())
    return seen, [optimizer.state_dict()[name] for name in ("step", "param_groups")]


@fact("torch.distributed.optim.PostLocalSGDOptimizer.step", "torch.distributed.optim.PostLocalSGDOptimizer")
def test_post_local_sgd_optimizer_averages_after_its_step(ranks):
    """`PostLocalSGDOptimizer.step` makes the local step, then averages the parameters when its averager is due."""
    (first, _), (second, _) = ranks(2, _post_local_optimizer)
    assert (first, second) == ([-1.5, -2.5], [-1.5, -3.5])


@fact("torch.distributed.optim.PostLocalSGDOptimizer.state_dict", "torch.distributed.optim.PostLocalSGDOptimizer")
def test_post_local_sgd_optimizer_saves_the_step_of_its_averager(ranks):
    """`PostLocalSGDOptimizer.state_dict` has the `step` of its averager."""
    assert [step for _, (step, _) in ranks(2, _post_local_optimizer)] == [2, 2]


@fact("torch.distributed.optim.PostLocalSGDOptimizer.state_dict", "torch.distributed.optim.PostLocalSGDOptimizer")
def test_post_local_sgd_optimizer_saves_the_groups_of_its_optimizer(ranks):
    """`PostLocalSGDOptimizer.state_dict` has the `param_groups` of the optimizer inside, with its `lr`."""
    assert [group["lr"] for _, (_, (group,)) in ranks(2, _post_local_optimizer)] == [1.0, 1.0]


# --- uneven inputs ----------------------------------------------------------------------------------------------------


def _uneven(rank, throws):
    from torch.distributed.algorithms import Join

    model, seen = _model(), []
    try:
        with Join([model], throw_on_early_termination=throws):
            for _ in range(rank + 1):
                model.zero_grad()
                seen.append(_backward(model, rank))
    except RuntimeError as error:
        return str(error)
    return torch.stack(seen)


@fact("torch.distributed.algorithms.Join", "torch.distributed.algorithms.Joinable", myth="uneven inputs hang DDP")
def test_join_lets_ranks_have_fewer_batches(ranks):
    """Inside `Join([model])`, DDP goes on where another rank's batches have ended, as if its gradients were zero."""
    first, second = ranks(2, _uneven, False)
    same(first, [MEAN.astype("float32")])
    same(second, numpy.stack([MEAN, OWN[1] / 2]).astype("float32"))


@fact("torch.distributed.algorithms.Join")
def test_join_may_end_where_one_rank_ends(ranks):
    """`Join(throw_on_early_termination=True)` raises on every rank once one has no more batches: "exhausted"."""
    first, second = ranks(2, _uneven, True)
    assert "exhausted all inputs" in first
    assert "exhausted" in second


def _joinable():
    from torch.distributed.algorithms import Join, Joinable, JoinHook

    class Hook(JoinHook):
        def __init__(self, counter):
            self.counter = counter

        def main_hook(self):
            dist.all_reduce(torch.zeros(1))

        def post_hook(self, is_last_joiner):
            self.counter.last = is_last_joiner

    class Counter(Joinable):
        def __init__(self):
            super().__init__()
            self.total, self.last = 0.0, None

        def __call__(self):
            Join.notify_join_context(self)
            one = torch.ones(1)
            dist.all_reduce(one)
            self.total += one.item()

        def join_hook(self, **options):
            return Hook(self)

        @property
        def join_device(self):
            return torch.device("cpu")

        @property
        def join_process_group(self):
            return dist.group.WORLD

    return Counter()


def _count(rank):
    from torch.distributed.algorithms import Join

    counter = _joinable()
    with Join([counter]):
        for _ in range(rank + 1):
            counter()
    return counter.total, counter.last


@fact(
    "torch.distributed.algorithms.Join",
    "torch.distributed.algorithms.Join.notify_join_context",
    "torch.distributed.algorithms.JoinHook",
    "torch.distributed.algorithms.Joinable",
)
def test_join_hook_shadows_the_collectives_of_those_that_go_on(ranks):
    """`main_hook` of a JoinHook takes part in the collectives of the ranks that go on, as by an `all_reduce` of 0."""
    assert [total for total, _ in ranks(2, _count)] == [2.0, 3.0]


@fact("torch.distributed.algorithms.Join", "torch.distributed.algorithms.JoinHook")
def test_join_hook_is_told_who_was_last(ranks):
    """`post_hook` of a JoinHook is told by `is_last_joiner` whether this rank was the last to end its batches."""
    assert [last for _, last in ranks(2, _count)] == [False, True]
