"""Parameter groups: what they hold, how they are made, and what is refused; loading a state is in test_state."""

import pytest
import torch
from torch.optim import lr_scheduler

from torchproof import fact, same

FUSED = ["Adam", "AdamW", "Adagrad"]
OPTIONS = {
    "SGD": {"lr": 0.5, "momentum": 0.5, "dampening": 0, "weight_decay": 0.25, "nesterov": True},
    "Adam": {"lr": 0.5, "betas": (0.5, 0.25), "eps": 0.125, "weight_decay": 0.25, "amsgrad": True},
    "AdamW": {"lr": 0.5, "betas": (0.5, 0.25), "eps": 0.125, "weight_decay": 0.25, "amsgrad": True},
    "Adamax": {"lr": 0.5, "betas": (0.5, 0.25), "eps": 0.125, "weight_decay": 0.25},
    "NAdam": {"lr": 0.5, "betas": (0.5, 0.25), "eps": 0.125, "weight_decay": 0.25, "momentum_decay": 0.5},
    "RAdam": {"lr": 0.5, "betas": (0.5, 0.25), "eps": 0.125, "weight_decay": 0.25},
    "Adagrad": {"lr": 0.5, "lr_decay": 0.5, "weight_decay": 0.25, "initial_accumulator_value": 2.0, "eps": 0.125},
    "Adadelta": {"lr": 0.5, "rho": 0.5, "eps": 0.125, "weight_decay": 0.25},
    "RMSprop": {"lr": 0.5, "alpha": 0.5, "eps": 0.125, "weight_decay": 0.25, "momentum": 0.5, "centered": True},
    "Rprop": {"lr": 0.5, "etas": (0.25, 2.0), "step_sizes": (0.5, 2.0)},
    "ASGD": {"lr": 0.5, "lambd": 0.5, "alpha": 0.5, "t0": 2.0, "weight_decay": 0.25},
}
CLASSES = [f"torch.optim.{name}" for name in OPTIONS]
DEFAULTS = {
    "SGD": {"momentum": 0, "dampening": 0, "weight_decay": 0, "nesterov": False},
    "Adam": {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0, "amsgrad": False},
    "AdamW": {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 1e-2, "amsgrad": False},
    "Adamax": {"lr": 2e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0},
    "NAdam": {"lr": 2e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0, "momentum_decay": 4e-3},
    "RAdam": {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0},
    "Adagrad": {"lr": 1e-2, "lr_decay": 0, "weight_decay": 0, "initial_accumulator_value": 0, "eps": 1e-10},
    "Adadelta": {"lr": 1.0, "rho": 0.9, "eps": 1e-6, "weight_decay": 0},
    "RMSprop": {"lr": 1e-2, "alpha": 0.99, "eps": 1e-8, "weight_decay": 0, "momentum": 0, "centered": False},
    "Rprop": {"lr": 1e-2, "etas": (0.5, 1.2), "step_sizes": (1e-6, 50)},
    "ASGD": {"lr": 1e-2, "lambd": 1e-4, "alpha": 0.75, "t0": 1e6, "weight_decay": 0},
    "SparseAdam": {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8},
    "LBFGS": {"lr": 1, "max_iter": 20, "max_eval": 25, "tolerance_grad": 1e-7, "tolerance_change": 1e-9,
              "history_size": 100, "line_search_fn": None},
}  # fmt: skip
WITH_DEFAULTS = [f"torch.optim.{name}" for name in DEFAULTS]


def forgets_defaults(patch):
    """An optimizer takes nothing for what it was not given."""
    init = torch.optim.Optimizer.__init__
    patch.setattr(torch.optim.Optimizer, "__init__", lambda o, params, kept: init(o, params, dict.fromkeys(kept)))


def forgets_names(patch):
    """An optimizer drops the names of its parameters."""
    init = torch.optim.Optimizer.__init__
    patch.setattr(torch.optim.Optimizer, "__init__", lambda o, named, kept: init(o, [w for _, w in named], kept))


def weights(count=1):
    return [torch.tensor([1.0, 2.0], requires_grad=True) for _ in range(count)]


