"""Which behaviours of torch changed between two releases, as far as facts say. Needs no torch."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator
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
    deprecated = deprecations(changes := list(changes))
    for change in changes:
        if change.kind in ("parameter added", "parameter gone"):
            added[change.name].add(change.parameter)
    sides: dict[tuple[str, str, str], tuple[list[IndexedFact], list[IndexedFact]]] = defaultdict(lambda: ([], []))
    back = is_back(old, new)
    earlier = new if back else old
    for fact in known:
        if fact.calls == NONE or not any(inventory.find(one, earlier) for one in fact.subjects):
            continue
        if _speaks_of(fact, added, inventory, old) or _names_new(fact, inventory, old, new):
            continue
        subject = fact.subjects[0]
        for device in _devices(fact):
            since, until = bound_on(fact.since, device or "cpu"), bound_on(fact.until, device or "cpu")
            was, now = (_holds(since, until, release) for release in (old, new))
            begins = was == back  # the later of the two releases has it
            bound = since if begins else until
            if was == now or not bound or (begins and bound in _births(fact, inventory)):
                continue
            if not (now and warns_of(fact.claim, fact.calls, deprecated[subject])):
                claim = f"{fact.claim} (on {device})" if device else fact.claim
                sides[subject, bound, fact.calls or ""][now].append(replace(fact, claim=claim, until=until))
    found = [
        replace(change, since=since)
        for (subject, since, _), both in sorted(sides.items())
        for change in _changes(subject, *both)
    ]
    return [replace(change, back=True, gain=False, until="") for change in found] if back else found


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


def warns_of(claim: str, calls: str | None, deprecated: Container[str]) -> bool:
    """Whether a claim is that of a warning of its subject's deprecation ('' in the set), or of a parameter's.

    Of a subject that is deprecated, any warning that each call gives is that.
    """
    if "deprecated" in claim:
        words = ["", *re.findall(r"\w+", " ".join(re.findall(r"`[^`]*`", claim)))]
        return any(word in deprecated for word in words)
    return "" in deprecated and (calls or ANY) == ANY and re.search(r"\bwarns?\b", claim) is not None


def deprecations(changes: Iterable[Change]) -> dict[str, set[str]]:
    """By name, the parameters that begin to be deprecated; '' where the name itself does."""
    found: dict[str, set[str]] = defaultdict(set)
    for change in changes:
        if change.kind == "deprecated":
            found[change.name].add(change.parameter)
    return found


def _speaks_of(fact: IndexedFact, added: dict[str, set[str]], inventory: Inventory, old: str) -> bool:
    """Whether the claim names a parameter that came to a subject, or went, and is not about calls without it."""
    code = " ".join(re.findall(r"`[^`]*`|\b\w+(?==\S)", fact.claim))
    before = (inventory.find(subject, old) for subject in fact.subjects)
    parameters = set().union(*(added.get(entry.name, ()) for entry in before if entry))
    parameters -= {one for clause in clauses(fact.calls or ANY) if clause.verb == "not" for one in clause.words}
    return not parameters.isdisjoint(re.findall(r"\w+", code))


def _names_new(fact: IndexedFact, inventory: Inventory, old: str, new: str) -> bool:
    """Whether the claim speaks of a member of a subject, or of a dtype, that only one of the releases has."""
    words = set(re.findall(r"\w+", " ".join(re.findall(r"`[^`]*`", fact.claim))))
    words |= set(re.findall(r"\b[a-z]+\d\w*", fact.claim))
    of_calls = clauses(fact.calls or ANY)  # what the code itself defines
    words -= {word for one in of_calls if one.verb in ("overrides", "lacks") for word in one.words}
    entries = [
        [inventory.find(f"{owner}.{word}", release) for release in (old, new)]
        for word in words
        for owner in ("torch", *fact.subjects)
        if owner != "torch" or any(char.isdigit() for char in word)
    ]
    return any((before is None) != (after is None) for before, after in entries)


def _changes(subject: str, ended: list[IndexedFact], begun: list[IndexedFact]) -> Iterator[Change]:
    """One change where one fact took the place of another, else one for each; only what holds now has a hint."""
    if len(ended) == len(begun) == 1:
        (was,), (now,) = ended, begun
        yield replace(_of(now, subject), old=was.claim)
        return
    for fact in ended:
        yield replace(_of(fact, subject), old=fact.claim, new=None, hint="", until="")
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
        until=str(fact.until or ""),
    )
