"""Equations, inverses, determinants, powers and exponentials of matrices; decompositions are in test_decompositions."""

import math

import numpy
import pytest
import torch

from torchproof import close, fact, same
from torchproof.fixtures.checks import check

A = numpy.array([[4.0, 1.0, -0.5], [1.5, 3.0, 0.25], [-0.5, 0.75, 2.0]])
B = numpy.array([[1.0, 2.0], [-0.5, 1.5], [3.0, 0.25]])
G = numpy.array([[0.5, -1.0, 2.0], [1.0, 0.25, -0.75], [-2.0, 1.5, 0.125]])
SINGULAR = numpy.array([[1.0, 2.0], [2.0, 4.0]])
OWNERS = ["torch.linalg", "torch", "torch.Tensor"]


@check
def near(got, want):
    """Numbers of float64 agree within 256 roundings of 8: of an elimination of 3 by 3 and a few products."""
    assert got.dtype == torch.float64, f"dtype {got.dtype}, expected torch.float64"
    close(got, want, roundings=256, scale=abs(numpy.asarray(want)) + 8)


def exponential(a):
    return sum(numpy.linalg.matrix_power(a, k) / math.factorial(k) for k in range(60))


# What each is of a square matrix, and its gradient times `g`.
INVERSE = numpy.linalg.inv
FUNCTIONS = {
    "linalg.inv": (torch.linalg.inv, INVERSE, lambda a, g: -INVERSE(a).T @ g @ INVERSE(a).T),
    "inverse": (torch.inverse, INVERSE, lambda a, g: -INVERSE(a).T @ g @ INVERSE(a).T),
    "linalg.inv_ex": (lambda x: torch.linalg.inv_ex(x).inverse, INVERSE, lambda a, g: -INVERSE(a).T @ g @ INVERSE(a).T),
    "linalg.pinv": (torch.linalg.pinv, INVERSE, lambda a, g: -INVERSE(a).T @ g @ INVERSE(a).T),
    "linalg.det": (torch.linalg.det, numpy.linalg.det, lambda a, g: g * numpy.linalg.det(a) * INVERSE(a).T),
    "logdet": (torch.logdet, lambda a: numpy.log(numpy.linalg.det(a)), lambda a, g: g * INVERSE(a).T),
    "linalg.slogdet": (
        lambda x: torch.linalg.slogdet(x).logabsdet,
        lambda a: numpy.linalg.slogdet(a)[1],
        lambda a, g: g * INVERSE(a).T,
    ),
    "linalg.matrix_power": (
        lambda x: torch.linalg.matrix_power(x, 2),
        lambda a: a @ a,
        lambda a, g: g @ a.T + a.T @ g,
    ),
    "trace": (torch.trace, numpy.trace, lambda a, g: g * numpy.eye(3)),
}
of_functions = pytest.mark.parametrize("name", FUNCTIONS)


@fact(*(f"torch.{name}" for name in FUNCTIONS))
@of_functions
@pytest.mark.parametrize(
    "lie",
    [torch.clone, lambda x: x.t().contiguous().t(), lambda x: torch.stack([x, x], -1)[..., 0]],
    ids=["in_order", "transposed", "stepped"],
)
def test_functions_of_a_matrix_and_their_gradients(name, lie, device):
    """`torch.linalg.inv`, `pinv`, `det`, `trace` and the like have value and gradient by formula, transposed or not."""
    function, of_array, gradient = FUNCTIONS[name]
    x = lie(torch.tensor(A, device=device)).requires_grad_()
    y, want = function(x), of_array(A)
    g = G if numpy.ndim(want) else 2.0
    y.backward(torch.tensor(g, dtype=torch.float64, device=device))
    assert y.dtype == torch.float64
    near(y, want)
    near(x.grad, gradient(A, g))
    same(x, A)


BATCHED = ["inv", "inv_ex", "pinv", "det", "slogdet", "matrix_power"]


@fact(*(f"torch.linalg.{name}" for name in BATCHED))
@pytest.mark.parametrize("name", BATCHED)
def test_functions_of_a_batch_are_of_each_matrix(name, device):
    """`torch.linalg.inv`, `pinv`, `det` and the like of a batch are those of each matrix, or of none."""
    batch = torch.tensor(numpy.stack([A, A.T + 1]), device=device)
    function, of_array, _ = FUNCTIONS[f"linalg.{name}"]
    y = function(batch)
    near(y, numpy.stack([of_array(each) for each in (A, A.T + 1)]))
    assert function(batch[:0]).shape == (0, *y.shape[1:])


