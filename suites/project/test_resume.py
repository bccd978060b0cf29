"""Runs of a project that are interrupted, and resumed from their last checkpoint; plain loops: training/test_resume."""

import pytest
import torch

from torchproof import fact, same
from torchproof.suites.project.experiment import saved, utilities
from torchproof.suites.project.experiment.config import configured
from torchproof.suites.project.experiment.trainer import PARTS, Trainer

RANDOM = ["model.type=Perceptron", "loader.batch_size=1", "epochs=4", "scheduler.args.gamma=0.5"]
OPTIMIZERS = {
    "SGD": ["optimizer.args.momentum=0.5"],
    "Adam": ["optimizer.type=Adam"],
    "AdamW": ["optimizer.type=AdamW", "optimizer.args.amsgrad=true"],
}
STATES = (
    "torch.nn.Module.load_state_dict", "torch.optim.Optimizer.load_state_dict",
    "torch.optim.lr_scheduler.LRScheduler.load_state_dict", "torch.set_rng_state", "torch.Generator.set_state",
)  # fmt: skip


class Interrupted(Exception):
    """Somebody pulled the plug."""


def interrupt(run, at):
    """Have a run end in the middle of an epoch, before its model is called for the nth time."""
    calls = iter(range(at))

    def count(*_):
        if next(calls, None) is None:
            raise Interrupted

    run.model.register_forward_pre_hook(count)
    with pytest.raises(Interrupted):
        run.run()


def weights_of(run):
    return torch.nn.utils.parameters_to_vector(run.model.parameters()).detach()


