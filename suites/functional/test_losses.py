"""Losses of `nn.functional` by formula; those of classes are in test_cross_entropy too, layers in layers.loss."""

import itertools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch.nn import functional

from torchproof import close, fact, same
from torchproof.suites.functional.reference import log_softmax, logistic, lying

ROUNDINGS = 64  # of a few functions one behind the other, each within 2 units in the last place of float64
DIFFERENCE = 2**24  # roundings of slopes by differences: 2e-9


class Case(NamedTuple):
    """A loss: its arguments, of which the first `followed` get gradients, what it is of them, and its options."""

    arguments: tuple[Any, ...]
    formula: Callable[..., numpy.ndarray]
    options: dict[str, Any] = {}
    followed: int = 1


A = numpy.array([[0.5, -1.25, 2.125], [1.5, 0.375, -0.75]])
B = numpy.array([[2.125, -1.0, 0.25], [-0.625, 0.5, -3.0]])
C = numpy.array([[1.0, 0.5, -0.75], [0.25, -2.0, 0.5]])
SHARES = numpy.array([[0.25, 0.5, 0.375], [0.75, 0.3125, 0.875]])
OTHERS = numpy.array([[0.75, 0.0, 1.0], [0.5, 0.25, 0.125]])
SIGNS = numpy.array([[1.0, -1.0, 1.0], [-1.0, -1.0, 1.0]])
CLASSES = numpy.array([0, 2])
LABELS = numpy.array([[2, 0, -1], [1, -1, 0]])  # what is behind -1 does not count
WEIGHT = numpy.array([0.5, 2.0, 1.25])
DAYS = numpy.array([[1.0, 0.0, 3.0], [2.0, 5.0, 4.0]])


def huber(delta):
    return lambda a, b: numpy.where(abs(a - b) < delta, (a - b) ** 2 / 2, delta * (abs(a - b) - delta / 2))


def entropy(p, t):
    return -(t * numpy.log(p) + (1 - t) * numpy.log(1 - p))


def distance(a, b, p=2, eps=1e-6):
    return (abs(a - b + eps) ** p).sum(-1) ** (1 / p)


def multi_margin(x, y, p=1, margin=1.0, weight=None):
    right, weight = x[range(len(x)), y], numpy.ones(x.shape[1]) if weight is None else weight
    hinges = weight[y][:, None] * numpy.maximum(0, margin - right[:, None] + x) ** p
    hinges[range(len(x)), y] = 0
    return hinges.sum(1) / x.shape[1]


def multilabel_margin(x, y):
    rows = []
    for scores, labels in zip(x, y, strict=True):
        right = list(itertools.takewhile(lambda label: label >= 0, labels))
        wrong = [label for label in range(len(scores)) if label not in right]
        rows.append(sum(max(0, 1 - scores[i] + scores[j]) for i in right for j in wrong) / len(scores))
    return numpy.array(rows)


def cosine(a, b):
    return (a * b).sum(-1) / numpy.sqrt(((a * a).sum(-1) + 1e-12) * ((b * b).sum(-1) + 1e-12))  # so that 0/0 is 0


def stirling(t):
    safe = numpy.maximum(t, 1)
    return numpy.where(t > 1, t * numpy.log(safe) - t + numpy.log(2 * math.pi * safe) / 2, 0)


