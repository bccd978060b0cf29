"""What `zero_grad` of a module does to which gradients; that of an optimizer is in suites/optim."""

import pytest
import torch
from torch import nn

from torchproof import fact, same


def trained(device):
    """A layer with weight gradient [[3, 5]] and bias gradient [1]."""
    layer = nn.Linear(2, 1, device=device)
    layer(torch.tensor([[3.0, 5.0]], device=device)).sum().backward()
    return layer


@fact("torch.nn.Module.zero_grad", claims=["A04", "A05"], myth="zero_grad() sets the gradients to 0")
def test_sets_gradients_to_none_by_default(device):
    """`Module.zero_grad()` sets each parameter's gradient to None, not to zeros."""
    layer = trained(device)
    layer.zero_grad()
    assert (layer.weight.grad, layer.bias.grad) == (None, None)


@fact("torch.nn.Module.zero_grad", claims=["A05"])
def test_without_set_to_none_fills_the_same_tensor_with_zeros(device):
    """`Module.zero_grad(set_to_none=False)` writes zeros into the gradient tensors that are there."""
    layer = trained(device)
    kept = layer.weight.grad
    layer.zero_grad(set_to_none=False)
    assert layer.weight.grad is kept
    same(kept, torch.zeros(1, 2))


@fact("torch.nn.Module.zero_grad")
def test_reaches_nested_modules(device):
    """`Module.zero_grad` resets the gradients of submodules at every depth."""
    model = nn.Sequential(nn.Sequential(trained(device)), trained(device))
    model.zero_grad()
    assert [p.grad for p in model.parameters()] == [None] * 4


@fact("torch.nn.Module.zero_grad")
def test_of_a_child_leaves_its_siblings(device):
    """`Module.zero_grad` of a submodule leaves the gradients of the rest of the model."""
    model = nn.Sequential(trained(device), trained(device))
    model[0].zero_grad()
    same(model[1].weight.grad, torch.tensor([[3.0, 5.0]]))
    assert model[0].weight.grad is None


@fact("torch.nn.Module.zero_grad")
def test_reaches_a_parameter_that_no_optimizer_has(device):
    """`Module.zero_grad` resets gradients that `zero_grad` of an optimizer of other parameters leaves."""
    layer = trained(device)
    torch.optim.SGD([layer.weight], lr=1.0).zero_grad()
    same(layer.bias.grad, torch.tensor([1.0]))
    layer.zero_grad()
    assert layer.bias.grad is None


@fact("torch.nn.Module.zero_grad")
def test_reaches_a_parameter_frozen_later(device):
    """`Module.zero_grad` also resets the gradient that a parameter had when it was frozen."""
    layer = trained(device)
    layer.requires_grad_(False).zero_grad()
    assert (layer.weight.grad, layer.bias.grad) == (None, None)


@fact("torch.nn.Module.zero_grad", myth="zero_grad() resets every gradient of the graph")
def test_leaves_the_gradient_of_an_input(device):
    """`Module.zero_grad` leaves the gradient of an input, which is no parameter."""
    layer = nn.Linear(2, 1, device=device)
    x = torch.zeros(1, 2, device=device, requires_grad=True)
    x.grad = torch.tensor([[3.0, 4.0]], device=device)
    layer(x).sum().backward(inputs=[layer.weight])
    layer.zero_grad()
    same(x.grad, torch.tensor([[3.0, 4.0]]))
    assert layer.weight.grad is None


@fact("torch.nn.Module.zero_grad")
@pytest.mark.parametrize("set_to_none", [True, False])
def test_lets_the_next_backward_start_from_nothing(device, set_to_none):
    """After `Module.zero_grad` the next `backward` leaves nothing but its own gradient in `.grad`."""
    layer = trained(device)
    layer.zero_grad(set_to_none=set_to_none)
    layer(torch.tensor([[10.0, 20.0]], device=device)).sum().backward()
    same(layer.weight.grad, torch.tensor([[10.0, 20.0]]))
