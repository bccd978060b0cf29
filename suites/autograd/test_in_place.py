"""What backward makes of changes in place; writes into leaves and views under `no_grad` are in test_no_grad."""

import math

import pytest
import torch

from torchproof import close, fact, same
from torchproof.fixtures.work import leaf


@fact("torch.Tensor.mul_", "torch.Tensor.add_", "torch.Tensor.zero_", "torch.Tensor.copy_", "torch.Tensor.fill_",
      source="notes/autograd", hint="work on a clone, or out of place")  # fmt: skip
@pytest.mark.parametrize(
    ("change", "want"),
    [
        (lambda y: y.mul_(2), [12.0, 18.0]),
        (lambda y: y.add_(1), [7.0, 10.0]),
        (lambda y: y.zero_(), [0.0, 0.0]),
        (lambda y: y.copy_(y + 1), [7.0, 10.0]),
        (lambda y: y.fill_(7), [7.0, 7.0]),
    ],
    ids=["mul_", "add_", "zero_", "copy_", "fill_"],
)
def test_changes_what_backward_needs_with_an_error(device, change, want):
    """`mul_`, `add_` or `copy_` of a value that `backward` needs makes it fail: "modified by an inplace operation"."""
    y = leaf(2.0, 3.0, device=device) * 3
    z = (y * y).sum()
    z.clone().backward(retain_graph=True)
    assert change(y) is y
    same(y.detach(), torch.tensor(want))
    with pytest.raises(RuntimeError, match=r"modified by an inplace operation.* is at version 1; expected version 0"):
        z.backward()


@fact("torch.Tensor.mul_", source="notes/autograd")
def test_changes_what_backward_does_not_need(device):
    """`mul_` may change a result whose old value no derivative needs, as that of a sum."""
    x = leaf(2.0, 3.0, device=device)
    y = x + 1
    z = y * 5
    y.mul_(100)
    (z + y).sum().backward()
    same(y.detach(), torch.tensor([300.0, 400.0]))
    same(x.grad, torch.tensor([105.0, 105.0]))


@fact("torch.Tensor.exp_", "torch.Tensor.sigmoid_", "torch.Tensor.tanh_", "torch.Tensor.relu_",
      "torch.Tensor.reciprocal_", source="notes/autograd")  # fmt: skip
@pytest.mark.parametrize(
    ("name", "value", "slope"),
    [
        ("exp_", math.exp(0.5), math.exp(0.5)),
        ("sigmoid_", 1 / (1 + math.exp(-0.5)), math.exp(-0.5) / (1 + math.exp(-0.5)) ** 2),
        ("tanh_", math.tanh(0.5), 1 - math.tanh(0.5) ** 2),
        ("relu_", 0.5, 1.0),
        ("reciprocal_", 2.0, -4.0),
    ],
    ids=["exp_", "sigmoid_", "tanh_", "relu_", "reciprocal_"],
)
def test_of_a_function_that_needs_its_result_is_recorded(device, name, value, slope):
    """`exp_`, `sigmoid_`, `tanh_`, `relu_` and `reciprocal_` are recorded: their derivatives need the result alone."""
    x = leaf(0.5, 0.5, device=device)
    y = x * 1
    assert getattr(y, name)() is y
    y.backward(torch.tensor([1.0, 10.0], device=device))
    close(y.detach(), [value, value], roundings=8)
    close(x.grad, [slope, 10 * slope], roundings=8)


@fact("torch.Tensor.pow_", "torch.Tensor.square_", source="notes/autograd")
@pytest.mark.parametrize(
    ("name", "arguments", "value", "slope"),
    [("pow_", [3], 8.0, 12.0), ("square_", [], 4.0, 4.0)],
    ids=["pow_", "square_"],
)
def test_of_a_function_that_needs_its_argument_keeps_it(device, name, arguments, value, slope):
    """`pow_` and `square_` keep the old value, which their derivatives need."""
    x = leaf(2.0, 2.0, device=device)
    y = x * 1
    assert getattr(y, name)(*arguments) is y
    y.backward(torch.tensor([1.0, 10.0], device=device))
    same(y.detach(), torch.tensor([value, value]))
    same(x.grad, torch.tensor([slope, 10 * slope]))


@fact("torch.Tensor.__setitem__", source="notes/autograd")
def test_assignment_cuts_the_gradient_of_what_it_overwrites(device):
    """`y[i] = new` gives the gradient of the element to `new`, and none to what it overwrites."""
    x, new = leaf(2.0, 3.0, 4.0, device=device), leaf(7.0, device=device)
    y = x * 10
    y[1:2] = new
    y.backward(torch.tensor([1.0, 2.0, 3.0], device=device))
    same(y.detach(), torch.tensor([20.0, 7.0, 40.0]))
    same(x.grad, torch.tensor([10.0, 0.0, 30.0]))
    same(new.grad, torch.tensor([2.0]))