CASES = {
    "l1_loss": Case((A, B), lambda a, b: abs(a - b)),
    "smooth_l1_loss": Case((A, B), huber(1.0)),
    "smooth_l1_loss-beta": Case((A, B), lambda a, b: huber(0.5)(a, b) / 0.5, {"beta": 0.5}),
    "huber_loss": Case((A, B), huber(1.0)),
    "huber_loss-delta": Case((A, B), huber(2.0), {"delta": 2.0}),
    "binary_cross_entropy": Case((SHARES, OTHERS), entropy),
    "binary_cross_entropy-weight": Case((SHARES, OTHERS), lambda p, t: WEIGHT * entropy(p, t), {"weight": WEIGHT}),
    "binary_cross_entropy_with_logits": Case((A, OTHERS), lambda x, t: entropy(logistic(x), t)),
    "binary_cross_entropy_with_logits-weight": Case(
        (A, OTHERS), lambda x, t: WEIGHT * entropy(logistic(x), t), {"weight": WEIGHT}
    ),
    "binary_cross_entropy_with_logits-pos_weight": Case(
        (A, OTHERS),
        lambda x, t: -(WEIGHT * t * numpy.log(logistic(x)) + (1 - t) * numpy.log(logistic(-x))),
        {"pos_weight": WEIGHT},
    ),
    "kl_div": Case((B, SHARES), lambda x, t: t * (numpy.log(t) - x)),
    "kl_div-log_target": Case((B, A), lambda x, t: numpy.exp(t) * (t - x), {"log_target": True}),
    "poisson_nll_loss": Case((A, DAYS), lambda x, t: numpy.exp(x) - t * x),
    "poisson_nll_loss-full": Case((A, DAYS), lambda x, t: numpy.exp(x) - t * x + stirling(t), {"full": True}),
    "poisson_nll_loss-log_input": Case(
        (SHARES, DAYS), lambda x, t: x - t * numpy.log(x + 0.5), {"log_input": False, "eps": 0.5}
    ),
    "gaussian_nll_loss": Case((A, B, SHARES), lambda x, t, v: (numpy.log(v) + (x - t) ** 2 / v) / 2, followed=3),
    "gaussian_nll_loss-full": Case(
        (A, B, SHARES),
        lambda x, t, v: (numpy.log(2 * math.pi * v) + (x - t) ** 2 / v) / 2,
        {"full": True},
        followed=3,
    ),
    "hinge_embedding_loss": Case((C, SIGNS), lambda x, y: numpy.where(y > 0, x, numpy.maximum(0, 1 - x))),
    "hinge_embedding_loss-margin": Case(
        (C, SIGNS), lambda x, y: numpy.where(y > 0, x, numpy.maximum(0, 0.375 - x)), {"margin": 0.375}
    ),
    "soft_margin_loss": Case((A, SIGNS), lambda x, y: numpy.log(1 + numpy.exp(-y * x))),
    "margin_ranking_loss": Case((A, B, SIGNS), lambda a, b, y: numpy.maximum(0, -y * (a - b)), followed=2),
    "margin_ranking_loss-margin": Case(
        (A, B, SIGNS), lambda a, b, y: numpy.maximum(0, 2 - y * (a - b)), {"margin": 2.0}, followed=2
    ),
    "multi_margin_loss": Case((A, CLASSES), multi_margin),
    "multi_margin_loss-options": Case(
        (A, CLASSES),
        lambda x, y: multi_margin(x, y, 2, 0.5, WEIGHT),
        {"p": 2, "margin": 0.5, "weight": WEIGHT},
    ),
    "multilabel_margin_loss": Case((A, LABELS), multilabel_margin),
    "multilabel_soft_margin_loss": Case((A, OTHERS), lambda x, t: entropy(logistic(x), t).mean(-1)),
    "multilabel_soft_margin_loss-weight": Case(
        (A, OTHERS), lambda x, t: (WEIGHT * entropy(logistic(x), t)).mean(-1), {"weight": WEIGHT}
    ),
    "cosine_embedding_loss": Case(
        (A, B, SIGNS[0, :2]),
        lambda a, b, y: numpy.where(y > 0, 1 - cosine(a, b), numpy.maximum(0, cosine(a, b))),
        followed=2,
    ),
    "cosine_embedding_loss-margin": Case(
        (A, B, SIGNS[0, :2]),
        lambda a, b, y: numpy.where(y > 0, 1 - cosine(a, b), numpy.maximum(0, cosine(a, b) + 0.5)),
        {"margin": -0.5},
        followed=2,
    ),
    "triplet_margin_loss": Case(
        (A, B, C), lambda a, p, n: numpy.maximum(0, 1 + distance(a, p) - distance(a, n)), followed=3
    ),
    "triplet_margin_loss-options": Case(
        (A, B, C),
        lambda a, p, n: numpy.maximum(
            0, 4 + distance(a, p, 3, 0.125) - numpy.minimum(distance(a, n, 3, 0.125), distance(p, n, 3, 0.125))
        ),
        {"margin": 4.0, "p": 3, "eps": 0.125, "swap": True},
        followed=3,
    ),
    "triplet_margin_with_distance_loss": Case(
        (A, B, C), lambda a, p, n: numpy.maximum(0, 1 + distance(a, p) - distance(a, n)), followed=3
    ),
    "triplet_margin_with_distance_loss-margin": Case(
        (A, B, C), lambda a, p, n: numpy.maximum(0, 4 + distance(a, p) - distance(a, n)), {"margin": 4.0}, followed=3
    ),
    "nll_loss": Case((A, CLASSES), lambda x, y: -x[range(2), y]),
    "cross_entropy": Case((A, CLASSES), lambda x, y: -log_softmax(x)[range(2), y]),
    "cross_entropy-shares": Case((A, OTHERS), lambda x, t: -(t * log_softmax(x)).sum(-1)),
    "cross_entropy-shares-weight": Case(
        (A, OTHERS), lambda x, t: -(WEIGHT * t * log_softmax(x)).sum(-1), {"weight": WEIGHT}
    ),
}
LOSSES = (
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cosine_embedding_loss",
    "cross_entropy",
    "gaussian_nll_loss",
    "hinge_embedding_loss",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "margin_ranking_loss",
    "multi_margin_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss",
    "nll_loss",
    "poisson_nll_loss",
    "smooth_l1_loss",
    "soft_margin_loss",
    "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
)
SUBJECTS = [f"torch.nn.functional.{name}" for name in LOSSES]
REDUCTIONS = {"none": lambda losses: losses, "sum": numpy.sum, "mean": numpy.mean, "default": numpy.mean}

