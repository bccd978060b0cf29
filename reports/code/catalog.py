"""Uses of torch, and what the inventory says to them in all of its releases at once."""

from __future__ import annotations

import difflib
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from fnmatch import fnmatchcase
from functools import cache, cached_property
from io import TextIOWrapper
from logging import Logger
from pathlib import Path
from threading import Thread
from typing import NamedTuple

from torchproof.inventory import Entry, Inventory, Signature, is_private
from torchproof.releases import supported
from torchproof.reports.code import attributes, refusals
from torchproof.reports.code.contracts import Duty, contracts
from torchproof.reports.code.cpp import headers
from torchproof.reports.code.syntax import failures
from torchproof.reports.code.values import Name
from torchproof.reports.releases import needed, replacements

# Classes of torch whose objects are met without a sign of what they are.
_USUAL = ("torch.Tensor", "torch.nn.Module", "torch.optim.Optimizer", "torch.optim.lr_scheduler.LRScheduler")
# What else such an object may be: a method that these have as well is a sign of nothing.
_ELSE = (str, bytes, list, dict, set, int, float, Path, TextIOWrapper, Logger, Namespace, Thread, datetime)

_CALLED = {"function", "class", "method"}
# Whose modules have functions in their places: seen by importing all that releases have, and asking what is callable.
_SHADOWED = "torch.quantization.fx."


class Argument(Enum):
    """What is known of an argument without its value."""

    ABSENT = "it is not passed"
    UNKNOWN = "it is passed, or may be, and the code does not show its value"


# A value that the code shows: a constant, a tuple of some (a list too), what of torch has a name, as a dtype, or that
# it is a function of the code.
Literal = bool | int | float | complex | str | bytes | None | tuple | Name
FUNCTION = Name("function")
COMPARISON = Name("comparison")
REAL = Name("real")  # a tensor of real numbers


@dataclass(unsafe_hash=True, slots=True)
class Use:
    """One place that uses a name.

    `how` is 'called', 'mentioned', 'imported', 'written' (of a setting), 'asked' (for the class), 'overridden',
    'implemented', or one of headers.HOWS.
    """

    name: str
    file: str
    line: int
    how: str
    releases: frozenset[str]  # in which the conditions around it let it run
    keywords: tuple[str, ...] = ()
    positional: int = 0
    unpacks: str = ""  # '*' and '**' where a call passes more than can be counted
    literals: tuple[tuple[int | str, Literal], ...] = ()  # the arguments whose values are known, by place or keyword
    caught: frozenset[str] = frozenset()  # the exceptions that have a handler around it, by their own names
    survives: frozenset[str] = frozenset()  # those of them after which the code goes on
    decorates: bool = False  # it is a decorator, with parentheses or without
    at_import: bool = False  # runs when its module is imported, not only when a function is called
    is_one_of: bool = False  # it may be of something else: by default, or by what a loop goes over
    after: tuple[str, ...] = ()  # of a class that is 'asked' about: those that are asked about before
    duty: Duty | None = None  # of something that is 'implemented': what torch calls of it
    is_part: bool = False  # of `partial`: more is passed when what it makes is called
    shows: frozenset[str] = frozenset()  # what the code shows of a call beside its arguments, as needed.toml has it

    @property
    def at_once(self) -> bool:
        """Whether it is felt as the code is built or imported."""
        return self.at_import or self.how in headers.HOWS

    @property
    def calls(self) -> bool:
        """Whether it calls the name, as a decorator without parentheses does too."""
        return self.how == "called" or (self.decorates and self.how == "mentioned")

    @property
    def where(self) -> str:
        """The place as editors and terminals understand it."""
        return f"{self.file}:{self.line}"

    def argument(self, parameter: str, entry: Entry | None) -> Literal | Argument:
        """What a call passes for a parameter of what it calls, as far as its signatures in `entry` tell the place."""
        known = dict(self.literals)
        if parameter in self.keywords or parameter in known:
            return known.get(parameter, Argument.UNKNOWN)
        places = places_of(parameter, entry)
        if not any(place < self.positional for place in places):
            may_hide = self.is_part or "**" in self.unpacks or (places and self.unpacks)
            return Argument.UNKNOWN if may_hide else Argument.ABSENT
        if entry is None or len(places) < len(entry.signatures) or len(set(places)) > 1:
            return Argument.UNKNOWN  # which overload it means is not known
        return known.get(places[0], Argument.UNKNOWN)

    @property
    def is_private(self) -> bool:
        """Whether a part of the name starts with an underscore, so that torch promises nothing about it.

        Settings are there to be written, wherever they are: `torch._dynamo.config.recompile_limit`.
        """
        if self.how == "written":
            return self.name.rpartition(".")[2].startswith("_")
        return is_private(self.name)


