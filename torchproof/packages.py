"""The packages that facts require, as pip takes them: 'timm', 'transformers>=4.46', 'ray[tune]'. Needs no torch.

A package is meant by its own name, or by that of a module that it brings: 'tensorflow' is there with tensorflow-cpu.
Among them is Python itself, for what depends on its version: 'python>=3.13'.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import shlex
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from torchproof import releases

PYTHON = "python"


def problem(said: str) -> str | None:
    """What is wrong with a requirement as a fact says it, in a sentence."""
    try:
        one = Requirement(said)
    except InvalidRequirement:
        one = None
    if one and not (one.url or one.marker):
        return None
    return f"requires={said!r} is not a package such as 'timm' or 'transformers>=4.46'"


def is_range(said: str) -> bool:
    """Whether it is a package with its versions, which may decide whether a claim holds."""
    return problem(said) is None and bool(Requirement(said).specifier)


def name_of(said: str) -> str:
    """The package alone: 'ray' of 'ray[tune]>=2'."""
    return Requirement(said).name


def version_of(name: str) -> str | None:
    """The version of a package that is installed; None of one that is not, or that does not tell."""
    if name == PYTHON:
        return platform.python_version()
    found = _distribution(name)
    return found and found.version


def versions_of(requirements: Iterable[str]) -> dict[str, str]:
    """By name, the version of each package that is installed, in alphabetical order."""
    names = sorted({name_of(one) for one in requirements})
    return {name: version for name in names if (version := version_of(name))}


def is_met(said: str) -> bool:
    """Whether the package is installed in one of those versions."""
    one = Requirement(said)
    here = version_of(one.name)
    return here is not None and one.specifier.contains(here, prereleases=True)


@cache  # asked before each fact that requires it
def lacking(said: str, torch: str) -> str | None:
    """What is not here of a requirement, and how it is installed beside that version of torch; None where all is."""
    one = Requirement(said)
    here = version_of(one.name)
    install = f"pip install {shlex.quote(releases.paired(said, torch))}"
    if here is None and not modules(one.name):
        return f"{one.name} is not installed: {install}"
    if one.specifier and not is_met(said):
        return f"{one.name} is {here or 'of no known version'} here: {install}"
    missing = next((name for extra in sorted(one.extras) for name in _missing(one.name, extra)), None)
    return f"{missing} is not installed: {install}" if missing else None


@cache
def modules(name: str) -> list[str]:
    """What is imported of a package that is installed."""
    own = name.replace("-", "_")
    if own.isidentifier() and importlib.util.find_spec(own):
        return [own]
    wanted = canonicalize_name(name)
    return [module for module, brings in _brought().items() if wanted in map(canonicalize_name, brings)]


def _missing(name: str, extra: str) -> Iterator[str]:
    """What an extra asks for, and is not installed."""
    found = _distribution(name)
    for one in map(Requirement, (found and found.requires) or ()):
        is_asked = one.marker and one.marker.evaluate({"extra": extra}) and not one.marker.evaluate({"extra": ""})
        if is_asked and _distribution(one.name) is None:
            yield one.name


def _distribution(name: str) -> importlib.metadata.Distribution | None:
    with suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.distribution(name)
    brings = _brought().get(name.replace("-", "_"), ())
    return importlib.metadata.distribution(brings[0]) if brings else None


@cache
def _brought() -> dict[str, list[str]]:
    """By module, the packages that bring it: read from the files of all that are installed, where names do not tell."""
    return {module: [*names] for module, names in importlib.metadata.packages_distributions().items()}