@fact(*STATES, claims=["R03"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_after_an_interruption_are_the_run_that_never_stopped(tmp_path, optimizer):
    """A run cut off and resumed by `load_state_dict` and random states has a whole run's weights and log."""
    config = configured(*RANDOM, "scheduler.args.step_size=1", *OPTIMIZERS[optimizer])
    folders = [tmp_path / "whole", tmp_path / "cut"]
    for folder in folders:
        folder.mkdir()
    whole = Trainer(config, folders[0]).run()
    interrupt(Trainer(config, folders[1]), at=2 * (4 + 2) + 3)
    resumed = Trainer(config, folders[1]).resume(folders[1] / "last.pt")
    assert resumed.epoch == 2
    same(weights_of(resumed.run()), weights_of(whole))
    assert resumed.log.rows == whole.log.rows


def begins_anew(patch):
    """A resumed run has none of its random states."""
    patch.setattr(utilities, "set_random_states", lambda *_: None)


@fact("torch.Generator.set_state", hint="save generator.get_state() of the DataLoader", refuter=begins_anew)
def test_without_the_state_of_the_order_have_that_of_the_first_epoch(trained, trainer, tmp_path):
    """A seeded run resumed without its `DataLoader`'s `Generator.set_state` has the order of its first epoch again."""
    changes = ["train.args.at=[1, 2, 3, 4, 5, 6]", "loader.batch_size=6"]
    first = order_of(trainer(*changes))
    trained(*changes)
    anew = trainer(*changes)
    anew.model.load_state_dict(saved.load(tmp_path / "last.pt")["model"])
    assert order_of(anew) == first
    assert order_of(trainer(*changes).resume(tmp_path / "last.pt")) != first


def order_of(run):
    """The samples of the next epoch, which is one batch."""
    [(x, _)] = run.batches
    return x.flatten().tolist()


@fact("torch.save", "torch.load", claims=["R03"])
def test_of_a_finished_run_go_on_with_more_epochs(trained, trainer, tmp_path):
    """A run that ended and is resumed by `torch.load` for more epochs is the run that had as many from the start."""
    whole = trained(*RANDOM, "epochs=5")
    trained(*RANDOM, "epochs=3")
    more = trainer(*RANDOM, "epochs=5").resume(tmp_path / "last.pt").run()
    same(weights_of(more), weights_of(whole))
    assert more.log.rows == whole.log.rows


@fact("torch.load", claims=["R03"])
def test_go_on_waiting_for_a_better_epoch(trained, trainer, tmp_path):
    """A run resumed by `torch.load` with its state of early stopping has waited already, and stops as a whole one."""
    stuck = ["optimizer.args.lr=0", "epochs=9", "monitor.patience=4"]
    trained(*stuck, "epochs=3")
    resumed = trainer(*stuck).resume(tmp_path / "last.pt").run()
    assert len(resumed.log.rows) == 5
    forgetful = trainer(*stuck).resume(tmp_path / "last.pt")
    forgetful.monitor = trainer(*stuck).monitor
    assert len(forgetful.run().log.rows) == 9


@fact(
    "torch.optim.Optimizer.load_state_dict",
    "torch.optim.SGD.step",
    myth="a resumed run takes the learning rate of its config",
    hint='set group["lr"] in optimizer.param_groups after load_state_dict',
)
def test_keep_the_learning_rate_of_the_checkpoint(trained, trainer, tmp_path):
    """A run resumed with another lr in its config goes on at the rate of the checkpoint, by `load_state_dict`."""
    trained("optimizer.args.lr=0.25")
    resumed = trainer("optimizer.args.lr=0.5", "epochs=2").resume(tmp_path / "last.pt").run()
    assert resumed.log.column("lr") == [0.25, 0.25]
    assert resumed.model.weight.item() == 1.5


@fact(
    "torch.optim.lr_scheduler.LRScheduler.load_state_dict",
    myth="a run that is resumed for more epochs anneals over all of them",
    hint="scheduler.T_max = epochs after load_state_dict",
)
def test_keep_the_length_of_the_schedule(trained, trainer, tmp_path):
    """A run resumed for more epochs keeps the checkpoint's `T_max` of `CosineAnnealingLR`: its rate goes up again."""
    cosine = ["scheduler.type=CosineAnnealingLR", "optimizer.args.lr=1"]
    trained(*cosine, "scheduler.args.T_max=2", "epochs=2")
    resumed = trainer(*cosine, "scheduler.args.T_max=4", "epochs=4").resume(tmp_path / "last.pt").run()
    assert resumed.scheduler.T_max == 2
    assert resumed.log.column("lr") == pytest.approx([1.0, 0.5, 0.0, 0.5], abs=1e-6)


@fact(
    "torch.optim.Optimizer.load_state_dict",
    myth="load_state_dict refuses the state of another optimizer",
    hint="compare the config's optimizer with that of the checkpoint",
)
@pytest.mark.parametrize(("old", "new"), [("SGD", "Adam"), ("Adam", "SGD")])
def test_with_another_optimizer_fail_without_naming_it(trained, trainer, tmp_path, old, new):
    """A run resumed by `load_state_dict` with `Adam` for `SGD`, or the reverse, raises KeyError of one word alone."""
    trained(f"optimizer.type={old}", "optimizer.args.lr=0.25")
    resumed = trainer(f"optimizer.type={new}", "optimizer.args.lr=0.25", "epochs=2")
    with pytest.raises(KeyError, match=r"^'\w+'$"):
        resumed.resume(tmp_path / "last.pt").run()


@fact("torch.nn.Module.load_state_dict")
def test_with_another_model_are_refused(trained, trainer, tmp_path):
    """`load_state_dict` of a run that is resumed with a model of another size raises "size mismatch for 0.weight"."""
    trained("model.type=Perceptron")
    with pytest.raises(RuntimeError, match=r"size mismatch for 0\.weight"):
        trainer("model.type=Perceptron", "model.args.hidden=3").resume(tmp_path / "last.pt")


class FullDisk:
    """What cannot be written any more."""

    def __reduce__(self):
        raise OSError("No space left on device")


def state_of(run):
    """A state of which a part is written, and then no more."""
    return run.state_dict() | {"rest": FullDisk()}


@fact("torch.save", "torch.load", hint="save beside it, then os.replace")
def test_lose_the_last_checkpoint_where_it_is_written_over(trained, tmp_path):
    """`torch.save` over the last checkpoint that fails half way leaves a file that `torch.load` cannot read."""
    run = trained()
    with pytest.raises(OSError, match="No space left"):
        torch.save(state_of(run), tmp_path / "last.pt")
    with pytest.raises(RuntimeError, match="PytorchStreamReader failed"):
        torch.load(tmp_path / "last.pt")


@fact("torch.save", claims=["R03"])
def test_have_a_whole_checkpoint_whatever_happens(trained, tmp_path):
    """`torch.save` to a file beside the last checkpoint, which `os.replace` puts in its place, leaves that whole."""
    run = trained()
    with pytest.raises(OSError, match="No space left"):
        saved.save(state_of(run), tmp_path / "last.pt")
    same(torch.load(tmp_path / "last.pt")["model"]["weight"], torch.tensor([[1.0]]))
    saved.save({"epoch": 7}, tmp_path / "last.pt")
    assert torch.load(tmp_path / "last.pt") == {"epoch": 7}


@fact("torch.load", "torch.save")
def test_find_plain_values_in_the_checkpoint(trained, tmp_path):
    """`torch.load(weights_only=True)` reads a checkpoint of states, numbers and text without the project's code."""
    trained("epochs=2")
    checkpoint = torch.load(tmp_path / "last.pt", weights_only=True)
    assert set(checkpoint) == {*PARTS, "random", "epoch", "rows", "config"}
    assert [row["loss"] for row in checkpoint["rows"]] == [4.0, 1.0]
    model = torch.nn.Linear(1, 1, bias=False)
    model.load_state_dict(checkpoint["model"])
    same(model(torch.tensor([[2.0]])).detach(), torch.tensor([[3.0]]))
