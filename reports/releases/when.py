"""`torchproof when torch.onnx.export.dynamo`: since when a name or a parameter of torch exists, and what became of it.

With `--json`, one object:

    schema     1
    name       what was asked for
    kind       of the newest release that has it: 'function', 'parameter' …; 'private' where only the name is known
    since      the first supported release that has it; `or_before` is true where that is the oldest one
    gone       the first release after it, null where it is not gone
    canonical  the name that the release itself gives it, of a parameter that of what takes it; `aliases` are others
    deprecated the words of deprecation, null where there are none
    states     what it is over releases: `since`, the last of them as `to`, and `text`: its signatures, or the default
               of a parameter
    changes    as in `torchproof diff --json`, each with its `release`
    facts      `id`, `claim`, `since`, `until`, `hint` of the facts about it; docs/schemas/when.json says all of it
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from itertools import groupby, pairwise

from torchproof import ROOT
from torchproof.facts import command_of
from torchproof.inventory import Entry, Inventory, Parameter, inventory, is_private
from torchproof.outcomes import outcomes
from torchproof.releases import supported
from torchproof.reports import formats, screen, words
from torchproof.reports.index import IndexedFact, facts_about
from torchproof.reports.outcomes.changes import changed
from torchproof.reports.releases.behaviours import warns_of
from torchproof.reports.releases.diff import plain
from torchproof.reports.releases.names import Change, besides, changes, compare, gone
from torchproof.reports.releases.sentences import sentence

HELP = "Tell since which release of torch a name or a parameter exists, and what became of it."

_FACTS = 15  # on the screen
_SPELLINGS = 4


@dataclass(frozen=True)
class State:
    """What a name was from one release `to` another, both included."""

    since: str
    to: str
    text: str


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument(
        "name",
        nargs="+",
        help="a name, or a parameter behind it, as people write them: torch.load, nn.Linear, StepLR, F.softmax.dim",
    )
    formats.option(parser)


def command(options: argparse.Namespace) -> int:
    """Print what is known about a name; always 0, as one that is unknown, or may be several, is refused."""
    names = inventory()
    meant = words.meant(" ".join(options.name), names)
    asked = _subject(meant.name, names)
    if options.format != "text":
        if not meant.is_as_written:
            print(meant.says(), file=sys.stderr)
        print(asked.as_json() if options.format == "json" else asked.as_markdown())
        return 0
    parts = [] if meant.is_as_written else [meant.says()]
    print("\n\n".join([*parts, asked.as_text(), *(["\n".join(meant.listed(names))] if meant.others else [])]))
    return 0


def _subject(name: str, names: Inventory) -> Name:
    """What is known of a name that a release has, or of a parameter."""
    owner, _, parameter = name.rpartition(".")
    history = [entry for _, entry in names.history(owner)] if owner else []
    is_called = any(entry and entry.kind in ("function", "class", "method") for _, entry in names.history(name))
    if not is_called and any(_parameter(entry, parameter) for entry in history):
        return NamedParameter(name, names)
    return Name(name, names)


# Where Python itself has no signature, what says so.
_SOURCES = {"": "", "doc": "documented as ", "op": "operator "}


class Name:
    """A name, and its history over the supported releases."""

    def __init__(self, name: str, names: Inventory) -> None:
        self.name, self.names = name, names
        self.history = [
            (release, entry if entry or names.lacks(self.owned, release) else Entry(self.owned, ""))
            for release, entry in names.history(self.owned)
        ]
        having = [(release, entry) for release, entry in self.history if entry and self._text(entry) is not None]
        having = [one for one in having if not one[1].raises] or having
        self.having = [release for release, _ in having]
        self.entry = having[-1][1]

    @property
    def _package(self) -> str:
        return self.name.partition(".")[0]

    @property
    def owned(self) -> str:
        """The name that stands in the inventory."""
        return self.name

    @property
    def kind(self) -> str:
        """As the newest release tells that says more than that it exists."""
        is_operator = self.name.startswith("torch.ops.") and self.name.count(".") > 2
        other = "operator" if is_operator else "private"
        return next((entry.kind for _, entry in reversed(self.history) if entry and entry.kind), other)

    @property
    def deprecated(self) -> str | None:
        """The words of deprecation of the newest release that has it."""
        return self.entry.deprecated

    @property
    def gone(self) -> str | None:
        """The first release after those that have it."""
        after = self.names.releases.index(self.having[-1]) + 1
        return self.names.releases[after] if after < len(self.names.releases) else None

    @property
    def spellings(self) -> list[str]:
        """The other public names of it, the release's own first."""
        return self._owners()[1:]

    def _owners(self) -> list[str]:
        public = self.names.public(self.having[-1], self._package)
        others = sorted(name for name, one in public.items() if one.alias == self.entry.name and not is_private(name))
        return [self.owned, *(name for name in [self.entry.name, *others] if name != self.owned)]

    def states(self) -> list[State]:
        """What it was, from release to release."""
        texts = [(release, self._text(entry) if entry else None) for release, entry in self.history]
        runs = [(text, [release for release, _ in run]) for text, run in groupby(texts, key=lambda one: one[1])]
        return [State(run[0], run[-1], text) for text, run in runs if text is not None]

    def changes(self) -> Iterator[tuple[str, Change]]:
        """What changed, each with its release; what was deprecated from the beginning counts to the first one."""
        first, entry = next((release, entry) for release, entry in self.history if entry)
        told = [
            (first, change) for change in compare(replace(entry, deprecated=None, raises=None), entry, first, first)
        ]
        was_there = False
        for (old, before), (new, after) in pairwise(self.history):
            was_there = was_there or before is not None
            if before and after:
                told += [(new, change) for change in compare(before, after, old, new)]
                kept = self.names.find(after.name, old) or Entry(after.name, "")
                told += [(new, change) for change in besides(self.names, {after.name: kept}, old, new)]
            elif after and was_there and not after.raises:
                told.append((new, Change("new", self.owned, new=after.kind or None, hint="there again")))
            elif before and not before.raises:
                went = self._went(before, changes(self.names, old, new, self._package))
                told.append((new, went or gone(self.owned, before)))
        told += self._of_calls([change for _, change in told])
        return ((release, change) for release, change in told if self._is_about(change))

    def _of_calls(self, found: list[Change]) -> Iterator[tuple[str, Change]]:
        """What calls of it give that they did not, where neither facts nor what was `found` tell it."""
        table = outcomes()
        own = replace(
            table, calls={one: table.calls[one] for one in {self.owned, self.entry.name} & table.calls.keys()}
        )
        for old, new in pairwise(self.names.releases) if own.calls else ():
            for change in changed(own, self.names, self.facts(), old, new, found):
                yield new, change

    def facts(self) -> list[IndexedFact]:
        """The facts about it, its other spellings and its members."""
        return facts_about(*self._owners())

    def _further(self) -> list[IndexedFact]:
        """The facts that say more than the changes do: that a deprecation is warned of stands there."""
        deprecated = {change.parameter for _, change in self.changes() if change.kind == "deprecated"}
        return [fact for fact in self.facts() if not (fact.since and warns_of(fact.claim, fact.calls, deprecated))]

    def as_text(self) -> str:
        """For a terminal."""
        lines = [f"{self.name}: {self.kind}, {self._range()}"]
        if others := self.spellings:
            more = f" and {len(others) - _SPELLINGS} more" if len(others) > _SPELLINGS else ""
            lines.append(f"also {', '.join(others[:_SPELLINGS])}{more}")
        if told := [state for state in self.states() if state.text]:
            lines += ["", self._heading, *_table((_releases(one.since, one.to, self.names), one.text) for one in told)]
        if changed := [(self._in(release), self._said(change)) for release, change in self.changes()]:
            lines += ["", "changes", *_table(changed)]
        if about := sorted(self._further(), key=lambda fact: not (fact.since or fact.until)):
            lines += ["", f"facts ({len(about)})"]
            lines += _table((_bounds(fact), f"{fact.claim}  {fact.id}") for fact in about[:_FACTS])
            if len(about) > _FACTS:
                lines.append(f"  and {len(about) - _FACTS} more, in --json")
            lines += ["", f"run them: {command_of(ROOT)} --about {self.owned}"]
        return "\n".join(lines)

    def as_markdown(self) -> str:
        """For a comment, or notes on a release."""
        lines = [f"### `{self.name}`: {self.kind}, {self._range()}"]
        if others := self.spellings:
            lines += ["", f"also {', '.join(f'`{one}`' for one in others)}"]
        told = [(_releases(one.since, one.to, self.names), f"`{one.text}`") for one in self.states() if one.text]
        changed = [(self._in(release), self._said(change)) for release, change in self.changes()]
        about = [(_bounds(fact), f"{fact.claim} `{fact.id}`") for fact in self._further()]
        for head, rows in ((self._heading, told), ("changes", changed), (f"facts ({len(about)})", about)):
            if rows:
                lines += ["", f"#### {head}", "", *(f"- {first}: {second}" for first, second in rows)]
        return "\n".join(lines)

    def as_json(self) -> str:
        """For programs."""
        said = {
            "schema": 1,
            "name": self.name,
            "kind": self.kind,
            "since": self.having[0],
            "or_before": self.having[0] == self.names.releases[0],
            "gone": self.gone,
            "canonical": self.entry.name,
            "aliases": self.spellings,
            "deprecated": self.deprecated,
            "states": [asdict(state) for state in self.states()],
            "changes": [{"release": release, **plain(change)} for release, change in self.changes()],
            "facts": [
                {"id": one.id, "claim": one.claim, "since": one.since, "until": one.until, "hint": one.hint}
                for one in self.facts()
            ],
        }
        return json.dumps(said, indent=1)

    def _in(self, release: str) -> str:
        """The release of a change; what was so in the oldest known one may be older."""
        return f"{release} or before" if release == self.names.releases[0] else release

    @staticmethod
    def _said(change: Change) -> str:
        return sentence(change).removeprefix(change.name).strip()

    _heading = "signature"

    def _text(self, entry: Entry) -> str | None:
        """What of an entry is told wherever it differs; None where what was asked for is not there."""
        if entry.raises:
            return "only raises"
        return "; ".join(f"{_SOURCES[one.source]}({one.text})" for one in entry.signatures)

    def _is_about(self, change: Change) -> bool:
        return True

    def _went(self, before: Entry, lost: list[Change]) -> Change | None:
        """The change that took it away: of itself, or of what it belongs to."""
        names = (self.owned, before.name)
        return next(
            (change for change in lost if change.name in names and change.kind in ("gone", "moved", "renamed")), None
        )

    def _range(self) -> str:
        oldest = self.names.releases[0]
        since = f"since {self._says(self.having[0])}{' or before' if self.having[0] == oldest else ''}"
        if self.entry.raises:
            return f"{since}, and only raises"
        held = f"{since}{''.join(f', not in {hole}' for hole in self._holes())}"
        return f"{held}, gone in {self._says(self.gone)}{self._how_gone()}" if self.gone else held

    def _says(self, release: str) -> str:
        """A release as it is said of this name, which may be of a package that goes with torch."""
        return supported()[release].says(self.name)

    def _holes(self) -> Iterator[str]:
        """The releases without it, between those that have it."""
        known = self.names.releases
        between = known[known.index(self.having[0]) : known.index(self.having[-1])]
        for is_there, run in groupby(between, key=lambda release: release in self.having):
            some = list(run)
            if not is_there:
                yield some[0] if len(some) == 1 else f"{some[0]} to {some[-1]}"

    def _how_gone(self) -> str:
        """What is left of a name that is gone."""
        return " (it only raises)" if any(entry and entry.raises for _, entry in self.history) else ""


