"""The run record: JSON Lines that other programs read. Needs neither torch nor pytest.

The first line of a record is of kind `run`, the last of kind `end` unless the run was interrupted; between them stand
`fact` (what it claims), `started`, `verdict`, `fault` and `observation` lines, each with the fact's id. Each kind is a
class here, and its fields are those of the line; docs/schemas/record.json says the same to other programs.
"""

from __future__ import annotations

import codecs
import errno
import json
import math
import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypedDict, TypeVar

from torchproof import data
from torchproof.data import Amount, Count, Damaged, Name, Rule, Time, Version
from torchproof.facts import id_now

SCHEMA = 1
# Verdicts to look at, worst news of torch first; the last two are of `--refute`.
FAILED = ("broken", "stale", "crashed", "timeout", "error", "vacuous", "unproven")
KILLED = "its process was killed from outside"  # how the reason begins of what --resume tries once more
Verdicts = Literal[
    "holds", "broken", "differs", "stale", "absent", "unavailable", "unsupported", "crashed", "timeout", "error",
    "inconclusive", "vacuous", "unproven",
]  # fmt: skip
# What `torchproof.facts.command_of` says: what a record names is shown to be typed.
Commands = Literal["pytest", "torchproof run", "pytest -p torchproof.plugins"]


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line. A field that has a default is left out where it has that value."""

    kind: ClassVar[str]

    def as_json(self) -> str:
        """The text of the line, without its end."""
        said = {one.name: getattr(self, one.name) for one in fields(self)}
        told = {one.name: said[one.name] for one in fields(self) if not _is(said[one.name], one.default)}
        return _ENCODE(plain({"kind": self.kind, **told}))


_ENCODE = json.JSONEncoder().encode  # as it is before any fact has replaced it
_ENOUGH = 200  # bytes that no other record begins with
_DEEPEST = 50  # levels of a value that is recorded


def _is(value: Any, default: Any) -> bool:
    return value is default or (type(value) is type(default) and value == default)


def plain(value: Any, around: tuple[int, ...] = ()) -> Any:
    """The same as JSON and UTF-8 can say it: NaN, infinities and whatever is no value of theirs in words."""
    if isinstance(value, (dict, list, tuple)):
        if id(value) in around or len(around) == _DEEPEST:
            return "…"
        around = (*around, id(value))
        if isinstance(value, dict):
            return {_text(name): plain(one, around) for name, one in value.items()}
        made = [plain(one, around) for one in value]
        return made if isinstance(value, list) else tuple(made)
    if value is None or isinstance(value, bool) or (isinstance(value, int) and value.bit_length() < _LONGEST):
        return value
    return value if isinstance(value, float) and math.isfinite(value) else _text(value)


_LONGEST = 4096  # bits of a number that every reader of JSON takes


def _text(value: Any) -> str:
    """A value in words, also where it cannot say them itself, with what no text may hold spelled out."""
    try:
        return str(value).encode("utf-8", "backslashreplace").decode()
    except Exception as error:
        return f"<{type(value).__name__}, of which no text can be made: {type(error).__name__}>"


class Torch(TypedDict):
    """The torch that ran, as it says of itself; there is more in it."""

    version: Version


class Device(TypedDict):
    """A device that was there; there is more of it."""

    name: Name


class Processor(TypedDict):
    """What every environment says of the machine; there is more in it."""

    cpu: str
    python: str


class Environment(Processor, total=False):
    """The machine, and what is installed on it."""

    os: str
    flags: str
    devices: list[Device]
    capability: str | None
    libraries: dict[str, str]
    packages: dict[str, str]


# A revision that git would take for an option, and a path or an id that leads elsewhere, are no selection.
Revision = Annotated[str, Rule("a revision", lambda text: text[:1] not in ("", "-"))]
Identity = Annotated[Name, Rule("an id", lambda text: not set("/\\") & set(text.partition("[")[0]))]
Round = Annotated[int, Rule("1 or more", lambda value: value > 0)]
Expression = Annotated[str, Rule("an expression that a person writes", lambda text: len(text) <= 2000)]


class Options(TypedDict, total=False):
    """The options of pytest that chose the facts and how they ran; a resumed run takes them from here."""

    markexpr: Expression | None
    keyword: Expression | None
    fact: list[Identity] | None
    about: list[Name] | None
    device: list[Name] | None
    deep: bool | None
    changed: Revision | None
    refute: bool | None
    refute_kernels: bool | None
    repeat: Round | None
    args: list[Name]


@dataclass(frozen=True, kw_only=True)
class Head(Line):
    """What ran where: `command` is what runs a fact of it again, with `--fact` and its id."""

    kind = "run"
    schema: int
    torch: Annotated[dict[str, Any], Torch]
    environment: Annotated[dict[str, Any], Environment]
    options: Annotated[dict[str, Any], Options]
    started: Time | None = None
    command: Annotated[str, Commands] = "pytest"


@dataclass(frozen=True, kw_only=True)
class FactLine(Line):
    """What a fact claims, once before its first verdict: the fields of `--facts-json`, and its documentation `link`."""

    kind = "fact"
    id: Name
    claim: Name
    subjects: list[str]
    topic: Name
    since: str
    until: str | None
    myth: str | None
    claims: list[str]
    requires: list[str]
    marks: list[str]
    file: str
    line: Count
    hint: str | None
    source: str | None
    where: list[str] | None = None
    link: str | None = None


@dataclass(frozen=True, kw_only=True)
class Started(Line):
    """Written before a fact runs, and before it runs with a `fault`. Without a verdict, it is what was running."""

    kind = "started"
    id: Name
    round: Round = 1
    on: str | None = None
    fault: str | None = None


@dataclass(frozen=True, kw_only=True)
class Verdict(Line):
    """What a fact's run said: `reason` why, in a sentence, `assertion` what failed; `finding` explains a `broken`."""

    kind = "verdict"
    id: Name
    round: Round = 1
    verdict: Verdicts
    seconds: Amount = 0.0
    reason: str | None = None
    assertion: str | None = None
    finding: str | None = None
    numbers: dict[str, Any] | None = None

    @property
    def counted(self) -> str:
        """What it counts as: its verdict, or `known` where a finding explains that it is broken."""
        return "known" if self.finding else self.verdict

    @property
    def was_killed(self) -> bool:
        """Whether it says nothing of the fact, whose process was killed from outside."""
        return (self.reason or "").startswith(KILLED)

    @property
    def exception(self) -> str | None:
        """The kind of exception that a `differs` was judged by; another kind on another release is suspicious."""
        return self.reason.partition(":")[0] if self.verdict == "differs" and self.reason else None


