"""What `detach`, `detach_` and `.data` cut off from the graph, and what they go on sharing."""

import pytest
import torch

from torchproof import fact, same
from torchproof.fixtures.checks import shares


@fact("torch.Tensor.detach")
def test_shares_memory(device):
    """`x.detach()` gives a tensor of the same memory: a write through one is seen through the other."""
    x = torch.tensor([1.0, 2.0], device=device)
    y = x.detach()
    same(y, torch.tensor([1.0, 2.0]))
    assert shares(x, y)


@fact("torch.Tensor.detach")
def test_cuts_the_history(device):
    """`y.detach()` gives a leaf that does not require grad, while `y` itself still does."""
    y = torch.tensor([1.0, 2.0], device=device, requires_grad=True) * 2
    cut = y.detach()
    assert (cut.requires_grad, cut.grad_fn, cut.is_leaf) == (False, None, True)
    assert y.requires_grad


@fact("torch.Tensor.detach")
def test_makes_a_constant(device):
    """A factor `y.detach()` counts as a constant in the gradient of a product."""
    x = torch.tensor(3.0, device=device, requires_grad=True)
    (x * (x**2).detach()).backward()
    same(x.grad, torch.tensor(9.0))


@fact("torch.Tensor.detach", myth="detach() switches recording off for what follows")
def test_does_not_stop_recording(device):
    """A product of `x.detach()` and a tensor that requires grad is recorded."""
    x = torch.tensor(3.0, device=device, requires_grad=True)
    (x.detach() * x).backward()
    same(x.grad, torch.tensor(3.0))


@fact("torch.Tensor.detach")
def test_does_not_hide_a_write_into_what_backward_needs(device):
    """A write through `y.detach()` into a saved value makes `backward` fail: "modified by an inplace operation"."""
    y = torch.tensor([1.0, 2.0], device=device, requires_grad=True).exp()
    y.detach().mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


@fact(
    "torch.Tensor.data", source="generated/torch.Tensor.detach", hint="use .detach(), through which a write is noticed"
)
def test_in_the_form_of_data_hides_a_write(device):
    """A write through `.data` into a value that was saved for backward gives a wrong gradient without an error."""
    x = torch.tensor([1.0, 2.0], device=device, requires_grad=True)
    y = x.sigmoid()
    y.data.fill_(0.75)
    y.sum().backward()
    same(x.grad, torch.tensor([0.75 * 0.25, 0.75 * 0.25]))


@fact("torch.Tensor.detach_")
def test_in_place_makes_a_leaf_of_a_result(device):
    """`y.detach_()` makes a leaf that does not require grad of the tensor itself."""
    y = torch.tensor([1.0, 2.0], device=device, requires_grad=True) * 2
    y.detach_()
    assert (y.requires_grad, y.is_leaf) == (False, True)
    same(y, torch.tensor([2.0, 4.0]))


@fact("torch.Tensor.detach_")
def test_in_place_returns_the_tensor_itself(device):
    """`detach_` returns the tensor that it was called on."""
    y = torch.tensor([1.0, 2.0], device=device, requires_grad=True) * 2
    assert y.detach_() is y
