"""`DistributedSampler`: what each rank draws, and in which order; other samplers are in data/test_sampler.py."""

from itertools import chain

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch.utils.data import DataLoader, DistributedSampler

from torchproof import fact

LENGTHS, RANKS = st.integers(1, 40), st.integers(1, 7)


def _shares(length, ranks, **options):
    """What the sampler of each rank draws."""
    return [list(DistributedSampler(range(length), ranks, rank, **options)) for rank in range(ranks)]


def _order(epoch, **options):
    """What the sampler of one rank of two draws of 100 samples at that epoch."""
    sampler = DistributedSampler(range(100), num_replicas=2, rank=0, **options)
    sampler.set_epoch(epoch)
    return list(sampler)


def _loader(rank, shuffle=False, length=8, **options):
    """Batches of two for a rank of two."""
    return DataLoader(range(length), 2, sampler=DistributedSampler(range(length), 2, rank, shuffle), **options)


# --- the partition ----------------------------------------------------------------------------------------------------


@fact("torch.utils.data.DistributedSampler", claims=["X05"])
@given(LENGTHS, RANKS, st.booleans())
@example(10, 2, True)
@example(10, 3, False)
@example(2, 7, True)
def test_draws_every_sample(length, ranks, shuffle):
    """The ranks of `DistributedSampler` together draw every sample."""
    assert set(chain(*_shares(length, ranks, shuffle=shuffle))) == set(range(length))


