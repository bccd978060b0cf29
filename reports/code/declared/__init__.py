"""What a project declares about the torch that it needs, wherever projects declare it. Nothing of it runs.

Each kind of file has a reader, which gives the lines of it that are about torch, or about what says something of torch:
its torchvision and torchaudio, the Pythons and the NumPy. Of several files, that counts by which the project is
installed.
"""

from __future__ import annotations

import configparser
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import and_
from pathlib import Path

from torchproof import data
from torchproof.releases import PAIRED
from torchproof.reports.code.declared import conda, docker, matrices, requirements, setups, tables
from torchproof.reports.code.declared.lines import (
    ANOTHER_SHAPE,
    MISSHAPEN,
    Line,
    Said,
    Unread,
    Versions,
    in_file,
    only,
    reaches_above,
    reaches_below,
    short,
    torchs,
)
from torchproof.reports.code.reading import Unreadable, content

_UNREADABLE = (OSError, ValueError, SyntaxError, configparser.Error, RecursionError, MemoryError, Unreadable)
# The most binding first: what the project is installed by, what it is worked on with, where it runs.
_READERS: tuple[tuple[str, Callable[[Path], Iterator[Said]]], ...] = (
    ("pyproject.toml", tables.pyproject),
    ("setup.cfg", setups.setup_cfg),
    ("setup.py", setups.setup_py),
    ("settings.ini", setups.settings_ini),
    ("PKG-INFO", requirements.metadata),
    ("Pipfile", tables.pipfile),
    ("pixi.toml", tables.pixi),
    ("requirements.in", requirements.read),
    ("requirements.txt", requirements.read),
    ("requirements*.txt", requirements.read),
    ("*requirements*.txt", requirements.read),
    ("requirements*.in", requirements.read),
    ("requirements/*.txt", requirements.read),
    ("requirements/*.in", requirements.read),
    ("reqs/*.txt", requirements.read),
    ("*env*.y*ml", conda.environment),
    ("conda*.y*ml", conda.environment),
    ("conda/*.y*ml", conda.environment),
    ("meta.yaml", conda.environment),
    ("*recipe*/meta.yaml", conda.environment),
    ("Dockerfile*", docker.read),
    ("*.Dockerfile", docker.read),
    ("docker/*Dockerfile*", docker.read),
    (".python-version", requirements.python),
    ("runtime.txt", requirements.python),
)
# What somebody installs by what those ask for, and what it is tested with.
_LOCKS: tuple[tuple[str, Callable[[Path], Iterator[Said]]], ...] = (
    ("poetry.lock", tables.lock),
    ("uv.lock", tables.lock),
    ("pdm.lock", tables.lock),
    ("pylock*.toml", tables.lock),
    ("Pipfile.lock", tables.pipfile_lock),
    ("pixi.lock", conda.lock),
    ("conda*.lock", conda.lock),
    ("conda-lock*.y*ml", conda.lock),
    ("tox.ini", matrices.tox_ini),
    ("tox.toml", matrices.tox_toml),
    ("noxfile.py", matrices.noxfile),
    (".github/workflows/*.y*ml", matrices.pipeline),
    (".gitlab-ci.yml", matrices.pipeline),
    (".circleci/config.yml", matrices.pipeline),
    ("*azure-pipelines*.y*ml", matrices.pipeline),
    (".azure-pipelines/*.y*ml", matrices.pipeline),
    ("*compose*.y*ml", matrices.pipeline),
    ("*.ipynb", matrices.notebook),
)
# The names of lines that ask for a CUDA: an index of wheels, the builds of torch's channel of conda, any of conda's.
CUDAS = ("cuda", "pytorch-cuda", "cudatoolkit")
_MOST = 10_000  # characters that one file says of torch, far more than a person has to say
# What only the folder of a project has.
_OF_A_PROJECT = (".git", "pyproject.toml", "setup.py", "setup.cfg", "requirements.txt", "requirements")
# What lies in these is no part of a project below them.
_NOBODYS = (Path(tempfile.gettempdir()).resolve(), Path(os.path.expanduser("~")).resolve(), Path("/"))
_FIRST_OF_ITS_FOLDER = re.compile(r"(base|core|main|prod\w*|install|requirements|runtime)\.\w+$")


