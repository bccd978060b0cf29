"""What a training loop meets under `DistributedDataParallel` (DDP): steps, freezing, options, checkpoints, layers."""

from datetime import timedelta

import numpy
import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.checkpoint import checkpoint

from torchproof import close, fact, same
from torchproof.fixtures.ranks import on_each_backend, own_device
from torchproof.suites.parallel.bodies import refused
from torchproof.suites.parallel.replica import BATCH, HALVES, ONES, UNEQUAL, Branches, linear, loss, number, slope

pytestmark = [pytest.mark.dist, pytest.mark.timeout(180)]

WHOLE = numpy.stack([slope(BATCH)] * 2)
LOCAL = numpy.stack([slope(HALVES[0]), slope(HALVES[1])])


def _gradient_of(model):
    return model.module.weight.grad.cpu().clone()


# --- backwards --------------------------------------------------------------------------------------------------------


def _weighted(rank, shards):
    model, own = linear(), torch.tensor(float(len(shards[rank])), device=own_device())
    every = own.clone()
    dist.all_reduce(every)
    (loss(model, shards[rank]) * own * dist.get_world_size() / every).backward()
    return _gradient_of(model)


@fact("torch.nn.parallel.DistributedDataParallel", claims=["X06"])
@on_each_backend
def test_weighted_losses_give_the_gradient_of_the_whole_batch(ranks, backend):
    """Losses weighted by samples times ranks over all samples give unequal shards under `DDP` the whole gradient."""
    got = ranks(2, _weighted, UNEQUAL, backend=backend)
    assert numpy.allclose(torch.stack(got), slope(BATCH[:3]), rtol=1e-14, atol=0)


def _two_forwards(rank, shards, is_one_backward):
    model = linear()
    losses = [loss(model, shards[rank][:1]), loss(model, shards[rank][1:])]
    for each in [sum(losses)] if is_one_backward else losses:
        each.backward()
    return _gradient_of(model)


@fact("torch.nn.parallel.DistributedDataParallel")
@on_each_backend
def test_one_backward_behind_two_forwards_is_averaged(ranks, backend):
    """Two forwards through all of a `DDP` model and one backward of their summed losses average both gradients."""
    same(torch.stack(ranks(2, _two_forwards, HALVES, True, backend=backend)), 2 * WHOLE)


@fact(
    "torch.nn.parallel.DistributedDataParallel",
    myth="every backward of DistributedDataParallel averages the gradients",
    hint="add the losses up and call backward once, or call backward behind each forward",
)
@on_each_backend
def test_second_backward_behind_two_forwards_is_not_averaged(ranks, backend):
    """Behind two forwards under `DDP` the first backward alone is averaged: the second silently adds a rank's own."""
    got = ranks(2, _two_forwards, HALVES, False, backend=backend)
    averaged = (slope([BATCH[0]]) + slope([BATCH[2]])) / 2
    same(torch.stack(got), numpy.stack([averaged + slope([BATCH[1]]), averaged + slope([BATCH[3]])]))


def _backward_again(rank, shards):
    model = linear()
    value = loss(model, shards[rank])
    value.backward(retain_graph=True)
    first = _gradient_of(model)
    value.backward()
    return first, _gradient_of(model)


@fact("torch.nn.parallel.DistributedDataParallel", hint="call forward again before the next backward")
@on_each_backend
def test_second_backward_through_one_forward_is_not_averaged(ranks, backend):
    """A second backward through one forward under `DDP` (`retain_graph=True`) adds the rank's own gradient alone."""
    first, again = (torch.stack(each) for each in zip(*ranks(2, _backward_again, HALVES, backend=backend), strict=True))
    same(first, WHOLE)
    same(again - first, LOCAL)


def _forward_outside(rank, shards):
    model = linear()
    value = loss(model, shards[rank])
    with model.no_sync():
        value.backward()
    return _gradient_of(model)


