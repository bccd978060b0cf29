"""Quantized tensors: integers that stand for numbers, by a scale and a zero point."""

import numpy
import pytest
import torch

from torchproof import fact, same

pytestmark = pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor, torch.quantize_per_channel and other")

ARRAY = numpy.array([[0.5, -1.25, 2.0], [1.5, 0.25, -30.0]], "float32")
SCALES, ZEROS = numpy.array([0.25, 0.125], "float32"), numpy.array([10, 3])
LIMITS = {
    torch.quint8: (0, 255, "uint8"),
    torch.qint8: (-128, 127, "int8"),
    torch.qint32: (-(2**31), 2**31 - 1, "int32"),
}
dtypes = pytest.mark.parametrize("dtype", LIMITS)


def counted(array, scale, zero, least, most):
    """The integers that stand for numbers."""
    return numpy.clip(numpy.rint(array / scale) + zero, least, most)


def of_another_scale(patch):
    """Quantized tensors have another scale, and zero points."""
    one = torch.quantize_per_tensor(torch.ones(1), 1.0, 0, torch.quint8)
    for name in ("quantize_per_tensor", "quantize_per_channel", "quantize_per_tensor_dynamic"):
        patch.setattr(torch, name, lambda *arguments, **named: one)


@fact("torch.quantize_per_tensor", "torch.Tensor.int_repr", "torch.Tensor.dequantize", refuter=of_another_scale)
@dtypes
def test_is_a_rounded_and_cut_count_of_scales(dtype):
    """`quantize_per_tensor` holds `round(x / scale) + zero_point` cut to its dtype; `dequantize` turns it back."""
    least, most, plain = LIMITS[dtype]
    q = torch.quantize_per_tensor(torch.tensor(ARRAY), 0.25, 10, dtype)
    want = counted(ARRAY, 0.25, 10, least, most)
    same(q.int_repr(), want.astype(plain))
    same(q.dequantize(), ((want - 10) * 0.25).astype("float32"))
    same(torch.dequantize(q), ((want - 10) * 0.25).astype("float32"))


@fact("torch.quantize_per_tensor", refuter=of_another_scale)
def test_is_rounded_to_the_even_count():
    """`quantize_per_tensor` of a vector rounds a count that is half way to the even one, and is contiguous."""
    q = torch.quantize_per_tensor(torch.tensor([0.5, 1.5, 2.5, -0.5]), 1.0, 4, torch.quint8)
    same(q.int_repr(), torch.tensor([4, 6, 6, 4], dtype=torch.uint8))


@fact(
    "torch.Tensor.q_scale", "torch.Tensor.q_zero_point", "torch.Tensor.qscheme", "torch.Tensor.is_quantized",
    "torch.qscheme", refuter=of_another_scale,
)  # fmt: skip
def test_tells_its_scale():
    """`q_scale`, `q_zero_point`, `qscheme` and `is_quantized` tell what a tensor was quantized by, and that it was."""
    q = torch.quantize_per_tensor(torch.tensor(ARRAY), 0.25, 10, torch.quint8)
    assert (q.q_scale(), q.q_zero_point(), q.is_quantized, q.dtype) == (0.25, 10, True, torch.quint8)
    assert q.qscheme() is torch.per_tensor_affine and isinstance(q.qscheme(), torch.qscheme)


@fact(
    "torch.quantize_per_channel", "torch.Tensor.q_per_channel_scales", "torch.Tensor.q_per_channel_zero_points",
    "torch.Tensor.q_per_channel_axis", "torch.Tensor.int_repr", refuter=of_another_scale,
)  # fmt: skip
@dtypes
@pytest.mark.parametrize("axis", [0, 1])
def test_has_a_scale_for_each_channel(dtype, axis):
    """`quantize_per_channel` counts in the scale of each channel along an axis, and tells all of them."""
    least, most, plain = LIMITS[dtype]
    array = ARRAY if axis == 0 else ARRAY.T.copy()
    q = torch.quantize_per_channel(torch.tensor(array), torch.tensor(SCALES), torch.tensor(ZEROS), axis, dtype)
    want = counted(ARRAY, SCALES[:, None], ZEROS[:, None], least, most)
    want = want if axis == 0 else want.T.copy()
    same(q.int_repr(), want.astype(plain))
    same(q.q_per_channel_scales(), SCALES.astype("float64"))
    same(q.q_per_channel_zero_points(), ZEROS)
    assert (q.q_per_channel_axis(), q.qscheme()) == (axis, torch.per_channel_affine)


@fact("torch.quantize_per_tensor_dynamic", refuter=of_another_scale)
@pytest.mark.parametrize("dtype", [torch.quint8, torch.qint8])
def test_finds_a_scale_by_itself(dtype):
    """`quantize_per_tensor_dynamic` takes its scale of the range of the numbers: each errs by half of it at most."""
    q = torch.quantize_per_tensor_dynamic(torch.tensor(ARRAY), dtype, False)
    assert (q.dtype, q.shape) == (dtype, (2, 3))
    assert q.q_scale() == pytest.approx(32 / 255, rel=1e-6)
    assert (abs(q.dequantize().numpy() - ARRAY) <= q.q_scale() * 0.501).all()


FAKES = {
    "fake_quantize_per_tensor_affine": (
        lambda x, most: torch.fake_quantize_per_tensor_affine(x, 0.25, 10, 0, most),
        lambda most: (counted(ARRAY, 0.25, 10, 0, most) - 10) * 0.25,
        [[2.0, 3.0, 4.0], [5.0, 6.0, 0.0]],
    ),
    "fake_quantize_per_channel_affine": (
        lambda x, most: torch.fake_quantize_per_channel_affine(
            x, torch.tensor(SCALES), torch.tensor(ZEROS, dtype=torch.int32), 0, 0, most
        ),
        lambda most: (counted(ARRAY, SCALES[:, None], ZEROS[:, None], 0, most) - ZEROS[:, None]) * SCALES[:, None],
        [[2.0, 3.0, 4.0], [5.0, 6.0, 0.0]],
    ),
}
fakes = pytest.mark.parametrize("name", FAKES)


@fact(*(f"torch.{name}" for name in FAKES))
@fakes
@pytest.mark.parametrize("most", [255, 15])
def test_is_faked_in_floats(name, most):
    """`fake_quantize_per_tensor_affine` or per channel gives floats as a real one gives back, contiguous if x is."""
    x = torch.tensor(ARRAY)
    y = FAKES[name][0](x, most)
    same(y, FAKES[name][1](most).astype("float32"))
    same(x, ARRAY)
    assert y.is_contiguous()


@fact(*(f"torch.{name}" for name in FAKES))
@fakes
def test_is_faked_with_the_gradient_of_what_is_not_cut(name):
    """The gradient of `fake_quantize_per_tensor_affine` or per channel passes where it rounded and not where it cut."""
    x = torch.tensor(ARRAY, requires_grad=True)
    FAKES[name][0](x, 20).backward(torch.tensor([[2.0, 3.0, 4.0], [5.0, 6.0, 7.0]]))
    same(x.grad, torch.tensor(FAKES[name][2]))
