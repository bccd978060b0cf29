"""What becomes of Python where the graph is defined once and run many times, by a trace, a script or `torch.fx`."""

import pytest
import torch

from torchproof import fact, same

OLD = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning", "ignore:.*torch.jit:FutureWarning")


def branches(x):
    return x * 2 if x.sum() > 0 else x - 1


@fact("torch.jit.trace", claims=["G01"], hint="script or export it, or use torch.where")
@OLD
def test_trace_keeps_the_branch_that_it_saw(device):
    """`torch.jit.trace` keeps the branch its example took: it warns of "Converting a tensor to a Python boolean"."""
    up, down = (torch.tensor([number], device=device) for number in (3.0, -3.0))
    with pytest.warns(torch.jit.TracerWarning, match="Converting a tensor to a Python boolean"):
        traced = torch.jit.trace(branches, up, check_trace=False)
    same(traced(up), torch.tensor([6.0]))
    same(traced(down), torch.tensor([-6.0]))
    same(branches(down), torch.tensor([-4.0]))


@fact("torch.jit.trace", claims=["G01"])
@OLD
def test_trace_keeps_the_number_of_steps_that_it_saw(device):
    """`torch.jit.trace` of a loop over a dimension makes as many steps as its example had."""

    def doubled(x):
        for _ in range(x.shape[0]):
            x = x * 2
        return x

    traced = torch.jit.trace(doubled, torch.ones(2, device=device), check_trace=False)
    same(traced(torch.ones(2, device=device)), torch.full((2,), 4.0))
    same(traced(torch.ones(3, device=device)), torch.full((3,), 4.0))


@fact("torch.jit.trace", claims=["G02"], myth="a traced function runs its Python code at each call")
@OLD
def test_trace_runs_python_once(device):
    """What a function counts in Python happens while `torch.jit.trace` traces it, and at no call."""
    calls = []

    def function(x):
        calls.append("ran")
        return x + len(calls)

    traced = torch.jit.trace(function, torch.zeros(1, device=device), check_trace=False)
    at_tracing = len(calls)
    results = [traced(torch.zeros(1, device=device)).item() for _ in range(3)]
    assert (at_tracing, len(calls), results) == (1, 1, [1.0, 1.0, 1.0])


@fact("torch.jit.script", claims=["G01"])
@OLD
def test_script_keeps_both_branches(device):
    """`torch.jit.script` compiles both branches from the source, and takes that of each call."""
    scripted = torch.jit.script(branches)
    up, down = (torch.tensor([number], device=device) for number in (3.0, -3.0))
    same(scripted(up), torch.tensor([6.0]))
    same(scripted(down), torch.tensor([-4.0]))
    assert "prim::If" in str(scripted.graph)


@fact("torch.fx.symbolic_trace", claims=["G01"])
def test_symbolic_trace_refuses_to_branch(device):
    """`torch.fx.symbolic_trace` refuses a branch on values: symbolically traced variables as inputs to control flow."""
    with pytest.raises(
        torch.fx.proxy.TraceError, match="symbolically traced variables cannot be used as inputs to contro"
    ):
        torch.fx.symbolic_trace(branches)
