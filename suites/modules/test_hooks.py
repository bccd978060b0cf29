"""Hooks of modules: around forward and backward, around their state, and those of every module."""

import copy

import pytest
import torch
from torch import nn

from torchproof import fact, same


class Twice(nn.Module):
    def forward(self, x, shift=0.0):
        return x * 2 + shift


def one(device, **options):
    return torch.tensor([1.0, 3.0], device=device, **options)


@pytest.fixture
def global_hooks(monkeypatch):
    """No fact begins with the global hooks that another one left, whose handle it could not remove."""
    for name, hooks in list(vars(nn.modules.module).items()):
        if name.startswith("_global_"):
            monkeypatch.setattr(nn.modules.module, name, copy.copy(hooks))


@fact("torch.nn.Module.register_forward_hook")
def test_forward_hook_sees_input_and_output(device):
    """A hook of `register_forward_hook` is called with the module, the tuple of its arguments and its result."""
    layer, seen = Twice(), []
    layer.register_forward_hook(lambda *given: seen.append(given))
    layer(one(device))
    ((module, args, result),) = seen
    assert (module is layer, len(args)) == (True, 1)
    same(args[0], torch.tensor([1.0, 3.0]))
    same(result, torch.tensor([2.0, 6.0]))


@fact("torch.nn.Module.register_forward_hook")
def test_forward_hook_replaces_the_result(device):
    """What a hook of `register_forward_hook` returns is the result of the module, unless it is None."""
    layer = Twice()
    layer.register_forward_hook(lambda module, args, result: result + 1)
    layer.register_forward_hook(lambda module, args, result: None)
    same(layer(one(device)), torch.tensor([3.0, 7.0]))


@fact("torch.nn.Module.register_forward_pre_hook")
def test_forward_pre_hook_replaces_the_input(device):
    """What a hook of `register_forward_pre_hook` returns, a value or a tuple, is what the module is called with."""
    layer = Twice()
    layer.register_forward_pre_hook(lambda module, args: args[0] + 1)
    layer.register_forward_pre_hook(lambda module, args: (args[0] * 10,))
    same(layer(one(device)), torch.tensor([40.0, 80.0]))


@fact("torch.nn.Module.register_forward_hook", "torch.nn.Module.register_forward_pre_hook")
@pytest.mark.parametrize("kind", ["register_forward_hook", "register_forward_pre_hook"])
def test_hook_may_see_keywords(device, kind):
    """A hook of `register_forward_hook(with_kwargs=True)` or of the pre-hook's is given the keyword arguments too."""
    layer, seen = Twice(), []
    getattr(layer, kind)(lambda module, args, kwargs, *result: seen.append((len(args), kwargs)), with_kwargs=True)
    layer(one(device), shift=0.5)
    layer(one(device))
    assert seen == [(1, {"shift": 0.5}), (1, {})]


@fact("torch.nn.Module.register_forward_pre_hook")
def test_forward_pre_hook_may_replace_keywords(device):
    """A hook of `register_forward_pre_hook(with_kwargs=True)` returns the arguments and the keywords to call with."""
    layer = Twice()
    layer.register_forward_pre_hook(lambda module, args, kwargs: (args, {"shift": 5.0}), with_kwargs=True)
    same(layer(one(device)), torch.tensor([7.0, 11.0]))


HOOKS = [
    "register_forward_hook",
    "register_forward_pre_hook",
    "register_full_backward_hook",
    "register_full_backward_pre_hook",
]


@fact(*(f"torch.nn.Module.{kind}" for kind in HOOKS))
@pytest.mark.parametrize("kind", HOOKS)
def test_hooks_run_in_their_order(device, kind):
    """Hooks of a module run in the order of their registration, one with `prepend=True` before the others."""
    layer, seen = Twice(), []
    for name, options in (("first", {}), ("second", {}), ("third", {"prepend": True})):
        getattr(layer, kind)(lambda *given, name=name: seen.append(name), **options)
    layer(one(device, requires_grad=True)).sum().backward()
    assert seen == ["third", "first", "second"]


@fact(*(f"torch.nn.Module.{kind}" for kind in HOOKS), "torch.nn.Module.register_backward_hook")
@pytest.mark.parametrize("kind", [*HOOKS, "register_backward_hook"])
def test_handle_removes_its_hook(device, kind):
    """A hook of a module runs no more after `remove()` of its handle, while others do."""
    layer, seen = Twice(), []
    getattr(layer, kind)(lambda *given: seen.append("kept"))
    getattr(layer, kind)(lambda *given: seen.append("removed")).remove()
    layer(one(device, requires_grad=True)).sum().backward()
    assert seen == ["kept"]


