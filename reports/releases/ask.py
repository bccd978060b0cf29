"""Asks the torch of this interpreter what it has: `python -I reports/releases/ask.py FILE` writes a name a line.

The other packages of its wheel are asked too, and where they are named those that go with it: `… FILE torchvision
torchaudio`. Runs in the environment of one release, with these packages and the standard library alone. A line is the
dotted name and, after a tab, its state as `torchproof.inventory` describes it. The same torch gives the same text,
whatever the machine.
"""

from __future__ import annotations

import abc
import contextlib
import enum
import gc
import importlib
import inspect
import pkgutil
import sys
import types
import typing
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2]))

from torchproof.inventory import IN_WHEEL, MARKS, PACKAGES
from torchproof.reports.releases.keywords import keywords
from torchproof.reports.releases.returns import held, returned
from torchproof.reports.releases.settings import Setting, forget_environment, settings
from torchproof.reports.releases.signatures import signatures
from torchproof.reports.releases.sources import (
    absolute,
    assigned,
    deprecation,
    deprecation_of_class,
    deprecation_of_module,
    files,
    is_dunder,
    one_line,
    only_raises,
    read,
    removal,
    removal_of_class,
    removal_of_module,
    strings,
    warning,
    warning_of_class,
)

# Dunders that say how an object is made or shown, or that every class has, rather than what it does.
_NO_BEHAVIOUR = {*dir(type("Plain", (), {})), "__annotate__", "__annotate_func__", "__class_getitem__", "__del__",
                 "__getstate__", "__setstate__"} - {"__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__",
                                                    "__setattr__", "__delattr__"}  # fmt: skip
# What the body of a class need not say to have it; the last of them below an abstract or a generic class.
_OF_EVERY_CLASS = {*vars(type("Plain", (), {})), "__abstractmethods__", "_abc_impl", "__parameters__"}
_WITHOUT_MEMBERS = (object, abc.ABC, typing.Generic, typing.Protocol)
_TEST_FOLDERS = ("torch.testing._internal.", "torch.test.")
_METHODS = (types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.MethodDescriptorType,
            types.WrapperDescriptorType, types.ClassMethodDescriptorType, classmethod, staticmethod)  # fmt: skip
_elsewhere: set[str] = set()  # modules that no user can import
_PROPERTIES = (property, cached_property, types.GetSetDescriptorType, types.MemberDescriptorType)


def ask(*packages: str) -> dict[str, str]:
    """Every name of the torch that this interpreter imports, with its state; of other `packages` too.

    Public are modules, what they declare in `__all__` and what they define, and the members of those classes that no
    public base class has already; a thing with several public names has its state under the best, and the others
    point to it. Of everything else, private modules too, only the names are told.
    """
    warnings.simplefilter("ignore")
    release = _Release(("torch", *packages))
    states = release.states()
    told = {one.name: one for one in settings(release.files, release.modules)}
    for name, one in told.items():
        if states.get(name, "") in ("", "attribute", "property"):
            states[name] = _setting(one, told.get(one.alias))
    # Only now, for functorch.dim changes torch.Tensor when it is imported.
    beside = tuple(one for one in IN_WHEEL if one != "torch")
    states.update(_Release(beside, release.modules).states())
    return dict(sorted(states.items()))


# --- modules and what is public in them -------------------------------------------------------------------------------


def _modules(name: str) -> Iterator[types.ModuleType]:
    try:
        module = importlib.import_module(name)
    except BaseException as error:  # a module may even call sys.exit when it is imported
        if getattr(error, "name", None) == "pytorch":  # of its makers' own repository, which nobody else has
            _elsewhere.add(name)
        print(f"left out {name}: {type(error).__name__}: {str(error)[:100]}", file=sys.stderr)
        return
    yield module
    for info in pkgutil.iter_modules(getattr(module, "__path__", [])):
        if not info.name.startswith("_") or info.name in ("__config__", "__future__"):
            yield from _modules(f"{name}.{info.name}")


