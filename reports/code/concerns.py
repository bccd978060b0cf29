"""Whether a behaviour of torch concerns a use: by what the fact says of calls, and what the code shows there."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import replace
from enum import IntEnum
from fnmatch import fnmatchcase
from functools import cache
from types import MappingProxyType
from typing import Any, TypeVar

from torchproof.calls import ANY, NONE, Clause, clauses, literal
from torchproof.inventory import Entry, Inventory, inventory
from torchproof.reports.code.catalog import COMPARISON, Argument, Literal, Use, places_of
from torchproof.reports.code.givens import Givens
from torchproof.reports.code.gradients import Gradients
from torchproof.reports.code.makers import Makers
from torchproof.reports.code.notebooks import cell_of
from torchproof.reports.code.pictures import Pictures
from torchproof.reports.code.reading import Unreadable, parsed, without_prose
from torchproof.reports.code.subclasses import Subclasses
from torchproof.reports.code.syntax import Tree, word
from torchproof.reports.code.values import Name

Reader = TypeVar("Reader", Gradients, Givens, Makers, Pictures, Subclasses)


class Concern(IntEnum):
    """Whether it does. It may where the code does not show what is passed."""

    NO = 0
    MAY = 1
    YES = 2


class Concerns:
    """Judges uses in files of these texts, some of them `parsed`; `names` tell what stands beside what is used."""

    def __init__(
        self,
        texts: Mapping[str, str],
        names: Inventory | None = None,
        parsed: Mapping[str, ast.Module] = MappingProxyType({}),
    ) -> None:
        self._texts = texts
        self._parsed = parsed
        self._names_of_torch = names or inventory()
        self._code: dict[str, str] = {}  # the texts without comments, which do nothing
        self._said: dict[tuple[str, str], bool] = {}
        self._trees: dict[str, Tree] = {}
        self._readers: dict[tuple[str, type], Any] = {}

    def of(self, use: Use, said: str, entries: tuple[Entry | None, ...]) -> Concern:
        """Whether a behaviour concerns a use: `said` is its fact's `calls`, `entries` what releases have of it."""
        if said == NONE:
            return Concern.NO
        if said == ANY:
            return _of_any(use, entries)
        found = {one: getattr(self, f"_{_NAMES.get(one.verb, one.verb)}")(one, use, entries) for one in clauses(said)}
        guesses = [one for one, concern in found.items() if one.parameters and concern is Concern.MAY]
        return min(found.values()) if len(guesses) < _GUESSES else Concern.NO

    def is_shown(self, use: Use, said: str, entries: tuple[Entry | None, ...]) -> bool:
        """Whether the arguments of a call themselves tell that it concerns it, whatever it is a method of."""
        telling = [one for one in clauses(said) if one.verb in ("", "is", "passes")]
        return bool(telling) and self.of(use, said, entries) is Concern.YES

    def _passed(self, clause: Clause, use: Use, entries: tuple[Entry | None, ...]) -> Concern:
        return max(self._is_passed(one, use, entries) for one in clause.words)

    def _not(self, clause: Clause, use: Use, entries: tuple[Entry | None, ...]) -> Concern:
        if use.how != "called":
            return Concern.NO
        return Concern(Concern.YES - max(self._is_passed(one, use, entries) for one in clause.words))

    def _is_passed(self, parameter: str, use: Use, entries: tuple[Entry | None, ...]) -> Concern:
        value = _argument(use, parameter, entries)
        if value is Argument.UNKNOWN and parameter not in use.keywords and use.unpacks:
            return self._by_stars(parameter, use)
        return Concern.NO if value in (Argument.ABSENT, None) else Concern.YES

    def _is(self, clause: Clause, use: Use, entries: tuple[Entry | None, ...]) -> Concern:
        value = _argument(use, clause.parameter, entries)
        if value is Argument.ABSENT and use.how == "called":
            value = _default(clause.parameter, entries)
        if value is Argument.UNKNOWN or value == COMPARISON:
            return self._unknown(clause, use, value)
        is_so = value is not Argument.ABSENT and any(_is_said(value, word) for word in clause.words)
        return Concern.YES if is_so else Concern.NO

    def _unknown(self, clause: Clause, use: Use, value: Literal | Argument) -> Concern:
        """Truth may be passed by any name, a name of torch is in the file, and a number is hardly just this one."""
        if clause.but and self._read(use, Givens).all_speak_of(clause.parameter, use.line, clause.but):
            return Concern.NO
        values = [literal(word) for word in clause.words]
        if not any(isinstance(one, (bool, str)) for one in values):
            return Concern.NO
        if use.unpacks and clause.parameter not in use.keywords:
            return self._by_stars(clause.parameter, use)
        names = [one for one in values if isinstance(one, str) and value is Argument.UNKNOWN]
        may = any(isinstance(one, bool) for one in values) or any(self._says(one, use) for one in names)
        return Concern.MAY if may else Concern.NO

    def _by_stars(self, parameter: str, use: Use) -> Concern:
        """What `*` and `**` pass is hardly a parameter that the file does not even name."""
        return Concern.MAY if self._says(parameter, use) else Concern.NO

    def _passes(self, clause: Clause, use: Use, entries: tuple[Entry | None, ...]) -> Concern:
        shown = [value for _, value in use.literals]
        if any(_is_said(value, word) for value in shown for word in clause.words):
            return Concern.YES
        is_all = not use.unpacks and len(shown) == use.positional + len(use.keywords)
        return Concern.NO if is_all else self._names(clause, use, entries)

    def _names(self, clause: Clause, use: Use, entries: tuple[Entry | None, ...]) -> Concern:
        if use.how == "imported":
            return Concern.NO
        if any(_is_said(value, word) for _, value in use.literals for word in clause.words):
            return Concern.YES
        return Concern.MAY if any(self._says(word, use) for word in clause.words) else Concern.NO

    def _lacks(self, clause: Clause, use: Use, entries: tuple[Entry | None, ...]) -> Concern:
        if use.how == "imported":
            return Concern.NO
        return Concern.MAY if any(self._says(word, use) for word in clause.words) else Concern.YES

    def _read(self, use: Use, by: type[Reader]) -> Reader:
        """What shows in the file of a use; a cell of a notebook, and what is no Python, show nothing."""
        file = use.file
        if file not in self._trees:
            self._trees[file] = Tree(self._parsed.get(file) or _parsed(self._texts.get(file, "")))
        if (file, by) not in self._readers:
            self._readers[file, by] = by(self._trees[file])
        return self._readers[file, by]

    def _says(self, word: str, use: Use) -> bool:
        file, _ = cell_of(use.file)
        if (file, word) not in self._said:
            text = self._texts.get(file, "")
            may = all(part in text for part in word.split("*"))  # most do not, and need not be read for comments
            self._said[file, word] = may and _has(self._without_comments(file, text), word)
        return self._said[file, word]

    def _without_comments(self, file: str, text: str) -> str:
        if file not in self._code:
            self._code[file] = without_prose(text)
        return self._code[file]

    def _catches(self, clause: Clause, use: Use, entries: tuple[Entry | None, ...]) -> Concern:
        is_caught = use.how == "called" and not use.caught.isdisjoint(clause.words)
        return Concern.YES if is_caught else Concern.NO

    def _uncaught(self, clause: Clause, use: Use, entries: tuple[Entry | None, ...]) -> Concern:
        return Concern.YES if use.survives.isdisjoint(clause.words) else Concern.NO

    def _recorded(self, clause: Clause, use: Use, entries: tuple[Entry | None, ...]) -> Concern:
        if use.how == "imported":
            return Concern.NO
        is_method = "method" in {entry.kind for entry in entries if entry}
        name, operands = use.name.rpartition(".")[2], 2 if clause.words else 1
        may = use.how != "called" or self._read(use, Gradients).may_pass(use.line, name, operands, is_method)
        return Concern.YES if may else Concern.NO

    def _resampled(self, clause: Clause, use: Use, entries: tuple[Entry | None, ...]) -> Concern:
        may = use.how == "called" and self._read(use, Pictures).may_be_tensor(use.line, use.name.rpartition(".")[2])
        return Concern.YES if may else Concern.NO

    def _made(self, clause: Clause, use: Use, entries: tuple[Entry | None, ...]) -> Concern:
        """What holds of all calls that may make what is passed, of one thing in a list."""
        if use.how != "called":
            return Concern.NO
        having = (entry for entry in entries if entry and clause.parameter in _parameters(entry))
        places = places_of(clause.parameter, next(having, None))
        things = self._read(use, Makers).of(use.line, use.name.rpartition(".")[2], clause.parameter, places)
        found = [{self._is_made(call, clause, use) for call in calls} for calls in things]
        return max((each.pop() if len(each) == 1 else Concern.MAY for each in found), default=Concern.NO)

    def _is_made(self, call: ast.Call | None, clause: Clause, use: Use) -> Concern:
        """Whether a call makes something so: of this name, or with this value, if it is of what stands beside."""
        makers = [one.removesuffix("()") for one in clause.words if one.endswith("()")]
        told = [
            Clause("is", (value,), one) for one, _, value in (each.partition("=") for each in clause.words) if value
        ]
        if call is None:
            return Concern.MAY if told or any(self._says(one, use) for one in makers) else Concern.NO
        if word(call.func) in makers:
            return Concern.YES
        name = f"{use.name.rpartition('.')[0]}.{word(call.func)}"
        entries = tuple(self._names_of_torch.find(name, release) for release in reversed(self._names_of_torch.releases))
        if told and not any(entries):
            return Concern.MAY
        return max((self._is(one, _shown(call, use, name), entries) for one in told), default=Concern.NO)

    def _overrides(self, clause: Clause, use: Use, entries: tuple[Entry | None, ...]) -> Concern:
        name, subclasses = use.name.rpartition(".")[2], self._read(use, Subclasses)
        is_so = subclasses.override(name, clause.words) and subclasses.are_called(use.line, name)
        return Concern.YES if is_so and use.how != "imported" else Concern.NO

    def _decorates(self, clause: Clause, use: Use, entries: tuple[Entry | None, ...]) -> Concern:
        how = "mentioned" if clause.words else "called"
        return Concern.YES if use.decorates and use.how == how else Concern.NO


