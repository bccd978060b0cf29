"""`torchproof diff 2.8 2.13`: what changed between two releases of torch, grouped by how it is felt.

With `--json`, one object:

    schema    1
    old, new  the releases
    counts    how many changes of each kind, without those that a base class tells already (they have `base`), and
              those where only one spelling went of a thing that has others (`spelling`)
    changes   a list of `kind`, `name`, and where they say something `to`, `parameter`, `old`, `new`, `hint`, `base`,
              `spelling`, `names`, `fact`, `subjects`, `calls`, `gain`; reports/releases/names.py says what they mean

and with `--uses PATH`, in place of `counts` and `changes`:

    certain, possible, private, neither, nowhere, comparisons
              lists of changes as above, each with `places` ('file:line') and `breaks`
    gains     the same of behaviours that were refused before, or slower
    unconcerned
              how many behaviours of names in use concern none of the calls
    unread    a line ('path: reason') for each file that could not be read, or not in whole
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from importlib import metadata
from typing import TYPE_CHECKING

from torchproof import releases
from torchproof.inventory import Inventory, inventory
from torchproof.outcomes import outcomes
from torchproof.reports import Refusal, formats, screen
from torchproof.reports.code import files
from torchproof.reports.index import ranged
from torchproof.reports.outcomes.changes import changed
from torchproof.reports.releases import ahead, patches, platforms
from torchproof.reports.releases.behaviours import behaviours
from torchproof.reports.releases.entries import entries
from torchproof.reports.releases.names import (
    COMPARISON,
    KINDS,
    NEITHER,
    NOWHERE,
    OUTCOMES,
    STUCK,
    Change,
    changes,
    is_back,
    release,
)
from torchproof.reports.releases.sentences import Row, rows, sentence
from torchproof.reports.releases.usage import Usage
from torchproof.reports.screen import counted

if TYPE_CHECKING:
    from torchproof.reports.releases.touched import Touched, Touches

HELP = "Tell what changed between two releases of torch, grouped by how it is felt."

_SAYS = {
    "declared": "what the project asks for leaves a release out",
    "platform": "where it runs, and what it needs beside it",
    "gone": "the name is nowhere any more",
    "moved": "the same thing has another place",
    "renamed": "the same thing has another name",
    "replaced": "what was called is read now, or the reverse",
    "parameter gone": "passing it is refused",
    "parameter renamed": "passing the old name is refused",
    "parameter required": "not passing it is refused",
    "parameters reordered": "calls by position are refused, or mean something else",
    "value refused": "passing it is refused",
    "contract": "what torch calls in the code's own classes is called otherwise",
    "build": "an extension does not compile",
    "refused": "the code itself refuses the release",
    "package required": "calling it needs a package that does not come along",
    "parameter ignored": "passing it does nothing",
    "default": "not passing it may mean something else",
    "behaviour": "the same call does something else",
    "call refused": "the same call raises an error",
    "another value": "the same call gives something else",
    "another gradient": "the same call has another gradient",
    "another stream": "the same seed gives other numbers",
    "another error": "what catches the old one does not catch it",
    "call warns": "the same call gives a warning",
    "no longer called": "what overrides it has no effect",
    "another base": "`isinstance` takes it for something else",
    "deprecated": "it works, and is to go",
    "warning": "calling it gives another warning",
    "no longer deprecated": "it is to stay",
    "parameter optional": "it had to be passed: nothing to do",
    "parameter added": "optional: nothing to do",
    "value taken": "nothing to do",
    "call taken": "it raised an error: nothing to do",
    "no longer warns": "nothing to do",
    "new": "nothing to do",
    NEITHER: "it only works in other releases",
    NOWHERE: "a mistake in the code, or older than all known releases",
    STUCK: "it fails in all that have it",
    COMPARISON: "as text or as numbers, versions compare otherwise",
}
_SAYS_BACK = {
    "gone": "the older release does not have it",
    "default": "not passing it may mean something else there",
    "new": "the newer release no longer has it: nothing to do",
}
_PLACES = 8  # of one change
_ROWS = 12  # of one kind of what calls give
_GAINS = "refused before, or slower"
# By code that goes on to work.
_FELT = (
    "declared", "platform", "package required", "parameter ignored", "default", "behaviour", *OUTCOMES[:-2],
    "no longer called", "another base", "deprecated", "warning",
)  # fmt: skip
_NOTHING_TO_DO = ("no longer deprecated", "parameter optional", "parameter added", "value taken", "call taken",
                  "no longer warns", "new")  # fmt: skip


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("old", nargs="?", help="the release that one has, as in 2.8, or 'installed'")
    parser.add_argument("new", nargs="?", help="the release that one goes to, which may be an older one")
    parser.add_argument(
        "--ahead",
        nargs="?",
        const="newest",
        metavar="RELEASE",
        help="what a release (default: the newest) has announced that will go, and what of it is overdue",
    )
    parser.add_argument(
        "--uses",
        nargs="+",
        action="extend",
        metavar="PATH",
        help=f"only what touches {files.HELP}; exit 1 where it breaks",
    )
    parser.add_argument(
        "--all",
        action="store_true",
        help="also what hardly anyone uses; with --uses, what is only newly taken, or faster",
    )
    says = "how to print it; github (annotations of a workflow) and sarif are of --uses"
    formats.option(parser, "github", "sarif", says=says).add_argument(
        "--markdown", dest="format", action="store_const", const="markdown", help="for a pull request's comment"
    )


def command(options: argparse.Namespace) -> int:
    """Print the changes; the exit code is 1 where code of `--uses` certainly breaks."""
    names = inventory()
    if options.ahead:
        if options.old:
            raise Refusal("--ahead is about one release: write it behind --ahead")
        here = names.releases[-1] if options.ahead == "newest" else release(_version(options.ahead), names)
        return ahead.command(names, here, options.uses, options.format, options.all)
    _take_releases(options)
    if not options.new:
        raise Refusal("diff takes two releases, as in torchproof diff 2.8 2.13, or --ahead")
    options.old, options.new = _version(options.old), _version(options.new)
    old, new = release(options.old, names), release(options.new, names)
    if patches.are_of_one_release(options.old, options.new):
        return _inside(options)
    found = changes(names, old, new)
    found += platforms.changes(old, new)
    known = ranged()
    found += behaviours(known, names, old, new, found)
    found += changed(outcomes(), names, known, old, new, found)
    found.sort(key=lambda change: KINDS.index(change.kind))
    if options.uses:
        return _touched(options, found, names, old, new)
    _print(options, found, old, new)
    if options.format == "text":
        print(*_stand_for(options.old, options.new), sep="", end="")
    return 0


def _inside(options: argparse.Namespace) -> int:
    """Between two patches of one release."""
    if options.uses:
        raise Refusal("--uses compares releases, and these are patches of one: leave it out to see what differs")
    old, new = patches.patch(options.old), patches.patch(options.new)
    _print(options, patches.changes(old, new), old, new)
    return 0


def _print(options: argparse.Namespace, found: list[Change], old: str, new: str) -> None:
    forms = {"text": as_text, "json": as_json, "markdown": as_markdown}
    if options.format not in forms:
        raise Refusal(f"--format {options.format} shows places in code: say which with --uses PATH")
    print(forms[options.format](entries(found), old, new, is_all=options.all))


def _stand_for(*said: str) -> Iterator[str]:
    """For each patch that was named, that another one stands for it, where something differs between them."""
    for one in said:
        if newest := patches.stands_for(one):
            here = patches.patch(one)
            yield f"\nOf torch {here}, what {newest} has is told: torchproof diff {here} {newest} says what differs.\n"


def _take_releases(options: argparse.Namespace) -> None:
    """Have `--uses PATH OLD NEW` mean the same: what stands behind the option is all taken for paths."""
    missing = 2 - sum(one is not None for one in (options.old, options.new))
    if missing and len(options.uses or ()) > missing:
        said = [one for one in (options.old, *options.uses[-missing:]) if one]
        options.uses, (options.old, options.new) = options.uses[:-missing], said


def _version(said: str) -> str:
    """What was said, or for 'installed' the version of the torch of this Python, which is not imported."""
    if said != "installed":
        return said
    try:
        return metadata.version("torch")
    except metadata.PackageNotFoundError:
        raise Refusal(f"no torch is installed for {sys.executable}: name a release in place of 'installed'") from None


def _touched(options: argparse.Namespace, found: list[Change], names: Inventory, old: str, new: str) -> int:
    from torchproof.reports.releases.touched import touched  # all that reads code, which is needed here alone

    with files.opened(options.uses) as code, screen.waiting(code.progress):
        touches = touched(code, found, names, old, new)
    code.check()
    print(_TOUCHES[options.format](touches, old, new))
    if options.format == "text" and (rest := [*_rest(touches, options.all)]):
        print("", *rest, sep="\n")
    return int(touches.breaks)


def as_text(found: list[Change], old: str, new: str, *, is_all: bool = False) -> str:
    """For a terminal: what people use comes first, and what hardly anyone does is counted, or told where `is_all`."""
    told = _told(found)
    lines = [f"torch {old} → {new}: {_counts(told, old, new)}"]
    if spellings := sum(change.spelling for change in found if change.kind != "new"):
        lines.append(
            f"Not told: {spellings} modules' own spellings of what they import went; --uses tells those in use."
        )
    for head, shown, folded in _in_order(told, is_back(old, new), is_all):
        lines += ["", head]
        for row in shown:
            lines += _wrapped(f"{row.call}  {row.note}")
        if folded:
            lines.append(f"  {folded}")
    return "\n".join(lines)


def _in_order(told: list[Change], back: bool, is_all: bool) -> Iterator[tuple[str, list[Row], str]]:
    """Of each kind a heading, the rows of what people use, most used first, and what is said of the rest."""
    use = Usage()
    for kind, group in _groups(told):
        used = [change for change in group if is_all or kind == "platform" or any(use.of(change.name))]
        more = len(group) - len(used)
        folded = f"{'and ' if used else ''}{more}{' more' if used else ''} that hardly anyone uses: --all tells them"
        shown = rows(used, use)
        if kind in OUTCOMES and not is_all and len(shown) > _ROWS:
            shown = shown[:_ROWS]
            more = len(group) - sum(len(row.changes) for row in shown)
            folded = f"and {more} more: --all tells them, and --uses those that code shows"
        says = _SAYS_BACK.get(kind, _SAYS[kind]) if back else _SAYS[kind]
        yield f"{kind} ({len(group)}): {says}", shown, folded if more else ""


def _wrapped(line: str) -> list[str]:
    return screen.wrapped(line, "  ", "      ")


def as_markdown(found: list[Change], old: str, new: str, *, is_all: bool = False) -> str:
    """For a pull request's comment: long groups, and those in which there is nothing to do, are folded."""
    told = _told(found)
    lines = [f"### torch {old} → {new}", "", _counts(told, old, new)]
    for head, shown, folded in _in_order(told, is_back(old, new), is_all):
        written = [f"- `{row.call}`{f': {row.note}' if row.note else ''}" for row in shown]
        written += [f"- {folded}"] if folded else []
        lines += ["", *_section(head, written, head.partition(" (")[0] in _NOTHING_TO_DO)]
    return "\n".join(lines)


