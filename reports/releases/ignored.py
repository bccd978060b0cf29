"""Parameters that a call takes and ignores from some release on. Needs no torch.

`ignored.toml` has them, as the calls themselves warn of them in the releases.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from torchproof import data, releases

FILE = Path(__file__).with_name("ignored.toml")


@dataclass(frozen=True)
class Ignored:
    """A parameter that these names ignore since a release, in such calls, and what to do."""

    names: tuple[str, ...]
    parameter: str
    calls: str
    since: str
    says: str


@cache
def known() -> tuple[Ignored, ...]:
    """All of them."""
    return tuple(data.rows(FILE, "ignored", Ignored))


def began(old: str, new: str) -> Iterator[tuple[str, Ignored]]:
    """Each name with what it ignores in the newer release and did not in the older one."""
    before, after = releases.number(old), releases.number(new)
    for ignored in known():
        if before < releases.number(ignored.since) <= after:
            yield from ((name, ignored) for name in ignored.names)
