"""Targets and outputs that a loss takes in silence, though they are not what was meant."""

import math

import pytest
import torch
from torch import nn

from torchproof import close, fact, same
from torchproof.suites.training.line import column, line

SHAPES = "reshape the target to the shape of the output: target.unsqueeze(1)"


def fitted(target, device, steps=60):
    """A line and its bias after steps of gradient descent on three points, by a loss written out by hand."""
    model = nn.Linear(1, 1, device=device)
    nn.init.zeros_(model.weight), nn.init.zeros_(model.bias)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.25)
    for _ in range(steps):
        optimizer.zero_grad()
        torch.mean((model(column(-1.0, 0.0, 1.0, device=device)) - target) ** 2).backward()
        optimizer.step()
    return torch.cat([model.weight.flatten(), model.bias]).detach()


@fact("torch.mean", "torch.Tensor.sub", "torch.Tensor.backward", hint=SHAPES, source="notes/broadcasting")
def test_in_a_row_teach_a_column_of_outputs_their_mean(device):
    """Outputs (N, 1) and targets (N,) broadcast in silence under `torch.mean` of squares: a model learns the mean."""
    wanted = torch.tensor([0.0, 2.0, 7.0], device=device)
    close(fitted(wanted, device), [0.0, 3.0], roundings=64, scale=4)
    close(fitted(wanted.unsqueeze(1), device), [3.5, 3.0], roundings=64, scale=4)


@fact("torch.Tensor.sub", "torch.mean", hint=SHAPES, source="notes/broadcasting")
def test_in_a_row_are_compared_with_every_output(device):
    """`outputs.sub(targets)` of shapes (N, 1) and (N,) is an (N, N) table, and not zero where every output is right."""
    y = torch.tensor([0.0, 2.0, 4.0], device=device)
    table = torch.Tensor.sub(y.unsqueeze(1), y)
    same(table, torch.tensor([[0.0, -2.0, -4.0], [2.0, 0.0, -2.0], [4.0, 2.0, 0.0]]))
    close(torch.mean(table**2), (4 + 16 + 4 + 4 + 16 + 4) / 9, roundings=4)


@fact("torch.nn.MSELoss", "torch.nn.L1Loss", "torch.nn.SmoothL1Loss", "torch.nn.HuberLoss", hint=SHAPES)
@pytest.mark.parametrize("name", ["MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss"])
def test_in_a_row_give_a_loss_that_right_outputs_do_not_bring_to_zero(device, name):
    """`MSELoss` and its like of right outputs (N, 1) and targets (N,) warn "Using a target size", and are not zero."""
    y = torch.tensor([0.0, 2.0], device=device)
    with pytest.warns(UserWarning, match="Using a target size"):
        wrong = getattr(nn, name)()(y.unsqueeze(1), y)
    right = getattr(nn, name)()(y.unsqueeze(1), y.unsqueeze(1))
    assert (wrong.item() > 0.5, right.item()) == (True, 0.0)


@fact("torch.eq", "torch.sum", hint="compare tensors of one shape", source="notes/broadcasting")
def test_in_a_row_count_an_accuracy_above_all(device):
    """`torch.eq` of predictions (N, 1) and labels (N,) compares N * N pairs, which can make an accuracy above 100 %."""
    labels = torch.tensor([1, 1, 1, 0], device=device)
    same(torch.sum(torch.eq(labels.unsqueeze(1), labels)), torch.tensor(10))
    same(torch.sum(torch.eq(labels, labels)), torch.tensor(4))


@fact("torch.squeeze", hint="squeeze(1) names the dimension")
@pytest.mark.parametrize(
    ("batch", "dim", "shape"), [(3, None, (3,)), (1, None, ()), (1, 1, (1,))], ids=["three", "one", "named"]
)
def test_squeezed_lose_the_batch_of_one(device, batch, dim, shape):
    """`squeeze()` of outputs (N, 1) takes the batch away from a last batch of one sample, `squeeze(1)` does not."""
    output = torch.ones(batch, 1, device=device)
    squeezed = torch.squeeze(output) if dim is None else torch.squeeze(output, dim)
    same(squeezed, torch.ones(shape))


# --- logits and probabilities -----------------------------------------------------------------------------------------


@fact(
    "torch.nn.CrossEntropyLoss",
    "torch.softmax",
    myth="a model for CrossEntropyLoss ends with a softmax",
    hint="give CrossEntropyLoss the logits",
)
@pytest.mark.parametrize("classes", [2, 10])
def test_as_probabilities_keep_cross_entropy_above_a_floor(device, classes):
    """`CrossEntropyLoss` behind a `softmax` is log(1 + (C - 1) / e), not 0, where the model is sure and right."""
    logits = torch.zeros(1, classes, device=device)
    logits[0, 0] = 200.0
    label = torch.tensor([0], device=device)
    floor = math.log(1 + (classes - 1) / math.e)
    close(nn.CrossEntropyLoss()(torch.softmax(logits, 1), label), floor, roundings=8, scale=3)
    assert nn.CrossEntropyLoss()(logits, label).item() == 0.0


