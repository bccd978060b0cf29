"""The supported releases of PyTorch. Needs no torch."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from packaging.version import InvalidVersion, Version

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HERE = Path(__file__).parent


PAIRED = ("torchvision", "torchaudio")  # of which each release is built for one of torch


@dataclass(frozen=True)
class Release:
    """One supported release: `torch` with its `torchvision` and `torchaudio`, and what goes `also` beside it.

    `torch` is the newest patch, `patches` are those before it; `python` is the range of Pythons that it has wheels for.
    """

    torch: str
    torchvision: str
    torchaudio: str
    python: str
    also: list[str] = field(default_factory=list)
    patches: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The release without its patch, as people and ranges say it: '2.6'."""
        return ".".join(self.torch.split(".")[:2])

    def goes_with(self, package: str) -> str:
        """The release of a package that goes with it, without its patch: '0.26' of torchvision."""
        return ".".join(getattr(self, package).split(".")[:2])

    def says(self, name: str) -> str:
        """The release as it is said of a dotted name: '2.11', or 'torchvision 0.26 (with torch 2.11)'."""
        package = name.partition(".")[0]
        is_other = package in PAIRED
        return f"{package} {self.goes_with(package)} (with torch {self.name})" if is_other else self.name


@cache
def supported() -> dict[str, Release]:
    """The supported releases by name, oldest first."""
    table = tomllib.loads((HERE / "releases.toml").read_text(encoding="utf-8"))
    releases = [Release(**row) for row in table["release"]]
    return {release.name: release for release in releases}


@cache
def number(version: str) -> tuple[int, ...]:
    """A version's release as three numbers or more: '2.10' comes after '2.6', and a nightly counts as its release.

    Raises ValueError where the text is no version.
    """
    try:
        release = Version(version).release
    except InvalidVersion as error:
        raise ValueError(f"{version!r} is not a version") from error
    return release + (0,) * (3 - len(release))


def is_release(text: object) -> bool:
    """Whether `text` can stand in a range: '2.6' or '2.6.1'."""
    return isinstance(text, str) and re.fullmatch(r"\d+\.\d+(\.\d+)?", text) is not None


def named(version: str) -> str:
    """The release that a version is of, as people say it: '2.8' of 2.8.1+cu128. Raises ValueError as `number` does."""
    return ".".join(map(str, number(version)[:2]))


def of(version: str) -> Release | None:
    """The supported release that a version of torch is of; None where it is of no such."""
    return supported().get(named(version))


def is_known(version: str) -> bool:
    """Whether it is a supported release, whatever its build or patch: no nightly, and no candidate."""
    try:
        here = Version(version)
    except InvalidVersion:
        return False
    return named(version) in supported() and not here.is_prerelease


def paired(package: str, version: str) -> str:
    """A package as pip is to take it beside a version of torch: 'torchvision==0.29.*', where one release has to be."""
    release = of(version)
    return f"{package}=={release.goes_with(package)}.*" if release and package in PAIRED else package


def numpy_for(version: str) -> str:
    """What NumPy goes with a version of torch, as a requirement."""
    release = of(version)
    return next((one for one in release.also if one.startswith("numpy")), "numpy") if release else "numpy"
