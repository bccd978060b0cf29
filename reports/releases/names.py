"""What changed between two releases of torch, for code that is written against the older one. Needs no torch.

A change has one of these kinds, most felt first:

    platform              what the wheels run on, as reports/releases/platforms.py knows it: `name` is a system, a
                          Python, a kind of GPU or a requirement, and `hint` says what became of it
    gone                  the name is nowhere any more, or to call it only raises that it was removed
    moved                 the same thing stands elsewhere, as `to`
    renamed               the same thing stands beside it under another name, as `to`
    replaced              it is another kind of thing now: a property became a method
    parameter gone        passing `parameter` is refused
    parameter renamed     it is passed as `to`
    parameter required    it was optional, or is new, and must be passed
    value refused         it is refused to pass `parameter` the word `old`, which was taken
    contract              torch calls code that is written for it in another way; `hint` says how, and whose
    parameters reordered  a positional call means something else, or is refused: `old` and `new` are the orders, or
                          `parameter` is now 'keyword only' or came 'before' one that was there
    build                 an extension no longer compiles: the name is a flag, a header or a macro (with --uses alone)
    refused               the code itself refuses the release as it is imported (with --uses alone)
    package required      to call it needs the package `new`, which does not come along
    parameter ignored     it may still be passed, and does nothing
    default               not passing `parameter` means `new` instead of `old`
    behaviour             a fact that begins or ends to hold: `new` is its claim, or `old` the claim that ended
    call refused          a call that worked raises an error; `new` says which, as with the next five, and what it gives
    another value         a call gives another result
    another gradient      what is differentiated through a call has another gradient
    another stream        a call draws other numbers after the same seed
    another error         a call that raised an error raises one of another class
    call warns            a call that works gives a warning that it did not give
    no longer called      what code may have for itself in the place of `name`, which is gone, has no effect
    another base          a class is a `new` now, or no `old` any more, which `isinstance` tells
    deprecated            it works, and says or documents that it will go; `new` has the words
    warning               calling it gives another warning: `old` and `new` are the category and the first words
    no longer deprecated  it was: `old` has the words
    parameter optional    it had to be passed, and `new` is its default now
    parameter added       optional: what was written before means the same
    value taken           `parameter` may be the word `new`, which was refused
    call taken            a call that raised an error works; `new` says which
    no longer warns       a call that works gives no warning that it gave
    new                   the name was not there
"""

from __future__ import annotations

import ast
import difflib
import keyword
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from torchproof import releases
from torchproof.inventory import Entry, Inventory, Parameter, Signature, is_of_torch, is_private
from torchproof.prose import alike
from torchproof.reports import Refusal
from torchproof.reports.code import refusals
from torchproof.reports.releases import defaults, replacements, since, withdrawn

# What calls give that were asked of both releases (reports/outcomes/), most felt first.
OUTCOMES = ("call refused", "another value", "another gradient", "another stream", "another error", "call warns",
            "call taken", "no longer warns")  # fmt: skip
KINDS = (
    "declared",
    "platform",
    "gone",
    "moved",
    "renamed",
    "replaced",
    "parameter gone",
    "parameter renamed",
    "parameter required",
    "parameters reordered",
    "value refused",
    "contract",
    "build",
    "refused",
    "package required",
    "parameter ignored",
    "default",
    "behaviour",
    *OUTCOMES[:-2],
    "no longer called",
    "another base",
    "deprecated",
    "warning",
    "no longer deprecated",
    "parameter optional",
    "parameter added",
    "value taken",
    "call taken",
    "no longer warns",
    "new",
)
# Every object has these: they do not go, and operators pass what they take.
_EVERYWHERE = frozenset(dir(object)) - {"__init__"}
# Of these, more is known than the inventory has.
_ASKED_FURTHER = defaults.names() | withdrawn.owners()
# The kinds of what is no change, but a mistake.
NEITHER = "works in neither"
NOWHERE = "no release has it"
STUCK = "no release runs it"
COMPARISON = "wrong comparison"
# What concerns the calls that `calls` says, whatever else uses the name.
BY_CALLS = frozenset({"behaviour", *OUTCOMES})
# Code that uses the name, or passes the parameter, stops to work.
BREAKING = frozenset(KINDS[KINDS.index("gone") : KINDS.index("package required")])


