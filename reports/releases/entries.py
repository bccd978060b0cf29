"""What changes are one to who reads them: several parameters of one call, a default and what it does. Needs no torch.

One entry stands for them, with them as its `parts`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from torchproof.calls import ANY, clauses
from torchproof.reports.releases.names import Change

# What happens to several parameters, or words, of one call at once.
_TOGETHER = frozenset({
    "parameter gone", "parameter renamed", "parameter required", "parameters reordered", "value refused", "default",
    "deprecated", "parameter ignored", "parameter optional", "parameter added", "value taken",
})  # fmt: skip


def entries(changes: Iterable[Change]) -> list[Change]:
    """The changes, with one for those that are one; in their order."""
    return [entry for entry, _ in grouped(changes)]


def grouped(changes: Iterable[Change]) -> list[tuple[Change, tuple[Change, ...]]]:
    """Each entry with the changes that it stands for, in the order of the first of them."""
    changes = list(changes)
    groups: dict[object, list[Change]] = defaultdict(list)
    named: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        if change.base is None:
            named[change.name].append(change)
    led = {follower: one for of_name in named.values() for one in of_name for follower in _followers(one, of_name)}
    for change in changes:
        groups[_fate(_last(change, led))].append(change)
    return [(_entry(group, led), tuple(group)) for group in groups.values()]


def _last(change: Change, led: dict[Change, Change]) -> Change:
    return led.get(change, change)


def _fate(change: Change) -> object:
    """What is the same of changes that are told together; the change itself, where it is told alone."""
    if change.kind in _TOGETHER and change.parameter and change.base is None:
        return change.kind, change.name
    return change


def _followers(leader: Change, of_name: list[Change]) -> list[Change]:
    """Those of its name that it tells already: a default of which it says what it does, the place of what came."""
    if leader.kind == "behaviour":
        is_first = next(one for one in of_name if (one.kind, one.calls) == ("behaviour", leader.calls)) == leader
        return [one for one in of_name if is_first and _is_of_default(one, leader)]
    if leader.kind == "parameter required":
        return [one for one in of_name if one.parameter == leader.parameter and _is_placed(one)]
    if _is_placed(leader):
        return [one for one in of_name if (one.kind, one.parameter) == ("parameter added", leader.parameter)]
    return []


def _is_of_default(change: Change, behaviour: Change) -> bool:
    left_out = [clause.words for clause in clauses(behaviour.calls or ANY) if clause.verb == "not"]
    return change.kind == "default" and (change.parameter,) in left_out


def _is_placed(change: Change) -> bool:
    return change.kind == "parameters reordered" and (change.new or "").startswith("before ")


def _entry(group: list[Change], led: dict[Change, Change]) -> Change:
    """One entry for a group."""
    if len(group) == 1:
        return group[0]
    heads = [one for one in group if one not in led]
    if len(heads) == 1:
        return replace(heads[0], parts=tuple(one for one in group if one in led))
    return replace(
        heads[0], parameter="", to="", old=None, new=None, hint=_hint([one.hint for one in heads]), parts=tuple(group)
    )


def _hint(hints: list[str]) -> str:
    """One advice for several parameters."""
    hints = [one for one in dict.fromkeys(hints) if one]
    alone = [one for one in hints if not any(other.startswith(f"{one},") for other in hints)]
    if len(alone) == 1:
        return re.sub(r"\b(?:it|another)\b", lambda one: {"it": "them", "another": "others"}[one[0]], alone[0])
    if all(one.startswith("pass ") for one in alone):
        behind = {one.partition(" to ")[2] for one in alone}
        passed = ", ".join(one.removeprefix("pass ").partition(" to ")[0] for one in alone)
        return f"pass {passed}" + (f" to {behind.pop()}" if len(behind) == 1 and all(behind) else "")
    return "; ".join(alone)
