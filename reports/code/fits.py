"""How what a project declares compares with the releases in which it works, and what itself asks of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from torchproof.releases import number
from torchproof.reports.code.declared import Declared, Line, Range, together
from torchproof.reports.code.neighbours import clashes, left_behind
from torchproof.reports.releases import cuda as cuda_of_wheels
from torchproof.reports.releases import platforms
from torchproof.reports.releases.names import Change

# Worst first: what the exit code is 1 for, then what is merely said.
WRONG = ("no release fits", "too low", "too high", "none works")
_VERDICTS = (*WRONG, "no pair", "no wheels", "unknown", "ok", "higher than needed", "nothing")
_NUMPY_2 = [f"2.{minor}.{patch}" for minor in range(10) for patch in range(7)]  # which pip takes where it may
_NUMPY_1 = [f"1.{minor}.{patch}" for minor in range(13, 27) for patch in range(7)]
_SYSTEMS = {  # as conda calls them, and as what is known of torch's wheels does
    "linux-64": "Linux on x86_64",
    "linux-aarch64": "Linux on aarch64",
    "osx-64": "macOS on Intel (x86_64)",
    "osx-arm64": "macOS on Apple silicon (arm64)",
    "win-64": "Windows on x86_64",
    "win-arm64": "Windows on arm64",
}
_CELLS = 4  # of a matrix, in one line
_PYTHONS = [f"3.{minor}" for minor in range(6, 21)]


@dataclass(frozen=True)
class Works:
    """The releases in which a project works: from the `lowest` to the `highest`, `but` for some between them."""

    releases: tuple[str, ...]
    lowest: str
    highest: str
    but: frozenset[str] = frozenset()
    by: str = "code"  # what sets the lowest: the code, a script or the project

    @property
    def fitting(self) -> list[str]:
        """Those in which it works."""
        first, last = self.releases.index(self.lowest), self.releases.index(self.highest)
        return [release for release in self.releases[first : last + 1] if release not in self.but]

    @property
    def has_floor(self) -> bool:
        """Whether an older release than the lowest is known, in which it does not work."""
        return self.lowest != self.releases[0]


@dataclass(frozen=True)
class Fit:
    """What is declared at one place, the verdict on it, and that in words."""

    text: str
    file: str
    verdict: str
    says: str
    lowest: str | None  # release that it allows
    group: str = ""  # the extra or group that asks for it

    @property
    def place(self) -> str:
        """The file, with the extra or group where there is one."""
        return f"{self.file}, in {self.group}" if self.group else self.file


def fits(declared: Declared, works: Works) -> list[Fit]:
    """Every range that counts, the worst first; then what other files say, where it is wrong or against those.

    Last comes what is built for another torch than is asked for.
    """
    counting = sorted((_with_cuda(fit(one, works), declared, one, works) for one in declared.ranges()), key=badness)
    pairs = [
        Fit(one.text, one.place, "no pair", says, None, one.group) for one, says in clashes(declared, works.releases)
    ]
    return [*counting, *_others(declared, works, {one.verdict for one in counting}), *pairs, *_cells(declared)]


def _cells(declared: Declared) -> Iterator[Fit]:
    """The environments of a matrix in which pip finds no wheels, in one line for each place."""
    by_place: dict[str, dict[str, None]] = {}
    for one in declared.cells:
        by_place.setdefault(one.place, {})[one.text] = None
    for place, cells in by_place.items():
        told = ", ".join([*cells][:_CELLS]) + (f" and {len(cells) - _CELLS} more" if len(cells) > _CELLS else "")
        yield Fit(told, place, "no wheels", "there are no such wheels", None)


def _with_cuda(found: Fit, declared: Declared, said: Range, works: Works) -> Fit:
    """The same, with what its releases, and the index that they are taken from, have no wheels for."""
    allowed = set(said.allowed(works.releases))
    for asked in _asked_of(declared, said):
        if asked.having and allowed and allowed.isdisjoint(asked.having):
            span = asked.having[0] if len(asked.having) == 1 else f"{asked.having[0]} to {asked.having[-1]}"
            says = f"there are no {asked.builds} of it for CUDA {asked.cuda}: those are of torch {span}"
            return replace(found, says=f"{found.says}; {says}")
    return found


def _asked_of(declared: Declared, said: Range) -> Iterator[_Cuda]:
    """The CUDA by which a version is labelled, or of what its file takes torch from: one index alone, or conda."""
    for label in re.findall(r"\+cu(\d+)(\d)\b", said.text):
        yield _Cuda(".".join(label))
    asking = [one for one in declared.cuda if one.file == said.lines[0].file]
    for line, cuda in _cudas(asking):
        if line.name != "cuda" or (line.is_sole and len(asking) == 1):
            yield cuda


@dataclass(frozen=True)
class _Cuda:
    """A CUDA, or a major version of one, that is asked for by a line of one of CUDAS."""

    cuda: str
    by: str = "cuda"

    @property
    def having(self) -> list[str]:
        """The releases that have builds for it."""
        return cuda_of_wheels.having(self.cuda, is_conda=self.by == "pytorch-cuda")

    @property
    def builds(self) -> str:
        """What they are called."""
        return {"cuda": "wheels", "pytorch-cuda": "packages in conda's channel pytorch", "cudatoolkit": "builds"}[
            self.by
        ]


def badness(fit: Fit) -> int:
    """The place of its verdict, the worst being first."""
    return _VERDICTS.index(fit.verdict)


def _others(declared: Declared, works: Works, told: set[str]) -> Iterator[Fit]:
    allowed = {release for one in declared.ranges() for release in one.allowed(works.releases)}
    for file in list(declared.torch)[1:]:
        for one in declared.ranges(file):
            found = fit(one, works)
            mine = one.allowed(works.releases)
            if mine and allowed and allowed.isdisjoint(mine):
                yield replace(found, says=f"contradicts {declared.file}")
            elif found.verdict in WRONG and found.verdict not in told:
                yield found


def fit(declared: Range, works: Works) -> Fit:
    """How one range that is declared compares."""
    allowed = declared.allowed(works.releases)
    verdict = _verdict(declared, allowed, works)
    oldest, last = works.releases[0], works.releases[-1]
    says = {
        "no release fits": "no release fits",
        "too low": f"lower than possible: the {works.by} needs {works.lowest}",
        "too high": f"higher than possible: {works.highest} is the last that works",
        "none works": "it works in none of the releases that this allows",
        "unknown": f"none of the releases that are known, {oldest} to {last}, is allowed",
        "ok": "OK, that is the floor",
        "higher than needed": f"higher than the code needs, which is {works.lowest}",
    }[verdict]
    if verdict == "ok" and not works.has_floor and declared.reaches_below:
        says = f"OK from {oldest} on; older releases are not known"
    wrong = [release for release in allowed if release not in works.fitting]
    if wrong and verdict in ("ok", "higher than needed"):
        says += f"; but it allows {_spans(wrong, works.releases)}, in which it does not work"
    return Fit(declared.text, declared.place, verdict, says, allowed[0] if allowed else None, declared.group)


def _verdict(declared: Range, allowed: list[str], works: Works) -> str:
    fitting = works.fitting
    if not fitting:
        return "no release fits"
    is_below = declared.reaches_below
    if not allowed and not (is_below and works.has_floor):
        return "unknown"
    if (is_below and works.has_floor) or allowed[0] in works.releases[: works.releases.index(works.lowest)]:
        return "too low"
    if not set(allowed) & set(fitting):
        return "too high" if works.releases.index(allowed[0]) > works.releases.index(works.highest) else "none works"
    return "ok" if allowed[0] == works.lowest else "higher than needed"


def _spans(some: list[str], releases: tuple[str, ...]) -> str:
    """Releases in words: '2.7 and later', '2.2 to 2.4 and 2.6'."""
    runs: list[list[str]] = []
    for release in some:
        if runs and releases.index(release) == releases.index(runs[-1][-1]) + 1:
            runs[-1].append(release)
        else:
            runs.append([release])
    told = [run[0] if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs]
    if runs[-1][-1] == releases[-1]:
        told[-1] = f"{runs[-1][0]} and later" if len(runs[-1]) > 1 else runs[-1][0]
    return " and ".join(told)


# --- what the project itself asks of releases -------------------------------------------------------------------------


@dataclass(frozen=True)
class Demand:
    """The `release` since (or up to) which a project can be installed, why no other, and the line that says so."""

    release: str
    words: str
    line: Line
    is_floor: bool = True


def demands(declared: Declared, releases: tuple[str, ...]) -> Iterator[Demand]:
    """What the Pythons that a project takes, and its NumPy, ask of torch's wheels."""
    taken = [python for python in _PYTHONS if declared.pythons.take(python)] if declared.python else []
    if taken:
        having = [release for release in releases if _has_wheels(release, taken[0])]
        if having and having[0] != releases[0]:
            words = f"no wheels for Python {taken[0]}, the oldest that the project takes"
            yield Demand(having[0], words, declared.python[0])
        having = [release for release in releases if _has_wheels(release, taken[-1])]
        if having and having[-1] != releases[-1] and taken[-1] != _PYTHONS[-1]:
            words = f"no wheels for Python {taken[-1]}, the newest that the project takes"
            yield Demand(having[-1], words, declared.python[0], is_floor=False)
    for line in declared.numpy:
        built = [release for release in releases if _numpy(release) != 1]
        if built and built[0] != releases[0] and not any(map(line.allows, _NUMPY_1)):
            yield Demand(built[0], f"its wheels were built for NumPy 1, and the project asks for {line.text}", line)


