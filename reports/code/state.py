"""Where a walk is: the names there, and the releases in which it gets there at all."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property

from torchproof.reports.code.forks import Test, paired
from torchproof.reports.code.syntax import nodes, word
from torchproof.reports.code.values import (  # fmt: skip
    Assumption,
    Instance,
    LocalClass,
    LocalFunction,
    Module,
    Name,
    OneOf,
    Scope,
    Value,
    Values,
    doubted,
    gathered,
    joined,
    merged,
    within,
)


@dataclass(eq=False)
class State:
    """What holds at the present statement of a module: `releases` are those in which it may run.

    `unknown` is what stands for a value that is not known.
    """

    module: Module
    scope: Scope
    everywhere: int  # all releases
    releases: int
    doubt: bool = False  # a condition that is not understood decides whether it runs
    cls: LocalClass | None = None
    inside: LocalFunction | None = None
    is_typing: bool = False  # for type checkers only
    caught: frozenset[str] = frozenset()  # the failures that a `try` around takes care of
    handled: frozenset[str] = frozenset()  # the exceptions that one around names
    survived: frozenset[str] = frozenset()  # those of them after which a `try` goes on
    decorates: bool = False  # it is a decorator that is walked
    failing: int = 0  # the releases in which one of them is seen to happen
    is_generator: bool = False
    loops: list[list[Assumption]] = field(default_factory=list)  # those around, with what is assumed in them
    coming: frozenset[object] = frozenset()  # the choices of which each row comes here, one after another
    body: list[ast.stmt] = field(default_factory=list)  # all that is walked

    def __post_init__(self) -> None:
        self.unknown: Values = ((self.everywhere, None),)

    @cached_property
    def words(self) -> frozenset[str]:
        """The names that the code speaks of, by their last words."""
        return frozenset(filter(None, (word(node) for one in self.body for node in nodes(one))))

    def bind(self, name: str, values: Values) -> None:
        """Let a name stand for the values, in the releases in which this runs."""
        names, here = self.scope.names, self.releases
        if name in self.scope.shared:
            values = self.unknown
        kept = within(names.get(name, ()), ~here) if here != self.everywhere else ()
        names[name] = kept + within(values, here)
        self.scope.memory.clear()
        if self.scope.kind == "function":
            before = self.scope.ever.get(name)
            self.scope.ever[name] = merged(before, names[name]) if before else names[name]

    def is_of(self, name: str, dtype: Name) -> None:
        """Remember the dtype of the tensor that a name was just bound to, for as long as it is bound to that one."""
        if self.releases == self.everywhere and name not in self.scope.shared:
            values = (*self.scope.names[name],)  # of its own, by which to know that it is still this one
            self.scope.names[name], self.scope.dtypes[name] = values, (values, dtype)

    @contextmanager
    def with_each(self, choices: Iterable[object]) -> Iterator[None]:
        """Let each row of these choices come by, one after another."""
        before, self.coming = self.coming, self.coming.union(choices)
        yield
        self.coming = before

    @contextmanager
    def with_some(self) -> Iterator[None]:
        """Let it be unknown which rows of any choice come by: a condition may be about them."""
        before, self.coming = self.coming, frozenset()
        yield
        self.coming = before

    def forget(self, name: str) -> None:
        """Let a name stand for anything, at any time."""
        self.scope.memory.clear()
        self.scope.names[name] = self.scope.ever[name] = self.unknown

    def join(self, ends: list[tuple[int, dict[str, Values]]], tests: list[Test] | None = None) -> None:
        """Go on from where one of several paths came to its end: with what they agree on.

        With the `tests` that choose among them, also with what a class and its arguments are on each.
        """
        paired = _paired(ends, tests) if tests else {}
        (releases, names), *others = ends
        for mask, other in others:
            if not releases or not mask:
                names = names if releases else other
            else:
                both = releases & mask
                changed = [name for name, values in names.items() if other.get(name) is not values]
                for name in (*changed, *[name for name in other if name not in names]):
                    mine, yours = names.get(name, ()), other.get(name, ())
                    agreed = merged(within(mine, both), within(yours, both))
                    names[name] = gathered([*within(mine, ~mask), *within(yours, mask & ~releases), *agreed])
            releases |= mask
        for name, one in paired.items():
            names[name] = (*within(names[name], ~releases), (releases, one))
        self.releases, self.scope.names = releases, names
        self.scope.memory.clear()

    def narrow(self, names: dict[str, Values]) -> None:
        """Let names stand for what a condition tells, for as long as it holds."""
        self.scope.names.update(names)
        self.scope.memory.clear()

    def assume(self, name: str) -> None:
        """Let a name go on, in a loop, to stand for an object of its class, to be seen at the end of a round."""
        values = self.scope.names.get(name, ())
        if values and all(isinstance(value, Instance) for _, value in values):
            assumption = Assumption(name, tuple((mask, _inexact(value)) for mask, value in values))
            self.loops[-1].append(assumption)
            self.bind(name, doubted(assumption.values, frozenset([assumption])))
        elif values:
            self.bind(name, self.unknown)

    def next_round(self) -> None:
        """See whether what was assumed in the innermost loop is so when its body begins again, or is left."""
        for one in self.loops[-1] if self.releases and self.loops else ():
            now = within(self.scope.names.get(one.name, ()), self.releases)
            one.holds &= all(
                _is_another(value, before) for mask, value in now for other, before in one.values if mask & other
            )


def _paired(ends: list[tuple[int, dict[str, Values]]], tests: list[Test]) -> dict[str, OneOf]:
    """What stands side by side on each of the paths that come to an end, where releases have no part in that."""
    masks = [mask for mask, _ in ends if mask]
    if len(masks) < 2 or len({*masks}) > 1:
        return {}
    first, *others = [names for mask, names in ends if mask]
    differing = [name for name, values in first.items() if any(names.get(name) is not values for names in others)]
    paths = [
        (test, {name: one[0][1] for name in differing if len(one := within(names.get(name, ()), mask)) == 1})
        for (mask, names), test in zip(ends, tests)
        if mask
    ]
    return paired(paths, object()) if differing else {}


def _inexact(value: Value) -> Value:
    return replace(value, is_exact=False) if isinstance(value, Instance) else value


def _is_another(value: Value, assumed: Value) -> bool:
    """Whether a value is an object of the assumed class, that holds the same if anything."""
    either = joined(assumed, value)
    return isinstance(either, Instance) and isinstance(assumed, Instance) and either.held == assumed.held
