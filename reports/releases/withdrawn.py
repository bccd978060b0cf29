"""The parameters that releases say are deprecated, with the words. Needs no torch.

Reads `parameters.tsv`, which `reports/releases/parameters.py` asks of the releases.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from torchproof.inventory import Inventory
from torchproof.prose import prose

FILE = Path(__file__).with_name("parameters.tsv")


@cache
def _file() -> Inventory:
    return Inventory(FILE.read_text(encoding="utf-8"))


@cache
def owners() -> frozenset[str]:
    """What any release has such parameters of, as releases themselves name it."""
    return frozenset(_file().owners())


def parameters(owner: str, release: str) -> dict[str, str]:
    """Those of something of a release, with its words."""
    said = {one: _file().state(owner, one, release) for one in _file().members(owner)}
    return {one: prose(words) for one, words in said.items() if words}
