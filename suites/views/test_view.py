"""`view`: its memory, which shapes it takes and which it refuses, and `view(dtype)`; `reshape` has its own file."""

from math import prod

import numpy
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from torchproof import fact, same
from torchproof.fixtures.checks import shares
from torchproof.fixtures.strategies import Layout, layouts, reshapings, shapes


def strides_reaching(places, shape):
    """The strides that reach these places in memory, in row-major order, under `shape`; None where no strides do."""
    places = places.reshape(shape)
    first = int(places.flat[0])
    ahead = [places.take(min(1, size - 1), axis=dim).flat[0] for dim, size in enumerate(shape)]
    strides = tuple(int(place) - first for place in ahead)
    return strides if (Layout(shape, strides, first).places() == places).all() else None


def has_strides(case):
    layout, shape = case
    return strides_reaching(layout.places(), shape) is not None


def has_no_strides(case):
    return not has_strides(case)


def has_other_size(case):
    return prod(case[0]) != prod(case[1])


# --- memory


@fact("torch.Tensor.view", claims=["V01", "V08"])
def test_shares_memory(device):
    """A write through `view` is seen in the tensor that it views."""
    x = torch.arange(6, device=device)
    x.view(2, 3)[0, 0] = 9
    assert x.tolist() == [9, 1, 2, 3, 4, 5]


@fact("torch.Tensor.view", claims=["V01"])
def test_sees_later_writes(device):
    """A write to a tensor is seen in the `view` that was taken before."""
    x = torch.arange(6, device=device)
    y = x.view(2, 3)
    x[5] = 9
    assert y.tolist() == [[0, 1, 2], [3, 4, 9]]


@fact("torch.Tensor.view", claims=["V01"])
def test_of_a_view_shares_memory(device):
    """A write through the last of a chain of `view` calls is seen in the first tensor."""
    x = torch.arange(12, device=device)
    x.view(3, 4).view(2, 6).view(12, 1)[11] = 99
    assert x[11] == 99


@fact("torch.Tensor.view", claims=["V01"])
def test_leaves_its_source_as_it_was(device):
    """`view` does not change the shape of the tensor that it is called on."""
    x = torch.arange(6, device=device)
    same(x.view(2, 3), numpy.arange(6).reshape(2, 3))
    same(x, numpy.arange(6))


@fact("torch.Tensor.view", claims=["V08"])
@given(case=reshapings(overlap=True).filter(has_strides))
@example(case=(Layout((2, 3), (3, 1)), (6,)))
@example(case=(Layout((4, 3), (1, 4)), (2, 2, 3)))
def test_never_copies(case, device):
    """A `view` that is given always shares memory, whatever the strides."""
    layout, shape = case
    memory = torch.arange(layout.reach, device=device)
    y = memory.as_strided(*layout).view(shape)
    memory += 100
    same(y, layout.places().reshape(shape) + 100)


# --- which shapes it takes


@fact("torch.Tensor.view")
@given(case=reshapings(overlap=True).filter(has_strides))
@example(case=(Layout((2, 3), (3, 1)), (3, 2)))
@example(case=(Layout((4, 3), (1, 4)), (2, 2, 3)))
@example(case=(Layout((2, 3), (0, 1)), (2, 1, 3)))
def test_is_given_where_strides_exist(case, device):
    """`view` gives the elements in row-major order wherever strides for the new shape exist."""
    layout, shape = case
    x = torch.arange(layout.reach, device=device).as_strided(*layout)
    same(x.view(shape), layout.places().reshape(shape))


@fact("torch.Tensor.view", hint="use reshape, which copies where view cannot be had")
@given(case=reshapings(overlap=True).filter(has_no_strides))
@example(case=(Layout((3, 2), (1, 3)), (6,)))
@example(case=(Layout((2, 3), (0, 1)), (6,)))
@example(case=(Layout((2, 2), (4, 1)), (4,)))
def test_is_refused_where_no_strides_exist(case, device):
    """`view` raises RuntimeError "view size is not compatible" wherever no strides for the new shape exist."""
    layout, shape = case
    x = torch.arange(layout.reach, device=device).as_strided(*layout)
    with pytest.raises(RuntimeError, match="view size is not compatible"):
        x.view(shape)


