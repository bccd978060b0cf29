"""Decompositions of `torch.linalg`, judged by NumPy and by their products; by random directions: test_low_rank."""

import numpy
import pytest
import torch

from torchproof import close, fact, same
from torchproof.fixtures.checks import shares
from torchproof.fixtures.fact import check

ROUNDINGS = 256  # of a decomposition of 3 by 3 and the products that undo it, of entries up to 8
A = numpy.array([[4.0, 1.0, -0.5], [1.5, 3.0, 0.25], [-0.5, 0.75, 2.0]])
SYMMETRIC = A + A.T
TALL = numpy.array([[1.0, 2.0], [-0.5, 1.5], [3.0, 0.25]])
COMPLEX = A + 1j * numpy.array([[0.0, 1.0, 0.5], [0.25, 1.0, -1.0], [0.5, 0.0, 2.0]])
HERMITIAN = COMPLEX + COMPLEX.conj().T + 6 * numpy.eye(3)

square = pytest.mark.parametrize("a", [A, COMPLEX], ids=["real", "complex"])
definite = pytest.mark.parametrize("a", [SYMMETRIC, HERMITIAN], ids=["real", "complex"])
of_any = pytest.mark.parametrize("a", [A, TALL, TALL.T, COMPLEX], ids=["square", "tall", "wide", "complex"])


@check
def near(got, want):
    """Two matrices of 64 bits a part agree within the roundings of a decomposition."""
    assert got.dtype in (torch.float64, torch.complex128), f"dtype {got.dtype}, expected one of 64 bits a part"
    close(got.resolve_conj(), want, roundings=ROUNDINGS, scale=8)


def adjoint(x):
    return x.transpose(-2, -1).conj()


def in_batch(a, device):
    """Two matrices as a batch, which does not lie row by row."""
    return torch.tensor(numpy.stack([a, 2 * a], axis=-1), device=device).permute(2, 0, 1)


@fact("torch.linalg.cholesky")
@definite
@pytest.mark.parametrize("upper", [False, True])
def test_by_cholesky_is_a_triangle_times_its_adjoint(a, upper, device):
    """`torch.linalg.cholesky` gives the triangle of positive diagonal whose product with its adjoint is the matrix."""
    x = torch.tensor(a, device=device)
    y = torch.linalg.cholesky(x, upper=upper)
    want = numpy.linalg.cholesky(a)
    assert y.dtype == x.dtype
    near(y, want.conj().T if upper else want)
    same(x, a)


@fact("torch.linalg.cholesky", "torch.linalg.cholesky_ex")
@pytest.mark.parametrize("name", ["cholesky", "cholesky_ex"])
@pytest.mark.parametrize("upper", [False, True])
def test_by_cholesky_has_the_gradient_of_a_determinant(name, upper, device):
    """The gradient of the summed logarithms of the diagonal of `cholesky` or `cholesky_ex` is half the inverse."""
    x = torch.tensor(SYMMETRIC, device=device, requires_grad=True)
    y = getattr(torch.linalg, name)(x, upper=upper)
    (y if name == "cholesky" else y.L).diagonal().log().sum().backward()
    near((x.grad + x.grad.T) / 2, numpy.linalg.inv(SYMMETRIC) / 2)


@fact("torch.linalg.cholesky", "torch.linalg.cholesky_ex")
def test_by_cholesky_reads_one_triangle(device):
    """`torch.linalg.cholesky` and `cholesky_ex` read the lower triangle only."""
    x = torch.tensor(numpy.tril(SYMMETRIC), device=device)
    near(torch.linalg.cholesky(x), numpy.linalg.cholesky(SYMMETRIC))
    near(torch.linalg.cholesky_ex(x).L, numpy.linalg.cholesky(SYMMETRIC))


@fact("torch.linalg.cholesky", "torch.linalg.cholesky_ex", hint="cholesky_ex tells it without raising")
@pytest.mark.parametrize("name", ["cholesky", "cholesky_ex"])
def test_by_cholesky_needs_a_positive_definite_matrix(name, device):
    """`torch.linalg.cholesky`, and `cholesky_ex` with `check_errors=True`, refuse what is "not positive-definite"."""
    options = {"check_errors": True} if name == "cholesky_ex" else {}
    with pytest.raises(torch.linalg.LinAlgError, match="not positive-definite .*minor of order 2"):
        getattr(torch.linalg, name)(torch.tensor([[2.0, 0.0], [0.0, -1.0]], device=device), **options)


@fact("torch.linalg.cholesky_ex")
def test_by_cholesky_ex_tell_the_minor_that_is_not_positive(device):
    """`torch.linalg.cholesky_ex` tells in `info` the order of the first leading minor that is not positive."""
    x = torch.tensor([[2.0, 0.0], [0.0, -1.0]], device=device)
    same(torch.linalg.cholesky_ex(x).info, torch.tensor(2, dtype=torch.int32))


@fact("torch.linalg.cholesky_ex")
@pytest.mark.parametrize("upper", [False, True])
def test_by_cholesky_ex_say_that_they_succeeded(upper, device):
    """`torch.linalg.cholesky_ex` of a positive definite matrix gives its triangle, and 0 as `info`."""
    factor, info = torch.linalg.cholesky_ex(torch.tensor(SYMMETRIC, device=device), upper=upper)
    want = numpy.linalg.cholesky(SYMMETRIC)
    near(factor, want.T if upper else want)
    same(info, torch.tensor(0, dtype=torch.int32))


