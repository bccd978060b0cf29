"""Which changes between two releases of torch touch some Python code, and where."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from torchproof.calls import ANY
from torchproof.inventory import IN_WHEEL, PACKAGES, Entry, Inventory
from torchproof.releases import number
from torchproof.reports.code.catalog import Catalog, Fault, Use, catalog, fault, places_of, works
from torchproof.reports.code.comparisons import Comparison
from torchproof.reports.code.concerns import Concern, Concerns
from torchproof.reports.code.cpp.headers import HOWS
from torchproof.reports.code.declared import declared
from torchproof.reports.code.files import Code
from torchproof.reports.code.fits import concerned, left_out, without_cuda
from torchproof.reports.code.nowhere import hints
from torchproof.reports.code.uses import uses
from torchproof.reports.releases import names, replacements
from torchproof.reports.releases.behaviours import deprecations, warns_of
from torchproof.reports.releases.entries import grouped
from torchproof.reports.releases.names import BY_CALLS, COMPARISON, KINDS, NEITHER, NOWHERE, STUCK, Change
from torchproof.spellings import operation

# How code in Python uses what a release may not have.
_OF_PYTHON = ("called", "mentioned", "imported", "written")
# By code that does not do it yet, nothing of these is felt.
_OPTIONAL = ("parameter optional", "parameter added", "no longer deprecated", "value taken", "new")


@dataclass(frozen=True)
class Touched:
    """A change and the places ('file:line') that it touches; `breaks` where the code there certainly stops to work.

    `aside` says what all of them are part of, where who installs the project does not need it: 'tests'.
    Of an entry that stands for several changes, `parts` has each with its own.
    """

    change: Change
    places: tuple[str, ...]
    breaks: bool
    aside: str = ""
    parts: tuple[Touched, ...] = ()

    def among(self, code: Code) -> Touched:
        """The same, with the places behind that who installs the project does not need."""
        parts = {place: code.aside(place.rpartition(":")[0]) for place in self.places}
        aside = "" if "" in parts.values() else " and ".join(sorted(set(parts.values())))
        return replace(self, places=tuple(sorted(parts, key=lambda place: parts[place] != "")), aside=aside)


@dataclass(frozen=True)
class Touches:
    """What is certain, what may be (methods of values whose type is not shown), and what is about private names.

    `neither` is what works in none of the two releases, and in another; `nowhere` are names that no release has, or
    that only raise in all: a mistake, or older than all that is known; `comparisons` are those of torch's version that
    give in the newer release what versions do not.
    """

    certain: list[Touched]
    possible: list[Touched]
    private: list[Touched]
    neither: list[Touched]
    nowhere: list[Touched]
    comparisons: list[Touched]
    gains: list[Touched]  # what was refused where it is used, or slower, and is no longer
    unconcerned: int  # behaviours of names in use that concern none of the calls
    code: Code
    packages: list[str]  # with versions of their own, that go with torch and are used
    uses: int

    @property
    def breaks(self) -> bool:
        """Whether code certainly stops to work."""
        return any(one.breaks for one in self.certain + self.private + self.neither + self.nowhere)


def touched(code: Code | Path, changes: Collection[Change], inventory: Inventory, old: str, new: str) -> Touches:
    """What of the changes touches some code, in so far as the code lets it run in the newer release."""
    found = uses(code, inventory)
    used = {use.name.partition(".")[0] for use in found.certain + found.possible + found.private}
    packages = [one for one in PACKAGES if one in used and one != "torch"]
    beside = [change for one in packages for change in names.changes(inventory, old, new, one)]
    changes = [*_untold(changes, beside), *beside]
    concerns = Concerns(found.texts, parsed=found.trees)
    join = _Join(changes, concerns, inventory, old, new)
    certain, possible, private = (join.all(kind) for kind in (found.certain, found.possible, found.private))
    behaviours = _Behaviours(changes, concerns, inventory, old, new)
    behaviours.meet(found.certain, found.possible)
    concerning, gains, may = behaviours.felt()
    says = declared(*found.code.roots)
    asking: dict[Change, dict[str, None]] = defaultdict(dict)
    for change, line in concerned(says, changes, new):
        asking[change][line.place] = None
    project = [Touched(change, tuple(places), False) for change, places in asking.items()]
    for about in (without_cuda, left_out):
        project += [Touched(change, (place,), False) for change, place in about(says, inventory.releases, old, new)]
    wrong = [_compared(one, catalog(inventory)) for one in found.comparisons if new in one.releases]

    def among(group: list[Touched]) -> list[Touched]:
        return [one.among(found.code) for one in group]

    return Touches(
        certain=among(_entries([*concerning, *certain, *project])),
        possible=among(_entries([*may, *possible])),
        private=among(_entries(private)),
        neither=among(_neither(found.certain + found.private, inventory, old, new)),
        nowhere=among(_nowhere(found.nowhere, found.certain, catalog(inventory), new)),
        comparisons=among(wrong),
        gains=among(gains),
        unconcerned=behaviours.unconcerned,
        code=found.code,
        packages=[one for one in packages if one not in IN_WHEEL],
        uses=len(found.certain + found.private + found.nowhere),
    )


def _untold(changes: Collection[Change], beside: Collection[Change]) -> Iterator[Change]:
    """The changes without behaviours that are but the warning of a deprecation `beside` them."""
    deprecated = deprecations(beside)
    for change in changes:
        if not (change.kind == "behaviour" and warns_of(change.new or "", change.calls, deprecated[change.name])):
            yield change


def _entries(touched: list[Touched]) -> list[Touched]:
    """One for those that are one to who reads them, most felt first."""
    by_change = {one.change: one for one in touched}
    told = []
    for entry, changes in grouped(by_change):
        parts = tuple(by_change[one] for one in changes)
        felt = [one for one in parts if one.change.kind == "behaviour"] or parts  # which says where a default is felt
        places = dict.fromkeys(place for one in felt for place in one.places)
        breaks = any(one.breaks for one in parts)
        told.append(parts[0] if len(parts) == 1 else Touched(entry, tuple(places), breaks, parts=parts))
    return sorted(told, key=_order)


def _order(one: Touched) -> tuple[int, str]:
    """By kind and name; platforms stay in the order of their versions."""
    return KINDS.index(one.change.kind), "" if one.change.kind == "platform" else one.change.name


def _compared(one: Comparison, known: Catalog) -> Touched:
    """What a comparison of torch's version gives that versions do not, and how it is right."""
    first, last = one.releases[0], one.releases[-1]
    is_span = len(one.releases) > 2 and known.places[last] - known.places[first] == len(one.releases) - 1
    where = f"{first} to {last}" if is_span else ", ".join(one.releases)
    says = f"{one.gives} in torch {where}, where versions give {not one.gives}"
    return Touched(
        Change(COMPARISON, one.text, hint=f"{says}; compare packaging.version.Version(torch.__version__)"),
        (one.where,),
        False,
    )