@fact(
    "torch.nn.parallel.DistributedDataParallel.no_sync",
    "torch.nn.parallel.DistributedDataParallel",
    myth="no_sync around the backward alone keeps gradients local",
    hint="put the forward into the block too",
)
@on_each_backend
def test_backward_in_no_sync_of_a_forward_outside_is_averaged(ranks, backend):
    """A backward inside `no_sync()` of `DDP` whose forward was outside averages the gradients all the same."""
    same(torch.stack(ranks(2, _forward_outside, HALVES, backend=backend)), WHOLE)


def _through_the_module(rank, shards):
    model = linear()
    loss(model.module, shards[rank]).backward()
    return _gradient_of(model)


def prepares_in_the_module(patch):
    """A forward of the layer itself is one of its wrapper."""
    patch.setattr(nn.Linear, "forward", lambda self, x: nn.functional.linear(x, _Averaged.apply(self.weight)))


class _Averaged(torch.autograd.Function):
    @staticmethod
    def forward(ctx, weight):
        return weight.view_as(weight)

    @staticmethod
    def backward(ctx, slope):
        dist.all_reduce(slope)
        return slope / 2


@fact(
    "torch.nn.parallel.DistributedDataParallel",
    refuter=prepares_in_the_module,
    myth="training with model.module(x) is training with DistributedDataParallel",
    hint="call the wrapped model, and give its forward an argument for another way through it",
)
@on_each_backend
def test_backward_of_a_forward_through_the_module_is_not_averaged(ranks, backend):
    """After a forward through `.module` of `DistributedDataParallel`, backward leaves each rank its own gradient."""
    same(torch.stack(ranks(2, _through_the_module, HALVES, backend=backend)), LOCAL)


def _evaluate(rank, shards, how):
    model = linear()
    if rank == 0:
        with torch.set_grad_enabled(how != "no_grad"):
            loss(model.module if how == "module" else model, BATCH)
    loss(model, shards[rank]).backward()
    return _gradient_of(model)


@fact("torch.nn.parallel.DistributedDataParallel", hint="evaluate with model.module on one rank, or on all")
@on_each_backend
@pytest.mark.parametrize("how", ["no_grad", "module"])
def test_evaluation_on_one_rank_leaves_the_next_step_averaged(ranks, backend, how):
    """Rank 0 can evaluate a bufferless `DDP` model alone, in `no_grad` or by `.module`: the next step is averaged."""
    same(torch.stack(ranks(2, _evaluate, HALVES, how, backend=backend)), WHOLE)


# --- optimizers and weights -------------------------------------------------------------------------------------------


def _optimizer_before(rank, shards):
    module = nn.Linear(2, 1, bias=False, dtype=torch.float64, device=own_device())
    nn.init.ones_(module.weight)
    optimizer = torch.optim.SGD(module.parameters(), lr=1 / 64)
    model = DistributedDataParallel(module)
    loss(model, shards[rank]).backward()
    optimizer.step()
    return module.weight.detach().cpu()


@fact(
    "torch.nn.parallel.DistributedDataParallel",
    "torch.optim.SGD.step",
    myth="the optimizer has to be made behind DistributedDataParallel",
)
@on_each_backend
def test_optimizer_made_before_updates_the_model(ranks, backend):
    """An `optim.SGD` made before wrapping in `DistributedDataParallel` updates the model, whose parameters stay."""
    same(torch.stack(ranks(2, _optimizer_before, HALVES, backend=backend)), ONES - WHOLE / 64)


def _load_on_one(rank):
    model = linear()
    if rank == 0:
        model.module.load_state_dict({"weight": torch.tensor([[5.0, 5.0]])})
    loss(model, [[0.0, 0.0]]).backward()
    torch.optim.SGD(model.parameters(), lr=1.0).step()
    return model.module.weight.detach().cpu()


def synchronizes_weights(patch):
    """Every forward sends the weights of rank 0 to all."""
    forward = DistributedDataParallel.forward

    def synchronized(self, *args):
        with torch.no_grad():
            for weight in self.module.parameters():
                dist.broadcast(weight, 0)
        return forward(self, *args)

    patch.setattr(DistributedDataParallel, "forward", synchronized)


