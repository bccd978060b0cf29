"""Writes to torch's settings, in all the ways in which code writes them: each is a use of the setting.

What an older or a newer release does with a name that it does not have depends on where it is written: modules of
settings (`torch._dynamo.config`) and objects of some raise, other modules of `torch.backends` keep a name that nobody
reads.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from torchproof.reports.code.sightings import Sightings
from torchproof.reports.code.syntax import word
from torchproof.reports.code.values import Constant, Name, Scope, Value

# Functions of torch that take settings of the compiler by their names, and the parameter that they are given for.
_OF_COMPILER = "torch._inductor.config"
_TAKE_OPTIONS = {
    "torch.compile": "options",
    "torch._inductor.compile": "options",
    "torch._inductor.aot_compile": "options",
    "torch._inductor.aoti_compile_and_package": "inductor_configs",
}

REPLACE = {"multiple", "object", "patch", "setattr"}  # functions that set attributes of what they are given


class Settings:
    """Notes the writes to settings of one module."""

    def __init__(self, sightings: Sightings) -> None:
        self.sightings = sightings
        self.known = sightings.known
        self.meanings = sightings.meanings

    @property
    def _scope(self) -> Scope:
        return self.sightings.state.scope

    def written(self, owner: Name, name: str, node: ast.expr) -> bool:
        """Note that an attribute of something of torch is set; False where that is none for settings."""
        if not self.known.holds_settings(owner.dotted):
            return False
        everywhere = self.known.all
        self.sightings.note(((everywhere, Name(f"{owner.dotted}.{name}", unless=owner.unless)),), "written", node)
        return True

    def called(self, node: ast.Call) -> None:
        """Note what `config.patch(…)`, `torch.compile(…, options=…)` and the like set."""
        if isinstance(node.func, ast.Attribute) and node.func.attr == "patch":
            for _, owner in self.meanings.resolve(node.func.value, self._scope):
                if isinstance(owner, Name) and owner.is_torch:
                    for name in self._patched(node):
                        self.written(owner, name, node)
        options = [one for one in node.keywords if one.arg in _TAKE_OPTIONS.values()]
        if options and self._is_for_inductor(node):
            for _, function in self.meanings.resolve(node.func, self._scope):
                if isinstance(function, Name) and _TAKE_OPTIONS.get(function.dotted) == options[0].arg:
                    for name in self._keys(options[0].value):
                        self.written(Name(_OF_COMPILER), name.replace("-", "_"), node)

    def _patched(self, node: ast.Call) -> Iterator[str]:
        """`patch(name=value)`, `patch("name", value)`, `patch({"name": value})`"""
        yield from (keyword.arg for keyword in node.keywords if keyword.arg)
        if node.args and isinstance(node.args[0], ast.Constant):
            yield str(node.args[0].value)
        elif node.args:
            yield from self._keys(node.args[0])

    def _keys(self, node: ast.expr) -> Iterator[str]:
        """The keys of a dict that the code writes."""
        yield from (
            one.arg for one in self.meanings.tables.keywords(node, self._scope, self.meanings.known.all) if one.arg
        )

    @staticmethod
    def _is_for_inductor(node: ast.Call) -> bool:
        backend = next((one.value for one in node.keywords if one.arg == "backend"), None)
        return backend is None or (isinstance(backend, ast.Constant) and backend.value == "inductor")


def replaced(node: ast.Call, first: Value) -> tuple[Name, list[str]] | None:
    """What `setattr(owner, "name", …)` sets, and a test's `monkeypatch.setattr`, `mock.patch` and its kin: names of it.

    `first` is what the first argument stands for: the owner, or a text with both: `mock.patch("torch.load")`.
    """
    of = word(node.func.value) if isinstance(node.func, ast.Attribute) else None
    how = f"{of}.{word(node.func)}" if of == "patch" else word(node.func)
    text = str(first.value) if isinstance(first, Constant) else ""
    owner = first if isinstance(first, Name) else Name(text)
    if how == "patch.multiple":
        return owner, [one.arg for one in node.keywords if one.arg]
    if how in ("patch", "setattr") and text:
        module, _, name = text.rpartition(".")
        return Name(module), [name]
    if how in ("patch.object", "setattr") and len(node.args) > 1 and isinstance(node.args[1], ast.Constant):
        return owner, [str(node.args[1].value)]
    return None