@fact("torch.nn.CrossEntropyLoss", "torch.softmax", hint="give CrossEntropyLoss the logits")
def test_as_probabilities_give_a_sure_mistake_no_gradient(device):
    """A sure mistake gets no gradient from `CrossEntropyLoss` behind a softmax, and a full one from that of logits."""
    logits = torch.tensor([[200.0, 0.0]], device=device, requires_grad=True)
    label = torch.tensor([1], device=device)
    (behind,) = torch.autograd.grad(nn.CrossEntropyLoss()(torch.softmax(logits, 1), label), logits)
    (direct,) = torch.autograd.grad(nn.CrossEntropyLoss()(logits, label), logits)
    same(behind, torch.zeros(1, 2))
    same(direct, torch.tensor([[1.0, -1.0]]))


@fact("torch.nn.BCEWithLogitsLoss", "torch.sigmoid", hint="give BCEWithLogitsLoss the logits, or BCELoss the sigmoid")
def test_as_probabilities_keep_bce_with_logits_above_a_floor(device):
    """`BCEWithLogitsLoss` behind a `sigmoid` is log(1 + 1/e), not 0, for a positive sample the model is sure of."""
    one = torch.ones(1, device=device)
    close(nn.BCEWithLogitsLoss()(torch.sigmoid(200 * one), one), math.log(1 + 1 / math.e), roundings=8)
    assert nn.BCEWithLogitsLoss()(200 * one, one).item() == 0.0


@fact("torch.nn.NLLLoss", "torch.softmax", "torch.log_softmax", hint="NLLLoss wants log_softmax")
def test_as_probabilities_make_nll_negative(device):
    """`NLLLoss` of a `softmax` rather than a `log_softmax` is negative: minus the probability of the right class."""
    logits, label = torch.zeros(1, 4, device=device), torch.tensor([2], device=device)
    same(nn.NLLLoss()(torch.softmax(logits, 1), label), torch.tensor(-0.25))
    close(nn.NLLLoss()(torch.log_softmax(logits, 1), label), math.log(4), roundings=4)


@fact("torch.nn.CrossEntropyLoss", "torch.log_softmax")
def test_as_logarithms_of_probabilities_are_logits_too(device):
    """`CrossEntropyLoss` of a `log_softmax` is that of the logits but for rounding: a second one changes nothing."""
    logits = torch.tensor([[1.0, 2.0, 4.0]], device=device)
    label = torch.tensor([1], device=device)
    want = math.log(math.e**1 + math.e**2 + math.e**4) - 2
    close(nn.CrossEntropyLoss()(logits, label), want, roundings=8, scale=4)
    close(nn.CrossEntropyLoss()(torch.log_softmax(logits, 1), label), want, roundings=16, scale=4)


@fact(
    "torch.nn.CrossEntropyLoss",
    myth="CrossEntropyLoss with one output is binary classification",
    hint="BCEWithLogitsLoss for one output, or two outputs",
)
def test_of_one_class_are_always_right(device):
    """`CrossEntropyLoss` of a single output is 0 whatever it is, and gives no gradient: the model never learns."""
    logits = torch.tensor([[5.0], [-3.0]], device=device, requires_grad=True)
    loss = nn.CrossEntropyLoss()(logits, torch.tensor([0, 0], device=device))
    loss.backward()
    assert loss.item() == 0.0
    same(logits.grad, torch.zeros(2, 1))


@fact("torch.nn.CrossEntropyLoss", hint="initial loss = log(number of classes)")
@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_that_nothing_is_known_of_cost_the_logarithm_of_their_number(device, classes):
    """An untrained classifier of equal logits has a `CrossEntropyLoss` of log(C): 2.303 for ten classes."""
    logits = torch.zeros(4, classes, device=device)
    close(nn.CrossEntropyLoss()(logits, torch.tensor([0, 1, 0, 1], device=device)), math.log(classes), roundings=8)


@fact("torch.argmax", "torch.softmax")
def test_are_predicted_by_logits_as_by_probabilities(device):
    """`argmax` gives the same class of logits as of their `softmax`."""
    logits = torch.tensor([[1.0, 3.0, -2.0], [0.5, -1.0, 0.25]], device=device)
    same(torch.argmax(logits, 1), torch.tensor([1, 0]))
    same(torch.argmax(torch.softmax(logits, 1), 1), torch.tensor([1, 0]))


@fact("torch.sigmoid")
def test_of_two_classes_are_predicted_by_the_sign_of_the_logit(device):
    """`torch.sigmoid` is above 0.5 where the logit is above 0."""
    logits = torch.tensor([1.0, 3.0, -2.0, 0.5, -1.0, 0.25], device=device)
    same(torch.sigmoid(logits) > 0.5, torch.tensor([True, True, False, True, False, True]))


@fact("torch.argmax", hint="argmax(dim=1): the classes are in dimension 1")
def test_predicted_along_the_batch_are_samples(device):
    """`argmax(0)` of outputs (N, C) gives for each class a sample: C numbers, not N predictions."""
    output = torch.tensor([[1.0, 3.0], [0.5, -1.0], [4.0, 0.0]], device=device)
    same(torch.argmax(output, 0), torch.tensor([2, 0]))
    same(torch.argmax(output, 1), torch.tensor([1, 0, 0]))


@fact("torch.nn.MSELoss", "torch.nn.Linear")
def test_beyond_the_range_of_the_output_are_never_met(device):
    """A regression that ends with a `ReLU` cannot learn negative targets: once its output is 0 it gets no gradient."""
    model = nn.Sequential(line(-1.0, device), nn.ReLU())
    loss = nn.MSELoss()(model(column(2.0, device=device)), column(-3.0, device=device))
    loss.backward()
    assert loss.item() == 9.0
    same(model[0].weight.grad, torch.zeros(1, 1))