@dataclass(frozen=True)
class Change:
    """One change of one public name; `name` is what the older release calls it (the newer one, where it is new)."""

    kind: str
    name: str
    to: str = ""
    parameter: str = ""
    old: str | None = None
    new: str | None = None
    hint: str = ""  # what to do about it
    base: str | None = None  # the base class's member that changed alike
    spelling: bool = False  # only another spelling went, of what stands where it stood
    names: int = 0  # of a module: how many public names went, moved or came with it
    fact: str | None = None  # the id of the fact that says so
    subjects: tuple[str, ...] = ()  # of the fact: the names that it is about
    calls: str | None = None  # which calls of them or of the name it concerns, as torchproof.calls has it
    gain: bool = False  # of the fact: what it is about was refused before, or slower
    back: bool = False  # of a behaviour: what begins with a later release no longer holds, and the reverse
    since: str = ""  # of a behaviour: the release with which it changed
    until: str = ""  # of a behaviour that begins: the release in which it ends again
    parts: tuple[Change, ...] = ()  # of an entry that stands for several changes (reports/releases/entries.py)

    @property
    def breaks(self) -> bool:
        """Whether code that uses what changed stops to work."""
        return self.kind in BREAKING


def release(text: str, inventory: Inventory) -> str:
    """The supported release that a user means: '2.8' by 2.8, 2.8.0 or 2.8.1+cu128. Raises Refusal for another."""
    try:
        name = releases.named(text)
    except ValueError as error:
        raise Refusal(f"{error}; releases are written as in 2.8") from error
    if name not in inventory.releases:
        raise Refusal(f"torch {text} is not known here: {inventory.releases[0]} to {inventory.releases[-1]} are")
    return name


def changes(inventory: Inventory, old: str, new: str, package: str = "torch") -> list[Change]:
    """Every change between two releases, by kind, most felt first, then by name; `new` may be the older one.

    Of torch, or of a `package` that goes with it.
    """
    found = _Comparison(inventory, old, new, package).changes()
    if is_back(old, new):
        found = [_said_back(one, inventory, old, new) for one in found if one.kind != "no longer deprecated"]
    return sorted(found, key=lambda change: (KINDS.index(change.kind), change.name, change.parameter))


def is_back(old: str, new: str) -> bool:
    """Whether one goes from a release to an older one."""
    return releases.number(new) < releases.number(old)


def _said_back(change: Change, inventory: Inventory, old: str, new: str) -> Change:
    """A change to an older release, with the release that what is not there yet came with, or that took it away."""
    later = inventory.releases[inventory.releases.index(new) + 1 : inventory.releases.index(old) + 1]
    entries = [(release, inventory.find(change.name, release)) for release in later]
    if change.kind == "gone":
        came = next(release for release, entry in entries if entry and not entry.raises)
        return replace(change, hint=f"new in {came}; not in {new}")
    if change.kind == "parameter gone":
        named = (release for release, entry in entries if entry and _has(entry, change.parameter))
        return replace(change, hint=f"new in {next(named, old)}: {change.hint}")
    if change.kind == "new":
        went = next((release for release, entry in entries if not entry or entry.raises), old)
        return replace(change, hint=f"gone since {went}")
    return change


def _has(entry: Entry, parameter: str) -> bool:
    return any(parameter in _named(signature) for signature in entry.signatures)


