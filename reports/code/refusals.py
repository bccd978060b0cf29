"""The words that a release refuses for a parameter: `torch.autocast("mps")` before 2.5.

A word with parentheses stands for what a method of that name gives: `Adam(model.named_parameters())` before 2.6.

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


@cache
def methods() -> frozenset[str]:
    """The methods whose results some release refuses, as words."""
    words = (word for owner in owners() for one in parameters(owner) for word in _everywhere(owner, one))
    return frozenset(word for word in words if word.endswith("()"))


def _everywhere(owner: str, parameter: str) -> list[str]:
    return [word for release in _file().releases for word in refused(owner, parameter, release)]


def shown(word: str) -> str:
    """A word as code passes it."""
    return word if word in methods() else f'"{word}"'


def owners() -> list[str]:
    """What has parameters whose words differ between releases, as releases themselves name it."""
    return _file().owners()


def parameters(owner: str) -> list[str]:
    """The parameters of something of torch whose words differ between releases."""
    return _file().members(owner)


def refused(owner: str, parameter: str, release: str) -> list[str]:
    """The words that a release is known to refuse, of those that others take."""
    return (_file().state(owner, parameter, release) or "").split()
