"""Whether two outcomes are one: errors that are caught alike, or results that rounding tells apart. No torch needed."""

from __future__ import annotations

import math
import re

# By what rounding alone makes results of a dtype differ, between releases and libraries.
_TOLERANCES = {"float64": 1e-7, "complex128": 1e-7, "float32": 2e-4, "complex64": 2e-4, "float16": 1e-2,
               "complex32": 1e-2, "bfloat16": 5e-2, "float8": 0.3, "float": 2e-4, "complex": 2e-4}  # fmt: skip
_RESULT = re.compile(r"\b(?P<dtype>[a-z]+\d+\w*|bool)(?P<shape>\[[\d, ]*\][^:\[\]]*(?:\[[\d, ]*\])?): "
                     r"(?P<values>[^\],(]*)"
                     r"|\b(?P<kind>float|complex) (?P<value>[^\s,\]})]+)")  # fmt: skip


UNSTABLE = "unstable"


def is_same(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether two answers, of an outcome and its warnings, are one: of warnings the categories count."""
    return alike(one[0], other[0]) and _categories(one[1]) == _categories(other[1])


def _categories(warnings: str) -> set[str]:
    return {one.partition(":")[0] for one in warnings.split(" & ")}


def alike(one: str, other: str) -> bool:
    """Whether they are."""
    if one == other:
        return True
    if one.startswith("raises ") and other.startswith("raises "):
        return _class(one) in _classes(other) or _class(other) in _classes(one)
    if _frame(one) != _frame(other):
        return False
    return all(_are_near(a, b) for a, b in zip(_RESULT.finditer(one), _RESULT.finditer(other)))


def _classes(error: str) -> list[str]:
    """Of the error and what it is besides: what catches one of them catches it."""
    return error.removeprefix("raises ").partition(":")[0].split("<")


def _class(error: str) -> str:
    return _classes(error)[0]


def _frame(text: str) -> str:
    """All but the numbers."""
    return _RESULT.sub(lambda match: f"{match['dtype'] or match['kind']}{match['shape'] or ''}", text)


def _are_near(one: re.Match[str], other: re.Match[str]) -> bool:
    dtype = one["dtype"] or one["kind"]
    tolerance = next((size for name, size in _TOLERANCES.items() if dtype.startswith(name)), 0.0)
    a, b = _numbers(one), _numbers(other)
    if tolerance == 0 or len(a) != len(b):
        return (one["values"] or one["value"]) == (other["values"] or other["value"])
    scale = max((abs(number) for number in (*a, *b) if math.isfinite(number)), default=0.0)
    return all(_is_near(x, y, tolerance, scale) for x, y in zip(a, b))


def _is_near(x: float, y: float, tolerance: float, scale: float) -> bool:
    if not (math.isfinite(x) and math.isfinite(y)):
        return x == y or (math.isnan(x) and math.isnan(y))
    return abs(x - y) <= tolerance * max(abs(x), abs(y), min(scale, 1.0) if scale < 1e6 else 1.0)


def _numbers(match: re.Match[str]) -> list[float]:
    text = (match["values"] or match["value"] or "").replace("|", " ").replace("j", "")
    return [float(word) for word in text.split() if re.fullmatch(r"[-+\d.einfa]+", word)]
