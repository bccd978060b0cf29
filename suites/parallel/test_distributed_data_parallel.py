"""`DistributedDataParallel` (DDP) itself; what training loops meet under it is in test_training_over_ranks.py."""

import numpy
import pytest
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler

from torchproof import close, fact, same
from torchproof.fixtures.ranks import on_each_backend, own_device
from torchproof.fixtures.ranks.backends import backend_of
from torchproof.suites.parallel.bodies import refused
from torchproof.suites.parallel.replica import BATCH, HALVES, ONES, UNEQUAL, Branches, linear, loss, number, slope

pytestmark = [pytest.mark.dist, pytest.mark.timeout(180)]

# --- gradients --------------------------------------------------------------------------------------------------------


def _gradient(rank, shards, reduction):
    model = linear()
    loss(model, shards[rank], reduction).backward()
    return model.module.weight.grad.cpu()


@fact("torch.nn.parallel.DistributedDataParallel", claims=["X06"])
@on_each_backend
def test_gives_the_gradient_of_the_whole_batch(ranks, backend):
    """`DDP` averages the gradients of the ranks: with equal shards, to that of the mean loss on the whole batch."""
    got = ranks(2, _gradient, HALVES, torch.mean, backend=backend)
    same(torch.stack(got), numpy.stack([slope(BATCH), slope(BATCH)]))


@fact(
    "torch.nn.parallel.DistributedDataParallel",
    claims=["X06"],
    myth="the averaged gradient is that of the whole batch, whatever the sizes of the shards",
)
@pytest.mark.slow
@on_each_backend
def test_weighs_ranks_alike_whatever_their_shards(ranks, backend):
    """`DDP` averages gradients of shards of different sizes alike: the mean is not the gradient of the whole batch."""
    got = ranks(2, _gradient, UNEQUAL, torch.mean, backend=backend)
    mean = (slope(UNEQUAL[0]) + slope(UNEQUAL[1])) / 2
    same(torch.stack(got), numpy.stack([mean, mean]))
    assert not numpy.allclose(mean, slope(BATCH[:3]))


@fact("torch.nn.parallel.DistributedDataParallel", claims=["X06"], hint="multiply a summed loss by the number of ranks")
@on_each_backend
def test_divides_the_gradient_of_a_summed_loss_by_the_number_of_ranks(ranks, backend):
    """`DDP` averages gradients of summed losses too: that of the whole batch is divided by the number of ranks."""
    got = ranks(2, _gradient, HALVES, torch.sum, backend=backend)
    want = slope(BATCH) * len(BATCH) / 2
    same(torch.stack(got), numpy.stack([want, want]))


def _own_loss(rank, shards):
    return loss(linear(), shards[rank]).detach().cpu()


@fact("torch.nn.parallel.DistributedDataParallel", myth="DistributedDataParallel averages the loss over the ranks")
@on_each_backend
def test_leaves_each_rank_its_own_loss(ranks, backend):
    """The loss that a rank sees under `DDP` is that of its own shard, not averaged over the ranks."""
    got = ranks(2, _own_loss, HALVES, backend=backend)
    same(torch.stack(got), numpy.mean(numpy.array(HALVES).sum(axis=2) ** 2, axis=1))


# --- parameters -------------------------------------------------------------------------------------------------------


def _wrap(rank):
    model = nn.Linear(2, 1, device=own_device())
    before = model.weight.detach().cpu().clone()
    return before, DistributedDataParallel(model).module.weight.detach().cpu()


@fact("torch.nn.parallel.DistributedDataParallel", claims=["X05"])
@on_each_backend
def test_starts_from_the_parameters_of_rank_0(ranks, backend):
    """Wrapping in `DistributedDataParallel` gives every rank the initial weights of rank 0, whatever its own seed."""
    (first, kept), (second, taken) = ranks(2, _wrap, backend=backend)
    assert not torch.equal(first, second)
    same(torch.stack([kept, taken]), torch.stack([first, first]))


OPTIMIZERS = {"SGD": {"lr": 0.01, "momentum": 0.9}, "Adam": {}, "AdamW": {}, "RMSprop": {}, "Adagrad": {}}


