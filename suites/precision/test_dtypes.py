"""What each floating-point dtype can hold, how it rounds, and how its arithmetic accumulates."""

import math
import platform

import numpy
import pytest
import torch

from torchproof import close, fact, same
from torchproof.fixtures.fact import check, unavailable

# Bits of the fraction, the largest and the smallest exponent, as IEEE 754 and its relatives define them.
FORMATS = {
    torch.float64: (52, 1023, -1022),
    torch.float32: (23, 127, -126),
    torch.float16: (10, 15, -14),
    torch.bfloat16: (7, 127, -126),
}
formats = pytest.mark.parametrize("dtype", FORMATS, ids=lambda dtype: str(dtype).removeprefix("torch."))
REDUCED = pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])


def tells_of_another(name, one, other):
    """The world in which the limits told are those of another dtype."""
    real = getattr(torch, name)
    return lambda patch: patch.setattr(torch, name, lambda dtype: real(other if dtype == one else one))


def tells_of_any(patch):
    """Limits are told of any dtype."""
    patch.setattr(torch, "finfo", lambda dtype: None)
    patch.setattr(torch, "iinfo", lambda dtype: None)


@fact("torch.finfo", refuter=tells_of_another("finfo", torch.float64, torch.float32))
@formats
def test_range_is_that_of_the_format(dtype):
    """`torch.finfo` of float64, float32, float16 and bfloat16 tells the limits that follow from their bits."""
    bits, high, low = FORMATS[dtype]
    info = torch.finfo(dtype)
    assert (info.eps, info.tiny, info.smallest_normal) == (2.0**-bits, 2.0**low, 2.0**low)
    assert (info.max, info.min) == ((2 - 2.0**-bits) * 2.0**high,) + (-(2 - 2.0**-bits) * 2.0**high,)
    assert info.dtype == str(dtype).removeprefix("torch.")


@fact("torch.iinfo", refuter=tells_of_another("iinfo", torch.int8, torch.int64))
@pytest.mark.parametrize("dtype", [torch.int8, torch.int16, torch.int32, torch.int64])
def test_range_of_integers_is_that_of_their_bits(dtype):
    """`torch.iinfo` tells the least and the largest integer of a signed dtype, which its bits can count."""
    info = torch.iinfo(dtype)
    assert (info.min, info.max) == (-(2 ** (info.bits - 1)), 2 ** (info.bits - 1) - 1)
    assert info.bits == torch.zeros(1, dtype=dtype).element_size() * 8


@fact("torch.finfo", "torch.iinfo", refuter=tells_of_any)
@pytest.mark.parametrize(("ask", "dtype"), [("finfo", torch.int32), ("iinfo", torch.float32)], ids=["finfo", "iinfo"])
def test_range_is_asked_of_the_right_kind(ask, dtype):
    """`torch.finfo` refuses an integer dtype and `torch.iinfo` a floating-point one, with `TypeError`."""
    with pytest.raises(TypeError, match="requires an? "):
        getattr(torch, ask)(dtype)


@fact("torch.Tensor.to")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_rounds_to_nearest_even(device, dtype):
    """`x.to(dtype)` rounds to the nearest number of the dtype, and what lies between two to the even one."""
    eps = 2.0 ** -FORMATS[dtype][0]
    x = torch.tensor([1 + eps / 2, 1 + eps * 1.5, 1 + eps * 0.75, -1 - eps / 2], dtype=torch.float64, device=device)
    same(x.to(dtype), torch.tensor([1.0, 1 + 2 * eps, 1 + eps, -1.0], dtype=dtype))


@fact("torch.Tensor.to", "torch.Tensor.half", "torch.Tensor.bfloat16")
@pytest.mark.parametrize(("name", "want"), [("half", math.inf), ("bfloat16", 70144.0)])
def test_beyond_the_range_is_infinite(device, name, want):
    """`x.half()` of 70000 overflows to inf, 65504 being the largest number of fp16; `x.bfloat16()` gives 70144."""
    dtype = {"half": torch.float16, "bfloat16": torch.bfloat16}[name]
    x = torch.tensor([70000.0, -70000.0, 1.0], device=device)
    same(getattr(x, name)(), torch.tensor([want, -want, 1.0], dtype=dtype))
    same(x.to(dtype), torch.tensor([want, -want, 1.0], dtype=dtype))


