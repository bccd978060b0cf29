"""The life of a `SummaryWriter` of TensorBoard: flush, close, a killed process, a run that goes on, two at once."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time

import pytest
import torch

from torchproof import fact
from torchproof.fixtures.fact import need_packages
from torchproof.suites.monitoring.events import scalars

WRITER = "torch.utils.tensorboard.SummaryWriter"


def steps(folder):
    """The steps at which there is a loss."""
    return [step for step, _ in scalars(folder)]


def add(writer, steps):
    """A loss at each of the steps."""
    for step in steps:
        writer.add_scalar("loss", 1.0, step)


@pytest.fixture
def run_of_before(slow_disk, new_writer, tmp_path):
    """The file of a run that ended at step 4: older than any other, as its name says."""
    writer = new_writer()
    add(writer, range(5))
    writer.close()
    [file] = tmp_path.iterdir()
    file.rename(tmp_path / "events.out.tfevents.0")


@fact(f"{WRITER}.flush", requires="tensorboard", claims=["W02"], myth="what add_scalar was given is on disk")
def test_flush_waits_for_the_disk(slow_disk, writer, tmp_path):
    """`SummaryWriter.flush` waits until all that was recorded is on disk, also where that is slow."""
    add(writer, range(5))
    writer.flush()
    assert steps(tmp_path) == [0, 1, 2, 3, 4]


@fact(f"{WRITER}.add_scalar", requires="tensorboard", claims=["W02"], myth="TensorBoard logs nothing until flush")
def test_add_scalar_reaches_the_disk_without_flush(writer, tmp_path):
    """Where TensorFlow is not installed, `add_scalar` reaches TensorBoard's file within moments, without `flush`."""
    add(writer, [0])
    until = time.monotonic() + 10
    while not steps(tmp_path) and time.monotonic() < until:
        time.sleep(0.01)
    assert steps(tmp_path) == [0]


WITH_TENSORFLOW = """
import os, sys
import tensorflow
from torch.utils.tensorboard import SummaryWriter

writer = SummaryWriter(sys.argv[1])
[file] = os.listdir(sys.argv[1])
size = lambda: os.path.getsize(os.path.join(sys.argv[1], file))
before = size()
writer.add_scalar("loss", 1.0)
writer._get_file_writer().event_writer._async_writer._byte_queue.join()  # its thread has taken what was added
waiting = size() - before
writer.flush()
print(waiting, size() - before)
"""


@pytest.mark.slow
@pytest.mark.timeout(120)
@fact(
    f"{WRITER}.flush",
    requires="tensorboard",
    claims=["W02"],
    hint="SummaryWriter(flush_secs=1), or pip uninstall tensorflow",
    unproven="TensorFlow is imported in a process of its own",
)
def test_beside_tensorflow_nothing_reaches_the_disk_until_flush(tmp_path):
    """Where TensorFlow is installed, TensorBoard logs nothing to its file until `flush`, `close` or `flush_secs`."""
    need_packages(["tensorflow"], torch.__version__)  # not by requires=, which would import it here
    program = [sys.executable, "-c", WITH_TENSORFLOW, str(tmp_path)]
    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    ended = subprocess.run(program, capture_output=True, text=True, check=True, env=quiet)
    waiting, flushed = map(int, ended.stdout.split())
    assert waiting == 0 < flushed


@fact(WRITER, requires="tensorboard", claims=["W02"], hint="writer.flush() each epoch, beside the checkpoint")
def test_of_a_killed_process_keeps_what_it_flushed(stuck_disk, new_writer, tmp_path):
    """A process that is killed keeps of its `SummaryWriter` what it flushed, and may lose what it added since."""

    def train():
        writer = new_writer()
        add(writer, [0, 1])
        writer.flush()
        stuck_disk.set()
        add(writer, [2, 3])
        os.kill(os.getpid(), signal.SIGKILL)

    process = multiprocessing.get_context("fork").Process(target=train)
    process.start()
    process.join()
    assert (process.exitcode, steps(tmp_path)) == (-signal.SIGKILL, [0, 1])


@fact(f"{WRITER}.__exit__", requires="tensorboard")
def test_in_a_with_block_writes_all_before_an_error(slow_disk, new_writer, tmp_path):
    """A `SummaryWriter` in a `with` block has written all that was recorded when an error leaves the block."""
    with pytest.raises(RuntimeError, match="out of memory"), new_writer() as writer:
        add(writer, range(5))
        raise RuntimeError("out of memory")
    assert steps(tmp_path) == [0, 1, 2, 3, 4]


@fact(WRITER, requires="tensorboard", myth="a SummaryWriter writes beside the training, so logging never waits")
def test_waits_while_its_queue_is_full(slow_disk, new_writer, tmp_path):
    """`SummaryWriter(max_queue=1)` waits in `add_scalar` until the disk has taken all but the last two values."""
    add(new_writer(max_queue=1), range(8))
    assert steps(tmp_path)[:6] == [0, 1, 2, 3, 4, 5]


@fact(f"{WRITER}.close", requires="tensorboard", myth="a SummaryWriter that is closed refuses further values")
def test_that_is_closed_opens_another_file(writer, tmp_path):
    """A `SummaryWriter` that was closed opens another file for what is added later, and TensorBoard reads both."""
    add(writer, [0])
    writer.close()
    assert len([*tmp_path.iterdir()]) == 1
    add(writer, [0])
    writer.close()
    assert (len([*tmp_path.iterdir()]), steps(tmp_path)) == (2, [0, 0])


@fact(WRITER, requires="tensorboard", myth="a second SummaryWriter of a folder overwrites what is there")
def test_of_a_folder_with_a_run_goes_on_with_it(run_of_before, new_writer, tmp_path):
    """A `SummaryWriter` of a folder that holds a run adds to it: TensorBoard shows repeated steps twice."""
    writer = new_writer()
    add(writer, [3, 4, 5])
    writer.flush()
    assert steps(tmp_path) == [0, 1, 2, 3, 4, 3, 4, 5]


@fact(WRITER, requires="tensorboard", hint="SummaryWriter(folder, purge_step=the step of the checkpoint)")
def test_with_purge_step_hides_what_a_crashed_run_did_later(run_of_before, new_writer, tmp_path):
    """`SummaryWriter(purge_step=3)` of a run that is resumed hides what the crashed one wrote at step 3 and later."""
    writer = new_writer(purge_step=3)
    add(writer, [3, 4, 5])
    writer.flush()
    assert steps(tmp_path) == [0, 1, 2, 3, 4, 5]


@fact(WRITER, requires="tensorboard")
def test_beside_another_writes_the_same_run(slow_disk, new_writer, tmp_path):
    """Two `SummaryWriter`s of one folder, open at once, write two files, which TensorBoard reads as one run."""
    one, other = new_writer(), new_writer()
    one.add_scalar("loss", 1.0, 3)
    other.add_scalar("accuracy", 2.0, 4)
    one.flush(), other.flush()
    assert (scalars(tmp_path), scalars(tmp_path, "accuracy")) == ([(3, 1.0)], [(4, 2.0)])


@fact(WRITER, requires="tensorboard")
def test_without_a_folder_makes_one_below_runs(monkeypatch, new_writer, tmp_path):
    """`SummaryWriter(comment="_lr_0.1")` writes below `runs/` where the program runs, a folder whose name ends so."""
    monkeypatch.chdir(tmp_path)
    new_writer(None, comment="_lr_0.1")
    [folder] = (tmp_path / "runs").iterdir()
    assert folder.name.endswith("_lr_0.1") and len([*folder.iterdir()]) == 1
