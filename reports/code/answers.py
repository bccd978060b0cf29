"""Answers to what an expression of user code gives, and what operators, built-in functions and texts make of them."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torchproof.reports.code.values import LocalFunction

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
OF_TEXT = {"split", "rsplit", "strip", "rstrip", "lstrip", "startswith", "endswith", "replace", "partition", "join",
           "find", "index", "removesuffix", "removeprefix", "isdigit", "isnumeric", "lower"}  # fmt: skip


class Unknown(Exception):
    """The expression does not tell."""


@dataclass(frozen=True)
class Reference:
    """Something imported: it is there, and what it is otherwise is not known."""

    dotted: str


def truth(value: Any) -> bool:
    """Whether a value is true. Raises Unknown."""
    if isinstance(value, (Reference, LocalFunction)):
        raise Unknown
    return bool(value)


def compared(left: Any, how: ast.cmpop, right: Any) -> Any:
    """What a comparison gives. Raises Unknown."""
    is_of_none = isinstance(how, (ast.Is, ast.IsNot)) and (left is None or right is None)
    if not is_of_none and (isinstance(left, Reference) or isinstance(right, Reference)):
        raise Unknown
    return _COMPARISONS[type(how)](left, right)


def combined(left: Any, how: ast.operator, right: Any) -> Any:
    """What arithmetic gives, unless it may be large. Raises Unknown."""
    function = _ARITHMETIC.get(type(how))
    if function is None or not isinstance(left, (int, float, str, tuple, list)):
        raise Unknown
    if isinstance(how, ast.Mult) and not isinstance(left, (int, float)):
        raise Unknown
    return function(left, right)


def of_text(text: str, method: str, given: list[Any]) -> Any:
    """What one of the methods OF_TEXT gives, of a version as of any text."""
    return getattr(str(text), method)(*(str(one) if isinstance(one, str) else one for one in given))


def is_builtin(name: str) -> bool:
    """Whether it is a built-in function that conditions are made of."""
    return name in _BUILTINS or name in ("map", "dir", "vars")


def builtin(name: str, given: list[Any]) -> Any:
    """What a built-in function gives. Raises Unknown."""
    if name == "map":
        first, values = given
        if not isinstance(first, Reference) or first.dotted not in ("builtins.int", "builtins.str"):
            raise Unknown
        return [_BUILTINS[first.dotted.rpartition(".")[2]](one) for one in values]
    if name not in _BUILTINS:
        raise Unknown
    return _BUILTINS[name](*given)