def _train(rank, shards, name, options):
    model = DistributedDataParallel(nn.Linear(2, 1, bias=False, dtype=torch.float64, device=own_device()))
    optimizer = getattr(torch.optim, name)(model.parameters(), **options)
    weights = []
    for _ in range(3):
        optimizer.zero_grad()
        loss(model, shards[rank]).backward()
        optimizer.step()
        weights.append(model.module.weight.detach().cpu().clone())
    return torch.stack(weights)


@fact("torch.nn.parallel.DistributedDataParallel", claims=["X05"])
@pytest.mark.slow
@on_each_backend
@pytest.mark.parametrize(("name", "options"), OPTIMIZERS.items(), ids=OPTIMIZERS)
def test_keeps_ranks_identical_over_steps(ranks, backend, name, options):
    """Ranks of `DDP` that start with different weights and see different data have the same weights after each step."""
    first, second = ranks(2, _train, HALVES, name, options, backend=backend)
    same(first, second)
    assert len(first.unique(dim=0)) == 3


def _epoch(rank, batch):
    model = linear()
    optimizer = torch.optim.SGD(model.parameters(), lr=1 / 64)
    for epoch in range(2):
        sampler = DistributedSampler(batch)
        sampler.set_epoch(epoch)
        for part in DataLoader(batch, batch_size=2, sampler=sampler, collate_fn=list):
            optimizer.zero_grad()
            loss(model, part).backward()
            optimizer.step()
    return model.module.weight.detach().cpu()


@fact("torch.nn.parallel.DistributedDataParallel", "torch.utils.data.DistributedSampler", claims=["X05", "X06"])
@on_each_backend
def test_trains_as_one_process_on_the_whole_data(ranks, backend):
    """Full-batch SGD under `DDP` by equal shares of a `DistributedSampler` ends with one process's weights."""
    got = ranks(2, _epoch, BATCH, backend=backend)
    once = ONES - slope(BATCH) / 64
    twice = once - slope(BATCH, once) / 64
    same(torch.stack(got), numpy.stack([twice, twice]))


def _one_step(rank, batch):
    model = linear()
    loss(model, batch).backward()
    torch.optim.SGD(model.parameters(), lr=1 / 64).step()
    return model.module.weight.detach().cpu()


@fact(
    "torch.nn.parallel.DistributedDataParallel",
    claims=["X06"],
    myth="scale the learning rate by the number of GPUs, or DDP takes smaller steps",
)
@on_each_backend
def test_needs_no_learning_rate_times_the_number_of_ranks(ranks, backend):
    """With `DDP`, SGD on one batch on every rank takes one process's step: no learning rate times the world size."""
    got = ranks(2, _one_step, BATCH, backend=backend)
    once = ONES - slope(BATCH) / 64
    same(torch.stack(got), numpy.stack([once, once]))


# --- the wrapped module -----------------------------------------------------------------------------------------------


def _outputs(rank, batch):
    model = linear()
    batch = torch.tensor(batch, dtype=torch.float64, device=own_device())
    return model(batch).detach().cpu(), model.module(batch).detach().cpu()


@fact("torch.nn.parallel.DistributedDataParallel")
@on_each_backend
def test_forward_gives_what_the_module_gives(ranks, backend):
    """A model wrapped in `DDP` returns what the module under `.module` returns."""
    ((wrapped, plain),) = ranks(1, _outputs, BATCH, backend=backend)
    same(wrapped, numpy.array([[3.0], [7.0], [11.0], [15.0]]))
    same(plain, wrapped)


def _states(rank):
    model = nn.Linear(2, 1)
    wrapped = DistributedDataParallel(model)
    return wrapped.state_dict(), wrapped.module.state_dict()


@fact("torch.nn.parallel.DistributedDataParallel", "torch.nn.Module.state_dict", hint="save model.module.state_dict()")
def test_state_dict_has_the_prefix_module(ranks):
    """The keys of the `state_dict` of a model wrapped in `DDP` are its module's behind `module.`."""
    ((wrapped, plain),) = ranks(1, _states)
    assert list(wrapped) == ["module.weight", "module.bias"]
    same(wrapped["module.weight"], plain["weight"])
    same(wrapped["module.bias"], plain["bias"])


