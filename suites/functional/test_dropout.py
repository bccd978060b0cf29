import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch.nn import functional

from fixtures.checks import same
from fixtures.fact import fact

MANY = 1000


@fact("torch.nn.functional.dropout")
@given(p=st.sampled_from([0.5, 0.75]), number=st.floats(0.5, 4, width=16))
@example(p=0.5, number=1.5)
def test_scales_what_it_keeps(device, p, number):
    """`dropout` leaves each element either zero or divided by 1 - p, and of many elements some of both."""
    y = functional.dropout(torch.full((10, 10), number, device=device), p=p)
    kept = y != 0
    same(y, kept * (number / (1 - p)))
    assert (bool(kept.any()), bool(kept.all()), y.stride()) == (True, False, (10, 1))


@fact("torch.nn.functional.dropout")
@pytest.mark.parametrize("p", [0.125, 0.25, 0.75])
def test_drops_about_the_share_asked_for(device, p):
    """`dropout` makes about a share p of the elements zero."""
    dropped = int((functional.dropout(torch.ones(MANY, device=device), p=p) == 0).sum())
    assert abs(dropped - MANY * p) < 6 * (MANY * p * (1 - p)) ** 0.5


@fact("torch.nn.functional.dropout")
def test_drops_half_by_default(device):
    """`dropout` without `p` doubles what it keeps, as with p = 0.5."""
    y = functional.dropout(torch.full((64,), 1.5, device=device))
    assert set(y.tolist()) == {0.0, 3.0}


@fact("torch.nn.functional.dropout")
@pytest.mark.parametrize(("p", "want"), [(0.0, [1.5, -2.5]), (1.0, [0.0, 0.0])], ids=["none", "all"])
def test_with_a_share_of_none_or_all_is_certain(device, p, want):
    """`dropout` drops nothing with p = 0 and everything with p = 1."""
    same(functional.dropout(torch.tensor([1.5, -2.5], device=device), p=p), torch.tensor(want))


@fact("torch.nn.functional.dropout")
def test_does_nothing_out_of_training(device):
    """`dropout(training=False)` gives its input as it is."""
    same(functional.dropout(torch.tensor([1.5, -2.5], device=device), training=False), torch.tensor([1.5, -2.5]))


@fact("torch.nn.functional.dropout")
def test_passes_the_gradient_through_what_it_kept(device):
    """The gradient of `dropout` is zero where it dropped, and what `backward` is given over 1 - p elsewhere."""
    x = torch.full((64,), 1.5, device=device, requires_grad=True)
    y = functional.dropout(x, p=0.75)
    y.backward(torch.full((64,), 3.0, device=device))
    same(y, (y != 0) * torch.tensor(6.0, device=device))
    same(x.grad, (y != 0) * torch.tensor(12.0, device=device))


@fact("torch.nn.functional.dropout")
def test_leaves_its_input_as_it_was(device):
    """`dropout` writes its result to memory of its own."""
    x = torch.full((64,), 1.5, device=device)
    y = functional.dropout(x)
    assert (set(x.tolist()), set(y.tolist())) == ({1.5}, {0.0, 3.0})


@fact("torch.nn.functional.dropout")
def test_writes_to_its_input_when_told(device):
    """`dropout(inplace=True)` drops from its input itself, and returns this tensor."""
    x = torch.full((64,), 1.5, device=device)
    y = functional.dropout(x, inplace=True)
    assert (y is x, set(x.tolist())) == (True, {0.0, 3.0})


@fact("torch.nn.functional.dropout")
@pytest.mark.parametrize("p", [-0.1, 1.1])
def test_refuses_a_share_that_is_none(device, p):
    """`dropout` with a probability outside of 0 to 1 is refused."""
    with pytest.raises(ValueError, match="has to be between 0 and 1"):
        functional.dropout(torch.ones(2, device=device), p=p)
