"""The probes: `python child.py NAME…` asks them of the torch that this interpreter imports.

It runs in the environment's own Python with the standard library and torch alone. Each line that it writes
is JSON: the probe's name when it begins, then its `answer`, or its `error`. A probe that brings the process down takes
only itself along, since `runner` asks the rest in another process.
"""

from __future__ import annotations

import contextlib
import ctypes
import datetime
import faulthandler
import importlib
import importlib.util
import json
import math
import os
import re
import statistics
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterable, Iterator
from multiprocessing import get_context
from pathlib import Path
from typing import Any

HERE = str(Path(__file__).parent)
# The rows and columns of the matrices whose product is timed: enough to see the kernel, on a laptop too.
SIZES = {"cpu": 128, "cuda": 2048}


def where() -> str | None:
    """The folder or file that `import torch` would take; None where there is none. Imports nothing."""
    spec = importlib.util.find_spec("torch")
    if spec is None:
        return None
    return str(Path(spec.origin).parent) if spec.origin else str(next(iter(spec.submodule_search_locations or [""])))


def build() -> dict[str, Any]:
    """What torch says of itself, and how long it took to import."""
    began = time.perf_counter()
    import torch

    took = time.perf_counter() - began
    shown = torch.__config__.show()
    used = re.search(r"CPU capability usage: (.+)", shown)
    return {
        "seconds": round(took, 1),
        "version": str(torch.__version__),
        "git": torch.version.git_version,
        "cuda": torch.version.cuda,
        "hip": torch.version.hip,
        "debug": torch.version.debug,
        "capability": used[1].strip() if used else None,
        "lapack": torch._C.has_lapack,
        "threads": torch.get_num_threads(),
        "interop_threads": torch.get_num_interop_threads(),
        "flags": shown,
    }


def imported() -> dict[str, str | None]:
    """The files of the modules that are loaded by now, torch's import behind, or what of it came to pass."""
    return {name: getattr(module, "__file__", None) for name, module in sys.modules.items() if "." not in name}


def numpy() -> str:
    """NumPy's version, once a tensor has gone there and back."""
    import numpy
    import torch

    there = torch.ones(1).numpy()
    _expect(torch.from_numpy(there + there).tolist() == [2.0], "a tensor that went through NumPy came back changed")
    return numpy.__version__


def devices() -> dict[str, Any]:
    """The accelerators that this build can use here, and why it cannot use CUDA where it cannot."""
    import torch

    told: dict[str, Any] = {"others": [name for name in ("mps", "xpu") if _has(torch, name)], "devices": []}
    if not torch.cuda.is_available():
        return told | {"why": _why_no_cuda(torch)}
    told["architectures"] = torch.cuda.get_arch_list()
    for index in range(torch.cuda.device_count()):
        is_a = torch.cuda.get_device_properties(index)
        told["devices"].append(
            {
                "name": is_a.name,
                "capability": f"{is_a.major}.{is_a.minor}",
                "memory": is_a.total_memory,
                "error": _error_of_a_kernel(torch, index),
            }
        )
    return told


def loaded(pattern: str) -> list[str]:
    """The files of this process's libraries in whose paths the pattern is found."""
    maps = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace")
    return sorted({line.split(maxsplit=5)[-1] for line in maps.splitlines() if re.search(pattern, line)})


def runtimes() -> list[str]:
    """The OpenMP libraries that are loaded after torch and those that usually come with it."""
    for module in ("torch", "numpy", "scipy.linalg", "sklearn"):
        with contextlib.suppress(Exception):  # each has a probe of its own, or is not torch's matter
            importlib.import_module(module)
    return loaded(r"/lib(?:gomp|iomp5|omp)[-.]")


def speed() -> dict[str, dict[str, Any]]:
    """For each device, the seconds of a matrix product by dtype: a text where it is refused or wrong."""
    import torch

    threads = torch.get_num_threads()
    # Kernels are compared, not threads: those that spin while another process has their core say nothing.
    torch.set_num_threads(1)
    try:
        here = [device for device in SIZES if device == "cpu" or torch.cuda.is_available()]
        return {device: _speed(torch, device, SIZES[device]) for device in here}
    finally:
        torch.set_num_threads(threads)


