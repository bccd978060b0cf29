"""Products with a sparse operand: the numbers of the dense product, without the work for what is not stored."""

import numpy
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from torchproof import close, fact, same
from torchproof.fixtures.strategies import mostly_zero

pytestmark = pytest.mark.filterwarnings("ignore:Sparse (... tensor support|invariant checks)")

LAYOUTS = pytest.mark.parametrize("layout", [torch.sparse_coo, torch.sparse_csr, torch.sparse_csc])


@st.composite
def factors(draw):
    """Two float64 matrices of whole numbers whose product exists, as NumPy arrays."""
    left, right = draw(mostly_zero()), draw(mostly_zero())
    inner = min(left.shape[1], right.shape[0])
    return left[:, :inner].astype(float), right[:inner].astype(float)


NO_ENTRY = example((numpy.zeros((2, 3)), numpy.ones((3, 2))))
ALL_ENTRIES = example((numpy.arange(6.0).reshape(2, 3) + 1, numpy.arange(6.0).reshape(3, 2) - 3))


@fact("torch.matmul")
@LAYOUTS
@given(factors())
@NO_ENTRY
@ALL_ENTRIES
def test_of_sparse_and_dense_is_dense(device, layout, pair):
    """`sparse @ dense` of a COO, CSR or CSC matrix of whole numbers is the dense matrix that NumPy computes."""
    a, b = (torch.tensor(array, device=device) for array in pair)
    product = a.to_sparse(layout=layout) @ b
    same(product, pair[0] @ pair[1])
    assert product.layout == torch.strided


@fact("torch.matmul")
@LAYOUTS
@given(factors())
@NO_ENTRY
@ALL_ENTRIES
def test_of_dense_and_sparse_is_dense(device, layout, pair):
    """`dense @ sparse` with a COO, CSR or CSC matrix of whole numbers is the dense matrix that NumPy computes."""
    a, b = (torch.tensor(array, device=device) for array in pair)
    product = a @ b.to_sparse(layout=layout)
    same(product, pair[0] @ pair[1])
    assert product.layout == torch.strided


@fact("torch.matmul")
@pytest.mark.slow
@pytest.mark.parametrize("layout", [torch.sparse_coo, torch.sparse_csr])
@given(factors())
@NO_ENTRY
@ALL_ENTRIES
def test_of_sparse_and_sparse_is_sparse(device, layout, pair):
    """`a @ b` of two COO or two CSR matrices of whole numbers has their layout and the elements of NumPy's."""
    a, b = (torch.tensor(array, device=device).to_sparse(layout=layout) for array in pair)
    product = a @ b
    same(product, pair[0] @ pair[1])
    assert product.layout == layout


@fact("torch.matmul")
@LAYOUTS
@given(factors())
@NO_ENTRY
@ALL_ENTRIES
def test_of_sparse_and_vector_is_a_vector(device, layout, pair):
    """`sparse @ vector` of a COO, CSR or CSC matrix of whole numbers is the dense vector that NumPy computes."""
    vector = pair[1].sum(axis=1)
    product = torch.tensor(pair[0], device=device).to_sparse(layout=layout) @ torch.tensor(vector, device=device)
    same(product, pair[0] @ vector)


@fact("torch.sparse.mm")
@LAYOUTS
def test_by_sparse_mm_is_dense(device, layout):
    """`torch.sparse.mm` of a sparse matrix and a dense one is the dense product."""
    a = torch.tensor([[0.0, 2.0], [3.0, 0.0]], device=device).to_sparse(layout=layout)
    product = torch.sparse.mm(a, torch.tensor([[1.0, 2.0], [10.0, 20.0]], device=device))
    same(product, torch.tensor([[20.0, 40.0], [3.0, 6.0]]))
    assert product.layout == torch.strided


@fact("torch.sparse.addmm")
@LAYOUTS
def test_by_sparse_addmm_is_scaled_and_added(device, layout):
    """`torch.sparse.addmm` is `beta` times the dense matrix plus `alpha` times the product."""
    a = torch.tensor([[0.0, 2.0], [3.0, 0.0]], device=device).to_sparse(layout=layout)
    b, c = torch.tensor([[1.0], [10.0]], device=device), torch.tensor([[100.0], [200.0]], device=device)
    same(torch.sparse.addmm(c, a, b, beta=2.0, alpha=3.0), torch.tensor([[2 * 100 + 3 * 20.0], [2 * 200 + 3 * 3.0]]))
    same(c, torch.tensor([[100.0], [200.0]]))


@fact("torch.addmm")
@LAYOUTS
def test_by_addmm_is_added(device, layout):
    """`addmm(c, a, b)` of a COO, CSR or CSC `a` and dense `b` and `c` is `c + a @ b`."""
    a = torch.tensor([[0.0, 2.0], [3.0, 0.0]], device=device).to_sparse(layout=layout)
    b, c = torch.tensor([[1.0], [10.0]], device=device), torch.tensor([[100.0], [200.0]], device=device)
    same(torch.addmm(c, a, b), torch.tensor([[120.0], [203.0]]))
    same(c, torch.tensor([[100.0], [200.0]]))


@fact("torch.matmul", source="sparse")
@LAYOUTS
def test_of_fractions_is_within_the_bound_of_its_sums(device, layout):
    """`sparse @ dense` in float32 over k elements is within k + 1 roundings of the sum of the products' sizes."""
    a, b = torch.randn(30, 40, device=device).relu(), torch.randn(40, 20, device=device)
    want, scale = (
        a.double().cpu().numpy() @ b.double().cpu().numpy(),
        a.double().cpu().numpy() @ b.double().abs().cpu().numpy(),
    )
    close(a.to_sparse(layout=layout) @ b, want, roundings=41, scale=scale)