@fact(
    "torch.utils.data.DistributedSampler",
    claims=["X05"],
    myth="without drop_last, ranks have different numbers of batches, and the last one hangs",
)
@given(LENGTHS, RANKS, st.booleans())
@example(10, 3, True)
@example(9, 3, False)
@example(2, 7, True)
def test_gives_every_rank_the_same_number(length, ranks, shuffle):
    """`DistributedSampler` gives every rank the same number of samples: the length over the ranks, rounded up."""
    assert [len(share) for share in _shares(length, ranks, shuffle=shuffle)] == [-(-length // ranks)] * ranks


@fact("torch.utils.data.DistributedSampler", claims=["X05"])
@given(LENGTHS, RANKS, st.booleans())
@example(12, 3, True)
@example(12, 4, False)
def test_parts_a_divisible_length_without_overlap(length, ranks, shuffle):
    """Of a length that the number of ranks divides, `DistributedSampler` gives every sample to one rank, once."""
    assert sorted(chain(*_shares(length * ranks, ranks, shuffle=shuffle))) == list(range(length * ranks))


@fact("torch.utils.data.DistributedSampler")
@given(LENGTHS, RANKS, st.booleans())
@example(10, 3, True)
@example(9, 3, False)
@example(2, 7, True)
def test_drop_last_draws_no_sample_twice(length, ranks, shuffle):
    """With `drop_last=True` ranks of `DistributedSampler` draw no sample twice."""
    drawn = list(chain(*_shares(length, ranks, shuffle=shuffle, drop_last=True)))
    assert len({*drawn} & {*range(length)}) == len(drawn)


@fact("torch.utils.data.DistributedSampler")
@given(LENGTHS, RANKS, st.booleans())
@example(10, 3, True)
@example(9, 3, False)
@example(2, 7, True)
def test_drop_last_rounds_the_number_down(length, ranks, shuffle):
    """With `drop_last=True` each rank of `DistributedSampler` draws `length // ranks` samples."""
    shares = _shares(length, ranks, shuffle=shuffle, drop_last=True)
    assert [len(share) for share in shares] == [length // ranks] * ranks


@fact("torch.utils.data.DistributedSampler", hint="leave the repeated samples out when you evaluate, or drop_last=True")
def test_fills_up_with_the_first_samples():
    """Where ranks cannot share evenly, `DistributedSampler(shuffle=False)` repeats first samples, in validation too."""
    assert _shares(10, 4, shuffle=False) == [[0, 4, 8], [1, 5, 9], [2, 6, 0], [3, 7, 1]]


@fact("torch.utils.data.DistributedSampler")
def test_drop_last_leaves_the_last_samples_out():
    """`DistributedSampler(shuffle=False, drop_last=True)` leaves last samples out that cannot be shared evenly."""
    assert _shares(10, 4, shuffle=False, drop_last=True) == [[0, 4], [1, 5], [2, 6], [3, 7]]


@fact(
    "torch.utils.data.DistributedSampler",
    myth="the batch_size of a DataLoader is that of all ranks together",
    hint="divide the batch size by the number of ranks",
)
@pytest.mark.parametrize(
    "workers", [pytest.param(0, id="without_workers"), pytest.param(2, id="with_workers", marks=pytest.mark.slow)]
)
def test_batch_size_is_that_of_one_rank(workers):
    """`batch_size` is that of one rank: at a step two ranks with DistributedSampler load twice as many samples."""
    loaders = [_loader(rank, num_workers=workers) for rank in range(2)]
    steps = [[batch.tolist() for batch in step] for step in zip(*loaders, strict=True)]
    assert steps == [[[0, 2], [1, 3]], [[4, 6], [5, 7]]]


@fact(
    "torch.utils.data.DistributedSampler",
    hint="sampler=DistributedSampler(dataset) in place of shuffle=True",
    myth="a DataLoader with shuffle=True shares the data among the ranks by itself",
)
def test_without_it_every_rank_loads_all():
    """A DataLoader with `shuffle=True` loads on every rank all samples, which DistributedSampler shares among them."""
    ranks = [DataLoader(range(8), batch_size=None, shuffle=True) for rank in range(2)]
    assert [sorted(each) for each in ranks] == [[*range(8)]] * 2
    assert sorted(chain(*_shares(8, 2))) == [*range(8)]


@fact("torch.utils.data.DistributedSampler", hint="the same seed= on every rank")
def test_ranks_of_different_seeds_overlap():
    """Ranks that give `DistributedSampler` different seeds draw some of 100 samples twice, and others never."""
    first = DistributedSampler(range(100), 2, 0, seed=0)
    second = DistributedSampler(range(100), 2, 1, seed=1)
    assert 0 < len({*first} & {*second}) == 100 - len({*first} | {*second})


@fact("torch.utils.data.DistributedSampler")
@given(LENGTHS, RANKS, st.booleans())
@example(10, 3, True)
@example(10, 3, False)
def test_length_is_what_it_draws(length, ranks, drop_last):
    """`len` of a `DistributedSampler` is the number of samples that its rank draws."""
    sampler = DistributedSampler(range(length), ranks, ranks - 1, drop_last=drop_last)
    assert len(sampler) == len(list(sampler))


@fact("torch.utils.data.DistributedSampler")
def test_without_shuffle_keeps_the_order_of_the_data():
    """With `shuffle=False`, ranks of `DistributedSampler` that share evenly draw in the order of the data."""
    first, second = _shares(6, 2, shuffle=False)
    assert (first, second) == (sorted(first), sorted(second))
    assert sorted(first + second) == [0, 1, 2, 3, 4, 5]


@fact("torch.utils.data.DistributedSampler")
def test_shuffles_by_default():
    """`DistributedSampler` shuffles by default: it draws its share of 100 samples in another order than the data's."""
    order = list(DistributedSampler(range(100), num_replicas=2, rank=0))
    assert order != sorted(order)
    assert len(set(order)) == 50


# --- epochs and seeds -------------------------------------------------------------------------------------------------


@fact(
    "torch.utils.data.DistributedSampler",
    myth="a shuffling DistributedSampler reshuffles at every epoch by itself",
    hint="call sampler.set_epoch(epoch) before each epoch",
)
def test_repeats_its_order_without_set_epoch():
    """Without `set_epoch`, every epoch of a `DistributedSampler` draws the same samples in the same shuffled order."""
    sampler = DistributedSampler(range(100), num_replicas=2, rank=0)
    first = list(sampler)
    assert list(sampler) == first != sorted(first)


@fact("torch.utils.data.DistributedSampler.set_epoch")
def test_set_epoch_reshuffles():
    """`DistributedSampler` reshuffles 100 samples after `set_epoch` with the number of another epoch."""
    assert _order(0) != _order(1) != _order(2) != _order(0)


@fact("torch.utils.data.DistributedSampler.set_epoch")
def test_set_epoch_gives_an_order_back():
    """`DistributedSampler.set_epoch` with an earlier number gives that epoch's order again."""
    sampler = DistributedSampler(range(100), num_replicas=2, rank=0)
    first = list(sampler)
    sampler.set_epoch(1)
    second = list(sampler)
    sampler.set_epoch(0)
    assert list(sampler) == first != second


@fact("torch.utils.data.DistributedSampler.set_epoch")
@pytest.mark.slow
@pytest.mark.parametrize("keeps", [True, False], ids=["persistent", "anew"])
def test_set_epoch_reaches_a_loader_with_workers(keeps):
    """`set_epoch` on a DistributedSampler reshuffles a DataLoader with workers too, also with persistent ones."""
    loader = _loader(0, shuffle=True, length=100, num_workers=1, persistent_workers=keeps)
    epochs = []
    for epoch in (0, 1):
        loader.sampler.set_epoch(epoch)
        epochs.append([batch.tolist() for batch in loader])
    assert epochs[0] != epochs[1]


@fact("torch.utils.data.DistributedSampler.set_epoch", "torch.utils.data.DistributedSampler")
def test_set_epoch_changes_nothing_without_shuffle():
    """With `shuffle=False`, `DistributedSampler.set_epoch` leaves the order the same at every epoch."""
    assert _order(0, shuffle=False) == _order(1, shuffle=False) == sorted(_order(1, shuffle=False))


@fact("torch.utils.data.DistributedSampler")
@given(st.integers(0, 2**31), st.integers(0, 100))
def test_seed_decides_the_order(seed, epoch):
    """At one epoch, `DistributedSampler` shuffles 100 samples alike by one `seed`, and otherwise by the next."""
    assert _order(epoch, seed=seed) == _order(epoch, seed=seed) != _order(epoch, seed=seed + 1)


@fact(
    "torch.utils.data.DistributedSampler",
    myth="runs with the seeds 0, 1 and 2 of DistributedSampler shuffle differently at each epoch",
    hint="seeds that are farther apart than there are epochs",
)
def test_next_seed_begins_with_the_order_of_the_next_epoch():
    """`DistributedSampler(seed=1)` at epoch 0 has the order that `seed=0` has at epoch 1: both are added."""
    assert _order(0, seed=1) == _order(1, seed=0) != _order(0, seed=0)


@fact("torch.utils.data.DistributedSampler")
def test_order_does_not_depend_on_the_global_seed():
    """Ranks that gave `torch.manual_seed` different numbers agree on the order of `DistributedSampler`."""
    torch.manual_seed(1)
    first = _order(0)
    torch.manual_seed(2)
    assert _order(0) == first != sorted(first)


@fact("torch.utils.data.DistributedSampler")
def test_takes_nothing_from_the_global_generator():
    """Drawing from a shuffling `DistributedSampler` leaves the global random stream where it was."""
    before = torch.get_rng_state()
    assert len(_order(0)) == 50
    assert torch.equal(torch.get_rng_state(), before)


# --- the process group ------------------------------------------------------------------------------------------------


def _of_group(rank):
    sampler = DistributedSampler(range(6), shuffle=False)
    return sampler.num_replicas, sampler.rank, list(sampler)


@fact("torch.utils.data.DistributedSampler", claims=["X05"])
@pytest.mark.dist
@pytest.mark.timeout(180)
def test_takes_rank_and_size_from_the_process_group(ranks):
    """Without `num_replicas` and `rank`, `DistributedSampler` takes both from the process group."""
    (size, first, drawn), (other_size, second, others) = ranks(2, _of_group)
    assert (size, other_size, first, second) == (2, 2, 0, 1)
    assert sorted(drawn + others) == list(range(6))


@fact(
    "torch.utils.data.DistributedSampler",
    since="2.2",
    calls="catches RuntimeError|ValueError",
    hint="give num_replicas and rank",
)
def test_needs_a_process_group_or_both_numbers():
    """`DistributedSampler(data)` without a process group is ValueError: "process group has not been initialized"."""
    with pytest.raises(ValueError, match="process group has not been initialized"):
        DistributedSampler(range(6))


@fact(
    "torch.utils.data.DistributedSampler",
    until="2.2",
    calls="catches RuntimeError|ValueError",
    hint="give num_replicas and rank",
)
def test_needed_a_process_group_or_both_numbers():
    """`DistributedSampler(data)` without a process group is RuntimeError: "process group has not been initialized"."""
    with pytest.raises(RuntimeError, match="process group has not been initialized"):
        DistributedSampler(range(6))


@fact("torch.utils.data.DistributedSampler")
@pytest.mark.parametrize("rank", [2, 3, -1])
def test_refuses_a_rank_outside_the_group(rank):
    """`DistributedSampler` refuses a rank below 0, or not below `num_replicas`: "Invalid rank"."""
    with pytest.raises(ValueError, match=f"Invalid rank {rank}"):
        DistributedSampler(range(6), num_replicas=2, rank=rank)