def cholesky_factor(device, upper):
    """The factor of the symmetric matrix as NumPy has it."""
    lower = numpy.linalg.cholesky(SYMMETRIC)
    return torch.tensor(lower.T.copy() if upper else lower, device=device)


@fact("torch.cholesky_solve")
@pytest.mark.parametrize("upper", [False, True])
def test_by_cholesky_solve_equations(upper, device):
    """`torch.cholesky_solve` solves by a Cholesky factor, the lower one, or the upper one with `upper=True`."""
    b = torch.tensor(TALL, device=device)
    y = torch.cholesky_solve(b, cholesky_factor(device, upper), upper=upper)
    near(y, numpy.linalg.solve(SYMMETRIC, TALL))
    same(b, TALL)


@fact("torch.cholesky_inverse")
@pytest.mark.parametrize("upper", [False, True])
def test_by_cholesky_invert(upper, device):
    """`torch.cholesky_inverse` inverts by a Cholesky factor, the lower one, or the upper one with `upper=True`."""
    near(torch.cholesky_inverse(cholesky_factor(device, upper), upper=upper), numpy.linalg.inv(SYMMETRIC))


BY_CHOLESKY = {
    "cholesky_solve": lambda x, upper: torch.cholesky_solve(torch.tensor(SYMMETRIC @ A.T, device=x.device), x, upper),
    "cholesky_inverse": lambda x, upper: torch.cholesky_inverse(x, upper),
}


@fact("torch.cholesky_solve", "torch.cholesky_inverse")
@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("name", BY_CHOLESKY)
def test_by_cholesky_have_gradients_in_the_factor(name, upper, device):
    """The traces of `torch.cholesky_solve` and `cholesky_inverse` have their gradients by the factor by formula."""
    x, inverse = cholesky_factor(device, upper).requires_grad_(), numpy.linalg.inv(SYMMETRIC)
    BY_CHOLESKY[name](x, upper).trace().backward()
    by_matrix = -inverse @ (inverse if name == "cholesky_inverse" else SYMMETRIC @ A.T @ inverse)
    want = (by_matrix + by_matrix.T) @ numpy.linalg.cholesky(SYMMETRIC)
    near(x.grad.triu().T if upper else x.grad.tril(), numpy.tril(want))


@fact("torch.linalg.qr")
@of_any
@pytest.mark.parametrize("mode", ["reduced", "complete"])
def test_by_qr_is_orthonormal_times_a_triangle(a, mode, device):
    """`torch.linalg.qr` gives Q with orthonormal columns and R, upper triangular, whose product is the matrix."""
    q, r = torch.linalg.qr(torch.tensor(a, device=device), mode=mode)
    assert q.shape[-1] == (min(a.shape) if mode == "reduced" else a.shape[0])
    close(r, numpy.triu(r.cpu().numpy()), roundings=0)
    near(adjoint(q) @ q, numpy.eye(q.shape[-1]))
    near(q @ r, a)


@fact("torch.linalg.qr")
@of_any
def test_by_qr_may_be_the_triangle_alone(a, device):
    """`torch.linalg.qr` with `mode="r"` gives an empty Q, and the R whose `R.mH @ R` is that of the matrix."""
    q, r = torch.linalg.qr(torch.tensor(a, device=device), mode="r")
    assert (q.numel(), r.shape) == (0, (min(a.shape), a.shape[1]))
    close(r, numpy.triu(r.cpu().numpy()), roundings=0)
    close(adjoint(r) @ r, a.conj().T @ a, roundings=ROUNDINGS, scale=32)


@fact("torch.linalg.qr")
def test_by_qr_gives_back_the_gradient_of_their_product(device):
    """The gradient through `Q @ R` of both parts of `torch.linalg.qr` of a tall matrix is that of the matrix itself."""
    x = torch.tensor(TALL, device=device, requires_grad=True)
    q, r = torch.linalg.qr(x)
    (q @ r).backward(torch.tensor(TALL[::-1].copy(), device=device))
    near(x.grad, TALL[::-1])


@fact("torch.linalg.qr")
def test_by_qr_knows_three_modes(device):
    """`torch.linalg.qr` refuses a mode that does not exist: "unrecognized mode"."""
    with pytest.raises(RuntimeError, match="unrecognized mode 'full'"):
        torch.linalg.qr(torch.tensor(A, device=device), mode="full")


@fact("torch.linalg.svd")
@of_any
@pytest.mark.parametrize("full", [False, True])
def test_by_svd_is_two_rotations_and_a_stretch(a, full, device):
    """`torch.linalg.svd` gives orthonormal U and Vh, square by default, and singular values from large to small."""
    x = torch.tensor(a, device=device)
    u, s, vh = torch.linalg.svd(x, **({} if full else {"full_matrices": False}))
    k = min(a.shape)
    assert (u.shape[1], vh.shape[0]) == ((a.shape[0], a.shape[1]) if full else (k, k))
    near(s, numpy.linalg.svd(a)[1])
    near((u[:, :k] * s) @ vh[:k], a)
    near(adjoint(u) @ u, numpy.eye(u.shape[1]))
    near(vh @ adjoint(vh), numpy.eye(vh.shape[0]))
    same(x, a)


