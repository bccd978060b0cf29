"""Lazy layers, whose shapes come with the first input, and the uninitialized parameters that they have until then."""

import pytest
import torch
from torch import nn

from torchproof import fact, same

DIMS = (1, 2, 3)
LINEAR = ["LazyLinear"]
CONVOLUTIONS = [f"LazyConv{dims}d" for dims in DIMS] + [f"LazyConvTranspose{dims}d" for dims in DIMS]
NORMS = [f"LazyBatchNorm{dims}d" for dims in DIMS] + [f"LazyInstanceNorm{dims}d" for dims in DIMS]
LAZY = LINEAR + CONVOLUTIONS + NORMS


def arguments(name):
    """What a lazy layer is made of, and the shape of an input with four features."""
    if name in LINEAR:
        return (3,), (2, 4)
    return (3, 2) if name in CONVOLUTIONS else (), (2, 4, *[5] * int(name[-2]))


def shapes(name):
    """The shapes of all that the layer has, once it has seen the input."""
    if name in LINEAR:
        return {"weight": (3, 4), "bias": (3,)}
    if name in NORMS:
        return dict.fromkeys(("weight", "bias", "running_mean", "running_var"), (4,)) | {"num_batches_tracked": ()}
    sides = (4, 3) if "Transpose" in name else (3, 4)
    return {"weight": (*sides, *[2] * int(name[-2])), "bias": (3,)}


def never_looks(patch):
    """A lazy layer does not look at its first input."""
    patch.setattr(nn.modules.lazy.LazyModuleMixin, "_infer_parameters", lambda *given, **named: None)


def has_a_shape(patch):
    patch.setattr(nn, "LazyLinear", lambda features: nn.Linear(1, features))


def is_never_made(patch):
    patch.setattr(nn.parameter.UninitializedTensorMixin, "materialize", lambda self, shape: None)


@fact(*(f"torch.nn.{name}" for name in LAZY), refuter=never_looks)
@pytest.mark.parametrize("name", LAZY)
def test_takes_its_shapes_from_the_first_input(device, name):
    """`LazyLinear` and other lazy layers take their shapes from the first input, and become the plain layer."""
    given, shape = arguments(name)
    layer = getattr(nn, name)(*given).to(device)
    before = type(layer.weight)
    layer(torch.ones(shape, device=device))
    assert (before, type(layer)) == (nn.UninitializedParameter, getattr(nn, name[4:]))
    assert {key: tuple(value.shape) for key, value in layer.state_dict().items()} == shapes(name)


@fact(*(f"torch.nn.{name}" for name in LAZY), refuter=never_looks)
@pytest.mark.parametrize("name", LAZY)
def test_gives_what_the_plain_layer_gives(device, name):
    """`LazyLinear` and other lazy layers give what the plain layer of the same parameters gives."""
    given, shape = arguments(name)
    layer, x = getattr(nn, name)(*given).to(device).eval(), torch.rand(shape, device=device)
    first = layer(x)
    options = {"affine": True, "track_running_stats": True} if name in NORMS else {}
    other = getattr(nn, name[4:])(4, *given, **options).to(device).eval()
    other.load_state_dict(layer.state_dict())
    same(other(x), first)
    same(layer(x), first)


@fact("torch.nn.LazyLinear", "torch.nn.LazyConv1d", "torch.nn.LazyBatchNorm1d", refuter=never_looks)
@pytest.mark.parametrize(
    ("layer", "shape"),
    [(lambda: nn.LazyLinear(3), (2, 5)), (lambda: nn.LazyConv1d(3, 2), (2, 5, 4)), (nn.LazyBatchNorm1d, (2, 5))],
    ids=["LazyLinear", "LazyConv1d", "LazyBatchNorm1d"],
)
def test_keeps_the_shapes_of_its_first_input(device, layer, shape):
    """`LazyLinear`, `LazyConv1d` and `LazyBatchNorm1d` that have seen an input refuse one of other features."""
    made = layer().to(device)
    made(torch.ones(2, 4, *shape[2:], device=device))
    with pytest.raises(RuntimeError, match="cannot be multiplied|to have 4 channels|should contain 5 elements"):
        made(torch.ones(shape, device=device))


@fact("torch.nn.UninitializedParameter", "torch.nn.LazyLinear", refuter=has_a_shape)
def test_uninitialized_parameter_has_no_shape():
    """`LazyLinear(3).weight.shape` is refused: "Can't access the shape of an uninitialized parameter"."""
    with pytest.raises(RuntimeError, match="Can't access the shape of an uninitialized parameter"):
        nn.LazyLinear(3).weight.shape


@fact("torch.nn.UninitializedParameter", "torch.nn.LazyLinear", refuter=has_a_shape, hint="call the layer once first")
def test_uninitialized_parameter_is_not_worked_with():
    """An operation on `LazyLinear(3).weight` is refused: "Attempted to use an uninitialized parameter"."""
    with pytest.raises(ValueError, match="Attempted to use an uninitialized parameter"):
        nn.LazyLinear(3).weight + 1


@fact("torch.nn.UninitializedParameter", "torch.nn.UninitializedBuffer", refuter=is_never_made)
@pytest.mark.parametrize("kind", [nn.UninitializedParameter, nn.UninitializedBuffer], ids=["Parameter", "Buffer"])
def test_uninitialized_becomes_real(device, kind):
    """`materialize` gives an `UninitializedParameter` or `UninitializedBuffer` memory in the dtype that it was told."""
    made = kind(device=device, dtype=torch.float64)
    made.materialize((2, 3))
    assert (made.shape, made.dtype, made.requires_grad) == ((2, 3), torch.float64, kind is nn.UninitializedParameter)
    assert not nn.parameter.is_lazy(made)


@fact("torch.nn.parameter.is_lazy", refuter=has_a_shape)
def test_is_lazy_tells_what_has_no_shape():
    """`is_lazy` is True of the weight of a `LazyLinear` before its first input alone."""
    layer = nn.LazyLinear(3)
    before = nn.parameter.is_lazy(layer.weight)
    layer(torch.ones(1, 2))
    assert (before, nn.parameter.is_lazy(layer.weight)) == (True, False)


@fact("torch.nn.LazyLinear", hint="give the parameters to the optimizer after the first input")
def test_loads_a_state_before_its_first_input(device):
    """A `LazyLinear` that has seen no input takes its shapes from a state that is loaded."""
    layer = nn.LazyLinear(2).to(device)
    layer.load_state_dict({"weight": torch.tensor([[1.0], [2.0]]), "bias": torch.tensor([0.5, -0.5])})
    y = layer(torch.tensor([[3.0], [1.0]], device=device))
    y.sum().backward()
    same(y.detach(), torch.tensor([[3.5, 5.5], [1.5, 1.5]]))
    same(layer.weight.grad, torch.tensor([[4.0], [4.0]]))
