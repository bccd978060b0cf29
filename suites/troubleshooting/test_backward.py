"""Errors of `backward` and of gradients, as people paste them: the words, the cause, and that the cure is one."""

import copy

import pytest
import torch
from torch import nn

from torchproof import fact, same
from torchproof.suites.troubleshooting.known import summing

NO_GRADIENT = "element 0 of tensors does not require grad and does not have a grad_fn"
SECOND = "Trying to backward through the graph a second time"
CHANGED = "one of the variables needed for gradient computation has been modified by an inplace operation"
LEAF = "a leaf Variable that requires grad is being used in an in-place operation"


def leaf(device, *numbers):
    """A tensor of these numbers that requires grad."""
    return torch.tensor(numbers, device=device, requires_grad=True)


@pytest.fixture
def model(device):
    """A layer with a weight of one, on the device."""
    return summing(nn.Linear(1, 1), device)


# --- element 0 of tensors does not require grad -----------------------------------------------------------------------


@fact("torch.Tensor.backward", "torch.no_grad", hint="no no_grad() around the training step")
def test_of_a_loss_under_no_grad_finds_no_graph(device, model):
    """A loss made under `no_grad` raises "element 0 of tensors does not require grad", made outside it has one."""
    x = torch.tensor([[3.0]], device=device)
    with torch.no_grad():
        loss = model(x).sum()
    with pytest.raises(RuntimeError, match=NO_GRADIENT):
        loss.backward()
    model(x).sum().backward()
    same(model.weight.grad, torch.tensor([[3.0]]))


@fact("torch.Tensor.backward", "torch.nn.Module.requires_grad_", hint="layer.requires_grad_(True) of what is to learn")
def test_of_a_frozen_model_finds_no_graph(device, model):
    """`backward` of a model frozen whole: "element 0 of tensors does not require grad", until a part may learn."""
    x = torch.tensor([[3.0]], device=device)
    with pytest.raises(RuntimeError, match=NO_GRADIENT):
        model.requires_grad_(False)(x).sum().backward()
    model.weight.requires_grad_(True)
    model(x).sum().backward()
    same(model.weight.grad, torch.tensor([[3.0]]))


@fact("torch.Tensor.backward", "torch.tensor", hint="torch.stack(losses), not torch.tensor(losses)")
def test_of_losses_written_into_a_new_tensor_finds_no_graph(device):
    """`torch.tensor` of losses raises "element 0 of tensors does not require grad"; `torch.stack` keeps their graph."""
    w = leaf(device, 2.0)
    losses = [w[0] * 3, w[0] * 4]
    with pytest.raises(RuntimeError, match=NO_GRADIENT):
        torch.tensor([loss.item() for loss in losses], device=device).sum().backward()
    torch.stack(losses).sum().backward()
    same(w.grad, torch.tensor([7.0]))


@fact("torch.Tensor.detach", "torch.Tensor.backward", hint="detach(), .item() and numpy() after backward")
def test_of_a_detached_loss_finds_no_graph(device):
    """A loss behind `detach` raises "element 0 of tensors does not require grad"."""
    w = leaf(device, 2.0)
    with pytest.raises(RuntimeError, match=NO_GRADIENT):
        (w * 3).detach().sum().backward()
    (w * 3).sum().backward()
    same(w.grad, torch.tensor([3.0]))


@fact("torch.argmax", "torch.Tensor.backward", hint="a loss of the logits: cross_entropy(logits, y)")
def test_of_an_argmax_finds_no_graph(device):
    """`backward` behind `argmax` raises "element 0 of tensors does not require grad": a class is no number to move."""
    logits = leaf(device, 0.0, 1.0)
    with pytest.raises(RuntimeError, match=NO_GRADIENT):
        torch.argmax(logits).float().backward()
    nn.functional.cross_entropy(logits, torch.tensor(1, device=device)).backward()
    assert logits.grad[1] < 0 < logits.grad[0]


@fact("torch.Tensor.gt", "torch.Tensor.backward", hint="sigmoid instead of a comparison, which has no slope")
def test_of_a_comparison_finds_no_graph(device):
    """An accuracy by `>` as the loss raises "element 0 of tensors does not require grad"; a `sigmoid` has a slope."""
    x = leaf(device, 0.0)
    with pytest.raises(RuntimeError, match=NO_GRADIENT):
        x.gt(0).float().mean().backward()
    x.sigmoid().mean().backward()
    same(x.grad, torch.tensor([0.25]))


# --- a second time ----------------------------------------------------------------------------------------------------


@fact("torch.Tensor.backward", hint="compute inside of the loop whatever depends on parameters")
def test_of_what_was_made_before_the_loop_comes_a_second_time(device):
    """`w.exp()` from before the loop: "Trying to backward through the graph a second time" at a second `backward`."""
    w = leaf(device, 2.0)
    before = w.exp()
    before.sum().backward()
    with pytest.raises(RuntimeError, match=SECOND):
        before.sum().backward()
    w.grad = None
    for _ in range(2):
        w.square().sum().backward()
    same(w.grad, torch.tensor([8.0]))


