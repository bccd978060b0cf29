"""In what two outcomes differ, in words: the numbers, or the part of a text. Needs no torch."""

from __future__ import annotations

import ast
import re
from functools import cache

from torchproof.reports.outcomes.inputs import SPECIAL, VALUES

_NUMBERS = 3  # told of those that differ
_SHOWN = 60  # letters of a result
_KEPT = 12  # letters of what two texts begin with
_NUMBER = re.compile(r"[-+]?(\d[\d.]*(e[-+]?\d+)?|inf|nan)j?|True|False")
_TYPE_ALONE = re.compile(r"a \w+")  # all that is known of a result that is no tensor, number, text or list of them


parsed = cache(ast.parse)  # of calls, several of which are looked at more than once


def difference(was: str, now: str, tolerance: float) -> tuple[str, str] | None:
    """What was given and what is now, as far as they differ: of tensors of one shape only the numbers.

    None where they differ by less than the tolerance, or only in the type of something that was not looked into.
    """
    if _TYPE_ALONE.fullmatch(was) or _TYPE_ALONE.fullmatch(now):
        return None
    pairs = _numbers(was, now)
    if pairs is None:
        return _result(was, now), _result(now, was)
    shown = [pair for pair in pairs if not _is_near(*pair, tolerance)][:_NUMBERS]
    old, new = (", ".join(_short(pair[side]) for pair in shown) for side in (0, 1))
    return (old, new) if shown else None


def point(code: str, given: str, was: str, now: str) -> str:
    """Where the first of the numbers of two gradients differ, by what is given there: 'x = 3'."""
    given_values = {**VALUES, **(SPECIAL if "special" in given else {})}
    used = sorted({node.id for node in ast.walk(parsed(code)) if isinstance(node, ast.Name)} & given_values.keys())
    for name, old, new in zip(used, *(re.findall(r"\]: ([^\],]*)", text) for text in (was, now))):
        for place, pair in enumerate(zip(old.split(), new.split())):
            if not _is_near(*pair, 1e-3):
                met = [one for one in used if _shape(given_values[one]) == _shape(given_values[name])]
                return ", ".join(f"{one} = {_flat(given_values[one])[place]:g}" for one in met)
    return ""


def entries(was: str, now: str) -> str:
    """What a list of entries of a file has that it had not, and the reverse; '' where these are no two lists."""
    try:
        old, new = ast.literal_eval(was), ast.literal_eval(now)
    except (ValueError, SyntaxError):
        return ""
    old_names, new_names = ([one.rpartition(" ")[0] or one for one in entries] for entries in (old, new))
    return _more_and_fewer(old_names, new_names) or _more_and_fewer(old, new)


def keys(was: str, now: str) -> str:
    """What a dictionary has that it had not, and the reverse; '' where these are not two with other keys."""
    if not all(re.fullmatch(r"\{.*(?<! more)\}", text) for text in (was, now)):
        return ""
    old, new = (re.findall(r"(?:^\{|, )(\w+): ", text) for text in (was, now))
    return _more_and_fewer(old, new)


def step(code: str, was: str, now: str) -> tuple[str, str, str] | None:
    """The first of several calls in a list whose results differ, and these; None where that is not seen."""
    node = parsed(code).body[0]
    calls = node.value.elts if isinstance(node, ast.Expr) and isinstance(node.value, ast.List) else []
    old, new = _items(was), _items(now)
    if len(calls) > 1 and len(calls) == len(old) == len(new):
        for call, one, other in zip(calls, old, new):
            if one != other and difference(one, other, 1e-3):
                return ast.unparse(call), one, other
    return None


def _items(text: str) -> list[str]:
    """Of a list in words, what it has."""
    items, depth = [""], 0
    for letter in text[1:-1]:
        depth += {"[": 1, "{": 1, "(": 1, "]": -1, "}": -1, ")": -1}.get(letter, 0)
        if letter == "," and depth == 0:
            items.append("")
        else:
            items[-1] += letter
    return [one.strip() for one in items]


def _more_and_fewer(old: list[str], new: list[str]) -> str:
    more, fewer = ([one for one in a if one not in b] for a, b in ((new, old), (old, new)))
    told = [f"also has {', '.join(more)}" if more else "", f"no longer has {', '.join(fewer)}" if fewer else ""]
    return " and ".join(filter(None, told))


def _numbers(was: str, now: str) -> list[tuple[str, str]] | None:
    """The numbers of two results that are not written alike; None where the results differ in more than these."""
    before, after = (re.split(r"([ :,\]\[|]+)", text) for text in (was, now))
    if len(before) != len(after) or not re.search(r"\]: |\bfloat ", was):
        return None
    pairs = [(one, other) for one, other in zip(before, after) if one != other]
    return pairs if all(_NUMBER.fullmatch(one) for pair in pairs for one in pair) else None


def _is_near(one: str, other: str, tolerance: float) -> bool:
    if {one, other} & {"True", "False"} or {one[-1:], other[-1:]} & {"n", "f"}:  # nan and inf
        return one == other
    a, b = float(one.rstrip("j")), float(other.rstrip("j"))
    return abs(a - b) <= tolerance * max(1e-3, abs(a), abs(b))


def _short(number: str) -> str:
    return f"{float(number):.4g}" if "." in number and number[-1] != "j" else number


def _result(text: str, other: str) -> str:
    """A result from where it differs from the other on."""
    alike = next((place for place, (one, its) in enumerate(zip(text, other)) if one != its), min(len(text), len(other)))
    if text[:1] in "'{[" and alike > _KEPT:
        text = f"…{text[alike - _KEPT :]}"
    text = re.sub(r"(\d\.\d{4})\d+", r"\1", text)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _flat(values: list[float] | list[list[float]]) -> list[float]:
    return [number for one in values for number in (_flat(one) if isinstance(one, list) else [one])]


def _shape(values: object) -> tuple[int, ...]:
    return (len(values), *_shape(values[0])) if isinstance(values, list) else ()
