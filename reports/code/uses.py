"""What of torch a file or a folder of Python code uses, and whether a release has it: by reading, without running.

A use is *certain* where the code itself shows what the name stands for: an import, an alias, an instance made by a
class of torch, an annotated parameter, a method of a base class. It counts for those releases in which the code lets
it run. Methods on values whose type is not shown are only *possible*, and so is what stands under a condition that
is about torch's version but not understood.

Files are walked in the order in which importing them would run them. Where paths join, a name is known only if they
agree; conditions about torch's version (see guards) are kept apart by release. Functions are walked after what is
around them, with the names as they are then.
"""

from __future__ import annotations

import ast
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from torchproof.inventory import Inventory
from torchproof.inventory import inventory as the_inventory
from torchproof.reports.code.callers import is_own
from torchproof.reports.code.catalog import Catalog, Use, catalog
from torchproof.reports.code.comparisons import Comparison
from torchproof.reports.code.cpp import extensions, headers
from torchproof.reports.code.depths import with_room
from torchproof.reports.code.expressions import Expressions
from torchproof.reports.code.files import Code
from torchproof.reports.code.guards import Guards
from torchproof.reports.code.notebooks import cell_of
from torchproof.reports.code.notes import Notes
from torchproof.reports.code.nowhere import is_mistaken
from torchproof.reports.code.project import Project, read
from torchproof.reports.code.reading import Unreadable
from torchproof.reports.code.sightings import Sightings
from torchproof.reports.code.state import State
from torchproof.reports.code.statements import Statements
from torchproof.reports.code.syntax import defaults_by_name, globals_in, names_bound, outer_names, parameters, word
from torchproof.reports.code.values import (  # fmt: skip
    CONSTRUCTORS,
    NOTHING,
    Deferred,
    Instance,
    LocalFunction,
    Module,
    Scope,
    Values,
    merged,
    within,
)

_MANY = 500  # files, of which those that have nothing to do with torch are not looked into
_DEEPEST = 30  # functions that are walked for what calls of them give


@dataclass
class Uses:
    """What was found in the files of some code."""

    code: Code
    certain: list[Use] = field(default_factory=list)
    private: list[Use] = field(default_factory=list)
    possible: list[Use] = field(default_factory=list)
    nowhere: list[Use] = field(default_factory=list)  # certain uses of what no release has
    comparisons: list[Comparison] = field(default_factory=list)  # of versions, that go wrong in some release
    texts: dict[str, str] = field(default_factory=dict)  # of the files that were read
    trees: dict[str, ast.Module] = field(default_factory=dict)  # and their statements


def uses(of: Code | Path, inventory: Inventory | None = None) -> Uses:
    """What of torch some Python code uses."""
    known = catalog(inventory or the_inventory())
    found = Uses(of if isinstance(of, Code) else Code.at(of))
    with _no_collector():
        with_room(partial(_collect, found, known))
    return found


def _collect(found: Uses, known: Catalog) -> None:
    walk = Walk(known, found.code)
    for seen, is_certain in walk.uses():
        use = _meant(known, seen)
        if is_certain and not use.is_one_of and is_mistaken(known, use):
            found.nowhere.append(use)
            continue
        kind = found.possible if not is_certain else found.private if use.is_private else found.certain
        kind.append(use)
    found.texts = {module.shown: module.text for module in walk.project.modules}
    found.trees = {module.shown: module.tree for module in walk.project.modules if module.tree and not module.cells}
    for use, kind in _of_extensions(found, walk):
        kind.append(use)
    for kind in (found.certain, found.private, found.possible, found.nowhere):
        kind.sort(key=_order)
    found.comparisons = walk.guards.comparisons.wrong()


def _meant(known: Catalog, use: Use) -> Use:
    """The use of a public class, or of what it has, where a private name is another one of it in every release."""
    for name in (use.name, use.name.rpartition(".")[0]) if use.is_private else ():
        classes = {one.name if one and one.kind == "class" else None for one in known.entries(name)}
        if len(classes) == 1 and (public := classes.pop()):
            return replace(use, name=public + use.name.removeprefix(name))
    return use


