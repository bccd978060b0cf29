"""What an epoch's loss and accuracy are made of: means over batches, the last of which is smaller."""

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader

from torchproof import close, fact, same
from torchproof.suites.training.line import column, line

OUTPUTS = [1.0, 1.0, 1.0, 1.0, 6.0]  # the targets are 0: four losses of 1 and one of 36
WHOLE = (4 * 1 + 36) / 5


def losses(device, size, reduction="mean", drop_last=False):
    """Each batch's loss and number of samples, in batches of a size."""
    loader = DataLoader(OUTPUTS, batch_size=size, drop_last=drop_last)
    for outputs in loader:
        x = outputs.float().to(device)
        yield nn.functional.mse_loss(x, torch.zeros_like(x), reduction=reduction), len(x)


@fact(
    "torch.nn.functional.mse_loss",
    "torch.utils.data.DataLoader",
    myth="the mean of the batches' losses is the loss of the epoch",
    hint="add up loss.item() * len(batch), and divide by the number of samples",
)
@pytest.mark.parametrize(("size", "mean"), [(2, (1 + 1 + 36) / 3), (3, (1 + 18.5) / 2), (4, (1 + 36) / 2)])
def test_as_the_mean_of_batches_weighs_the_last_too_much(device, size, mean):
    """The mean of the batches' `mse_loss` is not that of the samples where the last batch is smaller."""
    values = [loss.item() for loss, _ in losses(device, size)]
    assert sum(values) / len(values) == pytest.approx(mean)
    assert mean > 1.2 * WHOLE


@fact("torch.nn.functional.mse_loss", "torch.utils.data.DataLoader")
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_weighed_by_the_size_of_each_batch_is_that_of_the_samples(device, size):
    """Each batch's mean `mse_loss` times its number of samples adds up to the loss of the whole epoch."""
    assert sum(loss.item() * n for loss, n in losses(device, size)) / 5 == pytest.approx(WHOLE, rel=1e-6)


@fact("torch.nn.functional.mse_loss", "torch.utils.data.DataLoader")
@pytest.mark.parametrize("size", [1, 2, 5])
def test_as_the_sum_of_sums_is_that_of_the_samples(device, size):
    """`mse_loss` with `reduction="sum"` adds up to the loss of the epoch, whatever the sizes of the batches."""
    assert sum(loss.item() for loss, _ in losses(device, size, "sum")) / 5 == WHOLE


@fact("torch.nn.functional.mse_loss", "torch.utils.data.DataLoader")
def test_as_the_mean_of_equal_batches_is_that_of_their_samples(device):
    """A `DataLoader` with `drop_last=True` has equal batches: the mean of their losses is that of the samples kept."""
    values = [loss.item() for loss, _ in losses(device, 2, drop_last=True)]
    assert (values, sum(values) / len(values)) == ([1.0, 1.0], 1.0)


@fact("torch.eq", "torch.mean", hint="count right answers, and divide once by the number of samples")
def test_of_accuracy_is_a_count_of_samples(device):
    """The mean of the batches' accuracies by `torch.eq` is not the epoch's where the last batch is smaller."""
    right = torch.eq(torch.tensor([1, 1, 1, 1, 0], device=device), 1)
    parts = [torch.mean(part.float()) for part in right.split(4)]
    assert [part.item() for part in parts] == [1.0, 0.0]
    assert (sum(parts).item() / 2, right.sum().item() / 5) == (0.5, 0.8)


WEIGHTED = [(0, 3), (1, 1)]  # a batch of three of class 0, and one of a single sample of class 1


