"""Tensors filled by a rule, `full`, `arange`, `linspace`, `eye`, and those like another; not of given numbers."""

import math

import numpy
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from torchproof import close, fact, same
from torchproof.fixtures.checks import shares

ARANGES = {
    "end": (5,),
    "start": (2, 7),
    "step": (1, 10, 3),
    "down": (5, 0, -2),
    "fractions": (0, 1, 0.25),
    "end of a fraction": (2.5,),
    "nothing": (3, 3),
    "negative": (-3, 3, 2),
}
NEW = {
    "new_zeros": ((), 0.0),
    "new_ones": ((), 1.0),
    "new_full": ((2.5,), 2.5),
}


@fact("torch.arange")
@pytest.mark.parametrize("numbers", ARANGES.values(), ids=ARANGES)
def test_of_arange_is_that_of_numpy(device, numbers):
    """`torch.arange` leaves out its end: contiguous int64 of integers, the default dtype of anything else."""
    dtype = "float32" if any(isinstance(number, float) for number in numbers) else "int64"
    y = torch.arange(*numbers, device=device)
    same(y, numpy.arange(*numbers).astype(dtype))
    assert y.is_contiguous()


@fact("torch.arange")
@given(start=st.integers(-20, 20), size=st.integers(0, 9), step=st.integers(-4, 4).filter(bool))
@example(start=3, size=0, step=1)
@example(start=5, size=3, step=-2)
def test_of_arange_is_that_of_a_range(device, start, size, step):
    """`torch.arange` of integers counts as Python's `range` does."""
    same(
        torch.arange(start, start + size * step, step, device=device),
        numpy.array(range(start, start + size * step, step), dtype="int64"),
    )


@fact("torch.arange")
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.float16, torch.float64])
def test_of_arange_has_the_dtype_that_is_asked_for(device, dtype):
    """`torch.arange(dtype=)` counts in that dtype."""
    same(torch.arange(1, 6, 2, dtype=dtype, device=device), torch.tensor([1, 3, 5]).to(dtype))


@fact("torch.arange", hint="torch.linspace")
def test_of_arange_has_its_length_from_the_quotient(device):
    """`arange` with a fraction for a step has ceil((end - start) / step) elements, computed in float64."""
    assert len(torch.arange(0, 1, 0.1, device=device)) == math.ceil(1 / 0.1)
    assert len(torch.arange(1, 1.3, 0.1, device=device)) == math.ceil((1.3 - 1) / 0.1)


@fact("torch.arange")
@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ((5, 0), "inconsistent with step sign"),
        ((0, 5, -1), "inconsistent with step sign"),
        ((0, 5, 0), "step must be nonzero"),
        ((0, math.inf), "unsupported range"),
    ],
    ids=["down", "up", "standing", "endless"],
)
def test_of_arange_that_does_not_arrive_is_refused(device, numbers, words):
    """`torch.arange` refuses a step of zero or away from the end (inconsistent with step sign), and an infinite end."""
    with pytest.raises(RuntimeError, match=words):
        torch.arange(*numbers, device=device)


@fact("torch.linspace", "torch.logspace")
@pytest.mark.parametrize("name", ["linspace", "logspace"])
@pytest.mark.parametrize(
    ("start", "end", "steps"), [(0, 1, 5), (-2, 3, 11), (3, 1, 4), (2, 2, 3), (0.5, 2, 1), (0, 1, 0)]
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_of_linspace_is_that_of_numpy(device, name, start, end, steps, dtype):
    """`linspace` and `logspace` give `steps` evenly spaced numbers, or ten to their powers, contiguous."""
    y = getattr(torch, name)(start, end, steps, dtype=dtype, device=device)
    assert y.dtype == dtype and y.is_contiguous()
    close(y, getattr(numpy, name)(start, end, steps), roundings=40, scale=10.0 ** max(abs(start), abs(end)))


@fact("torch.linspace")
@pytest.mark.parametrize("steps", [2, 7, 100])
def test_of_linspace_has_both_ends_exactly(device, steps):
    """`linspace` begins with its start and ends with its end, without rounding, in float32 by default."""
    y = torch.linspace(0.1, 0.7, steps, device=device)
    same(y[[0, -1]], torch.tensor([0.1, 0.7]))


@fact("torch.logspace")
@pytest.mark.parametrize("base", [2, 10, 0.5])
def test_of_logspace_takes_a_base(device, base):
    """`logspace` gives powers of 10, or of `base`."""
    y = torch.logspace(-1, 2, 4, base=base, dtype=torch.float64, device=device)
    close(y, [base**power for power in (-1.0, 0.0, 1.0, 2.0)], roundings=8)


@fact("torch.linspace", "torch.logspace")
@pytest.mark.parametrize("name", ["linspace", "logspace"])
def test_of_linspace_needs_a_number_of_steps(device, name):
    """`torch.linspace` and `torch.logspace` refuse a negative number of steps and a missing one."""
    with pytest.raises(RuntimeError, match="number of steps must be non-negative"):
        getattr(torch, name)(0, 1, -1, device=device)
    with pytest.raises(TypeError, match="steps|invalid combination of arguments"):
        getattr(torch, name)(0, 1, device=device)


@fact("torch.range", hint="torch.arange(start, end + 1)")
@pytest.mark.filterwarnings("ignore:torch.range is deprecated")
def test_of_range_has_its_end(device):
    """`torch.range(1, 4)` counts in float32 up to its end and with it, in a contiguous tensor."""
    y = torch.range(1, 4, device=device)
    same(y, torch.tensor([1.0, 2.0, 3.0, 4.0]))
    assert y.is_contiguous()


@fact("torch.eye")
@pytest.mark.parametrize("sizes", [(3,), (2, 3), (3, 2), (0,), (2, 0)], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "bool", "int64"])
def test_of_eye_has_ones_on_the_diagonal(device, sizes, dtype):
    """`torch.eye` gives a contiguous matrix, square unless told, of ones on the main diagonal and zeros elsewhere."""
    y = torch.eye(*sizes, dtype=getattr(torch, dtype), device=device)
    same(y, numpy.eye(*sizes, dtype=dtype))
    assert y.is_contiguous()


