"""Which outcomes of calls changed between two releases, those that are alike as one. Needs no torch."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from torchproof.inventory import Inventory, is_private
from torchproof.outcomes import Call, Table
from torchproof.releases import number
from torchproof.reports.index import IndexedFact
from torchproof.reports.outcomes import words
from torchproof.reports.outcomes.news import GONE, News, concerns, written_dtypes
from torchproof.reports.outcomes.questions import PLAIN
from torchproof.reports.releases.names import Change
from torchproof.spellings import operation

_OF_DTYPES = ("call refused", "call taken", "another error")
_FURTHER_GRADIENTS = (["special", "gradient"], ["second", "gradient"])
_Setting = tuple[str, str, str]


def changed(
    table: Table, names: Inventory, known: Iterable[IndexedFact], old: str, new: str, found: Iterable[Change] = ()
) -> list[Change]:
    """What calls give in the newer release and did not in the older, but what facts and other changes tell.

    Left out is what is of names or parameters that one of the two has not.
    """
    if not {old, new} <= set(table.releases):
        return []
    told = _told(found)
    facts = _changing(known, old, new)
    changes = []
    named: dict[str, list[Call]] = defaultdict(list)
    for subject, calls in table.calls.items():
        named[_named(subject, names, old, new)] += calls
    for subject, calls in named.items():
        entries = [names.find(subject, release) for release in (old, new)]
        if is_private(subject) or not all(entry and not entry.raises for entry in entries):
            continue
        news = [one for call in calls if (one := News.of(call, table, old, new)) and not one.is_of(told[subject])]
        news = [one for one in news if not any(one.is_in(fact) for fact in facts[operation(subject)])]
        changes += _gathered(subject, calls, _without_followers(news))
    return changes


def _named(subject: str, names: Inventory, *releases: str) -> str:
    """The name, or where none of the releases is known to have it, that of what it is a member of."""
    owner = subject.rpartition(".")[0]
    if any(names.find(subject, release) for release in releases) or not owner:
        return subject
    is_module = any(entry and entry.kind == "module" for entry in (names.find(owner, release) for release in releases))
    return subject if is_module else _named(owner, names, *releases)


def _told(found: Iterable[Change]) -> dict[str, set[str]]:
    """By name, the parameters and words that other changes tell of, and the kinds of those that are of all calls."""
    told: dict[str, set[str]] = defaultdict(set)
    for change in found:
        said = {change.parameter, change.to, change.old if "value" in change.kind else ""}
        told[change.name] |= {one for one in said if one} or {change.kind}
    return told


def _changing(known: Iterable[IndexedFact], old: str, new: str) -> dict[str, list[IndexedFact]]:
    """By operation, the facts whose range begins or ends on the way."""
    first, last = sorted((number(old), number(new)))
    found: dict[str, list[IndexedFact]] = defaultdict(list)
    for fact in known:
        bounds = [one for one in (fact.since, fact.until) if isinstance(one, str)]
        if any(first < number(one) <= last for one in bounds):
            for subject in fact.subjects:
                found[operation(subject)].append(fact)
    return found


def _without_followers(news: list[News]) -> list[News]:
    """Without what only follows from another change of the same name in the same release."""
    plain = {(one.call.code, one.kind, one.since) for one in news if one.call.given == PLAIN}
    gradients = {(one.call.code, one.since) for one in news if one.states == ["gradient"]}
    streams = {one.since for one in news if one.kind == "another stream"}
    of_dtypes = {(one.dtype, one.kind, one.since) for one in news if one.is_of_dtype}
    taken = {(one.was.error, one.since) for one in news if one.kind == "call taken" and not one.is_of_dtype}

    def follows(one: News) -> bool:
        same = (one.call.code, one.kind, one.since)
        return (
            (one.call.given != PLAIN and same in plain)  # of the same call that is given something else
            or (one.states in _FURTHER_GRADIENTS and (one.call.code, one.since) in gradients)
            or (one.kind == "another value" and one.since in streams)  # of what was drawn
            or (not one.is_of_dtype and any((dtype, one.kind, one.since) in of_dtypes for dtype in one.dtypes))
            or (one.kind == "another error" and (one.was.error, one.since) in taken)  # of a form that is now taken
            or (one.kind in ("call warns", GONE) and _is_of_another(one))
        )

    return [one for one in news if not follows(one)]


def _is_of_another(one: News) -> bool:
    """Whether the warning names another function, which the call has inside."""
    named = set(re.findall(r"\btorch(?:\.\w+)+", one.warning))
    called = re.findall(r"([\w.]+)\(", one.call.code)
    return bool(named & set(called[1:])) and called[0] not in named


def _gathered(subject: str, calls: list[Call], news: list[News]) -> Iterator[Change]:
    """One change for what is alike in several calls of a name."""
    settings: dict[_Setting | None, list[News]] = defaultdict(list)
    for one in news:
        settings[_setting(one)].append(one)
    whole = {setting for setting, alike in settings.items() if setting and _is_whole(alike, calls)}
    plain = {_manner(one) for one in news if one.shown == [] and not one.is_of_dtype}
    groups: dict[tuple[object, ...], list[News]] = defaultdict(list)
    for one in news:
        setting = _setting(one)
        further = "" if setting in whole or _manner(one) in plain else _further(one, settings[setting])
        groups[setting in whole, _manner(one), further].append(one)
    for (is_whole, *_), alike in groups.items():
        alike.sort(key=lambda one: (one.call.given != PLAIN, len(one.call.code)))
        yield _change(subject, alike, bool(is_whole))


def _change(subject: str, alike: list[News], is_whole: bool) -> Change:
    """What is told of some calls as one; `is_whole` says whether it is of all calls of a dtype."""
    first = alike[0]
    if first.kind == "another stream":
        says = words.of_streams(alike, is_whole)
    else:
        says = words.of_dtypes(alike, is_whole) if _setting(first) else words.of_calls(alike)
    return Change(first.kind, subject, new=says, subjects=(subject,), calls=concerns(alike, is_whole),
                  gain=first.kind in ("call taken", GONE), since=first.since)  # fmt: skip


def _setting(one: News) -> _Setting | None:
    """What makes several calls of a name one change: a dtype that is given, or that numbers are drawn of."""
    if one.is_of_dtype and one.kind in _OF_DTYPES:
        return one.kind, one.since, one.dtype
    return (one.kind, one.since, " ".join(one.dtypes)) if one.kind == "another stream" else None


def _is_whole(alike: list[News], calls: list[Call]) -> bool:
    """Whether all calls of the name changed so that were asked of this dtype."""
    first = alike[0]
    changed = {one.call.code for one in alike}
    return all(
        one.code in changed or one.is_absent
        for one in calls
        if one.given == first.call.given and written_dtypes(one.code) == written_dtypes(first.call.code)
    )


def _manner(one: News) -> tuple[str, str, str]:
    """How it changed: its kind, since when, and how it fails, or of what category its warning is."""
    match one.kind:
        case "call refused":
            says = one.now.error if one.is_of_dtype else one.now.text
        case "another error":
            says = one.was.error + one.now.error
        case "call warns" | "no longer warns":
            says = one.warning.partition(":")[0]
        case _:
            says = ""
    return one.kind, one.since, says


def _further(one: News, alike: list[News]) -> object:
    """What those have in common besides that are told in one sentence; `alike` are those of the same setting."""
    if one.kind in ("another stream", "call taken", GONE) and not one.is_of_dtype:
        return ""
    if _setting(one):
        return frozenset(other.call.code for other in alike)
    return None if one.shown is None else tuple(one.shown)
