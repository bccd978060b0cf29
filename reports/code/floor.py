"""`torchproof floor`: the lowest release of torch in which everything works that some code is certain to use."""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import groupby

from torchproof.inventory import Inventory, inventory
from torchproof.reports import formats, screen
from torchproof.reports.code import files
from torchproof.reports.code.catalog import Use, catalog
from torchproof.reports.code.declared import Declared, Line, declared
from torchproof.reports.code.files import Code
from torchproof.reports.code.fits import WRONG, Demand, Fit, Works, badness, demands, fit, fits
from torchproof.reports.code.nowhere import hints
from torchproof.reports.code.uses import Uses, uses
from torchproof.reports.screen import counted

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

    @property
    def at_once(self) -> bool:
        """Whether it is felt as the code is built or imported."""
        return any(use.at_once for use in self.uses)


Steps = dict[str, list[Reason]]  # by release


@dataclass
class Bounds:
    """What is asked of releases: `floors` and `ceilings`, the most demanding first.

    `holes` are releases between those in which some of it works, and in which it does not.
    """

    releases: tuple[str, ...]
    floors: Steps
    ceilings: Steps
    holes: Steps
    nowhere: list[Reason]  # of names that no release has
    stuck: list[Reason]  # of what fails in every release

    @property
    def lowest(self) -> str:
        """The lowest release in which everything works, those of the ceiling aside."""
        return next(iter(self.floors), self.releases[0])

    @property
    def highest(self) -> str:
        """The last release in which everything works."""
        return next(iter(self.ceilings), self.releases[-1])

    def works(self, by: str) -> Works:
        """The releases in which everything works."""
        return Works(self.releases, self.lowest, self.highest, frozenset(self.holes), by)

    def beyond(self, other: Bounds) -> Bounds:
        """Without what the other bounds leave out anyway."""
        order = self.releases.index
        lowest, highest = order(other.lowest), order(other.highest)
        floors = {release: reasons for release, reasons in self.floors.items() if order(release) > lowest}
        ceilings = {release: reasons for release, reasons in self.ceilings.items() if order(release) < highest}
        holes = {release: reasons for release, reasons in self.holes.items() if release not in other.holes}
        return replace(self, floors=floors, ceilings=ceilings, holes=other._between(holes))

    def settled(self) -> Bounds:
        """With the floor above the holes that it would be in, the ceiling below, and the holes between them alone."""
        up = _past(self.holes, self.lowest, self.releases)
        down = _past(self.holes, self.highest, self.releases[::-1])
        floors, ceilings = {**up, **self.floors}, {**down, **self.ceilings}
        settled = replace(self, floors=floors, ceilings=ceilings)
        return replace(settled, holes=settled._between(self.holes))

    def _between(self, steps: Steps) -> Steps:
        """Those of some releases that lie between the bounds."""
        order = self.releases.index
        lowest, highest = order(self.lowest), order(self.highest)
        return {release: reasons for release, reasons in steps.items() if lowest < order(release) < highest}

    def __bool__(self) -> bool:
        return bool(self.floors or self.ceilings or self.holes or self.nowhere or self.stuck)


def _past(holes: Steps, release: str, way: Sequence[str]) -> Steps:
    """The first release on the way that is no hole, with why those before it are; nothing where `release` is none."""
    found: dict[str, Reason] = {}
    while release in holes:
        found |= {one.words: one for one in holes[release]}
        release = way[way.index(release) + 1]
    return {release: [replace(one, release=release) for one in found.values()]} if found else {}


