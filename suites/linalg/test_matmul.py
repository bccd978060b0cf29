"""`matmul` and `@`: what is multiplied, broadcast and refused; dtypes and `out=` are in test_dtypes and test_out."""

from fractions import Fraction

import numpy
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from torchproof import close, fact, same
from torchproof.fixtures.strategies import Layout, layouts, products, shapes, whole


def fit(one, other):
    """Whether two shapes are multiplied: inner sizes equal, batch sizes equal or 1, at least one dimension each."""
    if not one or not other:
        return False
    one, other = (1, *one) if len(one) == 1 else one, (*other, 1) if len(other) == 1 else other
    batches = zip(one[-3::-1], other[-3::-1])
    return one[-1] == other[-2] and all(m == n or 1 in (m, n) for m, n in batches)


def do_not_fit(pair):
    return not fit(*pair)


def summed_to(grad, shape):
    """A gradient summed over the dimensions along which an operand of this shape was repeated."""
    grad = grad.sum(axis=tuple(range(grad.ndim - len(shape))))
    return grad.sum(axis=tuple(dim for dim, size in enumerate(shape) if size == 1), keepdims=True)


PAIRS = {
    "vector by vector": ((3,), (3,)),
    "matrix by vector": ((2, 3), (3,)),
    "vector by matrix": ((3,), (3, 2)),
    "matrix by matrix": ((2, 3), (3, 4)),
    "batch by vector": ((4, 2, 3), (3,)),
    "vector by batch": ((3,), (4, 3, 2)),
    "batch by matrix": ((4, 2, 3), (3, 2)),
    "matrix by batch": ((2, 3), (4, 3, 2)),
    "batch by batch": ((4, 2, 3), (4, 3, 2)),
    "batch of one by batch": ((1, 2, 3), (4, 3, 2)),
    "batches that broadcast both ways": ((4, 1, 2, 3), (5, 3, 2)),
}

WAYS = {
    "method": lambda a, b: a.matmul(b),
    "operator": lambda a, b: a @ b,
    "linalg": lambda a, b: torch.linalg.matmul(a, b),
}


# --- values


@fact("torch.matmul", claims=["O05", "O06"])
@given(pair=products())
@example(pair=((3,), (3,)))
@example(pair=((3,), (4, 3, 2)))
@example(pair=((4, 1, 2, 3), (5, 3, 2)))
@example(pair=((2, 0), (0, 3)))
@example(pair=((0,), (0,)))
def test_broadcasts_as_numpy_does(pair, device):
    """`matmul` of whole numbers gives the shape and values of NumPy's for every two shapes that fit."""
    a, b = whole(*pair[0]), whole(*pair[1], start=2)
    same(torch.matmul(torch.from_numpy(a).to(device), torch.from_numpy(b).to(device)), numpy.matmul(a, b))


@fact("torch.matmul", claims=["O05", "O06"])
@pytest.mark.parametrize(("one", "other"), PAIRS.values(), ids=PAIRS)
def test_multiplies(one, other, device):
    """`matmul` multiplies vectors, matrices and batches of matrices in any combination, as NumPy does."""
    a, b = whole(*one), whole(*other, start=2)
    same(torch.matmul(torch.from_numpy(a).to(device), torch.from_numpy(b).to(device)), numpy.matmul(a, b))


@fact("torch.matmul", claims=["O06"])
@pytest.mark.parametrize(
    ("one", "other", "shape"),
    [
        ((3,), (3,), ()),
        ((2, 3), (3,), (2,)),
        ((3,), (3, 2), (2,)),
        ((4, 2, 3), (3,), (4, 2)),
        ((3,), (4, 3, 2), (4, 2)),
    ],
)
def test_removes_the_dimension_that_it_added_to_a_vector(one, other, shape, device):
    """`matmul` adds a dimension of size 1 to a vector, and the result is without it."""
    assert torch.matmul(torch.zeros(one, device=device), torch.zeros(other, device=device)).shape == shape


