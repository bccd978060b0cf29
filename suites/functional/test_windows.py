"""Windows, and the transform of short stretches that they are made for."""

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
SIGNAL = numpy.random.default_rng(3).uniform(-2, 2, (2, 21))
STRETCH = numpy.array([0.25, 1.0, 0.5, 2.0, 0.75, 1.25])  # a window without symmetry and without zeros


def window(name):
    return getattr(torch, name.removeprefix("torch."))


@fact(*WINDOWS)
@NAMES
@pytest.mark.parametrize("size", [2, 5, 8])
def test_is_symmetric_when_told(device, name, size):
    """A window with `periodic=False` is the symmetric one of NumPy."""
    y = window(name)(size, periodic=False, dtype=torch.float64, device=device)
    assert (y.dtype, y.is_contiguous()) == (torch.float64, True)
    close(y, WINDOWS[name](size), roundings=64, scale=1)


@fact(*WINDOWS, myth="torch.hann_window(n) is the symmetric window, as numpy.hanning(n) is")
@NAMES
@pytest.mark.parametrize("size", [1, 2, 5, 8])
def test_is_periodic_unless_told(device, name, size):
    """A window is periodic by default: the symmetric one of one more element, without its last."""
    y = window(name)(size, device=device)
    assert (y.dtype, y.requires_grad, y.stride()) == (torch.float32, False, (1,))
    want = WINDOWS[name](size + 1)[:-1] if size > 1 else numpy.ones(1)
    close(y, want, roundings=64, scale=1)


@fact(*WINDOWS)
@NAMES
@pytest.mark.parametrize("periodic", [True, False], ids=["periodic", "symmetric"])
def test_of_one_element_is_one(device, name, periodic):
    """A window of one element is a one, and a window of none is empty."""
    same(window(name)(1, periodic=periodic, device=device), torch.ones(1))
    same(window(name)(0, periodic=periodic, device=device), torch.ones(0))


@fact(*WINDOWS)
@NAMES
def test_refuses_a_dtype_of_integers(device, name):
    """A window of integers or of less than no elements is refused."""
    with pytest.raises(RuntimeError, match="floating point"):
        window(name)(4, dtype=torch.int64, device=device)
    with pytest.raises(RuntimeError, match="non-negative"):
        window(name)(-1, device=device)


@fact(*WINDOWS)
@NAMES
def test_can_be_learned(device, name):
    """A window with `requires_grad=True` is a leaf that receives a gradient."""
    y = window(name)(3, requires_grad=True, dtype=torch.float64, device=device)
    (y * torch.tensor([2.0, 3.0, 5.0], device=device)).sum().backward()
    same(y.grad, torch.tensor([2.0, 3.0, 5.0], dtype=torch.float64))
    close(y, WINDOWS[name](4)[:-1], roundings=64, scale=1)


@fact("torch.hamming_window")
def test_of_hamming_has_coefficients(device):
    """`hamming_window(n, periodic, alpha, beta)` is alpha - beta times the cosine."""
    y = torch.hamming_window(5, False, 0.6, 0.3, dtype=torch.float64, device=device)
    close(y, 0.6 - 0.3 * numpy.cos(numpy.arange(5) * math.pi / 2), roundings=16, scale=1)


@fact("torch.kaiser_window")
@pytest.mark.parametrize("beta", [0.0, 2.5])
def test_of_kaiser_has_a_shape(device, beta):
    """`kaiser_window(n, periodic, beta)` is that of NumPy with the same beta: ones for zero."""
    y = torch.kaiser_window(5, False, beta, dtype=torch.float64, device=device)
    close(y, numpy.kaiser(5, beta), roundings=64, scale=1)


# --- the transform ----------------------------------------------------------------------------------------------------


