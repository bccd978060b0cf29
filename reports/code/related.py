"""Which files of much code have to do with torch, as their words tell: most of a large project need not be parsed.

A file has where its code speaks of torch, and where it imports a name that something of torch stands behind, however
many others hand that on: a function, class or variable in whose text there is such a name.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from functools import cached_property

from torchproof.inventory import is_of_torch
from torchproof.reports.code.reading import Unreadable, without_prose
from torchproof.reports.code.values import Module

_IMPORT = re.compile(
    r"\n[ \t]*(?:from[ \t]+(?=[\w.])(\.*)((?:\w[\w.]*)?)[ \t]+import\b"
    r"((?:[ \t]*\((?:[^()#]|#[^\n]*\n)*\))|(?:\\\n|[^\n])*)|import\b((?:\\\n|[^\n])*))"
)
_COMMENT = re.compile(r"#[^\n]*")
_ALIAS = re.compile(r"([\w.]+|\*)(?:[\s\\]+as[\s\\]+(\w+))?")
_IMPORTS_TORCH = re.compile(r"\n[ \t]*(?:from|import)\b[^\n#]*torch")  # as most do that speak of it
_STATEMENT = re.compile(r"\n(?=[^\s#)\]}])")  # of the module itself
_DEFINES = re.compile(r"(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)")
_BINDS = re.compile(
    r"^[ \t]*(?:(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)|(\w+(?:[ \t]*,[ \t]*\w+)*)[ \t]*(?::[^=\n]+)?=)", re.MULTILINE
)
_WORD = re.compile(r"\w+")
_PATH = re.compile(r"(?:\s*\.\s*\w+)+")


Find = Callable[[Module, str], Module | None]  # the module that a dotted name is, for another one


def related(modules: list[Module], find: Find) -> list[Module]:
    """The modules that have to do with torch, in their order; others may still be imported by them."""
    words = {one: Words(one, find) for one in modules}
    asked = [one for one in words.values() if not one.speaks_of_torch]
    seen = set(asked)
    for one in asked:  # it grows
        asked += (new := [source for source in map(words.__getitem__, one.sources()) if source not in seen])
        seen.update(new)
    while sum([one.learns(words) for one in asked]):
        pass
    return [module for module, one in words.items() if one.speaks_of_torch or one.of_torch]


class Words:
    """The words of a module, and the names in it that turn out to be of torch."""

    def __init__(self, module: Module, find: Find) -> None:
        self._module = module
        self._find = find
        self._text = _text(module)
        self._asked: dict[str, set[str]] = {}
        self._bound: dict[int, list[str]] = {}
        self._followed: set[str] = set()  # those of them whose statements were looked for
        self.of_torch: set[str] = set()

    @cached_property
    def speaks_of_torch(self) -> bool:
        """Whether its code has the word, comments and documentation apart; True where it has no text that tells."""
        text = self._text
        if text is None or "torch" not in text:
            return text is None
        return bool(_IMPORTS_TORCH.search(text)) or "torch" in without_prose(text)

    def sources(self) -> set[Module]:
        """The modules that it imports."""
        return {module for _, module, _ in self._imports if module}

    def learns(self, others: dict[Module, Words]) -> bool:
        """Look at what it imports from others. Whether more of its own names are found to be of torch thereby."""
        for bound, module, name in self._imports:
            if bound == "*":
                self.of_torch |= others[module].of_torch if module else set()
            elif bound not in self.of_torch and self._is_of_torch(bound, module, name, others):
                self.of_torch.add(bound)
        new = [*(self.of_torch - self._followed)]
        for name in new:  # it grows
            behind = {one for start, _ in self._places(name) for one in self._bound_at(start)}
            new += behind - self.of_torch
            self.of_torch |= behind
        self._followed |= self.of_torch
        return bool(new)

    @cached_property
    def modules(self) -> dict[str, Module]:
        """The modules that it imports as a whole, by the names that it gives them."""
        return {bound: module for bound, module, name in self._imports if module and not name}

    def _is_of_torch(self, bound: str, module: Module | None, name: str, others: dict[Module, Words]) -> bool:
        if module is None:
            return is_of_torch(name)
        if name and (below := others[module].modules.get(name)):
            module, name = below, ""
        if name:
            return name in others[module].of_torch
        if bound not in self._asked:
            self._asked[bound] = self._behind(bound)
        return not self._asked[bound].isdisjoint(others[module].of_torch)

    def _behind(self, bound: str) -> set[str]:
        """The words that stand behind a name: `one` and `other` of `bound.one.other`."""
        text = self._text or ""
        paths = [_PATH.match(text, end) for start, end in self._places(bound) if text[start - 1] != "."]
        return {word for path in paths if path for word in _WORD.findall(path[0])}

    def _places(self, word: str) -> Iterator[tuple[int, int]]:
        """Where a word stands, and ends."""
        text, end = self._text or "", 0
        while (start := text.find(word, end)) >= 0:
            end = start + len(word)
            if not (_is_of_word(text[start - 1]) or _is_of_word(text[end : end + 1])):
                yield start, end

    @cached_property
    def _imports(self) -> list[tuple[str, Module | None, str]]:
        """What it imports: as what, and which name of which module, or with no name the whole of it."""
        return [(bound, *self._source(dotted, name)) for bound, dotted, name in self._import_statements()]

    def _source(self, dotted: str, name: str) -> tuple[Module | None, str]:
        if module := self._find(self._module, dotted):
            return module, name
        if name and (below := self._find(self._module, f"{dotted}.{name}")):
            return below, ""
        return None, dotted

    def _import_statements(self) -> Iterator[tuple[str, str, str]]:
        """What each binds, of which module, and the name there if it is not the module itself."""
        for dots, base, names, absolute in _IMPORT.findall(self._text or ""):
            for name, alias in _ALIAS.findall(_COMMENT.sub("", absolute or names)):
                if absolute:
                    dotted = name if alias else name.partition(".")[0]
                    yield alias or dotted, dotted, ""
                else:
                    above = self._module.above(len(dots)) if dots else []
                    yield alias or name, ".".join([*above, *([base] if base else [])]), name

    def _bound_at(self, place: int) -> list[str]:
        """The names that the statement binds that stands at a place."""
        number = bisect_right(self._starts, place)
        if number not in self._bound:
            start, end = self._starts[number - 1 : number + 1]
            self._bound[number] = _bound((self._text or "")[start:end])
        return self._bound[number]

    @cached_property
    def _starts(self) -> list[int]:
        """Where each of its statements begins, and the last one ends."""
        text = self._text or ""
        return [0, *(one.end() for one in _STATEMENT.finditer(text)), len(text)]


def _bound(statement: str) -> list[str]:
    if defined := _DEFINES.match(statement):
        return [defined[1]]
    return _WORD.findall(" ".join(each for one in _BINDS.findall(statement) for each in one))


def _is_of_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def _text(module: Module) -> str | None:
    """The text of a module, behind the end of a line; None where reading it has more to tell."""
    try:
        return "\n" + module.written if module.path.suffix == ".py" else None
    except Unreadable:
        return None
