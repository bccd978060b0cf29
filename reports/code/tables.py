"""Dicts, lists and tuples that the code itself writes: what is taken out of them, and what a call passes by them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce

from torchproof.reports.code.syntax import word
from torchproof.reports.code.values import (  # fmt: skip
    Constant,
    Expression,
    Instance,
    LocalClass,
    LocalFunction,
    Name,
    OneOf,
    Scope,
    Value,
    Values,
    joined,
    within,
)

_DEEPEST = 20
_FEW = 3  # that a call unpacks
MOST_ITEMS = 30  # of a dict that a loop or a comprehension makes, which are worked out one by one
_MAKES_DICT = {"dict", "OrderedDict", "MappingProxyType"}
_MAY_BE_TABLES = (ast.Name, ast.Attribute, ast.Call, ast.Subscript, ast.Dict, ast.List, ast.Tuple)
_KEEP_ROWS = {"enumerate", "list", "reversed", "set", "sorted", "tuple"}
_COPIES = {"copy", "deepcopy"}

Place = tuple[ast.expr, Scope]  # an expression, and the scope in which its names are looked up


class Tables:
    """Finds what is in containers, asking `resolve` what names stand for in all of the releases `everywhere`."""

    def __init__(self, resolve: Callable[[ast.expr, Scope], Values], everywhere: int) -> None:
        self._resolve = resolve
        self._everywhere = everywhere
        self._asked: set[object] = set()
        self._picked: dict[object, int] = {}  # rows of choices, while a call is spread over them
        self._looked_at: set[ast.expr] = set()  # what is being looked at for the container that it is
        self._open: list[OneOf] = []  # the choices that were met meanwhile, and are not picked from

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
        if not isinstance(table, _MAY_BE_TABLES):
            return ()
        with self._asking(node) as is_new:
            return self._taken(table, key, more, scope) if is_new else ()

    @contextmanager
    def _asking(self, what: object) -> Iterator[bool]:
        """Whether nobody asks the same already: a table may be made of what was in it, as is `x = [x[0], x[1]]`."""
        is_new = what not in self._asked
        self._asked.add(what)
        try:
            yield is_new
        finally:
            if is_new:
                self._asked.remove(what)

    def _taken(self, table: ast.expr, key: ast.expr, more: list[ast.expr], scope: Scope) -> Values:
        tables, choice = self._alternatives(table, scope)
        if not any(tables):
            return ()
        keys = self._constants(key, scope)
        if len(tables) > 1 and len(keys.values) == 1:  # the same place in each
            each = [self.at(one, keys.values[0]) for one in tables]
            return self.one_of(each, choice) if any(each) else ()
        items = [each for one in tables for each in self._items(one)]
        by_key = {key: place for key, place in items if key is not None}
        where = tuple(one.node for one in tables if one)
        if keys.values and all(one in by_key for one in keys.values):
            with self._asking((where, keys.values)) as is_new:
                return self.one_of([self.row(*by_key[one]) for one in keys.values], keys.choice) if is_new else ()
        with self._asking(where) as is_new:
            rows = [self.row(*place) for _, place in items] if is_new else [()]
        rows += [self.row(one, scope) for one in more]
        return self.one_of(rows, (choice, where, ast.dump(key), id(scope))) if items else ()

    def at(self, table: Value, key: object) -> Values:
        """What is in a table under a key, or in a named tuple at a place."""
        if isinstance(table, Instance) and table.held:
            items = table.held.items
            return items[key][1] if isinstance(key, int) and key < len(items) else ()
        found = [place for one, place in self._items(table) if one == key]
        return self.row(*found[-1]) if found else ()

    def _items(self, table: Value) -> Iterator[tuple[object, Place]]:
        written = self._written(table.node, table.scope) if isinstance(table, Expression) else None
        return self._entries(*written) if written else iter(())

    def row(self, node: ast.expr, scope: Scope) -> Values:
        """What stands at one place of a table: a container or a call that is not understood as it is written."""
        values = self._resolve(node, scope)
        if not values and isinstance(node, _MAY_BE_TABLES) and not isinstance(node, (ast.Name, ast.Attribute)):
            return ((self._everywhere, Expression(node, scope)),)
        return values

    def apart(self, values: Values, count: int) -> list[Values]:
        """What each of `count` names gets of a container, or of one of several; nothing where it is not written."""
        one = values[0][1] if len(values) == 1 else None
        rows = one.values if isinstance(one, OneOf) else (one,)
        if not any(isinstance(each, Expression) or has_fields(each) for each in rows):
            return []
        choice = one.choice if isinstance(one, OneOf) else None
        parts = [self.one_of([self.at(each, place) for each in rows], choice) for place in range(count)]
        return parts if any(parts) else []

    def looped(self, loop: ast.comprehension | ast.For | ast.AsyncFor, scope: Scope) -> Values:
        """What a loop over a table brings: one of its items, or of its keys, or of those and its values in pairs."""
        rows = self.each(loop, scope)
        return self.one_of(rows, _choice(loop, scope)) if rows else ()

    def whole(self, loop: ast.comprehension | ast.For | ast.AsyncFor, scope: Scope) -> object:
        """The choice among the rows of a table that the code writes, where a loop goes over it and it is not empty."""
        return _choice(loop, scope) if self._rows(loop.iter, scope) else None

    def each(self, loop: ast.comprehension | ast.For | ast.AsyncFor, scope: Scope) -> list[Values]:
        """The same one after another."""
        return [self.row(*place) for place in self._rows(loop.iter, scope)]

    def _rows(self, node: ast.expr, scope: Scope) -> list[Place]:
        what = ""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.args:
            what, node = node.func.attr, node.func.value
        elif isinstance(node, ast.Call) and len(node.args) == 1 and word(node.func) in _KEEP_ROWS:
            rows = self._rows(node.args[0], scope)
            if word(node.func) != "enumerate":
                return rows
            return [_pair(place, *row) for place, row in enumerate(rows)]
        written = self._written(node, scope) if what in ("", "keys", "values", "items") else None
        if written is None:
            return []
        is_list = isinstance(written[0], (ast.List, ast.Tuple, ast.Set))
        entries = [*self._entries(*written)]
        if is_list or what == "values":
            return [place for _, place in entries] if not (is_list and what) else []
        if what == "items":
            return [_pair(key, *place) for key, place in entries]
        return [(written_as(key), scope) for key, _ in entries]

    def one_of(self, rows: list[Values], choice: object = None) -> Values:
        """What may be any of several: classes, functions, texts, containers; in parts where releases differ in them."""
        parts = {self._everywhere: None}
        for mask in dict.fromkeys(mask for values in rows for mask, _ in values):
            parts = {both: None for part in parts for one in (mask, ~mask) if (both := part & one)}
        found = [(part, _either(tuple(_here(values, part) for values in rows), choice)) for part in parts]
        return tuple(one for one in found if one[1] is not None) if any(value for _, value in found) else ()

    def spread(self, node: ast.Call, scope: Scope, called: Values) -> Iterator[tuple[int, ast.Call, Values]]:
        """The same call with what it unpacks written out, as far as the code shows it, and what is `called` by it.

        In parts, each for some releases, where what it unpacks was written under a condition about the version; and
        once for each row of the table that it is taken from: `cls, options = TABLE[name]; cls(**options)`.
        """
        unpacked = [one.value for one in node.keywords if one.arg is None]
        unpacked += [one.value for one in node.args if isinstance(one, ast.Starred)]
        if not unpacked:
            yield self._everywhere, node, called
            return
        parts = {self._everywhere: None}
        for one in unpacked if len(unpacked) <= _FEW else ():
            masks = [mask for mask, _ in self._resolve(one, scope)] if isinstance(one, ast.Name) else []
            masks += [~sum(masks)]
            parts = {both: None for part in parts for mask in masks if (both := part & mask)}
        for here in parts:
            self._open.clear()
            whole = self._written_out(node, scope, here)
            open_choices = [one for one in self._open if _is_taken_by(called, one)]
            if not open_choices:
                yield here, whole, called
            else:
                yield from self._by_row(node, scope, here, called, open_choices[0])

    def _by_row(
        self, node: ast.Call, scope: Scope, here: int, called: Values, choice: OneOf
    ) -> list[tuple[int, ast.Call, Values]]:
        found = []
        for row in range(len(choice.values)):
            self._picked[choice.choice] = row
            with scope.shadowed():  # nothing of this row is to be remembered
                found.append((here, self._written_out(node, scope, here), _picked(called, choice.choice, row)))
            del self._picked[choice.choice]
        return found

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
        if not isinstance(node, _MAY_BE_TABLES) or node in self._looked_at:
            return None
        self._looked_at.add(node)  # it may be made of itself: `rows = [one for one in sorted(rows)]`
        try:
            several, _ = self._alternatives(node, scope, here)
        finally:
            self._looked_at.remove(node)
        one = several[0] if len(several) == 1 else None
        return self._written(one.node, one.scope, here, depth + 1) if one and one.node is not node else None

    def _alternatives(
        self, node: ast.expr, scope: Scope, here: int | None = None
    ) -> tuple[list[Expression | None], object]:
        """The expressions that one may stand for, and the choice among them where there are several."""
        if isinstance(node, (ast.Dict, ast.List, ast.Tuple, ast.Set)):
            return [Expression(node, scope)], None
        values = within(self._resolve(node, scope), self._everywhere if here is None else here)
        one = values[0][1] if len(values) == 1 else None
        if isinstance(one, OneOf) and one.choice in self._picked:
            one = one.of_row(self._picked[one.choice])
        if not isinstance(one, OneOf):
            is_itself = one is None and isinstance(node, ast.Call)
            return [Expression(node, scope) if is_itself else one if isinstance(one, Expression) else None], None
        self._open.append(one)
        return [each if isinstance(each, Expression) else None for each in one.values], one.choice

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

    def texts(self, node: ast.expr, scope: Scope) -> tuple[object, ...]:
        """The texts or numbers that an expression may be, where all are shown."""
        return self._constants(node, scope).values

    def _constant(self, node: ast.expr, scope: Scope) -> object:
        """The text or number that an expression is, None where that is not shown."""
        found = self._constants(node, scope).values
        return found[0] if len(found) == 1 else None

    def _constants(self, node: ast.expr, scope: Scope) -> _Keys:
        """The texts or numbers that an expression may be, where all are shown, by the choice among them."""
        if isinstance(node, ast.Constant):
            return _Keys((node.value,))
        values = self._resolve(node, scope) if isinstance(node, (ast.Name, ast.Attribute)) else ()
        one = values[0][1] if len(values) == 1 else None
        several = one.values if isinstance(one, OneOf) else (one,)
        shown = tuple(each.value for each in several if isinstance(each, Constant))
        return _Keys(shown if len(shown) == len(several) else (), one.choice if isinstance(one, OneOf) else None)


@dataclass(frozen=True)
class _Keys:
    values: tuple[object, ...]
    choice: object = None


def _choice(loop: ast.comprehension | ast.For | ast.AsyncFor, scope: Scope) -> object:
    return loop.iter, id(scope)


def _here(values: Values, part: int) -> Value:
    """The value in some releases, in which it is the same."""
    return next((value for mask, value in values if mask & part), None)


def _either(values: tuple[Value, ...], choice: object) -> Value:
    """One of several, None where nothing of them is carried on by it: of plain objects, what they have in common."""
    if len(values) == 1:
        return values[0]
    if all(isinstance(one, Instance) and not has_fields(one) for one in values):
        return reduce(joined, values)
    return OneOf(values, choice) if any(map(is_carried, values)) else None


def is_carried(value: Value) -> bool:
    """Whether a table is followed for what stands there: a class, a function, a text, or what holds more of them."""
    is_text = isinstance(value, Constant) and isinstance(value.value, str)
    return is_text or isinstance(value, (Name, LocalClass, LocalFunction, Expression, OneOf)) or has_fields(value)


def is_container(node: ast.expr) -> bool:
    """Whether an expression writes a container out."""
    return isinstance(node, (ast.List, ast.Tuple, ast.Set)) or is_dict_written(node)


def is_dict_written(node: ast.expr) -> bool:
    """Whether an expression writes a dict out, or calls what makes one."""
    return isinstance(node, ast.Dict) or (isinstance(node, ast.Call) and word(node.func) in _MAKES_DICT)


def has_fields(value: Value) -> bool:
    """Whether it is an object of a class of the code of which it is known what it was made with."""
    return isinstance(value, Instance) and isinstance(value.of, LocalClass) and value.held is not None


def _pair(key: object, node: ast.expr, scope: Scope) -> Place:
    return ast.Tuple([written_as(key), node], ast.Load()), scope


def written_as(key: object) -> ast.expr:
    """A text or a whole number as code has it."""
    return ast.Constant(key if isinstance(key, (str, int)) else None)


def _is_taken_by(called: Values, choice: OneOf) -> bool:
    """Whether all that is called is one thing, or of the same row as what is passed."""
    others = [value for _, value in called if isinstance(value, OneOf)]
    return choice.choice is not None and all(one.choice == choice.choice for one in others)


def _picked(called: Values, choice: object, row: int) -> Values:
    def one(value: Value) -> Value:
        return value.of_row(row) if isinstance(value, OneOf) and value.choice == choice else value

    return tuple((mask, one(value)) for mask, value in called)
