"""TensorBoard's writer in a folder of the fact's own, and a disk that is slow."""

import importlib.util
import sys
import threading
import time
from functools import cache

import pytest


@pytest.hookimpl(wrapper=True, tryfirst=True)  # before the subjects of a fact are looked for
def pytest_runtest_protocol():
    if importlib.util.find_spec("tensorboard") is not None:
        _import_alone()
    return (yield)


@cache
def _import_alone():
    """TensorBoard imports TensorFlow where that is installed, which takes seconds, and else does as well without it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "tensorflow", None)
        importlib.import_module("torch.utils.tensorboard")


@pytest.fixture
def new_writer(tmp_path):
    """Makes a SummaryWriter that writes to `tmp_path`, unless another folder is said, and is closed in the end."""
    from torch.utils.tensorboard import SummaryWriter

    writers = []

    def make(folder=tmp_path, **options):
        writers.append(SummaryWriter(folder, **options))
        return writers[-1]

    yield make
    for writer in writers:
        writer.close()


@pytest.fixture
def writer(new_writer):
    """A SummaryWriter that writes to `tmp_path`."""
    return new_writer()


@pytest.fixture
def slow_disk(monkeypatch):
    """Each event takes the disk a hundredth of a second."""
    from tensorboard.summary.writer.record_writer import RecordWriter

    write = RecordWriter.write

    def slowly(self, data):
        time.sleep(0.01)
        write(self, data)

    monkeypatch.setattr(RecordWriter, "write", slowly)


@pytest.fixture
def stuck_disk(monkeypatch):
    """Once it is set, the disk takes no more events."""
    from tensorboard.summary.writer.record_writer import RecordWriter

    stuck, write = threading.Event(), RecordWriter.write

    def or_wait(self, data):
        while stuck.is_set():
            time.sleep(0.01)
        write(self, data)

    monkeypatch.setattr(RecordWriter, "write", or_wait)
    return stuck
