"""Low-rank adapters, as plain modules: LoRA without a library."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from torchproof import close, fact, same


class LowRank(nn.Module):
    """A frozen layer, and beside it a product of two thin matrices, of which the second begins with zeros."""

    def __init__(self, layer, rank=1, scale=2.0):
        super().__init__()
        self.layer, self.scale = layer.requires_grad_(False), scale
        self.a = nn.Parameter(torch.tensor([[1.0, -0.5, 0.25, 2.0]], device=layer.weight.device).repeat(rank, 1))
        self.b = nn.Parameter(torch.zeros(layer.out_features, rank, device=layer.weight.device))

    def forward(self, x):
        return self.layer(x) + self.scale * (x @ self.a.T @ self.b.T)


def adapted(device):
    """A layer with distinct weights and an adapter for it, and a batch."""
    layer = nn.Linear(4, 3, device=device)
    with torch.no_grad():
        layer.weight.copy_(torch.arange(12.0).view(3, 4) / 8)
        layer.bias.copy_(torch.tensor([1.0, -1.0, 0.5]))
    return LowRank(layer), torch.tensor([[1.0, 2.0, -1.0, 0.5], [0.25, -2.0, 4.0, 1.0]], device=device)


def train(model, x, steps=3):
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=0.125)
    for _ in range(steps):
        optimizer.zero_grad()
        model(x).square().sum().backward()
        optimizer.step()


@fact("torch.nn.Linear", "torch.nn.Module.requires_grad_")
def test_begin_as_the_model_that_they_adapt(device):
    """A LoRA adapter whose second matrix is zero gives exactly the outputs of the frozen `Linear`."""
    model, x = adapted(device)
    same(model(x).detach(), model.layer(x).detach().cpu())
    close(
        model(x).detach(), (x @ model.layer.weight.T + model.layer.bias).detach().cpu().numpy(), roundings=32, scale=4
    )
    assert [p.requires_grad for p in model.parameters()] == [True, True, False, False]


@fact("torch.nn.Module.requires_grad_", "torch.optim.AdamW", claims=["F02"])
def test_leave_the_frozen_weights_bit_by_bit(device):
    """Training a LoRA adapter with `AdamW` moves both its matrices, and leaves the weight of the frozen `Linear`."""
    model, x = adapted(device)
    start = model.a.detach().clone()
    train(model, x)
    same(model.layer.weight.detach(), torch.arange(12.0).view(3, 4) / 8)
    assert model.b.abs().min() > 0.1 and (model.a - start).abs().min() > 0.01


@fact("torch.Tensor.backward")
def test_begin_with_a_gradient_for_one_matrix(device):
    """In the first `backward` of LoRA only the matrix of zeros has a gradient other than zero."""
    model, x = adapted(device)
    model(x).square().sum().backward()
    same(model.a.grad, torch.zeros(1, 4))
    assert model.b.grad.abs().min() > 0


@fact("torch.Tensor.backward", myth="both matrices of LoRA may begin with zeros")
def test_of_two_zero_matrices_never_learn(device):
    """LoRA with both matrices zero gets gradients of zero from `backward` for both, and so never learns."""
    model, x = adapted(device)
    nn.init.zeros_(model.a)
    model(x).square().sum().backward()
    same(model.a.grad, torch.zeros(1, 4))
    same(model.b.grad, torch.zeros(3, 1))


@fact("torch.linalg.matrix_rank", "torch.matmul")
@pytest.mark.parametrize("rank", [1, 2])
def test_change_a_weight_by_no_more_than_their_rank(device, rank):
    """LoRA that was trained changes the merged weight by a matrix of its rank, as `torch.linalg.matrix_rank` tells."""
    of_rank_one, x = adapted(device)
    model = LowRank(of_rank_one.layer, rank)
    nn.init.normal_(model.a)
    train(model, x)
    merged = model.layer.weight + model.scale * torch.matmul(model.b, model.a)
    assert torch.linalg.matrix_rank(merged - model.layer.weight, rtol=1e-4).item() == rank


@fact("torch.nn.Linear", "torch.addmm")
def test_can_be_merged_into_the_weight(device):
    """A LoRA adapter merged into the weight of a `Linear`, as scale * B A, gives the same outputs but for rounding."""
    model, x = adapted(device)
    train(model, x)
    want = model(x).detach().cpu().numpy()
    merged = torch.addmm(model.layer.weight, model.b, model.a, alpha=model.scale).detach()
    model.layer.weight.copy_(merged)
    close(model.layer(x).detach(), want, roundings=64, scale=16)
    assert abs(want).max() > 0.1


@fact("torch.nn.Module.parameters", "torch.nn.Module.requires_grad_")
def test_train_few_parameters(device):
    """LoRA of rank 1 trains inputs + outputs numbers beside a frozen `Linear` of inputs * outputs."""
    model = LowRank(nn.Linear(4, 100, device=device), rank=1)
    numbers = [p.numel() for p in model.parameters() if p.requires_grad]
    assert (sum(numbers), sum(p.numel() for p in model.parameters())) == (104, 104 + 500)


@fact("torch.nn.Module.load_state_dict", "torch.nn.Module.state_dict", hint="load them with strict=False")
def test_are_saved_without_the_model(device):
    """The adapters alone, picked from the `state_dict` by name, are loaded into the same model with `strict=False`."""
    model, x = adapted(device)
    train(model, x)
    alone = {name: value for name, value in model.state_dict().items() if "layer" not in name}
    fresh, _ = adapted(device)
    missing, unexpected = fresh.load_state_dict(alone, strict=False)
    assert (list(alone), missing, unexpected) == (["a", "b"], ["layer.weight", "layer.bias"], [])
    same(fresh(x).detach(), model(x).detach().cpu())


@fact("torch.nn.Module.state_dict", hint="wrap first, or load into model.layer")
def test_rename_the_weights_that_they_wrap():
    """A module around a layer puts its name before the layer's `state_dict` keys: a plain checkpoint does not fit."""
    model, _ = adapted("cpu")
    assert list(model.state_dict()) == ["a", "b", "layer.weight", "layer.bias"]
    with pytest.raises(RuntimeError, match=r"Missing key\(s\) in state_dict"):
        model.load_state_dict(nn.Linear(4, 3).state_dict())


