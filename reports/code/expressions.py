"""Expressions: the uses in them, and the names that they and assignments bind."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import replace

from torchproof.reports.code.chains import ASKS, Test
from torchproof.reports.code.cpp.headers import macros, standard
from torchproof.reports.code.guards import Guards
from torchproof.reports.code.settings import REPLACE, Settings, replaced
from torchproof.reports.code.sightings import Sightings, each
from torchproof.reports.code.syntax import (
    REGISTERS,
    Methods,
    as_getattr,
    children,
    defaults,
    is_dict_of_object,
    may_compare_versions,
    parameters,
    places,
    with_name,
    word,
)
from torchproof.reports.code.tables import MOST_ITEMS, written_as
from torchproof.reports.code.values import (
    Constant,
    Expression,
    Instance,
    LocalClass,
    Name,
    OneOf,
    Value,
    Values,
    bound,
    doubted,
    within,
)
from torchproof.reports.code.wrappers import is_passed_on, rest


class Expressions:
    """Walks the expressions of one module, a method for each kind that is special."""

    def __init__(self, guards: Guards, sightings: Sightings) -> None:
        self.guards = guards
        self.meanings = guards.meanings
        self.sightings = sightings
        self.settings = Settings(sightings)
        self.state = sightings.state

    def walk(self, node: ast.expr) -> None:
        """Find the uses in an expression."""
        _METHODS[type(node)](self, node)

    def below(self, node: ast.AST) -> None:
        """Find the uses in the expressions that a node consists of."""
        for child in children(node):
            if isinstance(child, ast.expr):
                self.walk(child)
            elif isinstance(child, ast.keyword):
                self.walk(child.value)

    def assign(self, target: ast.expr, value: ast.expr) -> None:
        """Assign an expression, taken apart where both sides are written so."""
        if isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
            self._extend(target.value.id, *self._each_item(target.slice, value))
        several = (ast.Tuple, ast.List)
        if not isinstance(target, several):
            self.store(target, self.value(value))
            if isinstance(target, ast.Name) and (dtype := self.sightings.dtype(value)):
                self.state.is_of(target.id, dtype)
        elif any(isinstance(one, ast.Starred) for one in target.elts) or not isinstance(value, several):
            for place, one in places(target.elts):
                is_one = place is not None
                self.store(one, self.value(ast.Subscript(value, ast.Constant(place), ast.Load())) if is_one else ())
        elif len(target.elts) != len(value.elts):
            self.store(target, ())
        else:  # all values come first: `a, b = b, a`
            for one, values in zip(target.elts, [self.value(each) for each in value.elts]):
                self.store(one, values)

    def value(self, node: ast.expr) -> Values:
        """What a name stands for that is bound to an expression."""
        values = self._resolve(node)
        if missing := self.state.everywhere & ~bound(values):
            gives = self.meanings.object(node, self.state.scope)
            rest = Expression(node, self.state.scope, gives) if not isinstance(node, ast.Name) else None
            values = (*values, (missing, rest))
        return values

    def store(self, target: ast.expr, values: Values) -> None:
        """Assign to a name, an attribute or whatever stands left of the sign."""
        if isinstance(target, ast.Name):
            self.state.bind(target.id, values or self.state.unknown)
        elif isinstance(target, ast.Attribute):
            self.walk(target.value)
            for _, owner in self._resolve(target.value):
                self._patched(owner, target.attr, target, is_for_good=True)
            self.sightings.notes.assigned.add(target.attr)
            for _, owner in self._resolve(target.value):
                if isinstance(owner, Instance) and owner.of is self.state.cls and self.state.cls:
                    self._attribute_is(target.attr, target, values)
        elif isinstance(target, (ast.Tuple, ast.List, ast.Starred)):
            for one, part in self.meanings.targets(target, values):
                self.store(one, part)
        else:
            self.walk(target)

    # Dicts that the code goes on to write

    def _changes(self, node: ast.Call) -> None:
        """`options.update(verbose=True)` adds to a dict; what is taken out of one is not followed."""
        if not (isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name)):
            return
        name, method = node.func.value.id, node.func.attr
        if method in ("pop", "popitem", "clear"):
            self.forget_items(name)
        elif method == "setdefault" and len(node.args) == 2:
            self._extend(name, node.args[:1], node.args[1:])
        elif method == "update":
            values = [*node.args, *(one.value for one in node.keywords)]
            keys = [ast.Constant(one.arg) if one.arg else None for one in node.keywords]
            self._extend(name, [*[None] * len(node.args), *keys], values)

    def _extend(self, name: str, keys: Sequence[ast.expr | None], values: list[ast.expr]) -> None:
        """Let a name of this scope stand for the dict that it is, or may be, with more in it."""
        scope = self.state.scope
        after: list[tuple[int, Value]] = []
        for mask, one in within(scope.names.get(name, ()), self.state.releases):
            if isinstance(one, OneOf):
                after.append((mask, replace(one, values=tuple(self._grown(each, keys, values) for each in one.values))))
            else:
                after.append((mask, self._grown(one, keys, values)))
        if after:
            self.state.bind(name, tuple(after))

    def _each_item(self, key: ast.expr, value: ast.expr) -> tuple[list[ast.expr], list[ast.expr]]:
        """The keys and values of `table[key] = value`, one by one where a loop brings a few: `for key in "a", "b"`."""
        if isinstance(key, ast.Name):
            texts = self.meanings.tables.texts(key, self.state.scope)
            if 1 < len(texts) <= MOST_ITEMS:
                keys = [written_as(text) for text in texts]
                return keys, [with_name(value, key.id, one) for one in keys]
        return [key], [value]

    def _grown(self, one: Value, keys: Sequence[ast.expr | None], values: list[ast.expr]) -> Value:
        scope = self.state.scope
        before = one.node if isinstance(one, Expression) and one.scope is scope else None
        if before is None and one is not None:  # what is no dict of this scope
            return one
        return Expression(ast.Dict([None, *keys], [before or ast.Constant(None), *values]), scope)

    def forget_items(self, name: str) -> None:
        """What a name stands for has lost something that it may have written."""
        if any(isinstance(value, Expression) for _, value in each(self.state.scope.names.get(name, ()))):
            self.state.bind(name, self.state.unknown)

    def _replaces(self, node: ast.Call) -> None:
        """A call sets an attribute of something of torch: for good, or by the means of a test, for a while."""
        if word(node.func) not in REPLACE or not node.args:
            return
        for _, value in self._resolve(node.args[0]):
            owner, names = replaced(node, value) or (value, [])
            for name in names:
                self._patched(
                    owner, name, node, is_for_good=isinstance(node.func, ast.Name) and not isinstance(value, Constant)
                )

    def _patched(self, owner: Value, attribute: str, node: ast.expr, is_for_good: bool) -> None:
        if not (isinstance(owner, Name) and owner.is_torch) or self.settings.written(owner, attribute, node):
            return
        name = f"{owner.dotted}.{attribute}"
        if is_for_good:
            self.sightings.notes.patched.add(name)
        else:
            self.sightings.notes.mocked.setdefault(name, set()).add(self.state.module.shown)

    def _attribute_is(self, name: str, place: ast.expr, values: Values) -> None:
        """Remember what a method assigns to an attribute of its class."""
        if self.state.cls:
            known = within(values or self.state.unknown, self.state.releases)
            self.state.cls.values.setdefault(name, {})[place] = known
            self.state.scope.memory.clear()

    def _registers(self, node: ast.Call) -> None:
        """`self.register_buffer("name", tensor)`, and its kin, assign an attribute."""
        owner = node.func.value if isinstance(node.func, ast.Attribute) else None
        if not (word(node.func) in REGISTERS and len(node.args) > 1 and isinstance(node.args[0], ast.Constant)):
            return
        for _, value in self._resolve(owner) if owner else ():
            if isinstance(value, Instance) and value.of is self.state.cls:
                self._attribute_is(str(node.args[0].value), node, self.value(node.args[1]))

    def asked(self, tests: Iterable[Test]) -> None:
        """Note classes of torch that are asked about after others, of which they may be subclasses in some releases."""
        before: dict[str, dict[str, bool]] = {}
        for test in tests:
            answered = [
                (subject, name, decides)
                for subject, classes, decides in test
                for one in (classes.elts if isinstance(classes, ast.Tuple) else [classes])
                if (name := self.sightings.asked(self._resolve(one), one, before.get(subject, {})))
            ]
            for subject, name, decides in answered:
                known = before.setdefault(subject, {})
                known[name] = decides or known.get(name, False)

    def table(self, node: ast.expr) -> ast.expr:
        """The dict or list that a loop goes over, where it is written or in the name that is bound to it."""
        if isinstance(node, ast.Call) and not node.args and word(node.func) in ("items", "keys"):
            return self.table(node.func.value) if isinstance(node.func, ast.Attribute) else node
        values = self._resolve(node)
        value = values[0][1] if len(values) == 1 else None
        return value.node if isinstance(value, Expression) else node

    def _Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str) and (standard(node.value) or macros(node.value)):
            self.sightings.flag(node)

    def _Name(self, node: ast.Name) -> None:
        if self.state.inside and node.id == rest(self.state.inside):
            self.sightings.notes.wrappers.looks(self.state.inside)
        self.sightings.note(self._resolve(node), "mentioned", node)

    def _Attribute(self, node: ast.Attribute) -> None:
        if is_dict_of_object(node):
            self._moves(node.value)
        self.sightings.note(self._resolve(node), "mentioned", node)
        self._walk_owner(node)

    def _Call(self, node: ast.Call) -> None:
        decorates, self.state.decorates = self.state.decorates, False  # what it is given does not
        self._walk_args(node)
        for keyword in node.keywords:
            if not is_passed_on(keyword, self.state.inside):
                self.walk(keyword.value)
        self.state.decorates = decorates
        self._changes(node)
        self._gets(node)
        if is_dict_of_object(node) and node.args:
            self._moves(node.args[0])
        if word(node.func) == "load_inline":
            self.sightings.flag(node)
        if word(node.func) in ASKS and len(node.args) == 2:
            several = node.args[1].elts if isinstance(node.args[1], ast.Tuple) else [node.args[1]]
            for one in several:
                self.sightings.asked_alone(self._resolve(one), one)
        values = self._super(node.func) or self._resolve(node.func)
        releases, after = self.state.releases, 0
        for mask, one, called in self.meanings.tables.spread(node, self.state.scope, values):
            self.state.releases = releases & mask
            self._passes(one, called)
            after |= self.state.releases
        self.state.releases = after
        if isinstance(node.func, ast.Attribute):
            self._walk_owner(node.func)
            self._registers(node)
        elif not isinstance(node.func, ast.Name):
            self.walk(node.func)

    def _asked(self, node: ast.Call) -> ast.Attribute | None:
        """The name that `getattr(torch, "x")` and `getattr(torch, "x", y)` ask for."""
        if not (isinstance(node.func, ast.Name) and node.func.id == "getattr"):
            return None
        name = str(node.args[1].value) if len(node.args) in (2, 3) and isinstance(node.args[1], ast.Constant) else ""
        if not name.isidentifier():
            return None
        asked = ast.copy_location(ast.Attribute(node.args[0], name, ast.Load()), node)
        return None if self._resolve(node.func) else asked

    def _gets(self, node: ast.Call) -> None:
        """`getattr(torch, "x")` asks for the name as `torch.x` does; with a default it does not insist."""
        if len(node.args) != 2:
            return
        if asked := self._asked(node):
            self.sightings.note(self._resolve(asked), "mentioned", asked)
        elif word(node.func) == "getattr" and isinstance(node.args[1], ast.Name) and self.state.coming:
            self._gets_each(node, node.args[1])

    def _gets_each(self, node: ast.Call, name: ast.Name) -> None:
        """The same of a name that stands for several texts, each of which comes by."""
        for _, value in self._resolve(name):
            if isinstance(value, OneOf) and value.choice in self.state.coming:
                for one in value.values:
                    text = one.value if isinstance(one, Constant) else None
                    self._gets(ast.copy_location(ast.Call(node.func, [node.args[0], written_as(text)], []), node))

    def _walk_args(self, node: ast.Call) -> None:
        """Walk what is passed by place; the default of `getattr` is of use where the name is not there."""
        asked = self._asked(node) if len(node.args) == 3 else None
        for place, one in enumerate(node.args):
            releases = self.state.releases
            if asked and place == 2:  # a default that is not there itself fails all the same
                self.state.releases &= ~(self._having(asked) & self._having(one))
            self.walk(one)
            self.state.releases = releases

    def _having(self, node: ast.expr) -> int:
        """The releases that have the name of torch which an expression is."""
        found = [(mask, value) for mask, value in self._resolve(node) if isinstance(value, Name) and value.is_torch]
        return sum(mask & self.sightings.known.having(value.dotted) for mask, value in found)

    def _passes(self, node: ast.Call, values: Values) -> None:
        """Note what a call is a use of, in the releases in which it passes this."""
        if word(node.func) == "partial" and node.args:
            self.sightings.note(self._resolve(node.args[0]), "called", node, node.args[1:])
        self._replaces(node)
        self.settings.called(node)
        if word(node.func) == "startswith" and may_compare_versions(node):
            self.guards.condition(node, self.state.scope)
        self._calls_member(values, node)
        if any(value is not None for _, value in values):
            self.sightings.note(values, "called", node, node.args)
            self._calls_partial(values, node)
            self._calls_object(values, node)
        elif isinstance(node.func, ast.Attribute):
            self.sightings.possible(node, node.func.attr)

    def _moves(self, owner: ast.expr) -> None:
        """What a class of the code has is read, of which another class may be made."""
        self.sightings.notes.moved.update(one for _, one in self._resolve(owner) if isinstance(one, LocalClass))

    def _walk_owner(self, node: ast.Attribute) -> None:
        """Find the uses in what an attribute is asked of, unless that is only the path to it: `torch.nn`."""
        owners = self._resolve(node.value)
        if not owners or not all(isinstance(one, Name) and one.is_torch and not one.is_bound for _, one in owners):
            self.walk(node.value)

    def _calls_object(self, values: Values, node: ast.Call) -> None:
        """To call an object of torch is to use the `__call__` of its class, where that has one of its own."""
        for mask, value in self.meanings.objects(values):
            if isinstance(value, Instance) and isinstance(value.of, Name) and value.of.is_torch:
                own = self.meanings.member(((mask, value),), "__call__")
                self.sightings.note(own, "called", node, node.args)

    def _calls_partial(self, values: Values, node: ast.Call) -> None:
        """`make = partial(torch.optim.Adam, lr=1)` is called: with what it passes itself, and more."""
        for _, one in each(values):
            if isinstance(one, Expression) and isinstance(one.node, ast.Call) and word(one.node.func) == "partial":
                first, *args = [*one.node.args, *node.args]
                keywords = [*node.keywords, _unpacked(one.node, {keyword.arg for keyword in node.keywords})]
                call = ast.copy_location(ast.Call(first, args, keywords), node)
                self.sightings.note(self.meanings.resolve(first, one.scope), "called", call, args)

    def _calls_member(self, values: Values, node: ast.Call) -> None:
        """`getattr(torch.optim, name)(…)` or its like is called, or a name for it: any of the module."""
        one = values[0][1] if len(values) == 1 else None
        func, scope = (one.node, one.scope) if isinstance(one, Expression) else (node.func, self.state.scope)
        func = as_getattr(func) or func
        if not (isinstance(func, ast.Call) and isinstance(func.func, ast.Name) and func.func.id == "getattr"):
            return
        if len(func.args) > 1 and not self.meanings.resolve(func, scope):
            self.sightings.called_somewhere(self.meanings.resolve(func.args[0], scope), node)

    def _resolve(self, node: ast.expr) -> Values:
        return self.meanings.resolve(node, self.state.scope)

    def _super(self, func: ast.expr) -> Values:
        """What `super().__init__` stands for: the class above itself."""
        if not (isinstance(func, ast.Attribute) and isinstance(func.value, ast.Call)):
            return ()
        if word(func.value.func) != "super" or func.attr != "__init__":
            return ()
        cls, doubts = self.meanings.begins_above(func.value, self.state.scope)
        bases = cls.bases[0] if cls and len(cls.bases) == 1 else ()
        return doubted(tuple((mask, base) for mask, base in bases if isinstance(base, Name) and base.is_torch), doubts)

    def _Compare(self, node: ast.Compare) -> None:
        self.below(node)
        if may_compare_versions(node):
            self.guards.condition(node, self.state.scope)  # which remembers how the code compares versions

    def _BoolOp(self, node: ast.BoolOp) -> None:
        state, before = self.state, (self.state.releases, self.state.doubt)
        is_and = isinstance(node.op, ast.And)
        with state.scope.shadowed(), state.with_some():
            for one in node.values:
                self.walk(one)
                condition = self.guards.condition(one, state.scope)
                state.releases &= condition.true if is_and else condition.false
                state.doubt |= condition.doubt
                state.narrow(self.meanings.narrowed(one, state.scope, is_and))
        state.releases, state.doubt = before

    def _IfExp(self, node: ast.IfExp) -> None:
        self.walk(node.test)
        condition = self.guards.condition(node.test, self.state.scope)
        state, (releases, doubt) = self.state, (self.state.releases, self.state.doubt)
        state.doubt |= condition.doubt
        for mask, one, holds in ((condition.true, node.body, True), (condition.false, node.orelse, False)):
            state.releases = releases & mask
            with state.scope.shadowed(), state.with_some():
                state.narrow(self.meanings.narrowed(node.test, state.scope, holds))
                self.walk(one)
        state.releases, state.doubt = releases, doubt

    def _NamedExpr(self, node: ast.NamedExpr) -> None:
        self.walk(node.value)
        self.store(node.target, self.value(node.value))

    def _Yield(self, node: ast.Yield | ast.YieldFrom) -> None:
        self.state.is_generator = True
        self.below(node)

    _YieldFrom = _Yield

    def _Lambda(self, node: ast.Lambda) -> None:
        for default in defaults(node.args):
            self.walk(default)
        caught, self.state.caught = self.state.caught, frozenset()  # it runs later
        with self.state.scope.shadowed(), self.state.with_some():
            names = [one.arg for some in parameters(node.args) for one in some]
            self.state.scope.names.update(dict.fromkeys(names, self.state.unknown))
            self.walk(node.body)
        self.state.caught = caught

    def _ListComp(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> None:
        whole: list[object] = []
        with self.state.scope.shadowed():
            for loop in node.generators:
                self.walk(loop.iter)
                whole.append(self.meanings.tables.whole(loop, self.state.scope))
                self.meanings.bind_elements(loop, self.state.scope)
                for test in loop.ifs:
                    self.walk(test)
            is_each = not isinstance(node, ast.GeneratorExp) and not any(loop.ifs for loop in node.generators)
            with self.state.with_each(filter(None, whole)) if is_each else self.state.with_some():
                for one in (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,):
                    self.walk(one)

    _SetComp = _GeneratorExp = _DictComp = _ListComp


def _unpacked(partial: ast.Call, but_for: set[str | None]) -> ast.keyword:
    """What a partial was given, and may pass: whether a release takes it is told where it is written."""
    kept = [one for one in partial.keywords if isinstance(one.value, ast.Constant) and one.arg not in but_for]
    return ast.keyword(None, ast.Dict([ast.Constant(one.arg) for one in kept], [one.value for one in kept]))


_METHODS = Methods(Expressions, other=Expressions.below)
