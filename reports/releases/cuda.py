"""Which releases of torch have wheels for a CUDA, on torch's own index and in its channel of conda. Needs no torch.

`cuda.toml` has it, and for which GPUs nvcc of a CUDA compiles. Of a CUDA that is not in it, or that may have been
dropped since, nothing is said.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from torchproof.releases import number, supported, tomllib

FILE = Path(__file__).with_suffix(".toml")


@cache
def _file() -> dict:
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


def having(cuda: str, *, is_conda: bool = False) -> list[str]:
    """The supported releases, oldest first, that have builds for a CUDA, or for any of a major version."""
    if "." not in cuda:
        return [one for one in supported() if any(one in having(minor) for minor in _of_major(cuda))]
    if not (span := _file()["wheels"].get(cuda)):
        return []
    known = list(supported())
    ends = [known.index(one) for one in (span.get("last"), is_conda and _file()["conda"]["last"]) if one]
    return known[known.index(span["first"]) : min(ends, default=len(known)) + 1]


def _of_major(cuda: str) -> list[str]:
    return [one for one in _file()["wheels"] if one.startswith(f"{cuda}.")]


def compiles(cuda: str, capability: str) -> bool:
    """Whether nvcc of a CUDA compiles for a compute capability, as far as that is known."""
    nvcc = _file()["nvcc"]
    least = nvcc["least"].get(cuda.partition(".")[0], capability)
    first = nvcc["since"].get(capability, cuda)
    return number(least) <= number(capability) and number(first) <= number(cuda)
