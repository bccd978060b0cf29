"""What can be said about Python's syntax trees alone."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import deepcopy
from functools import cached_property
from typing import Any

REGISTERS = {"add_module", "register_buffer", "register_module", "register_parameter", "setattr", "__setattr__"}

# Context managers in whose body an exception is no surprise.
EXPECTS = ("suppress", "raises", "assertRaises", "assertRaisesRegex")

_ALL = {"import", "attribute", "arguments", "required", "word", "raises"}
_FAILURES = {
    "ImportError": {"import"}, "ModuleNotFoundError": {"import"}, "AttributeError": {"attribute"},
    "TypeError": {"arguments", "required", "word"}, "ValueError": {"word"}, "RuntimeError": {"word", "raises"},
    "Exception": _ALL, "BaseException": _ALL,
}  # fmt: skip
# What makes a class of its annotated names: decorators and bases.
_FIELDS = {"dataclass", "dataclass_transform", "define", "frozen", "mutable", "attrs", "NamedTuple", "BaseModel"}
_VERSION = re.compile(r"\d+\.?\d*")
# Fields of nodes that have no others in them, or none that anybody asks for.
_PLAIN = {"attr", "arg", "asname", "conversion", "ctx", "is_async", "kind", "level", "module", "op", "ops", "simple",
          "type_comment", "type_ignores"}  # fmt: skip
_WITH_GAPS = {"keys", "kw_defaults", "kwd_attrs", "names"}  # lists in which not all are nodes


def word(node: ast.AST) -> str | None:
    """The last word of a dotted name."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else None


class Methods(dict[type[ast.AST], Any]):
    """The methods of a class for nodes of each kind, `_Call` for a call; where it has none, the `other` one."""

    def __init__(self, cls: type, other: Callable[..., Any] | None = None) -> None:
        super().__init__()
        self._cls = cls
        self._other = other

    def __missing__(self, kind: type[ast.AST]) -> Callable[..., Any] | None:
        self[kind] = getattr(self._cls, f"_{kind.__name__}", self._other)
        return self[kind]


def as_getattr(node: ast.expr) -> ast.Call | None:
    """`vars(owner)[name]` and `owner.__dict__[name]` as the call of `getattr` that gives the same."""
    if not isinstance(node, ast.Subscript) or isinstance(node.slice, ast.Slice):
        return None
    table, owner = node.value, None
    if isinstance(table, ast.Attribute) and table.attr == "__dict__":
        owner = table.value
    elif isinstance(table, ast.Call) and isinstance(table.func, ast.Name) and table.func.id == "vars" and table.args:
        owner = table.args[0]
    call = ast.Call(ast.Name("getattr", ast.Load()), [owner, node.slice], []) if owner else None
    return ast.copy_location(call, node) if call else None


def parameters(of: ast.arguments) -> tuple[list[ast.arg], list[ast.arg]]:
    """The parameters of a function that have one value each, and those that take what is left: `*args`, `**kwargs`."""
    return [*of.posonlyargs, *of.args, *of.kwonlyargs], [one for one in (of.vararg, of.kwarg) if one]


def defaults(of: ast.arguments) -> list[ast.expr]:
    """The expressions of its defaults."""
    return [one for one in (*of.defaults, *of.kw_defaults) if one]


def defaults_by_name(of: ast.arguments) -> dict[str, ast.expr]:
    """The same, by the parameters that have them."""
    found = {one.arg: default for one, default in zip(reversed([*of.posonlyargs, *of.args]), reversed(of.defaults))}
    found.update({one.arg: default for one, default in zip(of.kwonlyargs, of.kw_defaults) if default})
    return found


def passed(wanted: ast.arguments, node: ast.Call) -> dict[str, ast.expr]:
    """What a call passes for each parameter, or the default of that; nothing where the call unpacks something."""
    named = {one.arg: one.value for one in node.keywords if one.arg}
    if len(named) < len(node.keywords) or any(isinstance(one, ast.Starred) for one in node.args):
        return named
    named |= {one.arg: value for one, value in zip([*wanted.posonlyargs, *wanted.args], node.args)}
    return defaults_by_name(wanted) | named


