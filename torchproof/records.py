"""The run record: JSON Lines that other programs read. Needs neither torch nor pytest.

The first line of a record is of kind `run`, the last of kind `end` unless the run was interrupted; between them stand
`fact` (what it claims), `started`, `verdict`, `fault` and `observation` lines, each with the fact's id. Each kind is a
class here, and its fields are those of the line; docs/schemas/record.json says the same to other programs.
"""

from __future__ import annotations

import json
import math
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, TypeVar

SCHEMA = 1
# Verdicts to look at, worst news of torch first; the last two are of `--refute`.
FAILED = ("broken", "stale", "crashed", "timeout", "error", "vacuous", "unproven")


class RecordError(ValueError):
    """A file that is not a run record that this version reads, in one sentence."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line. A field that has a default is left out where it has that value."""

    kind: ClassVar[str]

    def as_json(self) -> str:
        """The text of the line, without its end."""
        defaults = {field.name: field.default for field in fields(self)}
        said = {name: value for name, value in vars(self).items() if value != defaults[name]}
        return json.dumps(_finite({"kind": self.kind, **said}), default=str)


def _finite(value: Any) -> Any:
    """The same with NaN and infinities in words: JSON has no number for them."""
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(one) for one in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


@dataclass(frozen=True, kw_only=True)
class Head(Line):
    """What ran where: `command` is what runs a fact of it again, with `--fact` and its id."""

    kind = "run"
    schema: int
    torch: dict[str, Any]
    environment: dict[str, Any]
    options: dict[str, Any]
    started: str | None = None
    command: str = "pytest"


@dataclass(frozen=True, kw_only=True)
class FactLine(Line):
    """What a fact claims, once before its first verdict: the fields of `--facts-json`, and its documentation `link`."""

    kind = "fact"
    id: str
    claim: str
    subjects: list[str]
    topic: str
    since: str
    until: str | None
    myth: str | None
    claims: list[str]
    requires: list[str]
    marks: list[str]
    file: str
    line: int
    hint: str | None
    source: str | None
    where: list[str] | None = None
    link: str | None = None


@dataclass(frozen=True, kw_only=True)
class Started(Line):
    """Written before a fact runs, and before it runs with a `fault`. Without a verdict, it is what was running."""

    kind = "started"
    id: str
    on: str | None = None
    fault: str | None = None


@dataclass(frozen=True, kw_only=True)
class Verdict(Line):
    """What a fact's run said: `reason` why, in a sentence, `assertion` what failed; `finding` explains a `broken`."""

    kind = "verdict"
    id: str
    verdict: str
    seconds: float = 0.0
    reason: str | None = None
    assertion: str | None = None
    finding: str | None = None
    numbers: dict[str, Any] | None = None

    @property
    def counted(self) -> str:
        """What it counts as: its verdict, or `known` where a finding explains that it is broken."""
        return "known" if self.finding else self.verdict

    @property
    def exception(self) -> str | None:
        """The kind of exception that a `differs` was judged by; another kind on another release is suspicious."""
        return self.reason.partition(":")[0] if self.verdict == "differs" and self.reason else None


@dataclass(frozen=True, kw_only=True)
class Planted(Line):
    """A fault that was planted on `on` (a name, or an ATen operator) while a fact ran, and whether it noticed."""

    kind = "fault"
    id: str
    on: str
    fault: str
    says: str = ""
    noticed: bool
    seconds: float = 0.0
    reason: str | None = None

    @property
    def broken(self) -> tuple[str, str]:
        """On what it was planted, and which fault it was."""
        return self.on, self.fault

    @property
    def type(self) -> str:
        """The fault without what of the call it broke."""
        return self.fault.partition(":")[0]

    @property
    def is_of_a_kernel(self) -> bool:
        """Whether an operator was broken, whatever the subject of the fact."""
        return self.on.startswith("aten::")


@dataclass(frozen=True, kw_only=True)
class Observation(Line):
    """Something that a fact saw and nobody promises, to be compared over releases."""

    kind = "observation"
    id: str
    name: str
    value: Any


@dataclass(frozen=True, kw_only=True)
class End(Line):
    """The run came to its end: `totals` by verdict, and what a finding explains counts as `known`."""

    kind = "end"
    totals: dict[str, Any]
    ended: str


KINDS: dict[str, type[Line]] = {
    one.kind: one for one in (Head, FactLine, Started, Verdict, Planted, Observation, End)
}  # fmt: skip
OneKind = TypeVar("OneKind", bound=Line)


