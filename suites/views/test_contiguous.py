"""`contiguous()`: when it copies, and what it gives; what `is_contiguous()` says is in `test_is_contiguous.py`."""

from math import prod

import numpy
import torch
from hypothesis import example, given

from torchproof import fact, same
from torchproof.fixtures.strategies import Layout, layouts, reshapings


def in_order(layout):
    return layout.is_in_order()


def out_of_order(layout):
    return not layout.is_in_order()


@fact("torch.Tensor.contiguous")
@given(layout=layouts(overlap=True))
@example(layout=Layout((3, 2), (1, 3)))
@example(layout=Layout((2, 3), (0, 1)))
def test_keeps_values(layout, device):
    """`contiguous()` gives the values of a tensor of any strides."""
    x = torch.arange(layout.reach, device=device).as_strided(*layout)
    same(x.contiguous(), layout.places())


@fact("torch.Tensor.contiguous")
@given(layout=layouts(overlap=True).filter(out_of_order))
@example(layout=Layout((3, 2), (1, 3)))
@example(layout=Layout((2, 3), (0, 1)))
def test_gives_row_major_strides(layout, device):
    """`contiguous()` of a non-contiguous tensor has row-major strides."""
    x = torch.arange(layout.reach, device=device).as_strided(*layout)
    assert x.contiguous().stride() == tuple(prod(layout.shape[dim + 1 :]) for dim in range(len(layout.shape)))


@fact("torch.Tensor.contiguous", myth="contiguous() always copies")
@given(layout=layouts().filter(in_order))
@example(layout=Layout((2, 3), (3, 1), 3))
def test_of_a_contiguous_tensor_is_the_tensor_itself(layout, device):
    """`contiguous()` of a contiguous tensor returns that tensor."""
    x = torch.arange(layout.reach, device=device).as_strided(*layout)
    assert x.contiguous() is x


@fact(
    "torch.Tensor.contiguous", hint="a write through the result changes the source, or not, by its strides: use clone"
)
def test_of_some_rows_shares_memory(device):
    """A write through `x[1:].contiguous()` is seen in the matrix `x`, for a block of rows is contiguous already."""
    x = torch.arange(6, device=device).view(3, 2)
    x[1:].contiguous()[0, 0] = 9
    assert x.tolist() == [[0, 1], [9, 3], [4, 5]]


@fact("torch.Tensor.contiguous")
@given(layout=layouts().filter(out_of_order))
@example(layout=Layout((3, 2), (1, 3)))
def test_of_a_non_contiguous_tensor_is_a_copy(layout, device):
    """A write to a non-contiguous tensor is not seen in what `contiguous()` gave before."""
    x = torch.arange(layout.reach, device=device).as_strided(*layout)
    y = x.contiguous()
    x += 100
    same(y, layout.places())


@fact("torch.Tensor.contiguous")
def test_gives_expanded_elements_memory_of_their_own(device):
    """`contiguous()` of an expanded tensor holds every element in memory of its own."""
    y = torch.arange(3, device=device).expand(2, 3).contiguous()
    y[0, 0] = 9
    same(y, numpy.array([[9, 1, 2], [0, 1, 2]]))


@fact("torch.Tensor.contiguous")
def test_of_some_columns_leaves_the_rest_of_the_storage_behind(device):
    """`contiguous()` of a block of columns has a storage of just their size."""
    x = torch.zeros(100, 100, dtype=torch.float32, device=device)
    assert x[:, :2].contiguous().untyped_storage().nbytes() == 100 * 2 * 4


@fact("torch.Tensor.contiguous")
def test_begins_at_the_start_of_its_storage(device):
    """`contiguous()` of a non-contiguous tensor has the storage offset 0."""
    y = torch.arange(9, device=device).view(3, 3)[1:, 1:].contiguous()
    assert (y.storage_offset(), y.tolist()) == (0, [[4, 5], [7, 8]])


@fact("torch.Tensor.contiguous", "torch.Tensor.view", claims=["V02"])
@given(case=reshapings(overlap=True))
@example(case=(Layout((3, 2), (1, 3)), (6,)))
def test_makes_any_view_possible(case, device):
    """`x.contiguous().view(shape)` gives the elements in row-major order under every shape of as many."""
    layout, shape = case
    x = torch.arange(layout.reach, device=device).as_strided(*layout)
    same(x.contiguous().view(shape), layout.places().reshape(shape))


@fact("torch.Tensor.contiguous")
def test_passes_the_gradient_back(device):
    """The gradient of `x.t().contiguous()` reaches `x` through the copy, transposed back."""
    x = torch.zeros(2, 3, device=device, requires_grad=True)
    x.t().contiguous().backward(torch.tensor([[0.0, 1], [2, 3], [4, 5]], device=device))
    same(x.grad, numpy.array([[0, 2, 4], [1, 3, 5]], dtype="float32"))


@fact("torch.Tensor.contiguous")
def test_does_not_change_the_tensor_in_place(device):
    """`x.contiguous()` leaves `x` non-contiguous."""
    x = torch.zeros(2, 3, device=device).t()
    assert x.contiguous().is_contiguous()
    assert not x.is_contiguous()
