"""What of torch a file or a folder of Python code uses, and whether a release has it: by reading, without running.

A use is *certain* where the code itself shows what the name stands for: an import, an alias, an instance made by a
class of torch, an annotated parameter, a method of a base class. It counts for those releases in which the code lets
it run. Methods on values whose type is not shown are only *possible*, and so is what stands under a condition that
is about torch's version but not understood.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fixtures.inventory import Inventory
from fixtures.inventory import inventory as the_inventory
from reports.code.catalog import Use, catalog
from reports.code.walk import Walk

# Folders that hold no code of the project.
_PASSED_OVER = {"__pycache__", "node_modules", "site-packages", "build", "dist", "venv"}


@dataclass
class Uses:
    """What was found in the files: `unread` has a line for each file that could not be read."""

    files: int = 0
    certain: list[Use] = field(default_factory=list)
    private: list[Use] = field(default_factory=list)
    possible: list[Use] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


def uses(path: Path, inventory: Inventory | None = None) -> Uses:
    """What of torch the Python code at `path` uses: a file, or a folder with all that is in it."""
    walk = Walk(catalog(inventory or the_inventory()), _python_files(path))
    found = Uses()
    with _no_collector():
        for use, is_certain in walk.uses():
            kind = found.possible if not is_certain else found.private if use.is_private else found.certain
            kind.append(use)
        for kind in (found.certain, found.private, found.possible):
            kind.sort(key=lambda use: (use.file, use.line, use.name))
    found.files, found.unread = walk.files, walk.unread
    return found


@contextmanager
def _no_collector() -> Iterator[None]:
    """Syntax trees are no garbage, and looking for some in them takes longer than the rest: never, then."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


def _python_files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    for folder, below, files in os.walk(path):
        below[:] = sorted(
            name
            for name in below
            if not name.startswith(".")
            and name not in _PASSED_OVER
            and not (Path(folder) / name / "pyvenv.cfg").exists()
        )
        yield from (Path(folder) / name for name in sorted(files) if name.endswith(".py"))
