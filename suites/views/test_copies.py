"""The functions of views that copy, `torch.view_copy` and others in `_copy`; other copies are in `test_clone.py`."""

import numpy
import pytest
import torch

from torchproof import fact, same
from torchproof.fixtures.checks import shares

ARRAY = numpy.arange(12.0).reshape(3, 1, 4) + 0.5
PAIRS = numpy.arange(12.0).reshape(3, 2, 2) + 0.5
COMPLEX = numpy.array([1 + 2j, 3 - 4j])
# What each copy is given, and what NumPy makes of it.
COPIES = {
    "alias_copy": (ARRAY, (), lambda a: a),
    "as_strided_copy": (ARRAY, ((2, 2), (4, 1), 3), lambda a: a.ravel()[[[3, 4], [7, 8]]]),
    "detach_copy": (ARRAY, (), lambda a: a),
    "diagonal_copy": (ARRAY, (1, 0, 2), lambda a: a.diagonal(1, 0, 2)),
    "expand_copy": (ARRAY, ((2, 3, 5, 4),), lambda a: numpy.broadcast_to(a, (2, 3, 5, 4))),
    "narrow_copy": (ARRAY, (2, 1, 2), lambda a: a[:, :, 1:3]),
    "permute_copy": (ARRAY, ((2, 0, 1),), lambda a: a.transpose(2, 0, 1)),
    "select_copy": (ARRAY, (2, -1), lambda a: a[:, :, -1]),
    "slice_copy": (ARRAY, (2, 1, 4, 2), lambda a: a[:, :, 1:4:2]),
    "squeeze_copy": (ARRAY, (1,), lambda a: a.squeeze(1)),
    "t_copy": (ARRAY[:, 0], (), lambda a: a.T),
    "transpose_copy": (ARRAY, (0, 2), lambda a: a.swapaxes(0, 2)),
    "unfold_copy": (ARRAY, (2, 2, 2), lambda a: a.reshape(3, 1, 2, 2)),
    "unsqueeze_copy": (ARRAY, (1,), lambda a: a[:, None]),
    "view_as_complex_copy": (PAIRS, (), lambda a: a[..., 0] + 1j * a[..., 1]),
    "view_as_real_copy": (COMPLEX, (), lambda a: numpy.stack([a.real, a.imag], -1)),
    "view_copy": (ARRAY, ((2, 6),), lambda a: a.reshape(2, 6)),
}
SEVERAL = {
    "split_copy": (ARRAY, (3, 2), lambda a: [a[:, :, :3], a[:, :, 3:]]),
    "split_with_sizes_copy": (ARRAY, ([1, 3], 2), lambda a: [a[:, :, :1], a[:, :, 1:]]),
    "unbind_copy": (ARRAY, (0,), list),
}
NAMES = [f"torch.{name}" for name in COPIES]
copies = pytest.mark.parametrize("name", COPIES)
several = pytest.mark.parametrize("name", SEVERAL)


def memory(x):
    return x.untyped_storage().data_ptr()


@fact(*NAMES)
@copies
def test_has_the_values_of_the_view(device, name):
    """`torch.view_copy`, `torch.permute_copy` and others in `_copy` give the view's values as a contiguous copy."""
    array, arguments, view = COPIES[name]
    x = torch.tensor(array, device=device)
    y = getattr(torch, name)(x, *arguments)
    same(y, view(array).copy())
    same(x, array)
    assert y.is_contiguous() and memory(y) != memory(x)


@fact(*NAMES)
@copies
def test_is_not_changed_through_its_source(device, name):
    """A later write to the source is not seen in what `torch.view_copy` or another function in `_copy` gave."""
    array, arguments, view = COPIES[name]
    x = torch.tensor(array, device=device)
    y = getattr(torch, name)(x, *arguments)
    x.zero_()
    same(y, view(array).copy())


OTHERS = ("detach_copy", "narrow_copy", "view_as_complex_copy", "view_as_real_copy")
DIFFERENTIABLE = [name for name in COPIES if name not in OTHERS]


@fact(*(f"torch.{name}" for name in DIFFERENTIABLE))
@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_hands_its_gradient_back_as_the_view_does(device, name):
    """The gradient of `torch.expand_copy`, `torch.view_copy` and others adds up at the elements that were copied."""
    array, arguments, view = COPIES[name]
    x = torch.tensor(array, device=device, requires_grad=True)
    y = getattr(torch, name)(x, *arguments)
    weights = numpy.arange(1.0, y.numel() + 1).reshape(tuple(y.shape))
    y.backward(torch.tensor(weights, device=device))
    want = numpy.zeros(array.size)
    numpy.add.at(want, view(numpy.arange(array.size).reshape(array.shape)), weights)
    same(x.grad, want.reshape(array.shape))


@fact("torch.narrow_copy", until="2.12", calls="any")
def test_of_narrow_has_no_gradient(device):
    """`torch.narrow_copy` has no gradient: derivative for aten::narrow_copy is not implemented."""
    x = torch.tensor([1.0, 2.0], device=device, requires_grad=True)
    with pytest.raises(RuntimeError, match="derivative for aten::narrow_copy is not implemented"):
        torch.narrow_copy(x, 0, 1, 1).backward()


@fact("torch.narrow_copy", since="2.12", calls="any", gain=True)
def test_of_narrow_hands_its_gradient_back(device):
    """`torch.narrow_copy` hands its gradient back to what it took, and zero to the rest."""
    x = torch.tensor([1.0, 2.0, 4.0], device=device, requires_grad=True)
    torch.narrow_copy(x, 0, 1, 2).backward(torch.tensor([3.0, 5.0], device=device))
    same(x.grad, torch.tensor([0.0, 3.0, 5.0]))


@fact(*(f"torch.{name}" for name in SEVERAL))
@several
def test_of_several_has_the_values_of_the_views(device, name):
    """`torch.split_copy`, `torch.split_with_sizes_copy` and `torch.unbind_copy` give the parts as copies."""
    array, arguments, view = SEVERAL[name]
    x = torch.tensor(array, device=device)
    parts, wanted = getattr(torch, name)(x, *arguments), view(array)
    assert len(parts) == len(wanted)
    for part, want in zip(parts, wanted):
        same(part, want.copy())
        assert not shares(part, x)


@fact(*(f"torch.{name}" for name in SEVERAL))
@several
def test_of_several_hands_its_gradient_back(device, name):
    """The gradient of a part of `split_copy`, `split_with_sizes_copy` or `unbind_copy` goes to what it copied."""
    array, arguments, view = SEVERAL[name]
    x = torch.tensor(array, device=device, requires_grad=True)
    sum((part * (i + 2)).sum() for i, part in enumerate(getattr(torch, name)(x, *arguments))).backward()
    want = numpy.zeros(array.shape)
    for i, part in enumerate(view(want)):
        part[...] = i + 2
    same(x.grad, want)
