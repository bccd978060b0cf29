"""Functions of dropout, in training and out of it; the layers are in layers.dropout."""

import math

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch.nn import functional

from torchproof import close, fact, same

MANY = 1000


@fact("torch.nn.functional.dropout")
@given(p=st.sampled_from([0.5, 0.75]), number=st.floats(0.5, 4, width=16))
@example(p=0.5, number=1.5)
def test_scales_what_it_keeps(device, p, number):
    """`dropout` makes each of many elements zero or 1 / (1 - p) times as large, contiguous if its input is."""
    y = functional.dropout(torch.full((10, 10), number, device=device), p=p)
    kept = y != 0
    same(y, kept * (number / (1 - p)))
    assert (bool(kept.any()), bool(kept.all()), y.stride()) == (True, False, (10, 1))


@fact("torch.nn.functional.dropout")
@pytest.mark.parametrize("p", [0.125, 0.25, 0.75])
def test_drops_about_the_share_asked_for(device, p):
    """`dropout` makes about a share p of the elements zero."""
    dropped = int((functional.dropout(torch.ones(MANY, device=device), p=p) == 0).sum())
    assert abs(dropped - MANY * p) < 6 * (MANY * p * (1 - p)) ** 0.5


@fact("torch.nn.functional.dropout")
def test_drops_half_by_default(device):
    """`dropout` without `p` doubles what it keeps, as with p = 0.5."""
    y = functional.dropout(torch.full((64,), 1.5, device=device))
    assert set(y.tolist()) == {0.0, 3.0}


@fact("torch.nn.functional.dropout")
@pytest.mark.parametrize(("p", "want"), [(0.0, [1.5, -2.5]), (1.0, [0.0, 0.0])], ids=["none", "all"])
def test_with_a_share_of_none_or_all_is_certain(device, p, want):
    """`dropout` drops nothing with p = 0 and everything with p = 1."""
    same(functional.dropout(torch.tensor([1.5, -2.5], device=device), p=p), torch.tensor(want))


@fact("torch.nn.functional.dropout")
@pytest.mark.parametrize("p", [0.5, 1.0])
def test_does_nothing_out_of_training(device, p):
    """`dropout(training=False)` gives the values of its input as they are."""
    y = functional.dropout(torch.tensor([1.5, -2.5], device=device), p, training=False)
    same(y, torch.tensor([1.5, -2.5]))


@fact("torch.nn.functional.dropout")
def test_passes_the_gradient_through_what_it_kept(device):
    """The gradient of `dropout` is zero where it dropped, and what `backward` is given over 1 - p elsewhere."""
    x = torch.full((64,), 1.5, device=device, requires_grad=True)
    y = functional.dropout(x, p=0.75)
    y.backward(torch.full((64,), 3.0, device=device))
    same(y, (y != 0) * torch.tensor(6.0, device=device))
    same(x.grad, (y != 0) * torch.tensor(12.0, device=device))


@fact("torch.nn.functional.dropout")
@pytest.mark.parametrize(("p", "left"), [(0.5, {0.0, 3.0}), (1.0, {0.0})], ids=["some", "all"])
def test_leaves_its_input_as_it_was(device, p, left):
    """`dropout` in training writes its result to memory of its own."""
    x = torch.full((64,), 1.5, device=device)
    y = functional.dropout(x, p)
    assert (set(x.tolist()), set(y.tolist())) == ({1.5}, left)


@fact("torch.nn.functional.dropout")
@pytest.mark.parametrize(("p", "left"), [(0.5, {0.0, 3.0}), (1.0, {0.0})], ids=["some", "all"])
def test_writes_to_its_input_when_told(device, p, left):
    """`dropout(inplace=True)` drops from its input itself, and returns this tensor."""
    x = torch.full((64,), 1.5, device=device)
    y = functional.dropout(x, p, inplace=True)
    assert (y is x, set(x.tolist())) == (True, left)


@fact("torch.nn.functional.dropout")
@pytest.mark.parametrize("p", [-0.1, 1.1])
def test_refuses_a_share_that_is_none(device, p):
    """`dropout` refuses a probability outside of 0 to 1: it "has to be between 0 and 1"."""
    with pytest.raises(ValueError, match="has to be between 0 and 1"):
        functional.dropout(torch.ones(2, device=device), p=p)


# --- whole channels, and the kin that keeps mean and variance ---------------------------------------------------------

CHANNELS = {"dropout1d": (40, 10, 3), "dropout2d": (40, 10, 2, 3), "dropout3d": (40, 10, 2, 1, 3)}
ALPHA = {"alpha_dropout": (40, 10, 3), "feature_alpha_dropout": (40, 10, 3)}
FLOOR = -1.7580993408473766  # what SELU tends to: minus its scale times its alpha


@fact(*(f"torch.nn.functional.{name}" for name in CHANNELS), myth="dropout2d drops single elements")
@pytest.mark.parametrize("name", CHANNELS)
def test_of_channels_drops_whole_ones(device, name):
    """`dropout1d`, `dropout2d` and `dropout3d` make a channel zero or 1 / (1 - p) times as large, gradients too."""
    x = torch.full(CHANNELS[name], 3.0, device=device, requires_grad=True)
    y = getattr(functional, name)(x, 0.75)
    y.backward(torch.full(x.shape, 0.5, device=device))
    rows = y.detach().flatten(2)
    same(rows, rows[..., :1].expand(rows.shape))
    same(y.unique(), torch.tensor([0.0, 12.0]))
    same(x.grad, y.detach() / 6)
    assert set(x.flatten().tolist()) == {3.0}


