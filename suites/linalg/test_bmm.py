"""`bmm`, the products of two batches of matrices, and `baddbmm` and `addbmm`, which add to them."""

import numpy
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from torchproof import fact, same
from torchproof.fixtures.strategies import Layout, layouts, whole

SIDES = st.integers(0, 3)


@fact("torch.bmm")
@given(batch=SIDES, n=SIDES, k=SIDES, p=SIDES)
@example(batch=2, n=2, k=3, p=4)
@example(batch=2, n=2, k=0, p=3)
@example(batch=0, n=2, k=3, p=2)
def test_multiplies_pair_by_pair(batch, n, k, p, device):
    """`bmm` multiplies the matrices of two batches pair by pair."""
    a, b = whole(batch, n, k), whole(batch, k, p, start=2)
    same(torch.bmm(torch.from_numpy(a).to(device), torch.from_numpy(b).to(device)), numpy.einsum("bnk,bkp->bnp", a, b))


@fact("torch.bmm")
@given(layout=layouts(3, 3, max_side=3, overlap=True))
@example(layout=Layout((2, 3, 2), (0, 1, 3), 2))
@example(layout=Layout((2, 3, 2), (1, 4, 2)))
def test_reads_operands_of_any_strides(layout, device):
    """`bmm` gives the same product, but for rounding, for permuted, sliced, offset and expanded operands."""
    memory = whole(layout.reach)
    x, want = torch.from_numpy(memory).to(device).as_strided(*layout), memory[layout.places()]
    same(torch.bmm(x, x.mT), want @ want.swapaxes(-1, -2))


@fact("torch.bmm")
def test_of_an_empty_inner_dimension_is_zero(device):
    """`bmm` over an inner dimension of size 0 gives zeros."""
    same(
        torch.bmm(torch.ones(2, 2, 0, device=device), torch.ones(2, 0, 3, device=device)),
        numpy.zeros((2, 2, 3), dtype="float32"),
    )


@fact("torch.bmm")
@pytest.mark.parametrize(
    ("one", "other", "which"),
    [((2, 3), (1, 3, 2), 1), ((1, 2, 3), (3, 2), 2), ((1, 1, 2, 3), (1, 3, 2), 1), ((1, 2, 3), (3,), 2)],
)
def test_takes_three_dimensions_only(one, other, which, device):
    """`bmm` refuses an operand that has not three dimensions: "must be a 3D tensor"."""
    with pytest.raises(RuntimeError, match=f"batch{which} must be a 3D tensor"):
        torch.bmm(torch.zeros(one, device=device), torch.zeros(other, device=device))


@fact("torch.bmm", myth="bmm broadcasts a batch of one")
@pytest.mark.parametrize(("one", "other"), [((1, 2, 3), (4, 3, 2)), ((4, 2, 3), (1, 3, 2)), ((2, 2, 3), (3, 3, 2))])
def test_does_not_broadcast(one, other, device):
    """`bmm` does not broadcast, not even 1: "Expected size for first two dimensions of batch2 tensor to be"."""
    with pytest.raises(RuntimeError, match="Expected size for first two dimensions of batch2 tensor to be"):
        torch.bmm(torch.zeros(one, device=device), torch.zeros(other, device=device))


@fact("torch.bmm")
@pytest.mark.parametrize(("one", "other"), [((2, 2, 3), (2, 4, 2)), ((2, 2, 1), (2, 3, 2))])
def test_refuses_inner_sizes_that_differ(one, other, device):
    """`bmm` refuses inner sizes that differ, even 1: "Expected size for first two dimensions of batch2 tensor"."""
    with pytest.raises(RuntimeError, match="Expected size for first two dimensions of batch2 tensor to be"):
        torch.bmm(torch.zeros(one, device=device), torch.zeros(other, device=device))


@fact("torch.bmm")
def test_passes_gradients_pair_by_pair(device):
    """The gradients of `bmm` are grad @ b.mT for `a` and a.mT @ grad for `b`, pair by pair."""
    a, b, grad = whole(2, 3, 4), whole(2, 4, 2, start=2), whole(2, 3, 2, start=4)
    at, bt = (torch.from_numpy(x).to(device).requires_grad_() for x in (a, b))
    torch.bmm(at, bt).backward(torch.from_numpy(grad).to(device))
    same(at.grad, grad @ b.swapaxes(1, 2))
    same(bt.grad, a.swapaxes(1, 2) @ grad)


# --- with something added


@fact("torch.baddbmm")
@pytest.mark.parametrize("shape", [(2, 3, 2), (1, 3, 2), (3, 2), (2,), (3, 1), ()])
def test_is_added_to_by_baddbmm(shape, device):
    """`baddbmm` adds `beta` times a tensor that broadcasts to `alpha` times the products of two batches."""
    c, a, b = whole(*shape), whole(2, 3, 4, start=1), whole(2, 4, 2, start=2)
    tensors = (torch.from_numpy(x).to(device) for x in (c, a, b))
    same(torch.baddbmm(*tensors, beta=2, alpha=3), 2 * c + 3 * (a @ b))


@fact("torch.baddbmm")
@pytest.mark.parametrize("special", [float("inf"), float("nan")], ids=["inf", "nan"])
def test_ignores_the_addend_of_baddbmm_where_beta_is_zero(special, device):
    """`baddbmm` with `beta=0` does not pass on infinity or NaN of what it adds, nor of what `out` held."""
    c, out = (torch.full((1, 2, 2), special, device=device) for _ in range(2))
    a, b = torch.ones(1, 2, 3, device=device), torch.ones(1, 3, 2, device=device)
    torch.baddbmm(c, a, b, beta=0, out=out)
    same(out, numpy.full((1, 2, 2), 3, dtype="float32"))


@fact("torch.addbmm")
def test_is_summed_over_the_batch_by_addbmm(device):
    """`addbmm` adds the sum of the batch's products to a matrix."""
    c, a, b = whole(3, 2), whole(2, 3, 4, start=1), whole(2, 4, 2, start=2)
    same(torch.addbmm(*(torch.from_numpy(x).to(device) for x in (c, a, b))), c + (a @ b).sum(axis=0))
