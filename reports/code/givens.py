"""What a file gives to something by its name, wherever it does, and of which words that is made."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from fnmatch import fnmatchcase

from torchproof.reports.code.syntax import Tree, defaults_by_name, nodes, word

_DEEPEST = 3  # names of names


class Givens:
    """Answers for one file."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._given: dict[str, list[ast.expr]] = defaultdict(list)
        self._defaults: dict[str, list[ast.expr]] = defaultdict(list)
        for node in tree.nodes:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                for name, default in defaults_by_name(node.args).items():
                    self._defaults[name].append(default)
            for name, value in _given(node):
                self._given[name].append(value)

    def all_speak_of(self, parameter: str, line: int, words: tuple[str, ...]) -> bool:
        """Whether what is passed for a parameter on a line is made of something of these words.

        Where the line does not pass it by name, that goes for all that the file gives to one of that name.
        """
        given = [one.value for call in self._tree.calls[line] for one in call.keywords if one.arg == parameter]
        given = given or self._given[parameter]
        told = [one for one in given if not (isinstance(one, ast.Constant) and not one.value)]
        return bool(told) and all(self._speaks_of(one, words, _DEEPEST) for one in told)

    def _speaks_of(self, node: ast.expr, words: tuple[str, ...], depth: int) -> bool:
        said = [*_words(node)]
        if any(fnmatchcase(one.lower(), each) for one in said for each in words):
            return True
        bound = (value for one in said for value in (*self._given[one], *self._defaults[one])) if depth else ()
        return any(self._speaks_of(value, words, depth - 1) for value in bound)


def _given(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """What a node gives to something by its name: a variable, an attribute, an item or an argument."""
    if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value:
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            key = target.slice if isinstance(target, ast.Subscript) else None
            if name := (key.value if isinstance(key, ast.Constant) else word(target)):
                yield str(name), node.value
    elif isinstance(node, ast.keyword) and node.arg:
        yield node.arg, node.value
    elif isinstance(node, ast.Dict):
        yield from ((str(key.value), one) for key, one in zip(node.keys, node.values) if isinstance(key, ast.Constant))


def _words(node: ast.AST) -> Iterator[str]:
    for one in nodes(node):
        if isinstance(one, ast.Constant) and isinstance(one.value, str):
            yield one.value
        elif name := word(one):
            yield name