class Recorder:
    """Appends lines to the record of this run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o644)

    def write(self, line: Line) -> None:
        """Append one line."""
        os.write(self._file, line.as_json().encode() + b"\n")

    def mend(self) -> None:
        """Close a last line that a kill tore off, so that the next one starts on its own."""
        text = self.path.read_bytes()
        if text and not text.endswith(b"\n"):
            os.truncate(self.path, text.rfind(b"\n") + 1)


@dataclass(frozen=True)
class Record:
    """What was read from a file: its first line, and all that stand after it."""

    path: Path
    head: Head
    lines: list[Line]

    def of(self, kind: type[OneKind]) -> Iterator[OneKind]:
        """The lines of one kind."""
        return (line for line in self.lines if isinstance(line, kind))

    @property
    def end(self) -> End | None:
        """The last line of a run that came to its end."""
        last = self.lines[-1] if self.lines else None
        return last if isinstance(last, End) else None

    def totals(self) -> dict[str, int]:
        """How many facts have each verdict, by the last verdict of each id."""
        last = {line.id: line.counted for line in self.of(Verdict)}
        return dict(sorted(Counter(last.values()).items()))

    def lost(self) -> Counter[str]:
        """How often each fact was started since it last had a verdict: what was running when the run was killed."""
        started: Counter[str] = Counter()
        for line in self.lines:
            if isinstance(line, Started) and line.fault is None:
                started[line.id] += 1
            elif isinstance(line, (Verdict, Started, Planted)):  # the start of a fault: the fact itself was survived
                started.pop(line.id, None)
        return started

    def faults(self) -> dict[str, dict[tuple[str, str], bool]]:
        """By id, whether each fault was noticed, by what it was planted on and its name.

        One that was running both times when the run was killed was noticed too: the process died of it.
        """
        found: dict[str, dict[tuple[str, str], bool]] = defaultdict(dict)
        times: Counter[tuple[str, tuple[str, str]]] = Counter()
        last: dict[str, tuple[str, str] | None] = {}
        for line in self.lines:
            if isinstance(line, Planted):
                found[line.id][line.broken] = line.noticed
                last[line.id] = None
            elif isinstance(line, Started) and line.on is not None and line.fault is not None:
                last[line.id] = fault = line.on, line.fault
                times[line.id, fault] += 1
        for identity, fault in last.items():
            if fault and times[identity, fault] > 1:
                found[identity][fault] = True
        return found


def read(path: Path) -> Record:
    """The lines of a record. A torn last line is left out: it is the mark of a kill.

    Raises RecordError, in one sentence that names the file, where it cannot be read, is no record, has a line that is
    none, or was written by a newer version.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise RecordError(f"{path} cannot be read: {error.strerror}") from error
    first, *rest = text.split("\n")[:-1] or [""]
    try:
        schema = json.loads(first)["schema"]
        is_newer = schema > SCHEMA
        head = None if is_newer else _line(first)
    except (ValueError, LookupError, TypeError):
        head, is_newer = None, False
    if is_newer:
        raise RecordError(f"{path} has schema {schema}, and this version reads up to {SCHEMA}: use a newer torchproof")
    if not isinstance(head, Head):
        raise RecordError(f"{path} is not a run record of torchproof")
    lines = []
    for number, line in enumerate(rest, 2):
        try:
            lines += [_line(line)] if line else []
        except (ValueError, LookupError, TypeError) as error:
            raise RecordError(f"{path}, line {number}: it is no line of a run record: {error}") from error
    return Record(path, head, lines)


# What a field of each type may be.
_IS: dict[str, Callable[[Any], bool]] = {
    "str": lambda value: isinstance(value, str),
    "int": lambda value: isinstance(value, int),
    "float": lambda value: isinstance(value, (int, float)),
    "bool": lambda value: isinstance(value, bool),
    "None": lambda value: value is None,
    "Any": lambda value: True,
    "list[str]": lambda value: isinstance(value, list) and all(isinstance(one, str) for one in value),
    "dict[str, Any]": lambda value: isinstance(value, dict),
}


def _line(text: str) -> Line:
    """The line that the text is. Raises ValueError, LookupError or TypeError where it is none, and says why."""
    said = json.loads(text)
    kind = KINDS[said["kind"]]
    values = {}
    for field in fields(kind):
        if field.name not in said and field.default is MISSING:
            raise ValueError(f"{kind.kind} without {field.name}")
        value = said.get(field.name, field.default)
        if not any(_IS[one](value) for one in str(field.type).split(" | ")):
            raise ValueError(f"{field.name} of {kind.kind} is {value!r:.50}")
        values[field.name] = value
    return kind(**values)
