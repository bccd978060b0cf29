"""What `--refute` has shown: which facts can fail, and which faults no fact of a subject notices."""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from statistics import fmean

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from torchproof import ROOT, data, inventory
from torchproof.records import Planted
from torchproof.reports import screen
from torchproof.reports.screen import counted
from torchproof.reports.verdicts.runs import Run, load

HELP = "Tell which faults no fact notices, by subject; fail where a smaller share than asked for is noticed."

EXCUSES = ROOT / "suites" / "survivors.toml"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Of which run, and how much is enough."""
    parser.add_argument("record", type=Path, metavar="RECORD", help="the record of a run with --refute")
    parser.add_argument(
        "--least", type=float, default=0.9, metavar="SHARE", help="of each subject's faults (default: 0.9)"
    )


def command(options: argparse.Namespace) -> int:
    """Print what was proven; 1 where there is something to look at."""
    return 0 if show(Refutation(load(options.record), excuses()), options.least, screen.console()) else 1


@dataclass(frozen=True)
class Topic:
    """How well the facts of a topic are proven: shares from 0 to 1."""

    name: str
    facts: int
    proven: float
    noticed: float


@dataclass(frozen=True)
class Subject:
    """The faults planted on a subject by all of its facts together, and those that none of them noticed."""

    name: str
    applied: int
    survivors: dict[tuple[str, str], str | None]

    @property
    def share(self) -> float:
        """The share of faults noticed, or excused: there is a reason why nobody is to notice them."""
        return 1 - sum(because is None for because in self.survivors.values()) / self.applied


@dataclass(frozen=True)
class Excuse:
    """Why nobody is to notice these faults on what is named."""

    on: str | list[str]
    faults: list[str]
    because: str


def excuses(path: Path = EXCUSES) -> dict[tuple[str, str], str]:
    """The reasons why faults may survive, by what they are planted on (`*` stands for any letters) and their name."""
    if not path.exists():
        return {}
    return {
        (on, fault): row.because
        for row in data.rows(path, "survivor", Excuse)
        for on in ([row.on] if isinstance(row.on, str) else row.on)
        for fault in row.faults
    }


class Refutation:
    """The faults of one run, counted."""

    def __init__(self, run: Run, excused: dict[tuple[str, str], str]) -> None:
        self.run, self.excused = run, excused

    @cached_property
    def topics(self) -> list[Topic]:
        """In alphabetical order, those with a fact that was refuted or should have been."""
        by_fact: dict[str, list[bool]] = defaultdict(list)
        for planted in self.run.planted:
            by_fact[planted.id].append(planted.noticed)
        rows: dict[str, list[str]] = defaultdict(list)
        for result in self.run.results.values():
            if result.id in by_fact or result.verdict in ("vacuous", "unproven"):
                rows[self.run.facts[result.id].topic].append(result.id)
        return [
            Topic(
                name,
                len(ids),
                fmean(any(by_fact[identity]) for identity in ids),
                fmean(fmean(by_fact[identity] or [False]) for identity in ids),
            )
            for name, ids in sorted(rows.items())
        ]

    @cached_property
    def subjects(self) -> list[Subject]:
        """In alphabetical order, those on which a fault was planted."""
        noticed: dict[str, dict[tuple[str, str], bool]] = defaultdict(dict)
        for planted in self.run.planted:
            for name in self._subjects_of(planted):
                before = noticed[name].get(planted.broken, False)
                noticed[name][planted.broken] = before or planted.noticed
        return [
            Subject(name, len(faults), {key: self._because(*key) for key, seen in faults.items() if not seen})
            for name, faults in sorted(noticed.items())
        ]

    def _because(self, on: str, fault: str) -> str | None:
        said = (self.excused[pattern] for pattern in self._patterns if _is_about(pattern, (on, fault)))
        return self.excused.get((on, fault)) or next(said, None)

    @cached_property
    def _patterns(self) -> list[tuple[str, str]]:
        """The excuses that are not about one name."""
        return [key for key in self.excused if "*" in key[0]]

    def _subjects_of(self, planted: Planted) -> list[str]:
        names = self.run.facts[planted.id].subjects
        return [name for name in names if planted.on == name or planted.on.startswith(f"{name}.")]

    @cached_property
    def kinds(self) -> list[tuple[str, int, list[str]]]:
        """Each kind of fault with how often it was planted on a subject, and where it survives without a reason."""
        applied: Counter[str] = Counter()
        survivors: dict[str, set[str]] = defaultdict(set)
        for planted in {planted.broken: planted for planted in self.run.planted}.values():
            applied[planted.type] += 1
        for subject in self.subjects:
            for (on, fault), because in subject.survivors.items():
                if because is None:
                    survivors[fault.partition(":")[0]].add(on)
        return [(kind, count, sorted(survivors[kind])) for kind, count in applied.most_common()]

    @property
    def idle_excuses(self) -> list[tuple[str, str]]:
        """Excuses about names on which no fault is planted any more.

        Not for a fault that was only not planted this time: what memory of `torch.empty` held before may rule it out.
        """
        broken = {planted.on for planted in self.run.planted}
        return sorted(
            (on, fault)
            for on, fault in self.excused
            if not any(fnmatchcase(name, on) for name in broken) and self._is_here(on)
        )

    @property
    def noticed_excuses(self) -> list[tuple[str, str]]:
        """Excuses for what was noticed this time: by chance (two calls race), or because none is needed any more."""
        planted = {one.broken for one in self.run.planted}
        survivors = {key for subject in self.subjects for key in subject.survivors}
        noticed = {key for key in self.excused for one in planted - survivors if _is_about(key, one)}
        return sorted(key for key in noticed if not any(_is_about(key, one) for one in survivors))

    def _is_here(self, on: str) -> bool:
        """Whether a fault might have been planted: a fact about it ran, or, where none is, it is of what is here."""
        about = {self._ran[name] for name in self._ran if fnmatchcase(name, on) or on.startswith(f"{name}.")}
        return any(about) if about else inventory.is_of_torch(on) or on.partition(".")[0] in self._imported

    @cached_property
    def _ran(self) -> dict[str, bool]:
        """What facts are about, and whether one about it ran."""
        ran: dict[str, bool] = defaultdict(bool)
        for one, result in self.run.results.items():
            for subject in self.run.facts[one].subjects:
                ran[subject] |= result.verdict != "unavailable"
        return ran

    @cached_property
    def _imported(self) -> set[str]:
        """The packages that facts which ran are about, by what is imported: 'mlflow', which 'mlflow-skinny' brings."""
        return {subject.partition(".")[0] for subject, ran in self._ran.items() if ran}

    def below(self, least: float) -> list[Subject]:
        """The subjects of whose faults a smaller share is noticed or excused."""
        return [subject for subject in self.subjects if subject.share < least]


def _is_about(pattern: tuple[str, str], survivor: tuple[str, str]) -> bool:
    return pattern[1] == survivor[1] and fnmatchcase(survivor[0], pattern[0])


def by_topic(refutation: Refutation) -> RenderableType:
    """The table of topics, and under it where faults survive, by kind: the list of what to sharpen."""
    table = Table("topic", box=box.SIMPLE, padding=(0, 1, 0, 0))
    for column in ("facts", "proven", "faults noticed"):
        table.add_column(column, justify="right")
    for topic in refutation.topics:
        table.add_row(topic.name, str(topic.facts), f"{topic.proven:.0%}", f"{topic.noticed:.0%}")
    lines = [
        f"{kind}: survives on {len(where)} of {applied} ({', '.join(where[:3])}{', …' if len(where) > 3 else ''})"
        for kind, applied, where in refutation.kinds
        if where
    ]
    return Group(table, Text("\n".join(lines)))


def of_kernels(run: Run) -> tuple[int, list[tuple[str, str]]]:
    """How many faults of kernels any fact reached, and those that none noticed: the operator, and what it does."""
    noticed: dict[tuple[str, str], bool] = {}
    for planted in run.kernels:
        key = planted.on, planted.says
        noticed[key] = noticed.get(key, False) or planted.noticed
    return len(noticed), sorted(key for key, seen in noticed.items() if not seen)


def show(refutation: Refutation, least: float, console: Console) -> bool:
    """Print what was proven, and the subjects below `least`; whether there is nothing to look at."""
    console.print(by_topic(refutation), highlight=False)
    low = refutation.below(least)
    for subject in low:
        faults = counted(subject.applied, "fault")
        console.print(Text.assemble((subject.name, "bold"), f" {subject.share:.0%} of {faults}"))
        for (on, fault), because in subject.survivors.items():
            if because is None:
                console.print(f"  {on}: {fault}", highlight=False)
    for on, fault in refutation.noticed_excuses:
        console.print(f"noticed this time, needs no excuse if it is each time: {on}: {fault}", highlight=False)
    for on, fault in refutation.idle_excuses:
        console.print(f"excuses nothing any more: {on}: {fault}", highlight=False)
    failed = [result for result in refutation.run.to_look_at() if result.verdict in ("vacuous", "unproven")]
    console.print(
        f"{counted(len(refutation.run.planted), 'fault')} on {counted(len(refutation.subjects), 'subject')}; "
        f"{counted(len(low), 'subject')} below {least:.0%}, {counted(len(failed), 'fact')} vacuous or unproven, "
        f"{counted(len(refutation.idle_excuses), 'idle excuse')}",
        highlight=False,
    )
    if gaps := refutation.run.gaps:
        console.print(Text(gaps, "bold red"), soft_wrap=True)
    return not (low or failed or refutation.idle_excuses or gaps)
