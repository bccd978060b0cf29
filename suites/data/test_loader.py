"""A DataLoader without workers: its batches, its order, where it begins, and which arguments exclude each other."""

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    RandomSampler,
    SequentialSampler,
    TensorDataset,
)

from torchproof import fact, same
from torchproof.suites.data.loading import seeded


def epoch(loader):
    """The samples of an epoch, in their order."""
    return [sample for batch in loader for sample in batch.tolist()]


def sizes(loader):
    return [len(batch) for batch in loader]


# --- batches ----------------------------------------------------------------------------------------------------------


@fact("torch.utils.data.DataLoader", claims=["D04", "D07"])
@given(st.integers(0, 20), st.integers(1, 7), st.booleans())
@example(7, 3, False)
@example(7, 3, True)
@example(6, 3, True)
def test_gives_batches_of_the_batch_size(length, size, drop_last):
    """A `DataLoader` gives batches of `batch_size` samples, and last what is left, unless `drop_last`."""
    loader = DataLoader(range(length), batch_size=size, drop_last=drop_last)
    rest = [length % size] * (length % size > 0 and not drop_last)
    assert sizes(loader) == [size] * (length // size) + rest
    assert epoch(loader) == list(range(length))[: sum(sizes(loader))]


@fact("torch.utils.data.DataLoader", claims=["D04"])
def test_gives_batches_of_one_by_default():
    """A `DataLoader` makes batches of one sample by default: they have one dimension more than the sample."""
    first, second = DataLoader([torch.zeros(2, 3), torch.ones(2, 3)])
    same(first, torch.zeros(1, 2, 3))
    same(second, torch.ones(1, 2, 3))


@fact("torch.utils.data.DataLoader", claims=["D04"])
def test_gives_samples_without_a_batch_size():
    """With `batch_size=None` a `DataLoader` gives tensors one by one, without a dimension for the batch."""
    [sample] = DataLoader([torch.ones(2, 3)], batch_size=None)
    same(sample, torch.ones(2, 3))


@fact("torch.utils.data.DataLoader", myth="len of a DataLoader is the number of samples", hint="len(loader.dataset)")
@given(st.integers(0, 20), st.integers(1, 7), st.booleans())
@example(7, 3, False)
@example(7, 3, True)
def test_has_the_length_of_its_batches(length, size, drop_last):
    """`len` of a `DataLoader` is the number of its batches, not of its samples."""
    loader = DataLoader(range(length), batch_size=size, drop_last=drop_last)
    assert len(loader) == len(list(loader)) == (length // size if drop_last else -(-length // size))
    assert len(loader.dataset) == length


@fact("torch.utils.data.DataLoader")
def test_has_the_length_of_its_samples_without_batches():
    """`len` of a `DataLoader` with `batch_size=None` is the number of samples that its sampler draws."""
    assert len(DataLoader(range(7), batch_size=None)) == 7
    assert len(DataLoader(range(7), batch_size=None, sampler=[3, 1])) == 2


@fact("torch.utils.data.DataLoader", claims=["D07"], hint="drop_last=False, or a smaller batch_size")
def test_drop_last_leaves_nothing_of_less_than_a_batch():
    """With `drop_last=True` a `DataLoader` over fewer samples than `batch_size` has no batch at all."""
    assert sizes(DataLoader(range(3), batch_size=4, drop_last=True)) == []
    assert sizes(DataLoader(range(3), batch_size=4)) == [3]


@fact("torch.utils.data.DataLoader", claims=["D07"])
def test_drop_last_with_shuffle_drops_other_samples_each_time():
    """With `shuffle=True` and `drop_last=True` a `DataLoader` drops other samples in another epoch."""
    loader = DataLoader(range(50), batch_size=40, shuffle=True, drop_last=True, generator=seeded())
    first, second = set(epoch(loader)), set(epoch(loader))
    assert len(first) == len(second) == 40
    assert first != second


@fact("torch.utils.data.DataLoader")
def test_gives_batches_on_the_device_of_the_samples(device):
    """A `DataLoader` moves nothing: the batches are on the device of the samples."""
    [(x,)] = DataLoader(TensorDataset(torch.ones(2, device=device)), batch_size=2)
    assert x.device == torch.ones(1, device=device).device
    same(x, torch.ones(2))


@fact("torch.utils.data.DataLoader")
def test_calls_the_collate_fn_once_a_batch():
    """A `DataLoader` calls its `collate_fn` once for each batch."""
    calls = []
    assert list(DataLoader("abc", batch_size=2, collate_fn=lambda samples: calls.append(samples))) == [None, None]
    assert calls == [["a", "b"], ["c"]]


# --- order ------------------------------------------------------------------------------------------------------------


@fact("torch.utils.data.DataLoader", claims=["D05"])
def test_keeps_the_order_without_shuffle():
    """A `DataLoader` gives the samples in the order of the dataset unless it is told to shuffle."""
    loader = DataLoader(range(20), batch_size=6)
    assert epoch(loader) == epoch(loader) == list(range(20))


@fact("torch.utils.data.DataLoader", claims=["D05"])
def test_shuffles_into_another_order_at_every_epoch():
    """A `DataLoader` with `shuffle=True` gives every sample once, in another order at every epoch."""
    loader = DataLoader(range(50), batch_size=8, shuffle=True)
    first, second, third = epoch(loader), epoch(loader), epoch(loader)
    assert first != second != third != first
    assert sorted(first) == sorted(second) == list(range(50))


@fact("torch.utils.data.DataLoader", claims=["D05"])
def test_shuffles_samples_and_not_batches():
    """A `DataLoader` with `shuffle=True` puts together other batches at every epoch, not the same in another order."""
    loader = DataLoader(range(50), batch_size=10, shuffle=True)
    first, second = ({frozenset(batch.tolist()) for batch in loader} for _ in range(2))
    assert len(first) == 5
    assert first.isdisjoint(second)


@fact("torch.utils.data.DataLoader", claims=["D05"], hint="generator=torch.Generator().manual_seed(0)")
def test_shuffles_alike_with_the_same_generator():
    """`DataLoader`s whose `generator` has the same seed shuffle alike, epoch by epoch, whatever the global seed."""
    runs = []
    for global_seed, seed in ((1, 3), (2, 3), (2, 4)):
        torch.manual_seed(global_seed)
        loader = DataLoader(range(50), batch_size=8, shuffle=True, generator=seeded(seed))
        runs.append([epoch(loader), epoch(loader)])
    assert runs[0] == runs[1] != runs[2]


@fact("torch.utils.data.DataLoader")
def test_with_a_generator_leaves_the_global_one_alone():
    """A `DataLoader` with `shuffle=True` and a `generator` takes nothing from the global one."""
    before = torch.get_rng_state()
    assert sorted(epoch(DataLoader(range(9), shuffle=True, generator=seeded()))) == list(range(9))
    same(torch.get_rng_state(), before)


@fact(
    "torch.utils.data.RandomSampler",
    myth="the generator of a DataLoader is that of its sampler",
    hint="RandomSampler(dataset, generator=generator)",
)
def test_shuffles_by_the_generator_of_its_sampler():
    """A `RandomSampler` draws by the global seed, whatever `generator` its `DataLoader` has, unless given its own."""

    def order(global_seed, **options):
        torch.manual_seed(global_seed)
        return epoch(DataLoader(range(50), sampler=RandomSampler(range(50), **options), generator=seeded(3)))

    assert order(1) == order(1) != order(2)
    assert order(1, generator=seeded(3)) == order(2, generator=seeded(3))


def takes_nothing(patch):
    """An epoch takes no number from the global generator."""
    loads = DataLoader.__iter__

    def aside(loader):
        with torch.random.fork_rng():
            return loads(loader)

    patch.setattr(DataLoader, "__iter__", aside)


@fact("torch.utils.data.DataLoader", refuter=takes_nothing, hint="give the loader a generator of its own")
def test_takes_a_number_from_the_global_generator_even_in_order():
    """Each epoch of a `DataLoader` without a `generator` takes a number from the global one, also without `shuffle`."""
    torch.manual_seed(0)
    wanted = torch.rand(3)
    torch.manual_seed(0)
    assert epoch(DataLoader(range(2))) == [0, 1]
    assert not torch.equal(torch.rand(3), wanted)


@fact("torch.utils.data.DataLoader", claims=["D08"])
def test_has_the_samplers_that_it_was_not_given():
    """A `DataLoader` makes itself a `SequentialSampler`, and with `shuffle=True` a `RandomSampler`."""
    ordered, shuffled = DataLoader(range(4), 2), DataLoader(range(4), 2, shuffle=True)
    assert (type(ordered.sampler), type(shuffled.sampler)) == (SequentialSampler, RandomSampler)


@fact("torch.utils.data.DataLoader", claims=["D08"])
def test_has_a_sampler_of_batches():
    """A `DataLoader` makes itself a `BatchSampler`, which draws the indices of its batches."""
    loader = DataLoader(range(4), 2)
    assert type(loader.batch_sampler) is BatchSampler
    assert list(loader.batch_sampler) == [[0, 1], [2, 3]]


# --- where it begins --------------------------------------------------------------------------------------------------


@fact(
    "torch.utils.data.DataLoader",
    myth="next(iter(loader)) gives one batch after the other",
    hint="keep batches = iter(loader), and call next(batches)",
)
def test_begins_anew_with_each_iter():
    """`next(iter(loader))` of a `DataLoader` without shuffle gives the first batch each time: `iter` begins anew."""
    loader = DataLoader(range(6), batch_size=2)
    same(next(iter(loader)), torch.tensor([0, 1]))
    same(next(iter(loader)), torch.tensor([0, 1]))


@fact("torch.utils.data.DataLoader")
def test_goes_on_with_one_iterator():
    """`next` of one iterator over a `DataLoader` gives the batches one after the other, then raises StopIteration."""
    batches = iter(DataLoader(range(4), batch_size=2))
    assert [next(batches).tolist(), next(batches).tolist()] == [[0, 1], [2, 3]]
    with pytest.raises(StopIteration):
        next(batches)


@fact("torch.utils.data.DataLoader", hint="next(iter(loader))")
def test_is_no_iterator_itself():
    """`next` of a `DataLoader` itself raises TypeError: 'DataLoader' object is not an iterator."""
    loader = DataLoader(range(4), batch_size=2)
    assert next(iter(loader)).tolist() == [0, 1]
    with pytest.raises(TypeError, match="'DataLoader' object is not an iterator"):
        next(loader)


@fact("torch.utils.data.DataLoader")
def test_has_independent_iterators():
    """Two iterators over one `DataLoader` do not move each other."""
    loader = DataLoader(range(4), batch_size=2)
    one, other = iter(loader), iter(loader)
    assert [next(one).tolist(), next(other).tolist(), next(one).tolist()] == [[0, 1], [0, 1], [2, 3]]


@fact("torch.utils.data.DataLoader")
def test_raises_what_the_dataset_raises():
    """A `DataLoader` without workers lets through what `__getitem__` raises, as it is."""

    class Broken:
        def __len__(self):
            return 2

        def __getitem__(self, index):
            raise LookupError(f"no sample {index}")

    with pytest.raises(LookupError, match="^no sample 1$"):
        next(iter(DataLoader(Broken(), sampler=[1])))


# --- arguments that exclude each other --------------------------------------------------------------------------------


@fact("torch.utils.data.DataLoader", claims=["D08"])
def test_refuses_a_sampler_with_shuffle():
    """A `DataLoader` of a `sampler` and `shuffle=True`: "sampler option is mutually exclusive with shuffle"."""
    with pytest.raises(ValueError, match="sampler option is mutually exclusive with shuffle"):
        DataLoader(range(4), sampler=[0, 1], shuffle=True)


@fact("torch.utils.data.DataLoader", claims=["D08"])
@pytest.mark.parametrize(
    "option",
    [{"batch_size": 2}, {"shuffle": True}, {"sampler": [0]}, {"drop_last": True}],
    ids=lambda option: next(iter(option)),
)
def test_refuses_a_batch_sampler_with_what_it_decides(option):
    """`DataLoader` refuses `batch_sampler` with `batch_size`, `shuffle`, `sampler`, `drop_last`: mutually exclusive."""
    with pytest.raises(ValueError, match="mutually exclusive"):
        DataLoader(range(4), batch_sampler=[[0]], **option)


@fact("torch.utils.data.DataLoader", claims=["D07"])
def test_refuses_drop_last_without_batches():
    """A `DataLoader` refuses `batch_size=None` with `drop_last=True`: "option disables auto-batching"."""
    with pytest.raises(ValueError, match="batch_size=None option disables auto-batching"):
        DataLoader(range(4), batch_size=None, drop_last=True)


@fact("torch.utils.data.DataLoader")
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"batch_size": 0}, "batch_size should be a positive integer value"),
        ({"num_workers": -1}, "num_workers option should be non-negative"),
        ({"timeout": -1}, "timeout option should be non-negative"),
        ({"num_workers": 1, "prefetch_factor": -1}, "prefetch_factor option should be non-negative"),
    ],
    ids=["batch_size", "num_workers", "timeout", "prefetch_factor"],
)
def test_refuses_numbers_that_are_too_small(options, words):
    """A `DataLoader` refuses a `batch_size` of 0 and a negative `num_workers`, `timeout` or `prefetch_factor`."""
    with pytest.raises(ValueError, match=words):
        DataLoader(range(4), **options)


