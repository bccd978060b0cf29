"""Each learning-rate scheduler against its closed form, its state and its refusals; `SWALR` is in test_averaging."""

import math
from itertools import pairwise

import pytest
import torch
from torch.optim import lr_scheduler

from torchproof import fact

RATE = 0.5
EPOCHS = 12


def cyclic(t, up, down, scale=lambda cycle, t: 1.0):
    cycle = t // (up + down)
    place = t % (up + down)
    height = place / up if place <= up else 1 - (place - up) / down
    return 0.25 + (1.0 - 0.25) * height * scale(cycle, t)


def one_cycle(t, phases, step=lambda part: (1 - math.cos(math.pi * part)) / 2):
    """Between the (place, rate) of `phases`, by a half cosine or what `step` says."""
    (start, low), (end, high) = next((one, two) for one, two in pairwise(phases) if t <= two[0])
    return low + (high - low) * step((t - start) / (end - start))


def restarts(t, first, times):
    length = first
    while t >= length:
        t, length = t - length, length * times
    return (1 + math.cos(math.pi * t / length)) / 2


# What each scheduler makes of a rate of 0.5 after t steps. OneCycleLR and CyclicLR have rates of their own.
FORMULAS = {
    "LambdaLR": (lambda o: lr_scheduler.LambdaLR(o, lambda t: 1 / (1 + t)), lambda t: RATE / (1 + t)),
    "MultiplicativeLR": (
        lambda o: lr_scheduler.MultiplicativeLR(o, lambda t: t / (t + 1)),
        lambda t: RATE / (t + 1),
    ),
    "StepLR": (lambda o: lr_scheduler.StepLR(o, 3, gamma=0.5), lambda t: RATE * 0.5 ** (t // 3)),
    "StepLR-defaults": (lambda o: lr_scheduler.StepLR(o, 5), lambda t: RATE * 0.1 ** (t // 5)),
    "MultiStepLR": (
        lambda o: lr_scheduler.MultiStepLR(o, [2, 3, 3, 9], gamma=0.5),
        lambda t: RATE * 0.5 ** sum(t >= milestone for milestone in (2, 3, 3, 9)),
    ),
    "ConstantLR": (
        lambda o: lr_scheduler.ConstantLR(o, factor=0.25, total_iters=4),
        lambda t: RATE * (0.25 if t < 4 else 1),
    ),
    "ConstantLR-defaults": (lr_scheduler.ConstantLR, lambda t: RATE * (1 / 3 if t < 5 else 1)),
    "LinearLR": (
        lambda o: lr_scheduler.LinearLR(o, start_factor=0.25, end_factor=0.75, total_iters=4),
        lambda t: RATE * (0.25 + 0.5 * min(t, 4) / 4),
    ),
    "LinearLR-defaults": (lr_scheduler.LinearLR, lambda t: RATE * (1 / 3 + 2 / 3 * min(t, 5) / 5)),
    "ExponentialLR": (lambda o: lr_scheduler.ExponentialLR(o, gamma=0.75), lambda t: RATE * 0.75**t),
    "PolynomialLR": (
        lambda o: lr_scheduler.PolynomialLR(o, total_iters=8, power=2.0),
        lambda t: RATE * (1 - min(t, 8) / 8) ** 2,
    ),
    "PolynomialLR-defaults": (lr_scheduler.PolynomialLR, lambda t: RATE * (1 - min(t, 5) / 5)),
    "CosineAnnealingLR": (
        lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=5, eta_min=0.125),
        lambda t: 0.125 + (RATE - 0.125) * (1 + math.cos(math.pi * t / 5)) / 2,
    ),
    "CosineAnnealingWarmRestarts": (
        lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, T_0=2, T_mult=2, eta_min=0.125),
        lambda t: 0.125 + (RATE - 0.125) * restarts(t, 2, 2),
    ),
    "CosineAnnealingWarmRestarts-equal": (
        lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, T_0=3),
        lambda t: RATE * restarts(t, 3, 1),
    ),
    "CyclicLR": (
        lambda o: lr_scheduler.CyclicLR(o, 0.25, 1.0, step_size_up=2, step_size_down=3),
        lambda t: cyclic(t, 2, 3),
    ),
    "CyclicLR-triangular2": (
        lambda o: lr_scheduler.CyclicLR(o, 0.25, 1.0, step_size_up=2, mode="triangular2"),
        lambda t: cyclic(t, 2, 2, lambda cycle, t: 0.5**cycle),
    ),
    "CyclicLR-exp_range": (
        lambda o: lr_scheduler.CyclicLR(o, 0.25, 1.0, step_size_up=2, mode="exp_range", gamma=0.75),
        lambda t: cyclic(t, 2, 2, lambda cycle, t: 0.75**t),
    ),
    "CyclicLR-scale_fn": (
        lambda o: lr_scheduler.CyclicLR(o, 0.25, 1.0, step_size_up=2, scale_fn=lambda x: 1 / x),
        lambda t: cyclic(t, 2, 2, lambda cycle, t: 1 / (cycle + 1)),
    ),
    "OneCycleLR": (
        lambda o: lr_scheduler.OneCycleLR(o, 1.0, total_steps=13, pct_start=0.25, div_factor=4, final_div_factor=8),
        lambda t: one_cycle(t, [(0, 0.25), (0.25 * 13 - 1, 1.0), (12, 0.25 / 8)]),
    ),
    "OneCycleLR-linear": (
        lambda o: lr_scheduler.OneCycleLR(o, 1.0, epochs=13, steps_per_epoch=1, anneal_strategy="linear"),
        lambda t: one_cycle(t, [(0, 1 / 25), (0.3 * 13 - 1, 1.0), (12, 1 / 25e4)], lambda part: part),
    ),
    "OneCycleLR-three_phase": (
        lambda o: lr_scheduler.OneCycleLR(o, 1.0, total_steps=13, three_phase=True),
        lambda t: one_cycle(t, [(0, 1 / 25), (0.3 * 13 - 1, 1.0), (0.6 * 13 - 2, 1 / 25), (12, 1 / 25e4)]),
    ),
    "SequentialLR": (
        lambda o: lr_scheduler.SequentialLR(
            o,
            [lr_scheduler.ConstantLR(o, factor=0.25, total_iters=99), lr_scheduler.ExponentialLR(o, gamma=0.75)],
            milestones=[4],
        ),
        lambda t: RATE * (0.25 if t < 4 else 0.75 ** (t - 4)),
    ),
    "ChainedScheduler": (
        lambda o: lr_scheduler.ChainedScheduler(
            [lr_scheduler.ConstantLR(o, factor=0.25, total_iters=4), lr_scheduler.ExponentialLR(o, gamma=0.75)]
        ),
        lambda t: RATE * (0.25 if t < 4 else 1) * 0.75**t,
    ),
}
SCHEDULERS = (
    "torch.optim.lr_scheduler.LambdaLR", "torch.optim.lr_scheduler.MultiplicativeLR",
    "torch.optim.lr_scheduler.StepLR", "torch.optim.lr_scheduler.MultiStepLR", "torch.optim.lr_scheduler.ConstantLR",
    "torch.optim.lr_scheduler.LinearLR", "torch.optim.lr_scheduler.ExponentialLR",
    "torch.optim.lr_scheduler.PolynomialLR", "torch.optim.lr_scheduler.CosineAnnealingLR",
    "torch.optim.lr_scheduler.CosineAnnealingWarmRestarts", "torch.optim.lr_scheduler.CyclicLR",
    "torch.optim.lr_scheduler.OneCycleLR", "torch.optim.lr_scheduler.SequentialLR",
    "torch.optim.lr_scheduler.ChainedScheduler",
)  # fmt: skip
each = pytest.mark.parametrize(("made", "formula"), FORMULAS.values(), ids=FORMULAS)


def optimizer_with(*rates, **options):
    """An optimizer with a group for each learning rate."""
    groups = [{"params": [torch.ones(1, requires_grad=True)], "lr": rate} for rate in rates]
    return torch.optim.SGD(groups, lr=RATE, **{"momentum": 0.9, **options})


def rate_of(optimizer):
    return optimizer.param_groups[0]["lr"]


def rates(optimizer, scheduler, steps):
    """The rate now and after each of so many steps."""
    seen = [rate_of(optimizer)]
    for _ in range(steps):
        optimizer.step()
        scheduler.step()
        seen.append(rate_of(optimizer))
    return seen


def about(want):
    """Within the roundings of a chain of a few products a step."""
    return pytest.approx(want, rel=1e-13, abs=1e-15)


@fact(*SCHEDULERS)
@each
def test_gives_its_closed_form(made, formula):
    """`StepLR`, `OneCycleLR` and the other schedulers give after t steps the rate of their closed form, t = 0 too."""
    optimizer = optimizer_with(RATE)
    scheduler = made(optimizer)
    assert rates(optimizer, scheduler, EPOCHS) == about([formula(t) for t in range(EPOCHS + 1)])
    assert scheduler.get_last_lr() == about([formula(EPOCHS)])


@fact(*SCHEDULERS)
@each
def test_goes_on_from_its_state(made, formula):
    """`StepLR` and the other schedulers go on from the `state_dict` of another one, beside that of its optimizer."""
    optimizer, again = optimizer_with(RATE), optimizer_with(RATE)
    scheduler, other = made(optimizer), made(again)
    rates(optimizer, scheduler, 5)
    again.load_state_dict(optimizer.state_dict())
    other.load_state_dict(scheduler.state_dict())
    assert rates(again, other, EPOCHS - 5) == about([formula(t) for t in range(5, EPOCHS + 1)])


STATES = {
    "StepLR": {"step_size": 3, "gamma": 0.5},
    "MultiStepLR": {"milestones": {2: 1, 3: 2, 9: 1}, "gamma": 0.5},
    "ConstantLR": {"factor": 0.25, "total_iters": 4},
    "LinearLR": {"start_factor": 0.25, "end_factor": 0.75, "total_iters": 4},
    "ExponentialLR": {"gamma": 0.75},
    "PolynomialLR": {"total_iters": 8, "power": 2.0},
    "CosineAnnealingLR": {"T_max": 5, "eta_min": 0.125},
    "CosineAnnealingWarmRestarts": {"T_0": 2, "T_mult": 2, "eta_min": 0.125, "T_i": 4, "T_cur": 3},
    "MultiplicativeLR": {"lr_lambdas": [None]},
    "LambdaLR": {"lr_lambdas": [None]},
}


@fact(*[f"torch.optim.lr_scheduler.{name}" for name in STATES])
@pytest.mark.parametrize("name", STATES)
def test_has_its_numbers_in_its_state(name):
    """`state_dict` of `StepLR` and the like has hyperparameters, epoch and rates by name, but not the optimizer."""
    made, formula = FORMULAS[name]
    optimizer = optimizer_with(RATE)
    scheduler = made(optimizer)
    first = scheduler.state_dict()
    rates(optimizer, scheduler, 5)
    state = scheduler.state_dict()
    assert {key: state[key] for key in STATES[name]} == STATES[name] and "optimizer" not in state
    assert (state["last_epoch"], state["base_lrs"], state["_last_lr"]) == (5, [RATE], about([formula(5)]))
    assert (first["last_epoch"], first["_last_lr"]) == (0, about([formula(0)]))


@fact(*[f"torch.optim.lr_scheduler.{name}" for name in STATES])
@pytest.mark.parametrize("name", STATES)
def test_takes_its_numbers_from_a_state(name):
    """`StepLR` and the like take hyperparameters, epoch and first rates from what `load_state_dict` is given."""
    made, _ = FORMULAS[name]
    scheduler = made(optimizer_with(RATE))
    given = {**scheduler.state_dict(), "base_lrs": [8.0], "last_epoch": 7, **STATES[name]}
    other = made(optimizer_with(RATE))
    other.load_state_dict(given)
    assert (other.base_lrs, other.last_epoch) == ([8.0], 7)
    assert {key: other.state_dict()[key] for key in STATES[name]} == STATES[name]


@fact(*SCHEDULERS)
@each
def test_follows_each_group_by_itself(made, formula):
    """`get_last_lr` of `StepLR` and the other schedulers has the rate of each parameter group, as that has it."""
    optimizer = optimizer_with(RATE, RATE / 2)
    scheduler = made(optimizer)
    for _ in range(3):
        optimizer.step()
        scheduler.step()
    assert scheduler.get_last_lr() == [group["lr"] for group in optimizer.param_groups]
    assert scheduler.get_last_lr()[0] == about(formula(3))


ABSOLUTE = ("CosineAnnealing", "CyclicLR", "OneCycleLR")  # told rates beside those of the groups
PROPORTIONAL = {name: row for name, row in FORMULAS.items() if not name.startswith(ABSOLUTE)}


@fact(
    "torch.optim.lr_scheduler.LambdaLR", "torch.optim.lr_scheduler.MultiplicativeLR",
    "torch.optim.lr_scheduler.StepLR", "torch.optim.lr_scheduler.MultiStepLR", "torch.optim.lr_scheduler.ConstantLR",
    "torch.optim.lr_scheduler.LinearLR", "torch.optim.lr_scheduler.ExponentialLR",
    "torch.optim.lr_scheduler.PolynomialLR", "torch.optim.lr_scheduler.SequentialLR",
    "torch.optim.lr_scheduler.ChainedScheduler", myth="a scheduler gives all groups one rate",
)  # fmt: skip
@pytest.mark.parametrize(("made", "formula"), PROPORTIONAL.values(), ids=PROPORTIONAL)
def test_scales_the_rate_of_each_group(made, formula):
    """`StepLR`, `LambdaLR` and the like scale each group's own learning rate: half of it stays half of it."""
    optimizer = optimizer_with(RATE, RATE / 2)
    rates(optimizer, made(optimizer), 3)
    assert [group["lr"] for group in optimizer.param_groups] == about([formula(3), formula(3) / 2])


CHAINABLE = [
    "torch.optim.lr_scheduler.StepLR", "torch.optim.lr_scheduler.MultiStepLR", "torch.optim.lr_scheduler.ConstantLR",
    "torch.optim.lr_scheduler.LinearLR", "torch.optim.lr_scheduler.ExponentialLR",
    "torch.optim.lr_scheduler.MultiplicativeLR", "torch.optim.lr_scheduler.PolynomialLR",
]  # fmt: skip
FACTORS = ["StepLR", "MultiStepLR", "ConstantLR", "LinearLR", "ExponentialLR", "MultiplicativeLR", "PolynomialLR"]


@fact(*CHAINABLE)
@pytest.mark.parametrize("name", FACTORS)
def test_multiplies_with_another(name):
    """`StepLR`, `LinearLR` and the like, stepped beside `ExponentialLR`, multiply what each makes of the rate."""
    made, formula = FORMULAS[name]
    optimizer = optimizer_with(RATE)
    one, other = made(optimizer), lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    for _ in range(4):
        optimizer.step()
        one.step()
        other.step()
    assert rate_of(optimizer) == about(formula(4) * 0.5**4)


@fact(*CHAINABLE)
@pytest.mark.parametrize("name", FACTORS)
def test_goes_on_from_a_rate_that_was_changed_by_hand(name):
    """`StepLR`, `LinearLR` and other schedulers go on from a rate that was written into `param_groups` by hand."""
    made, formula = FORMULAS[name]
    optimizer = optimizer_with(RATE)
    scheduler = made(optimizer)
    rates(optimizer, scheduler, 2)
    optimizer.param_groups[0]["lr"] *= 8
    optimizer.step()
    scheduler.step()
    assert rate_of(optimizer) == about(8 * formula(3))


@fact("torch.optim.lr_scheduler.LambdaLR")
def test_of_lambda_forgets_a_rate_that_was_changed_by_hand():
    """`LambdaLR` sets the rate anew from the first one, whatever was written into `param_groups` by hand."""
    optimizer = optimizer_with(RATE)
    scheduler = lr_scheduler.LambdaLR(optimizer, lambda t: 1 / (1 + t))
    optimizer.param_groups[0]["lr"] = 100.0
    optimizer.step()
    scheduler.step()
    assert rate_of(optimizer) == RATE / 2


OF_FUNCTIONS = pytest.mark.parametrize(
    "made", [lr_scheduler.LambdaLR, lr_scheduler.MultiplicativeLR], ids=["each", "product"]
)


@fact("torch.optim.lr_scheduler.LambdaLR", "torch.optim.lr_scheduler.MultiplicativeLR")
@OF_FUNCTIONS
def test_of_functions_takes_one_a_group(made):
    """`LambdaLR` and `MultiplicativeLR` of a list of functions have one for each parameter group."""
    optimizer = optimizer_with(RATE, RATE)
    scheduler = made(optimizer, [lambda t: 0.5, lambda t: 0.25])
    optimizer.step()
    scheduler.step()
    assert scheduler.get_last_lr() == [RATE * 0.5, RATE * 0.25]


@fact("torch.optim.lr_scheduler.LambdaLR", "torch.optim.lr_scheduler.MultiplicativeLR")
@OF_FUNCTIONS
def test_of_functions_refuses_another_number_of_them(made):
    """`LambdaLR` and `MultiplicativeLR` of one function for two groups: "Expected 2 lr_lambdas, but got 1"."""
    with pytest.raises(ValueError, match="Expected 2 lr_lambdas, but got 1"):
        made(optimizer_with(RATE, RATE), [lambda t: 0.5])


class Halving:
    """A function with a state."""

    def __init__(self, factor):
        self.factor = factor

    def __call__(self, t):
        return self.factor**t


@fact("torch.optim.lr_scheduler.LambdaLR.state_dict", "torch.optim.lr_scheduler.MultiplicativeLR.state_dict")
@OF_FUNCTIONS
def test_of_functions_saves_objects_alone(made):
    """`state_dict` of `LambdaLR` and `MultiplicativeLR` has attributes of callable objects, and None for functions."""
    state = made(optimizer_with(RATE, RATE), [Halving(0.5), lambda t: 0.25]).state_dict()
    assert state["lr_lambdas"] == [{"factor": 0.5}, None]


@fact("torch.optim.lr_scheduler.LambdaLR.load_state_dict", "torch.optim.lr_scheduler.MultiplicativeLR.load_state_dict")
@OF_FUNCTIONS
def test_of_functions_loads_objects(made):
    """`load_state_dict` of `LambdaLR` and `MultiplicativeLR` gives their callable objects the attributes saved."""
    scheduler = made(optimizer_with(RATE), Halving(0.125))
    scheduler.load_state_dict(made(optimizer_with(RATE), Halving(0.5)).state_dict())
    assert scheduler.lr_lambdas[0].factor == 0.5


def momenta(optimizer, scheduler, steps):
    """The momentum, or the first beta, now and after each of so many steps."""
    seen = []
    for t in range(steps + 1):
        group = optimizer.param_groups[0]
        seen.append(group["betas"][0] if "betas" in group else group["momentum"])
        optimizer.step()
        scheduler.step() if t < steps else None
    return seen


def with_momentum(name):
    w = torch.ones(1, requires_grad=True)
    return torch.optim.Adam([w], lr=RATE) if name == "Adam" else torch.optim.SGD([w], lr=RATE, momentum=0.9)


@fact("torch.optim.lr_scheduler.OneCycleLR")
@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_of_one_cycle_moves_momentum_the_other_way(name):
    """`OneCycleLR` by default moves the momentum, or the first beta, down while the rate goes up, and then back."""
    optimizer = with_momentum(name)
    scheduler = lr_scheduler.OneCycleLR(optimizer, 1.0, total_steps=13, base_momentum=0.5, max_momentum=0.75)
    phases = [(0, 0.75), (0.3 * 13 - 1, 0.5), (12, 0.75)]
    assert momenta(optimizer, scheduler, 12) == about([one_cycle(t, phases) for t in range(13)])


@fact("torch.optim.lr_scheduler.CyclicLR")
def test_of_cycles_moves_momentum_the_other_way():
    """`CyclicLR` moves the momentum down while the rate goes up and back."""
    optimizer = with_momentum("SGD")
    options = {"step_size_up": 2, "base_momentum": 0.5, "max_momentum": 0.75}
    scheduler = lr_scheduler.CyclicLR(optimizer, 0.25, 1.0, **options)
    assert momenta(optimizer, scheduler, 6) == about([0.75, 0.625, 0.5, 0.625, 0.75, 0.625, 0.5])


@fact("torch.optim.lr_scheduler.CyclicLR", "torch.optim.lr_scheduler.OneCycleLR")
@pytest.mark.parametrize("name", ["CyclicLR", "OneCycleLR"])
def test_of_cycles_leaves_momentum_when_told(name):
    """`CyclicLR` and `OneCycleLR` with `cycle_momentum=False` leave the momentum as it is."""
    optimizer = with_momentum("SGD")
    given = {"base_lr": 0.25, "step_size_up": 2} if name == "CyclicLR" else {"total_steps": 9}
    scheduler = getattr(lr_scheduler, name)(optimizer, max_lr=1.0, cycle_momentum=False, **given)
    assert momenta(optimizer, scheduler, 4) == [0.9] * 5


@fact("torch.optim.lr_scheduler.CyclicLR", "torch.optim.lr_scheduler.OneCycleLR")
@pytest.mark.parametrize("name", ["CyclicLR", "OneCycleLR"])
def test_of_cycles_needs_momentum_to_move(name):
    """`CyclicLR` and `OneCycleLR` refuse an optimizer that has no momentum, unless they are told to leave it."""
    optimizer = torch.optim.Adagrad([torch.ones(1, requires_grad=True)], lr=RATE)
    given = {"base_lr": 0.25} if name == "CyclicLR" else {"total_steps": 9}
    with pytest.raises(ValueError, match="momentum"):
        getattr(lr_scheduler, name)(optimizer, max_lr=1.0, **given)


@fact("torch.optim.lr_scheduler.OneCycleLR")
def test_of_one_cycle_ends():
    """`OneCycleLR` refuses a step beyond its `total_steps` with ValueError: "Tried to step 4 times"."""
    optimizer = optimizer_with(RATE)
    scheduler = lr_scheduler.OneCycleLR(optimizer, 1.0, total_steps=3)
    with pytest.raises(ValueError, match="Tried to step 4 times"):
        rates(optimizer, scheduler, 4)
    assert scheduler.get_last_lr() == [rate_of(optimizer)]


@fact("torch.optim.lr_scheduler.OneCycleLR")
@pytest.mark.parametrize(
    "given", [{}, {"epochs": 3, "steps_per_epoch": 0}, {"total_steps": -1}], ids=["none", "zero", "negative"]
)
def test_of_one_cycle_needs_its_length(given):
    """`OneCycleLR` refuses to be without a positive `total_steps`, or `epochs` and `steps_per_epoch`."""
    with pytest.raises(ValueError, match="total_steps|epoch"):
        lr_scheduler.OneCycleLR(optimizer_with(RATE), 1.0, **given)


@fact("torch.optim.lr_scheduler.CosineAnnealingLR")
def test_of_a_cosine_rises_again():
    """`CosineAnnealingLR` goes up again after `T_max` steps, and is at its start after twice as many."""
    optimizer = optimizer_with(RATE)
    seen = rates(optimizer, lr_scheduler.CosineAnnealingLR(optimizer, T_max=3), 6)
    assert seen == about([RATE * (1 + math.cos(math.pi * t / 3)) / 2 for t in range(7)])
    assert seen[3] == about(0.0) and seen[6] == about(RATE)


@fact("torch.optim.lr_scheduler.CosineAnnealingWarmRestarts")
def test_of_restarts_takes_a_part_of_an_epoch():
    """`CosineAnnealingWarmRestarts.step` takes an epoch with its fraction, to move at every batch."""
    scheduler = lr_scheduler.CosineAnnealingWarmRestarts(optimizer_with(RATE), T_0=2)
    scheduler.step(2.5)
    assert scheduler.get_last_lr() == about([RATE * (1 + math.cos(math.pi * 0.25)) / 2])
    assert scheduler.T_cur == 0.5


@fact("torch.optim.lr_scheduler.LRScheduler.step", hint="call optimizer.step() first", claims=["L01"])
def test_warns_when_it_is_before_the_optimizer():
    """`lr_scheduler.step()` before `optimizer.step()` warns "Detected call of": the first rate is then never used."""
    optimizer = optimizer_with(RATE)
    scheduler = lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    with pytest.warns(UserWarning, match="before `optimizer.step"):
        scheduler.step()
    assert rate_of(optimizer) == RATE / 2


@fact("torch.optim.lr_scheduler.LRScheduler.step")
def test_warns_of_an_epoch():
    """`scheduler.step(epoch)` warns that the "epoch parameter in `scheduler.step()`" is deprecated."""
    optimizer = optimizer_with(RATE)
    scheduler = lr_scheduler.StepLR(optimizer, 2, gamma=0.5)
    optimizer.step()
    with pytest.warns(UserWarning, match="epoch parameter in `scheduler.step"):
        scheduler.step(7)


@fact("torch.optim.lr_scheduler.LRScheduler.step")
@pytest.mark.filterwarnings("ignore:The epoch parameter in")
def test_goes_to_an_epoch():
    """`scheduler.step(7)` of `StepLR` goes to epoch 7, with the rate of its closed form there."""
    optimizer = optimizer_with(RATE)
    scheduler = lr_scheduler.StepLR(optimizer, 2, gamma=0.5)
    optimizer.step()
    scheduler.step(7)
    assert (rate_of(optimizer), scheduler.last_epoch) == (RATE * 0.5**3, 7)


@fact("torch.optim.lr_scheduler.LRScheduler")
def test_may_be_made_by_a_subclass():
    """A subclass of `LRScheduler` says in `get_lr` the rates that its steps set, one a group."""

    class Descending(lr_scheduler.LRScheduler):
        def get_lr(self):
            return [base - 0.125 * self.last_epoch for base in self.base_lrs]

    optimizer = optimizer_with(RATE, 1.0)
    scheduler = Descending(optimizer)
    optimizer.step()
    scheduler.step()
    assert scheduler.get_last_lr() == [RATE - 0.125, 1 - 0.125]
    assert scheduler.base_lrs == [RATE, 1.0]


@fact("torch.optim.lr_scheduler.LRScheduler")
def test_that_goes_on_needs_the_first_rate():
    """`ExponentialLR(last_epoch=3)` refuses an optimizer whose groups have no `initial_lr` with KeyError."""
    with pytest.raises(KeyError, match="initial_lr"):
        lr_scheduler.ExponentialLR(optimizer_with(RATE), gamma=0.5, last_epoch=3)


@fact("torch.optim.lr_scheduler.LRScheduler")
def test_is_for_an_optimizer():
    """`LRScheduler` refuses a module with TypeError: it is "not an Optimizer"."""
    with pytest.raises(TypeError, match="not an Optimizer"):
        lr_scheduler.LRScheduler(torch.nn.Linear(1, 1))


@fact(
    "torch.optim.lr_scheduler.LRScheduler",
    since="2.2",
    until="2.7",
    calls="verbose",
    hint="print scheduler.get_last_lr()",
)
def test_warned_when_verbose():
    """`ExponentialLR(verbose=True)` warned that the argument `verbose` is deprecated."""
    with pytest.warns(UserWarning, match="verbose parameter is deprecated"):
        lr_scheduler.ExponentialLR(optimizer_with(RATE), gamma=0.5, verbose=True)


def takes_anything(patch):
    """A scheduler ignores an argument that it does not know."""
    init = lr_scheduler.ExponentialLR.__init__
    patch.setattr(lr_scheduler.ExponentialLR, "__init__", lambda s, o, gamma, **others: init(s, o, gamma))


@fact(
    "torch.optim.lr_scheduler.LRScheduler",
    since="2.7",
    calls="verbose",
    refuter=takes_anything,
    hint="print scheduler.get_last_lr()",
)
def test_is_not_verbose():
    """`ExponentialLR` refuses `verbose=True` with TypeError: schedulers have no argument `verbose`."""
    with pytest.raises(TypeError, match="verbose"):
        lr_scheduler.ExponentialLR(optimizer_with(RATE), gamma=0.5, verbose=True)


@fact("torch.optim.lr_scheduler.SequentialLR")
@pytest.mark.parametrize("milestones", [[], [2, 4]], ids=["none", "two"])
def test_of_a_sequence_needs_a_milestone_between(milestones):
    """`SequentialLR` of two schedulers refuses to be given no milestone, and to be given two."""
    optimizer = optimizer_with(RATE)
    parts = [lr_scheduler.ConstantLR(optimizer), lr_scheduler.ConstantLR(optimizer)]
    with pytest.raises(ValueError, match="milestones|number of"):
        lr_scheduler.SequentialLR(optimizer, parts, milestones)


@fact(
    "torch.optim.lr_scheduler.SequentialLR",
    "torch.optim.lr_scheduler.ChainedScheduler",
    since="2.4",
    calls="schedulers made ReduceLROnPlateau()",
    hint="step ReduceLROnPlateau on its own, with what it watches",
)
@pytest.mark.parametrize(
    "made",
    [
        lambda o: lr_scheduler.SequentialLR(o, [lr_scheduler.ConstantLR(o), lr_scheduler.ReduceLROnPlateau(o)], [2]),
        lambda o: lr_scheduler.ChainedScheduler([lr_scheduler.ConstantLR(o), lr_scheduler.ReduceLROnPlateau(o)]),
    ],
    ids=["sequence", "chain"],
)
def test_of_several_is_none_of_plateaus(made):
    """`SequentialLR`, `ChainedScheduler`: "does not support `ReduceLROnPlateau`", whose `step` needs a metric."""
    with pytest.raises(ValueError, match="does not support `ReduceLROnPlateau`"):
        made(optimizer_with(RATE))


@fact("torch.optim.lr_scheduler.SequentialLR", "torch.optim.lr_scheduler.ChainedScheduler")
@pytest.mark.parametrize(
    "made",
    [lambda o, parts: lr_scheduler.SequentialLR(o, parts, [2]), lambda o, parts: lr_scheduler.ChainedScheduler(parts)],
    ids=["sequence", "chain"],
)
def test_of_several_is_for_one_optimizer(made):
    """`SequentialLR` and `ChainedScheduler` refuse schedulers not of the "same optimizer"."""
    optimizer = optimizer_with(RATE)
    with pytest.raises(ValueError, match="same optimizer"):
        made(optimizer, [lr_scheduler.ConstantLR(optimizer), lr_scheduler.ConstantLR(optimizer_with(RATE))])


@fact("torch.optim.lr_scheduler.SequentialLR")
def test_of_a_sequence_warms_up():
    """`SequentialLR` of `LinearLR` and `CosineAnnealingLR` gives a warm-up: a linear rise, then a cosine."""
    optimizer = optimizer_with(RATE)
    parts = [lr_scheduler.LinearLR(optimizer, 0.25, 1.0, 4), lr_scheduler.CosineAnnealingLR(optimizer, 8)]
    seen = rates(optimizer, lr_scheduler.SequentialLR(optimizer, parts, [4]), 11)
    rise = [RATE * (0.25 + 0.75 * t / 4) for t in range(4)]
    assert seen == about(rise + [RATE * (1 + math.cos(math.pi * t / 8)) / 2 for t in range(8)])


# --- ReduceLROnPlateau ------------------------------------------------------------------------------------------------


def on_plateau(metrics, optimizer=None, **options):
    """The rate after each metric."""
    optimizer = optimizer or optimizer_with(RATE)
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, **options)
    seen = []
    for metric in metrics:
        scheduler.step(metric)
        seen.append(rate_of(optimizer) / RATE)
    return seen


