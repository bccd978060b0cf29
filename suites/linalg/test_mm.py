"""`mm`, the product of two matrices and of nothing else; dtypes and `out=` are in test_dtypes and test_out."""

from fractions import Fraction

import numpy
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from torchproof import close, fact, same
from torchproof.fixtures.strategies import Layout, layouts, products, shapes, whole

SIDES = st.integers(0, 5)
STRIDED = layouts(2, 2, max_side=3, overlap=True)
SEEDS = st.integers(0, 2**32 - 1)


def do_not_fit(pair):
    return pair[0][1] != pair[1][0]


def fit(pair):
    return pair[0].shape[1] == pair[1].shape[0]


def are_not_both_matrices(pair):
    return (len(pair[0]), len(pair[1])) != (2, 2)


# --- values


@fact("torch.mm", claims=["O03"])
@given(n=SIDES, k=SIDES, p=SIDES)
@example(n=2, k=3, p=4)
@example(n=2, k=0, p=3)
@example(n=0, k=3, p=2)
def test_multiplies_rows_by_columns(n, k, p, device):
    """`mm` of whole numbers gives the matrix product that NumPy gives, for matrices of any fitting sizes."""
    a, b = whole(n, k), whole(k, p)
    same(torch.mm(torch.from_numpy(a).to(device), torch.from_numpy(b).to(device)), a @ b)


@fact("torch.mm", claims=["O03"])
def test_is_what_numpy_dot_does_with_matrices(device):
    """`torch.mm` gives what `numpy.dot` gives for two matrices."""
    a, b = numpy.array([[1, 2], [3, 4]]), numpy.array([[5, 6], [7, 8]])
    same(torch.mm(torch.from_numpy(a).to(device), torch.from_numpy(b).to(device)), numpy.dot(a, b))


@fact("torch.Tensor.mm")
def test_is_a_method_too(device):
    """`a.mm(b)` multiplies `a` by `b` in this order."""
    a = torch.tensor([[1.0, 2], [3, 4]], device=device)
    b = torch.tensor([[0.0, 1], [0, 0]], device=device)
    same(a.mm(b), numpy.array([[0, 1], [0, 3]], dtype="float32"))
    same(b.mm(a), numpy.array([[3, 4], [0, 0]], dtype="float32"))


@fact("torch.mm", myth="* multiplies matrices")
def test_is_not_the_asterisk(device):
    """`*` multiplies element by element, unlike `mm`."""
    a = torch.tensor([[1.0, 2], [3, 4]], device=device)
    assert ((a * a).tolist(), torch.mm(a, a).tolist()) == ([[1, 4], [9, 16]], [[7, 10], [15, 22]])


@fact("torch.mm")
def test_of_an_empty_inner_dimension_is_zero(device):
    """`mm` over an inner dimension of size 0 gives zeros."""
    same(
        torch.mm(torch.ones(2, 0, device=device), torch.ones(0, 3, device=device)), numpy.zeros((2, 3), dtype="float32")
    )


@fact("torch.mm")
@pytest.mark.parametrize("special", [float("inf"), float("nan")], ids=["inf", "nan"])
def test_multiplies_zeros_by_what_is_not_finite(special, device):
    """`mm` of zeros by infinity or NaN gives NaN."""
    a, b = torch.zeros(1, 2, device=device), torch.full((2, 1), special, device=device)
    same(torch.mm(a, b), numpy.array([[numpy.nan]], dtype="float32"))


@fact("torch.mm")
@given(pair=st.tuples(STRIDED, STRIDED).filter(fit))
@example(pair=(Layout((3, 2), (1, 3)), Layout((2, 3), (0, 2), 1)))
def test_reads_operands_of_any_strides(pair, device):
    """`mm` gives the same product, but for rounding, for transposed, sliced, offset and expanded operands."""
    numbers = [whole(layout.reach) for layout in pair]
    a, b = (torch.from_numpy(x).to(device).as_strided(*layout) for x, layout in zip(numbers, pair))
    same(torch.mm(a, b), numbers[0][pair[0].places()] @ numbers[1][pair[1].places()])


