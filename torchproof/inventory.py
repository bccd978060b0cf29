"""What each supported release of torch has: its names with their kinds, parameters and words of deprecation.

And what else its wheel brings (functorch, torchgen), and what the torchvision and torchaudio have that go with it, as
torchproof/releases.toml says. Reads `inventory.tsv`, which `nox -s inventory` makes from the releases themselves. Needs
no torch. Lines with tabs between their fields:

    owner                                     a module or a public class; what follows are its members
    <tab>member<tab>spans<tab>state …         a member, the releases that have it in this state, and the state
    <tab><tab>spans<tab>state …               another state of the same member, in other releases

`spans` is empty for all releases; '2.4-' reads 'since 2.4', '2.0-2.9' 'until 2.9', with commas between. A state is no
field at all where the name is only known to exist (it is private, or was read from a file that was not imported), and
what such a class has is not told; `=name` where it is another spelling of a public name; else the kind and then fields:

    (…) doc(…) op(…)   a signature, as `inspect` gives it; as documented, or as the operators' schemas have it, where
                       Python cannot be asked: each tells what the other may leave out
    <bases             of a class; of one outside torch anything may be inherited
    *words             that `**kwargs` takes, where no others are taken
    >type              what a call returns, or an attribute is: a class of torch, a built-in, a tuple of them, `Self`
    =text              the default of a setting
    !words             of deprecation
    %category: words   of the warning that a call gives whatever happens; without words where they are those after `!`
    ^words             of the error that a call raises whatever happens
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from torchproof.prose import prose

# Whose names it knows: torch, and what is released along with it. (The wheels of 2.0 and 2.1 have an nvfuser too, which
# is a package of its own since.)
IN_WHEEL = ("functorch", "torch", "torchgen")
PACKAGES = (*IN_WHEEL, "torchaudio", "torchvision")
VERSION = "torchproof inventory 2"
# What a field of a state tells, by the mark it begins with; signatures have none.
MARKS = {"<": "bases", "*": "takes", ">": "returns", "=": "default", "!": "deprecated", "%": "warns", "^": "raises"}
_READABLE = ("torchproof inventory 1", VERSION)  # the first one had fewer fields
FILE = Path(__file__).parent / "inventory.tsv"


@dataclass(frozen=True)
class Parameter:
    """One parameter: `default` is the text of its default value, None where it has none."""

    name: str
    default: str | None
    kind: str  # 'positional-only', 'positional', 'keyword', '*' or '**'


@dataclass(frozen=True)
class Signature:
    """One way to call something: `source` is '' for Python itself, 'doc' or 'op'."""

    source: str
    text: str

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """In order, without `self`."""
        return tuple(_parameters(self.text))


@dataclass(frozen=True)
class Entry:
    """A name in one release. `kind` is '' where it is only known to exist.

    `returns` is the type that a call gives, or that an attribute has; `default` is of a setting; `warns` and `raises`
    are what a call does whatever happens: it gives the warning 'category: words', or only raises an error. `takes` are
    the words that its `**kwargs` takes, where others are refused.
    """

    name: str
    kind: str = ""
    signatures: tuple[Signature, ...] = ()
    bases: tuple[str, ...] = ()
    deprecated: str | None = None
    alias: str | None = None
    returns: str | None = None
    default: str | None = None
    warns: str | None = None
    raises: str | None = None
    takes: str | None = None

    @property
    def refusal(self) -> str:
        """What it raises in short: mostly that it was removed, and what to use instead; examples come later."""
        return " ".join(re.split(r"(?<=[.!]) (?=[`A-Z])", self.raises or "")[:2])

    @property
    def rest(self) -> tuple[Parameter, ...]:
        """The words that its `**kwargs` takes, where those are known, as parameters."""
        return tuple(Parameter(one, None, "**") for one in (self.takes or "").split())

    @property
    def is_public(self) -> bool:
        """Whether the release itself counts it as its own: facts can be about it."""
        return bool(self.kind or self.alias)


def _alike(one: str, other: str) -> float:
    """From 0 to 1."""
    return difflib.SequenceMatcher(None, other, one).ratio()


class Inventory:
    """The names of all supported releases, read from the text of the data file.

    Raises ValueError where the text is no inventory that this version reads.
    """

    def __init__(self, text: str) -> None:
        version, _, rest = text.partition("\n")
        if version not in _READABLE:
            raise ValueError(f"it is no inventory that this version reads: it starts with {version[:40]!r}")
        head, _, self._text = rest.partition("\n")
        self._text = "\n" + self._text
        self.releases: tuple[str, ...] = tuple(head.split()[1:])
        self._owners: dict[str, dict[str, list[tuple[str, str]]]] = {}

    def entry(self, name: str, release: str) -> Entry | None:
        """What the release has under exactly this dotted name; None where it has nothing. Inherited names are not."""
        owner, _, member = name.rpartition(".")
        if not owner:
            is_there = name == "torch" or any(self.entry(f"{name}.{one}", release) for one in self._members(name))
            return Entry(name, "module") if is_there else None
        for spans, state in self._members(owner).get(member, ()):
            if self._spans(spans)[self.releases.index(release)]:
                return _entry(name, state)
        return None

    def state(self, owner: str, member: str, release: str) -> str | None:
        """The state of a member in a release, as the file has it: other files of the same form have other states."""
        if release not in self.releases:
            return None
        position = self.releases.index(release)
        states = self._members(owner).get(member, ())
        return next((state for spans, state in states if self._spans(spans)[position]), None)

    @cache  # noqa: B019 - there is one inventory in a process
    def find(self, name: str, release: str) -> Entry | None:
        """What a program gets by this dotted name: through aliases, from base classes and for attributes of both."""
        found = self.entry(name, release)
        if found is None and "." in name:
            owner, _, member = name.rpartition(".")
            above = self.find(owner, release)
            found = self._inherited(above, member, release) if above else None
        seen = {name}
        while found is not None and found.alias and found.alias not in seen:
            seen.add(found.alias)
            found = self.entry(found.alias, release) or found
        return found

    def _inherited(self, above: Entry, member: str, release: str) -> Entry | None:
        """`member` of what an owner stands for, or of a base class of it."""
        for name in (above.name, *above.bases):
            if found := self.entry(f"{name}.{member}", release):
                return found
        for base in above.bases:
            if (one := self.find(base, release)) and (found := self._inherited(one, member, release)):
                return found
        return None

    def history(self, name: str) -> list[tuple[str, Entry | None]]:
        """What `find` gives in each release, in the order of releases."""
        return [(release, self.find(name, release)) for release in self.releases]

    def lacks(self, name: str, release: str) -> bool:
        """Whether a release certainly has no such name: of a class that is only known to exist, no member is known."""
        if self.find(name, release) is not None:
            return False
        owner = name.rpartition(".")[0]
        above = self.find(owner, release)
        is_unknown = above is not None and not above.kind
        return not (is_unknown and any(entry and entry.kind == "class" for _, entry in self.history(owner)))

    def public(self, release: str, package: str = "torch") -> dict[str, Entry]:
        """Every public name of a release, aliases included, by name."""
        return {name: _entry(name, state) for name, state in self.states(release, package) if state}

    def everything(self, release: str, package: str = "torch") -> Iterator[tuple[str, Entry]]:
        """Every name of a release, private ones too: torch's own, or those of a package that goes with it."""
        return ((name, _entry(name, state)) for name, state in self.states(release, package))

    def states(self, release: str, package: str = "torch") -> Iterator[tuple[str, str]]:
        """Every name of a release with its state as the file has it; empty of what is only known to exist."""
        position = self.releases.index(release)
        return (
            (name, state) for name, spans, state in self._lines(package) if not spans or self._spans(spans)[position]
        )

    @cache  # noqa: B019 - there is one inventory in a process
    def _lines(self, package: str) -> list[tuple[str, str, str]]:
        """What the lines about a package tell: the dotted name, the spans and the state."""
        found = []
        owner = member = ""
        for line in filter(None, self._part(package).split("\n")):
            if line[0] != "\t":
                owner = line
                continue
            _, name, spans, *state = line.split("\t", 3)
            member = name or member
            found.append((f"{owner}.{member}", spans, state[0] if state else ""))
        return found

    def owners(self) -> list[str]:
        """What has members, in the order of the file."""
        return list(self._starts)

    def members(self, owner: str) -> list[str]:
        """The names of what a module or class itself has in any release, without the owner's."""
        return list(self._members(owner))

    def spans(self, name: str) -> list[bool]:
        """Whether each release has exactly this public name, in the order of releases."""
        entries = [self.entry(name, release) for release in self.releases]
        return [entry is not None and entry.is_public for entry in entries]

    def near(self, name: str) -> list[str]:
        """Names of any release that look like this one: for messages."""
        owner, _, member = name.rpartition(".")
        if here := difflib.get_close_matches(member, self._members(owner), n=3, cutoff=0.7):
            least = _alike(member, here[0]) - 0.1
            return [f"{owner}.{one}" for one in here if _alike(member, one) >= least]
        owners = [line for line in self._text.split("\n") if line and line[0] != "\t"]
        return [
            f"{one}.{member}" for one in difflib.get_close_matches(owner, owners, n=3) if member in self._members(one)
        ]

    def _members(self, owner: str) -> dict[str, list[tuple[str, str]]]:
        """The spans and states of each member of an owner; only what is asked for is read."""
        if owner not in self._owners:
            members: dict[str, list[tuple[str, str]]] = {}
            name = ""
            for line in self._block(self._starts[owner]) if owner in self._starts else ():
                _, here, spans, *state = line.split("\t", 3)
                name = here or name
                members.setdefault(name, []).append((spans, state[0] if state else ""))
            self._owners[owner] = members
        return self._owners[owner]

    def _part(self, package: str) -> str:
        """The lines about a package; they stand one package after the other."""
        starts = {one: self._text.find(f"\n{one}\n") for one in PACKAGES}
        starts["torch"] = max(starts["torch"], 0)
        after = [start for start in starts.values() if start > starts[package]]
        return self._text[starts[package] + 1 : min(after, default=None)] if starts[package] >= 0 else ""

    @cached_property
    def _starts(self) -> dict[str, int]:
        """Where the members of each owner begin."""
        return {match[1]: match.end() for match in re.finditer(r"^([^\t\n]+)\n(?=\t)", self._text, re.MULTILINE)}

    def _block(self, start: int) -> list[str]:
        """The lines with a tab that stand from here on."""
        end = start
        while self._text.startswith("\t", end):
            end = self._text.find("\n", end) + 1 or len(self._text)
        return self._text[start:end].rstrip("\n").split("\n")

    def _spans(self, spans: str) -> list[bool]:
        return within(spans, self.releases)


