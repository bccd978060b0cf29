"""What `Optimizer.zero_grad` does to gradients, and when it is called; that of modules is in modules."""

import pytest
import torch

from torchproof import fact, same


@fact(
    "torch.optim.Optimizer.zero_grad",
    claims=["A04", "A05"],
    myth="zero_grad() sets the gradients to 0",
    hint="test `p.grad is None`, or pass set_to_none=False",
)
@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "RMSprop"])
def test_sets_gradients_to_none_by_default(device, name):
    """`Optimizer.zero_grad()`, of `SGD`, `Adam` and the like, sets each gradient to None, not to zeros."""
    w = torch.ones(2, device=device, requires_grad=True)
    w.grad = torch.ones(2, device=device)
    getattr(torch.optim, name)([w], lr=1.0).zero_grad()
    assert w.grad is None


@fact("torch.optim.Optimizer.zero_grad", claims=["A05"])
def test_leaves_the_old_gradient_its_values_by_default(device):
    """A gradient that is kept under another name survives `Optimizer.zero_grad()`."""
    w = torch.ones(2, device=device, requires_grad=True)
    w.grad = kept = torch.tensor([3.0, 4.0], device=device)
    torch.optim.SGD([w], lr=1.0).zero_grad()
    same(kept, torch.tensor([3.0, 4.0]))
    assert w.grad is not kept


@fact("torch.optim.Optimizer.zero_grad", claims=["A05"])
def test_without_set_to_none_fills_the_same_tensor_with_zeros(device):
    """`Optimizer.zero_grad(set_to_none=False)` writes zeros into the gradient tensors that are there."""
    w = torch.ones(2, device=device, requires_grad=True)
    w.grad = kept = torch.tensor([3.0, 4.0], device=device)
    torch.optim.SGD([w], lr=1.0).zero_grad(set_to_none=False)
    assert w.grad is kept
    same(kept, torch.zeros(2))


@fact("torch.optim.Optimizer.zero_grad", claims=["A05"])
def test_without_set_to_none_makes_no_gradient(device):
    """`Optimizer.zero_grad(set_to_none=False)` leaves a gradient that is None at that."""
    w, v = (torch.ones(2, device=device, requires_grad=True) for _ in range(2))
    v.grad = torch.ones(2, device=device)
    torch.optim.SGD([w, v], lr=1.0).zero_grad(set_to_none=False)
    assert w.grad is None
    same(v.grad, torch.zeros(2))


@fact("torch.optim.Optimizer.zero_grad")
def test_without_set_to_none_cuts_the_gradient_from_its_graph(device):
    """`Optimizer.zero_grad(set_to_none=False)` leaves a gradient that no longer requires grad."""
    w = torch.tensor(2.0, device=device, requires_grad=True)
    torch.autograd.backward(w**3, create_graph=True, inputs=[w])
    before = w.grad.requires_grad
    torch.optim.SGD([w], lr=1.0).zero_grad(set_to_none=False)
    assert (before, w.grad.requires_grad) == (True, False)


@fact("torch.optim.Optimizer.zero_grad", myth="zero_grad() resets all gradients of the model")
@pytest.mark.parametrize("set_to_none", [True, False])
def test_leaves_parameters_of_others(device, set_to_none):
    """`Optimizer.zero_grad` leaves the gradients of parameters that the optimizer was not given."""
    w, other = (torch.ones(2, device=device, requires_grad=True) for _ in range(2))
    w.grad, other.grad = torch.ones(2, device=device), torch.tensor([3.0, 4.0], device=device)
    torch.optim.SGD([w], lr=1.0).zero_grad(set_to_none=set_to_none)
    same(other.grad, torch.tensor([3.0, 4.0]))
    assert w.grad is None or not w.grad.any()


@fact("torch.optim.Optimizer.zero_grad")
def test_reaches_every_parameter_group(device):
    """`Optimizer.zero_grad` resets the gradients in all parameter groups."""
    weights = [torch.ones(2, device=device, requires_grad=True) for _ in range(3)]
    optimizer = torch.optim.SGD([{"params": weights[:1]}, {"params": weights[1:], "lr": 0.1}], lr=1.0)
    sum(w.sum() for w in weights).backward()
    optimizer.zero_grad()
    assert [w.grad for w in weights] == [None, None, None]


@fact("torch.optim.Optimizer.zero_grad")
@pytest.mark.parametrize("set_to_none", [True, False])
def test_leaves_parameters_as_they_are(device, set_to_none):
    """`Optimizer.zero_grad` changes no parameter's value."""
    w = torch.tensor([1.0, 2.0], device=device, requires_grad=True)
    w.grad = torch.ones(2, device=device)
    torch.optim.SGD([w], lr=1.0, momentum=0.9).zero_grad(set_to_none=set_to_none)
    same(w, torch.tensor([1.0, 2.0]))
    assert w.grad is None or not w.grad.any()


@fact("torch.optim.Optimizer.zero_grad")
def test_leaves_the_state_of_the_optimizer(device):
    """`Optimizer.zero_grad` keeps the momentum: the next step goes on with it."""
    w = torch.tensor(1.0, device=device, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.5, momentum=0.5)
    for _ in range(2):
        optimizer.zero_grad()
        w.backward()
        optimizer.step()
    same(w, torch.tensor(1 - 0.5 * 1 - 0.5 * (0.5 * 1 + 1)))


@fact("torch.optim.Optimizer.zero_grad", claims=["L01"])
def test_between_backward_and_step_erases_the_step(device):
    """`zero_grad` called between `backward` and `step` leaves nothing for `step` to apply."""
    w = torch.tensor([1.0, 2.0], device=device, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.5)
    (w**2).sum().backward()
    optimizer.zero_grad()
    optimizer.step()
    same(w, torch.tensor([1.0, 2.0]))


@fact("torch.optim.Optimizer.zero_grad", claims=["L01"])
def test_may_stand_anywhere_outside_of_backward_and_step(device):
    """`zero_grad` after `step` gives the same training as `zero_grad` before the forward pass."""
    first, last = (torch.tensor([1.0, 2.0], device=device, requires_grad=True) for _ in range(2))
    for_first, for_last = torch.optim.SGD([first], lr=0.25), torch.optim.SGD([last], lr=0.25)
    for _ in range(3):
        for_first.zero_grad()
        (first**2).sum().backward()
        for_first.step()
        (last**2).sum().backward()
        for_last.step()
        for_last.zero_grad()
    same(first, torch.tensor([1 / 8, 2 / 8]))
    same(last, torch.tensor([1 / 8, 2 / 8]))


@fact("torch.optim.SGD.step", claims=["A04", "L01"])
def test_left_out_steps_by_the_sum_of_all_gradients_so_far(device):
    """Without `zero_grad` each step of `SGD` applies the sum of the gradients of all steps so far."""
    w = torch.tensor(8.0, device=device, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.25)
    for _ in range(2):
        (w**2).backward()
        optimizer.step()
    same(w, torch.tensor(8 - 0.25 * 16.0 - 0.25 * (16.0 + 8.0)))
