"""What an expression of user code gives in a release, as far as that can be understood.

It is evaluated with the version of the release in the place of `torch.__version__`, through the code's own helpers
(`def is_torch_at_least(v): return parse(torch.__version__) >= parse(v)`), and nothing of it is run.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from packaging.specifiers import SpecifierSet

from torchproof.reports.code.answers import (  # fmt: skip
    OF_TEXT,
    Closure,
    Python,
    Reference,
    Unknown,
    combined,
    compared,
    is_builtin,
    of_match,
    of_text,
    truth,
)
from torchproof.reports.code.comparisons import Comparisons, Sides
from torchproof.reports.code.meanings import Meanings
from torchproof.reports.code.results import is_property
from torchproof.reports.code.syntax import (
    Methods,
    defaults_by_name,
    exceptions,
    failures,
    imported,
    names_in,
    places,
    word,
)
from torchproof.reports.code.values import (  # fmt: skip
    Constant,
    Expression,
    Instance,
    LocalClass,
    LocalFunction,
    Name,
    Scope,
    Value,
    Values,
)
from torchproof.reports.code.versions import (
    Question,
    asks_for_version,
    asks_inside,
    asks_what_is_there,
    part,
    speaks_of_version,
)

_DEEPEST = 30
_LONGEST = 20_000  # steps to one answer: helpers that call themselves, or one another, may have no end of paths
_PLAIN = (bool, float, int, str, type(None))
Given = TypeVar("Given")


class Evaluator:
    """Answers questions, one at a time, a method for each kind of expression."""

    def __init__(self, meanings: Meanings) -> None:
        self.meanings = meanings
        self.known = meanings.known
        self.question = Question(self.known)
        self.comparisons = Comparisons(self.known)
        self._answers: dict[tuple[object, ...], tuple[Any, Question]] = {}
        self._depth = 0

    def answer(self, question: Question, node: ast.expr, scope: Scope) -> Any:
        """What an expression gives in the release of the question. Raises Unknown.

        It may be in the midst of another question: looking at a name may lead to a module that is yet to be walked.
        """
        return self._asked(question, lambda: self.value(node, scope))

    def _asked(self, question: Question, asks: Callable[[], Given]) -> Given:
        outer, self.question = self.question, question
        try:
            return asks()
        finally:
            self.question = outer

    def value(self, node: ast.expr, scope: Scope) -> Any:
        """What an expression gives in the release asked about. Raises Unknown."""
        evaluate = _METHODS[type(node)]
        if evaluate is None or self._depth > _DEEPEST or self.question.steps > _LONGEST:
            raise Unknown
        self._depth += 1
        self.question.steps += 1
        try:
            return evaluate(self, node, scope)
        except Unknown:
            raise
        except Exception as error:  # the code's own mistake, in this release: `int("dev")`
            raise Unknown from error
        finally:
            self._depth -= 1

    def entered(self, function: LocalFunction, node: ast.Call, scope: Scope) -> Scope | None:
        """The scope inside a function that is called with arguments that the code shows."""
        try:
            return self._asked(Question(self.known), lambda: self.inside(function, node, scope))
        except Unknown:
            return None

    # Names

    def _Constant(self, node: ast.Constant, scope: Scope) -> Any:
        return node.value

    def _Name(self, node: ast.Name, scope: Scope) -> Any:
        values = self.meanings.lookup(scope, node.id)
        if not values and is_builtin(node.id):
            return Reference(f"builtins.{node.id}")
        return self._here(values, node.id)

    def _Attribute(self, node: ast.Attribute, scope: Scope) -> Any:
        values = self.meanings.resolve(node, scope)
        if any(value is not None for _, value in values):
            return self._here(values, node.attr)
        if getter := self._getter(node, scope):
            return self._inlined(getter, ast.Call(node, [], []), scope)
        owner = self.value(node.value, scope)
        if isinstance(owner, Reference):
            return self.question.named(f"{owner.dotted}.{node.attr}")
        if isinstance(owner, dict) and node.attr in ("parameters", "args", "kwonlyargs"):  # of a signature
            return owner
        if isinstance(owner, Python):
            return self.question.named(f"sys.version_info.{node.attr}")
        return part(owner, node.attr)

    def _getter(self, node: ast.Attribute, scope: Scope) -> LocalFunction | None:
        """What a property of a class of the code runs."""
        values = self.meanings.resolve(node.value, scope)
        one = values[0][1] if len(values) == 1 else None
        cls = one.of if isinstance(one, Instance) else None
        function = (
            cls.methods.get(node.attr) if isinstance(cls, LocalClass) and cls.stores.get(node.attr) == 1 else None
        )
        return function if function and is_property(function) else None

    def _here(self, values: Values, word: str) -> Any:
        """What a name gives of whose values one is in the release asked about."""
        self.question.depends |= len(values) > 1
        value = self.question.among(values)
        if isinstance(value, Constant):
            return value.value
        if isinstance(value, Expression):
            try:
                return self._bound_to(value)
            except Unknown:
                self.question.of_version |= speaks_of_version(word) or asks_for_version(value.node)
                raise
        if isinstance(value, Name):
            return self.question.named(value.dotted)
        if isinstance(value, LocalFunction):
            return value
        self.question.of_version |= speaks_of_version(word)
        raise Unknown

    def _bound_to(self, value: Expression) -> Any:
        """The value of an expression that a name is bound to. Raises Unknown."""
        return self._once((value,), lambda: self.value(value.node, value.scope))

    def _once(self, of: tuple[object, ...], asks: Callable[[], Any]) -> Any:
        """The answer of this release to what many conditions may ask, worked out for the first. Raises Unknown."""
        key = (*of, self.question.place)
        if key not in self._answers:
            question = Question(self.known, self.question.place)
            question.steps = self.question.steps
            try:
                answer = self._asked(question, asks)
            except Unknown:
                answer = Unknown  # not the error itself, which holds all that was looked at on the way
            self.question.steps = question.steps
            self._answers[key] = (answer, question)
        answer, question = self._answers[key]
        self.question.depends |= question.depends
        self.question.of_version |= question.of_version
        if answer is Unknown:
            raise Unknown
        return answer

    def _Lambda(self, node: ast.Lambda, scope: Scope) -> Any:
        return Closure(node, scope)

    # Operators

    def _Tuple(self, node: ast.Tuple, scope: Scope) -> Any:
        return tuple(self.value(one, scope) for one in node.elts)

    def _List(self, node: ast.List, scope: Scope) -> Any:
        return [self.value(one, scope) for one in node.elts]

    def _Set(self, node: ast.Set, scope: Scope) -> Any:
        return tuple(self.value(one, scope) for one in node.elts)

    def _Dict(self, node: ast.Dict, scope: Scope) -> Any:
        if None in node.keys:  # another one is unpacked
            raise Unknown
        return {self.value(key, scope): self.value(one, scope) for key, one in zip(node.keys, node.values) if key}

    def _JoinedStr(self, node: ast.JoinedStr, scope: Scope) -> Any:
        return "".join(str(self.value(one, scope)) for one in node.values)

    def _FormattedValue(self, node: ast.FormattedValue, scope: Scope) -> Any:
        value = self.value(node.value, scope)
        if node.format_spec or not isinstance(value, (str, int)):
            raise Unknown
        return value

    def _UnaryOp(self, node: ast.UnaryOp, scope: Scope) -> Any:
        value = self.value(node.operand, scope)
        return not truth(value) if isinstance(node.op, ast.Not) else -value

    def _BoolOp(self, node: ast.BoolOp, scope: Scope) -> Any:
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

    def _IfExp(self, node: ast.IfExp, scope: Scope) -> Any:
        return self.value(node.body if truth(self.value(node.test, scope)) else node.orelse, scope)

    def _Compare(self, node: ast.Compare, scope: Scope) -> Any:
        left = self.value(node.left, scope)
        for how, right_node in zip(node.ops, node.comparators):
            right = self.value(right_node, scope)
            answer = compared(left, how, right)
            self._compares(node, scope, (left, type(how), right), answer)
            if not answer:
                return False
            left = right
        return True

    def _compares(self, node: ast.expr, scope: Scope, sides: Sides, answer: object) -> None:
        if self.question.of_version:
            self.comparisons.note(node, scope.module, self.question.place, sides, answer)

    def _BinOp(self, node: ast.BinOp, scope: Scope) -> Any:
        left, right = self.value(node.left, scope), self.value(node.right, scope)
        return combined(left, node.op, right)

    def _Subscript(self, node: ast.Subscript, scope: Scope) -> Any:
        value = self.value(node.value, scope)
        if isinstance(value, Python):
            return self._of_python(value, node.slice)
        if isinstance(node.slice, ast.Slice):
            ends = (node.slice.lower, node.slice.upper, node.slice.step)
            return value[slice(*(None if end is None else self.value(end, scope) for end in ends))]
        return value[self.value(node.slice, scope)]

    def _of_python(self, python: Python, key: ast.expr) -> Any:
        """`sys.version_info[0]` is known, and `sys.version_info[:2]` as much as all of it."""
        if isinstance(key, ast.Slice) and key.lower is None:
            return python
        if isinstance(key, ast.Constant) and key.value == 0:
            return self.question.named("sys.version_info.major")
        raise Unknown

    def _GeneratorExp(self, node: ast.GeneratorExp | ast.ListComp, scope: Scope) -> Any:
        if len(node.generators) != 1:
            raise Unknown
        loop = node.generators[0]
        found = []
        for one in self.value(loop.iter, scope):
            inner = self._inner(scope, dict.fromkeys(names_in(loop.target), one))
            if all(truth(self.value(test, inner)) for test in loop.ifs):
                found.append(self.value(node.elt, inner))
        return found

    _ListComp = _GeneratorExp

    def _inner(self, scope: Scope, names: dict[str, Any]) -> Scope:
        """A scope in which some names have these values."""
        bound = self._everywhere({name: Constant(value) for name, value in names.items()})
        return Scope("function", scope.module, scope, names=bound, ever=bound)

    def _everywhere(self, names: dict[str, Value]) -> dict[str, Values]:
        return {name: ((self.known.all, value),) for name, value in names.items()}

    # Calls: of helpers of the code itself, of built-ins and of known libraries

    def _Call(self, node: ast.Call, scope: Scope) -> Any:
        func = node.func
        if isinstance(func, ast.Name) and func.id in ("hasattr", "getattr") and not self.meanings.resolve(func, scope):
            return self._hasattr(func.id, node.args, scope)
        if isinstance(func, ast.Attribute) and func.attr in OF_TEXT:
            try:
                text = self.value(func.value, scope)
            except Unknown:
                if all(value is None for _, value in self.meanings.resolve(func, scope)):
                    raise  # or all of it would be asked twice, and each part of it again
                text = None
            if isinstance(text, str):
                given = [self.value(one, scope) for one in node.args]
                answer = of_text(text, func.attr, given)
                if func.attr == "startswith":
                    self._compares(node, scope, (str(text), str.startswith, given[0]), answer)
                return answer
        if isinstance(func, ast.Attribute) and func.attr in ("keys", "contains", "group", "groups", "groupdict"):
            return self._method(self.value(func.value, scope), func.attr, node.args, scope)
        called = self.value(func, scope)
        if isinstance(called, (LocalFunction, Closure)):
            return self._inlined(called, node, scope)
        if isinstance(called, Reference):
            return self._library(called.dotted, node.args, scope)
        raise Unknown

    def _method(self, owner: Any, word: str, args: list[ast.expr], scope: Scope) -> Any:
        """What a method gives of the few kinds of objects that conditions ask."""
        given = [self.value(one, scope) for one in args]
        if isinstance(owner, dict) and word == "keys":
            return owner
        if isinstance(owner, SpecifierSet) and word == "contains":
            return owner.contains(str(given[0]))
        if isinstance(owner, re.Match):
            return of_match(owner, word, given)
        raise Unknown

    def _hasattr(self, word: str, args: list[ast.expr], scope: Scope) -> Any:
        """`hasattr(torch, "x")`, and `getattr(torch, "x", None)` as far as its truth goes."""
        owners = self.meanings.resolve(args[0], scope)
        name = self.question.among(self.meanings.member(owners, str(self.value(args[1], scope))))
        if not (isinstance(name, Name) and name.is_torch):
            raise Unknown
        has = self.question.has(name.dotted)
        if word == "hasattr":
            return has
        return self.question.named(name.dotted) if has or len(args) < 3 else self.value(args[2], scope)

    def _library(self, dotted: str, args: list[ast.expr], scope: Scope) -> Any:
        """A call of something that is not in this code."""
        if dotted in ("inspect.signature", "inspect.getfullargspec"):
            self.question.of_version = True
            return self.question.parameters(self.meanings.resolve(args[0], scope))
        try:
            return self.question.called(dotted, [self.value(one, scope) for one in args])
        except Unknown:
            name = dotted.rpartition(".")[2]
            self.question.of_version |= speaks_of_version(name) or asks_what_is_there(name)
            raise

    def _inlined(self, function: LocalFunction | Closure, node: ast.Call, scope: Scope) -> Any:
        """A call of a helper of the code itself: its statements with these arguments."""
        if isinstance(function, Closure):
            return self.value(function.node.body, self.inside(function, node, scope))
        try:
            answer = self._answered(function, self.inside(function, node, scope))
        except Unknown:
            self.question.of_version |= speaks_of_version(function.node.name) or asks_inside(
                function.node, self.question.known
            )
            raise
        return answer[0] if answer else None

    def _answered(self, function: LocalFunction, inner: Scope) -> list[Any]:
        """What a helper returns that is given plain values: once its file was walked, the same whenever it is asked."""
        given = [(name, one.value) for name, ((_, one),) in inner.names.items() if isinstance(one, Constant)]
        is_lasting = function.scope.kind != "function" and function.scope.module.is_walked
        if not is_lasting or not all(type(value) in _PLAIN for _, value in given):
            return self._returned(function.node.body, inner)
        key = (function, *((name, type(value), value) for name, value in given))
        return self._once(key, lambda: self._returned(function.node.body, inner))

    def inside(self, function: LocalFunction | Closure, node: ast.Call, scope: Scope) -> Scope:
        """The scope inside a helper where it is called so. Raises Unknown."""
        named = {one.arg: self.value(one.value, scope) for one in node.keywords if one.arg}
        wanted = function.node.args
        is_bound = (
            isinstance(function, LocalFunction)
            and function.of is not None
            and "staticmethod" not in map(word, function.node.decorator_list)
        )
        names = [one.arg for one in (*wanted.posonlyargs, *wanted.args)][is_bound:]
        given = {name: self.value(one, scope) for name, one in zip(names, node.args)}
        if wanted.vararg:
            given[wanted.vararg.arg] = tuple(self.value(one, scope) for one in node.args[len(names) :])
        given.update(named)
        for name, default in defaults_by_name(wanted).items():
            if name not in given:
                given[name] = self.value(default, function.scope)
        return self._inner(function.scope, given)

    def _returned(self, body: list[ast.stmt], scope: Scope) -> list[Any]:
        """What statements return, in a list; an empty one where they come to their end."""
        for place, node in enumerate(body):
            if isinstance(node, ast.Return):
                return [self.value(node.value, scope) if node.value else None]
            if isinstance(node, ast.If):
                after = body[place + 1 :]
                try:
                    chosen = node.body if truth(self.value(node.test, scope)) else node.orelse
                except Unknown:
                    answers = [self._returned([*path, *after], scope) for path in (node.body, node.orelse)]
                    if answers[0] != answers[1]:
                        raise
                    return answers[0]
                return self._returned([*chosen, *after], scope)
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                scope.names.update(self._everywhere(self.meanings.project.imports(node, scope.module)))
            elif isinstance(node, ast.Assign) and len(node.targets) == 1:
                for name, value in _apart(node.targets[0], self.value(node.value, scope)):
                    scope.names.update(self._everywhere({name: Constant(value)}))
            elif isinstance(node, ast.Try) and not node.finalbody:
                if answer := self._returned(self._taken(node), scope):
                    return answer
            elif not isinstance(node, (ast.Expr, ast.Pass)):
                raise Unknown
        return []

    def _taken(self, node: ast.Try) -> list[ast.stmt]:
        """What runs of a `try`: the handler, where the release lacks something that is imported first."""
        imports = [one for one in node.body if isinstance(one, (ast.Import, ast.ImportFrom))]
        names = [name for one in imports for name in imported(one) if Name(name).is_torch]
        if names and not all(map(self.question.has, names)):
            for handler in node.handlers:
                if handler.type is None or "import" in failures(exceptions([handler.type])):
                    return handler.body
            raise Unknown
        return [*node.body, *node.orelse]


_METHODS = Methods(Evaluator)


def _apart(target: ast.expr, value: Any) -> Iterator[tuple[str, Any]]:
    """What each name left of the sign gets of a value: `major, minor, *rest = …`. Raises Unknown."""
    if isinstance(target, ast.Name):
        yield target.id, value
        return
    if not isinstance(target, (ast.Tuple, ast.List)) or not isinstance(value, (tuple, list)):
        raise Unknown
    for place, one in places(target.elts):
        for given in value[place : place + 1 or None] if place is not None else ():
            yield from _apart(one, given)
