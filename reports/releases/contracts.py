"""Reads in a release's own source what torch calls of other people's classes and functions.

`python -I reports/releases/contracts.py ANSWER FILE` runs in the environment of the release, after
`reports/releases/ask.py`, whose ANSWER says which names are public; torch is imported only to ask its classes which of
their methods are abstract. `nox -s inventory` merges what it writes into `contracts.tsv`. That has the form of the
inventory: what belongs to a public class or function of torch is

    parameter:method    what is called of the object that is passed for the parameter; without a method, the object
    parameter[]:method  the same of each object in a list of them
    self:method         what the class calls of itself, so that a subclass may have its own
    abstract            the methods without which a subclass makes no objects, separated by spaces

and its state are the places that call it, separated by semicolons: by which method of the class, a number of positional
arguments, then keywords in order, with `*` and `**` where it passes more; `.` where an attribute is only read. A place
that need not be reached where the object is used starts with `?`; what is called in such places alone is not told.
"""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

sys.path.append(str(Path(__file__).parents[2]))

from torchproof.reports.code.syntax import word
from torchproof.reports.releases.definitions import FUNCTIONS, Definitions, Place, write
from torchproof.reports.releases.parameters import value_of

# What gives the same objects again, or copies of them.
_GIVES_AGAIN = {"deepcopy", "copy", "list", "tuple", "reversed", "ModuleList", "Sequential"}
_CLONES = "_get_clones"  # makes many of one
# Methods that run wherever an object is used at all, and functions themselves; others only where somebody calls them.
_USUAL = {"", "__init__", "__call__", "__iter__", "__next__", "forward", "step"}
# Parts whose classes and functions are not for other people's classes.
_INTERNAL = ("torch.testing.", "torch.ao.ns.", "torch.fx.experimental.", "torch.fx.passes.", "torch.jit.quantized.",
             "torch.ao.quantization.fx.", "torch.utils.benchmark.", "torch.package.")  # fmt: skip


class Role(NamedTuple):
    """What a value in torch's code is: a parameter's, `depth` lists of it, or with -1 an element of it."""

    parameter: str
    depth: int = 0


class Site(NamedTuple):
    """A place that calls something: in which method, and how."""

    caller: str
    shape: str
    may_be_passed_over: bool

    def __str__(self) -> str:
        return f"{'?' * self.may_be_passed_over}{self.caller} {self.shape}"


Sites = dict[tuple[Role, str], set[Site]]