def _of_extensions(found: Uses, walk: Walk) -> Iterator[tuple[Use, list[Use]]]:
    """What the code's extensions need of torch's headers, with where it belongs."""

    def when(*place: str | int) -> tuple[frozenset[str], bool]:
        releases, doubt = walk.notes.flags.get(place, (walk.known.all, True))  # type: ignore[call-overload]
        return walk.known.names(releases), doubt

    places = {module.shown: module.place for module in walk.project.modules}
    for need in extensions.needs(found.code, found.texts, when):
        place = places[need.file](need.line) if need.file in places else (need.file, need.line)
        use = Use(need.name, *place, need.how, need.releases)
        if not headers.is_nowhere(need.how, need.name):
            yield use, found.possible if need.doubt else found.certain
        elif not need.doubt:
            yield use, found.nowhere


def _order(use: Use) -> tuple[str, int, int, str]:
    """Files by their names, the cells of a notebook by their numbers, lines."""
    return *cell_of(use.file), use.line, use.name


@contextmanager
def _no_collector() -> Iterator[None]:
    """Syntax trees are no garbage, and looking for some in them takes longer than the rest: never, then."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


class Walk:
    """Reads the files of some code and collects what they use; the code is told how far that has come."""

    def __init__(self, known: Catalog, code: Code) -> None:
        self.known = known
        self.code = code
        self.project = Project(code.files)
        self.guards = Guards(known, self.project)
        self.notes = Notes(known)
        self._early: dict[LocalFunction, Values] = {}
        self._depth = 0
        self._unnoted: Notes | None = None  # what is walked early, and is walked again, is noted here
        self.guards.meanings.infer = self._returned

    def uses(self) -> Iterator[tuple[Use, bool]]:
        """Every use, with whether it is certain."""
        for module in self.project.modules:
            module.pending = partial(self._read, module)
        modules = self.project.modules
        of_torch = self.project.related() if len(modules) > _MANY else modules
        for module in of_torch:
            module.ready()
            self._walk_functions(module)
        for module in of_torch:  # what others led to; of modules that they only import, calls lead to functions
            self._walk_functions(module)
        self.code.unrelated = sum(module.pending is not None for module in modules)
        for one in self.notes.callers.ready():
            module = one.function.scope.module
            with self._reading(module):
                self._walk_function(one)
            self._walk_functions(module)
        yield from self.notes.uses(modules)

    def _walk_functions(self, module: Module) -> None:
        """Walk the functions of a module that were met so far, those aside whose callers tell more of them."""
        while module.deferred:
            one = module.deferred.pop(0)
            if is_own(one.function):
                self.notes.callers.wait(one)
                continue
            with self._reading(module):
                self._walk_function(one)

    def _read(self, module: Module) -> None:
        """Read a file and walk its own statements; functions are left for later."""
        try:
            tree, unread = read(module)
            module.tree = tree
        except Unreadable as error:
            self.code.not_read += 1
            self.code.unread.append(f"{module.shown}: {error}")
            return
        self.code.read += 1
        self.code.unread += [f"{module.shown}: {line}" for line in unread]
        state = State(module, module.scope, self.known.all, self.known.all, body=tree.body)
        with self._reading(module), self._noting(None, 0):
            self._statements(state).walk(tree.body)
            for name in globals_in(tree) if module.reaches_out else ():
                state.forget(name)

    def _statements(self, state: State) -> Statements:
        """What walks statements in a state."""
        sightings = Sightings(self._unnoted or self.notes, state, self.guards.meanings)
        return Statements(Expressions(self.guards, sightings))

    @contextmanager
    def _noting(self, unnoted: Notes | None, depth: int) -> Iterator[None]:
        """Walk something as what it is walked for is not: for good, though that is walked early, or the other way."""
        before, self._unnoted, self._depth = (self._unnoted, self._depth), unnoted, depth
        try:
            yield
        finally:
            self._unnoted, self._depth = before

    @contextmanager
    def _reading(self, module: Module) -> Iterator[None]:
        """Code that is nested too deeply to be walked is told, and the rest goes on."""
        try:
            yield
        except RecursionError:
            line = f"{module.shown}: nested too deeply, in part"
            if line not in self.code.unread[-1:]:
                self.code.unread.append(line)

    def _returned(self, function: LocalFunction) -> Values:
        """What calls of a function give: it is walked before its turn where it was not yet.

        While the statements of its module run, what it does is not noted, for later it may find more names; nor of a
        function whose callers are not all known yet, and of none that such a walk leads to.
        """
        one, module = function.waiting, function.scope.module
        if one is None or function in self._early or self._depth >= _DEEPEST:
            return function.gives or self._early.get(function, ())
        if module.is_walked and not is_own(function) and not self._unnoted:
            with self._noting(None, self._depth + 1):
                self._walk_function(one)
        else:
            self._walk_early(one)
        return function.gives or self._early.get(function, ())

    def _walk_early(self, one: Deferred) -> None:
        """Walk a function to see what it gives, and note nothing of it."""
        function, module = one.function, one.function.scope.module
        self._early[function] = ()
        later = len(module.deferred)
        try:
            with self._noting(Notes(self.known), self._depth + 1):
                self._walk_function(one)
            self._early[function] = function.gives
        finally:
            function.gives, function.waiting = (), one
            module.deferred[later:] = [each for each in module.deferred[later:] if each.function.inside is not function]

    def _walk_function(self, one: Deferred) -> None:
        """Walk a function's body, once."""
        function, module = one.function, one.function.scope.module
        if function.waiting is None:
            return
        function.waiting = None
        wanted, rest = parameters(function.node.args)
        outer, shared = outer_names(one.body) if module.reaches_out else (set(), set())
        local = frozenset({*names_bound(one.body), *(each.arg for each in wanted)} - outer)
        scope = Scope("function", module, function.scope, local, frozenset(shared))
        state = State(module, scope, self.known.all, one.releases, one.doubt, function.of, function, body=one.body)
        by_default = defaults_by_name(function.node.args)
        by_calls = {} if self._unnoted else self.notes.callers.given(function, self.project.modules)
        for each in wanted:
            values = self.guards.meanings.parameter(each, by_default.get(each.arg), function.scope)
            state.bind(each.arg, by_calls.get(each.arg, values) if values == state.unknown else values)
        for each in rest:
            state.forget(each.arg)
        if function.of and wanted:
            decorators = {word(decorator) for decorator in function.node.decorator_list}
            if "classmethod" in decorators:
                state.bind(wanted[0].arg, ((state.everywhere, function.of),))
            elif "staticmethod" not in decorators:
                state.bind(wanted[0].arg, ((state.everywhere, Instance(function.of, is_exact=False)),))
        statements = self._statements(state)
        statements.walk(one.body)
        if function.of and function.node.name in CONSTRUCTORS:
            function.of.releases &= statements.returning | state.releases | ~one.releases
            function.of.refused |= statements.refused
        if not state.is_generator:
            self._gives(function, [one for one in (*statements.returned, _nothing(state)) if one])

    def _gives(self, function: LocalFunction, returned: list[Values]) -> None:
        """Remember what a function gives: as it is written, or what all that it returns have in common."""
        objects = self.guards.meanings.objects
        function.gives = _any_of(returned if len(returned) == 1 else [objects(one) for one in returned])


def _nothing(state: State) -> Values:
    """What a function gives that comes to its end."""
    return within(((state.everywhere, NOTHING),), state.releases)


def _any_of(returned: list[Values]) -> Values:
    """What a function gives, by all that it returns; what gives nothing may be there to be replaced."""
    if not returned:
        return ()
    first, *others = returned
    for one in others:
        first = merged(first, one)
    return first if any(value not in (None, NOTHING) for _, value in first) else ()
