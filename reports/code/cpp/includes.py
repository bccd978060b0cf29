"""What C++ and CUDA sources include and which macros they name, each with the releases in which that is compiled."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from torchproof.reports.code.cpp.preprocessor import EVERYWHERE, Definition, Macros, Reach

_COMMENT = re.compile(r"""//[^\n]*|/\*.*?(?:\*/|\Z)|'\\?[^\n]'|"(?:\\.|[^"\\\n])*\\?"?""", re.DOTALL)
_DIRECTIVE = re.compile(r"[ \t]*#[ \t]*(\w+)[ \t]*(.*)", re.DOTALL)
_ALL_DIRECTIVES = re.compile(r"^[ \t]*#(?:[^\n\\]|\\.)*", re.MULTILINE | re.DOTALL)
_OF_TORCH = re.compile(r"torch|ATen|\bat::|c10|C10_|\bAT_|TORCH_|\bTHC?")
_INCLUDE = re.compile(r'[<"]([^>"]+)[>"]')
_DEFINES = re.compile(r"(\w+)(\([^)]*\))?\s*(.*)", re.DOTALL)
_WORD = re.compile(r"\b((?:AT|C10|TORCH|CAFFE2|AOTI|TH)_[A-Z0-9_]+|THC\w+)\b(\s*\()?")  # of torch's families
BY_TYPE = "AT_DISPATCH_…(x.type(), …)"
_BY_TYPE = re.compile(r"\bAT_DISPATCH_\w+\s*\([^;{}]{0,500}?(\.|->)type\(\)\s*,")


@dataclass(frozen=True)
class Seen:
    """What a source has: `how` is 'included' (a path), 'expanded' (a word) or 'dispatched' (`x.type()`, by a macro)."""

    how: str
    name: str
    line: int
    reach: Reach = EVERYWHERE
    within: str = ""  # the macro in whose definition it stands
    is_called: bool = False
    is_quoted: bool = False


Lines = list[tuple[int, str]]


def seen(lines: Lines, macros: Macros) -> Iterator[Seen]:
    """What stands in a source, by what is known of the macros that its conditions ask for."""
    branches = Branches(macros)
    reaches: list[Reach] = []
    previous: tuple[str, str] = ("", "")
    for number, line in lines:
        directive, rest = _directive(line)
        if directive == "define" and previous == ("ifndef", _DEFINES.sub(r"\1", rest)):
            branches.is_guard()  # against the file being included twice
        elif directive == "include" and (path := _INCLUDE.match(rest)):
            yield Seen("included", path[1], number, branches.reach, is_quoted=rest.startswith('"'))
        elif directive:
            branches.take(directive, rest)
        if directive in ("", "define") and _WORD.search(rest):
            within, body = _split(rest) if directive else ("", line)
            yield from _words(body, number, branches.reach, within)
        if directive or line.strip():
            previous = directive, rest
        reaches.append(branches.reach)
    yield from _by_type(lines, reaches)


def _by_type(lines: Lines, reaches: list[Reach]) -> Iterator[Seen]:
    """Where a macro is given a type to dispatch by, which may stand in a line below."""
    text = "\n".join(line for _, line in lines)
    for found in _BY_TYPE.finditer(text):
        place = text.count("\n", 0, found.start())
        yield Seen("dispatched", BY_TYPE, lines[place][0], reaches[place])


def _words(text: str, line: int, reach: Reach, within: str) -> Iterator[Seen]:
    for one in _WORD.finditer(text):
        yield Seen("expanded", one[1], line, reach, within, is_called=bool(one[2]))


def _split(definition: str) -> tuple[str, str]:
    found = _DEFINES.match(definition)
    return (found[1], found[3]) if found else ("", "")


def defined(lines: Lines) -> Iterator[Definition]:
    """The macros that a source defines itself."""
    for _, line in lines:
        directive, rest = _directive(line)
        if directive == "define" and (found := _DEFINES.match(rest)):
            parameters = tuple(one.strip() for one in found[2][1:-1].split(",")) if found[2] else None
            yield Definition(found[1], parameters, found[3].strip())


def included(lines: Lines) -> Iterator[str]:
    """What a source includes, whatever the preprocessor is told."""
    for _, line in lines:
        directive, rest = _directive(line)
        if directive == "include" and (path := _INCLUDE.match(rest)):
            yield path[1]


class Conditions(Protocol):
    """What knows where conditions hold."""

    def branches(self, expression: str) -> tuple[Reach, Reach]:
        """Where one is true, and where it is false."""
        ...


class Branches:
    """The conditions around a line."""

    def __init__(self, conditions: Conditions) -> None:
        self.conditions = conditions
        self.reach = EVERYWHERE
        self._outer: list[tuple[Reach, Reach]] = []  # around each `#if`; of each, what no branch has taken yet

    def take(self, directive: str, rest: str) -> bool:
        """Follow a directive; False where it is none of those."""
        if directive in ("if", "ifdef", "ifndef"):
            self._outer.append((self.reach, self.reach))
            self._ask(_expression(directive, rest))
        elif directive in ("elif", "elifdef", "elifndef") and self._outer:
            self._ask(_expression(directive.removeprefix("el"), rest))
        elif directive == "else" and self._outer:
            self.reach = self._outer[-1][1]
        elif directive == "endif" and self._outer:
            self.reach = self._outer.pop()[0]
        else:
            return False
        return True

    def is_guard(self) -> None:
        """The branch is the file."""
        self.reach = self._outer[-1][0]

    def _ask(self, expression: str) -> None:
        outer, rest = self._outer[-1]
        yes, no = self.conditions.branches(expression)
        self.reach = rest & yes
        self._outer[-1] = outer, rest & no


def _expression(directive: str, rest: str) -> str:
    if directive == "if":
        return rest
    return f"{'!' * (directive == 'ifndef')}defined({rest.split(' ')[0]})"


def _directive(line: str) -> tuple[str, str]:
    """The word of a line for the preprocessor, and the rest; the line where it is none."""
    found = _DIRECTIVE.match(line) if "#" in line else None
    return (found[1], found[2].strip()) if found else ("", line)


def read(text: str) -> Lines:
    """The lines of a text without comments, with their numbers; those of a directive are one.

    Of a text that does not speak of torch the directives are enough.
    """
    if not _OF_TORCH.search(text):
        return [(0, one.replace("\\\n", " ")) for one in _ALL_DIRECTIVES.findall(text)]
    found: Lines = []
    is_open = False
    for number, line in enumerate(_plain(text).split("\n"), 1):
        if is_open:
            found[-1] = (found[-1][0], f"{found[-1][1][:-1]} {line}")
        else:
            found.append((number, line))
        is_open = line.endswith("\\") and bool(_directive(found[-1][1])[0])
    return found


def _plain(text: str) -> str:
    """Without comments and what stands between quotes, except the paths of includes; lines stay."""

    def blank(found: re.Match[str]) -> str:
        start = text.rfind("\n", 0, found.start()) + 1
        is_path = found[0].startswith('"') and "#" in text[start : found.start()]
        return found[0] if is_path else "\n" * found[0].count("\n")

    return _COMMENT.sub(blank, text)
