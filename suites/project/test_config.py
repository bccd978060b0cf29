"""Experiments as configs: classes of torch by their names, with their arguments; what then happens: test_trainer."""

import json
import pickle

import pytest
import torch

from torchproof import fact, same
from torchproof.suites.project.experiment import config, saved
from torchproof.suites.project.experiment.config import ConfigError, configured
from torchproof.suites.project.experiment.run import main

# How far the first step takes the default model, at the rate 0.25, down a gradient of -4.
FIRST_STEPS = {"SGD": 1.0, "Adam": 0.25, "Adagrad": 0.25, "RMSprop": 2.5}


@fact(*(f"torch.optim.{name}.step" for name in ("SGD", "Adam", "Adagrad", "RMSprop")), claims=["R01", "R02"])
@pytest.mark.parametrize("name", FIRST_STEPS)
def test_names_the_optimizer(device, trained, name):
    """A trainer whose config names `SGD`, `Adam`, `Adagrad` or `RMSprop` makes the first step of that optimizer."""
    run = trained(f"optimizer.type={name}", "optimizer.args.lr=0.25", f"device={device}")
    assert run.model.weight.item() == pytest.approx(FIRST_STEPS[name], rel=1e-5)


@fact("torch.nn.MSELoss", "torch.nn.L1Loss", "torch.nn.HuberLoss", claims=["R01", "R02"])
@pytest.mark.parametrize(
    ("name", "loss", "after"), [("MSELoss", 4.0, 1.0), ("L1Loss", 2.0, 1.75), ("HuberLoss", 1.5, 1.25)]
)
def test_names_the_loss(device, trained, name, loss, after):
    """A trainer whose config names `MSELoss`, `L1Loss` or `HuberLoss` of `torch.nn` trains by that loss."""
    run = trained(f"loss.type={name}", f"device={device}", "epochs=2")
    assert (run.log.column("loss")[0], run.log.rows[0]["val_loss"]) == (loss, after)
    same(run.loss(torch.zeros(3), torch.full((3,), 2.0)), torch.tensor(loss))


@fact("torch.Tensor.backward", claims=["R02"])
def test_names_a_loss_of_ones_own(device, trained):
    """A trainer whose config names a loss of the project's own, an `nn.Module`, trains by that one."""
    run = trained("loss.type=RootOfSquares", f"device={device}", "epochs=2")
    assert run.log.column("loss") == [2.0, 1.75]


SCHEDULES = {
    "StepLR": ({"step_size": 2, "gamma": 0.5}, [0.25, 0.25, 0.125]),
    "ExponentialLR": ({"gamma": 0.5}, [0.25, 0.125, 0.0625]),
    "LinearLR": ({"start_factor": 0.5, "total_iters": 2}, [0.125, 0.1875, 0.25]),
}


@fact(*(f"torch.optim.lr_scheduler.{name}.get_lr" for name in ("StepLR", "ExponentialLR", "LinearLR")), claims=["R02"])
@pytest.mark.parametrize("name", SCHEDULES)
def test_names_the_schedule(trained, name):
    """A trainer whose config names `StepLR`, `ExponentialLR` or `LinearLR` trains at the rates of that schedule."""
    arguments, rates = SCHEDULES[name]
    run = trained("epochs=3", f"scheduler.type={name}", f"scheduler.args={json.dumps(arguments)}")
    assert run.log.column("lr") == rates


@fact("torch.nn.Linear", claims=["R02"])
def test_names_a_layer_as_the_model(trainer):
    """A trainer whose config names `Linear` of `torch.nn` as its model has that, with the arguments of the config."""
    model = trainer("model.type=Linear", 'model.args={"in_features": 1, "out_features": 3, "bias": false}').model
    same(model.weight.detach() * 0, torch.zeros(3, 1))
    assert model.bias is None


@fact(
    "torch.optim.SGD",
    claims=["R02"],
    refuter=lambda patch: patch.setattr(torch.optim, "Adm", torch.optim.Adam, raising=False),
)
def test_with_an_unknown_name_is_refused(trainer):
    """A trainer can refuse a config with an optimizer that `torch.optim` does not have, and tell the names it has."""
    with pytest.raises(ConfigError, match=r"there is no Adm in torch.optim: .*Adam, AdamW.*, SGD"):
        trainer("optimizer.type=Adm")


def takes_anything(patch):
    """A config may have any part, which nobody reads."""
    patch.setitem(config.DEFAULT, "epoch", 1)


@fact("torch.optim.SGD.step", claims=["R02"], refuter=takes_anything)
def test_with_an_unknown_part_is_refused(trainer):
    """A trainer can refuse a config that says `epoch` for `epochs`, and tell the parts there are, before it trains."""
    with pytest.raises(ConfigError, match=r"a config has no epoch: seed, device, epochs, .*optimizer"):
        trainer("epoch=3")


UNKNOWN = {"SGD": ("optimizer", "learning_rate"), "StepLR": ("scheduler", "size"), "MSELoss": ("loss", "weight")}


@fact("torch.optim.SGD", "torch.optim.lr_scheduler.StepLR", "torch.nn.MSELoss", claims=["R02"])
@pytest.mark.parametrize("name", UNKNOWN)
def test_with_an_argument_that_the_class_does_not_take_is_refused(trainer, name):
    """An argument of a config that `SGD`, `StepLR` or `MSELoss` does not take is an "unexpected keyword argument"."""
    part, argument = UNKNOWN[name]
    with pytest.raises(TypeError, match=f"unexpected keyword argument '{argument}'"):
        trainer(f"{part}.args.{argument}=1")


