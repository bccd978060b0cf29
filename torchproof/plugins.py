"""The plugins that make pytest prove facts, in the order in which they are needed: `pytest -p torchproof.plugins`."""

from __future__ import annotations

import os

from torchproof import ROOT

pytest_plugins = [
    "torchproof.fixtures.plugins.requirements",
    "torchproof.fixtures.plugins.garbage",
    "torchproof.fixtures.plugins.collection",
    "torchproof.fixtures.plugins.selection",
    "torchproof.fixtures.plugins.limits",
    "torchproof.fixtures.plugins.verdicts",
    "torchproof.fixtures.plugins.devices",
    "torchproof.fixtures.plugins.isolation",
    "torchproof.fixtures.plugins.properties",
    "torchproof.fixtures.plugins.recorder",
    "torchproof.fixtures.plugins.listing",
    "torchproof.fixtures.plugins.progress",
    "torchproof.fixtures.ranks",
    "torchproof.fixtures.plugins.changed",
    "torchproof.fixtures.faults.refute",
    "torchproof.fixtures.timing.collection",
]

# Pytest's options for our own suites, wherever one stands: with no configuration file, no conftest.py and no cache of
# that folder, but with the settings of pyproject.toml that matter.
ALONE = ["-c", os.devnull, "--rootdir", str(ROOT), "--noconftest", "-p", "torchproof.plugins"]
ALONE += ["-p", "no:cacheprovider", "-p", "no:logging", "--import-mode=importlib", "-o", "facts_only=suites"]