@fact("torch.linalg.svd")
def test_by_svd_give_back_the_gradient_of_their_product(device):
    """The gradient through `U @ S.diag() @ Vh` of `torch.linalg.svd` is that of the matrix itself."""
    x = torch.tensor(A, device=device, requires_grad=True)
    u, s, vh = torch.linalg.svd(x)
    (u @ s.diag() @ vh).backward(torch.tensor(A.T.copy(), device=device))
    near(x.grad, A.T)


@fact("torch.linalg.svdvals", "torch.linalg.eigvalsh")
@pytest.mark.parametrize("name", ["svdvals", "eigvalsh"])
def test_by_values_have_the_inverse_as_slope(name, device):
    """The gradient of the summed logarithms of `svdvals` or `eigvalsh` of a positive definite matrix is its inverse."""
    x = torch.tensor(SYMMETRIC, device=device, requires_grad=True)
    y = getattr(torch.linalg, name)(x)
    y.log().sum().backward()
    near(x.grad, numpy.linalg.inv(SYMMETRIC))
    values = numpy.linalg.eigvalsh(SYMMETRIC)
    near(y, values[::-1] if name == "svdvals" else values)


@fact("torch.linalg.svdvals")
@of_any
def test_by_values_are_singular_values(a, device):
    """`torch.linalg.svdvals` gives the singular values, real and contiguous, from large to small."""
    x = torch.tensor(a, device=device)
    y = torch.linalg.svdvals(x)
    assert (y.dtype, y.is_contiguous()) == (torch.float64, True)
    near(y, numpy.linalg.svd(a)[1])
    same(x, a)


@fact("torch.linalg.eigh")
@definite
@pytest.mark.parametrize("uplo", ["L", "U"])
def test_by_eigh_are_orthonormal_and_rise(a, uplo, device):
    """`torch.linalg.eigh` gives real, rising eigenvalues and orthonormal eigenvectors, of the triangle `UPLO` names."""
    half = numpy.tril(a) if uplo == "L" else numpy.triu(a)
    x = torch.tensor(half, device=device)
    values, vectors = torch.linalg.eigh(x, UPLO=uplo)
    assert (values.dtype, vectors.dtype) == (torch.float64, x.dtype)
    near(values, numpy.linalg.eigvalsh(a))
    close((vectors * values) @ adjoint(vectors), a, roundings=ROUNDINGS, scale=16)
    near(adjoint(vectors) @ vectors, numpy.eye(3))
    same(x, half)


@fact("torch.linalg.eigh")
def test_by_eigh_give_back_the_gradient_of_their_product(device):
    """The gradient through both parts of `torch.linalg.eigh` and their product is that of the symmetric matrix."""
    x = torch.tensor(SYMMETRIC, device=device, requires_grad=True)
    values, vectors = torch.linalg.eigh(x)
    ((vectors * values) @ vectors.T).backward(torch.tensor(A @ A.T, device=device))
    close(x.grad, A @ A.T, roundings=ROUNDINGS, scale=32)


@fact("torch.linalg.eigvalsh")
@definite
@pytest.mark.parametrize("uplo", ["L", "U"])
def test_by_eigvalsh_are_the_values_alone(a, uplo, device):
    """`torch.linalg.eigvalsh` gives the eigenvalues of the triangle that `UPLO` names, rising and contiguous."""
    x = torch.tensor(numpy.tril(a) if uplo == "L" else numpy.triu(a), device=device)
    y = torch.linalg.eigvalsh(x, UPLO=uplo)
    assert (y.dtype, y.is_contiguous()) == (torch.float64, True)
    near(y, numpy.linalg.eigvalsh(a))


@fact("torch.linalg.eigh", "torch.linalg.eigvalsh")
@pytest.mark.parametrize("name", ["eigh", "eigvalsh"])
def test_by_eigh_know_two_triangles(name, device):
    """`torch.linalg.eigh` and `eigvalsh` refuse a `UPLO` that is neither "L" nor "U"."""
    with pytest.raises(RuntimeError, match="UPLO"):
        getattr(torch.linalg, name)(torch.tensor(SYMMETRIC, device=device), UPLO="X")


@fact("torch.linalg.eig")
@square
def test_by_eig_is_stretched_along_its_vectors(a, device):
    """`torch.linalg.eig` gives complex values and unit vectors that the matrix stretches by them."""
    x = torch.tensor(a, device=device)
    values, vectors = torch.linalg.eig(x)
    assert (values.dtype, vectors.dtype) == (torch.complex128, torch.complex128)
    near(x.to(vectors.dtype) @ vectors, (vectors * values).cpu().numpy())
    near(values.sum(), a.trace())
    near((vectors.abs() ** 2).sum(0), numpy.ones(3))
    same(x, a)