@fact(
    "torch.nn.parallel.DistributedDataParallel",
    "torch.nn.Module.state_dict",
    "torch.nn.Module.load_state_dict",
    hint="save model.module.state_dict()",
)
def test_state_dict_is_refused_by_the_plain_model(ranks):
    """The `state_dict` of a model wrapped in `DDP` does not load into the plain one: "Unexpected key(s)"."""
    ((wrapped, _),) = ranks(1, _states)
    with pytest.raises(RuntimeError, match="Missing key.*\n.*Unexpected key.*module.weight"):
        nn.Linear(2, 1).load_state_dict(wrapped)


@fact("torch.nn.parallel.DistributedDataParallel", "torch.nn.Module.state_dict", "torch.nn.Module.load_state_dict")
def test_state_dict_of_its_module_loads_into_the_plain_model(ranks):
    """What `.module.state_dict()` of a model wrapped in `DDP` returns loads into the plain model."""
    ((_, state),) = ranks(1, _states)
    plain = nn.Linear(2, 1)
    plain.load_state_dict(state)
    same(plain.weight, state["weight"])
    same(plain.bias, state["bias"])


def _load_plain(rank, state):
    model = nn.Linear(2, 1)
    wrapped = DistributedDataParallel(model)
    with pytest.raises(RuntimeError) as refusal:
        wrapped.load_state_dict(state)
    wrapped.module.load_state_dict(state)
    return str(refusal.value), wrapped.module.weight.detach()


@fact(
    "torch.nn.parallel.DistributedDataParallel",
    "torch.nn.Module.load_state_dict",
    hint="load it with model.module.load_state_dict(state)",
)
def test_refuses_the_state_dict_of_the_plain_model(ranks):
    """`DDP(model)` refuses the plain model's `state_dict`: 'Missing key(s) in state_dict: "module.weight"'."""
    ((told, _),) = ranks(1, _load_plain, nn.Linear(2, 1).state_dict())
    assert 'Missing key(s) in state_dict: "module.weight"' in told


@fact("torch.nn.parallel.DistributedDataParallel", "torch.nn.Module.load_state_dict")
def test_its_module_takes_the_state_dict_of_the_plain_model(ranks):
    """The plain model's `state_dict` loads into one wrapped in `DDP` through `.module`."""
    plain = nn.Linear(2, 1)
    ((_, weight),) = ranks(1, _load_plain, plain.state_dict())
    same(weight, plain.weight)


def looks_into_the_module(patch):
    """A wrapper that finds what its module has."""
    find = nn.Module.__getattr__
    patch.setattr(
        DistributedDataParallel, "__getattr__", lambda self, name: getattr(find(self, "module"), name), raising=False
    )


def _attribute(rank):
    model = DistributedDataParallel(nn.Linear(2, 1))
    with pytest.raises(AttributeError) as refusal:
        model.in_features
    return str(refusal.value), model.module.in_features


@fact(
    "torch.nn.parallel.DistributedDataParallel", hint="reach them through model.module", refuter=looks_into_the_module
)
def test_hides_the_attributes_of_the_module(ranks):
    """A model wrapped in `DDP` "has no attribute 'in_features'": it is found under `.module` only."""
    ((told, found),) = ranks(1, _attribute)
    assert "has no attribute 'in_features'" in told
    assert found == 2


# --- no_sync ----------------------------------------------------------------------------------------------------------


def _accumulate(rank, shards):
    model = linear()
    with model.no_sync():
        loss(model, shards[rank]).backward()
    local = model.module.weight.grad.cpu().clone()
    loss(model, shards[rank]).backward()
    return local, model.module.weight.grad.cpu()


@fact("torch.nn.parallel.DistributedDataParallel.no_sync")
@pytest.mark.slow
@on_each_backend
def test_no_sync_leaves_gradients_local(ranks, backend):
    """Inside `no_sync` of DDP each rank's backward gives the gradient of its own shard."""
    (first, _), (second, _) = ranks(2, _accumulate, HALVES, backend=backend)
    same(torch.stack([first, second]), numpy.stack([slope(HALVES[0]), slope(HALVES[1])]))


@fact("torch.nn.parallel.DistributedDataParallel.no_sync")
@pytest.mark.slow
@on_each_backend
def test_no_sync_is_made_up_for_by_the_next_backward(ranks, backend):
    """The first forward and backward after `no_sync` of DDP average over the ranks all that they have accumulated."""
    (_, first), (_, second) = ranks(2, _accumulate, HALVES, backend=backend)
    want = slope(HALVES[0]) + slope(HALVES[1])
    same(torch.stack([first, second]), numpy.stack([want, want]))


