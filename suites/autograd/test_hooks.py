"""Hooks on tensors, on nodes of the graph and after accumulation; those of modules are in suites/modules/test_hooks."""

import pytest
import torch

from torchproof import fact, same
from torchproof.fixtures.work import leaf


@fact("torch.Tensor.register_hook")
def test_on_a_tensor_sees_its_gradient(device):
    """A hook of `register_hook` on a tensor is called once in a `backward`, with the gradient by this tensor."""
    x, seen = leaf(2.0, 3.0, device=device), []
    y = x * x
    y.register_hook(lambda grad: seen.append(grad.clone()))
    (y * torch.tensor([1.0, 10.0], device=device)).sum().backward()
    assert len(seen) == 1
    same(seen[0], torch.tensor([1.0, 10.0]))
    same(x.grad, torch.tensor([4.0, 60.0]))


@fact("torch.Tensor.register_hook")
def test_on_a_tensor_can_replace_its_gradient(device):
    """What a hook of `register_hook` returns takes the place of the gradient by its tensor from there on."""
    x = leaf(2.0, 3.0, device=device)
    y = x * x
    y.register_hook(lambda grad: grad * 100)
    y.sum().backward()
    same(x.grad, torch.tensor([400.0, 600.0]))


@fact("torch.Tensor.register_hook", source="notes/autograd")
def test_on_a_tensor_run_in_order(device):
    """Hooks of `register_hook` on one tensor run in order, each on what the one before returned."""
    x = leaf(2.0, device=device)
    x.register_hook(lambda grad: grad + 1)
    x.register_hook(lambda grad: grad * 10)
    (x * 3).sum().backward()
    same(x.grad, torch.tensor([40.0]))


@fact("torch.Tensor.register_hook")
def test_on_a_tensor_can_be_removed(device):
    """A hook of `register_hook` is not called any more after `remove()` of its handle."""
    x = leaf(2.0, device=device)
    _, handle = (x.register_hook(lambda grad, by=by: grad + by) for by in (1, 100))
    handle.remove()
    (x * 3).sum().backward()
    same(x.grad, torch.tensor([4.0]))


@fact("torch.Tensor.register_hook", source="notes/autograd")
def test_on_a_leaf_see_the_gradient_of_this_backward(device):
    """A hook of `register_hook` on a leaf sees the gradient of this `backward`, and not what `.grad` has added up."""
    x, seen = leaf(2.0, device=device), []
    x.register_hook(lambda grad: seen.append(grad.item()))
    for by in (3, 5):
        (x * by).sum().backward()
    assert (seen, x.grad.item()) == ([3.0, 5.0], 8.0)


@fact("torch.Tensor.register_hook", source="notes/autograd")
def test_on_a_tensor_run_before_its_gradient_is_retained(device):
    """`retain_grad` keeps what hooks of `register_hook` made of the gradient, even those registered later."""
    y = leaf(2.0, device=device) * 3
    y.retain_grad()
    y.register_hook(lambda grad: grad * 10)
    y.sum().backward()
    same(y.grad, torch.tensor([10.0]))


@fact("torch.Tensor.register_hook", hint="register it before the change, or on the tensor itself afterwards")
def test_on_a_tensor_stay_with_the_value_they_were_put_on(device):
    """A hook of `register_hook` on a result that is then changed in place sees the gradient by its old value."""
    y, seen = leaf(2.0, device=device) * 1, []
    y.register_hook(lambda grad: seen.append(grad.item()))
    y.mul_(5)
    y.sum().backward()
    assert seen == [5.0]


@fact("torch.Tensor.register_hook")
def test_on_a_tensor_without_gradient_are_refused(device):
    """`register_hook` is refused: "cannot register a hook on a tensor that doesn't require gradient"."""
    with pytest.raises(RuntimeError, match="cannot register a hook on a tensor that doesn't require gradient"):
        torch.ones(2, device=device).register_hook(print)


@fact("torch.Tensor.register_hook")
def test_on_a_tensor_are_to_keep_the_shape(device):
    """A hook of `register_hook` that returns another shape makes `backward` fail: "changed the size of value"."""
    x = leaf(2.0, 3.0, device=device)
    x.register_hook(lambda grad: grad[:1])
    with pytest.raises(RuntimeError, match="changed the size of value"):
        (x * 3).sum().backward()


@fact("torch.Tensor.register_hook")
def test_on_a_tensor_are_called_by_grad_as_well(device):
    """`autograd.grad` by a tensor gives what its hooks of `register_hook` make of the gradient."""
    x = leaf(2.0, device=device)
    x.register_hook(lambda grad: grad * 10)
    same(torch.autograd.grad((x * 3).sum(), x)[0], torch.tensor([30.0]))


