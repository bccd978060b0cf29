"""`mv` and `addmv`, the product of a matrix and a vector."""

import numpy
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from torchproof import fact, same
from torchproof.fixtures.strategies import Layout, layouts, whole

SIDES = st.integers(0, 5)


@fact("torch.mv")
@given(n=SIDES, k=SIDES)
@example(n=2, k=3)
@example(n=2, k=0)
@example(n=0, k=3)
def test_multiplies_a_matrix_by_a_vector(n, k, device):
    """`mv` gives the product of each row of a matrix with a vector, as NumPy does."""
    a, x = whole(n, k), whole(k, start=2)
    same(torch.mv(torch.from_numpy(a).to(device), torch.from_numpy(x).to(device)), a @ x)


@fact("torch.mv")
@given(layout=layouts(2, 2, overlap=True), step=st.integers(0, 3))
@example(layout=Layout((3, 2), (1, 3), 2), step=0)
@example(layout=Layout((3, 4), (4, 1)), step=2)
def test_reads_operands_of_any_strides(layout, step, device):
    """`mv` gives the same, but for rounding, for transposed, sliced and expanded matrices and stepped vectors."""
    memory = whole(layout.reach + 10)
    a = torch.from_numpy(memory).to(device).as_strided(*layout)
    x = torch.from_numpy(memory).to(device).as_strided(layout.shape[1:], (step,))
    same(torch.mv(a, x), memory[layout.places()] @ memory[numpy.arange(layout.shape[1]) * step])


@fact("torch.mv")
@pytest.mark.parametrize(("one", "other"), [((3,), (3,)), ((2, 3), (3, 1)), ((1, 2, 3), (3,)), ((3,), (3, 2))])
def test_takes_a_matrix_first(one, other, device):
    """`mv` refuses all but a matrix and a vector, in this order: "vector + matrix @ vector expected"."""
    with pytest.raises(RuntimeError, match=r"vector \+ matrix @ vector expected"):
        torch.mv(torch.zeros(one, device=device), torch.zeros(other, device=device))


@fact("torch.mv")
@pytest.mark.parametrize(("one", "other"), [((2, 3), (2,)), ((2, 3), (1,)), ((2, 1), (3,))])
def test_refuses_sizes_that_differ(one, other, device):
    """`mv` refuses a vector whose length is not the matrix's number of columns: "size mismatch"."""
    with pytest.raises(RuntimeError, match="size mismatch"):
        torch.mv(torch.zeros(one, device=device), torch.zeros(other, device=device))


@fact("torch.mv")
def test_passes_gradients_by_the_other_operand(device):
    """The gradients of `mv` are the outer product with the vector, and the transposed matrix times grad."""
    a, x, grad = whole(2, 3), whole(3, start=2), numpy.array([2, -1], dtype="float32")
    at, xt = (torch.from_numpy(y).to(device).requires_grad_() for y in (a, x))
    torch.mv(at, xt).backward(torch.from_numpy(grad).to(device))
    same(at.grad, numpy.outer(grad, x))
    same(xt.grad, a.T @ grad)


@fact("torch.addmv")
@pytest.mark.parametrize("shape", [(2,), (1,), ()])
def test_is_added_to_by_addmv(shape, device):
    """`addmv` adds `beta` times a vector that broadcasts to `alpha` times the product of a matrix and a vector."""
    c, a, x = whole(*shape), whole(2, 3, start=1), whole(3, start=2)
    same(torch.addmv(*(torch.from_numpy(y).to(device) for y in (c, a, x)), beta=2, alpha=3), 2 * c + 3 * (a @ x))
