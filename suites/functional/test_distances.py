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
    """`cdist` gives a table of distances of each row of one matrix to each of another, with their slopes."""
    x, y = (torch.tensor(each, device=device, requires_grad=True) for each in (A, B))
    got = torch.cdist(x, y, p=p)
    got.sum().backward()
    d = A[:, None] - B
    assert (got.dtype, got.is_contiguous()) == (torch.float64, True)
    close(got, length(d, p), roundings=ROUNDINGS)
    close(x.grad, direction(d, p).sum(1), roundings=ROUNDINGS, scale=4)
    close(y.grad, -direction(d, p).sum(0), roundings=ROUNDINGS, scale=4)


@fact("torch.cdist")
@pytest.mark.parametrize(
    "mode", ["use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist", "use_mm_for_euclid_dist_if_necessary"]
)
def test_of_cdist_may_be_by_a_product(mode, device):
    """`cdist` computes the distance of order 2 by a matrix product or not, as told, for batches and any strides."""
    x = torch.tensor(A, device=device).t().contiguous().t()
    y = torch.tensor(numpy.stack([B, -B]), device=device)
    got = torch.cdist(x, y, compute_mode=mode)
    close(got, length(A[None, :, None] - numpy.stack([B, -B])[:, None], 2), roundings=2**10)  # a difference of squares


@fact("torch.cdist")
def test_of_cdist_need_as_many_columns(device):
    """`cdist` refuses another number of columns, a vector, and a negative order."""
    x = torch.tensor(A, device=device)
    with pytest.raises(RuntimeError, match="must have the same number of columns. X1: 3 X2: 2"):
        torch.cdist(x, x[:, :2])
    with pytest.raises(RuntimeError, match="at least 2D tensors"):
        torch.cdist(x[0], x)
    with pytest.raises(RuntimeError, match="only supports non-negative p"):
        torch.cdist(x, x, p=-1.0)


@fact("torch.nn.functional.pdist", "torch.pdist")
@pytest.mark.parametrize("p", [1.0, 2.0, INF])
@pytest.mark.parametrize("function", [functional.pdist, torch.pdist], ids=["functional", "torch"])
def test_of_pdist_are_those_of_pairs(function, p, device):
    """`pdist` gives the distances of the pairs of rows, each once, row by row of the upper triangle."""
    x = torch.tensor(B, device=device, requires_grad=True)
    got = function(x, p)
    got.sum().backward()
    d = B[:, None] - B
    slopes = (
        numpy.nan_to_num(direction(numpy.where(numpy.eye(4)[..., None] == 1, 1.0, d), p))
        * (1 - numpy.eye(4))[..., None]
    )
    assert (got.dtype, got.is_contiguous()) == (torch.float64, True)
    close(got, length(d, p)[numpy.triu_indices(4, 1)], roundings=ROUNDINGS)
    close(x.grad, slopes.sum(1), roundings=ROUNDINGS, scale=4)
    same(x, B)


@fact("torch.nn.functional.pairwise_distance", "torch.pairwise_distance")
@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("p", [1.0, 2.0, INF])
@pytest.mark.parametrize(
    "function", [functional.pairwise_distance, torch.pairwise_distance], ids=["functional", "torch"]
)
def test_of_pairwise_distance_are_of_row_and_row(function, p, keepdim, device):
    """`pairwise_distance` gives the distance of each row to its counterpart, with `eps` added to each difference."""
    x = torch.tensor(A, device=device, requires_grad=True)
    got = function(x, torch.tensor(B[:2], device=device), p=p, eps=0.125, keepdim=keepdim)
    got.sum().backward()
    d = A - B[:2] + 0.125
    assert (got.dtype, got.is_contiguous()) == (torch.float64, True)
    close(got, length(d, p, keepdims=keepdim), roundings=ROUNDINGS)
    close(x.grad, direction(d, p), roundings=ROUNDINGS, scale=1)


@fact("torch.nn.functional.pairwise_distance")
def test_of_pairwise_distance_are_never_zero_by_default(device):
    """`pairwise_distance` of equal rows is not zero, since 1e-6 is added to each difference."""
    x = torch.tensor(A, device=device)
    close(functional.pairwise_distance(x, x), [1e-6 * math.sqrt(3)] * 2, roundings=ROUNDINGS)
    same(functional.pairwise_distance(x, x, eps=0.0), torch.zeros(2, dtype=torch.float64))