def _attributes(module: types.ModuleType) -> dict[str, object]:
    """What can be had from a module. Some are an object with properties, which holds the module that it replaces."""
    found = dict(vars(module))
    if type(module) is not types.ModuleType:
        for value in list(vars(module).values()):
            if isinstance(value, types.ModuleType) and value.__name__ == module.__name__:
                found = {name: one for name, one in vars(value).items() if hasattr(module, name)} | found
        of_class = set(dir(type(module))).difference(dir(types.ModuleType))
        for name in sorted(of_class):  # a property counts, its value of the moment does not
            value = inspect.getattr_static(module, name)
            found[name] = getattr(module, name) if isinstance(value, types.FunctionType) else value
    return {name: value for name, (value, _) in _lazy(module.__name__).items()} | found


@cache
def _lazy(module_name: str) -> dict[str, tuple[object, str]]:
    """What a module makes when asked, of the names that its file spells out, with the words of the warning it gives."""
    module = sys.modules[module_name]
    if not isinstance(vars(module).get("__getattr__"), types.FunctionType) or not module.__file__:
        return {}
    found = {}
    for name in sorted(strings(module.__file__).difference(vars(module))):
        if not name.isidentifier() or name.startswith("_"):
            continue
        with warnings.catch_warnings(record=True) as given, contextlib.suppress(Exception):
            warnings.simplefilter("always")
            found[name] = getattr(module, name), " ".join(str(one.message) for one in given)
    return found


def _exports(module: types.ModuleType) -> Iterator[tuple[str, object]]:
    attributes = _attributes(module)
    found = {name for name, value in attributes.items() if _is_its_own(name, value, module)}
    declared = {name for name in getattr(module, "__all__", ()) if not _wants(module, name) and hasattr(module, name)}
    for name in sorted(found | declared):
        value = attributes[name] if name in attributes else getattr(module, name)
        if (not name.startswith("_") or name == "__version__") and not isinstance(value, types.ModuleType):
            yield name, value


def _announced(module: types.ModuleType) -> set[str]:
    """The names that a module declares, and those that it may make when asked: these its file spells out."""
    is_lazy = isinstance(vars(module).get("__getattr__"), types.FunctionType)
    spelled = strings(module.__file__) if is_lazy and module.__file__ else ()
    return {one for one in (*spelled, *getattr(module, "__all__", ())) if isinstance(one, str) and one.isidentifier()}


def _wants(module: types.ModuleType, name: str) -> bool:
    """Whether a name can only be had with another package, which the module looks for when it is asked."""
    try:
        hasattr(module, name)
    except Exception:
        return True
    return False


def _is_its_own(name: str, value: object, module: types.ModuleType) -> bool:
    """Whether a module, or a private part of its package, defines a name; older ones forget to declare some."""
    home = getattr(value, "__module__", None)
    if type(module) is not types.ModuleType and name in dir(type(module)):
        return True
    is_within = hasattr(module, "__path__") and isinstance(home, str) and home.startswith(f"{module.__name__}.")
    if home == module.__name__ or is_within:
        return True
    is_declared = hasattr(module, "__all__") and module.__name__ != "torch"  # torch's own list leaves out its dtypes
    package = module.__name__.partition(".")[0]
    private = (f"{package}._", f"torch._{package}.")
    return not is_declared and (not isinstance(home, str) or home.startswith(private))


def _is_of_torch(value: object) -> bool:
    home = value.__name__ if isinstance(value, types.ModuleType) else getattr(value, "__module__", None)
    return isinstance(home, str) and home.partition(".")[0] in PACKAGES


def _can_have_names(value: object) -> bool:
    """Whether a thing is the same under each of its names; numbers, strings and None are merely equal."""
    torch = sys.modules["torch"]
    if isinstance(value, (torch.dtype, torch.layout, torch.memory_format)):
        return True
    return _is_of_torch(value) and (inspect.isclass(value) or _is_function(value))


