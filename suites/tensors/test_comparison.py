"""Whether two tensors are equal or close, by `torch.equal`, `isclose` and `allclose`; and `hash_tensor`."""

import math

import numpy
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from torchproof import fact, same

SPECIAL = numpy.array([0.0, -0.0, 1.5, math.inf, -math.inf, math.nan])


@fact("torch.equal")
@pytest.mark.parametrize(
    ("other", "is_equal"),
    [
        ([[1.5, 2.0]], True),
        ([[1.5, 2.5]], False),
        ([[-1.5, -2.0]], False),
        ([1.5, 2.0], False),
        ([[1.5], [2.0]], False),
        ([[1.5, 2.0], [1.5, 2.0]], False),
    ],
    ids=["equal", "one", "sign", "dimension", "shape", "broadcast"],
)
def test_is_equal_in_shape_and_in_every_element(device, other, is_equal):
    """`torch.equal` says in one `bool` whether two tensors have the same shape and elements: it does not broadcast."""
    x, y = torch.tensor([[1.5, 2.0]], device=device), torch.tensor(other, device=device)
    assert torch.equal(x, y) is is_equal
    assert torch.equal(y, x) is is_equal


@fact("torch.equal")
@pytest.mark.parametrize(
    ("one", "other", "is_equal"), [(math.nan, math.nan, False), (math.inf, math.inf, True), (0.0, -0.0, True)]
)
def test_is_equal_where_it_is_not_nan(device, one, other, is_equal):
    """`torch.equal` takes 0.0 and -0.0 for equal and infinities too, but NaN for equal to nothing."""
    x, y = torch.tensor([1.0, one], device=device), torch.tensor([1.0, other], device=device)
    assert torch.equal(x, y) is is_equal


@fact("torch.equal")
def test_is_equal_without_elements(device):
    """`torch.equal` of two tensors without elements compares their shapes."""
    x = torch.zeros(0, 2, device=device)
    assert torch.equal(x, torch.ones(0, 2, device=device)) is True
    assert torch.equal(x, torch.ones(0, 3, device=device)) is False


@fact("torch.equal")
def test_is_equal_in_another_dtype(device):
    """`torch.equal` compares the values of an integer and a float tensor."""
    x = torch.tensor([1, 2], device=device)
    assert torch.equal(x, torch.tensor([1.0, 2.0], device=device)) is True
    assert torch.equal(x, torch.tensor([1.0, 2.5], device=device)) is False


@fact("torch.equal", myth="torch.equal(x, 1) compares each element with a number")
def test_is_equal_of_tensors_only(device):
    """`torch.equal(x, 1)` is refused: must be Tensor, not int."""
    with pytest.raises(TypeError, match="must be Tensor, not int"):
        torch.equal(torch.tensor([1], device=device), 1)


@fact("torch.isclose", "torch.allclose")
@given(
    a=st.floats(-4, 4, width=32),
    step=st.sampled_from([0.0, 0.125, -0.125, 0.25, -0.5, 0.5, 1.0, -2.0]),
    rtol=st.sampled_from([0.0, 0.125, 0.25]),
    atol=st.sampled_from([0.0, 0.125, 0.5]),
)
@example(a=1.0, step=0.25, rtol=0.25, atol=0.0)
@example(a=2.0, step=0.5, rtol=0.0, atol=0.5)
@example(a=2.0, step=-0.5, rtol=0.25, atol=0.0)
def test_is_close_by_the_formula(device, a, step, rtol, atol):
    """`isclose(x, y)` is true where |x - y| is at most `atol` + `rtol` times |y|, `allclose` if it is everywhere."""
    first, second = (torch.tensor([0.5, x], dtype=torch.float64, device=device) for x in (a + step, a))
    want = abs((a + step) - a) <= atol + rtol * abs(a)
    same(torch.isclose(first, second, rtol=rtol, atol=atol), torch.tensor([True, want]))
    assert torch.allclose(first, second, rtol=rtol, atol=atol) is want


@fact("torch.isclose", "torch.allclose")
def test_is_close_relative_to_the_second(device):
    """`isclose` and `allclose` take the relative tolerance of their second argument, so that their order counts."""
    x, y = torch.tensor([8.0, 8.0], device=device), torch.tensor([10.0, 8.0], device=device)
    same(torch.isclose(x, y, rtol=0.225), torch.tensor([True, True]))
    same(torch.isclose(y, x, rtol=0.225), torch.tensor([False, True]))
    assert (torch.allclose(x, y, rtol=0.225), torch.allclose(y, x, rtol=0.225)) == (True, False)


@fact("torch.isclose", "torch.allclose")
@pytest.mark.parametrize(("difference", "is_close"), [(0.9e-8, True), (1.1e-8, False)], ids=["below", "above"])
def test_is_close_to_zero_within_a_hundred_millionth(device, difference, is_close):
    """`torch.isclose` and `torch.allclose` have `atol=1e-8` unless told otherwise."""
    x, zero = torch.tensor([difference, 0.0], dtype=torch.float64, device=device), torch.zeros(2, device=device)
    same(torch.isclose(x, zero.double()), torch.tensor([is_close, True]))
    assert torch.allclose(x, zero.double()) is is_close


