"""How something of torch can be called, as text that is the same on every machine.

For `reports/releases/ask.py`, which runs in the environment of a release: torch and the standard library alone.
"""

from __future__ import annotations

import ast
import inspect
import os
import re
import sys
import types
import typing
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate

from torchproof.inventory import split
from torchproof.reports.releases.sources import docstring


def signatures(
    name: str, value: object, best: Mapping[int, str], *, is_bound: bool = False, cls: type | None = None
) -> Iterator[str]:
    """How it can be called: from Python where it can be asked, else from documentation, operators and refusals.

    `best` has the public name of what a default can be, by id. The first parameter of what `is_bound` is left out;
    `cls` is the class of a method.
    """
    text = _inspected(value, is_bound, best) if callable(value) else None
    if text is not None:
        yield text
        for overload in (*overloads(value), *_registered(value)):
            yield _inspected(overload, is_bound or inspect.isclass(value), best) or "(...)"
    told = [*_documented(name, value)] if text in (None, "(*args, **kwargs)") else []
    if text is None and not inspect.isclass(value):
        told += _operators(getattr(value, "__name__", name), cls)
        told = told or [*(_refusing(value) if cls is None else ())]
    yield from told


def _inspected(value: Callable[..., object], is_bound: bool, best: Mapping[int, str]) -> str | None:
    try:
        parameters = list(inspect.signature(value).parameters.values())
    except Exception:  # what `inspect` reads may be anything
        return None
    return f"({', '.join(_parts(parameters[is_bound:], best))})"


def _parts(parameters: list[inspect.Parameter], best: Mapping[int, str]) -> Iterator[str]:
    kinds = [one.kind for one in parameters]
    for place, one in enumerate(parameters):
        is_keyword = one.kind is one.KEYWORD_ONLY
        if is_keyword and one.kind not in kinds[:place] and one.VAR_POSITIONAL not in kinds:
            yield "*"
        stars = {one.VAR_POSITIONAL: "*", one.VAR_KEYWORD: "**"}.get(one.kind, "")
        yield stars + one.name + ("" if _must_be_passed(one) else f"={default(one.default, best)}")
        if one.kind is one.POSITIONAL_ONLY and one.kind not in kinds[place + 1 :]:
            yield "/"


def _must_be_passed(parameter: inspect.Parameter) -> bool:
    """Whether it has no default, or one that is refused: an object that only says so, as optimizers had."""
    return parameter.default is parameter.empty or type(parameter.default).__name__ == "_RequiredParameter"


def default(value: typing.Any, best: Mapping[int, str]) -> str:
    """A default value as text that is the same on every machine."""
    torch = sys.modules["torch"]
    if hasattr(type(value), "__members__"):  # an enum, pybind11's too
        return f"{type(value).__qualname__}.{value.name}"
    plain = (bool, int, float, complex, bytes, torch.dtype, torch.layout, torch.memory_format)
    if value is None or isinstance(value, plain):
        return repr(value)
    if value is ...:
        return "..."
    if isinstance(value, torch.device):
        return f"torch.{value!r}"
    if isinstance(value, str):
        return "..." if os.sep in value and os.path.exists(value) else repr(value)
    if type(value) in (tuple, list):
        text = ", ".join(default(one, best) for one in value) + (
            "," if type(value) is tuple and len(value) == 1 else ""
        )
        return f"({text})" if type(value) is tuple else f"[{text}]"
    if type(value) in (set, frozenset):
        return "{" + ", ".join(sorted(default(one, best) for one in value)) + "}" if value else "set()"
    if type(value) is dict:
        return "{" + ", ".join(f"{default(key, best)}: {default(one, best)}" for key, one in value.items()) + "}"
    if id(value) in best:
        return best[id(value)]
    if isinstance(value, types.ModuleType):
        return value.__name__
    if inspect.isclass(value) or inspect.isroutine(value):
        return getattr(value, "__qualname__", "...").replace("<lambda>", "...")
    return "..."


def overloads(value: object) -> Sequence[Callable[..., object]]:
    """The forms that Python code declares with `typing.overload`, where this Python remembers them."""
    function = value.__init__ if inspect.isclass(value) else value
    if sys.version_info < (3, 11) or not isinstance(function, types.FunctionType):
        return []
    return typing.get_overloads(function)


def _registered(value: object) -> list[Callable[..., object]]:
    """What `functools.singledispatch` calls in place of a function, by the class of the first argument."""
    registry = getattr(value, "registry", {})
    return [one for cls, one in registry.items() if cls is not object] if hasattr(value, "dispatch") else []


# --- signatures of built-ins ------------------------------------------------------------------------------------------

_PARAMETER = re.compile(r"(?P<name>\*{0,2}\w+|\*|/)(?:\s*:\s*[^=]*)?(?:\s*=\s*(?P<default>.+))?")


def _documented(name: str, value: object) -> Iterator[str]:
    """The signatures that a docstring begins with, gives as further forms, or as pybind11 numbers its overloads."""
    lines = inspect.cleandoc(docstring(value)).replace("\\\n", " ").split("\n")
    called = {name.rpartition(".")[2], getattr(value, "__name__", name)}
    leading = True
    for line in lines:
        match = re.match(r"(\.\. (?:function|method|class):: |\d+\. )?(?:[\w.]+\.)?(\w+)(\(.*)$", line.strip())
        leading = leading and (match is not None or not line.strip())
        if match and (leading or match[1]) and match[2] in called and (text := _plain(match[3])):
            yield f"doc{text}"


