"""Datasets made of datasets: one behind the other, side by side, a part of one, and random parts."""

from itertools import chain

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch.utils.data import (
    ChainDataset,
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    Subset,
    TensorDataset,
)

from torchproof import fact, same


class Stream(IterableDataset):
    """Some numbers, one after the other."""

    def __init__(self, *numbers):
        self.numbers = numbers

    def __iter__(self):
        return iter(self.numbers)

    def __len__(self):
        return len(self.numbers)


class Fetching(Dataset):
    """Ten samples that are fetched a batch at a time, with a note of how they were asked for."""

    def __init__(self):
        self.asked = []

    def __len__(self):
        return 10

    def __getitem__(self, index):
        self.asked.append(index)
        return -index

    def __getitems__(self, indices):
        self.asked.append(indices)
        return [-index for index in indices]


def stack(*datasets, **named):
    """A `StackDataset`, which torch 2.0 does not have."""
    return torch.utils.data.StackDataset(*datasets, **named)


# --- one behind the other ---------------------------------------------------------------------------------------------


@fact("torch.utils.data.ConcatDataset")
def test_concatenated_come_one_behind_the_other():
    """`ConcatDataset` has the samples of its datasets one dataset behind the other."""
    joined = ConcatDataset([range(2), range(10, 13)])
    assert [joined[index] for index in range(len(joined))] == [0, 1, 10, 11, 12]


@fact("torch.utils.data.ConcatDataset")
def test_concatenated_have_the_sum_of_lengths():
    """`len` of a `ConcatDataset` is the sum of the lengths of its datasets, empty ones included."""
    assert len(ConcatDataset([range(2), [], range(3)])) == 5


@fact("torch.utils.data.ConcatDataset")
def test_concatenated_pass_over_an_empty_dataset():
    """An index of a `ConcatDataset` passes over a dataset that is empty."""
    assert ConcatDataset([range(2), [], range(10, 13)])[2] == 10


@fact("torch.utils.data.ConcatDataset")
def test_concatenated_are_counted_from_the_end():
    """`ConcatDataset` takes a negative index for one from the end of all its datasets."""
    joined = ConcatDataset([range(2), range(10, 13)])
    assert (joined[-1], joined[-5]) == (12, 0)


@fact("torch.utils.data.ConcatDataset")
def test_concatenated_refuse_an_index_before_the_first():
    """`ConcatDataset[-6]` of 5 raises ValueError "absolute value of index should not exceed dataset length"."""
    with pytest.raises(ValueError, match="absolute value of index should not exceed dataset length"):
        ConcatDataset([range(2), range(3)])[-6]


@fact("torch.utils.data.ConcatDataset")
def test_concatenated_are_iterated_to_their_end():
    """An index behind the last sample of a `ConcatDataset` raises IndexError, so `for` over it ends there."""
    joined = ConcatDataset([range(2), range(10, 13)])
    assert list(joined) == [0, 1, 10, 11, 12]
    with pytest.raises(IndexError, match="out of range"):
        joined[5]


@fact("torch.utils.data.ConcatDataset.cumsum")
def test_concatenated_keep_where_each_ends():
    """`cumulative_sizes` of a `ConcatDataset`, which `cumsum` gives, has how many samples there are up to each end."""
    datasets = [range(2), "abc", [1]]
    assert ConcatDataset(datasets).cumulative_sizes == [2, 5, 6]
    assert ConcatDataset.cumsum(datasets) == [2, 5, 6]


@fact("torch.utils.data.ConcatDataset.cummulative_sizes")
def test_cummulative_sizes_is_an_older_spelling():
    """`cummulative_sizes` of a `ConcatDataset` warns that it is renamed to `cumulative_sizes`, which it gives."""
    with pytest.warns(Warning, match="attribute is renamed to"):
        assert ConcatDataset([range(2), range(3)]).cummulative_sizes == [2, 5]


