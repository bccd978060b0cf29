"""Which behaviours of torch changed between two releases, as far as facts say. Needs no torch."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace

from torchproof import releases
from torchproof.calls import ANY, NONE, clauses
from torchproof.facts import bound_on
from torchproof.inventory import Inventory
from torchproof.reports.index import IndexedFact
from torchproof.reports.releases.names import Change, is_back


def behaviours(
    known: Iterable[IndexedFact], inventory: Inventory, old: str, new: str, changes: Iterable[Change] = ()
) -> list[Change]:
    """What holds in the newer release and did not in the older, or the reverse, as facts say it.

    Two sides of one change are one. Left out is what only begins or ends because its subject is new, or a parameter
    that it speaks of, and the warning of a deprecation, which the `changes` of names tell.
    """
    added: dict[str, set[str]] = defaultdict(set)
    deprecated = set()
    for change in changes:
        if change.kind in ("parameter added", "parameter gone"):
            added[change.name].add(change.parameter)
        elif change.kind == "deprecated" and not change.parameter:
            deprecated.add(change.name)
    sides: dict[tuple[str, str, str], tuple[list[IndexedFact], list[IndexedFact]]] = defaultdict(lambda: ([], []))
    back = is_back(old, new)
    for fact in known:
        if fact.calls == NONE or _speaks_of(fact, added, inventory, old):
            continue
        subject = fact.subjects[0]
        for device in _devices(fact):
            since, until = bound_on(fact.since, device or "cpu"), bound_on(fact.until, device or "cpu")
            was, now = (_holds(since, until, release) for release in (old, new))
            begins = was == back  # the later of the two releases has it
            bound = since if begins else until
            if was == now or not bound or (begins and bound in _births(fact, inventory)):
                continue
            if not (now and subject in deprecated and "deprecated" in fact.claim):
                told = replace(fact, claim=f"{fact.claim} (on {device})") if device else fact
                sides[subject, bound, fact.calls or ""][now].append(told)
    found = [change for (subject, *_), both in sorted(sides.items()) for change in _changes(subject, *both)]
    return [replace(change, back=True, gain=False) for change in found] if back else found


def _devices(fact: IndexedFact) -> list[str]:
    """The devices of which a fact has bounds of their own; an empty name where all have the same."""
    bounds = [bound for bound in (fact.since, fact.until) if isinstance(bound, dict)]
    return sorted({device for bound in bounds for device in bound}) or [""]


def _holds(since: str | None, until: str | None, release: str) -> bool:
    here = releases.number(release)
    return (since is None or releases.number(since) <= here) and (until is None or here < releases.number(until))


def _births(fact: IndexedFact, inventory: Inventory) -> set[str]:
    """The releases in which what a fact is about begins to exist."""
    having = [inventory.spans(subject) for subject in fact.subjects]
    return {inventory.releases[spans.index(True)] for spans in having if True in spans}


def _speaks_of(fact: IndexedFact, added: dict[str, set[str]], inventory: Inventory, old: str) -> bool:
    """Whether the claim names a parameter that came to a subject, or went, and is not about calls without it."""
    code = " ".join(re.findall(r"`[^`]*`", fact.claim))
    before = (inventory.find(subject, old) for subject in fact.subjects)
    parameters = set().union(*(added.get(entry.name, ()) for entry in before if entry))
    parameters -= {one for clause in clauses(fact.calls or ANY) if clause.verb == "not" for one in clause.words}
    return not parameters.isdisjoint(re.findall(r"\w+", code))


def _changes(subject: str, ended: list[IndexedFact], begun: list[IndexedFact]) -> Iterator[Change]:
    """One change where one fact took the place of another, else one for each; only what holds now has a hint."""
    if len(ended) == len(begun) == 1:
        (was,), (now,) = ended, begun
        yield replace(_of(now, subject), old=was.claim)
        return
    for fact in ended:
        yield replace(_of(fact, subject), old=fact.claim, new=None, hint="")
    for fact in begun:
        yield _of(fact, subject)


def _of(fact: IndexedFact, subject: str) -> Change:
    return Change(
        "behaviour",
        subject,
        new=fact.claim,
        hint=fact.hint or "",
        fact=fact.id,
        subjects=fact.subjects,
        calls=fact.calls or ANY,
        gain=fact.gain,
    )