def _is_function(value: object) -> bool:
    is_callable = callable(value) and hasattr(value, "__name__") and type(value).__module__ not in ("types", "typing")
    return inspect.isroutine(value) or (is_callable and not inspect.isclass(value))


class _Release:
    """The torch of this interpreter: `packages` are those that are asked about, beside the modules that are `known`."""

    def __init__(self, packages: Sequence[str], known: Mapping[str, types.ModuleType] | None = None) -> None:
        self.asked = {module.__name__: module for package in packages for module in _modules(package)}
        self.modules = {**(known or {}), **self.asked}
        roots = [module for name, module in self.modules.items() if "." not in name]
        found = (one for module in roots for one in files(Path(module.__path__[0]), module.__name__))
        self.files = {name: path for name, path in found if name not in _elsewhere}
        # What is exported stays referenced here, so no other object gets its id.
        self.exports = {name: list(_exports(module)) for name, module in self.modules.items()}
        self._export_forgotten()
        self.best: dict[int, str] = {}
        self.names: dict[str, str] = {name: name for name in self.modules}  # each public name with its best one
        homes: dict[int, list[tuple[str, object]]] = defaultdict(list)
        for name, value in self._exported(self.modules):
            self.names[name] = name
            if _can_have_names(value):
                homes[id(value)].append((name, value))
        for home in homes.values():
            best = min((name for name, _ in home), key=lambda name: _badness(name, home[0][1]))
            self.best[id(home[0][1])] = best
            self.names.update((name, best) for name, _ in home)
        self.describe = _Describer(self.best)

    def states(self) -> dict[str, str]:
        """Every name that is asked about, with its state."""
        states = dict(self.public())
        for name, state in self.others():
            states.setdefault(name, state)
        return states

    def _exported(self, modules: Iterable[str]) -> Iterator[tuple[str, object]]:
        for module in modules:
            for name, value in self.exports[module]:
                yield f"{module}.{name}", value

    def _export_forgotten(self) -> None:
        """Adds the built-ins that stand in a public module whose `__all__` leaves them out, and nowhere else."""
        declared = {id(value) for _, value in self._exported(self.modules)}
        of_others = [name for name in self.modules if not f"{name}.".startswith("torch.")]
        for module_name in sorted(self.modules, key=lambda name: (name in of_others, name.count("."))):
            for name, value in sorted(_attributes(self.modules[module_name]).items()):
                is_builtin = isinstance(value, types.BuiltinFunctionType) and _is_of_torch(value)
                if is_builtin and not name.startswith("_") and id(value) not in declared:
                    self.exports[module_name].append((name, value))
                    declared.add(id(value))

    def public(self) -> Iterator[tuple[str, str]]:
        """Each public name with its state."""
        for name, module in self.asked.items():
            yield name, _state("module", **_warned(deprecation_of_module(module)))
        for name, value in self._exported(self.asked):
            if self.names[name] != name:
                yield name, f"={self.names[name]}"
            elif inspect.isclass(value) and not isinstance(value, types.GenericAlias):
                yield from self._class(name, value)
            else:
                module, _, member = name.rpartition(".")
                _, words = _lazy(module).get(member, (None, ""))
                yield name, self.describe(name, value, words)
                if isinstance(value, types.FunctionType):  # such as torch.export.Dim.AUTO, when Dim was a function
                    yield from ((f"{name}.{member}", "") for member in vars(value) if not member.startswith("_"))

    def _class(self, name: str, cls: type) -> Iterator[tuple[str, str]]:
        yield name, self.describe.cls(name, cls)
        if type(cls).__name__ == "tensortype":  # torch.FloatTensor and its like list all of torch.Tensor
            return
        for member in self._members(cls):
            value = inspect.getattr_static(cls, member, None)
            full = f"{name}.{member}"
            if inspect.isclass(value) and value.__qualname__ == f"{cls.__qualname__}.{member}":
                yield from self._class(full, value)
            else:
                yield full, self.describe.member(full, value, cls)
        yield from ((f"{name}.{member}", "") for member in self._unspoken(cls))

    def _members(self, cls: type) -> Iterator[str]:
        """The public members that no public base has; the `forward` of a bare module is only a placeholder."""
        bases = self._public_bases(cls)
        placeholder = sys.modules["torch"].nn.Module.forward
        for name in {*dir(cls), *vars(cls).get("__annotations__", ())}:
            if name.startswith("_") and not _is_behaviour(cls, name):
                continue
            value = inspect.getattr_static(cls, name, None)
            is_plain = value is getattr(object, name, cls) or value is placeholder
            is_given = any(inspect.getattr_static(base, name, placeholder) is not placeholder for base in bases)
            is_inherited = is_given and any(hasattr(base, name) for base in bases)
            if name in vars(cls) or not (is_plain or is_inherited):
                yield name

    def _unspoken(self, cls: type) -> Iterator[str]:
        """Private members, and those that `__init__` gives to an instance."""
        told = set(self._members(cls))
        for one in [cls, *(base for base in cls.__mro__[1:] if not self.is_public(base))]:
            made = vars(one).get("__init__")
            given = assigned(made) if made else ()
            for name in {*vars(one), *vars(one).get("__annotations__", ()), *given} - told:
                is_inherited = name not in vars(cls) and any(hasattr(base, name) for base in self._public_bases(cls))
                is_mangled = name.startswith(f"_{one.__name__.lstrip('_')}__")
                if not (is_dunder(name) or is_inherited or is_mangled):
                    yield name

    def _public_bases(self, cls: type) -> list[type]:
        return [base for base in cls.__mro__[1:] if base is not object and self.is_public(base)]

    def is_public(self, cls: type) -> bool:
        """Whether a class has a public name, or is not torch's."""
        return id(cls) in self.best or not _is_of_torch(cls)

    def others(self) -> Iterator[tuple[str, str]]:
        """Every name that is no public one of its module, with what it stands for where that is public."""
        for name, module in self.asked.items():
            yield from self._others_of(name, _attributes(module))
            yield from ((f"{name}.{member}", "") for member in brought(module))
            yield from ((f"{name}.{one}", "") for one in _announced(module) if _wants(module, one))
        if "torch" in self.asked:
            yield from self._in_c(sys.modules["torch._C"], set())
            yield from _operators()
            yield from self._redirected()
        for name, path in self.files.items():
            if name.partition(".")[0] not in self.asked:
                continue
            if name in self.modules:
                # An alias of types says that it is from `typing`; what the file itself binds is the module's.
                attributes = _attributes(self.modules[name])
                yield from ((f"{name}.{member}", "") for member in read(path).top if member in attributes)
            else:
                yield name, _state("module", raises=words) if (words := removal_of_module(path)) else ""
                yield from self._in_file(name, path)

    def _redirected(self) -> Iterator[tuple[str, str]]:
        """The modules that stand under another name too, by which old programs import them."""
        for name, path in self.files.items():
            if read(path).redirects and not name.startswith(_TEST_FOLDERS):
                with contextlib.suppress(Exception):
                    importlib.import_module(name)
        for name, module in list(sys.modules.items()):
            origin = getattr(module, "__name__", name)
            if name.startswith("torch.") and origin != name and origin in self.files:
                yield name, self._pointing_to(origin)
                if origin not in self.modules:
                    yield from self._in_file(name, self.files[origin])

    def _in_file(self, module: str, path: str) -> Iterator[tuple[str, str]]:
        if module.startswith(_TEST_FOLDERS):
            return
        imported = sys.modules.get(module)
        for member, origin in read(path).top.items():
            if imported is None or hasattr(imported, member):
                yield f"{module}.{member}", self._pointing_to(absolute(origin, module, path))
        for origin in read(path).everything_of:
            origin = absolute(origin, module, path)
            found = _attributes(self.modules[origin]) if origin in self.modules else self._top(origin)
            for member in found:
                if not member.startswith("_"):
                    yield f"{module}.{member}", self._pointing_to(f"{origin}.{member}")

    def _top(self, module: str) -> Iterable[str]:
        return read(self.files[module]).top if module in self.files else ()

    def _others_of(self, module: str, attributes: dict[str, object]) -> Iterator[tuple[str, str]]:
        for name, value in attributes.items():
            if is_dunder(name) or value is self.modules["torch"] or _is_from_outside(value):
                continue
            if isinstance(value, types.ModuleType):
                origin = value.__name__
                yield f"{module}.{name}", "" if origin == f"{module}.{name}" else self._pointing_to(origin)
            else:
                best = self.best.get(id(value)) or self._stands_for(value)
                yield f"{module}.{name}", f"={best}" if best else ""

    def _stands_for(self, value: object) -> str | None:
        """The public class below which a private one adds nothing, such as `class _Old(New): pass`."""
        if not inspect.isclass(value) or not _is_of_torch(value) or len(value.__bases__) != 1:
            return None
        (base,) = value.__bases__
        is_bare = type(value) is type(base) and vars(value).keys() <= _OF_EVERY_CLASS
        return self.best.get(id(base)) if is_bare else None

    def _in_c(self, module: types.ModuleType, seen: set[str]) -> Iterator[tuple[str, str]]:
        """The names of an extension module and of those that it holds."""
        seen.add(module.__name__)
        yield module.__name__, ""
        yield from self._others_of(module.__name__, vars(module))
        for value in list(vars(module).values()):
            if (
                isinstance(value, types.ModuleType)
                and value.__name__.startswith("torch._C.")
                and value.__name__ not in seen
            ):
                yield from self._in_c(value, seen)

    def _pointing_to(self, origin: str) -> str:
        return f"={self.names[origin]}" if origin in self.names else ""


