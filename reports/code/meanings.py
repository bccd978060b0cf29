"""What names and expressions stand for: modules, classes and functions of torch or of the code, and instances."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace

from torchproof.reports.code.catalog import Catalog
from torchproof.reports.code.project import Project
from torchproof.reports.code.syntax import class_annotated, word
from torchproof.reports.code.tables import Tables
from torchproof.reports.code.values import (  # fmt: skip
    Condition,
    Constant,
    Imported,
    Instance,
    LocalClass,
    LocalFunction,
    LocalModule,
    Module,
    Name,
    OneOf,
    Scope,
    Value,
    Values,
    gathered,
    merged,
    within,
)

_TENSOR = Name("torch.Tensor")
# Functions of torch whose result is a tensor whatever their arguments are.
_MAKES_TENSOR = {"torch.arange", "torch.as_tensor", "torch.empty", "torch.empty_like", "torch.eye", "torch.from_numpy",
                 "torch.full", "torch.full_like", "torch.linspace", "torch.logspace", "torch.ones", "torch.ones_like",
                 "torch.rand", "torch.rand_like", "torch.randint", "torch.randint_like", "torch.randn",
                 "torch.randn_like", "torch.randperm", "torch.tensor", "torch.zeros", "torch.zeros_like"}  # fmt: skip
# Methods of tensors and modules that give the same kind of object back.
_GIVES_ITSELF = {"bfloat16", "cpu", "cuda", "double", "eval", "float", "half", "requires_grad_", "to", "train"}
# Base classes that bring nothing that a class of torch might have as well.
_BARE_BASES = {"object", "abc.ABC", "typing.Generic", "typing.Protocol", "typing_extensions.Protocol", "Generic", "ABC"}


class Meanings:
    """Tells what expressions of a project stand for; `condition` is asked which side of `a if … else b` it is."""

    def __init__(self, known: Catalog, project: Project, condition: Callable[[ast.expr, Scope], Condition]) -> None:
        self.known = known
        self.project = project
        self.unknown: Values = ((known.all, None),)
        self.tables = Tables(self.resolve, known.all)
        self._condition = condition
        self._asked: set[tuple[Module, str]] = set()
        self._sources: dict[Name | LocalModule | None, tuple[Name | Module, ...]] = {}

    def resolve(self, node: ast.expr, scope: Scope) -> Values:
        """What an expression stands for, in each release; empty where it is not even bound."""
        if isinstance(node, (ast.Subscript, ast.Call)) and (chosen := self.tables.chosen(node, scope)):
            return chosen
        if isinstance(node, ast.Name):
            return self.lookup(scope, node.id)
        if isinstance(node, ast.Attribute):
            return self.member(self.resolve(node.value, scope), node.attr)
        if isinstance(node, ast.Call):
            return self._result(node, scope)
        if isinstance(node, ast.Constant):
            return ((self.known.all, Constant(node.value)),)
        if isinstance(node, ast.NamedExpr):
            return self.resolve(node.value, scope)
        if isinstance(node, ast.IfExp):
            condition = self._condition(node.test, scope)
            yes, no = self.resolve(node.body, scope), self.resolve(node.orelse, scope)
            return merged(within(yes, condition.true), within(no, condition.false)) if yes and no else ()
        return ()

    def annotated(self, node: ast.expr | None, scope: Scope) -> Values:
        """What a parameter with this annotation is an instance of."""
        cls = class_annotated(node)
        values = self.resolve(cls, scope) if cls else ()
        return tuple((mask, self._annotating(value)) for mask, value in values) or self.unknown

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

    def _annotating(self, value: Value) -> Instance | None:
        if isinstance(value, LocalClass):
            return Instance(value, is_exact=False)
        if isinstance(value, Name) and value.is_torch and self.known.kind(value.dotted) == "class":
            return Instance(value, is_exact=False)
        return None

    def _result(self, node: ast.Call, scope: Scope) -> Values:
        """What a call gives: an instance of a class, mostly."""
        if word(node.func) == "getattr" and len(node.args) > 1:
            return self._got(node, scope)
        if isinstance(node.func, ast.Attribute) and node.func.attr in _GIVES_ITSELF:
            owners = self.resolve(node.func.value, scope)
            if owners and all(isinstance(value, Instance) and self._is_plain(value) for _, value in owners):
                return owners
        found: list[tuple[int, Value]] = []
        for mask, value in self.resolve(node.func, scope):
            if isinstance(value, LocalClass):
                found.append((mask, Instance(value)))
            elif isinstance(value, LocalFunction) and value.node.returns and not value.node.decorator_list:
                found += within(self.annotated(value.node.returns, value.scope), mask)
            elif isinstance(value, Name) and value.is_torch:
                if value.dotted in _MAKES_TENSOR:
                    found.append((mask, Instance(_TENSOR)))
                elif self.known.kind(value.dotted) == "class" and not value.is_bound:
                    found.append((mask, Instance(value)))
        return tuple(found)

    def _got(self, node: ast.Call, scope: Scope) -> Values:
        """`getattr(torch.optim, "Adam")`, also by a name that stands for one of several texts."""
        named = [value for _, value in self.resolve(node.args[1], scope)]
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
        return ((self.known.all, OneOf(tuple(everywhere))),) if everywhere else ()

    def _is_plain(self, value: Instance) -> bool:
        """Whether an instance is a tensor or a module, whose `to` is torch's own."""
        if isinstance(value.of, Name):
            return value.of == _TENSOR or value.of.dotted.startswith("torch.nn.")
        found = self.of_class(value.of, "to", "", True)
        return len(found) == 1 and isinstance(found[0][1], Name)

    # Attributes

    def member(self, values: Values, name: str) -> Values:
        """An attribute of what the values stand for."""
        found: list[tuple[int, Value]] = []
        for mask, value in values:
            if isinstance(value, Name):
                found.append((mask, Name(f"{value.dotted}.{name}")))
            elif isinstance(value, Instance) and isinstance(value.of, Name):
                found.append((mask, self._of_instance(value.of, name, "" if value.is_exact else value.of.dotted)))
            elif isinstance(value, Instance) and isinstance(value.of, LocalClass):
                found += within(self.of_class(value.of, name, value.of.name, True), mask)
            elif isinstance(value, LocalClass):
                found += within(self.of_class(value, name, value.name, False), mask)
            elif isinstance(value, LocalModule):
                found += within(self._of_module(value.module, name), mask)
        return gathered(found)

    def _of_instance(self, of: Name, name: str, through: str) -> Name | None:
        dotted = f"{of.dotted}.{name}"
        return Name(dotted, True, through.rpartition(".")[2]) if self.known.having(dotted) else None

    def of_class(self, cls: LocalClass, name: str, through: str, is_bound: bool, above: bool = False) -> Values:
        """An attribute of a class of the code; of its bases only where it is looked for `above` the class."""
        if not above:
            if name in cls.values and cls.stores.get(name) == 1:
                return tuple((mask, _through(value, through)) for mask, value in cls.values[name])
            if name in cls.stores or cls.is_dynamic:
                return self.unknown
        for base in cls.bases:
            found: list[tuple[int, Value]] = []
            for mask, value in base:
                if isinstance(value, LocalClass) and value is not cls:
                    found += within(self.of_class(value, name, through, is_bound), mask)
                elif isinstance(value, Name) and value.is_torch:
                    dotted = f"{value.dotted}.{name}"
                    if self.known.having(dotted):
                        found.append((mask, Name(dotted, is_bound, through)))
                elif not (isinstance(value, Name) and value.dotted in _BARE_BASES):
                    return self.unknown
            if found:
                return gathered(found)
        return ()

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


def _through(value: Value, through: str) -> Value:
    return replace(value, through=through) if isinstance(value, Name) and value.through else value
