"""`addmm` and `addmm_`, a matrix product with something added; dtypes and `out=` are in test_dtypes and test_out."""

import numpy
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from torchproof import fact, same
from torchproof.fixtures.strategies import whole

SIDES = st.integers(0, 4)
FACTORS = st.integers(-3, 3)
SPECIALS = {"inf": float("inf"), "nan": float("nan")}


def tensors(device, *arrays):
    return [torch.from_numpy(array).to(device) for array in arrays]


# --- values


@fact("torch.addmm", claims=["O08"])
@given(n=SIDES, k=SIDES, p=SIDES)
@example(n=2, k=3, p=4)
@example(n=2, k=0, p=3)
def test_adds_a_matrix_to_the_product(n, k, p, device):
    """`addmm(c, a, b)` is c + a @ b."""
    c, a, b = whole(n, p), whole(n, k, start=1), whole(k, p, start=2)
    same(torch.addmm(*tensors(device, c, a, b)), c + a @ b)


@fact("torch.addmm")
@given(beta=FACTORS, alpha=FACTORS)
@example(beta=2, alpha=3)
@example(beta=0, alpha=1)
@example(beta=1, alpha=0)
def test_multiplies_each_part_by_its_factor(beta, alpha, device):
    """`addmm(c, a, b, beta=x, alpha=y)` is x * c + y * (a @ b)."""
    c, a, b = whole(2, 4), whole(2, 3, start=1), whole(3, 4, start=2)
    same(torch.addmm(*tensors(device, c, a, b), beta=beta, alpha=alpha), beta * c + alpha * (a @ b))


@fact("torch.addmm")
@pytest.mark.parametrize("factors", [{"beta": 0.5}, {"alpha": 0.5}, {"beta": 0.25, "alpha": -0.5}], ids=str)
def test_takes_fractions_for_floats(factors, device):
    """`addmm` takes fractions as `beta` and `alpha` for floating-point matrices."""
    c, a, b = whole(2, 4), whole(2, 3, start=1), whole(3, 4, start=2)
    beta, alpha = numpy.float32(factors.get("beta", 1)), numpy.float32(factors.get("alpha", 1))
    same(torch.addmm(*tensors(device, c, a, b), **factors), beta * c + alpha * (a @ b))


@fact("torch.addmm", claims=["O08"], myth="addmm adds a matrix of the product's shape only")
@pytest.mark.parametrize("shape", [(2, 4), (1, 4), (2, 1), (1, 1), (4,), (1,), ()])
def test_broadcasts_what_it_adds(shape, device):
    """`addmm` adds whatever broadcasts to the product: a matrix, a row, a column or a number."""
    c, a, b = whole(*shape), whole(2, 3, start=1), whole(3, 4, start=2)
    same(torch.addmm(*tensors(device, c, a, b)), c + a @ b)


@fact("torch.addmm")
@pytest.mark.parametrize("special", SPECIALS.values(), ids=SPECIALS)
def test_ignores_what_it_adds_where_beta_is_zero(special, device):
    """`addmm` with `beta=0` does not pass on infinity or NaN of what it adds."""
    c = torch.full((2, 4), special, device=device)
    a, b = whole(2, 3, start=1), whole(3, 4, start=2)
    same(torch.addmm(c, *tensors(device, a, b), beta=0), a @ b)


@fact("torch.addmm")
@pytest.mark.parametrize("special", SPECIALS.values(), ids=SPECIALS)
def test_passes_on_what_is_not_finite_where_beta_is_not_zero(special, device):
    """`addmm` with another `beta` than 0 passes on infinity and NaN of what it adds."""
    c, a, b = (
        torch.full((2, 2), special, device=device),
        torch.ones(2, 3, device=device),
        torch.ones(3, 2, device=device),
    )
    same(torch.addmm(c, a, b, beta=0.5), numpy.full((2, 2), special, dtype="float32"))


@fact("torch.addmm")
@pytest.mark.parametrize("special", SPECIALS.values(), ids=SPECIALS)
def test_of_an_empty_inner_dimension_and_beta_zero_is_zero(special, device):
    """`addmm` over an inner dimension of size 0 with `beta=0` gives zeros, whatever it adds."""
    c, a, b = (
        torch.full((2, 3), special, device=device),
        torch.ones(2, 0, device=device),
        torch.ones(0, 3, device=device),
    )
    same(torch.addmm(c, a, b, beta=0), numpy.zeros((2, 3), dtype="float32"))


@fact("torch.addmm")
@pytest.mark.parametrize("transposed", [0, 1, 2], ids=["input", "mat1", "mat2"])
def test_reads_transposed_operands(transposed, device):
    """`addmm` gives the same result, but for rounding, where an operand is transposed in memory."""
    arrays = [whole(2, 4), whole(2, 3, start=1), whole(3, 4, start=2)]
    operands = tensors(device, *arrays)
    operands[transposed] = operands[transposed].t().contiguous().t()
    same(torch.addmm(*operands), arrays[0] + arrays[1] @ arrays[2])


