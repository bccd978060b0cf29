"""Dicts, lists and tuples that the code itself writes: what is taken out of them, and what a call passes by them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from torchproof.reports.code.syntax import word
from torchproof.reports.code.values import (
    Constant,
    Expression,
    LocalClass,
    LocalFunction,
    Name,
    OneOf,
    Scope,
    Value,
    Values,
    within,
)

_DEEPEST = 20
_FEW = 3  # that a call unpacks
_MAKES_DICT = {"dict", "OrderedDict", "MappingProxyType"}
_MAY_BE_TABLES = (ast.Name, ast.Attribute, ast.Call, ast.Dict, ast.List, ast.Tuple)
_COPIES = {"copy", "deepcopy"}

Place = tuple[ast.expr, Scope]  # an expression, and the scope in which its names are looked up


class Tables:
    """Finds what is in containers, asking `resolve` what names stand for in all of the releases `everywhere`."""

    def __init__(self, resolve: Callable[[ast.expr, Scope], Values], everywhere: int) -> None:
        self._resolve = resolve
        self._everywhere = everywhere
        self._asked: set[ast.expr] = set()

    def chosen(self, node: ast.expr, scope: Scope) -> Values:
        """What `table[key]` and `table.get(key)` give: by the key where the code shows it, else one of all."""
        if isinstance(node, ast.Subscript):
            table, key, more = node.value, node.slice, []
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "get"
            and node.args
        ):
            table, key, more = node.func.value, node.args[0], node.args[1:]
        else:
            return ()
        if node in self._asked or not isinstance(table, _MAY_BE_TABLES):
            return ()
        self._asked.add(node)  # a table may be made of what was in it: `x = [x[0], x[1]]`
        try:
            return self._taken(table, key, more, scope)
        finally:
            self._asked.remove(node)

    def _taken(self, table: ast.expr, key: ast.expr, more: list[ast.expr], scope: Scope) -> Values:
        written = self._written(table, scope)
        if written is None:
            return ()
        items = list(self._entries(*written))
        constant = self._constant(key, scope)
        if constant is not None and (found := [place for one, place in items if one == constant]):
            return self._resolve(*found[-1])
        return self.one_of([*(place for _, place in items), *((one, scope) for one in more)])

    def elements(self, node: ast.expr, scope: Scope) -> list[Values]:
        """What each name of a loop over an expression stands for: one for each of a table's `items()`, else one."""
        what = ""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.args:
            what, node = node.func.attr, node.func.value
        elif (
            isinstance(node, ast.Call) and word(node.func) in ("list", "tuple", "sorted", "set") and len(node.args) == 1
        ):
            return self.elements(node.args[0], scope)
        written = self._written(node, scope) if what in ("", "keys", "values", "items") else None
        if written is None:
            return []
        is_dict = not isinstance(written[0], (ast.List, ast.Tuple, ast.Set))
        entries = list(self._entries(*written))
        values = self.one_of([place for _, place in entries])
        keys = self._either([Constant(key) for key, _ in entries])
        if not is_dict:
            return [values] if not what else []
        return {"values": [values], "items": [keys, values]}.get(what, [keys])

    def one_of(self, places: list[Place]) -> Values:
        """What may stand at any of several places: classes, functions and texts, each for its own releases."""
        found = [one for place in places for one in self._resolve(*place)]
        masks = {mask for mask, _ in found}
        if len(masks) != 1:
            return ()
        return self._either([value for _, value in found], masks.pop())

    def _either(self, values: list[Value], mask: int = 0) -> Values:
        flat = [each for one in values for each in (one.values if isinstance(one, OneOf) else (one,))]
        kept = [
            one for one in dict.fromkeys(flat) if isinstance(one, (Name, LocalClass, LocalFunction)) or _is_text(one)
        ]
        others: list[Value] = [] if len(kept) == len(dict.fromkeys(flat)) else [None]
        one = kept[0] if len(kept) == 1 and not others else OneOf((*kept, *others))
        return ((mask or self._everywhere, one),) if kept else ()

    def spread(self, node: ast.Call, scope: Scope) -> Iterator[tuple[int, ast.Call]]:
        """The same call with what it unpacks written out, as far as the code shows it: `f(**OPTIONS)`.

        In parts, each for some releases, where what it unpacks was written under a condition about the version.
        """
        unpacked = [one.value for one in node.keywords if one.arg is None]
        unpacked += [one.value for one in node.args if isinstance(one, ast.Starred)]
        parts = {self._everywhere: None}
        for one in unpacked if len(unpacked) <= _FEW else ():
            masks = [mask for mask, _ in self._resolve(one, scope)] if isinstance(one, ast.Name) else []
            masks += [~sum(masks)]
            parts = {both: None for part in parts for mask in masks if (both := part & mask)}
        for here in parts:
            yield here, self._written_out(node, scope, here) if unpacked else node

    def _written_out(self, node: ast.Call, scope: Scope, here: int) -> ast.Call:
        args = [each for one in node.args for each in self._positional(one, scope, here)]
        keywords: dict[str | int, ast.keyword] = {}
        for place, one in enumerate(node.keywords):
            for each in [one] if one.arg else self.keywords(one.value, scope, here):
                keywords[each.arg or place] = each
        return ast.copy_location(ast.Call(node.func, args, list(keywords.values())), node)

    def _positional(self, node: ast.expr, scope: Scope, here: int) -> list[ast.expr]:
        if not isinstance(node, ast.Starred):
            return [node]
        written = self._written(node.value, scope, here)
        return written[0].elts if written and isinstance(written[0], ast.Tuple) else [node]

    def keywords(self, node: ast.expr, scope: Scope, here: int, depth: int = 0) -> list[ast.keyword]:
        """What `**node` passes in the releases `here`; what is not known of it stays `**`."""
        unknown = [ast.keyword(None, node)]
        written = self._written(node, scope, here) if depth < _DEEPEST else None
        if written is None:
            return unknown
        table, scope = written
        if isinstance(table, ast.Dict):
            found = []
            for key, value in zip(table.keys, table.values):
                name = self._constant(key, scope) if key else None
                if key is None:
                    found += self.keywords(value, scope, here, depth + 1)
                else:
                    found.append(ast.keyword(name if isinstance(name, str) else None, value))
            return found
        if isinstance(table, ast.Call):
            above = [each for one in table.args for each in self.keywords(one, scope, here, depth + 1)]
            for one in table.keywords:
                above += [one] if one.arg else self.keywords(one.value, scope, here, depth + 1)
            return above
        if isinstance(table, ast.BinOp):
            sides = (table.left, table.right)
            return [each for one in sides for each in self.keywords(one, scope, here, depth + 1)]
        return unknown

    def _written(self, node: ast.expr, scope: Scope, here: int | None = None, depth: int = 0) -> Place | None:
        """The container that an expression writes, or that a name is bound to, in all releases or those `here`."""
        if isinstance(node, (ast.Dict, ast.List, ast.Tuple, ast.Set)):
            return node, scope
        if isinstance(node, ast.BinOp):
            return (node, scope) if isinstance(node.op, ast.BitOr) else None
        if depth > _DEEPEST:
            return None
        if isinstance(node, ast.Call):
            if word(node.func) in _MAKES_DICT:
                return node, scope
            if word(node.func) in _COPIES:
                copied = node.args[0] if node.args else getattr(node.func, "value", None)
                return self._written(copied, scope, here, depth + 1) if copied is not None else None
            return None
        if isinstance(node, (ast.Name, ast.Attribute)):
            values = within(self._resolve(node, scope), self._everywhere if here is None else here)
            one = values[0][1] if len(values) == 1 else None
            return self._written(one.node, one.scope, here, depth + 1) if isinstance(one, Expression) else None
        return None

    def _entries(self, node: ast.expr, scope: Scope, depth: int = 0) -> Iterator[tuple[object, Place]]:
        """What is in a container, with the keys as far as the code shows them."""
        if depth > _DEEPEST:
            return
        if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
            yield from enumerate((one, scope) for one in node.elts)
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values):
                if key:
                    yield self._constant(key, scope), (value, scope)
                elif within := self._written(value, scope):
                    yield from self._entries(*within, depth + 1)
        elif isinstance(node, ast.BinOp):
            for side in (node.left, node.right):
                if within := self._written(side, scope):
                    yield from self._entries(*within, depth + 1)
        elif isinstance(node, ast.Call):
            for one in (*node.args, *(keyword.value for keyword in node.keywords if not keyword.arg)):
                if within := self._written(one, scope):
                    yield from self._entries(*within, depth + 1)
            yield from ((keyword.arg, (keyword.value, scope)) for keyword in node.keywords if keyword.arg)

    def _constant(self, node: ast.expr, scope: Scope) -> object:
        """The text or number that an expression is, None where that is not shown."""
        if isinstance(node, ast.Constant):
            return node.value
        if not isinstance(node, (ast.Name, ast.Attribute)):
            return None
        values = self._resolve(node, scope)
        one = values[0][1] if len(values) == 1 else None
        return one.value if isinstance(one, Constant) else None


def _is_text(value: Value) -> bool:
    return isinstance(value, Constant) and isinstance(value.value, str)