@fact("torch.matmul", "torch.Tensor.__matmul__", "torch.linalg.matmul")
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_is_spelled_in_other_ways(way, device):
    """The method, the operator `@` and `torch.linalg.matmul` give the contiguous product that `matmul` gives."""
    a, b = whole(4, 1, 2, 3), whole(5, 3, 2)
    y = way(torch.from_numpy(a).to(device), torch.from_numpy(b).to(device))
    same(y, a @ b)
    assert y.is_contiguous()


@fact("torch.matmul", "torch.Tensor.__matmul__")
def test_by_assignment_makes_a_new_tensor(device):
    """`x @= y` gives the name `x` to a new tensor, and leaves the old one as it was."""
    x = old = torch.eye(2, device=device)
    x @= torch.full((2, 2), 3.0, device=device)
    same(x, torch.full((2, 2), 3.0))
    same(old, torch.eye(2))


@fact("torch.matmul")
@given(layout=layouts(3, 3, max_side=3, overlap=True))
@example(layout=Layout((2, 3, 2), (0, 1, 3), 2))
def test_reads_operands_of_any_strides(layout, device):
    """`matmul` gives the same product, but for rounding, for permuted, sliced, offset and expanded operands."""
    memory = whole(layout.reach)
    x, want = torch.from_numpy(memory).to(device).as_strided(*layout), memory[layout.places()]
    same(torch.matmul(x, x.mT), want @ want.swapaxes(-1, -2))


@fact("torch.matmul")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize(
    ("one", "other"), [((9,), (9,)), ((2, 9), (9,)), ((9,), (9, 2)), ((3, 2, 9), (9, 2)), ((3, 2, 9), (3, 9, 2))]
)
def test_errs_by_one_rounding_a_term_at_most(one, other, dtype, device):
    """The error of `matmul` over `k` terms is within `k + 1` roundings of the sum of the products' sizes."""
    a, b = torch.randn(one).to(dtype), torch.randn(other).to(dtype)
    exact_a, exact_b = (numpy.vectorize(Fraction, otypes=[object])(x.double().numpy()) for x in (a, b))
    want, scale = numpy.asarray(exact_a @ exact_b), numpy.asarray(abs(exact_a) @ abs(exact_b))
    close(torch.matmul(a.to(device), b.to(device)), want.astype("float64"), roundings=10, scale=scale.astype("float64"))


# --- what is refused


@fact("torch.matmul", claims=["O06"], myth="matmul fills in missing dimensions by itself when shapes do not fit")
@given(pair=st.tuples(shapes(max_side=3), shapes(max_side=3)).filter(do_not_fit))
@example(pair=((2, 3), (2, 3)))
@example(pair=((2, 1), (3, 2)))
@example(pair=((), (3,)))
@example(pair=((2, 2, 3), (3, 3, 2)))
@example(pair=((0, 2, 3), (2, 3, 2)))
def test_refuses_what_numpy_refuses(pair, device):
    """`matmul` raises a `RuntimeError` wherever NumPy finds that the shapes do not fit."""
    with pytest.raises(ValueError):
        numpy.matmul(numpy.zeros(pair[0]), numpy.zeros(pair[1]))
    a, b = (torch.zeros(shape, device=device) for shape in pair)
    with pytest.raises(RuntimeError):
        torch.matmul(a, b)


@fact("torch.matmul", claims=["O06"])
@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        ((2, 3), (2, 3), "cannot be multiplied"),
        ((4,), (2, 3), "cannot be multiplied"),
        ((2, 3), (4,), "size mismatch"),
        ((3,), (4,), "inconsistent tensor size"),
        ((2, 2, 3), (2, 4, 4), "Expected size for first two dimensions of batch2 tensor"),
    ],
    ids=["matrix by matrix", "vector by matrix", "matrix by vector", "vector by vector", "batch by batch"],
)
def test_refuses_inner_sizes_that_differ(one, other, words, device):
    """`matmul` refuses inner sizes that differ, of matrices with "mat1 and mat2 shapes cannot be multiplied"."""
    with pytest.raises(RuntimeError, match=words):
        torch.matmul(torch.zeros(one, device=device), torch.zeros(other, device=device))


