"""Layers of dropout, in training and in evaluation; the functions are in functional.dropout."""

import math

import pytest
import torch
from torch import nn

from torchproof import close, fact, same
from torchproof.fixtures.checks import shares

PLAIN = ["Dropout", "Dropout1d", "Dropout2d", "Dropout3d"]
ALPHA = ["AlphaDropout", "FeatureAlphaDropout"]
DROPOUTS = PLAIN + ALPHA
SHAPES = {"Dropout2d": (2, 3, 4, 1), "Dropout3d": (2, 3, 4, 1, 1)}
CHANNELS = {"Dropout1d": (20, 10, 3), "Dropout2d": (20, 10, 2, 3), "Dropout3d": (20, 10, 2, 1, 3)}
FLOOR = -1.7580993408473766  # what SELU tends to: minus its scale times its alpha


@fact(*(f"torch.nn.{kind}" for kind in DROPOUTS), claims=["M07"])
@pytest.mark.parametrize("kind", DROPOUTS)
def test_is_the_identity_in_evaluation(device, kind):
    """`Dropout`, `AlphaDropout` and the like in evaluation mode, `eval()`, give the values of their input."""
    x = torch.arange(24.0, device=device).reshape(SHAPES.get(kind, (2, 3, 4)))
    same(getattr(nn, kind)(0.9).eval()(x), torch.arange(24.0).reshape(x.shape))


@fact(*(f"torch.nn.{kind}" for kind in DROPOUTS))
@pytest.mark.parametrize("kind", DROPOUTS)
def test_passes_gradients_on_in_evaluation(device, kind):
    """`Dropout`, `AlphaDropout` and the like in evaluation mode, `eval()`, pass gradients on as they are."""
    x = torch.ones(SHAPES.get(kind, (2, 3, 4)), device=device, requires_grad=True)
    grad = torch.arange(24.0, device=device).reshape(x.shape)
    getattr(nn, kind)(0.9).eval()(x).backward(grad)
    same(x.grad, torch.arange(24.0).reshape(x.shape))


@fact(*(f"torch.nn.{kind}" for kind in PLAIN), myth="a layer's result never shares memory with its input")
@pytest.mark.parametrize("kind", PLAIN)
def test_gives_the_memory_of_its_input_in_evaluation(device, kind):
    """`Dropout`, `Dropout2d` and the like in evaluation mode copy nothing: their result shares their input's memory."""
    x = torch.arange(24.0, device=device).reshape(SHAPES.get(kind, (2, 3, 4)))
    y = getattr(nn, kind)().eval()(x)
    assert shares(x, y)
    same(y.flatten(), torch.arange(24.0))


@fact(*(f"torch.nn.{kind}" for kind in PLAIN))
@pytest.mark.parametrize("kind", PLAIN)
def test_scales_what_it_keeps_so_that_the_mean_stays(device, kind):
    """`Dropout`, `Dropout2d` and the like make what they keep 1 / (1 - p) times as large, and the rest zero."""
    y = getattr(nn, kind)(0.75)(torch.full(CHANNELS.get(kind, (20, 10, 3)), 3.0, device=device))
    same(y.unique(), torch.tensor([0.0, 12.0]))


@fact(*(f"torch.nn.{kind}" for kind in PLAIN))
@pytest.mark.parametrize("kind", PLAIN)
def test_scales_the_gradients_of_what_it_keeps(device, kind):
    """`Dropout`, `Dropout2d` and the like multiply gradients by 1 / (1 - p) where they keep, and by 0 elsewhere."""
    x = torch.full(CHANNELS.get(kind, (20, 10, 3)), 3.0, device=device, requires_grad=True)
    y = getattr(nn, kind)(0.75)(x)
    y.backward(torch.full(x.shape, 0.5, device=device))
    same(x.grad, torch.where(y == 0, 0.0, 2.0))


@fact(*(f"torch.nn.{kind}" for kind in CHANNELS), myth="Dropout2d drops single elements")
@pytest.mark.parametrize("kind", CHANNELS)
def test_of_channels_drops_whole_ones(device, kind):
    """`Dropout1d`, `Dropout2d` and `Dropout3d` keep or drop each channel of each sample as a whole."""
    y = getattr(nn, kind)(0.5)(torch.ones(CHANNELS[kind], device=device)).flatten(2)
    same(y, y[..., :1].expand(y.shape))
    assert set(y[..., 0].flatten().tolist()) == {0.0, 2.0}


@fact("torch.nn.Dropout1d")
def test_of_rows_takes_a_sample_without_a_batch(device):
    """`Dropout1d` takes a matrix as one sample, whose rows are the channels."""
    y = nn.Dropout1d(0.5)(torch.ones(50, 4, device=device))
    same(y, y[:, :1].expand(50, 4))
    assert set(y[:, 0].tolist()) == {0.0, 2.0}


@fact(*(f"torch.nn.{kind}" for kind in PLAIN))
@pytest.mark.parametrize("kind", PLAIN)
def test_drops_half_by_default(device, kind):
    """`Dropout`, `Dropout2d` and the like by default drop about one half, and double the rest."""
    y = getattr(nn, kind)()(torch.ones(40, 50, *SHAPES.get(kind, (2, 3, 1))[2:], device=device))
    kept = (y == 2).double().mean().item()
    assert abs(kept - 0.5) < 6 * math.sqrt(0.25 / 2000)
    same(y.unique(), torch.tensor([0.0, 2.0]))


