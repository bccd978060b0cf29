"""Exponentials as shares of one: `softmax` and its kin, `logsumexp`, `gumbel_softmax`; and `one_hot`, their targets."""

import math

import numpy
import pytest
import torch
from torch.nn import functional

from torchproof import close, fact, same
from torchproof.suites.functional.reference import of_lies

ROUNDINGS = 32  # of exponentials, their sum and a quotient or a logarithm
X = numpy.array([[0.5, -1.25, 2.0], [1.5, 0.25, -0.75]])
G = numpy.array([[2.0, 3.0, -1.0], [0.5, -2.0, 4.0]])
INF, NAN = math.inf, math.nan


def shares(x, axis):
    return numpy.exp(x) / numpy.exp(x).sum(axis, keepdims=True)


# What each is of an array along an axis, and its gradient times `g`.
FAMILY = {
    "softmax": (shares, lambda x, g, axis: shares(x, axis) * (g - (g * shares(x, axis)).sum(axis, keepdims=True))),
    "softmin": (
        lambda x, axis: shares(-x, axis),
        lambda x, g, axis: -shares(-x, axis) * (g - (g * shares(-x, axis)).sum(axis, keepdims=True)),
    ),
    "log_softmax": (
        lambda x, axis: numpy.log(shares(x, axis)),
        lambda x, g, axis: g - shares(x, axis) * g.sum(axis, keepdims=True),
    ),
}
ABOUT = fact(*(f"torch.nn.functional.{name}" for name in FAMILY), claims=["O09"])
ALL = pytest.mark.parametrize("name", FAMILY)


@ABOUT
@ALL
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_is_of_exponentials_along_a_dimension(device, name, dim):
    """`softmax` is each exponential's share of their sum, `softmin` of -x, `log_softmax` its logarithm, contiguous."""
    x = torch.tensor(X, device=device)
    y = getattr(functional, name)(x, dim=dim)
    want = FAMILY[name][0](X, dim)
    assert (y.dtype, y.is_contiguous()) == (torch.float64, True)
    close(y, want, roundings=ROUNDINGS, scale=abs(want) + 1)
    same(x, X)


@ABOUT
@ALL
@pytest.mark.parametrize("dim", [0, -1])
def test_has_the_gradient_of_shares(device, name, dim):
    """The gradients of `softmax`, `softmin` and `log_softmax` along a dimension are their slopes."""
    x = torch.tensor(X, device=device, requires_grad=True)
    getattr(functional, name)(x, dim=dim).backward(torch.tensor(G, device=device))
    close(x.grad, FAMILY[name][1](X, G, dim), roundings=ROUNDINGS, scale=8)


@ABOUT
@ALL
@of_lies
def test_does_not_depend_on_how_the_input_lies(device, name, lie):
    """`softmax`, `softmin` and `log_softmax`, with their gradients, do not depend on strides, but for rounding."""
    x = lie(torch.tensor(X, device=device)).requires_grad_()
    y = getattr(functional, name)(x, dim=1)
    y.backward(lie(torch.tensor(G, device=device)))
    close(y, FAMILY[name][0](X, 1), roundings=ROUNDINGS, scale=8)
    close(x.grad, FAMILY[name][1](X, G, 1), roundings=ROUNDINGS, scale=8)


@ABOUT
@ALL
def test_converts_before_it_computes(device, name):
    """`softmax`, `softmin` and `log_softmax` with `dtype=` convert their input first, so that they take integers."""
    y = getattr(functional, name)(torch.tensor([[1, 2, 4]], device=device), dim=1, dtype=torch.float64)
    assert y.dtype == torch.float64
    close(y, FAMILY[name][0](numpy.array([[1, 2, 4]]), 1), roundings=ROUNDINGS, scale=4)


@ABOUT
@ALL
def test_does_not_overflow(device, name):
    """`softmax`, `softmin` and `log_softmax` of numbers near 10,000 do not overflow: differences alone count."""
    x = torch.tensor([1e4, 1e4 - 1, 1e4 + 2], dtype=torch.float64, device=device)
    close(getattr(functional, name)(x, dim=0), FAMILY[name][0](numpy.array([0.0, -1, 2]), 0), roundings=ROUNDINGS)


@ABOUT
@pytest.mark.parametrize(
    ("name", "want"), [("softmax", [0.0, 1.0]), ("softmin", [1.0, 0.0]), ("log_softmax", [-1000.0, 0.0])], ids=FAMILY
)
def test_is_exact_far_apart(device, name, want):
    """`log_softmax` of -1000 and 0 is -1000 and 0, while `softmax` gives 0 and 1, whose logarithm is infinite."""
    same(getattr(functional, name)(torch.tensor([-1000.0, 0.0], device=device), dim=0), torch.tensor(want))