def _neither(used: list[Use], inventory: Inventory, old: str, new: str) -> list[Touched]:
    """What works in none of the two releases, with those in which it does, where there are such."""
    met: dict[Change, list[Use]] = defaultdict(list)
    for use in used:
        reason = _fault(use, inventory, new)
        if use.how not in (*_OF_PYTHON, *HOWS, "refused") or new not in use.releases:
            continue
        if not (reason and _fault(use, inventory, old)):
            continue
        if having := [release for release in inventory.releases if _fault(use, inventory, release) is None]:
            why = "the code itself refuses both" if use.how == "refused" else reason.removeprefix(f"{use.name} ")
            says = f"{why.rstrip('.')}; it works {_spans(having, inventory.releases)}"
            if inventory.releases.index(new) > inventory.releases.index(having[-1]):
                says = _with_replacement(says, use.name)
            met[Change(NEITHER, use.name, hint=says)].append(use)
    return [
        Touched(
            change,
            tuple(dict.fromkeys(use.where for use in uses)),
            any(use.at_once or old not in use.releases for use in uses),
        )
        for change, uses in met.items()
    ]


def _fault(use: Use, inventory: Inventory, release: str) -> str | None:
    """Why a use does not work in a release, in which what the code itself refuses may not be refused."""
    return works(use, inventory, release) if use.how != "refused" or release in use.releases else None


