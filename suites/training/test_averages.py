"""Averages of weights over a training, EMA and SWA: when they are taken, what they leave, and what they need."""

import copy

import numpy
import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler, swa_utils

from torchproof import close, fact, same
from torchproof.suites.training.line import column, line, weight_of


def set_to(model, number):
    nn.init.constant_(model.weight, number)
    return model


def trained(device, steps, **options):
    """A line whose weight falls by 1 a step from 0, and its average after each step."""
    model = line(0.0, device)
    average = swa_utils.AveragedModel(model, **options)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    for _ in range(steps):
        optimizer.zero_grad()
        model(column(1.0, device=device)).sum().backward()
        optimizer.step()
        average.update_parameters(model)
    return model, average


@fact("torch.optim.swa_utils.AveragedModel")
def test_leave_the_training_alone(device):
    """Weights are trained with `AveragedModel` exactly as without: the average is a copy that nobody steps."""
    model, average = trained(device, 5)
    assert weight_of(model) == -5.0
    assert weight_of(average.module) == -3.0


@fact("torch.optim.swa_utils.AveragedModel", "torch.optim.swa_utils.get_ema_multi_avg_fn")
@pytest.mark.parametrize("decay", [0.5, 0.75])
def test_of_an_ema_lag_behind_by_their_decay(device, decay):
    """An EMA by `get_ema_multi_avg_fn` of weights that move by 1 a step lags behind by decay / (1 - decay)."""
    _, average = trained(device, 30, multi_avg_fn=swa_utils.get_ema_multi_avg_fn(decay))
    want = -1.0
    for weight in range(2, 31):
        want = decay * want - (1 - decay) * weight
    close(average.module.weight.detach(), [[want]], roundings=64)
    assert 30 + want == pytest.approx(decay / (1 - decay), abs=1e-3 if decay > 0.5 else 1e-6)


@fact("torch.optim.swa_utils.get_ema_avg_fn", "torch.optim.swa_utils.get_ema_multi_avg_fn")
@pytest.mark.parametrize("many", [False, True], ids=["get_ema_avg_fn", "get_ema_multi_avg_fn"])
def test_of_an_ema_have_a_decay_of_999_by_default(many):
    """`get_ema_avg_fn` and `get_ema_multi_avg_fn` keep 0.999 of the old average unless they are told otherwise."""
    average, weight = torch.zeros(1, dtype=torch.float64), torch.ones(1, dtype=torch.float64)
    if many:
        swa_utils.get_ema_multi_avg_fn()([average], [weight], 1)
    else:
        average = swa_utils.get_ema_avg_fn()(average, weight, 1)
    close(average, [0.001], roundings=2048)


@fact("torch.optim.swa_utils.AveragedModel", "torch.optim.swa_utils.get_ema_multi_avg_fn")
def test_by_one_tensor_or_many_are_the_same(device):
    """`avg_fn` and `multi_avg_fn` of an EMA give an `AveragedModel` the same average."""
    _, one = trained(device, 4, avg_fn=swa_utils.get_ema_avg_fn(0.5))
    _, many = trained(device, 4, multi_avg_fn=swa_utils.get_ema_multi_avg_fn(0.5))
    assert weight_of(one.module) == weight_of(many.module) == -3.125


@fact("torch.optim.swa_utils.AveragedModel", "torch.optim.swa_utils.get_ema_multi_avg_fn")
def test_take_one_rule_alone():
    """`AveragedModel` of `avg_fn` and `multi_avg_fn`: AssertionError "Only one of avg_fn and multi_avg_fn"."""
    rules = {"avg_fn": swa_utils.get_ema_avg_fn(), "multi_avg_fn": swa_utils.get_ema_multi_avg_fn()}
    with pytest.raises(AssertionError, match="Only one of avg_fn and multi_avg_fn"):
        swa_utils.AveragedModel(line(1.0), **rules)


@fact("torch.optim.swa_utils.AveragedModel", myth="the first average is half of the initial weights")
def test_forget_the_weights_that_they_were_made_of(device):
    """The first `update_parameters` copies the weights: those with which `AveragedModel` was made do not count."""
    average = swa_utils.AveragedModel(line(1000.0, device))
    average.update_parameters(line(2.0, device))
    average.update_parameters(line(4.0, device))
    assert weight_of(average.module) == 3.0


