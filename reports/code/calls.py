"""What calls give in conditions of user code: of helpers of the code itself, of built-ins and of known libraries."""

from __future__ import annotations

import ast
import operator
from functools import partial
from typing import TYPE_CHECKING

from packaging.version import Version

from reports.code import versions
from reports.code.values import Constant, LocalFunction, Name, Scope
from reports.code.versions import Reference, Unknown, speaks_of_version, truth

if TYPE_CHECKING:
    from reports.code.evaluate import Evaluator

_OF_TEXT = {"split", "rsplit", "strip", "rstrip", "lstrip", "startswith", "endswith", "replace", "partition", "join",
            "find", "index", "removesuffix", "removeprefix", "isdigit", "isnumeric", "lower"}  # fmt: skip


class Calls:
    """Answers for calls what an evaluator is asked."""

    def __init__(self, evaluator: Evaluator) -> None:
        self.evaluator = evaluator
        self.meanings = evaluator.meanings
        self.known = evaluator.known

    def value(self, node: ast.Call, scope: Scope) -> object:
        """What the call gives. Raises Unknown."""
        word = node.func.id if isinstance(node.func, ast.Name) else None
        if word in ("hasattr", "getattr") and not self.meanings.resolve(node.func, scope):
            return self._hasattr(node, scope)
        if isinstance(node.func, ast.Attribute) and node.func.attr in _OF_TEXT:
            try:
                text = self.evaluator.value(node.func.value, scope)
            except Unknown:
                text = None
            if isinstance(text, str):
                return getattr(str(text), node.func.attr)(*(self._plain(one, scope) for one in node.args))
        called = self.evaluator.value(node.func, scope)
        if isinstance(called, LocalFunction):
            return self._inlined(called, node, scope)
        if isinstance(called, Reference):
            return self._library(called.dotted, node, scope)
        raise Unknown

    def _plain(self, node: ast.expr, scope: Scope) -> object:
        value = self.evaluator.value(node, scope)
        return str(value) if isinstance(value, str) else value

    def _hasattr(self, node: ast.Call, scope: Scope) -> object:
        """`hasattr(torch, "x")`, and `getattr(torch, "x", None)` as far as its truth goes."""
        owners = self.meanings.resolve(node.args[0], scope)
        word = self.evaluator.value(node.args[1], scope)
        name = self.meanings.member(owners, str(word))
        for mask, value in name:
            if mask >> self.evaluator.question.place & 1 and isinstance(value, Name) and value.is_torch:
                has = self.evaluator.has(value.dotted)
                if node.func.id == "hasattr":  # type: ignore[attr-defined]
                    return has
                if has or len(node.args) < 3:
                    return self.evaluator.named(value.dotted)
                return self.evaluator.value(node.args[2], scope)
        raise Unknown

    def _library(self, dotted: str, node: ast.Call, scope: Scope) -> object:
        """A call of something that is not in this code."""
        home, _, word = dotted.rpartition(".")
        root = dotted.split(".")[0]
        if dotted == "inspect.signature":
            return self._signature(node, scope)
        try:
            given = [self.evaluator.value(one, scope) for one in node.args]
            if root in ("inspect", "dataclasses") or dotted in ("builtins.dir", "builtins.vars"):
                self.evaluator.question.of_version = any(
                    isinstance(one, Reference) and one.dotted.startswith("torch.") for one in given
                )
        except Unknown:
            if speaks_of_version(word):
                self.evaluator.question.of_version = True
            raise
        if root == "builtins":
            return versions.builtin(word, given)
        if versions.makes_version(dotted):
            return Version(str(given[0]))
        if root in ("importlib", "importlib_metadata", "pkg_resources"):
            return self._metadata(word, given)
        if home in ("operator", "_operator") and word in ("eq", "ne", "lt", "le", "gt", "ge"):
            return getattr(operator, word)(*given)
        return self._compared(word, given)

    def _metadata(self, word: str, given: list) -> object:
        if word in ("version", "get_distribution") and given == ["torch"]:
            return self.evaluator.torch_version() if word == "version" else Reference("torch")
        if word == "find_spec" and str(given[0]).startswith("torch."):
            return Reference(given[0]) if self.evaluator.has(given[0]) else None
        raise Unknown

    def _compared(self, word: str, given: list) -> object:
        """A helper of elsewhere, which is believed to compare what it is given with torch's version."""
        if holds := versions.comparison(word, given):
            return holds(str(self.evaluator.torch_version()))
        if "torch" in word and versions.numbers(given):
            self.evaluator.question.of_version = True
        raise Unknown

    def _signature(self, node: ast.Call, scope: Scope) -> object:
        """`inspect.signature(torch.f)`: its parameters by name, of which `.parameters` gives the same."""
        self.evaluator.question.of_version = True
        for mask, value in self.meanings.resolve(node.args[0], scope):
            if mask >> self.evaluator.question.place & 1 and isinstance(value, Name):
                entry = self.known.entries(value.dotted)[self.evaluator.question.place]
                signatures = entry.signatures if entry else ()
                if len(signatures) == 1 and not signatures[0].source:
                    self.evaluator.question.depends = True
                    return dict.fromkeys(one.name for one in signatures[0].parameters)
        raise Unknown

    def _inlined(self, function: LocalFunction, node: ast.Call, scope: Scope) -> object:
        """A call of a helper of the code itself: its statements with these arguments."""
        named = {one.arg: self.evaluator.value(one.value, scope) for one in node.keywords if one.arg}
        wanted = function.node.args
        names = [one.arg for one in (*wanted.posonlyargs, *wanted.args)]
        given: dict[str, object] = {}
        defaults = dict(zip(reversed(names), reversed(wanted.defaults)))
        defaults.update({one.arg: default for one, default in zip(wanted.kwonlyargs, wanted.kw_defaults) if default})
        for name, default in defaults.items():
            given[name] = partial(self.evaluator.value, default, function.scope)
        for name, one in zip(names, node.args):
            given[name] = self.evaluator.value(one, scope)
        if wanted.vararg:
            given[wanted.vararg.arg] = tuple(self.evaluator.value(one, scope) for one in node.args[len(names) :])
        given.update(named)
        given = {name: one() if isinstance(one, partial) else one for name, one in given.items()}
        try:
            answer = self._returned(function.node.body, self.evaluator.inner(function.scope, given))
        except Unknown:
            if speaks_of_version(function.node.name):
                self.evaluator.question.of_version = True
            raise
        return answer[0] if answer else None

    def _returned(self, body: list[ast.stmt], scope: Scope) -> list:
        """What statements return, in a list; an empty one where they come to their end."""
        for place, node in enumerate(body):
            if isinstance(node, ast.Return):
                return [self.evaluator.value(node.value, scope) if node.value else None]
            if isinstance(node, ast.If):
                after = body[place + 1 :]
                try:
                    chosen = node.body if truth(self.evaluator.value(node.test, scope)) else node.orelse
                except Unknown:
                    answers = [self._returned([*path, *after], scope) for path in (node.body, node.orelse)]
                    if answers[0] != answers[1]:
                        raise
                    return answers[0]
                return self._returned([*chosen, *after], scope)
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                scope.names.update(self.meanings.project.imports(node, scope.module))
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and len(node.targets) == 1:
                value = self.evaluator.value(node.value, scope)
                scope.names[node.targets[0].id] = ((self.known.all, Constant(value)),)
            elif isinstance(node, ast.Try) and not node.finalbody:
                if answer := self._returned(node.body, scope):
                    return answer
            elif not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
                raise Unknown
        return []
