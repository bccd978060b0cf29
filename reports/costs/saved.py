"""Saved benchmarks as reports see them: a JSON file of pytest-benchmark in which our benchmarks are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypedDict

from torchproof import data
from torchproof.data import Amount, Count, Damaged, Name, Positive, Rule, Version
from torchproof.facts import id_now
from torchproof.records import Processor
from torchproof.releases import number
from torchproof.reports import Refusal

# No call takes longer than a year, nor less than a clock can tell apart.
Seconds = Annotated[float, Rule("seconds that a call can take", lambda value: 1e-15 < value < 3.2e7)]
# Times that were not measured side by side say little where they differ by less than this factor.
WIDE = 1.25


class _Declared(TypedDict):
    id: Name


class Info(_Declared, total=False):
    """What fixtures/benchmarks.py says of a benchmark; there is more in it."""

    claim: str | None
    subjects: list[str]
    parameters: dict[str, Any] | None
    clock: str | None
    share: Amount | None
    peak_bytes: Count | None
    resident_bytes: Count | None
    kernels: Count | None
    route: str | None
    moves: Amount | None
    flops: Amount | None


class Stats(TypedDict):
    """What pytest-benchmark measured, in seconds; there is more in it."""

    median: Seconds
    iqr: Amount
    rounds: Annotated[int, Rule("1 or more", lambda value: value > 0)]


class Ceiling(TypedDict):
    """What a machine could do at most: bytes a second by how many are copied, and flops a second by dtype."""

    device: str
    threads: Count
    copy: Annotated[dict[str, Positive], Rule("by numbers of bytes", lambda value: all(map(_is_count, value)))]
    product: dict[str, Amount | None]


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19


@dataclass(frozen=True)
class Result:
    """One saved benchmark: `info` is what fixtures/benchmarks.py says of it, `stats` what pytest-benchmark measured."""

    info: Info
    stats: Stats

    @property
    def id(self) -> str:
        """Its stable name, `functional.reductions.of_a_vector[float32]` say."""
        return id_now(self.info["id"])

    @property
    def topic(self) -> str:
        """The folder of suites/ that it is in."""
        return self.id.partition(".")[0]

    @property
    def claim(self) -> str:
        """What it measures, in a sentence."""
        return self.info.get("claim") or ""

    @property
    def parameters(self) -> dict[str, Any]:
        """Its parameters by name."""
        return self.info.get("parameters") or {}

    @property
    def seconds(self) -> float:
        """The median time of a call."""
        return self.stats["median"]

    @property
    def share(self) -> float | None:
        """The share of what the machine can do at most."""
        return self.info.get("share")

    @property
    def peak_bytes(self) -> int | None:
        """The most memory that torch's allocator had given out during a call."""
        return self.info.get("peak_bytes")

    @property
    def kernels(self) -> int | None:
        """How many operators ran."""
        return self.info.get("kernels")

    @property
    def route(self) -> list[str] | None:
        """Which libraries' kernels a call comes to, None where that is not known."""
        route = self.info.get("route")
        return None if route is None else [name for name in route.split(", ") if name]

    @property
    def error(self) -> float:
        """The standard error of the logarithm of `seconds`, were the rounds of this one launch independent.

        That of a median is 1.253 standard deviations over the root of the number of rounds, and the standard deviation
        of what is about normal 1/1.349 of the distance of its quartiles, which a few interrupted rounds leave alone.
        """
        return 1.253 / 1.349 * self.stats["iqr"] / self.seconds / math.sqrt(self.stats["rounds"])


@dataclass(frozen=True)
class Saved:
    """One file: a launch of pytest with one torch on one machine, whose `environment` is that of a run record.

    `ceilings` are what the machine could do at most then: bytes a second of a `copy` by how many it moves, and flops a
    second of a `product` by dtype.
    """

    path: Path
    torch: str
    date: str
    environment: dict[str, Any]
    ceilings: list[Ceiling]
    results: dict[str, Result]

    @property
    def release(self) -> tuple[int, ...]:
        """The version of torch as numbers, by which files are sorted."""
        return number(self.torch)

    @property
    def cpu(self) -> str:
        """The processor."""
        return self.environment["cpu"]


class _Machine(TypedDict):
    torch: Version


@dataclass(frozen=True)
class _File:
    machine_info: _Machine
    datetime: Name
    environment: Processor
    ceilings: list[Ceiling]


@dataclass(frozen=True)
class _Entry:
    extra_info: Info
    stats: Stats


def load(path: Path) -> Saved:
    """The benchmarks that pytest-benchmark saved there.

    Raises Damaged or Refusal, in one sentence, where the file cannot be read or holds no benchmark of ours.
    """
    text = data.read_bytes(path)
    try:
        content = data.parsed(text)
    except Damaged as error:
        raise Refusal(f"{path} was not written by pytest-benchmark: it {error.says}") from error
    if not (isinstance(content, dict) and "machine_info" in content and isinstance(content.get("benchmarks"), list)):
        raise Refusal(f"{path} was not written by pytest-benchmark")
    ours = {f"benchmarks[{at}]": one for at, one in enumerate(content["benchmarks"]) if _is_ours(one)}
    if not ours:
        raise Refusal(
            f"{path} has no benchmark that @bench declares: pytest --benchmarks --benchmark-json={path.name} saves such"
        )
    try:
        said = data.made(_File, content)
        entries = [data.made(_Entry, one, field) for field, one in ours.items()]
    except Damaged as error:
        raise error.at(path) from None
    results = [Result(one.extra_info, one.stats) for one in entries]
    return Saved(
        path=path,
        torch=said.machine_info["torch"],
        date=said.datetime,
        environment={**said.environment},
        ceilings=said.ceilings,
        results={result.id: result for result in results},
    )


def _is_ours(benchmark: object) -> bool:
    info = benchmark.get("extra_info") if isinstance(benchmark, dict) else None
    return isinstance(info, dict) and "id" in info
