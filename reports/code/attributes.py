"""The attributes that torch's own classes set of their objects, where releases differ, and what they are.

Reads `reports/releases/attributes.tsv` and `held.tsv`, whose forms `attributes.py` and `held.py` there tell.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from torchproof.inventory import Entry, Inventory

_FOLDER = Path(__file__).parents[1] / "releases"
_MORE = "?"  # that a class may have more than is told


@cache
def _file(name: str = "attributes") -> Inventory:
    return Inventory((_FOLDER / f"{name}.tsv").read_text(encoding="utf-8"))


@cache
def tells(owner: str, member: str) -> bool:
    """Whether some release sets the attribute in a class, by the name that releases give that, and others do not."""
    return member in _file().members(owner)


def attribute(owner: str, member: str, release: str) -> Entry | None:
    """The attribute in a release, where that sets it in the class, or may."""
    is_there = any(_file().state(owner, one, release) is not None for one in (member, _MORE))
    return Entry(f"{owner}.{member}", "attribute") if is_there and tells(owner, member) else None


def held(name: str, release: str) -> str:
    """What an attribute of a class's objects is in a release, as an annotation in absolute names; empty if unknown."""
    owner, _, member = name.rpartition(".")
    return _file("held").state(owner, member, release) or ""
