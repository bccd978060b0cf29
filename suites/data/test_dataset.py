"""What a loader asks of a dataset, by an index or as a stream, and `TensorDataset`; workers are in `test_workers`."""

from itertools import islice

import pytest
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from torchproof import fact, same
from torchproof.fixtures.checks import shares


class Squares(Dataset):
    """The squares of the first three numbers, with a note of which were asked for."""

    def __init__(self):
        self.asked = []

    def __len__(self):
        return 3

    def __getitem__(self, index):
        if index >= 3:
            raise IndexError(index)
        self.asked.append(index)
        return index**2


class Words(Dataset):
    """Samples that are no tensors."""

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return {"text": "ab"[index], "label": index, "weight": index / 2}


class Stream(IterableDataset):
    """What is iterated over, by whatever `make` gives."""

    def __init__(self, make):
        self.make = make

    def __iter__(self):
        return self.make()


def gives_nothing(patch):
    """`for` over a dataset gives nothing."""
    patch.setattr(Dataset, "__iter__", lambda self: iter(()), raising=False)


# --- with an index ----------------------------------------------------------------------------------------------------


@fact("torch.utils.data.DataLoader", myth="what a DataLoader loads is a Dataset", claims=["D01"])
@pytest.mark.parametrize("dataset", [[4, 5, 6], (4, 5, 6), range(4, 7), torch.tensor([4, 5, 6])], ids=type)
def test_of_any_object_with_length_and_index_is_loaded(dataset):
    """A `DataLoader` takes what has `__len__`, and `__getitem__` from 0 on: a list, a tuple, a range, a tensor."""
    first, second = DataLoader(dataset, batch_size=2)
    same(first, torch.tensor([4, 5]))
    same(second, torch.tensor([6]))


@fact("torch.utils.data.Dataset", "torch.utils.data.DataLoader", claims=["D01"])
def test_returns_a_sample_each_time_that_it_is_asked():
    """A `DataLoader` without `shuffle` asks a `Dataset` by `__getitem__` for one sample after the other, from 0 on."""
    squares = Squares()
    assert [batch.tolist() for batch in DataLoader(squares, batch_size=2)] == [[0, 1], [4]]
    assert squares.asked == [0, 1, 2]


@fact("torch.utils.data.DataLoader", myth="a DataLoader keeps the samples of the first epoch", claims=["D01"])
def test_is_asked_again_in_every_epoch():
    """A `DataLoader` asks its dataset for every sample again in each epoch: it caches nothing."""
    squares = Squares()
    loader = DataLoader(squares, batch_size=2)
    assert [list(map(len, loader)), list(map(len, loader))] == [[2, 1], [2, 1]]
    assert squares.asked == [0, 1, 2, 0, 1, 2]


@fact("torch.utils.data.DataLoader", claims=["D11"])
def test_is_asked_when_the_batch_is_needed():
    """A `DataLoader` without workers asks for the samples of a batch when that batch is asked for, and not before."""
    squares = Squares()
    batches = iter(DataLoader(squares, batch_size=2))
    assert squares.asked == []
    assert next(batches).tolist() == [0, 1]
    assert squares.asked == [0, 1]


@fact(
    "torch.utils.data.DataLoader",
    "torch.utils.data.default_collate",
    myth="__getitem__ must return tensors",
    claims=["D02"],
)
def test_of_samples_that_are_no_tensors_is_loaded():
    """Samples need not be tensors: a `DataLoader` makes tensors of their numbers and leaves their text as it is."""
    [batch] = DataLoader(Words(), batch_size=2)
    same(batch["label"], torch.tensor([0, 1]))
    same(batch["weight"], torch.tensor([0.0, 0.5], dtype=torch.float64))
    assert batch["text"] == ["a", "b"]


@fact("torch.utils.data.Dataset")
def test_without_getitem_is_not_implemented():
    """Indexing a `Dataset` that defines no `__getitem__` raises NotImplementedError."""
    with pytest.raises(NotImplementedError):
        Dataset()[0]


@fact("torch.utils.data.Dataset", refuter=gives_nothing)
def test_iteration_ends_at_the_first_index_error():
    """`for` over a `Dataset` that defines no `__iter__` ends when `__getitem__` raises IndexError."""
    assert list(Squares()) == [0, 1, 4]


