"""What every release is asked: the calls of `calls.txt`, in all their forms. Needs no torch.

The file has, under headings, a call a line. `{1|2|(0, 1)}` in a line stands for several calls, with each of
these in its place, and so does `{DIM}`, of which a line at the top says what it stands for; braces without a bar are
Python's own. Behind the heading stands with what each of its calls is asked besides float32, as `given.py` makes it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from zlib import crc32

FILE = Path(__file__).parent / "calls.txt"
PLAIN = "float32"  # of what a call is given, where nothing else is said
DTYPES = ("float16", "bfloat16", "complex64", "bool", "uint8", "int64", "uint16")
_FORMS = 100  # of one line: of those that have more, some are asked, the same ones each time
# By what a heading says, what the calls below it are given besides: a dtype, and in what state or how it is called.
GIVEN = {
    "dtypes": DTYPES,
    "gradients": ("float32 gradient",),
    "special": ("float32 special", "float32 special gradient"),
    "second": ("float32 second gradient",),
    "complex": ("complex64 gradient", "complex64 special"),
    "steps": ("float32 steps",),
    "rates": ("float32 rates",),
    "stream": ("float32 stream",),
}
_INSTEAD = ("steps", "rates", "stream")  # of the plain call


@dataclass(frozen=True, order=True)
class Question:
    """A call and what it is given: its `code` is an expression, or an assignment, with the names of `given.py`."""

    code: str
    given: str = PLAIN


def questions(text: str | None = None) -> list[Question]:
    """All of them, each once, in the order of the file."""
    found: dict[Question, None] = {}
    sets: dict[str, list[str]] = {}
    given: tuple[str, ...] = (PLAIN,)
    for line in (text or FILE.read_text(encoding="utf-8")).splitlines():
        name, is_set, options = line.partition(" = ")
        if not line.strip() or line.startswith("#"):
            continue
        if is_set and name.isupper():
            sets[name] = options.split(" | ")
        elif line.startswith("== "):
            given = _given(line.partition(": ")[2].split())
        else:
            for code in _some(filter(_is_python, _forms(line.strip(), sets))):
                found.update(dict.fromkeys(Question(code, one) for one in given))
    return list(found)


def _given(axes: list[str]) -> tuple[str, ...]:
    plain = () if any(one in _INSTEAD for one in axes) else (PLAIN,)
    return (*plain, *(one for axis in axes for one in GIVEN[axis]))


def _some(codes: Iterable[str]) -> list[str]:
    """All of them, or some that are spread over them."""
    all_of_them = list(codes)
    chosen = set(sorted(all_of_them, key=lambda code: crc32(code.encode()))[:_FORMS])
    return [code for code in all_of_them if code in chosen]


def _is_python(code: str) -> bool:
    """Whether it may be asked at all: not all forms of all calls of a line are."""
    try:
        ast.parse(code)
    except SyntaxError:
        return False
    return True


def _forms(line: str, sets: dict[str, list[str]]) -> Iterator[str]:
    """Every call that a line stands for."""
    pieces = list(_pieces(line, sets))
    return ("".join(chosen) for chosen in product(*pieces))


def _pieces(line: str, sets: dict[str, list[str]]) -> Iterator[list[str]]:
    """The parts of a line, each with what may stand there."""
    start = 0
    while (opening := line.find("{", start)) >= 0:
        closing = _closing(line, opening)
        inside = line[opening + 1 : closing]
        options = [one for option in _split(inside) for one in sets.get(option, [option])]
        is_choice = len(options) > 1 or inside in sets
        yield [line[start:opening]]
        forms = [form for option in options for form in _forms(option, sets)]
        yield forms if is_choice else [f"{{{form}}}" for form in forms]
        start = closing + 1
    yield [line[start:]]


def _closing(line: str, opening: int) -> int:
    depth = 0
    for place in range(opening, len(line)):
        depth += {"{": 1, "}": -1}.get(line[place], 0)
        if depth == 0:
            return place
    raise ValueError(f"a brace is not closed: {line}")


def _split(inside: str) -> Iterator[str]:
    """The options between bars, outside of further braces."""
    depth, option = 0, ""
    for character in inside:
        depth += {"{": 1, "}": -1}.get(character, 0)
        if character == "|" and depth == 0:
            yield option
            option = ""
        else:
            option += character
    yield option
