"""One line that declares something, and which releases of torch it allows."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from urllib.parse import unquote

from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from torchproof import data
from torchproof.releases import PAIRED, supported
from torchproof.reports.code.reading import content
from torchproof.reports.code.versions import newest

# What is read of what a project declares; `python` is the range of Pythons that it takes.
NAMES = ("torch", *PAIRED, "numpy", "python")
_SYSTEMS = (
    {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "platform_machine": "x86_64"},
    {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "platform_machine": "aarch64"},
    {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix", "platform_machine": "x86_64"},
    {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix", "platform_machine": "arm64"},
    {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt", "platform_machine": "AMD64"},
)
_PYTHONS = [f"3.{minor}" for minor in range(6, 21)]


@dataclass(frozen=True)
class Versions:
    """The versions that some specifiers allow: of `every` alternatives, any does."""

    every: tuple[tuple[SpecifierSet, ...], ...] = ()

    def contains(self, version: str, prereleases: bool | None = None) -> bool:
        """Whether a version is one of them."""
        return all(any(one.contains(version, prereleases=prereleases) for one in either) for either in self.every)

    def take(self, python: str) -> bool:
        """Whether any patch of a Python such as '3.13' is one of them."""
        return python[-1].isdigit() and any(self.contains(f"{python}.{patch}") for patch in range(30))

    def __and__(self, other: Versions) -> Versions:
        return Versions(self.every + other.every)

    def __str__(self) -> str:
        return ", ".join(" || ".join(map(str, either)) for either in self.every)

    def __bool__(self) -> bool:
        return any(all(map(len, either)) for either in self.every)


def only(python: str) -> Versions:
    """The patches of one Python such as '3.13'."""
    return Versions(((SpecifierSet(f"=={python}.*"),),))


@dataclass(frozen=True)
class Line:
    """A requirement of one of NAMES, in its own words; `place` is the file that has it, which `file` includes."""

    name: str
    text: str
    specifiers: Versions
    marker: str = ""
    group: str = ""  # the extra or group that asks for it; what the project always needs has none
    file: str = ""
    place: str = ""
    is_locked: bool = False  # it stands in a lock file, or in what the project is tested with
    is_sole: bool = False  # it is an index, and torch is taken from no other
    line: int = 0  # of the file that has it, where that is known

    def allows(self, version: str) -> bool:
        """Whether it allows a version, final or not."""
        return self.specifiers.contains(version, prereleases=True)

    def holds_on(self, pythons: Versions) -> bool:
        """Whether there is an environment, with one of some Pythons, for which it is said."""
        if not self.marker:
            return True
        marker = Marker(self.marker)
        try:
            return any(
                marker.evaluate({**system, "python_version": one, "python_full_version": f"{one}.1", "extra": group})
                for one in filter(pythons.take, _PYTHONS)
                for system in _SYSTEMS
                for group in (self.group, "")
            )
        except (UndefinedComparison, UndefinedEnvironmentName):
            return True


@dataclass(frozen=True)
class Unread:
    """What may say something about torch and was not understood: the `file`, and why."""

    reason: str
    file: str = ""
    line: int = 0
    is_required: bool = False  # it is the project's own requirement of torch, not that of an extra or a group


Said = Line | Unread
# What may be a requirement of one of NAMES, by its name or by its file: the others are not worth the time to read them.
_MAY_SAY = re.compile(rf"(?i:{'|'.join(NAMES)})(?![\w.-]*\w)|(?![A-Za-z0-9]).*torch|(?:.*/)?torch-\d", re.DOTALL)
# What reading raises for a table where a list is meant, say: its tool does not read that either.
MISSHAPEN = (AttributeError, TypeError, LookupError)
ANOTHER_SHAPE = "it has another shape than its tools read"


def each(*parts: tuple[str, Callable[[], Iterable[Said]]]) -> Iterator[Said]:
    """What the parts of a file say; one of another shape takes nothing from the others."""
    for name, part in parts:
        try:
            yield from part()
        except (*MISSHAPEN, ValueError):
            yield Unread(f"{name} has another shape than its tool reads")


def of(text: str, group: str = "") -> Iterator[Said]:
    """What a requirement, as pip reads it, says about one of NAMES: nothing, a line, or that it is not understood."""
    text = re.sub(r"(?<!\s)\s+(#|--).*", "", text.strip())
    if not _MAY_SAY.match(text):
        return
    try:
        one = Requirement(text)
    except InvalidRequirement:
        yield from _of_file(text, group) if re.search(r"(^|/)torch-\d", text) else _invalid(text, group)
        return
    name, marker = canonicalize_name(one.name), str(one.marker or "")
    if name not in NAMES:
        return
    if extra := re.search(r"extra == ['\"](.*?)['\"]", marker):
        group = group or extra[1]
    if one.url:
        yield from _of_url(name, one.url, text, marker, group)
    else:
        yield line(name, text, str(one.specifier), marker, group)


def line(name: str, text: str, specifiers: str, marker: str = "", group: str = "") -> Said:
    """A line by its parts, with `||` between alternatives, or that one of them cannot be understood."""
    try:
        if marker:
            Marker(marker)
        versions = Versions((tuple(_comparable(SpecifierSet(one)) for one in specifiers.split("||")),))
        return Line(name, data.line(" ".join(text.split())), versions, marker, group)
    except (InvalidSpecifier, InvalidMarker):
        return Unread(f"{text} is no requirement that pip takes", is_required=name == "torch" and not group)


_INDEX = re.compile(r"/whl/(?:cu(\d+)(\d)|cpu|rocm[\d.]+|xpu)(?:/|$)")
_INDEXES = re.compile(r"(--index-url|--extra-index-url|--find-links|(?<!\S)-[if])[\s=]+['\"]?([^\s'\"]+)")


def index(url: object, text: str, is_sole: bool = False) -> Iterator[Line]:
    """The CUDA, or none, that the wheels of an index are for, by its URL."""
    if found := _INDEX.search(str(url)):
        said = line("cuda", text, f"=={found[1]}.{found[2]}" if found[1] else "")
        yield from (replace(one, is_sole=is_sole) for one in (said,) if isinstance(one, Line))


def indexes(text: str) -> Iterator[Line]:
    """The same of the indexes that options of pip name."""
    for option, url in _INDEXES.findall(text):
        yield from index(url, f"{option} {url}", option in ("-i", "--index-url"))


_GPUS = re.compile(r"\bTORCH_CUDA_ARCH_LIST\s*[=: ]\s*[\"']?(\d+\.\d[\d.af+PTX; ]*)")


def gpus(text: str) -> Iterator[Line]:
    """The GPUs that the extensions of an environment are built for."""
    for found in _GPUS.findall(text):
        yield Line("gpus", f"TORCH_CUDA_ARCH_LIST={found.strip()}", Versions())


def pinned(name: str, versions: Iterable[str]) -> Iterator[Said]:
    """What a lock file has of a package: one version, or another one in some environments."""
    if exact := [f"=={one}" for one in dict.fromkeys(versions)]:
        yield line(name, " or ".join(f"{name}{one}" for one in exact), "||".join(exact))


def _comparable(specifiers: SpecifierSet) -> SpecifierSet:
    """What compares with releases: a local label and a nightly's date count as the release that they are of."""
    return SpecifierSet(",".join(map(_of_release, map(str, specifiers))))


