"""`unsqueeze`, which inserts a dimension of size 1; what removes them is in `test_squeeze.py`."""

import numpy
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from torchproof import fact, same
from torchproof.fixtures.checks import shares
from torchproof.fixtures.strategies import layouts


@fact("torch.unsqueeze", claims=["V10"])
@given(layout=layouts(max_dims=3), data=st.data())
def test_inserts_a_dimension_of_size_one(layout, data, device):
    """`unsqueeze(dim)` inserts a dimension of size 1 at `dim`, as NumPy's `expand_dims` does."""
    dim = data.draw(st.integers(-len(layout.shape) - 1, len(layout.shape)))
    x = torch.arange(layout.reach, device=device).as_strided(*layout)
    same(torch.unsqueeze(x, dim), numpy.expand_dims(layout.places(), dim))


@fact("torch.unsqueeze", claims=["V10"])
@pytest.mark.parametrize(
    ("dim", "shape"), [(0, (1, 2, 3)), (1, (2, 1, 3)), (2, (2, 3, 1)), (-1, (2, 3, 1)), (-3, (1, 2, 3))]
)
def test_counts_as_the_result_does(dim, shape, device):
    """`unsqueeze(dim)` counts `dim` in the result, from the end where it is negative."""
    same(torch.arange(6, device=device).view(2, 3).unsqueeze(dim), numpy.arange(6).reshape(shape))


@fact("torch.unsqueeze", claims=["V10"])
@pytest.mark.parametrize("dim", [3, -4])
def test_refuses_a_place_beyond_the_result(dim, device):
    """`unsqueeze(dim)` raises IndexError "Dimension out of range" for a place that the result does not have."""
    with pytest.raises(IndexError, match="Dimension out of range"):
        torch.zeros(2, 3, device=device).unsqueeze(dim)


@fact("torch.unsqueeze")
def test_takes_one_place_only(device):
    """`unsqueeze` refuses a tuple of places: must be int, not tuple."""
    with pytest.raises(TypeError, match="must be int, not tuple"):
        torch.zeros(2, 3, device=device).unsqueeze((0, 1))


@fact("torch.unsqueeze")
@given(layout=layouts(max_dims=3), data=st.data())
def test_shares_memory(layout, data, device):
    """A write through `unsqueeze` is seen in the tensor that it views."""
    dim = data.draw(st.integers(0, len(layout.shape)))
    x = torch.arange(layout.reach, device=device).as_strided(*layout)
    assert shares(x.unsqueeze(dim), x)


@fact("torch.unsqueeze")
@given(layout=layouts(max_dims=3), data=st.data())
def test_keeps_the_strides_of_the_others(layout, data, device):
    """`unsqueeze` keeps the strides of the dimensions that were there."""
    dim = data.draw(st.integers(0, len(layout.shape)))
    strides = torch.arange(layout.reach, device=device).as_strided(*layout).unsqueeze(dim).stride()
    assert strides[:dim] + strides[dim + 1 :] == layout.strides


@fact("torch.unsqueeze", "torch.squeeze", claims=["V09", "V10"])
@given(layout=layouts(max_dims=3), data=st.data())
def test_is_undone_by_squeeze(layout, data, device):
    """`unsqueeze(dim).squeeze(dim)` has the shape and values of its source."""
    dim = data.draw(st.integers(-len(layout.shape) - 1, len(layout.shape)))
    x = torch.arange(layout.reach, device=device).as_strided(*layout)
    same(x.unsqueeze(dim).squeeze(dim), layout.places())


@fact("torch.unsqueeze")
@pytest.mark.parametrize(
    ("dim", "index"),
    [(0, (None,)), (1, (slice(None), None)), (2, (Ellipsis, None))],
    ids=["first", "middle", "last"],
)
def test_equals_indexing_with_none(dim, index, device):
    """`unsqueeze` gives what indexing with `None` at that place gives."""
    x = torch.arange(6, device=device).view(2, 3)
    want = numpy.arange(6).reshape(2, 3)[index]
    same(x.unsqueeze(dim), want)
    same(x[index], want)


@fact("torch.Tensor.unsqueeze_")
def test_in_place_changes_the_tensor_itself(device):
    """`unsqueeze_` changes the shape of the tensor itself."""
    x = torch.arange(3, device=device)
    assert x.unsqueeze_(0) is x
    same(x, numpy.array([[0, 1, 2]]))


@fact("torch.unsqueeze")
def test_passes_the_gradient_in_the_shape_of_its_source(device):
    """The gradient that reaches the source of an `unsqueeze` is without the inserted dimension."""
    x = torch.zeros(3, device=device, requires_grad=True)
    x.unsqueeze(1).backward(torch.tensor([[1.0], [2], [3]], device=device))
    same(x.grad, numpy.array([1, 2, 3], dtype="float32"))
