"""The attributes that torch's own classes set of their objects, where releases differ.

Reads `reports/releases/attributes.tsv`, whose form `reports/releases/attributes.py` tells.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from torchproof.inventory import Entry, Inventory

FILE = Path(__file__).parents[1] / "releases" / "attributes.tsv"
_MORE = "?"  # that a class may have more than is told


@cache
def _file() -> Inventory:
    return Inventory(FILE.read_text(encoding="utf-8"))


@cache
def tells(owner: str, member: str) -> bool:
    """Whether some release sets the attribute in a class, by the name that releases give that, and others do not."""
    return member in _file().members(owner)


def attribute(owner: str, member: str, release: str) -> Entry | None:
    """The attribute in a release, where that sets it in the class, or may."""
    is_there = any(_file().state(owner, one, release) is not None for one in (member, _MORE))
    return Entry(f"{owner}.{member}", "attribute") if is_there and tells(owner, member) else None
