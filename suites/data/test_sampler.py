"""Samplers: which indices each draws, how often and in which order, and what they refuse."""

from itertools import chain, islice, permutations

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)

from torchproof import fact
from torchproof.suites.data.loading import seeded


def is_drawn_from(counts, chances):
    """Whether counts may be of draws with these chances: a chi-square test that errs once in ten thousand."""
    from scipy import stats

    expected = torch.tensor(chances, dtype=torch.float64) / sum(chances) * sum(counts)
    return stats.chisquare(counts, expected.numpy()).pvalue > 1e-4


def counts(draws, size):
    """How often each of the first `size` numbers was drawn."""
    return torch.bincount(torch.tensor(draws), minlength=size).tolist()


# --- in order ---------------------------------------------------------------------------------------------------------


@fact("torch.utils.data.SequentialSampler")
@given(st.integers(0, 20))
@example(0)
@example(3)
def test_sequential_draws_in_order(length):
    """`SequentialSampler` draws every index once, from 0 on."""
    sampler = SequentialSampler(range(length))
    assert list(sampler) == list(range(length))
    assert len(sampler) == length


@fact("torch.utils.data.SequentialSampler")
def test_sequential_follows_a_dataset_that_grows():
    """`SequentialSampler` asks the dataset for its length in each epoch."""
    data = [1, 2]
    sampler = SequentialSampler(data)
    before = list(sampler)
    data.append(3)
    assert (before, list(sampler), len(sampler)) == ([0, 1], [0, 1, 2], 3)


@fact("torch.utils.data.Sampler")
def test_base_class_has_no_order():
    """Iterating over a `Sampler` that defines no `__iter__` raises NotImplementedError."""

    class Nothing(Sampler):
        def __init__(self):
            pass  # what the class itself takes is another thing on older releases

    with pytest.raises(NotImplementedError):
        iter(Nothing())


@fact("torch.utils.data.DataLoader", claims=["D08"])
@pytest.mark.parametrize("sampler", [[2, 0], (2, 0), torch.tensor([2, 0]), range(2, -1, -2)], ids=type)
def test_of_a_loader_is_anything_to_iterate_over(sampler):
    """The `sampler` of a `DataLoader` may be a list, tuple, tensor or range of indices: it need not be a `Sampler`."""
    assert [batch.item() for batch in DataLoader([5, 6, 7], sampler=sampler)] == [7, 5]


class Halves(Sampler):
    """A sampler of one's own: first the even indices, then the odd ones."""

    def __init__(self, length):
        self.length = length

    def __iter__(self):
        yield from range(0, self.length, 2)
        yield from range(1, self.length, 2)

    def __len__(self):
        return self.length


@fact("torch.utils.data.DataLoader", claims=["D08"])
def test_of_ones_own_decides_the_order():
    """A `DataLoader` fetches the samples in the order in which a `Sampler` of one's own yields their indices."""
    loader = DataLoader("abcde", batch_size=2, sampler=Halves(5))
    assert list(loader) == [["a", "c"], ["e", "b"], ["d"]]
    assert len(loader) == 3


# --- at random --------------------------------------------------------------------------------------------------------


@fact("torch.utils.data.RandomSampler")
@given(st.integers(1, 40), st.integers(0, 9))
@example(1, 0)
@example(33, 1)
def test_random_draws_every_index_once(length, seed):
    """`RandomSampler` draws every index exactly once unless it is told otherwise."""
    sampler = RandomSampler(range(length), generator=seeded(seed))
    assert sorted(sampler) == list(range(length))
    assert len(sampler) == length


@fact("torch.utils.data.RandomSampler", requires="scipy")
def test_random_draws_each_order_with_the_same_chance():
    """`RandomSampler` draws each of the orders of three samples with the same chance, by a chi-square test."""
    generator, orders = seeded(), list(permutations(range(3)))
    drawn = [orders.index(tuple(RandomSampler(range(3), generator=generator))) for _ in range(600)]
    assert is_drawn_from(counts(drawn, 6), [1] * 6)


