"""What the calls that every release is asked are given: tensors of a dtype and a state, by the names of `calls.txt`.

Runs in the environment of one release, with torch and the standard library alone.
"""

from __future__ import annotations

import argparse
import array
import ast
import collections
import copy
import datetime
import decimal
import enum
import fractions
import functools
import importlib
import io
import itertools
import math
import operator
import os
import pathlib
import pickle
import random
import re
import time
import types
import uuid
import warnings
from collections.abc import Callable
from typing import Any

import torch

from torchproof.reports.outcomes import inside
from torchproof.reports.outcomes.inputs import SPECIAL, VALUES
from torchproof.reports.outcomes.questions import PLAIN

_COUNTED = {"image": (1, 2, 4, 4), "sequence": (1, 2, 6), "volume": (1, 4, 4, 4, 4), "k1": (3, 2, 3),
            "k2": (3, 2, 3, 3), "k3": (3, 4, 3, 3, 3)}  # fmt: skip
_WHOLE = {"i": [0, 1], "j": [[0, 1, 0], [1, 0, 1]], "t": [0, 2]}
_OWN = {one.__name__: one for one in (math, io, os, re, copy, pickle, random, time, warnings, operator, functools,
        itertools, collections, array, uuid, decimal, datetime, fractions, argparse, types, enum, pathlib)}  # fmt: skip
_PACKAGES = {"torchvision"}


class Given:
    """What a call is given: `words` are a dtype and states; `recorded` are the tensors whose gradient is asked for."""

    def __init__(self, words: str = PLAIN) -> None:
        self.dtype_name, *self.states = words.split()
        self.recorded: list[torch.Tensor] = []
        self._things: dict[str, Any] = {}

    def names(self, tree: ast.AST) -> dict[str, Any]:
        """The names that an expression may use; only what it does is made."""
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        made = {name: self[name] for name in sorted(used) if name in _KNOWN}
        for dotted in sorted({ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}):
            _import(dotted)
        packages = {name: importlib.import_module(name) for name in _PACKAGES & used}
        return {
            **_OWN,
            "torch": torch,
            "nn": torch.nn,
            "F": torch.nn.functional,
            **packages,
            **inside.FUNCTIONS,
            **made,
        }

    def __getitem__(self, name: str) -> Any:
        if name not in self._things:
            made = self._made(name)
            if "gradient" in self.states and name in _RECORDED:
                self.recorded.append(made.requires_grad_())
            self._things[name] = made
        return self._things[name]

    def _made(self, name: str) -> Any:
        if name in _OTHERS:
            return _OTHERS[name](self)
        if name in _WHOLE:
            return torch.tensor(_WHOLE[name])
        if name in _COUNTED:
            return self._counted(_COUNTED[name])
        if "special" in self.states and name in SPECIAL:
            return self.cast(SPECIAL[name])
        return self.cast(VALUES[name])

    def cast(self, values: list[Any]) -> torch.Tensor:
        """A tensor of the dtype that is asked for: without sign for what has none, and with parts for complex ones."""
        dtype = getattr(torch, self.dtype_name)
        made = torch.tensor(values, dtype=torch.float64)
        if dtype.is_complex:
            made = torch.complex(made, made.flip(-1) / 2)
        elif self.dtype_name.startswith("uint"):
            made = made.abs()
        return made.to(dtype)

    def _counted(self, shape: tuple[int, ...]) -> torch.Tensor:
        """Of small numbers that do not repeat soon."""
        numbers = [((7 * place) % 11 - 5) / 2 for place in range(math.prod(shape))]
        if "special" in self.states:
            numbers[3:7] = [math.nan, math.inf, -math.inf, 0.0]
        return self.cast(numbers).reshape(shape)


def _import(dotted: str) -> None:
    """The modules that a dotted name goes through, which some releases do not import with torch itself."""
    first, *parts = dotted.split(".")
    name = "torch.nn" if first == "nn" else first
    while parts and name.partition(".")[0] in ("torch", *_PACKAGES) and _is_module(name := f"{name}.{parts.pop(0)}"):
        pass


@functools.cache
def _is_module(name: str) -> bool:
    try:
        importlib.import_module(name)
    except ImportError:
        return False
    return True


def _parameter(values: list[Any]) -> torch.Tensor:
    return torch.tensor(values, requires_grad=True)


def _with_grad(_: Given) -> torch.Tensor:
    made = _parameter([3.0, 4.0])
    made.grad = torch.tensor([3.0, 4.0])
    return made


_OTHERS: dict[str, Callable[[Given], Any]] = {
    "s": lambda given: given.cast([1.5]).reshape(()),
    "mask": lambda given: torch.tensor([[True, False, True], [False, True, True]]),
    "r": lambda given: _parameter(VALUES["x"]),
    "q": lambda given: _parameter([1.0, -2.0]),
    "q2": lambda given: _parameter([[1.0, -2.0], [0.5, 3.0]]),
    "o": lambda given: torch.optim.SGD([given["q"]], 0.1, momentum=0.9),
    "with_grad": _with_grad,
}
_RECORDED = {*VALUES, *_COUNTED, "s"}
_KNOWN = {*_OTHERS, *_WHOLE, *_COUNTED, *VALUES}