@dataclass
class Floor:
    """What the code and its project ask of releases.

    `asides` has what only its tests, its examples and the like ask: who installs the project does not need that.
    `scripts` is how the headers of scripts compare with what each of them uses, the worst first.
    """

    uses: Uses
    bounds: Bounds
    declared: Declared
    asides: dict[str, Bounds] = field(default_factory=dict)
    scripts: list[Fit] = field(default_factory=list)

    @property
    def works(self) -> Works:
        """The releases in which everything works."""
        reasons = next(iter(self.bounds.floors.values()), [])
        return self.bounds.works("project" if reasons and not any(one.uses for one in reasons) else "code")

    @cached_property
    def fits(self) -> list[Fit]:
        """How what is declared compares, that which counts first; of scripts all, where nothing else is declared."""
        found = fits(self.declared, self.works)
        return [*found, *(one for one in self.scripts if one.verdict in WRONG or not found)]

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
    """Print the floor; 1 where something lower is declared, or no release fits, runs, builds or imports the code."""
    with files.opened(options.paths) as code, screen.waiting(code.progress):
        found = floor(code, inventory())
    code.check()
    print(_as(options.format, found))
    own = found.bounds
    return int(found.verdict in WRONG or any(one.at_once for one in own.nowhere + own.stuck))


def floor(code: Code, known: Inventory) -> Floor:
    """What some code asks of torch's releases, and what its project declares."""
    used, says = uses(code, known), declared(*code.roots)
    sure, nowhere = _by_part(used.certain + used.private, code), _by_part(used.nowhere, code)
    own = _bounds(sure[""], nowhere[""], known, list(demands(says, known.releases)))
    parts = sorted({*sure, *nowhere} - {""})
    asides = {part: _bounds(sure[part], nowhere[part], known).beyond(own) for part in parts}
    scripts = sorted(_of_scripts(used, says, known), key=badness)
    return Floor(used, own, says, {part: bounds for part, bounds in asides.items() if bounds}, scripts)


def _of_scripts(used: Uses, says: Declared, known: Inventory) -> Iterator[Fit]:
    """How what the headers of scripts say compares with what each of them uses."""
    for file in used.code.files if says.scripts else ():
        if said := says.scripts.get(file.path.resolve()):
            own = [use for use in used.certain + used.private if use.file == file.shown]
            yield fit(said, _bounds(own, [], known).works("script"))


def _by_part(used: list[Use], code: Code) -> dict[str, list[Use]]:
    """Uses by what they are part of: '' is what the project is."""
    found: dict[str, list[Use]] = defaultdict(list)
    for use in used:
        found[code.aside(use.file)].append(use)
    return found


def _bounds(used: list[Use], nowhere: list[Use], known: Inventory, asked: Sequence[Demand] = ()) -> Bounds:
    """What uses ask of torch's releases, and what else does."""
    floors: dict[tuple[str, str], list[Use]] = defaultdict(list)
    ceilings: dict[tuple[str, str], list[Use]] = defaultdict(list)
    holes: dict[tuple[str, str], list[Use]] = defaultdict(list)
    stuck: dict[str, list[Use]] = defaultdict(list)
    for use in used:
        since, until, between = _bound(use, known)
        if why := catalog(known).stuck(use):
            stuck[why].append(use)
        if since:
            floors[since].append(use)
        if until:
            ceilings[until].append(use)
        for one in between:
            holes[one].append(use)
    return Bounds(
        known.releases,
        floors=_by_release(floors, known, [one for one in asked if one.is_floor], newest_first=True),
        ceilings=_by_release(ceilings, known, [one for one in asked if not one.is_floor], newest_first=False),
        holes=_by_release(holes, known, [], newest_first=False),
        nowhere=_nowhere(nowhere, known),
        stuck=[Reason(why, "", tuple(uses)) for why, uses in stuck.items()],
    ).settled()


def _nowhere(used: list[Use], known: Inventory) -> list[Reason]:
    by_name: dict[str, list[Use]] = defaultdict(list)
    for use in used:
        by_name[use.name].append(use)
    told = hints(catalog(known), by_name)
    return [Reason(f"{name}: {told[name]}" if told[name] else name, "", tuple(uses)) for name, uses in by_name.items()]


_Bound = tuple[str, str]  # a release, and why not the one before, after, or itself


