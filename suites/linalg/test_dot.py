"""`dot`, `vdot`, `inner` and `vecdot`, the products of vectors, with what they refuse."""

from fractions import Fraction

import numpy
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from torchproof import close, fact, same
from torchproof.fixtures.strategies import Layout, layouts

NUMBERS = st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), max_size=9)
BOTH = {"dot": torch.dot, "vdot": torch.vdot}


def tensors(pairs, device):
    return (torch.tensor([pair[side] for pair in pairs], dtype=torch.float32, device=device) for side in (0, 1))


# --- values


@fact("torch.dot", claims=["O04"])
@given(pairs=NUMBERS)
@example(pairs=[])
@example(pairs=[(1, 4), (2, 5), (3, 6)])
def test_sums_the_products(pairs, device):
    """`dot` of two vectors is the sum of the products of their elements."""
    a, b = tensors(pairs, device)
    same(torch.dot(a, b), numpy.array(sum(x * y for x, y in pairs), dtype="float32"))


@fact("torch.dot")
def test_of_empty_vectors_is_zero(device):
    """`dot` of two vectors without elements is 0."""
    same(torch.dot(torch.zeros(0, device=device), torch.zeros(0, device=device)), numpy.array(0, dtype="float32"))


@fact("torch.dot")
@given(
    pair=st.tuples(layouts(1, 1, overlap=True), layouts(1, 1, overlap=True)).filter(
        lambda pair: pair[0].shape == pair[1].shape
    )
)
@example(pair=(Layout((3,), (2,), 1), Layout((3,), (0,))))
def test_reads_vectors_of_any_stride(pair, device):
    """`dot` gives the same product, but for rounding, for stepped, offset and expanded vectors."""
    a, b = (torch.arange(layout.reach, dtype=torch.float32, device=device).as_strided(*layout) for layout in pair)
    same(torch.dot(a, b), numpy.array(pair[0].places() @ pair[1].places(), dtype="float32"))


@fact("torch.dot", "torch.vdot")
@pytest.mark.parametrize("product", BOTH.values(), ids=BOTH)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("k", [1, 2, 33, 100])
def test_errs_by_one_rounding_a_term_at_most(k, dtype, product, device):
    """The error of `dot` or `vdot` over `k` terms is within `k + 1` roundings of the sum of the products' sizes."""
    a, b = torch.randn(k).to(dtype), torch.randn(k).to(dtype)
    terms = [Fraction(x) * Fraction(y) for x, y in zip(a.tolist(), b.tolist())]
    close(product(a.to(device), b.to(device)), float(sum(terms)), roundings=k + 1, scale=float(sum(map(abs, terms))))


@fact("torch.dot", myth="dot of complex vectors is their inner product")
def test_does_not_conjugate(device):
    """`dot` of complex vectors multiplies them as they are."""
    x = torch.tensor([1j, 2j], dtype=torch.complex64, device=device)
    same(torch.dot(x, x), numpy.array(-5, dtype="complex64"))


@fact("torch.vdot")
def test_conjugates_the_first_as_vdot(device):
    """`vdot` conjugates its first argument, as NumPy's does."""
    a, b = numpy.array([1 + 2j, 3j], dtype="complex64"), numpy.array([2 - 1j, 1 + 1j], dtype="complex64")
    same(torch.vdot(torch.from_numpy(a).to(device), torch.from_numpy(b).to(device)), numpy.array(numpy.vdot(a, b)))


@fact("torch.vdot")
def test_equals_vdot_for_real_numbers(device):
    """`vdot` of real vectors is their `dot`."""
    a, b = torch.tensor([1.0, 2, 3], device=device), torch.tensor([4.0, 5, 6], device=device)
    same(torch.vdot(a, b), numpy.array(32, dtype="float32"))


# --- what is refused


@fact("torch.dot", "torch.vdot", claims=["O03", "O04"], myth="dot multiplies matrices as numpy.dot does")
@pytest.mark.parametrize("dot", BOTH.values(), ids=BOTH)
@pytest.mark.parametrize(
    ("one", "other"), [((2, 2), (2, 2)), ((2,), (2, 2)), ((2, 2), (2,)), ((), ()), ((1, 3), (3, 1))]
)
def test_takes_vectors_only(one, other, dot, device):
    """`dot` and `vdot` refuse what has not one dimension, though `numpy.dot` takes it: "1D tensors expected"."""
    with pytest.raises(RuntimeError, match="1D tensors expected"):
        dot(torch.zeros(one, device=device), torch.zeros(other, device=device))


@fact("torch.dot", "torch.vdot", claims=["O04"])
@pytest.mark.parametrize("dot", BOTH.values(), ids=BOTH)
@pytest.mark.parametrize(("one", "other"), [((3,), (4,)), ((1,), (3,)), ((0,), (1,))])
def test_takes_vectors_of_one_length_only(one, other, dot, device):
    """`dot` and `vdot` refuse vectors of different lengths, even 1 and 3: "inconsistent tensor size"."""
    with pytest.raises(RuntimeError, match="inconsistent tensor size"):
        dot(torch.zeros(one, device=device), torch.zeros(other, device=device))


# --- gradients


@fact("torch.dot")
def test_passes_the_other_vector_as_gradient(device):
    """The gradient of `dot` with respect to one vector is the other vector."""
    a = torch.tensor([1.0, 2, 3], device=device, requires_grad=True)
    b = torch.tensor([4.0, 5, 6], device=device, requires_grad=True)
    torch.dot(a, b).backward()
    same(a.grad, numpy.array([4, 5, 6], dtype="float32"))
    same(b.grad, numpy.array([1, 2, 3], dtype="float32"))


# --- inner and vecdot


@fact("torch.inner", claims=["O04"])
@pytest.mark.parametrize(
    ("one", "other"), [((3,), (3,)), ((2, 3), (3,)), ((2, 3), (4, 3)), ((2, 1, 3), (4, 3)), ((), (2, 3))]
)
def test_is_for_more_dimensions_inner(one, other, device):
    """`inner` sums the products over the last dimension of tensors of any dimensions, as NumPy's does."""
    a, b = (numpy.arange(1.0, 1 + numpy.prod(shape), dtype="float32").reshape(shape) for shape in (one, other))
    same(torch.inner(torch.from_numpy(a).to(device), torch.from_numpy(b).to(device)), numpy.array(numpy.inner(a, b)))


@fact("torch.linalg.vecdot", claims=["O04"])
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_is_for_batches_vecdot(dim, device):
    """`torch.linalg.vecdot` sums the products along one dimension of a batch of vectors."""
    a, b = numpy.arange(6, dtype="float32").reshape(2, 3), numpy.arange(1, 7, dtype="float32").reshape(2, 3)
    same(
        torch.linalg.vecdot(torch.from_numpy(a).to(device), torch.from_numpy(b).to(device), dim=dim),
        (a * b).sum(axis=dim),
    )