def _section(head: str, written: list[str], is_folded: bool) -> list[str]:
    if is_folded or len(written) > 10:
        return [f"<details><summary>{head}</summary>", "", *written, "", "</details>"]
    return [f"#### {head}", "", *written]


def as_json(found: list[Change], old: str, new: str, *, is_all: bool = True) -> str:
    """For programs, which get all."""
    counts = Counter(change.kind for change in _told(found))
    return json.dumps(
        {"schema": 1, "old": old, "new": new, "counts": counts, "changes": [plain(change) for change in found]},
        indent=1,
    )


def touches_as_text(touches: Touches, old: str, new: str) -> str:
    """What touches some code, for a terminal."""
    lines = [_touches_head(touches, old, new)]
    for head, group in _touches_groups(touches):
        lines += ["", f"{head} ({len(group)})"]
        for one in group:
            lines += _wrapped(_said(one))
            lines += [f"      {place}" for place in _places(one)]
    return "\n".join([*lines, "", *files.told(touches.code.unread)] if touches.code.unread else lines)


def _rest(touches: Touches, is_all: bool) -> Iterator[str]:
    """What needs no look: what is only gained, and how much of what is known does not concern the calls."""
    if touches.gains and is_all:
        yield f"gains ({len(touches.gains)}): {_GAINS}"
        for one in touches.gains:
            yield from _wrapped(_said(one))
            yield from (f"      {place}" for place in _places(one))
    elif touches.gains:
        yield f"Nothing to do: {counted(len(touches.gains), 'gain')} ({_GAINS}); --all tells them."
    if touches.unconcerned:
        behaviours = counted(touches.unconcerned, "behaviour")
        yield f"Not told: {behaviours} of names in use, of no concern to these calls."


