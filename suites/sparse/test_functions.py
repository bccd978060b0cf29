"""The functions of `torch.sparse` that make a sparse tensor, or compute at the places of one."""

import numpy
import pytest
import torch

from torchproof import close, fact, same
from torchproof.fixtures.fact import unavailable

pytestmark = pytest.mark.filterwarnings("ignore:Sparse (... tensor support|invariant checks)")

X = numpy.array([[0.0, 2.5, -1.0], [0.0, 0.0, 0.0], [1.5, 0.0, 0.5], [0.25, -2.0, 0.0]])
A = numpy.random.default_rng(1).uniform(-2, 2, (4, 2))
B = numpy.random.default_rng(2).uniform(-2, 2, (2, 3))
G = numpy.random.default_rng(3).uniform(-2, 2, (3, 3))


def diagonals_of(rows, offsets, shape):
    """A matrix with row k of `rows` on its diagonal, each element in the column of its index."""
    y = numpy.zeros(shape, rows.dtype)
    for row, offset in zip(rows, offsets):
        for column in range(min(len(row), shape[1])):
            if 0 <= column - offset < shape[0]:
                y[column - offset, column] = row[column]
    return y


@fact("torch.sparse.spdiags")
@pytest.mark.parametrize("offsets", [[0], [0, -1], [2, -2, 1], [-1, 3]], ids=str)
@pytest.mark.parametrize("shape", [(3, 3), (2, 5), (5, 4)])
def test_spdiags_puts_rows_on_diagonals(device, offsets, shape):
    """`spdiags` puts each row on the diagonal of its offset, every element in the column of its index."""
    rows = numpy.arange(1.5, 1.5 + 4 * len(offsets)).reshape(-1, 4)
    y = torch.sparse.spdiags(torch.tensor(rows, device=device), torch.tensor(offsets), shape)
    same(y, diagonals_of(rows, offsets, shape))
    assert y.layout == torch.sparse_coo


@fact("torch.sparse.spdiags")
@pytest.mark.parametrize("layout", [torch.sparse_coo, torch.sparse_csr, torch.sparse_csc])
def test_spdiags_has_the_layout_it_is_told(device, layout):
    """`spdiags` of integers gives these in the `layout` it is told: COO, CSR or CSC."""
    rows = numpy.arange(1, 7).reshape(2, 3)
    y = torch.sparse.spdiags(torch.tensor(rows, device=device), torch.tensor([1, -1]), (4, 3), layout)
    same(y, diagonals_of(rows, [1, -1], (4, 3)))
    assert y.layout == layout


@fact("torch.sparse.spdiags")
def test_spdiags_has_no_derivative(device):
    """`spdiags` refuses the backward pass: "derivative for aten::_spdiags is not implemented"."""
    y = torch.sparse.spdiags(torch.ones(2, 3, device=device, requires_grad=True), torch.tensor([0, -1]), (3, 3))
    with pytest.raises(RuntimeError, match="derivative for aten::_spdiags is not implemented"):
        y.to_dense().sum().backward()


@fact("torch.sparse.spdiags")
@pytest.mark.parametrize(
    ("offsets", "layout", "words"),
    [
        ([1, 1], None, "duplicate values"),
        ([1], None, "does not match the number of offsets"),
        ([0, 1], torch.strided, "Only output layouts"),
    ],
    ids=["repeated", "fewer", "dense"],
)
def test_spdiags_refuses_what_does_not_fit(device, offsets, layout, words):
    """`spdiags` refuses an offset that is repeated, another number of offsets than rows, and a dense layout."""
    with pytest.raises(RuntimeError, match=words):
        torch.sparse.spdiags(torch.ones(2, 3, device=device), torch.tensor(offsets), (3, 3), layout)


def shares(x, dim):
    """The softmax of the elements that are not zero, over these alone."""
    e = numpy.where(x != 0, numpy.exp(x), 0)
    total = e.sum(dim, keepdims=True)
    return e / numpy.where(total == 0, 1, total)


