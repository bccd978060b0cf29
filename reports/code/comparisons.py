"""The code's own comparisons of torch's version, and the releases in which they give what those of versions do not.

'2.10' is less than '2.5' as text, and equal to 2.1 as a number; `[:3]` of it is '2.1', and it starts with that.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from packaging.version import InvalidVersion, Version

from torchproof.reports.code.catalog import Catalog
from torchproof.reports.code.values import Module
from torchproof.reports.code.versions import TorchVersion, newest

_ORDERS: dict[type, Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
}  # fmt: skip
_MIRRORED: dict[type, type] = {ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE}
Sides = tuple[Any, Any, Any]  # what stands left, how it is compared, what stands right
_NUMBERS = re.compile(r"\d+(\.\d+)*\.?")


@dataclass(frozen=True)
class Comparison:
    """A place that compares versions wrongly: what it gives in which releases, in which versions give the reverse."""

    text: str
    file: str
    line: int
    gives: bool
    releases: tuple[str, ...]

    @property
    def where(self) -> str:
        """The place as editors and terminals understand it."""
        return f"{self.file}:{self.line}"


class Comparisons:
    """Remembers what comparisons gave in each release, and tells those that went wrong."""

    def __init__(self, known: Catalog) -> None:
        self.known = known
        self._wrong: dict[tuple[ast.expr, bool], set[int]] = {}
        self._modules: dict[ast.expr, Module] = {}
        self._patches = [newest(release).split(".")[2] for release in known.releases]
        # What stood on both sides of orders that are not of whole versions, and what they gave, by the release's place.
        self._parts: dict[tuple[ast.expr, type, int], dict[int, tuple[Any, Any, bool]]] = {}

    def note(self, node: ast.expr, module: Module, place: int, sides: Sides, answer: object) -> None:
        """Remember what a comparison gave in a release."""
        left, how, right = sides
        is_of_versions = any(isinstance(one, (TorchVersion, Version)) for one in (left, right))
        if not isinstance(answer, bool) or (is_of_versions and how not in (ast.In, ast.NotIn)):
            return
        right_answer = _as_versions(newest(self.known.releases[place]), left, how, right, answer)
        self._modules[node] = module
        if right_answer is None and how in _ORDERS:
            self._parts.setdefault((node, how, hash(repr(right))), {})[place] = (left, right, answer)
        elif right_answer is not None and right_answer != answer:
            self._wrong.setdefault((node, answer), set()).add(place)

    def wrong(self) -> list[Comparison]:
        """The comparisons that go wrong in some release, by place."""
        for (node, how, _), answers in self._parts.items():
            for place in _out_of_order(how, answers, self._patches):
                self._wrong.setdefault((node, answers[place][2]), set()).add(place)
        self._parts.clear()
        releases = self.known.releases
        found = [
            Comparison(ast.unparse(node), *self._modules[node].place(node.lineno), gives, _names(releases, places))
            for (node, gives), places in self._wrong.items()
        ]
        return sorted(found, key=lambda one: (one.file, one.line))


def _names(releases: tuple[str, ...], places: set[int]) -> tuple[str, ...]:
    return tuple(releases[place] for place in sorted(places))


def _as_versions(version: str, left: Any, how: Any, right: Any, answer: bool) -> bool | None:
    """What versions give in place of what the code compares; None where neither side is the beginning of `version`.

    What is found equal, or among others, is wrong only where it is another release than was asked for.
    """
    if how is str.startswith:
        return answer and is_asked_for(version, right) if _shown(version, left) else None
    if how in _ORDERS:
        if _shown(version, left):
            return _ordered(version, left, how, right)
        return _ordered(version, right, _MIRRORED[how], left) if _shown(version, right) else None
    if how in (ast.Eq, ast.NotEq):
        asked = right if _shown(version, left) else left if _shown(version, right) else None
        is_found = answer == (how is ast.Eq)
    elif how in (ast.In, ast.NotIn):
        asked = left if isinstance(right, str) else right
        is_found = answer == (how is ast.In)
        if not _shown(version, right if isinstance(right, str) else left):
            return None
    else:
        return None
    return not answer if is_found and asked is not None and not is_asked_for(version, asked) else answer


def is_asked_for(version: str, asked: Any) -> bool:
    """Whether a version begins with what is asked for, number by number; true where that is no numbers."""
    if isinstance(asked, (tuple, list)) and not all(isinstance(one, str) and one.isdigit() for one in asked):
        return any(is_asked_for(version, one) for one in asked)
    text = ".".join(asked) if isinstance(asked, (tuple, list)) else str(asked)
    if not _NUMBERS.fullmatch(text):
        return True
    return f"{version}.".startswith(f"{text.rstrip('.')}.")


def _shown(version: str, side: Any) -> int:
    """How many numbers of a version one side of a comparison shows, if it is at least two from the beginning."""
    numbers = version.split(".")
    if isinstance(side, str):
        text = side.rstrip(".")
        return text.count(".") + 1 if "." in text and version.startswith(text) else 0
    if isinstance(side, float):
        return 2 * (side in (float(".".join(numbers[:2])), float(version[:3])))
    if isinstance(side, (list, tuple)) and len(side) > 1:
        return len(side) * (list(side) == numbers[: len(side)])
    return 0


def _ordered(version: str, mine: Any, how: type, other: Any) -> bool | None:
    if isinstance(other, (list, tuple)) and all(isinstance(one, str) for one in other):
        other = ".".join(other)
    if isinstance(other, bool) or not isinstance(other, (str, int, float)):
        return None
    try:
        asked = Version(str(other))
    except InvalidVersion:
        return None
    return _ORDERS[how](Version(".".join(version.split(".")[: _shown(version, mine)])), asked)


def _out_of_order(how: type, answers: dict[int, tuple[Any, Any, bool]], patches: list[str]) -> list[int]:
    """The releases in which an order turns back, of those after the one in which it first said that it is new."""
    lefts = [left for left, _, _ in answers.values()]
    rights = [right for _, right, _ in answers.values()]
    if any(isinstance(one, bool) or not isinstance(one, (str, int, float)) for one in (*lefts, *rights)):
        return []
    varies_left, varies_right = (any(one != side[0] for one in side) for side in (lefts, rights))
    if varies_left == varies_right or [str(one) for one in (lefts if varies_left else rights)] == patches:
        return []
    new = (how in (ast.Gt, ast.GtE)) == varies_left
    first = next((place for place in sorted(answers) if answers[place][2] == new), None)
    return [place for place in sorted(answers) if first is not None and place > first and answers[place][2] != new]
