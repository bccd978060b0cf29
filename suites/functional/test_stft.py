"""The transform of short stretches, `stft`, and its inverse `istft`; windows are in test_windows."""

import math

import numpy
import pytest
import torch

from torchproof import close, fact

SIGNAL = numpy.random.default_rng(3).uniform(-2, 2, (2, 21))
STRETCH = numpy.array([0.25, 1.0, 0.5, 2.0, 0.75, 1.25])  # a window without symmetry and without zeros


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
    """`torch.stft` with `center=False` sums window times input times wave for each stretch and each frequency."""
    x = SIGNAL.reshape(-1)[: math.prod(shape)].reshape(shape)
    options = {"center": False, "onesided": onesided, "return_complex": True}
    y = torch.stft(tensor(x, device), 6, 4, window=tensor(STRETCH, device), **options)
    assert y.dtype == torch.complex128
    close(y, transformed(x, 6, 4, STRETCH, onesided), roundings=100, scale=12)


@fact("torch.stft")
@pytest.mark.parametrize("mode", ["reflect", "constant"])
def test_is_centered_by_default(device, mode):
    """`torch.stft` pads half a stretch on both sides, by reflection unless told, and hops by a quarter of one."""
    options = {} if mode == "reflect" else {"pad_mode": mode}
    stretch = numpy.resize(STRETCH, 8)
    y = torch.stft(tensor(SIGNAL, device), 8, window=tensor(stretch, device), return_complex=True, **options)
    close(y, transformed(numpy.pad(SIGNAL, [(0, 0), (4, 4)], mode=mode), 8, 2, stretch), roundings=100, scale=16)


@fact("torch.stft")
def test_puts_a_short_window_in_the_middle(device):
    """`torch.stft` pads a window shorter than `n_fft` with zeros on both sides."""
    stretch = numpy.array([0.25, 1.0, 0.5, 2.0])
    options = {"win_length": 4, "window": tensor(stretch, device), "center": False, "return_complex": True}
    y = torch.stft(tensor(SIGNAL, device), 8, 3, **options)
    close(y, transformed(SIGNAL, 8, 3, numpy.pad(stretch, 2)), roundings=100, scale=16)


@fact("torch.stft")
def test_is_normalized_when_told(device):
    """`torch.stft` with `normalized=True` divides by the root of `n_fft`."""
    options = {"window": tensor(STRETCH, device), "center": False, "return_complex": True, "normalized": True}
    y = torch.stft(tensor(SIGNAL, device), 6, 2, **options)
    close(y, transformed(SIGNAL, 6, 2, STRETCH) / 6**0.5, roundings=100, scale=12)


@fact("torch.stft")
def test_hands_the_gradient_of_its_sum_on(device):
    """The gradient of `torch.stft` is that of its sums, added up where stretches overlap."""
    x, ahead = tensor(SIGNAL[0], device, requires_grad=True), numpy.arange(1.0, 25).reshape(4, 6)
    y = torch.stft(x, 6, 3, window=tensor(STRETCH, device), center=False, return_complex=True)
    (y.real * tensor(ahead, device)).sum().backward()
    want = [(transformed(row, 6, 3, STRETCH).real * ahead).sum() for row in numpy.eye(21)]
    close(x.grad, numpy.array(want), roundings=100, scale=400)


@fact("torch.stft")
def test_of_complex_input_has_both_sides(device):
    """`torch.stft` of complex input gives all frequencies, those below zero too."""
    x, options = SIGNAL[0] + 1j * SIGNAL[1], {"window": tensor(STRETCH, device), "center": False}
    y = torch.stft(tensor(x, device), 6, 4, return_complex=True, **options)
    close(y, transformed(x, 6, 4, STRETCH, onesided=False), roundings=100, scale=12)


@fact("torch.stft")
def test_of_complex_input_refuses_one_side(device):
    """`torch.stft` of complex input refuses `onesided=True`: "Cannot have onesided output"."""
    x = tensor(SIGNAL[0] + 1j * SIGNAL[1], device)
    with pytest.raises(RuntimeError, match="Cannot have onesided output if window or input is complex"):
        torch.stft(x, 6, 4, window=tensor(STRETCH, device), return_complex=True, onesided=True)


@fact("torch.stft", hint="say return_complex=True")
def test_asks_whether_to_be_complex(device):
    """`torch.stft` of real input without `return_complex` is refused: "requires the return_complex parameter"."""
    with pytest.raises(RuntimeError, match="requires the return_complex parameter be given"):
        torch.stft(tensor(SIGNAL, device), 6, window=torch.ones(6, dtype=torch.float64, device=device))


