"""Which tensors `backward` gives a gradient, and how it adds up; for the attribute `.grad` itself see test_grad."""

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from torchproof import fact, same
from torchproof.fixtures.checks import shares

COEFFICIENTS = st.lists(st.lists(st.integers(-99, 99), min_size=3, max_size=3), min_size=1, max_size=5)


@fact("torch.Tensor.backward", claims=["A04"])
def test_adds_to_the_gradient_that_is_there(device):
    """A second `backward` adds its gradient to the one that the first left in `.grad`."""
    w = torch.tensor(2.0, device=device, requires_grad=True)
    (w**2).backward()
    (3 * w).backward()
    same(w.grad, torch.tensor(2 * 2.0 + 3))


@fact("torch.Tensor.backward", claims=["A04"])
@given(COEFFICIENTS)
@example([[1, 2, 3]])
@example([[1, 2, 3], [-1, -2, -3]])
def test_over_several_losses_gives_the_gradient_of_their_sum(device, losses):
    """After `backward` on several losses, `.grad` holds the gradient of their sum."""
    w = torch.zeros(3, device=device, requires_grad=True)
    for coefficients in losses:
        (w * torch.tensor(coefficients, device=device)).sum().backward()
    same(w.grad, torch.tensor([sum(column) for column in zip(*losses, strict=True)]).float())


@fact("torch.Tensor.backward", claims=["A04"])
@pytest.mark.parametrize("calls", [1, 2, 5])
def test_again_on_one_graph_multiplies_the_gradient(device, calls):
    """`backward(retain_graph=True)` called n times on one loss leaves n times its gradient."""
    w = torch.tensor([1.0, 2.0], device=device, requires_grad=True)
    loss = (w**3).sum()
    for _ in range(calls):
        loss.backward(retain_graph=True)
    same(w.grad, torch.tensor([3.0 * calls, 12.0 * calls]))


@fact("torch.Tensor.backward")
@pytest.mark.parametrize("made", [lambda w: w**2, lambda w: w * w], ids=["power", "product"])
def test_twice_on_one_graph_is_refused(device, made):
    """A second `backward` through a power or a product is "Trying to backward through the graph a second time"."""
    w = torch.tensor(2.0, device=device, requires_grad=True)
    loss = made(w)
    loss.backward()
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        loss.backward()


@fact("torch.Tensor.backward", claims=["A04"])
def test_adds_up_the_uses_of_a_leaf(device):
    """`backward` gives a leaf that is used several times in one loss the sum of the gradients of its uses."""
    w = torch.tensor(5.0, device=device, requires_grad=True)
    (2 * w + w * w + w).backward()
    same(w.grad, torch.tensor(2 + 2 * 5.0 + 1))


@fact("torch.Tensor.backward")
def test_makes_a_gradient_of_its_own(device):
    """`backward(gradient)` copies the gradient that it is given: `.grad` does not share its memory."""
    w = torch.zeros(3, device=device, requires_grad=True)
    given_gradient = torch.tensor([1.0, 2.0, 3.0], device=device)
    w.clone().backward(given_gradient)
    same(w.grad, torch.tensor([1.0, 2.0, 3.0]))
    assert not shares(w.grad, given_gradient)


@fact("torch.Tensor.backward")
def test_gives_two_leaves_gradients_of_their_own(device):
    """`backward` gives two leaves of one sum a `.grad` each: a write into one leaves the other."""
    a, b = (torch.zeros(2, device=device, requires_grad=True) for _ in range(2))
    (a + b).sum().backward()
    a.grad.fill_(7.0)
    same(b.grad, torch.ones(2))


@fact("torch.Tensor.backward", source="autograd")
def test_accumulates_in_place(device):
    """Without `create_graph` a second `backward` adds a dense gradient in place: `.grad` stays the same tensor."""
    w = torch.tensor([1.0, 2.0], device=device, requires_grad=True)
    (2 * w).sum().backward()
    kept = w.grad
    (3 * w).sum().backward()
    assert w.grad is kept
    same(kept, torch.tensor([5.0, 5.0]))


@fact("torch.autograd.backward", source="autograd")
def test_with_create_graph_replaces_the_gradient(device):
    """`backward(create_graph=True)` puts a new tensor with the sum into `.grad` and leaves the old one as it was."""
    w = torch.tensor([1.0, 2.0], device=device, requires_grad=True)
    w.grad = kept = torch.tensor([10.0, 10.0], device=device)
    torch.autograd.backward((w**2).sum(), create_graph=True, inputs=[w])
    same(kept, torch.tensor([10.0, 10.0]))
    same(w.grad, torch.tensor([12.0, 14.0]))


@fact("torch.Tensor.backward", source="autograd")
def test_adds_to_a_gradient_put_there_by_hand(device):
    """`backward` adds to a tensor that was assigned to `.grad` by hand."""
    w = torch.tensor([1.0, 2.0], device=device, requires_grad=True)
    w.grad = torch.tensor([100.0, 200.0], device=device)
    (w**2).sum().backward()
    same(w.grad, torch.tensor([102.0, 204.0]))