@dataclass(frozen=True)
class Declared:
    """What a project says: by file, the lines about torch (or what is built for it); about the Pythons; about NumPy.

    `neighbours` are those of all files about what is built for a torch, `cells` the environments of matrices that
    nothing can be installed in, and `tested` has the Pythons of those that install torch.
    `scripts` are those that say for themselves what they need of torch, in a header.
    `environment` has the Python of an environment, which may be a developer's own, or one of conda, and
    `systems` those that it is made for, as conda calls them. `cuda` has the indexes of torch's own wheels, by the CUDA
    that these are for, and conda's builds for one.
    """

    torch: dict[str, list[Line]] = field(default_factory=dict)
    python: tuple[Line, ...] = ()
    numpy: tuple[Line, ...] = ()
    unread: tuple[str, ...] = ()
    environment: tuple[Line, ...] = ()
    systems: tuple[Line, ...] = ()
    cuda: tuple[Line, ...] = ()
    gpus: tuple[Line, ...] = ()
    scripts: dict[Path, Range] = field(default_factory=dict)
    neighbours: tuple[Line, ...] = ()
    cells: tuple[Line, ...] = ()
    tested: tuple[Line, ...] = ()

    @property
    def file(self) -> str:
        """The file that counts."""
        return next(iter(self.torch), "")

    def ranges(self, file: str = "") -> list[Range]:
        """What a file (that which counts) declares: lines for other environments, or of other groups, stand apart.

        What the project always needs comes before what an extra or a group asks for. A line without a marker holds
        beside those that have one.
        """
        lines = self.torch.get(file or self.file, [])
        group = min((one.group for one in lines), key=lambda name: (name != "", name == "build"), default="")
        lines = [one for one in lines if one.group == group]
        lines = [one for one in lines if one.name == "torch"] or lines
        always = [one for one in lines if not one.marker]
        markers = dict.fromkeys(one.marker for one in lines if one.marker and one.holds_on(self.pythons))
        found = [Range((*always, *(one for one in lines if one.marker == marker))) for marker in markers]
        return found or ([Range(tuple(always))] if always else [])

    def goes_to(self, release: str, python: str) -> bool:
        """Whether what the project always needs allows a release on a Python, where markers make a difference."""
        lines = [one for one in self.torch.get(self.file, []) if one.name == "torch" and not one.group]
        here = [one for one in lines if one.holds_on(only(python))]
        return not any(one.marker for one in lines) or (bool(here) and torchs(here, release))

    @property
    def pythons(self) -> Versions:
        """The Pythons that the project takes."""
        return together(self.python)


def together(lines: tuple[Line, ...]) -> Versions:
    """What all of some lines ask for at once."""
    return reduce(and_, (one.specifiers for one in lines), Versions())


@dataclass(frozen=True)
class Range:
    """Lines that hold at once, and what they allow."""

    lines: tuple[Line, ...]

    @property
    def text(self) -> str:
        """As the file has it."""
        return ", ".join(dict.fromkeys(one.text for one in self.lines))

    @property
    def place(self) -> str:
        """The files that have them."""
        return ", ".join(dict.fromkeys(one.place for one in self.lines))

    @property
    def group(self) -> str:
        """The extra or group that asks for them."""
        return self.lines[0].group

    def allowed(self, releases: tuple[str, ...]) -> list[str]:
        """Of the releases, those of which any patch is allowed."""
        return [release for release in releases if torchs(list(self.lines), release)]

    @property
    def reaches_below(self) -> bool:
        """Whether it allows a torch that is older than all that are known."""
        return reaches_below(list(self.lines))

    def reaches_above(self, releases: tuple[str, ...]) -> bool:
        """Whether it allows a torch that is newer than all of them."""
        return reaches_above(list(self.lines), releases[-1])


def declared(*paths: Path) -> Declared:
    """What the first of some paths declares that says anything about torch."""
    said = [_declared(path.resolve()) for path in paths]
    return next((one for one in said if one.torch or one.scripts), said[0])


def _declared(path: Path) -> Declared:
    """What the files nearest to a path declare: in its folder, above it, or beside an installed package."""
    own = {".py": tables.script, ".ipynb": matrices.notebook}.get(path.suffix) if path.is_file() else None
    said = _read(path, own) if own else []
    for folder in [*([path] if path.is_dir() else []), *path.parents]:
        if not _has(said, "torch"):
            said += _of_folder(folder, path)
        if (folder / ".git").exists() or (folder / "pyproject.toml").exists() or folder.parent in _NOBODYS:
            break
    return _as_declared(said, _scripts(path) if path.is_dir() else {})


def _of_folder(folder: Path, path: Path) -> list[Said]:
    """What all files of a folder say."""
    said = [one for file, reader in _files(folder, path, _READERS) for one in _read(file, reader)]
    locked = [one for file, reader in _files(folder, path, _LOCKS) for one in _read(file, reader)]
    return [*said, *(replace(one, is_locked=True) if isinstance(one, Line) else one for one in locked)]


