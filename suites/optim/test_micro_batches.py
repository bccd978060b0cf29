"""Micro-batches, which is gradient accumulation, beside the batch as a whole; `backward` alone is in autograd."""

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import nn

from torchproof import close, fact, same

SAMPLES = [(1.0, 5.0), (2.0, 0.0), (-3.0, 1.0), (4.0, 4.0)]  # inputs and targets
POINTS = st.tuples(st.integers(-9, 9), st.integers(-9, 9))


def loss(w, samples, reduction):
    x, y = torch.tensor(samples, dtype=w.dtype, device=w.device).unbind(1)
    return nn.functional.mse_loss(w * x, y, reduction=reduction)


def slope(w, samples):
    """The derivative by w of the sum of (w*x - y)**2."""
    return sum(2 * x * (w * x - y) for x, y in samples)


@fact("torch.Tensor.backward", "torch.nn.functional.mse_loss", claims=["A04"])
@given(st.lists(POINTS, min_size=2, max_size=8), st.integers(1, 7))
@example([(1, 0), (2, 3)], 1)
@example([(1, 0)] * 8, 7)
def test_of_a_sum_give_the_gradient_of_the_whole(device, samples, size):
    """With `reduction="sum"`, `backward` on micro-batches of any sizes leaves the gradient of the whole batch."""
    w = torch.tensor(3.0, device=device, requires_grad=True)
    for start in range(0, len(samples), size):
        loss(w, samples[start : start + size], "sum").backward()
    same(w.grad, torch.tensor(float(slope(3.0, samples))))


@fact("torch.Tensor.backward", "torch.nn.functional.mse_loss", claims=["A04"])
@pytest.mark.parametrize("size", [1, 2, 4])
def test_of_a_mean_give_the_whole_when_divided_by_their_number(device, size):
    """With `reduction="mean"`, accumulated losses of k equal micro-batches, divided by k, give the whole's gradient."""
    w = torch.tensor(3.0, device=device, requires_grad=True)
    for start in range(0, 4, size):
        (loss(w, SAMPLES[start : start + size], "mean") / (4 / size)).backward()
    same(w.grad, torch.tensor(slope(3.0, SAMPLES) / 4))


@fact(
    "torch.Tensor.backward",
    "torch.nn.functional.mse_loss",
    claims=["A04"],
    myth="accumulating over micro-batches equals the large batch as it is",
    hint="divide each loss by the number of micro-batches",
)
@pytest.mark.parametrize("size", [1, 2])
def test_of_a_mean_give_a_multiple_of_the_whole_when_not_divided(device, size):
    """With `reduction="mean"`, k equal micro-batches that are not divided leave k times the whole batch's gradient."""
    w = torch.tensor(3.0, device=device, requires_grad=True)
    for start in range(0, 4, size):
        loss(w, SAMPLES[start : start + size], "mean").backward()
    same(w.grad, torch.tensor(slope(3.0, SAMPLES) / 4 * (4 / size)))


@fact(
    "torch.Tensor.backward",
    "torch.nn.functional.mse_loss",
    myth="dividing by the number of micro-batches is always right",
)
def test_of_unequal_sizes_weigh_small_ones_too_much_when_divided_by_their_number(device):
    """With `reduction="mean"`, unequal micro-batches divided by their number weigh each alike, and not each sample."""
    w = torch.tensor(3.0, device=device, requires_grad=True)
    parts = [SAMPLES[:1], SAMPLES[1:3]]
    for part in parts:
        (loss(w, part, "mean") / 2).backward()
    same(w.grad, torch.tensor((slope(3.0, parts[0]) + slope(3.0, parts[1]) / 2) / 2))
    assert w.grad.item() != pytest.approx(slope(3.0, SAMPLES[:3]) / 3)


@fact("torch.Tensor.backward", "torch.nn.functional.mse_loss")
def test_of_unequal_sizes_give_the_whole_when_weighed_by_size(device):
    """With `reduction="mean"`, unequal micro-batches times their share of samples leave the whole batch's gradient."""
    w = torch.tensor(3.0, device=device, requires_grad=True)
    for part in (SAMPLES[:1], SAMPLES[1:]):
        (loss(w, part, "mean") * (len(part) / 4)).backward()
    close(w.grad, slope(3.0, SAMPLES) / 4, roundings=12, scale=sum(abs(slope(3.0, [sample])) for sample in SAMPLES))


