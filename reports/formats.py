"""What is found in somebody's code, as other programs show it beside the line: GitHub's annotations, and SARIF."""

from __future__ import annotations

import argparse
import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from torchproof import __version__, data
from torchproof.reports.code.notebooks import line_in_file

# Of a level here, which is SARIF's, what GitHub calls it.
_ON_GITHUB = {"error": "error", "warning": "warning", "note": "notice"}
_CELL = re.compile(r"(?P<file>.+):cell (?P<cell>\d+):(?P<line>\d+)")
_SARIF = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def option(
    parser: argparse.ArgumentParser, *more: str, says: str = "how to print it"
) -> argparse._MutuallyExclusiveGroup:
    """Add `--format`, in which each command has three forms and some have `more`, and `--json`, which is short for one.

    Gives the group, to which what else is short for a form belongs.
    """
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--format", choices=["text", "json", "markdown", *more], default="text", help=says)
    form.add_argument("--json", dest="format", action="store_const", const="json", help="print one JSON object")
    return form


@dataclass(frozen=True)
class Finding:
    """Something to be seen at places ('file:line', or a file alone); `level` is 'error', 'warning' or 'note'."""

    rule: str
    level: str
    message: str
    places: tuple[str, ...] = ()


def as_github(findings: Iterable[Finding]) -> str:
    """Workflow commands, a line for each place: what GitHub Actions reads from a log and shows in the pull request."""
    lines = []
    for one in findings:
        for place in one.places or ("",):
            file, line = split(place)
            said = {
                "file": _relative(file) if file else "",
                "line": str(line or ""),
                "title": f"torchproof: {one.rule}",
            }
            properties = ",".join(f"{name}={_property(value)}" for name, value in said.items() if value)
            lines.append(f"::{_ON_GITHUB[one.level]} {properties}::{_data(one.message + _in_cell(place))}")
    return "\n".join(lines)


def as_sarif(findings: Iterable[Finding], rules: dict[str, str]) -> str:
    """A log of SARIF 2.1.0 with one run; `rules` has a sentence for each rule that may be broken."""
    names = list(rules)
    driver = {
        "name": "torchproof",
        "version": __version__,
        "rules": [{"id": name, "shortDescription": {"text": says}} for name, says in rules.items()],
    }
    results = [
        {
            "ruleId": one.rule,
            "ruleIndex": names.index(one.rule),
            "level": one.level,
            "message": {"text": one.message + _in_cell(place)},
            "locations": [_location(place)] if place else [],
        }
        for one in findings
        for place in one.places or ("",)
    ]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return json.dumps({"$schema": _SARIF, "version": "2.1.0", "runs": [run]}, indent=1)


def split(place: str) -> tuple[str, int | None]:
    """The file and the line of a place, which may be a file alone; of a line in a notebook's cell, that in the file."""
    if cell := _CELL.fullmatch(place):
        return cell["file"], _line_of_cell(cell["file"], int(cell["cell"]), int(cell["line"]))
    file, _, line = place.rpartition(":")
    return (file, int(line)) if file and line.isdecimal() else (place, None)


def _in_cell(place: str) -> str:
    cell = _CELL.fullmatch(place)
    return f" (cell {cell['cell']}, line {cell['line']})" if cell else ""


def _line_of_cell(file: str, cell: int, line: int) -> int | None:
    try:
        return line_in_file(data.read_text(Path(file)), cell, line)
    except ValueError:  # it was in an archive, or standard input
        return None


def _location(place: str) -> dict[str, object]:
    file, line = split(place)
    physical: dict[str, object] = {"artifactLocation": _artifact(file)}
    if line:
        physical["region"] = {"startLine": line}
    return {"physicalLocation": physical}


def _artifact(file: str) -> dict[str, str]:
    """Where a file is: from the folder that one stands in, which is the repository's root, or absolutely."""
    relative = _relative(file)
    if os.path.isabs(relative):
        return {"uri": Path(relative).as_uri()}
    return {"uri": quote(relative), "uriBaseId": "%SRCROOT%"}


def _relative(file: str) -> str:
    """The path from the folder that one stands in, where the file is below it, with slashes."""
    path = Path(os.path.abspath(file))
    return path.relative_to(Path.cwd()).as_posix() if path.is_relative_to(Path.cwd()) else str(path)


def _data(text: str) -> str:
    """A message as a workflow command has it."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """A property as a workflow command has it, which ends at a comma or a colon."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
