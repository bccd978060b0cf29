"""From the error of something that was built against torch, or of torch itself, to its cause and the next step."""

from __future__ import annotations

import re

REINSTALL = "reinstall it: python -m pip install --force-reinstall {package}"
_GONE = "some of its files are gone or are of another release"

# The first pattern that the error matches tells. `{package}` is what was loaded, and {1} what the pattern found.
_CAUSES = [
    (
        r"No module named '(torch)'",
        "torch is not installed for this Python",
        "install it as https://pytorch.org/get-started/locally says, or run torchproof with the Python that has it",
    ),
    (r"No module named '({package}\.[\w.]+)'", _GONE, REINSTALL),
    (r"No module named '([\w.]+)'", "it needs the package {1}, which is missing", "python -m pip install {1}"),
    (r"died of SIGILL", "it was built for instructions that this CPU does not have",
     "install a build for this CPU (for one without AVX2, an older release or a build of your own)"),
    (r"died of SIGKILL", "the system ended it, often for want of memory", "see `dmesg`, and the memory limit here"),
    (r"died of SIG(?:SEGV|BUS|ABRT|FPE)", "its own code crashed",
     "look for two builds in one environment: python -m pip list, and LD_LIBRARY_PATH, LD_PRELOAD; then " + REINSTALL),
    (r"no answer within", "it hangs", "see where with py-spy dump, or with faulthandler.dump_traceback_later"),
    (r"undefined symbol", "it was built for another build of torch, or a library of another build is found first",
     "install the build that goes with this torch, and see whether LD_LIBRARY_PATH names another torch"),
    (r"Symbol not found|procedure could not be found", "it was built for another build of torch",
     "install the build that goes with this torch"),
    (r"version `?(GLIBC\w*_[\d.]+)'? not found", "this system's C or C++ library is older than {1}",
     "use a build for older systems, or a newer system; in conda, install libstdcxx-ng"),
    (r"(libcuda)\.so", "the NVIDIA driver's library is missing", "install the driver, or a build without CUDA"),
    (r"(lib(?:cu|nv|nccl)[\w-]*\.so[.\d]*)(?:: cannot open|\S* not found in the system path)",
     "{1} is missing, which comes with the nvidia packages that a CUDA build needs",
     "install its dependencies too (--no-deps leaves them out): python -m pip install --force-reinstall {package}"),
    (r"(lib(?:torch|c10|shm)\w*\.(?:so|dylib)\S*): cannot open", "torch's own {1} is missing",
     "reinstall torch: python -m pip install --force-reinstall torch"),
    (r"(\S+\.so[.\d]*): cannot open shared object file", "the library {1} is missing",
     "install the system's package that has {1}"),
    (r"file too short|invalid ELF header|wrong ELF|not a valid Win32", "a file of it is damaged or of another platform",
     REINSTALL),
    (r"(\S+)::(\w+) does not exist", "it was built for another build of torch",
     "install the build that goes with this torch"),
    (r"different CUDA major versions", "it and torch were built for different CUDA",
     "install both from the same index"),
    (r"Numpy is not available|_ARRAY_API not found|compiled using NumPy 1", "torch was built for another NumPy",
     "python -m pip install 'numpy<2'"),
    (r"has no attribute|cannot import name|No such file or directory", _GONE, REINSTALL),
]  # fmt: skip


def explain(error: str, package: str = "torch") -> tuple[str, str]:
    """The cause in words, with the error's own, and what to do next."""
    said = _shortened(error)
    for pattern, cause, advice in _CAUSES:
        if found := re.search(pattern.replace("{package}", re.escape(package)), error):
            name = found[1] if found.groups() else ""
            return (
                f"{cause.replace('{1}', name or '')} ({said})",
                advice.replace("{1}", name or "").replace("{package}", package),
            )
    return said, ""


def _shortened(error: str, most: int = 240) -> str:
    text = " ".join(error.split())
    return text if len(text) <= most else text[: most - 1] + "…"