def _of_release(specifier: str) -> str:
    operator, version = re.fullmatch(r"(\W+)(.*)", specifier).groups()  # pyright: ignore[reportOptionalMemberAccess]
    try:
        told = Version(version)
    except InvalidVersion:  # with a star, or whatever stands behind ===
        return f"{operator}{version.partition('+')[0]}"
    return f"=={told.base_version}" if operator in ("==", "===") else f"{operator}{told.public}"


def _invalid(text: str, group: str) -> Iterator[Unread]:
    if found := re.match(rf"({'|'.join(NAMES)})(?![\w.-])", text, re.IGNORECASE):
        is_required = found[1].lower() == "torch" and not group
        yield Unread(f"{text} is no requirement that pip takes", is_required=is_required)


def _of_file(text: str, group: str) -> Iterator[Said]:
    """A wheel or an archive by its place, without a name before it."""
    where, _, marker = text.partition(" ; ")
    yield from _of_url("torch", where, text, marker, group)


def _of_url(name: str, url: str, text: str, marker: str, group: str) -> Iterator[Said]:
    version = _version_in(name, unquote(url))
    if version:
        yield line(name, text, f"=={version}", marker, group)
    else:
        yield Unread(f"{text} does not say a version", is_required=name == "torch" and not group)


def _version_in(name: str, url: str) -> str | None:
    """The version in the name of a wheel, an archive, or a tag of a repository."""
    url = url.partition("#")[0]
    try:
        return str(parse_wheel_filename(url.rpartition("/")[2])[1].public)
    except (InvalidWheelFilename, InvalidVersion):
        tag = r"@v?(\d+\.\d+(?:\.\d+)*)$|/v?(\d+\.\d+(?:\.\d+)*)\.(?:zip|tar\.gz)$"
        found = re.search(rf"{name}-(\d+(?:\.\d+)+)|{tag}", url)
        return next(filter(None, found.groups())) if found else None