@fact(
    "torch.nn.parallel.DistributedDataParallel",
    "torch.nn.Module.load_state_dict",
    refuter=synchronizes_weights,
    myth="DistributedDataParallel keeps the weights equal, whatever a rank does to them",
    hint="load the checkpoint on every rank, or before wrapping",
)
@on_each_backend
def test_weights_loaded_on_one_rank_stay_there(ranks, backend):
    """Weights that rank 0 alone loads into a `DDP` model stay its own: no forward, backward or step sends them."""
    same(torch.cat(ranks(2, _load_on_one, backend=backend)), numpy.array([[5.0, 5.0], [1.0, 1.0]]))


def _resume(rank, folder):
    saved = nn.Linear(2, 1, device=own_device())
    if rank == 0:
        torch.save(saved.state_dict(), folder / "model.pt")
    dist.barrier()
    resumed = nn.Linear(2, 1, device=own_device())
    resumed.load_state_dict(torch.load(folder / "model.pt", map_location=own_device()))
    return saved.weight.detach().cpu(), resumed.weight.detach().cpu()


@fact(
    "torch.save",
    "torch.nn.Module.load_state_dict",
    source="notes/ddp",
    hint="barrier() between, and map_location for the rank's own device",
)
@on_each_backend
def test_checkpoint_of_rank_0_is_loaded_by_all(ranks, backend, tmp_path):
    """A checkpoint that rank 0 alone writes by `torch.save`, before a `barrier()`, every rank can load behind it."""
    (saved, first), (other, second) = ranks(2, _resume, tmp_path, backend=backend)
    assert not torch.equal(saved, other)
    same(torch.stack([first, second]), torch.stack([saved, saved]))


def _dropped(rank, seeds):
    torch.manual_seed(seeds[rank])
    return nn.functional.dropout(torch.ones(64, device=own_device())).cpu()


def seeds_each_rank(patch):
    """Ranks draw numbers of their own, whatever the seed."""
    seed = torch.manual_seed
    patch.setattr(torch, "manual_seed", lambda number: seed(number + 100 * dist.get_rank()))


@fact(
    "torch.manual_seed",
    refuter=seeds_each_rank,
    myth="every rank draws dropout and augmentations of its own, whatever the seed",
    hint="manual_seed(seed + rank)",
)
@on_each_backend
def test_dropout_is_the_same_on_ranks_of_one_seed(ranks, backend):
    """Ranks that call `manual_seed` with one number drop the same elements by `dropout`."""
    first, second = ranks(2, _dropped, (3, 3), backend=backend)
    same(first, second)


def seeds_alike(patch):
    """Ranks draw the same numbers, whatever the seed."""
    seed = torch.manual_seed
    patch.setattr(torch, "manual_seed", lambda number: seed(0))


@fact("torch.manual_seed", refuter=seeds_alike)
@on_each_backend
def test_dropout_differs_on_ranks_that_add_their_number_to_the_seed(ranks, backend):
    """Ranks that call `manual_seed(seed + rank)` drop different ones of 64 elements by `dropout`."""
    first, second = ranks(2, _dropped, (3, 4), backend=backend)
    assert not torch.equal(first, second)


# --- frozen layers and branches ---------------------------------------------------------------------------------------


def _frozen_before(rank):
    module = Branches()
    module.second.requires_grad_(False)
    model = DistributedDataParallel(module)
    for _ in range(2):
        model.zero_grad()
        model(number(rank + 1), True).sum().backward()
    return module.first.weight.grad.cpu()


@fact("torch.nn.parallel.DistributedDataParallel", hint="freeze before wrapping")
@on_each_backend
def test_layer_frozen_before_needs_no_search(ranks, backend):
    """A layer frozen before wrapping in `DDP` needs no `find_unused_parameters`: steps go on, the rest is averaged."""
    same(torch.stack(ranks(2, _frozen_before, backend=backend)), [[[1.5]], [[1.5]]])


