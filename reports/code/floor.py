"""`torchproof floor`: the lowest release of torch in which everything works that some code is certain to use."""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from torchproof.inventory import Inventory, inventory
from torchproof.reports import formats, screen
from torchproof.reports.code import files
from torchproof.reports.code.catalog import Use, catalog, works
from torchproof.reports.code.declared import Declared, Line, declared
from torchproof.reports.code.files import Code
from torchproof.reports.code.fits import WRONG, Demand, Fit, Works, demands, fits
from torchproof.reports.code.nowhere import meant
from torchproof.reports.code.uses import Uses, uses

HELP = "Tell the lowest release of torch that some code works with, which lines set it, and whether it declares so."
_SHOWN = 5  # places of one reason, reasons of one release


@dataclass(frozen=True)
class Reason:
    """Why some places do not work: `words` as `works` says it, `release` the first or last in which they do.

    What is not about code, but about what its project `asks`, has the line that does.
    """

    words: str
    release: str
    uses: tuple[Use, ...] = ()
    asks: Line | None = None

    @property
    def places(self) -> tuple[str, ...]:
        """Where it is to be seen."""
        return (self.asks.place,) if self.asks else tuple(use.where for use in self.uses)

    @property
    def at_import(self) -> bool:
        """Whether it is felt as the code is imported."""
        return any(use.at_import for use in self.uses)


@dataclass
class Floor:
    """What the code and its project ask of releases: `floors` and `ceilings` by release, the most demanding first.

    `holes` are releases between those in which some of it works, and in which it does not.
    """

    uses: Uses
    releases: tuple[str, ...]
    floors: dict[str, list[Reason]] = field(default_factory=dict)
    ceilings: dict[str, list[Reason]] = field(default_factory=dict)
    holes: dict[str, list[Reason]] = field(default_factory=dict)
    nowhere: list[Reason] = field(default_factory=list)  # of names that no release has
    stuck: list[Reason] = field(default_factory=list)  # of what only raises in every release
    declared: Declared = field(default_factory=Declared)

    @property
    def lowest(self) -> str:
        """The lowest release in which everything works, those of the ceiling aside."""
        return next(iter(self.floors), self.releases[0])

    @property
    def works(self) -> Works:
        """The releases in which everything works."""
        highest = next(iter(self.ceilings), self.releases[-1])
        reasons = next(iter(self.floors.values()), [])
        by = "project" if reasons and not any(one.uses for one in reasons) else "code"
        return Works(self.releases, self.lowest, highest, frozenset(self.holes), by)

    @cached_property
    def fits(self) -> list[Fit]:
        """How what is declared compares, that which counts first."""
        return fits(self.declared, self.works)

    @property
    def verdict(self) -> str:
        """What the worst line is that counts: 'nothing' is declared, 'ok', or one of those in fits.py."""
        if not self.works.fitting:
            return "no release fits"
        return self.fits[0].verdict if self.fits else "nothing"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `floor` takes."""
    parser.add_argument("paths", nargs="+", metavar="PATH", help=files.HELP)
    formats.option(parser, "github", "sarif", says="how to print it; github: annotations of a workflow")


def command(options: argparse.Namespace) -> int:
    """Print the floor; 1 where something lower is declared, or no release fits, runs or can import the code."""
    with files.opened(options.paths) as code, screen.waiting(code.progress):
        found = floor(code, inventory())
    code.check()
    print(_as(options.format, found))
    return int(found.verdict in WRONG or bool(found.stuck) or any(one.at_import for one in found.nowhere))


def floor(code: Code, known: Inventory) -> Floor:
    """What some code asks of torch's releases, and what its project declares."""
    found = Floor(uses(code, known), known.releases, declared=declared(*code.roots))
    floors: dict[tuple[str, str], list[Use]] = defaultdict(list)
    ceilings: dict[tuple[str, str], list[Use]] = defaultdict(list)
    holes: dict[tuple[str, str], list[Use]] = defaultdict(list)
    stuck: dict[str, list[Use]] = defaultdict(list)
    for use in found.uses.certain + found.uses.private:
        since, until, between = _bounds(use, known)
        if why := catalog(known).stuck(use):
            stuck[why].append(use)
        if since:
            floors[since].append(use)
        if until:
            ceilings[until].append(use)
        for one in between:
            holes[one].append(use)
    asked = list(demands(found.declared, known.releases))
    found.floors = _by_release(floors, known, [one for one in asked if one.is_floor], newest_first=True)
    found.ceilings = _by_release(ceilings, known, [one for one in asked if not one.is_floor], newest_first=False)
    found.holes = _by_release(holes, known, [], newest_first=False)
    found.nowhere = _nowhere(found.uses.nowhere, known)
    found.stuck = [Reason(why, "", tuple(used)) for why, used in stuck.items()]
    return found


