"""What the same calls give in each supported release, where they do not give the same in all. Needs no torch.

Reads `outcomes.tsv`, which `nox -s outcomes` makes by asking the releases themselves. Lines with tabs between fields:

    releases, torch, python   on the first lines: what was asked, and on which Python
    subject                   the name that calls are about; what follows are calls of it
    <tab>call<tab>given<tab>spans<tab>outcome<tab>warnings
                              a call with what it is given (reports/outcomes/given.py), and what it gives in the
                              releases of the spans, as in the inventory
    <tab><tab><tab>spans<tab>outcome<tab>warnings
                              what the same call gives in other releases

An outcome begins with 'raises' and the class of the error, or with 'ends the process', or is the result in words; `-`
stands where the release does not have the name, or the parameter, that is called. What differs between two runs of one
release, between numbers of threads or between sets of instructions is not there at all.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from itertools import compress
from pathlib import Path

from torchproof.inventory import within

VERSION = "torchproof outcomes 1"
FILE = Path(__file__).parent / "outcomes.tsv"
ABSENT = "-"


@dataclass(frozen=True)
class Outcome:
    """What a call gives in a release: `warnings` are 'category: first words'."""

    text: str
    warnings: tuple[str, ...] = ()

    @property
    def is_absent(self) -> bool:
        """Whether the release has not what is called."""
        return self.text == ABSENT

    @property
    def error(self) -> str:
        """The class of the error that is raised, or how the process ends; '' where there is a result."""
        if self.text.startswith("raises "):
            return self.text.removeprefix("raises ").partition(":")[0].partition("<")[0]
        return "the end of the process" if self.text.startswith("ends the process") else ""

    @property
    def categories(self) -> frozenset[str]:
        """The categories of its warnings."""
        return frozenset(one.partition(":")[0] for one in self.warnings)


_NOT_THERE = Outcome(ABSENT)


@dataclass(frozen=True)
class Call:
    """A call that was asked of every release, with its outcome in each, in the order of releases."""

    subject: str
    code: str
    given: str
    outcomes: tuple[Outcome, ...]

    @property
    def is_absent(self) -> bool:
        """Whether no release has what is called."""
        return all(one.is_absent for one in self.outcomes)


@dataclass(frozen=True)
class Table:
    """All calls whose outcomes differ, by what they are about; and what was asked."""

    releases: tuple[str, ...]
    asked: dict[str, tuple[str, str]]  # of each release the version of torch, as 2.0.1, and that of Python
    calls: dict[str, list[Call]]


@cache
def outcomes() -> Table:
    """The table of the supported releases."""
    return read(FILE.read_text(encoding="utf-8"))


def read(text: str) -> Table:
    """The table that a text is. Raises ValueError where it is none that this version reads."""
    lines = iter(text.splitlines())
    if (version := next(lines, "")) != VERSION:
        raise ValueError(f"it is no table of outcomes that this version reads: it starts with {version[:40]!r}")
    releases, torches, pythons = (tuple(next(lines).split()[1:]) for _ in range(3))
    asked = dict(zip(releases, zip(torches, pythons)))
    calls: dict[str, list[Call]] = defaultdict(list)
    subject = code = given = ""
    states: list[tuple[str, Outcome]] = []
    for line in [*lines, "\t\tend\t"]:
        _, *fields = line.split("\t")
        if states and (not fields or fields[0] or fields[1] == "end"):
            calls[subject].append(Call(subject, code, given, _spread(states, releases)))
            states = []
        if not fields:
            subject = line
        elif fields[1] != "end":
            code, given = (fields[0], fields[1]) if fields[0] else (code, given)
            states.append((fields[2], Outcome(fields[3], tuple(filter(None, fields[4].split(" & "))))))
    return Table(releases, asked, dict(calls))


def _spread(states: list[tuple[str, Outcome]], releases: tuple[str, ...]) -> tuple[Outcome, ...]:
    """The outcome in each release, of the releases that each one has."""
    by_release = {release: one for spans, one in states for release in compress(releases, within(spans, releases))}
    return tuple(by_release.get(release, _NOT_THERE) for release in releases)
