"""Functions of layers that are also under `torch`, and functions of indices and segments that nothing else is like."""

import math

import numpy
import pytest
import torch

from torchproof import close, fact, same

SIGNAL = numpy.array([[[0.5, -1.0, 2.0, 3.5], [4.0, 1.5, -2.5, 6.0]]])
KERNEL = numpy.array([[[1.0, -2.0]], [[0.5, 3.0]]])
# What each function makes of a signal, and its gradient where every result has weight one.
LAYERS = {
    "adaptive_avg_pool1d": (
        lambda x: torch.adaptive_avg_pool1d(x, 2),
        [[[-0.25, 2.75], [2.75, 1.75]]],
        [[[0.5] * 4, [0.5] * 4]],
    ),
    "avg_pool1d": (
        lambda x: torch.avg_pool1d(x, 3, stride=2, padding=1, count_include_pad=False),
        [[[-0.25, 1.5], [2.75, 5 / 3]]],
        [[[1 / 2, 1 / 2 + 1 / 3, 1 / 3, 1 / 3]] * 2],
    ),
    "conv_transpose1d": (
        lambda x: torch.conv_transpose1d(x, torch.tensor(KERNEL, device=x.device)),
        [[[2.5, 10.75, 7.25, -5.0, 11.0]]],
        [[[-1.0] * 4, [3.5] * 4]],
    ),
    "conv_transpose3d": (
        lambda x: torch.conv_transpose3d(x[:, :, None, None], torch.tensor(KERNEL[:, :, None, None], device=x.device))[
            :, :, 0, 0
        ],
        [[[2.5, 10.75, 7.25, -5.0, 11.0]]],
        [[[-1.0] * 4, [3.5] * 4]],
    ),
    "prelu": (
        lambda x: torch.prelu(x, torch.tensor([0.25, 0.5], dtype=x.dtype, device=x.device)),
        [[[0.5, -0.25, 2.0, 3.5], [4.0, 1.5, -1.25, 6.0]]],
        [[[1.0, 0.25, 1.0, 1.0], [1.0, 1.0, 0.5, 1.0]]],
    ),
}


@fact(*(f"torch.{name}" for name in LAYERS))
@pytest.mark.parametrize("name", LAYERS)
def test_is_a_layer(device, name):
    """`avg_pool1d`, `conv_transpose1d`, `prelu` and others are under `torch` what they are in `nn.functional`."""
    act, want, slope = LAYERS[name]
    x = torch.tensor(SIGNAL, dtype=torch.float64, device=device, requires_grad=True)
    y = act(x)
    y.sum().backward()
    close(y, want, roundings=8, scale=8)
    close(x.grad, slope, roundings=8, scale=4)
    assert y.dtype == torch.float64 and y.is_contiguous()
    same(x, SIGNAL)


@fact("torch.bilinear")
def test_bilinear_is_a_form_of_two(device):
    """`bilinear` gives for each pair of rows what each matrix makes of them, with a bias for each."""
    a, b = numpy.array([[1.0, 2.0], [-0.5, 1.5]]), numpy.array([[0.5, -1.0, 2.0], [1.0, 3.0, 0.25]])
    matrices, bias = numpy.arange(24.0).reshape(4, 2, 3) / 4 - 2, numpy.array([0.5, 1.0, -1.0, 2.0])
    x = torch.tensor(a, device=device, requires_grad=True)
    y = torch.bilinear(x, *(torch.tensor(each, device=device) for each in (b, matrices, bias)))
    close(y, numpy.einsum("ni,kij,nj->nk", a, matrices, b) + bias, roundings=16, scale=32)
    y.sum().backward()
    close(x.grad, numpy.einsum("kij,nj->ni", matrices, b), roundings=16, scale=32)
    assert y.is_contiguous()