def _nowhere(used: list[Use], known: Inventory) -> list[Reason]:
    by_name: dict[str, list[Use]] = defaultdict(list)
    for use in used:
        by_name[use.name].append(use)
    hints = {name: meant(catalog(known), name) for name in by_name}
    return [
        Reason(name + (f": {hints[name]}" if hints[name] else ""), "", tuple(uses)) for name, uses in by_name.items()
    ]


_Bound = tuple[str, str]  # a release, and why not the one before, after, or itself


def _bounds(use: Use, known: Inventory) -> tuple[_Bound | None, _Bound | None, list[_Bound]]:
    """The first release in which a use works, the last one, and those between them in which it does not."""
    reasons = [works(use, known, release) if release in use.releases else None for release in known.releases]
    if None not in reasons or not any(reasons):
        return None, None, []
    first, last = reasons.index(None), len(reasons) - 1 - reasons[::-1].index(None)
    since = (known.releases[first], reasons[first - 1] or "") if first else None
    until = (known.releases[last], reasons[last + 1] or "") if last + 1 < len(reasons) else None
    between = [(known.releases[place], reason) for place in range(first, last) if (reason := reasons[place])]
    return since, until, between


def _by_release(
    reasons: dict[tuple[str, str], list[Use]], known: Inventory, asked: list[Demand], newest_first: bool
) -> dict[str, list[Reason]]:
    found: dict[str, list[Reason]] = defaultdict(list)
    for one in asked:
        found[one.release].append(Reason(one.words, one.release, asks=one.line))
    for (release, words), used in reasons.items():
        found[release].append(Reason(words, release, tuple(used)))
    order = sorted(found, key=known.releases.index, reverse=newest_first)
    return {release: sorted(found[release], key=lambda one: one.places[0]) for release in order}


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
    "hole": "one release between others does not work",
    "nowhere": "no release has the name, or it only raises in all of them",
    **files.RULE,
}


def _findings(found: Floor) -> Iterator[formats.Finding]:
    """What sets the floor is an error where the project declares less, else a note; a ceiling is a warning."""
    declares = found.fits[0] if found.fits else None
    for release, reasons in found.floors.items():
        is_wrong = bool(declares and declares.verdict == "too low" and _is_below(declares.lowest, release, found))
        said = f"; declared: {declares.text}" if is_wrong and declares else ""
        for one in reasons:
            says = f"needs torch {release}: {one.words}{said}"
            yield formats.Finding("floor", "error" if is_wrong else "note", says, one.places)
    for release, reasons in found.ceilings.items():
        level = "error" if found.verdict in ("no release fits", "too high") else "warning"
        for one in reasons:
            yield formats.Finding("ceiling", level, f"needs torch {release} or lower: {one.words}", one.places)
    for release, reasons in found.holes.items():
        for one in reasons:
            yield formats.Finding("hole", "warning", f"does not work in torch {release}: {one.words}", one.places)
    for one in found.nowhere:
        yield formats.Finding("nowhere", "warning", f"no release has {one.words}", one.places)
    for one in found.stuck:
        yield formats.Finding("nowhere", "error", f"in every release {one.words}", one.places)
    yield from files.findings([*found.uses.code.unread, *found.declared.unread])


