"""What recurrent layers cost, forward and with gradients."""

import pytest
import torch
from torch import nn

from torchproof import bench
from torchproof.fixtures.work import nbytes, random

DTYPES = ["float32", "bfloat16", "float16"]
KINDS = ["LSTM", "GRU", "RNN"]


def recur(layer, x):
    with torch.no_grad():
        return layer(x)[0]


def recur_and_back(layer, x):
    return torch.autograd.grad(layer(x)[0].sum(), [x, *layer.parameters()])


def flops_of_recurrence(layer, x):
    """Two for each weight, of which the biases hardly count, and place of a sequence."""
    return 2 * sum(weight.numel() for weight in layer.parameters()) * x.shape[0] * x.shape[1]


def moves_of_recurrence(layer, x):
    """The layer and its input read, and as much written as was read of the input."""
    return nbytes(layer, x, x)


recurrence = bench("torch.nn.LSTM", moves=moves_of_recurrence, flops=flops_of_recurrence)


@bench("torch.nn.LSTM", moves=moves_of_recurrence, flops=flops_of_recurrence, quick=True)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def bench_lstm(benchmark, dtype):
    """8 sequences of 16 places, of width 64, without gradients."""
    benchmark(recur, nn.LSTM(64, 64).to(getattr(torch, dtype)), random(16, 8, 64, dtype=dtype))


@recurrence
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("kind", KINDS)
def bench_by_kind(benchmark, kind, dtype):
    """4 sequences of 100 places, of width 64, without gradients."""
    benchmark(recur, getattr(nn, kind)(64, 64).to(getattr(torch, dtype)), random(100, 4, 64, dtype=dtype))


@recurrence
@pytest.mark.parametrize("options", [{"num_layers": 2}, {"bidirectional": True}, {"batch_first": True}], ids="-".join)
def bench_by_options(benchmark, options):
    """8 sequences of 8 places, of width 64, in two layers, in both directions, or the batch first."""
    benchmark(recur, nn.LSTM(64, 64, **options), random(8, 8, 64))


@bench(
    "torch.nn.LSTM", moves=lambda layer, x: 3 * nbytes(layer, x), flops=lambda *given: 3 * flops_of_recurrence(*given)
)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def bench_with_gradients(benchmark, kind, dtype):
    """8 sequences of 16 places, of width 64, forward and backward."""
    x = random(16, 8, 64, dtype=dtype).requires_grad_()
    benchmark(recur_and_back, getattr(nn, kind)(64, 64).to(x.dtype), x)


@pytest.mark.gpu
@recurrence
@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("kind", KINDS)
def bench_by_kind_on_a_gpu(benchmark, kind, dtype):
    """64 sequences of 100 places, of width 512, without gradients."""
    layer = getattr(nn, kind)(512, 512).to("cuda", getattr(torch, dtype))
    benchmark(recur, layer, random(100, 64, 512, dtype=dtype, device="cuda"))