@fact("torch.eye")
@pytest.mark.parametrize("sizes", [(-1,), (2, -1)], ids=str)
def test_of_eye_of_a_negative_size_is_refused(device, sizes):
    """`torch.eye` refuses a negative size: must be greater or equal to 0."""
    with pytest.raises(RuntimeError, match="must be greater or equal to 0"):
        torch.eye(*sizes, device=device)


@fact("torch.tril_indices", "torch.triu_indices")
@pytest.mark.parametrize(
    ("name", "of_numpy"),
    [("tril_indices", numpy.tril_indices), ("triu_indices", numpy.triu_indices)],
    ids=["tril", "triu"],
)
@pytest.mark.parametrize("offset", [-1, 0, 1])
def test_of_a_triangle_are_its_positions(device, name, of_numpy, offset):
    """`tril_indices` and `triu_indices` give a triangle's rows and columns in row-major order, contiguous."""
    y = getattr(torch, name)(3, 4, offset, device=device)
    same(y, numpy.stack(of_numpy(3, offset, 4)))
    assert y.is_contiguous()


# --- full and those like another


@fact("torch.full")
@pytest.mark.parametrize(
    ("value", "dtype"),
    [(True, torch.bool), (3, torch.int64), (3.5, torch.float32), (2j, torch.complex64)],
    ids=["bool", "int", "float", "complex"],
)
def test_of_full_has_the_dtype_of_the_number(device, value, dtype):
    """`torch.full` is a row-major tensor of the dtype that `torch.tensor` of the number has."""
    y = torch.full((2, 3), value, device=device)
    same(y, torch.tensor([[value] * 3] * 2, dtype=dtype))
    assert y.stride() == (3, 1)


@fact("torch.full", "torch.full_like", "torch.Tensor.new_full")
@pytest.mark.parametrize(
    "make",
    [
        lambda d, v: torch.full((2,), v, dtype=torch.int64, device=d),
        lambda d, v: torch.full_like(torch.ones(2, device=d).long(), v),
        lambda d, v: torch.ones(1, device=d).long().new_full((2,), v),
    ],
    ids=["full", "like", "new"],
)
def test_of_full_cuts_a_number_to_the_dtype(device, make):
    """`torch.full`, `full_like` and `new_full` cut a fraction where integers are asked for."""
    same(make(device, 2.7), torch.tensor([2, 2]))


@fact("torch.full", "torch.zeros", "torch.ones", "torch.empty")
@pytest.mark.parametrize("name", ["zeros", "ones", "empty", "full"])
def test_of_a_negative_size_is_refused(device, name):
    """`torch.zeros`, `ones`, `empty` and `full` refuse a negative size, as in (2, -1)."""
    with pytest.raises(RuntimeError, match="negative dimension|must be non-negative"):
        getattr(torch, name)((2, -1), *([1.0] if name == "full" else []), device=device)


