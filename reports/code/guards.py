"""Conditions about torch's version in user code: in which releases each may be true, and in which false."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reports.code.evaluate import Evaluator, Question
from reports.code.values import Expression, Scope
from reports.code.versions import Unknown, speaks_of_version, truth

if TYPE_CHECKING:
    from reports.code.meanings import Meanings


@dataclass(frozen=True)
class Condition:
    """The releases in which it may be true, and may be false; `doubt` where it is about a version in unknown ways."""

    true: int
    false: int
    doubt: bool = False

    def __invert__(self) -> Condition:
        return Condition(self.false, self.true, self.doubt)

    def __and__(self, other: Condition) -> Condition:
        return Condition(self.true & other.true, self.false | other.false, self.doubt or other.doubt)

    def __or__(self, other: Condition) -> Condition:
        return ~(~self & ~other)


class Guards:
    """Works out conditions of a project's code."""

    def __init__(self, meanings: Meanings) -> None:
        self.meanings = meanings
        self.known = meanings.known
        self._evaluator = Evaluator(meanings)
        self._followed: set[Expression] = set()

    def condition(self, node: ast.expr, scope: Scope) -> Condition:
        """When an expression may be true, and when false."""
        if isinstance(node, ast.BoolOp):
            first, *others = (self.condition(one, scope) for one in node.values)
            for one in others:
                first = first & one if isinstance(node.op, ast.And) else first | one
            return first
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return ~self.condition(node.operand, scope)
        if isinstance(node, ast.Name) and (folded := self._bound_condition(node, scope)):
            return folded
        return self._leaf(node, scope)

    def _bound_condition(self, node: ast.Name, scope: Scope) -> Condition | None:
        """The condition that a name is bound to: `new = hasattr(torch, "x") and other`."""
        values = self.meanings.resolve(node, scope)
        one = values[0][1] if len(values) == 1 else None
        if not isinstance(one, Expression) or not isinstance(one.node, (ast.BoolOp, ast.UnaryOp)):
            return None
        if one in self._followed:  # it is made of itself
            return None
        self._followed.add(one)
        try:
            return self.condition(one.node, one.scope)
        finally:
            self._followed.remove(one)

    def _leaf(self, node: ast.expr, scope: Scope) -> Condition:
        true = false = 0
        doubt = False
        question = Question()
        for place in range(len(self.known.releases)):
            question.place, bit = place, 1 << place
            try:
                if truth(self._evaluator.answer(question, node, scope)):
                    true |= bit
                else:
                    false |= bit
            except Unknown:
                true, false = true | bit, false | bit
                doubt = doubt or question.of_version
            if not (question.depends or question.of_version):
                return Condition(self.known.all, self.known.all)
        return Condition(true, false, doubt)

    def is_about_version(self, node: ast.expr) -> bool:
        """Whether an expression has words about a version of torch: `@require_torch_2_1`, `@RunIf(min_torch="2.1")`."""
        for one in ast.walk(node):
            word = getattr(one, "id", None) or getattr(one, "attr", None) or getattr(one, "arg", None)
            if isinstance(word, str) and speaks_of_version(word):
                return True
        return False
