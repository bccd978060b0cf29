"""Parameters that a release refuses to be without, though its signature has a default or none is known. Needs no torch.

`needed.toml` has them, found by running the releases.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from torchproof import data, releases

FILE = Path(__file__).with_name("needed.toml")


@dataclass(frozen=True)
class Needed:
    """A parameter of `names` that is needed from a release on, or refused where something of a dtype is `given`.

    Of calls that show something, where `shows` says it.
    """

    names: tuple[str, ...]
    parameter: str
    says: str
    since: str = "0"
    shows: str = ""
    given: tuple[str, ...] = ()


@cache
def known() -> dict[str, list[Needed]]:
    """All of them, by name."""
    found: dict[str, list[Needed]] = {}
    for one in data.rows(FILE, "needed", Needed):
        for name in one.names:
            found.setdefault(name, []).append(one)
    return found


def of(name: str, release: str) -> Iterator[Needed]:
    """Those of something in a release."""
    here = releases.number(release)
    return (one for one in known().get(name, ()) if releases.number(one.since) <= here)