class _Comparison:
    """Two releases: `before` and `after` are their public names, `moved` the old names that stand elsewhere."""

    def __init__(self, inventory: Inventory, old: str, new: str, package: str) -> None:
        self.inventory, self.old, self.new = inventory, old, new
        self.before, self.after = self._public(old, package), self._public(new, package)
        self.moved: dict[str, str] = {}

    def _public(self, release: str, package: str) -> dict[str, Entry]:
        public = self.inventory.public(release, package)
        return {name: entry for name, entry in public.items() if _is_told(name, entry)}

    def changes(self) -> list[Change]:
        self.moved = self._moves()
        found = [*self._lost(), *self._born()]
        for name, entry in self._pairs():
            found += compare(entry, self._there(name), self.old, self.new)
        kept = {name: entry for name, entry in self.before.items() if entry.alias is None and self._is_own(name)}
        return self._with_bases([*found, *besides(self.inventory, kept, self.old, self.new)])

    @cached_property
    def gone(self) -> set[str]:
        """The old names by which the newer release finds nothing."""
        missing = self.before.keys() - self.after.keys()
        return {name for name in missing if self.inventory.lacks(name, self.new)}

    @cached_property
    def born(self) -> set[str]:
        """The new names by which the older release finds nothing."""
        missing = self.after.keys() - self.before.keys()
        return {name for name in missing if self.inventory.lacks(name, self.old)}

    def _there(self, name: str) -> Entry | None:
        """What the newer release has of an old name, wherever it, or what it belongs to, stands now."""
        if name not in self.gone:
            return self.after.get(name) if self._is_own(name) else self.inventory.find(name, self.new)
        if name in self.moved:
            return self.inventory.find(self.moved[name], self.new)
        owner, _, member = name.rpartition(".")
        return self.inventory.find(f"{self.moved[owner]}.{member}", self.new) if owner in self.moved else None

    def _is_own(self, name: str) -> bool:
        return name in self.after and self.after[name].alias is None

    def _pairs(self) -> Iterator[tuple[str, Entry]]:
        """Each thing that both releases have, once, by the name and the state it had in the older one."""
        for name, entry in self.before.items():
            is_same = name not in self.gone and entry == self.after.get(name) and name not in _ASKED_FURTHER
            if entry.alias is None and not is_same:
                yield name, entry
        # A class that now has a member of its own where it had its base's.
        for name in self.after.keys() - self.before.keys() - self.born:
            entry = self.inventory.find(name, self.old)
            if self._is_own(name) and entry is not None and entry.kind:
                yield name, replace(entry, name=name)

    def _moves(self) -> dict[str, str]:
        """Where gone names stand now: under another spelling that the older release had, or where the same appeared."""
        spellings: dict[str, list[str]] = defaultdict(list)
        for name, entry in self.before.items():
            spellings[entry.alias or name].append(name)
        appeared: dict[str, list[str]] = defaultdict(list)
        for name in self.born:
            if self._is_own(name):
                appeared[name.rpartition(".")[2]].append(name)
        moves = {}
        for name in sorted(self.gone):
            canonical = self.before[name].alias or name
            kept = [one for one in spellings[canonical] if one not in self.gone]
            kept = [canonical] if canonical in kept else kept
            kept = kept or [one for one in appeared[name.rpartition(".")[2]] if self._is_same(canonical, one)]
            targets = {found.name for one in kept if (found := self.inventory.find(one, self.new))}
            if len(targets) == 1 and (self._is_spelling(name) or not is_private(min(targets))):
                moves[name] = targets.pop()
        return moves

    def _is_spelling(self, name: str) -> bool:
        """Whether a gone name was only another one of what is still found by its own, or was private anyway."""
        alias = self.before[name].alias
        return is_private(name) or (alias is not None and alias not in self.gone and not is_private(alias))

    def _is_same(self, name: str, appeared: str) -> bool:
        """Whether what appeared is what went: a function, class or module with the parameters that it had."""
        before, after = self.before.get(name), self.after[appeared]
        if before is None or before.kind != after.kind or before.kind not in ("function", "class", "module"):
            return False
        if not _are_near(_owner(name), _owner(appeared)) or "class" in (self._kind(name), self._kind(appeared)):
            return False
        if before.kind == "module":
            here, there = self._members(name, self.before), self._members(appeared, self.after)
            return 2 * len(here & there) > len(here)
        return _names(before) == _names(after)

    def _kind(self, name: str) -> str:
        """Of what the name belongs to."""
        owner = self.before.get(_owner(name)) or self.after.get(_owner(name))
        return owner.kind if owner else ""

    @staticmethod
    def _members(owner: str, names: dict[str, Entry]) -> set[str]:
        return {name[len(owner) + 1 :] for name in names if name.startswith(f"{owner}.")}

    def _lost(self) -> Iterator[Change]:
        """What is gone, moved or renamed, once: not the other spellings of it, and not what went with its owner."""
        sizes = _sizes(self.before)
        for name in sorted(self.gone):
            entry, owner = self.before[name], _owner(name)
            if self._is_told(entry.alias) or entry.raises:
                continue
            if name in self.moved:
                to = self.moved[name]
                if self.moved.get(owner) != _owner(to):
                    kind = "renamed" if _owner(to) == owner else "moved"
                    spelling = self._is_spelling(name)
                    yield Change(kind, name, to, hint=f"write {to}", names=sizes[name], spelling=spelling)
            elif self._there(name) is None and not is_private(name) and (owner not in self.gone or owner in self.moved):
                yield gone(name, self._last(name) or entry, sizes[name])

    def _is_told(self, canonical: str | None) -> bool:
        """Whether another spelling is told of: the one that the release itself gives it."""
        return canonical in self.gone and _owner(canonical) not in self.gone

    def _born(self) -> Iterator[Change]:
        """What is new, once: not what came with its owner, and not what only stands elsewhere now."""
        sizes = _sizes(self.after)
        origins: dict[str, list[str]] = defaultdict(list)
        for name, to in self.moved.items():
            origins[to].append(name)
        for name in sorted(self.born - origins.keys()):
            entry, (owner, _, member) = self.after[name], name.rpartition(".")
            if entry.raises or is_private(name):
                continue
            if entry.alias:  # of what is new itself, or of what there was
                if entry.alias not in self.born:
                    meant = self.inventory.find(entry.alias, self.new)  # which another package may have
                    yield Change("new", name, entry.alias, new=(meant and meant.kind) or None, spelling=True)
                continue
            if origins[owner]:
                came = any(f"{origin}.{member}" in self.before for origin in origins[owner])
            else:
                came = owner in self.born
            if not came:
                yield Change("new", name, new=entry.kind or None, names=sizes[name])

    def _last(self, name: str) -> Entry | None:
        """A name that is gone in its last release before the newer one, which may have words of deprecation."""
        releases = self.inventory.releases
        before = releases[: releases.index(self.new)] if self.new in releases else ()
        return next(filter(None, (self.inventory.find(name, release) for release in reversed(before))), None)

    def _with_bases(self, found: list[Change]) -> list[Change]:
        """The changes, each with the member of a base class that changed alike."""
        told = {replace(change, hint="", names=0) for change in found}
        return [replace(change, base=self._base(change, told)) for change in found]

    def _base(self, change: Change, told: set[Change]) -> str | None:
        owner, _, member = change.name.rpartition(".")
        for base in self._bases(owner):
            if replace(change, name=f"{base}.{member}", hint="", names=0) in told:
                return f"{base}.{member}"
        return None

    def _bases(self, cls: str) -> Iterator[str]:
        """The public classes above one, in either release."""
        for names in (self.before, self.after):
            for base in names[cls].bases if cls in names else ():
                yield base
                yield from self._bases(base)