@fact("torch.Tensor.to")
@pytest.mark.parametrize(
    ("dtype", "last"), [(torch.float16, 2048), (torch.bfloat16, 256), (torch.float32, 2**24)], ids=str
)
def test_counts_up_to_a_number(device, dtype, last):
    """Adding 1 is lost at 2048 in `torch.float16`, at 256 in `torch.bfloat16` and at 2**24 in `torch.float32`."""
    x = torch.tensor([last - 1, last], device=device).to(dtype)
    same(x + 1, torch.tensor([last, last], dtype=torch.float64).to(dtype))
    same(x.to(torch.int64), torch.tensor([last - 1, last]))


@fact("torch.Tensor.to", since="2.1", calls="passes float8_*", gain=True)
@pytest.mark.parametrize(
    ("name", "largest", "eps"),
    [("float8_e4m3fn", 448.0, 0.125), ("float8_e5m2", 57344.0, 0.25)],
    ids=["e4m3fn", "e5m2"],
)
def test_of_eight_bits_has_two_formats(device, name, largest, eps):
    """`torch.float8_e4m3fn` has three bits of fraction and holds up to 448, `float8_e5m2` two and up to 57344."""
    dtype = getattr(torch, name)
    x = torch.tensor([largest, 1 + eps, 1 + eps / 2, -largest], device=device).to(dtype)
    assert (x.dtype, x.element_size(), torch.finfo(dtype).max, torch.finfo(dtype).eps) == (dtype, 1, largest, eps)
    same(x.float(), torch.tensor([largest, 1 + eps, 1.0, -largest]))


@fact("torch.Tensor.to", since="2.1", calls="passes float8_e5m2", gain=True)
def test_beyond_float8_e5m2_is_infinite(device):
    """What is too large for `torch.float8_e5m2` is infinite in it."""
    x = torch.tensor([1e9, -1e9, 2.0], device=device).to(torch.float8_e5m2)
    same(x.float(), torch.tensor([math.inf, -math.inf, 2.0]))


@fact("torch.Tensor.to", since="2.1", until="2.13", calls="passes float8_e4m3fn")
def test_beyond_float8_e4m3fn_was_nan(device):
    """What is too large for `torch.float8_e4m3fn`, which has no infinity, is NaN in it."""
    x = torch.tensor([1e9, -1e9, 2.0], device=device).to(torch.float8_e4m3fn)
    same(x.float(), torch.tensor([math.nan, math.nan, 2.0]))


@fact("torch.Tensor.to", since="2.13", calls="passes float8_e4m3fn")
def test_beyond_float8_e4m3fn_is_its_largest(device):
    """What is too large for `torch.float8_e4m3fn`, which has no infinity, is its largest number in it."""
    x = torch.tensor([1e9, -1e9, 2.0], device=device).to(torch.float8_e4m3fn)
    same(x.float(), torch.tensor([448.0, -448.0, 2.0]))


PRODUCTS = {
    "matmul": lambda a, b: torch.matmul(a, b),
    "mm": lambda a, b: torch.mm(a, b),
    "bmm": lambda a, b: torch.bmm(a[None], b[None])[0],
    "linear": lambda a, b: torch.nn.functional.linear(a, b.t()),
    "addmm": lambda a, b: torch.addmm(torch.zeros(a.shape[0], b.shape[1]).to(a), a, b),
    "einsum": lambda a, b: torch.einsum("ij,jk->ik", a, b),
}
MULTIPLYING = ["torch.matmul", "torch.mm", "torch.bmm", "torch.nn.functional.linear", "torch.addmm", "torch.einsum"]


