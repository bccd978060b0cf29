"""Pytest with our own suites, wherever one stands, and with nothing of the folder that one stands in."""

from __future__ import annotations

import os

from torchproof import ROOT

# No configuration file, no conftest.py and no cache, but the settings of pyproject.toml that matter.
ALONE = ["-c", os.devnull, "--rootdir", str(ROOT), "--noconftest", "-p", "torchproof.plugins"]
ALONE += ["-p", "no:cacheprovider", "-p", "no:logging", "--import-mode=importlib", "-o", "facts_only=suites"]