_CONDITION = re.compile(r"\bwhen `(\w+=\w+)`")  # of a deprecation: the calls that it is about
# T, T_co: what only annotations use.
_TYPE_VARIABLE = re.compile(r"[a-z_.]+\.[A-Z](?:_co|_contra)?")


def gone(name: str, entry: Entry, names: int = 0) -> Change:
    """That a name is nowhere any more, with what stands for it, or what its last release says of it."""
    return Change("gone", name, hint=replacements.says(name) or entry.deprecated or "", names=names)


# --- what a signature does not say ------------------------------------------------------------------------------------


def besides(inventory: Inventory, kept: Mapping[str, Entry], old: str, new: str) -> Iterator[Change]:
    """What changed about names that both releases have, beside what they take; `kept` has what they were in the old."""
    yield from _packages(kept, old, new)
    yield from _ignored(kept, old, new)
    yield from _words(kept, old, new)
    for name in (name for name, entry in kept.items() if entry.kind == "class"):
        yield from _other_bases(inventory, name, old, new)


def _packages(names: Collection[str], old: str, new: str) -> Iterator[Change]:
    """What needs another package now."""
    for name, needed in since.began(since.packages(), old, new):
        if name in names:
            yield Change("package required", name, new=needed.package, hint=needed.says)


def _ignored(names: Collection[str], old: str, new: str) -> Iterator[Change]:
    """What may be passed as before, and does nothing now."""
    for name, one in since.began(since.ignored(), old, new):
        if name in names:
            yield Change("parameter ignored", name, parameter=one.parameter, hint=one.says, calls=one.calls)


