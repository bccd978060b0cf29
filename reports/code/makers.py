"""By which call of its file something that a call is passed is made: where it stands, or where its name is bound."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator

from torchproof.reports.code.syntax import Tree, given, word

_DEEPEST = 5  # names of names
_AROUND = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.Module)


class Makers:
    """Answers for one file."""

    Made = list[ast.Call | None]

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._bound: dict[str, list[tuple[ast.AST, ast.expr | None]]] = defaultdict(list)
        for node in tree.nodes:
            for target, value in _bindings(node):
                self._bound[target].append((node, value))

    def of(self, line: int, name: str, parameter: str, places: list[int]) -> list[Makers.Made]:
        """What the calls of a name on a line are passed for a parameter, the items of a list one by one.

        Each is told by the calls of which one makes it; None is what is not shown.
        """
        calls = [one for one in self._tree.calls[line] if word(one.func) in (name, "__init__")]
        passed = [given(parameter, places, one.args, one) for one in calls]
        return [made for one in passed if one for made in self._made(one, _DEEPEST)] if calls else [[None]]

    def _made(self, node: ast.expr | None, depth: int) -> list[Makers.Made]:
        if isinstance(node, ast.Call):
            return [[node]]
        if isinstance(node, (ast.List, ast.Tuple)):
            return [made for one in node.elts for made in self._made(one, depth)]
        if isinstance(node, ast.ListComp):
            return self._made(node.elt, depth)
        several = (
            [node.body, node.orelse] if isinstance(node, ast.IfExp) else self._values(node) if node and depth else []
        )
        found = [self._made(one, depth - 1) for one in several] or [[[None]]]
        return found[0] if len(found) == 1 else [[call for each in found for made in each for call in made]]

    def _values(self, node: ast.expr) -> list[ast.expr | None]:
        """All that a name or an attribute is bound to: in the function around, or in that around it; in the class."""
        bound = self._bound[ast.unparse(node)] if isinstance(node, (ast.Name, ast.Attribute)) else []
        kinds = _AROUND if isinstance(node, ast.Name) else (ast.ClassDef, ast.Module)
        around = self._tree.around(node, kinds)
        while around is not None:
            if here := [value for where, value in bound if self._tree.around(where, kinds) is around]:
                return here
            around = self._tree.around(around, kinds)
        return []


def _bindings(node: ast.AST) -> Iterator[tuple[str, ast.expr | None]]:
    """The names and attributes that a node binds, as they are written, to what is not shown too."""
    if isinstance(node, (ast.Assign, ast.AnnAssign, ast.NamedExpr)):
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            for one in target.elts if isinstance(target, (ast.Tuple, ast.List)) else [target]:
                yield ast.unparse(one), node.value if one is target else None
    elif isinstance(node, ast.arg):
        yield node.arg, None
    elif isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension, ast.withitem)):
        target = node.optional_vars if isinstance(node, ast.withitem) else node.target
        if target is not None:
            yield ast.unparse(target), None
