"""The code's own classes and functions where torch calls them: given to torch, or below one of its classes."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from enum import Enum

from torchproof.reports.code import beginnings
from torchproof.reports.code.catalog import Use, places_of, works
from torchproof.reports.code.contracts import Duty, Takes, contracts
from torchproof.reports.code.meanings import BARE_BASES, Meanings
from torchproof.reports.code.notes import Notes
from torchproof.reports.code.state import State
from torchproof.reports.code.syntax import given, word
from torchproof.reports.code.values import Instance, LocalClass, LocalFunction, Name, Value, lineage
from torchproof.reports.code.wrappers import Found

_MODULE, _PARAMETER = "torch.nn.Module", "torch.nn.Parameter"


class _Lookup(Enum):
    MISSING = "the class and those above it have no such thing"
    UNKNOWN = "it is torch's, or cannot be told"


class Duties:
    """Notes what torch's contracts ask of things of the code, where some release asks what they do not do."""

    def __init__(self, notes: Notes, state: State, meanings: Meanings) -> None:
        self.known = notes.known
        self.notes = notes
        self.state = state
        self.meanings = meanings

    def passed(self, name: str, mask: int, node: ast.Call, args: Sequence[ast.expr]) -> None:
        """A call of something of torch: what it will call of the arguments."""
        entry = next((one for one in reversed(self.known.entries(name)) if one), None)
        owner = entry.name if entry else name
        for role, method in contracts().members(owner):
            parameter = role.removesuffix("[]")
            value = given(parameter, places_of(parameter, entry), args, node)
            for one in _elements(value) if role != parameter else [value]:
                if one is not None:
                    self._given(one, owner, f"{role}:{method}", mask)

    def _given(self, node: ast.expr, owner: str, member: str, mask: int) -> None:
        method = member.partition(":")[2]
        if isinstance(node, ast.Lambda) and not method:
            self._note(Duty(owner, member, "the lambda", Takes.of(node.args, False)), self._here(node), mask)
            return
        for among, value in self.meanings.resolve(node, self.state.scope):
            if isinstance(value, LocalFunction) and not method:
                self._called(value, owner, member, mask & among)
            elif isinstance(value, Instance) and isinstance(value.of, LocalClass):
                found = self._method(value.of, method or self._call_of(value.of))
                if isinstance(found, LocalFunction):
                    self._called(found, owner, member, mask & among)
                elif found is _Lookup.MISSING and method:
                    self._note(Duty(owner, member, value.of.name, None), value.of.place, mask & among)

    def _call_of(self, cls: LocalClass) -> str:
        """The method that a call of an object comes to: modules of torch call `forward`."""
        if self._method(cls, "__call__") is _Lookup.UNKNOWN and any(
            _MODULE in (one, *self.known.above(one)) for one in _bases_in_torch(cls)
        ):
            return "forward"
        return "__call__"

    def subclassed(self, cls: LocalClass, node: ast.ClassDef) -> None:
        """A class of the code is defined: what those of torch above it call of themselves, and it has its own."""
        if init := beginnings.constructor(node):
            self._begins(cls, init)
        own = _names(cls)
        for base in _bases_in_torch(cls):
            for owner in (base, *self.known.above(base)):
                for role, method in contracts().members(owner):
                    if role == "self" and method in cls.methods:
                        self._called(cls.methods[method], owner, f"self:{method}", self.known.all, own)
                        self._overrides(cls.methods[method], f"{owner}.{method}")

    def _begins(self, cls: LocalClass, init: ast.FunctionDef) -> None:
        """Note what a constructor sets too early, or of what class it never calls the constructor."""
        above = {each: None for one in _bases_in_torch(cls) for each in (one, *self.known.above(one))}
        is_asked = _MODULE in above or any(beginnings.asking(one, ()) for one in above)
        if not is_asked or not all(_is_told(one) and not _is_made_otherwise(one) for one in lineage(cls)):
            return
        early, is_never_begun = beginnings.before(init)
        if _MODULE in above:
            self._sets_early(cls, early, init.args.args[0].arg)
        for owner in above if is_never_begun else ():
            if methods := " ".join(one.method for one in beginnings.asking(owner, _names(cls))):
                self._note(Duty(owner, f"begun:{methods}", cls.name, None), self._here(init), self.known.all)

    def _sets_early(self, cls: LocalClass, early: list[ast.stmt], me: str) -> None:
        """Note the first module, parameter or buffer that is set before there is anything to keep it in."""
        for statement in early if "__setattr__" not in _names(cls) else ():
            value = statement.value if isinstance(statement, ast.Expr) else None
            given = beginnings.assigned(statement, me)
            if (value and beginnings.registers(value, me)) or any(map(self._is_registered, given)):
                self._note(Duty(_MODULE, beginnings.EARLY, cls.name, None), self._here(statement), self.known.all)
                return

    def _is_registered(self, node: ast.expr) -> bool:
        """Whether an expression makes a module or a parameter, for which an object has to be ready."""
        made = self.meanings.resolve(node.func, self.state.scope) if isinstance(node, ast.Call) else ()
        classes = [one.dotted for _, one in made if isinstance(one, Name) and one.is_torch]
        return bool(classes) and all({_MODULE, _PARAMETER} & {one, *self.known.above(one)} for one in classes)

    def _overrides(self, function: LocalFunction, name: str) -> None:
        """Note a method that stands in the place of one which torch calls of itself, as long as it has that."""
        if self.known.having(name) not in (0, self.known.all) and not self.state.is_typing:
            place = function.scope.module.place(function.node.lineno)
            use = Use(name, *place, "overridden", frozenset())
            self.notes.found.append(Found(use, not self.state.doubt, self.state.releases, self.state.inside))

    def made(self, cls: LocalClass, mask: int) -> None:
        """An object of a class of the code is made, which takes that no method is abstract."""
        line = [*lineage(cls)]
        owners = _bases_in_torch(cls)
        is_known = line == [*lineage(cls, is_certain=True)] and all(map(_is_told, line))
        if len(owners) == 1 and is_known:
            self._note(Duty(owners[0], "abstract", cls.name, None, _names(cls)), cls.place, mask)

    def _called(
        self, function: LocalFunction, owner: str, member: str, mask: int, own: frozenset[str] = frozenset()
    ) -> None:
        """Note what is called of a function, unless a decorator may take the call in its place."""
        decorators = function.node.decorator_list
        is_static = any(word(one) == "staticmethod" for one in decorators)
        if not all(self._is_harmless(one, function) for one in decorators):
            return
        name = f"{function.node.name} of {function.of.name}" if function.of else function.node.name
        takes = Takes.of(function.node.args, function.of is not None and not is_static)
        place = function.scope.module.place(function.node.lineno)
        self._note(Duty(owner, member, name, takes, own), place, mask)

    def _is_harmless(self, decorator: ast.expr, function: LocalFunction) -> bool:
        values = self.meanings.resolve(decorator.func if isinstance(decorator, ast.Call) else decorator, function.scope)
        is_torch = bool(values) and all(isinstance(value, Name) and value.is_torch for _, value in values)
        return is_torch or word(decorator) in ("staticmethod", "override")

    def _method(self, cls: LocalClass, name: str) -> LocalFunction | _Lookup:
        """A method of a class, or of those of the code above it."""
        for one in lineage(cls):
            if isinstance(one, LocalClass) and (name in one.stores or one.is_dynamic):
                return one.methods[name] if name in one.methods and one.stores.get(name) == 1 else _Lookup.UNKNOWN
            if not isinstance(one, LocalClass) and not (isinstance(one, Name) and self._lacks(one, name)):
                return _Lookup.UNKNOWN
        return _Lookup.MISSING

    def _lacks(self, base: Name, name: str) -> bool:
        """Whether a class from outside of the code has no such attribute in any release; not all dunders are known."""
        if not base.is_torch:
            return base.dotted in BARE_BASES
        is_dunder = name.startswith("__") and name.endswith("__")
        is_class = self.known.kind(base.dotted) == "class"
        return is_class and not is_dunder and not self.known.having(f"{base.dotted}.{name}")

    def _here(self, node: ast.expr | ast.stmt) -> tuple[str, int]:
        return self.state.module.place(node.lineno)

    def _note(self, duty: Duty, place: tuple[str, int], mask: int) -> None:
        """Note a duty that some release asks in vain; it is certain where that is asked of whatever is used at all.

        What all releases ask in vain is a mistake where it is certain, and else no matter of theirs.
        """
        use = Use(duty.owner, *place, "implemented", frozenset(), duty=duty)
        inventory = self.known.inventory
        failing = [release for release in self.known.releases if works(use, inventory, release)]
        is_usual = duty.member in ("abstract", beginnings.EARLY) or any(
            contracts().is_usual(duty, release) for release in failing
        )
        is_certain = is_usual and not self.state.doubt
        is_telling = is_certain or len(failing) < len(self.known.releases)
        if failing and is_telling and not self.state.is_typing:
            self.notes.found.append(Found(use, is_certain, mask & self.state.releases, self.state.inside))


def _elements(node: ast.expr | None) -> Iterator[ast.expr]:
    if isinstance(node, (ast.List, ast.Tuple)):
        yield from node.elts


def _bases_in_torch(cls: LocalClass) -> list[str]:
    """The classes of torch that are nearest above a class of the code."""
    return [one.dotted for one in lineage(cls) if isinstance(one, Name) and one.is_torch]


def _is_told(value: Value) -> bool:
    """Whether all that a class has is told: it is of torch, brings nothing, or makes no attributes as it runs."""
    if isinstance(value, Name):
        return value.is_torch or value.dotted in BARE_BASES
    return isinstance(value, LocalClass) and not value.is_dynamic


def _is_made_otherwise(value: Value) -> bool:
    """Whether something beside its constructor may prepare the objects of a class: a metaclass, a decorator."""
    if not isinstance(value, LocalClass):
        return False
    return "__new__" in value.stores or value.stores.get("__init__", 0) != ("__init__" in value.methods)


def _names(cls: LocalClass) -> frozenset[str]:
    """What a class and those of the code above it define."""
    return frozenset().union(*(one.stores for one in lineage(cls) if isinstance(one, LocalClass)))
