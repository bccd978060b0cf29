"""Conditions about torch's version in user code: in which releases each may be true, and in which false."""

from __future__ import annotations

import ast

from torchproof.reports.code.answers import Unknown, truth
from torchproof.reports.code.catalog import Catalog
from torchproof.reports.code.evaluate import Evaluator
from torchproof.reports.code.meanings import Meanings
from torchproof.reports.code.project import Project
from torchproof.reports.code.syntax import word
from torchproof.reports.code.values import Condition, Expression, LocalFunction, Scope
from torchproof.reports.code.versions import Question, asks_for_version, is_about_version

_SKIPS = {"skipif": True, "skipIf": True, "skipUnless": False}  # whether a true condition skips
_DEEPEST = 5  # helpers of helpers


class Guards:
    """Works out conditions of a project's code, by the `meanings` of what they are made of."""

    def __init__(self, known: Catalog, project: Project) -> None:
        self.known = known
        self.meanings = Meanings(known, project, self.condition)
        self._evaluator = Evaluator(self.meanings)
        self.comparisons = self._evaluator.comparisons
        self._either = Condition(known.all, known.all)

    def condition(self, node: ast.expr, scope: Scope) -> Condition:
        """When an expression may be true, and when false."""
        if isinstance(node, ast.BoolOp):
            first, *others = (self.condition(one, scope) for one in node.values)
            for one in others:
                first = first & one if isinstance(node.op, ast.And) else first | one
            return first
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return ~self.condition(node.operand, scope)
        if isinstance(node, ast.Constant):
            return Condition(self.known.all, 0) if node.value else Condition(0, self.known.all)
        return self._leaf(node, scope)

    def matched(self, subject: ast.expr, case: ast.match_case, scope: Scope) -> Condition:
        """When a case of `match` may be the one, as far as it asks for values."""
        found = self._pattern(subject, case.pattern, scope)
        return found & self.condition(case.guard, scope) if case.guard else found

    def _pattern(self, subject: ast.expr, pattern: ast.pattern, scope: Scope) -> Condition:
        if isinstance(pattern, ast.MatchValue):
            return self.condition(ast.Compare(subject, [ast.Eq()], [pattern.value]), scope)
        if isinstance(pattern, ast.MatchSingleton):
            return self.condition(ast.Compare(subject, [ast.Is()], [ast.Constant(pattern.value)]), scope)
        if isinstance(pattern, ast.MatchOr):
            first, *others = (self._pattern(subject, one, scope) for one in pattern.patterns)
            for one in others:
                first = first | one
            return first
        is_any = isinstance(pattern, ast.MatchAs) and pattern.pattern is None
        return Condition(self.known.all, 0 if is_any else self.known.all)

    def skips(self, node: ast.expr, scope: Scope, depth: int = 0) -> Condition:
        """When a decorator keeps a test from running: `@pytest.mark.skipif(version < …)`, or what gives one."""
        if isinstance(node, (ast.List, ast.Tuple)):
            found = Condition(0, self.known.all)
            for one in node.elts:
                found = found | self.skips(one, scope, depth + 1)
            return found
        if isinstance(node, ast.Call) and node.args and (name := word(node.func)) in _SKIPS:
            condition = self.condition(_parsed(node.args[0]), scope)
            return condition if _SKIPS[name] else ~condition
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Call) and word(node.func.func) in _SKIPS:
            return self.skips(node.func, scope, depth)  # skipIf(…)(test)
        if depth < _DEEPEST and (there := self._meant(node, scope)):
            return self.skips(*there, depth + 1)
        return Condition(0, self.known.all, is_about_version(node) or asks_for_version(node))

    def _meant(self, node: ast.expr, scope: Scope) -> tuple[ast.expr, Scope] | None:
        """What a name is bound to, or what a helper of the code returns, where that is all that it does."""
        values = self.meanings.resolve(node.func if isinstance(node, ast.Call) else node, scope)
        one = values[0][1] if len(values) == 1 else None
        if isinstance(one, Expression) and not isinstance(node, ast.Call):
            return one.node, one.scope
        if (
            not isinstance(one, LocalFunction)
            or not isinstance(last := one.node.body[-1], ast.Return)
            or not last.value
        ):
            return None
        if len(one.node.body) - (ast.get_docstring(one.node) is not None) != 1:
            return None
        inner = self._evaluator.entered(one, node, scope) if isinstance(node, ast.Call) else one.scope
        return (last.value, inner) if inner else None

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
                question.of_version = question.of_version or asks_for_version(node)
                true, false = true | bit, false | bit
                doubt = doubt or question.of_version
            if not (question.depends or question.of_version):
                return self._either
        return Condition(true, false, doubt)


def _parsed(condition: ast.expr) -> ast.expr:
    """A condition, which pytest takes as text too."""
    if isinstance(condition, ast.Constant) and isinstance(condition.value, str):
        try:
            return ast.parse(condition.value, mode="eval").body
        except SyntaxError:
            pass
    return condition
