"""Live workers: pytest in the environment of one side, which collects benchmarks once and times them block by block."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import random
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reports import Refusal

ROOT = Path(__file__).parents[2]
# The project's own folder comes first, before the one that the worker stands in, whatever that has in it.
_START = "import sys; sys.path.insert(0, sys.argv[1]); from fixtures.serving import main; sys.exit(main(sys.argv[2:]))"
_PADDING = 4096  # bytes of environment, by which the stack begins elsewhere in each launch
LAUNCH = 300.0  # seconds after which a launch has failed: importing torch from a slow disk takes its time
ANSWER = 120.0  # seconds after which a worker hangs


class Stopped(Exception):
    """Why something could not go on, in a sentence, and on which `side`."""

    def __init__(self, side: str, reason: str) -> None:
        self.side = side
        super().__init__(reason)


class Ended(Stopped):
    """An item failed or was skipped; the worker lives."""


class Lost(Stopped):
    """The worker died or hangs."""


class Worker:
    """One launch of a side. Once it is ready, `about`, `benchmarks` and `failed` are what it told after collection.

    `arguments` are pytest's. Raises Refusal where `python` cannot be started at all.
    """

    about: dict[str, Any]
    benchmarks: list[dict[str, Any]]
    failed: list[dict[str, str]]

    def __init__(self, side: str, python: str, arguments: Sequence[str], coin: random.Random) -> None:
        self.side = side
        self.is_lost = False
        self._is_inside = False  # an item's body
        self._lines: queue.Queue[str] = queue.Queue()
        self._last_words: deque[str] = deque(maxlen=20)
        try:
            self._process = subprocess.Popen(
                [python, "-c", _START, str(ROOT), *arguments],
                env=_environment(coin),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,  # Ctrl-C is for the controller, and what it starts ends with the worker
            )
        except OSError as error:
            raise Refusal(f"{python} cannot be started: {error.strerror}") from error
        self._read(self._process.stdout, self._lines.put)
        self._words = self._read(self._process.stderr, self._last_words.append)

    def _read(self, stream: Any, take: Any) -> threading.Thread:
        def lines() -> None:
            with stream:
                for line in stream:
                    take(line)

        thread = threading.Thread(target=lines, daemon=True)
        thread.start()
        return thread

    def wait_until_ready(self) -> None:
        """Wait for the end of collection. Raises Lost."""
        told = self._answer(LAUNCH)
        self.about, self.benchmarks, self.failed = told["ready"], told["benchmarks"], told["failed"]

    def tell(self, **command: Any) -> None:
        """Send a command. That the worker is gone is the answer's to say."""
        with contextlib.suppress(OSError):
            self._process.stdin.write(json.dumps(command) + "\n")
            self._process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """The answer to the last command. Raises Lost, and Ended where the item failed in it."""
        told = self._answer(ANSWER)
        self._is_inside = "ended" not in told
        if told.get("ended"):
            raise Ended(self.side, told["ended"])
        return told

    def ask(self, **command: Any) -> dict[str, Any]:
        """`tell`, then `answer`."""
        self.tell(**command)
        return self.answer()

    def leave(self) -> None:
        """Let the item that was prepared come to its end, if one was. Raises as `answer` does."""
        if self._is_inside and not self.is_lost:
            self.ask(done=True)

    def end(self) -> None:
        """End it and all that it started, now."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL) if os.name == "posix" else self._process.kill()
        self._process.wait()
        with contextlib.suppress(OSError):
            self._process.stdin.close()

    def _answer(self, limit: float) -> dict[str, Any]:
        until = time.monotonic() + limit
        while time.monotonic() < until:
            ended = self._process.poll() is not None
            try:
                return json.loads(self._lines.get(timeout=0.2))
            except queue.Empty:
                if ended:
                    raise self._lost(self._death()) from None
        raise self._lost(f"the worker gives no answer within {limit:.0f} s")

    def _lost(self, reason: str) -> Lost:
        self.is_lost = True
        return Lost(self.side, reason)

    def _death(self) -> str:
        code = self._process.wait()
        self._words.join(1)
        lines = [line.strip() for line in reversed(self._last_words) if line.strip()]
        said = next((line for line in lines if "rror" in line), lines[0] if lines else "")
        died = (
            f"the worker died of {signal.Signals(-code).name}"
            if code < 0
            else f"the worker ended with exit code {code}"
        )
        return f"{died}: {said}" if said else died


def _environment(coin: random.Random) -> dict[str, str]:
    """Of a random size, and without what would make pytest load more than it needs or Python compile torch anew."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    plugins = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
    return {**kept, **plugins, "TORCHPROOF_PADDING": "x" * coin.randrange(_PADDING)}
