"""Finds the Python code at what somebody names: files, folders, notebooks, archives, an installed package, `-`.

Nothing is imported or run. Archives are unpacked into a folder that is gone afterwards.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import lzma
import os
import re
import stat
import sys
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import IO

from torchproof import data
from torchproof.reports import Refusal, formats
from torchproof.reports.code.notebooks import cell_of
from torchproof.reports.screen import counted

HELP = "Python code: files, folders, notebooks, a wheel, an sdist, an installed package's name, or - for standard input"
RULE = {"unread": "it could not be read, or not in whole"}

# Folders that hold no code of the project.
_PASSED_OVER = {"__pycache__", "node_modules", "site-packages", "build", "dist", "venv"}
_READ = (".py", ".ipynb")
# Folders of what is not for those who install a project: tests wherever they are, the others beside its packages.
_TESTS = {"test", "tests"}
_BESIDE = {"benchmark", "benchmarks", "doc", "docs", "example", "examples", "scripts", "tutorial", "tutorials"}
_OF_WHAT_IS_INSTALLED = ("pyproject.toml", "setup.py", "setup.cfg", "PKG-INFO")
_SHEBANG = re.compile(rb"#!.*\bpython[\d.]*\b")
_ZIPS = (".whl", ".zip", ".egg", ".pyz")
_TARS = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar")
# What an archive is unpacked for: code, and what says which torch it wants and how it is built.
_UNPACKED = (*_READ, ".toml", ".cfg", ".txt", ".yml", ".yaml", ".ini", ".lock", ".json", ".in", ".cmake", ".build",
             ".c", ".cc", ".cpp", ".cxx", ".cu", ".cuh", ".h", ".hpp", ".mm")  # fmt: skip
_NO_CODE = {*_UNPACKED, ".csv", ".html", ".md", ".rst", ".svg", ".tsv", ".xml"} - {*_READ}
_MOST_BYTES = 1 << 30  # of all that is unpacked from one archive
_MOST_IN_FILE = 1 << 25
_DAMAGES = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, RuntimeError, OSError)
_SHOWN = 20  # files that could not be read


@dataclass(frozen=True)
class Source:
    """A file of code: where it lies, and what it is called to the one who reads about it.

    `aside` says what it is part of where that is not for those who install the project: 'tests', 'docs'.
    """

    path: Path
    shown: str
    aside: str = ""


@dataclass
class Code:
    """What was named: the `roots` that were searched, the `files` in them, and how far reading has come.

    `unread` has a line ('path: reason') for each file that could not be read, or not in whole; the `unrelated` were not
    looked into, for they have nothing to do with torch.
    """

    names: list[str] = field(default_factory=list)
    roots: list[Path] = field(default_factory=list)
    _shown: list[Path] = field(default_factory=list)  # what the roots are called to the one who reads
    files: list[Source] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    read: int = 0
    not_read: int = 0  # in no part
    unrelated: int = 0

    def __str__(self) -> str:
        return ", ".join(self.names)

    @classmethod
    def at(cls, path: Path) -> Code:
        """The code of one file or folder."""
        code = cls([str(path)])
        code.add(path)
        return code

    def add(self, path: Path, shown: Path | None = None) -> None:
        """Add a file, unless its name says that it is no Python, or a folder with the code in it."""
        self.roots.append(path)
        self._shown.append(shown or path)
        known = {os.path.abspath(one.path) for one in self.files}
        is_installed = any((path / name).exists() for name in _OF_WHAT_IS_INSTALLED)
        named = [] if path.suffix in _NO_CODE else [path]
        for file in _in_folder(path, self.unread) if path.is_dir() else named:
            if os.path.abspath(file) not in known:
                below = file.relative_to(path)
                self.files.append(Source(file, data.line((shown or path) / below), _aside(below, is_installed)))

    def aside(self, file: str) -> str:
        """What a file (or 'notebook:cell 3') is part of that nobody needs who installs the project; '' of others.

        Where nothing else was named, that is the project.
        """
        return self._asides.get(cell_of(file)[0], "")

    @cached_property
    def _asides(self) -> dict[str, str]:
        found = {one.shown: one.aside for one in self.files if one.aside}
        return found if len(found) < len(self.files) else {}

    def beside(self, suffixes: tuple[str, ...]) -> Iterator[Source]:
        """Files of other kinds in the folders that were searched."""
        for root, shown in zip(self.roots, self._shown):
            for path in _in_folder(root, [], suffixes) if root.is_dir() else ():
                yield Source(path, data.line(shown / path.relative_to(root)))

    def progress(self) -> str:
        """What is being done, and how far it is."""
        done = self.read + self.not_read + self.unrelated
        return f"read {done:,} of {counted(len(self.files), 'file')} of {self}"

    def reading(self) -> str:
        """How many files were read, and how many not, for they have nothing to do with torch."""
        others = f" ({self.unrelated:,} more without anything of torch)" if self.unrelated else ""
        return counted(self.read, "Python file") + others

    def gaps(self) -> str:
        """How many files could not be read, to stand behind other words; nothing where there are none."""
        return f", {self.not_read:,} of {counted(len(self.files), 'file')} not read" if self.not_read else ""

    def check(self) -> None:
        """Nothing can be said of what was not read. Raises Refusal where that is all."""
        if not (self.read or self.unrelated):
            line, *more = self.unread or [""]
            if not self.files:
                raise Refusal(f"no Python code at {self}{f' ({line})' if line else ''}")
            others = f" (and {counted(len(more), 'more file')})" if more else ""
            raise Refusal(f"no Python code could be read at {self}; not read: {line}{others}")


def told(unread: list[str]) -> list[str]:
    """What could not be read, for the end of a report."""
    more = len(unread) - _SHOWN
    lines = [f"not read: {line}" for line in unread[:_SHOWN]]
    return lines + ([f"not read: {counted(more, 'more file')}"] if more > 0 else [])


def findings(unread: list[str]) -> Iterator[formats.Finding]:
    """The same, for what shows it beside the file."""
    for line in unread:
        path, _, reason = line.partition(": ")
        yield formats.Finding("unread", "warning", f"not read: {reason}", (path,))


@contextmanager
def opened(names: Iterable[str | Path]) -> Iterator[Code]:
    """The code at paths and names; unpacked archives are there until the end. Raises Refusal."""
    code = Code([str(one) for one in names])
    with ExitStack() as stack:
        for name in code.names:
            path = Path(name)
            if name == "-":
                folder = _temporary(stack)
                text = sys.stdin.buffer.read(_MOST_IN_FILE + 1)
                file = folder / ("stdin.ipynb" if text.lstrip()[:1] == b"{" else "stdin.py")
                file.write_bytes(text)
                code.add(file, Path("<stdin>"))
            elif path.is_file() and name.lower().endswith((*_ZIPS, *_TARS)):
                folder = _temporary(stack)
                _unpack(path, folder)
                root = _only_folder(folder)
                code.add(root, path / root.relative_to(folder))
            elif path.exists():
                code.add(path)
            else:
                for each in _installed(name):
                    code.add(each)
        yield code


def _temporary(stack: ExitStack) -> Path:
    """A folder that looks like a whole project, so that nothing above it is taken for the project's."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="torchproof-")))
    (folder / ".git").mkdir()
    return folder


