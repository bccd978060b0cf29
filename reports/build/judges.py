"""What a probe's answer means: OK, WARN or FAIL, and what to do next."""

from __future__ import annotations

import csv
import importlib.metadata
import os
import platform
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from torchproof import processor
from torchproof.builds import lacking
from torchproof.reports.build import machine, shadows
from torchproof.reports.build.causes import REINSTALL, blamed_distributions, explain, shortened
from torchproof.reports.build.computed import judge_numbers
from torchproof.reports.build.libraries import Linked
from torchproof.reports.build.lines import Build, Line
from torchproof.reports.build.pairs import judge_torchvision, kind_of
from torchproof.reports.build.requirements import command, is_of_the_system, required, unmet, version_of
from torchproof.reports.build.runner import Answer
from torchproof.reports.build.speed import blas_of, judge_speed

SMALL_SHARED_MEMORY = 64 << 20  # what Docker gives unless asked

# The oldest NVIDIA driver that runs each CUDA, by its major version, on Linux and on Windows: the table "Minimum
# Required Driver Version for CUDA Minor Version Compatibility" of
# https://docs.nvidia.com/cuda/cuda-toolkit-release-notes/index.html
_DRIVERS = {10: (440, 441), 11: (450, 452), 12: (525, 528), 13: (580, 580)}


def judge_import(place: str | None, answer: Answer, own: Mapping[str, Path] | None = None, culprit: str = "") -> Line:
    """Whether `import torch` does; `culprit` is the name of one's `own` file that keeps it from that."""
    if answer.error:
        cause, advice = _why_not_imported(place, answer, own or {}, culprit)
        found = f" from {place}" if place else f" by {sys.executable}"
        return Line("FAIL", "torch", f"cannot be imported{found}: {cause}", advice)
    build = answer.value
    kind = kind_of(build["version"])
    says = f"{build['version']}{f' ({kind})' if kind else ''} is imported in {build['seconds']} s from {place}"
    if build["debug"]:
        advice = "measure on a release build: python -m pip install --force-reinstall torch"
        return Line("WARN", "torch", f"{says}; it is a debug build, many times slower", advice)
    return Line("OK", "torch", says)


def _why_not_imported(place: str | None, answer: Answer, own: Mapping[str, Path], culprit: str) -> tuple[str, str]:
    error = answer.error or ""
    if culprit:
        return f"{own[culprit]} is taken for {_whose(culprit)} ({shortened(error)})", _rename(own[culprit])
    if place and not version_of("torch") and Path(place).is_dir() and not any(Path(place).glob("*.py")):
        cause, advice = explain("No module named 'torch'")
        return f"{cause}; the folder {place} only has its name", advice
    return explain(error, chain=answer.chain) if place or "SIG" in error else explain("No module named 'torch'")


def judge_requirements(answer: Answer) -> Line:
    """Whether what torch requires is installed: a FAIL where it cannot be imported for want of it."""
    version = version_of("torch")
    if version is None:
        return Line("OK", "requirements", "torch was not installed as a package, so it does not say what it requires")
    lacking = unmet("torch")
    if not lacking:
        count = len(list(required("torch")))
        return Line("OK", "requirements", f"all {count} packages that torch {version} asks for are here")
    if is_of_the_system() and not answer.error and all(one.found for one in lacking):
        # A distribution tries its packages together, and does not always write so into the metadata.
        says = f"torch {version} asks for {', '.join(map(str, lacking))}: the system's packages, tried together there"
        return Line("OK", "requirements", says)
    guilty = blamed_distributions(answer.error, answer.chain) if answer.error else set()
    status = "FAIL" if any(one.name in guilty for one in lacking) else "WARN"
    places = {one.place for one in lacking if one.place}
    also = f"; and take {' and '.join(sorted(places))} from PYTHONPATH" if places else ""
    more = f" and {len(lacking) - 4} more" if len(lacking) > 4 else ""
    says = f"torch {version} asks for {', '.join(map(str, lacking[:4]))}{more}"
    return Line(status, "requirements", says, command(one.asks for one in lacking) + also)