@fact(*(f"torch.nn.{kind}" for kind in DROPOUTS))
@pytest.mark.parametrize("kind", DROPOUTS)
@pytest.mark.parametrize("p", [-0.1, 1.1])
def test_refuses_what_is_no_probability(kind, p):
    """`Dropout`, `AlphaDropout` and the like refuse, when made, a p that is not "between 0 and 1"."""
    with pytest.raises(ValueError, match="dropout probability has to be between 0 and 1"):
        getattr(nn, kind)(p)


@fact(*(f"torch.nn.{kind}" for kind in DROPOUTS))
@pytest.mark.parametrize("kind", DROPOUTS)
def test_keeps_all_with_a_probability_of_zero(device, kind):
    """`Dropout(0.0)`, `AlphaDropout(0.0)` and the like give values and strides of their input in training too."""
    x = torch.arange(24.0, device=device).reshape(SHAPES.get(kind, (2, 3, 4)))
    y = getattr(nn, kind)(0.0)(x)
    same(y, torch.arange(24.0).reshape(x.shape))
    assert y.stride() == x.stride()


@fact(*(f"torch.nn.{kind}" for kind in PLAIN))
@pytest.mark.parametrize("kind", PLAIN)
def test_drops_all_with_a_probability_of_one(device, kind):
    """`Dropout(1.0)`, `Dropout2d(1.0)` and the like give zeros."""
    shape = SHAPES.get(kind, (2, 3, 4))
    same(getattr(nn, kind)(1.0)(torch.full(shape, 7.0, device=device)), torch.zeros(shape))


@fact(*(f"torch.nn.{kind}" for kind in PLAIN))
@pytest.mark.parametrize("kind", PLAIN)
def test_writes_into_its_input_when_told(device, kind):
    """`Dropout(inplace=True)`, `Dropout2d(inplace=True)` and the like write into their input, and return it."""
    x = torch.ones(30, *SHAPES.get(kind, (2, 3, 4))[1:], device=device)
    y = getattr(nn, kind)(0.5, inplace=True)(x)
    assert y is x
    same(x.unique(), torch.tensor([0.0, 2.0]))


@fact(*(f"torch.nn.{kind}" for kind in ALPHA))
@pytest.mark.parametrize("kind", ALPHA)
def test_alpha_writes_into_its_input_when_told(device, kind):
    """`AlphaDropout` and `FeatureAlphaDropout` made with `inplace=True` write into their input, and return it."""
    x = torch.ones(30, 30, 1, device=device)
    is_its_input = getattr(nn, kind)(0.5, inplace=True)(x) is x
    assert (is_its_input, bool((x == 1).any())) == (True, False)


@fact("torch.nn.AlphaDropout", "torch.nn.FeatureAlphaDropout", myth="every dropout puts zeros")
@pytest.mark.parametrize("kind", ["AlphaDropout", "FeatureAlphaDropout"])
@pytest.mark.parametrize("p", [0.25, None], ids=str)
def test_alpha_puts_what_selu_tends_to(device, kind, p):
    """`AlphaDropout` and `FeatureAlphaDropout` put SELU's floor for what they drop, then scale and shift all."""
    q = 1 - (p or 0.5)
    scale = 1 / math.sqrt(q + q * (1 - q) * FLOOR**2)
    shift = -scale * (1 - q) * FLOOR
    x = torch.full((200, 4, 1, 1), 1.5, device=device, requires_grad=True)
    y = (getattr(nn, kind)(p) if p else getattr(nn, kind)())(x)
    y.sum().backward()
    kept = y > 0
    close(y[kept].unique().detach(), [scale * 1.5 + shift], roundings=16)
    close(y[~kept].unique().detach(), [scale * FLOOR + shift], roundings=16)
    close(x.grad, (kept * scale).cpu().numpy(), roundings=16)


@fact("torch.nn.FeatureAlphaDropout")
def test_feature_alpha_drops_whole_channels(device):
    """`FeatureAlphaDropout` keeps or drops each channel of each sample as a whole."""
    y = nn.FeatureAlphaDropout(0.5)(torch.ones(20, 10, 3, device=device))
    same(y, y[..., :1].expand(y.shape))
    assert len(y.unique()) == 2


@fact("torch.nn.Dropout", myth="a dropout layer always drops the share p exactly")
def test_draws_anew_at_each_call(device):
    """`Dropout` drops other elements, and another number of them, at each call."""
    layer, x = nn.Dropout(0.5), torch.ones(1000, device=device)
    draws = [layer(x) for _ in range(9)]
    assert len({draw.count_nonzero().item() for draw in draws}) > 1
    assert not torch.equal(draws[0], draws[1])


@fact("torch.nn.Dropout", source="notes/randomness")
def test_draws_the_same_after_the_same_seed(device):
    """`Dropout` drops the same elements again after the same `torch.manual_seed`."""
    layer, x = nn.Dropout(0.5), torch.ones(100, device=device)
    torch.manual_seed(5)
    first, other = layer(x), layer(x)
    torch.manual_seed(5)
    same(layer(x), first)
    assert not torch.equal(other, first)
