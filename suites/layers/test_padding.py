"""Layers of padding by their formulas, and what they refuse; the function `pad` is in functional.resizing."""

import numpy
import pytest
import torch
from torch import nn

from torchproof import fact, same
from torchproof.suites.layers.reference import follows, fractions

DIMS = [1, 2, 3]
MODES = {"Constant": "constant", "Reflection": "reflect", "Replication": "edge", "Circular": "wrap", "Zero": "constant"}
CONSTANT = [f"ConstantPad{dims}d" for dims in DIMS] + ["ZeroPad2d"]
REFLECTION = [f"ReflectionPad{dims}d" for dims in DIMS]
CIRCULAR = [f"CircularPad{dims}d" for dims in DIMS]
SINCE_THE_FIRST = CONSTANT + REFLECTION + [f"ReplicationPad{dims}d" for dims in DIMS]
ADDED = CIRCULAR + ["ZeroPad1d", "ZeroPad3d"]
SIDES = (1, 2, 0, 1, 2, 1)  # before and behind, from the last dimension on


def parts_of(name):
    """The kind of a padding layer, and of how many dimensions it is."""
    return name[: -len("Pad1d")], int(name[-2])


def layer_of(kind, dims, sides):
    return getattr(nn, f"{kind}Pad{dims}d")(sides, *[1.5] * (kind == "Constant"))


def padded(x, kind, sides):
    pairs = [(0, 0)] * (x.ndim - len(sides) // 2) + [*zip(sides[::2], sides[1::2])][::-1]
    value = {"constant_values": 1.5} if kind == "Constant" else {}
    return numpy.pad(x, pairs, mode=MODES[kind], **value)


def pads(device, kind, dims, sides):
    return layer_of(kind, dims, sides), lambda x: padded(x, kind, (sides,) * 2 * dims if sides == 1 else sides)


def case(device, name, all_alike):
    """A padding layer, its formula and an input."""
    kind, dims = parts_of(name)
    return *pads(device, kind, dims, 1 if all_alike else SIDES[: 2 * dims]), fractions(2, 2, *(4, 3, 4)[:dims])


@fact(*(f"torch.nn.{name}" for name in SINCE_THE_FIRST))
@pytest.mark.parametrize("name", SINCE_THE_FIRST)
@pytest.mark.parametrize("all_alike", [True, False], ids=["alike", "each"])
def test_pads_from_the_last_dimension_on(device, name, all_alike):
    """`ReflectionPad2d` and the like take one number for all sides, or two for each dimension, the last one's first."""
    follows(device, *case(device, name, all_alike))


@fact(*(f"torch.nn.{name}" for name in ADDED))
@pytest.mark.parametrize("name", ADDED)
@pytest.mark.parametrize("all_alike", [True, False], ids=["alike", "each"])
def test_added_later_pads_from_the_last_dimension_on(device, name, all_alike):
    """`CircularPad2d`, `ZeroPad1d` etc. take one number for all sides, or two a dimension, the last one's first."""
    follows(device, *case(device, name, all_alike))


@fact(*(f"torch.nn.{name}" for name in CONSTANT))
@pytest.mark.parametrize("name", CONSTANT)
def test_with_a_negative_number_takes_off(device, name):
    """`ConstantPad2d`, `ZeroPad2d` and the like take elements off where they are told a negative number."""
    kind, dims = parts_of(name)
    x = torch.arange(9.0, device=device).reshape(3, 3).expand(*[1] * max(dims - 1, 1), 3, 3)
    y = layer_of(kind, dims, (-1, 0) + (0, 0) * (dims - 1))(x)
    same(y, torch.tensor([[1.0, 2.0], [4.0, 5.0], [7.0, 8.0]]).expand(*[1] * max(dims - 1, 1), 3, 2))


@fact(*(f"torch.nn.{name}" for name in REFLECTION), myth="a reflection repeats the border")
@pytest.mark.parametrize("dims", DIMS)
def test_reflection_does_not_repeat_the_border(device, dims):
    """`ReflectionPad2d` and the like put beside the border its neighbour, not the border again."""
    row = torch.arange(3.0, device=device).expand(1, 2, *[3] * dims)
    y = layer_of("Reflection", dims, 2)(row)
    same(y[(0, 0, *[0] * (dims - 1))], torch.tensor([2.0, 1.0, 0.0, 1.0, 2.0, 1.0, 0.0]))


@fact(*(f"torch.nn.{name}" for name in REFLECTION))
@pytest.mark.parametrize("dims", DIMS)
def test_reflection_is_smaller_than_its_input(device, dims):
    """`ReflectionPad2d` etc. refuse to pad by as much as there is: "size should be less than" the input's."""
    x = torch.ones(1, 2, *[3] * dims, device=device)
    with pytest.raises(RuntimeError, match="[Pp]adding size should be less than the corresponding input dimension"):
        layer_of("Reflection", dims, 3)(x)


@fact(*(f"torch.nn.{name}" for name in CIRCULAR))
@pytest.mark.parametrize("dims", DIMS)
def test_circular_goes_round_once_only(device, dims):
    """`CircularPad2d` and the like refuse "wrapping around more than once"."""
    with pytest.raises(RuntimeError, match="wrapping around more than once"):
        layer_of("Circular", dims, 4)(torch.ones(1, 2, *[3] * dims, device=device))


@fact(*(f"torch.nn.{name}" for name in SINCE_THE_FIRST))
@pytest.mark.parametrize("name", SINCE_THE_FIRST)
def test_takes_a_sample_without_a_batch(device, name):
    """`ReflectionPad2d` and the like pad a sample without a batch as they pad a batch of one, and contiguously."""
    kind, dims = parts_of(name)
    layer, x = layer_of(kind, dims, 1), torch.tensor(fractions(1, 2, *(4, 3, 4)[:dims]), device=device)
    same(layer(x[0]), padded(x.cpu().numpy(), kind, (1, 1) * dims)[0])
    assert layer(x[0]).is_contiguous()


@fact(*(f"torch.nn.{name}" for name in CONSTANT))
@pytest.mark.parametrize("name", CONSTANT)
@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.bfloat16])
def test_pads_any_dtype(device, name, dtype):
    """`ConstantPad2d`, `ZeroPad2d` and the like keep the dtype, be it int64, bool or bfloat16."""
    kind, dims = parts_of(name)
    x = torch.ones(1, *[1] * dims, device=device, dtype=dtype)
    layer = getattr(nn, f"{kind}Pad{dims}d")((1, 0) * dims, *[0] * (kind == "Constant"))
    want = torch.zeros(1, *[2] * dims, dtype=dtype)
    want[(0, *[1] * dims)] = 1
    same(layer(x), want)