@fact("torch.linalg.eig")
def test_by_eig_of_a_rotation_are_imaginary(device):
    """`torch.linalg.eig` of a real rotation by a quarter turn gives the eigenvalues i and -i."""
    values = torch.linalg.eig(torch.tensor([[0.0, -1.0], [1.0, 0.0]], dtype=torch.float64, device=device)).eigenvalues
    near(values.imag.sort().values, [-1.0, 1.0])
    close(values.real, [0.0, 0.0], roundings=ROUNDINGS, scale=1)


@fact("torch.linalg.eig")
def test_by_eig_give_back_the_gradient_of_their_product(device):
    """The gradient through `V @ L.diag() @ V.inverse()` of both parts of `torch.linalg.eig` is that of the matrix."""
    x = torch.tensor([[0.0, -1.0], [1.0, 0.0]], dtype=torch.float64, device=device, requires_grad=True)
    values, vectors = torch.linalg.eig(x)
    (vectors @ values.diag() @ torch.linalg.inv(vectors)).real.backward(torch.tensor(A[:2, :2].copy(), device=device))
    near(x.grad, A[:2, :2])


@fact("torch.linalg.eigvals")
@square
def test_by_eigvals_are_the_values_alone(a, device):
    """`torch.linalg.eigvals` gives contiguous complex eigenvalues, whose powers add up to the traces of powers."""
    values = torch.linalg.eigvals(torch.tensor(a, device=device))
    assert (values.dtype, values.is_contiguous()) == (torch.complex128, True)
    powers = [numpy.trace(numpy.linalg.matrix_power(a, k)) for k in (1, 2, 3)]
    close(torch.stack([(values**k).sum() for k in (1, 2, 3)]), powers, roundings=ROUNDINGS, scale=256)


@fact("torch.linalg.eigvals")
@square
def test_by_eigvals_have_the_slope_of_a_trace(a, device):
    """The gradient of the summed squares of `torch.linalg.eigvals`, the trace of `A @ A`, is `2 * A.mH`."""
    x = torch.tensor(a, device=device, requires_grad=True)
    (torch.linalg.eigvals(x) ** 2).sum().real.backward()
    close(x.grad, 2 * a.conj().T, roundings=ROUNDINGS, scale=16)


@fact("torch.linalg.lu")
@of_any
def test_by_lu_is_a_permutation_of_two_triangles(a, device):
    """`torch.linalg.lu` gives a permutation, a unit lower triangle and an upper one, whose product is the matrix."""
    p, low, up = torch.linalg.lu(torch.tensor(a, device=device))
    near(p @ low @ up, a)
    close(low, numpy.tril(low.cpu().numpy(), -1) + numpy.eye(*low.shape), roundings=0)
    close(up, numpy.triu(up.cpu().numpy()), roundings=0)
    close(p.sum(0) * p.sum(1), numpy.ones(a.shape[0]), roundings=0)


@fact("torch.linalg.lu", "torch.linalg.lu_factor", "torch.lu_unpack")
@of_any
@pytest.mark.parametrize("name", ["lu", "lu_factor"])
def test_by_lu_give_back_the_gradient_of_their_product(a, name, device):
    """The gradient through `P @ L @ U` of `torch.linalg.lu`, or of `lu_factor` and `lu_unpack`, is the matrix's own."""
    x = torch.tensor(a, device=device, requires_grad=True)
    p, low, up = torch.linalg.lu(x) if name == "lu" else torch.lu_unpack(*torch.linalg.lu_factor(x))
    assert (p.requires_grad, low.requires_grad, up.requires_grad) == (False, True, True)
    (p @ low @ up).backward(torch.tensor(a, device=device))
    near(x.grad, a)


@fact("torch.linalg.lu_factor", "torch.lu_unpack")
@of_any
def test_by_lu_are_packed_into_one_matrix(a, device):
    """`torch.linalg.lu_factor` packs both triangles into a matrix, with pivots from 1; `lu_unpack` takes them apart."""
    packed, pivots = torch.linalg.lu_factor(torch.tensor(a, device=device))
    assert (pivots.dtype, pivots.min().item() >= 1, pivots.max().item() <= len(a)) == (torch.int32, True, True)
    p, low, up = torch.lu_unpack(packed, pivots)
    near(p @ low @ up, a)
    near(packed[:2, :2].tril(-1), low[:2, :2].tril(-1).cpu().numpy())
    near(packed[: len(up)].triu(), up.cpu().numpy())


LU_OPTIONS = pytest.mark.parametrize(
    "options", [{}, {"adjoint": True}, {"left": False}], ids=["left", "adjoint", "right"]
)


@fact("torch.linalg.lu_solve")
@LU_OPTIONS
@square
def test_by_lu_solve_equations(a, options, device):
    """`torch.linalg.lu_solve` solves by the packed `lu_factor`, by its adjoint too, or from the right."""
    b = numpy.eye(3)[::-1] * 2 + a
    packed = torch.linalg.lu_factor(torch.tensor(a, device=device))
    y = torch.linalg.lu_solve(*packed, torch.tensor(b, device=device), **options)
    inverse = numpy.linalg.inv(a.conj().T if "adjoint" in options else a)
    near(y, b @ inverse if "left" in options else inverse @ b)


