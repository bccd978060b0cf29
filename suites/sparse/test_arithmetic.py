"""Arithmetic element by element: which layout comes out, and which entries."""

import numpy
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from torchproof import fact, same
from torchproof.fixtures.strategies import mostly_zero

pytestmark = pytest.mark.filterwarnings("ignore:Sparse (... tensor support|invariant checks)")

LAYOUTS = pytest.mark.parametrize("layout", [torch.sparse_coo, torch.sparse_csr, torch.sparse_csc])
ROWS = pytest.mark.parametrize("layout", [torch.sparse_coo, torch.sparse_csr])
COMPRESSED = pytest.mark.parametrize("layout", [torch.sparse_csr, torch.sparse_csc])


@st.composite
def pairs(draw):
    """Two float64 matrices of one shape, as NumPy arrays."""
    array = draw(mostly_zero())
    return array.astype(float), draw(st.permutations(array.ravel().tolist()).map(numpy.array)).reshape(
        array.shape
    ).astype(float)


APART = example((numpy.eye(2), numpy.eye(2)[::-1].copy()))
TOGETHER = example((numpy.eye(2), 3 * numpy.eye(2)))


@fact("torch.add")
@pytest.mark.slow
@ROWS
@given(pairs())
@APART
@TOGETHER
def test_sum_of_sparse_and_sparse_is_sparse(device, layout, pair):
    """`a + b` of two COO or two CSR matrices has their layout and the elements that NumPy computes."""
    a, b = (torch.tensor(array, device=device).to_sparse(layout=layout) for array in pair)
    same(a + b, pair[0] + pair[1])
    assert (a + b).layout == layout


@fact("torch.add", since="2.1", calls="names *sparse_csc*", gain=True)
def test_sum_of_csc_and_csc_is_csc(device):
    """`a + b` of two CSC matrices is a CSC matrix."""
    x = torch.tensor([[0.0, 2.0], [3.0, 0.0]], device=device).to_sparse_csc()
    same(x + x, torch.tensor([[0.0, 4.0], [6.0, 0.0]]))
    assert (x + x).layout == torch.sparse_csc


@fact("torch.add", until="2.1", calls="names *sparse_csc*")
def test_sum_of_csc_and_csc_was_refused(device):
    """`a + b` of two CSC matrices is refused: "expected sparse row compressed tensor layout but got SparseCsc"."""
    x = torch.eye(2, device=device).to_sparse_csc()
    with pytest.raises(RuntimeError, match="expected sparse row compressed tensor layout but got SparseCsc"):
        x + x


@fact("torch.add")
@ROWS
@given(pairs())
@APART
@TOGETHER
def test_sum_of_dense_and_sparse_is_dense(device, layout, pair):
    """`dense + sparse`, where the latter is a COO or CSR matrix, is a dense matrix."""
    a, b = (torch.tensor(array, device=device) for array in pair)
    total = a + b.to_sparse(layout=layout)
    same(total, pair[0] + pair[1])
    same(a, pair[0])
    assert total.layout == torch.strided


@fact("torch.add", since="2.3", calls="names *sparse_cs*|to_sparse", gain=True)
@COMPRESSED
def test_sum_of_compressed_and_dense_is_dense(device, layout):
    """`sparse + dense`, where the former is a CSR or CSC matrix, is a dense matrix."""
    x = torch.tensor([[0.0, 2.0], [3.0, 0.0]], device=device)
    total = x.to_sparse(layout=layout) + torch.ones(2, 2, device=device)
    same(total, torch.tensor([[1.0, 3.0], [4.0, 1.0]]))
    assert total.layout == torch.strided


@fact("torch.add", until="2.3", calls="names *sparse_cs*|to_sparse")
@COMPRESSED
def test_sum_of_compressed_and_dense_was_refused(device, layout):
    """`sparse + dense`, where the former is a CSR or CSC matrix, is refused."""
    x = torch.eye(2, device=device)
    with pytest.raises(RuntimeError, match=r"_nnz|is_sparse_compressed"):
        x.to_sparse(layout=layout) + x


