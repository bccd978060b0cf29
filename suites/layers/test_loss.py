"""Layers of loss by their formulas, options and refusals; the functions are in functional.losses and cross_entropy."""

import math

import numpy
import pytest
import torch
from torch import nn

from torchproof import close, fact, same
from torchproof.suites.layers.reference import follows, fractions

A, B, C = (fractions(4, 3, seed=seed) for seed in range(3))
SHARES = (A + 2.5) / 5  # between 0 and 1
BITS = numpy.array([[0, 1, 1], [1, 0, 1], [1, 1, 0], [0, 0, 1]])
SIGNS = numpy.array([[1, -1, 1], [-1, 1, 1], [-1, -1, 1], [1, 1, -1]])
CLASSES = numpy.array([2, 0, 1, 2])
WEIGHT = [0.5, 2.0, 1.5]


def weighed(*values):
    return torch.tensor(values or WEIGHT, dtype=torch.float64)


def log_softmax(x):
    return x - numpy.log(numpy.exp(x).sum(1, keepdims=True))


def cross_entropy(weight):
    weight = numpy.array(weight)[CLASSES]
    return lambda x: -weight * log_softmax(x)[range(4), CLASSES]


def binary(p, y):
    return -(y * numpy.log(p) + (1 - y) * numpy.log(1 - p))


def sigmoid(x):
    return 1 / (1 + numpy.exp(-x))


def softplus(x):
    return numpy.log(1 + numpy.exp(x))


def cosine(a, b):
    return (a * b).sum(1) / numpy.sqrt(((a**2).sum(1) + 1e-12) * ((b**2).sum(1) + 1e-12))


def margins(x, power=1, margin=1.0, weight=(1, 1, 1)):
    """Of `MultiMarginLoss`: what each other class comes nearer to the right one than the margin, over the classes."""
    right = x[range(4), CLASSES][:, None]
    terms = numpy.array(weight)[CLASSES][:, None] * numpy.maximum(0, margin - right + x) ** power
    terms[range(4), CLASSES] = 0
    return terms.sum(1) / 3


RIGHT = numpy.array(
    [[1, 0, -1], [2, -1, 1], [0, 1, 2], [-1, 2, 2]]
)  # the classes up to the first -1 are the right ones


def multi_label_margins(x):
    rows = []
    for row, labels in zip(x, RIGHT.tolist()):
        right = labels[: labels.index(-1)] if -1 in labels else labels
        others = [place for place in range(3) if place not in right]
        rows.append(sum(max(0, 1 - (row[good] - row[bad])) for good in right for bad in others) / 3)
    return numpy.array(rows)


def huber(d, delta):
    return numpy.where(abs(d) < delta, d**2 / 2, delta * (abs(d) - delta / 2))


def distance(a, b, power=2.0, eps=1e-6):
    return (abs(a - b + eps) ** power).sum(-1) ** (1 / power)


def triplet(a, b, c, margin=1.0, power=2.0, swap=False):
    far = distance(a, c, power)
    far = numpy.minimum(far, distance(b, c, power)) if swap else far
    return numpy.maximum(0, distance(a, b, power) - far + margin)


