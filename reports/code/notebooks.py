"""Jupyter notebooks as Python code: their cells as one module, in their order, without what IPython alone reads.

Cells are counted from 1, those of text too, as editors show them.
"""

from __future__ import annotations

import ast
import itertools
import json
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, lru_cache

from torchproof.reports.code.reading import UNREADABLE, Unreadable, why

# Magics whose cells are of another language. Databricks writes some of them with one percent sign.
_OTHER_LANGUAGES = {"!", "HTML", "R", "SVG", "bash", "bigquery", "cmd", "cython", "fs", "html", "javascript", "js",
                    "julia", "latex", "markdown", "md", "perl", "python2", "r", "ruby", "scala", "script", "sh", "sql",
                    "svg", "sx", "system"}  # fmt: skip
_WRITES = re.compile(r"%%(writefile|file)\b.*\.py\s*$")
_CELL = re.compile(r"(.+):cell (\d{1,9})")
_CELL_MAGIC = re.compile(r"%%?(!|\w+)")
# Line magics whose line goes on with a statement, behind options.
_BEFORE_A_STATEMENT = re.compile(r"%(time|timeit|prun|memit)\s+(-\w+(\s+\d+)?\s+)*(?=[^\s-])")
_MAGIC = re.compile(r"[%!?]|.*\?\s*(#.*)?$")
_MOST_LINES = 300_000  # that are read of one cell, counted once for each time that it is read
_GIVEN = re.compile(r"([\w.\[\], ]+=\s*)[%!]")  # `files = !ls`


@dataclass
class Notebook:
    """The code of a notebook: `places` has the cell of each line of `text` and the line in it.

    `unread` has a line for each cell that could not be read; `language` is the one of all cells, in small letters.
    """

    language: str
    text: str = ""
    places: list[tuple[int, int]] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


def notebook(text: str) -> Notebook:
    """Read a notebook of any version. Raises Unreadable."""
    data = _loaded(text)
    told = data.get("metadata", {})
    found = Notebook(str(_at(told, "language_info", "name") or _at(told, "kernelspec", "language") or "python").lower())
    lines = []
    for number, cell in _code_cells(data) if "python" in found.language else ():
        source = _source(cell)
        try:
            code = python(source)
        except UNREADABLE as error:
            found.unread.append(f"cell {number}: {why(error, source)}")
            continue
        for place, line in enumerate(code.split("\n"), 1):
            lines.append(line)
            found.places.append((number, place))
    found.text = "\n".join(lines) + "\n"
    return found


def sources(data: dict) -> Iterator[str]:
    """What stands in the code cells of a notebook, of its JSON, with the magics."""
    return (_source(cell) for _, cell in _code_cells(data))


@cache
def cell_of(place: str) -> tuple[str, int]:
    """A notebook and the number of the cell, of what 'train.ipynb:cell 3' says; any other file, and 0."""
    found = _CELL.fullmatch(place)
    return (found[1], int(found[2])) if found else (place, 0)


def line_in_file(text: str, cell: int, line: int) -> int | None:
    """The line of the notebook's file that has a line of a cell, where each has one of its own, as is usual."""
    return _lines_in_file(text).get((cell, line))


@lru_cache(maxsize=1)  # a notebook may have thousands of them that are told
def _lines_in_file(text: str) -> dict[tuple[int, int], int]:
    found: dict[tuple[int, int], int] = {}
    rest = iter(enumerate(text.splitlines(), 1))
    for number, one in _code_cells(_loaded(text)):
        for place, line in enumerate(_source(one).split("\n"), 1):
            at = next((where for where, raw in rest if _is_line(raw, line)), None)
            if at is None:
                return found
            found[number, place] = at
    return found


def python(cell: str) -> str:
    """A cell with the same lines, those that only IPython understands left out; of another language, nothing.

    Raises SyntaxError for what is none, ValueError for what is too long to be read once more for each such line.
    """
    lines = cell.split("\n")
    first = next((line for line in lines if line.strip()), "")
    magic = _CELL_MAGIC.match(first)
    is_other = bool(magic) and (
        magic[1] in _OTHER_LANGUAGES or (magic[1] in ("writefile", "file") and not _WRITES.match(first))
    )
    if first.startswith("%%"):
        if is_other:
            return ""
        lines[lines.index(first)] = ""
    tries = itertools.count(1)
    while error := _syntax_error(lines):
        if next(tries) * len(lines) > _MOST_LINES:
            raise ValueError("has too many lines that IPython alone reads")
        if not _without_magic(lines, (error.lineno or 1) - 1):
            if is_other:
                return ""
            raise error
    return "\n".join(lines)


def _syntax_error(lines: list[str]) -> SyntaxError | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse("\n".join(lines))
    except SyntaxError as error:
        return error
    return None


def _without_magic(lines: list[str], at: int) -> bool:
    """Take the magic from a line at which reading stopped; whether there was any."""
    if at >= len(lines):
        return False
    line = lines[at].lstrip()
    indent = lines[at][: len(lines[at]) - len(line)]
    if timed := _BEFORE_A_STATEMENT.match(line):
        lines[at] = indent + line[timed.end() :]
        return True
    given = _GIVEN.match(line)
    if not (given or _MAGIC.match(line)):
        return False
    while lines[at].endswith("\\") and at + 1 < len(lines):  # a command of the shell may have several lines
        lines[at], at = "", at + 1
    lines[at] = indent + (f"{given[1]}get_ipython()" if given else "pass")
    if at + 1 < len(lines) and lines[at + 1].lstrip().startswith(("%", "!")):  # where a statement begins
        _without_magic(lines, at + 1)
    return True


def _loaded(text: str) -> dict:
    try:
        data = json.loads(text.removeprefix("\ufeff"))
    except ValueError as error:
        raise Unreadable(f"no notebook, its JSON is broken: {error}") from None
    except RecursionError:
        raise Unreadable("no notebook: nested too deeply") from None
    if not isinstance(data, dict) or not isinstance(data.get("cells", data.get("worksheets")), list):
        raise Unreadable("no notebook: it has no cells")
    return data


def _code_cells(data: dict) -> Iterator[tuple[int, dict]]:
    """The code cells with their numbers; version 3 and those before it had them in worksheets."""
    sheets = data.get("worksheets") or [data]
    lists = [sheet.get("cells") for sheet in sheets if isinstance(sheet, dict)]
    cells = [cell for one in lists if isinstance(one, list) for cell in one]
    for number, cell in enumerate(cells, 1):
        is_code = isinstance(cell, dict) and cell.get("cell_type") == "code"
        if is_code and cell.get("language", "python") == "python":
            yield number, cell


def _source(cell: dict) -> str:
    source = cell.get("source", cell.get("input", ""))
    text = "".join(map(str, source)) if isinstance(source, list) else str(source)
    return text.replace("\r\n", "\n")


def _is_line(raw: str, line: str) -> bool:
    """Whether a line of the file is that line of a cell, as JSON."""
    written = raw.strip().rstrip(",")
    if not (written.startswith('"') and written.endswith('"')):
        return False
    try:
        return str(json.loads(written)).rstrip("\n") == line
    except ValueError:
        return False


def _at(data: object, *keys: str) -> object:
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data