def _badness(name: str, value: object) -> tuple[bool, int, bool, str]:
    """Orders the public names of one thing: in a package around its home, short, and as it calls itself."""
    home = getattr(value, "__module__", None) or "torch"
    around = name.rpartition(".")[0]
    own = getattr(value, "__name__", None) or repr(value).rpartition(".")[2]
    return not f"{home}.".startswith(f"{around}."), name.count("."), name.rpartition(".")[2] != own, name


def _is_from_outside(value: object) -> bool:
    home = getattr(value, "__module__", None)
    is_bound_to_home = isinstance(value, (type, types.ModuleType)) or _is_function(value)
    return (is_bound_to_home and not _is_of_torch(value)) or home in ("typing", "typing_extensions", "__future__")


def brought(module: types.ModuleType) -> Iterator[str]:
    """The public names that torch, or a module right below it, imports from the standard library: `torch.Any`.

    Not the modules among them: the platform decides which of these it needs. Deeper modules bring too many.
    """
    if module.__name__.partition(".")[0] != "torch" or module.__name__.count(".") > 1:
        return
    for name, value in list(vars(module).items()):
        home = str(getattr(value, "__module__", None)).partition(".")[0]
        is_standard = home in sys.stdlib_module_names or home == "typing_extensions"
        if is_standard and not name.startswith("_") and not isinstance(value, types.ModuleType):
            yield name