@fact("torch.sparse.log_softmax", "torch.sparse.softmax")
@pytest.mark.parametrize("name", ["log_softmax", "softmax"])
@pytest.mark.parametrize("dim", [0, 1])
def test_softmax_is_of_what_is_stored(device, name, dim):
    """`torch.sparse.softmax` and `log_softmax` of a COO matrix are over the elements stored, and store no other."""
    x = torch.tensor(X, device=device).to_sparse().requires_grad_()
    y, share = getattr(torch.sparse, name)(x, dim), shares(X, dim)
    ahead = numpy.where(X != 0, numpy.arange(12.0).reshape(4, 3), 0)
    y.backward(torch.tensor(ahead, device=device).to_sparse())
    want = numpy.log(numpy.where(X != 0, share, 1)) if name == "log_softmax" else share
    assert (y.dtype, y.layout) == (torch.float64, torch.sparse_coo)
    assert y.detach().coalesce().indices().tolist() == numpy.argwhere(X).T.tolist()
    close(y.to_dense().detach(), want, roundings=32, scale=4)
    of = {
        "softmax": lambda: share * (ahead - (share * ahead).sum(dim, keepdims=True)),
        "log_softmax": lambda: ahead - share * ahead.sum(dim, keepdims=True),
    }
    close(x.grad.to_dense(), of[name](), roundings=64, scale=32)


@fact("torch.sparse.log_softmax", "torch.sparse.softmax")
@pytest.mark.parametrize("name", ["log_softmax", "softmax"])
def test_softmax_takes_a_dtype(device, name):
    """`torch.sparse.softmax` and `log_softmax` with `dtype` compute and give in it."""
    y = getattr(torch.sparse, name)(
        torch.tensor(X, device=device, dtype=torch.float32).to_sparse(), 1, dtype=torch.float64
    )
    share = shares(X, 1)
    assert y.dtype == torch.float64
    want = numpy.log(numpy.where(X != 0, share, 1)) if name == "log_softmax" else share
    close(y.to_dense(), want, roundings=32, scale=4)


@fact("torch.sparse.sampled_addmm")
@pytest.mark.parametrize(("beta", "alpha"), [(None, None), (0.5, -2.0), (0.0, 1.0)], ids=str)
def test_sampled_product_is_at_the_places_that_are_stored(device, beta, alpha):
    """`sampled_addmm` adds the product of dense matrices to a CSR matrix, at the places that this one stores."""
    x = torch.tensor(X, device=device).to_sparse_csr()
    options = {} if beta is None else {"beta": beta, "alpha": alpha}
    y = torch.sparse.sampled_addmm(x, torch.tensor(A, device=device), torch.tensor(B, device=device), **options)
    beta, alpha = options.get("beta", 1), options.get("alpha", 1)
    assert (y.dtype, y.layout) == (torch.float64, torch.sparse_csr)
    same(y.crow_indices(), x.crow_indices())
    same(y.col_indices(), x.col_indices())
    close(y.to_dense(), numpy.where(X != 0, alpha * A @ B + beta * X, 0), roundings=16, scale=16)
    same(x, X)


@fact("torch.sparse.sampled_addmm")
def test_sampled_product_has_gradients(device):
    """`sampled_addmm` hands gradients to its dense matrices, from the places that are stored."""
    x = torch.tensor(X, device=device).to_sparse_csr()
    a, b = (torch.tensor(each, device=device, requires_grad=True) for each in (A, B))
    y = torch.sparse.sampled_addmm(x, a, b, alpha=2.0)
    y.backward(x)
    close(a.grad, 2 * X @ B.T, roundings=16, scale=32)
    close(b.grad, 2 * A.T @ X, roundings=16, scale=32)


@fact("torch.sparse.sampled_addmm")
def test_sampled_product_refuses_other_layouts(device):
    """`sampled_addmm` refuses a dense matrix to add to."""
    x, a, b = (torch.tensor(each, device=device) for each in (X, A, B))
    with pytest.raises(RuntimeError, match="sparse_sampled_addmm"):
        torch.sparse.sampled_addmm(x, a, b)


@fact("torch.sparse.sampled_addmm")
def test_sampled_product_refuses_sizes_that_do_not_fit(device):
    """`sampled_addmm` refuses dense matrices whose inner sizes differ: they "cannot be multiplied"."""
    x, a, b = (torch.tensor(each, device=device) for each in (X, A, B))
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        torch.sparse.sampled_addmm(x.to_sparse_csr(), a, b[:1])


class Doubled(torch.autograd.Function):
    """Twice its input, with a gradient that is right for a factor of two only."""

    @staticmethod
    def forward(ctx, x, factor):
        return x * factor

    @staticmethod
    def backward(ctx, grad):
        return grad * 2, None


