"""What `gradcheck` and `gradgradcheck` say of right and of wrong gradients."""

import pytest
import torch
from torch.autograd.gradcheck import GradcheckError

from torchproof import fact


class Wrong(torch.autograd.Function):
    """The square, with a gradient that is twice too large."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, slope):
        return 4 * ctx.saved_tensors[0] * slope


class WrongTwice(torch.autograd.Function):
    """The cube, with a right gradient of which autograd does not see how it depends on x."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, slope):
        return 3 * ctx.saved_tensors[0].detach() ** 2 * slope


def points(device, dtype=torch.float64):
    return torch.tensor([0.5, 1.5, -2.0], dtype=dtype, device=device, requires_grad=True)


@fact("torch.autograd.gradcheck", source="generated/torch.autograd.gradcheck.gradcheck")
@pytest.mark.parametrize("fast_mode", [False, True], ids=["slow", "fast"])
def test_tells_right_from_wrong(device, fast_mode):
    """`gradcheck` is True of a gradient that agrees with differences, and raises "Jacobian mismatch" of another."""
    assert torch.autograd.gradcheck(lambda x: x * x, points(device), fast_mode=fast_mode) is True
    with pytest.raises(GradcheckError, match="Jacobian mismatch"):
        torch.autograd.gradcheck(Wrong.apply, points(device), fast_mode=fast_mode)


@fact("torch.autograd.gradcheck", source="generated/torch.autograd.gradcheck.gradcheck")
def test_is_fast_of_large_inputs_where_asked(device):
    """`gradcheck` calls the function at least twice an element, with `fast_mode=True` under 20 times for 40 of them."""
    calls, x = [], torch.arange(40.0, dtype=torch.float64, device=device).requires_grad_()
    for fast_mode in (False, True):
        assert torch.autograd.gradcheck(lambda x: calls.append(fast_mode) or x * 2, x, fast_mode=fast_mode)  # noqa: B023
    assert calls.count(False) >= 80 and calls.count(True) < 20


@fact("torch.autograd.gradcheck", source="generated/torch.autograd.gradcheck.gradcheck")
def test_can_say_no_instead_of_raising(device):
    """`gradcheck` with `raise_exception=False` returns False of a wrong gradient."""
    answers = [
        torch.autograd.gradcheck(made, points(device), raise_exception=False) for made in (torch.sin, Wrong.apply)
    ]
    assert answers == [True, False]


@fact("torch.autograd.gradcheck", hint="convert the inputs to float64",
      source="generated/torch.autograd.gradcheck.gradcheck")  # fmt: skip
def test_warns_of_single_precision(device):
    """`gradcheck` of float32 inputs warns that they are "not a double precision floating point"."""
    with pytest.warns(UserWarning, match="double precision"):
        assert torch.autograd.gradcheck(lambda x: x * 2, points(device, torch.float32), eps=1e-2, atol=1e-2) is True


@fact("torch.autograd.gradcheck", source="generated/torch.autograd.gradcheck.gradcheck")
def test_needs_an_input_that_requires_grad(device):
    """`gradcheck` without any input that requires grad is refused."""
    with pytest.raises(ValueError, match="at least one"):
        torch.autograd.gradcheck(torch.sin, points(device).detach())


@fact("torch.autograd.gradgradcheck", source="generated/torch.autograd.gradcheck.gradgradcheck")
def test_gradgradcheck_tells_right_from_wrong(device):
    """`gradgradcheck` is True where the second derivative agrees with differences, and raises where it does not."""
    assert torch.autograd.gradgradcheck(lambda x: x**3, points(device)) is True
    assert torch.autograd.gradcheck(WrongTwice.apply, points(device)) is True
    with pytest.raises((RuntimeError, GradcheckError), match="mismatch|does not require grad"):
        torch.autograd.gradgradcheck(WrongTwice.apply, points(device))
