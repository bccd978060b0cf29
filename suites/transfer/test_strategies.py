"""Which layers to train on a new task, by its domain and by how much data there is: measured on made-up domains.

A domain is a way from inputs to features, and a task a mixture of features. Twelve models for twelve pairs of domains
are trained side by side, as batches of matrices, so that what is claimed of their mean has an interval.
"""

import copy
import math
import statistics

import pytest
import torch
from torch import nn

from torchproof import fact

MODELS, INPUTS, FEATURES, WIDTH, TASKS = 12, 8, 6, 24, 8
T95 = 1.796  # of Student's distribution with eleven degrees of freedom, on one side
LITTLE, MUCH, UNSEEN = 16, 320, 320


class Layers(nn.Module):
    """A linear layer for each of the models."""

    def __init__(self, inputs, outputs, generator):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(MODELS, inputs, outputs, generator=generator) / math.sqrt(inputs))
        self.bias = nn.Parameter(torch.zeros(MODELS, 1, outputs))

    def forward(self, x):
        return torch.baddbmm(self.bias, x, self.weight)


def models(outputs, seed):
    """Networks with two hidden layers and a head."""
    generator = torch.Generator().manual_seed(seed)
    sizes = (INPUTS, WIDTH), (WIDTH, WIDTH), (WIDTH, outputs)
    first, second, head = (Layers(*size, generator) for size in sizes)
    return nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), head)


class Domain:
    """Inputs, and what tasks make of their features."""

    def __init__(self, seed):
        self.generator = torch.Generator().manual_seed(seed)
        self.ways = [self._matrices(INPUTS, FEATURES, 2.0), self._matrices(FEATURES, FEATURES, 2.0)]

    def _matrices(self, inputs, outputs, scale=1.0):
        return torch.randn(MODELS, inputs, outputs, generator=self.generator) * scale / math.sqrt(inputs)

    def tasks(self, number):
        return self._matrices(FEATURES, number)

    def samples(self, number, task):
        x = features = torch.randn(MODELS, number, INPUTS, generator=self.generator)
        for way in self.ways:
            features = torch.tanh(features @ way)
        return x, features @ task


def train(models, x, y, steps):
    """All models are trained on all their samples."""
    optimizer = torch.optim.Adam([p for p in models.parameters() if p.requires_grad], lr=0.02)
    for _ in range(steps):
        optimizer.zero_grad()
        (models(x) - y).square().mean((1, 2)).sum().backward()
        optimizer.step()
    return models


@torch.no_grad()
def errors(models, x, y):
    """The error of each model, in parts of what it would be without any."""
    return (models(x) - y).square().mean((1, 2)) / y.square().mean((1, 2))


@pytest.fixture(autouse=True)
def _one_thread():
    """Threads that wait for each other would cost more than these small matrices."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def pretrained():
    """Models that know the features of their domain from eight of its tasks, and the domain."""
    domain = Domain(0)
    return train(models(TASKS, 1), *domain.samples(MUCH, domain.tasks(TASKS)), 160), domain


TRAINED = {"head": 1, "some": 2, "all": 3}  # how many layers, from the last one on


def errors_of(strategy, pretrained, number, other=False):
    """The errors on unseen samples of a new task, learned from a number of samples by a strategy."""
    known, domain = pretrained
    domain = Domain(2) if other else domain
    domain.generator.manual_seed(3)
    task = domain.tasks(1)
    new = models(1, 4)
    if strategy != "scratch":
        for place in (0, 2):
            new[place] = copy.deepcopy(known[place])
        for layer in [new[0], new[2], new[4]][: 3 - TRAINED[strategy]]:
            layer.requires_grad_(False)
    train(new, *domain.samples(number, task), 100)
    return errors(new, *domain.samples(UNSEEN, task)).tolist()


def least(differences):
    """The lower end of the interval, of 95 % on one side, of a mean."""
    return statistics.mean(differences) - T95 * statistics.stdev(differences) / math.sqrt(len(differences))


def gained(better, worse, pretrained, number, other=False):
    """By how much the error of one strategy is below that of another, at least."""
    pairs = zip(*(errors_of(strategy, pretrained, number, other) for strategy in (worse, better)))
    return least([worse - better for worse, better in pairs])


SUBJECTS = "torch.nn.Module.requires_grad_", "torch.optim.Adam"


@fact(*SUBJECTS, claims=["F01", "F03"])
def test_of_the_head_wins_with_little_data_of_the_same_domain(pretrained):
    """With 16 samples of the same made-up domain, fine-tuning the head by `Adam`, the rest frozen, beats all layers."""
    assert gained("head", "all", pretrained, LITTLE) > 0


@fact(*SUBJECTS, claims=["F03"])
def test_of_the_head_beats_more_layers_with_little_data_of_the_same_domain(pretrained):
    """With 16 samples of the same made-up domain, fine-tuning the head by `Adam`, the rest frozen, beats two layers."""
    assert gained("head", "some", pretrained, LITTLE) > 0


@fact(*SUBJECTS, claims=["F04"])
@pytest.mark.slow
def test_of_more_layers_wins_with_much_data_of_the_same_domain(pretrained):
    """With 320 samples of the same made-up domain, fine-tuning two layers by `Adam` beats the head, the rest frozen."""
    assert gained("some", "head", pretrained, MUCH) > 0


@fact(*SUBJECTS, claims=["F05"])
@pytest.mark.slow
@pytest.mark.parametrize("less", ["head", "some"])
def test_of_all_layers_wins_with_much_data_of_another_domain(pretrained, less):
    """With 320 samples of another made-up domain, fine-tuning all layers by `Adam` beats the head or two layers."""
    assert gained("all", less, pretrained, MUCH, other=True) > 0


@fact(*SUBJECTS)
def test_of_all_layers_wins_with_little_data_of_another_domain(pretrained):
    """With 16 samples of another made-up domain, fine-tuning all layers by `Adam` beats the head, the rest frozen."""
    assert gained("all", "head", pretrained, LITTLE, other=True) > 0


@fact("torch.optim.Adam", claims=["F01"])
@pytest.mark.slow
@pytest.mark.parametrize("number", [LITTLE, MUCH], ids=["little", "much"])
def test_of_all_layers_beats_starting_from_nothing_in_the_same_domain(pretrained, number):
    """In the same made-up domain fine-tuning by `Adam` beats training from nothing (from scratch) on the same data."""
    assert gained("all", "scratch", pretrained, number) > 0


@fact(*SUBJECTS, claims=["F01"], myth="transfer learning is better than starting from nothing in any domain")
@pytest.mark.slow
def test_of_the_head_loses_to_starting_from_nothing_in_another_domain(pretrained):
    """In another made-up domain features frozen by `requires_grad_` lose to training from scratch on 320 samples."""
    assert gained("scratch", "head", pretrained, MUCH, other=True) > 0
