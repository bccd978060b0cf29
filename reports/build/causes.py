"""From the error of something that was built against torch, or of torch itself, to its cause and the next step."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from packaging.utils import canonicalize_name

from torchproof import processor, releases
from torchproof.reports.build import machine
from torchproof.reports.build.requirements import (
    Unmet,
    command,
    distribution_of,
    modules_of,
    quoted,
    required,
    unmet,
    version_of,
)
from torchproof.reports.build.runner import Raised

REINSTALL = "reinstall it: python -m pip install --force-reinstall {package}"
REPORT = "see all of it with python -c 'import {package}'; report it with torchproof check --for-issue"
_GONE = "some of its files are gone or are of another release"
_PAIR = "install the build that goes with this torch: python -m pip install -U {package}"
# The libraries of torch itself: other packages have libraries whose names begin like these.
TORCHS_OWN = (
    r"lib(?:torch(?:_(?:cpu|cuda|cuda_cu|cuda_cpp|cuda_linalg|hip|xpu|python|global_deps|nvshmem))?"
    r"|c10(?:_(?:cuda|hip|xpu))?|shm|caffe2_nvrtc)\.(?:so|dylib)"
)

# The first pattern that the error matches tells. `{package}` is what was loaded, and {1} what the pattern found.
_CAUSES = [
    (
        r"No module named '(torch)'",
        "torch is not installed for this Python",
        "install it as https://pytorch.org/get-started/locally says, or run torchproof with the Python that has it",
    ),
    (r"No module named '({package}\.[\w.]+)'", _GONE, REINSTALL),
    (r"died of SIGKILL", "the system ended it, often for want of memory", "see `dmesg`, and the memory limit here"),
    (r"died of SIG(?:SEGV|BUS|ABRT|FPE)", "its own code crashed",
     "look for two builds in one environment: python -m pip list, and LD_LIBRARY_PATH, LD_PRELOAD; then " + REINSTALL),
    (r"no answer within", "it hangs", "see where with py-spy dump, or with faulthandler.dump_traceback_later"),
    (r"undefined symbol", "it was built for another build of torch, or a library of another build is found first",
     _PAIR + "; see whether LD_LIBRARY_PATH names another torch"),
    (r"Symbol not found|procedure could not be found", "it was built for another build of torch", _PAIR),
    (r"version `?(GLIBC\w*_[\d.]+)'? not found", "this system's C or C++ library is older than {1}",
     "use a build for older systems, or a newer system; in conda, install libstdcxx-ng"),
    (r"(libcuda)\.so", "the NVIDIA driver's library is missing", "install the driver, or a build without CUDA"),
    (r"(\S+\.so[.\d]*): cannot open shared object file", "the library {1} is missing",
     "install the system's package that has {1}"),
    (r"file too short|invalid ELF header|wrong ELF|not a valid Win32", "a file of it is damaged or of another platform",
     REINSTALL),
    (r"(\S+)::(\w+) does not exist", "it was built for another build of torch", _PAIR),
    (r"different CUDA major versions", "it and torch were built for different CUDA",
     "install both from the same index: python -m pip install --force-reinstall torch {package}"),
    (r"Numpy is not available|_ARRAY_API not found|compiled using NumPy 1", "torch was built for another NumPy",
     "python -m pip install 'numpy<2'"),
    (r"built with baseline optimizations|cannot load module more than once per process",
     "NumPy cannot be imported, as for want of instructions on this CPU",
     "python -c 'import numpy' tells why; one that asks for less: python -m pip install 'numpy<2.4'"),
    (r"'(\w+)' object has no attribute '(?:param_groups|defaults|_optimizer_\w+|_zero_grad_profile_name)'",
     "the optimizer {1} is used before torch.optim.Optimizer's own __init__ has run",
     "call super().__init__(params, defaults) in the __init__ of {1}"),
    (r"Module\.__init__\(\) call|'(\w+)' object has no attribute '_(?:modules|parameters|buffers|backward_hooks)'",
     "a torch.nn.Module is used before its own __init__ has run",
     "call super().__init__() first in the __init__ of the module"),
    (r"(?:module '{package}[\w.]*'.* has no attribute|cannot import name .* from (?:partially initialized module )?"
     r"'{package}\b|No such file or directory)", _GONE, REINSTALL),
]  # fmt: skip

# The NVIDIA libraries by the word of the distribution that brings each.
_NVIDIA = {
    "cublas": "cublas", "cudart": "cuda-runtime", "cudnn": "cudnn", "cufft": "cufft", "cufile": "cufile",
    "cupti": "cuda-cupti", "curand": "curand", "cusolver": "cusolver", "cusparselt": "cusparselt",
    "cusparse": "cusparse", "nccl": "nccl", "nvjitlink": "nvjitlink", "nvrtc": "nvrtc", "nvtoolsext": "nvtx",
    "nvtx": "nvtx", "nvshmem": "nvshmem",
}  # fmt: skip
# Packages that have ended: their last release, and the newest torch that it was built for.
ENDED = {"torchtext": ("0.18", (2, 3))}

Explained = tuple[str, str]  # the cause in words, and what to do next


def explain(error: str, package: str = "torch", chain: Sequence[Raised] = ()) -> Explained:
    """The cause in words, with the error's own, and what to do next. `chain`: what raised it, itself first."""
    said = shortened(error)
    for raised in _in_order(error, chain):
        for rule in _RULES:
            if found := rule(raised, package):
                root = f"; the cause: {shortened(raised.text)}" if not _is_in(raised.text, error) else ""
                return f"{found[0]} ({said}{root})", found[1]
    roots = [shortened(one.text) for one in chain if one.link == "cause" and not _is_in(one.text, error)]
    return said + (f" (the cause: {roots[-1]})" if roots else ""), REPORT.format(package=package)