def given(parameter: str, places: Iterable[int], args: Sequence[ast.expr], node: ast.Call) -> ast.expr | None:
    """What a call passes for a parameter: by its name, or among `args` at the last of its places that is shown."""
    named = [one.value for one in node.keywords if one.arg == parameter]
    counted = next((place for place, one in enumerate(args) if isinstance(one, ast.Starred)), len(args))
    shown = [place for place in places if place < counted]
    return named[0] if named else args[shown[-1]] if shown else None


_BIND_NOTHING = {ast.Expr, ast.Return, ast.Raise, ast.Assert, ast.Pass, ast.Break, ast.Continue, ast.If, ast.While,
                 ast.Try}  # fmt: skip
_BODIES = ("body", "orelse", "finalbody", "handlers", "cases")
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class _Fields(dict[type[ast.AST], list[str]]):
    """Those of the fields of each kind of nodes that are `wanted`."""

    def __init__(self, wanted: Callable[[type[ast.AST], str], bool]) -> None:
        super().__init__()
        self._wanted = wanted

    def __missing__(self, kind: type[ast.AST]) -> list[str]:
        self[kind] = [one for one in kind._fields if self._wanted(kind, one)]
        return self[kind]


_INNER = _Fields(lambda kind, field: field in _BODIES and kind not in _SCOPES)
_PARTS = _Fields(lambda kind, field: field not in _PLAIN and kind not in (ast.Constant, ast.Name))


def names_bound(body: Iterable[ast.AST]) -> list[str]:
    """The names that statements bind, those in nested functions and classes excepted."""
    found: list[str] = []
    for node in body:
        if type(node) not in _BIND_NOTHING:
            found += _bound_by(node)
        for part in _INNER[type(node)]:
            if inner := getattr(node, part):
                found += names_bound(inner)
    return found


def _bound_by(node: ast.AST) -> Iterator[str]:
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        for alias in node.names:
            yield alias.asname or alias.name.split(".")[0]
    elif isinstance(node, _SCOPES):
        yield node.name
    elif isinstance(node, ast.ExceptHandler):
        if node.name:
            yield node.name
    elif isinstance(node, ast.match_case):
        yield from (name for one in ast.walk(node.pattern) if (name := getattr(one, "name", None)))
    else:
        targets: list[ast.expr | None] = [*getattr(node, "targets", ()), getattr(node, "target", None)]
        targets += [item.optional_vars for item in getattr(node, "items", ())]
        for target in targets:
            yield from names_in(target)


def names_in(target: ast.expr | None) -> Iterator[str]:
    """The names that a target of an assignment binds."""
    if isinstance(target, ast.Name):
        yield target.id
    elif isinstance(target, (ast.Tuple, ast.List)):
        for one in target.elts:
            yield from names_in(one)
    elif isinstance(target, ast.Starred):
        yield from names_in(target.value)


def places(targets: list[ast.expr]) -> Iterator[tuple[int | None, ast.expr]]:
    """Where each target of `first, *rest, last = …` finds what it gets; none for what takes the rest."""
    star = next((place for place, one in enumerate(targets) if isinstance(one, ast.Starred)), len(targets))
    for place, one in enumerate(targets):
        yield None if place == star else place if place < star else place - len(targets), one


def exceptions(types: list[ast.expr]) -> frozenset[str]:
    """The names of exceptions, without what they are in."""
    several = (each for one in types for each in (one.elts if isinstance(one, ast.Tuple) else [one]))
    return frozenset(filter(None, map(word, several)))


def imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    """What a statement imports, by its full names; nothing of what is relative."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [f"{node.module}.{alias.name}" for alias in node.names] if not node.level else []


def failures(names: Iterable[str]) -> frozenset[str]:
    """What a handler of the exceptions with these names takes care of."""
    return frozenset(failure for name in names for failure in _FAILURES.get(name, ()))


def fields(node: ast.ClassDef) -> tuple[ast.arguments, dict[str, str]] | None:
    """What a class is made with, and which of that its attributes keep: of a data class, a named tuple, or `__init__`.

    None where it keeps nothing as it is given.
    """
    made = next((one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "__init__"), None)
    if made:
        wanted = ast.arguments(made.args.posonlyargs, made.args.args[1:], None, made.args.kwonlyargs,
                               made.args.kw_defaults, None, made.args.defaults)  # fmt: skip
        kept = {attribute: name for one in made.body for attribute, name in _kept(one)}
        names = {one.arg for one in parameters(wanted)[0]}
        found = {attribute: name for attribute, name in kept.items() if name in names}
        return (wanted, found) if found else None
    heads = [one.func if isinstance(one, ast.Call) else one for one in node.decorator_list]
    if not _FIELDS.intersection(map(word, (*heads, *node.bases))):
        return None
    wanted = ast.arguments([], [], None, [], [], None, [])
    for one in node.body:
        if not isinstance(one, ast.AnnAssign) or not isinstance(one.target, ast.Name):
            continue
        wanted.args.append(ast.arg(one.target.id))
        if one.value or wanted.defaults:
            wanted.defaults.append(_default(one.value))
    return wanted, {one.arg: one.arg for one in wanted.args}


def named_fields(node: ast.Call) -> tuple[ast.arguments, dict[str, str]]:
    """The same of `namedtuple("Pair", "one other")` or `NamedTuple("Pair", [("one", type), …])`."""
    told = node.args[1] if len(node.args) > 1 else None
    each = [one.elts[0] if isinstance(one, ast.Tuple) and one.elts else one for one in getattr(told, "elts", ())]
    names = [str(one.value) for one in each if isinstance(one, ast.Constant)]
    if isinstance(told, ast.Constant):
        names = str(told.value).replace(",", " ").split()
    wanted = ast.arguments([], [ast.arg(name) for name in names], None, [], [], None, [])
    return wanted, {name: name for name in names}


def _kept(node: ast.stmt) -> Iterator[tuple[str, str]]:
    """`self.cls = cls`"""
    target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
    value = getattr(node, "value", None)
    if isinstance(target, ast.Attribute) and word(target.value) == "self" and isinstance(value, ast.Name):
        yield target.attr, value.id


def _default(value: ast.expr | None) -> ast.expr:
    """What a field is if it is not given: of `field(default_factory=dict)` what that makes."""
    if not (isinstance(value, ast.Call) and word(value.func) in ("field", "attrib", "ib", "Field")):
        return value or ast.Constant(...)
    given = {one.arg: one.value for one in value.keywords}
    makes = given.get("default_factory") or given.get("factory")
    if isinstance(makes, ast.Lambda):
        return makes.body
    return ast.Call(makes, [], []) if makes else given.get("default", ast.Constant(...))


def stores(node: ast.ClassDef) -> tuple[dict[str, int], bool]:
    """How often each attribute is assigned or defined in a class, and whether it makes attributes as it runs."""
    counts, is_dynamic = attributes([node])
    counts.update(names_bound(node.body))
    if node.decorator_list or node.keywords:
        counts["__init__"] += 1  # which `@dataclass` and metaclasses make
    return counts, is_dynamic or "__getattr__" in counts or "__getattribute__" in counts


def attributes(code: Iterable[ast.AST]) -> tuple[Counter[str], bool]:
    """How often each attribute of something is assigned in some code, and whether that makes some as it runs."""
    counts: Counter[str] = Counter()
    is_dynamic = False
    for one in (each for part in code for each in nodes(part)):
        if type(one) is ast.Attribute:
            if type(one.ctx) is not ast.Load:
                counts[one.attr] += 1
            elif one.attr == "update" and is_dict_of_object(one.value):
                is_dynamic = True
        elif type(one) is ast.Call and (register := word(one.func)) in REGISTERS:
            place = int(register == "setattr")  # after the object
            name = one.args[place] if len(one.args) > place else None
            if isinstance(name, ast.Constant):
                counts[str(name.value)] += 1
            elif name and place and word(one.args[0]) == "self":
                is_dynamic = True
    return counts, is_dynamic


def with_name(node: ast.expr, name: str, value: ast.expr) -> ast.expr:
    """A copy of an expression with another one in the place of a name."""

    class Replaced(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            return value if node.id == name else node

    return Replaced().visit(deepcopy(node))


def is_dict_of_object(node: ast.expr) -> bool:
    """Whether it is `self.__dict__` or `vars(self)`: what an object has."""
    return word(node.func if isinstance(node, ast.Call) else node) in ("__dict__", "vars")


def may_compare_versions(node: ast.Compare | ast.Call) -> bool:
    """Whether something speaks for versions in a comparison: a name with that word, or a text or number like one."""
    for one in nodes(node):
        if isinstance(one, ast.Constant):
            if (isinstance(one.value, str) and _VERSION.match(one.value)) or type(one.value) is float:
                return True
        elif "version" in (getattr(one, "attr", None) or getattr(one, "id", None) or "").lower():
            return True
    return False


def globals_in(tree: ast.Module) -> Iterator[str]:
    """The names of a module that its functions assign to."""
    for node in nodes(tree):
        if isinstance(node, ast.Global):
            yield from node.names


def outer_names(body: list[ast.stmt]) -> tuple[set[str], set[str]]:
    """The names from outside that a function assigns to, and those of its own that inner functions assign to."""
    own: set[str] = set()
    inner: set[str] = set()
    for one in (each for statement in body for each in nodes(statement)):
        if isinstance(one, (ast.Global, ast.Nonlocal)):
            (own if one in body else inner).update(one.names)
    return own, inner


def nodes(node: ast.AST) -> list[ast.AST]:
    """A node and all below it, as `ast.walk` but faster: it is much of the time that large code takes."""
    found = [node]
    for one in found:  # it grows
        for part in _PARTS[type(one)]:  # as `_add_children`, without a call for each
            value = getattr(one, part, None)
            if type(value) is list:
                found += value if part not in _WITH_GAPS else [each for each in value if isinstance(each, ast.AST)]
            elif value is not None and isinstance(value, ast.AST):
                found.append(value)
    return found


class Tree:
    """The nodes of a file with what is around each, to tell of a call what its file alone shows."""

    def __init__(self, tree: ast.Module) -> None:
        self.nodes = nodes(tree)

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        """What each node is a part of."""
        return {child: node for node in self.nodes for child in children(node)}

    @cached_property
    def calls(self) -> dict[int, list[ast.Call]]:
        """The calls, by their lines."""
        found: dict[int, list[ast.Call]] = defaultdict(list)
        for node in self.nodes:
            if isinstance(node, ast.Call):
                found[node.lineno].append(node)
        return found

    def around(self, node: ast.AST, kinds: Any) -> Any:
        """The innermost node of some kinds around another one; None where there is none."""
        while (above := self.parents.get(node)) and not isinstance(above, kinds):
            node = above
        return above

    def may(self, line: int, name: str, holds: Callable[[ast.Call], bool]) -> bool:
        """Whether something may hold of a call of this name on a line: of any, or nobody sees of which."""
        calls = [one for one in self.calls[line] if word(one.func) == name]
        try:
            return not calls or any(map(holds, calls))
        except RecursionError:  # an expression that is nested too deeply to be looked into
            return True


def children(node: ast.AST) -> list[ast.AST]:
    """The nodes that a node consists of, as `ast.iter_child_nodes` but faster: operators and contexts are left out."""
    found: list[ast.AST] = []
    _add_children(node, _PARTS[type(node)], found)
    return found


def _add_children(node: ast.AST, parts: list[str], found: list[ast.AST]) -> None:
    for part in parts:
        value = getattr(node, part, None)
        if type(value) is list:
            found += [each for each in value if isinstance(each, ast.AST)] if part in _WITH_GAPS else value
        elif value is not None and isinstance(value, ast.AST):
            found.append(value)