def judge_shadows(own: Mapping[str, Path], loaded: Iterable[str], culprit: str) -> Line:
    """Whether files of one's own are taken for torch, for what it requires or for a module of Python's own."""
    names = shadows.counted(own, loaded, culprit)
    if not names:
        return Line("OK", "shadows", "no file here or on PYTHONPATH is taken for torch or for what it imports")
    told = ", ".join(f"{own[name]} for {_whose(name)}" for name in names)
    says = f"a program that is started here takes {told}"
    return Line("FAIL" if culprit else "WARN", "shadows", says, "; ".join(_rename(own[name]) for name in names))


def _whose(name: str) -> str:
    return f"Python's own module {name}" if name in sys.stdlib_module_names else f"the package {name}"


def _rename(path: Path) -> str:
    """What to do about a file or folder that has the name of a module: a folder may also be a checkout of it."""
    if path.suffix == ".py":
        return f"rename it: mv {path} {path.with_name('my_' + path.name)}"
    return f"rename the folder {path}, or start Python in another one than {path.parent}"


def judge_install(place: Path | None) -> Line:
    """Whether the torch that is imported is the one that was installed, with all its files."""
    try:
        installed = importlib.metadata.distribution("torch")
    except importlib.metadata.PackageNotFoundError:
        return Line("OK", "files", "torch was not installed as a package, so there is no list of its files")
    entries = list(csv.reader((installed.read_text("RECORD") or "").splitlines()))
    in_place = re.search(r'"editable":\s*true', installed.read_text("direct_url.json") or "")
    if in_place or not entries:
        return Line("OK", "files", f"torch {installed.version} was installed without a list of its files")
    home = Path(str(installed.locate_file("torch")))
    if place and home.resolve() != place.resolve():
        says = f"the torch in {place} is imported, and stands before the installed {installed.version} in {home}"
        return Line("WARN", "files", says, f"take {place.parent} from PYTHONPATH, or start Python in another folder")
    wrong = [told for name, _, size in entries if (told := _damage(_place(installed, name), size))]
    if not wrong:
        return Line("OK", "files", f"all {len(entries)} files of torch {installed.version} are there")
    says = f"{len(wrong)} of {len(entries)} files of torch {installed.version} are not as installed: {wrong[0]}"
    harmless = not any(re.search(r"\.(py|so|dll|dylib)[.\d]* ", told) for told in wrong)
    return Line("WARN" if harmless else "FAIL", "files", says, REINSTALL.format(package="torch"))


def _place(installed: importlib.metadata.Distribution, name: str) -> Path:
    """Where a file that was installed is: scripts stand outside, or, by `pip install --target`, in a folder beside."""
    place = Path(str(installed.locate_file(name)))
    if not name.startswith("../") or place.exists():
        return place
    return Path(str(installed.locate_file(re.sub(r"^(\.\./)+", "", name))))


def judge_capability(used: str | None, best: str | None, environ: Mapping[str, str]) -> Line:
    """Whether torch's own kernels use the instructions that the CPU has."""
    if used is None or best is None:
        return Line("OK", "cpu", f"{processor.model()}; torch uses {used or 'its default kernels'}")
    if used not in ("AVX2", "AVX512") and best != "DEFAULT":
        asked = environ.get("ATEN_CPU_CAPABILITY")
        why = f"ATEN_CPU_CAPABILITY={asked} says so" if asked else "it may be built without the faster ones"
        advice = "unset ATEN_CPU_CAPABILITY" if asked else "install a build with AVX2 kernels"
        return Line("WARN", "cpu", f"torch uses {used} kernels where the CPU has {best}: {why}", advice)
    also = f" (the CPU has {best} too: ATEN_CPU_CAPABILITY=avx512)" if used != best else ""
    return Line("OK", "cpu", f"{processor.model()}; torch uses {used}{also}")


