"""The `state_dict` of optimizers: what is in it, and resuming with it or without; whole runs are in test_checkpoint."""

import copy

import pytest
import torch
from torch import nn

from torchproof import close, fact, same

MAKERS = {
    "SGD": lambda ws: torch.optim.SGD(ws, lr=0.1, momentum=0.9),
    "Adam": lambda ws: torch.optim.Adam(ws, lr=0.1),
    "AdamW": lambda ws: torch.optim.AdamW(ws, lr=0.1),
    "RMSprop": lambda ws: torch.optim.RMSprop(ws, lr=0.1, momentum=0.9),
    "Adagrad": lambda ws: torch.optim.Adagrad(ws, lr=0.1),
}
each_optimizer = pytest.mark.parametrize("maker", MAKERS.values(), ids=MAKERS)


def weight(device, start=(1.0, -2.0)):
    """A leaf to be trained."""
    return torch.tensor(start, device=device, requires_grad=True)


def descended(start, rate, steps):
    """Where plain gradient descent on a quartic ends."""
    for _ in range(steps):
        start -= rate * 4 * start**3
    return start


def train(w, optimizer, steps):
    """Some steps towards the minimum of a quartic."""
    for _ in range(steps):
        optimizer.zero_grad()
        (w**4).sum().backward()
        optimizer.step()


@fact("torch.optim.Optimizer.load_state_dict", "torch.optim.Optimizer.state_dict", claims=["S04"])
@each_optimizer
def test_lets_training_go_on_bit_for_bit(device, tmp_path, maker):
    """Training by `Adam` or others saved and resumed with parameters and optimizer state is bit for bit as unbroken."""
    w = weight(device)
    optimizer = maker([w])
    train(w, optimizer, 3)
    torch.save({"w": w.detach(), "optimizer": optimizer.state_dict()}, tmp_path / "checkpoint.pt")
    train(w, optimizer, 3)
    checkpoint = torch.load(tmp_path / "checkpoint.pt")
    resumed = checkpoint["w"].requires_grad_()
    again = maker([resumed])
    again.load_state_dict(checkpoint["optimizer"])
    train(resumed, again, 3)
    same(resumed, w)


@fact(
    *(f"torch.optim.{name}.step" for name in MAKERS),
    claims=["S04"],
    myth="the model's state_dict is enough to go on training",
)
@each_optimizer
def test_left_out_lets_training_go_on_otherwise(device, maker):
    """Training by `Adam` or others that is resumed with the parameters alone ends elsewhere than without a break."""
    w = weight(device)
    optimizer = maker([w])
    train(w, optimizer, 3)
    resumed = w.detach().clone().requires_grad_()
    train(w, optimizer, 3)
    train(resumed, maker([resumed]), 3)
    assert (resumed - w).abs().max() > 1e-3


@fact("torch.optim.SGD.step", claims=["S04"])
def test_left_out_does_not_matter_to_plain_sgd(device):
    """Training by `SGD` without momentum goes on from the parameters alone as without a break."""
    w = weight(device)
    optimizer = torch.optim.SGD([w], lr=0.01)
    train(w, optimizer, 3)
    resumed = w.detach().clone().requires_grad_()
    train(w, optimizer, 3)
    train(resumed, torch.optim.SGD([resumed], lr=0.01), 3)
    same(resumed, w)
    close(resumed, [descended(1.0, 0.01, 6), descended(-2.0, 0.01, 6)], roundings=6 * 5)


@fact("torch.optim.Optimizer.state_dict")
def test_is_keyed_by_position(device):
    """The state and the groups in an optimizer's `state_dict` name parameters by their position."""
    w, v = weight(device), weight(device)
    optimizer = torch.optim.SGD([{"params": [w]}, {"params": [v], "lr": 0.5}], lr=0.1, momentum=0.9)
    train(v, optimizer, 1)
    state = optimizer.state_dict()
    assert list(state["state"]) == [1]
    assert [(group["params"], group["lr"]) for group in state["param_groups"]] == [([0], 0.1), ([1], 0.5)]