def numbers() -> dict[str, Any]:
    """Which of the computations in kernels.py this build gets wrong, and which it refuses."""
    spec = importlib.util.spec_from_file_location("torchproof_kernels", Path(HERE, "kernels.py"))
    assert spec and spec.loader, "kernels.py stands beside this file"
    kernels = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(kernels)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that sparse CSR is in beta
        return kernels.answers()


def autograd() -> None:
    """The gradient of x·sin(x) is the one of the textbook."""
    import torch

    points = [0.5, -1.0, 2.0]
    x = torch.tensor(points, dtype=torch.float64, requires_grad=True)
    (x * x.sin()).sum().backward()
    assert x.grad is not None, "backward left no gradient"
    want = [math.sin(p) + p * math.cos(p) for p in points]
    right = all(math.isclose(g, w, rel_tol=1e-12) for g, w in zip(x.grad.tolist(), want))
    _expect(right, f"the gradient of x*sin(x) at {points} is {x.grad.tolist()}, and should be {want}")


def files() -> None:
    """What `torch.save` writes, `torch.load` reads."""
    import torch

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.pt"
        torch.save({"weight": torch.arange(3)}, path)
        got = torch.load(path, weights_only=True)["weight"].tolist()
    _expect(got == [0, 1, 2], f"[0, 1, 2] was saved and {got} loaded")


def worker() -> None:
    """A worker process of a DataLoader answers."""
    from torch.utils.data import DataLoader

    numbers = [0, 1, 2, 3]  # a list is as good as the `Dataset` that the annotation asks for
    loader = DataLoader(numbers, batch_size=2, num_workers=1, timeout=20)  # pyright: ignore[reportArgumentType]
    got = [batch.tolist() for batch in loader]
    _expect(got == [[0, 1], [2, 3]], f"the batches [0, 1] and [2, 3] came as {got}")


def gloo() -> bool:
    """Two processes of this machine add their tensors; False where torch was built without."""
    import torch.distributed as dist

    if not dist.is_available() or not dist.is_gloo_available():
        return False
    # A fork spares the import of torch; elsewhere than on Linux it is not safe.
    context = get_context("fork") if sys.platform == "linux" else get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        store = str(Path(folder) / "store")
        other = context.Process(target=_sum_of_ranks, args=(store, 1), daemon=True)
        other.start()
        total = _sum_of_ranks(store, 0)
        other.join(10)
    _expect(total == 3, f"the ranks have 1 and 2, and their sum came as {total}")
    return True


def store() -> bool:
    """The store by which processes find each other, as torchrun makes it; False where torch was built without."""
    import torch.distributed as dist

    if not dist.is_available():
        return False
    # documented, if not declared
    made = dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)  # pyright: ignore[reportPrivateImportUsage]
    made.set("key", "value")
    _expect(made.get("key") == b"value", "what was set in a TCPStore is not what it gives")
    return True


def dynamo() -> None:
    """`torch.compile` traces a function on this Python, and what its default backend imports is there."""
    import torch

    traced = torch.compile(lambda x: x + 1, backend="eager")
    _expect(traced(torch.ones(1)).tolist() == [2.0], "a traced function gives another result")
    importlib.import_module("torch.utils.cpp_extension")


def torchvision() -> None:
    """An operator of torchvision's own library runs."""
    import torch
    from torchvision.ops import nms

    kept = nms(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.tensor([1.0]), 0.5).tolist()
    _expect(kept == [0], f"nms of one box kept {kept}")


def package(name: str) -> None:
    """The package can be imported after torch."""
    import torch  # noqa: F401  as its users do

    importlib.import_module(name)


def load(library: str) -> None:
    """The library loads into a process that has torch."""
    import torch  # noqa: F401  its libraries are found by name once they are loaded

    ctypes.CDLL(library)


PROBES = {
    probe.__name__: probe
    for probe in (
        where, build, imported, numpy, devices, runtimes, speed, numbers, autograd, files, worker, gloo, store,
        dynamo, torchvision, package, load, loaded,
    )
}  # fmt: skip


def _expect(right: bool, otherwise: str) -> None:
    if not right:
        raise AssertionError(otherwise)


def _has(torch: Any, name: str) -> bool:
    module = getattr(torch.backends if name == "mps" else torch, name, None)
    return module is not None and module.is_available()