REFUSING = {
    "inv": torch.linalg.inv,
    "det": torch.linalg.det,
    "slogdet": torch.linalg.slogdet,
    "matrix_power": lambda x: torch.linalg.matrix_power(x, 2),
    "matrix_exp": torch.linalg.matrix_exp,
    "solve": lambda x: torch.linalg.solve(x, x),
}
of_refusing = pytest.mark.parametrize("name", REFUSING)
about_refusing = fact(*(f"torch.linalg.{name}" for name in REFUSING))


@about_refusing
@of_refusing
def test_functions_refuse_what_is_not_square(name, device):
    """`torch.linalg.inv`, `det` etc. refuse: "must be batches of square matrices, but they are 3 by 2 matrices"."""
    with pytest.raises(RuntimeError, match="must be batches of square matrices, but they are 3 by 2 matrices"):
        REFUSING[name](torch.tensor(B, device=device))


@about_refusing
@of_refusing
def test_functions_refuse_a_vector(name, device):
    """`torch.linalg.inv`, `det`, `solve` and the like refuse a vector: "must have at least 2 dimensions"."""
    with pytest.raises(RuntimeError, match="must have at least 2 dimensions"):
        REFUSING[name](torch.ones(3, device=device))


@fact("torch.linalg.inv", "torch.linalg.det", "torch.linalg.solve", "torch.linalg.matrix_exp")
@pytest.mark.parametrize("name", ["inv", "det", "solve", "matrix_exp"])
def test_functions_refuse_integers(name, device):
    """`torch.linalg.inv`, `det`, `solve`, `matrix_exp` refuse integers: "Expected a floating point or complex"."""
    with pytest.raises(RuntimeError, match="Expected a floating point or complex tensor as input. Got Long"):
        REFUSING[name](torch.eye(2, dtype=torch.int64, device=device))


@fact("torch.linalg.inv", "torch.linalg.solve", "torch.inverse", hint="inv_ex and solve_ex tell it without raising")
@pytest.mark.parametrize(
    "function", [torch.linalg.inv, torch.inverse, lambda x: torch.linalg.solve(x, x)], ids=["inv", "inverse", "solve"]
)
def test_of_a_singular_matrix_is_refused(function, device):
    """`torch.linalg.inv` and `solve` of a "singular" matrix raise `LinAlgError`, a `RuntimeError`: a pivot is zero."""
    with pytest.raises(torch.linalg.LinAlgError, match="singular"):
        function(torch.tensor(SINGULAR, device=device))
    assert issubclass(torch.linalg.LinAlgError, RuntimeError)


def with_a_singular_one(name, device, **options):
    """What `inv_ex`, or `solve_ex` with itself as right side, gives for a batch of which the last is singular."""
    x = torch.tensor(numpy.stack([A[:2, :2], SINGULAR]), device=device)
    return torch.linalg.inv_ex(x, **options) if name == "inv_ex" else torch.linalg.solve_ex(x, x, **options)


@fact("torch.linalg.inv_ex", "torch.linalg.solve_ex")
@pytest.mark.parametrize(
    ("name", "want"), [("inv_ex", INVERSE(A[:2, :2])), ("solve_ex", numpy.eye(2))], ids=["inv_ex", "solve_ex"]
)
def test_of_a_singular_matrix_is_told(name, want, device):
    """`torch.linalg.inv_ex` and `solve_ex` tell a zero pivot in `info`, and compute the other matrices of a batch."""
    result, info = with_a_singular_one(name, device)
    same(info, torch.tensor([0, 2], dtype=torch.int32))
    near(result[0], want)


@fact("torch.linalg.inv_ex", "torch.linalg.solve_ex")
@pytest.mark.parametrize("name", ["inv_ex", "solve_ex"])
def test_of_a_singular_matrix_is_refused_when_told(name, device):
    """`torch.linalg.inv_ex` and `solve_ex` with `check_errors=True` refuse a "singular" matrix."""
    with pytest.raises(torch.linalg.LinAlgError, match="singular"):
        with_a_singular_one(name, device, check_errors=True)


@fact("torch.linalg.det", "torch.linalg.slogdet", "torch.logdet")
def test_by_determinants_tells_a_singular_matrix(device):
    """Of a diagonal matrix with a zero `det` is 0, `slogdet` a sign of 0 with minus infinity, and `logdet` the same."""
    x = torch.tensor(numpy.diag([2.0, 0.0]), device=device)
    found = [torch.linalg.det(x), *torch.linalg.slogdet(x), torch.logdet(x)]
    same(torch.stack(found), numpy.array([0, 0, -math.inf, -math.inf]))