def works(use: Use, inventory: Inventory, release: str) -> str | None:
    """None where the use works in the release, else the reason in words.

    What no release has is nothing that the inventory could judge, so it counts as working.
    """
    found = fault(use, inventory, release)
    return found and found.says


def fault(use: Use, inventory: Inventory, release: str) -> Fault | None:
    """Why the use does not work in the release, where it does not."""
    known = catalog(inventory)
    return known.faults(use)[known.places[release]]


class Fault(NamedTuple):
    """Why a use does not work in a release, in words.

    The `kind` is how Python raises it: 'arguments' are passed that are not taken, one that is 'required' is not, a
    'word' is refused, or it 'raises' whatever is passed; '' for all that has no error of its own.
    """

    says: str
    kind: str = ""


def _fault(use: Use, known: Catalog, release: str) -> Fault | None:
    if use.how == "refused":
        return Fault("the code itself refuses it")
    if use.how in headers.HOWS:
        return _said(headers.fault(use.how, use.name, release))
    if use.how == "overridden":
        return None
    if use.duty:
        reason = contracts().fails(use.duty, release)
        return _said(reason and f"{use.name} {reason}")
    place = known.places[release]
    entry = known.entries(use.name)[place]
    if entry is None and use.how == "written" and known.ignores(use.name, place):
        return Fault(f"{use.name} is ignored, for there is no such setting")
    if entry is None:
        return Fault(f"{use.name} does not exist{_in(use.name, release)}") if known.is_missed(use, place) else None
    if use.how != "called":
        return None
    if entry.raises:
        return Fault(f"{use.name} only raises: {replacements.says(use.name) or entry.refusal}", "raises")
    if entry.kind == "module" and not use.name.startswith(_SHADOWED):
        return Fault(f"{use.name} is a module, which cannot be called{known.namesake(use.name, place)}", "arguments")
    return known.misfit(use, release) or _refusal(use, entry, release) or _lack(use, entry, release)


def _said(why: str | None) -> Fault | None:
    return Fault(why) if why else None


def _refusal(use: Use, entry: Entry, release: str) -> Fault | None:
    """Why the release refuses an argument, a word that others take."""
    for parameter in refusals.parameters(entry.name):
        word = use.argument(parameter, entry)
        if isinstance(word, str) and word in refusals.refused(entry.name, parameter, release):
            return Fault(f"{use.name} refuses {parameter}={refusals.shown(word)}", "word")
    return None


def _lack(use: Use, entry: Entry, release: str) -> Fault | None:
    """Why the release refuses a call that leaves out what it has no signature to ask for, or gives it another dtype."""
    for one in needed.of(entry.name, release):
        value = use.argument(one.parameter, entry)
        is_shown = not one.shows or one.shows in use.shows
        if is_shown and not one.given and value is Argument.ABSENT:
            return Fault(f"{use.name} {one.says}", "required")
        if isinstance(value, Name) and any(fnmatchcase(value.dotted.rpartition(".")[2], dtype) for dtype in one.given):
            return Fault(f"{use.name} {one.says}", "word")
    return None


def _in(name: str, release: str) -> str:
    """The release of another package, where a name is of one."""
    said = supported()[release].says(name)
    return "" if said == release else f" in {said}"


