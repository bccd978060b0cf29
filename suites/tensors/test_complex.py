"""Complex numbers: their parts, and conjugates that are made later; how they are made is in `test_factories.py`."""

import numpy
import pytest
import torch

from torchproof import close, fact, same
from torchproof.fixtures.checks import shares

NUMBERS = [1.5 - 2j, -0.5 + 0j, 3j]
OF_NUMPY = {
    "abs": numpy.abs,
    "angle": numpy.angle,
    "conj": numpy.conj,
    "conj_physical": numpy.conj,
    "neg": numpy.negative,
}


def numbers(device, **options):
    """A vector of complex numbers of single precision."""
    return torch.tensor(NUMBERS, device=device, **options)


@fact("torch.real", "torch.imag", "torch.Tensor.real", "torch.Tensor.imag")
@pytest.mark.parametrize("name", ["real", "imag"])
def test_parts_are_views(device, name):
    """`torch.real` and `imag` of a complex tensor, functions or attributes, are views with strides of 2."""
    x = numbers(device)
    parts = [getattr(torch, name)(x), getattr(x, name)]
    same(torch.stack(parts), numpy.array([getattr(numpy.array(NUMBERS), name)] * 2, dtype="float32"))
    assert [y.stride() for y in parts] == [(2,), (2,)]
    parts[0][0], parts[1][1] = 7, 9
    same(getattr(x, name).clone(), torch.tensor([7.0, 9.0, {"real": 0.0, "imag": 3.0}[name]]))


@fact("torch.Tensor.real", "torch.real")
def test_parts_of_real_numbers_are_themselves(device):
    """`torch.real(x)` and `x.real` of a real tensor share its memory and have its values."""
    x = torch.tensor([1.5, 2.5], device=device)
    assert shares(torch.real(x), x) and shares(x.real, x)
    same(torch.real(x), torch.tensor([1.5, 2.5]))
    same(x.real, torch.tensor([1.5, 2.5]))


@fact("torch.imag", "torch.Tensor.imag")
@pytest.mark.parametrize("ask", [lambda x: torch.imag(x), lambda x: x.imag], ids=["function", "attribute"])
def test_parts_of_real_numbers_are_refused(device, ask):
    """`x.imag` of a real tensor is refused: imag is not implemented for tensors with non-complex dtypes."""
    x = torch.ones(2, device=device)
    with pytest.raises((RuntimeError, TypeError), match="imag is not implemented for tensors with non-complex dtypes"):
        ask(x)


@fact("torch.abs", "torch.angle", "torch.conj", "torch.conj_physical", "torch.neg")
@pytest.mark.parametrize("name", OF_NUMPY)
@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_function_is_that_of_numpy(device, name, dtype):
    """`torch.abs` and `angle` of complex x are real and `conj` and `neg` complex, as NumPy's, contiguous if x is."""
    array = numpy.array(NUMBERS, dtype=dtype)
    y = getattr(torch, name)(torch.from_numpy(array).to(device))
    want = OF_NUMPY[name](array)
    assert str(y.dtype) == f"torch.{want.dtype}" and y.is_contiguous()
    close(y.resolve_conj(), OF_NUMPY[name](numpy.array(NUMBERS)), roundings=8)


@fact("torch.conj", "torch.Tensor.conj", "torch.is_conj", "torch.Tensor.is_conj")
def test_conjugate_is_a_view_that_is_made_later(device):
    """`x.conj()` is a view with a mark, as `is_conj` tells: a write to `x` is seen in it."""
    x = numbers(device)
    y = x.conj()
    assert (x.is_conj(), y.is_conj(), torch.is_conj(y), torch.is_conj(y.conj())) == (False, True, True, False)
    x[0] = 5 + 6j
    assert y[0].item() == 5 - 6j
    same(torch.conj(x).resolve_conj(), numpy.array([5 - 6j, -0.5, -3j], dtype="complex64"))


@fact("torch.conj")
def test_conjugate_of_real_numbers_is_themselves(device):
    """`torch.conj` of a real tensor shares its memory and has its values, without a mark."""
    x = torch.tensor([1.5, 2.5], device=device)
    assert shares(torch.conj(x), x) and not torch.conj(x).is_conj()
    same(torch.conj(x), torch.tensor([1.5, 2.5]))