@fact("torch.utils.data.RandomSampler", myth="sampling with replacement draws every sample")
def test_random_with_replacement_repeats_some_and_leaves_some_out():
    """`RandomSampler` with `replacement=True` draws as many indices as there are samples, some of them again."""
    drawn = list(RandomSampler(range(100), replacement=True, generator=seeded()))
    assert len(drawn) == 100
    assert set(drawn) < set(range(100))


@fact("torch.utils.data.RandomSampler", requires="scipy")
def test_random_with_replacement_is_uniform():
    """`RandomSampler` with `replacement=True` draws each index with the same chance, by a chi-square test."""
    drawn = list(RandomSampler(range(7), replacement=True, num_samples=7000, generator=seeded()))
    assert len(drawn) == 7000
    assert is_drawn_from(counts(drawn, 7), [1] * 7)


@fact("torch.utils.data.RandomSampler")
@pytest.mark.parametrize("replacement", [False, True], ids=["without_replacement", "with_replacement"])
@pytest.mark.parametrize("number", [3, 25])
def test_random_draws_as_many_as_it_is_told(replacement, number):
    """`RandomSampler` draws `num_samples` indices, fewer or more than there are samples."""
    sampler = RandomSampler(range(10), replacement=replacement, num_samples=number, generator=seeded())
    drawn = list(sampler)
    assert (len(drawn), len(sampler), sampler.num_samples) == (number, number, number)
    assert set(drawn) <= set(range(10))


@fact("torch.utils.data.RandomSampler")
def test_random_without_replacement_draws_all_before_it_repeats():
    """`RandomSampler` without replacement draws every sample once before it draws one for a second time."""
    drawn = list(RandomSampler(range(4), num_samples=10, generator=seeded()))
    assert sorted(drawn[:4]) == sorted(drawn[4:8]) == [0, 1, 2, 3]
    assert len(set(drawn[8:])) == 2


@fact("torch.utils.data.RandomSampler")
@pytest.mark.parametrize("generator", [None, seeded()], ids=["global", "own"])
def test_random_draws_another_order_each_time(generator):
    """A `RandomSampler` draws another order each time that it is iterated over, also with a generator of its own."""
    sampler = RandomSampler(range(50), generator=generator)
    first, second = list(sampler), list(sampler)
    assert first != second
    assert sorted(first) == sorted(second) == list(range(50))


@fact("torch.utils.data.RandomSampler", hint="generator=torch.Generator().manual_seed(0)")
def test_random_draws_the_same_for_the_same_generator():
    """`RandomSampler` draws the same order for generators of the same seed, whatever the global seed."""
    torch.manual_seed(1)
    first = list(RandomSampler(range(50), generator=seeded(3)))
    torch.manual_seed(2)
    assert list(RandomSampler(range(50), generator=seeded(3))) == first
    assert list(RandomSampler(range(50), generator=seeded(4))) != first


@fact(
    "torch.utils.data.RandomSampler",
    myth="the same seed gives the same order of samples in every trainer",
    hint="draw the order by seed + epoch, as DistributedSampler does",
)
def test_random_that_is_left_at_its_last_index_draws_another_order_next():
    """A loop that leaves a `RandomSampler` at its last index, not at its end, has another order in the next epoch."""
    through, left = (RandomSampler(range(9), generator=seeded(0)) for _ in range(2))
    whole, cut = [list(through) for _ in range(2)], [list(islice(left, 9)) for _ in range(2)]
    assert cut[0] == whole[0]
    assert cut[1] != whole[1]


@fact("torch.utils.data.RandomSampler")
@pytest.mark.parametrize("number", [0, -1, 2.5])
def test_random_refuses_a_number_that_is_not_positive(number):
    """`RandomSampler` raises ValueError "num_samples should be a positive integer value" of another `num_samples`."""
    with pytest.raises(ValueError, match="num_samples should be a positive integer value"):
        RandomSampler(range(4), num_samples=number)


