"""What the facts of this topic judge layers by: a formula in NumPy, and its slope by differences."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy
import torch
from torch import nn
from torch.nn import functional

from torchproof import close
from torchproof.fixtures.fact import check

STEP = numpy.finfo("float64").eps ** (1 / 3)  # the error of a central difference is then of the order of STEP ** 2


class Called(nn.Module):
    """A function of `torch.nn.functional` as a layer, called with parameters of these shapes and with options."""

    def __init__(self, name: str, shapes: dict[str, tuple[int, ...]] | None = None, **options: Any) -> None:
        super().__init__()
        self.name, self.options = name, options
        for parameter, shape in (shapes or {}).items():
            self.register_parameter(parameter, nn.Parameter(torch.zeros(shape)))

    def forward(self, *inputs: torch.Tensor) -> Any:
        """What the function, found by its name at this moment, gives for these inputs."""
        return getattr(functional, self.name)(*inputs, **dict(self.named_parameters()), **self.options)


@check
def follows(device: str, layer: nn.Module, formula: Callable[..., Any], *inputs: numpy.ndarray) -> None:
    """A layer gives in float64 what `formula` gives, and its gradients are the slope of the formula.

    The formula takes the inputs, and the parameters of the layer by name, as arrays. All gradients are judged at once:
    along one direction, a central difference of the formula is what they promise. Raises AssertionError.
    """
    __tracebackhide__ = True
    layer, generator = layer.to(device, torch.float64), numpy.random.default_rng(7)
    for parameter in layer.parameters():
        parameter.data.copy_(torch.from_numpy(generator.uniform(-1, 1, tuple(parameter.shape))))
    named = dict(layer.named_parameters())
    given = [torch.tensor(array, device=device, requires_grad=array.dtype.kind == "f") for array in inputs]
    results = list(parts(layer(*given)))
    values = [array.detach().cpu().numpy().copy() for array in (*given, *named.values())]
    at = along(formula, len(given), list(named), values)

    wants = at(0.0, values)
    assert len(results) == len(wants), f"{len(results)} results, expected {len(wants)}"
    for got, want in zip(results, wants):
        assert got.dtype == torch.float64, f"dtype {got.dtype}, expected torch.float64"
        close(got, want, roundings=200, scale=1 + numpy.abs(want).max(initial=0))

    weights = [generator.uniform(-1, 1, want.shape) for want in wants]
    torch.autograd.backward(results, [torch.from_numpy(weight).to(device) for weight in weights])
    ways = [generator.uniform(-1, 1, value.shape) * (value.dtype.kind == "f") for value in values]
    ahead, behind = ([*map(numpy.vdot, weights, at(step, ways))] for step in (STEP, -STEP))
    want = (sum(ahead) - sum(behind)) / (2 * STEP)
    grads = [tensor.grad for tensor in (*given, *named.values())]
    got = sum(numpy.vdot(grad.cpu().numpy(), way) for grad, way in zip(grads, ways) if grad is not None)
    room = 1000 * STEP**2 * (1 + sum(map(abs, ahead)) + abs(want))
    assert abs(got - want) <= room, f"slope {got}, expected {want}"


def along(formula: Callable[..., Any], count: int, names: list[str], values: list[numpy.ndarray]) -> Callable[..., Any]:
    """A function of a step and of a direction: the results of the formula that far from `values`."""

    def at(step: float, ways: list[numpy.ndarray]) -> list[numpy.ndarray]:
        moved = [value + step * way if value.dtype.kind == "f" else value for value, way in zip(values, ways)]
        return list(parts(formula(*moved[:count], **dict(zip(names, moved[count:])))))

    return at


def parts(value: Any) -> Iterator[Any]:
    """The tensors or arrays in nested tuples."""
    if isinstance(value, (tuple, list)):
        for each in value:
            yield from parts(each)
    else:
        yield value


def fractions(*shape: int, seed: int = 0) -> numpy.ndarray:
    """Numbers of no pattern between -2 and 2, as float64 of this shape, the same for a seed on every machine."""
    return numpy.random.default_rng(seed).uniform(-2, 2, shape)


def windows(x: numpy.ndarray, size: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]) -> Any:
    """Windows over the last dimensions, in as many new last dimensions."""
    spans = tuple(dilated * (side - 1) + 1 for side, dilated in zip(size, dilation))
    dims = tuple(range(x.ndim - len(size), x.ndim))
    view = numpy.lib.stride_tricks.sliding_window_view(x, spans, axis=dims)
    places = tuple(slice(None, None, step) for step in stride)
    return view[(..., *places, *(slice(None, None, step) for step in dilation))]
