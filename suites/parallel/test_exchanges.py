"""Collectives that hand elements over without reducing them: broadcast, gather, scatter and all-to-all."""

import pytest
import torch
import torch.distributed as dist

from torchproof import fact, same
from torchproof.fixtures.ranks import on_each_backend, own_device
from torchproof.suites.parallel.bodies import own_values, refused

pytestmark = [pytest.mark.dist, pytest.mark.timeout(180)]


def _zeros(*shape):
    return torch.zeros(shape, dtype=torch.int64, device=own_device())


# --- broadcast --------------------------------------------------------------------------------------------------------


def _broadcast(rank, dtype):
    x = own_values(rank).to(dtype)
    dist.broadcast(x, src=1)
    return x.cpu()


@fact("torch.distributed.broadcast")
@on_each_backend
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float16, torch.float64], ids=["uint8", "float16", "float64"])
def test_broadcast_keeps_the_dtype(ranks, backend, dtype):
    """`torch.distributed.broadcast` hands uint8, float16 and float64 over in their own dtype."""
    want = torch.tensor([[10, 20, 30]] * 2, dtype=dtype)
    same(torch.stack(ranks(2, _broadcast, dtype, backend=backend)), want)


@fact("torch.distributed.broadcast", since={"cpu": "2.9", "cuda": "2.0"}, calls="any", gain=True)
@on_each_backend
def test_broadcast_takes_complex_tensors(ranks, backend):
    """`torch.distributed.broadcast` hands complex64 tensors over."""
    want = torch.tensor([[10, 20, 30]] * 2, dtype=torch.complex64)
    same(torch.stack(ranks(2, _broadcast, torch.complex64, backend=backend)), want)


def _columns(rank):
    x = (torch.arange(12).reshape(3, 4) * 10**rank)[:, :2]
    dist.broadcast(x, src=1)
    return x.contiguous()


@fact("torch.distributed.broadcast", hint="broadcast a contiguous() copy, and copy_ the result back")
@pytest.mark.cpu
def test_broadcast_takes_a_slice_with_gaps_on_gloo(ranks):
    """With gloo, `dist.broadcast` hands over a slice with gaps, such as `x[:, :2]`, each element at its place."""
    same(torch.stack(ranks(2, _columns)), [[[0, 10], [40, 50], [80, 90]]] * 2)


# --- all_gather -------------------------------------------------------------------------------------------------------


def _gather_into(rank, *shape):
    whole = _zeros(*shape)
    dist.all_gather_into_tensor(whole, own_values(rank))
    return whole.cpu()


@fact("torch.distributed.all_gather_into_tensor", since={"cpu": "2.2", "cuda": "2.0"}, calls="any", gain=True)
@on_each_backend
def test_all_gather_into_tensor_joins_along_the_first_dimension(ranks, backend):
    """`all_gather_into_tensor` fills an output of the joined size with the tensors of all, in the order of ranks."""
    same(torch.stack(ranks(2, _gather_into, 6, backend=backend)), [[1, 2, 3, 10, 20, 30]] * 2)


@fact("torch.distributed.all_gather_into_tensor", since={"cpu": "2.2", "cuda": "2.0"}, calls="any")
@on_each_backend
def test_all_gather_into_tensor_stacks(ranks, backend):
    """`all_gather_into_tensor` fills an output of one more dimension with the tensors of all as a stack."""
    same(torch.stack(ranks(2, _gather_into, 2, 3, backend=backend)), [[[1, 2, 3], [10, 20, 30]]] * 2)


def _gather_into_too_little(rank):
    return refused(dist.all_gather_into_tensor, _zeros(5), own_values(rank))


@fact("torch.distributed.all_gather_into_tensor", since="2.2", calls="any")
@pytest.mark.cpu
def test_all_gather_into_tensor_refuses_another_size(ranks):
    """With gloo, `all_gather_into_tensor` refuses an output of another size: "invalid tensor size"."""
    assert all("invalid tensor size" in told for told in ranks(2, _gather_into_too_little))


def _gather_other_shapes(rank):
    return refused(dist.all_gather, [_zeros(2), _zeros(2)], own_values(rank))


@fact("torch.distributed.all_gather", hint="pad to one size, or all_gather_object")
@pytest.mark.cpu
def test_all_gather_refuses_places_of_another_shape(ranks):
    """With gloo, `all_gather` refuses tensors of another shape than its own: "invalid tensor size"."""
    assert all("invalid tensor size" in told for told in ranks(2, _gather_other_shapes))


