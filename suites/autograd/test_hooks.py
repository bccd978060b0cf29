import pytest
import torch
from torch import nn

from torchproof import fact, same


def leaf(*numbers, device="cpu"):
    return torch.tensor(numbers, device=device, requires_grad=True)


@fact("torch.Tensor.register_hook")
def test_on_a_tensor_sees_its_gradient(device):
    """A hook on a tensor is called with the gradient by it, once for each `backward`."""
    x, seen = leaf(2.0, 3.0, device=device), []
    y = x * x
    y.register_hook(lambda grad: seen.append(grad.clone()))
    (y * torch.tensor([1.0, 10.0], device=device)).sum().backward()
    assert len(seen) == 1
    same(seen[0], torch.tensor([1.0, 10.0]))
    same(x.grad, torch.tensor([4.0, 60.0]))


@fact("torch.Tensor.register_hook")
def test_on_a_tensor_can_replace_its_gradient(device):
    """What a hook on a tensor returns takes the place of the gradient for all that comes before."""
    x = leaf(2.0, 3.0, device=device)
    y = x * x
    y.register_hook(lambda grad: grad * 100)
    y.sum().backward()
    same(x.grad, torch.tensor([400.0, 600.0]))


@fact("torch.Tensor.register_hook", source="notes/autograd")
def test_on_a_tensor_run_in_order(device):
    """Hooks on one tensor run in the order of their registration, each on what the one before returned."""
    x = leaf(2.0, device=device)
    x.register_hook(lambda grad: grad + 1)
    x.register_hook(lambda grad: grad * 10)
    (x * 3).sum().backward()
    same(x.grad, torch.tensor([40.0]))


@fact("torch.Tensor.register_hook")
def test_on_a_tensor_can_be_removed(device):
    """A hook is not called any more after `remove()` of its handle."""
    x = leaf(2.0, device=device)
    _, handle = (x.register_hook(lambda grad, by=by: grad + by) for by in (1, 100))
    handle.remove()
    (x * 3).sum().backward()
    same(x.grad, torch.tensor([4.0]))


@fact("torch.Tensor.register_hook", source="notes/autograd")
def test_on_a_leaf_see_the_gradient_of_this_backward(device):
    """A hook on a leaf sees the gradient of this `backward`, and not what has accumulated in `.grad`."""
    x, seen = leaf(2.0, device=device), []
    x.register_hook(lambda grad: seen.append(grad.item()))
    for by in (3, 5):
        (x * by).sum().backward()
    assert (seen, x.grad.item()) == ([3.0, 5.0], 8.0)


@fact("torch.Tensor.register_hook", source="notes/autograd")
def test_on_a_tensor_run_before_its_gradient_is_retained(device):
    """`.grad` that a result retains is what its hooks have made of it, whichever was asked for first."""
    y = leaf(2.0, device=device) * 3
    y.retain_grad()
    y.register_hook(lambda grad: grad * 10)
    y.sum().backward()
    same(y.grad, torch.tensor([10.0]))


@fact("torch.Tensor.register_hook", hint="register it before the change, or on the tensor itself afterwards")
def test_on_a_tensor_stay_with_the_value_they_were_put_on(device):
    """A hook on a result that is changed in place afterwards sees the gradient by its value before the change."""
    y, seen = leaf(2.0, device=device) * 1, []
    y.register_hook(lambda grad: seen.append(grad.item()))
    y.mul_(5)
    y.sum().backward()
    assert seen == [5.0]


@fact("torch.Tensor.register_hook")
def test_on_a_tensor_without_gradient_are_refused(device):
    """A hook on a tensor that does not require grad is refused."""
    with pytest.raises(RuntimeError, match="cannot register a hook on a tensor that doesn't require gradient"):
        torch.ones(2, device=device).register_hook(print)


@fact("torch.Tensor.register_hook")
def test_on_a_tensor_are_to_keep_the_shape(device):
    """A hook that returns a gradient of another shape makes `backward` fail."""
    x = leaf(2.0, 3.0, device=device)
    x.register_hook(lambda grad: grad[:1])
    with pytest.raises(RuntimeError, match=r"changed the size of value|changed the size"):
        (x * 3).sum().backward()


@fact("torch.Tensor.register_hook")
def test_on_a_tensor_are_called_by_grad_as_well(device):
    """`autograd.grad` by a tensor runs the hooks of this tensor on what it returns."""
    x = leaf(2.0, device=device)
    x.register_hook(lambda grad: grad * 10)
    same(torch.autograd.grad((x * 3).sum(), x)[0], torch.tensor([30.0]))


@fact("torch.Tensor.register_post_accumulate_grad_hook", since="2.1", calls="any", gain=True)
def test_after_accumulation_see_the_whole_gradient(device):
    """A post-accumulate hook is called with the leaf once its `.grad` is complete, and may free it."""
    x, seen = leaf(2.0, device=device), []
    x.grad = torch.tensor([100.0], device=device)
    x.register_hook(lambda grad: grad * 10)

    def free(tensor):
        seen.append((tensor is x, tensor.grad.item()))
        tensor.grad = None

    handle = x.register_post_accumulate_grad_hook(free)
    (x * 3).sum().backward()
    assert (seen, x.grad) == ([(True, 130.0)], None)
    handle.remove()
    (x * 3).sum().backward()
    assert (len(seen), x.grad.item()) == (1, 30.0)


@fact("torch.Tensor.register_post_accumulate_grad_hook", since="2.1", calls="any")
def test_after_accumulation_are_for_leaves(device):
    """A post-accumulate hook on a tensor that is not a leaf is refused."""
    with pytest.raises(RuntimeError, match="non-leaf"):
        (leaf(2.0, device=device) * 2).register_post_accumulate_grad_hook(print)


