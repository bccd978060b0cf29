"""Functions of layers that are also under `torch`, and `torch.while_loop`; the layers have a topic of their own."""

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
    """`torch.avg_pool1d`, `torch.conv_transpose1d`, `torch.prelu` etc. give the layer's result, contiguous if x is."""
    act, want, slope = LAYERS[name]
    x = torch.tensor(SIGNAL, dtype=torch.float64, device=device, requires_grad=True)
    y = act(x)
    y.sum().backward()
    close(y, want, roundings=8, scale=8)
    close(x.grad, slope, roundings=8, scale=4)
    assert y.dtype == torch.float64 and y.is_contiguous()
    same(x, SIGNAL)


PAIR = numpy.array([[1.0, 2.0], [-0.5, 1.5]]), numpy.array([[0.5, -1.0, 2.0], [1.0, 3.0, 0.25]])
MATRICES, BIAS = numpy.arange(24.0).reshape(4, 2, 3) / 4 - 2, numpy.array([0.5, 1.0, -1.0, 2.0])


@fact("torch.bilinear")
def test_bilinear_is_a_form_of_two(device):
    """`torch.bilinear` gives for each pair of rows what each matrix makes of them, plus a bias, contiguous."""
    y = torch.bilinear(*(torch.tensor(each, device=device) for each in (*PAIR, MATRICES, BIAS)))
    close(y, numpy.einsum("ni,kij,nj->nk", PAIR[0], MATRICES, PAIR[1]) + BIAS, roundings=16, scale=32)
    assert y.is_contiguous()


@fact("torch.bilinear")
def test_bilinear_has_the_other_row_in_its_gradient(device):
    """The gradient of `torch.bilinear` by one row is the other row times the matrices, added up."""
    x = torch.tensor(PAIR[0], device=device, requires_grad=True)
    torch.bilinear(x, *(torch.tensor(each, device=device) for each in (PAIR[1], MATRICES, BIAS))).sum().backward()
    close(x.grad, numpy.einsum("kij,nj->ni", MATRICES, PAIR[1]), roundings=16, scale=32)


@fact("torch.while_loop")
@pytest.mark.slow
def test_loop_goes_on_while_it_is_told(device):
    """`torch.while_loop`, control flow as a function, calls its body with what it gave while the condition is true."""
    start = torch.tensor(0, device=device), torch.tensor([1.5, 2.5], device=device)
    count, x = torch.while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, x * 2), start)
    same(count, torch.tensor(3))
    same(x, torch.tensor([12.0, 20.0]))


@fact("torch.while_loop")
@pytest.mark.slow
def test_loop_that_never_begins_gives_its_start(device):
    """`torch.while_loop` of a condition that is false at once gives what it was given."""
    start = torch.tensor(0, device=device), torch.tensor([1.5, 2.5], device=device)
    same(torch.while_loop(lambda i, x: i > 3, lambda i, x: (i + 1, x * 2), start)[1], torch.tensor([1.5, 2.5]))
