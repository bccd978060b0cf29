"""Groups of some ranks: how they are made, who is who in them, how they end; of all ranks: `test_process_group`."""

import warnings
from datetime import timedelta

import pytest
import torch
import torch.distributed as dist

from torchproof import fact
from torchproof.fixtures.ranks import on_each_backend
from torchproof.suites.parallel.bodies import own_values, refused

pytestmark = [pytest.mark.dist, pytest.mark.timeout(180)]


def _reduced(rank, group):
    x = own_values(rank)
    dist.all_reduce(x, group=group)
    return x.tolist()


# --- who is who -------------------------------------------------------------------------------------------------------


def _places(rank, members):
    group = dist.new_group(members)
    return dist.get_rank(group), dist.get_world_size(group)


@fact("torch.distributed.get_rank")
@pytest.mark.cpu
def test_rank_in_a_group_counts_its_members(ranks):
    """`get_rank(group)` counts from 0 over the group's members, by their global ranks."""
    _, (second, _), (third, _) = ranks(3, _places, [1, 2])
    assert (second, third) == (0, 1)


@fact("torch.distributed.get_world_size")
@pytest.mark.cpu
def test_world_size_of_a_group_is_the_number_of_its_members(ranks):
    """`get_world_size(group)` is the number of the group's members, not that of all ranks."""
    _, *members = ranks(3, _places, [1, 2])
    assert [size for _, size in members] == [2, 2]


@fact("torch.distributed.get_rank", "torch.distributed.get_world_size")
@pytest.mark.cpu
def test_rank_in_a_group_of_others_is_minus_one(ranks):
    """`get_rank(group)` and `get_world_size(group)` are -1 on a rank that is not in the group."""
    assert ranks(3, _places, [1, 2])[0] == (-1, -1)


@fact("torch.distributed.new_group", myth="the order of the list says who is rank 0 of the group")
@pytest.mark.cpu
def test_new_group_sorts_its_ranks(ranks):
    """`new_group` by default numbers its members in the order of their global ranks, not in that of its list."""
    assert ranks(3, _places, [2, 0]) == [(0, 2), (-1, -1), (1, 2)]


def _unsorted(rank):
    return dist.get_rank(dist.new_group([2, 0], sort_ranks=False))


@fact("torch.distributed.new_group", since="2.12", calls="sort_ranks", gain=True)
@pytest.mark.cpu
def test_new_group_keeps_the_order_that_it_is_told_to_keep(ranks):
    """`new_group(ranks, sort_ranks=False)` numbers its members in the order of that list."""
    assert ranks(3, _unsorted) == [1, -1, 0]


def _translate(rank):
    group = dist.new_group([0, 2])
    if rank == 1:
        return None
    return dist.get_process_group_ranks(group), dist.get_global_rank(group, 1), dist.get_group_rank(group, 2)


@fact("torch.distributed.get_global_rank", "torch.distributed.get_group_rank")
@pytest.mark.cpu
def test_group_translates_ranks(ranks):
    """`get_global_rank` makes a group's rank the global one, and `get_group_rank` the other way round."""
    assert ranks(3, _translate)[0][1:] == (2, 1)


@fact("torch.distributed.get_process_group_ranks")
@pytest.mark.cpu
def test_get_process_group_ranks_lists_global_ranks(ranks):
    """`get_process_group_ranks` lists the global ranks of a group's members."""
    assert ranks(3, _translate)[0][0] == [0, 2]


def _translate_others(rank):
    group = dist.new_group([0, 2])
    if rank == 1:
        return None
    return refused(dist.get_group_rank, group, 1), refused(dist.get_global_rank, group, 2)


@fact("torch.distributed.get_group_rank", "torch.distributed.get_global_rank")
@pytest.mark.cpu
def test_group_does_not_know_others(ranks):
    """`get_group_rank` of a rank that is not in the group raises "is not part of group"; so does `get_global_rank`."""
    of_a_rank, of_a_place = ranks(3, _translate_others)[0]
    assert "lobal rank 1 is not part of group" in of_a_rank
    assert "roup rank 2 is not part of group" in of_a_place


def _whole(rank):
    return dist.get_process_group_ranks(dist.group.WORLD), _reduced(rank, dist.group.WORLD)


@fact("torch.distributed.group", "torch.distributed.get_process_group_ranks")
@on_each_backend
def test_world_is_the_group_of_all(ranks, backend):
    """`torch.distributed.group.WORLD` is the group of all ranks: `all_reduce` in it sums over all of them."""
    assert ranks(2, _whole, backend=backend) == [([0, 1], [11, 22, 33])] * 2


def _is_outside(rank):
    return dist.new_group([0]) == dist.GroupMember.NON_GROUP_MEMBER