def concerned(declared: Declared, changes: Iterable[Change], new: str) -> Iterator[tuple[Change, Line]]:
    """The changes of platforms after which what a project asks for is not to be had, each with the line that asks.

    A Python with which the project does not go to the `new` release is not asked for.
    """
    for change in changes:
        head, _, python = change.name.partition(" ")
        if change.kind == "platform" and head == "Python" and not change.new:
            taking = [one for one in (declared.python, declared.environment) if one and declared.goes_to(new, python)]
            taking += [(one,) for one in declared.tested]
            yield from ((change, one[0]) for one in taking if together(one).take(python))
        elif change.kind == "platform" and head == "GPUs" and change.old and not (change.new or declared.cuda):
            lost = change.old.split(", ")
            yield from ((change, line) for line in declared.gpus if any(one in lost for one in _serving(line)))
        elif change.kind == "platform" and not change.new:
            yield from ((change, line) for line in declared.systems if _SYSTEMS.get(line.text) == change.name)
        elif change.kind == "platform" and head == "NumPy" and change.new == "1":
            yield from ((change, line) for line in declared.numpy if any(map(line.allows, _NUMPY_2)))


def _serving(line: Line) -> Iterator[str]:
    """The compute capabilities of code in wheels that run on the GPUs of a line: of one major version, none newer."""
    known = {one for wheels in platforms.wheels().values() for one in wheels.built.get("gpus", ())}
    for gpu in re.findall(r"\d+\.\d", line.text):
        older = [one for one in known if one.split(".")[0] == gpu.split(".")[0] and number(one) <= number(gpu)]
        yield max(older, key=number, default="")


