"""What `addmm`, `addmv`, `addbmm` and `baddbmm` share; what one has alone is in test_addmm, test_mv and test_bmm."""

import numpy
import pytest
import torch

from torchproof import close, fact, same
from torchproof.fixtures.strategies import whole

# Each product with something added: the shapes of its operands, and what NumPy says that it is.
ADDED = {
    "addmm": (torch.addmm, [(4,), (2, 3), (3, 4)], lambda c, a, b: c + a @ b),
    "addmv": (torch.addmv, [(2,), (2, 3), (3,)], lambda c, a, x: c + a @ x),
    "addbmm": (torch.addbmm, [(4,), (5, 2, 3), (5, 3, 4)], lambda c, a, b: c + (a @ b).sum(axis=0)),
    "baddbmm": (torch.baddbmm, [(4,), (5, 2, 3), (5, 3, 4)], lambda c, a, b: c + a @ b),
}
SUBJECTS = ["torch.addmm", "torch.addmv", "torch.addbmm", "torch.baddbmm"]

of_each = pytest.mark.parametrize(("product", "sizes", "of_arrays"), ADDED.values(), ids=ADDED)


@fact(*SUBJECTS)
@of_each
def test_times_beta_is_added_to_alpha_times_the_product(product, sizes, of_arrays, device):
    """`addmm`, `addmv`, `addbmm` and `baddbmm` give beta times the first operand plus alpha times the product."""
    c, a, b = (whole(*shape, start=place) for place, shape in enumerate(sizes))
    got = product(*(torch.from_numpy(x).to(device) for x in (c, a, b)), beta=2, alpha=3)
    same(got, of_arrays(2 * c, 3 * a, b))


@fact("torch.addmm", "torch.addmv", "torch.addbmm")
@pytest.mark.parametrize("special", [float("inf"), float("nan")], ids=["inf", "nan"])
@pytest.mark.parametrize("name", ["addmm", "addmv", "addbmm"])
def test_times_beta_of_zero_is_not_read(name, special, device):
    """`addmm`, `addmv` and `addbmm` with `beta=0` do not pass on infinity or NaN of what they add."""
    product, (size, *sizes), of_arrays = ADDED[name]
    a, b = (whole(*shape, start=place) for place, shape in enumerate(sizes))
    c = torch.full(size, special, device=device)
    same(product(c, *(torch.from_numpy(x).to(device) for x in (a, b)), beta=0), of_arrays(0, a, b))


@fact(*SUBJECTS, source="notes/numerical_accuracy")
@of_each
def test_to_a_product_errs_by_one_rounding_a_term_at_most(product, sizes, of_arrays, device):
    """`addmm`, `addmv`, `addbmm` and `baddbmm` over k float32 terms err by at most k + 1 roundings of their sizes."""
    generator = numpy.random.default_rng(0)
    arrays = [generator.standard_normal(shape).astype("float32") for shape in sizes]
    exact = [x.astype("float64") for x in arrays]
    got = product(*(torch.from_numpy(x).to(device) for x in arrays))
    terms = 1 + 3 * (5 if product is torch.addbmm else 1)
    close(got, of_arrays(*exact), roundings=terms + 1, scale=of_arrays(*map(numpy.abs, exact)))