@fact(*CLASSES)
@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("foreach", [False, True], ids=["loop", "foreach"])
def test_hold_every_hyperparameter(name, foreach):
    """`SGD`, `Adam` and the like hold every hyperparameter that they are given under its name in `param_groups`."""
    given = {**OPTIONS[name], "foreach": foreach, "differentiable": not foreach}
    [group] = getattr(torch.optim, name)(weights(), **given).param_groups
    assert {key: group[key] for key in given} == given


@fact("torch.optim.Adafactor")
@pytest.mark.parametrize("foreach", [False, True], ids=["loop", "foreach"])
def test_of_adafactor_hold_every_hyperparameter(foreach):
    """The groups of `Adafactor` hold every hyperparameter that it was given under its name."""
    given = {"lr": 0.5, "beta2_decay": -0.5, "eps": (0.5, 0.25), "d": 2.0, "weight_decay": 0.5, "foreach": foreach}
    [group] = torch.optim.Adafactor(weights(), **given).param_groups
    assert {key: group[key] for key in given} == given


@fact(*WITH_DEFAULTS, refuter=forgets_defaults)
@pytest.mark.parametrize("name", DEFAULTS)
def test_hold_the_documented_defaults(name):
    """`SGD`, `Adam` and other optimizers hold the documented default of what they are not given in `param_groups`."""
    optimizer = getattr(torch.optim, name)(weights(), **({"lr": 0.5} if name == "SGD" else {}))
    assert {key: optimizer.param_groups[0][key] for key in DEFAULTS[name]} == DEFAULTS[name]
    assert {key: optimizer.defaults[key] for key in DEFAULTS[name]} == DEFAULTS[name]


@fact("torch.optim.SGD", since="2.3", calls="fused=True", gain=True)
def test_of_sgd_hold_whether_the_kernel_is_fused():
    """The groups of `SGD` with `fused=True` say so in `param_groups`."""
    [group] = torch.optim.SGD(weights(), lr=0.5, fused=True).param_groups
    assert (group["fused"], group["foreach"]) == (True, None)


@fact("torch.optim.SGD", since="2.3", calls="fused=True, foreach=True")
def test_of_sgd_with_fused_and_foreach_at_once_are_refused():
    """`SGD` refuses `fused=True` and `foreach=True` at once with RuntimeError."""
    with pytest.raises(RuntimeError, match="`?fused`? and `?foreach`?"):
        torch.optim.SGD(weights(), lr=0.5, fused=True, foreach=True)


@fact(*(f"torch.optim.{name}" for name in FUSED), since="2.4", calls="fused=True", gain=True)
@pytest.mark.parametrize("name", FUSED)
def test_hold_whether_the_kernel_is_fused(name):
    """`Adam`, `AdamW` and `Adagrad` with `fused=True` say so in `param_groups`."""
    [group] = getattr(torch.optim, name)(weights(), lr=0.5, fused=True).param_groups
    assert (group["fused"], group["foreach"]) == (True, None)


@fact(*(f"torch.optim.{name}" for name in FUSED), since="2.4", calls="fused=True, foreach=True")
@pytest.mark.parametrize("name", FUSED)
def test_of_fused_and_foreach_at_once_are_refused(name):
    """`Adam`, `AdamW` and `Adagrad` refuse `fused=True` and `foreach=True` at once with RuntimeError."""
    with pytest.raises(RuntimeError, match="`?fused`? and `?foreach`?"):
        getattr(torch.optim, name)(weights(), lr=0.5, fused=True, foreach=True)


@fact("torch.optim.SGD", since="2.2", calls="not lr", gain=True, refuter=forgets_defaults)
def test_of_sgd_have_a_default_rate():
    """`SGD` without a learning rate takes 0.001."""
    w = weights()
    assert torch.optim.SGD(w).param_groups[0]["lr"] == 1e-3


@fact("torch.optim.SGD", until="2.2", calls="not lr", hint="pass lr")
def test_of_sgd_needed_a_rate():
    """`SGD` without a learning rate is refused: it lacks the "required optimization parameter lr"."""
    with pytest.raises(ValueError, match="required optimization parameter lr"):
        torch.optim.SGD(weights())


