"""Answers to what an expression of user code gives, and what operators, built-in functions and texts make of them."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from packaging.version import Version

from torchproof.reports.code.values import LocalFunction, Scope

_COMPARISONS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge, ast.Is: operator.is_, ast.IsNot: operator.is_not,
    ast.In: lambda one, other: one in other, ast.NotIn: lambda one, other: one not in other,
}  # fmt: skip
_ARITHMETIC: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Mult: operator.mul, ast.Div: operator.truediv, ast.Sub: operator.sub,
}  # fmt: skip
_BUILTINS: dict[str, Callable[..., Any]] = {
    one.__name__: one for one in (int, str, float, tuple, list, len, all, any, min, max, sorted, bool)
}
_CALLED = ("class", "function", "method")
_TYPES: dict[str, type] = {
    **{f"builtins.{one.__name__}": one for one in (int, str, float, tuple, list, bool)},
    "packaging.version.Version": Version,
}
OF_TEXT = {"split", "rsplit", "strip", "rstrip", "lstrip", "startswith", "endswith", "replace", "partition", "join",
           "find", "index", "removesuffix", "removeprefix", "isdigit", "isnumeric", "lower"}  # fmt: skip

_OF_MATCH = {"group", "groups", "groupdict"}
_LONGEST = 60  # characters of a text that a pattern is looked for in
_REPEATS = 3  # in a pattern


class Unknown(Exception):
    """The expression does not tell."""


@dataclass(frozen=True)
class Reference:
    """Something imported: it is there, of a `kind` perhaps, and what it is otherwise is not known."""

    dotted: str
    kind: str = ""


@dataclass(frozen=True)
class Closure:
    """A lambda, and the scope in which it stands."""

    node: ast.Lambda
    scope: Scope


class Python:
    """`sys.version_info`: of any Python that a release runs on; it answers where all of them answer the same."""

    _OLDEST, _AFTER = (3, 8), (3, 99)

    def compared(self, how: ast.cmpop, other: Any) -> bool:
        """What a comparison gives. Raises Unknown."""
        function = _COMPARISONS[type(how)]
        if not isinstance(other, tuple):
            raise Unknown
        answers = {function(one, other) for one in (self._OLDEST, self._AFTER)}
        if len(answers) > 1:
            raise Unknown
        return answers.pop()


_UNSEEN = (Reference, LocalFunction, Closure, Python)  # what they are is known, and not what they hold
_MIRRORED: dict[type, type[ast.cmpop]] = {ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE}


def truth(value: Any) -> bool:
    """Whether a value is true. Raises Unknown."""
    if isinstance(value, Reference) and value.kind in (*_CALLED, "module"):
        return True
    if isinstance(value, _UNSEEN):
        raise Unknown
    return bool(value)


def _callable(value: Any) -> bool:
    return truth(value) and value.kind in _CALLED if isinstance(value, Reference) else callable(value)


def compared(left: Any, how: ast.cmpop, right: Any) -> Any:
    """What a comparison gives. Raises Unknown."""
    is_of_none = isinstance(how, (ast.Is, ast.IsNot)) and (left is None or right is None)
    if not is_of_none and (isinstance(left, Reference) or isinstance(right, Reference)):
        raise Unknown
    if isinstance(left, Python):
        return left.compared(how, right)
    if isinstance(right, Python):
        return right.compared(_MIRRORED.get(type(how), type(how))(), left)
    return _COMPARISONS[type(how)](left, right)


def combined(left: Any, how: ast.operator, right: Any) -> Any:
    """What arithmetic gives, unless it may be large. Raises Unknown."""
    function = _ARITHMETIC.get(type(how))
    if function is None or not isinstance(left, (int, float, str, tuple, list)):
        raise Unknown
    if isinstance(how, ast.Mult) and not (isinstance(left, (int, float)) and isinstance(right, (int, float))):
        raise Unknown
    return function(left, right)


def of_text(text: str, method: str, given: list[Any]) -> Any:
    """What one of the methods OF_TEXT gives, of a version as of any text."""
    return getattr(str(text), method)(*(str(one) if isinstance(one, str) else one for one in given))


def of_match(match: re.Match, method: str, given: list[Any]) -> Any:
    """What a method of a pattern's match gives. Raises Unknown."""
    if method not in _OF_MATCH:
        raise Unknown
    return getattr(match, method)(*given)


def of_pattern(word: str, given: list[Any]) -> Any:
    """What a function of the module `re` gives, of a short text. Raises Unknown."""
    if word not in ("match", "search", "fullmatch", "findall", "split", "sub"):
        raise Unknown
    if not all(isinstance(one, str) and len(one) <= _LONGEST for one in given) or _may_take_long(given[0]):
        raise Unknown
    return getattr(re, word)(*map(str, given))


def _may_take_long(pattern: str) -> bool:
    """Whether a pattern repeats what repeats, or much of anything, so that it may try more than it ever can."""
    return re.search(r"\)[*+{]", pattern) is not None or len(re.findall(r"[*+{]", pattern)) > _REPEATS


def is_builtin(name: str) -> bool:
    """Whether it is a built-in function that conditions are made of."""
    return name in _BUILTINS or name in ("callable", "map", "dir", "vars", "isinstance")


def _type(value: Any) -> type:
    found = _TYPES.get(value.dotted) if isinstance(value, Reference) else None
    if found is None:
        raise Unknown
    return found


def builtin(name: str, given: list[Any]) -> Any:
    """What a built-in function gives. Raises Unknown."""
    if name == "map":
        first, values = given
        if not isinstance(first, Reference) or first.dotted not in ("builtins.int", "builtins.str"):
            raise Unknown
        return [_BUILTINS[first.dotted.rpartition(".")[2]](one) for one in values]
    if name == "isinstance":
        value, asked = given
        truth(value)  # which raises, where it is not known what it is
        return isinstance(value, tuple(map(_type, asked if isinstance(asked, tuple) else [asked])))
    if name == "callable":
        return _callable(*given)
    if name == "bool":
        return truth(*given)
    if name not in _BUILTINS or any(isinstance(one, _UNSEEN) for one in given):
        raise Unknown
    if name == "str" and not all(isinstance(one, (str, int, float, Version)) for one in given):
        raise Unknown  # what stands in a list may have no words, or very many
    return _BUILTINS[name](*given)