@dataclass(frozen=True, kw_only=True)
class Planted(Line):
    """A fault that was planted on `on` (a name, or an ATen operator) while a fact ran, and whether it noticed."""

    kind = "fault"
    round: ClassVar[int] = 1  # what is repeated is not refuted
    id: Name
    on: str
    fault: str
    says: str = ""
    noticed: bool
    seconds: Amount = 0.0
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
    id: Name
    name: Name
    value: Any


@dataclass(frozen=True, kw_only=True)
class End(Line):
    """The run came to its end: `totals` by verdict, and what a finding explains counts as `known`."""

    kind = "end"
    totals: dict[str, Count]
    ended: Time


def counting(rounds: Sequence[Verdict]) -> Verdict:
    """The verdict of a fact whose rounds disagree: the first to look at, or else the one that most of them gave."""
    if len(rounds) == 1:  # as nearly always, of many thousand facts
        return rounds[0]
    times = Counter(line.counted for line in rounds)
    places = {verdict: place for place, verdict in enumerate(FAILED)}
    return min(rounds, key=lambda line: (places.get(line.counted, len(FAILED)), -times[line.counted]))


KINDS: dict[str, type[Line]] = {
    one.kind: one for one in (Head, FactLine, Started, Verdict, Planted, Observation, End)
}  # fmt: skip
OneKind = TypeVar("OneKind", bound=Line)


