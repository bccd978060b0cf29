"""What functions of the code are called with, where nobody but the code calls them: `def _norm(x): return x.norm()`."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cache

from torchproof.reports.code.results import changes_no_result
from torchproof.reports.code.syntax import nodes, parameters, passed
from torchproof.reports.code.values import (  # fmt: skip
    Deferred,
    Instance,
    LocalFunction,
    Module,
    Name,
    Value,
    Values,
    bound,
    merged,
    within,
)

_WORD = re.compile(r"\w+")
_BETWEEN = "".join(one if _WORD.match(one) else " " for one in map(chr, range(128)))  # with a space between words
Objects = Callable[[ast.expr], Values]  # what an expression gives where it stands


class Callers:
    """Collects the calls of such functions, whose bodies wait until those that call them were walked."""

    def __init__(self, everywhere: int) -> None:
        self._everywhere = everywhere
        self._given: dict[LocalFunction, dict[str, Values]] = {}
        self._from: dict[LocalFunction, set[Module]] = defaultdict(set)
        self._handed_on: set[LocalFunction] = set()
        self._words: dict[Module, set[str]] = {}
        self._speaking: dict[str, set[Module]] = {}  # words that were asked for, with the modules in which they stand
        self._waiting: list[tuple[Deferred, frozenset[str]]] = []

    def mentions(self, function: LocalFunction) -> None:
        """A function is spoken of without a call, so that something else may call it."""
        self._handed_on.add(function)

    def calls(self, function: LocalFunction, node: ast.Call, module: Module, releases: int, objects: Objects) -> None:
        """A function is called from a module, in some releases."""
        if not is_own(function):
            return
        each = passed(function.node.args, node)
        given = {
            one.arg: within(self._whole(objects(each[one.arg]) if one.arg in each else ()), releases)
            for one in parameters(function.node.args)[0]
        }
        before = self._given.get(function)
        self._given[function] = {name: merged(before[name], one) for name, one in given.items()} if before else given
        self._from[function].add(module)

    def wait(self, one: Deferred) -> None:
        """Let a function wait for its callers."""
        words = frozenset(node.id for each in one.body for node in nodes(each) if isinstance(node, ast.Name))
        self._waiting.append((one, words))

    def ready(self) -> Iterator[Deferred]:
        """Those that wait, each after the others that may call it; of those that call each other nothing is told."""
        while self._waiting:
            called = {word for _, words in self._waiting for word in words}
            free = [one for one in self._waiting if one[0].function.node.name not in called]
            if not free:
                self.mentions(self._waiting[0][0].function)
            for one in free or self._waiting[:1]:
                self._waiting.remove(one)
                yield one[0]

    def given(self, function: LocalFunction, modules: Iterable[Module]) -> dict[str, Values]:
        """What each parameter is an object of by all calls, if all of them are seen; others are left out."""
        found = self._given.get(function)
        if not found or function in self._handed_on:
            return {}
        self.read(modules)
        if not function.inside and self._may_call(function.node.name) - self._from[function] - {function.scope.module}:
            return {}
        return {name: tuple(map(_told, self._whole(values))) for name, values in found.items()}

    def _may_call(self, name: str) -> set[Module]:
        """The modules that speak of a name, those apart that have a function of their own by it."""
        speaking = self._speak_of(name)
        return {one for one in speaking if not any(_is_of(one, value) for _, value in one.scope.names.get(name, ()))}

    def may_be_more(self, function: LocalFunction, seen: set[Module]) -> bool:
        """Whether others may call a function than the modules that were seen to: they speak of it, or a text does."""
        name, home = function.node.name, function.scope.module
        own = (home.dotted or home.path.stem).rpartition(".")[2]
        speaking = self._speak_of(name) & self._speak_of(own)
        as_text = f'"{name}"', f"'{name}'"
        return bool(speaking - seen - {home}) or any(text in one.text for one in {home, *seen} for text in as_text)

    def _whole(self, values: Values) -> Values:
        """The values, in all releases."""
        missing = self._everywhere & ~bound(values)
        return (*values, (missing, None)) if missing else values

    def read(self, modules: Iterable[Module]) -> None:
        """Look once for the words of all modules."""
        self._words = self._words or {module: _words(module.text) for module in modules if module.text}

    def _speak_of(self, word: str) -> set[Module]:
        """The modules that have a word."""
        if word not in self._speaking:
            self._speaking[word] = {module for module, words in self._words.items() if word in words}
        return self._speaking[word]


def _is_of(module: Module, value: Value) -> bool:
    return isinstance(value, LocalFunction) and value.scope.module is module


def _words(text: str) -> set[str]:
    """The words of a text."""
    return set(text.translate(_BETWEEN).split() if text.isascii() else _WORD.findall(text))


def is_own(function: LocalFunction) -> bool:
    """Whether a function is there for the code alone: by its name, inside another one, or in a script or notebook."""
    name, module = function.node.name, function.scope.module
    if function.of or not all(map(changes_no_result, function.node.decorator_list)):
        return False
    is_private = name.startswith("_") and not name.startswith("__")
    return is_private or function.inside is not None or bool(module.cells) or _is_script(module)


@cache
def _is_script(module: Module) -> bool:
    """Whether a file is there to be run, and is in no package."""
    return "." not in module.dotted and re.search(r"^if __name__\s*==", module.text, re.MULTILINE) is not None


def _told(one: tuple[int, Value]) -> tuple[int, Value]:
    """An object of torch's or of the code, of a subclass perhaps; in the place of what else it may be, nothing."""
    mask, value = one
    if isinstance(value, Instance) and (not isinstance(value.of, Name) or value.of.is_torch):
        return mask, replace(value, is_exact=False)
    return mask, None
