"""`torchproof floor`: the lowest release of torch in which everything works that some code is certain to use."""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from torchproof.inventory import Inventory, inventory
from torchproof.reports import Refusal, formats, screen
from torchproof.reports.code.catalog import Use, catalog, works
from torchproof.reports.code.declared import Declared, declared
from torchproof.reports.code.nowhere import meant
from torchproof.reports.code.uses import Uses, uses

HELP = "Tell the lowest release of torch that some code works with, which lines set it, and whether it declares so."
_SHOWN = 5  # places of one reason, reasons of one release


@dataclass(frozen=True)
class Reason:
    """Why some places do not work: `words` as `works` says it, `release` the first or last in which they do."""

    words: str
    release: str
    uses: tuple[Use, ...]


@dataclass
class Floor:
    """What the uses ask of releases: `floors` and `ceilings` by release, the most demanding first."""

    uses: Uses
    releases: tuple[str, ...]
    floors: dict[str, list[Reason]] = field(default_factory=dict)
    ceilings: dict[str, list[Reason]] = field(default_factory=dict)
    nowhere: list[Reason] = field(default_factory=list)  # of names that no release has
    declared: Declared | None = None

    @property
    def lowest(self) -> str:
        """The lowest release in which everything works, those of the ceiling aside."""
        return next(iter(self.floors), self.releases[0])

    @property
    def verdict(self) -> str:
        """How what is declared compares with it: 'nothing', 'ok', 'too low' or 'higher than needed'."""
        if self.declared is None:
            return "nothing"
        place, lowest = (self.releases.index(one) for one in (self.declared.lowest(self.releases), self.lowest))
        return "ok" if place == lowest else "too low" if place < lowest else "higher than needed"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `floor` takes."""
    parser.add_argument("path", type=Path, metavar="PATH", help="a file or folder of Python code")
    form = parser.add_mutually_exclusive_group()
    form.add_argument(
        "--format",
        choices=["text", "json", "markdown", "github", "sarif"],
        default="text",
        help="how to print it; github: annotations of a workflow",
    )
    form.add_argument("--json", dest="format", action="store_const", const="json", help="print an object for programs")


def command(options: argparse.Namespace) -> int:
    """Print the floor; 1 where the code declares a lower one, or where no release can import it."""
    if not options.path.exists():
        raise Refusal(f"there is no file or folder {options.path}")
    with screen.waiting(f"reading {options.path}"):
        found = floor(options.path, inventory())
    if not found.uses.files:
        raise Refusal(f"no Python file could be read at {options.path}")
    print(_as(options.format, found))
    return int(found.verdict == "too low" or any(use.at_import for use in found.uses.nowhere))


def floor(path: Path, known: Inventory) -> Floor:
    """What the code at `path` asks of torch's releases, and what its project declares."""
    found = Floor(uses(path, known), known.releases, declared=declared(path))
    floors: dict[tuple[str, str], list[Use]] = defaultdict(list)
    ceilings: dict[tuple[str, str], list[Use]] = defaultdict(list)
    for use in found.uses.certain + found.uses.private:
        since, until = _bounds(use, known)
        if since:
            floors[since].append(use)
        if until:
            ceilings[until].append(use)
    found.floors = _by_release(floors, known, newest_first=True)
    found.ceilings = _by_release(ceilings, known, newest_first=False)
    found.nowhere = _nowhere(found.uses.nowhere, known)
    return found


def _nowhere(used: list[Use], known: Inventory) -> list[Reason]:
    by_name: dict[str, list[Use]] = defaultdict(list)
    for use in used:
        by_name[use.name].append(use)
    hints = {name: meant(catalog(known), name) for name in by_name}
    return [
        Reason(name + (f": {hints[name]}" if hints[name] else ""), "", tuple(uses)) for name, uses in by_name.items()
    ]


def _bounds(use: Use, known: Inventory) -> tuple[tuple[str, str] | None, tuple[str, str] | None]:
    """The first release since which a use works up to the last in which it does, and that last one, with why."""
    reasons = [works(use, known, release) if release in use.releases else None for release in known.releases]
    if None not in reasons or not any(reasons):
        return None, None
    last = len(reasons) - 1 - reasons[::-1].index(None)
    first = next((place + 1 for place in range(last, -1, -1) if reasons[place]), 0)
    since = (known.releases[first], reasons[first - 1] or "") if first else None
    until = (known.releases[last], reasons[last + 1] or "") if last + 1 < len(reasons) else None
    return since, until


def _by_release(
    reasons: dict[tuple[str, str], list[Use]], known: Inventory, newest_first: bool
) -> dict[str, list[Reason]]:
    found: dict[str, list[Reason]] = defaultdict(list)
    for (release, words), used in reasons.items():
        found[release].append(Reason(words, release, tuple(used)))
    order = sorted(found, key=known.releases.index, reverse=newest_first)
    return {release: sorted(found[release], key=lambda one: one.uses[0].where) for release in order}


def _as(form: str, found: Floor) -> str:
    match form:
        case "json":
            return json.dumps(_data(found), indent=2)
        case "markdown":
            return _markdown(found)
        case "github":
            return formats.as_github(_findings(found))
        case "sarif":
            return formats.as_sarif(_findings(found), _RULES)
    return "\n".join(_lines(found))


