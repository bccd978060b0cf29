"""Chains of questions for the class of one value, of which the first that is answered with yes decides."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import takewhile
from typing import NamedTuple

from torchproof.reports.code.syntax import nodes, word


class Question(NamedTuple):
    """One for a class or any of a tuple: of what, as it is written, and whether a yes alone decides."""

    subject: str
    classes: ast.expr
    decides: bool = True


Test = list[Question]  # what is asked at once, so that the order in it is no matter
ASKS = ("isinstance", "issubclass")
_ENDS = (ast.Return, ast.Raise, ast.Continue, ast.Break)


def branches(body: list[ast.stmt]) -> Iterator[Test]:
    """The tests of an `if` at the beginning of a body, of its `elif`s, and of what follows where each one ends."""
    for node in takewhile(lambda node: isinstance(node, ast.If), body):
        here: list[ast.stmt] = [node]
        ends = True
        while len(here) == 1 and isinstance(one := here[0], ast.If):
            yield [*_questions(one.test)]
            ends = ends and isinstance(one.body[-1], _ENDS)
            here = one.orelse
        if here or not ends:
            return


def _questions(test: ast.expr, decides: bool = True) -> Iterator[Question]:
    """What a condition asks that is enough for it to be true, or has to be true as well."""
    if isinstance(test, ast.BoolOp):
        for one in test.values:
            yield from _questions(one, decides and isinstance(test.op, ast.Or))
    elif isinstance(test, ast.Call) and word(test.func) in ASKS and len(test.args) == 2:
        yield Question(ast.unparse(test.args[0]), test.args[1], decides)


def cases(node: ast.Match) -> Iterator[Test]:
    """The tests of a `match`."""
    for case in node.cases:
        patterns = case.pattern.patterns if isinstance(case.pattern, ast.MatchOr) else [case.pattern]
        classes = [one for one in patterns if isinstance(one, ast.MatchClass)]
        yield [Question("", one.cls, _is_any(one) and not case.guard) for one in classes]


def _is_any(pattern: ast.MatchClass) -> bool:
    """Whether any object of the class fits."""
    return not (pattern.patterns or pattern.kwd_patterns)


def looped(node: ast.For | ast.AsyncFor, table: ast.expr) -> Iterator[Test]:
    """The tests of a loop over a table of classes: `for cls, rule in {Adam: …, AdamW: …}.items()`."""
    target = node.target.elts[0] if isinstance(node.target, ast.Tuple) and node.target.elts else node.target
    rows = table.keys if isinstance(table, ast.Dict) else getattr(table, "elts", [])
    asked = (one for statement in node.body if rows for one in nodes(statement) if isinstance(one, ast.Call))
    if any(word(one.func) in ASKS and [word(each) for each in one.args[1:]] == [word(target)] for one in asked):
        for row in rows:
            first = row.elts[0] if isinstance(row, ast.Tuple) and isinstance(node.target, ast.Tuple) else row
            if first is not None:
                yield [Question("", first)]
