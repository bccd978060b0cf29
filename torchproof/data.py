"""Files from elsewhere, read as data: one place that says what a field may be, and one error that says where it is not.

What is read is made into dataclasses and TypedDicts by their annotations: `Annotated` has rules, or a type that is
narrower than what one who writes such a file gives. Text comes out fit for a terminal and a page:
what would steer either stands there as it is written in Python. Needs neither torch nor pytest.
"""

from __future__ import annotations

import json
import math
import os
import re
import reprlib
import stat
from collections.abc import Callable, Iterable
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import date, datetime
from functools import cache, lru_cache, partial
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints, is_typeddict

from torchproof import releases

Kind = TypeVar("Kind")
Check = Callable[[Any, str], Any]  # of a value and the name of its field: what it is read as, or Damaged

MOST_BYTES = 1 << 28  # of one file
_MOST_TEXT, _MOST_NAME, _MOST_NUMBER, _DEEPEST = 1 << 20, 1 << 14, 1 << 63, 32
# Of TOML, whose reader takes a second for each megabyte, and the square of its parts for a key.
_MOST_TOML = 1 << 23
_LONG_KEY = re.compile(r"""(?:\.[ \t]*(?:[\w-]+|"(?:\\.|[^"\\\n])*"|'[^'\n]*')[ \t]*){100}""")
# What terminals obey, and what writes right to left; half a surrogate is in no file.
_STEERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

_COMMAND = re.compile(r"^([ \t]*)::", re.MULTILINE)  # what the log of a workflow on GitHub obeys


class Damaged(ValueError):
    """What a file says and cannot be, in one sentence: the file, and where they are known the line and the field."""

    def __init__(self, says: str, field: str = "", line: int | None = None, path: Path | None = None) -> None:
        super().__init__(says)
        self.says, self.field, self.line, self.path = says, field, line, path

    def at(self, path: Path | None = None, line: int | None = None) -> Damaged:
        """The same, with its file and line."""
        return Damaged(self.says, self.field, line or self.line, path or self.path)

    @property
    def where(self) -> str:
        """The line and what is wrong there, without the file."""
        line = f"line {self.line}" if self.line else ""
        return line + (": " if line and self.field else " " if line else "") + self._what

    @property
    def _what(self) -> str:
        return f"field {self.field} {self.says}" if self.field else self.says

    def __str__(self) -> str:
        between = ", " if self.line or self.field else " "
        return f"{line(self.path)}{between}{self.where}" if self.path else self.where


@dataclass(frozen=True)
class Rule:
    """What more a value must be than its type says: `wants` stands behind 'not'."""

    wants: str
    holds: Callable[[Any], bool]


# --- files ------------------------------------------------------------------------------------------------------------


def read_bytes(path: Path, most: int = MOST_BYTES) -> bytes:
    """The bytes of a regular file. Raises Damaged for what would never end, or is too much."""
    try:
        with open(path, "rb", opener=_at_once) as file:
            status = os.fstat(file.fileno())
            data = file.read(min(status.st_size, most) + 1) if stat.S_ISREG(status.st_mode) else None
            if data and status.st_size < len(data) <= most:  # it is more than it says, as files of the kernel's are
                data += file.read(most + 1 - len(data)) or b""
    except OSError as error:
        raise Damaged(f"cannot be read: {error.strerror}", path=path) from error
    except ValueError as error:  # a name with a null byte
        raise Damaged(f"cannot be read: {error}", path=path) from error
    if data is None:  # or a file of the kernel's that would wait
        advice = ": save what it gives as one" if path.is_relative_to("/dev") else ""  # a pipe that a shell has made
        raise Damaged(f"cannot be read: it is no regular file{advice}", path=path)
    if len(data) > most:
        raise Damaged(f"cannot be read: it is larger than {most >> 20} MiB", path=path)
    return data


