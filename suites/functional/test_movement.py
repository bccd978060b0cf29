import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from torchproof import fact, same

VALUES = [[1.5, -2.5, 3.5], [4.25, 5.5, -6.5]]
WEIGHTS = [[2.0, 3.0, 5.0], [7.0, 11.0, 13.0]]


@fact("torch.clone", "torch.t")
@pytest.mark.parametrize("move", [torch.clone, torch.t], ids=lambda made: made.__name__)
def test_hands_each_gradient_back_to_where_it_came_from(device, move):
    """`clone` and `t` hand the gradient of each element back to the element that it was."""
    x = torch.tensor(VALUES, device=device, requires_grad=True)
    move(x).backward(move(torch.tensor(WEIGHTS, device=device)))
    same(x.grad, torch.tensor(WEIGHTS))


@fact("torch.t")
def test_transposes_the_values(device):
    """`t` gives element (i, j) of a table at (j, i)."""
    same(torch.t(torch.tensor(VALUES, device=device)), torch.tensor([[1.5, 4.25], [-2.5, 5.5], [3.5, -6.5]]))


@fact("torch.Tensor.copy_")
@given(numbers=st.lists(st.floats(-8, 8, width=32), min_size=1))
@example(numbers=[1.5, -2.5, 3.5])
def test_of_copy_fills_the_tensor_itself(device, numbers):
    """`copy_` puts the values of its argument into the tensor that it is called on, and returns this tensor."""
    x = torch.zeros(len(numbers), device=device)
    y = x.copy_(torch.tensor(numbers, device=device))
    assert y is x
    same(x, torch.tensor(numbers))


@fact("torch.Tensor.copy_")
def test_of_copy_hands_the_gradient_to_the_source(device):
    """The gradient of a tensor that `copy_` has filled is the source's, and none is left for what it overwrote."""
    old, source = (torch.tensor(values, device=device, requires_grad=True) for values in ([1.5, 2.5], [3.5, 4.5]))
    (old * 2).copy_(source).backward(torch.tensor([3.0, 5.0], device=device))
    same(source.grad, torch.tensor([3.0, 5.0]))
    same(old.grad, torch.zeros(2))