def _why_no_cuda(torch: Any) -> str | None:
    if torch.version.cuda is None and torch.version.hip is None:
        return None
    try:
        torch.cuda.init()
    except Exception as error:
        return _first_line(error)
    return None


def _error_of_a_kernel(torch: Any, index: int) -> str | None:
    try:
        got = (torch.ones(2, device=f"cuda:{index}") + 1).tolist()
    except Exception as error:
        return _first_line(error)
    return None if got == [2.0, 2.0] else f"1 + 1 is {got[0]}"


def _speed(torch: Any, device: str, size: int) -> dict[str, Any]:
    told: dict[str, Any] = {}
    operands = {}
    for name in ("float32", "float64", "bfloat16", "float16", "int8"):
        dtype = getattr(torch, name)
        x = (torch.arange(size * size, device=device) % 5).reshape(size, size).to(dtype)
        try:
            product = x @ torch.eye(size, device=device).to(dtype)
        except RuntimeError as error:
            told[name] = f"refused: {_first_line(error)}"
            continue
        if bool((product == x).all()):
            operands[name] = x
        else:
            told[name] = "wrong: a matrix times the identity is not the matrix"
    if device == "cuda":
        return told | _medians(operands, torch.cuda.synchronize, time.perf_counter)
    return told | _medians(operands, lambda: None, time.thread_time)  # what others take of the core does not count


def _medians(operands: dict[str, Any], wait: Any, clock: Any) -> dict[str, float]:
    """Interleaved, so that another process that takes the machine for a moment slows all of them."""
    seconds: dict[str, list[float]] = {name: [] for name in operands}
    for _ in range(9):
        for name, x in operands.items():
            wait()
            began = clock()
            x.matmul(x)
            wait()
            seconds[name].append(clock() - began)
    return {name: statistics.median(those) for name, those in seconds.items()}


def _sum_of_ranks(store: str, rank: int) -> float:
    import torch
    import torch.distributed as dist

    limit = datetime.timedelta(seconds=20)
    file = dist.FileStore(store, 2)  # pyright: ignore[reportPrivateImportUsage]  documented, if not declared
    dist.init_process_group("gloo", store=file, rank=rank, world_size=2, timeout=limit)
    x = torch.tensor([rank + 1.0])
    dist.all_reduce(x)
    dist.destroy_process_group()
    return x.item()


def _text(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error).strip()}"


def _chain(error: BaseException, most: int = 8) -> Iterator[dict[str, str]]:
    """The exception and those that led to it, as `runner.Raised` has them: a package often wraps what tells more."""
    link, one = "", error
    for _ in range(most):
        yield {"text": _text(one), "file": _file(one), "link": link}
        link, before = ("cause", one.__cause__) if one.__cause__ else ("context", one.__context__)
        if before is None or (link == "context" and one.__suppress_context__):
            return
        one = before


def _file(error: BaseException) -> str:
    """The file that raised it; of code that cannot be read, that file."""
    if isinstance(error, SyntaxError) and error.filename:
        return error.filename
    files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    return next((file for file in reversed(files) if not file.startswith("<frozen")), "")


def _first_line(error: BaseException) -> str:
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)


def main(names: Iterable[str]) -> None:
    """Ask each probe in turn: `load=/a/library.so` is one with an argument."""
    lines = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what packages print when they are imported is no answer
    if stack := os.environ.get("TORCHPROOF_STACK"):
        with contextlib.suppress(OSError):
            faulthandler.enable(open(stack, "w"), all_threads=False)  # noqa: SIM115 - open as long as the process lives
    for asked in names:
        name, _, argument = asked.partition("=")
        print(json.dumps({"probe": asked}), file=lines, flush=True)
        try:
            told = {"answer": PROBES[name](*filter(None, [argument]))}
        except BaseException as error:
            told = {"error": _text(error), "chain": list(_chain(error))}
        print(json.dumps({"probe": asked} | told, default=lambda _: None), file=lines, flush=True)
    lines.close()
    os._exit(0)  # what a library does at the end of the process is not asked


if __name__ == "__main__":
    sys.path[:] = [folder for folder in sys.path if folder != HERE]  # torch is looked for where a user's program does
    main(sys.argv[1:])
