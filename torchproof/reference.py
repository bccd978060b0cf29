"""What each fact was in every supported release, as it was proven here. Needs neither torch nor pytest.

Reads `reference.tsv`, which `nox -s reference` makes of the records of its runs. Lines with tabs between fields:

    releases, torch, python, numpy, capability
                        on the first lines: what ran, and which instruction set torch's kernels used
    id                  a fact without its parameters; what follows is of it
    <tab>history<tab>parameters<tab>parameters…
                        with which parameters it has this history: 'differs 2.0-2.4, holds 2.4-', in spans as those of
                        the inventory. A release is in none of them where nothing was decided
    <tab>=<tab>parameters<tab>name<tab>value spans<tab>value spans…
                        what it saw, and nobody promises: counts of graphs, what a seed gives

A verdict is `known` where a finding says why it is broken.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import compress, groupby
from pathlib import Path

from torchproof.data import Damaged
from torchproof.facts import id_now, test_of
from torchproof.inventory import within
from torchproof.records import FAILED
from torchproof.releases import named

VERSION = "torchproof reference 1"
FILE = Path(__file__).parent / "reference.tsv"
ASKED = ("torch", "python", "numpy", "capability")


@dataclass(frozen=True)
class Reference:
    """By id the verdict in each release that decided it, and what was seen under a name; of each release what ran."""

    asked: dict[str, dict[str, str]] = field(default_factory=dict)
    verdicts: dict[str, dict[str, str]] = field(default_factory=dict)
    seen: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)

    def on(self, version: str) -> dict[str, str]:
        """The verdicts on the release that a version of torch is of, by id; none where it was not asked."""
        release = _release(version)
        return {name: by_release[release] for name, by_release in self.verdicts.items() if release in by_release}

    def elsewhere(self, identity: str, version: str) -> str:
        """What a fact that failed on this version is with the same release elsewhere, in words; '' where unknown."""
        release = _release(version)
        verdict = self.verdicts.get(identity, {}).get(release)
        if verdict is None:
            return ""
        return f"elsewhere: {verdict} ({self.where(version)})"

    def histories(self, test: str) -> dict[str, list[str]]:
        """Of a fact without parameters, what it was over the releases, in words, and with which parameters."""
        found: dict[str, list[str]] = defaultdict(list)
        for identity, by_release in self._by_test.get(test, {}).items():
            found[self._in_words(by_release)].append(identity.removeprefix(test).strip("[]"))
        return dict(found)

    @cached_property
    def _by_test(self) -> dict[str, dict[str, dict[str, str]]]:
        found: dict[str, dict[str, dict[str, str]]] = defaultdict(dict)
        for identity, by_release in self.verdicts.items():
            found[test_of(identity)][identity] = by_release
        return found

    def _in_words(self, by_release: dict[str, str]) -> str:
        """'differs 2.0 to 2.3, holds 2.4 to 2.15'."""
        releases = [release for release in self.asked if release in by_release]
        alike = [(verdict, [*group]) for verdict, group in groupby(releases, by_release.__getitem__)]
        return ", ".join(f"{verdict} {' to '.join(dict.fromkeys((of[0], of[-1])))}" for verdict, of in alike)

    def where(self, version: str) -> str:
        """With what the release of a version was asked, in words."""
        ran = self.asked[_release(version)]
        return f"torch {ran['torch']}, Python {ran['python']}, NumPy {ran['numpy']}, {ran['capability']}"

    def is_new(self, identity: str, version: str) -> bool:
        """Whether what fails on this version does not with the same release elsewhere."""
        return self.verdicts.get(identity, {}).get(_release(version), FAILED[0]) not in FAILED


def _release(version: str) -> str:
    try:
        return named(version)
    except ValueError:  # a build that counts in another way
        return ""


@cache
def reference() -> Reference:
    """The reference that came with this torchproof."""
    return read(FILE)


def read(path: Path) -> Reference:
    """The reference that a file is. Raises Damaged where it is none that this version reads."""
    lines = iter(path.read_text(encoding="utf-8").splitlines())
    if (version := next(lines, "")) != VERSION:
        raise Damaged(f"is no reference that this version reads: it starts with {version[:40]!r}").at(path)
    releases, *ran = (tuple(next(lines).split(" ")[1:]) for _ in ("releases", *ASKED))
    found = Reference({release: dict(zip(ASKED, said)) for release, *said in zip(releases, *ran)})
    name = ""
    for line in lines:
        if not line.startswith("\t"):
            name = line
            continue
        _, head, *fields = line.split("\t")
        if head == "=":
            parameters, what, *values = fields
            found.seen[id_now(name + parameters), what] = dict(_spread(values, releases))
            continue
        by_release = dict(_spread(head.split(", "), releases))
        for parameters in fields:
            found.verdicts[id_now(name + parameters)] = by_release
    return found


def _spread(states: list[str], releases: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Each release with its state, of states with their spans."""
    for said in states:
        state, _, spans = said.rpartition(" ")
        yield from ((release, state) for release in compress(releases, within(spans, releases)))
