"""`torchproof diff --ahead`: what a release has announced that will go, by when, and what of it is overdue.

With `--json`, one object:

    schema     1
    release    the release that has announced it
    announced  a list of `name`, `words`, `by` (the release that it is to go by; null where none is said), `overdue`,
               and with `--uses PATH` the `places` ('file:line') and whether they are `certain`
    unread     with `--uses PATH`, a line for each file that could not be read, or not in whole
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby

from torchproof import releases
from torchproof.inventory import Inventory, is_private
from torchproof.reports import Refusal, screen
from torchproof.reports.code import files
from torchproof.reports.code.files import Code
from torchproof.reports.releases.names import Change
from torchproof.reports.releases.touched import touched
from torchproof.reports.releases.usage import Usage

_WORDS = 200  # of one announcement
_BY = re.compile(
    r"\bremov\w+[^.;]*?\b(?:in|after|by|from|with)\s+(?:the\s+)?(?:(?:Py)?torch|version|release)?\s*v?(\d+\.\d+)", re.I
)


@dataclass(frozen=True)
class Announcement:
    """That a name will go: `by` is the release in which, None where none is said; `places` are where code uses it."""

    name: str
    words: str
    by: str | None
    is_overdue: bool
    places: tuple[str, ...] = ()
    is_certain: bool = True

    @property
    def head(self) -> str:
        """Under which it is told."""
        if self.is_overdue:
            return "overdue: it was to be gone by now, and is still there"
        return f"to be removed by {self.by}" if self.by else "deprecated: no release is said by which it will go"


def announced(names: Inventory, release: str) -> list[Announcement]:
    """What a release says will go: what is overdue, then what is next, then what has no time."""
    found = [
        _announcement(name, words, release)
        for name, entry in names.public(release).items()
        if (words := entry.deprecated or entry.warns) and not (entry.raises or entry.alias or is_private(name))
    ]
    use = Usage()
    most: dict[str, tuple[int, int]] = {}  # of what is said in the same words
    for one in found:
        most[one.words] = max(most.get(one.words, (0, 0)), use.of(one.name))
    found.sort(key=lambda one: (most[one.words], one.words, use.of(one.name)), reverse=True)
    return sorted(found, key=lambda one: (not one.is_overdue, releases.number(one.by or "99")))


def _announcement(name: str, words: str, release: str) -> Announcement:
    said = _BY.search(words)
    by = said[1] if said else None
    return Announcement(name, words, by, by is not None and releases.number(by) <= releases.number(release))


def command(names: Inventory, release: str, uses: list[str] | None, form: str, is_all: bool) -> int:
    """Print it; nothing of it breaks anything yet."""
    if form not in ("text", "markdown", "json"):
        raise Refusal(f"--ahead has no --format {form}: text, markdown or json")
    found, unread = announced(names, release), []
    if uses:
        with files.opened(uses) as code, screen.waiting(code.progress):
            found, unread = _used(code, found, names, release), code.unread
        code.check()
    if form == "json":
        print(as_json(found, release, unread if uses else None))
    else:
        told = as_text if form == "text" else as_markdown
        print("\n".join([*told(found, release, is_all or uses is not None), *files.told(unread)]))
    return 0


def _used(code: Code, found: list[Announcement], names: Inventory, release: str) -> list[Announcement]:
    """What of it some code uses, with the places."""
    changes = [Change("deprecated", one.name, new=one.words) for one in found]
    touches = touched(code, changes, names, release, release)
    places = {one.change.name: (one.places, False) for one in touches.possible}
    places |= {one.change.name: (one.places, True) for one in touches.certain}
    met = [(one, *places[one.name]) for one in found if one.name in places]
    return [replace(one, places=where, is_certain=is_certain) for one, where, is_certain in met]


def as_text(found: list[Announcement], release: str, is_all: bool) -> Iterator[str]:
    """For a terminal: what people use, and of the rest how much it is."""
    yield f"torch {release} announces: {_counts(found)}"
    for head, group in groupby(found, lambda one: one.head):
        yield from ("", *_section(head, list(group), is_all))


def _section(head: str, group: list[Announcement], is_all: bool) -> Iterator[str]:
    use = Usage()
    yield f"{head} ({len(group)})"
    told = [one for one in group if is_all or any(use.of(one.name))]
    for words, alike in groupby(told, lambda one: one.words):
        some = list(alike)
        names = ", ".join(one.name + ("" if one.is_certain else " (possibly)") for one in some)
        yield from screen.wrapped(f"{names}  {_short(words)}", "  ", "      ")
        yield from (f"      {place}" for one in some for place in one.places)
    if more := len(group) - len(told):
        yield f"  {'and ' if told else ''}{more}{' more' if told else ''} that hardly anyone uses: --all tells them"


def as_markdown(found: list[Announcement], release: str, is_all: bool) -> Iterator[str]:
    """For a comment."""
    yield f"### torch {release} announces: {_counts(found)}"
    for head, group in groupby(found, lambda one: one.head):
        first, *rows = _section(head, list(group), is_all)
        yield from ("", f"#### {first}", "", *(f"- {row.strip()}" for row in rows))


def as_json(found: list[Announcement], release: str, unread: list[str] | None) -> str:
    """For programs."""
    rows = [{"name": one.name, "words": one.words, "by": one.by, "overdue": one.is_overdue} for one in found]
    said: dict[str, object] = {"schema": 1, "release": release, "announced": rows}
    if unread is not None:
        for row, one in zip(rows, found):
            row.update(places=list(one.places), certain=one.is_certain)
        said["unread"] = unread
    return json.dumps(said, indent=1)


def _counts(found: list[Announcement]) -> str:
    groups = {head.partition(":")[0]: len(list(group)) for head, group in groupby(found, lambda one: one.head)}
    return ", ".join(f"{count} {head}" for head, count in groups.items()) or "nothing"


def _short(words: str) -> str:
    return words if len(words) <= _WORDS else words[: words.rfind(" ", 0, _WORDS)] + " …"
