"""Uses of torch as the walk comes upon them: what an expression stands for, where, and how it is called."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from torchproof.reports.code.catalog import Use
from torchproof.reports.code.notes import Found, Notes
from torchproof.reports.code.state import State
from torchproof.reports.code.values import LocalClass, LocalFunction, Name, Value, Values

Passed = tuple[tuple[str, ...], int, str]  # what a call passes, as a use has it
_NOTHING: Passed = ((), 0, "")


class Sightings:
    """Notes the uses of one module, in the state in which the walk comes upon them."""

    def __init__(self, notes: Notes, state: State) -> None:
        self.known = notes.known
        self.notes = notes
        self.state = state

    def note(self, values: Values, how: str, node: ast.expr, args: Sequence[ast.expr] = ()) -> bool:
        """Note the uses that the values of an expression are, a call's with its `args`; False where none is."""
        found = False
        for mask, value in values:
            if isinstance(value, Name) and value.is_torch:
                found = True
                if value.dotted != "torch":
                    self._use(value, mask, how, node, args)
            elif isinstance(value, (LocalClass, LocalFunction)):
                self._speaks_of(value, mask)
        return found

    def imported(self, value: Value, node: ast.stmt) -> None:
        """Note what an import statement gives."""
        if isinstance(value, Name) and value.is_torch and value.dotted != "torch":
            self._use(value, self.known.all, "imported", node)

    def refused(self, releases: int, node: ast.stmt) -> None:
        """A module that raises when it is imported says itself which releases it wants."""
        state = self.state
        is_some = releases not in (0, self.known.all)
        if is_some and state.scope.kind == "module" and not (state.doubt or state.caught or state.is_typing):
            self._add(Name("torch.__version__"), releases, "refused", node)

    def possible(self, node: ast.Call, method: str) -> None:
        """Note a method of something that is not known, where a class of torch has it and releases differ."""
        state = self.state
        for name in self.known.telling.get(method, ()):
            use = Use(name, str(state.module.path), node.lineno, "called", frozenset(), *_passed(node, node.args))
            if state.releases and not state.is_typing:
                self.notes.found.append(Found(use, False, state.releases, state.inside))

    def _speaks_of(self, value: LocalClass | LocalFunction, mask: int) -> None:
        """A private function or class of the code is used here; a decorator might use it elsewhere."""
        name = value.name if isinstance(value, LocalClass) else value.node.name
        is_decorated = isinstance(value, LocalFunction) and bool(value.node.decorator_list)
        if name.startswith("_") and not name.startswith("__") and not is_decorated:
            self.notes.mentions.setdefault(value, []).append((mask & self.state.releases, self.state.inside))

    def _use(self, value: Name, mask: int, how: str, node: ast.expr | ast.stmt, args: Sequence[ast.expr] = ()) -> None:
        name = self._said(value.dotted)
        passed = _NOTHING
        if name != value.dotted and not (how == "called" and value.dotted == f"{name}.__init__"):
            how = "mentioned" if how == "called" else how
        elif isinstance(node, ast.Call):
            is_unbound = not value.is_bound and (
                value.dotted.endswith(".__init__") or self.known.kind(name) in ("method", "property")
            )
            passed = _passed(node, args, is_unbound)
        self._add(Name(name, value.is_bound, value.through), mask & self.state.releases, how, node, passed)

    def _said(self, dotted: str) -> str:
        """The part of a dotted name that is torch's: of what is unknown, only a part below a module or a class."""
        known = self.known.known_part(dotted)
        if known == dotted or self.known.kind(known) != "module":
            return known
        return known + "." + dotted[len(known) + 1 :].split(".")[0]

    def _add(self, value: Name, mask: int, how: str, node: ast.expr | ast.stmt, passed: Passed = _NOTHING) -> None:
        state = self.state
        if state.is_typing or not mask:
            return
        at_import = state.scope.kind != "function"
        use = Use(value.dotted, str(state.module.path), node.lineno, how, frozenset(), *passed, at_import)
        if state.caught and how != "refused":
            mask = self._surviving(use, mask)
        self.notes.found.append(Found(use, not state.doubt, mask, state.inside, value.through))

    def _surviving(self, use: Use, mask: int) -> int:
        """The releases in which a use inside `try` does not fail; what comes after it in the body runs only there."""
        having = self.known.having(use.name)
        if not having:  # no release tells
            self.state.failing = self.known.all
            return mask
        surviving = mask
        if ("import" if use.how == "imported" else "attribute") in self.state.caught:
            surviving &= having
        if "arguments" in self.state.caught:
            surviving &= self.known.working(use) | ~having
        self.state.failing |= mask & ~surviving
        self.state.releases &= ~(mask & ~surviving)
        return surviving


def _passed(node: ast.Call, args: Sequence[ast.expr], is_unbound: bool = False) -> Passed:
    """What a call passes: self is not counted where the function is reached through its class."""
    stars = ["*"] * any(isinstance(one, ast.Starred) for one in args)
    stars += ["**"] * any(keyword.arg is None for keyword in node.keywords)
    positional = max(sum(not isinstance(one, ast.Starred) for one in args) - is_unbound, 0)
    return tuple(keyword.arg for keyword in node.keywords if keyword.arg), positional, " ".join(stars)
