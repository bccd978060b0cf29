"""Changes between releases in words: one in a line, and those that are alike in a row. Needs no torch."""

from __future__ import annotations

import re
import textwrap
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from torchproof.reports.code import refusals
from torchproof.reports.releases.names import OUTCOMES, Change
from torchproof.reports.releases.usage import Usage
from torchproof.reports.screen import counted

_NAMES = 24  # of one owner, in one row
_PARAMETERS = 6  # of one order, in one row
_WORDS = 200  # of torch, in one row
_SAY_MORE = ("default", "parameters reordered")  # than the name of a parameter
_SAY_OF_EACH = (
    "behaviour",
    *OUTCOMES,
    "deprecated",
    "parameter ignored",
    "warning",
)  # what is to be known, beside what to do
_ADVICE = re.compile(r"\b(?:use|using|instead|see|prefer|switch|migrate)\b", re.IGNORECASE)
# How words of torch call what they are about.
_ITSELF = (
    r"^(?:(?:this|the) \w+|(?:(?:the|argument|parameter) )?[`'\"]*(?:\w+\.)*{}(?:\([^()]*\))?[`'\"]*"
    r"(?: (?:argument|parameter|option))?(?: in `\w+`(?: \w+)?)?) (?=(?:is|was|has|will)\b)"
)
# What a heading says already.
_DEPRECATED = re.compile(
    r"^(?:it (?:is|has been|was) (?:now )?)?deprecated(?: option| arg\w*)?\s*(?:[.,:;!]+\s*|$)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Row:
    """What changed alike: the names and what stands behind them, a note, and the changes."""

    call: str
    note: str
    changes: tuple[Change, ...]


def sentence(change: Change) -> str:
    """One change in one line: what it is, and what to do."""
    inside = _inside(change)
    says = _note(change) if change.kind in _SAY_OF_EACH else _hint(change)
    return (
        f"{change.name}{f'({inside})' if inside else ''}{_behind(change)}  {change.kind}{f': {says}' if says else ''}"
    )


def rows(group: Iterable[Change], use: Usage) -> list[Row]:
    """What changed alike, most used first: names of one owner in braces, parameters of one call in parentheses."""
    group = list(group)
    if group and group[0].kind == "platform":  # not names of torch
        return [Row(change.name, change.hint, (change,)) for change in group]
    names: dict[tuple[str, str, str], dict[str, Change]] = defaultdict(dict)
    for change in group:
        owner, _, member = change.name.rpartition(".")
        inside = _inside(change)
        behind = (f"({inside})" if inside else "") + _behind(change)
        names[owner, behind, _note(change)].setdefault(member, change)
    order = {key: max(use.of(f"{key[0]}.{member}") for member in members) for key, members in names.items()}
    together = sorted(names.items(), key=lambda one: (one[0][0], list(one[1]), *one[0][1:]))
    together.sort(key=lambda one: order[one[0]], reverse=True)
    return [
        Row(f"{owner}.{_join(list(members))}{behind}", note, tuple(members.values()))
        for (owner, behind, note), members in together
    ]


def _join(members: list[str]) -> str:
    if len(members) == 1:
        return members[0]
    more = f", and {len(members) - _NAMES} more" if len(members) > _NAMES + 1 else ""
    return "{" + ", ".join(members[:_NAMES] if more else members) + more + "}"


def _parts(change: Change) -> tuple[Change, ...]:
    """The changes of the same kind that an entry stands for; itself, where it stands for none."""
    return tuple(one for one in change.parts if one.kind == change.kind) or (change,)


def _inside(change: Change) -> str:
    """What stands between the parentheses of the call."""
    parts = _parts(change)
    instead = {one.parameter: _one_inside(one) for one in change.parts if one.kind in _SAY_MORE and one not in parts}
    keyword_only = [one.parameter for one in parts if one.new == "keyword only"]
    told = [instead.pop(one.parameter, "") or _one_inside(one) for one in parts if one.new != "keyword only"]
    told += instead.values()
    told += [f"{', '.join(keyword_only)} keyword only"] if keyword_only else []
    return ", ".join(filter(None, told))


def _one_inside(change: Change) -> str:
    was, now = change.old or "", change.new or ""
    old, new = short(was, 40), short(now, 40)
    match change.kind:
        case (
            "parameter gone"
            | "parameter ignored"
            | "parameter required"
            | "parameter optional"
            | "parameter added"
            | "deprecated"
        ):
            return change.parameter
        case "parameter renamed":
            return f"{change.parameter} → {change.to}"
        case "parameters reordered":
            return f"{change.parameter} {new}" if change.parameter else f"{_few(was)} → {_few(now)}"
        case "default":
            return f"{change.parameter}={old} → {new}" if change.parameter else ""
        case "value refused" | "value taken":
            return f"{change.parameter}={refusals.shown(was or now)}"
    return ""


def _few(parameters: str) -> str:
    names = parameters.split(", ")
    return ", ".join(names if len(names) <= _PARAMETERS else [*names[:_PARAMETERS], "…"])


def _behind(change: Change) -> str:
    """What stands behind the name."""
    if change.kind in ("moved", "renamed"):
        owner, _, member = change.to.rpartition(".")
        return f" → in {owner}" if member == change.name.rpartition(".")[2] else f" → {change.to}"
    if change.kind == "another base":
        return f" is a {change.new}" if change.new else f" is no {change.old}"
    if change.kind == "replaced" or (change.kind == "default" and not (change.parameter or change.parts)):
        return f": {change.old} → {change.new}"
    return f" (module with {counted(change.names, 'name')})" if change.names > 1 else ""


def _note(change: Change) -> str:
    """What is to be known or done."""
    if change.kind == "behaviour":
        return _of_behaviour(change)
    if change.kind in OUTCOMES:
        return change.new or ""
    if change.kind == "deprecated":
        return _of_deprecation(change)
    if change.kind == "warning":
        return _of_warning(change)
    if change.kind == "parameter ignored":
        return _of_each(change, lambda one: one.hint)
    return _hint(change) if change.kind in ("gone", "package required") else ""


def _of_behaviour(change: Change) -> str:
    was, now = ("not yet", "still") if change.back else ("was", "now")
    now += f" (until {change.until})" if change.until else ""
    sides = [f"{was}: {change.old}" if change.old else "", f"{now}: {change.new}" if change.new else ""]
    return " ".join(filter(None, [*sides, change.hint and f"({change.hint})"]))


def _of_deprecation(change: Change) -> str:
    """What torch says beside that."""
    return _of_each(change, lambda one: brief(one.new or "", one.parameter or _last(one)))


def _of_each(change: Change, says: Callable[[Change], str]) -> str:
    """What is said of a change; of several parameters what is said of each."""
    of_words: dict[str, list[str]] = defaultdict(list)
    for one in _parts(change):
        if words := says(one):
            of_words[words].append(one.parameter)
    if len(of_words) == 1 and len(*of_words.values()) == len(_parts(change)):
        return next(iter(of_words))
    return "; ".join(f"{', '.join(some)}: {words.rstrip('.')}" for words, some in of_words.items())


def _of_warning(change: Change) -> str:
    """The categories, and the words that it has now."""
    (was, _, _), (now, _, words) = (one.partition(": ") for one in (change.old or "", change.new or ""))
    return f"{' → '.join(dict.fromkeys(filter(None, (was, now))))}: {brief(words, _last(change))}"


def _hint(change: Change) -> str:
    return brief(change.hint, _last(change)) if change.kind == "gone" else change.hint


def _last(change: Change) -> str:
    return change.name.rpartition(".")[2]


def brief(words: str, name: str) -> str:
    """What words of torch say beside that something is deprecated: of `name`, which is called it."""
    return short(
        _DEPRECATED.sub("", re.sub(_ITSELF.format(re.escape(name)), "it ", words, flags=re.IGNORECASE)), _WORDS
    )


def short(text: str, width: int) -> str:
    """A text with as many of its sentences as fit, and of the first one its beginning where it is longer.

    Where not all fit, those stay that say what to do. A last one that was cut off is only of use if it does.
    """
    sentences = re.split(r"(?<=[.!])(?<!\s\d\.)\s+(?=[`'\"A-Z])", text)
    if len(sentences) > 1 and sentences[-1].endswith("…") and not _ADVICE.search(sentences[-1]):
        sentences.pop()
    if len(" ".join(sentences)) > width:
        sentences = [one for one in sentences if _ADVICE.search(one)] or sentences
    while len(sentences) > 1 and len(" ".join(sentences)) > width:
        sentences.pop()
    return textwrap.shorten(" ".join(sentences), width, placeholder=" …")
