"""`torch.autograd.functional`: Jacobians, Hessians and products with them; `torch.func` is in test_transforms."""

import pytest
import torch
from torch.autograd import functional

from torchproof import fact, same
from torchproof.fixtures.work import leaf, vector


def powers(x):
    return torch.stack([x.sum(), (x**2).sum()])


@fact("torch.autograd.functional.jacobian")
@pytest.mark.parametrize("vectorize", [False, True], ids=["loop", "vectorized"])
def test_jacobian_has_a_row_for_each_result(device, vectorize):
    """`functional.jacobian` gives the derivative of each result by each element, in a loop or with `vectorize=True`."""
    jacobian = functional.jacobian(powers, vector(1.0, 2.0, 3.0, device=device), vectorize=vectorize)
    same(jacobian, torch.tensor([[1.0, 1.0, 1.0], [2.0, 4.0, 6.0]]))
    assert not jacobian.requires_grad


@fact("torch.autograd.functional.jacobian")
def test_jacobian_can_be_made_forward(device):
    """`functional.jacobian(strategy="forward-mode", vectorize=True)` gives the Jacobian too."""
    jacobian = functional.jacobian(powers, vector(1.0, 2.0, device=device), vectorize=True, strategy="forward-mode")
    same(jacobian, torch.tensor([[1.0, 1.0], [2.0, 4.0]]))


@fact("torch.autograd.functional.jacobian", hint="pass vectorize=True")
def test_jacobian_made_forward_is_vectorized(device):
    """`functional.jacobian(strategy="forward-mode")` is refused without `vectorize=True`."""
    with pytest.raises(NotImplementedError, match="forward-AD"):
        functional.jacobian(powers, vector(1.0, 2.0, device=device), strategy="forward-mode")


@fact("torch.autograd.functional.jacobian", "torch.autograd.functional.hessian")
@pytest.mark.parametrize("name", ["jacobian", "hessian"])
def test_of_several_arguments_is_nested(device, name):
    """`functional.jacobian` and `hessian` of several arguments are tuples, with an entry for each argument or pair."""
    x, y = vector(2.0, device=device), vector(3.0, device=device)
    made = getattr(functional, name)(lambda x, y: (x**2 * y).sum(), (x, y))
    wanted = {"jacobian": (12.0, 4.0), "hessian": ((6.0, 4.0), (4.0, 0.0))}[name]
    flat = tuple(each.item() if name == "jacobian" else tuple(one.item() for one in each) for each in made)
    assert flat == wanted


@fact("torch.autograd.functional.jacobian", "torch.autograd.functional.hessian")
@pytest.mark.parametrize("name", ["jacobian", "hessian"])
def test_with_create_graph_can_be_differentiated(device, name):
    """`functional.jacobian` and `hessian` with `create_graph=True` can be differentiated."""
    x = torch.tensor([2.0], device=device, requires_grad=True)
    made = getattr(functional, name)(lambda x: (x**3).sum(), x, create_graph=True)
    made.sum().backward()
    assert (made.item(), x.grad.item()) == {"jacobian": (12.0, 12.0), "hessian": (12.0, 6.0)}[name]


@fact("torch.autograd.functional.jacobian", "torch.autograd.functional.hessian")
@pytest.mark.parametrize("name", ["jacobian", "hessian"])
def test_of_what_is_independent_are_zeros(device, name):
    """`functional.jacobian` and `hessian` of what does not depend on the argument are zeros."""
    constant = torch.ones((), device=device, requires_grad=True)
    zeros = getattr(functional, name)(lambda x: constant * 2, vector(2.0, 3.0, device=device))
    same(zeros, torch.zeros({"jacobian": (2,), "hessian": (2, 2)}[name]))


@fact("torch.autograd.functional.jacobian", "torch.autograd.functional.hessian")
@pytest.mark.parametrize("name", ["jacobian", "hessian"])
def test_strict_refuses_what_is_independent(device, name):
    """`functional.jacobian` and `hessian` with `strict=True` refuse what does not depend on the argument."""
    constant = torch.ones((), device=device, requires_grad=True)
    with pytest.raises(RuntimeError, match="independent|does not depend"):
        getattr(functional, name)(lambda x: constant * 2, vector(2.0, 3.0, device=device), strict=True)


