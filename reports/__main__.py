"""`python -m reports`: read run records and show them; no torch is needed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from fixtures.records import RecordError
from reports import html, inventory, matrix, summary
from reports.runs import load


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 2, with one sentence, where a file or folder cannot be used."""
    options = _parser().parse_args(arguments)
    try:
        options.command(options, Console())
    except (RecordError, OSError) as error:
        print(f"reports: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m reports", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command, says in (
        (_summary, "print what each run decided"),
        (_html, "write a page for each run"),
        (_matrix, "compare runs of several releases"),
    ):
        one = commands.add_parser(command.__name__[1:], help=says, description=says)
        one.add_argument("records", nargs="+", type=Path, metavar="RECORD", help="a run record (JSON Lines)")
        if command is not _summary:
            one.add_argument(
                "-o", "--output", type=Path, metavar="DIR", required=command is _html, help="the folder for the pages"
            )
        one.set_defaults(command=command)
    one = commands.add_parser("inventory", help="make the file of public names from each release's answer")
    one.add_argument(
        "answers",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="the names of one release, in a file named as the release, oldest first",
    )
    one.add_argument("-o", "--output", type=Path, metavar="FILE", required=True, help="the file to write")
    one.set_defaults(command=_inventory)
    return parser


def _summary(options: argparse.Namespace, console: Console) -> None:
    for path in options.records:
        summary.show(load(path), console)


def _html(options: argparse.Namespace, console: Console) -> None:
    for run in [load(path) for path in options.records]:
        console.print(f"page: {html.summary_page(run, options.output)}", soft_wrap=True, highlight=False)


def _matrix(options: argparse.Namespace, console: Console) -> None:
    table = matrix.matrix([load(path) for path in options.records])
    matrix.show(table, console)
    if options.output:
        console.print(f"page: {html.matrix_page(table, options.output)}", soft_wrap=True, highlight=False)


def _inventory(options: argparse.Namespace, console: Console) -> None:
    answers = {path.stem: path.read_text(encoding="utf-8").splitlines() for path in options.answers}
    options.output.write_text(inventory.merge(answers), encoding="utf-8")
    console.print(f"{len(answers)} releases: {options.output}", soft_wrap=True, highlight=False)


if __name__ == "__main__":
    sys.exit(main())