@fact(
    "torch.optim.Optimizer.state_dict",
    myth="an optimizer's state goes to the parameter of the same name",
    hint="give the parameters in the same order",
)
def test_goes_to_the_parameter_at_the_same_position(device):
    """An `SGD` that has the parameters in another order gets the momentum of the wrong one by `load_state_dict`."""
    a, b = weight(device), weight(device)
    optimizer = torch.optim.SGD([a, b], lr=0.0, momentum=0.5)
    a.grad, b.grad = torch.tensor([1.0, 1.0], device=device), torch.tensor([8.0, 8.0], device=device)
    optimizer.step()
    swapped = torch.optim.SGD([b, a], lr=0.0, momentum=0.5)
    swapped.load_state_dict(optimizer.state_dict())
    same(swapped.state[b]["momentum_buffer"], torch.tensor([1.0, 1.0]))


@fact("torch.optim.Optimizer.state_dict")
def test_does_not_hold_the_parameters(device):
    """An optimizer's `state_dict` brings no parameter's value with it."""
    w = weight(device, (5.0, 6.0))
    optimizer = torch.optim.SGD([w], lr=0.1, momentum=0.9)
    optimizer.load_state_dict(torch.optim.SGD([weight(device)], lr=0.7, momentum=0.9).state_dict())
    same(w, torch.tensor([5.0, 6.0]))
    assert optimizer.param_groups[0]["lr"] == 0.7


@fact("torch.optim.Optimizer.load_state_dict", hint="set param_groups[0]['lr'] after loading")
def test_brings_the_learning_rate_with_it(device):
    """`load_state_dict` replaces the learning rate that the optimizer was made with."""
    w = weight(device)
    optimizer = torch.optim.SGD([w], lr=1.0)
    optimizer.load_state_dict(torch.optim.SGD([weight(device)], lr=0.25).state_dict())
    w.grad = torch.ones(2, device=device)
    optimizer.step()
    same(w, torch.tensor([0.75, -2.25]))


@fact("torch.optim.Optimizer.state_dict", hint="copy.deepcopy(optimizer.state_dict()) makes a snapshot")
def test_changes_with_later_training(device):
    """The tensors in a `state_dict` of `SGD` are live and change with the next `step`, those of a `deepcopy` not."""
    w = weight(device)
    optimizer = torch.optim.SGD([w], lr=0.1, momentum=0.5)
    w.grad = torch.ones(2, device=device)
    optimizer.step()
    live = optimizer.state_dict()["state"][0]["momentum_buffer"]
    copied = copy.deepcopy(optimizer.state_dict())["state"][0]["momentum_buffer"]
    optimizer.step()
    same(live, torch.tensor([1.5, 1.5]))
    same(copied, torch.tensor([1.0, 1.0]))


@fact("torch.optim.Optimizer.load_state_dict")
def test_takes_the_dtype_of_the_parameters(device):
    """`load_state_dict` turns the moments of a float32 run into the float64 of the parameters."""
    w, wide = weight(device), torch.tensor([1.0, -2.0], device=device, dtype=torch.float64, requires_grad=True)
    first, second = torch.optim.Adam([w]), torch.optim.Adam([wide])
    w.grad = torch.ones(2, device=device)
    first.step()
    second.load_state_dict(first.state_dict())
    same(second.state[wide]["exp_avg"], first.state[w]["exp_avg"].double())


@fact("torch.optim.Optimizer.state_dict", since="2.6", calls="names named_parameters|param_names", gain=True)
def test_knows_names_when_it_was_given_them():
    """The `state_dict` of an optimizer made from `named_parameters()` lists their names as `param_names`."""
    optimizer = torch.optim.SGD(nn.Linear(2, 1).named_parameters(), lr=0.1)
    assert optimizer.state_dict()["param_groups"][0]["param_names"] == ["weight", "bias"]


@fact("torch.optim.SGD", until="2.6", calls="names named_parameters|param_names", hint="pass model.parameters()")
def test_cannot_be_given_names():
    """`SGD` refuses `named_parameters()`: "optimizer can only optimize Tensors, but one of the params is tuple"."""
    with pytest.raises(TypeError, match="optimizer can only optimize Tensors, but one of the params is tuple"):
        torch.optim.SGD(nn.Linear(2, 1).named_parameters(), lr=0.1)
