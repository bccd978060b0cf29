"""In-place operations on views and copies, and whose memory they change; `x[i] = y` is in indexing/test_assignment."""

import numpy
import pytest
import torch
from hypothesis import example, given

from torchproof import fact, same
from torchproof.fixtures.strategies import Layout, layouts

VIEWS = {
    "view": (lambda x: x.view(6, 2), lambda x: x.reshape(6, 2)),
    "one row": (lambda x: x[1], lambda x: x[1]),
    "rows": (lambda x: x[1:], lambda x: x[1:]),
    "a column": (lambda x: x[:, 2], lambda x: x[:, 2]),
    "every other": (lambda x: x[::2, 1::2], lambda x: x[::2, 1::2]),
    "select": (lambda x: x.select(1, -1), lambda x: x[:, -1]),
    "narrow": (lambda x: x.narrow(1, 1, 2), lambda x: x[:, 1:3]),
    "transpose": (lambda x: x.t(), lambda x: x.T),
    "permute": (lambda x: x.permute(1, 0), lambda x: x.transpose(1, 0)),
    "diagonal": (lambda x: x.diagonal(), lambda x: numpy.einsum("ii->i", x[:, :3])),
    "unsqueeze": (lambda x: x.unsqueeze(1), lambda x: x[:, None]),
    "squeeze": (lambda x: x[:1].squeeze(0), lambda x: x[0]),
    "flatten": (lambda x: x.flatten(), lambda x: x.reshape(12)),
    "unflatten": (lambda x: x.unflatten(1, (2, 2)), lambda x: x.reshape(3, 2, 2)),
    "chunk": (lambda x: x.chunk(2, dim=1)[1], lambda x: x[:, 2:]),
    "split": (lambda x: x.split([1, 2])[1], lambda x: x[1:]),
    "unbind": (lambda x: x.unbind(1)[3], lambda x: x[:, 3]),
    "detach": (lambda x: x.detach(), lambda x: x),
}

WITHOUT_UNDERSCORE = {
    "add": lambda x: x.add(1),
    "neg": lambda x: x.neg(),
    "exp": lambda x: x.exp(),
    "sigmoid": lambda x: x.sigmoid(),
    "tanh": lambda x: x.tanh(),
    "relu": lambda x: x.relu(),
    "zeros_like": torch.zeros_like,
}

COPIES = {
    "clone": lambda x: x.clone(),
    "reshape of the transpose": lambda x: x.t().reshape(12),
    "contiguous of the transpose": lambda x: x.t().contiguous(),
    "repeat": lambda x: x.repeat(1, 1),
    "an index list": lambda x: x[[0, 1]],
    "a mask": lambda x: x[x > 3],
    "flip": lambda x: x.flip(0),
    "roll": lambda x: x.roll(0, 0),
    "cat": lambda x: torch.cat([x]),
    "to with a copy": lambda x: x.to(x.dtype, copy=True),
}


@fact("torch.Tensor.add_", source="tensor_view")
@pytest.mark.parametrize(("view", "of_array"), VIEWS.values(), ids=VIEWS)
def test_change_what_the_view_shows(view, of_array, device):
    """`add_` on a view changes exactly those elements of its source that NumPy's view has."""
    want = numpy.arange(12, dtype="float32").reshape(3, 4)
    x = torch.from_numpy(want.copy()).to(device)
    view(x).add_(100)
    of_array(want)[...] += 100
    same(x, want)


@fact("torch.Tensor.add_", source="tensor_view")
@pytest.mark.parametrize("copy", COPIES.values(), ids=COPIES)
def test_to_a_copy_leave_the_source(copy, device):
    """`add_` on what `clone`, `x[[0, 1]]`, `flip`, `repeat` or another copy gave leaves the source as it was."""
    x = torch.arange(12, device=device).view(3, 4)
    y = copy(x)
    want = y.cpu().numpy() + 100
    same(y.add_(100), want)
    same(x, numpy.arange(12).reshape(3, 4))


@fact(*(f"torch.{name}" for name in WITHOUT_UNDERSCORE), source="tensors")
@pytest.mark.parametrize("operation", WITHOUT_UNDERSCORE.values(), ids=WITHOUT_UNDERSCORE)
def test_need_an_underscore(operation, device):
    """`x.add(1)`, `x.neg()`, `x.exp()` and other operations without an underscore leave `x` as it was."""
    x = torch.tensor([-1.5, 0.5, 2], device=device)
    assert operation(x) is not x
    same(x, numpy.array([-1.5, 0.5, 2], dtype="float32"))


@fact("torch.Tensor.copy_")
@given(layout=layouts())
@example(layout=Layout((3, 2), (1, 3), 2))
@example(layout=Layout((2, 2), (6, 2), 1))
def test_reach_the_places_of_the_view_only(layout, device):
    """`copy_` into a view of any strides changes the memory of its elements and nothing between them."""
    memory = torch.arange(layout.reach, device=device)
    values = numpy.arange(1000, 1000 + layout.places().size).reshape(layout.shape)
    memory.as_strided(*layout).copy_(torch.from_numpy(values).to(device))
    want = numpy.arange(layout.reach)
    want[layout.places()] = values
    same(memory, want)


@fact("torch.Tensor.fill_")
@given(layout=layouts(overlap=True))
@example(layout=Layout((2, 3), (0, 1)))
@example(layout=Layout((3, 2), (1, 3), 2))
def test_of_one_number_reach_the_places_of_the_view_only(layout, device):
    """`fill_` on a view of any strides changes the memory of its elements and nothing between them."""
    memory = torch.arange(layout.reach, device=device)
    memory.as_strided(*layout).fill_(-1)
    want = numpy.arange(layout.reach)
    want[layout.places()] = -1
    same(memory, want)


@fact("torch.Tensor.add_")
def test_return_the_view_itself(device):
    """`x.add_(1)` returns `x` itself."""
    y = torch.arange(6, device=device).view(2, 3)
    assert y.add_(1) is y


@fact("torch.Tensor.copy_")
def test_broadcast_the_source(device):
    """`copy_` into a view broadcasts what is written to the view's shape."""
    x = torch.zeros(3, 4, device=device)
    x[:, 1:3].copy_(torch.tensor([7.5, -8], device=device))
    same(x, numpy.array([[0, 7.5, -8, 0]] * 3, dtype="float32"))


@fact("torch.Tensor.copy_")
def test_convert_to_the_dtype_of_the_view(device):
    """`copy_` converts what is written to the dtype of the view."""
    x = torch.zeros(2, 2, dtype=torch.int32, device=device)
    x[0].copy_(torch.tensor([1.9, -1.9], device=device))
    same(x, numpy.array([[1, -1], [0, 0]], dtype="int32"))
