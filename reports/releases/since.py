"""What calls ignore, or need a package for, since some release and did not before. Needs no torch.

`ignored.toml` and `packages.toml` have it, as the calls themselves warn and refuse in the releases.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

from torchproof import data, releases


@dataclass(frozen=True)
class Ignored:
    """A parameter that these names ignore since a release, in such calls, and what to do."""

    names: tuple[str, ...]
    parameter: str
    calls: str
    since: str
    says: str


@dataclass(frozen=True)
class Needed:
    """A package that does not come along and that these names need since a release, and what to do."""

    names: tuple[str, ...]
    since: str
    package: str
    says: str


@cache
def ignored() -> tuple[Ignored, ...]:
    """All parameters that are ignored."""
    return tuple(data.rows(Path(__file__).with_name("ignored.toml"), "ignored", Ignored))


@cache
def packages() -> tuple[Needed, ...]:
    """All packages that are needed."""
    return tuple(data.rows(Path(__file__).with_name("packages.toml"), "package", Needed))


_T = TypeVar("_T", Ignored, Needed)


def began(known: Iterable[_T], old: str, new: str) -> Iterator[tuple[str, _T]]:
    """Each name with what is so of it in the newer release and was not in the older one."""
    before, after = releases.number(old), releases.number(new)
    for one in known:
        if before < releases.number(one.since) <= after:
            yield from ((name, one) for name in one.names)