class Catalog:
    """Questions to an inventory about all of its releases at once, each answered from the file once.

    A set of releases is an integer with one bit a release, oldest first.
    """

    def __init__(self, inventory: Inventory) -> None:
        self.inventory = inventory
        self.releases = inventory.releases
        self.all = (1 << len(self.releases)) - 1
        self._entries: dict[str, tuple[Entry | None, ...]] = {}
        self._faults: dict[tuple, tuple[Fault | None, ...]] = {}
        self.places = {release: place for place, release in enumerate(self.releases)}

    @cache  # noqa: B019 - there is one catalog in a process
    def names(self, releases: int) -> frozenset[str]:
        """The names of the releases in a set."""
        return frozenset(release for place, release in enumerate(self.releases) if releases >> place & 1)

    def entries(self, name: str) -> tuple[Entry | None, ...]:
        """What a program gets by the name in each release."""
        if name not in self._entries:
            found = [entry for _, entry in self.inventory.history(name)]
            if self.is_set(name):
                found = [here or self._set(name, release) for here, release in zip(found, self.releases)]
            self._entries[name] = tuple(found)
        return self._entries[name]

    @cache  # noqa: B019 - there is one catalog in a process
    def is_set(self, name: str) -> bool:
        """Whether it is an attribute that torch sets of the objects of a class, in some releases alone."""
        owner, _, member = name.rpartition(".")
        return bool(owner) and any(entry and attributes.tells(entry.name, member) for entry in self.entries(owner))

    def _set(self, name: str, release: str) -> Entry | None:
        owner, _, member = name.rpartition(".")
        above = self.entries(owner)[self.places[release]]
        return attributes.attribute(above.name, member, release) if above else None

    @cache  # noqa: B019 - there is one catalog in a process
    def having(self, name: str) -> int:
        """The releases that have the name."""
        return sum(1 << place for place, entry in enumerate(self.entries(name)) if entry)

    def was_before(self, name: str) -> bool:
        """Whether it is known for what releases had that are older than all of these."""
        return not self.having(name) and name in replacements.known()

    @cache  # noqa: B019 - there is one catalog in a process
    def kind(self, name: str) -> str:
        """The kind of a name in the newest release that has it."""
        return next((entry.kind for entry in reversed(self.entries(name)) if entry), "")

    @cache  # noqa: B019 - there is one catalog in a process
    def holds_settings(self, name: str) -> bool:
        """Whether a module or object is there for settings: some of what it has is one."""
        return any(self.kind(f"{name}.{member}") == "setting" for member in self.inventory.members(name))

    def ignores(self, setting: str, place: int) -> bool:
        """Whether a release takes the setting, which it does not have, without a word: modules of backends do."""
        owner = setting.rpartition(".")[0]
        return bool(self.having(setting)) and self.entries(owner)[place] is not None and self._takes_any(owner)

    def _takes_any(self, owner: str) -> bool:
        return owner.startswith("torch.backends") and self.kind(owner) == "module"

    def is_no_setting(self, name: str) -> bool:
        """Whether every release refuses that this is written: only modules of backends take what they do not have."""
        owner, _, member = name.rpartition(".")
        is_refused = self.holds_settings(owner) and not self._takes_any(owner) and not member.startswith("_")
        return is_refused and not self.having(name)

    def namesake(self, module: str, place: int) -> str:
        """What of a module is called as it is itself, in words of advice: `torch.fft.fft`."""
        inside = f"{module}.{module.rpartition('.')[2]}"
        return f": did you mean {inside}?" if self.entries(inside)[place] else ""

    @cache  # noqa: B019 - there is one catalog in a process
    def returned(self, name: str) -> tuple[tuple[int, str], ...]:
        """What a call of the name gives, or what reading an attribute does, in words of annotations, by releases.

        A release without an annotation is believed to do as the others, where they agree.
        """
        found: dict[str, int] = {}
        for place, entry in enumerate(self.entries(name)):
            if text := entry and (entry.returns or attributes.held(entry.name, self.releases[place])):
                found[text] = found.get(text, 0) | 1 << place
        if len(found) == 1:
            found = dict.fromkeys(found, self.having(name))
        return tuple((mask, text) for text, mask in found.items())

    @cache  # noqa: B019 - there is one catalog in a process
    def is_below(self, name: str, base: str) -> bool:
        """Whether a class is another one, or has it above itself."""
        entry = next((entry for entry in reversed(self.entries(name)) if entry), None)
        if name == base or (entry and entry.name == base):
            return True
        return entry is not None and any(self.is_below(one, base) for one in entry.bases)

    @cache  # noqa: B019 - there is one catalog in a process
    def known_part(self, name: str) -> str:
        """As much of a dotted name, from its start, as some release has."""
        known, *parts = name.split(".")
        for part in parts:
            if not self.having(f"{known}.{part}"):
                break
            known += f".{part}"
        return known

    @cache  # noqa: B019 - there is one catalog in a process
    def above(self, name: str) -> tuple[str, ...]:
        """The classes of torch above a class, in some release, by the names that releases themselves give them."""
        bases = {base: None for entry in self.entries(name) if entry for base in entry.bases if Name(base).is_torch}
        own = [one.name for base in bases for one in self.entries(base) if one]
        return tuple(dict.fromkeys([*own, *(above for base in bases for above in self.above(base))]))

    @cache  # noqa: B019 - there is one catalog in a process
    def below_in_some(self, name: str) -> tuple[str, ...]:
        """The classes beside a class that are directly below it in some of the releases that have them."""
        owner = name.rpartition(".")[0]
        found: list[str] = []
        for one in (f"{owner}.{member}" for member in self.inventory.members(owner)):
            is_below = {name in entry.bases for entry in self.entries(one) if entry and entry.kind == "class"}
            found += [one] if len(is_below) > 1 else []
        return tuple(found)

    @cached_property
    def telling(self) -> dict[str, list[str]]:
        """The methods of torch's usual objects that differ between releases, and that nothing else usual has."""
        found: dict[str, list[str]] = {}
        usual = {name for cls in _ELSE for name in dir(cls)}
        for owner in _USUAL:
            for member in set(self.inventory.members(owner)) - usual:
                name = f"{owner}.{member}"
                states = {entry and (entry.signatures, entry.deprecated) for entry in self.entries(name)}
                is_called = self.kind(name) in _CALLED  # `x.names()` is of something else: a tensor's are a property
                if len(states) > 1 and is_called and not member.startswith("_"):
                    found.setdefault(member, []).append(name)
        return found

    def is_missed(self, use: Use, place: int) -> bool:
        """Whether the use fails in a release that the inventory has no such name for, as far as it can tell.

        What instances have besides methods is not all in it, nor what is in things that are only known to exist.
        """
        if not self.having(use.name):
            return False
        owner = use.name.rpartition(".")[0]
        above = self.entries(owner)[place]
        if above and not above.kind and not self.has_members(owner, place):
            return False
        if self.kind(owner) != "class" or (above and above.kind == "function"):
            return True
        if self.is_set(use.name):
            return above is not None
        kinds = {entry.kind for entry in self.entries(use.name) if entry}
        return bool(kinds & {"method", "property"}) or (use.how == "called" and "attribute" not in kinds)

    @cache  # noqa: B019
    def has_members(self, owner: str, place: int) -> bool:
        """Whether anything is told of what a name has in a release, by its place."""
        members = self.inventory.members(owner)
        return any(self.inventory.entry(f"{owner}.{one}", self.releases[place]) for one in members)

    def faults(self, use: Use) -> tuple[Fault | None, ...]:
        """Why the use does not work, in each release; asked once of all uses that are alike."""
        passed = (use.keywords, use.positional, use.unpacks, use.literals, use.is_part, use.shows)
        alike = (use.name, use.how, use.duty, *passed)
        if alike not in self._faults:
            self._faults[alike] = tuple(_fault(use, self, release) for release in self.releases)
        return self._faults[alike]

    def working(self, use: Use) -> int:
        """The releases in which the use works."""
        return sum(1 << place for place, fault in enumerate(self.faults(use)) if fault is None)

    def failing(self, use: Use, kinds: frozenset[str]) -> int:
        """The releases in which the use fails in one of some ways."""
        return sum(1 << place for place, fault in enumerate(self.faults(use)) if fault and fault.kind in kinds)

    def stuck(self, use: Use) -> str | None:
        """Why a use works in no release, in words; None where it works in one, or the code leaves one out.

        Nor of a call that the code expects to be refused, or that may be of something else.
        """
        if use.is_one_of or not use.releases.issuperset(self.releases) or self.working(use):
            return None
        having = [fault for fault, entry in zip(self.faults(use), self.entries(use.name)) if entry]
        last = (having or self.faults(use))[-1]
        return last.says if last and last.kind not in failures(use.caught) else None

    def misfit(self, use: Use, release: str) -> Fault | None:
        """Why the release's signatures do not take the call, where they tell, in words."""
        place = self.places[release]
        here = self.entries(use.name)[place]
        if here is None or not here.signatures:
            return None
        for keyword in use.keywords:
            if _takes(here, keyword):
                continue
            if self._is_a_parameter_elsewhere(use.name, keyword, here):
                return Fault(f"{use.name} has no parameter {keyword}", "arguments")
            if self._is_let_through(use.name, place):
                meant = self._meant(here, keyword, " ({})")
                return Fault(f"{use.name} has no parameter {keyword}, and no release names it{meant}", "arguments")
            # What a wrapper passes on may reach another than the one that it calls by default.
            if "**" not in use.unpacks and self._tells_all(use.name):
                meant = self._meant(here, keyword, ": {}")
                return Fault(f"{use.name} takes no parameter {keyword}, in any release{meant}", "arguments")
        return self._too_many(use, here) or self._too_few(use, here)

    def _too_many(self, use: Use, here: Entry) -> Fault | None:
        """Why a release does not take the positional arguments that another takes."""
        most = _most_positional(here)
        if most is None or use.positional <= most or "*" in use.unpacks.split():
            return None
        others = [_most_positional(entry) for entry in self.entries(use.name) if entry and entry.signatures]
        if any(other is None or use.positional <= other for other in others):
            taken = f"{most} positional argument{'s' * (most != 1)}" if most else "no positional argument"
            given = f"{use.positional} {'is' if use.positional == 1 else 'are'} given"
            return Fault(f"{use.name} takes {taken}, {given}", "arguments")
        return None

    def _too_few(self, use: Use, here: Entry) -> Fault | None:
        """Why a release asks for more than is passed, where another does not, or everything is known of it.

        What an object has for a method may be one of a class below, which has defaults for it.
        """
        missing = [] if here.kind == "method" and not use.name.startswith("torch.Tensor.") else _missing(use, here)
        if "torch.optim.Optimizer" in self.above(use.name):  # the groups of its parameters may say the rest
            missing = [one for one in missing if one == "params"]
        others = [entry for entry in self.entries(use.name) if entry]
        if missing and (self._tells_all(use.name) or not all(_missing(use, other) for other in others)):
            lacking = f"argument{'s' * (len(missing) > 1)} {' and '.join(missing)}"
            return Fault(f"{use.name} is missing the required {lacking}", "required")
        return None

    def _is_a_parameter_elsewhere(self, name: str, keyword: str, here: Entry) -> bool:
        """Whether another release has the keyword by a source that this release has as well.

        Documentation alone may have been late, so that it is no proof on its own.
        """
        sources = {signature.source for signature in here.signatures} & {"", "op"}
        return not sources.isdisjoint(self._sources(name, keyword))

    @cache  # noqa: B019 - there is one catalog in a process
    def _sources(self, name: str, keyword: str) -> frozenset[str]:
        """The sources by which some release has the keyword."""
        return frozenset(
            signature.source
            for entry in self.entries(name)
            if entry
            for signature in entry.signatures
            if keyword in _keywords(signature) or keyword in _beyond(entry)
        )

    @cache  # noqa: B019 - there is one catalog in a process
    def _is_let_through(self, name: str, place: int) -> bool:
        """Whether another release takes any keyword beside those that it names, and this one tells all.

        Of a wrapper that names no parameter it is not known what it takes. A later release counts where it is Python
        that refuses here, not what `**kwargs` goes to; what an object has for a method may be one of a class below.
        """
        here = self.entries(name)[place]
        if here is None or not _is_told(here):
            return False
        refuses = here.kind in ("function", "class") and not any(map(_is_open, here.signatures))
        others = self.entries(name)[: None if refuses else place]
        open_ended = [
            signature
            for entry in others
            if entry and not entry.takes
            for signature in entry.signatures
            if _is_open(signature)
        ]
        return any(map(_keywords, open_ended))

    @cache  # noqa: B019 - there is one catalog in a process
    def _tells_all(self, name: str) -> bool:
        """Whether every keyword of a function or class is known: Python tells them, and no release takes others.

        What an object has for a method may be one of a class below, which takes more.
        """
        having = [entry for entry in self.entries(name) if entry]
        return all(
            entry.kind in ("function", "class") and _is_told(entry) and not any(map(_is_open, entry.signatures))
            for entry in having
        )

    @staticmethod
    def _meant(entry: Entry, keyword: str, said: str) -> str:
        """What stands for a parameter that there is not, or the one that looks like it, in words that are said so."""
        if says := replacements.says_of(entry.name, keyword):
            return said.format(says)
        known = sorted({one for signature in entry.signatures for one in _keywords(signature) if one[0] != "_"})
        near = difflib.get_close_matches(keyword, known, n=1, cutoff=0.7)
        return said.format(f"did you mean {near[0]}?") if near else ""


