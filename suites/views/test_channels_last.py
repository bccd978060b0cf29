"""`torch.channels_last` and `torch.channels_last_3d`: how images lie in memory, what keeps that and what loses it."""

import numpy
import pytest
import torch
from hypothesis import example, given

from torchproof import fact, same
from torchproof.fixtures.checks import shares
from torchproof.fixtures.strategies import Layout, layouts, shapes

WAYS = {
    "to": lambda x: x.to(memory_format=torch.channels_last),
    "contiguous": lambda x: x.contiguous(memory_format=torch.channels_last),
    "clone": lambda x: x.clone(memory_format=torch.channels_last),
    "empty_like": lambda x: torch.empty_like(x, memory_format=torch.channels_last),
    "empty": lambda x: torch.empty(x.shape, device=x.device, memory_format=torch.channels_last),
}

KEEPING = {
    "clone": (lambda x: x.clone(), lambda x: x),
    "zeros_like": (torch.zeros_like, numpy.zeros_like),
    "to a dtype": (lambda x: x.to(torch.float16), lambda x: x.astype("float16")),
    "plus a number": (lambda x: x + 1, lambda x: x + 1),
    "plus itself": (lambda x: x + x, lambda x: x + x),
    "neg": (torch.neg, numpy.negative),
    "relu": (torch.relu, lambda x: numpy.maximum(x, 0)),
    "where": (lambda x: torch.where(x > 0, x, -x), numpy.abs),
}

DERIVATIVES = {
    "clone": numpy.ones_like,
    "to a dtype": numpy.ones_like,
    "plus a number": numpy.ones_like,
    "plus itself": lambda x: numpy.full_like(x, 2),
    "neg": lambda x: -numpy.ones_like(x),
    "relu": lambda x: numpy.where(x > 0, 1, 0),
    "where": lambda x: numpy.where(x > 0, 1, -1),
}

LOSING = {
    "contiguous": lambda x: x.contiguous(),
    "clone to contiguous": lambda x: x.clone(memory_format=torch.contiguous_format),
    "reshape": lambda x: x.reshape(2, 60).reshape(2, 3, 4, 5),
}

ASKED = ["torch.Tensor.to", "torch.Tensor.contiguous", "torch.clone", "torch.empty_like", "torch.empty"]
KEPT_BY = ["torch.clone", "torch.zeros_like", "torch.Tensor.to", "torch.add", "torch.neg", "torch.relu", "torch.where"]


def nchw(device):
    """A batch of 2 images of 3 channels, 4 rows and 5 columns, channels last in memory."""
    return torch.arange(120.0, device=device).view(2, 3, 4, 5).to(memory_format=torch.channels_last)


@fact("torch.empty", "torch.channels_last", source="tensor_attributes")
@given(shape=shapes(min_dims=4, max_dims=4, min_side=1))
@example(shape=(2, 3, 4, 5))
@example(shape=(2, 1, 4, 5))
def test_strides_are_those_of_rows_of_pixels(shape, device):
    """`torch.empty(memory_format=torch.channels_last)` orders memory by image, row, column and last channel."""
    _, c, h, w = shape
    y = torch.empty(shape, device=device, memory_format=torch.channels_last)
    assert y.stride() == (h * w * c, 1, w * c, c)


@fact(*ASKED, "torch.channels_last", source="tensor_attributes")
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_is_what_every_way_of_asking_gives(way, device):
    """`x.to`, `x.contiguous`, `x.clone`, `torch.empty_like` and `torch.empty` give channels-last strides if asked."""
    y = way(torch.zeros(2, 3, 4, 5, dtype=torch.float32, device=device))
    assert (y.dtype, y.shape, y.stride()) == (torch.float32, (2, 3, 4, 5), (60, 1, 15, 3))


@fact("torch.Tensor.to", "torch.channels_last")
@given(layout=layouts(min_dims=4, overlap=True))
@example(layout=Layout((2, 3, 2, 2), (12, 4, 2, 1)))
def test_keeps_shape_and_values(layout, device):
    """`x.to(memory_format=torch.channels_last)` keeps the shape and the values of a 4-D tensor of any strides."""
    x = torch.arange(layout.reach, dtype=torch.float32, device=device).as_strided(*layout)
    same(x.to(memory_format=torch.channels_last), layout.places().astype("float32"))


@fact("torch.Tensor.to", "torch.channels_last")
def test_is_how_the_numbers_lie_in_memory(device):
    """In `channels_last` memory the channels of one pixel lie side by side."""
    x = torch.arange(12, device=device).view(1, 3, 2, 2).to(memory_format=torch.channels_last)
    same(x.as_strided((12,), (1,)), numpy.arange(12).reshape(3, 4).T.ravel())


