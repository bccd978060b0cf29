"""Which behaviours of torch changed between two releases, as far as facts say. Needs no torch."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from torchproof import releases
from torchproof.inventory import Inventory
from torchproof.reports.index import IndexedFact
from torchproof.reports.releases.names import Change


def behaviours(
    known: Iterable[IndexedFact], inventory: Inventory, old: str, new: str, changes: Iterable[Change] = ()
) -> list[Change]:
    """The facts that begin or end to hold between two releases, as changes; two sides of one change are one.

    Left out is what only begins or ends because its subject is new, or a parameter that it speaks of, which the
    `changes` of names tell.
    """
    added: dict[str, set[str]] = defaultdict(set)
    for change in changes:
        if change.kind == "parameter added":
            added[change.name].add(change.parameter)
    sides: dict[tuple[str, str], tuple[list[IndexedFact], list[IndexedFact]]] = defaultdict(lambda: ([], []))
    for fact in known:
        if _speaks_of(fact, added, inventory, old):
            continue
        subject, since, until = fact.subjects[0], on_cpu(fact.since), on_cpu(fact.until)
        if until and _is_between(until, old, new):
            sides[subject, until][0].append(fact)
        if since and _is_between(since, old, new) and since not in _births(fact, inventory):
            sides[subject, since][1].append(fact)
    return [change for (subject, _), both in sorted(sides.items()) for change in _changes(subject, *both)]


def on_cpu(bound: str | dict[str, str] | None) -> str | None:
    """A bound of a range that may differ by device: the one that everybody has."""
    return bound.get("cpu") if isinstance(bound, dict) else bound


def _is_between(bound: str, old: str, new: str) -> bool:
    return releases.number(old) < releases.number(bound) <= releases.number(new)


def _births(fact: IndexedFact, inventory: Inventory) -> set[str]:
    """The releases in which what a fact is about begins to exist."""
    having = [inventory.spans(subject) for subject in fact.subjects]
    return {inventory.releases[spans.index(True)] for spans in having if True in spans}


def _speaks_of(fact: IndexedFact, added: dict[str, set[str]], inventory: Inventory, old: str) -> bool:
    """Whether the claim names a parameter that was added to a subject."""
    code = " ".join(re.findall(r"`[^`]*`", fact.claim))
    before = (inventory.find(subject, old) for subject in fact.subjects)
    parameters = set().union(*(added.get(entry.name, ()) for entry in before if entry))
    return not parameters.isdisjoint(re.findall(r"\w+", code))


def _changes(subject: str, ended: list[IndexedFact], begun: list[IndexedFact]) -> Iterator[Change]:
    """One change where one fact took the place of another, else one for each; only what holds now has a hint."""
    if len(ended) == len(begun) == 1:
        (was,), (now,) = ended, begun
        yield Change("behaviour", subject, old=was.claim, new=now.claim, hint=now.hint or "", fact=now.id)
        return
    for fact in ended:
        yield Change("behaviour", subject, old=fact.claim, fact=fact.id)
    for fact in begun:
        yield Change("behaviour", subject, new=fact.claim, hint=fact.hint or "", fact=fact.id)