def _double(seen, bucket):
    """A communication hook that talks to nobody."""
    seen.append(bucket.buffer().numel())
    done = torch.futures.Future()
    done.set_result(bucket.buffer() * 2)
    return done


def _communications(rank, batch):
    model = linear()
    seen = []
    model.register_comm_hook(seen, _double)
    with model.no_sync():
        loss(model, batch).backward()
    inside = len(seen)
    loss(model, batch).backward()
    return inside, seen


@fact("torch.nn.parallel.DistributedDataParallel.no_sync")
@on_each_backend
def test_no_sync_communicates_nothing(ranks, backend):
    """A backward inside `no_sync` of DDP hands no bucket of gradients over to other ranks."""
    assert [inside for inside, _ in ranks(2, _communications, BATCH, backend=backend)] == [0, 0]


@fact("torch.nn.parallel.DistributedDataParallel.no_sync")
@on_each_backend
def test_no_sync_ends_behind_its_block(ranks, backend):
    """The next backward behind a block of `no_sync` hands DDP's gradients over, in one bucket of a small model."""
    assert [seen for _, seen in ranks(2, _communications, BATCH, backend=backend)] == [[2], [2]]


def _hooked(rank, shards):
    model = linear()
    model.register_comm_hook([], _double)
    loss(model, shards[rank]).backward()
    return model.module.weight.grad.cpu()


@fact("torch.nn.parallel.DistributedDataParallel.register_comm_hook")
@on_each_backend
def test_comm_hook_replaces_the_averaging(ranks, backend):
    """What a communication hook (`register_comm_hook`) returns becomes DDP's gradient, in place of the average."""
    got = ranks(2, _hooked, HALVES, backend=backend)
    same(torch.stack(got), 2 * numpy.stack([slope(HALVES[0]), slope(HALVES[1])]))


def _hook(name):
    from torch.distributed.algorithms.ddp_comm_hooks import default_hooks

    return getattr(default_hooks, name)


def _averaged(rank, shards, name):
    model = linear()
    model.register_comm_hook(None, _hook(name))
    loss(model, shards[rank]).backward()
    return model.module.weight.grad.cpu()


@fact(
    "torch.distributed.algorithms.ddp_comm_hooks.default_hooks.allreduce_hook",
    "torch.distributed.algorithms.ddp_comm_hooks.default_hooks.fp16_compress_hook",
)
@on_each_backend
@pytest.mark.parametrize("name", ["allreduce_hook", "fp16_compress_hook"])
def test_ready_comm_hooks_average(ranks, backend, name):
    """With `allreduce_hook` or `fp16_compress_hook`, DDP averages gradients that float16 holds, in their own dtype."""
    got = ranks(2, _averaged, HALVES, name, backend=backend)
    same(torch.stack(got), numpy.stack([slope(BATCH), slope(BATCH)]))


# --- uneven inputs ----------------------------------------------------------------------------------------------------


def _uneven(rank, batch):
    model = linear()
    optimizer = torch.optim.SGD(model.parameters(), lr=1 / 64)
    with model.join():
        for sample in batch[: rank + 1]:
            optimizer.zero_grad()
            loss(model, [sample]).backward()
            optimizer.step()
    return model.module.weight.detach().cpu()


@fact("torch.nn.parallel.DistributedDataParallel.join")
@pytest.mark.slow
@on_each_backend
def test_join_counts_absent_ranks_as_zero(ranks, backend):
    """Inside `join` of DDP, for uneven inputs, a rank out of batches counts as a gradient of zero."""
    got = ranks(2, _uneven, BATCH, backend=backend)
    once = ONES - slope(BATCH[:1]) / 64
    twice = once - slope(BATCH[1:2], once) / 2 / 64
    same(torch.stack(got), numpy.stack([twice, twice]))


# --- buffers ----------------------------------------------------------------------------------------------------------


def _buffers(rank, **options):
    model = nn.BatchNorm1d(1, device=own_device()).eval()
    wrapped = DistributedDataParallel(model, **options)
    model.running_mean.fill_(rank + 1)
    wrapped(torch.zeros(2, 1, device=own_device()))
    return model.running_mean.cpu()


