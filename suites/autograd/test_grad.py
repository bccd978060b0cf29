"""The attribute `.grad`: of which tensors it is kept, and what can be assigned; how it adds up: test_accumulation."""

import pytest
import torch

from torchproof import fact, same


@fact("torch.Tensor.grad", claims=["A01"])
@pytest.mark.parametrize("value", [2.0, -3.0, 0.0])
def test_of_a_chain_is_the_product_of_derivatives(device, value):
    """For y = w**2 and z = 10*y + 25, `z.backward()` leaves 20*w in `w.grad`, which is 40 at w = 2."""
    w = torch.tensor(value, device=device, requires_grad=True)
    y = w**2
    z = 10 * y + 25
    z.backward()
    same(w.grad, torch.tensor(20 * value))


@fact(
    "torch.Tensor.grad", claims=["A01"], myth="w.grad() gives the gradient", hint="write w.grad without the parentheses"
)
def test_is_an_attribute_and_cannot_be_called(device):
    """`w.grad` is a tensor and no method: `w.grad()` raises "'Tensor' object is not callable"."""
    w = torch.tensor(2.0, device=device, requires_grad=True)
    (w**2).backward()
    same(w.grad, torch.tensor(4.0))
    with pytest.raises(TypeError, match="not callable"):
        w.grad()


@fact(
    "torch.Tensor.backward",
    claims=["A01"],
    myth="a tensor requires grad unless told otherwise",
    hint="make the leaf with requires_grad=True",
)
def test_needs_a_tensor_that_requires_it(device):
    """`backward` without any `requires_grad=True` raises "element 0 of tensors does not require grad"."""
    w = torch.tensor(2.0, device=device)
    with pytest.raises(RuntimeError, match="element 0 of tensors does not require grad"):
        (10 * w**2 + 25).backward()


@fact("torch.Tensor.grad")
def test_is_none_before_the_first_backward(device):
    """`.grad` is None until `backward` has reached the tensor."""
    w = torch.tensor(2.0, device=device, requires_grad=True)
    before, _ = w.grad, (3 * w).backward()
    assert before is None
    same(w.grad, torch.tensor(3.0))


@fact("torch.Tensor.grad")
def test_does_not_require_grad_itself(device):
    """`.grad` that `backward` leaves without `create_graph` does not require grad: it is cut off from the graph."""
    w = torch.tensor(2.0, device=device, requires_grad=True)
    (w**3).backward()
    assert (w.grad.requires_grad, w.grad.grad_fn) == (False, None)
    same(w.grad, torch.tensor(12.0))


@fact("torch.Tensor.grad")
def test_can_be_differentiated_after_create_graph(device):
    """The gradient of `w**3` that `backward(create_graph=True)` leaves can itself be differentiated."""
    w = torch.tensor(2.0, device=device, requires_grad=True)
    torch.autograd.backward(w**3, create_graph=True, inputs=[w])
    (second,) = torch.autograd.grad(w.grad, w)
    same(second, torch.tensor(6 * 2.0))


@fact("torch.Tensor.grad")
def test_of_an_intermediate_result_is_none_with_a_warning(device):
    """`.grad` of an intermediate result without `retain_grad` is None, with a warning that it "is not a leaf"."""
    w = torch.tensor(2.0, device=device, requires_grad=True)
    y = w * 3
    y.backward()
    with pytest.warns(UserWarning, match=r"\.grad attribute of a Tensor that is not a leaf"):
        gradient = y.grad
    assert gradient is None


@fact("torch.Tensor.retain_grad")
def test_of_an_intermediate_result_is_kept_when_asked(device):
    """`retain_grad` makes `backward` leave the gradient of an intermediate result, which is not a leaf."""
    w = torch.tensor(2.0, device=device, requires_grad=True)
    y = w * 3
    y.retain_grad()
    (y**2).backward()
    same(y.grad, torch.tensor(2 * 6.0))


@fact("torch.Tensor.retain_grad")
def test_of_an_intermediate_result_accumulates_too(device):
    """`.grad` that `retain_grad` keeps of an intermediate result adds up over `backward` calls."""
    w = torch.tensor(2.0, device=device, requires_grad=True)
    y = w * 3
    y.retain_grad()
    (y * 4).backward(retain_graph=True)
    (y * 5).backward()
    same(y.grad, torch.tensor(9.0))


@fact("torch.Tensor.grad")
def test_can_be_set_to_none(device):
    """After `w.grad = None` the next `backward` starts from nothing."""
    w = torch.tensor(2.0, device=device, requires_grad=True)
    (w * 7).backward()
    w.grad = None
    (w * 3).backward()
    same(w.grad, torch.tensor(3.0))


@fact("torch.Tensor.grad")
def test_refuses_a_tensor_of_another_size(device):
    """A tensor of another size than the leaf cannot be assigned to `.grad`."""
    w = torch.ones(2, device=device, requires_grad=True)
    with pytest.raises(RuntimeError, match="size"):
        w.grad = torch.ones(3, device=device)
    assert w.grad is None


@fact("torch.Tensor.grad")
def test_refuses_a_tensor_of_another_dtype(device):
    """A float64 tensor cannot be assigned to `.grad` of a float32 leaf."""
    w = torch.ones(2, device=device, requires_grad=True)
    with pytest.raises(RuntimeError, match="type"):
        w.grad = torch.ones(2, device=device, dtype=torch.float64)
    assert w.grad is None


@fact("torch.Tensor.grad")
def test_refuses_a_number(device):
    """`w.grad = 0.0` is refused: "assigned grad expected to be a Tensor or None"."""
    w = torch.ones(2, device=device, requires_grad=True)
    with pytest.raises(TypeError, match="assigned grad expected to be a Tensor or None"):
        w.grad = 0.0
    assert w.grad is None
