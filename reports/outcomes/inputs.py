"""The numbers that calls are given, by the names of `calls.txt`. Needs no torch."""

from __future__ import annotations

import math
from typing import Any

_INF, _NAN = math.inf, math.nan
_SQUARE = [[4.0, 1.0, -1.0], [0.5, 3.0, 2.0], [-2.0, 1.5, 5.0]]
_RANK_TWO = [[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [1.0, 1.0, 1.0]]
# Where functions have their kinks, poles and bounds; the numbers of a pair meet each other, too.
_KINKS = [0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 3.0, -3.0, _INF, -_INF, _NAN, 1e38, -1e38, 1e-40, 88.8, -104.0, 20.0, 6.0]
_OTHER = [0.0, 0.0, -0.5, 2.0, _INF, _NAN, -3.0, -3.0, _INF, 0.0, 1.0, 1e38, 2.0, -1.0, -_INF, 0.5, -0.0, 1.0]

VALUES: dict[str, list[Any]] = {
    "x": [[-2.5, -1.25, 0.0], [0.75, 1.5, 3.0]],
    "y": [[1.5, -1.0, 2.0], [0.75, 3.0, -2.25]],
    "z": [[0.5, 2.0, 1.0], [-1.5, 0.25, 4.0]],
    "v": [1.0, -2.0, 3.0],
    "w": [0.5, 4.0, -1.5],
    "a": _SQUARE,
    "m": [[4.0, 1.0, 0.5], [1.0, 3.0, -1.0], [0.5, -1.0, 5.0]],
    "b": [[_SQUARE[0], _SQUARE[1]], [_SQUARE[2], _SQUARE[0]], [_SQUARE[1], _SQUARE[2]]],
    "p": [[0.25, 0.5, 0.75], [0.125, 1.0, 0.0]],
}


def _in_threes(numbers: list[float]) -> list[list[float]]:
    return [numbers[place : place + 3] for place in range(0, len(numbers), 3)]


# What stands in place of these where a heading says 'special'.
SPECIAL: dict[str, list[Any]] = {
    "x": _in_threes(_KINKS), "y": _in_threes(_OTHER), "z": _in_threes(_KINKS[::-1]), "a": _RANK_TWO, "m": _RANK_TWO,
}  # fmt: skip
