"""`torchproof diff --ahead`: what a release has announced that will go, by when, and what of it is overdue.

With `--json`, one object:

    schema     1
    release    the release that has announced it
    announced  a list of `name`, `parameter` (where only this one of it will go), `words`, `by` (the release that it is
               to go by, of torch or the package whose name it is; null where none is said), `overdue`, and with
               `--uses PATH` the `places` ('file:line') and whether they are `certain`
    unread     with `--uses PATH`, a line for each file that could not be read, or not in whole
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby

from torchproof import releases
from torchproof.inventory import PACKAGES, Inventory, is_private
from torchproof.reports import Refusal, screen
from torchproof.reports.code import files
from torchproof.reports.code.files import Code
from torchproof.reports.releases import withdrawn
from torchproof.reports.releases.entries import entries
from torchproof.reports.releases.names import Change
from torchproof.reports.releases.sentences import rows
from torchproof.reports.releases.usage import Usage

_BY = re.compile(
    r"\bremov\w+[^.;]*?\b(?:in|after|by|from|with)\s+(?:the\s+)?(?:(?:Py)?torch|version|release)?\s*v?(\d+\.\d+)", re.I
)


@dataclass(frozen=True)
class Announcement:
    """That a name, or a `parameter` of it, will go: `by` is the release in which, None where none is said.

    That is one of torch, or of the torchvision or torchaudio whose name it is.
    `places` are where code uses it.
    """

    name: str
    words: str
    by: str | None
    is_overdue: bool
    parameter: str = ""
    places: tuple[str, ...] = ()
    is_certain: bool = True

    @property
    def change(self) -> Change:
        """What it is told as."""
        return Change("deprecated", self.name, parameter=self.parameter, new=self.words)

    @property
    def head(self) -> str:
        """Under which it is told."""
        if self.is_overdue:
            return "overdue: it was to be gone by now, and is still there"
        package = self.name.partition(".")[0]
        of = f"{package} " if package in releases.PAIRED else ""
        return f"to be removed by {of}{self.by}" if self.by else "deprecated: no release is said by which it will go"


def announced(names: Inventory, release: str) -> list[Announcement]:
    """What a release, with what goes with it, says will go: what is overdue, what is next, then what has no time."""
    found = []
    public = {name: entry for package in PACKAGES for name, entry in names.public(release, package).items()}
    for name, entry in public.items():
        if entry.raises or entry.alias or is_private(name):
            continue
        if words := entry.deprecated or entry.warns:
            found.append(_announcement(name, words, release))
        else:
            parameters = withdrawn.parameters(name, release)
            found += [_announcement(name, said, release, one) for one, said in parameters.items()]
    use = Usage()
    found.sort(key=lambda one: use.of(one.name), reverse=True)
    return sorted(found, key=lambda one: (not one.is_overdue, releases.number(one.by or "99")))


def _announcement(name: str, words: str, release: str, parameter: str = "") -> Announcement:
    said = _BY.search(words)
    by = said[1] if said else None
    package = name.partition(".")[0]
    here = releases.supported()[release].goes_with(package) if package in releases.PAIRED else release
    return Announcement(name, words, by, by is not None and releases.number(by) <= releases.number(here), parameter)


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
    from torchproof.reports.releases.touched import touched  # all that reads code, which is needed here alone

    touches = touched(code, [one.change for one in found], names, release, release)
    places: dict[Change, tuple[tuple[str, ...], bool]] = {}
    for is_certain, group in ((False, touches.possible), (True, touches.certain)):
        places.update({part.change: (part.places, is_certain) for one in group for part in one.parts or (one,)})
    met = [(one, *places[one.change]) for one in found if one.change in places]
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
    for possibly in ("", " (possibly)"):
        of_change = {one.change: one for one in told if one.is_certain != bool(possibly)}
        for row in rows(entries(of_change), use):
            yield from screen.wrapped(f"{row.call}{possibly}  {row.note}".rstrip(), "  ", "      ")
            met = [of_change[part] for change in row.changes for part in change.parts or (change,)]
            yield from (f"      {place}" for place in dict.fromkeys(place for one in met for place in one.places))
    if more := len(group) - len(told):
        yield f"  {'and ' if told else ''}{more}{' more' if told else ''} that hardly anyone uses: --all tells them"


def as_markdown(found: list[Announcement], release: str, is_all: bool) -> Iterator[str]:
    """For a comment."""
    yield f"### torch {release} announces: {_counts(found)}"
    for head, group in groupby(found, lambda one: one.head):
        first, *lines = _section(head, list(group), is_all)
        yield from ("", f"#### {first}", "", *(f"- {line.strip()}" for line in lines))


def as_json(found: list[Announcement], release: str, unread: list[str] | None) -> str:
    """For programs."""
    said: dict[str, object] = {"schema": 1, "release": release}
    said["announced"] = [_as_plain(one, has_places=unread is not None) for one in found]
    return json.dumps(said if unread is None else {**said, "unread": unread}, indent=1)


def _as_plain(one: Announcement, *, has_places: bool) -> dict[str, object]:
    of = {"parameter": one.parameter} if one.parameter else {}
    where = {"places": one.places, "certain": one.is_certain} if has_places else {}
    return {"name": one.name, **of, "words": one.words, "by": one.by, "overdue": one.is_overdue, **where}


def _counts(found: list[Announcement]) -> str:
    groups = {head.partition(":")[0]: len(list(group)) for head, group in groupby(found, lambda one: one.head)}
    return ", ".join(f"{count} {head}" for head, count in groups.items()) or "nothing"
