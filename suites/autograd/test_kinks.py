"""Gradients where there is no slope or several: kinks, poles, ties and bounds; elsewhere see test_derivatives."""

import math

import numpy
import pytest
import torch

from torchproof import close, fact, same
from torchproof.fixtures.fact import check, subject

INF, NAN = math.inf, math.nan
CLAMPS = ("torch.clamp", "torch.clamp_min", "torch.clamp_max")
# Calls in a file that differentiates, or has a module.
DIFFERENTIATED = "recorded both, names Module|backward|requires_grad_|create_graph|autograd"
BOUNDED = "min|max, recorded, names Module|backward|requires_grad_|create_graph|autograd"


def slopes(name, numbers, device, **options):
    """The value of a function at each of these numbers, and its gradient there."""
    x = torch.tensor(numbers, device=device, requires_grad=True)
    y = subject(name)(x, **options)
    y.retain_grad()
    y.backward(torch.ones_like(y))
    same(y.grad, torch.ones(y.shape))
    same(x, torch.tensor(numbers))
    return y, x.grad


# Where a function has a kink, a step or a pole: numbers, the values there, and the gradients by convention.
KINKS = {
    "torch.abs": ([0.0, -0.0, -2.0], [0.0, 0.0, 2.0], [0.0, 0.0, -1.0]),
    "torch.sign": ([0.0, 2.0], [0.0, 1.0], [0.0, 0.0]),
    "torch.relu": ([0.0, 2.0], [0.0, 2.0], [0.0, 1.0]),
    "torch.nn.functional.relu6": ([0.0, 6.0, 3.0], [0.0, 6.0, 3.0], [0.0, 0.0, 1.0]),
    "torch.nn.functional.leaky_relu": ([0.0, 2.0], [0.0, 2.0], [0.01, 1.0]),
    "torch.nn.functional.hardtanh": ([-1.0, 1.0, 0.5], [-1.0, 1.0, 0.5], [0.0, 0.0, 1.0]),
    "torch.nn.functional.hardshrink": ([-0.5, 0.5, 2.0], [0.0, 0.0, 2.0], [0.0, 0.0, 1.0]),
    "torch.nn.functional.softshrink": ([-0.5, 0.5, 2.0], [0.0, 0.0, 1.5], [0.0, 0.0, 1.0]),
    "torch.nn.functional.elu": ([0.0, 2.0], [0.0, 2.0], [1.0, 1.0]),
    "torch.ceil": ([1.0, 1.5], [1.0, 2.0], [0.0, 0.0]),
    "torch.floor": ([1.0, 1.5], [1.0, 1.0], [0.0, 0.0]),
    "torch.frac": ([1.0, 1.5], [0.0, 0.5], [1.0, 1.0]),
    "torch.sinc": ([0.0], [1.0], [0.0]),
    "torch.square": ([0.0, 3.0], [0.0, 9.0], [0.0, 6.0]),
    "torch.nan_to_num": ([NAN, INF, 2.0], [0.0, torch.finfo(torch.float32).max, 2.0], [0.0, 0.0, 1.0]),
}
POLES = {
    "torch.sqrt": ([0.0, 4.0], [0.0, 2.0], [INF, 0.25]),
    "torch.log": ([0.0, 2.0], [-INF, math.log(2)], [INF, 0.5]),
    "torch.reciprocal": ([0.0, 2.0], [INF, 0.5], [-INF, -0.25]),
    "torch.rsqrt": ([0.0, 4.0], [INF, 0.5], [-INF, -0.0625]),
    "torch.asin": ([1.0, 0.0], [math.pi / 2, 0.0], [INF, 1.0]),
    "torch.acos": ([1.0, 0.0], [0.0, math.pi / 2], [-INF, -1.0]),
    "torch.atanh": ([1.0, 0.0], [INF, 0.0], [INF, 1.0]),
}


@check
def has_slopes(name, numbers, values, gradients, device):
    """At these numbers a function has these values and these gradients. Raises AssertionError."""
    y, grad = slopes(name, numbers, device)
    same(y, torch.tensor(values))
    same(grad, torch.tensor(gradients))