@fact("torch.nn.functional.cross_entropy", hint='use reduction="sum" and divide by the sum of the weights')
def test_with_class_weights_is_weighed_by_the_weights(device):
    """`cross_entropy` with class weights is a mean over weights: batches weighed by size do not give the epoch's."""
    weight = torch.tensor([1.0, 9.0], device=device)
    logits, labels = torch.tensor([[0.0, 2.0]] * 4, device=device), torch.tensor([0, 0, 0, 1], device=device)
    whole = nn.functional.cross_entropy(logits, labels, weight).item()
    parts = [nn.functional.cross_entropy(logits[s], labels[s], weight).item() for s in (slice(0, 3), slice(3, 4))]
    assert (3 * parts[0] + 9 * parts[1]) / 12 == pytest.approx(whole, rel=1e-6)
    assert abs((3 * parts[0] + 1 * parts[1]) / 4 - whole) > 0.5


@fact(
    "torch.nn.functional.cross_entropy",
    "torch.Tensor.backward",
    myth="gradient accumulation divides by the number of micro-batches",
    hint="divide the sum of losses by all tokens of all micro-batches",
)
def test_of_padded_sequences_is_over_the_tokens_that_count(device):
    """The mean of micro-batches' `cross_entropy` with padding weighs tokens of short sequences too much."""
    labels = torch.tensor([[0, 1, 0, 1], [1, -100, -100, -100]], device=device)

    def gradient(loss_of):
        logits = torch.zeros(2, 4, 2, device=device, requires_grad=True)
        loss_of(logits).backward()
        return logits.grad[1, 0, 1].item()

    def loss(logits, rows, reduction="mean"):
        return nn.functional.cross_entropy(logits[rows].flatten(0, 1), labels[rows].flatten(), reduction=reduction)

    assert gradient(lambda z: loss(z, slice(0, 2))) == pytest.approx(-0.5 / 5)
    assert gradient(lambda z: (loss(z, slice(0, 1)) + loss(z, slice(1, 2))) / 2) == pytest.approx(-0.5 / 2)
    sums = gradient(lambda z: (loss(z, slice(0, 1), "sum") + loss(z, slice(1, 2), "sum")) / 5)
    assert sums == pytest.approx(-0.5 / 5)


@fact("torch.optim.SGD.step", "torch.nn.functional.mse_loss")
def test_while_training_is_of_weights_that_move(device):
    """The mean `mse_loss` that an epoch of training saw is not that of the weights that it ended with."""
    model = line(0.0, device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.25)
    seen = []
    for _ in range(2):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(column(1.0, device=device)), column(4.0, device=device))
        loss.backward()
        optimizer.step()
        seen.append(loss.item())
    after = nn.functional.mse_loss(model(column(1.0, device=device)), column(4.0, device=device)).item()
    assert (seen, after) == ([16.0, 4.0], 1.0)


@fact("torch.optim.SGD.step", "torch.Tensor.backward", hint="step after the last micro-batch of the epoch, too")
def test_of_accumulated_batches_leaves_a_rest_unless_it_is_stepped(device):
    """Micro-batches that do not fill the last accumulation get no `step`: their gradient stays for the next epoch."""
    model = line(0.0, device)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    for i, x in enumerate([1.0, 2.0, 4.0]):
        model(column(x, device=device)).sum().backward()
        if (i + 1) % 2 == 0:
            optimizer.step()
            optimizer.zero_grad()
    same(model.weight.detach(), torch.tensor([[-3.0]]))
    same(model.weight.grad, torch.tensor([[4.0]]))


@fact("torch.nn.functional.mse_loss", "torch.Tensor.backward")
@pytest.mark.parametrize("n", [2, 8])
def test_as_a_sum_makes_a_gradient_that_grows_with_the_batch(device, n):
    """`mse_loss` with `reduction="sum"` has a gradient that grows with the batch, and with "mean" it does not."""
    gradients = {}
    for reduction in ("sum", "mean"):
        model = line(1.0, device)
        x = torch.ones(n, 1, device=device)
        nn.functional.mse_loss(model(x), 3 * x, reduction=reduction).backward()
        gradients[reduction] = model.weight.grad
    close(gradients["sum"], [[-4.0 * n]], roundings=2)
    close(gradients["mean"], [[-4.0]], roundings=2)
