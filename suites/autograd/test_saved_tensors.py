"""What hooks make of tensors saved for backward, and where these can be read; for bytes see test_saved_bytes."""

import pytest
import torch
from torch.autograd import graph
from torch.autograd.graph import save_on_cpu, saved_tensors_hooks

from torchproof import fact, same
from torchproof.fixtures.work import leaf


@fact("torch.autograd.graph.saved_tensors_hooks")
def test_pass_through_hooks(device):
    """`saved_tensors_hooks` pack a tensor when it is saved, and unpack it when `backward` needs it."""
    x, events = leaf(2.0, 3.0, device=device), []
    with saved_tensors_hooks(lambda t: events.append("pack") or t.numpy(force=True), lambda a: events.append("unpack")
                             or torch.tensor(a, device=device)):  # fmt: skip
        y = x * torch.tensor([5.0, 7.0], device=device)
    before = list(events)
    y.sum().backward()
    assert (before, events) == (["pack"], ["pack", "unpack"])
    same(x.grad, torch.tensor([5.0, 7.0]))


@fact("torch.autograd.graph.saved_tensors_hooks")
def test_are_what_unpack_returns(device):
    """`backward` works with what the unpacking hook of `saved_tensors_hooks` returns, whatever was saved."""
    x = leaf(2.0, 3.0, device=device)
    with saved_tensors_hooks(lambda t: None, lambda _: torch.tensor([100.0, 10.0], device=device)):
        y = torch.exp(x)
    y.sum().backward()
    same(x.grad, torch.tensor([100.0, 10.0]))


@fact("torch.autograd.graph.saved_tensors_hooks")
def test_of_what_is_recorded_outside_are_not_packed(device):
    """`saved_tensors_hooks` hold for what is recorded inside of their block, the innermost of nested ones."""
    x, seen = leaf(2.0, device=device), []
    keep = lambda t: t  # noqa: E731
    with saved_tensors_hooks(lambda t: seen.append("outer") or t, keep):
        with saved_tensors_hooks(lambda t: seen.append("inner") or t, keep):
            torch.exp(x)
        torch.exp(x)
    torch.exp(x)
    assert seen == ["inner", "outer"]


@fact("torch.autograd.graph.saved_tensors_hooks", hint="return a copy from the packing hook")
def test_may_not_be_changed_by_packing(device):
    """A packing hook of `saved_tensors_hooks` that changes the tensor in place is refused."""
    x = leaf(2.0, device=device)
    with (
        saved_tensors_hooks(lambda t: t.mul_(2), lambda t: t),
        pytest.raises(RuntimeError, match="modifying its input in place|A saved tensor pack hook"),
    ):
        torch.exp(x * 1)


@fact("torch.autograd.graph.disable_saved_tensors_hooks")
def test_can_be_kept_from_hooks(device):
    """`saved_tensors_hooks` are refused inside of `disable_saved_tensors_hooks` alone, with the message given to it."""
    with (
        graph.disable_saved_tensors_hooks("no hooks in here"),
        pytest.raises(RuntimeError, match="no hooks in here"),
        saved_tensors_hooks(lambda t: t, lambda t: t),
    ):
        torch.exp(leaf(2.0, device=device))
    x = leaf(2.0, device=device)
    with saved_tensors_hooks(lambda t: None, lambda _: torch.tensor([7.0], device=device)):
        y = torch.exp(x)
    y.sum().backward()
    same(x.grad, torch.tensor([7.0]))


@fact("torch.autograd.graph.save_on_cpu")
def test_can_be_kept_on_the_cpu(device):
    """Under `save_on_cpu` the gradients are the same, on the device of their tensors."""
    x = leaf(2.0, 3.0, device=device)
    with save_on_cpu():
        y = (x * x).sum()
    y.backward()
    assert x.grad.device == x.device
    same(x.grad, torch.tensor([4.0, 6.0]))


@fact("torch.autograd.graph.save_on_cpu")
def test_are_kept_on_the_cpu_inside_of_the_block_alone(device):
    """`save_on_cpu` takes the place of `saved_tensors_hooks` around it, until the end of its block."""
    x, seen = leaf(2.0, device=device), []
    with saved_tensors_hooks(lambda t: seen.append("outer") or t, lambda t: t):
        with save_on_cpu():
            torch.exp(x)
        inside = len(seen)
        torch.exp(x)
    assert (inside, len(seen)) == (0, 1)


@fact("torch.Tensor.grad_fn", source="autograd")
def test_can_be_read_from_the_graph(device):
    """`_saved_result` of `exp`'s `grad_fn` is what it saved, until `backward`: "after they have already been freed"."""
    x = leaf(0.0, 1.0, device=device)
    y = torch.exp(x)
    same(y.grad_fn._saved_result.detach(), y.detach())
    y.sum().backward()
    with pytest.raises(RuntimeError, match="after they have already been freed"):
        y.grad_fn._saved_result