@fact("torch.utils.data.ConcatDataset", myth="a ConcatDataset grows with its datasets")
def test_concatenated_keep_the_lengths_that_they_had():
    """`ConcatDataset` takes the lengths of its datasets when it is made: what one gets later is not seen."""
    growing = [1, 2]
    joined = ConcatDataset([growing, [7]])
    growing.append(3)
    assert list(joined) == [1, 2, 7]


@fact("torch.utils.data.ConcatDataset")
@pytest.mark.parametrize(
    ("datasets", "words"),
    [([], "datasets should not be an empty iterable"), ([Stream(1)], "does not support IterableDataset")],
    ids=["nothing", "a_stream"],
)
def test_concatenated_are_some_datasets_with_an_index(datasets, words):
    """`ConcatDataset` refuses no datasets at all, and an `IterableDataset`, with AssertionError."""
    with pytest.raises(AssertionError, match=words):
        ConcatDataset(datasets)


@fact("torch.utils.data.Dataset", "torch.utils.data.ConcatDataset")
def test_added_are_concatenated():
    """The sum of two `Dataset`s is a `ConcatDataset` of them."""
    added = TensorDataset(torch.tensor([1])) + TensorDataset(torch.tensor([2, 3]))
    assert type(added) is ConcatDataset
    same(torch.stack([x for (x,) in added]), torch.tensor([1, 2, 3]))


@fact("torch.utils.data.ChainDataset")
def test_chained_are_read_one_after_the_other():
    """`ChainDataset` yields all of its first `IterableDataset`, then all of the next."""
    assert list(ChainDataset([Stream(3, 1), Stream(2)])) == [3, 1, 2]


@fact("torch.utils.data.ChainDataset")
def test_chained_have_the_sum_of_lengths():
    """`len` of a `ChainDataset` is the sum of the lengths of its datasets."""
    assert len(ChainDataset([Stream(3, 1), Stream(2)])) == 3


@fact("torch.utils.data.ChainDataset")
def test_chained_are_streams_only():
    """`len` of a `ChainDataset` of others: AssertionError "ChainDataset only supports IterableDataset"."""
    with pytest.raises(AssertionError, match="ChainDataset only supports IterableDataset"):
        len(ChainDataset([Stream(1), range(2)]))


@fact("torch.utils.data.ChainDataset")
def test_chained_are_streams_only_when_they_are_read():
    """`ChainDataset` comes to another dataset before it raises "ChainDataset only supports IterableDataset"."""
    chained = iter(ChainDataset([Stream(1), range(2)]))
    assert next(chained) == 1
    with pytest.raises(AssertionError, match="ChainDataset only supports IterableDataset"):
        next(chained)


@fact("torch.utils.data.IterableDataset", "torch.utils.data.ChainDataset")
def test_added_streams_are_chained():
    """The sum of two `IterableDataset`s is a `ChainDataset` of them."""
    added = Stream(1) + Stream(2, 3)
    assert type(added) is ChainDataset
    assert list(added) == [1, 2, 3]


# --- side by side -----------------------------------------------------------------------------------------------------


@fact("torch.utils.data.StackDataset")
def test_stacked_give_a_tuple():
    """`StackDataset(a, b)[i]` is the tuple `(a[i], b[i])`."""
    assert stack("ab", [4, 5])[1] == ("b", 5)


@fact("torch.utils.data.StackDataset")
def test_stacked_by_name_give_a_dict():
    """`StackDataset(x=a, y=b)[i]` is the dict of `a[i]` and `b[i]` under these names."""
    assert stack(text="ab", label=[4, 5])[1] == {"text": "b", "label": 5}


@fact("torch.utils.data.StackDataset")
def test_stacked_have_the_length_of_each():
    """`len` of a `StackDataset` is the length that its datasets have in common."""
    assert (len(stack("ab", [4, 5])), len(stack(text="abc"))) == (2, 3)