def _words(names: Collection[str], old: str, new: str) -> Iterator[Change]:
    """The words that began or ceased to be taken."""
    for owner in (one for one in refusals.owners() if one in names):
        for parameter in refusals.parameters(owner):
            before, after = (refusals.refused(owner, parameter, release) for release in (old, new))
            for word in (one for one in after if one not in before):
                yield Change("value refused", owner, parameter=parameter, old=word, hint="pass another")
            for word in (one for one in before if one not in after):
                yield Change("value taken", owner, parameter=parameter, new=word)


def _other_bases(inventory: Inventory, name: str, old: str, new: str) -> Iterator[Change]:
    """The classes that are above it now and were not, and the reverse, of those that both releases have."""
    before, after = (_above(inventory, name, release, new) for release in (old, new))
    for base in sorted(after - before):
        if inventory.find(base, old):
            yield Change("another base", name, new=base, hint="where both are asked for, ask for it first")
    for base in sorted(before - after):
        if inventory.find(base, new):
            yield Change("another base", name, old=base)


def _above(inventory: Inventory, name: str, release: str, new: str) -> set[str]:
    """The classes above one in a release, as the newer release names them."""
    entry = inventory.find(name, release)
    bases = [base for base in (entry.bases if entry else ()) if is_of_torch(base)]
    found = (inventory.find(base, new) for base in bases)
    own = {there.name if there else base for base, there in zip(bases, found)}
    return own.union(*(_above(inventory, base, release, new) for base in bases))


def _is_told(name: str, entry: Entry) -> bool:
    """Whether changes of a name are news: not of what every object has, nor of what nobody is promised."""
    is_own = entry.kind == "setting" and is_private(name)
    is_variable = entry.kind == "attribute" and _TYPE_VARIABLE.fullmatch(name)
    return name.rpartition(".")[2] not in _EVERYWHERE and not (is_own or is_variable)


def _owner(name: str) -> str:
    return name.rpartition(".")[0]


def _sizes(names: dict[str, Entry]) -> Counter[str]:
    """How many public names of its own each module has, those of its modules included."""
    own = Counter(_owner(name) for name, entry in names.items() if entry.alias is None and not is_private(name))
    sizes: Counter[str] = Counter()
    for owner, count in own.items():
        above = owner
        while above:
            sizes[above] += count if above in names and names[above].kind == "module" else 0
            above = _owner(above)
    return sizes


def _are_near(old: str, new: str) -> bool:
    """Whether a thing of one module may have moved to the other: within a part of torch, or to one with fewer names."""
    before, after = old.split("."), new.split(".")
    return before[1:2] == after[1:2] or set(after) <= set(before)


def compare(before: Entry, after: Entry | None, old: str, new: str) -> Iterator[Change]:
    """What changed in a thing of two releases: its kind, parameters, defaults, warning and deprecation."""
    if after is None or not before.kind or not after.kind or before.raises:
        return
    if after.raises:
        yield Change("gone", before.name, hint=replacements.says(before.name) or after.refusal)
        return
    if {before.kind, after.kind} == {"method", "property"}:
        yield Change("replaced", before.name, old=before.kind, new=after.kind)
        return
    told = list(_parameters(before, after)) if before.signatures != after.signatures else []
    yield from _resolved(list(_deprecations(told, before, after, old, new)), before, after, old, new)
    if before.default and after.default and _differ(before.default, after.default):
        hint = f"set it to {before.default} to keep what it did"
        yield Change("default", before.name, old=before.default, new=after.default, hint=hint)
    if after.deprecated and not before.deprecated:
        yield Change("deprecated", before.name, new=after.deprecated)
    elif before.deprecated and not after.deprecated:
        yield Change("no longer deprecated", before.name, old=before.deprecated)
    elif before.deprecated and not before.warns:
        return  # whether it warned already nobody has asked
    elif after.warns and alike(before.warns) != alike(after.warns):
        yield Change("warning", before.name, old=before.warns, new=after.warns)