class NamedParameter(Name):
    """A parameter: its history is that of what takes it."""

    _heading = "default"

    @property
    def kind(self) -> str:
        """Not that of what takes it."""
        return "parameter"

    @property
    def deprecated(self) -> str | None:
        """Not that of what takes it: the changes tell where a parameter is."""
        return None

    @property
    def owned(self) -> str:
        """What takes it."""
        return self.name.rpartition(".")[0]

    @property
    def parameter(self) -> str:
        """Its own name."""
        return self.name.rpartition(".")[2]

    @property
    def spellings(self) -> list[str]:
        """By the other names of what takes it."""
        return [f"{name}.{self.parameter}" for name in self._owners()[1:]]

    def facts(self) -> list[IndexedFact]:
        """Those whose claim speaks of it."""
        return [fact for fact in super().facts() if fact.speaks_of(self.parameter)]

    def _text(self, entry: Entry) -> str | None:
        if not (told := _parameter(entry, self.parameter)):
            return None
        source, found = told
        default = found.default or {"*": "*", "**": "taken by **kwargs"}.get(found.kind, "must be passed")
        return f"{default}{', by keyword only' if found.kind == 'keyword' else ''}{_BY[source]}"

    def _is_about(self, change: Change) -> bool:
        return change.parameter != "" and self.parameter in (change.parameter, change.to)


