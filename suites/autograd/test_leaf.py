"""Which tensors are leaves, how they come to require grad and cease to, and what only leaves can do."""

import pytest
import torch

from torchproof import fact, same


@fact("torch.Tensor.is_leaf")
@pytest.mark.parametrize(
    ("make", "is_leaf"),
    [
        (lambda x: x, True),
        (lambda x: x * 1, False),
        (lambda x: x.clone(), False),
        (lambda x: x.view(2, 1), False),
        (lambda x: x.to(torch.float64), False),
        (lambda x: x.to(x.dtype), True),
        (lambda x: x.detach() * 2, True),
        (lambda x: (x > 2).float() * 3, True),
        (lambda x: torch.nn.Parameter(x), True),
    ],
    ids=["made", "product", "clone", "view", "other_dtype", "same_dtype", "detached", "compared", "parameter"],
)
def test_is_what_no_recorded_operation_made(device, make, is_leaf):
    """`is_leaf` is True of a tensor unless an operation that was recorded has made it."""
    assert make(torch.tensor([2.0, 3.0], device=device, requires_grad=True)).is_leaf is is_leaf


@fact("torch.Tensor.is_leaf", "torch.Tensor.requires_grad_", hint="move the tensor first, then ask for its gradient")
def test_is_not_what_was_moved_after_it_required_grad(device):
    """A tensor converted by `to` after it was made to require grad is no leaf, while one converted before is."""
    after = torch.ones(2, device=device, requires_grad=True).to(torch.float64)
    before = torch.ones(2, device=device).to(torch.float64).requires_grad_()
    assert (after.is_leaf, before.is_leaf) == (False, True)
    (before * 3).sum().backward()
    same(before.grad, torch.tensor([3.0, 3.0], dtype=torch.float64))


@fact("torch.Tensor.requires_grad")
def test_passes_its_wish_for_a_gradient_on(device):
    """`requires_grad` of a sum or product is True where that of at least one argument is."""
    x, w = torch.ones(2, device=device), torch.ones(2, device=device, requires_grad=True)
    assert [made.requires_grad for made in (x + x, x + w, w * 2, w.sum())] == [False, True, True, True]


@fact("torch.Tensor.requires_grad_", source="notes/autograd")
@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.uint8])
def test_is_of_floating_point_to_require_grad(device, dtype):
    """`requires_grad_` of a tensor of int64, uint8 or bool is refused: "only Tensors of floating point"."""
    x = torch.ones(2, device=device).to(dtype)
    with pytest.raises(RuntimeError, match="floating point"):
        x.requires_grad_()


@fact("torch.Tensor.requires_grad_")
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.complex64])
def test_of_any_floating_dtype_can_require_grad(device, dtype):
    """`requires_grad_` sets the flag of a float16, bfloat16, float64 or complex64 tensor, and returns this tensor."""
    x = torch.tensor([1.5, -2.5], dtype=dtype, device=device)
    assert x.requires_grad_() is x
    same(x, torch.tensor([1.5, -2.5], dtype=dtype))
    assert (x.requires_grad, x.requires_grad_(False).requires_grad) == (True, False)


@fact("torch.Tensor.requires_grad_", hint="use detach()")
def test_alone_can_stop_requiring_grad(device):
    """`requires_grad_(False)` of a result is refused: "you can only change requires_grad flags of leaf variables"."""
    y = torch.ones(2, device=device, requires_grad=True) * 2
    with pytest.raises(RuntimeError, match="you can only change requires_grad flags of leaf variables"):
        y.requires_grad_(False)


@fact("torch.Tensor.requires_grad_")
def test_once_frozen_is_a_constant_of_what_follows(device):
    """What is computed from a leaf alone after `requires_grad_(False)` does not require grad."""
    x = torch.tensor([2.0], device=device, requires_grad=True)
    before = x * 3
    x.requires_grad_(False)
    assert (before.requires_grad, (x * 5).requires_grad) == (True, False)


@fact("torch.Tensor.requires_grad_", myth="freezing a tensor counts only for what is computed later")
def test_once_frozen_gets_no_gradient_of_what_was_recorded(device):
    """`backward` gives a leaf frozen by `requires_grad_(False)` no gradient, even of what was recorded before."""
    x, w = (torch.tensor([value], device=device, requires_grad=True) for value in (2.0, 5.0))
    y = x * w
    x.requires_grad_(False)
    y.backward()
    assert x.grad is None
    same(w.grad, torch.tensor([2.0]))


@fact("torch.Tensor.grad_fn", source="notes/autograd")
def test_has_no_grad_fn(device):
    """A leaf has no `grad_fn`, while a result has that of the operation that made it."""
    x = torch.ones(2, device=device, requires_grad=True)
    assert (x.grad_fn, (x.detach() * 2).grad_fn) == (None, None)
    assert [made.grad_fn.name() for made in (x * 2, x.exp(), x.sum())] == [
        "MulBackward0",
        "ExpBackward0",
        "SumBackward0",
    ]


@fact("torch.Tensor.retains_grad")
def test_does_not_retain_its_gradient_but_keeps_it(device):
    """`retains_grad` is True of a result after `retain_grad`, and False of leaves and other results."""
    x = torch.ones(2, device=device, requires_grad=True)
    kept, other = x * 2, x * 3
    kept.retain_grad()
    assert (x.retains_grad, kept.retains_grad, other.retains_grad) == (False, True, False)


def is_of_results_alone(patch):
    def refuses(tensor):
        raise RuntimeError("a leaf keeps its gradient anyhow")

    patch.setattr(torch.Tensor, "retain_grad", refuses)


@fact("torch.Tensor.retain_grad", refuter=is_of_results_alone)
def test_needs_no_retain_grad(device):
    """`retain_grad` of a leaf changes nothing: its `.grad` is kept anyhow."""
    x = torch.ones(2, device=device, requires_grad=True)
    x.retain_grad()
    (x * 3).sum().backward()
    same(x.grad, torch.tensor([3.0, 3.0]))


@fact("torch.Tensor.retain_grad")
def test_without_a_gradient_refuses_retain_grad(device):
    """`retain_grad` of a tensor that does not require grad is refused: "can't retain_grad on Tensor"."""
    with pytest.raises(RuntimeError, match="can't retain_grad on Tensor that has requires_grad=False"):
        torch.ones(2, device=device).retain_grad()
