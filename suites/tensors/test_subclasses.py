"""Subclasses of `torch.Tensor`: how a tensor becomes one, what its results are, and `module_load`."""

import pytest
import torch

from torchproof import fact, same


class Mine(torch.Tensor):
    """A subclass that nothing is added to."""


@fact("torch.Tensor.as_subclass")
def test_are_the_same_tensor(device):
    """`x.as_subclass(Mine)` gives the tensor as one of the subclass, in the same memory and graph."""
    x = torch.tensor([1.5, 2.5], device=device, requires_grad=True)
    y = x.as_subclass(Mine)
    assert (type(y), type(y * 2), type(x)) == (Mine, Mine, torch.Tensor)
    assert y.data_ptr() == x.data_ptr()
    (y * 3).sum().backward()
    same(x.grad, torch.tensor([3.0, 3.0]))


@fact("torch.Tensor.as_subclass")
def test_are_of_tensors_only(device):
    """`x.as_subclass(int)` is refused: a class that does not inherit from Tensor is not possible."""
    with pytest.raises((TypeError, RuntimeError), match="does not inherit from Tensor is not possible"):
        torch.ones(2, device=device).as_subclass(int)


class Nothing:
    """A block that does nothing."""

    def __enter__(self):
        pass

    def __exit__(self, *_):
        pass


def no_block(patch):
    """A block of `DisableTorchFunctionSubclass` does nothing."""
    patch.setattr(torch, "DisableTorchFunctionSubclass", Nothing, raising=False)
    patch.setattr(torch._C, "DisableTorchFunctionSubclass", Nothing)


@fact("torch.DisableTorchFunctionSubclass", refuter=no_block)
def test_give_plain_results_where_they_are_disabled():
    """Within `DisableTorchFunctionSubclass` results of a subclass are plain tensors, and after it no longer."""
    x = torch.tensor([1.5, 2.5]).as_subclass(Mine)
    with torch._C.DisableTorchFunctionSubclass():
        inside = x * 2
    assert (type(inside), type(x * 2)) == (torch.Tensor, Mine)
    same(inside, torch.tensor([3.0, 5.0]))


@fact("torch.Tensor.module_load")
@pytest.mark.parametrize("assign", [False, True])
def test_say_how_a_state_is_loaded(device, assign):
    """`x.module_load(other)` copies `other` into `x`, or with `assign=True` gives `other`, out of the graph."""
    x, other = torch.zeros(2, device=device), torch.tensor([1.5, 2.5], device=device, requires_grad=True)
    y = x.module_load(other, assign=assign)
    same(y, torch.tensor([1.5, 2.5]))
    same(x, torch.tensor([0.0, 0.0] if assign else [1.5, 2.5]))
    assert y is not x and y.data_ptr() == (other if assign else x).data_ptr() and not y.requires_grad
