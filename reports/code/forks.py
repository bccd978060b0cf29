"""What names have after one of several branches: a class and its arguments that were set together stay together."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from torchproof.reports.code.tables import is_container
from torchproof.reports.code.values import NOTHING, Constant, Expression, OneOf, Value, is_callable

Test = tuple[ast.expr | None, bool]  # a condition, and whether it holds
Told = frozenset[tuple[str, bool]]  # conditions as they are written, and whether they hold
Path = dict[str, Value]  # what names have at the end of a branch
_SEVERAL = 20  # branches


@dataclass(frozen=True)
class Fork:
    """The choice that branches make: for each row what is told there."""

    rows: tuple[Told, ...] = field(compare=False)
    of: object


def told(test: ast.expr | None, holds: bool) -> Told:
    """What is told where a condition holds, or does not."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return told(test.operand, not holds)
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) == holds:
        return frozenset().union(*(told(one, holds) for one in test.values))
    return frozenset([(ast.dump(test), holds)] if test else [])


def paired(paths: list[tuple[Test, Path]], of: object) -> dict[str, OneOf]:
    """The names that have another class, function, text or container after each path, in the rows of one choice.

    Nothing where only containers differ: what they are passed to may well stand under the same condition.
    """
    first = paths[0][1]
    others = [path for _, path in paths[1:]]
    names = [
        name
        for name, one in first.items()
        if all(path.get(name) is not None for path in others) and any(path[name] != one for path in others)
    ]
    if not any(_may_be_named(path[name]) for _, path in paths for name in names):
        return {}
    rows = [row for test, path in paths for row in _rows(told(*test), {name: path[name] for name in names})]
    found = {name: tuple(row[name] for _, row in rows) for name in names}
    found = {name: values for name, values in found.items() if all(map(_is_followed, values))}
    if len(rows) > _SEVERAL or not any(_is_named(one) for values in found.values() for one in values):
        return {}
    fork = Fork(tuple(here for here, _ in rows), of)
    return {name: OneOf(values, fork) for name, values in found.items()}


def left(values: dict[str, OneOf], here: Told) -> Path:
    """What is left of them where conditions are told: without the rows of branches in which they are not so."""
    belied = {(test, not holds) for test, holds in here}
    found: Path = {}
    for name, one in values.items():
        rows = one.choice.rows if isinstance(one.choice, Fork) else ()
        places = tuple(place for place, row in enumerate(rows) if not row & belied)
        if 0 < len(places) < len(rows):
            fork = Fork(tuple(rows[place] for place in places), (one.choice, places))
            several = tuple(one.values[place] for place in places)
            found[name] = one.values[places[0]] if len(places) == 1 else OneOf(several, fork)
    return found


def _rows(here: Told, path: Path) -> list[tuple[Told, Path]]:
    """A path in rows: those of the choice that was made on it."""
    inner = next((one for one in path.values() if isinstance(one, OneOf)), None)
    if inner is None:
        return [(here, path)]
    tests = inner.choice.rows if isinstance(inner.choice, Fork) else [frozenset()] * len(inner.values)
    return [
        (here | each, {name: _of_row(one, inner, place) for name, one in path.items()})
        for place, each in enumerate(tests)
    ]


def _of_row(value: Value, inner: OneOf, row: int) -> Value:
    if not isinstance(value, OneOf):
        return value
    is_of_choice = value is inner or (value.choice is not None and value.choice == inner.choice)
    return value.of_row(row) if is_of_choice else None


def _is_followed(value: Value) -> bool:
    return value == NOTHING or _is_named(value) or (isinstance(value, Expression) and is_container(value.node))


def _may_be_named(value: Value) -> bool:
    return any(map(_is_named, value.values)) if isinstance(value, OneOf) else _is_named(value)


def _is_named(value: Value) -> bool:
    """Whether it can be called, or is the name of what can be."""
    return is_callable(value) or (isinstance(value, Constant) and isinstance(value.value, str))