class Recorder:
    """Appends lines to the record of this run. Whatever cannot be written is an OSError, and keeps what is there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._open()
        self._is_torn = False

    def _open(self, more: int = 0) -> int:
        return os.open(self.path, os.O_APPEND | os.O_CREAT | os.O_RDWR | more, 0o644)

    def write(self, line: Line) -> None:
        """Append one line, whole; behind one that could not be ended it begins anew."""
        if was_taken := not self._is_in_place():
            self._restore()
        text = b"\n" * self._is_torn + line.as_json().encode() + b"\n"
        while text:
            written = os.write(self._file, text)
            text, self._is_torn = text[written:], written < len(text)
        if was_taken:
            raise FileNotFoundError(errno.ENOENT, f"it was moved or deleted meanwhile; {self.path} has what it held")

    def _is_in_place(self) -> bool:
        try:
            return os.path.samestat(os.fstat(self._file), os.stat(self.path))
        except OSError:
            return False

    def _restore(self) -> None:
        """Write again what was moved or deleted, which lives on as long as it is open; once, whoever is first.

        Where something else has taken its place, that is beside it.
        """
        held = os.pread(self._file, os.fstat(self._file).st_size, 0)
        os.close(self._file)
        for place in (self.path, self.path.with_name(f"kept-{self.path.name}")):
            self.path = place
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileExistsError):
                self._file = self._open(os.O_EXCL)
                os.write(self._file, held)
                return
            if self.path.is_file() and self.path.read_bytes().startswith(held[:_ENOUGH]):
                break
        self._file = self._open()

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
    damaged: list[Damaged] = field(default_factory=list)
    count: int = 0

    @property
    def gaps(self) -> str:
        """How many lines could not be read, and what is wrong with the first; nothing where all could be."""
        if not self.damaged:
            return ""
        return (
            f"{len(self.damaged):,} of {self.count:,} lines of {data.line(self.path)} could not be read; "
            f"the first, {self.damaged[0].where}"
        )

    def of(self, kind: type[OneKind]) -> Iterator[OneKind]:
        """The lines of one kind."""
        return (line for line in self.lines if isinstance(line, kind))

    @property
    def end(self) -> End | None:
        """The last line of a run that came to its end."""
        last = self.lines[-1] if self.lines else None
        return last if isinstance(last, End) else None

    def last(self) -> dict[tuple[str, int], Verdict]:
        """The last verdict of each fact in each round."""
        return {(line.id, line.round): line for line in self.of(Verdict)}

    def rounds(self) -> dict[str, list[Verdict]]:
        """What the rounds of each fact said, by its id: one verdict, where the run was not repeated."""
        said: dict[str, list[Verdict]] = defaultdict(list)
        for line in self.last().values():
            said[line.id].append(line)
        return dict(said)

    def results(self) -> dict[str, Verdict]:
        """The verdict of each fact, by its id."""
        return {identity: counting(said) for identity, said in self.rounds().items()}

    def overruled(self) -> list[Verdict]:
        """The verdicts of facts whose last round gave another one."""
        last = {line.id: line for line in self.of(Verdict)}
        return [line for line in self.results().values() if line.counted != last[line.id].counted]

    def totals(self) -> dict[str, int]:
        """How many facts have each verdict."""
        return dict(sorted(Counter(line.counted for line in self.results().values()).items()))

    def lost(self) -> Counter[tuple[str, int]]:
        """How often each fact was started in a round since it last had a verdict there: what a kill of the run hit."""
        started: Counter[tuple[str, int]] = Counter()
        for line in self.lines:
            if isinstance(line, Started) and line.fault is None:
                started[line.id, line.round] += 1
            elif isinstance(line, (Verdict, Started, Planted)):  # the start of a fault: the fact itself was survived
                started.pop((line.id, line.round), None)
        return started

    def killed(self) -> set[tuple[str, int]]:
        """The facts whose process was killed from outside, once in a round: they are tried again."""
        times = Counter((line.id, line.round) for line in self.of(Verdict) if line.was_killed)
        return {key for key, line in self.last().items() if times[key] == 1 and line.was_killed}

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
    """The lines of a record. A torn last line is left out: it is the mark of a kill. Damaged ones are kept apart.

    Raises Damaged where the file cannot be read, is no record, or was written by a newer version.
    """
    first, *rest = data.read_bytes(path).removeprefix(codecs.BOM_UTF8).split(b"\n")[:-1] or [b""]
    try:
        record = Record(path, _head(first), [], [], len(rest) + 1)
    except Damaged as error:
        raise error.at(path, 1 if error.field else None) from None
    for number, line in enumerate(rest, 2):
        try:
            record.lines.extend([_line(line)] if line.strip() else [])
        except Damaged as error:
            record.damaged.append(error.at(line=number))
    return record


def _head(text: bytes) -> Head:
    """The first line, without which the others say nothing."""
    try:
        said = data.parsed(text)
    except Damaged:
        said = None
    if not isinstance(said, dict) or said.get("kind") != Head.kind:
        raise Damaged("is not a run record of torchproof")
    schema = data.made(int, said.get("schema"), "schema")
    if schema > SCHEMA:
        raise Damaged(f"has schema {schema}, and this version reads up to {SCHEMA}: use a newer torchproof")
    return data.made(Head, said)


def _line(text: bytes) -> Line:
    """The line that the text is."""
    said = data.parsed(text)
    if not isinstance(said, dict):
        raise Damaged("is no line of a run record")
    if isinstance(said.get("id"), str):
        said["id"] = id_now(said["id"])
    kind = data.made(str, said.get("kind"), "kind")
    if kind not in KINDS:
        raise Damaged(f"is {kind!r:.50}", "kind")
    return data.made(KINDS[kind], said)