def contracts(folder: Path, public: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The contracts of the torch in a folder, by the names of their owners, which are public with these kinds."""
    torch = Definitions(folder)
    found: dict[str, dict[str, str]] = {}
    for name, kind in public:
        place = None if name.startswith(_INTERNAL) or name.endswith("Storage") else torch.find(name)
        if place and kind == "class" and isinstance(place.node, ast.ClassDef):
            found[name] = dict(_of_class(torch, name, place))
        elif place and kind == "function" and isinstance(place.node, FUNCTIONS):
            found[name] = dict(_told(_of_function(place.node)))
    return {f"{owner}.{member}": state for owner, members in found.items() for member, state in members.items()}


# --- what is called ---------------------------------------------------------------------------------------------------


def _told(sites: Sites) -> Iterator[tuple[str, str]]:
    for (role, attribute), places in sites.items():
        called = [one for one in places if one.shape != "."] or places
        if not all(one.may_be_passed_over for one in called):
            yield f"{role.parameter}{'[]' * -role.depth}:{attribute}", "; ".join(sorted(map(str, called)))


def _of_function(node: Any) -> Sites:
    sites: Sites = defaultdict(set)
    _Body({name: Role(name) for name in _parameters(node)}, {}, "", "", sites).walk(node.body)
    return sites


def _of_class(torch: Definitions, name: str, place: Place) -> Iterator[tuple[str, str]]:
    line = list(torch.line(place))
    methods: dict[str, tuple[Any, bool]] = {}  # the nearest of each name, and whether it is the class's own
    for number, one in enumerate(line):
        for node in one.node.body:
            if isinstance(node, FUNCTIONS):
                methods.setdefault(node.name, (node, not number or one.node.name.startswith("_")))
    yield from _told(_Class(line).sites(methods))
    if abstract := sorted(getattr(value_of(name), "__abstractmethods__", ())):
        yield "abstract", " ".join(abstract)


class _Class:
    """What a class calls of what its constructor is given, and of itself."""

    def __init__(self, line: list[Place]) -> None:
        self.constructors = [
            node for one in line for node in one.node.body if isinstance(node, FUNCTIONS) and node.name == "__init__"
        ]
        self.attributes: dict[str, Role] = {}
        self.found: Sites = defaultdict(set)

    def sites(self, methods: dict[str, tuple[Any, bool]]) -> Sites:
        if self.constructors:
            names = _parameters(self.constructors[0])[1:]
            self._construct(0, {name: Role(name) for name in names})
        for name, (node, is_own) in methods.items():
            if name == "__init__" or _is_static(node) or not (is_own or _speaks_of(node) & self.attributes.keys()):
                continue
            sites: Sites = defaultdict(set)
            _Body({}, self.attributes, _parameters(node)[0], name, sites).walk(node.body)
            for (role, attribute), places in sites.items():
                if is_own or role.parameter != "self":
                    self.found[role, attribute] |= places
        return self.found

    def _construct(self, number: int, roles: dict[str, Role], is_conditional: bool = False) -> None:
        """Walk a constructor, and from its `super().__init__` the next one."""
        if number == len(self.constructors):
            return
        node = self.constructors[number]
        names = _parameters(node)

        def above(body: _Body, call: ast.Call) -> None:
            if number + 1 < len(self.constructors):
                wanted = _parameters(self.constructors[number + 1])[1:]
                given = [*zip(wanted, call.args), *((one.arg, one.value) for one in call.keywords)]
                passed = {name: role for name, value in given if name and (role := body.role(value))}
                self._construct(number + 1, passed, body.depth > 0)

        body = _Body(roles, self.attributes, names[0], "__init__", self.found, above)
        body.depth += is_conditional
        body.walk(node.body)


def _is_static(node: Any) -> bool:
    decorators = {ast.unparse(one) for one in node.decorator_list}
    return bool(decorators & {"staticmethod", "classmethod"}) or not _parameters(node)


@cache
def _speaks_of(node: ast.AST) -> frozenset[str]:
    return frozenset(one.attr for one in ast.walk(node) if isinstance(one, ast.Attribute))


def _parameters(node: Any) -> list[str]:
    wanted = node.args
    return [one.arg for one in (*wanted.posonlyargs, *wanted.args, *wanted.kwonlyargs)]


class _Body:
    """Walks a function of torch: `roles` of its names, `attributes` those of `me`, `depth` of conditions."""

    def __init__(self, roles, attributes, me, caller, sites, above=None):
        self.roles, self.attributes, self.me = dict(roles), attributes, me
        self.caller, self.sites, self.above = caller, sites, above
        self.depth = 0

    def role(self, node: ast.expr) -> Role | None:
        """What a value is, if it comes from a parameter."""
        if isinstance(node, ast.Name):
            return self.roles.get(node.id)
        if isinstance(node, ast.Attribute):
            return self.attributes.get(node.attr) if self._is_me(node.value) else None
        if isinstance(node, ast.Subscript):
            return _deeper(self.role(node.value), -1)
        if isinstance(node, (ast.List, ast.Tuple)):
            return _deeper(self.role(node.elts[0]), 1) if node.elts else None
        if isinstance(node, (ast.ListComp, ast.GeneratorExp)):
            inner = _Body(self.roles, self.attributes, self.me, self.caller, defaultdict(set))
            for loop in node.generators:
                inner.loop(loop.target, loop.iter)
            return _deeper(inner.role(node.elt), 1)
        if isinstance(node, ast.Call) and node.args:
            name = word(node.func)
            if name in _GIVES_AGAIN or name == _CLONES:
                return _deeper(self.role(node.args[0]), int(name == _CLONES))
        return None

    def _is_me(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Name) and node.id == self.me

    def loop(self, target: ast.expr, values: ast.expr) -> None:
        """Bind what a loop goes over."""
        args = values.args if isinstance(values, ast.Call) else []
        called = word(values.func) if isinstance(values, ast.Call) and args else ""
        if called == "enumerate" and isinstance(target, ast.Tuple):
            self.loop(target.elts[-1], args[0])
        elif called == "zip" and isinstance(target, ast.Tuple):
            for one, value in zip(target.elts, args):
                self.loop(one, value)
        else:
            self._bind(target, _deeper(self.role(values), -1))

    def _bind(self, target: ast.expr, role: Role | None) -> None:
        if isinstance(target, ast.Attribute) and self._is_me(target.value) and role:
            self.attributes.setdefault(target.attr, role)
        elif isinstance(target, ast.Name):
            self.roles.pop(target.id, None)
            if role:
                self.roles[target.id] = role

    def walk(self, body: list[ast.stmt]) -> None:
        """Walk statements in their order."""
        for node in body:
            self._statement(node)

    def _statement(self, node: ast.stmt) -> None:
        if isinstance(node, (ast.ClassDef, *FUNCTIONS)):
            self._inner(_parameters(node) if isinstance(node, FUNCTIONS) else [], node.body)
        elif isinstance(node, ast.If):
            self._expression(node.test)
            self._perhaps(node.body + node.orelse)
            self.depth += any(isinstance(one, (ast.Return, ast.Raise)) for one in ast.walk(node))
        elif isinstance(node, (ast.For, ast.AsyncFor)):
            self._expression(node.iter)
            self.loop(node.target, node.iter)
            self.walk(node.body)
        elif isinstance(node, (ast.While, ast.Try)):
            self._perhaps([one for one in ast.iter_child_nodes(node) if isinstance(one, ast.stmt)])
            self._perhaps([one for each in getattr(node, "handlers", ()) for one in each.body])
        else:
            for one in ast.iter_child_nodes(node):
                if isinstance(one, ast.stmt):
                    self._statement(one)
                else:
                    self._expression(one)
            if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value:
                for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                    self._bind(target, self.role(node.value))

    def _perhaps(self, body: list[ast.stmt]) -> None:
        self.depth += 1
        self.walk(body)
        self.depth -= 1

    def _inner(self, names: list[str], body: list[ast.stmt]) -> None:
        """Walk a function within, which runs later or never."""
        roles, self.roles = self.roles, {name: role for name, role in self.roles.items() if name not in names}
        self._perhaps(body)
        self.roles = roles

    def _expression(self, node: ast.AST) -> None:
        if isinstance(node, ast.Lambda):
            self._inner(_parameters(node), [ast.Expr(node.body)])
        elif isinstance(node, (ast.ListComp, ast.GeneratorExp, ast.SetComp, ast.DictComp)):
            roles = dict(self.roles)
            for loop in node.generators:
                self._expression(loop.iter)
                self.loop(loop.target, loop.iter)
            self._each([one for one in ast.iter_child_nodes(node) if isinstance(one, ast.expr)])
            self.roles = roles
        elif isinstance(node, (ast.BoolOp, ast.IfExp)):
            first, *others = node.values if isinstance(node, ast.BoolOp) else (node.test, node.body, node.orelse)
            self._expression(first)
            self.depth += 1
            self._each(others)
            self.depth -= 1
        elif isinstance(node, ast.Call):
            self._called(node)
            self._each([*node.args, *(one.value for one in node.keywords)])
            self._expression(node.func.value if isinstance(node.func, ast.Attribute) else node.func)
        else:
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load) and (role := self.role(node.value)):
                self._note(role, node.attr, ".")
            self._each(ast.iter_child_nodes(node))

    def _each(self, nodes: Iterable[ast.AST]) -> None:
        for one in nodes:
            self._expression(one)

    def _called(self, node: ast.Call) -> None:
        func = node.func
        if role := self.role(func):
            self._note(role, "", _shape(node))
        elif isinstance(func, ast.Attribute):
            if self._is_me(func.value):
                self._note(Role("self"), func.attr, _shape(node))
            elif role := self.role(func.value):
                self._note(role, func.attr, _shape(node))
            elif func.attr == "__init__" and ast.unparse(func.value).startswith("super(") and self.above:
                self.above(self, node)

    def _note(self, role: Role, attribute: str, shape: str) -> None:
        if role.depth <= 0:
            self.sites[role, attribute].add(Site(self.caller, shape, self.depth > 0 or self.caller not in _USUAL))


def _deeper(role: Role | None, by: int) -> Role | None:
    return Role(role.parameter, role.depth + by) if role and role.depth + by >= -1 else None


def _shape(node: ast.Call) -> str:
    stars = sum(isinstance(one, ast.Starred) for one in node.args)
    keywords = sorted(one.arg for one in node.keywords if one.arg)
    more = ["*"] * bool(stars), ["**"] * any(one.arg is None for one in node.keywords)
    return " ".join([str(len(node.args) - stars), *more[0], *keywords, *more[1]])


def _lines(folder: Path, public: Iterator[tuple[str, str]]) -> Iterator[str]:
    return (f"{name}\t{state}" for name, state in contracts(folder, public).items())


if __name__ == "__main__":
    write(*sys.argv[1:], read=_lines)
