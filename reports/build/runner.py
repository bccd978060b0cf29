"""Asks probes in child processes: one that dies or hangs is told as its probe's error, and the rest go on."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torchproof.reports import Refusal
from torchproof.reports.processes import Child

CHILD = Path(__file__).with_name("child.py")
# Seconds. Importing torch for the first time reads gigabytes from a disk that may be slow.
LIMITS = {"build": 180.0}
LIMIT = 60.0


@dataclass(frozen=True)
class Answer:
    """What a probe told, or in `error` what it failed or died of."""

    probe: str
    value: Any = None
    error: str | None = None


def ask(probes: Sequence[str]) -> Iterator[Answer]:
    """The answer of each probe in order, asked in as few processes as they leave alive."""
    waiting = list(probes)
    while waiting:
        for answer in _child(waiting):
            waiting.remove(answer.probe)
            yield answer


def _child(probes: Sequence[str]) -> Iterator[Answer]:
    if not sys.executable:
        raise Refusal("this Python does not know where its own program is, so it cannot start another")
    child = Child([sys.executable, str(CHILD), *probes])
    left = list(probes)
    try:
        while left:
            limit = LIMITS.get(left[0], LIMIT)
            line = child.line(limit)
            if line is None:
                error = child.death() if child.has_ended else f"no answer within {limit:.0f} s"
                yield Answer(left[0], error=error)
                return
            told = json.loads(line)
            if len(told) > 1:
                left.remove(told["probe"])
                yield Answer(told["probe"], told.get("answer"), told.get("error"))
    finally:
        child.end()
