"""Names below torch that no release has: a mistake in the code, or a name of before the oldest release."""

from __future__ import annotations

import importlib
import sys
import typing
from collections.abc import Iterable
from functools import cache

from torchproof.reports.code.catalog import Catalog, Use
from torchproof.reports.code.cpp import headers
from torchproof.reports.releases import replacements

# Modules in which names come to be while a program runs, or whose names are not all told: seen by importing all that
# releases have and comparing.
_DYNAMIC = (
    "torch.ops",
    "torch.classes",
    "torch._C",
    "torch._VF",
    "torch.package",
    "torch.testing._internal",
    "torch.utils.tensorboard",
    "torch._dynamo.decorators",
    "torch._inductor.lowering",
    "torch._jit_internal",
    "torch._numpy",
    "torch._prims",
    "torch._subclasses.complex_tensor",
    "torch.distributed._shard",
    "torch.distributed._sharded_tensor",
    "torch.distributed._sharding_spec",
    "torch.masked.maskedtensor",
    "torch.onnx._internal",
    "torch.utils._sympy",
)
# Devices that other packages bring: `import torch_npu` makes `torch.npu`.
OF_OTHER_PACKAGES = {
    "dipu",
    "gcu",
    "hpu",
    "klxpu",
    "maca",
    "mlu",
    "musa",
    "neuron",
    "npu",
    "privateuseone",
    "sdaa",
    "supa",
    "tpu",
    "vsi",
}
_EXTENDED = {"xpu", "mtia", "mps"}  # modules of devices that other packages put more into
# What modules of torch import from elsewhere is a name of theirs too, and the inventory leaves most of it out:
# standard modules, what is in those, and a few others.
_STANDARD = (
    "abc argparse ast base64 bisect collections.abc concurrent.futures contextlib contextvars copy ctypes "
    "dataclasses datetime enum functools hashlib heapq importlib.metadata importlib.util inspect io itertools "
    "json logging math multiprocessing multiprocessing.reduction numbers operator os pathlib pickle pprint queue "
    "random re shutil signal socket string struct subprocess sys tempfile textwrap threading time timeit "
    "traceback types typing unittest unittest.mock urllib.error urllib.parse urllib.request uuid warnings weakref "
    "zipfile"
)
_OTHERS = {"LooseVersion", "annotations", "deprecated", "mp", "np", "npt", "numpy", "override", "packaging",
           "setuptools", "sympy", "tb", "tf", "torch", "tqdm", "typing_extensions", "yaml"}  # fmt: skip
_HINTED = 50  # names


@cache
def _from_outside() -> frozenset[str]:
    """The names that a module of torch may have from elsewhere."""
    standard = {name for module in _STANDARD.split() for name in dir(importlib.import_module(module))}
    return frozenset({*sys.stdlib_module_names, *standard, *_OTHERS})


def is_mistaken(known: Catalog, use: Use) -> bool:
    """Whether certainly no release has what is used, or takes the setting that is written."""
    return is_nowhere(known, use.name) or (use.how == "written" and known.is_no_setting(use.name))


@cache
def is_nowhere(known: Catalog, name: str) -> bool:
    """Whether certainly no release has a name: all names of its module are known, and it is none of them."""
    owner, _, member = name.rpartition(".")
    if not owner or known.having(name) or member.startswith("__") or _may_be_brought(owner, member):
        return False
    if any(f"{name}.".startswith(f"{one}.") for one in _DYNAMIC) or member == "*" or owner.endswith("config"):
        return False
    if owner.split(".")[1:2] and owner.split(".")[1] in _EXTENDED:
        return False
    if owner in ("torch", "torch.backends") and member in OF_OTHER_PACKAGES:
        return False
    if owner == "torch" or known.was_before(name):
        return True
    return bool(known.having(owner)) and is_told(known, owner)


def _may_be_brought(owner: str, member: str) -> bool:
    """Whether a module may have a name from elsewhere; what torch itself has of `typing`, the inventory tells."""
    return member in _from_outside() and not (owner == "torch" and member in typing.__all__)


def is_told(known: Catalog, name: str) -> bool:
    """Whether a name is a module in each release that has it, with what is in it told."""
    having = [(place, entry) for place, entry in enumerate(known.entries(name)) if entry]
    kinds = {entry.kind for _, entry in having}
    if kinds == {"module"}:
        return True
    return kinds == {""} and all(known.has_members(entry.name, place) for place, entry in having)


def hints(known: Catalog, names: Iterable[str]) -> dict[str, str]:
    """What to write in place of each of some names; of more than anybody looks at nothing, since it takes a while."""
    return {name: meant(known, name) if number < _HINTED else "" for number, name in enumerate(dict.fromkeys(names))}


def meant(known: Catalog, name: str) -> str:
    """What to write in place of a name, header or macro that no release has."""
    if not name.startswith("torch.") and headers.is_nowhere("included" if "/" in name else "expanded", name):
        return headers.meant(name)
    if says := replacements.says(name):
        return says
    near = [one for one in known.inventory.near(name) if known.having(one) >> (len(known.releases) - 1)]
    is_private = name.rpartition(".")[2].startswith("_")
    fitting = [one for one in near if is_private or not one.rpartition(".")[2].startswith("_")]
    return f"did you mean {' or '.join(fitting[:2])}?" if fitting else ""
