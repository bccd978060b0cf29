"""A model cut over devices or processes that wait for each other; pipelines of microbatches: `test_pipelining`."""

import time

import numpy
import pytest
import torch
import torch.distributed as dist
from torch import nn

from torchproof import fact, same

X = numpy.array([[1.0, 2.0], [3.0, 4.0]])


class _TwoParts(nn.Module):
    """The sum of each row doubled, the first step on one device and the second on another."""

    def __init__(self, devices):
        super().__init__()
        self.devices = devices
        self.first = nn.Linear(2, 1, bias=False, dtype=torch.float64, device=devices[0])
        self.last = nn.Linear(1, 1, bias=False, dtype=torch.float64, device=devices[1])
        nn.init.ones_(self.first.weight)
        nn.init.constant_(self.last.weight, 2.0)

    def forward(self, x):
        return self.last(self.first(x).to(self.devices[1]))


def _parts(devices):
    """The model, and its output."""
    model = _TwoParts(devices)
    return model, model(torch.tensor(X, device=devices[0]))


@fact("torch.Tensor.to", claims=["X01"], source="notes/cuda")
def test_output_is_on_the_last_device():
    """A model whose `forward` moves activations from device to device by `.to` gives its output on the last device."""
    _, out = _parts(("cpu", "meta"))
    assert out.device.type == "meta"


@fact("torch.Tensor.to", claims=["X01"], source="notes/cuda")
def test_hands_the_activations_over(devices):
    """A model whose `forward` moves activations to another device by `.to` gives there what its parts give in turn."""
    _, out = _parts(devices)
    assert str(out.device) == devices[1]
    same(out, 2 * X.sum(axis=1, keepdims=True))


@fact("torch.Tensor.backward", claims=["X01"], source="notes/cuda")
def test_backward_reaches_both_devices(devices):
    """`backward` through a model that is split over two devices leaves each part its gradient, on its own device."""
    model, out = _parts(devices)
    out.sum().backward()
    assert [str(weight.grad.device) for weight in model.parameters()] == [*devices]
    same(model.first.weight.grad, 2 * X.sum(axis=0, keepdims=True))
    same(model.last.weight.grad, X.sum(keepdims=True))


@fact("torch.optim.SGD", claims=["X01"], source="notes/cuda")
def test_one_optimizer_updates_both_devices(devices):
    """One `torch.optim.SGD` updates both parts of a model that is split over two devices."""
    model, out = _parts(devices)
    out.sum().backward()
    torch.optim.SGD(model.parameters(), lr=0.5).step()
    same(model.first.weight, numpy.array([[1.0, 1.0]]) - X.sum(axis=0, keepdims=True))
    same(model.last.weight, numpy.array([[2.0]]) - X.sum(keepdims=True) / 2)


@fact("torch.nn.Linear", claims=["X01"], source="notes/cuda", hint="move the activations with .to(device) in forward")
def test_refuses_activations_of_another_device(devices):
    """An `nn.Linear` refuses activations of another device: "Expected all tensors to be on the same device"."""
    with pytest.raises(RuntimeError, match="Expected all tensors to be on the same device"):
        _TwoParts(devices).last(torch.ones(1, 1, dtype=torch.float64, device=devices[0]))


# --- one process a device ---------------------------------------------------------------------------------------------


def _timed(spans, function, *args):
    start = time.monotonic()
    result = function(*args)
    spans.append((start, time.monotonic()))
    return result


def _naive_step(rank):
    """When this rank computes in a step of a model that is cut in two, and the gradient of its part."""
    layer = nn.Linear(64, 64, bias=False)
    nn.init.constant_(layer.weight, rank + 1.0)
    spans, handed = [], torch.zeros(4, 64)
    if rank == 0:
        out = _timed(spans, layer, torch.ones(4, 64))
        dist.send(out.detach(), 1)
        dist.recv(handed, 1)
        _timed(spans, out.backward, handed)
    else:
        dist.recv(handed, 0)
        loss = _timed(spans, lambda: layer(handed.requires_grad_()).sum())
        _timed(spans, loss.backward)
        dist.send(handed.grad, 0)
    return spans, layer.weight.grad


@fact("torch.distributed.recv", claims=["X01"], source="pipelining")
@pytest.mark.dist
def test_parts_in_two_processes_have_the_gradients_of_the_whole(ranks):
    """Processes that hand activations and their gradients on by `send` and `recv` have the whole model's gradients."""
    (_, first), (_, last) = ranks(2, _naive_step)
    same(first, torch.full((64, 64), 4 * 64 * 2.0))
    same(last, torch.full((64, 64), 4 * 64.0))


@fact(
    "torch.distributed.recv",
    claims=["X02"],
    myth="a model that is cut over two devices trains twice as fast",
    hint="cut the batch into microbatches: torch.distributed.pipelining",
    source="pipelining",
)
@pytest.mark.dist
def test_parts_of_a_model_never_work_at_once(ranks):
    """Without a pipeline, the two parts of a model never compute at one time: one waits in `recv` for the other."""
    ((forward, backward), _), (meanwhile, _) = ranks(2, _naive_step)
    assert forward[1] <= meanwhile[0][0]
    assert meanwhile[-1][1] <= backward[0]