def shortened(error: str, most: int = 240) -> str:
    """The error on one line that is not too long."""
    text = " ".join(error.split())
    return text if len(text) <= most else text[: most - 1] + "…"


def blamed_distributions(error: str, chain: Sequence[Raised]) -> set[str]:
    """The distributions, other than torch, that an error is about."""
    found: set[str] = {
        canonicalize_name(asked.name) for raised in _in_order(error, chain) if (asked := _asked_for(raised))
    }
    named = {top for raised in _in_order(error, chain) for top in _modules_of(raised) if top != "torch"}
    return found | {canonicalize_name(name) for top in named if (name := distribution_of(top))}


def _in_order(error: str, chain: Sequence[Raised]) -> list[Raised]:
    """What tells most first: what the error was said to be caused by, the root before all; itself; what came before."""
    itself = chain[0] if chain else Raised(error)
    causes = []
    for one in chain[1:]:
        if one.link != "cause":
            break
        causes.append(one)
    return [*reversed(causes), Raised(error, itself.file), *chain[1 + len(causes) :]]


def _is_in(text: str, error: str) -> bool:
    return shortened(text.partition(": ")[2] or text) in shortened(error, 10_000)


# --- rules: each gives the cause and the next step, or None where it has nothing to say ------------------------------


def _died_of_an_instruction(raised: Raised, package: str) -> Explained | None:
    if "died of SIGILL" not in raised.text:
        return None
    emulator = "QEMU" if "qemu:" in raised.text else processor.emulator()
    has, lacks = machine.instructions()
    who = _other(raised, package)
    it = f"{who} {version_of(distribution_of(who)) or ''}".strip() if who else "it"
    cause = f"{it} was built for instructions that this CPU does not have"
    if emulator:
        return f"{cause}: it is emulated by {emulator}", machine.HOW_TO_EMULATE[emulator]
    if lacks:
        return (
            f"{cause}: of {' '.join([*has, *lacks])} it lacks {' '.join(lacks)}",
            f"{_older(who)}; in a virtual machine, give it the host's CPU",
        )
    all_of = f", though it has {' '.join(has)}" if has else ""
    return cause + all_of, (
        "try ATEN_CPU_CAPABILITY=default ONEDNN_MAX_CPU_ISA=SSE41; where that helps, this CPU or its virtual "
        f"machine refuses an instruction that it announces; else {_older(who)}"
    )


def _older(module: str) -> str:
    # NumPy's wheels need SSE4.2 and POPCNT since 2.4 and say so where they live long enough; torch's own were seen to
    # run without, on an emulated Conroe.
    if module == "numpy":
        return "install a NumPy that asks for less: python -m pip install 'numpy<2.4'"
    return f"install a build of {module or 'it'} for this CPU: an older release, or one of your own"


def _is_unmet(raised: Raised, package: str) -> Explained | None:
    """A requirement of the package, or of torch, which the error is about, is missing or of the wrong release."""
    tops = {top for top in _modules_of(raised) if top not in ("torch", package)}
    names = {canonicalize_name(name) for top in tops if (name := distribution_of(top))}
    for owner, levels in {package: 1, "torch": 2}.items():
        for one in unmet(owner, levels=levels):
            if one.name in names or modules_of(one.name) in tops:
                return f"{owner} asks for {one}", command([one.asks])
    return None