def _scripts(folder: Path) -> dict[Path, Range]:
    """What the headers of the scripts in a folder say about torch."""
    said = {file: _read(file, tables.script) for file in sorted(folder.glob("*.py")) if file.is_file()}
    lines = {
        file: tuple(one for one in some if isinstance(one, Line) and one.name == "torch") for file, some in said.items()
    }
    return {file: Range(some) for file, some in lines.items() if some}


def _files(
    folder: Path, path: Path, readers: tuple[tuple[str, Callable[[Path], Iterator[Said]]], ...]
) -> Iterator[tuple[Path, Callable[[Path], Iterator[Said]]]]:
    """The files of a folder that can declare something, each once.

    In the folders of one that is above the code, and no project's own, lies what belongs to others.
    """
    seen: set[Path] = set()
    is_projects = folder == path or any((folder / name).exists() for name in _OF_A_PROJECT)
    for pattern, reader in readers:
        if "/" in pattern and not is_projects:
            continue
        for file in sorted(folder.glob(pattern), key=lambda file: (not _FIRST_OF_ITS_FOLDER.search(file.name), file)):
            is_lock = readers is not _LOCKS and any(file.match(one) for one, _ in _LOCKS)
            if file.is_file() and file not in seen and not is_lock:
                seen.add(file)
                yield file, reader
    for info in sorted(folder.glob("*.dist-info")) if readers is _READERS else ():
        if _installs(info, path.relative_to(folder)):
            yield info / "METADATA", requirements.metadata


def _read(file: Path, reader: Callable[[Path], Iterator[Said]]) -> list[Said]:
    """What a file says; one that cannot be read says so, and takes nothing from the others."""
    found: list[Said] = []
    length, reason = 0, ""
    try:
        for one in reader(file):
            found.append(in_file(one, file))
            length += len(one.text if isinstance(one, Line) else one.reason)
            if length > _MOST:
                return [Unread(f"says more than {_MOST:,} characters about torch", short(file), is_required=True)]
    except RecursionError:
        reason = "is nested too deeply"
    except _UNREADABLE as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
    except MISSHAPEN:
        reason = ANOTHER_SHAPE
    if reason and file.suffix != ".ipynb":  # of which the reader of code tells it
        found.append(Unread(reason, short(file)))
    return found


def _has(said: list[Said], name: str) -> bool:
    return any(isinstance(one, Line) and one.name == name for one in said)


def _as_declared(said: list[Said], scripts: dict[Path, Range]) -> Declared:
    """What is said of each; what an extra asks for does not stand for a requirement that could not be read."""
    lines = [one for one in said if isinstance(one, Line)]
    hidden = {one.file for one in said if isinstance(one, Unread) and one.is_required}
    lines = [one for one in lines if not (one.name == "torch" and one.group and one.file in hidden)]
    has_torch = _has(said, "torch")
    torch: dict[str, list[Line]] = {}
    for one in lines:
        if one.name == "torch" or (one.name in PAIRED and not has_torch and one.specifiers):
            torch.setdefault(one.file, []).append(one)
    order = sorted(torch, key=lambda file: (torch[file][0].is_locked, all(one.group for one in torch[file])))
    images = [one for one in lines if one.name == "image" and one.file in order[:1]]
    python = [one for one in lines if one.name == "python" and one.specifiers] or images
    numpy = [one for one in lines if one.name == "numpy" and not (one.marker or one.group)]
    environment = [one for one in lines if one.name == "environment" and one.specifiers and not one.group]
    unread = dict.fromkeys(f"{one.file}: {data.line(one.reason)}" for one in said if isinstance(one, Unread))
    return Declared(
        {file: torch[file] for file in order},
        tuple(one for one in python if one.file == python[0].file),
        # The NumPy of another file than that which counts is what someone works with.
        tuple(one for one in numpy if one.file == (order or [numpy[0].file])[0]),
        tuple(unread),
        tuple(one for one in environment if one.file == environment[0].file),
        tuple(one for one in lines if one.name == "system"),
        tuple(one for one in lines if one.name in CUDAS),
        tuple(one for one in lines if one.name == "gpus"),
        scripts,
        tuple(one for one in lines if one.name in PAIRED and one.specifiers),
        tuple(one for one in lines if one.name == "cell"),
        tuple(one for one in lines if one.name == "tested"),
    )


def _installs(info: Path, inside: Path) -> bool:
    """Whether a distribution brought what lies at a path beside its metadata."""
    record = info / "RECORD"
    top = inside.parts[:1]
    if not top:  # the folder itself was asked for, which is clear where there is one distribution
        return len(list(info.parent.glob("*.dist-info"))) == 1
    if not record.is_file():
        return False
    listed = content(record).decode("utf-8", "replace")
    return re.search(rf"^{re.escape(top[0])}[/,]", listed, re.MULTILINE) is not None