@fact("torch.full_like")
@pytest.mark.parametrize("dtype", [torch.float64, torch.int32, torch.bool])
def test_of_full_like_is_another_tensor_of_that_kind(device, dtype):
    """`full_like` has the shape, the strides and unless told the dtype of its argument, in memory of its own."""
    x = torch.ones(2, 3, dtype=dtype, device=device).t()
    y = torch.full_like(x, 1)
    same(y, torch.tensor([[1, 1]] * 3).to(dtype))
    assert y.stride() == (1, 3) and not shares(y, x)
    same(torch.full_like(x, 2.5, dtype=torch.float32), torch.full((3, 2), 2.5))


@fact("torch.Tensor.new_zeros", "torch.Tensor.new_ones", "torch.Tensor.new_full")
@pytest.mark.parametrize("name", NEW)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
def test_of_new_have_the_dtype_and_another_shape(device, name, dtype):
    """`new_zeros`, `new_ones` and `new_full` take dtype and device of a tensor: row-major, not in its graph."""
    x = torch.ones(1, dtype=dtype, device=device, requires_grad=True)
    arguments, value = NEW[name]
    y = getattr(x, name)((2, 3), *arguments)
    same(y, torch.full((2, 3), value, dtype=dtype))
    assert y.stride() == (3, 1) and not y.requires_grad and y.device == x.device
    same(getattr(x, name)((2,), *arguments, dtype=torch.int64), torch.full((2,), int(value)))


@fact("torch.Tensor.new_tensor")
@pytest.mark.filterwarnings("ignore:To copy construct from a tensor")
def test_of_new_tensor_copies(device):
    """`x.new_tensor` copies lists and tensors into the dtype of `x`: row-major, outside the graph."""
    x = torch.ones(1, dtype=torch.float64, device=device, requires_grad=True)
    y = x.new_tensor([[1, 2], [3, 4]])
    same(y, torch.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=torch.float64))
    assert y.stride() == (2, 1) and not y.requires_grad
    z = x.new_tensor(x)
    assert not z.requires_grad and not shares(z, x)


@fact(
    "torch.Tensor.new_empty",
    "torch.Tensor.new_empty_strided",
    "torch.empty_strided",
    "torch.empty_permuted",
    since="2.1",
    calls="none",
)
@pytest.mark.parametrize(
    ("make", "strides"),
    [
        (lambda x: x.new_empty((2, 3)), (3, 1)),
        (lambda x: x.new_empty_strided((2, 3), (1, 4)), (1, 4)),
        (lambda x: torch.empty_strided((2, 3), (1, 2), dtype=torch.float64), (1, 2)),
        (lambda x: torch.empty_permuted((2, 3), (1, 0), dtype=torch.float64), (1, 2)),
    ],
    ids=["new_empty", "new_empty_strided", "empty_strided", "empty_permuted"],
)
def test_of_empty_has_the_strides_that_are_asked_for(make, strides):
    """`empty_strided`, `empty_permuted` and others have the strides that are asked for, `new_empty` row-major ones."""
    y = make(torch.ones(1, dtype=torch.float64))
    assert (tuple(y.shape), y.stride(), y.dtype) == ((2, 3), strides, torch.float64)


@fact("torch.complex")
@pytest.mark.parametrize(("part", "whole"), [("float32", "complex64"), ("float64", "complex128")])
def test_of_two_parts_is_complex(device, part, whole):
    """`torch.complex` makes of real and imaginary parts complex numbers twice as wide, contiguous where those are."""
    real, imag = numpy.array([[1.5, -2.0]], dtype=part), numpy.array([[3.0], [0.25]], dtype=part)
    y = torch.complex(*(torch.from_numpy(array).to(device) for array in (real, imag)))
    same(y, (real + 1j * imag).astype(whole))
    assert y.is_contiguous()


@fact("torch.complex")
@pytest.mark.parametrize(
    "dtypes", [(torch.float32, torch.float64), (torch.int64, torch.int64)], ids=["unequal", "integers"]
)
def test_of_two_parts_of_unequal_dtype_is_refused(device, dtypes):
    """`torch.complex` refuses parts of different dtypes, and integers."""
    real, imag = (torch.ones(2, dtype=dtype, device=device) for dtype in dtypes)
    with pytest.raises(RuntimeError, match="Expected (both inputs|object of scalar type)"):
        torch.complex(real, imag)


@fact("torch.polar")
def test_of_a_length_and_an_angle_is_complex(device):
    """`torch.polar` makes complex numbers of lengths and angles, contiguous where those are."""
    y = torch.polar(
        torch.tensor([2.0, 0.5, 1.5], dtype=torch.float64, device=device),
        torch.tensor([0.0, 1.0, -2.0], dtype=torch.float64, device=device),
    )
    assert y.dtype == torch.complex128 and y.is_contiguous()
    close(y, [2.0, 0.5 * numpy.exp(1j), 1.5 * numpy.exp(-2j)], roundings=8)