@fact(*KINKS, source="notes/autograd")
@pytest.mark.parametrize("name", KINKS, ids=lambda name: name.removeprefix("torch."))
def test_have_the_gradient_of_their_convention(device, name):
    """At a kink or a step `abs`, `relu`, `floor` and others have a gradient of 0 or of one side, by convention."""
    has_slopes(name, *KINKS[name], device)


@fact(*POLES, source="notes/autograd")
@pytest.mark.parametrize("name", POLES, ids=lambda name: name.removeprefix("torch."))
def test_of_a_pole_are_infinite(device, name):
    """`sqrt`, `log` and others at 0, and `asin`, `acos` and `atanh` at 1, have an infinite gradient and not NaN."""
    has_slopes(name, *POLES[name], device)


@fact(
    "torch.sqrt",
    "torch.where",
    source="notes/autograd",
    hint="replace the input before the function, not the output after it",
)
def test_hidden_by_where_still_give_nan(device):
    """`torch.where` over `sqrt` of 0 gives NaN for a gradient, as 0 times infinity is, unless the 0 is replaced too."""
    x = torch.tensor([0.0, 4.0], device=device, requires_grad=True)
    torch.where(x > 0, torch.sqrt(x), 0.0).sum().backward()
    same(x.grad, torch.tensor([NAN, 0.25]))
    x.grad = None
    y = torch.where(x > 0, torch.sqrt(torch.where(x > 0, x, 1.0)), 0.0)
    y.sum().backward()
    same(y, torch.tensor([0.0, 2.0]))
    same(x.grad, torch.tensor([0.0, 0.25]))


# Functions of two numbers where both are the same, or zero: the numbers, the value, both gradients.
TIES = {
    "torch.maximum": ([1.0, 2.0], [1.0, 3.0], [1.0, 3.0], [0.5, 0.0], [0.5, 1.0]),
    "torch.minimum": ([1.0, 2.0], [1.0, 3.0], [1.0, 2.0], [0.5, 1.0], [0.5, 0.0]),
    "torch.fmax": ([NAN, 2.0], [1.0, NAN], [1.0, 2.0], [0.0, 1.0], [1.0, 0.0]),
    "torch.fmin": ([NAN, 2.0], [1.0, NAN], [1.0, 2.0], [0.0, 1.0], [1.0, 0.0]),
    "torch.dist": ([1.0, 2.0], [1.0, 2.0], 0.0, [0.0, 0.0], [0.0, 0.0]),
    "torch.cdist": ([[1.0, 2.0]], [[1.0, 2.0]], [[0.0]], [[0.0, 0.0]], [[0.0, 0.0]]),
    "torch.nn.functional.l1_loss": ([1.0, 2.0], [1.0, 3.0], 0.5, [0.0, -0.5], [0.0, 0.5]),
    "torch.pow": (
        [0.0, 0.0, 3.0],
        [0.0, 2.0, 2.0],
        [1.0, 0.0, 9.0],
        [0.0, 0.0, 6.0],
        [0.0, 0.0, 9 * math.log(3)],
    ),
    "torch.fmod": ([4.0], [2.0], [0.0], [1.0], [-2.0]),
    "torch.copysign": ([0.0, 2.0], [-1.0, -1.0], [0.0, -2.0], [0.0, -1.0], [0.0, 0.0]),
    "torch.div": ([1.0, 6.0], [0.0, 2.0], [INF, 3.0], [INF, 0.5], [-INF, -1.5]),
}


@fact(*TIES, source="notes/autograd")
@pytest.mark.parametrize("name", TIES, ids=lambda name: name.removeprefix("torch."))
def test_of_two_share_the_gradient(device, name):
    """`maximum`, `pow`, `div` and others of two tied numbers, NaN or zero give each its gradient by convention."""
    a, b, values, *gradients = TIES[name]
    x, y = (torch.tensor(numbers, device=device, requires_grad=True) for numbers in (a, b))
    z = subject(name)(x, y)
    z.retain_grad()
    z.backward(torch.ones_like(z))
    same(z, torch.tensor(values))
    same(z.grad, torch.ones(z.shape))
    same(x, torch.tensor(a))
    assert x.grad.cpu().numpy() == pytest.approx(numpy.array(gradients[0]), rel=1e-6)
    assert y.grad.cpu().numpy() == pytest.approx(numpy.array(gradients[1]), rel=1e-6)


