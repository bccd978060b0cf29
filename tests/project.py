"""A tiny project of facts for each test: the plugins are the real ones, the suites are the test's own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent

HEAD = """
import ctypes, os, signal, time
import pytest, torch
from torchproof.fixtures.fact import fact, unavailable
"""

HOLDS = '''
@fact("torch.add")
def test_holds(device):
    """`add` adds two tensors."""
    assert (torch.ones(2, device=device) + 1).tolist() == [2, 2]
'''


def _with_usual_signals() -> None:
    """A shell ignores some for what it starts in the background, and so does all that is started there."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


class Project:
    """A folder with suites, and pytest run in it."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester
        self.path = pytester.path
        pytester.makeconftest((ROOT / "conftest.py").read_text().replace(', "pytester"', ""))
        pytester.makepyprojecttoml(
            '[tool.pytest.ini_options]\ntestpaths = ["suites"]\n'
            'addopts = ["--import-mode=importlib", "--strict-markers"]\nfacts_only = ["suites"]\n'
        )

    def suite(self, source: str, path: str = "suites/topic/test_area.py") -> Path:
        """Write a file of facts, with the imports that they share."""
        file = self.path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(HEAD + source)
        return file

    def run(self, *options: object) -> pytest.RunResult:
        """Run pytest in this process, without pytest-randomly."""
        return self.pytester.runpytest_inprocess("-p", "no:randomly", *options)

    def start(self, *options: object, **popen: Any) -> subprocess.Popen[str]:
        """Start pytest in a process of its own."""
        command = [sys.executable, "-m", "pytest", "-p", "no:randomly", *map(str, options)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **popen.pop("env", {})}
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        ready = {"preexec_fn": _with_usual_signals} if os.name == "posix" else {}
        return subprocess.Popen(command, cwd=self.path, env=environment, **{**quiet, **ready, **popen})

    def records(self) -> list[Path]:
        """The records of the runs so far, oldest first."""
        return sorted((self.path / "runs").glob("*.jsonl"), key=lambda path: path.stat().st_mtime_ns)

    def lines(self, kind: str, record: Path | None = None) -> list[dict[str, Any]]:
        """The lines of one kind in a record, the newest record by default."""
        lines = [json.loads(line) for line in (record or self.records()[-1]).read_text().splitlines()]
        return [line for line in lines if line["kind"] == kind]

    def verdicts(self, record: Path | None = None) -> dict[str, str]:
        """The last verdict of each id."""
        return {line["id"]: line["verdict"] for line in self.lines("verdict", record)}