@fact("torch.resolve_conj", "torch.Tensor.resolve_conj", "torch.conj_physical")
@pytest.mark.parametrize(
    "make",
    [lambda x: torch.resolve_conj(x.conj()), lambda x: x.conj().resolve_conj(), lambda x: torch.conj_physical(x)],
    ids=["function", "method", "physical"],
)
def test_conjugate_is_made_when_told(device, make):
    """`resolve_conj` and `conj_physical` write the conjugate into memory of its own, without a mark."""
    x = numbers(device)
    y = make(x)
    same(x, numpy.array(NUMBERS, dtype="complex64"))
    same(y, numpy.conj(numpy.array(NUMBERS, dtype="complex64")))
    assert not y.is_conj() and not shares(y, x)
    assert y.stride() == (1,)
    assert torch.view_as_real(y).tolist() == [[1.5, 2.0], [-0.5, 0.0], [0.0, -3.0]]


@fact("torch.Tensor.conj_physical_")
def test_conjugate_is_made_in_place(device):
    """`conj_physical_` turns a tensor into its conjugate and returns it."""
    x = numbers(device)
    assert x.conj_physical_() is x and not x.is_conj()
    same(x, numpy.conj(numpy.array(NUMBERS, dtype="complex64")))


@fact("torch.resolve_neg", "torch.Tensor.resolve_neg", "torch.Tensor.is_neg")
def test_negative_of_an_imaginary_part_is_made_later(device):
    """`x.conj().imag` has a mark of its sign, as `is_neg` tells, which `resolve_neg` writes to a contiguous tensor."""
    y = numbers(device).conj().imag
    assert y.is_neg() and not y.resolve_neg().is_neg()
    same(y.resolve_neg(), torch.tensor([2.0, 0.0, -3.0]))
    assert y.resolve_neg().stride() == (1,)
    same(torch.resolve_neg(y), torch.tensor([2.0, 0.0, -3.0]))


@fact("torch.view_as_complex")
def test_pairs_are_complex_numbers(device):
    """`view_as_complex` takes the last dimension of size 2 for the two parts, in the same memory."""
    x = torch.tensor([[1.5, 2.0], [3.0, -4.0]], device=device)
    y = torch.view_as_complex(x)
    same(y, torch.tensor([1.5 + 2j, 3 - 4j]))
    x[0, 1] = 9
    assert y[0].item() == 1.5 + 9j and y.stride() == (1,)


@fact("torch.view_as_complex")
@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (lambda x: x[:, :1], "last dimension of size 2"),
        (lambda x: x.t().contiguous().t(), "last dimension with stride 1"),
        (lambda x: x.int(), "only supported for"),
    ],
    ids=["size", "stride", "integers"],
)
def test_pairs_that_do_not_lie_so_are_refused(device, prepare, words):
    """`view_as_complex` refuses integers, and a last dimension of another size than 2 or another stride than 1."""
    x = prepare(torch.ones(3, 2, device=device))
    with pytest.raises((RuntimeError, TypeError), match=words):
        torch.view_as_complex(x)


@fact("torch.view_as_real")
def test_pairs_of_a_conjugate_are_refused(device):
    """`view_as_real` of `x.conj()` is refused: it doesn't work on unresolved conjugated tensors."""
    x = numbers(device).conj()
    with pytest.raises(RuntimeError, match="doesn't work on unresolved conjugated tensors"):
        torch.view_as_real(x)


@fact("torch.isreal")
def test_real_are_those_without_an_imaginary_part(device):
    """`torch.isreal` is True where the imaginary part is zero, and of real numbers, contiguous if its input is."""
    y = torch.isreal(numbers(device))
    same(y, torch.tensor([False, True, False]))
    assert y.is_contiguous()
    same(torch.isreal(torch.tensor([1.5, 2.5], device=device)), torch.tensor([True, True]))


@fact("torch.lt", "torch.gt", "torch.le", "torch.ge")
@pytest.mark.parametrize("name", ["lt", "gt", "le", "ge"])
def test_order_is_refused(device, name):
    """`torch.lt`, `gt`, `le` and `ge` of complex numbers are refused, which have no order."""
    x = numbers(device)
    with pytest.raises(RuntimeError, match="not implemented for 'ComplexFloat'|not supported"):
        getattr(torch, name)(x, x)


@fact("torch.sgn")
def test_sign_is_a_direction(device):
    """`torch.sgn` gives complex numbers of length one, and zero of zero, contiguous if its input is."""
    x = torch.tensor([3 + 4j, 0j, -2j], device=device)
    y = torch.sgn(x)
    assert y.dtype == torch.complex64 and y.is_contiguous()
    close(y, [0.6 + 0.8j, 0, -1j], roundings=8)
    same(x, torch.tensor([3 + 4j, 0j, -2j]))


@fact("torch.sign", hint="torch.sgn")
def test_sign_by_its_name_is_refused(device):
    """`torch.sign` refuses complex numbers: "torch.sgn instead"."""
    with pytest.raises(RuntimeError, match="torch.sgn instead"):
        torch.sign(numbers(device))
