"""`stride()`, `storage_offset()`, `data_ptr()` and `as_strided`: where elements lie, and what views do to that."""

from math import prod

import numpy
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from torchproof import fact, same
from torchproof.fixtures.strategies import Layout, layouts, shapes


def strides_of(array):
    """The strides of a NumPy array in elements."""
    return tuple(step // array.itemsize for step in array.strides)


def offset_of(array, memory):
    """How many elements of `memory` lie before the first of `array`."""
    return (array.__array_interface__["data"][0] - memory.__array_interface__["data"][0]) // array.itemsize


# --- what strides are


@fact("torch.Tensor.stride")
@given(shape=shapes(min_side=1))
@example(shape=())
@example(shape=(2, 3, 4))
def test_of_a_new_tensor_are_products_of_the_later_sizes(shape, device):
    """`stride()` of what `torch.zeros` made is for each dimension the product of the sizes of the later ones."""
    assert torch.zeros(shape, device=device).stride() == tuple(prod(shape[dim + 1 :]) for dim in range(len(shape)))


@fact("torch.empty", source="meta")
def test_need_no_memory():
    """A tensor that `torch.empty` makes on the `meta` device has strides, though it has no numbers."""
    y = torch.empty(2, 3, 4, device="meta")
    assert (y.device.type, y.stride()) == ("meta", (12, 4, 1))


@fact("torch.as_strided")
@given(layout=layouts(overlap=True))
@example(layout=Layout((3, 2), (1, 3), 4))
@example(layout=Layout((4, 2), (1, 1)))
def test_say_where_each_element_lies(layout, device):
    """`as_strided` reads each element at the offset plus the sum of its indices times their strides."""
    same(torch.as_strided(torch.arange(layout.reach, device=device), *layout), layout.places())


@fact("torch.Tensor.stride")
@given(layout=layouts(overlap=True))
@example(layout=Layout((2, 3), (0, 1)))
def test_are_those_that_as_strided_was_given(layout, device):
    """`stride()` of a tensor that `as_strided` made gives the strides that were asked for."""
    assert torch.arange(layout.reach, device=device).as_strided(*layout).stride() == layout.strides


@fact("torch.Tensor.storage_offset")
@given(layout=layouts())
@example(layout=Layout((2, 3), (3, 1), 5))
def test_begin_at_the_offset_that_as_strided_was_given(layout, device):
    """`storage_offset()` of a tensor that `as_strided` made gives the offset that was asked for."""
    assert torch.arange(layout.reach, device=device).as_strided(*layout).storage_offset() == layout.offset


@fact("torch.Tensor.data_ptr")
def test_begin_at_the_data_pointer(device):
    """`data_ptr()` of a view lies behind its source's by the bytes of the elements before it."""
    x = torch.zeros(4, 6, dtype=torch.float64, device=device)
    assert x[1:, 2:].data_ptr() - x.data_ptr() == (1 * 6 + 2) * 8


@fact("torch.Tensor.data_ptr")
def test_begin_where_numpy_says():
    """`data_ptr()` is the address that NumPy gives for the first element."""
    x = torch.arange(6.0)[2:]
    assert x.data_ptr() == x.numpy().__array_interface__["data"][0]


@fact("torch.Tensor.stride")
@pytest.mark.parametrize(("dim", "stride"), [(0, 12), (1, 4), (2, 1), (-1, 1), (-2, 4), (-3, 12)])
def test_are_asked_for_by_dimension(dim, stride, device):
    """`stride(dim)` gives the stride of one dimension, counted from the end where negative."""
    assert torch.zeros(2, 3, 4, device=device).stride(dim) == stride


@fact("torch.Tensor.stride")
@pytest.mark.parametrize("dim", [2, -3])
def test_of_a_dimension_that_is_not_there_are_refused(dim, device):
    """`stride(dim)` raises IndexError "Dimension out of range" for a dimension that the tensor does not have."""
    with pytest.raises(IndexError, match="Dimension out of range"):
        torch.zeros(2, 3, device=device).stride(dim)


@fact("torch.as_strided")
@pytest.mark.parametrize(
    "layout", [((4, 2), (2, 1), 0), ((2, 2), (1, 1), 5), ((7,), (1,), 0)], ids=["shape", "offset", "length"]
)
def test_beyond_the_storage_are_refused(layout, device):
    """`as_strided` refuses to read beyond the end of the storage: out of bounds for storage."""
    with pytest.raises(RuntimeError, match="out of bounds for storage of size 24"):
        torch.zeros(6, dtype=torch.float32, device=device).as_strided(*layout)


@fact("torch.as_strided")
def test_below_zero_are_refused(device):
    """`as_strided` refuses a negative stride: "Negative strides are not supported"."""
    with pytest.raises(RuntimeError, match="Negative strides are not supported"):
        torch.zeros(6, device=device).as_strided((2, 2), (-1, 1))


@fact("torch.as_strided")
def test_let_elements_share_memory(device):
    """Windows that `as_strided` makes with a stride below their length see each other's writes."""
    x = torch.arange(4, device=device)
    windows = x.as_strided((3, 2), (1, 1))
    windows[0, 1] = 9
    same(windows, numpy.array([[0, 9], [9, 2], [2, 3]]))


# --- what views do to them, judged by NumPy


@fact("torch.Tensor.stride", "torch.Tensor.storage_offset")
@given(data=st.data())
def test_of_a_slice_are_those_of_numpy(data, device):
    """A slice `x[1:, start:stop:step]` has the strides and the storage offset of NumPy's."""
    start, stop, step = data.draw(st.integers(0, 5)), data.draw(st.integers(6, 9)), data.draw(st.integers(1, 4))
    memory = numpy.arange(90).reshape(9, 10)
    y, want = torch.arange(90, device=device).view(9, 10)[1:, start:stop:step], memory[1:, start:stop:step]
    assert (y.stride(), y.storage_offset()) == (strides_of(want), offset_of(want, memory))


@fact("torch.select", "torch.Tensor.select")
@pytest.mark.parametrize("dim", [0, 1, 2])
@pytest.mark.parametrize("index", [0, 1, -1])
def test_of_a_selected_index_are_those_of_the_others(dim, index, device):
    """`x.select(dim, i)` begins i strides of `dim` into `x`, from the end if i is negative, and keeps the others."""
    memory = numpy.arange(24).reshape(2, 3, 4)
    y, want = torch.arange(24, device=device).view(2, 3, 4).select(dim, index), numpy.take(memory, index, axis=dim)
    same(y, want)
    begin = index % memory.shape[dim] * strides_of(memory)[dim]
    assert (y.storage_offset(), y.stride()) == (begin, tuple(n for d, n in enumerate((12, 4, 1)) if d != dim))


@fact("torch.permute")
@given(layout=layouts(overlap=True), data=st.data())
def test_of_a_permuted_tensor_are_permuted(layout, data, device):
    """`permute` gives the strides in the order of its dimensions."""
    order = data.draw(st.permutations(range(len(layout.shape))))
    y = torch.arange(layout.reach, device=device).as_strided(*layout).permute(order)
    same(y, layout.places().transpose(order))
    assert y.stride() == tuple(layout.strides[dim] for dim in order)


@fact("torch.transpose")
@given(layout=layouts(min_dims=1, overlap=True), data=st.data())
def test_of_a_transposed_tensor_are_swapped(layout, data, device):
    """`transpose` swaps the strides of its two dimensions."""
    dims = st.integers(-len(layout.shape), len(layout.shape) - 1)
    one, other = data.draw(dims), data.draw(dims)
    y = torch.arange(layout.reach, device=device).as_strided(*layout).transpose(one, other)
    same(y, layout.places().swapaxes(one, other))
    want = list(layout.strides)
    want[one], want[other] = want[other], want[one]
    assert y.stride() == tuple(want)


@fact("torch.diagonal")
@given(layout=layouts(min_dims=2, max_dims=2))
@example(layout=Layout((3, 4), (4, 1)))
def test_of_a_diagonal_are_summed(layout, device):
    """The stride of a `diagonal` is the sum of the strides of its two dimensions."""
    y = torch.arange(layout.reach, device=device).as_strided(*layout).diagonal()
    same(y, layout.places().diagonal().copy())
    assert y.stride() == (sum(layout.strides),)


@fact("torch.Tensor.unfold")
@pytest.mark.parametrize(("size", "step"), [(2, 1), (3, 2), (2, 3), (1, 1), (7, 1)])
def test_of_windows_are_step_and_one(size, step, device):
    """`unfold(0, size, step)` of a vector has the strides (step, 1)."""
    y = torch.arange(7, device=device).unfold(0, size, step)
    same(y, numpy.lib.stride_tricks.sliding_window_view(numpy.arange(7), size)[::step].copy())
    assert y.stride() == (step, 1)


@fact("torch.view_as_real")
def test_of_the_real_parts_of_complex_numbers_are_doubled(device):
    """`view_as_real` has twice the strides of its source, and a last stride of 1."""
    y = torch.view_as_real(torch.tensor([[1 + 2j, 3 + 4j]], dtype=torch.complex64, device=device))
    same(y, numpy.array([[[1, 2], [3, 4]]], dtype="float32"))
    assert y.stride() == (4, 2, 1)


@fact("torch.view_as_real")
def test_of_the_real_parts_reach_the_complex_numbers(device):
    """A write through `view_as_real` is seen in the complex tensor."""
    x = torch.tensor([1 + 2j, 3 + 4j], dtype=torch.complex64, device=device)
    torch.view_as_real(x)[0, 1] = 9
    same(x, numpy.array([1 + 9j, 3 + 4j], dtype="complex64"))