def _gather_other_dtypes(rank):
    return refused(dist.all_gather, [_zeros(3), _zeros(3)], own_values(rank, torch.float32))


@fact("torch.distributed.all_gather")
@on_each_backend
def test_all_gather_refuses_places_of_another_dtype(ranks, backend):
    """`all_gather` into tensors of another dtype raises "Invalid usage of tensors with different dtypes"."""
    told = ranks(2, _gather_other_dtypes, backend=backend)
    assert all("Invalid usage of tensors with different dtypes" in each for each in told)


# --- gather and scatter -----------------------------------------------------------------------------------------------


def _gather(rank, dst):
    places = [_zeros(3), _zeros(3)] if rank == dst else None
    dist.gather(own_values(rank), places, dst=dst)
    return places and torch.stack(places).cpu()


@fact("torch.distributed.gather")
@on_each_backend
@pytest.mark.parametrize("dst", [0, 1])
def test_gather_fills_the_list_of_its_destination(ranks, backend, dst):
    """`torch.distributed.gather` fills the list of rank `dst` with the tensors of all, in the order of ranks."""
    same(ranks(2, _gather, dst, backend=backend)[dst], [[1, 2, 3], [10, 20, 30]])


def _gather_by_default(rank):
    places = [_zeros(3), _zeros(3)] if rank == 0 else None
    dist.gather(own_values(rank), places)
    return places and torch.stack(places).cpu()


@fact("torch.distributed.gather")
@on_each_backend
def test_gather_is_to_rank_0_by_default(ranks, backend):
    """`torch.distributed.gather` without `dst` gives rank 0 the tensors of all."""
    same(ranks(2, _gather_by_default, backend=backend)[0], [[1, 2, 3], [10, 20, 30]])


def _gather_without_places(rank):
    return rank == 0 and refused(dist.gather, own_values(rank))


@fact("torch.distributed.gather")
@on_each_backend
def test_gather_needs_a_list_on_its_destination(ranks, backend):
    """`dist.gather` without a list on `dst` raises "`gather_list` must be specified on destination rank"."""
    assert "must be specified on destination rank" in ranks(2, _gather_without_places, backend=backend)[0]


def _gather_with_places_everywhere(rank):
    return rank == 1 and refused(dist.gather, own_values(rank), [_zeros(3), _zeros(3)])


@fact("torch.distributed.gather", hint="gather_list=places if rank == dst else None")
@on_each_backend
def test_gather_refuses_a_list_elsewhere(ranks, backend):
    """`dist.gather` with a list on another rank than `dst` raises "must NOT be specified on non-destination ranks"."""
    told = ranks(2, _gather_with_places_everywhere, backend=backend)[1]
    assert "must NOT be specified on non-destination ranks" in told


def _scatter_by_default(rank):
    mine = _zeros(3)
    dist.scatter(mine, [own_values(0), own_values(1)] if rank == 0 else None)
    return mine.cpu()


@fact("torch.distributed.scatter")
@on_each_backend
def test_scatter_is_from_rank_0_by_default(ranks, backend):
    """`torch.distributed.scatter` without `src` hands the list of rank 0 out."""
    same(torch.stack(ranks(2, _scatter_by_default, backend=backend)), [[1, 2, 3], [10, 20, 30]])


def _scatter_without_parts(rank):
    return rank == 0 and refused(dist.scatter, _zeros(3))


@fact("torch.distributed.scatter")
@on_each_backend
def test_scatter_needs_a_list_on_its_source(ranks, backend):
    """`dist.scatter` without a list on `src` raises "`scatter_list` must be specified on source rank"."""
    assert "must be specified on source rank" in ranks(2, _scatter_without_parts, backend=backend)[0]


def _scatter_with_parts_everywhere(rank):
    return rank == 1 and refused(dist.scatter, _zeros(3), [own_values(0), own_values(1)])


@fact("torch.distributed.scatter", hint="scatter_list=parts if rank == src else None")
@on_each_backend
def test_scatter_refuses_a_list_elsewhere(ranks, backend):
    """`dist.scatter` with a list on another rank than `src` raises "must NOT be specified on non-source ranks"."""
    told = ranks(2, _scatter_with_parts_everywhere, backend=backend)[1]
    assert "must NOT be specified on non-source ranks" in told


def _scatter_other_sizes(rank):
    return rank == 0 and refused(dist.scatter, _zeros(1), [_zeros(1), _zeros(2)])