@fact("torch.utils.data.DataLoader", claims=["D06"])
@pytest.mark.parametrize(
    ("option", "words"),
    [
        ({"prefetch_factor": 2}, "prefetch_factor option could only be specified in multiprocessing"),
        ({"persistent_workers": True}, "persistent_workers option needs num_workers > 0"),
        ({"multiprocessing_context": "spawn"}, "multiprocessing_context can only be used with multi-process loading"),
    ],
    ids=["prefetch_factor", "persistent_workers", "multiprocessing_context"],
)
def test_refuses_options_of_workers_without_workers(option, words):
    """A `DataLoader` without workers refuses `prefetch_factor`, `persistent_workers` and `multiprocessing_context`."""
    with pytest.raises(ValueError, match=words):
        DataLoader(range(4), **option)


@fact("torch.utils.data.DataLoader")
def test_refuses_a_timeout_without_workers_when_it_is_iterated():
    """A `DataLoader` with a `timeout` and without workers raises AssertionError when it is iterated over."""
    loader = DataLoader(range(4), timeout=1)
    with pytest.raises(AssertionError):
        iter(loader)


@fact("torch.utils.data.DataLoader.multiprocessing_context", "torch.utils.data.DataLoader")
@pytest.mark.parametrize(
    ("context", "error", "words"),
    [
        ("thread", ValueError, "should specify a valid start method in"),
        (3, TypeError, "should be a valid context object or a string specifying the start method"),
    ],
    ids=["a_word", "a_number"],
)
def test_refuses_an_unknown_start_method(context, error, words):
    """A `DataLoader` refuses a `multiprocessing_context` that is neither a start method of Python's nor a context."""
    with pytest.raises(error, match=words):
        DataLoader(range(4), num_workers=1, multiprocessing_context=context)


@fact("torch.utils.data.DataLoader")
@pytest.mark.parametrize(
    "attribute", ["batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers"]
)
def test_refuses_another_value_later(attribute):
    """Setting what a `DataLoader` was made with, such as `batch_size` or `dataset`, raises ValueError."""
    loader = DataLoader(range(4), batch_size=2)
    with pytest.raises(ValueError, match=f"{attribute} attribute should not be set after DataLoader is initialized"):
        setattr(loader, attribute, 1)
    assert sizes(loader) == [2, 2]


@fact("torch.utils.data.DataLoader.check_worker_number_rationality", "torch.utils.data.DataLoader", claims=["D06"])
def test_warns_of_more_workers_than_processors():
    """`DataLoader` warns of workers that may freeze: "This DataLoader will create 9999 worker processes in total"."""
    with pytest.warns(UserWarning, match="This DataLoader will create 9999 worker processes in total"):
        loader = DataLoader(range(4), num_workers=9999)
    assert loader.num_workers == 9999