of_cases = pytest.mark.parametrize("case", CASES)


def tensors(device, arrays):
    return [torch.tensor(array, device=device) for array in arrays]


def loss(case, arguments, **options):
    """The loss of a case, with its options made tensors where they are arrays."""
    device = arguments[0].device
    for name, value in CASES[case].options.items():
        options[name] = torch.tensor(value, device=device) if isinstance(value, numpy.ndarray) else value
    return getattr(functional, case.partition("-")[0])(*arguments, **options)


def slopes(case, place):
    """The slopes of a case's formula by the elements of the argument at this place, by differences of fourth order."""

    def moved(step):
        arguments = [each + step if n == place else each for n, each in enumerate(case.arguments)]
        return case.formula(*arguments).sum()

    array, h = case.arguments[place], 1e-4
    steps = h * numpy.eye(array.size).reshape(array.size, *array.shape)
    found = [8 * (moved(step) - moved(-step)) - moved(2 * step) + moved(-2 * step) for step in steps]
    return numpy.reshape(found, array.shape) / (12 * h)


@fact(*SUBJECTS)
@of_cases
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_are_their_formulas_reduced_as_asked(device, case, reduction):
    """`l1_loss`, `kl_div` etc. of contiguous tensors give the documented losses, contiguous, or their sum or mean."""
    arguments = tensors(device, CASES[case].arguments)
    y = loss(case, arguments, **({} if reduction == "default" else {"reduction": reduction}))
    want = REDUCTIONS[reduction](CASES[case].formula(*CASES[case].arguments))
    assert (y.dtype, y.is_contiguous()) == (torch.float64, True)
    close(y, want, roundings=ROUNDINGS, scale=abs(want) + 8)
    assert all((argument.cpu().numpy() == array).all() for argument, array in zip(arguments, CASES[case].arguments))


@fact(*SUBJECTS)
@of_cases
def test_have_the_gradients_of_their_formulas(device, case):
    """The gradients of `l1_loss`, `kl_div` and other losses with `reduction="sum"` are the slopes of their formulas."""
    arguments = tensors(device, CASES[case].arguments)
    followed = [argument.requires_grad_() for argument in arguments[: CASES[case].followed]]
    loss(case, arguments, reduction="sum").backward()
    want = numpy.stack([slopes(CASES[case], place) for place in range(len(followed))])
    close(torch.stack([each.grad for each in followed]), want, roundings=DIFFERENCE, scale=abs(want) + 8)


@fact(*SUBJECTS)
@of_cases
def test_do_not_depend_on_how_their_input_lies_in_memory(device, case):
    """`l1_loss`, `kl_div` and other losses, and their gradients, do not depend on strides, but for rounding."""
    first, *rest = tensors(device, CASES[case].arguments)
    results = []
    for x in lying(first):
        y = loss(case, [x.requires_grad_(), *rest], reduction="sum")
        y.backward()
        results.append(torch.cat([y.detach()[None], x.grad.flatten()]))
    close(torch.stack(results[1:]), results[0].cpu().expand(3, -1).numpy(), roundings=ROUNDINGS, scale=8)