@fact("torch.linalg.lu_solve")
@LU_OPTIONS
@square
def test_by_lu_solve_with_a_gradient_in_the_right_side(a, options, device):
    """The gradient of `torch.linalg.lu_solve` by the right side solves the equations of the adjoint matrix."""
    packed = torch.linalg.lu_factor(torch.tensor(a, device=device))
    right = torch.tensor(numpy.eye(3)[::-1] * 2 + a, device=device, requires_grad=True)
    torch.linalg.lu_solve(*packed, right, **options).backward(torch.tensor(a, device=device))
    back = numpy.linalg.inv(a if "adjoint" in options else a.conj().T)
    near(right.grad, a @ back if "left" in options else back @ a)


OLDER = pytest.mark.parametrize("solve", [torch.lu_solve, torch.Tensor.lu_solve], ids=["torch", "torch.Tensor"])


@fact("torch.lu_solve", "torch.Tensor.lu_solve")
@pytest.mark.filterwarnings("ignore:torch.lu_solve is deprecated")
@OLDER
def test_by_lu_solve_equations_the_older_way(solve, device):
    """`torch.lu_solve` and `x.lu_solve` take the right side first, then the parts of `torch.linalg.lu_factor`."""
    a, b = numpy.array([[4.0, 1.0], [1.5, -3.0]]), numpy.array([[1.0], [2.5]])
    right = torch.tensor(b, device=device)
    near(solve(right, *torch.linalg.lu_factor(torch.tensor(a, device=device))), numpy.linalg.solve(a, b))
    same(right, b)


@fact("torch.lu_solve", "torch.Tensor.lu_solve")
@pytest.mark.filterwarnings("ignore:torch.lu_solve is deprecated")
@OLDER
def test_by_lu_solve_the_older_way_with_a_gradient(solve, device):
    """The gradient of `torch.lu_solve` and `x.lu_solve` by the right side solves the transposed equations."""
    a, b = numpy.array([[4.0, 1.0], [1.5, -3.0]]), numpy.array([[1.0], [2.5]])
    right = torch.tensor(b, device=device, requires_grad=True)
    solve(right, *torch.linalg.lu_factor(torch.tensor(a, device=device))).backward(torch.tensor(b, device=device))
    near(right.grad, numpy.linalg.solve(a.T, b))


def can_be_followed(pivots, size):
    """Whether a solver may: each row is one of the matrix, and a block of two has the same negative number twice.

    The solver does not look, and writes elsewhere in memory where they are others.
    """
    left = pivots.tolist() if pivots.dtype == torch.int32 and pivots.is_contiguous() and pivots.dim() == 1 else [0]
    while left:
        pivot = left.pop(0)
        if not 1 <= abs(pivot) <= size or (pivot < 0 and left[:1] != [pivot]):
            return False
        left = left[1:] if pivot < 0 else left
    return True


@fact("torch.linalg.ldl_factor", "torch.linalg.ldl_solve")
@pytest.mark.parametrize("hermitian", [False, True])
def test_by_ldl_solve_equations(hermitian, device):
    """`torch.linalg.ldl_solve` solves by the `ldl_factor` of a complex symmetric or an indefinite Hermitian matrix."""
    a = HERMITIAN - 12 * numpy.eye(3) if hermitian else COMPLEX + COMPLEX.T
    b = torch.tensor(TALL + 0j, device=device)
    packed, pivots = torch.linalg.ldl_factor(torch.tensor(a, device=device), hermitian=hermitian)
    assert can_be_followed(pivots, 3)
    y = torch.linalg.ldl_solve(packed, pivots, b, hermitian=hermitian)
    near(y, numpy.linalg.solve(a, TALL))
    same(b, TALL + 0j)
    assert (packed.dtype, y.dtype) == (torch.complex128, torch.complex128)


@fact("torch.linalg.householder_product", "torch.geqrf", "torch.orgqr")
@pytest.mark.parametrize("name", ["linalg.householder_product", "orgqr"])
def test_by_reflections_make_the_matrix_again(name, device):
    """`torch.geqrf` packs reflections and R; `householder_product` and `orgqr` multiply the reflections into Q."""
    x = torch.tensor(TALL, device=device)
    packed, tau = torch.geqrf(x)
    q = (torch.linalg.householder_product if "." in name else torch.orgqr)(packed, tau)
    near(q @ packed[:2].triu(), TALL)
    near(q.T @ q, numpy.eye(2))
    same(x, TALL)


@fact("torch.ormqr")
def test_by_reflections_are_multiplied_onto_a_matrix(device):
    """`torch.ormqr` multiplies the square Q of `geqrf` onto a matrix from the left, transposed, or from the right."""
    x = torch.tensor(TALL, device=device)
    packed, tau = torch.geqrf(x)
    q = torch.ormqr(packed, tau, torch.eye(3, dtype=torch.float64, device=device))
    near(q[:, :2] @ packed[:2].triu(), TALL)
    near(torch.ormqr(packed, tau, x, transpose=True), numpy.triu(packed.cpu().numpy()))
    near(torch.ormqr(packed, tau, x.T.contiguous(), left=False), TALL.T @ q.cpu().numpy())