def _plain(text: str) -> str | None:
    """What stands in the first parentheses, without annotations; None where it is no list of parameters."""
    depths = accumulate((character in "([{") - (character in ")]}") for character in text)
    end = next((place for place, depth in enumerate(depths) if depth == 0), None)
    if end is None:
        return None
    parts = []
    for part in split(text[1:end]):
        match = _PARAMETER.fullmatch(part)
        if not match:
            return None
        if match["name"] != "self":
            parts.append(match["name"] + (f"={_literal(match['default'])}" if match["default"] else ""))
    return f"({', '.join(parts)})"


def _literal(text: str) -> str:
    """A default as Python would write it; pybind11 shows an enum's member as `<Kind.NAME: 0>`, others by address."""
    text = re.sub(r"<([\w.]+): -?\d+>", r"\1", text)
    if " at 0x" in text or "<" in text:
        return "..."
    try:
        return repr(ast.literal_eval(text))
    except (ValueError, SyntaxError):
        return text


_FAR_TOO_MANY = 64


def _refusing(value: object) -> Iterator[str]:
    """The signatures that a built-in function names as it refuses far too many arguments."""
    if not isinstance(value, types.BuiltinFunctionType):
        return
    try:
        value(*[object()] * _FAR_TOO_MANY)
    except TypeError as error:
        if "takes no arguments" in str(error):
            yield "()"
        if "takes exactly one argument" in str(error):
            yield "(arg0, /)"
        for form in re.findall(r"^ \* \((.*)\)$", str(error), re.MULTILINE):
            yield f"({', '.join(_arguments(form.replace(' = ', '='))[0])})"


_MEMORY_FORMATS = {"0": "torch.contiguous_format", "1": "torch.preserve_format"}  # as schemas write them


def _operators(name: str, cls: type | None) -> Iterator[str]:
    """The signatures of the operators behind a built-in function, or behind a method of `torch.Tensor`."""
    if cls is not None and cls is not sys.modules["torch"].Tensor:
        return
    forms: dict[tuple[str, ...], list[str]] = {}
    for schema in schemas().get(name, ()):
        parameters, has_out = schema.parameters, schema.has_out
        names = _names(parameters)
        if cls is not None:
            if "self" not in names or has_out:
                continue
            parameters = [one for one in parameters if one != "self"]
        # Of several that only differ in types the first counts, where keywords are marked as such.
        form = forms.setdefault(tuple(name for name in names if name != "*"), list(parameters))
        if has_out and "out=None" not in form:
            form += ([] if "*" in form else ["*"]) + ["out=None"]
    for form in forms.values():
        parts = ["input" if one == "self" else one for one in form]
        yield f"op({', '.join(parts)})"


@dataclass(frozen=True)
class Schema:
    """One overload of an operator: its parameters, whether it writes to `out`, and what it returns as it says so."""

    parameters: list[str]
    has_out: bool
    returns: str


@cache
def schemas() -> dict[str, list[Schema]]:
    """The overloads of each ATen operator that eager Python has."""
    torch = sys.modules["torch"]
    eager = set(torch._C._dispatch_get_all_op_names())
    found = defaultdict(list)
    for schema in torch._C._jit_get_all_schemas():
        full = f"{schema.name}.{schema.overload_name}".rstrip(".")
        if full not in eager or not full.startswith("aten::"):
            continue
        tags = torch._C._get_operation_overload(schema.name, schema.overload_name)[2]
        if torch.Tag.generated in tags:  # made for functionalization, without a Python binding
            continue
        arguments, _, returns = str(schema).partition("(")[2].rpartition(") -> ")
        found[schema.name[6:]].append(Schema(*_arguments(arguments), returns))
    return {
        name: sorted(forms, key=lambda one: (one.has_out, "*" not in one.parameters, one.parameters))
        for name, forms in found.items()
    }


def _arguments(text: str) -> tuple[list[str], bool]:
    parts, has_out, is_keyword = [], False, False
    for part in split(text):
        match = re.fullmatch(r"(.+?) (\w+)(?:=(.*))?", part)
        if not match:
            is_keyword = True
            continue
        if is_keyword and "!" in match[1]:
            has_out = True
            continue
        if is_keyword and "*" not in parts:
            parts.append("*")
        default = _MEMORY_FORMATS.get(match[3], match[3]) if match[2] == "memory_format" else match[3]
        parts.append(match[2] + (f"={_first_of_same(_literal(default))}" if default else ""))
    names = _names(parts)
    if {"dtype", "layout", "device", "pin_memory"}.issubset(names) and "non_blocking" not in names:  # it makes a tensor
        parts = [one.replace("pin_memory=None", "pin_memory=False") for one in parts] + ["requires_grad=False"]
    return parts, has_out


def _names(parameters: list[str]) -> list[str]:
    return [one.partition("=")[0] for one in parameters]


def _first_of_same(default: str) -> str:
    """`[1, 1]` as `1`: releases write the default of a size in either way."""
    items = list(split(default[1:-1])) if default.startswith("[") else []
    return items[0] if items and len(set(items)) == 1 else default
