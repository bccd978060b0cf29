"""`torchproof run`: pytest with the facts of this package, wherever one stands and whatever stands there."""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import pytest

from torchproof import ROOT
from torchproof.reports.alone import ALONE

HELP = "Prove the facts with the torch that is here; pytest's options and selections pass through."

_EXAMPLES = """\
examples:
  torchproof run -m cpu                                every fact that needs no device
  torchproof run suites/views -k contiguous            some of them
  torchproof run --fact 'views.view.shares_memory'     one of them
  torchproof run -n auto --record run.jsonl            in parallel, recorded there
  torchproof run --facts                               list them, and run nothing

Paths are the package's own. The record is written into ./runs unless --record says where. Exit codes: 0 where nothing
is to be looked at, 1 where something is, 2 where the facts could not be proven.
"""


class _Selection:
    """A plugin: paths to select by are those of this package, and without any it is every fact."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        said = config.args if config.args_source is pytest.Config.ArgsSource.ARGS else ["suites"]
        config.args = [str(ROOT / path) for path in said]


def arguments(parser: argparse.ArgumentParser) -> None:
    """None of its own: what is not known is pytest's."""
    parser.usage = "torchproof run [PYTEST OPTION | PATH] ..."
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EXAMPLES
    parser.set_defaults(rest=[])


def _joined(options: list[str]) -> list[str]:
    """The same with `--record=FILE` for `--record FILE`: pytest looks for a project around a file that stands alone."""
    joined = []
    for option in options:
        if joined and joined[-1] in ("--record", "--resume") and not option.startswith("-"):
            joined[-1] += f"={option}"
        else:
            joined.append(option)
    return joined


def command(options: argparse.Namespace) -> int:
    """Run pytest in this process, with nothing of the folder that one stands in."""
    ours = [*ALONE, "-o", f"runs={Path.cwd() / 'runs'}"]
    if "--benchmarks" not in options.rest:
        ours += ["-p", "no:benchmark"]  # pytest-benchmark makes its folder wherever one stands
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("HYPOTHESIS_STORAGE_DIRECTORY", os.environ.get("HYPOTHESIS_STORAGE_DIRECTORY", folder))
        ended = pytest.main([*ours, *_joined(options.rest)], plugins=[_Selection()])
    return int(ended) if ended in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) else 2
