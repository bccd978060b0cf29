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
    `instead` of it.
    """

    names: tuple[str, ...]
    says: str
    to: tuple[str, ...] = ()
    instead: str = ""


@cache
def known() -> dict[str, Replacement]:
    """All of them, by name."""
    return {name: one for one in data.rows(FILE, "replacement", Replacement) for name in one.names}


def says(name: str) -> str:
    """What to do where a name, or what it belongs to, is gone; empty where nothing is known."""
    owner = name
    while owner and owner not in known():
        owner = owner.rpartition(".")[0]
    if not owner:
        return ""
    found = known()[owner]
    if owner == name or not found.instead:
        return found.says
    member = found.instead + name.removeprefix(owner)
    return f"write {member}" if inventory().find(member, inventory().releases[-1]) else ""


def says_of(name: str, parameter: str) -> str:
    """What to do where a parameter is gone; empty where nothing is known but that it is not to be passed."""
    found = known().get(f"{name}({parameter})") or known().get(f"{name}.{parameter}")  # the attribute that has it
    return found.says if found else ""