def judge_threads(threads: int, cores: int, limit: str, environ: Mapping[str, str]) -> Line:
    """Whether torch runs as many threads as there are cores for it."""
    says = f"{threads} thread{'s' * (threads != 1)} on {cores} core{'s' * (cores != 1)}"
    asked = [f"{name}={environ[name]}" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS") if name in environ]
    if threads == 1 and (cores > 1 or limit):
        why = " and ".join(asked) or limit or "torch was built so, or a program set it"
        return Line("WARN", "threads", f"one thread only: {why}", _more_threads(asked, limit))
    if threads > cores and limit:
        return Line(
            "WARN",
            "threads",
            f"{says}: {limit}, and the threads wait for each other",
            f"export OMP_NUM_THREADS={cores}",
        )
    return Line("OK", "threads", f"{says}{f' ({limit})' if limit else ''}{f', {asked[0]}' if asked else ''}")


def judge_lapack(build: Build) -> Line:
    """Whether there is a library of linear algebra inside."""
    if build["lapack"]:
        file = f" ({build['blas_file']})" if build.get("blas_file") else ""
        return Line("OK", "blas", f"{blas_of(build) or 'there is one'}{file}, with LAPACK")
    advice = "install a build with LAPACK: python -m pip install --force-reinstall torch"
    return Line("WARN", "blas", "built without LAPACK: torch.linalg refuses on the CPU", advice)


def judge_numpy(answer: Answer, build: Build) -> Line:
    """Whether tensors go to NumPy and back."""
    if not answer.error:
        return Line("OK", "numpy", f"NumPy {answer.value} takes tensors and gives them")
    version = version_of("numpy")
    if "No module named 'numpy'" in answer.error and not version:
        return Line(
            "WARN",
            "numpy",
            "NumPy is not installed: tensor.numpy() and from_numpy are refused",
            "python -m pip install numpy, where they are wanted",
        )
    cause, advice = explain(answer.error, "numpy", answer.chain)
    return Line("FAIL", "numpy", f"NumPy {version} under torch {build['version']}: {cause}", advice)


def judge_devices(answer: Answer, build: Build) -> Line:
    """Whether an accelerator that is here can be used."""
    if answer.error:
        return _failed("devices", answer)
    told = answer.value
    if told["devices"]:
        return _judge_kernels(told["devices"], told["architectures"])
    if told["others"]:
        return Line("OK", "devices", f"{' and '.join(told['others'])} can be used")
    return judge_driver(build["cuda"], told["why"], *machine.nvidia(), os.environ)


def judge_driver(
    cuda: str | None, why: str | None, present: bool, driver: str | None, environ: Mapping[str, str]
) -> Line:
    """What it means that torch can use no NVIDIA device."""
    of = f"a build for CUDA {cuda}" if cuda else "a build without CUDA"
    if not present:
        return Line("OK", "devices", f"{of}, and no NVIDIA device here: it runs on the CPU")
    if not cuda:
        return Line(
            "WARN",
            "devices",
            f"{of}, and there is an NVIDIA device here, which it cannot use",
            "choose a CUDA build at https://pytorch.org/get-started/locally",
        )
    if (hidden := environ.get("CUDA_VISIBLE_DEVICES")) in ("", "-1"):
        return Line("OK", "devices", f"{of}; CUDA_VISIBLE_DEVICES={hidden!r} hides the NVIDIA device")
    major = int(cuda.split(".")[0])
    oldest = _DRIVERS.get(major, (None, None))[sys.platform == "win32"]
    runs = _newest_cuda(driver, why)
    is_here = f"driver {driver} is here" if driver else "no driver is seen here"
    if runs and runs < major:
        is_here = f"{is_here if driver else 'the driver'}, which runs CUDA {runs} at most"
    needs = f"; CUDA {cuda} needs {oldest} or newer" if oldest else ""
    said = f" ({why})" if why else ""
    says = f"{of} that cannot use the NVIDIA device here{said}: {is_here}{needs}"
    if runs and runs < major:
        newer = f"install NVIDIA's driver {oldest or 'for it'} or newer (https://www.nvidia.com/drivers)"
        older = f"a torch built for CUDA {runs} (https://pytorch.org/get-started/previous-versions)"
        return Line("WARN", "devices", says, f"{newer}; or {older}")
    advice = (
        "see `nvidia-smi`; a container needs docker run --gpus all; else a newer driver or a build for an older CUDA"
    )
    return Line("WARN", "devices", says, advice)


def _newest_cuda(driver: str | None, why: str | None) -> int | None:
    """The newest CUDA, by its major version, that the driver runs: by its own version, or as torch found it."""
    if found := re.search(r"found version (\d+)\d{3}\b", why or ""):
        return int(found[1])
    number = int(found[0]) if driver and (found := re.match(r"\d+", driver)) else None
    if number is None:
        return None
    return max((major for major, (oldest, _) in _DRIVERS.items() if oldest <= number), default=None)


def has_kernels(architectures: Sequence[str], capability: str) -> bool:
    """Whether a build for these runs on a device of this capability, as it is or compiled by the driver."""
    mine = tuple(map(int, capability.split(".")))
    for name in architectures:
        if found := re.fullmatch(r"(sm|compute)_(\d+)(\d)([af]?)", name):
            kind, built, exact = found[1], (int(found[2]), int(found[3])), found[4] == "a"
            if built == mine or (not exact and built <= mine and (kind == "compute" or built[0] == mine[0])):
                return True
    return False


def judge_openmp(answer: Answer, build: Build) -> Line:
    """Whether one OpenMP runtime serves the process; two make threads that do not know of each other."""
    if answer.error:
        return Line("SKIP", "openmp", f"what is loaded cannot be seen on {sys.platform}")
    kinds = {re.split(r"[-.]", Path(path).name)[0] for path in answer.value}
    if len(answer.value) < 2:
        return Line("OK", "openmp", f"one runtime: {Path(answer.value[0]).name}" if answer.value else "no runtime")
    both = " and ".join(answer.value)
    if kinds == {"libgomp"}:
        return Line("OK", "openmp", f"wheels bring GNU's runtime more than once, which is slower at worst: {both}")
    return Line(
        "WARN",
        "openmp",
        f"{len(answer.value)} runtimes in one process can crash or hang: {both}",
        "install torch and the other from one source (pip or conda, not both)",
    )


def judge_dataloader(answer: Answer, build: Build) -> Line:
    """Whether worker processes answer, and have room for their batches."""
    if answer.error:
        return _failed("dataloader", answer)
    room = machine.shared_memory()
    if room is not None and room <= SMALL_SHARED_MEMORY:
        says = f"a worker answers, but /dev/shm holds {room >> 20} MiB: one with larger batches dies of a bus error"
        return Line("WARN", "dataloader", says, "docker run --shm-size=8g, or --ipc=host")
    return Line("OK", "dataloader", "a worker process answers")


def judge_gloo(answer: Answer, build: Build) -> Line:
    """Whether two processes reduce."""
    if answer.error:
        return _failed("gloo", answer)
    return Line("OK", "gloo", "two processes add their tensors" if answer.value else "built without torch.distributed")


def judge_store(answer: Answer, build: Build) -> Line:
    """Whether the processes of torchrun would find each other."""
    if library := lacking(answer.error or ""):
        says = f"torchrun, and init_process_group by env:// or tcp://, ask for {library}, which this build has not"
        advice = "export USE_LIBUV=0, which init_process_group heeds and torchrun does not: start processes otherwise"
        return Line("WARN", "torchrun", says, advice if library == "libuv" else "take a build with it")
    if answer.error:
        return _failed("torchrun", answer)
    says = "its processes find each other" if answer.value else "built without torch.distributed"
    return Line("OK", "torchrun", says)


def judge_compile(answer: Answer, build: Build) -> Line:
    """Whether torch.compile traces on this Python and finds its compiler."""
    error = answer.error or ""
    if "not yet supported" in error or "not supported" in error:
        python = ".".join(platform.python_version_tuple()[:2])
        return Line("OK", "compile", f"torch {build['version']} has no torch.compile for Python {python}")
    causes, advice = [], []
    if error:
        cause, cure = explain(error, chain=answer.chain)
        causes.append(f"torch.compile cannot be used: {cause}")
        advice.append(cure)
    compiler, wrong = machine.compiler()
    if wrong:
        package = "g++" if compiler is None else "python3-dev" if "Python.h" in wrong else f"what {compiler} lacks"
        causes.append(f"torch.compile has no C++ compiler for the CPU: {wrong}")
        advice.append(f"install {package}, or name another compiler in CXX")
    if causes:
        return Line("WARN", "compile", "; ".join(causes), "; ".join(advice))
    return Line("OK", "compile", f"functions are traced, and {compiler} is there to compile them")


def judge_libraries(packages: Sequence[Linked], answers: Iterable[Answer]) -> Iterator[Line]:
    """Whether each package that links torch loads: a FAIL where it cannot be imported, a WARN for a library alone."""
    errors = {answer.probe: answer for answer in answers if answer.error}
    sound = []
    for package in packages:
        failed = [probe for probe in package.probes() if probe in errors]
        if not failed:
            sound.append(f"{package.name} {package.version}")
            continue
        kind, _, which = failed[0].partition("=")
        answer = errors[failed[0]]
        cause, advice = explain(answer.error or "", package.name, answer.chain)
        verb, status = ("be imported", "FAIL") if kind == "package" else ("be loaded", "WARN")
        yield Line(status, "libraries", f"{package.name} {package.version}: {which} cannot {verb}: {cause}", advice)
    if sound or not packages:
        says = f"{', '.join(sound)} links torch and loads" if sound else "no other installed package links torch"
        yield Line("OK", "libraries", says)


def judge_folders(unwritable: Iterable[str]) -> Line:
    """Whether what torch keeps can be written."""
    if refused := list(unwritable):
        return Line(
            "WARN",
            "folders",
            f"cannot be written: {'; '.join(refused)}",
            "make them writable, or name others in the variables",
        )
    return Line("OK", "folders", "what torch caches and a run records can be written")


def _passes(name: str, says: str) -> Callable[[Answer, Build], Line]:
    return lambda answer, build: _failed(name, answer) if answer.error else Line("OK", name, says)


def _failed(name: str, answer: Answer) -> Line:
    return Line("FAIL", name, *explain(answer.error or "", name if name.startswith("torch") else "torch", answer.chain))


def _judge_kernels(devices: Sequence[Mapping[str, Any]], architectures: Sequence[str]) -> Line:
    for device in devices:
        is_a = f"{device['name']} (sm_{device['capability'].replace('.', '')})"
        unknown = (
            architectures
            and architectures[0].startswith("sm_")
            and not has_kernels(architectures, device["capability"])
        )
        if device["error"] or unknown:
            why = device["error"] or "it is not among the architectures of this build"
            return Line(
                "FAIL",
                "devices",
                f"{is_a}: {why}; built for {' '.join(architectures)}",
                "choose a build for it at https://pytorch.org/get-started/locally",
            )
    return Line("OK", "devices", f"{', '.join(device['name'] for device in devices)}: a kernel runs on each")


def _more_threads(asked: Sequence[str], limit: str) -> str:
    if asked:
        return f"unset {' '.join(name.partition('=')[0] for name in asked)}, or torch.set_num_threads"
    return "give the container or the job more cores" if limit else "torch.set_num_threads"


def _damage(path: Path, size: str) -> str:
    """What is wrong with an installed file: gone, or of another size. What Python writes itself is left aside."""
    if path.suffix == ".pyc":
        return ""
    try:
        found = path.stat().st_size
    except OSError:
        return f"{path} is gone"
    return f"{path} has {found} bytes of {size}" if size and found != int(size) else ""


JUDGES: dict[str, Callable[[Answer, Build], Line]] = {
    "numpy": judge_numpy,
    "devices": judge_devices,
    "openmp": judge_openmp,
    "speed": judge_speed,
    "numbers": judge_numbers,
    "autograd": _passes("autograd", "a gradient is the one of the textbook"),
    "save, load": _passes("save, load", "what torch.save writes, torch.load reads"),
    "dataloader": judge_dataloader,
    "gloo": judge_gloo,
    "torchrun": judge_store,
    "compile": judge_compile,
    "torchvision": judge_torchvision,
    "torchaudio": _passes("torchaudio", "it is imported"),
}
# The probes that are not named as their check.
PROBES = {
    "openmp": "runtimes",
    "save, load": "files",
    "dataloader": "worker",
    "torchrun": "store",
    "compile": "dynamo",
    "torchaudio": "package=torchaudio",
}