@fact("torch.utils.data.StackDataset")
@pytest.mark.parametrize(
    ("datasets", "named", "words"),
    [
        (["ab", "abc"], {}, "Size mismatch between datasets"),
        ([], {"x": "ab", "y": "abc"}, "Size mismatch between datasets"),
        ([], {}, "At least one dataset should be passed"),
        (["ab"], {"x": "ab"}, "both types are given"),
    ],
    ids=["lengths", "lengths_by_name", "nothing", "both_kinds"],
)
def test_stacked_are_of_one_length_and_kind(datasets, named, words):
    """`StackDataset` refuses datasets of several lengths, none, and names for some of them only, with ValueError."""
    with pytest.raises(ValueError, match=words):
        stack(*datasets, **named)


@fact("torch.utils.data.StackDataset", since="2.2", calls="names __getitems__", gain=True)
@pytest.mark.parametrize("by_name", [False, True], ids=["tuple", "dict"])
def test_stacked_are_asked_for_whole_batches(by_name):
    """`StackDataset` hands the indices of a batch on to a dataset that has `__getitems__`."""
    fetching = Fetching()
    stacked = stack(x=fetching, y=range(10)) if by_name else stack(fetching, range(10))
    [batch] = DataLoader(stacked, batch_sampler=[[2, 5]])
    same(batch["x" if by_name else 0], torch.tensor([-2, -5]))
    same(batch["y" if by_name else 1], torch.tensor([2, 5]))
    assert fetching.asked == [[2, 5]]


class Losing(Fetching):
    """Gives one sample less than it is asked for."""

    def __getitems__(self, indices):
        return indices[1:]


@fact("torch.utils.data.StackDataset", since="2.2", calls="names __getitems__", gain=True)
@pytest.mark.parametrize("stacked", [lambda: stack(Losing()), lambda: stack(x=Losing())], ids=["tuple", "dict"])
def test_stacked_notice_a_sample_that_is_lost(stacked):
    """`StackDataset` refuses another number of samples than it asked for with ValueError, output size mismatch."""
    with pytest.raises(ValueError, match="output size mismatch. Expected 2, got 1"):
        stacked().__getitems__([2, 5])


# --- a part -----------------------------------------------------------------------------------------------------------


@fact("torch.utils.data.Subset")
def test_subset_has_the_samples_of_its_indices():
    """`Subset(dataset, indices)[i]` is `dataset[indices[i]]`, in the order of the indices, twice where one is twice."""
    subset = Subset("abcd", [3, 1, 1])
    assert (subset[0], subset[1], subset[2], subset[-1]) == ("d", "b", "b", "b")


@fact("torch.utils.data.Subset")
def test_subset_has_the_length_of_its_indices():
    """`len` of a `Subset` is the number of its indices."""
    assert len(Subset(range(10), [7, 8])) == 2


@fact("torch.utils.data.Subset")
def test_subset_ends_iteration():
    """An index behind the last sample of a `Subset` raises IndexError, so `for` over it ends there."""
    assert list(Subset("abcd", [3, 1])) == ["d", "b"]
    with pytest.raises(IndexError, match="out of range"):
        Subset("abcd", [3, 1])[2]


@fact("torch.utils.data.Subset", myth="a Subset copies its samples")
def test_subset_shares_the_dataset():
    """A `Subset` holds the dataset itself: what changes there is seen through every `Subset` of it."""
    dataset = [0, 0, 0]
    one, other = Subset(dataset, [1, 2]), Subset(dataset, [2])
    dataset[2] = 9
    assert (one[1], other[0]) == (9, 9)
    assert one.dataset is other.dataset


@fact("torch.utils.data.Subset", "torch.utils.data.random_split", hint="wrap each part in a dataset that transforms")
def test_subset_shares_the_transform():
    """A transform that is set on the dataset of one part of `random_split` also works on the other parts."""

    class Transformed(Dataset):
        transform = staticmethod(lambda sample: sample)

        def __len__(self):
            return 4

        def __getitem__(self, index):
            return self.transform(index)

    train, test = torch.utils.data.random_split(Transformed(), [3, 1])
    before = test[0]
    train.dataset.transform = lambda sample: sample + 100
    assert test[0] == before + 100


