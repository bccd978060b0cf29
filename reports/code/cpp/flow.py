"""Where what the calls get that make extensions comes from: by variables, lists, dicts and functions of the file."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator

from torchproof.reports.code.syntax import word

_LOADS = {"load", "load_inline"}
MAKES = {"CppExtension", "CUDAExtension", "SyclExtension", *_LOADS}
_HOME = "torch.utils.cpp_extension"
_GROWS = {"append", "extend", "insert", "update", "setdefault", "add"}


class Flow:
    """Which constants of a file reach an expression, by the names that they are given on the way."""

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.nodes = list(ast.walk(tree))
        self.given: dict[str, list[ast.AST]] = defaultdict(list)  # by names: what they may be, or have inside
        self.calls: dict[str, list[ast.Call]] = defaultdict(list)
        self.changed: set[str] = set()  # names whose values are, or which are bound from other scopes
        self.keys: dict[ast.AST, str] = {}  # under which key of a dict something stands
        for node in self.nodes:
            self._note(node)
        for node in self.nodes:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                self._note_parameters(node)

    def reaching(self, starts: Iterable[ast.AST], without: str = "") -> Iterator[ast.Constant]:
        """The constants that may reach some expressions, otherwise than by a key of dicts."""
        seen: set[int] = set()
        rest = [*starts]
        while rest:
            node = rest.pop()
            if id(node) in seen or (without and self.keys.get(node) == without):
                continue
            seen.add(id(node))
            if isinstance(node, ast.Constant):
                yield node
            elif isinstance(node, ast.Compare):
                continue
            elif name := word(node):
                rest += self.given.get(name, ())
            rest += ast.iter_child_nodes(node)

    def calls_of(self, made: Collection[str]) -> Iterator[ast.Call]:
        """The calls of some of what makes extensions."""
        makers = self._makers(made)
        for node in self.nodes:
            if isinstance(node, ast.Call) and (_dotted(node.func) in makers or word(node.func) in makers):
                yield node

    def _makers(self, made: Collection[str]) -> set[str]:
        """What these are called here: names that are imported, and those that stand for one of them."""
        found = {*made} - _LOADS | {f"cpp_extension.{one}" for one in made}
        for node in self.nodes:
            home = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            for alias in node.names if isinstance(node, (ast.Import, ast.ImportFrom)) else ():
                if home + alias.name == _HOME and alias.asname:
                    found.update(f"{alias.asname}.{one}" for one in made)
                elif home == f"{_HOME}." and alias.name in made:
                    found.add(alias.asname or alias.name)
        for name, values in self.given.items():
            if any(_dotted(one) in found or word(one) in found for value in values for one in _either(value)):
                found.add(name)
        return found

    def _note(self, node: ast.AST) -> None:
        if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.NamedExpr)) and node.value:
            for target in getattr(node, "targets", None) or [node.target]:  # type: ignore[union-attr]
                if name := word(_base(target)):
                    self.given[name].append(node.value)
                    if isinstance(target, ast.Subscript):
                        self.changed.add(name)
                        self._key(target.slice, node.value)
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values):
                self._key(key, value)
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            self.changed.update(node.names)
        elif isinstance(node, ast.Call):
            if name := word(node.func):
                self.calls[name].append(node)
            if name == "dict":
                self.keys.update({one.value: one.arg for one in node.keywords if one.arg})
            of = _base(node.func.value) if isinstance(node.func, ast.Attribute) and node.func.attr in _GROWS else None
            if of and (name := word(of)):
                self.changed.add(name)
                self.given[name] += [*node.args, *(one.value for one in node.keywords)]
                if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Subscript):
                    for value in node.args:
                        self._key(node.func.value.slice, value)

    def _key(self, key: ast.expr | None, value: ast.expr) -> None:
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            self.keys[value] = key.value

    def _note_parameters(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """What a function gives back, and what it is given."""
        self.given[node.name] += [one.value for one in ast.walk(node) if isinstance(one, ast.Return) and one.value]
        names = [one.arg for one in (*node.args.posonlyargs, *node.args.args)]
        for call in self.calls[node.name]:
            for name, value in zip(names, call.args):
                self.given[name].append(value)
            for keyword in call.keywords:
                if keyword.arg:
                    self.given[keyword.arg].append(keyword.value)


def _base(node: ast.expr) -> ast.expr:
    """What is subscripted, or the expression itself."""
    while isinstance(node, ast.Subscript):
        node = node.value
    return node


def _either(node: ast.AST) -> Iterator[ast.AST]:
    """The sides of `a if … else b`, or the expression itself."""
    if isinstance(node, ast.IfExp):
        yield from (node.body, node.orelse)
    else:
        yield node


def _dotted(node: ast.AST) -> str:
    """The last two words of a dotted name."""
    return f"{word(node.value)}.{node.attr}" if isinstance(node, ast.Attribute) else ""