@fact("torch.stft", since="2.2", calls="not window", hint="say window=")
def test_without_a_window_warns(device, every_warning):
    """`torch.stft` without `window=` warns that "A window was not provided", and takes one of ones."""
    with pytest.warns(UserWarning, match="A window was not provided"):
        y = torch.stft(tensor(SIGNAL, device), 6, 3, center=False, return_complex=True)
    close(y, transformed(SIGNAL, 6, 3, numpy.ones(6)), roundings=100, scale=12)


@fact("torch.stft")
def test_refuses_a_signal_shorter_than_a_stretch(device):
    """`torch.stft` with `center=False` refuses a signal shorter than `n_fft`: "expected 0 < n_fft"."""
    ones = torch.ones(6, device=device)
    with pytest.raises(RuntimeError, match="expected 0 < n_fft"):
        torch.stft(ones[:5], 6, window=ones, center=False, return_complex=True)


@fact("torch.stft")
def test_refuses_a_window_of_another_length(device):
    """`torch.stft` refuses a window that has not `win_length` elements, which are `n_fft` unless told."""
    ones = torch.ones(6, device=device)
    with pytest.raises(RuntimeError, match="1D window"):
        torch.stft(ones, 6, window=ones[:5], center=False, return_complex=True)


@fact("torch.istft")
@pytest.mark.parametrize(
    "options", [{}, {"normalized": True}, {"onesided": False}], ids=["defaults", "normalized", "both"]
)
def test_of_an_inverse_is_the_signal(device, options):
    """`torch.istft` of the transform that `torch.stft` defines, with the same options, is the signal."""
    stretch = numpy.resize(STRETCH, 8)
    padded = numpy.pad(SIGNAL, [(0, 0), (4, 4)], mode="reflect")
    y = transformed(padded, 8, 2, stretch, options.get("onesided", True)) / (8**0.5 if "normalized" in options else 1)
    x = torch.istft(tensor(y, device), 8, window=tensor(stretch, device), length=21, **options)
    assert (x.dtype, x.shape) == (torch.float64, (2, 21))
    close(x, SIGNAL, roundings=400, scale=8)


@fact("torch.istft")
def test_of_an_inverse_without_a_length_loses_the_end(device):
    """`torch.istft` without `length` gives what whole hops cover: the end of a signal of another length is lost."""
    stretch = numpy.resize(STRETCH, 8)
    y = tensor(transformed(numpy.pad(SIGNAL, [(0, 0), (4, 4)]), 8, 2, stretch), device)
    close(torch.istft(y, 8, window=tensor(stretch, device)), SIGNAL[:, :20], roundings=400, scale=8)


@fact("torch.istft")
@pytest.mark.filterwarnings("ignore:The length of signal is shorter")
def test_of_an_inverse_is_padded_up_to_its_length(device):
    """`torch.istft` with a `length` beyond what it has pads with zeros."""
    stretch = numpy.resize(STRETCH, 8)
    y = tensor(transformed(numpy.pad(SIGNAL, [(0, 0), (4, 4)]), 8, 2, stretch), device)
    x = torch.istft(y, 8, window=tensor(stretch, device), length=30)
    close(x[:, :21], SIGNAL, roundings=400, scale=8)
    assert (x.shape, x[:, 24:].count_nonzero()) == ((2, 30), 0)


@fact("torch.istft")
def test_of_an_inverse_is_the_best_signal(device):
    """`torch.istft` is the least squares: sums of windowed stretches over sums of squared windows."""
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
    """`torch.istft` of real numbers raises TypeError "istft requires a complex-valued input", no RuntimeError."""
    pairs = torch.view_as_real(torch.ones(4, 3, dtype=torch.complex64, device=device))
    with pytest.raises(TypeError, match="istft requires a complex-valued input"):
        torch.istft(pairs, 6, window=torch.ones(6, device=device))


@fact("torch.istft")
def test_of_an_inverse_refuses_windows_that_leave_a_gap(device):
    """`torch.istft` refuses a window under which an element has no weight: "window overlap add min"."""
    ones = torch.ones(4, 3, dtype=torch.complex64, device=device)
    with pytest.raises(RuntimeError, match="window overlap add min"):
        torch.istft(ones, 6, 6, window=torch.hann_window(6, device=device), center=False)


@fact("torch.istft")
def test_of_an_inverse_refuses_real_numbers(device):
    """`torch.istft` refuses input that is not complex."""
    ones = torch.ones(4, 3, device=device)
    with pytest.raises((RuntimeError, TypeError), match="complex"):
        torch.istft(ones, 6, 3, window=torch.ones(6, device=device))
