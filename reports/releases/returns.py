"""What a call gives, or an attribute is, as text: a class of torch, a built-in, a tuple of them.

For `reports/releases/ask.py`, which runs in the environment of a release: torch and the standard library alone.
"""

from __future__ import annotations

import ast
import builtins
import collections.abc
import contextlib
import inspect
import re
import sys
import types
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from torchproof.reports.releases.signatures import overloads, schemas

# Kinds of things to go through, that are told with what they are of.
_OF_MANY = {
    collections.abc.Iterator: "Iterator",
    collections.abc.Iterable: "Iterable",
    collections.abc.Generator: "Iterator",
    collections.abc.Sequence: "Sequence",
    list: "list",
    dict: "dict",
    set: "set",
}
_CONTEXTS = contextlib.contextmanager(iter).__code__.co_filename


def returned(name: str, value: object, best: Mapping[int, str], cls: type | None = None) -> str:
    """What a function or method gives, where all of its overloads agree; empty where that is not known.

    Annotations of the function come before those of stub files, and these before schemas of operators. `best` has the
    public name of a class by its id.
    """
    told = list(_annotated(value)) or list(_of_stub(name, value, cls)) or list(_of_schemas(name, value, cls))
    texts = {_text(one, best) for one in told}
    return texts.pop() if len(texts) == 1 else ""


def held(name: str, value: object, best: Mapping[int, str], cls: type) -> str:
    """What an attribute or property of a class is."""
    getter = value.fget if isinstance(value, property) else None
    told = list(_annotated(getter)) if getter else []
    annotation = vars(cls).get("__annotations__", {}).get(name.rpartition(".")[2])
    if annotation is not None:
        told = [_evaluated(annotation, vars(sys.modules[cls.__module__]))]
    told = told or list(_of_stub(name, value, cls))
    texts = {_text(one, best) for one in told}
    return texts.pop() if len(texts) == 1 else ""


# --- annotations ------------------------------------------------------------------------------------------------------


class _Unknown:
    """Of an annotation that says nothing, or that cannot be read."""


Self = typing.TypeVar("Self")


def _annotated(value: object) -> Iterator[object]:
    """The types that a Python function says it returns, of each overload."""
    function = inspect.unwrap(value) if callable(value) else None
    if not isinstance(function, types.FunctionType) or _is_made_by_decorator(value):
        return
    for one in overloads(function) or [function]:
        annotation = _annotations(one).get("return", _Unknown)
        if annotation is _Unknown and one is function:
            return
        yield Self if _is_itself(one, annotation) else _evaluated(annotation, one.__globals__)


def _annotations(function: types.FunctionType) -> Mapping[str, object]:
    try:
        return function.__annotations__
    except Exception:  # they may be evaluated only now
        return {}


def _is_made_by_decorator(value: object) -> bool:
    """Whether a call gives something else than the function that is written: a context manager, a coroutine."""
    code = getattr(value, "__code__", None)
    if code is None or not callable(value):
        return True
    return code.co_filename == _CONTEXTS or inspect.iscoroutinefunction(inspect.unwrap(value))


def _is_itself(function: types.FunctionType, annotation: object) -> bool:
    """Whether a method gives what it was called on, or is of the same class."""
    said = _named(annotation)
    parameters = list(inspect.signature(function).parameters.values())
    is_bound = parameters and parameters[0].name in ("self", "cls")
    own = _named(parameters[0].annotation) if is_bound else ""
    return said == "Self" or (said.isidentifier() and said in (own, re.sub(r"^[Tt]ype\[(\w+)\]$", r"\1", own)))


def _named(annotation: object) -> str:
    """A type variable, or `Self`, as it is written; empty for others."""
    if isinstance(annotation, str):
        return annotation.rpartition(".")[2] if annotation.endswith("Self") else annotation
    if isinstance(annotation, typing.TypeVar):
        return annotation.__name__
    return str(getattr(annotation, "_name", None) or "")


def _evaluated(annotation: object, namespace: Mapping[str, object]) -> object:
    """The type that an annotation means, in the names of its module."""
    holder = types.SimpleNamespace(__annotations__={"it": annotation})
    try:
        return typing.get_type_hints(holder, globalns={**_common(), **namespace})["it"]
    except Exception:
        return _Unknown


@cache
def _common() -> dict[str, object]:
    """What annotations and stub files use, whether they import it for the checker alone or not at all."""
    torch = sys.modules["torch"]
    names = {**vars(builtins), **vars(typing), **vars(collections.abc)}
    for module in (torch._C, torch.types, torch):
        names.update(vars(module))
    return {**names, "torch": torch, "_complex": complex}


# --- stub files and schemas -------------------------------------------------------------------------------------------