def _is_behaviour(cls: type, name: str) -> bool:
    is_special = is_dunder(name) and name not in _NO_BEHAVIOUR
    return is_special and callable(inspect.getattr_static(cls, name, None))


# --- what is said of one thing ----------------------------------------------------------------------------------------


def _state(kind: str, signatures: Iterable[str] = (), bases: Iterable[str] = (), **told: str) -> str:
    fields = [kind, *dict.fromkeys(signatures)]
    if bases := list(dict.fromkeys(bases)):
        fields.append("<" + ",".join(bases))
    fields += [f"{mark}{told[field]}" for mark, field in MARKS.items() if told.get(field)]
    return "\t".join(fields)


def _warned(deprecated: str, warning: tuple[str, str] = ("", "")) -> dict[str, str]:
    """The words of deprecation, and the warning: its own words only where they are others."""
    category, words = warning
    return {"deprecated": deprecated, "warns": category if not words or words == deprecated else f"{category}: {words}"}


def _setting(one: Setting, meant: Setting | None) -> str:
    """The state of a setting; a public one that stands for a private one has its default, others are spellings."""
    if meant is None or one.deprecated:
        return _state("setting", default=one.default, deprecated=one.deprecated)
    is_private = "._" in one.name.rpartition(".")[0]
    return f"={meant.name}" if is_private else _state("setting", default=meant.default)


