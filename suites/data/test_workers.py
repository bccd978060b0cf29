"""Workers of a DataLoader: what runs in them, what they are told, their random numbers, how they fail and end."""

import multiprocessing
import os
import random
import signal
import time

import numpy
import pytest
import torch
from torch.utils.data import DataLoader, IterableDataset, Sampler

from torchproof import fact, same
from torchproof.fixtures.fact import unavailable
from torchproof.suites.data.loading import Calls


class Stream(IterableDataset):
    """Some numbers, of which each worker gives its share if it is told how many there are."""

    def __init__(self, stop=4, shared=False):
        self.start, self.stop, self.step, self.shared = 0, stop, 1, shared

    def __iter__(self):
        if self.shared:
            self.share()
        return iter(range(self.start, self.stop, self.step))

    def share(self):
        info = torch.utils.data.get_worker_info()
        self.start, self.step = info.id, info.num_workers


FORKED = {"multiprocessing_context": "fork"}


def workers(number):
    """The options of a loader with so many forked workers, which need not be sent what they have already."""
    if "fork" not in multiprocessing.get_all_start_methods():
        unavailable("platform", "fork")
    is_default = multiprocessing.get_context().get_start_method() == "fork"
    return {"num_workers": number} if is_default or not number else {"num_workers": number, **FORKED}


def loader_of(function, length=4, num_workers=2, **options):
    """A loader of single samples that workers make by a function."""
    return DataLoader(Calls(function, length), batch_size=None, **workers(num_workers), **options)


def loaded(function, length=4, num_workers=2, **options):
    """The samples of an epoch."""
    return list(loader_of(function, length, num_workers, **options))


def one_of(function, **options):
    """An iterator over one sample of one worker: who has it raise is to empty it, so that the worker ends at once."""
    return iter(loader_of(function, length=1, num_workers=1, **options))


def process(index):
    return os.getpid()


# --- processes --------------------------------------------------------------------------------------------------------


@fact("torch.utils.data.DataLoader", claims=["D06"])
@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 2])
def test_are_as_many_processes_as_asked_for(number):
    """A `DataLoader` loads in `num_workers` processes beside the main process."""
    assert len(set(loaded(process, 6, number)) - {os.getpid()}) == number


@fact("torch.utils.data.DataLoader", claims=["D06"])
def test_are_none_where_none_are_asked_for():
    """A `DataLoader` without `num_workers` loads in the main process itself."""
    assert loaded(process, num_workers=0) == [os.getpid()] * 4
    assert list(DataLoader(Calls(process), batch_size=None)) == [os.getpid()] * 4


@fact("torch.utils.data.DataLoader")
def test_make_the_batches_too():
    """The `collate_fn` of a `DataLoader` runs in its workers."""
    batches = DataLoader(
        Calls(process), 2, collate_fn=lambda samples: [os.getpid() == n for n in samples], **workers(1)
    )
    assert list(batches) == [[True, True], [True, True]]


class Telling(Sampler):
    """Draws the number of the process that it runs in."""

    def __init__(self):
        pass  # what the class itself takes is another thing on older releases

    def __iter__(self):
        return iter([os.getpid()])


@fact("torch.utils.data.DataLoader", claims=["D08"])
def test_are_told_what_to_load():
    """The sampler of a `DataLoader` runs in the main process, and its workers are sent the indices."""
    assert loaded(lambda index: [index, os.getpid() == index], sampler=Telling()) == [[os.getpid(), False]]


@fact("torch.utils.data.DataLoader")
def test_of_more_than_there_are_samples_load_each_once():
    """A `DataLoader` with more workers than batches gives every batch once."""
    assert loaded(lambda index: index, length=1, num_workers=2) == [0]


@fact("torch.utils.data.DataLoader", myth="with workers the order of batches is not fixed")
@pytest.mark.slow
def test_keep_the_order_whoever_is_first():
    """A `DataLoader` with workers keeps the order of its sampler, also where a later batch is ready first."""
    ready = multiprocessing.Event()

    def load(index):
        assert ready.wait(20) if index == 0 else not ready.set()
        return index

    assert loaded(load) == [0, 1, 2, 3]


