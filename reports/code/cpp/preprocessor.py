"""Conditions of the C++ preprocessor: in which releases of torch a branch is compiled, by macros that are known.

What one cannot know (a macro of another library, or one that a build may be given) makes a branch possible. Builds for
ROCm, Windows and Macs are not the usual ones: what only these compile is possible, and what they leave out is certain.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from torchproof.reports.code.cpp import headers
from torchproof.reports.code.reading import UNREADABLE

_UNUSUAL = re.compile(r"_*(\w*ROCM|HIP|WIN|MSC_VER|APPLE|MAC|ANDROID|USE_XPU|USE_MPS|SYCL)")
_HAS = re.compile(r'__has_include\s*\(\s*[<"]([^>"]+)[>"]\s*\)')
_NUMBER = re.compile(r"\b(\d+)[uUlL]+\b")
_OPERATORS: dict[type, Callable[[int, int], int]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge, ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul,
}  # fmt: skip
_MOST = 100  # macros that are expanded for one answer


@dataclass(frozen=True)
class Reach:
    """The releases in which something is `certain` to be compiled, and those in which that is `possible`."""

    certain: frozenset[str]
    possible: frozenset[str]

    def __and__(self, other: Reach) -> Reach:
        return Reach(self.certain & other.certain, self.possible & other.possible)

    def __or__(self, other: Reach) -> Reach:
        return Reach(self.certain | other.certain, self.possible | other.possible)


EVERYWHERE = Reach(frozenset(headers.known()), frozenset(headers.known()))
NOWHERE = Reach(frozenset(), frozenset())


@dataclass(frozen=True)
class Definition:
    """A macro that code defines; one that is not called has no parameters."""

    name: str
    parameters: tuple[str, ...] | None
    body: str


class Macros:
    """What is known of macros: those that the code defines, and those that its build does, in which releases."""

    def __init__(
        self, own: Iterable[Definition] = (), given: Mapping[str, frozenset[str] | None] | None = None
    ) -> None:
        self.own: dict[str, set[Definition]] = {}
        self.given = dict(given or {})  # None where it is not known when
        for one in own:
            self.own.setdefault(one.name, set()).add(one)
        self._branches: dict[str, tuple[Reach, Reach]] = {}

    def __contains__(self, name: str) -> bool:
        """Whether a macro is the code's own."""
        return name in self.own or name in self.given

    def branches(self, expression: str) -> tuple[Reach, Reach]:
        """Where a condition is true, and where it is false."""
        if expression not in self._branches:
            node = _parsed(expression)
            usual, all_ = (
                {one: _Question(self, one, is_usual).answer(node) for one in headers.known()}
                for is_usual in (True, False)
            )
            self._branches[expression] = (
                Reach(_those(usual, lambda one: bool(one)), _those(all_, lambda one: one is None or bool(one))),
                Reach(_those(usual, lambda one: one == 0), _those(all_, lambda one: not one)),
            )
        return self._branches[expression]


def _those(answers: Mapping[str, int | None], wanted: Callable[[int | None], bool]) -> frozenset[str]:
    return frozenset(release for release, answer in answers.items() if wanted(answer))


@cache
def _parsed(expression: str) -> ast.expr | None:
    """A condition in the words of Python, where `~` binds as `!` does; None for one that says nothing there."""
    text = _HAS.sub(r'__has_include("\1")', expression)
    text = re.sub(r"\bdefined\s+(\w+)", r"defined(\1)", _NUMBER.sub(r"\1", text))
    text = re.sub(r"!(?!=)", " ~", text).replace("&&", " and ").replace("||", " or ")
    try:
        return ast.parse(text.strip(), mode="eval").body
    except UNREADABLE:
        return None


class _Question:
    """What a condition comes to in one release: a number, or None where that is not known."""

    def __init__(self, macros: Macros, release: str, is_usual: bool) -> None:
        self.macros, self.release, self.is_usual = macros, release, is_usual
        self.steps = 0

    def answer(self, node: ast.expr | None) -> int | None:
        """The answer, where it is not too long a way to it."""
        try:
            return self.of(node)
        except RecursionError:
            return None

    def of(self, node: ast.expr | None, given: Mapping[str, int | None] | None = None) -> int | None:
        """What a part of it comes to; `given` are the arguments of the macro that it stands in."""
        given = given or {}
        match node:
            case ast.Constant(value=int(number)):
                return number
            case ast.Name(id=name):
                return given[name] if name in given else self._value(name)
            case ast.UnaryOp(op=ast.Invert(), operand=operand):
                value = self.of(operand, given)
                return None if value is None else int(not value)
            case ast.BoolOp(op=op, values=values):
                return _joined([self.of(one, given) for one in values], isinstance(op, ast.And))
            case ast.Compare(left=left, ops=[op], comparators=[right]) | ast.BinOp(left=left, op=op, right=right):
                a, b, how = self.of(left, given), self.of(right, given), _OPERATORS.get(type(op))
                return None if a is None or b is None or how is None else int(how(a, b))
            case ast.Call(func=ast.Name(id="defined"), args=[ast.Name(id=name)]):
                return self._defined(name)
            case ast.Call(func=ast.Name(id="__has_include"), args=[ast.Constant(value=str(path))]):
                return self._has(path)
            case ast.Call(func=ast.Name(id=name), args=args):
                return self._expanded(name, [self.of(one, given) for one in args])
        return None

    def _defined(self, name: str) -> int | None:
        if name in self.macros.own:
            return None
        if (releases := self.macros.given.get(name)) is not None:
            return int(self.release in releases)
        if name in self.macros.given:
            return None
        if (having := headers.table().get(("expanded", name))) is not None:
            return int(self.release in having)
        return 0 if self.is_usual and _UNUSUAL.match(name) else None

    def _value(self, name: str) -> int | None:
        major, minor = map(int, self.release.split("."))
        if name in ("TORCH_VERSION_MAJOR", "TORCH_VERSION_MINOR"):
            return major if name.endswith("MAJOR") else minor
        if name in self.macros.own:
            return self._expanded(name, None)
        return 0 if self._defined(name) == 0 else None

    def _expanded(self, name: str, args: list[int | None] | None) -> int | None:
        """What a macro of the code comes to, where it has one definition."""
        one, *others = self.macros.own.get(name, (None,))
        if one is None or others or (args is None) != (one.parameters is None) or self.steps > _MOST:
            return None
        self.steps += 1
        return self.of(_parsed(one.body), dict(zip(one.parameters or (), args or ())))

    def _has(self, path: str) -> int | None:
        having = headers.table().get(("included", path))
        if having is None:
            return 0 if headers.is_nowhere("included", path) else None
        return int(self.release in having)


def _joined(values: list[int | None], is_and: bool) -> int | None:
    """All of some conditions, or any of them, of which some are not known."""
    decides = [one for one in values if one is not None and bool(one) != is_and]
    if decides:
        return int(not is_and)
    return None if None in values else int(is_and)
