"""The text of a file as Python reads it, and why some text is no Python, in words for the one who has it."""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
import warnings
from pathlib import Path

from torchproof import data

# What reading raises for text that is no Python.
UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)

_MERGE = re.compile(r"^(<{7}|>{7}|\|{7})( |$)|^={7}$", re.MULTILINE)
_TEMPLATE = re.compile(r"^(?!.*\b[fF][rR]?[\"']).*(\{\{.*\}\}|\{%.*%\}|<%.*%>)")
# What only Python 2 understands, in the line at which Python 3 stops.
_PYTHON_2 = re.compile(
    r"""\bprint\s+[^\s=(,).]|\bprint\s*(\([^)]*\)\s*)?[%,]|\bprint\s*$|\bprint\s*>>|\bexec\s+["'\w]|\braise\s+[\w.]+\s*,
    |\bexcept\s+(\([^)]*\)|[\w.]+)\s*,\s*\w+\s*:|<>|`|\b0[0-7]+[lL]?\b|\b\d+[lL]\b|\b[uU][rR]["']
    |\bdef\s+\w+\s*\([^)]*\(|\blambda\s*\(""",
    re.VERBOSE,
)


# Comments and long strings (docstrings and the like), or else another string, in which no comment begins.
_PROSE = re.compile(
    r"""#[^\n]*|\"{3}(?:\\.|[^\\])*?(?:\"{3}|\\?\Z)|'{3}(?:\\.|[^\\])*?(?:'{3}|\\?\Z)"""
    r"""|("(?:\\.|[^"\\\n])*\\?"?|'(?:\\.|[^'\\\n])*\\?'?)""",
    re.DOTALL,
)

MOST_BYTES = 1 << 25  # of one file, which no person has written


# What is read of one file: twice as much as the longest that people have written has.
_LONG, _MOST_USES, _MOST_WORDS = 100_000, 60_000, 300_000
_LONG_LINE = 1_000  # characters of one at which reading stopped, which are searched for why


class Unreadable(Exception):
    """A file that cannot be read: the text says why."""

    def __init__(self, why: str) -> None:
        super().__init__(data.line(why))


def content(path: Path) -> bytes:
    """The bytes of a regular file. Raises Unreadable."""
    try:
        return data.read_bytes(path, MOST_BYTES)
    except data.Damaged as error:
        raise Unreadable(error.says.removeprefix("cannot be read: ")) from None


def decoded(found: bytes) -> str:
    """The text of a file of Python. Raises Unreadable."""
    if found.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Unreadable("UTF-16, which Python does not read: save it as UTF-8")
    if b"\0" in found:
        raise Unreadable("has null bytes, so that it is no text")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(found).readline)
    except SyntaxError as error:
        if "unknown encoding" in str(error):
            raise Unreadable(str(error)) from None
        encoding = "utf-8"
    try:
        return io.StringIO(found.decode(encoding), newline=None).read()
    except UnicodeDecodeError as error:
        line = found[: error.start].count(b"\n") + 1
        raise Unreadable(f"not {error.encoding} (line {line}), and it declares no other encoding") from None
    except (LookupError, UnicodeError):  # hex, undefined: a codec, and of no text
        raise Unreadable(f"unknown encoding: {encoding}") from None


def parsed(text: str) -> ast.Module:
    """The statements of a text. Raises Unreadable."""
    words = text.replace(",", " ").split() if len(text) > _LONG else ()
    if len(words) > _MOST_WORDS or (words and text.count(".") + text.count("(") > _MOST_USES):
        raise Unreadable(f"has more than {_MOST_USES:,} calls and attributes or {_MOST_WORDS:,} words")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what the compiler has to say about the code is not ours to tell
            return ast.parse(text)
    except UNREADABLE as error:
        raise Unreadable(why(error, text)) from error


def why(error: Exception, text: str) -> str:
    """Why Python does not read a text: the `error` is what it raised."""
    if isinstance(error, (RecursionError, MemoryError)):
        return "nested too deeply"
    if marker := _MERGE.search(text):
        return f"has the markers of a merge conflict (line {text.count(chr(10), 0, marker.start()) + 1})"
    if not isinstance(error, SyntaxError):
        return str(error)
    number = error.lineno or 1
    line = next(iter(text.split("\n")[number - 1 : number]), "")[:_LONG_LINE]
    if _PYTHON_2.search(line):
        return f"Python 2 (line {number}: {line.strip()[:60]})"
    if _TEMPLATE.search(line):
        return f"a template, and not yet Python (line {number}: {line.strip()[:60]})"
    return f"{error.msg} (line {number}), as Python {sys.version_info[0]}.{sys.version_info[1]} reads it"


def without_prose(text: str) -> str:
    """The text of some code without its comments and long strings, which mostly are documentation."""
    return _PROSE.sub(r"\1", text)
