"""Fourier transforms of `torch.fft`, judged by NumPy; those of short stretches are in test_stft."""

import numpy
import pytest
import torch

from torchproof import close, fact, same
from torchproof.suites.functional.reference import lying, over

ROUNDINGS = 64  # of a transform of a few elements, beside their size
X = numpy.array([[0.5, -1.25, 2.0, 0.25], [1.5, 0.25, -0.75, -2.0], [1.0, 3.0, -0.5, 0.125]])
Z = X + 1j * X[::-1, ::-1]

COMPLEX = ["fft", "ifft", "fft2", "ifft2", "fftn", "ifftn"]
TO_HALF = ["rfft", "ihfft", "rfft2", "rfftn"]  # of real numbers
FROM_HALF = ["irfft", "hfft", "irfft2", "irfftn"]  # to real numbers
ALL = COMPLEX + TO_HALF + FROM_HALF
ONE = ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"]
NORMS = ["backward", "ortho", "forward"]
HERMITIAN = {"hfft2": "irfft2", "hfftn": "irfftn", "ihfft2": "rfft2", "ihfftn": "rfftn"}  # forward for backward
OPPOSITE = {"backward": "forward", "forward": "backward", "ortho": "ortho"}


def array_for(name):
    return X if name in TO_HALF or name.startswith("ihfft") else Z


@fact(*(f"torch.fft.{name}" for name in ALL))
@over(ALL)
@pytest.mark.parametrize("norm", [None, *NORMS], ids=str)
def test_transforms_are_those_of_numpy(device, name, norm):
    """`torch.fft.fft`, `rfft`, `irfft` and the like give what NumPy gives, for each `norm`, in a new tensor."""
    array = array_for(name)
    x = torch.tensor(array, device=device)
    y, want = getattr(torch.fft, name)(x, norm=norm), getattr(numpy.fft, name)(array, norm=norm)
    assert y.dtype == (torch.float64 if name in FROM_HALF else torch.complex128)
    close(y.resolve_conj(), want, roundings=ROUNDINGS, scale=32)
    same(x, array)


@fact(*(f"torch.fft.{name}" for name in HERMITIAN))
@over(HERMITIAN)
@pytest.mark.parametrize("norm", NORMS)
def test_hermitian_transforms_are_the_others_conjugated(device, name, norm):
    """`torch.fft.hfft2`, `ihfft2` and the like are `irfft2`, `rfft2` and so on of conjugates, by the other `norm`."""
    array = array_for(name)
    x = torch.tensor(array, device=device)
    y, other = getattr(torch.fft, name)(x, norm=norm), getattr(numpy.fft, HERMITIAN[name])
    want = other(array.conj(), norm=OPPOSITE[norm]).conj()
    assert y.dtype == (torch.complex128 if name.startswith("i") else torch.float64)
    close(y, want, roundings=ROUNDINGS, scale=64)
    same(x, array)


@fact(*(f"torch.fft.{name}" for name in ONE))
@over(ONE)
@pytest.mark.parametrize("dim", [0, -1])
@pytest.mark.parametrize("n", [None, 3, 6], ids=str)
def test_transforms_cut_or_fill_a_dimension(device, name, n, dim):
    """`torch.fft.fft(x, n)`, `rfft(x, n)` and the like cut a dimension to n elements, or fill it up with zeros."""
    array = array_for(name)
    y = getattr(torch.fft, name)(torch.tensor(array, device=device), n=n, dim=dim)
    close(y.resolve_conj(), getattr(numpy.fft, name)(array, n=n, axis=dim), roundings=ROUNDINGS, scale=32)


MANY = ["fft2", "ifft2", "fftn", "ifftn", "rfft2", "irfft2", "rfftn", "irfftn"]


@fact(*(f"torch.fft.{name}" for name in MANY))
@over(MANY)
def test_transforms_of_many_dimensions_cut_or_fill_them(device, name):
    """`torch.fft.fft2`, `rfftn` and the like take the sizes `s` for the dimensions `dim`, in their order."""
    array = array_for(name)
    y = getattr(torch.fft, name)(torch.tensor(array, device=device), s=(4, 2), dim=(1, 0))
    close(y, getattr(numpy.fft, name)(array, s=(4, 2), axes=(1, 0)), roundings=ROUNDINGS, scale=32)


