"""Files of one's own that Python takes for torch, for what it requires or for a module of the standard library."""

from __future__ import annotations

import importlib.metadata
import os
import re
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from packaging.utils import canonicalize_name

from torchproof.reports.build.requirements import modules_of, required
from torchproof.reports.build.runner import Answer

# What a module is called in the errors that a wrong one gives.
_NAMED = re.compile(r"module '([\w.]+)'|from '([\w.]+)'|No module named '([\w.]+)'")
_PATH = re.compile(r"[\w./~+@%-]*[\w-]+\.py\b")


def folders() -> list[Path]:
    """Where a program's modules are looked for before the installed ones: here, and on PYTHONPATH."""
    here = [] if os.environ.get("PYTHONSAFEPATH") else [Path.cwd()]
    return list(dict.fromkeys([*here, *_listed()]))


def _listed() -> list[Path]:
    return [Path(one).absolute() for one in os.environ.get("PYTHONPATH", "").split(os.pathsep) if one]


def shadows() -> dict[str, Path]:
    """The files and folders of one's own that have such a module's name, by that name; the first of each counts."""
    found: dict[str, Path] = {}
    for folder in folders():
        for name, path in _modules_in(folder):
            if name in protected() and name not in found and _is_own(folder, name, path):
                found[name] = path
    return found


def protected() -> frozenset[str]:
    """The names that torch needs to mean what they are: its own, its requirements' and the standard library's."""
    return frozenset(sys.stdlib_module_names) | third_parties()


@cache
def third_parties() -> frozenset[str]:
    """Of them those that are installed: torch, what it requires, and what it is most used with."""
    asked = {modules_of(one.name) for one in required("torch")}
    return frozenset({"torch", "numpy", "torchvision", "torchaudio", "typing_extensions", "sympy", *asked})


def blamed(answer: Answer, loaded: Mapping[str, str | None], own: Mapping[str, Path]) -> str:
    """The name of the own file that an error comes from, or is about; '' where it is none of them."""
    for text, files in _told(answer):
        named = {name.partition(".")[0] for groups in _NAMED.findall(text) for name in groups if name}
        files |= {file for name in named if (file := loaded.get(name))}
        for name, path in own.items():
            # A child that died of it could not tell what it had loaded; of the folder one stands in it sees nothing.
            is_named = not loaded and name in named and path.parent in _listed()
            if is_named or any(_is_within(Path(file), path) for file in files):
                return name
    return ""


def _told(answer: Answer) -> Iterator[tuple[str, set[str]]]:
    yield answer.error or "", set(_PATH.findall(answer.error or ""))
    for one in answer.chain:
        yield one.text, {one.file, *_PATH.findall(one.text)} - {""}


def _is_within(file: Path, path: Path) -> bool:
    return file == path or (path.is_dir() and file.is_relative_to(path))


def _modules_in(folder: Path) -> Iterator[tuple[str, Path]]:
    """The modules that Python finds in a folder; a folder without `__init__.py` gives way to any that has one."""
    try:
        entries = sorted(folder.iterdir(), key=lambda path: path.suffix == ".py")
    except OSError:
        return
    for path in entries:
        if path.suffix == ".py":
            yield path.stem, path
        elif (path / "__init__.py").is_file():
            yield path.name, path


def _is_own(folder: Path, name: str, path: Path) -> bool:
    if folder.resolve() in _of_python() or name in _installed_in(folder):
        return False
    # A torch that has its `version.py` was built: which of two is imported is told by the line `files`.
    return not (name == "torch" and (path / "version.py").is_file())


@cache
def _of_python() -> frozenset[Path]:
    return frozenset(Path(one).resolve() for one in sysconfig.get_paths().values())


@cache
def _installed_in(folder: Path) -> frozenset[str]:
    """The modules there that an installed distribution brought: by its list of files, and by its name."""
    names: set[str] = set()
    for one in importlib.metadata.distributions(path=[str(folder)]):
        names.add(canonicalize_name(one.metadata["Name"] or "").replace("-", "_"))
        names |= {file.parts[0].removesuffix(".py") for file in one.files or []}
    return frozenset(names)


def counted(own: Mapping[str, Path], loaded: Iterable[str], culprit: str) -> Sequence[str]:
    """Those of one's own files that matter: of the standard library's names the ones that torch imports."""
    matter = {*loaded, *third_parties(), culprit}
    return [name for name in own if name in matter]