@fact("torch.utils.data.RandomSampler", "torch.utils.data.DataLoader", hint="look whether the folder has any files")
def test_random_refuses_an_empty_dataset():
    """A `DataLoader` with `shuffle=True` refuses an empty dataset with ValueError: "but got num_samples=0"."""
    with pytest.raises(ValueError, match="num_samples=0"):
        DataLoader([], shuffle=True)


@fact("torch.utils.data.DataLoader")
def test_sequential_takes_an_empty_dataset():
    """A `DataLoader` without `shuffle` over an empty dataset has no batches."""
    loader = DataLoader([], batch_size=2)
    assert (list(loader), len(loader)) == ([], 0)


@fact("torch.utils.data.RandomSampler")
def test_random_refuses_a_replacement_that_is_no_bool():
    """`RandomSampler(replacement=1)`, TypeError: "replacement should be a boolean value, but got replacement=1"."""
    with pytest.raises(TypeError, match="replacement should be a boolean value, but got replacement=1"):
        RandomSampler(range(4), replacement=1)


# --- from some indices ------------------------------------------------------------------------------------------------


@fact("torch.utils.data.SubsetRandomSampler")
def test_subset_draws_its_indices_once():
    """`SubsetRandomSampler` draws the indices that it is given, each as often as it is among them."""
    sampler = SubsetRandomSampler([7, 3, 5, 3])
    assert sorted(sampler) == [3, 3, 5, 7]
    assert len(sampler) == 4


@fact("torch.utils.data.SubsetRandomSampler", requires="scipy")
def test_subset_draws_each_first_with_the_same_chance():
    """`SubsetRandomSampler` begins with each of its indices with the same chance, by a chi-square test."""
    generator = seeded()
    drawn = [next(iter(SubsetRandomSampler([4, 0, 2], generator=generator))) for _ in range(900)]
    assert counts(drawn, 5)[1::2] == [0, 0]
    assert is_drawn_from(counts(drawn, 5)[::2], [1, 1, 1])


@fact("torch.utils.data.SubsetRandomSampler")
def test_subset_draws_the_same_for_the_same_generator():
    """`SubsetRandomSampler` draws the same order for generators of the same seed, and another for another."""
    first, again, other = (list(SubsetRandomSampler(range(10, 40), generator=seeded(n))) for n in (1, 1, 2))
    assert first == again != other
    assert first != list(range(10, 40))


@fact("torch.utils.data.SubsetRandomSampler", "torch.utils.data.DataLoader", claims=["D08"])
def test_subset_is_how_two_loaders_share_a_dataset():
    """Two `DataLoader`s of one dataset with a `SubsetRandomSampler` each give the samples of their indices alone."""
    train = DataLoader(range(10), batch_size=8, sampler=SubsetRandomSampler(range(8)))
    test = DataLoader(range(10), batch_size=8, sampler=SubsetRandomSampler([8, 9]))
    assert [sorted(batch.tolist()) for batch in (*train, *test)] == [[0, 1, 2, 3, 4, 5, 6, 7], [8, 9]]


# --- by weights -------------------------------------------------------------------------------------------------------


@fact("torch.utils.data.WeightedRandomSampler", requires="scipy", claims=["D08"])
def test_weighted_draws_by_the_weights():
    """`WeightedRandomSampler` draws each index with a chance in proportion to its weight, by a chi-square test."""
    drawn = list(WeightedRandomSampler([1.0, 2.0, 0.0, 5.0], 8000, generator=seeded()))
    assert counts(drawn, 4)[2] == 0
    assert is_drawn_from([n for n in counts(drawn, 4) if n], [1, 2, 5])


def weighs_classes(patch):
    """`WeightedRandomSampler` takes weights of classes, and draws from all samples."""
    patch.setattr(WeightedRandomSampler, "__iter__", lambda self: iter(range(self.num_samples)))


