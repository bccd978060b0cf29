"""What C++ extensions meet in the headers of each release: the standard they are written in, files, macros.

`headers.tsv` has the headers and macros, each with the releases that have it: `2.1-2.6` is from 2.1 up to 2.6, which no
longer has it. It is written here, from what each release answers to reports/releases/cpp.py.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import TypedDict

from torchproof import data, releases
from torchproof.reports import Refusal
from torchproof.reports.releases import cuda, platforms

HELP = "Write what the C++ headers of each release have, from what the releases answered."
FILE = Path(releases.__file__).with_name("headers.tsv")
# The oldest standard by which the headers compile, and since when: `#error` says so, or else the compiler
# (`g++ -fsyntax-only` of `#include <torch/extension.h>`), which was asked where releases differ.
_STANDARDS = {"2.0": 14, "2.1": 17, "2.14": 20}
_ASKS_ITSELF = "2.15"  # for the standard: since then the target `torch` of CMake has it as a feature
# Until then torch.utils.cpp_extension told the compiler the C++ ABI of torch behind what an extension asks for.
_LEAVES_THE_ABI = "2.8"
_YEARS = {"98": 98, "03": 98, "0x": 11, "1y": 14, "1z": 17, "2a": 20, "2b": 23, "2c": 26}
_FLAG = re.compile(
    r"(?<![\w-])(?:(?:--?std[=: ]|/std:|cpp_std=)(?:c|gnu|vc)\+\+"
    r"|(?:CMAKE_)?(?:CXX|CUDA)_STANDARD[ =]|(?:cxx|cuda)_std_)(\w\w)\b"
)
# Macros of other names may be anybody's; of other devices than the wheel's, that was asked, headers may be left out.
_IS_OURS = {
    "included": re.compile(r"(?!.*(mps|xpu|hip|mtia|vulkan|metal)(/|_|$))", re.IGNORECASE),
    "expanded": re.compile(r"(AT|C10|TORCH|CAFFE2|AOTI|THC?)_|THC"),
    "dispatched": re.compile(""),
}
# Headers that compile by older standards too (`g++ -std=c++17 -fsyntax-only` in 2.15): of what stays the same for long.
_LASTING = re.compile(r"torch/(csrc/stable|headeronly|csrc/inductor/aoti_torch/c)/|c10/macros/")
# By which headers are torch's; those of single operators are not all in the table.
_OF_TORCH = re.compile(r"(ATen(?!/ops/)|c10|torch|THC?|THCUNN)/")
# What was there before 2.0, and what there is in its place.
_BEFORE = {
    "AT_CHECK": "TORCH_CHECK",
    "TH/TH.h": "ATen/ATen.h",
    "THC/THC.h": "ATen/cuda/CUDAContext.h",
    "THC/THCGeneral.h": "ATen/cuda/CUDAContext.h",
    "THCCeilDiv": "at::ceil_div",
    "THCState_getCurrentStream": "at::cuda::getCurrentCUDAStream",
    "THCudaCheck": "C10_CUDA_CHECK",
    "THCudaFree": "c10::cuda::CUDACachingAllocator::raw_delete",
    "THCudaMalloc": "c10::cuda::CUDACachingAllocator::raw_alloc",
}
HOWS = ("compiled", "configured", "linked", "targeted", "included", "expanded", "dispatched")
_OF_NVCC = re.compile(r"(?:arch=|-arch[= ])(?:compute|sm)_(\d+)(\d)[af]?\b|code=\[?(?:compute|sm)_(\d+)(\d)[af]?\b")
_LISTED = re.compile(r"\d+\.\d[af]?(?:\+PTX)?(?:[; ]+\d+\.\d[af]?(?:\+PTX)?)*;?")  # in TORCH_CUDA_ARCH_LIST


def standard(flags: str) -> int | None:
    """The standard of C++ that compiler flags ask for, the last one where there are several."""
    found = _FLAG.findall(flags) if "std" in flags or "_STANDARD" in flags else []
    return as_standard(found[-1]) if found else None


def has_old_abi(flags: str) -> bool:
    """Whether compiler flags ask for the C++ ABI of before GCC 5."""
    return re.search(r"-D\s*_GLIBCXX_USE_CXX11_ABI=0\b", flags) is not None


def targets(flags: str) -> Iterator[str]:
    """The GPUs that flags, or TORCH_CUDA_ARCH_LIST, have nvcc compile for: those together that the same releases do."""
    if _LISTED.fullmatch(flags.strip()):
        found = re.findall(r"\d+\.\d", flags)
    else:
        found = [".".join(filter(None, one)) for one in _OF_NVCC.findall(flags)]
    alike: dict[tuple[bool, ...], list[str]] = {}
    for one in dict.fromkeys(found):
        alike.setdefault(tuple(_not_compiled(one, release) is None for release in known()), []).append(one)
    yield from (f"compute capability {', '.join(some)}" for works, some in alike.items() if not all(works))


def macros(flags: str) -> list[str]:
    """The macros that compiler flags define."""
    return re.findall(r"(?<![\w-])[-/]D\s*([A-Za-z_]\w*)", flags) if "D" in flags else []


def as_standard(digits: str) -> int | None:
    """A standard by its digits: 17 for '17' and '1z'; None for what is none."""
    return _YEARS.get(digits) or (int(digits) if digits.isdecimal() else None)


def fault(how: str, name: str, release: str) -> str | None:
    """Why a release does not compile what is used: a standard by its flag, a header or a macro by its name.

    A standard that is 'configured' is one that CMake is told for sources that are linked with its target `torch`, and
    'linked' is a flag that says the C++ ABI; 'targeted' are GPUs for which nvcc is to compile.
    """
    if how in ("compiled", "configured"):
        return _too_old(how, name, release)
    if how == "linked":
        return _of_another_abi(name, release)
    if how == "targeted":
        return _not_compiled(name, release)
    having = table().get((how, name))
    if having is None or release in having:
        return None
    if how == "dispatched":
        return f"torch {release} takes x.scalar_type() in AT_DISPATCH_…, and no longer x.type()"
    kind = "header" if how == "included" else "macro"
    return f"torch {release} has no such {kind}"


def _too_old(how: str, name: str, release: str) -> str | None:
    given = standard(name)
    newer = [one for one in _until(release) if given is not None and (one[1] - 98) % 100 > (given - 98) % 100]
    if not newer:
        return None
    (since, wanted), *later = newer
    wants = f"the headers of torch {since} and newer want C++{wanted}"
    wants += "".join(f", those of {one} and newer C++{number}" for one, number in later)
    if how == "compiled":
        return f"{wants}: {name} fails"
    if releases.number(release) >= releases.number(_ASKS_ITSELF):
        return None
    return f"{wants}, and CMake is told so from {_ASKS_ITSELF} on only: {name} fails"


def _of_another_abi(flag: str, release: str) -> str | None:
    if releases.number(release) < releases.number(_LEAVES_THE_ABI):
        return None
    built = f"torch {_LEAVES_THE_ABI} and newer are built with the other C++ ABI"
    return f"{built}: with {flag} their symbols are not found"


def _not_compiled(target: str, release: str) -> str | None:
    """Extensions are built with the nvcc of the CUDA that torch is built for: its major version must be the same."""
    wheels = platforms.newest(release)
    built = wheels.built.get("cuda") if wheels else None
    if not built or all(cuda.compiles(built, one) for one in re.findall(r"\d+\.\d", target)):
        return None
    return f"nvcc of CUDA {built}, for which the package index's wheels of {release} are built, does not compile for it"


def wants_standard(header: str) -> bool:
    """Whether a header compiles by the standard of its release and newer ones alone."""
    return ("included", header) in table() and not _LASTING.match(header)


def is_nowhere(how: str, name: str) -> bool:
    """Whether certainly no release has a header or macro, which is of torch by its name."""
    if how == "included" and not _OF_TORCH.match(name):
        return False
    return how in ("included", "expanded") and bool(_IS_OURS[how].match(name)) and (how, name) not in table()


def meant(name: str) -> str:
    """What to write in place of a header or macro that no release has."""
    return f"it was before 2.0, in its place is {_BEFORE[name]}" if name in _BEFORE else ""


def least(release: str) -> int:
    """The oldest standard of C++ by which the headers of a release compile."""
    return _until(release)[-1][1]


def _until(release: str) -> list[tuple[str, int]]:
    """The standards of the releases up to one, each with the first that wants it."""
    return [one for one in _STANDARDS.items() if releases.number(one[0]) <= releases.number(release)]


@cache
def known() -> list[str]:
    """The releases of which the headers are known."""
    return next(line.split()[1:] for line in _rows() if line.startswith("releases "))


@cache
def table() -> dict[tuple[str, str], frozenset[str]]:
    """The releases that have each header ('included') and macro ('expanded'), and take a type ('dispatched')."""
    found: dict[tuple[str, str], frozenset[str]] = {}
    for line in _rows():
        if "\t" in line:
            how, name, ranges = line.split("\t")
            found[how, name] = frozenset(one for span in ranges.split(",") for one in _within(span, known()))
    return found


def _rows() -> list[str]:
    return FILE.read_text(encoding="utf-8").splitlines()


def _within(span: str, all_: list[str]) -> list[str]:
    since, _, until = span.partition("-")
    return all_[all_.index(since) : all_.index(until) if until else None]


# Writing the table

# How a name is used, where a release has it for itself, and where it has it at all.
_KINDS = (
    ("included", "headers", "headers"),
    ("expanded", "macros", "words"),
    ("dispatched", "dispatched", "dispatched"),
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("answers", nargs="+", type=Path, metavar="FILE", help="2.6.json: what a release answered")
    parser.add_argument("-o", "--output", type=Path, default=FILE, help=f"the table (default: {FILE.name})")


def command(options: argparse.Namespace) -> int:
    """Write the table."""
    for file in options.answers:
        if not releases.is_release(file.stem):
            raise Refusal(f"{file} is not named as a release is: 2.6.json")
    files = sorted(options.answers, key=lambda file: releases.number(file.stem))
    answers = {file.stem: data.document(file, _Answer) for file in files}
    options.output.write_text("\n".join(_lines(answers)) + "\n", encoding="utf-8")
    return 0


class _Answer(TypedDict):
    """What reports/releases/cpp.py writes of a release."""

    headers: list[str]
    macros: list[str]
    words: list[str]
    dispatched: list[str]


def _lines(answers: dict[str, _Answer]) -> Iterator[str]:
    yield "# The headers and macros of each release: python -m torchproof headers 2.0.json ..."
    yield f"releases {' '.join(answers)}"
    for how, kind, anywhere in _KINDS:
        names = {name for answer in answers.values() for name in answer[kind] if _IS_OURS[how].match(name)}
        having = {release: set(answer[anywhere]) for release, answer in answers.items()}
        for name in sorted(names):
            has = [name in here for here in having.values()]
            yield f"{how}\t{name}\t{','.join(_spans(list(answers), has))}"


def _spans(all_: list[str], has: Iterable[bool]) -> Iterator[str]:
    since = ""
    for release, is_there in zip(all_, has):
        if is_there and not since:
            since = release
        elif since and not is_there:
            yield f"{since}-{release}"
            since = ""
    if since:
        yield f"{since}-"
