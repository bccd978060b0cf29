"""Two saved sets of benchmarks compared, of other dates or machines: unpaired, and so with a wider bar.

Nothing here was measured side by side, and the launch is the unit (see statistics.py). By how much launches differ is
in the files only where a side has several; what is known of it otherwise (LAUNCH) counts as much as WEIGHT launches.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean, median

from torchproof.reports import Refusal
from torchproof.reports.costs.comparison import Benchmark, Comparison, Failed, Figures, Side
from torchproof.reports.costs.saved import WIDE, Result, Saved, load
from torchproof.reports.costs.statistics import Estimate, Judged, judge

# The standard deviation of the logarithm of a benchmark's median time over launches of the same build, by clock. On a
# busy machine of two cores it was 0.05 by the thread's CPU time (root mean square over 152 benchmarks in five launches,
# 0.2 for the worst) and 0.25 by the wall clock (12 operators in ten launches); one day to the next adds to that. With
# these figures none of 1,520 comparisons of a launch with another was called slower or faster.
LAUNCH, WEIGHT = {"thread": 0.1, "wall": 0.25}, 20
ALPHA = 0.05


def compare_saved(a: Path, b: Path) -> Comparison:
    """Compare what pytest-benchmark saved: each side a JSON file, or a folder of them, a launch each.

    Raises Refusal where a file is none of ours, a side mixes versions of torch or machines, or the sides share nothing.
    """
    sides = [_side(path) for path in (a, b)]
    common = [one for one in _of(sides[0]) if one in _of(sides[1])]
    if not common:
        raise Refusal(f"{a} and {b} have no benchmark in common")
    missing = [
        Failed(one, name, f"is not in {path}")
        for name, path, here, there in (("b", b, sides[1], sides[0]), ("a", a, sides[0], sides[1]))
        for one in _of(there)
        if one not in _of(here)
    ]
    return Comparison(
        mode="saved",
        complete=True,
        paired=False,
        seconds=None,
        threshold=WIDE - 1,
        alpha=ALPHA,
        fail_slower=None,
        rounds=min(len(side) for side in sides),
        seed=None,
        a=_described(sides[0]),
        b=_described(sides[1]),
        benchmarks=_judged(common, *sides),
        failed=missing,
    )


def _side(path: Path) -> list[Saved]:
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    if not files:
        raise Refusal(f"{path} has no JSON file")
    launches = [load(file) for file in files]
    for what in ("torch", "cpu"):
        if len(kinds := sorted({getattr(launch, what) for launch in launches})) > 1:
            raise Refusal(
                f"the files in {path} are launches of one build on one machine, but here are {' and '.join(kinds)}"
            )
    return launches


def _described(launches: Sequence[Saved]) -> Side:
    first = launches[0]
    days = sorted({launch.date[:10] for launch in launches})
    told = f"{len(launches)} launch{'es' * (len(launches) > 1)}, {' to '.join(days[:1] + days[1:][-1:])}, {first.cpu}"
    return Side(first.torch, first.environment["python"], {"where": told, **first.environment})


def _of(launches: Sequence[Saved]) -> list[str]:
    """The ids of the benchmarks that every launch has."""
    return [one for one in launches[0].results if all(one in launch.results for launch in launches)]


def _judged(common: list[str], a: Sequence[Saved], b: Sequence[Saved]) -> list[Benchmark]:
    """The benchmarks that both sides have, with their verdicts."""
    pairs = [([launch.results[one] for launch in a], [launch.results[one] for launch in b]) for one in common]
    judged = judge([_estimate(*pair) for pair in pairs], WIDE - 1, ALPHA)
    return [_benchmark(*pair, one) for pair, one in zip(pairs, judged)]


def _estimate(a: Sequence[Result], b: Sequence[Result]) -> Estimate:
    """The ratio of b to a, with a result a launch on each side."""
    logs = [[math.log(result.seconds) for result in side] for side in (a, b)]
    scatter = sum((log - fmean(side)) ** 2 for side in logs for log in side)
    degrees = WEIGHT + len(a) - 1 + len(b) - 1
    known = LAUNCH.get(a[0].info.get("clock") or "wall", LAUNCH["wall"])
    launch = (WEIGHT * known**2 + scatter) / degrees
    error = math.sqrt(sum((launch + fmean(result.error**2 for result in side)) / len(side) for side in (a, b)))
    return Estimate(fmean(logs[1]) - fmean(logs[0]), error, degrees)


def _benchmark(a: Sequence[Result], b: Sequence[Result], judged: Judged) -> Benchmark:
    newest = a[-1]
    return Benchmark(
        id=newest.id,
        claim=newest.claim,
        subjects=newest.info.get("subjects", []),
        parameters=newest.parameters,
        clock=newest.info.get("clock"),
        times=[],
        seconds_a=median(result.seconds for result in a),
        seconds_b=median(result.seconds for result in b),
        **asdict(judged),
        figures={"a": _figures(newest), "b": _figures(b[-1])},
        moves=newest.info.get("moves"),
        flops=newest.info.get("flops"),
    )


def _figures(result: Result) -> Figures:
    return Figures(
        peak_bytes=result.peak_bytes,
        resident_bytes=result.info.get("resident_bytes"),
        kernels=result.kernels,
        route=result.route,
        share=result.share,
    )
