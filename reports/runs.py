"""A run as reports see it: read from its record, counted by topic and verdict."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from fixtures.records import FAILED, PYTEST, read

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
class Result:
    """One fact with its last verdict: `fact` has the fields of `--facts-json` and its documentation link."""

    fact: dict[str, Any]
    verdict: str
    seconds: float = 0.0
    reason: str | None = None
    assertion: str | None = None
    finding: str | None = None
    numbers: dict[str, float] | None = None

    @property
    def id(self) -> str:
        """The fact's stable name."""
        return self.fact["id"]

    @property
    def test(self) -> str:
        """Its id without parameters: that of the test which is written once."""
        return self.id.partition("[")[0]

    @property
    def counted(self) -> str:
        """What it counts as: its verdict, or `known` where a finding explains that it is broken."""
        return "known" if self.finding else self.verdict

    @property
    def exception(self) -> str | None:
        """The kind of exception that a `differs` was judged by; another kind on another release is suspicious."""
        return self.reason.partition(":")[0] if self.verdict == "differs" and self.reason else None

    @property
    def again(self) -> str:
        """The command that runs this one fact again."""
        return f"{PYTEST} --fact '{self.id}'"


@dataclass(frozen=True)
class Planted:
    """A fault that was planted on `on` (a name, or an ATen operator) while a fact ran, and whether it noticed."""

    id: str
    on: str
    fault: str
    says: str
    noticed: bool

    @property
    def kind(self) -> str:
        """The fault without what of the call it broke."""
        return self.fault.partition(":")[0]

    @property
    def is_of_a_kernel(self) -> bool:
        """Whether an operator was broken, whatever the subject of the fact."""
        return self.on.startswith("aten::")


@dataclass(frozen=True)
class Run:
    """One record: what ran where, every result by id, and whether the run came to its end.

    `observed` has what facts saw and nobody promises, by the fact's id and a name.
    """

    path: Path
    torch: str
    environment: dict[str, Any]
    results: dict[str, Result] = field(default_factory=dict)
    planted: list[Planted] = field(default_factory=list)
    kernels: list[Planted] = field(default_factory=list)
    observed: dict[tuple[str, str], Any] = field(default_factory=dict)
    complete: bool = False
    wall: float | None = None

    @property
    def release(self) -> str:
        """The release without patch and build: '2.6'."""
        return ".".join(self.torch.split(".")[:2])

    def counts(self) -> dict[str, Counter[str]]:
        """How many facts of each topic have each verdict; topics in alphabetical order."""
        counted: dict[str, Counter[str]] = defaultdict(Counter)
        for result in self.results.values():
            counted[result.fact["topic"]][result.counted] += 1
        return dict(sorted(counted.items()))

    def totals(self) -> Counter[str]:
        """How many facts have each verdict."""
        return Counter(result.counted for result in self.results.values())

    def to_look_at(self) -> list[Result]:
        """What failed and no finding explains, by verdict and id."""
        failed = [result for result in self.results.values() if result.counted in FAILED]
        return sorted(failed, key=lambda result: (FAILED.index(result.verdict), result.id))

    def explained(self) -> list[Result]:
        """What is broken, and known: a finding says why."""
        return [result for result in self.results.values() if result.finding]

    def undecided(self) -> dict[tuple[str, str], list[Result]]:
        """What this machine could not decide, by verdict and reason; the most frequent first."""
        grouped: dict[tuple[str, str], list[Result]] = defaultdict(list)
        for result in self.results.values():
            if result.verdict in ("unavailable", "unsupported", "inconclusive"):
                grouped[result.verdict, result.reason or ""].append(result)
        return dict(sorted(grouped.items(), key=lambda group: -len(group[1])))

    def slowest(self, count: int = 5) -> list[Result]:
        """The facts that took longest."""
        return sorted(self.results.values(), key=lambda result: -result.seconds)[:count]


def load(path: Path) -> Run:
    """The run of a record. Raises RecordError where the file is no record that this version reads."""
    lines = read(path)
    first, last = lines[0], lines[-1]
    facts = {line["id"]: line for line in lines if line["kind"] == "fact"}
    verdicts = {line["id"]: line for line in lines if line["kind"] == "verdict"}
    names = ("verdict", "seconds", "reason", "assertion", "finding", "numbers")
    results = {
        identity: Result(facts[identity], **{name: line[name] for name in names if name in line})
        for identity, line in verdicts.items()
        if identity in facts
    }
    faults = {(line["id"], line["on"], line["fault"]): line for line in lines if line["kind"] == "fault"}
    planted = [
        Planted(*key, line.get("says", ""), line["noticed"]) for key, line in faults.items() if key[0] in results
    ]
    return Run(
        path=path,
        torch=first["torch"]["version"],
        environment=first["environment"],
        results=results,
        planted=[one for one in planted if not one.is_of_a_kernel],
        kernels=[one for one in planted if one.is_of_a_kernel],
        observed={(line["id"], line["name"]): line["value"] for line in lines if line["kind"] == "observation"},
        complete=last["kind"] == "end",
        wall=_seconds_between(first.get("started"), last.get("ended")),
    )


def _seconds_between(started: str | None, ended: str | None) -> float | None:
    if not (started and ended):
        return None
    form = "%Y-%m-%dT%H:%M:%S%z"
    return (datetime.strptime(ended, form) - datetime.strptime(started, form)).total_seconds()
