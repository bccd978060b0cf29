"""`torch.__version__`, and how versions compare with text and with numbers."""

import importlib.metadata

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from packaging.version import Version
from torch.torch_version import TorchVersion

from torchproof import fact

NUMBERS = st.tuples(st.integers(1, 3), st.integers(0, 20), st.integers(0, 3))


@fact("torch.__version__", hint="pip list shows another torch than Python imports where two are installed")
def test_is_that_of_the_installed_package():
    """`torch.__version__` names the release that the package manager has installed."""
    assert Version(torch.__version__).public == Version(importlib.metadata.version("torch")).public


@fact("torch.__version__", "torch.torch_version.TorchVersion", myth="torch.__version__ compares as text")
def test_compares_by_number():
    """`torch.__version__` compares with text by number: no 1.x or 2.x is newer than '2.1000'."""
    assert torch.__version__ < "2.1000"
    assert torch.__version__ >= "2.0"


@fact("torch.torch_version.TorchVersion", hint="compare torch.__version__ itself, not a part of its text")
def test_is_misordered_as_plain_text():
    """`TorchVersion("2.10.0")` is newer than "2.6.0", though as plain text it is the smaller."""
    assert TorchVersion("2.10.0") > "2.6.0"
    assert str(TorchVersion("2.10.0")) < "2.6.0"


@fact("torch.torch_version.TorchVersion")
@given(NUMBERS, NUMBERS)
@example((2, 10, 0), (2, 6, 0))
@example((2, 6, 1), (2, 6, 1))
@example((1, 13, 1), (2, 0, 0))
def test_orders_as_the_numbers_do(a, b):
    """`TorchVersion` compares with text as the numbers compare, one after the other."""
    version, text = TorchVersion(".".join(map(str, a))), ".".join(map(str, b))
    assert (version < text, version == text, version > text) == (a < b, a == b, a > b)


@fact("torch.torch_version.TorchVersion")
@given(NUMBERS, NUMBERS)
@example((2, 10, 0), (2, 6, 0))
@example((2, 6, 1), (2, 6, 1))
def test_compares_with_tuples(a, b):
    """`TorchVersion` compares by `<=` and `>=` with tuples of numbers as these compare."""
    version = TorchVersion(".".join(map(str, a)))
    assert (version <= b, version >= b) == (a <= b, a >= b)


@fact("torch.torch_version.TorchVersion", hint='compare with >= "2.6" and < "2.7", or split the build off')
def test_with_a_build_is_not_equal_to_the_release():
    """`TorchVersion("2.6.0+cu124")`, which names its build, is newer than "2.6.0", the plain release, and unequal."""
    assert TorchVersion("2.6.0+cu124") != "2.6.0"
    assert TorchVersion("2.6.0+cu124") > "2.6.0"


@fact("torch.torch_version.TorchVersion")
@pytest.mark.parametrize("early", ["2.6.0a0+git1234567", "2.6.0.dev20250101", "2.6.0rc1"])
def test_before_a_release_is_older(early):
    """`TorchVersion` of a nightly build or a candidate of a release is older than the release."""
    assert TorchVersion(early) < "2.6.0"
    assert TorchVersion(early) > "2.5.1"


@fact("torch.__version__")
def test_is_text():
    """`torch.__version__` is a `str`, so that it can be printed, split or put into a file name."""
    assert isinstance(torch.__version__, str)
    assert f"{torch.__version__}".split(".")[0] == str(Version(torch.__version__).major)
