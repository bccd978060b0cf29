"""Child processes that answer line by line, and may die or hang."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import IO

from torchproof.reports import Refusal


class Child:
    """A process, with the lines that it writes. `commands`: whether it is to be told anything.

    Raises Refusal where the program cannot be started at all.
    """

    def __init__(
        self, command: Sequence[str], commands: bool = False, environment: Mapping[str, str] | None = None
    ) -> None:
        self._lines: queue.Queue[str] = queue.Queue()
        self._last_words: deque[str] = deque(maxlen=20)
        try:
            self._process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.PIPE if commands else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,  # what it starts ends with it, and Ctrl-C is not for it
            )
        except OSError as error:
            raise Refusal(f"{command[0]} cannot be started: {error.strerror}") from error
        assert self._process.stdout and self._process.stderr, "both are pipes"
        _read(self._process.stdout, self._lines.put)
        self._words = _read(self._process.stderr, self._last_words.append)

    def tell(self, line: str) -> None:
        """Send it a line. That it is gone is for the next `line` to say."""
        assert self._process.stdin, "it takes no commands"
        with contextlib.suppress(OSError):
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()

    def line(self, limit: float) -> str | None:
        """The next line that it writes; None where it has ended, or writes nothing within `limit` seconds."""
        until = time.monotonic() + limit
        while time.monotonic() < until:
            ended = self.has_ended
            try:
                return self._lines.get(timeout=0.2)
            except queue.Empty:
                if ended:
                    return None
        return None

    @property
    def has_ended(self) -> bool:
        """Whether it is gone."""
        return self._process.poll() is not None

    def death(self) -> str:
        """Of what it ended, with the last of its words that says most, once it has."""
        code = self._process.wait()
        self._words.join(1)
        lines = [line.strip() for line in reversed(self._last_words) if line.strip()]
        said = next((line for line in lines if "rror" in line), lines[0] if lines else "")
        died = f"died of {_signal(-code)}" if code < 0 else f"ended with exit code {code}"
        return f"{died}: {said}" if said else died

    def end(self) -> None:
        """End it and all that it started, now."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL) if os.name == "posix" else self._process.kill()
        self._process.wait()
        with contextlib.suppress(OSError):
            if self._process.stdin:
                self._process.stdin.close()


def _read(stream: IO[str], take: Callable[[str], None]) -> threading.Thread:
    def lines() -> None:
        with stream:
            for line in stream:
                take(line)

    thread = threading.Thread(target=lines, daemon=True)
    thread.start()
    return thread


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
