"""`apply_` and `map_`, which put a Python function of each element in its place."""

import math

import pytest
import torch

from torchproof import fact, same


@fact("torch.Tensor.apply_")
def test_takes_elements_one_by_one():
    """`x.apply_(f)` puts `f` of each element in its place, in a column of a matrix too."""
    table = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    column = table[:, 1]
    assert column.apply_(lambda number: number * 2 + 1) is column
    same(table, torch.tensor([[1.0, 5.0], [3.0, 9.0]]))


@fact("torch.Tensor.apply_")
def test_cuts_results_to_integers():
    """`x.apply_(f)` of integers cuts the fractions of its results without an error."""
    same(torch.tensor([1, -3, 4]).apply_(lambda number: number / 2), torch.tensor([0, -1, 2]))


@fact("torch.Tensor.map_")
def test_by_map_takes_elements_in_pairs():
    """`x.map_(y, f)` puts `f` of each element and of that of `y`, broadcast, in its place."""
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert x.map_(torch.tensor([5.0, 6.0]), lambda a, b: a * 10 + b) is x
    same(x, torch.tensor([[15.0, 26.0], [35.0, 46.0]]))


@fact("torch.Tensor.apply_", "torch.Tensor.map_")
@pytest.mark.parametrize(
    "act", [lambda x: x.apply_(math.sin), lambda x: x.map_(x.detach(), math.pow)], ids=["apply_", "map_"]
)
def test_is_refused_where_autograd_follows(act):
    """`x.apply_(f)` and `x.map_(y, f)` are refused "on Variable that requires grad"."""
    with pytest.raises(RuntimeError, match="on Variable that requires grad"):
        act(torch.ones(2, requires_grad=True))
