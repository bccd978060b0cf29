"""How products of contiguous operands lie in memory; operands of other strides are in each product's file."""

import numpy
import pytest
import torch

from torchproof import fact, same
from torchproof.fixtures.strategies import whole

# Each product with the shapes of its operands, and what NumPy says that it is.
PRODUCTS = {
    "mm": (torch.mm, [(2, 3), (3, 4)], numpy.matmul),
    "matmul": (torch.matmul, [(5, 2, 3), (3, 4)], numpy.matmul),
    "matmul of a matrix by a batch": (torch.matmul, [(2, 3), (5, 3, 4)], numpy.matmul),
    "bmm": (torch.bmm, [(5, 2, 3), (5, 3, 4)], numpy.matmul),
    "mv": (torch.mv, [(2, 3), (3,)], numpy.matmul),
    "inner": (torch.inner, [(2, 3), (4, 3)], numpy.inner),
    "vecdot": (torch.linalg.vecdot, [(5, 2, 3), (5, 2, 3)], lambda a, b: (a * b).sum(axis=-1)),
    "addmm": (torch.addmm, [(4,), (2, 3), (3, 4)], lambda c, a, b: c + a @ b),
    "addmv": (torch.addmv, [(2,), (2, 3), (3,)], lambda c, a, x: c + a @ x),
    "baddbmm": (torch.baddbmm, [(4,), (5, 2, 3), (5, 3, 4)], lambda c, a, b: c + a @ b),
    "addbmm": (torch.addbmm, [(4,), (5, 2, 3), (5, 3, 4)], lambda c, a, b: c + (a @ b).sum(axis=0)),
    "linear": (torch.nn.functional.linear, [(5, 2, 3), (4, 3), (4,)], lambda x, w, bias: x @ w.T + bias),
}

SUBJECTS = [
    *(f"torch.{name}" for name in ("mm", "matmul", "bmm", "mv", "inner", "addmm", "addmv", "baddbmm", "addbmm")),
    "torch.linalg.vecdot",
    "torch.nn.functional.linear",
]


@fact(*SUBJECTS)
@pytest.mark.parametrize(("product", "sizes", "of_arrays"), PRODUCTS.values(), ids=PRODUCTS)
def test_of_a_product_are_row_major(product, sizes, of_arrays, device):
    """`mm`, `matmul`, `bmm`, `mv`, `addmm`, `inner`, `linear` and the like of contiguous operands are contiguous."""
    arrays = [whole(*shape, start=place) for place, shape in enumerate(sizes)]
    y = product(*(torch.from_numpy(x).to(device) for x in arrays))
    same(y, of_arrays(*arrays))
    assert y.is_contiguous()
