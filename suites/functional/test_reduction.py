import math

import numpy
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch.nn import functional

from torchproof import close, fact, same
from torchproof.fixtures.strategies import Layout, layouts

NUMBERS = st.lists(st.floats(-100, 100, width=32), max_size=40)
PAIRS = st.lists(st.tuples(st.floats(-8, 8, width=32), st.floats(-8, 8, width=32)), min_size=1, max_size=8)


@fact("torch.sum")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@given(numbers=NUMBERS)
@example(numbers=[])
@example(numbers=[0.5, 1.25, -3.75])
def test_sum_is_that_of_the_elements(device, dtype, numbers):
    """`sum` gives the sum of all elements in their dtype, 0 of none."""
    y = torch.sum(torch.tensor(numbers, dtype=dtype, device=device))
    assert y.dtype == dtype
    close(y, math.fsum(numbers), roundings=len(numbers), scale=math.fsum(map(abs, numbers)))


@fact("torch.sum", "torch.mean")
@pytest.mark.parametrize("name", ["sum", "mean"])
@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("dim", [0, 1, -1, (0, 2), (0, 1, 2)], ids=str)
def test_sum_and_mean_go_over_the_dimensions_named(device, name, dim, keepdim):
    """`sum` or `mean` over dimensions leaves a contiguous tensor of the others, which `keepdim` keeps at size 1."""
    values = numpy.arange(32.0).reshape(2, 4, 4) * 0.5 - 3
    y = getattr(torch, name)(torch.tensor(values, device=device), dim=dim, keepdim=keepdim)
    same(y, getattr(values, name)(axis=dim, keepdims=keepdim))
    assert y.is_contiguous()


@fact("torch.mean")
def test_mean_is_of_all_elements_unless_told(device):
    """`mean` without a dimension is a tensor without dimensions: the mean of all elements."""
    same(torch.mean(torch.tensor([[0.5, 1.5], [2.5, 5.5]], device=device)), torch.tensor(2.5))


@fact("torch.mean")
@pytest.mark.parametrize("dtype", [torch.int64, torch.bool])
def test_mean_of_integers_is_refused(device, dtype):
    """`mean` of integers or of booleans is refused, unless `dtype=` says in what to make it."""
    x = torch.tensor([1, 0, 1, 1], device=device).to(dtype)
    with pytest.raises(RuntimeError, match="dtype"):
        torch.mean(x)
    same(torch.mean(x, dtype=torch.float32), torch.tensor(0.75))


@fact("torch.mean")
def test_mean_shares_its_gradient_out(device):
    """The gradient of `mean` over a dimension is, at each element, a share of that of the mean it went into."""
    x = torch.tensor([[1.5, 2.5], [3.5, 4.5]], device=device, requires_grad=True)
    torch.mean(x, dim=1).backward(torch.tensor([3.0, 5.0], device=device))
    same(x.grad, torch.tensor([[1.5, 1.5], [2.5, 2.5]]))


@fact("torch.sum", "torch.mean")
@pytest.mark.parametrize("name", ["sum", "mean"])
@given(layout=layouts(1, 3, max_side=3, overlap=True))
@example(layout=Layout((3,), (2,), 1))
def test_sum_and_mean_read_a_tensor_of_any_strides(device, name, layout):
    """`sum` and `mean` give the same, but for rounding, of a permuted, sliced, offset or expanded tensor."""
    memory = numpy.arange(1.0, layout.reach + 1) / 4
    y = getattr(torch, name)(torch.from_numpy(memory).to(device).as_strided(*layout))
    close(y, getattr(memory[layout.places()], name)(), roundings=30)


@fact("torch.sum")
@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int32, torch.int64])
def test_sum_of_integers_is_int64(device, dtype):
    """`sum` of integers or of booleans is int64, so that it does not wrap around in a smaller dtype."""
    x = torch.full((300,), 1, device=device).to(dtype)
    same(torch.sum(x), torch.tensor(300))