def _at_once(path: str, flags: int) -> int:
    """Open a file without waiting for one who writes, as a pipe would."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def read_text(path: Path) -> str:
    """The text of a regular file in UTF-8. Raises Damaged."""
    try:
        return read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Damaged("cannot be read: it is no text in UTF-8", path=path) from error


def parsed(text: bytes, path: Path | None = None) -> Any:
    """What JSON says, in UTF-8. Raises Damaged."""
    try:
        return json.loads(text.decode("utf-8-sig"))
    except RecursionError:
        raise Damaged("is nested too deeply", path=path) from None
    except UnicodeDecodeError:
        raise Damaged("is no text in UTF-8", path=path) from None
    except json.JSONDecodeError as error:
        raise Damaged(f"is no JSON: {error.msg}", line=error.lineno if path else None, path=path) from None
    except ValueError as error:  # a number of thousands of digits
        raise Damaged(f"is no JSON: {error}", path=path) from None


def document(path: Path, kind: type[Kind]) -> Kind:
    """What a file of JSON says, as a `kind`. Raises Damaged."""
    said = parsed(read_bytes(path), path)
    try:
        return made(kind, said)
    except Damaged as error:
        raise error.at(path) from None


def rows(path: Path, table: str, kind: type[Kind]) -> list[Kind]:
    """The tables of a TOML file that stand in an array of this name. Raises Damaged."""
    try:
        said = toml(read_text(path)).get(table, [])
        return _check(list[kind])(said, table)
    except Damaged as error:
        raise error.at(path) from None
    except (ValueError, RecursionError) as error:
        raise Damaged(f"is no TOML: {error}", path=path) from None


def toml(text: str) -> dict[str, Any]:
    """What a text of TOML says. Raises ValueError, also for what takes far longer to be read than it is to look at."""
    if len(text) > _MOST_TOML:
        raise ValueError(f"has more than {_MOST_TOML:,} characters")
    if _LONG_KEY.search(text):
        raise ValueError("has a key of more than 100 parts")
    return releases.tomllib.loads(text)


# --- text -------------------------------------------------------------------------------------------------------------


def line(text: object) -> str:
    """Text that stays on its line: a name or a path, say."""
    return shown(str(text).replace("\n", r"\n").replace("\t", r"\t"))


def shown(text: str) -> str:
    """Text that steers no terminal; what is longer than anybody reads is cut."""
    text = text if len(text) <= _MOST_TEXT else text[:_MOST_TEXT] + "…"
    return _COMMAND.sub(r"\1\\x3a:", _STEERS.sub(lambda found: ascii(found[0])[1:-1], text))


# --- values -----------------------------------------------------------------------------------------------------------


def made(kind: type[Kind], said: object, field: str = "") -> Kind:
    """What is said as a `kind`, a dataclass or a TypedDict. Raises Damaged with the name of the field."""
    return _check(kind)(said, field)


@cache
def _check(hint: Any) -> Check:
    """What reads a value that is annotated so."""
    origin, parts = get_origin(hint), get_args(hint)
    if hint in _PLAIN:
        return _PLAIN[hint]
    if origin is Annotated:
        narrower = next((part for part in parts[1:] if not isinstance(part, Rule)), parts[0])
        return partial(_ruled, _check(narrower), [part for part in parts[1:] if isinstance(part, Rule)])
    if origin is Literal:
        return partial(_one_of, parts)
    if origin in (Union, UnionType):
        return partial(_either, NoneType in parts, [_check(part) for part in parts if part is not NoneType])
    if origin in (list, tuple):
        return partial(_list, origin, _check(parts[0]))
    if origin is dict:
        return partial(_dict, _check(parts[1]))
    if is_typeddict(hint):
        return partial(_typed, _checks(hint), hint.__required_keys__)
    if is_dataclass(hint):
        needed = {one.name for one in fields(hint) if one.default is MISSING and one.default_factory is MISSING}
        said = {one.name: one.metadata.get("said", one.name) for one in fields(hint)}
        return partial(_dataclass, hint, _checks(hint, said), said, {said[one] for one in needed})
    raise TypeError(f"{hint} is not read")


def _checks(kind: Any, names: Iterable[str] | None = None) -> dict[str, Check]:
    hints = get_type_hints(kind, include_extras=True)
    return {name: _check(hints[name]) for name in names or hints}


def _wrong(field: str, value: object, wants: str = "") -> Damaged:
    return Damaged(f"is {_SHORT.repr(value)}" + (f", not {wants}" if wants else ""), field)


_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxstring, _SHORT.maxlong, _SHORT.maxother = 2, 50, 30, 50


def _text(value: Any, field: str) -> str:
    if not isinstance(value, str):
        raise _wrong(field, value, "text")
    return shown(value)


def _int(value: Any, field: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= _MOST_NUMBER:
        raise _wrong(field, value, "a whole number")
    return value


def _float(value: Any, field: str) -> float:
    if isinstance(value, float) and math.isfinite(value):
        return value
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= _MOST_NUMBER:
        raise _wrong(field, value, "a number")
    return value


def _bool(value: Any, field: str) -> bool:
    if not isinstance(value, bool):
        raise _wrong(field, value, "true or false")
    return value


def _date(value: Any, field: str) -> date:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise _wrong(field, value, "a date")
    return value


def _anything(value: Any, field: str, depth: int = 0) -> Any:
    if depth > _DEEPEST:
        raise Damaged("is nested too deeply", field)
    match value:
        case str():
            return shown(value)
        case list():
            return [_anything(one, field, depth + 1) for one in value]
        case dict():
            return {shown(name): _anything(one, field, depth + 1) for name, one in value.items()}
    return value


_PLAIN: dict[Any, Check] = {str: _text, int: _int, float: _float, bool: _bool, date: _date, Any: _anything}


def _ruled(check: Check, rules: Iterable[Rule], value: Any, field: str) -> Any:
    read = check(value, field)
    for rule in rules:
        if not rule.holds(read):
            raise _wrong(field, value, rule.wants)
    return read


def _one_of(words: tuple[Any, ...], value: Any, field: str) -> Any:
    if not any(value == word and type(value) is type(word) for word in words):
        raise _wrong(field, value)
    return value


def _either(may_be_none: bool, checks: list[Check], value: Any, field: str) -> Any:
    if value is None and may_be_none:
        return None
    for check in checks[:-1]:
        try:
            return check(value, field)
        except Damaged:
            continue
    return checks[-1](value, field)


def _list(kind: Callable[[Iterable[Any]], Any], check: Check, value: Any, field: str) -> Any:
    if not isinstance(value, list):
        raise _wrong(field, value, "a list")
    return kind(check(one, f"{field}[{number}]") for number, one in enumerate(value))


def _dict(check: Check, value: Any, field: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong(field, value, "an object")
    return {shown(name): check(one, _inside(field, name)) for name, one in value.items()}


def _typed(hints: dict[str, Check], needed: Iterable[str], value: Any, field: str) -> dict[str, Any]:
    """A TypedDict: what its class does not name stays, whatever it is."""
    if not isinstance(value, dict):
        raise _wrong(field, value, "an object")
    _see_that_all_are_there(needed, value, field)
    return {shown(name): hints.get(name, _anything)(one, _inside(field, name)) for name, one in value.items()}


def _dataclass(
    kind: Any, hints: dict[str, Check], said: dict[str, str], needed: Iterable[str], value: Any, field: str
) -> Any:
    """A dataclass, whose fields may be `said` by another name: what it does not name is left out."""
    if not isinstance(value, dict):
        raise _wrong(field, value, "an object")
    _see_that_all_are_there(needed, value, field)
    there = [name for name in hints if said[name] in value]
    return kind(**{name: hints[name](value[said[name]], _inside(field, said[name])) for name in there})


def _see_that_all_are_there(needed: Iterable[str], value: dict[str, Any], field: str) -> None:
    for name in needed:
        if name not in value:
            raise Damaged("is missing", _inside(field, name))


@lru_cache(10_000)  # a record says the same few names on each of its lines
def _inside(field: str, name: str) -> str:
    return f"{field}.{shown(name[:50])}" if field else shown(name[:50])


# --- what fields are --------------------------------------------------------------------------------------------------


def _is_version(text: str) -> bool:
    try:
        return len(text) < 200 and bool(releases.number(text))
    except ValueError:
        return False


def _is_time(text: str) -> bool:
    try:
        return bool(datetime.strptime(text, TIME))
    except (ValueError, OverflowError):
        return False


def is_address(text: str) -> bool:
    """Whether a page may lead there."""
    return re.match(r"https?://[^\s/]", text) is not None


TIME = "%Y-%m-%dT%H:%M:%S%z"
Name = Annotated[str, Rule("one line", lambda text: 0 < len(text) <= _MOST_NAME and "\n" not in text)]
Version = Annotated[str, Rule("a version", _is_version)]
Time = Annotated[str, Rule("a time such as 2026-01-31T18:00:00+0100", _is_time)]
Count = Annotated[int, Rule("0 or more", lambda value: value >= 0)]
Amount = Annotated[float, Rule("0 or more", lambda value: value >= 0)]
Positive = Annotated[float, Rule("more than 0", lambda value: value > 0)]
