"""`flatten`, `ravel` and `unflatten`; what `reshape(-1)` and `view(-1)` do is in their own files."""

import numpy
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from torchproof import fact, same
from torchproof.fixtures.checks import shares
from torchproof.fixtures.strategies import Layout, layouts


@fact("torch.flatten")
@given(layout=layouts())
@example(layout=Layout((), ()))
@example(layout=Layout((3, 2), (1, 3)))
def test_gives_one_dimension(layout, device):
    """`flatten` gives the elements of any tensor in row-major order in one dimension."""
    x = torch.arange(layout.reach, dtype=torch.float32, device=device).as_strided(*layout)
    same(x.flatten(), layout.places().ravel().astype("float32"))


@fact("torch.flatten")
@given(layout=layouts(min_dims=1), data=st.data())
def test_merges_the_dimensions_from_start_to_end(layout, data, device):
    """`flatten(start, end)` merges the dimensions from `start` to `end`, both included."""
    start = data.draw(st.integers(0, len(layout.shape) - 1))
    end = data.draw(st.integers(start, len(layout.shape) - 1))
    shape = (*layout.shape[:start], -1, *layout.shape[end + 1 :])
    x = torch.arange(layout.reach, device=device).as_strided(*layout)
    same(torch.flatten(x, start, end), layout.places().reshape(shape))


@fact("torch.flatten")
def test_counts_negative_dimensions_from_the_end(device):
    """`flatten(-2)` merges the last two dimensions."""
    assert torch.zeros(2, 3, 4, device=device).flatten(-2).shape == (2, 12)


@fact("torch.flatten", "torch.Tensor.flatten", claims=["T06"], myth="flatten copies, as in NumPy")
def test_of_a_contiguous_tensor_shares_memory(device):
    """A write through `flatten` of a contiguous tensor is seen in that tensor."""
    x = torch.arange(6, device=device).view(2, 3)
    assert shares(x.flatten(), x)


@fact("torch.flatten")
def test_of_a_transposed_tensor_is_a_copy(device):
    """A write to a transposed matrix is not seen in what `flatten` gave before."""
    x = torch.arange(6, device=device).view(2, 3).t()
    y = x.flatten()
    x += 10
    same(y, numpy.array([0, 3, 1, 4, 2, 5]))


@fact("torch.flatten")
def test_of_one_dimension_is_the_tensor_itself(device):
    """`flatten` of a tensor with one dimension returns that tensor."""
    x = torch.arange(6, device=device)
    assert x.flatten() is x


@fact("torch.flatten")
def test_refuses_a_start_after_the_end(device):
    """`flatten(2, 1)` is refused: "start_dim cannot come after end_dim"."""
    with pytest.raises(RuntimeError, match="start_dim cannot come after end_dim"):
        torch.zeros(2, 3, 4, device=device).flatten(2, 1)


@fact("torch.flatten")
@pytest.mark.parametrize("dim", [3, -4])
def test_refuses_a_dimension_that_is_not_there(dim, device):
    """`flatten` from a dimension that `x` does not have raises IndexError "Dimension out of range"."""
    with pytest.raises(IndexError, match="Dimension out of range"):
        torch.zeros(2, 3, 4, device=device).flatten(dim)


@fact("torch.ravel")
@given(layout=layouts())
@example(layout=Layout((), ()))
def test_by_ravel_gives_one_dimension(layout, device):
    """`ravel` gives the elements of any tensor in row-major order in one dimension, as NumPy's does."""
    x = torch.arange(layout.reach, device=device).as_strided(*layout)
    same(x.ravel(), layout.places().ravel())


@fact("torch.ravel")
def test_ravel_is_contiguous(device):
    """`ravel` of a vector with gaps between its elements is contiguous."""
    y = torch.arange(6, device=device)[::2].ravel()
    assert (y.stride(), y.tolist()) == ((1,), [0, 2, 4])


@fact("torch.ravel")
def test_ravel_of_a_contiguous_tensor_shares_memory(device):
    """A write through `ravel` of a contiguous tensor is seen in that tensor."""
    x = torch.arange(6, device=device).view(2, 3)
    assert shares(x.ravel(), x)


@fact("torch.unflatten")
@pytest.mark.parametrize("sizes", [(2, 3), (3, 2), (-1, 2), (1, 6), (2, 1, 3)])
def test_unflatten_splits_one_dimension(sizes, device):
    """`unflatten(dim, sizes)` splits one dimension into the given sizes, in row-major order."""
    x = torch.arange(24, device=device).view(4, 6)
    same(x.unflatten(1, sizes), numpy.arange(24).reshape(4, *sizes))


@fact("torch.unflatten")
@given(layout=layouts(min_dims=1, max_dims=3))
@example(layout=Layout((3, 2), (1, 3)))
def test_unflatten_shares_memory(layout, device):
    """`unflatten` shares memory with a tensor of any strides."""
    x = torch.arange(layout.reach, device=device).as_strided(*layout)
    assert shares(x.unflatten(0, (1, -1)), x)


@fact("torch.unflatten")
def test_unflatten_refuses_sizes_of_another_product(device):
    """`unflatten` refuses sizes of another product: "don't multiply up to the size of dim"."""
    with pytest.raises(RuntimeError, match="don't multiply up to the size of dim 1"):
        torch.zeros(2, 6, device=device).unflatten(1, (4, 2))
