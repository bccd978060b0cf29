"""How much of torch people use: `popularity.tsv`, which `reports/releases/popularity.py` makes. Needs no torch."""

from __future__ import annotations

from pathlib import Path

FILE = Path(__file__).with_name("popularity.tsv")
_SIBLINGS = 5  # packages that use something of an owner, by which what else it has is used as well


def read(path: Path = FILE) -> dict[str, int]:
    """By name, how many packages use it; names that none uses are not there."""
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines() if line[0] != "#"]
    return {name: int(packages) for name, packages in rows}


class Usage:
    """How much names of any release are used: what is gone, new or rare counts after what it stands beside."""

    def __init__(self) -> None:
        self.packages = read()
        self._siblings: dict[str, int] = {}
        for name, packages in self.packages.items():
            owner = name.rpartition(".")[0]
            self._siblings[owner] = max(self._siblings.get(owner, 0), packages)

    def of(self, name: str) -> tuple[int, int]:
        """How many packages use it, and how many its most used sibling; zeros of what hardly anyone uses."""
        own, siblings = self.packages.get(name, 0), self._siblings.get(name.rpartition(".")[0], 0)
        return (own, siblings) if own or siblings >= _SIBLINGS else (0, 0)
