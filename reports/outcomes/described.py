"""What a call gave, in one line of text, so that releases can be compared: kind, dtype, shape, strides, values.

Runs in the environment of one release, with torch and the standard library alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, KeysView, Mapping
from typing import Any

import torch

_VALUES = 18  # of one tensor
_ITEMS = 16  # of one list
_WORDS = 100  # letters of an error
_NUMBER = "%.9g"


def described(value: Any, depth: int = 0) -> str:
    """A value in words that two releases share where they give the same."""
    if isinstance(value, torch.Tensor):
        return _tensor(value)
    if isinstance(value, torch.Size):
        return f"Size{list(value)}"
    if value is None or isinstance(value, (bool, int, str, bytes, torch.dtype, torch.device, torch.layout)):
        return _one_line(repr(value), 300)
    if isinstance(value, (float, complex)):
        return f"{type(value).__name__} {_number(value)}"
    if depth > 3:
        return "…"
    if isinstance(value, Mapping):
        return f"{{{_all((f'{key}: {described(one, depth + 1)}' for key, one in value.items()))}}}"
    if isinstance(value, (list, tuple, set, frozenset, KeysView)):
        items = sorted(value, key=repr) if isinstance(value, (set, frozenset)) else value
        return f"[{_all(described(one, depth + 1) for one in items)}]"
    return f"a {type(value).__name__}"


def error(raised: BaseException) -> str:
    """Its class with those above it that are not Python's own, and the first of its words."""
    own = [one for one in type(raised).__mro__ if one not in (BaseException, Exception, object)]
    names = [own[0].__name__, *(one.__name__ for one in own[1:] if one.__module__ == "builtins")][:2]
    words = _one_line(str(raised), _WORDS)
    return f"raises {'<'.join(dict.fromkeys(names))}: {words}"


def warned(category: type, words: str) -> str:
    """The category, and the first of its words."""
    return f"{category.__name__}: {_one_line(words, _WORDS)}"


def _tensor(tensor: torch.Tensor) -> str:
    dtype = str(tensor.dtype).removeprefix("torch.")
    head = f"{dtype}{list(tensor.shape)}"
    if type(tensor) not in (torch.Tensor, torch.nn.Parameter):
        head = f"{type(tensor).__name__} {head}"
    if tensor.layout is not torch.strided:
        dense = tensor.to_dense()
        return f"{str(tensor.layout).removeprefix('torch.')} {head}: {_values(dense)}"
    if tensor.device.type != "cpu":
        return f"{head} on {tensor.device.type}"
    if tensor.numel() > 1 and not tensor.is_contiguous():
        head += f" strides {list(tensor.stride())}"
    return f"{head}: {_values(tensor)}"


def _values(tensor: torch.Tensor) -> str:
    tensor = tensor.detach()
    if tensor.dtype.is_complex:
        wide: Any = tensor.to(torch.complex128) if tensor.dtype is not torch.complex64 else tensor
    elif tensor.dtype.is_floating_point:
        wide = tensor.to(torch.float64)
    else:
        wide = tensor
    numbers = wide.flatten()[:_VALUES].tolist()
    whole = wide if wide.is_floating_point() or wide.is_complex() else wide.to(torch.float64)
    more = f" … mean {_number(whole.mean().item())}" if tensor.numel() > _VALUES else ""
    return " ".join(map(_number, numbers)) + more


def _number(value: complex) -> str:
    if isinstance(value, complex):
        return f"{_number(value.real)}|{_number(value.imag)}j"
    return _NUMBER % value if isinstance(value, float) else str(value)


def _all(items: Iterable[str]) -> str:
    told = list(items)
    more = [f"and {len(told) - _ITEMS} more"] if len(told) > _ITEMS else []
    return ", ".join([*told[:_ITEMS], *more])


def _one_line(text: str, length: int) -> str:
    """Without what is of one process: addresses, and paths."""
    text = re.sub(r"\x1b\[[\d;]*m", "", text)
    text = re.sub(r"0x[0-9a-f]+", "0x…", " ".join(text.split()))
    text = re.sub(r" ?\((Triggered internally|function operator)\b.*", "", text)
    text = re.sub(r"(?<![\w.])/[\w./-]{8,}", "/…", text)
    return text if len(text) <= length else f"{text[:length]}…"
