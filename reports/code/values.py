"""What a name in user code can stand for, the scopes and modules that names live in, and sets of releases.

Nobody changes a value. They are not `frozen` all the same, since large code makes a million of them, each of which
takes three times as long if it is.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from torchproof.inventory import is_of_torch
from torchproof.reports.code.reading import content, decoded
from torchproof.reports.code.syntax import attributes


@dataclass(unsafe_hash=True, slots=True)
class Override:
    """What keeps a value from being certain: a class of the code below this one that has the attribute itself."""

    cls: str
    attribute: str


@dataclass(eq=False)
class Assumption:
    """What a value rests on while a loop is walked: in later rounds the name still has an object of that class."""

    name: str
    values: Values
    holds: bool = True


@dataclass(unsafe_hash=True, slots=True)
class Moved:
    """What a value rests on where `super(self.__class__, self)` is asked: objects are of the class that is written.

    They are of another where its `__dict__` goes into one: `type(name, (Other,), dict(Written.__dict__))`.
    """

    cls: LocalClass


Doubt = Override | Assumption | Moved


@dataclass(unsafe_hash=True, slots=True)
class Name:
    """What an absolute import path leads to: 'torch.nn.Linear', 'packaging.version.parse'."""

    dotted: str
    is_bound: bool = False  # reached from an instance, so that self is not among the arguments
    unless: frozenset[Doubt] = frozenset()

    @property
    def is_torch(self) -> bool:
        """Whether it is a package that the inventory knows, or in one."""
        return is_of_torch(self.dotted)


@dataclass(unsafe_hash=True, slots=True)
class Instance:
    """An object of a class: exactly of it, or, where an annotation says so, of a subclass perhaps."""

    of: Name | LocalClass
    is_exact: bool = True
    held: Held | None = None
    unless: frozenset[Doubt] = frozenset()


@dataclass(unsafe_hash=True, slots=True)
class Held:
    """What is in a container: what `any` of it is, and its `items` by key or place where all of them are known."""

    any: Values = ()
    items: tuple[tuple[int | str, Values], ...] = ()


@dataclass(slots=True)
class Constant:
    """A value that is written in the code, or was worked out from one."""

    value: object

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Constant) and type(self.value) is type(other.value) and self.value == other.value

    def __hash__(self) -> int:
        return hash(type(self.value))


NOTHING = Constant(None)


@dataclass(eq=False, slots=True)
class Expression:
    """An expression that may tell something about torch's version when somebody asks, and what object it `gives`."""

    node: ast.expr
    scope: Scope
    gives: Values = ()


@dataclass(unsafe_hash=True, slots=True)
class Imported:
    """A name of a module of the same code, looked up when it is needed."""

    module: Module
    name: str


@dataclass(unsafe_hash=True, slots=True)
class LocalModule:
    """A module of the same code."""

    module: Module


@dataclass(eq=False)
class LocalFunction:
    """A function of the same code: a method `of` a class perhaps, and perhaps `inside` another function.

    Its body is walked once, and is `waiting` for that; then `gives` is known, if its calls give anything known.
    """

    node: ast.FunctionDef | ast.AsyncFunctionDef
    scope: Scope
    of: LocalClass | None = None
    inside: LocalFunction | None = None
    waiting: Deferred | None = None
    gives: Values = ()


@dataclass(eq=False)
class LocalClass:
    """A class of the same code: `stores` counts the assignments to each attribute, `values` has what is assigned.

    `declared` is what annotations say of attributes, and `releases` are those in which its constructor does not refuse;
    `place` is the file and line that define it; `fields` are what it is made with, and which attributes keep that. In
    those that are `refused`, its constructor may refuse what it is given, or a flag of the class is not set: its
    methods may be kept from running there.
    """

    name: str
    bases: tuple[Values, ...]
    stores: dict[str, int]
    is_dynamic: bool
    place: tuple[str, int]
    releases: int = -1
    refused: int = 0
    values: dict[str, dict[ast.expr | int, Values]] = field(default_factory=dict)  # by what assigns, or the line
    declared: dict[str, Values] = field(default_factory=dict)
    methods: dict[str, LocalFunction] = field(default_factory=dict)
    fields: Fields | None = None


CONSTRUCTORS = ("__init__", "__post_init__")


def lineage(cls: LocalClass, is_certain: bool = False) -> Iterator[Value | None]:
    """A class and what stands (certainly) above it, depth first: each once, however many ways lead there."""
    waiting, seen = [cls], set[object]()
    while waiting:
        one = waiting.pop()
        if one not in seen:
            yield one
            seen.add(one)
            bases = one.bases if isinstance(one, LocalClass) else ()
            above = [value for base in bases for _, value in base if len(base) == 1 or not is_certain]
            waiting += above[::-1]


@dataclass(unsafe_hash=True, slots=True)
class Fields:
    """What a class is made with, defaults in a `scope`, and which of its attributes keep what of that."""

    wanted: ast.arguments
    kept: dict[str, str]
    scope: Scope


@dataclass(unsafe_hash=True, slots=True)
class OneOf:
    """One of several, nobody knows which: of what a table has, of what a loop goes over, or of what a condition chose.

    Two of one `choice` are of the same row: the class and the arguments that stand side by side in a table.
    """

    values: tuple[Value, ...]
    choice: object = None

    def of_row(self, row: int) -> Value:
        """The one in a row of its choice."""
        return self.values[row] if row < len(self.values) else None


