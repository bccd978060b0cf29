"""What a build of torch has inside, in its own words: what it was made with, and what it says that it lacks.

Needs no torch: reports read the words of a record.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

# In what torch.__config__.show() prints.
_MADE_WITH = {
    "blas": r"BLAS_INFO=([^,\s]+)",
    "lapack": r"LAPACK_INFO=([^,\s]+)",
    "mkl": r"Math Kernel Library Version (\S+)",
    "onednn": r"MKL-DNN (v\S+)",
    "openmp": r"OpenMP (\S+)",
    "compiler": r"^\s*- ((?:GCC|clang|MSVC) \S+)",
}
# What a build calls a BLAS that is made for the CPU that it runs on.
_TUNED = {"accelerate", "armpl", "essl", "mkl", "nvpl", "open", "veclib"}
# The file of a shared library that gives torch its BLAS, whose folder tells which one it is.
BLAS = r"/lib(?:blas|cblas|openblas\w*|blis\w*|[st]?atlas|mkl_rt|nvpl_blas\w*|armpl\w*)[-.]"
# The library that a build was made without, as torch's C++ and Python say it, a form a line.
_MADE_WITHOUT = re.compile(
    r"requires compiling PyTorch with (\w+)"
    r"|\bnot (?:been )?compiled with (?:the )?(\w+)"
    r"|\bPyTorch (?:is|was)(?: compiled| built| build) without (\w+)"
    r"|(\w+) library not found in compilation"
    r"|doesn't have (\w+) built in"
    r"|not implemented .* without (\w+)\. PyTorch built with"
    r"|\bhook required (\w+) \d"
)
_USUAL = {"mkldnn": "oneDNN", "lapack": "LAPACK", "numpy": "NumPy", "fft": "FFT", "gloo": "gloo"}


def made_with(flags: str) -> dict[str, str]:
    """The libraries that a build says it was made with, each with its version or name."""
    found = {name: re.search(pattern, flags, re.MULTILINE) for name, pattern in _MADE_WITH.items()}
    return {name: match[1] for name, match in found.items() if match}


def told(libraries: Mapping[str, str]) -> str:
    """The libraries of a record's environment in one line: 'blas generic (/usr/lib/…), fft PocketFFT'."""
    said = dict(libraries)
    if file := said.pop("blas_file", ""):
        said["blas"] = f"{said.get('blas', '')} ({file})".strip()
    return ", ".join(f"{name} {value}" for name, value in said.items())


def is_reference(blas: str, file: str) -> bool:
    """Whether a build computes on the library that BLAS is defined by.

    That is the one that a build calls generic; where a system gives its name to another one, the file tells.
    """
    return "/blas/libblas.so" in file if file else blas.lower() == "generic"


def is_tuned(blas: str, file: str) -> bool:
    """Whether the BLAS of a build, by its own name for it and by its file, is made for the CPU that it runs on."""
    return blas.lower() in _TUNED or any(name in file for name in ("openblas", "blis", "mkl"))


def lacking(words: str) -> str | None:
    """The library that these words of torch say a build was made without, as it is usually called; else None."""
    found = _MADE_WITHOUT.search(words)
    name = next(filter(None, found.groups())) if found else None
    return _USUAL.get(name.lower(), name) if name else None