def _bound(use: Use, known: Inventory) -> tuple[_Bound | None, _Bound | None, list[_Bound]]:
    """The first release in which a use works, the last one, and those between them in which it does not."""
    faults = zip(known.releases, catalog(known).faults(use))
    reasons = [fault.says if fault and release in use.releases else None for release, fault in faults]
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
    "nowhere": "no release has the name, or what is called fails in all of them",
    **files.RULE,
}


def _findings(found: Floor) -> Iterator[formats.Finding]:
    """What sets the floor is an error where the project declares less, else a note; a ceiling is a warning."""
    declares, own = found.fits[0] if found.fits else None, found.bounds
    for release, reasons in own.floors.items():
        is_wrong = bool(declares and declares.verdict == "too low" and _is_below(declares.lowest, release, own))
        said = f"; declared: {declares.text}" if is_wrong and declares else ""
        for one in reasons:
            says = f"needs torch {release}: {one.words}{said}"
            yield formats.Finding("floor", "error" if is_wrong else "note", says, one.places)
    yield from _of_others(own, "error" if found.verdict in ("no release fits", "too high") else "warning")
    for part, bounds in found.asides.items():
        for release, reasons in bounds.floors.items():
            for one in reasons:
                yield formats.Finding("floor", "note", f"the {part} need torch {release}: {one.words}", one.places)
        yield from _of_others(bounds, "warning")
    yield from files.findings([*found.uses.code.unread, *found.declared.unread])


def _of_others(bounds: Bounds, level: str) -> Iterator[formats.Finding]:
    """What stands beside the floor, with the level of a ceiling."""
    for release, reasons in bounds.ceilings.items():
        for one in reasons:
            yield formats.Finding("ceiling", level, f"needs torch {release} or lower: {one.words}", one.places)
    for release, reasons in bounds.holes.items():
        for one in reasons:
            yield formats.Finding("hole", "warning", f"does not work in torch {release}: {one.words}", one.places)
    for one in bounds.nowhere:
        yield formats.Finding("nowhere", "warning", f"no release has {one.words}", one.places)
    for one in bounds.stuck:
        yield formats.Finding("nowhere", "error", f"no release runs it: {one.words}", one.places)


def _is_below(declared: str | None, release: str, bounds: Bounds) -> bool:
    """Whether a release is higher than the lowest that is declared; that of none is older than all that are known."""
    return declared is None or bounds.releases.index(declared) < bounds.releases.index(release)


def _lines(found: Floor) -> list[str]:
    own = found.bounds
    oldest = own.releases[0]
    steps = list(own.floors.items())
    older = "" if steps else " or lower (older releases are not known)"
    lines = [f"floor: torch {own.lowest}{older}{found.uses.code.gaps()}"]
    if not found.works.fitting:
        lines[:0] = [f"no release of torch fits: {own.lowest} or newer is needed, and {own.highest} or older"]
    elif any(one.at_once for one in own.stuck):
        lines[:0] = ["no release of torch fits: some of what is called fails in all of them"]
    for place, (release, reasons) in enumerate(steps[:2]):
        if place:
            lines.append(f"without these: torch {release}")
        lines += _reasons(reasons, own.releases, before=True)
    if len(steps) == 1:
        lines.append(f"without these: torch {oldest} or lower")
    lines += _others(own)
    for part, bounds in found.asides.items():
        lines += _aside(part, bounds)
    lines += [*_of_declared(found), _counts(found.uses)]
    lines += files.told([*found.uses.code.unread, *found.declared.unread])
    return lines


def _others(bounds: Bounds) -> list[str]:
    """What stands beside the floor."""
    lines = []
    for release, reasons in list(bounds.ceilings.items())[:1]:
        lines += [f"ceiling: torch {release}", *_reasons(reasons, bounds.releases, before=False)]
    for releases, reasons in _spans(bounds):
        lines.append(f"not torch {releases}")
        lines += [line for one in reasons[:_SHOWN] for line in (f"  {one.words}", *_at(one))]
    if bounds.nowhere or bounds.stuck:
        lines.append(f"in no release from {bounds.releases[0]} on:")
        for one in bounds.nowhere + bounds.stuck:
            lines += [f"  {one.words}", *_at(one)]
    return lines