_BY = {"": "", "doc": " (as documented)", "op": " (of the operator)"}


def _parameter(entry: Entry | None, name: str) -> tuple[str, Parameter] | None:
    """The parameter, with the source that is nearest to Python."""
    for signature in sorted(entry.signatures, key=lambda one: list(_BY).index(one.source)) if entry else ():
        for one in signature.parameters:
            if one.name == name:
                return signature.source, one
    return next((("", one) for one in (entry.rest if entry else ()) if one.name == name), None)


def _releases(since: str, to: str, names: Inventory) -> str:
    if to == names.releases[-1]:
        return "all releases" if since == names.releases[0] else f"since {since}"
    return since if since == to else f"{since} to {to}"


def _bounds(fact: IndexedFact) -> str:
    bounds = (("since", fact.since), ("until", fact.until))
    return " ".join(said for word, bound in bounds if (said := _bound(word, bound))) or "always"


def _bound(word: str, bound: str | dict[str, str] | None) -> str:
    """One side of a range, by device where devices differ."""
    if isinstance(bound, dict):
        return ", ".join(f"{word} {release} on {device}" for device, release in bound.items())
    return f"{word} {bound}" if bound else ""


def _table(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Two columns, the second one wrapped."""
    rows = list(rows)
    width = max(len(first) for first, _ in rows) + 4
    for first, second in rows:
        yield from screen.wrapped(second, f"  {first}".ljust(width), " " * width)