def _deprecations(told: list[Change], before: Entry, after: Entry, old: str, new: str) -> Iterator[Change]:
    """The changes of parameters, and those parameters of both releases that the newer one begins to call deprecated."""
    was, now = withdrawn.parameters(before.name, old), withdrawn.parameters(after.name, new)
    for change in told:
        words = now.get(change.parameter) if change.kind == "deprecated" else None
        yield replace(change, new=words) if words else change
    changed = {change.parameter for change in told if change.kind in ("deprecated", "parameter gone")}
    for parameter in sorted(now.keys() - was.keys() - changed):
        if _has(before, parameter) and _has(after, parameter):
            calls = _CONDITION.search(now[parameter])
            yield Change("deprecated", before.name, parameter=parameter, new=now[parameter],
                         hint="do not pass it", calls=calls and calls[1])  # fmt: skip


def _resolved(told: list[Change], before: Entry, after: Entry, old: str, new: str) -> Iterator[Change]:
    """The changes of parameters, with defaults by what they stand for: None may be what it was, or no longer be."""
    for change in told:
        if change.kind != "default":
            yield change
            continue
        was = defaults.meant(before.name, change.parameter, change.old or "", old)
        now = defaults.meant(after.name, change.parameter, change.new or "", new)
        if was is None or now is None:  # it may stand for the same: nothing to advise
            yield replace(change, hint="")
        elif _differ(was, now):
            yield _another_default(change.name, change.parameter, (change.old, was), (change.new, now))
    parameters = {name for one in (before, after) for signature in one.signatures for name in _named(signature)}
    for parameter in sorted(parameters - {change.parameter for change in told}):
        for text, was, now in defaults.resolved_anew(after.name, parameter, old, new):
            yield _another_default(before.name, parameter, (text, was), (text, now))


def _another_default(name: str, parameter: str, old: tuple[str | None, str], new: tuple[str | None, str]) -> Change:
    """A default that changed: the texts, each with what it stands for. The advice is what keeps what it did."""
    was, now = (text if text == means else f"{text} ({means})" for text, means in (old, new))
    is_advised = defaults.is_expression(old[1]) and not defaults.is_deprecated(name, parameter)
    hint = f"pass {parameter}={old[1]} to keep what it did" if is_advised else ""
    calls = defaults.matters(name, parameter)
    return Change("default", name, parameter=parameter, old=was, new=now, hint=hint, calls=calls)


def _parameters(before: Entry, after: Entry) -> Iterator[Change]:
    """The changed parameters, as Python tells them; where it cannot, as the operator's schema does.

    Documentation is late and loose: alone it can only add a parameter, which the schema did not have before.
    """
    source = "" if _of(before, "") and _of(after, "") else "op"
    told = list(_between(before.name, _of(before, source), _of(after, source)))
    if source:  # of overloads with the same names the schema that counts may be another one
        unsure = ("parameter optional", "parameter required")
        told = [one for one in told if one.kind not in unsure and one.new != "keyword only"]
    yield from told
    if not source:
        return
    known = {one for signature in before.signatures for one in _named(signature)}
    known.update(change.parameter for change in told)
    for change in _between(before.name, _of(before, "doc"), _of(after, "doc")):
        if change.kind == "parameter added" and change.parameter not in known:
            yield change


def _of(entry: Entry, source: str) -> list[Signature]:
    return [one for one in entry.signatures if one.source == source]


