"""Whether the products of each dtype take a sane time, and why where they do not."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from typing import Any

from torchproof import processor
from torchproof.builds import is_reference, is_tuned, made_with
from torchproof.reports.build import machine
from torchproof.reports.build.causes import REPORT, explain
from torchproof.reports.build.child import SIZES
from torchproof.reports.build.lines import Build, Line
from torchproof.reports.build.runner import Answer

# Times as long as float32's. Measured with torch 2.0, 2.6 and 2.15 on one CPU whose instructions were hidden from the
# libraries (ONEDNN_MAX_CPU_ISA, ATEN_CPU_CAPABILITY, MKL_ENABLE_INSTRUCTIONS), while others ran there:
#   bfloat16  with its instructions 0.9 to 3.2; emulated 4.3 to 6.0 with AVX512, 14 to 36 with AVX2, 8 to 34 with SSE4
#   float16   with its instructions 1.5 to 2.1; emulated 18 to 140
EMULATED = 4  # where the CPU lacks the instructions, or they are hidden
SLOW_HALF = 10  # where it has them, or nobody tells
SLOW = 100  # the other dtypes: such a kernel is hardly of use (float64 on many graphics cards takes 64)
# GFLOP/s of float32 on one core. The same CPU: MKL and OpenBLAS 28 to 159 with any instructions, the reference BLAS of
# Debian 5.6, plain loops below 1.
SLUGGISH = 10.0
SLUGGISH_SHARE = 0.2  # of what the core can do: the same libraries reached 40 to 160 % of that, the reference BLAS 7 %
TUNED_SLUGGISH = 3.0  # with a BLAS that is made for the CPU, so that the machine itself is slow, or busy


def judge_speed(answer: Answer, build: Build) -> Line:
    """Whether a matrix product of each dtype is right, and takes a sane time beside float32's and on this machine."""
    if answer.error:
        return Line("FAIL", "speed", *explain(answer.error, chain=answer.chain))
    for device, told in answer.value.items():
        for dtype, seconds in told.items():
            if isinstance(seconds, str) and (dtype == "float32" or seconds.startswith("wrong")):
                says = f"a matrix product of {_named(dtype, device)} is {seconds}"
                return Line("FAIL", "speed", says, REPORT.format(package="torch"))
    slow = [line for device, told in answer.value.items() for line in _slow(device, told)]
    rate = 2 * SIZES["cpu"] ** 3 / answer.value["cpu"]["float32"] / 1e9
    if slow:
        return Line("WARN", "speed", "; ".join(says for says, _ in slow), slow[0][1])
    return _sluggish(rate, build) or Line("OK", "speed", _told(rate, answer.value))


def blas_of(build: Build) -> str:
    """The BLAS that a build says it was made with; '' where it does not say."""
    return made_with(build["flags"]).get("blas", "")


def _named(dtype: str, device: str) -> str:
    return dtype if device == "cpu" else f"{dtype} on {device}"


def _ratios(told: Mapping[str, Any]) -> dict[str, float]:
    measured = {dtype: seconds for dtype, seconds in told.items() if not isinstance(seconds, str)}
    return {dtype: seconds / told["float32"] for dtype, seconds in measured.items() if dtype != "float32"}


def _slow(device: str, told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each dtype that is slow there, with its cause; and what to do."""
    for dtype, ratio in _ratios(told).items():
        why, advice, limit = "", "convert to float32 for it on this device, or take another build", SLOW
        if dtype in ("bfloat16", "float16"):
            why, limit = _emulation(dtype) if device == "cpu" else ("", SLOW_HALF)
        if why:
            advice = (
                f"use float32 on this CPU, or another machine: autocast to {dtype} and "
                "torch.set_float32_matmul_precision('medium') make it slower here, not faster"
            )
        if hidden := _hidden() if why else "":
            advice = f"unset {hidden}"
        if ratio > limit:
            name = _named(dtype, device)
            yield f"a matrix product of {name} takes {ratio:.0f} times as long as float32{why}", advice


def _emulation(dtype: str) -> tuple[str, float]:
    """Why this CPU may be slow with the dtype, and from how many times float32's on that is to be said."""
    names, has = machine.halves(dtype)
    if has is None:
        return "", SLOW_HALF
    if hidden := _hidden():
        return f": {hidden}={os.environ[hidden]} hides its instructions, and the library emulates it", EMULATED
    if has:
        return "", SLOW_HALF
    return f": this CPU has no instructions for it ({', '.join(names)}), and the library emulates it", EMULATED


def _hidden() -> str:
    """The variable that keeps the library from using what the CPU has."""
    asked = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")
    return next((name for name in asked if os.environ.get(name, "DEFAULT").upper() not in ("", "DEFAULT", "ALL")), "")


def _sluggish(rate: float, build: Build) -> Line | None:
    """A float32 product that is slower than any usual library makes it."""
    blas, file, peak = blas_of(build), build.get("blas_file") or "", processor.peak()
    tuned = is_tuned(blas, file)
    if rate >= (TUNED_SLUGGISH if tuned else SLUGGISH_SHARE * peak if peak else SLUGGISH):
        return None
    usual = f"where this CPU can do some {peak:.0f}" if peak else "where tens are usual"
    runs = f"a float32 matrix product runs at {rate:.2g} GFLOP/s on one core, {usual}"
    if by := processor.emulator():
        return Line("WARN", "speed", f"{runs}: this CPU is emulated by {by}", machine.HOW_TO_EMULATE[by])
    if tuned:
        return Line(
            "WARN", "speed", f"{runs}: the BLAS of this build ({file or blas}) is fast, so the machine is slow or busy",
            "run torchproof check again while nothing else runs (see top)",
        )  # fmt: skip
    which = file or blas or "it does not say which"
    which += ", the reference library" * is_reference(blas, file)
    return Line("WARN", "speed", f"{runs}: its BLAS ({which}) is not made for this CPU", _faster_blas(file))


def _faster_blas(file: str) -> str:
    if re.search(r"/libblas\.so\.3", file):  # torch takes whatever the system has under this name
        install = "apt-get install libopenblas0" if shutil.which("apt-get") else "install the system's OpenBLAS"
        return f"{install}, which takes the place of libblas.so.3 for every program"
    return "install a build with MKL or OpenBLAS: python -m pip install --force-reinstall torch"


def _told(rate: float, value: Mapping[str, Mapping[str, Any]]) -> str:
    ratios = {_named(dtype, device): one for device, told in value.items() for dtype, one in _ratios(told).items()}
    refused = [
        _named(dtype, device) for device, told in value.items() for dtype, one in told.items() if isinstance(one, str)
    ]
    times = ", ".join(f"{name} {ratio:.1f}" for name, ratio in ratios.items())
    none = f"; none of {', '.join(refused)}" if refused else ""
    return f"matrix products: float32 {rate:.0f} GFLOP/s on one core, times as long: {times}{none}"
