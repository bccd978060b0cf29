"""What linear layers, embeddings and losses cost, forward and with gradients."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from torchproof import bench
from torchproof.fixtures.work import forward, forward_and_backward, nbytes, random

DTYPES = ["float32", "bfloat16", "float16"]


def flops_of_linear(layer, x):
    """Two for each weight and row."""
    return 2 * layer.weight.numel() * x.numel() // layer.in_features


def moves_of_linear(layer, x):
    """Weights and input read, output written."""
    return nbytes(layer, x) + x.numel() // layer.in_features * layer.out_features * x.element_size()


@bench("torch.nn.Linear", moves=moves_of_linear, flops=flops_of_linear, quick=True)
@pytest.mark.parametrize("dtype", ["bfloat16"])
def bench_linear(benchmark, dtype):
    """A layer of 256 inputs and outputs for 64 rows, without gradients."""
    benchmark(forward, nn.Linear(256, 256).to(getattr(torch, dtype)), random(64, 256, dtype=dtype))


@bench("torch.nn.Linear", moves=moves_of_linear, flops=flops_of_linear)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rows", [1, 1024])
def bench_linear_by_rows(benchmark, rows, dtype):
    """A layer of 512 inputs and outputs, without gradients."""
    benchmark(forward, nn.Linear(512, 512).to(getattr(torch, dtype)), random(rows, 512, dtype=dtype))


@bench("torch.nn.Linear", moves=moves_of_linear, flops=flops_of_linear)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", ["transposed"])
def bench_linear_by_layout(benchmark, layout, dtype):
    """A layer of 256 inputs and outputs for 256 rows that are not contiguous, without gradients."""
    benchmark(forward, nn.Linear(256, 256).to(getattr(torch, dtype)), random(256, 256, dtype=dtype, layout=layout))


@bench(
    "torch.nn.Linear",
    moves=lambda layer, slope, x: 3 * nbytes(layer, x) + 2 * nbytes(slope),
    flops=lambda layer, slope, x: 3 * flops_of_linear(layer, x),
)
@pytest.mark.parametrize("dtype", DTYPES)
def bench_linear_with_gradients(benchmark, dtype):
    """A layer of 256 inputs and outputs for 64 rows, forward and backward."""
    x = random(64, 256, dtype=dtype).requires_grad_()
    benchmark(forward_and_backward, nn.Linear(256, 256).to(x.dtype), torch.ones_like(x), x)


@bench("torch.nn.Bilinear", flops=lambda layer, x, y: 2 * layer.weight.numel() * len(x))
def bench_bilinear(benchmark):
    """A bilinear layer of 32 inputs each for 64 rows, without gradients."""
    benchmark(forward, nn.Bilinear(32, 32, 32), random(64, 32), random(64, 32))


def bytes_looked_up(layer, index, *offsets):
    """The indices, and the rows that they pick."""
    return nbytes(index) + index.numel() * nbytes(layer.weight[0])


@bench("torch.nn.Embedding", moves=lambda layer, index: bytes_looked_up(layer, index) * 2, quick=True)
@pytest.mark.parametrize("dtype", ["float32"])
def bench_embedding(benchmark, dtype):
    """2048 words are looked up among 10,000."""
    benchmark(forward, nn.Embedding(10_000, 64).to(getattr(torch, dtype)), torch.randint(10_000, (2048,)))


@bench("torch.nn.Embedding", moves=lambda layer, slope, index: 2 * bytes_looked_up(layer, index) + nbytes(slope))
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def bench_embedding_with_gradients(benchmark, dtype, sparse):
    """2048 words are looked up among 10,000, forward and backward, with a dense or a sparse gradient."""
    layer = nn.Embedding(10_000, 64, sparse=sparse).to(getattr(torch, dtype))
    benchmark(forward_and_backward, layer, random(2048, 64, dtype=dtype), torch.randint(10_000, (2048,)))


@bench("torch.nn.EmbeddingBag", moves=bytes_looked_up)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("mode", ["sum", "max"])
def bench_embedding_bag(benchmark, mode, dtype):
    """64 bags of 32 words each."""
    layer = nn.EmbeddingBag(10_000, 64, mode=mode).to(getattr(torch, dtype))
    benchmark(forward, layer, torch.randint(10_000, (2048,)), torch.arange(0, 2048, 32))


@bench("torch.nn.functional.cross_entropy", moves=nbytes)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def bench_cross_entropy(benchmark, dtype):
    """The loss of 128 predictions among a thousand classes."""
    benchmark(functional.cross_entropy, random(128, 1000, dtype=dtype), torch.randint(1000, (128,)))


@bench("torch.nn.functional", moves=nbytes)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", ["mse_loss", "binary_cross_entropy_with_logits"])
def bench_of_losses(benchmark, name, dtype):
    """The loss of a matrix of 256 by 256."""
    benchmark(getattr(functional, name), random(256, 256, dtype=dtype), random(256, 256, dtype=dtype))


@bench("torch.nn.functional.ctc_loss", moves=lambda x, *_: nbytes(x))
def bench_ctc_loss(benchmark):
    """The loss of 16 sequences of 50 letters with targets of 20."""
    predicted = random(50, 16, 30).log_softmax(2)
    lengths = torch.full((16,), 50), torch.full((16,), 20)
    benchmark(functional.ctc_loss, predicted, torch.randint(1, 30, (16, 20)), *lengths)


@pytest.mark.gpu
@bench("torch.nn.Linear", moves=moves_of_linear, flops=flops_of_linear)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rows", [1, 8192])
def bench_linear_on_a_gpu(benchmark, rows, dtype):
    """A layer of 4096 inputs and outputs, without gradients."""
    layer = nn.Linear(4096, 4096).to("cuda", getattr(torch, dtype))
    benchmark(forward, layer, random(rows, 4096, dtype=dtype, device="cuda"))
