"""What stands for a name or a parameter that is gone, where the words of the release do not say so. Needs no torch.

`replacements.toml` has it, read in the notes and the source of the releases.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from torchproof import data
from torchproof.inventory import inventory

FILE = Path(__file__).with_name("replacements.toml")


@dataclass(frozen=True)
class Replacement:
    """What to do in the place of using `names`, or their members; `to` are the names of torch that it takes.

    A parameter is one of `names` as `owner(parameter)`. What has all that is still there of a module or class is
    `instead` of it. A star in names, and in what is `instead` of them, stands for a word.
    """

    names: tuple[str, ...]
    says: str = ""
    to: tuple[str, ...] = ()
    instead: str = ""


@cache
def _all() -> dict[str, Replacement]:
    return {name: one for one in data.rows(FILE, "replacement", Replacement) for name in one.names}


@cache
def known() -> dict[str, Replacement]:
    """All of them, by name."""
    return {name: one for name, one in _all().items() if "*" not in name}


@cache
def starred() -> dict[str, Replacement]:
    """Those of names with a star."""
    return {name: one for name, one in _all().items() if "*" in name}


def says(name: str) -> str:
    """What to do where a name, or what it belongs to, is gone; empty where nothing is known."""
    owner = name
    while owner and owner not in known():
        owner = owner.rpartition(".")[0]
    if owner != name and (fitting := _fitting(name)):
        return fitting
    if not owner:
        return ""
    found = known()[owner]
    if owner == name or not found.instead:
        return found.says
    return _write(found.instead + name.removeprefix(owner))


def _fitting(name: str) -> str:
    """What to do in the place of using a name that fits one with a star."""
    for starry, found in starred().items():
        before, after = starry.split("*")
        word = name.removeprefix(before).removesuffix(after)
        fits = name == before + word + after and "." not in word
        if fits and (says := found.says or _write(found.instead.replace("*", word))):
            return says
    return ""


def _write(member: str) -> str:
    return f"write {member}" if inventory().find(member, inventory().releases[-1]) else ""


def says_of(name: str, parameter: str) -> str:
    """What to do where a parameter is gone; empty where nothing is known but that it is not to be passed."""
    found = known().get(f"{name}({parameter})") or known().get(f"{name}.{parameter}")  # the attribute that has it
    return found.says if found else ""
