"""Checkpoints of whole runs, schedulers and random state included; the optimizer's state is in test_optimizer_state."""

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler

from torchproof import fact, same

SCHEDULERS = {
    "StepLR": lambda optimizer: lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5),
    "MultiStepLR": lambda optimizer: lr_scheduler.MultiStepLR(optimizer, [1, 4], gamma=0.5),
    "ExponentialLR": lambda optimizer: lr_scheduler.ExponentialLR(optimizer, gamma=0.5),
    "CosineAnnealingLR": lambda optimizer: lr_scheduler.CosineAnnealingLR(optimizer, T_max=10),
    "OneCycleLR": lambda optimizer: lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=10),
}
each_scheduler = pytest.mark.parametrize("scheduled", SCHEDULERS.values(), ids=SCHEDULERS)


def rates(optimizer, scheduler, epochs):
    """The learning rate at each of the next epochs."""
    seen = []
    for _ in range(epochs):
        optimizer.step()
        scheduler.step()
        seen.append(optimizer.param_groups[0]["lr"])
    return seen


def sgd():
    return torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=1.0, momentum=0.9)


class Run:
    """A model with dropout, its optimizer and its scheduler, on fixed data."""

    def __init__(self, device):
        self.model = nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.5), nn.Linear(8, 1)).to(device)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=0.1)
        self.scheduler = lr_scheduler.ExponentialLR(self.optimizer, gamma=0.5)
        self.x = torch.arange(12.0, device=device).view(4, 3) / 12

    def train(self, epochs):
        for _ in range(epochs):
            self.optimizer.zero_grad()
            self.model(self.x).square().mean().backward()
            self.optimizer.step()
            self.scheduler.step()
        return self

    def save(self, path):
        parts = {"model": self.model, "optimizer": self.optimizer, "scheduler": self.scheduler}
        torch.save({name: part.state_dict() for name, part in parts.items()}, path)

    def resume(self, path, parts):
        checkpoint = torch.load(path)
        for name in parts:
            getattr(self, name).load_state_dict(checkpoint[name])
        return self


def seeded(device, seed):
    """A new run; random numbers drawn from here on follow from the seed."""
    run = Run(device)
    torch.manual_seed(seed)
    return run


@fact(
    "torch.optim.lr_scheduler.LRScheduler.load_state_dict",
    "torch.optim.lr_scheduler.LRScheduler.state_dict",
    claims=["S04"],
)
@each_scheduler
def test_with_the_scheduler_continues_its_rates(scheduled):
    """`StepLR` and other schedulers, by `load_state_dict` beside their optimizer's, continue the learning rates."""
    optimizer = sgd()
    scheduler = scheduled(optimizer)
    rates(optimizer, scheduler, 3)
    resumed = sgd()
    again = scheduled(resumed)
    resumed.load_state_dict(optimizer.state_dict())
    again.load_state_dict(scheduler.state_dict())
    assert rates(resumed, again, 5) == rates(optimizer, scheduler, 5)


@fact(
    "torch.optim.lr_scheduler.StepLR",
    claims=["S04"],
    myth="model, optimizer, epoch and loss are all there is to save",
)
def test_without_the_scheduler_starts_its_rates_anew():
    """Where the optimizer's state is resumed and that of `StepLR` is not, the learning rate falls at other epochs."""
    optimizer = sgd()
    scheduler = lr_scheduler.StepLR(optimizer, step_size=4, gamma=0.5)
    rates(optimizer, scheduler, 3)
    resumed = sgd()
    anew = lr_scheduler.StepLR(resumed, step_size=4, gamma=0.5)
    resumed.load_state_dict(optimizer.state_dict())
    assert rates(optimizer, scheduler, 3) == [0.5, 0.5, 0.5]
    assert rates(resumed, anew, 3) == [1.0, 1.0, 1.0]


@fact("torch.optim.lr_scheduler.LRScheduler.state_dict")
def test_of_a_scheduler_does_not_hold_the_optimizer():
    """The `state_dict` of a `StepLR` holds each attribute of the scheduler except the optimizer."""
    scheduler = lr_scheduler.StepLR(sgd(), step_size=2)
    state = scheduler.state_dict()
    assert (state["step_size"], state["last_epoch"]) == (2, 0)
    assert set(state) == set(vars(scheduler)) - {"optimizer"}