@fact("torch.mm")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@given(seed=SEEDS, n=st.integers(1, 4), k=st.integers(1, 16), p=st.integers(1, 4))
@example(seed=0, n=3, k=16, p=3)
def test_errs_by_one_rounding_a_term_at_most(seed, n, k, p, dtype, device):
    """The error of `mm` over `k` terms is within `k + 1` roundings of the sum of the products' sizes."""
    generator = torch.Generator().manual_seed(seed)
    a, b = (torch.randn(shape, generator=generator).to(dtype) for shape in ((n, k), (k, p)))
    exact_a, exact_b = (numpy.vectorize(Fraction, otypes=[object])(x.double().numpy()) for x in (a, b))
    want, scale = exact_a @ exact_b, abs(exact_a) @ abs(exact_b)
    close(torch.mm(a.to(device), b.to(device)), want.astype("float64"), roundings=k + 1, scale=scale.astype("float64"))


@fact("torch.mm")
def test_leaves_its_operands_as_they_were(device):
    """`mm` gives a new tensor: a write into it leaves the operands as they were."""
    a, b = torch.eye(2, device=device) * 3, torch.ones(2, 2, device=device)
    torch.mm(a, b).add_(1)
    assert (a.tolist(), b.tolist()) == ([[3, 0], [0, 3]], [[1, 1], [1, 1]])


# --- what is refused


@fact("torch.mm", claims=["O05"])
@given(pair=st.tuples(shapes(2, 2), shapes(2, 2)).filter(do_not_fit))
@example(pair=((2, 3), (2, 3)))
@example(pair=((2, 1), (3, 2)))
@example(pair=((2, 0), (1, 2)))
def test_refuses_inner_sizes_that_differ(pair, device):
    """`mm` refuses inner sizes that differ, even where one is 1: "mat1 and mat2 shapes cannot be multiplied"."""
    a, b = (torch.zeros(shape, device=device) for shape in pair)
    with pytest.raises(RuntimeError, match="mat1 and mat2 shapes cannot be multiplied"):
        torch.mm(a, b)


@fact("torch.mm", claims=["O05", "O07"])
@pytest.mark.parametrize(
    ("one", "other"), [((3,), (3, 2)), ((2, 3), (3,)), ((1, 2, 3), (3, 2)), ((2, 3), (1, 3, 2)), ((), (3, 2))]
)
def test_takes_matrices_only(one, other, device):
    """`mm` refuses an operand that has not two dimensions: "must be a matrix"."""
    with pytest.raises(RuntimeError, match="must be a matrix"):
        torch.mm(torch.zeros(one, device=device), torch.zeros(other, device=device))


@fact("torch.mm", claims=["O05", "O07"])
@given(pair=products().filter(are_not_both_matrices))
@example(pair=((3,), (3, 2)))
@example(pair=((5, 2, 3), (3, 2)))
@example(pair=((1, 2, 3), (4, 3, 2)))
def test_refuses_whatever_matmul_takes_beyond_two_matrices(pair, device):
    """`mm` refuses, "must be a matrix", what `matmul` multiplies by broadcasting or by adding a dimension."""
    a, b = (torch.zeros(shape, device=device) for shape in pair)
    with pytest.raises(RuntimeError, match="must be a matrix"):
        torch.mm(a, b)


@fact("torch.mm", claims=["O07"], myth="mm catches every mistaken shape")
def test_takes_square_matrices_in_the_wrong_order(device):
    """`mm` takes square matrices in the wrong order without an error, though that may give another product."""
    a = torch.tensor([[0.0, 1], [0, 0]], device=device)
    b = torch.tensor([[1.0, 0], [0, 0]], device=device)
    assert (torch.mm(a, b).tolist(), torch.mm(b, a).tolist()) == ([[0, 0], [0, 0]], [[0, 1], [0, 0]])


@fact("torch.mm")
@pytest.mark.parametrize("number", [2, 2.0])
def test_refuses_a_number(number, device):
    """`mm` raises a `TypeError` for a number: "must be Tensor"."""
    with pytest.raises(TypeError, match="must be Tensor"):
        torch.mm(torch.zeros(2, 3, device=device), number)


# --- gradients


@fact("torch.mm")
@given(n=SIDES, k=SIDES, p=SIDES)
@example(n=2, k=3, p=4)
def test_passes_gradients_by_the_other_operand(n, k, p, device):
    """The gradients of `mm` are grad @ b.T for `a` and a.T @ grad for `b`."""
    a, b, grad = whole(n, k), whole(k, p), whole(n, p)
    at, bt = (torch.from_numpy(x).to(device).requires_grad_() for x in (a, b))
    torch.mm(at, bt).backward(torch.from_numpy(grad).to(device))
    same(at.grad, grad @ b.T)
    same(bt.grad, a.T @ grad)
