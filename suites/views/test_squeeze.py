"""`squeeze`, which removes dimensions of size 1; what adds them is in `test_unsqueeze.py`."""

import numpy
import pytest
import torch
from hypothesis import example, given

from torchproof import fact, same
from torchproof.fixtures.checks import shares
from torchproof.fixtures.strategies import Layout, layouts


@fact("torch.squeeze", claims=["V09"])
@given(layout=layouts(max_side=2))
@example(layout=Layout((1, 3, 1, 2), (6, 2, 2, 1)))
@example(layout=Layout((2, 3), (3, 1)))
def test_removes_every_dimension_of_size_one(layout, device):
    """`squeeze()` removes every dimension of size 1 and no other, as NumPy does."""
    x = torch.arange(layout.reach, device=device).as_strided(*layout)
    same(torch.squeeze(x), layout.places().squeeze())


@fact("torch.squeeze", claims=["V09"])
@pytest.mark.parametrize("dim", [0, 2, -1, -3])
def test_removes_the_dimension_that_is_named(dim, device):
    """`squeeze(dim)` removes that dimension of size 1 only."""
    x = numpy.arange(3).reshape(1, 3, 1)
    same(torch.from_numpy(x).to(device).squeeze(dim), x.squeeze(dim))


@fact("torch.squeeze", claims=["V09"], myth="squeeze(dim) removes the dimension whatever its size")
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_keeps_a_named_dimension_of_another_size(dim, device):
    """`squeeze(dim)` changes nothing where the size of `dim` is not 1."""
    same(torch.arange(6, device=device).view(2, 3).squeeze(dim), numpy.arange(6).reshape(2, 3))


@fact("torch.squeeze", claims=["V09"])
@pytest.mark.parametrize(
    ("dims", "shape"), [((0, 2), (2, 1)), ((0, 1), (2, 1, 1)), ((-1, 0), (2, 1)), ((1,), (1, 2, 1, 1))]
)
def test_removes_the_dimensions_of_a_tuple(dims, shape, device):
    """`squeeze(dims)` removes those of the named dimensions that have size 1."""
    x = torch.arange(2, device=device).view(1, 2, 1, 1)
    same(x.squeeze(dims), numpy.arange(2).reshape(shape))


@fact("torch.squeeze", hint="name the dimension to remove")
def test_removes_a_batch_of_one_too(device):
    """`squeeze()` also removes the batch dimension of a batch of one."""
    assert torch.zeros(1, 3, 1, device=device).squeeze().shape == (3,)


@fact("torch.squeeze")
def test_of_one_element_has_no_dimensions(device):
    """`squeeze()` of a tensor whose sizes are all 1 has no dimensions."""
    same(torch.tensor([[[7]]], device=device).squeeze(), numpy.array(7))


@fact("torch.squeeze")
@given(layout=layouts(max_side=2))
@example(layout=Layout((1, 3, 1), (3, 1, 1)))
def test_shares_memory(layout, device):
    """A write through `squeeze` is seen in the tensor that was squeezed."""
    x = torch.arange(layout.reach, device=device).as_strided(*layout)
    assert shares(x.squeeze(), x)


@fact("torch.squeeze")
@pytest.mark.parametrize("dim", [3, -4])
def test_refuses_a_dimension_that_is_not_there(dim, device):
    """`squeeze(dim)` raises IndexError "Dimension out of range" for a dimension that the tensor does not have."""
    with pytest.raises(IndexError, match="Dimension out of range"):
        torch.zeros(1, 2, 1, device=device).squeeze(dim)


@fact("torch.squeeze")
def test_refuses_a_dimension_named_twice(device):
    """`squeeze(dims)` refuses a dimension that is named twice: "appears multiple times in the list of dims"."""
    with pytest.raises(RuntimeError, match="appears multiple times in the list of dims"):
        torch.zeros(2, 1, 1, device=device).squeeze((1, 1))


@fact("torch.Tensor.squeeze_")
def test_in_place_changes_the_tensor_itself(device):
    """`squeeze_` changes the shape of the tensor itself."""
    x = torch.arange(3, device=device).view(1, 3, 1)
    assert x.squeeze_() is x
    same(x, numpy.arange(3))


@fact("torch.squeeze")
def test_passes_the_gradient_in_the_shape_of_its_source(device):
    """The gradient that reaches the source of a `squeeze` has the dimensions of size 1 again."""
    x = torch.zeros(1, 3, device=device, requires_grad=True)
    x.squeeze().backward(torch.tensor([1.0, 2, 3], device=device))
    same(x.grad, numpy.array([[1, 2, 3]], dtype="float32"))
