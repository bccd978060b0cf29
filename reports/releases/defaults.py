"""What a default stands for where its text does not say so: the None that a function resolves. Needs no torch.

`defaults.toml` has it, read in the source of the releases.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from torchproof import data, releases

FILE = Path(__file__).with_name("defaults.toml")
_SAYS_NOTHING = ("None", "'warn'")  # what a function resolves, and may warn of


@dataclass(frozen=True)
class Stand:
    """What the default `text` of a parameter stands for from `since` on; `calls` are those in which it matters."""

    names: tuple[str, ...]
    parameter: str
    stands: str
    text: str = "None"
    since: str = "0"
    deprecated: bool = False
    calls: str | None = None


@cache
def known() -> dict[tuple[str, str], list[Stand]]:
    """What is known of a name's parameter, oldest first."""
    found: dict[tuple[str, str], list[Stand]] = {}
    for stand in data.rows(FILE, "default", Stand):
        for name in stand.names:
            found.setdefault((name, stand.parameter), []).append(stand)
    return found


@cache
def names() -> frozenset[str]:
    """The names that something is known of."""
    return frozenset(name for name, _ in known())


def meant(name: str, parameter: str, text: str, release: str) -> str | None:
    """What passing no argument does, as what would be passed, or in words; None where that may be anything."""
    here = releases.number(release)
    for stand in reversed(known().get((name, parameter), ())):
        if stand.text == text and releases.number(stand.since) <= here:
            return stand.stands
    return None if text in _SAYS_NOTHING else text


def is_deprecated(name: str, parameter: str) -> bool:
    """Whether passing a parameter is not to be advised."""
    return any(stand.deprecated for stand in known().get((name, parameter), ()))


def matters(name: str, parameter: str) -> str | None:
    """The calls in which a parameter is read, as torchproof.calls has it; None where all are."""
    return next((stand.calls for stand in known().get((name, parameter), ()) if stand.calls), None)


def resolved_anew(name: str, parameter: str, old: str, new: str) -> Iterator[tuple[str, str, str]]:
    """The default that has the same text in two releases and stands for another thing: the text, and both things."""
    for text in {stand.text for stand in known().get((name, parameter), ())}:
        was, now = (meant(name, parameter, text, release) for release in (old, new))
        if was and now and was != now:
            yield text, was, now


def is_expression(text: str) -> bool:
    """Whether it can be written as an argument: not words, and nothing that has no name outside torch."""
    try:
        ast.parse(text, mode="eval")
    except SyntaxError:
        return False
    return "..." not in text and not text.startswith("<")
