"""What `is_contiguous()` says, and which operations change it; what `contiguous()` gives is in `test_contiguous.py`."""

import pytest
import torch
from hypothesis import example, given

from torchproof import fact
from torchproof.fixtures.strategies import Layout, layouts, shapes

BREAKING = {
    "t": lambda x: x[0].t(),
    "T": lambda x: x[0].T,
    "mT": lambda x: x.mT,
    "transpose": lambda x: x.transpose(0, 1),
    "swapaxes": lambda x: x.swapaxes(0, 2),
    "permute": lambda x: x.permute(2, 0, 1),
    "movedim": lambda x: x.movedim(0, 2),
    "columns": lambda x: x[:, :, :2],
    "one column": lambda x: x[0, :, 0],
    "a step": lambda x: x[::2],
    "narrow": lambda x: x.narrow(1, 0, 2),
    "expand": lambda x: x[0, 0].expand(2, 4),
    "diagonal": lambda x: x[0].diagonal(),
    "unfold": lambda x: x[0, 0].unfold(0, 2, 1),
}

KEEPING = {
    "rows": lambda x: x[1:],
    "one row": lambda x: x[2, 1],
    "select": lambda x: x.select(0, 1),
    "narrow": lambda x: x.narrow(0, 1, 2),
    "chunk": lambda x: x.chunk(3)[1],
    "permute to itself": lambda x: x.permute(0, 1, 2),
    "transpose twice": lambda x: x.transpose(0, 1).transpose(0, 1),
    "transpose with a dimension of size 1": lambda x: x[:1].transpose(0, 1),
    "t of one row": lambda x: x[0, :1].t(),
    "t of one column": lambda x: x[0, 0].view(4, 1).t(),
    "t of one dimension": lambda x: x[0, 0].t(),
    "t of no dimension": lambda x: x[0, 0, 0].t(),
    "transpose of an empty tensor": lambda x: x[:0].transpose(0, 1),
    "unsqueeze": lambda x: x.unsqueeze(1),
    "squeeze": lambda x: x[:1].squeeze(0),
    "a step over one element": lambda x: x[:1:2],
    "one column of one row": lambda x: x[:1, :1, 1:2],
    "expand to the same shape": lambda x: x.expand(3, 3, 4),
    "expand by a size of 1": lambda x: x.expand(1, 3, 3, 4),
    "flip": lambda x: x.flip(2),
    "view": lambda x: x.view(9, 4),
}


@fact("torch.Tensor.is_contiguous", claims=["V05"])
@given(layout=layouts(overlap=True))
@example(layout=Layout((2, 3), (3, 1), 5))
@example(layout=Layout((3, 2), (1, 3)))
@example(layout=Layout((1, 3), (7, 1)))
@example(layout=Layout((2, 3), (4, 1)))
def test_is_true_of_row_major_order_without_gaps(layout, device):
    """`is_contiguous()` is true exactly where elements follow each other in memory in row-major order."""
    x = torch.arange(layout.reach, device=device).as_strided(*layout)
    assert x.is_contiguous() is layout.is_in_order()


@fact("torch.Tensor.is_contiguous")
@given(shape=shapes())
@example(shape=(0, 3))
@example(shape=())
def test_is_true_of_a_new_tensor(shape, device):
    """`torch.zeros(shape).is_contiguous()` is true, whatever the shape."""
    assert torch.zeros(shape, device=device).is_contiguous() is True


@fact(
    "torch.Tensor.is_contiguous",
    myth="is_contiguous() tells whether a tensor lies in one piece of memory",
    claims=["V05"],
)
def test_is_about_order_too(device):
    """`is_contiguous()` is false of a transposed matrix, though that fills its memory without gaps."""
    x = torch.arange(6, device=device).view(2, 3).t()
    assert (x.untyped_storage().nbytes(), x.is_contiguous()) == (6 * 8, False)


@fact("torch.Tensor.is_contiguous", claims=["V05"])
def test_is_not_about_filling_the_storage(device):
    """`x[1:3].is_contiguous()` is true of some rows, though they begin in the middle of the storage."""
    assert torch.arange(12, device=device).view(4, 3)[1:3].is_contiguous() is True


@fact("torch.Tensor.is_contiguous", claims=["V06"])
@pytest.mark.parametrize("operation", BREAKING.values(), ids=BREAKING)
def test_is_false_of_another_order_or_gaps(operation, device):
    """`is_contiguous()` is false of a view in another order or with gaps: of `transpose`, `permute`, `x[:, :, :2]`."""
    assert operation(torch.zeros(3, 3, 4, device=device)).is_contiguous() is False


@fact(
    "torch.Tensor.is_contiguous",
    myth="t, transpose, permute and slices always break contiguity",
    claims=["V06"],
)
@pytest.mark.parametrize("operation", KEEPING.values(), ids=KEEPING)
def test_is_true_of_what_lies_in_its_own_order(operation, device):
    """`is_contiguous()` is true of what lies in its own row-major order, whatever operation gave it."""
    assert operation(torch.zeros(3, 3, 4, device=device)).is_contiguous() is True


@fact("torch.Tensor.transpose", claims=["V06"])
def test_is_true_again_of_a_second_transpose(device):
    """`x.transpose(0, 1).transpose(0, 1)` of a contiguous `x` is contiguous again, without a copy."""
    x = torch.arange(6, device=device).view(2, 3)
    y = x.transpose(0, 1).transpose(0, 1)
    x += 10
    assert (y.is_contiguous(), y.tolist()) == (True, [[10, 11, 12], [13, 14, 15]])
