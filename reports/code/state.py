"""Where a walk is: the names there, and the releases in which it gets there at all."""

from __future__ import annotations

from dataclasses import dataclass

from torchproof.reports.code.values import LocalClass, LocalFunction, Module, Scope, Values, gathered, merged, within


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
    decorates: bool = False  # it is a decorator that is walked
    failing: int = 0  # the releases in which one of them is seen to happen

    def __post_init__(self) -> None:
        self.unknown: Values = ((self.everywhere, None),)

    def bind(self, name: str, values: Values) -> None:
        """Let a name stand for the values, in the releases in which this runs."""
        names, here = self.scope.names, self.releases
        if name in self.scope.shared:
            values = self.unknown
        kept = within(names.get(name, ()), ~here) if here != self.everywhere else ()
        names[name] = kept + within(values, here)
        if self.scope.kind == "function":
            before = self.scope.ever.get(name)
            self.scope.ever[name] = merged(before, names[name]) if before else names[name]

    def forget(self, name: str) -> None:
        """Let a name stand for anything, at any time."""
        self.scope.names[name] = self.scope.ever[name] = self.unknown

    def join(self, ends: list[tuple[int, dict[str, Values]]]) -> None:
        """Go on from where one of several paths came to its end: with what they agree on."""
        (releases, names), *others = ends
        for mask, other in others:
            if not releases or not mask:
                names = names if releases else other
            else:
                both = releases & mask
                for name in {*names, *other}:
                    mine, yours = names.get(name, ()), other.get(name, ())
                    if mine is not yours:
                        agreed = merged(within(mine, both), within(yours, both))
                        names[name] = gathered([*within(mine, ~mask), *within(yours, mask & ~releases), *agreed])
            releases |= mask
        self.releases, self.scope.names = releases, names