def touches_as_markdown(touches: Touches, old: str, new: str) -> str:
    """What touches some code, for a pull request's comment."""
    lines = [f"### {_touches_head(touches, old, new)}"]
    for head, group in _touches_groups(touches):
        written = [f"- {_said(one)} ({', '.join(_places(one))})" for one in group]
        lines += ["", *_section(f"{head} ({len(group)})", written, head in ("possible", "private"))]
    if touches.gains:
        written = [f"- {_said(one)} ({', '.join(_places(one))})" for one in touches.gains]
        lines += ["", *_section(f"gains ({len(touches.gains)}): {_GAINS}", written, True)]
    return "\n".join(lines)


def touches_as_json(touches: Touches, old: str, new: str) -> str:
    """What touches some code, for programs."""
    lists = {
        name: [_with_places(one) for one in group]
        for name, group in (
            ("certain", touches.certain),
            ("possible", touches.possible),
            ("private", touches.private),
            ("neither", touches.neither),
            ("nowhere", touches.nowhere),
            ("comparisons", touches.comparisons),
            ("gains", touches.gains),
        )
    }
    rest = {"unconcerned": touches.unconcerned, "unread": touches.code.unread}
    return json.dumps({"schema": 1, "old": old, "new": new, **lists, **rest}, indent=1)


