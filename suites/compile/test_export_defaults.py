"""The defaults of `torch.export` and `torch.onnx`, and the kinds of sizes that an export can have."""

import inspect

import pytest
import torch
from torch import nn

from torchproof import fact, same


class Of(nn.Module):
    """A module of a function."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


class Both(Of):
    """A module of a function of two tensors."""

    def forward(self, x, by):
        return self.function(x, by)


def rows(count):
    return torch.arange(2.0 * count).view(count, 2)


def doubled(x):
    return x * 2 + x.shape[0]


def of_two_rows(x):
    return x + torch.tensor([[1.0, 2.0], [3.0, 4.0]])


def spoken(x):
    print("here")
    return x * 2


@pytest.fixture
def python_runs(capsys):
    """`python_runs(**options)`: whether `export` runs the module in Python, where it speaks, or has Dynamo read it."""

    def tell(**options):
        program = torch.export.export(Of(spoken), (rows(2),), **options)
        said = capsys.readouterr().out
        same(program.module()(rows(2)), rows(2) * 2)
        return "here" in said

    return tell


def default(function, name):
    return inspect.signature(function).parameters[name].default


@fact(
    "torch.export.export",
    since="2.8",
    calls="not strict",
    hint="pass strict=True for Dynamo, which reads Python rather than run it",
)
def test_is_not_strict(python_runs):
    """`torch.export.export` runs the module in Python, unless `strict=True`, since `strict` is False by default."""
    assert default(torch.export.export, "strict") is False
    assert (python_runs(), python_runs(strict=False), python_runs(strict=True)) == (True, True, False)


@fact("torch.export.export", since="2.3", until="2.8", calls="not strict")
def test_was_strict(python_runs):
    """`torch.export.export` had Dynamo read the module, unless `strict=False`, since `strict` was True by default."""
    assert default(torch.export.export, "strict") is True
    assert (python_runs(), python_runs(strict=False), python_runs(strict=True)) == (False, True, False)


def taking_other_rows(size):
    """A program whose first dimension is of that size, with what it gives for more rows than its example had."""
    program = torch.export.export(Of(doubled), (rows(3),), dynamic_shapes=({0: size},))
    return program.module()(rows(5))


@fact("torch.export.Dim", "torch.export.export", since="2.5", calls="names AUTO", gain=True)
def test_can_be_left_open():
    """A dimension of `Dim.AUTO` takes other sizes without a name."""
    same(taking_other_rows(torch.export.Dim.AUTO), rows(5) * 2 + 5)


@fact("torch.export.Dim", "torch.export.export", since="2.6", calls="names DYNAMIC", gain=True)
def test_can_be_open_without_a_name():
    """A dimension of `Dim.DYNAMIC` takes other sizes without a name."""
    same(taking_other_rows(torch.export.Dim.DYNAMIC), rows(5) * 2 + 5)


@fact("torch.export.Dim", "torch.export.export", since="2.5", calls="names AUTO", gain=True)
def test_gives_way_where_it_is_automatic():
    """A dimension of `Dim.AUTO` that the module fixes is static, without a word until another size comes."""
    program = torch.export.export(Of(of_two_rows), (rows(2),), dynamic_shapes=({0: torch.export.Dim.AUTO},))
    same(program.module()(rows(2)), of_two_rows(rows(2)))
    with pytest.raises((RuntimeError, AssertionError), match=r"shape|size|Guard"):
        program.module()(rows(5))


@fact(
    "torch.export.Dim",
    "torch.export.export",
    since="2.6",
    calls="names DYNAMIC",
    gain=True,
    hint="use Dim.AUTO, or change the module",
)
def test_is_refused_where_it_cannot_be():
    """A dimension of `Dim.DYNAMIC` that the module fixes is refused by `torch.export.export`."""
    with pytest.raises(torch._dynamo.exc.UserError, match=r"[Cc]onstant|speciali[sz]ed"):
        torch.export.export(Of(of_two_rows), (rows(2),), dynamic_shapes=({0: torch.export.Dim.DYNAMIC},))


@fact("torch.export.Dim", "torch.export.export", since="2.2", calls="none", hint="use Dim.AUTO, or change the module")
def test_is_refused_with_a_name_where_it_cannot_be():
    """A dimension with a name, as of `Dim("rows")`, that the module fixes is refused by `torch.export.export`."""
    with pytest.raises(torch._dynamo.exc.UserError, match=r"[Cc]onstant|speciali[sz]ed"):
        torch.export.export(Of(of_two_rows), (rows(2),), dynamic_shapes=({0: torch.export.Dim("rows")},))


@fact("torch.export.Dim", "torch.export.export", since="2.5", calls="names STATIC", gain=True)
def test_can_be_kept():
    """A dimension of `Dim.STATIC` takes the size of its example alone."""
    program = torch.export.export(Of(doubled), (rows(3),), dynamic_shapes=({0: torch.export.Dim.STATIC},))
    same(program.module()(rows(3)), rows(3) * 2 + 3)
    with pytest.raises((RuntimeError, AssertionError), match=r"shape|size|Guard"):
        program.module()(rows(5))


@fact("torch.export.Dim", "torch.export.export", since="2.5", calls="any", gain=True)
def test_can_be_counted_from_another():
    """A dimension can be one more than another, `Dim("rows") + 1`, and is held to that."""
    size = torch.export.Dim("rows")
    example = (rows(3), rows(4))
    program = torch.export.export(Both(lambda x, y: x + y[1:]), example, dynamic_shapes=({0: size}, {0: size + 1}))
    same(program.module()(rows(6), rows(7)), rows(6) + rows(7)[1:])
    with pytest.raises((RuntimeError, AssertionError)):
        program.module()(rows(6), rows(6))


@fact("torch.export.dims")
def test_makes_several_at_once():
    """`torch.export.dims` makes a dimension of each name, all of one range."""
    a, b = torch.export.dims("a", "b", min=2, max=9)
    assert [(size.__name__, size.min, size.max) for size in (a, b)] == [("a", 2, 9), ("b", 2, 9)]


@fact("torch.export.export", since="2.3", calls="kwargs")
def test_keeps_keywords():
    """A program of `torch.export` takes by keyword what its example gave by keyword, and refuses it by position."""
    program = torch.export.export(Both(lambda x, by: x * by), (rows(2),), {"by": torch.tensor(3.0)}).module()
    same(program(rows(2), by=torch.tensor(5.0)), rows(2) * 5)
    with pytest.raises((ValueError, TypeError, RuntimeError)):
        program(rows(2), torch.tensor(5.0))


@fact("torch.export.export", since="2.3", calls="names train", hint="export the module in the mode that is wanted")
def test_keeps_the_mode_of_the_module():
    """A program that `torch.export` made in evaluation has no dropout, and its module refuses `train`."""
    program = torch.export.export(nn.Dropout(0.5).eval(), (rows(2),)).module()
    same(program(rows(2)), rows(2))
    with pytest.raises(NotImplementedError, match="train"):
        program.train()


def _without_dynamo(monkeypatch):
    monkeypatch.setattr(torch.onnx, "export", lambda model, dynamo=None: None)


@fact(
    "torch.onnx.export",
    since="2.9",
    calls="not dynamo",
    hint="pass dynamo=False for the old exporter: the new one needs onnxscript",
    refuter=_without_dynamo,
)
def test_onnx_goes_through_export():
    """`torch.onnx.export` has `dynamo=True` as its default, the way through `torch.export`."""
    assert default(torch.onnx.export, "dynamo") is True


@fact("torch.onnx.export", since="2.4", until="2.9", calls="not dynamo", refuter=_without_dynamo)
def test_onnx_went_through_a_trace():
    """`torch.onnx.export` had `dynamo=False` as its default, the way through TorchScript."""
    assert default(torch.onnx.export, "dynamo") is False
