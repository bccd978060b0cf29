"""`nn.Linear`: its product, its parameters and their gradients; its memory is in test_layout."""

import pytest
import torch
from torch import nn

from torchproof import close, fact, same
from torchproof.suites.layers.reference import follows, fractions


def layer(device):
    """A linear layer from 3 to 2 features with known parameters."""
    made = nn.Linear(3, 2, device=device)
    made.load_state_dict(
        {"weight": torch.tensor([[1.0, -2.0, 3.0], [0.5, 4.0, -1.0]]), "bias": torch.tensor([0.25, -3.0])}
    )
    return made


@fact("torch.nn.Linear")
def test_multiplies_by_its_weight(device):
    """`nn.Linear` gives, for each row, its product with the transposed weight plus the bias, in a contiguous tensor."""
    y = layer(device)(torch.tensor([[1.0, 2.0, 3.0], [-4.0, 0.5, 2.0]], device=device))
    same(y, torch.tensor([[6.25, 2.5], [1.25, -5.0]]))
    assert y.stride() == (2, 1)


@fact("torch.nn.Linear")
def test_has_the_gradients_of_a_product(device):
    """`nn.Linear` has the gradients of `x @ weight.t() + bias`, by input, weight and bias."""
    made, x = layer(device), torch.tensor([[1.0, 2.0, 3.0], [-4.0, 0.5, 2.0]], device=device, requires_grad=True)
    made(x).backward(torch.tensor([[1.0, 2.0], [3.0, 5.0]], device=device))
    same(x.grad, torch.tensor([[2.0, 6.0, 1.0], [5.5, 14.0, 4.0]]))
    same(made.weight.grad, torch.tensor([[-11.0, 3.5, 9.0], [-18.0, 6.5, 16.0]]))
    same(made.bias.grad, torch.tensor([4.0, 7.0]))


@fact("torch.nn.Linear")
@pytest.mark.parametrize("shape", [(3,), (4, 3), (2, 4, 3), (0, 3)])
def test_works_on_the_last_dimension(device, shape):
    """`nn.Linear(3, 2)` turns a shape (..., 3) into (..., 2)."""
    y = layer(device)(torch.full(shape, 2.0, device=device))
    same(y, torch.tensor([4.25, 4.0]).expand(*shape[:-1], 2))


@fact("torch.nn.Linear")
def test_has_no_bias_when_told(device):
    """`nn.Linear(3, 2, bias=False)` gives zero for a row of zeros, and its `bias` is None."""
    made = nn.Linear(3, 2, bias=False, device=device)
    same(made(torch.zeros(1, 3, device=device)), torch.zeros(1, 2))
    assert made.bias is None


@fact("torch.nn.Linear")
def test_has_parameters_of_the_dtype_asked_for(device):
    """`nn.Linear(3, 2, dtype=torch.float64)` has a weight and a bias of float64."""
    made = nn.Linear(3, 2, dtype=torch.float64, device=device)
    assert (made.weight.dtype, made.bias.dtype) == (torch.float64, torch.float64)


@fact("torch.nn.Linear")
def test_refuses_another_number_of_features(device):
    """`nn.Linear` refuses another number of features: "mat1 and mat2 shapes cannot be multiplied"."""
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        layer(device)(torch.ones(4, 2, device=device))


@fact("torch.nn.Linear")
@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 2, 3)], ids=str)
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "without-bias"])
def test_follows_its_formula(device, shape, bias):
    """`Linear` is x WT + b over the last dimension, with or without b, and differentiates as such."""
    follows(device, nn.Linear(3, 2, bias=bias), lambda x, weight, bias=0: x @ weight.T + bias, fractions(*shape))


@fact("torch.nn.Linear", claims=["M03"], myth="a layer with a weight of shape (in, out) is the same as nn.Linear")
def test_has_its_weight_transposed(device):
    """The weight of `Linear` is (out, in), so that a layer by hand with (in, out) needs its transpose."""
    layer, x = nn.Linear(3, 2, device=device), torch.tensor([[1.0, 2.0, -1.0]], device=device)
    by_hand = x @ layer.weight.T + layer.bias
    close(layer(x).detach(), by_hand.detach().double().cpu().numpy(), roundings=16, scale=4)
    assert (layer.weight.shape, layer.bias.shape) == ((2, 3), (2,))
