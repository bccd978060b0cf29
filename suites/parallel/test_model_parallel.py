import numpy
import pytest
import torch
from torch import nn

from torchproof import fact, same

pytestmark = pytest.mark.multigpu

X = numpy.array([[1.0, 2.0], [3.0, 4.0]])


class _TwoParts(nn.Module):
    """The sum of each row doubled, the first step on one device and the second on another."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(2, 1, bias=False, dtype=torch.float64, device="cuda:0")
        self.last = nn.Linear(1, 1, bias=False, dtype=torch.float64, device="cuda:1")
        nn.init.ones_(self.first.weight)
        nn.init.constant_(self.last.weight, 2.0)

    def forward(self, x):
        return self.last(self.first(x).to("cuda:1"))


@fact("torch.nn.Module.to", claims=["X01"], source="notes/cuda")
def test_hands_the_activations_over():
    """A model whose `forward` moves the activations gives, on the last device, what its parts give in turn."""
    out = _TwoParts()(torch.tensor(X, device="cuda:0"))
    assert out.device == torch.device("cuda:1")
    same(out, 2 * X.sum(axis=1, keepdims=True))


@fact("torch.Tensor.backward", claims=["X01"], source="notes/cuda")
def test_backward_reaches_both_devices():
    """A backward from the last device leaves each part its gradient, on the part's own device."""
    model = _TwoParts()
    model(torch.tensor(X, device="cuda:0")).sum().backward()
    assert [weight.grad.device.index for weight in model.parameters()] == [0, 1]
    same(model.first.weight.grad, 2 * X.sum(axis=0, keepdims=True))
    same(model.last.weight.grad, X.sum(keepdims=True))


@fact("torch.optim.SGD", claims=["X01"], source="notes/cuda")
def test_one_optimizer_updates_both_devices():
    """One optimizer over the parts' parameters updates each on its own device."""
    model = _TwoParts()
    model(torch.tensor(X, device="cuda:0")).sum().backward()
    torch.optim.SGD(model.parameters(), lr=0.5).step()
    same(model.first.weight, numpy.array([[1.0, 1.0]]) - X.sum(axis=0, keepdims=True))
    same(model.last.weight, numpy.array([[2.0]]) - X.sum(keepdims=True) / 2)


@fact("torch.nn.Linear", claims=["X01"], source="notes/cuda", hint="move the activations with .to(device) in forward")
def test_refuses_activations_of_another_device():
    """A part refuses activations that were left on another device."""
    with pytest.raises(RuntimeError, match="Expected all tensors to be on the same device"):
        _TwoParts().last(torch.ones(1, 1, dtype=torch.float64, device="cuda:0"))