def _buffers_kept(rank):
    return _buffers(rank, broadcast_buffers=False)


@fact("torch.nn.parallel.DistributedDataParallel")
@on_each_backend
def test_forward_takes_the_buffers_of_rank_0(ranks, backend):
    """The first forward of `DistributedDataParallel` replaces the buffers of the other ranks by those of rank 0."""
    same(torch.stack(ranks(2, _buffers, backend=backend)), [[1.0], [1.0]])


@fact("torch.nn.parallel.DistributedDataParallel")
@on_each_backend
def test_broadcast_buffers_false_leaves_buffers_alone(ranks, backend):
    """With `broadcast_buffers=False` each rank of DDP keeps its own buffers."""
    same(torch.stack(ranks(2, _buffers_kept, backend=backend)), [[1.0], [2.0]])


def _normalized(rank, convert):
    model = DistributedDataParallel(convert(nn.BatchNorm1d(1, device=own_device())))
    return model(torch.tensor([[0.0], [2.0]], device=own_device()) + 4 * rank).detach().cpu()


@fact("torch.nn.BatchNorm1d", "torch.nn.parallel.DistributedDataParallel", source="generated/torch.nn.SyncBatchNorm")
@on_each_backend
def test_batch_norm_sees_the_own_shard_only(ranks, backend):
    """Under `DDP`, `nn.BatchNorm1d` (batch normalisation) normalises each rank's shard by itself."""
    got = ranks(2, _normalized, nn.Identity(), backend=backend)
    close(torch.cat(got), numpy.array([[-1.0], [1.0], [-1.0], [1.0]]) / numpy.sqrt(1 + 1e-5), roundings=8)


@fact("torch.nn.SyncBatchNorm.convert_sync_batchnorm")
def test_sync_batch_norm_sees_the_whole_batch(devices, ranks):
    """After `convert_sync_batchnorm`, a `BatchNorm1d` under `DDP` normalises over the shards of all ranks."""
    backend = backend_of(torch.device(devices[0]).type)
    got = ranks(2, _normalized, nn.SyncBatchNorm.convert_sync_batchnorm, backend=backend)
    close(torch.cat(got), numpy.array([[-3.0], [-1.0], [1.0], [3.0]]) / numpy.sqrt(5 + 1e-5), roundings=8)


def _sync_on_cpu(rank):
    with pytest.raises(ValueError) as refusal:
        nn.SyncBatchNorm(2)(torch.ones(2, 2))
    return str(refusal.value)


@fact("torch.nn.SyncBatchNorm")
def test_sync_batch_norm_refuses_the_cpu(ranks):
    """In a process group, `SyncBatchNorm` in training refuses the CPU: "expected input tensor to be on GPU"."""
    (told,) = ranks(1, _sync_on_cpu)
    assert "expected input tensor to be on GPU" in told


# --- parameters without a gradient ------------------------------------------------------------------------------------


def _forward_again(rank):
    model = DistributedDataParallel(Branches())
    model(number(1), False).sum().backward()
    return refused(model, number(1), False)


@fact("torch.nn.parallel.DistributedDataParallel", hint="pass find_unused_parameters=True")
@on_each_backend
def test_refuses_a_second_forward_after_unused_parameters(ranks, backend):
    """`DDP` refuses to go on after unused parameters: "Expected to have finished reduction in the prior iteration"."""
    told, other = ranks(2, _forward_again, backend=backend)
    assert "Expected to have finished reduction in the prior iteration" in told
    assert "find_unused_parameters=True" in other


def _find_unused(rank, both):
    model = DistributedDataParallel(Branches(), find_unused_parameters=True)
    for _ in range(2):
        model.zero_grad()
        model(number(rank + 1), both[rank]).sum().backward()
    return {name: weight.grad for name, weight in model.module.cpu().named_parameters()}


@fact("torch.nn.parallel.DistributedDataParallel")
@pytest.mark.slow
@on_each_backend
def test_find_unused_parameters_goes_on_without_them(ranks, backend):
    """With `find_unused_parameters=True`, DDP goes on averaging what is used where a layer is not."""
    first, second = ranks(2, _find_unused, [False, False], backend=backend)
    same(first["first.weight"], [[1.5]])
    same(second["first.weight"], [[1.5]])