@fact("torch.sparse.as_sparse_gradcheck")
@pytest.mark.parametrize("layout", [torch.sparse_coo, torch.sparse_csr, torch.sparse_csc])
def test_gradcheck_is_made_for_sparse_tensors(device, layout):
    """`as_sparse_gradcheck` makes of `gradcheck` one that takes sparse inputs, and tells right gradients from wrong."""
    gradcheck = torch.sparse.as_sparse_gradcheck(torch.autograd.gradcheck)
    x = torch.tensor(X, device=device).to_sparse(layout=layout).requires_grad_()
    assert gradcheck(lambda x: Doubled.apply(x.to_dense(), 2), x, masked=True)
    assert gradcheck(lambda x: Doubled.apply(x.to_dense(), 3), x, masked=True, raise_exception=False) is False


@fact("torch.sparse.as_sparse_gradcheck")
def test_gradcheck_refuses_wrong_gradients_of_sparse_tensors(device):
    """A `gradcheck` of `as_sparse_gradcheck` raises "Jacobian mismatch" where a gradient is wrong."""
    gradcheck = torch.sparse.as_sparse_gradcheck(torch.autograd.gradcheck)
    x = torch.tensor(X, device=device).to_sparse().requires_grad_()
    with pytest.raises(RuntimeError, match="Jacobian mismatch"):
        gradcheck(lambda x: Doubled.apply(x.to_dense(), 3), x, masked=True)


# --- what needs a GPU -------------------------------------------------------------------------------------------------


@fact("torch.sparse.spsolve", hint="use torch.linalg.solve of a dense matrix, or a GPU")
def test_spsolve_is_refused_on_the_cpu():
    """`torch.sparse.spsolve` is refused on the CPU."""
    x = torch.tensor([[2.0, 0.0], [1.0, 4.0]]).to_sparse_csr()
    with pytest.raises((NotImplementedError, RuntimeError), match="_spsolve|Calling linear solver with sparse tensors"):
        torch.sparse.spsolve(x, torch.ones(2))


@fact("torch.sparse.spsolve")
@pytest.mark.gpu
def test_spsolve_solves_a_sparse_system():
    """`torch.sparse.spsolve(A, b)` of a CSR matrix and a vector gives the x with A x = b."""
    x = torch.tensor([[2.0, 0.0, 0.0], [1.0, 4.0, 0.0], [0.0, 3.0, 8.0]], dtype=torch.float64, device="cuda")
    try:
        y = torch.sparse.spsolve(x.to_sparse_csr(), torch.tensor([2.0, 9.0, 22.0], dtype=torch.float64, device="cuda"))
    except (NotImplementedError, RuntimeError) as error:
        if "cuDSS" not in str(error):
            raise
        unavailable("build", "cuDSS")
    close(y, [1.0, 2.0, 2.0], roundings=64, scale=8)


@fact("torch.sparse.to_sparse_semi_structured")
def test_semi_structured_is_refused_on_the_cpu():
    """`to_sparse_semi_structured` refuses a tensor on the CPU: "Only CUDA tensors are currently supported"."""
    with pytest.raises(RuntimeError, match="Only CUDA tensors are currently supported"):
        torch.sparse.to_sparse_semi_structured(torch.ones(64, 64, dtype=torch.float16))


@fact("torch.sparse.to_sparse_semi_structured", "torch.sparse.SparseSemiStructuredTensor")
@pytest.mark.gpu
@pytest.mark.filterwarnings("ignore:The PyTorch API of SparseSemiStructuredTensor")
def test_semi_structured_multiplies_as_the_dense_one_does():
    """`to_sparse_semi_structured` of a matrix with two zeros in four multiplies as the dense one, within rounding."""
    if torch.cuda.get_device_capability() < (8, 0):
        unavailable("platform", "a GPU with sparse tensor cores")
    x = torch.tensor([0.0, 0.5, 2.0, 0.0], dtype=torch.float16, device="cuda").tile(128, 32)
    y = torch.sparse.to_sparse_semi_structured(x)
    other = torch.arange(128, device="cuda").div(128).to(torch.float16).expand(128, 128).contiguous()
    assert isinstance(y, torch.sparse.SparseSemiStructuredTensor)
    same(y.to_dense(), x)
    want = x.double().cpu().numpy() @ other.double().cpu().numpy()
    close(torch.mm(y, other), want, roundings=4, scale=want)