def _named(signature: Signature) -> dict[str, Parameter]:
    """The parameters that can be told apart by name, in order: without the rest of the arguments."""
    return {one.name: one for one in signature.parameters if "*" not in one.kind}


def _takes(signature: Signature, stars: str) -> bool:
    return any(one.kind == stars for one in signature.parameters)


def _names(entry: Entry) -> list[list[str]]:
    return [list(_named(signature)) for signature in entry.signatures]


def _between(name: str, old: list[Signature], new: list[Signature]) -> Iterator[Change]:
    """The changes between two sets of overloads; those that both have say nothing."""
    if not (old and new):
        return
    lost = [one for one in old if one.parameters not in [other.parameters for other in new]]
    came = [one for one in new if one.parameters not in [other.parameters for other in old]]
    if len(lost) == 1 and len(came) == 1:
        yield from _Signatures(name, lost[0], came[0]).changes()
    else:
        had = {parameter: one for signature in old for parameter, one in _named(signature).items()}
        has = {parameter: one for signature in new for parameter, one in _named(signature).items()}
        if not any(_takes(one, "**") for one in new):
            yield from (_gone(name, one) for one in had.values() if one.name not in has and _is_passed_by_name(one))
        if not any(_takes(one, "**") for one in old):
            yield from (_added(name, one) for one in has.values() if one.name not in had and one.name[0] != "_")
        for parameter in had.keys() & has.keys():
            was, now = (_defaults(parameter, signatures) for signatures in (old, new))
            before, after = (one.pop() if len(one) == 1 else None for one in (was, now))
            if before and after and _differ(before, after):
                yield Change("default", name, parameter=parameter, old=before, new=after)


def _defaults(parameter: str, signatures: list[Signature]) -> set[str | None]:
    """The defaults that a parameter has in the overloads that take it."""
    return {named[parameter].default for one in signatures if parameter in (named := _named(one))}


def _is_passed_by_name(parameter: Parameter) -> bool:
    """Whether the name of a parameter can matter: bindings without names of their own count arg0, arg1."""
    named = not (re.fullmatch(r"_.*|arg\d+", parameter.name) or keyword.iskeyword(parameter.name))
    return named and parameter.kind != "positional-only"


def _gone(name: str, parameter: Parameter, hint: str = "do not pass it") -> Change:
    hint = replacements.says_of(name, parameter.name) or hint
    return Change("parameter gone", name, parameter=parameter.name, old=parameter.default, hint=hint)


def _added(name: str, parameter: Parameter) -> Change:
    return Change("parameter added", name, parameter=parameter.name, new=parameter.default)


