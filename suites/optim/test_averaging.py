"""Averages of weights and their rates: `torch.optim.swa_utils`; other schedulers are in test_lr_scheduler."""

import math

import pytest
import torch
from torch import nn
from torch.optim import swa_utils

from torchproof import close, fact, same


def model(number, device="cpu"):
    """A linear layer without bias whose only weight is this number."""
    linear = nn.Linear(1, 1, bias=False, device=device)
    return set_to(linear, number)


def set_to(linear, number):
    with torch.no_grad():
        linear.weight.fill_(number)
    return linear


def averaged(device, numbers, **options):
    """The weight of the average after each of the numbers, beginning with the first."""
    linear = model(0.0, device)
    average = swa_utils.AveragedModel(linear, **options)
    seen = []
    for number in numbers:
        average.update_parameters(set_to(linear, number))
        seen.append(average.module.weight.item())
    return seen


@fact("torch.optim.swa_utils.AveragedModel")
def test_is_the_mean_of_all_updates(device):
    """`AveragedModel` holds the mean of the weights at all calls of `update_parameters`."""
    assert averaged(device, [1.0, 2.0, 6.0, 11.0]) == pytest.approx([1.0, 1.5, 3.0, 5.0], rel=1e-6)


@fact("torch.optim.swa_utils.AveragedModel")
def test_takes_a_rule_of_its_own(device):
    """`AveragedModel` averages by its `avg_fn` of the average, the new weight and how many went into it."""
    rule = {"avg_fn": lambda average, weight, count: average + weight * count}
    assert averaged(device, [1.0, 2.0, 4.0], **rule) == [1.0, 1 + 2 * 1, 3 + 4 * 2]


@fact("torch.optim.swa_utils.get_ema_avg_fn", "torch.optim.swa_utils.get_swa_avg_fn")
def test_of_one_tensor_has_its_rule(device):
    """`get_ema_avg_fn` weighs the old average by its decay, and `get_swa_avg_fn` by how many went into it."""
    average, weight = torch.tensor([1.0, 2.0], device=device), torch.tensor([5.0, -2.0], device=device)
    same(swa_utils.get_ema_avg_fn(0.75)(average, weight, 7), torch.tensor([2.0, 1.0]))
    same(swa_utils.get_swa_avg_fn()(average, weight, 3), torch.tensor([2.0, 1.0]))
    same(average, torch.tensor([1.0, 2.0]))


@fact("torch.optim.swa_utils.get_ema_multi_avg_fn", "torch.optim.swa_utils.get_swa_multi_avg_fn")
@pytest.mark.parametrize(
    ("name", "given", "count"),
    [("get_ema_multi_avg_fn", (0.75,), 7), ("get_swa_multi_avg_fn", (), 3)],
    ids=["ema", "swa"],
)
def test_of_many_tensors_is_written_into_them(device, name, given, count):
    """`get_ema_multi_avg_fn` and `get_swa_multi_avg_fn` write averages into the first list, and leave the second."""
    averages = [torch.tensor([1.0, 2.0], device=device), torch.tensor(1.0, device=device)]
    weights = [torch.tensor([5.0, -2.0], device=device), torch.tensor(9.0, device=device)]
    getattr(swa_utils, name)(*given)(averages, weights, torch.tensor(count))
    same(averages[0], torch.tensor([2.0, 1.0]))
    same(averages[1], torch.tensor(3.0))
    same(weights[1], torch.tensor(9.0))


@fact("torch.optim.swa_utils.AveragedModel", "torch.optim.swa_utils.get_ema_multi_avg_fn")
def test_of_an_ema_begins_with_the_first_weights(device):
    """`AveragedModel` by `get_ema_multi_avg_fn` copies the first weights, then moves to new ones by 1 - decay."""
    rule = {"multi_avg_fn": swa_utils.get_ema_multi_avg_fn(0.75)}
    assert averaged(device, [4.0, 8.0, 1.0], **rule) == [4.0, 5.0, 4.0]


@fact("torch.optim.swa_utils.get_ema_avg_fn", "torch.optim.swa_utils.get_ema_multi_avg_fn", since="2.6", calls="decay")
@pytest.mark.parametrize("name", ["get_ema_avg_fn", "get_ema_multi_avg_fn"])
@pytest.mark.parametrize("decay", [-0.5, 1.5])
def test_of_an_ema_refuses_an_impossible_decay(name, decay):
    """`get_ema_avg_fn` and `get_ema_multi_avg_fn` refuse a decay outside of 0 to 1: "Invalid decay"."""
    with pytest.raises(ValueError, match="Invalid decay"):
        getattr(swa_utils, name)(decay)


@fact("torch.optim.swa_utils.AveragedModel")
def test_is_a_copy_of_the_model(device):
    """`AveragedModel` computes with a copy of the model, which a later change of the model leaves as it is."""
    linear = model(2.0, device)
    average = swa_utils.AveragedModel(linear)
    set_to(linear, 5.0)
    same(average(torch.tensor([[3.0]], device=device)).detach(), torch.tensor([[6.0]]))


@fact("torch.optim.swa_utils.AveragedModel", "torch.optim.swa_utils.AveragedModel.update_parameters")
def test_computes_with_the_average(device):
    """A call of `AveragedModel` computes what the model would with the averaged weights, gradients too."""
    linear, x = model(2.0, device), torch.tensor([[3.0]], device=device)
    average = swa_utils.AveragedModel(linear)
    average.update_parameters(linear)
    average.update_parameters(set_to(linear, 5.0))
    y = average(x)
    y.backward()
    same(y.detach(), torch.tensor([[10.5]]))
    same(average.module.weight.grad, torch.tensor([[3.0]]))


