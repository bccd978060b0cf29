"""Tensors of other kinds than the plain ones: nested, and those of oneDNN; sparse ones have a topic of their own."""

import pytest
import torch

from torchproof import fact, same


@fact("torch.Tensor.is_mps", "torch.Tensor.is_quantized", "torch.Tensor.is_nested", "torch.Tensor.is_mkldnn")
@pytest.mark.parametrize("name", ["is_mps", "is_quantized", "is_nested", "is_mkldnn"])
def test_are_not_those_of_a_plain_tensor(name):
    """`is_mps`, `is_quantized`, `is_nested` and `is_mkldnn` of a plain tensor are False."""
    assert getattr(torch.ones(2), name) is False


def padded_with_nine(patch):
    """Nested tensors are filled up with nine, and dense ones come from oneDNN as nines."""
    patch.setattr(torch.Tensor, "to_padded_tensor", lambda x, padding, size=None: torch.full(size or (2, 2), 9.0))
    patch.setattr(torch.Tensor, "to_mkldnn", lambda x: x * 9)


@fact("torch.Tensor.is_nested", "torch.Tensor.to_padded_tensor", refuter=padded_with_nine)
@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors is in prototype stage")
def test_of_nested_tensors_are_padded():
    """`to_padded_tensor` fills a tensor up with a number to one shape, of which `is_nested` is True."""
    x = torch.nested.nested_tensor([torch.tensor([1.5, 2.5]), torch.tensor([3.5])])
    assert x.is_nested is True
    same(x.to_padded_tensor(0.5), torch.tensor([[1.5, 2.5], [3.5, 0.5]]))
    same(x.to_padded_tensor(-1.0, (2, 3)), torch.tensor([[1.5, 2.5, -1.0], [3.5, -1.0, -1.0]]))


@fact("torch.Tensor.to_mkldnn", "torch.Tensor.is_mkldnn", refuter=padded_with_nine)
def test_of_mkldnn_come_back_dense():
    """`x.to_mkldnn()` gives a tensor in a layout of oneDNN, which `to_dense` brings back."""
    x = torch.tensor([[1.5, 2.5], [3.5, 4.5]])
    y = x.to_mkldnn()
    assert y.is_mkldnn is True and x.is_mkldnn is False
    same(y.to_dense(), x)