BATCHED = {
    "cholesky": lambda x: torch.linalg.cholesky(x),
    "qr": lambda x: torch.linalg.qr(x).R,
    "svd": lambda x: torch.linalg.svd(x).S,
    "svdvals": lambda x: torch.linalg.svdvals(x),
    "eigh": lambda x: torch.linalg.eigh(x).eigenvalues,
    "eigvalsh": lambda x: torch.linalg.eigvalsh(x),
    "eig": lambda x: torch.linalg.eig(x).eigenvalues.sum(-1),
    "eigvals": lambda x: torch.linalg.eigvals(x).sum(-1),
    "lu": lambda x: torch.linalg.lu(x).U,
    "lu_factor": lambda x: torch.linalg.lu_factor(x).LU,
}
of_batches = pytest.mark.parametrize("name", BATCHED)


@fact(*(f"torch.linalg.{name}" for name in BATCHED))
@of_batches
def test_of_a_batch_are_those_of_each_matrix(name, device):
    """`cholesky`, `qr`, `svd`, `eigh`, `lu` and the like of a batch, though permuted, are those of each matrix."""
    batch = in_batch(SYMMETRIC, device)
    want = torch.stack([BATCHED[name](torch.tensor(scale * SYMMETRIC, device=device)) for scale in (1, 2)])
    close(BATCHED[name](batch), want.cpu().numpy(), roundings=ROUNDINGS, scale=16)
    same(batch[1], 2 * SYMMETRIC)


@fact(*(f"torch.linalg.{name}" for name in BATCHED))
@of_batches
def test_of_vectors_are_refused(name, device):
    """`torch.linalg.cholesky`, `qr`, `svd`, `eig`, `lu` and the like refuse a vector, of one dimension."""
    with pytest.raises(RuntimeError, match="(at least 2 dimensions|2 or more dimensions)"):
        BATCHED[name](torch.ones(3, device=device))


SQUARE = ["cholesky", "eigh", "eigvalsh", "eig", "eigvals"]


@fact(*(f"torch.linalg.{name}" for name in SQUARE))
@pytest.mark.parametrize("name", SQUARE)
def test_of_what_is_not_square_are_refused(name, device):
    """`torch.linalg.cholesky`, `eigh` and `eig` refuse what is not square: "must be batches of square matrices"."""
    with pytest.raises(RuntimeError, match="must be batches of square matrices, but they are 3 by 2 matrices"):
        BATCHED[name](torch.tensor(TALL, device=device))


@fact(*(f"torch.linalg.{name}" for name in BATCHED))
@of_batches
@pytest.mark.parametrize("dtype", [torch.int64, torch.float16])
def test_of_integers_or_halves_are_refused(name, dtype, device):
    """`torch.linalg.cholesky`, `qr`, `svd`, `eig`, `lu` and the like refuse int64 and float16."""
    with pytest.raises(
        RuntimeError, match="([Ll]ow.precision|floating point|not implemented|Unknown Complex ScalarType)"
    ):
        BATCHED[name](torch.eye(2, device=device).to(dtype))


@fact("torch.linalg.svd", "torch.linalg.svdvals", "torch.linalg.eig")
@pytest.mark.parametrize("name", ["svd", "svdvals", "eig"])
def test_of_nan_are_refused(name):
    """`torch.linalg.svd`, `svdvals` and `eig` refuse a matrix of NaN on the CPU."""
    with pytest.raises(RuntimeError, match="(non-finite values|contain infs or NaNs|should not contain)"):
        BATCHED[name](torch.full((2, 2), float("nan")))


MISFITS = {
    "geqrf": (lambda one: torch.geqrf(one(3)), "at least 2 dimensions"),
    "linalg.householder_product": (
        lambda one: torch.linalg.householder_product(one(2, 3), one(2)),
        r"shape\[-2\] must be greater than or equal to",
    ),
    "orgqr": (lambda one: torch.orgqr(one(2, 3), one(2)), r"shape\[-2\] must be greater than or equal to"),
    "ormqr": (lambda one: torch.ormqr(one(3, 2), one(2), one(2, 2)), r"other.shape\[-2\] must be equal to"),
    "linalg.ldl_factor": (lambda one: torch.linalg.ldl_factor(one(2, 3)), "must be batches of square matrices"),
    "linalg.ldl_solve": (
        lambda one: torch.linalg.ldl_solve(one(2, 2), one(2).int(), one(3, 2)),
        "each A matrix is 2 by 2 but each b matrix is 3 by 2",
    ),
    "linalg.lu_solve": (
        lambda one: torch.linalg.lu_solve(one(2, 2), one(2).int(), one(3, 2)),
        r"Incompatible shapes of A and B for the equation AX = B \(2x2 and 3x2\)",
    ),
    "cholesky_solve": (
        lambda one: torch.cholesky_solve(one(3, 2), one(2, 2)),
        "each A matrix is 2 by 2 but each b matrix is 3 by 2",
    ),
    "cholesky_inverse": (lambda one: torch.cholesky_inverse(one(2, 3)), "must be batches of square matrices"),
    "lu_unpack": (lambda one: torch.lu_unpack(one(2, 2), one(2).long()), "torch.int32 dtype"),
}


@fact(*(f"torch.{name}" for name in MISFITS))
@pytest.mark.parametrize("name", MISFITS)
def test_refuse_what_does_not_fit(name, device):
    """`geqrf`, `ormqr`, `cholesky_solve`, `lu_solve` and the like refuse shapes, `lu_unpack` pivots, that misfit."""
    refused, words = MISFITS[name]
    with pytest.raises(RuntimeError, match=words):
        refused(lambda *shape: torch.ones(*shape, device=device))


