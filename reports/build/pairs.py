"""Which release a torch is, as far as this torchproof knows, and the torchvision that goes with it."""

from __future__ import annotations

import re

from packaging.requirements import Requirement
from packaging.version import InvalidVersion, Version

from torchproof import releases
from torchproof.reports.build.causes import REPORT, explain
from torchproof.reports.build.lines import Build, Line
from torchproof.reports.build.requirements import required, version_of
from torchproof.reports.build.runner import Answer

_INDEX = "https://download.pytorch.org/whl/"


def kind_of(version: str) -> str:
    """What is to be said of a torch of this version: that it is no published release, or newer than those known."""
    try:
        told = Version(version)
    except InvalidVersion:
        return "a build whose version says no release"
    newest = list(releases.supported())[-1]
    kinds = []
    if told.is_devrelease:
        kinds.append("a nightly build")
    elif told.is_prerelease or (told.local and not re.fullmatch(r"cpu|cu\d+|rocm[\d.]+|xpu", told.local)):
        kinds.append("a vendor's build or one's own")
    if told.release[:2] > releases.number(newest)[:2]:
        kinds.append(f"newer than this torchproof knows ({newest})")
    return ", ".join(kinds)


def release_of(version: str | None) -> tuple[int, ...] | None:
    """The release of a version as its first two numbers; None where it says none."""
    try:
        return releases.number(version or "")[:2]
    except ValueError:
        return None


def judge_torchvision(answer: Answer, build: Build) -> Line:
    """Whether torchvision's operators run, and are those of this release: by the table of releases and its metadata."""
    version, torch = version_of("torchvision"), build["version"]
    known = releases.supported().get(".".join(map(str, release_of(torch) or ())))
    known = None if "nightly" in kind_of(torch) else known  # its torchvision is a nightly build too
    asked = next((one for one in required("torchvision") if one.name == "torch"), None)
    goes = _goes(version, torch, asked, known)
    advice = _pair(torch, known)
    if goes is False:
        wants = f"{known.torchvision} goes with torch {torch}" if known else f"it asks for {asked}, and {torch} is here"
        says = f"{version} is of another release: {wants}"
        if answer.error:
            cause = explain(answer.error, "torchvision", answer.chain)[0]
            return Line("FAIL", "torchvision", f"{says} ({cause})", advice)
        return Line("WARN", "torchvision", f"{says}, though it loads", advice)
    if answer.error:
        cause, next_step = explain(answer.error, "torchvision", answer.chain)
        is_pair = re.search(r"undefined symbol|does not exist|built for another", cause)
        return Line("FAIL", "torchvision", cause, advice if is_pair else next_step or REPORT.format(package="torch"))
    return Line("OK", "torchvision", f"{version} goes with this torch" if goes else f"{version} runs")


def _goes(version: str | None, torch: str, asked: Requirement | None, known: releases.Release | None) -> bool | None:
    """Whether the two go together; None where neither the table nor the metadata say.

    The table has the newest patch of each release, so that a pair is right by its release. Since 0.29.1 torchvision
    keeps to torch's stable interface and asks for `torch>=2.14`: what its metadata allow is right too. That older ones
    ask for one patch exactly (`torch==2.5.1`) makes another patch no wrong pair.
    """
    mine = release_of(version)
    if known and mine and mine == release_of(known.torchvision):
        return True
    allowed = _allows(asked, torch)
    if known is None:  # newer than the table, or of no release: metadata alone, which seldom name such a build
        is_release = not re.search("nightly|vendor|no release", kind_of(torch))
        return allowed if allowed or is_release else None
    is_open = asked is not None and not any(one.operator in ("==", "===") for one in asked.specifier)
    return bool(is_open and allowed and mine and mine >= (0, 29))


def _allows(asked: Requirement | None, torch: str) -> bool | None:
    if asked is None or not asked.specifier:
        return None
    try:
        return asked.specifier.contains(Version(torch).public, prereleases=True)
    except InvalidVersion:
        return None


def _pair(torch: str, known: releases.Release | None) -> str:
    """The command that installs both, each of the release that goes with the other, from where this torch came."""
    index = _index()
    if "vendor" in kind_of(torch):  # pip would put a published torch in its place
        tag = f"@v{known.torchvision}" if known else ""
        vision = f"'torchvision @ git+https://github.com/pytorch/vision{tag}'"
        return f"take the vendor's own, or build it: python -m pip install --no-build-isolation --no-deps {vision}"
    if known:
        return f"python -m pip install 'torch=={known.torch}' 'torchvision=={known.torchvision}'{index}"
    if "nightly" in kind_of(torch):
        return f"python -m pip install --pre -U torch torchvision --index-url {_INDEX}nightly/cpu (or another of its)"
    return f"python -m pip install -U torch torchvision{index}"


def _index() -> str:
    """Where a torch was installed from whose metadata have the label of an index: those of PyPI have none."""
    label = (version_of("torch") or "").partition("+")[2]
    return f" --index-url {_INDEX}{label}" if re.fullmatch(r"cpu|cu\d+|rocm[\d.]+|xpu", label) else ""