@fact("torch.optim.lr_scheduler.StepLR", "torch.optim.lr_scheduler.LambdaLR")
@pytest.mark.parametrize(
    ("made", "rate"),
    [
        (lambda optimizer: lr_scheduler.StepLR(optimizer, step_size=2), 1.0),
        (lambda optimizer: lr_scheduler.LambdaLR(optimizer, lambda epoch: 0.25), 0.25),
    ],
    ids=["StepLR", "LambdaLR"],
)
def test_of_the_optimizer_holds_the_rate_that_its_scheduler_began_with(made, rate):
    """With a `StepLR` or `LambdaLR` an optimizer's `state_dict` holds the learning rate before it as `initial_lr`."""
    optimizer = sgd()
    made(optimizer)
    group = optimizer.state_dict()["param_groups"][0]
    assert (group["lr"], group["initial_lr"]) == (rate, 1.0)


@fact("torch.optim.lr_scheduler.LambdaLR", hint="use a callable object, whose attributes are saved")
def test_of_a_lambda_scheduler_leaves_out_the_lambda():
    """The `state_dict` of a `LambdaLR` holds None in place of a lambda."""
    state = lr_scheduler.LambdaLR(sgd(), lambda epoch: 0.5**epoch).state_dict()
    assert (state["lr_lambdas"], state["base_lrs"], state["last_epoch"]) == ([None], [1.0], 0)


@fact("torch.save", claims=["S04"], source="https://docs.pytorch.org/tutorials/beginner/saving_loading_models.html")
@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
def test_of_epoch_model_optimizer_and_loss_comes_back_whole(device, tmp_path, optimizer):
    """A checkpoint of epoch, loss, model and optimizer `state_dict` comes back from `torch.load` as it was saved."""
    model = nn.Linear(2, 1, device=device)
    made = getattr(torch.optim, optimizer)(model.parameters(), lr=0.5)
    checkpoint = {"epoch": 3, "loss": 0.25, "model": model.state_dict(), "optimizer": made.state_dict()}
    torch.save(checkpoint, tmp_path / "checkpoint.pt")
    back = torch.load(tmp_path / "checkpoint.pt")
    assert (back["epoch"], back["loss"], back["optimizer"]) == (3, 0.25, made.state_dict())
    same(back["model"]["weight"], model.weight)


@fact("torch.get_rng_state", "torch.set_rng_state", claims=["S04"])
def test_with_all_parts_and_the_random_state_resumes_bit_for_bit(tmp_path):
    """A run with `Dropout` on the CPU, resumed with all parts and `set_rng_state`, ends bit for bit as unbroken."""
    run = seeded("cpu", 1).train(2)
    run.save(tmp_path / "checkpoint.pt")
    random_state = torch.get_rng_state()
    run.train(2)
    resumed = seeded("cpu", 2).resume(tmp_path / "checkpoint.pt", ["model", "optimizer", "scheduler"])
    torch.set_rng_state(random_state)
    same(resumed.train(2).model[0].weight, run.model[0].weight)


@fact("torch.get_rng_state", "torch.set_rng_state")
def test_of_the_random_state_brings_the_seed_back():
    """`set_rng_state` of what `get_rng_state` gave, a row of bytes, brings `initial_seed` back as well."""
    torch.manual_seed(7)
    state = torch.get_rng_state()
    torch.manual_seed(8)
    torch.set_rng_state(state)
    assert torch.initial_seed() == 7
    assert (state.dtype, state.dim()) == (torch.uint8, 1)


@fact(
    "torch.nn.Dropout",
    claims=["S04"],
    myth="model, optimizer, epoch and loss are all there is to save",
    hint="save torch.get_rng_state() as well",
)
def test_without_the_random_state_drops_otherwise(tmp_path):
    """A run with `Dropout` resumed without its random state, `get_rng_state`, ends elsewhere than without a break."""
    run = seeded("cpu", 1).train(2)
    run.save(tmp_path / "checkpoint.pt")
    run.train(2)
    resumed = seeded("cpu", 2).resume(tmp_path / "checkpoint.pt", ["model", "optimizer", "scheduler"])
    assert not torch.equal(resumed.train(2).model[0].weight, run.model[0].weight)
