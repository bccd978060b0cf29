"""`expand` and `expand_as`, which repeat without memory, and `repeat`, which copies."""

import numpy
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from torchproof import fact, same
from torchproof.fixtures.strategies import shapes

IN_PLACE = {
    "add_": lambda x: x.add_(1),
    "+=": lambda x: x.__iadd__(1),
    "mul_": lambda x: x.mul_(2),
    "exp_": lambda x: x.exp_(),
    "clamp_": lambda x: x.clamp_(1),
    "relu_": lambda x: x.relu_(),
    "copy_": lambda x: x.copy_(torch.ones(2, 3, device=x.device)),
    "uniform_": lambda x: x.uniform_(),
    "assignment": lambda x: x.__setitem__(slice(None), torch.ones(2, 3, device=x.device)),
    "out": lambda x: torch.add(torch.ones(2, 3, device=x.device), 1, out=x),
}


WAYS = {"expand": lambda x: x.expand(2, 3), "expand_as": lambda x: x.expand_as(torch.zeros(2, 3, device=x.device))}


@st.composite
def expansions(draw):
    """A shape, and a larger one that it expands to."""
    want = draw(shapes(min_side=1, max_side=3))
    kept = want[draw(st.integers(0, len(want))) :]
    return tuple(draw(st.sampled_from([1, size])) for size in kept), want


@fact("torch.Tensor.expand")
@given(case=expansions())
@example(case=((3, 1), (2, 3, 4)))
@example(case=((), (2,)))
def test_repeats_values_as_numpy_broadcasts(case, device):
    """`expand` repeats a tensor along its dimensions of size 1 and along new leading ones."""
    shape, want = case
    x = numpy.arange(numpy.prod(shape, dtype=int)).reshape(shape)
    same(torch.from_numpy(x).to(device).expand(want), numpy.broadcast_to(x, want).copy())


@fact("torch.Tensor.expand")
@given(case=expansions())
@example(case=((3, 1), (2, 3, 4)))
def test_gives_expanded_dimensions_stride_zero(case, device):
    """`expand` gives stride 0 to what it makes larger."""
    shape, want = case
    y = torch.zeros(shape, device=device).expand(want)
    before = (1,) * (len(want) - len(shape)) + shape
    expanded = [dim for dim, (was, size) in enumerate(zip(before, want)) if was != size]
    assert [y.stride(dim) for dim in expanded] == [0] * len(expanded)


@fact("torch.Tensor.expand")
def test_needs_no_memory(device):
    """`expand` to a million rows leaves the storage at the size of one row."""
    y = torch.zeros(3, dtype=torch.float32, device=device).expand(1_000_000, 3)
    assert (y.shape, y.untyped_storage().nbytes()) == ((1_000_000, 3), 12)


@fact("torch.Tensor.expand", "torch.Tensor.expand_as")
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_shows_a_write_in_every_row(way, device):
    """A write to a tensor is seen in every row of what `expand` or `expand_as` gave."""
    x = torch.arange(3, device=device)
    y = way(x)
    x[1] = 9
    same(y, numpy.array([[0, 9, 2], [0, 9, 2]]))


@fact("torch.Tensor.expand", hint="clone the tensor before writing to it")
def test_shows_a_write_to_one_element_in_every_row(device):
    """A write to one element of `x.expand(2, 3)` changes it in every row."""
    y = torch.arange(3, device=device).expand(2, 3)
    y[0, 1] = 9
    same(y, numpy.array([[0, 9, 2], [0, 9, 2]]))


@fact("torch.Tensor.expand", hint="clone the tensor before writing to it")
@pytest.mark.parametrize("write", IN_PLACE.values(), ids=IN_PLACE)
def test_is_not_written_as_a_whole(write, device):
    """Writing to all of `x.expand(2, 3)` is refused: more than one element … refers to a single memory location."""
    with pytest.raises(
        RuntimeError, match="more than one element of the written-to tensor refers to a single memory location"
    ):
        write(torch.zeros(3, device=device).expand(2, 3))


