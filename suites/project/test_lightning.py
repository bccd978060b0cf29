"""Lightning's Trainer beside the loop that it stands for: the same parts and numbers; our own is in test_trainer."""

import importlib
import logging

import pytest
import torch
from torch.utils.data import BatchSampler, DataLoader

from torchproof import fact, same
from torchproof.suites.project.test_trainer import GROWING, LOSSES

FIT = "lightning.Trainer.fit"
QUIET = {
    "accelerator": "cpu", "logger": False, "enable_checkpointing": False, "enable_progress_bar": False,
    "enable_model_summary": False, "num_sanity_val_steps": 0,
}  # fmt: skip
RANDOM = ["model.type=Perceptron", "loader.batch_size=1", "loader.shuffle=false", "scheduler.args.step_size=1"]
RANDOM += ["scheduler.args.gamma=0.5", "optimizer.args.momentum=0.5"]


@pytest.fixture
def lightning(tmp_path, monkeypatch):
    """Lightning, which says nothing but errors, in a folder of the fact's own."""
    monkeypatch.chdir(tmp_path)
    for name in ("lightning.pytorch", "lightning.fabric"):
        monkeypatch.setattr(logging.getLogger(name), "level", logging.ERROR)
    before = {cls: dict(vars(cls)) for cls in (DataLoader, BatchSampler)}
    yield importlib.import_module("lightning")
    for cls, was in before.items():  # on which Lightning leaves methods, more of them where it fails
        for name in vars(cls).keys() - was.keys():
            delattr(cls, name)
        for name in ("__init__", "__setattr__", "__delattr__"):
            if name in was:
                setattr(cls, name, was[name])


@pytest.fixture
def fitted(lightning, tmp_path):
    """Has Lightning train the parts of one of our trainers for its number of epochs: Lightning's trainer and module."""
    wrapped = importlib.import_module("torchproof.suites.project.wrapped")

    def fit(run, *callbacks, resume=None, scheduled=None, **options):
        options = {**QUIET, "max_epochs": run.config["epochs"], "callbacks": [*callbacks], **options}
        module = wrapped.Wrapped(run, **(scheduled or {}))
        trainer = lightning.Trainer(default_root_dir=tmp_path, **options)
        trainer.fit(module, run.batches, run.valid_batches, ckpt_path=resume)
        return trainer, module

    return fit


def weights_of(run):
    return torch.nn.utils.parameters_to_vector(run.model.parameters()).detach()


@fact(FIT, requires="lightning", claims=["R01"])
def test_gives_the_numbers_of_the_plain_loop(trainer, trained, fitted):
    """`lightning.Trainer.fit` ends bit by bit with the weights of the plain loop of the same seed, dropout included."""
    plain, run = trained(*RANDOM, "epochs=3"), trainer(*RANDOM, "epochs=3")
    _, module = fitted(run)
    same(weights_of(run), weights_of(plain))
    assert module.rates[::4] == plain.log.column("lr") == [0.25, 0.125, 0.0625]


@fact(
    FIT,
    requires="lightning",
    myth="Lightning takes the samples of a seeded DataLoader in the order of a plain loop",
    hint="compare runs without shuffle",
)
def test_has_another_order_than_the_plain_loop_from_the_second_epoch_on(trainer, fitted):
    """`lightning.Trainer.fit` over a shuffled `DataLoader` has another order in its second epoch than a plain loop."""
    changes = ["train.args.at=[1, 2, 3, 4, 5, 6]", "loader.batch_size=6", "epochs=2"]
    plain = [x.flatten().tolist() for _ in range(2) for x, _ in trainer(*changes).batches]
    _, module = fitted(trainer(*changes))
    assert module.trained[0] == plain[0]
    assert module.trained[1] != plain[1]


@fact(FIT, "torch.optim.SGD.step", requires="lightning")
def test_with_fast_dev_run_makes_one_step(trainer, fitted, tmp_path):
    """`lightning.Trainer(fast_dev_run=True)` makes one step, validates one batch and writes no checkpoint."""
    run = trainer("epochs=3", "loader.batch_size=1")
    _, module = fitted(run, fast_dev_run=True, enable_checkpointing=True)
    assert (len(module.trained), len(module.validated), [*tmp_path.iterdir()]) == (1, 1, [])
    assert run.model.weight.item() == 1.0


def checkpoint(lightning, folder, **options):
    return lightning.pytorch.callbacks.ModelCheckpoint(folder, **options)


@fact(FIT, "torch.optim.Optimizer.load_state_dict", requires="lightning", claims=["R03"])
def test_resumes_from_its_checkpoint(trainer, fitted, lightning, tmp_path):
    """`lightning.Trainer.fit(ckpt_path=...)` ends bit by bit where a run without a break ends, if nothing is random."""
    still = [*RANDOM, "model.args.dropout=0"]
    whole, first, resumed = trainer(*still, "epochs=4"), trainer(*still, "epochs=2"), trainer(*still, "epochs=4")
    fitted(whole)
    fitted(first, checkpoint(lightning, tmp_path, save_last=True), enable_checkpointing=True)
    _, module = fitted(resumed, resume=str(tmp_path / "last.ckpt"))
    same(weights_of(resumed), weights_of(whole))
    assert module.rates[::4] == [0.0625, 0.03125]


