"""The page of a run: what the summary says, what people believe, and every fact."""

from __future__ import annotations

import argparse
from pathlib import Path

from torchproof import steadiness
from torchproof.reports import pages
from torchproof.reports.verdicts import beliefs, refutation
from torchproof.reports.verdicts.runs import VERDICTS, Run, load

HELP = "Write a page for each recorded run."


def arguments(parser: argparse.ArgumentParser) -> None:
    """Of which runs, and where to."""
    parser.add_argument("records", nargs="+", type=Path, metavar="RECORD", help="a run record (JSON Lines)")
    parser.add_argument("-o", "--output", type=Path, metavar="DIR", required=True, help="the folder for the pages")


def command(options: argparse.Namespace) -> int:
    """Write the pages, once all records are read."""
    for run in [load(path) for path in options.records]:
        print(f"page: {summary_page(run, options.output)}")
    return 0


def summary_page(run: Run, folder: Path) -> Path:
    """Write the page of one run into `folder`, named as its record, and return its path."""
    totals = run.totals()
    shown = [verdict for verdict in VERDICTS if totals[verdict]]
    refuted = refutation.Refutation(run, refutation.excuses()) if run.planted else None
    kernels = refutation.of_kernels(run) if run.kernels else None
    told = {"run": run, "totals": totals, "shown": shown, "refuted": refuted, "kernels": kernels, "beliefs": beliefs}
    return pages.write("summary.html", folder / f"{run.path.stem}.html", steadiness=steadiness, **told)