@fact("torch.logdet", hint="torch.linalg.slogdet tells the sign apart")
def test_by_logdet_has_no_logarithm_of_a_negative_determinant(device):
    """`torch.logdet` of a matrix with a negative determinant is NaN."""
    x = torch.tensor(numpy.diag([2.0, -1.0]), device=device)
    same(torch.logdet(x), torch.tensor(math.nan, dtype=torch.float64))


@fact("torch.linalg.slogdet", "torch.slogdet", "torch.Tensor.slogdet")
@pytest.mark.parametrize("slogdet", [torch.linalg.slogdet, torch.slogdet, torch.Tensor.slogdet], ids=OWNERS)
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_by_slogdet_has_a_sign(sign, slogdet, device):
    """`torch.linalg.slogdet` gives the sign of the determinant and the logarithm of its size."""
    got = slogdet(torch.tensor(sign * A, device=device))
    same(got.sign, torch.tensor(sign, dtype=torch.float64))
    near(got.logabsdet, math.log(numpy.linalg.det(A)))


SIDES = {
    "matrix": (B, lambda a, b: numpy.linalg.solve(a, b)),
    "vector": (B[:, 0].copy(), lambda a, b: numpy.linalg.solve(a, b)),
}


@fact("torch.linalg.solve", "torch.linalg.solve_ex")
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("name", ["solve", "solve_ex"])
def test_gives_what_times_the_matrix_is_the_right_side(side, name, device):
    """`torch.linalg.solve` and `solve_ex` give the X with A X = B, for a matrix or a vector B, with gradients."""
    b = SIDES[side][0]
    x, y = torch.tensor(A, device=device, requires_grad=True), torch.tensor(b, device=device, requires_grad=True)
    got = getattr(torch.linalg, name)(x, y)
    got = got if name == "solve" else got.result
    got.backward(torch.tensor(b[::-1].copy(), device=device))
    want = numpy.linalg.solve(A, b)
    near(got, want)
    near(y.grad, numpy.linalg.solve(A.T, b[::-1]))
    near(x.grad, -numpy.linalg.solve(A.T, b[::-1]).reshape(3, -1) @ want.reshape(3, -1).T)
    same(x, A)
    same(y, b)


@fact("torch.linalg.solve", "torch.linalg.solve_ex")
@pytest.mark.parametrize("name", ["solve", "solve_ex"])
def test_from_the_right_is_of_the_other_product(name, device):
    """`torch.linalg.solve` and `solve_ex` with `left=False` give the X with X A = B, one B for a batch of A."""
    x, y = torch.tensor(numpy.stack([A, A.T]), device=device), torch.tensor(G, device=device)
    got = getattr(torch.linalg, name)(x, y, left=False)
    near(got if name == "solve" else got.result, numpy.stack([G @ INVERSE(each) for each in (A, A.T)]))
    same(x, numpy.stack([A, A.T]))


@fact("torch.linalg.solve")
def test_refuses_another_number_of_rows(device):
    """`torch.linalg.solve` refuses a right side of another number of rows: "Incompatible shapes of A and B"."""
    with pytest.raises(RuntimeError, match=r"Incompatible shapes of A and B for the equation AX = B \(3x3 and 2x2\)"):
        torch.linalg.solve(torch.tensor(A, device=device), torch.tensor(B[:2], device=device))


@fact("torch.linalg.solve_triangular", "torch.triangular_solve")
@pytest.mark.parametrize("unit", [False, True])
@pytest.mark.parametrize("upper", [False, True])
def test_of_a_triangle_reads_that_triangle(upper, unit, device):
    """`solve_triangular` and `triangular_solve` read one triangle, without its diagonal if told that it is of ones."""
    a = numpy.triu(A) if upper else numpy.tril(A)
    a = a - numpy.diag(numpy.diag(a)) + numpy.eye(3) if unit else a
    x, y = torch.tensor(A, device=device), torch.tensor(B, device=device, requires_grad=True)
    got = torch.linalg.solve_triangular(x, y, upper=upper, unitriangular=unit)
    old = torch.triangular_solve(y, x, upper=upper, unitriangular=unit).solution
    (got + 2 * old).backward(torch.tensor(B[::-1].copy(), device=device))
    near(got, numpy.linalg.solve(a, B))
    near(old, numpy.linalg.solve(a, B))
    near(y.grad, 3 * numpy.linalg.solve(a.T, B[::-1]))
    near(torch.linalg.solve_triangular(x, y.T, upper=upper, unitriangular=unit, left=False), B.T @ INVERSE(a))
    same(y, B)