@fact("torch.Tensor.view")
@given(case=reshapings(overlap=True).filter(has_strides))
@example(case=(Layout((4, 3), (1, 4)), (2, 2, 3)))
@example(case=(Layout((2, 3), (6, 2), 1), (6,)))
def test_has_the_strides_that_reach_the_same_places(case, device):
    """The strides of a `view` are those with which the new shape reaches the same memory."""
    layout, shape = case
    y = torch.arange(layout.reach, device=device).as_strided(*layout).view(shape)
    got, want = (
        [stride for stride, size in zip(strides, shape) if size > 1]
        for strides in (y.stride(), strides_reaching(layout.places(), shape))
    )
    assert got == want


@fact("torch.Tensor.view")
@given(case=reshapings().filter(has_strides))
@example(case=(Layout((2, 3), (3, 1), 4), (6,)))
def test_keeps_the_storage_offset(case, device):
    """A `view` begins at the storage offset of its source."""
    layout, shape = case
    x = torch.arange(layout.reach, device=device).as_strided(*layout)
    assert x.view(shape).storage_offset() == layout.offset


@fact(
    "torch.Tensor.view",
    myth="view works only on a contiguous tensor",
    claims=["V02"],
)
@pytest.mark.parametrize("shape", [(2, 2, 3), (4, 1, 3), (4, 3, 1), (1, 4, 3)])
def test_splits_dimensions_of_a_transposed_tensor(shape, device):
    """`view` works on a transposed, non-contiguous tensor as long as it merges no dimensions that lie apart."""
    x = torch.arange(12, device=device).view(3, 4).t()
    same(x.view(shape), numpy.arange(12).reshape(3, 4).T.reshape(shape))


@fact("torch.Tensor.view", claims=["V02"], myth="view works only on a contiguous tensor")
def test_merges_dimensions_of_a_non_contiguous_tensor(device):
    """`view` merges dimensions of a non-contiguous tensor that follow each other in memory."""
    x = torch.arange(24, device=device).view(2, 3, 4)[:, :, :1]
    same(x.view(6), numpy.array([0, 4, 8, 12, 16, 20]))


@fact("torch.Tensor.view", claims=["V02"], hint="use reshape, or contiguous().view()")
def test_does_not_flatten_a_transposed_tensor(device):
    """`view` refuses to flatten a transposed matrix: view size is not compatible."""
    x = torch.arange(6, device=device).view(2, 3).t()
    with pytest.raises(RuntimeError, match="view size is not compatible"):
        x.view(6)


@fact("torch.Tensor.view", claims=["V02"])
def test_does_not_flatten_a_block_of_columns(device):
    """`view` does not flatten a block of columns, whose rows lie apart: "view size is not compatible"."""
    x = torch.arange(12, device=device).view(3, 4)[:, :2]
    with pytest.raises(RuntimeError, match="view size is not compatible"):
        x.view(6)


@fact("torch.Tensor.view", claims=["V02"])
def test_does_not_flatten_an_expanded_tensor(device):
    """`view` refuses to merge an expanded dimension with the next one: "view size is not compatible"."""
    x = torch.arange(3, device=device).expand(2, 3)
    with pytest.raises(RuntimeError, match="view size is not compatible"):
        x.view(6)


@fact("torch.Tensor.view")
@given(case=st.tuples(shapes(), shapes()).filter(has_other_size))
@example(case=((), (2,)))
@example(case=((0, 3), (3,)))
@example(case=((3,), (0, 3)))
def test_refuses_another_number_of_elements(case, device):
    """`view` refuses a shape of another number of elements: "is invalid for input of size"."""
    shape, other = case
    with pytest.raises(RuntimeError, match="is invalid for input of size"):
        torch.zeros(shape, device=device).view(other)


@fact("torch.Tensor.view")
@given(order=st.permutations([0, 1, 2]), other=st.permutations([0, 1, 5]))
def test_of_an_empty_tensor_is_always_given(order, other, device):
    """`view` of a tensor without elements gives any other empty shape, even of a permuted tensor."""
    y = torch.zeros(0, 2, 3, device=device).permute(order).view(other)
    assert y.shape == torch.Size(other)


# --- how the shape is said