class Endless(Dataset):
    """Two samples, and more for whoever does not ask how many."""

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return index


@fact(
    "torch.utils.data.Dataset",
    refuter=gives_nothing,
    myth="for over a Dataset ends at its length",
    hint="raise IndexError in __getitem__, or iterate over a DataLoader",
)
def test_iteration_without_an_index_error_goes_on_behind_the_length():
    """`for` over a `Dataset` whose `__getitem__` never raises IndexError goes on past its `__len__`, without end."""
    assert list(islice(Endless(), 5)) == [0, 1, 2, 3, 4]


@fact("torch.utils.data.DataLoader")
def test_iteration_by_a_loader_ends_at_the_length():
    """A `DataLoader` ends at the `__len__` of its dataset, whether or not an index behind it raises IndexError."""
    assert [batch.tolist() for batch in DataLoader(Endless(), batch_size=2)] == [[0, 1]]


class Endlessly(Dataset):
    """Samples of any index, and no length."""

    def __getitem__(self, index):
        return index


@fact("torch.utils.data.DataLoader", hint="define __len__, or give a sampler")
def test_without_a_length_needs_a_sampler():
    """A `DataLoader` over a `Dataset` without `__len__` raises TypeError (has no len) unless it is given a sampler."""
    assert [batch.item() for batch in DataLoader(Endlessly(), sampler=[7, 5])] == [7, 5]
    with pytest.raises(TypeError, match="has no len"):
        list(DataLoader(Endlessly()))


@fact("torch.utils.data.DataLoader", claims=["D08"])
def test_of_keys_is_loaded_by_a_sampler_of_keys():
    """A `DataLoader` over a dict takes its keys from the `sampler`."""
    loader = DataLoader({"cat": 4, "dog": 6}, batch_size=2, sampler=["dog", "cat"])
    assert [batch.tolist() for batch in loader] == [[6, 4]]


@fact("torch.utils.data.DataLoader", hint="give a sampler that draws its keys")
def test_of_keys_is_asked_for_numbers_without_a_sampler():
    """A `DataLoader` over a dict raises KeyError without a `sampler` of its keys: it asks for the sample 0."""
    assert len(list(DataLoader({"cat": 4}, sampler=["cat"]))) == 1
    with pytest.raises(KeyError, match="0"):
        next(iter(DataLoader({"cat": 4})))


class Fetching(Dataset):
    """Samples that are fetched a batch at a time."""

    def __init__(self):
        self.asked = []

    def __len__(self):
        return 4

    def __getitem__(self, index):
        self.asked.append(index)
        return index

    def __getitems__(self, indices):
        self.asked.append(list(indices))
        return [10 * index for index in indices]


@fact("torch.utils.data.Dataset", "torch.utils.data.DataLoader")
def test_with_getitems_is_asked_for_whole_batches():
    """Where a `Dataset` has `__getitems__`, a `DataLoader` asks that for a batch, by a list of indices."""
    fetching = Fetching()
    assert [batch.tolist() for batch in DataLoader(fetching, batch_size=3)] == [[0, 10, 20], [30]]
    assert fetching.asked == [[0, 1, 2], [3]]


@fact("torch.utils.data.DataLoader")
def test_with_getitems_is_asked_for_samples_without_batches():
    """With `batch_size=None` a `DataLoader` asks `__getitem__`, although the dataset has `__getitems__`."""
    fetching = Fetching()
    assert list(DataLoader(fetching, batch_size=None)) == [0, 1, 2, 3]
    assert fetching.asked == [0, 1, 2, 3]


# --- without an index -------------------------------------------------------------------------------------------------


@fact("torch.utils.data.IterableDataset", "torch.utils.data.DataLoader")
def test_of_a_stream_is_loaded_in_its_order():
    """A `DataLoader` makes batches of what an `IterableDataset` yields, in that order."""
    loader = DataLoader(Stream(lambda: iter([3, 1, 2])), batch_size=2)
    assert [batch.tolist() for batch in loader] == [[3, 1], [2]]


