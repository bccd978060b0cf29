"""The files of some code: what they are called as modules, what is in them, and what they import from each other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from torchproof.reports.code.files import Source
from torchproof.reports.code.notebooks import notebook
from torchproof.reports.code.reading import Unreadable, content, decoded, parsed
from torchproof.reports.code.values import Imported, LocalModule, Module, Name, Value

_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+(?=[\w.])(\.*)((?:\w[\w.]*)?)[ \t]+import\b"
    r"((?:[ \t]*\((?:[^()#]|#[^\n]*\n)*\))|(?:\\\n|[^\n])*)|import\b((?:\\\n|[^\n])*))",
    re.MULTILINE,
)
_IMPORTS_TORCH = re.compile(r"^[ \t]*(?:from|import)\b[^\n#]*torch", re.MULTILINE)  # as most do that speak of it
# Comments and long strings (docstrings and the like), or else another string, in which no comment begins.
_PROSE = re.compile(
    r"""#[^\n]*|\"{3}(?:\\.|[^\\])*?(?:\"{3}|\\?\Z)|'{3}(?:\\.|[^\\])*?(?:'{3}|\\?\Z)"""
    r"""|("(?:\\.|[^"\\\n])*\\?"?|'(?:\\.|[^'\\\n])*\\?'?)""",
    re.DOTALL,
)


class Project:
    """All files of the code, as modules that find each other."""

    def __init__(self, files: Iterable[Source]) -> None:
        self.modules = [_module(file) for file in files]
        self._by_name = {(one.root, one.dotted): one for one in self.modules if one.path.suffix == ".py"}

    def module(self, root: Path, dotted: str) -> Module | None:
        """The file of the code that is imported by this name when `root` is on the path."""
        return self._by_name.get((root, dotted))

    def related(self) -> list[Module]:
        """The modules that have to do with torch: whose code has the word, or imports one that has, as words tell.

        Others may still be imported by these; on their own they use nothing of torch.
        """
        found, importers = [], {}
        for module in self.modules:
            text = _words(module)
            if text is None or _speaks_of_torch(text):
                found.append(module)
            else:
                for dotted in _imported(module, text):
                    if source := self.module(module.root, dotted):
                        importers.setdefault(source, []).append(module)
        seen = set(found)
        for module in found:  # it grows
            found += (new := [one for one in importers.get(module, ()) if one not in seen])
            seen.update(new)
        return found

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


def _module(file: Source) -> Module:
    """A file by the name under which it is imported: from the folder above its topmost package."""
    path = file.path
    root = path.parent
    parts = [] if path.name == "__init__.py" else [path.stem]
    while (root / "__init__.py").exists() and root.name:
        parts.insert(0, root.name)
        root = root.parent
    return Module(path, root, ".".join(parts), file.shown)


def _words(module: Module) -> str | None:
    """The text of a module; None where reading it has more to tell."""
    try:
        return decoded(content(module.path)) if module.path.suffix == ".py" else None
    except Unreadable:
        return None


def _speaks_of_torch(text: str) -> bool:
    """Whether code has the word: its comments and documentation are no matter."""
    if "torch" not in text or _IMPORTS_TORCH.search(text):
        return "torch" in text
    return "torch" in _PROSE.sub(r"\1", text)


def _imported(module: Module, text: str) -> Iterator[str]:
    """The dotted names that a module may import, by the words of its text."""
    for dots, base, names, absolute in _IMPORT.findall(text):
        if absolute:
            for dotted in re.findall(r"[\w.]+", absolute):
                parts = dotted.split(".")
                yield from (".".join(parts[:end]) for end in range(1, len(parts) + 1))
        else:
            above = module.dotted.split(".")
            above = above[: len(above) - len(dots) + (module.path.name == "__init__.py")] if dots else []
            dotted = ".".join([*above, *([base] if base else [])])
            yield dotted
            yield from (f"{dotted}.{name}" for name in re.findall(r"\w+", names))


def read(module: Module) -> tuple[ast.Module, list[str]]:
    """Read a module: its statements, whether functions in it reach out, and what in it could not be read, with why.

    Raises Unreadable where that is all.
    """
    text, unread = decoded(content(module.path)), []
    if module.path.suffix == ".ipynb":
        cells = notebook(text)
        text, module.cells, unread = cells.text, cells.places, cells.unread
        if not text.strip() and (unread or "python" not in cells.language):
            raise Unreadable(unread[0] if unread else f"a notebook in {cells.language}, not in Python")
    module.text = text
    module.reaches_out = "global " in text or "nonlocal " in text
    return parsed(text), unread