@cache
def within(spans: str, releases: tuple[str, ...]) -> list[bool]:
    """Whether each release is in the spans, as data files write them; all are where there are none."""
    if not spans:
        return [True] * len(releases)
    having = [False] * len(releases)
    for span in spans.split(","):
        since, _, until = span.partition("-")
        first = releases.index(since)
        last = releases.index(until) if until else len(releases)
        having[first:last] = [True] * (last - first)
    return having


@cache
def inventory() -> Inventory:
    """The inventory of the supported releases."""
    return Inventory(FILE.read_text(encoding="utf-8"))


@cache
def first_with(names: tuple[str, ...]) -> str:
    """The first supported release that has every one of the public `names`; the newest where none has all at once.

    Names of other packages are in none's way. Raises KeyError where no supported release has a name.
    """
    releases = inventory().releases
    latest = 0
    for name in filter(is_of_torch, names):
        having = inventory().spans(name)
        if True not in having:
            raise KeyError(name)
        latest = max(latest, having.index(True))
    return releases[latest]


def is_private(name: str) -> bool:
    """Whether a part of the name starts with an underscore, so that torch promises nothing about it."""
    return "._" in name and any(part.startswith("_") and not part.endswith("__") for part in name.split("."))


@cache
def is_of_torch(name: str) -> bool:
    """Whether torch, or what is released along with it, is to have a name, and not another package."""
    return name.partition(".")[0] in PACKAGES