def _with_places(one: Touched) -> dict[str, object]:
    said = {**plain(one.change), "breaks": one.breaks, "places": one.places, **_aside(one)}
    return {**said, "parts": [_with_places(part) for part in one.parts]} if one.parts else said


def touches_as_github(touches: Touches, old: str, new: str) -> str:
    """What touches some code, as annotations of a workflow."""
    return formats.as_github(_findings(touches, old, new))


def touches_as_sarif(touches: Touches, old: str, new: str) -> str:
    """What touches some code, for what reads SARIF."""
    rules = {_rule(kind): says for kind, says in _SAYS.items()}
    return formats.as_sarif(_findings(touches, old, new), {**rules, **files.RULE})


def _rule(kind: str) -> str:
    return kind.replace(" ", "-")


def _findings(touches: Touches, old: str, new: str) -> Iterator[formats.Finding]:
    """An error is what certainly breaks, a warning what certainly changes or is about a private name."""
    told = touches.certain + touches.private + touches.neither + touches.nowhere + touches.comparisons
    for level, group in (
        ("error", [one for one in told if one.breaks]),
        ("warning", [one for one in told if not one.breaks]),
        ("note", touches.possible),
    ):
        for one in group:
            says = f"torch {old} → {new}: {_said(one)}{' (possibly)' if level == 'note' else ''}"
            yield formats.Finding(_rule(one.change.kind), level, says, one.places)
    yield from files.findings(touches.code.unread)


_TOUCHES = {
    "text": touches_as_text,
    "json": touches_as_json,
    "markdown": touches_as_markdown,
    "github": touches_as_github,
    "sarif": touches_as_sarif,
}


def _touches_head(touches: Touches, old: str, new: str) -> str:
    counts = ", ".join(f"{len(group)} {head}" for head, group in _touches_groups(touches))
    nothing = "nothing changes" + (" in what was read" if touches.code.unread else "")
    read = f"{counted(touches.uses, 'use')} in {touches.code.reading()}{touches.code.gaps()}"
    before, after = releases.supported()[old], releases.supported()[new]
    compared = [f"torch {old} → {new}"]
    compared += [f"{one} {before.goes_with(one)} → {after.goes_with(one)}" for one in touches.packages]
    return f"{', '.join(compared)}, {read}: {counts or nothing}"


def _touches_groups(touches: Touches) -> Iterator[tuple[str, list[Touched]]]:
    """The groups that have something, most felt first, under their headings."""
    groups = {
        "breaks": [one for one in touches.certain if one.breaks],
        "private, breaks": [one for one in touches.private if one.breaks],
        "works in neither release": touches.neither,
        f"in no release from {inventory().releases[0]} on": touches.nowhere,
        "compares versions wrongly": touches.comparisons,
        **{kind: [one for one in touches.certain if one.change.kind == kind] for kind in _FELT},
        "private": [one for one in touches.private if not one.breaks],
        "possible": touches.possible,
    }
    return ((head, group) for head, group in groups.items() if group)


def _said(one: Touched) -> str:
    """The change, and that nothing feels it which is installed."""
    return sentence(one.change) + (f" (in its {one.aside} alone)" if one.aside else "")


def _aside(one: Touched) -> dict[str, str]:
    return {"aside": one.aside} if one.aside else {}


def _places(one: Touched) -> list[str]:
    """The first places, with the parameters that are meant there where they are not all of an entry."""
    more = len(one.places) - _PLACES
    told = []
    for place in one.places[:_PLACES]:
        meant = [part.change.parameter for part in one.parts if part.change.parameter and place in part.places]
        is_told = one.parts and len(meant) < sum(bool(part.change.parameter) for part in one.parts)
        told.append(f"{place}  {', '.join(meant)}" if is_told and meant else place)
    return [*told, *([f"and {more} more"] if more > 0 else [])]


def plain(change: Change) -> dict[str, object]:
    """A change as JSON has it: only what it says."""
    said = {key: value for key, value in asdict(change).items() if value}
    return {**said, "parts": [plain(one) for one in change.parts]} if change.parts else said


def _told(found: list[Change]) -> list[Change]:
    """Without what a base class already tells, and without modules' accidental spellings of what they import."""
    return [change for change in found if change.base is None and not change.spelling]


def _groups(told: list[Change]) -> Iterator[tuple[str, list[Change]]]:
    for kind in KINDS:
        if group := [change for change in told if change.kind == kind]:
            yield kind, group


def _counts(told: list[Change], old: str, new: str) -> str:
    mended = "what else was mended, the notes of the release say"
    none = "both are one" if old == new else f"no change of names, parameters or defaults; {mended}"
    return ", ".join(f"{len(group)} {kind}" for kind, group in _groups(told)) or none
