"""Asks probes in child processes: one that dies or hangs is told as its probe's error, and the rest go on."""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from torchproof.reports import Refusal
from torchproof.reports.processes import Child

CHILD = Path(__file__).with_name("child.py")
STACK = "TORCHPROOF_STACK"  # names the file for the Python stack of a child that dies of a signal
# Seconds. Importing torch for the first time reads gigabytes from a disk that may be slow.
LIMITS = {"build": 180.0}
LIMIT = 60.0


@dataclass(frozen=True)
class Raised:
    """One exception of a chain: its `text`, the `file` that raised it, and how the one before it came of it.

    `link` is 'cause' where it was raised from this one, 'context' while this one was handled, '' of the first.
    """

    text: str
    file: str = ""
    link: str = ""


@dataclass(frozen=True)
class Answer:
    """What a probe told, or in `error` what it failed or died of; `chain` is what raised that, itself first."""

    probe: str
    value: Any = None
    error: str | None = None
    chain: tuple[Raised, ...] = ()


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
    stack = _file()
    # One core is measured, and the threads that a system's OpenBLAS has of its own are none that torch can set.
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", STACK: stack.name if stack else ""}
    child = Child([sys.executable, str(CHILD), *probes], environment=environment)
    left = list(probes)
    try:
        while left:
            limit = LIMITS.get(left[0], LIMIT)
            line = child.line(limit)
            if line is None:
                error = child.death() if child.has_ended else f"no answer within {limit:.0f} s"
                yield Answer(left[0], error=error, chain=(Raised(error, _top(stack)),))
                return
            told = _told(line)
            if len(told) > 1:
                left.remove(told["probe"])
                chain = tuple(Raised(**one) for one in told.get("chain", []))
                yield Answer(told["probe"], told.get("answer"), told.get("error"), chain)
    finally:
        child.end()
        if stack:
            stack.close()


def _told(line: str) -> dict[str, Any]:
    """What a line of a child tells; nothing where it is of what Python imports before the child's own code runs."""
    try:
        told = json.loads(line)
    except ValueError:
        return {}
    return told if isinstance(told, dict) and "probe" in told else {}


def _file() -> IO[str] | None:
    """An empty file that goes when it is closed; None where none can be written, which has a check of its own."""
    try:
        return tempfile.NamedTemporaryFile("r", errors="replace")
    except OSError:
        return None


def _top(stack: IO[str] | None) -> str:
    """The file of the Python code that ran when a signal ended the process, which may be another package's."""
    text = stack.read().partition("(most recent call first)")[2] if stack else ""
    return next(iter(re.findall(r'^  File "([^"<]+)", line', text, re.MULTILINE)), "")