def _has(text: str, word: str) -> bool:
    """Whether a text has a word, or two with a dot between them, that a word of a clause fits."""
    if word.isidentifier():
        return word in text and re.search(rf"\b{word}\b", text) is not None
    words = re.findall(r"\w+", text) + re.findall(r"\b\w+\.\w+", text)
    return any(fnmatchcase(one, word) for one in words)


_NAMES = {"": "passed"}
_GUESSES = 2  # of what is passed, which hardly all come true
_CALLED = {"function", "class", "method"}


def _parsed(text: str) -> ast.Module:
    try:
        return parsed(text)
    except Unreadable:
        return ast.Module([], [])


def _of_any(use: Use, entries: tuple[Entry | None, ...]) -> Concern:
    """A call; a function that is handed on may be called; what is not called is meant where it is mentioned."""
    if use.how in ("called", "imported"):
        return Concern.YES if use.how == "called" else Concern.NO
    kinds = {entry.kind for entry in entries if entry} & _CALLED
    return Concern.NO if "class" in kinds else Concern.MAY if kinds else Concern.YES


def _argument(use: Use, parameter: str, entries: tuple[Entry | None, ...]) -> Literal | Argument:
    """What is passed for a parameter by the first signature that has it: older releases may not."""
    if use.how != "called":
        return Argument.ABSENT
    having = (entry for entry in entries if entry and any(parameter in _parameters(one) for one in (entry,)))
    return use.argument(parameter, next(having, None))