@fact("torch.sum")
def test_sum_is_made_in_the_dtype_that_is_asked_for(device):
    """`sum` with `dtype=` converts the elements before it adds them."""
    x = torch.tensor([1.5, 2.25, -0.5], dtype=torch.float16, device=device)
    same(torch.sum(x, dtype=torch.float64), torch.tensor(3.25, dtype=torch.float64))


@fact("torch.sum")
def test_sum_hands_its_gradient_to_every_element(device):
    """The gradient of `sum` over a dimension is, at each element, that of the sum the element went into."""
    x = torch.tensor([[1.5, 2.5], [3.5, 4.5]], device=device, requires_grad=True)
    torch.sum(x, dim=1).backward(torch.tensor([3.0, 5.0], device=device))
    same(x.grad, torch.tensor([[3.0, 3.0], [5.0, 5.0]]))


@fact("torch.nn.functional.mse_loss")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@given(pairs=PAIRS)
@example(pairs=[(0.5, 2.0), (1.25, -3.0)])
def test_mse_loss_is_the_mean_of_squared_differences(device, dtype, pairs):
    """`mse_loss` gives the mean of the squared differences as a tensor without dimensions."""
    a, b = (torch.tensor(column, dtype=dtype, device=device) for column in zip(*pairs, strict=True))
    y = functional.mse_loss(a, b)
    assert y.dtype == dtype
    close(y, math.fsum((p - q) ** 2 for p, q in pairs) / len(pairs), roundings=len(pairs) + 4)


@fact("torch.nn.functional.mse_loss")
@pytest.mark.parametrize(
    ("reduction", "want"), [("none", [2.25, 0.0, 16.0]), ("sum", 18.25), ("mean", 18.25 / 3)], ids=str
)
def test_mse_loss_is_reduced_as_asked(device, reduction, want):
    """`mse_loss` gives the squared differences, their sum or their mean, as `reduction` says."""
    a, b = (torch.tensor(values, device=device) for values in ([0.5, 3.0, 1.0], [2.0, 3.0, 5.0]))
    y = functional.mse_loss(a, b, reduction=reduction)
    assert y.dtype == torch.float32
    close(y, want, roundings=4)


@fact("torch.nn.functional.mse_loss")
def test_mse_loss_has_gradients_of_twice_the_difference(device):
    """The gradients of `mse_loss` are 2/n times the difference for the input, and the opposite for the target."""
    a, b = (torch.tensor(values, device=device, requires_grad=True) for values in ([0.5, 3.0], [2.0, 7.0]))
    functional.mse_loss(a, b).backward()
    same(a.grad, torch.tensor([-1.5, -4.0]))
    same(b.grad, torch.tensor([1.5, 4.0]))


@fact("torch.nn.functional.mse_loss", hint="give both the same shape")
def test_mse_loss_warns_of_another_shape(device):
    """`mse_loss` of a column and a row warns before it broadcasts them into a table."""
    a, b = torch.tensor([[1.0], [2.0]], device=device), torch.tensor([1.0, 4.0], device=device)
    with pytest.warns(UserWarning, match="target size .* that is different to the input size"):
        y = functional.mse_loss(a, b, reduction="none")
    same(y, torch.tensor([[0.0, 9.0], [1.0, 4.0]]))


@fact("torch.nn.functional.mse_loss")
def test_mse_loss_leaves_its_input_as_it_was(device):
    """`mse_loss` without a reduction gives a new contiguous table, and changes neither of its arguments."""
    a, b = (torch.tensor(rows, device=device) for rows in ([[0.5, 3.0], [1.0, 2.0]], [[2.0, 3.0], [5.0, 2.5]]))
    y = functional.mse_loss(a, b, reduction="none")
    same(a, torch.tensor([[0.5, 3.0], [1.0, 2.0]]))
    same(b, torch.tensor([[2.0, 3.0], [5.0, 2.5]]))
    same(y, torch.tensor([[2.25, 0.0], [16.0, 0.25]]))
    assert y.stride() == (2, 1)
