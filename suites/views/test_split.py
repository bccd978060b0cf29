"""Parts that lie one after another: `tensor_split`, `split_with_sizes`, `hsplit`, `vsplit`, `dsplit` and others."""

import numpy
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from torchproof import fact, same
from torchproof.fixtures.checks import shares

ARRAY = numpy.arange(24.0).reshape(4, 6) + 0.5
CUBE = ARRAY.reshape(2, 3, 4)
DIRECTED = {"hsplit": numpy.hsplit, "vsplit": numpy.vsplit, "dsplit": numpy.dsplit}
# Each way to split a table into two parts of two rows.
HALVED = {
    "tensor_split": lambda x: torch.tensor_split(x, 2),
    "split_with_sizes": lambda x: torch.split_with_sizes(x, [2, 2]),
    "vsplit": lambda x: torch.vsplit(x, 2),
    "hsplit": lambda x: torch.hsplit(x.t(), 2),
    "dsplit": lambda x: torch.dsplit(x.t()[None], 2),
    "unsafe_chunk": lambda x: torch.unsafe_chunk(x, 2),
    "unsafe_split": lambda x: torch.unsafe_split(x, 2),
}
SUBJECTS = [f"torch.{name}" for name in HALVED]
halved = pytest.mark.parametrize("name", HALVED)


@fact("torch.tensor_split")
@given(parts=st.integers(1, 9), dim=st.sampled_from([0, 1, -1, -2]))
@example(parts=4, dim=1)
@example(parts=7, dim=0)
def test_in_number_is_that_of_numpy(device, parts, dim):
    """`tensor_split` into n parts makes the first ones longer by one where n does not divide, as `array_split`."""
    wanted = numpy.array_split(ARRAY, parts, axis=dim)
    got = torch.tensor_split(torch.tensor(ARRAY, device=device), parts, dim=dim)
    assert isinstance(got, tuple) and len(got) == parts
    for part, want in zip(got, wanted):
        same(part, want)


@fact("torch.tensor_split")
@pytest.mark.parametrize("places", [(1,), (1, 3), (2, 2, 9), (3, 1), (-1,), ()], ids=str)
@pytest.mark.parametrize("kind", [tuple, list, torch.tensor], ids=["tuple", "list", "tensor"])
def test_at_places_is_that_of_numpy(device, places, kind):
    """`tensor_split` at positions gives the slices between them: empty ones beyond the end or where they fall."""
    given_as = kind(places) if kind is not torch.tensor else torch.tensor(places, dtype=torch.int64)
    got = torch.tensor_split(torch.tensor(ARRAY, device=device), given_as, dim=1)
    assert len(got) == len(places) + 1
    for part, want in zip(got, numpy.array_split(ARRAY, list(places), axis=1)):
        same(part, want)


@fact("torch.split_with_sizes")
@pytest.mark.parametrize("sizes", [[1, 3, 2], [6], [0, 6, 0], [2, 4]], ids=str)
@pytest.mark.parametrize("dim", [1, -1])
def test_with_sizes_has_these_sizes(device, sizes, dim):
    """`split_with_sizes` gives parts of the sizes that it is told."""
    got = torch.split_with_sizes(torch.tensor(ARRAY, device=device), sizes, dim=dim)
    assert isinstance(got, tuple) and len(got) == len(sizes)
    for part, want in zip(got, numpy.split(ARRAY, numpy.cumsum(sizes)[:-1], axis=1)):
        same(part, want)


@fact("torch.hsplit", "torch.vsplit", "torch.dsplit")
@pytest.mark.parametrize(
    ("name", "parts"),
    [("hsplit", 3), ("hsplit", [1, 2]), ("vsplit", 2), ("vsplit", (1,)), ("dsplit", 2), ("dsplit", [1, 3])],
    ids=str,
)
def test_in_a_direction_is_that_of_numpy(device, name, parts):
    """`hsplit`, `vsplit` and `dsplit` split the second, first and third dimension, as NumPy does."""
    got, wanted = getattr(torch, name)(torch.tensor(CUBE, device=device), parts), DIRECTED[name](CUBE, parts)
    assert len(got) == len(wanted)
    for part, want in zip(got, wanted):
        same(part, want)


@fact("torch.hsplit")
@pytest.mark.parametrize("parts", [2, [1, 2]], ids=str)
def test_in_width_of_a_row_is_along_it(device, parts):
    """`hsplit` of a vector splits it along its only dimension."""
    got, wanted = torch.hsplit(torch.tensor(ARRAY[0], device=device), parts), numpy.hsplit(ARRAY[0], parts)
    assert len(got) == len(wanted)
    for part, want in zip(got, wanted):
        same(part, want)


