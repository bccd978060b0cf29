"""Whether the installed torch, torchvision and NumPy go together; what each of them does is elsewhere."""

import importlib.metadata
import types

import numpy
import pytest
import torch
from packaging.requirements import Requirement
from packaging.version import Version

from torchproof import fact, releases, same
from torchproof.fixtures.fact import unavailable

PAGE = "https://github.com/pytorch/vision#installation"
INSTALL = "install torch and torchvision together, in one command and from one index"


@pytest.fixture
def release():
    """The supported release that is installed. A newer one has no pair that is known."""
    name = ".".join(map(str, releases.number(torch.__version__)[:2]))
    return releases.supported().get(name) or unavailable("build", f"a torchvision known to go with torch {name}")


@fact("torch.__version__", requires="torchvision", claims=["C02"], source=PAGE, hint=INSTALL)
def test_torchvision_is_the_release_that_goes_with_torch(release):
    """The installed `torchvision` is of the release that was published for the installed `torch`."""
    installed = releases.number(importlib.metadata.version("torchvision"))
    assert installed[:2] == releases.number(release.torchvision)[:2]


@fact("torch.__version__", requires="torchvision", claims=["C02"], source=PAGE, hint=INSTALL)
def test_torchvision_asks_for_this_torch():
    """The installed `torch` is one that the installed `torchvision` says it needs."""
    asked = [Requirement(line) for line in importlib.metadata.requires("torchvision")]
    (torch_asked,) = [requirement.specifier for requirement in asked if requirement.name == "torch"]
    assert torch_asked.contains(Version(torch.__version__).public, prereleases=True)


def without_operators(patch):
    patch.setattr(torch.ops, "torchvision", types.SimpleNamespace())


@fact(
    "torch.__version__",
    requires="torchvision",
    claims=["C02"],
    source=PAGE,
    hint=INSTALL,
    refuter=without_operators,
)
def test_torchvision_operators_run(device):
    """torchvision's compiled operators run with the installed torch: `nms` drops the box that overlaps a better one."""
    import torchvision

    boxes = torch.tensor([[0.0, 0, 10, 10], [20, 20, 30, 30], [0, 0, 10, 9]], device=device)
    kept = torchvision.ops.nms(boxes, torch.tensor([0.5, 0.7, 0.9], device=device), 0.5)
    same(kept, [2, 1])


@fact("torch.from_numpy", hint="torch before 2.3 was built for NumPy 1: install 'numpy<2' beside it")
def test_numpy_is_one_that_torch_was_built_for():
    """`torch.from_numpy` makes tensors of the installed NumPy's arrays, without a copy."""
    array = numpy.array([1.5, 2.5])
    x = torch.from_numpy(array)
    same(x, torch.tensor([1.5, 2.5], dtype=torch.float64))
    array[0] = 9
    assert x[0] == 9


@fact("torch.Tensor.numpy", hint="torch before 2.3 was built for NumPy 1: install 'numpy<2' beside it")
def test_tensors_become_arrays_of_the_installed_numpy():
    """`x.numpy()` shares its memory with an array of the installed NumPy."""
    x = torch.tensor([1.5, 2.5])
    array = x.numpy()
    assert (type(array), array.dtype, array.tolist()) == (numpy.ndarray, numpy.float32, [1.5, 2.5])
    x[0] = 9
    assert array[0] == 9