LOSSES = {  # how it is made of a reduction, of what, and each sample's or element's formula
    "torch.nn.BCELoss": (
        lambda r: nn.BCELoss(weighed(), reduction=r),
        (SHARES, BITS * 0.9),
        lambda p, y: binary(p, y) * WEIGHT,
    ),
    "torch.nn.BCEWithLogitsLoss": (
        lambda r: nn.BCEWithLogitsLoss(weighed(), pos_weight=weighed(3.0, 0.25, 2.0), reduction=r),
        (A, BITS * 0.9),
        lambda x, y: (y * [3, 0.25, 2] * softplus(-x) + (1 - y) * softplus(x)) * WEIGHT,
    ),
    "torch.nn.CosineEmbeddingLoss": (
        lambda r: nn.CosineEmbeddingLoss(margin=-0.5, reduction=r),
        (A, B, SIGNS[:, 0]),
        lambda a, b, y: numpy.where(y == 1, 1 - cosine(a, b), numpy.maximum(0, cosine(a, b) + 0.5)),
    ),
    "torch.nn.GaussianNLLLoss": (
        lambda r: nn.GaussianNLLLoss(full=True, reduction=r),
        (A, B, SHARES),
        lambda x, y, variance: (numpy.log(variance) + (x - y) ** 2 / variance + math.log(2 * math.pi)) / 2,
    ),
    "torch.nn.HingeEmbeddingLoss": (
        lambda r: nn.HingeEmbeddingLoss(margin=0.75, reduction=r),
        (A, SIGNS),
        lambda x, y: numpy.where(y == 1, x, numpy.maximum(0, 0.75 - x)),
    ),
    "torch.nn.HuberLoss": (lambda r: nn.HuberLoss(delta=0.75, reduction=r), (A, B), lambda x, y: huber(x - y, 0.75)),
    "torch.nn.KLDivLoss": (lambda r: nn.KLDivLoss(reduction=r), (A, SHARES), lambda x, y: y * (numpy.log(y) - x)),
    "torch.nn.L1Loss": (lambda r: nn.L1Loss(reduction=r), (A, B), lambda x, y: abs(x - y)),
    "torch.nn.MSELoss": (lambda r: nn.MSELoss(reduction=r), (A, B), lambda x, y: (x - y) ** 2),
    "torch.nn.MarginRankingLoss": (
        lambda r: nn.MarginRankingLoss(margin=0.75, reduction=r),
        (A, B, SIGNS),
        lambda a, b, y: numpy.maximum(0, -y * (a - b) + 0.75),
    ),
    "torch.nn.MultiLabelMarginLoss": (
        lambda r: nn.MultiLabelMarginLoss(reduction=r), (A, RIGHT), lambda x, y: multi_label_margins(x),
    ),
    "torch.nn.MultiLabelSoftMarginLoss": (
        lambda r: nn.MultiLabelSoftMarginLoss(weighed(), reduction=r),
        (A, BITS * 0.9),
        lambda x, y: (binary(sigmoid(x), y) * WEIGHT).mean(1),
    ),
    "torch.nn.MultiMarginLoss": (
        lambda r: nn.MultiMarginLoss(p=2, margin=0.75, weight=weighed(), reduction=r),
        (A, CLASSES),
        lambda x, y: margins(x, 2, 0.75, WEIGHT),
    ),
    "torch.nn.PoissonNLLLoss": (
        lambda r: nn.PoissonNLLLoss(reduction=r), (A, SHARES * 9), lambda x, y: numpy.exp(x) - y * x,
    ),
    "torch.nn.SmoothL1Loss": (
        lambda r: nn.SmoothL1Loss(beta=0.75, reduction=r), (A, B), lambda x, y: huber(x - y, 0.75) / 0.75,
    ),
    "torch.nn.SoftMarginLoss": (
        lambda r: nn.SoftMarginLoss(reduction=r), (A, SIGNS), lambda x, y: softplus(-y * x),
    ),
    "torch.nn.TripletMarginLoss": (
        lambda r: nn.TripletMarginLoss(margin=2.5, p=3.0, reduction=r),
        (A, B, C),
        lambda a, b, c: triplet(a, b, c, 2.5, 3.0),
    ),
    "torch.nn.TripletMarginWithDistanceLoss": (
        lambda r: nn.TripletMarginWithDistanceLoss(margin=2.5, swap=True, reduction=r),
        (A, B, C),
        lambda a, b, c: triplet(a, b, c, 2.5, swap=True),
    ),
}  # fmt: skip
REDUCTIONS = {"none": lambda terms: terms, "sum": numpy.sum, "mean": numpy.mean}


@fact(*LOSSES)
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("name", LOSSES)
def test_is_its_formula_reduced(device, name, reduction):
    """`MSELoss`, `BCELoss` etc. give their formula for each element or sample, or its sum or mean, gradients too."""
    layer, inputs, formula = LOSSES[name]
    follows(device, layer(reduction), lambda *of: REDUCTIONS[reduction](formula(*of)), *inputs)


@fact(*LOSSES)
@pytest.mark.parametrize("name", LOSSES)
def test_takes_the_mean_by_default(device, name):
    """`MSELoss`, `BCELoss` and other losses take the mean unless they are told a `reduction`."""
    inputs = [torch.tensor(array, device=device) for array in LOSSES[name][1]]
    layer = getattr(nn, name.rpartition(".")[2])
    terms = layer(reduction="none")(*inputs)
    y = layer()(*inputs)
    assert y.dtype == torch.float64
    close(y, terms.cpu().numpy().mean(), roundings=64, scale=16)


