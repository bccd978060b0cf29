"""Learning rates for parts of a pre-trained model, and how much of what it knew is forgotten."""

import copy

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler

from torchproof import close, fact
from torchproof.suites.training.line import column, line, weight_of


def pair(device, **options):
    """A backbone and a head, and SGD with a tenth of the rate for the backbone."""
    model = nn.Sequential(line(1.0, device), line(1.0, device))
    groups = [{"params": model[0].parameters(), "lr": 0.0625}, {"params": model[1].parameters()}]
    return model, torch.optim.SGD(groups, lr=0.5, **options)


def step(model, optimizer):
    optimizer.zero_grad()
    model(column(1.0, device=model[0].weight.device)).sum().backward()
    optimizer.step()


@fact("torch.optim.SGD")
def test_of_two_groups_move_each_by_its_own(device):
    """Different layers use different learning rates by a group for each: `SGD` moves backbone and head by its own."""
    model, optimizer = pair(device)
    step(model, optimizer)
    assert (weight_of(model[0]), weight_of(model[1])) == (0.9375, 0.5)


@fact("torch.optim.SGD", "torch.optim.lr_scheduler.ExponentialLR")
def test_of_two_groups_keep_their_ratio_under_a_scheduler(device):
    """`ExponentialLR` lowers the rates of all groups by the same factor: the backbone keeps its share."""
    model, optimizer = pair(device)
    scheduler = lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    step(model, optimizer)
    scheduler.step()
    assert scheduler.get_last_lr() == [0.03125, 0.25]


@fact("torch.optim.lr_scheduler.LambdaLR", "torch.optim.SGD")
def test_of_two_groups_may_have_schedules_of_their_own(device):
    """`LambdaLR` with a function for each group warms up the head alone, with the backbone at rest until then."""
    model, optimizer = pair(device)
    scheduler = lr_scheduler.LambdaLR(optimizer, [lambda t: float(t >= 1), lambda t: 1.0])
    seen = []
    for _ in range(2):
        step(model, optimizer)
        scheduler.step()
        seen.append(weight_of(model[0]))
    assert seen == [1.0, 1.0 - 0.0625 * 0.5]


@fact("torch.optim.SGD")
@pytest.mark.parametrize("decay", [0.0, 0.5])
def test_of_zero_are_as_good_as_freezing_for_the_weights(device, decay):
    """A group of `SGD` with a rate of zero keeps its weights, weight decay or not."""
    model, optimizer = pair(device, weight_decay=decay)
    optimizer.param_groups[0]["lr"] = 0.0
    step(model, optimizer)
    assert weight_of(model[0]) == 1.0 and weight_of(model[1]) != 1.0


@fact("torch.Tensor.backward", hint="requires_grad_(False) spares backward the work")
def test_of_zero_do_not_spare_backward(device):
    """`backward` computes gradients also of weights whose group of `SGD` has a rate of zero."""
    model, optimizer = pair(device)
    optimizer.param_groups[0]["lr"] = 0.0
    step(model, optimizer)
    assert model[0].weight.grad.item() == 1.0


@fact("torch.optim.Optimizer.add_param_group", "torch.optim.SGD")
def test_of_layers_thawed_one_by_one_are_those_given_with_them(device):
    """Layers thawed one by one are added by `add_param_group`, each with its own rate, and train from then on."""
    layers = [line(1.0, device).requires_grad_(False) for _ in range(3)]
    model, seen = nn.Sequential(*layers), []
    layers[2].requires_grad_()
    optimizer = torch.optim.SGD(layers[2].parameters(), lr=0.25)
    for rate, layer in ((0.125, layers[1]), (0.0625, layers[0])):
        step(model, optimizer)
        seen.append([weight_of(one) != 1.0 for one in layers])
        optimizer.add_param_group({"params": layer.requires_grad_().parameters(), "lr": rate})
    step(model, optimizer)
    assert [*seen, [weight_of(one) != 1.0 for one in layers]] == [[False, False, True], [False, True, True], [True] * 3]
    assert [group["lr"] for group in optimizer.param_groups] == [0.25, 0.125, 0.0625]


# --- forgetting -------------------------------------------------------------------------------------------------------

# Of the old task the best weight is 0, where the model begins, and of the new one it is 1.


def tuned(device, lr, steps, penalty=0.0, old=0.0):
    """The weight after fine-tuning on the new task, held to its start by a penalty, or with old samples beside."""
    model = line(0.0, device)
    start = copy.deepcopy(model.weight.detach())
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    one = column(1.0, device=device)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (model(one) - 1).square().sum() / 2 + penalty / 2 * (model.weight - start).square().sum()
        (loss + old / 2 * model(one).square().sum()).backward()
        optimizer.step()
    return model.weight.detach().double()


@fact("torch.optim.SGD", claims=["F06"])
@pytest.mark.parametrize("lr", [0.5, 0.03125])
def test_that_are_small_forget_less_in_the_same_steps(device, lr):
    """After ten steps of `SGD` a weight has gone 1 - (1 - lr)**10 of the way to a new task: small rates forget less."""
    close(tuned(device, lr, 10).float(), [[1 - (1 - lr) ** 10]], roundings=64)


@fact(
    "torch.optim.SGD",
    claims=["F06"],
    myth="a small learning rate keeps what the model knows however long it is trained",
)
def test_that_are_small_forget_as_much_in_the_end(device):
    """A small rate of `SGD` only delays forgetting: with more steps the old task is overwritten all the same."""
    close(tuned(device, 0.03125, 500).float(), [[1.0]], roundings=2**4)
    assert tuned(device, 0.03125, 10).item() < 0.3


@fact("torch.optim.SGD", claims=["F06"])
@pytest.mark.parametrize("penalty", [1.0, 3.0])
def test_do_not_hold_what_a_penalty_holds(device, penalty):
    """A penalty on the distance from pre-trained weights holds `SGD` back for good: 1 / (1 + penalty) of the way."""
    close(tuned(device, 0.125, 120, penalty=penalty).float(), [[1 / (1 + penalty)]], roundings=64)


@fact("torch.optim.SGD", "torch.Tensor.backward")
def test_do_not_hold_what_old_samples_hold(device):
    """Old samples beside the new ones, as replay, keep a weight of `SGD` in the balance of both losses."""
    close(tuned(device, 0.125, 120, old=1.0).float(), [[0.5]], roundings=64)


@fact("torch.optim.SGD", "torch.nn.Module.state_dict")
def test_matter_to_nothing_that_was_kept_beforehand(device):
    """What fine-tuning forgot comes back from a copy of the pre-trained `state_dict`."""
    model = line(0.25, device)
    before = copy.deepcopy(model.state_dict())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    model(column(1.0, device=device)).sum().backward()
    optimizer.step()
    tuned_to = weight_of(model)
    model.load_state_dict(before)
    assert (tuned_to, weight_of(model)) == (-0.25, 0.25)