def text_of(file: Path) -> str:
    """The text of a file, in the encoding that it begins to be in: PowerShell writes UTF-16."""
    found = content(file)
    is_wide = found.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return found.decode("utf-16" if is_wide else "utf-8-sig")


def in_group(said: Said, group: str) -> Said:
    """The same, asked for by an extra or a group."""
    return replace(said, group=group) if isinstance(said, Line) else replace(said, is_required=False)


def in_place(said: Said, file: Path) -> Said:
    """The same, with the file that has it, if that was not told before."""
    place = f"{short(file)}:{said.line}" if said.line else short(file)
    if isinstance(said, Unread):
        return said if said.file else replace(said, file=place)
    return said if said.place else replace(said, place=place)


def in_file(said: Said, file: Path) -> Said:
    """The same, as what is said by this file, which may have included it."""
    said = in_place(said, file)
    return replace(said, file=short(file)) if isinstance(said, Line) else said


def short(file: Path) -> str:
    """A file as it is called in what is printed: with its folder where its own name says too little."""
    is_clear = file.parent.name not in (
        "requirements",
        "recipe",
        "conda",
        "conda.recipe",
        "docker",
        "reqs",
        "workflows",
    )
    return data.line(file.name if is_clear and file.name != "METADATA" else "/".join(file.parts[-2:]))


# --- releases ---------------------------------------------------------------------------------------------------------


def torchs(lines: list[Line], release: str) -> bool:
    """Whether some lines, all at once, allow any patch of a release: of torch, or of what is built for it."""
    return _allow(lines, lambda name: patches(name, release))


@cache
def patches(name: str, release: str) -> tuple[str, ...]:
    """Every patch of a release of torch, or of what is built for it; of another torch than are known that has none."""
    if name == "torch":
        return _up_to(newest(release))
    if release not in supported():
        return ()
    own = supported()[release].goes_with(name)
    return _up_to(max((getattr(one, name) for one in supported().values() if one.goes_with(name) == own), key=Version))


def _up_to(version: str) -> tuple[str, ...]:
    head, _, patch = version.rpartition(".")
    return tuple(f"{head}.{one}" for one in range(int(patch) + 1))


# The last release of each before the first that is known here.
_LAST_OLDER = {"torch": "1.13", "torchvision": "0.14", "torchaudio": "0.13"}
# What may come after the last, as far as that can be foreseen.
_NEWER = [f"{major}.{minor}.0" for major in range(4) for minor in range(60)]


@cache
def _older(name: str) -> tuple[str, ...]:
    major, last = _LAST_OLDER[name].split(".")
    return ("0.4.0", "0.4.1", *(f"{major}.{minor}.{patch}" for minor in range(int(last) + 1) for patch in range(3)))


@cache
def _newer(name: str, last: str) -> tuple[str, ...]:
    bound = Version(last if name == "torch" else supported()[last].goes_with(name))
    return tuple(one for one in _NEWER if Version(one).release[:2] > bound.release[:2])


def reaches_below(lines: list[Line]) -> bool:
    """Whether some lines, all at once, allow a torch that is older than all that are known, or what goes with it."""
    return _allow(lines, _older)


def reaches_above(lines: list[Line], last: str) -> bool:
    """Whether some lines, all at once, allow a torch that is newer than a release, or what may go with it."""
    return _allow(lines, lambda name: _newer(name, last))


def _allow(lines: list[Line], versions: Callable[[str], Iterable[str]]) -> bool:
    """Whether some lines allow one of the versions of torch, or where they say nothing of it one of each package."""
    lines = [one for one in lines if one.name == "torch"] or lines
    packages = dict.fromkeys(one.name for one in lines)
    return all(
        any(all(one.allows(version) for one in lines if one.name == name) for version in versions(name))
        for name in packages
    )