_SEVERAL = 20  # that paths through the code choose from

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
    cls: LocalClass | None = None  # of a class's own scope
    dtypes: dict[str, tuple[Values, Name]] = field(default_factory=dict)  # what a name was bound to, as tensors go
    memory: dict[ast.expr, Values] = field(default_factory=dict)  # what expressions stand for, as long as names do

    @contextmanager
    def shadowed(self) -> Iterator[None]:
        """Let names stand for something else meanwhile."""
        names, memory = self.names, self.memory
        self.names, self.memory = dict(names), {}
        try:
            yield
        finally:
            self.names, self.memory = names, memory


@dataclass(eq=False)
class Module:
    """A file of the code: `dotted` as it is imported when `root` is on Python's path."""

    path: Path
    root: Path
    dotted: str
    shown: str  # the file, to those who read about it
    scope: Scope = field(init=False)
    pending: Callable[[], None] | None = None  # walks its own statements, once
    is_walked: bool = False  # they are, to their end
    text: str = ""  # as it was read
    tree: ast.Module | None = None  # the same, parsed
    reaches_out: bool = False  # functions assign to names outside of them
    deferred: list[Deferred] = field(default_factory=list)
    cells: list[tuple[int, int]] = field(default_factory=list)  # of a notebook's lines, and the lines in them

    def __post_init__(self) -> None:
        self.scope = Scope("module", self)

    def place(self, line: int) -> tuple[str, int]:
        """Where a line of its code stands: the file, and the cell of a notebook, with the line there."""
        if not self.cells:
            return self.shown, line
        cell, inside = self.cells[line - 1]
        return f"{self.shown}:cell {cell}", inside

    @cached_property
    def written(self) -> str:
        """The text of its file. Raises Unreadable."""
        return decoded(content(self.path))

    def above(self, level: int) -> list[str]:
        """The parts of the package that so many dots lead to in its relative imports."""
        parts = self.dotted.split(".") if self.dotted else []
        return parts[: len(parts) - level + (self.path.name == "__init__.py")]

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

    @cached_property
    def assigned(self) -> Collection[str]:
        """The attributes that the body assigns, of whatever."""
        return attributes(self.body)[0]


@dataclass(unsafe_hash=True, slots=True)
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
    if len(values) == 1 and not values[0][0] & ~releases:  # nearly always
        return values
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
    if len(first) == len(second) == 1 and first[0][0] == second[0][0] != 0:  # nearly always
        return ((first[0][0], joined(first[0][1], second[0][1])),)
    left, right = bound(first), bound(second)
    found = [*within(first, ~right), *within(second, ~left)]
    unknown = left & right
    for mask, value in within(first, right):
        for other_mask, other in second:
            if (both := mask & other_mask) and (either := joined(value, other)) is not None:
                found.append((both, either))
                unknown &= ~both
    if unknown:
        found.append((unknown, None))
    return gathered(found)


def joined(one: Value, other: Value) -> Value:
    """What stands for both: the value that they are, or an object of the class that they share, which may be None too.

    Of classes and functions it is one of the two. None where they have nothing in common.
    """
    if one is other or one == other:
        return one
    if (either := _callables(one)) and (or_other := _callables(other)):
        several = tuple(dict.fromkeys(each for each in (*either, *or_other) if each != NOTHING))
        return OneOf(several) if any(map(_is_of_interest, several)) and len(several) <= _SEVERAL else None
    if isinstance(one, Instance) and isinstance(other, Instance):
        if one.of != other.of:
            return None
        is_exact = one.is_exact and other.is_exact
        return Instance(one.of, is_exact, _joined(one.held, other.held), one.unless | other.unless)
    if isinstance(other, Instance):
        one, other = other, one
    return one if isinstance(one, Instance) and other == NOTHING else None


def _callables(value: Value) -> tuple[Value, ...]:
    """The classes and functions that it may be, of which None is one that is never called."""
    several = value.values if isinstance(value, OneOf) else (value,)
    return several if all(is_callable(one) or one == NOTHING for one in several) else ()


def is_callable(value: Value) -> bool:
    """Whether it is a class or function of torch, of the code or of another package."""
    is_attribute = isinstance(value, Name) and value.is_bound
    return isinstance(value, (Name, LocalClass, LocalFunction)) and not is_attribute


def _is_of_interest(value: Value) -> bool:
    return not isinstance(value, Name) or value.is_torch


def _joined(one: Held | None, other: Held | None) -> Held | None:
    if one is None or other is None or one == other:
        return one if one == other else None
    keys = [key for key, _ in one.items]
    items: tuple[tuple[int | str, Values], ...] = ()
    if keys == [key for key, _ in other.items]:
        items = tuple((key, merged(mine, yours)) for (key, mine), (_, yours) in zip(one.items, other.items))
    return Held(merged(one.any, other.any), items)


def doubted(values: Values, doubts: frozenset[Doubt]) -> Values:
    """The same, where the doubts are unfounded."""
    if not doubts:
        return values
    return tuple((mask, _doubted(value, doubts)) for mask, value in values)


def _doubted(value: Value, doubts: frozenset[Doubt]) -> Value:
    if isinstance(value, Name):
        return Name(value.dotted, value.is_bound, value.unless | doubts)
    if isinstance(value, Instance):
        return Instance(value.of, value.is_exact, value.held, value.unless | doubts)
    return value


def gathered(values: Sequence[tuple[int, Value]]) -> Values:
    """The same, with each value once."""
    if len(values) == 1:
        return tuple(values)
    found: list[list] = []
    for mask, value in values:
        for one in found:
            if one[1] is value or (value is not None and one[1] == value):
                one[0] |= mask
                break
        else:
            found.append([mask, value])
    return tuple((mask, value) for mask, value in found)