@fact(*SUBJECTS)
@pytest.mark.parametrize("case", [case for case in CASES if "-" not in case])
def test_refuse_a_reduction_that_does_not_exist(device, case):
    """`l1_loss`, `kl_div` and other losses refuse a `reduction` that does not exist: "average is not valid"."""
    with pytest.raises(ValueError, match="average is not (a )?valid"):
        loss(case, tensors(device, CASES[case].arguments), reduction="average")


EMPTY = ["l1_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits"]


@fact(*(f"torch.nn.functional.{name}" for name in EMPTY))
@pytest.mark.parametrize("name", EMPTY)
def test_of_nothing_are_nan_on_average(device, name):
    """`l1_loss`, `huber_loss`, `binary_cross_entropy` and the like of no element are NaN on average, and 0 in sum."""
    nothing = torch.empty(0, device=device)
    same(getattr(functional, name)(nothing, nothing), torch.tensor(math.nan))
    same(getattr(functional, name)(nothing, nothing, reduction="sum"), torch.tensor(0.0))


@fact("torch.nn.functional.l1_loss", "torch.nn.functional.smooth_l1_loss", "torch.nn.functional.huber_loss")
@pytest.mark.parametrize("name", ["l1_loss", "smooth_l1_loss", "huber_loss"])
def test_warn_before_they_broadcast(device, name):
    """`l1_loss`, `smooth_l1_loss` and `huber_loss` warn before they broadcast a column with a row into a matrix."""
    a, b = torch.tensor([[1.0], [2.0]], device=device), torch.tensor([1.0, 5.0], device=device)
    with pytest.warns(UserWarning, match="target size .* that is different to the input size"):
        y = getattr(functional, name)(a, b, reduction="none")
    same(y, torch.tensor([[0.0, 4.0], [1.0, 3.0]]) - torch.tensor([[0.0, 0.5], [0.5, 0.5]]) * (name != "l1_loss"))


@fact("torch.nn.functional.binary_cross_entropy", "torch.nn.functional.binary_cross_entropy_with_logits")
@pytest.mark.parametrize("name", ["binary_cross_entropy", "binary_cross_entropy_with_logits"])
def test_of_binary_entropy_refuse_to_broadcast(device, name):
    """`binary_cross_entropy`, with logits or without, refuses a target of another shape than its input."""
    with pytest.raises(ValueError, match=r"[Tt]arget size .* the same"):
        getattr(functional, name)(torch.full((2, 1), 0.5, device=device), torch.ones(2, device=device))


@fact("torch.nn.functional.smooth_l1_loss")
def test_of_smooth_l1_without_beta_is_l1(device):
    """`smooth_l1_loss` with `beta=0` and `reduction="none"` is the absolute difference, as `l1_loss` is."""
    a, b = tensors(device, (A, B))
    same(functional.smooth_l1_loss(a, b, beta=0.0, reduction="none"), abs(A - B))


@fact("torch.nn.functional.smooth_l1_loss")
def test_of_smooth_l1_refuses_a_negative_beta(device):
    """`smooth_l1_loss` refuses a negative `beta`: "does not support negative values for beta"."""
    with pytest.raises(RuntimeError, match="does not support negative values for beta"):
        functional.smooth_l1_loss(*tensors(device, (A, B)), beta=-0.5)


@fact("torch.nn.functional.huber_loss")
@pytest.mark.parametrize("delta", [0.0, -1.0])
def test_of_huber_refuses_a_delta_that_is_not_positive(device, delta):
    """`huber_loss` refuses a `delta` of zero or below."""
    with pytest.raises(RuntimeError, match="delta"):
        functional.huber_loss(*tensors(device, (A, B)), delta=delta)


@fact("torch.nn.functional.binary_cross_entropy", hint="use binary_cross_entropy_with_logits for what is not a share")
@pytest.mark.parametrize("number", [-0.25, 1.25])
def test_of_binary_entropy_refuses_what_is_no_share(number):
    """`binary_cross_entropy` on the CPU refuses an input that is not "between 0 and 1"."""
    with pytest.raises(RuntimeError, match="between 0 and 1"):
        functional.binary_cross_entropy(torch.tensor([0.5, number]), torch.tensor([1.0, 0.0]))


