"""OpenVINO without its telemetry, which asks the internet and writes into the home folder as a model is converted."""

import importlib
import importlib.util
import sys
from functools import cache

import pytest


@pytest.hookimpl(tryfirst=True)  # before the subjects of a fact are looked for
def pytest_runtest_setup():
    if importlib.util.find_spec("openvino") is not None:
        _import_alone()


@cache
def _import_alone():
    """Where its telemetry cannot be imported, it has a stub of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "openvino_telemetry", None)
        importlib.import_module("openvino.tools.ovc")
