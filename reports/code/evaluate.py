"""What an expression of user code gives in a release, as far as that can be understood.

It is evaluated with the version of the release in the place of `torch.__version__`, through the code's own helpers
(`def is_torch_at_least(v): return parse(torch.__version__) >= parse(v)`), and nothing of it is run.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fixtures.releases import supported
from reports.code import versions
from reports.code.calls import Calls
from reports.code.syntax import names_in
from reports.code.values import Constant, Expression, LocalFunction, Name, Scope, Values
from reports.code.versions import Reference, TorchVersion, Unknown, speaks_of_version, truth

if TYPE_CHECKING:
    from reports.code.meanings import Meanings

_COMPARISONS: dict[type, Callable] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge, ast.Is: operator.is_, ast.IsNot: operator.is_not,
    ast.In: lambda one, other: one in other, ast.NotIn: lambda one, other: one not in other,
}  # fmt: skip
_ARITHMETIC: dict[type, Callable] = {
    ast.Add: operator.add, ast.Mult: operator.mul, ast.Div: operator.truediv, ast.Sub: operator.sub,
}  # fmt: skip
_DEEPEST = 30


@dataclass
class Question:
    """The release that is asked about, by its place, and what was seen on the way to the answer."""

    place: int = 0
    depends: bool = False  # the answer depends on the release
    of_version: bool = False  # it is about the version of torch


class Evaluator:
    """Answers questions, one at a time, a method for each kind of expression."""

    def __init__(self, meanings: Meanings) -> None:
        self.meanings = meanings
        self.known = meanings.known
        rows = supported()
        self._versions = [rows[one].torch if one in rows else f"{one}.0" for one in self.known.releases]
        self._answers: dict[tuple[Expression, int], tuple[object, Question]] = {}
        self.question = Question()
        self._depth = 0
        self._calls = Calls(self)

    def answer(self, question: Question, node: ast.expr, scope: Scope) -> object:
        """What an expression gives in the release of the question. Raises Unknown.

        It may be in the midst of another question: looking at a name may lead to a module that is yet to be walked.
        """
        outer, self.question = self.question, question
        try:
            return self.value(node, scope)
        finally:
            self.question = outer

    def value(self, node: ast.expr, scope: Scope) -> object:
        """What an expression gives in the release asked about. Raises Unknown."""
        evaluate = getattr(self, f"_{type(node).__name__}", None)
        if evaluate is None or self._depth > _DEEPEST:
            raise Unknown
        self._depth += 1
        try:
            return evaluate(node, scope)
        except Unknown:
            raise
        except Exception as error:  # the code's own mistake, in this release: `int("dev")`
            raise Unknown from error
        finally:
            self._depth -= 1

    def _Constant(self, node: ast.Constant, scope: Scope) -> object:
        return node.value

    def _Name(self, node: ast.Name, scope: Scope) -> object:
        values = self.meanings.resolve(node, scope)
        if not values and versions.is_builtin(node.id):
            return Reference(f"builtins.{node.id}")
        return self._here(values, node.id)

    def _Attribute(self, node: ast.Attribute, scope: Scope) -> object:
        values = self.meanings.resolve(node, scope)
        if any(value is not None for _, value in values):
            return self._here(values, node.attr)
        owner = self.value(node.value, scope)
        if isinstance(owner, Reference):
            return self.named(f"{owner.dotted}.{node.attr}")
        if isinstance(owner, dict) and node.attr == "parameters":  # of a signature
            return owner
        return versions.part(owner, node.attr)

    def _here(self, values: Values, word: str) -> object:
        """Of the values of a name, the one in the release asked about."""
        self.question.depends |= len(values) > 1
        for mask, value in values:
            if not mask >> self.question.place & 1:
                continue
            if isinstance(value, Constant):
                return value.value
            if isinstance(value, Expression):
                return self._bound_to(value)
            if isinstance(value, Name):
                return self.named(value.dotted)
            if isinstance(value, LocalFunction):
                return value
        self.question.of_version |= speaks_of_version(word)
        raise Unknown

    def _bound_to(self, value: Expression) -> object:
        """The value of an expression that a name is bound to, which many conditions may ask for."""
        key = (value, self.question.place)
        if key not in self._answers:
            question = Question(self.question.place)
            try:
                answer: object = self.answer(question, value.node, value.scope)
            except Unknown as error:
                answer = error
            self._answers[key] = (answer, question)
        answer, question = self._answers[key]
        self.question.depends |= question.depends
        self.question.of_version |= question.of_version
        if isinstance(answer, Unknown):
            raise Unknown
        return answer

    def named(self, dotted: str) -> object:
        """What is there by a dotted name. Raises Unknown."""
        if dotted in ("torch.__version__", "torch.version.__version__", "torch.torch_version.__version__"):
            return self.torch_version()
        if dotted.startswith("torch.") and not self.has(dotted):
            raise Unknown
        if not dotted.startswith("torch.") and speaks_of_version(dotted):
            self.question.of_version = True
        return Reference(dotted)

    def torch_version(self) -> TorchVersion:
        """The version of the release asked about."""
        self.question.of_version = self.question.depends = True
        return TorchVersion(self._versions[self.question.place])

    def has(self, dotted: str) -> bool:
        """Whether the release has a name of torch. Raises Unknown where no release has it."""
        having = self.known.having(dotted)
        if not having:
            raise Unknown
        self.question.depends = self.question.depends or having != self.known.all
        return bool(having >> self.question.place & 1)

    def _Tuple(self, node: ast.Tuple, scope: Scope) -> object:
        return tuple(self.value(one, scope) for one in node.elts)

    def _List(self, node: ast.List, scope: Scope) -> object:
        return [self.value(one, scope) for one in node.elts]

    def _UnaryOp(self, node: ast.UnaryOp, scope: Scope) -> object:
        value = self.value(node.operand, scope)
        return not truth(value) if isinstance(node.op, ast.Not) else -value  # type: ignore[operator]

    def _BoolOp(self, node: ast.BoolOp, scope: Scope) -> object:
        is_and = isinstance(node.op, ast.And)
        unknown, answer = False, None
        for one in node.values:
            try:
                answer = self.value(one, scope)
                if truth(answer) != is_and:
                    return answer  # it decides, whatever the others are
            except Unknown:
                unknown = True
        if unknown:
            raise Unknown
        return answer

    def _IfExp(self, node: ast.IfExp, scope: Scope) -> object:
        return self.value(node.body if truth(self.value(node.test, scope)) else node.orelse, scope)

    def _Compare(self, node: ast.Compare, scope: Scope) -> object:
        left = self.value(node.left, scope)
        for how, right_node in zip(node.ops, node.comparators):
            right = self.value(right_node, scope)
            is_of_none = isinstance(how, (ast.Is, ast.IsNot)) and (left is None or right is None)
            if not is_of_none and (isinstance(left, Reference) or isinstance(right, Reference)):
                raise Unknown
            if not _COMPARISONS[type(how)](left, right):
                return False
            left = right
        return True

    def _BinOp(self, node: ast.BinOp, scope: Scope) -> object:
        left, right = self.value(node.left, scope), self.value(node.right, scope)
        how = _ARITHMETIC.get(type(node.op))
        if how is None or not isinstance(left, (int, float, str, tuple, list)):
            raise Unknown
        if isinstance(node.op, ast.Mult) and not isinstance(left, (int, float)):
            raise Unknown
        return how(left, right)

    def _Subscript(self, node: ast.Subscript, scope: Scope) -> object:
        value = self.value(node.value, scope)
        if isinstance(node.slice, ast.Slice):
            ends = (node.slice.lower, node.slice.upper, node.slice.step)
            return value[slice(*(None if end is None else self.value(end, scope) for end in ends))]  # type: ignore[index]
        return value[self.value(node.slice, scope)]  # type: ignore[index]

    def _GeneratorExp(self, node: ast.GeneratorExp | ast.ListComp, scope: Scope) -> object:
        if len(node.generators) != 1:
            raise Unknown
        loop = node.generators[0]
        found = []
        for one in self.value(loop.iter, scope):  # type: ignore[attr-defined]
            inner = self.inner(scope, dict.fromkeys(names_in(loop.target), one))
            if all(truth(self.value(test, inner)) for test in loop.ifs):
                found.append(self.value(node.elt, inner))
        return found

    _ListComp = _GeneratorExp

    def _Call(self, node: ast.Call, scope: Scope) -> object:
        return self._calls.value(node, scope)

    def inner(self, scope: Scope, names: dict[str, object]) -> Scope:
        """A scope in which some names have these values."""
        everywhere = self.known.all
        bound: dict[str, Values] = {name: ((everywhere, Constant(value)),) for name, value in names.items()}
        return Scope("function", scope.module, scope, names=bound, ever=bound)