def _with_replacement(says: str, name: str) -> str:
    """What is said of a name that is gone, with what to do."""
    return "; ".join(filter(None, (says, replacements.says(name))))


def _spans(having: list[str], releases: tuple[str, ...]) -> str:
    """Releases in words: 'from 2.1 to 2.4 and since 2.9'."""
    places = [releases.index(one) for one in having]
    runs = [list(run) for _, run in groupby(places, lambda place: place - places.index(place))]
    return " and ".join(_span(run[0], run[-1], releases) for run in runs)


def _span(first: int, last: int, releases: tuple[str, ...]) -> str:
    if last == len(releases) - 1:
        return f"since {releases[first]}"
    if first == 0:
        return f"up to {releases[last]}"
    return f"in {releases[first]} alone" if first == last else f"from {releases[first]} to {releases[last]}"


def _nowhere(unknown: list[Use], certain: list[Use], known: Catalog, new: str) -> list[Touched]:
    """Names that no release has, with what was meant, and what works in none of those that have it, with the reason."""
    by_change: dict[Change, list[Use]] = defaultdict(list)
    here = [use for use in unknown if new in use.releases]
    told = hints(known, (use.name for use in here))
    for use in here:
        by_change[Change(NOWHERE, use.name, hint=told[use.name])].append(use)
    for use in certain:
        if why := known.stuck(use):
            by_change[Change(STUCK, use.name, hint=why.removeprefix(f"{use.name} "))].append(use)
    return [
        Touched(change, tuple(dict.fromkeys(use.where for use in uses)), any(use.at_import for use in uses))
        for change, uses in by_change.items()
    ]


class _Join:
    def __init__(self, changes: Iterable[Change], concerns: Concerns, inventory: Inventory, old: str, new: str) -> None:
        self.concerns, self.inventory, self.old, self.new = concerns, inventory, old, new
        self.changes: dict[str, list[Change]] = defaultdict(list)
        for change in changes:
            if change.kind not in BY_CALLS:
                self.changes[change.name].append(change)

    def all(self, used: list[Use]) -> list[Touched]:
        """Each change that touches a use, with all its places, most felt first."""
        places: dict[Change, dict[str, None]] = defaultdict(dict)
        breaking: set[Change] = set()
        for use in used:
            for change in self._of(use) if self.new in use.releases else ():
                places[change][use.where] = None
                # A private name is not promised, but a module that asks for it as it is imported does not start.
                if change.breaks and (use.at_import or not use.is_private):
                    breaking.add(change)
        return sorted((Touched(change, tuple(places[change]), change in breaking) for change in places), key=_order)

    def _of(self, use: Use) -> list[Change]:
        worked = works(use, self.inventory, self.old) is None
        failure = fault(use, self.inventory, self.new) if worked else None
        reason = failure and failure.says
        if use.how == "overridden":
            return self._no_longer_called(use)
        if use.how == "refused":
            return self._refused(use)
        if use.duty:
            return [self._contract(use, reason.removeprefix(f"{use.name} "))] if reason else []
        if not worked and works(use, self.inventory, self.new):
            return []  # it works in neither
        before, after = self.inventory.find(use.name, self.old), self.inventory.find(use.name, self.new)
        touching = [
            change
            for change in self._about(use, before, after)
            if _touches(change, use, before, after, reason) and self._concerns(change, use, before, after)
        ]
        if failure and not any(change.breaks for change in touching):
            told = failure.says if after else _with_replacement(failure.says, use.name)
            touching.append(Change(self._lost(use, after, failure), use.name, hint=told))
        return touching

    def _concerns(self, change: Change, use: Use, before: Entry | None, after: Entry | None) -> bool:
        """Whether it is one of the calls that a change is about, where it is not about all of them.

        What the code keeps from the older release it calls as the newer one has it: by position, and by default.
        """
        if change.kind in ("parameters reordered", "default") and self.old not in use.releases:
            return False
        return change.calls is None or self.concerns.of(use, change.calls, (after, before)) is not Concern.NO

    @staticmethod
    def _lost(use: Use, after: Entry | None, failure: Fault) -> str:
        """The kind of change that a failure is, where none between the two releases tells of it."""
        if use.how in HOWS:
            return "build"
        if after is None or after.raises:
            return "gone"
        return "parameter required" if failure.kind == "required" else "parameter gone"

    def _refused(self, use: Use) -> list[Change]:
        """That the code lets itself be imported with the old release, and not with the new one."""
        if self.old in use.releases:
            return []
        taken = [release for release in self.inventory.releases if release not in use.releases]
        says = f"the code itself refuses torch {self.new}, and does not {_spans(taken, self.inventory.releases)}"
        return [Change("refused", use.name, hint=says)]

    def _no_longer_called(self, use: Use) -> list[Change]:
        """What a method of the code stood for is gone: torch calls it no more."""
        names = self.inventory
        if names.find(use.name, self.old) is None or names.find(use.name, self.new) is not None:
            return []
        since = self._since(lambda release: names.find(use.name, release) is None)
        says = f"{since}, torch has and calls no such method: what overrides it has no effect"
        return [Change("no longer called", use.name, hint=says)]

    def _since(self, holds: Callable[[str], object]) -> str:
        """The first release in which something holds, on the way from the old one to the new one, in words."""
        releases = self.inventory.releases
        old, new = releases.index(self.old), releases.index(self.new)
        way = releases[old + 1 : new + 1] if old < new else releases[new:old][::-1]
        first = next(release for release in way if holds(release))
        return f"since {first}" if old < new else f"up to {first}"

    def _contract(self, use: Use, reason: str) -> Change:
        """What torch calls otherwise in the code, with the release that began to."""
        since = self._since(lambda release: works(use, self.inventory, release))
        return Change("contract", use.name, hint=f"{since}, it {reason}")

    def _about(self, use: Use, before: Entry | None, after: Entry | None) -> Iterator[Change]:
        """The changes of the name that is used, of what it stands for, and of what it belongs to where that went."""
        for name in {use.name, before.name if before else use.name}:
            yield from self.changes[name]
        if use.how == "written" and before and names.is_private(use.name):  # the others are among the changes
            yield from names.compare(before, after, self.old, self.new)
        owner = use.name.rpartition(".")[0]
        while owner:
            yield from (change for change in self.changes[owner] if change.kind in ("gone", "moved", "renamed"))
            owner = owner.rpartition(".")[0]


