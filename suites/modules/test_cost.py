"""What layers cost, and what their costs depend on."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from torchproof import fact, race
from torchproof.fixtures.race import slower

pytestmark = pytest.mark.bench


@fact("torch.nn.functional.embedding", refuter=slower("torch.nn.functional.embedding", when=lambda x: x.max() > 100))
def test_of_an_embedding_does_not_depend_on_the_vocabulary(numbers):
    """`embedding` in a table of 10,000 rows takes less than three times the time of one in a hundred rows."""
    large, small, words = torch.rand(10_000, 64), torch.rand(100, 64), torch.randint(100, (256,))
    spread = words * 100 + 99
    assert race(lambda: F.embedding(spread, large), lambda: F.embedding(words, small), numbers).ratio_below(3)


@fact("torch.nn.functional.embedding", "torch.nn.functional.one_hot", refuter=slower("torch.nn.functional.embedding"))
def test_of_an_embedding_is_less_than_a_tenth_of_one_hot(numbers):
    """`embedding` of 64 among 2,000 rows takes less than a tenth of the time of the product with `one_hot`."""
    table, words = torch.rand(2000, 64), torch.randint(2000, (64,))
    by_product = lambda: F.one_hot(words, 2000).float() @ table  # noqa: E731
    assert race(lambda: F.embedding(words, table), by_product, numbers).ratio_below(0.1)


def has_sparse_gradients_always(patch):
    """Every embedding has sparse gradients."""
    embedding = F.embedding
    patch.setattr(F, "embedding", lambda words, table, sparse=False: embedding(words, table, sparse=True))


@fact(
    "torch.nn.functional.embedding",
    refuter=has_sparse_gradients_always,
    hint="Embedding(…, sparse=True), and an optimizer that takes it",
)
def test_of_a_dense_gradient_of_an_embedding_is_of_the_whole_table(numbers):
    """The gradient of `embedding` of 16 among 100,000 rows takes over twice the time of that with `sparse=True`."""
    table, words = torch.rand(100_000, 32, requires_grad=True), torch.arange(16)

    def gradient(sparse):
        return torch.autograd.grad(F.embedding(words, table, sparse=sparse).sum(), table)

    assert race(lambda: gradient(False), lambda: gradient(True), numbers).ratio_above(2)


@fact("torch.nn.Linear", refuter=slower("torch.nn.functional.linear", when=lambda x: x.dim() == 2))
def test_of_a_batch_is_less_than_half_of_its_samples_one_by_one(numbers):
    """`Linear` of 64 features takes for a batch of 64 less than half of the time of its samples one by one."""
    layer, x = nn.Linear(64, 64), torch.rand(64, 64)
    assert race(lambda: layer(x), lambda: [layer(sample) for sample in x], numbers).ratio_below(0.5)


@fact(
    "torch.nn.Sequential",
    refuter=slower("torch.nn.Sequential.forward"),
    myth="a module's call costs as much as its work",
)
def test_of_modules_is_less_than_double_of_functions(numbers):
    """Modules in a `Sequential` take less than twice the time of the same functions, at layers of 128 by 128."""
    layers, x = nn.Sequential(nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 128)), torch.rand(64, 128)
    first, second = layers[0], layers[2]
    by_functions = lambda: F.linear(F.relu(F.linear(x, *first.parameters())), *second.parameters())  # noqa: E731
    assert race(lambda: layers(x), by_functions, numbers).ratio_below(2)


def evaluates_slowly(patch):
    """Evaluation takes long."""
    forward = nn.BatchNorm2d.forward
    patch.setattr(
        nn.BatchNorm2d, "forward", lambda layer, x: [forward(layer, x) for _ in range(1 if layer.training else 100)]
    )


@fact("torch.nn.BatchNorm2d", refuter=evaluates_slowly)
def test_of_batch_norm_in_evaluation_is_less_than_in_training(numbers):
    """`BatchNorm2d` takes less time in evaluation mode than in training mode, where it finds the statistics first."""
    training, evaluating, x = nn.BatchNorm2d(16), nn.BatchNorm2d(16).eval(), torch.rand(8, 16, 32, 32)
    assert race(lambda: evaluating(x), lambda: training(x), numbers).ratio_below(1)