def _spans(bounds: Bounds) -> Iterator[tuple[str, list[Reason]]]:
    """Holes, those next to each other for the same reasons as one."""
    order = bounds.releases.index
    holes = sorted(bounds.holes, key=order)

    def alike(numbered: tuple[int, str]) -> tuple[int, list[tuple[str, tuple[str, ...]]]]:
        place, release = numbered
        return order(release) - place, [(one.words, one.places) for one in bounds.holes[release]]

    for _, group in groupby(enumerate(holes), alike):
        first, *others = [release for _, release in group]
        yield f"{first} to {others[-1]}" if others else first, bounds.holes[first]


def _aside(part: str, bounds: Bounds) -> list[str]:
    """What is asked by what nobody needs who installs the project."""
    need = f" need torch {bounds.lowest}" if bounds.floors else ""
    lines = _reasons(next(iter(bounds.floors.values()), []), bounds.releases, before=True)
    return [f"its {part}{need}:", *lines, *(f"  {line}" for line in _others(bounds))]


def _reasons(reasons: list[Reason], releases: tuple[str, ...], before: bool) -> list[str]:
    lines = []
    for one in reasons[:_SHOWN]:
        place = releases.index(one.release) + (-1 if before else 1)
        lines += [f"  {releases[place]}: {one.words}", *_at(one)]
    if len(reasons) > _SHOWN:
        lines.append(f"  and {counted(len(reasons) - _SHOWN, 'more reason')}")
    return lines


def _at(reason: Reason) -> list[str]:
    if reason.asks:
        return [f"    {reason.asks.place}: {reason.asks.text}"]
    lines = [f"    {use.where}" + (" (at import)" if use.at_import else "") for use in reason.uses[:_SHOWN]]
    return lines + [f"    and {len(reason.uses) - _SHOWN} more"] * (len(reason.uses) > _SHOWN)


def _of_declared(found: Floor) -> list[str]:
    if not found.fits:
        return [f"declared: nothing about torch was found{' in what was read' if found.declared.unread else ''}"]
    head, *others = found.fits
    lines = [f"declared: {head.text} ({head.place}): {head.says}"]
    return lines + [f"also declared: {one.text} ({one.place}): {one.says}" for one in others]


def _counts(used: Uses) -> str:
    names, private = ({use.name for use in some} for some in (used.certain, used.private))
    text = f"{counted(len(used.certain), 'certain use')} of {counted(len(names), 'name')} in {used.code.reading()}"
    text += f"; {counted(len(private), 'private name')}" if private else ""
    return text + f"; {counted(len(used.possible), 'possible use')} not counted"


def _data(found: Floor) -> dict:
    declared = [{"text": one.text, "file": one.file, "verdict": one.verdict} for one in found.fits]
    return {
        "floor": found.bounds.lowest,
        "or_lower": not found.bounds.floors,
        "ceiling": next(iter(found.bounds.ceilings), None),
        **_of_bounds(found.bounds),
        "asides": {part: _of_bounds(bounds) for part, bounds in found.asides.items()},
        "declared": declared[0] if declared else None,
        "also_declared": declared[1:],
        "verdict": found.verdict,
        "certain": len(found.uses.certain),
        "private": sorted({use.name for use in found.uses.private}),
        "possible": len(found.uses.possible),
        "unread": [*found.uses.code.unread, *found.declared.unread],
    }


def _of_bounds(bounds: Bounds) -> dict:
    def data(steps: Steps) -> list[dict]:
        return [{"release": release, **one} for release, reasons in steps.items() for one in plain(reasons)]

    def plain(reasons: list[Reason]) -> list[dict]:
        return [{"why": one.words, "at": list(one.places), "at_import": one.at_import} for one in reasons]

    return {
        "floors": data(bounds.floors),
        "ceilings": data(bounds.ceilings),
        "holes": data(bounds.holes),
        "nowhere": plain(bounds.nowhere + bounds.stuck),
    }