@fact("torch.Tensor.is_contiguous")
@given(layout=layouts(min_dims=4, max_side=3))
@example(layout=Layout((2, 3, 2, 2), (12, 1, 6, 3)))
@example(layout=Layout((2, 3, 2, 2), (12, 4, 2, 1)))
@example(layout=Layout((2, 1, 3, 2), (6, 6, 2, 1)))
def test_is_asked_for_by_is_contiguous(layout, device):
    """`is_contiguous(memory_format=torch.channels_last)` is true exactly where pixels lie in order, channels last."""
    n, c, h, w = layout.shape
    sn, sc, sh, sw = layout.strides
    x = torch.arange(layout.reach, device=device).as_strided(*layout)
    want = Layout((n, h, w, c), (sn, sh, sw, sc), layout.offset).is_in_order()
    assert x.is_contiguous(memory_format=torch.channels_last) is want


@fact("torch.Tensor.is_contiguous")
def test_is_not_contiguous(device):
    """`is_contiguous()` of a channels-last tensor with several channels and pixels is false."""
    assert nchw(device).is_contiguous() is False


@fact("torch.Tensor.is_contiguous")
@pytest.mark.parametrize("shape", [(2, 1, 4, 5), (2, 3, 1, 1)])
def test_is_both_with_one_channel_or_one_pixel(shape, device):
    """A new tensor of one channel or one pixel `is_contiguous()`, with `memory_format=torch.channels_last` too."""
    x = torch.zeros(shape, device=device)
    assert (x.is_contiguous(), x.is_contiguous(memory_format=torch.channels_last)) == (True, True)


@fact("torch.Tensor.to", "torch.Tensor.contiguous", "torch.channels_last")
@pytest.mark.parametrize("way", [WAYS["to"], WAYS["contiguous"]], ids=["to", "contiguous"])
def test_of_a_channels_last_tensor_is_the_tensor_itself(way, device):
    """`x.to` and `x.contiguous` with `memory_format=torch.channels_last` return a channels-last `x` itself."""
    x = nchw(device)
    assert way(x) is x


@fact("torch.Tensor.to", "torch.channels_last")
def test_of_a_contiguous_tensor_is_a_copy(device):
    """A write through `x.to(memory_format=torch.channels_last)` of a contiguous tensor is not seen in that tensor."""
    x = torch.arange(120, device=device).view(2, 3, 4, 5)
    assert not shares(x.to(memory_format=torch.channels_last), x)


@fact("torch.Tensor.permute")
def test_is_a_permuted_contiguous_tensor(device):
    """`permute(0, 3, 1, 2)` of contiguous NHWC data is channels-last without a copy."""
    x = torch.arange(120, device=device).view(2, 4, 5, 3)
    y = x.permute(0, 3, 1, 2)
    assert (y.is_contiguous(memory_format=torch.channels_last), shares(y, x)) == (True, True)


@fact("torch.Tensor.permute")
def test_is_contiguous_as_nhwc(device):
    """`permute(0, 2, 3, 1)` of a channels-last tensor is contiguous."""
    y = nchw(device).permute(0, 2, 3, 1)
    same(y, numpy.arange(120, dtype="float32").reshape(2, 3, 4, 5).transpose(0, 2, 3, 1))
    assert (y.is_contiguous(), y.stride()) == (True, (60, 15, 3, 1))


# --- view and reshape


@fact("torch.Tensor.view", hint="use reshape or flatten, which copy where they must")
@pytest.mark.parametrize("shape", [(2, -1), (6, 20), (2, 12, 5)])
def test_is_not_flattened_by_view(shape, device):
    """`view` refuses to merge channels of a channels-last tensor with others: view size is not compatible."""
    with pytest.raises(RuntimeError, match="view size is not compatible"):
        nchw(device).view(shape)


@fact("torch.Tensor.view")
def test_merges_pixels_by_view(device):
    """`view` merges rows and columns of a channels-last tensor."""
    same(nchw(device).view(2, 3, 20), numpy.arange(120, dtype="float32").reshape(2, 3, 20))


@fact("torch.reshape")
def test_is_flattened_by_reshape_in_the_order_of_its_shape(device):
    """`reshape` reads a channels-last tensor in the order of its shape, not of its memory."""
    same(nchw(device).reshape(2, 60), numpy.arange(120, dtype="float32").reshape(2, 60))


@fact("torch.reshape")
def test_is_copied_by_reshape_to_rows(device):
    """A write through `reshape` of a channels-last tensor to one row an image is not seen in that tensor."""
    x, numbers = nchw(device), numpy.arange(120, dtype="float32")
    same(x.reshape(2, 60).add_(1), numbers.reshape(2, 60) + 1)
    same(x, numbers.reshape(2, 3, 4, 5))