def _markdown(found: Floor) -> str:
    """For a pull request's comment: what the screen says, its first line a heading."""
    head, *lines = _lines(found)
    return "\n".join([f"### {head}", "", "```", *lines, "```"])


_RULES = {
    "floor": "the code needs a later torch",
    "ceiling": "the code needs an earlier torch",
    "nowhere": "no release has the name",
    "unread": "the file could not be read, or not in whole",
}


def _findings(found: Floor) -> Iterator[formats.Finding]:
    """What sets the floor is an error where the project declares less, else a note; a ceiling is a warning."""
    declares = found.declared.lowest(found.releases) if found.declared else None
    for release, reasons in found.floors.items():
        is_wrong = declares is not None and found.releases.index(declares) < found.releases.index(release)
        said = f"; declared: {found.declared.text}" if is_wrong and found.declared else ""
        for one in reasons:
            says = f"needs torch {release}: {one.words}{said}"
            yield formats.Finding("floor", "error" if is_wrong else "note", says, _places(one))
    for release, reasons in found.ceilings.items():
        for one in reasons:
            yield formats.Finding("ceiling", "warning", f"needs torch {release} or lower: {one.words}", _places(one))
    for one in found.nowhere:
        yield formats.Finding("nowhere", "warning", f"no release has {one.words}", _places(one))
    for line in found.uses.unread:
        path, _, reason = line.partition(": ")
        yield formats.Finding("unread", "warning", f"not read: {reason}", (path,))


def _places(reason: Reason) -> tuple[str, ...]:
    return tuple(use.where for use in reason.uses)


def _lines(found: Floor) -> list[str]:
    oldest = found.releases[0]
    steps = list(found.floors.items())
    lines = [f"floor: torch {found.lowest}" + ("" if steps else " or lower (older releases are not known)")]
    for place, (release, reasons) in enumerate(steps[:2]):
        if place:
            lines.append(f"without these: torch {release}")
        lines += _reasons(reasons, found.releases, before=True)
    if len(steps) == 1:
        lines.append(f"without these: torch {oldest} or lower")
    for release, reasons in list(found.ceilings.items())[:1]:
        lines.append(f"ceiling: torch {release}")
        lines += _reasons(reasons, found.releases, before=False)
    if found.nowhere:
        lines.append(f"in no release from {oldest} on:")
        for one in found.nowhere:
            lines += [f"  {one.words}", *_at(one)]
    lines += [*_of_declared(found), _counts(found.uses), *(f"not read: {line}" for line in found.uses.unread)]
    return lines


def _reasons(reasons: list[Reason], releases: tuple[str, ...], before: bool) -> list[str]:
    lines = []
    for one in reasons[:_SHOWN]:
        place = releases.index(one.release) + (-1 if before else 1)
        lines += [f"  {releases[place]}: {one.words}", *_at(one)]
    if len(reasons) > _SHOWN:
        lines.append(f"  and {len(reasons) - _SHOWN} more reasons")
    return lines


def _at(reason: Reason) -> list[str]:
    lines = [f"    {use.where}" + (" (at import)" if use.at_import else "") for use in reason.uses[:_SHOWN]]
    return lines + [f"    and {len(reason.uses) - _SHOWN} more"] * (len(reason.uses) > _SHOWN)


def _of_declared(found: Floor) -> list[str]:
    if found.declared is None:
        return ["declared: nothing about torch was found"]
    said = {
        "ok": "OK, that is the floor",
        "too low": f"lower than possible: the code needs {found.lowest}",
        "higher than needed": f"higher than the code needs, which is {found.lowest}",
    }
    return [f"declared: {found.declared.text} ({found.declared.file}): {said[found.verdict]}"]


def _counts(used: Uses) -> str:
    names = len({use.name for use in used.certain})
    text = f"{len(used.certain)} certain uses of {names} names in {used.files} files"
    private = len({use.name for use in used.private})
    return (
        text + (f"; {private} private names" if private else "") + f"; {len(used.possible)} possible uses not counted"
    )


def _data(found: Floor) -> dict:
    def data(steps: dict[str, list[Reason]]) -> list[dict]:
        return [
            {"release": release, "why": one.words, "at": [use.where for use in one.uses],
             "at_import": any(use.at_import for use in one.uses)}
            for release, reasons in steps.items()
            for one in reasons
        ]  # fmt: skip

    return {
        "floor": found.lowest,
        "or_lower": not found.floors,
        "ceiling": next(iter(found.ceilings), None),
        "floors": data(found.floors),
        "ceilings": data(found.ceilings),
        "declared": found.declared and {"text": found.declared.text, "file": found.declared.file},
        "nowhere": [
            {
                "why": one.words,
                "at": [use.where for use in one.uses],
                "at_import": any(use.at_import for use in one.uses),
            }
            for one in found.nowhere
        ],
        "verdict": found.verdict,
        "certain": len(found.uses.certain),
        "private": sorted({use.name for use in found.uses.private}),
        "possible": len(found.uses.possible),
        "unread": found.uses.unread,
    }