@fact("torch.nn.functional.softmax", "torch.nn.functional.log_softmax")
@pytest.mark.parametrize(
    ("name", "want"), [("softmax", [0.0, 0.5]), ("log_softmax", [-INF, -math.log(2)])], ids=["softmax", "log_softmax"]
)
def test_gives_what_is_masked_no_share(device, name, want):
    """`softmax` gives what is masked with minus infinity no share, and `log_softmax` minus infinity."""
    y = getattr(functional, name)(torch.tensor([-INF, 1.0, 1.0], dtype=torch.float64, device=device), dim=0)
    assert y[0].item() == want[0]
    close(y[1:], [want[1]] * 2, roundings=4)


@fact("torch.nn.functional.softmax", "torch.nn.functional.log_softmax")
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_is_nan_where_all_is_masked(device, name):
    """`softmax` and `log_softmax` of a row that is masked with minus infinity throughout are NaN."""
    x = torch.tensor([[-INF, -INF], [1.0, 1.0]], device=device)
    y = getattr(functional, name)(x, dim=1)
    assert y.isnan().tolist() == [[True, True], [False, False]]


@ABOUT
@ALL
def test_of_nothing_is_empty(device, name):
    """`softmax`, `softmin` and `log_softmax` of no rows are no rows."""
    same(getattr(functional, name)(torch.empty(0, 3, device=device), dim=1), torch.empty(0, 3))


@ABOUT
@ALL
def test_of_an_unknown_dimension_is_refused(device, name):
    """`softmax`, `softmin` and `log_softmax` refuse a dimension that is not there: "Dimension out of range"."""
    with pytest.raises(IndexError, match="Dimension out of range"):
        getattr(functional, name)(torch.tensor(X, device=device), dim=2)


@fact("torch.softmax", "torch.log_softmax", hint="convert to a floating-point dtype, or pass dtype=")
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_of_integers_is_refused(device, name):
    """`torch.softmax` and `torch.log_softmax` of integers are "not implemented for 'Long'", unless `dtype=` is said."""
    x = torch.tensor([1, 1], device=device)
    with pytest.raises(RuntimeError, match="not implemented for 'Long'"):
        getattr(torch, name)(x, 0)
    y = getattr(torch, name)(x, 0, dtype=torch.float32)
    assert y.dtype == torch.float32
    close(y, [0.5, 0.5] if name == "softmax" else [-math.log(2)] * 2, roundings=4)


@ABOUT
@ALL
def test_warns_of_a_dimension_that_it_guesses(device, name):
    """`softmax`, `softmin` and `log_softmax` without `dim` warn of an "Implicit dimension choice"."""
    with pytest.warns(UserWarning, match="Implicit dimension choice"):
        y = getattr(functional, name)(torch.tensor(X, device=device))
    close(y, FAMILY[name][0](X, 1), roundings=ROUNDINGS, scale=8)


@fact("torch.logsumexp")
@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("dim", [0, -1, (0, 1)], ids=str)
def test_has_the_logarithm_of_its_sum(device, dim, keepdim):
    """`torch.logsumexp` is the logarithm of the sum of exponentials over dimensions, in a contiguous tensor."""
    x = torch.tensor(X, device=device)
    y, want = torch.logsumexp(x, dim, keepdim=keepdim), numpy.log(numpy.exp(X).sum(axis=dim, keepdims=keepdim))
    assert (y.dtype, y.is_contiguous()) == (torch.float64, True)
    close(y, want, roundings=ROUNDINGS, scale=abs(want) + 1)
    same(x, X)


@fact("torch.logsumexp")
def test_has_a_gradient_that_is_softmax(device):
    """The gradient of `torch.logsumexp` is `softmax`, times that of its result."""
    x = torch.tensor(X, device=device, requires_grad=True)
    torch.logsumexp(x, 1).backward(torch.tensor([2.0, -3.0], dtype=torch.float64, device=device))
    close(x.grad, shares(X, 1) * numpy.array([[2.0], [-3.0]]), roundings=ROUNDINGS, scale=4)


@fact("torch.logsumexp")
def test_of_a_sum_does_not_overflow(device):
    """`torch.logsumexp` of numbers near 10,000 is 10,000 more than of those near zero: it does not overflow."""
    y = torch.logsumexp(torch.tensor(X + 1e4, device=device), 1)
    close(y, 1e4 + numpy.log(numpy.exp(X).sum(1)), roundings=ROUNDINGS)


@fact("torch.logsumexp")
def test_of_nothing_is_the_logarithm_of_zero(device):
    """`torch.logsumexp` of no element is minus infinity."""
    same(torch.logsumexp(torch.empty(3, 0, device=device), 1), torch.tensor([-INF] * 3))


@fact("torch.logsumexp")
def test_of_infinities_is_the_larger_one(device):
    """`torch.logsumexp` of infinities is the larger one, and NaN where there is NaN."""
    x = torch.tensor([[-INF, -INF], [INF, -INF], [NAN, 1.0]], device=device)
    same(torch.logsumexp(x, 1), torch.tensor([-INF, INF, NAN]))


