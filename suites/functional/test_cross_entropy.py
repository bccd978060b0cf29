"""`cross_entropy` and `nll_loss`: classes, weights, shares, smoothing, what is ignored; others are in test_losses."""

import math

import numpy
import pytest
import torch
from torch.nn import functional

from torchproof import close, fact, same
from torchproof.suites.functional.reference import log_softmax

ROUNDINGS = 64  # of exponentials, their sum, its logarithm and a weighted mean
X = numpy.array([[0.5, -1.25, 2.0], [1.5, 0.25, -0.75], [-0.5, 1.0, 0.125], [2.0, -3.0, 0.75]])
Y = numpy.array([2, 0, 1, 0])
WEIGHT = numpy.array([0.5, 2.0, 1.25])
NAMES = ["nll_loss", "cross_entropy"]

of_both = pytest.mark.parametrize("name", NAMES)
both = fact(*(f"torch.nn.functional.{name}" for name in NAMES))


def reference(name, x, y, weight=WEIGHT, ignored=None):
    """The losses of each sample, and how much each counts."""
    taken = (log_softmax(x) if name == "cross_entropy" else x)[range(len(x)), y]
    share = weight[y] * (y != ignored)
    return -share * taken, share


def smoothed(x, y, smoothing, weight):
    """Cross entropy with the target moved towards equal shares, as the documentation gives it."""
    shares = (1 - smoothing) * numpy.eye(x.shape[1])[y] + smoothing / x.shape[1]
    return -(shares * weight * log_softmax(x)).sum(-1)


@both
@of_both
@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
def test_weighs_each_class(device, name, reduction):
    """`nll_loss` and `cross_entropy` take each sample times the weight of its class, and its mean by these weights."""
    x, y, weight = (torch.tensor(each, device=device) for each in (X, Y, WEIGHT))
    losses, share = reference(name, X, Y)
    want = {"none": losses, "sum": losses.sum(), "mean": losses.sum() / share.sum()}[reduction]
    got = getattr(functional, name)(x, y, weight=weight, reduction=reduction)
    assert got.dtype == torch.float64
    close(got, want, roundings=ROUNDINGS, scale=8)


@both
@of_both
@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
def test_leaves_out_what_it_ignores(device, name, reduction):
    """`nll_loss` and `cross_entropy` give a sample of class `ignore_index` no loss and no part in the mean."""
    x, y, weight = (torch.tensor(each, device=device) for each in (X, Y, WEIGHT))
    losses, share = reference(name, X, Y, ignored=0)
    want = {"none": losses, "sum": losses.sum(), "mean": losses.sum() / share.sum()}[reduction]
    got = getattr(functional, name)(x, y, weight=weight, ignore_index=0, reduction=reduction)
    assert got.dtype == torch.float64
    close(got, want, roundings=ROUNDINGS, scale=8)


@both
@of_both
def test_ignores_minus_a_hundred_by_default(device, name):
    """`nll_loss` and `cross_entropy` leave out the samples of class -100 by default, which is `ignore_index`."""
    loss = getattr(functional, name)(torch.tensor(X, device=device), torch.tensor([2, -100, 1, -100], device=device))
    close(loss, reference(name, X[::2], Y[::2], 0 * WEIGHT + 1)[0].mean(), roundings=ROUNDINGS)


@both
@of_both
def test_gives_what_it_ignores_no_gradient(device, name):
    """`nll_loss` and `cross_entropy` give the samples that they ignore a gradient of zero, and the others theirs."""
    x = torch.tensor(X, device=device, requires_grad=True)
    getattr(functional, name)(x, torch.tensor([2, -100, 1, -100], device=device)).backward()
    assert (x.grad == 0).all(1).tolist() == [False, True, False, True]


@both
@of_both
def test_of_ignored_samples_alone_is_nan(device, name):
    """The mean of `nll_loss` and `cross_entropy` is NaN where every sample is ignored, and the sum is 0."""
    x, y = torch.tensor(X, device=device), torch.full((4,), -100, device=device)
    same(getattr(functional, name)(x, y), torch.tensor(math.nan, dtype=torch.float64))
    same(getattr(functional, name)(x, y, reduction="sum"), torch.tensor(0.0, dtype=torch.float64))


@both
@of_both
def test_has_its_classes_in_dimension_one(device, name):
    """`nll_loss` and `cross_entropy` of images have the classes in dimension 1, and give a loss for each place."""
    image = numpy.moveaxis(X.reshape(2, 2, 3), -1, 1)
    got = getattr(functional, name)(
        torch.tensor(image, device=device), torch.tensor(Y.reshape(2, 2), device=device), reduction="none"
    )
    assert got.dtype == torch.float64
    close(got, reference(name, X, Y, 0 * WEIGHT + 1)[0].reshape(2, 2), roundings=ROUNDINGS)


@both
@of_both
def test_takes_one_sample_without_a_batch(device, name):
    """`nll_loss` and `cross_entropy` of a vector of classes and a class give the loss of this one sample."""
    got = getattr(functional, name)(torch.tensor(X[3], device=device), torch.tensor(0, device=device))
    assert got.dtype == torch.float64
    close(got, reference(name, X[3:], Y[3:], 0 * WEIGHT + 1)[0][0], roundings=ROUNDINGS)


