"""The line that a check prints, and what a build says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Build = Mapping[str, Any]


@dataclass(frozen=True)
class Line:
    """What one check found: its `status` is OK, WARN, FAIL or SKIP, and `advice` the next step."""

    status: str
    name: str
    says: str
    advice: str = ""

    def __str__(self) -> str:
        line = f"{self.status:<5} {self.name:<12} {self.says}"
        return f"{line}\n{'':<18} → {self.advice}" if self.advice else line
