"""What torch calls of other people's classes and functions in each release, and whether code's own take the call.

Reads `reports/releases/contracts.tsv`, whose form `reports/releases/contracts.py` tells.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from torchproof.inventory import Inventory
from torchproof.reports.code import beginnings
from torchproof.reports.code.syntax import defaults_by_name

FILE = Path(__file__).parents[1] / "releases" / "contracts.tsv"


@dataclass(frozen=True)
class Call:
    """One place of torch that calls something, in its method `caller`, wherever the thing is used or perhaps."""

    caller: str
    positional: int
    keywords: tuple[str, ...]
    unpacks: frozenset[str]
    is_usual: bool
    is_read: bool = False


@dataclass(frozen=True)
class Takes:
    """What a function of the code takes, without `self`."""

    positional: tuple[str, ...]
    keywords: frozenset[str]
    required: tuple[str, ...]
    rest: frozenset[str]  # '*' and '**'

    @classmethod
    def of(cls, wanted: ast.arguments, is_method: bool) -> Takes:
        """What the parameters say."""
        positional = [one.arg for one in (*wanted.posonlyargs, *wanted.args)][is_method:]
        keyword_only = [one.arg for one in wanted.kwonlyargs]
        optional = defaults_by_name(wanted)
        rest = {"*"} if wanted.vararg else set()
        return cls(
            tuple(positional),
            frozenset(positional + keyword_only) - {one.arg for one in wanted.posonlyargs},
            tuple(one for one in positional + keyword_only if one not in optional),
            frozenset(rest | ({"**"} if wanted.kwarg else set())),
        )

    def misfit(self, call: Call, who: str) -> str | None:
        """Why the call of `who` fails, in words that go on after the name of what calls."""
        unknown = [one for one in call.keywords if one not in self.keywords and "**" not in self.rest]
        if unknown:
            them = "them" if len(unknown) > 1 else "it"
            return f"passes {_listed(unknown)}, which {who} does not take: add {them}, or **kwargs"
        if call.positional > len(self.positional) and "*" not in self.rest:
            return f"passes {call.positional} positional arguments, of which {who} takes {len(self.positional)}"
        passed = {*self.positional[: call.positional], *call.keywords}
        missing = [one for one in self.required if one not in passed and not call.unpacks]
        return f"does not pass {_listed(missing)}, which {who} requires: give a default" if missing else None


@dataclass(frozen=True)
class Duty:
    """What a contract asks of a thing of the code: of the class or function `who`, which `takes` that, or has it not.

    `own` are the methods that the class has itself, so that torch's do not call anything there.
    """

    owner: str
    member: str
    who: str
    takes: Takes | None
    own: frozenset[str] = frozenset()


class Contracts:
    """The contracts of all releases."""

    def __init__(self, text: str) -> None:
        self._file = Inventory(text)

    def members(self, owner: str) -> list[tuple[str, str]]:
        """What a class or function of torch calls, as parameter (or 'self') and method; ('abstract', '') too."""
        return [(role, method) for one in self._file.members(owner) for role, _, method in (one.partition(":"),)]

    def abstract(self, owner: str, release: str) -> tuple[str, ...]:
        """The methods without which a subclass makes no objects."""
        return tuple(self._state(owner, "abstract", release).split())

    def fails(self, duty: Duty, release: str) -> str | None:
        """Why the release's calls of a thing fail, all of them, in words that go on after the name of what calls."""
        return next(self._failures(duty, release), None)

    def is_usual(self, duty: Duty, release: str) -> bool:
        """Whether such a call is made wherever the thing is used at all."""
        return any(call.is_usual for call in self._calls(duty, release))

    def _failures(self, duty: Duty, release: str) -> Iterator[str]:
        if duty.member == "abstract":
            if missing := [one for one in self.abstract(duty.owner, release) if one not in duty.own]:
                yield f"makes no objects of {duty.who}, which has no {_listed(missing)}: add what is missing"
            return
        calls = self._calls(duty, release)
        role, _, method = duty.member.partition(":")
        if role == beginnings.EARLY:
            yield f"takes no module, parameter or buffer before its own __init__ has run: call that first in {duty.who}"
            return
        if role == "begun":
            yield from filter(None, [beginnings.fails(duty.owner, method, duty.who, release)])
            return
        if duty.takes is None:
            if any(call.is_usual for call in calls):
                yield f"asks its {role} for {method}, which {duty.who} has not"
            return
        reasons = [None if call.is_read else duty.takes.misfit(call, duty.who) for call in calls]
        if None not in reasons:
            yield from filter(None, reasons)

    def _calls(self, duty: Duty, release: str) -> list[Call]:
        calls = map(_call, filter(None, self._state(duty.owner, duty.member, release).split("; ")))
        return [call for call in calls if call.caller not in duty.own]

    def _state(self, owner: str, member: str, release: str) -> str:
        return self._file.state(owner, member, release) or ""


@cache
def contracts() -> Contracts:
    """The contracts of the supported releases."""
    return Contracts(FILE.read_text(encoding="utf-8"))


@cache
def _call(text: str) -> Call:
    caller, _, shape = text.removeprefix("?").partition(" ")
    is_usual = not text.startswith("?")
    if shape == ".":
        return Call(caller, 0, (), frozenset(), is_usual, is_read=True)
    positional, *words = shape.split()
    stars = frozenset(words) & {"*", "**"}
    keywords = tuple(one for one in words if one not in stars)
    return Call(caller, int(positional), keywords, stars, is_usual)


def _listed(names: list[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
