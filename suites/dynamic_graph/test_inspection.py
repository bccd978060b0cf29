"""What can be looked at in the middle of a forward pass, by values and by hooks; all of hooks is in `modules`."""

import pytest
import torch
from torch import nn

from torchproof import fact, same


def model_of(device):
    model = nn.Sequential(nn.Linear(1, 1, bias=False), nn.ReLU(), nn.Linear(1, 1, bias=False)).to(device)
    for layer, weight in ((0, 3.0), (2, 5.0)):
        nn.init.constant_(model[layer].weight, weight)
    return model


@fact("torch.Tensor.item", "torch.Tensor.tolist", claims=["G04"])
def test_has_values_in_the_middle(device):
    """A result in the middle of a computation has its values at once: `tolist` and `item` of it change no gradient."""
    x = torch.tensor([2.0, 3.0], device=device, requires_grad=True)
    y = x * x
    seen = y.tolist(), y.sum().item()
    (y * y).sum().backward()
    assert seen == ([4.0, 9.0], 13.0)
    same(x.grad, torch.tensor([32.0, 108.0]))


@fact("torch.Tensor.grad_fn", claims=["G04"])
def test_prints_the_values_and_what_made_them(device):
    """`print` of a result that requires grad shows its values, and the function that made it as `grad_fn`."""
    text = repr(torch.tensor([2.5, 3.5], device=device, requires_grad=True) * 2)
    assert "5., 7." in text and "grad_fn=<MulBackward0>" in text


@fact("torch.Tensor.requires_grad", claims=["G04"])
def test_prints_of_a_leaf_that_it_requires_grad(device):
    """`print` of a leaf that requires grad shows its values, and `requires_grad=True`."""
    text = repr(torch.tensor([2.5, 3.5], device=device, requires_grad=True))
    assert "2.5000, 3.5000" in text and "requires_grad=True" in text


@fact("torch.nn.Module.register_forward_hook", claims=["G04"])
def test_shows_what_a_layer_gives(device):
    """A hook of `register_forward_hook` is called with an intermediate layer, its arguments and its result."""
    model, seen = model_of(device), []
    model[0].register_forward_hook(lambda layer, arguments, result: seen.append((layer, arguments, result)))
    y = model(torch.tensor([[2.0]], device=device))
    layer, (argument,), result = seen[0]
    assert (layer is model[0], argument.item(), result.item(), y.item()) == (True, 2.0, 6.0, 30.0)


@fact("torch.nn.Module.register_forward_hook", "torch.nn.Module.register_forward_pre_hook", claims=["G04"])
def test_can_be_replaced_by_hooks(device):
    """A forward pre-hook can return another argument for the layer, a `register_forward_hook` hook another result."""
    model = model_of(device)
    before = model[0].register_forward_pre_hook(lambda layer, arguments: (arguments[0] + 1,))
    after = model[0].register_forward_hook(lambda layer, arguments, result: result * 10)
    x = torch.tensor([[2.0]], device=device)
    changed = model(x).item()
    before.remove(), after.remove()
    assert (changed, model(x).item()) == (450.0, 30.0)


@fact("torch.nn.Module.register_forward_hook", claims=["G04"])
def test_stops_where_the_code_fails(device):
    """An error in a layer stops the model there: a `register_forward_hook` of the layer before has seen its result."""
    model, seen = nn.Sequential(nn.Linear(2, 3), nn.Linear(4, 1)).to(device), []
    model[0].register_forward_hook(lambda layer, arguments, result: seen.append(tuple(result.shape)))
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        model(torch.ones(1, 2, device=device))
    assert seen == [(1, 3)]


@fact("torch.nn.Linear", "torch.matmul", claims=["G05"], source="generated/torch.nn.Linear")
def test_of_layers_is_that_of_arrays(device):
    """`Linear` and products of arrays written by hand with `matmul` give the same, gradients included."""
    layer, x = nn.Linear(2, 1).to(device), torch.tensor([[2.0, 3.0]], device=device)
    w = torch.tensor([[5.0, 7.0]], device=device, requires_grad=True)
    b = torch.tensor([0.5], device=device, requires_grad=True)
    layer.load_state_dict({"weight": w.detach(), "bias": b.detach()})
    by_hand, by_layer = torch.matmul(x, w.t()) + b, layer(x)
    by_hand.sum().backward(), by_layer.sum().backward()
    same(by_hand.detach(), torch.tensor([[31.5]]))
    same(by_layer.detach(), by_hand.detach())
    same(layer.weight.grad, w.grad)
    same(layer.bias.grad, b.grad)


@fact("torch.optim.SGD.step", claims=["G05"])
def test_of_an_optimizer_is_that_of_arrays(device):
    """Steps of `SGD` and the same rule written by hand on tensors give the same weights."""
    layer, x = nn.Linear(1, 1, bias=False).to(device), torch.tensor([[2.0]], device=device)
    nn.init.constant_(layer.weight, 3.0)
    w = torch.tensor([[3.0]], device=device, requires_grad=True)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.125)
    for _ in range(3):
        optimizer.zero_grad()
        (layer(x) ** 2).sum().backward()
        optimizer.step()
        (gradient,) = torch.autograd.grad(((x @ w.t()) ** 2).sum(), w)
        w = (w - 0.125 * gradient).detach().requires_grad_()
    same(layer.weight.detach(), w.detach())
    assert w.item() == 3.0 * (1 - 0.125 * 8) ** 3