@fact("torch.distributed.scatter", hint="pad to one size, or scatter_object_list")
@pytest.mark.cpu
def test_scatter_refuses_parts_of_several_sizes(ranks):
    """With gloo, `torch.distributed.scatter` of tensors of several sizes raises "invalid tensor size"."""
    assert "invalid tensor size" in ranks(2, _scatter_other_sizes)[0]


def _scatter_too_few(rank):
    return rank == 0 and refused(dist.scatter, _zeros(1), [_zeros(1)])


@fact("torch.distributed.scatter")
@pytest.mark.cpu
def test_scatter_refuses_a_list_of_another_length(ranks):
    """With gloo, `dist.scatter` refuses a list of one tensor for two ranks: "Incorrect input list size 1"."""
    assert "Incorrect input list size 1. Input list size should be 2" in ranks(2, _scatter_too_few)[0]


# --- all-to-all -------------------------------------------------------------------------------------------------------


def _all_to_all_single(rank):
    out = _zeros(4)
    dist.all_to_all_single(out, torch.tensor([1, 2, 3, 4], device=own_device()) * 10**rank)
    return out.cpu()


@fact("torch.distributed.all_to_all_single")
@on_each_backend
def test_all_to_all_single_gives_the_ith_part_to_rank_i(ranks, backend):
    """`all_to_all_single` gives rank i the i-th part of everybody's tensor, in the order of ranks."""
    got = ranks(2, _all_to_all_single, backend=backend)
    same(torch.stack(got), [[1, 2, 10, 20], [3, 4, 30, 40]])


def _all_to_all_single_uneven(rank):
    sizes = [[1, 2], [2, 0]]
    out = _zeros(sum(row[rank] for row in sizes))
    x = torch.tensor([1, 2, 3][: sum(sizes[rank])], device=own_device()) * 10**rank
    dist.all_to_all_single(out, x, [row[rank] for row in sizes], sizes[rank])
    return out.tolist()


@fact("torch.distributed.all_to_all_single")
@on_each_backend
def test_all_to_all_single_takes_sizes_of_parts(ranks, backend):
    """`all_to_all_single` with split sizes hands over parts of several sizes, also of none."""
    assert ranks(2, _all_to_all_single_uneven, backend=backend) == [[1, 10, 20], [2, 3]]


def _all_to_all_single_of_wrong_sizes(rank):
    return refused(dist.all_to_all_single, _zeros(3), _zeros(3), [1, 1], [1, 2])


@fact("torch.distributed.all_to_all_single")
@on_each_backend
def test_all_to_all_single_refuses_sizes_of_another_sum(ranks, backend):
    """`all_to_all_single` refuses sizes that do not sum to its tensor's: "Split sizes doesn't match total dim 0"."""
    told = ranks(2, _all_to_all_single_of_wrong_sizes, backend=backend)
    assert all("Split sizes doesn't match total dim 0 size" in each for each in told)


def _all_to_all(rank):
    out = [_zeros(1), _zeros(1)]
    dist.all_to_all(out, [*torch.tensor([1, 2], device=own_device()).mul(10**rank).chunk(2)])
    return torch.cat(out).cpu()


@fact("torch.distributed.all_to_all", since={"cpu": "2.12", "cuda": "2.0"}, calls="any", gain=True)
@on_each_backend
def test_all_to_all_gives_the_ith_tensor_to_rank_i(ranks, backend):
    """`all_to_all` gives rank i the i-th tensor of everybody's list, in the order of ranks."""
    same(torch.stack(ranks(2, _all_to_all, backend=backend)), [[1, 10], [2, 20]])


def _uneven_all_to_all(rank):
    return refused(dist.all_to_all, [_zeros(1), _zeros(2)], [_zeros(1), _zeros(2)])


@fact("torch.distributed.all_to_all", since="2.12", calls="any", hint="all_to_all_single with split sizes")
@pytest.mark.cpu
def test_all_to_all_refuses_several_sizes_on_gloo(ranks):
    """With gloo, `all_to_all` of tensors of several sizes is refused: "invalid tensor size"."""
    assert all("invalid tensor size" in told for told in ranks(2, _uneven_all_to_all))


def _refused_all_to_all(rank):
    return refused(dist.all_to_all, [_zeros(1), _zeros(1)], [_zeros(1), _zeros(1)])


@fact("torch.distributed.all_to_all", until="2.12", calls="any", hint="all_to_all_single")
@pytest.mark.cpu
def test_all_to_all_was_refused_by_gloo(ranks):
    """gloo refuses `all_to_all` of lists: "does not support alltoall"."""
    assert all("not support alltoall" in told for told in ranks(2, _refused_all_to_all))