@fact("torch.linalg.lu_factor_ex")
@pytest.mark.parametrize("batched", [False, True], ids=["one", "batch"])
def test_lu_factor_ex_tells_of_a_singular_matrix(device, batched):
    """`torch.linalg.lu_factor_ex` factors a singular matrix too, and tells in `info` its first zero pivot, or 0."""
    singular = numpy.array([[2.0, 4.0, 1.0], [1.0, 2.0, 3.0], [1.0, 2.0, 4.5]])
    x = torch.tensor(numpy.stack([A, singular]) if batched else A, device=device)
    packed, pivots, info = torch.linalg.lu_factor_ex(x)
    lower, upper = packed.tril(-1) + torch.eye(3, dtype=torch.float64, device=device), packed.triu()
    rows = torch.arange(3).expand(pivots.shape).clone()
    for place in numpy.ndindex(*pivots.shape[:-1]):
        for row, other in enumerate(pivots[place].tolist()):
            rows[place][[row, other - 1]] = rows[place][[other - 1, row]]
    same(info, torch.tensor([0, 2] if batched else 0, dtype=torch.int32))
    assert pivots.dtype == torch.int32
    near(lower @ upper, numpy.take_along_axis(x.cpu().numpy(), rows[..., None].numpy(), -2))


@fact("torch.linalg.ldl_factor_ex")
@pytest.mark.parametrize("hermitian", [False, True], ids=["symmetric", "hermitian"])
def test_ldl_factor_ex_takes_a_matrix_apart(device, hermitian):
    """`torch.linalg.ldl_factor_ex` gives the parts that `ldl_solve` solves with, and 0 as `info` where it succeeded."""
    a = HERMITIAN if hermitian else SYMMETRIC
    packed, pivots, info = torch.linalg.ldl_factor_ex(torch.tensor(a, device=device), hermitian=hermitian)
    assert can_be_followed(pivots, 3)
    solved = torch.linalg.ldl_solve(packed, pivots, torch.tensor(a @ TALL, device=device), hermitian=hermitian)
    near(solved, TALL.astype(a.dtype))
    same(info, torch.tensor(0, dtype=torch.int32))


@fact("torch.linalg.lu_factor_ex", "torch.linalg.ldl_factor_ex")
@pytest.mark.parametrize("name", ["lu_factor_ex", "ldl_factor_ex"])
def test_factor_ex_tells_a_zero_pivot(device, name):
    """`lu_factor_ex` and `ldl_factor_ex` of zeros give zeros, in memory of their own, and tell the pivot in `info`."""
    x = torch.zeros(2, 2, device=device)
    parts = getattr(torch.linalg, name)(x)
    same(parts.info, torch.tensor(1, dtype=torch.int32))
    same(parts[0], torch.zeros(2, 2))
    assert not shares(parts[0], x)


@fact("torch.linalg.lu_factor_ex", "torch.linalg.ldl_factor_ex")
@pytest.mark.parametrize("name", ["lu_factor_ex", "ldl_factor_ex"])
def test_factor_ex_refuses_a_singular_matrix_when_told(device, name):
    """`lu_factor_ex` and `ldl_factor_ex` refuse a zero pivot with `check_errors=True`."""
    with pytest.raises(RuntimeError, match=f"torch.linalg.{name}"):
        getattr(torch.linalg, name)(torch.zeros(2, 2, device=device), check_errors=True)


SINGULAR = {
    "inv": lambda x: torch.linalg.inv(x),
    "solve": lambda x: torch.linalg.solve(x, x),
    "cholesky": lambda x: torch.linalg.cholesky(x),
}


def refuses_otherwise(patch):
    """What torch raises is another error than `torch.linalg.LinAlgError`."""
    patch.setattr(torch.linalg, "LinAlgError", KeyError)


@fact("torch.linalg.LinAlgError", refuter=refuses_otherwise)
@pytest.mark.parametrize("name", SINGULAR)
def test_error_is_of_the_data(device, name):
    """`torch.linalg.inv`, `solve` and `cholesky` of zeros raise a `LinAlgError`, which is a `RuntimeError`."""
    with pytest.raises(torch.linalg.LinAlgError, match=f"linalg.{name}") as raised:
        SINGULAR[name](torch.zeros(2, 2, device=device))
    assert isinstance(raised.value, RuntimeError)


@fact("torch.linalg.LinAlgError", refuter=refuses_otherwise)
def test_error_of_the_shape_is_another(device):
    """`torch.linalg.inv` of no square raises RuntimeError, no `LinAlgError`: "must be batches of square matrices"."""
    with pytest.raises(RuntimeError, match="must be batches of square matrices") as raised:
        torch.linalg.inv(torch.zeros(2, 3, device=device))
    assert not isinstance(raised.value, torch.linalg.LinAlgError)
    assert issubclass(torch.linalg.LinAlgError, RuntimeError)


DIAGONALS = pytest.mark.parametrize("options", [{}, {"offset": 1}, {"offset": -1}, {"dim1": 0, "dim2": 1}], ids=str)


