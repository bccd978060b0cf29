"""The block layouts: as CSR and CSC, with a dense block for each value."""

import pytest
import torch

from torchproof import fact, same

pytestmark = pytest.mark.filterwarnings("ignore:Sparse (... tensor support|invariant checks)")


@fact("torch.Tensor.to_sparse_bsr")
def test_values_are_the_blocks_row_by_row(device):
    """`to_sparse_bsr` stores each block with a nonzero element as a whole, row of blocks by row of blocks."""
    x = torch.tensor([[0, 2, 0], [3.5, 0, 0], [0, 0, 0], [0, 0, 4]], device=device).to_sparse_bsr((2, 1))
    same(x.crow_indices(), torch.tensor([0, 2, 3]))
    same(x.col_indices(), torch.tensor([0, 1, 2]))
    same(x.values(), torch.tensor([[[0], [3.5]], [[2], [0]], [[0], [4]]]))


@fact("torch.Tensor.to_sparse_bsc")
def test_of_columns_has_the_blocks_column_by_column(device):
    """`to_sparse_bsc` stores each block with a nonzero element as a whole, column of blocks by column of blocks."""
    x = torch.tensor([[0, 2.5, 0, 0], [0, 0, 3, 4]], device=device).to_sparse_bsc((1, 2))
    same(x.ccol_indices(), torch.tensor([0, 1, 2]))
    same(x.row_indices(), torch.tensor([0, 1]))
    same(x.values(), torch.tensor([[[0, 2.5]], [[3, 4]]]))


@fact("torch.Tensor.to_sparse_bsr", source="sparse")
def test_refuses_blocks_that_do_not_fit(device):
    """`to_sparse_bsr` refuses a block size that the matrix is not "divisible by"."""
    with pytest.raises(RuntimeError, match="divisible by"):
        torch.eye(4, device=device).to_sparse_bsr((3, 3))


BLOCKS = [[[2.0, 0.5]], [[3.0, 4.0]]]
# The dense matrix of two blocks of 1 x 2, the first of them behind, and how each layout is told of them.
WANT = torch.tensor([[0.0, 0.0, 2.0, 0.5], [3.0, 4.0, 0.0, 0.0]])
MAKERS = {
    "torch.sparse_bsr_tensor": (torch.sparse_bsr, BLOCKS, [1, 0]),
    "torch.sparse_bsc_tensor": (torch.sparse_bsc, BLOCKS[::-1], [1, 0]),
}


@fact(*MAKERS)
@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("sized", [True, False], ids=["sized", "guessed"])
def test_is_made_of_its_parts(device, name, sized):
    """`sparse_bsr_tensor` and `sparse_bsc_tensor` make a leaf of pointers, plain indices and blocks in a dtype told."""
    layout, blocks, plain = MAKERS[name]
    parts = [torch.tensor([0, 1, 2], device=device), torch.tensor(plain, device=device)]
    values = torch.tensor(blocks, device=device)
    make = getattr(torch, name.removeprefix("torch."))
    x = make(*parts, values, *([(2, 4)] if sized else []), dtype=torch.float64, requires_grad=True)
    same(x.detach(), WANT.double())
    assert (x.layout, x.requires_grad, x.is_leaf) == (layout, True, True)
    same(x.detach().values(), values.double())


@fact(*MAKERS)
@pytest.mark.parametrize("name", MAKERS)
def test_made_of_its_parts_shares_them(device, name):
    """`sparse_bsr_tensor` and `sparse_bsc_tensor` do not copy the blocks that they are given."""
    layout, blocks, plain = MAKERS[name]
    values = torch.tensor(blocks, device=device)
    make = getattr(torch, name.removeprefix("torch."))
    x = make(torch.tensor([0, 1, 2], device=device), torch.tensor(plain, device=device), values, (2, 4))
    values.mul_(2)
    same(x, WANT * 2)
    assert (x.layout, x.dtype) == (layout, torch.float32)


@fact(*MAKERS)
@pytest.mark.parametrize("name", MAKERS)
def test_made_of_its_parts_refuses_wrong_pointers(device, name):
    """`sparse_bsr_tensor`, `sparse_bsc_tensor` with `check_invariants=True` refuse a last pointer other than nnz."""
    _, blocks, plain = MAKERS[name]
    parts = [torch.tensor(each, device=device) for each in ([0, 1, 1], plain, blocks)]
    with pytest.raises(RuntimeError, match="== nnz` is not satisfied"):
        getattr(torch, name.removeprefix("torch."))(*parts, (2, 4), check_invariants=True)


COMPRESSED = {  # pointers, plain indices and values of one matrix
    torch.sparse_csr: ([0, 1, 3], [1, 0, 2], [2.0, 3.0, 4.0]),
    torch.sparse_csc: ([0, 1, 2, 3], [1, 0, 1], [3.0, 2.0, 4.0]),
    torch.sparse_bsr: ([0, 1, 3], [1, 0, 2], [[[2.0]], [[3.0]], [[4.0]]]),
    torch.sparse_bsc: ([0, 1, 2, 3], [1, 0, 1], [[[3.0]], [[2.0]], [[4.0]]]),
}


@fact("torch.sparse_compressed_tensor")
@pytest.mark.parametrize("layout", COMPRESSED)
@pytest.mark.parametrize("sized", [True, False], ids=["sized", "guessed"])
def test_compressed_is_made_of_the_parts_of_its_layout(device, layout, sized):
    """`sparse_compressed_tensor` makes a matrix of the `layout`, `dtype` and `requires_grad` that it is told."""
    given = [*(torch.tensor(each, device=device) for each in COMPRESSED[layout]), *([(2, 3)] if sized else [])]
    x = torch.sparse_compressed_tensor(*given, dtype=torch.float64, layout=layout, requires_grad=True)
    same(x.detach(), torch.tensor([[0.0, 2.0, 0.0], [3.0, 0.0, 4.0]], dtype=torch.float64))
    assert (x.layout, x.requires_grad) == (layout, True)


@fact("torch.sparse_compressed_tensor")
@pytest.mark.parametrize("layout", COMPRESSED)
def test_compressed_copies_no_values(device, layout):
    """`sparse_compressed_tensor` shares the memory of the values that it is given."""
    parts = [torch.tensor(each, device=device) for each in COMPRESSED[layout]]
    x = torch.sparse_compressed_tensor(*parts, layout=layout)
    parts[2].mul_(2)
    same(x, torch.tensor([[0.0, 4.0, 0.0], [6.0, 0.0, 8.0]]))


@fact("torch.sparse_compressed_tensor")
def test_compressed_refuses_another_layout(device):
    """`sparse_compressed_tensor` refuses a `layout` that is not compressed, as `torch.strided`."""
    parts = [torch.tensor(each, device=device) for each in ([0, 1, 3], [1, 0, 2], [2.0, 3.0, 4.0])]
    with pytest.raises(RuntimeError, match="layout"):
        torch.sparse_compressed_tensor(*parts, (2, 3), layout=torch.strided)


@fact("torch.sparse_compressed_tensor")
def test_compressed_refuses_wrong_pointers_where_it_checks(device):
    """`sparse_compressed_tensor` with `check_invariants=True` refuses pointers that do not end at the number stored."""
    parts = [torch.tensor(each, device=device) for each in ([0, 1, 1], [1, 0, 2], [2.0, 3.0, 4.0])]
    with pytest.raises(RuntimeError, match="== nnz` is not satisfied"):
        torch.sparse_compressed_tensor(*parts, (2, 3), layout=torch.sparse_csr, check_invariants=True)
