"""Packages that a call needs from some release on, and that do not come along. Needs no torch.

`packages.toml` has them, as the calls themselves refuse in the releases.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from torchproof import data, releases

FILE = Path(__file__).with_name("packages.toml")


@dataclass(frozen=True)
class Needed:
    """A package that these names need since a release."""

    names: tuple[str, ...]
    since: str
    package: str
    says: str


@cache
def known() -> tuple[Needed, ...]:
    """All of them."""
    return tuple(data.rows(FILE, "package", Needed))


def began(old: str, new: str) -> Iterator[tuple[str, Needed]]:
    """Each name that needs a package in the newer release and did not in the older one."""
    before, after = releases.number(old), releases.number(new)
    for needed in known():
        if before < releases.number(needed.since) <= after:
            yield from ((name, needed) for name in needed.names)
