"""The public names of torch, asked of each supported release and kept as ranges of releases.

`python reports/inventory.py FILE` asks: it runs in the environment of one release, with torch and the
standard library alone, and writes that release's names. `merge` makes the data file against which
facts' subjects are checked from the answers of all releases; it needs no torch.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
import types
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

# Dunders that say how an object is made or shown, or that every class has, rather than what it does.
_NO_BEHAVIOUR = {*dir(type("Plain", (), {})), "__annotate__", "__annotate_func__", "__class_getitem__", "__del__",
                 "__getstate__", "__setstate__"} - {"__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__",
                                                    "__setattr__", "__delattr__"}  # fmt: skip


def ask() -> list[str]:
    """The sorted public names of the torch that this interpreter imports, dotted from `torch`.

    Modules, what they declare in `__all__` and what they define, and the members of those classes that no
    public base class has already. A module that cannot be imported is named on standard error and left out.
    """
    warnings.simplefilter("ignore")
    modules = list(_modules("torch"))
    exports = [(module.__name__, name, value) for module in modules for name, value in _exports(module)]
    homes: dict[int, set[str]] = {}
    for module, _, value in exports:
        homes.setdefault(id(value), set()).add(module)
    names = {module.__name__ for module in modules}
    for module, name, value in exports:
        names.add(f"{module}.{name}")
        if inspect.isclass(value) and not _stands_above(module, homes[id(value)]):
            names.update(f"{module}.{name}.{member}" for member in _members(value))
    return sorted(names)


def merge(answers: Mapping[str, Iterable[str]]) -> str:
    """The text of the data file: a name a line, with the releases that have it unless all do.

    `answers` has the names of each release, in the order of releases. `2.4-` is read 'since 2.4',
    `2.0-2.9` 'until 2.9', and a comma stands between spans where a name went and came back.
    """
    releases = list(answers)
    having: dict[str, list[bool]] = {}
    for position, names in enumerate(answers.values()):
        for name in names:
            having.setdefault(name, [False] * len(releases))[position] = True
    lines = [f"# releases {' '.join(releases)}"]
    for name in sorted(having):
        spans = "" if all(having[name]) else " " + _spans(releases, having[name])
        lines.append(name + spans)
    return "\n".join(lines) + "\n"


def _spans(releases: list[str], present: list[bool]) -> str:
    spans, before = [], False
    for release, here in zip(releases, present):
        if here and not before:
            spans.append(f"{release}-")
        elif before and not here:
            spans[-1] += release
        before = here
    return ",".join(spans)


def _modules(name: str) -> Iterator[types.ModuleType]:
    try:
        module = importlib.import_module(name)
    except BaseException as error:  # a module may even call sys.exit when it is imported
        print(f"left out {name}: {type(error).__name__}: {str(error)[:100]}", file=sys.stderr)
        return
    yield module
    for info in pkgutil.iter_modules(getattr(module, "__path__", [])):
        if not info.name.startswith("_") or info.name in ("__config__", "__future__"):
            yield from _modules(f"{name}.{info.name}")


def _exports(module: types.ModuleType) -> Iterator[tuple[str, object]]:
    of_class = dir(type(module)) if type(module) is not types.ModuleType else []
    found = {name for name in {*vars(module), *of_class} if _is_its_own(name, module)}
    for name in sorted(found.union(getattr(module, "__all__", ()))):
        value = getattr(module, name, None)
        if (not name.startswith("_") or name == "__version__") and not isinstance(value, types.ModuleType):
            yield name, value


def _is_its_own(name: str, module: types.ModuleType) -> bool:
    """Whether a module defines a name, itself or through torch's private parts; older ones forget to declare some."""
    home = getattr(inspect.getattr_static(module, name), "__module__", None)
    is_within = hasattr(module, "__path__") and isinstance(home, str) and home.startswith(f"{module.__name__}.")
    if home == module.__name__ or is_within:
        return True
    is_declared = hasattr(module, "__all__") and module.__name__ != "torch"  # torch's own list leaves out its dtypes
    return not is_declared and (not isinstance(home, str) or home.startswith("torch._"))


def _stands_above(module: str, homes: set[str]) -> bool:
    """Whether a package around `module` exports the same thing: `torch.nn` above `torch.nn.modules.linear`."""
    return any(module.startswith(f"{home}.") for home in homes)


def _members(cls: type) -> Iterator[str]:
    if type(cls).__name__ == "tensortype":  # torch.FloatTensor and its like list all of torch.Tensor
        return
    public_bases = [base for base in cls.__mro__[1:] if base is not object and not _is_private(base)]
    for name in {*dir(cls), *vars(cls).get("__annotations__", ())}:
        if name.startswith("_") and not _is_behaviour(cls, name):
            continue
        if name in vars(cls) or not any(hasattr(base, name) for base in public_bases):
            yield name


def _is_behaviour(cls: type, name: str) -> bool:
    is_special = name.startswith("__") and name.endswith("__") and name not in _NO_BEHAVIOUR
    return is_special and callable(inspect.getattr_static(cls, name, None))


def _is_private(cls: type) -> bool:
    parts = f"{cls.__module__}.{cls.__qualname__}".split(".")
    return parts[0] == "torch" and any(part.startswith("_") for part in parts)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text("\n".join(ask()) + "\n", encoding="utf-8")