@fact("torch.nn.Module.register_forward_hook", since="2.1", calls="always_call=True", gain=True)
def test_forward_hook_may_run_after_an_error(device):
    """A hook of `register_forward_hook(always_call=True)` runs also where the module raises."""
    layer, seen = Twice(), []
    layer.register_forward_hook(lambda *given: seen.append("always"), always_call=True)
    layer.register_forward_hook(lambda *given: seen.append("else"))
    with pytest.raises(TypeError):
        layer("text")
    assert seen == ["always"]


@fact("torch.nn.Module.register_forward_hook", myth="forward() runs the hooks")
def test_hooks_do_not_run_for_forward(device):
    """A hook of `register_forward_hook` runs where the module is called, and not where its `forward` is."""
    layer, seen = Twice(), []
    layer.register_forward_hook(lambda *given: seen.append(1))
    same(layer.forward(one(device)), torch.tensor([2.0, 6.0]))
    before = list(seen)
    layer(one(device))
    assert (before, seen) == ([], [1])


@fact("torch.nn.Module.register_full_backward_hook")
def test_backward_hook_sees_gradients(device):
    """A hook of `register_full_backward_hook` gets the module, and tuples of the gradients by input and by result."""
    layer, seen = Twice(), []
    layer.register_full_backward_hook(lambda *given: seen.append(given))
    layer(one(device, requires_grad=True)).backward(torch.tensor([1.0, 10.0], device=device))
    ((module, of_input, of_result),) = seen
    assert (module is layer, len(of_input), len(of_result)) == (True, 1, 1)
    same(of_input[0], torch.tensor([2.0, 20.0]))
    same(of_result[0], torch.tensor([1.0, 10.0]))


@fact("torch.nn.Module.register_full_backward_hook")
def test_backward_hook_replaces_the_gradient_of_the_input(device):
    """What a hook of `register_full_backward_hook` returns is the gradient that goes on from the input."""
    layer, x = Twice(), one(device, requires_grad=True)
    layer.register_full_backward_hook(lambda module, of_input, of_result: (of_input[0] * 100,))
    layer(x).sum().backward()
    same(x.grad, torch.tensor([200.0, 200.0]))


@fact("torch.nn.Module.register_full_backward_pre_hook")
def test_backward_pre_hook_replaces_the_gradient_of_the_result(device):
    """What a hook of `register_full_backward_pre_hook` returns is the gradient that backward starts with."""
    layer, x = Twice(), one(device, requires_grad=True)
    layer.register_full_backward_pre_hook(lambda module, of_result: (of_result[0] * 100,))
    layer(x).sum().backward()
    same(x.grad, torch.tensor([200.0, 200.0]))


@fact("torch.nn.Module.register_full_backward_hook")
def test_backward_hook_gives_none_for_an_input_without_gradient(device):
    """A hook of `register_full_backward_hook` gets None for an input that does not require grad."""
    layer, seen = nn.Linear(2, 1, device=device), []
    layer.register_full_backward_hook(lambda module, of_input, of_result: seen.append(of_input))
    layer(one(device)).sum().backward()
    assert seen == [(None,)]


@fact("torch.nn.Module.register_full_backward_hook", "torch.nn.Module.register_full_backward_pre_hook")
def test_backward_hooks_run_from_the_last_module(device):
    """`backward` runs hooks of the last module first, `register_full_backward_pre_hook` before the other."""
    model, order = nn.Sequential(nn.Tanh(), nn.Sigmoid()), []
    for name, module in model.named_children():
        module.register_full_backward_hook(lambda *_, name=name: order.append(f"hook {name}"))
        module.register_full_backward_pre_hook(lambda *_, name=name: order.append(f"pre-hook {name}"))
    model(one(device, requires_grad=True)).sum().backward()
    assert order == ["pre-hook 1", "hook 1", "pre-hook 0", "hook 0"]


@fact("torch.nn.Module.register_full_backward_hook", hint="an operation out of place")
def test_backward_hook_refuses_a_result_changed_in_place(device):
    """A result of a module with `register_full_backward_hook` refuses changes in place: "being modified inplace"."""
    layer = Twice()
    same(layer(one(device, requires_grad=True)).add_(1).detach(), torch.tensor([3.0, 7.0]))
    layer.register_full_backward_hook(lambda *given: None)
    y = layer(one(device, requires_grad=True))
    with pytest.raises(RuntimeError, match="is a view and (is|its base.*) being modified inplace"):
        y.add_(1)


@fact("torch.nn.Module.register_backward_hook", "torch.nn.Module.register_full_backward_hook")
def test_two_kinds_of_backward_hooks_do_not_mix():
    """`register_full_backward_hook` beside `register_backward_hook` is "Cannot use both regular backward hooks"."""
    layer = Twice()
    layer.register_backward_hook(lambda *given: None)
    with pytest.raises(RuntimeError, match="Cannot use both regular backward hooks and full backward hooks"):
        layer.register_full_backward_hook(lambda *given: None)


