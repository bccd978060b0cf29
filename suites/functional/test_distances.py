"""Distances, lengths and angles: `cdist`, `pdist`, `pairwise_distance`, `cosine_similarity`, `normalize` and `dist`."""

import math

import numpy
import pytest
import torch
from torch.nn import functional

from torchproof import close, fact, same

ROUNDINGS = 64  # of powers, sums and roots
A = numpy.array([[0.5, -1.25, 2.0], [1.5, 0.25, -0.75]])
B = numpy.array([[2.0, -1.0, 0.25], [-0.5, 0.5, -3.0], [1.0, 3.0, 0.75], [0.0, -2.0, 1.0]])
INF = math.inf
ORDERS = [0.0, 1.0, 2.0, 3.0, INF]


def length(d, p, axis=-1, keepdims=False):
    d = abs(d)
    if p == 0:
        return (d != 0).sum(axis, keepdims=keepdims).astype(float)
    return d.max(axis, keepdims=keepdims) if p == INF else (d**p).sum(axis, keepdims=keepdims) ** (1 / p)


def direction(d, p):
    """The slopes of the length of rows of differences."""
    if p == 0:
        return 0 * d
    if p == INF:
        return numpy.sign(d) * (abs(d) == abs(d).max(-1, keepdims=True))
    return numpy.sign(d) * abs(d) ** (p - 1) / length(d, p, keepdims=True) ** (p - 1)


@fact("torch.cdist")
@pytest.mark.parametrize("p", ORDERS)
def test_of_cdist_are_of_each_row_to_each(p, device):
    """`torch.cdist` gives the distances of each row of one matrix to each of another, in a contiguous matrix."""
    got = torch.cdist(*(torch.tensor(each, device=device) for each in (A, B)), p=p)
    assert (got.dtype, got.is_contiguous()) == (torch.float64, True)
    close(got, length(A[:, None] - B, p), roundings=ROUNDINGS)


@fact("torch.cdist")
@pytest.mark.parametrize("p", ORDERS)
def test_of_cdist_have_their_slopes_as_gradients(p, device):
    """The gradients of `torch.cdist` are the slopes of its distances by the rows of both matrices."""
    x, y = (torch.tensor(each, device=device, requires_grad=True) for each in (A, B))
    torch.cdist(x, y, p=p).sum().backward()
    slopes = direction(A[:, None] - B, p)
    close(x.grad, slopes.sum(1), roundings=ROUNDINGS, scale=4)
    close(y.grad, -slopes.sum(0), roundings=ROUNDINGS, scale=4)


@fact("torch.cdist")
@pytest.mark.parametrize(
    "mode", ["use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist", "use_mm_for_euclid_dist_if_necessary"]
)
def test_of_cdist_may_be_by_a_product(mode, device):
    """`torch.cdist` gives the same by a matrix product and without, as `compute_mode` says, of batches too."""
    x = torch.tensor(A, device=device).t().contiguous().t()
    y = torch.tensor(numpy.stack([B, -B]), device=device)
    got = torch.cdist(x, y, compute_mode=mode)
    close(got, length(A[None, :, None] - numpy.stack([B, -B])[:, None], 2), roundings=2**10)  # a difference of squares


@fact("torch.cdist")
@pytest.mark.parametrize(
    ("refused", "words"),
    [
        (lambda x: torch.cdist(x, x[:, :2]), "must have the same number of columns. X1: 3 X2: 2"),
        (lambda x: torch.cdist(x[0], x), "at least 2D tensors"),
        (lambda x: torch.cdist(x, x, p=-1.0), "only supports non-negative p"),
    ],
    ids=["columns", "vector", "order"],
)
def test_of_cdist_need_as_many_columns(refused, words, device):
    """`torch.cdist` refuses unequal numbers of columns, vectors and a negative `p`."""
    with pytest.raises(RuntimeError, match=words):
        refused(torch.tensor(A, device=device))


of_pdist = pytest.mark.parametrize("function", [functional.pdist, torch.pdist], ids=["functional", "torch"])
of_orders = pytest.mark.parametrize("p", [1.0, 2.0, INF])


@fact("torch.nn.functional.pdist", "torch.pdist")
@of_orders
@of_pdist
def test_of_pdist_are_those_of_pairs(function, p, device):
    """`pdist` gives the distances of the pairs of rows, each once, row by row of the upper triangle, contiguous."""
    x = torch.tensor(B, device=device)
    got = function(x, p)
    assert (got.dtype, got.is_contiguous()) == (torch.float64, True)
    close(got, length(B[:, None] - B, p)[numpy.triu_indices(4, 1)], roundings=ROUNDINGS)
    same(x, B)