@fact(*(f"torch.fft.{name}" for name in [*ALL, *HERMITIAN]))
@over([*ALL, *HERMITIAN])
def test_transforms_do_not_depend_on_how_their_input_lies(device, name):
    """`torch.fft.fft`, `rfft`, `irfft` and the like, with gradients, do not depend on strides, but for rounding."""
    rows = []
    for x in lying(torch.tensor(array_for(name), device=device)):
        y = getattr(torch.fft, name)(x.requires_grad_())
        y.abs().sum().backward()
        rows.append(torch.cat([y.detach().flatten(), x.grad.flatten()]))
    want = rows[0].cpu().expand(3, -1).numpy()
    close(torch.stack(rows[1:]), want, roundings=ROUNDINGS, scale=64)


@fact(*(f"torch.fft.{name}" for name in [*ALL, *HERMITIAN]))
@over([*ALL, *HERMITIAN])
def test_transforms_are_linear_with_themselves_as_gradient(device, name):
    """The gradient of `torch.fft.fft`, `rfft`, `irfft` and the like is the adjoint of the transform."""
    array = array_for(name)
    step = torch.tensor(array[::-1].copy(), device=device)
    x = torch.tensor(array, device=device, requires_grad=True)
    y = getattr(torch.fft, name)(x)
    weights = torch.linspace(-1, 2, y.numel(), dtype=torch.float64, device=device).reshape(y.shape)
    y.backward(weights.to(y.dtype) * (1 + 1j if y.is_complex() else 1))
    change = (getattr(torch.fft, name)(step) * weights * (1 - 1j if y.is_complex() else 1)).sum()
    close((step.conj() * x.grad).sum().real, change.real.item(), roundings=ROUNDINGS, scale=256)


BACK = {
    "fft": "ifft",
    "fft2": "ifft2",
    "fftn": "ifftn",
    "rfft": "irfft",
    "rfft2": "irfft2",
    "rfftn": "irfftn",
    "ihfft": "hfft",
}


@fact(*(f"torch.fft.{name}" for name in ALL))
@over(BACK)
@pytest.mark.parametrize("norm", NORMS)
def test_transforms_undo_each_other(device, name, norm):
    """`torch.fft.ifft` undoes `fft`, `irfft` undoes `rfft` of an even length, and so on, with the same `norm`."""
    array = array_for(name)
    y = getattr(torch.fft, name)(torch.tensor(array, device=device), norm=norm)
    close(getattr(torch.fft, BACK[name])(y, norm=norm), array, roundings=ROUNDINGS, scale=32)


@fact("torch.fft.irfft", "torch.fft.hfft")
@over(["irfft", "hfft"])
def test_transforms_from_a_half_take_an_even_number_by_default(device, name):
    """`torch.fft.irfft` and `hfft` give an even number of elements, unless `n` says otherwise."""
    half = torch.fft.rfft(torch.tensor(X[:, :3], device=device))
    half = half.conj() if name == "hfft" else half
    assert getattr(torch.fft, name)(half).shape == (3, 2)
    norm = "forward" if name == "hfft" else "backward"
    close(getattr(torch.fft, name)(half, n=3, norm=norm), X[:, :3], roundings=ROUNDINGS, scale=8)


@fact("torch.fft.fft", "torch.fft.rfft")
@over(["fft", "rfft"])
@pytest.mark.parametrize(
    ("dtype", "want"),
    [
        (torch.int64, torch.complex64),
        (torch.float32, torch.complex64),
        (torch.bool, torch.complex64),
        (torch.float64, torch.complex128),
    ],
    ids=str,
)
def test_transforms_give_complex_numbers_of_the_same_precision(device, name, dtype, want):
    """`torch.fft.fft` and `rfft` of integers, booleans or float32 give complex64, of float64 complex128."""
    y = getattr(torch.fft, name)(torch.tensor([1, 0, 1, 1], device=device).to(dtype))
    assert y.dtype == want
    close(y, getattr(numpy.fft, name)([1, 0, 1, 1]), roundings=ROUNDINGS, scale=4)