@fact("torch.nn.parallel.DistributedDataParallel")
@pytest.mark.slow
@on_each_backend
def test_find_unused_parameters_leaves_them_without_a_gradient(ranks, backend):
    """With `find_unused_parameters=True`, DDP leaves what no rank uses without a gradient: None."""
    got = ranks(2, _find_unused, [False, False], backend=backend)
    assert [gradients["second.weight"] for gradients in got] == [None, None]


@fact("torch.nn.parallel.DistributedDataParallel")
@pytest.mark.slow
@on_each_backend
def test_find_unused_parameters_counts_an_idle_rank_as_zero(ranks, backend):
    """In `DDP(find_unused_parameters=True)`, what one rank of two uses gets half that rank's gradient on both."""
    first, second = ranks(2, _find_unused, [False, True], backend=backend)
    same(first["second.weight"], [[1.0]])
    same(second["second.weight"], [[1.0]])


class _Either(nn.Module):
    """Two layers, of which a forward takes one."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(1, 1), nn.Linear(1, 1)]).to(own_device())

    def forward(self, x, index):
        return self.layers[index](x)


def _both_branches(rank):
    model = DistributedDataParallel(_Either(), find_unused_parameters=True)
    losses = model(number(1), 0) + model(number(1), 1)
    return refused(losses.sum().backward)


@fact(
    "torch.nn.parallel.DistributedDataParallel",
    myth="find_unused_parameters=True lets two forwards of DDP take different branches before one backward",
    hint="take both branches in one forward, or call backward behind each forward",
)
@on_each_backend
def test_refuses_two_branches_in_two_forwards_before_one_backward(ranks, backend):
    """One backward behind two forwards of DDP by two branches (`find_unused_parameters`) is "marked as ready twice"."""
    told = ranks(2, _both_branches, backend=backend)
    assert all("marked as ready twice" in each for each in told)


# --- what is refused --------------------------------------------------------------------------------------------------


@fact(
    "torch.nn.parallel.DistributedDataParallel",
    since="2.2",
    calls="catches RuntimeError|ValueError",
    claims=["X05"],
    hint="call init_process_group first",
)
def test_needs_a_process_group():
    """Wrapping a model in `DDP` without a process group is ValueError: "process group has not been initialized"."""
    with pytest.raises(ValueError, match="process group has not been initialized"):
        DistributedDataParallel(nn.Linear(2, 1))


@fact(
    "torch.nn.parallel.DistributedDataParallel",
    until="2.2",
    calls="catches RuntimeError|ValueError",
    claims=["X05"],
    hint="call init_process_group first",
)
def test_needed_a_process_group():
    """Wrapping a model in `DDP` without a process group is RuntimeError: "process group has not been initialized"."""
    with pytest.raises(RuntimeError, match="process group has not been initialized"):
        DistributedDataParallel(nn.Linear(2, 1))


def _refusal(rank, model, kind, options):
    with pytest.raises(kind) as refusal:
        DistributedDataParallel(model, **options)
    return str(refusal.value)


@fact("torch.nn.parallel.DistributedDataParallel")
@pytest.mark.parametrize("model", [nn.ReLU(), nn.Linear(2, 1).requires_grad_(False)], ids=["empty", "frozen"])
def test_refuses_a_module_that_does_not_learn(ranks, model):
    """`DDP` refuses an empty or frozen module: it "doesn't have any parameter that requires a gradient"."""
    (told,) = ranks(1, _refusal, model, RuntimeError, {})
    assert "doesn't have any parameter that requires a gradient" in told


@fact("torch.nn.parallel.DistributedDataParallel", hint="leave device_ids out for a model on the CPU")
def test_refuses_device_ids_for_the_cpu(ranks):
    """`DDP` refuses `device_ids` for a module on the CPU: "device_ids and output_device arguments only work with"."""
    (told,) = ranks(1, _refusal, nn.Linear(2, 1), ValueError, {"device_ids": [0]})
    assert "device_ids and output_device arguments only work with" in told


@fact("torch.nn.parallel.DistributedDataParallel", hint="one process a device")
def test_refuses_several_device_ids(ranks):
    """`DDP` refuses two `device_ids`: "device_ids can only be None or contain a single element"."""
    (told,) = ranks(1, _refusal, nn.Linear(2, 1), ValueError, {"device_ids": [0, 1]})
    assert "device_ids can only be None or contain a single element" in told