def transformed(x, size, hop, stretch, onesided=True):
    """The sum of the documentation, over each stretch of `size` that begins at a multiple of `hop`."""
    rows = numpy.stack([x[..., start : start + size] for start in range(0, x.shape[-1] - size + 1, hop)], -1)
    waves = numpy.exp(-2j * math.pi * numpy.outer(numpy.arange(size), numpy.arange(size)) / size)
    y = numpy.einsum("fk,k,...km->...fm", waves, stretch, rows)
    return y[..., : size // 2 + 1, :] if onesided else y


def tensor(array, device, **options):
    return torch.tensor(array, device=device, **options)


@fact("torch.stft")
@pytest.mark.parametrize("shape", [(21,), (2, 21)])
@pytest.mark.parametrize("onesided", [True, False], ids=["onesided", "both-sides"])
def test_sums_each_stretch_with_waves(device, shape, onesided):
    """`stft` with `center=False` sums window times input times wave for each stretch and each frequency."""
    x = SIGNAL.reshape(-1)[: math.prod(shape)].reshape(shape)
    options = {"center": False, "onesided": onesided, "return_complex": True}
    y = torch.stft(tensor(x, device), 6, 4, window=tensor(STRETCH, device), **options)
    assert y.dtype == torch.complex128
    close(y, transformed(x, 6, 4, STRETCH, onesided), roundings=100, scale=12)


@fact("torch.stft")
@pytest.mark.parametrize("mode", ["reflect", "constant"])
def test_is_centered_by_default(device, mode):
    """`stft` pads half a stretch on both sides, by reflection unless told otherwise, and hops by a quarter of one."""
    options = {} if mode == "reflect" else {"pad_mode": mode}
    stretch = numpy.resize(STRETCH, 8)
    y = torch.stft(tensor(SIGNAL, device), 8, window=tensor(stretch, device), return_complex=True, **options)
    close(y, transformed(numpy.pad(SIGNAL, [(0, 0), (4, 4)], mode=mode), 8, 2, stretch), roundings=100, scale=16)


@fact("torch.stft")
def test_puts_a_short_window_in_the_middle(device):
    """`stft` pads a window shorter than `n_fft` with zeros on both sides."""
    stretch = numpy.array([0.25, 1.0, 0.5, 2.0])
    options = {"win_length": 4, "window": tensor(stretch, device), "center": False, "return_complex": True}
    y = torch.stft(tensor(SIGNAL, device), 8, 3, **options)
    close(y, transformed(SIGNAL, 8, 3, numpy.pad(stretch, 2)), roundings=100, scale=16)


@fact("torch.stft")
def test_is_normalized_when_told(device):
    """`stft(normalized=True)` divides by the root of `n_fft`."""
    options = {"window": tensor(STRETCH, device), "center": False, "return_complex": True, "normalized": True}
    y = torch.stft(tensor(SIGNAL, device), 6, 2, **options)
    close(y, transformed(SIGNAL, 6, 2, STRETCH) / 6**0.5, roundings=100, scale=12)


@fact("torch.stft")
def test_hands_the_gradient_of_its_sum_on(device):
    """The gradient of `stft` is that of its sums, added up where stretches overlap."""
    x, ahead = tensor(SIGNAL[0], device, requires_grad=True), numpy.arange(1.0, 25).reshape(4, 6)
    y = torch.stft(x, 6, 3, window=tensor(STRETCH, device), center=False, return_complex=True)
    (y.real * tensor(ahead, device)).sum().backward()
    want = [(transformed(row, 6, 3, STRETCH).real * ahead).sum() for row in numpy.eye(21)]
    close(x.grad, numpy.array(want), roundings=100, scale=400)


@fact("torch.stft")
def test_of_complex_input_has_both_sides(device):
    """`stft` of complex input gives all frequencies, and refuses to give one side."""
    x, options = SIGNAL[0] + 1j * SIGNAL[1], {"window": tensor(STRETCH, device), "center": False}
    y = torch.stft(tensor(x, device), 6, 4, return_complex=True, **options)
    close(y, transformed(x, 6, 4, STRETCH, onesided=False), roundings=100, scale=12)
    with pytest.raises(RuntimeError, match="Cannot have onesided output if window or input is complex"):
        torch.stft(tensor(x, device), 6, 4, return_complex=True, onesided=True, **options)


@fact("torch.stft", hint="say return_complex=True")
def test_asks_whether_to_be_complex(device):
    """`stft` of real input refuses to be called without `return_complex`."""
    with pytest.raises(RuntimeError, match="requires the return_complex parameter be given"):
        torch.stft(tensor(SIGNAL, device), 6, window=torch.ones(6, dtype=torch.float64, device=device))


@fact("torch.stft", since="2.2", calls="not window", hint="say window=")
def test_without_a_window_warns(device, every_warning):
    """`stft` without a window warns, and takes one of ones."""
    with pytest.warns(UserWarning, match="A window was not provided"):
        y = torch.stft(tensor(SIGNAL, device), 6, 3, center=False, return_complex=True)
    close(y, transformed(SIGNAL, 6, 3, numpy.ones(6)), roundings=100, scale=12)


@fact("torch.stft")
def test_refuses_a_signal_shorter_than_a_stretch(device):
    """`stft` refuses a signal shorter than `n_fft` where it does not pad, and a window of another size."""
    ones = torch.ones(6, device=device)
    with pytest.raises(RuntimeError, match="expected 0 < n_fft"):
        torch.stft(ones[:5], 6, window=ones, center=False, return_complex=True)
    with pytest.raises(RuntimeError, match="1D window"):
        torch.stft(ones, 6, window=ones[:5], center=False, return_complex=True)


@fact("torch.istft")
@pytest.mark.parametrize(
    "options", [{}, {"normalized": True}, {"onesided": False}], ids=["defaults", "normalized", "both"]
)
def test_of_an_inverse_is_the_signal(device, options):
    """`istft` of the transform that `stft` defines, with the same options, is the signal."""
    stretch = numpy.resize(STRETCH, 8)
    padded = numpy.pad(SIGNAL, [(0, 0), (4, 4)], mode="reflect")
    y = transformed(padded, 8, 2, stretch, options.get("onesided", True)) / (8**0.5 if "normalized" in options else 1)
    x = torch.istft(tensor(y, device), 8, window=tensor(stretch, device), length=21, **options)
    assert (x.dtype, x.shape) == (torch.float64, (2, 21))
    close(x, SIGNAL, roundings=400, scale=8)


@fact("torch.istft")
@pytest.mark.filterwarnings("ignore:The length of signal is shorter")
def test_of_an_inverse_without_a_length_loses_the_end(device):
    """`istft` without `length` gives what whole hops cover, and pads with zeros up to a greater one."""
    stretch = numpy.resize(STRETCH, 8)
    y = tensor(transformed(numpy.pad(SIGNAL, [(0, 0), (4, 4)]), 8, 2, stretch), device)
    x, longer = (torch.istft(y, 8, window=tensor(stretch, device), length=length) for length in (None, 30))
    close(x, SIGNAL[:, :20], roundings=400, scale=8)
    close(longer[:, :21], SIGNAL, roundings=400, scale=8)
    assert (longer.shape, longer[:, 24:].count_nonzero()) == ((2, 30), 0)


@fact("torch.istft")
def test_of_an_inverse_is_the_best_signal(device):
    """`istft` of what is no transform is the least squares: sums of windowed stretches over sums of squared windows."""
    y = transformed(SIGNAL[0], 6, 3, STRETCH) * numpy.arange(1, 7)  # of six stretches
    x = torch.istft(tensor(y, device), 6, 3, window=tensor(STRETCH, device), center=False)
    top, below = numpy.zeros(21), numpy.zeros(21)
    for place, row in enumerate(numpy.fft.irfft(y, 6, axis=0).T):
        top[3 * place : 3 * place + 6] += STRETCH * row
        below[3 * place : 3 * place + 6] += STRETCH**2
    close(x, top / below, roundings=400, scale=64)


@fact(
    "torch.istft",
    since="2.14",
    calls="catches RuntimeError, input made view_as_real()|return_complex=False",
    hint="catch TypeError, too",
)
def test_of_an_inverse_of_real_numbers_is_a_wrong_type(device):
    """`istft` of what is not complex raises TypeError, which is no RuntimeError."""
    pairs = torch.view_as_real(torch.ones(4, 3, dtype=torch.complex64, device=device))
    with pytest.raises(TypeError, match="istft requires a complex-valued input"):
        torch.istft(pairs, 6, window=torch.ones(6, device=device))


@fact("torch.istft")
def test_of_an_inverse_refuses_windows_that_leave_a_gap(device):
    """`istft` refuses a window under which some element has no weight, and input that is not complex."""
    ones = torch.ones(4, 3, dtype=torch.complex64, device=device)
    with pytest.raises(RuntimeError, match="window overlap add min"):
        torch.istft(ones, 6, 6, window=torch.hann_window(6, device=device), center=False)
    with pytest.raises((RuntimeError, TypeError), match="complex"):
        torch.istft(ones.real, 6, 3, window=torch.ones(6, device=device))
