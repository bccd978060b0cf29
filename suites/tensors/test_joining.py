"""Tensors joined in a direction: vstack, hstack, dstack, column_stack; and grids of coordinates."""

import warnings

import numpy
import pytest
import torch

from torchproof import fact, same
from torchproof.fixtures.checks import shares

STACKS = {
    "vstack": numpy.vstack,
    "row_stack": numpy.vstack,
    "hstack": numpy.hstack,
    "dstack": numpy.dstack,
    "column_stack": numpy.column_stack,
}
SUBJECTS = [f"torch.{name}" for name in STACKS]
stacks = pytest.mark.parametrize("name", STACKS)
indexing = pytest.mark.parametrize("indexing", ["ij", "xy"])


@fact(*SUBJECTS)
@stacks
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 1, 2)], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "int64", "bool"])
def test_is_that_of_numpy(device, name, shape, dtype):
    """A stack of numbers, rows, matrices or cubes has the shape and the values of NumPy's."""
    parts = [numpy.arange(i, i + numpy.prod(shape, dtype=int)).reshape(shape).astype(dtype) for i in (0, 5, 9)]
    tensors = [torch.tensor(part, device=device) for part in parts]
    y = getattr(torch, name)(tensors)
    same(y, STACKS[name](parts))
    assert y.is_contiguous() and (not shape or not shares(y, tensors[0]))


@fact(*SUBJECTS)
@stacks
def test_of_one_tensor_is_a_copy(device, name):
    """A stack of one cube is a copy of it."""
    x = torch.tensor([[[1.5, 2.5]]], device=device)
    y = getattr(torch, name)((x,))
    same(y, x)
    assert not shares(y, x)


@fact(*SUBJECTS)
@stacks
def test_hands_its_gradient_to_the_parts(device, name):
    """The gradient of a stack goes to the parts, each its own, here in two layouts."""
    first, second = (torch.tensor([[1.5, 2.5], [3.5, 4.5]], device=device, requires_grad=True) for _ in range(2))
    places = [numpy.arange(4.0, dtype="float32").reshape(2, 2), numpy.arange(4.0, 8, dtype="float32").reshape(2, 2)]
    getattr(torch, name)([first, second.t()]).backward(torch.tensor(STACKS[name](places), device=device))
    same(first.grad, places[0])
    same(second.grad, places[1].T)


@fact(*SUBJECTS)
@stacks
def test_promotes_its_parts(device, name):
    """A stack of two dtypes has the one that they promote to."""
    parts = [numpy.array([[1, 2]]), numpy.array([[0.5, 1.5]])]
    same(getattr(torch, name)([torch.tensor(part, device=device) for part in parts]), STACKS[name](parts))


@fact(*SUBJECTS)
@stacks
def test_of_unlike_sizes_is_refused(device, name):
    """A stack of parts whose other sizes differ is refused."""
    parts = [torch.zeros(2, 3, 2, device=device), torch.zeros(3, 2, 3, device=device)]
    with pytest.raises(RuntimeError, match="Sizes of tensors must match except in dimension"):
        getattr(torch, name)(parts)


@fact(*SUBJECTS)
@stacks
def test_of_nothing_is_refused(name):
    """A stack of no tensor is refused."""
    with pytest.raises(RuntimeError, match="expects a non-empty TensorList"):
        getattr(torch, name)([])


@fact(*SUBJECTS)
@stacks
def test_writes_to_out(device, name):
    """A stack is written to `out`, which is returned."""
    parts = [numpy.array([[1.5, 2.5]]), numpy.array([[3.5, 4.5]])]
    want = STACKS[name](parts)
    out = torch.zeros(want.shape, dtype=torch.float64, device=device)
    assert getattr(torch, name)([torch.tensor(part, device=device) for part in parts], out=out) is out
    same(out, want)


# --- grids