@fact("torch.optim.SGD")
def test_override_the_defaults():
    """The `lr` of a group of `SGD` goes before that of the optimizer, which the other groups take."""
    a, b = weights(2)
    optimizer = torch.optim.SGD([{"params": [a], "lr": 0.25}, {"params": [b]}], lr=0.5)
    a.grad, b.grad = torch.ones(2), torch.ones(2)
    optimizer.step()
    same(a, torch.tensor([0.75, 1.75]))
    same(b, torch.tensor([0.5, 1.5]))


@fact("torch.optim.SGD.step")
def test_take_a_rate_that_is_written_into_them(device):
    """A learning rate that is written into `param_groups` is that of the next `step` of `SGD`."""
    w = torch.tensor([1.0, 2.0], device=device, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.5)
    optimizer.param_groups[0]["lr"] = 0.125
    w.grad = torch.tensor([1.0, 4.0], device=device)
    optimizer.step()
    same(w, torch.tensor([0.875, 1.5]))


# Calls in a file that may have such a scheduler.
OLDER = "names LambdaLR|MultiplicativeLR|CosineAnnealingWarmRestarts|CyclicLR"
LATE = pytest.mark.parametrize(
    "made",
    [
        lambda optimizer: lr_scheduler.LambdaLR(optimizer, lambda epoch: 0.5**epoch),
        lambda optimizer: lr_scheduler.MultiplicativeLR(optimizer, lambda epoch: 0.5),
        lambda optimizer: lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 4),
        lambda optimizer: lr_scheduler.CyclicLR(optimizer, 0.25, 1.0),
    ],
    ids=["LambdaLR", "MultiplicativeLR", "CosineAnnealingWarmRestarts", "CyclicLR"],
)


def with_a_group_after(made):
    """An optimizer with a scheduler, to which a group was added after that was made."""
    a, b = (torch.ones(1, requires_grad=True) for _ in range(2))
    optimizer = torch.optim.SGD([a], lr=1.0, momentum=0.5)
    scheduler = made(optimizer)
    optimizer.add_param_group({"params": [b], "lr": 0.25})
    optimizer.step()
    return optimizer, scheduler


@fact(
    "torch.optim.Optimizer.add_param_group",
    since="2.10",
    calls=OLDER,
    hint="add all groups before the scheduler is made",
)
@LATE
def test_added_after_a_scheduler_end_its_steps(made):
    """After `add_param_group` an older `LambdaLR`, `MultiplicativeLR` or `CyclicLR` raises ValueError of `zip`."""
    _, scheduler = with_a_group_after(made)
    with pytest.raises(ValueError, match="zip"):
        scheduler.step()


@fact(
    "torch.optim.Optimizer.add_param_group",
    until="2.10",
    calls=OLDER,
    hint="add all groups before the scheduler is made",
)
@LATE
def test_added_after_a_scheduler_keep_their_rate(made):
    """A group of `add_param_group` keeps its rate in the `step` of an older `LambdaLR`, `CyclicLR` or the like."""
    optimizer, scheduler = with_a_group_after(made)
    scheduler.step()
    assert optimizer.param_groups[1]["lr"] == 0.25


@fact("torch.optim.Optimizer.add_param_group")
def test_may_be_added_later():
    """`add_param_group` adds parameters that the next `step` moves, by the rate given with them."""
    a, b = weights(2)
    optimizer = torch.optim.SGD([a], lr=0.5)
    optimizer.add_param_group({"params": b, "lr": 0.25})
    a.grad, b.grad = torch.ones(2), torch.ones(2)
    optimizer.step()
    same(a, torch.tensor([0.5, 1.5]))
    same(b, torch.tensor([0.75, 1.75]))
    assert [group["momentum"] for group in optimizer.param_groups] == [0, 0]


@fact("torch.optim.Optimizer.add_param_group")
def test_do_not_share_a_parameter():
    """`add_param_group` refuses a parameter of another group, as it would be in "more than one parameter group"."""
    [w] = weights()
    optimizer = torch.optim.SGD([w], lr=0.5)
    with pytest.raises(ValueError, match="more than one parameter group"):
        optimizer.add_param_group({"params": [w]})