class _Behaviours:
    """Which behaviours concern which uses: a use of any of a fact's subjects, in any spelling."""

    def __init__(self, changes: Iterable[Change], concerns: Concerns, inventory: Inventory, old: str, new: str) -> None:
        self.concerns, self.inventory, self.old, self.new = concerns, inventory, old, new
        self.about: dict[str, dict[Change, None]] = defaultdict(dict)
        for change in changes:
            for subject in change.subjects if change.kind in BY_CALLS else ():
                self.about[operation(subject)][change] = None
        self.places: dict[Concern, dict[Change, dict[str, None]]] = {one: defaultdict(dict) for one in Concern}
        self.used: dict[tuple[Concern, Change], list[Use]] = defaultdict(list)

    def meet(self, certain: list[Use], possible: list[Use]) -> None:
        """Judge uses; a method of something unknown is met only where its arguments tell what it is."""
        for use in certain:
            for change in self._of(use):
                concern = self.concerns.of(use, change.calls or ANY, self._entries(use))
                self._note(concern, change, use)
        for use in possible:
            for change in self._of(use):
                if self.concerns.is_shown(use, change.calls or ANY, self._entries(use)):
                    self._note(Concern.MAY, change, use)

    def _note(self, concern: Concern, change: Change, use: Use) -> None:
        self.places[concern][change][use.where] = None
        self.used[concern, change].append(use)

    def felt(self) -> tuple[list[Touched], list[Touched], list[Touched]]:
        """What certainly changes, what is only gained, and what may be felt and is no gain."""
        sure, may = list(self.places[Concern.YES]), list(self.places[Concern.MAY])
        return (
            self._all(Concern.YES, (one for one in sure if not one.gain)),
            self._all(Concern.YES, (one for one in sure if one.gain)),
            self._all(Concern.MAY, (one for one in may if not one.gain)),
        )

    @property
    def unconcerned(self) -> int:
        """How many behaviours of names in use concern none of the uses."""
        return len(self.places[Concern.NO].keys() - self.places[Concern.MAY].keys() - self.places[Concern.YES].keys())

    def _all(self, concern: Concern, changes: Iterable[Change]) -> list[Touched]:
        """With the places that are not certain already."""
        sure = self.places[Concern.YES] if concern is Concern.MAY else {}
        places = {one: tuple(at for at in self.places[concern][one] if at not in sure.get(one, ())) for one in changes}
        return sorted((Touched(self._named(concern, one), at, False) for one, at in places.items() if at), key=_order)

    def _of(self, use: Use) -> Iterable[Change]:
        """The behaviours of what a use calls or reads, in so far as it works at all."""
        if (
            use.how in ("asked", "overridden", "implemented", "written")
            or self.new not in use.releases
            or works(use, self.inventory, self.new)
        ):
            return ()
        entries = [one for one in self._entries(use) if one]
        names = dict.fromkeys((use.name, *(one.name for one in entries)))
        about = [one for name in dict.fromkeys(map(operation, names)) for one in self.about.get(name, ())]
        if any(one.kind == "attribute" for one in entries):  # `torch.half` is no spelling of `x.half()`
            about = [one for one in about if not names.keys().isdisjoint(one.subjects)]
        return [change for change in about if self._is_met(change, use)]

    def _is_met(self, change: Change, use: Use) -> bool:
        """Whether a use runs before a behaviour changed and after it, on the way from one release to the other."""
        known = self.inventory.releases
        first, last = sorted(map(known.index, (self.old, self.new)))
        ran = [release for release in known[first : last + 1] if release in use.releases]
        return len({number(release) < number(change.since) for release in ran}) > 1

    def _entries(self, use: Use) -> tuple[Entry | None, ...]:
        return self.inventory.find(use.name, self.new), self.inventory.find(use.name, self.old)

    def _named(self, concern: Concern, change: Change) -> Change:
        """By the name of a subject that is used, where its first one is not."""
        used = [[one.name for one in self._entries(use) if one] or [use.name] for use in self.used[concern, change]]
        is_first = any(operation(name) == operation(change.name) for names in used for name in names)
        return change if is_first else replace(change, name=used[0][0])


