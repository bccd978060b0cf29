"""What the system tells of the CPU. Needs no torch."""

from __future__ import annotations

import platform
import re
from pathlib import Path

FILE = Path("/proc/cpuinfo")


def text() -> str:
    """All that Linux says of it; '' where the system keeps it elsewhere, or to itself."""
    try:
        return FILE.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def model() -> str:
    """Its own name where the system tells it, else its architecture."""
    found = re.search(r"^model name\s*: (.+)$", text(), re.MULTILINE)
    return found[1] if found else platform.processor() or platform.machine()


def flags() -> frozenset[str]:
    """What it can do, in Linux's words: `flags` on x86, `Features` on ARM; nothing where the system does not tell."""
    found = re.search(r"^(?:flags|Features)\s*: (.+)$", text(), re.MULTILINE)
    return frozenset(found[1].split()) if found else frozenset()
