"""The settings of a release: what `torch.backends` and the config modules have to be set, with their defaults.

For `reports/releases/ask.py`, which runs in the environment of a release: torch and the standard library alone.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import inspect
import os
import textwrap
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from torchproof.reports.releases.signatures import default
from torchproof.reports.releases.sources import is_dunder, one_line


@dataclass(frozen=True)
class Setting:
    """One setting: what it is by default, '' where that is not told; the setting that it stands for, if any."""

    name: str
    default: str = ""
    alias: str = ""
    deprecated: str = ""


def settings(files: Mapping[str, str], modules: Mapping[str, types.ModuleType]) -> Iterator[Setting]:
    """Every setting, of the files and the public modules of torch."""
    for name, path in files.items():
        if _INSTALLS in Path(path).read_text(encoding="utf-8") and "._internal." not in name:
            with contextlib.suppress(ImportError):
                yield from _of_config(importlib.import_module(name), path)
    for name, module in modules.items():
        if f"{name}.".startswith("torch.backends."):
            yield from _of_backend(name, module)


_INSTALLS = "install_config_module(sys.modules[__name__])"


# --- config modules ---------------------------------------------------------------------------------------------------


def _of_config(module: types.ModuleType, path: str) -> Iterator[Setting]:
    plain = same_everywhere(path)
    for key, entry in sorted(getattr(module, "_config", {}).items()):
        if key == "TYPE_CHECKING":  # which a file imports
            continue
        name = f"{module.__name__}.{key}"
        alias = getattr(entry, "alias", None) or ""
        words = ""
        if getattr(entry, "deprecated", False):
            words = getattr(entry, "deprecation_message", None) or "it is deprecated"
        value = getattr(entry, "default", entry)
        yield Setting(name, _told(value) if key in plain and not alias else "", alias, one_line(words))


def _told(value: object) -> str:
    """A default as text, where it is short."""
    text = default(value, {})
    return text if len(text) <= 80 and "..." not in text else ""


# What may stand in the default of a setting that is the same on every machine: ask.py empties the environment.
_SAME = {"is_fbcode", "Config", "bool", "int", "float", "str", "set", "frozenset", "list", "dict", "tuple"}
_CALLED = {"os.environ.get", "os.getenv", *_SAME}
_OF_OS = ("environ", "getenv")


@cache
def same_everywhere(path: str) -> set[str]:
    """The settings of a file whose default only depends on literals and the environment's variables."""
    found: set[str] = set()

    def walk(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef):
                walk(node.body, f"{prefix}{node.name}.")
            elif isinstance(node, (ast.Assign, ast.AnnAssign)):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                names = {prefix + one.id for one in targets if isinstance(one, ast.Name)}
                if node.value is not None and _is_plain(node.value, found):
                    found.update(names)
                else:
                    found.difference_update(names)
            else:  # what a condition assigns
                names = (one for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store))
                found.difference_update(prefix + one.id for one in names)

    walk(ast.parse(Path(path).read_text(encoding="utf-8")).body, "")
    return found


def _is_plain(value: ast.expr, plain: set[str]) -> bool:
    for node in ast.walk(value):
        if isinstance(node, ast.Name) and node.id not in {"os", *_SAME, *plain}:
            return False
        if isinstance(node, ast.Call):
            method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            if ast.unparse(node.func) not in _CALLED and method not in ("lower", "upper", "strip", "split"):
                return False
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "os" and node.attr not in _OF_OS:
            return False
    return True


# --- torch.backends ---------------------------------------------------------------------------------------------------

_OF_THE_MACHINE = ("opt_einsum", "quantized", "xnnpack")  # what they are by default depends on what is installed


def _of_backend(name: str, module: types.ModuleType) -> Iterator[Setting]:
    """The properties of a module that is an object, and what is set of the objects that a module has."""
    is_told = name.rpartition(".")[2] not in _OF_THE_MACHINE
    if type(module) is not types.ModuleType:
        for member, value in sorted(vars(type(module)).items()):
            if type(value).__name__.endswith("Prop") or (value is None and not member.startswith("_")):
                yield Setting(f"{name}.{member}", _of_moment(module, member) if is_told else "")
    holder = getattr(module, "m", module)
    for owner, value in sorted({**vars(holder), **vars(type(module))}.items()):
        cls = type(value)
        is_object = cls.__module__.startswith("torch.backends") and not isinstance(value, types.ModuleType)
        if is_object and not owner.startswith("_") and not hasattr(cls, "__get__"):
            for member in sorted(_attributes(cls)):
                yield Setting(f"{name}.{owner}.{member}", _of_moment(value, member) if is_told else "")


def _of_moment(owner: object, member: str) -> str:
    """What a switch is when torch has just been imported; numbers and what needs a device are not told."""
    with contextlib.suppress(Exception):
        value = getattr(owner, member)
        return default(value, {}) if isinstance(value, (bool, str)) else ""
    return ""


def _attributes(cls: type) -> set[str]:
    """What an object has that makes its attributes when they are asked for, by the names that its code compares with.

    One that passes on what is asked to its items has what these have.
    """
    tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    made = [one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef) and one.name == "__getattr__"]
    compared = [node for one in made for node in ast.walk(one) if isinstance(node, ast.Compare)]
    names = {one.value for node in compared for one in ast.walk(node) if isinstance(one, ast.Constant)}
    names |= {name for name, value in vars(cls).items() if not name.startswith("_") and not inspect.isroutine(value)}
    if any("getattr(self[" in ast.unparse(one) for one in made):
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        items = [value for name, value in inspect.getmembers(inspect.getmodule(cls)) if name in used]
        names |= {name for item in items if inspect.isclass(item) for name in vars(item) if not name.startswith("_")}
    return {name for name in names if isinstance(name, str) and not is_dunder(name)}


def forget_environment() -> None:
    """Take away the variables that defaults follow, before torch is imported: all but those a process needs."""
    for name in set(os.environ) - _NEEDED:
        del os.environ[name]


_NEEDED = {"PATH", "HOME", "USER", "LOGNAME", "LANG", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "USERPROFILE",
           "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"}  # fmt: skip
