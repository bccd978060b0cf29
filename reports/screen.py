"""What is printed fits the terminal; a pipe or a file gets whole lines, so that what is in them can be pasted."""

from __future__ import annotations

import shutil
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

_PATIENCE = 2.0  # seconds after which work that goes on says so
_NARROWEST = 40
_WHOLE = 10_000  # columns where no terminal reads it: no line is cut


def width() -> int | None:
    """How many columns a line may have; None where no terminal reads it."""
    if not _is_terminal(sys.stdout):
        return None
    return max(shutil.get_terminal_size().columns, _NARROWEST)


def wrapped(text: str, first: str = "", rest: str = "") -> list[str]:
    """The lines of a text, with what stands before the first one and before the rest; no word is ever cut in two."""
    columns = width()
    if columns is None:
        return [first + " ".join(line.strip() for line in text.splitlines())]
    lines = textwrap.wrap(
        text,
        columns,
        initial_indent=first,
        subsequent_indent=rest,
        break_on_hyphens=False,
        break_long_words=False,
    )
    return lines or [first.rstrip()]


def console() -> Console:
    """What prints tables and colours to standard output."""
    from rich.console import Console  # most commands print plain lines, and need not wait for it

    return Console(width=None if width() else _WHOLE, markup=False, emoji=False)  # text is text


def counted(number: int, word: str) -> str:
    """How many there are of something: '1 fact', '2 facts'."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"


@contextmanager
def waiting(for_what: Callable[[], str]) -> Iterator[None]:
    """Says on standard error what is waited for, and for how long, where that takes a while and a person looks on.

    What it is may say how far it is: it is asked every time.
    """
    if not _is_terminal(sys.stderr):
        yield
        return
    done = threading.Event()
    teller = threading.Thread(target=_tell, args=(for_what, done), daemon=True)
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join()


def _tell(for_what: Callable[[], str], done: threading.Event) -> None:
    seconds = _PATIENCE
    columns = shutil.get_terminal_size().columns
    while not done.wait(_PATIENCE if seconds == _PATIENCE else 1):
        print(f"\r{for_what()[: columns - 12]} … {seconds:.0f} s", end="", file=sys.stderr, flush=True)
        seconds += 1
    if seconds > _PATIENCE:
        print(f"\r{' ' * (columns - 1)}\r", end="", file=sys.stderr, flush=True)


def _is_terminal(stream: object) -> bool:
    """Whether a person looks on; a stream may be closed, or be none at all."""
    try:
        return bool(stream and stream.isatty())  # pyright: ignore[reportAttributeAccessIssue]
    except ValueError:
        return False