@fact("torch.utils.data.DataLoader", since="2.6", calls="in_order=False", gain=True)
def test_out_of_order_give_what_is_ready():
    """A `DataLoader` with `in_order=False` gives the batches in the order in which its workers have them ready."""
    wanted = multiprocessing.Event()
    samples = iter(loader_of(lambda index: index if index or wanted.wait(2) else None, length=2, in_order=False))
    first = next(samples)
    wanted.set()
    assert (first, next(samples)) == (1, 0)


@fact("torch.utils.data.DataLoader", myth="what a worker changes in its dataset is seen outside", hint="return it")
def test_have_a_copy_of_the_dataset():
    """Workers of a `DataLoader` have copies of the dataset: what they change is not seen in the main process."""
    seen = []
    assert loaded(lambda index: seen.append(index) or len(seen)) == [1, 1, 2, 2]
    assert seen == []


@fact("torch.utils.data.DataLoader")
def test_have_the_dataset_as_it_was_when_they_started():
    """What is changed in a dataset while a `DataLoader` is iterated over reaches its workers in the next epoch."""
    scale = [1]
    loader = loader_of(lambda index: scale[0] * index, num_workers=1)
    samples = iter(loader)
    scale[0] = 10
    assert list(samples) == [0, 1, 2, 3]
    assert list(loader) == [0, 10, 20, 30]


@pytest.fixture
def two_threads():
    """The process has two threads, and afterwards as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@fact("torch.utils.data.DataLoader")
@pytest.mark.slow
@pytest.mark.usefixtures("two_threads")
def test_compute_with_one_thread():
    """`torch.get_num_threads()` is 1 in a worker of a `DataLoader`, though the process that made it has 2."""
    assert loaded(lambda index: torch.get_num_threads()) == [1, 1, 1, 1]


@fact("torch.utils.data.DataLoader")
@pytest.mark.parametrize(("number", "is_shared"), [(0, False), (1, True)], ids=["without", "with"])
def test_put_tensors_into_shared_memory(number, is_shared):
    """A batch of a `DataLoader` is in shared memory, by `is_shared`, where a worker made it, and else not."""
    [batch] = DataLoader([torch.ones(2), torch.zeros(2)], 2, **workers(number))
    same(batch, torch.tensor([[1.0, 1.0], [0.0, 0.0]]))
    assert batch.is_shared() is is_shared


@fact("torch.utils.data.DataLoader", hint="load the inner data in the worker itself, with num_workers=0")
@pytest.mark.slow
def test_cannot_have_workers_of_their_own():
    """A `DataLoader` with workers fails in a worker: daemonic processes are not allowed to have children."""
    assert loaded(lambda index: loaded(process, 1, 0) == [os.getpid()]) == [True] * 4
    samples = one_of(lambda index: loaded(process, 1, 1))
    with pytest.raises(AssertionError, match="daemonic processes are not allowed to have children"):
        next(samples)
    assert list(samples) == []


# --- what they are told -----------------------------------------------------------------------------------------------


@fact("torch.utils.data.get_worker_info", "torch.utils.data.DataLoader")
def test_info_is_none_in_this_process():
    """`get_worker_info` is None in the main process of a `DataLoader`, also while a batch is loaded there."""
    assert torch.utils.data.get_worker_info() is None
    assert loaded(lambda index: torch.utils.data.get_worker_info() is None, num_workers=0) == [True] * 4


@fact("torch.utils.data.get_worker_info")
def test_info_has_the_number_of_the_worker():
    """`get_worker_info` tells each worker of a `DataLoader` its `id`, from 0 on, and `num_workers`."""

    def told(index):
        info = torch.utils.data.get_worker_info()
        return info.id, info.num_workers

    assert {tuple(one) for one in loaded(told)} == {(0, 2), (1, 2)}


@fact("torch.utils.data.get_worker_info")
def test_info_has_the_seed_of_the_worker():
    """`seed` of `get_worker_info` is what `torch.initial_seed` gives in that worker."""
    pairs = loaded(lambda index: (torch.utils.data.get_worker_info().seed, torch.initial_seed()))
    assert [seed for seed, _ in pairs] == [initial for _, initial in pairs]


@fact("torch.utils.data.get_worker_info")
def test_info_has_a_seed_that_is_one_more_in_the_next_worker():
    """`seed` of `get_worker_info` is one more in the next worker."""

    def told(index):
        info = torch.utils.data.get_worker_info()
        return info.id, info.seed

    (_, seed), (_, other) = sorted({tuple(one) for one in loaded(told)})
    assert other == seed + 1


@fact("torch.utils.data.get_worker_info")
def test_info_has_the_dataset_of_the_worker():
    """`dataset` of `get_worker_info` is the worker's own copy of the dataset, which it loads from."""

    def change(number):
        torch.utils.data.get_worker_info().dataset.function = lambda index: index + 10

    assert loaded(lambda index: index, worker_init_fn=change) == [10, 11, 12, 13]