@fact("torch.nn.functional.pdist", "torch.pdist")
@of_orders
@of_pdist
def test_of_pdist_have_their_slopes_as_gradients(function, p, device):
    """The gradient of `pdist` is the slope of its distances by each row."""
    x, apart = torch.tensor(B, device=device, requires_grad=True), 1 - numpy.eye(4)[..., None]
    function(x, p).sum().backward()
    slopes = direction(numpy.where(apart == 0, 1.0, B[:, None] - B), p) * apart
    close(x.grad, slopes.sum(1), roundings=ROUNDINGS, scale=4)


of_pairwise = pytest.mark.parametrize(
    "function", [functional.pairwise_distance, torch.pairwise_distance], ids=["functional", "torch"]
)


@fact("torch.nn.functional.pairwise_distance", "torch.pairwise_distance")
@pytest.mark.parametrize("keepdim", [False, True])
@of_orders
@of_pairwise
def test_of_pairwise_distance_are_of_row_and_row(function, p, keepdim, device):
    """`pairwise_distance` gives the distance of each row to its counterpart, `eps` added to differences, contiguous."""
    got = function(torch.tensor(A, device=device), torch.tensor(B[:2], device=device), p=p, eps=0.125, keepdim=keepdim)
    assert (got.dtype, got.is_contiguous()) == (torch.float64, True)
    close(got, length(A - B[:2] + 0.125, p, keepdims=keepdim), roundings=ROUNDINGS)


@fact("torch.nn.functional.pairwise_distance", "torch.pairwise_distance")
@of_orders
@of_pairwise
def test_of_pairwise_distance_have_their_slopes_as_gradients(function, p, device):
    """The gradient of `pairwise_distance` is the slope of each distance by its row."""
    x = torch.tensor(A, device=device, requires_grad=True)
    function(x, torch.tensor(B[:2], device=device), p=p, eps=0.125).sum().backward()
    close(x.grad, direction(A - B[:2] + 0.125, p), roundings=ROUNDINGS, scale=1)


@fact("torch.nn.functional.pairwise_distance")
def test_of_pairwise_distance_are_never_zero_by_default(device):
    """`pairwise_distance` of equal rows is not zero, since `eps`, 1e-6 unless told, is added to each difference."""
    x = torch.tensor(A, device=device)
    close(functional.pairwise_distance(x, x), [1e-6 * math.sqrt(3)] * 2, roundings=ROUNDINGS)
    same(functional.pairwise_distance(x, x, eps=0.0), torch.zeros(2, dtype=torch.float64))


of_cosine = pytest.mark.parametrize(
    "function", [functional.cosine_similarity, torch.cosine_similarity], ids=["functional", "torch"]
)
of_dims = pytest.mark.parametrize("dim", [0, 1, -1])


def cosine(dim):
    """The directions of A and of as many rows of B along a dimension, and the cosine between them."""
    a, b = (each / length(each, 2, dim, True) for each in (A, B[:2]))
    return a, b, (a * b).sum(dim)


@fact("torch.nn.functional.cosine_similarity", "torch.cosine_similarity")
@of_dims
@of_cosine
def test_of_angles_are_products_of_directions(function, dim, device):
    """`cosine_similarity` is the inner product along a dimension, divided by both lengths, in a contiguous tensor."""
    y = torch.tensor(B[:2], device=device)
    got = function(torch.tensor(A, device=device), y, dim=dim)
    assert (got.dtype, got.is_contiguous()) == (torch.float64, True)
    close(got, cosine(dim)[2], roundings=ROUNDINGS, scale=1)
    same(y, B[:2])


@fact("torch.nn.functional.cosine_similarity", "torch.cosine_similarity")
@of_dims
@of_cosine
def test_of_angles_have_a_gradient_across_the_direction(function, dim, device):
    """The gradient of `cosine_similarity` is the part of the other direction across its own, divided by the length."""
    x = torch.tensor(A, device=device, requires_grad=True)
    function(x, torch.tensor(B[:2], device=device), dim=dim).sum().backward()
    a, b, both = cosine(dim)
    slopes = (b - a * numpy.expand_dims(both, dim)) / length(A, 2, dim, True)
    close(x.grad, slopes, roundings=ROUNDINGS, scale=2)