@fact("torch.optim.lr_scheduler.ReduceLROnPlateau")
@pytest.mark.parametrize(
    ("options", "metrics", "want"),
    [
        ({"patience": 1}, [3, 3, 3, 3, 3], [1, 1, 0.5, 0.5, 0.25]),
        ({"patience": 0}, [3, 2, 2, 1, 1], [1, 1, 0.5, 0.5, 0.25]),
        ({"patience": 2}, [3, 3, 3, 2, 3, 3, 3], [1, 1, 1, 1, 1, 1, 0.5]),
        ({"patience": 0, "mode": "max"}, [1, 2, 3, 3, 2], [1, 1, 1, 0.5, 0.25]),
        ({"patience": 0, "cooldown": 2}, [3, 3, 3, 3, 3], [1, 0.5, 0.5, 0.5, 0.25]),
        ({"patience": 0, "threshold": 0.25}, [4, 3.5, 3, 2.9], [1, 0.5, 0.25, 0.25]),
        ({"patience": 0, "threshold": 0.75, "threshold_mode": "abs"}, [4, 3.5, 3, 2.9], [1, 0.5, 0.5, 0.25]),
        ({"patience": 0, "mode": "max", "threshold": 0.25}, [4, 4.5, 5.5, 6], [1, 0.5, 0.5, 0.25]),
        ({"patience": 0, "mode": "max", "threshold": 1, "threshold_mode": "abs"}, [4, 5, 5.5], [1, 0.5, 0.5]),
        ({"patience": 0, "min_lr": RATE / 3}, [3, 3, 3, 3], [1, 0.5, 1 / 3, 1 / 3]),
        ({"patience": 0, "eps": RATE / 4}, [3, 3, 3, 3], [1, 0.5, 0.5, 0.5]),
        ({"patience": 0}, [3, math.nan, 2], [1, 0.5, 0.5]),
    ],
    ids=["patience", "impatient", "better", "max", "cooldown", "relative", "absolute", "relative_max", "absolute_max",
         "least", "too_small_a_change", "NaN"],
)  # fmt: skip
def test_of_a_plateau_falls_after_patience(options, metrics, want):
    """`ReduceLROnPlateau` lowers the rate after more than `patience` metrics that are not better by `threshold`."""
    assert on_plateau(metrics, factor=0.5, **options) == about(want)


