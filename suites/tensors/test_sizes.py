"""`torch.Size`, the class of shapes: what makes it more than a tuple."""

import pickle

import pytest
import torch

from torchproof import fact


def plain_sizes(patch):
    """A size is a number."""
    patch.setattr(torch, "Size", lambda sizes=(): list(sizes))


@fact("torch.Size", refuter=plain_sizes)
def test_are_tuples():
    """A `torch.Size` is a tuple, equal to the plain one and of its hash."""
    size = torch.Size([2, 3, 4])
    assert size == (2, 3, 4) and hash(size) == hash((2, 3, 4)) and isinstance(size, tuple)


@fact("torch.Size", refuter=plain_sizes)
def test_have_a_product():
    """`torch.Size([2, 3, 4]).numel()` is the product of the sizes, 1 of none."""
    assert [torch.Size(sizes).numel() for sizes in ([2, 3, 4], [], [3, 0])] == [24, 1, 0]


@fact("torch.Size", refuter=plain_sizes)
def test_in_part_are_sizes():
    """A part of a `torch.Size`, or one repeated, pickled or joined with a tuple behind it, is a `torch.Size`."""
    size = torch.Size([2, 3])
    made = [size[1:], size * 2, size + (4,), pickle.loads(pickle.dumps(size))]
    assert made == [(3,), (2, 3, 2, 3), (2, 3, 4), (2, 3)]
    assert [type(each) for each in made] == [torch.Size] * 4


@fact("torch.Size", since="2.8", calls="none", gain=True, refuter=plain_sizes)
def test_behind_a_tuple_are_sizes():
    """A tuple joined with a `torch.Size` behind it is a `torch.Size`."""
    size = (1,) + torch.Size([2, 3])
    assert type(size) is torch.Size and size == (1, 2, 3)


@fact("torch.Size", until="2.8", calls="none", refuter=plain_sizes)
def test_behind_a_tuple_were_tuples():
    """A tuple joined with a `torch.Size` behind it is a plain tuple."""
    size = (1,) + torch.Size([2, 3])
    assert type(size) is tuple and size == (1, 2, 3)


@fact("torch.Size", refuter=plain_sizes)
def test_of_a_tensor_are_its_numbers():
    """`torch.Size(x)` of a vector `x` of integers has them for sizes."""
    size = torch.Size(torch.tensor([2, 3]))
    assert isinstance(size, torch.Size) and size == (2, 3)


@fact("torch.Size", refuter=plain_sizes)
def test_are_whole():
    """`torch.Size([2.5])` is refused: it takes an iterable of 'int'."""
    with pytest.raises(TypeError, match="takes an iterable of 'int'"):
        torch.Size([2.5])
