"""What a tensor of a sparse layout says that it is, and what it has not got."""

import pytest
import torch

from torchproof import fact, same

pytestmark = pytest.mark.filterwarnings("ignore:Sparse (... tensor support|invariant checks)")

LAYOUTS = pytest.mark.parametrize("layout", [torch.sparse_coo, torch.sparse_csr, torch.sparse_csc])


@fact("torch.Tensor.to_sparse")
@LAYOUTS
def test_is_the_one_asked_for(device, layout):
    """`to_sparse(layout=...)` returns a tensor of that layout: COO, CSR or CSC."""
    x = torch.tensor([[0, 2], [3, 0]], device=device).to_sparse(layout=layout)
    assert x.layout == layout
    same(x, torch.tensor([[0, 2], [3, 0]]))


@fact("torch.Tensor.to_sparse")
def test_is_coo_unless_asked_for(device):
    """`to_sparse` without a layout returns a COO tensor."""
    assert torch.eye(2, device=device).to_sparse().layout == torch.sparse_coo


@fact("torch.Tensor.crow_indices", "torch.Tensor.col_indices", "torch.Tensor.ccol_indices", "torch.Tensor.row_indices")
@pytest.mark.parametrize("part", ["crow_indices", "col_indices", "ccol_indices", "row_indices"])
def test_is_compressed_into_contiguous_indices(device, part):
    """`crow_indices`, `col_indices`, `ccol_indices` and `row_indices` that `to_sparse` makes are contiguous."""
    layout = torch.sparse_csr if part in ("crow_indices", "col_indices") else torch.sparse_csc
    x = torch.eye(3, device=device).to_sparse(layout=layout)
    assert getattr(x, part)().stride() == (1,)


@fact(
    "torch.Tensor.indices",
    "torch.Tensor.crow_indices",
    "torch.Tensor.col_indices",
    "torch.Tensor.ccol_indices",
    "torch.Tensor.row_indices",
    source="sparse",
)
@pytest.mark.parametrize(
    ("layout", "part", "place", "number", "want"),
    [
        (torch.sparse_coo, "indices", (1, 0), 1, [[0, 2], [0, 3]]),
        (torch.sparse_csr, "crow_indices", 1, 2, [[2, 3], [0, 0]]),
        (torch.sparse_csr, "col_indices", 0, 1, [[0, 2], [0, 3]]),
        (torch.sparse_csc, "ccol_indices", 1, 2, [[2, 0], [3, 0]]),
        (torch.sparse_csc, "row_indices", 0, 1, [[0, 0], [2, 3]]),
    ],
    ids=["indices", "crow_indices", "col_indices", "ccol_indices", "row_indices"],
)
def test_moves_its_values_when_indices_are_written_to(device, layout, part, place, number, want):
    """A write into `indices`, `crow_indices`, `col_indices`, `ccol_indices` or `row_indices` is seen in the tensor."""
    x = torch.tensor([[2, 0], [0, 3]], device=device).to_sparse(layout=layout)
    getattr(x, part)()[place] = number
    same(x, torch.tensor(want))


@fact("torch.Tensor.is_sparse", myth="is_sparse is true for every sparse layout")
def test_is_sparse_is_true_of_coo(device):
    """`is_sparse` is true of a COO tensor."""
    x = torch.eye(2, device=device)
    assert (x.is_sparse, x.to_sparse().is_sparse) == (False, True)


@fact(
    "torch.Tensor.is_sparse",
    myth="is_sparse is true for every sparse layout",
    hint="compare `layout` with torch.strided",
)
@pytest.mark.parametrize("layout", [torch.sparse_csr, torch.sparse_csc])
def test_is_sparse_is_false_of_compressed_layouts(device, layout):
    """`is_sparse` is false of a CSR or CSC tensor."""
    assert torch.eye(2, device=device).to_sparse(layout=layout).is_sparse is False


@fact("torch.Tensor.is_sparse_csr")
def test_is_sparse_csr_is_true_of_csr(device):
    """`is_sparse_csr` is true of a CSR tensor."""
    assert torch.eye(2, device=device).to_sparse_csr().is_sparse_csr is True


@fact("torch.Tensor.is_sparse_csr")
@pytest.mark.parametrize("layout", [torch.sparse_coo, torch.sparse_csc])
def test_is_sparse_csr_is_false_of_other_layouts(device, layout):
    """`is_sparse_csr` is false of a COO or CSC tensor."""
    assert torch.eye(2, device=device).to_sparse(layout=layout).is_sparse_csr is False


@fact("torch.Tensor.numel")
@LAYOUTS
def test_numel_counts_what_is_not_stored(device, layout):
    """`numel` of a COO, CSR or CSC tensor is the number of its elements, stored or not."""
    assert torch.eye(3, 4, device=device).to_sparse(layout=layout).numel() == 12


@fact("torch.Tensor.nbytes")
def test_nbytes_of_coo_is_refused(device):
    """`nbytes` is refused on a COO tensor: "nbytes is not defined for sparse tensors"."""
    with pytest.raises(RuntimeError, match="nbytes is not defined for sparse tensors"):
        torch.eye(2, device=device).to_sparse().nbytes


@fact("torch.Tensor.data_ptr")
@LAYOUTS
def test_has_no_data_pointer(device, layout):
    """`data_ptr` is refused on a COO, CSR or CSC tensor, which "doesn't have storage"."""
    with pytest.raises(RuntimeError, match="doesn't have storage"):
        torch.eye(2, device=device).to_sparse(layout=layout).data_ptr()


@fact("torch.Tensor.untyped_storage")
@LAYOUTS
def test_has_no_storage(device, layout):
    """`untyped_storage` is refused on a COO, CSR or CSC tensor: "Cannot access storage of Sparse"."""
    with pytest.raises(NotImplementedError, match="Cannot access storage of Sparse"):
        torch.eye(2, device=device).to_sparse(layout=layout).untyped_storage()


@fact("torch.Tensor.numpy", hint="call to_dense() first")
@LAYOUTS
def test_numpy_is_refused(layout):
    """`numpy` is refused on a COO, CSR or CSC tensor with "can't convert Sparse": it takes `to_dense()` first."""
    with pytest.raises(TypeError, match=r"can't convert Sparse.* layout tensor to numpy"):
        torch.eye(2).to_sparse(layout=layout).numpy()


@fact("torch.Tensor.__setitem__", hint="write into values(), or into the dense tensor")
@LAYOUTS
def test_assignment_to_an_element_is_refused(device, layout):
    """`x[0, 0] = 5` is refused on a COO, CSR or CSC tensor: "Cannot assign to a sparse tensor"."""
    x = torch.eye(2, device=device).to_sparse(layout=layout)
    with pytest.raises(TypeError, match="Cannot assign to a sparse tensor"):
        x[0, 0] = 5


@fact("torch.Tensor.view")
@LAYOUTS
def test_view_is_refused(device, layout):
    """`view` is refused on a COO, CSR or CSC tensor."""
    with pytest.raises(NotImplementedError, match="aten::view"):
        torch.eye(2, device=device).to_sparse(layout=layout).view(4)
