"""Damage by kind: real records, benchmarks and code, with one thing in them that nobody would have written."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import re
import socket
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

Draw = Callable[[st.SearchStrategy[Any]], Any]

# What a terminal, a page, a shell, Rich, Markdown, a workflow's log or a path would obey.
TEXTS = [
    "", "\x1b]0;title\x07\x1b[2J\x1b[31mred", "\x9b31m", "\r\x00\x08over", "\u202egnp.exe", "a\nb", "\ud800",
    "\U0001f9ea" * 3, "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>",
    "{{ 7 * 7 }}{% include '/etc/passwd' %}", "</style>", "[/]", "[bold red]red[/bold]",
    "[link=file:///etc/passwd]x[/link]", ":boom:", "$x^2$", "a | b ` c _ d\n\n# e", "javascript:alert(1)",
    "data:text/html,x", "file:///etc/passwd", "https://", "HTTP://a", "::error file=x::planted",
    "::set-env name=A::b\n::add-mask::c", "%0A::warning::x", "'; touch planted; '", "$(touch planted)",
    "../../planted", "/etc/passwd", "C:\\planted", "-o", "--output=planted", "a" * 30_000, "a." * 30_000 + "a",
    "1" * 5_000, "2.6", "nan", "holds", "broken", "aten::add", "0000-00-00T00:00:00+0000",
    "9999-12-31T23:59:59-2359",
]  # fmt: skip
NUMBERS = [
    0, -1, 1, -0.0, 2**31, 2**63, 2**64, -(2**63), 10**400, 1e308, 1e-320, 1e-9, 0.5, 3.0, float("inf"), float("-inf"),
    float("nan"), True, False, 10**4,
]  # fmt: skip


def _nested(depth: int) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = [value]
    return value


OTHERS = [None, [], {}, [None], [1, "a", None], {"a": {"b": {}}}, {"": ""}, [[]], [{}], _nested(40), _nested(400)]


def _places(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a document, the whole first."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place, *(one for key, held in inside for one in _places(held, (*place, key)))]


def _put(document: Any, place: tuple[Any, ...], value: Any) -> Any:
    if not place:
        return value
    holder = document
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = value
    return document


def _replacing(values: list[Any]) -> Callable[[Draw, Any], Any]:
    def change(draw: Draw, document: Any) -> Any:
        return _put(document, draw(st.sampled_from(_places(document))), draw(st.sampled_from(values)))

    return change


def _holder(draw: Draw, document: Any) -> dict[str, Any] | list[Any] | None:
    """A part of a document that has parts."""
    holders = []
    for place in _places(document):
        part = document
        for key in place:
            part = part[key]
        if isinstance(part, (dict, list)) and part:
            holders.append(part)
    return draw(st.sampled_from(holders)) if holders else None


def _without(draw: Draw, document: Any) -> Any:
    holder = _holder(draw, document)
    if holder is not None:
        keys: list[Any] = [*holder] if isinstance(holder, dict) else [*range(len(holder))]
        del holder[draw(st.sampled_from(keys))]
    return document


def _renamed(draw: Draw, document: Any) -> Any:
    holder = _holder(draw, document)
    if isinstance(holder, dict):
        holder[draw(st.sampled_from(TEXTS))] = holder.pop(draw(st.sampled_from([*holder])))
    return document


def _repeated(draw: Draw, document: Any) -> Any:
    holder = _holder(draw, document)
    if isinstance(holder, list):
        holder.extend(holder * 3)
    return document


IN_A_DOCUMENT: dict[str, Callable[[Draw, Any], Any]] = {
    "hostile text": _replacing(TEXTS),
    "a number out of range": _replacing(NUMBERS),
    "another type": _replacing(OTHERS),
    "a field missing": _without,
    "a field renamed": _renamed,
    "a list repeated": _repeated,
}


def _flipped(draw: Draw, content: bytes) -> bytes:
    data = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        if data:
            data[draw(st.integers(0, len(data) - 1))] ^= 1 << draw(st.integers(0, 7))
    return bytes(data)


def _cut(draw: Draw, content: bytes) -> bytes:
    start, end = sorted((draw(st.integers(0, len(content))), draw(st.integers(0, len(content)))))
    return content[:start] + content[end:]


def _inserted(draw: Draw, content: bytes) -> bytes:
    at = draw(st.integers(0, len(content)))
    what = draw(st.sampled_from(_BYTES))
    return content[:at] + what + content[at:]


_BYTES = [
    b"\0", b"\xff\xfe", b"\xed\xa0\x80", b"\r\n", b"[" * 5_000, b'{"a":' * 2_000, b"\n" * 50, b"\x1b[2J",
    *(text.encode("utf-8", "surrogatepass") for text in TEXTS),
]  # fmt: skip


def _encoded(draw: Draw, content: bytes) -> bytes:
    text = content.decode("utf-8", "replace")
    return text.encode(draw(st.sampled_from(["utf-16", "utf-16-be", "utf-32", "utf-8-sig", "utf-7"])))


def _shuffled(draw: Draw, content: bytes) -> bytes:
    lines = content.splitlines(keepends=True)
    return b"".join(draw(st.permutations(lines)) if len(lines) < 60 else lines[::-1])


def _compressed(draw: Draw, content: bytes) -> bytes:
    return draw(st.sampled_from([gzip.compress, bz2.compress, lzma.compress]))(content)


def _twice(draw: Draw, content: bytes) -> bytes:
    """Names of JSON and TOML that stand twice, and lines too."""
    names = re.findall(rb'"\w+"(?=: )|^\w+(?= = )', content, re.MULTILINE) or [content[:40]]
    name = draw(st.sampled_from(names))
    if draw(st.booleans()):
        return content.replace(name + b": ", name + b": null, " + name + b": ").replace(
            name + b" =", name + b" = 1\n" + name + b" ="
        )
    return b"".join(line * draw(st.integers(0, 3)) for line in content.splitlines(keepends=True)[:40])


def _noise(draw: Draw, content: bytes) -> bytes:
    return draw(st.binary(max_size=200))


IN_BYTES: dict[str, Callable[[Draw, bytes], bytes]] = {
    "bits flipped": _flipped,
    "a part cut out": _cut,
    "bytes put in": _inserted,
    "another encoding": _encoded,
    "lines out of order": _shuffled,
    "names and lines twice": _twice,
    "compressed": _compressed,
    "noise": _noise,
}


@st.composite
def damaged_json(draw: Draw, content: bytes) -> tuple[str, bytes]:
    """A JSON document with damage in it, and which."""
    kind = draw(st.sampled_from([*IN_A_DOCUMENT, *IN_BYTES]))
    if kind in IN_BYTES:
        return kind, IN_BYTES[kind](draw, content)
    return kind, _dumped(IN_A_DOCUMENT[kind](draw, json.loads(content)))


@st.composite
def damaged_lines(draw: Draw, content: bytes) -> tuple[str, bytes]:
    """A file of JSON Lines with damage in some of them, and which."""
    kind = draw(st.sampled_from([*IN_A_DOCUMENT, *IN_BYTES]))
    if kind in IN_BYTES:
        return kind, IN_BYTES[kind](draw, content)
    lines = content.splitlines()
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(lines) - 1))
        try:
            lines[at] = _dumped(IN_A_DOCUMENT[kind](draw, json.loads(lines[at])))
        except ValueError:  # damaged before, in a file of the corpus
            continue
    return kind, b"\n".join(lines) + b"\n"


@st.composite
def damaged_text(draw: Draw, content: bytes) -> tuple[str, bytes]:
    """Code, or a file of settings, with damage in it, and which: words and values are what a reader acts on."""
    kind = draw(st.sampled_from(["a word replaced", *IN_BYTES]))
    if kind in IN_BYTES:
        return kind, IN_BYTES[kind](draw, content)
    words = content.split(b" ")
    at = draw(st.integers(0, len(words) - 1))
    words[at] = draw(st.sampled_from([text.encode("utf-8", "surrogatepass") for text in [*TEXTS, *_TOKENS]]))
    return kind, b" ".join(words)


_TOKENS = [
    *string.punctuation, "3", "0.1", "true", "[[", "{}", "= 3", "= []", "= {}", '= "x"', "lambda: 0", "torch",
    "None", "*", "**", "@", "match x:\n case _:\n  pass", "# coding: hex", "# coding: nope", "(" * 300,
    "-" * 300 + "1", "x[" * 300, "not " * 300 + "x", "\n\n[tool]\n", "nan", "inf", "1979-05-27", "9" * 5_000,
    "0x" + "f" * 4_000, "1e9999", "'\\N{DASH}'", "b'\\x'", "f'{x!z}'", "yield", "await x", "del torch",
    "global torch", "import " + "a." * 2_000 + "a", "torch" + ".a" * 2_000, "from " + "." * 3_000 + " import torch",
    "type X = int", "except* E:",
]  # fmt: skip


def _dumped(document: Any) -> bytes:
    return json.dumps(document).encode()


# --- what is no file --------------------------------------------------------------------------------------------------


def _socket(path: Path) -> None:
    here = os.getcwd()
    os.chdir(path.parent)  # the address of a socket has a hundred bytes
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(path.name)
    os.chdir(here)


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(10 << 30)


NO_FILES: dict[str, Callable[[Path], object]] = {
    "pipe": os.mkfifo,
    "folder": Path.mkdir,
    "socket": _socket,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "terminal": lambda path: path.symlink_to("/dev/tty"),
    "link to itself": lambda path: path.symlink_to(path.name),
    "link to nothing": lambda path: path.symlink_to("nothing"),
    "memory": lambda path: path.symlink_to("/proc/self/mem"),
    "10 GB of nothing": _sparse,
    "nothing": lambda path: None,
    "empty": Path.touch,
}
