"""Which dtypes products of matrices and vectors take, mix and give; those of decompositions are beside them."""

import numpy
import pytest
import torch

from torchproof import fact, same

PRODUCTS = {
    "mm": (torch.mm, (2, 3), (3, 2)),
    "matmul": (torch.matmul, (4, 2, 3), (3, 2)),
    "bmm": (torch.bmm, (4, 2, 3), (4, 3, 2)),
    "mv": (torch.mv, (2, 3), (3,)),
    "dot": (torch.dot, (3,), (3,)),
}

WHOLE = [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64]
OTHERS = [torch.bfloat16, torch.float32, torch.float64, torch.complex64, torch.complex128]
MIXED = [
    (torch.float32, torch.float64),
    (torch.float64, torch.float32),
    (torch.float32, torch.int64),
    (torch.int32, torch.int64),
    (torch.complex64, torch.float32),
]

SUBJECTS = [f"torch.{name}" for name in PRODUCTS]

products = pytest.mark.parametrize(("product", "one", "other"), PRODUCTS.values(), ids=PRODUCTS)


def numbers(shape, dtype):
    return (torch.arange(numpy.prod(shape)).reshape(shape) % 4).to(dtype)


def exact(one, other, dtype):
    """The product of `numbers`, computed in int64, as a tensor of `dtype`."""
    return torch.as_tensor(numbers(one, torch.int64).numpy() @ numbers(other, torch.int64).numpy()).to(dtype)


@fact(*SUBJECTS)
@products
@pytest.mark.parametrize("dtype", [*WHOLE, *OTHERS])
def test_of_operands_are_the_product_s(dtype, product, one, other, device):
    """`mm`, `matmul`, `bmm`, `mv` and `dot` give the dtype of their operands, whole numbers included."""
    same(product(numbers(one, dtype).to(device), numbers(other, dtype).to(device)), exact(one, other, dtype))


@fact(*SUBJECTS, since={"cpu": "2.2"}, calls="names float16|half", gain=True)
@products
def test_may_be_float16(product, one, other, device):
    """`mm`, `matmul`, `bmm`, `mv` and `dot` take float16 (half) operands and give float16."""
    same(
        product(numbers(one, torch.float16).to(device), numbers(other, torch.float16).to(device)),
        exact(one, other, torch.float16),
    )


@fact(*SUBJECTS, until="2.2", calls="names float16|half", hint="compute in float32 or bfloat16 on the CPU, or on a GPU")
@products
def test_could_not_be_float16_on_the_cpu(product, one, other):
    """`mm`, `matmul`, `bmm`, `mv` and `dot` refuse float16 on the CPU: "not implemented for 'Half'"."""
    with pytest.raises(RuntimeError, match="not implemented for 'Half'"):
        product(torch.ones(one, dtype=torch.float16), torch.ones(other, dtype=torch.float16))


@fact(*SUBJECTS, myth="a product converts its operands to a common dtype, as + does")
@products
@pytest.mark.parametrize("pair", MIXED, ids=lambda pair: "-".join(str(dtype).removeprefix("torch.") for dtype in pair))
def test_are_not_mixed(pair, product, one, other, device):
    """`mm`, `matmul`, `bmm`, `mv` and `dot` do not mix dtypes: the error has "same dtype" or "expected scalar type"."""
    with pytest.raises(RuntimeError, match=r"same dtype|expected scalar type"):
        product(torch.ones(one, dtype=pair[0], device=device), torch.ones(other, dtype=pair[1], device=device))


@fact("torch.addmm")
@pytest.mark.parametrize("place", [0, 1, 2], ids=["input", "mat1", "mat2"])
def test_are_not_mixed_in_a_sum(place, device):
    """`addmm` refuses an operand of another dtype than the other two: "same dtype" or "expected scalar type"."""
    operands = [torch.ones(shape, device=device) for shape in ((2, 2), (2, 3), (3, 2))]
    operands[place] = operands[place].double()
    with pytest.raises(RuntimeError, match=r"must have the same dtype|expected scalar type"):
        torch.addmm(*operands)


@fact(*SUBJECTS, hint="convert to a number first: bool products are counts or ors, and torch does not choose")
@products
def test_are_not_bool(product, one, other, device):
    """`mm`, `matmul`, `bmm`, `mv` and `dot` refuse bool operands, which NumPy takes: "not implemented for 'Bool'"."""
    with pytest.raises(RuntimeError, match="not implemented for 'Bool'"):
        product(torch.ones(one, dtype=torch.bool, device=device), torch.ones(other, dtype=torch.bool, device=device))


@fact(*SUBJECTS)
@products
def test_of_int64_are_exact_beyond_float64(product, one, other, device):
    """`mm`, `matmul`, `bmm`, `mv` and `dot` of int64 operands are exact where float64 is not."""
    a, b = numpy.full(one, 2**31 + 1), numpy.full(other, 2**30 + 1)
    same(product(torch.from_numpy(a).to(device), torch.from_numpy(b).to(device)), numpy.asarray(numpy.matmul(a, b)))


@fact(*SUBJECTS, hint="convert to int32 or int64 before multiplying")
@products
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8])
def test_of_bytes_wrap_around(dtype, product, one, other, device):
    """`mm`, `matmul`, `bmm`, `mv` and `dot` of uint8 or int8 are not widened: they wrap around, as NumPy's do."""
    a = torch.full(one, 100, dtype=dtype)
    b = torch.full(other, 3, dtype=dtype)
    same(product(a.to(device), b.to(device)), numpy.asarray(numpy.matmul(a.numpy(), b.numpy())))


@fact("torch.mm", "torch.matmul")
@pytest.mark.parametrize("product", [torch.mm, torch.matmul], ids=["mm", "matmul"])
def test_that_are_complex_are_not_conjugated(product, device):
    """`mm` and `matmul` of complex matrices multiply them as they are, without conjugating."""
    a, b = numpy.array([[1 + 2j, 3j]], dtype="complex64"), numpy.array([[2 - 1j], [1 + 1j]], dtype="complex64")
    same(product(torch.from_numpy(a).to(device), torch.from_numpy(b).to(device)), a @ b)


@fact("torch.mm", "torch.Tensor.mH")
def test_that_are_complex_are_conjugated_by_the_adjoint(device):
    """`mm` of a complex matrix with its adjoint `mH` has the squared sizes of the rows on its diagonal."""
    x = torch.tensor([[1 + 2j, 3j], [4, 0]], dtype=torch.complex64, device=device)
    same(torch.mm(x, x.mH), numpy.array([[14, 4 + 8j], [4 - 8j, 16]], dtype="complex64"))
