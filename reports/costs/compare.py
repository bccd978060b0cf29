"""`torchproof compare`: what the benchmarks cost on one build of torch against another."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from torchproof import ROOT
from torchproof.reports import Refusal
from torchproof.reports.alone import ALONE
from torchproof.reports.costs import html, measure, text, unpaired
from torchproof.reports.costs.measure import QUICK, THOROUGH, Plan, Progress

HELP = "Compare what benchmarks cost on two builds of torch."

_EXAMPLES = """\
examples:
  torchproof compare --python old/bin/python --python new/bin/python
                                 the quick benchmarks, in under eight minutes
  ... suites/linalg -k bfloat16  those of a topic instead
  ... --mine bench.py            your own: bench_* functions, or tests with pytest-benchmark's fixture
  ... --fail-slower 1.05         exit code 1 where one is slower by 5 % or more
  torchproof compare old.json new.json
                                 what pytest --benchmarks --benchmark-json=FILE saved, on other days or machines (a
                                 folder: several launches): unpaired, so only changes of 25 % or more can count

A and B are launched again for each round, A twice, so that every comparison has one of A with itself beside it. What is
written: comparison.json, .md and .html. Ctrl-C keeps what was measured.

Time is that of one thread's CPU, and torch computes on one. Of what other threads or processes do it sees nothing: say
@bench("torch", clock="wall", threads=4) there, which `from torchproof import bench` gives.
"""
STEP = 10.0  # seconds between two lines of progress where the output is not a terminal


def arguments(parser: argparse.ArgumentParser) -> None:
    """Of what, how far, and what is to fail."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EXAMPLES
    parser.add_argument(
        "paths", nargs="*", metavar="PATH", help="benchmarks, instead of the quick ones; or two saved files"
    )
    parser.add_argument("--python", action="append", default=[], help="the Python of A, then that of B")
    parser.add_argument("-k", dest="keyword", metavar="EXPRESSION", help="select by name, as pytest does")
    parser.add_argument("--mine", type=Path, metavar="FILE", help="your own benchmarks instead")
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--quick", dest="mode", action="store_const", const=QUICK, help="changes of 5 %% or more (default)"
    )
    how.add_argument(
        "--thorough", dest="mode", action="store_const", const=THOROUGH, help="of 1 %% or more, in an hour"
    )
    parser.add_argument("--rounds", type=_positive(int), metavar="N", help="how often the builds are launched")
    parser.add_argument("--budget", type=_positive(float), metavar="MINUTES", help="how long it may take")
    parser.add_argument(
        "--fail-slower", type=_positive(float), metavar="RATIO", help="fail where one is so much slower"
    )
    parser.add_argument("--seed", type=int, help="of the order of everything; a random one by default")
    parser.add_argument("--plant", type=_positive(float), default=1.0, metavar="RATIO", help="make B so much slower")
    parser.add_argument("-o", "--output", type=Path, metavar="DIR", help="write into this folder; default: a new one")


def _positive(kind: Callable[[str], float]) -> Callable[[str], float]:
    def number(text: str) -> float:
        value = kind(text)
        if not value > 0:
            raise ValueError
        return value

    number.__name__ = "positive number"
    return number


def command(options: argparse.Namespace) -> int:
    """Compare, print and write. The exit code is 1 where a benchmark is slower by --fail-slower."""
    if not options.python and len(options.paths) == 2 and all(map(_is_saved, options.paths)):
        comparison = replace(unpaired.compare_saved(*map(Path, options.paths)), fail_slower=options.fail_slower)
    elif len(options.python) == 2:
        comparison = measure.measure(_plan(options), _Line())
    else:
        raise Refusal("a comparison takes two environments, --python A --python B, or two saved files: A.json B.json")
    folder = options.output or Path("runs", f"comparison-{time.strftime('%Y-%m-%dT%H%M%S')}")
    comparison.write(folder / "comparison.json")
    (folder / "comparison.md").write_text(text.as_markdown(comparison), encoding="utf-8")
    print(text.as_text(comparison))
    print(f"page: {html.write(comparison, folder)}")
    for one in comparison.too_slow:
        print(f"slower by more than --fail-slower {options.fail_slower:g}: {one.id}, {one.ratio:.3f}")
    return 1 if comparison.too_slow else 0


def _is_saved(path: str) -> bool:
    """Whether it is what pytest-benchmark saved, or a folder of that."""
    return path.endswith(".json") or any(Path(path).glob("*.json"))


def _plan(options: argparse.Namespace) -> Plan:
    mode = options.mode or QUICK
    return Plan(
        pythons=dict(zip("ab", map(_python, options.python))),
        arguments=_mine(options) if options.mine else _ours(options),
        mode=replace(mode, rounds=options.rounds or mode.rounds, minutes=options.budget or mode.minutes),
        only_quick=not (options.paths or options.keyword or options.mine),
        seed=options.seed if options.seed is not None else time.time_ns() % 2**32,
        fail_slower=options.fail_slower,
        plant=options.plant,
    )


def _python(path: str) -> str:
    """The program, also for the folder of an environment; not resolved, since an environment is known by its link."""
    inside = Path(path, "Scripts/python.exe" if os.name == "nt" else "bin/python")
    return (
        str((inside if Path(path).is_dir() else Path(path)).absolute()) if os.sep in path or inside.exists() else path
    )


def _ours(options: argparse.Namespace) -> list[str]:
    """What pytest is told to collect the tracked benchmarks, with nothing of the folder that one stands in."""
    paths = [_path(path) for path in options.paths or ["suites"]]
    return [*ALONE, "--benchmarks", *_common(options), *paths]


def _mine(options: argparse.Namespace) -> list[str]:
    """What pytest is told to collect somebody's own, with their conftest.py and settings, but not their options."""
    if not options.mine.exists():
        raise Refusal(f"there is no {options.mine}")
    if options.paths:
        raise Refusal("--mine is instead of the project's benchmarks: name no others beside it")
    folder = options.mine.absolute() if options.mine.is_dir() else options.mine.absolute().parent
    settings = ["addopts=", "python_files=bench_*.py test_*.py", "python_functions=bench_* test_*"]
    return [
        "--rootdir",
        str(folder),
        *_common(options),
        *(f"-o{one}" for one in settings),
        str(options.mine.absolute()),
    ]


def _common(options: argparse.Namespace) -> list[str]:
    return ["-p", "no:cacheprovider", *(["-k", options.keyword] if options.keyword else [])]


def _path(named: str) -> str:
    """A path from here or from the project's root, perhaps with the name of a benchmark behind it."""
    file, colons, name = named.partition("::")
    for folder in (Path.cwd(), ROOT):
        if (folder / file).exists():
            return f"{folder / file}{colons}{name}"
    raise Refusal(f"there is no {file}")


class _Line:
    """The progress: one live line in a terminal, a line every few seconds elsewhere."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._shown = time.monotonic()

    def __call__(self, told: Progress | str) -> None:
        if isinstance(told, str):
            print(f"\r\033[K{told}" if self._live else told, file=sys.stderr)
        elif self._live:
            print(f"\r{told}\033[K", end="", file=sys.stderr, flush=True)
        elif time.monotonic() - self._shown >= STEP:
            self._shown = time.monotonic()
            print(told, file=sys.stderr, flush=True)
