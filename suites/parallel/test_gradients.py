"""What autograd makes of collectives, of torch.distributed and of its `nn`; their results are in `test_reductions`."""

import math
import warnings
from functools import partial

import pytest
import torch
import torch.distributed as dist

from torchproof import close, fact, same
from torchproof.fixtures.ranks import on_each_backend, own_device

pytestmark = [pytest.mark.dist, pytest.mark.timeout(180)]


def _leaf(*values):
    return torch.tensor(values, device=own_device(), requires_grad=True)


def _gradient(x, loss):
    loss.backward()
    return x.grad.cpu()


def _through_all_reduce(rank):
    x = _leaf(1.0 + rank)
    y = x * 3
    dist.all_reduce(y)
    return y.detach().cpu(), _gradient(x, y.sum() * (rank + 1))


@fact(
    "torch.distributed.all_reduce",
    myth="autograd goes through all_reduce",
    hint="torch.distributed.nn.functional.all_reduce",
)
@pytest.mark.cpu
def test_all_reduce_is_not_differentiated(ranks):
    """`backward` does not go through `all_reduce`: a product in front of it gets the gradient of the own rank alone."""
    (reduced, first), (_, second) = ranks(2, _through_all_reduce)
    same(reduced, [9.0])
    same(torch.stack([first, second]), [[3.0], [6.0]])


def _of_saved(rank):
    x = _leaf(1.0 + rank)
    y = x.sqrt()
    dist.all_reduce(y)
    return _gradient(x, y.sum())


@fact(
    "torch.distributed.all_reduce",
    myth="autograd refuses a backward whose saved tensor all_reduce has overwritten",
    hint="all_reduce(y.detach().clone()), or torch.distributed.nn.functional.all_reduce",
)
@pytest.mark.cpu
def test_all_reduce_overwrites_what_backward_saved(ranks):
    """`all_reduce` of the result of `sqrt` silently changes that gradient: `backward` computes it from the sum."""
    first, second = ranks(2, _of_saved)
    want = torch.tensor([1 / (2 * (1 + math.sqrt(2)))])
    close(torch.stack([first, second]), torch.stack([want, want]), roundings=8)


def _through_all_gather(rank):
    gathered = [torch.zeros(1, device=own_device()) for _ in range(2)]
    dist.all_gather(gathered, _leaf(1.0 + rank))
    return [x.requires_grad for x in gathered]


def fills_with_gradients(patch):
    """`all_gather` is differentiated."""
    patch.setattr(dist, "all_gather", lambda places, x: [place.requires_grad_() for place in places])


@fact(
    "torch.distributed.all_gather",
    refuter=fills_with_gradients,
    hint="put the rank's own tensor into its place, or torch.distributed.nn.functional.all_gather",
)
@pytest.mark.cpu
def test_all_gather_is_not_differentiated(ranks):
    """A tensor that `all_gather` fills does not require grad, not even the rank's own part."""
    assert ranks(2, _through_all_gather) == [[False, False]] * 2


# --- torch.distributed.nn ---------------------------------------------------------------------------------------------


def _nn(name):
    """The function for the group of this body: its default is that of the moment in which it was imported."""
    import torch.distributed.nn.functional as functional

    return partial(getattr(functional, name), group=dist.group.WORLD)


def _nn_all_reduce(rank):
    x = _leaf(1.0 + rank)
    y = _nn("all_reduce")(x)
    return y.detach().cpu(), _gradient(x, y.sum() * (rank + 1))


@fact("torch.distributed.nn.functional.all_reduce")
@on_each_backend
def test_nn_all_reduce_sums_gradients(ranks, backend):
    """`backward` of `torch.distributed.nn.functional.all_reduce` gives every rank the sum of all ranks' gradients."""
    (_, first), (_, second) = ranks(2, _nn_all_reduce, backend=backend)
    same(torch.stack([first, second]), [[3.0], [3.0]])


def _nn_all_gather(rank):
    x = _leaf(1.0 + rank)
    y = torch.cat(_nn("all_gather")(x))
    return y.detach().cpu(), _gradient(x, y @ torch.tensor([1.0, 10.0], device=own_device()) * (rank + 1))


@fact("torch.distributed.nn.functional.all_gather", myth="all_gather has to be written anew for a contrastive loss")
@on_each_backend
def test_nn_all_gather_sums_gradients(ranks, backend):
    """`backward` of `torch.distributed.nn.functional.all_gather` sums all ranks' gradients of each rank's part."""
    (_, first), (_, second) = ranks(2, _nn_all_gather, backend=backend)
    same(torch.stack([first, second]), [[3.0], [30.0]])


def _nn_broadcast(rank):
    x = _leaf(1.0 + rank)
    y = _nn("broadcast")(x, 0)
    return y.detach().cpu(), _gradient(x, y.sum() * (rank + 1))


@fact("torch.distributed.nn.functional.broadcast")
@on_each_backend
def test_nn_broadcast_gives_its_source_all_gradients(ranks, backend):
    """`backward` of `torch.distributed.nn.functional.broadcast` gives `src` all gradients' sum, and others zero."""
    (_, first), (_, second) = ranks(2, _nn_broadcast, backend=backend)
    same(torch.stack([first, second]), [[3.0], [0.0]])


def _argument(rank, name, *args):
    x = _leaf(1.0 + rank)
    _nn(name)(x, *args)
    return x.detach().cpu()