@fact("torch.nn.CrossEntropyLoss", "torch.nn.NLLLoss")
@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@pytest.mark.parametrize("kind", ["CrossEntropyLoss", "NLLLoss"])
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighed"])
def test_of_classes_is_the_log_likelihood_of_the_right_one(device, kind, weight, reduction):
    """`CrossEntropyLoss` and `NLLLoss` give minus the logarithm of the right class; their mean is a weighted one."""
    weights = numpy.array(weight or [1.0, 1.0, 1.0])[CLASSES]

    def formula(x, y):
        terms = -weights * (log_softmax(x) if kind == "CrossEntropyLoss" else x)[range(4), CLASSES]
        return terms.sum() / weights.sum() if reduction == "mean" else REDUCTIONS[reduction](terms)

    layer = getattr(nn, kind)(weight and weighed(*weight), reduction=reduction)
    follows(device, layer, formula, A, CLASSES)


@fact("torch.nn.CrossEntropyLoss", "torch.nn.NLLLoss")
@pytest.mark.parametrize("kind", ["CrossEntropyLoss", "NLLLoss"])
def test_of_classes_takes_them_in_the_second_dimension(device, kind):
    """`CrossEntropyLoss` and `NLLLoss` take classes in the second dimension, and all that follow as places."""
    x, y = fractions(2, 3, 2, 2), numpy.array([[[0, 1], [2, 2]], [[1, 1], [0, 2]]])

    def formula(x, y):
        logs = log_softmax(x) if kind == "CrossEntropyLoss" else x
        return -numpy.take_along_axis(logs, y[:, None], 1)[:, 0]

    follows(device, getattr(nn, kind)(reduction="none"), formula, x, y)


@fact("torch.nn.CrossEntropyLoss", "torch.nn.NLLLoss", myth="an ignored target counts as a loss of zero in the mean")
@pytest.mark.parametrize("kind", ["CrossEntropyLoss", "NLLLoss"])
@pytest.mark.parametrize("ignored", [-100, 1])
def test_of_classes_leaves_the_ignored_one_out(device, kind, ignored):
    """Ignored labels (`ignore_index`, -100) do not count in the mean of `CrossEntropyLoss` and `NLLLoss`, grads too."""
    options = {"ignore_index": ignored} if ignored != -100 else {}
    y = numpy.array([2, ignored, ignored, 0])

    def formula(x, y):
        logs = log_softmax(x) if kind == "CrossEntropyLoss" else x
        return -(logs[0, 2] + logs[3, 0]) / 2

    follows(device, getattr(nn, kind)(**options), formula, A, y)


@fact("torch.nn.CrossEntropyLoss", "torch.nn.NLLLoss")
@pytest.mark.parametrize("kind", ["CrossEntropyLoss", "NLLLoss"])
def test_of_classes_that_are_all_ignored_is_nan(device, kind):
    """The mean of `CrossEntropyLoss` or `NLLLoss` over samples that are all ignored, `ignore_index`, is NaN."""
    x, y = torch.tensor(A, device=device), torch.full((4,), -100, device=device)
    same(getattr(nn, kind)()(x, y), torch.tensor(math.nan, dtype=torch.float64))


@fact("torch.nn.CrossEntropyLoss", "torch.nn.NLLLoss")
@pytest.mark.parametrize("kind", ["CrossEntropyLoss", "NLLLoss"])
def test_sum_over_classes_that_are_all_ignored_is_zero(device, kind):
    """`CrossEntropyLoss` and `NLLLoss` with `reduction="sum"` are zero for samples that are all ignored."""
    x, y = torch.tensor(A, device=device), torch.full((4,), -100, device=device)
    same(getattr(nn, kind)(reduction="sum")(x, y), torch.tensor(0.0, dtype=torch.float64))


@fact("torch.nn.CrossEntropyLoss")
@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
def test_cross_entropy_smooths_its_labels(device, reduction):
    """`CrossEntropyLoss(label_smoothing=0.2)` takes that share from the right class, and divides it among all."""
    shares = 0.2 / 3 + 0.8 * numpy.eye(3)[CLASSES]
    formula = lambda x, y: REDUCTIONS[reduction](-(shares * log_softmax(x)).sum(1))  # noqa: E731
    follows(device, nn.CrossEntropyLoss(label_smoothing=0.2, reduction=reduction), formula, A, CLASSES)


