"""TorchScript: what `torch.jit` makes of functions; which branches and loops it keeps is in `dynamic_graph`."""

import pytest
import torch
from torch import nn

from torchproof import fact, same
from torchproof.fixtures.work import vector

OLD = pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning", "ignore:.*deprecated:FutureWarning")


def powers(x, count: int):
    result = x
    for _ in range(count):
        result = result * x
    return result


@fact("torch.jit.script", since="2.10", calls="any", hint="use torch.compile or torch.export")
def test_script_is_deprecated():
    """`torch.jit.script` warns that it is deprecated, and still works."""
    with pytest.warns(Warning, match="torch.jit.script.*is deprecated"):
        scripted = torch.jit.script(powers)
    assert scripted(torch.tensor(2.0), 3).item() == 16.0


@fact("torch.jit.trace", since="2.10", calls="any", hint="use torch.compile or torch.export")
def test_trace_is_deprecated():
    """`torch.jit.trace` warns that it is deprecated, and still works."""
    with pytest.warns(Warning, match="torch.jit.trace.*is deprecated"):
        traced = torch.jit.trace(torch.sin, torch.ones(2))
    same(traced(torch.zeros(2)), torch.zeros(2))


@fact("torch.jit.script")
@OLD
def test_script_keeps_loops(device):
    """`torch.jit.script` keeps a loop of a function, with as many steps as each call says."""
    scripted, x = torch.jit.script(powers), torch.tensor([2.0], device=device)
    assert [scripted(x, count).item() for count in (0, 1, 3)] == [2.0, 4.0, 16.0]


@fact("torch.jit.script")
@OLD
def test_script_has_the_gradient_of_its_loop(device):
    """`backward` through a function of `torch.jit.script` goes through each step of its loop."""
    x = torch.tensor([2.0], device=device, requires_grad=True)
    torch.jit.script(powers)(x, 3).backward()
    same(x.grad, torch.tensor([32.0]))


@fact("torch.jit.script")
@OLD
def test_script_takes_what_is_not_annotated_for_tensors(device):
    """`torch.jit.script` takes what has no annotation for a tensor: of a number "Expected a value of type 'Tensor"."""
    scripted = torch.jit.script(powers)
    with pytest.raises(RuntimeError, match="Expected a value of type 'Tensor"):
        scripted(2.0, 3)
    same(scripted(vector(2.0, device=device), 1), torch.tensor([4.0]))


@fact("torch.jit.script")
@OLD
def test_script_refuses_what_it_does_not_know():
    """`torch.jit.script` refuses Python that it has no meaning for, such as `yield`."""

    def unknown(x):
        yield x

    with pytest.raises((RuntimeError, torch.jit.frontend.FrontendError), match=r"yield|aren't supported|not supported"):
        torch.jit.script(unknown)


@fact("torch.jit.save", "torch.jit.load")
@OLD
def test_script_can_be_saved_without_its_source(device, tmp_path):
    """`torch.jit.load` gives a scripted module that was saved with its parameters, as a `RecursiveScriptModule`."""

    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.by = nn.Parameter(torch.tensor([3.0, 5.0]))

        def forward(self, x):
            return x * self.by

    torch.jit.save(torch.jit.script(Scaled()), tmp_path / "model.pt")
    loaded = torch.jit.load(str(tmp_path / "model.pt"), map_location=device)
    same(loaded(vector(2.0, 2.0, device=device)).detach(), torch.tensor([6.0, 10.0]))
    assert (list(loaded.state_dict()), type(loaded).__name__) == (["by"], "RecursiveScriptModule")


@fact("torch.jit.trace")
@OLD
def test_trace_takes_other_sizes(device):
    """A function of `torch.jit.trace` takes other sizes than its example's where nothing depended on them."""
    traced = torch.jit.trace(lambda x: x.cumsum(0) * 2, torch.ones(2, device=device))
    same(traced(vector(1.0, 2.0, 3.0, device=device)), torch.tensor([2.0, 6.0, 12.0]))


@fact("torch.jit.trace")
@OLD
def test_trace_keeps_the_mode_of_the_module(device):
    """`torch.jit.trace` keeps the `Dropout` of training, and in evaluation none, whatever mode is set later."""
    layer, x = nn.Dropout(0.5), torch.ones(64, device=device)
    training = torch.jit.trace(layer.train(), x, check_trace=False).eval()
    evaluating = torch.jit.trace(layer.eval(), x, check_trace=False).train()
    assert sorted(set(training(x).tolist())) == [0.0, 2.0]
    same(evaluating(x), x)


@fact("torch.jit.is_scripting", "torch.jit.is_tracing")
@OLD
def test_can_be_asked_for():
    """`torch.jit.is_tracing` is True while a function is traced, and else False, as `is_scripting` is in Python."""
    seen = []
    torch.jit.trace(lambda x: seen.append((torch.jit.is_tracing(), torch.jit.is_scripting())) or x, torch.ones(1),
                    check_trace=False)  # fmt: skip
    assert seen == [(True, False)]
    assert (torch.jit.is_tracing(), torch.jit.is_scripting()) == (False, False)


@fact("torch.jit.freeze")
@OLD
def test_freeze_makes_constants_of_parameters(device):
    """`torch.jit.freeze` makes constants of a scripted module's parameters."""
    layer = nn.Linear(1, 1, bias=False).to(device).eval()
    nn.init.constant_(layer.weight, 3.0)
    frozen = torch.jit.freeze(torch.jit.script(layer))
    assert list(frozen.parameters()) == []
    same(frozen(torch.tensor([[2.0]], device=device)), torch.tensor([[6.0]]))


@fact("torch.jit.freeze", hint="call eval() first")
@OLD
def test_freeze_refuses_a_module_in_training():
    """`torch.jit.freeze` refuses a scripted module in training: call `eval()` on it."""
    with pytest.raises(RuntimeError, match="eval"):
        torch.jit.freeze(torch.jit.script(nn.Linear(1, 1)))