def _shown(call: ast.Call, use: Use, name: str) -> Use:
    """The use of a name that a call in the same file is, as far as it is written there."""
    stars = [place for place, one in enumerate(call.args) if isinstance(one, ast.Starred)]
    said = [*enumerate(call.args[: stars[0] if stars else None]), *((one.arg, one.value) for one in call.keywords)]
    return replace(
        use,
        name=name,
        keywords=tuple(one.arg for one in call.keywords if one.arg),
        positional=len(call.args) - len(stars),
        unpacks=" ".join(["*"] * bool(stars) + ["**"] * any(one.arg is None for one in call.keywords)),
        literals=tuple((name, one.value) for name, one in said if isinstance(one, ast.Constant) and name is not None),
    )


@cache
def _parameters(entry: Entry) -> dict[str, str | None]:
    """The default of each parameter, as text."""
    return {one.name: one.default for signature in entry.signatures for one in signature.parameters}


def _default(parameter: str, entries: tuple[Entry | None, ...]) -> Literal | Argument:
    defaults = (_parameters(entry).get(parameter) for entry in entries if entry)
    text = next((one for one in defaults if one), None)
    return Argument.ABSENT if text is None else literal(text)  # type: ignore[return-value]


def _is_said(value: Literal, word: str) -> bool:
    """Whether a value is what a word of a clause says: the same literal, or a name or text that it fits."""
    if isinstance(value, Name):
        return fnmatchcase(value.dotted.rpartition(".")[2], word)
    said = literal(word)
    if isinstance(value, str) and isinstance(said, str):
        return fnmatchcase(value, said)
    return value == said and (type(value) is bool) == (type(said) is bool)
