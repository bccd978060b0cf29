"""Learning-rate schedulers in a loop: how often and when they are stepped; each one's formula is a fact of `optim`."""

import math

import pytest
import torch
from torch.optim import lr_scheduler

from torchproof import fact

EPOCHS, BATCHES = 3, 4


def optimizer_of(rate=1.0, **options):
    return torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=rate, **options)


def rate_of(optimizer):
    return optimizer.param_groups[0]["lr"]


def used(made, per="batch", scheduler_first=False):
    """The learning rate of each optimizer step, where the scheduler is stepped after each batch or each epoch."""
    optimizer = optimizer_of()
    scheduler, seen = made(optimizer), []

    def train():
        seen.append(rate_of(optimizer))
        optimizer.step()

    for _ in range(EPOCHS):
        for _ in range(BATCHES):
            parts = [train, scheduler.step] if per == "batch" else [train]
            for part in reversed(parts) if scheduler_first else parts:
                part()
        if per == "epoch":
            scheduler.step()
    return seen


@fact("torch.optim.lr_scheduler.ExponentialLR", "torch.optim.lr_scheduler.LRScheduler.step")
def test_after_the_optimizer_begin_with_the_first_rate():
    """With `scheduler.step()` after `optimizer.step()` the first step is made with the rate of the optimizer."""
    assert used(lambda o: lr_scheduler.ExponentialLR(o, 0.5))[:3] == [1.0, 0.5, 0.25]


@fact(
    "torch.optim.lr_scheduler.ExponentialLR",
    "torch.optim.lr_scheduler.LRScheduler.step",
    hint="call optimizer.step() before scheduler.step()",
)
def test_before_the_optimizer_leave_the_first_rate_out():
    """A loop with `scheduler.step()` before `optimizer.step()` never uses the first rate, and warns: Detected call."""
    with pytest.warns(UserWarning, match=r"Detected call of `lr_scheduler.step\(\)` before `optimizer.step\(\)`"):
        rates = used(lambda o: lr_scheduler.ExponentialLR(o, 0.5), scheduler_first=True)
    assert rates[:3] == [0.5, 0.25, 0.125]


