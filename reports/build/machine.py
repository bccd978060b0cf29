"""What this machine has, whatever torch makes of it."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

from torchproof import processor

_DRIVER = Path("/proc/driver/nvidia/version")
_HALVES = {
    "x86": {"bfloat16": ("avx512_bf16", "amx_bf16"), "float16": ("avx512_fp16", "amx_fp16")},
    "arm": {"bfloat16": ("bf16",), "float16": ("fphp", "asimdhp")},
}
# What helps where an emulated CPU is the trouble.
HOW_TO_EMULATE = {
    "QEMU": "give the machine the host's CPU (qemu-system: -cpu host; qemu-user: QEMU_CPU=max), or take an image and "
    "wheels of the host's own architecture (docker run --platform)",
    "Rosetta": "take an image and wheels of this Mac's own architecture: docker run --platform linux/arm64",
}
# What the code that torch.compile writes for the CPU includes.
_TRIAL = "#include <Python.h>\n#include <omp.h>\n#include <vector>\nint cores() { return omp_get_num_procs(); }\n"


def best_capability() -> str | None:
    """The widest x86 instruction set with kernels in torch that this CPU has; None where the system does not tell."""
    flags = processor.flags()
    if not flags or "asimd" in flags:
        return None
    if {"avx512f", "avx512bw", "avx512dq", "avx512vl", "fma"} <= flags:
        return "AVX512"
    return "AVX2" if {"avx2", "fma"} <= flags else "DEFAULT"


def instructions() -> tuple[list[str], list[str]]:
    """Which of the instructions that builds of torch for x86 are made for this CPU has, and which it lacks.

    Both are empty where the system does not tell. torch 2.15 was seen to run on an emulated Nehalem, which has SSE4.2
    and no AVX, and to die on one without SSE4.2 (a Conroe).
    """
    flags = processor.flags()
    asked = ("sse4_2", "avx", "avx2", "fma") if "sse2" in flags else ()
    return [name for name in asked if name in flags], [name for name in asked if name not in flags]


def halves(dtype: str) -> tuple[tuple[str, ...], bool | None]:
    """The instructions for products of bfloat16 or float16, and whether this CPU has any; None where nobody tells."""
    flags = processor.flags()
    names = _HALVES["arm" if "asimd" in flags else "x86"].get(dtype, ())
    return names, bool(flags & set(names)) if flags and names else None


def cores() -> tuple[int, str]:
    """How many cores this process may use at once, and what sets that where it is fewer than the machine has."""
    machine = os.cpu_count() or 1
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else machine
    quota = min(_quotas(), default=machine)
    if quota < allowed:
        return quota, f"the cgroup's CPU limit leaves {quota} of {machine} cores"
    if allowed < machine:
        return allowed, f"the CPU affinity (taskset, cpuset or the scheduler) leaves {allowed} of {machine} cores"
    return machine, ""


def nvidia() -> tuple[bool, str | None]:
    """Whether there is an NVIDIA device, and the version of its driver."""
    if found := re.search(r"Kernel Module\D+([\d.]+)", _text(_DRIVER)):
        return True, found[1]
    if any(map(Path.exists, (Path("/dev/nvidia0"), Path("/dev/dxg"), Path("/usr/lib/wsl/lib/libcuda.so.1")))):
        return True, None
    return any(_is_nvidia(device) for device in Path("/sys/bus/pci/devices").glob("*")) or bool(
        sys.platform == "win32" and shutil.which("nvidia-smi")
    ), None


def compiler() -> tuple[str | None, str | None]:
    """The C++ compiler that torch.compile takes for the CPU, and what is wrong with it."""
    usual = {"darwin": "clang++", "win32": "cl"}.get(sys.platform, "g++")
    command = shlex.split(os.environ.get("CXX", "")) or [usual]
    if not shutil.which(command[0]):
        return None, f"there is no {command[0]} on PATH"
    return command[0], None if sys.platform == "win32" else _refused(command)


def unwritable(folders: dict[str, Path]) -> Iterator[str]:
    """Those folders in which no file can be made, each with its use and the reason. It leaves nothing behind."""
    for use, folder in folders.items():
        there = next(parent for parent in (folder, *folder.absolute().parents) if os.path.lexists(parent))
        try:
            with tempfile.TemporaryFile(dir=there):
                pass
        except OSError as error:
            yield f"{use}, {folder}: {(error.strerror or str(error)).lower()}"


def temporary_folder() -> Path:
    """The folder for temporary files; where there is none that can be written, the one that is looked for first."""
    try:
        return Path(tempfile.gettempdir())
    except OSError:
        return Path(os.environ.get("TMPDIR", "/tmp"))


def shared_memory() -> int | None:
    """The bytes that /dev/shm can hold; None where there is none."""
    try:
        told = os.statvfs("/dev/shm")
    except (OSError, AttributeError):
        return None
    return told.f_blocks * told.f_frsize


def _quotas() -> Iterator[int]:
    """The cgroup's limits on CPU time, in cores: of this process and of the container that it sees as the root."""
    own = re.findall(r"^\d+:(?:[^:\n]*\bcpu\b[^:\n]*)?:(/.*)$", _text(Path("/proc/self/cgroup")), re.MULTILINE)
    for path in {"", *(path.strip("/") for path in own)}:
        version_2 = _text(Path("/sys/fs/cgroup", path, "cpu.max")).split()
        folder = Path("/sys/fs/cgroup/cpu", path)
        version_1 = [_text(folder / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period")]
        for told in (version_2, version_1):
            with contextlib.suppress(ValueError):  # 'max', or no such file
                quota, period = map(int, told)
                if quota > 0:
                    yield max(1, round(quota / period))


def _refused(command: list[str]) -> str | None:
    include = sysconfig.get_paths()["include"]
    openmp = ["-fopenmp"] if sys.platform == "linux" else []
    trial = _TRIAL if openmp else re.sub(r".*omp.*\n", "", _TRIAL)
    try:
        told = subprocess.run(
            [*command, "-fsyntax-only", *openmp, f"-I{include}", "-x", "c++", "-"],
            input=trial, capture_output=True, text=True, errors="replace", timeout=30, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if told.returncode == 0:
        return None
    return next((line for line in told.stderr.splitlines() if "error" in line), f"{command[0]} fails")


def _is_nvidia(device: Path) -> bool:
    return _text(device / "vendor").strip() == "0x10de" and _text(device / "class").startswith("0x03")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