def random_product(device, dtype):
    """Two matrices that are to be multiplied, and their exact product."""
    rng = numpy.random.default_rng(3)
    a, b = (torch.from_numpy(rng.standard_normal(shape)).to(device, dtype) for shape in [(4, 64), (64, 3)])
    return a, b, a.double().cpu().numpy() @ b.double().cpu().numpy()


@check
def rounded_once(product, device, dtype):
    """A product of this dtype is within two roundings of the exact one. Raises AssertionError."""
    a, b, want = random_product(device, dtype)
    y = product(a, b)
    assert y.dtype == dtype
    close(y, want, roundings=2, scale=numpy.abs(want) + 64 * 2.0**-13)


@fact(
    *MULTIPLYING,
    since={"cpu": "2.1", "cuda": "2.0"},
    calls="names bfloat16",
    gain=True,
    source="notes/numerical_accuracy",
)
@pytest.mark.parametrize("name", PRODUCTS)
def test_of_a_product_in_bfloat16_is_that_of_one_rounding(device, name):
    """`matmul`, `linear`, `einsum` and the like in bfloat16 are within two roundings, as if accumulated in float32."""
    rounded_once(PRODUCTS[name], device, torch.bfloat16)


@fact(
    *MULTIPLYING,
    since={"cpu": "2.2", "cuda": "2.0"},
    calls="names float16|half",
    gain=True,
    source="notes/numerical_accuracy",
)
@pytest.mark.parametrize("name", PRODUCTS)
def test_of_a_product_in_float16_is_that_of_one_rounding(device, name):
    """`matmul`, `linear`, `einsum` and the like in float16 are within two roundings, as if accumulated in float32."""
    rounded_once(PRODUCTS[name], device, torch.float16)


@fact("torch.nn.functional.conv1d", source="notes/numerical_accuracy")
def test_of_a_convolution_is_that_of_one_rounding(device):
    """`conv1d` in bfloat16 is within two roundings of the exact result, as if accumulated in float32."""
    a, b, want = random_product(device, torch.bfloat16)
    y = torch.nn.functional.conv1d(a[:, :, None], b.t()[:, :, None])[:, :, 0]
    assert y.dtype == torch.bfloat16
    close(y, want, roundings=2, scale=numpy.abs(want) + 64 * 2.0**-13)


@fact("torch.sum", "torch.mean", "torch.nn.functional.softmax", "torch.linalg.vector_norm",
      "torch.var", source="notes/numerical_accuracy")  # fmt: skip
@pytest.mark.parametrize(
    ("name", "function", "want"),
    [
        ("sum", lambda x: torch.sum(x), lambda x: x.sum()),
        ("mean", lambda x: torch.mean(x), lambda x: x.mean()),
        ("norm", lambda x: torch.linalg.vector_norm(x), lambda x: numpy.sqrt((x**2).sum())),
        ("softmax", lambda x: torch.nn.functional.softmax(x, 0), lambda x: numpy.exp(x) / numpy.exp(x).sum()),
        ("var", lambda x: torch.var(x), lambda x: x.var(ddof=1)),
    ],
    ids=["sum", "mean", "norm", "softmax", "var"],
)
@pytest.mark.parametrize("dtype", [torch.bfloat16])
def test_of_a_reduction_is_that_of_one_rounding(device, name, function, want, dtype):
    """`sum`, `mean`, `var`, `softmax` and `vector_norm` in bfloat16 are within two roundings of the exact result."""
    x = torch.from_numpy(numpy.random.default_rng(3).uniform(0.5, 2, 1000)).to(device, dtype)
    y = function(x)
    assert y.dtype == dtype
    close(y, want(x.double().cpu().numpy()), roundings=2)


@fact("torch.sum", myth="a sum in 16 bits stops growing where adding 1 is lost")
@REDUCED
def test_of_a_sum_goes_beyond_where_adding_one_is_lost(device, dtype):
    """`sum` of 4096 ones is 4096 in 16 bits too, where adding them one after the other ends at 2048 or at 256."""
    x = torch.ones(4096, dtype=dtype, device=device)
    same(torch.sum(x), torch.tensor(4096.0, dtype=dtype))