class Added(nn.Module):
    """A weight and a product of thin matrices, as a parametrization."""

    def __init__(self, outputs, inputs):
        super().__init__()
        self.a, self.b = nn.Parameter(torch.ones(1, inputs)), nn.Parameter(torch.zeros(outputs, 1))

    def forward(self, weight):
        return weight + self.b @ self.a


def parametrized():
    """A frozen layer whose weight has a product of thin matrices added, and that weight."""
    layer = nn.Linear(2, 3, bias=False).requires_grad_(False)
    start = layer.weight.detach().clone()
    parametrize.register_parametrization(layer, "weight", Added(3, 2))
    return layer, start


def move(layer):
    """A step that takes 1 from each element of the weight."""
    layer(torch.ones(1, 2)).sum().backward()
    torch.optim.SGD([p for p in layer.parameters() if p.requires_grad], lr=0.5).step()


@fact("torch.nn.utils.parametrize.register_parametrization")
def test_by_parametrization_begin_as_the_weight():
    """LoRA by `register_parametrization`, whose second matrix is zero, leaves the weight as it was."""
    layer, start = parametrized()
    assert parametrize.is_parametrized(layer, "weight")
    same(layer.weight.detach(), start)


@fact("torch.nn.utils.parametrize.register_parametrization")
def test_by_parametrization_are_trained_beside_a_frozen_original():
    """A step of LoRA by `register_parametrization` moves the weight, and leaves its `original`, which is frozen."""
    layer, start = parametrized()
    move(layer)
    same(layer.weight.detach(), start - 1.0)
    same(layer.parametrizations.weight.original.detach(), start)


@fact("torch.nn.utils.parametrize.remove_parametrizations")
def test_by_parametrization_are_merged_when_it_is_removed():
    """`remove_parametrizations` merges LoRA that was trained by `register_parametrization` into the weight."""
    layer, start = parametrized()
    move(layer)
    parametrize.remove_parametrizations(layer, "weight")
    assert [name for name, _ in layer.named_parameters()] == ["weight"]
    same(layer.weight.detach(), start - 1.0)