@fact("torch.meshgrid")
@indexing
@pytest.mark.parametrize("sizes", [(2, 3), (3,), (2, 3, 4), (0, 2)], ids=str)
def test_grid_is_that_of_numpy(device, indexing, sizes):
    """`meshgrid` gives one grid for each row of coordinates, as NumPy does, with either order of the first two."""
    rows = [numpy.arange(size) * 1.5 + i for i, size in enumerate(sizes)]
    grids = torch.meshgrid(*(torch.tensor(row, device=device) for row in rows), indexing=indexing)
    assert isinstance(grids, tuple) and len(grids) == len(sizes)
    for grid, want in zip(grids, numpy.meshgrid(*rows, indexing=indexing)):
        same(grid, want)


@fact("torch.meshgrid", myth="the default of meshgrid is that of NumPy", hint="indexing='xy'")
@pytest.mark.filterwarnings("ignore:torch.meshgrid. in an upcoming release")
def test_grid_is_of_rows_first_unless_told(device):
    """`meshgrid` without `indexing` gives grids in the order 'ij', where NumPy's are in the order 'xy'."""
    x, y = torch.meshgrid(torch.tensor([1, 2], device=device), torch.tensor([3, 4, 5], device=device))
    same(x, torch.tensor([[1, 1, 1], [2, 2, 2]]))
    same(y, torch.tensor([[3, 4, 5], [3, 4, 5]]))


def silent(patch):
    """A grid is made without a warning, whatever is left out."""
    original = torch.meshgrid
    patch.setattr(torch, "meshgrid", lambda *rows, indexing="ij": original(*rows, indexing=indexing))


@fact("torch.meshgrid", refuter=silent)
def test_grid_without_an_order_warns(device, every_warning):
    """`meshgrid` warns that `indexing` is to be given, once it is left out."""
    with pytest.warns(UserWarning, match="it will be required to pass the indexing argument"):
        torch.meshgrid(torch.ones(2, device=device))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (grid,) = torch.meshgrid(torch.ones(2, device=device), indexing="ij")
    same(grid, torch.ones(2))


@fact("torch.meshgrid")
@indexing
def test_grid_is_a_view(device, indexing):
    """The grids of `meshgrid` share the memory of the coordinates: they are expanded."""
    row, column = torch.tensor([1.0, 2.0], device=device), torch.tensor([3.0, 4.0, 5.0], device=device)
    x, y = torch.meshgrid(row, column, indexing=indexing)
    row[0], column[0] = 9.0, 7.0
    assert (x[0, 0], y[0, 0]) == (9.0, 7.0)
    assert 0 in x.stride() and 0 in y.stride()


@fact("torch.meshgrid")
def test_grid_adds_up_its_gradient(device):
    """The gradient of `meshgrid` by a coordinate is the sum over the places where it stands."""
    row = torch.tensor([1.0, 2.0], device=device, requires_grad=True)
    column = torch.tensor([3.0, 4.0, 5.0], device=device, requires_grad=True)
    x, y = torch.meshgrid([row, column], indexing="ij")
    (x * torch.arange(6.0, device=device).view(2, 3) + y * 2).sum().backward()
    same(row.grad, torch.tensor([3.0, 12.0]))
    same(column.grad, torch.tensor([4.0, 4.0, 4.0]))


@fact("torch.meshgrid")
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda x: torch.meshgrid(x, x, indexing="yx"), 'indexing must be one of "xy" or "ij", but received: yx'),
        (lambda x: torch.meshgrid(x[None], indexing="ij"), "Expected 0D or 1D tensor"),
        (lambda x: torch.meshgrid(x, x.double(), indexing="ij"), "all tensors to have the same dtype"),
    ],
    ids=["order", "matrix", "dtypes"],
)
def test_grid_of_other_things_is_refused(device, make, words):
    """`meshgrid` refuses another order than 'ij' and 'xy', tables of coordinates, and coordinates of two dtypes."""
    with pytest.raises(RuntimeError, match=words):
        make(torch.ones(2, device=device))


@fact("torch.meshgrid")
def test_grid_takes_a_number_for_a_row(device):
    """`meshgrid` takes a tensor of one number for a row of it."""
    x, y = torch.meshgrid(torch.tensor([1, 2], device=device), torch.tensor(5, device=device), indexing="ij")
    same(torch.stack([x, y]), torch.tensor([[[1], [2]], [[5], [5]]]))
