"""Reads in a release's own source what the attributes of its classes' objects are, as far as annotations tell.

`python -I reports/releases/held.py ANSWER FILE` runs in the environment of the release, after
`reports/releases/ask.py`, whose ANSWER says which names are public; torch is read and not imported. `nox -s inventory`
merges what it writes into `held.tsv`, in the form of the inventory: what belongs to a class is annotated where a method
sets it (`self.profiler: profile | None = None`), or is a parameter that is annotated; its state is the annotation, in
absolute names. Only what is, or holds, objects of torch's classes is told.
"""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[2]))

from torchproof.reports.code.syntax import parameters
from torchproof.reports.releases.definitions import FUNCTIONS, Definitions, Place, write

_UNKNOWN = ast.Name("object")
_SET = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.For)


def held(folder: Path, public: Iterable[tuple[str, str]]) -> Iterator[str]:
    """The attributes of the torch in a folder, each with what it is; names are public with these kinds."""
    torch = Definitions(folder)
    for name, kind in public:
        place = torch.find(name) if kind == "class" else None
        if place and isinstance(place.node, ast.ClassDef):
            for attribute, annotation in _of_class(torch, place).items():
                yield f"{name}.{attribute}\t{annotation}"


def _of_class(torch: Definitions, place: Place) -> dict[str, str]:
    """What attributes are by the methods of the class, and of private ones above it, if these tell the same."""
    declared: dict[str, set[str]] = defaultdict(set)
    given: dict[str, set[str]] = defaultdict(set)
    for one in takewhile(lambda one: one == place or one.node.name.startswith("_"), torch.line(place)):
        for method in one.node.body:
            for node in ast.walk(method) if isinstance(method, FUNCTIONS) else ():
                said = declared if isinstance(node, ast.AnnAssign) else given
                for attribute, annotation in _set_by(node, method):
                    said[attribute].add(_text(torch, one.module, annotation))
    texts = {attribute: texts.pop() for attribute, texts in {**given, **declared}.items() if len(texts) == 1}
    return {attribute: text for attribute, text in texts.items() if "torch." in text and attribute[0] != "_"}


def _set_by(node: ast.AST, method: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[tuple[str, ast.expr | None]]:
    """The attributes that a node sets of the object whose method it stands in, with annotations if there are any.

    What is only cleared is not set.
    """
    wanted, _ = parameters(method.args)
    value = getattr(node, "value", None)
    if isinstance(node, ast.AnnAssign):
        annotation: ast.expr | None = node.annotation
    elif isinstance(value, ast.Constant) and value.value is None:
        return
    else:
        annotation = next((one.annotation for one in wanted[1:] if _is(value, one.arg)), None)
    targets: list[Any] = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    inside = ast.walk(ast.Tuple(targets)) if isinstance(node, _SET) and wanted else ()
    attributes = [one for one in inside if isinstance(one, ast.Attribute) and isinstance(one.ctx, ast.Store)]
    yield from ((one.attr, annotation) for one in attributes if _is(one.value, wanted[0].arg))


def _is(node: ast.AST | None, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _text(torch: Definitions, module: str, annotation: ast.expr | None) -> str:
    """An annotation in absolute names; what is neither torch's nor Python's is an object."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        try:
            annotation = ast.parse(annotation.value, mode="eval").body
        except SyntaxError:
            return ""
    return ast.unparse(_Absolute(torch, module).visit(annotation)) if annotation else ""


class _Absolute(ast.NodeTransformer):
    def __init__(self, torch: Definitions, module: str) -> None:
        self.torch, self.module = torch, module

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self._of(node.id) or node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        head, _, rest = ast.unparse(node).partition(".")
        above = self._of(head)
        if above is None:
            return ast.Name(node.attr) if head in ("typing", "t") else node if head == "torch" else _UNKNOWN
        return ast.parse(f"{ast.unparse(above)}.{rest}", mode="eval").body

    def _of(self, name: str) -> ast.expr | None:
        """What a name is in the module: a class of torch by its dotted name, or none of it."""
        origin = self.torch.origin(self.module, name)
        return ast.parse(origin, mode="eval").body if origin else None


if __name__ == "__main__":
    write(*sys.argv[1:], read=held)
