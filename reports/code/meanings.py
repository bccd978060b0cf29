"""What names and expressions stand for: modules, classes and functions of torch or of the code, and instances."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence

from torchproof.reports.code.catalog import Catalog
from torchproof.reports.code.forks import left, told
from torchproof.reports.code.project import Project
from torchproof.reports.code.results import GIVES_ITSELF, NAMESPACES, Results, doubts_about, is_property, key
from torchproof.reports.code.syntax import Methods, as_getattr, word
from torchproof.reports.code.tables import MOST_ITEMS, has_fields, is_dict_written
from torchproof.reports.code.values import (  # fmt: skip
    Condition,
    Constant,
    Doubt,
    Expression,
    Imported,
    Instance,
    LocalClass,
    LocalFunction,
    LocalModule,
    Module,
    Moved,
    Name,
    OneOf,
    Scope,
    Value,
    Values,
    doubted,
    gathered,
    merged,
    within,
)

# Base classes that bring nothing that a class of torch might have as well.
BARE_BASES = {"object", "abc.ABC", "typing.Generic", "typing.Protocol", "typing_extensions.Protocol", "Generic", "ABC"}


class Meanings(Results):
    """Tells what expressions of a project stand for; `condition` is asked which side of `a if … else b` it is."""

    def __init__(self, known: Catalog, project: Project, condition: Callable[[ast.expr, Scope], Condition]) -> None:
        super().__init__(known)
        self.project = project
        self._condition = condition
        self._asked: set[tuple[Module, str]] = set()
        self._sources: dict[Name | LocalModule | None, tuple[Name | Module, ...]] = {}

    def resolve(self, node: ast.expr, scope: Scope) -> Values:
        """What an expression stands for, in each release; empty where it is not even bound.

        What is only a number, a text or the like is left out: conditions know better what it is.
        """
        if isinstance(node, ast.Name):
            return self.lookup(scope, node.id)
        if isinstance(node, ast.Attribute):
            return self._attribute(node, scope)
        if isinstance(node, ast.Constant):
            return ((self.known.all, Constant(node.value)),)
        if isinstance(node, ast.NamedExpr):
            return self.resolve(node.value, scope)
        if isinstance(node, ast.IfExp):
            return self._chosen_by(node, scope)
        if not (computed := self.computed(node, scope)):
            return self.tables.chosen(node, scope)
        telling = tuple((mask, value) for mask, value in computed if _is_telling(value))
        if any(isinstance(value, Instance) and not has_fields(value) for _, value in telling):
            return telling
        return self.tables.chosen(node, scope) or telling or self._containers(computed)

    def _chosen_by(self, node: ast.IfExp, scope: Scope) -> Values:
        """What `a if … else b` gives: by the releases where they decide, else one of both texts or dicts."""
        condition = self._condition(node.test, scope)
        yes, no = (
            ((self.known.all, Expression(one, scope)),) if is_dict_written(one) else self.resolve(one, scope)
            for one in (node.body, node.orelse)
        )
        found = merged(within(yes, condition.true), within(no, condition.false)) if yes and no else ()
        is_either = found == self.unknown and all(_is_text_or_dict(value) for _, value in (*yes, *no))
        return self.tables.one_of([yes, no], node) if is_either else found

    @staticmethod
    def _containers(values: Values) -> Values:
        """What a function gives that is written there."""
        return tuple((mask, value) for mask, value in values if isinstance(value, Expression))

    def computed(self, node: ast.expr, scope: Scope) -> Values:
        """What calls, operators and subscripts give."""
        compute = _METHODS[type(node)]
        if compute is None:
            return ()
        if node not in scope.memory:
            scope.memory[node] = ()  # for what is made of itself
            scope.memory[node] = compute(self, node, scope)
        return scope.memory[node]

    def object(self, node: ast.expr, scope: Scope) -> Values:
        """The object that an expression gives, a container with what is known to be in it."""
        computed = self.objects(self.computed(node, scope))
        return computed or self.objects(self.resolve(node, scope)) or self.contents(node, scope)

    def row(self, node: ast.expr, scope: Scope) -> Values:
        """The object that an expression gives; a container, or one of those in a table, as it is written."""
        objects = self.object(node, scope)
        if isinstance(node, (ast.Dict, ast.List, ast.Tuple)):
            return ((self.known.all, Expression(node, scope, objects)),)
        found = self.resolve(node, scope)
        return found if any(isinstance(value, (OneOf, Expression)) for _, value in found) else objects

    def annotated(self, node: ast.expr | None, scope: Scope) -> Values:
        """What a parameter with this annotation is an instance of."""
        return self.annotations.of_code(node, scope)

    def parameter(self, node: ast.arg, default: ast.expr | None, scope: Scope) -> Values:
        """What a parameter stands for: by its annotation, or else one of torch's classes or functions by default."""
        values = self.annotated(node.annotation, scope)
        if default is None or any(value is not None for _, value in values):
            return values
        found = self.resolve(default, scope)
        is_told = all(
            isinstance(value, Name) and value.is_torch and self.known.kind(value.dotted) in ("class", "function")
            for _, value in found
        )
        return tuple((mask, OneOf((value,))) for mask, value in found) if found and is_told else values

    # Expressions, by their kinds

    def _attribute(self, node: ast.Attribute, scope: Scope) -> Values:
        if node not in scope.memory:
            scope.memory[node] = self._found(node, scope)
        return scope.memory[node]

    def _found(self, node: ast.Attribute, scope: Scope) -> Values:
        if isinstance(node.value, ast.Call) and word(node.value.func) == "super":
            cls, doubts = self.begins_above(node.value, scope)
            return doubted(self.of_class(cls, node.attr, True, above=True), doubts) if cls else ()
        return self.member(self.resolve(node.value, scope) or self.object(node.value, scope), node.attr)

    def begins_above(self, node: ast.Call, scope: Scope) -> tuple[LocalClass | None, frozenset[Doubt]]:
        """The class of the code above which `super` begins, and what that rests on."""
        around = _class_around(scope)
        named = node.args[0] if node.args else None
        if around is None or named is None or (isinstance(named, ast.Name) and named.id in (around.name, "__class__")):
            return around, frozenset()
        if word(named.func if isinstance(named, ast.Call) else named) in ("__class__", "type"):
            return around, frozenset([Moved(around)])
        values = [value for _, value in self.resolve(named, scope)]
        return values[0] if len(values) == 1 and isinstance(values[0], LocalClass) else None, frozenset()

    def _BinOp(self, node: ast.BinOp, scope: Scope) -> Values:
        left = self.object(node.left, scope)
        return self.operated(left, self.object(node.right, scope)) if left else ()

    def _UnaryOp(self, node: ast.UnaryOp, scope: Scope) -> Values:
        return () if isinstance(node.op, ast.Not) else self.operated(self.object(node.operand, scope))

    def _Compare(self, node: ast.Compare, scope: Scope) -> Values:
        if len(node.ops) > 1 or isinstance(node.ops[0], (ast.Is, ast.IsNot, ast.In, ast.NotIn)):
            return ()
        return self.operated(self.object(node.left, scope), self.object(node.comparators[0], scope))

    def _Subscript(self, node: ast.Subscript, scope: Scope) -> Values:
        if (call := as_getattr(node)) and (got := self._got(call, scope)):
            return got
        place = slice if isinstance(node.slice, ast.Slice) else key(node.slice)
        return self.item(self.object(node.value, scope), place)

    def _Call(self, node: ast.Call, scope: Scope) -> Values:
        func = node.func
        if isinstance(func, ast.Name) and not (values := self.lookup(scope, func.id)):
            if func.id == "staticmethod" and len(node.args) == 1:
                return self.resolve(node.args[0], scope)
            return self._got(node, scope) if func.id == "getattr" else self.built_in(func.id, node, scope)
        if not isinstance(func, ast.Attribute):
            return self.called(values if isinstance(func, ast.Name) else self.object(func, scope), node, scope)
        if isinstance(func.value, ast.Call) and word(func.value.func) == "super":
            cls, doubts = self.begins_above(func.value, scope)
            owners: Values = ((self.known.all, Instance(cls, is_exact=False, unless=doubts)),) if cls else ()
        else:
            owners = self.object(func.value, scope)
            if func.attr in GIVES_ITSELF and owners and all(self._is_plain(value) for _, value in owners):
                return self.same(owners)
        return self.called(self.resolve(func, scope), node, scope, owners)

    def _got(self, node: ast.Call, scope: Scope) -> Values:
        """`getattr(torch.optim, "Adam")`, also by a name that stands for one of several texts."""
        if len(node.args) < 2:
            return ()
        named = [value for _, value in self.resolve(node.args[1], scope)]
        choice = named[0].choice if len(named) == 1 and isinstance(named[0], OneOf) else None
        texts = [one for value in named for one in (value.values if isinstance(value, OneOf) else (value,))]
        found: list[tuple[int, Value]] = []
        for text in texts:
            if not isinstance(text, Constant):
                return ()
            for mask, value in self.member(self.resolve(node.args[0], scope), str(text.value)):
                if isinstance(value, Name) and (both := mask & self.known.having(value.dotted)):
                    found.append((both, value))
        if len(texts) == 1:
            return tuple(found)
        everywhere = [value for mask, value in found if mask == self.known.all]
        return ((self.known.all, OneOf(tuple(everywhere), choice)),) if everywhere else ()

    def _is_plain(self, value: Value) -> bool:
        """Whether an instance is a tensor or a module, whose `to` is torch's own."""
        if not isinstance(value, Instance):
            return False
        if isinstance(value.of, Name):
            return self.is_tensor(value) or value.of.dotted.startswith("torch.nn.")
        found = self.of_class(value.of, "to", True)
        return len(found) == 1 and isinstance(found[0][1], Name)

    def inside(self, loops: Sequence[ast.comprehension], node: ast.expr, scope: Scope) -> Values:
        """The object that an expression inside a comprehension gives."""
        with scope.shadowed():
            for loop in loops:
                self.bind_elements(loop, scope)
            return self.object(node, scope)

    def comprehended(self, node: ast.DictComp, scope: Scope) -> tuple[tuple[int | str, Values], ...]:
        """The items of a dict that is made of a table which the code writes, where all keys are known."""
        loop = node.generators[0]
        rows = [] if len(node.generators) > 1 or loop.ifs else self.tables.each(loop, scope)
        items: dict[int | str, Values] = {}
        for row in rows if len(rows) <= MOST_ITEMS else ():
            with scope.shadowed():
                self._bind(self.targets(loop.target, row), scope)
                keys = [value.value for _, value in self.resolve(node.key, scope) if isinstance(value, Constant)]
                if len(keys) != 1 or not isinstance(keys[0], (int, str)):
                    return ()
                items[keys[0]] = self.object(node.value, scope)
        return tuple(items.items())

    def _bind(self, targets: Iterable[tuple[ast.expr, Values]], scope: Scope) -> None:
        for target, values in targets:
            if isinstance(target, ast.Name):
                scope.names[target.id] = values or self.unknown

    def bind_elements(self, loop: ast.comprehension, scope: Scope) -> None:
        """Let the names of a comprehension's loop stand for what it goes over."""
        self._bind(self.looped(loop, scope), scope)
        for test in loop.ifs:
            scope.names.update(self.narrowed(test, scope, True))
        scope.memory.clear()

    def looped(
        self, loop: ast.comprehension | ast.For | ast.AsyncFor, scope: Scope
    ) -> Iterator[tuple[ast.expr, Values]]:
        """What each target of a loop gets: one of those in a table that the code writes, or an object."""
        objects = self.targets(loop.target, self.elements(self.object(loop.iter, scope)))
        written = self.targets(loop.target, self.tables.looped(loop, scope))
        for (target, values), (_, row) in zip(objects, written):
            is_row = any(isinstance(value, (OneOf, Expression)) for _, value in row)
            yield target, values if any(value is not None for _, value in values) and not is_row else row

    def targets(self, target: ast.expr, values: Values) -> Iterator[tuple[ast.expr, Values]]:
        """What each target gets that stands left of the sign."""
        if isinstance(target, (ast.Tuple, ast.List)):
            is_starred = any(isinstance(one, ast.Starred) for one in target.elts)
            each = [()] * len(target.elts) if is_starred else self.taken_apart(values, len(target.elts))
            for one, part in zip(target.elts, each):
                yield from self.targets(one, part)
        elif isinstance(target, ast.Starred):
            yield from self.targets(target.value, ())
        else:
            yield target, values

    # Conditions that tell what a name is

    def narrowed(self, test: ast.expr, scope: Scope, holds: bool) -> dict[str, Values]:
        """The names of which a condition tells more, where it holds or does not: branches taken before, a class."""
        several = {
            name: one
            for name, values in scope.names.items()
            if len(values) == 1 and isinstance(one := values[0][1], OneOf)
        }
        rows = left(several, told(test, holds)) if several else {}
        now = {name: ((scope.names[name][0][0], value),) for name, value in rows.items()}
        return now | self._instances(test, scope, holds)

    def _instances(self, test: ast.expr, scope: Scope, holds: bool) -> dict[str, Values]:
        """The names that are known to be instances of a class, or known not to be."""
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            return self._instances(test.operand, scope, not holds)
        if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) == holds:
            found: dict[str, Values] = {}
            for one in test.values:
                found.update(self._instances(one, scope, holds))
            return found
        if not (isinstance(test, ast.Call) and test.args and isinstance(test.args[0], ast.Name)):
            return {}
        name = test.args[0].id
        if word(test.func) == "is_tensor" and len(test.args) == 1:
            values: Values = self.tensor
        elif word(test.func) == "isinstance" and len(test.args) == 2:
            values = self.annotated(test.args[1], scope)
        else:
            return {}
        if holds:
            return {name: values}
        classes = [value.of for _, value in values if isinstance(value, Instance)]
        now = self.objects(self.lookup(scope, name))
        is_other = any(isinstance(value, Instance) and value.of in classes for _, value in now)
        return {name: self.unknown} if is_other else {}

    # Attributes

    def member(self, values: Values, name: str) -> Values:
        """An attribute of what the values stand for."""
        found: list[tuple[int, Value]] = []
        for mask, value in values:
            if isinstance(value, Name):
                dotted = f"{value.dotted}.{name}"
                read = () if self.known.having(dotted) else self.read(value)
                found += within(self.member(read, name), mask) if read else [(mask, Name(dotted, unless=value.unless))]
            elif isinstance(value, Instance):
                found += within(doubted(self._of_instance(value, name), value.unless), mask)
            elif isinstance(value, LocalClass):
                found += within(self.of_class(value, name, False), mask)
            elif isinstance(value, LocalModule):
                found += within(self._of_module(value.module, name), mask)
            elif isinstance(value, OneOf):
                rows = [self.member(((self.known.all, one),), name) for one in value.values]
                found += within(self.tables.one_of(rows, value.choice), mask)
            elif isinstance(value, Expression) and value.gives:
                found += within(self.member(value.gives, name), mask)
        return gathered(found)

    def _of_instance(self, value: Instance, name: str) -> Values:
        everywhere, of = self.known.all, value.of
        doubts = doubts_about(value, name)
        items = dict(value.held.items) if value.held else {}
        if items.get(name) and (isinstance(of, LocalClass) or of.dotted in NAMESPACES):
            return doubted(items[name], doubts)
        if isinstance(of, LocalClass):
            found: list[tuple[int, Value]] = []
            for mask, one in self.of_class(of, name, True):
                if isinstance(one, LocalFunction) and is_property(one):
                    found += within(self.returned(one, ((everywhere, value),)), mask)
                else:
                    found.append((mask, one))
            return doubted(gathered(found), doubts)
        dotted = f"{of.dotted}.{name}"
        if not of.is_torch:
            return ((everywhere, Name(dotted, True)),)
        if self.known.having(dotted):
            # Where a release has no such class the object is of another one, who knows which.
            among = self.known.having(of.dotted) or everywhere
            rest = ((everywhere & ~among, None),) if everywhere & ~among else ()
            return ((among, Name(dotted, True, doubts)), *rest)
        for one in (of.dotted, *self.known.above(of.dotted)) if not items else ():
            if self.known.was_before(f"{one}.{name}"):
                return ((everywhere, Name(f"{one}.{name}", True, doubts)),)
        return items.get(name) or self.unknown

    def of_class(
        self,
        cls: LocalClass,
        name: str,
        is_bound: bool,
        above: bool = False,
        found: dict[LocalClass, Values] | None = None,
    ) -> Values:
        """An attribute of a class of the code; of its bases only where it is looked for `above` the class.

        Those that it was `found` of are not asked again, however many ways lead to them.
        """
        found = {cls: self.unknown} if found is None else found
        if not above:
            if name in cls.declared:
                return cls.declared[name]
            if name in cls.stores and (assigned := self._assigned(cls, name)):
                return assigned
            if name in cls.stores or cls.is_dynamic:
                return self.unknown
        for base in cls.bases:
            inherited: list[tuple[int, Value]] = []
            for mask, value in base:
                if isinstance(value, LocalClass):
                    if value not in found:
                        found[value] = self.unknown  # to itself, where it stands above itself
                        found[value] = self.of_class(value, name, is_bound, found=found)
                    inherited += within(found[value], mask)
                elif isinstance(value, Name) and value.is_torch:
                    dotted = f"{value.dotted}.{name}"
                    if self.known.having(dotted):
                        inherited.append((mask, Name(dotted, is_bound)))
                elif not (isinstance(value, Name) and value.dotted in BARE_BASES):
                    return self.unknown
            if inherited:
                return gathered(inherited)
        return ()

    def _assigned(self, cls: LocalClass, name: str) -> Values:
        """What an attribute is by all of its assignments, if all of them are known yet."""
        if name != "__init__" and "__init__" in cls.values:
            for _, value in self.of_class(cls, "__init__", False):
                if isinstance(value, LocalFunction) and value.waiting:
                    self.infer(value)
        if len(cls.values.get(name, ())) < cls.stores[name]:
            for method in [*cls.methods.values()]:
                if method.waiting and name in method.waiting.assigned:
                    self.infer(method)
        places = [*cls.values.get(name, {}).values()]
        if len(places) != cls.stores[name]:
            return ()
        first, *others = places
        for one in others:
            first = merged(first, one)
        return first

    def _of_module(self, module: Module, name: str) -> Values:
        """What a name stands for in a module of the code, as seen from elsewhere."""
        module.ready()
        if (module, name) in self._asked:  # modules that import it from each other
            return ()
        self._asked.add((module, name))
        try:
            return self._own(module, name) or self._starred(module.scope, name)
        finally:
            self._asked.remove((module, name))

    def _own(self, module: Module, name: str) -> Values:
        """What a name stands for by a module's own statements, or as a module below it."""
        if name in module.scope.names:
            return self._followed(module.scope.names[name])
        below = self.project.module(module.root, f"{module.dotted}.{name}")
        return ((self.known.all, LocalModule(below)),) if below else ()

    # Names

    def lookup(self, scope: Scope, name: str) -> Values:
        """What a name stands for in a scope: in the one itself as it is now, in those around it as they were left."""
        here: Scope | None = scope
        while here:
            if here is scope or here.kind != "class":
                names = here.ever if here.kind == "function" and here is not scope else here.names
                if name in names:
                    return self._followed(names[name])
                if name in here.local:
                    return ()
            if here.kind == "module" and (found := self._starred(here, name)):
                return found
            here = here.parent
        return ()

    def _starred(self, scope: Scope, name: str) -> Values:
        """What `from … import *` brings under this name: the last one that has it."""
        for source in reversed(scope.stars):
            for one in self._star_sources(source):
                if isinstance(one, Module):
                    if found := self._own(one, name):
                        return found
                elif not name.startswith("_") and (having := self.known.having(f"{one.dotted}.{name}")):
                    return ((having, Name(f"{one.dotted}.{name}")),)
        return ()

    def _star_sources(self, source: Name | LocalModule | None) -> tuple[Name | Module, ...]:
        """Where a star import looks, in this order: each place once, however many ways lead there.

        It is kept as soon as no module among them is still being walked, which may have more star imports to come.
        """
        if source in self._sources:
            return self._sources[source]
        found: dict[Name | Module, None] = {}
        rest = [source]
        while rest:
            one = rest.pop()
            place = one.module if isinstance(one, LocalModule) else one
            if place is None or place in found or (isinstance(place, Name) and not place.is_torch):
                continue
            found[place] = None
            if isinstance(place, Module):
                place.ready()
                rest += place.scope.stars
        if all(one.is_walked for one in found if isinstance(one, Module)):
            self._sources[source] = tuple(found)
        return tuple(found)

    def _followed(self, values: Values) -> Values:
        """The same, with what is imported from other files looked up there."""
        if len(values) == 1 and not isinstance(values[0][1], Imported):  # nearly always
            return values
        if not any(isinstance(value, Imported) for _, value in values):
            return values
        found: list[tuple[int, Value]] = []
        for mask, value in values:
            if isinstance(value, Imported):
                of_module = self._of_module(value.module, value.name)
                found += within(of_module, mask) if of_module else [(mask, None)]
            else:
                found.append((mask, value))
        return gathered(found)


_METHODS = Methods(Meanings)


def _class_around(scope: Scope) -> LocalClass | None:
    """The class in whose method something stands."""
    here: Scope | None = scope
    while here and here.kind != "class":
        here = here.parent
    return here.cls if here else None


def _is_text_or_dict(value: Value) -> bool:
    is_dict = isinstance(value, Expression) and is_dict_written(value.node)
    return is_dict or (isinstance(value, Constant) and isinstance(value.value, str))


def _is_telling(value: Value) -> bool:
    if isinstance(value, Instance) and isinstance(value.of, Name) and not value.of.is_torch:
        return bool(value.held) and any(_is_telling(one) for _, one in value.held.any)
    return value is not None and not isinstance(value, (Constant, Expression))
