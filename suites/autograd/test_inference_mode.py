"""What `inference_mode` does and what its tensors can be used for afterwards; `no_grad` is in test_no_grad."""

import threading

import pytest
import torch
from torch import nn

from torchproof import fact, same


def made_inside(device):
    """An inference tensor of ones."""
    with torch.inference_mode():
        return torch.ones(2, device=device)


@fact("torch.inference_mode", claims=["A06"])
def test_gives_results_that_do_not_require_grad(device):
    """A result computed under `inference_mode` does not require grad and has no `grad_fn`."""
    x = torch.tensor([2.0, 3.0], device=device, requires_grad=True)
    with torch.inference_mode():
        y = x**2
    same(y, torch.tensor([4.0, 9.0]))
    assert (y.requires_grad, y.grad_fn) == (False, None)


@fact("torch.inference_mode", "torch.Tensor.is_inference")
def test_makes_inference_tensors(device):
    """A tensor made under `inference_mode` says `is_inference()`, and one made outside does not."""
    assert (made_inside(device).is_inference(), torch.ones(2, device=device).is_inference()) == (True, False)


@fact("torch.inference_mode", "torch.Tensor.is_inference")
def test_makes_a_copy_an_inference_tensor(device):
    """`clone` under `inference_mode` makes an inference tensor of a normal one."""
    x = torch.ones(2, device=device)
    with torch.inference_mode():
        y = x.clone()
    assert (y.is_inference(), x.is_inference()) == (True, False)


@fact("torch.inference_mode", "torch.Tensor.is_inference")
def test_keeps_a_view_of_a_normal_tensor_normal(device):
    """A view made under `inference_mode` of a normal tensor is a normal tensor."""
    x = torch.ones(2, device=device)
    with torch.inference_mode():
        view, result = x.view(2, 1), x + 1
    assert (view.is_inference(), result.is_inference()) == (False, True)


@fact(
    "torch.inference_mode", source="notes/autograd", hint="clone it outside of inference_mode, or use torch.no_grad()"
)
def test_refuses_to_let_its_tensors_be_saved_for_backward(device):
    """A tensor of `inference_mode` is no factor in what is recorded: "cannot be saved for backward"."""
    w = torch.ones(2, device=device, requires_grad=True)
    with pytest.raises(RuntimeError, match="Inference tensors cannot be saved for backward"):
        w * made_inside(device)


@fact("torch.inference_mode", source="notes/autograd")
def test_lets_its_tensors_be_summands_of_what_is_recorded(device):
    """A tensor of `inference_mode` can be a summand of a sum that is recorded, for which it need not be saved."""
    w = torch.ones(2, device=device, requires_grad=True)
    y = w + made_inside(device)
    y.sum().backward()
    same(y, torch.tensor([2.0, 2.0]))
    same(w.grad, torch.ones(2))


@fact("torch.inference_mode", source="notes/autograd")
def test_lets_a_clone_of_its_tensors_be_recorded(device):
    """A clone that is made of an inference tensor outside of `inference_mode` can be saved for backward."""
    w = torch.ones(2, device=device, requires_grad=True)
    normal = made_inside(device).clone()
    (w * normal * 3).sum().backward()
    same(w.grad, torch.tensor([3.0, 3.0]))
    assert not normal.is_inference()


@fact("torch.inference_mode", hint="clone it first")
def test_refuses_a_write_into_its_tensors_outside(device):
    """A tensor of `inference_mode` refuses changes outside of it: "Inplace update to inference tensor"."""
    x = made_inside(device)
    with pytest.raises(RuntimeError, match="Inplace update to inference tensor outside InferenceMode"):
        x.add_(1)


@fact("torch.inference_mode")
def test_allows_a_write_into_its_tensors_inside(device):
    """An inference tensor can be changed in place in a later block of `inference_mode`."""
    x = made_inside(device)
    with torch.inference_mode():
        x.add_(1)
    assert x.is_inference()
    same(x, torch.tensor([2.0, 2.0]))


@fact("torch.inference_mode")
def test_allows_a_write_into_a_leaf(device):
    """A leaf can be changed in place under `inference_mode` without ceasing to require grad."""
    w = torch.tensor([1.0, 2.0], device=device, requires_grad=True)
    with torch.inference_mode():
        w.add_(1)
    same(w, torch.tensor([2.0, 3.0]))
    assert (w.requires_grad, w.is_inference()) == (True, False)


@fact("torch.inference_mode")
def test_does_not_hide_a_write_into_what_backward_needs(device):
    """A write under `inference_mode` into a saved value makes `backward` fail: "modified by an inplace operation"."""
    x = torch.tensor([1.0, 2.0], device=device, requires_grad=True)
    y = x.exp()
    with torch.inference_mode():
        y.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


@fact("torch.inference_mode")
def test_refuses_a_later_write_into_a_view_made_inside(device):
    """A view that `inference_mode` made of a leaf with grad refuses changes outside: "created in inference mode"."""
    w = torch.tensor([1.0, 2.0], device=device, requires_grad=True)
    with torch.inference_mode():
        view = w.view(2, 1)
    with pytest.raises(RuntimeError, match="A view was created in inference mode"):
        view.mul_(2)
    same(w, torch.tensor([1.0, 2.0]))


@fact("torch.inference_mode")
def test_makes_tensors_without_a_version():
    """A tensor made under `inference_mode` has no `_version`: "Inference tensors do not track version counter"."""
    with pytest.raises(RuntimeError, match="Inference tensors do not track version counter"):
        made_inside("cpu")._version