# --- what keeps it


@fact(*KEPT_BY, "torch.preserve_format", source="tensor_attributes")
@pytest.mark.parametrize(("operation", "of_array"), KEEPING.values(), ids=KEEPING)
def test_is_kept(operation, of_array, device):
    """`clone`, `zeros_like`, `x.to(dtype)`, `+`, `neg`, `relu` and `where` of a channels-last tensor give one too."""
    y = operation(nchw(device).sub_(60))
    same(y, of_array(numpy.arange(-60, 60, dtype="float32").reshape(2, 3, 4, 5)))
    assert y.stride() == (60, 1, 15, 3)


@fact("torch.clone", "torch.Tensor.to", "torch.add", "torch.neg", "torch.relu", "torch.where", source="autograd")
@pytest.mark.parametrize(
    ("operation", "derivative"),
    [(KEEPING[name][0], derivative) for name, derivative in DERIVATIVES.items()],
    ids=DERIVATIVES,
)
def test_is_kept_by_the_gradient(operation, derivative, device):
    """`x.grad` of a channels-last leaf `x` is channels-last, even where what flows back to it is not."""
    x, numbers = nchw(device).sub_(60).requires_grad_(), numpy.arange(120, dtype="float32").reshape(2, 3, 4, 5)
    y = operation(x)
    y.backward(torch.from_numpy(numbers).to(device, y.dtype))
    same(x.grad, (numbers * derivative(numbers - 60)).astype("float32"))
    assert x.grad.stride() == (60, 1, 15, 3)


@fact("torch.empty_like", "torch.preserve_format", source="tensor_attributes")
def test_is_kept_by_empty_like(device):
    """`empty_like` of a channels-last tensor gives a channels-last tensor of its dtype and shape."""
    y = torch.empty_like(nchw(device).half())
    assert (y.dtype, y.shape, y.stride()) == (torch.float16, (2, 3, 4, 5), (60, 1, 15, 3))


@fact("torch.Tensor.contiguous", "torch.clone", "torch.reshape", "torch.contiguous_format", source="tensor_attributes")
@pytest.mark.parametrize("operation", LOSING.values(), ids=LOSING)
def test_is_lost(operation, device):
    """`contiguous()`, `clone(memory_format=torch.contiguous_format)` and a copying `reshape` are row-major again."""
    y = operation(nchw(device))
    same(y, numpy.arange(120, dtype="float32").reshape(2, 3, 4, 5))
    assert y.stride() == (60, 20, 5, 1)


# --- how many dimensions


@fact("torch.Tensor.to", "torch.Tensor.contiguous", "torch.empty", "torch.channels_last", source="tensor_attributes")
@pytest.mark.parametrize("way", [WAYS["to"], WAYS["contiguous"], WAYS["empty"]], ids=["to", "contiguous", "empty"])
@pytest.mark.parametrize("shape", [(3,), (2, 3, 4), (2, 3, 4, 5, 6)])
def test_needs_four_dimensions(shape, way, device):
    """`torch.channels_last` is refused without four dimensions: required rank 4 tensor to use channels_last format."""
    with pytest.raises(RuntimeError, match="required rank 4 tensor to use channels_last format"):
        way(torch.zeros(shape, device=device))


@fact("torch.Tensor.is_contiguous")
@pytest.mark.parametrize("shape", [(3,), (2, 3, 4), (2, 3, 4, 5, 6)])
def test_is_not_found_without_four_dimensions(shape, device):
    """`is_contiguous(memory_format=torch.channels_last)` is false for a tensor that has not four dimensions."""
    assert torch.zeros(shape, device=device).is_contiguous(memory_format=torch.channels_last) is False


@fact("torch.Tensor.to", "torch.channels_last_3d", source="tensor_attributes")
def test_of_volumes_has_five_dimensions(device):
    """`channels_last_3d` puts the channels of a tensor of five dimensions last in memory."""
    y = torch.zeros(2, 3, 4, 5, 6, device=device).to(memory_format=torch.channels_last_3d)
    assert (y.shape, y.stride()) == ((2, 3, 4, 5, 6), (360, 1, 90, 18, 3))


@fact("torch.Tensor.to", "torch.channels_last_3d", source="tensor_attributes")
def test_of_volumes_needs_five_dimensions(device):
    """`torch.channels_last_3d` is refused for four dimensions: required rank 5 tensor."""
    with pytest.raises(RuntimeError, match="required rank 5 tensor to use channels_last_3d format"):
        torch.zeros(2, 3, 4, 5, device=device).to(memory_format=torch.channels_last_3d)
