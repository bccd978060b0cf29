"""The layers of a first network, side by side; each kind with all its options is in suites/layers."""

import math
from functools import partial

import pytest
import torch
from torch import nn

from torchproof import close, fact, same
from torchproof.fixtures.checks import shares


def filled(layer, **values):
    """The layer with these values for its parameters and buffers."""
    layer.load_state_dict({name: torch.tensor(value) for name, value in values.items()}, strict=False)
    return layer


def linear(device):
    return filled(nn.Linear(3, 2, device=device), weight=[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], bias=[0.5, -1.0])


def embedding(device):
    return filled(nn.Embedding(3, 2, device=device), weight=[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])


def layer_norm(device):
    return filled(nn.LayerNorm(2, eps=3.0, device=device), weight=[2.0, 4.0], bias=[1.0, 8.0])


@fact("torch.nn.Embedding")
def test_embedding_gives_the_rows_that_were_used_a_gradient(device):
    """The gradient of a row of an `Embedding` is the sum over all places where the row was used."""
    layer = embedding(device)
    y = layer(torch.tensor([2, 0, 2], device=device))
    y.backward(torch.tensor([[1.0, 2.0], [3.0, 4.0], [10.0, 20.0]], device=device))
    same(layer.weight.grad, torch.tensor([[3.0, 4.0], [0.0, 0.0], [11.0, 22.0]]))


@fact("torch.nn.LayerNorm")
def test_layer_norm_normalises_each_sample(device):
    """`LayerNorm` takes off the mean of each sample, divides by the root of variance plus eps, scales and shifts."""
    x = torch.tensor([[1.0, 3.0], [12.0, 10.0]], device=device)
    close(layer_norm(device)(x), [[0.0, 10.0], [2.0, 6.0]], roundings=4, scale=12.0)


@fact("torch.nn.Sigmoid")
def test_sigmoid_is_the_logistic_function(device):
    """`Sigmoid` gives 1 / (1 + exp(-x))."""
    numbers = [[-2.0, 0.0, 0.5], [1.0, 3.0, -40.0]]
    y = nn.Sigmoid()(torch.tensor(numbers, dtype=torch.float64, device=device))
    assert y.dtype == torch.float64
    close(y, [[1 / (1 + math.exp(-x)) for x in row] for row in numbers], roundings=8)


INPUT_GRADIENTS = {  # a layer, its input, the gradient of its result and that of its input
    "torch.nn.Linear": (linear, [[1.0, 1.0, 1.0]], [[1.0, 10.0]], [[41.0, 52.0, 63.0]]),
    "torch.nn.LayerNorm": (layer_norm, [[1.0, 3.0]], [[4.0, 0.0]], [[1.5, -1.5]]),
    "torch.nn.BatchNorm1d": (partial(nn.BatchNorm1d, 1, eps=3.0), [[1.0], [3.0]], [[8.0], [0.0]], [[1.5], [-1.5]]),
    "torch.nn.Sigmoid": (lambda device: nn.Sigmoid(), [0.0, math.log(3)], [4.0, 16.0], [1.0, 3.0]),
}


@fact(*INPUT_GRADIENTS)
@pytest.mark.parametrize("name", INPUT_GRADIENTS)
def test_gives_its_input_a_gradient(device, name):
    """`backward` through `Linear`, `LayerNorm`, `BatchNorm1d` or `Sigmoid` multiplies by its formula's derivative."""
    made, numbers, upstream, want = INPUT_GRADIENTS[name]
    x = torch.tensor(numbers, device=device, requires_grad=True)
    made(device=device)(x).backward(torch.tensor(upstream, device=device))
    close(x.grad, want, roundings=8, scale=16.0)


RESULTS = {  # of two columns each
    "torch.nn.Linear": lambda device: linear(device)(torch.ones(4, 3, device=device)),
    "torch.nn.Embedding": lambda device: embedding(device)(torch.tensor([2, 0, 1], device=device)),
    "torch.nn.LayerNorm": lambda device: layer_norm(device)(torch.ones(4, 2, device=device)),
    "torch.nn.BatchNorm1d": lambda device: nn.BatchNorm1d(2, device=device)(torch.ones(4, 2, device=device)),
    "torch.nn.Dropout": lambda device: nn.Dropout()(torch.ones(4, 2, device=device)),
    "torch.nn.Sigmoid": lambda device: nn.Sigmoid()(torch.ones(4, 2, device=device)),
    "torch.nn.functional.dropout": lambda device: nn.functional.dropout(torch.ones(4, 2, device=device)),
    "torch.nn.functional.linear": lambda device: nn.functional.linear(
        torch.ones(4, 3, device=device), torch.ones(2, 3, device=device)
    ),
}


@fact(*RESULTS)
@pytest.mark.parametrize("name", RESULTS)
def test_gives_row_major_results(device, name):
    """`Linear`, `Embedding`, `LayerNorm`, `Dropout` and others give a row-major result for a row-major input."""
    assert RESULTS[name](device).stride() == (2, 1)


IDENTITIES = {  # layers with parameters that make them give their input
    "torch.nn.Linear": lambda device: filled(nn.Linear(2, 2, bias=False, device=device), weight=[[1.0, 0], [0, 1.0]]),
    "torch.nn.LayerNorm": lambda device: filled(nn.LayerNorm(2, eps=3.0, device=device), weight=[2.0, 2.0]),
    "torch.nn.BatchNorm1d": lambda device: filled(nn.BatchNorm1d(2, eps=0.5, device=device), running_var=[0.5, 0.5]),
}


@fact(*IDENTITIES)
@pytest.mark.parametrize("name", IDENTITIES)
def test_gives_memory_of_its_own(device, name):
    """`Linear`, `LayerNorm` and `BatchNorm1d` give memory of their own, even where the result equals the input."""
    x = torch.tensor([[-1.0, 1.0]], device=device)
    y = IDENTITIES[name](device).eval()(x)
    same(y, torch.tensor([[-1.0, 1.0]]))
    assert not shares(x, y)


MADE = {
    "torch.nn.Linear": partial(nn.Linear, 3, 2),
    "torch.nn.Embedding": partial(nn.Embedding, 3, 2),
    "torch.nn.LayerNorm": partial(nn.LayerNorm, 2),
    "torch.nn.BatchNorm1d": partial(nn.BatchNorm1d, 2),
}


@fact(*MADE)
@pytest.mark.parametrize("name", MADE)
def test_is_made_where_it_is_told(name):
    """`Linear`, `Embedding`, `LayerNorm` and `BatchNorm1d` have all their tensors on the `device=` they are told."""
    assert {tensor.device.type for tensor in MADE[name](device="meta").state_dict().values()} == {"meta"}


@fact(*MADE)
@pytest.mark.parametrize("name", MADE)
def test_is_made_of_the_dtype_that_it_is_told(name):
    """`Linear`, `Embedding`, `LayerNorm` and `BatchNorm1d` have parameters of the `dtype=` they are told."""
    assert {parameter.dtype for parameter in MADE[name](dtype=torch.float64).parameters()} == {torch.float64}


@fact("torch.nn.LayerNorm", "torch.nn.BatchNorm1d")
@pytest.mark.parametrize(
    "made",
    [lambda: nn.LayerNorm(2, elementwise_affine=False), lambda: nn.BatchNorm1d(2, affine=False)],
    ids=["LayerNorm", "BatchNorm1d"],
)
def test_norm_without_an_affine_part_has_no_parameters(made):
    """`LayerNorm(elementwise_affine=False)` and `BatchNorm1d(affine=False)` have no parameters."""
    assert list(made().parameters()) == []