def _operators() -> Iterator[tuple[str, str]]:
    """The operators of ATen by the names that programs have for them, each with its overloads."""
    torch = sys.modules["torch"]
    yield "torch.ops.aten", ""
    for schema in torch._C._jit_get_all_schemas():
        if schema.name.startswith("aten::"):
            name = f"torch.ops.aten.{schema.name[6:]}"
            yield name, ""
            yield f"{name}.{schema.overload_name or 'default'}", ""


class _Describer:
    """Makes states, knowing the best name of each public thing."""

    def __init__(self, best: dict[int, str]) -> None:
        self.best = best

    def __call__(self, name: str, value: object, words: str) -> str:
        if not _is_function(value):
            return _state("attribute", deprecated=one_line(words))
        deprecated = deprecation(value) or one_line(words)
        return _state("function", signatures(name, value, self.best), **self._called(name, value, deprecated))

    def _called(self, name: str, value: object, deprecated: str, cls: type | None = None) -> dict[str, str]:
        """What a call does and gives."""
        gives = "" if only_raises(value) else returned(name, value, self.best, cls)
        told = _warned(deprecated, warning(value))
        return {"returns": gives, "takes": keywords(value, cls), **told, "raises": removal(value)}

    def cls(self, name: str, cls: type) -> str:
        calls = [] if issubclass(cls, enum.Enum) else signatures(name, cls, self.best)
        told = _warned(deprecation_of_class(cls), warning_of_class(cls))
        return _state("class", calls, self._bases(cls), takes=keywords(cls), **told, raises=removal_of_class(cls))

    def member(self, name: str, value: object, cls: type) -> str:
        if isinstance(value, _PROPERTIES):
            getter = value.fget if isinstance(value, property) else value
            told = _warned(deprecation(getter), warning(getter))
            return _state("property", returns=held(name, value, self.best, cls), **told)
        if not isinstance(value, _METHODS) and not inspect.isroutine(value):
            return _state("attribute", returns=held(name, value, self.best, cls))
        is_bound = not isinstance(value, staticmethod)
        function = value.__func__ if isinstance(value, (classmethod, staticmethod)) else value
        calls = signatures(name, function, self.best, is_bound=is_bound, cls=cls)
        return _state("method", calls, **self._called(name, function, deprecation(function), cls))

    def _bases(self, cls: type) -> Iterator[str]:
        """The public bases; those of a private base in its place. Of bases outside torch anything may be inherited."""
        if type(cls).__name__ == "tensortype":
            yield "torch.Tensor"
        for base in cls.__bases__:
            if base in _WITHOUT_MEMBERS or base.__module__ == "pybind11_builtins":
                continue
            if id(base) in self.best:
                yield self.best[id(base)]
            elif _is_of_torch(base):
                yield from self._bases(base)
            else:
                yield base.__qualname__ if base.__module__ == "builtins" else f"{base.__module__}.{base.__qualname__}"


if __name__ == "__main__":
    gc.disable()  # it would look through all of torch again and again while files are read
    forget_environment()
    lines = [f"{name}\t{state}" if state else name for name, state in ask(*sys.argv[2:]).items()]
    Path(sys.argv[1]).write_text("\n".join(lines) + "\n", encoding="utf-8")