@fact("torch.autograd.functional.hessian")
@pytest.mark.parametrize("vectorize", [False, True], ids=["loop", "vectorized"])
def test_hessian_is_of_second_derivatives(device, vectorize):
    """`functional.hessian` gives the symmetric matrix of second derivatives of a single number."""
    hessian = functional.hessian(lambda x: x[0] ** 2 * x[1], vector(2.0, 3.0, device=device), vectorize=vectorize)
    same(hessian, torch.tensor([[6.0, 4.0], [4.0, 0.0]]))


@fact("torch.autograd.functional.hessian", "torch.autograd.functional.hvp", "torch.autograd.functional.vhp")
@pytest.mark.parametrize("name", ["hessian", "hvp", "vhp"])
def test_of_second_order_needs_a_single_number(device, name):
    """`functional.hessian`, `hvp` and `vhp` refuse a function that gives several numbers."""
    with pytest.raises(RuntimeError, match="single element|scalar"):
        getattr(functional, name)(lambda x: x**2, vector(2.0, 3.0, device=device))


@fact("torch.autograd.functional.vjp", "torch.autograd.functional.jvp")
@pytest.mark.parametrize(("name", "want"), [("vjp", [21.0, 41.0]), ("jvp", [11.0, 42.0])], ids=["vjp", "jvp"])
def test_vjp_and_jvp_multiply_from_their_side(device, name, want):
    """`functional.vjp` gives the value and a row times the Jacobian, `jvp` the value and that times a column."""
    value, product = getattr(functional, name)(
        powers, vector(1.0, 2.0, device=device), vector(1.0, 10.0, device=device)
    )
    same(value, torch.tensor([3.0, 5.0]))
    same(product, torch.tensor(want))
    assert not product.requires_grad


@fact("torch.autograd.functional.vhp", "torch.autograd.functional.hvp")
@pytest.mark.parametrize("name", ["vhp", "hvp"])
def test_vhp_and_hvp_multiply_with_the_hessian(device, name):
    """`functional.vhp` and `hvp` give the value, and the product of a vector with the Hessian."""
    x, by = vector(2.0, 3.0, device=device), vector(1.0, 10.0, device=device)
    value, product = getattr(functional, name)(lambda x: x[0] ** 2 * x[1], x, by)
    same(value, torch.tensor(12.0))
    same(product, torch.tensor([46.0, 4.0]))


@fact(
    "torch.autograd.functional.vjp",
    "torch.autograd.functional.jvp",
    "torch.autograd.functional.vhp",
    "torch.autograd.functional.hvp",
)
@pytest.mark.parametrize("name", ["vjp", "jvp", "vhp", "hvp"])
def test_of_a_vector_of_another_size_is_refused(device, name):
    """`functional.vjp`, `jvp`, `vhp` and `hvp` refuse a vector of another size."""
    with pytest.raises(RuntimeError, match="size"):
        getattr(functional, name)(lambda x: (x**2).sum(), vector(2.0, 3.0, device=device), torch.ones(3, device=device))


@fact(
    "torch.autograd.functional.vjp",
    "torch.autograd.functional.jvp",
    "torch.autograd.functional.vhp",
    "torch.autograd.functional.hvp",
)
@pytest.mark.parametrize(("name", "want"), [("vjp", 12.0), ("jvp", 12.0), ("vhp", 6.0), ("hvp", 6.0)], ids=str)
def test_product_with_create_graph_can_be_differentiated(device, name, want):
    """A product of `functional.vjp`, `jvp`, `vhp` or `hvp` with `create_graph=True` can be differentiated."""
    x, by = leaf(2.0, device=device), vector(1.0, device=device)
    by = by[0] if name == "vjp" else by
    _, product = getattr(functional, name)(lambda x: (x**3).sum(), x, by, create_graph=True)
    product.sum().backward()
    same(product.detach().view(1), torch.tensor([12.0]))
    same(x.grad, torch.tensor([want]))
