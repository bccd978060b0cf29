"""Functions of the code that pass their `**rest` on to something of torch: what their callers name arrives there."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace

from torchproof.reports.code.catalog import Catalog, Use
from torchproof.reports.code.syntax import parameters
from torchproof.reports.code.values import Doubt, LocalFunction


@dataclass(unsafe_hash=True, slots=True)
class Found:
    """A use: in which releases, in which function, and what would keep it from being certain."""

    use: Use
    is_certain: bool
    releases: int
    inside: LocalFunction | None
    unless: frozenset[Doubt] = frozenset()


def rest(function: LocalFunction | None) -> str | None:
    """The name of the parameter that takes the keywords which a function does not name itself."""
    return function.node.args.kwarg.arg if function and function.node.args.kwarg else None


def is_passed_on(keyword: ast.keyword, function: LocalFunction | None) -> bool:
    """Whether a call passes a function's own `**rest` as it is."""
    return keyword.arg is None and isinstance(keyword.value, ast.Name) and keyword.value.id == rest(function)


class Wrappers:
    """Joins the calls of such functions with what they pass them on to, when all code was walked."""

    def __init__(self, known: Catalog) -> None:
        self.known = known
        self._onto: dict[LocalFunction, list[Found]] = defaultdict(list)
        self._calls: dict[LocalFunction, list[Found]] = defaultdict(list)
        self._looking: set[LocalFunction] = set()  # at what is in it, so that they may take something out

    def looks(self, function: LocalFunction) -> None:
        """A function does more with its `**rest` than to pass it on."""
        self._looking.add(function)

    def passes_on(self, node: ast.Call, found: Found) -> None:
        """A function calls something of torch; with its own `**rest` it is a wrapper of that."""
        if found.inside and any(is_passed_on(one, found.inside) for one in node.keywords):
            self._onto[found.inside].append(found)

    def calls(self, function: LocalFunction, found: Found) -> None:
        """A function that has a `**rest` is called, with keywords of which it may not know all itself."""
        own = {one.arg for one in parameters(function.node.args)[0]}
        more = tuple(one for one in found.use.keywords if one not in own)
        if more:
            literals = tuple((key, value) for key, value in found.use.literals if key in more)
            use = replace(found.use, keywords=more, positional=0, unpacks="* **", literals=literals)
            self._calls[function].append(replace(found, use=use))

    def found(self) -> Iterator[Found]:
        """The uses that callers make of what is wrapped, where a release does not take what they pass."""
        for function, calls in self._calls.items():
            for one in self._onto[function] if function not in self._looking else ():
                for call in calls:
                    use = replace(call.use, name=one.use.name)
                    if self.known.working(use) != self.known.all:
                        is_certain = one.is_certain and call.is_certain
                        yield replace(call, use=use, is_certain=is_certain, releases=call.releases & one.releases)
