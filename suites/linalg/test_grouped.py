"""Products of groups and of scaled numbers of eight bits."""

import numpy
import pytest
import torch
from torch.nn import functional

from torchproof import close, fact, same
from torchproof.fixtures.fact import unavailable

A = numpy.random.default_rng(1).integers(-3, 4, (6, 16)).astype("float32")
B = numpy.random.default_rng(2).integers(-3, 4, (3, 16, 8)).astype("float32")
ENDS = [2, 2, 6]  # of groups, the second of which is empty
DTYPES = pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])


def tensors(device, dtype, *arrays):
    return [torch.tensor(array, device=device).to(dtype) for array in arrays]


def ends(device):
    return torch.tensor(ENDS, dtype=torch.int32, device=device)


def by_group(a, b):
    return numpy.concatenate([rows @ matrix for rows, matrix in zip(numpy.split(a, ENDS[:-1]), b)])


@fact("torch.nn.functional.grouped_mm")
@DTYPES
def test_multiplies_the_rows_of_each_group(device, dtype):
    """`grouped_mm` with `offs` multiplies the rows up to each offset by a matrix of their own."""
    a, b = tensors(device, dtype, A, B)
    y = functional.grouped_mm(a, b, offs=ends(device))
    assert (y.dtype, y.shape) == (dtype, (6, 8))
    close(y, by_group(A, B), roundings=2 if dtype == torch.bfloat16 else 16, scale=256)
    same(y.float(), torch.tensor(by_group(A, B)))  # whole numbers below 256


@fact("torch.nn.functional.grouped_mm")
@DTYPES
def test_multiplies_a_batch_without_offsets(device, dtype):
    """`grouped_mm` of two batches multiplies their matrices one by one."""
    a, b = tensors(device, dtype, A.reshape(3, 2, 16), B)
    y = functional.grouped_mm(a, b)
    assert y.dtype == dtype
    same(y.float(), torch.tensor(A.reshape(3, 2, 16) @ B))


@fact("torch.nn.functional.grouped_mm")
def test_splits_the_sum_into_groups(device):
    """`grouped_mm` of two matrices with `offs` gives one product for each part of the dimension that is summed over."""
    a, b = tensors(device, torch.float32, A, B[:, :6].reshape(-1, 8)[:6])
    y = functional.grouped_mm(a.T, b, offs=ends(device))
    parts = zip(numpy.split(A.T, ENDS[:-1], axis=1), numpy.split(B[:, :6].reshape(-1, 8)[:6], ENDS[:-1]))
    same(y, torch.tensor(numpy.stack([left @ right for left, right in parts])))


@fact("torch.nn.functional.grouped_mm")
def test_hands_gradients_to_both(device):
    """The gradients of `grouped_mm` are those of each group's product."""
    a, b = (each.requires_grad_() for each in tensors(device, torch.float32, A, B))
    y = functional.grouped_mm(a, b, offs=ends(device))
    ahead = numpy.arange(48.0, dtype="float32").reshape(6, 8) % 5
    y.backward(torch.tensor(ahead, device=device))
    same(a.grad, torch.tensor(by_group(ahead, B.swapaxes(1, 2))))
    parts = zip(numpy.split(A, ENDS[:-1]), numpy.split(ahead, ENDS[:-1]))
    same(b.grad, torch.tensor(numpy.stack([rows.T @ part for rows, part in parts])))


@fact("torch.nn.functional.grouped_mm")
def test_refuses_float64(device):
    """`grouped_mm` refuses float64: it wants Float32, BFloat16 or Float16."""
    a, b = tensors(device, torch.float64, A, B)
    with pytest.raises((RuntimeError, ValueError), match="Float32, BFloat16 or Float16"):
        functional.grouped_mm(a, b, offs=ends(device))


