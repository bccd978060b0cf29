"""`SummaryWriter.add_scalar` and `add_scalars`: what is written for a step, and its name; when it is: test_writer."""

import math

import pytest
import torch

from torchproof import fact
from torchproof.suites.monitoring.events import read, scalars, tensors

ADD = "torch.utils.tensorboard.SummaryWriter.add_scalar"
ADD_SEVERAL = "torch.utils.tensorboard.SummaryWriter.add_scalars"


@fact(ADD, requires="tensorboard", claims=["W01"])
def test_writes_a_value_for_each_step(writer, tmp_path):
    """TensorBoard reads for each step the value that `SummaryWriter.add_scalar` was given."""
    writer.add_scalar("loss", 0.5, 10)
    writer.add_scalar("loss", 0.25, 20)
    writer.flush()
    assert scalars(tmp_path) == [(10, 0.5), (20, 0.25)]


@fact(
    ADD,
    requires="tensorboard",
    myth="TensorBoard sorts steps, and a repeated global_step overwrites what was there",
    hint="count steps over all epochs: epoch * len(loader) + batch",
)
def test_keeps_steps_that_repeat_or_go_back(writer, tmp_path):
    """`SummaryWriter.add_scalar` keeps steps that repeat or go back, in the order of the calls: a line that zigzags."""
    for step, value in [(0, 1.0), (2, 2.0), (1, 3.0), (2, 4.0)]:
        writer.add_scalar("loss", value, step)
    writer.flush()
    assert scalars(tmp_path) == [(0, 1.0), (2, 2.0), (1, 3.0), (2, 4.0)]


@fact(ADD, requires="tensorboard", myth="without global_step the writer counts steps itself", hint="global_step=step")
def test_without_a_step_is_of_step_zero(writer, tmp_path):
    """`SummaryWriter.add_scalar` without `global_step` writes each value at step 0."""
    writer.add_scalar("loss", 1.0)
    writer.add_scalar("loss", 2.0)
    writer.flush()
    assert scalars(tmp_path) == [(0, 1.0), (0, 2.0)]


@fact(ADD, requires="tensorboard")
def test_keeps_the_walltime_that_it_is_given(writer, tmp_path):
    """`SummaryWriter.add_scalar` writes the `walltime` that it is given, for runs that are logged afterwards."""
    writer.add_scalar("loss", 1.0, 3, walltime=1234.5)
    writer.flush()
    [event] = read(tmp_path).Scalars("loss")
    assert (event.step, event.value, event.wall_time) == (3, 1.0, 1234.5)


@fact(
    ADD,
    requires="tensorboard",
    myth="add_scalar keeps a Python float as it is",
    hint="new_style=True, double_precision=True",
)
def test_rounds_to_float32(writer, tmp_path):
    """`SummaryWriter.add_scalar` rounds to float32: 16777217 samples seen become 16777216."""
    writer.add_scalar("seen", 16777217)
    writer.flush()
    assert scalars(tmp_path, "seen") == [(0, 16777216.0)]


@fact(ADD, requires="tensorboard")
def test_in_double_precision_keeps_a_float64(writer, tmp_path):
    """`SummaryWriter.add_scalar(new_style=True, double_precision=True)` keeps 16777217, a float64, as it is."""
    writer.add_scalar("seen", 16777217.0, new_style=True, double_precision=True)
    writer.flush()
    assert tensors(tmp_path)["seen"].item() == 16777217.0


@fact(ADD, requires="tensorboard")
def test_takes_a_loss_with_its_graph(device, writer, tmp_path):
    """`SummaryWriter.add_scalar` takes a loss that requires grad, of any device, without `detach` or `item`."""
    writer.add_scalar("loss", torch.tensor(1.5, device=device, requires_grad=True) * 2)
    writer.flush()
    assert scalars(tmp_path) == [(0, 3.0)]


@fact(
    ADD,
    requires="tensorboard",
    since="2.3",
    calls="names bfloat16",
    gain=True,
    hint="add_scalar(tag, loss.item(), step)",
)
def test_keeps_a_bfloat16_of_any_size(device, writer, tmp_path):
    """`SummaryWriter.add_scalar` writes a bfloat16 loss that is beyond what float16 can hold, 131072, as it is."""
    writer.add_scalar("loss", torch.tensor(131072.0, dtype=torch.bfloat16, device=device))
    writer.flush()
    assert scalars(tmp_path) == [(0, 131072.0)]


@fact(ADD, requires="tensorboard", hint="loss.mean(), or add_histogram for all of them")
def test_refuses_several_numbers(writer):
    """`SummaryWriter.add_scalar` of a tensor of two raises AssertionError "Tensor should contain one element"."""
    with pytest.raises(AssertionError, match="Tensor should contain one element"):
        writer.add_scalar("loss", torch.tensor([1.0, 2.0]))


@fact(ADD, requires="tensorboard", hint="leave out what a step has no value of")
def test_refuses_none(writer):
    """`SummaryWriter.add_scalar` of None raises NotImplementedError "Got <class 'NoneType'>"."""
    with pytest.raises(NotImplementedError, match="Got <class 'NoneType'>, but numpy array"):
        writer.add_scalar("loss", None)


@fact(ADD, requires="tensorboard")
def test_keeps_nan_and_infinity(writer, tmp_path):
    """`SummaryWriter.add_scalar` writes a loss that is NaN or infinite as such."""
    writer.add_scalar("loss", math.nan, 0)
    writer.add_scalar("loss", torch.tensor(math.inf), 1)
    writer.flush()
    (_, first), second = scalars(tmp_path)
    assert math.isnan(first) and second == (1, math.inf)


@fact(ADD, requires="tensorboard")
def test_keeps_a_tag_as_it_is_written(writer, tmp_path):
    """`SummaryWriter.add_scalar` keeps a tag as it is written, with its spaces, slashes and colons."""
    writer.add_scalar("train/loss: all of it", 1.0)
    writer.flush()
    assert scalars(tmp_path, "train/loss: all of it") == [(0, 1.0)]


@fact(
    ADD_SEVERAL,
    requires="tensorboard",
    myth="add_scalars writes several tags into the run of its writer",
    hint="add_scalar('loss/train', ...) and add_scalar('loss/val', ...) stay in one run",
)
def test_of_several_makes_a_run_of_each(writer, tmp_path):
    """`SummaryWriter.add_scalars` makes a run, a folder of its own, of each name, and writes one tag into them all."""
    writer.add_scalars("loss", {"train": 0.5, "val": 0.75}, 3)
    writer.flush()
    assert scalars(tmp_path / "loss_train") == [(3, 0.5)]
    assert scalars(tmp_path / "loss_val") == [(3, 0.75)]
    assert scalars(tmp_path) == []
