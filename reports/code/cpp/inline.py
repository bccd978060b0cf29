"""The C++ and CUDA sources that stand in Python code itself, in the strings that `load_inline` is given.

A source is certain to be compiled where its strings are written in the call or bound to names once in their scope; what
else may reach a call is possible.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from torchproof.reports.code.cpp import includes
from torchproof.reports.code.cpp.flow import Flow
from torchproof.reports.code.syntax import word

# What is given as sources, with the place among the arguments, and what torch includes before them.
_SOURCES = {"cpp_sources": (1, "torch/extension.h"), "cuda_sources": (2, "torch/types.h")}
_TRIMS = {"dedent", "strip", "lstrip", "rstrip"}


@dataclass(frozen=True)
class Inline:
    """The lines of one source, the call that compiles it, and the header that stands before it, '' for none."""

    lines: includes.Lines
    call: ast.Call
    implied: str
    is_sure: bool


def inline(text: str, tree: ast.Module) -> Iterator[Inline]:
    """The sources in a Python file."""
    flow = Flow(tree)
    strings = _Strings(flow)
    rows = text.split("\n")
    for call in flow.calls_of({"load_inline"}):
        named = {one.arg: one.value for one in call.keywords}
        for name, (place, header) in _SOURCES.items():
            given = named.get(name) or (call.args[place] if len(call.args) > place else None)
            if given:
                pieces = strings.pieces(given)
                found = strings.possible(given) if pieces is None else pieces
                lines = [line for one in found for line in _lines(one, rows)]
                implied = "" if "no_implicit_headers" in named else header
                yield Inline(lines, call, implied, pieces is not None)


class _Strings:
    """The strings that expressions are made of."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._within = _scopes(flow)
        self._bound = Counter((self._within[node], name) for node in flow.nodes for name in _binds(node))
        self._values = {
            (self._within[node], node.targets[0].id): node.value
            for node in flow.nodes
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        }
        self._whole = {part: node for node in flow.nodes if isinstance(node, ast.JoinedStr) for part in node.values}

    def possible(self, node: ast.expr) -> Collection[ast.expr]:
        """Those that may reach an expression."""
        return dict.fromkeys(self._whole.get(one, one) for one in self._flow.reaching([node]))

    def pieces(self, node: ast.expr, seen: frozenset[str] = frozenset()) -> list[ast.expr] | None:
        """Those that an expression is certain to be, one behind the other; None where that is not known."""
        match node:
            case ast.Constant(value=str()):
                return [node]
            case ast.JoinedStr(values=values) if all(isinstance(one, ast.Constant) for one in values):
                return [node]
            case ast.List(elts=inner) | ast.Tuple(elts=inner):
                return self._all(inner, seen)
            case ast.BinOp(op=ast.Add(), left=left, right=right):
                return self._all([left, right], seen)
            case ast.Call(func=ast.Attribute(value=ast.Constant(), attr="join"), args=[one]):
                return self.pieces(one, seen)
            case ast.Call(func=func, args=[one]) if word(func) == "dedent":
                return self.pieces(one, seen)
            case ast.Call(func=ast.Attribute(value=one, attr=attr), args=[]) if attr in _TRIMS:
                return self.pieces(one, seen)
            case ast.Name(id=name) if name not in seen and (value := self._value(node)):
                return self.pieces(value, seen | {name})
        return None

    def _value(self, node: ast.Name) -> ast.expr | None:
        """What a name is bound to where it is used, if that is done once and nothing is appended to it."""
        scope = self._within[node]
        while (scope, node.id) not in self._bound and scope in self._within:
            scope = self._within[scope]
        is_one = self._bound[scope, node.id] == 1 and node.id not in self._flow.changed
        return self._values.get((scope, node.id)) if is_one else None

    def _all(self, nodes: list[ast.expr], seen: frozenset[str]) -> list[ast.expr] | None:
        found: list[ast.expr] = []
        for one in nodes:
            pieces = self.pieces(one, seen)
            if pieces is None:
                return None
            found += pieces
        return found


def _scopes(flow: Flow) -> dict[ast.AST, ast.AST]:
    """The function that each part of the code stands in, or the whole."""
    found: dict[ast.AST, ast.AST] = {}
    for node in flow.nodes:  # from the outside inwards
        inner = node if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) else found.get(node, flow.tree)
        found.update(dict.fromkeys(ast.iter_child_nodes(node), inner))
    return found


def _binds(node: ast.AST) -> Iterator[str]:
    """The names that a part of the code binds."""
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        yield node.id
    elif isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, ast.alias):
        yield node.asname or node.name
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield node.name


def _lines(node: ast.expr, rows: list[str]) -> includes.Lines:
    """The lines of a string without comments, with those of the file in which they stand."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    text = "".join(str(one.value) if isinstance(one, ast.Constant) else "_" for one in parts)
    places = _places(text.split("\n"), rows, node.lineno, node.end_lineno or node.lineno)
    return [(places[max(number, 1) - 1], line) for number, line in includes.read(text)]


def _places(lines: list[str], rows: list[str], first: int, last: int) -> list[int]:
    """Where the lines of a string stand that is written from one line of a file to another.

    One that has no line of the file for each of its own, for its breaks are escaped, is searched for them.
    """
    if len(lines) == last - first + 1:
        return list(range(first, last + 1))
    found, place = [], first - 1
    for line in map(str.strip, lines):
        ahead = range(place + 1, last + 1) if line else ()
        place = next((one for one in ahead if line in rows[one - 1].replace('\\"', '"')), max(place, first))
        found.append(place)
    return found