@fact("torch.Tensor.view")
@given(shape=shapes(min_dims=1, min_side=1), data=st.data())
def test_infers_the_size_of_minus_one(shape, data, device):
    """A size of -1 in `view` is the number of elements over the product of the other sizes."""
    place = data.draw(st.integers(0, len(shape) - 1))
    asked = [*shape[:place], -1, *shape[place + 1 :]]
    same(torch.arange(prod(shape), device=device).view(asked), numpy.arange(prod(shape)).reshape(shape))


@fact("torch.Tensor.view")
def test_infers_zero_beside_sizes_that_are_not(device):
    """A size of -1 in `view` of an empty tensor is 0 where no other size is."""
    assert torch.zeros(0, device=device).view(2, -1).shape == (2, 0)


@fact("torch.Tensor.view")
def test_refuses_two_inferred_sizes(device):
    """`view` refuses two sizes of -1: "only one dimension can be inferred"."""
    with pytest.raises(RuntimeError, match="only one dimension can be inferred"):
        torch.zeros(6, device=device).view(-1, -1)


@fact("torch.Tensor.view")
def test_refuses_to_infer_beside_a_zero(device):
    """`view` refuses -1 beside a size of 0: "unspecified dimension size -1 can be any value"."""
    with pytest.raises(RuntimeError, match="unspecified dimension size -1 can be any value"):
        torch.zeros(0, device=device).view(-1, 0)


@fact("torch.Tensor.view")
def test_refuses_to_infer_what_does_not_divide(device):
    """`view` refuses -1 where other sizes do not divide the number of elements: "is invalid for input of size 6"."""
    with pytest.raises(RuntimeError, match="is invalid for input of size 6"):
        torch.zeros(6, device=device).view(-1, 4)


@fact("torch.Tensor.view")
def test_refuses_a_size_below_minus_one(device):
    """`view` refuses a size below -1: "invalid shape dimension -2"."""
    with pytest.raises(RuntimeError, match="invalid shape dimension -2"):
        torch.zeros(6, device=device).view(-2, 3)


@fact("torch.Tensor.view")
def test_refuses_a_fractional_size(device):
    """`view` refuses a float as a size: "invalid combination of arguments"."""
    with pytest.raises(TypeError, match="invalid combination of arguments"):
        torch.zeros(6, device=device).view(2.0, 3)


@fact("torch.Tensor.view")
@pytest.mark.parametrize(
    "said", [(2, 3), ((2, 3),), ([2, 3],), (torch.Size([2, 3]),)], ids=["numbers", "tuple", "list", "size"]
)
def test_takes_sizes_one_by_one_or_together(said, device):
    """`view` takes its sizes as numbers, a tuple, a list or a `torch.Size`."""
    same(torch.arange(6, device=device).view(*said), numpy.arange(6).reshape(2, 3))


@fact("torch.Tensor.view")
def test_of_a_number_takes_several_ones(device):
    """`view(1, 1, 1)` gives a tensor without dimensions three of size 1."""
    same(torch.tensor(7, device=device).view(1, 1, 1), numpy.array([[[7]]]))


@fact("torch.Tensor.view")
def test_of_one_element_takes_the_empty_shape(device):
    """`view(())` turns a one-element tensor into one without dimensions."""
    same(torch.tensor([[7]], device=device).view(()), numpy.array(7))


@fact("torch.Tensor.view_as")
def test_as_takes_the_shape_of_the_other(device):
    """`x.view_as(y)` is `x` under the shape of `y`."""
    x, y = torch.arange(6, device=device), torch.zeros(3, 2, device=device)
    same(x.view_as(y), numpy.arange(6).reshape(3, 2))


@fact("torch.Tensor.view_as")
def test_as_shares_memory(device):
    """A write through `view_as` is seen in the tensor that it views."""
    x = torch.arange(6, device=device)
    assert shares(x.view_as(torch.zeros(3, 2, device=device)), x)


# --- gradients


@fact("torch.Tensor.view")
def test_passes_the_gradient_in_the_shape_of_its_source(device):
    """The gradient that reaches the source of a `view` has the source's shape."""
    x = torch.zeros(6, device=device, requires_grad=True)
    x.view(2, 3).backward(torch.tensor([[1.0, 2, 3], [4, 5, 6]], device=device))
    same(x.grad, numpy.array([1, 2, 3, 4, 5, 6], dtype="float32"))