@fact("torch.nn.functional.gumbel_softmax")
def test_may_be_drawn_as_one_hot(device):
    """`gumbel_softmax` with `hard=True` is one-hot."""
    y = functional.gumbel_softmax(torch.tensor(X, device=device), hard=True)
    close(y.sort(1).values, [[0.0, 0.0, 1.0]] * 2, roundings=4, scale=1)


@fact("torch.nn.functional.gumbel_softmax")
def test_drawn_as_one_hot_has_the_gradient_of_shares(device):
    """The gradient of `gumbel_softmax` with `hard=True` is that of the shares that it draws from the same seed."""
    grads = []
    for hard in (True, False):
        torch.manual_seed(3)
        x = torch.tensor(X, device=device, requires_grad=True)
        functional.gumbel_softmax(x, hard=hard)[:, 0].sum().backward()
        grads.append(x.grad)
    assert (grads[0] != 0).all()
    close(grads[0], grads[1].cpu().numpy(), roundings=ROUNDINGS, scale=1)


def drawn(device, tau):
    """What `gumbel_softmax` draws from one seed, and the gradient of its first column."""
    torch.manual_seed(3)
    x = torch.tensor(X, device=device, requires_grad=True)
    y = functional.gumbel_softmax(x, tau=tau)
    y[:, 0].sum().backward()
    return y.detach(), x.grad


def squared(y):
    return (y**2 / (y**2).sum(1, keepdim=True)).cpu().numpy()


@fact("torch.nn.functional.gumbel_softmax")
def test_drawn_is_sharpened_by_its_temperature(device):
    """`gumbel_softmax` with `tau=0.5` draws the squares of what it draws with `tau=1`, as shares of their sum."""
    close(drawn(device, 0.5)[0], squared(drawn(device, 1.0)[0]), roundings=ROUNDINGS)


@fact("torch.nn.functional.gumbel_softmax")
def test_drawn_has_a_gradient_divided_by_its_temperature(device):
    """The gradient of `gumbel_softmax` is that of `softmax`, divided by `tau`."""
    y, grad = drawn(device, 0.5)
    y = y.cpu().numpy()
    close(grad, 2 * y[:, :1] * (numpy.array([1, 0, 0]) - y), roundings=ROUNDINGS, scale=1)


@fact("torch.nn.functional.gumbel_softmax")
@pytest.mark.parametrize("dim", [0, -1])
def test_may_be_drawn_as_shares(device, dim):
    """`gumbel_softmax` draws positive shares that add up to one along a dimension."""
    y = functional.gumbel_softmax(torch.tensor(X, device=device), tau=2.0, dim=dim)
    assert (y.dtype, y.shape) == (torch.float64, (2, 3))
    close(y.sum(dim), numpy.ones(X.sum(dim).shape), roundings=ROUNDINGS)
    assert (y > 0).all()


ONE_HOT = fact("torch.nn.functional.one_hot", claims=["O09"])


@ONE_HOT
@pytest.mark.parametrize("labels", [[2, 0, 1], [[0, 2], [1, 1]]], ids=["vector", "table"])
@pytest.mark.parametrize("classes", [-1, 3, 5])
def test_of_labels_is_one_hot(device, labels, classes):
    """`one_hot` adds a dimension of classes, as many as labels need unless told, with a 1 at each label, contiguous."""
    x = torch.tensor(labels, device=device)
    y = functional.one_hot(x, num_classes=classes)
    same(y, numpy.eye(3 if classes == -1 else classes, dtype="int64")[numpy.array(labels)])
    assert y.is_contiguous()


@ONE_HOT
def test_is_of_int64_labels_only(device):
    """`one_hot` refuses labels of int32."""
    with pytest.raises(RuntimeError, match="index tensor|int64"):
        functional.one_hot(torch.tensor([1, 2], dtype=torch.int32, device=device))


@ONE_HOT
@pytest.mark.parametrize(
    ("labels", "classes", "words"),
    [([0, -1], -1, "non-negative"), ([0, 3], 3, "smaller than num_classes")],
    ids=["negative", "large"],
)
def test_refuses_labels_out_of_range(labels, classes, words):
    """`one_hot` on the CPU refuses a label below zero, and one that is not below `num_classes`."""
    with pytest.raises(RuntimeError, match=words):
        functional.one_hot(torch.tensor(labels), num_classes=classes)


@ONE_HOT
def test_of_no_labels_needs_their_number(device):
    """`one_hot` of no labels is refused unless `num_classes` is given: "Can not infer total number of classes"."""
    x = torch.empty(0, dtype=torch.int64, device=device)
    with pytest.raises(RuntimeError, match="Can not infer total number of classes from empty tensor"):
        functional.one_hot(x)
    same(functional.one_hot(x, 4), torch.empty(0, 4, dtype=torch.int64))
