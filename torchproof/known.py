"""What whoever makes a build or a back end knows of it: the facts that do not hold there, and are to fail no run.

`pytest --known FILE` reads the list, and `--write-known` makes the first one of what a run has found. It is TOML:

    [[known]]
    fact = "linalg.dot.*"              # an id, with its parameters or without, in which * stands for anything
    verdict = "broken"
    reason = "The reference BLAS is called by another convention for complex numbers."
    link = "https://bugs.example.org/1"     # where that is tracked
    torch = "2.6.0+debian"                  # the one version that it is about: of any, where it is not said
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from torchproof import data, releases
from torchproof.facts import is_meant
from torchproof.records import FAILED, Verdict

Failed = Literal["broken", "stale", "crashed", "timeout", "error"]

_HEAD = """\
# What is known of this build: with `--known` of this file it fails no run. Say of each why, and where it is tracked.
"""


@dataclass(frozen=True)
class Known:
    """An entry: the facts that have this verdict here, and the reason."""

    fact: data.Name
    verdict: Failed
    reason: str
    link: str | None = None
    torch: data.Version | None = None

    def is_of(self, version: str) -> bool:
        """Whether it is about this version of torch."""
        return self.torch is None or releases.number(self.torch) == releases.number(version)

    def is_about(self, identity: str) -> bool:
        """Whether it is about the fact of this id."""
        return is_meant(self.fact, identity)

    def explains(self, judged: Verdict) -> bool:
        """Whether it is about this verdict, which nothing else explains."""
        return judged.verdict == self.verdict and not judged.finding and self.is_about(judged.id)

    @property
    def says(self) -> str:
        """The reason, and the link where there is one."""
        return f"{self.reason} ({self.link})" if self.link else self.reason


def load(path: Path) -> list[Known]:
    """The entries of a list. Raises Damaged."""
    return data.rows(path, "known", Known)


def text(results: Iterable[Verdict], version: str) -> str:
    """A list of what failed in a run and nothing explains."""
    failed = [one for one in results if one.counted in FAILED[:5]]
    return _HEAD + "".join(_entry(one, version) for one in sorted(failed, key=lambda one: one.id))


def _entry(judged: Verdict, version: str) -> str:
    said = {"fact": judged.id, "verdict": judged.verdict, "reason": judged.reason or "", "torch": version}
    lines = (f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in said.items())
    return f"\n[[known]]\n{''.join(lines)}"