@fact("torch.optim.lr_scheduler.ReduceLROnPlateau")
def test_of_a_plateau_has_defaults():
    """`ReduceLROnPlateau` by default takes a tenth of the rate at the eleventh bad metric in a row."""
    assert on_plateau([1.0] * 12) == about([1.0] * 11 + [0.1])


@fact("torch.optim.lr_scheduler.ReduceLROnPlateau")
@pytest.mark.parametrize(("better", "last"), [(2e-4, 1.0), (0.5e-4, 0.1)])
def test_of_a_plateau_takes_a_ten_thousandth_for_better(better, last):
    """`ReduceLROnPlateau` by default takes a metric for better if it is lower by over a ten thousandth of the best."""
    assert on_plateau([1.0, 1.0 - better] + [1.0] * 10)[-1:] == about([last])


@fact("torch.optim.lr_scheduler.ReduceLROnPlateau")
def test_of_a_plateau_takes_a_least_rate_a_group():
    """`ReduceLROnPlateau` takes a `min_lr` for each group."""
    optimizer = optimizer_with(RATE, RATE)
    on_plateau([1, 1, 1], optimizer, factor=0.25, patience=0, min_lr=[0.0, 0.25])
    assert [group["lr"] for group in optimizer.param_groups] == [RATE / 16, 0.25]


