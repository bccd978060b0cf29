"""`clone` and what else makes a tensor like another one: its strides, and that it has memory of its own."""

import numpy
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from torchproof import fact, same
from torchproof.fixtures.strategies import Layout, layouts

ALIKE = {"clone": torch.clone, "empty_like": torch.empty_like, "zeros_like": torch.zeros_like}
SUBJECTS = [f"torch.{name}" for name in ALIKE] + ["torch.preserve_format"]


@fact("torch.clone")
@given(layout=layouts(overlap=True))
@example(layout=Layout((2, 3), (3, 1)))
@example(layout=Layout((2, 3), (0, 1)))
def test_copies_a_tensor_of_any_strides(layout, device):
    """A write to a tensor, contiguous or not, is not seen in what `clone` gave before."""
    memory = torch.arange(layout.reach, device=device)
    y = memory.as_strided(*layout).clone()
    memory += 100
    same(y, layout.places())


@fact(*SUBJECTS, source="tensor_attributes")
@pytest.mark.parametrize("alike", ALIKE.values(), ids=ALIKE)
@given(order=st.permutations([0, 1, 2]))
@example(order=[2, 0, 1])
def test_keeps_the_strides_of_a_permuted_tensor(order, alike, device):
    """`torch.clone`, `torch.empty_like` and `torch.zeros_like` keep the strides of a permuted tensor without gaps."""
    x = torch.zeros(2, 3, 4, device=device).permute(order)
    assert alike(x).stride() == tuple((12, 4, 1)[dim] for dim in order)


@fact(*SUBJECTS, source="tensor_attributes")
@pytest.mark.parametrize("alike", ALIKE.values(), ids=ALIKE)
def test_closes_gaps(alike, device):
    """`torch.clone`, `torch.empty_like` and `torch.zeros_like` of `x[::2, ::3]` close the gaps: row-major strides."""
    assert alike(torch.zeros(4, 6, device=device)[::2, ::3]).stride() == (2, 1)


@fact(*SUBJECTS, source="tensor_attributes")
@pytest.mark.parametrize("alike", ALIKE.values(), ids=ALIKE)
def test_gives_expanded_elements_places_of_their_own(alike, device):
    """`torch.clone`, `torch.empty_like` and `torch.zeros_like` give an expanded vector row-major strides."""
    assert alike(torch.zeros(3, device=device).expand(2, 3)).stride() == (3, 1)


@fact(*SUBJECTS, source="tensor_attributes")
@pytest.mark.parametrize("alike", ALIKE.values(), ids=ALIKE)
def test_keeps_the_strides_where_asked_to(alike, device):
    """`torch.preserve_format` has `clone`, `empty_like` and `zeros_like` keep the strides of a transposed matrix."""
    x = torch.zeros(2, 3, device=device).t()
    assert alike(x, memory_format=torch.preserve_format).stride() == (1, 3)


@fact("torch.empty", "torch.preserve_format", source="tensor_attributes")
def test_has_nothing_to_preserve_without_a_source(device):
    """`torch.empty` refuses `memory_format=torch.preserve_format`: unsupported memory format."""
    with pytest.raises(RuntimeError, match="unsupported memory format"):
        torch.empty(2, 3, device=device, memory_format=torch.preserve_format)


@fact("torch.clone", "torch.contiguous_format", source="tensor_attributes")
def test_is_contiguous_where_asked_to_be(device):
    """`clone(memory_format=torch.contiguous_format)` of a transposed matrix has row-major strides."""
    y = torch.arange(6, device=device).view(2, 3).t().clone(memory_format=torch.contiguous_format)
    assert (y.stride(), y.tolist()) == ((2, 1), [[0, 3], [1, 4], [2, 5]])


@fact("torch.clone")
def test_passes_the_gradient_on(device):
    """The gradient of `x.clone()` reaches `x` as it is."""
    x = torch.tensor([1.5, -2], device=device, requires_grad=True)
    x.clone().backward(torch.tensor([3.0, 5], device=device))
    same(x.grad, numpy.array([3, 5], dtype="float32"))