@fact("torch.nn.CrossEntropyLoss", myth="the target of cross-entropy is always a class")
def test_cross_entropy_takes_probabilities(device):
    """`CrossEntropyLoss` takes a target of probabilities, over whose samples it takes the plain mean."""
    formula = lambda x, y: -(y * log_softmax(x) * WEIGHT).sum(1).mean()  # noqa: E731
    follows(device, nn.CrossEntropyLoss(weighed()), formula, A, SHARES)


@fact("torch.nn.CrossEntropyLoss", myth="cross-entropy takes the output of a softmax layer")
def test_cross_entropy_normalises_by_itself(device):
    """`CrossEntropyLoss` of a softmax is not that of its logits: it takes the softmax by itself."""
    x, y = torch.tensor([[0.0, math.log(3)]], dtype=torch.float64, device=device), torch.tensor([1], device=device)
    close(nn.CrossEntropyLoss()(x, y), math.log(4 / 3), roundings=8)
    close(nn.CrossEntropyLoss()(x.softmax(1), y), math.log(1 + math.exp(-0.5)), roundings=8)


@fact("torch.nn.CrossEntropyLoss", "torch.nn.NLLLoss")
@pytest.mark.cpu
@pytest.mark.parametrize("kind", ["CrossEntropyLoss", "NLLLoss"])
@pytest.mark.parametrize("label", [-1, 3])
def test_of_classes_refuses_a_label_out_of_range(kind, label):
    """`CrossEntropyLoss` and `NLLLoss` on the CPU refuse a label that is no class: "Target 3 is out of bounds"."""
    with pytest.raises(IndexError, match=rf"Target {label} is out of bounds"):
        getattr(nn, kind)()(torch.ones(1, 3), torch.tensor([label]))


@fact("torch.nn.CrossEntropyLoss", "torch.nn.NLLLoss")
@pytest.mark.parametrize("kind", ["CrossEntropyLoss", "NLLLoss"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.int32, torch.bool])
def test_of_classes_refuses_labels_of_another_dtype(device, kind, dtype):
    """`CrossEntropyLoss` and `NLLLoss` refuse classes of float32, int32 or bool: "expected … Long", which is int64."""
    with pytest.raises(RuntimeError, match="expected (scalar type|target dtype to be) Long|not implemented for"):
        getattr(nn, kind)()(torch.ones(2, 3, device=device), torch.tensor([1, 0], device=device).to(dtype))


@fact("torch.nn.CrossEntropyLoss", "torch.nn.NLLLoss")
@pytest.mark.parametrize("kind", ["CrossEntropyLoss", "NLLLoss"])
def test_of_classes_refuses_another_batch_size(device, kind):
    """`CrossEntropyLoss` and `NLLLoss` refuse too few labels: "Expected input batch_size (4) to match target"."""
    with pytest.raises(ValueError, match=r"Expected input batch_size \(4\) to match target batch_size \(2\)"):
        getattr(nn, kind)()(torch.ones(4, 3, device=device), torch.tensor([1, 0], device=device))


@fact("torch.nn.CrossEntropyLoss")
def test_cross_entropy_of_huge_logits_is_finite(device):
    """`CrossEntropyLoss` of logits 1e4 apart is 1e4 for the lower class and 0 for the higher: it does not overflow."""
    x = torch.tensor([[1e4, 0.0], [0.0, 1e4]], device=device)
    same(nn.CrossEntropyLoss(reduction="none")(x, torch.tensor([1, 1], device=device)), torch.tensor([1e4, 0.0]))


@fact("torch.nn.BCEWithLogitsLoss", "torch.nn.BCELoss")
def test_bce_of_logits_is_finite_where_that_of_a_sigmoid_is_cut(device):
    """`BCEWithLogitsLoss` of huge wrong logits is their size, where `BCELoss` of their sigmoid is cut at 100."""
    x, y = torch.tensor([-500.0, 500.0], device=device), torch.tensor([1.0, 0.0], device=device)
    same(nn.BCEWithLogitsLoss(reduction="none")(x, y), torch.tensor([500.0, 500.0]))
    same(nn.BCELoss(reduction="none")(x.sigmoid(), y), torch.tensor([100.0, 100.0]))


