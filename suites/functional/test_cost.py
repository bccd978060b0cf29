"""What functions cost beside other ways to the same result."""

import math

import pytest
import torch
import torch.nn.functional as F

from torchproof import fact, race
from torchproof.fixtures.race import slower

pytestmark = pytest.mark.bench


@fact(
    "torch.nn.functional.scaled_dot_product_attention",
    refuter=slower("torch.nn.functional.scaled_dot_product_attention"),
)
@pytest.mark.parametrize("length", [16, 256])
def test_of_attention_is_less_than_threefold_of_its_formula(length, numbers):
    """`scaled_dot_product_attention` of 16 or 256 tokens takes less than thrice the time of softmax(q kᵀ / √d) v."""
    q, k, v = torch.rand(3, 4, length, 32)
    by_formula = lambda: torch.softmax(q @ k.mT / math.sqrt(32), -1) @ v  # noqa: E731
    assert race(lambda: F.scaled_dot_product_attention(q, k, v), by_formula, numbers).ratio_below(3)


@fact("torch.nn.functional.dropout", refuter=slower("torch.nn.functional.dropout"))
def test_of_dropout_is_less_than_tenfold_of_a_random_mask(numbers):
    """`dropout` takes less than ten times the time of a product with the mask `torch.rand(…) < p`."""
    x = torch.rand(1 << 15)
    assert race(lambda: F.dropout(x, 0.5), lambda: x * (torch.rand(1 << 15) < 0.5), numbers).ratio_below(10)


@fact("torch.nn.functional.dropout", refuter=slower("torch.nn.functional.dropout"))
def test_of_dropout_outside_training_is_none(numbers):
    """`dropout(training=False)` takes less than half of the time of a copy, at a megabyte."""
    x = torch.rand(1 << 18)
    assert race(lambda: F.dropout(x, training=False), lambda: x.clone(), numbers).ratio_below(0.5)


@fact("torch.topk", "torch.sort", refuter=slower("torch.topk"))
def test_of_topk_is_less_than_of_sort(numbers):
    """`torch.topk` of ten of ten thousand takes less than half of the time of `torch.sort`."""
    x = torch.rand(10_000)
    assert race(lambda: torch.topk(x, 10), lambda: torch.sort(x), numbers).ratio_below(0.5)


@fact("torch.sum", refuter=slower("torch.sum"))
@pytest.mark.parametrize("dim", [0, 1])
def test_of_a_sum_is_less_than_a_tenth_of_a_loop(dim, numbers):
    """`torch.sum` over a dimension of a matrix takes less than a tenth of the time of a loop that adds the slices."""
    x = torch.rand(256, 256)
    assert race(lambda: torch.sum(x, dim), lambda: sum(x.unbind(dim)), numbers).ratio_below(0.1)


@fact("torch.nn.functional.cross_entropy", refuter=slower("torch.nn.functional.cross_entropy"))
def test_of_cross_entropy_is_less_than_threefold_of_its_formula(numbers):
    """`cross_entropy` of 256 samples takes less than thrice the time of `logsumexp` less the score of the class."""
    scores, classes = torch.rand(256, 100), torch.randint(100, (256,))
    by_formula = lambda: (scores.logsumexp(1) - scores.gather(1, classes[:, None])[:, 0]).mean()  # noqa: E731
    assert race(lambda: F.cross_entropy(scores, classes), by_formula, numbers).ratio_below(3)