@fact("torch.sum")
@REDUCED
def test_of_a_sum_is_asked_for_by_dtype(device, dtype):
    """`sum` with `dtype=float32` of numbers in 16 bits keeps more digits and a wider range than those."""
    x = torch.tensor([60000.0, 60000.0, 1.0], device=device).to(dtype)
    want = float(x[0]) * 2 + 1
    same(torch.sum(x, dtype=torch.float32), torch.tensor(want))
    assert torch.sum(x).dtype == dtype


@fact("torch.set_default_dtype", "torch.get_default_dtype")
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_by_default_is_what_was_set(dtype):
    """`set_default_dtype` sets the dtype of floats from Python and of `zeros`; integers stay int64."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        found = torch.get_default_dtype(), torch.tensor([1.5]).dtype, torch.zeros(1).dtype, torch.tensor([1]).dtype
    finally:
        torch.set_default_dtype(before)
    assert found == (dtype, dtype, dtype, torch.int64)


@fact("torch.set_default_dtype")
def test_of_complex_numbers_is_a_pair_of_what_was_set():
    """`set_default_dtype(torch.float64)` makes complex numbers from Python complex128: a pair of float64."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        found = torch.tensor(1j).dtype
    finally:
        torch.set_default_dtype(before)
    assert found == torch.complex128


@fact("torch.mul", source="notes/numerical_accuracy")
@pytest.mark.parametrize(("dtype", "low"), [(torch.float32, -126), (torch.float64, -1022)], ids=["float32", "float64"])
def test_below_the_normal_range_is_not_zero(device, dtype, low):
    """`torch.mul` below the normal range of its dtype gives a subnormal number, not zero, unless these are flushed."""
    x = torch.tensor([2.0**low], dtype=dtype, device=device)
    same(torch.mul(x, 0.25), torch.tensor([2.0 ** (low - 2)], dtype=dtype))


@fact("torch.set_flush_denormal")
def test_may_be_cut_off_below_the_normal_range():
    """`set_flush_denormal(True)` makes results on the CPU zero that are below the normal range, until `False`."""
    if platform.machine() not in ("x86_64", "AMD64", "aarch64", "arm64"):
        unavailable("platform", "a processor that is known to flush")
    results = []
    for flushes in (True, False):
        assert torch.set_flush_denormal(flushes) is True
        results.append(torch.tensor([torch.finfo(torch.float32).tiny]) / 4)
    same(torch.cat(results), torch.tensor([0.0, torch.finfo(torch.float32).tiny / 4]))


@fact(
    "torch.Tensor.to",
    hint="GradScaler for float16; bfloat16 needs none",
    myth="float16 and bfloat16 hold the same range",
)
def test_below_the_range_of_float16_is_zero(device):
    """1e-8, be it a gradient or the epsilon of `Adam`, underflows to 0 in `torch.float16`."""
    same(torch.tensor([1e-8], device=device).to(torch.float16), torch.tensor([0.0], dtype=torch.float16))


@fact("torch.Tensor.to")
def test_below_the_range_of_float16_is_held_by_bfloat16(device):
    """1e-8, be it a gradient or the epsilon of `Adam`, is 1e-8 in `torch.bfloat16` but for a rounding."""
    x = torch.tensor([1e-8], device=device).to(torch.bfloat16)
    assert x.dtype == torch.bfloat16
    close(x, [1e-8], roundings=1)


@fact("torch.add", source="notes/numerical_accuracy", myth="the order of a sum does not matter")
def test_of_a_sum_depends_on_its_order(device):
    """`torch.add` in float32 rounds by order: (2**24 + 1) - 2**24 is 0, and (2**24 - 2**24) + 1 is 1."""
    large, one = torch.tensor(2.0**24, device=device), torch.tensor(1.0, device=device)
    same(torch.add(torch.add(large, one), -large), torch.tensor(0.0))
    same(torch.add(torch.add(large, -large), one), torch.tensor(1.0))
