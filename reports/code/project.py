"""The files of some code: what they are called as modules, what is in them, and what they import from each other."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from torchproof.reports.code.files import Source
from torchproof.reports.code.notebooks import notebook
from torchproof.reports.code.reading import Unreadable, parsed
from torchproof.reports.code.related import related
from torchproof.reports.code.values import Imported, LocalModule, Module, Name, Value


class Project:
    """All files of the code, as modules that find each other."""

    def __init__(self, files: Iterable[Source]) -> None:
        above = cache(_above)  # of many files in a folder
        self.modules = [_module(file, *above(file.path.parent)) for file in files]
        self._by_name = {(one.root, one.dotted): one for one in self.modules if one.path.suffix == ".py"}

    def module(self, root: Path, dotted: str) -> Module | None:
        """The file of the code that is imported by this name when `root` is on the path."""
        return self._by_name.get((root, dotted))

    def related(self) -> list[Module]:
        """The modules that have to do with torch, as words tell. Others may still be imported by these."""
        return related(self.modules, lambda module, dotted: self.module(module.root, dotted))

    def imports(self, node: ast.Import | ast.ImportFrom, module: Module) -> dict[str, Value]:
        """What an import statement binds."""
        found: dict[str, Value] = {}
        for alias in node.names:
            if isinstance(node, ast.ImportFrom):
                found[alias.asname or alias.name] = self.imported(node, alias.name, module)
            elif alias.asname:
                found[alias.asname] = self.absolute(alias.name, module)
            else:
                top = alias.name.split(".")[0]
                found[top] = self.absolute(top, module)
        return found

    def imported(self, node: ast.ImportFrom, name: str, module: Module) -> Name | Imported | LocalModule | None:
        """What `from … import name` gives."""
        dotted = node.module or ""
        if node.level:
            dotted = ".".join([*module.above(node.level), *([node.module] if node.module else [])])
        if source := self.module(module.root, dotted):
            return Imported(source, name)
        if below := self.module(module.root, f"{dotted}.{name}"):
            return LocalModule(below)
        return None if node.level or not dotted else Name(f"{dotted}.{name}")

    def starred(self, node: ast.ImportFrom, module: Module) -> Name | LocalModule | None:
        """What `from … import *` takes its names from."""
        source = self.imported(node, "*", module)
        if isinstance(source, Imported):
            return LocalModule(source.module)
        return Name(node.module or "") if isinstance(source, Name) else source

    def absolute(self, dotted: str, module: Module) -> Name | LocalModule:
        """What `import dotted` finds."""
        local = self.module(module.root, dotted)
        return LocalModule(local) if local and local is not module else Name(dotted)


def _module(file: Source, root: Path, packages: list[str]) -> Module:
    """A file by the name under which it is imported: from the folder above its topmost package."""
    parts = packages if file.path.name == "__init__.py" else [*packages, file.path.stem]
    return Module(file.path, root, ".".join(parts), file.shown)


def _above(root: Path) -> tuple[Path, list[str]]:
    """The folder above the topmost package that a folder is in, and the names of the packages on the way there."""
    packages: list[str] = []
    while (root / "__init__.py").exists() and root.name:
        packages.insert(0, root.name)
        root = root.parent
    return root, packages


def read(module: Module) -> tuple[ast.Module, list[str]]:
    """Read a module: its statements, whether functions in it reach out, and what in it could not be read, with why.

    Raises Unreadable where that is all.
    """
    text, unread = module.written, []
    if module.path.suffix == ".ipynb":
        cells = notebook(text)
        text, module.cells, unread = cells.text, cells.places, cells.unread
        if not text.strip() and (unread or "python" not in cells.language):
            raise Unreadable(unread[0] if unread else f"a notebook in {cells.language}, not in Python")
    module.text = text
    module.reaches_out = "global " in text or "nonlocal " in text
    return parsed(text), unread