@fact("torch.utils.data.Subset")
def test_subset_of_a_subset_counts_in_it():
    """The indices of a `Subset` of a `Subset` count in that `Subset`, not in the whole dataset."""
    assert list(Subset(Subset(range(10, 20), [5, 6, 7]), [2, 0])) == [17, 15]


@fact("torch.utils.data.Subset")
def test_subset_takes_a_list():
    """A `Subset` that is indexed by a list hands a list of the dataset's own indices on."""
    same(Subset(torch.arange(10, 20), [5, 6, 7])[[2, 0]], torch.tensor([17, 15]))


@fact("torch.utils.data.Subset", since="2.1", calls="names __getitems__", gain=True)
def test_subset_is_asked_for_whole_batches():
    """A `Subset` of a dataset that has `__getitems__` hands the indices of a batch on to it."""
    fetching = Fetching()
    loader = DataLoader(Subset(fetching, [7, 8, 9]), batch_size=2)
    assert [batch.tolist() for batch in loader] == [[-7, -8], [-9]]
    assert fetching.asked == [[7, 8], [9]]


# Calls of such a subclass.
OWN_GETITEM = "overrides __getitem__, lacks __getitems__"


class Negated(Subset):
    """A part of a dataset that gives its samples otherwise."""

    def __getitem__(self, index):
        return -self.dataset[self.indices[index]]


@fact("torch.utils.data.Subset", since="2.11", calls=OWN_GETITEM, hint="define __getitems__ too")
def test_subset_with_its_own_getitem_alone_is_refused():
    """A subclass of `Subset` with its own `__getitem__`, but no `__getitems__`, raises NotImplementedError if made."""
    with pytest.raises(NotImplementedError, match="overrides __getitem__ but not __getitems__"):
        Negated(range(10), [1, 2])


@fact("torch.utils.data.Subset", since="2.1", until="2.11", calls=OWN_GETITEM, hint="define __getitems__ too")
def test_subset_with_its_own_getitem_alone_was_overlooked():
    """A `DataLoader` over a subclass of `Subset` that defines `__getitem__` alone never calls it."""
    subset = Negated(range(10), [1, 2])
    assert (subset[0], subset[1]) == (-1, -2)
    assert [batch.tolist() for batch in DataLoader(subset, batch_size=2)] == [[1, 2]]


class Both(Negated):
    """A part of a dataset that gives its samples otherwise, one by one and in batches."""

    def __getitems__(self, indices):
        return [self[index] for index in indices]


@fact("torch.utils.data.Subset", "torch.utils.data.DataLoader")
def test_subset_with_both_of_its_own_is_loaded_by_them():
    """A `DataLoader` over a subclass of `Subset` with its own `__getitem__` and `__getitems__` loads by these."""
    assert [batch.tolist() for batch in DataLoader(Both(range(10), [1, 2]), batch_size=2)] == [[-1, -2]]


# --- random parts -----------------------------------------------------------------------------------------------------


def split(length, lengths, seed=0):
    """What the parts hold, drawn by a generator of their own."""
    parts = torch.utils.data.random_split(range(length), lengths, generator=torch.Generator().manual_seed(seed))
    return [list(part) for part in parts]


@fact("torch.utils.data.random_split")
@given(st.lists(st.integers(0, 5), min_size=1, max_size=4), st.integers(0, 9))
@example([3, 2], 0)
@example([0, 4], 1)
def test_split_has_each_sample_in_one_part(lengths, seed):
    """`random_split` puts each sample into exactly one part."""
    assert sorted(chain(*split(sum(lengths), lengths, seed))) == list(range(sum(lengths)))


@fact("torch.utils.data.random_split")
@given(st.lists(st.integers(0, 5), min_size=1, max_size=4))
@example([3, 2])
@example([0, 4])
def test_split_has_parts_of_the_lengths_that_it_is_told(lengths):
    """`random_split` gives its parts the lengths that it is told, one after the other."""
    assert [len(part) for part in split(sum(lengths), lengths)] == lengths