@fact("torch.max", "torch.min", "torch.amax", "torch.amin", "torch.median", source="generated/torch.amax")
@pytest.mark.parametrize(
    ("name", "ties", "want"),
    [("max", [1.0, 3.0, 3.0], 3.0), ("min", [4.0, 3.0, 3.0], 3.0), ("amax", [1.0, 3.0, 3.0], 3.0),
     ("amin", [4.0, 3.0, 3.0], 3.0), ("median", [1.0, 3.0, 3.0], 3.0)],
    ids=str,
)  # fmt: skip
def test_of_all_elements_share_the_gradient_evenly(device, name, ties, want):
    """`max`, `min`, `amax`, `amin` and `median` of all elements share their gradient evenly among tied ones."""
    y, grad = slopes(f"torch.{name}", ties, device)
    same(y, torch.tensor(want))
    same(grad, torch.tensor([0.0, 0.5, 0.5]))


@fact(
    "torch.max", "torch.min", "torch.median", "torch.topk", "torch.kthvalue", "torch.mode", source="generated/torch.max"
)
@pytest.mark.parametrize("name", ["max", "min", "median", "topk", "kthvalue", "mode"])
def test_of_a_dimension_give_the_gradient_to_one(device, name):
    """`max`, `min`, `median`, `topk`, `kthvalue` and `mode` of a dimension give the gradient to the tie they index."""
    x = torch.tensor([3.0, 3.0, 3.0], device=device, requires_grad=True)
    values, indices = getattr(torch, name)(x, *{"topk": [1], "kthvalue": [2]}.get(name, []), dim=0)
    values.sum().backward()
    same(values.detach(), torch.tensor([3.0] if name == "topk" else 3.0))
    assert x.grad.tolist() == [float(place == int(indices)) for place in range(3)]


@fact("torch.amax", "torch.max", myth="amax and max over a dimension have the same gradient")
def test_of_amax_and_max_are_different(device):
    """Over a dimension `amax` shares its gradient evenly among ties, while `max` gives it to one of them."""
    x = torch.tensor([[3.0, 3.0]], device=device, requires_grad=True)
    even, one = torch.amax(x, 1), torch.max(x, 1).values
    same(torch.cat([even, one]).detach(), torch.tensor([3.0, 3.0]))
    same(torch.autograd.grad(even, x)[0], torch.tensor([[0.5, 0.5]]))
    assert sorted(torch.autograd.grad(one, x)[0][0].tolist()) == [0.0, 1.0]


BOUNDS = {"clamp": {"min": -0.5, "max": 0.5}, "clamp_min": {"min": -0.5}, "clamp_max": {"max": 0.5}}
CLAMPED = {"clamp": [-0.5, 0.5, 0.5, -0.5], "clamp_min": [-0.5, 0.5, 2.0, -0.5], "clamp_max": [-0.5, 0.5, 0.5, -2.0]}
UP_TO = {"clamp": [1.0, 1.0, 0.0, 0.0], "clamp_min": [1.0, 1.0, 1.0, 0.0], "clamp_max": [1.0, 1.0, 0.0, 1.0]}
AT_BOUND = {"clamp": [0, 1], "clamp_min": [0], "clamp_max": [1]}
on_each_bound = pytest.mark.parametrize("bound", [float, torch.tensor], ids=["number", "tensor"])


def clamped(name, bound, device):
    """The gradients of a clamp at its bounds and beyond them."""
    given = {word: bound(number) for word, number in BOUNDS[name].items()}
    y, grad = slopes(f"torch.{name}", [-0.5, 0.5, 2.0, -2.0], device, **given)
    same(y, torch.tensor(CLAMPED[name]))
    return grad


@fact(*CLAMPS, source="notes/autograd", since="2.14", calls=BOUNDED)
@pytest.mark.parametrize("name", ["clamp", "clamp_min", "clamp_max"])
@on_each_bound
def test_of_a_clamp_at_its_bound_are_zero_or_a_half(device, name, bound):
    """`clamp` has a gradient of 0 at a bound that is a number, as `relu` has, and of a half at one that is a tensor."""
    gradients = torch.tensor(UP_TO[name])
    gradients[AT_BOUND[name]] = 0.0 if bound is float else 0.5
    same(clamped(name, bound, device), gradients)


