"""The record of a comparison: one JSON document, which other programs read. Needs no torch."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from torchproof import data
from torchproof.data import Amount, Count, Damaged, Name, Positive, Rule, Version

SCHEMA = 1
VERDICTS = ("slower", "faster", "undecided", "same")  # in the order in which people want to read them
Verdicts = Literal["slower", "faster", "undecided", "same"]
_BOTH = Rule("of a and b", lambda value: {"a", "b"} <= value.keys())


@dataclass(frozen=True)
class Side:
    """One side: the version of its torch, its Python, and the `environment` of a run record."""

    torch: Version
    python: str | None = None
    environment: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Figures:
    """What is counted exactly in one call on one side, None where it cannot be told; `route` names the kernels taken.

    `share` is that of the machine's ceiling, which only saved benchmarks know.
    """

    peak_bytes: Count | None = None
    resident_bytes: Count | None = None
    kernels: Count | None = None
    route: list[str] | None = None
    share: Amount | None = None


@dataclass(frozen=True)
class Contrast:
    """A ratio of times with its interval, and one of VERDICTS."""

    ratio: Positive
    low: Amount
    high: Positive
    verdict: Annotated[str, Verdicts]


@dataclass(frozen=True)
class Benchmark:
    """One benchmark on both sides.

    `times` are seconds a call, a row `[a1, b, a2]` a round; `seconds_a` and `seconds_b` their medians. `ratio` is b
    over a, with the interval `low` to `high`; `p` is of the hypothesis that it is 1; `visible` is the smallest
    slowdown that this run was to see nine times in ten, as a ratio. `itself` compares a2 with a1, and is called
    `self` in the JSON. `figures` are those of `a` and of `b`. `moves` and `flops` are the work of one call, where the
    benchmark says it. What an unpaired comparison cannot know is None, and its `times` are empty.
    """

    id: Name
    claim: str
    subjects: list[str]
    parameters: dict[str, Any]
    clock: str | None
    times: list[list[Amount]]
    seconds_a: Amount
    seconds_b: Amount
    ratio: Positive
    low: Amount
    high: Positive
    p: float | None
    verdict: Annotated[str, Verdicts]
    visible: float | None = None
    itself: Contrast | None = field(default=None, metadata={"said": "self"})
    figures: Annotated[dict[str, Figures], _BOTH] = field(default_factory=lambda: {"a": Figures(), "b": Figures()})
    moves: Amount | None = None
    flops: Amount | None = None

    @property
    def shares(self) -> tuple[float, float] | None:
        """The shares of the ceilings of `a` and of `b`, where both are known."""
        a, b = self.figures["a"].share, self.figures["b"].share
        return None if a is None or b is None else (a, b)


@dataclass(frozen=True)
class Failed:
    """A benchmark that could not be measured, on which side (`a`, `b`, or both: `ab`), and why in a sentence."""

    id: Name
    side: Annotated[str, Literal["a", "b", "ab"]]
    reason: str


@dataclass(frozen=True)
class Comparison:
    """A whole comparison. `complete` is false where it was interrupted; `rounds` counts the launches of each worker."""

    mode: str
    complete: bool
    paired: bool
    seconds: Amount | None
    threshold: Amount
    alpha: Amount
    fail_slower: Positive | None
    rounds: Count
    seed: int | None
    a: Side
    b: Side
    benchmarks: list[Benchmark]
    failed: list[Failed] = field(default_factory=list)

    @property
    def too_slow(self) -> list[Benchmark]:
        """The benchmarks that are slower by `fail_slower` or more; none where no such bound was given."""
        bound = self.fail_slower
        return [b for b in self.benchmarks if bound is not None and b.verdict == "slower" and b.ratio >= bound]

    def as_json(self) -> dict[str, Any]:
        """The document."""
        document = {"kind": "comparison", "schema": SCHEMA, **asdict(self)}
        for benchmark in document["benchmarks"]:
            benchmark["self"] = benchmark.pop("itself")
        return document

    def write(self, path: Path) -> None:
        """Write the document into a file, whose folder is made where it is missing."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.as_json(), indent=1) + "\n", encoding="utf-8")


def read(path: Path) -> Comparison:
    """The comparison that a file records.

    Raises Damaged where the file cannot be read, is not such a record, or one of a newer schema.
    """
    said = data.parsed(data.read_bytes(path), path)
    if not isinstance(said, dict) or said.get("kind") != "comparison":
        raise Damaged("is not the record of a comparison", path=path)
    try:
        if (schema := data.made(int, said.get("schema"), "schema")) > SCHEMA:
            raise Damaged(f"has schema {schema}, and this version reads up to {SCHEMA}")
        return data.made(Comparison, said)
    except Damaged as error:
        raise error.at(path) from None
