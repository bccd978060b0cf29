"""`copy.deepcopy` of tensors; `clone` is in `views/test_clone.py`."""

import copy

import pytest
import torch

from torchproof import fact, same


@fact("torch.Tensor.__deepcopy__")
def test_keeps_views_of_one_memory(device):
    """`copy.deepcopy` copies memory once: two views that shared it share the copy."""
    x = torch.tensor([1.5, 2.5, 3.5, 4.5], device=device)
    whole, part = copy.deepcopy([x, x[1:3]])
    part[0] = 9
    same(whole, torch.tensor([1.5, 9.0, 3.5, 4.5]))
    same(x, torch.tensor([1.5, 2.5, 3.5, 4.5]))


@fact("torch.Tensor.__deepcopy__")
def test_of_a_leaf_is_a_leaf_with_its_gradient(device):
    """`copy.deepcopy` of a leaf is a leaf that requires grad, with a copy of its `grad`."""
    x = torch.tensor([1.5, 2.5], device=device, requires_grad=True)
    (x * 3).sum().backward()
    y = copy.deepcopy(x)
    x.grad.zero_()
    assert y.is_leaf and y.requires_grad
    same(y.grad, torch.tensor([3.0, 3.0]))


@fact("torch.Tensor.__deepcopy__", hint="x.detach().clone()")
def test_of_a_result_is_refused(device):
    """`copy.deepcopy` of a result that requires grad is refused: "Only Tensors created explicitly by the user"."""
    y = torch.tensor([1.5], device=device, requires_grad=True) * 2
    with pytest.raises(RuntimeError, match="Only Tensors created explicitly by the user"):
        copy.deepcopy(y)
