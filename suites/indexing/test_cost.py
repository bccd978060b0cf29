"""What it costs to select elements, by how they are named."""

import pytest
import torch

from torchproof import fact, race
from torchproof.fixtures.race import slower

pytestmark = pytest.mark.bench


def looks_at_ten_places(patch):
    """What is made of positions is no mask: to select by it looks at these places alone."""
    patch.setattr(torch.Tensor, "index_fill", lambda mask, dim, positions, value: positions)


@fact("torch.Tensor.__getitem__", refuter=looks_at_ten_places)
def test_of_a_mask_is_for_all_that_it_looks_at(numbers):
    """`x[mask]` of 10 of 100,000 elements takes more than five times as long as `x[positions]`."""
    x, positions = torch.rand(100_000), torch.arange(0, 100_000, 10_000)
    mask = torch.zeros(100_000, dtype=torch.bool).index_fill(0, positions, True)
    assert race(lambda: x[mask], lambda: x[positions], numbers).ratio_above(5)


@fact("torch.index_select", refuter=slower("torch.index_select"))
def test_of_index_select_is_less_than_threefold_of_brackets(numbers):
    """`index_select` of a thousand rows takes less than three times the time of `x[rows]`."""
    x, rows = torch.rand(1000, 64), torch.randperm(1000)
    assert race(lambda: torch.index_select(x, 0, rows), lambda: x[rows], numbers).ratio_below(3)


@fact("torch.Tensor.__getitem__")
def test_of_a_slice_is_less_than_a_fifth_of_an_index(numbers):
    """`x[:10_000]` takes less than a fifth of the time of `x[rows]` with the positions of these rows."""
    x, rows = torch.rand(20_000, 16), torch.arange(10_000)
    assert race(lambda: x[:10_000], lambda: x[rows], numbers).ratio_below(0.2)


@fact("torch.Tensor.masked_fill", refuter=slower("torch.Tensor.masked_fill"))
def test_of_masked_fill_is_less_than_threefold_of_where(numbers):
    """`masked_fill` of 65,536 elements takes less than three times the time of `torch.where`."""
    x = torch.rand(1 << 16)
    mask, zero = x < 0.5, torch.zeros(())
    assert race(lambda: x.masked_fill(mask, 0), lambda: torch.where(mask, zero, x), numbers).ratio_below(3)


@fact("torch.searchsorted", refuter=slower("torch.searchsorted", when=lambda table: len(table) > 1000))
def test_of_searchsorted_hardly_grows_with_the_table(numbers):
    """`searchsorted` in a hundred thousand numbers takes less than ten times as long as in a thousand."""
    large, small, values = torch.arange(100_000.0), torch.arange(1000.0), torch.rand(1000)
    assert race(
        lambda: torch.searchsorted(large, values * 1e5), lambda: torch.searchsorted(small, values * 1e3), numbers
    ).ratio_below(10)
