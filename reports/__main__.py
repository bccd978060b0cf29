"""`python -m reports`: read run records and show them; no torch is needed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from fixtures.records import RecordError
from reports import html, inventory, matrix, refutation, summary
from reports.runs import load


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 1 where it has something to fail for, 2 where a file cannot be used."""
    options = _parser().parse_args(arguments)
    try:
        failed = options.command(options, Console())
    except (RecordError, OSError) as error:
        print(f"reports: {error}", file=sys.stderr)
        return 2
    return int(bool(failed))


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
    says = "tell which faults no fact notices, by subject; fail where a smaller share than asked for is noticed"
    one = commands.add_parser("refutation", help=says, description=says)
    one.add_argument("record", type=Path, metavar="RECORD", help="the record of a run with --refute")
    one.add_argument(
        "--least", type=float, default=0.9, metavar="SHARE", help="of each subject's faults (default: 0.9)"
    )
    one.set_defaults(command=_refutation)
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


def _refutation(options: argparse.Namespace, console: Console) -> bool:
    refuted = refutation.Refutation(load(options.record), refutation.excuses())
    return not refutation.show(refuted, options.least, console)


def _inventory(options: argparse.Namespace, console: Console) -> None:
    answers = {path.stem: path.read_text(encoding="utf-8").splitlines() for path in options.answers}
    options.output.write_text(inventory.merge(answers), encoding="utf-8")
    console.print(f"{len(answers)} releases: {options.output}", soft_wrap=True, highlight=False)


if __name__ == "__main__":
    sys.exit(main())
