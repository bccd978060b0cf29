"""Files of requirements, as pip reads them, and the metadata of a package that is built."""

from __future__ import annotations

import email.parser
import re
from collections.abc import Iterator
from pathlib import Path

from torchproof.reports.code.declared.lines import Said, Unread, in_place, indexes, line, of, text_of


def read(file: Path, seen: set[Path] | None = None) -> Iterator[Said]:
    """A file of requirements, with those that it includes (`-r`), each once, and its constraints (`-c`)."""
    seen = set() if seen is None else seen
    seen.add(file.resolve())
    text = re.sub(r"(?<![ \t])[ \t]*\\\r?\n", " ", text_of(file))
    for one in map(str.strip, text.splitlines()):
        if included := re.match(r"(?:-r|-c|--requirement|--constraint)[\s=]*([^#\s]+)", one):
            yield from _included(file.parent / included[1].strip("'\""), seen, file)
        elif editable := re.match(r"(?:-e|--editable)[\s=]*(.+)", one):
            named = _named(editable[1])
            yield from of(named) if " @ " in named else ()  # else a folder
        elif one.startswith("-"):
            yield from indexes(one)
        elif one and not one.startswith("#"):
            yield from of(_named(one))


def _named(text: str) -> str:
    """What names its package behind its address, as pip took it first, with the name before it."""
    return re.sub(r"^(\S+://[^\s#]+)#(?:[^\s#]*&)?egg=([\w.-]+)[^\s#]*", r"\2 @ \1", text)


def _included(file: Path, seen: set[Path], by: Path) -> Iterator[Said]:
    if file.resolve() in seen:
        return
    if "://" in str(file) or not file.is_file():
        yield Unread(f"{by.name} includes {file.name}, which is not here", by.name)
        return
    for said in read(file, seen):
        yield in_place(said, file)


def metadata(file: Path) -> Iterator[Said]:
    """PKG-INFO or METADATA."""
    message = email.parser.HeaderParser().parsestr(text_of(file))
    for text in message.get_all("Requires-Dist") or []:
        yield from of(text)
    if python := message.get("Requires-Python"):
        yield line("python", f"Requires-Python: {python}", python)


def python(file: Path) -> Iterator[Said]:
    """.python-version and runtime.txt: the Python of an environment."""
    if found := re.match(r"\s*(?:python-|cpython@)?(3\.\d+)", text_of(file)):
        yield line("environment", f"{file.name}: {found[1]}", f"=={found[1]}.*")