@fact("torch.add", hint="write dense + sparse")
@pytest.mark.parametrize("other", [torch.ones(2, 2), 1.0], ids=["dense", "number"])
def test_sum_of_coo_and_dense_is_refused(device, other):
    """`sparse + dense` and `sparse + 1.0` of a COO matrix are refused: "add(sparse, dense) is not supported"."""
    with pytest.raises(RuntimeError, match=r"add\(sparse, dense\) is not supported"):
        torch.eye(2, device=device).to_sparse() + torch.as_tensor(other, device=device)


@fact("torch.mul")
@ROWS
@given(pairs())
@APART
@TOGETHER
def test_product_of_sparse_and_sparse_is_sparse(device, layout, pair):
    """`a * b` of two COO or two CSR matrices has their layout and the elements that NumPy computes."""
    a, b = (torch.tensor(array, device=device).to_sparse(layout=layout) for array in pair)
    same(a * b, pair[0] * pair[1])
    assert (a * b).layout == layout


@fact("torch.mul", source="sparse")
@ROWS
def test_product_has_entries_where_both_have(device, layout):
    """`a * b` of two COO or two CSR matrices has an entry only where both have one."""
    a = torch.tensor([[1.0, 2.0], [0.0, 0.0]], device=device).to_sparse(layout=layout)
    b = torch.tensor([[0.0, 3.0], [5.0, 0.0]], device=device).to_sparse(layout=layout)
    assert (a * b)._nnz() == 1


@fact("torch.add", source="sparse")
@ROWS
def test_sum_has_entries_where_either_has(device, layout):
    """`a + b` of two COO or two CSR matrices, once coalesced, has one entry wherever one of them has."""
    a = torch.tensor([[1.0, 2.0], [0.0, 0.0]], device=device).to_sparse(layout=layout)
    b = torch.tensor([[0.0, 3.0], [5.0, 0.0]], device=device).to_sparse(layout=layout)
    total = a + b
    same(total, torch.tensor([[1.0, 5.0], [5.0, 0.0]]))
    assert total.to_sparse_coo().coalesce()._nnz() == 3


@fact("torch.mul", source="sparse")
@ROWS
def test_product_of_sparse_and_dense_keeps_its_entries(device, layout):
    """`sparse * dense` has the entries of the COO or CSR matrix, so that NaN elsewhere in the dense one is left out."""
    x = torch.tensor([[0.0, 2.0], [3.0, 0.0]], device=device).to_sparse(layout=layout)
    product = x * torch.tensor([[float("nan"), 10.0], [100.0, float("nan")]], device=device)
    same(product, torch.tensor([[0.0, 20.0], [300.0, 0.0]]))
    assert product.layout == layout


@fact("torch.mul")
@LAYOUTS
def test_product_with_a_number_is_sparse(device, layout):
    """`sparse * 10` keeps the layout of a COO, CSR or CSC matrix."""
    product = torch.tensor([[0, 2], [3, 0]], device=device).to_sparse(layout=layout) * 10
    same(product, torch.tensor([[0, 20], [30, 0]]))
    assert product.layout == layout


@fact("torch.div")
def test_quotient_of_coo_and_a_number_is_sparse(device):
    """`sparse / 2` of a COO matrix is a COO matrix."""
    quotient = torch.tensor([[0.0, 2.0], [3.0, 0.0]], device=device).to_sparse() / 2
    same(quotient, torch.tensor([[0.0, 1.0], [1.5, 0.0]]))
    assert quotient.layout == torch.sparse_coo


@fact("torch.neg", source="sparse")
@LAYOUTS
def test_negative_is_sparse(device, layout):
    """`torch.neg` of a COO, CSR or CSC matrix keeps its layout."""
    x = torch.neg(torch.tensor([[0, 2], [-3, 0]], device=device).to_sparse(layout=layout))
    same(x, torch.tensor([[0, -2], [3, 0]]))
    assert x.layout == layout