def numpys_diagonal(a, dim1=-2, dim2=-1, offset=0):
    return numpy.diagonal(a, offset, dim1, dim2)


@fact("torch.linalg.diagonal", myth="linalg.diagonal takes the first two dimensions, as torch.diagonal does")
@DIAGONALS
def test_diagonal_is_of_the_last_two_dimensions(device, options):
    """`torch.linalg.diagonal` gives the diagonal of the last two dimensions, or of those it is told, with `offset`."""
    a = numpy.arange(24.0).reshape(2, 3, 4)
    same(torch.linalg.diagonal(torch.tensor(a, device=device), **options), numpys_diagonal(a, **options).copy())


@fact("torch.linalg.diagonal")
@DIAGONALS
def test_diagonal_is_a_view(device, options):
    """`torch.linalg.diagonal` is a view of its matrices, with the strides of NumPy's `diagonal`."""
    a = numpy.arange(24.0).reshape(2, 3, 4)
    x = torch.tensor(a, device=device)
    y = torch.linalg.diagonal(x, **options)
    assert y.stride() == tuple(side // 8 for side in numpys_diagonal(a, **options).strides)
    assert shares(y, x)


@fact("torch.linalg.diagonal")
@DIAGONALS
def test_diagonal_puts_its_gradient_back_in_place(device, options):
    """The gradient of `torch.linalg.diagonal` stands where its elements were taken, and is zero elsewhere."""
    a = numpy.arange(24.0).reshape(2, 3, 4)
    want, x = numpys_diagonal(a, **options), torch.tensor(a, device=device, requires_grad=True)
    torch.linalg.diagonal(x, **options).backward(torch.tensor(want + 1, device=device))
    same(x.grad, numpy.where(numpy.isin(a, want), a + 1, 0))


def principal_root(a):
    """The root by eigenvalues."""
    values, vectors = numpy.linalg.eigh(a)
    return (vectors * numpy.sqrt(values)) @ vectors.conj().T


DEFINITE = SYMMETRIC + 2 * numpy.eye(3)


@fact("torch.linalg.matrix_sqrth")
@pytest.mark.parametrize("a", [DEFINITE, HERMITIAN], ids=["real", "complex"])
def test_matrix_sqrth_is_the_principal_root(device, a):
    """`torch.linalg.matrix_sqrth` of a definite matrix, or of a batch, is the definite root of it."""
    x = torch.tensor(a, device=device)
    near(torch.linalg.matrix_sqrth(x), principal_root(a))
    near(torch.linalg.matrix_sqrth(in_batch(a, device)), numpy.stack([principal_root(a), principal_root(2 * a)]))
    same(x, a)


@fact("torch.linalg.matrix_sqrth")
@pytest.mark.parametrize("a", [DEFINITE, HERMITIAN], ids=["real", "complex"])
def test_matrix_sqrth_reads_the_lower_triangle(device, a):
    """`torch.linalg.matrix_sqrth` reads the lower triangle of its matrix alone."""
    near(torch.linalg.matrix_sqrth(torch.tensor(a, device=device).tril()), principal_root(a))


@fact("torch.linalg.matrix_sqrth")
def test_matrix_sqrth_has_the_slope_of_a_root(device):
    """The gradient of the trace of `torch.linalg.matrix_sqrth`, symmetrised, is half of the root's inverse."""
    x = torch.tensor(DEFINITE, device=device, requires_grad=True)
    torch.linalg.matrix_sqrth(x).diagonal().sum().backward()
    near((x.grad + x.grad.T) / 2, numpy.linalg.inv(principal_root(DEFINITE)) / 2)


@fact("torch.linalg.polar")
@pytest.mark.parametrize("a", [A, TALL, COMPLEX], ids=["square", "tall", "complex"])
def test_polar_is_a_rotation_and_a_definite_factor(device, a):
    """`torch.linalg.polar` gives a matrix with orthonormal columns and a definite one, `sqrtm(A.mH @ A)`."""
    x = torch.tensor(a, device=device)
    rotation, factor = torch.linalg.polar(x)
    near(adjoint(rotation) @ rotation, numpy.eye(a.shape[1]))
    near(rotation @ factor, a)
    near(factor, principal_root(a.conj().T @ a))
    same(x, a)


@fact("torch.linalg.polar")
@pytest.mark.parametrize("a", [A, TALL, COMPLEX], ids=["square", "tall", "complex"])
def test_polar_is_of_each_matrix_of_a_batch(device, a):
    """`torch.linalg.polar` of a batch gives the nearest matrix with orthonormal columns, `U @ Vh`, of each matrix."""
    left, _, right = numpy.linalg.svd(a, full_matrices=False)
    near(torch.linalg.polar(in_batch(a, device)).U, numpy.stack([left @ right] * 2))


@fact("torch.linalg.polar")
def test_polar_has_a_gradient(device):
    """The gradient of the trace of the factor of `torch.linalg.polar`, the sum of singular values, is the rotation."""
    x = torch.tensor(TALL, device=device, requires_grad=True)
    torch.linalg.polar(x).H.diagonal().sum().backward()
    left, _, right = numpy.linalg.svd(TALL, full_matrices=False)
    near(x.grad, left @ right)