@fact("torch.optim.swa_utils.AveragedModel")
def test_have_a_state_of_their_own_names(device):
    """The `state_dict` of an `AveragedModel` has `n_averaged`, and the model's keys behind "module."."""
    state = trained(device, 3)[1].state_dict()
    assert list(state) == ["n_averaged", "module.weight"]
    assert (state["n_averaged"].item(), state["module.weight"].item()) == (3, -2.0)


@fact("torch.optim.swa_utils.AveragedModel", "torch.nn.Module.load_state_dict", hint="load average.module.state_dict()")
def test_have_a_state_that_the_model_refuses(device):
    """`load_state_dict` of a model refuses the `state_dict` of its `AveragedModel`: Unexpected key(s)."""
    _, average = trained(device, 3)
    with pytest.raises(RuntimeError, match="Unexpected key"):
        line(0.0, device).load_state_dict(average.state_dict())


@fact("torch.optim.swa_utils.AveragedModel", "torch.nn.Module.load_state_dict")
def test_are_loaded_from_their_module(device):
    """`average.module.state_dict()` of an `AveragedModel` is loaded into a model as its own."""
    plain, (_, average) = line(0.0, device), trained(device, 3)
    plain.load_state_dict(average.module.state_dict())
    assert weight_of(plain) == -2.0


@fact(
    "torch.optim.swa_utils.AveragedModel",
    "torch.optim.swa_utils.get_ema_multi_avg_fn",
    hint="give AveragedModel its rule again",
)
def test_do_not_save_their_rule(device):
    """The rule of an `AveragedModel` is not in its `state_dict`: one made without it goes on as a plain mean."""
    _, average = trained(device, 3, multi_avg_fn=swa_utils.get_ema_multi_avg_fn(0.5))
    plain = swa_utils.AveragedModel(line(0.0, device))
    plain.load_state_dict(average.state_dict())
    for each in (average, plain):
        each.update_parameters(line(5.75, device))
    assert (weight_of(average.module), weight_of(plain.module)) == (1.75, -2.25 + 8.0 / 4)


@fact("torch.optim.swa_utils.AveragedModel", hint="call average.eval(), too")
def test_have_a_mode_of_their_own():
    """`model.eval()` leaves the mode of its `AveragedModel`, which is that of the model when it was copied."""
    model = nn.Sequential(nn.Dropout(1.0))
    average = swa_utils.AveragedModel(model)
    model.eval()
    same(average(torch.ones(2)), torch.zeros(2))
    same(average.eval()(torch.ones(2)), torch.ones(2))


@fact("torch.optim.swa_utils.AveragedModel")
def test_live_on_the_device_that_is_asked_for(device):
    """`AveragedModel(device=…)` keeps the average and `n_averaged` on that device, and takes weights from another."""
    average = swa_utils.AveragedModel(line(0.0, device), device="cpu")
    average.update_parameters(line(2.0, device))
    average.update_parameters(line(4.0, device))
    same(average.module.weight.detach(), torch.tensor([[3.0]]))
    assert (average.module.weight.device.type, average.n_averaged.device.type) == ("cpu", "cpu")


@fact("torch.optim.swa_utils.AveragedModel")
def test_carry_frozen_parameters_along(device):
    """`AveragedModel` averages frozen parameters as the others, and keeps `requires_grad` of each."""
    model = nn.Sequential(line(1.0, device).requires_grad_(False), line(2.0, device))
    average = swa_utils.AveragedModel(model)
    average.update_parameters(model)
    set_to(model[0], 3.0)
    average.update_parameters(model)
    assert weight_of(average.module[0]) == 2.0
    assert [p.requires_grad for p in average.parameters()] == [False, True]