@fact("torch.utils.data.DataLoader")
@pytest.mark.slow
def test_are_set_up_once_each_by_their_number():
    """A `DataLoader` calls `worker_init_fn` once in each worker, with its number, before it loads anything."""
    called = []
    got = loaded(lambda index: list(called), worker_init_fn=called.append)
    assert sorted(got) == [[0], [0], [1], [1]]
    assert called == []


# --- streams ----------------------------------------------------------------------------------------------------------


def numbers(loader):
    return sorted(number for batch in loader for number in batch.tolist())


@fact(
    "torch.utils.data.IterableDataset",
    "torch.utils.data.DataLoader",
    myth="workers share the work of an IterableDataset",
    hint="have __iter__ give a share of the data, by get_worker_info()",
)
@pytest.mark.slow
def test_each_give_the_whole_stream():
    """Each worker of a `DataLoader` gives all of an `IterableDataset` that does not part it: two give all twice."""
    assert numbers(DataLoader(Stream(3), **workers(2))) == [0, 0, 1, 1, 2, 2]


@fact("torch.utils.data.get_worker_info", "torch.utils.data.IterableDataset", "torch.utils.data.DataLoader")
def test_share_a_stream_that_asks_who_it_is():
    """An `IterableDataset` that gives a share of its data by `get_worker_info` comes once from two workers."""
    assert numbers(DataLoader(Stream(5, shared=True), **workers(2))) == [0, 1, 2, 3, 4]


@fact("torch.utils.data.DataLoader", "torch.utils.data.get_worker_info")
def test_share_a_stream_that_worker_init_fn_parts():
    """A `worker_init_fn` that gives the dataset in each worker another share has an `IterableDataset` come once."""

    def share(number):
        torch.utils.data.get_worker_info().dataset.share()

    assert numbers(DataLoader(Stream(5), worker_init_fn=share, **workers(2))) == [0, 1, 2, 3, 4]


@fact("torch.utils.data.DataLoader", hint="choose shares that the batch size divides")
@pytest.mark.slow
@pytest.mark.parametrize(("drop_last", "sizes"), [(False, [1, 1, 2, 2]), (True, [2, 2])], ids=["kept", "dropped"])
def test_make_batches_of_a_stream_apart(drop_last, sizes):
    """Each worker makes batches of its share of an `IterableDataset`, with a rest of its own that `drop_last` drops."""
    loader = DataLoader(Stream(6, shared=True), batch_size=2, drop_last=drop_last, **workers(2))
    assert sorted(len(batch) for batch in loader) == sizes


class Counted(Stream):
    """A stream that says how long it is."""

    def __len__(self):
        return self.stop


@fact("torch.utils.data.DataLoader")
def test_that_each_give_the_whole_stream_warn_of_its_length():
    """A `DataLoader` warns when two workers give more of an `IterableDataset` than the `__len__` that it said."""
    loader = DataLoader(Counted(2), **workers(2))
    assert len(loader) == 2
    with pytest.warns(UserWarning, match="not properly configuring the IterableDataset replica at each worker"):
        assert numbers(loader) == [0, 0, 1, 1]


# --- random numbers ---------------------------------------------------------------------------------------------------


def draws(index):
    """A random number of each library."""
    return torch.randint(2**60, ()).item(), int(numpy.random.randint(2**60)), random.getrandbits(60)


