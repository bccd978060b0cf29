"""Tensors of one number: `ones`, `zeros`, `empty` and those like another; by a rule they are in test_factories."""

import math

import numpy
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from torchproof import fact, same
from torchproof.fixtures.checks import shares
from torchproof.fixtures.strategies import Layout, layouts, shapes

FILLED = {torch.ones: 1, torch.zeros: 0}
DTYPES = st.sampled_from([torch.bool, torch.int32, torch.float16, torch.float64, torch.complex64])
SHAPED = shapes(min_side=1)
LIKE = {torch.zeros_like: 0, torch.ones_like: 1}

filled = pytest.mark.parametrize("factory", FILLED, ids=lambda made: made.__name__)
made_like = pytest.mark.parametrize("factory", LIKE, ids=lambda made: made.__name__)
blank = pytest.mark.parametrize("factory", [torch.ones, torch.zeros, torch.empty], ids=lambda made: made.__name__)


def row_major(shape):
    """The strides of rows that follow each other without gaps."""
    return tuple(math.prod(shape[place + 1 :]) for place in range(len(shape)))


@fact("torch.ones", "torch.zeros")
@filled
@given(shape=SHAPED)
@example(shape=())
@example(shape=(2, 3))
def test_fill_every_element(device, factory, shape):
    """`torch.ones` and `torch.zeros` give a float32 tensor of the shape asked for, with one number in every element."""
    same(factory(shape, device=device), numpy.full(shape, FILLED[factory], dtype="float32"))


@fact("torch.ones", "torch.zeros")
@filled
@given(shape=SHAPED, dtype=DTYPES)
@example(shape=(2, 3), dtype=torch.int32)
def test_make_the_dtype_that_is_asked_for(device, factory, shape, dtype):
    """`torch.ones` and `torch.zeros` with `dtype=` give their number in that dtype."""
    same(factory(shape, dtype=dtype, device=device), torch.tensor(numpy.full(shape, FILLED[factory])).to(dtype))


@fact("torch.empty")
@given(shape=shapes(), dtype=DTYPES)
@example(shape=(2, 3), dtype=torch.int32)
@example(shape=(2, 0), dtype=torch.float64)
def test_make_a_shape_that_is_left_unfilled(device, shape, dtype):
    """`torch.empty` gives a tensor of the shape and dtype asked for."""
    y = torch.empty(shape, dtype=dtype, device=device)
    assert (y.dtype, tuple(y.shape)) == (dtype, shape)


@fact("torch.ones", "torch.zeros", "torch.empty")
@blank
@given(shape=SHAPED)
@example(shape=(2, 3, 4))
def test_lie_row_by_row(device, factory, shape):
    """`torch.ones`, `torch.zeros` and `torch.empty` give a contiguous float32 tensor: its rows follow each other."""
    y = factory(shape, device=device)
    assert (y.dtype, y.stride(), y.storage_offset()) == (torch.float32, row_major(shape), 0)


@fact("torch.ones", "torch.zeros", "torch.empty")
@blank
def test_take_the_shape_as_numbers_too(device, factory):
    """`torch.ones`, `torch.zeros` and `torch.empty` take the shape as numbers too: `ones(2, 3)` is `ones((2, 3))`."""
    assert tuple(factory(2, 3, device=device).shape) == tuple(factory((2, 3), device=device).shape) == (2, 3)


@fact("torch.ones", "torch.zeros", "torch.empty")
@blank
def test_make_a_leaf_when_asked_for_a_gradient(device, factory):
    """`torch.ones(2, requires_grad=True)`, and `zeros` and `empty` so told, are leaves that `backward` fills."""
    x, plain = factory(2, device=device, requires_grad=True), factory(2, device=device)
    (x * 3 + plain).sum().backward()
    same(x.grad, torch.tensor([3.0, 3.0]))
    assert (x.is_leaf, plain.requires_grad) == (True, False)


@fact("torch.zeros", "torch.zeros_like")
@pytest.mark.parametrize(
    "zeros",
    [torch.zeros, lambda size, device: torch.zeros_like(torch.full((size,), -2.5, device=device))],
    ids=["zeros", "zeros_like"],
)
def test_make_zeros_that_are_positive(device, zeros):
    """A zero of `torch.zeros` or `zeros_like` has no sign: one divided by it is plus infinity."""
    same(1 / zeros(2, device=device), torch.tensor([math.inf, math.inf]))


@fact("torch.zeros_like", "torch.ones_like", claims=["T06", "T08"])
@made_like
@given(layout=layouts(), dtype=DTYPES)
@example(layout=Layout((2, 3), (3, 1)), dtype=torch.float64)
@example(layout=Layout((), ()), dtype=torch.bool)
@example(layout=Layout((0, 2), (2, 1)), dtype=torch.int32)
def test_like_another_have_its_shape_and_dtype(device, factory, layout, dtype):
    """`zeros_like` and `ones_like` give one number in every element, in the shape and dtype of their argument."""
    x = torch.full((layout.reach,), 5, device=device).to(dtype).as_strided(*layout)
    same(factory(x), torch.tensor(numpy.full(layout.shape, LIKE[factory])).to(dtype))


@fact("torch.zeros_like", "torch.ones_like")
@made_like
def test_like_another_take_a_dtype(device, factory):
    """`zeros_like` and `ones_like` with `dtype=` give their number in that dtype."""
    x = torch.tensor([1.5, 2.5], device=device)
    same(factory(x, dtype=torch.int64), torch.tensor([LIKE[factory]] * 2))


@fact("torch.zeros_like", "torch.ones_like")
@made_like
def test_like_another_have_memory_of_their_own(device, factory):
    """`zeros_like` and `ones_like` make another tensor, also where their argument has the values already."""
    x = torch.full((2,), float(LIKE[factory]), device=device)
    assert not shares(factory(x), x)


@fact("torch.zeros_like", "torch.ones_like", "torch.empty_like")
@pytest.mark.parametrize(
    "factory", [torch.zeros_like, torch.ones_like, torch.empty_like], ids=lambda made: made.__name__
)
def test_like_another_do_not_write_to_it(device, factory):
    """What is written to the result of `zeros_like`, `ones_like` or `empty_like` is not seen in their argument."""
    x = torch.tensor([1.5, 2.5], device=device)
    factory(x).fill_(7)
    same(x, torch.tensor([1.5, 2.5]))


@fact("torch.zeros_like", "torch.ones_like", "torch.empty_like", source="tensor_attributes")
@pytest.mark.parametrize(
    "factory", [torch.zeros_like, torch.ones_like, torch.empty_like], ids=lambda made: made.__name__
)
def test_like_a_transposed_tensor_lie_as_it_does(device, factory):
    """`zeros_like`, `ones_like` and `empty_like` of a transposed matrix have its shape, dtype and strides."""
    x = torch.zeros(2, 3, dtype=torch.float16, device=device).t()
    y = factory(x)
    assert (tuple(y.shape), y.dtype, y.stride()) == ((3, 2), torch.float16, (1, 3))


@fact("torch.zeros_like", "torch.ones_like", "torch.empty_like")
@pytest.mark.parametrize(
    "factory", [torch.zeros_like, torch.ones_like, torch.empty_like], ids=lambda made: made.__name__
)
def test_like_a_tensor_that_requires_grad_do_not(device, factory):
    """`zeros_like`, `ones_like` and `empty_like` of a tensor that requires grad do not require it, unless told to."""
    x = torch.tensor([1.5, 2.5], device=device, requires_grad=True)
    assert (factory(x).requires_grad, factory(x, requires_grad=True).requires_grad) == (False, True)