def _frozen_behind(rank):
    model = DistributedDataParallel(Branches())
    model.module.second.requires_grad_(False)
    model(number(1), True).sum().backward()
    return refused(model, number(1), True)


@fact("torch.nn.parallel.DistributedDataParallel", hint="freeze before wrapping, or wrap the module again")
@on_each_backend
def test_layer_frozen_afterwards_is_refused(ranks, backend):
    """Freezing a layer of `DDP` after wrapping ends in "Expected to have finished reduction in the prior iteration"."""
    told = ranks(2, _frozen_behind, backend=backend)
    assert all("Expected to have finished reduction in the prior iteration" in each for each in told)


def _thawed(rank):
    module = Branches()
    module.second.requires_grad_(False)
    model = DistributedDataParallel(module)
    module.second.requires_grad_(True)
    model(number(rank + 1), True).sum().backward()
    return module.first.weight.grad.item(), module.second.weight.grad.item()


@fact(
    "torch.nn.parallel.DistributedDataParallel",
    myth="a layer that is unfrozen later is averaged with the others",
    hint="wrap the module again after unfreezing a layer",
)
@on_each_backend
def test_layer_unfrozen_afterwards_is_not_averaged(ranks, backend):
    """A layer unfrozen after wrapping in `DDP` keeps each rank's own gradient: those known at first are averaged."""
    assert ranks(2, _thawed, backend=backend) == [(1.5, 1.0), (1.5, 2.0)]


def _branch_of_one(rank):
    group = dist.new_group(timeout=timedelta(seconds=0.5))
    model = DistributedDataParallel(Branches(), process_group=group)
    value = model(number(1), rank == 1).sum()
    told = refused(value.backward) if rank == 1 else value.backward()
    dist.barrier()
    return told


@fact("torch.nn.parallel.DistributedDataParallel", hint="find_unused_parameters=True")
@pytest.mark.cpu
@pytest.mark.slow
def test_branch_that_one_rank_takes_alone_times_out(ranks):
    """Where one rank alone uses a layer, its backward under `DDP` waits for the others until it has "Timed out"."""
    _, told = ranks(2, _branch_of_one)
    assert "Timed out" in told


class _Twice(nn.Module):
    """A layer of weight 1 that is checkpointed twice."""

    def __init__(self, use_reentrant):
        super().__init__()
        self.first = nn.Linear(1, 1, bias=False, device=own_device())
        self.layer = nn.Linear(1, 1, bias=False, device=own_device())
        self.use_reentrant = use_reentrant
        for weight in self.parameters():
            nn.init.ones_(weight)

    def forward(self, x):
        once = checkpoint(self.layer, self.first(x), use_reentrant=self.use_reentrant)
        return checkpoint(self.layer, once, use_reentrant=self.use_reentrant)


def _checkpointed(rank, use_reentrant, options):
    model = DistributedDataParallel(_Twice(use_reentrant), **options)
    for _ in range(2):
        model.zero_grad()
        model(number(rank + 1)).sum().backward()
    return model.module.layer.weight.grad.item()


@fact("torch.nn.parallel.DistributedDataParallel")
@on_each_backend
@pytest.mark.parametrize(
    ("use_reentrant", "options"), [(False, {}), (True, {"static_graph": True})], ids=["plain", "static_graph"]
)
def test_layer_checkpointed_twice_is_averaged(ranks, backend, use_reentrant, options):
    """`DDP` averages a layer that is checkpointed twice, with `use_reentrant=False` or with `static_graph=True`."""
    assert ranks(2, _checkpointed, use_reentrant, options, backend=backend) == [3.0, 3.0]


def _refused_checkpoint(rank):
    return refused(_checkpointed, rank, True, {})


@fact("torch.nn.parallel.DistributedDataParallel", hint="checkpoint(..., use_reentrant=False)")
@on_each_backend
def test_layer_checkpointed_twice_reentrantly_is_refused(ranks, backend):
    """A layer checkpointed twice by `use_reentrant=True` is refused under `DDP`: "mark a variable ready only once"."""
    told = ranks(2, _refused_checkpoint, backend=backend)
    assert all("Expected to mark a variable ready only once" in each for each in told)