def made(patch, otherwise):
    """Each DataLoader is made of another dataset, or with other options."""
    loads = DataLoader.__init__

    def init(loader, dataset, *args, **options):
        data, given = otherwise(dataset, options)
        loads(loader, data, *args, **given)

    patch.setattr(DataLoader, "__init__", init)


def draws_alike(patch):
    """Every worker has the same seed, in each epoch."""
    again = [torch.manual_seed, numpy.random.seed, random.seed]
    made(patch, lambda data, options: (data, {**options, "worker_init_fn": lambda number: [seed(0) for seed in again]}))


@fact(
    "torch.utils.data.DataLoader",
    refuter=draws_alike,
    myth="numpy.random draws the same numbers in every worker",
    source="notes/randomness",
)
def test_draw_other_numbers_than_each_other():
    """Workers of a `DataLoader` draw different random numbers, of torch, of `numpy.random` and of Python's `random`."""
    one, other = loaded(draws, length=2)
    assert [a != b for a, b in zip(one, other)] == [True, True, True]


@fact("torch.utils.data.DataLoader", refuter=draws_alike)
def test_draw_other_numbers_in_another_epoch():
    """Workers of a `DataLoader` draw other random numbers in another epoch, of torch, of NumPy and of Python."""
    loader = loader_of(draws, length=1, num_workers=1)
    [first], [second] = loader, loader
    assert [a != b for a, b in zip(first, second)] == [True, True, True]


def runs(*seeds, **options):
    """What one worker draws first, once for each pair of a global seed and the seed of a generator, if any."""
    for global_seed, seed in seeds:
        torch.manual_seed(global_seed)
        generator = None if seed is None else torch.Generator().manual_seed(seed)
        yield from loaded(draws, length=1, num_workers=1, generator=generator)


@fact("torch.utils.data.DataLoader", source="notes/randomness")
@pytest.mark.slow
def test_draw_the_same_after_the_same_global_seed():
    """After the same `torch.manual_seed` workers of a `DataLoader` draw the same again, of NumPy and Python too."""
    first, again, other = runs((1, None), (1, None), (2, None))
    assert first == again
    assert [a != b for a, b in zip(first, other)] == [True, True, True]


@fact("torch.utils.data.DataLoader", source="notes/randomness")
@pytest.mark.slow
def test_draw_the_same_with_the_same_generator():
    """With a `generator` of the same seed workers of a `DataLoader` draw the same again, whatever the global seed."""
    first, again, other = runs((1, 3), (2, 3), (2, 4))
    assert first == again
    assert [a != b for a, b in zip(first, other)] == [True, True, True]


@fact(
    "torch.utils.data.DataLoader",
    myth="a seed makes random augmentation the same with any num_workers",
    hint="draw from a generator that is seeded with the index",
)
@pytest.mark.slow
def test_draw_otherwise_than_another_number_of_workers():
    """After the same seed, random augmentation in a `DataLoader` draws other numbers with another `num_workers`."""
    got = []
    for number in (0, 1, 2):
        for seed in (torch.manual_seed, numpy.random.seed, random.seed):
            seed(1)
        got.append(loaded(draws, length=2, num_workers=number))
    assert got[0] != got[1] != got[2] != got[0]


def draws_apart(patch):
    """What a dataset holds is seeded anew in each worker."""
    made(patch, lambda data, options: (Calls(draws, len(data)), options))


@fact(
    "torch.utils.data.DataLoader",
    refuter=draws_apart,
    myth="every worker has random numbers of its own",
    hint="make the generator in worker_init_fn, seeded with torch.initial_seed()",
)
@pytest.mark.slow
def test_draw_the_same_from_what_the_dataset_holds():
    """A generator of torch, NumPy or Python that a dataset holds draws the same in all workers of a `DataLoader`."""
    held = torch.Generator().manual_seed(0), numpy.random.default_rng(0), random.Random(0)

    def drawn(index):
        return torch.randint(2**60, (), generator=held[0]).item(), int(held[1].integers(2**60)), held[2].getrandbits(60)

    loader = loader_of(drawn, length=2)
    (one, other), again = list(loader), list(loader)
    assert one == other
    assert again == [one, other]