@fact(
    "torch.nn.functional.binary_cross_entropy",
    source="generated/torch.nn.BCELoss",
    myth="log(0) makes BCELoss infinite",
)
def test_of_binary_entropy_ends_at_a_hundred(device):
    """`binary_cross_entropy` is 100, not infinite, where a share of 0 or 1 is wholly wrong, and 0 where it is right."""
    shares, targets = (
        torch.tensor([0.0, 1.0, 0.0, 1.0], device=device),
        torch.tensor([1.0, 0.0, 0.0, 1.0], device=device),
    )
    y = functional.binary_cross_entropy(shares, targets, reduction="none")
    same(y, torch.tensor([100.0, 100.0, 0.0, 0.0]))


@fact("torch.nn.functional.binary_cross_entropy_with_logits", source="generated/torch.nn.BCEWithLogitsLoss")
def test_of_logits_do_not_overflow(device):
    """`binary_cross_entropy_with_logits` of a huge logit is the logit where it is wrong, and 0 where it is right."""
    x = torch.tensor([1000.0, -1000.0, 1000.0, -1000.0], device=device)
    targets = torch.tensor([0.0, 1.0, 1.0, 0.0], device=device)
    y = functional.binary_cross_entropy_with_logits(x, targets, reduction="none")
    same(y, torch.tensor([1000.0, 1000.0, 0.0, 0.0]))


@fact("torch.nn.functional.binary_cross_entropy_with_logits", source="generated/torch.nn.BCEWithLogitsLoss")
def test_of_logits_have_finite_gradients(device):
    """The gradient of `binary_cross_entropy_with_logits` of a huge logit is 1 or -1 where it is wrong, and else 0."""
    x = torch.tensor([1000.0, -1000.0, 1000.0, -1000.0], device=device, requires_grad=True)
    targets = torch.tensor([0.0, 1.0, 1.0, 0.0], device=device)
    functional.binary_cross_entropy_with_logits(x, targets, reduction="sum").backward()
    same(x.grad, torch.tensor([1.0, -1.0, 0.0, 0.0]))


@fact("torch.nn.functional.kl_div")
def test_of_kl_div_is_averaged_over_the_batch_when_told(device):
    """`kl_div` with `reduction="batchmean"` is its sum divided by the size of the first dimension."""
    y = functional.kl_div(*tensors(device, (B, SHARES)), reduction="batchmean")
    assert y.dtype == torch.float64
    close(y, (SHARES * (numpy.log(SHARES) - B)).sum() / 2, roundings=ROUNDINGS, scale=8)


@fact("torch.nn.functional.kl_div", hint='use reduction="batchmean", which is the divergence as mathematics has it')
def test_of_kl_div_warns_of_its_mean(device):
    """`kl_div` with `reduction="mean"`, which is over all elements, warns that "batchmean" is the divergence."""
    with pytest.warns(UserWarning, match="batchmean"):
        y = functional.kl_div(*tensors(device, (B, SHARES)), reduction="mean")
    close(y, (SHARES * (numpy.log(SHARES) - B)).mean(), roundings=ROUNDINGS, scale=8)


@fact("torch.nn.functional.kl_div", source="generated/torch.nn.KLDivLoss")
def test_of_kl_div_is_zero_where_the_target_is(device):
    """`kl_div` is zero where the target is, rather than the NaN of 0 times infinity."""
    x, t = torch.tensor([-0.5, -2.0], device=device), torch.tensor([0.0, 1.0], device=device)
    same(functional.kl_div(x, t, reduction="none"), torch.tensor([0.0, 2.0]))


@fact("torch.nn.functional.gaussian_nll_loss")
def test_of_gaussian_refuses_a_negative_variance(device):
    """`gaussian_nll_loss` refuses a variance below zero: "var has negative entry"."""
    with pytest.raises(ValueError, match="var has negative entry"):
        functional.gaussian_nll_loss(*tensors(device, (A, B, -SHARES)))


