"""Statements, in the order in which they run: what they bind, where they fork, and where they end."""

from __future__ import annotations

import ast
from copy import copy
from itertools import chain

from torchproof.reports.code.chains import branches, cases, looped
from torchproof.reports.code.expressions import Expressions
from torchproof.reports.code.syntax import (
    EXPECTS,
    Methods,
    defaults,
    exceptions,
    failures,
    fields,
    names_bound,
    nodes,
    parameters,
    stores,
    word,
)
from torchproof.reports.code.tables import is_container
from torchproof.reports.code.values import (  # fmt: skip
    CONSTRUCTORS,
    NOTHING,
    Condition,
    Deferred,
    Expression,
    Fields,
    Instance,
    LocalClass,
    LocalFunction,
    Name,
    Scope,
    Values,
    within,
)

# Calls after which nothing runs.
_ENDS = {"os._exit", "os.abort", "pytest.exit", "pytest.fail", "pytest.skip", "pytest.xfail", "sys.exit"}
_HELPER = 10  # statements
_LEAVE = (ast.Break, ast.Continue, ast.Raise, ast.Return)
_ANYTHING = ast.Name("BaseException")  # what a handler without a type is for
_GUARD = 3  # statements that are tried for what some releases do not have, whatever else may fail in them


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
        self.marked = Condition(0, self.state.everywhere)  # by the `pytestmark` around
        self.returning = 0  # the releases in which a function comes to an end without raising
        self.returned: list[Values] = []  # what it gives then
        self.refused = 0  # the releases for which alone something is raised

    def walk(self, body: list[ast.stmt]) -> None:
        """Walk statements in their order."""
        for place, node in enumerate(body):
            if isinstance(node, ast.If):
                self.expressions.asked(branches(body[place:]))
            _METHODS[type(node)](self, node)

    def below(self, node: ast.stmt) -> None:
        """Find the uses in a statement of which no more is to be known."""
        self.expressions.below(node)

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
            if isinstance(target, ast.Name) and target.id == "pytestmark":
                self.marked = self.guards.skips(node.value, self.state.scope)

    def _AnnAssign(self, node: ast.AnnAssign) -> None:
        self._annotation(node.annotation)
        if node.value:
            self.expressions.walk(node.value)
        values = self.meanings.annotated(node.annotation, self.state.scope)
        if self.state.scope.cls and isinstance(values[0][1], Instance) and isinstance(node.target, ast.Name):
            self.state.scope.cls.declared[node.target.id] = values
        if node.value and (not values or values[0][1] is None):
            self.expressions.assign(node.target, node.value)
        elif node.value and is_container(node.value):  # what it holds, and what its annotation says of that
            table = Expression(node.value, self.state.scope, values)
            self.expressions.store(node.target, ((self.state.everywhere, table),))
        else:
            self.expressions.store(node.target, values)

    def _AugAssign(self, node: ast.AugAssign) -> None:
        self.expressions.walk(node.value)
        if not isinstance(node.target, ast.Name):
            self.expressions.walk(node.target)
        operands = (self.meanings.object(one, self.state.scope) for one in (node.target, node.value))
        self.expressions.store(node.target, self.meanings.operated(*operands))

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
            function.waiting = Deferred(function, node.body, releases, doubt)
            self.state.module.deferred.append(function.waiting)

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
            condition = self.guards.skips(decorator, self.state.scope)
            releases, doubt = releases & condition.false, doubt or condition.doubt
        return releases & self.marked.false, doubt or self.marked.doubt

    def _ClassDef(self, node: ast.ClassDef) -> None:
        inner = self._decorated(node)
        for one in (*node.bases, *(keyword.value for keyword in node.keywords)):
            self.expressions.walk(one)
        bases = [one.value if isinstance(one, ast.Subscript) else one for one in node.bases]
        cls = LocalClass(
            node.name, tuple(self._base(one) for one in bases), *stores(node), self.state.module.place(node.lineno)
        )
        cls.fields = self._fields(node, cls)
        self.sightings.notes.note_class(cls, filter(None, map(word, bases)))
        around, of, before = self.state.scope, self.state.cls, (self.state.releases, self.state.doubt)
        self.state.scope, self.state.cls = Scope("class", self.state.module, around, cls=cls), cls
        self.state.releases, self.state.doubt = inner
        start = len(self.state.module.deferred)
        marked = self.marked
        self.walk(node.body)
        self.marked = marked
        for name, values in self.state.scope.names.items():
            cls.values.setdefault(name, {})[node.lineno] = values
            cls.refused |= self._unset(values)
        methods = self.state.module.deferred[start:]  # what __init__ assigns is known in the others
        self.state.module.deferred[start:] = sorted(methods, key=lambda one: one.function.node.name not in CONSTRUCTORS)
        self.state.scope, self.state.cls = around, of
        self.state.releases, self.state.doubt = before
        self.state.bind(node.name, ((self.state.everywhere, cls),))
        self.sightings.duties.subclassed(cls, node)

    def _unset(self, values: Values) -> int:
        """The releases in which a flag is not set that is so in others: `SUPPORTED = hasattr(torch, …)`."""
        unset = 0
        for mask, value in values:
            if isinstance(value, Expression):
                condition = self.guards.condition(value.node, value.scope)
                unset |= mask & ~condition.true if condition.true and not condition.doubt else 0
        return unset

    def _fields(self, node: ast.ClassDef, cls: LocalClass) -> Fields | None:
        """What the class is made with, unless one above it is made with more; that one's where it adds nothing."""
        above = [value for base in cls.bases for _, value in base if isinstance(value, LocalClass)]
        if above:
            return above[0].fields if len(above) == 1 and "__init__" not in cls.stores else None
        found = fields(node)
        return Fields(*found, self.state.scope) if found else None

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
        self._fork([(condition.true, node.body), (condition.false, node.orelse)], condition.doubt, node.test)

    def _fork(self, paths: list[tuple[int, list[ast.stmt]]], doubt: bool, test: ast.expr | None = None) -> None:
        """Walk paths of which one is taken, the first where the `test` holds, and go on with what they agree on."""
        names, releases, before = self.state.scope.names, self.state.releases, self.state.doubt
        ends = []
        ended = False
        narrowed: list[dict[str, Values]] = []
        for mask, body in paths:
            self.state.scope.names = dict(names)
            self.state.scope.memory.clear()
            narrowed.append(self.meanings.narrowed(test, self.state.scope, not narrowed) if test else {})
            self.state.narrow(narrowed[-1])
            self.state.releases, self.state.doubt = releases & mask, before or doubt
            with self.state.with_some():
                self.walk(body)
            ended = ended or (not self.state.releases and bool(releases & mask))
            ends.append((self.state.releases, self.state.scope.names))
            before = before or (self.state.doubt and not doubt)
        if all(mask for mask, _ in ends):  # what the test told is over, where nothing else was bound
            for (_, after), told_here in zip(ends, narrowed):
                for name, values in told_here.items():
                    if after[name] is values and name in names:
                        after[name] = names[name]
        self.state.join(ends, None if doubt else [(test, place == 0) for place in range(len(paths))])
        # What stands after `if not_understood: return` is as doubtful as the condition.
        self.state.doubt = before or (doubt and ended)

    def _For(self, node: ast.For | ast.AsyncFor) -> None:
        self.expressions.walk(node.iter)
        self.expressions.asked(looped(node, self.expressions.table(node.iter)))
        self._loop(node)

    _AsyncFor = _For

    def _While(self, node: ast.While) -> None:
        self._loop(node)

    def _loop(self, node: ast.For | ast.AsyncFor | ast.While) -> None:
        """What the body binds may come from the round before, and may not have been bound at all.

        It is, where the loop goes over all of a table that the code writes.
        """
        state = self.state
        bound = [] if isinstance(node, ast.While) else [*self.meanings.looped(node, state.scope)]
        whole = None if isinstance(node, ast.While) else self.meanings.tables.whole(node, state.scope)
        if whole and any(isinstance(one, _LEAVE) for one in nodes(node)):
            whole = None
        state.loops.append([])
        for name in sorted({*names_bound(node.body)}):
            state.assume(name)
        skipped = (state.releases, dict(state.scope.names))
        if isinstance(node, ast.While):
            self.expressions.walk(node.test)
            state.releases &= self.guards.condition(node.test, state.scope).true
        else:
            for target, values in bound:
                self.expressions.store(target, values)
        with state.with_each([whole] if whole else ()):
            self.walk(node.body)
        state.next_round()
        state.loops.pop()
        if not whole:
            state.join([(state.releases, state.scope.names), skipped])
        self.walk(node.orelse)

    def _With(self, node: ast.With | ast.AsyncWith) -> None:
        before, handled = self.state.caught, self.state.handled
        for item in node.items:
            self.expressions.walk(item.context_expr)
            if item.optional_vars:
                self.expressions.store(item.optional_vars, self._entered(item.context_expr))
            if isinstance(item.context_expr, ast.Call) and word(item.context_expr.func) in EXPECTS:
                expected = self._exceptions(item.context_expr.args)
                self.state.handled |= expected
                self.state.caught |= failures(expected)
        if self.state.caught == before:
            self.walk(node.body)
        else:
            releases = self.state.releases
            self._fork([(self.state.everywhere, node.body), (self.state.everywhere, [])], False)
            self.state.releases = releases
        self.state.caught, self.state.handled = before, handled

    _AsyncWith = _With

    def _entered(self, node: ast.expr) -> Values:
        """What a context manager gives, by its `__enter__`; those of torch give themselves, if anything else."""
        values = self.meanings.resolve(node, self.state.scope)
        if not all(isinstance(value, Instance) for _, value in values):
            return ()
        return self.meanings.entered(values)

    def _Try(self, node: ast.Try) -> None:
        outer, outer_failing = self.state.caught, self.state.failing
        names, releases = dict(self.state.scope.names), self.state.releases
        named = {one: self._exceptions([one.type] if one.type else [_ANYTHING]) for one in node.handlers}
        goes_on = [one for one in node.handlers if not (one.body and isinstance(one.body[-1], ast.Raise))]
        caught = frozenset().union(*(failures(named[one]) for one in goes_on))
        handled, survived = self.state.handled, self.state.survived
        self.state.caught, self.state.failing = outer | caught, 0
        self.state.handled = handled.union(*named.values())
        self.state.survived = survived.union(*(named[one] for one in goes_on))
        with self.state.with_some():
            self.walk(node.body)
        self.state.handled, self.state.survived = handled, survived
        is_for_names = caught <= {"import", "attribute"} or len(node.body) <= _GUARD
        is_for_torch = caught and ((self.state.failing and is_for_names) or self._may_only_fail_for_torch(node.body))
        fails = releases & self.state.failing if is_for_torch else releases
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

    def _exceptions(self, types: list[ast.expr]) -> frozenset[str]:
        """The exceptions that are named, with those of a tuple that is bound to a name."""
        found: set[str] = set()
        for one in types:
            values = self.meanings.resolve(one, self.state.scope) if isinstance(one, (ast.Name, ast.Attribute)) else ()
            bound = [value.node for _, value in values if isinstance(value, Expression)]
            found |= exceptions(bound or [one])
        return frozenset(found)

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
                    calls = any(isinstance(one, ast.Call) for one in nodes(node.value))  # which may fail for else
                    if calls or not _all_torch(values):
                        return False
            elif not isinstance(node, ast.Pass):
                return False
        return True

    def _Match(self, node: ast.Match) -> None:
        self.expressions.walk(node.subject)
        self.expressions.asked(cases(node))
        for case in node.cases:
            for name in names_bound([case]):
                self.state.bind(name, self.state.unknown)
        paths: list[tuple[int, list[ast.stmt]]] = []
        rest, doubt = self.state.everywhere, False
        for case in node.cases:
            condition = self.guards.matched(node.subject, case, self.state.scope)
            paths.append((rest & condition.true, case.body))
            rest, doubt = rest & condition.false, doubt or condition.doubt
        self._fork([*paths, (rest, [])], doubt)

    # Statements that end a path

    def _Expr(self, node: ast.Expr) -> None:
        self.expressions.walk(node.value)
        if isinstance(node.value, ast.Call) and self._ends(node.value.func):
            if word(node.value.func) == "exit":
                self.sightings.refused(self.state.releases, node)
            self.state.releases = 0

    def _ends(self, func: ast.expr) -> bool:
        """Whether nothing runs after such a call."""
        values = self.meanings.resolve(func, self.state.scope)
        if isinstance(func, ast.Name) and not values:
            return func.id in ("exit", "quit")
        named = [value.dotted for _, value in values if isinstance(value, Name)]
        return word(func) == "skipTest" or (len(named) == len(values) == 1 and named[0] in _ENDS)

    def _Return(self, node: ast.Return) -> None:
        self.expressions.below(node)
        self.returning |= self.state.releases
        nothing = ((self.state.everywhere, NOTHING),)
        values = self.meanings.row(node.value, self.state.scope) if node.value else nothing
        self.returned.append(within(values or self.state.unknown, self.state.releases))
        self.state.releases = 0

    def _Continue(self, node: ast.stmt) -> None:
        self.state.next_round()
        self.state.releases = 0

    _Break = _Continue

    def _Raise(self, node: ast.Raise) -> None:
        self.expressions.below(node)
        self.sightings.refused(self.state.releases, node)
        if self.state.releases != self.state.everywhere:
            self.refused |= self.state.releases
        self.state.releases = 0

    def _Assert(self, node: ast.Assert) -> None:
        self.expressions.walk(node.test)
        condition = self.guards.condition(node.test, self.state.scope)
        self.sightings.refused(self.state.releases & ~condition.true, node)
        self.state.releases &= condition.true
        self.state.narrow(self.meanings.narrowed(node.test, self.state.scope, True))


_METHODS = Methods(Statements, other=Statements.below)


def _head(node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.FunctionDef | ast.AsyncFunctionDef:
    """A function as it is remembered: without its body where that is too long to be a helper of conditions."""
    if len(node.body) <= _HELPER:
        return node
    head = copy(node)
    head.body = [ast.Raise()]
    return head


def _all_torch(values: Values) -> bool:
    return bool(values) and all(isinstance(value, Name) and value.is_torch for _, value in values)