TALL = numpy.array([[1.0, 0.5], [1.0, 1.5], [1.0, 4.0], [1.0, -2.0]])
RIGHT = numpy.array([[1.0], [3.0], [2.0], [0.5]])
NEAREST = INVERSE(TALL.T @ TALL) @ TALL.T @ RIGHT


@fact("torch.linalg.lstsq")
def test_by_lstsq_is_nearest(device):
    """`torch.linalg.lstsq` gives the X for which A X is nearest to B: what is left is at right angles to A."""
    x, y = torch.tensor(TALL, device=device), torch.tensor(RIGHT, device=device)
    got = torch.linalg.lstsq(x, y, driver="gels").solution
    near(got, NEAREST)
    near(x.T @ (x @ got - y), numpy.zeros((2, 1)))


@fact("torch.linalg.lstsq")
def test_by_lstsq_leaves_residuals(device):
    """`residuals` of `torch.linalg.lstsq` are the sums of the squares of A X - B."""
    got = torch.linalg.lstsq(torch.tensor(TALL, device=device), torch.tensor(RIGHT, device=device), driver="gels")
    near(got.residuals, ((TALL @ NEAREST - RIGHT) ** 2).sum(0))


@fact("torch.linalg.lstsq")
def test_by_lstsq_has_a_gradient_in_the_right_side(device):
    """The gradient of the solution of `torch.linalg.lstsq` by B goes through the transposed pseudo-inverse of A."""
    y = torch.tensor(RIGHT, device=device, requires_grad=True)
    got = torch.linalg.lstsq(torch.tensor(TALL, device=device), y, driver="gels")
    got.solution.backward(torch.tensor([[1.0], [2.0]], dtype=torch.float64, device=device))
    near(y.grad, TALL @ INVERSE(TALL.T @ TALL) @ [[1.0], [2.0]])


@fact("torch.linalg.lstsq")
@pytest.mark.parametrize("driver", ["gelsy", "gelsd", "gelss"])
def test_by_lstsq_without_full_rank_is_the_shortest(driver):
    """`torch.linalg.lstsq` with a driver that sees the rank, as "gelsy", gives the shortest of all nearest X."""
    got = torch.linalg.lstsq(
        torch.tensor(SINGULAR), torch.tensor([[1.0], [2.0]], dtype=torch.float64), rcond=1e-6, driver=driver
    )
    near(got.solution, [[0.2], [0.4]])
    assert got.rank.item() == 1


@fact("torch.linalg.lstsq")
def test_by_lstsq_needs_as_many_rows(device):
    """`torch.linalg.lstsq` refuses a right side of another number of rows: "should match other.size(-2)"."""
    with pytest.raises(RuntimeError, match=r"input.size\(-2\) should match other.size\(-2\)"):
        torch.linalg.lstsq(torch.tensor(A, device=device), torch.tensor(B[:2], device=device))


@fact("torch.linalg.pinv", "torch.pinverse")
@pytest.mark.parametrize("name", ["linalg.pinv", "pinverse"])
@pytest.mark.parametrize("a", [B, B.T.copy(), SINGULAR], ids=["tall", "wide", "singular"])
def test_by_pinv_is_the_pseudoinverse(name, a, device):
    """`torch.linalg.pinv` and `torch.pinverse` give the pseudoinverse of a tall, a wide or a singular matrix."""
    x = torch.tensor(a, device=device)
    y = (torch.linalg.pinv if "." in name else torch.pinverse)(x)
    assert y.dtype == torch.float64
    near(y, numpy.linalg.pinv(a))
    same(x, a)


@fact("torch.linalg.pinv", "torch.linalg.matrix_rank")
def test_by_pinv_drops_what_is_small(device):
    """`torch.linalg.pinv` and `matrix_rank` drop singular values below `atol`, or below `rtol` times the largest."""
    x = torch.tensor(numpy.diag([4.0, 1.0, 0.5]), device=device)
    near(torch.linalg.pinv(x, atol=0.75), numpy.diag([0.25, 1.0, 0.0]))
    near(torch.linalg.pinv(x, rtol=0.3), numpy.diag([0.25, 0.0, 0.0]))
    ranks = [torch.linalg.matrix_rank(x, **options) for options in ({}, {"atol": 0.75}, {"rtol": 0.3})]
    same(torch.stack(ranks), torch.tensor([3, 2, 1]))


