"""Expressions: the uses in them, and the names that they and assignments bind."""

from __future__ import annotations

import ast

from torchproof.reports.code.guards import Guards
from torchproof.reports.code.sightings import Sightings
from torchproof.reports.code.syntax import defaults, may_compare_versions, names_in, parameters, word
from torchproof.reports.code.values import Expression, Instance, Name, Values, bound, within


class Expressions:
    """Walks the expressions of one module, a method for each kind that is special."""

    def __init__(self, guards: Guards, sightings: Sightings) -> None:
        self.guards = guards
        self.meanings = guards.meanings
        self.sightings = sightings
        self.state = sightings.state

    def walk(self, node: ast.expr) -> None:
        """Find the uses in an expression."""
        getattr(self, f"_{type(node).__name__}", self.below)(node)

    def below(self, node: ast.AST) -> None:
        """Find the uses in the expressions that a node consists of."""
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.walk(child)
            elif isinstance(child, ast.keyword):
                self.walk(child.value)

    def assign(self, target: ast.expr, value: ast.expr) -> None:
        """Assign an expression, taken apart where both sides are written so."""
        several = (ast.Tuple, ast.List)
        if not isinstance(target, several):
            self.store(target, self.value(value))
        elif any(isinstance(one, ast.Starred) for one in target.elts):
            self.store(target, ())
        elif not isinstance(value, several):
            for place, one in enumerate(target.elts):
                self.store(one, self.value(ast.Subscript(value, ast.Constant(place), ast.Load())))
        elif len(target.elts) != len(value.elts):
            self.store(target, ())
        else:  # all values come first: `a, b = b, a`
            for one, values in zip(target.elts, [self.value(each) for each in value.elts]):
                self.store(one, values)

    def value(self, node: ast.expr) -> Values:
        """What a name stands for that is bound to an expression."""
        values = self._resolve(node)
        if missing := self.state.everywhere & ~bound(values):
            rest = Expression(node, self.state.scope) if not isinstance(node, (ast.Name, ast.Lambda)) else None
            values = (*values, (missing, rest))
        return values

    def store(self, target: ast.expr, values: Values) -> None:
        """Assign to a name, an attribute or whatever stands left of the sign."""
        if isinstance(target, ast.Name):
            self.state.bind(target.id, values or self.state.unknown)
        elif isinstance(target, ast.Attribute):
            self.walk(target.value)
            for _, owner in self._resolve(target.value):
                if isinstance(owner, Name) and owner.is_torch:
                    self.sightings.notes.patched.add(f"{owner.dotted}.{target.attr}")
                elif isinstance(owner, Instance) and owner.of is self.state.cls and self.state.cls:
                    self.state.cls.values[target.attr] = within(values, self.state.releases)
        elif isinstance(target, (ast.Tuple, ast.List)):
            for one in target.elts:
                self.store(one, ())
        elif isinstance(target, ast.Starred):
            self.store(target.value, ())
        else:
            self.walk(target)

    def _patched(self, owner: ast.expr, attribute: str) -> None:
        for _, value in self._resolve(owner):
            if isinstance(value, Name) and value.is_torch:
                self.sightings.notes.patched.add(f"{value.dotted}.{attribute}")

    def _Constant(self, node: ast.Constant) -> None:
        pass

    def _Name(self, node: ast.Name) -> None:
        self.sightings.note(self._resolve(node), "mentioned", node)

    def _Attribute(self, node: ast.Attribute) -> None:
        if not self.sightings.note(self._resolve(node), "mentioned", node):
            self.walk(node.value)

    def _Call(self, node: ast.Call) -> None:
        for one in node.args:
            self.walk(one)
        for keyword in node.keywords:
            self.walk(keyword.value)
        if word(node.func) == "partial" and node.args:
            self.sightings.note(self._resolve(node.args[0]), "called", node, node.args[1:])
        if word(node.func) == "setattr" and len(node.args) > 1 and isinstance(node.args[1], ast.Constant):
            self._patched(node.args[0], str(node.args[1].value))
        if word(node.func) == "startswith" and may_compare_versions(node):
            self.guards.condition(node, self.state.scope)
        values = self._super(node.func) or self._resolve(node.func)
        if self.sightings.note(values, "called", node, node.args):
            return
        if isinstance(node.func, ast.Attribute):
            self.walk(node.func.value)
            if not any(value is not None for _, value in values):
                self.sightings.possible(node, node.func.attr)
        elif not isinstance(node.func, ast.Name):
            self.walk(node.func)

    def _resolve(self, node: ast.expr) -> Values:
        return self.meanings.resolve(node, self.state.scope)

    def _super(self, func: ast.expr) -> Values:
        """What `super().name` stands for: above the class, with its constructor as the class itself."""
        cls = self.state.cls
        if not (cls and isinstance(func, ast.Attribute) and isinstance(func.value, ast.Call)):
            return ()
        if word(func.value.func) != "super":
            return ()
        if func.attr != "__init__":
            return self.meanings.of_class(cls, func.attr, "", True, above=True)
        bases = cls.bases[0] if len(cls.bases) == 1 else ()
        return tuple((mask, base) for mask, base in bases if isinstance(base, Name) and base.is_torch)

    def _Compare(self, node: ast.Compare) -> None:
        self.below(node)
        if may_compare_versions(node):
            self.guards.condition(node, self.state.scope)  # which remembers how the code compares versions

    def _BoolOp(self, node: ast.BoolOp) -> None:
        state, before = self.state, (self.state.releases, self.state.doubt)
        for one in node.values:
            self.walk(one)
            condition = self.guards.condition(one, state.scope)
            state.releases &= condition.true if isinstance(node.op, ast.And) else condition.false
            state.doubt |= condition.doubt
        state.releases, state.doubt = before

    def _IfExp(self, node: ast.IfExp) -> None:
        self.walk(node.test)
        condition = self.guards.condition(node.test, self.state.scope)
        state, (releases, doubt) = self.state, (self.state.releases, self.state.doubt)
        state.doubt |= condition.doubt
        for mask, one in ((condition.true, node.body), (condition.false, node.orelse)):
            state.releases = releases & mask
            self.walk(one)
        state.releases, state.doubt = releases, doubt

    def _NamedExpr(self, node: ast.NamedExpr) -> None:
        self.walk(node.value)
        self.store(node.target, self.value(node.value))

    def _Lambda(self, node: ast.Lambda) -> None:
        for default in defaults(node.args):
            self.walk(default)
        caught, self.state.caught = self.state.caught, frozenset()  # it runs later
        self._shadowed([one.arg for some in parameters(node.args) for one in some], [node.body])
        self.state.caught = caught

    def _ListComp(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> None:
        self.walk(node.generators[0].iter)
        names = [name for loop in node.generators for name in names_in(loop.target)]
        inner = [loop.iter for loop in node.generators[1:]] + [test for loop in node.generators for test in loop.ifs]
        results = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        self._shadowed(names, [*inner, *results])

    _SetComp = _GeneratorExp = _DictComp = _ListComp

    def _shadowed(self, names: list[str], nodes: list[ast.expr]) -> None:
        """Walk expressions in which some names are something else."""
        before = self.state.scope.names
        self.state.scope.names = {**before, **dict.fromkeys(names, self.state.unknown)}
        for one in nodes:
            self.walk(one)
        self.state.scope.names = before