@fact("torch.nn.functional.cosine_similarity")
def test_of_angles_broadcast_with_dimension_one_by_default(device):
    """`cosine_similarity` broadcasts, and goes along dimension 1 unless told."""
    x = torch.tensor([[3.0, 4.0], [5.0, 12.0]], device=device)
    y = functional.cosine_similarity(x, torch.tensor([[4.0, 3.0]], device=device))
    close(y, [24 / 25, 56 / 65], roundings=8)


@fact("torch.nn.functional.cosine_similarity")
def test_of_angles_are_zero_with_a_row_of_zeros(device):
    """`cosine_similarity` with a row of zeros is 0, not NaN."""
    x, y = torch.tensor([[3.0, 4.0], [0.0, 0.0]], device=device), torch.tensor([[0.0, 0.0], [4.0, 3.0]], device=device)
    same(functional.cosine_similarity(x, y), torch.zeros(2))


@fact("torch.nn.functional.cosine_similarity")
def test_of_angles_take_a_length_of_eps_at_least(device):
    """`cosine_similarity` takes a length below `eps` for `eps`."""
    x = torch.tensor([[3.0, 4.0]], dtype=torch.float64, device=device)
    close(functional.cosine_similarity(x, x, eps=10.0), [0.25], roundings=8)


@fact("torch.nn.functional.normalize")
@of_orders
@of_dims
def test_of_one_are_left_by_normalize(p, dim, device):
    """`normalize` divides by the norm of order `p` along a dimension, and is contiguous if its input is."""
    y = functional.normalize(torch.tensor(A, device=device), p=p, dim=dim)
    assert (y.dtype, y.is_contiguous()) == (torch.float64, True)
    close(y, A / length(A, p, dim, True), roundings=ROUNDINGS)


@fact("torch.nn.functional.normalize")
@of_orders
@of_dims
def test_of_one_have_the_gradient_of_a_quotient(p, dim, device):
    """The gradient of `normalize` is the slope of a quotient by the norm, which moves as well."""
    x, norm = torch.tensor(A, device=device, requires_grad=True), length(A, p, dim, True)
    functional.normalize(x, p=p, dim=dim).backward(torch.tensor(A, device=device))
    slopes = numpy.moveaxis(direction(numpy.moveaxis(A, dim, -1), p), -1, dim)
    close(x.grad, A / norm - slopes * (A * A).sum(dim, keepdims=True) / norm**2, roundings=ROUNDINGS, scale=8)


@fact("torch.nn.functional.normalize")
def test_of_zero_are_left_zero_by_normalize(device):
    """`normalize` goes along dimension 1 by default, and leaves a row of zeros as it is."""
    x = torch.tensor([[0.0, 0.0], [3.0, 4.0]], device=device)
    close(functional.normalize(x), [[0.0, 0.0], [0.6, 0.8]], roundings=4)


@fact("torch.nn.functional.normalize")
def test_of_eps_at_least_are_divided_by(device):
    """`normalize` takes a norm below `eps` for `eps`."""
    close(functional.normalize(torch.tensor([[3.0, 4.0]], device=device), eps=10.0), [[0.3, 0.4]], roundings=4)


@fact("torch.nn.functional.normalize")
def test_of_one_are_written_to_out(device):
    """`normalize` writes to `out`, and returns it."""
    out = torch.empty(1, 2, device=device)
    assert functional.normalize(torch.tensor([[3.0, 4.0]], device=device), out=out) is out
    close(out, [[0.6, 0.8]], roundings=4)


@fact("torch.dist")
@pytest.mark.parametrize("p", ORDERS[1:])
def test_of_dist_are_of_all_elements(p, device):
    """`torch.dist` is the norm of order `p` of the difference of two tensors, broadcast, of all elements together."""
    y = torch.dist(torch.tensor(A, device=device), torch.tensor(B[:1], device=device), p)
    assert y.dtype == torch.float64
    close(y, length((A - B[:1]).ravel(), p), roundings=ROUNDINGS)


@fact("torch.dist")
@pytest.mark.parametrize("p", ORDERS[1:])
def test_of_dist_have_their_slope_as_gradient(p, device):
    """The gradient of `torch.dist` is the slope of the norm, by each element of the difference."""
    x = torch.tensor(A, device=device, requires_grad=True)
    torch.dist(x, torch.tensor(B[:1], device=device), p).backward()
    close(x.grad, direction((A - B[:1]).reshape(1, -1), p).reshape(2, 3), roundings=ROUNDINGS, scale=1)
