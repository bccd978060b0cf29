"""Whole programs ahead of time by `torch.export`; defaults and kinds of dimensions are in `test_export_defaults`."""

import pytest
import torch
from torch import nn

from torchproof import fact, same


class Model(nn.Module):
    """A layer, and what its tests need."""

    def __init__(self, function=lambda layer, x: layer(x) * 2):
        super().__init__()
        self.layer = nn.Linear(2, 1, bias=False)
        nn.init.constant_(self.layer.weight, 3.0)
        self.function = function

    def forward(self, x):
        return self.function(self.layer, x)


def rows(count):
    return torch.arange(2.0 * count).view(count, 2)


def results(count):
    return torch.tensor([[6.0 * (4 * row + 1)] for row in range(count)])


@fact("torch.export.export", since="2.2", calls="none", claims=["G01"])
def test_gives_a_program_that_runs_without_the_module():
    """`torch.export.export` gives a program whose `module()` gives the same results, with the parameters in it."""
    program = torch.export.export(Model(), (rows(3),))
    same(program.module()(rows(3)).detach(), results(3))
    assert list(program.state_dict) == ["layer.weight"]


@fact("torch.export.export")
def test_gives_a_graph_of_operators_of_aten():
    """`torch.export.export` gives a graph that calls operators of ATen alone."""
    nodes = torch.export.export(Model(), (rows(3),)).graph.nodes
    targets = [str(node.target) for node in nodes if node.op == "call_function"]
    assert targets and all(target.startswith("aten.") for target in targets)


@fact("torch.export.export", since="2.1", calls="none", claims=["G01"], hint="use torch.cond, or torch.where")
def test_refuses_a_branch_on_values():
    """`torch.export.export` refuses a branch on values, data-dependent control flow, rather than freeze one."""
    with pytest.raises(Exception, match=r"[Dd]ata-dependent|control flow"):
        torch.export.export(Model(lambda layer, x: x * 2 if x.sum() > 0 else x - 1), (rows(3),))


@fact("torch.export.export", since="2.2", calls="none", hint="pass dynamic_shapes")
def test_takes_the_sizes_of_its_example_alone():
    """A program of `torch.export` refuses another size than its example's in a dimension that is not dynamic."""
    static = torch.export.export(Model(), (rows(3),)).module()
    dynamic = torch.export.export(Model(), (rows(3),), dynamic_shapes=({0: torch.export.Dim("rows")},)).module()
    same(dynamic(rows(5)).detach(), results(5))
    with pytest.raises((RuntimeError, AssertionError), match=r"shape|size|Guard"):
        static(rows(5))


@fact("torch.export.Dim", "torch.export.export", since="2.2", calls="none")
def test_holds_its_dimensions_to_their_range():
    """A dynamic dimension of `torch.export` is held to the range that its `Dim` gives it."""
    program = torch.export.export(Model(), (rows(3),), dynamic_shapes=({0: torch.export.Dim("rows", min=3, max=4)},))
    same(program.module()(rows(4)).detach(), results(4))
    for count in (2, 5):
        with pytest.raises((RuntimeError, AssertionError), match=r"[34]"):
            program.module()(rows(count))


@fact("torch.export.save", "torch.export.load", since="2.2", calls="none")
def test_can_be_saved(tmp_path):
    """`torch.export.load` gives a program that was saved with its parameters, and the same results."""
    torch.export.save(torch.export.export(Model(), (rows(3),)), tmp_path / "model.pt2")
    loaded = torch.export.load(tmp_path / "model.pt2")
    same(loaded.module()(rows(3)).detach(), results(3))
    same(loaded.state_dict["layer.weight"].detach(), torch.tensor([[3.0, 3.0]]))


@fact("torch.export.export", since="2.3", calls="mod=function")
def test_is_of_modules():
    """`torch.export.export` refuses a function: it takes an `nn.Module`."""
    with pytest.raises(ValueError, match="nn.Module"):
        torch.export.export(lambda x: x.sin(), (rows(1),))


@fact("torch.export.ExportedProgram.run_decompositions", since="2.4", calls="any")
def test_can_be_broken_down():
    """`run_decompositions` breaks `aten.linear` in a program down into other operators, with the same result."""
    program = torch.export.export(Model(), (rows(3),))
    core = program.run_decompositions()
    before, after = ([str(node.target) for node in each.graph.nodes] for each in (program, core))
    assert "aten.linear.default" in before and "aten.linear.default" not in after
    same(core.module()(rows(3)).detach(), results(3))


@fact("torch.export.unflatten", since="2.3", calls="none")
def test_can_have_its_modules_back():
    """`torch.export.unflatten` gives a module with the submodules that the exported one had."""
    module = torch.export.unflatten(torch.export.export(Model(), (rows(3),)))
    assert [name for name, _ in module.named_children()] == ["layer"]
    same(module(rows(3)).detach(), results(3))


@fact(
    "torch.cond",
    since="2.2",
    calls="any",
    gain=True,
    unproven="its branches are traced with tensors without values, which a stand-in looks at",
)
def test_keeps_a_branch_that_cond_makes():
    """A branch made by `torch.cond` is kept in an exported program, and taken by each call."""
    model = Model(lambda layer, x: torch.cond(x.sum() > 0, lambda x: x * 2, lambda x: x - 1, (x,)))
    branching = torch.export.export(model, (rows(3),)).module()
    same(branching(rows(3)), rows(3) * 2)
    same(branching(-rows(3)), -rows(3) - 1)