@fact(*(f"torch.fft.{name}" for name in ONE))
@over(ONE)
def test_transforms_refuse_no_elements(device, name):
    """`torch.fft.fft`, `rfft`, `irfft` and the like refuse to transform nothing: "Invalid number of data points"."""
    with pytest.raises(RuntimeError, match="Invalid number of data points"):
        getattr(torch.fft, name)(torch.empty(0, device=device))


@fact("torch.fft.rfft", "torch.fft.ihfft")
@over(["rfft", "ihfft"])
def test_transforms_of_real_numbers_refuse_complex_ones(device, name):
    """`torch.fft.rfft` and `ihfft` refuse complex numbers: they expect "a real input tensor"."""
    with pytest.raises((RuntimeError, TypeError), match="expects a real input tensor, but got ComplexDouble"):
        getattr(torch.fft, name)(torch.tensor(Z, device=device))


@fact(*(f"torch.fft.{name}" for name in ONE))
@over(ONE)
def test_transforms_refuse_a_norm_that_does_not_exist(device, name):
    """`torch.fft.fft`, `rfft` and the like refuse a `norm` that does not exist: "Invalid normalization mode"."""
    with pytest.raises(RuntimeError, match='Invalid normalization mode: "unit"'):
        getattr(torch.fft, name)(torch.tensor(X, device=device), norm="unit")


@fact("torch.fft.fftn", "torch.fft.ifftn", "torch.fft.rfftn", "torch.fft.irfftn")
@over(["fftn", "ifftn", "rfftn", "irfftn"])
def test_transforms_refuse_a_dimension_twice(device, name):
    """`torch.fft.fftn`, `rfftn` and the like refuse the same dimension twice: "FFT dims must be unique"."""
    with pytest.raises(RuntimeError, match="FFT dims must be unique"):
        getattr(torch.fft, name)(torch.tensor(X, device=device), dim=(0, 0))


@fact("torch.fft.fftshift", "torch.fft.ifftshift")
@over(["fftshift", "ifftshift"])
@pytest.mark.parametrize("dim", [None, 0, -1, (0, 1)], ids=str)
def test_shifts_move_zero_to_the_middle_and_back(device, name, dim):
    """`torch.fft.fftshift` moves frequency zero to the middle along dimensions, `ifftshift` back, contiguous."""
    x = torch.tensor(X, device=device)
    y = getattr(torch.fft, name)(x, dim=dim)
    same(y, getattr(numpy.fft, name)(X, axes=dim))
    same(x, X)
    assert y.is_contiguous()


@fact("torch.fft.fftshift", "torch.fft.ifftshift")
@pytest.mark.parametrize(
    ("name", "want"), [("fftshift", [5.0, 7.0, 3.0]), ("ifftshift", [7.0, 3.0, 5.0])], ids=["fftshift", "ifftshift"]
)
def test_shifts_hand_each_gradient_back(device, name, want):
    """The gradient of `torch.fft.fftshift` and `ifftshift` goes back to where each element came from."""
    x = torch.tensor([1.0, 2.0, 4.0], device=device, requires_grad=True)
    getattr(torch.fft, name)(x).backward(torch.tensor([3.0, 5.0, 7.0], device=device))
    same(x.grad, torch.tensor(want))


@fact("torch.fft.fftfreq", "torch.fft.rfftfreq")
@over(["fftfreq", "rfftfreq"])
@pytest.mark.parametrize("n", [4, 5])
@pytest.mark.parametrize("d", [1.0, 0.25])
def test_frequencies_are_those_of_numpy(device, name, n, d):
    """`torch.fft.fftfreq` and `rfftfreq` give the frequencies of n samples at distance d as NumPy does, contiguous."""
    y = getattr(torch.fft, name)(n, d, dtype=torch.float64, device=device)
    assert (y.dtype, y.is_contiguous()) == (torch.float64, True)
    close(y, getattr(numpy.fft, name)(n, d), roundings=4)
