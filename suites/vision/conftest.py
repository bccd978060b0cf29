"""The parts of torchvision: where it is not installed the facts are unavailable, and their files can be read."""

import importlib

import pytest


def _part(name):
    @pytest.fixture(name=name.rpartition(".")[2])
    def part():
        return importlib.import_module(f"torchvision.{name}")

    return part


datasets = _part("datasets")
io = _part("io")
models = _part("models")
ops = _part("ops")
transforms = _part("transforms")
utils = _part("utils")


@pytest.fixture
def tv_tensors():
    found = importlib.import_module("torchvision.tv_tensors")
    yield found
    found.set_return_type("Tensor")  # which a fault may have left otherwise


@pytest.fixture
def v2():
    import torchvision

    if hasattr(torchvision, "disable_beta_transforms_warning"):  # it warned of them until 0.17
        torchvision.disable_beta_transforms_warning()
    return importlib.import_module("torchvision.transforms.v2")