@fact("torch.utils.data.DataLoader", claims=["R02"])
def test_with_an_option_that_the_loader_does_not_take_is_refused(trainer):
    """A config with an option that `DataLoader` does not take is refused: "unexpected keyword argument"."""
    with pytest.raises(TypeError, match="unexpected keyword argument 'batchsize'"):
        trainer("loader.batchsize=2")


@fact(
    "torch.optim.SGD",
    "torch.optim.Adam",
    myth="a config's lr of 1e-3 is a number in YAML as in JSON",
    hint="write 1.0e-3, which YAML reads as a number",
)
@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_with_a_rate_as_text_is_refused(trainer, name):
    """`SGD` and `Adam` refuse an lr that is text, as YAML reads 1e-3: "not supported between instances of"."""
    with pytest.raises(TypeError, match="not supported between instances of '(str|float)' and '(str|float)'"):
        trainer(f"optimizer.type={name}", 'optimizer.args.lr="1e-3"')


@fact("torch.optim.Adam.step", claims=["R02"])
def test_may_have_lists_for_tuples(trained):
    """`Adam` takes its betas from a list, as JSON has no tuples, and steps by them."""
    run = trained("epochs=2", "optimizer.type=Adam", 'optimizer.args={"lr": 0.25, "betas": [0.5, 0.5]}')
    first, second = 4.0, 2 * (2 - 0.25)
    m, v = first / 4 + second / 2, first**2 / 4 + second**2 / 2
    assert run.model.weight.item() == pytest.approx(0.25 + 0.25 * (m / 0.75) / (v / 0.75) ** 0.5, rel=1e-5)


@fact("torch.optim.SGD", claims=["R02"])
def test_changed_in_one_argument_keeps_the_others(trainer):
    """A change of `optimizer.args.lr` alone in a config leaves `SGD` its other arguments."""
    run = trainer('optimizer.args={"momentum": 0.5, "nesterov": true}', "optimizer.args.lr=0.125")
    [group] = run.optimizer.param_groups
    assert (group["lr"], group["momentum"], group["nesterov"]) == (0.125, 0.5, True)


@fact("torch.optim.Adam", "torch.optim.SGD", hint="take the arguments of the old class away where its name changes")
def test_changed_in_a_class_has_no_arguments_of_the_old_one(trainer):
    """`Adam` in the place of an `SGD` with momentum has its own defaults, as it would refuse that momentum."""
    run = trainer("optimizer.args.momentum=0.5", "optimizer.type=Adam")
    [group] = run.optimizer.param_groups
    assert (group["lr"], group["betas"]) == (0.001, (0.9, 0.999))
    with pytest.raises(TypeError, match="unexpected keyword argument 'momentum'"):
        trainer("optimizer.type=Adam", "optimizer.args.momentum=0.5")


@fact("torch.optim.SGD.step", claims=["R01", "R02"])
def test_of_the_command_line_goes_over_that_of_a_file(tmp_path):
    """What the command line says of the learning rate of `SGD` goes over what the config's file says of it."""
    file = tmp_path / "config.json"
    file.write_text('{"epochs": 2, "optimizer": {"args": {"lr": 0.125}}}')
    of_file = main(["--config", str(file), "--folder", str(tmp_path / "1")])
    changed = main(["--config", str(file), "--folder", str(tmp_path / "2"), "optimizer.args.lr=0.5"])
    assert of_file.model.weight.item() == 0.5 + 0.375
    assert (changed.model.weight.item(), len(changed.log.rows)) == (2.0, 2)


PERCEPTRON = ["model.type=Perceptron", "epochs=2", "loader.batch_size=1"]


def forgets_the_seed(patch):
    """`manual_seed` seeds nothing."""
    patch.setattr(torch, "manual_seed", lambda seed: None)


@fact("torch.manual_seed", claims=["R02"], refuter=forgets_the_seed)
def test_with_the_same_seed_is_the_same_experiment(trained):
    """A trainer that gives its config's seed to `manual_seed` has the same losses again, with dropout and shuffling."""
    first, again, other = (trained(*PERCEPTRON, f"seed={seed}").log.column("loss") for seed in (1, 1, 2))
    assert first == again != other


@fact("torch.save", "torch.load", claims=["R03"])
def test_in_a_checkpoint_builds_the_experiment_again(trained, trainer, tmp_path):
    """A checkpoint that `torch.load` reads with its config as a plain dict builds the model that it is of."""
    weights = trained("model.type=Perceptron", "model.args.hidden=3").model.state_dict()
    checkpoint = torch.load(tmp_path / "last.pt")
    assert checkpoint["config"] == configured("model.type=Perceptron", "model.args.hidden=3")
    model = trainer("model.type=Perceptron", f"model.args={json.dumps(checkpoint['config']['model']['args'])}").model
    model.load_state_dict(checkpoint["model"])
    same(model[0].weight, weights["0.weight"])


class Config(dict):
    """A config of a class of one's own."""


@fact("torch.load", claims=["R03"], hint="save the config as a plain dict")
def test_of_a_class_of_ones_own_makes_a_checkpoint_that_is_refused(trained, tmp_path):
    """`torch.load(weights_only=True)` refuses a checkpoint whose config is an object of a class of one's own."""
    run = trained()
    run.config = Config(run.config)
    saved.save(run.state_dict(), tmp_path / "own.pt")
    with pytest.raises(pickle.UnpicklingError, match=r"Unsupported (class|global).*Config"):
        torch.load(tmp_path / "own.pt", weights_only=True)
