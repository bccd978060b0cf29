"""The words that a function takes by its `**rest`, where source files tell all of them: `num_classes` of a model.

For `reports/releases/ask.py`, which runs in the environment of a release: the standard library alone.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Iterator
from typing import Any

from torchproof.reports.releases.sources import Passing, source_of

_DEEPEST = 6  # functions that hand on what they are given
_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def keywords(value: object, cls: type | None = None) -> str:
    """The words beyond those that the signature names, in order; empty where others may be taken as well.

    What decorators know of is among them, so that what is not is certainly refused. `cls` is the class of a method.
    """
    return " ".join(sorted(_beyond(value, cls, _DEEPEST) or ()))


def _beyond(value: object, cls: type | None, depth: int) -> set[str] | None:
    """The words that its `**rest` takes; None where that is not known."""
    made_by = _constructor(value) if inspect.isclass(value) else value
    if not depth or not callable(made_by):
        return None
    function = inspect.unwrap(made_by)
    source, line = source_of(function)
    rest = source.rests.get(line)
    if rest is None:
        return None
    cls = value if inspect.isclass(value) else cls
    found = set(rest.words)
    for one in _wrappers(made_by):
        found |= _words_in(one)
    for passing in rest.onto:
        words = _of_callee(passing, function, cls, depth)
        if words is None:
            return None
        found |= words
    return found - {one.name for one in inspect.signature(function).parameters.values()}


def _constructor(cls: type) -> object:
    return cls.__init__ if cls.__new__ is object.__new__ and type(cls).__call__ is type.__call__ else None


def _of_callee(passing: Passing, function: types.FunctionType, cls: type | None, depth: int) -> set[str] | None:
    """The words that a function takes to which the rest is passed on."""
    found = _callee(passing.name, function, cls)
    if found is object.__init__:
        return set()
    try:
        parameters = list(inspect.signature(found).parameters.values())  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    is_method = passing.name.startswith(("super().", "self.", "cls.")) and inspect.isfunction(found)
    names = [one.name for one in parameters[is_method:][passing.positional :] if one.kind in _NAMED]
    words = set(names).difference(passing.keywords)
    if parameters and parameters[-1].kind is inspect.Parameter.VAR_KEYWORD:
        more = _beyond(found, cls, depth - 1)
        return None if more is None else words | more
    return words


def _callee(name: str, function: types.FunctionType, cls: type | None) -> object:
    """What a function calls by this name; None where only running it would tell."""
    if name.startswith("super()."):
        return _above(name.partition(".")[2], function, cls)
    first, *others = name.split(".")
    if first in ("self", "cls"):
        return inspect.getattr_static(cls, others[0], None) if cls and len(others) == 1 else cls if not others else None
    if first in function.__code__.co_varnames:
        return None
    inner = dict(zip(function.__code__.co_freevars, (one.cell_contents for one in function.__closure__ or ())))
    found = {**function.__globals__, **inner}.get(first)
    for one in others:
        found = getattr(found, one, None)
    return found


def _above(name: str, function: types.FunctionType, cls: type | None) -> object:
    """What `super()` finds in a method of a class."""
    line = list(cls.__mro__) if cls else []
    owner = next((place for place, one in enumerate(line) if vars(one).get(name) is function), None)
    if owner is None:
        return None
    return next((vars(one)[name] for one in line[owner + 1 :] if name in vars(one)), None)


def _wrappers(value: Callable[..., object]) -> Iterator[Any]:
    """The functions that decorators put around one."""
    while hasattr(value, "__wrapped__"):
        yield value
        value = value.__wrapped__


def _words_in(wrapper: Any) -> set[str]:
    """The identifiers that a wrapper has at hand: in its code, and in what its decorator was given."""
    cells = [one.cell_contents for one in getattr(wrapper, "__closure__", None) or ()]
    code = getattr(wrapper, "__code__", None)
    return {one for one in _texts([*cells, *(code.co_consts if code else ())]) if one.isidentifier()}


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, tuple, set, frozenset)):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, dict):
        yield from _texts([*value, *value.values()])