@fact(*SUBJECTS)
@halved
def test_shares_memory(device, name):
    """Parts by `tensor_split`, `split_with_sizes`, `hsplit` and others are views with the tensor's strides."""
    x = torch.tensor(ARRAY, device=device)
    first, second = HALVED[name](x)
    assert shares(first, x) and shares(second, x)
    assert (first.stride(), first.storage_offset(), second.storage_offset()) == (
        {"hsplit": (1, 6), "dsplit": (6, 1, 6)}.get(name, (6, 1)),
        0,
        12,
    )


@fact(*SUBJECTS)
@halved
def test_hands_the_gradient_of_each_part_back(device, name):
    """The gradient of a part by `tensor_split`, `hsplit`, `vsplit` or others is zero outside of that part."""
    x = torch.tensor(ARRAY, device=device, requires_grad=True)
    first, second = HALVED[name](x)
    weights = torch.arange(1.0, 13, dtype=torch.float64, device=device).view(2, 6)
    (second * (weights if name[0] not in "hd" else weights.t())).sum().backward()
    same(x.grad, torch.cat([torch.zeros(2, 6), torch.arange(1.0, 13).view(2, 6)]).double())
    same(first, ARRAY[:2] if name[0] not in "hd" else ARRAY[:2].T if name == "hsplit" else ARRAY[:2].T[None])


@fact("torch.unsafe_chunk", "torch.unsafe_split")
@pytest.mark.parametrize("name", ["unsafe_split", "unsafe_chunk"])
def test_that_is_unsafe_is_changed_in_place(device, name):
    """Parts by `unsafe_split` and `unsafe_chunk` may be changed in place under autograd, by `split` or `chunk` not."""
    x = torch.arange(1.0, 5.0, device=device, requires_grad=True)
    first, second = getattr(torch, name)(x.clone(), 2)
    first.mul_(3).sum().backward()
    same(x.grad, torch.tensor([3.0, 3.0, 0.0, 0.0]))
    same(second, torch.tensor([3.0, 4.0]))
    with pytest.raises(RuntimeError, match="is a view and is being modified inplace"):
        getattr(torch, name.removeprefix("unsafe_"))(x.clone(), 2)[0].mul_(3)


@fact("torch.unsafe_chunk", "torch.unsafe_split")
@pytest.mark.parametrize(
    ("name", "count", "sizes"),
    [
        ("unsafe_split", 4, [4, 2]),
        ("unsafe_split", 6, [6]),
        ("unsafe_chunk", 4, [2, 2, 2]),
        ("unsafe_chunk", 9, [1] * 6),
    ],
    ids=str,
)
def test_that_is_unsafe_has_the_sizes_of_the_safe_one(device, name, count, sizes):
    """`unsafe_split` takes the size of a part, and `unsafe_chunk` the number of parts, of which there may be fewer."""
    parts = getattr(torch, name)(torch.tensor(ARRAY, device=device), count, 1)
    assert len(parts) == len(sizes)
    for part, want in zip(parts, numpy.split(ARRAY, numpy.cumsum(sizes)[:-1], axis=1)):
        same(part, want)


REFUSED = {
    "tensor_split of none": (lambda x: torch.tensor_split(x, 0), "number of sections must be larger than 0"),
    "tensor_split of a number": (lambda x: torch.tensor_split(x[0, 0], 2), "at least a 1-dimensional tensor"),
    "split_with_sizes of less": (lambda x: torch.split_with_sizes(x, [1, 2]), "to sum exactly to 4"),
    "split_with_sizes below zero": (lambda x: torch.split_with_sizes(x, [5, -1]), "only non-negative"),
    "hsplit in fours": (lambda x: torch.hsplit(x, 4), "is not divisible by the split_size 4"),
    "hsplit of a number": (lambda x: torch.hsplit(x[0, 0], 1), "at least 1 dimension"),
    "vsplit in threes": (lambda x: torch.vsplit(x, 3), "is not divisible by the split_size 3"),
    "vsplit of a row": (lambda x: torch.vsplit(x[0], 2), "at least 2 dimension"),
    "dsplit of a matrix": (lambda x: torch.dsplit(x, 2), "at least 3 dimension"),
}


@fact("torch.tensor_split", "torch.split_with_sizes", "torch.hsplit", "torch.vsplit", "torch.dsplit")
@pytest.mark.parametrize("name", REFUSED)
def test_that_does_not_come_out_is_refused(device, name):
    """`hsplit`, `tensor_split` and others refuse a split that is uneven, of no part, or of a missing dimension."""
    make, words = REFUSED[name]
    with pytest.raises(RuntimeError, match=words):
        make(torch.tensor(ARRAY, device=device))