@fact("torch.optim.swa_utils.AveragedModel.update_parameters")
def test_leaves_the_model_as_it_is(device):
    """`AveragedModel.update_parameters` leaves the weights of the model that it averages as they are."""
    linear = model(2.0, device)
    average = swa_utils.AveragedModel(linear)
    average.update_parameters(linear)
    average.update_parameters(set_to(linear, 5.0))
    same(linear.weight.detach(), torch.tensor([[5.0]]))
    same(average.module.weight.detach(), torch.tensor([[3.5]]))


@fact("torch.optim.swa_utils.AveragedModel.update_parameters")
def test_counts_its_updates(device):
    """`AveragedModel.n_averaged` is the number of calls of `update_parameters` so far."""
    linear = model(2.0, device)
    average = swa_utils.AveragedModel(linear)
    for _ in range(3):
        average.update_parameters(linear)
    same(average.n_averaged, torch.tensor(3))


@fact("torch.optim.swa_utils.AveragedModel", myth="buffers are averaged with the parameters")
@pytest.mark.parametrize("use_buffers", [False, True], ids=["copied", "averaged"])
def test_averages_buffers_when_told(device, use_buffers):
    """`AveragedModel` copies the buffers of the newest model, and averages them with `use_buffers=True`."""
    norm = nn.BatchNorm1d(1, device=device)
    average = swa_utils.AveragedModel(norm, use_buffers=use_buffers)
    for mean in (1.0, 3.0):
        norm.running_mean.fill_(mean)
        average.update_parameters(norm)
    same(average.module.running_mean, torch.tensor([2.0 if use_buffers else 3.0]))


BATCHES = [torch.tensor([[0.0], [2.0]]), torch.tensor([[4.0], [10.0]])]


@fact("torch.optim.swa_utils.update_bn")
def test_statistics_are_those_of_the_data(device):
    """`update_bn` makes the running statistics of `BatchNorm1d` anew, as the means over all batches."""
    norm = nn.BatchNorm1d(1, momentum=0.125, device=device).eval()
    norm.running_mean.fill_(100.0)
    swa_utils.update_bn(BATCHES, norm, device=device)
    close(norm.running_mean, [(1.0 + 7.0) / 2], roundings=4)
    close(norm.running_var, [(2.0 + 18.0) / 2], roundings=8)


@fact("torch.optim.swa_utils.update_bn")
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
def test_of_statistics_restores_mode_and_momentum(device, training):
    """`update_bn` leaves `BatchNorm1d` in the mode, and with the momentum, that it was in before."""
    norm = nn.BatchNorm1d(1, momentum=0.125, device=device).train(training)
    swa_utils.update_bn(BATCHES, norm, device=device)
    assert (norm.momentum, norm.training, norm.num_batches_tracked.item()) == (0.125, training, 2)


@fact("torch.optim.swa_utils.update_bn")
def test_statistics_take_the_first_of_a_batch(device):
    """`update_bn` takes the first of a batch that is a list, which is the input beside its labels."""
    norm = nn.BatchNorm1d(1, device=device)
    swa_utils.update_bn([[torch.tensor([[0.0], [2.0]], device=device), torch.tensor([9, 9])]], norm)
    close(norm.running_mean, [1.0], roundings=4)
    close(norm.running_var, [2.0], roundings=4)


ANNEALED = {
    "cos": lambda t: 0.5 + (0.125 - 0.5) * (1 - math.cos(math.pi * min(t, 4) / 4)) / 2,
    "linear": lambda t: 0.5 + (0.125 - 0.5) * min(t, 4) / 4,
}


@fact("torch.optim.swa_utils.SWALR")
@pytest.mark.parametrize("strategy", ANNEALED)
def test_rate_is_annealed_to_a_constant(strategy):
    """`SWALR` moves the rate to `swa_lr` over `anneal_epochs`, by a cosine or a line, and holds it there."""
    optimizer = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=0.5)
    scheduler = swa_utils.SWALR(optimizer, swa_lr=0.125, anneal_epochs=4, anneal_strategy=strategy)
    seen = []
    for _ in range(7):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    assert seen == pytest.approx([ANNEALED[strategy](t) for t in range(7)], rel=1e-12)
    assert scheduler.get_last_lr() == pytest.approx([0.125])


@fact("torch.optim.swa_utils.SWALR")
@pytest.mark.parametrize("wrong", [{"anneal_strategy": "step"}, {"anneal_epochs": -1}], ids=["strategy", "epochs"])
def test_rate_has_a_known_strategy(wrong):
    """`SWALR` refuses an unknown `anneal_strategy`, and negative `anneal_epochs`, with ValueError."""
    optimizer = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=0.5)
    with pytest.raises(ValueError, match=next(iter(wrong))):
        swa_utils.SWALR(optimizer, swa_lr=0.125, **wrong)


@fact("torch.optim.swap_in_optimizer_params_and_state")
def test_swap_lends_the_optimizer_other_parameters():
    """Inside `swap_in_optimizer_params_and_state` a step moves what was swapped in, and afterwards the first again."""
    w, lent = torch.tensor([1.0], requires_grad=True), torch.tensor([4.0], requires_grad=True)
    w.grad, lent.grad = torch.tensor([2.0]), torch.tensor([2.0])
    optimizer = torch.optim.SGD([w], lr=0.5, momentum=0.5)
    optimizer.step()
    state = optimizer.state_dict()
    given = {**state, "state": {0: {"momentum_buffer": torch.tensor([8.0])}}}
    with torch.optim.swap_in_optimizer_params_and_state(optimizer, {"w": lent}, given):
        optimizer.step()
    same(lent, torch.tensor([4 - 0.5 * (0.5 * 8 + 2)]))
    optimizer.step()
    same(w, torch.tensor([1 - 0.5 * 2 - 0.5 * (0.5 * 2 + 2)]))
