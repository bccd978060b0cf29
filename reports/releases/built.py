"""Asks the torch of this interpreter what its wheel was built for: `python -I reports/releases/built.py FILE`.

Runs in the environment of one release, with torch and the standard library alone, and writes one JSON object. No GPU is
needed: all of it stands in the wheel.
"""

from __future__ import annotations

import json
import re
import sys
from importlib import metadata
from pathlib import Path

import torch

# What the header of NumPy 2 asks for at import, and that of NumPy 1 does not.
_NUMPY_2 = b"numpy._core._multiarray_umath"


def built() -> dict[str, object]:
    """What one wheel of torch was built with, and what it asks to stand beside it."""
    library = Path(torch.__file__).parent / "lib" / "libtorch_python.so"
    binary = library.read_bytes()
    minors = [int(minor) for minor in re.findall(rb"\0GLIBC_2\.(\d+)(?=\0)", binary)]
    return {
        "torch": torch.__version__.partition("+")[0],
        "requires": sorted(set(_requires())),
        "cuda": torch.version.cuda,
        "gpus": [_capability(one) for one in (torch._C._cuda_getArchFlags() or "").split() if one.startswith("sm_")],
        "cxx11-abi": torch._C._GLIBCXX_USE_CXX11_ABI,
        "numpy": 2 if _NUMPY_2 in binary else 1,
        "glibc": f"2.{max(minors)}",
    }


def _requires() -> list[str]:
    """What everybody gets with it: no extras, nor the compiler and the libraries of CUDA, which are its own."""
    texts = [re.sub(r"[()\s]", "", text) for text in metadata.requires("torch") or [] if "extra" not in text]
    return [text for text in texts if not re.match(r"nvidia-|cuda-|triton", text)]


def _capability(flag: str) -> str:
    """'sm_100' is compute capability 10.0."""
    digits = re.sub(r"\D", "", flag)
    return f"{digits[:-1]}.{digits[-1]}"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(built(), indent=1) + "\n", encoding="utf-8")
