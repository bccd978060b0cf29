"""What the system tells of the CPU, and of what this process has loaded. Needs no torch."""

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


def emulator() -> str:
    """What it is emulated by, where the system gives it away; else ''."""
    if "VirtualApple" in text():
        return "Rosetta"
    return "QEMU" if _is_of_another() or re.search(r"^model name.*(QEMU|TCG)", text(), re.MULTILINE) else ""


def _is_of_another() -> bool:
    """Whether the file speaks of another architecture: qemu-user shows a program the host's own."""
    is_x86 = platform.machine().lower() in ("x86_64", "amd64", "i686")
    return "CPU implementer" in text() if is_x86 else "GenuineIntel" in text() or "AuthenticAMD" in text()


def model() -> str:
    """Its own name where the system tells it, else its architecture; and what emulates it."""
    found = None if _is_of_another() else re.search(r"^model name\s*: (.+)$", text(), re.MULTILINE)
    name = found[1] if found else platform.processor() or platform.machine()
    return f"{name}, emulated by {emulator()}" if emulator() else name


def peak() -> float | None:
    """The GFLOP/s that one core can do in float32 at its present clock; None where the system does not tell."""
    found, here = re.search(r"^cpu MHz\s*: ([\d.]+)$", text(), re.MULTILINE), flags()
    if not found or "sse2" not in here:
        return None
    # An addition and a multiplication in each lane: on one unit of 512 bits, or on two of the narrower ones.
    a_cycle = 32 if {"avx2", "fma"} <= here else 16 if "avx" in here else 8
    return float(found[1]) / 1000 * a_cycle


def loaded(pattern: str) -> list[str]:
    """The files with this in their paths that this process has loaded; none where the system does not tell."""
    try:
        maps = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return sorted({line.split(maxsplit=5)[-1] for line in maps.splitlines() if re.search(pattern, line)})


def flags() -> frozenset[str]:
    """What it can do, in Linux's words: `flags` on x86, `Features` on ARM; nothing where the system does not tell."""
    found = None if _is_of_another() else re.search(r"^(?:flags|Features)\s*: (.+)$", text(), re.MULTILINE)
    return frozenset(found[1].split()) if found else frozenset()
