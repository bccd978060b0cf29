"""The record of a comparison: one JSON document, which other programs read. Needs no torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from torchproof.reports import Refusal

SCHEMA = 1
VERDICTS = ("slower", "faster", "undecided", "same")  # in the order in which people want to read them


@dataclass(frozen=True)
class Side:
    """One side: the version of its torch, its Python, and the `environment` of a run record."""

    torch: str
    python: str | None = None
    environment: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Figures:
    """What is counted exactly in one call on one side, None where it cannot be told; `route` names the kernels taken.

    `share` is that of the machine's ceiling, which only saved benchmarks know.
    """

    peak_bytes: int | None = None
    resident_bytes: int | None = None
    kernels: int | None = None
    route: list[str] | None = None
    share: float | None = None


@dataclass(frozen=True)
class Contrast:
    """A ratio of times with its interval, and one of VERDICTS."""

    ratio: float
    low: float
    high: float
    verdict: str


@dataclass(frozen=True)
class Benchmark:
    """One benchmark on both sides.

    `times` are seconds a call, a row `[a1, b, a2]` a round; `seconds_a` and `seconds_b` their medians. `ratio` is b
    over a, with the interval `low` to `high`; `p` is of the hypothesis that it is 1; `visible` is the smallest
    slowdown that this run was to see nine times in ten, as a ratio. `itself` compares a2 with a1, and is called
    `self` in the JSON. `figures` are those of `a` and of `b`. `moves` and `flops` are the work of one call, where the
    benchmark says it. What an unpaired comparison cannot know is None, and its `times` are empty.
    """

    id: str
    claim: str
    subjects: list[str]
    parameters: dict[str, Any]
    clock: str | None
    times: list[list[float]]
    seconds_a: float
    seconds_b: float
    ratio: float
    low: float
    high: float
    p: float | None
    verdict: str
    visible: float | None = None
    itself: Contrast | None = None
    figures: dict[str, Figures] = field(default_factory=lambda: {"a": Figures(), "b": Figures()})
    moves: float | None = None
    flops: float | None = None

    @property
    def shares(self) -> tuple[float, float] | None:
        """The shares of the ceilings of `a` and of `b`, where both are known."""
        a, b = self.figures["a"].share, self.figures["b"].share
        return None if a is None or b is None else (a, b)


@dataclass(frozen=True)
class Failed:
    """A benchmark that could not be measured, on which side (`a`, `b`, or both: `ab`), and why in a sentence."""

    id: str
    side: str
    reason: str


@dataclass(frozen=True)
class Comparison:
    """A whole comparison. `complete` is false where it was interrupted; `rounds` counts the launches of each worker."""

    mode: str
    complete: bool
    paired: bool
    seconds: float | None
    threshold: float
    alpha: float
    fail_slower: float | None
    rounds: int
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

    Raises Refusal where the file is not such a record, or one of a newer schema; OSError where it cannot be read.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["kind"] == "comparison" and document["schema"] > SCHEMA:
            raise Refusal(f"{path} has schema {document['schema']}, and this version reads up to {SCHEMA}")
        return _comparison(document)
    except (ValueError, LookupError, TypeError) as error:
        raise Refusal(f"{path} is not the record of a comparison") from error


def _comparison(document: Mapping[str, Any]) -> Comparison:
    fields = {name: value for name, value in document.items() if name not in ("kind", "schema")}
    fields["a"], fields["b"] = Side(**fields["a"]), Side(**fields["b"])
    fields["benchmarks"] = [_benchmark(dict(benchmark)) for benchmark in fields["benchmarks"]]
    fields["failed"] = [Failed(**failed) for failed in fields["failed"]]
    return Comparison(**fields)


def _benchmark(fields: dict[str, Any]) -> Benchmark:
    itself = fields.pop("self")
    figures = {side: Figures(**counted) for side, counted in fields.pop("figures").items()}
    return Benchmark(**fields, itself=Contrast(**itself) if itself else None, figures=figures)