@fact("torch.distributed.new_group", "torch.distributed.GroupMember", "torch.distributed.GroupMember.NON_GROUP_MEMBER")
@pytest.mark.cpu
def test_new_group_gives_others_non_group_member(ranks):
    """`new_group` returns `GroupMember.NON_GROUP_MEMBER` on a rank that is not in the group."""
    assert ranks(2, _is_outside) == [False, True]


# --- collectives in a group -------------------------------------------------------------------------------------------


def _reduce_in_groups(rank):
    return _reduced(rank, [dist.new_group([0]), dist.new_group([1, 2])][rank > 0])


@fact("torch.distributed.new_group", "torch.distributed.all_reduce")
@pytest.mark.cpu
def test_smaller_group_reduces_by_itself(ranks):
    """`all_reduce` in a group of some ranks, of `new_group`, neither reads nor changes what the others have."""
    assert ranks(3, _reduce_in_groups) == [[1, 2, 3], [110, 220, 330], [110, 220, 330]]


def _from_global_rank(rank):
    group, x = dist.new_group([1, 2]), own_values(rank)
    if rank:
        dist.broadcast(x, src=2, group=group)
    return x.tolist()


@fact("torch.distributed.broadcast", myth="src is a rank of the group")
@pytest.mark.cpu
def test_src_is_a_global_rank(ranks):
    """In a group, `src` of `broadcast` is the global rank, not the one in the group."""
    assert ranks(3, _from_global_rank) == [[1, 2, 3], [100, 200, 300], [100, 200, 300]]


def _from_group_rank(rank):
    group, x = dist.new_group([1, 2]), own_values(rank)
    if rank:
        dist.broadcast(x, group=group, group_src=0)
    return x.tolist()


@fact("torch.distributed.broadcast", since="2.6", calls="group_src", gain=True)
@pytest.mark.cpu
def test_group_src_is_a_rank_of_the_group(ranks):
    """In a group, `group_src` of `broadcast` is the rank in the group."""
    assert ranks(3, _from_group_rank) == [[1, 2, 3], [10, 20, 30], [10, 20, 30]]


def _to_group_rank(rank):
    group, x = dist.new_group([1, 2]), own_values(rank)
    if rank:
        dist.reduce(x, group=group, group_dst=1)
    return x.tolist()


@fact("torch.distributed.reduce", since="2.6", calls="group_dst", gain=True)
@pytest.mark.cpu
def test_group_dst_is_a_rank_of_the_group(ranks):
    """In a group, `group_dst` of `reduce` is the rank in the group."""
    assert ranks(3, _to_group_rank)[2] == [110, 220, 330]


def _both_sources(rank):
    return refused(dist.broadcast, own_values(rank), src=0, group_src=0), refused(dist.broadcast, own_values(rank))


@fact("torch.distributed.broadcast", since="2.6", calls="group_src")
@on_each_backend
def test_src_or_group_src_is_needed(ranks, backend):
    """`broadcast` takes one of `src` and `group_src`: "Can't specify both", "Must specify global_rank"."""
    both, neither = ranks(2, _both_sources, backend=backend)[0]
    assert "Can't specify both group_rank and global_rank" in both
    assert "Must specify global_rank or group_rank" in neither


def _src_outside(rank):
    group = dist.new_group([1, 2])
    return refused(dist.broadcast, own_values(rank), src=0, group=group) if rank else ""


@fact("torch.distributed.broadcast")
@pytest.mark.cpu
def test_src_is_in_the_group(ranks):
    """`broadcast` in a group from a rank that is not in it raises "is not part of group"."""
    assert all("lobal rank 0 is not part of group" in told for told in ranks(3, _src_outside)[1:])


def _outside(rank):
    group = dist.new_group([1])
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        reduced = _reduced(rank, group)
    return reduced, "".join(str(each.message) for each in given)


@fact("torch.distributed.all_reduce", hint="call it on the ranks of the group only")
@pytest.mark.cpu
def test_collective_of_others_leaves_its_tensor(ranks):
    """`all_reduce` on a rank outside of its group raises nothing, and leaves the tensor as it was."""
    assert ranks(2, _outside)[0][0] == [1, 2, 3]


@fact("torch.distributed.all_reduce", hint="call it on the ranks of the group only")
@pytest.mark.cpu
def test_collective_of_others_warns(ranks):
    """`all_reduce` on a rank outside of its group warns "does not belong to the given group"."""
    assert "does not belong to the given group" in ranks(2, _outside)[0][1]


# --- making several ---------------------------------------------------------------------------------------------------


def _halves(rank):
    mine, every = dist.new_subgroups(2)
    return [each == dist.GroupMember.NON_GROUP_MEMBER for each in every], _reduced(rank, mine)