@fact("torch.nn.functional.gaussian_nll_loss")
def test_of_gaussian_takes_a_variance_of_eps_at_least(device):
    """`gaussian_nll_loss` takes a variance below `eps` for `eps`."""
    y = functional.gaussian_nll_loss(*tensors(device, (A, B, 0 * A)), eps=0.5, reduction="none")
    want = (math.log(0.5) + (A - B) ** 2 / 0.5) / 2
    assert y.dtype == torch.float64
    close(y, want, roundings=ROUNDINGS, scale=abs(want) + 8)


@fact("torch.nn.functional.gaussian_nll_loss")
def test_of_gaussian_takes_one_variance_for_each_sample(device):
    """`gaussian_nll_loss` takes a variance without the last dimension, or of size 1 there, for the whole row."""
    var = numpy.array([0.5, 2.0])
    want = (numpy.log(var)[:, None] + (A - B) ** 2 / var[:, None]) / 2
    both = [
        functional.gaussian_nll_loss(*tensors(device, (A, B, each)), reduction="none") for each in (var, var[:, None])
    ]
    close(torch.stack(both), numpy.stack([want, want]), roundings=ROUNDINGS, scale=8)


@fact("torch.nn.functional.triplet_margin_with_distance_loss")
def test_of_triplets_takes_any_distance(device):
    """`triplet_margin_with_distance_loss` measures by the `distance_function` that it is given, with `swap` too."""
    far = {"distance_function": lambda a, b: (a - b).abs().amax(-1), "margin": 3.0}
    y = functional.triplet_margin_with_distance_loss(*tensors(device, (A, B, C)), **far, swap=True, reduction="none")
    ap, an, pn = (abs(a - b).max(-1) for a, b in ((A, B), (A, C), (B, C)))
    same(y, numpy.maximum(0, 3 + ap - numpy.minimum(an, pn)))


def alignments(log_probs, target):
    """Minus the logarithm of what all paths of symbols that collapse to `target` come to: blank is 0."""
    steps, symbols = log_probs.shape
    paths = [
        sum(log_probs[step, symbol] for step, symbol in enumerate(path))
        for path in itertools.product(range(symbols), repeat=steps)
        if [symbol for symbol, _ in itertools.groupby(path) if symbol] == target
    ]
    return -math.log(math.fsum(map(math.exp, paths)))


SPEECH = log_softmax(numpy.sin(numpy.arange(24.0)).reshape(4, 2, 3) * 2)


@fact("torch.nn.functional.ctc_loss")
@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
def test_of_ctc_sums_over_all_alignments(device, reduction):
    """`ctc_loss` is minus the logarithm of the probability of all alignments, on average over target lengths."""
    x = torch.tensor(SPEECH, device=device)
    targets = torch.tensor([[1, 2], [2, 0]], device=device)
    y = functional.ctc_loss(x, targets, torch.tensor([4, 3]), torch.tensor([2, 1]), reduction=reduction)
    each = numpy.array([alignments(SPEECH[:, 0], [1, 2]), alignments(SPEECH[:3, 1], [2])])
    assert y.dtype == torch.float64
    close(y, {"none": each, "sum": each.sum(), "mean": (each / [2, 1]).mean()}[reduction], roundings=ROUNDINGS)


@fact("torch.nn.functional.ctc_loss")
@pytest.mark.parametrize(
    ("options", "want"), [({}, math.inf), ({"zero_infinity": True}, 0.0)], ids=["infinite", "zero"]
)
def test_of_ctc_is_infinite_where_the_target_is_too_long(device, options, want):
    """`ctc_loss` of a target that does not fit into the input is infinite, and 0 with `zero_infinity`."""
    targets, lengths = torch.tensor([[1, 1, 1]], device=device), torch.tensor([3])
    x = torch.tensor(SPEECH[:, :1], device=device)
    same(
        functional.ctc_loss(x, targets, torch.tensor([4]), lengths, **options), torch.tensor(want, dtype=torch.float64)
    )


@fact("torch.nn.functional.ctc_loss")
def test_of_ctc_takes_another_blank(device):
    """`ctc_loss` with `blank=2` takes the last symbol for the blank."""
    turned = torch.tensor(numpy.roll(SPEECH, -1, axis=-1)[:, :1], device=device)
    y = functional.ctc_loss(turned, torch.tensor([[0, 1]], device=device), (4,), (2,), blank=2, reduction="sum")
    close(y, alignments(SPEECH[:, 0], [1, 2]), roundings=ROUNDINGS)