@fact("torch.utils.data.IterableDataset", "torch.utils.data.DataLoader")
def test_of_a_stream_is_read_no_further_than_needed():
    """A `DataLoader` without workers reads an `IterableDataset` no further than the batch that it is asked for."""
    numbers = iter(range(10))
    assert next(iter(DataLoader(Stream(lambda: numbers), batch_size=3))).tolist() == [0, 1, 2]
    assert next(numbers) == 3


@fact("torch.utils.data.IterableDataset", "torch.utils.data.DataLoader")
def test_of_a_stream_begins_anew_in_every_epoch():
    """A `DataLoader` calls `__iter__` of an `IterableDataset` in every epoch."""
    loader = DataLoader(Stream(lambda: iter([1, 2])), batch_size=2)
    assert [batch.tolist() for _ in range(2) for batch in loader] == [[1, 2], [1, 2]]


@fact(
    "torch.utils.data.IterableDataset",
    "torch.utils.data.DataLoader",
    hint="have __iter__ make an iterator: write it with yield",
)
def test_of_one_iterator_is_empty_in_the_second_epoch():
    """An `IterableDataset` whose `__iter__` returns one iterator again and again is empty from the second epoch on."""
    numbers = iter([1, 2])
    loader = DataLoader(Stream(lambda: numbers), batch_size=2)
    assert [[batch.tolist() for batch in loader] for _ in range(2)] == [[[1, 2]], []]


def asks_for_nothing(patch):
    """A subclass need not define `__iter__`."""
    patch.setattr(IterableDataset, "__abstractmethods__", frozenset())


@fact("torch.utils.data.IterableDataset", since="2.2", calls="catches TypeError", refuter=asks_for_nothing)
def test_without_iter_cannot_be_made():
    """A subclass of `IterableDataset` without an `__iter__` cannot be instantiated: TypeError, abstract class."""

    class Nothing(IterableDataset):
        pass

    with pytest.raises(TypeError, match="abstract class"):
        Nothing()
    assert list(Stream(lambda: iter([1]))) == [1]


@fact("torch.utils.data.IterableDataset", until="2.2", calls="catches NotImplementedError")
def test_without_iter_was_not_implemented():
    """Iterating over an `IterableDataset` that defines no `__iter__` raises NotImplementedError."""

    class Nothing(IterableDataset):
        pass

    with pytest.raises(NotImplementedError):
        iter(Nothing())


@fact("torch.utils.data.IterableDataset", "torch.utils.data.Dataset")
def test_of_a_stream_has_no_index():
    """Indexing an `IterableDataset` raises NotImplementedError."""
    with pytest.raises(NotImplementedError):
        Stream(lambda: iter([1]))[0]


@fact("torch.utils.data.DataLoader", hint="yield from a subclass of IterableDataset")
def test_of_a_generator_is_no_stream():
    """A `DataLoader` over a generator raises TypeError (has no len): only an `IterableDataset` is read as a stream."""
    assert [batch.item() for batch in DataLoader(Stream(lambda: (n for n in [5])))] == [5]
    with pytest.raises(TypeError, match="has no len"):
        list(DataLoader(n for n in [5]))


@fact("torch.utils.data.DataLoader")
@pytest.mark.parametrize("option", ["shuffle", "sampler", "batch_sampler"])
def test_of_a_stream_takes_no_order(option):
    """A `DataLoader` over an `IterableDataset` refuses `shuffle`, `sampler` and `batch_sampler` with ValueError."""
    with pytest.raises(ValueError, match=f"IterableDataset: expected unspecified {option} option"):
        DataLoader(Stream(lambda: iter([1])), **{option: True})


@fact("torch.utils.data.IterableDataset", "torch.utils.data.DataLoader", hint="define __len__ where it is known")
def test_of_a_stream_has_no_length_unless_it_says_so():
    """`len` of a `DataLoader` over an `IterableDataset` without `__len__` raises TypeError (has no len)."""
    with pytest.raises(TypeError, match="has no len"):
        len(DataLoader(Stream(lambda: iter([1]))))


class Counted(Stream):
    """A stream that says how long it is: five."""

    def __len__(self):
        return 5


@fact("torch.utils.data.DataLoader")
@pytest.mark.parametrize(("drop_last", "length"), [(False, 3), (True, 2)], ids=["kept", "dropped"])
def test_of_a_stream_has_the_batches_of_its_length(drop_last, length):
    """`len` of a `DataLoader` over an `IterableDataset` is computed of its `__len__`, `batch_size` and `drop_last`."""
    assert len(DataLoader(Counted(lambda: iter(range(5))), batch_size=2, drop_last=drop_last)) == length


