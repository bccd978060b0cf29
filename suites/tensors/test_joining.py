"""Tensors joined, by `cat`, `stack`, `vstack`, `hstack`, `dstack` or `column_stack`, and the grids of `meshgrid`."""

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
    """`vstack`, `hstack`, `dstack` and `column_stack` give what NumPy's give, in a contiguous copy."""
    parts = [numpy.arange(i, i + numpy.prod(shape, dtype=int)).reshape(shape).astype(dtype) for i in (0, 5, 9)]
    tensors = [torch.tensor(part, device=device) for part in parts]
    y = getattr(torch, name)(tensors)
    same(y, STACKS[name](parts))
    assert y.is_contiguous() and (not shape or not shares(y, tensors[0]))


@fact(*SUBJECTS)
@stacks
def test_of_one_tensor_is_a_copy(device, name):
    """`vstack`, `hstack`, `dstack` and `column_stack` of a single cube give a copy of it."""
    x = torch.tensor([[[1.5, 2.5]]], device=device)
    y = getattr(torch, name)((x,))
    same(y, x)
    assert not shares(y, x)


@fact(*SUBJECTS)
@stacks
def test_hands_its_gradient_to_the_parts(device, name):
    """`vstack`, `hstack`, `dstack` and `column_stack` hand each part its gradient, a transposed part too."""
    first, second = (torch.tensor([[1.5, 2.5], [3.5, 4.5]], device=device, requires_grad=True) for _ in range(2))
    places = [numpy.arange(4.0, dtype="float32").reshape(2, 2), numpy.arange(4.0, 8, dtype="float32").reshape(2, 2)]
    getattr(torch, name)([first, second.t()]).backward(torch.tensor(STACKS[name](places), device=device))
    same(first.grad, places[0])
    same(second.grad, places[1].T)


@fact(*SUBJECTS)
@stacks
def test_promotes_its_parts(device, name):
    """`vstack`, `hstack`, `dstack` and `column_stack` of two dtypes have the one that these promote to."""
    parts = [numpy.array([[1, 2]]), numpy.array([[0.5, 1.5]])]
    same(getattr(torch, name)([torch.tensor(part, device=device) for part in parts]), STACKS[name](parts))


@fact(*SUBJECTS)
@stacks
def test_of_unlike_sizes_is_refused(device, name):
    """`vstack`, `hstack` and others refuse parts of other sizes: Sizes of tensors must match except in dimension."""
    parts = [torch.zeros(2, 3, 2, device=device), torch.zeros(3, 2, 3, device=device)]
    with pytest.raises(RuntimeError, match="Sizes of tensors must match except in dimension"):
        getattr(torch, name)(parts)


@fact(*SUBJECTS)
@stacks
def test_of_nothing_is_refused(name):
    """`vstack`, `hstack`, `dstack` and `column_stack` of no tensor are refused: expects a non-empty TensorList."""
    with pytest.raises(RuntimeError, match="expects a non-empty TensorList"):
        getattr(torch, name)([])


@fact(*SUBJECTS)
@stacks
def test_writes_to_out(device, name):
    """`vstack`, `hstack`, `dstack` and `column_stack` write to `out`, which they return."""
    parts = [numpy.array([[1.5, 2.5]]), numpy.array([[3.5, 4.5]])]
    want = STACKS[name](parts)
    out = torch.zeros(want.shape, dtype=torch.float64, device=device)
    assert getattr(torch, name)([torch.tensor(part, device=device) for part in parts], out=out) is out
    same(out, want)


# --- cat and stack

JOINED = {"stack": numpy.stack, "cat": numpy.concatenate}


@fact("torch.stack", "torch.cat")
@pytest.mark.parametrize("dim", [0, 1, -1])
@pytest.mark.parametrize("join", JOINED)
def test_by_cat_or_stack_is_that_of_numpy(device, join, dim):
    """`stack` joins along a new dimension and `cat` along one that is there, as NumPy's `stack` and `concatenate`."""
    parts = [numpy.arange(6.0).reshape(2, 3), numpy.arange(6.0, 12).reshape(2, 3)]
    same(getattr(torch, join)([torch.tensor(part, device=device) for part in parts], dim), JOINED[join](parts, dim))


