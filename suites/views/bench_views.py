"""What views cost: they move nothing, so this is the time that torch takes to find the way, a hundred times over."""

import pytest
import torch

from torchproof import bench
from torchproof.fixtures.work import repeated

WAYS = {
    "view": lambda x: x.view(-1),
    "reshape": lambda x: x.reshape(-1),
    "transpose": lambda x: x.transpose(0, 1),
    "permute": lambda x: x.permute(2, 0, 1),
    "select": lambda x: x.select(0, 1),
    "narrow": lambda x: x.narrow(0, 1, 2),
    "unsqueeze": lambda x: x.unsqueeze(0),
    "expand": lambda x: x.expand(2, 4, 4, 4),
    "as_strided": lambda x: x.as_strided((2, 2), (1, 1)),
    "unbind": lambda x: x.unbind(0),
    "chunk": lambda x: x.chunk(2),
    "detach": lambda x: x.detach(),
}


@bench("torch.Tensor.view", moves=0, quick=True)
@pytest.mark.parametrize("size", [1, 1000000])
def bench_by_size(benchmark, size):
    """A hundred views of vectors of one element and of a million."""
    benchmark(repeated, torch.Tensor.view, torch.zeros(size), (1, -1))


@bench("torch.Tensor", moves=0)
@pytest.mark.parametrize("way", WAYS)
def bench_by_kind(benchmark, way):
    """A hundred views of a small tensor, by the method that makes them."""
    benchmark(repeated, WAYS[way], torch.zeros(4, 4, 4))


@bench("torch.Tensor", moves=0)
def bench_of_one_that_requires_grad(benchmark):
    """A hundred transposes that autograd takes note of."""
    benchmark(repeated, torch.t, torch.zeros(4, 4, requires_grad=True))