class _Signatures:
    """One signature before and after."""

    def __init__(self, name: str, before: Signature, after: Signature) -> None:
        self.name, self.before, self.after = name, before, after
        self.old, self.new = _named(before), _named(after)
        self.renamed = dict(self._renamed())
        self.lost = [one for one in self.old if one not in self.new and one not in self.renamed]
        self.came = [one for one in self.new if one not in self.old and one not in self.renamed.values()]

    def changes(self) -> Iterator[Change]:
        if not (self.old and self.new) and (_takes(self.before, "*") or _takes(self.after, "*")):
            return  # a wrapper hides the parameters
        if not _takes(self.after, "**"):
            yield from (_gone(self.name, self.old[one], self._without(one)) for one in self.lost)
        for one, to in self.renamed.items():
            if _is_passed_by_name(self.old[one]) and _is_passed_by_name(self.new[to]):
                yield Change("parameter renamed", self.name, to, one, hint=f"pass {to}=")
        came = (self._arrived(one) for one in self.came if not one.startswith("_"))
        yield from (change for change in came if not (change.breaks and _takes(self.before, "**")))
        yield from self._reordered()
        for one in self.old:
            if one not in self.lost:
                yield from self._default(self.old[one], self.new[self.renamed.get(one, one)])

    def _renamed(self) -> Iterator[tuple[str, str]]:
        """What went and what came at the same place, with the same default: alone, or under a like name.

        What must be passed is the same thing where what stands around it is the same.
        """
        old, new = self._positional(self.old), self._positional(self.new)
        went = [(place, *one) for place, one in enumerate(zip(old, new)) if self._is_renamed(*one)]
        alone = len(went) == len(self.old.keys() - self.new.keys()) == 1
        for place, one, to in went:
            before, behind = slice(max(place - 1, 0), place), slice(place + 1, place + 2)
            is_between = self.old[one].default is None and len(old) > 1
            is_between = is_between and all(old[side] == new[side] for side in (before, behind))
            if alone or is_between or difflib.SequenceMatcher(None, one, to).ratio() > 0.6:
                yield one, to

    def _is_renamed(self, one: str, to: str) -> bool:
        return one not in self.new and to not in self.old and self.old[one].default == self.new[to].default

    @staticmethod
    def _positional(parameters: dict[str, Parameter]) -> list[str]:
        return [one.name for one in parameters.values() if one.kind.startswith("positional")]

    def _without(self, parameter: str) -> str:
        order, now = self._positional(self.old), self._positional(self.new)
        place = order.index(parameter) if parameter in order else len(now)
        if place < len(now) and (here := now[place]) not in self.old and self.new[here].default is None:
            return f"pass {here} in its place"
        follows = parameter in order and any(one in self.new for one in order[order.index(parameter) + 1 :])
        return "do not pass it, and pass what follows it by keyword" if follows else "do not pass it"

    def _arrived(self, parameter: str) -> Change:
        came = self.new[parameter]
        if came.default is None:
            return Change("parameter required", self.name, parameter=parameter, hint="pass it")
        return _added(self.name, came)

    def _reordered(self) -> Iterator[Change]:
        """What a call by position means otherwise, or is refused for."""
        if _takes(self.after, "*"):
            return
        old = [self.renamed.get(one, one) for one in self._positional(self.old) if one not in self.lost]
        new = self._positional(self.new)
        for one in old:
            if one not in new:
                yield Change("parameters reordered", self.name, parameter=one, new="keyword only", hint=f"pass {one}=")
        old = [one for one in old if one in new]
        if new[: len(old)] == old:
            return
        first = next(place for place, one in enumerate(old) if new[place] != one)
        told = Change("parameters reordered", self.name, hint="pass them by keyword")
        if new[first] in old:
            yield replace(told, old=", ".join(old[first:]), new=", ".join(one for one in new[first:] if one in old))
        else:
            hint = told.hint if self.new[new[first]].default else f"pass {new[first]} before {old[first]}"
            yield replace(told, parameter=new[first], new=f"before {old[first]}", hint=hint)

    def _default(self, before: Parameter, after: Parameter) -> Iterator[Change]:
        if before.default is None and after.default is not None:
            yield Change("parameter optional", self.name, parameter=before.name, new=after.default)
        if before.default is None or before.default == after.default or "deprecated" in before.default.lower():
            return
        if after.default is None:
            yield Change("parameter required", self.name, parameter=after.name, old=before.default, hint="pass it")
        elif "deprecated" in after.default.lower():
            yield Change("deprecated", self.name, parameter=after.name, new="it is deprecated", hint="do not pass it")
        elif _differ(before.default, after.default):
            yield Change("default", self.name, parameter=after.name, old=before.default, new=after.default)


def _differ(before: str, after: str) -> bool:
    """Whether two defaults are two values, rather than one that is written in two ways or not told."""
    if any(one == "..." or one.startswith("<") for one in (before, after)):
        return False
    was, now = _value(before), _value(after)
    return was != now and not (_is_member(before, now) or _is_member(after, was))


def _is_member(default: str, word: object) -> bool:
    """Whether a default is the member of an enumeration that stands for a word: BILINEAR for 'bilinear'."""
    member = default.rpartition(".")[2]
    is_enumeration = "." in default and member.isupper() and isinstance(word, str)
    return is_enumeration and member.lower() == str(word).replace("-", "_")


def _value(default: str) -> object:
    try:
        value = ast.literal_eval(re.sub(r"torch\.device\(type=('\w+')\)", r"\1", default))
    except (ValueError, SyntaxError):
        return default
    return tuple(value) if isinstance(value, list) else value