# --- the same bytes under another dtype


@fact("torch.Tensor.view")
@pytest.mark.parametrize(
    "dtype", [torch.int32, torch.int16, torch.uint8, torch.int64, torch.float64, torch.float16, torch.complex64]
)
def test_as_dtype_reads_the_same_bytes(dtype, device):
    """`view(dtype)` reads the bytes of a tensor as numbers of another dtype."""
    x = torch.arange(8, dtype=torch.float32, device=device).view(2, 4)
    want = numpy.arange(8, dtype="float32").reshape(2, 4).view(str(dtype).removeprefix("torch."))
    same(x.view(dtype), want)


@fact("torch.Tensor.view", myth="view(dtype) converts the values")
def test_as_dtype_does_not_convert(device):
    """`view(torch.int32)` of a float gives its bit pattern, not its rounded value."""
    x = torch.tensor([1.0], dtype=torch.float32, device=device)
    assert x.view(torch.int32).tolist() == [0x3F800000]


@fact("torch.Tensor.view")
@pytest.mark.parametrize("dtype", [torch.int32, torch.int16, torch.int64])
def test_as_dtype_shares_memory(dtype, device):
    """A write through `view(dtype)` changes the bytes of the tensor that it views."""
    x = torch.ones(4, dtype=torch.float32, device=device)
    x.view(dtype).zero_()
    same(x, numpy.zeros(4, dtype="float32"))


@fact("torch.Tensor.view")
@given(layout=layouts())
@example(layout=Layout((3, 2), (1, 3)))
def test_as_dtype_of_one_size_keeps_the_strides(layout, device):
    """`view(torch.float64)` of int64, a dtype of the same size, keeps the strides of any tensor."""
    x = torch.arange(layout.reach, device=device).as_strided(*layout)
    assert x.view(torch.float64).stride() == layout.strides


@fact("torch.Tensor.view")
def test_as_a_wider_dtype_needs_a_last_size_that_divides(device):
    """`view(dtype)` of a wider dtype wants a last size that divides: "self.size(-1) must be divisible by 2"."""
    with pytest.raises(RuntimeError, match=r"self.size\(-1\) must be divisible by 2"):
        torch.zeros(5, dtype=torch.float32, device=device).view(torch.int64)


@fact("torch.Tensor.view")
def test_as_a_wider_dtype_needs_strides_that_divide(device):
    """`view(dtype)` of a wider dtype wants strides that divide: "self.stride(0) must be divisible by 2"."""
    with pytest.raises(RuntimeError, match=r"self.stride\(0\) must be divisible by 2"):
        torch.zeros(3, 5, dtype=torch.float32, device=device)[:, :4].view(torch.int64)


@fact("torch.Tensor.view")
def test_as_a_wider_dtype_needs_an_offset_that_divides(device):
    """`view(dtype)` of a wider dtype wants an offset that divides: "self.storage_offset() must be divisible by 2"."""
    with pytest.raises(RuntimeError, match=r"self.storage_offset\(\) must be divisible by 2"):
        torch.zeros(3, 4, dtype=torch.float32, device=device)[:, 1:3].view(torch.int64)


@fact("torch.Tensor.view")
@pytest.mark.parametrize("dtype", [torch.int16, torch.int64])
def test_as_a_dtype_of_another_size_needs_a_last_stride_of_one(dtype, device):
    """`view(dtype)` of a dtype of another size wants a last stride of 1: "self.stride(-1) must be 1"."""
    with pytest.raises(RuntimeError, match=r"self.stride\(-1\) must be 1"):
        torch.zeros(2, 4, dtype=torch.float32, device=device).t().view(dtype)


@fact("torch.Tensor.view")
def test_as_a_dtype_of_another_size_needs_a_dimension(device):
    """`view(dtype)` of a dtype of another size wants a dimension: "self.dim() cannot be 0"."""
    with pytest.raises(RuntimeError, match=r"self.dim\(\) cannot be 0"):
        torch.tensor(1.0, dtype=torch.float32, device=device).view(torch.int16)