@fact("torch.nn.Module.register_state_dict_pre_hook")
def test_state_dict_pre_hook_runs_before(device):
    """A hook of `register_state_dict_pre_hook` gets module, prefix and `keep_vars` before the state is taken."""
    model, seen = nn.Sequential(nn.Linear(1, 1, device=device)), []

    def hook(module, prefix, keep_vars):
        seen.append((module is model[0], prefix, keep_vars))
        module.bias.data.fill_(7.0)

    model[0].register_state_dict_pre_hook(hook)
    same(model.state_dict()["0.bias"], torch.tensor([7.0]))
    assert seen == [(True, "0.", False)]


@fact("torch.nn.Module.register_state_dict_post_hook")
def test_state_dict_post_hook_changes_the_state():
    """A hook of `register_state_dict_post_hook` gets the state and the prefix, and can change that state."""
    model = nn.Sequential(nn.Linear(1, 1))

    def hook(module, state, prefix, metadata):
        state[f"{prefix}extra"] = state.pop(f"{prefix}bias")

    model[0].register_state_dict_post_hook(hook)
    assert list(model.state_dict()) == ["0.weight", "0.extra"]


@fact("torch.nn.Module.register_load_state_dict_pre_hook")
def test_load_pre_hook_changes_what_is_loaded():
    """A hook of `register_load_state_dict_pre_hook` can rename entries of the state before they are loaded."""
    layer = nn.Linear(1, 1)

    def hook(module, state, prefix, *rest):
        state["bias"] = state.pop("old")

    layer.register_load_state_dict_pre_hook(hook)
    layer.load_state_dict({"weight": torch.tensor([[2.0]]), "old": torch.tensor([5.0])})
    assert (layer.weight.item(), layer.bias.item()) == (2.0, 5.0)


@fact("torch.nn.Module.register_load_state_dict_post_hook")
def test_load_post_hook_may_clear_what_is_missing():
    """A hook of `register_load_state_dict_post_hook` gets the keys that did not fit, and can clear them."""
    layer, seen = nn.Linear(1, 1), []

    def hook(module, keys):
        seen.append((module is layer, list(keys.missing_keys), list(keys.unexpected_keys)))
        keys.missing_keys.clear()

    layer.register_load_state_dict_post_hook(hook)
    layer.load_state_dict({"weight": torch.tensor([[2.0]])})
    assert seen == [(True, ["bias"], [])]
    assert layer.weight.item() == 2.0


STATE_HOOKS = [
    *("register_state_dict_pre_hook", "register_state_dict_post_hook", "register_load_state_dict_pre_hook"),
    "register_load_state_dict_post_hook",
]


@fact(*(f"torch.nn.Module.{kind}" for kind in STATE_HOOKS))
@pytest.mark.parametrize("kind", STATE_HOOKS)
def test_handle_removes_its_hook_of_the_state(kind):
    """A hook of `state_dict` or `load_state_dict` runs no more after `remove()` of its handle, while others do."""
    layer, seen = nn.Linear(1, 1), []
    getattr(layer, kind)(lambda *given: seen.append("kept"))
    getattr(layer, kind)(lambda *given: seen.append("removed")).remove()
    layer.load_state_dict(layer.state_dict())
    assert seen == ["kept"]


GLOBAL = [
    *("register_module_forward_hook", "register_module_forward_pre_hook", "register_module_full_backward_hook"),
    "register_module_full_backward_pre_hook",
]


@fact(*(f"torch.nn.modules.module.{kind}" for kind in GLOBAL))
@pytest.mark.usefixtures("global_hooks")
@pytest.mark.parametrize("kind", GLOBAL)
def test_global_hook_is_of_every_module(device, kind):
    """A hook of `register_module_forward_hook` or its kin runs for every module until its handle is removed."""
    model, seen = nn.Sequential(Twice()), []
    handle = getattr(nn.modules.module, kind)(lambda module, *given: seen.append(type(module).__name__))
    try:
        model(one(device, requires_grad=True)).sum().backward()
    finally:
        handle.remove()
    model(one(device, requires_grad=True)).sum().backward()
    assert sorted(seen) == ["Sequential", "Twice"]


@fact(
    *(f"torch.nn.modules.module.register_module_{kind}_registration_hook" for kind in ("parameter", "buffer", "module"))
)
@pytest.mark.usefixtures("global_hooks")
@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("parameter", "weight", lambda: nn.Parameter(torch.ones(1))),
        ("buffer", "steps", lambda: torch.ones(1)),
        ("module", "part", lambda: nn.ReLU()),
    ],
)
def test_registration_hook_sees_what_is_registered(kind, name, value):
    """A hook of `register_module_buffer_registration_hook` or its kin gets the name and what is registered."""
    seen, part = [], value()
    register = getattr(nn.modules.module, f"register_module_{kind}_registration_hook")
    handle = register(lambda module, name, part: seen.append((name, part)))
    try:
        getattr(nn.Module(), f"register_{kind}")(name, part)
    finally:
        handle.remove()
    assert [(found, each is part) for found, each in seen] == [(name, True)]