@fact("torch.autograd.graph.register_multi_grad_hook", source="autograd")
def test_on_several_tensors_wait_for_all(device):
    """A hook on several tensors is called once with the gradients of all, None for one that gets none."""
    x, y, z, seen = *(leaf(number, device=device) for number in (2.0, 3.0, 4.0)), []
    handle = torch.autograd.graph.register_multi_grad_hook((x, y, z), lambda grads: seen.append(grads))
    (x * y).sum().backward()
    assert [grad if grad is None else grad.item() for grad in seen[0]] == [3.0, 2.0, None]
    handle.remove()
    (x * y * z).sum().backward()
    assert len(seen) == 1


@fact("torch.autograd.graph.register_multi_grad_hook", since="2.3", calls="mode=any", gain=True, source="autograd")
def test_on_several_tensors_can_ask_for_any(device):
    """A hook on several tensors with `mode="any"` is called once, with the first gradient that is ready."""
    x, y, seen = leaf(2.0, device=device), leaf(3.0, device=device), []
    torch.autograd.graph.register_multi_grad_hook((x, y), seen.append, mode="any")
    (x * 5).sum().backward()
    assert [grad.item() for grad in seen] == [5.0]


@fact("torch.autograd.graph.Node.register_hook", "torch.Tensor.grad_fn")
def test_on_a_node_see_both_sides(device):
    """A hook on a node of the graph gets the gradients of its inputs and outputs, and may replace the former."""
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
    """A hook before a node of the graph gets the gradients of its outputs, and may replace them."""
    x, seen = leaf(2.0, device=device), []
    y = x * 3
    y.grad_fn.register_prehook(lambda outputs: seen.append(outputs[0].item()) or (outputs[0] * 10,))
    (y * 5).sum().backward()
    assert (seen, x.grad.item()) == ([5.0], 150.0)


@fact("torch.autograd.graph.Node.register_hook", "torch.autograd.graph.Node.register_prehook",
      "torch.Tensor.register_hook", source="notes/autograd")  # fmt: skip
def test_of_all_kinds_run_in_order(device):
    """Hooks on a result run first, then those before its node, then the node, then those behind it."""
    x, order = leaf(2.0, device=device), []
    y = x * 3
    y.grad_fn.register_hook(lambda inputs, outputs: order.append("behind"))
    y.grad_fn.register_prehook(lambda outputs: order.append("before"))
    y.register_hook(lambda grad: order.append("tensor"))
    x.register_hook(lambda grad: order.append("leaf"))
    y.sum().backward()
    assert order == ["tensor", "before", "behind", "leaf"]


@fact("torch.nn.Module.register_full_backward_hook")
def test_on_a_module_see_both_sides(device):
    """A full backward hook gets a module, the gradients of its inputs and of its outputs."""
    layer, seen = nn.Linear(2, 1, bias=False).to(device), []
    nn.init.constant_(layer.weight, 3.0)
    layer.register_full_backward_hook(lambda module, inputs, outputs: seen.append((module, inputs, outputs)))
    layer(leaf(2.0, 5.0, device=device)[None]).backward(torch.tensor([[10.0]], device=device))
    module, (of_input,), (of_output,) = seen[0]
    assert module is layer
    same(of_input, torch.tensor([[30.0, 30.0]]))
    same(of_output, torch.tensor([[10.0]]))


@fact("torch.nn.Module.register_full_backward_hook")
def test_on_a_module_can_replace_the_gradient_of_its_input(device):
    """What a full backward hook returns goes on as the gradient of the module's inputs."""
    layer, x = nn.Tanh(), leaf(0.0, 0.0, device=device)
    layer.register_full_backward_hook(lambda module, inputs, outputs: (inputs[0] * 100,))
    layer(x * 2).sum().backward()
    same(x.grad, torch.tensor([200.0, 200.0]))


@fact("torch.nn.Module.register_full_backward_pre_hook")
def test_before_a_module_can_replace_the_gradient_of_its_output(device):
    """A full backward pre-hook gets the gradients of a module's outputs, before any of its parameters has one."""
    layer, seen = nn.Linear(1, 1, bias=False).to(device), []

    def hook(module, outputs):
        seen.append((outputs[0].item(), module.weight.grad))
        return (outputs[0] * 10,)

    layer.register_full_backward_pre_hook(hook)
    layer(leaf(2.0, device=device)[None]).sum().backward()
    assert (seen, layer.weight.grad.item()) == ([(1.0, None)], 20.0)


@fact("torch.nn.Module.register_full_backward_hook", "torch.nn.Module.register_full_backward_pre_hook")
def test_on_modules_run_backwards(device):
    """Backward hooks of modules run from the last module to the first, for each the pre-hook before the hook."""
    model, order = nn.Sequential(nn.Tanh(), nn.Sigmoid()), []
    for name, module in model.named_children():
        module.register_full_backward_hook(lambda *_, name=name: order.append(f"hook {name}"))
        module.register_full_backward_pre_hook(lambda *_, name=name: order.append(f"pre-hook {name}"))
    model(leaf(0.5, device=device)).sum().backward()
    assert order == ["pre-hook 1", "hook 1", "pre-hook 0", "hook 0"]


@fact("torch.nn.Module.register_full_backward_hook", "torch.nn.Module.register_full_backward_pre_hook")
@pytest.mark.parametrize("name", ["register_full_backward_hook", "register_full_backward_pre_hook"])
def test_on_a_module_can_be_removed(device, name):
    """A backward hook of a module is not called any more after `remove()` of its handle, and others are."""
    layer, seen = nn.Tanh(), []
    _, handle = (getattr(layer, name)(lambda *_, by=by: seen.append(by)) for by in (1, 2))
    handle.remove()
    layer(leaf(0.5, device=device)).sum().backward()
    assert seen == [1]
