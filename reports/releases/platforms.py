"""What each release of torch has wheels for: Pythons, systems, NumPy, CUDA, GPUs; written here is `platforms.toml`.

Two sources, and nothing from memory: the names of the wheels on the package index, as `pip index versions torch -vvv`
lists them, and what the wheel for Linux on x86_64 says when it is asked (`reports/releases/built.py`). The wheels on
other indexes, of ROCm or XPU, were not asked, and nothing is said about them; cuda.py has those of other CUDAs.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypedDict

from packaging.requirements import Requirement
from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import Version

from torchproof import data, releases
from torchproof.reports import Refusal
from torchproof.reports.releases.names import Change

HELP = "Write what each release of torch has wheels for."

FILE = Path(releases.__file__).with_name("platforms.toml")
_ASKED = "manylinux", "x86_64"  # the system whose wheel was asked
_SYSTEMS = {
    ("manylinux", "x86_64"): "Linux on x86_64",
    ("manylinux", "aarch64"): "Linux on aarch64",
    ("macosx", "x86_64"): "macOS on Intel (x86_64)",
    ("macosx", "arm64"): "macOS on Apple silicon (arm64)",
    ("win", "amd64"): "Windows on x86_64",
    ("win", "arm64"): "Windows on arm64",
}
_GENERATIONS = {"3.7": "Kepler", "5.0": "Maxwell", "6.0": "Pascal", "7.0": "Volta", "7.5": "Turing", "8.0": "Ampere",
                "8.6": "Ampere", "8.9": "Ada", "9.0": "Hopper", "10.0": "Blackwell", "12.0": "Blackwell"}  # fmt: skip
_LEGACY = {"manylinux1": "2.5", "manylinux2010": "2.12", "manylinux2014": "2.17"}


@dataclass(frozen=True)
class Wheels:
    """The wheels of one version of torch on the package index, and what the one that was asked says (empty: none)."""

    version: str
    pythons: dict[str, tuple[str, ...]]  # of each system
    system: dict[str, dict[str, str]]  # the least version of the C library, or of macOS, by the system and the Python
    built: dict

    def has(self, name: str) -> bool:
        """Whether there is any wheel for a system or a Python."""
        return name in self.pythons or any(name in some for some in self.pythons.values())

    @property
    def all_pythons(self) -> list[str]:
        """Those that any system has a wheel for, oldest first."""
        return sorted(set().union(*self.pythons.values()), key=_place)


@cache
def wheels() -> dict[str, Wheels]:
    """Every patch of the supported releases, oldest first."""
    table = releases.tomllib.loads(FILE.read_text(encoding="utf-8"))
    return {version: _wheels(version, row) for version, row in table.items()}


@cache
def newest(release: str) -> Wheels | None:
    """The wheels of the newest patch of a release; None where they are not known."""
    return next(reversed(_of(release)), None)


def changes(old: str, new: str) -> list[Change]:
    """What the wheels of one release run on and those of another do not, and the reverse."""
    before, after = newest(old), newest(new)
    return list(_Comparison(before, after, _of(old)).changes()) if before and after else []


class _Comparison:
    """The wheels of two releases; of the older one, which systems and Pythons any of its `patches` has."""

    def __init__(self, old: Wheels, new: Wheels, patches: Iterable[Wheels]) -> None:
        self.old, self.new, self.patches = old, new, list(patches)
        self.is_back = Version(new.version) < Version(old.version)

    def changes(self) -> Iterator[Change]:
        """Systems, Pythons, then what was built in."""
        yield from self._systems()
        yield from self._pythons()
        yield from self._levels()
        if self.old.built and self.new.built:
            yield from self._built()
            yield from self._requirements()

    def _systems(self) -> Iterator[Change]:
        had = self._had()
        for name in {**had, **self.new.pythons}:
            if name not in self.new.pythons:
                yield _dropped(name, self._ended(name))
            elif name not in had:
                yield _came(name, self._began(name))

    def _had(self) -> dict[str, set[str]]:
        """The Pythons of each system that the older release has wheels for, in any patch."""
        systems = dict.fromkeys(system for one in self.patches for system in one.pythons)
        return {system: set().union(*(one.pythons.get(system, ()) for one in self.patches)) for system in systems}

    def _pythons(self) -> Iterator[Change]:
        had, has = self._had(), self.new.pythons
        for python in sorted(set().union(*had.values(), *has.values()), key=_place):
            name = f"Python {python}" + (" (free-threaded)" if python.endswith("t") else "")
            was, now = (_systems_of(python, one) for one in (had, has))
            if was and not now:
                yield _dropped(name, self._ended(python))
            elif now and not was:
                only = "" if len(now) == len(has) else f", for {' and '.join(now)} alone"
                yield _came(name, self._began(python) + only)
            else:
                if added := [system for system in now if system not in was and system in had]:
                    yield _came(name, f"has wheels for {', '.join(added)} too")
                if lost := [system for system in was if system not in now and system in has]:
                    yield _dropped(name, f"no wheels{'' if self.is_back else ' any more'} for {', '.join(lost)}")

    def _levels(self) -> Iterator[Change]:
        """The least version of a system, where that is another one for a Python that both releases have wheels for."""
        for system, levels in self.new.system.items():
            what = "glibc" if system.startswith("Linux") else "macOS"
            of_change: dict[tuple[str, str], list[str]] = {}
            both = [python for python in levels if python in self.old.system.get(system, {})]
            for python in both:
                of_change.setdefault((self.old.system[system][python], levels[python]), []).append(python)
            for (was, now), pythons in of_change.items():
                if was != now:
                    of = "" if len(pythons) == len(both) else f" on Python {', '.join(pythons)}"
                    yield _change(system, was, now, f"needs {what} {now} or newer{of} (before: {was})")

    def _built(self) -> Iterator[Change]:
        old, new = self.old.built, self.new.built
        if old["numpy"] != new["numpy"]:
            yield self._numpy(old["numpy"], new["numpy"])
        if old["cuda"] != new["cuda"]:
            yield _change("CUDA", old["cuda"], new["cuda"], f"{new['cuda']} (before: {old['cuda']}), {_INDEX}")
        lost = [gpu for gpu in old["gpus"] if gpu not in new["gpus"]]
        won = [gpu for gpu in new["gpus"] if gpu not in old["gpus"]]
        if lost:
            more = "" if self.is_back else " any more"
            yield _change("GPUs", ", ".join(lost), None, f"no code{more} for {_capabilities(lost)}, {_INDEX}")
        if won:
            yield _change("GPUs", None, ", ".join(won), f"code for {_capabilities(won)}, {_INDEX}")
        if old["cxx11-abi"] != new["cxx11-abi"]:
            was, now = int(old["cxx11-abi"]), int(new["cxx11-abi"])
            says = f"_GLIBCXX_USE_CXX11_ABI is {now} (before: {was}): C++ code that links to torch is built so too"
            yield _change("C++ ABI on Linux", str(was), str(now), says)

    def _numpy(self, was: int, now: int) -> Change:
        alone = f"the wheels of {(self.old if was == 1 else self.new).version} were built for NumPy 1 alone"
        says = f"can be used with it ({alone})" if now == 2 else f"cannot be used with it: {alone}"
        return _change("NumPy on Linux", str(was), str(now), f"NumPy 2 {says}")

    def _requirements(self) -> Iterator[Change]:
        """What is required newly, or otherwise than before: it is of concern to who pins it too."""
        was, now = (_by_name(one.built["requires"]) for one in (self.old, self.new))
        for name, text in now.items():
            if text != was.get(name):
                before = was.get(name)
                yield _change(name, before, text, f"{text} is required" + (f" (before: {before})" if before else ""))
        for name in was.keys() - now.keys():
            yield _change(name, was[name], None, f"it is not required{'' if self.is_back else ' any more'}")

    def _ended(self, name: str) -> str:
        """The last version that has wheels for something, or the first, where one goes back behind it."""
        if self.is_back:
            return f"no wheels: the first that has them is {_having(name)[0]}"
        last = [version for version in _having(name) if Version(version) < Version(self.new.version)][-1]
        return f"no wheels any more: the last that has them is {last}"

    def _began(self, name: str) -> str:
        """The first version that has wheels for something, or the last, where one goes back to it."""
        if self.is_back:
            return f"has wheels, and {_having(name)[-1]} is the last version that has"
        return f"has wheels since {_having(name)[0]}"


def _having(name: str) -> list[str]:
    """The versions that have wheels for a system or a Python."""
    return [version for version, one in wheels().items() if one.has(name)]


def _systems_of(python: str, pythons: Mapping[str, Collection[str]]) -> list[str]:
    return [system for system, some in pythons.items() if python in some]


_INDEX = "in the package index's wheel for Linux on x86_64"


def _change(name: str, old: str | None, new: str | None, says: str) -> Change:
    return Change("platform", name, old=old, new=new, hint=says)


def _dropped(name: str, when: str) -> Change:
    return _change(name, "wheels", None, when)


def _came(name: str, when: str) -> Change:
    return _change(name, None, "wheels", when)


def _capabilities(some: list[str]) -> str:
    """Compute capabilities with the generations that have them."""
    told = [f"{one} ({_GENERATIONS[one]})" if one in _GENERATIONS else one for one in some]
    return f"compute capability {', '.join(told)}"


def _by_name(requires: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in requires:
        one = Requirement(text)
        found[one.name] = f"{found[one.name]}, {one}" if one.name in found else str(one)
    return found


def _of(release: str) -> list[Wheels]:
    return [one for version, one in wheels().items() if releases.number(version)[:2] == releases.number(release)[:2]]


def _wheels(version: str, row: dict) -> Wheels:
    pythons: dict[str, tuple[str, ...]] = {}
    levels: dict[str, dict[str, str]] = {}
    built = row.get("built", {})
    for tag, some in row["wheels"].items():
        key, level = _system(tag)
        system = _SYSTEMS[key]
        pythons[system] = tuple(sorted({*pythons.get(system, ()), *some.split()}, key=_place))
        if key == _ASKED and built:
            level = max(level, built["glibc"], key=Version)
        for python in some.split() if level else ():
            least = levels.setdefault(system, {})
            least[python] = min(level, least.get(python, level), key=Version)
    order = [system for system in _SYSTEMS.values() if system in pythons]
    return Wheels(version, {system: pythons[system] for system in order}, levels, built)


def _system(tag: str) -> tuple[tuple[str, str], str]:
    """Of the tag of a platform, such as manylinux_2_28_x86_64: the system, and its least version."""
    head, arch = re.fullmatch(r"(.+?)_(x86_64|aarch64|arm64|amd64)", tag).groups()  # pyright: ignore[reportOptionalMemberAccess]
    kind = next(kind for kind, _ in _SYSTEMS if head.startswith(kind))
    level = _LEGACY.get(head) or ".".join(re.findall(r"\d+", head.removeprefix(kind)))
    return (kind, arch), level.removesuffix(".0") if kind == "macosx" else level


def _place(python: str) -> tuple[int, ...]:
    return (*map(int, python.removesuffix("t").split(".")), python.endswith("t"))


# --- the file ---------------------------------------------------------------------------------------------------------


def arguments(parser: argparse.ArgumentParser) -> None:
    """Of which answers, and where to."""
    parser.add_argument("listing", type=Path, help="what `pip index versions torch -vvv` prints")
    parser.add_argument("answers", nargs="*", type=Path, metavar="FILE", help="what reports/releases/built.py writes")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", default=FILE, help="the file to write")


class _Built(TypedDict):
    """What reports/releases/built.py writes of a wheel; there is more in it."""

    torch: data.Version


def command(options: argparse.Namespace) -> int:
    """Write the file."""
    answers = [data.document(path, _Built) for path in options.answers]
    found = listed(data.read_text(options.listing))
    if not found:
        raise Refusal(f"{options.listing} names no wheel of torch: `pip index versions torch -vvv` prints them")
    built = {one["torch"]: {key: value for key, value in one.items() if key != "torch"} for one in answers}
    options.output.write_text(text(found, built), encoding="utf-8")
    print(f"{len(found)} versions: {options.output}")
    return 0


def listed(text: str) -> dict[str, dict[str, list[str]]]:
    """From pip's list of links: of each version of a supported release, the Pythons by the tag of the platform."""
    found: dict[str, dict[str, set[str]]] = {}
    for name in set(re.findall(r"/(torch-[\w.-]+-cp\d{2,3}-[\w.-]+\.whl)", text)):
        try:
            _, version, _, tags = parse_wheel_filename(name)
        except InvalidWheelFilename:
            continue
        for tag in tags if _is_supported(version) else ():
            python = f"{tag.interpreter[2]}.{tag.interpreter[3:]}" + ("t" if tag.abi.endswith("t") else "")
            found.setdefault(str(version), {}).setdefault(tag.platform, set()).add(python)
    return {
        version: {tag: sorted(found[version][tag], key=_place) for tag in sorted(found[version])}
        for version in sorted(found, key=Version)
    }


def _is_supported(version: Version) -> bool:
    return ".".join(map(str, version.release[:2])) in releases.supported()


def text(found: dict[str, dict[str, list[str]]], built: dict[str, dict]) -> str:
    """The text of the file."""
    lines = ["# Made by `nox -s platforms`: the Pythons of the wheels on the package index by the tag of the platform,"]
    lines += ["# and what the wheel for Linux on x86_64 was built with."]
    for version, by_tag in found.items():
        lines += ["", f'["{version}".wheels]', *(f'{tag} = "{" ".join(some)}"' for tag, some in by_tag.items())]
        if version in built:
            lines += ["", f'["{version}".built]']
            lines += [f"{key} = {json.dumps(value)}" for key, value in built[version].items() if value is not None]
    return "\n".join(lines) + "\n"