@fact("torch.nn.BCELoss")
@pytest.mark.cpu
@pytest.mark.parametrize("number", [-0.1, 1.1])
def test_bce_refuses_what_is_no_probability(number):
    """`BCELoss` on the CPU refuses an input that is not "between 0 and 1"."""
    with pytest.raises(RuntimeError, match="all elements of input should be between 0 and 1"):
        nn.BCELoss()(torch.tensor([number]), torch.tensor([1.0]))


@fact("torch.nn.BCELoss", "torch.nn.BCEWithLogitsLoss")
@pytest.mark.parametrize("kind", ["BCELoss", "BCEWithLogitsLoss"])
def test_bce_refuses_a_target_of_another_shape(device, kind):
    """`BCELoss` and `BCEWithLogitsLoss` refuse a target of another shape instead of broadcasting it."""
    with pytest.raises(ValueError, match="[Tt]arget size .* (to the|must be the same as) input size"):
        getattr(nn, kind)()(torch.full((4, 1), 0.5, device=device), torch.ones(4, device=device))


@fact("torch.nn.KLDivLoss", myth="KLDivLoss divides by the batch size")
def test_kl_divergence_of_a_batch_is_divided_by_its_size(device):
    """`KLDivLoss(reduction="batchmean")` divides the sum by the number of samples."""
    formula = lambda x, y: (y * (numpy.log(y) - x)).sum() / 4  # noqa: E731
    follows(device, nn.KLDivLoss(reduction="batchmean"), formula, A, SHARES)


@fact("torch.nn.KLDivLoss", hint='reduction="batchmean"')
def test_kl_divergence_warns_of_its_mean(device):
    """`KLDivLoss` with the mean, its default, warns that it divides by "both the batch size and the support size"."""
    x, y = torch.tensor([[-2.0, -1.0]], device=device), torch.tensor([[1.0, 1.0]], device=device)
    with pytest.warns(UserWarning, match="divides the total loss by both the batch size and the support size"):
        same(nn.KLDivLoss()(x, y), torch.tensor(1.5))


@fact("torch.nn.KLDivLoss")
def test_kl_divergence_takes_logarithms_of_targets(device):
    """`KLDivLoss(log_target=True)` takes the target as logarithms, as it takes its input."""
    formula = lambda x, y: numpy.exp(y) * (y - x)  # noqa: E731
    follows(device, nn.KLDivLoss(reduction="none", log_target=True), formula, A, B)


@fact("torch.nn.KLDivLoss")
def test_kl_divergence_of_a_target_of_zero_is_zero(device):
    """`KLDivLoss` is zero where the target is zero and the input is finite."""
    x, y = torch.tensor([-2.0, -3.0], device=device), torch.tensor([0.0, 1.0], device=device)
    same(nn.KLDivLoss(reduction="none")(x, y), torch.tensor([0.0, 3.0]))


@fact("torch.nn.PoissonNLLLoss")
@pytest.mark.parametrize("full", [False, True], ids=["short", "full"])
def test_poisson_may_take_rates(device, full):
    """`PoissonNLLLoss(log_input=False)` takes rates; `full` adds Stirling's term where the target exceeds one."""

    def formula(x, y):
        stirling = y * numpy.log(y) - y + numpy.log(2 * math.pi * y) / 2
        return x - y * numpy.log(x + 0.25) + full * numpy.where(y > 1, stirling, 0)

    layer = nn.PoissonNLLLoss(log_input=False, full=full, eps=0.25, reduction="none")
    follows(device, layer, formula, SHARES, SHARES * 9)


@fact("torch.nn.GaussianNLLLoss")
def test_gaussian_keeps_its_variance_above_eps(device):
    """`GaussianNLLLoss` takes `eps` for a variance that is smaller."""
    x, y, variance = (torch.tensor([value], dtype=torch.float64, device=device) for value in (1.0, 2.0, 0.0))
    close(nn.GaussianNLLLoss(eps=0.5)(x, y, variance), (math.log(0.5) + 1 / 0.5) / 2, roundings=8)


@fact("torch.nn.GaussianNLLLoss")
def test_gaussian_refuses_a_negative_variance(device):
    """`GaussianNLLLoss` refuses a negative variance: "var has negative entry"."""
    x = torch.ones(2, device=device)
    with pytest.raises(ValueError, match="var has negative entry"):
        nn.GaussianNLLLoss()(x, x, -x)