@fact("torch.optim.SGD.step", claims=["L01"])
def test_with_one_step_at_the_end_train_as_the_whole_batch(device):
    """One `SGD.step` after `backward` on every micro-batch moves a parameter as one `step` on the whole batch."""
    w = torch.tensor(3.0, device=device, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.125)
    for sample in SAMPLES:
        (loss(w, [sample], "mean") / 4).backward()
    optimizer.step()
    same(w, torch.tensor(3 - 0.125 * slope(3.0, SAMPLES) / 4))


@fact("torch.optim.SGD.step", claims=["L01"])
def test_with_a_step_after_each_train_otherwise(device):
    """`SGD.step` after each micro-batch takes later gradients at a parameter that has moved already."""
    w = torch.tensor(3.0, device=device, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.125)
    for sample in SAMPLES[:2]:
        optimizer.zero_grad()
        loss(w, [sample], "sum").backward()
        optimizer.step()
    after_one = 3 - 0.125 * slope(3.0, SAMPLES[:1])
    same(w, torch.tensor(after_one - 0.125 * slope(after_one, SAMPLES[1:2])))


@fact("torch.nn.BatchNorm1d", myth="gradient accumulation equals the large batch for every model")
def test_through_batch_norm_are_normalised_each_by_itself(device):
    """`BatchNorm1d` in training mode gives a sample in a micro-batch another output than in the whole batch."""
    norm = nn.BatchNorm1d(1, device=device, dtype=torch.float64)
    x = torch.tensor([[0.0], [2.0], [10.0], [12.0]], device=device, dtype=torch.float64)
    close(norm(x)[0], [-6 / (26 + 1e-5) ** 0.5], roundings=8)
    close(norm(x[:2])[0], [-1 / (1 + 1e-5) ** 0.5], roundings=8)


@fact("torch.nn.BatchNorm1d", myth="gradient accumulation equals the large batch for every model")
def test_through_batch_norm_do_not_give_the_gradient_of_the_whole(device):
    """With `BatchNorm1d` in training mode, a sum over micro-batches leaves another gradient than the whole batch."""
    whole, parts = (nn.BatchNorm1d(1, device=device, dtype=torch.float64) for _ in range(2))
    x = torch.tensor([[0.0], [2.0], [10.0], [12.0]], device=device, dtype=torch.float64)
    whole(x)[0].sum().backward()
    parts(x[:2])[0].sum().backward()
    (parts(x[2:]) * 0).sum().backward()
    close(whole.weight.grad, [-6 / (26 + 1e-5) ** 0.5], roundings=16)
    close(parts.weight.grad, [-1 / (1 + 1e-5) ** 0.5], roundings=16)


@fact("torch.nn.BatchNorm1d")
def test_through_batch_norm_move_the_running_mean_at_each(device):
    """`BatchNorm1d` moves its running mean once a micro-batch, and so ends elsewhere than after the whole batch."""
    whole, parts = (nn.BatchNorm1d(1, momentum=0.5, device=device) for _ in range(2))
    x = torch.tensor([[0.0], [2.0], [10.0], [12.0]], device=device)
    whole(x)
    parts(x[:2])
    parts(x[2:])
    same(whole.running_mean, torch.tensor([0.5 * 6]))
    same(parts.running_mean, torch.tensor([0.5 * (0.5 * 1) + 0.5 * 11]))


@fact("torch.nn.LayerNorm")
def test_through_layer_norm_are_normalised_as_in_the_whole(device):
    """`LayerNorm` gives a sample in a micro-batch the same output as in the whole batch, but for rounding."""
    norm = nn.LayerNorm(2, device=device, dtype=torch.float64)
    x = torch.tensor([[0.0, 2.0], [10.0, 16.0]], device=device, dtype=torch.float64)
    want = [[-1 / (1 + 1e-5) ** 0.5, 1 / (1 + 1e-5) ** 0.5], [-3 / (9 + 1e-5) ** 0.5, 3 / (9 + 1e-5) ** 0.5]]
    close(norm(x), want, roundings=8)
    close(torch.cat([norm(x[:1]), norm(x[1:])]), want, roundings=8)