def _is_below(declared: str | None, release: str, found: Floor) -> bool:
    """Whether a release is higher than the lowest that is declared; that of none is older than all that are known."""
    return declared is None or found.releases.index(declared) < found.releases.index(release)


def _lines(found: Floor) -> list[str]:
    oldest = found.releases[0]
    steps = list(found.floors.items())
    older = "" if steps else " or lower (older releases are not known)"
    lines = [f"floor: torch {found.lowest}{older}{found.uses.code.gaps()}"]
    if not found.works.fitting:
        lines[:0] = [f"no release of torch fits: {found.lowest} or newer is needed, and {found.works.highest} or older"]
    elif found.stuck:
        lines[:0] = ["no release of torch fits: some of what is called only raises, in all of them"]
    for place, (release, reasons) in enumerate(steps[:2]):
        if place:
            lines.append(f"without these: torch {release}")
        lines += _reasons(reasons, found.releases, before=True)
    if len(steps) == 1:
        lines.append(f"without these: torch {oldest} or lower")
    for release, reasons in list(found.ceilings.items())[:1]:
        lines.append(f"ceiling: torch {release}")
        lines += _reasons(reasons, found.releases, before=False)
    for release, reasons in found.holes.items():
        lines.append(f"not torch {release}")
        lines += [line for one in reasons[:_SHOWN] for line in (f"  {one.words}", *_at(one))]
    if found.nowhere or found.stuck:
        lines.append(f"in no release from {oldest} on:")
        for one in found.nowhere + found.stuck:
            lines += [f"  {one.words}", *_at(one)]
    lines += [*_of_declared(found), _counts(found.uses)]
    lines += files.told([*found.uses.code.unread, *found.declared.unread])
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
    if reason.asks:
        return [f"    {reason.asks.place}: {reason.asks.text}"]
    lines = [f"    {use.where}" + (" (at import)" if use.at_import else "") for use in reason.uses[:_SHOWN]]
    return lines + [f"    and {len(reason.uses) - _SHOWN} more"] * (len(reason.uses) > _SHOWN)


def _of_declared(found: Floor) -> list[str]:
    if not found.fits:
        return ["declared: nothing about torch was found"]
    head, *others = found.fits
    lines = [f"declared: {head.text} ({head.file}): {head.says}"]
    return lines + [f"also declared: {one.text} ({one.file}): {one.says}" for one in others]


def _counts(used: Uses) -> str:
    names = len({use.name for use in used.certain})
    text = f"{len(used.certain)} certain uses of {names} names in {used.code.read} files"
    private = len({use.name for use in used.private})
    return (
        text + (f"; {private} private names" if private else "") + f"; {len(used.possible)} possible uses not counted"
    )


def _data(found: Floor) -> dict:
    def data(steps: dict[str, list[Reason]]) -> list[dict]:
        return [
            {"release": release, "why": one.words, "at": list(one.places), "at_import": one.at_import}
            for release, reasons in steps.items()
            for one in reasons
        ]

    declared = [{"text": one.text, "file": one.file, "verdict": one.verdict} for one in found.fits]
    return {
        "floor": found.lowest,
        "or_lower": not found.floors,
        "ceiling": next(iter(found.ceilings), None),
        "floors": data(found.floors),
        "ceilings": data(found.ceilings),
        "holes": data(found.holes),
        "declared": declared[0] if declared else None,
        "also_declared": declared[1:],
        "nowhere": [
            {"why": one.words, "at": list(one.places), "at_import": one.at_import}
            for one in found.nowhere + found.stuck
        ],
        "verdict": found.verdict,
        "certain": len(found.uses.certain),
        "private": sorted({use.name for use in found.uses.private}),
        "possible": len(found.uses.possible),
        "unread": [*found.uses.code.unread, *found.declared.unread],
    }