@fact("torch.inference_mode")
def test_refuses_to_let_its_tensors_require_grad_later(device):
    """`requires_grad_` of a tensor of `inference_mode` is "Setting requires_grad=True on inference tensor outside"."""
    x = made_inside(device)
    with pytest.raises(RuntimeError, match="Setting requires_grad=True on inference tensor outside InferenceMode"):
        x.requires_grad_()
    assert not x.requires_grad


@fact("torch.inference_mode", hint="build models outside of inference_mode")
def test_makes_a_module_that_cannot_be_trained(device):
    """A `Linear` of `inference_mode` on input with grad raises "Inference tensors cannot be saved for backward"."""
    with torch.inference_mode():
        layer = nn.Linear(2, 1, device=device)
    assert layer.weight.is_inference()
    with pytest.raises(RuntimeError, match="Inference tensors cannot be saved for backward"):
        layer(torch.ones(1, 2, device=device, requires_grad=True))


@fact("torch.inference_mode")
def test_stays_with_a_detached_tensor(device):
    """`detach` and `view` outside of `inference_mode` leave an inference tensor one, unlike `clone`."""
    x = made_inside(device)
    assert (x.detach().is_inference(), x.view(2, 1).is_inference(), x.clone().is_inference()) == (True, True, False)


@fact("torch.inference_mode")
def test_with_false_records_inside_of_another(device):
    """`inference_mode(False)` inside of `inference_mode` makes normal tensors and records."""
    with torch.inference_mode(), torch.inference_mode(False):
        x = torch.tensor(2.0, device=device, requires_grad=True)
        (x**3).backward()
    same(x.grad, torch.tensor(12.0))
    assert not x.is_inference()


@fact("torch.inference_mode", "torch.is_inference_mode_enabled")
@pytest.mark.parametrize("mode", [True, False])
def test_takes_a_flag(mode):
    """`is_inference_mode_enabled` is the flag in a block of `inference_mode(mode)`, and False outside of any."""
    with torch.inference_mode(mode):
        inside = torch.is_inference_mode_enabled()
    assert (inside, torch.is_inference_mode_enabled()) == (mode, False)


@fact("torch.inference_mode", "torch.is_grad_enabled")
def test_switches_recording_off_too():
    """`is_grad_enabled` is False inside of `inference_mode`, and True again after it."""
    with torch.inference_mode():
        inside = torch.is_grad_enabled()
    assert (inside, torch.is_grad_enabled()) == (False, True)


@fact("torch.inference_mode", "torch.is_inference_mode_enabled")
def test_ends_with_an_exception():
    """An exception that leaves the block of `inference_mode` ends it."""
    with pytest.raises(KeyError), torch.inference_mode():
        inside = torch.is_inference_mode_enabled()
        raise KeyError
    assert (inside, torch.is_inference_mode_enabled(), torch.is_grad_enabled()) == (True, False, True)


@fact("torch.inference_mode", "torch.is_inference_mode_enabled")
def test_nested_ends_with_the_outer_block():
    """The end of a nested `inference_mode` leaves the outer one in force."""
    with torch.inference_mode():
        with torch.inference_mode():
            pass
        inside = torch.is_inference_mode_enabled()
    assert (inside, torch.is_inference_mode_enabled()) == (True, False)


@fact("torch.inference_mode")
def test_decorates_a_function(device):
    """A function decorated with `inference_mode()` returns inference tensors."""

    @torch.inference_mode()
    def triple(x):
        return x * 3

    y = triple(torch.tensor(2.0, device=device, requires_grad=True))
    same(y, torch.tensor(6.0))
    assert (y.requires_grad, y.is_inference()) == (False, True)


@fact("torch.inference_mode", since="2.1", calls="decorates bare", gain=True)
def test_decorates_a_function_without_parentheses(device):
    """A function decorated with a bare `inference_mode` returns inference tensors."""

    @torch.inference_mode
    def triple(x):
        return x * 3

    y = triple(torch.tensor(2.0, device=device, requires_grad=True))
    same(y, torch.tensor(6.0))
    assert y.is_inference()


@fact("torch.inference_mode", until="2.1", calls="decorates bare", hint="write @torch.inference_mode()")
def test_without_parentheses_swallows_the_call(device):
    """A function decorated with a bare `inference_mode` is not run: calling it gives back a decorator."""

    @torch.inference_mode
    def triple(x):
        return x * 3

    made = triple(torch.tensor(True, device=device))
    assert callable(made)


@fact("torch.inference_mode", "torch.is_inference_mode_enabled")
def test_does_not_reach_a_new_thread():
    """A thread started inside of `inference_mode` is outside of it."""
    modes = []
    with torch.inference_mode():
        thread = threading.Thread(target=lambda: modes.append(torch.is_inference_mode_enabled()))
        thread.start()
        thread.join()
        modes.append(torch.is_inference_mode_enabled())
    assert modes == [False, True]


@fact("torch.inference_mode", claims=["M08"], myth="inference_mode() puts a model into evaluation mode")
def test_does_not_switch_off_dropout(device):
    """A `Dropout` layer in training mode drops under `inference_mode` as well."""
    with torch.inference_mode():
        y = nn.Dropout(p=1.0)(torch.ones(4, device=device))
    assert y.is_inference()
    same(y, torch.zeros(4))
