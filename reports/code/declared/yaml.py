"""YAML as plain values: texts with the lines in which they stand, lists and dictionaries of them.

Read by ruamel.yaml as YAML 1.2, in which `on` is a word; no tag makes an object, and what stands for something else
(`*alias`) is that, once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_LONGEST = 1 << 18  # characters of a file; the reader takes a second for 100,000
_MOST = 20_000  # values that are met in one, each as often as something stands for it


class Text(str):
    """A scalar, as text; `line` is where it begins."""

    line: int = 0


def read(text: str) -> Any:
    """What the first document says. Raises ValueError."""
    from ruamel.yaml import YAML  # which takes a moment, and few projects have files that are read
    from ruamel.yaml.error import YAMLError

    if len(text) > _LONGEST:
        raise ValueError(f"has more than {_LONGEST:,} characters")
    try:
        root = next(iter(YAML(typ="safe", pure=True).compose_all(text)), None)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise ValueError("is no YAML" + (f": line {mark.line + 1}" if mark else "")) from None
    return _plain(root, {}) if root else {}


def texts(value: Any, key: str = "") -> Iterator[tuple[str, Text]]:
    """Every scalar below a value, with the key that has it, or the list in which it stands."""
    met = 0
    waiting = [(key, value)]
    while waiting and met < _MOST:
        met += 1
        key, value = waiting.pop()
        if isinstance(value, Text):
            yield key, value
        elif isinstance(value, dict):
            waiting += reversed(value.items())
        elif isinstance(value, list):
            waiting += [(key, one) for one in reversed(value)]


def _plain(node: Any, done: dict[int, Any]) -> Any:
    """A node as a value, made once; one that stands in itself is refused."""
    if id(node) not in done:
        done[id(node)] = None
        done[id(node)] = _made(node, done)
    elif done[id(node)] is None:
        raise ValueError("has a value that stands in itself")
    return done[id(node)]


def _made(node: Any, done: dict[int, Any]) -> Any:
    if node.id == "mapping":
        found: dict[str, Any] = {}
        for key, value in node.value:
            said = _plain(value, done)
            if key.id == "scalar" and key.value == "<<":
                for one in said if isinstance(said, list) else [said]:
                    found = {**one, **found} if isinstance(one, dict) else found
            elif key.id == "scalar":
                found[key.value] = said
        return found
    if node.id == "sequence":
        return [_plain(one, done) for one in node.value]
    text = Text(_scalar(node))
    text.line = node.start_mark.line + 1 + (getattr(node, "style", "") in ("|", ">"))
    return text


def _scalar(node: Any) -> str:
    """The text of a scalar: without quotes, 2.10 is the number 2.1."""
    is_number = node.tag.endswith(":float") and re.fullmatch(r"\d+\.\d+", node.value)
    return str(float(node.value)) if is_number else "" if node.tag.endswith(":null") else node.value
