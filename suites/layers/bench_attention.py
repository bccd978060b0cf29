"""What attention costs, by dtype, mask and length, forward and with gradients."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from torchproof import bench
from torchproof.fixtures.work import nbytes, random

DTYPES = ["float32", "bfloat16", "float16"]
HEADS, WIDTH = 4, 32


def flops_of_attention(query, key, value, *arguments, **options):
    """Queries with keys, then weights with values, two for each element of the inner products."""
    return 4 * query.numel() * key.shape[-2]


def moves_of_attention(query, key, value, *arguments, **options):
    """Queries, keys and values read, and as much written as there are queries."""
    return nbytes(query, key, value, query)


attention = bench(
    "torch.nn.functional.scaled_dot_product_attention", moves=moves_of_attention, flops=flops_of_attention
)


def heads(length, dtype):
    """Queries, keys and values of four heads."""
    return [random(1, HEADS, length, WIDTH, dtype=dtype) for _ in range(3)]


@bench(
    "torch.nn.functional.scaled_dot_product_attention", moves=moves_of_attention, flops=flops_of_attention, quick=True
)
@pytest.mark.parametrize("dtype", DTYPES)
def bench_of_128(benchmark, dtype):
    """Four heads attend to 128 places."""
    benchmark(functional.scaled_dot_product_attention, *heads(128, dtype))


@attention
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("length", [16, 1024])
def bench_by_length(benchmark, length, dtype):
    """Four heads attend to few places and to many."""
    benchmark(functional.scaled_dot_product_attention, *heads(length, dtype))


@attention
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("mask", ["causal", "bool", "float"])
def bench_by_mask(benchmark, mask, dtype):
    """Four heads attend to 256 places, some of them masked."""
    query, key, value = heads(256, dtype)
    below = torch.ones(256, 256, dtype=torch.bool).tril()
    options = {
        "causal": {"is_causal": True},
        "bool": {"attn_mask": below},
        "float": {"attn_mask": torch.zeros(256, 256, dtype=query.dtype).masked_fill(~below, float("-inf"))},
    }
    benchmark(functional.scaled_dot_product_attention, query, key, value, **options[mask])


@attention
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def bench_of_heads_in_the_last_dimension(benchmark, dtype):
    """Four heads attend to 256 places, as projections give them: a view with heads and places exchanged."""
    views = [random(1, 256, HEADS, WIDTH, dtype=dtype).transpose(1, 2) for _ in range(3)]
    benchmark(functional.scaled_dot_product_attention, *views)


@attention
@pytest.mark.parametrize("dtype", DTYPES)
def bench_of_one_query(benchmark, dtype):
    """Four heads with one query attend to 1024 places, as when a text is written word by word."""
    _, key, value = heads(1024, dtype)
    benchmark(functional.scaled_dot_product_attention, random(1, HEADS, 1, WIDTH, dtype=dtype), key, value)


def with_gradients(query, key, value, slope):
    return torch.autograd.grad(functional.scaled_dot_product_attention(query, key, value), [query, key, value], slope)


attention_with_gradients = bench(
    "torch.nn.functional.scaled_dot_product_attention",
    moves=lambda *tensors: 3 * nbytes(tensors),
    flops=lambda *tensors: 3.5 * flops_of_attention(*tensors),
)


@attention_with_gradients
@pytest.mark.parametrize("dtype", DTYPES)
def bench_with_gradients(benchmark, dtype):
    """Four heads attend to 256 places, forward and backward, in which the weights are computed again."""
    inputs = [x.requires_grad_() for x in heads(256, dtype)]
    benchmark(with_gradients, *inputs, random(1, HEADS, 256, WIDTH, dtype=dtype))


def attend(module, x):
    with torch.no_grad():
        return module(x, x, x, need_weights=False)[0]


@bench(
    "torch.nn.MultiheadAttention",
    moves=lambda module, x: nbytes(module, x, x),
    flops=lambda module, x: 8 * x.numel() * x.shape[-1] + 4 * x.numel() * x.shape[-2],
    quick=True,
)
@pytest.mark.parametrize("dtype", ["float32"])
def bench_multihead_attention(benchmark, dtype):
    """The whole layer, with its projections, of 64 places, without gradients."""
    module = nn.MultiheadAttention(HEADS * WIDTH, HEADS, batch_first=True).to(getattr(torch, dtype)).eval()
    benchmark(attend, module, random(2, 64, HEADS * WIDTH, dtype=dtype))


@bench("torch.nn.MultiheadAttention", moves=lambda module, x: nbytes(module, x, x))
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("training", [False, True])
def bench_multihead_attention_by_mode(benchmark, training, dtype):
    """The whole layer of 256 places, without gradients, on its fast path and off it."""
    module = nn.MultiheadAttention(HEADS * WIDTH, HEADS, batch_first=True).to(getattr(torch, dtype)).train(training)
    benchmark(attend, module, random(1, 256, HEADS * WIDTH, dtype=dtype))


def many_heads(dtype):
    """Queries, keys and values of 8 by 16 heads of width 64 for 1024 places."""
    return [random(8, 16, 1024, 64, dtype=dtype, device="cuda") for _ in range(3)]


@pytest.mark.gpu
@attention
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("mask", ["none", "causal", "bool"])
def bench_by_mask_on_a_gpu(benchmark, mask, dtype):
    """128 heads attend to 1024 places, all of them or some masked."""
    below = torch.ones(1024, 1024, dtype=torch.bool, device="cuda").tril()
    options = {"none": {}, "causal": {"is_causal": True}, "bool": {"attn_mask": below}}
    benchmark(functional.scaled_dot_product_attention, *many_heads(dtype), **options[mask])


@pytest.mark.gpu
@attention_with_gradients
@pytest.mark.parametrize("dtype", DTYPES)
def bench_with_gradients_on_a_gpu(benchmark, dtype):
    """128 heads attend to 1024 places, forward and backward."""
    slope, *inputs = [random(8, 16, 1024, 64, dtype=dtype, device="cuda"), *many_heads(dtype)]
    benchmark(with_gradients, *[x.requires_grad_() for x in inputs], slope)