@fact("torch.utils.data.DataLoader", "torch.utils.data.IterableDataset")
def test_of_a_stream_that_is_longer_than_it_said_warns():
    """`DataLoader` warns of an `IterableDataset` above its `__len__`: "Length of IterableDataset … was reported"."""
    loader = DataLoader(Counted(lambda: iter(range(6))))
    assert len(loader) == 5
    with pytest.warns(UserWarning, match="Length of IterableDataset .* was reported to be 5"):
        assert [batch.item() for batch in loader] == [0, 1, 2, 3, 4, 5]


# --- tensors ----------------------------------------------------------------------------------------------------------


def tensors():
    return torch.arange(6.0).view(3, 2), torch.tensor([7, 8, 9])


@fact("torch.utils.data.TensorDataset")
@pytest.mark.parametrize("index", [1, -2], ids=["from_the_start", "from_the_end"])
def test_of_tensors_gives_a_tuple_of_rows(index):
    """`TensorDataset(x, y)[i]` is the tuple `(x[i], y[i])`, also with an index from the end."""
    x, y = TensorDataset(*tensors())[index]
    same(x, torch.tensor([2.0, 3.0]))
    same(y, torch.tensor(8))


@fact("torch.utils.data.TensorDataset")
def test_of_one_tensor_gives_a_tuple_of_one():
    """A sample of a `TensorDataset` of one tensor is a tuple of one tensor, not the tensor itself."""
    sample = TensorDataset(torch.tensor([5, 6]))[1]
    assert isinstance(sample, tuple)
    assert sample == (torch.tensor(6),)


@fact("torch.utils.data.TensorDataset")
def test_of_tensors_has_the_length_of_their_first_dimension():
    """`len` of a `TensorDataset` is the size of the first dimension of its tensors."""
    assert len(TensorDataset(*tensors())) == 3


@fact("torch.utils.data.TensorDataset", hint="transpose what does not have samples in its first dimension")
def test_of_tensors_of_other_lengths_is_refused():
    """`TensorDataset` refuses tensors whose first dimensions differ: AssertionError, Size mismatch between tensors."""
    with pytest.raises(AssertionError, match="Size mismatch between tensors"):
        TensorDataset(torch.zeros(3), torch.zeros(2))


@fact("torch.utils.data.TensorDataset", myth="a TensorDataset copies its tensors")
def test_of_tensors_shares_their_memory():
    """A sample of a `TensorDataset` is a view of its tensor: a write into the tensor is seen in the sample."""
    x = torch.ones(3, 2)
    assert shares(x, TensorDataset(x)[1][0])


@fact("torch.utils.data.TensorDataset")
@pytest.mark.parametrize("index", [slice(0, 2), [0, 1], torch.tensor([0, 1])], ids=["slice", "list", "tensor"])
def test_of_tensors_takes_what_tensors_take(index):
    """`TensorDataset(x, y)` indexed by a slice, a list or a tensor gives a batch of rows of x, and one of y."""
    x, y = TensorDataset(*tensors())[index]
    same(x, torch.tensor([[0.0, 1.0], [2.0, 3.0]]))
    same(y, torch.tensor([7, 8]))


@fact("torch.utils.data.TensorDataset")
def test_of_tensors_ends_iteration():
    """`for` over a `TensorDataset` ends at its length, since an index behind it raises IndexError."""
    assert [y.item() for _, y in TensorDataset(*tensors())] == [7, 8, 9]
    with pytest.raises(IndexError, match="out of bounds"):
        TensorDataset(*tensors())[3]


@fact("torch.utils.data.TensorDataset", "torch.utils.data.DataLoader")
def test_of_tensors_is_loaded_as_a_list():
    """A batch that a `DataLoader` makes of a `TensorDataset` of two tensors is a list of two tensors, not a tuple."""
    batch = next(iter(DataLoader(TensorDataset(*tensors()), batch_size=2)))
    assert isinstance(batch, list)
    same(batch[0], torch.tensor([[0.0, 1.0], [2.0, 3.0]]))
    same(batch[1], torch.tensor([7, 8]))
