"""Saved benchmarks and comparisons as data: small, and in the format of the real ones."""

from __future__ import annotations

import json

from torchproof.reports.costs.comparison import Benchmark, Comparison, Contrast, Figures, Side


def save(path, torch, *results, cpu="A <fast> CPU", date="2026-01-01T10:00:00", noise=0.001):
    """A file of pytest-benchmark of this torch with results `(id, seconds)` or `(id, seconds, more)`."""
    benchmarks = []
    for identity, seconds, *more in results:
        stats = {"median": seconds, "iqr": noise * seconds, "rounds": 100}
        info = {
            "id": identity,
            "claim": f"The claim of {identity}.",
            "parameters": {},
            "clock": "thread",
            **dict(*more),
        }
        benchmarks.append({"name": identity, "params": None, "extra_info": info, "stats": stats})
    content = {
        "machine_info": {"torch": torch},
        "datetime": date,
        "benchmarks": benchmarks,
        "environment": {"cpu": cpu, "python": "3.11.7"},
        "ceilings": [{"device": "cpu", "threads": 1, "copy": {"16384": 2e11}, "product": {"float32": 8e10}}],
    }
    path.write_text(json.dumps(content))
    return path


def compared(identity, ratio, verdict, width=1.02, a=None, b=None, itself=1.0):
    """One benchmark with an interval of this width on each side of the ratio, and figures of both sides."""
    return Benchmark(
        id=identity,
        claim=f"The claim of {identity}.",
        subjects=["torch.sum"],
        parameters={},
        clock="thread",
        times=[],
        seconds_a=1e-3,
        seconds_b=1e-3 * ratio,
        ratio=ratio,
        low=ratio / width,
        high=ratio * width,
        p=0.5,
        verdict=verdict,
        visible=1.06,
        itself=Contrast(itself, itself / width, itself * width, "same"),
        figures={"a": Figures(**a or {}), "b": Figures(**b or {})},
    )


def comparison(*benchmarks, **more):
    """A comparison of these benchmarks of 2.8 and 2.15."""
    fields = {
        "mode": "quick",
        "complete": True,
        "paired": True,
        "seconds": 412.0,
        "threshold": 0.05,
        "alpha": 0.05,
        "fail_slower": None,
        "rounds": 4,
        "seed": 1,
        "a": Side("2.8.0+cpu", "3.11.7", {"cpu": "A <fast> CPU"}),
        "b": Side("2.15.0+cpu", "3.11.7", {"cpu": "A <fast> CPU"}),
    }
    return Comparison(**{**fields, **more}, benchmarks=list(benchmarks))