@fact(*(f"torch.nn.functional.{name}" for name in CHANNELS))
@pytest.mark.parametrize("name", CHANNELS)
@pytest.mark.parametrize("p", [0.125, 0.5, 0.75])
def test_of_channels_drops_about_the_share_asked_for(device, name, p):
    """`dropout1d`, `dropout2d` and `dropout3d` make about a share p of the channels zero."""
    y = getattr(functional, name)(torch.ones(CHANNELS[name], device=device), p)
    dropped = int((y.flatten(2)[..., 0] == 0).sum())
    assert abs(dropped - 400 * p) < 6 * (400 * p * (1 - p)) ** 0.5
    assert y.max() == 1 / (1 - p)


@fact(*(f"torch.nn.functional.{name}" for name in [*CHANNELS, *ALPHA]))
@pytest.mark.parametrize("name", [*CHANNELS, *ALPHA])
@pytest.mark.parametrize(("p", "training"), [(0.5, False), (0.0, True)], ids=["not-training", "none"])
def test_of_its_kin_does_nothing_out_of_training(device, name, p, training):
    """`dropout2d`, `alpha_dropout` and the like give values and strides of their input if `training=False` or p = 0."""
    x = torch.arange(24.0, device=device).reshape(2, 3, *{"dropout2d": (2, 2), "dropout3d": (1, 2, 2)}.get(name, (4,)))
    y = getattr(functional, name)(x, p, training=training)
    same(y, torch.arange(24.0).reshape(x.shape))
    assert y.stride() == x.stride()


@fact(*(f"torch.nn.functional.{name}" for name in [*CHANNELS, *ALPHA]))
@pytest.mark.parametrize("name", [*CHANNELS, *ALPHA])
def test_of_its_kin_writes_to_its_input_when_told(device, name):
    """`dropout2d`, `alpha_dropout` and the like with `inplace=True` drop from their input itself, and return it."""
    x = torch.ones({**CHANNELS, **ALPHA}[name], device=device)
    y = getattr(functional, name)(x, 0.5, training=True, inplace=True)
    assert (y is x, len(x.unique())) == (True, 2)
    assert name in ALPHA or set(x.flatten().tolist()) == {0.0, 2.0}


@fact(*(f"torch.nn.functional.{name}" for name in [*CHANNELS, *ALPHA]))
@pytest.mark.parametrize("name", [*CHANNELS, *ALPHA])
@pytest.mark.parametrize("p", [-0.1, 1.1])
def test_of_its_kin_refuses_a_share_that_is_none(device, name, p):
    """`dropout2d`, `alpha_dropout` and the like refuse another probability, which "has to be between 0 and 1"."""
    with pytest.raises(ValueError, match="has to be between 0 and 1"):
        getattr(functional, name)(torch.ones(2, 3, 4, 1, 1, device=device), p)


@fact("torch.nn.functional.dropout1d")
def test_of_rows_takes_a_sample_without_a_batch(device):
    """`dropout1d` of a matrix takes it for one sample, whose rows are the channels."""
    y = functional.dropout1d(torch.ones(50, 4, device=device))
    same(y, y[:, :1].expand(50, 4))
    assert set(y[:, 0].tolist()) == {0.0, 2.0}


@fact(*(f"torch.nn.functional.{name}" for name in ALPHA), myth="every dropout puts zeros")
@pytest.mark.parametrize("name", ALPHA)
@pytest.mark.parametrize("p", [0.25, 0.5])
def test_alpha_puts_what_selu_tends_to(device, name, p):
    """`alpha_dropout` and `feature_alpha_dropout` put SELU's floor for what they drop, then scale and shift all."""
    scale = 1 / math.sqrt((1 - p) * (1 + p * FLOOR**2))
    x = torch.full((200, 4, 3), 1.5, device=device, requires_grad=True)
    y = getattr(functional, name)(x, **({} if p == 0.5 else {"p": p}), training=True)
    y.backward(torch.full(x.shape, 2.0, device=device))
    kept = y > 0
    assert set(x.flatten().tolist()) == {1.5}
    close(y[kept].unique().detach(), [scale * (1.5 - p * FLOOR)], roundings=16)
    close(y[~kept].unique().detach(), [scale * (1 - p) * FLOOR], roundings=16)
    close(x.grad, (kept * 2 * scale).cpu().numpy(), roundings=16)
    assert abs(int(kept[..., 0].sum()) - 800 * (1 - p)) < 6 * (800 * p * (1 - p)) ** 0.5
    assert bool((kept == kept[..., :1]).all()) == (name == "feature_alpha_dropout")


@fact(*(f"torch.nn.functional.{name}" for name in ALPHA), myth="the default of training is True for every dropout")
@pytest.mark.parametrize("name", ALPHA)
def test_alpha_is_out_of_training_by_default(device, name):
    """`alpha_dropout` and `feature_alpha_dropout` change nothing unless they are told `training=True`."""
    same(getattr(functional, name)(torch.full((40, 10, 3), 1.5, device=device)), torch.full((40, 10, 3), 1.5))
