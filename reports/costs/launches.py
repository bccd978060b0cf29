"""Live workers: pytest in the environment of one side, which collects benchmarks once and times them block by block."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Sequence
from typing import Any

import torchproof
from torchproof.reports.processes import Child

# The package is loaded from its file, and its folder is not on the path: in that lie other packages, torch perhaps.
_START = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("torchproof", sys.argv[1])
sys.modules["torchproof"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules["torchproof"])
from torchproof.fixtures.timing.worker import main
sys.exit(main(sys.argv[2:]))
"""
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
        self._child = Child([python, "-c", _START, torchproof.__file__, *arguments], True, _environment(coin))

    def wait_until_ready(self) -> None:
        """Wait for the end of collection. Raises Lost."""
        told = self._answer(LAUNCH)
        self.about, self.benchmarks, self.failed = told["ready"], told["benchmarks"], told["failed"]

    def tell(self, **command: Any) -> None:
        """Send a command. That the worker is gone is the answer's to say."""
        self._child.tell(json.dumps(command))

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
        self._child.end()

    def _answer(self, limit: float) -> dict[str, Any]:
        line = self._child.line(limit)
        if line is not None:
            return json.loads(line)
        self.is_lost = True
        ended = self._child.has_ended
        how = self._child.death() if ended else f"gives no answer within {limit:.0f} s"
        raise Lost(self.side, f"the worker {how}")


def _environment(coin: random.Random) -> dict[str, str]:
    """Of a random size, and without what would make pytest load more than it needs or Python compile torch anew."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    plugins = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
    return {**kept, **plugins, "TORCHPROOF_PADDING": "x" * coin.randrange(_PADDING)}
