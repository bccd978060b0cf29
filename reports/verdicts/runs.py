"""A run as reports see it: read from its record, counted by topic and verdict."""

from __future__ import annotations

import shlex
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from torchproof import data, packages
from torchproof.records import FAILED, FactLine, Head, Observation, Planted, Record, Verdict, counting, read
from torchproof.reference import reference
from torchproof.reports import screen

# In the order of the columns: what holds first, then what to look at, then what was not decided. `known` is `broken`
# that a finding explains.
VERDICTS = (
    "holds",
    "known",
    *FAILED,
    "differs",
    "absent",
    "unavailable",
    "unsupported",
    "inconclusive",
)


@dataclass(frozen=True)
class Run:
    """One record: what ran where, every fact with its verdict, and whether the run came to its end.

    `rounds` has the verdicts of each fact, several where the run was repeated.
    `observed` has what facts saw and nobody promises, by the fact's id and a name.
    """

    path: Path
    head: Head
    facts: dict[str, FactLine]
    results: dict[str, Verdict] = field(default_factory=dict)
    rounds: dict[str, list[Verdict]] = field(default_factory=dict)
    planted: list[Planted] = field(default_factory=list)
    kernels: list[Planted] = field(default_factory=list)
    observed: dict[tuple[str, str], Any] = field(default_factory=dict)
    complete: bool = False
    wall: float | None = None
    gaps: str = ""  # what of the record could not be read

    @property
    def torch(self) -> str:
        """The version of torch."""
        return self.head.torch["version"]

    @property
    def environment(self) -> dict[str, Any]:
        """What the record says of the machine."""
        return self.head.environment

    @property
    def processor(self) -> str:
        """The CPU, and the instruction set that torch's kernels used of it; older records do not say which."""
        used = self.environment.get("capability")
        return f"{self.environment['cpu']} ({used})" if used else self.environment["cpu"]

    @property
    def beside(self) -> str:
        """The packages that its facts require, in the versions that were there: 'timm 1.0.31, transformers 5.24.0'."""
        here = self.environment.get("packages", {})
        names = sorted({packages.name_of(one) for fact in self.facts.values() for one in fact.requires})
        return ", ".join(f"{name} {here[name]}" for name in names if name in here)

    def again(self, result: Verdict) -> str:
        """The command that runs this one fact again."""
        return f"{self.head.command} --fact {shlex.quote(result.id)}"

    def on(self) -> str:
        """The command that goes on with the run."""
        return f"{self.head.command} --resume={shlex.quote(data.line(self.path))}"

    @property
    def release(self) -> str:
        """The release without patch and build: '2.6'."""
        return ".".join(self.torch.split(".")[:2])

    def counts(self) -> dict[str, Counter[str]]:
        """How many facts of each topic have each verdict; topics in alphabetical order."""
        counted: dict[str, Counter[str]] = defaultdict(Counter)
        for result in self.results.values():
            counted[self.facts[result.id].topic][result.counted] += 1
        return dict(sorted(counted.items()))

    def totals(self) -> Counter[str]:
        """How many facts have each verdict."""
        return Counter(result.counted for result in self.results.values())

    def to_look_at(self) -> list[Verdict]:
        """What failed and no finding explains: what does not elsewhere comes first, then by verdict and id."""
        failed = [result for result in self.results.values() if result.counted in FAILED]

        def place(result: Verdict) -> tuple[bool, int, str]:
            is_new = reference().is_new(result.id, self.torch)
            return not is_new, FAILED.index(result.verdict), result.id

        return sorted(failed, key=place)

    def elsewhere(self, result: Verdict) -> str:
        """What its fact is with the same release elsewhere, in words; '' where that is not known."""
        return reference().elsewhere(result.id, self.torch)

    def explained(self) -> list[Verdict]:
        """What is broken, and known: a finding says why."""
        return [result for result in self.results.values() if result.finding]

    def undecided(self) -> dict[tuple[str, str], list[Verdict]]:
        """What this machine could not decide, by verdict and reason; the most frequent first."""
        grouped: dict[tuple[str, str], list[Verdict]] = defaultdict(list)
        for result in self.results.values():
            if result.verdict in ("unavailable", "unsupported", "inconclusive"):
                grouped[result.verdict, result.reason or ""].append(result)
        return dict(sorted(grouped.items(), key=lambda group: -len(group[1])))

    @property
    def is_repeated(self) -> bool:
        """Whether a fact ran in more than one round."""
        return any(len(said) > 1 for said in self.rounds.values())

    @property
    def spent(self) -> float:
        """The seconds that all rounds of all facts took."""
        return sum(result.seconds for said in self.rounds.values() for result in said)

    def slowest(self, count: int = 5) -> list[Verdict]:
        """The facts that took longest."""
        return sorted(self.results.values(), key=lambda result: -result.seconds)[:count]


def load(path: Path) -> Run:
    """The run of a record. Raises RecordError where the file is no record that this version reads."""
    record = read(path)
    facts = {line.id: line for line in record.of(FactLine)}
    rounds = {identity: said for identity, said in record.rounds().items() if identity in facts}
    results = {identity: counting(said) for identity, said in rounds.items()}
    faults = {(line.id, line.broken): line for line in record.of(Planted) if line.id in results}
    return Run(
        path=path,
        head=record.head,
        facts=facts,
        results=results,
        rounds=rounds,
        planted=[line for line in faults.values() if not line.is_of_a_kernel],
        kernels=[line for line in faults.values() if line.is_of_a_kernel],
        observed={(line.id, line.name): line.value for line in record.of(Observation)},
        complete=record.end is not None,
        wall=_seconds_between(record.head.started, record.end.ended if record.end else None),
        gaps="; ".join(filter(None, [record.gaps, _without_facts(record, facts)])),
    )


def _without_facts(record: Record, facts: dict[str, FactLine]) -> str:
    """How many verdicts are not shown, since no line says what they are of."""
    count = len({line.id for line in record.of(Verdict)} - facts.keys())
    return f"{screen.counted(count, 'verdict')} left out, of facts that no line describes" if count else ""


def _seconds_between(started: str | None, ended: str | None) -> float | None:
    if not (started and ended):
        return None
    seconds = (datetime.strptime(ended, data.TIME) - datetime.strptime(started, data.TIME)).total_seconds()
    return seconds if seconds >= 0 else None  # the clock was set back meanwhile