@fact("torch.addmm")
def test_leaves_what_it_adds_as_it_was(device):
    """`addmm` leaves the tensor that it adds as it was: its result is a new tensor."""
    c, a, b = torch.zeros(2, 2, device=device), torch.ones(2, 3, device=device), torch.ones(3, 2, device=device)
    same(torch.addmm(c, a, b), numpy.full((2, 2), 3, dtype="float32"))
    same(c, numpy.zeros((2, 2), dtype="float32"))


# --- in place


@fact("torch.Tensor.addmm_")
def test_in_place_changes_the_tensor_itself(device):
    """`c.addmm_(a, b, beta=x, alpha=y)` writes x * c + y * (a @ b) to `c`, and returns `c`."""
    c, a, b = whole(2, 4), whole(2, 3, start=1), whole(3, 4, start=2)
    ct, at, bt = tensors(device, c.copy(), a, b)
    assert ct.addmm_(at, bt, beta=2, alpha=3) is ct
    same(ct, 2 * c + 3 * (a @ b))


@fact("torch.Tensor.addmm_")
def test_in_place_writes_through_a_view(device):
    """`addmm_` on the transpose of a matrix writes to the matrix."""
    c, a, b = whole(4, 2), whole(2, 3, start=1), whole(3, 4, start=2)
    ct, at, bt = tensors(device, c.copy(), a, b)
    ct.t().addmm_(at, bt)
    same(ct, c + (a @ b).T)


@fact("torch.Tensor.addmm_")
@pytest.mark.parametrize("shape", [(2,), (2, 1), (1, 2), ()])
def test_in_place_does_not_broadcast(shape, device):
    """`addmm_` does not broadcast what it changes: a tensor that has not the shape of the product is refused."""
    with pytest.raises(RuntimeError, match=r"should match|Bad in-place call"):
        torch.zeros(shape, device=device).addmm_(torch.zeros(2, 3, device=device), torch.zeros(3, 2, device=device))


@fact("torch.addmm")
def test_takes_what_it_adds_as_out(device):
    """`addmm(c, a, b, out=c)` writes c + a @ b to `c`."""
    c, a, b = whole(2, 4), whole(2, 3, start=1), whole(3, 4, start=2)
    ct, at, bt = tensors(device, c.copy(), a, b)
    torch.addmm(ct, at, bt, out=ct)
    same(ct, c + a @ b)


# --- what is refused


@fact("torch.addmm")
@pytest.mark.parametrize("shape", [(3,), (3, 2), (2, 3), (0, 2)])
def test_refuses_to_add_what_does_not_broadcast(shape, device):
    """`addmm` refuses to add what does not broadcast to the product: "must match the existing size"."""
    with pytest.raises(RuntimeError, match="must match the existing size"):
        torch.addmm(
            torch.zeros(shape, device=device), torch.zeros(2, 3, device=device), torch.zeros(3, 2, device=device)
        )


@fact("torch.addmm")
def test_refuses_to_add_three_dimensions(device):
    """`addmm` does not add three dimensions to two: "must be greater or equal to the number of dimensions"."""
    with pytest.raises(RuntimeError, match="must be greater or equal to the number of dimensions"):
        torch.addmm(
            torch.zeros(1, 2, 2, device=device), torch.zeros(2, 3, device=device), torch.zeros(3, 2, device=device)
        )


@fact("torch.addmm")
@pytest.mark.parametrize(("one", "other"), [((3,), (3, 2)), ((2, 3), (3,)), ((1, 2, 3), (3, 2))])
def test_multiplies_matrices_only(one, other, device):
    """`addmm` refuses to multiply what has not two dimensions: "must be a matrix"."""
    with pytest.raises(RuntimeError, match="must be a matrix"):
        torch.addmm(
            torch.zeros(2, 2, device=device), torch.zeros(one, device=device), torch.zeros(other, device=device)
        )


@fact("torch.addmm")
def test_refuses_inner_sizes_that_differ(device):
    """`addmm` refuses matrices whose inner sizes differ: "mat1 and mat2 shapes cannot be multiplied"."""
    with pytest.raises(RuntimeError, match="mat1 and mat2 shapes cannot be multiplied"):
        torch.addmm(
            torch.zeros(2, 3, device=device), torch.zeros(2, 3, device=device), torch.zeros(2, 3, device=device)
        )


# --- gradients


@fact("torch.addmm")
@pytest.mark.parametrize(("shape", "axis"), [((2, 4), ()), ((4,), 0), ((), (0, 1))])
def test_passes_gradients_times_the_factors(shape, axis, device):
    """The gradients of `addmm` are beta times grad, summed where it broadcast, and alpha times those of the product."""
    c, a, b, grad = whole(*shape), whole(2, 3, start=1), whole(3, 4, start=2), whole(2, 4, start=3)
    ct, at, bt = (x.requires_grad_() for x in tensors(device, c, a, b))
    torch.addmm(ct, at, bt, beta=2, alpha=3).backward(torch.from_numpy(grad).to(device))
    same(ct.grad, numpy.asarray((2 * grad).sum(axis=axis)))
    same(at.grad, 3 * grad @ b.T)
    same(bt.grad, 3 * a.T @ grad)
