"""Asks probes in child processes: one that dies or hangs is told as its probe's error, and the rest go on."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reports import Refusal

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
    process = _start(probes)
    lines: queue.Queue[str] = queue.Queue()
    last_words: deque[str] = deque(maxlen=20)
    readers = [_read(process.stdout, lines.put), _read(process.stderr, last_words.append)]
    left = list(probes)
    try:
        while left:
            line = _line(lines, process, LIMITS.get(left[0], LIMIT))
            if line is None:
                ended = process.poll() is not None
                readers[1].join(1)
                yield Answer(left[0], error=_death(process.returncode, last_words) if ended else _hang(left[0]))
                return
            told = json.loads(line)
            if len(told) > 1:
                left.remove(told["probe"])
                yield Answer(told["probe"], told.get("answer"), told.get("error"))
    finally:
        _end(process)


def _start(probes: Sequence[str]) -> subprocess.Popen[str]:
    if not sys.executable:
        raise Refusal("this Python does not know where its own program is, so it cannot start another")
    try:
        return subprocess.Popen(
            [sys.executable, str(CHILD), *probes],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,  # so that the workers of a probe that hangs end with it
        )
    except OSError as error:
        raise Refusal(f"{sys.executable} cannot be started: {error}") from error


def _read(stream: Any, take: Any) -> threading.Thread:
    def lines() -> None:
        with stream:
            for line in stream:
                take(line)

    thread = threading.Thread(target=lines, daemon=True)
    thread.start()
    return thread


def _line(lines: queue.Queue[str], process: subprocess.Popen[str], limit: float) -> str | None:
    """The next line; None where the process has ended, or tells nothing within the limit."""
    until = time.monotonic() + limit
    while time.monotonic() < until:
        ended = process.poll() is not None
        try:
            return lines.get(timeout=0.2)
        except queue.Empty:
            if ended:
                return None
    return None


def _end(process: subprocess.Popen[str]) -> None:
    if os.name == "posix":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def _hang(probe: str) -> str:
    return f"no answer within {LIMITS.get(probe, LIMIT):.0f} s"


def _death(code: int | None, last_words: Sequence[str]) -> str:
    said = next((line.strip() for line in reversed(last_words) if line.strip()), "")
    died = f"died of {_signal(-code)}" if code is not None and code < 0 else f"ended with exit code {code}"
    return f"{died}: {said}" if said else died


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
