"""What the trainer of a project does each epoch: log, validate, monitor, stop early; how it resumes: test_resume."""

import math

import pytest
import torch

from torchproof import fact, same
from torchproof.fixtures.meters import saved_bytes
from torchproof.suites.project.experiment.config import ConfigError
from torchproof.suites.project.experiment.monitor import Monitor

# Rates under which the distance of the default model from its data is first halved twice and then grows: at 0.25, 0.75
# and 2.25 it is multiplied by 1 - 2 * rate.
GROWING = ["epochs=4", "scheduler.args.step_size=1", "scheduler.args.gamma=3"]
LOSSES = [1.0, 0.25, 3.0625]


@fact("torch.optim.SGD.step", "torch.Tensor.backward", "torch.optim.Optimizer.zero_grad", claims=["R03"])
def test_logs_the_loss_of_each_epoch(device, trained):
    """A trainer by `backward` and `SGD.step` logs for each epoch its rate, its loss and what was measured after it."""
    run = trained("epochs=2", f"device={device}")
    assert run.log.rows == [
        {"epoch": 0, "lr": 0.25, "loss": 4.0, "val_loss": 1.0, "mean_error": 1.0},
        {"epoch": 1, "lr": 0.25, "loss": 1.0, "val_loss": 0.25, "mean_error": 0.5},
    ]


@fact("torch.nn.Module.eval", claims=["R03"], hint="model.eval() before the validation")
def test_validates_without_dropout(device, trained):
    """A trainer that calls `model.eval()` before its validation runs that without the dropout of its training."""
    run = trained('model.args={"weight": 3.0, "dropout": 1.0}', f"device={device}")
    assert (run.log.column("loss"), run.log.column("val_loss")) == ([4.0], [1.0])


@fact("torch.nn.Module.train", hint="model.train() at the start of each epoch")
def test_trains_with_dropout_after_a_validation(device, trained):
    """A trainer whose epochs begin with `model.train()` has dropout after a validation, too."""
    run = trained('model.args={"weight": 3.0, "dropout": 1.0}', "epochs=2", f"device={device}")
    assert (run.log.column("loss"), run.log.column("val_loss")) == ([4.0, 4.0], [1.0, 1.0])


@fact("torch.no_grad", hint="@torch.no_grad() on the method that validates")
def test_validates_without_a_graph(device, trainer):
    """A method that is decorated by `torch.no_grad()` validates without a byte saved for backward."""
    run = trainer("loss.type=RootOfSquares", f"device={device}")
    with saved_bytes() as saved:
        run.validate()
    x, y = next(iter(run.batches))
    with saved_bytes() as recorded:
        run.loss(run.model(x.to(device)), y.to(device))
    assert saved.total == 0 < recorded.total


@fact("torch.nn.MSELoss", myth="the mean of batches is the mean of samples")
@pytest.mark.parametrize("size", [1, 2, 3])
def test_averages_over_samples(device, trained, size):
    """A trainer that weighs the `MSELoss` of batches by their sizes logs one validation loss for sizes 1, 2 and 3."""
    run = trained("valid.args.at=[1, 1, 4]", f"loader.batch_size={size}", "optimizer.args.lr=0", f"device={device}")
    assert run.log.column("val_loss") == [pytest.approx((4 + 4 + 64) / 3)]
    assert run.log.column("mean_error") == [pytest.approx((2 + 2 + 8) / 3)]


@fact("torch.Tensor.backward", "torch.optim.Optimizer.zero_grad", "torch.optim.SGD.step", claims=["R02"])
@pytest.mark.parametrize("every", [1, 2, 4])
def test_accumulates_to_the_step_of_a_larger_batch(device, trained, every):
    """A trainer that accumulates gradients by `backward` over n batches, loss / n each, steps as on all in one."""
    run = trained(f"accumulate={every}", f"loader.batch_size={4 // every}", "epochs=2", f"device={device}")
    assert run.model.weight.item() == 1.5