def _lacks_a_module(raised: Raised, package: str) -> Explained | None:
    found = re.search(r"No module named '([\w.]+)'", raised.text)
    top = found[1].partition(".")[0] if found else ""
    if not found or top in ("torch", package):
        return None
    module, needs = found[1], _needs(raised, package)
    if top in sys.stdlib_module_names:
        return (
            f"this Python was built without its module {module}",
            f"install a Python with it, from your system or python.org: {sys.executable} -c 'import {module}' tells",
        )
    asks = distribution_of(module)
    name = re.split("[<>=]", asks)[0]
    if version := version_of(name) if name else None:
        again = f"--force-reinstall {name}" if asks == name else quoted(asks)
        return f"{needs} the module {module}, and {name} {version} has none", f"python -m pip install {again}"
    often = f"install what has the module {top}, often: python -m pip install {top}"
    advice = command([asks]) if asks else often
    return f"{needs} the package {name or top}, which is missing", advice


def _needs(raised: Raised, package: str) -> str:
    """Who needs what is missing: the package, or the one in whose file that was said."""
    return f"{_other(raised, package) or 'it'} needs"


def _other(raised: Raised, package: str) -> str:
    """The installed package, neither this one nor torch, in whose file it was raised; '' of theirs."""
    who = _installed_top(raised.file)
    return "" if who in ("torch", package) else who


def _lacks_pkg_resources(raised: Raised, package: str) -> Explained | None:
    """Releases of torch before 2.4 import what setuptools gave up in steps, and their metadata do not say so."""
    if "'pkg_resources" not in raised.text:
        return None
    known = releases.supported().get(".".join((version_of("torch") or "").split(".")[:2]))
    asks = next((one for one in (known.also if known else []) if one.startswith("setuptools<")), "setuptools<82")
    here = version_of("setuptools")
    found = f"setuptools {here} is here" if here else "setuptools is not installed"
    return (
        f"{_needs(raised, package)} pkg_resources of {asks}, and {found}",
        f"python -m pip install {quoted(asks)}",
    )


def _crashed_elsewhere(raised: Raised, package: str) -> Explained | None:
    """The code of a package that it imports ended the process."""
    who = _other(raised, package)
    if not who or not re.search(r"died of SIG(?:SEGV|BUS|ABRT|FPE)", raised.text):
        return None
    name = distribution_of(who) or who
    return f"the code of {name} {version_of(name) or ''}".strip() + " crashed", REINSTALL.format(package=name)


def _is_of_a_requirement(raised: Raised, package: str) -> Explained | None:
    """A requirement of the right release that lacks a name, or fails in its own code."""
    for owner in dict.fromkeys((package, "torch")):
        asked = {modules_of(one.name): one for one in required(owner) if version_of(one.name)}
        for top in _modules_of(raised):
            if top in asked and top not in ("torch", package):
                one = asked[top]
                return (
                    f"the {one.name} {version_of(one.name)} that {owner} needs cannot be used",
                    f"python -m pip install --force-reinstall {quoted(f'{one.name}{one.specifier}')}",
                )
    return None


def _modules_of(raised: Raised) -> list[str]:
    """The top modules that an error is about: those that it names, then the one in whose file it was raised."""
    named = re.findall(r"(?:from|module|module named) '([\w.]+)'", raised.text)
    tops = [name.partition(".")[0] for name in named]
    if re.match(r"(Attribute|Import|Indentation|ModuleNotFound|Name|Syntax|Type|Value)Error", raised.text):
        tops.append(_installed_top(raised.file))
    return [top for top in dict.fromkeys(tops) if top]


def _installed_top(file: str) -> str:
    """The top module of an installed file; '' of another."""
    parts = Path(file).parts
    folders = [place for place, part in enumerate(parts[:-1]) if part in ("site-packages", "dist-packages")]
    return parts[folders[-1] + 1].partition(".")[0] if folders else ""


def _lacks_a_library_of_torch(raised: Raised, package: str) -> Explained | None:
    found = re.search(r"(lib(?:torch|c10|shm|caffe2)\w*\.(?:so|dylib)\S*): cannot open", raised.text)
    if not found:
        return None
    library = found[1]
    if not re.match(TORCHS_OWN, library):
        return f"its own library {library} is missing", REINSTALL.format(package=package)
    kind = re.search(r"_(cuda|hip|xpu|nvshmem)", library)
    if package != "torch" and kind:
        built = {"cuda": "CUDA", "nvshmem": "CUDA", "hip": "ROCm", "xpu": "XPU"}[kind[1]]
        return (
            f"it was built for a torch with {built}, and this one has no {library}",
            f"install both from one index: python -m pip install --force-reinstall torch {package}",
        )
    return f"torch's own {library} is missing", "reinstall torch: python -m pip install --force-reinstall torch"


