"""Whether the torchvision and the torchaudio that a project asks for go with the torch that it asks for."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from torchproof.releases import PAIRED, supported
from torchproof.reports.code.declared import Declared, Range
from torchproof.reports.code.declared.lines import Line, patches


def clashes(declared: Declared, releases: tuple[str, ...]) -> Iterator[tuple[Range, str]]:
    """What goes with nothing that its file asks for beside it, each once, with what goes with either."""
    told: set[Range] = set()
    for asked in _environments(declared):
        for one, other in combinations(asked.values(), 2):
            if other not in told and (says := _clash(one, other, releases)):
                told.add(other)
                yield other, says


def _clash(one: Range, other: Range, releases: tuple[str, ...]) -> str:
    """What goes with either, where no release of the one goes with one of the other; else nothing."""
    shared = [release for release in one.allowed(releases) if release in other.allowed(releases)]
    if shared and _package(one) == "torch":
        return _by_patch(one, other, shared)
    if shared or _may_go(one, other, releases):
        return ""
    beside = _package(other) if _package(one) == "torch" else "torch"
    return f"goes with {_with(other, 'torch', releases)}, and {one.text} with {_with(one, beside, releases)}"


def _by_patch(torch: Range, other: Range, shared: list[str]) -> str:
    """The same of patches of some releases: each is built for one of torch, unless its release goes with several.

    What conda builds may go with any patch.
    """
    package = _package(other)
    if "pytorch" in torch.text:
        return ""
    taken, going = [], []
    for release in shared:
        name = supported()[release].goes_with(package)
        if sum(one.goes_with(package) == name for one in supported().values()) > 1:
            return ""
        for its, own in zip(reversed(patches("torch", release)), reversed(patches(package, release))):
            taken += [(its, own)] if _takes(other, own) else []
            going += [(its, own)] if _takes(torch, its) else []
    if not (taken and going) or set(taken) & set(going):
        return ""
    both = " or ".join(its for its, _ in taken), " or ".join(own for _, own in going)
    return f"goes with torch {both[0]}, and {torch.text} with {package} {both[1]}"


def _takes(asked: Range, version: str) -> bool:
    return all(one.allows(version) for one in asked.lines)


def left_behind(declared: Declared, releases: tuple[str, ...], new: str) -> Iterator[tuple[Range, str]]:
    """What of the file that counts goes in no environment with a torch that the project is to have."""
    environments = [*_environments(declared, declared.file)]
    for package in PAIRED:
        asked = sorted({one[package] for one in environments if package in one}, key=lambda one: one.group)
        allowed = {release for one in asked for release in one.allowed(releases)}
        if asked and new not in allowed and (allowed or asked[0].reaches_below):
            goes = supported()[new].goes_with(package)
            yield asked[0], f"goes with {_with(asked[0], 'torch', releases)}, and torch {new} with {package} {goes}"


def _environments(declared: Declared, only: str = "") -> Iterator[dict[str, Range]]:
    """What holds at once, torch first: the lines of a file that are always said, with those of one group and marker."""
    for file in [only] if only else dict.fromkeys(one.file for one in declared.neighbours):
        lines = [*declared.torch.get(file, ()), *(one for one in declared.neighbours if one.file == file)]
        lines = [one for one in dict.fromkeys(lines) if one.holds_on(declared.pythons)]
        for group, marker in dict.fromkeys((one.group, one.marker) for one in lines):
            here = [one for one in lines if one.group in ("", group) and one.marker in ("", marker)]
            named = sorted({one.name for one in here}, key=("torch", "torchvision", "torchaudio").index)
            yield {name: Range(tuple(one for one in here if one.name == name)) for name in named}


def _may_go(one: Range, other: Range, releases: tuple[str, ...]) -> bool:
    """Whether some release that is not known here, of the one, may go with some of the other."""
    if not (one.allowed(releases) or other.allowed(releases)):
        return True
    return (one.reaches_below and other.reaches_below) or all(part.reaches_above(releases) for part in (one, other))


def _with(asked: Range, package: str, releases: tuple[str, ...]) -> str:
    """What of a package goes with what is asked for, in words."""
    allowed = asked.allowed(releases)
    if not allowed:
        return f"an older {package}" if asked.reaches_below else f"a newer {package} than is known here"
    names = [supported()[one].goes_with(package) if package != "torch" else one for one in (allowed[0], allowed[-1])]
    return f"{package} {' to '.join(dict.fromkeys(names))}"


def _package(asked: Range) -> str:
    line: Line = asked.lines[0]
    return line.name