@fact(
    "torch.utils.data.WeightedRandomSampler",
    refuter=weighs_classes,
    myth="WeightedRandomSampler takes a weight for each class",
    hint="weights = weight_of_class[labels]",
)
def test_weighted_takes_a_weight_of_each_sample():
    """`WeightedRandomSampler` takes a weight for each sample: two weights, of two classes, draw the samples 0 and 1."""
    assert set(WeightedRandomSampler([1.0, 1.0], 200)) == {0, 1}


@fact("torch.utils.data.WeightedRandomSampler", requires="scipy")
def test_weighted_by_inverse_frequencies_balances_classes():
    """Weights of one over the size of a sample's class make `WeightedRandomSampler` draw both classes as often."""
    labels = torch.tensor([0] * 90 + [1] * 10)
    weights = 1 / torch.bincount(labels)[labels]
    drawn = labels[list(WeightedRandomSampler(weights, 2000, generator=seeded()))]
    assert is_drawn_from(counts(drawn.tolist(), 2), [1, 1])


@fact("torch.utils.data.WeightedRandomSampler")
def test_weighted_draws_as_many_as_it_is_told():
    """`WeightedRandomSampler` draws `num_samples` indices, which may be more than there are weights."""
    sampler = WeightedRandomSampler([1.0, 1.0, 1.0], 10)
    assert (len(list(sampler)), len(sampler)) == (10, 10)


@fact("torch.utils.data.WeightedRandomSampler")
def test_weighted_repeats_by_default():
    """`WeightedRandomSampler` draws with replacement unless it is told otherwise."""
    assert list(WeightedRandomSampler([0.0, 1.0], 3)) == [1, 1, 1]


@fact("torch.utils.data.WeightedRandomSampler")
def test_weighted_without_replacement_draws_none_twice():
    """`WeightedRandomSampler` with `replacement=False` draws no index twice."""
    assert sorted(WeightedRandomSampler([0.1, 0.9, 5.0], 3, replacement=False)) == [0, 1, 2]


@fact("torch.utils.data.WeightedRandomSampler", requires="scipy")
def test_weighted_without_replacement_begins_by_the_weights():
    """`WeightedRandomSampler` without replacement begins with each index by its weight, by a chi-square test."""
    generator = seeded()
    drawn = [next(iter(WeightedRandomSampler([1.0, 3.0], 2, False, generator=generator))) for _ in range(800)]
    assert is_drawn_from(counts(drawn, 2), [1, 3])


@fact("torch.utils.data.WeightedRandomSampler")
def test_weighted_without_replacement_is_refused_more_than_there_are():
    """`WeightedRandomSampler` of more than its weights needs replacement: "cannot sample n_sample > prob_dist.size"."""
    assert len(list(WeightedRandomSampler([1.0, 1.0], 3))) == 3
    with pytest.raises(RuntimeError, match="cannot sample n_sample > prob_dist.size"):
        list(WeightedRandomSampler([1.0, 1.0], 3, replacement=False))


@fact("torch.utils.data.WeightedRandomSampler")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([1.0], 0), "num_samples should be a positive integer value, but got num_samples=0"),
        (([1.0], True), "num_samples should be a positive integer value, but got num_samples=True"),
        (([1.0], 1, 1), "replacement should be a boolean value, but got replacement=1"),
        (([[1.0]], 1), r"weights should be a 1d sequence but given weights have shape \(1, 1\)"),
    ],
    ids=["none", "a_bool", "replacement", "dimensions"],
)
def test_weighted_refuses_what_it_cannot_draw(arguments, words):
    """`WeightedRandomSampler` refuses a `num_samples` of 0 or True, `replacement=1`, and weights of two dimensions."""
    with pytest.raises(ValueError, match=words):
        WeightedRandomSampler(*arguments)


