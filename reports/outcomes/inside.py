"""What calls are about that give nothing which could be looked at: files, and what is read of them.

By the names of `calls.txt`; runs in the environment of one release.
"""

from __future__ import annotations

import io
import pickletools
import zipfile
from collections.abc import Callable
from typing import Any

import torch


def files_of(write: Callable[..., object], thing: object, **options: Any) -> list[str]:
    """The entries of the file that is written, with their sizes, or how it begins."""
    return _entries(_written(write, thing, **options))


def pickle_of(write: Callable[..., object], thing: object) -> list[str]:
    """The names that the pickle in the file that is written asks for."""
    with zipfile.ZipFile(_written(write, thing)) as file:
        [entry] = [one for one in file.namelist() if one.endswith("data.pkl")]
        return sorted({str(said) for code, said, _ in pickletools.genops(file.read(entry)) if code.name == "GLOBAL"})


def loaded(thing: object, **options: Any) -> object:
    """What was saved, read again."""
    buffer = io.BytesIO()
    torch.save(thing, buffer)
    buffer.seek(0)
    return torch.load(buffer, **options)


def members_of_jit(scripted: Any) -> list[str]:
    """The entries of the file that a scripted module is written to."""
    return [one.rpartition("  ")[0] for one in _entries(_written(torch.jit.save, scripted))]


def members_of_export(module: Any, *inputs: object) -> list[str]:
    """The entries of the file that an exported program is written to."""
    program = torch.export.export(module, inputs)
    return [one.rpartition("  ")[0] for one in _entries(_written(torch.export.save, program))]


def saved(thing: object, **options: Any) -> io.BytesIO:
    """The file that it is saved to."""
    return _written(torch.save, thing, **options)


def under(context: Any, call: Callable[[], object]) -> object:
    """What a call gives within a context."""
    with context:
        return call()


def graphs_of(function: Callable[..., object], *arguments: object, **options: Any) -> int:
    """How many graphs `torch.compile` makes of a function."""
    graphs = []

    def counting(graph: Any, _: object) -> Any:
        graphs.append(graph)
        return graph.forward

    torch.compile(function, backend=counting, **options)(*arguments)
    return len(graphs)


def own_function(**methods: Callable[..., object]) -> Any:
    """A `torch.autograd.Function` of one's own."""
    return type("Own", (torch.autograd.Function,), {name: staticmethod(one) for name, one in methods.items()})


def alone(call: Callable[[], object]) -> object:
    """What a call gives in a process group of this process alone."""
    store = torch.distributed.HashStore()  # pyright: ignore[reportPrivateImportUsage] - documented, and not exported
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    try:
        return call()
    finally:
        torch.distributed.destroy_process_group()


def numpy_of(values: object) -> Any:
    """The array of some values."""
    import numpy as np

    return np.array(values)


def _written(write: Callable[..., object], thing: object, **options: Any) -> io.BytesIO:
    buffer = io.BytesIO()
    write(thing, buffer, **options)
    buffer.seek(0)
    return buffer


def _entries(file: io.BytesIO) -> list[str]:
    if not zipfile.is_zipfile(file):
        return [f"no archive, {len(file.getvalue())} bytes"]
    with zipfile.ZipFile(file) as archive:
        return sorted(f"{_inside(one.filename)}  {one.file_size}" for one in archive.infolist())


def _inside(name: str) -> str:
    return name.partition("/")[2] or name


FUNCTIONS = {one.__name__: one for one in (files_of, pickle_of, loaded, members_of_jit, members_of_export, saved,
                                           under, graphs_of, own_function, alone, numpy_of)}  # fmt: skip