@fact("torch.optim.Optimizer.add_param_group")
@pytest.mark.parametrize(
    ("params", "error", "words"),
    [
        ({torch.tensor([1.0], requires_grad=True)}, TypeError, "ordered collections"),
        ([1.5], TypeError, "can only optimize Tensors"),
        ([torch.tensor([1.0], requires_grad=True) * 2], ValueError, "non-leaf"),
    ],
    ids=["a_set", "a_number", "a_result"],
)
def test_refuse_what_is_no_parameter(params, error, words):
    """`add_param_group` refuses a set, whose order may change, what is no tensor, and a tensor that is no leaf."""
    optimizer = torch.optim.SGD(weights(), lr=0.5)
    with pytest.raises(error, match=words):
        optimizer.add_param_group({"params": params})


@fact(*WITH_DEFAULTS)
@pytest.mark.parametrize("name", DEFAULTS)
def test_refuse_to_be_empty(name):
    """`SGD`, `Adam` and other optimizers of no parameters raise ValueError, "optimizer got an empty parameter list"."""
    with pytest.raises(ValueError, match="empty parameter list"):
        getattr(torch.optim, name)([], lr=0.5)


@fact(*CLASSES)
@pytest.mark.parametrize("name", OPTIONS)
def test_refuse_a_lone_tensor(name):
    """`SGD`, `Adam` and other optimizers refuse a lone tensor with TypeError: they take an "iterable of Tensors"."""
    with pytest.raises(TypeError, match="iterable of Tensors"):
        getattr(torch.optim, name)(weights()[0], lr=0.5)


@fact(*CLASSES)
@pytest.mark.parametrize("name", OPTIONS)
def test_refuse_a_negative_rate(name):
    """`SGD`, `Adam` and other optimizers refuse a negative learning rate with ValueError."""
    with pytest.raises(ValueError, match="learning rate"):
        getattr(torch.optim, name)(weights(), lr=-0.5)


@fact("torch.optim.SGD")
@pytest.mark.parametrize("wrong", [{"momentum": 0}, {"momentum": 0.5, "dampening": 0.5}], ids=["plain", "dampened"])
def test_of_nesterov_need_undampened_momentum(wrong):
    """`SGD` else refuses `nesterov=True`: "Nesterov momentum requires a momentum and zero dampening"."""
    with pytest.raises(ValueError, match="Nesterov momentum requires a momentum and zero dampening"):
        torch.optim.SGD(weights(), lr=0.5, nesterov=True, **wrong)


@fact("torch.optim.Adam", "torch.optim.AdamW", "torch.optim.Adamax", "torch.optim.NAdam", "torch.optim.RAdam")
@pytest.mark.parametrize("name", ["Adam", "AdamW", "Adamax", "NAdam", "RAdam"])
@pytest.mark.parametrize(
    ("wrong", "words"),
    [({"betas": (1.0, 0.9)}, "index 0"), ({"betas": (0.9, -0.1)}, "index 1"), ({"eps": -1.0}, "epsilon")],
    ids=["first_beta", "second_beta", "epsilon"],
)
def test_refuse_moments_out_of_range(name, wrong, words):
    """`Adam`, `AdamW`, `Adamax`, `NAdam` and `RAdam` refuse a beta of 1 or below 0, and a negative epsilon."""
    with pytest.raises(ValueError, match=words):
        getattr(torch.optim, name)(weights(), lr=0.5, **wrong)


@fact("torch.optim.SGD")
def test_warn_of_a_parameter_twice():
    """`SGD` that is given a parameter twice in one group warns of "duplicate parameters"."""
    [w] = weights()
    with pytest.warns(UserWarning, match="duplicate parameters"):
        torch.optim.SGD([w, w], lr=0.5)


@fact("torch.optim.SGD", since="2.6", calls="names named_parameters|param_names", gain=True, refuter=forgets_names)
def test_keep_the_names_of_parameters():
    """`SGD` of named parameters, pairs of a name and a tensor, keeps their names in its groups, in order."""
    a, b = weights(2)
    optimizer = torch.optim.SGD([("first", a), ("second", b)], lr=0.5)
    assert optimizer.param_groups[0]["param_names"] == ["first", "second"]
    assert optimizer.param_groups[0]["params"] == [a, b]