@both
@of_both
@pytest.mark.parametrize("target", [3, -1])
def test_refuses_a_class_that_does_not_exist(name, target):
    """`nll_loss` and `cross_entropy` on the CPU refuse a class that does not exist: "Target 3 is out of bounds"."""
    with pytest.raises(IndexError, match=f"Target {target} is out of bounds"):
        getattr(functional, name)(torch.tensor(X), torch.tensor([0, 1, 2, target]))


@both
@of_both
@pytest.mark.parametrize("dtype", [torch.int32, torch.int16, torch.bool])
def test_refuses_classes_of_another_dtype(device, name, dtype):
    """`nll_loss` and `cross_entropy` refuse classes that are neither int64, which is Long, nor uint8."""
    with pytest.raises(RuntimeError, match="to be Long|type Long|not implemented for"):
        getattr(functional, name)(torch.tensor(X, device=device), torch.tensor(Y, device=device).to(dtype))


@both
@of_both
def test_refuses_another_number_of_targets(device, name):
    """`nll_loss` and `cross_entropy` refuse too few classes: "Expected input batch_size (4) to match target"."""
    with pytest.raises(ValueError, match=r"Expected input batch_size \(4\) to match target batch_size \(3\)"):
        getattr(functional, name)(torch.tensor(X, device=device), torch.tensor(Y[:3], device=device))


@both
@of_both
def test_refuses_another_number_of_weights(device, name):
    """`nll_loss`, `cross_entropy` need a weight a class: "weight tensor should be defined either for all"."""
    with pytest.raises(RuntimeError, match="weight tensor should be defined either for all"):
        getattr(functional, name)(
            torch.tensor(X, device=device),
            torch.tensor(Y, device=device),
            weight=torch.ones(2, dtype=torch.float64, device=device),
        )


@both
@of_both
def test_has_the_gradient_of_a_weighted_mean(device, name):
    """The gradient of `cross_entropy` is softmax less one-hot, of `nll_loss` minus one-hot, times a weight's share."""
    x = torch.tensor(X, device=device, requires_grad=True)
    getattr(functional, name)(x, torch.tensor(Y, device=device), weight=torch.tensor(WEIGHT, device=device)).backward()
    share, hot = (WEIGHT[Y] / WEIGHT[Y].sum())[:, None], numpy.eye(3)[Y]
    want = share * (numpy.exp(log_softmax(X)) - hot) if name == "cross_entropy" else -share * hot
    close(x.grad, want, roundings=ROUNDINGS, scale=1)


@fact("torch.nn.functional.nll_loss", myth="nll_loss takes the logarithm itself")
def test_of_nll_loss_takes_logarithms_as_they_are(device):
    """`nll_loss` gives minus the number of each class: it takes no logarithm itself."""
    x = torch.tensor([[0.25, 0.75], [0.5, -0.5]], device=device)
    same(functional.nll_loss(x, torch.tensor([1, 0], device=device), reduction="none"), torch.tensor([-0.75, -0.5]))


@fact("torch.nn.functional.cross_entropy", myth="cross_entropy wants the output of softmax")
def test_takes_logits(device):
    """`cross_entropy` takes logits: a number added to all of a sample's changes nothing."""
    got = functional.cross_entropy(torch.tensor(X + 4.0, device=device), torch.tensor(Y, device=device))
    assert got.dtype == torch.float64
    close(got, -log_softmax(X)[range(4), Y].mean(), roundings=ROUNDINGS, scale=8)


@fact("torch.nn.functional.cross_entropy")
def test_does_not_overflow(device):
    """`cross_entropy` of logits 1000 apart is 1000 or 0, with gradients of 1, -1 and 0: it does not overflow."""
    x = torch.tensor([[1000.0, 0.0], [0.0, -1000.0]], device=device, requires_grad=True)
    y = functional.cross_entropy(x, torch.tensor([1, 0], device=device), reduction="none")
    same(y, torch.tensor([1000.0, 0.0]))
    y.sum().backward()
    same(x.grad, torch.tensor([[1.0, -1.0], [0.0, 0.0]]))


@fact("torch.nn.functional.cross_entropy")
def test_gives_zero_for_a_class_of_minus_infinity(device):
    """`cross_entropy` leaves a logit of minus infinity out of the sum, and is infinite for its own class."""
    x = torch.tensor([[0.0, -math.inf], [0.0, -math.inf]], device=device)
    y = functional.cross_entropy(x, torch.tensor([0, 1], device=device), reduction="none")
    same(y, torch.tensor([0.0, math.inf]))