@fact("torch.Tensor.backward", source="autograd")
def test_of_a_dense_leaf_gives_a_gradient_of_its_strides(device):
    """`backward` makes `.grad` of a transposed leaf with the strides of the leaf."""
    w = torch.zeros(2, 3, device=device).t().requires_grad_()
    (w * torch.arange(6.0, device=device).view(3, 2)).sum().backward()
    assert w.grad.stride() == (1, 3)
    same(w.grad, torch.tensor([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]))


@fact("torch.autograd.enforce_grad_layout_policy")
def test_of_a_dense_leaf_may_keep_the_strides_of_what_comes_in(device):
    """A first `.grad` keeps the strides that `backward` computed it in, if `enforce_grad_layout_policy(False)`."""

    def strides():
        w = torch.zeros(2, 3, device=device).t().requires_grad_()
        (w * torch.arange(6.0, device=device).view(3, 2)).sum().backward()
        same(w.grad, torch.tensor([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]))
        return w.grad.stride()

    with torch.autograd.enforce_grad_layout_policy(False):
        assert strides() == (2, 1)
    assert strides() == (1, 3)


@fact("torch.Tensor.backward", source="autograd")
def test_of_a_leaf_with_gaps_gives_a_contiguous_gradient(device):
    """`backward` makes a contiguous `.grad` for a leaf whose elements lie apart in memory, as in `x[:, ::2]`."""
    w = torch.zeros(2, 6, device=device)[:, ::2].requires_grad_()
    (w * torch.arange(6.0, device=device).view(2, 3)).sum().backward()
    assert w.grad.stride() == (3, 1)
    same(w.grad, torch.tensor([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]))


@fact("torch.Tensor.backward")
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64])
def test_accumulates_in_the_dtype_of_the_leaf(device, dtype):
    """`.grad` that two `backward` calls add up has the dtype of its leaf, be it float16, float64 or complex64."""
    w = torch.tensor([1.0, 2.0], device=device, dtype=dtype, requires_grad=True)
    for _ in range(2):
        (w * 3).backward(torch.ones(2, device=device, dtype=dtype))
    same(w.grad, torch.tensor([6.0, 6.0], dtype=dtype))


@fact("torch.Tensor.backward")
def test_rounds_the_sum_in_the_dtype_of_the_leaf(device):
    """`backward` loses a gradient that is smaller than the rounding of the float16 `.grad` that it is added to."""
    w = torch.tensor(1.0, device=device, dtype=torch.float16, requires_grad=True)
    (w * 2048).backward()
    (w * 1).backward()
    same(w.grad, torch.tensor(2048.0, dtype=torch.float16))


@fact("torch.Tensor.backward", claims=["A03"])
def test_reaches_the_parameters_of_a_layer(device):
    """`backward` on a loss fills `.grad` of the weight and the bias of a `Linear` layer with the loss's derivatives."""
    layer = torch.nn.Linear(2, 1, device=device)
    layer(torch.tensor([[3.0, 5.0]], device=device)).sum().backward()
    same(layer.weight.grad, torch.tensor([[3.0, 5.0]]))
    same(layer.bias.grad, torch.tensor([1.0]))


@fact("torch.Tensor.backward", claims=["A03"], myth="backward() differentiates with respect to parameters only")
def test_reaches_a_leaf_that_is_no_parameter(device):
    """`backward` gives an input with `requires_grad=True` its gradient as it does a parameter."""
    x = torch.tensor([3.0, 5.0], device=device, requires_grad=True)
    (x * torch.tensor([7.0, 9.0], device=device)).sum().backward()
    same(x.grad, torch.tensor([7.0, 9.0]))


@fact("torch.Tensor.backward", claims=["A03"], myth="backward() gives every parameter of a layer a gradient")
def test_passes_over_a_frozen_parameter(device):
    """`backward` gives a frozen parameter, one with `requires_grad=False`, no gradient: its `.grad` stays None."""
    layer = torch.nn.Linear(2, 1, device=device)
    layer.bias.requires_grad_(False)
    layer(torch.tensor([[3.0, 5.0]], device=device)).sum().backward()
    assert layer.bias.grad is None
    same(layer.weight.grad, torch.tensor([[3.0, 5.0]]))


@fact("torch.Tensor.backward", claims=["A03"])
def test_passes_over_a_parameter_that_the_loss_does_not_use(device):
    """`.grad` of a parameter that the loss does not depend on stays None after `backward`."""
    used, unused = (torch.tensor(1.0, device=device, requires_grad=True) for _ in range(2))
    (used * 4).backward()
    assert unused.grad is None
    same(used.grad, torch.tensor(4.0))


@fact("torch.Tensor.backward", "torch.autograd.backward")
@pytest.mark.parametrize("backward", [torch.Tensor.backward, torch.autograd.backward], ids=["method", "function"])
def test_with_inputs_fills_these_only(device, backward):
    """`backward(inputs=[a])` accumulates into `a` and into no other leaf."""
    a, b = (torch.tensor(value, device=device, requires_grad=True) for value in (2.0, 3.0))
    backward(a * b, inputs=[a])
    same(a.grad, torch.tensor(3.0))
    assert b.grad is None
