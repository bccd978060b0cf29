"""Forward mode by `torch.autograd.forward_ad`: dual tensors, tangents and levels; for `jvp` see test_transforms."""

import math

import pytest
import torch
from torch.autograd import forward_ad

from torchproof import close, fact, same
from torchproof.fixtures.work import vector


@pytest.fixture(autouse=True)
def no_level_left():
    """A level that a fact has not left would be in the way of the next."""
    yield
    for _ in range(forward_ad._current_level + 1):
        forward_ad.exit_dual_level()


@fact("torch.autograd.forward_ad.make_dual", "torch.autograd.forward_ad.unpack_dual")
def test_carries_a_tangent_along(device):
    """A tensor of `make_dual` carries a direction through functions: its tangent is the derivative along it."""
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(vector(2.0, 3.0, device=device), vector(1.0, 10.0, device=device))
        primal, tangent = forward_ad.unpack_dual((dual**2).cumsum(0))
    same(primal, torch.tensor([4.0, 13.0]))
    same(tangent, torch.tensor([4.0, 64.0]))


@fact("torch.exp", "torch.sin", "torch.log", "torch.sqrt", "torch.tanh", "torch.sigmoid", "torch.cos",
      "torch.reciprocal", source="generated/torch.autograd.forward_ad.make_dual")  # fmt: skip
@pytest.mark.parametrize(
    ("name", "value", "slope"),
    [
        ("exp", math.exp(2), math.exp(2)),
        ("sin", math.sin(2), math.cos(2)),
        ("cos", math.cos(2), -math.sin(2)),
        ("log", math.log(2), 0.5),
        ("sqrt", math.sqrt(2), 0.5 / math.sqrt(2)),
        ("tanh", math.tanh(2), 1 - math.tanh(2) ** 2),
        ("sigmoid", 1 / (1 + math.exp(-2)), math.exp(-2) / (1 + math.exp(-2)) ** 2),
        ("reciprocal", 0.5, -0.25),
    ],
    ids=str,
)
def test_has_the_derivative_of_each_function(device, name, value, slope):
    """The tangent of `exp`, `sin`, `log` and others of a dual tensor is the derivative times the tangent given."""
    x = torch.tensor([2.0], dtype=torch.float64, device=device)
    with forward_ad.dual_level():
        y = getattr(torch, name)(forward_ad.make_dual(x, 3 * torch.ones_like(x)))
        primal, tangent = forward_ad.unpack_dual(y)
    close(primal, [value], roundings=8)
    close(tangent, [3 * slope], roundings=32)


@fact("torch.autograd.forward_ad.unpack_dual", "torch.autograd.forward_ad.make_dual")
def test_copies_neither_value_nor_tangent(device):
    """`unpack_dual` gives value and tangent in the memory that `make_dual` was given, where both are laid out alike."""
    x, way = vector(2.0, 3.0, device=device), vector(1.0, 10.0, device=device)
    with forward_ad.dual_level():
        primal, tangent = forward_ad.unpack_dual(forward_ad.make_dual(x, way))
        assert (primal.data_ptr(), tangent.data_ptr()) == (x.data_ptr(), way.data_ptr())


@fact("torch.autograd.forward_ad.unpack_dual")
def test_has_no_tangent_of_a_constant(device):
    """`unpack_dual` gives None for the tangent of a constant, and of the `detach()` of a dual tensor."""
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(vector(2.0, device=device), vector(1.0, device=device))
        tangents = [
            forward_ad.unpack_dual(made).tangent for made in (dual * 3, dual.detach(), vector(5.0, device=device))
        ]
    assert [tangent if tangent is None else tangent.item() for tangent in tangents] == [3.0, None, None]


@fact("torch.autograd.forward_ad.dual_level")
def test_ends_with_its_level(device):
    """A tensor of `make_dual` has lost its tangent after the block of `dual_level`."""
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(vector(2.0, device=device), vector(1.0, device=device))
        inside = forward_ad.unpack_dual(dual).tangent
    with forward_ad.dual_level():
        same(forward_ad.unpack_dual(dual).primal, torch.tensor([2.0]))
        assert (inside.item(), forward_ad.unpack_dual(dual).tangent) == (1.0, None)


@fact("torch.autograd.forward_ad.make_dual", "torch.autograd.forward_ad.dual_level")
def test_needs_a_level(device):
    """`make_dual` outside of any `dual_level` is refused."""
    with pytest.raises(RuntimeError, match="level"):
        forward_ad.make_dual(vector(2.0, device=device), vector(1.0, device=device))
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(vector(2.0, device=device), vector(1.0, device=device))
        same(forward_ad.unpack_dual(dual).tangent, torch.tensor([1.0]))


@fact("torch.autograd.forward_ad.dual_level", hint="nest torch.func.jvp instead")
def test_does_not_nest(device):
    """A `dual_level` inside of another is refused: "Nested forward mode AD is not supported"."""
    with (
        forward_ad.dual_level(),
        pytest.raises(RuntimeError, match="Nested forward mode AD is not supported"),
        forward_ad.dual_level(),
    ):
        pass


@fact("torch.autograd.forward_ad.enter_dual_level", "torch.autograd.forward_ad.exit_dual_level")
def test_can_be_entered_and_left(device):
    """A level of `enter_dual_level` lasts until `exit_dual_level`, which drops its tangents."""
    level = forward_ad.enter_dual_level()
    dual = forward_ad.make_dual(vector(2.0, device=device), vector(1.0, device=device), level=level)
    inside = forward_ad.unpack_dual(dual * 3, level=level).tangent.item()
    forward_ad.exit_dual_level()
    assert inside == 3.0
    with forward_ad.dual_level():
        assert forward_ad.unpack_dual(dual).tangent is None


@fact("torch.autograd.forward_ad.make_dual")
@pytest.mark.parametrize("tangent", [[1.0, 2.0, 3.0], [[1.0, 2.0]]], ids=["longer", "other_shape"])
def test_wants_a_tangent_of_the_shape(device, tangent):
    """`make_dual` refuses a tangent of another shape: "forward gradient that has a different size"."""
    with forward_ad.dual_level(), pytest.raises(RuntimeError, match="forward gradient that has a different size"):
        forward_ad.make_dual(vector(2.0, 3.0, device=device), torch.tensor(tangent, device=device))


@fact("torch.autograd.forward_ad.make_dual", "torch.autograd.forward_ad.unpack_dual")
def test_goes_along_with_backward(device):
    """`backward` from a tangent of `unpack_dual` gives a second derivative."""
    x = torch.tensor([2.0], device=device, requires_grad=True)
    with forward_ad.dual_level():
        tangent = forward_ad.unpack_dual(forward_ad.make_dual(x, vector(1.0, device=device)) ** 3).tangent
        tangent.sum().backward()
    same(tangent.detach(), torch.tensor([12.0]))
    same(x.grad, torch.tensor([12.0]))