@fact("torch.stack", "torch.cat", myth="cat and stack keep the memory of their parts")
@pytest.mark.parametrize("join", ["stack", "cat"])
def test_by_cat_or_stack_is_a_copy(device, join):
    """`torch.cat` and `stack` give a copy, of a single tensor too: a later write into a part is not seen in it."""
    part = torch.tensor([1.0, 2.0], device=device)
    y = getattr(torch, join)([part])
    assert not shares(part, y)
    same(y.flatten(), part)


@fact("torch.stack", "torch.cat")
def test_by_stack_adds_a_dimension(device):
    """`torch.stack` of three rows of two has the shape (3, 2), where `cat` has (6,)."""
    rows = [torch.tensor([1, 2], device=device)] * 3
    same(torch.stack(rows), torch.tensor([[1, 2], [1, 2], [1, 2]]))
    same(torch.cat(rows), torch.tensor([1, 2, 1, 2, 1, 2]))


@fact("torch.stack")
@pytest.mark.parametrize("shape", [(2, 1), (1, 3), (3,), (0,)], ids=str)
def test_by_stack_does_not_broadcast(device, shape):
    """`torch.stack` takes tensors of equal shapes only: "stack expects each tensor to be equal size"."""
    with pytest.raises(RuntimeError, match="stack expects each tensor to be equal size"):
        torch.stack([torch.ones(2, 3, device=device), torch.ones(shape, device=device)])
    same(torch.stack([torch.ones(2, 3, device=device)] * 2), torch.ones(2, 2, 3))


@fact("torch.cat")
def test_by_cat_may_differ_along_its_dimension(device):
    """`torch.cat` takes parts of other sizes along `dim` only: Sizes of tensors must match except in dimension 0."""
    wide, narrow = torch.ones(2, 3, device=device), torch.zeros(2, 1, device=device)
    same(torch.cat([wide, narrow], 1), torch.tensor([[1.0, 1.0, 1.0, 0.0]] * 2))
    with pytest.raises(RuntimeError, match="Sizes of tensors must match except in dimension 0"):
        torch.cat([wide, narrow], 0)


@fact("torch.cat")
def test_by_cat_passes_over_an_empty_row(device):
    """`torch.cat` passes over a tensor of shape (0,), whatever the shape of the others."""
    x = torch.tensor([[1.0, 2.0]], device=device)
    same(torch.cat([torch.empty(0, device=device), x]), torch.tensor([[1.0, 2.0]]))


@fact("torch.cat", "torch.stack", hint="torch.stack(losses)")
def test_by_cat_takes_no_single_numbers(device):
    """`torch.cat` of tensors without dimensions raises "zero-dimensional tensor", `stack` makes a vector of them."""
    numbers = [torch.tensor(1.0, device=device), torch.tensor(2.0, device=device)]
    with pytest.raises(RuntimeError, match="zero-dimensional tensor .* cannot be concatenated"):
        torch.cat(numbers)
    same(torch.stack(numbers), torch.tensor([1.0, 2.0]))


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
    """`meshgrid` without `indexing` gives grids in the order 'ij', rows first."""
    x, y = torch.meshgrid(torch.tensor([1, 2], device=device), torch.tensor([3, 4, 5], device=device))
    same(x, torch.tensor([[1, 1, 1], [2, 2, 2]]))
    same(y, torch.tensor([[3, 4, 5], [3, 4, 5]]))


def silent(patch):
    """A grid is made without a warning, whatever is left out."""
    original = torch.meshgrid
    patch.setattr(torch, "meshgrid", lambda *rows, indexing="ij": original(*rows, indexing=indexing))


@fact("torch.meshgrid", refuter=silent)
def test_grid_without_an_order_warns(device, every_warning):
    """`meshgrid` warns only without `indexing`: it will be required to pass the indexing argument."""
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