@fact("torch.utils.data.random_split", requires="scipy")
@pytest.mark.slow
def test_split_is_random():
    """`random_split` gives each sample the same chance to be in the first part, by a chi-square test."""
    from scipy import stats

    counts = torch.zeros(6)
    for seed in range(300):
        counts[split(6, [2, 4], seed)[0]] += 1
    assert counts.sum() == 600
    assert stats.chisquare(counts.numpy()).pvalue > 1e-4


@fact("torch.utils.data.random_split")
@pytest.mark.parametrize(
    ("length", "fractions", "lengths"),
    [(10, [0.8, 0.2], [8, 2]), (11, [0.5, 0.5], [6, 5]), (10, [0.25, 0.25, 0.5], [3, 2, 5]), (3, [1.0], [3])],
    ids=["even", "odd", "three", "all"],
)
def test_split_by_fractions_rounds_down_and_hands_the_rest_out(length, fractions, lengths):
    """`random_split` by fractions rounds down, and hands what is left out one by one, from the first part on."""
    assert [len(part) for part in split(length, fractions)] == lengths


@fact("torch.utils.data.random_split")
@pytest.mark.parametrize("lengths", [[3, 3], [0.5, 0.2], [11]], ids=["less", "fractions", "more"])
def test_split_is_of_the_whole_dataset(lengths):
    """`random_split` refuses lengths or fractions of another sum: "Sum of input lengths does not equal the length"."""
    with pytest.raises(ValueError, match="Sum of input lengths does not equal the length of the input dataset"):
        torch.utils.data.random_split(range(10), lengths)


@fact("torch.utils.data.random_split")
@pytest.mark.parametrize("fractions", [[1.5, -0.5], [-0.5, 1.5]], ids=["above_one", "negative"])
def test_split_refuses_a_fraction_beyond_all(fractions):
    """`random_split` refuses a fraction above 1 or below 0: Fraction at index 0 is not between 0 and 1."""
    with pytest.raises(ValueError, match="Fraction at index 0 is not between 0 and 1"):
        torch.utils.data.random_split(range(10), fractions)


@fact("torch.utils.data.random_split")
def test_split_warns_of_an_empty_part():
    """`random_split` warns where a fraction is so small that its part is empty: "Length of split at index 1 is 0"."""
    with pytest.warns(UserWarning, match="Length of split at index 1 is 0"):
        parts = torch.utils.data.random_split(range(3), [0.9, 0.1])
    assert [len(part) for part in parts] == [3, 0]


@fact("torch.utils.data.random_split", hint="generator=torch.Generator().manual_seed(0)")
def test_split_is_the_same_for_the_same_generator():
    """`random_split` with generators of the same seed gives the same parts, and with another seed others."""
    assert split(20, [10, 10], seed=3) == split(20, [10, 10], seed=3) != split(20, [10, 10], seed=4)


@fact("torch.utils.data.random_split", myth="random_split gives the same parts in every run")
def test_split_without_a_generator_depends_on_the_global_seed():
    """`random_split` without a generator draws from the global one: the next split is another."""
    torch.manual_seed(0)
    first, second = ([list(part) for part in torch.utils.data.random_split(range(20), [10, 10])] for _ in range(2))
    torch.manual_seed(0)
    assert [list(part) for part in torch.utils.data.random_split(range(20), [10, 10])] == first != second


@fact("torch.utils.data.random_split", "torch.utils.data.Subset")
def test_split_gives_subsets_of_one_dataset():
    """`random_split` gives `Subset`s that all hold the dataset itself, and no copy."""
    dataset = list(range(10))
    parts = torch.utils.data.random_split(dataset, [6, 4])
    assert [type(part) for part in parts] == [Subset, Subset]
    assert all(part.dataset is dataset for part in parts)
