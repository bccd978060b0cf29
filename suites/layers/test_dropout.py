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
    """A dropout layer in evaluation mode gives its input as it is, and the gradient too."""
    x = torch.arange(24.0, device=device).reshape(SHAPES.get(kind, (2, 3, 4))).requires_grad_()
    y = getattr(nn, kind)(0.9).eval()(x)
    y.backward(x.detach())
    same(y, torch.arange(24.0).reshape(x.shape))
    same(x.grad, torch.arange(24.0).reshape(x.shape))
    assert y.stride() == x.stride()


@fact(*(f"torch.nn.{kind}" for kind in PLAIN), myth="a layer's result never shares memory with its input")
@pytest.mark.parametrize("kind", PLAIN)
def test_gives_the_memory_of_its_input_in_evaluation(device, kind):
    """A `Dropout` layer in evaluation mode copies nothing: a write into its result is seen in its input."""
    x = torch.arange(24.0, device=device).reshape(SHAPES.get(kind, (2, 3, 4)))
    y = getattr(nn, kind)().eval()(x)
    assert shares(x, y)
    same(y.flatten(), torch.arange(24.0))


@fact(*(f"torch.nn.{kind}" for kind in PLAIN))
@pytest.mark.parametrize("kind", PLAIN)
def test_scales_what_it_keeps_so_that_the_mean_stays(device, kind):
    """A dropout layer makes what it keeps 1 / (1 - p) times as large, values and gradients, and the rest zero."""
    shape = CHANNELS.get(kind, (20, 10, 3))
    x = torch.full(shape, 3.0, device=device, requires_grad=True)
    y = getattr(nn, kind)(0.75)(x)
    y.backward(torch.full(shape, 0.5, device=device))
    same(y.unique(), torch.tensor([0.0, 12.0]))
    same(x.grad, y.detach() / 6)
    assert y.is_contiguous()


@fact(*(f"torch.nn.{kind}" for kind in CHANNELS), myth="Dropout2d drops single elements")
@pytest.mark.parametrize("kind", CHANNELS)
def test_of_channels_drops_whole_ones(device, kind):
    """`Dropout1d`, `2d` and `3d` keep or drop each channel of each sample as a whole, and of many some of both."""
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
    """A dropout layer that is not told p drops about one half, and doubles the rest."""
    y = getattr(nn, kind)()(torch.ones(40, 50, *SHAPES.get(kind, (2, 3, 1))[2:], device=device))
    kept = (y == 2).double().mean().item()
    assert abs(kept - 0.5) < 6 * math.sqrt(0.25 / 2000)
    same(y.unique(), torch.tensor([0.0, 2.0]))


@fact(*(f"torch.nn.{kind}" for kind in DROPOUTS))
@pytest.mark.parametrize("kind", DROPOUTS)
@pytest.mark.parametrize("p", [-0.1, 1.1])
def test_refuses_what_is_no_probability(kind, p):
    """A dropout layer refuses, when it is made, a p outside of 0 to 1."""
    with pytest.raises(ValueError, match="dropout probability has to be between 0 and 1"):
        getattr(nn, kind)(p)


@fact(*(f"torch.nn.{kind}" for kind in DROPOUTS))
@pytest.mark.parametrize("kind", DROPOUTS)
def test_keeps_all_with_a_probability_of_zero(device, kind):
    """A dropout layer with p=0 gives its input's values in training too."""
    x = torch.arange(24.0, device=device).reshape(SHAPES.get(kind, (2, 3, 4)))
    y = getattr(nn, kind)(0.0)(x)
    same(y, torch.arange(24.0).reshape(x.shape))
    assert y.stride() == x.stride()


@fact(*(f"torch.nn.{kind}" for kind in PLAIN))
@pytest.mark.parametrize("kind", PLAIN)
def test_drops_all_with_a_probability_of_one(device, kind):
    """A dropout layer with p=1 gives zeros."""
    shape = SHAPES.get(kind, (2, 3, 4))
    same(getattr(nn, kind)(1.0)(torch.full(shape, 7.0, device=device)), torch.zeros(shape))


@fact(*(f"torch.nn.{kind}" for kind in PLAIN))
@pytest.mark.parametrize("kind", PLAIN)
def test_writes_into_its_input_when_told(device, kind):
    """A dropout layer that is made with `inplace=True` writes into its input, and returns this tensor."""
    x = torch.ones(30, *SHAPES.get(kind, (2, 3, 4))[1:], device=device)
    y = getattr(nn, kind)(0.5, inplace=True)(x)
    assert y is x
    same(x.unique(), torch.tensor([0.0, 2.0]))


@fact(*(f"torch.nn.{kind}" for kind in ALPHA))
@pytest.mark.parametrize("kind", ALPHA)
def test_alpha_writes_into_its_input_when_told(device, kind):
    """Alpha dropout that is made with `inplace=True` writes into its input, and returns this tensor."""
    x = torch.ones(30, 30, 1, device=device)
    is_its_input = getattr(nn, kind)(0.5, inplace=True)(x) is x
    assert (is_its_input, bool((x == 1).any())) == (True, False)


@fact("torch.nn.AlphaDropout", "torch.nn.FeatureAlphaDropout", myth="every dropout puts zeros")
@pytest.mark.parametrize("kind", ["AlphaDropout", "FeatureAlphaDropout"])
@pytest.mark.parametrize("p", [0.25, None], ids=str)
def test_alpha_puts_what_selu_tends_to(device, kind, p):
    """Alpha dropout puts the floor of SELU, and maps all so that zero mean and unit variance stay."""
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
    """A dropout layer drops other elements at each call, and the same after the same seed."""
    layer, x = nn.Dropout(0.5), torch.ones(100, device=device)
    torch.manual_seed(5)
    first, second = layer(x), layer(x)
    torch.manual_seed(5)
    same(layer(x), first)
    assert first.tolist() != second.tolist()