SEGMENTS = numpy.array([1.5, 2.0, -3.0, 4.0, 0.5])
REDUCED = {
    "sum": ([3.5, 0.0, 1.5], [1, 1, 3, 3, 3]),
    "mean": ([1.75, math.nan, 0.5], [0.5, 0.5, 1, 1, 1]),
    "max": ([2.0, -math.inf, 4.0], [0, 1, 0, 3, 0]),
    "min": ([1.5, math.inf, -3.0], [1, 0, 3, 0, 0]),
    "prod": ([3.0, 1.0, -6.0], [2, 1.5, 6, -4.5, -36]),
}


@fact("torch.segment_reduce")
@pytest.mark.parametrize("reduce", REDUCED)
@pytest.mark.parametrize("by", [{"lengths": [2, 0, 3]}, {"offsets": [0, 2, 2, 5]}], ids=["lengths", "offsets"])
def test_segments_are_reduced_one_by_one(device, reduce, by):
    """`segment_reduce` reduces each part of a row, told by lengths or offsets, and hands its gradient back."""
    x = torch.tensor(SEGMENTS, device=device, requires_grad=True)
    y = torch.segment_reduce(x, reduce, **{name: torch.tensor(each, device=device) for name, each in by.items()})
    same(y, torch.tensor(REDUCED[reduce][0], dtype=torch.float64))
    y.backward(torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64, device=device))
    close(x.grad, numpy.array(REDUCED[reduce][1], "float64"), roundings=4)
    assert y.is_contiguous()


@fact("torch.segment_reduce")
def test_segments_start_with_what_is_told(device):
    """`segment_reduce` starts with `initial` where it is given, which is all that an empty segment has."""
    x, lengths = torch.tensor(SEGMENTS, device=device), torch.tensor([2, 0, 3], device=device)
    y = torch.segment_reduce(x, "prod", lengths=lengths, initial=10)
    same(y, torch.tensor([30.0, 10.0, -60.0], dtype=torch.float64))


@fact("torch.segment_reduce")
@pytest.mark.parametrize(
    ("reduce", "lengths", "words"),
    [("sum", [2, 2], "to sum to data.size"), ("median", [2, 3], "reduce argument must be either")],
    ids=["lengths", "reduce"],
)
def test_segments_cover_the_row(device, reduce, lengths, words):
    """`segment_reduce` refuses lengths that do not add up to the row, and a reduction that it does not know."""
    with pytest.raises(RuntimeError, match=words):
        torch.segment_reduce(
            torch.tensor(SEGMENTS, device=device), reduce, lengths=torch.tensor(lengths, device=device)
        )


@fact("torch.nonzero_static")
@pytest.mark.parametrize(("size", "want"), [(3, [[0, 1], [1, 0], [1, 2]]), (1, [[0, 1]])], ids=["all", "one"])
def test_nonzero_of_a_fixed_number_is_cut(size, want):
    """`nonzero_static` gives the places of the first so many elements that are not zero."""
    x = torch.tensor([[0, 2, 0], [3, 0, -1]])
    y = torch.nonzero_static(x, size=size)
    same(y, torch.tensor(want, dtype=torch.int64))
    assert y.is_contiguous()


@fact("torch.nonzero_static")
def test_nonzero_of_a_fixed_number_is_filled_up():
    """`nonzero_static` fills up with `fill_value`, -1 unless told, where there are fewer."""
    x = torch.tensor([0.0, 1.5, 0.0])
    same(torch.nonzero_static(x, size=3), torch.tensor([[1], [-1], [-1]]))
    same(torch.nonzero_static(x, size=2, fill_value=7), torch.tensor([[1], [7]]))


@fact("torch.while_loop")
@pytest.mark.slow
def test_loop_goes_on_while_it_is_told(device):
    """`while_loop` calls its body with what the body gave, as long as the condition is true, or never."""
    start = torch.tensor(0, device=device), torch.tensor([1.5, 2.5], device=device)
    count, x = torch.while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, x * 2), start)
    same(count, torch.tensor(3))
    same(x, torch.tensor([12.0, 20.0]))
    assert x.is_contiguous()
    same(torch.while_loop(lambda i, x: i > 3, lambda i, x: (i + 1, x * 2), start)[1], torch.tensor([1.5, 2.5]))