@fact("torch.Tensor.copy_", source="notes/autograd")
def test_copy_gives_its_gradient_to_the_source(device):
    """After `copy_` the gradient goes to the source, converted and summed where it was broadcast."""
    x, source = leaf(2.0, 3.0, device=device), torch.tensor(7.0, dtype=torch.float64, device=device, requires_grad=True)
    y = (x * 1).copy_(source)
    y.backward(torch.tensor([1.0, 10.0], device=device))
    same(y.detach(), torch.tensor([7.0, 7.0]))
    same(x.grad, torch.zeros(2))
    same(source.grad, torch.tensor(11.0, dtype=torch.float64))


@fact("torch.Tensor.view", "torch.Tensor.mul_", source="notes/autograd")
def test_through_a_view_changes_the_history_of_its_base(device):
    """`mul_` of a `view` of a result counts in the gradient of the result, as if that itself had been changed."""
    x = leaf(2.0, 3.0, device=device)
    y = x * 1
    y.view(2, 1)[0].mul_(100)
    y.backward(torch.tensor([1.0, 10.0], device=device))
    same(y.detach(), torch.tensor([200.0, 3.0]))
    same(x.grad, torch.tensor([100.0, 10.0]))


@fact("torch.Tensor.mul_", source="notes/autograd")
def test_to_a_base_reaches_views_that_were_made_before(device):
    """A view made before `mul_` of its base has this change in its value and in its gradient."""
    x = leaf(2.0, 3.0, device=device)
    base = x * 1
    view = base[1:]
    base.mul_(100)
    view.sum().backward()
    same(view.detach(), torch.tensor([300.0]))
    same(x.grad, torch.tensor([0.0, 100.0]))


@fact("torch.unbind", "torch.split", "torch.chunk", source="notes/autograd", hint="clone the parts first")
@pytest.mark.parametrize("name", ["unbind", "split", "chunk"])
def test_of_one_of_several_views_is_refused(device, name):
    """`mul_` of one part of `unbind`, `split` or `chunk` is refused: "a function that returns multiple views"."""
    y = leaf(2.0, 3.0, device=device) * 1
    first, second = getattr(torch, name)(y, *{"split": [1], "chunk": [2]}.get(name, []))
    assert (first.item(), second.item()) == (2.0, 3.0)
    with pytest.raises(RuntimeError, match="a function that returns multiple views"):
        first.mul_(2)


@fact("torch.Tensor.fill_", source="notes/autograd")
def test_of_a_fill_hands_its_gradient_to_the_number(device):
    """`fill_` with a tensor hands the gradient of every element to it, and none to what was there before."""
    x, number = leaf(2.0, 3.0, device=device), torch.tensor(5.0, device=device, requires_grad=True)
    y = x * 1
    y.fill_(number)
    y.backward(torch.tensor([10.0, 100.0], device=device))
    same(y.detach(), torch.tensor([5.0, 5.0]))
    same(x.grad, torch.zeros(2))
    same(number.grad, torch.tensor(110.0))


@fact("torch.Tensor.requires_grad", "torch.Tensor.add_", source="notes/autograd")
def test_with_a_tensor_that_requires_grad_makes_one_require_it(device):
    """`x.add_(y)` of a `y` that requires grad makes an `x` that did not require it too."""
    x, w = torch.ones(2, device=device), leaf(2.0, 3.0, device=device)
    before = x.requires_grad
    x.add_(w * 5)
    assert (before, x.requires_grad, x.is_leaf) == (False, True, False)
    x.sum().backward()
    same(w.grad, torch.tensor([5.0, 5.0]))


@fact("torch.autograd.graph.increment_version", since="2.1", calls="any", gain=True, source="autograd")
def test_by_other_means_can_be_told(device):
    """After `increment_version` an unseen change makes `backward` fail: "modified by an inplace operation"."""
    y = leaf(2.0, 3.0, device=device) * 3
    z = (y * y).sum()
    y.data.zero_()
    torch.autograd.graph.increment_version(y)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.backward()


@fact("torch.autograd.graph.allow_mutation_on_saved_tensors", source="autograd")
def test_is_allowed_where_values_are_kept(device):
    """Under `allow_mutation_on_saved_tensors` a saved value is copied before it is changed in place."""
    x = leaf(2.0, 3.0, device=device)
    with torch.autograd.graph.allow_mutation_on_saved_tensors():
        y = x * 1
        z = (y * y).sum()
        y.mul_(100)
        z.backward()
    same(y.detach(), torch.tensor([200.0, 300.0]))
    same(x.grad, torch.tensor([4.0, 6.0]))