@fact("torch.optim.lr_scheduler.StepLR", hint="step it once an epoch, or count batches in step_size")
@pytest.mark.parametrize(
    ("per", "want"),
    [("epoch", [1.0] * 8 + [0.5] * 4), ("batch", [0.5 ** (t // 2) for t in range(12)])],
    ids=["epoch", "batch"],
)
def test_count_calls_and_not_epochs(per, want):
    """`StepLR(step_size=2)` falls after two calls of `step`: two epochs, or two batches where it is called for each."""
    assert used(lambda o: lr_scheduler.StepLR(o, 2, gamma=0.5), per) == want


@fact("torch.optim.lr_scheduler.CosineAnnealingLR", hint="T_max=epochs * batches where it is stepped for each batch")
def test_of_a_cosine_over_epochs_swing_when_stepped_for_each_batch():
    """`CosineAnnealingLR(T_max=epochs)` stepped for each batch goes down and up again instead of down once."""
    rates = used(lambda o: lr_scheduler.CosineAnnealingLR(o, EPOCHS))
    want = [(1 + math.cos(math.pi * t / EPOCHS)) / 2 for t in range(12)]
    assert rates == pytest.approx(want, abs=1e-12)
    right = used(lambda o: lr_scheduler.CosineAnnealingLR(o, EPOCHS * BATCHES))
    assert all(later < earlier for earlier, later in zip(right, right[1:]))  # noqa: RUF007


@fact("torch.optim.lr_scheduler.OneCycleLR", hint="step OneCycleLR after each batch")
def test_of_one_cycle_stay_in_the_warm_up_when_stepped_for_each_epoch():
    """`OneCycleLR` over all batches that is stepped once an epoch never gets beyond its first steps."""

    def made(optimizer):
        return lr_scheduler.OneCycleLR(optimizer, 1.0, epochs=EPOCHS, steps_per_epoch=BATCHES, cycle_momentum=False)

    by_batch, by_epoch = used(made), used(made, "epoch")
    assert max(by_batch) > 0.9 > by_epoch[-1]
    assert by_epoch[::BATCHES] == by_batch[:EPOCHS]
    assert by_batch[-1] == pytest.approx(1 / 25 / 1e4, rel=1e-6)


@fact("torch.optim.lr_scheduler.OneCycleLR", hint="total_steps = epochs * (batches // accumulated)")
def test_of_one_cycle_stop_half_way_when_batches_are_accumulated():
    """`OneCycleLR` counts its own steps: of accumulated batches there are fewer, and the rate ends near its peak."""
    optimizer = optimizer_of()
    scheduler = lr_scheduler.OneCycleLR(optimizer, 1.0, total_steps=12, cycle_momentum=False)
    for batch in range(12):
        if (batch + 1) % 4 == 0:
            optimizer.step()
            scheduler.step()
    assert scheduler.last_epoch == 3
    assert rate_of(optimizer) > 0.9


# --- ReduceLROnPlateau ------------------------------------------------------------------------------------------------


def on_plateau(numbers, **options):
    """The rate after each number of an epoch."""
    optimizer, seen = optimizer_of(), []
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=1, **options)
    for number in numbers:
        scheduler.step(number)
        seen.append(rate_of(optimizer))
    return seen


ACCURACY = [0.5, 0.6, 0.7, 0.8, 0.9]


@fact(
    "torch.optim.lr_scheduler.ReduceLROnPlateau",
    myth="ReduceLROnPlateau knows whether higher is better",
    hint='mode="max" for an accuracy',
)
@pytest.mark.parametrize(("mode", "want"), [("min", [1, 1, 0.5, 0.5, 0.25]), ("max", [1] * 5)], ids=["min", "max"])
def test_on_a_plateau_lower_the_rate_of_a_rising_accuracy_unless_told(mode, want):
    """`ReduceLROnPlateau` takes what grows for worse, as of a loss: a rising accuracy wants `mode="max"`."""
    assert on_plateau(ACCURACY, mode=mode) == want


@fact("torch.optim.lr_scheduler.ReduceLROnPlateau")
def test_on_a_plateau_take_a_loss_for_better_by_default():
    """`ReduceLROnPlateau` leaves the rate of a falling loss, since its mode is "min" by default."""
    assert on_plateau(ACCURACY[::-1]) == [1.0] * 5
    assert on_plateau([0.5, 0.5, 0.5])[-1] == 0.5


@fact("torch.optim.lr_scheduler.ReduceLROnPlateau", hint="step it once, with the mean of the validation losses")
def test_on_a_plateau_count_batches_where_they_are_told_of_each():
    """`ReduceLROnPlateau` told the noisy loss of each batch runs out of patience within an epoch that gets better."""
    noisy = [1.0, 1.5, 1.25, 0.5, 1.5, 1.25]
    assert on_plateau(noisy)[-1] == 0.25
    assert on_plateau([sum(noisy[:3]) / 3, sum(noisy[3:]) / 3]) == [1.0, 1.0]


@fact("torch.optim.lr_scheduler.ReduceLROnPlateau", myth="ReduceLROnPlateau stops the training")
def test_on_a_plateau_never_stop():
    """`ReduceLROnPlateau` lowers the rate down to `min_lr`, and stops no training: its `step` returns None."""
    assert on_plateau([1.0] * 10, min_lr=0.125)[-1] == 0.125
    assert lr_scheduler.ReduceLROnPlateau(optimizer_of()).step(1.0) is None


# --- which optimizer --------------------------------------------------------------------------------------------------


@fact("torch.optim.lr_scheduler.ExponentialLR", hint="make the scheduler anew with the optimizer")
def test_keep_to_the_optimizer_that_they_were_made_for():
    """`ExponentialLR` moves the rate of the optimizer that it was made for, and of no other."""
    first, second = optimizer_of(), optimizer_of()
    scheduler = lr_scheduler.ExponentialLR(first, 0.5)
    first.step()
    scheduler.step()
    assert (rate_of(first), rate_of(second)) == (0.5, 1.0)


@fact("torch.optim.lr_scheduler.ExponentialLR", "torch.optim.Optimizer.add_param_group")
def test_that_multiply_take_in_groups_that_are_added_later():
    """`ExponentialLR` lowers the rate of a group that was added after it was made, from its own rate on."""
    optimizer = optimizer_of()
    scheduler = lr_scheduler.ExponentialLR(optimizer, 0.5)
    optimizer.add_param_group({"params": [torch.zeros(1, requires_grad=True)], "lr": 8.0})
    optimizer.step()
    scheduler.step()
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 4.0]


@fact("torch.optim.SGD", "torch.optim.lr_scheduler.ExponentialLR")
def test_slow_down_momentum_at_once():
    """A lower rate multiplies the whole momentum of `SGD`: what was gathered under a high rate is slowed down, too."""
    w = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=1.0, momentum=0.5)
    scheduler = lr_scheduler.ExponentialLR(optimizer, 0.125)
    for gradient in (8.0, 0.0):
        w.grad = torch.tensor([gradient])
        optimizer.step()
        scheduler.step()
    assert w.item() == -8.0 - 0.125 * 0.5 * 8.0


@fact("torch.optim.lr_scheduler.LambdaLR", myth="a rate written by hand is kept", hint="scheduler.base_lrs")
def test_by_a_formula_forget_a_rate_written_by_hand():
    """`LambdaLR` sets the rate from where it began: one written into `param_groups` lasts until its next step."""
    optimizer = optimizer_of()
    scheduler = lr_scheduler.LambdaLR(optimizer, lambda t: 0.5**t)
    optimizer.param_groups[0]["lr"] = 100.0
    optimizer.step()
    scheduler.step()
    assert rate_of(optimizer) == 0.5


@fact("torch.optim.lr_scheduler.OneCycleLR", "torch.optim.Optimizer.load_state_dict", hint="load after making both")
def test_made_after_loading_overwrite_the_rate():
    """`OneCycleLR` made after the optimizer's state was loaded overwrites the rate of that state with its first."""
    first = optimizer_of(momentum=0.9)
    scheduler = lr_scheduler.OneCycleLR(first, 1.0, total_steps=8)
    for _ in range(3):
        first.step()
        scheduler.step()
    late, early = optimizer_of(momentum=0.9), optimizer_of(momentum=0.9)
    before = lr_scheduler.OneCycleLR(early, 1.0, total_steps=8)
    for optimizer in (late, early):
        optimizer.load_state_dict(first.state_dict())
    after = lr_scheduler.OneCycleLR(late, 1.0, total_steps=8)
    for each in (before, after):
        each.load_state_dict(scheduler.state_dict())
    assert rate_of(early) == rate_of(first)
    assert rate_of(late) == pytest.approx(1 / 25)