@fact("torch.utils.data.WeightedRandomSampler")
def test_weighted_draws_the_same_for_the_same_generator():
    """`WeightedRandomSampler` draws the same indices for generators of the same seed, and others for another."""
    first, again, other = (list(WeightedRandomSampler([1.0] * 9, 30, generator=seeded(n))) for n in (1, 1, 2))
    assert first == again != other


# --- batches ----------------------------------------------------------------------------------------------------------


@fact("torch.utils.data.BatchSampler")
@given(st.integers(0, 20), st.integers(1, 6), st.booleans())
@example(7, 3, False)
@example(7, 3, True)
@example(6, 3, True)
def test_batch_cuts_the_indices_into_lists(length, size, drop_last):
    """`BatchSampler` yields the indices of a sampler in lists of `batch_size`; a shorter rest unless `drop_last`."""
    sampler = BatchSampler(SequentialSampler(range(length)), size, drop_last)
    cut = [list(range(length))[i : i + size] for i in range(0, length, size)]
    wanted = [one for one in cut if len(one) == size or not drop_last]
    assert list(sampler) == wanted
    assert len(sampler) == len(wanted)


@fact("torch.utils.data.BatchSampler")
def test_batch_takes_any_indices():
    """`BatchSampler` takes anything to iterate over for a sampler."""
    assert list(BatchSampler("abc", batch_size=2, drop_last=False)) == [["a", "b"], ["c"]]


@fact("torch.utils.data.BatchSampler")
@pytest.mark.parametrize("size", [0, -1, 2.5, True])
def test_batch_refuses_a_size_that_is_not_positive(size):
    """`BatchSampler` raises "batch_size should be a positive integer value" of another `batch_size`, True too."""
    with pytest.raises(ValueError, match="batch_size should be a positive integer value"):
        BatchSampler(range(4), size, drop_last=False)


@fact("torch.utils.data.BatchSampler")
def test_batch_refuses_a_drop_last_that_is_no_bool():
    """`BatchSampler(drop_last=1)` raises ValueError "drop_last should be a boolean value, but got drop_last=1"."""
    with pytest.raises(ValueError, match="drop_last should be a boolean value, but got drop_last=1"):
        BatchSampler(range(4), 2, drop_last=1)


@fact("torch.utils.data.BatchSampler")
def test_batch_draws_anew_in_every_epoch():
    """`BatchSampler` over a `RandomSampler` has other batches each time that it is iterated over."""
    sampler = BatchSampler(RandomSampler(range(50)), batch_size=10, drop_last=False)
    first, second = list(sampler), list(sampler)
    assert first != second
    assert sorted(chain(*first)) == list(range(50))


@fact("torch.utils.data.DataLoader", claims=["D08"])
@pytest.mark.parametrize("kind", [list, iter])
def test_batch_of_ones_own_decides_the_batches(kind):
    """The `batch_sampler` of a `DataLoader` decides which samples come in which batch: any lists of indices."""
    assert list(DataLoader("abc", batch_sampler=kind([[2, 0], [1]]))) == [["c", "a"], ["b"]]


@fact("torch.utils.data.DataLoader", myth="a sampler that is a generator works in every epoch", hint="give a Sampler")
def test_batch_of_a_generator_is_used_up_after_one_epoch():
    """A `DataLoader` whose `batch_sampler` is a generator is empty from the second epoch on."""
    loader = DataLoader("abc", batch_sampler=(indices for indices in [[2, 0], [1]]))
    assert (list(loader), list(loader)) == ([["c", "a"], ["b"]], [])


@fact("torch.utils.data.DataLoader")
def test_batch_as_sampler_indexes_the_dataset_by_lists():
    """A `BatchSampler` as the `sampler` of a `DataLoader` with `batch_size=None` indexes the dataset by whole lists."""
    batches = BatchSampler(SequentialSampler(range(5)), batch_size=2, drop_last=False)
    loader = DataLoader(torch.arange(10, 15), batch_size=None, sampler=batches)
    assert [batch.tolist() for batch in loader] == [[10, 11], [12, 13], [14]]
