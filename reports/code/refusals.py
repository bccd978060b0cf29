"""The words that a release refuses for a parameter: `torch.autocast("mps")` before 2.5.

Reads `reports/releases/values.tsv`, which `reports/releases/values.py` asks of the releases: only what differs.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from torchproof.inventory import Inventory

FILE = Path(__file__).parents[1] / "releases" / "values.tsv"


@cache
def _file() -> Inventory:
    return Inventory(FILE.read_text(encoding="utf-8"))


def owners() -> list[str]:
    """What has parameters whose words differ between releases, as releases themselves name it."""
    return _file().owners()


def parameters(owner: str) -> list[str]:
    """The parameters of something of torch whose words differ between releases."""
    return _file().members(owner)


def refused(owner: str, parameter: str, release: str) -> list[str]:
    """The words that a release is known to refuse, of those that others take."""
    return (_file().state(owner, parameter, release) or "").split()
