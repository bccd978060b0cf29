"""Which of its methods the subclasses of a class override in a file, and whether a call is of one of them."""

from __future__ import annotations

import ast
from collections.abc import Collection

from torchproof.reports.code.syntax import Tree, word


class Subclasses:
    """Answers for one file."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    def override(self, name: str, methods: Collection[str]) -> bool:
        """Whether a class whose base has this name defines one of the methods itself."""
        return any(
            isinstance(node, ast.ClassDef)
            and any(word(base) == name for base in node.bases)
            and any(isinstance(one, ast.FunctionDef) and one.name in methods for one in node.body)
            for node in self._tree.nodes
        )

    def are_called(self, line: int, name: str) -> bool:
        """Whether no call on a line is one of the class of this name itself."""
        return all(word(call.func) != name for call in self._tree.calls[line])