@fact("torch.sqrt", source="sparse")
@LAYOUTS
def test_root_is_sparse(device, layout):
    """`torch.sqrt`, as it maps zero to zero, keeps the layout of a COO, CSR or CSC matrix."""
    x = torch.sqrt(torch.tensor([[0.0, 2.25], [9.0, 0.0]], device=device).to_sparse(layout=layout))
    same(x, torch.tensor([[0.0, 1.5], [3.0, 0.0]]))
    assert x.layout == layout


@fact("torch.exp", source="sparse")
@pytest.mark.parametrize(
    ("layout", "words"),
    [
        (torch.sparse_coo, "aten::exp"),
        (torch.sparse_csr, "unsupported tensor layout"),
        (torch.sparse_csc, "unsupported tensor layout"),
    ],
    ids=["sparse_coo", "sparse_csr", "sparse_csc"],
)
def test_exponential_is_refused(device, layout, words):
    """`exp`, as it does not map zero to zero, is refused on a COO, CSR or CSC matrix."""
    with pytest.raises(RuntimeError, match=words):
        torch.eye(2, device=device).to_sparse(layout=layout).exp()


@fact("torch.pow", source="sparse")
def test_power_of_zero_is_refused(device):
    """`torch.pow` of a COO matrix refuses an exponent of zero: "cannot raise to zeroth power on sparse tensor"."""
    with pytest.raises(RuntimeError, match="cannot raise to zeroth power on sparse tensor"):
        torch.pow(torch.eye(2, device=device).to_sparse(), 0)


@fact("torch.Tensor.sparse_mask")
@ROWS
def test_masked_has_the_entries_of_the_mask(device, layout):
    """`sparse_mask` takes the elements where a COO or CSR mask has entries, whatever the values of these."""
    mask = torch.tensor([[0.0, 2.0], [3.0, 0.0]], device=device).to_sparse(layout=layout)
    x = torch.tensor([[1.0, 5.0], [7.0, 1.0]], device=device).sparse_mask(mask)
    same(x, torch.tensor([[0.0, 5.0], [7.0, 0.0]]))
    assert (x.layout, x._nnz()) == (layout, 2)


@fact("torch.Tensor.sparse_mask", since="2.1", calls="names *sparse_csc*", gain=True)
def test_masked_by_csc_is_csc(device):
    """`sparse_mask` with a CSC mask gives a CSC matrix."""
    mask = torch.tensor([[0.0, 2.0], [3.0, 0.0]], device=device).to_sparse_csc()
    x = torch.tensor([[1.0, 5.0], [7.0, 1.0]], device=device).sparse_mask(mask)
    same(x, torch.tensor([[0.0, 5.0], [7.0, 0.0]]))
    assert x.layout == torch.sparse_csc


@fact("torch.Tensor.sparse_mask", until="2.1", calls="names *sparse_csc*")
def test_masked_by_csc_was_refused(device):
    """`sparse_mask` refuses a CSC mask: "expects mask to be sparse csr"."""
    with pytest.raises(RuntimeError, match="expects mask to be sparse csr"):
        torch.ones(2, 2, device=device).sparse_mask(torch.eye(2, device=device).to_sparse_csc())


@fact("torch.sparse.softmax")
def test_softmax_leaves_out_what_is_not_stored(device):
    """`torch.sparse.softmax` shares one among the entries of a row, where the dense one gives zeros their part."""
    x = torch.tensor([[0.0, 1.0, 1.0], [0.0, 5.0, 0.0]], device=device).to_sparse()
    y = torch.sparse.softmax(x, 1)
    same(y, torch.tensor([[0.0, 0.5, 0.5], [0.0, 1.0, 0.0]]))
    assert y.layout == torch.sparse_coo