# What gives a product of a sparse matrix and a dense one as a sparse one.
PRODUCTS = {
    "hspmm": lambda x, y: torch.hspmm(x, y),
    "smm": lambda x, y: torch.smm(x, y),
    "Tensor.smm": lambda x, y: x.smm(y),
    "sspaddmm": lambda x, y: torch.sspaddmm(torch.zeros(4, 3, dtype=x.dtype, device=x.device).to_sparse(), x, y),
}


@fact("torch.hspmm", "torch.smm", "torch.Tensor.smm", "torch.sspaddmm")
@pytest.mark.parametrize("name", PRODUCTS)
def test_products_with_sparse_results_are_those_of_dense_ones(device, name):
    """`hspmm`, `smm` and `sspaddmm` of a COO matrix and a dense one give their product as a COO matrix."""
    product = PRODUCTS[name](torch.tensor(X, device=device).to_sparse(), torch.tensor(G, device=device))
    assert (product.layout, product.dtype, product.shape) == (torch.sparse_coo, torch.float64, (4, 3))
    close(product.to_dense(), X @ G, roundings=8, scale=8)


@fact("torch.hspmm")
def test_hspmm_is_hybrid(device):
    """`hspmm` gives a hybrid COO matrix, of one sparse and one dense dimension, of the rows that are not zero."""
    product = torch.hspmm(torch.tensor(X, device=device).to_sparse(), torch.tensor(G, device=device))
    assert (product.sparse_dim(), product.dense_dim()) == (1, 1)
    same(product.coalesce().indices(), torch.tensor([[0, 2, 3]]))


@fact("torch.sspaddmm", "torch.Tensor.sspaddmm")
@pytest.mark.parametrize("sspaddmm", [torch.sspaddmm, torch.Tensor.sspaddmm], ids=["torch", "torch.Tensor"])
@pytest.mark.parametrize(
    ("factors", "want"), [({}, X + X @ G), ({"beta": 0.5, "alpha": -2}, 0.5 * X - 2 * X @ G)], ids=["plain", "scaled"]
)
def test_sspaddmm_adds_a_sparse_matrix(device, factors, want, sspaddmm):
    """`sspaddmm` gives `beta` times a COO matrix plus `alpha` times a product, both factors 1 by default."""
    x, y = (torch.tensor(values, device=device) for values in (X, G))
    y = sspaddmm(x.to_sparse(), x.to_sparse(), y, **factors)
    assert y.layout == torch.sparse_coo
    close(y.to_dense(), want, roundings=8, scale=16)


@fact("torch.Tensor.sparse_resize_")
def test_sparse_resize_keeps_the_elements(device):
    """`sparse_resize_` grows a COO tensor in place, with its elements where they were."""
    x = torch.tensor(X, device=device).to_sparse()
    assert x.sparse_resize_((5, 4), 2, 0) is x
    same(x.to_dense(), numpy.pad(X, ((0, 1), (0, 1))))


@fact("torch.Tensor.sparse_resize_")
@pytest.mark.parametrize(
    ("size", "dims", "because"),
    [((2, 3), (2, 0), "shrinking the size of sparse dimensions"), ((4, 3), (1, 1), "changing the number of sparse")],
)
def test_sparse_resize_refuses_to_lose_elements(device, size, dims, because):
    """`sparse_resize_` of a COO tensor with elements refuses a smaller size, and other numbers of dimensions."""
    x = torch.tensor(X, device=device).to_sparse()
    with pytest.raises(RuntimeError, match=because):
        x.sparse_resize_(size, *dims)
    same(x.to_dense(), X)


@fact("torch.Tensor.sparse_resize_and_clear_")
def test_sparse_resize_and_clear_drops_the_elements(device):
    """`sparse_resize_and_clear_` gives a COO tensor another size and `sparse_dim` in place, and leaves no element."""
    x = torch.tensor(X, device=device).to_sparse()
    assert x.sparse_resize_and_clear_((2, 3), 1, 1) is x
    assert (x.shape, x.sparse_dim(), x.dense_dim(), x._nnz()) == ((2, 3), 1, 1, 0)
    same(x.to_dense(), numpy.zeros((2, 3)))