@fact("torch.utils.data.DataLoader")
def test_set_up_with_their_seed_draw_apart_from_what_the_dataset_holds():
    """Workers whose `worker_init_fn` seeds what the dataset holds with `torch.initial_seed` draw different numbers."""
    held = random.Random(0)
    one, other = loaded(
        lambda index: held.getrandbits(60), length=2, worker_init_fn=lambda number: held.seed(torch.initial_seed())
    )
    assert one != other


@fact("torch.utils.data.DataLoader", claims=["D11"])
@pytest.mark.slow
def test_make_random_augmentation_anew_in_every_epoch():
    """A random transform in `__getitem__` makes another sample of the same index in each epoch of a `DataLoader`."""
    loader = loader_of(lambda index: index + random.random(), length=2, num_workers=1)
    first, second = list(loader), list(loader)
    assert first != second
    assert [int(one) for one in first] == [int(one) for one in second] == [0, 1]


# --- failures ---------------------------------------------------------------------------------------------------------


def fails(index):
    raise LookupError(f"no sample {index}")


def silences(patch):
    """What is raised in a worker comes without its place."""
    reraise = torch._utils.ExceptionWrapper.reraise

    def plain(wrapper):
        wrapper.exc_msg = "failed"
        reraise(wrapper)

    patch.setattr(torch._utils.ExceptionWrapper, "reraise", plain)


@fact("torch.utils.data.DataLoader", refuter=silences, hint="num_workers=0 to debug in this process")
@pytest.mark.slow
def test_hand_on_what_they_raise_with_its_traceback():
    """What a `DataLoader` worker raises, the loop raises, of its type and with its traceback: Caught LookupError."""
    samples = one_of(fails)
    with pytest.raises(LookupError, match=r"Caught LookupError in DataLoader worker process 0(.|\n)* in fails\n"):
        next(samples)
    assert list(samples) == []


class Picky(Exception):
    """An exception that is not made of one text."""

    def __init__(self, code, text):
        super().__init__(code, text)


def is_picky(index):
    raise Picky(1, "bad sample")


@fact("torch.utils.data.DataLoader", refuter=silences)
@pytest.mark.slow
def test_hand_on_as_runtime_error_what_takes_more_than_a_text():
    """An exception that one text cannot make comes out of a `DataLoader` worker as RuntimeError: Caught Picky."""
    samples = one_of(is_picky)
    with pytest.raises(RuntimeError, match="Caught Picky in DataLoader worker process"):
        next(samples)
    assert list(samples) == []


@fact("torch.utils.data.DataLoader")
@pytest.mark.slow
def test_hand_on_what_worker_init_fn_raises():
    """What `worker_init_fn` raises, a `DataLoader` raises when the first batch is asked for."""
    samples = one_of(process, worker_init_fn=fails)
    with pytest.raises(LookupError, match="no sample 0"):
        next(samples)
    assert list(samples) == []


@fact("torch.utils.data.DataLoader", hint="catch RuntimeError around next(batches)")
@pytest.mark.slow
def test_go_on_after_a_sample_that_failed():
    """The iterator over a `DataLoader` with workers goes on behind a batch that raised."""
    samples = iter(loader_of(lambda index: fails(index) if index == 1 else index, num_workers=1))
    got = [next(samples)]
    with pytest.raises(LookupError, match="no sample 1"):
        next(samples)
    assert [*got, *samples] == [0, 2, 3]


ENDS = {"killed": lambda: os.kill(os.getpid(), signal.SIGKILL), "exits": lambda: os._exit(3)}


def hides(patch):
    """Nobody is told what a worker died of."""

    def quiet(loader):
        try:
            yield from loads(loader)
        except RuntimeError:
            raise RuntimeError("died") from None

    loads = DataLoader.__iter__
    patch.setattr(DataLoader, "__iter__", quiet)


@fact(
    "torch.utils.data.DataLoader",
    refuter=hides,
    hint="fewer workers, smaller batches: the system kills what runs out of memory",
)
@pytest.mark.slow
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_that_die_raise_here(end):
    """A `DataLoader` whose worker is killed (out of memory) or exits raises RuntimeError: DataLoader worker (pid …)."""
    here = os.getpid()
    samples = one_of(lambda index: end() if os.getpid() != here else None)
    with pytest.raises(RuntimeError, match=r"DataLoader worker \(pid(\(s\))? [\d, ]+\)"):
        next(samples)


