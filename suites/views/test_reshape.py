"""`reshape` and `reshape_as`: their values, and when they share memory; what `view` refuses is in `test_view.py`."""

from math import prod

import numpy
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from torchproof import fact, same
from torchproof.fixtures.checks import shares
from torchproof.fixtures.strategies import Layout, reshapings, shapes


def numpy_shares(layout, shape):
    """Whether NumPy reshapes an array of this layout without a copy."""
    memory = numpy.arange(layout.reach)
    steps = [stride * memory.itemsize for stride in layout.strides]
    x = numpy.lib.stride_tricks.as_strided(memory[layout.offset :], layout.shape, steps)
    return numpy.shares_memory(x, x.reshape(shape))


def is_a_view(case):
    return numpy_shares(*case)


def is_a_copy(case):
    return not numpy_shares(*case)


# --- values


@fact("torch.reshape", "torch.Tensor.reshape", claims=["V11"])
@given(case=reshapings(overlap=True))
@example(case=(Layout((2, 3), (3, 1)), (3, 2)))
@example(case=(Layout((3, 2), (1, 3)), (6,)))
@example(case=(Layout((2, 3), (0, 1)), (3, 2)))
def test_keeps_the_elements_in_row_major_order(case, device):
    """`reshape` gives the elements of any tensor in row-major order, as NumPy does."""
    layout, shape = case
    x = torch.arange(layout.reach, dtype=torch.float32, device=device).as_strided(*layout)
    same(x.reshape(shape), layout.places().reshape(shape).astype("float32"))


@fact("torch.reshape", "torch.Tensor.view", claims=["V11"])
@given(case=reshapings(overlap=True).filter(is_a_view))
@example(case=(Layout((4, 3), (1, 4)), (2, 2, 3)))
def test_equals_view_where_both_work(case, device):
    """`reshape` gives the values, shape and strides of `view` wherever `view` works."""
    layout, shape = case
    x = torch.arange(layout.reach, device=device).as_strided(*layout)
    view, reshaped = x.view(shape), torch.reshape(x, shape)
    same(view, layout.places().reshape(shape))
    same(reshaped, layout.places().reshape(shape))
    assert reshaped.stride() == view.stride()


@fact("torch.reshape")
@given(shape=shapes(min_dims=1, min_side=1), data=st.data())
def test_infers_the_size_of_minus_one(shape, data, device):
    """A size of -1 in `reshape` is the number of elements over the product of the other sizes."""
    place = data.draw(st.integers(0, len(shape) - 1))
    asked = [*shape[:place], -1, *shape[place + 1 :]]
    same(torch.reshape(torch.arange(prod(shape), device=device), asked), numpy.arange(prod(shape)).reshape(shape))


@fact("torch.reshape")
def test_to_minus_one_flattens(device):
    """`reshape(-1)` flattens a tensor of any strides."""
    same(torch.arange(6, device=device).view(2, 3).t().reshape(-1), numpy.array([0, 3, 1, 4, 2, 5]))


@fact("torch.Tensor.reshape", myth="reshape(cols, rows) transposes")
def test_does_not_transpose(device):
    """`reshape` to the swapped shape of a matrix does not give its transpose."""
    x = torch.tensor([[1, 2, 3], [4, 5, 6]], device=device)
    assert x.reshape(3, 2).tolist() == [[1, 2], [3, 4], [5, 6]]


@fact("torch.Tensor.reshape_as")
def test_as_takes_the_shape_of_the_other(device):
    """`x.reshape_as(y)` is `x` under the shape of `y`, row-major."""
    x, y = torch.arange(6, device=device), torch.zeros(3, 2, device=device)
    same(x.reshape_as(y), numpy.arange(6).reshape(3, 2))
    assert x.reshape_as(y).stride() == (2, 1)


@fact("torch.Tensor.reshape_as")
def test_as_shares_memory_where_reshape_does(device):
    """`reshape_as` to one dimension shares memory with a contiguous matrix, and not with a transposed one."""
    x, y = torch.arange(6, device=device), torch.zeros(6, device=device)
    assert (shares(x.view(2, 3).reshape_as(y), x), shares(x.view(2, 3).t().reshape_as(y), x)) == (True, False)


# --- memory


@fact("torch.Tensor.reshape", myth="reshape always copies", claims=["V03", "V04"])
def test_of_a_contiguous_tensor_is_a_view(device):
    """A write through `reshape` of a contiguous tensor is seen in that tensor."""
    x = torch.arange(6, device=device)
    x.reshape(2, 3)[0, 0] = 9
    assert x.tolist() == [9, 1, 2, 3, 4, 5]