def _lacks_a_library_of_nvidia(raised: Raised, package: str) -> Explained | None:
    found = re.search(
        r"(lib(?:cu(?!da\.)|nv|nccl)[\w-]*\.so[.\d]*)(?:: cannot open|\S* not found in the system path)", raised.text
    )
    if not found:
        return None
    cause = f"{found[1]} is missing, which comes with the nvidia packages that a CUDA build needs"
    if one := _asked_for(raised):
        if any(_same(lacking.name, one.name) for lacking in unmet("torch")):
            # Where one is missing, --no-deps left out the rest too: one command for all of them.
            return f"{cause}: torch asks for {one}", command(lacking.asks for lacking in unmet("torch"))
        if package != "torch":
            return (
                f"it was built for another CUDA than this torch, one that has {found[1]}",
                f"install both from one index: python -m pip install --force-reinstall torch {package}",
            )
        return f"{cause}: {one.asks} is installed", f"python -m pip install --force-reinstall {quoted(one.asks)}"
    return (
        cause,
        f"install its dependencies too (--no-deps leaves them out): python -m pip install --force-reinstall {package}",
    )


def _asked_for(raised: Raised) -> Unmet | None:
    """The requirement of torch that brings the NVIDIA library, or the symbol of one, which an error misses."""
    found = re.search(r"undefined symbol: _*([a-zA-Z]+)", raised.text)
    found = found or re.search(r"\blib([a-zA-Z]+)[\w-]*\.so", raised.text)
    missed = found[1].lower() if found else ""
    word = next((word for key, word in _NVIDIA.items() if missed.startswith(key)), None)
    if not word:
        return None
    lacking = next((one for one in unmet("torch") if word in one.name), None)
    asked = (one for top in required("torch") for one in (top, *required(top.name, top.extras)))
    whole = (Unmet(one.name, f"{one.name}{one.specifier}", version_of(one.name)) for one in asked if word in one.name)
    return lacking or next(whole, None)


def _has_ended(raised: Raised, package: str) -> Explained | None:
    """A package that has no release for this torch, nor will have."""
    torch = version_of("torch")
    release = tuple(map(int, re.findall(r"\d+", torch)[:2])) if torch else ()
    if package not in ENDED or release <= ENDED[package][1] or "No module named 'torch'" in raised.text:
        return None
    last, newest = ENDED[package]
    return (
        f"its last release, {last}, was built for torch {'.'.join(map(str, newest))}, and there is none for {torch}",
        f"remove it: python -m pip uninstall {package}; or keep it with python -m pip install "
        f"'torch=={'.'.join(map(str, newest))}.*'",
    )


def _is_of_another_library(raised: Raised, package: str) -> Explained | None:
    """torch itself meets an NVIDIA library of another release than it asks for."""
    one = _asked_for(raised) if "undefined symbol" in raised.text and package == "torch" else None
    if one is None:
        return None
    if any(_same(lacking.name, one.name) for lacking in unmet("torch")):
        return f"torch asks for {one}", command([one.asks])
    return (
        f"another library than that of {one.asks} is found first",
        f"unset LD_LIBRARY_PATH and LD_PRELOAD; else python -m pip install --force-reinstall {quoted(one.asks)}",
    )


def _was_built_for_another(raised: Raised, package: str) -> Explained | None:
    """A package whose metadata ask for another torch than the one that is here."""
    built = re.search(
        r"undefined symbol|Symbol not found|procedure could not|::\w+ does not exist|\.so\S*: cannot open", raised.text
    )
    if package == "torch" or not built:
        return None
    one = next((one for one in unmet(package, levels=1) if one.name == "torch"), None)
    if one is None:
        return None
    return (
        f"it was built for another build of torch: it asks for {one}",
        f"python -m pip install -U {package}, for a release that goes with this torch; "
        f"else python -m pip install {quoted(one.asks)}",
    )


def _is_in_the_table(raised: Raised, package: str) -> Explained | None:
    for pattern, cause, advice in _CAUSES:
        if found := re.search(pattern.replace("{package}", re.escape(package)), raised.text):
            name = (found[1] if found.groups() else "") or ""
            return cause.replace("{1}", name), advice.replace("{1}", name).replace("{package}", package)
    return None


def _same(one: str, other: str) -> bool:
    return canonicalize_name(re.split("[<>=]", one)[0]) == canonicalize_name(re.split("[<>=]", other)[0])


_RULES: tuple[Callable[[Raised, str], Explained | None], ...] = (
    _has_ended,
    _died_of_an_instruction,
    _crashed_elsewhere,
    _lacks_pkg_resources,
    _is_unmet,
    _was_built_for_another,
    _is_of_another_library,
    _lacks_a_library_of_torch,
    _lacks_a_library_of_nvidia,
    _lacks_a_module,
    _is_of_a_requirement,
    _is_in_the_table,
)