@fact("torch.nn.HuberLoss", "torch.nn.SmoothL1Loss")
@pytest.mark.parametrize(
    ("layer", "want"),
    [(nn.HuberLoss(delta=2.0), [0.5, 2.0, 6.0]), (nn.SmoothL1Loss(beta=2.0), [0.25, 1.0, 3.0])],
    ids=["HuberLoss", "SmoothL1Loss"],
)
def test_huber_is_smooth_l1_times_its_bound(device, layer, want):
    """`HuberLoss(delta=2.0)` is twice `SmoothL1Loss(beta=2.0)`: half the square, and from 2 on a line."""
    x = torch.tensor([1.0, -2.0, 4.0], device=device)
    layer.reduction = "none"
    same(layer(x, torch.zeros(3, device=device)), torch.tensor(want))


@fact("torch.nn.SmoothL1Loss")
def test_smooth_l1_without_a_bend_is_l1(device):
    """`SmoothL1Loss(beta=0, reduction="none")` is the absolute difference, as `L1Loss` is."""
    x = torch.tensor([1.0, -2.0], device=device)
    same(nn.SmoothL1Loss(beta=0.0, reduction="none")(x, torch.zeros(2, device=device)), torch.tensor([1.0, 2.0]))


@fact("torch.nn.HuberLoss", "torch.nn.SmoothL1Loss")
@pytest.mark.parametrize(
    ("kind", "option", "words"),
    [
        ("HuberLoss", {"delta": -1.0}, "does not support non-positive values for delta"),
        ("SmoothL1Loss", {"beta": -1.0}, "negative values for beta"),
    ],
    ids=["HuberLoss", "SmoothL1Loss"],
)
def test_refuses_a_bend_below_zero(device, kind, option, words):
    """`HuberLoss` refuses a negative `delta` when it is called, and `SmoothL1Loss` a negative `beta`."""
    x = torch.ones(2, device=device)
    with pytest.raises(RuntimeError, match=words):
        getattr(nn, kind)(**option)(x, x)


@fact("torch.nn.L1Loss", "torch.nn.SmoothL1Loss", "torch.nn.HuberLoss", source="notes/autograd")
@pytest.mark.parametrize("kind", ["L1Loss", "SmoothL1Loss", "HuberLoss"])
def test_has_no_slope_where_both_are_equal(device, kind):
    """`L1Loss`, `SmoothL1Loss` and `HuberLoss` have a gradient of zero where input and target are equal."""
    x = torch.tensor([3.0, 5.0], device=device, requires_grad=True)
    getattr(nn, kind)(reduction="sum")(x, torch.tensor([3.0, 1.0], device=device)).backward()
    same(x.grad, torch.tensor([0.0, 1.0]))


@fact("torch.nn.TripletMarginLoss", "torch.nn.TripletMarginWithDistanceLoss")
@pytest.mark.parametrize("kind", ["TripletMarginLoss", "TripletMarginWithDistanceLoss"])
def test_triplet_may_swap_the_anchor(device, kind):
    """`TripletMarginLoss(swap=True)` takes the distance of anchor or positive from the negative, what is smaller."""
    a, b, c = (torch.tensor([[place]], device=device) for place in (0.0, 3.0, 4.0))
    close(getattr(nn, kind)(margin=2.0)(a, b, c), 1.0, roundings=32, scale=4)
    close(getattr(nn, kind)(margin=2.0, swap=True)(a, b, c), 4.0, roundings=32, scale=4)


@fact("torch.nn.TripletMarginWithDistanceLoss")
def test_triplet_takes_a_distance_of_ones_own(device):
    """`TripletMarginWithDistanceLoss` measures with the `distance_function` that it is given."""
    layer = nn.TripletMarginWithDistanceLoss(distance_function=lambda a, b: (a - b).abs().sum(1), margin=2.5)
    formula = lambda a, b, c: numpy.maximum(0, abs(a - b).sum(1) - abs(a - c).sum(1) + 2.5).mean()  # noqa: E731
    follows(device, layer, formula, A, B, C)


CTC = numpy.log(numpy.array([[0.2, 0.5, 0.3], [0.6, 0.3, 0.1], [0.1, 0.2, 0.7]]))  # time by class, class 0 is blank


