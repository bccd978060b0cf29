"""Saved benchmarks as reports see them: a JSON file of pytest-benchmark in which our benchmarks are."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torchproof.releases import number
from torchproof.reports import Refusal

# Times that were not measured side by side say little where they differ by less than this factor.
WIDE = 1.25


@dataclass(frozen=True)
class Result:
    """One saved benchmark: `info` is what fixtures/benchmarks.py says of it, `stats` what pytest-benchmark measured."""

    info: dict[str, Any]
    stats: dict[str, float]

    @property
    def id(self) -> str:
        """Its stable name, `functional.reductions.of_a_vector[float32]` say."""
        return self.info["id"]

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
    ceilings: list[dict[str, Any]]
    results: dict[str, Result]

    @property
    def release(self) -> tuple[int, ...]:
        """The version of torch as numbers, by which files are sorted."""
        return number(self.torch)

    @property
    def cpu(self) -> str:
        """The processor."""
        return self.environment["cpu"]


def load(path: Path) -> Saved:
    """The benchmarks that pytest-benchmark saved there.

    Raises Refusal, in one sentence, where the file cannot be read or holds no benchmark of ours.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Refusal(f"{path} cannot be read: {error.strerror}") from error
    except ValueError:
        content = None
    if not (isinstance(content, dict) and "machine_info" in content and isinstance(content.get("benchmarks"), list)):
        raise Refusal(f"{path} was not written by pytest-benchmark")
    try:
        return _saved(path, content)
    except LookupError as error:
        raise Refusal(
            f"{path} has no benchmark that @bench declares: pytest --benchmarks --benchmark-json={path.name} saves such"
        ) from error


def _saved(path: Path, content: dict[str, Any]) -> Saved:
    """What a file of ours holds. Raises LookupError where it is none."""
    ours = [Result(one["extra_info"], one["stats"]) for one in content["benchmarks"] if "id" in one["extra_info"]]
    if not ours:
        raise LookupError
    return Saved(
        path=path,
        torch=content["machine_info"]["torch"],
        date=content["datetime"],
        environment=content["environment"],
        ceilings=content["ceilings"],
        results={result.id: result for result in ours},
    )
