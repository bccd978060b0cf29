"""What autograd adds to the work itself: for each node, and for each way to have less of it."""

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from torchproof import bench
from torchproof.fixtures.work import nbytes, random

NODES = 100


def chain(x):
    """A chain of a hundred nodes, each with hardly any work."""
    for _ in range(NODES):
        x = x + 1
    return x


def chain_in(mode, x):
    with mode():
        return chain(x)


def gradient(function, x):
    return torch.autograd.grad(function(x).sum(), x)


class Identity(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, slope):
        return slope


def custom_chain(x):
    """A chain of a hundred custom functions."""
    for _ in range(NODES):
        x = Identity.apply(x)
    return x


def leaf(*shape):
    return random(*shape).requires_grad_()


@bench("torch.Tensor.requires_grad", moves=lambda x: 2 * NODES * nbytes(x))
@pytest.mark.parametrize("requires_grad", [False, True])
def bench_of_nodes(benchmark, requires_grad):
    """A hundred sums in a chain, with and without a graph."""
    benchmark(chain, torch.ones(1, requires_grad=requires_grad))


@bench("torch.no_grad", moves=lambda mode, x: 2 * NODES * nbytes(x))
@pytest.mark.parametrize("mode", ["no_grad", "inference_mode", "enable_grad"])
def bench_of_nodes_in(benchmark, mode):
    """A hundred sums in a chain, in a mode that decides whether there is a graph."""
    benchmark(chain_in, getattr(torch, mode), leaf(1))


@bench("torch.no_grad", moves=0)
@pytest.mark.parametrize("mode", ["no_grad", "inference_mode", "enable_grad"])
def bench_of_entering(benchmark, mode):
    """A hundred times, a mode is entered and left."""
    benchmark(enter, getattr(torch, mode))


def enter(mode):
    for _ in range(NODES):
        with mode():
            pass


@bench("torch.autograd.grad", moves=lambda f, x: 4 * NODES * nbytes(x), quick=True)
def bench_backward_of_nodes(benchmark):
    """A hundred sums in a chain and back."""
    benchmark(gradient, chain, leaf(1))


@bench("torch.autograd.Function", moves=lambda f, x: 4 * NODES * nbytes(x))
def bench_backward_of_custom_functions(benchmark):
    """A hundred custom functions in a chain and back."""
    benchmark(gradient, custom_chain, leaf(1))


@bench("torch.Tensor.backward", moves=lambda x: 4 * NODES * nbytes(x))
def bench_into_grad(benchmark):
    """A hundred sums in a chain and back into a `grad` that is new."""
    benchmark(into_grad, leaf(1))


def into_grad(x):
    x.grad = None
    chain(x).sum().backward()


@bench("torch.Tensor.register_hook", moves=lambda x: 4 * NODES * nbytes(x))
def bench_with_hooks(benchmark):
    """A hundred sums in a chain and back, with a hook on each."""
    benchmark(hooked, leaf(1))


def hooked(x):
    y = x
    for _ in range(NODES):
        y = y + 1
        y.register_hook(lambda slope: slope)
    return torch.autograd.grad(y.sum(), x)


def layers(depth=4, width=128):
    return nn.Sequential(*[nn.Sequential(nn.Linear(width, width), nn.Tanh()) for _ in range(depth)])


def elements(model):
    return sum(parameter.numel() for parameter in model.parameters())


def checkpointed(model, x):
    for layer in model:
        x = checkpoint(layer, x, use_reentrant=False)
    return x


def offloaded(model, x):
    with torch.autograd.graph.save_on_cpu():
        return model(x)


def gradients(way, model, x):
    return torch.autograd.grad(way(model, x).sum(), list(model.parameters()))


WAYS = {"plain": nn.Module.__call__, "checkpointed": checkpointed, "offloaded": offloaded}


@bench("torch.utils.checkpoint.checkpoint", flops=lambda way, model, x: 6 * len(x) * elements(model))
@pytest.mark.parametrize("way", ["plain", "checkpointed", "offloaded"])
def bench_of_saving_memory(benchmark, way):
    """Four layers forward and backward: plainly, each computed again in backward, and kept by hooks."""
    benchmark(gradients, WAYS[way], layers(), leaf(64, 128))


@bench("torch.autograd.grad", moves=lambda x: 4 * nbytes(x))
def bench_second_gradient(benchmark):
    """The gradient of the gradient of a sum of cubes."""
    benchmark(second_gradient, leaf(10_000))


def second_gradient(x):
    (slope,) = torch.autograd.grad(x.pow(3).sum(), x, create_graph=True)
    return torch.autograd.grad(slope.sum(), x)


@bench("torch.autograd.functional.jacobian", moves=lambda f, x, **_: x.numel() * nbytes(x))
@pytest.mark.parametrize("vectorize", [False, True])
def bench_jacobian(benchmark, vectorize):
    """The Jacobian of a function of 64 numbers to 64, row by row or in one."""
    benchmark(torch.autograd.functional.jacobian, torch.tanh, random(64), vectorize=vectorize)


@bench("torch.func.vmap", moves=lambda model, x: nbytes(x) + len(x) * nbytes(model))
def bench_gradients_of_samples(benchmark):
    """The gradient of each of 64 samples by vmap of grad."""
    benchmark(gradients_of_samples, layers(1, 32), random(64, 32))


def gradients_of_samples(model, x):
    parameters = {name: value.detach() for name, value in model.named_parameters()}

    def loss(parameters, row):
        return torch.func.functional_call(model, parameters, (row,)).sum()

    return torch.func.vmap(torch.func.grad(loss), (None, 0))(parameters, x)
