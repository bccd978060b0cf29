"""What changed between two patches of one release, from 2.1.0 to 2.1.2: between releases, the newest stands for all.

`nox -s patches` asks each of them for its names and writes `patches.tsv`, which has what differs inside a release, in
the form of the inventory. What a patch mended is told by findings that end with it. Needs no torch.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from packaging.version import Version

from torchproof import ROOT
from torchproof.facts import Finding, findings, is_meant, test_of
from torchproof.inventory import Inventory
from torchproof.releases import named, number, supported
from torchproof.reports import Refusal
from torchproof.reports.index import facts
from torchproof.reports.releases import names
from torchproof.reports.releases.names import Change

FILE = Path(__file__).parent / "patches.tsv"


@cache
def patches() -> Inventory:
    """What differs between the patches of a release."""
    return Inventory(FILE.read_text(encoding="utf-8"))


def patch(text: str) -> str:
    """The patch that a version is of: '2.1.0' of 2.1.0+cpu."""
    return ".".join(map(str, number(text)[:3]))


def are_of_one_release(*versions: str) -> bool:
    """Whether these versions, each with its patch, are of one release: not '2.1', for which any may stand."""
    return all(map(_has_patch, versions)) and len(set(map(named, versions))) == 1


def _has_patch(text: str) -> bool:
    return len(Version(text).release) > 2


def changes(old: str, new: str) -> list[Change]:
    """What changed from one patch of a release to another one; `new` may be the older one.

    Raises Refusal for one that is not known.
    """
    known = _known(old)
    for one in (old, new):
        if one not in known:
            are = "is" if len(known) == 1 else "are"
            raise Refusal(f"torch {one} is not known here: of {named(one)}, {' and '.join(known)} {are}")
    return [*names.changes(patches(), old, new), *_mended(old, new)] if old != new else []


def _known(version: str) -> list[str]:
    """The patches of the release that a version is of, oldest first."""
    release = supported()[named(version)]
    return [*release.patches, release.torch]


def stands_for(text: str) -> str | None:
    """The newest patch of the release of a version that names another one, where something differs between them."""
    *others, newest = _known(text)
    here = patch(text)
    return newest if _has_patch(text) and here in others and changes(here, newest) else None


def _mended(old: str, new: str) -> list[Change]:
    """What findings say of one of two patches alone."""
    said = [one for one in findings(ROOT / "suites" / "findings.toml") if one.is_of(old) != one.is_of(new)]
    return [_as_change(one, held_before=one.is_of(old)) for one in said]


def _as_change(finding: Finding, held_before: bool) -> Change:
    fact = next(one for one in facts() if is_meant(test_of(finding.fact), one.id))
    old, new = (finding.says, fact.claim) if held_before else (fact.claim, finding.says)
    return Change("behaviour", fact.subjects[0], old=old, new=new, fact=fact.id, subjects=fact.subjects)