@fact("torch.optim.lr_scheduler.ReduceLROnPlateau")
@pytest.mark.parametrize(
    ("options", "words"),
    [({"factor": 1.0}, "Factor"), ({"mode": "least"}, "mode least"), ({"threshold_mode": "no"}, "threshold mode no")],
    ids=["factor", "mode", "threshold_mode"],
)
def test_of_a_plateau_refuses_wrong_options(options, words):
    """`ReduceLROnPlateau` refuses a factor that does not lower, and an unknown mode."""
    with pytest.raises(ValueError, match=words):
        lr_scheduler.ReduceLROnPlateau(optimizer_with(RATE), **options)


@fact("torch.optim.lr_scheduler.ReduceLROnPlateau")
def test_of_a_plateau_goes_on_from_its_state():
    """`ReduceLROnPlateau` that loads the state of another knows its best metric and how long it has waited."""
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer_with(RATE), factor=0.5, patience=1)
    scheduler.step(1.0)
    scheduler.step(2.0)
    optimizer = optimizer_with(RATE)
    other = lr_scheduler.ReduceLROnPlateau(optimizer)
    other.load_state_dict(scheduler.state_dict())
    assert (other.best, other.num_bad_epochs) == (1.0, 1)
    other.step(1.5)
    assert rate_of(optimizer) == RATE * 0.5


@fact("torch.optim.lr_scheduler.ReduceLROnPlateau")
def test_of_a_plateau_takes_a_tensor():
    """`ReduceLROnPlateau.step` takes the metric as a tensor, as it takes a number."""
    assert on_plateau(torch.tensor([2.0, 2.0, 1.0, 1.0]), factor=0.5, patience=0) == [1, 0.5, 0.5, 0.25]


@fact("torch.optim.lr_scheduler.ReduceLROnPlateau", since="2.2", calls="names get_last_lr", gain=True)
def test_of_a_plateau_tells_its_rate():
    """`ReduceLROnPlateau` tells its rates by `get_last_lr`, one a group."""
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer_with(RATE, 0.25), factor=0.5, patience=0)
    scheduler.step(1.0)
    scheduler.step(1.0)
    assert scheduler.get_last_lr() == [RATE / 2, 0.125]


@fact("torch.optim.lr_scheduler.ReduceLROnPlateau.step")
def test_of_a_plateau_needs_a_metric():
    """`ReduceLROnPlateau.step` without a metric is refused with TypeError."""
    with pytest.raises(TypeError, match="metrics"):
        lr_scheduler.ReduceLROnPlateau(optimizer_with(RATE)).step()
