"""What annotations say that objects are: those of the code, and those of torch that the inventory keeps."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from functools import cache

from torchproof.reports.code.catalog import Catalog
from torchproof.reports.code.syntax import word
from torchproof.reports.code.values import (  # fmt: skip
    NOTHING,
    Expression,
    Held,
    Instance,
    LocalClass,
    Name,
    Scope,
    Value,
    Values,
    gathered,
    merged,
    within,
)

LIST, TUPLE, DICT = (Name(f"builtins.{name}") for name in ("list", "tuple", "dict"))
_HOLD_ITEMS = {"list", "List", "Sequence", "MutableSequence", "Iterable", "Iterator", "Generator", "Collection", "set",
               "Set", "frozenset", "FrozenSet", "deque", "Deque", "Reversible", "AbstractSet"}  # fmt: skip
_HOLD_VALUES = {"dict", "Dict", "Mapping", "MutableMapping", "OrderedDict", "defaultdict", "DefaultDict"}
_MEAN_THE_FIRST = {"Optional", "Annotated", "Final", "ClassVar", "Required", "NotRequired", "Context"}
_BUILT_IN = {"bool", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "object", "set", "str", "tuple"}
_DEEPEST = 5


class Annotations:
    """Reads annotations; `unknown` is what says nothing."""

    def __init__(self, known: Catalog, resolve: Callable[[ast.expr, Scope], Values]) -> None:
        self.known = known
        self.unknown: Values = ((known.all, None),)
        self._resolve = resolve

    def of_code(self, node: ast.expr | None, scope: Scope) -> Values:
        """What the code's own annotation says in a scope."""
        return (self._object(node, scope, 0) if node else ()) or self.unknown

    @cache  # noqa: B019 - there is one project in a process
    def of_torch(self, text: str) -> Values:
        """What the inventory says, in absolute names."""
        try:
            return self._object(ast.parse(text, mode="eval").body, None, 0) or self.unknown
        except SyntaxError:
            return self.unknown

    def _named(self, node: ast.expr, scope: Scope | None) -> Values:
        """What a name in an annotation stands for; without a scope it is absolute."""
        if scope:
            return self._resolve(node, scope)
        dotted = ast.unparse(node)
        return ((self.known.all, Name(dotted)),) if "." in dotted else ()

    def _object(self, node: ast.expr, scope: Scope | None, depth: int) -> Values:
        if depth > _DEEPEST:
            return self.unknown
        if isinstance(node, ast.Constant):
            return self._quoted(node.value, scope, depth)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return self._either([node.left, node.right], scope, depth)
        if isinstance(node, ast.Subscript):
            return self._of_parts(node, scope, depth)
        if not isinstance(node, (ast.Name, ast.Attribute)):
            return self.unknown
        values = self._named(node, scope)
        if not values and isinstance(node, ast.Name) and node.id in _BUILT_IN - {"object"}:
            return ((self.known.all, Instance(Name(f"builtins.{node.id}"), is_exact=False)),)
        found: list[tuple[int, Value]] = []
        for mask, value in values:
            if isinstance(value, Expression):  # another name for a type
                inner = self._object(value.node, value.scope, depth + 1)
                found += within(inner, mask)
            else:
                found.append((mask, self._instance(value)))
        return gathered(found)

    def _quoted(self, value: object, scope: Scope | None, depth: int) -> Values:
        if value is None:
            return ((self.known.all, NOTHING),)
        try:
            return self._object(ast.parse(str(value), mode="eval").body, scope, depth + 1)
        except SyntaxError:
            return self.unknown

    def _either(self, nodes: list[ast.expr], scope: Scope | None, depth: int) -> Values:
        """One of several: what they have in common, None aside."""
        first, *others = (self._object(one, scope, depth) for one in nodes)
        for one in others:
            first = merged(first, one)
        return first

    def _of_parts(self, node: ast.Subscript, scope: Scope | None, depth: int) -> Values:
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        kind = word(node.value) or ""

        def part(place: int) -> Values:
            return self._object(parts[place], scope, depth + 1) if len(parts) > place else self.unknown

        if kind in _MEAN_THE_FIRST or self._is_jaxtyping(self._named(node.value, scope)):
            return part(0)
        if kind == "Union":
            return self._either(parts, scope, depth + 1)
        if kind in _HOLD_ITEMS:
            return self._holding(LIST, Held(part(0)))
        if kind in _HOLD_VALUES:
            return self._holding(DICT, Held(part(1)))
        if kind in ("tuple", "Tuple"):
            if len(parts) == 2 and isinstance(parts[1], ast.Constant) and parts[1].value is ...:
                return self._holding(TUPLE, Held(part(0)))
            each = [part(place) for place in range(len(parts))]
            return self._holding(TUPLE, holding(each))
        if kind in ("Literal", "Callable", "type", "Type"):
            return self.unknown
        return self._object(node.value, scope, depth + 1)

    @staticmethod
    def _is_jaxtyping(values: Values) -> bool:
        """`Float[Tensor, "batch channels"]`"""
        return any(isinstance(value, Name) and value.dotted.startswith("jaxtyping.") for _, value in values)

    def _holding(self, of: Name, held: Held) -> Values:
        return ((self.known.all, Instance(of, False, held)),)

    def _instance(self, value: Value) -> Instance | None:
        if isinstance(value, LocalClass):
            return Instance(value, is_exact=False)
        if isinstance(value, Name) and (
            self.known.kind(value.dotted) == "class" if value.is_torch else is_foreign(value.dotted)
        ):
            return Instance(value, is_exact=False)
        return None


def is_foreign(dotted: str) -> bool:
    """Whether something is of Python itself or of NumPy, so that nothing of torch is below it."""
    root = dotted.partition(".")[0]
    return root in ("builtins", "numpy") or (root in sys.stdlib_module_names and root not in ("typing", "dataclasses"))


def holding(each: list[Values]) -> Held:
    """What is in a container whose items are these."""
    if not each:
        return Held()
    first, *others = each
    for one in others:
        first = merged(first, one)
    return Held(first, tuple(enumerate(each)))
