import math

import pytest
import torch
from torch import nn

from torchproof import close, fact, same


def layer(device):
    """A linear layer from 3 to 2 features with known parameters."""
    made = nn.Linear(3, 2, device=device)
    made.load_state_dict(
        {"weight": torch.tensor([[1.0, -2.0, 3.0], [0.5, 4.0, -1.0]]), "bias": torch.tensor([0.25, -3.0])}
    )
    return made


@fact("torch.nn.Linear")
def test_linear_multiplies_by_its_weight(device):
    """`Linear` gives, for each row, its product with the transposed weight plus the bias."""
    y = layer(device)(torch.tensor([[1.0, 2.0, 3.0], [-4.0, 0.5, 2.0]], device=device))
    same(y, torch.tensor([[6.25, 2.5], [1.25, -5.0]]))
    assert y.stride() == (2, 1)


@fact("torch.nn.Linear")
def test_linear_has_the_gradients_of_a_product(device):
    """`Linear` gives its input the gradient times the weight, its weight that times the input, its bias the sum."""
    made, x = layer(device), torch.tensor([[1.0, 2.0, 3.0], [-4.0, 0.5, 2.0]], device=device, requires_grad=True)
    made(x).backward(torch.tensor([[1.0, 2.0], [3.0, 5.0]], device=device))
    same(x.grad, torch.tensor([[2.0, 6.0, 1.0], [5.5, 14.0, 4.0]]))
    same(made.weight.grad, torch.tensor([[-11.0, 3.5, 9.0], [-18.0, 6.5, 16.0]]))
    same(made.bias.grad, torch.tensor([4.0, 7.0]))


@fact("torch.nn.Linear")
@pytest.mark.parametrize("shape", [(3,), (4, 3), (2, 4, 3), (0, 3)])
def test_linear_works_on_the_last_dimension(device, shape):
    """`Linear` from 3 to 2 features turns a shape (..., 3) into (..., 2)."""
    y = layer(device)(torch.full(shape, 2.0, device=device))
    same(y, torch.tensor([4.25, 4.0]).expand(*shape[:-1], 2))


@fact("torch.nn.Linear")
def test_linear_has_no_bias_when_told(device):
    """`Linear(bias=False)` gives zero for a row of zeros, and has no bias."""
    made = nn.Linear(3, 2, bias=False, device=device)
    same(made(torch.zeros(1, 3, device=device)), torch.zeros(1, 2))
    assert made.bias is None


@fact("torch.nn.Linear")
def test_linear_has_parameters_of_the_dtype_asked_for(device):
    """`Linear(dtype=torch.float64)` has a weight and a bias of float64."""
    made = nn.Linear(3, 2, dtype=torch.float64, device=device)
    assert (made.weight.dtype, made.bias.dtype) == (torch.float64, torch.float64)


@fact("torch.nn.Linear")
def test_linear_refuses_another_number_of_features(device):
    """`Linear` refuses an input whose last dimension is not its number of features."""
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        layer(device)(torch.ones(4, 2, device=device))


@fact("torch.nn.Sigmoid")
def test_sigmoid_gives_the_logistic_function_of_each_element(device):
    """A `Sigmoid` layer gives 1 / (1 + exp(-x)) of each element."""
    x = [[0.0, 1.5, -2.5], [3.0, -0.25, 0.75]]
    y = nn.Sigmoid()(torch.tensor(x, device=device))
    assert (y.dtype, y.stride()) == (torch.float32, (3, 1))
    close(y, [[1 / (1 + math.exp(-each)) for each in row] for row in x], roundings=16)


@fact("torch.nn.Sigmoid")
def test_sigmoid_has_the_gradient_of_the_logistic_function(device):
    """A `Sigmoid` layer multiplies the gradient by s * (1 - s), where s is its result: by a quarter at zero."""
    x = torch.zeros(2, device=device, requires_grad=True)
    nn.Sigmoid()(x).backward(torch.tensor([4.0, -8.0], device=device))
    same(x.grad, torch.tensor([1.0, -2.0]))


@fact("torch.nn.Module.requires_grad_")
def test_layer_is_frozen_itself(device):
    """`requires_grad_(False)` freezes every parameter of a layer, and returns this layer."""
    made = layer(device)
    assert made.requires_grad_(False) is made
    assert [each.requires_grad for each in made.parameters()] == [False, False]
