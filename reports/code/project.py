"""The files of some code: what they are called as modules, what is in them, and what they import from each other."""

from __future__ import annotations

import ast
import tokenize
import warnings
from collections.abc import Iterable
from pathlib import Path

from torchproof.reports.code.values import Imported, LocalModule, Module, Name, Value

# What a file raises that cannot be read.
UNREADABLE = (SyntaxError, ValueError, OSError, RecursionError, MemoryError)


class Project:
    """All files of the code, as modules that find each other."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self.modules = [_module(path) for path in paths]
        self._by_name = {(one.root, one.dotted): one for one in self.modules}

    def module(self, root: Path, dotted: str) -> Module | None:
        """The file of the code that is imported by this name when `root` is on the path."""
        return self._by_name.get((root, dotted))

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
            parts = module.dotted.split(".") if module.dotted else []
            parts = parts[: len(parts) - node.level + (module.path.name == "__init__.py")]
            dotted = ".".join([*parts, *([node.module] if node.module else [])])
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


def _module(path: Path) -> Module:
    """A file by the name under which it is imported: from the folder above its topmost package."""
    root = path.parent
    parts = [] if path.name == "__init__.py" else [path.stem]
    while (root / "__init__.py").exists() and root.name:
        parts.insert(0, root.name)
        root = root.parent
    return Module(path, root, ".".join(parts))


def read(module: Module) -> ast.Module:
    """Read a module: its statements, and whether functions in it reach out. Raises one of UNREADABLE."""
    with tokenize.open(module.path) as file:
        text = module.text = file.read()
    module.reaches_out = "global " in text or "nonlocal " in text
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the compiler has to say about the code is not ours to tell
        return ast.parse(text)