def _of_stub(name: str, value: object, cls: type | None) -> Iterator[object]:
    """What the stub files say of a function, a member of a class, or an attribute."""
    member = name.rpartition(".")[2]
    torch = sys.modules["torch"]
    folder = Path(torch.__path__[0])
    if cls is torch.Tensor:
        asked = [(folder / "_C" / "__init__.pyi", f"{owner}.{member}") for owner in ("TensorBase", "_TensorBase")]
    elif cls is not None:
        asked = [(folder / "_C" / "__init__.pyi", f"{cls.__name__}.{member}")] if _is_of_c(cls) else []
    elif isinstance(value, types.BuiltinFunctionType):
        own = value.__name__
        asked = [(folder / "_C" / f"{stub}.pyi", own) for stub in ("_VariableFunctions", "_nn", "__init__")]
    else:
        home = sys.modules.get(getattr(value, "__module__", None) or "")
        path = getattr(home, "__file__", None)
        asked = [(Path(path).with_suffix(".pyi"), member)] if path else []
    for path, inside in asked:
        if texts := _stub(path).get(inside):
            yield from (_evaluated(text, {}) for text in texts)
            return


def _is_of_c(cls: type) -> bool:
    return cls.__module__ in ("torch._C", "torch") and "__dict__" not in vars(cls)


@cache
def _stub(path: Path) -> dict[str, list[str]]:
    """Each function, method and annotated attribute of a stub file, with the types of its overloads."""
    found: dict[str, list[str]] = {}
    if not path.exists():
        return found
    tree = ast.parse(path.read_text(encoding="utf-8"))
    classes = [one for one in tree.body if isinstance(one, ast.ClassDef)]
    for prefix, body in [("", tree.body), *((f"{one.name}.", one.body) for one in classes)]:
        for node in body:
            if isinstance(node, ast.FunctionDef) and node.returns is not None:
                found.setdefault(prefix + node.name, []).append(_unquoted(node.returns))
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                found.setdefault(prefix + node.target.id, []).append(_unquoted(node.annotation))
    return found


def _unquoted(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ast.unparse(node)


def _of_schemas(name: str, value: object, cls: type | None) -> Iterator[object]:
    """What the operators behind a built-in give."""
    if not inspect.isroutine(value) or (cls is not None and cls is not sys.modules["torch"].Tensor):
        return
    if isinstance(value, types.FunctionType) and value.__module__ not in ("torch.functional", "torch._tensor"):
        return
    for schema in schemas().get(getattr(value, "__name__", name), ()):
        if not schema.has_out:
            yield _of_schema(schema.returns)


def _of_schema(text: str) -> object:
    """The type that a schema's `(Tensor values, Tensor(a!) indices)` means."""
    torch = sys.modules["torch"]
    plain = {"Tensor": torch.Tensor, "bool": bool, "int": int, "float": float, "()": None}
    text = re.sub(r"\([a-z]+!?\)", "", text)
    if text.startswith("(") and text != "()":
        parts = [plain.get(one.split()[0], _Unknown) for one in text[1:-1].split(", ")]
        return types.GenericAlias(tuple, tuple(parts))
    return plain.get(text.split()[0], _Unknown)


# --- as text ----------------------------------------------------------------------------------------------------------


def _text(told: object, best: Mapping[int, str]) -> str:
    """A type as text; empty where a part of it is no class that anybody can name."""
    if told is None or told is type(None):
        return "None"
    if getattr(told, "__name__", getattr(told, "_name", "")) == "Self":
        return "Self"
    origin, parts = typing.get_origin(told), typing.get_args(told)
    if origin is not None:
        return _of_parts(origin, parts, best)
    if not inspect.isclass(told) or told is _Unknown:
        return ""
    if issubclass(told, tuple) and (fields := getattr(told, "n_sequence_fields", 0)):  # operators' results with names
        return f"tuple[{', '.join(['torch.Tensor'] * fields)}]"
    if id(told) in best:
        return best[id(told)]
    if told in _OF_MANY:
        return _OF_MANY[told]
    return told.__qualname__ if told.__module__ == "builtins" and told is not object else ""


def _of_parts(origin: object, parts: Sequence[object], best: Mapping[int, str]) -> str:
    if origin is typing.Literal:
        kinds = {type(one) for one in parts}
        return _text(kinds.pop(), best) if len(kinds) == 1 else ""
    if origin is typing.Annotated:
        return _text(parts[0], best)
    texts = ["..." if one is ... else _text(one, best) for one in parts]
    if origin in (typing.Union, getattr(types, "UnionType", typing.Union)):
        kinds = list(dict.fromkeys(text for text in texts if text != "None"))
        return f"{kinds[0]} | None" if len(kinds) == 1 and kinds[0] and "None" in texts else _only(kinds)
    if origin is tuple:
        return f"tuple[{', '.join(texts)}]" if all(texts) else "tuple"
    if origin in _OF_MANY:
        texts = texts[:1] if origin is collections.abc.Generator else texts
        return f"{_OF_MANY[origin]}[{', '.join(texts)}]" if texts and all(texts) else _OF_MANY[origin]
    return ""


def _only(texts: Iterable[str]) -> str:
    found = set(texts)
    return found.pop() if len(found) == 1 else ""