@fact("torch.nn.functional.cross_entropy", source="generated/torch.nn.CrossEntropyLoss")
@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@pytest.mark.parametrize("smoothing", [0.0, 0.25, 1.0])
def test_smooths_its_target(device, smoothing, reduction):
    """`cross_entropy` with `label_smoothing` moves that share of the target to all classes alike, weighted each."""
    x, y, weight = (torch.tensor(each, device=device) for each in (X, Y, WEIGHT))
    got = functional.cross_entropy(x, y, weight=weight, label_smoothing=smoothing, reduction=reduction)
    losses = smoothed(X, Y, smoothing, WEIGHT)
    want = {"none": losses, "sum": losses.sum(), "mean": losses.sum() / WEIGHT[Y].sum()}[reduction]
    assert got.dtype == torch.float64
    close(got, want, roundings=ROUNDINGS, scale=8)


@fact("torch.nn.functional.cross_entropy")
def test_does_not_smooth_what_it_ignores(device):
    """`cross_entropy` with `label_smoothing` gives an ignored sample no loss."""
    y = functional.cross_entropy(
        torch.tensor(X, device=device),
        torch.tensor(Y, device=device),
        ignore_index=0,
        label_smoothing=0.5,
        reduction="none",
    )
    close(y, numpy.where(Y == 0, 0.0, smoothed(X, Y, 0.5, 1.0)), roundings=ROUNDINGS, scale=8)


@fact("torch.nn.functional.cross_entropy")
def test_refuses_a_smoothing_above_one(device):
    """`cross_entropy` refuses a `label_smoothing` above 1: it "must be between 0.0 and 1.0"."""
    with pytest.raises(RuntimeError, match="label_smoothing must be between 0.0 and 1.0"):
        functional.cross_entropy(torch.tensor(X, device=device), torch.tensor(Y, device=device), label_smoothing=1.5)


@fact("torch.nn.functional.cross_entropy", source="generated/torch.nn.CrossEntropyLoss")
def test_of_one_hot_shares_is_that_of_classes(device):
    """`cross_entropy` of one-hot shares is that of the classes, except that weights do not enter its mean."""
    x, weight = torch.tensor(X, device=device), torch.tensor(WEIGHT, device=device)
    got = functional.cross_entropy(x, torch.tensor(numpy.eye(3)[Y], device=device), weight=weight)
    assert got.dtype == torch.float64
    close(got, reference("cross_entropy", X, Y)[0].sum() / 4, roundings=ROUNDINGS, scale=8)


@fact("torch.nn.functional.cross_entropy")
def test_smooths_shares_too(device):
    """`cross_entropy` with `label_smoothing` of target shares moves that part of them to all classes alike."""
    shares = numpy.array([[0.25, 0.5, 0.25], [1.0, 0.0, 0.0], [0.5, 0.0, 0.5], [0.125, 0.875, 0.0]])
    got = functional.cross_entropy(
        torch.tensor(X, device=device), torch.tensor(shares, device=device), label_smoothing=0.5, reduction="none"
    )
    assert got.dtype == torch.float64
    close(got, -((shares / 2 + 1 / 6) * log_softmax(X)).sum(-1), roundings=ROUNDINGS, scale=8)


@fact("torch.nn.functional.cross_entropy")
def test_hands_a_gradient_to_shares(device):
    """The gradient of `cross_entropy` for target shares is minus the `log_softmax` of the input."""
    shares = torch.full((4, 3), 0.25, dtype=torch.float64, device=device, requires_grad=True)
    functional.cross_entropy(torch.tensor(X, device=device), shares, reduction="sum").backward()
    close(shares.grad, -log_softmax(X), roundings=ROUNDINGS, scale=8)


@fact("torch.nn.functional.cross_entropy")
def test_refuses_to_ignore_a_class_of_shares(device):
    """`cross_entropy` of a target of shares: "ignore_index is not supported for floating point target"."""
    with pytest.raises(RuntimeError, match="ignore_index is not supported for floating point target"):
        functional.cross_entropy(
            torch.tensor(X, device=device), torch.tensor(numpy.eye(3)[Y], device=device), ignore_index=0
        )


@fact("torch.nn.functional.cross_entropy", hint="a target of classes is int64; one of shares has the input's shape")
def test_takes_floats_of_the_input_s_shape_only(device):
    """`cross_entropy` refuses classes that are floating-point numbers: "expected scalar type Long but found Double"."""
    with pytest.raises(RuntimeError, match="to be Long|type Long"):
        functional.cross_entropy(torch.tensor(X, device=device), torch.tensor(Y, device=device).double())


@fact("torch.nn.functional.cross_entropy", myth="integers of the input's shape are taken as one-hot shares")
def test_refuses_integer_shares(device):
    """`cross_entropy` refuses integers of the input's shape: "Expected floating point type for target"."""
    with pytest.raises(RuntimeError, match="Expected floating point type for target with class probabilities"):
        functional.cross_entropy(torch.tensor(X, device=device), torch.tensor(numpy.eye(3)[Y], device=device).long())


@fact("torch.nn.functional.cross_entropy")
def test_keeps_a_reduced_dtype(device):
    """`cross_entropy` of bfloat16 logits is bfloat16, near to that of float64."""
    y = functional.cross_entropy(torch.tensor(X, device=device).bfloat16(), torch.tensor(Y, device=device))
    assert y.dtype == torch.bfloat16
    close(y, -log_softmax(X)[range(4), Y].mean(), roundings=16, scale=4)
