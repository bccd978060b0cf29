"""Statements, in the order in which they run: what they bind, where they fork, and where they end."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from copy import copy
from itertools import chain

from torchproof.reports.code.expressions import Expressions
from torchproof.reports.code.syntax import (
    defaults,
    exceptions,
    failures,
    names_bound,
    names_in,
    parameters,
    stores,
    word,
)
from torchproof.reports.code.values import (  # fmt: skip
    Condition,
    Deferred,
    Expression,
    Instance,
    LocalClass,
    LocalFunction,
    Name,
    OneOf,
    Scope,
    Value,
    Values,
)
from torchproof.reports.code.versions import is_about_version

_SKIPS = {"skipif": True, "skipIf": True, "skipUnless": False}  # whether a true condition skips
_HELPER = 10  # statements


class Statements:
    """Walks statements of one module or function, a method for each kind that is special."""

    def __init__(self, expressions: Expressions) -> None:
        self.expressions = expressions
        self.sightings = expressions.sightings
        self.guards = expressions.guards
        self.meanings = expressions.meanings
        self.project = expressions.meanings.project
        self.state = expressions.state
        self.annotations_are_text = self.state.scope.kind == "function"
        self.returning = 0  # the releases in which a function comes to an end without raising

    def walk(self, body: list[ast.stmt]) -> None:
        """Walk statements in their order."""
        for node in body:
            getattr(self, f"_{type(node).__name__}", self.expressions.below)(node)

    # Statements that bind names

    def _Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self.sightings.imported(self.project.absolute(alias.name, self.state.module), node)
        for name, value in self.project.imports(node, self.state.module).items():
            self.state.bind(name, ((self.state.everywhere, value),))

    def _ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.module == "__future__":
            self.annotations_are_text |= any(alias.name == "annotations" for alias in node.names)
            return
        for alias in node.names:
            if alias.name == "*":
                self.state.module.scope.stars.append(self.project.starred(node, self.state.module))
                continue
            value = self.project.imported(node, alias.name, self.state.module)
            self.sightings.imported(value, node)
            self.state.bind(alias.asname or alias.name, ((self.state.everywhere, value),))

    def _Assign(self, node: ast.Assign) -> None:
        self.expressions.walk(node.value)
        for target in node.targets:
            self.expressions.assign(target, node.value)

    def _AnnAssign(self, node: ast.AnnAssign) -> None:
        self._annotation(node.annotation)
        if node.value:
            self.expressions.walk(node.value)
        values = self.meanings.annotated(node.annotation, self.state.scope)
        if node.value and (not values or values[0][1] is None):
            self.expressions.assign(node.target, node.value)
        else:
            self.expressions.store(node.target, values)

    def _AugAssign(self, node: ast.AugAssign) -> None:
        self.expressions.walk(node.value)
        if not isinstance(node.target, ast.Name):
            self.expressions.walk(node.target)
        self.expressions.store(node.target, ())

    def _Delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            self.expressions.store(target, ())
            if isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
                self.expressions.forget_items(target.value.id)

    def _FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        releases, doubt = self._decorated(node)
        for default in defaults(node.args):
            self.expressions.walk(default)
        for one in chain(*parameters(node.args)):
            if one.annotation:
                self._annotation(one.annotation)
        if node.returns:
            self._annotation(node.returns)
        of = self.state.cls if self.state.scope.kind == "class" else None
        function = LocalFunction(_head(node), self.state.scope, of, self.state.inside)
        self.state.bind(node.name, ((self.state.everywhere, function),))
        if of:
            of.methods[node.name] = function
        if not self.state.is_typing:
            self.state.module.deferred.append(Deferred(function, node.body, releases, doubt))

    _AsyncFunctionDef = _FunctionDef

    def _annotation(self, node: ast.expr) -> None:
        if not self.annotations_are_text and self.state.scope.kind != "function":
            self.expressions.walk(node)

    def _decorated(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> tuple[int, bool]:
        """Walk the decorators: in which releases they let a function run, and whether that is in doubt."""
        releases, doubt = self.state.releases, self.state.doubt
        for decorator in node.decorator_list:
            self.state.decorates = True
            self.expressions.walk(decorator)
            self.state.decorates = False
            condition = self._skips(decorator)
            releases, doubt = releases & condition.false, doubt or condition.doubt
        return releases, doubt

    def _skips(self, decorator: ast.expr) -> Condition:
        """When a decorator keeps a test from running: `@pytest.mark.skipif(version < …)`."""
        if isinstance(decorator, ast.Call) and decorator.args and (name := word(decorator.func)) in _SKIPS:
            condition = self.guards.condition(decorator.args[0], self.state.scope)
            return condition if _SKIPS[name] else ~condition
        return Condition(0, self.state.everywhere, is_about_version(decorator))

    def _ClassDef(self, node: ast.ClassDef) -> None:
        inner = self._decorated(node)
        for one in (*node.bases, *(keyword.value for keyword in node.keywords)):
            self.expressions.walk(one)
        bases = [one.value if isinstance(one, ast.Subscript) else one for one in node.bases]
        cls = LocalClass(node.name, tuple(self._base(one) for one in bases), *stores(node))
        self.sightings.notes.note_class(cls, filter(None, map(word, bases)))
        around, of, before = self.state.scope, self.state.cls, (self.state.releases, self.state.doubt)
        self.state.scope, self.state.cls = Scope("class", self.state.module, around), cls
        self.state.releases, self.state.doubt = inner
        start = len(self.state.module.deferred)
        self.walk(node.body)
        cls.values.update(self._class_attributes(cls))
        methods = self.state.module.deferred[start:]  # what __init__ assigns is known in the others
        self.state.module.deferred[start:] = sorted(methods, key=lambda one: one.function.node.name != "__init__")
        self.state.scope, self.state.cls = around, of
        self.state.releases, self.state.doubt = before
        self.state.bind(node.name, ((self.state.everywhere, cls),))

    def _class_attributes(self, cls: LocalClass) -> Iterator[tuple[str, Values]]:
        """What a class says it works with: classes of torch, and tables: `optimizer_class = torch.optim.Adam`."""
        for name, values in self.state.scope.names.items():
            if cls.stores.get(name) == 1 and all(self._is_told(value) for _, value in values):
                yield name, values

    def _is_told(self, value: Value) -> bool:
        if isinstance(value, Name):
            return value.is_torch and self.meanings.known.kind(value.dotted) == "class"
        return isinstance(value, OneOf) or (
            isinstance(value, Expression) and isinstance(value.node, (ast.Dict, ast.List, ast.Tuple))
        )

    def _base(self, node: ast.expr) -> Values:
        values = self.meanings.resolve(node, self.state.scope)
        if not values and isinstance(node, ast.Name) and node.id == "object":
            return ((self.state.everywhere, Name("object")),)
        return values or self.state.unknown

    # Statements that fork

    def _If(self, node: ast.If) -> None:
        if word(node.test) == "TYPE_CHECKING":
            self.state.is_typing, before = True, self.state.is_typing
            self.walk(node.body)
            self.state.is_typing = before
            self.walk(node.orelse)
            return
        self.expressions.walk(node.test)
        condition = self.guards.condition(node.test, self.state.scope)
        self._fork([(condition.true, node.body), (condition.false, node.orelse)], condition.doubt)

    def _fork(self, paths: list[tuple[int, list[ast.stmt]]], doubt: bool) -> None:
        """Walk paths of which one is taken, and go on with what they agree on."""
        names, releases, before = self.state.scope.names, self.state.releases, self.state.doubt
        ends = []
        ended = False
        for mask, body in paths:
            self.state.scope.names = dict(names)
            self.state.releases, self.state.doubt = releases & mask, before or doubt
            self.walk(body)
            ended = ended or (not self.state.releases and bool(releases & mask))
            ends.append((self.state.releases, self.state.scope.names))
            before = before or (self.state.doubt and not doubt)
        self.state.join(ends)
        # What stands after `if not_understood: return` is as doubtful as the condition.
        self.state.doubt = before or (doubt and ended)

    def _For(self, node: ast.For | ast.AsyncFor) -> None:
        self.expressions.walk(node.iter)
        elements = self.meanings.tables.elements(node.iter, self.state.scope)
        self._loop([*names_in(node.target)], node, elements)

    _AsyncFor = _For

    def _While(self, node: ast.While) -> None:
        self._loop([], node)

    def _loop(
        self, targets: list[str], node: ast.For | ast.AsyncFor | ast.While, elements: Sequence[Values] = ()
    ) -> None:
        """What the body binds may come from the round before, and may not have been bound at all."""
        for name in {*targets, *names_bound(node.body)}:
            if name in self.state.scope.names:
                self.state.bind(name, self.state.unknown)
        if len(elements) != len(targets):
            elements = [self.state.unknown] * len(targets)
        for name, values in zip(targets, elements):
            self.state.bind(name, values or self.state.unknown)
        mask = self.state.everywhere
        if isinstance(node, ast.While):
            self.expressions.walk(node.test)
            mask = self.guards.condition(node.test, self.state.scope).true
        self._fork([(mask, node.body), (self.state.everywhere, [])], False)
        self.walk(node.orelse)

    def _With(self, node: ast.With | ast.AsyncWith) -> None:
        before, handled = self.state.caught, self.state.handled
        for item in node.items:
            self.expressions.walk(item.context_expr)
            if item.optional_vars:
                self.expressions.store(item.optional_vars, self._entered(item.context_expr))
            if isinstance(item.context_expr, ast.Call) and word(item.context_expr.func) in ("suppress", "raises"):
                self.state.handled |= exceptions(item.context_expr.args)
            if isinstance(item.context_expr, ast.Call) and word(item.context_expr.func) == "suppress":
                self.state.caught |= failures(item.context_expr.args)
        if self.state.caught == before:
            self.walk(node.body)
        else:
            releases = self.state.releases
            self._fork([(self.state.everywhere, node.body), (self.state.everywhere, [])], False)
            self.state.releases = releases
        self.state.caught, self.state.handled = before, handled

    _AsyncWith = _With

    def _entered(self, node: ast.expr) -> Values:
        """Context managers of torch give themselves, if anything."""
        values = self.meanings.resolve(node, self.state.scope)
        return values if all(isinstance(value, Instance) for _, value in values) else ()

    def _Try(self, node: ast.Try) -> None:
        outer, outer_failing = self.state.caught, self.state.failing
        names, releases = dict(self.state.scope.names), self.state.releases
        handlers = [one for one in node.handlers if not (one.body and isinstance(one.body[-1], ast.Raise))]
        caught = frozenset().union(*(failures([one.type] if one.type else []) for one in handlers))
        handled = self.state.handled
        self.state.caught, self.state.failing = outer | caught, 0
        self.state.handled |= exceptions([one.type for one in node.handlers if one.type])
        self.walk(node.body)
        self.state.handled = handled
        fails = releases & self.state.failing if caught and self._may_only_fail_for_torch(node.body) else releases
        after_body = dict(self.state.scope.names)
        self.state.caught, self.state.failing = outer, outer_failing
        self.walk(node.orelse)
        ends = [(self.state.releases, self.state.scope.names)]
        for handler in node.handlers:
            starts = [(releases, dict(after_body))]
            if fails == releases:  # it may have failed anywhere
                starts.append((releases, names))
            self.state.join(starts)
            self.state.releases = fails
            if handler.type:
                self.expressions.walk(handler.type)
            if handler.name:
                self.state.bind(handler.name, self.state.unknown)
            self.walk(handler.body)
            ends.append((self.state.releases, self.state.scope.names))
        self.state.join(ends)
        self.walk(node.finalbody)

    _TryStar = _Try

    def _may_only_fail_for_torch(self, body: list[ast.stmt]) -> bool:
        """Whether nothing but names of torch is asked for, so that a failure says that one is not there."""
        is_own = self.project.module(self.state.module.root, "torch") is not None
        for node in body:
            if isinstance(node, ast.ImportFrom):
                if node.level or not Name(node.module or "").is_torch or is_own:
                    return False
            elif isinstance(node, ast.Import):
                if not all(Name(alias.name).is_torch for alias in node.names):
                    return False
            elif isinstance(node, (ast.Assign, ast.Expr)):
                if not isinstance(node.value, ast.Constant):
                    values = self.meanings.resolve(node.value, self.state.scope)
                    if isinstance(node.value, ast.Call) or not _all_torch(values):
                        return False
            elif not isinstance(node, ast.Pass):
                return False
        return True

    def _Match(self, node: ast.Match) -> None:
        self.expressions.walk(node.subject)
        for case in node.cases:
            for name in names_bound([case]):
                self.state.bind(name, self.state.unknown)
        self._fork([(self.state.everywhere, case.body) for case in node.cases] + [(self.state.everywhere, [])], False)

    # Statements that end a path

    def _Return(self, node: ast.Return) -> None:
        self.expressions.below(node)
        self.returning |= self.state.releases
        self.state.releases = 0

    def _Continue(self, node: ast.stmt) -> None:
        self.state.releases = 0

    _Break = _Continue

    def _Raise(self, node: ast.Raise) -> None:
        self.expressions.below(node)
        self.sightings.refused(self.state.releases, node)
        self.state.releases = 0

    def _Assert(self, node: ast.Assert) -> None:
        self.expressions.walk(node.test)
        condition = self.guards.condition(node.test, self.state.scope)
        self.sightings.refused(self.state.releases & ~condition.true, node)
        self.state.releases &= condition.true


def _head(node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.FunctionDef | ast.AsyncFunctionDef:
    """A function as it is remembered: without its body where that is too long to be a helper of conditions."""
    if len(node.body) <= _HELPER:
        return node
    head = copy(node)
    head.body = [ast.Raise()]
    return head


def _all_torch(values: Values) -> bool:
    return bool(values) and all(isinstance(value, Name) and value.is_torch for _, value in values)
