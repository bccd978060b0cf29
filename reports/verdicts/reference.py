"""From the records of runs of several releases to the one table that `torchproof.reference` reads."""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from torchproof.facts import test_of
from torchproof.reference import ASKED, FILE, VERSION, Reference, read
from torchproof.releases import supported
from torchproof.reports import index
from torchproof.reports.releases.merge import spanned
from torchproof.reports.verdicts.runs import Run, load

Key = TypeVar("Key")
HELP = "Make the table of what each fact is in each release, from the records of runs of them."

# Counts that an environment does not change, which facts give beside their verdict.
_COUNTS = ("graphs", "breaks", "compilations")

_UNDECIDED = ("inconclusive", "unavailable")  # which speaks of the machine, and not of torch


def arguments(parser: argparse.ArgumentParser) -> None:
    """Of which runs, and where to."""
    parser.add_argument("records", nargs="+", type=Path, metavar="RECORD", help="a run record (JSON Lines)")
    parser.add_argument("-o", "--output", type=Path, default=FILE, metavar="FILE", help="the file to write")


def command(options: argparse.Namespace) -> int:
    """Write it. What the file says already of other releases stays, of facts that there still are."""
    runs = [load(path) for path in options.records]
    there = {fact.id for fact in index.facts()}
    known = read(options.output) if options.output.exists() else Reference()
    text = _table(_merged(known, runs), there)
    options.output.write_text(text, encoding="utf-8")
    print(f"{len(text.splitlines())} lines: {options.output}")
    return 0


def _merged(known: Reference, runs: list[Run]) -> Reference:
    """What is known, with what the runs say in place of what it says of their releases."""
    new = {run.release for run in runs}
    asked = {release: ran for release, ran in known.asked.items() if release not in new}
    verdicts, seen = _others(known.verdicts, new), _others(known.seen, new)
    for run in runs:
        asked.setdefault(run.release, _ran(run))
        for identity, result in run.results.items():
            if result.verdict not in _UNDECIDED:
                verdicts[identity][run.release] = result.counted
            for name in _COUNTS:
                if name in (result.numbers or {}):
                    seen[identity, name][run.release] = str((result.numbers or {})[name])
        for key, value in run.observed.items():
            seen[key][run.release] = str(value)
    return Reference({one: asked[one] for one in supported() if one in asked}, verdicts, seen)


def _others(table: Mapping[Key, dict[str, str]], new: set[str]) -> defaultdict[Key, dict[str, str]]:
    """What a table says of releases that are not proven anew."""
    others: defaultdict[Key, dict[str, str]] = defaultdict(dict)
    for key, by_release in table.items():
        others[key] = {release: state for release, state in by_release.items() if release not in new}
    return others


def _ran(run: Run) -> dict[str, str]:
    """What ran, in words without blanks."""
    environment = run.environment
    said = (run.torch, environment["python"], environment.get("packages", {}).get("numpy"), environment["capability"])
    return dict(zip(ASKED, (str(one or "-").replace(" ", "_") for one in said)))


def _table(merged: Reference, there: set[str]) -> str:
    releases = list(merged.asked)
    lines = [VERSION, f"releases {' '.join(releases)}"]
    lines += [f"{what} {' '.join(ran[what] for ran in merged.asked.values())}" for what in ASKED]
    histories: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for identity, by_release in sorted(merged.verdicts.items()):
        test = test_of(identity)
        if test in there and by_release:
            histories[test][", ".join(_spans(by_release, releases))].append(identity.removeprefix(test))
    seen: dict[str, list[str]] = defaultdict(list)
    for (identity, name), by_release in sorted(merged.seen.items()):
        test = test_of(identity)
        seen[test].append("\t".join(["\t=", identity.removeprefix(test), name, *_spans(by_release, releases)]))
    for test, parameters in histories.items():
        lines.append(test)
        lines += ["\t".join(["", history, *which]) for history, which in parameters.items()]
        lines += seen[test]
    return "\n".join(lines) + "\n"


def _spans(by_release: dict[str, str], releases: list[str]) -> Iterator[str]:
    """Each state with the releases that it was in, the first one first."""
    for state in dict.fromkeys(by_release[release] for release in releases if release in by_release):
        yield f"{state} {spanned(releases, [by_release.get(release) == state for release in releases])}"