@fact(*CLAMPS, source="notes/autograd", until="2.14", calls=BOUNDED)
@pytest.mark.parametrize("name", ["clamp", "clamp_min", "clamp_max"])
@on_each_bound
def test_of_a_clamp_at_its_bound_were_one(device, name, bound):
    """`clamp` has a gradient of 1 at its bounds, unlike `relu`, whether they are numbers or tensors."""
    same(clamped(name, bound, device), torch.tensor(UP_TO[name]))


def of_two_equal(name, device):
    """What the function gives for two and two, and its gradients by both."""
    x, y = (torch.tensor([2.0], device=device, requires_grad=True) for _ in range(2))
    z = getattr(torch, name)(x, y)
    z.backward()
    return z.item(), x.grad.item(), y.grad.item()


@fact("torch.fmax", "torch.fmin", source="notes/autograd", since="2.14", calls="recorded both")
@pytest.mark.parametrize("name", ["fmax", "fmin"])
def test_of_fmax_and_fmin_share_the_gradient_evenly(device, name):
    """`fmax` and `fmin` of two equal numbers give half of the gradient to each, as `maximum` does."""
    assert of_two_equal(name, device) == (2.0, 0.5, 0.5)


@fact("torch.fmax", "torch.fmin", source="notes/autograd", until="2.14", calls="recorded both")
@pytest.mark.parametrize("name", ["fmax", "fmin"])
def test_of_fmax_and_fmin_gave_the_gradient_to_the_first(device, name):
    """`fmax` and `fmin` of two equal numbers give the whole gradient to the first."""
    assert of_two_equal(name, device) == (2.0, 1.0, 0.0)


@fact("torch.atan2", source="notes/autograd", since="2.10", calls=DIFFERENTIATED)
def test_of_atan2_of_the_origin_are_zero(device):
    """`atan2` has gradients of 0 at the origin."""
    x, y = (torch.tensor(0.0, device=device, requires_grad=True) for _ in range(2))
    (torch.atan2(x, y) + 2 * x).backward()
    assert (x.grad.item(), y.grad.item()) == (2.0, 0.0)


@fact("torch.atan2", source="notes/autograd", until="2.10", calls=DIFFERENTIATED,
      hint="keep the point away from the origin")  # fmt: skip
def test_of_atan2_of_the_origin_were_nan(device):
    """`atan2` has gradients of NaN at the origin."""
    x, y = (torch.tensor(0.0, device=device, requires_grad=True) for _ in range(2))
    torch.atan2(x, y).backward()
    assert math.isnan(x.grad.item()) and math.isnan(y.grad.item())


NORMS = ["torch.norm", "torch.linalg.norm", "torch.linalg.vector_norm"]


@fact(*NORMS, source="notes/autograd")
@pytest.mark.parametrize("name", NORMS, ids=lambda name: name.removeprefix("torch."))
def test_of_a_norm_of_zeros_are_zero(device, name):
    """`norm`, `linalg.norm` and `vector_norm` have a gradient of 0 at the zero vector, rather than NaN."""
    x = torch.tensor([[0.0, 0.0], [3.0, 4.0]], device=device, requires_grad=True)
    y = subject(name)(x, dim=1)
    y.backward(torch.tensor([1.0, 5.0], device=device))
    same(y, torch.tensor([0.0, 5.0]))
    close(x.grad, [[0.0, 0.0], [3.0, 4.0]], roundings=4)


@fact("torch.std", "torch.sqrt", "torch.var", hint="add a small number under the root")
def test_of_a_deviation_of_equal_numbers_are_zero_but_of_a_root_are_nan(device):
    """`std` of equal numbers has a gradient of 0, where the square root of their `var` has NaN."""
    x = torch.tensor([2.0, 2.0, 2.0], device=device, requires_grad=True)
    deviation, root = torch.std(x), torch.sqrt(torch.var(x))
    assert (deviation.item(), root.item()) == (0.0, 0.0)
    same(torch.autograd.grad(deviation, x)[0], torch.zeros(3))
    assert torch.autograd.grad(root, x)[0].isnan().all()