@fact("torch.utils.data.DataLoader")
@pytest.mark.slow
def test_that_take_too_long_raise_here():
    """A `DataLoader` whose workers hang raises RuntimeError once `timeout` is over: DataLoader timed out after."""
    over = multiprocessing.Event()
    samples = one_of(lambda index: over.wait(2), timeout=0.1)
    with pytest.raises(RuntimeError, match="DataLoader timed out after 0.1 seconds"):
        next(samples)
    over.set()


# --- how long they live, and how far ahead they load -----------------------------------------------------------------


@fact("torch.utils.data.DataLoader")
@pytest.mark.slow
def test_are_other_processes_in_every_epoch():
    """A `DataLoader` without `persistent_workers` starts new workers in every epoch."""
    loader = loader_of(process, length=2)
    assert set(loader).isdisjoint(loader)


@fact("torch.utils.data.DataLoader")
def test_that_persist_are_the_same_in_every_epoch():
    """With `persistent_workers=True` the workers of a `DataLoader` are the same processes in every epoch."""
    loader = loader_of(process, length=2, persistent_workers=True)
    assert len(set(loader)) == len({*loader, *loader}) == 2


@fact("torch.utils.data.DataLoader")
def test_that_persist_keep_what_they_remember():
    """With `persistent_workers=True` what a worker keeps in its dataset, a cache say, is there in the next epoch."""
    cache = []
    loader = loader_of(lambda index: cache.append(index) or len(cache), num_workers=1, persistent_workers=True)
    assert [list(loader), list(loader)] == [[1, 2, 3, 4], [5, 6, 7, 8]]


@fact("torch.utils.data.DataLoader", myth="a change of the dataset between epochs reaches the workers")
def test_that_persist_do_not_see_a_change_of_the_dataset():
    """With `persistent_workers=True` what is changed in the dataset between two epochs does not reach the workers."""
    scale = [1]
    loader = loader_of(lambda index: scale[0] * index, num_workers=1, persistent_workers=True)
    first = list(loader)
    scale[0] = 10
    assert [first, list(loader)] == [[0, 1, 2, 3], [0, 1, 2, 3]]


def stays(patch):
    """An iterator over a DataLoader that is left early stays alive."""
    kept, loads = [], DataLoader.__iter__

    def keep(loader):
        kept.append(loads(loader))
        return kept[-1]

    patch.setattr(DataLoader, "__iter__", keep)


@fact("torch.utils.data.DataLoader", refuter=stays)
def test_end_when_the_loop_is_left_early():
    """After a `break` out of the loop over a `DataLoader` none of its workers is left."""
    before = set(multiprocessing.active_children())
    for _ in loader_of(process):
        during = set(multiprocessing.active_children()) - before
        break
    assert len(during) == 2
    assert set(multiprocessing.active_children()) <= before


@fact("torch.utils.data.DataLoader")
@pytest.mark.slow
@pytest.mark.parametrize("ahead", [2, 3])
def test_load_as_far_ahead_as_they_are_told(ahead):
    """A worker of a `DataLoader` has `prefetch_factor` batches loaded ahead of what was asked for."""
    begun = torch.tensor(0).share_memory_()
    enough = multiprocessing.Event()

    def load(index):
        begun.add_(1)
        if begun == 1 + ahead:
            enough.set()
        return index

    samples = iter(loader_of(load, length=9, num_workers=1, prefetch_factor=ahead))
    next(samples)
    assert enough.wait(20)
    time.sleep(0.02)  # in which it would begin another
    assert begun.item() == 1 + ahead


@fact("torch.utils.data.DataLoader")
def test_load_two_batches_ahead_by_default():
    """`prefetch_factor` of a `DataLoader` is by default 2 with workers, and None without."""
    assert (DataLoader([1], num_workers=1).prefetch_factor, DataLoader([1]).prefetch_factor) == (2, None)