@fact(
    FIT,
    requires="lightning",
    myth="a Lightning checkpoint has all that a run needs to go on as if it had not stopped",
    hint="save torch.get_rng_state() in on_save_checkpoint",
)
def test_resumes_with_other_random_numbers(trainer, fitted, lightning, tmp_path):
    """A checkpoint of `lightning.Trainer` has no random state: a run resumed with dropout ends elsewhere."""
    whole, first, resumed = (trainer(*RANDOM, f"epochs={epochs}") for epochs in (4, 2, 4))
    fitted(whole)
    fitted(first, checkpoint(lightning, tmp_path, save_last=True), enable_checkpointing=True)
    torch.manual_seed(1)
    fitted(resumed, resume=str(tmp_path / "last.ckpt"))
    assert not torch.equal(weights_of(resumed), weights_of(whole))


@fact(FIT, requires="lightning")
def test_warns_where_it_resumes_without_its_callbacks(trainer, fitted, lightning, tmp_path):
    """`lightning.Trainer.fit(ckpt_path=...)` without the checkpoint's callbacks warns that they need to be provided."""
    fitted(trainer(), checkpoint(lightning, tmp_path, save_last=True), enable_checkpointing=True)
    with pytest.warns(UserWarning, match="callbacks used to create the checkpoint need to be provided"):
        fitted(trainer("epochs=2"), resume=str(tmp_path / "last.ckpt"))


@fact("torch.optim.lr_scheduler.StepLR.get_lr", requires="lightning", hint='"interval": "step"')
@pytest.mark.parametrize(("interval", "last"), [("epoch", 0.5), ("step", 0.125)])
def test_steps_the_scheduler(trainer, fitted, interval, last):
    """Lightning steps the scheduler of `configure_optimizers` once an epoch, or each batch by `interval="step"`."""
    halving = ["optimizer.args.lr=1", "scheduler.args.step_size=1", "scheduler.args.gamma=0.5"]
    run = trainer("epochs=2", "loader.batch_size=2", *halving)
    _, module = fitted(run, scheduled={"interval": interval})
    assert (module.rates[0], module.rates[-1]) == (1.0, last)


@fact(FIT, "torch.optim.SGD.step", requires="lightning", claims=["R03"])
@pytest.mark.parametrize("patience", [1, 2, 3])
def test_stops_early_as_the_plain_loop_does(trainer, trained, fitted, lightning, patience):
    """`EarlyStopping` of Lightning ends a run after `patience` epochs in a row that are not better."""
    changes = [*GROWING, f"monitor.patience={patience}"]
    stopping = lightning.pytorch.callbacks.EarlyStopping("val_loss", patience=patience)
    _, module = fitted(trainer(*changes), stopping)
    assert stopping.best_score.item() == LOSSES[1]
    assert len(module.trained) == len(trained(*changes).log.rows) == min(4, 2 + patience)


@fact(FIT, requires="lightning", claims=["R03"])
def test_refuses_to_monitor_what_is_not_logged(trainer, fitted, lightning):
    """Lightning's `EarlyStopping` on a metric that nobody logged raises RuntimeError: "which is not available"."""
    stopping = lightning.pytorch.callbacks.EarlyStopping("val_acc")
    with pytest.raises(RuntimeError, match="`val_acc` which is not available.*`val_loss`"):
        fitted(trainer(), stopping)


@fact(FIT, "torch.optim.SGD.step", requires="lightning", claims=["R03"])
def test_keeps_the_best_checkpoint(trainer, fitted, lightning, tmp_path):
    """Lightning's `ModelCheckpoint(monitor="val_loss")` keeps the epoch with the least loss at `best_model_path`."""
    best = checkpoint(lightning, tmp_path, monitor="val_loss")
    fitted(trainer(*GROWING), best, enable_checkpointing=True)
    state = torch.load(best.best_model_path, weights_only=True)
    same(state["state_dict"]["model.weight"], torch.tensor([[2.5]]))
    assert (state["epoch"], best.best_model_score.item()) == (1, LOSSES[1])


@fact(FIT, "torch.optim.SGD.step", "torch.Tensor.backward", requires="lightning")
def test_divides_the_loss_where_it_accumulates(trainer, fitted):
    """`accumulate_grad_batches=2` of `lightning.Trainer` steps as on batches that are twice as large."""
    run = trainer("loader.batch_size=2", "epochs=2")
    _, module = fitted(run, accumulate_grad_batches=2)
    assert (len(module.trained), run.model.weight.item()) == (4, 1.5)


@fact(FIT, "torch.nn.Module.eval", requires="lightning")
def test_validates_in_evaluation_mode_without_a_graph(trainer, fitted):
    """`lightning.Trainer` validates in evaluation mode and without a graph, and trains on with dropout."""
    run = trainer('model.args={"weight": 3.0, "dropout": 1.0}', "epochs=2")
    fit, module = fitted(run)
    assert module.validated == [(False, False)] * 2
    assert (fit.callback_metrics["loss"].item(), fit.callback_metrics["val_loss"].item()) == (4.0, 1.0)


@fact(FIT, "torch.nn.MSELoss", requires="lightning")
def test_averages_over_samples(trainer, fitted):
    """`self.log` in Lightning's `validation_step` is averaged over samples, also where the last batch is smaller."""
    fit, _ = fitted(trainer("valid.args.at=[1, 1, 4]", "loader.batch_size=2", "optimizer.args.lr=0"))
    assert fit.callback_metrics["val_loss"].item() == (4 + 4 + 64) / 3


@fact(FIT, requires="lightning", hint="num_sanity_val_steps=0")
def test_validates_two_batches_before_it_trains(trainer, fitted):
    """`lightning.Trainer` validates two batches before the first epoch, unless with `num_sanity_val_steps=0`."""
    run = trainer("valid.args.at=[1, 2, 3, 4, 5]", "loader.batch_size=1")
    assert len(fitted(run, num_sanity_val_steps=None)[1].validated) == 2 + 5
    assert len(fitted(run)[1].validated) == 5