@fact("torch.prod", "torch.cumprod")
def test_of_a_product_with_a_zero_are_the_product_of_the_others(device):
    """`prod` and `cumprod` of numbers with a zero have the right gradients, which no division by it would give."""
    y, grad = slopes("torch.prod", [0.0, 2.0, 3.0], device)
    same(y, torch.tensor(0.0))
    same(grad, torch.tensor([6.0, 0.0, 0.0]))
    y, grad = slopes("torch.cumprod", [2.0, 0.0, 3.0], device, dim=0)
    same(y, torch.tensor([2.0, 0.0, 0.0]))
    same(grad, torch.tensor([1.0, 8.0, 0.0]))


@fact("torch.softmax", "torch.logsumexp")
def test_of_a_masked_element_are_zero(device):
    """An element masked by -inf gets a gradient of 0 from `softmax` and `logsumexp`."""
    x = torch.tensor([-INF, 1.0, 1.0], device=device, requires_grad=True)
    y, z = torch.softmax(x, 0), torch.logsumexp(x, 0)
    same(y.detach(), torch.tensor([0.0, 0.5, 0.5]))
    close(torch.autograd.grad(y[1], x)[0], [0.0, 0.25, -0.25], roundings=2)
    close(torch.autograd.grad(z, x)[0], [0.0, 0.5, 0.5], roundings=2)


@fact("torch.softmax", "torch.logsumexp", hint="do not mask every element of a row with -inf")
def test_of_a_masked_row_are_nan(device):
    """A row that is masked by -inf as a whole gets NaN for gradients from `softmax` and `logsumexp`."""
    x = torch.tensor([-INF, -INF, -INF], device=device, requires_grad=True)
    y, z = torch.softmax(x, 0), torch.logsumexp(x, 0)
    same(torch.autograd.grad(y[1], x)[0], torch.full((3,), NAN))
    same(torch.autograd.grad(z, x)[0], torch.full((3,), NAN))


@fact("torch.linalg.eigvalsh", "torch.linalg.svdvals", "torch.linalg.eigh", source="generated/torch.linalg.eigh")
def test_of_repeated_eigenvalues_are_finite_and_of_their_vectors_are_not(device):
    """`eigvalsh` and `svdvals` of repeated values have finite gradients, while eigenvectors of `eigh` do not."""
    x = torch.eye(2, dtype=torch.float64, device=device).mul(3).requires_grad_()
    values, singular, (_, vectors) = torch.linalg.eigvalsh(x), torch.linalg.svdvals(x), torch.linalg.eigh(x)
    assert (values.tolist(), singular.tolist()) == ([3.0, 3.0], [3.0, 3.0])
    for made in (values, singular):
        close(torch.autograd.grad(made.sum(), x)[0], [[1.0, 0.0], [0.0, 1.0]], roundings=8, scale=1.0)
    assert not torch.autograd.grad(vectors[0, 1] + vectors[1, 0], x)[0].isfinite().all()


@fact(
    "torch.nn.functional.max_pool1d", "torch.nn.functional.adaptive_max_pool1d", source="generated/torch.nn.MaxPool1d"
)
@pytest.mark.parametrize("name", ["max_pool1d", "adaptive_max_pool1d"])
def test_of_a_pool_give_the_gradient_to_the_first(device, name):
    """`max_pool1d` and `adaptive_max_pool1d` give a window's whole gradient to the first of tied elements."""
    x = torch.tensor([[[1.5, 1.5, 2.5, 3.5]]], device=device, requires_grad=True)
    y = getattr(torch.nn.functional, name)(x, 2)
    y.backward(torch.tensor([[[2.0, 5.0]]], device=device))
    same(y, torch.tensor([[[1.5, 3.5]]]))
    same(x.grad, torch.tensor([[[2.0, 0.0, 0.0, 5.0]]]))


@fact("torch.heaviside")
def test_of_heaviside_are_refused(device):
    """`backward` of `heaviside` is refused: "derivative for aten::heaviside is not implemented"."""
    x = torch.tensor([0.0, 2.0], device=device, requires_grad=True)
    y = torch.heaviside(x, torch.tensor([0.5], device=device))
    same(y, torch.tensor([0.5, 1.0]))
    same(x, torch.tensor([0.0, 2.0]))
    with pytest.raises(RuntimeError, match="heaviside is not implemented"):
        y.sum().backward()