@fact("torch.nn.functional.ctc_loss")
def test_of_ctc_have_the_slopes_of_all_alignments(device):
    """The gradient of `ctc_loss` behind `log_softmax` is the slope of its sum over all alignments."""
    x = torch.tensor(SPEECH[:, :1], device=device, requires_grad=True)
    targets = torch.tensor([[1, 2]], device=device)
    functional.ctc_loss(x.log_softmax(-1), targets, (4,), (2,), reduction="sum").backward()
    want = slopes(Case((SPEECH[:, 0],), lambda x: numpy.array(alignments(log_softmax(x), [1, 2]))), 0)
    close(x.grad[:, 0], want, roundings=DIFFERENCE, scale=8)


PAIRS = st.lists(st.tuples(st.floats(-8, 8, width=32), st.floats(-8, 8, width=32)), min_size=1, max_size=8)


@fact("torch.nn.functional.mse_loss")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@given(pairs=PAIRS)
@example(pairs=[(0.5, 2.0), (1.25, -3.0)])
def test_mse_loss_is_the_mean_of_squared_differences(device, dtype, pairs):
    """`mse_loss` gives the mean of the squared differences, in a tensor without dimensions."""
    a, b = (torch.tensor(column, dtype=dtype, device=device) for column in zip(*pairs, strict=True))
    y = functional.mse_loss(a, b)
    assert y.dtype == dtype
    close(y, math.fsum((p - q) ** 2 for p, q in pairs) / len(pairs), roundings=len(pairs) + 4)


@fact("torch.nn.functional.mse_loss")
@pytest.mark.parametrize(
    ("reduction", "want"), [("none", [2.25, 0.0, 16.0]), ("sum", 18.25), ("mean", 18.25 / 3)], ids=str
)
def test_mse_loss_is_reduced_as_asked(device, reduction, want):
    """`mse_loss` gives the squared differences, their sum or their mean, as `reduction` says."""
    a, b = (torch.tensor(values, device=device) for values in ([0.5, 3.0, 1.0], [2.0, 3.0, 5.0]))
    y = functional.mse_loss(a, b, reduction=reduction)
    assert y.dtype == torch.float32
    close(y, want, roundings=4)


@fact("torch.nn.functional.mse_loss")
def test_mse_loss_has_gradients_of_twice_the_difference(device):
    """The gradients of `mse_loss` are 2/n times the difference for the input, and the opposite for the target."""
    a, b = (torch.tensor(values, device=device, requires_grad=True) for values in ([0.5, 3.0], [2.0, 7.0]))
    functional.mse_loss(a, b).backward()
    same(a.grad, torch.tensor([-1.5, -4.0]))
    same(b.grad, torch.tensor([1.5, 4.0]))


@fact("torch.nn.functional.mse_loss", hint="give both the same shape")
def test_mse_loss_warns_of_another_shape(device):
    """`mse_loss` of a column and a row warns before it broadcasts them into a matrix: "Using a target size"."""
    a, b = torch.tensor([[1.0], [2.0]], device=device), torch.tensor([1.0, 4.0], device=device)
    with pytest.warns(UserWarning, match="target size .* that is different to the input size"):
        y = functional.mse_loss(a, b, reduction="none")
    same(y, torch.tensor([[0.0, 9.0], [1.0, 4.0]]))


@fact("torch.nn.functional.mse_loss")
def test_mse_loss_leaves_its_input_as_it_was(device):
    """`mse_loss(reduction="none")` of contiguous tensors gives a new contiguous one, and changes neither of them."""
    a, b = (torch.tensor(rows, device=device) for rows in ([[0.5, 3.0], [1.0, 2.0]], [[2.0, 3.0], [5.0, 2.5]]))
    y = functional.mse_loss(a, b, reduction="none")
    same(a, torch.tensor([[0.5, 3.0], [1.0, 2.0]]))
    same(b, torch.tensor([[2.0, 3.0], [5.0, 2.5]]))
    same(y, torch.tensor([[2.25, 0.0], [16.0, 0.25]]))
    assert y.stride() == (2, 1)
