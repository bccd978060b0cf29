"""The same reports as pages: self-contained HTML, one file each, that opens anywhere."""

from __future__ import annotations

import argparse
from pathlib import Path

import jinja2

from reports import claims, refutation
from reports.matrix import Matrix
from reports.runs import VERDICTS, Run, load

HELP = "Write a page for each recorded run."

_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
)


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
    told = {"run": run, "totals": totals, "shown": shown, "refuted": refuted, "kernels": kernels, "claims": claims}
    return write("summary.html", folder / f"{run.path.stem}.html", **told)


def matrix_page(table: Matrix, folder: Path) -> Path:
    """Write the page `matrix.html` into `folder`, and return its path."""
    return write("matrix.html", folder / "matrix.html", table=table)


def write(template: str, path: Path, **values: object) -> Path:
    """Write the page that a template makes of these values, and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_TEMPLATES.get_template(template).render(**values), encoding="utf-8")
    return path