@fact("torch.Tensor.expand")
def test_that_was_cloned_is_written_as_a_whole(device):
    """`x.expand(2, 3).clone()` takes in-place operations, which `x` does not see."""
    x = torch.zeros(3, dtype=torch.int64, device=device)
    same(x.expand(2, 3).clone().add_(1), numpy.ones((2, 3), dtype="int64"))
    same(x, numpy.zeros(3, dtype="int64"))


@fact("torch.Tensor.expand")
def test_to_the_same_shape_is_written_as_a_whole(device):
    """`x.expand(2, 3)` of an `x` of that shape takes in-place operations, which `x` sees."""
    x = torch.zeros(2, 3, dtype=torch.int64, device=device)
    x.expand(2, 3).add_(1)
    same(x, numpy.ones((2, 3), dtype="int64"))


@fact("torch.Tensor.expand")
def test_keeps_a_size_said_as_minus_one(device):
    """A size of -1 in `expand` keeps the size that the dimension has."""
    assert torch.zeros(3, 1, device=device).expand(2, -1, 4).shape == (2, 3, 4)


@fact("torch.Tensor.expand")
def test_refuses_minus_one_for_a_new_dimension(device):
    """`expand` refuses -1 for a new dimension: it "isn't allowed in a leading, non-existing dimension"."""
    with pytest.raises(RuntimeError, match="isn't allowed in a leading, non-existing dimension"):
        torch.zeros(3, device=device).expand(-1, 3)


@fact("torch.Tensor.expand")
@pytest.mark.parametrize("shape", [(2, 4), (2, 6), (2, 1), (2, 0)])
def test_refuses_to_change_a_size_above_one(shape, device):
    """`expand` refuses another size for one that is not 1, multiples included: "must match the existing size"."""
    with pytest.raises(RuntimeError, match="must match the existing size"):
        torch.zeros(2, 3, device=device).expand(shape)


@fact("torch.Tensor.expand")
def test_refuses_fewer_dimensions(device):
    """`expand` to fewer dimensions is refused: "must be greater or equal to the number of dimensions"."""
    with pytest.raises(RuntimeError, match="must be greater or equal to the number of dimensions"):
        torch.zeros(1, 3, device=device).expand(3)


@fact("torch.Tensor.expand")
def test_to_zero_elements_is_given(device):
    """`expand` takes a dimension of size 1 to size 0."""
    assert torch.zeros(1, 3, device=device).expand(0, 3).shape == (0, 3)


@fact("torch.Tensor.expand_as")
def test_as_takes_the_shape_of_the_other(device):
    """`x.expand_as(y)` expands `x` to the shape of `y` with stride 0, without a copy."""
    x, y = torch.tensor([0.5, -1, 2], device=device), torch.zeros(2, 3, dtype=torch.int64, device=device)
    same(x.expand_as(y), numpy.array([[0.5, -1, 2], [0.5, -1, 2]], dtype="float32"))
    assert x.expand_as(y).stride() == (0, 1)


@fact("torch.Tensor.expand")
def test_sums_the_gradient_over_what_it_repeated(device):
    """The gradient of `expand` is the sum over the copies of each element."""
    x = torch.zeros(3, 1, device=device, requires_grad=True)
    x.expand(3, 2).backward(torch.tensor([[1.0, 2], [3, 4], [5, 6]], device=device))
    same(x.grad, numpy.array([[3], [7], [11]], dtype="float32"))


@fact("torch.Tensor.repeat", myth="repeat and expand differ only in how the sizes are said")
def test_by_repeat_is_a_copy(device):
    """`repeat` copies: a later write to its source is not seen in what it gave."""
    x = torch.arange(3, device=device)
    y = x.repeat(2, 1)
    x[1] = 9
    same(y, numpy.array([[0, 1, 2], [0, 1, 2]]))


@fact("torch.Tensor.repeat")
@pytest.mark.parametrize("times", [(2,), (2, 3), (1, 2, 2), (0,)])
def test_by_repeat_lays_copies_side_by_side(times, device):
    """`repeat` lays copies of a vector side by side in a contiguous tensor, as NumPy's `tile` does."""
    x = numpy.array([0.5, -1, 2], dtype="float32")
    y = torch.from_numpy(x).to(device).repeat(times)
    same(y, numpy.tile(x, times))
    assert y.is_contiguous()