@fact("torch.isclose", "torch.allclose")
@pytest.mark.parametrize(("factor", "is_close"), [(1 + 0.9e-5, True), (1 + 1.1e-5, False)], ids=["below", "above"])
def test_is_close_within_a_hundred_thousandth(device, factor, is_close):
    """`torch.isclose` and `torch.allclose` have `rtol=1e-5` unless told otherwise."""
    y = torch.tensor([1000.0, 2.0], dtype=torch.float64, device=device)
    x = y * torch.tensor([factor, 1.0], dtype=torch.float64, device=device)
    same(torch.isclose(x, y), torch.tensor([is_close, True]))
    assert torch.allclose(x, y) is is_close


@fact("torch.isclose", "torch.allclose")
@pytest.mark.parametrize("equal_nan", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_is_close_to_nan_and_infinity_as_in_numpy(device, equal_nan, dtype):
    """`torch.isclose` of NaN and infinity is as NumPy's, with `equal_nan` or without, contiguous where both are."""
    array = SPECIAL.astype(dtype)
    x = torch.tensor(array, device=device)
    pairs = torch.isclose(x[:, None].repeat(1, 6), x.repeat(6, 1), rtol=0.5, atol=1.0, equal_nan=equal_nan)
    same(pairs, numpy.isclose(array[:, None], array, rtol=0.5, atol=1.0, equal_nan=equal_nan))
    assert torch.allclose(x, x.clone(), equal_nan=equal_nan) is equal_nan
    assert pairs.is_contiguous()


@fact("torch.isclose", "torch.allclose")
def test_is_close_in_complex_numbers_by_their_distance(device):
    """`isclose` and `allclose` of complex numbers go by the length of the difference, and NaN is close to none."""
    x = torch.tensor([3 + 4j, 1j, complex(math.nan, 1)], device=device)
    y = torch.tensor([3 + 4.5j, 0.75j, complex(math.nan, 1)], device=device)
    same(torch.isclose(x, y, rtol=0, atol=0.375), torch.tensor([False, True, False]))
    assert torch.allclose(x[:2], y[:2], rtol=0, atol=0.5) is True


@fact("torch.isclose", "torch.allclose")
def test_is_close_in_integers_by_the_formula(device):
    """`isclose` and `allclose` of integers allow `atol` + `rtol` times the second too."""
    x, y = torch.tensor([100, 8, -7], device=device), torch.tensor([110, 9, -7], device=device)
    same(torch.isclose(x, y, rtol=0.1, atol=0), torch.tensor([True, False, True]))
    assert torch.allclose(x, y, rtol=0.1, atol=1) is True


@fact("torch.isclose", "torch.allclose")
def test_is_close_of_broadcast_shapes(device):
    """`torch.isclose` and `torch.allclose` broadcast the two tensors against each other."""
    x, y = torch.tensor([[1.0], [2.0]], device=device), torch.tensor([1.0, 2.0], device=device)
    same(torch.isclose(x, y), torch.tensor([[True, False], [False, True]]))
    assert torch.allclose(x[:1], torch.ones(2, device=device)) is True


@fact("torch.isclose", "torch.allclose", since="2.12", calls="equal_nan=True", gain=True)
def test_is_close_of_broadcast_shapes_with_nan(device):
    """`torch.isclose` and `torch.allclose` broadcast with `equal_nan=True` too."""
    x, nan = torch.tensor([[1.0], [math.nan]], device=device), torch.tensor([math.nan, 1.0], device=device)
    same(torch.isclose(x, nan, equal_nan=True), torch.tensor([[False, True], [True, False]]))
    assert torch.allclose(x[1:], nan[:1].expand(3), equal_nan=True) is True


@fact("torch.isclose", "torch.allclose")
@pytest.mark.parametrize("name", ["isclose", "allclose"])
def test_is_close_of_one_dtype_only(device, name):
    """`isclose` and `allclose` refuse tensors of two dtypes: "Float did not match Double"."""
    with pytest.raises(RuntimeError, match="Float did not match Double"):
        getattr(torch, name)(torch.ones(2, device=device), torch.ones(2, dtype=torch.float64, device=device))


@fact("torch.isclose", "torch.allclose")
@pytest.mark.parametrize("name", ["isclose", "allclose"])
@pytest.mark.parametrize("tolerance", ["rtol", "atol"])
def test_is_close_within_no_negative_tolerance(device, name, tolerance):
    """`isclose` and `allclose` refuse a negative tolerance: "rtol must be greater than or equal to zero"."""
    x = torch.ones(2, device=device)
    with pytest.raises(RuntimeError, match=f"{tolerance} must be greater than or equal to zero"):
        getattr(torch, name)(x, x, **{tolerance: -1.0})


@fact("torch.allclose", "torch.isclose")
def test_is_close_without_elements(device):
    """`torch.allclose` of no elements is True, where `torch.isclose` has no element."""
    x = torch.zeros(0, 2, device=device)
    assert torch.allclose(x, x) is True
    same(torch.isclose(x, x), torch.zeros(0, 2, dtype=torch.bool))


@fact("torch.hash_tensor")
def test_hash_is_the_exclusive_or_of_all_bits(device):
    """`torch.hash_tensor` gives the exclusive or of the bits of all elements or of each row, as contiguous uint64."""
    x = torch.tensor([[1, 2, 12], [5, 5, 7]], device=device)
    assert torch.hash_tensor(x).item() == 1 ^ 2 ^ 12 ^ 7
    rows = torch.hash_tensor(x, dim=1)
    assert (rows.dtype, rows.tolist(), rows.is_contiguous()) == (torch.uint64, [15, 7], True)
    floats = numpy.array([1.5, -2.5])
    bits = floats.view("uint64")
    assert torch.hash_tensor(torch.tensor(floats, device=device)).item() == int(bits[0] ^ bits[1])