@fact("torch.Tensor.detach", "torch.nn.RNN", hint="hidden = hidden.detach() between two batches")
def test_of_a_hidden_state_comes_a_second_time(device):
    """A hidden state of `RNN` carried on: "Trying to backward through the graph a second time", until `detach`."""
    layer, x = nn.RNN(1, 1, device=device), torch.ones(2, 1, device=device)
    hidden = layer(x)[1]
    hidden.sum().backward()
    with pytest.raises(RuntimeError, match=SECOND):
        layer(x, hidden)[1].sum().backward()
    layer.zero_grad()
    layer(x, hidden.detach())[1].sum().backward()
    assert layer.weight_hh_l0.grad.item() != 0


@fact("torch.Tensor.backward", hint="(loss_a + loss_b).backward(): one pass, without retain_graph")
def test_of_two_losses_is_one_of_their_sum(device):
    """Two losses behind one `square`: "Trying to backward through the graph a second time", until they are added."""
    w = leaf(device, 2.0)
    shared = w.square()
    (shared * 3).sum().backward(retain_graph=False)
    with pytest.raises(RuntimeError, match=SECOND):
        (shared * 4).sum().backward()
    w.grad, shared = None, w.square()
    ((shared * 3).sum() + (shared * 4).sum()).backward()
    same(w.grad, torch.tensor([28.0]))


@fact("torch.Tensor.backward", hint="loss.backward(retain_graph=True) all but the last time")
def test_with_retain_graph_comes_a_second_time(device):
    """`retain_graph=True` keeps "Trying to backward through the graph a second time" away for one more `backward`."""
    w = leaf(device, 2.0)
    loss = w.square().sum()
    loss.backward(retain_graph=True)
    loss.backward()
    same(w.grad, torch.tensor([8.0]))
    with pytest.raises(RuntimeError, match=SECOND):
        loss.backward()


# --- modified by an inplace operation ---------------------------------------------------------------------------------


def changed(x):
    """A sum behind an exponential that was changed in place, whose old value `backward` needs."""
    return x.exp().add_(1).sum()


@fact("torch.Tensor.add_", "torch.Tensor.add", hint="y = y + 1 instead of y += 1")
def test_through_what_was_changed_in_place_needs_the_old_value(device):
    """`y += 1` after `exp` raises "one of the variables needed for gradient computation"; `y = y + 1` does not."""
    x = leaf(device, 0.0)
    with pytest.raises(RuntimeError, match=CHANGED):
        changed(x).backward()
    x.exp().add(1).sum().backward()
    same(x.grad, torch.tensor([1.0]))


@fact("torch.nn.ReLU", hint="nn.ReLU() without inplace=True")
def test_through_a_relu_in_place_needs_the_old_value(device):
    """`ReLU(inplace=True)` after a square root raises "one of the variables needed", `ReLU()` does not."""
    x = leaf(device, 4.0)
    with pytest.raises(RuntimeError, match=CHANGED):
        nn.ReLU(inplace=True)(x.sqrt()).sum().backward()
    nn.ReLU()(x.sqrt()).sum().backward()
    same(x.grad, torch.tensor([0.25]))


@fact("torch.optim.SGD", hint="both losses backward before either step, or forward again after the step")
def test_through_weights_after_a_step_needs_the_old_ones(device):
    """`step` before the last `backward`, as in GANs, raises "one of the variables needed for gradient computation"."""
    layers = summing(nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1)), device)
    optimizer = torch.optim.SGD(layers.parameters(), lr=1.0)
    x = torch.tensor([[3.0]], device=device)
    loss = layers(x).sum()
    loss.backward(retain_graph=True)
    optimizer.step()
    with pytest.raises(RuntimeError, match=CHANGED):
        loss.backward()
    optimizer.zero_grad()
    layers(x).sum().backward()
    same(layers[0].weight.grad, torch.tensor([[-6.0]]))


@fact("torch.Tensor.__setitem__", "torch.stack", hint="collect results in a list, and torch.stack(list)")
def test_through_a_tensor_filled_in_a_loop_needs_its_old_rows(device):
    """`rows[i + 1] = rows[i] * w` raises "one of the variables needed for gradient computation"; a list does not."""
    w, rows = leaf(device, 2.0), torch.ones(3, device=device)
    for row in range(2):
        rows[row + 1] = rows[row] * w[0]
    with pytest.raises(RuntimeError, match=CHANGED):
        rows.sum().backward()
    listed = [torch.ones((), device=device)]
    for row in range(2):
        listed.append(listed[row] * w[0])
    torch.stack(listed).sum().backward()
    same(w.grad, torch.tensor([5.0]))


