"""Gradients by complex numbers: which of the two conventions they follow, and how they relate to real ones."""

import cmath

import pytest
import torch

from torchproof import close, fact, same

Z = 0.6 + 0.8j


def leaf(*numbers, device):
    return torch.tensor(numbers, dtype=torch.complex128, device=device, requires_grad=True)


# Holomorphic functions with themselves and their derivatives in Python.
HOLOMORPHIC = {
    "torch.exp": (cmath.exp, cmath.exp),
    "torch.log": (cmath.log, lambda z: 1 / z),
    "torch.sin": (cmath.sin, cmath.cos),
    "torch.cos": (cmath.cos, lambda z: -cmath.sin(z)),
    "torch.tanh": (cmath.tanh, lambda z: 1 - cmath.tanh(z) ** 2),
    "torch.sqrt": (cmath.sqrt, lambda z: 0.5 / cmath.sqrt(z)),
    "torch.square": (lambda z: z * z, lambda z: 2 * z),
    "torch.reciprocal": (lambda z: 1 / z, lambda z: -1 / z**2),
    "torch.neg": (lambda z: -z, lambda z: -1),
    "torch.acos": (cmath.acos, lambda z: -1 / cmath.sqrt(1 - z * z)),
    "torch.asinh": (cmath.asinh, lambda z: 1 / cmath.sqrt(1 + z * z)),
    "torch.sigmoid": (lambda z: 1 / (1 + cmath.exp(-z)), lambda z: cmath.exp(-z) / (1 + cmath.exp(-z)) ** 2),
}


@fact(*HOLOMORPHIC, source="notes/autograd")
@pytest.mark.parametrize("name", HOLOMORPHIC, ids=lambda name: name.removeprefix("torch."))
def test_of_a_holomorphic_function_is_the_conjugate_of_its_derivative(device, name):
    """`backward` of `exp`, `log` and other holomorphic functions multiplies by the conjugate of the derivative."""
    function, derivative = HOLOMORPHIC[name]
    z = leaf(Z, 1 - 0.5j, device=device)
    y = getattr(torch, name.removeprefix("torch."))(z)
    y.backward(torch.tensor([1.0, 2 - 3j], dtype=torch.complex128, device=device))
    assert y.dtype == torch.complex128
    close(y, [function(Z), function(1 - 0.5j)], roundings=64)
    wanted = [complex(derivative(Z)).conjugate(), (2 - 3j) * complex(derivative(1 - 0.5j)).conjugate()]
    close(z.grad, wanted, roundings=64)


@fact("torch.abs", "torch.real", "torch.imag", "torch.angle", "torch.conj", source="notes/autograd")
@pytest.mark.parametrize(
    ("name", "value", "slope"),
    [
        ("abs", 1.0, Z),
        ("real", 0.6, 1 + 0j),
        ("imag", 0.8, 1j),
        ("angle", cmath.phase(Z), 1j * Z),
        ("conj", Z.conjugate(), 1 + 0j),
    ],
    ids=str,
)
def test_points_uphill(device, name, value, slope):
    """The gradient of `abs`, `angle`, `real`, `imag` and the real part of `conj` points to where they grow fastest."""
    z = leaf(Z, device=device)
    y = getattr(torch, name)(z)
    y.backward(torch.full_like(y, 10.0))
    assert y.is_complex() == (name == "conj")
    close(y.resolve_conj(), [value], roundings=8)
    close(z.grad.resolve_conj(), [10 * slope], roundings=8)


@fact(
    "torch.Tensor.backward",
    source="notes/autograd",
    hint="call backward on abs() or on the real part",
    since="2.1",
    calls="not gradient, names complex64|complex128|cfloat|cdouble|view_as_complex",
)
def test_of_a_complex_result_is_not_implied(device):
    """`backward` of a single complex number needs a `gradient`: "implicitly created only for real scalar outputs"."""
    z = leaf(Z, device=device)
    with pytest.raises(RuntimeError, match="grad can be implicitly created only for real scalar outputs"):
        (z * z).sum().backward()
    (z * z).sum().backward(torch.tensor(1 + 0j, dtype=torch.complex128, device=device))
    close(z.grad, [2 * Z.conjugate()], roundings=8)


@fact("torch.mul", "torch.view_as_real", source="notes/autograd")
def test_is_that_of_its_two_parts(device):
    """`view_as_real` of a complex gradient gives the gradients by the real and by the imaginary part."""
    z, parts = (
        leaf(Z, device=device),
        torch.tensor([[0.6, 0.8]], dtype=torch.float64, device=device, requires_grad=True),
    )
    pairs = torch.view_as_real(z * z)
    (pairs[..., 0] * 3 + pairs[..., 1] * 5).sum().backward()
    a, b = parts[:, 0], parts[:, 1]
    ((a * a - b * b) * 3 + 2 * a * b * 5).sum().backward()
    close(pairs, [[Z.real**2 - Z.imag**2, 2 * Z.real * Z.imag]], roundings=8)
    close(torch.view_as_real(z.grad), parts.grad.tolist(), roundings=16)


@fact("torch.mul", "torch.add", source="notes/autograd")
@pytest.mark.parametrize(("name", "value", "slope"), [("mul", [-1 + 2j], [2.0]), ("add", [2 + 3j], [1.0])], ids=str)
def test_by_a_real_number_is_real(device, name, value, slope):
    """A real factor of `mul` or summand of `add` has a real gradient where the other one is complex."""
    x = torch.tensor([1.0], dtype=torch.float64, device=device, requires_grad=True)
    y = getattr(torch, name)(
        x, torch.tensor([-1 + 2j] if name == "mul" else [1 + 3j], dtype=torch.complex128, device=device)
    )
    y.imag.sum().backward() if name == "mul" else y.real.sum().backward()
    same(y.detach(), torch.tensor(value, dtype=torch.complex128))
    same(x.grad, torch.tensor(slope, dtype=torch.float64))


@fact("torch.Tensor.backward", source="notes/autograd")
def test_descends_to_the_minimum(device):
    """A step of half of `z.grad` against the gradient of `(z - c).abs() ** 2` leads to c, but for rounding."""
    z, c = leaf(Z, 2 - 1j, device=device), torch.tensor([1 + 1j, 0.5j], dtype=torch.complex128, device=device)
    ((z - c).abs() ** 2).sum().backward()
    close(z.detach() - z.grad / 2, c.tolist(), roundings=64)
