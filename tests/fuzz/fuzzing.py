"""The search: files of the corpus are damaged, and every reader of their kind reads them.

`python -m tests.fuzz.fuzzing --minutes 10` searches at length. What breaks a reader is made small and kept in the
corpus, which the tests read. A file of the corpus is called WHAT@NAME, and NAME is what a reader finds it as.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import random
import shutil
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.fuzz import planting, readers

CORPUS = Path(__file__).parent / "corpus"
WATCH = readers.Watch()


@dataclass(frozen=True)
class Group:
    """Files of one kind: the folder of the corpus, what reads them, how they are damaged, by tests how often."""

    name: str
    readers: dict[str, Callable[[Path, Path], int]]
    damaged: Callable[[bytes], st.SearchStrategy[tuple[str, bytes]]]
    examples: int

    @property
    def files(self) -> list[Path]:
        """Those of the corpus."""
        return sorted((CORPUS / self.name).iterdir())


GROUPS = [
    Group("records", readers.OF_RECORDS, planting.damaged_lines, 150),
    Group("benchmarks", readers.OF_BENCHMARKS, planting.damaged_json, 40),
    Group("comparisons", {"comparison": readers.compared}, planting.damaged_json, 40),
    Group("facts", {"coverage": readers.coverage}, planting.damaged_json, 60),
    Group("answers", {"answers": readers.answers}, planting.damaged_text, 40),
    Group("tables", {"tables": readers.tables}, planting.damaged_text, 40),
    Group("code", readers.OF_CODE, planting.damaged_text, 12),
    Group("projects", {"floor": readers.floor}, planting.damaged_text, 30),
]


def read(group: Group, file: Path, content: bytes, where: Path) -> None:
    """Have every reader read some content under the name of a file of the corpus. Raises what must never be."""
    shutil.rmtree(where, ignore_errors=True)
    inside = where / "read"
    inside.mkdir(parents=True)
    planted = inside / file.name.partition("@")[2]
    planted.write_bytes(content)
    have_read(group, planted, where)


def have_read(group: Group, planted: Path, where: Path) -> None:
    """Have every reader read what is planted there; it may write into a folder of its own alone."""
    if group.name == "projects":  # beside code, which it says something of
        (planted.parent / "code.py").write_text("import torch\n\ntorch.load('f')\n")
        planted = planted.parent
    for name, reader in group.readers.items():
        out = where / name
        out.mkdir()
        try:
            with warnings.catch_warnings(), WATCH.over(where):
                warnings.simplefilter("ignore")
                reader(planted, out)
        except Exception as error:
            error.add_note(f"{name} of {planted.name!r}") if hasattr(error, "add_note") else None
            raise


@dataclass
class Found:
    """What broke a reader, as small as it could be made."""

    kind: str
    file: Path
    content: bytes
    error: BaseException | None = None

    def keep(self, group: Group) -> Path:
        """Write it into the corpus."""
        digest = hashlib.sha256(self.content).hexdigest()[:8]
        path = CORPUS / group.name / f"{digest}@{self.file.name.partition('@')[2]}"
        path.write_bytes(self.content)
        return path


def search(group: Group, examples: int, where: Path, start: int, counted: Counter[str]) -> Found | None:
    """Damage files of a group so often, and count by kind; the first that breaks a reader, if one does."""
    found = Found("", CORPUS, b"")

    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
    @seed(start)
    @given(st.data())
    def damage(data: Any) -> None:
        found.file = data.draw(st.sampled_from(group.files))
        found.kind, found.content = data.draw(group.damaged(found.file.read_bytes()))
        counted[found.kind] += 1
        read(group, found.file, found.content, where)

    try:
        damage()
    except Exception as error:
        found.error = error
        return found
    return None


def main() -> int:
    """Search as long as the command line says; 1 where something was found, which then is in the corpus."""
    parser = argparse.ArgumentParser(prog="nox -s fuzz --", description="Damage files that readers must stand.")
    parser.add_argument("--minutes", type=float, default=10.0, metavar="N", help="how long (default: 10)")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**32, metavar="N", help="where to begin")
    parser.add_argument("--group", choices=[one.name for one in GROUPS], help="files of one kind alone")
    options = parser.parse_args()
    groups = [one for one in GROUPS if options.group in (None, one.name)]
    counts: dict[str, Counter[str]] = {one.name: Counter() for one in groups}
    draw, end, broken = random.Random(options.seed), time.monotonic() + 60 * options.minutes, False
    print(f"seed {options.seed}")
    with tempfile.TemporaryDirectory() as folder:
        for group in itertools.cycle(groups):
            if broken or time.monotonic() > end:
                break
            if found := search(group, 10, Path(folder, "x"), draw.randrange(2**32), counts[group.name]):
                print(f"{found.kind}: {type(found.error).__name__}: {found.error}\n  kept: {found.keep(group)}")
                broken = True
    for name, counted in counts.items():
        print(f"{name}: {counted.total():,} files, " + ", ".join(f"{kind} {n:,}" for kind, n in counted.most_common()))
    return int(broken)


if __name__ == "__main__":
    raise SystemExit(main())