def _in_folder(folder: Path, unread: list[str], suffixes: tuple[str, ...] = ()) -> Iterator[Path]:
    """The files of a folder and of those below it, in a fixed order: those of code, or with one of the suffixes."""

    def failed(error: OSError) -> None:
        unread.append(f"{data.line(error.filename)}: {error.strerror}")

    def is_wanted(path: Path) -> bool:
        return path.suffix in suffixes if suffixes else _is_code(path)

    for here, below, names in os.walk(folder, onerror=failed):
        below[:] = sorted(name for name in below if not _is_passed_over(Path(here) / name))
        yield from (path for name in sorted(names) if is_wanted(path := Path(here) / name))


def _aside(below: Path, is_installed: bool) -> str:
    """What a file is part of, by its folders, where that is not for those who install the project."""
    folders = below.parts[:-1]
    if not _TESTS.isdisjoint(folders):
        return "tests"
    is_beside = is_installed and folders and folders[0] in _BESIDE
    return folders[0].removesuffix("s") + "s" if is_beside else ""


def _is_passed_over(folder: Path) -> bool:
    return folder.name.startswith(".") or folder.name in _PASSED_OVER or (folder / "pyvenv.cfg").exists()


def _is_code(path: Path) -> bool:
    """Whether a file is Python by its name, or by the program that its first line wants."""
    if path.suffix in _READ:
        return True
    try:
        if path.suffix or path.name.startswith(".") or not stat.S_ISREG(path.stat().st_mode):
            return False
        with path.open("rb") as file:
            return bool(_SHEBANG.match(file.readline(200)))
    except OSError:
        return False


