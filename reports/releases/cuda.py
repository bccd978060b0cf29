"""Which releases of torch have wheels for a CUDA, on torch's own index and in its channel of conda. Needs no torch.

`cuda.toml` has it. Of a CUDA that is not in it, or that may have been dropped since, nothing is said.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from torchproof.releases import supported, tomllib

FILE = Path(__file__).with_suffix(".toml")


@cache
def _file() -> dict:
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


def having(cuda: str, *, is_conda: bool = False) -> list[str]:
    """The supported releases, oldest first, that have wheels or packages of conda for a CUDA."""
    if not (span := _file()["wheels"].get(cuda)):
        return []
    known = list(supported())
    ends = [known.index(one) for one in (span.get("last"), is_conda and _file()["conda"]["last"]) if one]
    return known[known.index(span["first"]) : min(ends, default=len(known)) + 1]
