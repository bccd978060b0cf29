"""Trainers of experiments whose files are in a folder of the fact's own."""

import pytest

from torchproof.suites.project.experiment.config import configured
from torchproof.suites.project.experiment.trainer import Trainer


@pytest.fixture
def trainer(tmp_path):
    """Makes a Trainer of the default config with changes such as "optimizer.args.lr=0.5"."""
    return lambda *changes: Trainer(configured(*changes), tmp_path)


@pytest.fixture
def trained(trainer):
    """Makes such a Trainer, and has it train."""
    return lambda *changes: trainer(*changes).run()
