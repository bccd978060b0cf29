"""Room to walk what goes deep: modules in long chains of imports, each of which is walked as another asks for it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TypeVar

Given = TypeVar("Given")

_CALLS = 30_000  # inside each other, about 14 a module
_BYTES = 1 << 29  # of stack for as many, of which only what is used is taken


def with_room(call: Callable[[], Given]) -> Given:
    """What a call gives, or raises, in a thread with a larger stack, where Python's own limit is higher."""
    result: Future[Given] = Future()

    def run() -> None:
        try:
            result.set_result(call())
        except BaseException as error:
            result.set_exception(error)

    with _limits():
        threading.Thread(target=run, daemon=True).start()
        return result.result()


@contextmanager
def _limits() -> Iterator[None]:
    calls, size = sys.getrecursionlimit(), threading.stack_size(_BYTES)
    sys.setrecursionlimit(max(calls, _CALLS))
    try:
        yield
    finally:
        threading.stack_size(size)
        sys.setrecursionlimit(calls)