# --- static_graph -----------------------------------------------------------------------------------------------------


def _static(rank, uses):
    model = DistributedDataParallel(Branches(), static_graph=True)
    for both in uses:
        model.zero_grad()
        model(number(rank + 1), both).sum().backward()
    return [weight.grad if weight.grad is None else weight.grad.item() for weight in model.parameters()]


@fact("torch.nn.parallel.DistributedDataParallel")
@on_each_backend
def test_static_graph_may_leave_parameters_unused(ranks, backend):
    """With `static_graph=True`, `DDP` goes on without the parameters that no iteration uses."""
    assert ranks(2, _static, [False] * 3, backend=backend) == [[1.5, 1.0, None, None]] * 2


def _static_refusal(rank, uses):
    return refused(_static, rank, uses)


@fact("torch.nn.parallel.DistributedDataParallel", hint="leave static_graph out")
@on_each_backend
@pytest.mark.parametrize("uses", [[False, True], [True, False, False]], ids=["more", "less"])
def test_static_graph_that_changes_is_refused(ranks, backend, uses):
    """With `static_graph=True`, `DDP` refuses to use other parameters than at first: "training graph has changed"."""
    first, second = ranks(2, _static_refusal, uses, backend=backend)
    assert "training graph has changed" in first
    assert "training graph has changed" in second


# --- buckets ----------------------------------------------------------------------------------------------------------


def _buckets(rank, is_view):
    model = DistributedDataParallel(Branches(), gradient_as_bucket_view=is_view)
    for _ in range(2):
        model.zero_grad()
        model(number(rank + 1), True).sum().backward()
    return len(
        {weight.grad.untyped_storage().data_ptr() for weight in model.parameters()}
    ), model.module.first.weight.grad.item()


@fact("torch.nn.parallel.DistributedDataParallel")
@on_each_backend
@pytest.mark.parametrize(("is_view", "storages"), [(True, 1), (False, 4)], ids=["view", "plain"])
def test_gradients_as_bucket_views_share_storage(ranks, backend, is_view, storages):
    """With `gradient_as_bucket_view=True`, gradients of a small `DDP` model share a storage; else each has its own."""
    assert ranks(2, _buckets, is_view, backend=backend) == [(storages, 1.5)] * 2


def _detached(rank):
    model = linear(gradient_as_bucket_view=True)
    loss(model, BATCH).backward()
    return refused(model.module.weight.grad.detach_)


@fact("torch.nn.parallel.DistributedDataParallel", hint="zero_grad(set_to_none=True), or detach()")
@on_each_backend
def test_gradients_as_bucket_views_are_not_detached_in_place(ranks, backend):
    """With `DDP(gradient_as_bucket_view=True)`, `grad.detach_()` is refused: "Can't detach views in-place"."""
    (told,) = ranks(1, _detached, backend=backend)
    assert "Can't detach views in-place" in told


def _hooked_again(rank):
    from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook

    model = linear()
    model.register_comm_hook(None, allreduce_hook)
    return refused(model.register_comm_hook, None, allreduce_hook)


@fact("torch.nn.parallel.DistributedDataParallel.register_comm_hook")
@on_each_backend
def test_second_comm_hook_is_refused(ranks, backend):
    """A second `register_comm_hook` of `DistributedDataParallel` is refused: it "can only be called once"."""
    (told,) = ranks(1, _hooked_again, backend=backend)
    assert "can only be called once" in told


# --- join -------------------------------------------------------------------------------------------------------------


def _join(rank, options):
    model, seen = linear(), []
    with model.join(**options):
        for _ in range(rank + 1):
            model.zero_grad()
            loss(model, BATCH).backward()
            seen.append(_gradient_of(model))
    return torch.stack(seen)


@fact("torch.nn.parallel.DistributedDataParallel.join")
@on_each_backend
def test_join_may_divide_by_the_ranks_that_are_left(ranks, backend):
    """With DDP's `join(divide_by_initial_world_size=False)`, gradients are averaged over ranks still with batches."""
    _, second = ranks(2, _join, {"divide_by_initial_world_size": False}, backend=backend)
    same(second, WHOLE)