def unknown(name: str) -> str | None:
    """None where a supported release has the public name; else the names that look like it, for the message."""
    if not is_of_torch(name) or any(inventory().spans(name)):
        return None
    near = inventory().near(name)
    return f"; did you mean {' or '.join(near)}?" if near else ""


@cache  # most names are the same in many releases
def _entry(name: str, state: str) -> Entry:
    if not state:
        return Entry(name)
    kind, *fields = state.split("\t")
    if kind[0] == "=":
        return Entry(name, alias=kind[1:])
    signatures = []
    told: dict[str, str] = {}
    for one in fields:
        if one[0] in MARKS:
            told[MARKS[one[0]]] = one[1:]
        else:
            source, _, text = one.partition("(")
            signatures.append(Signature(source, text[:-1]))
    bases = tuple(told.pop("bases").split(",")) if "bases" in told else ()
    told.update({field: _said(field, told[field]) for field in _SAID if field in told})
    if told.get("warns", ":").isidentifier():
        told["warns"] += f": {told.get('deprecated', _SAID['deprecated'])}"
    return Entry(name, kind, tuple(signatures), bases, **told)


# The words of torch, with what stands for them where nothing is left of them.
_SAID = {"deprecated": "it is deprecated", "warns": "", "raises": "it is refused"}


def _said(field: str, text: str) -> str:
    """Words of torch in plain words; of a warning the category stays, alone where nothing is left of the rest."""
    category, colon, words = text.partition(": ") if field == "warns" else ("", "", text)
    words = prose(words)
    return (f"{category}{colon}{words}" if words else category) or _SAID[field]


def _parameters(text: str) -> Iterator[Parameter]:
    kind = "positional"
    parts = list(split(text))
    for place, part in enumerate(parts):
        name, _, default = part.partition("=")
        if part == "*":
            kind = "keyword"
        elif part == "/":
            continue
        elif part.startswith("*"):
            stars = "**" if part.startswith("**") else "*"
            yield Parameter(name.lstrip("*"), None, stars)
            kind = "keyword"
        else:
            before = kind == "positional" and "/" in parts[place:]
            yield Parameter(name, default if "=" in part else None, "positional-only" if before else kind)


def split(text: str) -> Iterator[str]:
    """The parts between the commas that stand in no brackets and in no string."""
    depth, quote, part = 0, "", ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        elif character == "," and depth == 0:
            yield part.strip()
            part = ""
            continue
        part += character
    if part.strip():
        yield part.strip()
