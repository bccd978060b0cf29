"""Where the classes and functions of a release stand in its own files, through the imports that lead to them.

For what reads a release in its own environment: the standard library alone, and torch is read and not imported.
"""

from __future__ import annotations

import ast
import gc
import importlib.util
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from torchproof.reports.releases.sources import absolute, bindings, files

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class Place(NamedTuple):
    """A definition and the module that it stands in."""

    module: str
    node: Any  # a class or a function


class Definitions:
    """The files of a release."""

    def __init__(self, folder: Path) -> None:
        self.files = {"torch": str(folder / "__init__.py"), **dict(files(folder, "torch"))}

    @cache  # noqa: B019 - there is one release in a process
    def body(self, module: str) -> list[ast.stmt]:
        """The statements of a module."""
        try:
            return ast.parse(Path(self.files[module]).read_text(encoding="utf-8")).body
        except SyntaxError:  # some files are templates
            return []

    @cache  # noqa: B019
    def definitions(self, module: str) -> dict[str, Any]:
        """The classes and functions of a module."""
        nodes = _statements(self.body(module))
        return {node.name: node for node in nodes if isinstance(node, (ast.ClassDef, *FUNCTIONS))}

    @cache  # noqa: B019
    def _imports(self, module: str) -> tuple[dict[str, str], list[str]]:
        """What a module imports from torch, by name, and the modules of which it imports everything."""
        names, everything_of = {}, []
        for name, origin in bindings(self.body(module)):
            if origin and name == "*":
                everything_of.append(absolute(origin.removesuffix("*").removesuffix("."), module, self.files[module]))
            elif origin and origin.startswith((".", "torch.")):
                names.setdefault(name, absolute(origin, module, self.files[module]))
        return names, everything_of

    def origin(self, module: str, name: str) -> str:
        """Where a name of a module comes from, if it is torch's: the dotted name of a definition or a module."""
        return f"{module}.{name}" if name in self.definitions(module) else self._imports(module)[0].get(name, "")

    @cache  # noqa: B019
    def find(self, dotted: str, steps: int = 12) -> Place | None:
        """The definition of a name, through the imports that lead to it."""
        module, _, name = dotted.rpartition(".")
        if not steps or not module:
            return None
        if module not in self.files:
            above = self.find(module, steps - 1)
            if above is None or not isinstance(above.node, ast.ClassDef):
                return None
            return next((Place(above.module, one) for one in above.node.body if getattr(one, "name", "") == name), None)
        if name in self.definitions(module):
            return Place(module, self.definitions(module)[name])
        names, everything_of = self._imports(module)
        origins = [names[name]] if name in names else [f"{one}.{name}" for one in everything_of]
        return next(filter(None, (self.find(one, steps - 1) for one in origins)), None)

    def line(self, place: Place) -> Iterator[Place]:
        """A class and those above it, nearest first."""
        seen = []
        rest = [place]
        while rest:
            one = rest.pop(0)
            if isinstance(one.node, ast.ClassDef) and one not in seen:
                seen.append(one)
                rest += filter(None, (self._base(one.module, base) for base in one.node.bases))
                yield one

    def _base(self, module: str, base: ast.expr) -> Place | None:
        text = ast.unparse(base.value if isinstance(base, ast.Subscript) else base)
        head, _, rest = text.partition(".")
        if text in self.definitions(module):
            return Place(module, self.definitions(module)[text])
        if origin := self._imports(module)[0].get(head):
            text = origin + (f".{rest}" if rest else "")
        return self.find(text) if text.startswith("torch.") else None


def write(answer: str, file: str, read: Callable[[Path, Iterator[tuple[str, str]]], Iterable[str]]) -> None:
    """Write what is read of this interpreter's torch, a line each: of its folder, and of the public names with kinds.

    Raises SystemExit where there is no torch.
    """
    gc.disable()  # syntax trees are no garbage
    lines = (line.split("\t") for line in Path(answer).read_text(encoding="utf-8").splitlines())
    public = ((name, state[0]) for name, *state in lines if state)
    spec = importlib.util.find_spec("torch")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("there is no torch here")
    found = sorted(read(Path(spec.submodule_search_locations[0]), public))
    Path(file).write_text("".join(f"{line}\n" for line in found), encoding="utf-8")


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements with those in the branches of `if`, `try` and `with`."""
    for node in body:
        yield node
        if isinstance(node, (ast.If, ast.Try, ast.With)):
            yield from _statements([*node.body, *getattr(node, "orelse", [])])