def _installed(name: str) -> list[Path]:
    """The files and folders of a package that is installed here, by the name that is imported or that pip knows."""
    if not re.fullmatch(r"[\w.-]+", name) or name.startswith("."):
        raise Refusal(f"there is no file or folder {name}")
    tops = [name] if name.isidentifier() else []
    with suppress(importlib.metadata.PackageNotFoundError, ValueError):
        tops += _top_level(importlib.metadata.distribution(name))
    for top in tops:
        if places := _of_import(top):
            return places
    raise Refusal(f"there is no file or folder {name}, and no package {name} is installed beside torchproof")


def _top_level(distribution: importlib.metadata.Distribution) -> list[str]:
    """What a distribution lets one import."""
    listed = (distribution.read_text("top_level.txt") or "").split()
    files = [PurePosixPath(file) for file in distribution.files or ()]
    found = [file.parts[0] if len(file.parts) > 1 else file.stem for file in files if file.suffix == ".py"]
    return [one for one in dict.fromkeys([*listed, *found]) if one.isidentifier()]


def _of_import(top: str) -> list[Path]:
    """Where an import would look: a package's folders, or a module's file."""
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return []
    if spec is None:
        return []
    if spec.submodule_search_locations:
        return [Path(one) for one in spec.submodule_search_locations if Path(one).is_dir()]
    return [Path(spec.origin)] if spec.origin and spec.origin.endswith(".py") else []


# Archives


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack the regular files that are looked at, below the folder alone. Raises Refusal for what is no archive."""
    room, made = _MOST_BYTES, set[Path]()
    try:
        for name, file in _zipped(archive) if archive.name.lower().endswith(_ZIPS) else _tarred(archive):
            inside = PurePosixPath(name.replace("\\", "/"))
            if not _is_inside(inside) or not _is_looked_at(inside):
                continue
            content = file.read(_MOST_IN_FILE + 1)
            room -= len(content)
            if len(content) > _MOST_IN_FILE or room < 0:
                raise Refusal(f"{archive} is too large to be read: unpack it, and name the folder")
            path = folder.joinpath(*inside.parts)
            if path.parent not in made:
                path.parent.mkdir(parents=True, exist_ok=True)
                made.add(path.parent)
            path.write_bytes(content)
    except _DAMAGES as error:  # of the system, too: a file that stands where another wants its folder
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0].rstrip(":")
        raise Refusal(f"{archive} cannot be unpacked: {reason}") from error


def _is_inside(path: PurePosixPath) -> bool:
    is_name = bool(path.parts) and not path.is_absolute() and "\0" not in str(path)
    return is_name and not {"..", ""} & set(path.parts) and ":" not in path.parts[0]


def _is_looked_at(path: PurePosixPath) -> bool:
    return not path.suffix or path.suffix in _UNPACKED or path.parent.suffix in (".dist-info", ".egg-info")


def _zipped(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    with zipfile.ZipFile(archive) as opened:
        for one in opened.infolist():
            if not one.is_dir() and not stat.S_ISLNK(one.external_attr >> 16):
                with opened.open(one) as file:
                    yield one.filename, file


def _tarred(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    with tarfile.open(archive) as opened:
        for one in opened:
            if one.isreg() and (file := opened.extractfile(one)):
                with file:
                    yield one.name, file


def _only_folder(folder: Path) -> Path:
    """The one folder in which all of an archive stands, as in an sdist, or the folder itself."""
    found = [one for one in folder.iterdir() if one.name != ".git"]
    return found[0] if len(found) == 1 and found[0].is_dir() and not (found[0] / "__init__.py").exists() else folder
