"""What products and solutions cost, by how they are asked for."""

import pytest
import torch

from torchproof import fact, race
from torchproof.fixtures.race import faster, slower

pytestmark = pytest.mark.bench


@fact("torch.bmm", refuter=slower("torch.bmm"))
def test_of_a_loop_is_more_than_of_bmm(numbers):
    """A loop over 64 products of small matrices takes more than twice the time of one `bmm`."""
    a, b = torch.rand(64, 8, 8), torch.rand(64, 8, 8)
    assert race(lambda: [x @ y for x, y in zip(a, b)], lambda: torch.bmm(a, b), numbers).ratio_above(2)


@fact("torch.matmul", myth="brackets in a chain of products do not matter", refuter=faster("torch.matmul"))
def test_of_a_chain_depends_on_its_brackets(numbers):
    """`(A @ B) @ v` takes more than five times the time of `A @ (B @ v)`, for matrices of 256 by 256."""
    a, b, v = torch.rand(256, 256), torch.rand(256, 256), torch.rand(256)
    inside, outside = lambda: torch.matmul(torch.matmul(a, b), v), lambda: torch.matmul(a, torch.matmul(b, v))
    assert race(inside, outside, numbers).ratio_above(5)


@fact("torch.linalg.multi_dot", refuter=slower("torch.linalg.multi_dot"))
def test_of_multi_dot_is_that_of_the_best_brackets(numbers):
    """`multi_dot` of A, B and v takes less than half of the time of `(A @ B) @ v`, for matrices of 256 by 256."""
    a, b, v = torch.rand(256, 256), torch.rand(256, 256), torch.rand(256)
    assert race(lambda: torch.linalg.multi_dot([a, b, v]), lambda: (a @ b) @ v, numbers).ratio_below(0.5)


@fact(
    "torch.linalg.solve",
    "torch.linalg.inv",
    hint="solve, rather than multiply by an inverse",
    refuter=slower("torch.linalg.solve"),
)
def test_of_solve_is_less_than_of_the_inverse(numbers):
    """`torch.linalg.solve(A, b)` takes less time than `torch.linalg.inv(A) @ b`, for 200 equations."""
    a, b = torch.rand(200, 200) + 10 * torch.eye(200), torch.rand(200)
    assert race(lambda: torch.linalg.solve(a, b), lambda: torch.linalg.inv(a) @ b, numbers).ratio_below(1)


@fact("torch.linalg.eigvalsh", "torch.linalg.eigvals", refuter=slower("torch.linalg.eigvalsh"))
def test_of_symmetric_eigenvalues_is_less_than_of_general_ones(numbers):
    """`eigvalsh` of a symmetric matrix of 64 by 64 takes less than half of the time of `eigvals`."""
    a = torch.rand(64, 64)
    a = a + a.t()
    assert race(lambda: torch.linalg.eigvalsh(a), lambda: torch.linalg.eigvals(a), numbers).ratio_below(0.5)


@fact("torch.einsum", myth="einsum is slow", refuter=slower("torch.einsum"))
def test_of_einsum_is_less_than_threefold_of_matmul(numbers):
    """A product of matrices of 128 by 128 by `einsum` takes less than three times the time of `@`."""
    a, b = torch.rand(128, 128), torch.rand(128, 128)
    assert race(lambda: torch.einsum("ik,kj->ij", a, b), lambda: a @ b, numbers).ratio_below(3)


@fact("torch.diag", "torch.mul", hint="x * d, or d[:, None] * x for rows", refuter=slower("torch.mul"))
def test_of_scaling_columns_is_less_than_half_of_a_product_with_a_diagonal_matrix(numbers):
    """Scaling columns by `x * d` takes less than half of the time of `x @ torch.diag(d)`, at 256 by 256."""
    x, d = torch.rand(256, 256), torch.rand(256)
    assert race(lambda: torch.mul(x, d), lambda: x @ torch.diag(d), numbers).ratio_below(0.5)