def _join_throws(rank):
    return refused(_join, rank, {"throw_on_early_termination": True})


@fact("torch.nn.parallel.DistributedDataParallel.join")
@on_each_backend
def test_join_may_end_all_ranks_with_the_first(ranks, backend):
    """With DDP's `join(throw_on_early_termination=True)`, ranks raise "exhausted" where one has no more batches."""
    first, second = ranks(2, _join_throws, backend=backend)
    assert "Rank 0 exhausted all inputs" in first
    assert "Detected at least one rank that exhausted inputs" in second


SCORES = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 9.0]]
TARGETS = [[0, 1], [1, -100]]


def _ignoring(rank, weighs):
    model = nn.Linear(2, 2, bias=False, dtype=torch.float64, device=own_device())
    nn.init.eye_(model.weight)
    model = DistributedDataParallel(model)
    x = torch.tensor(SCORES[2 * rank : 2 * rank + 2], dtype=torch.float64, device=own_device())
    target = torch.tensor(TARGETS[rank], device=own_device())
    value = nn.functional.cross_entropy(model(x), target, ignore_index=-100)
    if weighs:
        own = (target != -100).sum()
        every = own.clone()
        dist.all_reduce(every)
        value = value * own * dist.get_world_size() / every
    value.backward()
    return _gradient_of(model)


def _slope_of_targets(rows):
    """The gradient of the mean cross entropy over these rows, in NumPy."""
    x, target = numpy.array(SCORES)[rows], numpy.ravel(TARGETS)[rows]
    share = numpy.exp(x) / numpy.exp(x).sum(axis=1, keepdims=True)
    return (share - numpy.eye(2)[target]).T @ x / len(x)


@fact(
    "torch.nn.parallel.DistributedDataParallel",
    "torch.nn.functional.cross_entropy",
    myth="shards of one size give DDP the gradient of the whole batch, also where ignore_index leaves targets out",
    hint="weigh each rank's loss by its targets times ranks over all targets",
)
@on_each_backend
def test_ignored_targets_make_the_mean_one_of_ranks(ranks, backend):
    """With `ignore_index`, `DDP` averages each rank's mean over its targets, which is not that of the whole batch."""
    got = torch.stack(ranks(2, _ignoring, False, backend=backend))
    mean = (_slope_of_targets([0, 1]) + _slope_of_targets([2])) / 2
    assert numpy.allclose(got, mean, rtol=1e-13, atol=0)
    assert not numpy.allclose(got, _slope_of_targets([0, 1, 2]))


@fact("torch.nn.parallel.DistributedDataParallel", "torch.nn.functional.cross_entropy")
@on_each_backend
def test_losses_weighed_by_targets_give_the_gradient_of_the_whole_batch(ranks, backend):
    """With `ignore_index`, losses weighed by the rank's share of targets times ranks give `DDP` the whole gradient."""
    got = torch.stack(ranks(2, _ignoring, True, backend=backend))
    assert numpy.allclose(got, _slope_of_targets([0, 1, 2]), rtol=1e-13, atol=0)


# --- dtypes and devices -----------------------------------------------------------------------------------------------


def _converted(rank, shards, convert):
    model = linear()
    convert(model)
    loss(model, shards[rank]).backward()
    return _gradient_of(model)


def _there_and_back(model):
    model.float().double()


@fact(
    "torch.nn.parallel.DistributedDataParallel",
    "torch.nn.Module.double",
    myth="a model may be converted by half() or double() behind DistributedDataParallel",
    hint="convert the model before wrapping",
)
@on_each_backend
def test_conversion_behind_wrapping_leaves_gradients_local(ranks, backend):
    """After `.float().double()` of a wrapped `DDP` model each rank silently keeps its own gradient, not the average."""
    same(torch.stack(ranks(2, _converted, HALVES, _there_and_back, backend=backend)), LOCAL)