@fact("torch.matmul", claims=["O05"], myth="matmul broadcasts as element-wise operations do")
@pytest.mark.parametrize(("one", "other"), [((2, 1), (3, 2)), ((2, 3), (1, 2)), ((5, 2, 1), (3, 2))])
def test_does_not_broadcast_matrix_dimensions(one, other, device):
    """`matmul` does not repeat an inner dimension of size 1: "cannot be multiplied"."""
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        torch.matmul(torch.zeros(one, device=device), torch.zeros(other, device=device))


@fact("torch.matmul", claims=["O05"])
@pytest.mark.parametrize(("one", "other"), [((2, 2, 3), (3, 3, 4)), ((2, 5, 2, 3), (3, 3, 4))])
def test_refuses_batches_that_do_not_broadcast(one, other, device):
    """`matmul` refuses batch sizes that differ where neither is 1: "must match the size of tensor b"."""
    with pytest.raises(RuntimeError, match="must match the size of tensor b"):
        torch.matmul(torch.zeros(one, device=device), torch.zeros(other, device=device))


@fact("torch.matmul")
@pytest.mark.parametrize(("one", "other"), [((), ()), ((), (3,)), ((2, 3), ())])
def test_refuses_a_tensor_without_dimensions(one, other, device):
    """`matmul` refuses an operand without dimensions: "both arguments to matmul need to be at least 1D"."""
    with pytest.raises(RuntimeError, match="both arguments to matmul need to be at least 1D"):
        torch.matmul(torch.zeros(one, device=device), torch.zeros(other, device=device))


@fact("torch.matmul", "torch.Tensor.__matmul__")
@pytest.mark.parametrize(
    "way", [lambda x: torch.matmul(x, 2), lambda x: x @ 2, lambda x: 2 @ x], ids=["function", "x @ 2", "2 @ x"]
)
def test_refuses_a_number(way, device):
    """`matmul` and `@` raise a `TypeError` for a number."""
    with pytest.raises(TypeError, match=r"must be Tensor|unsupported operand"):
        way(torch.zeros(2, 3, device=device))


@fact("torch.matmul", claims=["O07"], hint="use mm or bmm where operands are to have two or three dimensions")
def test_takes_a_batch_without_a_word(device):
    """`matmul` multiplies each matrix of a batch by one matrix, where `mm` says "must be a matrix"."""
    batch, matrix = torch.ones(4, 2, 3, device=device), torch.ones(3, 2, device=device)
    with pytest.raises(RuntimeError, match="must be a matrix"):
        torch.mm(batch, matrix)
    same(torch.matmul(batch, matrix), numpy.full((4, 2, 2), 3, dtype="float32"))


# --- gradients


@fact("torch.matmul")
@given(pair=products())
@example(pair=((4, 1, 2, 3), (5, 3, 2)))
@example(pair=((3,), (4, 3, 2)))
@example(pair=((4, 2, 3), (3,)))
def test_passes_gradients_summed_over_broadcast_dimensions(pair, device):
    """The gradient of each operand of `matmul` has its shape, summed over the batches that it was repeated for."""
    a, b = whole(*pair[0]), whole(*pair[1], start=2)
    at, bt = (torch.from_numpy(x).to(device).requires_grad_() for x in (a, b))
    rows, columns = numpy.atleast_2d(a), b if b.ndim > 1 else b[:, None]
    grad = whole(*(a @ b).shape, start=4)
    torch.matmul(at, bt).backward(torch.from_numpy(grad).to(device))
    grad = grad.reshape((rows @ columns).shape)
    same(at.grad, summed_to(grad @ columns.swapaxes(-1, -2), rows.shape).reshape(a.shape))
    same(bt.grad, summed_to(rows.swapaxes(-1, -2) @ grad, columns.shape).reshape(b.shape))