def without_cuda(declared: Declared, releases: tuple[str, ...], old: str, new: str) -> Iterator[tuple[Change, str]]:
    """Where one of two releases has wheels for the CUDA that a project asks for, and the other has not."""
    default = platforms.newest(new)
    for line, cuda in _cudas(declared.cuda):
        having = cuda.having
        if old in having and new not in having:
            is_back = releases.index(new) < releases.index(old)
            kept = f"the first that has them is {having[0]}" if is_back else f"the last that has them is {having[-1]}"
            own = f" (those of {new} on the package index are for {default.built['cuda']})" if default else ""
            says = f"no {cuda.builds}{'' if is_back else ' any more'}: {kept}{own}"
            yield Change("platform", f"CUDA {cuda.cuda}", old="wheels", hint=says), line.place


def _cudas(lines: Iterable[Line]) -> Iterator[tuple[Line, _Cuda]]:
    """The CUDA of each line that asks for one alone; conda's toolkit goes with builds for any of its major version."""
    for line in lines:
        asked = re.match(r"[=~]=(\d+)(\.\d+)?", str(line.specifiers))
        if asked and line.name == "cudatoolkit":
            yield line, _Cuda(asked[1], line.name)
        elif asked and re.fullmatch(r"==(\d+\.\d+)(?:\.[\d*]+)*", str(line.specifiers)):
            yield line, _Cuda(f"{asked[1]}{asked[2]}", line.name)


def left_out(declared: Declared, releases: tuple[str, ...], old: str, new: str) -> Iterator[tuple[Change, str]]:
    """That what is declared allows one of two releases in no environment, or neither, with the file that does.

    What is built for a torch has to go with the newer one.
    """
    for one, says in left_behind(declared, releases, new):
        yield Change("declared", one.text, hint=says), one.place
    ranges = [one for one in declared.ranges() if one.lines[0].name == "torch"]
    allowed = {release for one in ranges for release in one.allowed(releases)}
    if not ranges or allowed >= {old, new}:
        return
    if allowed.isdisjoint((old, new)):
        says = f"allows neither torch {old} nor {new}"
    elif new not in allowed:
        says = f"does not allow torch {new}: change it to go there"
    else:
        nearest = min(allowed, key=lambda release: abs(releases.index(release) - releases.index(old)))
        says = f"does not allow torch {old}" + (f": compare from {nearest} on" if nearest != new else "")
    yield Change("declared", ranges[0].text, hint=says), ranges[0].place


def _has_wheels(release: str, python: str) -> bool:
    """Whether a release has wheels for a Python; one whose wheels are not known is believed to."""
    known = [one for version, one in platforms.wheels().items() if version.startswith(f"{release}.")]
    return not known or any(one.has(python) for one in known)


def _numpy(release: str) -> int | None:
    wheels = platforms.newest(release)
    return wheels.built.get("numpy") if wheels else None