def _to_where_it_is(model):
    model.to(own_device())


@fact("torch.nn.parallel.DistributedDataParallel", "torch.nn.Module.to")
@on_each_backend
def test_to_the_device_where_it_is_leaves_gradients_averaged(ranks, backend):
    """After `.to(device)` of a wrapped `DDP` model that is on that device already, gradients are averaged as before."""
    same(torch.stack(ranks(2, _converted, HALVES, _to_where_it_is, backend=backend)), WHOLE)


# --- SyncBatchNorm ----------------------------------------------------------------------------------------------------


@fact("torch.nn.SyncBatchNorm.convert_sync_batchnorm")
@pytest.mark.cpu
def test_converted_layers_keep_their_parameters():
    """`convert_sync_batchnorm` makes a BatchNorm a SyncBatchNorm with its `weight`, `bias` and `running_mean`."""
    layer = nn.BatchNorm1d(1)
    for number_, value in enumerate((layer.weight.data, layer.bias.data, layer.running_mean)):
        value.fill_(number_ + 3)
    norm = nn.SyncBatchNorm.convert_sync_batchnorm(layer)
    assert type(norm) is nn.SyncBatchNorm
    same(torch.cat([norm.weight, norm.bias, norm.running_mean]), [3.0, 4.0, 5.0])


@fact("torch.nn.SyncBatchNorm.convert_sync_batchnorm")
@pytest.mark.cpu
def test_other_layers_are_not_converted():
    """`convert_sync_batchnorm` changes a Sequential in place, and leaves the layers that are no BatchNorm."""
    model = nn.Sequential(layer := nn.Linear(2, 2), nn.BatchNorm1d(2))
    assert nn.SyncBatchNorm.convert_sync_batchnorm(model) is model
    assert model[0] is layer
    assert isinstance(model[1], nn.SyncBatchNorm)


def _normalized_alone(rank):
    layer = nn.BatchNorm1d(1)
    layer.running_mean.fill_(3)
    layer = nn.SyncBatchNorm.convert_sync_batchnorm(layer).eval()
    return layer(torch.tensor([[5.0], [1.0]])).detach() if rank == 0 else None


@fact(
    "torch.nn.SyncBatchNorm.convert_sync_batchnorm",
    myth="SyncBatchNorm waits for the other ranks in eval too",
    hint="eval() for a validation on one rank",
)
@pytest.mark.cpu
def test_converted_layers_in_eval_wait_for_nobody(ranks):
    """In `eval`, one rank alone can run a `SyncBatchNorm`, on the CPU too: it gives what BatchNorm gives, by itself."""
    got, _ = ranks(2, _normalized_alone)
    close(got, numpy.array([[2.0], [-2.0]]) / numpy.sqrt(1 + 1e-5), roundings=4)


@fact("torch.nn.SyncBatchNorm.convert_sync_batchnorm", since="2.2", calls="any", hint="call eval() again afterwards")
@pytest.mark.cpu
def test_converted_layers_stay_in_eval():
    """`convert_sync_batchnorm` of a model in `eval` leaves it in `eval`."""
    assert not nn.SyncBatchNorm.convert_sync_batchnorm(nn.BatchNorm1d(1).eval()).training


# --- torch.compile ----------------------------------------------------------------------------------------------------


def _compiled(rank, shards):
    layer = nn.Linear(2, 1, bias=False, dtype=torch.float64, device=own_device())
    nn.init.ones_(layer.weight)
    model = DistributedDataParallel(torch.compile(layer, backend=lambda graph, _: graph.forward))
    loss(model, shards[rank]).backward()
    return layer.weight.grad.cpu()


@fact("torch.nn.parallel.DistributedDataParallel", since="2.1", calls="none")
@pytest.mark.slow
@on_each_backend
def test_compiled_module_is_averaged(ranks, backend):
    """`DistributedDataParallel` around a Linear under `torch.compile` averages its gradients over the ranks."""
    same(torch.stack(ranks(2, _compiled, HALVES, backend=backend)), WHOLE)
