"""Facts × releases: the table of several runs, with what differs between them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from torchproof.records import FAILED, FactLine, Verdict
from torchproof.releases import number
from torchproof.reports import pages, screen
from torchproof.reports.verdicts.runs import VERDICTS, Run, load
from torchproof.reports.verdicts.summary import COLOURS

HELP = "Compare recorded runs of several releases."


def arguments(parser: argparse.ArgumentParser) -> None:
    """Of which runs, and whether a page is wanted."""
    parser.add_argument("records", nargs="+", type=Path, metavar="RECORD", help="a run record (JSON Lines)")
    parser.add_argument("-o", "--output", type=Path, metavar="DIR", help="write a page into this folder, too")


def command(options: argparse.Namespace) -> int:
    """Print the table."""
    table = matrix([load(path) for path in options.records])
    show(table, screen.console())
    if options.output:
        print(f"page: {pages.write('matrix.html', options.output / 'matrix.html', table=table)}")
    return 0


@dataclass(frozen=True)
class Row:
    """One fact over all runs, None where a run has no verdict of it."""

    fact: FactLine
    results: tuple[Verdict | None, ...]

    @property
    def verdicts(self) -> list[str]:
        """Its verdict in each run; a dash where there is none."""
        return [result.counted if result else "-" for result in self.results]

    @property
    def differs(self) -> bool:
        """Whether the runs disagree about it, or a run has something to look at."""
        return len(set(self.verdicts)) > 1 or bool(set(self.verdicts) & set(FAILED))

    @property
    def warning(self) -> str | None:
        """A `differs` judged by several kinds of exception: a typo, say, must not pass for a range."""
        kinds = sorted({result.exception for result in self.results if result and result.exception})
        return f"differs by {' and by '.join(kinds)}" if len(kinds) > 1 else None


@dataclass(frozen=True)
class Observed:
    """What a fact saw in each run under a name, and nobody promises; None where it saw nothing."""

    fact: FactLine
    name: str
    values: tuple[object, ...]

    @property
    def differs(self) -> bool:
        """Whether two runs saw different things."""
        return len({str(value) for value in self.values if value is not None}) > 1


@dataclass(frozen=True)
class Matrix:
    """The runs in the order of their releases, their labels, and a row a fact."""

    runs: list[Run]
    labels: list[str]
    rows: list[Row]

    @property
    def differing(self) -> list[Row]:
        """The rows in which something differs or is to be looked at, or whose exceptions do."""
        return [row for row in self.rows if row.differs or row.warning]

    @property
    def unpromised(self) -> list[Observed]:
        """What differs though nobody promised that it would not."""
        keys = sorted({key for run in self.runs for key in run.observed})
        facts = {row.fact.id: row.fact for row in self.rows}
        seen = [
            Observed(facts[identity], name, tuple(run.observed.get((identity, name)) for run in self.runs))
            for identity, name in keys
            if identity in facts
        ]
        return [observed for observed in seen if observed.differs]

    @property
    def beside(self) -> list[str]:
        """With what packages that facts require each run was made."""
        return [f"{label} with {run.beside}" for label, run in zip(self.labels, self.runs) if run.beside]

    @property
    def gaps(self) -> list[str]:
        """What of the records could not be read."""
        return [run.gaps for run in self.runs if run.gaps]

    def totals(self) -> list[tuple[str, list[int]]]:
        """Each verdict that occurs, with its count in every run."""
        counted = [run.totals() for run in self.runs]
        return [
            (verdict, [count[verdict] for count in counted])
            for verdict in VERDICTS
            if any(count[verdict] for count in counted)
        ]


def matrix(runs: Sequence[Run]) -> Matrix:
    """The table of these runs. Two runs of one torch version are told apart by the names of their records."""
    ordered = sorted(runs, key=lambda run: number(run.torch))
    versions = [run.torch.partition("+")[0] for run in ordered]
    labels = [
        version if versions.count(version) == 1 else f"{version} ({run.path.stem})"
        for version, run in zip(versions, ordered)
    ]
    facts = {identity: run.facts[identity] for run in ordered for identity in run.results}
    rows = [Row(fact, tuple(run.results.get(identity) for run in ordered)) for identity, fact in sorted(facts.items())]
    return Matrix(ordered, labels, rows)


def show(table: Matrix, console: Console) -> None:
    """Print what differs, and the counts of everything."""
    shown = Table("fact", *table.labels, title="What differs between releases", title_justify="left", show_lines=True)
    shown.columns[0].overflow = "fold"
    for row in table.differing:
        warning = (f" {row.warning}" if row.warning else "", "bold red")
        fact = Text.assemble(row.fact.claim, warning, "\n", (row.fact.id, "dim"))
        shown.add_row(fact, *(Text(verdict, COLOURS.get(verdict, "dim")) for verdict in row.verdicts))
    counted = Table("verdict", *table.labels)
    unpromised = Table("seen by", *table.labels, title="Not promised, and different", title_justify="left")
    for observed in table.unpromised:
        values = (Text("-" if value is None else str(value)) for value in observed.values)
        unpromised.add_row(Text(f"{observed.fact.id} ({observed.name})"), *values)
    for verdict, counts in table.totals():
        counted.add_row(verdict, *map(str, counts), style=COLOURS.get(verdict, ""))
    for gaps in table.gaps:
        console.print(Text(gaps, "bold red"), soft_wrap=True)
    console.print(shown)
    if unpromised.rows:
        console.print(unpromised)
    console.print(counted)
    for beside in table.beside:
        console.print(beside, highlight=False, soft_wrap=True)
    console.print(
        f"{len(table.rows) - len(table.differing)} of {len(table.rows)} facts have the same verdict in every run."
    )
