"""Which installed packages link torch's libraries: read from their files, without loading any of them."""

from __future__ import annotations

import importlib.metadata
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from torchproof.reports.build.causes import TORCHS_OWN

# Not every library that is named so is torch's: torchaudio has its libtorchaudio, an extension its libtorch_ext.
_TORCH = re.compile(TORCHS_OWN + r"|(?:torch|c10)(?:_\w+)?\.dll")
_SUFFIXES = {".so", ".dylib", ".pyd"}


@dataclass
class Linked:
    """An installed package with libraries that need torch's: the `modules` to import first, and the `files`."""

    name: str
    version: str
    modules: set[str] = field(default_factory=set)
    files: list[str] = field(default_factory=list)

    def probes(self) -> list[str]:
        """What is asked of it, in order: a library may need what the import of its package prepares."""
        return [*(f"package={name}" for name in sorted(self.modules)), *(f"load={file}" for file in self.files)]


def linked() -> list[Linked]:
    """The packages other than torch that link it, by name."""
    first: dict[str, importlib.metadata.Distribution] = {}
    for one in importlib.metadata.distributions():  # of two of one name the one that stands first is imported
        first.setdefault((one.metadata["Name"] or "").lower(), one)
    found = [_linked(one) for name, one in sorted(first.items()) if name not in ("", "torch")]
    return [package for package in found if package.files]


def needed(path: Path) -> list[str]:
    """The libraries that a library asks the system for when it is loaded; none where it cannot be read.

    Of ELF files exactly. Mach-O files name theirs at their beginning, among other names.
    """
    try:
        with path.open("rb") as file:
            head = file.read(1 << 16)
            if head[:4] == b"\x7fELF":
                return list(_needed(path))
    except (OSError, struct.error, ValueError, RuntimeError):  # the last of a next() without end in a generator
        return []
    return [name.decode() for name in re.findall(rb"lib[\w.-]+", head)]


def _linked(distribution: importlib.metadata.Distribution) -> Linked:
    package = Linked(distribution.metadata["Name"], distribution.version)
    modules = _modules(distribution)
    for file in distribution.files or []:
        path = Path(str(file))
        if path.suffix in _SUFFIXES and any(map(_TORCH.match, needed(Path(str(distribution.locate_file(file)))))):
            if (module := path.parts[0].partition(".")[0]) in modules:
                package.modules.add(module)
            package.files.append(str(distribution.locate_file(file)))
    return package


def _modules(distribution: importlib.metadata.Distribution) -> set[str]:
    """What of a distribution can be imported: a folder with no `__init__` (its `lib`, say) only holds files."""
    paths = [Path(str(file)) for file in distribution.files or []]
    packages = {path.parts[0] for path in paths if len(path.parts) == 2 and path.stem.split(".")[0] == "__init__"}
    files = {
        path.name.partition(".")[0] for path in paths if len(path.parts) == 1 and path.suffix in _SUFFIXES | {".py"}
    }
    return {name for name in packages | files if name.isidentifier()}


def _needed(path: Path) -> Iterator[str]:
    """DT_NEEDED of a 64-bit little-endian ELF file, as its program headers lead to it."""
    with path.open("rb") as file:

        def read(offset: int, layout: str) -> tuple[int, ...]:
            file.seek(offset)
            return struct.unpack("<" + layout, file.read(struct.calcsize("<" + layout)))

        (headers,) = read(32, "Q")
        size, count = read(54, "HH")
        segments = [read(headers + number * size, "IIQQQQQQ") for number in range(count)]
        loaded = [(address, offset, length) for kind, _, offset, address, _, length, _, _ in segments if kind == 1]
        dynamic = next((offset, length) for kind, _, offset, _, _, length, _, _ in segments if kind == 2)
        entries = [read(dynamic[0] + at, "QQ") for at in range(0, dynamic[1], 16)]
        names = next(value for tag, value in entries if tag == 5)
        names = next(names - start + offset for start, offset, length in loaded if start <= names < start + length)
        for tag, value in entries:
            if tag == 1:
                file.seek(names + value)
                yield file.read(256).split(b"\0")[0].decode()