@fact("torch.distributed.new_subgroups", since="2.1", calls="any", gain=True)
@pytest.mark.cpu
def test_new_subgroups_are_of_neighbours(ranks):
    """`new_subgroups(2)` returns on each of four ranks first its group of two neighbours: 0 and 1, or 2 and 3."""
    assert [reduced for _, reduced in ranks(4, _halves)] == [[11, 22, 33]] * 2 + [[1100, 2200, 3300]] * 2


@fact("torch.distributed.new_subgroups", since="2.1", calls="any", gain=True)
@pytest.mark.cpu
def test_new_subgroups_returns_a_list_of_all(ranks):
    """`new_subgroups` returns second a list with a place for each group: NON_GROUP_MEMBER but at the rank's own."""
    assert [others for others, _ in ranks(4, _halves)] == [[False, True]] * 2 + [[True, False]] * 2


def _thirds(rank):
    return refused(dist.new_subgroups, 3)


@fact("torch.distributed.new_subgroups", since="2.1", calls="any", gain=True)
@pytest.mark.cpu
def test_new_subgroups_are_of_one_size(ranks):
    """`new_subgroups` of a size that does not divide the number of ranks is refused: "must be divisible"."""
    assert all("must be divisible" in told for told in ranks(4, _thirds))


def _enumerated(rank):
    mine, every = dist.new_subgroups_by_enumeration([[0, 2], [1, 3]])
    return [each == dist.GroupMember.NON_GROUP_MEMBER for each in every], _reduced(rank, mine)


@fact("torch.distributed.new_subgroups_by_enumeration", since="2.1", calls="any", gain=True)
@pytest.mark.cpu
def test_new_subgroups_by_enumeration_are_as_listed(ranks):
    """`new_subgroups_by_enumeration` makes a group of each list of ranks, and returns first the rank's own one."""
    assert [reduced for _, reduced in ranks(4, _enumerated)] == [[101, 202, 303], [1010, 2020, 3030]] * 2


@fact("torch.distributed.new_subgroups_by_enumeration", since="2.1", calls="any", gain=True)
@pytest.mark.cpu
def test_new_subgroups_by_enumeration_returns_a_list_of_all(ranks):
    """`new_subgroups_by_enumeration` returns second a place for each group: NON_GROUP_MEMBER but at the rank's own."""
    assert [others for others, _ in ranks(4, _enumerated)] == [[False, True], [True, False]] * 2


def _overlapping(rank):
    return refused(dist.new_subgroups_by_enumeration, [[0, 1], [1, 2]])


@fact("torch.distributed.new_subgroups_by_enumeration", since="2.1", calls="any", gain=True)
@pytest.mark.cpu
def test_new_subgroups_by_enumeration_do_not_overlap(ranks):
    """`new_subgroups_by_enumeration` of lists that share a rank raises "has appeared in both subgroup"."""
    assert all("Rank 1 has appeared in both subgroup" in told for told in ranks(3, _overlapping))


def _too_many(rank):
    return refused(dist.new_group, [0, 1, 2])


@fact("torch.distributed.new_group")
@on_each_backend
def test_new_group_is_not_larger_than_the_world(ranks, backend):
    """`new_group` of more ranks than there are is refused: "should be less or equal to the world size"."""
    told = ranks(2, _too_many, backend=backend)
    assert all("should be less or equal to the world size" in each for each in told)


def _made_by_members(rank):
    if rank == 2:
        return None
    return _reduced(rank, dist.new_group([0, 1], use_local_synchronization=True))


@fact("torch.distributed.new_group", since="2.1", calls="use_local_synchronization", gain=True)
@pytest.mark.cpu
def test_new_group_with_local_synchronization_is_made_by_its_members(ranks):
    """`new_group(use_local_synchronization=True)` makes a group where its members alone call it, and not all ranks."""
    assert ranks(3, _made_by_members) == [[11, 22, 33], [11, 22, 33], None]


def _made_by_one(rank):
    return refused(dist.new_group, [0, 1], timeout=timedelta(seconds=1)) if rank == 0 else None


def makes_it_alone(patch):
    """A group that a rank makes by itself."""
    patch.setattr(dist, "new_group", lambda ranks, timeout: dist.group.WORLD)


@fact(
    "torch.distributed.new_group",
    refuter=makes_it_alone,
    hint="call new_group on every rank, also on those that are not in the group",
)
@pytest.mark.cpu
@pytest.mark.slow
def test_new_group_on_one_rank_waits_for_the_others(ranks):
    """`new_group` that one rank calls alone waits for the others, and raises at its timeout: "timeout", "timed out"."""
    told, _ = ranks(2, _made_by_one)
    assert "imeout" in told or "imed out" in told


