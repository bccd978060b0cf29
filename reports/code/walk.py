"""The walk through all files of some code, in the order in which importing them would run them.

Nothing is run or imported. Where paths join, a name is known only if they agree; conditions about torch's version
(see guards) are kept apart by release. Functions are walked after what is around them, with the names as they are then.
"""

from __future__ import annotations

import ast
import tokenize
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from reports.code.catalog import Catalog, Use
from reports.code.meanings import Meanings
from reports.code.notes import Notes
from reports.code.project import Project
from reports.code.state import State
from reports.code.statements import Statements
from reports.code.syntax import collecting, names_bound, parameters, word
from reports.code.values import Deferred, Instance, Module, Scope


class Walk:
    """Reads files and collects what they use: `unread` has a line for each that could not be read."""

    def __init__(self, known: Catalog, paths: Iterable[Path]) -> None:
        self.project = Project(known, paths, self._ready)
        self.meanings = Meanings(self.project)
        self.notes = Notes(known)
        self.files = 0
        self.unread: list[str] = []

    def uses(self) -> Iterator[tuple[Use, bool]]:
        """Every use, with whether it is certain."""
        for module in self.project.modules:
            self._ready(module)
            while module.deferred:
                with self._reading(module):
                    _walk_function(module.deferred.pop(0), self.meanings, self.notes)
        yield from self.notes.uses()

    def _ready(self, module: Module) -> None:
        """Walk the module's own statements, unless that has been begun already."""
        if module.is_begun:
            return
        module.is_begun = True
        try:
            with tokenize.open(module.path) as file:
                text = file.read()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what the compiler has to say about the code is not ours to tell
                tree = ast.parse(text)
        except (SyntaxError, ValueError, OSError, RecursionError, MemoryError) as error:
            reason = getattr(error, "msg", None) or str(error) or type(error).__name__
            self.unread.append(f"{module.path}: {reason}")
            return
        self.files += 1
        module.reaches_out = "global " in text or "nonlocal " in text
        with self._reading(module):
            _walk_module(module, tree, self.meanings, self.notes)

    @contextmanager
    def _reading(self, module: Module) -> Iterator[None]:
        """Code that is nested too deeply to be walked is told, and the rest goes on."""
        try:
            yield
        except RecursionError:
            self.unread.append(f"{module.path}: nested too deeply, in part")


def _walk_module(module: Module, tree: ast.Module, meanings: Meanings, notes: Notes) -> None:
    """Walk the statements of a module; functions are left for later."""
    everywhere = meanings.known.all
    state = State(module, module.scope, everywhere, everywhere)
    Statements(meanings, notes, state).walk(tree.body)
    if module.reaches_out:
        for node in ast.walk(tree):
            if isinstance(node, ast.Global):
                for name in node.names:
                    state.forget(name)


def _walk_function(one: Deferred, meanings: Meanings, notes: Notes) -> None:
    """Walk a function's body."""
    function, module = one.function, one.function.scope.module
    wanted = parameters(function.node.args)
    outer, shared = _outer(one.body) if module.reaches_out else (set(), set())
    local = frozenset({*names_bound(one.body), *(each.arg for each in wanted)} - outer)
    scope = Scope("function", module, function.scope, local, frozenset(shared))
    state = State(module, scope, meanings.known.all, one.releases, one.doubt, function.of, function)
    for each in wanted:
        state.bind(each.arg, meanings.annotated(each.annotation, function.scope))
    for each in collecting(function.node.args):
        state.forget(each.arg)
    if function.of and wanted:
        decorators = {word(decorator) for decorator in function.node.decorator_list}
        if "classmethod" in decorators:
            state.bind(wanted[0].arg, ((state.everywhere, function.of),))
        elif "staticmethod" not in decorators:
            state.bind(wanted[0].arg, ((state.everywhere, Instance(function.of, is_exact=False)),))
    statements = Statements(meanings, notes, state)
    statements.walk(one.body)
    if function.of and function.node.name == "__init__":
        function.of.releases &= statements.returning | state.releases | ~one.releases


def _outer(body: list[ast.stmt]) -> tuple[set[str], set[str]]:
    """The names from outside that a function assigns to, and those of its own that inner functions assign to."""
    own: set[str] = set()
    inner: set[str] = set()
    for one in (each for statement in body for each in ast.walk(statement)):
        if isinstance(one, (ast.Global, ast.Nonlocal)):
            (own if one in body else inner).update(one.names)
    return own, inner