def places_of(parameter: str, entry: Entry | None) -> list[int]:
    """Where a parameter stands in a call by position, in each signature that has it so."""
    return [
        place
        for signature in (entry.signatures if entry else ())
        for place, one in enumerate(signature.parameters)
        if one.name == parameter and one.kind.startswith("positional")
    ]


@cache
def catalog(inventory: Inventory) -> Catalog:
    """The catalog of an inventory."""
    return Catalog(inventory)


def _takes(entry: Entry, keyword: str) -> bool:
    is_closed = bool(entry.takes)
    return keyword in _beyond(entry) or any(
        keyword in _keywords(signature) or (not is_closed and _is_open(signature)) for signature in entry.signatures
    )


def _is_open(signature: Signature) -> bool:
    return any(one.kind == "**" for one in signature.parameters)


def _is_told(entry: Entry) -> bool:
    """Whether Python itself tells all signatures."""
    return bool(entry.signatures) and not any(signature.source for signature in entry.signatures)


def _beyond(entry: Entry) -> frozenset[str]:
    """The words that `**kwargs` takes, where those are known."""
    return frozenset(one.name for one in entry.rest) if entry.takes else frozenset()


@cache
def _keywords(signature: Signature) -> frozenset[str]:
    return frozenset(one.name for one in signature.parameters if one.kind in ("positional", "keyword"))


def _missing(use: Use, entry: Entry) -> list[str]:
    """The parameters that must be passed and are not, of the signature that lacks the fewest; where Python tells."""
    if use.unpacks or use.is_part or not _is_told(entry):
        return []
    return min((list(_unfilled(use, one)) for one in entry.signatures), key=len)


def _unfilled(use: Use, signature: Signature) -> Iterator[str]:
    for place, one in enumerate(signature.parameters):
        is_reached = one.kind.startswith("positional") and place < use.positional
        is_named = one.kind != "positional-only" and one.name in use.keywords
        if one.default is None and "*" not in one.kind and not (is_reached or is_named):
            yield one.name


def _most_positional(entry: Entry) -> int | None:
    """How many positional arguments Python's own signatures take; None where that is not known or unlimited."""
    counts = []
    for signature in entry.signatures:
        kinds = [parameter.kind for parameter in signature.parameters]
        if signature.source or "*" in kinds:
            return None
        counts.append(sum(kind.startswith("positional") for kind in kinds))
    return max(counts)
