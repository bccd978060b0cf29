"""`out=` of products of matrices and vectors: where they write to it, resize it and refuse it."""

import numpy
import pytest
import torch

from torchproof import fact, same

PRODUCTS = {
    "mm": (torch.mm, [(2, 3), (3, 4)]),
    "matmul": (torch.matmul, [(5, 2, 3), (3, 4)]),
    "bmm": (torch.bmm, [(5, 2, 3), (5, 3, 4)]),
    "mv": (torch.mv, [(2, 3), (3,)]),
    "dot": (torch.dot, [(3,), (3,)]),
    "addmm": (torch.addmm, [(2, 4), (2, 3), (3, 4)]),
}

SUBJECTS = [f"torch.{name}" for name in PRODUCTS]

products = pytest.mark.parametrize(("product", "sizes"), PRODUCTS.values(), ids=PRODUCTS)


def operands(sizes, device):
    """A tensor of ones for each shape, so that a product over three terms is 3 everywhere."""
    return [torch.ones(shape, device=device) for shape in sizes]


def shape_of(sizes):
    """The shape of the product."""
    return numpy.matmul(*(numpy.ones(shape) for shape in sizes[-2:])).shape


def expected(sizes):
    """What the product is: 3 everywhere, and 4 where a one is added."""
    return numpy.full(shape_of(sizes), 1 + len(sizes), dtype="float32")


@fact(*SUBJECTS)
@products
def test_is_written_and_returned(product, sizes, device):
    """`mm`, `matmul`, `bmm`, `mv`, `dot` and `addmm` with `out=` write to that tensor and return it."""
    out = torch.zeros(shape_of(sizes), device=device)
    assert product(*operands(sizes, device), out=out) is out
    same(out, expected(sizes))


@fact(*SUBJECTS)
@products
def test_is_resized_where_it_is_empty(product, sizes, device):
    """`mm`, `matmul`, `bmm`, `mv`, `dot` and `addmm` give an empty `out=` the shape of the product."""
    out = torch.empty(0, device=device)
    product(*operands(sizes, device), out=out)
    same(out, expected(sizes))


@fact(*SUBJECTS)
@products
def test_is_resized_with_a_warning_where_it_has_another_shape(product, sizes, device):
    """`mm`, `matmul`, `dot` etc. give an `out=` of another shape that of the product, and warn: "was resized"."""
    out = torch.zeros(7, 7, device=device)
    with pytest.warns(UserWarning, match="An output with one or more elements was resized"):
        product(*operands(sizes, device), out=out)
    same(out, expected(sizes))


@fact(*SUBJECTS)
@products
@pytest.mark.parametrize("dtype", [torch.float16, torch.int64, torch.complex64])
def test_is_refused_where_it_has_another_dtype(dtype, product, sizes, device):
    """`mm`, `matmul`, `bmm`, `mv`, `dot` and `addmm` refuse an `out=` of another dtype than the operands'."""
    out = torch.zeros(shape_of(sizes), dtype=dtype, device=device)
    with pytest.raises(RuntimeError, match="dtype"):
        product(*operands(sizes, device), out=out)


@fact(*SUBJECTS)
@products
def test_is_refused_where_it_requires_a_gradient(product, sizes, device):
    """`mm`, `matmul`, `dot` etc. refuse an `out=` that requires grad: "don't support automatic differentiation"."""
    out = torch.zeros(shape_of(sizes), device=device, requires_grad=True)
    with pytest.raises(RuntimeError, match="don't support automatic differentiation"):
        product(*operands(sizes, device), out=out)


@fact(*SUBJECTS)
@products
def test_is_refused_where_an_operand_requires_a_gradient(product, sizes, device):
    """`mm(a, b, out=c)` and the like "don't support automatic differentiation": no operand may require grad."""
    first, *rest = operands(sizes, device)
    with pytest.raises(RuntimeError, match="don't support automatic differentiation"):
        product(first.requires_grad_(), *rest, out=torch.zeros(shape_of(sizes), device=device))


@fact(*SUBJECTS)
@products
def test_takes_an_operand_that_requires_a_gradient_under_no_grad(product, sizes, device):
    """Under `no_grad`, `mm`, `bmm`, `mv`, `dot`, `addmm` and `matmul` with `out=` take operands that require grad."""
    out = torch.zeros(shape_of(sizes), device=device)
    with torch.no_grad():
        product(*(x.requires_grad_() for x in operands(sizes, device)), out=out)
    same(out, expected(sizes))


@fact("torch.mm", "torch.matmul")
@pytest.mark.parametrize("product", [torch.mm, torch.matmul], ids=["mm", "matmul"])
@pytest.mark.parametrize("index", [(slice(0, 2), slice(0, 4)), (slice(0, 3, 2), slice(1, 5))], ids=["corner", "steps"])
def test_is_written_through_a_slice(index, product, device):
    """`mm` and `matmul` with a slice as `out=` write to the tensor behind it, and nowhere else."""
    base, want = torch.zeros(3, 6, device=device), numpy.zeros((3, 6), dtype="float32")
    a, b = numpy.arange(6, dtype="float32").reshape(2, 3), numpy.arange(12, dtype="float32").reshape(3, 4)
    product(torch.from_numpy(a).to(device), torch.from_numpy(b).to(device), out=base[index])
    want[index] = a @ b
    same(base, want)


@fact("torch.mm", "torch.matmul")
@pytest.mark.parametrize("product", [torch.mm, torch.matmul], ids=["mm", "matmul"])
def test_is_written_through_a_transpose(product, device):
    """`mm` and `matmul` with a transposed matrix as `out=` write the transposed product to the matrix."""
    base = torch.zeros(4, 2, device=device)
    a, b = numpy.arange(6, dtype="float32").reshape(2, 3), numpy.arange(12, dtype="float32").reshape(3, 4)
    product(torch.from_numpy(a).to(device), torch.from_numpy(b).to(device), out=base.t())
    same(base, (a @ b).T)


@fact("torch.mm")
def test_is_refused_where_its_elements_share_memory(device):
    """`mm` refuses an expanded tensor as `out=`, as its elements share "a single memory location"."""
    with pytest.raises(
        RuntimeError, match="more than one element of the written-to tensor refers to a single memory location"
    ):
        torch.mm(
            torch.ones(2, 3, device=device),
            torch.ones(3, 2, device=device),
            out=torch.zeros(2, device=device).expand(2, 2),
        )
