"""What a name in user code can stand for, the scopes and modules that names live in, and sets of releases."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from torchproof.inventory import is_of_torch


@dataclass(frozen=True)
class Name:
    """What an absolute import path leads to: 'torch.nn.Linear', 'packaging.version.parse'."""

    dotted: str
    is_bound: bool = False  # reached from an instance, so that self is not among the arguments
    through: str = ""  # the class it was reached through, where a subclass may have another

    @property
    def is_torch(self) -> bool:
        """Whether it is a package that the inventory knows, or in one."""
        return is_of_torch(self.dotted)


@dataclass(frozen=True)
class Instance:
    """An object of a class: exactly of it, or, where an annotation says so, of a subclass perhaps."""

    of: Name | LocalClass
    is_exact: bool = True


@dataclass(frozen=True)
class Constant:
    """A value that is written in the code, or was worked out from one."""

    value: object

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Constant) and type(self.value) is type(other.value) and self.value == other.value

    def __hash__(self) -> int:
        return hash(type(self.value))


@dataclass(frozen=True, eq=False)
class Expression:
    """An expression that may tell something about torch's version when somebody asks."""

    node: ast.expr
    scope: Scope


@dataclass(frozen=True)
class Imported:
    """A name of a module of the same code, looked up when it is needed."""

    module: Module
    name: str


@dataclass(frozen=True)
class LocalModule:
    """A module of the same code."""

    module: Module


@dataclass(frozen=True, eq=False)
class LocalFunction:
    """A function of the same code: a method `of` a class perhaps, and perhaps `inside` another function."""

    node: ast.FunctionDef | ast.AsyncFunctionDef
    scope: Scope
    of: LocalClass | None = None
    inside: LocalFunction | None = None


@dataclass(eq=False)
class LocalClass:
    """A class of the same code: `stores` counts the assignments to each attribute, `values` has what is assigned.

    `releases` are those in which its constructor does not refuse.
    """

    name: str
    bases: tuple[Values, ...]
    stores: dict[str, int]
    is_dynamic: bool
    releases: int = -1
    values: dict[str, Values] = field(default_factory=dict)
    methods: dict[str, LocalFunction] = field(default_factory=dict)


@dataclass(frozen=True)
class OneOf:
    """One of several, nobody knows which: of what a table has, or of what a loop goes over."""

    values: tuple[Value, ...]


# What a name stands for in each release: sets of releases (one bit each, disjoint) with the value there. None is a
# value that is not known; in releases that are in no set, the name is not bound.
Value = Name | Instance | Constant | Expression | Imported | LocalModule | LocalFunction | LocalClass | OneOf | None

Values = tuple[tuple[int, Value], ...]


@dataclass(eq=False)
class Scope:
    """Names of a module, class or function: `names` now, `ever` what each stood for at any time."""

    kind: str
    module: Module
    parent: Scope | None = None
    local: frozenset[str] = frozenset()
    shared: frozenset[str] = frozenset()  # inner functions assign to them, who knows when
    names: dict[str, Values] = field(default_factory=dict)
    ever: dict[str, Values] = field(default_factory=dict)
    stars: list[Name | LocalModule | None] = field(default_factory=list)


@dataclass(eq=False)
class Module:
    """A file of the code: `dotted` as it is imported when `root` is on Python's path."""

    path: Path
    root: Path
    dotted: str
    scope: Scope = field(init=False)
    pending: Callable[[], None] | None = None  # walks its own statements, once
    is_walked: bool = False  # they are, to their end
    text: str = ""  # as it was read
    reaches_out: bool = False  # functions assign to names outside of them
    deferred: list[Deferred] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.scope = Scope("module", self)

    def ready(self) -> None:
        """Have its own statements walked, unless that has been begun already."""
        walk, self.pending = self.pending, None
        if walk:
            walk()
            self.is_walked = True


@dataclass(eq=False)
class Deferred:
    """A function whose body is yet to be walked, and what holds where it is defined."""

    function: LocalFunction
    body: list[ast.stmt]
    releases: int
    doubt: bool


@dataclass(frozen=True)
class Condition:
    """The releases in which it may be true, and may be false; `doubt` where it is about a version in unknown ways."""

    true: int
    false: int
    doubt: bool = False

    def __invert__(self) -> Condition:
        return Condition(self.false, self.true, self.doubt)

    def __and__(self, other: Condition) -> Condition:
        return Condition(self.true & other.true, self.false | other.false, self.doubt or other.doubt)

    def __or__(self, other: Condition) -> Condition:
        return ~(~self & ~other)


def within(values: Values, releases: int) -> Values:
    """The values in some of the releases only."""
    return tuple((both, value) for mask, value in values if (both := mask & releases))


def bound(values: Values) -> int:
    """The releases in which there is a value, known or not."""
    mask = 0
    for one, _ in values:
        mask |= one
    return mask


def merged(first: Values, second: Values) -> Values:
    """What can come from either of two paths: where they disagree, nothing is known."""
    if first is second:
        return first
    left, right = bound(first), bound(second)
    found = [*within(first, ~right), *within(second, ~left)]
    unknown = left & right
    for mask, value in within(first, right):
        for other_mask, other in second:
            if (both := mask & other_mask) and value is not None and value == other:
                found.append((both, value))
                unknown &= ~both
    if unknown:
        found.append((unknown, None))
    return gathered(found)


def gathered(values: Iterable[tuple[int, Value]]) -> Values:
    """The same, with each value once."""
    found: list[list] = []
    for mask, value in values:
        for one in found:
            if one[1] is value or (value is not None and one[1] == value):
                one[0] |= mask
                break
        else:
            found.append([mask, value])
    return tuple((mask, value) for mask, value in found)