@fact("torch.optim.SGD.step", "torch.optim.lr_scheduler.StepLR.get_lr", claims=["R03"])
@pytest.mark.parametrize(("patience", "epochs"), [(1, 3), (2, 4), (3, 4)])
def test_stops_early(device, trained, patience, epochs):
    """A trainer that stops early ends after `patience` epochs without a better validation loss, or after all."""
    run = trained(*GROWING, f"monitor.patience={patience}", f"device={device}")
    assert run.log.column("val_loss")[:3] == LOSSES
    assert len(run.log.rows) == epochs


@fact("torch.save", "torch.optim.SGD.step", claims=["R03"])
def test_keeps_the_best_checkpoint_beside_the_last(device, trained, tmp_path):
    """A trainer by `torch.save` at each epoch and each better one ends with the weights of the last and of the best."""
    trained(*GROWING, f"device={device}", "monitor.patience=1")
    best, last = (torch.load(tmp_path / name, map_location="cpu") for name in ("best.pt", "last.pt"))
    same(best["model"]["weight"], torch.tensor([[2.0 - 0.5]]) + 1.0)
    same(last["model"]["weight"], torch.tensor([[2.0 - 1.75]]))
    assert (best["epoch"], last["epoch"]) == (2, 3)


@fact("torch.optim.SGD.step", claims=["R03"], hint='mode="max" for an accuracy')
@pytest.mark.parametrize(("mode", "best"), [("min", 1), ("max", 2)])
def test_takes_the_mode_of_its_metric(trained, tmp_path, mode, best):
    """A trainer that monitors an accuracy keeps its best epoch with `mode="max"`, and its first with "min"."""
    changes = ['metrics=["accuracy"]', "monitor.name=accuracy", f"monitor.mode={mode}", "epochs=3"]
    run = trained(*changes, "optimizer.args.lr=0.25")
    assert run.log.column("accuracy") == [0.0, 1.0, 1.0]
    assert torch.load(tmp_path / "best.pt")["epoch"] == best


@fact("torch.optim.SGD.step", myth="a NaN loss stops training")
def test_never_takes_nan_for_the_best(trained, tmp_path):
    """A run of `SGD` that diverges to a loss of NaN saves none of it as the best, and ends by its patience."""
    run = trained("epochs=9", "optimizer.args.lr=1e30", "monitor.patience=3")
    assert math.isnan(run.log.column("val_loss")[-1])
    assert (len(run.log.rows), (tmp_path / "best.pt").exists()) == (3, False)


def _never_mind(patch):
    """A monitor of what nobody measured takes any epoch for the best."""
    patch.setattr(Monitor, "is_best", lambda self, row: True)


@fact("torch.save", claims=["R03"], refuter=_never_mind)
def test_refuses_to_monitor_what_is_not_measured(trainer, tmp_path):
    """A trainer that is to monitor what nobody measures is refused, with the names there are, before `torch.save`."""
    with pytest.raises(ConfigError, match="there is no val_acc to monitor: epoch, lr, loss, val_loss, mean_error"):
        trainer("monitor.name=val_acc").run()
    assert list(tmp_path.iterdir()) == []


@fact("torch.optim.lr_scheduler.ReduceLROnPlateau.step", claims=["R03"])
def test_tells_a_plateau_what_it_monitors(trained):
    """A trainer gives what it monitors to the `step` of `ReduceLROnPlateau`, which lowers the rate by it."""
    plateau = 'scheduler.args={"factor": 0.5, "patience": 0}'
    run = trained("optimizer.args.lr=1", "epochs=4", "scheduler.type=ReduceLROnPlateau", plateau)
    assert run.log.column("val_loss") == [4.0, 4.0, 0.0, 0.0]
    assert run.log.column("lr") == [1.0, 1.0, 0.5, 0.5]


@fact("torch.nn.Module.to")
def test_computes_on_the_device_of_its_config(device, trained):
    """A trainer that moves its model and each batch by `.to(device)` trains on that device, and logs numbers."""
    run = trained(f"device={device}", "model.args.weight=1.0")
    assert run.model.weight.device.type == torch.device(device).type
    assert run.log.rows == [{"epoch": 0, "lr": 0.25, "loss": 1.0, "val_loss": 0.25, "mean_error": 0.5}]
