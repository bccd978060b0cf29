"""The project of several files: what its modules are called, import and export, and what names stand for in them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from pathlib import Path

from reports.code.catalog import Catalog
from reports.code.values import Imported, LocalModule, Module, Name, Scope, Value, Values, gathered, within


class Project:
    """All files of the code. `ready` walks a module before its names are looked at from elsewhere."""

    def __init__(self, known: Catalog, paths: Iterable[Path], ready: Callable[[Module], None]) -> None:
        self.known = known
        self.modules = [_module(path) for path in paths]
        self._by_name = {(one.root, one.dotted): one for one in self.modules}
        self._ready = ready
        self._asked: set[tuple[Module, str]] = set()

    def module(self, root: Path, dotted: str) -> Module | None:
        """The file of the code that is imported by this name when `root` is on the path."""
        return self._by_name.get((root, dotted))

    def imports(self, node: ast.Import | ast.ImportFrom, module: Module) -> dict[str, Values]:
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
        return {name: ((self.known.all, value),) for name, value in found.items()}

    def imported(self, node: ast.ImportFrom, name: str, module: Module) -> Name | Imported | LocalModule | None:
        """What `from … import name` gives."""
        dotted = node.module or ""
        if node.level:
            parts = module.dotted.split(".") if module.dotted else []
            parts = parts[: len(parts) - node.level + module.is_package]
            dotted = ".".join([*parts, *([node.module] if node.module else [])])
        if source := self.module(module.root, dotted):
            return Imported(source, name)
        if below := self.module(module.root, f"{dotted}.{name}"):
            return LocalModule(below)
        return None if node.level or not dotted else Name(f"{dotted}.{name}")

    def absolute(self, dotted: str, module: Module) -> Name | LocalModule:
        """What `import dotted` finds."""
        local = self.module(module.root, dotted)
        return LocalModule(local) if local and local is not module else Name(dotted)

    def lookup(self, scope: Scope, name: str) -> Values:
        """What a name stands for in a scope: in the one itself as it is now, in those around it as they were left."""
        here: Scope | None = scope
        while here:
            if here is scope or here.kind != "class":
                names = here.ever if here.kind == "function" and here is not scope else here.names
                if name in names:
                    return self._followed(names[name])
                if name in here.local:
                    return ()
            if here.kind == "module" and (found := self._starred(here, name)):
                return found
            here = here.parent
        return ()

    def _starred(self, scope: Scope, name: str) -> Values:
        """What `from … import *` brings under this name."""
        for source in reversed(scope.stars):
            if isinstance(source, LocalModule):
                if source.module is not scope.module and (found := self.of_module(source.module, name)):
                    return found
            elif isinstance(source, Name) and source.is_torch and not name.startswith("_"):
                dotted = f"{source.dotted}.{name}"
                if having := self.known.having(dotted):
                    return ((having, Name(dotted)),)
        return ()

    def _followed(self, values: Values) -> Values:
        if not any(isinstance(value, Imported) for _, value in values):
            return values
        found: list = []
        for mask, value in values:
            if isinstance(value, Imported):
                of_module = self.of_module(value.module, value.name)
                found += within(of_module, mask) if of_module else [(mask, None)]
            else:
                found.append((mask, value))
        return gathered(found)

    def of_module(self, module: Module, name: str) -> Values:
        """What a name stands for in a module of the code, as seen from elsewhere."""
        self._ready(module)
        if (module, name) in self._asked:  # modules that import it from each other
            return ()
        self._asked.add((module, name))
        try:
            if name in module.scope.names:
                return self._followed(module.scope.names[name])
            if below := self.module(module.root, f"{module.dotted}.{name}"):
                return ((self.known.all, LocalModule(below)),)
            return self._starred(module.scope, name)
        finally:
            self._asked.remove((module, name))


def _module(path: Path) -> Module:
    """A file by the name under which it is imported: from the folder above its topmost package."""
    root = path.parent
    parts = [] if path.name == "__init__.py" else [path.stem]
    while (root / "__init__.py").exists() and root.name:
        parts.insert(0, root.name)
        root = root.parent
    return Module(path, root, ".".join(parts))
