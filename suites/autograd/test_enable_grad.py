"""What `enable_grad` and `set_grad_enabled` switch, where, and for how long."""

import pytest
import torch

from torchproof import fact, same


@fact("torch.enable_grad")
def test_records_inside_of_no_grad(device):
    """Operations under `enable_grad` are recorded inside of `no_grad`."""
    x = torch.tensor(2.0, device=device, requires_grad=True)
    with torch.no_grad(), torch.enable_grad():
        y = x**3
    y.backward()
    same(x.grad, torch.tensor(12.0))


@fact("torch.enable_grad")
def test_ends_with_its_block():
    """After the block of `enable_grad` the surrounding `no_grad` is in force again."""
    with torch.no_grad():
        with torch.enable_grad():
            inside = torch.is_grad_enabled()
        after = torch.is_grad_enabled()
    assert (inside, after, torch.is_grad_enabled()) == (True, False, True)


@fact("torch.enable_grad")
def test_ends_with_an_exception():
    """An exception that leaves the block of `enable_grad` puts the surrounding `no_grad` in force again."""
    with torch.no_grad():
        with pytest.raises(KeyError), torch.enable_grad():
            inside = torch.is_grad_enabled()
            raise KeyError
        after = torch.is_grad_enabled()
    assert (inside, after) == (True, False)


@fact("torch.enable_grad")
def test_decorates_a_function(device):
    """A function decorated with `enable_grad()` is recorded even when it is called under `no_grad`."""

    @torch.enable_grad()
    def triple(x):
        return x * 3

    with torch.no_grad():
        y = triple(torch.tensor(2.0, device=device, requires_grad=True))
    same(y, torch.tensor(6.0))
    assert y.requires_grad


@fact("torch.enable_grad", since="2.1", calls="decorates bare", gain=True)
def test_decorates_a_function_without_parentheses(device):
    """A function decorated with a bare `enable_grad` is recorded even when it is called under `no_grad`."""

    @torch.enable_grad
    def triple(x):
        return x * 3

    with torch.no_grad():
        y = triple(torch.tensor(2.0, device=device, requires_grad=True))
    same(y, torch.tensor(6.0))
    assert y.requires_grad


def takes_a_function(patch):
    patch.setattr(torch, "enable_grad", lambda function: function)


@fact(
    "torch.enable_grad",
    until="2.1",
    calls="decorates bare",
    refuter=takes_a_function,
    hint="write @torch.enable_grad()",
)
def test_refuses_to_decorate_without_parentheses():
    """A bare `@torch.enable_grad` is refused as a decorator: "takes no arguments"."""
    with pytest.raises(TypeError, match="takes no arguments"):

        @torch.enable_grad
        def triple(x):
            return x * 3


@fact("torch.enable_grad", source="notes/autograd")
def test_does_not_record_inside_of_inference_mode(device):
    """Operations under `enable_grad` are not recorded inside of `inference_mode`."""
    x = torch.tensor(2.0, device=device, requires_grad=True)
    with torch.inference_mode(), torch.enable_grad():
        enabled, inside = torch.is_grad_enabled(), x * 3
    assert (enabled, inside.requires_grad, inside.is_inference()) == (True, False, True)


@fact("torch.enable_grad")
def test_makes_no_tensor_require_grad(device):
    """Operations under `enable_grad` on tensors that do not require grad are not recorded."""
    x = torch.tensor(2.0, device=device)
    with torch.no_grad(), torch.enable_grad():
        plain, tracked = x * 3, x.clone().requires_grad_() * 3
    assert (plain.requires_grad, tracked.requires_grad) == (False, True)


@fact("torch.set_grad_enabled")
@pytest.mark.parametrize(("around", "mode"), [(torch.no_grad, True), (torch.enable_grad, False)], ids=["on", "off"])
def test_with_a_flag_is_a_block(device, around, mode):
    """A block of `set_grad_enabled(mode)` records as its flag says, inside of `no_grad` or of `enable_grad`."""
    x = torch.tensor(2.0, device=device, requires_grad=True)
    with around():
        with torch.set_grad_enabled(mode):
            y = x * 3
        after = torch.is_grad_enabled()
    assert (y.requires_grad, after) == (mode, not mode)


@fact("torch.set_grad_enabled")
@pytest.mark.parametrize("mode", [True, False])
def test_with_a_flag_is_a_switch(device, mode):
    """`set_grad_enabled(mode)` called as a function takes effect at once, without a block."""
    x = torch.tensor(2.0, device=device, requires_grad=True)
    with torch.set_grad_enabled(not mode):
        torch.set_grad_enabled(mode)
        y = x * 3
    assert y.requires_grad is mode


@fact("torch.set_grad_enabled")
def test_with_a_flag_ends_with_an_exception():
    """An exception that leaves the block of `set_grad_enabled(False)` switches recording on again."""
    with pytest.raises(KeyError), torch.set_grad_enabled(False):
        inside = torch.is_grad_enabled()
        raise KeyError
    assert (inside, torch.is_grad_enabled()) == (False, True)


@fact("torch.set_grad_enabled", since="2.2", calls="decorates")
def test_with_a_flag_decorates_without_switching():
    """Decorating a function with `set_grad_enabled(False)` switches recording off inside of it alone."""
    with torch.enable_grad():

        @torch.set_grad_enabled(False)
        def mode():
            return torch.is_grad_enabled()

        outside = torch.is_grad_enabled()
        inside = mode()
    assert (outside, inside) == (True, False)


@fact("torch.set_grad_enabled", until="2.2", calls="decorates", hint="decorate with torch.no_grad()")
def test_with_a_flag_decorates_and_switches():
    """Decorating a function with `set_grad_enabled(False)` switches recording off around it too."""
    with torch.enable_grad():

        @torch.set_grad_enabled(False)
        def mode():
            return torch.is_grad_enabled()

        outside = torch.is_grad_enabled()
    assert outside is False