@fact("torch.autograd.set_detect_anomaly", hint="with torch.autograd.set_detect_anomaly(True): the whole training step")
def test_with_anomaly_detection_names_the_line_that_made_the_value(device):
    """`set_detect_anomaly(True)` warns with the line whose result was "modified by an inplace operation"."""
    with (
        pytest.warns(UserWarning, match=r"x\.exp\(\)\.add_\(1\)"),
        torch.autograd.set_detect_anomaly(True),
        pytest.raises(RuntimeError, match=CHANGED),
    ):
        changed(leaf(device, 0.0)).backward()


# --- leaves -----------------------------------------------------------------------------------------------------------


@fact("torch.Tensor.sub_", "torch.no_grad", hint="with torch.no_grad(): w -= lr * w.grad")
def test_is_followed_by_an_update_under_no_grad(device):
    """`w -= lr * w.grad` raises "a leaf Variable that requires grad is being used in an in-place", not in `no_grad`."""
    w = leaf(device, 2.0)
    w.square().sum().backward()
    with pytest.raises(RuntimeError, match=LEAF):
        w.sub_(w.grad)
    with torch.no_grad():
        w.sub_(w.grad)
    same(w, torch.tensor([-2.0]))


@fact(
    "torch.Tensor.is_leaf",
    myth="w = w - lr * w.grad updates a parameter",
    hint="with torch.no_grad(): w -= lr * w.grad",
)
def test_is_lost_where_a_weight_is_bound_anew(device):
    """After `w = w - w.grad` its `.grad` is None, a 'NoneType': `w` is "a Tensor that is not a leaf Tensor"."""
    w = leaf(device, 2.0)
    w.square().sum().backward()
    w = w - w.grad
    w.square().sum().backward()
    assert not w.is_leaf
    with pytest.warns(UserWarning, match="The .grad attribute of a Tensor that is not a leaf Tensor is being accessed"):
        assert w.grad is None


@fact("torch.optim.SGD", "torch.Tensor.to", hint="torch.zeros(2, device=device, requires_grad=True)")
def test_fills_what_was_made_in_its_dtype_and_place(device):
    """`SGD` of a leaf after `to` float64: "can't optimize a non-leaf Tensor", until `detach().requires_grad_()`."""
    w = leaf("cpu", 2.0).to(device, torch.float64)
    with pytest.raises(ValueError, match="can't optimize a non-leaf Tensor"):
        torch.optim.SGD([w], lr=0.25)
    w = w.detach().requires_grad_()
    w.square().sum().backward()
    torch.optim.SGD([w], lr=0.25).step()
    same(w.detach(), torch.tensor([1.0], dtype=torch.float64))


@fact("torch.Tensor.backward", hint="loss.mean() or loss.sum() before backward")
def test_begins_at_a_single_number(device):
    """`backward` of several losses raises "grad can be implicitly created only for scalar outputs", until `sum`."""
    x = leaf(device, 1.0, 2.0)
    with pytest.raises(RuntimeError, match="grad can be implicitly created only for scalar outputs"):
        x.square().backward()
    x.square().sum().backward()
    same(x.grad, torch.tensor([2.0, 4.0]))


@fact("torch.nn.MSELoss", hint="reduction='mean', the default, or loss.mean()")
def test_begins_at_a_reduced_loss(device):
    """`backward` of `MSELoss(reduction="none")`: "grad can be implicitly created only for scalar outputs"."""
    x, y = leaf(device, 1.0, 2.0), torch.zeros(2, device=device)
    with pytest.raises(RuntimeError, match="grad can be implicitly created only for scalar outputs"):
        nn.MSELoss(reduction="none")(x, y).backward()
    nn.MSELoss()(x, y).backward()
    same(x.grad, torch.tensor([1.0, 2.0]))


@fact("torch.autograd.grad", hint="allow_unused=True, and None is a gradient of zero")
def test_by_what_was_not_used_is_none_when_allowed(device):
    """`autograd.grad` raises "appears to not have been used in the graph", with `allow_unused=True` it gives None."""
    used, unused = leaf(device, 2.0), leaf(device, 3.0)
    with pytest.raises(RuntimeError, match="appears to not have been used in the graph"):
        torch.autograd.grad(used.square().sum(), [used, unused])
    got, none = torch.autograd.grad(used.square().sum(), [used, unused], allow_unused=True)
    same(got, torch.tensor([4.0]))
    assert none is None


@fact("torch.Tensor.detach", hint="copy.deepcopy(x.detach())")
def test_is_forgotten_by_a_deepcopy_of_what_is_detached(device):
    """`deepcopy` of a result raises "Only Tensors created explicitly by the user", until `detach`."""
    y = leaf(device, 2.0) * 3
    with pytest.raises(RuntimeError, match=r"Only Tensors created explicitly by the user \(graph leaves\) support"):
        copy.deepcopy(y)
    same(copy.deepcopy(y.detach()), torch.tensor([6.0]))