@fact("torch.Tensor.register_post_accumulate_grad_hook", since="2.1", calls="any", gain=True)
def test_after_accumulation_see_the_whole_gradient(device):
    """A hook of `register_post_accumulate_grad_hook` gets the leaf when its `.grad` is complete, and can free that."""
    x, seen = leaf(2.0, device=device), []
    x.grad = torch.tensor([100.0], device=device)
    x.register_hook(lambda grad: grad * 10)

    def free(tensor):
        seen.append((tensor is x, tensor.grad.item()))
        tensor.grad = None

    x.register_post_accumulate_grad_hook(free)
    (x * 3).sum().backward()
    assert (seen, x.grad) == ([(True, 130.0)], None)


@fact("torch.Tensor.register_post_accumulate_grad_hook", since="2.1", calls="any")
def test_after_accumulation_can_be_removed(device):
    """A hook of `register_post_accumulate_grad_hook` is not called any more after `remove()` of its handle."""
    x, seen = leaf(2.0, device=device), []
    _, handle = (x.register_post_accumulate_grad_hook(lambda _, by=by: seen.append(by)) for by in (1, 2))
    handle.remove()
    (x * 3).sum().backward()
    assert seen == [1]


@fact("torch.Tensor.register_post_accumulate_grad_hook", since="2.1", calls="any")
def test_after_accumulation_are_for_leaves(device):
    """`register_post_accumulate_grad_hook` on a tensor that is not a leaf is refused."""
    with pytest.raises(RuntimeError, match="non-leaf"):
        (leaf(2.0, device=device) * 2).register_post_accumulate_grad_hook(print)


@fact("torch.autograd.graph.register_multi_grad_hook", source="autograd")
def test_on_several_tensors_wait_for_all(device):
    """A hook of `register_multi_grad_hook` is called once with the gradients of all tensors, None for one without."""
    x, y, z, seen = *(leaf(number, device=device) for number in (2.0, 3.0, 4.0)), []
    torch.autograd.graph.register_multi_grad_hook((x, y, z), lambda grads: seen.append(grads))
    (x * y).sum().backward()
    assert [[grad if grad is None else grad.item() for grad in grads] for grads in seen] == [[3.0, 2.0, None]]


@fact("torch.autograd.graph.register_multi_grad_hook", source="autograd")
def test_on_several_tensors_can_be_removed(device):
    """A hook of `register_multi_grad_hook` is not called any more after `remove()` of its handle."""
    x, y, seen = leaf(2.0, device=device), leaf(3.0, device=device), []
    hooks = [lambda grads, by=by: seen.append(by) for by in (1, 2)]
    _, handle = (torch.autograd.graph.register_multi_grad_hook((x, y), hook) for hook in hooks)
    handle.remove()
    (x * y).sum().backward()
    assert seen == [1]


@fact("torch.autograd.graph.register_multi_grad_hook", since="2.3", calls="mode=any", gain=True, source="autograd")
def test_on_several_tensors_can_ask_for_any(device):
    """A hook of `register_multi_grad_hook(mode="any")` is called once, with the first gradient that is ready."""
    x, y, seen = leaf(2.0, device=device), leaf(3.0, device=device), []
    torch.autograd.graph.register_multi_grad_hook((x, y), seen.append, mode="any")
    (x * 5).sum().backward()
    assert [grad.item() for grad in seen] == [5.0]


@fact("torch.autograd.graph.Node.register_hook", "torch.Tensor.grad_fn")
def test_on_a_node_see_both_sides(device):
    """A hook of `grad_fn.register_hook` gets the gradients of inputs and outputs, and can replace the former."""
    x, seen = leaf(2.0, device=device), []
    y = x * 3

    def hook(inputs, outputs):
        seen.append((inputs[0].item(), outputs[0].item()))
        return inputs[0] * 10, inputs[1]

    y.grad_fn.register_hook(hook)
    (y * 5).sum().backward()
    assert (seen, x.grad.item()) == ([(15.0, 5.0)], 150.0)


@fact("torch.autograd.graph.Node.register_prehook", "torch.Tensor.grad_fn")
def test_before_a_node_replace_what_it_gets(device):
    """A hook of `grad_fn.register_prehook` gets the gradients of the node's outputs, which it can replace."""
    x, seen = leaf(2.0, device=device), []
    y = x * 3
    y.grad_fn.register_prehook(lambda outputs: seen.append(outputs[0].item()) or (outputs[0] * 10,))
    (y * 5).sum().backward()
    assert (seen, x.grad.item()) == ([5.0], 150.0)


@fact("torch.autograd.graph.Node.register_hook", "torch.autograd.graph.Node.register_prehook",
      "torch.Tensor.register_hook", source="notes/autograd")  # fmt: skip
def test_of_all_kinds_run_in_order(device):
    """`backward` runs hooks of a result, then `register_prehook` and `register_hook` of its node, then a leaf's."""
    x, order = leaf(2.0, device=device), []
    y = x * 3
    y.grad_fn.register_hook(lambda inputs, outputs: order.append("behind"))
    y.grad_fn.register_prehook(lambda outputs: order.append("before"))
    y.register_hook(lambda grad: order.append("tensor"))
    x.register_hook(lambda grad: order.append("leaf"))
    y.sum().backward()
    assert order == ["tensor", "before", "behind", "leaf"]