# --- the end ----------------------------------------------------------------------------------------------------------


def _destroy_one(rank):
    group = dist.new_group()
    dist.barrier(group)
    dist.destroy_process_group(group)
    return dist.is_initialized(), _reduced(rank, None)


@fact("torch.distributed.destroy_process_group", "torch.distributed.is_initialized")
@on_each_backend
def test_destroy_process_group_of_one_leaves_the_others(ranks, backend):
    """`destroy_process_group(group)` leaves the default group as it is: `all_reduce` in it works."""
    assert ranks(2, _destroy_one, backend=backend) == [(True, [11, 22, 33])] * 2


def _destroy_all(rank):
    dist.destroy_process_group()
    return dist.is_initialized()


@fact("torch.distributed.destroy_process_group", "torch.distributed.is_initialized")
@on_each_backend
def test_destroy_process_group_without_a_group_ends_the_default_one(ranks, backend):
    """After `destroy_process_group()` without a group, `is_initialized()` is False."""
    assert ranks(1, _destroy_all, backend=backend) == [False]


# --- back ends --------------------------------------------------------------------------------------------------------


def is_a_plain_string(patch):
    """A back end is named as it is written."""
    patch.setattr(dist, "Backend", str)


@fact("torch.distributed.Backend", refuter=is_a_plain_string)
def test_backend_is_named_in_small_letters():
    """`torch.distributed.Backend("GLOO")` is "gloo", in small letters, and so is `Backend.GLOO`."""
    assert dist.Backend("GLOO") == "gloo" == dist.Backend.GLOO


@fact("torch.distributed.Backend", refuter=is_a_plain_string)
def test_backend_is_named_by_a_string():
    """`torch.distributed.Backend` of a number raises ValueError: "must be a string", or "must be string-ish"."""
    with pytest.raises(ValueError, match="must be (a string|string-ish)"):
        dist.Backend(1)


@fact("torch.distributed.get_default_backend_for_device")
def test_get_default_backend_for_device_of_the_cpu_is_gloo():
    """`get_default_backend_for_device("cpu")` is gloo, also of a `torch.device`."""
    assert dist.get_default_backend_for_device("cpu") == "gloo"
    assert dist.get_default_backend_for_device(torch.device("cpu")) == "gloo"


@fact("torch.distributed.is_backend_available")
def test_is_backend_available_knows_what_is_built():
    """`is_backend_available("gloo")` is what `is_gloo_available()` is."""
    assert dist.is_backend_available("gloo") is dist.is_gloo_available()


@fact("torch.distributed.is_backend_available")
def test_is_backend_available_is_false_of_an_unknown_name():
    """`is_backend_available` is False of a name that nobody registered."""
    assert dist.is_backend_available("no such") is False


def _mixed(rank):
    group = dist.new_group(backend="cpu:gloo")
    return dist.get_backend_config(group), _reduced(rank, group)


@fact("torch.distributed.new_group", "torch.distributed.get_backend_config")
@pytest.mark.cpu
def test_backend_may_be_named_by_device(ranks):
    """`new_group(backend="cpu:gloo")` makes a group of that `get_backend_config`, which reduces tensors of the CPU."""
    assert ranks(2, _mixed) == [("cpu:gloo", [11, 22, 33])] * 2


def _counts(rank):
    before = dist.get_pg_count()
    dist.new_group()
    return before, dist.get_pg_count()


@fact("torch.distributed.get_pg_count")
@on_each_backend
def test_get_pg_count_counts_groups(ranks, backend):
    """`get_pg_count()` counts the process groups of this process, the default one too."""
    assert ranks(2, _counts, backend=backend) == [(1, 2), (1, 2)]


@fact("torch.distributed.get_node_local_rank")
def test_get_node_local_rank_reads_the_environment(monkeypatch):
    """`get_node_local_rank()` is the number that LOCAL_RANK has, as torchrun sets it."""
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert dist.get_node_local_rank() == 3


@fact("torch.distributed.get_node_local_rank")
def test_get_node_local_rank_without_torchrun_falls_back(monkeypatch):
    """`get_node_local_rank(fallback_rank=1)` without torchrun, where LOCAL_RANK is not set, is 1."""
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    assert dist.get_node_local_rank(fallback_rank=1) == 1


@fact("torch.distributed.get_node_local_rank", hint="fallback_rank=0 to run without torchrun")
def test_get_node_local_rank_without_torchrun_is_refused(monkeypatch):
    """`get_node_local_rank()` without torchrun raises "LOCAL_RANK is not in the environment"."""
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    with pytest.raises(RuntimeError, match="LOCAL_RANK is not in the environment"):
        dist.get_node_local_rank()