@fact("torch.optim.swa_utils.AveragedModel", "torch.optim.SGD")
@pytest.mark.slow
def test_of_a_noisy_loss_are_nearer_than_the_last_weights(device):
    """On a noisy quadratic the average of the weights of `SGD` is nearer to the minimum than the last of them."""
    noise = torch.randn(400, 64, generator=torch.Generator().manual_seed(0), dtype=torch.float64).to(device)
    model = nn.Linear(64, 1, bias=False, device=device, dtype=torch.float64)
    nn.init.zeros_(model.weight)
    average = swa_utils.AveragedModel(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    for row in noise:
        optimizer.zero_grad()
        ((model.weight - row) ** 2 / 2).sum().backward()
        optimizer.step()
        average.update_parameters(model)
    last, mean = (m.weight.detach().square().mean().item() for m in (model, average.module))
    assert last == pytest.approx(0.5 / 1.5, rel=0.5)  # lr / (2 - lr) of the noise
    assert mean < last / 30


# --- statistics of the averaged model ---------------------------------------------------------------------------------


def normalized(device):
    """A line into `BatchNorm1d` without weights, whose statistics are wholly those of the last batch."""
    return nn.Sequential(line(1.0, device), nn.BatchNorm1d(1, affine=False, momentum=1.0, device=device))


@fact(
    "torch.optim.swa_utils.update_bn",
    "torch.optim.swa_utils.AveragedModel",
    myth="the averaged model can be evaluated as it is",
    hint="call update_bn(loader, average) at the end",
)
def test_of_batch_norm_need_its_statistics_anew(device):
    """An `AveragedModel` has the `BatchNorm1d` statistics of the last weights, until `update_bn` gives it its own."""
    model, x = normalized(device), column(-1.0, 1.0, device=device)
    average = swa_utils.AveragedModel(model)
    for weight in (1.0, 7.0):
        set_to(model[0], weight)
        model(x)
        average.update_parameters(model)
    before = average.module[1].running_var.clone()
    swa_utils.update_bn([x], average)
    close(before, [2 * 7.0**2], roundings=8)
    close(average.module[1].running_var, [2 * 4.0**2], roundings=8)


@fact("torch.optim.swa_utils.update_bn")
def test_of_batch_norm_weigh_all_batches_alike(device):
    """`update_bn` gives the plain mean of the batches' statistics, and leaves `BatchNorm1d` the momentum it had."""
    model = normalized(device)
    loader = [column(0.0, 2.0, device=device), column(3.0, 5.0, device=device), column(10.0, 14.0, device=device)]
    swa_utils.update_bn(loader, model)
    close(model[1].running_mean, [(1 + 4 + 12) / 3], roundings=8)
    close(model[1].running_var, [(2 + 2 + 8) / 3], roundings=8)
    assert model[1].momentum == 1.0


@fact("torch.optim.swa_utils.update_bn")
def test_of_batch_norm_are_recorded_without_a_gradient(device):
    """`update_bn` runs the model under `no_grad` in training mode, and puts back the mode that it had."""
    model, seen = normalized(device).eval(), []
    model.register_forward_hook(lambda module, given, result: seen.append((module.training, result.requires_grad)))
    swa_utils.update_bn([column(0.0, 2.0, device=device)] * 2, model)
    assert (seen, model.training, model[1].training) == ([(True, False)] * 2, False, False)


@fact("torch.optim.swa_utils.update_bn")
def test_without_batch_norm_run_no_batch(device):
    """`update_bn` asks the loader for every batch, and for none where the model has no `BatchNorm`."""
    loader = iter([column(1.0, 2.0, device=device)] * 3)
    swa_utils.update_bn(loader, line(1.0, device))
    same(next(loader), torch.tensor([[1.0], [2.0]]))
    swa_utils.update_bn(loader, normalized(device))
    assert list(loader) == []


@fact("torch.optim.swa_utils.update_bn")
def test_of_batch_norm_keep_its_weights(device):
    """`update_bn` sets the running mean of `BatchNorm1d`, and changes no parameter of it or of a layer before it."""
    model = nn.Sequential(line(3.0, device), nn.BatchNorm1d(1, device=device))
    before = copy.deepcopy(list(model.parameters()))
    swa_utils.update_bn([column(0.0, 2.0, device=device)], model)
    assert all(torch.equal(now, then) for now, then in zip(model.parameters(), before))
    close(model[1].running_mean, [3.0], roundings=4)


@fact("torch.optim.swa_utils.AveragedModel")
def test_with_use_buffers_need_no_statistics_anew(device):
    """`AveragedModel(use_buffers=True)` averages the running statistics of `BatchNorm1d` with the weights."""
    model, x = normalized(device), column(0.0, 2.0, device=device)
    average = swa_utils.AveragedModel(model, use_buffers=True)
    for weight in (1.0, 5.0):
        set_to(model[0], weight)
        model(x)
        average.update_parameters(model)
    close(average.module[1].running_mean, [3.0], roundings=8)


# --- the rate ---------------------------------------------------------------------------------------------------------


def rates(optimizer, schedulers):
    """The rates of all groups at each step, one scheduler a step."""
    seen = []
    for scheduler in schedulers:
        seen.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        scheduler.step()
    return seen


def optimizer_of(*numbers):
    return torch.optim.SGD([{"params": [torch.zeros(1, requires_grad=True)], "lr": lr} for lr in numbers], lr=1.0)


@fact("torch.optim.swa_utils.SWALR")
@pytest.mark.parametrize(
    ("rate", "halfway", "last"),
    [([0.25, 0.125], [0.625, 0.3125], [0.25, 0.125]), (0.25, [0.625, 0.375], [0.25, 0.25])],
    ids=["each", "all"],
)
def test_have_a_rate_for_each_group(rate, halfway, last):
    """`SWALR` takes one `swa_lr` for all groups, or a list with one for each."""
    optimizer = optimizer_of(1.0, 0.5)
    scheduler = swa_utils.SWALR(optimizer, swa_lr=rate, anneal_epochs=2, anneal_strategy="linear")
    assert rates(optimizer, [scheduler] * 4) == [[1.0, 0.5], halfway, last, last]


@fact("torch.optim.swa_utils.SWALR")
def test_have_no_fewer_rates_than_groups():
    """`SWALR` refuses a list of `swa_lr` that is shorter than the groups are many."""
    with pytest.raises(ValueError, match="swa_lr"):
        swa_utils.SWALR(optimizer_of(1.0, 0.5), swa_lr=[0.25])


@fact("torch.optim.swa_utils.SWALR")
def test_anneal_over_ten_epochs_by_a_cosine_by_default():
    """`SWALR` moves to `swa_lr` over ten steps, by half a cosine, unless it is told otherwise."""
    optimizer = optimizer_of(1.0)
    seen = [rate for (rate,) in rates(optimizer, [swa_utils.SWALR(optimizer, swa_lr=0.5)] * 12)]
    want = [0.5 + 0.5 * (1 + numpy.cos(numpy.pi * min(t, 10) / 10)) / 2 for t in range(12)]
    assert seen == pytest.approx(want, rel=1e-12)


@fact("torch.optim.swa_utils.SWALR")
def test_take_a_rate_at_once_when_told():
    """`SWALR(anneal_epochs=0)` is at `swa_lr` from the first on."""
    optimizer = optimizer_of(1.0)
    scheduler = swa_utils.SWALR(optimizer, swa_lr=0.5, anneal_epochs=0)
    assert rates(optimizer, [scheduler] * 3) == [[0.5], [0.5], [0.5]]


@fact("torch.optim.swa_utils.SWALR")
def test_go_on_from_the_rate_of_another_scheduler():
    """`SWALR` that takes over from another scheduler moves on from the rate that it left."""
    optimizer = optimizer_of(1.0)
    first = lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    average = swa_utils.SWALR(optimizer, swa_lr=1.0, anneal_epochs=2, anneal_strategy="linear")
    seen = [rate for (rate,) in rates(optimizer, [first, first, average, average, average])]
    assert seen == pytest.approx([1.0, 0.5, 0.25, 0.625, 1.0])


@fact("torch.optim.swa_utils.SWALR")
@pytest.mark.parametrize("strategy", ["linear", "cos"])
def test_go_on_from_the_state_of_their_rate(strategy):
    """`SWALR` that loads the state of another, beside its optimizer's, goes on with the rates of that one."""

    def made():
        optimizer = optimizer_of(1.0)
        return optimizer, swa_utils.SWALR(optimizer, 0.5, anneal_epochs=4, anneal_strategy=strategy)

    (optimizer, scheduler), (other, resumed) = made(), made()
    rates(optimizer, [scheduler] * 2)
    other.load_state_dict(optimizer.state_dict())
    resumed.load_state_dict(scheduler.state_dict())
    assert rates(other, [resumed] * 4) == rates(optimizer, [scheduler] * 4)


@fact("torch.optim.swa_utils.SWALR")
def test_keep_in_the_state_of_their_rate_where_it_is():
    """`state_dict` of `SWALR` has the epoch and the rates that it is at, and not the optimizer."""
    optimizer = optimizer_of(1.0)
    scheduler = swa_utils.SWALR(optimizer, 0.5, anneal_epochs=4, anneal_strategy="linear")
    rates(optimizer, [scheduler] * 6)
    state = scheduler.state_dict()
    assert (state["last_epoch"], state["base_lrs"], state["_last_lr"]) == (6, [1.0], [0.5])
    assert "optimizer" not in state
