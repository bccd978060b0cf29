"""What it costs to come into tensors and out of them."""

import numpy
import pytest
import torch

from torchproof import fact, race
from torchproof.fixtures.race import slower

pytestmark = pytest.mark.bench


@fact("torch.from_numpy", refuter=slower("torch.from_numpy", when=lambda x: x.size > 1))
def test_of_from_numpy_does_not_depend_on_the_size(numbers):
    """`torch.from_numpy` of a megabyte takes less than three times the time of `from_numpy` of four bytes."""
    large, small = numpy.zeros(1 << 18, dtype=numpy.float32), numpy.zeros(1, dtype=numpy.float32)
    assert race(lambda: torch.from_numpy(large), lambda: torch.from_numpy(small), numbers).ratio_below(3)


@fact("torch.from_numpy", "torch.tensor", refuter=slower("torch.from_numpy"))
def test_of_from_numpy_is_less_than_half_of_a_copy(numbers):
    """`torch.from_numpy` of a megabyte takes less than half of the time of `tensor`, which copies."""
    x = numpy.zeros(1 << 18, dtype=numpy.float32)
    assert race(lambda: torch.from_numpy(x), lambda: torch.tensor(x), numbers).ratio_below(0.5)


@fact(
    "torch.tensor",
    hint="numpy.array(arrays) first",
    refuter=slower("torch.tensor", when=lambda x: isinstance(x, numpy.ndarray)),
)
@pytest.mark.filterwarnings("ignore:Creating a tensor from a list of numpy")
def test_of_a_list_of_arrays_is_more_than_of_one_array(numbers):
    """`torch.tensor` of a list of 32 arrays takes more than three times the time of `tensor(numpy.array(…))`."""
    arrays = list(numpy.random.rand(32, 100))
    assert race(lambda: torch.tensor(arrays), lambda: torch.tensor(numpy.array(arrays)), numbers).ratio_above(3)


@fact("torch.Tensor.tolist", refuter=slower("torch.Tensor.tolist"))
def test_of_tolist_is_less_than_a_fifth_of_a_loop(numbers):
    """`x.tolist` of a thousand numbers takes less than a fifth of the time of a loop of `item`."""
    x = torch.rand(1000)
    assert race(lambda: x.tolist(), lambda: [element.item() for element in x], numbers).ratio_below(0.2)


@fact("torch.Tensor.add_", refuter=slower("torch.Tensor.add_"))
def test_of_adding_in_place_is_less_than_threefold_of_adding(numbers):
    """`add_` of 65,536 elements takes less than three times the time of `add`."""
    x = torch.rand(1 << 16)
    assert race(lambda: x.add_(1), lambda: x.add(1), numbers).ratio_below(3)


def grown(rows):
    """The rows in one tensor, to which they are added one by one."""
    x = rows[0]
    for row in rows[1:]:
        x = torch.cat((x, row))
    return x


@fact(
    "torch.cat",
    hint="collect them in a list, and cat once",
    refuter=slower("torch.cat", when=lambda tensors: len(tensors) > 2),
)
def test_of_growing_by_cat_is_more_than_fivefold_of_one_cat(numbers):
    """A tensor that grows by `cat` with each of 64 rows takes more than five times the time of one `cat` of all."""
    rows = list(torch.rand(64, 1, 256))
    assert race(lambda: grown(rows), lambda: torch.cat(rows), numbers).ratio_above(5)