def _touches(change: Change, use: Use, before: Entry | None, after: Entry | None, reason: str | None) -> bool:
    """Whether a change is felt by a use; `reason` is why the use no longer works, where that is certain."""
    if use.how == "asked" or change.kind == "another base":
        return change.kind == "another base" and (change.new or change.old) in use.after
    if change.kind in ("gone", "moved", "renamed"):
        return (after is None or after.raises is not None) and reason is not None
    if change.kind == "replaced" or (change.kind == "deprecated" and not change.parameter):
        return True
    if change.kind in ("warning", "package required"):
        return use.calls
    if use.how != "called" or change.kind in _OPTIONAL:
        return False
    if change.kind == "value refused":
        return use.argument(change.parameter, before) == change.old
    if change.kind == "parameters reordered":
        return _fills(use, _displaced(change), before)
    if change.kind == "parameter required":
        return not (use.unpacks or use.is_part or _may_pass(use, change.parameter, after))
    if change.kind == "default":
        return not (reason or use.unpacks or _may_pass(use, change.parameter, before))
    if change.parameter in use.keywords:
        return change.kind in ("deprecated", "parameter ignored") or reason is not None
    return change.kind != "parameter renamed" and _fills(use, change.parameter, before)


def _displaced(change: Change) -> str:
    """The first parameter that a call by position no longer reaches at its place."""
    if change.old:
        return change.old.partition(", ")[0]
    return change.parameter if change.new == "keyword only" else (change.new or "").removeprefix("before ")


def _fills(use: Use, parameter: str, entry: Entry | None) -> bool:
    """Whether a call certainly passes a parameter by position: which overload it means is not known."""
    places = places_of(parameter, entry)
    return entry is not None and len(places) == len(entry.signatures) == 1 and places[0] < use.positional


def _may_pass(use: Use, parameter: str, entry: Entry | None) -> bool:
    return parameter in use.keywords or any(place < use.positional for place in places_of(parameter, entry))
