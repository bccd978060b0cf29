"""Conditions about torch's version in user code: in which releases each may be true, and in which false."""

from __future__ import annotations

import ast

from torchproof.reports.code.answers import Unknown, truth
from torchproof.reports.code.catalog import Catalog
from torchproof.reports.code.evaluate import Evaluator
from torchproof.reports.code.meanings import Meanings
from torchproof.reports.code.project import Project
from torchproof.reports.code.values import Condition, Expression, Scope
from torchproof.reports.code.versions import Question


class Guards:
    """Works out conditions of a project's code, by the `meanings` of what they are made of."""

    def __init__(self, known: Catalog, project: Project) -> None:
        self.known = known
        self.meanings = Meanings(known, project, self.condition)
        self._evaluator = Evaluator(self.meanings)
        self.comparisons = self._evaluator.comparisons
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
        question = Question(self.known)
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
