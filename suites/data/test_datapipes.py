"""Data pipes, which a DataLoader still takes: streams in steps, of which it shuffles and shares out."""

import pytest
import torch
from torch.utils.data import DataLoader, IterDataPipe, MapDataPipe

from torchproof import fact, same


class Numbers(IterDataPipe):
    """The first numbers as a data pipe."""

    def __init__(self, stop):
        self.stop = stop

    def __iter__(self):
        yield from range(self.stop)

    def __len__(self):
        return self.stop


class Squares(MapDataPipe):
    """The squares of the first numbers as a data pipe with an index."""

    def __getitem__(self, index):
        return index**2

    def __len__(self):
        return 3


def numbers(loader):
    return [number for batch in loader for number in batch.tolist()]


@fact("torch.utils.data.DataLoader")
def test_are_loaded_as_streams():
    """A `DataLoader` makes batches of what an `IterDataPipe` yields."""
    loader = DataLoader(Numbers(5), batch_size=2)
    assert [batch.tolist() for batch in loader] == [[0, 1], [2, 3], [4]]
    assert len(loader) == 3


@fact("torch.utils.data.DataLoader")
def test_with_an_index_are_loaded_by_it():
    """A `DataLoader` makes batches of the samples of a `MapDataPipe`."""
    first, second = DataLoader(Squares(), batch_size=2)
    same(first, torch.tensor([0, 1]))
    same(second, torch.tensor([4]))


def ignores_shuffle(patch):
    """A DataLoader leaves the steps of its data pipe alone."""
    made = DataLoader.__init__
    patch.setattr(DataLoader, "__init__", lambda loader, pipe, shuffle=None, **options: made(loader, pipe, **options))


@fact("torch.utils.data.DataLoader", refuter=ignores_shuffle)
def test_that_shuffle_do_so_where_the_loader_does():
    """A `DataLoader` switches the `shuffle` steps of an `IterDataPipe` on and off by its own `shuffle`."""
    ordered, shuffled = (DataLoader(Numbers(50).shuffle(), shuffle=shuffle) for shuffle in (False, True))
    assert numbers(ordered) == list(range(50)) != numbers(shuffled)
    assert sorted(numbers(shuffled)) == list(range(50))


@fact("torch.utils.data.DataLoader", hint="pipe.sharding_filter()")
@pytest.mark.slow
def test_are_shared_by_workers_where_they_say_so():
    """Workers of a `DataLoader` share an `IterDataPipe` with a `sharding_filter`; without, each gives all of it."""
    whole, shared = (DataLoader(pipe, num_workers=2) for pipe in (Numbers(3), Numbers(3).sharding_filter()))
    assert sorted(numbers(whole)) == [0, 0, 1, 1, 2, 2]
    assert sorted(numbers(shared)) == [0, 1, 2]