@fact(
    "torch.reshape",
    claims=["V03"],
    hint="a write through the result is lost: use view, which refuses instead of copying",
)
def test_of_a_transposed_tensor_to_one_dimension_is_a_copy(device):
    """A write through the flattened `reshape` of a transposed matrix is not seen in the matrix."""
    x = torch.arange(6, device=device).view(2, 3)
    y = x.t().reshape(6)
    y[0] = 9
    assert y.tolist() == [9, 3, 1, 4, 2, 5]
    same(x, numpy.arange(6).reshape(2, 3))


@fact(
    "torch.reshape",
    myth="reshape copies whenever the tensor is not contiguous",
    claims=["V03"],
)
@pytest.mark.parametrize("shape", [(2, 2, 3), (4, 1, 3), (4, 3)])
def test_of_a_non_contiguous_tensor_can_be_a_view(shape, device):
    """`reshape` that only splits dimensions of a transposed, non-contiguous tensor shares memory with it."""
    x = torch.arange(12, device=device).view(3, 4).t()
    assert shares(x.reshape(shape), x)


@fact("torch.reshape", claims=["V03", "V04", "V08"])
@given(case=reshapings(overlap=True).filter(is_a_view))
@example(case=(Layout((4, 3), (1, 4)), (2, 2, 3)))
def test_is_a_view_where_numpy_gives_one(case, device):
    """`reshape` shares memory wherever NumPy's does."""
    layout, shape = case
    memory = torch.arange(layout.reach, device=device)
    y = memory.as_strided(*layout).reshape(shape)
    memory += 100
    same(y, layout.places().reshape(shape) + 100)


@fact("torch.reshape", claims=["V03", "V04", "V08"])
@given(case=reshapings(overlap=True).filter(is_a_copy))
@example(case=(Layout((3, 2), (1, 3)), (6,)))
@example(case=(Layout((2, 3), (0, 1)), (6,)))
def test_is_a_copy_where_numpy_gives_one(case, device):
    """`reshape` copies wherever NumPy's does."""
    layout, shape = case
    memory = torch.arange(layout.reach, device=device)
    y = memory.as_strided(*layout).reshape(shape)
    memory += 100
    same(y, layout.places().reshape(shape))


@fact("torch.Tensor.reshape")
@given(case=reshapings(overlap=True).filter(is_a_copy))
@example(case=(Layout((3, 2), (1, 3)), (6,)))
def test_that_copies_is_contiguous(case, device):
    """`reshape` gives row-major strides where it copies."""
    layout, shape = case
    y = torch.arange(layout.reach, device=device).as_strided(*layout).reshape(shape)
    assert y.stride() == tuple(prod(shape[dim + 1 :]) for dim in range(len(shape)))


@fact("torch.reshape", claims=["V08"])
def test_shares_by_strides_not_by_shape(device):
    """Two matrices of equal shape and values can differ in whether `reshape` shares their memory."""
    x = torch.arange(6, device=device).view(2, 3).t()
    y = x.contiguous()
    assert (shares(x.reshape(6), x), shares(y.reshape(6), y)) == (False, True)


# --- what is refused


@fact("torch.reshape")
@pytest.mark.parametrize("shape", [(4, 2), (5,), (), (-1, 4), (0,)])
def test_refuses_another_number_of_elements(shape, device):
    """`reshape` refuses a shape of another number of elements: "is invalid for input of size 6"."""
    with pytest.raises(RuntimeError, match="is invalid for input of size 6"):
        torch.zeros(6, device=device).reshape(shape)


@fact("torch.reshape")
def test_refuses_two_inferred_sizes(device):
    """`reshape` refuses two sizes of -1: "only one dimension can be inferred"."""
    with pytest.raises(RuntimeError, match="only one dimension can be inferred"):
        torch.zeros(6, device=device).reshape(-1, -1)


@fact("torch.reshape")
def test_refuses_to_infer_beside_a_zero(device):
    """`reshape` refuses -1 beside a size of 0: "unspecified dimension size -1 can be any value"."""
    with pytest.raises(RuntimeError, match="unspecified dimension size -1 can be any value"):
        torch.zeros(0, device=device).reshape(-1, 0)


# --- gradients


@fact("torch.reshape")
def test_that_copies_passes_the_gradient_back(device):
    """The gradient reaches the source of a `reshape` that copied, at the elements that were read."""
    x = torch.zeros(2, 3, device=device, requires_grad=True)
    x.t().reshape(6).backward(torch.tensor([0.0, 1, 2, 3, 4, 5], device=device))
    same(x.grad, numpy.array([[0, 2, 4], [1, 3, 5]], dtype="float32"))