def likelihood(labels, blank=0, steps=3):
    """The sum over all paths that spell the labels, once repetitions and blanks are taken out."""
    total = 0.0
    for path in numpy.ndindex(*[3] * steps):
        kept = [label for place, label in enumerate(path) if place == 0 or label != path[place - 1]]
        if [label for label in kept if label != blank] == labels:
            total += math.exp(sum(CTC[place, label] for place, label in enumerate(path)))
    return total


SPELT = pytest.mark.parametrize(
    ("labels", "blank", "steps"), [([1], 0, 3), ([1, 2], 0, 3), ([1, 1], 0, 3), ([0, 1], 2, 3), ([2], 0, 2)], ids=str
)


def to_spell(device, labels, steps):
    """The logarithms of the likelihoods, the labels, and the lengths of both."""
    logs = torch.tensor(CTC, device=device).unsqueeze(1)
    return logs, torch.tensor([labels], device=device), torch.tensor([steps]), torch.tensor([len(labels)])


@fact("torch.nn.CTCLoss")
@SPELT
@pytest.mark.parametrize("reduction", ["none", "sum"])
def test_ctc_sums_over_all_alignments(device, labels, blank, steps, reduction):
    """`CTCLoss` of a sequence is minus the logarithm of the sum over all paths that spell its labels."""
    want = -math.log(likelihood(labels, blank, steps))
    loss = nn.CTCLoss(blank, reduction=reduction)(*to_spell(device, labels, steps))
    close(loss, [want] if reduction == "none" else want, roundings=64)


@fact("torch.nn.CTCLoss", myth="the mean of CTCLoss is over the batch alone")
@SPELT
def test_ctc_divides_its_mean_by_the_number_of_labels(device, labels, blank, steps):
    """The mean of `CTCLoss`, its default, divides the loss of each sequence by the number of its labels."""
    want = -math.log(likelihood(labels, blank, steps)) / len(labels)
    close(nn.CTCLoss(blank)(*to_spell(device, labels, steps)), want, roundings=64)


@fact("torch.nn.CTCLoss", hint="pass zero_infinity=True")
def test_ctc_of_too_many_labels_is_infinite(device):
    """`CTCLoss` of labels that no path can spell, since they are too many for the time steps, is infinite."""
    same(nn.CTCLoss()(*to_spell(device, [1, 1, 2], 3)), torch.tensor(math.inf, dtype=torch.float64))


@fact("torch.nn.CTCLoss")
def test_ctc_of_too_many_labels_is_zero_when_told(device):
    """`CTCLoss(zero_infinity=True)` of labels that no path can spell is zero, with gradients of zero."""
    logs, *given = to_spell(device, [1, 1, 2], 3)
    loss = nn.CTCLoss(zero_infinity=True)(logs.requires_grad_(), *given)
    loss.backward()
    same(loss, torch.tensor(0.0, dtype=torch.float64))
    same(logs.grad, torch.zeros(3, 1, 3, dtype=torch.float64))


@fact("torch.nn.CTCLoss")
def test_ctc_has_the_gradient_of_its_paths(device):
    """The gradient of `CTCLoss` through a log-softmax is the softmax less the share of each label on all paths."""
    x = torch.tensor(CTC, device=device).unsqueeze(1).requires_grad_()
    given = (torch.tensor([[1, 2]], device=device), torch.tensor([3]), torch.tensor([2]))
    nn.CTCLoss(reduction="sum")(x.log_softmax(2), *given).backward()
    shares = numpy.zeros((3, 3))
    for path in numpy.ndindex(3, 3, 3):
        kept = [label for place, label in enumerate(path) if place == 0 or label != path[place - 1]]
        if [label for label in kept if label] == [1, 2]:
            shares[range(3), path] += math.exp(sum(CTC[range(3), path])) / likelihood([1, 2])
    close(x.grad.squeeze(1), numpy.exp(CTC) - shares, roundings=64, scale=1)


class Logs(nn.Module):
    """What `log_prob` of a layer gives."""

    def __init__(self, layer):
        super().__init__()
        self.of = layer

    def named_parameters(self, *args, **kwargs):
        return self.of.named_parameters(*args, **kwargs)

    def forward(self, x):
        return self.of.log_prob(x)