@fact("torch.linalg.pinv", "torch.linalg.matrix_rank")
def test_by_hermitian_ranks_reads_one_triangle(device):
    """`torch.linalg.pinv` and `matrix_rank` with `hermitian=True` read the lower triangle."""
    x = torch.tensor(numpy.tril(A + A.T), device=device)
    near(torch.linalg.pinv(x, hermitian=True), INVERSE(A + A.T))
    half = torch.tensor([[1.0, 9.0], [1.0, 1.0]], device=device)
    same(
        torch.stack([torch.linalg.matrix_rank(half, hermitian=True), torch.linalg.matrix_rank(half)]),
        torch.tensor([1, 2]),
    )


@fact("torch.linalg.matrix_power", "torch.matrix_power", "torch.Tensor.matrix_power")
@pytest.mark.parametrize(
    "power", [torch.linalg.matrix_power, torch.matrix_power, torch.Tensor.matrix_power], ids=OWNERS
)
@pytest.mark.parametrize("n", [0, 1, 3, -2])
def test_by_powers_multiplies_the_matrix_by_itself(n, power, device):
    """`torch.linalg.matrix_power` multiplies a matrix n times by itself, or its inverse, in new memory."""
    x = torch.tensor(A, device=device)
    y = power(x, n)
    assert y.dtype == x.dtype
    close(y, numpy.linalg.matrix_power(A, n), roundings=256, scale=256)
    y[0, 0] = 99.0
    same(x, A)


@fact("torch.linalg.matrix_exp", "torch.matrix_exp")
@pytest.mark.parametrize("name", ["linalg.matrix_exp", "matrix_exp"])
def test_by_matrix_exp_is_the_series(name, device):
    """`torch.linalg.matrix_exp` and `torch.matrix_exp` are the sum of powers over factorials."""
    x = torch.tensor(A / 4, device=device)
    near((torch.linalg.matrix_exp if "." in name else torch.matrix_exp)(x), exponential(A / 4))
    same(x, A / 4)


@fact("torch.linalg.matrix_exp", "torch.matrix_exp")
@pytest.mark.parametrize("name", ["linalg.matrix_exp", "matrix_exp"])
def test_by_matrix_exp_is_the_slope_of_its_trace(name, device):
    """The gradient of the trace of `torch.linalg.matrix_exp` or `torch.matrix_exp` is its transpose."""
    x = torch.tensor(A / 4, device=device, requires_grad=True)
    (torch.linalg.matrix_exp if "." in name else torch.matrix_exp)(x).trace().backward()
    near(x.grad, exponential(A / 4).T)


@fact("torch.linalg.tensorsolve", "torch.linalg.tensorinv")
def test_of_tensors_is_of_the_flattened_matrix(device):
    """`torch.linalg.tensorsolve` and `tensorinv` take a tensor for the matrix that it is flattened to."""
    a = numpy.arange(36.0).reshape(2, 3, 6) ** 2 % 7 + 9 * numpy.eye(6).reshape(2, 3, 6)
    b = numpy.array([[1.0, 2.0, 3.0], [-1.0, 0.5, 0.25]])
    x, y = torch.tensor(a, device=device), torch.tensor(b, device=device)
    solved, inverse = torch.linalg.tensorsolve(x, y), torch.linalg.tensorinv(x, ind=2)
    near(solved, numpy.linalg.tensorsolve(a, b))
    near(inverse, numpy.linalg.tensorinv(a, ind=2))
    same(y, b)


MISFITS = {
    "linalg.solve_triangular": (
        lambda one: torch.linalg.solve_triangular(one(2, 2), one(3, 2), upper=True),
        r"Incompatible shapes of A and B for the equation AX = B \(2x2 and 3x2\)",
    ),
    "triangular_solve": (
        lambda one: torch.triangular_solve(one(3, 2), one(2, 2)),
        "each A matrix is 2 by 2 but each b matrix is 3 by 2",
    ),
    "linalg.pinv": (lambda one: torch.linalg.pinv(one(3)), "expected a tensor with 2 or more dimensions"),
    "pinverse": (lambda one: torch.pinverse(one(3)), "expected a tensor with 2 or more dimensions"),
    "linalg.tensorinv": (lambda one: torch.linalg.tensorinv(one(2, 3), ind=1), "but got 3 != 2"),
    "linalg.tensorsolve": (lambda one: torch.linalg.tensorsolve(one(2, 3), one(2)), "but got 3 != 2"),
}


@fact(*(f"torch.{name}" for name in MISFITS))
@pytest.mark.parametrize("name", MISFITS)
def test_refuses_what_does_not_fit(name, device):
    """`torch.linalg.pinv`, `solve_triangular`, `tensorsolve` and the like refuse misfitting shapes, and say which."""
    refused, words = MISFITS[name]
    with pytest.raises(RuntimeError, match=words):
        refused(lambda *shape: torch.ones(*shape, device=device))