@fact("torch.nn.functional.grouped_mm")
def test_refuses_a_matrix_beside_a_batch_without_offsets(device):
    """`grouped_mm` refuses a matrix beside a batch without `offs`, which would tell the groups of its rows."""
    a, b = tensors(device, torch.float32, A, B)
    with pytest.raises((RuntimeError, ValueError), match="offs"):
        functional.grouped_mm(a, b)


def eight_bits(device):
    """Two matrices of float8, the second of which lies column by column, as numbers and as tensors."""
    numbers = numpy.resize(A, (16, 16)), numpy.resize(B[0], (16, 16))
    left, right = (torch.tensor(each, device=device) for each in numbers)
    return numbers, left.to(torch.float8_e4m3fn), right.T.contiguous().to(torch.float8_e4m3fn).T


@fact("torch.nn.functional.scaled_mm", "torch.nn.functional.ScalingType", since={"cpu": "2.12"}, calls="any", gain=True)
def test_multiplies_scaled_numbers_of_eight_bits(device):
    """`scaled_mm` gives the product of float8 matrices times both scales, in bfloat16 by default."""
    if device == "cuda" and torch.cuda.get_device_capability() < (8, 9):
        unavailable("platform", "a GPU with float8")
    (left, right), a, b = eight_bits(device)
    one = functional.ScalingType.TensorWise
    scales = [torch.tensor(each, device=device) for each in (0.5, 4.0)]
    y = functional.scaled_mm(a, b, scales[0], one, scales[1], one)
    wide = functional.scaled_mm(a, b, scales[0], one, scales[1], one, output_dtype=torch.float32)
    want = left.astype("float64") @ right * 2
    assert (y.dtype, wide.dtype) == (torch.bfloat16, torch.float32)
    close(y, want, roundings=4, scale=abs(want) + 1)
    close(wide, want, roundings=64, scale=512)


@fact("torch.nn.functional.scaled_addmm", "torch.nn.functional.scaled_addmm_")
@pytest.mark.gpu
@pytest.mark.parametrize("name", ["scaled_addmm", "scaled_addmm_"])
def test_adds_to_a_product_of_eight_bits(name):
    """`scaled_addmm` adds `beta` times its input to `alpha` times the scaled product, `scaled_addmm_` in place."""
    if torch.cuda.get_device_capability() < (8, 9):
        unavailable("platform", "a GPU with float8")
    (left, right), a, b = eight_bits("cuda")
    x = torch.full((16, 16), 0.5, device="cuda")
    one, scale = functional.ScalingType.TensorWise, torch.tensor(2.0, device="cuda")
    y = getattr(functional, name)(x, a, b, scale, one, scale, one, beta=3.0, alpha=0.5)
    close(y, 1.5 + left.astype("float64") @ right * 2, roundings=64, scale=512)
    assert (y is x) == (name == "scaled_addmm_")


@fact("torch.nn.functional.scaled_grouped_mm")
@pytest.mark.gpu
def test_multiplies_scaled_rows_of_each_group():
    """`scaled_grouped_mm` multiplies the rows of each group by a matrix of their own, times the scales of both."""
    if torch.cuda.get_device_capability() != (9, 0):
        unavailable("platform", "a GPU of compute capability 9.0")
    left, right = numpy.resize(A, (32, 16)), numpy.resize(B, (2, 16, 16))
    a = torch.tensor(left, device="cuda").to(torch.float8_e4m3fn)
    b = torch.tensor(right.swapaxes(1, 2).copy(), device="cuda").to(torch.float8_e4m3fn).transpose(1, 2)
    rows = functional.ScalingType.RowWise
    scales = torch.full((32,), 0.5, device="cuda"), torch.full((2, 16), 4.0, device="cuda")
    offsets = torch.tensor([16, 32], dtype=torch.int32, device="cuda")
    y = functional.scaled_grouped_mm(a, b, scales[0], rows, scales[1], rows, offs=offsets)
    want = numpy.concatenate([left[:16].astype("float64") @ right[0], left[16:].astype("float64") @ right[1]]) * 2
    close(y, want, roundings=4, scale=abs(want) + 1)