@fact("torch.matmul", myth="zero times infinity makes a sparse product NaN as it makes a dense one", source="sparse")
@LAYOUTS
def test_leaves_out_what_is_not_stored(device, layout):
    """`sparse @ dense` leaves out elements that are not stored, so that infinity times them is not NaN."""
    a, b = torch.tensor([[0.0, 2.0], [0.0, 0.0]], device=device), torch.full((2, 1), float("inf"), device=device)
    same(a @ b, torch.tensor([[float("nan")], [float("nan")]]))
    same(a.to_sparse(layout=layout) @ b, torch.tensor([[float("inf")], [0.0]]))


@fact("torch.matmul", source="sparse")
def test_of_integers_in_coo_is_exact(device):
    """`sparse @ dense` of a COO matrix of int64 is exact beyond what float64 holds."""
    a = torch.tensor([[2**53 + 1, 0], [0, 3]], device=device).to_sparse()
    same(a @ torch.tensor([[1], [1]], device=device), torch.tensor([[2**53 + 1], [3]]))


@fact("torch.bmm")
def test_of_a_batch_is_dense(device):
    """`bmm` multiplies each matrix of a COO batch with the dense matrix of the same place."""
    a = torch.tensor([[[0.0, 2.0], [0.0, 0.0]], [[0.0, 0.0], [3.0, 0.0]]], device=device).to_sparse()
    b = torch.tensor([[[1.0], [10.0]], [[100.0], [1000.0]]], device=device)
    same(torch.bmm(a, b), torch.tensor([[[20.0], [0.0]], [[0.0], [300.0]]]))


@fact("torch.nn.functional.linear")
@pytest.mark.parametrize("layout", [torch.sparse_coo, torch.sparse_csr])
def test_by_linear_takes_a_sparse_weight(device, layout):
    """`linear` with a COO or CSR weight gives what it gives with the dense one, but for rounding."""
    weight = torch.tensor([[0.0, 2.0], [3.0, 0.0], [0.0, 0.0]], device=device).to_sparse(layout=layout)
    same(
        torch.nn.functional.linear(torch.tensor([[1.0, 10.0]], device=device), weight), torch.tensor([[20.0, 3.0, 0.0]])
    )


@fact("torch.matmul", "torch.sparse.mm", "torch.addmm", "torch.sparse.addmm", "torch.bmm", source="sparse")
@pytest.mark.parametrize(
    "multiply",
    [
        lambda a, b: a @ b,
        lambda a, b: torch.sparse.mm(a, b),
        lambda a, b: torch.addmm(b, a, b),
        lambda a, b: torch.sparse.addmm(b, a, b),
        lambda a, b: torch.bmm(torch.stack([a, a]), torch.stack([b, b])),
    ],
    ids=["matmul", "sparse_mm", "addmm", "sparse_addmm", "bmm"],
)
def test_of_coo_and_dense_is_contiguous(multiply, device):
    """`@`, `sparse.mm`, `addmm`, `sparse.addmm` and `bmm` of COO and dense matrices give contiguous ones."""
    product = multiply(torch.eye(3, device=device).to_sparse(), torch.ones(3, 2, device=device))
    assert product.is_contiguous()


@fact("torch.sparse.mm")
@pytest.mark.parametrize(
    ("reduce", "want"),
    [("sum", [7.0, -50.0]), ("mean", [3.5, -25.0]), ("amax", [6.0, 10.0]), ("amin", [1.0, -60.0])],
    ids=["sum", "mean", "amax", "amin"],
)
def test_by_sparse_mm_reduces_over_entries(reduce, want):
    """`torch.sparse.mm` of CSR with `reduce` reduces over the products of a row's entries, without its zeros."""
    a = torch.tensor([[1.0, 3.0, 0.0], [0.0, 0.0, 0.0]]).to_sparse_csr()
    b = torch.tensor([[1.0, 10.0], [2.0, -20.0], [1000.0, 1000.0]])
    same(torch.sparse.mm(a, b, reduce), torch.tensor([want, [0.0, 0.0]]))


@fact("torch.sparse.mm")
def test_by_sparse_mm_refuses_an_unknown_reduction():
    """`torch.sparse.mm` refuses a `reduce` that is no reduction: "reduce argument must be either sum"."""
    with pytest.raises(RuntimeError, match="reduce argument must be either sum"):
        torch.sparse.mm(torch.eye(2).to_sparse_csr(), torch.eye(2), "median")


@fact("torch.matmul")
@pytest.mark.parametrize(
    ("layout", "words"),
    [
        (torch.sparse_coo, "Expected dim 0 size 3, got 2"),
        (torch.sparse_csr, "cannot be multiplied"),
        (torch.sparse_csc, "cannot be multiplied"),
    ],
    ids=["sparse_coo", "sparse_csr", "sparse_csc"],
)
def test_of_sizes_that_do_not_fit_is_refused(device, layout, words):
    """`sparse @ dense` is refused where the number of columns is not that of rows."""
    with pytest.raises(RuntimeError, match=words):
        torch.eye(3, device=device).to_sparse(layout=layout) @ torch.ones(2, 2, device=device)


@fact("torch.matmul")
@LAYOUTS
def test_of_two_dtypes_is_refused(layout):
    """`sparse @ dense` of float64 and float32 is refused: "expected scalar type Double but found Float"."""
    with pytest.raises(RuntimeError, match="expected scalar type Double but found Float"):
        torch.eye(3, dtype=torch.float64).to_sparse(layout=layout) @ torch.ones(3, 2)