@fact("torch.nn.functional.cosine_similarity", "torch.cosine_similarity")
@pytest.mark.parametrize("dim", [0, 1, -1])
@pytest.mark.parametrize(
    "function", [functional.cosine_similarity, torch.cosine_similarity], ids=["functional", "torch"]
)
def test_of_angles_are_products_of_directions(function, dim, device):
    """`cosine_similarity` is the inner product along a dimension, divided by both lengths."""
    x, y = torch.tensor(A, device=device, requires_grad=True), torch.tensor(B[:2], device=device)
    got = function(x, y, dim=dim)
    got.sum().backward()
    a, b = (each / length(each, 2, dim, True) for each in (A, B[:2]))
    want = (a * b).sum(dim)
    assert (got.dtype, got.is_contiguous()) == (torch.float64, True)
    close(got, want, roundings=ROUNDINGS, scale=1)
    slopes = (b - a * numpy.expand_dims(want, dim)) / length(A, 2, dim, True)
    close(x.grad, slopes, roundings=ROUNDINGS, scale=2)
    same(y, B[:2])


@fact("torch.nn.functional.cosine_similarity")
def test_of_angles_broadcast_with_dimension_one_by_default(device):
    """`cosine_similarity` goes along dimension 1 by default, broadcasts, and is 0 with a row of zeros."""
    x = torch.tensor([[3.0, 4.0], [0.0, 0.0]], device=device)
    y = functional.cosine_similarity(x, torch.tensor([[4.0, 3.0]], device=device))
    close(y, [0.96, 0.0], roundings=8)
    assert y.is_contiguous()


@fact("torch.nn.functional.cosine_similarity")
def test_of_angles_take_a_length_of_eps_at_least(device):
    """`cosine_similarity` takes a length below `eps` for `eps`."""
    x = torch.tensor([[3.0, 4.0]], dtype=torch.float64, device=device)
    close(functional.cosine_similarity(x, x, eps=10.0), [0.25], roundings=8)


@fact("torch.nn.functional.normalize")
@pytest.mark.parametrize("p", [1.0, 2.0, INF])
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_of_one_are_left_by_normalize(p, dim, device):
    """`normalize` divides by the norm along a dimension, 1 by default, and leaves rows of zeros."""
    x = torch.tensor(A, device=device, requires_grad=True)
    y = functional.normalize(x, p=p, dim=dim)
    y.backward(torch.tensor(A, device=device))
    norm = length(A, p, dim, True)
    assert (y.dtype, y.is_contiguous()) == (torch.float64, True)
    close(y, A / norm, roundings=ROUNDINGS)
    slopes = numpy.moveaxis(direction(numpy.moveaxis(A, dim, -1), p), -1, dim)
    close(x.grad, A / norm - slopes * (A * A).sum(dim, keepdims=True) / norm**2, roundings=ROUNDINGS, scale=8)


@fact("torch.nn.functional.normalize")
def test_of_zero_are_left_zero_by_normalize(device):
    """`normalize` goes along dimension 1 by default, divides by `eps` at least, and writes to `out`."""
    x, out = torch.tensor([[0.0, 0.0], [3.0, 4.0]], device=device), torch.empty(2, 2, device=device)
    close(functional.normalize(x), [[0.0, 0.0], [0.6, 0.8]], roundings=4)
    assert functional.normalize(x, eps=10.0, out=out) is out
    close(out, [[0.0, 0.0], [0.3, 0.4]], roundings=4)


@fact("torch.dist")
@pytest.mark.parametrize("p", ORDERS[1:])
def test_of_dist_are_of_all_elements(p, device):
    """`dist` is the norm of the difference of two tensors, of all elements together."""
    x = torch.tensor(A, device=device, requires_grad=True)
    y = torch.dist(x, torch.tensor(B[:1], device=device), p)
    y.backward()
    d = A - B[:1]
    assert y.dtype == torch.float64
    close(y, length(d.ravel(), p), roundings=ROUNDINGS)
    close(x.grad, direction(d.reshape(1, -1), p).reshape(2, 3), roundings=ROUNDINGS, scale=1)
    same(x, A)