def clustered(x, **of):
    """The logarithms of five classes: two frequent ones, a cluster of one and a cluster of two."""
    logs = log_softmax(x @ of["head.weight"].T + of["head.bias"])
    tails = [x @ of[f"tail.{number}.0.weight"].T @ of[f"tail.{number}.1.weight"].T for number in (0, 1)]
    return numpy.concatenate([logs[:, :2], *(logs[:, 2 + n, None] + log_softmax(tails[n]) for n in (0, 1))], 1)


def adaptive():
    return nn.AdaptiveLogSoftmaxWithLoss(4, 5, [2, 3], div_value=2.0, head_bias=True)


@fact("torch.nn.AdaptiveLogSoftmaxWithLoss")
def test_adaptive_softmax_is_of_clusters(device):
    """`AdaptiveLogSoftmaxWithLoss` gives a rare class the logarithm of its cluster plus that within the cluster."""
    follows(device, Logs(adaptive()), clustered, fractions(3, 4))
    assert [one.weight.shape[0] for one, _ in adaptive().tail] == [2, 1]


@fact("torch.nn.AdaptiveLogSoftmaxWithLoss")
def test_adaptive_softmax_gives_the_right_class_and_the_loss(device):
    """`AdaptiveLogSoftmaxWithLoss` gives the logarithm of each right class, and minus their mean as the loss."""

    def formula(x, y, **of):
        right = clustered(x, **of)[range(3), y]
        return right, -right.mean()

    follows(device, adaptive(), formula, fractions(3, 4), numpy.array([0, 2, 4]))


@fact("torch.nn.AdaptiveLogSoftmaxWithLoss")
def test_adaptive_softmax_predicts_the_likeliest_class(device):
    """`AdaptiveLogSoftmaxWithLoss.predict` gives the class with the highest logarithm, in a contiguous tensor."""
    layer, x = adaptive().to(device), torch.tensor(fractions(30, 4), device=device, dtype=torch.float32)
    with torch.no_grad():
        layer.head.weight[2:] *= 9
        want = layer.log_prob(x).cpu().numpy().argmax(1)
    got = layer.predict(x)
    same(got, want)
    assert (got.is_contiguous(), max(want) > 1) == (True, True)


@fact("torch.nn.AdaptiveLogSoftmaxWithLoss")
@pytest.mark.parametrize("cutoffs", [[3, 2], [2, 2], [0, 2], [2, 5]], ids=str)
def test_adaptive_softmax_refuses_bounds_out_of_order(cutoffs):
    """`AdaptiveLogSoftmaxWithLoss` else raises "cutoffs should be a sequence of unique, positive integers"."""
    with pytest.raises(ValueError, match="cutoffs should be a sequence of unique, positive integers"):
        nn.AdaptiveLogSoftmaxWithLoss(4, 5, cutoffs)


@fact(
    "torch.nn.L1Loss",
    "torch.nn.SmoothL1Loss",
    "torch.nn.HuberLoss",
    "torch.nn.MSELoss",
    hint="give both the same shape",
)
@pytest.mark.parametrize("kind", ["L1Loss", "SmoothL1Loss", "HuberLoss", "MSELoss"])
def test_warns_of_another_shape(device, kind):
    """`MSELoss`, `L1Loss`, `SmoothL1Loss` and `HuberLoss` of a column and a row warn, and broadcast to a table."""
    a, b = torch.tensor([[1.0], [2.0]], device=device), torch.tensor([1.0, 1.5], device=device)
    with pytest.warns(UserWarning, match="target size .* that is different to the input size"):
        y = getattr(nn, kind)(reduction="none")(a, b)
    assert y.shape == (2, 2)


@fact("torch.nn.MSELoss", myth="size_average is how a loss is told to add")
@pytest.mark.parametrize(("options", "want"), [({"size_average": False}, 5.0), ({"reduce": False}, None)], ids=str)
def test_old_names_of_the_reduction_warn(device, options, want):
    """`size_average` and `reduce` of `MSELoss` still choose the reduction, and warn that they "will be deprecated"."""
    with pytest.warns(UserWarning, match="size_average and reduce args will be deprecated"):
        layer = nn.MSELoss(**options)
    y = layer(torch.tensor([1.0, 2.0], device=device), torch.zeros(2, device=device))
    same(y, torch.tensor(5.0 if want else [1.0, 4.0]))
