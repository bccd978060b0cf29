"""The block layouts: as CSR and CSC, with a dense block for each value."""

import pytest
import torch

from fixtures.checks import same
from fixtures.fact import fact

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
    """`to_sparse_bsr` refuses a block size that does not divide the matrix."""
    with pytest.raises(RuntimeError, match="divisible by"):
        torch.eye(4, device=device).to_sparse_bsr((3, 3))