@fact("torch.distributed.nn.functional.all_reduce", "torch.distributed.nn.functional.broadcast")
@on_each_backend
@pytest.mark.parametrize("name", ["all_reduce", "broadcast"])
def test_nn_collectives_leave_their_argument(ranks, backend, name):
    """`torch.distributed.nn.functional.all_reduce` and `broadcast` leave the tensor that they are given as it was."""
    args = (0,) if name == "broadcast" else ()
    same(torch.stack(ranks(2, _argument, name, *args, backend=backend)), [[1.0], [2.0]])


def _nn_all_to_all_single(rank):
    x = _leaf(1.0 + 10 * rank, 2.0 + 10 * rank)
    y = _nn("all_to_all_single")(torch.zeros(2, device=own_device()), x)
    return y.detach().cpu(), _gradient(x, y.sum() * (rank + 1))


@fact("torch.distributed.nn.functional.all_to_all_single")
@on_each_backend
def test_nn_all_to_all_single_returns_gradients(ranks, backend):
    """`torch.distributed.nn.functional.all_to_all_single` hands each gradient back to the rank that sent the part."""
    (_, first), (_, second) = ranks(2, _nn_all_to_all_single, backend=backend)
    same(torch.stack([first, second]), [[1.0, 2.0], [1.0, 2.0]])


def _nn_reduce_scatter(rank):
    x = _leaf(1.0 + rank, 10.0)
    y = _nn("reduce_scatter")(torch.zeros(1, device=own_device()), [*x.chunk(2)])
    return y.detach().cpu(), _gradient(x, y.sum() * (rank + 1))


@fact("torch.distributed.nn.functional.reduce_scatter", since={"cpu": "2.8", "cuda": "2.0"}, calls="any", gain=True)
@on_each_backend
def test_nn_reduce_scatter_gathers_gradients(ranks, backend):
    """`backward` of `torch.distributed.nn.functional.reduce_scatter` gives a part the gradient of who got its sum."""
    (_, first), (_, second) = ranks(2, _nn_reduce_scatter, backend=backend)
    same(torch.stack([first, second]), [[1.0, 2.0], [1.0, 2.0]])


@fact("torch.distributed.nn.functional.reduce_scatter", since={"cpu": "2.8", "cuda": "2.0"}, calls="any", gain=True)
@on_each_backend
def test_nn_reduce_scatter_gives_each_rank_its_part(ranks, backend):
    """`torch.distributed.nn.functional.reduce_scatter` gives each rank its part of the sum over the ranks."""
    same(torch.cat([own for own, _ in ranks(2, _nn_reduce_scatter, backend=backend)]), [3.0, 20.0])


def _nn_scatter(rank):
    x = _leaf(1.0, 2.0)
    y = _nn("scatter")([*x.chunk(2)], 0)
    return y.detach().cpu(), _gradient(x, y.sum() * (rank + 1))


@fact("torch.distributed.nn.functional.scatter")
@pytest.mark.cpu
def test_nn_scatter_gathers_gradients(ranks):
    """`backward` of `torch.distributed.nn.functional.scatter` gives `src` for each part the gradient of who got it."""
    (_, first), _ = ranks(2, _nn_scatter)
    same(first, [1.0, 2.0])


@fact("torch.distributed.nn.functional.scatter")
@pytest.mark.cpu
def test_nn_scatter_gives_each_rank_its_part(ranks):
    """`torch.distributed.nn.functional.scatter` gives each rank the tensor at its place in the list of `src`."""
    same(torch.cat([own for own, _ in ranks(2, _nn_scatter)]), [1.0, 2.0])


RESULTS = {
    "all_gather": (_nn_all_gather, [[1.0, 2.0], [1.0, 2.0]]),
    "all_reduce": (_nn_all_reduce, [[3.0], [3.0]]),
    "all_to_all_single": (_nn_all_to_all_single, [[1.0, 11.0], [2.0, 12.0]]),
    "broadcast": (_nn_broadcast, [[1.0], [1.0]]),
}


@fact(
    "torch.distributed.nn.functional.all_gather",
    "torch.distributed.nn.functional.all_reduce",
    "torch.distributed.nn.functional.all_to_all_single",
    "torch.distributed.nn.functional.broadcast",
)
@on_each_backend
@pytest.mark.parametrize(("body", "want"), RESULTS.values(), ids=RESULTS)
def test_nn_collectives_return_what_the_plain_ones_write(ranks, backend, body, want):
    """`all_gather`, `all_reduce`, `all_to_all_single`, `broadcast` of `torch.distributed.nn` return plain results."""
    same(torch.stack([y for y, _ in ranks(2, body, backend=backend)]), want)


NEWER = {
    "all_gather": _nn_all_gather,
    "all_reduce": _nn_all_reduce,
    "all_to_all_single": _nn_all_to_all_single,
    "broadcast": _nn_broadcast,
    "reduce_scatter": _nn_reduce_scatter,
}


def _warned(rank, body):
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        body(rank)
    return "".join(str(each.message) for each in given)


@fact(
    "torch.distributed.nn.functional.all_gather",
    "torch.distributed.nn.functional.all_reduce",
    "torch.distributed.nn.functional.all_to_all_single",
    "torch.distributed.nn.functional.broadcast",
    "torch.distributed.nn.functional.reduce_scatter",
    since="2.12",
    calls="any",
)
@on_each_backend
@pytest.mark.parametrize("name", NEWER)
def test_nn_collectives_are_deprecated(ranks, backend, name):
    """`torch.distributed.nn.functional.all_reduce`, and four more there, warn "is deprecated, use" a newer one."""
    told = ranks(2, _warned, NEWER[name], backend=backend)
    assert all("is deprecated, use torch.distributed._functional_collectives." in each for each in told)
