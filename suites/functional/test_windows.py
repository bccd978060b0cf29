"""Windows, such as `hann_window`; the transform of short stretches that they are made for is in test_stft."""

import math

import numpy
import pytest
import torch

from torchproof import close, fact, same

# What NumPy gives for a symmetric window.
WINDOWS = {
    "torch.bartlett_window": numpy.bartlett,
    "torch.blackman_window": numpy.blackman,
    "torch.hamming_window": numpy.hamming,
    "torch.hann_window": numpy.hanning,
    "torch.kaiser_window": lambda size: numpy.kaiser(size, 12.0),
}
NAMES = pytest.mark.parametrize("name", WINDOWS)


def window(name):
    return getattr(torch, name.removeprefix("torch."))


@fact(*WINDOWS)
@NAMES
@pytest.mark.parametrize("size", [2, 5, 8])
def test_is_symmetric_when_told(device, name, size):
    """`torch.hann_window` and the like with `periodic=False` are the symmetric windows of NumPy, contiguous."""
    y = window(name)(size, periodic=False, dtype=torch.float64, device=device)
    assert (y.dtype, y.is_contiguous()) == (torch.float64, True)
    close(y, WINDOWS[name](size), roundings=64, scale=1)


@fact(*WINDOWS, myth="torch.hann_window(n) is the symmetric window, as numpy.hanning(n) is")
@NAMES
@pytest.mark.parametrize("size", [1, 2, 5, 8])
def test_is_periodic_unless_told(device, name, size):
    """`torch.hann_window(n)` and the like are the symmetric window of n + 1 elements, without its last: periodic."""
    y = window(name)(size, device=device)
    assert y.dtype == torch.float32
    want = WINDOWS[name](size + 1)[:-1] if size > 1 else numpy.ones(1)
    close(y, want, roundings=64, scale=1)


@fact(*WINDOWS)
@NAMES
@pytest.mark.parametrize("periodic", [True, False], ids=["periodic", "symmetric"])
def test_of_one_element_is_one(device, name, periodic):
    """`torch.hann_window(1)` and the like are a one, and of no elements empty."""
    same(window(name)(1, periodic=periodic, device=device), torch.ones(1))
    same(window(name)(0, periodic=periodic, device=device), torch.ones(0))


@fact(*WINDOWS)
@NAMES
def test_refuses_a_dtype_of_integers(device, name):
    """`torch.hann_window` and the like refuse a dtype of integers."""
    with pytest.raises(RuntimeError, match="floating point"):
        window(name)(4, dtype=torch.int64, device=device)


@fact(*WINDOWS)
@NAMES
def test_refuses_a_negative_length(device, name):
    """`torch.hann_window` and the like refuse a negative length."""
    with pytest.raises(RuntimeError, match="non-negative"):
        window(name)(-1, device=device)


@fact(*WINDOWS)
@NAMES
def test_can_be_learned(device, name):
    """`torch.hann_window(n, requires_grad=True)` and the like are leaves that receive a gradient."""
    y = window(name)(3, requires_grad=True, dtype=torch.float64, device=device)
    (y * torch.tensor([2.0, 3.0, 5.0], device=device)).sum().backward()
    same(y.grad, torch.tensor([2.0, 3.0, 5.0], dtype=torch.float64))
    close(y, WINDOWS[name](4)[:-1], roundings=64, scale=1)


@fact("torch.hamming_window")
def test_of_hamming_has_coefficients(device):
    """`torch.hamming_window(n, periodic, alpha, beta)` is `alpha` less `beta` times the cosine."""
    y = torch.hamming_window(5, False, 0.6, 0.3, dtype=torch.float64, device=device)
    close(y, 0.6 - 0.3 * numpy.cos(numpy.arange(5) * math.pi / 2), roundings=16, scale=1)


@fact("torch.kaiser_window")
@pytest.mark.parametrize("beta", [0.0, 2.5])
def test_of_kaiser_has_a_shape(device, beta):
    """`torch.kaiser_window(n, periodic, beta)` is that of NumPy with the same `beta`: ones for zero."""
    y = torch.kaiser_window(5, False, beta, dtype=torch.float64, device=device)
    close(y, numpy.kaiser(5, beta), roundings=64, scale=1)
